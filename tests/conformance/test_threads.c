/* SPDX-License-Identifier: MIT */
/* Many threads on one store, in a world where nobody wakes by chance: whoever wins, one does, and who waits is woken. */
#include <pthread.h>
#include <sched.h>

#include "conformance.h"
#include "pawl/subscription.h"
#include "pawl/workflow.h"
#include "store/sqlite/sqlite.h"
#include "waking.h"

#define THREADS 16
#define EACH    20

struct contestant {
    pawl_store *store;
    pthread_barrier_t *start;
    pthread_t thread;
    int status;
    unsigned number;
    bool was_replayed;
    size_t count;
    pawl_uuid id;
};

/* The simulated world has one thread. */
static void open_real(struct world *w)
{
    pawl_store_close(w->store);
    w->env->ops->close(w->env);
    w->env = waking_env();
    assert_ok(pawli_open_in(w->env, w->url, NULL, &w->store, &err));
    if (w->kind->is_durable)
        waking_bell(w->env, ((struct sqlite_store *)w->store->opened->store)->bell);
}

static void begin(struct world *w, struct contestant *contestants, size_t count, void *(*run)(void *contestant))
{
    for (size_t i = 0; i < count; i++) {
        contestants[i].store = w->store;
        contestants[i].number = (unsigned)i;
        assert_int_equal(pthread_create(&contestants[i].thread, NULL, run, &contestants[i]), 0);
    }
}

static void end(struct contestant *contestants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(contestants[i].thread, NULL), 0);
}

static void compete(struct world *w, struct contestant contestants[THREADS], void *(*run)(void *contestant))
{
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    memset(contestants, 0, THREADS * sizeof *contestants);
    for (size_t i = 0; i < THREADS; i++)
        contestants[i].start = &start;
    begin(w, contestants, THREADS, run);
    end(contestants, THREADS);
    pthread_barrier_destroy(&start);
}

static void *enqueue_the_same(void *argument)
{
    struct contestant *c = argument;
    pawl_enqueued result = {0};
    pthread_barrier_wait(c->start);
    c->status = pawl_enqueue(c->store, MESSAGE("1", .dedupe = "K"), 1, &result, NULL);
    c->id = result.id;
    c->was_replayed = result.was_replayed;
    return NULL;
}

static void a11_sixteen_enqueue_the_same(struct world *w)
{
    struct contestant contestants[THREADS];
    unsigned made = 0;
    open_real(w);
    compete(w, contestants, enqueue_the_same);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(contestants[i].status, PAWL_OK);
        assert_id(contestants[i].id, contestants[0].id);
        made += !contestants[i].was_replayed;
    }
    assert_int_equal(made, 1);
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

static void *claim_the_same(void *argument)
{
    struct contestant *c = argument;
    pawl_messages *messages;
    pthread_barrier_wait(c->start);
    c->status = pawl_claim(c->store, CLAIM(.limit = 1), &messages, NULL);
    if (c->status == PAWL_OK) {
        c->count = pawl_messages_count(messages);
        pawl_messages_free(messages);
    }
    return NULL;
}

static void a25_sixteen_claim_the_same(struct world *w)
{
    struct contestant contestants[THREADS];
    size_t claimed = 0;
    open_real(w);
    add(w, MESSAGE("1", .key = NULL));
    compete(w, contestants, claim_the_same);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(contestants[i].status, PAWL_OK);
        claimed += contestants[i].count;
    }
    assert_int_equal(claimed, 1);
    assert_int_equal(stats(w).claimed, 1);
    verify(w);
}

static void *decide_the_same(void *argument)
{
    struct contestant *c = argument;
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = make_id(1)};
    pawl_transition *t = pawl_transition_new(c->store, &options);
    pawl_receipt *receipt;
    size_t size;
    pawl_transition_response(t, &c->number, sizeof c->number); /* each decides something else */
    pthread_barrier_wait(c->start);
    c->status = pawl_transition_commit(t, &receipt, NULL);
    pawl_transition_free(t);
    if (c->status < 0)
        return NULL;
    const void *response = pawl_receipt_response(receipt, &size);
    memcpy(&c->number, response, sizeof c->number);
    c->was_replayed = pawl_receipt_was_replayed(receipt);
    c->count = pawl_receipt_seq(receipt);
    pawl_receipt_free(receipt);
    return NULL;
}

