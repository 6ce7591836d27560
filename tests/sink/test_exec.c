/* SPDX-License-Identifier: MIT */
/* What a program is given, and what its end means. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#define LONG_MS  60000
#define SHORT_MS 150

struct world {
    struct harness harness;
    char folder[64];
    const char *allowed[1];
    int programs;
};

static void open_world(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->allowed[0] = make_folder(world->folder);
    world->harness.rules = (struct sink_rules){.exec_dirs = world->allowed, .exec_dir_count = 1};
    harness_start(&world->harness, &pawli_sink_exec);
}

static void close_world(struct world *world)
{
    harness_stop(&world->harness);
    remove_folder(world->folder);
}

static void write_file(const struct world *world, const char *name, const char *content, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_not_equal(fputs(content, file), EOF);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static char *read_file(const struct world *world, const char *name, size_t *ret_size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *content = calloc(1, 2 << 20);
    assert_non_null(content);
    size_t size = fread(content, 1, (2 << 20) - 1, file);
    fclose(file);
    if (ret_size)
        *ret_size = size;
    return content;
}

/* Writes a script and begins to send a message to it. */
static struct outgoing *begin(struct world *world, const char *body, int64_t timeout_ms)
{
    char url[160], name[32], script[1024];
    snprintf(script, sizeof script, "#!/bin/sh\ncd '%s'\n%s\n", world->folder, body);
    snprintf(name, sizeof name, "program%d", world->programs++); /* the shell may still be reading the last one */
    write_file(world, name, script, 0700);
    snprintf(url, sizeof url, "exec:%s/%s", world->folder, name);
    struct outgoing *outgoing = outgoing_new("{\"a\": 1}");
    harness_send(&world->harness, outgoing, url, timeout_ms);
    return outgoing;
}

static struct outgoing *run(struct world *world, const char *body, int64_t timeout_ms)
{
    struct outgoing *outgoing = begin(world, body, timeout_ms);
    harness_wait(&world->harness, outgoing);
    return outgoing;
}

static void each_end_of_a_program_means_what_the_table_says(void **state)
{
    LAW(O4);
    (void)state;
    static const struct {
        const char *body;
        enum verdict verdict;
        const char *error;
    } rows[] = {
        {"exit 0", VERDICT_DELIVERED, NULL},
        {"echo noise >&2; exit 0", VERDICT_DELIVERED, NULL},
        {"exit 1", VERDICT_RETRY, "exit status 1"},
        {"exit 64", VERDICT_RETRY, "exit status 64"},
        {"exit 65", VERDICT_DEAD, "exit status 65"},
        {"exit 75", VERDICT_RETRY, "exit status 75"},
        {"exit 255", VERDICT_RETRY, "exit status 255"},
        {"echo no such account >&2; exit 65", VERDICT_DEAD, "exit status 65: no such account"},
        {"echo printed; exit 1", VERDICT_RETRY, "exit status 1"}, /* standard output is nobody's */
        {"printf 'a\\n\\033[1mb\\377\\n' >&2; exit 3", VERDICT_RETRY, "exit status 3: a [1mb?"},
        {"kill -KILL $$", VERDICT_UNCERTAIN, "killed by signal 9"},
        {"echo almost >&2; kill -TERM $$", VERDICT_UNCERTAIN, "killed by signal 15: almost"},
    };
    struct world world;
    open_world(&world);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outgoing *outgoing = run(&world, rows[i].body, LONG_MS);
        if (outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s: verdict %d: %s", rows[i].body, outgoing->send.verdict, outgoing->send.error.data);
        if (rows[i].error)
            assert_string_equal(outgoing->send.error.data, rows[i].error);
        else
            assert_null(outgoing->send.error.data);
        outgoing_free(outgoing);
    }
    close_world(&world);
}

