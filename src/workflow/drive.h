/* SPDX-License-Identifier: MIT */
/* Inside this room: one workflow that was claimed, driven step by step by the code of its kind. */
#ifndef PAWLI_WORKFLOW_DRIVE_H
#define PAWLI_WORKFLOW_DRIVE_H

#include "commit/consume.h"
#include "pawl/run.h"
#include "workflow/build.h"

/* Where a workflow stands behind its last step, and under which claim. */
struct checkpoint {
    uint64_t number, token, generation, entered, run;
    struct text state, data;
    uint32_t version, attempts, rejections;
    struct text cancelled;            /* why; absent: it is not */
    const struct signal_row *signals; /* that nobody took when it was claimed */
    size_t signal_count;
};

/* What stands in the way of a drive, where a test wants to (pawl/testing.h). All NULL in a program. */
enum cut { CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT, CUT_BEFORE_CALL, CUT_AFTER_CALL, CUT_REPLY };
struct obstacles {
    bool (*cut)(void *data, enum cut where,
                const char *name); /* true: the process died here, or, of a reply, that it is lost */
    /* Each step is made twice; told where the second did not do the same. */
    void (*differs)(void *data, const char *name, const char *what);
    void *data;
};

struct drive {
    pawl_store *store;
    const pawl_kind *kind;
    char id[LIMIT_WORKFLOW_ID + 1];
    struct checkpoint at;
    struct arena memory[2]; /* of the checkpoint, and of the one before */
    unsigned turn;
    int64_t lease_ms;             /* 0: the policy's */
    _Atomic uint64_t held;        /* its token, for who renews its lease; 0: it is not to be renewed */
    const _Atomic bool *stopping; /* it makes no further step; may be NULL */
    const struct obstacles *obstacles;
    bool is_for_person; /* its error is nothing that another try mends: it is set apart */
    bool is_checked;    /* nothing is called, nothing committed: what is recorded is compared */
    void (*tell)(void *data, const struct drive *drive, const char *name, const pawl_error *error);
    void *tell_data;

    /* the answer */
    enum drove {
        DROVE_ON,   /* the claim is kept: it makes its next step */
        DROVE_OFF,  /* it parked, ended, or was given back */
        DROVE_LOST, /* nobody knows, or somebody else has it */
        DROVE_CUT
    } how;
    const char *status; /* as pawl_workflow_view has it; NULL: not known */
    pawl_error error;   /* because of which it parked or failed; status PAWL_OK: none */
};

/* From what a claim answered, which is copied. */
int pawli_drive_init(struct drive *drive, pawl_store *store, const pawl_kind *kind, const struct claimed *item,
                     pawl_error *err);
void pawli_drive_done(struct drive *drive);
void pawli_drive(struct drive *drive); /* until it is off, lost or cut */
/* Whether its kind goes on from where it stands, as far as it is recorded (is_checked): nothing is done. < 0, and is_for_person:
 * it does not. */
int pawli_check_drive(struct drive *drive, pawl_error *err);
/* Gives back a claim under which nothing was done. */
void pawli_drive_release(struct drive *drive);
bool pawli_drive_is_cut(struct drive *drive, enum cut where, const char *name);

int pawli_read_kind(const pawl_kind *given, pawl_kind *kind, pawl_error *err);

/* ---- step.c: one step of it ---- */

struct pawl_step {
    struct drive *drive;
    pawl_transition *transition; /* NULL: out of memory */
    struct step *effect;         /* of the transition; NULL: out of memory */
    size_t take_room;
    bool answered;
    const pawl_error *cause; /* of a hook: what it was called for */
    struct wall_time began;
};

void pawli_step_begin(struct pawl_step *step, struct drive *drive);
void pawli_step_end(struct pawl_step *step);
/* Commits what it answered, and moves the drive on. The error is of a refusal; then nothing was changed, and the claim holds. */
int pawli_step_commit(struct pawl_step *step, pawl_error *err);
/* Adds a note to a step of a function; its data is copied. */
int pawli_step_note(struct pawl_step *step, struct text name, struct text data, struct text error);
bool pawli_step_take(struct pawl_step *step, const struct signal_row *signal);
bool pawli_step_took(const struct pawl_step *step, const struct signal_row *signal);
/* Calls out, between the cuts. */
int pawli_step_call_out(struct drive *drive, const char *name, pawl_call *fn, void *arg, pawl_error *err);

/* twice.c: in what the second of two of the same checkpoint is not as the first; NULL: in nothing. */
const char *pawli_step_differs(const struct pawl_step *first, const struct pawl_step *second);

/* ---- run.c: a function of it ---- */

/* Calls the function from the top, once. OK: what it came to is committed or answered by the drive. < 0: its error. */
int pawli_run_code(struct drive *drive, pawl_error *err);

#endif
