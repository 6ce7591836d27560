/* SPDX-License-Identifier: MIT */
/* What the HTTP sink sends, and what it makes of every kind of answer. */
#include "receiver.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/codec.h"
#include "model/check.h"
#include "sink/http/http.h"
#include "sink/resolve.h"

/* ---- the machine, as this program shows it to the sink and to curl ---- */

#define SHOWN __attribute__((visibility("default"))) /* to the libraries, in place of libc's */

static int64_t clock_skew_s; /* how far all clocks are ahead */
static int connect_fails;    /* with this errno */
static size_t send_fails;    /* a write to a socket of at least so many bytes fails; 0: none */

static struct {
    pthread_mutex_t lock;
    const char *address; /* what every name leads to; NULL: as the machine has it */
    bool hangs;
    int problem, reason; /* errors of getaddrinfo and errno */
    int calls, under_way, most;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER};

SHOWN int clock_gettime(clockid_t clock, struct timespec *now)
{
    long status = syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += clock_skew_s;
    return (int)status;
}

SHOWN int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before)
{
    struct itimerspec real = *when;
    if (flags & TFD_TIMER_ABSTIME && real.it_value.tv_sec > clock_skew_s)
        real.it_value.tv_sec -= clock_skew_s;
    return (int)syscall(SYS_timerfd_settime, fd, flags, &real, before);
}

SHOWN int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    if (connect_fails) {
        errno = connect_fails;
        return -1;
    }
    return (int)syscall(SYS_connect, fd, address, size);
}

SHOWN ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    if (send_fails > 0 && size >= send_fails) {
        shutdown(fd, SHUT_RDWR);
        errno = ECONNRESET;
        return -1;
    }
    return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

SHOWN int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT,
                                                                                                 "getaddrinfo");
    pthread_mutex_lock(&names.lock);
    names.calls++;
    names.most = ++names.under_way > names.most ? names.under_way : names.most;
    while (names.hangs && host[0] != 'q') { /* quick.example */
        pthread_mutex_unlock(&names.lock);
        sched_yield();
        pthread_mutex_lock(&names.lock);
    }
    const char *address = names.address;
    int problem = names.problem, reason = names.reason;
    pthread_mutex_unlock(&names.lock);
    int status = problem ? problem : real(address ? address : host, service, hints, list);
    pthread_mutex_lock(&names.lock);
    names.under_way--; /* and has no descriptor open any more */
    pthread_mutex_unlock(&names.lock);
    errno = problem ? reason : errno;
    return status;
}

/* What getaddrinfo does from now on. */
static void set_names(const char *address, bool hangs, int problem, int reason)
{
    pthread_mutex_lock(&names.lock);
    names.address = address;
    names.hangs = hangs;
    names.problem = problem;
    names.reason = reason;
    pthread_mutex_unlock(&names.lock);
}

static int count_names(int *counter)
{
    pthread_mutex_lock(&names.lock);
    int count = *counter;
    pthread_mutex_unlock(&names.lock);
    return count;
}

/* Sends one message and gives back what became of it; the caller frees it. */
static struct outgoing *post(struct world *world, const char *url, int64_t timeout_ms)
{
    struct outgoing *outgoing = outgoing_new("{\"a\":1}");
    harness_send(&world->harness, outgoing, url, timeout_ms);
    harness_wait(&world->harness, outgoing);
    return outgoing;
}

static void assert_part(struct text text, const char *part)
{
    if (!text.data || !memmem(text.data, text.size, part, strlen(part)))
        fail_msg("\"%.*s\" has no \"%s\"", (int)text.size, text.data ? text.data : "", part);
}

/* Of one script: the verdict, and what its error says. */
static void expect(const struct script *script, int64_t timeout_ms, enum verdict verdict, const char *part)
{
    struct world world;
    open_world(&world, script, 1);
    struct outgoing *outgoing = post(&world, world.url, timeout_ms);
    if (outgoing->send.verdict != verdict)
        fail_msg("verdict %d instead of %d: %s", outgoing->send.verdict, verdict, outgoing->send.error.data);
    if (part)
        assert_part(outgoing->send.error, part);
    assert_int_equal(server_requests(world.server), 1); /* nothing is sent twice */
    outgoing_free(outgoing);
    close_world(&world);
}

static struct policy policy_with(const char *key, const char *value)
{
    struct policy set = {0};
    pawl_error err;
    assert_ok(pawli_policy_set(&set, text_of(key), text_of(value), &err));
    return pawli_policy_effective(POLICY_OF_MESSAGES, &set, NULL);
}

/* ---- the mapping ---- */

