/* SPDX-License-Identifier: MIT */
/* What the server refuses before a handler sees it, and where it listens. */
#include "support.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

#include "server/server.h"

struct header {
    const char *name, *value;
};

/* Headers as evhttp keeps them; it would not add malformed ones by itself. */
static const char *guard(const struct header *headers, size_t count, int minor)
{
    struct evkeyval entries[8];
    struct evkeyvalq list;
    TAILQ_INIT(&list);
    for (size_t i = 0; i < count; i++) {
        entries[i].key = (char *)(uintptr_t)headers[i].name;
        entries[i].value = (char *)(uintptr_t)headers[i].value;
        TAILQ_INSERT_TAIL(&list, &entries[i], next);
    }
    return pawli_server_guard(&list, 1, minor);
}

static void plain_requests_pass(void **state)
{
    const struct header plain[] = {{"Host", "a"}, {"Content-Length", "3"}, {"X-Other", "b\tc"}};
    const struct header chunked[] = {{"host", "a"}, {"transfer-encoding", "Chunked"}};
    (void)state;
    assert_null(guard(plain, 3, 1));
    assert_null(guard(chunked, 2, 1));
    assert_null(guard(plain + 1, 1, 0)); /* HTTP/1.0 needs no host */
}

static void ambiguous_requests_are_refused(void **state)
{
    static const struct {
        struct header headers[3];
        size_t count;
    } cases[] = {{{{"Content-Length", "3"}}, 1},
                 {{{"Host", "a"}, {"Host", "a"}}, 2},
                 {{{"Host", "a"}, {"Content-Length", "3"}, {"content-length", "3"}}, 3},
                 {{{"Host", "a"}, {"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}}, 3},
                 {{{"Host", "a"}, {"Content-Length", "+3"}}, 2},
                 {{{"Host", "a"}, {"Content-Length", "3, 3"}}, 2},
                 {{{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}}, 2},
                 {{{"Host", "a"}, {"X-Bad ", "b"}}, 2},
                 {{{"Host", "a"}, {"", "b"}}, 2},
                 {{{"Host", "a"}, {"X", "b\rc"}}, 2}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (!guard(cases[i].headers, cases[i].count, 1))
            fail_msg("case %zu passed", i);
}

static void handle(void *data, const struct server_request *request, struct server_reply *reply)
{
    (void)data, (void)request, (void)reply;
}

static void a_path_that_is_there_answers_405_to_other_methods_and_names_its_own(void **state)
{
    static const struct server_route routes[] = {{"GET", "/a", handle}, {"POST", "/a", handle}, {"GET", "/b", handle}};
    const struct server_options options = {.routes = routes, .route_count = COUNT_OF(routes)};
    struct server_reply reply = {0};
    (void)state;
    buffer_init(&reply.body, 1000);
    assert_ptr_equal(pawli_server_route(&options, &(struct server_request){.method = "POST", .path = "/a"}, &reply),
                     &routes[1]);
    assert_ptr_equal(pawli_server_route(&options, &(struct server_request){.method = "HEAD", .path = "/b"}, &reply),
                     &routes[2]);
    assert_string_equal(reply.allow, "");
    assert_null(pawli_server_route(&options, &(struct server_request){.method = "GET", .path = "/c"}, &reply));
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.allow, "");
    assert_null(pawli_server_route(&options, &(struct server_request){.method = "DELETE", .path = "/a"}, &reply));
    assert_int_equal(reply.status, 405);
    assert_string_equal(reply.allow, "GET, HEAD, POST");
    assert_string_equal(reply.content_type, "application/problem+json");
    pawli_buffer_done(&reply.body);
}

/* Of a conflict all that the command says of it; of anything else none of that. */
static void a_problem_says_what_an_identity_is_bound_to(void **state)
{
    struct server_reply reply = {0};
    pawl_error error = {.status = PAWL_ECONFLICT,
                        .text = "bound",
                        .reason = "dead_fingerprint_match",
                        .fingerprint = "0123456789abcdef",
                        .stored_fingerprint = "0123456789abcdef",
                        .remote_id = "r-7"};
    (void)state;
    buffer_init(&reply.body, 1000);
    pawli_server_error(&reply, &error);
    pawli_buffer_add_char(&reply.body, '\0');
    assert_string_equal(
        reply.body.data,
        "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,\"code\":\"ECONFLICT\","
        "\"detail\":\"bound\",\"reason\":\"dead_fingerprint_match\",\"fingerprint\":\"0123456789abcdef\","
        "\"stored_fingerprint\":\"0123456789abcdef\",\"remote_id\":\"r-7\"}");
    error = (pawl_error){.status = PAWL_ENOTFOUND, .text = "gone", .hint = "look"};
    pawli_server_error(&reply, &error);
    pawli_buffer_add_char(&reply.body, '\0');
    assert_string_equal(reply.body.data, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                                         "\"code\":\"ENOTFOUND\",\"detail\":\"gone\",\"hint\":\"look\"}");
    pawli_buffer_done(&reply.body);
}

static void addresses_to_listen_on_are_read_strictly(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"127.0.0.1:7295", "127.0.0.1", 7295},
                {":80", "127.0.0.1", 80},
                {"localhost:0", "127.0.0.1", 0},
                {"[::1]:65535", "::1", 65535},
                {"0.0.0.0:1", "0.0.0.0", 1}};
    static const char *const bad[] = {
        "",       "7295",  "127.0.0.1",     "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:80", "[::1]", "127.0.0.1:80x", "[::1:80"};
    char host[64];
    uint16_t port;
    pawl_error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_ok(pawli_server_endpoint(good[i].text, host, &port, &err));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (pawli_server_endpoint(bad[i], host, &port, &err) != PAWL_EINVAL)
            fail_msg("\"%s\" was read as %s port %u", bad[i], host, port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_pass),
        cmocka_unit_test(ambiguous_requests_are_refused),
        cmocka_unit_test(a_path_that_is_there_answers_405_to_other_methods_and_names_its_own),
        cmocka_unit_test(a_problem_says_what_an_identity_is_bound_to),
        cmocka_unit_test(addresses_to_listen_on_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
