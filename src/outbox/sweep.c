/* SPDX-License-Identifier: MIT */
/* The sweep: walks over what time may end, read-only, and hands candidates to units that decide afresh. */
#include "outbox/sweep.h"

#include "commit/handle.h"
#include "commit/sweep.h"
#include "model/check.h"
#include "model/decide.h"

#define CANDIDATES 500

struct sweeping {
    pawl_store *store;
    const _Atomic bool *shall_end; /* NULL: never early */
    pawl_swept swept;
    uint32_t lost;        /* claims that the last commit settled */
    uint32_t removed;     /* keys that were forgotten long ago */
    struct store_row row; /* when the sweep began */
    pawl_uuid boot_id;
    struct clock clock;
    struct wall_time ended_before; /* 0: whenever */
};

static bool shall_end(const struct sweeping *s)
{
    return s->shall_end && atomic_load(s->shall_end);
}

static int run(struct sweeping *s, struct text scope, struct sweep *sweep, pawl_error *err)
{
    struct opened *opened = s->store->opened;
    struct unit unit;
    pawli_unit_init(&unit, &opened->committer, scope);
    pawli_unit_add(&unit, &sweep->effect, &pawli_effect_sweep);
    unit.deadline = pawli_deadline(opened, 0);
    int status = pawli_arena_failed(&unit.arena) ? pawli_no_memory(err) : pawli_commit(&unit, err);
    pawli_unit_done(&unit);
    s->swept.expired += sweep->expired;
    s->swept.purged += sweep->purged;
    s->swept.suspected += sweep->suspected;
    s->swept.forgotten += sweep->forgotten;
    s->removed += sweep->removed;
    s->lost = sweep->lost;
    return status;
}

/* Whether time may have ended it; the unit decides. */
static bool is_candidate(const struct sweeping *s, const struct page *page, const struct old_item *item,
                         enum place place)
{
    struct clock clock = pawli_clock_at(&s->row, &s->boot_id, page->wall, page->boot);
    int64_t now = page->wall.ms, keep = pawli_policy_keep_ms(&item->policy, item->task.ended);
    if (place == PLACE_ENDED)
        return keep > 0 && pawli_end_of(&clock, item->task.until, keep).ms <= now;
    if (place == PLACE_HELD || item->task.phase != PHASE_SEND)
        return item->task.phase != PHASE_SEND && item->task.until.ms <= now;
    const struct task_body body = {.created = item->created, .available = item->available, .expires = item->expires};
    return (pawli_paused_until(&item->paused).ms <= now &&
            pawli_expiry_of(&clock, &body, item->task.retried.at, &item->policy, &item->paused).ms <= now) ||
           pawli_is_misdated(&clock, &body, &item->task);
}

/* One page: candidates of one scope go into one unit. all: each of them is one. */
static int sweep_page(struct sweeping *s, const struct page *page, enum place place, bool all, pawl_error *err)
{
    struct sweep_task items[CANDIDATES];
    struct sweep sweep = {.items = items};
    struct text scope = {0};
    for (size_t i = 0; i < page->count; i++) {
        const struct old_item *item = &page->olds[i];
        if (!all && !is_candidate(s, page, item, place))
            continue;
        if (sweep.count == CANDIDATES || (sweep.count && !text_equal(scope, item->scope))) {
            int status = run(s, scope, &sweep, err);
            if (status < 0)
                return status;
            sweep = (struct sweep){.items = items};
        }
        scope = item->scope;
        items[sweep.count++] = (struct sweep_task){item->number, task_kind_of(item->lane), item->lane, item->target};
    }
    return sweep.count ? run(s, scope, &sweep, err) : PAWL_OK;
}

static int sweep_old(struct sweeping *s, enum old old, bool all, pawl_error *err)
{
    struct query query = {.kind = QUERY_OLD, .old = old, .all = all, .since = s->ended_before, .limit = 2000};
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK && !shall_end(s);) {
        struct page page;
        status = pawli_store_query(s->store->opened->store, &query, &page, err);
        if (status < 0)
            break;
        status = sweep_page(s, &page, place_of_old(old), false, err);
        more = page.more;
        query.cursor = page.cursor;
        pawli_page_done(&page);
    }
    return status;
}

/* What waits for senders that are gone, however late it is due. What is found ends, so that the next page is another. */
static int sweep_gone(struct sweeping *s, enum place place, pawl_error *err)
{
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK && !shall_end(s);) {
        struct page page;
        struct query query = {.kind = QUERY_GONE, .place = place, .limit = CANDIDATES};
        uint32_t before = s->swept.expired;
        status = pawli_store_query(s->store->opened->store, &query, &page, err);
        if (status < 0)
            break;
        status = sweep_page(s, &page, place, true, err);
        more = page.more && s->swept.expired > before;
        pawli_page_done(&page);
    }
    return status;
}

static int sweep_bounds_of(struct sweeping *s, const struct page *page, pawl_error *err)
{
    struct sweep_bound bounds[CANDIDATES];
    struct sweep sweep = {.bounds = bounds};
    struct text scope = {0};
    for (size_t i = 0; i < page->count; i++) {
        const struct bound_item *item = &page->bounds[i];
        if (sweep.bound_count && !text_equal(scope, item->scope)) {
            int status = run(s, scope, &sweep, err);
            if (status < 0)
                return status;
            sweep = (struct sweep){.bounds = bounds};
        }
        scope = item->scope;
        bounds[sweep.bound_count++] = (struct sweep_bound){task_kind_of(item->lane), item->lane, item->target,
                                                           item->key, item->kind};
    }
    return sweep.bound_count ? run(s, scope, &sweep, err) : PAWL_OK;
}

