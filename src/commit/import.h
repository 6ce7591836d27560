/* SPDX-License-Identifier: MIT */
/* The effect that writes a journal which another store committed: its records as they are, and what they did to the ledger. */
#ifndef PAWLI_EFFECT_IMPORT_H
#define PAWLI_EFFECT_IMPORT_H

#include "commit/draft.h"

struct imported_record {
    struct record_row row;
    struct effect *effects; /* what it did, read back */
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

#endif
