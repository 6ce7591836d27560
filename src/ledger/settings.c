/* SPDX-License-Identifier: MIT */
/* What an operator says of assets, and of types of events. */
#include "commit/ledger.h"
#include "commit/operation.h"
#include "model/check.h"
#include "pawl/ledger.h"

int pawl_asset_set(pawl_store *store, const char *asset, uint32_t scale, const pawl_operation *operation,
                   pawl_error *err)
{
    struct operation op;
    int status = pawli_check_given(err, store, asset);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(store->scope, err);
    if (status == PAWL_OK)
        status = pawli_check_name("asset", text_of(asset), err);
    if (status == PAWL_OK)
        status = pawli_check_range("scale", scale, 0, DECIMAL_SCALE_MAX, err);
    if (status == PAWL_OK)
        status = pawli_open_operation(&op, store, "pawl.asset", operation, false, err);
    if (status < 0)
        return status;
    struct asset_change *change = pawli_draft_effect(&op.drafting, &pawli_effect_asset);
    if (change) {
        change->name = pawli_draft_text(&op.drafting, asset);
        change->scale = scale;
        pawli_json_put_string(&op.writer, "asset", asset);
        pawli_json_put_u64(&op.writer, "scale", scale);
    }
    status = change ? pawli_commit_operation(&op, err) : pawli_no_memory(err);
    pawli_close_operation(&op);
    return status;
}

/* ---- types of events ---- */

static int set_needs(struct type_change *change, struct text value, pawl_error *err)
{
    change->has_needs = true;
    if (value.size == 0 || pawli_needs_parse(value, &change->needs))
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "needs cannot be \"%.40s\"", value.data),
                      "an event may need a fill: needs=fill; nothing: needs=");
}

/* Whoever cannot be read keeps everything. */
static int set_keep(struct type_change *change, struct text value, pawl_error *err)
{
    (void)err;
    change->has_keep = true;
    if (!pawli_keep_parse(value, &change->keep))
        change->keep = KEEP_FULL;
    return PAWL_OK;
}

static int set_critical(struct type_change *change, struct text value, pawl_error *err)
{
    change->has_critical = true;
    change->critical = text_is(value, "1");
    if (change->critical || value.size == 0 || text_is(value, "0"))
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "critical cannot be \"%.40s\"", value.data), "use 1 or 0");
}

static const struct type_key {
    const char *name;
    int (*set)(struct type_change *change, struct text value, pawl_error *err);
} type_keys[] = {{"needs", set_needs}, {"keep", set_keep}, {"critical", set_critical}};

static int read_setting(struct type_change *change, const pawl_setting *setting, pawl_error *err)
{
    int status = pawli_check_given(err, setting->key, setting->value);
    if (status < 0)
        return status;
    for (size_t i = 0; i < COUNT_OF(type_keys); i++)
        if (strcmp(setting->key, type_keys[i].name) == 0)
            return type_keys[i].set(change, text_of(setting->value), err);
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "a type of events has no \"%.60s\"", setting->key),
                      "it has needs, keep and critical");
}

/* What other journals did with their events by themselves. */
static const struct type_preset {
    const char *name, *type;
    pawl_setting setting;
} type_presets[] = {
    {"s3", "L2Update", {"critical", "1"}},
    {"s3", "OrderFilled", {"needs", "fill"}},
};

static int add_change(struct operation *op, const char *type, const pawl_setting *settings, size_t count,
                      pawl_error *err)
{
    struct drafting *drafting = &op->drafting;
    struct type_changes *changes = pawli_draft_effect(drafting, &pawli_effect_types);
    struct arena *arena = &drafting->unit.arena;
    if (!changes || !pawli_arena_reserve(arena, (void **)&changes->items, sizeof *changes->items, changes->count + 1,
                                         &changes->room))
        return pawli_no_memory(err);
    struct type_change *change = &changes->items[changes->count++];
    *change = (struct type_change){.name = pawli_draft_text(drafting, type)};
    int status = pawli_arena_failed(arena) ? pawli_no_memory(err) : PAWL_OK;
    pawli_json_put_string(&op->writer, "type", type);
    for (size_t i = 0; status == PAWL_OK && i < count; i++) {
        status = read_setting(change, &settings[i], err);
        if (status == PAWL_OK)
            pawli_json_put_string(&op->writer, settings[i].key, settings[i].value);
    }
    return status;
}

static int open_types(struct operation *op, pawl_store *store, const pawl_operation *operation, pawl_error *err)
{
    int status = pawli_check_own_scope(store->scope, err);
    return status == PAWL_OK ? pawli_open_operation(op, store, "pawl.type", operation, false, err) : status;
}

static int close_types(struct operation *op, int status, pawl_error *err)
{
    if (status == PAWL_OK)
        status = pawli_commit_operation(op, err);
    pawli_close_operation(op);
    return status;
}

int pawl_type_set(pawl_store *store, const char *type, const pawl_setting *settings, size_t count,
                  const pawl_operation *operation, pawl_error *err)
{
    struct operation op;
    int status = pawli_check_given(err, store, type);
    if (status == PAWL_OK)
        status = pawli_check_name("type", text_of(type), err);
    if (status == PAWL_OK && count == 0)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "no setting is given"),
                            "give needs=fill, keep=full, reference or none, or critical=1");
    if (status == PAWL_OK)
        status = pawli_check_call(err, "settings", settings != NULL);
    if (status == PAWL_OK)
        status = open_types(&op, store, operation, err);
    if (status < 0)
        return status;
    return close_types(&op, add_change(&op, type, settings, count, err), err);
}

int pawl_type_preset(pawl_store *store, const char *preset, const pawl_operation *operation, pawl_error *err)
{
    struct operation op;
    bool is_known = false;
    int status = pawli_check_given(err, store, preset);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(type_presets); i++)
        is_known |= strcmp(type_presets[i].name, preset) == 0;
    if (status == PAWL_OK && !is_known)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "preset cannot be \"%.40s\"", preset), "there is s3");
    if (status == PAWL_OK)
        status = open_types(&op, store, operation, err);
    if (status < 0)
        return status;
    pawli_json_put_string(&op.writer, "preset", preset);
    pawli_json_key(&op.writer, "types");
    pawli_json_open(&op.writer, '[');
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(type_presets); i++) {
        const struct type_preset *of = &type_presets[i];
        if (strcmp(of->name, preset) != 0)
            continue;
        pawli_json_comma(&op.writer);
        pawli_json_open(&op.writer, '{');
        status = add_change(&op, of->type, &of->setting, 1, err);
        pawli_json_close(&op.writer, '}');
    }
    pawli_json_close(&op.writer, ']');
    return close_types(&op, status, err);
}
