/* SPDX-License-Identifier: MIT */
/* Cron specs in time zones: beside a slow second way that goes minute by minute and asks the C library what clocks show. */
#include "model/cron.h"

#include "places.h"

/* ---- specs ---- */

struct spec {
    char text[600];
    bool minutes[60], hours[24], days[32], months[13], weekdays[7];
    bool either_day, every_hour;
};

static const char months[][4] = {"Jan", "feb", "MAR", "apr", "may", "jun", "jul", "aug", "sEp", "oct", "nov", "dec"};
static const char weekdays[][4] = {"sun", "mon", "tue", "WED", "Thu", "fri", "sat"};

static void write_value(struct random *random, char *out, int value, const char (*names)[4], int first)
{
    if (names && value - first < (first ? 12 : 7) && random_percent(random, 40))
        sprintf(out + strlen(out), "%s", names[value - first]);
    else
        sprintf(out + strlen(out), random_percent(random, 10) ? "%02d" : "%d", value);
}

/* One field more, and which values it means; `week`: it is that of days of the week. */
static void add_field(struct random *random, struct spec *spec, bool *set, int min, int max, const char (*names)[4],
                      uint64_t stars)
{
    bool is_week = max == 7;
    char *out = spec->text;
    if (*out)
        strcat(out, random_percent(random, 90) ? " " : " \t ");
    for (uint64_t items = 1 + random_below(random, 3), i = 0; i < items; i++) {
        int from = min, to = is_week ? 6 : max, step = 1, span = max - min + !is_week;
        if (i > 0)
            strcat(out, ",");
        if (i == 0 && random_percent(random, stars)) {
            strcat(out, "*");
            if ((items = random_percent(random, 80)) && random_percent(random, 30))
                sprintf(out + strlen(out), "/%d", step = 1 + (int)random_below(random, (uint64_t)span));
        } else {
            from = to = min + (int)random_below(random, (uint64_t)(max - min + 1));
            bool is_last = is_week && from == 0 && random_percent(random, 30); /* Sunday as 7 */
            write_value(random, out, is_last ? 7 : from, names, min);
            if (random_percent(random, 50)) {
                to = from + (int)random_below(random, (uint64_t)(max - from + 1));
                to = is_last && to == 7 ? 0 : to;
                bool is_sunday = is_week && (to == 7 || is_last) && to % 7 == 0 && (from > 0 || is_last);
                strcat(out, "-");
                write_value(random, out, is_sunday && random_percent(random, 50) ? 7 - to : to, names, min);
                if (random_percent(random, 40))
                    sprintf(out + strlen(out), "/%d", step = 1 + (int)random_below(random, (uint64_t)span));
            }
        }
        for (int value = from; value <= to; value += step)
            set[is_week ? value % 7 : value] = true;
    }
}

static struct spec random_spec(struct random *random, uint64_t stars)
{
    struct spec spec = {0};
    char *day, *week;
    add_field(random, &spec, spec.minutes, 0, 59, NULL, 30);
    size_t hour = strlen(spec.text) + 1;
    add_field(random, &spec, spec.hours, 0, 23, NULL, 40);
    spec.every_hour = spec.text[hour + strspn(spec.text + hour, " \t")] == '*';
    day = spec.text + strlen(spec.text) + 1;
    add_field(random, &spec, spec.days, 1, 31, NULL, stars);
    add_field(random, &spec, spec.months, 1, 12, months, stars);
    week = spec.text + strlen(spec.text) + 1;
    add_field(random, &spec, spec.weekdays, 0, 7, weekdays, stars);
    spec.either_day = day[strspn(day, " \t")] != '*' && week[strspn(week, " \t")] != '*';
    return spec;
}

static bool takes_day(const struct spec *spec, const struct tm *parts)
{
    bool day = spec->days[parts->tm_mday], week = spec->weekdays[parts->tm_wday];
    return spec->months[parts->tm_mon + 1] && (spec->either_day ? day || week : day && week);
}

