/* SPDX-License-Identifier: MIT */
/* What a program is given, and what its end means. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define LONG_MS  60000
#define SHORT_MS 150

static int64_t clock_skew_s; /* how far all clocks are ahead */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long status = syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += clock_skew_s;
    return (int)status;
}

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
    for (size_t size = 0; size <= SIZE; size = size ? SIZE + size - 1 : 1) {
        struct outgoing *outgoing = outgoing_new("");
        char url[160];
        outgoing->message.data = payload;
        outgoing->message.data_size = size;
        outgoing->message.attempts = 3;
        write_file(&world, "program",
                   "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ncat > payload\n"
                   "echo $PAWL_MESSAGE_ID $PAWL_SCOPE $PAWL_LANE $PAWL_TARGET $PAWL_ATTEMPT > environment\n",
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
        snprintf(expected, sizeof expected, "%s default mail smtp 3\n", pawl_uuid_format(&outgoing->message.id, id));
        assert_string_equal(content, expected);
        free(content);
        outgoing_free(outgoing);
    }
    free(payload);
    close_world(&world);
}

/* What its own process was told (secrets, addresses) is nobody else's. */
static void a_program_gets_a_small_environment(void **state)
{
    (void)state;
    static const pawl_header headers[] = {{"x-a", "say \"b\""}, {"x-b", ""}};
    static const char *const expected[] = {"HOME=/home/of/test",
                                           "LANG=C.UTF-8",
                                           "PAWL_ATTEMPT=1",
                                           "PAWL_DEADLINE=7",
                                           "PAWL_HEADERS={\"x-a\":\"say \\\"b\\\"\",\"x-b\":\"\"}",
                                           "PAWL_KEY=k 1",
                                           "PAWL_LANE=mail",
                                           "PAWL_MESSAGE_ID=01020304-0506-8708-890a-0b0c0d0e0f10",
                                           "PAWL_PHASE=send",
                                           "PAWL_PROGRESS=AHNpZ25lZA==",
                                           "PAWL_SCOPE=default",
                                           "PAWL_SENDER=s",
                                           "PAWL_TARGET=smtp",
                                           "PAWL_TOKEN=140737488355329",
                                           "TZ=UTC"};
    static const struct {
        const char *name, *value;
    } given[] = {{"HOME", "/home/of/test"},      {"LANG", "C.UTF-8"},          {"TZ", "UTC"},
                 {"PAWL_STORE", "sqlite:x.db"},  {"PAWL_ATTEMPT", "999"},      {"AWS_SECRET_ACCESS_KEY", "s"},
                 {"DATABASE_URL", "postgres:x"}, {"LD_LIBRARY_PATH", "/none"}, {"LC_ALL", "C"}};
    struct world world;
    open_world(&world);
    for (size_t i = 0; i < COUNT_OF(given); i++)
        setenv(given[i].name, given[i].value, 1);
    for (int full = 0; full < 2; full++) {
        struct outgoing *outgoing = outgoing_new("{}");
        pawl_message_view *message = &outgoing->message;
        char url[160], *rest;
        message->token = UINT64_C(1) << 47 | 1;
        if (full) {
            message->key = "k 1";
            message->sender = "s";
            message->deadline_ms = 7;
            message->progress = "\0signed";
            message->progress_size = 7;
            message->headers = headers;
            message->header_count = 2;
        }
        /* The shell's own variables stand last and are not what it was given. */
        write_file(&world, "program",
                   "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ | grep -v ^PATH= | LC_ALL=C sort > \"$0.out\"\n",
                   0700);
        snprintf(url, sizeof url, "exec:%s/program", world.folder);
        harness_send(&world.harness, outgoing, url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        char *content = read_file(&world, "program.out", NULL), *line = strtok_r(content, "\n", &rest);
        for (size_t i = 0; i < COUNT_OF(expected); i++) {
            static const char optional[] = "PAWL_DEADLINE PAWL_HEADERS PAWL_KEY PAWL_PROGRESS PAWL_SENDER";
            char name[32];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(expected[i], "="), expected[i]);
            if (!full && strstr(optional, name))
                continue;
            assert_non_null(line);
            assert_string_equal(line, expected[i]);
            line = strtok_r(NULL, "\n", &rest);
        }
        assert_null(line);
        free(content);
        outgoing_free(outgoing);
    }
    for (size_t i = 0; i < COUNT_OF(given); i++)
        unsetenv(given[i].name);
    close_world(&world);
}

