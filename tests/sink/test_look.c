/* SPDX-License-Identifier: MIT */
/* Sinks that are asked what became of a message, by a poll or a probe; and what a receiver says that only takes it for now. Nothing
 * but the receiver's own word moves a message: whatever else happens, it is asked again. */
#include "receiver.h"

#include <sys/stat.h>

#include "model/limits.h"
#include "sink/callback/callback.h"

/* Of each phase, what a verdict says. */
static const enum verdict happened[] = {[PHASE_POLL] = VERDICT_DELIVERED, [PHASE_PROBE] = VERDICT_DELIVERED},
                          did_not[] = {[PHASE_POLL] = VERDICT_UNCERTAIN, [PHASE_PROBE] = VERDICT_RETRY},
                          hopeless[] = {[PHASE_POLL] = VERDICT_DEAD, [PHASE_PROBE] = VERDICT_DEAD},
                          again[] = {[PHASE_POLL] = VERDICT_RETRY, [PHASE_PROBE] = VERDICT_UNCERTAIN};

static struct outgoing *ask(struct harness *harness, enum phase phase, const char *url, int64_t timeout_ms)
{
    struct outgoing *outgoing = outgoing_new("{\"a\":1}");
    outgoing->send.phase = phase;
    harness_send(harness, outgoing, url, timeout_ms);
    harness_wait(harness, outgoing);
    return outgoing;
}

/* Asks in both phases, frees what came. `what`: for who reads a failure. */
static void expect(struct harness *harness, const char *what, const char *url, int64_t timeout_ms,
                   const enum verdict *verdicts, const char *error)
{
    for (enum phase phase = PHASE_POLL; phase <= PHASE_PROBE; phase++) {
        struct outgoing *outgoing = ask(harness, phase, url, timeout_ms);
        const struct send *send = &outgoing->send;
        if (send->verdict != verdicts[phase] || send->fault != TARGET_FINE)
            fail_msg("%s: phase %d, verdict %d: %s", what, phase, send->verdict, send->error.data);
        if (!error)
            assert_null(send->error.data);
        else if (!strstr(send->error.data, error))
            fail_msg("%s: %s", what, send->error.data);
        outgoing_free(outgoing);
    }
}

/* ---- http ---- */

static void each_status_of_who_is_asked_means_what_the_table_says(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        const char *reply;
        const enum verdict *verdicts;
        const char *error;
    } rows[] = {
        {REPLY("200 OK", ""), happened, NULL},
        {REPLY("404 Not Found", ""), did_not, "404 Not Found"},
        {REPLY("409 Conflict", ""), hopeless, "409 Conflict"},
        {REPLY("410 Gone", ""), hopeless, "410 Gone"},
        {REPLY("201 Created", ""), again, "201 Created"},
        {REPLY("202 Accepted", ""), again, "202 Accepted"},
        {"HTTP/1.1 204 No Content\r\n\r\n", again, "204 No Content"},
        {REPLY("301 Moved Permanently", "Location: /other\r\n"), again, "redirects are not followed"},
        {REPLY("400 Bad Request", ""), again, "400 Bad Request"},
        {REPLY("401 Unauthorized", ""), again, "401 Unauthorized"},
        {REPLY("403 Forbidden", ""), again, "403 Forbidden"},
        {REPLY("405 Method Not Allowed", ""), again, "405 Method Not Allowed"},
        {REPLY("425 Too Early", ""), again, "425 Too Early"},
        {REPLY("500 Internal Server Error", ""), again, "500"},
        {REPLY("503 Service Unavailable", ""), again, "503"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct script script = {rows[i].reply, THEN_KEEP};
        struct world world;
        open_world(&world, &script, 1);
        expect(&world.harness, rows[i].reply, world.url, LONG_MS, rows[i].verdicts, rows[i].error);
        assert_int_equal(server_requests(world.server), 2);
        close_world(&world);
    }
}

