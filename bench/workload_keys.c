/* SPDX-License-Identifier: MIT */
/* Ordering keys, many and hot. Both sides are pawl: with what waits behind the keys, and without. */
#include <stdio.h>

#include "bench.h"

#define CLAIM     100
#define ARRAY     1000
#define CONSUMERS 4
#define KEYS      1000

struct keyed {
    pawl_store *store;
    uint64_t next; /* of the keys that are used once */
};

static int enqueue_under(const struct bench *bench, pawl_store *store, uint64_t first, unsigned keys, uint64_t count,
                         const char *prefix, pawl_error *err)
{
    static char names[ARRAY][24];
    pawl_message messages[ARRAY];
    pawl_enqueued enqueued[ARRAY];
    int status = PAWL_OK;
    for (uint64_t done = 0; status == PAWL_OK && done < count; done += ARRAY) {
        uint64_t some = count - done < ARRAY ? count - done : ARRAY;
        for (uint64_t i = 0; i < some; i++) {
            snprintf(names[i], sizeof names[i], "%s%u", prefix, (unsigned)((first + done + i) % keys));
            messages[i] = (pawl_message){PAWL_MESSAGE,        .lane = "mail",         .target = "smtp",
                                         .data = bench->body, .data_size = BODY_SIZE, .key = names[i]};
        }
        status = pawl_enqueue(store, messages, some, enqueued, err);
    }
    return status;
}

/* Claims up to so many and settles them: how many. */
static int consume(pawl_store *store, uint32_t limit, pawl_error *err)
{
    pawl_settlement settlements[CLAIM];
    pawl_settled settled[CLAIM];
    pawl_messages *messages;
    int status = pawl_claim(store,
                            &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "mail", .target = "smtp", .limit = limit},
                            &messages, err);
    if (status < 0)
        return status;
    size_t count = pawl_messages_count(messages);
    for (size_t i = 0; i < count; i++)
        settlements[i] = (pawl_settlement){PAWL_SETTLEMENT, .id = pawl_messages_get(messages, i)->id,
                                           .token = pawl_messages_get(messages, i)->token,
                                           .verdict = PAWL_VERDICT_DELIVERED};
    if (count > 0)
        status = pawl_settle(store, settlements, count, settled, err);
    pawl_messages_free(messages);
    return status < 0 ? status : (int)count;
}

/* ---- a hot key ---- */

/* From the enqueue of a message of a key of its own to its settlement; what the hot key's head does is in the way. */
static int measure_beside(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct keyed *keyed = data;
    struct times times;
    int status = PAWL_OK;
    if (!bench_times_begin(bench, &times))
        return PAWL_ENOMEM;
    while (status >= 0 && bench_times_last(&times)) {
        double before = bench_now();
        status = enqueue_under(bench, keyed->store, keyed->next++, UINT32_MAX, 1, "own", err);
        if (status >= 0)
            status = consume(keyed->store, 2, err); /* the head of the hot key, and this one */
        if (status == 0) {
            *err = (pawl_error){.status = PAWL_EFENCED, .text = "a message of a key of its own was not claimed"};
            status = PAWL_EFENCED;
        }
        bench_times_add(&times, before);
    }
    bench_times_end(&times, figure);
    return status < 0 ? status : PAWL_OK;
}

int workload_hot_key(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct keyed hot = {0}, plain = {0};
    struct sides sides = {0};
    result->records = bench->records ? bench->records : 1000000;
    int status = bench_store(bench, "pawl", &hot.store, err);
    if (status == PAWL_OK)
        status = enqueue_under(bench, hot.store, 0, 1, result->records, "hot", err);
    if (status == PAWL_OK)
        status = bench_store(bench, "plain", &plain.store, err);
    if (status == PAWL_OK) /* it has a hot key, too, whose head is claimed each time, but little behind it */
        status = enqueue_under(bench, plain.store, 0, 1, 100000, "hot", err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_beside, &hot, measure_beside, &plain, result, err);
    sides.store = hot.store;
    bench_close(bench, &sides);
    pawl_store_close(plain.store);
    bench_remove(bench, "plain");
    result->in_flight = 1;
    return status;
}

/* ---- many keys ---- */

static int call_consumer(const struct bench *bench, struct sides *sides, int number)
{
    pawl_error err = {0};
    (void)bench, (void)number;
    int count = consume(sides->store, CLAIM, &err);
    if (count < 0)
        sides->err = err;
    return count;
}

/* As much comes in as can be taken out: both sides have a head of each key that is due. */
static int measure_keyed(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct keyed *keyed = data;
    struct sides sides = {.store = keyed->store, .in_flight = CONSUMERS};
    int status = enqueue_under(bench, keyed->store, 0, KEYS, (uint64_t)(100000 * bench->seconds), "key", err);
    if (status == PAWL_OK)
        status = bench_callers(bench, &sides, CONSUMERS, call_consumer, &figure->rate);
    if (sides.status < 0)
        *err = sides.err;
    return status;
}

int workload_many_keys(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct keyed full = {0}, empty = {0};
    struct sides sides = {0};
    result->records = bench->records ? bench->records : 1000000;
    int status = bench_store(bench, "pawl", &full.store, err);
    if (status == PAWL_OK)
        status = enqueue_under(bench, full.store, 0, KEYS, result->records, "key", err);
    if (status == PAWL_OK)
        status = bench_store(bench, "plain", &empty.store, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_keyed, &full, measure_keyed, &empty, result, err);
    sides.store = full.store;
    bench_close(bench, &sides);
    pawl_store_close(empty.store);
    bench_remove(bench, "plain");
    result->in_flight = CONSUMERS;
    return status;
}
