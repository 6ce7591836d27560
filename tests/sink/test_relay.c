/* SPDX-License-Identifier: MIT */
/* The whole way: a message in a store, a worker, a receiver; PAWL_TEST_STORE names the kind of store. The polls are an hour apart, so
 * that nothing here passes by waiting for one. */
#include "support.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "server.h"
#include "sink/http/http.h"
#include "work/budget.h"

#define HOUR_MS 3600000
#define ROWS(a) (sizeof(a) / sizeof *(a))

static _Atomic(const struct stat *) unchanged; /* what is told of the secret, in place of what is so */

int stat(const char *path, struct stat *info)
{
    const char *name = strrchr(path, '/');
    const struct stat *told = atomic_load(&unchanged);
    if (!told || !name || strcmp(name, "/secret") != 0)
        return fstatat(AT_FDCWD, path, info, 0);
    *info = *told;
    return 0;
}

static const char *store_kind; /* "memory:" or "sqlite:" */

static const char *const loopback[] = {"127.0.0.1"};

struct world {
    char folder[64];
    const char *folders[1];
    pawl_store *store;
    pawl_worker *worker;
    pawl_worker_options options;
    char told[64][32]; /* names of events */
    size_t told_count;
};

static void tell(void *data, const pawl_worker_event *event)
{
    struct world *world = data;
    if (world->told_count < ROWS(world->told))
        snprintf(world->told[world->told_count++], sizeof world->told[0], "%s", event->name);
}

static bool was_told(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->told_count; i++)
        if (strcmp(world->told[i], name) == 0)
            return true;
    return false;
}

static void open_world(struct world *world)
{
    pawl_error err;
    char url[128];
    memset(world, 0, sizeof *world);
    world->folders[0] = make_folder(world->folder);
    snprintf(url, sizeof url, strcmp(store_kind, "sqlite:") == 0 ? "sqlite:%s/pawl.db" : "memory:", world->folder);
    assert_ok(pawl_store_open(url, NULL, &world->store, &err));
    world->options = (pawl_worker_options){PAWL_WORKER_OPTIONS,
                                           .poll_ms = HOUR_MS,
                                           .allow_addresses = loopback,
                                           .allow_address_count = 1,
                                           .allow_exec = world->folders,
                                           .allow_exec_count = 1,
                                           .allow_file = world->folders,
                                           .allow_file_count = 1,
                                           .tell = tell,
                                           .tell_data = world};
}

static void start_worker(struct world *world)
{
    pawl_error err;
    assert_ok(pawl_worker_new(world->store, &world->options, &world->worker, &err));
    assert_ok(pawl_worker_start(world->worker, &err));
}

static void close_world(struct world *world)
{
    pawl_worker_free(world->worker);
    pawl_store_close(world->store);
    remove_folder(world->folder);
}

static void add_target(struct world *world, const char *name, const char *url, const char *secret_file,
                       const pawl_setting *settings, size_t count)
{
    pawl_error err;
    assert_ok(pawl_target_add(world->store, name, url, secret_file, settings, count,
                              &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
}

static void add_server(struct world *world, const char *name, const struct server *server, const pawl_setting *settings,
                       size_t count)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", server_port(server), name);
    add_target(world, name, url, NULL, settings, count);
}

static pawl_uuid enqueue(struct world *world, const char *lane, const char *target, const char *data)
{
    pawl_error err;
    pawl_enqueued enqueued;
    pawl_message message = {PAWL_MESSAGE, .lane = lane, .target = target, .data = data, .data_size = strlen(data)};
    assert_ok(pawl_enqueue(world->store, &message, 1, &enqueued, &err));
    return enqueued.id;
}

static void turn_for(struct world *world, int64_t wait_ms)
{
    pawl_error err;
    int64_t next_ms;
    assert_ok(pawl_store_step(world->store, wait_ms, &next_ms, &err));
}

static void turn(struct world *world)
{
    turn_for(world, 100);
}

/* Some turns in which nothing is expected to happen. */
static void idle(struct world *world)
{
    for (int i = 0; i < 10; i++)
        turn_for(world, 5);
}

/* A message as it is now; the caller frees the page. */
static const pawl_message_view *look(struct world *world, const pawl_uuid *id, pawl_messages **page)
{
    pawl_error err;
    assert_ok(pawl_message_get(world->store, id, page, &err));
    return pawl_messages_get(*page, 0);
}

static bool is_in(struct world *world, const pawl_uuid *id, const char *state)
{
    pawl_messages *page;
    bool is = strcmp(look(world, id, &page)->state, state) == 0;
    pawl_messages_free(page);
    return is;
}

static void wait_state(struct world *world, const pawl_uuid *id, const char *state)
{
    while (!is_in(world, id, state))
        turn(world);
}

/* Until an attempt has failed. */
static void wait_error(struct world *world, const pawl_uuid *id, char text[1100], char class[32])
{
    for (bool known = false; !known;) {
        pawl_messages *page;
        turn(world);
        const pawl_message_view *message = look(world, id, &page);
        known = message->error_text != NULL;
        if (known) {
            snprintf(text, 1100, "%s", message->error_text);
            snprintf(class, 32, "%s", message->error_class);
        }
        pawl_messages_free(page);
    }
}

static pawl_worker_stats stats_of(struct world *world)
{
    pawl_worker_stats stats = {PAWL_WORKER_STATS};
    pawl_worker_get_stats(world->worker, &stats);
    return stats;
}

/* ---- delivered ---- */

static void A59_two_due_messages_are_delivered_once_each(void **state)
{
    LAW(O1);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char value[64], text[PAWL_UUID_TEXT_SIZE];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    pawl_uuid ids[] = {enqueue(&world, "orders", "shop", "1"), enqueue(&world, "orders", "shop", "2")};
    start_worker(&world);
    for (size_t i = 0; i < 2; i++)
        wait_state(&world, &ids[i], "delivered");
    pawl_worker_stop(world.worker, HOUR_MS);
    assert_int_equal(server_requests(server), 2);
    assert_int_equal(stats_of(&world).claimed, 2);
    assert_int_equal(stats_of(&world).delivered, 2);
    bool found[2] = {false, false};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            found[j] |= strcmp(header_of(server_request(server, i), "webhook-id", value, sizeof value),
                               pawl_uuid_format(&ids[j], text)) == 0;
    assert_true(found[0] && found[1]);
    close_world(&world);
    server_free(server);
}

static void A60_a_receiver_that_fails_is_tried_up_to_the_cap(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {REPLY("500 Oh no", ""), THEN_KEEP};
    static const pawl_setting settings[] = {{"max_attempts", "2"}, {"backoff_ms", "0"}};
    struct world world;
    pawl_messages *page;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, settings, 2);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "orders", "shop", "1");
    wait_state(&world, &id, "dead");
    pawl_worker_stop(world.worker, HOUR_MS); /* it counts what it was answered, not what others can see already */
    const pawl_message_view *message = look(&world, &id, &page);
    assert_int_equal(message->attempts, 2);
    assert_string_equal(message->error_class, "transient");
    assert_string_equal(message->error_text, "500 Oh no");
    pawl_messages_free(page);
    assert_int_equal(server_requests(server), 2);
    assert_int_equal(stats_of(&world).requeued, 1);
    assert_int_equal(stats_of(&world).dead, 1);
    close_world(&world);
    server_free(server);
}