static void sixteen_commands_with_one_id_have_one_answer(struct world *w)
{
    struct contestant contestants[THREADS];
    unsigned made = 0;
    open_real(w);
    compete(w, contestants, decide_the_same);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(contestants[i].status, PAWL_OK);
        assert_int_equal(contestants[i].number, contestants[0].number);
        assert_int_equal(contestants[i].count, 1);
        made += !contestants[i].was_replayed;
    }
    assert_int_equal(made, 1);
    verify(w);
}

static int settle_all(struct contestant *c, pawl_messages *messages)
{
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < pawl_messages_count(messages); i++) {
        const pawl_message_view *view = pawl_messages_get(messages, i);
        pawl_settlement settlement = {PAWL_SETTLEMENT, .id = view->id, .token = view->token};
        pawl_settled settled;
        status = pawl_settle(c->store, &settlement, 1, &settled, NULL);
        c->count += status == PAWL_OK && settled.result == PAWL_RESULT_DELIVERED;
    }
    return status;
}

static void *add_claim_and_settle(void *argument)
{
    struct contestant *c = argument;
    char key[2] = {(char)('a' + c->number % 4)};
    pthread_barrier_wait(c->start);
    for (unsigned i = 0; c->status == PAWL_OK && i < EACH; i++) {
        pawl_messages *messages;
        pawl_enqueued result;
        c->status = pawl_enqueue(c->store, MESSAGE("1", .key = i % 2 ? key : NULL), 1, &result, NULL);
        if (c->status == PAWL_OK)
            c->status = pawl_claim(c->store, CLAIM(.limit = 2), &messages, NULL);
        if (c->status < 0)
            break;
        c->status = settle_all(c, messages);
        pawl_messages_free(messages);
    }
    return NULL;
}

static void every_message_is_delivered_once(struct world *w)
{
    struct contestant contestants[THREADS];
    size_t delivered = 0;
    open_real(w);
    compete(w, contestants, add_claim_and_settle);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(contestants[i].status, PAWL_OK);
        delivered += contestants[i].count;
    }
    assert_int_equal(stats(w).delivered, delivered);
    assert_int_equal(stats(w).claimed, 0);
    assert_int_equal(stats(w).pending, THREADS * EACH - delivered);
    verify(w);
}

/* ---- waiting ---- */

#define ROUNDS  100
#define WAIT_MS 10000 /* whoever is not woken sleeps so long, and comes back too late */

static bool is_late(struct env *env, struct boot_time began)
{
    return env->ops->boot_now(env).ns >= boot_after_ms(began, WAIT_MS).ns;
}

static int pass_on(pawl_store *store, const char *lane)
{
    pawl_message message = *MESSAGE("1", .key = NULL);
    message.lane = lane;
    return pawl_enqueue(store, &message, 1, NULL, NULL);
}

static int wait_for(pawl_store *store, const char *lane, size_t *ret_count)
{
    struct env *env = store->opened->env;
    struct boot_time began = env->ops->boot_now(env);
    pawl_messages *messages;
    pawl_claim_options options = *CLAIM(.limit = 1, .wait_ms = WAIT_MS);
    options.lane = lane;
    int status = pawl_claim(store, &options, &messages, NULL);
    if (status < 0)
        return status;
    *ret_count += pawl_messages_count(messages);
    pawl_messages_free(messages);
    return is_late(env, began) ? PAWL_EBUSY : PAWL_OK;
}

static void *answer(void *argument)
{
    struct contestant *c = argument;
    for (size_t i = 0; c->status == PAWL_OK && c->count == i && i < ROUNDS; i++) {
        c->status = wait_for(c->store, "ping", &c->count);
        if (c->status == PAWL_OK)
            c->status = pass_on(c->store, "pong");
    }
    return NULL;
}

/* Each sleeps until the other wrote: in a hundred rounds no wake-up may be lost. */
static void who_waits_for_a_message_is_woken(struct world *w)
{
    struct contestant other = {0};
    size_t count = 0;
    open_real(w);
    begin(w, &other, 1, answer);
    for (size_t i = 0; count == i && i < ROUNDS; i++) {
        assert_ok(pass_on(w->store, "ping"));
        assert_ok(wait_for(w->store, "pong", &count));
    }
    end(&other, 1);
    assert_int_equal(other.status, PAWL_OK);
    assert_int_equal(other.count, ROUNDS);
    assert_int_equal(count, ROUNDS);
    verify(w);
}

#define SLEEPERS 3

static struct {
    struct store store;
    atomic_bool has_come, is_over;
} slow;

/* The first who comes here does not go on before all others lie down. */
static void be_slow(void)
{
    atomic_store(&slow.has_come, true);
    while (!atomic_load(&slow.is_over) && waking_sleepers() < SLEEPERS)
        sched_yield();
    atomic_store(&slow.is_over, true);
}

