/* SPDX-License-Identifier: MIT */
/* The nouns of pawl as plain structs: what every store keeps, whatever its tables look like. Texts belong to whoever made
 * the row (an arena of the batch, of a unit, of a page). */
#ifndef PAWLI_ROWS_H
#define PAWLI_ROWS_H

#include "base/decimal.h"
#include "base/digest.h"
#include "base/uuid.h"
#include "env/env.h"
#include "model/limits.h"
#include "model/policy.h"
#include "model/state.h"

/* What the two clocks were seen to do, up to the last commit. An end by wall time is reckoned with it: see model/decide.h. */
struct clock {
    struct wall_time wall; /* as of the last commit: both at one moment */
    struct boot_time boot;
    struct wall_time steady; /* since then they run together: since the boot, or the last jump */
    struct boot_time steady_boot;
    struct wall_time floor; /* where the wall clock was after its last jump ahead */
    int64_t leapt_ms;       /* what began before it may be younger by so much than it looks */
    struct wall_time ahead; /* the latest that it showed before it went back; 0: it never did */
    uint64_t backs;         /* how often it went back; */
    uint64_t mended;        /* the same when all that waits was looked at for dates that were false */
};

/* The store itself: one row. */
struct store_row {
    pawl_uuid life;      /* random, made by init */
    uint64_t epoch;      /* raised by adopt; 1 first */
    uint64_t commits;    /* transactions that pawl wrote: the commit number */
    uint64_t last_token; /* the counter part: of those that committers took, block by block */
    uint64_t last_scope, last_queue, last_committer;
    pawl_uuid boot_id;      /* of the boot in which `boot` was raised last */
    uint64_t boot;          /* counts boots, so that a lease of an earlier one is over */
    uint64_t looks;         /* counts when claims may have been lost before their leases ended: boots, new committers */
    struct boot_time lease; /* no claim of this boot ends earlier: before it, nobody need look for lost ones */
    struct clock clock;
};

/* Whoever writes batches: a marker for each, so that a lost COMMIT can be looked up. */
struct committer_row {
    uint64_t id;
    uint64_t slot; /* the lock byte that its process holds while it lives */
    uint64_t batch;
};

struct scope_row {
    uint64_t id;
    struct text name;
    uint64_t seq; /* of the last record */
    struct digest head;
    uint64_t last_number; /* of the last message, workflow or schedule */
    uint64_t fill_types;  /* how many types of its events need a fill */
    uint64_t pruned;      /* bodies of records up to this one are gone */
};

/* What is claimed and moves is known by its scope and its number in it; numbers are given in commit order. In a store both are
 * one integer, which orders by scope, then by number: wherever a row has a `number`, it is that. Only the id that a caller
 * sees has the number alone. */
#define NUMBER_BITS 43
#define NUMBER_MAX  ((UINT64_C(1) << NUMBER_BITS) - 1)
#define SCOPE_MAX   ((UINT64_C(1) << (63 - NUMBER_BITS)) - 1)

static inline uint64_t number_of(uint64_t scope, uint64_t in_scope)
{
    return scope << NUMBER_BITS | in_scope;
}

static inline uint64_t number_in_scope(uint64_t number)
{
    return number & NUMBER_MAX;
}

/* False: no id of a message that a store can have. */
static inline bool message_id_split(const pawl_uuid *id, uint64_t *in_scope, uint64_t *tail)
{
    return pawli_message_id_split(id, in_scope, tail) && *in_scope <= NUMBER_MAX;
}

struct lane_row {
    uint64_t scope;
    struct text name;
    struct policy policy;
    bool is_damaged; /* out of a list: it cannot be read */
};

/* Where messages go, and with what. */
struct route {
    struct text urls; /* JSON array, the one to be tried first at its front (model/urls.h); absent: there is none */
    struct text secret_file; /* path, absent when none */
    struct text headers;     /* sent with every message; a JSON object with sorted names, absent when none */
};

struct target_row {
    uint64_t scope;
    struct text name;
    struct route
        route; /* of messages without a sender; all of it absent: there are only exceptions of policy, or senders */
    struct text probe, poll; /* URLs that are asked whether a message happened, and what became of one handed over */
    struct policy policy;
    bool is_damaged;
};