static bool takes_minute(const struct spec *spec, const struct tm *parts)
{
    return spec->minutes[parts->tm_min] && spec->hours[parts->tm_hour] && takes_day(spec, parts);
}

/* Some day of eight years: all dates, and enough days of the week unless it is February 29. */
static bool can_fire(const struct spec *spec)
{
    static const int sizes[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool found = spec->either_day;
    for (int month = 1; month <= 12; month++)
        for (int day = 1; day <= sizes[month]; day++)
            found |= spec->months[month] && spec->days[day];
    return found;
}

static int parse_spec(const char *text, size_t size, struct cron *ret_cron)
{
    char *copy = malloc(size + !size);
    memcpy(copy, text, size);
    err = (pawl_error){0};
    int status = pawli_cron_parse((struct text){copy, size}, ret_cron, &err);
    free(copy);
    return status;
}

/* One that can fire. */
static struct cron random_cron(struct random *random, uint64_t stars, struct spec *ret_spec)
{
    for (;;) {
        struct cron cron;
        *ret_spec = random_spec(random, stars);
        int status = parse_spec(ret_spec->text, strlen(ret_spec->text), &cron);
        if (status == PAWL_OK)
            return cron;
        assert_false(can_fire(ret_spec));
    }
}

static bool same_set(const bool *set, int count, uint64_t bits)
{
    for (int i = 0; i < count; i++)
        if (set[i] != (bits >> i & 1))
            return false;
    return bits >> count == 0;
}

static void specs_mean_what_is_written(void **state)
{
    (void)state;
    struct random random = random_begin("specs");
    for (int i = 0; i < 20000; i++) {
        struct cron cron;
        struct spec spec = random_spec(&random, 40);
        int status = parse_spec(spec.text, strlen(spec.text), &cron);
        if (status != (can_fire(&spec) ? PAWL_OK : PAWL_EINVAL))
            fail_msg("\"%s\": %s", spec.text, err.text);
        if (status == PAWL_OK &&
            !(same_set(spec.minutes, 60, cron.minutes) && same_set(spec.hours, 24, cron.hours) &&
              same_set(spec.days, 32, cron.days) && same_set(spec.months, 13, cron.months) &&
              same_set(spec.weekdays, 7, cron.weekdays) && spec.either_day == cron.takes_either_day &&
              spec.every_hour == cron.follows_every_hour))
            fail_msg("\"%s\" is not what was read", spec.text);
    }
}

static void a_refusal_says_where_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text, *hint;
    } rows[] = {
        {"", "0 fields", "30 4 * * mon-fri"},
        {"* * * *", "4 fields", "30 4 * * mon-fri"},
        {"0 0 * * * *", "6 fields", "minute, hour"},
        {"60 * * * *", "minute \"60\", at character 1, is out of range", "0 to 59"},
        {"* 24 * * *", "hour \"24\", at character 3, is out of range", "0 to 23"},
        {"* * 0 * *", "day of month \"0\", at character 5", "1 to 31"},
        {"* * * 13 *", "month \"13\", at character 7", "jan to dec"},
        {"* * * foo *", "month \"foo\", at character 7, is none", "jan to dec"},
        {"* * * * 8", "day of week \"8\", at character 9", "0 and 7: Sunday"},
        {"* * * mon *", "month \"mon\"", "jan to dec"},
        {"  1,,2 * * * *", "minute is missing, at character 5", "0 to 59"},
        {"1, * * * *", "minute is missing, at character 3", "0 to 59"},
        {"-5 * * * *", "minute is missing, at character 1", "0 to 59"},
        {"5- * * * *", "minute is missing, at character 3", "0 to 59"},
        {"5--7 * * * *", "minute \"-7\", at character 3", "0 to 59"},
        {"* 22-5 * * *", "hour \"22-5\", at character 3, ends before it begins", "22-23,0-5"},
        {"* * * * fri-tue", "day of week \"fri-tue\"", "5-7,0-2"},
        {"*/0 * * * *", "minute \"*/0\", at character 1, has a step that is none", "1 to 60"},
        {"*/61 * * * *", "has a step that is none", "1 to 60"},
        {"*/ * * * *", "has a step that is none", "1 to 60"},
        {"*/5/5 * * * *", "has a step that is none", "1 to 60"},
        {"5/10 * * * *", "minute \"5/10\", at character 1, has a step, but is no range", "5-59/10"},
        {"*5 * * * *", "minute \"*5\", at character 1, is none", "0 to 59"},
        {"**  * * * *", "minute \"**\"", "0 to 59"},
        {"1\n* * * * *", "minute \"1\\n*\"", "0 to 59"},
        {"99999999999999999999999 * * * *", "minute \"99999999999999999999999\"", "0 to 59"},
        {"0 0 30 2 *", "day of month \"30\" is in no month of \"2\"", "never fire"},
        {"0 0 31 feb,4,JUN,9,nov */2", "is in no month of", "never fire"},
        {"@reboot", "there is no \"@reboot\"", "@hourly"},
        {"@hourly * * * *", "there is no", "@hourly"},
        {"@", "there is no \"@\"", "@hourly"},
    };
    struct cron cron = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_status(parse_spec(rows[i].spec, strlen(rows[i].spec), &cron), PAWL_EINVAL);
        if (!strstr(err.text, rows[i].text) || !strstr(err.hint, rows[i].hint))
            fail_msg("\"%s\": %s (%s)", rows[i].spec, err.text, err.hint);
    }
    char longest[CRON_SIZE_MAX + 2];
    memset(longest, ' ', sizeof longest);
    memcpy(longest, "0 0 * * *", 9);
    assert_ok(parse_spec(longest, CRON_SIZE_MAX, &cron));
    assert_status(parse_spec(longest, CRON_SIZE_MAX + 1, &cron), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "513 bytes long, the limit is 512"));
    assert_status(pawli_cron_parse((struct text){0}, &cron, NULL), PAWL_EINVAL);
}

