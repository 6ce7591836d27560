/* SPDX-License-Identifier: MIT */
/* The effect that adopts a restored or copied store. */
#ifndef PAWLI_EFFECT_ADOPT_H
#define PAWLI_EFFECT_ADOPT_H

#include "commit/unit.h"

struct adopt {
    struct effect effect;
    uint64_t epoch; /* the answer */
};

extern const struct effect_ops pawli_effect_adopt;

#endif
