/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LINE_SIZE 65536

void child_start(struct child *child, const char *const *arguments)
{
    const char *command = getenv("PAWL_COMMAND");
    char *words[32] = {(char *)(uintptr_t) "pawl"};
    int out[2], err[2];
    assert_non_null(command);
    for (size_t i = 0; arguments[i]; i++)
        words[i + 1] = (char *)(uintptr_t)arguments[i];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    pid_t parent = getpid();
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        if (getppid() == parent)
            execv(command, words);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    child->out = fdopen(out[0], "r");
    child->err = fdopen(err[0], "r");
    assert_true(child->out && child->err);
}

const char *child_wait_line(FILE *stream, const char *text)
{
    static char line[LINE_SIZE];
    while (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = '\0';
        if (strstr(line, text))
            return line;
    }
    fail_msg("the stream ended before \"%s\"", text);
    return NULL;
}

unsigned child_port(struct child *child)
{
    const char *line = child_wait_line(child->out, "listening");
    unsigned port = (unsigned)strtoul(strrchr(line, ':') + 1, NULL, 10);
    assert_true(port > 0);
    return port;
}

void child_signal(struct child *child, int number)
{
    assert_int_equal(kill(child->pid, number), 0);
}

int child_end(struct child *child)
{
    int status;
    char rest[4096];
    while (fread(rest, 1, sizeof rest, child->out) > 0) {
    }
    fclose(child->out);
    fclose(child->err);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    child->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int http_connect(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

char *http_read_all(int fd)
{
    size_t size = 0, room = 65536;
    char *answer = malloc(room);
    ssize_t got;
    assert_non_null(answer);
    while ((got = recv(fd, answer + size, room - size - 1, 0)) > 0) {
        size += (size_t)got;
        if (size + 1 == room)
            assert_non_null(answer = realloc(answer, room *= 2));
    }
    answer[size] = '\0';
    return answer;
}

char *http_ask(unsigned port, const char *request, size_t size)
{
    int fd = http_connect(port);
    while (size > 0) {
        ssize_t sent = send(fd, request, size, MSG_NOSIGNAL);
        if (sent <= 0) /* refused before it was read whole */
            break;
        request += sent;
        size -= (size_t)sent;
    }
    char *answer = http_read_all(fd);
    close(fd);
    return answer;
}

int http_status(const char *answer)
{
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}
