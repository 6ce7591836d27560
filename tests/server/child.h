/* SPDX-License-Identifier: MIT */
/* The command as a child of a test, and a client that speaks raw HTTP to it. Nothing here sleeps: lines and ends are waited
 * for. Every child that a test leaves running is killed when the test ends. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <sys/socket.h>
#include <sys/types.h>

#include "support.h"

struct child {
    pid_t pid;
    FILE *out, *err;
};

/* arguments: words behind "pawl", ends with NULL. The command is $PAWL_COMMAND. */
void child_start(struct child *child, const char *const *arguments);
#define CHILD(child, ...) child_start((child), (const char *const[]){__VA_ARGS__, NULL})

/* The next line that has the text, without its end; fails when the stream ends first. In a buffer of its own. */
const char *child_wait_line(FILE *stream, const char *text);

/* The port of the line that says where it listens. */
unsigned child_port(struct child *child);

void child_signal(struct child *child, int number);
int child_end(struct child *child); /* waits; the exit status, or 128 + the signal */

/* Sends a request and reads until the server closes: the whole answer, to be freed. */
int http_connect(unsigned port);
char *http_read_all(int socket);
char *http_ask(unsigned port, const char *request, size_t size);
int http_status(const char *answer);

#endif