static enum store_result begin_slowly(struct store *store, struct boot_time until, struct txn **ret_txn,
                                      pawl_error *error)
{
    be_slow();
    return pawli_below_begin(store->below, until, ret_txn, error);
}

static enum store_result save_slowly(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                                     pawl_error *error)
{
    be_slow();
    return pawli_below_save(store->below, txn, view, syncs, error);
}

static void *add_one(void *argument)
{
    struct contestant *c = argument;
    c->status = pass_on(c->store, LANE);
    return NULL;
}

static void commit_slowly(struct world *w, const struct store_ops *ops, void *(*run)(void *contestant))
{
    struct contestant contestants[SLEEPERS + 1] = {0};
    struct store *below = w->store->opened->store;
    pawli_filter_init(&slow.store, ops, below);
    atomic_store(&slow.has_come, false);
    atomic_store(&slow.is_over, false);
    stand_on(w->store, &slow.store);
    begin(w, contestants, SLEEPERS + 1, run);
    end(contestants, SLEEPERS + 1);
    for (size_t i = 0; i <= SLEEPERS; i++)
        assert_int_equal(contestants[i].status, PAWL_OK);
    stand_on(w->store, below);
}

/* They all sleep on one batch; or on the next one, and then one of them shall lead and wake the others. */
static void who_waits_for_a_commit_is_woken(struct world *w)
{
    open_real(w);
    static const struct store_ops begins = {.begin = begin_slowly}, saves = {.save = save_slowly};
    commit_slowly(w, &begins, add_one);
    commit_slowly(w, &saves, add_one);
    assert_int_equal(stats(w).pending, 2 * (SLEEPERS + 1));
    verify(w);
}

static int cancel_it(pawl_store *store)
{
    const pawl_steering cancel = {PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_CANCEL};
    return pawl_workflow_steer(store, &cancel, &(pawl_operation){PAWL_OPERATION, .reason = "test"}, NULL, NULL);
}

static int claim_it(pawl_store *store, uint64_t *ret_token)
{
    pawl_workflows *claimed = NULL;
    int status = pawl_workflow_claim(
        store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .limit = 1}, &claimed, NULL);
    if (status == PAWL_OK && pawl_workflows_count(claimed) == 1)
        *ret_token = pawl_workflows_get(claimed, 0)->token;
    else
        status = status < 0 ? status : PAWL_ENOTFOUND;
    pawl_workflows_free(claimed);
    return status;
}

/* One is slow; behind it come who cancels, who claims what was cancelled, and one more: in this order, in one batch. */
static void *cancel_and_claim(void *argument)
{
    struct contestant *c = argument;
    uint64_t token;
    while (c->number > 0 && (!atomic_load(&slow.has_come) || waking_sleepers() + 1 < c->number))
        sched_yield();
    c->status = c->number == 1   ? cancel_it(c->store)
                : c->number == 2 ? claim_it(c->store, &token)
                                 : pass_on(c->store, LANE);
    return NULL;
}

static void make_a_step(struct world *w, pawl_step_outcome outcome)
{
    outcome.struct_size = sizeof outcome;
    outcome.kind = "k";
    outcome.id = "w";
    assert_ok(claim_it(w->store, &outcome.token));
    pawl_transition *step = pawl_transition_of_step(w->store, &outcome);
    assert_ok(pawl_transition_commit(step, NULL, &err));
    pawl_transition_free(step);
}

/* Its attempts are counted anew before they are counted. */
static void what_is_cancelled_may_be_claimed_in_the_same_commit(struct world *w)
{
    static const struct store_ops saves = {.save = save_slowly};
    pawl_workflows *seen;
    open_real(w);
    assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = "w"}, &seen, &err));
    pawl_workflows_free(seen);
    make_a_step(w, (pawl_step_outcome){.result = PAWL_STEP_NEXT, .undo = "back"});
    make_a_step(w, (pawl_step_outcome){.result = PAWL_STEP_PARK, .error = "not yet", .has_wake = 1});
    commit_slowly(w, &saves, cancel_and_claim);
    assert_ok(pawl_workflow_get(w->store, "k", "w", &seen, &err));
    assert_string_equal(pawl_workflows_get(seen, 0)->state, "back");
    assert_string_equal(pawl_workflows_get(seen, 0)->status, "running");
    assert_int_equal(pawl_workflows_get(seen, 0)->attempts, 1);
    pawl_workflows_free(seen);
    verify(w);
}