static void A77_each_status_means_what_the_table_says(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        const char *reply;
        enum verdict verdict;
        enum target_fault fault;
        const char *response;
    } rows[] = {
        {REPLY("200 OK", ""), VERDICT_DELIVERED, TARGET_FINE, "200 OK"},
        {REPLY("201 Created", ""), VERDICT_DELIVERED, TARGET_FINE, "201 Created"},
        {REPLY("202 Accepted", ""), VERDICT_DELIVERED, TARGET_FINE, "202 Accepted"},
        {"HTTP/1.1 204 No Content\r\n\r\n", VERDICT_DELIVERED, TARGET_FINE, "204 No Content"},
        {REPLY("299", ""), VERDICT_DELIVERED, TARGET_FINE, "299"},
        {REPLY("300 Multiple Choices", ""), VERDICT_RETRY, TARGET_FINE, "300 Multiple Choices"},
        {REPLY("301 Moved Permanently", "Location: /other\r\n"), VERDICT_RETRY, TARGET_FINE, "301 Moved Permanently"},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", VERDICT_RETRY, TARGET_FINE, "304 Not Modified"},
        {REPLY("307 Temporary Redirect", "Location: /other\r\n"), VERDICT_RETRY, TARGET_FINE, "307 Temporary Redirect"},
        {REPLY("400 Bad Request", ""), VERDICT_DEAD, TARGET_FINE, "400 Bad Request"},
        {REPLY("401 Unauthorized", "WWW-Authenticate: Basic\r\n"), VERDICT_RETRY, TARGET_FINE, "401 Unauthorized"},
        {REPLY("402 Payment Required", ""), VERDICT_RETRY, TARGET_FINE, "402 Payment Required"},
        {REPLY("403 Forbidden", ""), VERDICT_RETRY, TARGET_FINE, "403 Forbidden"},
        {REPLY("404 Not Found", ""), VERDICT_RETRY, TARGET_FINE, "404 Not Found"},
        {REPLY("405 Method Not Allowed", ""), VERDICT_DEAD, TARGET_FINE, "405 Method Not Allowed"},
        {REPLY("406 Not Acceptable", ""), VERDICT_RETRY, TARGET_FINE, "406 Not Acceptable"},
        {REPLY("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n"), VERDICT_RETRY, TARGET_FINE,
         "407 Proxy Authentication Required"},
        {REPLY("408 Request Timeout", ""), VERDICT_RETRY, TARGET_FINE, "408 Request Timeout"},
        {REPLY("409 Conflict", ""), VERDICT_RETRY, TARGET_FINE, "409 Conflict"},
        {REPLY("410 Gone", ""), VERDICT_DEAD, TARGET_GONE, "410 Gone"},
        {REPLY("411 Length Required", ""), VERDICT_RETRY, TARGET_FINE, "411 Length Required"},
        {REPLY("412 Precondition Failed", ""), VERDICT_RETRY, TARGET_FINE, "412 Precondition Failed"},
        {REPLY("413 Content Too Large", ""), VERDICT_DEAD, TARGET_FINE, "413 Content Too Large"},
        {REPLY("414 URI Too Long", ""), VERDICT_DEAD, TARGET_FINE, "414 URI Too Long"},
        {REPLY("415 Unsupported Media Type", ""), VERDICT_DEAD, TARGET_FINE, "415 Unsupported Media Type"},
        {REPLY("417 Expectation Failed", ""), VERDICT_RETRY, TARGET_FINE, "417 Expectation Failed"},
        {REPLY("421 Misdirected Request", ""), VERDICT_RETRY, TARGET_FINE, "421 Misdirected Request"},
        {REPLY("422 Unprocessable Content", ""), VERDICT_DEAD, TARGET_FINE, "422 Unprocessable Content"},
        {REPLY("423 Locked", ""), VERDICT_RETRY, TARGET_FINE, "423 Locked"},
        {REPLY("425 Too Early", ""), VERDICT_RETRY, TARGET_FINE, "425 Too Early"},
        {REPLY("426 Upgrade Required", ""), VERDICT_RETRY, TARGET_FINE, "426 Upgrade Required"},
        {REPLY("429 Too Many Requests", ""), VERDICT_RETRY, TARGET_FINE, "429 Too Many Requests"},
        {REPLY("431 Request Header Fields Too Large", ""), VERDICT_DEAD, TARGET_FINE,
         "431 Request Header Fields Too Large"},
        {REPLY("451 Unavailable For Legal Reasons", ""), VERDICT_RETRY, TARGET_FINE,
         "451 Unavailable For Legal Reasons"},
        {REPLY("499", ""), VERDICT_RETRY, TARGET_FINE, "499"},
        {REPLY("500 Internal Server Error", ""), VERDICT_RETRY, TARGET_FINE, "500 Internal Server Error"},
        {REPLY("501 Not Implemented", ""), VERDICT_DEAD, TARGET_FINE, "501 Not Implemented"},
        {REPLY("502 Bad Gateway", ""), VERDICT_RETRY, TARGET_FINE, "502 Bad Gateway"},
        {REPLY("503 Service Unavailable", ""), VERDICT_RETRY, TARGET_FINE, "503 Service Unavailable"},
        {REPLY("504 Gateway Timeout", ""), VERDICT_RETRY, TARGET_FINE, "504 Gateway Timeout"},
        {REPLY("505 HTTP Version Not Supported", ""), VERDICT_DEAD, TARGET_FINE, "505 HTTP Version Not Supported"},
        {REPLY("507 Insufficient Storage", ""), VERDICT_RETRY, TARGET_FINE, "507 Insufficient Storage"},
        {REPLY("599", ""), VERDICT_RETRY, TARGET_FINE, "599"},
    };
    struct script scripts[COUNT_OF(rows)];
    struct world world;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        scripts[i] = (struct script){rows[i].reply, THEN_KEEP};
    open_world(&world, scripts, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        if (outgoing->send.verdict != rows[i].verdict || outgoing->send.fault != rows[i].fault)
            fail_msg("%s: verdict %d, fault %d", rows[i].response, outgoing->send.verdict, outgoing->send.fault);
        assert_part(outgoing->send.response, rows[i].response);
        assert_int_equal(outgoing->send.retry_in_ms, -1);
        int status = atoi(rows[i].response);
        assert_int_equal(outgoing->send.is_unauthorized, status == 401 || status == 403);
        if (rows[i].verdict == VERDICT_DELIVERED)
            assert_null(outgoing->send.error.data);
        else
            assert_part(outgoing->send.error, rows[i].response);
        outgoing_free(outgoing);
    }
    assert_int_equal(server_requests(world.server), COUNT_OF(rows));
    close_world(&world);
}

static void a_receiver_says_in_seconds_or_by_a_date_when_to_come_again(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum verdict verdict;
        int64_t retry_in_ms;
    } rows[] = {
        {REPLY("503 No", "Retry-After: 120\r\n"), VERDICT_DEFERRED, 120000},
        {REPLY("429 No", "retry-after:7\r\n"), VERDICT_DEFERRED, 7000},
        {REPLY("503 No", "Retry-After: 0\r\n"), VERDICT_DEFERRED, 0},
        {REPLY("429 No", "Retry-After: 0\r\n"), VERDICT_DEFERRED, 0},
        {REPLY("503 No", "Retry-After: Thu, 25 Feb 2021 15:03:40 GMT\r\n"), VERDICT_DEFERRED, 90000},
        {REPLY("503 No", "Retry-After: Thursday, 25-Feb-21 15:03:40 GMT\r\n"), VERDICT_DEFERRED, 90000},
        {REPLY("503 No", "Retry-After: Thu Feb 25 15:03:40 2021\r\n"), VERDICT_DEFERRED, 90000},
        {REPLY("503 No", "Retry-After: Thu, 25 Feb 2021 15:00:00 GMT\r\n"), VERDICT_DEFERRED, 0}, /* in the past */
        {REPLY("503 No", "Retry-After: Fri, 25 Feb 2022 15:00:00 GMT\r\n"), VERDICT_DEFERRED,
         86400000}, /* at most a day */
        {REPLY("503 No", "Retry-After: 99999999999999999999999\r\n"), VERDICT_DEFERRED, 86400000},
        {REPLY("503 No", "Retry-After: -5\r\n"), VERDICT_RETRY, -1},
        {REPLY("503 No", "Retry-After: 1.5\r\n"), VERDICT_RETRY, -1},
        {REPLY("503 No", "Retry-After: 5 minutes\r\n"), VERDICT_RETRY, -1},
        {REPLY("503 No", "Retry-After: soon\r\n"), VERDICT_RETRY, -1},
        {REPLY("503 No", "Retry-After:\r\n"), VERDICT_RETRY, -1},
        {REPLY("500 No", "Retry-After: 120\r\n"), VERDICT_RETRY, 120000}, /* counted, and no sooner */
        {REPLY("404 No", "Retry-After: 0\r\n"), VERDICT_RETRY, 0},
        {REPLY("400 No", "Retry-After: 120\r\n"), VERDICT_DEAD, -1}, /* means nothing there */
        {REPLY("200 OK", "Retry-After: 120\r\n"), VERDICT_DELIVERED, -1},
        {"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n" REPLY("503 No", ""), VERDICT_RETRY, -1},
    };
    struct script scripts[COUNT_OF(rows)];
    struct world world;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        scripts[i] = (struct script){rows[i].reply, THEN_KEEP};
    open_world(&world, scripts, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        if (outgoing->send.retry_in_ms != rows[i].retry_in_ms || outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s: %d, %lld", rows[i].reply, outgoing->send.verdict, (long long)outgoing->send.retry_in_ms);
        assert_true(outgoing->send.retry_in_ms < 0 || outgoing->send.retry_is_least);
        outgoing_free(outgoing);
    }
    close_world(&world);
}

