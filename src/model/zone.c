/* SPDX-License-Identifier: MIT */
#include "model/zone.h"

#include "base/codec.h"

#define OFFSET_MIN_S (-89999) /* RFC 9636, section 3.2: what readers shall take, and no more */
#define OFFSET_MAX_S 93599
#define TYPE_MAX     256
#define TYPE_SIZE    6

const struct zone pawli_zone_utc;

int pawli_zone_check_name(const char *field, struct text name, pawl_error *err)
{
    bool is_part_begun = false, good = name.data && name.size > 0 && name.size <= ZONE_NAME_MAX;
    for (size_t i = 0; good && i < name.size; i++) {
        char c = name.data[i];
        bool is_slash = c == '/';
        good = is_slash ? is_part_begun
                        : (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              (c && strchr("_+-", c));
        is_part_begun = !is_slash;
    }
    if (good && is_part_begun)
        return PAWL_OK;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EINVAL, "%s \"%.*s\" is no name of a time zone", field,
                                 name.size > ZONE_NAME_MAX ? ZONE_NAME_MAX : (int)name.size,
                                 name.data ? name.data : ""),
                      "use 1 to %d of A-Z a-z 0-9 _ + - and / between its parts, such as Europe/Berlin", ZONE_NAME_MAX);
}

/* ---- looking up ---- */

