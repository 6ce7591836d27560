/* SPDX-License-Identifier: MIT */
#include "commit/import.h"

static bool gather_settings(struct unit *unit, struct import *import, struct view *view)
{
    struct slot *scope = &unit->view_scope->slot;
    import->asset_slots = arena_array(view->arena, struct view_fact *, import->asset_count + 1);
    import->type_slots = arena_array(view->arena, struct view_fact *, import->type_count + 1);
    if (!import->asset_slots || !import->type_slots)
        return false;
    for (size_t i = 0; i < import->asset_count; i++)
        if (!(import->asset_slots[i] = pawli_view_fact(view, ROW_ASSET, scope,
                                                       &(struct asset_row){.name = import->assets[i].name})))
            return false;
    for (size_t i = 0; i < import->type_count; i++)
        if (!(import->type_slots[i] = pawli_view_fact(view, ROW_TYPE, scope,
                                                      &(struct type_row){.name = import->types[i].name})))
            return false;
    return true;
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct import *import = (struct import *)effect;
    for (size_t i = 0; i < import->count; i++) {
        struct imported_record *record = &import->records[i];
        record->request = pawli_view_request(view, unit->view_scope, &record->row.request_id);
        if (!record->request)
            return false;
        for (struct effect *each = record->effects; each; each = each->next)
            if (!each->ops->gather(unit, each, view))
                return false;
    }
    return gather_settings(unit, import, view);
}

static bool set_fact(struct view *view, struct view_fact *slot, const void *row, size_t size)
{
    if (!pawli_view_touch(view, &slot->slot))
        return false;
    slot->slot.exists = true;
    memcpy(&slot->row, row, size);
    return true;
}

static bool set_settings(const struct import *import, struct view *view, struct scope_row *scope)
{
    for (size_t i = 0; i < import->asset_count; i++) {
        struct asset_row row = import->assets[i];
        row.scope = scope->id;
        if (!set_fact(view, import->asset_slots[i], &row, sizeof row))
            return false;
    }
    for (size_t i = 0; i < import->type_count; i++) {
        struct type_row row = import->types[i];
        row.scope = scope->id;
        if (!set_fact(view, import->type_slots[i], &row, sizeof row))
            return false;
        scope->fill_types += row.needs == NEEDS_FILL;
    }
    return true;
}

static int add_record(struct unit *unit, struct view *view, const struct imported_record *record, pawl_error *err)
{
    struct scope_row *scope = &unit->view_scope->row;
    struct view_request *request = record->request;
    int status = PAWL_OK;
    for (struct effect *each = record->effects; status == PAWL_OK && each; each = each->next)
        status = each->ops->decide(unit, each, view, err);
    if (status < 0) {
        pawli_fail_in(err, "record %llu does not do what it says", (unsigned long long)record->row.seq);
        return status == PAWL_ENOMEM ? status : (err->status = PAWL_ECORRUPT);
    }
    if (request->slot.exists || request->slot.is_damaged)
        return pawli_fail(err, PAWL_ECORRUPT, "record %llu has the request id of an earlier one",
                          (unsigned long long)record->row.seq);
    if (!pawli_view_touch(view, &request->slot))
        return pawli_no_memory(err);
    request->row = record->row;
    request->row.scope = scope->id;
    request->slot.exists = true;
    scope->seq = record->row.seq;
    scope->head = record->row.digest;
    return PAWL_OK;
}

static int check_row(struct slot *slot, struct arena *scratch, pawl_error *err)
{
    enum row_kind kind = pawli_slot_row_kind(slot);
    bool is_sound = !slot->exists || pawli_row_is_sound(kind, pawli_slot_row(slot), scratch);
    if (pawli_arena_failed(scratch))
        return pawli_no_memory(err);
    pawli_arena_reset(scratch);
    return is_sound
               ? PAWL_OK
               : pawli_hint(err,
                            pawli_fail(err, PAWL_ECORRUPT, "a row of table %s would be damaged", pawli_rows[kind].name),
                            "a record says what no transition could: it is no export of pawl");
}

/* Nobody checked what the effects of a record that was read say: its digest proves only that it said so. */
static int check_made(const struct unit *unit, const struct view *view, pawl_error *err)
{
    struct arena scratch = {0};
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < view->facts.count; i++)
        if (pawli_slot_owner(view->facts.at[i]) == &unit->view_scope->slot)
            status = check_row(view->facts.at[i], &scratch, err);
    for (size_t i = view->marks[SLOT_ENTRY]; status == PAWL_OK && i < view->entries.count; i++)
        status = check_row(view->entries.at[i], &scratch, err);
    pawli_arena_done(&scratch);
    return status;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    const struct import *import = (const struct import *)effect;
    struct view_scope *scope = unit->view_scope;
    if (scope->row.seq > 0 || scope->row.last_number > 0)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "scope \"%.*s\" is not empty", TEXT_ARG(unit->scope)),
                          "a journal is imported where there is none: use another store");
    int status = pawli_make_scope(view, scope, err);
    if (status == PAWL_OK && !(pawli_view_touch(view, &scope->slot) && set_settings(import, view, &scope->row)))
        status = pawli_no_memory(err);
    for (size_t i = 0; status == PAWL_OK && i < import->count; i++)
        status = add_record(unit, view, &import->records[i], err);
    if (status == PAWL_OK)
        status = check_made(unit, view, err);
    if (status < 0)
        return status;
    scope->row.pruned = import->pruned;
    scope->row.last_number = import->last_number;
    return PAWL_OK;
}

static size_t weigh(const struct effect *effect)
{
    const struct import *import = (const struct import *)effect;
    size_t size = 0;
    for (size_t i = 0; i < import->count; i++) {
        const struct record_row *row = &import->records[i].row;
        size += 500 + row->command.size + row->response.size + row->events.size + row->effects.size;
    }
    return size;
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    pawli_json_put_u64(writer, "records", ((const struct import *)effect)->count);
}

const struct effect_ops pawli_effect_import = {.name = "import",
                                               .size = sizeof(struct import),
                                               .gather = gather,
                                               .decide = decide,
                                               .weigh = weigh,
                                               .describe = describe};