static void a_policy_says_which_statuses_are_final_and_how_long_a_receiver_may_ask_for(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        const char *reply, *key, *value;
        enum verdict verdict;
        int64_t retry_in_ms;
    } rows[] = {
        {REPLY("404 No", ""), "http_permanent", "404,510", VERDICT_DEAD, -1},
        {REPLY("510 No", ""), "http_permanent", "404,510", VERDICT_DEAD, -1},
        {REPLY("400 No", ""), "http_permanent", "404,510", VERDICT_RETRY, -1}, /* the list is all of it */
        {REPLY("400 No", ""), "http_permanent", "none", VERDICT_RETRY, -1},
        {REPLY("599 No", ""), "http_permanent", "404,510", VERDICT_RETRY, -1},
        {REPLY("422 No", ""), "http_retry", "422", VERDICT_RETRY, -1},
        {REPLY("400 No", ""), "http_retry", "422", VERDICT_DEAD, -1}, /* the rest of the default stays */
        {REPLY("204 No", ""), "http_permanent", "404", VERDICT_DELIVERED, -1},
        {REPLY("503 No", "Retry-After: 120\r\n"), "http_permanent", "503", VERDICT_DEAD, -1},
        {REPLY("503 No", "Retry-After: 120\r\n"), "retry_after_max_ms", "60000", VERDICT_DEFERRED, 60000},
        {REPLY("429 No", "Retry-After: 259200\r\n"), "retry_after_max_ms", "172800000", VERDICT_DEFERRED, 172800000},
    };
    struct script scripts[COUNT_OF(rows)];
    struct world world;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        scripts[i] = (struct script){rows[i].reply, THEN_KEEP};
    open_world(&world, scripts, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outgoing *outgoing = outgoing_new("{}");
        outgoing->send.policy = policy_with(rows[i].key, rows[i].value);
        harness_send(&world.harness, outgoing, world.url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        if (outgoing->send.retry_in_ms != rows[i].retry_in_ms || outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s=%s, %.7s: %d, %lld", rows[i].key, rows[i].value, rows[i].reply + 9, outgoing->send.verdict,
                     (long long)outgoing->send.retry_in_ms);
        outgoing_free(outgoing);
    }
    close_world(&world);
}

static void an_interim_reply_is_no_answer(void **state)
{
    (void)state;
    expect(&(struct script){"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_REPLY, THEN_KEEP}, LONG_MS,
           VERDICT_DELIVERED, NULL);
    expect(&(struct script){"HTTP/1.1 103 Early Hints\r\n\r\n", THEN_RESET}, LONG_MS, VERDICT_UNCERTAIN,
           "the request was sent");
}

static void what_is_no_http_is_no_answer(void **state)
{
    (void)state;
    expect(&(struct script){"220 mail.example ESMTP\r\n", THEN_CLOSE}, LONG_MS, VERDICT_UNCERTAIN,
           "the request was sent");
    expect(&(struct script){"HTTP/1.1 200 OK\r\nContent-Le", THEN_CLOSE}, LONG_MS, VERDICT_UNCERTAIN, NULL);
}

/* ---- what nobody knows ---- */

static void A81_a_receiver_that_never_answers_leaves_the_outcome_unknown(void **state)
{
    LAW(O4);
    (void)state;
    expect(&(struct script){"", THEN_HANG}, SHORT_MS, VERDICT_UNCERTAIN, "the request was sent");
    expect(&(struct script){"HTTP/1.1 200 OK\r\n", THEN_HANG}, SHORT_MS, VERDICT_UNCERTAIN, "the request was sent");
    expect(&(struct script){"HTTP/1.1 200 OK\r\nX: ", THEN_TRICKLE}, SHORT_MS, VERDICT_UNCERTAIN,
           "the request was sent");
}

static void a_lost_reply_leaves_the_outcome_unknown(void **state)
{
    LAW(O4);
    (void)state;
    expect(&(struct script){"", THEN_RESET}, LONG_MS, VERDICT_UNCERTAIN, "the request was sent");
    expect(&(struct script){"", THEN_CLOSE}, LONG_MS, VERDICT_UNCERTAIN, "the request was sent");
}

static void a_lost_reply_on_a_kept_connection_is_not_asked_for_again(void **state)
{
    LAW(O3);
    LAW(O4);
    (void)state;
    static const struct script scripts[] = {{OK_REPLY, THEN_KEEP}, {"", THEN_RESET}, {OK_REPLY, THEN_KEEP}};
    struct world world;
    open_world(&world, scripts, COUNT_OF(scripts));
    struct outgoing *first = post(&world, world.url, LONG_MS), *second = post(&world, world.url, LONG_MS);
    assert_int_equal(first->send.verdict, VERDICT_DELIVERED);
    assert_int_equal(second->send.verdict, VERDICT_UNCERTAIN);
    assert_int_equal(server_requests(world.server), 2);
    assert_int_equal(server_request(world.server, 1)->connection, 0);
    outgoing_free(first);
    outgoing_free(second);
    close_world(&world);
}

static void once_the_header_of_a_reply_is_whole_its_status_counts(void **state)
{
    (void)state;
    expect(&(struct script){"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", THEN_HANG}, SHORT_MS, VERDICT_DELIVERED,
           NULL);
    expect(&(struct script){"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nabc", THEN_RESET}, LONG_MS,
           VERDICT_DELIVERED, NULL);
    expect(&(struct script){"HTTP/1.1 200 OK\r\n\r\n", THEN_TRICKLE}, SHORT_MS, VERDICT_DELIVERED, NULL);
    expect(&(struct script){"HTTP/1.1 503 Later\r\n\r\n", THEN_TRICKLE}, SHORT_MS, VERDICT_RETRY, "503 Later");
    expect(&(struct script){"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense", THEN_CLOSE}, LONG_MS,
           VERDICT_DELIVERED, NULL);
}

static void a_giant_reply_is_not_read_to_its_end(void **state)
{
    (void)state;
    expect(&(struct script){"HTTP/1.1 200 OK\r\n\r\n", THEN_FLOOD}, LONG_MS, VERDICT_DELIVERED, NULL);
    expect(&(struct script){"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", THEN_FLOOD}, LONG_MS,
           VERDICT_RETRY, "500 Oh: xxxx");
    expect(&(struct script){"HTTP/1.1 200 OK\r\nX: ", THEN_FLOOD}, LONG_MS, VERDICT_UNCERTAIN,
           "a line of the reply's header has no end");
}

/* Extensions of chunks, and trailers: bytes that are neither header nor body. */
static void a_reply_is_bounded_in_all_of_its_bytes(void **state)
{
    (void)state;
    static const struct script scripts[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", THEN_FLOOD},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", THEN_FLOOD},
    };
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct world world;
        open_world(&world, &scripts[i], 1);
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED); /* its status stood */
        outgoing_free(outgoing);
        assert_true(server_sent(world.server) < 16 << 20); /* with what its socket holds */
        close_world(&world);
    }
}

