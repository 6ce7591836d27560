/* SPDX-License-Identifier: MIT */
/* The sink for programs: "exec:/PATH" runs it once a message, the payload on its standard input.
 *
 *   1  A program runs only where its path, with all links followed, lies below an allowed folder.
 *   2  It ends whole: a keeper (keeper.c) is its parent, and kills all that it started once it has ended, when it is given
 *      up, and when this process dies, so that nothing runs on beside its own successor.
 *   3  What it says is its exit status: 0 delivered, 65 (EX_DATAERR) impossible, any other "later". Killed by whomever:
 *      nobody knows what it did. The end of its standard error is the reason that people see. Of one that is asked what
 *      became of a message: 0 it happened, 3 it did not, 65 it never will, any other "ask again".
 *   4  A killed program is waited for, but not for ever: what cannot be killed holds up no stop.
 *   5  It is given a small environment: what describes the message, and nothing of what this process was told. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/json.h"
#include "model/limits.h"
#include "sink/answer.h"
#include "sink/exec/keeper.h"

#define TAIL_MAX       800 /* bytes of standard error that are kept: the last ones */
#define EXIT_DID_NOT   3   /* not 1: with that ends whatever went wrong */
#define EXIT_PERMANENT 65
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u
#endif
#define ABANDON_MS 5000 /* how long what was killed is waited for */

extern const unsigned char pawli_keeper[]; /* the program */
extern const size_t pawli_keeper_size;

struct run {
    struct watch line, errors; /* to the keeper, which hangs up when it ends; and the program's standard error */
    struct exec_sink *sink;
    struct send *send; /* NULL: given up */
    struct run *next;
    pid_t pid;                   /* the keeper's */
    struct boot_time abandon_at; /* given up: until then its end is waited for */
    bool is_abandoned;
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
    int keeper; /* its program; -1: not made yet */
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

static const char *header_json(const struct send *send)
{
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX);
    struct json_writer writer = {.out = &buffer};
    pawli_json_open(&writer, '{');
    for (size_t i = 0; i < send->message->header_count; i++)
        pawli_json_put_string(&writer, send->message->headers[i].name, send->message->headers[i].value);
    pawli_json_close(&writer, '}');
    send->arena->failed |= buffer.failed;
    const char *json = pawli_arena_text(send->arena, buffer_text(&buffer)).data;
    pawli_buffer_done(&buffer);
    return json;
}

/* NULL: out of memory. */
static char **make_environment(const struct send *send)
{
    static const char *const inherited[] = {"PATH", "HOME", "LANG", "TZ"};
    const pawl_message_view *message = send->message;
    char id[PAWL_UUID_TEXT_SIZE], attempt[16], deadline[24], token[24];
    snprintf(attempt, sizeof attempt, "%u", send->attempt);
    snprintf(deadline, sizeof deadline, "%" PRId64, message->deadline_ms);
    snprintf(token, sizeof token, "%" PRIu64, message->token);
    struct text progress = {message->progress, message->progress_size};
    const struct {
        const char *name, *value; /* NULL: the message has none */
    } own[] = {{"PAWL_MESSAGE_ID", pawl_uuid_format(&message->id, id)},
               {"PAWL_SCOPE", message->scope},
               {"PAWL_LANE", message->lane},
               {"PAWL_TARGET", message->target},
               {"PAWL_PHASE", pawli_phase_text(send->phase)},
               {"PAWL_ATTEMPT", attempt},
               {"PAWL_REMOTE_ID", message->remote_id},
               {"PAWL_TOKEN", token},
               {"PAWL_PROGRESS", progress.size ? pawli_base64(send->arena, progress).data : NULL},
               {"PAWL_KEY", message->key},
               {"PAWL_SENDER", message->sender},
               {"PAWL_DEADLINE", message->deadline_ms ? deadline : NULL},
               {"PAWL_HEADERS", message->header_count ? header_json(send) : NULL}};
    char **made = arena_array(send->arena, char *, COUNT_OF(inherited) + COUNT_OF(own) + 1), **at = made;
    for (size_t i = 0; made && i < COUNT_OF(inherited); i++)
        if (getenv(inherited[i]))
            *at++ =
                (char *)(uintptr_t)pawli_arena_format(send->arena, "%s=%s", inherited[i], getenv(inherited[i])).data;
    for (size_t i = 0; made && i < COUNT_OF(own); i++)
        if (own[i].value)
            *at++ = (char *)(uintptr_t)pawli_arena_format(send->arena, "%s=%s", own[i].name, own[i].value).data;
    return pawli_arena_failed(send->arena) ? NULL : made;
}

/* ---- starting ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Away from the numbers that the keeper shall find something under: this process may have closed its own 0, 1 or 2. */
static int move_up(int fd)
{
    if (fd < 0 || fd > KEEPER_LINE)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, KEEPER_LINE + 1), problem = errno;
    close(fd);
    errno = problem;
    return moved;
}

static bool write_keeper(int fd)
{
    for (size_t at = 0; at < pawli_keeper_size;) {
        ssize_t written = write(fd, pawli_keeper + at, pawli_keeper_size - at);
        if (written <= 0)
            return false;
        at += (size_t)written;
    }
    return fchmod(fd, 0500) == 0;
}

