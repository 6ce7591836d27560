/* SPDX-License-Identifier: MIT */
/* The effect that writes a journal which another store committed: its records as they are, and what they did to the ledger. */
#ifndef PAWLI_EFFECT_IMPORT_H
#define PAWLI_EFFECT_IMPORT_H

#include "commit/draft.h"

struct imported_record {
    struct record_row row;
    struct effect *effects; /* what it did, read back (ledger_read.c) */
    struct view_request *request;
};

struct import {
    struct effect effect;
    struct imported_record *records; /* from 1 on, their chain proven */
    size_t count, room;
    struct asset_row *assets;
    struct type_row *types;
    size_t asset_count, type_count;
    uint64_t pruned, last_number;
    struct view_fact **asset_slots, **type_slots;
};

extern const struct effect_ops pawli_effect_import;

/* Reads back what the effects of the ledger put into a record; what others put there is passed by. The list is that of the
 * effects in their order; NULL: there are none. False: it cannot be read. */
bool pawli_read_effects(struct arena *arena, struct text effects, struct effect **ret_effects);

#endif
