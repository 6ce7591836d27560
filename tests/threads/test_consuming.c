/* SPDX-License-Identifier: MIT */
/* Many threads enqueue, claim and settle at once: O1 (nothing is lost), O2 (no two live claims), O5 (keys in order). */
#include "crowd.h"

#include <semaphore.h>

enum { PRODUCERS = 3, EACH = 120, CONSUMERS = 4, KEYS = 5, MESSAGES = PRODUCERS * EACH };

struct load {        /* the payload */
    uint32_t number; /* of the message; MESSAGES: the consumer that gets it stops */
    uint32_t in_key; /* its place among those of its key */
};

struct queue {
    pawl_store *store;
    atomic_uint enqueued, delivered, replayed;
    atomic_int live[MESSAGES]; /* claims that have not ended */
    atomic_uint deliveries[MESSAGES], claims[MESSAGES];
    atomic_uint key_next[PRODUCERS][KEYS];
    sem_t each_delivery;
    uint64_t last_token[MESSAGES]; /* of the live claim's holder only */
};

static const char *name_of(char text[24], const char *format, unsigned number)
{
    snprintf(text, 24, format, number);
    return text;
}

/* ---- producing: alone, in batches, in transitions, with callbacks; each under a dedupe key, half of them twice ---- */

static void enqueued(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct queue *queue = data;
    MUST(status == PAWL_OK);
    MUST(error == NULL || error->status >= 0);
    for (size_t i = 0; i < count; i++)
        atomic_fetch_add(results[i].was_replayed ? &queue->replayed : &queue->enqueued, 1);
}

