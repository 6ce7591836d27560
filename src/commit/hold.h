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
    bool releases;
    bool is_aside; /* of what else its unit does: where it cannot be made it refuses nothing, and counts 0 */
    struct view_subject *subject;
    uint32_t count; /* the answer: how many were released, or set */
};

/* Those with a code; absent: all. Their rows stay: what they kept waiting has not aged meanwhile. */
bool pawli_release_holds(struct view *view, struct view_subject *subject, struct text code, uint32_t *count);

/* Holds it from now on as the row says, in place of what its code was. False: out of memory. */
bool pawli_hold_subject(struct view *view, struct view_subject *subject, const struct hold_row *row);

extern const struct effect_ops pawli_effect_hold;

#endif
