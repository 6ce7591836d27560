/* SPDX-License-Identifier: MIT */
/* Named locks: who has one, for how long, and that nobody writes under one that he lost. */
#include "conformance.h"

#define LOCK(lock_name, ...) (&(pawl_lock_options){PAWL_LOCK_OPTIONS, .name = (lock_name), __VA_ARGS__})

static pawl_lock acquire_in(pawl_store *store, const pawl_lock_options *options)
{
    pawl_lock lock = {PAWL_LOCK};
    assert_ok(pawl_lock_acquire(store, options, &lock, &err));
    assert_int_not_equal(lock.token, 0);
    return lock;
}

static pawl_lock acquire(struct world *w, const pawl_lock_options *options)
{
    return acquire_in(w->store, options);
}

static void release(struct world *w, const char *name, pawl_lock lock)
{
    assert_ok(pawl_lock_release(w->store, name, lock.token, &err));
}

/* Nothing is given out, and nothing is written, not even that somebody asked. */
static void is_held_in(pawl_store *store, const pawl_lock_options *options)
{
    struct store *inner = store->opened->store;
    pawl_lock lock = {PAWL_LOCK, .token = 77, .fence = 77, .lease_until_ms = 77};
    uint64_t commits = pawli_store_news(inner, NEWS_COMMIT);
    assert_status(pawl_lock_acquire(store, options, &lock, &err), PAWL_EBUSY);
    assert_int_equal(lock.token + lock.fence + (uint64_t)lock.lease_until_ms, 3 * 77);
    assert_int_equal(pawli_store_news(inner, NEWS_COMMIT), commits);
}

static void is_held(struct world *w, const pawl_lock_options *options)
{
    is_held_in(w->store, options);
}

#define assert_says(words)                                                                                             \
    do {                                                                                                               \
        if (!strstr(err.text, (words)) && !strstr(err.hint, (words)))                                                  \
            fail_msg("\"%s\" is not in: %s (%s)", (words), err.text, err.hint);                                        \
    } while (0)

/* A lock is a workflow. */
static pawl_workflows *show(struct world *w, const char *name)
{
    pawl_workflows *found;
    assert_ok(pawl_workflow_get(w->store, "pawl.lock", name, &found, &err));
    return found;
}

static void has_status(struct world *w, const char *name, const char *status)
{
    pawl_workflows *found = show(w, name);
    assert_string_equal(pawl_workflows_get(found, 0)->status, status);
    pawl_workflows_free(found);
}

static void steer(struct world *w, const char *name, int what, uint32_t force)
{
    const pawl_steering steering = {PAWL_STEERING, .kind = "pawl.lock", .id = name, .what = what, .force = force};
    const pawl_operation operation = {PAWL_OPERATION, .reason = "test", .actor = "ops"};
    assert_ok(pawl_workflow_steer(w->store, &steering, &operation, NULL, &err));
}

/* ---- one at a time ---- */

static void a219_a_lock_is_acquired_released_and_acquired_again(struct world *w)
{
    pawl_lock first = acquire(w, LOCK("cache.rebuild", .holder = "me", .lease_ms = 700));
    assert_int_equal(first.lease_until_ms, now_ms(w) + 700);
    release(w, "cache.rebuild", first);
    pawl_lock second = acquire(w, LOCK("cache.rebuild"));
    assert_int_equal(second.lease_until_ms, now_ms(w) + 30000);
    assert_int_not_equal(second.token, first.token);
    assert_status(pawl_lock_release(w->store, "cache.rebuild", first.token, &err), PAWL_EFENCED);
    is_held(w, LOCK("cache.rebuild"));
    release(w, "cache.rebuild", second);
    assert_status(pawl_lock_release(w->store, "cache.rebuild", second.token, &err), PAWL_EFENCED);
    assert_int_equal(count_records(w), 0);
    verify(w);
}

static void a219_one_that_is_held_is_not_acquired(struct world *w)
{
    acquire(w, LOCK("a", .holder = "the-first", .lease_ms = 1000));
    pawli_sim_advance_ms(w->env, 400);
    is_held(w, LOCK("a", .holder = "the-second"));
    assert_says("the-first has it, for 600 ms more");
    assert_says("\"a\"");
    assert_says("wait_ms");
    is_held(w, LOCK("a", .holder = "the-first")); /* not by himself either */
    verify(w);
}

