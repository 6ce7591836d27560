/* SPDX-License-Identifier: MIT */
/* A unit: what one caller asks to be written whole or not at all. It is built, hashed and sealed in the caller's thread and
 * read-only from then on, but for its answer: deciding it again, after a race, gives the answer afresh.
 *
 * A unit may have a record (a transition, or what an operator did) and any number of effects. Kinds of effects are in one
 * table each: what they want to see (gather) and what they change (decide). */
#ifndef PAWLI_UNIT_H
#define PAWLI_UNIT_H

#include "base/json.h"
#include "model/decide.h"
#include "model/fingerprint.h"
#include "store/view.h"

struct unit;
struct effect;

struct effect_ops {
    const char *name;
    bool (*gather)(struct unit *unit, struct effect *effect, struct view *view); /* false: out of memory */
    int (*decide)(struct unit *unit, struct effect *effect, struct view *view,
                  pawl_error *err); /* < 0: refuses the unit */
    void (*describe)(const struct effect *effect,
                     struct json_writer *writer); /* what it did, for an operator's record */
};

struct effect {
    const struct effect_ops *ops;
    struct effect *next;
};

/* ---- the record ---- */

struct record_draft {
    struct record_row row; /* all that is known before the commit */
    struct digest body;
    uint64_t expect_seq;
    bool seals_late; /* its response is what the effects answer: hashed when they were decided */
    struct view_request *request;
    /* the answer */
    bool replayed;
    bool differs;             /* replayed, and its events or messages were not the stored ones */
    struct record_row stored; /* as it is stored, in the unit's arena */
};

/* ---- enqueue ---- */

struct message_draft {
    struct message_row row; /* number, queue, seq, available and created are filled in when it is decided */
    struct text lane, target;
    int64_t delay_ms, expires_in_ms; /* -1: not given */
    bool has_bound;
    enum bound_kind bound_kind;
    struct text bound_key;
    uint64_t order; /* a successor under `block` takes its predecessor's place; 0: its own number */
    struct view_queue *queue;
    struct view_bound *bound;
    struct view_line *line;
    /* the answer */
    pawl_uuid id;
    int status;
    bool replayed;
    enum state state;
    struct digest stored_fingerprint; /* on a conflict */
    struct view_task *task;           /* within the batch */
};

struct enqueue {
    struct effect effect;
    struct message_draft *messages;
    size_t count;
    bool atomic; /* a conflict refuses the unit; else only its message */
};

/* ---- settle ---- */

struct settlement {
    pawl_uuid id;
    uint64_t token;
    enum verdict verdict;
    struct text error, remote_id, progress, response;
    int64_t retry_in_ms;            /* -1: not given */
    bool retry_is_least;            /* the backoff holds where it is longer */
    bool keeps_lease;               /* of EXTEND: it stores progress, and nothing else */
    uint64_t random;                /* drawn when sealed: jitter */
    struct message_draft *messages; /* follow-ups, in its own transaction */
    size_t message_count;
    struct view_task *task;
    /* the answer */
    enum settle_result result;
    enum state state; /* stored, when lost */
};

struct settle {
    struct effect effect;
    struct settlement *items;
    size_t count;
    bool atomic; /* a lost claim refuses the unit */
    struct text by;
};

/* ---- claim ---- */

struct claimed {
    struct message_row message;
    struct task_row task;
    struct wall_time lease_until;
};

struct claim {
    struct effect effect;
    struct text lane, target, consumer;
    enum phase phase; /* what it is claimed for */
    pawl_uuid id;     /* nil: the next of the queue */
    uint32_t limit;
    uint64_t size_max; /* of the payloads: with so many bytes it takes no further one; UINT64_MAX: no limit */
    uint32_t look;     /* how many due ones it looks at; those that may not be sent any more are passed over */
    int64_t lease_ms;  /* 0: the policy's */
    bool by_hand;      /* outlives its process */
    struct view_queue *queue;
    struct view_task *task;
    /* the answer */
    struct claimed *items;
    size_t count, passed;
    uint64_t size; /* of the payloads */
};