static void any_text_is_a_spec_or_refused(void **state)
{
    (void)state;
    static const char letters[] = "0123456789*-/,, \t@monjanfrisunSAT7\n\x80.";
    struct random random = random_begin("texts");
    for (int i = 0; i < 60000; i++) {
        struct cron cron;
        struct spec spec = random_spec(&random, 40);
        size_t size = strlen(spec.text);
        if (i % 3 == 0)
            for (size = random_below(&random, 40); random_below(&random, 50);)
                spec.text[random_below(&random, 41)] = letters[random_below(&random, sizeof letters)];
        for (uint64_t changes = i % 3 ? random_below(&random, 4) : 0; changes > 0 && size > 0; changes--)
            spec.text[random_below(&random, size)] = letters[random_below(&random, sizeof letters)];
        if (parse_spec(spec.text, size, &cron) < 0)
            assert_true(err.status == PAWL_EINVAL && *err.text && *err.hint);
        else
            assert_true(pawli_cron_next(&cron, &pawli_zone_utc, (struct wall_time){0}).ms < INT64_C(12700000000000));
    }
}

/* ---- slots ---- */

#define MARGIN_S     (27 * 3600) /* a gap of a day, and more, is seen whole */
#define MINUTES_DAYS 6
#define SECONDS_DAYS 3
#define WINDOW_MAX   (SECONDS_DAYS * (int)DAY_S)
#define LOCAL_MAX    ((MINUTES_DAYS + 4) * 1440)

/* What clocks show, instant by instant: minutes, or seconds where an offset has such. */
static struct window {
    int64_t begin_s, local_begin_s;
    int count, unit, local_count;
    int64_t local_s[WINDOW_MAX];
    struct tm parts[LOCAL_MAX];             /* of each local minute … */
    int first[LOCAL_MAX], later[LOCAL_MAX]; /* … where it is shown first (-1: nowhere), and where a later one is */
    bool fires[WINDOW_MAX];
} window;

