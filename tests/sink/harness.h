/* SPDX-License-Identifier: MIT */
/* A sink without a worker: a loop, an engine that steps the sink and cancels what is past its deadline, as the worker does,
 * and a wall clock that stands still. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "support.h"

#include "env/engine.h"
#include "sink/sink.h"

#define WALL_MS 1614265330000 /* 2021-02-25T15:02:10Z, the moment of the published vector */

extern const struct sink_rules loopback_rules; /* all of 127.0.0.0/8 is allowed */

struct outgoing {
    struct send send;
    struct arena arena;
    struct message_lease lease;
    pawl_message_view message;
    struct outgoing *next; /* under way */
    int holds;             /* of its message */
    bool is_done;
};

struct harness {
    struct env env;
    struct env *real;
    struct loop *loop;
    struct engine engine;
    struct sink_rules rules;
    const struct callback *callbacks;
    struct sink *sink;
    struct outgoing *under_way;
};

void harness_start(struct harness *harness,
                   const struct sink_ops *ops); /* with the rules and callbacks that were set before */
void harness_stop(struct harness *harness);

/* A message with a payload; fill in more before harness_send. */
struct outgoing *outgoing_new(const char *payload);
void outgoing_free(struct outgoing *outgoing);

void harness_send(struct harness *harness, struct outgoing *outgoing, const char *url, int64_t timeout_ms);
void harness_wait(struct harness *harness, const struct outgoing *outgoing); /* until it is done */

#endif
