/* SPDX-License-Identifier: MIT */
/* Named locks: claims of workflows of the kind pawl.lock. */
#include <inttypes.h>

#include "commit/consume.h"
#include "model/check.h"
#include "pawl/lock.h"
#include "workflow/build.h"

static int check_write(pawl_store *store, pawl_error *err)
{
    int status = pawli_store_check_write(store->opened->store, err);
    return status == PAWL_OK ? pawli_check_own_scope(store->scope, err) : status;
}

static int check_lease(int64_t lease_ms, pawl_error *err)
{
    return lease_ms == 0 ? PAWL_OK : pawli_check_range("lease_ms", lease_ms, 1, LIMIT_LEASE_MS, err);
}

/* ---- acquiring ---- */

struct trying {
    struct drafting drafting;
    struct acquiring *acquiring;
    bool was_refused; /* somebody has it: from then on looking comes first, which writes nothing */
};

static int check_options(const pawl_lock_options *options, pawl_error *err)
{
    const struct consume how = {.consumer = options->holder, .wait_ms = options->wait_ms};
    int status = pawli_check_lock_name("name", text_of(options->name), err);
    if (status == PAWL_OK && options->holder)
        status = pawli_check_name("holder", text_of(options->holder), err);
    if (status == PAWL_OK)
        status = check_lease(options->lease_ms, err);
    return status == PAWL_OK ? pawli_check_consume(&how, err) : status;
}

static int draft(struct trying *trying, const pawl_lock_options *options, pawl_error *err)
{
    struct drafting *drafting = &trying->drafting;
    struct acquiring *acquiring = pawli_draft_effect(drafting, &pawli_effect_acquiring);
    if (!acquiring)
        return pawli_no_memory(err);
    trying->acquiring = acquiring;
    acquiring->holder = pawli_draft_text(drafting, options->holder ? options->holder : "unnamed");
    acquiring->lease_ms = options->lease_ms;
    acquiring->by_hand = !options->ends_with_process;
    return pawli_draft_good_start(drafting, &(pawl_start){PAWL_START, .kind = LOCK_KIND, .id = options->name},
                                  &acquiring->start, err);
}

static int look(struct trying *trying, struct lock_state *state, pawl_error *err)
{
    pawl_store *store = trying->drafting.store;
    struct page page;
    int status = pawli_read_workflow_row(store, LOCK_KIND, trying->acquiring->start.ref.id.data, &page, err);
    if (status < 0)
        return status;
    pawli_lock_look(&page.workflows->workflow, &page.workflows->task, page.boot, state);
    state->is_free |= page.workflows->lost;
    pawli_page_done(&page);
    return PAWL_OK;
}

static int try_to_acquire(void *data, bool *is_done, struct boot_time *again, pawl_error *err)
{
    struct trying *trying = data;
    struct acquiring *acquiring = trying->acquiring;
    int status = trying->was_refused ? look(trying, &acquiring->state, err) : PAWL_OK;
    if (status == PAWL_OK && (!trying->was_refused || acquiring->state.is_free)) {
        status = pawli_draft_commit(&trying->drafting, NULL, err);
        *is_done = acquiring->is_acquired;
        trying->was_refused = true;
    }
    *again = acquiring->state.again;
    return status;
}

static int refuse_held(const struct trying *trying, pawl_error *err)
{
    struct env *env = trying->drafting.store->opened->env;
    const struct lock_state *state = &trying->acquiring->state;
    const struct text name = trying->acquiring->start.ref.id;
    if (state->is_paused)
        return pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "it is paused: lock \"%.*s\"", TEXT_ARG(name)),
                          "nobody gets it until it is resumed: see \"pawl workflows show\" and \"resume\" of %s",
                          LOCK_KIND);
    int64_t left = (state->until.ns - env->ops->boot_now(env).ns) / 1000000;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EBUSY, "%s has it, for %" PRId64 " ms more unless it extends: lock \"%.*s\"",
                                 state->holder, left > 0 ? left : 0, TEXT_ARG(name)),
                      "wait for longer (wait_ms), or try again then; \"pawl workflows stop %s --force\" takes it away",
                      LOCK_KIND);
}

