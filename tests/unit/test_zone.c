/* SPDX-License-Identifier: MIT */
/* Time zones: beside what the C library says. */
#include "model/zone.h"

#include "places.h"

static void the_calendar_is_that_of_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -719162 - 400; day < 2932896 + 400; day += day % 97 ? 1 : 37) {
        time_t time = day * DAY_S;
        struct tm parts;
        gmtime_r(&time, &parts);
        struct civil date = civil_of_day(day);
        assert_true(date.year == parts.tm_year + 1900 && date.month == parts.tm_mon + 1 && date.day == parts.tm_mday);
        assert_int_equal(civil_day(date), day);
        assert_int_equal(civil_weekday(day), parts.tm_wday);
    }
}

static void check_offset(const struct place *place, int64_t unix_s)
{
    int64_t offset_s = zone_offset_s(&place->zone, unix_s), slow_s = slow_offset_s(unix_s);
    if (offset_s != slow_s)
        fail_msg("%s at %lld: %lld, not %lld", place->tz, (long long)unix_s, (long long)offset_s, (long long)slow_s);
}

static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    struct random random = random_begin("offsets");
    for (size_t i = 0; i < place_count; i++) {
        move_to(&places[i]);
        for (int j = 0; j < 60; j++)
            check_offset(&places[i], random_instant(&random, places[i].first_year, 2500));
        for (int j = 0; j < 20; j++)
            check_offset(&places[i], random_instant(&random, 2300, 9990));
        for (int64_t j = -1; j <= 1 && places[i].last_s > 366 * DAY_S; j++)
            check_offset(&places[i], places[i].last_s + j);
        int64_t at_s = random_instant(&random, places[i].first_year, 2100);
        for (int j = 0; j < 60; j++) {
            struct zone_span span = pawli_zone_span(&places[i].zone, at_s);
            if (span.until_s == INT64_MAX)
                break;
            check_offset(&places[i], span.until_s - 1);
            check_offset(&places[i], span.until_s);
            at_s = span.until_s;
        }
    }
}

/* One behind the other, through all that is known; and what was seen is what they have shown. */
static void check_spans(const struct zone *zone, struct random *random)
{
    struct zone_span span = pawli_zone_span(zone, INT64_MIN), next;
    int64_t seen_s = INT64_MIN;
    assert_true(span.from_s == INT64_MIN && span.seen_s == INT64_MIN);
    for (;; span = next) {
        assert_true(span.from_s < span.until_s);
        assert_int_equal(span.seen_s, seen_s);
        if (span.until_s == INT64_MAX)
            break;
        seen_s = greater(seen_s, span.until_s + span.offset_s);
        next = pawli_zone_span(zone, span.until_s);
        assert_int_equal(next.from_s, span.until_s);
        int64_t within = greater(span.from_s, ZONE_MIN_S), size = span.until_s - within;
        struct zone_span same = pawli_zone_span(zone, within + (int64_t)random_below(random, (uint64_t)size));
        assert_memory_equal(&same, &span, offsetof(struct zone_span, offset_s) + sizeof span.offset_s);
    }
    struct zone_span last = pawli_zone_span(zone, INT64_MAX);
    assert_int_equal(last.from_s, span.from_s);
}

static void spans_follow_each_other(void **state)
{
    (void)state;
    struct random random = random_begin("spans");
    for (size_t i = 0; i < place_count; i++)
        check_spans(&places[i].zone, &random);
    for (int i = 0; i < 20; i++) {
        struct zone zone = dense_zone(&random, random_below(&random, 1000), 1 + random_below(&random, 100000));
        check_spans(&zone, &random);
    }
}

/* RFC 9636, section 3.3.1, and what comes near it: the C library has another opinion around New Year. */
static void a_summer_may_last_for_ever(void **state)
{
    (void)state;
    struct random random = random_begin("summers");
    static const struct {
        const char *footer;
        int32_t offset_s;
    } rows[] = {
        {"XXX3EDT4,0/0,J365/23", -4 * 3600}, {"EST5EDT,0/0,J365/25", -4 * 3600}, {"EST5EDT,J1/0,J365/25", -4 * 3600},
        {"AAA0BBB,J10/0,J10/1", 0},          {"AAA0BBB-2,M3.1.0/0,M3.1.0/2", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[TZIF_SIZE_MAX];
        struct tzif made = {.version = '3', .footer = rows[i].footer};
        struct zone zone;
        assert_ok(parse(bytes, tzif_make(&made, bytes), &arena, &zone));
        for (int j = 0; j < 1000; j++)
            assert_int_equal(zone_offset_s(&zone, random_instant(&random, 2, 9999)), rows[i].offset_s);
        for (int64_t year = 1990; year < 2030; year++)
            for (int64_t at_s = -8; at_s <= 8; at_s++)
                assert_int_equal(zone_offset_s(&zone, civil_day((struct civil){year, 1, 1}) * DAY_S + at_s * 3600),
                                 rows[i].offset_s);
        check_spans(&zone, &random);
    }
}

static void utc_needs_no_file(void **state)
{
    (void)state;
    assert_int_equal(zone_offset_s(&pawli_zone_utc, 0), 0);
    struct zone_span span = pawli_zone_span(&pawli_zone_utc, 1790000000);
    assert_true(span.from_s == INT64_MIN && span.until_s == INT64_MAX && span.offset_s == 0);
}

static void names_lead_nowhere_else(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "A-b_1"};
    static const char *const bad[] = {"",
                                      "/etc/passwd",
                                      "../x",
                                      "Europe/../x",
                                      "Europe/",
                                      "Europe//Berlin",
                                      ".",
                                      "a.b",
                                      "Europe Berlin",
                                      "a\n",
                                      "a\\b",
                                      ":UTC",
                                      "Z\xC3\xBCrich",
                                      "a2345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_ok(pawli_zone_check_name("zone", text_of(good[i]), &err));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_status(pawli_zone_check_name("zone", text_of(bad[i]), &err), PAWL_EINVAL);
        assert_true(strstr(err.text, "zone \"") == err.text && *err.hint);
    }
    assert_status(pawli_zone_check_name("zone", (struct text){"UTC\0x", 5}, NULL), PAWL_EINVAL);
    assert_status(pawli_zone_check_name("zone", (struct text){0}, NULL), PAWL_EINVAL);
    assert_ok(pawli_zone_check_name("zone", (struct text){bad[13], ZONE_NAME_MAX}, &err));
}

