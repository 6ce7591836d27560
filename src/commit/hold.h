/* SPDX-License-Identifier: MIT */
/* The effect that holds, or releases. */
#ifndef PAWLI_EFFECT_HOLD_H
#define PAWLI_EFFECT_HOLD_H

#include "commit/unit.h"

struct hold_change {
    struct effect effect;
    enum hold_kind kind;
    struct text lane, target;
    struct text code; /* absent when releasing: every hold of the subject */
    struct text reason, by;
    struct wall_time until;
    bool releases, quiet; /* quiet: nothing to release is no error; nothing to change neither */
    struct view_subject *subject;
    uint32_t count; /* the answer: how many were released */
};

extern const struct effect_ops pawli_effect_hold;

#endif
