/* SPDX-License-Identifier: MIT */
/* Lines of a file: whole, synced, in their order; never in a place that is not allowed. */
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/json.h"
#include "model/limits.h"

#define LONG_MS 60000

struct world {
    struct harness harness;
    char folder[64], path[96], url[128];
    const char *allowed[1];
};

/* ---- the machine, as this program shows it to the sink ---- */

static bool lacks_openat2;
static const char *swapped, *swapped_for; /* a folder, once its path was read, becomes a link to the other */
static _Atomic int syncs;                 /* begun */
static _Atomic bool sync_waits;
static int sync_fails; /* with this errno */

long syscall(long number, ...)
{
    va_list list;
    long arguments[6];
    va_start(list, number);
    for (size_t i = 0; i < COUNT_OF(arguments); i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2 && lacks_openat2) {
        errno = ENOSYS;
        return -1;
    }
    long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

char *realpath(const char *path, char *resolved)
{
    char *(*real)(const char *, char *) = dlsym(RTLD_NEXT, "realpath");
    char *found = real(path, resolved);
    if (swapped && found && strcmp(found, swapped) == 0) {
        assert_int_equal(rmdir(swapped), 0);
        assert_int_equal(symlink(swapped_for, swapped), 0);
        swapped = NULL;
    }
    return found;
}

int fdatasync(int fd)
{
    syncs++;
    while (sync_waits)
        sched_yield();
    if (sync_fails) {
        errno = sync_fails;
        return -1;
    }
    return fsync(fd);
}

static void open_world(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->allowed[0] = make_folder(world->folder);
    snprintf(world->path, sizeof world->path, "%s/lines", world->folder);
    snprintf(world->url, sizeof world->url, "file:%s", world->path);
    world->harness.rules = (struct sink_rules){.file_dirs = world->allowed, .file_dir_count = 1};
    harness_start(&world->harness, &pawli_sink_file);
}

static void close_world(struct world *world)
{
    harness_stop(&world->harness);
    remove_folder(world->folder);
}

static void put(const struct world *world, const char *content, size_t size)
{
    FILE *file = fopen(world->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    fclose(file);
}

static char *content_of(const struct world *world)
{
    FILE *file = fopen(world->path, "r");
    char *content = calloc(1, 1 << 24);
    assert_non_null(content);
    if (file) {
        size_t size = fread(content, 1, (1 << 24) - 1, file);
        assert_true(size < (1 << 24) - 1);
        fclose(file);
    }
    return content;
}

static enum verdict send_to(struct world *world, const char *url, const char *payload)
{
    struct outgoing *outgoing = outgoing_new(payload);
    harness_send(&world->harness, outgoing, url, LONG_MS);
    harness_wait(&world->harness, outgoing);
    enum verdict verdict = outgoing->send.verdict;
    if (verdict != VERDICT_DELIVERED)
        assert_non_null(outgoing->send.error.data);
    outgoing_free(outgoing);
    return verdict;
}

#define LINE(data)                                                                                                     \
    "{\"id\":\"01020304-0506-8708-890a-0b0c0d0e0f10\",\"scope\":\"default\",\"lane\":\"mail\",\"target\":\"smtp\","    \
    "\"state\":\"claimed\",\"content_type\":\"application/json\",\"data\":" data                                       \
    ",\"priority\":5,\"attempts\":1,\"deferrals\":0,\"fingerprint\":"                                                  \
    "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n"

static void a_message_becomes_one_line_of_json(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    assert_int_equal(send_to(&world, world.url, "{ \"a\" :\n 1.50 }"), VERDICT_DELIVERED);
    assert_int_equal(send_to(&world, world.url, "\"two\\nlines\""), VERDICT_DELIVERED);
    char *content = content_of(&world);
    assert_string_equal(content, LINE("{\"a\":1.50}") LINE("\"two\\nlines\""));
    free(content);
    assert_int_equal(send_to(&world, world.url, "\"\xc2\x9b\xe2\x80\xae\x7f\""), VERDICT_DELIVERED);
    content = content_of(&world);
    assert_non_null(strstr(content, LINE("\"\\u009b\\u202e\\u007f\""))); /* nothing that steers who looks into it */
    free(content);
    static char worst[LIMIT_BODY]; /* escapes take six times the room */
    memset(worst, 0x7F, sizeof worst - 1);
    worst[0] = worst[sizeof worst - 2] = '"';
    assert_int_equal(send_to(&world, world.url, worst), VERDICT_DELIVERED);
    struct stat stat_;
    assert_int_equal(stat(world.path, &stat_), 0);
    assert_int_equal(stat_.st_mode & 0777, 0600);
    close_world(&world);
}

static void what_is_no_json_is_written_as_base64(void **state)
{
    (void)state;
    static const struct {
        const char *type, *payload, *part;
    } rows[] = {
        {"application/octet-stream", "a\nb", "\"data_base64\":\"YQpi\""},
        {"text/plain", "{ }", "\"data_base64\":\"eyB9\""}, /* its white space counts */
        {"application/json", "{", "\"data_base64\":\"ew==\""},
        {"application/json; charset=utf-8", "{ }", "\"data\":{}"},
        {"application/problem+json", "[ 1 ]", "\"data\":[1]"},
        {"application/json", "", "\"data_base64\":\"\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        open_world(&world);
        struct outgoing *outgoing = outgoing_new(rows[i].payload);
        outgoing->message.content_type = rows[i].type;
        harness_send(&world.harness, outgoing, world.url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        char *content = content_of(&world);
        if (!strstr(content, rows[i].part))
            fail_msg("no %s in %s", rows[i].part, content);
        assert_ptr_equal(strchr(content, '\n'), content + strlen(content) - 1);
        free(content);
        outgoing_free(outgoing);
        close_world(&world);
    }
}

static void all_that_a_message_has_is_in_its_line(void **state)
{
    (void)state;
    static const pawl_header headers[] = {{"x-a", "say \"b\""}};
    struct world world;
    open_world(&world);
    struct outgoing *outgoing = outgoing_new("1");
    pawl_message_view *message = &outgoing->message;
    message->key = "k\xc3\xa9y";
    message->dedupe = "d";
    message->sender = "s";
    message->headers = headers;
    message->header_count = 1;
    message->error_class = "transient";
    message->error_text = "line\nbreak";
    message->error_at_ms = 5;
    message->claimed_by = "worker";
    message->lease_until_ms = 6;
    message->deadline_ms = 7;
    message->max_attempts = 8;
    message->seq = 9;
    harness_send(&world.harness, outgoing, world.url, LONG_MS);
    harness_wait(&world.harness, outgoing);
    char *content = content_of(&world);
    static const char *const parts[] = {"\"key\":\"k\xc3\xa9y\"",
                                        "\"dedupe\":\"d\"",
                                        "\"sender\":\"s\"",
                                        "\"headers\":{\"x-a\":\"say \\\"b\\\"\"}",
                                        "\"last_error\":{\"class\":\"transient\",\"text\":\"line\\nbreak\",\"at\":5}",
                                        "\"claimed_by\":\"worker\"",
                                        "\"lease_until\":6",
                                        "\"deadline\":7",
                                        "\"max_attempts\":8",
                                        "\"seq\":9"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!strstr(content, parts[i]))
            fail_msg("no %s in %s", parts[i], content);
    struct text line = {content, strlen(content) - 1};
    assert_int_equal(pawli_json_check(line, NULL, NULL), JSON_GOOD);
    free(content);
    outgoing_free(outgoing);
    close_world(&world);
}

static void many_at_once_are_whole_lines_in_their_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct world world;
    struct outgoing *outgoing[COUNT];
    char payloads[COUNT][16];
    open_world(&world);
    for (int i = 0; i < COUNT; i++) {
        snprintf(payloads[i], sizeof payloads[i], "%d", i);
        outgoing[i] = outgoing_new(payloads[i]);
        harness_send(&world.harness, outgoing[i], world.url, LONG_MS);
    }
    for (int i = 0; i < COUNT; i++) {
        harness_wait(&world.harness, outgoing[i]);
        assert_int_equal(outgoing[i]->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing[i]);
    }
    char *content = content_of(&world), *at = content, part[32];
    for (int i = 0; i < COUNT; i++) {
        char *end = strchr(at, '\n');
        assert_non_null(end);
        *end = '\0';
        snprintf(part, sizeof part, "\"data\":%d,", i);
        assert_non_null(strstr(at, part));
        at = end + 1;
    }
    assert_int_equal(*at, '\0');
    free(content);
    close_world(&world);
}

/* A crash can leave any beginning of a line. */
static void a_torn_last_line_is_removed_wherever_it_was_torn(void **state)
{
    LAW(O1);
    (void)state;
    static const char whole[] = LINE("1"), torn[] = LINE("\"{}\"");
    char start[2 * sizeof whole + 1];
    for (size_t size = 1; size < sizeof torn - 2; size += size < 12 ? 1 : 29) {
        struct world world;
        open_world(&world);
        snprintf(start, sizeof start, "%s%.*s", whole, (int)size, torn);
        put(&world, start, strlen(start));
        assert_int_equal(send_to(&world, world.url, "2"), VERDICT_DELIVERED);
        char *content = content_of(&world);
        assert_string_equal(content, LINE("1") LINE("2"));
        free(content);
        close_world(&world);
    }
}

static void bytes_of_others_are_never_removed(void **state)
{
    (void)state;
    static const char *const starts[] = {
        "a note without an end", "{\"other\":1}", "{\"id\":\"x\"}", "one\ntwo", "{\"idea\":", LINE("1") "{\"other"};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct world world;
        char expected[2048];
        open_world(&world);
        put(&world, starts[i], strlen(starts[i]));
        assert_int_equal(send_to(&world, world.url, "2"), VERDICT_DELIVERED);
        char *content = content_of(&world);
        snprintf(expected, sizeof expected, "%s\n%s", starts[i], LINE("2"));
        assert_string_equal(content, expected);
        free(content);
        close_world(&world);
    }
    /* More than a line of ours can have. */
    struct world world;
    size_t size = 10 << 20;
    char *big = malloc(size);
    assert_non_null(big);
    memset(big, 'x', size);
    memcpy(big, "{\"id\":\"", 7);
    open_world(&world);
    put(&world, big, size);
    assert_int_equal(send_to(&world, world.url, "2"), VERDICT_DELIVERED);
    char *content = content_of(&world);
    assert_memory_equal(content, big, size);
    assert_string_equal(content + size, "\n" LINE("2"));
    free(content);
    free(big);
    close_world(&world);
}

static void only_files_below_an_allowed_folder_are_written(void **state)
{
    (void)state;
    struct world world;
    char outside[64], beside[72], url[192], path[160], target[160];
    open_world(&world);
    snprintf(beside, sizeof beside, "%s2", world.folder); /* begins like the allowed one */
    assert_int_equal(mkdir(beside, 0700), 0);
    make_folder(outside);
    snprintf(path, sizeof path, "%s/out", world.folder); /* a folder that leads out */
    assert_int_equal(symlink(outside, path), 0);
    snprintf(path, sizeof path, "%s/link", world.folder); /* a file that leads out */
    snprintf(target, sizeof target, "%s/file", outside);
    assert_int_equal(symlink(target, path), 0);
    snprintf(path, sizeof path, "%s/pipe", world.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/below", world.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    const struct {
        const char *format, *argument;
        enum verdict verdict;
    } rows[] = {
        {"file:%s/file", outside, VERDICT_DEFERRED},
        {"file:%s/file", beside, VERDICT_DEFERRED},
        {"file:%s/out/file", world.folder, VERDICT_DEFERRED},
        {"file:%s/../file", world.folder, VERDICT_DEFERRED},
        {"file:%s/link", world.folder, VERDICT_RETRY},
        {"file:%s/pipe", world.folder, VERDICT_RETRY},
        {"file:%s/below", world.folder, VERDICT_RETRY},
        {"file:%s/missing/file", world.folder, VERDICT_RETRY},
        {"file:%s/below/", world.folder, VERDICT_DEFERRED},
        {"file:%s/below/..", world.folder, VERDICT_DEFERRED},
        {"file:relative%s", "", VERDICT_DEFERRED},
        {"file:%s/below/file", world.folder, VERDICT_DELIVERED},
        {"file:%s/below/../file", world.folder, VERDICT_DELIVERED},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        snprintf(url, sizeof url, rows[i / 2].format, rows[i / 2].argument);
        lacks_openat2 = i % 2;
        enum verdict verdict = send_to(&world, url, "1");
        if (verdict != rows[i / 2].verdict)
            fail_msg("%s: %d", url, verdict);
    }
    lacks_openat2 = false;
    assert_int_equal(access(target, F_OK), -1);
    remove_folder(outside);
    remove_folder(beside);
    close_world(&world);
}

static void no_file_of_the_store_is_written_whatever_its_name(void **state)
{
    (void)state;
    struct world world;
    char path[128], other[128], url[192];
    static const char *const names[] = {"s.db", "s.db-wal", "s.db-shm", "s.db-anchor", "s.db-gate", "s.db-bell"};
    pawl_store *store = NULL;
    pawl_error err = {0};
    open_world(&world);
    snprintf(url, sizeof url, "sqlite:%s/s.db", world.folder);
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    snprintf(other, sizeof other, "%s/sub", world.folder); /* another way to the same folder */
    assert_int_equal(symlink(".", other), 0);
    snprintf(path, sizeof path, "%s/s.db-gate", world.folder); /* another name */
    snprintf(other, sizeof other, "%s/name", world.folder);
    assert_int_equal(link(path, other), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct stat before, after;
        snprintf(path, sizeof path, "%s/%s", world.folder, names[i]);
        assert_int_equal(stat(path, &before), 0);
        snprintf(url, sizeof url, "file:%s", path);
        assert_int_equal(send_to(&world, url, "1"), VERDICT_DEFERRED);
        snprintf(url, sizeof url, "file:%s/sub/%s", world.folder, names[i]);
        assert_int_equal(send_to(&world, url, "1"), VERDICT_DEFERRED);
        assert_int_equal(stat(path, &after), 0);
        assert_true(before.st_size == after.st_size);
    }
    snprintf(url, sizeof url, "file:%s", other);
    assert_int_equal(send_to(&world, url, "1"), VERDICT_DEFERRED);
    pawl_store_close(store);
    close_world(&world);
}

static void a_link_put_in_the_place_of_a_folder_leads_nowhere(void **state)
{
    (void)state;
    static const char *const places[] = {"a", "a/b", "a/b/c"};
    for (size_t i = 0; i < 2 * COUNT_OF(places); i++) {
        struct world world;
        char outside[64], folder[96], deeper[128], url[160], written[128];
        open_world(&world);
        make_folder(outside);
        folder[0] = '\0';
        for (size_t j = 0; j <= i / 2; j++) {
            snprintf(folder, sizeof folder, "%s/%s", world.folder, places[j]);
            assert_int_equal(mkdir(folder, 0700), 0);
        }
        snprintf(deeper, sizeof deeper, "%s", folder);
        snprintf(url, sizeof url, "file:%s/file", folder);
        swapped = deeper;
        swapped_for = outside;
        lacks_openat2 = i % 2;
        assert_int_not_equal(send_to(&world, url, "1"), VERDICT_DELIVERED);
        lacks_openat2 = false;
        assert_null(swapped); /* it was done */
        snprintf(written, sizeof written, "%s/file", outside);
        assert_int_equal(access(written, F_OK), -1);
        remove_folder(outside);
        close_world(&world);
    }
}

/* ---- delivered is synced ---- */

static void nothing_is_delivered_before_its_sync_has_ended(void **state)
{
    LAW(O4);
    (void)state;
    struct world world;
    open_world(&world);
    syncs = 0;
    sync_waits = true;
    struct outgoing *outgoing = outgoing_new("1");
    harness_send(&world.harness, outgoing, world.url, LONG_MS);
    while (syncs == 0 && !outgoing->is_done)
        pawli_loop_turn(world.harness.loop, boot_after_ms(world.harness.env.ops->boot_now(&world.harness.env), 5));
    assert_false(outgoing->is_done);
    sync_waits = false;
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
    assert_int_equal(syncs, 1);
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_sync_that_failed_leaves_the_outcome_unknown(void **state)
{
    LAW(O4);
    (void)state;
    static const int problems[] = {EIO, ENOSPC, EDQUOT};
    struct world world;
    open_world(&world);
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        sync_fails = problems[i];
        assert_int_equal(send_to(&world, world.url, "1"), VERDICT_UNCERTAIN);
        sync_fails = 0;
    }
    close_world(&world);
}

/* A file that may not grow: of the last line, each number of its bytes in turn was written. */
static void a_line_that_was_half_written_is_taken_back(void **state)
{
    LAW(O4);
    (void)state;
    struct rlimit limit;
    struct world world;
    open_world(&world);
    assert_int_equal(send_to(&world, world.url, "1"), VERDICT_DELIVERED);
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t size = 0; size < sizeof LINE("2") - 1; size += 37) {
        struct rlimit small = {sizeof LINE("1") - 1 + size, limit.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        enum verdict verdict = send_to(&world, world.url, "2");
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(verdict, VERDICT_RETRY);
        char *content = content_of(&world);
        assert_string_equal(content, LINE("1"));
        free(content);
    }
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(send_to(&world, world.url, "3"), VERDICT_DELIVERED);
    char *content = content_of(&world);
    assert_string_equal(content, LINE("1") LINE("3"));
    free(content);
    close_world(&world);
}

static void want_of_a_descriptor_costs_no_attempt(void **state)
{
    LAW(O3);
    (void)state;
    struct world world;
    struct rlimit limit;
    enum verdict verdict = VERDICT_DEFERRED;
    open_world(&world);
    int next = dup(STDIN_FILENO), more = 0;
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    for (; verdict == VERDICT_DEFERRED && more < 10; more++) { /* each descriptor in turn is the one that is missing */
        struct rlimit few = {(rlim_t)(next + more), limit.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        verdict = send_to(&world, world.url, "1");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    assert_int_equal(verdict, VERDICT_DELIVERED);
    assert_true(more > 2);
    close_world(&world);
}

static void a_file_that_another_process_has_locked_is_left_for_later(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    int fd = open(world.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* another description is another owner */
    assert_int_equal(send_to(&world, world.url, "1"), VERDICT_DEFERRED);
    close(fd);
    assert_int_equal(send_to(&world, world.url, "2"), VERDICT_DELIVERED);
    char *content = content_of(&world);
    assert_string_equal(content, LINE("2"));
    free(content);
    close_world(&world);
}

static void A80_what_was_not_written_when_it_was_cancelled_is_known_so(void **state)
{
    LAW(O4);
    (void)state;
    struct world world;
    open_world(&world);
    int fd = open(world.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* the first keeps its thread until it is released */
    struct outgoing *first = outgoing_new("1"), *second = outgoing_new("2"), *third = outgoing_new("3");
    harness_send(&world.harness, first, world.url, LONG_MS);
    harness_send(&world.harness, second, world.url, LONG_MS);
    harness_send(&world.harness, third, world.url, LONG_MS);
    world.harness.sink->ops->cancel(world.harness.sink, &second->send); /* waited behind the first */
    world.harness.sink->ops->cancel(world.harness.sink, &first->send);  /* on its way: nobody knows */
    assert_int_equal(second->send.verdict, VERDICT_DEFERRED);
    assert_int_equal(first->send.verdict, VERDICT_UNCERTAIN);
    close(fd);
    harness_wait(&world.harness, first);
    harness_wait(&world.harness, second);
    harness_wait(&world.harness, third);
    assert_int_equal(third->send.verdict, VERDICT_DELIVERED);
    char *content = content_of(&world);
    assert_null(strstr(content, LINE("2")));
    assert_non_null(strstr(content, LINE("3")));
    free(content);
    outgoing_free(first);
    outgoing_free(second);
    outgoing_free(third);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_one_line_of_json),
        cmocka_unit_test(what_is_no_json_is_written_as_base64),
        cmocka_unit_test(all_that_a_message_has_is_in_its_line),
        cmocka_unit_test(many_at_once_are_whole_lines_in_their_order),
        cmocka_unit_test(a_torn_last_line_is_removed_wherever_it_was_torn),
        cmocka_unit_test(bytes_of_others_are_never_removed),
        cmocka_unit_test(only_files_below_an_allowed_folder_are_written),
        cmocka_unit_test(no_file_of_the_store_is_written_whatever_its_name),
        cmocka_unit_test(a_link_put_in_the_place_of_a_folder_leads_nowhere),
        cmocka_unit_test(nothing_is_delivered_before_its_sync_has_ended),
        cmocka_unit_test(a_sync_that_failed_leaves_the_outcome_unknown),
        cmocka_unit_test(a_line_that_was_half_written_is_taken_back),
        cmocka_unit_test(want_of_a_descriptor_costs_no_attempt),
        cmocka_unit_test(a_file_that_another_process_has_locked_is_left_for_later),
        cmocka_unit_test(A80_what_was_not_written_when_it_was_cancelled_is_known_so),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