static bool look_at(int64_t begin_s, int unit, int count)
{
    window.begin_s = begin_s;
    window.unit = unit;
    window.count = count;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (int i = 0; i < count; i++) {
        window.local_s[i] = begin_s + i * unit + slow_offset_s(begin_s + i * unit);
        low = lesser(low, window.local_s[i]);
        high = greater(high, window.local_s[i]);
        if (unit == 60 && window.local_s[i] % 60 != 0)
            return false;
    }
    window.local_begin_s = low - (low % 60 + 60) % 60;
    window.local_count = (int)((high - window.local_begin_s) / 60) + 1;
    assert_true(window.local_count <= LOCAL_MAX);
    for (int i = 0; i < window.local_count; i++) {
        time_t local_s = window.local_begin_s + i * 60;
        gmtime_r(&local_s, &window.parts[i]);
        window.first[i] = -1;
    }
    int shown = 0;
    for (int i = 0; i < count; i++) {
        int64_t ahead_s = window.local_s[i] - window.local_begin_s;
        if (ahead_s % 60 == 0 && window.first[ahead_s / 60] < 0)
            window.first[ahead_s / 60] = i;
        for (; shown * INT64_C(60) < ahead_s; shown++)
            window.later[shown] = i;
    }
    return true;
}

static void fire_slowly(const struct spec *spec)
{
    memset(window.fires, 0, sizeof window.fires);
    for (int i = 0; i < window.local_count; i++)
        if (takes_minute(spec, &window.parts[i]) && !spec->every_hour)
            window.fires[window.first[i] < 0 ? window.later[i] : window.first[i]] = true;
    for (int i = 0; i < window.count; i++) {
        int64_t ahead_s = window.local_s[i] - window.local_begin_s;
        if (spec->every_hour && ahead_s % 60 == 0 && takes_minute(spec, &window.parts[ahead_s / 60]))
            window.fires[i] = true;
    }
}

/* Forward and back, between the margins. */
static void check_slots(const struct place *place, const struct spec *spec, const struct cron *cron)
{
    int begin = MARGIN_S / window.unit, end = window.count - begin;
    int64_t begin_ms = (window.begin_s + begin * window.unit) * 1000,
            end_ms = (window.begin_s + end * window.unit) * 1000;
    fire_slowly(spec);
    struct wall_time slot = {begin_ms - 1};
    for (int i = begin; i < end; i++) {
        if (!window.fires[i])
            continue;
        int64_t at_ms = (window.begin_s + i * window.unit) * 1000;
        slot = pawli_cron_next(cron, &place->zone, slot);
        if (slot.ms != at_ms)
            fail_msg("%s, \"%s\": next is %lld, not %lld", place->tz, spec->text, (long long)slot.ms, (long long)at_ms);
    }
    slot = pawli_cron_next(cron, &place->zone, slot);
    if (slot.ms < end_ms)
        fail_msg("%s, \"%s\": %lld is too many", place->tz, spec->text, (long long)slot.ms);
    slot.ms = end_ms;
    for (int i = end - 1; i >= begin; i--) {
        if (!window.fires[i])
            continue;
        int64_t at_ms = (window.begin_s + i * window.unit) * 1000;
        slot.ms--;
        if (!pawli_cron_last(cron, &place->zone, slot, &slot) || slot.ms != at_ms)
            fail_msg("%s, \"%s\": last is %lld, not %lld", place->tz, spec->text, (long long)slot.ms, (long long)at_ms);
    }
    slot.ms--;
    if (pawli_cron_last(cron, &place->zone, slot, &slot) && slot.ms >= begin_ms)
        fail_msg("%s, \"%s\": %lld is one too many", place->tz, spec->text, (long long)slot.ms);
}

/* Mostly around a shift. */
static int64_t interesting_instant(struct random *random, const struct place *place)
{
    for (int tries = 0; tries < 20; tries++) {
        struct zone_span span = pawli_zone_span(&place->zone, random_instant(random, place->first_year, 2150));
        if (span.until_s != INT64_MAX && span.until_s < INT64_C(6000000000) && random_percent(random, 90))
            return span.until_s + (int64_t)random_below(random, 3 * DAY_S) - 3 * DAY_S / 2;
    }
    return random_instant(random, place->first_year, 2150);
}

