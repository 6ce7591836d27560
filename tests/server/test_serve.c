/* SPDX-License-Identifier: MIT */
/* pawl serve delivers, answers, and stops as it says. */
#include "child.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/base.h"

#define ASK(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static char folder[64], url[96];

static int set_up(void **state)
{
    pawl_store *store;
    (void)state;
    make_folder(folder);
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    if (pawl_store_open(url, NULL, &store, NULL) < 0)
        return -1;
    pawl_store_close(store);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* What a process does with the store while no child of the test opens it: opened, used, closed. */
static pawl_uuid enqueue(const char *scope, unsigned port)
{
    pawl_store *store;
    pawl_error err;
    pawl_enqueued enqueued;
    char target[64];
    snprintf(target, sizeof target, "http://127.0.0.1:%u/", port);
    assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .scope = scope}, &store, &err));
    assert_ok(pawl_target_add(store, "there", target, NULL, NULL, 0, NULL, &err));
    assert_ok(pawl_enqueue(
        store, &(pawl_message){PAWL_MESSAGE, .lane = "test", .target = "there", .data = "{}", .data_size = 2}, 1,
        &enqueued, &err));
    pawl_store_close(store);
    return enqueued.id;
}

static void check_state(const char *scope, const pawl_uuid *id, const char *expected)
{
    pawl_store *store;
    pawl_error err;
    pawl_messages *messages;
    assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .scope = scope}, &store, &err));
    assert_ok(pawl_message_get(store, id, &messages, &err));
    assert_string_equal(pawl_messages_get(messages, 0)->state, expected);
    pawl_messages_free(messages);
    pawl_store_close(store);
}

/* ---- HTTP ---- */

static void check_answer(unsigned port, const char *request, int status, const char *has)
{
    char *answer = http_ask(port, request, strlen(request));
    if (http_status(answer) != status || !strstr(answer, has))
        fail_msg("\"%.40s...\" was answered with: %s", request, answer);
    free(answer);
}

