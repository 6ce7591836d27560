/* SPDX-License-Identifier: MIT */
/* What the ledger adds to a transition: posts, fills, projections and counters, checked and copied. */
#include "commit/ledger.h"
#include "model/amount.h"
#include "model/check.h"
#include "pawl/ledger.h"

/* Room for one more behind `count` items; NULL: out of memory, or too many. */
static void *grow(struct drafting *drafting, void *items, size_t item_size, size_t *count, size_t *room,
                  const char *what, pawl_error *err)
{
    void **at = items;
    if (*count == LIMIT_POSTS) {
        pawli_fail(err, PAWL_ELIMIT, "%s has over %d items", what, LIMIT_POSTS);
        return NULL;
    }
    if (!pawli_arena_reserve(&drafting->unit.arena, at, item_size, *count + 1, room)) {
        pawli_no_memory(err);
        return NULL;
    }
    return memset((char *)*at + (*count)++ * item_size, 0, item_size);
}

/* An amount that may be absent. */
static int read_amount(const char *field, const char *text, struct decimal *value, bool *given, pawl_error *err)
{
    *given = text != NULL;
    return text ? pawli_amount_read(field, text, value, err) : PAWL_OK;
}

static int check_copied(const struct drafting *drafting, pawl_error *err)
{
    if (drafting->size > LIMIT_UNIT_SIZE)
        return pawli_fail(err, PAWL_ELIMIT, "the bodies together are over the limit of %d bytes", LIMIT_UNIT_SIZE);
    return pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : PAWL_OK;
}

/* ---- posts ---- */

static int read_post(struct drafting *drafting, const pawl_post *given, struct post *post, pawl_error *err)
{
    pawl_post copy;
    int status = pawli_check_given(err, given);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, given))
        return pawli_bad_struct("pawl_post", err);
    status = pawli_check_account("account", text_of(copy.account), err);
    if (status == PAWL_OK)
        status = pawli_check_name("asset", text_of(copy.asset), err);
    if (status == PAWL_OK)
        status = pawli_amount_read("delta", copy.delta, &post->delta, err);
    if (status == PAWL_OK)
        status = read_amount("expect", copy.expect, &post->expect, &post->has_expect, err);
    if (status == PAWL_OK)
        status = read_amount("floor", copy.floor, &post->floor, &post->has_floor, err);
    if (status == PAWL_OK)
        status = pawli_check_text("reason", text_of(copy.reason), LIMIT_REASON, err);
    if (status == PAWL_OK)
        status = pawli_check_key("reference", text_of(copy.reference), err);
    if (status == PAWL_OK && copy.update_seq > INT64_MAX)
        status = pawli_fail(err, PAWL_EINVAL, "update_seq is outside its range");
    if (status < 0)
        return status;
    post->account = pawli_draft_text(drafting, copy.account);
    post->asset = pawli_draft_text(drafting, copy.asset);
    post->reason = pawli_draft_text(drafting, copy.reason);
    post->reference = pawli_draft_text(drafting, copy.reference);
    post->update_seq = copy.update_seq;
    return check_copied(drafting, err);
}

static struct posts *posts_of(struct drafting *drafting)
{
    struct posts *posts = drafting ? pawli_draft_effect(drafting, &pawli_effect_posts) : NULL;
    if (drafting && !posts)
        pawli_no_memory(&drafting->error);
    return posts;
}

void pawl_transition_post(pawl_transition *t, const pawl_post *post)
{
    struct drafting *drafting = pawli_building(t);
    struct posts *posts = posts_of(drafting);
    if (!posts)
        return;
    size_t index = posts->count;
    struct post *item = grow(drafting, &posts->items, sizeof *item, &posts->count, &posts->room, "posts",
                             &drafting->error);
    if (!item || read_post(drafting, post, item, &drafting->error) < 0)
        pawli_error_item(&drafting->error, "post", index, 2);
}

void pawl_transition_balanced(pawl_transition *t)
{
    struct posts *posts = posts_of(pawli_building(t));
    if (posts)
        posts->balanced = true;
}

/* ---- fills ---- */

