/* SPDX-License-Identifier: MIT */
/* The ledger, projections and counters, out of JSON and into it. */
#include "api/items.h"
#include "api/shape.h"
#include "model/view_json.h"

/* ---- in ---- */

struct post_in {
    const char *account, *asset, *delta, *expect, *floor, *reason, *reference;
    int64_t update_seq;
};

#define IN(member) offsetof(struct post_in, member)
static const struct field post_fields[] = {
    {"account", FIELD_STRING, IN(account), 0, 0},     {"asset", FIELD_STRING, IN(asset), 0, 0},
    {"delta", FIELD_STRING, IN(delta), 0, 0},         {"expect", FIELD_STRING, IN(expect), 0, 0},
    {"floor", FIELD_STRING, IN(floor), 0, 0},         {"reason", FIELD_STRING, IN(reason), 0, 0},
    {"reference", FIELD_STRING, IN(reference), 0, 0}, {"update_seq", FIELD_NUMBER, IN(update_seq), 1, INT64_MAX},
};
#undef IN
static const struct shape post_shape = {"a post", post_fields, COUNT_OF(post_fields)};

int pawli_api_add_post(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    struct post_in in = {0};
    int status = pawli_shape_read(&post_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK)
        pawl_transition_post(transition,
                             &(pawl_post){PAWL_POST, .account = in.account, .asset = in.asset, .delta = in.delta,
                                          .expect = in.expect, .floor = in.floor, .reason = in.reason,
                                          .reference = in.reference, .update_seq = (uint64_t)in.update_seq});
    return status;
}

struct fill_in {
    struct field_count event;
    const char *trade_id, *market, *buyer, *seller, *price, *size, *fee, *profit;
};

#define IN(member) offsetof(struct fill_in, member)
static const struct field fill_fields[] = {
    {"event", FIELD_COUNT, IN(event), 0, 0},    {"trade_id", FIELD_STRING, IN(trade_id), 0, 0},
    {"market", FIELD_STRING, IN(market), 0, 0}, {"buyer", FIELD_STRING, IN(buyer), 0, 0},
    {"seller", FIELD_STRING, IN(seller), 0, 0}, {"price", FIELD_STRING, IN(price), 0, 0},
    {"size", FIELD_STRING, IN(size), 0, 0},     {"fee", FIELD_STRING, IN(fee), 0, 0},
    {"profit", FIELD_STRING, IN(profit), 0, 0},
};
#undef IN
static const struct shape fill_shape = {"a fill", fill_fields, COUNT_OF(fill_fields)};

int pawli_api_add_fill(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    struct fill_in in = {0};
    int status = pawli_shape_read(&fill_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK && (!in.event.given || in.event.value > UINT32_MAX))
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "event is %s", in.event.given ? "none" : "missing"),
                            "give the index of the event that the fill belongs to; the first is 0");
    if (status == PAWL_OK)
        pawl_transition_fill(transition,
                             &(pawl_fill){PAWL_FILL, .event = (uint32_t)in.event.value, .trade_id = in.trade_id,
                                          .market = in.market, .buyer = in.buyer, .seller = in.seller,
                                          .price = in.price, .size = in.size, .fee = in.fee, .profit = in.profit});
    return status;
}

struct projection_in {
    const char *name, *key, *content_type;
    struct text data, data_base64;
    struct field_count expect_version;
    bool remove;
};

#define IN(member) offsetof(struct projection_in, member)
static const struct field projection_fields[] = {
    {"name", FIELD_STRING, IN(name), 0, 0},
    {"key", FIELD_STRING, IN(key), 0, 0},
    {"data", FIELD_JSON, IN(data), 0, 0},
    {"data_base64", FIELD_BASE64, IN(data_base64), 0, 0},
    {"content_type", FIELD_STRING, IN(content_type), 0, 0},
    {"delete", FIELD_BOOL, IN(remove), 0, 0},
    {"expect_version", FIELD_COUNT, IN(expect_version), 0, 0},
};
#undef IN
static const struct shape projection_shape = {"a projection", projection_fields, COUNT_OF(projection_fields)};

int pawli_api_add_projection(pawl_transition *transition, struct api_reading *reading, struct text json,
                             pawl_error *err)
{
    struct projection_in in = {0};
    struct text body = {0};
    int status = pawli_shape_read(&projection_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK)
        status = pawli_api_choose_body("data", in.data, in.data_base64, &body, err);
    if (status == PAWL_OK && !in.remove && !body.data)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "data is missing"),
                            "give data, data_base64, or \"delete\": true");
    if (status == PAWL_OK && in.remove && body.data)
        status = pawli_fail(err, PAWL_EINVAL, "data is given with \"delete\": true");
    if (status < 0)
        return status;
    pawl_transition_projection(transition,
                               &(pawl_projection){PAWL_PROJECTION, .name = in.name, .key = in.key, .data = body.data,
                                                  .data_size = body.size,
                                                  .content_type = pawli_api_type_of(in.content_type, in.data),
                                                  .expect_version = in.expect_version.value,
                                                  .has_expect_version = in.expect_version.given, .remove = in.remove});
    return PAWL_OK;
}

