/* SPDX-License-Identifier: MIT */
/* pawl listen accepts what is signed, recognises what it had before, and says so before it answers. */
#include "child.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "base/codec.h"
#include "base/digest.h"

#define KEY "a key of thirty-two bytes or so.."

static char folder[64], secret[96];
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    make_folder(folder);
    snprintf(secret, sizeof secret, "%s/secret", folder);
    FILE *file = fopen(secret, "w");
    assert_non_null(file);
    fprintf(file, "whsec_%s\n", pawli_base64(&arena, TEXT(KEY)).data);
    assert_int_equal(fclose(file), 0);
    return chmod(secret, 0600);
}

static int tear_down(void **state)
{
    (void)state;
    pawli_arena_done(&arena);
    remove_folder(folder);
    return 0;
}

/* A webhook as a sender makes it; the signature is over what the arguments say. */
static int send_webhook(unsigned port, const char *id, int64_t at_s, const char *signed_body, const char *body)
{
    char request[2048];
    struct text content = pawli_arena_format(&arena, "%s.%lld.%s", id, (long long)at_s, signed_body);
    struct digest digest = pawli_hmac_sha256(TEXT(KEY), content);
    struct text signature = pawli_base64(&arena, (struct text){(char *)digest.bytes, sizeof digest.bytes});
    int size = snprintf(
        request, sizeof request,
        "POST /hook HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %zu\r\nwebhook-id: %s\r\n"
        "webhook-timestamp: %lld\r\nwebhook-signature: v1,%s\r\n\r\n%s",
        strlen(body), id, (long long)at_s, signature.data, body);
    char *answer = http_ask(port, request, (size_t)size);
    int status = http_status(answer);
    free(answer);
    return status;
}

static void a_signed_webhook_is_received_once_and_recognised_when_it_comes_again(void **state)
{
    struct child listen;
    int64_t now = time(NULL);
    (void)state;
    CHILD(&listen, "--json", "listen", "127.0.0.1:0", "--secret-file", secret);
    unsigned port = child_port(&listen);
    assert_int_equal(send_webhook(port, "m1", now, "{\"a\":1}", "{\"a\":1}"), 200);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m1\""), "\"result\":\"received\""));
    assert_int_equal(send_webhook(port, "m1", now, "{\"a\":1}", "{\"a\":1}"), 200);
    const char *line = child_wait_line(listen.out, "\"id\":\"m1\"");
    assert_non_null(strstr(line, "\"result\":\"repeated\""));
    assert_non_null(strstr(line, "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862")); /* sha256sum */
    assert_int_equal(send_webhook(port, "m2", now, "{\"a\":1}", "{\"a\":1}"), 200);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m2\""), "\"result\":\"received\""));
    child_signal(&listen, SIGTERM);
    assert_int_equal(child_end(&listen), 0);
}

static void a_webhook_with_a_wrong_or_old_signature_is_refused_and_not_remembered(void **state)
{
    struct child listen;
    int64_t now = time(NULL);
    (void)state;
    CHILD(&listen, "--json", "listen", "127.0.0.1:0", "--secret-file", secret);
    unsigned port = child_port(&listen);
    assert_int_equal(send_webhook(port, "m1", now, "{\"a\":1}", "{\"a\":2}"), 401);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m1\""), "\"result\":\"refused\""));
    assert_int_equal(send_webhook(port, "m1", now - 3600, "{\"a\":1}", "{\"a\":1}"), 401);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m1\""), "\"result\":\"refused\""));
    assert_int_equal(send_webhook(port, "m1", now, "{\"a\":1}", "{\"a\":1}"), 200);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m1\""), "\"result\":\"received\""));
    char plain[] = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    char *answer = http_ask(port, plain, sizeof plain - 1);
    assert_int_equal(http_status(answer), 400);
    assert_non_null(strstr(answer, "application/problem+json"));
    free(answer);
    child_signal(&listen, SIGINT);
    assert_int_equal(child_end(&listen), 0);
}

static void without_a_secret_the_payload_is_shown_on_demand(void **state)
{
    struct child listen;
    (void)state;
    CHILD(&listen, "--json", "listen", "127.0.0.1:0", "--data");
    unsigned port = child_port(&listen);
    assert_int_equal(send_webhook(port, "m1", 0, "", "{\"a\": 12345678901234567890.10}"), 200);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m1\""), "\"data\":{\"a\":12345678901234567890.10}"));
    assert_int_equal(send_webhook(port, "m2", 0, "", "no json"), 200);
    assert_non_null(strstr(child_wait_line(listen.out, "\"id\":\"m2\""), "\"data_base64\":\"bm8ganNvbg==\""));
    child_signal(&listen, SIGTERM);
    assert_int_equal(child_end(&listen), 0);
}

