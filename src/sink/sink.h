/* SPDX-License-Identifier: MIT */
/* The door to every sink: code that can deliver to a kind of target. A sink is part of the worker's engine: it is called on
 * the loop's thread, never blocks there, and completes every send exactly once.
 *
 *   1  What it says is honest (O4). DELIVERED: the receiver said so. RETRY: nothing arrived, for sure, or the receiver
 *      refused for now. DEAD: impossible; the same bytes will never be taken. UNCERTAIN: the request was sent and nobody
 *      knows. DEFERRED: the receiver said "later", or this process could not even try (out of descriptors, memory, threads;
 *      not allowed; set up wrongly), which says nothing about the receiver and costs no attempt.
 *   2  The message id goes with every send, the same for every attempt, so that receivers can deduplicate.
 *   3  A send ends by its deadline: the worker calls cancel, and the sink completes it soon, as RETRY or UNCERTAIN by 1.
 *   4  The payload's bytes go out as they are.
 *   5  A sink may be asked what became of a message (a poll, a probe): then it sends nothing, and what it could not find out
 *      is asked again (pawli_look_done in answer.h). Nothing but the receiver's word says that it happened, or did not. */
#ifndef PAWLI_SINK_H
#define PAWLI_SINK_H

#include "base/arena.h"
#include "env/engine.h"
#include "model/decide.h"
#include "model/rows.h"
#include "pawl/message.h"

/* What the process that sends allows. Texts are borrowed for its life. */
struct sink_rules {
    const char *const *addresses; /* CIDR blocks that beat the list of denied ones */
    size_t address_count;
    const char *const *exec_dirs; /* exec: runs programs only below these; none: none */
    size_t exec_dir_count;
    const char *const *file_dirs; /* file: writes only below these; none: none */
    size_t file_dir_count;
    const char *own_address; /* host:port that this process listens on: never sent to; NULL: none */
    const char *ca_file;     /* PEM of the authorities to trust in place of the system's; NULL: the system's */
};

struct callback; /* sink/callback: a function registered under a name */

/* Where a sink lives. */
struct sink_host {
    struct env *env;
    struct engine *engine; /* the worker's; its loop is engine->loop */
    const struct sink_rules *rules;
    const struct callback *callbacks;
};

/* What keeps a message in memory. A sink whose work can outlive its send (a callback that does not return) holds it on. */
struct message_lease {
    void (*hold)(struct message_lease *lease);
    void (*release)(struct message_lease *lease);
};

/* What is wrong with a target as a whole, so that it shall be held until somebody looks. */
enum target_fault { TARGET_FINE, TARGET_GONE, TARGET_MALFORMED };

/* One attempt, or one look for the outcome of it. The upper half is given, the lower half is the sink's answer. */
struct send {
    struct arena *arena; /* of the send: what the answer points to lives here */
    enum phase phase;
    const pawl_message_view *message;
    struct message_lease *lease;
    const char *url;
    const struct secret *secret; /* the target's; NULL: none */
    struct policy policy;        /* effective, when it was begun */
    uint32_t attempt;            /* 1, 2, … */
    int64_t timeout_ms;
    int64_t connect_ms; /* so long for a connection, where there is another URL; 0: as long as there is */
    struct boot_time deadline;
    void *sink_data; /* the sink's own */

    enum verdict verdict;
    struct text error;          /* why, for everything but delivered */
    struct text remote_id;      /* what the receiver calls it; absent: it did not say */
    struct text response;       /* a summary for the list of attempts */
    enum durability durability; /* of what was delivered */
    int status;                 /* that the receiver answered with, of HTTP; 0: none */
    int64_t retry_in_ms;        /* when to try again; -1: as the policy says */
    bool retry_is_least;        /* it is a wish: the policy's backoff holds where it is longer */
    bool is_unsent;             /* nothing of it left: another URL of its route may be tried in the same attempt */
    bool is_unauthorized;       /* the secret may have changed: it is read again */
    enum target_fault fault;
    void (*done)(struct send *send); /* called once, on the loop's thread */
    struct send *next;               /* the worker's */
};

struct sink;

struct sink_ops {
    const char *name;
    const char *const *schemes; /* "http", "https", NULL */
    bool asks;                  /* it can be asked, too */
    bool (*serves)(const struct sink_host *host, const char *url,
                   enum phase phase); /* of its schemes; NULL: all. Others are not claimed */
    int (*check)(const struct sink_rules *rules, pawl_error *err); /* whether they can be obeyed; NULL: always */
    int (*open)(const struct sink_host *host, struct sink **ret_sink, pawl_error *err);
    void (*send)(struct sink *sink, struct send *send); /* takes it; may call done before it returns */
    void (*cancel)(struct sink *sink,
                   struct send *send); /* past its deadline, or the worker stops; done follows soon */
    struct boot_time (*step)(struct sink *sink, struct boot_time now); /* timers of its own; NULL: none */
    void (*close)(struct sink *sink);                                  /* no send is under way, and is_idle says so */
    bool (*is_idle)(struct sink *sink); /* nothing of it runs any more, given-up sends included; NULL: always */
};

struct sink {
    const struct sink_ops *ops;
};

extern const struct sink_ops pawli_sink_http, pawli_sink_exec, pawli_sink_file, pawli_sink_callback, pawli_sink_nats,
    pawli_sink_amqp;

/* ---- secret.c: what a target's requests are signed with, or the password of a broker: read from a file and wiped when
 * nobody holds it any more ---- */

enum secret_use { SECRET_SIGNS, SECRET_LOGS_IN };  /* keys that sign each request; the password of a broker */
enum secret_use pawli_secret_use(const char *url); /* of a target there */

#define SECRET_KEYS_MAX 4 /* more than one: while a key is replaced, a request is signed with each */

/* What tells one content of a file from the next, however it was replaced. */
struct file_stamp {
    uint64_t device, inode;
    int64_t size, modified_ns, changed_ns;
};

struct secret {
    unsigned holds; /* one thread's, the loop's */
    struct file_stamp stamp;
    size_t key_count;
    struct text keys[SECRET_KEYS_MAX];
    char bytes[];
};

/* The file, readable to its owner and group only. Keys: one a line, "whsec_" and base64 of 24 to 64 bytes, the newest first.
 * A password: the one line that it has, as keys[0]. */
int pawli_secret_read(const char *path, enum secret_use use, struct secret **ret_secret, pawl_error *err);
bool pawli_secret_equal(const struct secret *a, const struct secret *b);     /* NULL is equal to NULL only */
bool pawli_secret_is_current(const struct secret *secret, const char *path); /* the file was not changed since */
struct secret *pawli_secret_hold(struct secret *secret);                     /* NULL is fine */
struct secret *pawli_secret_release(struct secret *secret);                  /* returns NULL; NULL is fine */

#endif
