/* SPDX-License-Identifier: MIT */
/* Consuming: claims and settlements by the hundred, alone, beside a backlog, and beside producers. */
#include <time.h>

#include "bench.h"

#define CLAIM     100
#define CONSUMERS 4
#define PRODUCERS 1
#define ARRAY     1000
#define AHEAD     5000                /* messages that may wait before producers do */
#define STOCK     (UINT64_C(1) << 18) /* messages that are pending before each round */

static int enqueue_array(const struct bench *bench, pawl_store *store, pawl_error *err)
{
    pawl_message messages[ARRAY];
    pawl_enqueued enqueued[ARRAY];
    for (int i = 0; i < ARRAY; i++)
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = bench->body,
                                     .data_size = BODY_SIZE};
    return pawl_enqueue(store, messages, ARRAY, enqueued, err);
}

/* Claims up to 100 and settles them: how many; 0: there was nothing. */
static int consume(pawl_store *store, int64_t wait_ms, pawl_error *err)
{
    pawl_settlement settlements[CLAIM];
    pawl_settled settled[CLAIM];
    pawl_messages *messages;
    int status = pawl_claim(
        store,
        &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "mail", .target = "smtp", .limit = CLAIM, .wait_ms = wait_ms},
        &messages, err);
    if (status < 0)
        return status;
    size_t count = pawl_messages_count(messages);
    for (size_t i = 0; i < count; i++) {
        const pawl_message_view *view = pawl_messages_get(messages, i);
        settlements[i] = (pawl_settlement){PAWL_SETTLEMENT, .id = view->id, .token = view->token,
                                           .verdict = PAWL_VERDICT_DELIVERED};
    }
    if (count > 0)
        status = pawl_settle(store, settlements, count, settled, err);
    for (size_t i = 0; status == PAWL_OK && i < count; i++)
        if (settled[i].result != PAWL_RESULT_DELIVERED)
            status = PAWL_EFENCED;
    pawl_messages_free(messages);
    return status < 0 ? status : (int)count;
}

static int call_consumer(const struct bench *bench, struct sides *sides, int number)
{
    pawl_error err = {0};
    (void)bench, (void)number;
    int count = consume(sides->store, 0, &err);
    if (count < 0)
        sides->err = err;
    return count;
}

static int stock_up(const struct bench *bench, pawl_store *store, uint64_t messages, pawl_error *err)
{
    int status = PAWL_OK;
    for (uint64_t i = 0; status == PAWL_OK && i < messages; i += ARRAY)
        status = enqueue_array(bench, store, err);
    return status;
}

static int measure_consumers(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct sides *sides = data;
    int status = stock_up(bench, sides->store, STOCK, err);
    if (status == PAWL_OK)
        status = bench_callers(bench, sides, CONSUMERS, call_consumer, &figure->rate);
    if (sides->status < 0)
        *err = sides->err;
    return status;
}

static int run_claim_settle(const struct bench *bench, uint64_t backlog, struct result *result, pawl_error *err)
{
    struct sides sides = {.in_flight = CONSUMERS};
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        status = stock_up(bench, sides.store, backlog, err);
    if (status == PAWL_OK)
        status = baseline_open(bench, 0, backlog + STOCK * (uint64_t)bench->rounds, &sides.baseline, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_consumers, &sides, baseline_claim_settle, &sides, result, err);
    bench_close(bench, &sides);
    result->in_flight = CONSUMERS;
    result->records = backlog;
    return status;
}

int workload_claim_settle(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_claim_settle(bench, 0, result, err);
}

int workload_claim_settle_backlog(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_claim_settle(bench, bench->records ? bench->records : 1000000, result, err);
}

/* ---- producers and consumers ---- */

/* Only what was consumed counts, and producers wait for consumers: what goes through is the rate of both. */
static int call_either(const struct bench *bench, struct sides *sides, int number)
{
    pawl_error err = {0};
    bool produces = number < PRODUCERS;
    if (produces && sides->produced > sides->consumed + AHEAD) {
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        return 1;
    }
    int count = produces ? enqueue_array(bench, sides->store, &err) : consume(sides->store, 100, &err);
    if (count < 0)
        sides->err = err;
    else if (produces)
        sides->produced += ARRAY;
    else
        sides->consumed += (unsigned)count;
    return count < 0 ? count : 1;
}

static int measure_together(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct sides *sides = data;
    double unused, begin = bench_now();
    sides->produced = sides->consumed = 0;
    int status = bench_callers(bench, sides, PRODUCERS + CONSUMERS, call_either, &unused);
    uint64_t through = sides->produced < sides->consumed ? sides->produced : sides->consumed;
    figure->rate = (double)through / (bench_now() - begin);
    sides->batch = CLAIM;
    if (status < 0)
        *err = sides->err;
    return status;
}

int workload_together(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct sides sides = {.in_flight = PRODUCERS + CONSUMERS};
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        status = baseline_open(bench, 0, 0, &sides.baseline, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_together, &sides, baseline_together, &sides, result, err);
    bench_close(bench, &sides);
    result->in_flight = sides.in_flight;
    return status;
}
