/* SPDX-License-Identifier: MIT */
/* Waiting: for one commit, for a turn beside another process, for a delivery to start. */
#include <time.h>

#include "bench.h"

static int no_memory(pawl_error *err)
{
    *err = (pawl_error){.status = PAWL_ENOMEM, .text = "no memory for the times"};
    return PAWL_ENOMEM;
}

static int enqueue_one(const struct bench *bench, pawl_store *store, pawl_error *err)
{
    pawl_enqueued enqueued;
    return pawl_enqueue(
        store,
        &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = bench->body, .data_size = BODY_SIZE}, 1,
        &enqueued, err);
}

/* ---- one caller ---- */

static int commit_one(const struct bench *bench, pawl_store *store, pawl_error *err)
{
    pawl_transition *t = pawl_transition_new(store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "PlaceOrder"});
    pawl_transition_command(t, bench->body, BODY_SIZE);
    int status = pawl_transition_commit(t, NULL, err);
    pawl_transition_free(t);
    return status;
}

static int measure_latency(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct sides *sides = data;
    struct times times;
    int status = bench_times_begin(bench, &times) ? PAWL_OK : no_memory(err);
    while (status == PAWL_OK && bench_times_last(&times)) {
        double before = bench_now();
        status = commit_one(bench, sides->store, err);
        bench_times_add(&times, before);
    }
    bench_times_end(&times, figure);
    return status;
}

int workload_latency(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct sides sides = {.in_flight = 1};
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        status = baseline_open(bench, 0, 0, &sides.baseline, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_latency, &sides, baseline_one_row, &sides, result, err);
    bench_close(bench, &sides);
    result->in_flight = 1;
    return status;
}

/* ---- beside a busy process ---- */

static void commit_busily(const struct bench *bench, struct beside *beside)
{
    pawl_store *store;
    pawl_message messages[64];
    pawl_enqueued enqueued[64];
    pawl_error err;
    for (int i = 0; i < 64; i++)
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = bench->body,
                                     .data_size = BODY_SIZE};
    int status = bench_store_again(bench, "pawl", &store, &err);
    sem_post(&beside->ready);
    while (status == PAWL_OK && !beside->stop)
        status = pawl_enqueue(store, messages, 64, enqueued, &err);
    if (status < 0)
        fprintf(stderr, "pawl: the busy process: %s\n", err.text);
    else
        pawl_store_close(store);
}

static int measure_contention(const struct bench *bench, void *unused, struct figure *figure, pawl_error *err)
{
    struct sides sides = {0};
    struct times times;
    (void)unused;
    struct beside *beside = bench_beside_new(bench, commit_busily);
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        bench_beside_go(beside);
    if (status == PAWL_OK && !bench_times_begin(bench, &times))
        status = no_memory(err);
    else if (status == PAWL_OK) {
        while (status == PAWL_OK && bench_times_last(&times)) {
            double before = bench_now();
            status = enqueue_one(bench, sides.store, err);
            bench_times_add(&times, before);
        }
        bench_times_end(&times, figure);
    }
    bench_beside_free(beside);
    bench_close(bench, &sides);
    return status;
}

int workload_contention(const struct bench *bench, struct result *result, pawl_error *err)
{
    result->in_flight = 1;
    return bench_compare(bench, measure_contention, NULL, baseline_contention, NULL, result, err);
}

/* ---- from a commit to the start of its delivery ---- */

static void note_delivery(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct beside *beside = data;
    (void)message, (void)outcome;
    beside->time = bench_now();
    sem_post(&beside->done);
}

static int start_worker(pawl_store *store, struct beside *beside, pawl_worker **ret_worker, pawl_error *err)
{
    int status = pawl_worker_new(store, NULL, ret_worker, err);
    if (status == PAWL_OK)
        status = pawl_worker_callback(*ret_worker, "note", note_delivery, beside, err);
    if (status == PAWL_OK)
        status = pawl_worker_start(*ret_worker, err);
    return status == PAWL_OK ? pawl_store_start(store, err) : status;
}

/* Before each commit all is at rest: what was delivered before is settled. */
static int rest(pawl_store *store, pawl_error *err)
{
    for (;;) {
        pawl_stats *stats;
        int status = pawl_stats_read(store, "mail", "smtp", &stats, err);
        if (status < 0)
            return status;
        const pawl_queue_stats *queue = pawl_stats_count(stats) > 0 ? pawl_stats_get(stats, 0) : NULL;
        bool at_rest = !queue || (queue->pending == 0 && queue->claimed == 0);
        pawl_stats_free(stats);
        if (at_rest)
            return PAWL_OK;
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static int measure_deliveries(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct sides *sides = data;
    struct times times;
    int status = bench_times_begin(bench, &times) ? PAWL_OK : no_memory(err);
    while (status == PAWL_OK && bench_times_last(&times)) {
        status = enqueue_one(bench, sides->store, err);
        double committed = bench_now();
        if (status < 0)
            break;
        sem_wait(&sides->beside->done);
        double began = sides->beside->time; /* it may start before the answer is back */
        times.values[times.count++] = began > committed ? began - committed : 0;
        status = rest(sides->store, err);
    }
    bench_times_end(&times, figure);
    return status;
}

static int run_wake(const struct bench *bench, struct beside *beside, measure *baseline, struct result *result,
                    pawl_error *err)
{
    struct sides sides = {.beside = beside, .in_flight = 1};
    pawl_worker *worker = NULL;
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        status = pawl_target_add(sides.store, "smtp", "callback:note", NULL, NULL, 0, &(pawl_operation){PAWL_OPERATION},
                                 err);
    if (status == PAWL_OK && beside->pid > 0)
        bench_beside_go(beside);
    else if (status == PAWL_OK)
        status = start_worker(sides.store, beside, &worker, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_deliveries, &sides, baseline, &sides, result, err);
    if (beside->pid > 0)
        bench_beside_free(beside);
    pawl_worker_free(worker);
    bench_close(bench, &sides);
    result->in_flight = 1;
    return status;
}

int workload_wake(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct beside here = {.pid = 0};
    sem_init(&here.done, 0, 0);
    return run_wake(bench, &here, baseline_wake_thread, result, err);
}

static void deliver_beside(const struct bench *bench, struct beside *beside)
{
    pawl_store *store = NULL;
    pawl_worker *worker = NULL;
    pawl_error err;
    int status = bench_store_again(bench, "pawl", &store, &err);
    if (status == PAWL_OK)
        status = start_worker(store, beside, &worker, &err);
    if (status < 0)
        fprintf(stderr, "pawl: the delivering process: %s\n", err.text);
    sem_post(&beside->ready);
    sem_wait(&beside->go); /* until the end */
    pawl_worker_free(worker);
    pawl_store_close(store);
}

int workload_wake_process(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_wake(bench, bench_beside_new(bench, deliver_beside), baseline_wake_process, result, err);
}
