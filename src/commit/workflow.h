/* SPDX-License-Identifier: MIT */
/* The effects on workflows: starting, making a step, signals, resources, and what operators do. */
#ifndef PAWLI_EFFECT_WORKFLOW_H
#define PAWLI_EFFECT_WORKFLOW_H

#include "commit/enqueue.h"

/* One that a unit names. */
struct workflow_ref {
    struct text kind, id;
    struct view_queue *queue;
    struct view_bound *bound;
};

/* wants_lists: what hangs on it, too. False: out of memory. */
bool pawli_gather_workflow(struct view *view, struct view_scope *scope, struct workflow_ref *ref, bool wants_lists);
struct view_task *pawli_workflow_of(const struct workflow_ref *ref); /* NULL: there is none, or none that is kept */
/* The same where it is needed: ENOTFOUND, ECORRUPT. */
int pawli_find_workflow(const struct unit *unit, const struct workflow_ref *ref, struct view_task **ret_task,
                        pawl_error *err);
/* "KIND/ID", in the arena; absent: out of memory. */
struct text pawli_workflow_name(struct arena *arena, const struct workflow_ref *ref);

/* ---- start.c ---- */

struct start_draft {
    struct workflow_ref ref;
    struct workflow_row
        row; /* number, queue, seq, first, generation, available and created are filled in when it is decided */
    int64_t wake_in_ms;
    bool keeps_existing; /* one that is there is the answer, in a transition too */
    struct view_line *line;
    /* the answer */
    int status;
    bool replayed;
    struct view_task *task;   /* within the batch; the texts of its rows live in the batch, too: */
    struct workflow_row made; /* copies, in the unit's arena */
    struct task_row made_task;
};

struct starts {
    struct effect effect;
    struct start_draft *items;
    size_t count, room;
    bool atomic; /* one that is there refuses the unit; else it is the answer */
};

extern const struct effect_ops pawli_effect_starts;

/* ---- resource.c ---- */

enum resource_action {
    RESOURCE_ADD,
    RESOURCE_HOLD,
    RESOURCE_RELEASE,
    RESOURCE_CONSUME,
    RESOURCE_WITHDRAW,
    RESOURCE_ACTION_COUNT
};

struct resource_change {
    struct text id, kind;
    enum resource_action action;
    struct workflow_ref holder; /* kind absent: nobody, or the workflow whose step it is */
    struct view_fact *slot;
};

struct resources {
    struct effect effect;
    struct resource_change *items;
    size_t count, room;
    struct workflow_ref own; /* of a step: the holder where none is given; kind absent: there is none */
};

extern const struct effect_ops pawli_effect_resources;

const char *pawli_resource_action_text(enum resource_action action);
/* All that a workflow holds is available again. */
int pawli_release_all(const struct unit *unit, struct view *view, struct view_task *task, uint64_t seq,
                      pawl_error *err);

/* ---- step.c ---- */

#define PARKED_MS INT64_C(9007199254740991) /* a moment that never comes, and that every reader of JSON can say */

enum step_result { STEP_NEXT, STEP_PARK, STEP_DONE, STEP_FAIL, STEP_EXTEND, STEP_RELEASE, STEP_RESULT_COUNT };

/* What a function recorded: a call of it, and what that gave. */
struct step_note {
    struct text name;  /* "step:charge" */
    struct text data;  /* raw bytes */
    struct text error; /* of a refusal; absent: none */
};

struct step {
    struct effect effect;
    struct workflow_ref ref;
    uint64_t token;
    uint64_t generation; /* at which it was claimed */
    enum step_result result;
    bool has_state, has_data, has_version, has_take, keeps, rejected, no_return;
    bool compensates;                      /* FAIL: what can be undone is, first */
    bool is_stuck;                         /* PARK: at once, whatever its budget */
    bool awaits;                           /* the end of what it sends and starts wakes it */
    bool is_coded;                         /* of a function: it undoes by itself, and its notes are what it did */
    bool starts_run;                       /* NEXT of a function: nothing noted before counts any more */
    uint32_t max_attempts, max_rejections; /* 0: the policy's */
    struct step_note *notes;               /* of a function, in order: each is a generation; the last is this step's */
    size_t note_count, note_room;
    struct text state, content_type, data;
    uint32_t version;
    int64_t wake_in_ms; /* -1: not given */
    int64_t lease_ms;   /* of EXTEND, and of NEXT that keeps its claim; 0: the policy's */
    struct text error;
    struct text receipt_type, receipt;
    struct text *take;
    size_t take_count;
    struct text undo; /* JSON: {state, data}; absent: none */
    struct resources
        resources;   /* what it does to them: decided within it, for what it holds in the end is its own business */
    uint64_t random; /* drawn when sealed: jitter */
    /* the answer */
    const char *status;
    uint64_t made;         /* the generation, */
    uint64_t entered;      /* and that with which it came into its state */
    struct text cancelled; /* why somebody asked for its end; absent: nobody did */
};

extern const struct effect_ops pawli_effect_step;
const char *pawli_step_result_text(enum step_result result);
bool pawli_step_result_parse(struct text text, enum step_result *result);

