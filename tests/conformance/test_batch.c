/* SPDX-License-Identifier: MIT */
/* Several units in one commit: each sees what those before it decided, and none pays for another's refusal. */
#include "commit/configure.h"

#include "conformance.h"

struct answers {
    int statuses[32];
    pawl_enqueued enqueued[32];
    size_t count;
};

static void enqueue_answered(void *data, int status, const pawl_enqueued *results, size_t count,
                             const pawl_error *error)
{
    struct answers *answers = data;
    (void)error;
    if (count)
        answers->enqueued[answers->count] = results[0];
    answers->statuses[answers->count++] = status;
}

static void submit(struct world *w, struct answers *answers, const pawl_message *message)
{
    assert_ok(pawl_enqueue_submit(w->store, message, 1, enqueue_answered, answers, &err));
}

static void step_until(struct world *w, const struct answers *answers, size_t count)
{
    for (int i = 0; answers->count < count; i++) {
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
        assert_true(i < 100);
    }
}

static void a_refused_unit_leaves_its_neighbours(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct answers answers = {0};
    pawli_fault_set(filter, NULL);
    submit(w, &answers, MESSAGE("1", .dedupe = "K", .key = "a"));
    submit(w, &answers, MESSAGE("2", .dedupe = "K", .key = "a"));
    submit(w, &answers, MESSAGE("1", .dedupe = "K", .key = "a"));
    submit(w, &answers, MESSAGE("3", .key = "a"));
    step_until(w, &answers, 4);
    assert_int_equal(pawli_fault_calls(filter, FAULT_SAVE), 1); /* one commit for all */
    assert_int_equal(answers.statuses[0], PAWL_OK);
    assert_int_equal(answers.statuses[1], PAWL_ECONFLICT);
    assert_int_equal(answers.statuses[2], PAWL_OK);
    assert_true(answers.enqueued[2].was_replayed);
    assert_id(answers.enqueued[0].id, answers.enqueued[2].id);
    assert_int_equal(answers.statuses[3], PAWL_OK);
    assert_int_equal(stats(w).pending, 2);
    verify(w);
    assert_id(claim_one(w, CLAIM()).id, answers.enqueued[0].id);
    claim_none(w, CLAIM());
}

static void a_lost_commit_that_is_found_answers_all_of_its_units(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct answers answers = {0};
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 1, FAULT_AFTER, STORE_UNKNOWN});
    pawli_fault_outcome(filter, FAULT_COMMITTED);
    submit(w, &answers, MESSAGE("1", .dedupe = "K"));
    submit(w, &answers, MESSAGE("2", .dedupe = "K"));
    submit(w, &answers, MESSAGE("3", .key = NULL));
    step_until(w, &answers, 3);
    assert_int_equal(answers.statuses[0], PAWL_OK);
    assert_int_equal(answers.statuses[1], PAWL_ECONFLICT);
    assert_int_equal(answers.statuses[2], PAWL_OK);
    assert_int_equal(pawli_fault_calls(filter, FAULT_RESOLVE), 1);
    assert_int_equal(stats(w).pending, 2);
    verify(w);
}

static void a_failed_commit_fails_all_of_its_units(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct answers answers = {0};
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 1, FAULT_BEFORE, STORE_FULL});
    for (int i = 0; i < 3; i++)
        submit(w, &answers, MESSAGE("1", .key = NULL));
    step_until(w, &answers, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(answers.statuses[i], PAWL_EREFUSED);
    assert_int_equal(stats(w).pending, 0);
    submit(w, &answers, MESSAGE("1", .key = NULL));
    step_until(w, &answers, 4);
    assert_int_equal(answers.statuses[3], PAWL_OK);
    verify(w);
}

static void settle_answered(void *data, int status, const pawl_settled *results, size_t count, const pawl_error *error)
{
    struct answers *answers = data;
    (void)error;
    assert_int_equal(count, 1);
    answers->statuses[answers->count++] = status < 0 ? status : results[0].result;
}