static void it_says_that_it_is_well(void **state)
{
    struct child serve;
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0");
    unsigned port = child_port(&serve);
    check_answer(port, ASK("/healthz"), 200, "\"status\":\"ok\"");
    check_answer(port, ASK("/healthz?verbose"), 200, "\"reachable\":true");
    check_answer(port, ASK("/healthz"), 200, "\"version\":\"" PAWL_VERSION "\"");
    check_answer(port, ASK("/v1/nothing"), 404, "application/problem+json");
    check_answer(port, "DELETE /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, "Allow: GET, HEAD");
    check_answer(port, "HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, "application/json");
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

static void it_refuses_what_is_ambiguous_or_too_large(void **state)
{
    struct child serve;
    static char large[100000];
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0");
    unsigned port = child_port(&serve);
    check_answer(port, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "Host");
    check_answer(port, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Host");
    check_answer(port, "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400,
                 "length");
    check_answer(port, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n", 400, "malformed");
    check_answer(port, "nonsense\r\n\r\n", 400, "");
    check_answer(port, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n", 413, "");
    int size = snprintf(large, sizeof large, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Large: ");
    memset(large + size, 'x', sizeof large - (size_t)size - 5);
    memcpy(large + sizeof large - 5, "\r\n\r\n", 5);
    char *answer = http_ask(port, large, strlen(large));
    assert_int_not_equal(http_status(answer), 200);
    free(answer);
    check_answer(port, ASK("/healthz"), 200, "\"status\":\"ok\"");
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

static void connections_one_after_the_other_keep_their_bytes_apart(void **state)
{
    struct child serve;
    static char request[9000];
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0");
    unsigned port = child_port(&serve);
    int size = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Large: ");
    memset(request + size, 'x', sizeof request - (size_t)size - 5);
    memcpy(request + sizeof request - 5, "\r\n\r\n", 5);
    for (int i = 0; i < 50; i++)
        check_answer(port, request, 200, "\"status\":\"ok\"");
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

static void a_request_that_never_comes_to_its_end_is_cut_off(void **state)
{
    struct child serve;
    static const char begun[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n";
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--request-ms", "1000");
    int fd = http_connect(child_port(&serve));
    assert_int_equal(send(fd, begun, sizeof begun - 1, MSG_NOSIGNAL), sizeof begun - 1);
    char *answer = http_read_all(fd); /* ends when the server closes */
    assert_int_equal(http_status(answer), 0);
    free(answer);
    close(fd);
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

static void silent_connections_keep_nobody_out(void **state)
{
    struct child serve;
    int silent[8];
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--connection-max", "4");
    unsigned port = child_port(&serve);
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        silent[i] = http_connect(port); /* half of them wait for room themselves */
    check_answer(port, ASK("/healthz"), 200, "\"status\":\"ok\"");
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        close(silent[i]);
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

static bool is_closed_within(int fd, int ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&poll_fd, 1, ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

/* What is cut off for its slowness is the clock: meanwhile another connection reads nearly always, but never for long. */
static void a_kept_connection_has_the_time_of_a_request_for_each_of_them(void **state)
{
    static const char first[] = "GET /healthz HTTP/1.1\r\n", second[] = "Host: a\r\n\r\n";
    struct child serve;
    char answer[4096];
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--request-ms", "1000");
    unsigned port = child_port(&serve);
    int kept = http_connect(port);
    for (int round = 0; round < 2; round++) {
        int slow = http_connect(port);
        assert_int_equal(send(slow, first, sizeof first - 1, MSG_NOSIGNAL), sizeof first - 1);
        for (bool is_over = false; !is_over;) {
            assert_int_equal(send(kept, first, sizeof first - 1, MSG_NOSIGNAL), sizeof first - 1);
            is_over = is_closed_within(slow, 50);
            assert_int_equal(send(kept, second, sizeof second - 1, MSG_NOSIGNAL), sizeof second - 1);
            ssize_t size = recv(kept, answer, sizeof answer - 1, 0);
            assert_true(size > 0);
            answer[size] = '\0';
            assert_int_equal(http_status(answer), 200);
        }
        close(slow);
    }
    close(kept);
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

/* More connections than the process has descriptors: who asks is answered all the same. */
static void out_of_descriptors_it_still_answers(void **state)
{
    struct child serve;
    const struct rlimit few = {64, 64};
    int silent[100];
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0");
    unsigned port = child_port(&serve);
    assert_int_equal(prlimit(serve.pid, RLIMIT_NOFILE, &few, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        silent[i] = http_connect(port);
    check_answer(port, ASK("/healthz"), 200, "\"status\":\"ok\"");
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        close(silent[i]);
    check_answer(port, ASK("/healthz"), 200, "\"status\":\"ok\"");
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
}

/* ---- delivery ---- */

static void it_delivers_messages_of_all_scopes(void **state)
{
    struct child listen, serve;
    char id[PAWL_UUID_TEXT_SIZE];
    (void)state;
    CHILD(&listen, "--json", "listen", "127.0.0.1:0");
    unsigned port = child_port(&listen);
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.1/32");
    child_port(&serve);
    pawl_uuid one = enqueue("one", port);
    assert_non_null(strstr(child_wait_line(listen.out, pawl_uuid_format(&one, id)), "\"result\":\"received\""));
    pawl_uuid two = enqueue("two", port);
    assert_non_null(strstr(child_wait_line(listen.out, pawl_uuid_format(&two, id)), "\"result\":\"received\""));
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
    check_state("one", &one, "delivered");
    check_state("two", &two, "delivered");
    child_signal(&listen, SIGTERM);
    assert_int_equal(child_end(&listen), 0);
}

static void with_a_scope_it_delivers_that_one_only(void **state)
{
    struct child listen, serve;
    char id[PAWL_UUID_TEXT_SIZE];
    (void)state;
    CHILD(&listen, "--json", "listen", "127.0.0.1:0");
    unsigned port = child_port(&listen);
    CHILD(&serve, "--store", url, "--scope", "mine", "serve", "--listen", "127.0.0.1:0", "--allow-address",
          "127.0.0.1/32");
    child_port(&serve);
    pawl_uuid other = enqueue("other", port), mine = enqueue("mine", port);
    child_wait_line(listen.out, pawl_uuid_format(&mine, id));
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
    check_state("mine", &mine, "delivered");
    check_state("other", &other, "pending");
    child_signal(&listen, SIGTERM);
    assert_int_equal(child_end(&listen), 0);
}

static void an_address_that_is_not_allowed_gets_nothing(void **state)
{
    struct child listen, serve;
    char id[PAWL_UUID_TEXT_SIZE];
    (void)state;
    CHILD(&listen, "listen", "127.0.0.1:0");
    unsigned port = child_port(&listen);
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--log-level", "3");
    child_port(&serve);
    pawl_uuid id_of = enqueue("default", port);
    assert_null(strstr(child_wait_line(serve.err, pawl_uuid_format(&id_of, id)), "delivered"));
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
    child_signal(&listen, SIGTERM);
    assert_string_equal(child_wait_line(listen.out, "received"), "0 received, 0 repeated, 0 refused");
    assert_int_equal(child_end(&listen), 0);
}

/* A receiver that answers when the test says so. */
static int open_receiver(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int take_request(int receiver)
{
    char request[4096] = "";
    size_t size = 0;
    int fd = accept4(receiver, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    while (!strstr(request, "\r\n\r\n{}")) {
        ssize_t got = recv(fd, request + size, sizeof request - 1 - size, 0);
        assert_true(got > 0);
        size += (size_t)got;
    }
    return fd;
}

static void a_stop_waits_for_what_is_under_way_and_settles_it(void **state)
{
    struct child serve;
    unsigned port;
    static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    int receiver = open_receiver(&port);
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.1/32");
    child_port(&serve);
    pawl_uuid id = enqueue("default", port);
    int request = take_request(receiver);
    child_signal(&serve, SIGTERM);
    assert_non_null(strstr(child_wait_line(serve.err, "stopping"), "1 under way"));
    assert_int_equal(send(request, fine, sizeof fine - 1, MSG_NOSIGNAL), sizeof fine - 1);
    assert_non_null(strstr(child_wait_line(serve.err, "stopped"), "1 delivered"));
    assert_int_equal(child_end(&serve), 0);
    check_state("default", &id, "delivered");
    close(request);
    close(receiver);
}

static void each_signal_that_asks_it_to_end_is_a_stop(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct child serve;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0");
        child_port(&serve);
        child_signal(&serve, signals[i]);
        assert_non_null(child_wait_line(serve.err, "stopped"));
        assert_int_equal(child_end(&serve), 0);
    }
}

/* A file that may not grow further is storage that fails, as a full disk is: said, and the process ends by itself. */
static void a_limit_of_file_sizes_is_an_error_of_the_store(void **state)
{
    static const struct rlimit none = {4096, 4096};
    struct child serve;
    unsigned port;
    int receiver = open_receiver(&port);
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.1/32");
    child_port(&serve);
    assert_int_equal(prlimit(serve.pid, RLIMIT_FSIZE, &none, NULL), 0);
    enqueue("default", port);
    child_wait_line(serve.err, "_failed");
    assert_int_equal(child_end(&serve), 1);
    close(receiver);
}

static void a_second_signal_ends_it_at_once_and_the_message_is_sent_again(void **state)
{
    struct child serve;
    unsigned port;
    int receiver = open_receiver(&port);
    (void)state;
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.1/32");
    child_port(&serve);
    pawl_uuid id = enqueue("default", port);
    int request = take_request(receiver);
    child_signal(&serve, SIGINT);
    child_wait_line(serve.err, "stopping");
    child_signal(&serve, SIGINT);
    assert_int_equal(child_end(&serve), 128 + SIGINT);
    check_state("default", &id, "claimed");
    close(request);
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.1/32");
    child_port(&serve);
    close(take_request(receiver));
    child_signal(&serve, SIGKILL);
    assert_int_equal(child_end(&serve), 128 + SIGKILL);
    close(receiver);
}

/* ---- what it is told ---- */

static void what_is_wrong_with_its_configuration_is_said_before_anything_is_done(void **state)
{
    struct child serve;
    char path[96];
    (void)state;
    snprintf(path, sizeof path, "%s/pawl.conf", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("poll-ms = 20\nlitsen = 127.0.0.1:0\n", file);
    fclose(file);
    CHILD(&serve, "--store", url, "serve", "--config", path);
    const char *line = child_wait_line(serve.err, "litsen");
    assert_true(strstr(line, path) && strstr(line, "line 2"));
    assert_int_equal(child_end(&serve), 2);
    CHILD(&serve, "--store", url, "serve", "--allow-address", "10.0.0.0/33");
    child_wait_line(serve.err, "10.0.0.0/33");
    assert_int_equal(child_end(&serve), 2);
    CHILD(&serve, "--store", url, "serve", "--listen", "somewhere:80");
    child_wait_line(serve.err, "somewhere");
    assert_int_equal(child_end(&serve), 2);
    char elsewhere[96];
    snprintf(elsewhere, sizeof elsewhere, "sqlite:%s/none/x.db", folder);
    CHILD(&serve, "--store", elsewhere, "serve", "--listen", "127.0.0.1:0");
    child_wait_line(serve.err, "/none/x.db");
    assert_int_equal(child_end(&serve), 3);
}

static void an_address_in_use_is_unavailable(void **state)
{
    struct child serve;
    unsigned port;
    char address[32];
    int other = open_receiver(&port);
    (void)state;
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    CHILD(&serve, "--store", url, "serve", "--listen", address);
    child_wait_line(serve.err, "cannot listen");
    assert_int_equal(child_end(&serve), 5);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_says_that_it_is_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_refuses_what_is_ambiguous_or_too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(connections_one_after_the_other_keep_their_bytes_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_never_comes_to_its_end_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silent_connections_keep_nobody_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_connection_has_the_time_of_a_request_for_each_of_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(out_of_descriptors_it_still_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_delivers_messages_of_all_scopes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_a_scope_it_delivers_that_one_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_that_is_not_allowed_gets_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_waits_for_what_is_under_way_and_settles_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_signal_that_asks_it_to_end_is_a_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_limit_of_file_sizes_is_an_error_of_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_signal_ends_it_at_once_and_the_message_is_sent_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_its_configuration_is_said_before_anything_is_done, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_address_in_use_is_unavailable, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