static void a_program_gets_the_payload_and_what_describes_it(void **state)
{
    LAW(O4);
    (void)state;
    enum { SIZE = 1024 * 1024 };
    struct world world;
    open_world(&world);
    char *payload = malloc(SIZE), id[PAWL_UUID_TEXT_SIZE], expected[256];
    assert_non_null(payload);
    for (size_t i = 0; i < SIZE; i++)
        payload[i] = (char)(i * 7 + i / 256);
    setenv("PAWL_ATTEMPT", "999", 1); /* of somebody else: it must not show through */
    setenv("PAWL_TEST_INHERITED", "yes", 1);
    for (size_t size = 0; size <= SIZE; size = size ? SIZE + size - 1 : 1) {
        struct outgoing *outgoing = outgoing_new("");
        char url[160];
        outgoing->message.data = payload;
        outgoing->message.data_size = size;
        outgoing->message.attempts = 3;
        write_file(&world, "program",
                   "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ncat > payload\n"
                   "echo $PAWL_MESSAGE_ID $PAWL_SCOPE $PAWL_LANE $PAWL_TARGET $PAWL_ATTEMPT $PAWL_TEST_INHERITED > "
                   "environment\n"
                   "tr '\\0' '\\n' < /proc/$$/environ | grep -c '^PAWL_ATTEMPT=' >> environment\n",
                   0700);
        snprintf(url, sizeof url, "exec:%s/program", world.folder);
        harness_send(&world.harness, outgoing, url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        size_t got = 0;
        char *content = read_file(&world, "payload", &got);
        assert_int_equal(got, size);
        assert_memory_equal(content, payload, size);
        free(content);
        content = read_file(&world, "environment", NULL);
        snprintf(expected, sizeof expected, "%s default mail smtp 3 yes\n1\n",
                 pawl_uuid_format(&outgoing->message.id, id));
        assert_string_equal(content, expected);
        free(content);
        outgoing_free(outgoing);
    }
    unsetenv("PAWL_ATTEMPT");
    unsetenv("PAWL_TEST_INHERITED");
    free(payload);
    close_world(&world);
}

static void a_program_that_reads_nothing_is_no_trouble(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    for (int i = 0; i < 5; i++) {
        struct outgoing *outgoing = run(&world, "exec <&-; exit 0", LONG_MS);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing);
    }
    close_world(&world);
}

static void a_program_inherits_no_descriptor_and_no_signal_state(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    char path[128];
    snprintf(path, sizeof path, "%s/secret", world.folder);
    int leaky = open(path, O_RDWR | O_CREAT, 0600); /* without O_CLOEXEC, as a careless program would */
    assert_true(leaky >= 3);
    signal(SIGTERM, SIG_IGN);
    struct outgoing *outgoing = run(&world, "ls /proc/$$/fd > fds; kill -TERM $$; sleep 60", LONG_MS);
    signal(SIGTERM, SIG_DFL);
    assert_string_equal(outgoing->send.error.data, "killed by signal 15");
    char *fds = read_file(&world, "fds", NULL), number[16];
    snprintf(number, sizeof number, "\n%d\n", leaky);
    assert_null(strstr(fds, number));
    assert_non_null(strstr(fds, "2\n"));
    free(fds);
    close(leaky);
    outgoing_free(outgoing);
    close_world(&world);
}

/* Whether a process of that id still runs; a zombie does not. */
static bool runs(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    char *read = fgets(line, sizeof line, file);
    fclose(file);
    const char *paren = read ? strrchr(line, ')') : NULL;
    return paren && paren[2] != 'Z' && paren[2] != 'X';
}

static pid_t wait_for_pid(struct world *world, const char *name)
{
    for (;;) {
        char *content = read_file(world, name, NULL);
        long pid = content && strchr(content, '\n') ? strtol(content, NULL, 10) : 0;
        free(content);
        if (pid > 0)
            return (pid_t)pid;
        pawli_loop_turn(world->harness.loop, boot_after_ms(world->harness.env.ops->boot_now(&world->harness.env), 5));
    }
}

static void A81_a_program_that_hangs_is_killed_with_all_its_children(void **state)
{
    LAW(O4);
    (void)state;
    struct world world;
    open_world(&world);
    struct outgoing *outgoing = begin(&world, "echo began >&2\nsleep 1000 &\necho $! > child\necho $$ > parent\nwait",
                                      LONG_MS);
    pid_t child = wait_for_pid(&world, "child"), parent = wait_for_pid(&world, "parent");
    assert_true(runs(child) && runs(parent));
    world.harness.sink->ops->cancel(world.harness.sink, &outgoing->send);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_UNCERTAIN);
    assert_string_equal(outgoing->send.error.data, "did not end in time and was killed: began");
    outgoing_free(outgoing);
    harness_stop(&world.harness); /* returns when the program is gone */
    assert_false(runs(parent));
    while (runs(child)) /* its parent is init now */
        sched_yield();
    remove_folder(world.folder);
}