/* The route of one sender's messages to a target: they go by it, or not at all. It stays when it is removed, so that it is
 * known since when the sender is gone. */
struct sender_row {
    uint64_t scope;
    struct text target, sender;
    struct route route;
    struct wall_time removed; /* WALL_NEVER: it was not */
    bool is_damaged;
};

/* What a queue is for, and so what its tasks carry: model/task_kind.h says what all need to know of each. */
enum task_kind { TASK_MESSAGE, TASK_WORKFLOW, TASK_KIND_COUNT };

struct queue_row {
    uint64_t id, scope;
    struct text lane, target;
    enum task_kind kind;
    uint64_t counts[STATE_COUNT];
    struct boot_time lease; /* no claim of it ends earlier, unless the store's looks were more since */
    uint64_t looks;
    uint64_t added; /* the commit that last added a task to it */
    uint64_t late;  /* messages whose key was bound to the same content, and had been forgotten */
};

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HEALING, BREAKER_COUNT };

/* What the limits of a lane or a target saw: shared by all workers, and there only while one of them is set. Times of another
 * boot mean nothing. */
struct flow_row {
    uint64_t scope;
    struct text lane, target;   /* one of them; the other is absent */
    uint64_t boot;              /* in which the boot times are */
    struct boot_time rate_next; /* where the last one stands if all came evenly */

    /* Of a target with a breaker. */
    enum breaker breaker;
    uint32_t calls, failures;    /* lately */
    uint32_t opened;             /* in a row */
    struct wall_time until;      /* open: a trial may be made from then on */
    struct boot_time healed;     /* healing: since then */
    struct boot_time pace_next;  /* as rate_next, of its pace while it heals */
    struct boot_time retry_next; /* as that, of retries */
    struct boot_time since;      /* closed: so many were */
    uint32_t sent;               /* delivered since then */
    uint64_t normal;             /* and in 1,000 seconds lately; 0: nobody knows */
};

#define HOLD_CODE_BREAKER   "breaker"   /* of a target, by its breaker */
#define HOLD_CODE_MALFORMED "malformed" /* of a target, by a worker: another URL releases it */

enum hold_kind { HOLD_STORE, HOLD_LANE, HOLD_TARGET, HOLD_QUEUE, HOLD_KIND_COUNT };

/* Why something does not move. One of each code for a subject. */
struct hold_row {
    enum hold_kind kind;
    uint64_t scope; /* 0 for the store's own */
    struct text lane, target;
    struct text code; /* "paused", "gone", "restored" */
    struct text reason, by;
    struct wall_time since, until; /* WALL_NEVER: until it is released */
    int64_t before_ms; /* how long the subject was held so before `since`: the row stays when the hold is over */
};

/* A hold that was released ends where it begins, so that no clock that goes back lets it hold again. */
static inline bool hold_is_on(const struct hold_row *hold, struct wall_time now)
{
    return hold->until.ms > now.ms && hold->until.ms > hold->since.ms;
}

/* The line of an ordering key: only those may move that hold it. That is its head alone, unless the policy gives the key to
 * several at a time: the others stand beside the head, and may be left when it ends. */
struct line_row {
    uint64_t queue;
    struct text key;
    uint64_t head;   /* number of the message that holds the key; 0: only such beside it */
    uint64_t order;  /* the head's place in the line */
    uint64_t beside; /* how many hold the key beside it */
    uint64_t depth;  /* messages in the line, with all that hold it */
};

enum holds { HOLDS_NOT, HOLDS_AS_HEAD, HOLDS_BESIDE, HOLDS_COUNT };

static inline uint64_t line_holders(const struct line_row *line)
{
    return (line->head != 0) + line->beside;
}

/* A dedupe key or the request id of an enqueue, bound to a message of its queue. */
enum bound_kind { BOUND_DEDUPE, BOUND_REQUEST, BOUND_KIND_COUNT };
struct bound_row {
    uint64_t queue;
    enum bound_kind kind;
    struct text key; /* a request id as 16 bytes */
    pawl_uuid message;
    struct digest fingerprint;
    struct wall_time until; /* WALL_NEVER while its message exists */
    enum state state; /* of the message when it was purged; before, and once the key is forgotten: STATE_PENDING */
};