static void A63_messages_of_other_lanes_are_not_handed_to_this_worker(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const char *const lanes[] = {"orders"};
    struct world world;
    open_world(&world);
    world.options.lanes = lanes;
    world.options.lane_count = 1;
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    pawl_uuid other = enqueue(&world, "mail", "shop", "1"), nowhere = enqueue(&world, "orders", "unknown", "1");
    pawl_uuid own = enqueue(&world, "orders", "shop", "2");
    start_worker(&world);
    wait_state(&world, &own, "delivered");
    pawl_worker_stop(world.worker, HOUR_MS);
    assert_true(is_in(&world, &other, "pending"));
    assert_true(is_in(&world, &nowhere, "pending"));
    assert_int_equal(stats_of(&world).claimed, 1);
    assert_int_equal(server_requests(server), 1);
    close_world(&world);
    server_free(server);
}

static void A70_a_refused_message_is_dead_and_says_why(void **state)
{
    (void)state;
    static const struct script script = {"HTTP/1.1 422 No\r\nContent-Length: 21\r\n\r\nfield email is missing",
                                         THEN_KEEP};
    struct world world;
    pawl_messages *page;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "orders", "shop", "1");
    wait_state(&world, &id, "dead");
    const pawl_message_view *message = look(&world, &id, &page);
    assert_int_equal(message->attempts, 1);
    assert_string_equal(message->error_class, "permanent");
    assert_string_equal(message->error_text, "422 No: field email is missin");
    pawl_messages_free(page);
    close_world(&world);
    server_free(server);
}

static void A74_a_backlog_of_many_claims_needs_no_poll(void **state)
{
    (void)state;
    enum { COUNT = 350 };
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    pawl_enqueued enqueued[COUNT];
    pawl_message messages[COUNT];
    pawl_error err;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    for (int i = 0; i < COUNT; i++)
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = "orders", .target = "shop", .data = "1", .data_size = 1};
    assert_ok(pawl_enqueue(world.store, messages, COUNT, enqueued, &err));
    start_worker(&world);
    while (stats_of(&world).delivered < COUNT)
        turn(&world);
    assert_int_equal(server_requests(server), COUNT);
    assert_true(server_connections(server) <= 32); /* the default concurrency: connections are used again */
    close_world(&world);
    server_free(server);
}

static void A79_a_message_that_comes_while_it_idles_needs_no_poll(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    start_worker(&world);
    for (int i = 0; i < 5; i++) {
        idle(&world);
        pawl_uuid id = enqueue(&world, "orders", "shop", "1");
        wait_state(&world, &id, "delivered");
    }
    close_world(&world);
    server_free(server);
}

static void an_exec_target_and_a_file_target_are_served(void **state)
{
    (void)state;
    struct world world;
    char path[128], url[160], line[2048];
    open_world(&world);
    snprintf(path, sizeof path, "%s/program", world.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\ncat > '%s/got'\n", world.folder);
    fclose(file);
    assert_int_equal(chmod(path, 0700), 0);
    snprintf(url, sizeof url, "exec:%s", path);
    add_target(&world, "program", url, NULL, NULL, 0);
    snprintf(url, sizeof url, "file:%s/lines", world.folder);
    add_target(&world, "lines", url, NULL, NULL, 0);
    start_worker(&world);
    pawl_uuid first = enqueue(&world, "work", "program", "payload"),
              second = enqueue(&world, "work", "lines", "{\"a\": 1}");
    wait_state(&world, &first, "delivered");
    wait_state(&world, &second, "delivered");
    snprintf(path, sizeof path, "%s/got", world.folder);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "payload");
    fclose(file);
    snprintf(path, sizeof path, "%s/lines", world.folder);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, "\"lane\":\"work\",\"target\":\"lines\",\"state\":\"claimed\""));
    assert_non_null(strstr(line, "\"data\":{\"a\":1}"));
    assert_non_null(strstr(line, "\"attempts\":1"));
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
    close_world(&world);
}

static void a_message_is_sent_with_the_headers_of_its_target_which_its_own_beat(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const pawl_setting settings[] = {{"header:x-a", "1"}, {"header:x-b", "2"}};
    const pawl_header own = {"x-b", "own"};
    struct world world;
    pawl_error err;
    pawl_enqueued enqueued;
    char value[64];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "there", server, settings, 2);
    start_worker(&world);
    assert_ok(pawl_enqueue(
        world.store,
        &(pawl_message){PAWL_MESSAGE, .lane = "work", .target = "there", .headers = &own, .header_count = 1}, 1,
        &enqueued, &err));
    wait_state(&world, &enqueued.id, "delivered");
    const struct received *received = server_request(server, 0);
    assert_string_equal(header_of(received, "x-a", value, sizeof value), "1");
    assert_string_equal(header_of(received, "x-b", value, sizeof value), "own");
    assert_ok(pawl_target_set(world.store, "there", NULL, NULL, &(pawl_setting){"header:x-a", ""}, 1,
                              &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
    for (size_t sent = 1; header_of(received, "x-a", value, sizeof value); sent++) { /* until the worker learns of it */
        pawl_uuid id = enqueue(&world, "work", "there", "{}");
        wait_state(&world, &id, "delivered");
        received = server_request(server, sent);
    }
    assert_string_equal(header_of(received, "x-b", value, sizeof value), "2");
    close_world(&world);
    server_free(server);
}

static void A73_two_workers_share_a_backlog_and_send_nothing_twice(void **state)
{
    LAW(O2);
    (void)state;
    enum { COUNT = 100 };
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const pawl_setting settings[] = {{"concurrency", "1000"}}; /* more than a worker takes at once */
    struct world world;
    pawl_uuid ids[COUNT];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, settings, 1);
    for (int i = 0; i < COUNT; i++)
        ids[i] = enqueue(&world, "orders", "shop", "1");
    start_worker(&world);
    pawl_worker *first = world.worker;
    start_worker(&world);
    for (int i = 0; i < COUNT; i++)
        wait_state(&world, &ids[i], "delivered");
    pawl_worker_stop(first, HOUR_MS);
    pawl_worker_stop(world.worker, HOUR_MS);
    pawl_worker_stats stats = {PAWL_WORKER_STATS};
    pawl_worker_get_stats(first, &stats);
    assert_int_equal(stats.delivered + stats_of(&world).delivered, COUNT);
    assert_true(stats.delivered > 0 && stats_of(&world).delivered > 0);
    assert_int_equal(server_requests(server), COUNT);
    pawl_worker_free(first);
    close_world(&world);
    server_free(server);
}