static struct zone_span span_in_table(const struct zone *zone, int64_t unix_s)
{
    size_t low = 0, high = zone->shift_count; /* those before low are not after unix_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->shifts[middle].from_s <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    struct zone_span span = {INT64_MIN, INT64_MAX, INT64_MIN, zone->offset_s};
    if (low > 0) {
        const struct zone_shift *shift = &zone->shifts[low - 1];
        span = (struct zone_span){shift->from_s, INT64_MAX, shift->seen_s, shift->offset_s};
    }
    if (low < zone->shift_count)
        span.until_s = zone->shifts[low].from_s;
    return span;
}

/* Of a time behind the first cycle of 400 years, by what that has at the same place. */
static struct zone_span span_in_cycle(const struct zone *zone, int64_t unix_s)
{
    int64_t passed_s = (unix_s - zone->cycle_s) / CIVIL_CYCLE_S * CIVIL_CYCLE_S;
    struct zone_span span = span_in_table(zone, unix_s - passed_s);
    if (span.from_s < zone->cycle_s) {
        span.from_s = zone->cycle_s;
        span.seen_s = greater(span.seen_s, span.from_s + span.offset_s);
    }
    span.until_s = lesser(span.until_s, zone->cycle_s + CIVIL_CYCLE_S) + passed_s;
    span.from_s += passed_s;
    span.seen_s += passed_s;
    return span;
}

struct zone_span pawli_zone_span(const struct zone *zone, int64_t unix_s)
{
    int64_t cycled_s = zone->repeats ? zone->cycle_s + CIVIL_CYCLE_S : INT64_MAX;
    unix_s = lesser(greater(unix_s, ZONE_MIN_S), ZONE_MAX_S);
    struct zone_span span = unix_s < cycled_s ? span_in_table(zone, unix_s) : span_in_cycle(zone, unix_s);
    if (unix_s < cycled_s)
        span.until_s = lesser(span.until_s, cycled_s);
    if (span.until_s > ZONE_MAX_S)
        span.until_s = INT64_MAX;
    return span;
}

/* ---- the footer: a TZ string of POSIX ---- */

enum { DAY_JULIAN, DAY_OF_YEAR, DAY_OF_MONTH };

struct rule_day {
    int kind, month, week, number; /* the number of a day: in the year, or in the week */
    int32_t time_s;                /* local, counted from its midnight; may be on another day */
};

struct rule {
    bool is_given, has_summer;
    int32_t standard_s, summer_s; /* offsets */
    struct rule_day begin, end;   /* of summer */
};

struct cursor {
    const char *at, *end;
};

static bool take(struct cursor *cursor, char c)
{
    bool is_there = cursor->at < cursor->end && *cursor->at == c;
    cursor->at += is_there;
    return is_there;
}

static bool take_number(struct cursor *cursor, int min, int max, int *ret_number)
{
    int number = 0;
    const char *begin = cursor->at;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' && number <= max; cursor->at++)
        number = 10 * number + (*cursor->at - '0');
    *ret_number = number;
    return cursor->at > begin && number >= min && number <= max;
}

static bool take_name(struct cursor *cursor)
{
    bool is_quoted = take(cursor, '<');
    const char *begin = cursor->at;
    for (; cursor->at < cursor->end; cursor->at++) {
        char c = *cursor->at;
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(is_quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-')))
            break;
    }
    return cursor->at - begin >= 3 && (!is_quoted || take(cursor, '>'));
}

/* hh[:mm[:ss]], with a sign or without */
static bool take_time(struct cursor *cursor, int hours_max, int32_t *ret_seconds)
{
    int hours, minutes = 0, seconds = 0;
    bool is_negative = take(cursor, '-');
    if (!is_negative)
        take(cursor, '+');
    if (!take_number(cursor, 0, hours_max, &hours))
        return false;
    if (take(cursor, ':')) {
        if (!take_number(cursor, 0, 59, &minutes))
            return false;
        if (take(cursor, ':') && !take_number(cursor, 0, 59, &seconds))
            return false;
    }
    *ret_seconds = (is_negative ? -1 : 1) * (3600 * hours + 60 * minutes + seconds);
    return true;
}

/* Jn, n or Mm.w.d, with /time behind it or without */
static bool take_day(struct cursor *cursor, struct rule_day *ret_day)
{
    bool good;
    struct rule_day day = {.time_s = 7200};
    if (take(cursor, 'J')) {
        day.kind = DAY_JULIAN;
        good = take_number(cursor, 1, 365, &day.number);
    } else if (take(cursor, 'M')) {
        day.kind = DAY_OF_MONTH;
        good = take_number(cursor, 1, 12, &day.month) && take(cursor, '.') && take_number(cursor, 1, 5, &day.week) &&
               take(cursor, '.') && take_number(cursor, 0, 6, &day.number);
    } else {
        day.kind = DAY_OF_YEAR;
        good = take_number(cursor, 0, 365, &day.number);
    }
    if (good && take(cursor, '/'))
        good = take_time(cursor, 167, &day.time_s);
    *ret_day = day;
    return good;
}

static bool is_offset(int32_t offset_s)
{
    return offset_s >= OFFSET_MIN_S && offset_s <= OFFSET_MAX_S;
}

/* In it offsets are counted to the west. */
static bool parse_rule(struct text text, struct rule *ret_rule)
{
    int32_t west_s = 0;
    struct rule rule = {.is_given = text.size > 0};
    struct cursor cursor = {text.data, text.data + text.size};
    if (rule.is_given && !(take_name(&cursor) && take_time(&cursor, 24, &west_s)))
        return false;
    rule.standard_s = -west_s;
    rule.has_summer = cursor.at < cursor.end;
    if (rule.has_summer) {
        if (!take_name(&cursor))
            return false;
        rule.summer_s = rule.standard_s + 3600;
        if (cursor.at < cursor.end && *cursor.at != ',') {
            if (!take_time(&cursor, 24, &west_s))
                return false;
            rule.summer_s = -west_s;
        }
        if (!(take(&cursor, ',') && take_day(&cursor, &rule.begin) && take(&cursor, ',') &&
              take_day(&cursor, &rule.end) && is_offset(rule.summer_s)))
            return false;
    }
    *ret_rule = rule;
    return is_offset(rule.standard_s) && cursor.at == cursor.end;
}

/* When that day and time is in a year, if the clocks were those of UTC. */
static int64_t rule_day_s(const struct rule_day *day, int64_t year)
{
    int64_t first = civil_day((struct civil){year, day->kind == DAY_OF_MONTH ? day->month : 1, 1});
    if (day->kind == DAY_JULIAN) /* February 29 is never counted */
        first += day->number - 1 + (civil_is_leap(year) && day->number >= 60);
    else if (day->kind == DAY_OF_YEAR)
        first += day->number;
    else {
        int ahead = (day->number - civil_weekday(first) + 7) % 7 + 7 * (day->week - 1);
        first += ahead < civil_days_of_month(year, day->month) ? ahead : ahead - 7; /* week 5: the last */
    }
    return first * DAY_S + day->time_s;
}

/* ---- the table ---- */

struct change {
    int64_t at_s;
    int32_t offset_s;
};

static void add_shift(struct zone *zone, struct zone_shift *shifts, int64_t at_s, int32_t offset_s)
{
    size_t count = zone->shift_count;
    int32_t before_s = count > 0 ? shifts[count - 1].offset_s : zone->offset_s;
    if (at_s <= ZONE_MIN_S)
        zone->offset_s = offset_s;
    else if (offset_s != before_s && at_s <= ZONE_MAX_S) {
        int64_t seen_s = at_s + before_s;
        shifts[count] = (struct zone_shift){at_s, count > 0 ? greater(seen_s, shifts[count - 1].seen_s) : seen_s,
                                            offset_s};
        zone->shift_count++;
    }
}

/* A year on both sides, and what is moved by the most that a rule can move it. */
#define RULE_YEARS (CIVIL_CYCLE + 8)

/* What a rule does, from a year on, in the order of time. Of two at once the one of the later year is the last, and of one year
 * the end of summer. */
static void changes_of(const struct rule *rule, int64_t year, struct change changes[2 * RULE_YEARS])
{
    size_t count = 0;
    for (int64_t y = year; y < year + RULE_YEARS; y++) {
        struct change both[] = {{rule_day_s(&rule->begin, y) - rule->standard_s, rule->summer_s},
                                {rule_day_s(&rule->end, y) - rule->summer_s, rule->standard_s}};
        for (size_t i = 0; i < COUNT_OF(both); i++) {
            size_t at = count++;
            for (; at > 0 && changes[at - 1].at_s > both[i].at_s; at--)
                changes[at] = changes[at - 1];
            changes[at] = both[i];
        }
    }
}

/* From the last time of a table on, or from the beginning where it has none. */
static bool add_rule(struct zone *zone, struct zone_shift *shifts, const struct rule *rule, int64_t last_s)
{
    if (!rule->has_summer) {
        add_shift(zone, shifts, last_s, rule->standard_s);
        return true;
    }
    PAWL_AUTO(pawli_freep) struct change *changes = pawli_alloc_raw(2 * RULE_YEARS * sizeof *changes);
    if (!changes)
        return false;
    int64_t year = civil_of_day(floor_div(last_s, DAY_S)).year;
    changes_of(rule, year - 2, changes);
    size_t next = 0;
    while (changes[next].at_s <= last_s)
        next++;
    add_shift(zone, shifts, last_s, changes[next - 1].offset_s);
    zone->repeats = true;
    zone->cycle_s = civil_day((struct civil){year + 3, 1, 1}) * DAY_S;
    for (; changes[next].at_s < zone->cycle_s + CIVIL_CYCLE_S; next++)
        if (changes[next].at_s < changes[next + 1].at_s) /* of several at once the last */
            add_shift(zone, shifts, changes[next].at_s, changes[next].offset_s);
    return true;
}

/* ---- the file ---- */

struct table {
    uint64_t time_size; /* of each time: 4 or 8 bytes */
    uint64_t is_ut_count, is_standard_count, leap_count, time_count, type_count, name_size;
    const uint8_t *times, *indexes, *types;
    char version;
};

static bool take_bytes(struct text *rest, uint64_t size, const uint8_t **ret_bytes)
{
    if (size > rest->size)
        return false;
    *ret_bytes = (const uint8_t *)rest->data;
    *rest = (struct text){rest->data + size, rest->size - size};
    return true;
}

static bool take_table(struct text *rest, uint64_t time_size, struct table *table)
{
    const uint8_t *header, *others;
    if (!take_bytes(rest, 44, &header) || memcmp(header, "TZif", 4) != 0)
        return false;
    *table = (struct table){time_size,
                            get_be32(header + 20),
                            get_be32(header + 24),
                            get_be32(header + 28),
                            get_be32(header + 32),
                            get_be32(header + 36),
                            get_be32(header + 40),
                            .version = (char)header[4]};
    return take_bytes(rest, table->time_count * time_size, &table->times) &&
           take_bytes(rest, table->time_count, &table->indexes) &&
           take_bytes(rest, table->type_count * TYPE_SIZE, &table->types) &&
           take_bytes(rest,
                      table->name_size + table->leap_count * (time_size + 4) + table->is_standard_count +
                          table->is_ut_count,
                      &others);
}

static int64_t time_of(const struct table *table, size_t index)
{
    return table->time_size == 8 ? (int64_t)get_be64(table->times + 8 * index)
                                 : (int32_t)get_be32(table->times + 4 * index);
}

static int32_t offset_of_type(const struct table *table, size_t type)
{
    return (int32_t)get_be32(table->types + type * TYPE_SIZE);
}

/* What is wrong with it; NULL: nothing. */
static const char *problem_of(const struct table *table)
{
    uint64_t count = table->type_count;
    if (table->leap_count > 0)
        return "it counts leap seconds";
    if (count == 0 || count > TYPE_MAX || table->name_size == 0)
        return "it has no types of time, or too many";
    if ((table->is_ut_count > 0 && table->is_ut_count != count) ||
        (table->is_standard_count > 0 && table->is_standard_count != count))
        return "its counts contradict each other";
    for (size_t i = 0; i < count; i++)
        if (!is_offset(offset_of_type(table, i)) || table->types[i * TYPE_SIZE + 4] > 1 ||
            table->types[i * TYPE_SIZE + 5] >= table->name_size)
            return "one of its types of time is none";
    for (size_t i = 0; i < table->time_count; i++) {
        if (table->indexes[i] >= count)
            return "one of its times has no type";
        if (i > 0 && time_of(table, i - 1) >= time_of(table, i))
            return "its times are not in order";
    }
    return NULL;
}

/* Behind the table, between two newlines; version 1 has none. */
static bool parse_footer(const struct table *table, struct text rest, struct rule *ret_rule)
{
    if (table->version == '\0')
        return true;
    const char *end = rest.size > 0 && *rest.data == '\n' ? memchr(rest.data + 1, '\n', rest.size - 1) : NULL;
    return end && parse_rule((struct text){rest.data + 1, (size_t)(end - rest.data) - 1}, ret_rule);
}

static bool build(const struct table *table, const struct rule *rule, struct arena *arena, struct zone *zone)
{
    size_t count = table->time_count;
    struct zone_shift *shifts = arena_array(arena, struct zone_shift,
                                            count + 1 + (rule->has_summer ? 2 * RULE_YEARS : 0));
    if (!shifts)
        return false;
    zone->shifts = shifts;
    zone->offset_s = offset_of_type(table, 0);
    for (size_t i = 0; i + rule->is_given < count; i++) /* what the last begins, a footer says */
        add_shift(zone, shifts, time_of(table, i), offset_of_type(table, table->indexes[i]));
    int64_t last_s = count > 0 ? greater(time_of(table, count - 1), ZONE_MIN_S) : ZONE_MIN_S;
    return !rule->is_given || last_s > ZONE_MAX_S || add_rule(zone, shifts, rule, last_s);
}

static int refuse(pawl_error *err, const char *why)
{
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "it is no good file of a time zone (TZif): %s", why),
                      "install the time zones of the system again (tzdata), and name none below right/");
}

int pawli_zone_parse(struct text bytes, struct arena *arena, struct zone *ret_zone, pawl_error *err)
{
    struct table table;
    struct rule rule = {0};
    struct zone zone = {0};
    if (bytes.size > ZONE_SIZE_MAX)
        return refuse(err, "it is larger than 64 KiB");
    if (!take_table(&bytes, 4, &table))
        return refuse(err, "it does not begin as one, or is cut off");
    char version = table.version;
    if (version != '\0' && (version < '2' || version > '4'))
        return refuse(err, "its version is not 1 to 4");
    if (version != '\0' && (!take_table(&bytes, 8, &table) || table.version != version))
        return refuse(err, "it is cut off behind what is for readers of version 1");
    const char *problem = problem_of(&table);
    if (problem)
        return refuse(err, problem);
    if (!parse_footer(&table, bytes, &rule))
        return refuse(err, "its footer is none");
    if (!build(&table, &rule, arena, &zone))
        return pawli_no_memory(err);
    *ret_zone = zone;
    return PAWL_OK;
}
