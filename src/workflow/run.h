/* SPDX-License-Identifier: MIT */
/* Inside this room: one run of a function, and how its calls meet what is recorded. */
#ifndef PAWLI_WORKFLOW_RUN_H
#define PAWLI_WORKFLOW_RUN_H

#include "workflow/drive.h"

#define NOTE_NAME_MAX (LIMIT_NAME + 16) /* an operation, ':' and a name */

struct recorded {
    struct text name, data, error;
    uint64_t generation;
    struct wall_time at;
};

struct undo {
    const char *name;
    pawl_call *fn;
    void *arg;
};

struct pawl_run {
    struct drive *drive;
    struct arena memory;
    struct text input, receipt; /* receipt absent: none */
    struct recorded *recorded;
    size_t recorded_count, recorded_room, next;
    struct step_note *pending; /* met for the first time, and not committed yet */
    size_t pending_count, pending_room;
    struct pawl_step step;    /* the next commit */
    bool is_open, is_refused; /* the last commit, for what it asked */
    struct undo *undos;
    size_t undo_count, undo_room;
    bool is_compensating, is_cancelled;
    int status; /* what each call answers from now on; OK: they go on */
    pawl_error error;
};

/* What a call answers once the run came to an end, and why it did. */
int pawli_run_answer_again(struct pawl_run *run, pawl_error *err);
int pawli_run_end(struct pawl_run *run, int status, const pawl_error *error);
int pawli_run_no_memory(struct pawl_run *run, pawl_error *err);
/* The function is not the one that was recorded: it came to `met`. */
int pawli_run_diverge(struct pawl_run *run, const char *met, pawl_error *err);

/* Notes what is met for the first time; false: out of memory. It is committed by one of the next. */
bool pawli_run_note(struct pawl_run *run, const char *name, struct text data, struct text error);
/* What the step was answered with. < 0, while the run goes on: refused, and the notes still wait. */
int pawli_run_commit(struct pawl_run *run, pawl_error *err);
int pawli_run_go_on(struct pawl_run *run, pawl_error *err);
int pawli_run_flush(struct pawl_run *run, pawl_error *err); /* before anything goes out that may depend on it */
int pawli_run_suspend(struct pawl_run *run, int64_t ms, pawl_error *err); /* -1: until a signal comes */
/* What was added to the step, under a note of this name; what the store refuses is noted, too. */
int pawli_run_commit_effect(struct pawl_run *run, const char *name, struct text data, pawl_error *err);

/* Somebody asked for its end, here for the first time, or at this place as it is recorded: PAWL_EREJECTED. */
int pawli_run_check_cancelled(struct pawl_run *run, pawl_error *err);
struct text pawli_run_full_name(char text[static NOTE_NAME_MAX + 1], const char *operation, const char *name);
/* What is recorded at this place: *ret; NULL: it is new, or something else stands there. PAWL_EREJECTED: it was cancelled.
 * Anything else than PAWL_OK ends the call. */
int pawli_run_meet(struct pawl_run *run, const char *operation, const char *name, char full[static NOTE_NAME_MAX + 1],
                   const struct recorded **ret, pawl_error *err);
/* The same where nothing else may stand there: else it diverges. */
int pawli_run_meet_only(struct pawl_run *run, const char *operation, const char *name,
                        char full[static NOTE_NAME_MAX + 1], const struct recorded **ret, pawl_error *err);
int pawli_run_replay_error(const struct recorded *recorded, pawl_error *err);

#endif