struct counter_in {
    const char *name;
    struct field_count value;
};

static const struct field counter_fields[] = {
    {"name", FIELD_STRING, offsetof(struct counter_in, name), 0, 0},
    {"value", FIELD_COUNT, offsetof(struct counter_in, value), 0, 0},
};
static const struct shape counter_shape = {"a counter", counter_fields, COUNT_OF(counter_fields)};

int pawli_api_add_counter(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    struct counter_in in = {0};
    int status = pawli_shape_read(&counter_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK && !in.value.given)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "value is missing"), "give the value to go forward to");
    if (status == PAWL_OK)
        pawl_transition_counter(transition, in.name, in.value.value);
    return status;
}

/* ---- out ---- */

void pawli_api_put_asset(struct json_writer *out, const pawl_asset *asset)
{
    pawli_json_put_string(out, "asset", asset->asset);
    if (!asset->error)
        pawli_json_put_u64(out, "scale", asset->scale);
    pawli_json_put_string(out, "error", asset->error);
}

void pawli_api_put_balance(struct json_writer *out, const pawl_balance *balance)
{
    pawli_json_put_string(out, "account", balance->account);
    pawli_json_put_string(out, "asset", balance->asset);
    if (!balance->error) {
        pawli_json_put_string(out, "balance", balance->balance);
        pawli_json_put_u64(out, "seq", balance->seq);
    }
    pawli_json_put_string(out, "error", balance->error);
}

void pawli_api_put_entry(struct json_writer *out, const pawl_entry *entry)
{
    pawli_json_put_u64(out, "seq", entry->seq);
    pawli_json_put_u64(out, "index", entry->index);
    pawli_json_put_string(out, "account", entry->account);
    pawli_json_put_string(out, "asset", entry->asset);
    if (!entry->error) {
        pawli_json_put_string(out, "delta", entry->delta);
        pawli_json_put_string(out, "balance", entry->balance);
    }
    pawli_json_put_string(out, "reason", entry->reason);
    pawli_json_put_string(out, "reference", entry->reference);
    if (entry->update_seq)
        pawli_json_put_u64(out, "update_seq", entry->update_seq);
    pawli_json_put_string(out, "error", entry->error);
}

void pawli_api_put_fill(struct json_writer *out, const pawl_fill_view *fill)
{
    pawli_json_put_u64(out, "seq", fill->seq);
    pawli_json_put_u64(out, "event", fill->event);
    pawli_json_put_string(out, "trade_id", fill->trade_id);
    pawli_json_put_string(out, "market", fill->market);
    pawli_json_put_string(out, "buyer", fill->buyer);
    pawli_json_put_string(out, "seller", fill->seller);
    if (!fill->error) {
        pawli_json_put_string(out, "price", fill->price);
        pawli_json_put_string(out, "size", fill->size);
        pawli_json_put_string(out, "fee", fill->fee);
        pawli_json_put_string(out, "profit", fill->profit);
    }
    pawli_json_put_string(out, "error", fill->error);
}

void pawli_api_put_projection(struct json_writer *out, const pawl_projection_view *projection)
{
    pawli_json_put_string(out, "name", projection->name);
    pawli_json_put_string(out, "key", projection->key);
    pawli_body_json(out, "data", projection->content_type, (struct text){projection->data, projection->data_size});
    if (!projection->error) {
        pawli_json_put_u64(out, "version", projection->version);
        pawli_json_put_u64(out, "seq", projection->seq);
    }
    pawli_json_put_string(out, "error", projection->error);
}

void pawli_api_put_counter(struct json_writer *out, const pawl_counter *counter)
{
    pawli_json_put_string(out, "name", counter->name);
    if (!counter->error) {
        pawli_json_put_u64(out, "value", counter->value);
        pawli_json_put_u64(out, "seq", counter->seq);
    }
    pawli_json_put_string(out, "error", counter->error);
}

void pawli_api_put_type(struct json_writer *out, const pawl_type *type)
{
    pawli_json_put_string(out, "type", type->type);
    if (!type->error) {
        pawli_json_put_string(out, "needs", type->needs);
        pawli_json_put_string(out, "keep", pawli_api_keep(type->keep));
        if (type->critical)
            pawli_json_put_u64(out, "critical", 1);
    }
    pawli_json_put_string(out, "error", type->error);
}

void pawli_api_put_checked(struct json_writer *out, const char *scope, const pawl_ledger_checked *checked)
{
    pawli_json_put_string(out, "scope", scope);
    pawli_json_put_u64(out, "accounts", checked->accounts);
    pawli_json_put_u64(out, "entries", checked->entries);
    pawli_json_put_bool(out, "ok", checked->ok);
    if (checked->ok)
        return;
    pawli_json_key(out, "first_bad");
    pawli_json_open(out, '{');
    if (*checked->account)
        pawli_json_put_string(out, "account", checked->account);
    if (*checked->asset)
        pawli_json_put_string(out, "asset", checked->asset);
    if (checked->seq)
        pawli_json_put_u64(out, "seq", checked->seq);
    pawli_json_put_string(out, "what", checked->what);
    pawli_json_close(out, '}');
}
