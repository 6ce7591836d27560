/* SPDX-License-Identifier: MIT */
/* The effects that change the ledger, projections and counters. */
#ifndef PAWLI_EFFECT_LEDGER_H
#define PAWLI_EFFECT_LEDGER_H

#include "commit/draft.h"

struct post {
    struct text account, asset;
    struct decimal delta, expect, floor;
    bool has_expect, has_floor;
    struct text reason, reference;
    uint64_t update_seq;
    struct view_fact *account_slot, *asset_slot;
};

struct posts {
    struct effect effect;
    struct post *items;
    size_t count, room;
    bool balanced; /* the deltas of each asset sum to zero, or the unit is refused */
};

struct fill {
    struct fill_row row;
    struct view_fact *slot;
};

struct fills {
    struct effect effect;
    struct fill *items;
    size_t count, room;
};

struct projection {
    struct projection_row row;
    uint64_t expect_version;
    bool has_expect_version, removes;
    struct view_fact *slot;
};

struct projections {
    struct effect effect;
    struct projection *items;
    size_t count, room;
};

struct counter {
    struct counter_row row;
    struct view_fact *slot;
};

struct counters {
    struct effect effect;
    struct counter *items;
    size_t count, room;
};

/* Of an asset, once and for all. */
struct asset_change {
    struct effect effect;
    struct text name;
    uint32_t scale;
    struct view_fact *slot;
};

/* Of types of events; what was not given stays. */
struct type_change {
    struct text name;
    bool has_needs, has_keep, has_critical;
    enum needs needs;
    enum keep keep;
    bool critical;
    struct view_fact *slot;
};

struct type_changes {
    struct effect effect;
    struct type_change *items;
    size_t count, room;
};

extern const struct effect_ops pawli_effect_types, pawli_effect_posts, pawli_effect_fills, pawli_effect_projections,
    pawli_effect_counters, pawli_effect_asset;

/* Reads back what the effects of the ledger put into a record; what others put there is passed by. The list is that of the
 * effects in their order; NULL: there are none. False: it cannot be read. */
bool pawli_read_effects(struct arena *arena, struct text effects, struct effect **ret_effects);

/* One post of such a record. */
bool pawli_read_post(struct arena *arena, struct text json, struct post *post);

#endif