/* Its time is over. It is kept a while longer, so that a repetition which comes too late is known as one. */
static inline bool bound_is_forgotten(const struct bound_row *bound)
{
    return bound->until.ms != INT64_MAX && bound->state == STATE_PENDING;
}

/* What a task carries is a row of its kind, its body. Each begins with what whoever moves tasks needs to know of all. */
#define BODY                                                                                                           \
    uint64_t number, tail; /* tail: the random half of its id */                                                       \
    uint64_t queue;                                                                                                    \
    struct text key;    /* the ordering key */                                                                         \
    struct text sender; /* by whose route it goes; absent: by the target's own */                                      \
    uint32_t priority;                                                                                                 \
    uint32_t max_attempts;      /* 0: the policy's */                                                                  \
    struct wall_time available; /* earliest first claim; when it was made, where none was given */                     \
    struct wall_time expires;   /* WALL_NEVER: the policy's age limit */                                               \
    struct wall_time created

struct task_body {
    BODY;
};

static inline pawl_uuid body_id(const struct task_body *body)
{
    return pawli_message_id(number_in_scope(body->number), body->tail);
}

/* Written once, never changed. */
struct message_row {
    union {
        struct task_body body;
        struct {
            BODY;
        };
    };
    uint64_t seq; /* of the record that made it; 0: enqueued outside a transition */
    struct text dedupe;
    pawl_uuid request_id; /* of the enqueue; nil when none */
    struct text content_type, payload;
    struct text headers; /* a JSON object, names sorted; absent when none */
    struct digest fingerprint;
    struct wall_time deadline; /* information only; WALL_NEVER: none */
    pawl_uuid resent_of;       /* the message that it is a copy of; nil: none */
};

static inline pawl_uuid message_id(const struct message_row *message)
{
    return body_id(&message->body);
}

/* A workflow: what it was started as never changes, its checkpoint with each step. A row that is changed is a new one in its
 * task (pawli_task_edit). */
struct workflow_row {
    union {
        struct task_body body;
        struct {
            BODY;
        };
    };
    uint64_t seq;              /* of the record that started it; 0: outside a transition */
    struct text id;            /* of its kind, which is the target of its queue */
    struct digest fingerprint; /* of what it was started with */
    uint64_t first;            /* its generation then: one that follows a failed one of its id counts on */

    /* the checkpoint */
    uint64_t generation; /* counts steps that were committed; it never goes back */
    struct text state;
    uint32_t version; /* of the state's form, as its program counts */
    struct text content_type, data;
    uint64_t total;      /* attempts that were over when it made progress last */
    uint32_t rejections; /* since then */
    bool waits;          /* it is parked until a signal comes */
    bool told;           /* while it was claimed something ended for which it waits: its next park is over at once */
    bool coded;          /* a function made its last step: what undoes it is in there */
    uint64_t entered;    /* the generation with which it came into its state */
    uint64_t run;        /* of a function: what was noted up to this generation does not count any more */
    bool undoing;        /* its compensation runs: its state is the undo that is being done */
    bool no_return;      /* a step declared its point of no return: it cannot be cancelled any more */
    struct text undos;   /* what is to be done, the last first, when it is cancelled: a JSON array of {state, data} */
    uint64_t signals;    /* how many it was sent; */
    uint64_t pending;    /* how many of them nobody took; */
    uint64_t shown;      /* the last that a claim showed */
    uint64_t holds;      /* how many resources it holds */
    struct text paused,
        cancelled; /* by whom, when and why it was asked: a JSON object {reason, by, at}; absent: it was not */

    struct text receipt_type, receipt; /* what it ended with; absent: it did not */
};

/* The policy of a kind of workflows. */
struct kind_row {
    uint64_t scope;
    struct text name;
    struct policy policy;
    bool is_damaged; /* out of a list: it cannot be read */
};

/* What was sent to a workflow, whether anybody waits for it or not. */
struct signal_row {
    uint64_t queue;
    struct text workflow; /* its id */
    struct text key;      /* its dedupe key, or drawn */
    uint64_t number;      /* of the workflow that it was sent to: a failed one may be followed by another of its id */
    uint64_t ordinal;     /* among all signals of it; the first is 1 */
    struct text name, content_type, data;
    struct wall_time at;
    uint64_t taken; /* by the step that made this generation; 0: by none so far */
    bool is_damaged;
};

