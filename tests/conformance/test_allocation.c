/* SPDX-License-Identifier: MIT */
/* Whichever allocation fails: the caller is told so, and the store is as it was. */
#include "order.h"

/* The linker puts these in the place of the real ones (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned long countdown; /* 1: the next one fails; 0: none does */
static bool has_failed;

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    return has_failed = true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

static void fail_allocation(unsigned long n)
{
    countdown = n;
    has_failed = false;
}

static bool stop_failing(void)
{
    countdown = 0;
    return has_failed;
}

#define MANY 20000 /* no call here allocates so often */

/* n = 1, 2, 3, … until the call needs fewer; a store that took the order all the same makes room for a new one. */
static void an_order_survives_every_failed_allocation(struct world *w)
{
    struct held held = prepare_order(w);
    unsigned long refused = 0;
    for (unsigned long n = 1; n < MANY; n++) {
        pawl_receipt *receipt = NULL;
        fail_allocation(n);
        int status = place_order(w, &held, &receipt);
        bool failed = stop_failing();
        assert_true(status == PAWL_OK || (failed && status == PAWL_ENOMEM));
        assert_int_equal(receipt != NULL, status == PAWL_OK);
        pawl_receipt_free(receipt);
        bool written = is_order_written(w);
        if (status == PAWL_OK)
            assert_true(written);
        refused += !written;
        if (!failed) {
            assert_true(refused > 10);
            place_order_again(w, &held, true);
            return;
        }
        if (written) { /* the last allocations make the receipt; some a store can do without */
            place_order_again(w, &held, true);
            struct world fresh;
            open_world(&fresh, w->kind, w->seed + n);
            close_world(w);
            *w = fresh;
            held = prepare_order(w);
        }
    }
    fail_msg("%d allocations were not enough", MANY);
}

static void a_claim_survives_every_failed_allocation(struct world *w)
{
    for (int i = 0; i < 3; i++)
        add(w, MESSAGE("1", .key = "k", .max_attempts = 1000000));
    for (unsigned long n = 1; n < MANY; n++) {
        pawl_messages *messages = NULL;
        fail_allocation(n);
        int status = pawl_claim(w->store, CLAIM(.limit = 2, .lease_ms = 10), &messages, &err);
        bool failed = stop_failing();
        assert_true(status == PAWL_OK || (failed && status == PAWL_ENOMEM));
        if (status == PAWL_OK) {
            assert_int_equal(pawl_messages_count(messages), 1);
            pawl_messages_free(messages);
        }
        uint64_t claimed = stats(w).claimed; /* one whose page could not be made is claimed all the same */
        assert_true(claimed <= 1 && (status < 0 || claimed == 1));
        if (claimed)
            pawli_sim_advance_ms(w->env, 10);
        verify(w);
        if (!failed)
            return;
    }
    fail_msg("%d allocations were not enough", MANY);
}

/* With a follow-up, so that a settlement adds rows as well as moving them. */
static void a_settlement_survives_every_failed_allocation(struct world *w)
{
    add(w, MESSAGE("1", .key = "k"));
    struct held held = claim_one(w, CLAIM(.lease_ms = 3600000));
    unsigned long refused = 0;
    for (unsigned long n = 1; n < MANY; n++) {
        pawl_settled settled = {.result = -1};
        fail_allocation(n);
        int status = pawl_settle(
            w->store,
            SETTLE(held, DELIVERED, .remote_id = "r", .messages = MESSAGE("2", .key = "k"), .message_count = 1), 1,
            &settled, &err);
        bool failed = stop_failing();
        assert_true(status == PAWL_OK || (failed && status == PAWL_ENOMEM));
        assert_state(w, held.id, status == PAWL_OK ? "delivered" : "claimed");
        verify(w);
        refused += status < 0;
        if (status < 0)
            continue;
        assert_int_equal(settled.result, PAWL_RESULT_DELIVERED);
        assert_int_equal(stats(w).pending, 1);
        if (!failed) {
            assert_true(refused > 2);
            return;
        }
        held = claim_one(w, CLAIM(.lease_ms = 3600000));
    }
    fail_msg("%d allocations were not enough", MANY);
}

