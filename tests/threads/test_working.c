/* SPDX-License-Identifier: MIT */
/* Workers that are started and stopped, stores that are opened, stopped and closed, all while others use them. */
#include "crowd.h"

#include <semaphore.h>
#include <sys/stat.h>

enum { PRODUCERS = 3, EACH = 80, MESSAGES = PRODUCERS * EACH };

struct works {
    struct place place;
    atomic_int live[MESSAGES]; /* callbacks under way */
    atomic_uint runs[MESSAGES], deliveries[MESSAGES];
    atomic_uint told;    /* "delivered" */
    sem_t each_delivery; /* told, after its commit */
    bool is_strict;      /* no callback was abandoned: an outcome is never unknown */
};

static struct works works;

static void begin(bool is_strict)
{
    works = (struct works){.is_strict = is_strict};
    sem_init(&works.each_delivery, 0, 0);
    place_open(&works.place);
    MUST_OK(pawl_target_add(works.place.store, "crowd", "callback:deliver", NULL, NULL, 0,
                            &(pawl_operation){PAWL_OPERATION}, &err));
    MUST_OK(pawl_store_start(works.place.store, &err));
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void produce(void *data, unsigned producer)
{
    (void)data;
    for (unsigned i = 0; i < EACH; i++) {
        uint32_t number = producer * EACH + i;
        char key[16];
        pawl_enqueued result;
        snprintf(key, sizeof key, "key %u", number % 11);
        MUST_OK(pawl_enqueue(works.place.store,
                             &(pawl_message){PAWL_MESSAGE, .lane = i % 2 ? "one" : "other", .target = "crowd",
                                             .data = &number, .data_size = sizeof number,
                                             .content_type = "application/octet-stream", .key = i % 3 ? NULL : key,
                                             .max_attempts = 1000},
                             1, &result, &err));
    }
}

/* Runs on several threads of the pool at once, and uses the store: a consumer that journals what it does. */
static void deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    uint32_t number;
    (void)data;
    MUST(message->data_size == sizeof number);
    memcpy(&number, message->data, sizeof number);
    MUST(number < MESSAGES);
    int others = atomic_fetch_add(&works.live[number], 1);
    MUST(others == 0 || !works.is_strict);
    MUST(atomic_load(&works.deliveries[number]) == 0 || !works.is_strict);
    unsigned runs = atomic_fetch_add(&works.runs[number], 1);
    if (number % 4 == 0) {
        pawl_transition *t = pawl_transition_new(
            works.place.store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Consumed",
                                                          .request_id = pawl_request_id_from(&number, sizeof number)});
        MUST_OK(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    if (number % 5 == 0 && runs == 0) {
        outcome->verdict = number % 2 ? PAWL_VERDICT_RETRY : PAWL_VERDICT_DEFERRED;
        outcome->retry_in_ms = 0;
        snprintf(outcome->error, sizeof outcome->error, "not yet");
    } else {
        atomic_fetch_add(&works.deliveries[number], 1);
    }
    atomic_fetch_sub(&works.live[number], 1);
}

static void tell(void *data, const pawl_worker_event *event)
{
    (void)data;
    if (strcmp(event->name, "delivered") == 0) {
        atomic_fetch_add(&works.told, 1);
        sem_post(&works.each_delivery);
    }
}

static pawl_worker *start_worker(const char *consumer)
{
    pawl_worker *worker;
    MUST_OK(pawl_worker_new(works.place.store,
                            &(pawl_worker_options){PAWL_WORKER_OPTIONS, .consumer = consumer, .tell = tell}, &worker,
                            &err));
    MUST_OK(pawl_worker_callback(worker, "deliver", deliver, NULL, &err));
    MUST_OK(pawl_worker_start(worker, &err));
    return worker;
}

/* What the worker counted; nothing of it is claimed when it has stopped. */
static uint64_t stop_worker(pawl_worker *worker, int64_t grace_ms)
{
    pawl_worker_stats stats = {PAWL_WORKER_STATS};
    pawl_worker_stop(worker, grace_ms);
    pawl_worker_get_stats(worker, &stats);
    MUST(stats.in_flight == 0);
    MUST(stats.lost == 0);
    pawl_worker_free(worker);
    return stats.delivered;
}

static pawl_queue_stats all_stats(void)
{
    pawl_queue_stats sum = {0};
    pawl_stats *stats;
    MUST_OK(pawl_stats_read(works.place.store, NULL, NULL, &stats, &err));
    for (size_t i = 0; i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        sum.pending += queue->pending;
        sum.claimed += queue->claimed;
        sum.uncertain += queue->uncertain;
        sum.delivered += queue->delivered;
        sum.dead += queue->dead;
    }
    pawl_stats_free(stats);
    return sum;
}

/* ---- workers that come and go ---- */

static void run_workers(bool is_strict)
{
    struct crowd producers = {0};
    uint64_t counted = 0;
    begin(is_strict);
    pawl_worker *steady = start_worker("steady");
    crowd_add(&producers, PRODUCERS, produce, NULL);
    crowd_start(&producers);
    for (unsigned round = 0; round < 8; round++) {
        pawl_worker *passing = start_worker("passing");
        for (unsigned i = 0; i < 10; i++) /* it has not only begun */
            wait_for(&works.each_delivery);
        counted += stop_worker(passing, is_strict ? 60000 : 0);
    }
    crowd_join(&producers);
    for (unsigned i = 8 * 10; i < MESSAGES; i++)
        wait_for(&works.each_delivery);
    counted += stop_worker(steady, 60000);
    assert_true(counted == MESSAGES);
    assert_int_equal(works.told, MESSAGES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(works.live[i], 0);
        if (is_strict)
            assert_int_equal(works.deliveries[i], 1);
        else
            assert_in_range(works.deliveries[i], 1, 9);
    }
    pawl_queue_stats stats = all_stats();
    assert_true(stats.delivered == MESSAGES);
    assert_true(stats.pending + stats.claimed + stats.uncertain + stats.dead == 0);
    must_verify(works.place.store);
    place_close(&works.place);
}

static void workers_that_come_and_go_deliver_every_message_once(void **state)
{
    (void)state;
    LAW(O1, O2);
    run_workers(true);
}

static void workers_that_are_stopped_at_once_lose_no_message(void **state)
{
    (void)state;
    LAW(O1, O4);
    run_workers(false);
}

/* ---- a worker that is stopped while the engine is ---- */

struct stops {
    pawl_store *store;
    pawl_worker *worker;
    sem_t begun, may_end; /* of the one delivery */
};

static void deliver_until_told(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct stops *stops = data;
    (void)message, (void)outcome;
    sem_post(&stops->begun);
    wait_for(&stops->may_end);
}

static void stop_the_worker(void *data, unsigned number)
{
    struct stops *stops = data;
    (void)number;
    pawl_worker_stop(stops->worker, 60000);
}

/* The delivery ends when the engine has: whoever waits for the worker has to step it himself from here on. */
static void stop_the_engine(void *data, unsigned number)
{
    struct stops *stops = data;
    (void)number;
    pawl_store_stop(stops->store);
    sem_post(&stops->may_end);
}

static void a_worker_stops_though_the_engine_is_stopped_beneath_it(void **state)
{
    enum { ROUNDS = 40 };
    (void)state;
    struct place place;
    place_open(&place);
    struct stops stops = {.store = place.store};
    sem_init(&stops.begun, 0, 0);
    sem_init(&stops.may_end, 0, 0);
    MUST_OK(
        pawl_target_add(place.store, "slow", "callback:slow", NULL, NULL, 0, &(pawl_operation){PAWL_OPERATION}, &err));
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {0};
        pawl_worker_stats stats = {PAWL_WORKER_STATS};
        pawl_enqueued result;
        MUST_OK(pawl_worker_new(place.store, &(pawl_worker_options){PAWL_WORKER_OPTIONS}, &stops.worker, &err));
        MUST_OK(pawl_worker_callback(stops.worker, "slow", deliver_until_told, &stops, &err));
        MUST_OK(pawl_store_start(place.store, &err));
        MUST_OK(pawl_worker_start(stops.worker, &err));
        MUST_OK(pawl_enqueue(place.store,
                             &(pawl_message){PAWL_MESSAGE, .lane = "a", .target = "slow", .data = "1", .data_size = 1},
                             1, &result, &err));
        wait_for(&stops.begun);
        crowd_add(&crowd, 1, stop_the_worker, &stops);
        crowd_add(&crowd, 1, stop_the_engine, &stops);
        crowd_run(&crowd);
        pawl_worker_get_stats(stops.worker, &stats);
        assert_int_equal(stats.delivered, 1);
        pawl_worker_free(stops.worker);
    }
    place_close(&place);
}