/* A step that was committed: the checkpoint that it began with, and what came of it. */
struct step_row {
    uint64_t number, generation; /* which it made */
    struct text state;           /* before it */
    uint32_t version;
    struct text content_type, data;
    struct text result; /* next, park, done, fail, … */
    uint32_t attempts;  /* it took so many */
    struct wall_time began, ended;
    struct text worker, error;
    uint64_t seq; /* of its record; 0: it has none */
    bool is_damaged;
};

/* What happens again and again: a message, or the start of a workflow, for each of its slots (model/schedule.h). */
struct schedule_row {
    uint64_t scope;
    struct text name;
    struct text cron, zone; /* cron absent: every_ms; zone absent: UTC */
    int64_t every_ms;
    uint32_t missed; /* enum schedule_missed */
    uint32_t catch_up;
    int64_t jitter_ms;
    struct text lane, target; /* of its messages; absent: it starts workflows */
    struct text kind;         /* of these */
    struct text content_type, data;
    struct wall_time added, last; /* last: the last slot that fired or was passed over; as added: none was */
    uint64_t fired;               /* how many did */
    uint64_t revision;            /* counts what was changed of it, and every look that decided something */
    struct text paused;           /* a JSON object {reason, by, at}; absent: it is not */
    bool is_damaged;
};

enum resource_state { RESOURCE_AVAILABLE, RESOURCE_HELD, RESOURCE_CONSUMED, RESOURCE_WITHDRAWN, RESOURCE_STATE_COUNT };

/* A thing that one workflow at a time may hold. */
struct resource_row {
    uint64_t scope;
    struct text id, kind;
    enum resource_state state;
    struct text holder;  /* "KIND/ID"; absent: nobody */
    uint64_t generation; /* counts what was done to it */
    struct wall_time updated;
    bool is_damaged;
};

/* What was done to it, for ever. */
struct resource_move_row {
    uint64_t scope;
    struct text id;
    uint64_t generation;
    enum resource_state state; /* from then on */
    struct text holder;
    struct wall_time at;
    uint64_t seq; /* of the record that did; 0: none */
    bool is_damaged;
};

enum error_class {
    ERROR_NONE,
    ERROR_TRANSIENT,
    ERROR_PERMANENT,
    ERROR_UNKNOWN,
    ERROR_EXPIRED,
    ERROR_STOPPED,   /* of workflows: an operator ended it, */
    ERROR_CANCELLED, /* or asked for its end before its point of no return */
    ERROR_CLASS_COUNT
};

struct failure {
    enum error_class class;
    struct text text;
    struct wall_time at;
};

/* What an operator gave all its attempts again. */
struct retried {
    uint32_t times;
    uint32_t attempts;   /* before the last time: the next one's ordinal counts on */
    struct wall_time at; /* the last time: its age counts from there; 0: never */
};

/* How often its outcome was asked for: polls and probes. */
struct looked {
    uint32_t times;
    uint32_t before; /* of them, before it began to wait as it does now */
    uint64_t token;  /* of the claim that handed it over, by which its outcome may be reported; 0: none */
};

/* How much the receiver of a delivered message vouches for. */
enum durability {
    DURABILITY_UNKNOWN,
    DURABILITY_RECEIVED,   /* it was taken */
    DURABILITY_STORED,     /* and written */
    DURABILITY_REPLICATED, /* by more than one */
    DURABILITY_COUNT
};

/* What the receiver said that took it. */
struct answer {
    uint32_t status; /* of HTTP; 0: none */
    enum durability durability;
    struct text text; /* a summary */
};

/* What moves. Which fields mean something depends on the place. */
struct task_row {
    uint64_t number, queue;
    enum place place;
    enum phase phase;
    enum state ended; /* place ended: delivered, dead or cancelled */
    uint32_t priority;
    struct wall_time due;
    struct wall_time since; /* when its age began; WALL_NEVER: with due, still the message's own available time */
    uint32_t attempts, deferrals, crashes;
    struct retried retried;
    struct looked looked;
    struct text key;    /* ordering key */
    uint64_t order;     /* its place in the line of its key; 0: it has none */
    struct text sender; /* as its body says; not where it ended */
    uint64_t waiter;    /* the workflow that waits for its end; 0: none does; not where it ended */
    enum holds holds_key;

