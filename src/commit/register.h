/* SPDX-License-Identifier: MIT */
/* The effect of a worker that says that it works. */
#ifndef PAWLI_EFFECT_REGISTER_H
#define PAWLI_EFFECT_REGISTER_H

#include "commit/unit.h"

/* What a worker says of itself; committer, seen and stopped are filled in. */
struct registration {
    struct effect effect;
    struct worker_row row;
    bool stops;
};

extern const struct effect_ops pawli_effect_register;

#endif
