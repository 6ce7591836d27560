/* SPDX-License-Identifier: MIT */
/* The effects that change projections and counters. */
#include "commit/ledger.h"
#include "model/view_json.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct projections *projections = (struct projections *)effect;
    for (size_t i = 0; i < projections->count; i++) {
        struct projection *item = &projections->items[i];
        item->slot = pawli_view_fact(view, ROW_PROJECTION, &unit->view_scope->slot,
                                     &(struct projection_row){.name = item->row.name, .key = item->row.key});
        if (!item->slot)
            return false;
    }
    return true;
}

static int project(struct view *view, struct view_scope *scope, const struct projection *item, pawl_error *err)
{
    struct view_fact *slot = item->slot;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the projection", err);
    uint64_t version = slot->slot.exists ? slot->row.projection.version : 0;
    if (item->has_expect_version && item->expect_version != version)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECONFLICT, "projection %.*s \"%.*s\" has version %llu, not %llu",
                                     TEXT_ARG(item->row.name), TEXT_ARG(item->row.key), (unsigned long long)version,
                                     (unsigned long long)item->expect_version),
                          "read it, then decide again");
    if (item->removes && !slot->slot.exists)
        return PAWL_OK;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = !item->removes;
    if (item->removes)
        return PAWL_OK;
    slot->row.projection = item->row;
    slot->row.projection.scope = scope->row.id;
    slot->row.projection.version = version + 1;
    slot->row.projection.seq = scope->row.seq + 1;
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct projections *projections = (struct projections *)effect;
    int status = pawli_make_scope(view, unit->view_scope, err);
    for (size_t i = 0; status == PAWL_OK && i < projections->count; i++) {
        status = project(view, unit->view_scope, &projections->items[i], err);
        if (status < 0)
            pawli_error_item(err, "projection", i, projections->count);
    }
    return status;
}

/* As it is, so that it can be made again from the record. */
static void put_data(struct json_writer *writer, const struct projection_row *row)
{
    if (!text_is(row->content_type, "application/json"))
        pawli_json_put_text(writer, "content_type", row->content_type);
    pawli_exact_json(writer, "data", row->content_type, row->data);
}

static void put(const struct effect *effect, struct json_writer *writer)
{
    const struct projections *projections = (const struct projections *)effect;
    pawli_json_key(writer, "projections");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < projections->count; i++) {
        const struct projection *item = &projections->items[i];
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_text(writer, "name", item->row.name);
        pawli_json_put_text(writer, "key", item->row.key);
        if (item->removes)
            pawli_json_put_bool(writer, "delete", true);
        else
            put_data(writer, &item->row);
        if (item->has_expect_version)
            pawli_json_put_u64(writer, "expect_version", item->expect_version);
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

static size_t weigh(const struct effect *effect)
{
    const struct projections *projections = (const struct projections *)effect;
    size_t size = 0;
    for (size_t i = 0; i < projections->count; i++)
        size += 200 + 2 * projections->items[i].row.data.size; /* in its table, and in the record */
    return size;
}

const struct effect_ops pawli_effect_projections = {.name = "projections",
                                                    .size = sizeof(struct projections),
                                                    .gather = gather,
                                                    .decide = decide,
                                                    .weigh = weigh,
                                                    .put = put};

/* ---- counters ---- */

static bool gather_counters(struct unit *unit, struct effect *effect, struct view *view)
{
    struct counters *counters = (struct counters *)effect;
    for (size_t i = 0; i < counters->count; i++) {
        struct counter *item = &counters->items[i];
        item->slot = pawli_view_fact(view, ROW_COUNTER, &unit->view_scope->slot,
                                     &(struct counter_row){.name = item->row.name});
        if (!item->slot)
            return false;
    }
    return true;
}

/* The same again goes nowhere, but not back either. */
static int raise(struct view *view, struct view_scope *scope, const struct counter *item, pawl_error *err)
{
    struct view_fact *slot = item->slot;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the counter", err);
    if (slot->slot.exists && item->row.value < slot->row.counter.value)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "counter %.*s is %llu; %llu would be back",
                                     TEXT_ARG(item->row.name), (unsigned long long)slot->row.counter.value,
                                     (unsigned long long)item->row.value),
                          "it goes forward only: read it, then decide again");
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = true;
    slot->row.counter = item->row;
    slot->row.counter.scope = scope->row.id;
    slot->row.counter.seq = scope->row.seq + 1;
    return PAWL_OK;
}

static int decide_counters(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct counters *counters = (struct counters *)effect;
    int status = pawli_make_scope(view, unit->view_scope, err);
    for (size_t i = 0; status == PAWL_OK && i < counters->count; i++) {
        status = raise(view, unit->view_scope, &counters->items[i], err);
        if (status < 0)
            pawli_error_item(err, "counter", i, counters->count);
    }
    return status;
}

static void put_counters(const struct effect *effect, struct json_writer *writer)
{
    const struct counters *counters = (const struct counters *)effect;
    pawli_json_key(writer, "counters");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < counters->count; i++) {
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_text(writer, "name", counters->items[i].row.name);
        pawli_json_put_u64(writer, "value", counters->items[i].row.value);
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

const struct effect_ops pawli_effect_counters = {.name = "counters",
                                                 .size = sizeof(struct counters),
                                                 .gather = gather_counters,
                                                 .decide = decide_counters,
                                                 .put = put_counters};