    uint64_t tail;      /* place claimed: of its message's id */
    uint64_t token;     /* of the claim; kept while an outcome is awaited */
    uint64_t committer; /* whose process holds it; 0: claimed by hand */
    struct text consumer;
    struct wall_time claimed; /* place ended: of the claim that ended it; 0: none did */
    struct boot_time lease;
    uint64_t boot;

    struct failure failure;
    struct text progress, remote_id;

    struct text hold;       /* place held: why */
    struct wall_time until; /* when time ends what it waits for: to be sent, to be polled, to be probed; WALL_NEVER */

    struct answer answer; /* place ended: of whom it was delivered to */
    struct wall_time ended_at;
    struct text ended_reason, ended_by;
    pawl_uuid successor;

    struct wall_time updated;
};

static inline enum state task_state(const struct task_row *task)
{
    return task->place == PLACE_ENDED ? task->ended : pawli_state_of(task->phase, task->place);
}

/* Due at a date of its message, which was not in the past when it was given. */
static inline bool is_due_first(const struct task_row *task)
{
    return task->since.ms == INT64_MAX;
}

static inline int64_t lease_left_ms(const struct task_row *task, struct boot_time now)
{
    return (task->lease.ns - now.ns) / 1000000;
}

/* One try, or one look for the outcome of it. That of a delivered message is not kept: its task says all of it. */
struct attempt_row {
    uint64_t number;
    uint32_t ordinal; /* of all attempts, polls and probes of the message; never used again */
    enum phase phase;
    uint32_t n; /* since the last retry; of polls and probes since it waits */
    struct wall_time began, ended;
    struct text worker, verdict, text;
    uint32_t status; /* of HTTP; 0: none */
    enum error_class class;
};

/* Who works, or did. Written by the worker itself: when it starts, now and then, and when it stops. It stays when its worker
 * is gone: only then does anybody ask. Whether its process lives is known by the committer's slot. */
struct worker_row {
    uint64_t id; /* drawn; never 0 */
    struct text consumer;
    uint64_t committer; /* of its process */
    uint64_t pid;
    struct text scope; /* absent: all of them */
    struct text lanes; /* JSON array of names; absent: all */
    struct text sinks; /* JSON array of what it sends to: schemes of URLs, and whole URLs of callbacks */
    struct wall_time since, seen;
    struct wall_time stopped; /* WALL_NEVER: it did not say that it stops */
};

/* What accounts hold. How fine it is was said once, before anything was posted. */
struct asset_row {
    uint64_t scope;
    struct text name;
    uint32_t scale;  /* places behind the point */
    bool is_damaged; /* out of a list: it cannot be read */
};
#define ASSET_SCALE 18 /* where nobody said */

/* What an account holds of an asset. */
struct account_row {
    uint64_t scope;
    struct text account, asset;
    struct decimal balance;
    uint64_t entries;    /* how many made it */
    uint64_t seq;        /* of the record of the last one */
    uint64_t update_seq; /* the caller's own, of the last one that had any; 0: none had */
    bool is_damaged;     /* out of a list: it cannot be read */
};

/* One change of an account, for ever. */
struct entry_row {
    uint64_t scope, seq; /* of its record */
    uint32_t index;      /* among the posts of that */
    struct text account, asset;
    struct decimal delta, balance; /* after it */
    struct text reason, reference;
    uint64_t update_seq; /* 0: none */
    bool is_damaged;     /* out of a list: it cannot be read */
};

/* A trade, as one event of a record tells it. */
struct fill_row {
    uint64_t scope;
    struct text trade; /* unique in the scope */
    uint64_t seq;
    uint32_t event; /* its index in the record */
    struct text market, buyer, seller;
    struct decimal price, size;
    struct decimal fee, profit; /* 0: none */
    bool is_damaged;            /* out of a list: it cannot be read */
};

/* What a program keeps of its own state to look it up: changed by transitions only. */
struct projection_row {
    uint64_t scope;
    struct text name, key;
    struct text content_type, data;
    uint64_t version; /* the first is 1 */
    uint64_t seq;     /* of the record that wrote it */
    bool is_damaged;  /* out of a list: it cannot be read */
};

/* A number of a program that goes forward only: a counter, or how far it has read something. */
struct counter_row {
    uint64_t scope;
    struct text name;
    uint64_t value, seq;
    bool is_damaged; /* out of a list: it cannot be read */
};