static int write_record(pawl_store *store)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order"};
    pawl_transition *t = pawl_transition_new(store, &options);
    int status = pawl_transition_commit(t, NULL, NULL);
    pawl_transition_free(t);
    return status;
}

static int wait_for_record(pawl_store *store, uint64_t after_seq)
{
    struct env *env = store->opened->env;
    struct boot_time began = env->ops->boot_now(env);
    int found = pawl_journal_wait(store, after_seq, WAIT_MS, NULL);
    return found == 1 && !is_late(env, began) ? PAWL_OK : PAWL_EBUSY;
}

/* Odd records are this one's, even ones the other's. */
static void *answer_records(void *argument)
{
    struct contestant *c = argument;
    for (size_t i = 0; c->status == PAWL_OK && i < ROUNDS; i++) {
        c->status = wait_for_record(c->store, 2 * i);
        if (c->status == PAWL_OK)
            c->status = write_record(c->store);
        c->count += c->status == PAWL_OK;
    }
    return NULL;
}

static void who_waits_for_a_record_is_woken(struct world *w)
{
    struct contestant other = {0};
    open_real(w);
    begin(w, &other, 1, answer_records);
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_ok(write_record(w->store));
        assert_ok(wait_for_record(w->store, 2 * i + 1));
    }
    end(&other, 1);
    assert_int_equal(other.status, PAWL_OK);
    assert_int_equal(other.count, ROUNDS);
    verify(w);
}

static int join_record(pawl_store *store, pawl_join *join, sqlite3 *db)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order"};
    pawl_transition *t = pawl_transition_new(store, &options);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int status = pawl_join_append(join, t, NULL, &err);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    pawl_transition_free(t);
    return status;
}

static void who_waits_for_a_joined_record_is_woken(struct world *w)
{
    struct contestant other = {0};
    sqlite3 *db;
    pawl_join *join;
    if (!w->kind->is_durable)
        return; /* nothing to join */
    open_real(w);
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    assert_ok(pawl_join_attach(w->store, db, &join, &err));
    begin(w, &other, 1, answer_records);
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_ok(join_record(w->store, join, db));
        assert_ok(wait_for_record(w->store, 2 * i + 1));
    }
    end(&other, 1);
    pawl_join_detach(join);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(other.count, ROUNDS);
    verify(w);
}

#define WRITERS 4
#define RECORDS 60

static void *write_events(void *argument)
{
    struct contestant *c = argument;
    for (int i = 0; i < RECORDS && c->status == PAWL_OK; i++) {
        pawl_transition *t = pawl_transition_new(c->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Move"});
        for (int j = 0; j < 2; j++)
            pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "E"});
        c->status = pawl_transition_commit(t, NULL, NULL);
        pawl_transition_free(t);
    }
    return NULL;
}

/* Whoever reads behind what others write sees each event once, in order. */
static void a177_no_gap_between_what_was_and_what_comes(struct world *w)
{
    struct contestant writers[WRITERS] = {0};
    pawl_cursor seen = {0, 1};
    open_real(w);
    assert_ok(pawl_subscription_add(
        w->store, &(pawl_subscription_options){PAWL_SUBSCRIPTION_OPTIONS, .name = "s", .topic = "t"}, &err));
    begin(w, writers, WRITERS, write_events);
    for (size_t all = 0; all < 2 * WRITERS * RECORDS;) {
        pawl_events *events;
        assert_ok(pawl_subscription_read(w->store, "s", NULL, 7, &events, &err));
        size_t count = pawl_events_count(events);
        for (size_t i = 0; i < count; i++) {
            const pawl_event_view *event = pawl_events_get(events, i);
            assert_int_equal(event->seq, seen.seq + seen.index);
            assert_int_equal(event->index, 1 - seen.index);
            seen = (pawl_cursor){event->seq, event->index};
        }
        pawl_events_free(events);
        all += count;
        if (count)
            assert_ok(pawl_subscription_ack(w->store, "s", &seen, &err));
        else
            sched_yield();
    }
    end(writers, WRITERS);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(writers[i].status, PAWL_OK);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(a177_no_gap_between_what_was_and_what_comes),
    CASE(a11_sixteen_enqueue_the_same),
    CASE(a25_sixteen_claim_the_same),
    CASE(sixteen_commands_with_one_id_have_one_answer),
    CASE(every_message_is_delivered_once),
    CASE(who_waits_for_a_commit_is_woken),
    CASE(what_is_cancelled_may_be_claimed_in_the_same_commit),
    CASE(who_waits_for_a_message_is_woken),
    CASE(who_waits_for_a_record_is_woken),
    CASE(who_waits_for_a_joined_record_is_woken),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
