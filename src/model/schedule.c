/* SPDX-License-Identifier: MIT */
#include "model/schedule.h"

#include "base/codec.h"

static struct wall_time later(struct wall_time a, struct wall_time b)
{
    return a.ms > b.ms ? a : b;
}

/* ---- slots ---- */

struct wall_time pawli_schedule_next(const struct schedule *schedule, struct wall_time after)
{
    after = later(after, schedule->added);
    if (schedule->cron)
        return pawli_cron_next(schedule->cron, schedule->zone, after);
    PAWL_ASSERT(schedule->every_ms > 0);
    __int128 passed = (__int128)after.ms - schedule->added.ms, every = schedule->every_ms;
    __int128 slot = schedule->added.ms + (passed / every + 1) * every;
    return slot < INT64_MAX ? (struct wall_time){(int64_t)slot} : WALL_NEVER;
}

/* The last at or before an instant, and after another; false: there is none. */
static bool find_slot(const struct schedule *schedule, struct wall_time at, struct wall_time after,
                      struct wall_time *ret_slot)
{
    if (at.ms <= after.ms)
        return false;
    if (schedule->cron) {
        struct wall_time slot;
        if (!pawli_cron_last(schedule->cron, schedule->zone, at, &slot) || slot.ms <= after.ms)
            return false;
        *ret_slot = slot;
        return true;
    }
    PAWL_ASSERT(schedule->every_ms > 0);
    int64_t until = at.ms < INT64_MAX ? at.ms : INT64_MAX - 1; /* never is no slot */
    __int128 passed = (__int128)until - schedule->added.ms, slot = until - passed % schedule->every_ms;
    ret_slot->ms = slot > after.ms ? (int64_t)slot : ret_slot->ms;
    return slot > after.ms;
}

/* So many slots before one, or as many as there are after an instant. */
static struct wall_time slot_before(const struct schedule *schedule, struct wall_time slot, uint32_t count,
                                    struct wall_time after)
{
    if (!schedule->cron) {
        uint64_t most = ((uint64_t)slot.ms - (uint64_t)after.ms - 1) / (uint64_t)schedule->every_ms;
        slot.ms -= (int64_t)(count < most ? count : most) * schedule->every_ms;
        return slot;
    }
    while (count-- > 0 && find_slot(schedule, (struct wall_time){slot.ms - 1}, after, &slot))
        ;
    return slot;
}

/* ---- jitter ---- */

static uint64_t hash(struct text name, struct wall_time slot)
{
    uint8_t bytes[8];
    uint64_t mixed = 0xcbf29ce484222325u;
    put_be64(bytes, (uint64_t)slot.ms);
    for (size_t i = 0; i < name.size; i++)
        mixed = (mixed ^ (uint8_t)name.data[i]) * 0x100000001b3u;
    for (size_t i = 0; i < sizeof bytes; i++)
        mixed = (mixed ^ bytes[i]) * 0x100000001b3u;
    mixed = (mixed ^ mixed >> 33) * 0xff51afd7ed558ccdu;
    mixed = (mixed ^ mixed >> 33) * 0xc4ceb9fe1a85ec53u;
    return mixed ^ mixed >> 33;
}

struct wall_time pawli_schedule_due(const struct schedule *schedule, struct wall_time slot)
{
    if (schedule->jitter_ms <= 0 || slot.ms == INT64_MAX)
        return slot;
    uint64_t limit = (uint64_t)schedule->jitter_ms;
    uint64_t until_next = (uint64_t)pawli_schedule_next(schedule, slot).ms - (uint64_t)slot.ms;
    limit = limit < until_next ? limit : until_next - 1;
    return wall_after_ms(slot, (int64_t)(hash(schedule->name, slot) % (limit + 1)));
}

/* ---- decisions ---- */

/* What fires. */
struct firing {
    struct wall_time *slots;
    size_t room, count;
    bool is_cut;
};

static void fire(struct firing *firing, struct wall_time slot)
{
    firing->is_cut |= firing->count == firing->room;
    if (!firing->is_cut)
        firing->slots[firing->count++] = slot;
}

/* Of those after an instant up to `latest`, all of which are missed. */
static void fire_missed(const struct schedule *schedule, struct wall_time after, struct wall_time latest,
                        struct firing *firing)
{
    uint32_t most = schedule->missed == MISSED_ONE ? 1 : schedule->missed == MISSED_ALL ? schedule->catch_up : 0;
    if (most == 0)
        return;
    struct wall_time slot = slot_before(schedule, latest, most - 1, after);
    for (; slot.ms <= latest.ms && !firing->is_cut; slot = pawli_schedule_next(schedule, slot))
        fire(firing, slot);
}

struct schedule_decision pawli_schedule_decide(const struct schedule *schedule, struct wall_time last_slot,
                                               struct wall_time now, struct wall_time *slots, size_t room)
{
    PAWL_ASSERT(room > 0);
    struct firing firing = {slots, room, 0, false};
    struct wall_time latest, missed, done = later(last_slot, schedule->added), decided = done;
    if (find_slot(schedule, now, done, &latest)) {
        struct wall_time due = pawli_schedule_due(schedule, latest);
        bool is_due = due.ms <= now.ms, is_late = is_due && (uint64_t)now.ms - (uint64_t)due.ms > SCHEDULE_LATE_MS;
        /* Of all before it the next one has come. */
        if (find_slot(schedule, is_late ? latest : (struct wall_time){latest.ms - 1}, done, &missed)) {
            fire_missed(schedule, done, missed, &firing);
            decided = missed;
        }
        if (is_due && !is_late)
            fire(&firing, latest);
        if (is_due)
            decided = latest;
    }
    if (firing.is_cut)
        return (struct schedule_decision){firing.count, slots[firing.count - 1], now};
    struct wall_time next = pawli_schedule_next(schedule, decided);
    return (struct schedule_decision){firing.count, decided, pawli_schedule_due(schedule, next)};
}
