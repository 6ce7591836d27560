/* SPDX-License-Identifier: MIT */
#include "commit/snapshot.h"

static bool gather_chunk(struct unit *unit, struct effect *effect, struct view *view)
{
    struct chunk_change *change = (struct chunk_change *)effect;
    struct slot *scope = &unit->view_scope->slot;
    change->chunk = pawli_view_fact(view, ROW_CHUNK, scope,
                                    &(struct chunk_row){.seq = change->row.seq, .index = change->row.index});
    change->snapshot = pawli_view_fact(view, ROW_SNAPSHOT, scope, &(struct snapshot_row){.seq = change->row.seq});
    return change->chunk && change->snapshot;
}

static int decide_chunk(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct chunk_change *change = (struct chunk_change *)effect;
    struct view_fact *slot = change->chunk;
    if (change->snapshot->slot.exists || (change->removes && !slot->slot.exists))
        return PAWL_OK;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = !change->removes;
    if (change->removes)
        return PAWL_OK;
    slot->row.chunk = change->row;
    slot->row.chunk.scope = unit->view_scope->row.id;
    return PAWL_OK;
}

static size_t weigh_chunk(const struct effect *effect)
{
    return ((const struct chunk_change *)effect)->row.data.size;
}

const struct effect_ops pawli_effect_chunk = {.name = "chunk",
                                              .size = sizeof(struct chunk_change),
                                              .gather = gather_chunk,
                                              .decide = decide_chunk,
                                              .weigh = weigh_chunk};

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct snapshot_change *change = (struct snapshot_change *)effect;
    change->slot = pawli_view_fact(view, ROW_SNAPSHOT, &unit->view_scope->slot,
                                   &(struct snapshot_row){.seq = change->row.seq});
    return change->slot != NULL;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct snapshot_change *change = (struct snapshot_change *)effect;
    struct view_fact *slot = change->slot;
    if (slot->slot.is_damaged && !change->removes)
        return pawli_refuse_damaged("the snapshot", err);
    if (slot->slot.exists && !change->removes) {
        if (digest_equal(&slot->row.snapshot.hash, &change->row.hash))
            return PAWL_OK;
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_ECONFLICT, "record %llu has another snapshot", (unsigned long long)change->row.seq),
            "the state behind a record is one: replay it to see which is right");
    }
    if (change->removes && !slot->slot.exists)
        return PAWL_OK;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = !change->removes;
    if (change->removes)
        return PAWL_OK;
    slot->row.snapshot = change->row;
    slot->row.snapshot.scope = unit->view_scope->row.id;
    slot->row.snapshot.made = view->wall;
    return PAWL_OK;
}

const struct effect_ops pawli_effect_snapshot = {
    .name = "snapshot", .size = sizeof(struct snapshot_change), .gather = gather, .decide = decide};