static void headers_that_no_program_can_be_given_are_the_message_s_own_fault(void **state)
{
    (void)state;
    struct world world;
    pawl_header headers[64];
    char *value = calloc(1, 4000), url[160];
    open_world(&world);
    memset(value, 'v', 3999);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        headers[i] = (pawl_header){"x-a", value};
    write_file(&world, "program", "#!/bin/sh\nexit 0\n", 0700);
    snprintf(url, sizeof url, "exec:%s/program", world.folder);
    struct outgoing *outgoing = outgoing_new("{}");
    outgoing->message.headers = headers;
    outgoing->message.header_count = COUNT_OF(headers);
    harness_send(&world.harness, outgoing, url, LONG_MS);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_DEAD);
    assert_non_null(strstr(outgoing->send.error.data, "Argument list too long"));
    outgoing_free(outgoing);
    free(value);
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

/* A child, one that left the group, one that left the session, and orphans of these. */
#define FAMILY                                                                                                         \
    "sleep 1000 &\necho $! > child\n"                                                                                  \
    "setsid sh -c 'echo $$ > session; sleep 1000' &\n"                                                                 \
    "sh -c 'setsid sh -c \"echo \\$\\$ > orphan; sleep 1000; true\" & exit 0'\n"

static const char *const family[] = {"child", "session", "orphan"};

static void wait_for_family(struct world *world, pid_t pids[COUNT_OF(family)])
{
    for (size_t i = 0; i < COUNT_OF(family); i++) {
        pids[i] = wait_for_pid(world, family[i]);
        assert_true(runs(pids[i]));
    }
}

/* It takes moments; what is not ended then is ended here, and told. */
static void wait_until_gone(const struct world *world, const char *name, pid_t pid)
{
    struct env *env = world->harness.real;
    struct boot_time until = boot_after_ms(env->ops->boot_now(env), LONG_MS / 4);
    while (runs(pid) && env->ops->boot_now(env).ns < until.ns)
        sched_yield();
    if (runs(pid)) {
        kill(pid, SIGKILL);
        fail_msg("%s runs on", name);
    }
}

static void A81_a_program_that_hangs_is_killed_with_all_that_it_started(void **state)
{
    LAW(O4);
    (void)state;
    struct world world;
    pid_t pids[COUNT_OF(family)];
    open_world(&world);
    struct outgoing *outgoing = begin(&world, "echo began >&2\n" FAMILY "echo $$ > parent\nwait", LONG_MS);
    pid_t parent = wait_for_pid(&world, "parent");
    wait_for_family(&world, pids);
    world.harness.sink->ops->cancel(world.harness.sink, &outgoing->send);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_UNCERTAIN);
    assert_string_equal(outgoing->send.error.data, "did not end in time and was killed: began");
    outgoing_free(outgoing);
    harness_stop(&world.harness); /* returns when all of it is gone */
    assert_false(runs(parent));
    for (size_t i = 0; i < COUNT_OF(family); i++)
        assert_false(runs(pids[i]));
    remove_folder(world.folder);
}

static void what_a_program_leaves_behind_ends_with_it(void **state)
{
    (void)state;
    struct world world;
    pid_t pids[COUNT_OF(family)];
    open_world(&world);
    struct outgoing *outgoing = begin(&world, FAMILY "until test -e go; do sleep 0.01; done\nexit 7", LONG_MS);
    wait_for_family(&world, pids);
    write_file(&world, "go", "", 0600);
    harness_wait(&world.harness, outgoing);
    assert_string_equal(outgoing->send.error.data, "exit status 7");
    for (size_t i = 0; i < COUNT_OF(family); i++)
        assert_false(runs(pids[i]));
    outgoing_free(outgoing);
    close_world(&world);
}

