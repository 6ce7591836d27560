/* SPDX-License-Identifier: MIT */
/* The effect that settles claims. */
#ifndef PAWLI_EFFECT_SETTLE_H
#define PAWLI_EFFECT_SETTLE_H

#include "commit/enqueue.h"

struct settlement {
    enum task_kind kind; /* of what was claimed */
    pawl_uuid id;
    uint64_t token;
    enum verdict verdict;
    struct text error, remote_id, progress, response;
    uint32_t status; /* of HTTP; 0: none */
    enum durability durability;
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
    size_t count, room;
    bool atomic; /* a lost claim refuses the unit */
};

/* Drafts the settlement at this index of what the caller gave. */
int pawli_draft_settlement(struct drafting *drafting, const pawl_settlement *settlements, size_t index,
                           struct settlement *draft, pawl_error *err);

/* Adds settlements to what is drafted. */
int pawli_draft_settle(struct drafting *drafting, const pawl_settlement *settlements, size_t count, pawl_error *err);

extern const struct effect_ops pawli_effect_settle;

#endif