static void a219_other_names_are_other_locks(struct world *w)
{
    pawl_lock a = acquire(w, LOCK("a"));
    pawl_lock b = acquire(w, LOCK("b"));
    assert_status(pawl_lock_release(w->store, "b", a.token, &err), PAWL_EFENCED);
    release(w, "a", a);
    is_held(w, LOCK("b"));
    acquire(w, LOCK("a"));
    release(w, "b", b);
    verify(w);
}

static void a219_of_ten_contenders_one_wins(struct world *w)
{
    pawl_store *stores[10];
    int won = 0;
    for (size_t i = 0; i < COUNT_OF(stores); i++) {
        pawl_lock lock = {PAWL_LOCK};
        assert_ok(pawl_store_scope(w->store, "default", &stores[i], &err));
        int status = pawl_lock_acquire(stores[i], LOCK("a"), &lock, &err);
        won += status == PAWL_OK;
        assert_true(status == PAWL_OK || status == PAWL_EBUSY);
    }
    assert_int_equal(won, 1);
    for (size_t i = 0; i < COUNT_OF(stores); i++)
        pawl_store_close(stores[i]);
    verify(w);
}

/* ---- waiting: in a simulated world a wait lasts exactly as long as it must ---- */

static void a219_who_waits_in_vain_is_told_so(struct world *w)
{
    acquire(w, LOCK("a", .holder = "me", .lease_ms = 10000));
    int64_t began = now_ms(w);
    is_held(w, LOCK("a", .wait_ms = 4000));
    assert_int_equal(now_ms(w), began + 4000);
    assert_says("me has it, for 6000 ms more");
}

struct held_lock {
    pawl_store *store;
    pawl_lock lock;
};

static void release_it(void *data)
{
    const struct held_lock *held = data;
    assert_ok(pawl_lock_release(held->store, "a", held->lock.token, &err));
}

static void a219_who_waits_goes_on_when_it_is_released(struct world *w)
{
    struct held_lock held = {w->store, acquire(w, LOCK("a"))};
    int64_t began = now_ms(w);
    pawli_sim_meanwhile(w->env, 300, release_it, &held);
    err.status = 77; /* that somebody had it is no error of a call that succeeds */
    acquire(w, LOCK("a", .wait_ms = 1000));
    assert_int_equal(err.status, 77);
    assert_int_equal(now_ms(w), began + 300);
    verify(w);
}

static void add_message(void *data)
{
    add(data, MESSAGE("1", .key = NULL));
}

/* Whatever else is committed wakes those who wait, and lets them sleep on. */
static void who_waits_has_it_when_its_lease_is_over(struct world *w)
{
    acquire(w, LOCK("a", .lease_ms = 700));
    int64_t began = now_ms(w);
    pawli_sim_meanwhile(w->env, 300, add_message, w);
    acquire(w, LOCK("a", .wait_ms = 1000));
    assert_int_equal(now_ms(w), began + 700);
    verify(w);
}

static void extend_it(void *data)
{
    const struct held_lock *held = data;
    assert_ok(pawl_lock_extend(held->store, "a", held->lock.token, 700, &err));
}

static void who_waits_sees_that_a_lease_was_extended(struct world *w)
{
    struct held_lock held = {w->store, acquire(w, LOCK("a", .lease_ms = 700))};
    int64_t began = now_ms(w);
    pawli_sim_meanwhile(w->env, 300, extend_it, &held);
    acquire(w, LOCK("a", .wait_ms = 5000));
    assert_int_equal(now_ms(w), began + 1000);
}

/* ---- names, scopes, stores ---- */