/* ---- what an operator does ---- */

enum move_kind { MOVE_RETRY, MOVE_REQUEUE, MOVE_CANCEL, MOVE_RESOLVE, MOVE_PURGE };

struct move_item {
    pawl_uuid id;
    uint64_t successor_tail; /* drawn when sealed */
    struct view_task *task;
    /* the answer */
    bool is_refused;
    enum state before, after;
    struct message_draft successor;
};

struct move {
    struct effect effect;
    enum move_kind kind;
    enum task_event outcome; /* of MOVE_RESOLVE: DELIVER, RETRY or REFUSE */
    bool again;              /* of MOVE_REQUEUE: a delivered one too */
    struct text reason, by;
    struct move_item *items;
    size_t count;
    bool by_filter;            /* one part of what a filter found: a refused item does not refuse the unit */
    uint64_t seen_to, last_to; /* the number that was looked at last, and the last that may be */
    bool ends;                 /* nothing that the filter finds is behind it */
};

struct policy_change {
    struct effect effect;
    bool is_target, removes;
    struct text name, url, secret_file;
    struct text headers;  /* those to set, as they are stored; with an empty value: to take away */
    struct policy policy; /* the keys to set; */
    uint32_t unset;       /* the keys to unset */
    bool replaces;        /* adds the target: one that is there must be the same */
    struct view_lane *lane;
    struct view_target *target;
    struct view_subject *subject; /* the target's holds */
};

struct hold_change {
    struct effect effect;
    enum hold_kind kind;
    struct text lane, target;
    struct text code; /* absent when releasing: every hold of the subject */
    struct text reason, by;
    struct wall_time until;
    bool releases, quiet; /* quiet: nothing to release is no error; nothing to change neither */
    struct view_subject *subject;
    uint32_t count; /* the answer: how many were released */
};

/* ---- what time does ---- */

struct sweep {
    struct effect effect;
    const struct sweep_task {
        uint64_t number;
        struct text lane, target;
    } * items; /* candidates: decided afresh */
    size_t count;
    struct view_task **tasks;
    const struct sweep_bound {
        struct text lane, target, key;
        enum bound_kind kind;
    } * bounds;
    size_t bound_count;
    struct view_bound **bound_slots;
    uint64_t mended; /* all that waits was looked at after the clock went back so often; 0: it was not */
    /* the answer */
    uint32_t expired, purged, suspected, forgotten;
    uint32_t lost; /* claims that this batch settles: there may be more */
};

/* What a worker says of itself; committer, seen and stopped are filled in. */
struct registration {
    struct effect effect;
    struct worker_row row;
    bool stops;
};

struct adopt {
    struct effect effect;
    struct text reason, by;
    struct view_subject *subject;
    uint64_t epoch; /* the answer */
};

/* ---- the unit ---- */

struct committer;

struct unit {
    struct unit *next;
    struct committer *committer;
    struct arena arena; /* what it is made of, and its answer */
    struct text scope;
    struct view_scope *view_scope;
    struct record_draft *record;
    struct text record_scope; /* where its record goes: `scope`, or the operator's */
    struct view_scope *view_record_scope;
    struct effect *effects, **last_effect;
    bool claims; /* decided after the others of its batch */
    bool adopts; /* the one thing that a restored store takes */
    bool sealed;
    bool changes_nothing;      /* decided: what was asked for is so already, no record says that it was */
    struct boot_time deadline; /* until it is taken into a batch */
    size_t weight;             /* about how many bytes it writes */

    /* the answer */
    int status;
    pawl_error error;
    struct batch *batch; /* while it waits */
    _Atomic bool answered;
    void (*done)(struct unit *unit, void *data); /* callback form: runs in a step of the engine, and owns the unit */
    void *done_data;
};

void pawli_unit_init(struct unit *unit, struct committer *committer, struct text scope);
void pawli_unit_done(struct unit *unit);
void pawli_unit_add(struct unit *unit, struct effect *effect, const struct effect_ops *ops);

