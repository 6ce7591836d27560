/* SPDX-License-Identifier: MIT */
#include "cli/demo/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 24
#define READ_SIZE     65536

static void forget(struct process *process)
{
    if (process->readable)
        event_free(process->readable);
    if (process->exited)
        event_free(process->exited);
    if (process->lines)
        evbuffer_free(process->lines);
    close(process->output);
    close(process->pidfd);
    process->pid = 0;
    process->readable = process->exited = NULL;
    process->lines = NULL;
}

static void hear_lines(struct process *process)
{
    size_t size;
    char *line;
    while ((line = evbuffer_readln(process->lines, &size, EVBUFFER_EOL_LF))) {
        process->hear(process, (struct text){line, size});
        free(line);
    }
}

static void read_output(evutil_socket_t fd, short what, void *data)
{
    struct process *process = data;
    int got;
    (void)what;
    do
        got = evbuffer_read(process->lines, fd, READ_SIZE);
    while (got > 0);
    if (got == 0)
        event_del(process->readable);
    hear_lines(process);
}

static void note_exit(evutil_socket_t fd, short what, void *data)
{
    struct process *process = data;
    int wait_status = 0;
    (void)fd;
    read_output(process->output, what, data);
    while (waitpid(process->pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    forget(process);
    process->ended(process, wait_status);
}

/* Between fork and exec. */
_Noreturn static void become_pawl(const struct process *process, int output, pid_t parent, char **arguments)
{
    int log = open(process->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && log >= 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(output, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execv("/proc/self/exe", arguments);
    _exit(127);
}

static int watch(struct process *process)
{
    process->pidfd = pidfd_open(process->pid, 0);
    process->lines = evbuffer_new();
    process->readable = event_new(process->base, process->output, EV_READ | EV_PERSIST, read_output, process);
    if (process->pidfd >= 0)
        process->exited = event_new(process->base, process->pidfd, EV_READ, note_exit, process);
    return process->lines && process->readable && process->exited && event_add(process->readable, NULL) == 0 &&
                   event_add(process->exited, NULL) == 0
               ? 0
               : -1;
}

int process_start(struct process *process, const char *const *arguments, pawl_error *err)
{
    int ends[2];
    char *words[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t) "pawl"};
    for (size_t i = 0; arguments[i]; i++) {
        PAWL_ASSERT(i < ARGUMENTS_MAX);
        words[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return pawli_fail(err, PAWL_EUNAVAIL, "cannot make a pipe: %s", strerror(errno));
    fcntl(ends[1], F_SETFL, 0); /* the child's end blocks */
    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid == 0)
        become_pawl(process, ends[1], parent, words);
    close(ends[1]);
    process->output = ends[0];
    process->pidfd = -1;
    if (process->pid > 0 && watch(process) == 0)
        return PAWL_OK;
    int status = pawli_fail(err, PAWL_EUNAVAIL, "cannot start \"pawl %s\": %s", arguments[0], strerror(errno));
    if (process->pid > 0)
        process_end(process);
    else
        close(ends[0]);
    process->pid = 0;
    return status;
}

void process_signal(struct process *process, int number)
{
    if (process->pid > 0)
        kill(process->pid, number); /* not waited for yet, so the id is its own */
}

void process_end(struct process *process)
{
    if (process->pid <= 0)
        return;
    kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    forget(process);
}
