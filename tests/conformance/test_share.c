/* SPDX-License-Identifier: MIT */
/* Who gets how much of a worker that has more to do than it can have under way. */
#include <sys/resource.h>

#include "working.h"

#define TARGETS 30

struct shares {
    struct work work;
    unsigned sent, others_left, sent_before;
};

static void note(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct shares *shares = (struct shares *)work;
    (void)outcome;
    shares->work.count = 0; /* nobody asks for the calls */
    bool is_other = strcmp(message->lane, "other") == 0;
    if (shares->others_left > 0 && !is_other)
        shares->sent_before++;
    shares->others_left -= is_other;
    shares->sent++;
}

static void enqueue_in(pawl_store *store, const char *lane, const char *target, int count)
{
    pawl_enqueued results[40];
    pawl_message messages[40];
    assert_true(count <= 40);
    for (int i = 0; i < count; i++)
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = lane, .target = target, .data = "1", .data_size = 1};
    assert_ok(pawl_enqueue(store, messages, (size_t)count, results, &err));
}

/* The one target of the other scope comes last, and has as much to be sent to as each of the thirty. */
static void a_scope_with_many_targets_leaves_its_part_to_one_with_few(struct world *w)
{
    struct shares shares = {.others_left = 40};
    struct rlimit limit, few;
    pawl_store *other;
    pawl_worker *worker;
    begin(&shares.work, w, NULL, 0);
    shares.work.deliver = note;
    assert_ok(pawl_store_scope(w->store, "other", &other, &err));
    for (int i = 0; i < TARGETS; i++) {
        char name[16];
        snprintf(name, sizeof name, "target-%d", i);
        assert_ok(pawl_target_add(w->store, name, "callback:deliver", NULL, NULL, 0, BECAUSE(2 + i), &err));
        enqueue_in(w->store, "lane", name, 40);
    }
    assert_ok(pawl_target_add(other, "only", "callback:deliver", NULL, NULL, 0, BECAUSE(100), &err));
    enqueue_in(other, "other", "only", 40);

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){256, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0); /* as few sends at once as there may be */
    pawl_worker_options options = {PAWL_WORKER_OPTIONS, .all_scopes = 1};
    assert_ok(pawl_worker_new(w->store, &options, &worker, &err));
    assert_ok(pawl_worker_callback(worker, "deliver", deliver, &shares.work, &err));
    assert_ok(pawl_worker_start(worker, &err));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    work_on(&shares.work);
    assert_int_equal(shares.sent, TARGETS * 40 + 40);
    assert_int_equal(shares.others_left, 0);
    assert_in_range(shares.sent_before, 20, 60);
    pawl_store_close(other);
    end(&shares.work, worker);
}

static const struct conformance_case cases[] = {
    CASE(a_scope_with_many_targets_leaves_its_part_to_one_with_few),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