static void produce_one(struct queue *queue, unsigned how, const pawl_message *message)
{
    if (how == 0) {
        pawl_enqueued result;
        MUST_OK(pawl_enqueue(queue->store, message, 1, &result, &err));
        enqueued(queue, PAWL_OK, &result, 1, NULL);
    } else if (how == 1) {
        MUST_OK(pawl_enqueue_submit(queue->store, message, 1, enqueued, queue, &err));
    } else {
        pawl_receipt *receipt;
        pawl_transition *t = pawl_transition_new(
            queue->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Produce"});
        pawl_transition_message(t, message);
        MUST_OK(pawl_transition_commit(t, &receipt, &err));
        MUST(pawl_receipt_message_count(receipt) == 1);
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
        atomic_fetch_add(&queue->enqueued, 1);
    }
}

static void produce(void *data, unsigned producer)
{
    struct queue *queue = data;
    unsigned in_key[KEYS] = {0};
    for (unsigned i = 0; i < EACH; i++) {
        char dedupe[24], key[24];
        unsigned number = producer * EACH + i, of_key = i % (KEYS + 3), how = producer % 3;
        bool has_key = of_key < KEYS;
        struct load load = {number, has_key ? in_key[of_key]++ : 0};
        pawl_message message = {PAWL_MESSAGE,
                                .lane = "work",
                                .target = "crowd",
                                .data = &load,
                                .data_size = sizeof load,
                                .content_type = "application/octet-stream",
                                .max_attempts = 1000,
                                .dedupe = name_of(dedupe, "message %u", number)};
        if (has_key)
            message.key = name_of(key, "key %u", producer * KEYS + of_key);
        produce_one(queue, how, &message);
        if (how != 2 && i % 2)
            produce_one(queue, how, &message);
    }
}

/* ---- consuming ---- */

/* Each claim of a message is taken to be live until just before it is settled: two at once would meet here. */
static void take(struct queue *queue, const pawl_message_view *message, const struct load *load)
{
    MUST(atomic_fetch_add(&queue->live[load->number], 1) == 0);
    MUST(atomic_load(&queue->deliveries[load->number]) == 0);
    unsigned claims = atomic_fetch_add(&queue->claims[load->number], 1);
    MUST(claims == 0 || message->token > queue->last_token[load->number]);
    queue->last_token[load->number] = message->token;
}

static int verdict_for(const struct queue *queue, const struct load *load)
{
    static const int first[] = {PAWL_VERDICT_DELIVERED, PAWL_VERDICT_RETRY,    PAWL_VERDICT_RELEASED,
                                PAWL_VERDICT_DELIVERED, PAWL_VERDICT_DEFERRED, PAWL_VERDICT_DELIVERED,
                                PAWL_VERDICT_UNCERTAIN};
    return atomic_load(&queue->claims[load->number]) > 1 ? PAWL_VERDICT_DELIVERED : first[load->number % COUNT(first)];
}

static void leave(struct queue *queue, const struct load *load, bool has_key, int verdict)
{
    if (verdict == PAWL_VERDICT_DELIVERED) {
        atomic_fetch_add(&queue->deliveries[load->number], 1);
        sem_post(&queue->each_delivery);
        unsigned of_key = load->number % EACH % (KEYS + 3);
        if (has_key) /* O5: its predecessors were delivered before it was claimed */
            MUST(atomic_fetch_add(&queue->key_next[load->number / EACH][of_key], 1) == load->in_key);
    }
    atomic_fetch_sub(&queue->live[load->number], 1);
}

/* Returns true where the consumer shall stop. */
static bool consume_page(struct queue *queue, const pawl_messages *page)
{
    static const int results[PAWL_VERDICT_COUNT] = {[PAWL_VERDICT_DELIVERED] = PAWL_RESULT_DELIVERED,
                                                    [PAWL_VERDICT_RETRY] = PAWL_RESULT_REQUEUED,
                                                    [PAWL_VERDICT_RELEASED] = PAWL_RESULT_RELEASED,
                                                    [PAWL_VERDICT_DEFERRED] = PAWL_RESULT_DEFERRED,
                                                    [PAWL_VERDICT_UNCERTAIN] = PAWL_RESULT_REQUEUED};
    pawl_settlement settlements[8];
    pawl_settled settled[8];
    size_t count = pawl_messages_count(page);
    bool stops = false;
    MUST(count <= COUNT(settlements));
    for (size_t i = 0; i < count; i++) {
        const pawl_message_view *message = pawl_messages_get(page, i);
        struct load load;
        memcpy(&load, message->data, sizeof load);
        int verdict = stops ? PAWL_VERDICT_RELEASED : PAWL_VERDICT_DELIVERED;
        if (load.number < MESSAGES) {
            take(queue, message, &load);
            verdict = verdict_for(queue, &load);
            leave(queue, &load, message->key != NULL, verdict);
        } else {
            stops = true; /* another one in the same page is for somebody else */
        }
        settlements[i] = (pawl_settlement){PAWL_SETTLEMENT, .id = message->id, .token = message->token,
                                           .verdict = verdict, .has_retry_in = 1};
    }
    if (count > 0)
        MUST_OK(pawl_settle(queue->store, settlements, count, settled, &err));
    for (size_t i = 0; i < count; i++)
        MUST(settled[i].result == results[settlements[i].verdict]);
    return stops;
}

static void consume(void *data, unsigned number)
{
    struct queue *queue = data;
    char consumer[24];
    for (bool stops = false; !stops;) {
        pawl_messages *page;
        MUST_OK(pawl_claim(queue->store,
                           &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "work", .target = "crowd",
                                                 .limit = 1 + number * 2,
                                                 .consumer = name_of(consumer, "consumer-%u", number),
                                                 .lease_ms = 3600000, .wait_ms = 60000},
                           &page, &err));
        stops = consume_page(queue, page);
        pawl_messages_free(page);
    }
}

/* ---- the laws ---- */

static struct pawl_queue_stats stats_of(pawl_store *store)
{
    pawl_stats *stats;
    MUST_OK(pawl_stats_read(store, "work", "crowd", &stats, &err));
    MUST(pawl_stats_count(stats) == 1);
    pawl_queue_stats result = *pawl_stats_get(stats, 0);
    pawl_stats_free(stats);
    return result;
}