/* How much of an event stays: all, all but its body, or its place alone. */
enum keep { KEEP_FULL, KEEP_REFERENCE, KEEP_NONE, KEEP_COUNT };

/* What an event of this type must have beside it. */
enum needs { NEEDS_NOTHING, NEEDS_FILL, NEEDS_COUNT };

/* What holds for all events of a type. */
struct type_row {
    uint64_t scope;
    struct text name;
    enum needs needs;
    enum keep keep;
    bool critical;   /* kept in full, whatever anybody says */
    bool is_damaged; /* out of a list: it cannot be read */
};

/* The state of a program behind a record, in chunks of its bytes. */
struct snapshot_row {
    uint64_t scope, seq;
    struct digest record; /* the digest of that record */
    struct digest hash;   /* of all bytes */
    uint64_t size;
    struct wall_time made;
    bool is_damaged; /* out of a list: it cannot be read */
};

struct chunk_row {
    uint64_t scope, seq;
    uint32_t index; /* the first is 0 */
    struct text data;
    bool is_damaged; /* out of a list: it cannot be read */
};

/* Where a consumer of events stands. */
struct subscription_row {
    uint64_t scope;
    struct text name;
    struct text topic, prefix; /* of the events that it wants, and of their keys; absent: any */
    struct text lane, target;  /* where they are relayed to; absent: they are read by hand */
    uint64_t seq;              /* it stands behind this event of this record: */
    uint32_t index;            /* EVENT_WHOLE: behind all of them */
    bool is_damaged;           /* out of a list: it cannot be read */
};
#define EVENT_WHOLE UINT32_MAX

/* A record as the journal keeps it. */
struct record_row {
    uint64_t scope, seq;
    pawl_uuid request_id;
    struct digest fingerprint;
    struct text type, ref, content_type, command;
    struct text response_type, response;
    struct text pre, post; /* state digests, raw bytes */
    uint64_t duration_us;  /* 0: not measured */
    struct wall_time received, committed;
    uint64_t epoch;
    struct digest digest;
    struct text events;   /* JSON array, see model/trace.h; absent when none */
    struct text messages; /* struct record_message, one behind the other; absent when none */
    struct text effects;  /* JSON object: what all others describe themselves as, in order; absent when none */
    struct text hashes;   /* of bodies that are not stored: 33 bytes each, see model/trace.h */
    bool is_damaged; /* out of a read: it is not what was written; and where it is unreadable, all but seq is nothing */
    bool is_unreadable;
};

#define RECORD_HASH_SIZE (1 + DIGEST_SIZE)

/* An entry of a record's messages, byte for byte as it is stored. */
struct record_message {
    pawl_uuid id;
    struct digest fingerprint;
    uint8_t nonce[8]; /* big-endian */
};
#define RECORD_MESSAGE_SIZE 56
static_assert(sizeof(struct record_message) == RECORD_MESSAGE_SIZE && alignof(struct record_message) == 1,
              "these are stored bytes");

#define NONCE_NONE UINT64_MAX

static inline const struct record_message *record_messages(const struct record_row *row, size_t *ret_count)
{
    *ret_count = row->messages.size / RECORD_MESSAGE_SIZE;
    return (const struct record_message *)row->messages.data;
}

const char *pawli_resource_state_text(enum resource_state state);
bool pawli_resource_state_parse(struct text text, enum resource_state *state);
const char *pawli_error_class_text(enum error_class class);
bool pawli_error_class_parse(struct text text, enum error_class *class);
const char *pawli_durability_text(enum durability durability); /* NULL: unknown */
bool pawli_durability_parse(struct text text, enum durability *durability);
const char *pawli_keep_text(enum keep keep);
bool pawli_keep_parse(struct text text, enum keep *keep); /* in letters of any case */
const char *pawli_needs_text(enum needs needs);           /* NULL: nothing */
bool pawli_needs_parse(struct text text, enum needs *needs);
const char *pawli_hold_kind_text(enum hold_kind kind);
bool pawli_hold_kind_parse(struct text text, enum hold_kind *kind);

/* One that cannot be read holds all the same, until it is released: whoever set it had a reason. */
void pawli_hold_unreadable(struct hold_row *hold);

#endif
