/* SPDX-License-Identifier: MIT */
/* The demo holds under kills; and it does not hold when something was lost, changed or sent twice in silence. */
#include "child.h"

#include <signal.h>

#include "cli/demo/demo.h"

static char folder[64], store_url[96];

static int set_up(void **state)
{
    (void)state;
    make_folder(folder);
    snprintf(store_url, sizeof store_url, "sqlite:%s/demo.db", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* ---- the whole ---- */

static uint64_t number_in(const char *json, const char *name)
{
    char key[40];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(json, key);
    if (!at)
        fail_msg("there is no %s in %s", name, json);
    return strtoull(at + strlen(key), NULL, 10);
}

static void check_demo(const char *kills, const char *seed, const char *payloads)
{
    struct child demo;
    char keep[96];
    snprintf(keep, sizeof keep, "%s/kept", folder);
    CHILD(&demo, "--json", "demo", "--kills", kills, "--seed", seed, "--keep", keep, "--payloads", payloads);
    const char *line = child_wait_line(demo.out, "accepted");
    assert_int_equal(number_in(line, "kills"), strtoull(kills, NULL, 10));
    assert_int_equal(number_in(line, "seed"), strtoull(seed, NULL, 10));
    assert_int_equal(number_in(line, "lost"), 0);
    assert_true(number_in(line, "accepted") >= number_in(line, "payloads"));
    assert_int_equal(number_in(line, "delivered"), number_in(line, "accepted"));
    assert_int_equal(number_in(line, "records"), number_in(line, "accepted"));
    assert_true(number_in(line, "recognised") <= number_in(line, "resent"));
    assert_non_null(strstr(line, "\"verified\":true"));
    assert_int_equal(child_end(&demo), 0);
    snprintf(keep, sizeof keep, "%s/kept/demo.db", folder);
    assert_int_equal(access(keep, F_OK), 0);
}

static void write_payloads(char path[96])
{
    snprintf(path, 96, "%s/payloads.jsonl", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        fprintf(file, "{\"event\": \"push\", \"payload\": {\"n\": %d, \"text\": \"caf\\u00e9 \\\"%d\\\"\"}}\n", i, i);
    assert_int_equal(fclose(file), 0);
}

static void it_loses_nothing_when_processes_are_killed(void **state)
{
    char payloads[96];
    (void)state;
    write_payloads(payloads);
    check_demo("4", "7", payloads);
}

static void it_holds_without_kills_too(void **state)
{
    char payloads[96];
    (void)state;
    write_payloads(payloads);
    check_demo("0", "1", payloads);
}

static void an_interrupted_demo_ends_its_children(void **state)
{
    struct child demo;
    char payloads[96];
    (void)state;
    write_payloads(payloads);
    CHILD(&demo, "demo", "--kills", "1000000", "--seed", "1", "--payloads", payloads);
    child_wait_line(demo.out, "submitter");
    child_signal(&demo, SIGINT);
    child_wait_line(demo.err, "interrupted");
    assert_int_equal(child_end(&demo), 5); /* only when nobody holds its output any more */
}

/* ---- the count ---- */

struct scene {
    struct tracker tracker;
    struct payloads payloads;
    pawl_store *store;
};

/* One transition with its message, delivered by hand, as the tracker would have heard of it. */
static void open_scene(struct scene *scene)
{
    pawl_error err;
    char line[400], request[PAWL_UUID_TEXT_SIZE], id[PAWL_UUID_TEXT_SIZE];
    *scene = (struct scene){0};
    assert_int_equal(chdir(folder), 0); /* where no payloads were fetched */
    assert_ok(payloads_load(&scene->payloads, NULL, 1, &err));
    assert_false(scene->payloads.are_real);
    assert_ok(pawl_store_open(store_url, NULL, &scene->store, &err));
    pawl_transition *transition = pawl_transition_new(scene->store,
                                                      &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T"});
    const struct text body = scene->payloads.items[0].body;
    pawl_transition_message(transition, &(pawl_message){PAWL_MESSAGE, .lane = DEMO_LANE, .target = DEMO_TARGET,
                                                        .data = body.data, .data_size = body.size});
    pawl_receipt *receipt;
    assert_ok(pawl_transition_commit(transition, &receipt, &err));
    struct item item = {.request_id = pawl_receipt_request_id(receipt)};
    pawl_uuid message = pawl_receipt_message(receipt, 0);
    assert_true(tracker_add_item(&scene->tracker, &item));
    snprintf(line, sizeof line, "{\"request_id\":\"%s\",\"replayed\":false,\"messages\":[\"%s\"]}",
             pawl_uuid_format(&item.request_id, request), pawl_uuid_format(&message, id));
    assert_true(tracker_take_receipt(&scene->tracker, text_of(line)));
    pawl_receipt_free(receipt);
    pawl_transition_free(transition);
    pawl_messages *claimed;
    assert_ok(pawl_claim(
        scene->store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = DEMO_LANE, .target = DEMO_TARGET, .limit = 1},
        &claimed, &err));
    pawl_settled settled;
    const pawl_message_view *view = pawl_messages_get(claimed, 0);
    assert_ok(pawl_settle(
        scene->store,
        &(pawl_settlement){PAWL_SETTLEMENT, .id = view->id, .token = view->token, .verdict = PAWL_VERDICT_DELIVERED}, 1,
        &settled, &err));
    pawl_messages_free(claimed);
}

static void close_scene(struct scene *scene)
{
    pawl_store_close(scene->store);
    tracker_done(&scene->tracker);
    payloads_done(&scene->payloads);
}

static void arrive(struct scene *scene, const struct digest *digest)
{
    char line[400], hex[2 * DIGEST_SIZE + 1], id[PAWL_UUID_TEXT_SIZE];
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        hex[2 * i] = digits[digest->bytes[i] >> 4];
        hex[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    hex[2 * DIGEST_SIZE] = '\0';
    snprintf(line, sizeof line, "{\"id\":\"%s\",\"sha256\":\"%s\"}",
             pawl_uuid_format(&scene->tracker.items[0].message, id), hex);
    assert_true(tracker_take_arrival(&scene->tracker, text_of(line)));
}

static struct tally tally_of(struct scene *scene)
{
    struct tally tally;
    pawl_error err;
    assert_ok(tracker_tally(&scene->tracker, &scene->payloads, scene->store, &tally, &err));
    return tally;
}

static void what_arrived_as_it_was_sent_is_not_lost(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    arrive(&scene, &scene.payloads.items[0].digest);
    struct tally tally = tally_of(&scene);
    assert_string_equal(tally.trouble, "");
    assert_int_equal(tally.accepted, 1);
    assert_int_equal(tally.delivered, 1);
    assert_int_equal(tally.records, 1);
    assert_int_equal(tally.lost, 0);
    assert_true(tally.is_verified);
    close_scene(&scene);
}

static void what_never_arrived_is_lost(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    struct tally tally = tally_of(&scene);
    assert_int_equal(tally.lost, 1);
    assert_non_null(strstr(tally.trouble, "never arrived"));
    close_scene(&scene);
}

static void what_arrived_with_other_bytes_is_lost(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    struct digest digest = scene.payloads.items[0].digest;
    arrive(&scene, &digest);
    digest.bytes[31] ^= 1;
    arrive(&scene, &digest);
    struct tally tally = tally_of(&scene);
    assert_int_equal(tally.lost, 1);
    assert_non_null(strstr(tally.trouble, "other bytes"));
    close_scene(&scene);
}

static void an_arrival_that_no_attempt_explains_is_noticed(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    arrive(&scene, &scene.payloads.items[0].digest);
    arrive(&scene, &scene.payloads.items[0].digest);
    struct tally tally = tally_of(&scene);
    assert_int_equal(tally.recognised, 1);
    assert_int_equal(tally.resent, 0);
    assert_non_null(strstr(tally.trouble, "attempts"));
    close_scene(&scene);
}

static void a_record_that_nobody_asked_for_is_noticed(void **state)
{
    struct scene scene;
    pawl_error err;
    (void)state;
    open_scene(&scene);
    arrive(&scene, &scene.payloads.items[0].digest);
    pawl_transition *transition = pawl_transition_new(scene.store,
                                                      &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T"});
    assert_ok(pawl_transition_commit(transition, NULL, &err));
    pawl_transition_free(transition);
    struct tally tally = tally_of(&scene);
    assert_int_equal(tally.records, 2);
    assert_non_null(strstr(tally.trouble, "2 records"));
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_loses_nothing_when_processes_are_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_holds_without_kills_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_demo_ends_its_children, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_arrived_as_it_was_sent_is_not_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_never_arrived_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_arrived_with_other_bytes_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_arrival_that_no_attempt_explains_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_that_nobody_asked_for_is_noticed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
