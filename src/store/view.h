/* SPDX-License-Identifier: MIT */
/* The view: what one batch asks of a store, what load found, and what it shall be.
 *
 *   gather   units say what they will look at (want_*); the same thing asked twice is one slot
 *   load     the store fills every slot, and what slots imply: the queue and the line of a task, the followers of a line,
 *            the chain of successors of a bound message, the body of a task that may be claimed. What cannot be read is
 *            set apart: of many that were looked for it is left out, one that was named is marked as damaged. A damaged
 *            task does not exist, so nothing moves it; whatever else is damaged exists, so nothing makes it anew
 *   decide   units change rows (touch first, so that a refused unit can be undone); nothing is read from the store
 *   save     the store writes every row that differs from what it was
 *
 * Slots live in the batch's arena and never move. */
#ifndef PAWLI_VIEW_H
#define PAWLI_VIEW_H

#include "base/arena.h"
#include "base/map.h"
#include "model/flow.h"
#include "model/task_kind.h"

enum slot_kind {
    SLOT_STORE,
    SLOT_COMMITTER,
    SLOT_SCOPE,
    SLOT_REQUEST,
    SLOT_QUEUE,
    SLOT_FACT,
    SLOT_SUBJECT,
    SLOT_HOLD,
    SLOT_BOUND,
    SLOT_LINE,
    SLOT_TASK,
    SLOT_WORKER,
    SLOT_ENTRY,
    SLOT_STEP,
    SLOT_RESOURCE_MOVE,
    SLOT_KIND_COUNT
};

struct slot {
    enum slot_kind kind;
    bool found;      /* load found a row */
    bool exists;     /* there is a row now */
    bool changed;    /* what is now differs from what load found */
    bool is_damaged; /* load found what cannot be read, or does not agree with the rest: only who needs it is refused */
    uint32_t touched_in; /* the unit that saved its undo last */
};

/* Taken from the store in blocks, so that its row is not one of every batch. */
struct tokens {
    uint64_t epoch, next, last;
};

struct view_store {
    struct slot slot;
    struct store_row row;
    struct tokens tokens; /* the committer's; those of a batch that was not saved are left out */
};

struct view_committer {
    struct slot slot;
    struct committer_row row;
};

struct view_scope {
    struct slot slot;
    struct scope_row row; /* id 0 until it exists */
};

/* A request id of a scope, and the record that it is bound to. */
struct view_request {
    struct slot slot;
    struct view_scope *scope;
    struct record_row row;
    struct digest found; /* load: of what was there; it never changes */
};

struct view_queue {
    struct slot slot;
    struct view_scope *scope; /* NULL when the queue came with a task of a scope that nobody named */
    struct queue_row row;
    struct policy policy;             /* effective; filled by load when wants_policy */
    struct view_subject *subjects[4]; /* what may hold it; filled by want_due */
    bool wants_policy, has_policy, is_policy_damaged;
    bool has_probe, has_poll; /* its target has somebody to ask; with the policy */
    struct view_limits {      /* of its lane, of its target; with the policy */
        struct limits of;
        struct view_fact *flow; /* a struct flow_row; NULL: none of its limits needs one */
        uint64_t claimed;       /* where somebody claims of it: sends in flight, as the store has them */
    } limits[LIMITS];
    uint64_t claimed_found;            /* of its own, as the store has them */
    bool has_ready;                    /* decide: a task of it became ready, and is due */
    uint32_t counted[COUNTED_COUNT];   /* decide: what became of tasks of it */
    struct view_due *due[PHASE_COUNT]; /* NULL: no claim asks for it */
    bool found_by_id;                  /* row.id is what is known; the rest comes out of load */
    bool wants_lost;                   /* somebody claims from it: those of its claims that are lost */
    bool lost_seen;                    /* load looked at every claim of it, and found fewer lost ones than the limit */
    uint32_t lost_count;
    struct boot_time next_lease; /* load: the earliest end of one that is not lost */
};

/* A plain noun: a keyed row, and what it belongs to. */
struct view_fact {
    struct slot slot;
    enum row_kind kind;
    struct slot *owner; /* a scope or a queue; NULL: nothing */
    union any_row row;
};

struct view_hold {
    struct slot slot;
    struct view_subject *subject;
    struct hold_row row;
    struct view_hold *next;
};

/* Something that can be held, with all its holds. */
struct view_subject {
    struct slot slot;
    struct view_scope *scope; /* NULL for the store's own */
    struct hold_row row;      /* the key of its holds, but for their codes */
    struct view_hold *holds;
};

struct view_bound {
    struct slot slot;
    struct view_queue *queue;
    struct bound_row row;
    struct view_task *task; /* of the bound message; NULL when it was purged */
    bool wants_lists;       /* of a workflow: what hangs on it, see its task */
};