#define SENDERS 16
#define EACH    100

static unsigned hammered_port;

static void *hammer(void *number)
{
    int fd = http_connect(hammered_port);
    size_t sender = (size_t)(uintptr_t)number, good = 0;
    for (int i = 0; i < EACH; i++) {
        char request[256], answer[1024];
        /* Each id is sent by two senders. */
        int size = snprintf(request, sizeof request,
                            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nwebhook-id: %zu-%d\r\n\r\n{}",
                            sender / 2, i);
        if (send(fd, request, (size_t)size, MSG_NOSIGNAL) != size)
            break;
        ssize_t got = 0, more;
        do {
            more = recv(fd, answer + got, sizeof answer - 1 - (size_t)got, 0);
            got += more > 0 ? more : 0;
            answer[got] = '\0';
        } while (more > 0 && !strstr(answer, "\"}"));
        good += http_status(answer) == 200;
    }
    close(fd);
    return (void *)(uintptr_t)good;
}

static void many_senders_at_once_are_all_answered_and_each_id_is_received_once(void **state)
{
    struct child listen;
    pthread_t threads[SENDERS];
    (void)state;
    CHILD(&listen, "--json", "listen", "127.0.0.1:0");
    hammered_port = child_port(&listen);
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(uintptr_t)i), 0);
    size_t received = 0, repeated = 0;
    for (int i = 0; i < SENDERS * EACH; i++) { /* read while they send: a pipe has an end */
        const char *line = child_wait_line(listen.out, "\"result\"");
        received += strstr(line, "\"result\":\"received\"") != NULL;
        repeated += strstr(line, "\"result\":\"repeated\"") != NULL;
    }
    for (size_t i = 0; i < SENDERS; i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_int_equal((uintptr_t)good, EACH);
    }
    assert_int_equal(received, SENDERS * EACH / 2);
    assert_int_equal(repeated, SENDERS * EACH / 2);
    child_signal(&listen, SIGTERM);
    assert_int_equal(child_end(&listen), 0);
}

#define UNFINISHED      12
#define UNFINISHED_SIZE 7000000

/* Together more than is held for all: the oldest give way, and whoever comes to an end is answered. */
static void unfinished_requests_are_held_up_to_a_limit_for_all(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n";
    static const char whole[] = "POST / HTTP/1.1\r\nHost: a\r\nwebhook-id: whole\r\nConnection: close\r\n"
                                "Content-Length: 2\r\n\r\n{}";
    static char part[UNFINISHED_SIZE];
    struct child listen;
    int fds[UNFINISHED];
    size_t cut = 0;
    (void)state;
    CHILD(&listen, "listen", "127.0.0.1:0");
    unsigned port = child_port(&listen);
    for (size_t i = 0; i < UNFINISHED; i++) {
        fds[i] = http_connect(port);
        assert_int_equal(send(fds[i], head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
        for (size_t sent = 0; sent < sizeof part;) {
            ssize_t more = send(fds[i], part + sent, sizeof part - sent, MSG_NOSIGNAL);
            if (more <= 0)
                break;
            sent += (size_t)more;
        }
    }
    char *answer = http_ask(port, whole, sizeof whole - 1);
    assert_int_equal(http_status(answer), 200);
    free(answer);
    for (size_t i = 0; i < UNFINISHED; i++) {
        char byte;
        cut += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN;
        close(fds[i]);
    }
    assert_in_range(cut, 2, UNFINISHED - 1); /* twelve of seven million bytes, and 64 MiB */
    child_signal(&listen, SIGTERM);
    assert_int_equal(child_end(&listen), 0);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    struct child listen;
    (void)state;
    assert_int_equal(chmod(secret, 0644), 0);
    CHILD(&listen, "listen", "127.0.0.1:0", "--secret-file", secret);
    assert_non_null(child_wait_line(listen.err, "secret"));
    assert_int_equal(child_end(&listen), 7);
    assert_int_equal(chmod(secret, 0600), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_webhook_is_received_once_and_recognised_when_it_comes_again),
        cmocka_unit_test(a_webhook_with_a_wrong_or_old_signature_is_refused_and_not_remembered),
        cmocka_unit_test(without_a_secret_the_payload_is_shown_on_demand),
        cmocka_unit_test(many_senders_at_once_are_all_answered_and_each_id_is_received_once),
        cmocka_unit_test(unfinished_requests_are_held_up_to_a_limit_for_all),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