static void what_was_not_said_is_asked_again(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script none = {"", THEN_CLOSE}, hangs = {"", THEN_HANG},
                               garbage = {"hello\r\n\r\n", THEN_CLOSE};
    static const struct script *const scripts[] = {&none, &hangs, &garbage};
    struct world world;
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        open_world(&world, scripts[i], 1);
        expect(&world.harness, "a reply that is none", world.url, SHORT_MS, again, "");
        close_world(&world);
    }
    open_world(&world, &none, 1);
    expect(&world.harness, "a port that nobody listens on", "http://127.0.0.1:1/", LONG_MS, again, "nothing was sent");
    expect(&world.harness, "an address that is denied", "http://10.0.0.1/", LONG_MS, again, "--allow-address");
    expect(&world.harness, "a URL that nobody can send to", "http://", LONG_MS, again, "malformed");
    assert_int_equal(server_requests(world.server), 0);
    close_world(&world);
}

static void who_is_asked_may_say_when_to_ask_again(void **state)
{
    (void)state;
    static const struct script script = {REPLY("503 Service Unavailable", "Retry-After: 7\r\n"), THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    struct outgoing *outgoing = ask(&world.harness, PHASE_PROBE, world.url, LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_UNCERTAIN);
    assert_int_equal(outgoing->send.retry_in_ms, 7000);
    assert_true(outgoing->send.retry_is_least);
    outgoing_free(outgoing);
    close_world(&world);
}

/* The id, the phase, what the receiver called it, the headers of the message and its target: all but the payload, signed. */
static void who_is_asked_gets_all_but_the_payload(void **state)
{
    (void)state;
    static const pawl_header headers[] = {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                                          {"authorization", "Bearer x"}};
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char value[256], expected[64];
    struct secret *secret = calloc(1, sizeof *secret);
    assert_non_null(secret);
    secret->key_count = 1;
    secret->keys[0] = TEXT("abcdefghijklmnopqrstuvwx");
    open_world(&world, &script, 1);
    for (enum phase phase = PHASE_POLL; phase <= PHASE_PROBE; phase++) {
        struct outgoing *outgoing = outgoing_new("{\"a\":1}");
        outgoing->send.phase = phase;
        outgoing->send.secret = secret;
        outgoing->message.remote_id = "batch 7";
        outgoing->message.headers = headers;
        outgoing->message.header_count = COUNT_OF(headers);
        harness_send(&world.harness, outgoing, world.url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        outgoing_free(outgoing);
        const struct received *received = server_request(world.server, phase - PHASE_POLL);
        assert_string_equal(received->start, "GET /hook?a=b HTTP/1.1");
        assert_int_equal(received->body_size, 0);
        assert_null(header_of(received, "content-type", value, sizeof value));
        assert_null(header_of(received, "content-length", value, sizeof value));
        const struct {
            const char *name, *value;
        } rows[] = {{"webhook-id", "01020304-0506-8708-890a-0b0c0d0e0f10"},
                    {"webhook-timestamp", "1614265330"},
                    {"pawl-phase", phase == PHASE_POLL ? "poll" : "probe"},
                    {"pawl-remote-id", "batch 7"},
                    {"pawl-attempt", "1"},
                    {"traceparent", headers[0].value},
                    {"authorization", "Bearer x"}};
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            assert_string_equal(header_of(received, rows[i].name, value, sizeof value), rows[i].value);
        expected_signature(secret->keys[0].data, received, expected);
        assert_string_equal(header_of(received, "webhook-signature", value, sizeof value), expected);
    }
    /* The same connection, and a payload again. */
    struct outgoing *outgoing = ask(&world.harness, PHASE_SEND, world.url, LONG_MS);
    outgoing_free(outgoing);
    const struct received *received = server_request(world.server, 2);
    assert_string_equal(received->start, "POST /hook?a=b HTTP/1.1");
    assert_int_equal(received->connection, 0);
    assert_int_equal(received->body_size, strlen("{\"a\":1}"));
    assert_null(header_of(received, "pawl-phase", value, sizeof value));
    close_world(&world);
    free(secret);
}

/* ---- what is taken for now, and what the receiver calls it ---- */

static void a_receiver_hands_over_and_names_what_it_has_taken(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum verdict verdict;
        const char *remote_id; /* NULL: none */
    } rows[] = {
        {REPLY("202 Accepted", "Pawl-Status: awaiting\r\nPawl-Remote-Id: batch 7\r\n"), VERDICT_SUBMITTED, "batch 7"},
        {REPLY("202 Accepted", "pawl-status:  Awaiting \r\n"), VERDICT_SUBMITTED, NULL},
        {REPLY("202 Accepted", "pawl-status: done\r\n"), VERDICT_DELIVERED, NULL},
        {REPLY("202 Accepted", ""), VERDICT_DELIVERED, NULL},
        {REPLY("200 OK", "pawl-status: awaiting\r\n"), VERDICT_DELIVERED, NULL},
        {REPLY("200 OK", "pawl-remote-id: p1\r\nwebhook-id: w1\r\n"), VERDICT_DELIVERED, "p1"},
        {REPLY("200 OK", "webhook-id: w1\r\n"), VERDICT_DELIVERED, "w1"},
        {REPLY("200 OK", "pawl-remote-id: \r\nwebhook-id: w1\r\n"), VERDICT_DELIVERED, "w1"},
        {REPLY("500 Oops", "pawl-status: awaiting\r\npawl-remote-id: p1\r\n"), VERDICT_RETRY, "p1"},
        {"HTTP/1.1 103 Early Hints\r\npawl-remote-id: early\r\npawl-status: awaiting\r\n\r\n"
         "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
         VERDICT_DELIVERED, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct script script = {rows[i].reply, THEN_KEEP};
        struct world world;
        open_world(&world, &script, 1);
        struct outgoing *outgoing = ask(&world.harness, PHASE_SEND, world.url, LONG_MS);
        if (outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s: verdict %d", rows[i].reply, outgoing->send.verdict);
        if (rows[i].remote_id)
            assert_string_equal(outgoing->send.remote_id.data, rows[i].remote_id);
        else
            assert_null(outgoing->send.remote_id.data);
        if (rows[i].verdict != VERDICT_RETRY)
            assert_null(outgoing->send.error.data);
        outgoing_free(outgoing);
        close_world(&world);
    }
}

/* Whoever is asked may repeat the id under which it was asked: that is no name of its own. */
static void an_echo_of_the_id_is_no_remote_id(void **state)
{
    (void)state;
    static const struct script scripts[] = {{REPLY("500 Oops", "webhook-id: w1\r\n"), THEN_KEEP},
                                            {REPLY("500 Oops", "pawl-remote-id: p1\r\n"), THEN_KEEP}};
    struct world world;
    open_world(&world, scripts, COUNT_OF(scripts));
    struct outgoing *outgoing = ask(&world.harness, PHASE_PROBE, world.url, LONG_MS);
    assert_null(outgoing->send.remote_id.data);
    outgoing_free(outgoing);
    outgoing = ask(&world.harness, PHASE_PROBE, world.url, LONG_MS);
    assert_string_equal(outgoing->send.remote_id.data, "p1");
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_name_is_bounded_and_printable(void **state)
{
    (void)state;
    char reply[1024], name[600];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name, "a\x1b[1mb\xff", 7);
    snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\npawl-remote-id: %s\r\n\r\n", name);
    struct script script = {reply, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    struct outgoing *outgoing = ask(&world.harness, PHASE_SEND, world.url, LONG_MS);
    struct text id = outgoing->send.remote_id;
    assert_in_range(id.size, LIMIT_REMOTE_ID - 8, LIMIT_REMOTE_ID);
    assert_memory_equal(id.data, "a [1mb?nnn", 10);
    outgoing_free(outgoing);
    close_world(&world);
}

static void of_an_answer_status_and_256_bytes_are_kept(void **state)
{
    (void)state;
    char reply[1024], body[401];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    body[255] = 'y';
    snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n%s", body);
    struct script script = {reply, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    struct outgoing *outgoing = ask(&world.harness, PHASE_SEND, world.url, LONG_MS);
    assert_int_equal(outgoing->send.status, 200);
    assert_int_equal(outgoing->send.response.size, strlen("200 OK: ") + 256);
    assert_int_equal(outgoing->send.response.data[outgoing->send.response.size - 1], 'y');
    outgoing_free(outgoing);
    close_world(&world);
}

/* ---- programs ---- */

static void each_end_of_a_program_that_is_asked_means_what_the_table_says(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        const char *body;
        const enum verdict *verdicts;
        const char *error;
    } rows[] = {
        {"test \"$PAWL_PHASE\" = poll || test \"$PAWL_PHASE\" = probe || exit 9", happened, NULL},
        {"echo 'no such payment' >&2; exit 3", did_not, "exit status 3: no such payment"},
        {"exit 1", again, "exit status 1"}, /* of whatever went wrong */
        {"exit 65", hopeless, "exit status 65"},
        {"exit 2", again, "exit status 2"},
        {"exit 75", again, "exit status 75"},
        {"kill -KILL $$", again, "killed by signal 9"},
        {"exec sleep 1000", again, "did not end in time"},
    };
    struct harness harness = {0};
    char folder[64], path[128], url[160];
    const char *const folders[] = {make_folder(folder)};
    harness.rules = (struct sink_rules){.exec_dirs = folders, .exec_dir_count = 1};
    harness_start(&harness, &pawli_sink_exec);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(path, sizeof path, "%s/program%zu", folder, i);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "#!/bin/sh\n%s\n", rows[i].body);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0700), 0);
        snprintf(url, sizeof url, "exec:%s", path);
        expect(&harness, rows[i].body, url, i + 1 == COUNT_OF(rows) ? SHORT_MS : LONG_MS, rows[i].verdicts,
               rows[i].error);
    }
    snprintf(url, sizeof url, "exec:%s/none", folder);
    expect(&harness, "no program", url, LONG_MS, again, "cannot find");
    expect(&harness, "a program elsewhere", "exec:/bin/true", LONG_MS, again, "--allow-exec");
    harness_stop(&harness);
    remove_folder(folder);
}

