/* SPDX-License-Identifier: MIT */
/* A unit: what one caller asks to be written whole or not at all. It is built, hashed and sealed in the caller's thread and
 * read-only from then on, but for its answer: deciding it again, after a race, gives the answer afresh.
 *
 * A unit may have a record (a transition, or what an operator did) and any number of effects. What an effect is says the
 * table of its kind, which stands in the file of its kind: nothing else knows one kind from another. */
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
    size_t size; /* of its struct, which begins with a struct effect */
    /* Takes what the others of its batch leave: decided behind them; where it finds nothing it writes nothing. */
    bool claims;
    bool adopts;                                                                 /* a restored store takes it */
    bool (*gather)(struct unit *unit, struct effect *effect, struct view *view); /* false: out of memory */
    int (*decide)(struct unit *unit, struct effect *effect, struct view *view,
                  pawl_error *err); /* < 0: refuses the unit */

    /* The rest where there is something to say, else NULL. */
    int (*check)(struct unit *unit, const struct effect *effect,
                 pawl_error *err);                /* before it is sealed: whether it fits the events of its record */
    size_t (*weigh)(const struct effect *effect); /* about how many bytes it writes */
    /* Its messages in the record's list: fills `list`, NULL: only counts them; ids and nonces are given when it is decided. */
    size_t (*list)(const struct effect *effect, struct record_message *list);
    void (*put)(const struct effect *effect, struct json_writer *effects); /* its member of the record's `effects` */
    bool (*is_told)(const struct effect *effect); /* whether it alone makes a record; NULL: it does */
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
    struct event *events; /* what of them stays is said by their types, when it is decided (event.c) */
    size_t event_count;
    bool *filled;             /* which of them have a fill; NULL: none has */
    struct view_fact **types; /* of each, its type */
    uint64_t expect_seq;
    bool is_optional;   /* left out where the unit has nothing to tell: see is_told; */
    bool was_uncertain; /* and only who does not know what became of it is answered with what is stored */
    bool seals_late;    /* its response is what the effects answer: hashed when they were decided */
    struct view_request *request;
    /* the answer */
    bool replayed;
    bool differs;             /* replayed, and its events or messages were not the stored ones */
    struct record_row stored; /* as it is stored, in the unit's arena */
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
    struct view_bound *waiter; /* the workflow that waits for the ends of what the unit makes; NULL: none does */
    bool waiter_looks;         /* it looks by itself, too, sooner or later */
    bool claims, adopts;       /* one of its effects does */
    bool sealed;
    bool changes_nothing;      /* decided: what was asked for is so already, no record says that it was */
    struct boot_time deadline; /* until it is taken into a batch */
    size_t weight;             /* about how many bytes it writes */

    /* the answer */
    int status;
    pawl_error error;
    bool is_refused;     /* for what it asks; else, of a failure: it could not be written now */
    struct batch *batch; /* while it waits */
    _Atomic bool answered;
    void (*done)(struct unit *unit, void *data); /* callback form: runs in a step of the engine, and owns the unit */
    void *done_data;
};

void pawli_unit_init(struct unit *unit, struct committer *committer, struct text scope);
void pawli_unit_done(struct unit *unit);
void pawli_unit_add(struct unit *unit, struct effect *effect, const struct effect_ops *ops);
void pawli_unit_seal(struct unit *unit); /* nothing is added any more: weighs it */

/* ---- shared by the kinds of effects ---- */

/* The only ways a task moves (task.c). Each asks the table of states, keeps the counts of its queue and the line of its
 * ordering key. False: out of memory. */
bool pawli_task_claim(struct view *view, struct view_task *task, uint64_t token, int64_t lease_ms);
bool pawli_task_lease(struct view *view, struct view_task *task, int64_t lease_ms); /* begins now */
bool pawli_task_pend(struct view *view, struct view_task *task, enum task_event event, struct wall_time due,
                     bool due_first);
bool pawli_task_hold(struct view *view, struct view_task *task, enum task_event event, struct text why,
                     struct wall_time until);
/* Somebody asks for its outcome, at `due` first, until `until`. */
bool pawli_task_ask(struct view *view, struct view_task *task, enum task_event event, struct wall_time due,
                    struct wall_time until);
bool pawli_task_await_person(struct view *view, struct view_task *task); /* nobody else is asked any more */
bool pawli_task_end(struct view *view, struct view_task *task, enum task_event event, struct text reason,
                    struct text by);
bool pawli_task_add(struct view *view, struct view_task *task); /* a new one: ready or blocked */
bool pawli_task_look(struct view *view, struct view_task *task,
                     struct wall_time due); /* its outcome is asked for then: polled or probed, its state is kept */