static void what_a_receiver_says_is_shown_as_one_printable_line(void **state)
{
    (void)state;
    struct script script = {"HTTP/1.1 500 \x1b[31mRed\r\nContent-Length: 33\r\n\r\na\r\n\tb\x1b[2J \xff\xfe "
                            "\xe2\x82\xac \xc2\x9b c         \r\n",
                            THEN_CLOSE};
    struct world world;
    open_world(&world, &script, 1);
    struct outgoing *outgoing = post(&world, world.url, LONG_MS);
    for (size_t i = 0; i < outgoing->send.error.size; i++)
        assert_true((unsigned char)outgoing->send.error.data[i] >= 0x20);
    assert_string_equal(outgoing->send.error.data, "500 [31mRed: a b [2J ?? \xe2\x82\xac ?? c");
    outgoing_free(outgoing);
    close_world(&world);
}

/* ---- what certainly did not arrive ---- */

static void a_receiver_that_cannot_be_reached_is_tried_again(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    struct server *closed = server_new(&script, 1);
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(closed));
    server_free(closed);
    struct outgoing *outgoing = post(&world, url, LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_RETRY);
    assert_part(outgoing->send.error, "nothing was sent");
    outgoing_free(outgoing);
    /* A label over 63 bytes is refused by every resolver before it asks anybody. */
    outgoing = post(&world, "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/",
                    LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_RETRY);
    assert_part(outgoing->send.error, "nothing was sent");
    outgoing_free(outgoing);
    close_world(&world);
}

/* Over a connection that was made, a policy has nothing to say: the receiver was there. */
static void a_connection_that_was_never_made_costs_no_attempt_where_policy_says_so(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script scripts[] = {{"HTTP/1.1 oops\r\n\r\n", THEN_CLOSE}};
    static const struct {
        const char *sender, *unreachable;
        enum verdict verdict;
    } rows[] = {
        {NULL, "retry", VERDICT_RETRY}, {NULL, "defer", VERDICT_DEFERRED}, {"phone", "retry", VERDICT_DEFERRED}};
    struct world world;
    char closed_url[128];
    open_world(&world, scripts, 1);
    struct server *closed = server_new(scripts, 1);
    snprintf(closed_url, sizeof closed_url, "http://127.0.0.1:%u/", server_port(closed));
    server_free(closed);
    const char *const urls[] = {closed_url,
                                "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/"};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t j = 0; j <= COUNT_OF(urls); j++) {
            bool was_reached = j == COUNT_OF(urls);
            struct outgoing *outgoing = outgoing_new("{}");
            outgoing->message.sender = rows[i].sender;
            outgoing->send.policy = policy_with("unreachable", rows[i].unreachable);
            harness_send(&world.harness, outgoing, was_reached ? world.url : urls[j], LONG_MS);
            harness_wait(&world.harness, outgoing);
            assert_int_equal(outgoing->send.verdict, was_reached ? VERDICT_UNCERTAIN : rows[i].verdict);
            outgoing_free(outgoing);
        }
    close_world(&world);
}

static void a_url_that_nobody_can_send_to_holds_the_target(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://",          "http://[::1/",         "http://user@127.0.0.1/",
                                       "http://a:b@host/", "http://127.0.0.1:0x/", "http://host:99999/",
                                       "http://ho st/"};
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct outgoing *outgoing = post(&world, urls[i], LONG_MS);
        if (outgoing->send.verdict != VERDICT_DEFERRED || outgoing->send.fault != TARGET_MALFORMED)
            fail_msg("%s: %d %s", urls[i], outgoing->send.verdict, outgoing->send.error.data);
        outgoing_free(outgoing);
    }
    close_world(&world);
}

/* What is taken when a target is added, no message stumbles over later. */
static void a_url_that_was_taken_can_be_sent_to(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://a",
                                       "https://hooks.example.com./in",
                                       "http://hooks.example.com:8080/a/b?c=d#e",
                                       "http://[2001:db8::1]:65535?a",
                                       "https://a_b-c.example/%20%C3%BC?x=%25",
                                       "https://example.com/\xc3\xbc?q=\xe2\x82\xac",
                                       "http://example.com/a@b:c",
                                       "http://example.com/\"<>{}|^`\\",
                                       "http://0x7f.1/",
                                       "http://1.2.3.4.5/"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct request_url parsed;
        pawl_error err;
        assert_ok(pawli_check_url("url", urls[i], &err));
        const char *problem = pawli_request_read_url(urls[i], &parsed);
        if (problem)
            fail_msg("%s: %s", urls[i], problem);
    }
}

/* ---- names ---- */

static void name_url(const struct world *world, const char *host, char url[128])
{
    snprintf(url, 128, "http://%s:%u/", host, server_port(world->server));
}

static void every_spelling_of_a_name_is_looked_up(void **state)
{
    (void)state;
    static const char *const hosts[] = {"receiver.example", "RECEIVER.Example", "receiver.example.",
                                        "localhost",        "a.localhost",      "xn--bcher-kva.example"};
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char url[128];
    set_names("127.0.0.1", false, 0, 0);
    open_world(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        name_url(&world, hosts[i], url);
        struct outgoing *outgoing = post(&world, url, LONG_MS);
        if (outgoing->send.verdict != VERDICT_DELIVERED)
            fail_msg("%s: %s", url, outgoing->send.error.data);
        outgoing_free(outgoing);
    }
    close_world(&world);
    set_names(NULL, false, 0, 0);
}

static void those_who_ask_for_one_name_share_one_look_up(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct outgoing *outgoing[50];
    struct world world;
    char url[128];
    open_world(&world, &script, 1);
    name_url(&world, "receiver.example", url);
    set_names("127.0.0.1", true, 0, 0);
    names.calls = 0;
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        outgoing[i] = outgoing_new("{}");
        harness_send(&world.harness, outgoing[i], url, LONG_MS);
    }
    set_names("127.0.0.1", false, 0, 0);
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        harness_wait(&world.harness, outgoing[i]);
        assert_int_equal(outgoing[i]->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing[i]);
    }
    assert_int_equal(names.calls, 1);
    close_world(&world);
    set_names(NULL, false, 0, 0);
}

static void post_to_name(struct world *world, const char *host)
{
    char url[128];
    name_url(world, host, url);
    struct outgoing *outgoing = post(world, url, LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
    outgoing_free(outgoing);
}

static void names_that_are_never_found_take_few_threads_and_stop_no_other(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    enum { FIRST_TIME = LOOKUPS_MAX - LOOKUPS_RESERVED };
    struct outgoing *outgoing[FIRST_TIME + 40];
    struct world world;
    char url[128], host[32];
    size_t counts[VERDICT_COUNT] = {0};
    open_world(&world, &script, 1);
    set_names("127.0.0.1", true, 0, 0);
    post_to_name(&world, "quick.example"); /* it was found before, then */
    names.most = 0;
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        snprintf(host, sizeof host, "n%zu.example", i);
        name_url(&world, host, url);
        outgoing[i] = outgoing_new("{}");
        harness_send(&world.harness, outgoing[i], url, LONG_MS);
    }
    struct outgoing *other = post(&world, world.url, LONG_MS);
    assert_int_equal(other->send.verdict, VERDICT_DELIVERED);
    outgoing_free(other);
    while (count_names(&names.under_way) < FIRST_TIME)
        sched_yield();
    int calls = count_names(&names.calls);
    clock_skew_s = 2 * ANSWER_MS / 1000;
    post_to_name(&world, "quick.example");
    clock_skew_s = 0;
    assert_int_equal(count_names(&names.calls), calls + 1); /* and was looked up again beside them */
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {       /* their time is up */
        outgoing[i]->send.deadline = (struct boot_time){0};
        world.harness.sink->ops->cancel(world.harness.sink, &outgoing[i]->send);
        harness_wait(&world.harness, outgoing[i]);
        counts[outgoing[i]->send.verdict]++;
        outgoing_free(outgoing[i]);
    }
    assert_int_equal(counts[VERDICT_RETRY], FIRST_TIME); /* their own names took too long */
    assert_int_equal(counts[VERDICT_DEFERRED], 40);      /* those of others did */
    assert_true(names.most <= FIRST_TIME + 1);
    close_world(&world); /* and does not wait for them */
    set_names(NULL, false, 0, 0);
    while (count_names(&names.under_way) > 0)
        sched_yield();
}

