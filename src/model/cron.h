/* SPDX-License-Identifier: MIT */
/* Cron specs: at which minutes of the clocks of a zone something is to happen.
 *
 *   minute hour day-of-month month day-of-week      0-59 0-23 1-31 1-12 0-7 (0 and 7: Sunday), with blanks between
 *   @hourly @daily @midnight @weekly @monthly @yearly @annually
 *
 * A field is a list with commas of `*`, a number, a range a-b, and of a step through all or a range: `*` or a-b, and /n. Months and
 * days of the week have names, too: jan, SUN. A range that ends with Sunday, or begins with it, may write it as 0 or 7.
 *
 * Days (POSIX): where both day fields are restricted, that is, neither begins with `*`, a day is one that either of them takes;
 * otherwise it is one that both take.
 *
 * A slot is an instant, and what of a local time makes a slot depends on the hour field:
 *
 *   1. It does not begin with `*`: the slot of a local time is the first instant at which clocks show it, or a later one.
 *      So what is in a gap has its slot at the end of the gap, the first instant after the jump, whatever day that is; several
 *      local times of one gap, and one that is the end of the gap itself, are one slot. What is in a fold, and so shown
 *      twice, has its slot where it is shown first.
 *   2. It begins with `*`: every instant at which clocks show it is a slot. In a fold that is both, in a gap none.
 *
 * With that, for
 *   - a gap at midnight (America/Sao_Paulo 2018-11-04, Asia/Beirut in March: 00:00 to 01:00): `0 0 * * *` is at 01:00 of that
 *     day, for the date of a local time in a gap is the one that it would have had; @hourly goes from 23:00 to 01:00, which is
 *     one hour;
 *   - a fold at midnight (Sao_Paulo 2018-02-18: 00:00 is 23:00 of the 17th): `30 23 * * *` is once on the 17th, at the first;
 *   - shifts by 30 minutes (Australia/Lord_Howe): as above, by the minutes that clocks show. @hourly has no slot at 02:00 of the
 *     gap 02:00 to 02:30, and waits 90 minutes from 01:00 to 03:00; in the fold 02:00 to 01:30 it waits as long, from 01:00 to
 *     02:00, since 02:00 is shown once, and `30 * * * *` has two slots 30 minutes from each other;
 *   - a day that does not exist (Pacific/Apia 2011-12-30) is a gap of 24 hours: `0 9 * * *` is at 09:00 of the 29th, at 00:00 of
 *     the 31st, which stands for the 30th, and at 09:00 of the 31st; `0 9 30 12 *` is in 2011 at 00:00 of the 31st;
 *   - offsets with seconds (local mean time of the 19th century): slots are at whole minutes of the clocks. */
#ifndef PAWLI_CRON_H
#define PAWLI_CRON_H

#include "env/env.h"
#include "model/zone.h"

#define CRON_SIZE_MAX 512 /* bytes of a spec: room for one that lists every value */

struct cron {
    uint64_t minutes;        /* bit n: n is one of them; so in all fields */
    uint32_t hours, days;    /* days: bits 1 to 31 */
    uint16_t months;         /* bits 1 to 12 */
    uint8_t weekdays;        /* bits 0 to 6 */
    bool takes_either_day;   /* both day fields are restricted */
    bool follows_every_hour; /* the second rule for slots */
};

/* EINVAL says which characters are wrong, why, and what to write. What would never fire (`0 0 30 2 *`) is refused, too. */
int pawli_cron_parse(struct text spec, struct cron *ret_cron, pawl_error *err);

/* The first slot after an instant. It goes over months and days, not over minutes, and no further than 401 years (all dates come
 * again after 400) or the end of the year 9999: then it is WALL_NEVER. */
struct wall_time pawli_cron_next(const struct cron *cron, const struct zone *zone, struct wall_time after);

/* The last slot at or before an instant, as far back as that; false: there is none. */
bool pawli_cron_last(const struct cron *cron, const struct zone *zone, struct wall_time at, struct wall_time *ret_slot);

#endif
