/* SPDX-License-Identifier: MIT */
/* The sink for programs: "exec:/PATH" runs it once a message, the payload on its standard input.
 *
 *   1  A program runs only where its path, with all links followed, lies below an allowed folder.
 *   2  It leads a process group of its own; past its deadline the whole group is killed.
 *   3  What it says is its exit status: 0 delivered, 65 (EX_DATAERR) impossible, any other "later". Killed by whomever:
 *      nobody knows what it did. The end of its standard error is the reason that people see.
 *   4  A killed program is waited for: the sink is idle when the last one is gone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/limits.h"
#include "sink/answer.h"

#define TAIL_MAX       800 /* bytes of standard error that are kept: the last ones */
#define EXIT_PERMANENT 65

struct run {
    struct watch exit, errors; /* a pidfd, and the reading end of the program's standard error */
    struct exec_sink *sink;
    struct send *send; /* NULL: given up */
    struct run *next;
    pid_t pid;
    bool is_over; /* freed by the next step: an event that was fetched together with the last one may still come */
    size_t tail_size;
    char tail[TAIL_MAX];
};

struct exec_sink {
    struct sink sink;
    struct sink_host host;
    struct loop *loop; /* known beyond the engine's life on it */
    struct run *runs;
    unsigned running;
};

static struct exec_sink *exec_of(struct sink *sink)
{
    return (struct exec_sink *)sink;
}

/* ---- what a program is given ---- */