/* A file without a name that can be run: nobody may still have it open for writing then. -1: see errno. */
static int make_keeper(void)
{
    char path[32];
    PAWL_AUTO(close_fd) int fd = memfd_create("pawl-keeper", MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0)
        fd = memfd_create("pawl-keeper", MFD_CLOEXEC); /* a kernel that does not know the flag */
    if (fd < 0 || !write_keeper(fd))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return move_up(open(path, O_RDONLY | O_CLOEXEC));
}

static int add_actions(posix_spawn_file_actions_t *actions, int input, int errors, int keeper, int line)
{
    int problem = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
    if (problem == 0)
        problem = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (problem == 0)
        problem = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
    if (problem == 0)
        problem = posix_spawn_file_actions_adddup2(actions, keeper, KEEPER_SELF);
    if (problem == 0)
        problem = posix_spawn_file_actions_adddup2(actions, line, KEEPER_LINE);
    if (problem == 0)
        problem = posix_spawn_file_actions_addclosefrom_np(actions, KEEPER_LINE + 1);
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

/* What a keeper is started with. */
struct spawn {
    const char *path;
    const struct send *send;
    int input, errors, keeper, line;
};

/* 0, or the errno of what failed; then nothing runs. */
static int spawn(const struct spawn *spawn, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char self[32], name[] = "pawl-keeper", *arguments[] = {name, (char *)(uintptr_t)spawn->path, NULL};
    char **environment = make_environment(spawn->send);
    if (!environment || posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    snprintf(self, sizeof self, "/proc/self/fd/%d", KEEPER_SELF);
    int problem = posix_spawnattr_init(&attributes);
    if (problem == 0) {
        problem = add_actions(&actions, spawn->input, spawn->errors, spawn->keeper, spawn->line);
        if (problem == 0)
            problem = set_attributes(&attributes);
        if (problem == 0)
            problem = posix_spawn(ret_pid, self, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

/* Puts the program to work, once both descriptors are watched; an errno otherwise, and nothing runs. */
static int start(struct run *run, const char *path)
{
    struct exec_sink *sink = run->sink;
    PAWL_AUTO(close_fd) int input = move_up(make_input(run->send->message));
    int pipe[2] = {-1, -1}, line[2] = {-1, -1};
    if (sink->keeper < 0)
        sink->keeper = make_keeper();
    if (sink->keeper < 0 || input < 0 || pipe2(pipe, O_CLOEXEC) < 0)
        return errno;
    run->errors.fd = pipe[0];
    PAWL_AUTO(close_fd) int writing = move_up(pipe[1]);
    if (writing < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line) < 0)
        return errno;
    run->line.fd = line[0];
    PAWL_AUTO(close_fd) int other = move_up(line[1]);
    if (other < 0 || fcntl(pipe[0], F_SETFL, O_NONBLOCK) < 0)
        return errno;
    int problem = -pawli_loop_watch(sink->loop, &run->line, EPOLLIN);
    if (problem == 0)
        problem = -pawli_loop_watch(sink->loop, &run->errors, EPOLLIN);
    if (problem == 0)
        problem = spawn(&(struct spawn){path, run->send, input, writing, sink->keeper, other}, &run->pid);
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
    close_watch(run, &run->line);
    close_watch(run, &run->errors);
    run->is_over = true;
    run->sink->running -= !run->is_abandoned;
    pawli_engine_wake(run->sink->host.engine); /* the step frees it */
}

/* What people see: what happened, and the end of its standard error. */
static struct text reason_of(const struct run *run, const struct send *send, struct text what)
{
    struct text tail = pawli_printable(send->arena, (struct text){run->tail, run->tail_size}, TAIL_MAX);
    return pawli_arena_format(send->arena, "%.*s%s%.*s", TEXT_ARG(what), tail.size ? ": " : "", TEXT_ARG(tail));
}

static void answer(struct run *run, enum verdict verdict, struct text what)
{
    struct send *send = PAWL_TAKE(run->send);
    if (send)
        pawli_send_done(send, verdict, reason_of(run, send, what));
}

/* Nothing ran: for want of something here, because the message has more headers than a program can be given, or else
 * because the program cannot be run (yet). */
static void answer_not_run(struct run *run, const char *path, int problem, bool is_local)
{
    char what[LIMIT_ERROR_TEXT];
    is_local |= problem == EAGAIN || pawli_is_shortage(problem);
    snprintf(what, sizeof what, "cannot run %s: %s", path, strerror(problem));
    if (run->send)
        run->send->is_unsent = true;
    answer(run, problem == E2BIG ? VERDICT_DEAD : is_local ? VERDICT_DEFERRED : VERDICT_RETRY, text_of(what));
}

static void answer_look(struct run *run, int status, struct text what)
{
    struct send *send = PAWL_TAKE(run->send);
    enum finding finding = status == 0                ? FINDING_HAPPENED
                           : status == EXIT_DID_NOT   ? FINDING_DID_NOT
                           : status == EXIT_PERMANENT ? FINDING_HOPELESS
                                                      : FINDING_NONE;
    pawli_look_done(send, finding, reason_of(run, send, what));
}

static void judge(struct run *run, const siginfo_t *info)
{
    char what[64];
    int problem;
    if (read(run->line.fd, &problem, sizeof problem) == sizeof problem) {
        answer_not_run(run, run->send ? pawli_url_path(run->send->url) : "", problem, false);
        return;
    }
    if (info->si_code != CLD_EXITED) {
        snprintf(what, sizeof what, "killed by signal %d", info->si_status);
        answer(run, VERDICT_UNCERTAIN, text_of(what));
        return;
    }
    snprintf(what, sizeof what, "exit status %d", info->si_status);
    if (run->send && run->send->phase != PHASE_SEND)
        answer_look(run, info->si_status, text_of(what));
    else
        answer(run,
               info->si_status == 0                ? VERDICT_DELIVERED
               : info->si_status == EXIT_PERMANENT ? VERDICT_DEAD
                                                   : VERDICT_RETRY,
               text_of(what));
}

/* Whether it has ended; then it was answered, and is over. Who hung up is ending, and waited for. */
static bool reap(struct run *run, bool hung_up)
{
    siginfo_t info = {0};
    int status;
    do
        status = waitid(P_PID, (id_t)run->pid, &info, WEXITED | (hung_up ? 0 : WNOHANG));
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

static void line_ready(struct watch *watch, uint32_t events)
{
    struct run *run = (struct run *)((char *)watch - offsetof(struct run, line));
    (void)events;
    if (!run->is_over)
        reap(run, true);
}

static void errors_ready(struct watch *watch, uint32_t events)
{
    struct run *run = (struct run *)((char *)watch - offsetof(struct run, errors));
    (void)events;
    if (!run->is_over)
        read_errors(run);
}

/* ---- the door ---- */

/* Hangs up: the keeper kills all of it. */
static void give_up(struct run *run)
{
    struct env *env = run->sink->host.env;
    shutdown(run->line.fd, SHUT_WR);
    run->abandon_at = boot_after_ms(env->ops->boot_now(env), ABANDON_MS);
    pawli_engine_wake(run->sink->host.engine);
}

static void exec_cancel(struct sink *base, struct send *send)
{
    struct run *run = send->sink_data;
    (void)base;
    if (reap(run, false))
        return; /* it had ended already, and said so */
    give_up(run);
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
        pawli_send_malformed(send, "exec: wants an absolute path");
        return;
    }
    if (!path) {
        pawli_send_unsent(send, pawli_is_shortage(errno) ? VERDICT_DEFERRED : VERDICT_RETRY, "cannot find %s: %s",
                          given, strerror(errno));
        return;
    }
    PAWL_AUTO(pawli_path_free) char *allowed = pawli_path_allowed(path, rules->exec_dirs, rules->exec_dir_count);
    if (!allowed) {
        pawli_send_unsent(send, VERDICT_DEFERRED, "this process may not run %s (--allow-exec)", path);
        return;
    }
    struct run *run = pawli_alloc(sizeof *run);
    if (!run) {
        pawli_send_unsent(send, VERDICT_DEFERRED, "out of memory; nothing was run");
        return;
    }
    *run = (struct run){
        .line = {line_ready, -1}, .errors = {errors_ready, -1}, .sink = sink, .send = send, .next = sink->runs};
    sink->runs = run;
    sink->running++;
    send->sink_data = run;
    int problem = start(run, path);
    if (problem == 0)
        return;
    answer_not_run(run, path, problem, true); /* not even its keeper */
    end_run(run);
}

static void free_runs(struct exec_sink *sink, bool all)
{
    for (struct run **at = &sink->runs; *at;) {
        struct run *run = *at;
        if (!run->is_over && !all) {
            at = &run->next;
            continue;
        }
        if (!run->is_over)
            end_run(run);
        *at = run->next;
        pawli_free(run);
    }
}

static struct boot_time exec_step(struct sink *base, struct boot_time now)
{
    struct exec_sink *sink = exec_of(base);
    struct boot_time next = BOOT_NEVER;
    free_runs(sink, false);
    for (struct run *run = sink->runs; run; run = run->next) {
        if (run->abandon_at.ns == 0 || run->is_abandoned)
            continue;
        if (run->abandon_at.ns <= now.ns) {
            run->is_abandoned = true;
            sink->running--;
        } else {
            next = boot_earlier(next, run->abandon_at);
        }
    }
    return next;
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
    *sink = (struct exec_sink){.sink = {&pawli_sink_exec}, .host = *host, .loop = host->engine->loop, .keeper = -1};
    *ret_sink = &sink->sink;
    return PAWL_OK;
}

static void exec_close(struct sink *base)
{
    free_runs(exec_of(base), true);
    close_fd(&exec_of(base)->keeper);
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
    .asks = true,
    .check = exec_check,
    .open = exec_open,
    .send = exec_send,
    .cancel = exec_cancel,
    .step = exec_step,
    .close = exec_close,
    .is_idle = exec_is_idle,
};