/* ---- what one target does stays its own ---- */

static void A81_one_target_that_never_answers_holds_up_no_other(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script hangs = {"", THEN_HANG}, answers = {OK_REPLY, THEN_KEEP};
    static const pawl_setting settings[] = {{"timeout_ms", "200"}, {"max_attempts", "1"}, {"concurrency", "4"}};
    struct world world;
    pawl_messages *page;
    pawl_uuid stuck[8], ids[20];
    open_world(&world);
    struct server *bad = server_new(&hangs, 1), *good = server_new(&answers, 1);
    add_server(&world, "bad", bad, settings, 3);
    add_server(&world, "good", good, NULL, 0);
    for (size_t i = 0; i < ROWS(stuck); i++)
        stuck[i] = enqueue(&world, "orders", "bad", "1");
    for (size_t i = 0; i < ROWS(ids); i++)
        ids[i] = enqueue(&world, "orders", "good", "1");
    start_worker(&world);
    for (size_t i = 0; i < ROWS(ids); i++)
        wait_state(&world, &ids[i], "delivered");
    for (size_t i = 0; i < ROWS(stuck); i++)
        wait_state(&world, &stuck[i], "dead");
    const pawl_message_view *message = look(&world, &stuck[0], &page);
    assert_string_equal(message->error_class, "unknown"); /* it may have arrived */
    assert_non_null(strstr(message->error_text, "the request was sent"));
    pawl_messages_free(page);
    assert_int_equal(server_requests(bad), ROWS(stuck));
    close_world(&world);
    server_free(bad);
    server_free(good);
}

static void no_more_sends_are_under_way_than_the_target_takes(void **state)
{
    (void)state;
    static const struct script hangs = {"", THEN_HANG};
    static const pawl_setting settings[] = {{"concurrency", "2"}};
    struct world world;
    open_world(&world);
    struct server *server = server_new(&hangs, 1);
    add_server(&world, "shop", server, settings, 1);
    for (int i = 0; i < 5; i++) {
        enqueue(&world, "orders", "shop", "1");
        enqueue(&world, "mail", "shop", "1"); /* of whatever lane */
    }
    start_worker(&world);
    while (server_requests(server) < 2)
        turn(&world);
    idle(&world);
    assert_int_equal(stats_of(&world).claimed, 2);
    assert_int_equal(server_requests(server), 2);
    close_world(&world);
    server_free(server);
}

/* As many as this process has descriptors for, however many targets there are. */
static void targets_that_hang_leave_descriptors_and_sends_for_the_others(void **state)
{
    LAW(O3);
    (void)state;
    enum { TARGETS = 12, EACH = 8, SENDS = 24 };
    static const struct script hangs = {"", THEN_HANG}, answers = {OK_REPLY, THEN_KEEP};
    static const pawl_setting settings[] = {{"timeout_ms", "100"}, {"backoff_ms", "0"}, {"max_attempts", "5"}};
    struct world world;
    struct rlimit limit, few;
    char name[16];
    getrlimit(RLIMIT_NOFILE, &limit);
    few = (struct rlimit){BUDGET_RESERVE + BUDGET_A_SEND * SENDS, limit.rlim_max};
    open_world(&world);
    struct server *bad = server_new(&hangs, 1), *good = server_new(&answers, 1);
    for (int i = 0; i < TARGETS; i++) {
        snprintf(name, sizeof name, "bad%d", i);
        add_server(&world, name, bad, settings, ROWS(settings));
        for (int j = 0; j < EACH; j++)
            enqueue(&world, "orders", name, "1");
    }
    add_server(&world, "good", good, NULL, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    start_worker(&world);
    for (int i = 0; i < 20 || stats_of(&world).requeued < TARGETS; i++) { /* until all have hung */
        pawl_uuid id = enqueue(&world, "orders", "good", "1");
        while (!is_in(&world, &id, "delivered")) {
            turn(&world);
            assert_true(stats_of(&world).in_flight <= SENDS);
        }
    }
    assert_int_equal(stats_of(&world).deferred, 0); /* it never came to want of a descriptor */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close_world(&world);
    server_free(bad);
    server_free(good);
}

static size_t count_records(struct world *world, const char *type)
{
    pawl_store *operator;
    pawl_records *records;
    pawl_error err;
    assert_ok(pawl_store_scope(world->store, "pawl.operator", &operator, & err));
    assert_ok(pawl_records_list(operator, &(pawl_records_query){PAWL_RECORDS_QUERY, .type = type}, &records, &err));
    size_t count = pawl_records_count(records);
    pawl_records_free(records);
    pawl_store_close(operator);
    return count;
}

static void a_target_that_is_gone_is_held(void **state)
{
    (void)state;
    static const struct script script = {REPLY("410 Gone", ""), THEN_KEEP};
    static const pawl_setting settings[] = {{"concurrency", "1"}};
    struct world world;
    pawl_settings *holds;
    pawl_error err;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, settings, 1);
    pawl_uuid ids[] = {enqueue(&world, "orders", "shop", "1"), enqueue(&world, "orders", "shop", "2")};
    start_worker(&world);
    wait_state(&world, &ids[0], "dead");
    /* One commit says both, and no operator's record either. */
    assert_ok(pawl_holds_list(world.store, &holds, &err));
    assert_int_equal(pawl_settings_count(holds), 1);
    assert_string_equal(pawl_settings_hold(holds, 0)->kind, "target");
    assert_string_equal(pawl_settings_hold(holds, 0)->target, "shop");
    assert_string_equal(pawl_settings_hold(holds, 0)->code, "gone");
    assert_string_equal(pawl_settings_hold(holds, 0)->by, "worker");
    pawl_settings_free(holds);
    assert_int_equal(count_records(&world, "pawl.hold.set"), 0);
    pawl_uuid late = enqueue(&world, "orders", "shop", "3");
    idle(&world);
    pawl_worker_stop(world.worker, HOUR_MS);
    assert_true(is_in(&world, &ids[1], "pending"));
    assert_true(is_in(&world, &late, "pending"));
    assert_int_equal(server_requests(server), 1);
    assert_true(was_told(&world, "target_gone"));
    close_world(&world);
    server_free(server);
}

static void a_receiver_that_asks_for_time_gets_it(void **state)
{
    (void)state;
    static const struct script script = {REPLY("503 Later", "Retry-After: 3600\r\n"), THEN_KEEP};
    struct world world;
    char text[1100], class[32];
    pawl_messages *page;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "orders", "shop", "1");
    wait_error(&world, &id, text, class);
    const pawl_message_view *message = look(&world, &id, &page);
    assert_string_equal(message->state, "pending");
    assert_in_range(message->available_at_ms - message->error_at_ms, HOUR_MS, HOUR_MS + HOUR_MS / 5); /* never less */
    assert_int_equal(message->attempts, 0); /* "later" is no failure */
    assert_int_equal(message->deferrals, 1);
    pawl_messages_free(page);
    close_world(&world);
    server_free(server);
}