/* Whether time has ended what waits to be sent: by its age, or because its sender is gone. Then: it. */
bool pawli_task_is_over(const struct view *view, const struct view_task *task, const struct paused *paused);
bool pawli_task_expire(struct view *view, struct view_task *task);
bool pawli_task_hasten(struct view *view, struct view_task *task); /* what is ready is due now */
bool pawli_task_wake(struct view *view, struct view_task *task);   /* a workflow need not wait any more */
/* A new one, which the unit made: its end wakes the unit's waiter. */
void pawli_task_set_waiter(const struct unit *unit, struct view_task *task);
/* The same of one that was there before (NULL: that ended and was purged): one that ended wakes it now. Refused where another
 * one waits for it already, unless the unit's waiter looks by itself, too. */
int pawli_task_await(const struct unit *unit, struct view *view, struct view_task *task, pawl_error *err);
bool pawli_task_redate(struct view *view, struct view_task *task); /* what waits for a false date: as long from now */
/* Pending, and nobody takes it until it is resumed: its key stays its own. */
bool pawli_task_pause(struct view *view, struct view_task *task, struct text why);
bool pawli_task_resume(struct view *view, struct view_task *task);
/* The body of a workflow, to be changed: another row than the one that was there, so that an undo finds that. NULL: out of
 * memory. */
struct workflow_row *pawli_task_edit(struct view *view, struct view_task *task);
bool pawli_task_purge(struct view *view, struct view_task *task);
void pawli_task_fail(struct view *view, struct view_task *task, enum error_class class, struct text text);
/* Notes the attempt that ends, or the poll or probe; status: of HTTP, or 0. */
bool pawli_task_attempt(struct view *view, struct view_task *task, const char *verdict, enum error_class class,
                        uint32_t status, struct text text);

/* Refuses what needs a row that load set apart. */
int pawli_refuse_damaged(const char *what, pawl_error *err);

/* What an identity is bound to, told beside the text of a conflict (record.c). */
struct conflict {
    const char *state; /* of what is stored */
    const struct digest *given, *stored;
    struct text remote_id; /* absent: not known */
};
int pawli_tell_conflict(pawl_error *err, int status, const struct conflict *conflict);

int pawli_make_scope(struct view *view, struct view_scope *scope, pawl_error *err); /* where it does not exist */
int pawli_add_queue(struct view *view, struct view_queue *queue, pawl_error *err);  /* the same */
/* Room for one more number in the scope, which will be counted. */
int pawli_touch_numbers(struct view *view, struct view_scope *scope, pawl_error *err);
int pawli_refuse_work(const struct view *view, pawl_error *err); /* where the disk is nearly full */

/* An outcome that nobody knows, by what pawli_event_of_unknown says (settle.c). */
bool pawli_suspect(struct view *view, struct view_task *task);
struct trial pawli_trial_of(const struct view_task *task);

/* Claims that nobody holds any more (sweep.c): decided before the claims of a batch. */
#define LOST_LIMIT 1000
bool pawli_settle_lost(struct view *view);
bool pawli_lose(struct view *view, struct view_task *task); /* that of one task, if it is lost */

struct paused pawli_paused_of(const struct view *view, const struct view_queue *queue);
bool pawli_purge(struct view *view, struct view_task *task); /* an ended one, with what its keys leave behind */

/* Checks and appends the record of a unit (record.c). CHECK_REPLAY: it is stored already, the unit is answered. */
enum record_check { CHECK_NEW, CHECK_REPLAY, CHECK_REFUSED };
bool pawli_gather_record(struct unit *unit, struct view *view);
enum record_check pawli_check_record(struct unit *unit, struct view *view, pawl_error *err);
int pawli_append_record(struct unit *unit, struct view *view, struct hasher *hasher, pawl_error *err);

/* Writes its events, lists its messages and its effects, and hashes what the caller gave: the record's fingerprint and the
 * digest of its body. */
bool pawli_seal_record(struct unit *unit, struct hasher *hasher);

/* What the types of its events say (event.c): whether each has what it needs, and how much of it stays. */
bool pawli_gather_types(struct unit *unit, struct view *view);
int pawli_check_types(const struct unit *unit, pawl_error *err);
bool pawli_keep_by_types(struct unit *unit);                      /* whether that changed anything */
bool pawli_keep_as_stored(struct unit *unit, struct text events); /* as those of its record; whether it did */
struct text pawli_trace_events(struct unit *unit);

#endif