static void a_read_survives_every_failed_allocation(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = "k")).id;
    for (unsigned long n = 1; n < MANY; n++) {
        pawl_messages *messages = NULL;
        fail_allocation(n);
        int status = pawl_message_get(w->store, &id, &messages, &err);
        bool failed = stop_failing();
        assert_true(status == PAWL_OK || (failed && status == PAWL_ENOMEM));
        assert_int_equal(messages != NULL, status == PAWL_OK);
        pawl_messages_free(messages);
        if (!failed)
            return;
    }
    fail_msg("%d allocations were not enough", MANY);
}

static pawl_worker *start_worker(struct world *w, const char *consumer)
{
    static const char *const lanes[] = {"a", "b"};
    pawl_worker *worker;
    assert_ok(pawl_worker_new(
        w->store, &(pawl_worker_options){PAWL_WORKER_OPTIONS, .consumer = consumer, .lanes = lanes, .lane_count = 2},
        &worker, &err));
    assert_ok(pawl_worker_start(worker, &err));
    return worker;
}

/* Whichever allocation fails, a worker comes to be known: what failed is tried again after ten seconds. */
static void a_registration_survives_every_failed_allocation(struct world *w)
{
    for (unsigned long n = 1; n < MANY; n++) {
        pawl_worker *worker = start_worker(w, "me");
        fail_allocation(n);
        for (int i = 0; i < 2; i++) /* the first: nothing else is written yet */
            pawl_store_step(w->store, 0, NULL, &err);
        bool failed = stop_failing();
        pawl_workers *workers;
        for (int i = 0; i < 30; i++) {
            pawli_sim_run_jobs(w->env);
            pawli_sim_advance_ms(w->env, 500);
            assert_ok(pawl_store_step(w->store, 0, NULL, &err));
        }
        pawli_sim_run_jobs(w->env);
        assert_ok(pawl_workers_list(w->store, NULL, &workers, &err));
        assert_int_equal(pawl_workers_count(workers), 1);
        assert_true(pawl_workers_get(workers, 0)->is_alive);
        pawl_workers_free(workers);
        pawl_worker_stop(worker, 0);
        pawl_worker_free(worker);
        verify(w);
        if (!failed)
            return;
    }
    fail_msg("%d allocations were not enough", MANY);
}

static void a_list_of_workers_survives_every_failed_allocation(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = "k")).id;
    claim_one(w, CLAIM(.lease_ms = 3600000));
    id = add(w, MESSAGE("2", .key = "k")).id;
    assert_ok(pawl_target_add(w->store, TARGET, "https://a/", NULL, NULL, 0, BECAUSE(1), &err));
    pawl_worker *worker = start_worker(w, "me");
    for (int i = 0; i < 5; i++) {
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
        pawli_sim_run_jobs(w->env);
    }
    for (unsigned long n = 1; n < MANY; n++) {
        pawl_workers *workers = NULL;
        pawl_why *why = NULL;
        fail_allocation(n);
        int status = pawl_workers_list(w->store, NULL, &workers, &err);
        if (status == PAWL_OK)
            status = pawl_why_message(w->store, &id, &why, &err);
        bool failed = stop_failing();
        assert_true(status == PAWL_OK || (failed && status == PAWL_ENOMEM));
        assert_int_equal(why != NULL, status == PAWL_OK);
        if (workers)
            assert_int_equal(pawl_workers_count(workers), 2);
        pawl_workers_free(workers);
        pawl_why_free(why);
        if (!failed)
            break;
        assert_true(n + 1 < MANY);
    }
    pawl_worker_stop(worker, 0);
    pawl_worker_free(worker);
}

static const struct conformance_case cases[] = {
    CASE(an_order_survives_every_failed_allocation),       CASE(a_claim_survives_every_failed_allocation),
    CASE(a_settlement_survives_every_failed_allocation),   CASE(a_read_survives_every_failed_allocation),
    CASE(a_registration_survives_every_failed_allocation), CASE(a_list_of_workers_survives_every_failed_allocation),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
