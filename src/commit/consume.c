/* SPDX-License-Identifier: MIT */
#include "commit/consume.h"

#include "model/check.h"

int pawli_check_consume(const struct consume *how, pawl_error *err)
{
    int status = how->consumer ? pawli_check_name("consumer", text_of(how->consumer), err) : PAWL_OK;
    if (status == PAWL_OK && how->lease_ms != 0)
        status = pawli_check_range("lease_ms", how->lease_ms, 1, LIMIT_LEASE_MS, err);
    if (status == PAWL_OK)
        status = pawli_check_range("limit", how->limit, 0, LIMIT_CLAIM, err);
    return status == PAWL_OK ? pawli_check_range("wait_ms", how->wait_ms, 0, INT64_MAX / 1000000, err) : status;
}

#define CLAIM_LOOK   500 /* how far one looks that found nothing but what had expired */
#define CLAIM_ROUNDS 100 /* and how often */

static bool names_one(const struct consume *how)
{
    return how->named || !uuid_is_nil(&how->id);
}

static bool is_held(const struct page *page)
{
    for (size_t i = 0; i < page->look_hold_count; i++)
        if (hold_is_on(&page->look_holds[i].row, page->wall))
            return true;
    return false;
}

/* Whether a claim would find something; if not, *again is when to look again at the latest. */
int pawli_consume_look(pawl_store *store, const struct consume *how, bool *worth_it, struct boot_time *again,
                       pawl_error *err)
{
    struct page page;
    int status = pawli_store_query(store->opened->store,
                                   &(struct query){.kind = QUERY_LOOK,
                                                   .scope = store->scope,
                                                   .lane = text_of(how->lane),
                                                   .target = text_of(how->target),
                                                   .phase = how->phase},
                                   &page, err);
    if (status < 0)
        return status;
    bool held = is_held(&page);
    *worth_it = (page.look.is_due && !held) || page.look.is_lost;
    *again = boot_of_wall(page.look.next_due, page.wall, page.boot);
    if (held)
        *again = BOOT_NEVER;
    for (size_t i = 0; i < page.look_hold_count; i++)
        if (hold_is_on(&page.look_holds[i].row, page.wall))
            *again = boot_earlier(*again, boot_of_wall(page.look_holds[i].row.until, page.wall, page.boot));
    *again = boot_earlier(*again, page.look.next_lease);
    pawli_page_done(&page);
    return PAWL_OK;
}

int pawli_draft_claim(pawl_store *store, const struct consume *how, struct unit *unit, struct claim *claim,
                      pawl_error *err)
{
    struct arena *arena = &unit->arena;
    *claim = (struct claim){.kind = how->kind,
                            .lane = pawli_arena_text(arena, text_of(how->lane)),
                            .target = pawli_arena_text(arena, text_of(how->target)),
                            .consumer = pawli_arena_text(arena, text_of(how->consumer ? how->consumer : "unnamed")),
                            .phase = how->phase,
                            .id = how->id,
                            .named = pawli_arena_text(arena, text_of(how->named)),
                            .limit = names_one(how) ? 1 : how->limit,
                            .size_max = how->size_max ? how->size_max : UINT64_MAX,
                            .look = how->limit,
                            .lease_ms = how->lease_ms,
                            .by_hand = !how->ends_with_process};
    pawli_unit_add(unit, &claim->effect, &pawli_effect_claim);
    unit->deadline = pawli_deadline(store->opened, 0);
    return pawli_arena_failed(arena) ? pawli_no_memory(err) : PAWL_OK;
}

/* All that it looked at was passed over: behind that may stand what can be taken. */
static bool goes_on(struct claim *claim, unsigned *rounds)
{
    claim->look = claim->limit > CLAIM_LOOK ? claim->limit : CLAIM_LOOK;
    bool names = claim->named.data || !uuid_is_nil(&claim->id);
    return claim->count == 0 && claim->passed > 0 && !names && ++*rounds < CLAIM_ROUNDS;
}

static int claim_once(pawl_store *store, const struct consume *how, struct unit *unit, struct claim *claim,
                      pawl_error *err)
{
    unsigned rounds = 0;
    int status = pawli_draft_claim(store, how, unit, claim, err);
    while (status == PAWL_OK) {
        status = pawli_commit(unit, err);
        if (status < 0 || !goes_on(claim, &rounds))
            break;
    }
    return status;
}