static void stop_consumers(pawl_store *store)
{
    struct load load = {MESSAGES, 0};
    pawl_message message = {PAWL_MESSAGE,  .lane = "work",           .target = "crowd",
                            .data = &load, .data_size = sizeof load, .content_type = "application/octet-stream",
                            .priority = 9};
    for (unsigned i = 0; i < CONSUMERS; i++) {
        pawl_enqueued result;
        MUST_OK(pawl_enqueue(store, &message, 1, &result, &err));
    }
}

static struct queue queue;

/* Consumers sleep until there is something: each message that is enqueued, released or requeued must wake one. */
static void every_message_is_delivered_once_and_held_by_one(void **state)
{
    (void)state;
    LAW(O1, O2, O5);
    struct place place;
    struct crowd producers = {0}, consumers = {0};
    place_open(&place);
    queue = (struct queue){.store = place.store};
    sem_init(&queue.each_delivery, 0, 0);
    MUST_OK(pawl_store_start(place.store, &err));
    crowd_add(&consumers, CONSUMERS, consume, &queue);
    crowd_add(&producers, PRODUCERS, produce, &queue);
    crowd_start(&consumers);
    crowd_start(&producers);
    crowd_join(&producers);
    pawl_store_stop(place.store); /* every callback was called */
    for (unsigned i = 0; i < MESSAGES; i++)
        while (sem_wait(&queue.each_delivery) != 0)
            ;
    stop_consumers(place.store);
    crowd_join(&consumers);

    assert_int_equal(queue.enqueued, MESSAGES);
    assert_int_equal(queue.replayed, 2 * EACH / 2);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(queue.deliveries[i], 1);
        assert_int_equal(queue.live[i], 0);
        assert_in_range(queue.claims[i], 1, 2);
    }
    pawl_queue_stats stats = stats_of(place.store);
    assert_true(stats.delivered == MESSAGES + CONSUMERS);
    assert_true(stats.pending + stats.claimed + stats.uncertain + stats.awaiting + stats.dead + stats.cancelled == 0);
    must_verify(place.store);
    place_close(&place);
}

/* ---- one message, many who want it, and many who settle it under one token ---- */

struct contest {
    pawl_store *store;
    pawl_uuid id;
    uint64_t token;
    atomic_uint claims, won, lost;
};

static void contend_for_claim(void *data, unsigned number)
{
    struct contest *contest = data;
    pawl_messages *page;
    (void)number;
    MUST_OK(pawl_claim(
        contest->store,
        &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "work", .target = "crowd", .limit = 10, .lease_ms = 3600000},
        &page, &err));
    if (pawl_messages_count(page) == 1) {
        contest->token = pawl_messages_get(page, 0)->token;
        contest->id = pawl_messages_get(page, 0)->id;
    }
    atomic_fetch_add(&contest->claims, (unsigned)pawl_messages_count(page));
    pawl_messages_free(page);
}

static void contend_for_settlement(void *data, unsigned number)
{
    static const int verdicts[] = {PAWL_VERDICT_DELIVERED, PAWL_VERDICT_RETRY, PAWL_VERDICT_DEAD,
                                   PAWL_VERDICT_RELEASED};
    struct contest *contest = data;
    pawl_settled settled;
    MUST_OK(pawl_settle(contest->store,
                        &(pawl_settlement){PAWL_SETTLEMENT, .id = contest->id, .token = contest->token,
                                           .verdict = verdicts[number % COUNT(verdicts)], .retry_in_ms = 3600000,
                                           .has_retry_in = 1},
                        1, &settled, &err));
    atomic_fetch_add(settled.result == PAWL_RESULT_LOST ? &contest->lost : &contest->won, 1);
}