static int read_fill(struct drafting *drafting, const pawl_fill *given, struct fill_row *row, pawl_error *err)
{
    pawl_fill copy;
    bool has_fee, has_profit;
    int status = pawli_check_given(err, given);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, given))
        return pawli_bad_struct("pawl_fill", err);
    if (!copy.trade_id)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "trade_id is missing"), "give each trade an id of its own");
    status = pawli_check_key("trade_id", text_of(copy.trade_id), err);
    if (status == PAWL_OK)
        status = pawli_check_name("market", text_of(copy.market), err);
    if (status == PAWL_OK)
        status = pawli_check_account("buyer", text_of(copy.buyer), err);
    if (status == PAWL_OK)
        status = pawli_check_account("seller", text_of(copy.seller), err);
    if (status == PAWL_OK)
        status = pawli_amount_read("price", copy.price, &row->price, err);
    if (status == PAWL_OK)
        status = pawli_amount_read("size", copy.size, &row->size, err);
    if (status == PAWL_OK)
        status = read_amount("fee", copy.fee, &row->fee, &has_fee, err);
    if (status == PAWL_OK)
        status = read_amount("profit", copy.profit, &row->profit, &has_profit, err);
    if (status < 0)
        return status;
    row->event = copy.event;
    row->trade = pawli_draft_text(drafting, copy.trade_id);
    row->market = pawli_draft_text(drafting, copy.market);
    row->buyer = pawli_draft_text(drafting, copy.buyer);
    row->seller = pawli_draft_text(drafting, copy.seller);
    return check_copied(drafting, err);
}

void pawl_transition_fill(pawl_transition *t, const pawl_fill *fill)
{
    struct drafting *drafting = pawli_building(t);
    if (!drafting)
        return;
    pawl_error *err = &drafting->error;
    struct fills *fills = pawli_draft_effect(drafting, &pawli_effect_fills);
    if (!fills) {
        pawli_no_memory(err);
        return;
    }
    size_t index = fills->count;
    struct fill *item = grow(drafting, &fills->items, sizeof *item, &fills->count, &fills->room, "fills", err);
    if (!item || read_fill(drafting, fill, &item->row, err) < 0)
        pawli_error_item(err, "fill", index, 2);
}

/* ---- projections ---- */

static int read_projection(struct drafting *drafting, const pawl_projection *given, struct projection *item,
                           pawl_error *err)
{
    pawl_projection copy;
    int status = pawli_check_given(err, given);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, given))
        return pawli_bad_struct("pawl_projection", err);
    if (!copy.key)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "key is missing"), "give the key under which it is kept");
    status = pawli_check_name("name", text_of(copy.name), err);
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(copy.key), err);
    if (status == PAWL_OK && copy.expect_version > INT64_MAX)
        status = pawli_fail(err, PAWL_EINVAL, "expect_version is outside its range");
    if (status == PAWL_OK && copy.remove && copy.data_size)
        status = pawli_fail(err, PAWL_EINVAL, "data is given for what shall not be there");
    if (status < 0)
        return status;
    item->row.name = pawli_draft_text(drafting, copy.name);
    item->row.key = pawli_draft_text(drafting, copy.key);
    item->has_expect_version = copy.has_expect_version;
    item->expect_version = copy.expect_version;
    item->removes = copy.remove;
    if (!copy.remove) {
        status = pawli_draft_body(drafting, "data", copy.data, copy.data_size, &item->row.data, err);
        if (status == PAWL_OK)
            status = pawli_draft_content_type(drafting, "data", copy.content_type, item->row.data,
                                              &item->row.content_type, err);
    }
    return status == PAWL_OK ? check_copied(drafting, err) : status;
}

void pawl_transition_projection(pawl_transition *t, const pawl_projection *projection)
{
    struct drafting *drafting = pawli_building(t);
    if (!drafting)
        return;
    pawl_error *err = &drafting->error;
    struct projections *projections = pawli_draft_effect(drafting, &pawli_effect_projections);
    if (!projections) {
        pawli_no_memory(err);
        return;
    }
    size_t index = projections->count;
    struct projection *item = grow(drafting, &projections->items, sizeof *item, &projections->count, &projections->room,
                                   "projections", err);
    if (!item || read_projection(drafting, projection, item, err) < 0)
        pawli_error_item(err, "projection", index, 2);
}

/* ---- counters ---- */

static int read_counter(struct drafting *drafting, const char *name, uint64_t value, struct counter_row *row,
                        pawl_error *err)
{
    int status = pawli_check_given(err, name);
    if (status == PAWL_OK)
        status = pawli_check_name("name", text_of(name), err);
    if (status == PAWL_OK && value > INT64_MAX)
        status = pawli_fail(err, PAWL_EINVAL, "value is outside its range");
    if (status < 0)
        return status;
    row->name = pawli_draft_text(drafting, name);
    row->value = value;
    return check_copied(drafting, err);
}

void pawl_transition_counter(pawl_transition *t, const char *name, uint64_t value)
{
    struct drafting *drafting = pawli_building(t);
    if (!drafting)
        return;
    pawl_error *err = &drafting->error;
    struct counters *counters = pawli_draft_effect(drafting, &pawli_effect_counters);
    if (!counters) {
        pawli_no_memory(err);
        return;
    }
    size_t index = counters->count;
    struct counter *item = grow(drafting, &counters->items, sizeof *item, &counters->count, &counters->room, "counters",
                                err);
    if (!item || read_counter(drafting, name, value, &item->row, err) < 0)
        pawli_error_item(err, "counter", index, 2);
}
