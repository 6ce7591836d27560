/* SPDX-License-Identifier: MIT */
/* The effect that keeps trades: each is there once. */
#include "commit/ledger.h"
#include "model/amount.h"

/* Each tells of one event, and no two of the same. */
static int check(struct unit *unit, const struct effect *effect, pawl_error *err)
{
    const struct fills *fills = (const struct fills *)effect;
    size_t event_count = unit->record->event_count;
    bool *told = arena_array(&unit->arena, bool, event_count + 1);
    if (!told)
        return pawli_no_memory(err);
    unit->record->filled = told;
    for (size_t i = 0; i < fills->count; i++) {
        uint32_t event = fills->items[i].row.event;
        if (event < event_count && !told[event]) {
            told[event] = true;
            continue;
        }
        pawli_hint(err,
                   event < event_count ? pawli_fail(err, PAWL_EINVAL, "event %u has a fill already", event)
                                       : pawli_fail(err, PAWL_EINVAL, "there is no event %u: the transition has %zu",
                                                    event, event_count),
                   "each fill belongs to an event of its own; the first has index 0");
        pawli_error_item(err, "fill", i, fills->count);
        return PAWL_EINVAL;
    }
    return PAWL_OK;
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct fills *fills = (struct fills *)effect;
    for (size_t i = 0; i < fills->count; i++) {
        struct fill *fill = &fills->items[i];
        fill->slot = pawli_view_fact(view, ROW_FILL, &unit->view_scope->slot,
                                     &(struct fill_row){.trade = fill->row.trade});
        if (!fill->slot)
            return false;
    }
    return true;
}

static int add(struct view *view, struct view_scope *scope, const struct fill *fill, pawl_error *err)
{
    struct view_fact *slot = fill->slot;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the fill of this trade", err);
    if (slot->slot.exists)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECONFLICT, "trade %.*s is in record %llu already",
                                     TEXT_ARG(fill->row.trade), (unsigned long long)slot->row.fill.seq),
                          "a trade is told once: use an id of its own for another");
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = true;
    slot->row.fill = fill->row;
    slot->row.fill.scope = scope->row.id;
    slot->row.fill.seq = scope->row.seq + 1;
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct fills *fills = (struct fills *)effect;
    int status = pawli_make_scope(view, unit->view_scope, err);
    for (size_t i = 0; status == PAWL_OK && i < fills->count; i++) {
        status = add(view, unit->view_scope, &fills->items[i], err);
        if (status < 0)
            pawli_error_item(err, "fill", i, fills->count);
    }
    return status;
}

static void put(const struct effect *effect, struct json_writer *writer)
{
    const struct fills *fills = (const struct fills *)effect;
    pawli_json_key(writer, "fills");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < fills->count; i++) {
        const struct fill_row *row = &fills->items[i].row;
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_u64(writer, "event", row->event);
        pawli_json_put_text(writer, "trade_id", row->trade);
        pawli_json_put_text(writer, "market", row->market);
        pawli_json_put_text(writer, "buyer", row->buyer);
        pawli_json_put_text(writer, "seller", row->seller);
        pawli_amount_put(writer, "price", row->price);
        pawli_amount_put(writer, "size", row->size);
        pawli_amount_put(writer, "fee", row->fee);
        pawli_amount_put(writer, "profit", row->profit);
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

static size_t weigh(const struct effect *effect)
{
    return ((const struct fills *)effect)->count * 300;
}

const struct effect_ops pawli_effect_fills = {.name = "fills",
                                              .size = sizeof(struct fills),
                                              .gather = gather,
                                              .decide = decide,
                                              .check = check,
                                              .weigh = weigh,
                                              .put = put};
