/* SPDX-License-Identifier: MIT */
/* The effect that has what waited for a sender due at once: it has a route now. */
#ifndef PAWLI_EFFECT_HASTEN_H
#define PAWLI_EFFECT_HASTEN_H

#include "commit/unit.h"

struct hasten {
    struct effect effect;
    struct text lane, target, sender;
    const uint64_t *numbers; /* of messages, as rows have them */
    size_t count;
    struct view_task **tasks;
};

extern const struct effect_ops pawli_effect_hasten;

#endif
