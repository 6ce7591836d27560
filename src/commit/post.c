/* SPDX-License-Identifier: MIT */
/* The effect that changes what accounts hold, one post behind the other; and the one that says how fine an asset is. */
#include <stdlib.h>

#include "commit/ledger.h"
#include "model/amount.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct posts *posts = (struct posts *)effect;
    struct slot *scope = &unit->view_scope->slot;
    for (size_t i = 0; i < posts->count; i++) {
        struct post *post = &posts->items[i];
        post->asset_slot = pawli_view_fact(view, ROW_ASSET, scope, &(struct asset_row){.name = post->asset});
        post->account_slot = pawli_view_fact(view, ROW_ACCOUNT, scope,
                                             &(struct account_row){.account = post->account, .asset = post->asset});
        if (!post->asset_slot || !post->account_slot)
            return false;
    }
    return true;
}

/* ---- refusals: they name account, asset, balance and delta ---- */

static int refuse(const struct post *post, const struct decimal *balance, struct decimal delta, pawl_error *err,
                  const char *because)
{
    struct amount_text held, change;
    return pawli_fail(err, PAWL_EREFUSED, "account %.*s holds %s %.*s; %s %s", TEXT_ARG(post->account),
                      pawli_amount_text(*balance, &held), TEXT_ARG(post->asset), pawli_amount_text(delta, &change),
                      because);
}

static int too_fine(const struct post *post, const char *field, struct decimal value, uint32_t scale, pawl_error *err)
{
    struct amount_text text;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_ELIMIT, "account %.*s: %s %s does not fit asset %.*s",
                                 TEXT_ARG(post->account), field, pawli_amount_text(value, &text),
                                 TEXT_ARG(post->asset)),
                      "it has %u places behind the point, and 38 digits at most; nothing is rounded", scale);
}

/* ---- deciding ---- */

/* Where nobody said how fine it is, its first post does: from then on that stands. */
static int scale_of(struct view *view, const struct post *post, uint64_t scope, uint32_t *scale, pawl_error *err)
{
    struct view_fact *slot = post->asset_slot;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the asset", err);
    if (!slot->slot.exists) {
        if (!pawli_view_touch(view, &slot->slot))
            return pawli_no_memory(err);
        slot->slot.exists = true;
        slot->row.asset = (struct asset_row){.scope = scope, .name = post->asset, .scale = ASSET_SCALE};
    }
    *scale = slot->row.asset.scale;
    return PAWL_OK;
}

/* At the scale of the asset. */
static int fit(const struct post *post, const char *field, struct decimal value, uint32_t scale, struct decimal *result,
               pawl_error *err)
{
    return pawli_decimal_rescale(value, (uint8_t)scale, result) ? PAWL_OK : too_fine(post, field, value, scale, err);
}

static int check(const struct post *post, const struct account_row *account, struct decimal delta, struct decimal after,
                 uint32_t scale, pawl_error *err)
{
    struct decimal bound;
    struct amount_text text;
    if (post->has_expect) {
        int status = fit(post, "expect", post->expect, scale, &bound, err);
        if (status < 0)
            return status;
        if (pawli_decimal_compare(after, bound) != 0)
            return pawli_hint(err, refuse(post, &account->balance, delta, err, "does not make what is expected"),
                              "%s is expected after it: read the balance, then decide again",
                              pawli_amount_text(bound, &text));
    }
    if (post->has_floor && pawli_decimal_compare(after, post->floor) < 0)
        return pawli_hint(err, refuse(post, &account->balance, delta, err, "would go below the floor"),
                          "the floor is %s", pawli_amount_text(post->floor, &text));
    if (post->update_seq && post->update_seq <= account->update_seq)
        return pawli_hint(err, refuse(post, &account->balance, delta, err, "comes with an update_seq that goes back"),
                          "the last one was %llu, this one is %llu", (unsigned long long)account->update_seq,
                          (unsigned long long)post->update_seq);
    return PAWL_OK;
}

static int apply(struct view *view, struct view_scope *scope, const struct post *post, uint32_t index, pawl_error *err)
{
    struct view_fact *slot = post->account_slot;
    struct account_row *account = &slot->row.account;
    struct decimal delta, after;
    uint32_t scale = 0;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the account", err);
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    if (!slot->slot.exists)
        *account = (struct account_row){.scope = scope->row.id, .account = post->account, .asset = post->asset};
    int status = scale_of(view, post, scope->row.id, &scale, err);
    if (status == PAWL_OK)
        status = fit(post, "delta", post->delta, scale, &delta, err);
    if (status < 0)
        return status;
    if (!pawli_decimal_add(account->balance, delta, &after))
        return pawli_hint(err, refuse(post, &account->balance, delta, err, "makes more than 38 digits"),
                          "use an asset with fewer places behind the point");
    status = check(post, account, delta, after, scale, err);
    if (status < 0)
        return status;
    slot->slot.exists = true;
    account->balance = pawli_decimal_trim(after);
    account->entries++;
    account->seq = scope->row.seq + 1;
    if (post->update_seq)
        account->update_seq = post->update_seq;
    const struct entry_row entry = {.scope = scope->row.id,
                                    .seq = account->seq,
                                    .index = index,
                                    .account = post->account,
                                    .asset = post->asset,
                                    .delta = pawli_decimal_trim(delta),
                                    .balance = account->balance,
                                    .reason = post->reason,
                                    .reference = post->reference,
                                    .update_seq = post->update_seq};
    return pawli_view_add_row(view, SLOT_ENTRY, &entry) ? PAWL_OK : pawli_no_memory(err);
}