static void a220_a_name_is_checked(struct world *w)
{
    char longest[202];
    memset(longest, 'n', sizeof longest);
    longest[200] = longest[201] = '\0';
    const char *const good[] = {"bark.lightning.send.42", "01abcdef.round.7", "a", "A-b_c:d", longest};
    const char *const bad[] = {"", " ", "a/b", "a<b>", ".a", "_a", "-a", "a-", "a.", "a_", ".", "..", "a b", "ü"};
    pawl_lock lock = {PAWL_LOCK};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        release(w, good[i], acquire(w, LOCK(good[i])));
    longest[200] = 'n';
    for (size_t i = 0; i <= COUNT_OF(bad); i++) {
        const char *name = i < COUNT_OF(bad) ? bad[i] : longest;
        pawl_transition *t = pawl_transition_new(w->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T"});
        pawl_transition_lock(t, name, 1);
        assert_status(pawl_lock_acquire(w->store, LOCK(name), &lock, &err), PAWL_EINVAL);
        assert_says("name");
        assert_status(pawl_lock_extend(w->store, name, 1, 0, &err), PAWL_EINVAL);
        assert_status(pawl_lock_release(w->store, name, 1, &err), PAWL_EINVAL);
        assert_status(pawl_transition_commit(t, NULL, &err), PAWL_EINVAL);
        assert_says("lock 1: name");
        pawl_transition_free(t);
    }
    verify(w);
}

static void a221_other_scopes_and_stores_have_other_locks(struct world *w)
{
    struct world elsewhere;
    pawl_store *scope;
    open_world(&elsewhere, w->kind, 2);
    assert_ok(pawl_store_scope(w->store, "other", &scope, &err));
    pawl_lock here = acquire(w, LOCK("a"));
    pawl_lock there = acquire_in(scope, LOCK("a"));
    acquire(&elsewhere, LOCK("a"));
    release(w, "a", here);
    is_held_in(scope, LOCK("a"));
    is_held(&elsewhere, LOCK("a"));
    assert_ok(pawl_lock_release(scope, "a", there.token, &err));
    pawl_store_close(scope);
    verify(w);
    verify(&elsewhere);
    close_world(&elsewhere);
}

static void numbers_and_names_are_within_their_range(struct world *w)
{
    pawl_store *scope;
    pawl_lock lock = {PAWL_LOCK}, small = {0};
    static const struct {
        int64_t lease_ms, wait_ms;
        const char *holder, *says;
    } rows[] = {{-1, 0, "me", "lease_ms"},       {86400001, 0, "me", "lease_ms"}, {0, -1, "me", "wait_ms"},
                {0, INT64_MAX, "me", "wait_ms"}, {0, 0, "a b", "holder"},         {0, 0, "", "holder"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_status(pawl_lock_acquire(
                          w->store,
                          LOCK("a", .lease_ms = rows[i].lease_ms, .wait_ms = rows[i].wait_ms, .holder = rows[i].holder),
                          &lock, &err),
                      PAWL_EINVAL);
        assert_says(rows[i].says);
    }
    assert_status(pawl_lock_acquire(w->store, LOCK("a"), &small, &err), PAWL_EINVAL);
    assert_says("pawl_lock");
    assert_status(pawl_lock_acquire(w->store, &(pawl_lock_options){.name = "a"}, &lock, &err), PAWL_EINVAL);
    assert_says("pawl_lock_options");
    lock = acquire(w, LOCK("a"));
    assert_status(pawl_lock_extend(w->store, "a", lock.token, 86400001, &err), PAWL_EINVAL);
    assert_ok(pawl_store_scope(w->store, "pawl.operator", &scope, &err));
    assert_status(pawl_lock_acquire(scope, LOCK("a"), &lock, &err), PAWL_EINVAL);
    pawl_store_close(scope);
}

/* ---- holders that die ---- */

/* Another process on the same file. */
static pawl_store *open_again(struct world *w)
{
    pawl_store *store;
    assert_ok(pawli_open_in(w->env, w->url, NULL, &store, &err));
    return store;
}

static void a221_a_dead_process_has_no_lock(struct world *w)
{
    if (!w->kind->is_durable) /* of memory there is one */
        return;
    pawl_store *other = open_again(w);
    acquire_in(other, LOCK("gone", .lease_ms = 3600000, .ends_with_process = 1));
    acquire_in(other, LOCK("swept", .lease_ms = 3600000, .ends_with_process = 1));
    acquire_in(other, LOCK("by.hand", .lease_ms = 3600000));
    acquire(w, LOCK("alive", .lease_ms = 3600000, .ends_with_process = 1));
    is_held(w, LOCK("gone"));
    pawl_store_close(other);
    acquire(w, LOCK("gone"));
    sweep(w);
    has_status(w, "swept", "parked");
    acquire(w, LOCK("swept"));
    is_held(w, LOCK("by.hand"));
    is_held(w, LOCK("alive"));
    verify(w);
}

static void close_it(void *data)
{
    pawl_store_close(data);
}

/* Nothing tells of a death: who waits looks. */
static void who_waits_notices_that_the_holder_died(struct world *w)
{
    if (!w->kind->is_durable)
        return;
    pawl_store *other = open_again(w);
    acquire_in(other, LOCK("a", .lease_ms = 3600000, .ends_with_process = 1));
    int64_t began = now_ms(w);
    pawli_sim_meanwhile(w->env, 300, close_it, other);
    acquire(w, LOCK("a", .wait_ms = 60000));
    assert_in_range(now_ms(w) - began, 300, 1000);
    verify(w);
}

static void a_reboot_ends_every_lease_of_a_lock(struct world *w)
{
    acquire(w, LOCK("a", .lease_ms = 86400000));
    pawli_sim_reboot(w->env);
    acquire(w, LOCK("a"));
}

/* More often than a kind has attempts, or workers may die under it. */
static void however_often_holders_die_it_is_not_stuck(struct world *w)
{
    uint64_t fence = 0;
    for (int i = 0; i < 50; i++) {
        pawl_lock lock = acquire(w, LOCK("a", .lease_ms = 10, .ends_with_process = 1));
        assert_true(lock.fence > fence);
        fence = lock.fence;
        pawli_sim_advance_ms(w->env, 10);
        sweep(w);
        has_status(w, "a", "parked");
    }
    pawl_workflows *found = show(w, "a");
    assert_int_equal(pawl_workflows_get(found, 0)->total_attempts, 50);
    pawl_workflows_free(found);
    release(w, "a", acquire(w, LOCK("a")));
    has_status(w, "a", "parked");
    verify(w);
}

/* ---- the lease ---- */

static void a_lease_ends_to_the_millisecond(struct world *w)
{
    pawl_lock first = acquire(w, LOCK("a", .lease_ms = 100));
    pawli_sim_advance_ms(w->env, 99);
    is_held(w, LOCK("a"));
    pawli_sim_advance_ms(w->env, 1);
    acquire(w, LOCK("a", .holder = "next", .lease_ms = 500));
    assert_status(pawl_lock_extend(w->store, "a", first.token, 0, &err), PAWL_EFENCED);
    assert_says("next has it now, for 500 ms more");
    assert_status(pawl_lock_release(w->store, "a", first.token, &err), PAWL_EFENCED);
    is_held(w, LOCK("a"));
    verify(w);
}

static void a_lease_is_extended_by_its_holder(struct world *w)
{
    pawl_lock lock = acquire(w, LOCK("a", .lease_ms = 100));
    pawli_sim_advance_ms(w->env, 90);
    assert_ok(pawl_lock_extend(w->store, "a", lock.token, 200, &err));
    pawli_sim_advance_ms(w->env, 199);
    is_held(w, LOCK("a"));
    assert_status(pawl_lock_extend(w->store, "a", lock.token + 1, 0, &err), PAWL_EFENCED);
    pawli_sim_advance_ms(w->env, 1); /* it is over, and nobody else has it */
    assert_ok(pawl_lock_extend(w->store, "a", lock.token, 0, &err));
    pawli_sim_advance_ms(w->env, 29999);
    is_held(w, LOCK("a"));
    pawli_sim_advance_ms(w->env, 1);
    sweep(w);
    assert_status(pawl_lock_extend(w->store, "a", lock.token, 0, &err), PAWL_EFENCED);
    assert_says("acquire it anew");
    assert_status(pawl_lock_extend(w->store, "never.was", 1, 0, &err), PAWL_EFENCED);
    assert_status(pawl_lock_release(w->store, "never.was", 1, &err), PAWL_EFENCED);
    verify(w);
}

/* ---- fences ---- */

static uint64_t fence_now(struct world *w)
{
    return acquire(w, LOCK("a", .lease_ms = 100)).fence;
}

static void a_later_holder_has_a_greater_fence(struct world *w)
{
    pawl_lock lock = acquire(w, LOCK("a"));
    release(w, "a", lock);
    uint64_t after_release = fence_now(w);
    assert_true(after_release > lock.fence);
    pawli_sim_advance_ms(w->env, 100);
    uint64_t after_lease = fence_now(w);
    assert_true(after_lease > after_release);
    pawli_sim_advance_ms(w->env, 100);
    sweep(w);
    uint64_t after_sweep = fence_now(w);
    assert_true(after_sweep > after_lease);
    steer(w, "a", PAWL_STEER_STOP, 1);
    uint64_t after_stop = fence_now(w);
    assert_true(after_stop > after_sweep);
    pawli_sim_reboot(w->env);
    assert_true(fence_now(w) > after_stop);
    verify(w);
}

/* ---- what is written under it ---- */

static pawl_transition *write_under(pawl_store *store, unsigned n, const char *name, uint64_t token)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Test", .request_id = make_id(n)});
    pawl_transition_message(t, MESSAGE("1", .key = NULL));
    pawl_transition_lock(t, name, token);
    return t;
}

static int commit(pawl_transition *t)
{
    int status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    return status;
}

static void a_transition_under_a_lock_that_was_lost_changes_nothing(struct world *w)
{
    pawl_lock lock = acquire(w, LOCK("a", .lease_ms = 100));
    assert_ok(commit(write_under(w->store, 1, "a", lock.token)));
    assert_int_equal(count_records(w), 1);
    assert_int_equal(stats(w).pending, 1);

    pawli_sim_advance_ms(w->env, 100);
    pawl_lock next = acquire(w, LOCK("a", .holder = "next"));
    assert_status(commit(write_under(w->store, 2, "a", lock.token)), PAWL_EFENCED);
    assert_says("next has it now");
    assert_ok(commit(write_under(w->store, 3, "a", next.token)));
    release(w, "a", next);
    assert_status(commit(write_under(w->store, 4, "a", next.token)), PAWL_EFENCED);
    assert_status(commit(write_under(w->store, 5, "never.was", 1)), PAWL_EFENCED);
    assert_int_equal(count_records(w), 2);
    assert_int_equal(stats(w).pending, 2);

    assert_ok(commit(write_under(w->store, 1, "a", lock.token))); /* it was done: replayed */
    assert_int_equal(count_records(w), 2);
    verify(w);
}

static void a_transition_holds_several_locks_or_none(struct world *w)
{
    pawl_lock a = acquire(w, LOCK("a")), b = acquire(w, LOCK("b"));
    pawl_transition *t = write_under(w->store, 1, "a", a.token);
    pawl_transition_lock(t, "b", b.token);
    assert_ok(commit(t));
    release(w, "b", b);
    t = write_under(w->store, 2, "a", a.token);
    pawl_transition_lock(t, "b", b.token);
    assert_status(commit(t), PAWL_EFENCED);
    assert_says("\"b\"");
    assert_int_equal(count_records(w), 1);
    verify(w);
}

static void a_step_is_fenced_by_a_lock(struct world *w)
{
    pawl_workflows *claimed;
    pawl_lock lock = acquire(w, LOCK("a"));
    assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = "w"}, NULL, &err));
    assert_ok(pawl_workflow_claim(w->store,
                                  &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .limit = 1},
                                  &claimed, &err));
    const pawl_step_outcome outcome = {
        PAWL_STEP_OUTCOME,        .kind = "k", .id = "w", .token = pawl_workflows_get(claimed, 0)->token,
        .result = PAWL_STEP_NEXT, .keep = 1};
    pawl_workflows_free(claimed);
    pawl_transition *step = pawl_transition_of_step(w->store, &outcome);
    pawl_transition_lock(step, "a", lock.token);
    assert_ok(commit(step));
    assert_int_equal(count_records(w), 0); /* a lock alone is no fact for others */
    release(w, "a", lock);
    step = pawl_transition_of_step(w->store, &outcome);
    pawl_transition_lock(step, "a", lock.token);
    assert_status(commit(step), PAWL_EFENCED);
    assert_ok(commit(pawl_transition_of_step(w->store, &outcome))); /* its own claim holds */
    verify(w);
}

