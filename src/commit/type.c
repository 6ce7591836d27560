/* SPDX-License-Identifier: MIT */
/* The effect that says what holds for all events of a type. It counts for what is decided from then on: what is stored stays. */
#include "commit/ledger.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct type_changes *changes = (struct type_changes *)effect;
    for (size_t i = 0; i < changes->count; i++) {
        struct type_change *change = &changes->items[i];
        change->slot = pawli_view_fact(view, ROW_TYPE, &unit->view_scope->slot,
                                       &(struct type_row){.name = change->name});
        if (!change->slot)
            return false;
    }
    return true;
}

static struct type_row changed(const struct type_change *change, uint64_t scope)
{
    const struct view_fact *slot = change->slot;
    struct type_row row = slot->slot.exists ? slot->row.type : (struct type_row){.scope = scope, .name = change->name};
    if (change->has_needs)
        row.needs = change->needs;
    if (change->has_keep)
        row.keep = change->keep;
    if (change->has_critical)
        row.critical = change->critical;
    return row;
}

static int apply(struct view *view, struct view_scope *scope, const struct type_change *change, bool *is_changed,
                 pawl_error *err)
{
    struct view_fact *slot = change->slot;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the type", err);
    const struct type_row row = changed(change, scope->row.id),
                          was = slot->slot.exists ? slot->row.type : (struct type_row){0};
    if (slot->slot.exists && row.needs == was.needs && row.keep == was.keep && row.critical == was.critical)
        return PAWL_OK;
    if (!pawli_view_touch(view, &slot->slot) || !pawli_view_touch(view, &scope->slot))
        return pawli_no_memory(err);
    scope->row.fill_types += row.needs == NEEDS_FILL;
    scope->row.fill_types -= was.needs == NEEDS_FILL;
    slot->row.type = row;
    slot->slot.exists = true;
    *is_changed = true;
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct type_changes *changes = (struct type_changes *)effect;
    bool is_changed = false;
    int status = pawli_make_scope(view, unit->view_scope, err);
    for (size_t i = 0; status == PAWL_OK && i < changes->count; i++)
        status = apply(view, unit->view_scope, &changes->items[i], &is_changed, err);
    unit->changes_nothing = !is_changed;
    return status;
}

const struct effect_ops pawli_effect_types = {
    .name = "types", .size = sizeof(struct type_changes), .gather = gather, .decide = decide};