static void slots_are_those_of_a_slow_search(void **state)
{
    (void)state;
    struct random random = random_begin("slots");
    unsigned by_seconds = 0;
    for (size_t i = 0; i < place_count; i++) {
        move_to(&places[i]);
        int64_t at_s = interesting_instant(&random, &places[i]);
        at_s -= (at_s % 60 + 60) % 60;
        if (!look_at(at_s - MINUTES_DAYS / 2 * DAY_S, 60, MINUTES_DAYS * 1440)) {
            if (by_seconds > 8 || random_percent(&random, 80))
                continue;
            by_seconds++;
            look_at(at_s - SECONDS_DAYS * DAY_S / 2, 1, WINDOW_MAX);
        }
        for (int j = 0; j < 10; j++) {
            struct spec spec;
            struct cron cron = random_cron(&random, 75, &spec);
            check_slots(&places[i], &spec, &cron);
        }
    }
}

/* Over years, where nothing is shifted: day by day. */
static void far_slots_are_those_of_a_slow_search(void **state)
{
    (void)state;
    struct random random = random_begin("far slots");
    for (int i = 0; i < 300; i++) {
        struct spec spec;
        struct cron cron = random_cron(&random, 30, &spec);
        if (random_percent(&random, 20)) { /* a date that is rare */
            assert_ok(parse_spec("0 0 29 2 */3", 12, &cron));
            spec = (struct spec){.days[29] = true, .months[2] = true, .weekdays = {true, [3] = true, [6] = true}};
        }
        int64_t from_s = random_instant(&random, 1, 9990), day = floor_div(from_s, DAY_S), at_s = INT64_MAX;
        struct wall_time slot = pawli_cron_next(&cron, &pawli_zone_utc, (struct wall_time){from_s * 1000});
        int64_t slot_s = slot.ms == INT64_MAX ? ZONE_MAX_S : slot.ms / 1000, slot_day = floor_div(slot_s, DAY_S);
        for (int64_t of_day = day + 1; of_day <= slot_day; of_day++) {
            struct tm parts;
            time_t time = of_day * DAY_S;
            gmtime_r(&time, &parts);
            if (takes_day(&spec, &parts)) {
                at_s = of_day;
                break;
            }
        }
        if (slot_day > day && (slot.ms == INT64_MAX ? at_s != INT64_MAX : at_s != slot_day))
            fail_msg("\"%s\" from %lld: %lld", spec.text, (long long)from_s, (long long)slot.ms);
    }
}

/* Whatever zone and spec: nothing is between a slot and the next, and they find each other. */
static void next_and_last_find_each_other(void **state)
{
    (void)state;
    struct random random = random_begin("next and last");
    for (int i = 0; i < 30000; i++) {
        struct spec spec;
        struct place *place = &places[random_below(&random, place_count)];
        struct cron cron = random_cron(&random, random_below(&random, 100), &spec);
        struct wall_time from = {random_instant(&random, 1, 9800) * 1000 + (int64_t)random_below(&random, 1000)}, back;
        struct wall_time slot = pawli_cron_next(&cron, &place->zone, from), after;
        bool good = slot.ms > from.ms && slot.ms % 1000 == 0 && slot.ms != INT64_MAX;
        good = good && pawli_cron_last(&cron, &place->zone, slot, &back) && back.ms == slot.ms;
        if (good && pawli_cron_last(&cron, &place->zone, (struct wall_time){slot.ms - 1}, &back)) {
            after = pawli_cron_next(&cron, &place->zone, back);
            good = back.ms <= from.ms && after.ms == slot.ms;
            after = pawli_cron_next(&cron, &place->zone, (struct wall_time){back.ms - 1});
            good &= after.ms == back.ms;
        }
        if (!good)
            fail_msg("%s, \"%s\" from %lld: %lld", place->tz, spec.text, (long long)from.ms, (long long)slot.ms);
    }
}