extern const struct effect_ops pawli_effect_enqueue, pawli_effect_settle, pawli_effect_claim, pawli_effect_move,
    pawli_effect_policy, pawli_effect_hold, pawli_effect_sweep, pawli_effect_adopt, pawli_effect_register;

/* ---- shared by the kinds of effects ---- */

/* The only ways a task moves (task.c). Each asks the table of states, keeps the counts of its queue and the line of its
 * ordering key. False: out of memory. */
bool pawli_task_claim(struct view *view, struct view_task *task, uint64_t token, int64_t lease_ms);
bool pawli_task_pend(struct view *view, struct view_task *task, enum task_event event, struct wall_time due,
                     bool due_first);
bool pawli_task_hold(struct view *view, struct view_task *task, enum task_event event, struct text why,
                     struct wall_time until);
bool pawli_task_end(struct view *view, struct view_task *task, enum task_event event, struct text reason,
                    struct text by);
bool pawli_task_add(struct view *view, struct view_task *task); /* a new one: ready or blocked */
bool pawli_task_look(struct view *view, struct view_task *task,
                     struct wall_time due); /* its outcome is asked for then: polled or probed, its state is kept */
bool pawli_task_expire(struct view *view, struct view_task *task);
bool pawli_task_redate(struct view *view, struct view_task *task); /* what waits for a false date: as long from now */
bool pawli_task_purge(struct view *view, struct view_task *task);
void pawli_task_fail(struct view *view, struct view_task *task, enum error_class class, struct text text);
bool pawli_task_attempt(struct view *view, struct view_task *task, const char *verdict, enum error_class class,
                        struct text text); /* notes the attempt that ends */

/* Refuses what needs a row that load set apart. */
int pawli_refuse_damaged(const char *what, pawl_error *err);

/* One message (enqueue.c); the drafts of settlements and successors come here too. */
bool pawli_gather_message(struct view *view, struct view_scope *scope, struct message_draft *draft);
int pawli_enqueue_one(struct view *view, struct view_scope *scope, struct message_draft *draft, uint64_t seq,
                      pawl_error *err);
int pawli_enqueue_successor(struct view *view, struct message_draft *draft, pawl_error *err);
/* Whether a key that is bound to the message leads to a successor: while that is kept, both are. */
bool pawli_leads_to_successor(const struct view *view, const struct view_task *task);
bool pawli_queue_exists(struct view *view, struct view_queue *queue); /* makes it where it does not; false: no memory */
bool pawli_scope_exists(struct view *view, struct view_scope *scope);

/* Claims that nobody holds any more (sweep.c): decided before the claims of a batch. */
#define LOST_LIMIT 1000
bool pawli_settle_lost(struct view *view);
bool pawli_lose(struct view *view, struct view_task *task); /* that of one task, if it is lost */

/* Whether a task is in a state from which the move is made; a move may still refuse it. */
bool pawli_may_move(const struct move *move, const struct task_row *row);

struct paused pawli_paused_of(const struct view *view, const struct view_queue *queue);
bool pawli_is_bound(const struct view *view, const struct view_bound *bound); /* its time is not over */
bool pawli_purge(struct view *view, struct view_task *task); /* an ended one, with what its keys leave behind */

/* Checks and appends the record of a unit (record.c). CHECK_REPLAY: it is stored already, the unit is answered. */
enum record_check { CHECK_NEW, CHECK_REPLAY, CHECK_REFUSED };
bool pawli_gather_record(struct unit *unit, struct view *view);
enum record_check pawli_check_record(struct unit *unit, struct view *view, pawl_error *err);
int pawli_append_record(struct unit *unit, struct view *view, struct hasher *hasher, pawl_error *err);
struct digest pawli_seal_body(struct record_draft *record, struct hasher *hasher, const struct event *events,
                              size_t event_count, const struct digest *fingerprints, size_t message_count);

#endif