/* The wait that a receiver asks for is the least: it never shortens the policy's own. */
static void no_receiver_can_have_its_messages_burnt(void **state)
{
    LAW(O3);
    (void)state;
    static const struct {
        const char *reply;
        uint32_t attempts, deferrals;
    } rows[] = {{REPLY("503 Later", "Retry-After: 0\r\n"), 0, 1},
                {REPLY("429 Later", "Retry-After: Thu, 01 Jan 2015 00:00:00 GMT\r\n"), 0, 1},
                {REPLY("500 Oh no", "Retry-After: 0\r\n"), 1, 0},
                {REPLY("503 Later", ""), 1, 0},
                {REPLY("404 Not Found", "Retry-After: 1\r\n"), 1, 0},
                {REPLY("421 Misdirected", ""), 1, 0}};
    static const pawl_setting settings[] = {
        {"backoff_ms", "3600000"}, {"backoff_max_ms", "3600000"}, {"jitter_percent", "0"}};
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct script script = {rows[i].reply, THEN_KEEP};
        struct world world;
        char text[1100], class[32];
        pawl_messages *page;
        open_world(&world);
        struct server *server = server_new(&script, 1);
        add_server(&world, "shop", server, settings, ROWS(settings));
        start_worker(&world);
        pawl_uuid id = enqueue(&world, "orders", "shop", "1");
        wait_error(&world, &id, text, class);
        const pawl_message_view *message = look(&world, &id, &page);
        assert_string_equal(message->state, "pending");
        assert_int_equal(message->available_at_ms - message->error_at_ms, HOUR_MS);
        assert_int_equal(message->attempts, rows[i].attempts);
        assert_int_equal(message->deferrals, rows[i].deferrals);
        pawl_messages_free(page);
        close_world(&world);
        server_free(server);
    }
}

static void want_a_retry_at_once(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)data;
    outcome->verdict = PAWL_VERDICT_RETRY;
    outcome->retry_in_ms = message->attempts < 3 ? 0 : HOUR_MS;
}

static void a_callback_that_wants_it_at_once_gets_it_at_once(void **state)
{
    (void)state;
    static const pawl_setting settings[] = {{"backoff_ms", "3600000"}, {"backoff_max_ms", "3600000"}};
    struct world world;
    pawl_messages *page;
    pawl_error err;
    open_world(&world);
    add_target(&world, "function", "callback:function", NULL, settings, ROWS(settings));
    assert_ok(pawl_worker_new(world.store, &world.options, &world.worker, &err));
    assert_ok(pawl_worker_callback(world.worker, "function", want_a_retry_at_once, NULL, &err));
    assert_ok(pawl_worker_start(world.worker, &err));
    pawl_uuid id = enqueue(&world, "orders", "function", "1");
    for (bool waits = false; !waits;) { /* for an hour */
        turn(&world);
        const pawl_message_view *message = look(&world, &id, &page);
        waits = message->error_text && message->available_at_ms > message->error_at_ms;
        if (waits)
            assert_int_equal(message->attempts, 3);
        pawl_messages_free(page);
    }
    close_world(&world);
}

/* ---- rules ---- */

static void A64_options_that_cannot_be_obeyed_make_no_worker(void **state)
{
    (void)state;
    static const char *const bad_blocks[] = {"127.0.0.1", "10.0.0.1/8"};
    static const char *const bad_lanes[] = {"orders", " "};
    struct world world;
    pawl_error err;
    open_world(&world);
    const pawl_worker_options good = world.options;
    static const char *const bad_folders[] = {"/no/such/folder"}, *const no_folder[] = {"/dev/null"};
    pawl_worker_options bad[] = {good, good, good, good, good, good, good};
    bad[0].allow_addresses = bad_blocks;
    bad[0].allow_address_count = 2;
    bad[1].own_address = "7295";
    bad[2].ca_file = "/no/such/file";
    bad[3].lanes = bad_lanes;
    bad[3].lane_count = 2;
    bad[4].consumer = "";
    bad[5].allow_exec = bad_folders;
    bad[6].allow_file = no_folder;
    for (size_t i = 0; i < ROWS(bad); i++) {
        assert_status(pawl_worker_new(world.store, &bad[i], &world.worker, &err), PAWL_EINVAL);
        assert_null(world.worker);
    }
    close_world(&world);
}

static void an_address_that_is_not_allowed_is_never_connected_to(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const pawl_setting settings[] = {{"max_attempts", "1"}};
    struct world world;
    char text[1100], class[32];
    open_world(&world);
    world.options.allow_address_count = 0;
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, settings, 1);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "orders", "shop", "1");
    wait_error(&world, &id, text, class);
    assert_non_null(strstr(text, "a private or reserved address"));
    assert_true(is_in(&world, &id, "pending")); /* it waits for a process that may */
    assert_int_equal(server_connections(server), 0);
    pawl_worker_free(world.worker);
    world.options.allow_address_count = 1;
    start_worker(&world);
    wait_state(&world, &id, "delivered");
    close_world(&world);
    server_free(server);
}

static void what_this_process_may_not_run_costs_no_attempt(void **state)
{
    LAW(O3);
    (void)state;
    struct world world;
    pawl_messages *page;
    open_world(&world);
    world.options.allow_exec_count = 0;
    add_target(&world, "program", "exec:/bin/true", NULL, NULL, 0);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "work", "program", "1");
    while (stats_of(&world).deferred == 0)
        turn(&world);
    const pawl_message_view *message = look(&world, &id, &page);
    assert_string_equal(message->state, "pending");
    assert_int_equal(message->attempts, 0);
    assert_true(message->deferrals >= 1);
    pawl_messages_free(page);
    close_world(&world);
}

static void what_only_another_process_can_deliver_is_not_claimed(void **state)
{
    LAW(O3);
    (void)state;
    struct world world;
    pawl_messages *page;
    pawl_why *why;
    pawl_error err;
    open_world(&world);
    add_target(&world, "elsewhere", "callback:elsewhere", NULL, NULL, 0);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "work", "elsewhere", "1");
    while (!was_told(&world, "no_sink"))
        turn(&world);
    idle(&world);
    const pawl_message_view *message = look(&world, &id, &page);
    assert_string_equal(message->state, "pending");
    assert_int_equal(message->deferrals, 0);
    pawl_messages_free(page);
    assert_int_equal(stats_of(&world).claimed, 0);
    assert_ok(pawl_why_message(world.store, &id, &why, &err)); /* whoever asks is told who could */
    assert_non_null(strstr(pawl_why_get(why, 0)->text, "callback:elsewhere"));
    pawl_why_free(why);
    close_world(&world);
}

