/* SPDX-License-Identifier: MIT */
/* A worker that has nothing to do rests: it looks rarely, and is late for nothing that it is told of or can reckon. */
#include <sys/stat.h>

#include "conformance.h"
#include "work/work.h"

#define TURNS_MAX 1000
#define MINUTE_MS 60000

struct resting {
    struct world *w;
    struct store *filter;
    pawl_worker *worker;
    unsigned delivered;
};

static void deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)message, (void)outcome;
    ((struct resting *)data)->delivered++;
}

/* All that is due now; how long until something is. */
static int64_t work_on(struct resting *r)
{
    int64_t next_ms = 0;
    for (int i = 0; i < TURNS_MAX; i++) {
        assert_ok(pawl_store_step(r->w->store, 0, &next_ms, &err));
        if (pawli_sim_run_jobs(r->w->env) == 0 && next_ms != 0)
            return next_ms;
    }
    fail_msg("it does not come to rest");
    return -1;
}

/* Time passes, from one due time to the next; returns how often it woke. */
static unsigned pass(struct resting *r, int64_t ms)
{
    int64_t end_ms = now_ms(r->w) + ms, next_ms;
    unsigned wakes = 0;
    while ((next_ms = work_on(r)) < end_ms - now_ms(r->w)) {
        pawli_sim_advance_ms(r->w->env, next_ms);
        wakes++;
    }
    pawli_sim_advance_ms(r->w->env, end_ms - now_ms(r->w));
    work_on(r);
    return wakes;
}

static void begin(struct resting *r, struct world *w)
{
    *r = (struct resting){.w = w, .filter = put_filter(w->store)};
    pawli_sim_watch_bells(w->env);
    assert_ok(
        pawl_worker_new(w->store, &(pawl_worker_options){PAWL_WORKER_OPTIONS, .all_scopes = 1}, &r->worker, &err));
    assert_ok(pawl_worker_callback(r->worker, "deliver", deliver, r, &err));
    assert_ok(pawl_worker_start(r->worker, &err));
    pass(r, 3000);
}

static void add_target(struct resting *r)
{
    assert_ok(pawl_target_add(r->w->store, TARGET, "callback:deliver", NULL, NULL, 0, BECAUSE(1), &err));
}

static void end(struct resting *r)
{
    pawl_worker_stop(r->worker, 0);
    pawl_worker_free(r->worker);
    verify(r->w);
}

/* What others commit is told where processes share a store; a store of one process alone looks as ever. */
static bool is_told(const struct world *w)
{
    return w->kind->is_durable;
}

static void who_has_nothing_to_do_looks_rarely(struct world *w)
{
    struct resting r;
    begin(&r, w);
    pawli_fault_set(r.filter, NULL);
    unsigned wakes = pass(&r, MINUTE_MS);
    uint64_t reads = pawli_fault_calls(r.filter, FAULT_READER);
    print_message("# %s: %u wake-ups and %llu readings a minute\n", w->kind->name, wakes, (unsigned long long)reads);
    assert_true(is_told(w) ? wakes <= 20 : wakes >= 60);
    assert_true(is_told(w) ? reads <= 60 : reads >= 60);
    /* Nor does what waits for its time keep it awake. */
    add_target(&r);
    add(w, MESSAGE("1", .delay_ms = 2 * MINUTE_MS));
    pass(&r, 3000);
    wakes = pass(&r, MINUTE_MS);
    assert_true(is_told(w) ? wakes <= 20 : wakes >= 60);
    pass(&r, MINUTE_MS - 3001);
    assert_int_equal(r.delivered, 0);
    pass(&r, 1);
    assert_int_equal(r.delivered, 1);
    end(&r);
}

static void another_process_s_message_is_sent_at_once(struct world *w)
{
    struct resting r;
    pawl_store *other;
    if (!is_told(w))
        return;
    begin(&r, w);
    add_target(&r);
    pass(&r, 30000);
    assert_ok(pawli_open_in(w->env, w->url, NULL, &other, &err));
    assert_ok(pawl_enqueue(other, MESSAGE("1", .key = NULL), 1, NULL, &err));
    work_on(&r);
    assert_int_equal(r.delivered, 1);
    pawl_store_close(other);
    end(&r);
}

static void a_target_that_comes_late_is_served_at_once(struct world *w)
{
    struct resting r;
    begin(&r, w);
    add(w, MESSAGE("1", .key = NULL));
    pass(&r, 30000);
    assert_int_equal(r.delivered, 0);
    add_target(&r);
    work_on(&r);
    assert_int_equal(r.delivered, 1);
    end(&r);
}

/* Of a claim by hand through the worker's own store nobody is told but by this. */
static void a_claim_that_ends_is_seen_though_it_rested(struct world *w)
{
    struct resting r;
    begin(&r, w);
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pass(&r, 30000);
    claim_one(w, CLAIM(.lease_ms = 2000));
    pass(&r, 1999);
    assert_state(w, id, "claimed");
    pass(&r, 101);
    assert_state(w, id, "pending");
    end(&r);
}

static void a_secret_that_cannot_be_read_is_looked_at_again(struct world *w)
{
    struct resting r;
    char path[96];
    snprintf(path, sizeof path, "%s/secret", w->folder);
    begin(&r, w);
    assert_ok(pawl_target_add(w->store, TARGET, "callback:deliver", path, NULL, 0, BECAUSE(1), &err));
    add(w, MESSAGE("1", .key = NULL));
    pass(&r, 30000);
    assert_int_equal(r.delivered, 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("whsec_QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
    pass(&r, 1000);
    assert_int_equal(r.delivered, 1);
    end(&r);
}

static void a_clock_that_is_set_is_noticed_at_once(struct world *w)
{
    struct resting r;
    begin(&r, w);
    add_target(&r);
    add(w, MESSAGE("1", .delay_ms = 60 * MINUTE_MS));
    pass(&r, 30000);
    pawli_sim_set_wall_ms(w->env, now_ms(w) + 60 * MINUTE_MS);
    pawli_engine_wake(&r.worker->worker.engine); /* as the loop does when the clock is set */
    work_on(&r);
    assert_int_equal(r.delivered, 1);
    end(&r);
}

int main(void)
{
    static const struct conformance_case cases[] = {
        CASE(who_has_nothing_to_do_looks_rarely),
        CASE(another_process_s_message_is_sent_at_once),
        CASE(a_target_that_comes_late_is_served_at_once),
        CASE(a_claim_that_ends_is_seen_though_it_rested),
        CASE(a_secret_that_cannot_be_read_is_looked_at_again),
        CASE(a_clock_that_is_set_is_noticed_at_once),
    };
    return run_on_every_store(cases, COUNT_OF(cases));
}
