/* SPDX-License-Identifier: MIT */
/* One batch: gather what its units will look at, load, decide unit by unit, save. After a race all of it again: units are
 * read-only but for their answers. */
#include "commit/committer.h"

#define RACES_MAX 100

static bool gather_unit(struct view *view, struct unit *unit)
{
    unit->view_scope = pawli_view_scope(view, unit->scope);
    if (!unit->view_scope)
        return false;
    unit->view_record_scope = unit->view_scope;
    if (unit->record) {
        unit->view_record_scope = pawli_view_scope(view, unit->record_scope);
        if (!unit->view_record_scope || !pawli_gather_record(unit, view))
            return false;
    }
    for (struct effect *effect = unit->effects; effect; effect = effect->next)
        if (!effect->ops->gather(unit, effect, view))
            return false;
    return true;
}

static bool gather(struct committer *committer, struct view *view, struct unit *units)
{
    pawli_arena_reset(&committer->arena);
    pawli_view_init(view, &committer->arena, committer->seed);
    view->committer.row = committer->own;
    view->store.tokens = committer->tokens;
    for (struct unit *unit = units; unit; unit = unit->next)
        if (!gather_unit(view, unit))
            return false;
    return true;
}

static int decide_effects(struct committer *committer, struct view *view, struct unit *unit)
{
    if (unit->record) {
        enum record_check check = pawli_check_record(unit, view, &unit->error);
        if (check == CHECK_REPLAY)
            return PAWL_OK;
        if (check == CHECK_REFUSED)
            return unit->error.status;
    }
    for (struct effect *effect = unit->effects; effect; effect = effect->next) {
        int status = effect->ops->decide(unit, effect, view, &unit->error);
        if (status < 0)
            return status;
    }
    if (!unit->record || unit->changes_nothing)
        return PAWL_OK;
    return pawli_append_record(unit, view, &committer->hasher, &unit->error);
}

static void decide_unit(struct committer *committer, struct view *view, struct unit *unit)
{
    pawli_view_begin_unit(view);
    unit->status = PAWL_OK;
    unit->error = (pawl_error){0};
    unit->changes_nothing = false;
    int status = decide_effects(committer, view, unit);
    if (status < 0) {
        pawli_view_undo_unit(view);
        unit->status = status;
    }
}

/* A boot counts up when the machine's differs from the one that the store saw last: every lease of before is over. */
static void note_clocks(struct view *view)
{
    struct store_row *store = &view->store.row;
    store->clock = pawli_clock_at(store, &view->boot_id, view->wall, view->boot);
    if (uuid_equal(&store->boot_id, &view->boot_id))
        return;
    store->boot_id = view->boot_id;
    store->boot++;
    store->looks++;
    store->lease = (struct boot_time){
        0}; /* the next sweep shall look at all claims, the next claim at those of its queue */
}

/* The commit number, the clocks, and the marker of this batch; in a caller's own transaction its commit is the marker. */
static bool mark(struct committer *committer, struct view *view, bool joined)
{
    struct view_committer *own = &view->committer;
    pawli_view_begin_unit(view);
    if (!pawli_view_touch(view, &view->store.slot))
        return false;
    view->store.row.commits++;
    note_clocks(view);
    if (joined)
        return true;
    if (!pawli_view_touch(view, &own->slot))
        return false;
    if (!own->slot.exists) {
        own->row = (struct committer_row){.id = ++view->store.row.last_committer,
                                          .slot = pawli_store_slot(committer->store)};
        own->slot.exists = true;
        /* Whoever had the slot before may have left claims behind. */
        view->store.row.looks++;
        view->store.row.lease = (struct boot_time){0};
    }
    own->row.batch++;
    return true;
}

/* Claims come last and need to know whose they are, so the marker comes before them. */
static bool decide(struct committer *committer, struct view *view, struct unit *units, bool joined)
{
    if (!mark(committer, view, joined))
        return false;
    for (struct unit *unit = units; unit; unit = unit->next)
        if (!unit->claims)
            decide_unit(committer, view, unit);
    if (view->lost_limit) {
        pawli_view_begin_unit(view);
        if (!pawli_settle_lost(view))
            return false;
    }
    for (struct unit *unit = units; unit; unit = unit->next)
        if (unit->claims)
            decide_unit(committer, view, unit);
    return !pawli_arena_failed(view->arena);
}

