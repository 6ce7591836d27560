/* SPDX-License-Identifier: MIT */
/* A second pair of workflows, signals and resources: a model in plain C that knows nothing of pawl, slow and small. */
#ifndef TESTS_FLOWS_H
#define TESTS_FLOWS_H

#include <stdbool.h>

#include "pawl/pawl.h"

#define IDS         7
#define RESOURCES   4
#define KEYS        4 /* of signals */
#define SIGNALS_MAX 64
#define NOTES_MAX   600
#define UNDOS_MAX   64

/* What the kind of all of them says. */
#define ATTEMPTS_MAX   3
#define REJECTIONS_MAX 1
#define BACKOFF_MS     1000
#define BACKOFF_MAX_MS 3000
#define LEASE_MS       4000

struct signal {
    int key; /* -1: drawn */
    int data;
    uint64_t taken;
};

struct note { /* of a step */
    uint64_t generation;
    int state, data; /* with which it began */
};

struct flow {
    enum { NOWHERE, READY, CLAIMED, STUCK, FINISHED, FAILED } place;
    int first_state, first_data; /* what it was started with */
    int state, data;
    int order; /* of starts; the first is 1 */
    int64_t due, lease;
    uint64_t generation, total, token;
    int attempts, rejections, receipt;
    bool waits, paused, cancelled, undoing, no_return;
    int waiter, waiter_order; /* who waits for its end; order -1: nobody */
    bool told;
    int undos[UNDOS_MAX], undo_count;
    struct signal signals[SIGNALS_MAX];
    int signal_count, shown;
    struct note notes[NOTES_MAX];
    int note_count;
};

struct thing {
    enum { AVAILABLE, HELD, CONSUMED, WITHDRAWN } state;
    int holder;
    uint64_t generation;
};

struct model {
    struct flow flows[IDS];
    struct thing things[RESOURCES];
    int starts, woken;
    bool again; /* what finished may be started anew, too */
};

enum action { ADD, HOLD, RELEASE, CONSUME, WITHDRAW };

struct asked {
    pawl_step_outcome outcome;
    int state, data, undo; /* -1: not given */
    int take;              /* a key; -1: not given */
    int start;             /* another one, in s0 with 0; -1: none */
    struct {
        int thing;
        enum action action;
    } changes[2];
    int change_count;
};

/* What a call of each of these answers, at this time. Of a step that is refused the model is worth nothing: try it on a copy. */
bool has_ended(const struct flow *flow);
bool may_start(const struct model *m, int id);
int count_held(const struct model *m, int id);
int model_step(struct model *m, int id, const struct asked *asked, uint64_t token, uint64_t generation, int64_t now);
int model_start(struct model *m, int id, int state, int data, bool in_transition, int64_t now);
int model_signal(struct flow *flow, int key, int data, int64_t now);
int model_steer(struct model *m, int id, int what, bool force, int64_t now);
int model_retry_from(struct model *m, int id, uint64_t generation, int64_t now);
void model_lose(struct model *m, int64_t now);
int model_claim(struct model *m, int named, int64_t now);

#endif