static void a_line_moves_several_steps_in_one_commit(struct world *w)
{
    struct answers answers = {0};
    pawl_uuid ids[6];
    for (int i = 0; i < 6; i++)
        ids[i] = add(w, MESSAGE("1", .key = i < 3 ? "a" : "b")).id;
    struct held a = claim_one(w, CLAIM()), b = claim_one(w, CLAIM());
    assert_ok(pawl_settle_submit(w->store, SETTLE(a, DELIVERED), 1, settle_answered, &answers, &err));
    assert_ok(pawl_settle_submit(w->store, SETTLE(a, DEAD), 1, settle_answered, &answers, &err));
    submit(w, &answers, MESSAGE("1", .key = "a"));
    assert_ok(pawl_settle_submit(w->store, SETTLE(b, DEAD), 1, settle_answered, &answers, &err));
    step_until(w, &answers, 4);
    assert_int_equal(answers.statuses[0], PAWL_RESULT_DELIVERED);
    assert_int_equal(answers.statuses[1], PAWL_RESULT_LOST);
    assert_int_equal(answers.statuses[3], PAWL_RESULT_DEAD);
    verify(w);
    assert_id(claim_one(w, CLAIM()).id, ids[1]);
    assert_id(claim_one(w, CLAIM()).id, ids[4]);
    claim_none(w, CLAIM());
}

/* More than any number of rows that a store may write at once, and some left over: claimable ones, and ones in a line. */
static void a_large_batch_is_stored_whole(struct world *w)
{
    enum { FREE = 77, IN_LINE = 47, ALL = FREE + IN_LINE };
    static pawl_message messages[ALL];
    static pawl_enqueued added[ALL];
    static char bodies[ALL][4];
    for (int i = 0; i < ALL; i++) {
        snprintf(bodies[i], sizeof bodies[i], "%d", 100 + i);
        messages[i] = *MESSAGE(bodies[i], .key = i < FREE ? NULL : "k");
    }
    assert_ok(pawl_enqueue(w->store, messages, ALL, added, &err));
    verify(w);
    pawl_messages *claimed = claim(w, CLAIM(.limit = ALL));
    assert_int_equal(pawl_messages_count(claimed), FREE + 1);
    pawl_messages_free(claimed);
    for (int i = 0; i < ALL; i++) {
        pawl_messages *one;
        assert_ok(pawl_message_get(w->store, &added[i].id, &one, &err));
        const pawl_message_view *view = pawl_messages_get(one, 0);
        assert_string_equal(view->state, i <= FREE ? "claimed" : "pending");
        assert_int_equal(view->data_size, 3);
        assert_memory_equal(view->data, bodies[i], 3);
        pawl_messages_free(one);
    }
}

/* ---- policies and targets, for which there is no callback form: their units are built here ---- */

struct change {
    struct unit unit;
    struct policy_change change;
    int status;
};

static void change_answered(struct unit *unit, void *data)
{
    struct answers *answers = data;
    answers->statuses[answers->count++] = unit->status;
}

static void submit_change(struct world *w, struct answers *answers, struct change *change, struct policy_change what)
{
    pawli_unit_init(&change->unit, &w->store->opened->committer, w->store->scope);
    change->change = what;
    change->change.is_target = true;
    change->change.name = TEXT("t");
    pawli_unit_add(&change->unit, &change->change.effect, &pawli_effect_policy);
    change->unit.sealed = true;
    assert_ok(pawli_commit_later(&change->unit, change_answered, answers, &err));
}

static void expect_target(struct world *w, const char *url)
{
    pawl_settings *targets;
    assert_ok(pawl_targets_list(w->store, &targets, &err));
    assert_int_equal(pawl_settings_count(targets), url != NULL);
    if (url)
        assert_string_equal(pawl_settings_target(targets, 0)->url, url);
    pawl_settings_free(targets);
}

static void a_target_that_comes_and_goes_in_one_commit(struct world *w)
{
    struct answers answers = {0};
    struct change changes[5];
    const struct policy_change put = {.replaces = true, .route = {.urls = TEXT("[\"callback:one\"]")}},
                               remove = {.removes = true};
    submit_change(w, &answers, &changes[0], put);
    submit_change(w, &answers, &changes[1], remove);
    step_until(w, &answers, 2);
    assert_int_equal(answers.statuses[0], PAWL_OK);
    assert_int_equal(answers.statuses[1], PAWL_OK);
    expect_target(w, NULL);

    submit_change(w, &answers, &changes[2], put);
    step_until(w, &answers, 3);
    expect_target(w, "callback:one");
    submit_change(w, &answers, &changes[3], remove);
    struct policy_change exception = {.policy = {.set = 1u << POLICY_CONCURRENCY}};
    exception.policy.values[POLICY_CONCURRENCY] = 2;
    submit_change(w, &answers, &changes[4], exception);
    step_until(w, &answers, 5);
    pawl_settings *targets; /* what was removed does not come back with an exception of policy */
    assert_ok(pawl_targets_list(w->store, &targets, &err));
    for (size_t i = 0; i < pawl_settings_count(targets); i++)
        assert_null(pawl_settings_target(targets, i)->url);
    pawl_settings_free(targets);
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        pawli_unit_done(&changes[i].unit);
}

