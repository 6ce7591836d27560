/* SPDX-License-Identifier: MIT */
/* The effect that claims messages. */
#ifndef PAWLI_EFFECT_CLAIM_H
#define PAWLI_EFFECT_CLAIM_H

#include "commit/unit.h"

struct claimed {
    const struct task_body *body;
    struct task_row task;
    struct wall_time lease_until;
    const struct route *route;        /* of its sender; NULL: it has none, or that is not ready */
    const struct signal_row *signals; /* of a workflow: those that nobody took */
    size_t signal_count;
};

struct claim {
    struct effect effect;
    enum task_kind kind; /* of its queue: of what it claims */
    struct text lane, target, consumer;
    enum phase phase;  /* what it is claimed for */
    pawl_uuid id;      /* nil: the next of the queue */
    struct text named; /* of a workflow: its id; absent: the next */
    struct view_bound *bound;
    uint32_t limit;
    uint64_t size_max; /* of the bodies: with so many bytes it takes no further one; UINT64_MAX: no limit */
    uint32_t look;     /* how many due ones it looks at; those that may not be sent any more are passed over */
    int64_t lease_ms;  /* 0: the policy's */
    bool by_hand;      /* outlives its process */
    struct view_queue *queue;
    struct view_task *task;
    /* the answer */
    struct claimed *items;
    size_t count, passed;
    struct boot_time again; /* limits of its lane or target left nothing: ask again then; 0: they did not */
    uint64_t size;          /* of the bodies */
};

extern const struct effect_ops pawli_effect_claim;

#endif