static void a_target_with_a_secret_is_sent_to_signed_or_not_at_all(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char path[128], url[64], value[128];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    snprintf(path, sizeof path, "%s/secret", world.folder);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(server));
    add_target(&world, "shop", url, path, NULL, 0);
    start_worker(&world);
    pawl_uuid id = enqueue(&world, "orders", "shop", "1");
    while (!was_told(&world, "secret_unreadable"))
        turn(&world);
    idle(&world);
    assert_true(is_in(&world, &id, "pending"));
    pawl_worker_free(world.worker);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(server_connections(server), 0);
    start_worker(&world);
    wait_state(&world, &id, "delivered");
    assert_non_null(header_of(server_request(server, 0), "webhook-signature", value, sizeof value));
    assert_memory_equal(value, "v1,", 3);
    close_world(&world);
    server_free(server);
}

static void write_secret(const char *path, const char *key)
{
    char beside[160];
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    assert_non_null(file);
    fprintf(file, "whsec_%s\n", key);
    fclose(file);
    assert_int_equal(chmod(beside, 0600), 0);
    assert_int_equal(rename(beside, path), 0);
}

static void assert_signed(const struct world *world, const struct received *received, const char *key)
{
    struct secret *secret;
    struct buffer expected;
    char path[128], value[128], timestamp[32], id[64];
    pawl_error err;
    snprintf(path, sizeof path, "%s/expected", world->folder);
    write_secret(path, key);
    assert_ok(pawli_secret_read(path, SECRET_SIGNS, &secret, &err));
    buffer_init(&expected, 1000);
    pawli_request_sign(&expected, secret, header_of(received, "webhook-id", id, sizeof id),
                       header_of(received, "webhook-timestamp", timestamp, sizeof timestamp),
                       (struct text){received->body, received->body_size});
    pawli_buffer_add_char(&expected, '\0');
    assert_string_equal(header_of(received, "webhook-signature", value, sizeof value), expected.data);
    pawli_buffer_done(&expected);
    pawli_secret_release(secret);
}

static const char *const keys[] = {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};

static void add_signed(struct world *world, const struct server *server, char path[128], const pawl_setting *settings,
                       size_t count)
{
    char url[64];
    snprintf(path, 128, "%s/secret", world->folder);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(server));
    write_secret(path, keys[0]);
    add_target(world, "shop", url, path, settings, count);
}

/* A worker forgets a queue that nothing waits in, and its secret with it. */
static void keep_queue(struct world *world)
{
    pawl_message later = {PAWL_MESSAGE, .lane = "orders", .target = "shop",
                          .data = "1",  .data_size = 1,   .delay_ms = HOUR_MS};
    pawl_error err;
    assert_ok(pawl_enqueue(world->store, &later, 1, NULL, &err));
}

/* Nothing but the message comes in between: no survey, no poll, no restart. */
static void a_secret_that_changed_signs_the_next_message(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char path[128];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_signed(&world, server, path, NULL, 0);
    keep_queue(&world);
    start_worker(&world);
    for (size_t i = 0; i < 4; i++) {
        write_secret(path, keys[i % 2]);
        pawl_uuid id = enqueue(&world, "orders", "shop", "{}");
        wait_state(&world, &id, "delivered");
        assert_signed(&world, server_request(server, i), keys[i % 2]);
    }
    close_world(&world);
    server_free(server);
}

/* A file that shows no change: what tells is the receiver. */
static void a_receiver_that_refuses_the_signature_has_the_secret_read_again(void **state)
{
    (void)state;
    static const char *const refusals[] = {REPLY("401 Unauthorized", ""), REPLY("403 Forbidden", "")};
    static const pawl_setting settings[] = {{"backoff_ms", "0"}};
    for (size_t i = 0; i < ROWS(refusals); i++) {
        const struct script scripts[] = {{OK_REPLY, THEN_KEEP}, {refusals[i], THEN_KEEP}, {OK_REPLY, THEN_KEEP}};
        struct world world;
        struct stat known;
        char path[128];
        open_world(&world);
        struct server *server = server_new(scripts, ROWS(scripts));
        add_signed(&world, server, path, settings, ROWS(settings));
        keep_queue(&world);
        start_worker(&world);
        pawl_uuid first = enqueue(&world, "orders", "shop", "{}");
        wait_state(&world, &first, "delivered");
        assert_int_equal(stat(path, &known), 0);
        unchanged = &known;
        write_secret(path, keys[1]);
        pawl_uuid second = enqueue(&world, "orders", "shop", "{}");
        wait_state(&world, &second, "delivered");
        unchanged = NULL;
        assert_int_equal(server_requests(server), 3);
        assert_signed(&world, server_request(server, 1), keys[0]);
        assert_signed(&world, server_request(server, 2), keys[1]);
        close_world(&world);
        server_free(server);
    }
}

/* ---- stopping ---- */

static void A78_stopping_lets_what_is_under_way_end(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    pawl_uuid ids[50];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    for (size_t i = 0; i < ROWS(ids); i++)
        ids[i] = enqueue(&world, "orders", "shop", "1");
    start_worker(&world);
    while (stats_of(&world).claimed == 0)
        turn(&world);
    pawl_worker_stop(world.worker, HOUR_MS);
    uint64_t claimed = stats_of(&world).claimed;
    assert_int_equal(stats_of(&world).delivered, claimed);
    size_t delivered = 0;
    for (size_t i = 0; i < ROWS(ids); i++) {
        bool is_delivered = is_in(&world, &ids[i], "delivered");
        assert_true(is_delivered || is_in(&world, &ids[i], "pending"));
        delivered += is_delivered;
    }
    assert_int_equal(delivered, claimed);
    assert_int_equal(server_requests(server), claimed);
    close_world(&world);
    server_free(server);
}

static void A80_after_a_stop_nothing_is_claimed(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script hangs = {"", THEN_HANG};
    struct world world;
    pawl_messages *page;
    open_world(&world);
    struct server *server = server_new(&hangs, 1);
    add_server(&world, "shop", server, NULL, 0);
    pawl_uuid id = enqueue(&world, "orders", "shop", "1");
    start_worker(&world);
    while (server_requests(server) == 0)
        turn(&world);
    pawl_worker_stop(world.worker, 0);
    const pawl_message_view *message = look(&world, &id, &page);
    assert_string_equal(message->state, "pending"); /* unknown=resend */
    assert_string_equal(message->error_class, "unknown");
    assert_int_equal(message->attempts, 1);
    pawl_messages_free(page);
    close_world(&world);
    server_free(server);
}

static void a_worker_that_idles_stops(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    start_worker(&world);
    idle(&world);
    pawl_worker_stop(world.worker, HOUR_MS);
    pawl_worker_stop(world.worker, HOUR_MS); /* a second one finds nothing to do */
    close_world(&world);
}

/* ---- several URLs, and routes of senders ---- */