struct view_line {
    struct slot slot;
    struct view_queue *queue;
    struct line_row row;
    uint32_t
        exits; /* how many of its tasks this batch may end: load brings as many followers as may get the key then */
    struct view_task **followers; /* blocked, in order */
    uint32_t follower_count, follower_room, next_follower;
};

struct view_task {
    struct slot slot;
    struct view_scope *scope; /* a unit wants it: of this scope, */
    uint64_t wanted;          /* under this number there, */
    enum task_kind kind;      /* and of this kind; one that is found has that of its queue */
    uint64_t number;          /* 0: wanted, and its scope is not there or not loaded so far */
    bool wants_body, wants_bounds;
    bool wants_tail;    /* of its id: a claim has it, of all others the body is loaded */
    bool lost;          /* claimed, but by nobody who still may hold it */
    bool is_next;       /* load found it due, among the first of its queue that somebody claims */
    bool purged;        /* body and task shall go */
    bool is_edited;     /* its body is another row of the same number: a workflow's checkpoint; */
    uint32_t edited_in; /* by this unit last */
    bool wants_lists;   /* of a workflow: signals that nobody took, and resources that it holds */
    struct task_row was, row;
    uint64_t behind;             /* found due right behind that one, with none between them; 0: not known */
    struct task_body *body;      /* a row of its kind; absent unless wanted, or new */
    struct attempt_row *attempt; /* to be added */
    struct view_bound *bounds[BOUND_KIND_COUNT]; /* its dedupe key and request id, where wanted */
    struct view_queue *queue;
    struct view_task *waiter;                /* the workflow that waits for its end; NULL: none does */
    struct view_line *line;                  /* of its ordering key, NULL when none */
    struct view_fact *sender;                /* the route of its body's sender; NULL: it has none */
    struct view_fact **signals, **resources; /* as load found them; signals by arrival, LIMIT_SIGNALS at most */
    uint32_t signal_count, resource_count;
};

struct view_worker {
    struct slot slot; /* damaged: only its id is known */
    struct worker_row row;
    bool is_alive; /* its process lives, and it did not say that it stops */
};

/* New ones: nobody looks for them. */
struct view_entry {
    struct slot slot;
    struct entry_row row;
};

struct view_step {
    struct slot slot;
    struct step_row row;
};

struct view_resource_move {
    struct slot slot;
    struct resource_move_row row;
};

/* Due tasks of a queue, asked for by claims. */
struct view_due {
    struct view_queue *queue;
    enum phase phase;
    uint32_t limit;
    uint64_t size_max;        /* load stops behind so many bytes of bodies */
    struct view_task **tasks; /* found: by priority, due time, number */
    uint32_t count;
    struct view_task **candidates; /* the claims' own list, see commit/claim.c */
    uint32_t candidate_count, next_candidate;
};

struct slots {
    void **at;
    size_t count, room;
    struct map map;
};

struct undo;

struct view {
    struct arena *arena;
    uint64_t seed;

    /* out of load */
    uint64_t seen_commits; /* the number of the last commit; that of this one is in store.row */
    struct wall_time wall;
    struct boot_time boot;
    pawl_uuid boot_id;

    struct view_store store;
    struct view_committer committer; /* whose batch this is */
    struct slots scopes, requests, queues, facts, subjects, holds, bounds, lines, tasks, workers, entries, steps,
        resource_moves;
    struct map numbered; /* tasks by number */
    struct view_due **dues;
    size_t due_count, due_room;
    bool has_candidates;                /* decide: the candidates of all dues are listed */
    bool wants_workers;                 /* all of them */
    bool wants_lost;                    /* of the claims that are named: whether anybody still holds them */
    uint32_t lost_limit;                /* 0: look for no others. So many of the queues that are claimed from, */
    bool sweeps_lost;                   /* and so many of the rest */
    struct boot_time next_lease;        /* load: the earliest end of a claim that is not lost, of those that it saw */
    bool lost_all_seen;                 /* load looked at every claim, and found fewer lost ones than the limit */
    uint32_t lost_count, lost_open;     /* of other queues; how many are not at their limit */
    struct committer_row *alive, *dead; /* load: committers, and those whose process is gone */
    size_t alive_count, dead_count;
    bool forget_dead; /* decide: they have no claims left */

    /* decide */
    uint32_t unit;                 /* counts units, for undo */
    struct undo *undos;            /* newest first */
    size_t marks[SLOT_KIND_COUNT]; /* of what can only be added: what the unit added stands behind them */
    unsigned full_percent;         /* new messages are refused: so full is the disk; 0: they are not */
    bool wakes;                    /* something changed that others may wait for: somebody shall look */
};

void pawli_view_init(struct view *view, struct arena *arena, uint64_t seed);

/* For stores, in load, once the row of the store and the clocks are there: the number of this commit, and what the clocks were
 * seen to do. A store writes both with every batch; whatever else is in that row a batch changes only now and then. */
void pawli_view_begin_commit(struct view *view);