/* The sink's process: another one, so that it can be killed. */
static void what_a_killed_process_ran_ends_with_it(void **state)
{
    LAW(O3);
    (void)state;
    struct world world;
    pid_t pids[COUNT_OF(family)], holder;
    int line[2];
    open_world(&world);
    assert_int_equal(pipe(line), 0);
    pid_t process = fork();
    if (process == 0) {
        struct world own = world;
        own.harness = (struct harness){.rules = world.harness.rules};
        harness_start(&own.harness, &pawli_sink_exec);
        struct outgoing *outgoing = begin(&own, FAMILY "echo $$ > parent\nwait", LONG_MS);
        wait_for_pid(&own, "parent");
        holder = fork(); /* keeps all descriptors of it */
        if (holder == 0)
            for (;;)
                pause();
        assert_int_equal(write(line[1], &holder, sizeof holder), sizeof holder);
        harness_wait(&own.harness, outgoing);
        _exit(1);
    }
    assert_int_equal(read(line[0], &holder, sizeof holder), sizeof holder);
    wait_for_family(&world, pids);
    pid_t parent = wait_for_pid(&world, "parent");
    assert_int_equal(kill(process, SIGKILL), 0);
    assert_int_equal(waitpid(process, NULL, 0), process);
    wait_until_gone(&world, "the program", parent);
    for (size_t i = 0; i < COUNT_OF(family); i++)
        wait_until_gone(&world, family[i], pids[i]);
    kill(holder, SIGKILL);
    close(line[0]);
    close(line[1]);
    close_world(&world);
}

/* One in the middle of it is stopped, and one ignores every signal that can be ignored. */
static void A81_nothing_that_a_program_does_to_signals_keeps_it(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct outgoing *outgoing = begin(&world,
                                      "trap '' TERM INT HUP QUIT CHLD\nsh -c 'kill -STOP $$' &\n"
                                      "echo $! > stopped\necho $$ > parent\nwhile :; do sleep 1000; done",
                                      LONG_MS);
    pid_t parent = wait_for_pid(&world, "parent"), stopped = wait_for_pid(&world, "stopped");
    world.harness.sink->ops->cancel(world.harness.sink, &outgoing->send);
    harness_wait(&world.harness, outgoing);
    outgoing_free(outgoing);
    close_world(&world);
    assert_false(runs(parent));
    assert_false(runs(stopped));
}

/* Here its keeper is stopped, as the kernel may stop a process for good. */
static void what_cannot_be_killed_holds_up_no_stop(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    const struct sink_ops *ops = world.harness.sink->ops;
    struct outgoing *outgoing = begin(&world, "echo $PPID > keeper\necho $$ > parent\nexec sleep 1000", LONG_MS);
    pid_t keeper = wait_for_pid(&world, "keeper"), parent = wait_for_pid(&world, "parent");
    assert_int_equal(kill(keeper, SIGSTOP), 0);
    ops->cancel(world.harness.sink, &outgoing->send);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.verdict, VERDICT_UNCERTAIN);
    outgoing_free(outgoing);
    assert_false(ops->is_idle(world.harness.sink));
    clock_skew_s = 60;
    while (!ops->is_idle(world.harness.sink))
        pawli_loop_turn(world.harness.loop, boot_after_ms(world.harness.env.ops->boot_now(&world.harness.env), 5));
    clock_skew_s = 0;
    assert_true(runs(parent));
    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    wait_until_gone(&world, "the program", parent); /* it dies with its keeper */
    close_world(&world);
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