/* ---- a lock is a workflow ---- */

static void why_says(struct world *w, const char *name, const char *code, const char *words)
{
    pawl_why *why;
    assert_ok(pawl_why_workflow(w->store, "pawl.lock", name, &why, &err));
    assert_true(pawl_why_count(why) > 0);
    assert_string_equal(pawl_why_get(why, 0)->code, code);
    assert_non_null(strstr(pawl_why_get(why, 0)->text, words));
    pawl_why_free(why);
}

/* Nobody who looks for work that waits finds it. */
static void nothing_is_due(struct world *w)
{
    pawl_stats *found;
    assert_ok(pawl_stats_read(w->store, "pawl.workflow", "pawl.lock", &found, &err));
    assert_int_equal(pawl_stats_count(found), 1);
    assert_int_equal(pawl_stats_get(found, 0)->pending, 1);
    assert_int_equal(pawl_stats_get(found, 0)->due, 0);
    pawl_stats_free(found);
}

static void a_lock_that_nobody_has_is_not_due(struct world *w)
{
    release(w, "a", acquire(w, LOCK("a")));
    nothing_is_due(w);
    acquire(w, LOCK("a", .lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    sweep(w);
    nothing_is_due(w);
    verify(w);
}

static void a_lock_is_listed_and_explained(struct world *w)
{
    pawl_lock lock = acquire(w, LOCK("a", .holder = "me", .lease_ms = 500));
    pawl_workflows *found;
    assert_ok(pawl_workflows_list(w->store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .kind = "pawl.lock"}, &found,
                                  &err));
    assert_int_equal(pawl_workflows_count(found), 1);
    const pawl_workflow_view *view = pawl_workflows_get(found, 0);
    assert_string_equal(view->id, "a");
    assert_string_equal(view->status, "running");
    assert_string_equal(view->claimed_by, "me");
    assert_int_equal(view->lease_until_ms, now_ms(w) + 500);
    assert_int_equal(view->generation, lock.fence);
    pawl_workflows_free(found);
    why_says(w, "a", "claimed", "claimed by me");
    pawli_sim_advance_ms(w->env, 100);
    assert_ok(pawl_lock_extend(w->store, "a", lock.token, 500, &err));
    found = show(w, "a");
    assert_int_equal(pawl_workflows_get(found, 0)->updated_at_ms, now_ms(w));
    assert_int_equal(pawl_workflows_get(found, 0)->lease_until_ms, now_ms(w) + 500);
    pawl_workflows_free(found);
    release(w, "a", lock);
    why_says(w, "a", "ready", "nobody has the lock");
    has_status(w, "a", "parked");
    sweep(w);
    pawli_sim_advance_ms(w->env, 10 * 366 * 86400000LL);
    sweep(w);
    has_status(w, "a", "parked"); /* it has all the time there is */
    verify(w);
}

static void an_operator_takes_a_lock_away(struct world *w)
{
    pawl_lock lock = acquire(w, LOCK("a"));
    const pawl_steering stop = {PAWL_STEERING, .kind = "pawl.lock", .id = "a", .what = PAWL_STEER_STOP};
    assert_status(pawl_workflow_steer(w->store, &stop, BECAUSE(1), NULL, &err), PAWL_EREFUSED);
    steer(w, "a", PAWL_STEER_STOP, 1);
    assert_status(pawl_lock_extend(w->store, "a", lock.token, 0, &err), PAWL_EFENCED);
    assert_status(commit(write_under(w->store, 2, "a", lock.token)), PAWL_EFENCED);
    lock = acquire(w, LOCK("a"));
    steer(w, "a", PAWL_STEER_CANCEL, 0); /* its holder keeps it */
    is_held(w, LOCK("a"));
    release(w, "a", lock);
    has_status(w, "a", "failed");
    release(w, "a", acquire(w, LOCK("a")));
    has_status(w, "a", "parked");
    verify(w);
}

static void resume_it(void *data)
{
    steer(data, "a", PAWL_STEER_RESUME, 0);
}

static void a_lock_that_is_paused_is_for_nobody(struct world *w)
{
    pawl_lock lock = acquire(w, LOCK("a"));
    steer(w, "a", PAWL_STEER_PAUSE, 0);
    assert_ok(pawl_lock_extend(w->store, "a", lock.token, 0, &err)); /* but for its holder */
    release(w, "a", lock);
    is_held(w, LOCK("a"));
    assert_says("paused");
    steer(w, "a", PAWL_STEER_RESUME, 0);
    release(w, "a", acquire(w, LOCK("a")));
    steer(w, "a", PAWL_STEER_PAUSE, 0);
    is_held(w, LOCK("a", .wait_ms = 2000));
    int64_t began = now_ms(w);
    pawli_sim_meanwhile(w->env, 300, resume_it, w);
    acquire(w, LOCK("a", .wait_ms = 2000));
    assert_int_equal(now_ms(w), began + 300);
    verify(w);
}

#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        assert_status((call), PAWL_EINVAL);                                                                            \
        assert_says("reserved");                                                                                       \
        assert_says("belong to pawl itself");                                                                          \
    } while (0)

