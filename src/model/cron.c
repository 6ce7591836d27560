/* SPDX-License-Identifier: MIT */
#include "model/cron.h"

#include "base/codec.h"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELD_COUNT };

static const struct field {
    const char *name;
    int min, max;
    const char *words; /* of three letters, for the values from `min` on */
    const char *values, *example;
} fields[] = {
    [MINUTE] = {"minute", 0, 59, "", "0 to 59", "*/5 or 0,30"},
    [HOUR] = {"hour", 0, 23, "", "0 to 23", "* or 8-18"},
    [DAY] = {"day of month", 1, 31, "", "1 to 31", "* or 1,15"},
    [MONTH] = {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", "1 to 12, or jan to dec", "* or jan-mar"},
    [WEEKDAY] = {"day of week", 0, 7, "sunmontuewedthufrisat", "0 to 7 (0 and 7: Sunday), or sun to sat",
                 "* or mon-fri"},
};
static_assert(COUNT_OF(fields) == FIELD_COUNT, "every field has a row");

/* ---- parsing ---- */

/* Which part of a spec is read, so that a refusal can say where. */
struct reading {
    struct text spec;
    const struct field *field;
    pawl_error *err;
};

static int refuse(const struct reading *reading, struct text part, const char *why)
{
    size_t at = (size_t)(part.data - reading->spec.data) + 1;
    const char *name = reading->field->name;
    if (part.size == 0)
        return pawli_fail(reading->err, PAWL_EINVAL, "cron: the %s is missing, at character %zu", name, at);
    return pawli_fail(reading->err, PAWL_EINVAL, "cron: the %s \"%.*s\", at character %zu, %s", name,
                      part.size > 32 ? 32 : (int)part.size, part.data, at, why);
}

static int hint_values(const struct reading *reading, int status)
{
    return pawli_hint(reading->err, status, "use %s, such as %s", reading->field->values, reading->field->example);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(struct text text, const char *word, size_t size)
{
    if (text.size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (lower(text.data[i]) != word[i])
            return false;
    return true;
}

static int parse_value(const struct reading *reading, struct text text, int *ret_value)
{
    const struct field *field = reading->field;
    uint64_t number;
    for (int i = 0; field->words[3 * i]; i++)
        if (is_word(text, field->words + 3 * i, 3)) {
            *ret_value = field->min + i;
            return PAWL_OK;
        }
    if (!pawli_parse_u64(text, &number))
        return hint_values(reading, refuse(reading, text, "is none"));
    if (number < (uint64_t)field->min || number > (uint64_t)field->max)
        return hint_values(reading, refuse(reading, text, "is out of range"));
    *ret_value = (int)number;
    return PAWL_OK;
}

/* Up to the first of a character, which goes with neither side; true: it is there. */
static bool split(struct text *rest, char by, struct text *ret_part)
{
    const char *found = rest->size > 0 ? memchr(rest->data, by, rest->size) : NULL;
    size_t size = found ? (size_t)(found - rest->data) : rest->size;
    *ret_part = (struct text){rest->data, size};
    *rest = (struct text){rest->data + size + (found != NULL), rest->size - size - (found != NULL)};
    return found != NULL;
}

/* Sunday is both ends of a week: fri-0 is fri-7, and 7-tue is 0-tue. */
static void turn_week(int *from, int *to)
{
    if (*to == 0 && *from > 0)
        *to = 7;
    if (*from == 7 && *to < 7)
        *from = 0;
}

static int parse_range(const struct reading *reading, struct text range, int *ret_from, int *ret_to)
{
    struct text text, to = range;
    bool is_range = split(&to, '-', &text);
    int status = parse_value(reading, text, ret_from);
    *ret_to = *ret_from;
    if (status == PAWL_OK && is_range)
        status = parse_value(reading, to, ret_to);
    if (status < 0)
        return status;
    if (reading->field == &fields[WEEKDAY])
        turn_week(ret_from, ret_to);
    if (*ret_from > *ret_to)
        return pawli_hint(reading->err, refuse(reading, range, "ends before it begins"),
                          "write two ranges: %d-%d,%d-%d", *ret_from, reading->field->max, reading->field->min,
                          *ret_to);
    return PAWL_OK;
}

/* Of an item, which has a step behind its range. */
static int parse_step(const struct reading *reading, struct text item, struct text range, int *ret_step)
{
    uint64_t step;
    struct text text = {range.data + range.size + 1, item.size - range.size - 1};
    int max = reading->field == &fields[WEEKDAY] ? 7 : reading->field->max - reading->field->min + 1;
    if (!text_is(range, "*") && !memchr(range.data, '-', range.size))
        return pawli_hint(reading->err, refuse(reading, item, "has a step, but is no range"),
                          "write %.*s-%d%.*s to go on to the end", TEXT_ARG(range), reading->field->max,
                          (int)text.size + 1, text.data - 1);
    if (!pawli_parse_u64(text, &step) || step < 1 || step > (uint64_t)max)
        return pawli_hint(reading->err, refuse(reading, item, "has a step that is none"), "use a step of 1 to %d", max);
    *ret_step = (int)step;
    return PAWL_OK;
}

static int parse_item(const struct reading *reading, struct text item, uint64_t *set)
{
    struct text range, rest = item;
    const struct field *field = reading->field;
    int from = field->min, to = field == &fields[WEEKDAY] ? 6 : field->max, step = 1;
    bool has_step = split(&rest, '/', &range);
    int status = text_is(range, "*") ? PAWL_OK : parse_range(reading, range, &from, &to);
    if (status == PAWL_OK && has_step)
        status = parse_step(reading, item, range, &step);
    if (status < 0)
        return status;
    for (int value = from; value <= to; value += step)
        *set |= UINT64_C(1) << value;
    return PAWL_OK;
}

static int parse_field(const struct reading *reading, struct text text, uint64_t *ret_set)
{
    struct text item;
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK;) {
        more = split(&text, ',', &item);
        status = parse_item(reading, item, ret_set);
    }
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct text trim(struct text text)
{
    while (text.size > 0 && is_blank(*text.data))
        text = (struct text){text.data + 1, text.size - 1};
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* How many there are; the first of them are put. */
static size_t split_fields(struct text text, struct text parts[FIELD_COUNT])
{
    size_t count = 0;
    for (text = trim(text); text.size > 0; text = trim(text), count++) {
        size_t size = 0;
        while (size < text.size && !is_blank(text.data[size]))
            size++;
        if (count < FIELD_COUNT)
            parts[count] = (struct text){text.data, size};
        text = (struct text){text.data + size, text.size - size};
    }
    return count;
}

static const char *const names[][2] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

static int parse_name(struct text name, struct text *ret_spec, pawl_error *err)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (is_word(name, names[i][0], strlen(names[i][0]))) {
            *ret_spec = text_of(names[i][1]);
            return PAWL_OK;
        }
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_EINVAL, "cron: there is no \"%.*s\"", name.size > 32 ? 32 : (int)name.size, name.data),
        "use @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or five fields");
}

/* Whether some day is one of it. Every date is on every day of the week in one year or the other. */
static bool has_days(const struct cron *cron)
{
    bool found = cron->takes_either_day;
    for (int month = 1; month <= CIVIL_MONTH_MAX && !found; month++)
        found = cron->months >> month & 1 && (cron->days & ((2u << civil_days_of_month(2000, month)) - 1)) != 0;
    return found;
}

int pawli_cron_parse(struct text spec, struct cron *ret_cron, pawl_error *err)
{
    struct text parts[FIELD_COUNT];
    uint64_t sets[FIELD_COUNT] = {0};
    if (spec.size > CRON_SIZE_MAX)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, "cron is %zu bytes long, the limit is %d", spec.size, CRON_SIZE_MAX),
            "write ranges and steps instead of lists");
    int status = trim(spec).size > 0 && *trim(spec).data == '@' ? parse_name(trim(spec), &spec, err) : PAWL_OK;
    if (status < 0)
        return status;
    size_t count = split_fields(spec, parts);
    if (count != FIELD_COUNT)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "cron has %zu fields, not %d", count, FIELD_COUNT),
                          "give minute, hour, day of month, month and day of week, such as 30 4 * * mon-fri");
    for (int i = 0; i < FIELD_COUNT; i++) {
        struct reading reading = {spec, &fields[i], err};
        if ((status = parse_field(&reading, parts[i], &sets[i])) < 0)
            return status;
    }
    struct cron cron = {
        .minutes = sets[MINUTE],
        .hours = (uint32_t)sets[HOUR],
        .days = (uint32_t)sets[DAY],
        .months = (uint16_t)sets[MONTH],
        .weekdays = (uint8_t)((sets[WEEKDAY] | sets[WEEKDAY] >> 7) & 0x7F),
        .takes_either_day = *parts[DAY].data != '*' && *parts[WEEKDAY].data != '*',
        .follows_every_hour = *parts[HOUR].data == '*',
    };
    if (!has_days(&cron))
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "cron: the day of month \"%.*s\" is in no month of \"%.*s\"",
                                     TEXT_ARG(parts[DAY]), TEXT_ARG(parts[MONTH])),
                          "it would never fire: give a day that one of the months has");
    *ret_cron = cron;
    return PAWL_OK;
}