/* A port that nobody listens on. */
static void closed_url(char url[64])
{
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct server *server = server_new(&script, 1);
    snprintf(url, 64, "http://127.0.0.1:%u/closed", server_port(server));
    server_free(server);
}

static void open_url(const struct server *server, char url[64])
{
    snprintf(url, 64, "http://127.0.0.1:%u/open", server_port(server));
}

static void add_route(struct world *world, const char *sender, const char *const *urls, size_t count)
{
    pawl_error err;
    pawl_route route = {PAWL_ROUTE, .target = "shop", .sender = sender, .urls = urls, .url_count = count};
    assert_ok(pawl_route_add(world->store, &route, &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
}

static pawl_uuid enqueue_of(struct world *world, const char *sender)
{
    pawl_error err;
    pawl_enqueued enqueued;
    pawl_message message = {PAWL_MESSAGE, .lane = "orders", .target = "shop",
                            .data = "1",  .data_size = 1,   .sender = sender};
    assert_ok(pawl_enqueue(world->store, &message, 1, &enqueued, &err));
    return enqueued.id;
}

static void where_nobody_answers_the_next_url_is_tried_in_the_same_attempt(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    pawl_messages *page;
    char closed[64], open[64];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    closed_url(closed);
    open_url(server, open);
    add_route(&world, NULL, (const char *const[]){closed, open}, 2);
    pawl_uuid id = enqueue_of(&world, NULL);
    start_worker(&world);
    wait_state(&world, &id, "delivered");
    assert_int_equal(look(&world, &id, &page)->attempts, 1);
    const pawl_attempt *attempt = pawl_messages_attempt(page, 0);
    assert_non_null(attempt);
    assert_non_null(strstr(attempt->text, "(URL 2 of 2: "));
    assert_non_null(strstr(attempt->text, open));
    pawl_messages_free(page);
    assert_int_equal(server_requests(server), 1);
    close_world(&world);
    server_free(server);
}

static void what_was_sent_goes_to_no_other_url(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        struct script script;
        const char *class;
    } firsts[] = {{{REPLY("503 Busy", ""), THEN_KEEP}, "transient"}, {{"", THEN_RESET}, "unknown"}};
    static const struct script second = {OK_REPLY, THEN_KEEP};
    for (size_t i = 0; i < ROWS(firsts); i++) {
        struct world world;
        pawl_messages *page;
        char urls[2][64];
        open_world(&world);
        struct server *servers[] = {server_new(&firsts[i].script, 1), server_new(&second, 1)};
        open_url(servers[0], urls[0]);
        open_url(servers[1], urls[1]);
        add_route(&world, NULL, (const char *const[]){urls[0], urls[1]}, 2);
        pawl_uuid id = enqueue_of(&world, NULL);
        start_worker(&world);
        while (server_requests(servers[0]) == 0)
            turn(&world);
        for (bool is_over = false; !is_over;) {
            turn_for(&world, 5);
            const pawl_message_view *message = look(&world, &id, &page);
            is_over = message->error_text || strcmp(message->state, "delivered") == 0;
            if (is_over)
                assert_string_equal(message->error_class ? message->error_class : "none", firsts[i].class);
            pawl_messages_free(page);
        }
        assert_int_equal(server_requests(servers[0]), 1);
        assert_int_equal(server_connections(servers[1]), 0);
        close_world(&world);
        server_free(servers[0]);
        server_free(servers[1]);
    }
}

static void where_no_url_is_reached_each_is_told_and_one_attempt_spent(void **state)
{
    (void)state;
    struct world world;
    pawl_messages *page;
    char urls[2][64], text[1100], class[32];
    open_world(&world);
    closed_url(urls[0]);
    closed_url(urls[1]);
    add_route(&world, NULL, (const char *const[]){urls[0], urls[1]}, 2);
    pawl_uuid id = enqueue_of(&world, NULL);
    start_worker(&world);
    wait_error(&world, &id, text, class);
    assert_non_null(strstr(text, urls[0]));
    assert_non_null(strstr(text, urls[1]));
    assert_string_equal(class, "transient");
    assert_int_equal(look(&world, &id, &page)->attempts, 1);
    pawl_messages_free(page);
    close_world(&world);
}

static void A115_A117_a_sender_that_cannot_be_reached_costs_no_attempt_and_goes_nowhere_else(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    pawl_messages *page;
    char closed[64], open[64], text[1100], class[32];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    closed_url(closed);
    open_url(server, open);
    add_route(&world, NULL, (const char *const[]){open}, 1);
    add_route(&world, "ann", (const char *const[]){closed}, 1);
    pawl_uuid id = enqueue_of(&world, "ann");
    start_worker(&world);
    wait_error(&world, &id, text, class);
    assert_memory_equal(text, "sender_not_ready", strlen("sender_not_ready"));
    const pawl_message_view *message = look(&world, &id, &page);
    assert_string_equal(message->state, "pending");
    assert_int_equal(message->attempts, 0);
    assert_int_equal(message->deferrals, 1);
    pawl_messages_free(page);
    idle(&world);
    assert_int_equal(server_connections(server), 0);
    close_world(&world);
    server_free(server);
}

/* The target's secret was given to somebody else. */
static void a_sender_s_route_is_signed_with_its_own_secret_or_none(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    pawl_error err;
    char path[128], open[64], value[256];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    open_url(server, open);
    add_signed(&world, server, path, NULL, 0);
    const char *url = open;
    add_route(&world, "ann", &url, 1);
    pawl_route bob = {PAWL_ROUTE, .target = "shop", .sender = "bob", .urls = &url, .url_count = 1, .secret_file = path};
    assert_ok(pawl_route_add(world.store, &bob, &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
    static const char *const senders[] = {NULL, "ann", "bob"};
    start_worker(&world);
    for (size_t i = 0; i < ROWS(senders); i++) {
        pawl_uuid id = enqueue_of(&world, senders[i]);
        wait_state(&world, &id, "delivered");
        const struct received *received = server_request(server, i);
        bool is_signed = header_of(received, "webhook-signature", value, sizeof value) != NULL;
        assert_int_equal(is_signed, i != 1);
        const char *sender = header_of(received, "pawl-sender", value, sizeof value);
        assert_true(senders[i] ? sender && strcmp(sender, senders[i]) == 0 : !sender);
    }
    close_world(&world);
    server_free(server);
}

static void the_engine_may_have_a_thread_of_its_own(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    pawl_error err;
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    assert_ok(pawl_store_start(world.store, &err));
    start_worker(&world);
    for (int i = 0; i < 20; i++)
        enqueue(&world, "orders", "shop", "1");
    while (server_requests(server) < 20)
        sched_yield();
    pawl_worker_stop(world.worker, HOUR_MS);
    assert_int_equal(stats_of(&world).delivered, 20);
    close_world(&world);
    server_free(server);
}

/* ---- outcomes that are asked for ---- */

static void add_asked(struct world *world, const struct server *target, const struct server *asked)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/was", server_port(asked));
    const pawl_setting settings[] = {
        {"probe", url}, {"poll", url}, {"probe_backoff_ms", "1"}, {"backoff_ms", "1"}, {"jitter_percent", "0"}};
    add_server(world, "bank", target, settings, ROWS(settings));
}

/* Phase, verdict and status of everything that was tried, each attempt as "send uncertain 0;". */
static void assert_history(struct world *world, const pawl_uuid *id, const char *expected)
{
    pawl_messages *page;
    char history[512] = "";
    look(world, id, &page);
    for (size_t i = 0; i < pawl_messages_attempt_count(page); i++) {
        const pawl_attempt *attempt = pawl_messages_attempt(page, i);
        size_t size = strlen(history);
        snprintf(history + size, sizeof history - size, "%s %s %u;", attempt->phase, attempt->verdict, attempt->status);
    }
    pawl_messages_free(page);
    assert_string_equal(history, expected);
}

static void A110_a_lost_reply_is_asked_for_and_what_is_accepted_at_last_is_delivered(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script lost[] = {{"", THEN_RESET},
                                         {"HTTP/1.1 200 OK\r\npawl-remote-id: p-7\r\nContent-Length: 4\r\n\r\npaid",
                                          THEN_KEEP}},
                               asked[] = {{REPLY("503 Service Unavailable", ""), THEN_KEEP},
                                          {REPLY("404 Not Found", ""), THEN_KEEP}};
    struct world world;
    pawl_messages *page;
    char first[64], again[64];
    open_world(&world);
    struct server *target = server_new(lost, ROWS(lost)), *probe = server_new(asked, ROWS(asked));
    add_asked(&world, target, probe);
    pawl_uuid id = enqueue(&world, "orders", "bank", "1");
    start_worker(&world);
    wait_state(&world, &id, "delivered");
    assert_int_equal(server_requests(target), 2);
    assert_int_equal(server_requests(probe), 2);
    assert_string_equal(header_of(server_request(target, 0), "webhook-id", first, sizeof first),
                        header_of(server_request(target, 1), "webhook-id", again, sizeof again));
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(header_of(server_request(probe, i), "webhook-id", again, sizeof again), first);
    assert_history(&world, &id, "send uncertain 0;probe uncertain 503;probe retry 404;send delivered 200;");
    const pawl_message_view *message = look(&world, &id, &page);
    assert_string_equal(message->remote_id, "p-7");
    assert_true(message->ended_at_ms > 0);
    assert_null(message->error_class);
    assert_string_equal(pawl_messages_attempt(page, 3)->text, "200 OK: paid");
    pawl_messages_free(page);
    assert_true(was_told(&world, "probed"));
    close_world(&world);
    server_free(target);
    server_free(probe);
}

static void what_arrived_though_its_reply_was_lost_is_sent_once(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script lost = {"", THEN_RESET}, yes = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world);
    struct server *target = server_new(&lost, 1), *probe = server_new(&yes, 1);
    add_asked(&world, target, probe);
    pawl_uuid id = enqueue(&world, "orders", "bank", "1");
    start_worker(&world);
    wait_state(&world, &id, "delivered");
    idle(&world);
    assert_int_equal(server_requests(target), 1);
    assert_history(&world, &id, "send uncertain 0;probe delivered 200;");
    close_world(&world);
    server_free(target);
    server_free(probe);
}

/* By the route of its sender: who is asked is the target's, with that sender's secret and headers. */
static void what_is_asked_for_a_sender_carries_that_senders_secret_and_headers(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script takes = {REPLY("202 Accepted", "pawl-status: awaiting\r\n"), THEN_KEEP},
                               lost = {"", THEN_RESET}, yes = {OK_REPLY, THEN_KEEP};
    static const struct script *const scripts[] = {&takes, &lost};
    static const pawl_setting header = {"header:x-account", "7"};
    for (size_t i = 0; i < ROWS(scripts); i++) {
        struct world world;
        pawl_error err;
        char path[128], open[64], url[64], value[256];
        open_world(&world);
        struct server *target = server_new(scripts[i], 1), *asked = server_new(&yes, 1);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/was", server_port(asked));
        const pawl_setting settings[] = {{"probe", url}, {"poll", url}, {"probe_backoff_ms", "1"}};
        open_url(target, open);
        add_signed(&world, target, path, settings, ROWS(settings));
        const char *urls[] = {open};
        add_route(&world, "ann", urls, 1);
        pawl_route bob = {PAWL_ROUTE,     .target = "shop",    .sender = "bob",    .urls = urls,
                          .url_count = 1, .secret_file = path, .settings = &header, .setting_count = 1};
        assert_ok(pawl_route_add(world.store, &bob, &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
        static const char *const senders[] = {"ann", "bob"};
        start_worker(&world);
        for (size_t k = 0; k < ROWS(senders); k++) {
            pawl_uuid id = enqueue_of(&world, senders[k]);
            wait_state(&world, &id, "delivered");
            assert_history(&world, &id,
                           i == 0 ? "send submitted 202;poll delivered 200;" : "send uncertain 0;probe delivered 200;");
            const struct received *received = server_request(asked, k);
            assert_string_equal(header_of(received, "pawl-sender", value, sizeof value), senders[k]);
            assert_int_equal(header_of(received, "webhook-signature", value, sizeof value) != NULL, k == 1);
            assert_int_equal(header_of(received, "x-account", value, sizeof value) != NULL, k == 1);
        }
        assert_int_equal(server_requests(target), 2);
        close_world(&world);
        server_free(target);
        server_free(asked);
    }
}

static void send_by_hand(struct world *world, int32_t verdict)
{
    pawl_error err;
    pawl_messages *messages;
    pawl_settled settled;
    pawl_claim_options options = {PAWL_CLAIM_OPTIONS, .lane = "orders", .target = "shop", .limit = 1};
    assert_ok(pawl_claim(world->store, &options, &messages, &err));
    const pawl_message_view *message = pawl_messages_get(messages, 0);
    pawl_settlement settlement = {PAWL_SETTLEMENT, .id = message->id, .token = message->token, .verdict = verdict};
    assert_ok(pawl_settle(world->store, &settlement, 1, &settled, &err));
    assert_true(settled.result == PAWL_RESULT_AWAITING || settled.result == PAWL_RESULT_UNCERTAIN);
    pawl_messages_free(messages);
}

/* Its outcome can be asked for as any other's; the password of the broker is for the broker alone. */
static void a_broker_s_messages_are_asked_for_elsewhere_and_without_its_password(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script yes = {OK_REPLY, THEN_KEEP};
    static const struct {
        const char *phase, *broker;
        int32_t verdict; /* that whoever sent it said */
    } rows[] = {{"poll", "nats://pawl@127.0.0.1:1/orders", PAWL_VERDICT_SUBMITTED},
                {"probe", "amqp://pawl@127.0.0.1:1/%2F//orders", PAWL_VERDICT_UNCERTAIN}};
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct world world;
        char url[64], path[128], value[256];
        open_world(&world);
        struct server *asked = server_new(&yes, 1);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/was", server_port(asked));
        snprintf(path, sizeof path, "%s/secret", world.folder);
        write_secret(path, keys[0]);
        const pawl_setting settings[] = {{rows[i].phase, url}, {"probe_backoff_ms", "1"}};
        add_target(&world, "shop", rows[i].broker, path, settings, ROWS(settings));
        pawl_uuid id = enqueue(&world, "orders", "shop", "1");
        send_by_hand(&world, rows[i].verdict);
        start_worker(&world);
        wait_state(&world, &id, "delivered");
        assert_string_equal(header_of(server_request(asked, 0), "pawl-phase", value, sizeof value), rows[i].phase);
        assert_null(header_of(server_request(asked, 0), "webhook-signature", value, sizeof value));
        assert_null(header_of(server_request(asked, 0), "authorization", value, sizeof value));
        close_world(&world);
        server_free(asked);
    }
}

static void what_a_receiver_takes_for_now_is_polled(void **state)
{
    LAW(O1);
    (void)state;
    static const struct script takes = {REPLY("202 Accepted", "pawl-status: awaiting\r\npawl-remote-id: job-9\r\n"),
                                        THEN_KEEP};
    static const struct script polled[] = {{REPLY("425 Too Early", ""), THEN_KEEP}, {OK_REPLY, THEN_KEEP}};
    struct world world;
    char value[64];
    open_world(&world);
    struct server *target = server_new(&takes, 1), *poll = server_new(polled, ROWS(polled));
    add_asked(&world, target, poll);
    pawl_uuid id = enqueue(&world, "orders", "bank", "1");
    start_worker(&world);
    wait_state(&world, &id, "delivered");
    assert_int_equal(server_requests(target), 1);
    assert_int_equal(server_requests(poll), 2);
    assert_string_equal(header_of(server_request(poll, 0), "pawl-remote-id", value, sizeof value), "job-9");
    assert_history(&world, &id, "send submitted 202;poll retry 425;poll delivered 200;");
    assert_true(was_told(&world, "polled"));
    close_world(&world);
    server_free(target);
    server_free(poll);
}

static void a_trace_is_passed_on_as_it_is(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const pawl_header headers[] = {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                                          {"tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}};
    struct world world;
    pawl_error err;
    pawl_enqueued enqueued;
    char value[128];
    open_world(&world);
    struct server *server = server_new(&script, 1);
    add_server(&world, "shop", server, NULL, 0);
    pawl_message message = {PAWL_MESSAGE,
                            .lane = "orders",
                            .target = "shop",
                            .data = "1",
                            .data_size = 1,
                            .headers = headers,
                            .header_count = ROWS(headers)};
    assert_ok(pawl_enqueue(world.store, &message, 1, &enqueued, &err));
    start_worker(&world);
    wait_state(&world, &enqueued.id, "delivered");
    for (size_t i = 0; i < ROWS(headers); i++)
        assert_string_equal(header_of(server_request(server, 0), headers[i].name, value, sizeof value),
                            headers[i].value);
    close_world(&world);
    server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(A59_two_due_messages_are_delivered_once_each),
        cmocka_unit_test(A60_a_receiver_that_fails_is_tried_up_to_the_cap),
        cmocka_unit_test(A63_messages_of_other_lanes_are_not_handed_to_this_worker),
        cmocka_unit_test(A70_a_refused_message_is_dead_and_says_why),
        cmocka_unit_test(A74_a_backlog_of_many_claims_needs_no_poll),
        cmocka_unit_test(A79_a_message_that_comes_while_it_idles_needs_no_poll),
        cmocka_unit_test(an_exec_target_and_a_file_target_are_served),
        cmocka_unit_test(a_message_is_sent_with_the_headers_of_its_target_which_its_own_beat),
        cmocka_unit_test(A73_two_workers_share_a_backlog_and_send_nothing_twice),
        cmocka_unit_test(A81_one_target_that_never_answers_holds_up_no_other),
        cmocka_unit_test(no_more_sends_are_under_way_than_the_target_takes),
        cmocka_unit_test(targets_that_hang_leave_descriptors_and_sends_for_the_others),
        cmocka_unit_test(a_target_that_is_gone_is_held),
        cmocka_unit_test(a_receiver_that_asks_for_time_gets_it),
        cmocka_unit_test(no_receiver_can_have_its_messages_burnt),
        cmocka_unit_test(a_callback_that_wants_it_at_once_gets_it_at_once),
        cmocka_unit_test(A64_options_that_cannot_be_obeyed_make_no_worker),
        cmocka_unit_test(an_address_that_is_not_allowed_is_never_connected_to),
        cmocka_unit_test(what_this_process_may_not_run_costs_no_attempt),
        cmocka_unit_test(what_only_another_process_can_deliver_is_not_claimed),
        cmocka_unit_test(a_target_with_a_secret_is_sent_to_signed_or_not_at_all),
        cmocka_unit_test(a_secret_that_changed_signs_the_next_message),
        cmocka_unit_test(a_receiver_that_refuses_the_signature_has_the_secret_read_again),
        cmocka_unit_test(where_nobody_answers_the_next_url_is_tried_in_the_same_attempt),
        cmocka_unit_test(what_was_sent_goes_to_no_other_url),
        cmocka_unit_test(where_no_url_is_reached_each_is_told_and_one_attempt_spent),
        cmocka_unit_test(A115_A117_a_sender_that_cannot_be_reached_costs_no_attempt_and_goes_nowhere_else),
        cmocka_unit_test(a_sender_s_route_is_signed_with_its_own_secret_or_none),
        cmocka_unit_test(A78_stopping_lets_what_is_under_way_end),
        cmocka_unit_test(A80_after_a_stop_nothing_is_claimed),
        cmocka_unit_test(a_worker_that_idles_stops),
        cmocka_unit_test(the_engine_may_have_a_thread_of_its_own),
        cmocka_unit_test(A110_a_lost_reply_is_asked_for_and_what_is_accepted_at_last_is_delivered),
        cmocka_unit_test(what_arrived_though_its_reply_was_lost_is_sent_once),
        cmocka_unit_test(what_is_asked_for_a_sender_carries_that_senders_secret_and_headers),
        cmocka_unit_test(a_broker_s_messages_are_asked_for_elsewhere_and_without_its_password),
        cmocka_unit_test(what_a_receiver_takes_for_now_is_polled),
        cmocka_unit_test(a_trace_is_passed_on_as_it_is),
    };
    store_kind = getenv("PAWL_TEST_STORE");
    if (!store_kind)
        store_kind = "sqlite:";
    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
