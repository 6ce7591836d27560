/* SPDX-License-Identifier: MIT */
/* Schedules: which of their slots fire now. A slot is an instant that a cron spec has in a zone, or one of those that are every so
 * many milliseconds; that of `added` itself, and what is before it, is none.
 *
 *   1. Slots only go forward: each is decided once, in the order of time, and `last_slot` is the last that was. A clock that went
 *      back fires nothing again; nothing fires until it has come to where it was.
 *   2. A slot is due its jitter after itself. The jitter is up to jitter_ms, the same whenever and by whomever it is asked, and
 *      always ends before the next slot: what is due comes in the order of slots.
 *   3. A slot that is due is missed when it is over SCHEDULE_LATE_MS late, or when its next slot has come. It fires if it is not
 *      missed. Of those that are missed the policy says which fire: the latest, the latest catch_up, or none; the others are
 *      passed over for good.
 *   4. What fires is the oldest first. What there was no room for fires at the next call, by the same rules. */
#ifndef PAWLI_SCHEDULE_H
#define PAWLI_SCHEDULE_H

#include "model/cron.h"

#define SCHEDULE_LATE_MS  60000
#define SCHEDULE_CATCH_UP 100 /* the default */

enum schedule_missed { MISSED_ONE, MISSED_ALL, MISSED_NONE, MISSED_COUNT };

struct schedule {
    struct text name;        /* for the jitter: schedules of one time do not all fire at once */
    const struct cron *cron; /* NULL: every_ms */
    const struct zone *zone; /* of the cron spec */
    int64_t every_ms;        /* from `added` on: added + every_ms, added + 2 * every_ms, … */
    struct wall_time added;
    enum schedule_missed missed;
    uint32_t catch_up;
    int64_t jitter_ms;
};

struct schedule_decision {
    size_t count;               /* so many fire; where that is all there was room for, ask again */
    struct wall_time last_slot; /* what it is from now on */
    struct wall_time next;      /* when something is due next; WALL_NEVER: nothing will be */
};

/* Puts the slots that fire now into `slots`, which has room for at least one. last_slot of a new schedule: its `added`.
 * However long it was down it takes no more steps of cron than catch_up (which whoever takes it from outside bounds) and those
 * that fire: they are looked for from now backwards. For every_ms it takes as many as fire. */
struct schedule_decision pawli_schedule_decide(const struct schedule *schedule, struct wall_time last_slot,
                                               struct wall_time now, struct wall_time *slots, size_t room);

/* The first slot behind an instant; WALL_NEVER: there is none. */
struct wall_time pawli_schedule_next(const struct schedule *schedule, struct wall_time after);

/* When a slot is due: that, and H mod (limit + 1) more. The limit is jitter_ms, or what is one less than the time to the next
 * slot if that is less. H is FNV-1a of 64 bits over the name and the slot in milliseconds (8 bytes, big-endian), and over that
 * the finalizer of MurmurHash3 (fmix64). */
struct wall_time pawli_schedule_due(const struct schedule *schedule, struct wall_time slot);

#endif