static void of_many_claims_of_a_message_one_gets_it_and_of_many_settlements_one_counts(void **state)
{
    (void)state;
    LAW(O2);
    struct place place;
    place_open(&place);
    for (unsigned round = 0; round < 30; round++) {
        struct crowd crowd = {0};
        struct contest contest = {.store = place.store};
        pawl_enqueued result;
        MUST_OK(pawl_enqueue(place.store, &(pawl_message){PAWL_MESSAGE, .lane = "work", .target = "crowd"}, 1, &result,
                             &err));
        crowd_add(&crowd, 6, contend_for_claim, &contest);
        crowd_run(&crowd);
        assert_int_equal(contest.claims, 1);
        crowd_add(&crowd, 6, contend_for_settlement, &contest);
        crowd_run(&crowd);
        assert_int_equal(contest.won, 1);
        assert_int_equal(contest.lost, 5);
        pawl_messages *page; /* what was released goes, so that the next round has a message of its own */
        MUST_OK(pawl_claim(place.store,
                           &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "work", .target = "crowd", .limit = 10},
                           &page, &err));
        for (size_t i = 0; i < pawl_messages_count(page); i++) {
            pawl_settled settled;
            MUST_OK(pawl_settle(place.store,
                                &(pawl_settlement){PAWL_SETTLEMENT, .id = pawl_messages_get(page, i)->id,
                                                   .token = pawl_messages_get(page, i)->token},
                                1, &settled, &err));
        }
        pawl_messages_free(page);
    }
    must_verify(place.store);
    place_close(&place);
}

/* ---- leases that end: whoever sweeps, a lost claim is settled once ---- */

struct sweeping {
    pawl_store *store;
    atomic_uint suspected;
};

static void sweep(void *data, unsigned number)
{
    struct sweeping *sweeping = data;
    pawl_swept swept = {PAWL_SWEPT};
    (void)number;
    MUST_OK(pawl_sweep(sweeping->store, &swept, &err));
    atomic_fetch_add(&sweeping->suspected, swept.suspected);
}

static void a_lost_claim_is_settled_once_whoever_sweeps(void **state)
{
    (void)state;
    LAW(O2, O3);
    enum { LOST = 32 }; /* as many as a target may have in flight */
    struct place place;
    struct crowd crowd = {0};
    pawl_messages *page, *again;
    pawl_enqueued results[LOST];
    pawl_message messages[LOST];
    place_open(&place);
    for (unsigned i = 0; i < LOST; i++)
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = "work", .target = "crowd"};
    MUST_OK(pawl_enqueue(place.store, messages, LOST, results, &err));
    MUST_OK(pawl_claim(place.store,
                       &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "work", .target = "crowd", .limit = LOST,
                                             .lease_ms = 1, .ends_with_process = 1},
                       &page, &err));
    assert_int_equal(pawl_messages_count(page), LOST);
    struct sweeping sweeping = {.store = place.store};
    for (struct pawl_queue_stats stats = stats_of(place.store); stats.claimed > 0; stats = stats_of(place.store)) {
        crowd_add(&crowd, 4, sweep, &sweeping);
        crowd_run(&crowd);
    }
    assert_true(stats_of(place.store).pending == LOST);
    MUST_OK(pawl_claim(place.store,
                       &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "work", .target = "crowd", .limit = LOST,
                                             .lease_ms = 3600000},
                       &again, &err));
    assert_int_equal(pawl_messages_count(again), LOST);
    for (size_t i = 0; i < LOST; i++) {
        assert_int_equal(pawl_messages_get(again, i)->attempts, 2);
        assert_int_equal(pawl_messages_get(again, i)->crashes, 1);
    }
    pawl_settled settled;
    MUST_OK(pawl_settle(place.store,
                        &(pawl_settlement){PAWL_SETTLEMENT, .id = pawl_messages_get(page, 0)->id,
                                           .token = pawl_messages_get(page, 0)->token},
                        1, &settled, &err));
    assert_int_equal(settled.result, PAWL_RESULT_LOST); /* the late worker changes nothing */
    pawl_messages_free(page);
    pawl_messages_free(again);
    must_verify(place.store);
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_delivered_once_and_held_by_one),
        cmocka_unit_test(of_many_claims_of_a_message_one_gets_it_and_of_many_settlements_one_counts),
        cmocka_unit_test(a_lost_claim_is_settled_once_whoever_sweeps),
    };
    return cmocka_run_group_tests_name("consuming", tests, NULL, NULL);
}