static void a_look_up_that_fails_for_want_of_something_here_costs_no_attempt(void **state)
{
    LAW(O3);
    (void)state;
    static const struct {
        int problem, reason;
        enum verdict verdict;
    } rows[] = {{EAI_SYSTEM, EMFILE, VERDICT_DEFERRED}, {EAI_AGAIN, ENFILE, VERDICT_DEFERRED},
                {EAI_MEMORY, 0, VERDICT_DEFERRED},      {EAI_AGAIN, 0, VERDICT_RETRY},
                {EAI_NONAME, ENOENT, VERDICT_RETRY},    {EAI_SYSTEM, ECONNREFUSED, VERDICT_RETRY}};
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char url[128], host[32];
    open_world(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(host, sizeof host, "f%zu.example", i);
        name_url(&world, host, url);
        set_names(NULL, false, rows[i].problem, rows[i].reason);
        struct outgoing *outgoing = post(&world, url, LONG_MS);
        if (outgoing->send.verdict != rows[i].verdict)
            fail_msg("row %zu: %d %s", i, outgoing->send.verdict, outgoing->send.error.data);
        assert_part(outgoing->send.error, "nothing was sent");
        outgoing_free(outgoing);
    }
    close_world(&world);
    set_names(NULL, false, 0, 0);
}

/* However busy its connections are. */
static void a_name_that_moves_is_followed(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char url[128];
    open_world(&world, &script, 1);
    name_url(&world, "receiver.example", url);
    set_names("127.0.0.1", false, 0, 0);
    enum verdict verdict = VERDICT_DELIVERED;
    while (verdict == VERDICT_DELIVERED && clock_skew_s < 60) {
        struct outgoing *outgoing = post(&world, url, LONG_MS);
        verdict = outgoing->send.verdict;
        outgoing_free(outgoing);
        set_names("127.0.0.99", false, 0, 0); /* nobody listens there */
        clock_skew_s += 3;
    }
    assert_int_equal(verdict, VERDICT_RETRY);
    assert_true(server_connections(world.server) == 1);
    clock_skew_s = 0;
    close_world(&world);
    set_names(NULL, false, 0, 0);
}

/* ---- what this process is short of ---- */