/* A file in memory: nothing to feed, nothing that could block, no SIGPIPE from a program that does not read. */
static int make_input(const pawl_message_view *message)
{
    int fd = memfd_create("pawl-payload", MFD_CLOEXEC);
    const char *data = message->data;
    for (size_t left = message->data_size; fd >= 0 && left > 0;) {
        ssize_t written = write(fd, data, left);
        if (written <= 0) {
            close(fd);
            return -1;
        }
        data += written;
        left -= (size_t)written;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static const char *const own_names[] = {
    "PAWL_MESSAGE_ID=", "PAWL_SCOPE=", "PAWL_LANE=", "PAWL_TARGET=", "PAWL_ATTEMPT="};

static bool is_own(const char *variable)
{
    for (size_t i = 0; i < COUNT_OF(own_names); i++)
        if (strncmp(variable, own_names[i], strlen(own_names[i])) == 0)
            return true;
    return false;
}

/* This process's environment, with what describes the message. NULL: out of memory. */
static char **make_environment(const struct send *send)
{
    char id[PAWL_UUID_TEXT_SIZE], attempt[16];
    size_t count = 0;
    while (environ[count])
        count++;
    char **made = arena_array(send->arena, char *, count + COUNT_OF(own_names) + 1), **at = made;
    snprintf(attempt, sizeof attempt, "%u", send->attempt);
    const char *const values[] = {pawl_uuid_format(&send->message->id, id), send->message->scope, send->message->lane,
                                  send->message->target, attempt};
    static_assert(COUNT_OF(values) == COUNT_OF(own_names), "a value for each name");
    for (size_t i = 0; made && i < count; i++)
        if (!is_own(environ[i]))
            *at++ = environ[i];
    for (size_t i = 0; made && i < COUNT_OF(own_names); i++)
        *at++ = (char *)(uintptr_t)pawli_arena_format(send->arena, "%s%s", own_names[i], values[i]).data;
    return pawli_arena_failed(send->arena) ? NULL : made;
}

/* ---- starting ---- */

static int add_actions(posix_spawn_file_actions_t *actions, int input, int errors)
{
    /* In this order, even where one of them is 1 or 2 because this process had closed its own. */
    int problem = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
    if (problem == 0)
        problem = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (problem == 0)
        problem = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
    if (problem == 0)
        problem = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return problem;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int problem = posix_spawnattr_setflags(attributes,
                                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (problem == 0)
        problem = posix_spawnattr_setpgroup(attributes, 0);
    if (problem == 0)
        problem = posix_spawnattr_setsigdefault(attributes, &all);
    if (problem == 0)
        problem = posix_spawnattr_setsigmask(attributes, &none);
    return problem;
}

/* 0, or the errno of what failed; then nothing runs. */
static int spawn(const char *path, const struct send *send, int input, int errors, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *arguments[] = {(char *)(uintptr_t)path, NULL};
    char **environment = make_environment(send);
    if (!environment || posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    int problem = posix_spawnattr_init(&attributes);
    if (problem == 0) {
        problem = add_actions(&actions, input, errors);
        if (problem == 0)
            problem = set_attributes(&attributes);
        if (problem == 0)
            problem = posix_spawn(ret_pid, path, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Puts the program to work with both descriptors watched; an errno otherwise. */
static int start(struct run *run, const char *path)
{
    PAWL_AUTO(close_fd) int input = make_input(run->send->message);
    int pipe[2] = {-1, -1};
    if (input < 0 || pipe2(pipe, O_CLOEXEC) < 0)
        return errno;
    PAWL_AUTO(close_fd) int writing = pipe[1];
    run->errors.fd = pipe[0];
    if (fcntl(pipe[0], F_SETFL, O_NONBLOCK) < 0)
        return errno;
    pid_t pid;
    int problem = spawn(path, run->send, input, writing, &pid);
    if (problem != 0)
        return problem;
    run->pid = pid;
    run->exit.fd = pidfd_open(run->pid, 0);
    problem = run->exit.fd < 0 ? errno : -pawli_loop_watch(run->sink->loop, &run->exit, EPOLLIN);
    if (problem == 0)
        problem = -pawli_loop_watch(run->sink->loop, &run->errors, EPOLLIN);
    return problem;
}

/* ---- ending ---- */

static void keep_tail(struct run *run, const char *bytes, size_t size)
{
    if (size > TAIL_MAX) {
        bytes += size - TAIL_MAX;
        size = TAIL_MAX;
    }
    size_t kept = run->tail_size + size > TAIL_MAX ? TAIL_MAX - size : run->tail_size;
    memmove(run->tail, run->tail + run->tail_size - kept, kept);
    memcpy(run->tail + kept, bytes, size);
    run->tail_size = kept + size;
}

static void close_watch(struct run *run, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    pawli_loop_unwatch(run->sink->loop, watch);
    close(watch->fd);
    watch->fd = -1;
}

/* One piece: a program that never stops writing must not keep the loop. False: there is no more for now. */
static bool read_errors(struct run *run)
{
    char bytes[16384];
    ssize_t got = run->errors.fd < 0 ? 0 : read(run->errors.fd, bytes, sizeof bytes);
    if (got > 0)
        keep_tail(run, bytes, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        close_watch(run, &run->errors);
    return got > 0;
}

static void end_run(struct run *run)
{
    close_watch(run, &run->exit);
    close_watch(run, &run->errors);
    run->is_over = true;
    run->sink->running--;
    pawli_engine_wake(run->sink->host.engine); /* the step frees it */
}

static void answer(struct run *run, enum verdict verdict, struct text what)
{
    struct send *send = PAWL_TAKE(run->send);
    if (!send)
        return;
    struct text tail = pawli_printable(send->arena, (struct text){run->tail, run->tail_size}, TAIL_MAX);
    struct text error = {0};
    if (verdict != VERDICT_DELIVERED)
        error = pawli_arena_format(send->arena, "%.*s%s%.*s", TEXT_ARG(what), tail.size ? ": " : "", TEXT_ARG(tail));
    pawli_send_done(send, verdict, error);
}

static void judge(struct run *run, const siginfo_t *info)
{
    char what[64];
    if (info->si_code != CLD_EXITED) {
        snprintf(what, sizeof what, "killed by signal %d", info->si_status);
        answer(run, VERDICT_UNCERTAIN, text_of(what));
        return;
    }
    snprintf(what, sizeof what, "exit status %d", info->si_status);
    answer(run,
           info->si_status == 0                ? VERDICT_DELIVERED
           : info->si_status == EXIT_PERMANENT ? VERDICT_DEAD
                                               : VERDICT_RETRY,
           text_of(what));
}

/* Whether it has ended; then it was answered, and is over. */
static bool reap(struct run *run)
{
    siginfo_t info = {0};
    int status;
    do
        status = waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG);
    while (status < 0 && errno == EINTR);
    if (status == 0 && info.si_pid == 0)
        return false;
    for (int i = 0; i < 8 && read_errors(run); i++) /* what a pipe holds, not what strays add */
        continue;
    if (status < 0)
        answer(run, VERDICT_UNCERTAIN, TEXT("somebody else in this process took its exit status"));
    else
        judge(run, &info);
    end_run(run);
    return true;
}

static void exit_ready(struct watch *watch, uint32_t events)
{
    struct run *run = (struct run *)((char *)watch - offsetof(struct run, exit));
    (void)events;
    if (!run->is_over)
        reap(run);
}

static void errors_ready(struct watch *watch, uint32_t events)
{
    struct run *run = (struct run *)((char *)watch - offsetof(struct run, errors));
    (void)events;
    if (!run->is_over)
        read_errors(run);
}

/* ---- the door ---- */

static void exec_cancel(struct sink *base, struct send *send)
{
    struct run *run = send->sink_data;
    (void)base;
    if (reap(run))
        return; /* it had ended already, and said so */
    kill(-run->pid, SIGKILL);
    read_errors(run);
    answer(run, VERDICT_UNCERTAIN, TEXT("did not end in time and was killed"));
}

static void exec_send(struct sink *base, struct send *send)
{
    struct exec_sink *sink = exec_of(base);
    const struct sink_rules *rules = sink->host.rules;
    const char *given = pawli_url_path(send->url);
    PAWL_AUTO(pawli_path_free) char *path = given ? realpath(given, NULL) : NULL;
    if (!given) {
        pawli_send_fail(send, VERDICT_DEAD, "exec: wants an absolute path");
        return;
    }
    if (!path) {
        pawli_send_fail(send, VERDICT_RETRY, "cannot find %s: %s", given, strerror(errno));
        return;
    }
    if (!pawli_path_is_below(path, rules->exec_dirs, rules->exec_dir_count)) {
        pawli_send_fail(send, VERDICT_DEFERRED, "this process may not run %s (--allow-exec)", path);
        return;
    }
    struct run *run = pawli_alloc(sizeof *run);
    if (!run) {
        pawli_send_fail(send, VERDICT_RETRY, "out of memory; nothing was run");
        return;
    }
    *run = (struct run){
        .exit = {exit_ready, -1}, .errors = {errors_ready, -1}, .sink = sink, .send = send, .next = sink->runs};
    sink->runs = run;
    sink->running++;
    send->sink_data = run;
    int problem = start(run, path);
    if (problem == 0)
        return;
    char what[LIMIT_ERROR_TEXT];
    snprintf(what, sizeof what, "cannot run %s: %s", path, strerror(problem));
    if (run->pid > 0 && reap(run))
        return;
    if (run->pid > 0) { /* it runs, and cannot be watched */
        kill(-run->pid, SIGKILL);
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    answer(run, run->pid > 0 ? VERDICT_UNCERTAIN : VERDICT_RETRY, text_of(what));
    end_run(run);
}

static void free_runs(struct exec_sink *sink)
{
    for (struct run **at = &sink->runs; *at;) {
        struct run *run = *at;
        if (!run->is_over) {
            at = &run->next;
            continue;
        }
        *at = run->next;
        pawli_free(run);
    }
}

static struct boot_time exec_step(struct sink *base, struct boot_time now)
{
    (void)now;
    free_runs(exec_of(base));
    return BOOT_NEVER;
}

static bool exec_is_idle(struct sink *base)
{
    return exec_of(base)->running == 0;
}

static int exec_open(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    struct exec_sink *sink = pawli_alloc(sizeof *sink);
    if (!sink)
        return pawli_no_memory(err);
    *sink = (struct exec_sink){.sink = {&pawli_sink_exec}, .host = *host, .loop = host->engine->loop};
    *ret_sink = &sink->sink;
    return PAWL_OK;
}

static void exec_close(struct sink *base)
{
    free_runs(exec_of(base));
    pawli_free(base);
}

static const char *const schemes[] = {"exec", NULL};

static int exec_check(const struct sink_rules *rules, pawl_error *err)
{
    return pawli_check_folders(rules->exec_dirs, rules->exec_dir_count, err);
}

const struct sink_ops pawli_sink_exec = {
    .name = "exec",
    .schemes = schemes,
    .check = exec_check,
    .open = exec_open,
    .send = exec_send,
    .cancel = exec_cancel,
    .step = exec_step,
    .close = exec_close,
    .is_idle = exec_is_idle,
};