static void kinds_of_pawl_are_its_own(struct world *w)
{
    static const char kind[] = "pawl.lock";
    pawl_lock lock = acquire(w, LOCK("a"));
    pawl_workflows *found;
    REFUSED(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = kind, .id = "b"}, NULL, &err));
    REFUSED(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "pawl.mine", .id = "b"}, NULL, &err));
    REFUSED(pawl_workflow_claim(
        w->store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = kind, .limit = 1}, &found, &err));
    REFUSED(pawl_workflow_claim(
        w->store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = kind, .id = "a"}, &found, &err));
    REFUSED(pawl_workflow_extend(w->store, kind, "a", lock.token, 0, &err));
    REFUSED(pawl_workflow_fork(w->store, kind, "a", "b", 0, NULL, NULL, &err));
    REFUSED(
        pawl_workflow_signal(w->store, &(pawl_signal){PAWL_SIGNAL, .kind = kind, .id = "a", .name = "s"}, NULL, &err));
    REFUSED(pawl_kind_set(w->store, kind, &(pawl_setting){"lease_ms", "1"}, 1, BECAUSE(1), &err));
    REFUSED(pawl_schedule_add(w->store, &(pawl_schedule){PAWL_SCHEDULE, .name = "s", .every_ms = 1000, .kind = kind},
                              BECAUSE(2), &err));
    REFUSED(
        commit(pawl_transition_of_step(w->store, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .kind = kind, .id = "a",
                                                                      .token = lock.token, .result = PAWL_STEP_DONE})));
    pawl_transition *t = write_under(w->store, 3, "a", lock.token);
    pawl_transition_start(t, &(pawl_start){PAWL_START, .kind = kind, .id = "b"});
    REFUSED(commit(t));
    t = write_under(w->store, 4, "a", lock.token);
    pawl_transition_resource(
        t, &(pawl_resource){PAWL_RESOURCE, .id = "r", .action = PAWL_RESOURCE_HOLD, .holder = "pawl.lock/a"});
    REFUSED(commit(t));
    release(w, "a", lock);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(a219_a_lock_is_acquired_released_and_acquired_again),
    CASE(a219_one_that_is_held_is_not_acquired),
    CASE(a219_other_names_are_other_locks),
    CASE(a219_of_ten_contenders_one_wins),
    CASE(a219_who_waits_in_vain_is_told_so),
    CASE(a219_who_waits_goes_on_when_it_is_released),
    CASE(who_waits_has_it_when_its_lease_is_over),
    CASE(who_waits_sees_that_a_lease_was_extended),
    CASE(a220_a_name_is_checked),
    CASE(a221_other_scopes_and_stores_have_other_locks),
    CASE(numbers_and_names_are_within_their_range),
    CASE(a221_a_dead_process_has_no_lock),
    CASE(who_waits_notices_that_the_holder_died),
    CASE(a_reboot_ends_every_lease_of_a_lock),
    CASE(however_often_holders_die_it_is_not_stuck),
    CASE(a_lease_ends_to_the_millisecond),
    CASE(a_lease_is_extended_by_its_holder),
    CASE(a_later_holder_has_a_greater_fence),
    CASE(a_transition_under_a_lock_that_was_lost_changes_nothing),
    CASE(a_transition_holds_several_locks_or_none),
    CASE(a_step_is_fenced_by_a_lock),
    CASE(a_lock_that_nobody_has_is_not_due),
    CASE(a_lock_is_listed_and_explained),
    CASE(an_operator_takes_a_lock_away),
    CASE(a_lock_that_is_paused_is_for_nobody),
    CASE(kinds_of_pawl_are_its_own),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