/* ---- local time alone ---- */

#define DAY_MINUTES 1440

static int first_bit(uint64_t set)
{
    return __builtin_ctzll(set);
}

static int last_bit(uint64_t set)
{
    return 63 - __builtin_clzll(set);
}

/* Those not below n, and not above. */
static uint64_t from_bit(uint64_t set, int n)
{
    return n > 63 ? 0 : set & UINT64_MAX << n;
}

static uint64_t up_to_bit(uint64_t set, int n)
{
    return n < 0 ? 0 : set & UINT64_MAX >> (63 - n);
}

/* Which days of a month. */
static uint64_t days_of(const struct cron *cron, int64_t year, int month)
{
    if (!(cron->months >> month & 1))
        return 0;
    int weekday = civil_weekday(civil_day((struct civil){year, month, 1})); /* of the first */
    uint64_t week = (cron->weekdays >> weekday | cron->weekdays << (7 - weekday)) & 0x7F;
    uint64_t by_week = (week | week << 7 | week << 14 | week << 21 | week << 28) << 1;
    uint64_t days = cron->takes_either_day ? cron->days | by_week : cron->days & by_week;
    return up_to_bit(days, civil_days_of_month(year, month)) & ~UINT64_C(1);
}

/* The first day that is not before one, up to the month of another. */
static bool find_day(const struct cron *cron, int64_t day, int64_t day_max, int64_t *ret_day)
{
    struct civil date = civil_of_day(day);
    while (day <= day_max) {
        uint64_t days = from_bit(days_of(cron, date.year, date.month), date.day);
        if (days) {
            *ret_day = day + first_bit(days) - date.day;
            return true;
        }
        day += civil_days_of_month(date.year, date.month) - date.day + 1;
        date.day = 1;
        date.month = date.month == CIVIL_MONTH_MAX ? 1 : date.month + 1;
        date.year += date.month == 1;
    }
    return false;
}

