/* SPDX-License-Identifier: MIT */
/* The effect that drops bodies of old records, and keeps their hashes: the chain stays what it was. */
#ifndef PAWLI_EFFECT_PRUNE_H
#define PAWLI_EFFECT_PRUNE_H

#include "commit/draft.h"

struct prune {
    struct effect effect;
    pawl_uuid *ids; /* of records, behind what was pruned, without a gap up to `to` */
    size_t count;
    uint64_t from, to;
    struct view_request **requests;
    /* the answer */
    uint64_t pruned;
};

extern const struct effect_ops pawli_effect_prune;

#endif