int pawl_lock_acquire(pawl_store *store, const pawl_lock_options *options, pawl_lock *ret_lock, pawl_error *err)
{
    pawl_lock_options copy;
    struct trying trying = {0};
    int status = pawli_check_given(err, store, options, ret_lock);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, options))
        return pawli_bad_struct("pawl_lock_options", err);
    status = check_options(&copy, err);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_lock", ret_lock, err);
    if (status == PAWL_OK)
        status = check_write(store, err);
    if (status < 0)
        return status;
    pawli_drafting_init(&trying.drafting, store);
    status = draft(&trying, &copy, err);
    if (status == PAWL_OK)
        status = pawli_keep_trying(store, copy.wait_ms, try_to_acquire, &trying, err);
    const struct acquiring *acquiring = trying.acquiring;
    if (status == PAWL_OK && acquiring->is_acquired)
        pawli_give_out(ret_lock,
                       &(pawl_lock){.token = acquiring->token,
                                    .fence = acquiring->fence,
                                    .lease_until_ms = acquiring->lease_until.ms},
                       sizeof *ret_lock);
    else if (status == PAWL_OK)
        status = refuse_held(&trying, err);
    pawli_drafting_done(&trying.drafting);
    return status;
}

/* ---- holding ---- */

static int change(pawl_store *store, const char *name, const struct lock_change *what, pawl_error *err)
{
    struct drafting drafting;
    int status = pawli_check_given(err, store, name);
    if (status == PAWL_OK)
        status = pawli_check_lock_name("name", text_of(name), err);
    if (status == PAWL_OK)
        status = check_lease(what->lease_ms, err);
    if (status == PAWL_OK)
        status = check_write(store, err);
    if (status < 0)
        return status;
    pawli_drafting_init(&drafting, store);
    struct lock_change *change = pawli_draft_effect(&drafting, &pawli_effect_lock_change);
    if (change) {
        change->ref = pawli_draft_ref(&drafting, LOCK_KIND, name);
        change->token = what->token;
        change->releases = what->releases;
        change->lease_ms = what->lease_ms;
    }
    bool failed = !change || pawli_arena_failed(&drafting.unit.arena);
    status = failed ? pawli_no_memory(err) : pawli_draft_commit(&drafting, NULL, err);
    pawli_drafting_done(&drafting);
    return status;
}

int pawl_lock_extend(pawl_store *store, const char *name, uint64_t token, int64_t lease_ms, pawl_error *err)
{
    return change(store, name, &(struct lock_change){.token = token, .lease_ms = lease_ms}, err);
}

int pawl_lock_release(pawl_store *store, const char *name, uint64_t token, pawl_error *err)
{
    return change(store, name, &(struct lock_change){.token = token, .releases = true}, err);
}

/* ---- what is written under it ---- */

static int add_fence(struct drafting *drafting, struct fences *fences, const char *name, uint64_t token,
                     pawl_error *err)
{
    int status = pawli_check_given(err, name);
    if (status == PAWL_OK)
        status = pawli_check_lock_name("name", text_of(name), err);
    if (status < 0)
        return status;
    if (fences->count == LIMIT_STARTS)
        return pawli_fail(err, PAWL_ELIMIT, "locks has over %d items", LIMIT_STARTS);
    if (!pawli_arena_reserve(&drafting->unit.arena, (void **)&fences->items, sizeof *fences->items, fences->count + 1,
                             &fences->room))
        return pawli_no_memory(err);
    fences->items[fences->count++] = (struct fence){pawli_draft_ref(drafting, LOCK_KIND, name), token};
    return pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : PAWL_OK;
}

void pawl_transition_lock(pawl_transition *t, const char *name, uint64_t token)
{
    struct drafting *drafting = pawli_building(t);
    struct fences *fences = drafting ? pawli_draft_effect(drafting, &pawli_effect_fences) : NULL;
    if (drafting && !fences)
        pawli_no_memory(&drafting->error);
    else if (drafting && add_fence(drafting, fences, name, token, &drafting->error) < 0)
        pawli_error_item(&drafting->error, "lock", fences->count, 2);
}
