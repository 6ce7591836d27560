/* SPDX-License-Identifier: MIT */
/* One batch: gather what its units will look at, load, decide unit by unit, save. */
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

static bool gather(struct round *round)
{
    struct view *view = &round->view;
    pawli_arena_reset(&round->arena);
    pawli_view_init(view, &round->arena, round->committer->seed);
    view->committer.row = round->committer->own;
    view->store.tokens = round->committer->tokens;
    view->full_percent = pawli_pressure_refuses(round->pressure);
    for (struct unit *unit = round->units; unit; unit = unit->next)
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
    unit->changes_nothing = unit->is_refused = false;
    int status = decide_effects(committer, view, unit);
    if (status < 0) {
        pawli_view_undo_unit(view);
        unit->status = status;
        unit->is_refused = !unit->error.native; /* of a full disk it is the system's */
    }
}

/* The marker of this batch; in a caller's own transaction its commit is the marker. */
static bool mark(struct committer *committer, struct view *view, bool joined)
{
    struct view_committer *own = &view->committer;
    if (joined)
        return true;
    pawli_view_begin_unit(view);
    if (!pawli_view_touch(view, &own->slot))
        return false;
    if (!own->slot.exists) {
        if (!pawli_view_touch(view, &view->store.slot))
            return false;
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
static bool decide(struct round *round)
{
    struct committer *committer = round->committer;
    struct view *view = &round->view;
    if (!mark(committer, view, round->joined))
        return false;
    for (struct unit *unit = round->units; unit; unit = unit->next)
        if (!unit->claims)
            decide_unit(committer, view, unit);
    if (view->lost_limit) {
        pawli_view_begin_unit(view);
        if (!pawli_settle_lost(view))
            return false;
    }
    for (struct unit *unit = round->units; unit; unit = unit->next)
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

enum store_result pawli_round_begin(struct round *round, struct boot_time until, pawl_error *err)
{
    round->units = NULL;
    round->batch = NULL;
    round->txn = NULL;
    round->ticket = 0;
    round->sync_ns = 0;
    round->joined = round->syncs = round->is_news = false;
    return pawli_store_begin(round->committer->store, until, &round->txn, err);
}

void pawli_round_drop(struct round *round)
{
    pawli_store_drop(round->committer->store, round->txn);
    round->txn = NULL;
}

/* The reply to a COMMIT is lost: its marker tells. Where it never was, all of it again, in another transaction. */
static enum store_result resolve(struct round *round, struct boot_time until, pawl_error *err)
{
    struct store *store = round->committer->store;
    bool committed = false;
    pawli_round_drop(round);
    if (pawli_store_resolve(store, &round->view.committer.row, until, &committed, NULL) != STORE_OK)
        return STORE_UNKNOWN; /* the error says what save said */
    if (committed)
        return STORE_OK;
    enum store_result result = pawli_store_begin(store, until, &round->txn, err);
    return result == STORE_OK ? STORE_RACE : result;
}

static enum store_result save(struct round *round, struct boot_time until, pawl_error *err)
{
    struct committer *committer = round->committer;
    struct view *view = &round->view;
    struct env *env = committer->env;
    struct boot_time begin = round->syncs ? env->ops->boot_now(env) : (struct boot_time){0};
    enum store_result result = pawli_store_save(committer->store, round->txn, until, view, round->syncs, err);
    round->sync_ns = round->syncs ? env->ops->boot_now(env).ns - begin.ns : 0;
    if (result == STORE_UNKNOWN) /* joined, no COMMIT was sent: dropped, it never was */
        result = round->joined ? pawli_store_fail(err, STORE_BUSY) : resolve(round, until, err);
    pawli_pressure_wrote(round->pressure, result);
    if (result != STORE_OK || round->joined)
        return result;
    committer->own = view->committer.row;
    committer->tokens = view->store.tokens;
    round->ticket = committer->seen_commits = view->store.row.commits;
    round->is_news = true;
    return STORE_OK;
}

static enum store_result try_round(struct round *round, pawl_error *err)
{
    struct committer *committer = round->committer;
    struct view *view = &round->view;
    struct env *env = committer->env;
    struct boot_time until = last_deadline(round->units);
    pawli_pressure_look(round->pressure, committer->store, env->ops->boot_now(env));
    if (!gather(round))
        return pawli_store_fail(err, STORE_NO_MEMORY);
    enum store_result result = pawli_store_load(committer->store, round->txn, until, view, err);
    if (result != STORE_OK)
        return result;
    round->ticket = view->seen_commits;
    view->wakes = view->seen_commits != committer->seen_commits;
    if (!decide(round))
        return pawli_store_fail(err, STORE_NO_MEMORY);
    if (!round->joined && is_nothing(view, round->units))
        return STORE_OK;
    /* Inside a caller's transaction a refused unit must leave nothing at all. */
    if (round->joined && round->units->status < 0)
        return STORE_OK;
    return save(round, until, err);
}

void pawli_round_fail(struct round *round, enum store_result result, const pawl_error *error)
{
    round->is_news = false;
    for (struct unit *unit = round->units; unit; unit = unit->next) {
        unit->status = pawli_store_status(result);
        unit->error = *error;
    }
}

void pawli_round_save(struct round *round)
{
    pawl_error error = {0};
    enum store_result result = STORE_RACE;
    for (int i = 0; result == STORE_RACE && i < RACES_MAX; i++)
        result = try_round(round, &error);
    if (result == STORE_RACE)
        pawli_store_fail(&error, STORE_BUSY);
    if (result != STORE_OK)
        pawli_round_fail(round, result, &error);
    pawli_round_drop(round);
}

bool pawli_round_news(const struct round *round, uint64_t *queues, size_t *ret_count)
{
    const struct view *view = &round->view;
    *ret_count = 0;
    if (!round->is_news)
        return false;
    for (size_t i = 0; i < view->queues.count && !view->wakes; i++) {
        const struct view_queue *queue = view->queues.at[i];
        if (!queue->has_ready)
            continue;
        if (*ret_count == ROUND_TOLD_MAX || !queue->scope)
            return true;
        queues[(*ret_count)++] = pawli_queue_hash(queue->scope->row.name, queue->row.lane, queue->row.target);
    }
    return view->wakes;
}

bool pawli_round_claims(const struct round *round)
{
    const struct view *view = &round->view;
    for (size_t i = 0; round->is_news && i < view->tasks.count; i++) {
        const struct view_task *task = view->tasks.at[i];
        if (task->slot.changed && task->row.place == PLACE_CLAIMED)
            return true;
    }
    return false;
}