static int sweep_bounds(struct sweeping *s, pawl_error *err)
{
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK && !shall_end(s);) {
        struct page page;
        struct query query = {.kind = QUERY_OLD_BOUNDS, .limit = CANDIDATES};
        uint32_t before = s->swept.forgotten + s->removed;
        status = pawli_store_query(s->store->opened->store, &query, &page, err);
        if (status < 0)
            break;
        status = sweep_bounds_of(s, &page, err);
        more = page.more && s->swept.forgotten + s->removed > before;
        pawli_page_done(&page);
    }
    return status;
}

/* Whether any policy of the store lets ended messages go: most keep everything, and then the walk is spared. What was made
 * when no message may be so old has not ended long enough; unless the clock went back since, its number tells when. */
static int sweep_ended(struct sweeping *s, pawl_error *err)
{
    struct page page;
    struct query query = {.kind = QUERY_QUEUES, .limit = UINT32_MAX};
    int64_t least = INT64_MAX;
    int status = pawli_store_query(s->store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < page.count; i++) {
        static const enum state ends[] = {STATE_DELIVERED, STATE_DEAD, STATE_CANCELLED};
        for (size_t j = 0; j < COUNT_OF(ends); j++) {
            int64_t keep = pawli_policy_keep_ms(&page.queues[i].policy, ends[j]);
            least = keep > 0 && keep < least ? keep : least;
        }
    }
    struct wall_time before = wall_after_ms(page.wall, -least);
    pawli_page_done(&page);
    if (before.ms >= s->clock.ahead.ms)
        s->ended_before = before;
    return least == INT64_MAX ? PAWL_OK : sweep_old(s, OLD_ENDED, false, err);
}

/* What waits for a date that a clock gave which was ahead: there is none, unless the clock went back and is still behind. */
static int mend_dates(struct sweeping *s, pawl_error *err)
{
    if (s->clock.backs == s->clock.mended || s->clock.ahead.ms <= s->clock.wall.ms)
        return PAWL_OK;
    static const enum old olds[] = {OLD_BLOCKED, OLD_READY, OLD_READY_UNTIL};
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(olds); i++)
        status = sweep_old(s, olds[i], true, err);
    return status == PAWL_OK && !shall_end(s) ? run(s, s->store->scope, &(struct sweep){.mended = s->clock.backs}, err)
                                              : status;
}

int pawli_sweep_lost(pawl_store *store, struct boot_time *ret_next, pawl_error *err)
{
    struct sweeping s = {.store = store};
    struct query query = {.kind = QUERY_LOOK};
    int status = PAWL_OK;
    do {
        struct page page;
        status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        bool any = page.look.is_lost;
        *ret_next = page.look.next_lease;
        pawli_page_done(&page);
        s.lost = 0;
        if (any)
            status = run(&s, store->scope, &(struct sweep){0}, err);
    } while (status == PAWL_OK && s.lost > 0);
    return status;
}

static int read_clocks(struct sweeping *s, pawl_error *err)
{
    struct opened *opened = s->store->opened;
    struct page page;
    int status = pawli_store_query(opened->store, &(struct query){.kind = QUERY_STORE}, &page, err);
    if (status < 0)
        return status;
    opened->env->ops->boot_id(opened->env, &s->boot_id);
    s->row = page.store;
    s->clock = pawli_clock_at(&s->row, &s->boot_id, page.wall, page.boot);
    pawli_page_done(&page);
    return PAWL_OK;
}

int pawl_sweep(pawl_store *store, pawl_swept *ret_swept, pawl_error *err)
{
    return pawli_sweep(store, NULL, ret_swept, err);
}

int pawli_sweep(pawl_store *store, const _Atomic bool *shall_end, pawl_swept *ret_swept, pawl_error *err)
{
    /* Lines before their heads: a head that ends promotes the next, which this sweep shall have seen. */
    static const enum old olds[] = {OLD_BLOCKED,     OLD_BLOCKED_UNTIL, OLD_READY,
                                    OLD_READY_AGAIN, OLD_READY_UNTIL,   OLD_HELD_UNTIL};
    struct sweeping s = {.store = store, .shall_end = shall_end};
    struct boot_time next_lease;
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_swept", ret_swept, err);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_sweep_lost(store, &next_lease, err);
    if (status == PAWL_OK)
        status = read_clocks(&s, err);
    if (status == PAWL_OK)
        status = mend_dates(&s, err);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(olds); i++)
        status = sweep_old(&s, olds[i], false, err);
    if (status == PAWL_OK)
        status = sweep_gone(&s, PLACE_BLOCKED, err);
    if (status == PAWL_OK)
        status = sweep_gone(&s, PLACE_READY, err);
    if (status == PAWL_OK)
        status = sweep_ended(&s, err);
    if (status == PAWL_OK)
        status = sweep_bounds(&s, err);
    if (status == PAWL_OK)
        pawli_give_out(ret_swept, &s.swept, sizeof s.swept);
    return status;
}