static void a_file_that_breaks_a_rule_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* in a file of version 2 with two shifts: 54 bytes, then its header */
        char byte;
        const char *why;
    } rows[] = {
        {0, 'X', "does not begin"},
        {4, '1', "version"},
        {4, '5', "version"},
        {36, 9, "cut off"},
        {54, 'X', "cut off behind"},
        {54 + 4, '3', "cut off behind"},
        {54 + 20, 1, "cut off"}, /* the footer is an indicator, and the table too long by one */
        {54 + 31, 1, "leap seconds"},
        {54 + 32, 1, "cut off"},
        {54 + 39, 0, "types"},
        {54 + 43, 0, "types"},
        {98, 0x7F, "order"},
        {98 + 16, 3, "no type"},
        {98 + 18, 1, "types of time is none"},
        {98 + 18 + 4, 2, "types of time is none"},
        {98 + 18 + 5, 4, "types of time is none"},
        {98 + 40, ' ', "footer"},
        {98 + 41, '-', "footer"},
    };
    struct tzif zone = {'2', 0, 2, {{0, 3600}, {10000000, 0}}, "CET-1CEST,M3.5.0,M10.5.0/3"};
    uint8_t bytes[TZIF_SIZE_MAX];
    struct zone parsed;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t size = tzif_make(&zone, bytes);
        assert_ok(parse(bytes, size, &arena, &parsed));
        bytes[rows[i].at] = (uint8_t)rows[i].byte;
        assert_status(parse(bytes, size, &arena, &parsed), PAWL_EINVAL);
        if (!strstr(err.text, rows[i].why) || !*err.hint)
            fail_msg("row %zu: %s", i, err.text);
    }
    size_t size = tzif_make(&zone, bytes);
    for (size_t cut = 0; cut < size; cut++)
        assert_status(parse(bytes, cut, &arena, &parsed), PAWL_EINVAL);
    char *large = calloc(1, ZONE_SIZE_MAX + 1);
    assert_status(parse(large, ZONE_SIZE_MAX + 1, &arena, &parsed), PAWL_EINVAL);
    free(large);
    static const char *const footers[] = {"CET",
                                          "CE-1",
                                          "CET-25",
                                          "CET-1:60",
                                          "CET-1CEST",
                                          "CET-1CEST,M3.5.0",
                                          "CET-1CEST,M13.5.0,M10.5.0",
                                          "CET-1CEST,M3.6.0,M10.5.0",
                                          "CET-1CEST,M3.5.7,M1.5.0",
                                          "CET-1CEST,J0,J1",
                                          "CET-1CEST,J366,J1",
                                          "CET-1CEST,366,1",
                                          "CET-1CEST,1/168,2",
                                          "CET-1CEST,1,2,3",
                                          "<CET-1",
                                          "<C>1",
                                          "CET-1CEST-25,1,2",
                                          "CET-1 ",
                                          "CET99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(footers); i++) {
        zone.footer = footers[i];
        assert_status(parse(bytes, tzif_make(&zone, bytes), &arena, &parsed), PAWL_EINVAL);
    }
}

/* What is made here for want of files is what the files say. */
static void made_zones_are_those_of_the_machine(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct place *place;
        const char *from, *until;
    } rows[] = {
        {"/Europe/Berlin", &RULE_BERLIN, "1997-01-01 00:00", "2037-01-01 00:00"},
        {"/America/New_York", &RULE_NEW_YORK, "2008-01-01 00:00", "2037-01-01 00:00"},
        {"/Australia/Lord_Howe", &RULE_LORD_HOWE, "2009-01-01 00:00", "2037-01-01 00:00"},
        {"/Asia/Beirut", &RULE_BEIRUT, "2000-01-01 00:00", "2021-01-01 00:00"},
        {"/Pacific/Apia", &MADE_APIA, "2011-10-01 00:00", "2012-03-01 00:00"},
        {"/America/Sao_Paulo", &MADE_SAO_PAULO, "2017-06-01 00:00", "2024-01-01 00:00"},
    };
    size_t found = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t j = 0; j < place_count; j++) {
            size_t size = strlen(places[j].tz), name_size = strlen(rows[i].name);
            if (size < name_size || strcmp(places[j].tz + size - name_size, rows[i].name) != 0)
                continue;
            found++;
            for (int64_t at_s = seconds_of(rows[i].from); at_s < seconds_of(rows[i].until); at_s += 900)
                assert_int_equal(zone_offset_s(&places[j].zone, at_s), zone_offset_s(&rows[i].place->zone, at_s));
        }
    printf("# %zu of %zu are here\n", found, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(spans_follow_each_other),
        cmocka_unit_test(a_summer_may_last_for_ever),
        cmocka_unit_test(utc_needs_no_file),
        cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test(a_file_that_breaks_a_rule_is_refused),
        cmocka_unit_test(made_zones_are_those_of_the_machine),
    };
    return cmocka_run_group_tests_name("zone", tests, gather_places, drop_places);
}