/* ---- an engine that is started and stopped under load ---- */

struct load {
    pawl_store *store;
    atomic_uint answered, accepted;
};

static void answered(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct load *load = data;
    MUST(status == PAWL_OK || (error && error->text[0] != '\0'));
    atomic_fetch_add(&load->accepted, status == PAWL_OK);
    atomic_fetch_add(&load->answered, 1);
    pawl_receipt_free(receipt);
}

static pawl_transition *tick(pawl_store *store)
{
    pawl_transition *t = pawl_transition_new(store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Tick"});
    MUST(t != NULL);
    return t;
}

enum { TICKS = 200 };

static void submit_ticks(void *data, unsigned number)
{
    struct load *load = data;
    (void)number;
    for (unsigned i = 0; i < TICKS; i++)
        MUST_OK(pawl_transition_submit(tick(load->store), answered, load, &err));
}

static void commit_ticks(void *data, unsigned number)
{
    struct load *load = data;
    (void)number;
    for (unsigned i = 0; i < TICKS; i++) {
        pawl_transition *t = tick(load->store);
        MUST_OK(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
}

static void start_and_stop(void *data, unsigned number)
{
    struct load *load = data;
    (void)number;
    for (unsigned i = 0; i < 20; i++) {
        MUST_OK(pawl_store_start(load->store, &err));
        pawl_store_stop(load->store);
    }
}

static uint64_t last_seq(pawl_store *store)
{
    pawl_records *newest;
    MUST_OK(pawl_records_list(store, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1}, &newest,
                              &err));
    uint64_t seq = pawl_records_count(newest) ? pawl_records_get(newest, 0)->seq : 0;
    pawl_records_free(newest);
    return seq;
}

static void an_engine_that_is_started_and_stopped_answers_every_call(void **state)
{
    (void)state;
    struct place place;
    struct crowd crowd = {0};
    place_open(&place);
    struct load load = {.store = place.store};
    crowd_add(&crowd, 2, submit_ticks, &load);
    crowd_add(&crowd, 2, commit_ticks, &load);
    crowd_add(&crowd, 2, start_and_stop, &load);
    crowd_run(&crowd);
    MUST_OK(pawl_store_start(place.store, &err));
    pawl_store_stop(place.store);
    assert_int_equal(load.answered, 2 * TICKS);
    assert_int_equal(load.accepted, 2 * TICKS);
    assert_true(last_seq(place.store) == 4 * TICKS);
    must_verify(place.store);
    place_close(&place);
}

/* ---- the log is copied into the database, whoever commits ---- */

enum { LARGE = 256 * 1024, LARGE_EACH = 20, COPIED_MIN = 4 * 1024 * 1024 };

static void commit_large(void *data, unsigned number)
{
    static const char body[LARGE];
    const struct place *place = data;
    (void)number;
    for (unsigned i = 0; i < LARGE_EACH; i++) {
        pawl_records *page;
        pawl_transition *t = tick(place->store);
        pawl_transition_command(t, body, sizeof body);
        MUST_OK(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
        MUST_OK(pawl_records_list(
            place->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1}, &page, &err));
        MUST(pawl_records_get(page, 0)->data_size == LARGE);
        pawl_records_free(page);
    }
}

/* Twice as much as the log may hold is written, by callers of their own, where an engine runs, did run or never did. What
 * was copied is in the database file, which nobody else fills. */
static void check_log(bool starts, bool stops)
{
    struct place place;
    struct crowd crowd = {0};
    struct stat database;
    char path[96];
    place_open(&place);
    if (starts)
        MUST_OK(pawl_store_start(place.store, &err));
    if (stops)
        pawl_store_stop(place.store);
    crowd_add(&crowd, 6, commit_large, &place);
    crowd_run(&crowd);
    pawl_store_stop(place.store); /* when it has ended what it was at */
    snprintf(path, sizeof path, "%s/store.db", place.folder);
    assert_int_equal(stat(path, &database), 0);
    assert_true(database.st_size > COPIED_MIN);
    must_verify(place.store);
    place_close(&place);
}

static void the_log_is_copied_where_no_engine_runs(void **state)
{
    (void)state;
    check_log(false, false);
}

static void the_log_is_copied_where_an_engine_runs(void **state)
{
    (void)state;
    check_log(true, false);
}

static void the_log_is_copied_where_the_engine_was_stopped(void **state)
{
    (void)state;
    check_log(true, true);
}

/* ---- closing under load ---- */

static void use_and_close(void *data, unsigned number)
{
    struct load *load = ((struct load **)data)[number];
    for (unsigned i = 0; i < TICKS / 4; i++) {
        MUST_OK(pawl_transition_submit(tick(load->store), answered, load, &err));
        if (i % 3 == 0) {
            pawl_transition *t = tick(load->store);
            MUST_OK(pawl_transition_commit(t, NULL, &err));
            atomic_fetch_add(&load->accepted, 1);
            pawl_transition_free(t);
        }
    }
    pawl_store_close(load->store); /* with calls of its own still unanswered */
}

static void close_under_load(bool with_engine)
{
    enum { USERS = 5 };
    static const char *const names[USERS] = {"a", "b", "c", "d", "e"};
    struct place place;
    struct crowd crowd = {0};
    struct load loads[USERS] = {0}, *pointers[USERS];
    place_open(&place);
    if (with_engine)
        MUST_OK(pawl_store_start(place.store, &err));
    for (unsigned i = 0; i < USERS; i++) {
        pointers[i] = &loads[i];
        MUST_OK(pawl_store_scope(place.store, names[i], &loads[i].store, &err));
    }
    crowd_add(&crowd, USERS, use_and_close, pointers);
    crowd_start(&crowd);
    pawl_store_close(place.store); /* the others go on; the last one of all closes the store */
    crowd_join(&crowd);
    MUST_OK(pawl_store_open(place.url, NULL, &place.store, &err));
    for (unsigned i = 0; i < USERS; i++) {
        pawl_store *scope;
        assert_int_equal(loads[i].answered, TICKS / 4); /* each call was answered, and what was accepted is there */
        MUST_OK(pawl_store_scope(place.store, names[i], &scope, &err));
        assert_true(last_seq(scope) == loads[i].accepted);
        assert_int_equal(loads[i].accepted, TICKS / 4 + (TICKS / 4 + 2) / 3);
        pawl_store_close(scope);
    }
    must_verify(place.store);
    place_close(&place);
}

static void the_last_of_many_who_close_answers_what_was_submitted(void **state)
{
    (void)state;
    LAW(J1);
    close_under_load(true);
}

static void closing_answers_what_was_submitted_where_no_engine_ran(void **state)
{
    (void)state;
    LAW(J1);
    close_under_load(false);
}

/* ---- opening and closing one file at once ---- */

static void open_commit_close(void *data, unsigned number)
{
    const struct place *place = data;
    (void)number;
    for (unsigned i = 0; i < 10; i++) {
        pawl_store *store;
        MUST_OK(pawl_store_open(place->url, NULL, &store, &err));
        if (i % 2)
            MUST_OK(pawl_store_start(store, &err));
        pawl_transition *t = tick(store);
        MUST_OK(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
        pawl_store_close(store);
    }
}

static void many_who_open_and_close_one_file_lose_nothing(void **state)
{
    (void)state;
    LAW(J1, J3);
    struct place place;
    struct crowd crowd = {0};
    place_open(&place);
    pawl_store_close(place.store);
    crowd_add(&crowd, 5, open_commit_close, &place);
    crowd_run(&crowd);
    MUST_OK(pawl_store_open(place.url, NULL, &place.store, &err));
    assert_true(last_seq(place.store) == 50);
    must_verify(place.store);
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_that_come_and_go_deliver_every_message_once),
        cmocka_unit_test(workers_that_are_stopped_at_once_lose_no_message),
        cmocka_unit_test(a_worker_stops_though_the_engine_is_stopped_beneath_it),
        cmocka_unit_test(an_engine_that_is_started_and_stopped_answers_every_call),
        cmocka_unit_test(the_log_is_copied_where_no_engine_runs),
        cmocka_unit_test(the_log_is_copied_where_an_engine_runs),
        cmocka_unit_test(the_log_is_copied_where_the_engine_was_stopped),
        cmocka_unit_test(the_last_of_many_who_close_answers_what_was_submitted),
        cmocka_unit_test(closing_answers_what_was_submitted_where_no_engine_ran),
        cmocka_unit_test(many_who_open_and_close_one_file_lose_nothing),
    };
    return cmocka_run_group_tests_name("working", tests, NULL, NULL);
}
