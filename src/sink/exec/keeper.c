/* SPDX-License-Identifier: MIT */
/* The keeper of one program: a small process between the exec sink and the program that it runs, so that a program ends whole.
 * It is a program of its own, built into the library as bytes, because only a parent that outlives nothing else can promise
 * that: a process group can be left, and the death of the sink's process is seen by nobody who is not there.
 *
 *   1  All that the program starts stays below the keeper: it is the "subreaper", to which orphans go.
 *   2  When the program ended, when the sink hangs up, or when the sink's process died (which hangs up, too), all of it is
 *      killed, over and over until nothing is left. The program itself dies with its keeper, however that dies.
 *   3  Then it ends as the program did, by the same status or signal. What could not be run is told first, as an errno.
 *
 * Arguments: the path. Descriptors: 0 and 2 are the program's, 3 is this program itself, 4 leads to the sink. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sink/exec/keeper.h"

/* What programs expect of a limit; the sink's own process may have raised its. */
#define DESCRIPTORS 1024

extern char **environ;

/* In the child. Returns only as the errno of what failed. */
static int become(const char *path, const sigset_t *mask)
{
    char *arguments[] = {(char *)(size_t)path, NULL};
    pid_t keeper = getppid();
    if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return errno;
    if (getppid() != keeper) /* it died before it would have been noticed */
        _exit(EXIT_FAILURE);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execve(path, arguments, environ);
    return errno;
}

/* 0, or the errno of what kept it from running. */
static int start(const char *path, const sigset_t *mask, pid_t *program)
{
    int told[2], problem = 0;
    if (pipe2(told, O_CLOEXEC) < 0)
        return errno;
    *program = fork();
    if (*program == 0) {
        problem = become(path, mask);
        ssize_t written = write(told[1], &problem, sizeof problem);
        (void)written;
        _exit(EXIT_FAILURE);
    }
    if (*program < 0)
        problem = errno;
    close(told[1]);
    while (problem == 0 && read(told[0], &problem, sizeof problem) < 0 && errno == EINTR)
        continue; /* nothing to read: it runs */
    close(told[0]);
    return problem;
}

/* Kills every child; children of theirs are the keeper's next. */
static void kill_children(void)
{
    char path[64];
    int pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    while (children && fscanf(children, "%d", &pid) == 1)
        kill(pid, SIGKILL);
    if (children)
        fclose(children);
}

/* Takes whatever ended; true once the program has, whose end is kept. */
static bool reap(pid_t program, siginfo_t *end)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
            return end->si_pid != 0;
        if (info.si_pid == program)
            *end = info;
    }
}

/* Until nothing is left. Those that cannot be killed (another user's, or stuck in the kernel) keep the keeper. */
static void end_all(pid_t program, siginfo_t *end)
{
    siginfo_t info;
    while (kill(-program, SIGKILL), kill_children(), waitid(P_ALL, 0, &info, WEXITED) == 0 || errno == EINTR)
        if (info.si_pid == program && end->si_pid == 0)
            *end = info;
}

/* Until the program ended, the sink hung up, or its process died and somebody else holds the line on. */
static void wait_for_end(pid_t program, pid_t sink, int signals, siginfo_t *end)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = KEEPER_LINE, .events = POLLIN}};
    struct signalfd_siginfo info;
    while (!reap(program, end) && getppid() == sink) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents)
            return;
        if (fds[0].revents && read(signals, &info, sizeof info) < 0 && errno != EAGAIN)
            return;
    }
}

static int end_alike(const siginfo_t *end)
{
    struct rlimit none = {0};
    sigset_t all;
    if (end->si_code == CLD_EXITED)
        return end->si_status;
    setrlimit(RLIMIT_CORE, &none);
    signal(end->si_status, SIG_DFL);
    sigfillset(&all);
    raise(end->si_status);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    return KEEPER_FAILED;
}

int main(int count, char **arguments)
{
    sigset_t all, before;
    siginfo_t end = {0};
    struct rlimit limit;
    pid_t program = 0, sink = getppid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    prctl(PR_SET_NAME, "pawl-keeper");
    fcntl(KEEPER_LINE, F_SETFD, FD_CLOEXEC);
    close(KEEPER_SELF);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > DESCRIPTORS) {
        limit.rlim_cur = DESCRIPTORS;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    int problem = signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGHUP) < 0 ? errno
                                                                                                             : 0;
    if (problem == 0)
        problem = count == 2 ? start(arguments[1], &before, &program) : EINVAL;
    if (problem != 0) {
        ssize_t written = write(KEEPER_LINE, &problem, sizeof problem);
        (void)written;
        return KEEPER_FAILED;
    }
    close(STDIN_FILENO);
    wait_for_end(program, sink, signals, &end);
    end_all(program, &end);
    return end_alike(&end);
}