static void the_known_instants(void **state)
{
    (void)state;
    static const struct {
        const struct place *place;
        const char *spec, *after, *slots[3];
    } rows[] = {
        /* 02:00 is 03:00 at 01:00Z */
        {&RULE_BERLIN, "30 2 * * *", "2026-03-28 12:00", {"2026-03-29 01:00", "2026-03-30 00:30"}},
        {&RULE_BERLIN,
         "*/15 2 * * *",
         "2026-03-28 12:00",
         {"2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 00:15"}},
        {&RULE_BERLIN, "0 2,3 * * *", "2026-03-28 12:00", {"2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 01:00"}},
        {&RULE_BERLIN, "0 * * * *", "2026-03-28 23:30", {"2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"}},
        {&RULE_BERLIN,
         "*/30 */2 * * *",
         "2026-03-28 23:45",
         {"2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29 04:00"}},
        {&RULE_BERLIN,
         "0 0-23 * * *",
         "2026-03-28 23:30",
         {"2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"}},
        /* 03:00 is 02:00 at 01:00Z */
        {&RULE_BERLIN, "30 2 * * *", "2026-10-24 12:00", {"2026-10-25 00:30", "2026-10-26 01:30"}},
        {&RULE_BERLIN, "0 3 * * *", "2026-10-24 12:00", {"2026-10-25 02:00", "2026-10-26 02:00"}},
        {&RULE_BERLIN, "30 * * * *", "2026-10-24 23:45", {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}},
        {&RULE_BERLIN,
         "30 */2 * * *",
         "2026-10-24 23:45",
         {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 03:30"}},
        {&RULE_BERLIN, "30 0-23 * * *", "2026-10-24 23:45", {"2026-10-25 00:30", "2026-10-25 02:30"}},
        {&RULE_NEW_YORK, "30 2 * * *", "2026-03-07 12:00", {"2026-03-08 07:00", "2026-03-09 06:30"}},
        {&RULE_NEW_YORK, "30 1 * * *", "2026-10-31 12:00", {"2026-11-01 05:30", "2026-11-02 06:30"}},
        {&RULE_NEW_YORK,
         "30 * * * *",
         "2026-11-01 04:45",
         {"2026-11-01 05:30", "2026-11-01 06:30", "2026-11-01 07:30"}},
        {&RULE_LORD_HOWE, "15 2 * * *", "2026-10-02 20:00", {"2026-10-03 15:30", "2026-10-04 15:15"}},
        {&RULE_LORD_HOWE, "0 * * * *", "2026-10-03 14:00", {"2026-10-03 14:30", "2026-10-03 16:00"}},
        {&RULE_LORD_HOWE, "45 1 * * *", "2026-04-04 10:00", {"2026-04-04 14:45", "2026-04-05 15:15"}},
        {&RULE_LORD_HOWE,
         "30 * * * *",
         "2026-04-04 14:00",
         {"2026-04-04 14:30", "2026-04-04 15:00", "2026-04-04 16:00"}},
        {&RULE_LORD_HOWE, "0 * * * *", "2026-04-04 13:30", {"2026-04-04 14:00", "2026-04-04 15:30"}},
        {&MADE_APIA, "0 9 * * *", "2011-12-29 00:00", {"2011-12-29 19:00", "2011-12-30 10:00", "2011-12-30 19:00"}},
        {&MADE_APIA, "0 9 30 12 *", "2011-01-01 00:00", {"2011-12-30 10:00"}},
        {&MADE_APIA, "0 * * * *", "2011-12-30 08:30", {"2011-12-30 09:00", "2011-12-30 10:00", "2011-12-30 11:00"}},
        {&MADE_SAO_PAULO, "0 0 * * *", "2018-11-03 12:00", {"2018-11-04 03:00", "2018-11-05 02:00"}},
        {&MADE_SAO_PAULO, "30 0 4 11 *", "2018-01-01 00:00", {"2018-11-04 03:00"}},
        {&MADE_SAO_PAULO,
         "0 * * * *",
         "2018-11-04 01:30",
         {"2018-11-04 02:00", "2018-11-04 03:00", "2018-11-04 04:00"}},
        {&MADE_SAO_PAULO, "30 23 * * *", "2018-02-17 12:00", {"2018-02-18 01:30", "2018-02-19 02:30"}},
        {&MADE_SAO_PAULO, "0 0 * * *", "2018-02-17 12:00", {"2018-02-18 03:00", "2018-02-19 03:00"}},
        {&RULE_BEIRUT, "0 0 * * *", "2026-03-28 12:00", {"2026-03-28 22:00", "2026-03-29 21:00"}},
        {&RULE_BEIRUT,
         "15,45 0 * * *",
         "2026-03-28 12:00",
         {"2026-03-28 22:00", "2026-03-29 21:15", "2026-03-29 21:45"}},
        {&RULE_BEIRUT, "30 23 * * *", "2026-10-24 12:00", {"2026-10-24 20:30", "2026-10-25 21:30"}},
        {NULL, "0 0 29 2 *", "1896-02-29 00:00", {"1904-02-29 00:00", "1908-02-29 00:00"}},
        {NULL, "0 0 29 2 */7", "2033-01-01 00:00", {"2060-02-29 00:00", "2088-02-29 00:00", "2128-02-29 00:00"}},
        {NULL, "0 0 13 * fri", "2026-11-10 00:00", {"2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00"}},
        {NULL, "0 0 */1 * fri", "2026-11-10 00:00", {"2026-11-13 00:00", "2026-11-20 00:00"}},
        {NULL, "0 0 13 * */5", "2026-11-10 00:00", {"2026-11-13 00:00", "2026-12-13 00:00", "2027-06-13 00:00"}},
        {NULL, "@weekly", "2026-11-27 00:00", {"2026-11-29 00:00", "2026-12-06 00:00"}},
        {NULL, "@Hourly", "2026-11-27 00:00", {"2026-11-27 01:00", "2026-11-27 02:00"}},
        {NULL, "@daily", "2026-11-27 00:00", {"2026-11-28 00:00"}},
        {NULL, "@midnight", "2026-11-27 00:00", {"2026-11-28 00:00"}},
        {NULL, "@monthly", "2026-11-27 00:00", {"2026-12-01 00:00", "2027-01-01 00:00"}},
        {NULL, " @yearly ", "2026-11-27 00:00", {"2027-01-01 00:00", "2028-01-01 00:00"}},
        {NULL, "@ANNUALLY", "2026-11-27 00:00", {"2027-01-01 00:00"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cron cron;
        struct wall_time slot = {seconds_of(rows[i].after) * 1000};
        const struct zone *zone = rows[i].place ? &rows[i].place->zone : &pawli_zone_utc;
        assert_ok(parse_spec(rows[i].spec, strlen(rows[i].spec), &cron));
        for (size_t j = 0; j < 3 && rows[i].slots[j]; j++) {
            char found[TIME_TEXT_SIZE];
            slot = pawli_cron_next(&cron, zone, slot);
            if (slot.ms != seconds_of(rows[i].slots[j]) * 1000)
                fail_msg("row %zu, \"%s\": %s, not %s", i, rows[i].spec, pawli_time_text(slot.ms, found),
                         rows[i].slots[j]);
            struct wall_time back;
            bool is_found = pawli_cron_last(&cron, zone, (struct wall_time){slot.ms + 1}, &back);
            assert_true(is_found && back.ms == slot.ms); /* who looks back from behind it finds it again */
        }
    }
}

static void slots_end_with_the_years_that_are_known(void **state)
{
    (void)state;
    struct cron cron;
    struct wall_time slot = {0};
    assert_ok(parse_spec("0 0 1 1 *", 9, &cron));
    for (size_t i = 0; i < place_count; i++) {
        const struct zone *zone = &places[i].zone;
        assert_int_equal(pawli_cron_next(&cron, zone, WALL_NEVER).ms, INT64_MAX);
        assert_int_equal(pawli_cron_next(&cron, zone, (struct wall_time){ZONE_MAX_S * 1000}).ms, INT64_MAX);
        assert_false(pawli_cron_last(&cron, zone, (struct wall_time){INT64_MIN}, &slot));
        assert_int_equal(slot.ms, 0);
        assert_in_range(pawli_cron_next(&cron, zone, (struct wall_time){INT64_MIN}).ms - ZONE_MIN_S * 1000, 0,
                        367 * DAY_S * 1000);
        assert_true(pawli_cron_last(&cron, zone, WALL_NEVER, &slot) && slot.ms > (ZONE_MAX_S - 367 * DAY_S) * 1000);
        slot.ms = 0;
    }
}

/* ---- any bytes ---- */

static void try_zone(struct random *random, const struct zone *zone)
{
    struct wall_time slot;
    struct spec spec;
    struct cron cron = random_cron(random, 60, &spec);
    for (int i = 0; i < 8; i++) {
        int64_t at_s = i ? random_instant(random, 1, 9998) : (int64_t)random_next(random);
        struct zone_span span = pawli_zone_span(zone, at_s);
        assert_true(i == 0 || (span.from_s <= at_s && at_s < span.until_s));
        struct wall_time from = {i ? at_s * 1000 : at_s}, next = pawli_cron_next(&cron, zone, from);
        assert_true(next.ms > from.ms || next.ms == INT64_MAX);
        if (next.ms != INT64_MAX)
            assert_true(pawli_cron_last(&cron, zone, next, &slot) && slot.ms == next.ms);
        if (pawli_cron_last(&cron, zone, from, &slot))
            assert_true(slot.ms <= from.ms && pawli_cron_next(&cron, zone, slot).ms > from.ms);
    }
}

static void any_bytes_are_a_zone_or_refused(void **state)
{
    (void)state;
    struct random random = random_begin("bytes");
    struct arena scratch = {0};
    unsigned taken = 0;
    for (int i = 0; i < 6000; i++) {
        static char bytes[ZONE_SIZE_MAX];
        const struct place *place = &places[random_below(&random, place_count)];
        size_t size = place->bytes.size, second = random_percent(&random, 50) ? 44 : size;
        memcpy(bytes, place->bytes.data, size);
        for (uint64_t changes = random_below(&random, 6); changes > 0; changes--) {
            size_t at = random_below(&random, random_percent(&random, 30) ? second : size);
            at = random_percent(&random, 20) ? size - 1 - random_below(&random, 30) : at; /* the footer */
            bytes[at] = random_percent(&random, 50) ? "0123456789,./-+JM<>\n\0\1\2"[random_below(&random, 23)]
                                                    : (char)random_next(&random);
        }
        size = random_percent(&random, 10) ? random_below(&random, size) : size;
        struct zone zone;
        pawli_arena_reset(&scratch);
        if (parse(bytes, size, &scratch, &zone) == PAWL_OK) {
            taken++;
            try_zone(&random, &zone);
        } else
            assert_true(err.status == PAWL_EINVAL && *err.text && *err.hint);
    }
    printf("# %u of 6000 were taken\n", taken);
    assert_in_range(taken, 1, 5999);
    pawli_arena_done(&scratch);
}

/* As many as a file can have, a few seconds from each other: it takes a moment, not a year. */
static void as_many_shifts_as_can_be_do_no_harm(void **state)
{
    (void)state;
    struct random random = random_begin("many shifts");
    struct zone zone = dense_zone(&random, 12000, 14);
    assert_true(zone.shift_count > 5000);
    for (int i = 0; i < 10; i++)
        try_zone(&random, &zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_mean_what_is_written),       cmocka_unit_test(a_refusal_says_where_and_what_to_do),
        cmocka_unit_test(any_text_is_a_spec_or_refused),    cmocka_unit_test(the_known_instants),
        cmocka_unit_test(slots_are_those_of_a_slow_search), cmocka_unit_test(far_slots_are_those_of_a_slow_search),
        cmocka_unit_test(next_and_last_find_each_other),    cmocka_unit_test(slots_end_with_the_years_that_are_known),
        cmocka_unit_test(any_bytes_are_a_zone_or_refused),  cmocka_unit_test(as_many_shifts_as_can_be_do_no_harm),
    };
    return cmocka_run_group_tests_name("cron", tests, gather_places, drop_places);
}
