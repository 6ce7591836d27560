/* SPDX-License-Identifier: MIT */
/* What the tests of the sinks for brokers share: a sink, a server that they start, and a proxy between them. */
#ifndef TESTS_BROKER_H
#define TESTS_BROKER_H

#include "harness.h"
#include "program.h"
#include "proxy.h"

#define LONG_MS  60000 /* for sends that are answered */
#define SHORT_MS 300   /* for those that never are */

struct world {
    struct harness harness;
    struct proxy *proxy;
    struct secret *secret;
    char url[256];
};

void world_open(struct world *world, const struct sink_ops *ops, uint16_t server);
void world_close(struct world *world);

/* "nats://127.0.0.1:PORT/…" of the proxy. */
const char *world_url(struct world *world, const char *scheme, const char *user, const char *path);
void world_password(struct world *world, const char *password); /* for the sends that follow; NULL: none */

/* A message with its own id, and its send, begun. */
struct outgoing *begin(struct world *world, const char *url, unsigned number, int64_t timeout_ms);
/* And ended; checks the verdict, and that the answer (of a delivered one) or the error has a text in it. */
void expect(struct world *world, struct outgoing *outgoing, enum verdict verdict, const char *part);
void until_passed(struct world *world, const char *text); /* turns the loop until the proxy saw it */
void step_later(struct world *world, int64_t ms);         /* as if so much time had gone by */

/* A broker that a program's set-up has started, for the tests that hold for every kind: it gives them as their state. */
struct kind {
    const struct sink_ops *ops;
    const char *scheme, *library, *package;
    const char *user, *password; /* "guest@": one that may do all */
    uint16_t port;
    void (*make)(const char *name); /* a queue or stream of that name, which keeps what it gets */
    uint64_t (*messages_in)(const char *name);
    const char *path; /* to one, in a URL; %s: its name */
};

void many_messages_share_a_connection_at_the_same_time(void **state);
void a_wrong_password_sends_nothing_and_a_new_one_is_used_at_once(void **state);
void an_address_that_is_denied_and_a_library_that_is_missing_are_deferrals(void **state);
void a_broker_that_is_down_got_nothing(void **state);
void a_connection_that_is_lost_before_the_confirm_leaves_it_uncertain(void **state);
void a_confirm_that_never_comes_ends_with_the_deadline_and_the_connection_with_it(void **state);
void a_connection_that_nobody_uses_is_closed_and_one_that_was_closed_is_made_anew(void **state);

/* dlopen of a file of that name fails from now on; NULL: of none. */
extern const char *missing_library;

#endif
