/* SPDX-License-Identifier: MIT */
/* The kinds of tasks. All are claimed, leased, settled and swept by the same code, which knows of what a task carries its
 * struct task_body and what stands here; a kind's row as a whole is known by those alone who make and read that kind. A queue has
 * one kind, its tasks have that of their queue. */
#ifndef PAWLI_TASK_KIND_H
#define PAWLI_TASK_KIND_H

#include "base/arena.h"
#include "model/columns.h"

struct task_kind_form {
    const char *name;                             /* as the queue's row has it */
    enum policy_of policy;                        /* whose keys and defaults its queues have */
    enum row_kind body;                           /* begins with a struct task_body; its key is the number */
    size_t (*size)(const struct task_body *body); /* of what is handed to whoever claims it */
    struct text (*bound)(const struct task_body *body, enum bound_kind kind); /* a key that leads to it; absent: none */
    struct task_body *(*copy)(const struct task_body *body,
                              struct arena *arena); /* with its texts; NULL: out of memory */
};

extern const struct task_kind_form pawli_task_kinds[TASK_KIND_COUNT];

/* Of a task that is known to be a message. */
static inline const struct message_row *message_in(const struct task_body *body)
{
    return (const struct message_row *)body;
}

static inline const struct workflow_row *workflow_in(const struct task_body *body)
{
    return (const struct workflow_row *)body;
}

/* What is in a lane: the kind of its queues. */
static inline enum task_kind task_kind_of(struct text lane)
{
    return text_is(lane, WORKFLOW_LANE) ? TASK_WORKFLOW : TASK_MESSAGE;
}

#endif