/* The last that is not after one, down to the month of another. */
static bool find_day_back(const struct cron *cron, int64_t day, int64_t day_min, int64_t *ret_day)
{
    struct civil date = civil_of_day(day);
    while (day >= day_min) {
        uint64_t days = up_to_bit(days_of(cron, date.year, date.month), date.day);
        if (days) {
            *ret_day = day + last_bit(days) - date.day;
            return true;
        }
        day -= date.day;
        date.year -= date.month == 1;
        date.month = date.month == 1 ? CIVIL_MONTH_MAX : date.month - 1;
        date.day = civil_days_of_month(date.year, date.month);
    }
    return false;
}

/* The first minute of a day that is not before one; -1: none is. */
static int find_minute(const struct cron *cron, int minute)
{
    int hour = minute / 60;
    uint64_t minutes = cron->hours >> hour & 1 ? from_bit(cron->minutes, minute % 60) : 0;
    if (minutes)
        return hour * 60 + first_bit(minutes);
    uint64_t hours = from_bit(cron->hours, hour + 1);
    return hours ? first_bit(hours) * 60 + first_bit(cron->minutes) : -1;
}

static int find_minute_back(const struct cron *cron, int minute)
{
    int hour = minute / 60;
    uint64_t minutes = cron->hours >> hour & 1 ? up_to_bit(cron->minutes, minute % 60) : 0;
    if (minutes)
        return hour * 60 + last_bit(minutes);
    uint64_t hours = up_to_bit(cron->hours, hour - 1);
    return hours ? last_bit(hours) * 60 + last_bit(cron->minutes) : -1;
}

