/* SPDX-License-Identifier: MIT */
/* A worker in a simulated world, whose target is a function of the test. Time passes where a case says so, and while a function
 * runs that takes its time. */
#ifndef TESTS_WORKING_H
#define TESTS_WORKING_H

#include "conformance.h"

#define CALLS_MAX 300
#define TURNS_MAX 1000

struct work;
typedef void deliver_function(struct work *work, const pawl_message_view *message, pawl_outcome *outcome);

struct call {
    pawl_uuid id;
    int64_t at_ms;
    uint32_t attempt;
};

struct work {
    struct world *w;
    struct store *filter;
    deliver_function *deliver, *probe; /* NULL: it is delivered; nobody knows */
    struct call calls[CALLS_MAX], looks[CALLS_MAX];
    size_t count, look_count;
    unsigned told_failures; /* claims and settlements that failed */
};

static inline void deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct work *work = data;
    assert_true(work->count < CALLS_MAX);
    work->calls[work->count++] = (struct call){message->id, now_ms(work->w), message->attempts};
    if (work->deliver)
        work->deliver(work, message, outcome);
}

static inline void say(pawl_outcome *outcome, int32_t verdict, const char *error)
{
    outcome->verdict = verdict;
    snprintf(outcome->error, sizeof outcome->error, "%s", error);
}

static inline void lose_the_answer(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    say(outcome, PAWL_VERDICT_UNCERTAIN, "the connection was lost");
}

static inline void nobody_knows(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    say(outcome, PAWL_VERDICT_UNCERTAIN, "the ledger is busy");
}

/* What is asked what became of a message. */
static inline void probe(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct work *work = data;
    assert_true(work->look_count < CALLS_MAX);
    work->looks[work->look_count++] = (struct call){message->id, now_ms(work->w), message->attempts};
    if (work->probe)
        work->probe(work, message, outcome);
}

static inline void tell(void *data, const pawl_worker_event *event)
{
    struct work *work = data;
    work->told_failures += strcmp(event->name, "claim_failed") == 0 || strcmp(event->name, "settle_failed") == 0 ||
                           strcmp(event->name, "store_failed") == 0;
}

static inline void begin(struct work *work, struct world *w, const pawl_setting *settings, size_t count)
{
    *work = (struct work){.w = w, .filter = put_filter(w->store)};
    pawli_fault_set(work->filter, NULL);
    assert_ok(pawl_target_add(w->store, TARGET, "callback:deliver", NULL, settings, count, BECAUSE(1), &err));
}

static inline pawl_worker *new_worker(struct work *work, const char *consumer, uint32_t poll_ms)
{
    pawl_worker *worker;
    pawl_worker_options options = {PAWL_WORKER_OPTIONS, .consumer = consumer, .poll_ms = poll_ms, .tell = tell,
                                   .tell_data = work};
    assert_ok(pawl_worker_new(work->w->store, &options, &worker, &err));
    assert_ok(pawl_worker_callback(worker, "deliver", deliver, work, &err));
    return worker;
}

static inline pawl_worker *start_polling(struct work *work, const char *consumer, uint32_t poll_ms)
{
    pawl_worker *worker = new_worker(work, consumer, poll_ms);
    assert_ok(pawl_worker_probe(worker, "deliver", probe, work, &err));
    assert_ok(pawl_worker_start(worker, &err));
    return worker;
}

/* One that sends, and has no function that could be asked. */
static inline pawl_worker *start_unasked(struct work *work, const char *consumer)
{
    pawl_worker *worker = new_worker(work, consumer, 0);
    assert_ok(pawl_worker_start(worker, &err));
    return worker;
}

static inline pawl_worker *start(struct work *work, const char *consumer)
{
    return start_polling(work, consumer, 0);
}

static inline pawl_worker_stats counted(pawl_worker *worker)
{
    pawl_worker_stats counts = {PAWL_WORKER_STATS};
    pawl_worker_get_stats(worker, &counts);
    return counts;
}

/* One turn of the engine, and what it offloaded; how long until the next one is due. */
static inline int64_t turn(struct work *work)
{
    int64_t next_ms;
    assert_ok(pawl_store_step(work->w->store, 0, &next_ms, &err));
    return pawli_sim_run_jobs(work->w->env) > 0 ? 0 : next_ms;
}

/* All that is due now. */
static inline int64_t work_on(struct work *work)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        int64_t next_ms = turn(work);
        if (next_ms != 0)
            return next_ms;
    }
    fail_msg("it does not come to rest");
    return -1;
}

/* A look may be what fails: then it is not known. */
static inline bool is_in(struct work *work, pawl_uuid id, const char *state)
{
    pawl_messages *messages;
    if (pawl_message_get(work->w->store, &id, &messages, &err) < 0)
        return false;
    bool is = strcmp(pawl_messages_get(messages, 0)->state, state) == 0;
    pawl_messages_free(messages);
    return is;
}

/* Time passes, as far as it must and from one due time to the next. */
static inline void work_until(struct work *work, pawl_uuid id, const char *state)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        int64_t next_ms = work_on(work);
        if (is_in(work, id, state))
            return;
        assert_true(next_ms > 0);
        pawli_sim_advance_ms(work->w->env, next_ms);
    }
    fail_msg("a message is never %s", state);
}

static inline void end(struct work *work, pawl_worker *worker)
{
    pawli_fault_set(work->filter, NULL);
    work_on(work);
    pawli_sim_advance_ms(work->w->env, 5000); /* what could not be settled is said again; time stands still in stop */
    work_on(work);
    pawl_worker_stop(worker, 0);
    assert_int_equal(counted(worker).in_flight, 0);
    pawl_worker_free(worker);
    assert_int_equal(stats(work->w).claimed, 0);
    verify(work->w);
}

#endif
