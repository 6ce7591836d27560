/* SPDX-License-Identifier: MIT */
/* The effects that add and remove snapshots: chunk by chunk, and the row that makes one of them. */
#ifndef PAWLI_EFFECT_SNAPSHOT_H
#define PAWLI_EFFECT_SNAPSHOT_H

#include "commit/draft.h"

/* A chunk may come and go only where no snapshot has it. */
struct chunk_change {
    struct effect effect;
    struct chunk_row row;
    bool removes;
    struct view_fact *chunk, *snapshot;
};

struct snapshot_change {
    struct effect effect;
    struct snapshot_row row;
    bool removes;
    struct view_fact *slot;
};

extern const struct effect_ops pawli_effect_chunk, pawli_effect_snapshot;

#endif