/* ---- waiting ---- */

static int wait_between(pawl_store *store, int64_t wait_ms, pawli_try *attempt, void *data, pawl_error *err)
{
    struct env *env = store->opened->env;
    struct store *inner = store->opened->store;
    struct boot_time until = boot_after_ms(env->ops->boot_now(env), wait_ms);
    for (;;) {
        uint64_t seen = pawli_store_news(inner, NEWS_COMMIT);
        struct boot_time again = BOOT_NEVER;
        bool is_done = false;
        int status = attempt(data, &is_done, &again, err);
        if (status < 0 || is_done || env->ops->boot_now(env).ns >= until.ns)
            return status;
        pawli_store_wait(inner, NEWS_COMMIT, seen, boot_earlier(until, again));
    }
}

/* Waiting is a loop of this thread, never a place in the queue. */
int pawli_keep_trying(pawl_store *store, int64_t wait_ms, pawli_try *attempt, void *data, pawl_error *err)
{
    struct store *inner = store->opened->store;
    if (wait_ms > 0)
        pawli_store_listen(inner, true);
    int status = wait_between(store, wait_ms, attempt, data, err);
    if (wait_ms > 0)
        pawli_store_listen(inner, false);
    return status;
}

struct consuming {
    pawl_store *store;
    const struct consume *how;
    struct unit *unit;
    struct claim *claim;
};

static int try_to_claim(void *data, bool *is_done, struct boot_time *again, pawl_error *err)
{
    const struct consuming *c = data;
    struct env *env = c->store->opened->env;
    bool worth_it = names_one(c->how);
    int status = worth_it ? PAWL_OK : pawli_consume_look(c->store, c->how, &worth_it, again, err);
    if (status < 0 || !worth_it)
        return status;
    pawli_unit_done(c->unit);
    pawli_unit_init(c->unit, &c->store->opened->committer, c->store->scope);
    status = claim_once(c->store, c->how, c->unit, c->claim, err);
    *is_done = c->claim->count > 0 || names_one(c->how);
    /* What was due expired or went to somebody else: that was a commit, which ends the wait. Or it cannot be read, or limits
     * leave no more. */
    *again = c->claim->again.ns ? c->claim->again : boot_after_ms(env->ops->boot_now(env), 1000);
    return status;
}

int pawli_consume(pawl_store *store, const struct consume *how, struct unit *unit, struct claim *claim, pawl_error *err)
{
    struct consuming consuming = {store, how, unit, claim};
    pawli_unit_init(unit, &store->opened->committer, store->scope);
    *claim = (struct claim){0};
    int status = pawli_store_check_write(store->opened->store, err);
    if (status < 0 || (how->limit == 0 && !names_one(how)))
        return status;
    return pawli_keep_trying(store, how->wait_ms, try_to_claim, &consuming, err);
}

/* ---- with a callback ---- */

struct request {
    struct unit unit;
    struct claim claim;
    unsigned rounds;
    pawli_consumed *done;
    void *data;
};

static void answered(struct unit *unit, void *data)
{
    struct request *request = data;
    if (unit->status == PAWL_OK && goes_on(&request->claim, &request->rounds) &&
        pawli_commit_later(unit, answered, request, NULL) == PAWL_OK)
        return;
    request->done(request->data, unit->status, unit, &request->claim);
    pawli_unit_done(unit);
    pawli_free(request);
}

int pawli_consume_later(pawl_store *store, const struct consume *how, pawli_consumed *done, void *data, pawl_error *err)
{
    struct request *request = pawli_alloc(sizeof *request);
    if (!request)
        return pawli_no_memory(err);
    request->done = done;
    request->data = data;
    pawli_unit_init(&request->unit, &store->opened->committer, store->scope);
    int status = pawli_draft_claim(store, how, &request->unit, &request->claim, err);
    if (status == PAWL_OK)
        status = pawli_commit_later(&request->unit, answered, request, err);
    if (status < 0) {
        pawli_unit_done(&request->unit);
        pawli_free(request);
    }
    return status;
}
