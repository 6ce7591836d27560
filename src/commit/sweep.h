/* SPDX-License-Identifier: MIT */
/* The effect of time. */
#ifndef PAWLI_EFFECT_SWEEP_H
#define PAWLI_EFFECT_SWEEP_H

#include "commit/unit.h"

struct sweep {
    struct effect effect;
    const struct sweep_task {
        uint64_t number;
        enum task_kind kind;
        struct text lane, target;
    } * items; /* candidates: decided afresh */
    size_t count;
    struct view_task **tasks;
    const struct sweep_bound {
        enum task_kind of;
        struct text lane, target, key;
        enum bound_kind kind;
    } * bounds;
    size_t bound_count;
    struct view_bound **bound_slots;
    uint64_t mended; /* all that waits was looked at after the clock went back so often; 0: it was not */
    /* the answer */
    uint32_t expired, purged, suspected, forgotten;
    uint32_t removed; /* keys that were forgotten before */
    uint32_t lost;    /* claims that this batch settles: there may be more */
};

extern const struct effect_ops pawli_effect_sweep;

#endif