/* For stores, in load: the look for lost claims. Each claim that exists is given to living or lost, until there is no need:
 * those of queues from which somebody claims, and in a sweep those of all. Where a process died all are seen, so that it is
 * forgotten once it has none left. */
bool pawli_view_needs_claims(struct view *view);                     /* begins it */
bool pawli_view_needs_more(const struct view *view, uint64_t queue); /* whether those of this queue are */
void pawli_view_living(struct view *view, const struct task_row *row);
bool pawli_view_lost(struct view *view, const struct task_row *row); /* whether it shall be kept: there is a limit */

/* Most slots have a row that is found by its key, and perhaps the slot of what it belongs to, whose number is part of that
 * key and known only once that was loaded or made. */
struct slot_form {
    size_t size;
    size_t slots;           /* where in the view */
    size_t row;             /* where in the slot's struct */
    enum row_kind row_kind; /* of a fact: its own */
    size_t owner;           /* where in the slot's struct the pointer to what it belongs to is; 0: to nothing */
};
extern const struct slot_form pawli_slots[SLOT_KIND_COUNT];

enum row_kind pawli_slot_row_kind(const struct slot *slot);
struct slot *pawli_slot_owner(const struct slot *slot); /* NULL: none */
void *pawli_slot_row(struct slot *slot); /* with the number of what it belongs to, as far as that is known */

/* Wanting. NULL when out of memory. Texts are borrowed as long as the view lives. */
struct view_fact *pawli_view_fact(struct view *view, enum row_kind kind, struct slot *owner, const void *key);
struct view_scope *pawli_view_scope(struct view *view, struct text name);
struct view_request *pawli_view_request(struct view *view, struct view_scope *scope, const pawl_uuid *id);
struct view_queue *pawli_view_queue(struct view *view, struct view_scope *scope, enum task_kind kind, struct text lane,
                                    struct text target);
struct view_queue *pawli_view_queue_by_id(struct view *view, uint64_t id);
struct view_subject *pawli_view_subject(struct view *view, enum hold_kind kind, struct view_scope *scope,
                                        struct text lane, struct text target);
struct view_bound *pawli_view_bound(struct view *view, struct view_queue *queue, enum bound_kind kind, struct text key);
struct view_line *pawli_view_line(struct view *view, struct view_queue *queue, struct text key);
struct view_task *pawli_view_task(struct view *view, struct view_scope *scope, enum task_kind kind, uint64_t in_scope);
bool pawli_view_due(struct view *view, struct view_queue *queue, enum phase phase, uint32_t limit, uint64_t size_max);
bool pawli_view_wants_subjects(struct view *view, struct view_queue *queue);

/* For stores, in load: the numbers of the tasks that were wanted, once their scopes are there; then tasks by number. */
bool pawli_view_number_tasks(struct view *view);
struct view_task *pawli_view_task_at(struct view *view, enum task_kind kind, uint64_t number);

/* For stores, in load: a hold, or a follower, that was found. */
struct view_hold *pawli_view_add_hold(struct view *view, struct view_subject *subject);
bool pawli_view_add_follower(struct view *view, struct view_line *line, struct view_task *task);

/* For stores, in load: a worker that was found; and a new one, when it is decided. NULL when out of memory. */
struct view_worker *pawli_view_add_worker(struct view *view);

/* For stores, in load: a task slot was filled; wants its queue and line, and who waits for its end. False when out of memory. */
bool pawli_view_task_found(struct view *view, struct view_task *task);

/* For stores, in load: a row that was found on the way; the same fact may be in the view already. NULL when out of memory. */
struct view_fact *pawli_view_found_fact(struct view *view, enum row_kind kind, struct slot *owner, const void *row);

/* The route of a sender's messages to the target of a queue. */
struct view_fact *pawli_view_sender(struct view *view, const struct view_queue *queue, struct text sender);

/* For stores, in load: a task's body was loaded; wants what leads to it, where somebody wants to know. */
bool pawli_view_task_bounds(struct view *view, struct view_task *task);

/* Deciding. begin sets a mark; touch before the first change of a row; undo goes back to the mark. */
void pawli_view_begin_unit(struct view *view);
void pawli_view_undo_unit(struct view *view);
bool pawli_view_touch(struct view *view, struct slot *slot); /* false when out of memory */

/* The next token of a claim. */
bool pawli_view_token(struct view *view, uint64_t *ret_token); /* false when out of memory */

/* A task that did not exist: its body is new too. */
struct view_task *pawli_view_new_task(struct view *view);

/* What is only ever added: an entry of the ledger, a step of a workflow, what was done to a resource. False when out of memory. */
bool pawli_view_add_row(struct view *view, enum slot_kind kind, const void *row);

/* For stores, in save: what to tell those who wait. */
bool pawli_view_has_records(const struct view *view);

#define view_at(slots, type, index) ((type *)(slots).at[(index)])

#endif
