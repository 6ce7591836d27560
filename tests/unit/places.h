/* SPDX-License-Identifier: MIT */
/* The zones that tests go through: those of the machine, and some that are made here, so that a machine without any shows the
 * same. PAWL_TEST_ZONEINFO is another folder of them. */
#ifndef TESTS_PLACES_H
#define TESTS_PLACES_H

#include <ftw.h>
#include <time.h>

#include "model/zone.h"
#include "tzif.h"
#include "unit.h"

struct place {
    char tz[200]; /* what the C library is told */
    struct zone zone;
    struct text bytes;
    int64_t last_s; /* of one that is made: its last shift, from which on its footer says */
    int first_year; /* from which on the C library is right: it takes each year before 1970 for 1970 where a rule says */
};

static struct arena arena;
static struct place places[1024];
static size_t place_count;
static char folder[64];
static pawl_error err;

/* Read from a block of its very size, so that a sanitizer sees what is read behind its end. */
static inline int parse(const void *bytes, size_t size, struct arena *in, struct zone *ret_zone)
{
    char *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    int status = pawli_zone_parse((struct text){copy, size}, in, ret_zone, &err);
    free(copy);
    return status;
}

static inline void add_place(const char *tz, const void *bytes, size_t size)
{
    if (place_count == COUNT_OF(places))
        fail_msg("there are more zones than %zu", place_count);
    struct place *place = &places[place_count++];
    snprintf(place->tz, sizeof place->tz, "%s", tz);
    place->bytes = pawli_arena_text(&arena, (struct text){bytes, size});
    place->first_year = 1850;
    if (parse(bytes, size, &arena, &place->zone) < 0)
        fail_msg("%s: %s", tz, err.text);
}

static inline int add_file(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status, (void)ftw;
    static char bytes[ZONE_SIZE_MAX + 1];
    FILE *file = kind == FTW_F ? fopen(path, "rb") : NULL;
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    if (size < 4 || memcmp(bytes, "TZif", 4) != 0)
        return 0;
    char tz[200];
    snprintf(tz, sizeof tz, ":%s", path);
    struct zone zone;
    if (strstr(path, "/right/")) /* they count leap seconds: POSIX time does not, and they are refused */
        assert_status(parse(bytes, size, &arena, &zone), PAWL_EINVAL);
    else
        add_place(tz, bytes, size);
    return 0;
}

/* The rule alone: the C library takes it as it is. */
static inline void add_rule_of_posix(const char *rule)
{
    uint8_t bytes[TZIF_SIZE_MAX];
    struct tzif zone = {.version = '3', .footer = rule};
    add_place(rule, bytes, tzif_make(&zone, bytes));
    places[place_count - 1].first_year = 1971;
}