static void want_of_a_descriptor_costs_no_attempt(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct rlimit limit, none;
    struct world world;
    open_world(&world, &script, 1);
    int next = dup(STDIN_FILENO);
    assert_true(next > 0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){(rlim_t)next, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct outgoing *outgoing = post(&world, world.url, LONG_MS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
    assert_part(outgoing->send.error, "cannot make a socket: Too many open files; nothing was sent");
    outgoing_free(outgoing);
    outgoing = post(&world, world.url, LONG_MS);
    if (outgoing->send.verdict != VERDICT_DELIVERED)
        fail_msg("%d %s", outgoing->send.verdict, outgoing->send.error.data);
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_connection_that_this_machine_has_no_room_for_costs_no_attempt(void **state)
{
    LAW(O3);
    (void)state;
    static const struct {
        int problem;
        enum verdict verdict;
    } rows[] = {{EADDRNOTAVAIL, VERDICT_DEFERRED}, {ENOBUFS, VERDICT_DEFERRED},   {ENOMEM, VERDICT_DEFERRED},
                {ECONNREFUSED, VERDICT_RETRY},     {EHOSTUNREACH, VERDICT_RETRY}, {ETIMEDOUT, VERDICT_RETRY}};
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        connect_fails = rows[i].problem;
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        connect_fails = 0;
        if (outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s: %d %s", strerror(rows[i].problem), outgoing->send.verdict, outgoing->send.error.data);
        assert_part(outgoing->send.error, "nothing was sent");
        outgoing_free(outgoing);
    }
    close_world(&world);
}

/* ---- what is sent ---- */

static void the_payload_goes_out_byte_for_byte(void **state)
{
    (void)state;
    enum { SIZE = 1024 * 1024 };
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char *payload = malloc(SIZE), value[64];
    assert_non_null(payload);
    for (size_t i = 0; i < SIZE; i++)
        payload[i] = (char)(i * 7 + i / 256);
    open_world(&world, &script, 1);
    for (size_t size = 0; size <= SIZE; size = size ? size * 1024 : 1) {
        struct outgoing *outgoing = outgoing_new("");
        outgoing->message.data = payload;
        outgoing->message.data_size = size;
        outgoing->message.content_type = "application/octet-stream";
        harness_send(&world.harness, outgoing, world.url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        const struct received *received = server_request(world.server, server_requests(world.server) - 1);
        assert_int_equal(received->body_size, size);
        assert_memory_equal(received->body, payload, size);
        assert_string_equal(header_of(received, "content-type", value, sizeof value), "application/octet-stream");
        assert_null(header_of(received, "expect", value, sizeof value)); /* a wait for "100 Continue" says nothing */
        outgoing_free(outgoing);
    }
    assert_int_equal(server_requests(world.server), 4);
    close_world(&world);
    free(payload);
}

static void A77_the_headers_of_a_message_are_sent_and_its_id_with_them(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const pawl_header headers[] = {{"authorization", "Bearer abc"},
                                          {"x-empty", ""},
                                          {"x-blank", "  "},
                                          {"x-colon", "a: b;c"},
                                          {"x-utf8", "\xe2\x82\xac"}};
    struct world world;
    char value[128], id[PAWL_UUID_TEXT_SIZE];
    open_world(&world, &script, 1);
    struct outgoing *outgoing = outgoing_new("{}");
    outgoing->message.headers = headers;
    outgoing->message.header_count = COUNT_OF(headers);
    outgoing->message.resent_of = (pawl_uuid){{1, 2, 3}};
    outgoing->message.sender = "shop 1";
    outgoing->message.key = "order-7";
    outgoing->message.deadline_ms = 1700000000123;
    outgoing->message.attempts = 4;
    harness_send(&world.harness, outgoing, world.url, LONG_MS);
    harness_wait(&world.harness, outgoing);
    const struct received *received = server_request(world.server, 0);
    assert_string_equal(received->start, "POST /hook?a=b HTTP/1.1");
    assert_string_equal(header_of(received, "authorization", value, sizeof value), "Bearer abc");
    assert_string_equal(header_of(received, "x-empty", value, sizeof value), "");
    assert_string_equal(header_of(received, "x-blank", value, sizeof value), "");
    assert_string_equal(header_of(received, "x-colon", value, sizeof value), "a: b;c");
    assert_string_equal(header_of(received, "x-utf8", value, sizeof value), "\xe2\x82\xac");
    assert_string_equal(header_of(received, "webhook-id", value, sizeof value),
                        pawl_uuid_format(&outgoing->message.id, id));
    assert_string_equal(header_of(received, "pawl-original-id", value, sizeof value),
                        "01020300-0000-0000-0000-000000000000");
    assert_string_equal(header_of(received, "pawl-attempt", value, sizeof value), "4");
    assert_string_equal(header_of(received, "pawl-sender", value, sizeof value), "shop 1");
    assert_string_equal(header_of(received, "pawl-key", value, sizeof value), "order-7");
    assert_string_equal(header_of(received, "pawl-deadline", value, sizeof value), "1700000000123");
    assert_string_equal(header_of(received, "webhook-timestamp", value, sizeof value), "1614265330");
    assert_string_equal(header_of(received, "content-type", value, sizeof value), "application/json");
    assert_non_null(header_of(received, "host", value, sizeof value));
    static const char *const absent[] = {"webhook-signature", "accept-encoding", "transfer-encoding", "cookie"};
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        assert_null(header_of(received, absent[i], value, sizeof value));
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_header_with_a_line_break_is_never_sent(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const pawl_header headers[] = {{"x-a", "b\r\nx-evil: 1"}};
    struct world world;
    open_world(&world, &script, 1);
    struct outgoing *outgoing = outgoing_new("{}");
    outgoing->message.headers = headers;
    outgoing->message.header_count = 1;
    harness_send(&world.harness, outgoing, world.url, LONG_MS);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEAD);
    assert_int_equal(server_connections(world.server), 0);
    outgoing_free(outgoing);
    close_world(&world);
}

/* The example of the specification's own libraries. */
static void the_published_signature_is_made(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer value;
    struct secret *secret = calloc(1, sizeof *secret + 64);
    assert_non_null(secret);
    assert_true(pawli_unbase64(&arena, TEXT("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &secret->keys[0]));
    secret->key_count = 1;
    buffer_init(&value, 1000);
    pawli_request_sign(&value, secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", TEXT("{\"test\": 2432232314}"));
    pawli_buffer_add_char(&value, '\0');
    assert_string_equal(value.data, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    pawli_buffer_done(&value);
    pawli_arena_done(&arena);
    free(secret);
}

/* What a receiver computes, with another library. */
static void a_request_is_signed_with_every_key_of_its_target(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char value[256], first[64], second[64], both[160];
    struct secret *secret = calloc(1, sizeof *secret + 64);
    assert_non_null(secret);
    secret->key_count = 2;
    secret->keys[0] = TEXT("abcdefghijklmnopqrstuvwx");
    secret->keys[1] = TEXT("another key of thirty-two bytes!");
    open_world(&world, &script, 1);
    struct outgoing *outgoing = outgoing_new("{\"amount\": 1.50}");
    outgoing->send.secret = secret;
    harness_send(&world.harness, outgoing, world.url, LONG_MS);
    harness_wait(&world.harness, outgoing);
    const struct received *received = server_request(world.server, 0);
    expected_signature(secret->keys[0].data, received, first);
    expected_signature(secret->keys[1].data, received, second);
    snprintf(both, sizeof both, "%s %s", first, second);
    assert_string_equal(header_of(received, "webhook-signature", value, sizeof value), both);
    outgoing_free(outgoing);
    close_world(&world);
    free(secret);
}

/* ---- connections ---- */

static void a_connection_is_kept_for_the_next_message(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    for (int i = 0; i < 10; i++) {
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing);
    }
    assert_int_equal(server_requests(world.server), 10);
    assert_int_equal(server_connections(world.server), 1);
    close_world(&world);
}

static void a_kept_connection_that_was_closed_is_replaced(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_CLOSE};
    struct world world;
    open_world(&world, &script, 1);
    for (int i = 0; i < 3; i++) {
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing);
        while (server_open_connections(world.server) > 0)
            sched_yield();
    }
    assert_int_equal(server_connections(world.server), 3);
    close_world(&world);
}

static void A81_one_that_hangs_stops_no_other(void **state)
{
    (void)state;
    static const struct script hangs = {"", THEN_HANG}, answers = {OK_REPLY, THEN_KEEP};
    struct world world;
    struct outgoing *stuck[20];
    char url[64];
    open_world(&world, &hangs, 1);
    struct server *other = server_new(&answers, 1);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(other));
    for (size_t i = 0; i < COUNT_OF(stuck); i++) {
        stuck[i] = outgoing_new("{}");
        harness_send(&world.harness, stuck[i], world.url, LONG_MS);
    }
    for (int i = 0; i < 20; i++) {
        struct outgoing *outgoing = post(&world, url, LONG_MS);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing);
    }
    for (size_t i = 0; i < COUNT_OF(stuck); i++)
        assert_false(stuck[i]->is_done);
    while (server_requests(world.server) < COUNT_OF(stuck))
        pawli_loop_turn(world.harness.loop, boot_after_ms(world.harness.env.ops->boot_now(&world.harness.env), 10));
    /* The worker stops: each is given back, and nothing is claimed to be known of it. */
    for (size_t i = 0; i < COUNT_OF(stuck); i++) {
        world.harness.sink->ops->cancel(world.harness.sink, &stuck[i]->send);
        harness_wait(&world.harness, stuck[i]);
        assert_int_equal(stuck[i]->send.verdict, VERDICT_UNCERTAIN);
        outgoing_free(stuck[i]);
    }
    close_world(&world);
    server_free(other);
}

static void a_send_that_is_withdrawn_before_it_went_out_costs_no_attempt(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    open_world(&world, &script, 1);
    struct outgoing *outgoing = outgoing_new("{}");
    harness_send(&world.harness, outgoing, world.url, LONG_MS);
    world.harness.sink->ops->cancel(world.harness.sink, &outgoing->send);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
    assert_int_equal(server_requests(world.server), 0);
    outgoing_free(outgoing);
    close_world(&world);
}

/* ---- where it does not go ---- */

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    static const struct script answers = {OK_REPLY, THEN_KEEP};
    struct server *canary = server_new(&answers, 1);
    char reply[256];
    snprintf(reply, sizeof reply, REPLY("307 Temporary Redirect", "Location: http://127.0.0.1:%u/\r\n"),
             server_port(canary));
    expect(&(struct script){reply, THEN_KEEP}, LONG_MS, VERDICT_RETRY, "redirects are not followed");
    assert_int_equal(server_connections(canary), 0);
    server_free(canary);
}

/* Spellings of loopback; the canary listens on 127.0.0.1. */
static void no_spelling_of_a_denied_address_is_connected_to(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1",
                                        "127.1",
                                        "127.0.1",
                                        "0x7f.0.0.1",
                                        "0x7f000001",
                                        "2130706433",
                                        "0177.0.0.1",
                                        "localhost",
                                        "LOCALHOST",
                                        "localhost.",
                                        "a.localhost",
                                        "127.0.0.1.",
                                        "0.0.0.0",
                                        "0",
                                        "[::ffff:127.0.0.1]",
                                        "[::ffff:7f00:1]",
                                        "[::1]",
                                        "[::]",
                                        "[::127.0.0.1]",
                                        "[64:ff9b::7f00:1]",
                                        "%31%32%37.0.0.1",
                                        "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1"};
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world = {.server = server_new(&script, 1)};
    harness_start(&world.harness, &pawli_sink_http);
    set_names("127.0.0.1", false, 0, 0); /* what is no number may lead there, too */
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        char url[128];
        snprintf(url, sizeof url, "http://%s:%u/", hosts[i], server_port(world.server));
        struct outgoing *outgoing = post(&world, url, LONG_MS);
        if (outgoing->send.verdict != VERDICT_RETRY && outgoing->send.verdict != VERDICT_DEFERRED)
            fail_msg("%s: %d %s", url, outgoing->send.verdict, outgoing->send.error.data);
        outgoing_free(outgoing);
    }
    assert_int_equal(server_connections(world.server), 0);
    set_names(NULL, false, 0, 0);
    close_world(&world);
}

