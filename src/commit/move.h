/* SPDX-License-Identifier: MIT */
/* The effect of an operator on messages. */
#ifndef PAWLI_EFFECT_MOVE_H
#define PAWLI_EFFECT_MOVE_H

#include "commit/enqueue.h"

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

/* Whether a task is in a state from which the move is made; a move may still refuse it. */
bool pawli_may_move(const struct move *move, const struct task_row *row);

extern const struct effect_ops pawli_effect_move;

#endif
