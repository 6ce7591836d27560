/* SPDX-License-Identifier: MIT */
/* What the effects of the ledger put into a record (post.c, fill.c, project.c), read back. */
#include "base/codec.h"
#include "commit/ledger.h"

struct member {
    struct arena *arena;
    struct text name, value;
};

typedef bool read_member(const struct member *m, void *item);

static bool is(const struct member *m, const char *name)
{
    return pawli_json_name_is(m->name, name);
}

static bool text(const struct member *m, struct text *field)
{
    if (pawli_json_type(m->value) != JSON_STRING)
        return false;
    *field = pawli_json_string(m->arena, m->value);
    return field->data != NULL;
}

static bool amount(const struct member *m, struct decimal *field)
{
    struct text decimal;
    return text(m, &decimal) && pawli_decimal_parse(decimal, field);
}

static bool number(const struct member *m, uint64_t *field)
{
    return pawli_json_u64(m->value, field);
}

static bool read_post(const struct member *m, void *item)
{
    struct post *post = item;
    if (is(m, "account"))
        return text(m, &post->account);
    if (is(m, "asset"))
        return text(m, &post->asset);
    if (is(m, "delta"))
        return amount(m, &post->delta);
    if (is(m, "expect"))
        return (post->has_expect = amount(m, &post->expect));
    if (is(m, "floor"))
        return (post->has_floor = amount(m, &post->floor));
    if (is(m, "reason"))
        return text(m, &post->reason);
    if (is(m, "reference"))
        return text(m, &post->reference);
    return is(m, "update_seq") && number(m, &post->update_seq);
}

static bool read_fill(const struct member *m, void *item)
{
    struct fill_row *row = &((struct fill *)item)->row;
    uint64_t event = 0;
    const struct {
        const char *name;
        struct text *field;
    } texts[] = {{"trade_id", &row->trade}, {"market", &row->market}, {"buyer", &row->buyer}, {"seller", &row->seller}};
    const struct {
        const char *name;
        struct decimal *field;
    } amounts[] = {{"price", &row->price}, {"size", &row->size}, {"fee", &row->fee}, {"profit", &row->profit}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (is(m, texts[i].name))
            return text(m, texts[i].field);
    for (size_t i = 0; i < COUNT_OF(amounts); i++)
        if (is(m, amounts[i].name))
            return amount(m, amounts[i].field);
    bool good = is(m, "event") && number(m, &event) && event < UINT32_MAX;
    row->event = (uint32_t)event;
    return good;
}

static bool read_projection(const struct member *m, void *item)
{
    struct projection *projection = item;
    struct projection_row *row = &projection->row;
    struct text encoded;
    if (is(m, "name"))
        return text(m, &row->name);
    if (is(m, "key"))
        return text(m, &row->key);
    if (is(m, "delete"))
        return (projection->removes = text_is(m->value, "true"));
    if (is(m, "expect_version"))
        return (projection->has_expect_version = number(m, &projection->expect_version));
    if (is(m, "content_type"))
        return text(m, &row->content_type);
    if (!row->content_type.data)
        row->content_type = TEXT("application/json");
    if (is(m, "data")) {
        row->data = m->value;
        return true;
    }
    return is(m, "data_base64") && text(m, &encoded) && pawli_unbase64(m->arena, encoded, &row->data);
}

static bool read_counter(const struct member *m, void *item)
{
    struct counter_row *row = &((struct counter *)item)->row;
    return is(m, "name") ? text(m, &row->name) : is(m, "value") && number(m, &row->value);
}

/* Each kind begins with its effect, its items, and how many there are. */
struct list {
    struct effect effect;
    void *items;
    size_t count, room;
};
static_assert(offsetof(struct posts, items) == offsetof(struct list, items) &&
                  offsetof(struct fills, items) == offsetof(struct list, items) &&
                  offsetof(struct projections, items) == offsetof(struct list, items) &&
                  offsetof(struct counters, items) == offsetof(struct list, items) &&
                  offsetof(struct posts, count) == offsetof(struct list, count),
              "they are read as that");

static const struct reader_of {
    const char *name;
    const struct effect_ops *ops;
    size_t item_size;
    read_member *read;
} readers[] = {
    {"posts", &pawli_effect_posts, sizeof(struct post), read_post},
    {"fills", &pawli_effect_fills, sizeof(struct fill), read_fill},
    {"projections", &pawli_effect_projections, sizeof(struct projection), read_projection},
    {"counters", &pawli_effect_counters, sizeof(struct counter), read_counter},
};

static bool read_item(struct arena *arena, read_member *read, struct text value, void *item)
{
    struct member m = {.arena = arena};
    if (pawli_json_type(value) != JSON_OBJECT)
        return false;
    struct json_walk walk = pawli_json_walk(value);
    while (pawli_json_member(&walk, &m.name, &m.value))
        if (!read(&m, item))
            return false;
    return true;
}

static bool read_list(struct arena *arena, const struct reader_of *of, struct text value, struct list *list)
{
    struct text item;
    if (pawli_json_type(value) != JSON_ARRAY)
        return false;
    struct json_walk walk = pawli_json_walk(value);
    while (pawli_json_item(&walk, &item)) {
        if (!pawli_arena_reserve(arena, &list->items, of->item_size, list->count + 1, &list->room))
            return false;
        char *at = (char *)list->items + list->count * of->item_size;
        memset(at, 0, of->item_size);
        if (!read_item(arena, of->read, item, at))
            return false;
        list->count++;
    }
    return true;
}

bool pawli_read_post(struct arena *arena, struct text json, struct post *post)
{
    *post = (struct post){0};
    return read_item(arena, read_post, json, post) && post->account.data && post->asset.data;
}

bool pawli_read_effects(struct arena *arena, struct text effects, struct effect **ret_effects)
{
    struct text name, value;
    struct effect **last = ret_effects;
    *ret_effects = NULL;
    if (!effects.data)
        return true;
    struct json_walk walk = pawli_json_walk(effects);
    while (pawli_json_member(&walk, &name, &value))
        for (size_t i = 0; i < COUNT_OF(readers); i++) {
            const struct reader_of *of = &readers[i];
            if (!pawli_json_name_is(name, of->name))
                continue;
            struct list *list = pawli_arena_alloc(arena, of->ops->size);
            if (!list || !read_list(arena, of, value, list))
                return false;
            list->effect.ops = of->ops;
            *last = &list->effect;
            last = &list->effect.next;
        }
    return true;
}