static void a_denied_address_is_named_in_the_error(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world = {.server = server_new(&script, 1)};
    harness_start(&world.harness, &pawli_sink_http);
    struct outgoing *outgoing = post(&world, "http://169.254.169.254/latest/meta-data/", LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
    assert_string_equal(outgoing->send.error.data, "169.254.169.254 port 80 is a private or reserved address "
                                                   "(--allow-address); nothing was sent");
    outgoing_free(outgoing);
    close_world(&world);
}

static void its_own_listen_address_is_never_sent_to(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const char *const everything[] = {"0.0.0.0/0", "::/0"};
    static const char *const forms[] = {"127.0.0.1:%u", "0.0.0.0:%u", ":%u", "[::]:%u", "localhost:%u"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct world world = {.server = server_new(&script, 1)};
        char own[64], url[64], mapped[64];
        snprintf(own, sizeof own, forms[i], server_port(world.server));
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(world.server));
        snprintf(mapped, sizeof mapped, "http://[::ffff:127.0.0.1]:%u/", server_port(world.server));
        world.harness.rules = (struct sink_rules){.addresses = everything, .address_count = 2, .own_address = own};
        harness_start(&world.harness, &pawli_sink_http);
        for (int j = 0; j < 2; j++) {
            struct outgoing *outgoing = post(&world, j ? mapped : url, LONG_MS);
            assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
            assert_part(outgoing->send.error, "where this process itself listens");
            outgoing_free(outgoing);
        }
        assert_int_equal(server_connections(world.server), 0);
        close_world(&world);
    }
}

static void a_proxy_of_the_environment_is_not_used(void **state)
{
    (void)state;
    static const struct script answers = {OK_REPLY, THEN_KEEP};
    struct server *proxy = server_new(&answers, 1);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", server_port(proxy));
    static const char *const variables[] = {"http_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY"};
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        setenv(variables[i], url, 1);
    expect(&answers, LONG_MS, VERDICT_DELIVERED, NULL);
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    assert_int_equal(server_connections(proxy), 0);
    server_free(proxy);
}

static void rules_that_cannot_be_read_open_no_sink(void **state)
{
    (void)state;
    static const char *const bad_blocks[] = {"10.0.0.0/33", "10.0.0.1/8", "localhost", "", "::/129"};
    struct harness harness = {0};
    pawl_error err;
    harness_start(&harness, &pawli_sink_http);
    struct sink *sink = NULL;
    for (size_t i = 0; i < COUNT_OF(bad_blocks); i++) {
        struct sink_rules rules = {.addresses = &bad_blocks[i], .address_count = 1};
        struct sink_host host = {.env = &harness.env, .engine = &harness.engine, .rules = &rules};
        assert_status(pawli_sink_http.open(&host, &sink, &err), PAWL_EINVAL);
        assert_null(sink);
    }
    struct sink_rules rules = {.own_address = "somewhere"};
    struct sink_host host = {.env = &harness.env, .engine = &harness.engine, .rules = &rules};
    assert_status(pawli_sink_http.open(&host, &sink, &err), PAWL_EINVAL);
    harness_stop(&harness);
}

/* ---- TLS ---- */

/* A receiver whose certificate is for `host`, and a sink that trusts what it made, or not. */
static void open_tls(struct world *world, const struct script *scripts, size_t count, const char *host, bool trusts,
                     char folder[64], char certificate[96])
{
    memset(world, 0, sizeof *world);
    make_folder(folder);
    snprintf(certificate, 96, "%s/certificate.pem", folder);
    world->server = server_new_tls(scripts, count, host, certificate);
    world->harness.rules = loopback_rules;
    world->harness.rules.ca_file = trusts ? certificate : NULL;
    harness_start(&world->harness, &pawli_sink_http);
    snprintf(world->url, sizeof world->url, "https://127.0.0.1:%u/hook", server_port(world->server));
}

static void close_tls(struct world *world, const char *folder)
{
    close_world(world);
    remove_folder(folder);
}

static void https_reaches_a_receiver_that_it_can_trust(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char folder[64], certificate[96];
    open_tls(&world, &script, 1, "127.0.0.1", true, folder, certificate);
    for (int i = 0; i < 3; i++) {
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        if (outgoing->send.verdict != VERDICT_DELIVERED)
            fail_msg("%s", outgoing->send.error.data);
        outgoing_free(outgoing);
    }
    assert_int_equal(server_connections(world.server), 1);
    close_tls(&world, folder);
}