static int by_asset(const void *a, const void *b)
{
    const struct post *x = *(const struct post *const *)a, *y = *(const struct post *const *)b;
    int order = pawli_text_compare(x->asset, y->asset);
    return order ? order : (x > y) - (x < y);
}

/* The deltas of each asset sum to zero. */
static int check_balanced(const struct posts *posts, struct arena *arena, pawl_error *err)
{
    const struct post **sorted = arena_array(arena, const struct post *, posts->count + 1);
    if (!sorted)
        return pawli_no_memory(err);
    for (size_t i = 0; i < posts->count; i++)
        sorted[i] = &posts->items[i];
    qsort(sorted, posts->count, sizeof(const struct post *), by_asset);
    struct decimal sum = {0};
    for (size_t i = 0; i < posts->count; i++) {
        struct text asset = sorted[i]->asset;
        struct amount_text text;
        bool is_last = i + 1 == posts->count || !text_equal(sorted[i + 1]->asset, asset);
        bool fits = pawli_decimal_add(sum, sorted[i]->delta, &sum);
        if (!fits || (is_last && sum.units != 0))
            return pawli_hint(err,
                              pawli_fail(err, PAWL_EREFUSED, "the deltas of %.*s are not balanced: their sum is %s",
                                         TEXT_ARG(asset), fits ? pawli_amount_text(sum, &text) : "over 38 digits"),
                              "a balanced transition only moves what there is: let the deltas of each asset sum to 0");
        if (is_last)
            sum = (struct decimal){0};
    }
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct posts *posts = (struct posts *)effect;
    int status = posts->balanced ? check_balanced(posts, view->arena, err) : PAWL_OK;
    if (status == PAWL_OK)
        status = pawli_make_scope(view, unit->view_scope, err);
    for (size_t i = 0; status == PAWL_OK && i < posts->count; i++) {
        status = apply(view, unit->view_scope, &posts->items[i], (uint32_t)i, err);
        if (status < 0)
            pawli_error_item(err, "post", i, posts->count);
    }
    return status;
}

/* ---- telling ---- */

static void put(const struct effect *effect, struct json_writer *writer)
{
    const struct posts *posts = (const struct posts *)effect;
    if (posts->balanced)
        pawli_json_put_bool(writer, "balanced", true);
    pawli_json_key(writer, "posts");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < posts->count; i++) {
        const struct post *post = &posts->items[i];
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_text(writer, "account", post->account);
        pawli_json_put_text(writer, "asset", post->asset);
        pawli_amount_put(writer, "delta", post->delta);
        if (post->has_expect)
            pawli_amount_put(writer, "expect", post->expect);
        if (post->has_floor)
            pawli_amount_put(writer, "floor", post->floor);
        pawli_json_put_text(writer, "reason", post->reason);
        pawli_json_put_text(writer, "reference", post->reference);
        if (post->update_seq)
            pawli_json_put_u64(writer, "update_seq", post->update_seq);
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

static size_t weigh(const struct effect *effect)
{
    return ((const struct posts *)effect)->count * 500; /* an entry, its place in the index, an account */
}

const struct effect_ops pawli_effect_posts = {
    .name = "posts", .size = sizeof(struct posts), .gather = gather, .decide = decide, .weigh = weigh, .put = put};

/* ---- an asset ---- */

static bool gather_asset(struct unit *unit, struct effect *effect, struct view *view)
{
    struct asset_change *change = (struct asset_change *)effect;
    change->slot = pawli_view_fact(view, ROW_ASSET, &unit->view_scope->slot, &(struct asset_row){.name = change->name});
    return change->slot != NULL;
}

static int decide_asset(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct asset_change *change = (struct asset_change *)effect;
    struct view_fact *slot = change->slot;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the asset", err);
    if (slot->slot.exists) {
        unit->changes_nothing = slot->row.asset.scale == change->scale;
        if (unit->changes_nothing)
            return PAWL_OK;
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "asset %.*s has %u places behind the point",
                                     TEXT_ARG(change->name), slot->row.asset.scale),
                          "that is said once, at the latest by its first post: use another asset");
    }
    int status = pawli_make_scope(view, unit->view_scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = true;
    slot->row.asset = (struct asset_row){
        .scope = unit->view_scope->row.id, .name = change->name, .scale = change->scale};
    return PAWL_OK;
}

static void describe_asset(const struct effect *effect, struct json_writer *writer)
{
    pawli_json_put_u64(writer, "scale", ((const struct asset_change *)effect)->scale);
}

const struct effect_ops pawli_effect_asset = {.name = "asset",
                                              .size = sizeof(struct asset_change),
                                              .gather = gather_asset,
                                              .decide = decide_asset,
                                              .describe = describe_asset};