/* Claims that found nothing leave no trace: nothing to commit, nobody to wake. */
static bool is_nothing(const struct view *view, const struct unit *units)
{
    for (const struct unit *unit = units; unit; unit = unit->next)
        if (!unit->claims)
            return false;
    for (size_t i = 0; i < view->tasks.count; i++)
        if (((const struct view_task *)view->tasks.at[i])->slot.changed)
            return false;
    return !view->forget_dead || view->dead_count == 0;
}

/* As long as anybody waits for an answer. */
static struct boot_time last_deadline(const struct unit *units)
{
    struct boot_time last = {0};
    for (const struct unit *unit = units; unit; unit = unit->next)
        last.ns = unit->deadline.ns > last.ns ? unit->deadline.ns : last.ns;
    return last;
}

/* The reply to a COMMIT is lost: its marker tells. Where it never was, all of it again, in another transaction. */
static enum store_result resolve(struct committer *committer, const struct view *view, struct boot_time until,
                                 struct txn **txn, pawl_error *err)
{
    struct store *store = committer->store;
    bool committed = false;
    pawli_store_drop(store, *txn);
    *txn = NULL;
    if (pawli_store_resolve(store, &view->committer.row, until, &committed, NULL) != STORE_OK)
        return STORE_UNKNOWN; /* the error says what save said */
    if (committed)
        return STORE_OK;
    enum store_result result = pawli_store_begin(store, until, txn, err);
    return result == STORE_OK ? STORE_RACE : result;
}

static enum store_result try_round(struct committer *committer, struct view *view, struct unit *units, struct txn **txn,
                                   bool joined, pawl_error *err)
{
    struct store *store = committer->store;
    struct boot_time until = last_deadline(units);
    if (!gather(committer, view, units))
        return pawli_store_fail(err, STORE_NO_MEMORY);
    enum store_result result = pawli_store_load(store, *txn, until, view, err);
    if (result != STORE_OK)
        return result;
    view->wakes = view->store.row.commits != committer->seen_commits;
    if (!decide(committer, view, units, joined))
        return pawli_store_fail(err, STORE_NO_MEMORY);
    if (!joined && is_nothing(view, units))
        return STORE_OK;
    /* Inside a caller's transaction a refused unit must leave nothing at all. */
    if (joined && units->status < 0)
        return STORE_OK;
    result = pawli_store_save(store, *txn, until, view, err);
    if (result == STORE_UNKNOWN) /* joined, no COMMIT was sent: dropped, it never was */
        result = joined ? pawli_store_fail(err, STORE_BUSY) : resolve(committer, view, until, txn, err);
    if (result == STORE_OK && !joined) {
        committer->own = view->committer.row;
        committer->tokens = view->store.tokens;
        committer->seen_commits = view->store.row.commits;
    }
    return result;
}

#define TOLD_MAX 32

/* After the commit, once: which queues have something ready now. */
static void tell(struct committer *committer, const struct view *view)
{
    uint64_t queues[TOLD_MAX];
    size_t count = 0;
    bool look = view->wakes;
    if (!pawli_committer_has_listeners(committer))
        return;
    for (size_t i = 0; i < view->queues.count && !look; i++) {
        const struct view_queue *queue = view->queues.at[i];
        if (!queue->has_ready)
            continue;
        if (count == TOLD_MAX || !queue->scope)
            look = true;
        else
            queues[count++] = pawli_queue_hash(queue->scope->row.name, queue->row.lane, queue->row.target);
    }
    if (look || count)
        pawli_committer_tell(committer, queues, look ? 0 : count);
}

void pawli_round(struct committer *committer, struct unit *units, struct txn **txn, bool joined)
{
    struct view view;
    pawl_error error = {0};
    enum store_result result = STORE_RACE;
    for (int i = 0; result == STORE_RACE && i < RACES_MAX; i++)
        result = try_round(committer, &view, units, txn, joined, &error);
    if (result == STORE_OK) {
        if (!joined)
            tell(committer, &view);
        return;
    }
    if (result == STORE_RACE)
        pawli_store_fail(&error, STORE_BUSY);
    int status = pawli_store_status(result);
    for (struct unit *unit = units; unit; unit = unit->next) {
        unit->status = status;
        unit->error = error;
    }
}
