/* SPDX-License-Identifier: MIT */
/* Whichever allocation fails: the caller is told so, and the store is as it was. */
#include "failing.h"
#include "order.h"
#include "scarce.h"

#include "pawl/pawl.h"

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

/* ---- what is kept of a journal, and moves with it ---- */

static struct exported {
    char text[65536];
    size_t size, at;
} exported;

static int keep_line(void *data, const char *line, size_t size, pawl_error *error)
{
    struct exported *e = data;
    (void)error;
    assert_true(e->size + size <= sizeof e->text);
    memcpy(e->text + e->size, line, size);
    e->size += size;
    return PAWL_OK;
}

static int give_line(void *data, const char **line, size_t *size, pawl_error *error)
{
    struct exported *e = data;
    (void)error;
    const char *end = e->at < e->size ? memchr(e->text + e->at, '\n', e->size - e->at) : NULL;
    *line = e->text + e->at;
    *size = end ? (size_t)(end - *line) + 1 : 0;
    e->at += *size;
    return PAWL_OK;
}

static int take(void *data, const void *bytes, size_t size, pawl_error *error)
{
    (void)data, (void)bytes, (void)size, (void)error;
    return PAWL_OK;
}

/* What of them is called again and again: `n` makes each call one of its own. */
static int set_type(struct world *w, unsigned n)
{
    const pawl_setting settings[] = {{"keep", n % 2 ? "none" : "full"}, {"needs", n % 3 ? "" : "fill"}};
    return pawl_type_set(w->store, "t", settings, 2, BECAUSE(20000 + n), &err);
}

static int keep_state(struct world *w, unsigned n)
{
    char state[32];
    pawl_snapshot *s = pawl_snapshot_new(w->store,
                                         &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = 1 + n % 2, .keep = 1});
    int size = snprintf(state, sizeof state, "state of %u", n % 2);
    pawl_snapshot_write(s, state, (size_t)size);
    int status = pawl_snapshot_commit(s, &err);
    pawl_snapshot_free(s);
    return status;
}

static int read_state(struct world *w, unsigned n)
{
    (void)n;
    return pawl_snapshot_read(w->store, 0, take, NULL, NULL, &err);
}

static int subscribe(struct world *w, unsigned n)
{
    char name[16];
    snprintf(name, sizeof name, "s%u", n);
    return pawl_subscription_add(w->store,
                                 &(pawl_subscription_options){PAWL_SUBSCRIPTION_OPTIONS, .name = name,
                                                              .topic = "orders", .lane = "r", .target = TARGET},
                                 &err);
}

static int relay(struct world *w, unsigned n)
{
    char name[16];
    snprintf(name, sizeof name, "s%u", n);
    int status = pawl_subscription_relay(w->store, name, 10, NULL, &err);
    return status == PAWL_ENOTFOUND ? PAWL_OK : status; /* of that call it was refused */
}

static int list_subscriptions(struct world *w, unsigned n)
{
    pawl_subscriptions *list = NULL;
    (void)n;
    int status = pawl_subscriptions_list(w->store, NULL, &list, &err);
    assert_int_equal(list != NULL, status == PAWL_OK);
    pawl_subscriptions_free(list);
    return status;
}

static int export(struct world *w, unsigned n)
{
    struct exported e = {.size = 0};
    (void)n;
    int status = pawl_journal_export(w->store, NULL, keep_line, &e, &err);
    if (status == PAWL_OK)
        exported = e;
    return status;
}

/* Into a store that is empty for as long as none is taken. */
static int import(struct world *w, unsigned n)
{
    static struct world other;
    unsigned long left = fail_allocation(0);
    if (!other.store)
        open_world(&other, w->kind, 1000 + n);
    exported.at = 0;
    fail_allocation(left);
    int status = pawl_journal_import(other.store, give_line, &exported, NULL, NULL, &err);
    left = fail_allocation(0);
    if (status != PAWL_EUNCERTAIN) /* SQLite's own commit had none: only a new opening knows */
        verify(&other);
    if (status == PAWL_OK || status == PAWL_EUNCERTAIN) {
        close_world(&other);
        other = (struct world){0};
    }
    fail_allocation(left);
    return status == PAWL_EUNCERTAIN ? PAWL_ENOMEM : status;
}

static int prune(struct world *w, unsigned n)
{
    return pawl_journal_prune(w->store, 1 + (n > 30), BECAUSE(30000 + n), NULL, &err);
}

/* One after the other, so that each finds what the one before made. */
static void survive_each(struct world *w, int (*const *calls)(struct world *w, unsigned n), size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool failed = true;
        for (unsigned n = 1; failed; n++) {
            assert_true(n < MANY);
            fail_allocation(n);
            int status = calls[i](w, n);
            failed = stop_failing();
            if (status != PAWL_OK && !(failed && status == PAWL_ENOMEM))
                fail_msg("call %zu, allocation %u: %d %s", i, n, status, err.text);
        }
        verify(w);
    }
}

static void what_is_kept_of_a_journal_survives_every_failed_allocation(struct world *w)
{
    static int (*const calls[])(struct world * w, unsigned n) = {
        set_type, keep_state, read_state, subscribe, relay, list_subscriptions, export, import, prune};
    struct held held = prepare_order(w);
    assert_ok(place_order(w, &held, NULL));
    for (unsigned i = 0; i < 3; i++) {
        pawl_transition *t = pawl_transition_new(w->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "A"});
        pawl_transition_event(t,
                              &(pawl_event){PAWL_EVENT, .topic = "orders", .type = "e", .data = "1", .data_size = 1});
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    survive_each(w, calls, COUNT_OF(calls));
}

static void workflows_survive_every_failed_allocation(struct world *w)
{
    prepare_scarce(w);
    survive_each(w, scarce_calls, scarce_call_count);
}

/* What one that failed left behind is a lock that nobody else wants: each has a name of its own. */
static int write_under_lock(struct world *w, unsigned n)
{
    char name[16];
    pawl_lock lock = {PAWL_LOCK};
    snprintf(name, sizeof name, "lock.%u", n);
    const pawl_lock_options options = {PAWL_LOCK_OPTIONS, .name = name};
    int status = pawl_lock_acquire(w->store, &options, &lock, &err);
    if (status < 0)
        return status;
    pawl_lock again = {PAWL_LOCK};
    status = pawl_lock_acquire(w->store, &options, &again, &err);
    if (status != PAWL_EBUSY)
        return status;
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "A"});
    pawl_transition_lock(t, name, lock.token);
    status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    return status < 0 ? status : pawl_lock_release(w->store, name, lock.token, &err);
}

static void a_lock_survives_every_failed_allocation(struct world *w)
{
    static int (*const calls[])(struct world * w, unsigned n) = {write_under_lock};
    survive_each(w, calls, COUNT_OF(calls));
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
    CASE(an_order_survives_every_failed_allocation),
    CASE(a_claim_survives_every_failed_allocation),
    CASE(a_settlement_survives_every_failed_allocation),
    CASE(a_read_survives_every_failed_allocation),
    CASE(what_is_kept_of_a_journal_survives_every_failed_allocation),
    CASE(workflows_survive_every_failed_allocation),
    CASE(a_lock_survives_every_failed_allocation),
    CASE(a_registration_survives_every_failed_allocation),
    CASE(a_list_of_workers_survives_every_failed_allocation),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