/* The first local time of a spec in [from, until). */
static bool find(const struct cron *cron, int64_t from_s, int64_t until_s, int64_t *ret_s)
{
    if (from_s >= until_s)
        return false;
    int64_t minute = -floor_div(-from_s, 60), day = floor_div(minute, DAY_MINUTES), found;
    if (!find_day(cron, day, floor_div(until_s - 1, DAY_S), &found))
        return false;
    int of_day = find_minute(cron, found == day ? (int)(minute - day * DAY_MINUTES) : 0);
    if (of_day < 0) { /* that day has none any more */
        if (!find_day(cron, day + 1, floor_div(until_s - 1, DAY_S), &found))
            return false;
        of_day = find_minute(cron, 0);
    }
    *ret_s = found * DAY_S + of_day * 60;
    return *ret_s < until_s;
}

/* The last of them. */
static bool find_back(const struct cron *cron, int64_t from_s, int64_t until_s, int64_t *ret_s)
{
    if (from_s >= until_s)
        return false;
    int64_t minute = floor_div(until_s - 1, 60), day = floor_div(minute, DAY_MINUTES), found;
    if (!find_day_back(cron, day, floor_div(from_s, DAY_S), &found))
        return false;
    int of_day = find_minute_back(cron, found == day ? (int)(minute - day * DAY_MINUTES) : DAY_MINUTES - 1);
    if (of_day < 0) {
        if (!find_day_back(cron, day - 1, floor_div(from_s, DAY_S), &found))
            return false;
        of_day = find_minute_back(cron, DAY_MINUTES - 1);
    }
    *ret_s = found * DAY_S + of_day * 60;
    return *ret_s >= from_s;
}

/* ---- instants ---- */

#define REACH_S (401 * 366 * DAY_S)

/* The local time from which on a span has slots of its own, with those from an instant on. */
static int64_t begin_of(const struct cron *cron, const struct zone_span *span, int64_t from_s)
{
    int64_t begin = greater(span->from_s, from_s) + span->offset_s;
    return cron->follows_every_hour ? begin : greater(begin, span->seen_s);
}

/* Whether clocks jumped over a local time that has its slot where the span begins. */
static bool has_slot_of_gap(const struct cron *cron, const struct zone_span *span)
{
    int64_t local;
    return !cron->follows_every_hour && span->from_s > ZONE_MIN_S &&
           find(cron, span->seen_s, span->from_s + span->offset_s, &local);
}

struct wall_time pawli_cron_next(const struct cron *cron, const struct zone *zone, struct wall_time after)
{
    int64_t from_s = greater(floor_div(after.ms, 1000) + 1, ZONE_MIN_S), local;
    int64_t until_s = lesser(from_s + REACH_S, ZONE_MAX_S + 1);
    while (from_s < until_s) {
        struct zone_span span = pawli_zone_span(zone, from_s);
        if (span.from_s == from_s && has_slot_of_gap(cron, &span))
            return (struct wall_time){span.from_s * 1000};
        if (find(cron, begin_of(cron, &span, from_s), lesser(span.until_s, until_s) + span.offset_s, &local))
            return (struct wall_time){(local - span.offset_s) * 1000};
        from_s = span.until_s;
    }
    return WALL_NEVER;
}

bool pawli_cron_last(const struct cron *cron, const struct zone *zone, struct wall_time at, struct wall_time *ret_slot)
{
    int64_t until_s = lesser(floor_div(at.ms, 1000), ZONE_MAX_S) + 1, local;
    int64_t from_s = greater(until_s - REACH_S, ZONE_MIN_S);
    while (from_s < until_s) {
        struct zone_span span = pawli_zone_span(zone, until_s - 1);
        if (find_back(cron, begin_of(cron, &span, from_s), until_s + span.offset_s, &local)) {
            ret_slot->ms = (local - span.offset_s) * 1000;
            return true;
        }
        if (span.from_s >= from_s && has_slot_of_gap(cron, &span)) {
            ret_slot->ms = span.from_s * 1000;
            return true;
        }
        until_s = span.from_s;
    }
    return false;
}