/* ---- functions ---- */

static void give(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    const int32_t *verdict = data;
    (void)message;
    assert_int_equal(outcome->verdict, PAWL_VERDICT_UNCERTAIN); /* what holds unless the function says otherwise */
    if (verdict)
        outcome->verdict = *verdict;
    snprintf(outcome->error, sizeof outcome->error, "said so");
}

static void never(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)data, (void)message;
    outcome->verdict = PAWL_VERDICT_DELIVERED; /* what delivers is asked nothing */
}

static void what_a_function_finds_is_the_answer(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        int32_t verdict;
        const enum verdict *verdicts;
    } rows[] = {{PAWL_VERDICT_DELIVERED, happened},
                {PAWL_VERDICT_RETRY, did_not},
                {PAWL_VERDICT_DEAD, hopeless},
                {PAWL_VERDICT_UNCERTAIN, again},
                {PAWL_VERDICT_DEFERRED, again},
                {PAWL_VERDICT_RELEASED, again},
                {PAWL_VERDICT_SUBMITTED, again},
                {PAWL_VERDICT_EXTEND, again},
                {-1, again},
                {INT32_MAX, again}};
    static struct callback asked = {.function = give, .is_asked = true, .name = "bank"},
                           deliver = {.next = &asked, .function = never, .name = "bank"};
    struct harness harness = {.callbacks = &deliver};
    harness_start(&harness, &pawli_sink_callback);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int32_t verdict = rows[i].verdict;
        asked.data = &verdict;
        expect(&harness, "a verdict", "callback:bank", LONG_MS, rows[i].verdicts,
               rows[i].verdicts == happened ? NULL : "");
    }
    asked.data = NULL;
    expect(&harness, "nothing", "callback:bank", LONG_MS, again, "said so");
    expect(&harness, "nobody", "callback:nobody", LONG_MS, again, "no callback of that name");
    harness_stop(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_of_who_is_asked_means_what_the_table_says),
        cmocka_unit_test(what_was_not_said_is_asked_again),
        cmocka_unit_test(who_is_asked_may_say_when_to_ask_again),
        cmocka_unit_test(who_is_asked_gets_all_but_the_payload),
        cmocka_unit_test(a_receiver_hands_over_and_names_what_it_has_taken),
        cmocka_unit_test(an_echo_of_the_id_is_no_remote_id),
        cmocka_unit_test(a_name_is_bounded_and_printable),
        cmocka_unit_test(of_an_answer_status_and_256_bytes_are_kept),
        cmocka_unit_test(each_end_of_a_program_that_is_asked_means_what_the_table_says),
        cmocka_unit_test(what_a_function_finds_is_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
