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
    struct store_row row; /* when the sweep began */
    pawl_uuid boot_id;
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
    s->lost = sweep->lost;
    return status;
}

/* Whether time may have ended it; the unit decides. */
static bool is_candidate(const struct sweeping *s, const struct page *page, const struct old_item *item,
                         enum place place)
{
    struct clock clock = pawli_clock_at(&s->row, &s->boot_id, page->wall, page->boot);
    int64_t now = page->wall.ms, keep = policy_get(&item->policy, POLICY_KEEP_MS);
    if (place == PLACE_ENDED)
        return keep > 0 && pawli_end_of(&clock, item->ends, keep).ms <= now;
    if (place == PLACE_HELD)
        return item->phase == PHASE_POLL && item->ends.ms <= now;
    const struct message_row message = {
        .created = item->created, .available = item->available, .expires = item->expires};
    const struct task_row task = {.is_due_first = item->is_due_first, .updated = item->updated};
    return (pawli_paused_until(&item->paused).ms <= now &&
            pawli_expiry_of(&clock, &message, item->retried, &item->policy, &item->paused).ms <= now) ||
           pawli_is_misdated(&clock, &message, &task);
}

/* One page of a place: candidates of one scope go into one unit. */
static int sweep_page(struct sweeping *s, const struct page *page, enum place place, pawl_error *err)
{
    struct sweep_task items[CANDIDATES];
    struct sweep sweep = {.items = items};
    struct text scope = {0};
    for (size_t i = 0; i < page->count; i++) {
        const struct old_item *item = &page->olds[i];
        if (!is_candidate(s, page, item, place))
            continue;
        if (sweep.count == CANDIDATES || (sweep.count && !text_equal(scope, item->scope))) {
            int status = run(s, scope, &sweep, err);
            if (status < 0)
                return status;
            sweep = (struct sweep){.items = items};
        }
        scope = item->scope;
        items[sweep.count++] = (struct sweep_task){item->number, item->lane, item->target};
    }
    return sweep.count ? run(s, scope, &sweep, err) : PAWL_OK;
}

static int sweep_place(struct sweeping *s, enum place place, pawl_error *err)
{
    struct query query = {.kind = QUERY_OLD, .place = place, .limit = 2000};
    struct arena keys = {0}; /* the cursor's key outlives the page that it came from */
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK && !shall_end(s);) {
        struct page page;
        status = pawli_store_query(s->store->opened->store, &query, &page, err);
        if (status < 0)
            break;
        status = sweep_page(s, &page, place, err);
        more = page.more;
        query.cursor = page.cursor;
        pawli_arena_reset(&keys);
        query.cursor.key = pawli_arena_text(&keys, page.cursor.key);
        if (pawli_arena_failed(&keys))
            status = pawli_no_memory(err);
        pawli_page_done(&page);
    }
    pawli_arena_done(&keys);
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
        bounds[sweep.bound_count++] = (struct sweep_bound){item->lane, item->target, item->key, item->kind};
    }
    return sweep.bound_count ? run(s, scope, &sweep, err) : PAWL_OK;
}

static int sweep_bounds(struct sweeping *s, pawl_error *err)
{
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK && !shall_end(s);) {
        struct page page;
        struct query query = {.kind = QUERY_OLD_BOUNDS, .limit = CANDIDATES};
        uint32_t before = s->swept.forgotten;
        status = pawli_store_query(s->store->opened->store, &query, &page, err);
        if (status < 0)
            break;
        status = sweep_bounds_of(s, &page, err);
        more = page.more && s->swept.forgotten > before;
        pawli_page_done(&page);
    }
    return status;
}

/* Whether any policy of the store lets ended messages go: most keep everything, and then the walk is spared. */
static int keeps_everything(struct sweeping *s, bool *keeps, pawl_error *err)
{
    struct page page;
    struct query query = {.kind = QUERY_QUEUES, .limit = UINT32_MAX};
    int status = pawli_store_query(s->store->opened->store, &query, &page, err);
    *keeps = true;
    for (size_t i = 0; status == PAWL_OK && i < page.count; i++)
        *keeps &= policy_get(&page.queues[i].policy, POLICY_KEEP_MS) == 0;
    if (status == PAWL_OK)
        pawli_page_done(&page);
    return status;
}

int pawli_sweep_lost(pawl_store *store, struct boot_time *ret_next, pawl_error *err)
{
    struct sweeping s = {.store = store};
    struct query query = {.kind = QUERY_LOOK, .scope = store->scope, .lane = TEXT("-"), .target = TEXT("-")};
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
    static const enum place places[] = {PLACE_BLOCKED, PLACE_READY, PLACE_HELD};
    struct sweeping s = {.store = store, .shall_end = shall_end};
    struct boot_time next_lease;
    bool keeps = true;
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_swept", ret_swept, err);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_sweep_lost(store, &next_lease, err);
    if (status == PAWL_OK)
        status = read_clocks(&s, err);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(places); i++)
        status = sweep_place(&s, places[i], err);
    if (status == PAWL_OK)
        status = keeps_everything(&s, &keeps, err);
    if (status == PAWL_OK && !keeps)
        status = sweep_place(&s, PLACE_ENDED, err);
    if (status == PAWL_OK)
        status = sweep_bounds(&s, err);
    if (status == PAWL_OK)
        pawli_give_out(ret_swept, &s.swept, sizeof s.swept);
    return status;
}
