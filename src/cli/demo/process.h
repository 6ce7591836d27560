/* SPDX-License-Identifier: MIT */
/* A child that runs this program: its lines are heard, its end is noticed, and it does not outlive its parent. */
#ifndef PAWLI_DEMO_PROCESS_H
#define PAWLI_DEMO_PROCESS_H

#include <sys/types.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/base.h"

struct process {
    /* given */
    struct event_base *base;
    const char *log;                                         /* the file that its standard error goes to */
    void (*hear)(struct process *process, struct text line); /* a line of its standard output; NUL behind it */
    void (*ended)(struct process *process, int wait_status); /* after its last line */
    void *data;
    /* its own */
    pid_t pid; /* 0: it does not run */
    int output, pidfd;
    struct event *readable, *exited;
    struct evbuffer *lines;
};

/* arguments: of pawl, without its own name; ends with NULL. */
int process_start(struct process *process, const char *const *arguments, pawl_error *err);
void process_signal(struct process *process, int number); /* nothing where it does not run */
void process_end(struct process *process);                /* kills it, and hears nothing more of it */

#endif
