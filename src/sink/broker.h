/* SPDX-License-Identifier: MIT */
/* Connections to brokers, which sends share: what nats and amqp have in common. A sink begins with a `struct broker`, its
 * connections with a `struct connection`. All runs on the loop's thread, but for `connect`.
 *
 *   1  Sends to one place (server, user, password, and what else a protocol binds a connection to) share a connection. There
 *      are CONNECTIONS_MAX at most; one that nobody used for IDLE_MS is closed.
 *   2  A name is looked up by the resolver, and each of its addresses judged, before a library is told of it: by number.
 *   3  A send waits until its connection stands and has little to write. Until its last byte was handed to the kernel the
 *      broker cannot have it: then a lost connection is a retry, and behind it uncertain. What nobody waits for any more is
 *      not handed over.
 *   4  A connection ends as a whole, and is never mended: the next send makes a new one. */
#ifndef PAWLI_BROKER_H
#define PAWLI_BROKER_H

#include "model/url.h"
#include "sink/answer.h"
#include "sink/library.h"
#include "sink/reach.h"
#include "sink/resolve.h"

#define CONNECTIONS_MAX 64
#define IDLE_MS         30000
#define CONNECT_MS      5000         /* of each step of a connection's making */
#define TO_WRITE_MAX    (256 * 1024) /* bytes; with more to write nothing more is handed over */
#define PROBLEM_MAX     256
#define PASSWORD_ROOM   257 /* of the longest in a secret file */

struct connection;

/* One attempt. It goes with its send: an answer for one that is gone is nobody's. */
struct publish {
    struct publish *next;
    struct connection *connection;
    struct send *send;
    struct broker_url url;   /* points into the send's */
    uint64_t number;         /* 1, 2, … as they were handed over; 0: it waits */
    uint64_t end;            /* of its bytes, in all that the connection writes */
    uint64_t heard;          /* how often its connection had been heard of then */
    struct text note;        /* what the broker said of it, before its last word; in the send's arena */
    const void *stands_with; /* nats: its stream has it, and is being asked how well; NULL: not said */
};

struct publishes {
    struct publish *first, *last;
};

/* Why a connection could not be made. */
enum connection_failure {
    FAILURE_LOCAL,     /* this process is short of something, or may not */
    FAILURE_UNREACHED, /* nobody answered there */
    FAILURE_REFUSED,   /* the broker did not want it */
    FAILURE_LOGIN,     /* it did not want this user, or this password */
};

enum connection_state { CONNECTION_LOOKS_UP, CONNECTION_CONNECTS, CONNECTION_STANDS, CONNECTION_ENDED };

struct connection {
    struct watch watch;
    struct job job;
    struct name_wait wait;
    struct connection *next;
    struct broker *broker;
    enum connection_state state;
    bool is_retired;           /* no further send gets it */
    _Atomic bool is_abandoned; /* nobody waits for it any more: not worth another address */
    struct arena arena;
    struct broker_url url; /* its place, in its arena */
    struct secret *secret;
    struct address addresses[ADDRESSES_MAX];
    size_t address_count;
    struct publishes waiting, sent;
    uint64_t numbers, written, heard;
    struct boot_time idle_at; /* when it is closed for want of use */
    uint32_t events;          /* that are watched */
    enum connection_failure failure;
    char problem[PROBLEM_MAX];
};

struct broker_ops {
    const char *protocol; /* as people are shown it */
    const char *login;    /* what the secret file of a target has */
    size_t connection_size;
    const struct library *library;
    size_t functions_at; /* in a connection: the table of its functions */
    /* On a thread, in at most a few times CONNECT_MS: a connection to one address, or failure and problem. */
    bool (*connect)(struct connection *connection, const struct address *address);
    int (*fd)(const struct connection *connection);        /* of one that stands */
    bool (*may_hand)(const struct connection *connection); /* besides invariant 3; NULL: always */
    /* Puts it into what is to be written, and sets its end. False: it could not be, and was completed. */
    bool (*hand)(struct connection *connection, struct publish *publish);
    uint64_t (*to_write)(const struct connection *connection);
    /* What can be done without waiting; `written` is moved on. False: it is over, and the problem says why. */
    bool (*write)(struct connection *connection);
    bool (*read)(struct connection *connection);
    void (*take)(struct connection *connection); /* in a step: what other threads left for it; NULL: nothing */
    bool (*give_up)(
        struct publish
            *publish); /* past its deadline: true where the broker has it, and it was completed; NULL: never */
    void (*drop)(struct connection *connection); /* frees what connect made, in any state of it */
};

struct broker {
    struct sink sink;
    struct sink_host host;
    const struct broker_ops *ops;
    struct loop *loop; /* known beyond the engine's life on it */
    struct reach reach;
    struct resolver *resolver;
    struct connection *connections;
    unsigned count, connecting;
};

/* The calls of sink.h, for a sink's table; its check is pawli_reach_check. */
int pawli_broker_open(const struct sink_host *host, const struct sink_ops *sink, const struct broker_ops *ops,
                      struct sink **ret_sink, pawl_error *err);
void pawli_broker_send(struct sink *sink, struct send *send);
void pawli_broker_cancel(struct sink *sink, struct send *send);
struct boot_time pawli_broker_step(struct sink *sink, struct boot_time now);
void pawli_broker_close(struct sink *sink);
bool pawli_broker_is_idle(struct sink *sink);

/* For the protocols: why an address could not be connected to; why a connection is over. Both answer false. */
bool pawli_connection_failed(struct connection *connection, const struct address *address,
                             enum connection_failure failure, const char *text);
bool pawli_connection_lost(struct connection *connection, const char *text);

/* The password of its secret, which the caller wipes; "" where it has none. */
void pawli_connection_password(const struct connection *connection, char password[PASSWORD_ROOM]);

/* The end of a publish, wherever it stands. It is gone afterwards. */
void pawli_publish_delivered(struct publish *publish, enum durability durability, const char *format, ...)
    PRINTF_LIKE(3, 4);
void pawli_publish_failed(struct publish *publish, enum verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