/* Somebody else has the write lock: of a file another process, of memory another thread. */
struct blocker {
    pawl_store *store;
    struct txn *txn;
};

static struct blocker block(struct world *w)
{
    struct blocker blocker = {.store = w->store};
    if (w->kind->is_durable)
        assert_ok(pawli_open_in(w->env, w->url, NULL, &blocker.store, &err));
    assert_int_equal(pawli_store_begin(blocker.store->opened->store, BOOT_NEVER, &blocker.txn, &err), STORE_OK);
    return blocker;
}

static void unblock(struct world *w, const struct blocker *blocker)
{
    pawli_store_drop(blocker->store->opened->store, blocker->txn);
    if (w->kind->is_durable)
        pawl_store_close(blocker->store);
}

static int64_t boot_ms(const struct world *w)
{
    return w->env->ops->boot_now(w->env).ns / 1000000;
}

/* Also when it leads, and when nobody but the engine looks after it. */
static void a_unit_is_withdrawn_by_its_deadline(struct world *w)
{
    struct answers answers = {0};
    w->store->opened->timeout_ms = 100;
    struct blocker blocker = block(w);
    int64_t began = boot_ms(w);
    assert_status(try_add(w, MESSAGE("1", .key = NULL)), PAWL_EBUSY);
    assert_int_equal(boot_ms(w) - began, 100);
    submit(w, &answers, MESSAGE("2", .key = NULL));
    pawli_sim_advance_ms(w->env, 60);
    submit(w, &answers, MESSAGE("3", .key = NULL));
    step_until(w, &answers, 1);
    assert_int_equal(answers.statuses[0], PAWL_EBUSY);
    assert_int_equal(boot_ms(w) - began, 200);
    unblock(w, &blocker);
    step_until(w, &answers, 2); /* its time is not up */
    assert_int_equal(w->store->opened->committer.crowd, 0);
    assert_int_equal(answers.statuses[1], PAWL_OK);
    submit(w, &answers, MESSAGE("4", .key = NULL));
    pawli_sim_advance_ms(w->env, 100); /* nobody took it, though nobody was in the way */
    step_until(w, &answers, 3);
    assert_int_equal(answers.statuses[2], PAWL_EBUSY);
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

/* ---- rounds that overlap ---- */

#define OVERLAPPING 6

static struct committer *committer_of(struct world *w)
{
    return &w->store->opened->committer;
}

/* Two rounds are saved then, and more wait. How many units are in the two. */
static size_t save_two_rounds(struct world *w, struct answers *answers)
{
    static const char *const dedupes[OVERLAPPING] = {"1", "2", "3", "4", "5", "6"};
    struct committer *committer = committer_of(w);
    committer->most = OVERLAPPING;
    committer->work_ns = INT64_MAX / 8; /* the disk is quick beside it */
    for (size_t i = 0; i < OVERLAPPING; i++)
        submit(w, answers, MESSAGE("1", .dedupe = dedupes[i]));
    for (int i = 0; i < 4; i++)
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
    assert_int_equal(committer->open_rounds, ROUNDS_OPEN);
    return OVERLAPPING - committer->waiting;
}

static void finish(struct world *w, const struct answers *answers, size_t count)
{
    for (int i = 0; answers->count < count || committer_of(w)->sync_is_offloaded; i++) {
        pawli_sim_run_jobs(w->env);
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
        assert_true(i < 100);
    }
    assert_int_equal(committer_of(w)->crowd, 0);
}

static void rounds_are_answered_after_their_sync(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct answers answers = {0};
    pawli_fault_set(filter, NULL);
    pawli_store_listen(filter, true);
    uint64_t news = pawli_store_news(filter, NEWS_COMMIT);
    save_two_rounds(w, &answers);
    assert_int_equal(pawli_fault_calls(filter, FAULT_SAVE), 2);
    assert_int_equal(pawli_fault_calls(filter, FAULT_SYNC), 0);
    if (!w->store->opened->facts.is_into) /* there COMMIT syncs */
        assert_int_equal(pawli_store_news(filter, NEWS_COMMIT), news);
    assert_int_equal(answers.count, 0);
    finish(w, &answers, OVERLAPPING);
    assert_int_not_equal(pawli_store_news(filter, NEWS_COMMIT), news);
    pawli_store_listen(filter, false);
    for (size_t i = 0; i < OVERLAPPING; i++)
        assert_int_equal(answers.statuses[i], PAWL_OK);
    assert_int_equal(stats(w).pending, OVERLAPPING);
    verify(w);
}

/* F1. Whatever it says; and the same again finds out. */
static void a_sync_that_fails_is_unknown_to_every_round(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct answers answers = {0};
    pawli_fault_set(filter, &(struct fault){FAULT_SYNC, 1, 1, FAULT_BEFORE, STORE_UNAVAILABLE});
    size_t saved = save_two_rounds(w, &answers);
    finish(w, &answers, OVERLAPPING);
    assert_int_equal(pawli_fault_hits(filter), 1);
    for (size_t i = 0; i < OVERLAPPING; i++)
        assert_int_equal(answers.statuses[i], i < saved ? PAWL_EUNCERTAIN : PAWL_OK);
    pawli_fault_set(filter, NULL);
    submit(w, &answers, MESSAGE("1", .dedupe = "1"));
    finish(w, &answers, OVERLAPPING + 1);
    assert_int_equal(answers.statuses[OVERLAPPING], PAWL_OK);
    assert_true(answers.enqueued[OVERLAPPING].was_replayed);
    verify(w);
}

static void run_jobs(void *env)
{
    pawli_sim_run_jobs(env);
}

/* Nobody turns the loop while its thread waits for a commit: it must not wait for what only the loop would do. */
static void expect_a_blocked_caller_goes_on(struct world *w)
{
    int64_t began = boot_ms(w);
    pawli_sim_meanwhile(w->env, 1, run_jobs, w->env);
    assert_ok(try_add(w, MESSAGE("1", .key = NULL)));
    assert_in_range(boot_ms(w) - began, 0, 1);
}

static void who_turns_the_loop_may_wait_behind_what_it_submitted(struct world *w)
{
    struct answers answers = {0};
    size_t saved = save_two_rounds(w, &answers);
    for (size_t i = 0; i <= saved; i++)
        submit(w, &answers, MESSAGE("2", .key = NULL)); /* more than one batch takes */
    assert_int_equal(committer_of(w)->last->blocked, 0);
    committer_of(w)->most = OVERLAPPING;
    expect_a_blocked_caller_goes_on(w);
    finish(w, &answers, OVERLAPPING + saved + 1);
    verify(w);
}

static enum store_result save_while_jobs_end(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                                             pawl_error *error)
{
    enum store_result result = pawli_below_save(store->below, txn, view, syncs, error);
    pawli_sim_run_jobs(store->env);
    return result;
}

static void a_round_is_synced_though_the_job_has_ended(struct world *w)
{
    static const struct store_ops ops = {.save = save_while_jobs_end};
    struct store *below = w->store->opened->store, filter;
    struct committer *committer = committer_of(w);
    struct answers answers = {0};
    pawli_filter_init(&filter, &ops, below);
    stand_on(w->store, &filter);
    committer->most = 4;
    committer->work_ns = INT64_MAX / 8;
    for (int i = 0; i < 6; i++)
        submit(w, &answers, MESSAGE("1", .key = NULL));
    for (int i = 0; i < 2; i++)
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
    committer->most = 2 * OVERLAPPING;
    expect_a_blocked_caller_goes_on(w);
    finish(w, &answers, 6);
    stand_on(w->store, below);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(who_turns_the_loop_may_wait_behind_what_it_submitted),
    CASE(a_round_is_synced_though_the_job_has_ended),
    CASE(a_refused_unit_leaves_its_neighbours),
    CASE(a_lost_commit_that_is_found_answers_all_of_its_units),
    CASE(a_failed_commit_fails_all_of_its_units),
    CASE(a_line_moves_several_steps_in_one_commit),
    CASE(a_large_batch_is_stored_whole),
    CASE(a_target_that_comes_and_goes_in_one_commit),
    CASE(a_unit_is_withdrawn_by_its_deadline),
    CASE(rounds_are_answered_after_their_sync),
    CASE(a_sync_that_fails_is_unknown_to_every_round),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