/* In pieces of every size, so that what is kept is moved in every way; and in pieces that are larger than it. */
static void the_end_of_a_long_standard_error_is_what_is_kept(void **state)
{
    (void)state;
    static const int counts[] = {1, 60, 200, 300, 3000};
    static const char *const programs[] = {"for n in $(seq 1 %d); do echo $n >&2; done; exit 1",
                                           "seq 1 %d >&2; exit 1"};
    struct world world;
    open_world(&world);
    for (size_t i = 0; i < COUNT_OF(counts) * COUNT_OF(programs); i++) {
        const int count = counts[i / COUNT_OF(programs)];
        char body[128], whole[20000], expected[1100];
        size_t size = 0;
        for (int n = 1; n <= count; n++)
            size += (size_t)snprintf(whole + size, sizeof whole - size, "%s%d", n > 1 ? " " : "", n);
        snprintf(body, sizeof body, programs[i % COUNT_OF(programs)], count);
        struct outgoing *outgoing = run(&world, body, LONG_MS);
        const char *end = whole + (size > 799 ? size - 799 : 0); /* 800 bytes with the last line's end */
        snprintf(expected, sizeof expected, "exit status 1: %s", end + strspn(end, " "));
        assert_string_equal(outgoing->send.error.data, expected);
        outgoing_free(outgoing);
    }
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
        {"exec:program%s", "", VERDICT_DEFERRED},
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

static void want_of_a_descriptor_costs_no_attempt(void **state)
{
    LAW(O3);
    (void)state;
    struct world world;
    struct rlimit limit, few;
    enum verdict verdict = VERDICT_DEFERRED;
    open_world(&world);
    write_file(&world, "program", "#!/bin/sh\nexit 0\n", 0700);
    char url[160];
    snprintf(url, sizeof url, "exec:%s/program", world.folder);
    int next = dup(STDIN_FILENO);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    int more = 0;
    for (; verdict == VERDICT_DEFERRED && more < 20; more++) { /* each descriptor in turn is the one that is missing */
        few = (struct rlimit){(rlim_t)(next + more), limit.rlim_max};
        struct outgoing *outgoing = outgoing_new("{}");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        harness_send(&world.harness, outgoing, url, LONG_MS);
        harness_wait(&world.harness, outgoing);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        verdict = outgoing->send.verdict;
        outgoing_free(outgoing);
        int after = dup(STDIN_FILENO);
        close(after);
        assert_true(after == next || verdict == VERDICT_DELIVERED ||
                    after == next + 1); /* the keeper's program is kept */
    }
    assert_int_equal(verdict, VERDICT_DELIVERED);
    assert_true(more > 3);
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
        cmocka_unit_test(a_program_gets_a_small_environment),
        cmocka_unit_test(headers_that_no_program_can_be_given_are_the_message_s_own_fault),
        cmocka_unit_test(a_program_that_reads_nothing_is_no_trouble),
        cmocka_unit_test(a_program_inherits_no_descriptor_and_no_signal_state),
        cmocka_unit_test(A81_a_program_that_hangs_is_killed_with_all_that_it_started),
        cmocka_unit_test(what_a_program_leaves_behind_ends_with_it),
        cmocka_unit_test(what_a_killed_process_ran_ends_with_it),
        cmocka_unit_test(A81_nothing_that_a_program_does_to_signals_keeps_it),
        cmocka_unit_test(what_cannot_be_killed_holds_up_no_stop),
        cmocka_unit_test(A81_a_program_that_passes_its_deadline_leaves_the_outcome_unknown),
        cmocka_unit_test(a_program_that_floods_its_standard_error_is_heard_to_its_last_words),
        cmocka_unit_test(the_end_of_a_long_standard_error_is_what_is_kept),
        cmocka_unit_test(only_programs_below_an_allowed_folder_are_run),
        cmocka_unit_test(without_an_allowed_folder_nothing_is_run),
        cmocka_unit_test(what_cannot_be_started_is_tried_again),
        cmocka_unit_test(want_of_a_descriptor_costs_no_attempt),
        cmocka_unit_test(A81_many_programs_run_beside_each_other),
    };
    return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