/* What an ended workflow leaves: its signals are taken, its task ended, for good. */
int pawli_end_workflow(struct view *view, struct view_task *task, enum task_event event, struct text reason,
                       struct text by, pawl_error *err);
/* Of what waits: due now, whatever it waited for; what is paused stays so. False: out of memory. */
bool pawli_make_due(struct view *view, struct view_task *task);
/* It was cancelled: its next undo, or its end. */
int pawli_undo_next(const struct unit *unit, struct view *view, struct view_task *task, uint64_t seq, pawl_error *err);
const char *pawli_workflow_status(const struct workflow_row *row, const struct task_row *task, struct wall_time now);

/* ---- signal.c ---- */

struct signal_draft {
    struct effect effect;
    struct workflow_ref ref;
    struct signal_row row; /* queue, number, ordinal and time are filled in when it is decided */
    struct view_fact *slot;
    bool replayed;
};

extern const struct effect_ops pawli_effect_signal;

/* ---- steer.c ---- */

enum steer { STEER_RETRY, STEER_STOP, STEER_CANCEL, STEER_PAUSE, STEER_RESUME, STEER_COUNT };

struct steering {
    struct effect effect;
    struct workflow_ref ref;
    enum steer what;
    bool force;
    struct text reason, by;
    /* RETRY from a step: the checkpoint that it began with, read before, and as of which generation */
    bool has_checkpoint;
    struct step_row checkpoint;
    uint64_t generation;
    /* the answer */
    const char *before, *after;
};

extern const struct effect_ops pawli_effect_steering;
const char *pawli_steer_text(enum steer what);
/* {"reason":…,"by":…,"at":…}, in the view's arena, which remembers when it could not be. */
struct text pawli_note_asked(struct text reason, struct text by, const struct view *view);
struct text pawli_read_asked(struct arena *arena, struct text asked, const char *member); /* absent: it does not say */

/* One of them; atomic: what is there already refuses. */
bool pawli_gather_start(struct view *view, struct view_scope *scope, struct start_draft *draft);
int pawli_start_one(const struct unit *unit, struct start_draft *draft, bool atomic, struct view *view,
                    pawl_error *err);

/* ---- lock.c ---- */

/* Who has a lock, as whoever wants it sees it. */
struct lock_state {
    bool is_free, is_paused;
    char holder[LIMIT_NAME + 1]; /* it is claimed: by this consumer, */
    struct boot_time until;      /* until then; else BOOT_NEVER */
    struct boot_time again;      /* when to look again at the latest, unless something is committed */
};

void pawli_lock_look(const struct workflow_row *row, const struct task_row *task, struct boot_time now,
                     struct lock_state *state);

bool pawli_is_lock(const struct view_task *task);
/* Its claim is over. False: out of memory. */
bool pawli_lock_free(struct view *view, struct view_task *task, enum task_event event);

struct acquiring {
    struct effect effect;
    struct start_draft start; /* of the lock, where there is none */
    struct text holder;
    int64_t lease_ms; /* 0: the policy's */
    bool by_hand;     /* outlives its process */
    /* the answer */
    bool is_acquired;
    uint64_t token, fence;
    struct wall_time lease_until;
    struct lock_state state; /* of one that somebody else has */
};

extern const struct effect_ops pawli_effect_acquiring;

/* What its holder does to a lock. */
struct lock_change {
    struct effect effect;
    struct workflow_ref ref;
    uint64_t token;
    bool releases;    /* else extends, */
    int64_t lease_ms; /* from now on; 0: the policy's */
};

extern const struct effect_ops pawli_effect_lock_change;

/* Those under which a unit is committed, or refused. */
struct fences {
    struct effect effect;
    struct fence {
        struct workflow_ref ref;
        uint64_t token;
    } * items;
    size_t count, room;
};

extern const struct effect_ops pawli_effect_fences;

/* ---- schedule.c ---- */

enum schedule_change_kind { SCHEDULE_ADD, SCHEDULE_REMOVE, SCHEDULE_PAUSE, SCHEDULE_RESUME };

struct schedule_change {
    struct effect effect;
    enum schedule_change_kind what;
    struct schedule_row row; /* ADD: all but scope, times and counts; else its name */
    struct text reason, by;
    struct view_fact *slot;
};

extern const struct effect_ops pawli_effect_schedule;

/* Slots that fire, or are passed over: if the schedule is still as it was read. */
struct firing {
    struct effect effect;
    struct text name;
    uint64_t revision;
    struct wall_time last; /* from now on */
    struct message_draft *messages;
    struct start_draft *starts; /* one of both */
    size_t count;
    struct view_fact *slot;
    /* the answer */
    bool fired; /* else somebody else did, or it was changed */
};

extern const struct effect_ops pawli_effect_firing;

/* ---- of a kind: configure.c ---- */

struct kind_change {
    struct effect effect;
    struct text name;
    struct policy policy; /* the keys to set; */
    uint64_t unset;       /* the keys to unset */
    struct view_fact *kind;
};

extern const struct effect_ops pawli_effect_kind;

#endif