static void nothing_is_sent_to_a_receiver_that_cannot_prove_who_it_is(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const struct {
        const char *host;
        bool trusts;
    } rows[] = {{"127.0.0.1", false}, {"127.0.0.2", true}, {"receiver.example", true}, {"CN=127.0.0.1", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        char folder[64], certificate[96];
        open_tls(&world, &script, 1, rows[i].host, rows[i].trusts, folder, certificate);
        struct outgoing *outgoing = post(&world, world.url, LONG_MS);
        assert_int_equal(outgoing->send.verdict, VERDICT_RETRY);
        assert_part(outgoing->send.error, "nothing was sent");
        assert_int_equal(server_requests(world.server), 0);
        outgoing_free(outgoing);
        close_tls(&world, folder);
    }
}

static void a_receiver_is_known_by_the_names_of_its_certificate(void **state)
{
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    static const struct {
        const char *certified, *host;
        enum verdict verdict;
    } rows[] = {{"receiver.example", "receiver.example", VERDICT_DELIVERED},
                {"receiver.example", "RECEIVER.example.", VERDICT_DELIVERED},
                {"*.receivers.example", "a.receivers.example", VERDICT_DELIVERED},
                {"*.receivers.example", "a.b.receivers.example", VERDICT_RETRY},
                {"receiver.example", "other.example", VERDICT_RETRY},
                {"CN=receiver.example", "receiver.example", VERDICT_RETRY}}; /* a subject proves nothing */
    set_names("127.0.0.1", false, 0, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        char folder[64], certificate[96], url[128];
        open_tls(&world, &script, 1, rows[i].certified, true, folder, certificate);
        snprintf(url, sizeof url, "https://%s:%u/", rows[i].host, server_port(world.server));
        struct outgoing *outgoing = post(&world, url, LONG_MS);
        if (outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s for %s: %d %s", rows[i].certified, rows[i].host, outgoing->send.verdict,
                     outgoing->send.error.data);
        outgoing_free(outgoing);
        close_tls(&world, folder);
    }
    set_names(NULL, false, 0, 0);
}

static void authorities_that_cannot_be_read_are_no_fault_of_the_receiver(void **state)
{
    LAW(O3);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char folder[64], certificate[96];
    open_tls(&world, &script, 1, "127.0.0.1", true, folder, certificate);
    assert_int_equal(unlink(certificate), 0);
    struct outgoing *outgoing = post(&world, world.url, LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
    assert_part(outgoing->send.error, "nothing was sent");
    outgoing_free(outgoing);
    close_tls(&world, folder);
}

static void a_handshake_that_does_not_end_sent_nothing(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char url[64];
    open_world(&world, &script, 1); /* a plain receiver: it waits for the end of a header, and never answers */
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", server_port(world.server));
    struct outgoing *outgoing = post(&world, url, SHORT_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_RETRY);
    assert_part(outgoing->send.error, "nothing was sent");
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_reply_that_is_lost_under_tls_leaves_the_outcome_unknown(void **state)
{
    LAW(O4);
    (void)state;
    static const struct script scripts[] = {{OK_REPLY, THEN_KEEP}, {"", THEN_RESET}, {"", THEN_CLOSE}, {"", THEN_HANG}};
    struct world world;
    char folder[64], certificate[96];
    open_tls(&world, scripts, COUNT_OF(scripts), "127.0.0.1", true, folder, certificate);
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct outgoing *outgoing = post(&world, world.url, i == 3 ? SHORT_MS : LONG_MS);
        assert_int_equal(outgoing->send.verdict, i == 0 ? VERDICT_DELIVERED : VERDICT_UNCERTAIN);
        outgoing_free(outgoing);
    }
    assert_int_equal(server_requests(world.server), COUNT_OF(scripts));
    close_tls(&world, folder);
}

/* One write of TLS is several records: that it failed does not say that nothing left. */
static void a_tls_request_whose_writing_failed_may_have_been_sent(void **state)
{
    LAW(O4);
    (void)state;
    enum { SIZE = 20000 }; /* goes with the header, in one write */
    static const struct script script = {OK_REPLY, THEN_KEEP};
    struct world world;
    char folder[64], certificate[96], *payload = calloc(1, SIZE + 1);
    assert_non_null(payload);
    memset(payload, ' ', SIZE);
    for (int used = 0; used < 2; used++) { /* on a new connection, and on one that was used */
        open_tls(&world, &script, 1, "127.0.0.1", true, folder, certificate);
        if (used)
            outgoing_free(post(&world, world.url, LONG_MS));
        struct outgoing *outgoing = outgoing_new(payload);
        send_fails = 8000; /* more than any message of the handshake */
        harness_send(&world.harness, outgoing, world.url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        send_fails = 0;
        if (outgoing->send.verdict != VERDICT_UNCERTAIN)
            fail_msg("%d: %s", outgoing->send.verdict, outgoing->send.error.data);
        outgoing_free(outgoing);
        close_tls(&world, folder);
    }
    free(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(A77_each_status_means_what_the_table_says),
        cmocka_unit_test(a_receiver_says_in_seconds_or_by_a_date_when_to_come_again),
        cmocka_unit_test(a_policy_says_which_statuses_are_final_and_how_long_a_receiver_may_ask_for),
        cmocka_unit_test(a_connection_that_was_never_made_costs_no_attempt_where_policy_says_so),
        cmocka_unit_test(an_interim_reply_is_no_answer),
        cmocka_unit_test(what_is_no_http_is_no_answer),
        cmocka_unit_test(A81_a_receiver_that_never_answers_leaves_the_outcome_unknown),
        cmocka_unit_test(a_lost_reply_leaves_the_outcome_unknown),
        cmocka_unit_test(a_lost_reply_on_a_kept_connection_is_not_asked_for_again),
        cmocka_unit_test(once_the_header_of_a_reply_is_whole_its_status_counts),
        cmocka_unit_test(a_giant_reply_is_not_read_to_its_end),
        cmocka_unit_test(a_reply_is_bounded_in_all_of_its_bytes),
        cmocka_unit_test(what_a_receiver_says_is_shown_as_one_printable_line),
        cmocka_unit_test(a_receiver_that_cannot_be_reached_is_tried_again),
        cmocka_unit_test(a_url_that_nobody_can_send_to_holds_the_target),
        cmocka_unit_test(a_url_that_was_taken_can_be_sent_to),
        cmocka_unit_test(every_spelling_of_a_name_is_looked_up),
        cmocka_unit_test(those_who_ask_for_one_name_share_one_look_up),
        cmocka_unit_test(names_that_are_never_found_take_few_threads_and_stop_no_other),
        cmocka_unit_test(a_look_up_that_fails_for_want_of_something_here_costs_no_attempt),
        cmocka_unit_test(a_name_that_moves_is_followed),
        cmocka_unit_test(want_of_a_descriptor_costs_no_attempt),
        cmocka_unit_test(a_connection_that_this_machine_has_no_room_for_costs_no_attempt),
        cmocka_unit_test(the_payload_goes_out_byte_for_byte),
        cmocka_unit_test(A77_the_headers_of_a_message_are_sent_and_its_id_with_them),
        cmocka_unit_test(a_header_with_a_line_break_is_never_sent),
        cmocka_unit_test(the_published_signature_is_made),
        cmocka_unit_test(a_request_is_signed_with_every_key_of_its_target),
        cmocka_unit_test(a_connection_is_kept_for_the_next_message),
        cmocka_unit_test(a_kept_connection_that_was_closed_is_replaced),
        cmocka_unit_test(A81_one_that_hangs_stops_no_other),
        cmocka_unit_test(a_send_that_is_withdrawn_before_it_went_out_costs_no_attempt),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(no_spelling_of_a_denied_address_is_connected_to),
        cmocka_unit_test(a_denied_address_is_named_in_the_error),
        cmocka_unit_test(its_own_listen_address_is_never_sent_to),
        cmocka_unit_test(a_proxy_of_the_environment_is_not_used),
        cmocka_unit_test(rules_that_cannot_be_read_open_no_sink),
        cmocka_unit_test(https_reaches_a_receiver_that_it_can_trust),
        cmocka_unit_test(nothing_is_sent_to_a_receiver_that_cannot_prove_who_it_is),
        cmocka_unit_test(a_receiver_is_known_by_the_names_of_its_certificate),
        cmocka_unit_test(authorities_that_cannot_be_read_are_no_fault_of_the_receiver),
        cmocka_unit_test(a_handshake_that_does_not_end_sent_nothing),
        cmocka_unit_test(a_reply_that_is_lost_under_tls_leaves_the_outcome_unknown),
        cmocka_unit_test(a_tls_request_whose_writing_failed_may_have_been_sent),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