static inline void add_made(const struct tzif *zone)
{
    char path[100], tz[120];
    uint8_t bytes[TZIF_SIZE_MAX];
    size_t size = tzif_make(zone, bytes);
    snprintf(path, sizeof path, "%s/%zu", folder, place_count);
    FILE *file = fopen(path, "wb");
    assert_true(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    snprintf(tz, sizeof tz, ":%s", path);
    add_place(tz, bytes, size);
    struct place *place = &places[place_count - 1];
    if (zone->footer && strchr(zone->footer, ','))
        place->first_year = 1971;
    place->last_s = zone->count > 0 ? zone->shifts[zone->count - 1].at_s : 0;
}

static const char *const rules[] = {
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* by 30 minutes */
    "EET-2EEST,M3.5.0/0,M10.5.0/0",         /* at midnight */
    "IST-1GMT0,M10.5.0,M3.5.0/1",           /* back in winter */
    "EET-2EEST,M3.4.4/50,M10.4.4/50",       /* two days behind a Thursday */
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      /* on the day before */
    "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
    "NZST-12NZDT,J60/2,J300/3",
    "AAA3BBB1,59/1,300/2", /* by two hours, by the day of the year */
    "AAA0BBB,J10/0,J10/1", /* a summer that ends as it begins */
};
#define RULE_BERLIN    places[1]
#define RULE_NEW_YORK  places[2]
#define RULE_LORD_HOWE places[3]
#define RULE_BEIRUT    places[4]

static const struct tzif apia = {'2', -36000, 1, {{1325239200, 50400}}, "<+13>-14"};
static const struct tzif sao_paulo = {
    '2', -10800, 4, {{1508036400, -7200}, {1518919200, -10800}, {1541300400, -7200}, {1550368800, -10800}}, "<-03>3"};
#define MADE_APIA      places[COUNT_OF(rules)]
#define MADE_SAO_PAULO places[COUNT_OF(rules) + 1]

/* Shifts at least four days from each other, so that nothing is shown three times. One at least before a rule: without any
 * shift the C library does not look at it. */
static inline struct tzif random_zone(struct random *random)
{
    static const char versions[] = {'\0', '2', '3', '4'};
    struct tzif zone = {.version = versions[random_below(random, 4)], .footer = ""};
    int64_t at_s = -1500000000 + (int64_t)random_below(random, 1000000000) / 60 * 60;
    if (zone.version != '\0' && random_percent(random, 80))
        zone.footer = rules[random_below(random, COUNT_OF(rules))];
    zone.offset_s = ((int32_t)random_below(random, 97) - 48) * 900;
    for (size_t count = random_below(random, 40) + (*zone.footer != '\0'); zone.count < count; zone.count++) {
        at_s += 4 * DAY_S + (int64_t)random_below(random, 60000000) / 60 * 60;
        zone.shifts[zone.count] = (struct tzif_shift){at_s, ((int32_t)random_below(random, 97) - 48) * 900};
    }
    return zone;
}

/* Far too many shifts, far too close, and by up to a day: what no place has, and a file may say. */
static inline struct zone dense_zone(struct random *random, size_t count, uint64_t seconds)
{
    static uint8_t bytes[ZONE_SIZE_MAX];
    enum { TYPES = 9 };
    uint8_t *at = tzif_header(bytes, '\0', count, TYPES);
    int64_t at_s = 1600000000;
    struct zone zone;
    for (size_t i = 0; i < count; i++, at += 4)
        put_be32(at, (uint32_t)(at_s += 1 + (int64_t)random_below(random, seconds)));
    for (size_t i = 0; i < count; i++)
        *at++ = (uint8_t)random_below(random, TYPES);
    for (int i = 0; i < TYPES; i++, at += 6) {
        memset(at, 0, 10);
        put_be32(at, (uint32_t)((i - TYPES / 2) * 21600));
    }
    assert_status(parse(bytes, (size_t)(at - bytes) + 4, &arena, &zone), PAWL_OK);
    return zone;
}

static inline int gather_places(void **state)
{
    (void)state;
    struct random random = random_begin("random zones");
    make_folder(folder);
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        add_rule_of_posix(rules[i]);
    add_made(&apia);
    add_made(&sao_paulo);
    for (size_t i = 0; i < 60; i++) {
        struct tzif zone = random_zone(&random);
        add_made(&zone);
    }
    const char *system_zones = getenv("PAWL_TEST_ZONEINFO");
    size_t made = place_count;
    nftw(system_zones ? system_zones : "/usr/share/zoneinfo", add_file, 8, FTW_PHYS);
    printf("# %zu zones are made, %zu are those of the machine\n", made, place_count - made);
    return 0;
}

static inline int drop_places(void **state)
{
    (void)state;
    remove_folder(folder);
    pawli_arena_done(&arena);
    return 0;
}

static inline void move_to(const struct place *place)
{
    setenv("TZ", place->tz, 1);
    tzset();
}

static inline int64_t slow_offset_s(int64_t unix_s)
{
    struct tm parts;
    time_t time = unix_s;
    assert_non_null(localtime_r(&time, &parts));
    return parts.tm_gmtoff;
}

static inline int64_t seconds_of(const char *text)
{
    struct tm parts = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &parts));
    return timegm(&parts);
}

static inline int64_t random_instant(struct random *random, int from_year, int to_year)
{
    int64_t from_s = civil_day((struct civil){from_year, 1, 1}) * DAY_S;
    return from_s + (int64_t)random_below(random, (uint64_t)(to_year - from_year) * 31556952);
}

#endif
