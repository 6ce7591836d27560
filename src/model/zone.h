/* SPDX-License-Identifier: MIT */
/* Time zones: what the clocks of a place show, from the bytes of a TZif file (RFC 9636, versions 1 to 4). Those bytes are input
 * from outside: what breaks a rule of the RFC is refused, and the rest can do no harm.
 *
 * Time is POSIX time, in which no second is a leap second. A file that counts them (those of "right/") is refused: its times are
 * others. Before the first shift a file's first type holds, after the last what its footer says, for ever: dates and days of
 * the week come again after 400 years, so that many are worked out when it is parsed. The years 1 to 9999 are known; what is
 * before or after has the offset of that end. */
#ifndef PAWLI_ZONE_H
#define PAWLI_ZONE_H

#include "base/arena.h"
#include "model/civil.h"

#define ZONE_SIZE_MAX 65536                 /* bytes of a file; the largest there is has 4 KiB */
#define ZONE_NAME_MAX 64                    /* bytes of a name */
#define ZONE_MIN_S    INT64_C(-62135596800) /* 0001-01-01 00:00:00Z */
#define ZONE_MAX_S    INT64_C(253402300799) /* 9999-12-31 23:59:59Z */

struct zone_shift {
    int64_t from_s;   /* from this instant on … */
    int64_t seen_s;   /* as in a zone_span */
    int32_t offset_s; /* … local time is UTC and this */
};

struct zone {
    const struct zone_shift *shifts; /* in the order of time */
    size_t shift_count;
    int32_t offset_s; /* before the first */
    bool repeats;     /* from cycle_s on they come again every CIVIL_CYCLE_S */
    int64_t cycle_s;
};

extern const struct zone pawli_zone_utc; /* for want of a file, too */

/* Whether it may be the name of a file below a folder of zones: nothing in it leads out of there. */
int pawli_zone_check_name(const char *field, struct text name, pawl_error *err);

/* What the zone keeps is copied into the arena (24 bytes a shift: 23 KB where a rule goes on for ever), the bytes are not needed
 * any longer. EINVAL: no such file, or a damaged one; it cannot name the zone, the caller can (pawli_fail_in). */
int pawli_zone_parse(struct text bytes, struct arena *arena, struct zone *ret_zone, pawl_error *err);

/* A stretch of time with one offset, of which local time is a plain sum. Stretches follow each other without a hole, and are
 * found from each other: pawli_zone_span(zone, span.until_s), and (zone, span.from_s - 1). A local time is shown once in each
 * whose from_s + offset_s <= it < until_s + offset_s: in none of them when it is in a gap, in two when it is in a fold.
 * Two neighbours may have the same offset. */
struct zone_span {
    int64_t from_s, until_s; /* [from, until); INT64_MIN and INT64_MAX at the ends of time */
    int64_t seen_s;          /* local: what is earlier was shown, or jumped over, before from_s */
    int32_t offset_s;
};

struct zone_span pawli_zone_span(const struct zone *zone, int64_t unix_s); /* in which this instant is */

static inline int32_t zone_offset_s(const struct zone *zone, int64_t unix_s)
{
    return pawli_zone_span(zone, unix_s).offset_s;
}

#endif