static void A81_a_program_that_passes_its_deadline_leaves_the_outcome_unknown(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct outgoing *outgoing = run(&world, "while :; do sleep 1000; done", SHORT_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_UNCERTAIN);
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_program_that_floods_its_standard_error_is_heard_to_its_last_words(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct outgoing *outgoing = run(&world, "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo ' the end' >&2; exit 1",
                                    LONG_MS);
    assert_int_equal(outgoing->send.verdict, VERDICT_RETRY);
    assert_true(outgoing->send.error.size < 1024);
    assert_string_equal(outgoing->send.error.data + outgoing->send.error.size - 9, "x the end");
    outgoing_free(outgoing);
    close_world(&world);
}

static void a_child_that_keeps_standard_error_open_does_not_hold_up_the_answer(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct outgoing *outgoing = run(&world, "sleep 1000 &\necho $! > child\nexit 7", LONG_MS);
    assert_string_equal(outgoing->send.error.data, "exit status 7");
    outgoing_free(outgoing);
    pid_t child = wait_for_pid(&world, "child");
    assert_int_equal(kill(child, SIGKILL), 0);
    close_world(&world);
}

static void only_programs_below_an_allowed_folder_are_run(void **state)
{
    (void)state;
    struct world world;
    char outside[64], path[160], beside[96], url[192];
    open_world(&world);
    make_folder(outside);
    snprintf(path, sizeof path, "%s/program", outside);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\ntouch '%s/ran'\n", outside);
    fclose(file);
    chmod(path, 0700);
    snprintf(beside, sizeof beside, "%s/link", world.folder); /* from inside, it leads out */
    assert_int_equal(symlink(path, beside), 0);
    const struct {
        const char *format, *argument;
        enum verdict verdict;
    } rows[] = {
        {"exec:%s/program", outside, VERDICT_DEFERRED},
        {"exec:%s/link", world.folder, VERDICT_DEFERRED},
        {"exec:%s/../../../../../bin/true", world.folder, VERDICT_DEFERRED},
        {"exec:/bin/true%s", "", VERDICT_DEFERRED},
        {"exec:program%s", "", VERDICT_DEAD},
        {"exec:%s/missing", world.folder, VERDICT_RETRY},
        {"exec:%s", world.folder, VERDICT_RETRY}, /* a folder cannot be run */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outgoing *outgoing = outgoing_new("{}");
        snprintf(url, sizeof url, rows[i].format, rows[i].argument);
        harness_send(&world.harness, outgoing, url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        if (outgoing->send.verdict != rows[i].verdict)
            fail_msg("%s: %d %s", url, outgoing->send.verdict, outgoing->send.error.data);
        outgoing_free(outgoing);
    }
    snprintf(path, sizeof path, "%s/ran", outside);
    assert_int_equal(access(path, F_OK), -1);
    remove_folder(outside);
    close_world(&world);
}

static void without_an_allowed_folder_nothing_is_run(void **state)
{
    (void)state;
    struct harness harness = {0};
    harness_start(&harness, &pawli_sink_exec);
    struct outgoing *outgoing = outgoing_new("{}");
    harness_send(&harness, outgoing, "exec:/bin/true", LONG_MS);
    harness_wait(&harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
    outgoing_free(outgoing);
    harness_stop(&harness);
}

static void what_cannot_be_started_is_tried_again(void **state)
{
    (void)state;
    struct world world;
    char url[160];
    static const struct {
        const char *name, *content;
        mode_t mode;
    } rows[] = {{"plain", "#!/bin/sh\nexit 0\n", 0600},
                {"interpreter", "#!/no/such/interpreter\n", 0700},
                {"nonsense",
                 "\x7f"
                 "ELFnonsense",
                 0700}};
    open_world(&world);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_file(&world, rows[i].name, rows[i].content, rows[i].mode);
        struct outgoing *outgoing = outgoing_new("{}");
        snprintf(url, sizeof url, "exec:%s/%s", world.folder, rows[i].name);
        harness_send(&world.harness, outgoing, url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        assert_int_equal(outgoing->send.verdict, VERDICT_RETRY);
        assert_non_null(strstr(outgoing->send.error.data, "cannot run"));
        outgoing_free(outgoing);
    }
    close_world(&world);
}

static void A81_many_programs_run_beside_each_other(void **state)
{
    (void)state;
    struct world world;
    struct outgoing *stuck, *outgoing[20];
    open_world(&world);
    stuck = begin(&world, "sleep 1000", LONG_MS);
    for (size_t i = 0; i < COUNT_OF(outgoing); i++)
        outgoing[i] = begin(&world, "cat > /dev/null", LONG_MS);
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        harness_wait(&world.harness, outgoing[i]);
        assert_int_equal(outgoing[i]->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing[i]);
    }
    assert_false(stuck->is_done);
    world.harness.sink->ops->cancel(world.harness.sink, &stuck->send);
    harness_wait(&world.harness, stuck);
    outgoing_free(stuck);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_of_a_program_means_what_the_table_says),
        cmocka_unit_test(a_program_gets_the_payload_and_what_describes_it),
        cmocka_unit_test(a_program_that_reads_nothing_is_no_trouble),
        cmocka_unit_test(a_program_inherits_no_descriptor_and_no_signal_state),
        cmocka_unit_test(A81_a_program_that_hangs_is_killed_with_all_its_children),
        cmocka_unit_test(A81_a_program_that_passes_its_deadline_leaves_the_outcome_unknown),
        cmocka_unit_test(a_program_that_floods_its_standard_error_is_heard_to_its_last_words),
        cmocka_unit_test(a_child_that_keeps_standard_error_open_does_not_hold_up_the_answer),
        cmocka_unit_test(only_programs_below_an_allowed_folder_are_run),
        cmocka_unit_test(without_an_allowed_folder_nothing_is_run),
        cmocka_unit_test(what_cannot_be_started_is_tried_again),
        cmocka_unit_test(A81_many_programs_run_beside_each_other),
    };
    return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
