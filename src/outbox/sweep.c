/* SPDX-License-Identifier: MIT */
/* The sweep: walks over what time may end, read-only, and hands candidates to units that decide afresh. */
#include "outbox/sweep.h"

#include "commit/handle.h"
#include "model/check.h"

#define CANDIDATES 500

struct sweeping {
    pawl_store *store;
    pawl_swept swept;
};

static int run(struct sweeping *s, struct text scope, uint64_t *numbers, size_t count, const struct sweep_bound *bounds,
               size_t bound_count, pawl_error *err)
{
    struct opened *opened = s->store->opened;
    struct unit unit;
    struct sweep sweep = {.numbers = numbers, .count = count, .bounds = bounds, .bound_count = bound_count};
    pawli_unit_init(&unit, &opened->committer, scope);
    pawli_unit_add(&unit, &sweep.effect, &pawli_effect_sweep);
    unit.deadline = pawli_deadline(opened, 0);
    int status = pawli_arena_failed(&unit.arena) ? pawli_no_memory(err) : pawli_commit(&unit, err);
    pawli_unit_done(&unit);
    s->swept.expired += sweep.expired;
    s->swept.purged += sweep.purged;
    s->swept.suspected += sweep.suspected;
    s->swept.forgotten += sweep.forgotten;
    return status;
}

/* Whether time may have ended it; the unit decides. */
static bool is_candidate(const struct page *page, const struct old_item *item, enum place place)
{
    int64_t now = page->wall.ms;
    if (place == PLACE_ENDED) {
        int64_t keep = policy_get(&item->policy, POLICY_KEEP_MS);
        return keep > 0 && wall_after_ms(item->ends, keep).ms <= now;
    }
    if (place == PLACE_HELD && item->phase != PHASE_SEND)
        return item->phase == PHASE_POLL && item->ends.ms <= now;
    struct message_row message = {.created = item->created, .expires = item->expires};
    return pawli_expiry_of(&message, (struct wall_time){0}, &item->policy).ms <= now;
}

/* One page of a place: candidates of one scope go into one unit. */
static int sweep_page(struct sweeping *s, const struct page *page, enum place place, pawl_error *err)
{
    uint64_t numbers[CANDIDATES];
    size_t count = 0;
    struct text scope = {0};
    for (size_t i = 0; i < page->count; i++) {
        const struct old_item *item = &page->olds[i];
        if (!is_candidate(page, item, place))
            continue;
        if (count == CANDIDATES || (count && !text_equal(scope, item->scope))) {
            int status = run(s, scope, numbers, count, NULL, 0, err);
            if (status < 0)
                return status;
            count = 0;
        }
        scope = item->scope;
        numbers[count++] = item->number;
    }
    return count ? run(s, scope, numbers, count, NULL, 0, err) : PAWL_OK;
}

static int sweep_place(struct sweeping *s, enum place place, pawl_error *err)
{
    struct query query = {.kind = QUERY_OLD, .place = place, .limit = 2000};
    struct arena keys = {0}; /* the cursor's key outlives the page that it came from */
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK;) {
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

static int sweep_bounds(struct sweeping *s, pawl_error *err)
{
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK;) {
        struct page page;
        struct query query = {.kind = QUERY_OLD_BOUNDS, .limit = CANDIDATES};
        uint32_t before = s->swept.forgotten;
        status = pawli_store_query(s->store->opened->store, &query, &page, err);
        if (status < 0)
            break;
        for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
            const struct bound_item *item = &page.bounds[i];
            struct sweep_bound bound = {
                .lane = item->lane, .target = item->target, .key = item->key, .kind = item->kind};
            status = run(s, item->scope, NULL, 0, &bound, 1, err);
        }
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

int pawli_sweep_lost(pawl_store *store, pawl_error *err)
{
    struct sweeping s = {.store = store};
    struct page page;
    struct query query = {.kind = QUERY_LOOK, .scope = store->scope, .lane = TEXT("-"), .target = TEXT("-")};
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    bool lost = page.look.is_lost;
    pawli_page_done(&page);
    return lost ? run(&s, store->scope, NULL, 0, NULL, 0, err) : PAWL_OK;
}

int pawl_sweep(pawl_store *store, pawl_swept *ret_swept, pawl_error *err)
{
    /* Lines before their heads: a head that ends promotes the next, which this sweep shall have seen. */
    static const enum place places[] = {PLACE_BLOCKED, PLACE_READY, PLACE_HELD};
    struct sweeping s = {.store = store};
    bool keeps = true;
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_swept", ret_swept, err);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_sweep_lost(store, err);
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
