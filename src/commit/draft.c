/* SPDX-License-Identifier: MIT */
#include "commit/draft.h"

#include "base/codec.h"
#include "base/json.h"
#include "model/check.h"

void pawli_drafting_init(struct drafting *drafting, pawl_store *store)
{
    drafting->store = store;
    drafting->size = 0;
    drafting->error.status = PAWL_OK;
    pawli_unit_init(&drafting->unit, &store->opened->committer, store->scope);
    pawli_hasher_init(&drafting->hasher);
}

void pawli_drafting_done(struct drafting *drafting)
{
    pawli_hasher_done(&drafting->hasher);
    pawli_unit_done(&drafting->unit);
}

void *pawli_draft_find(const struct drafting *drafting, const struct effect_ops *ops)
{
    struct effect *effect = drafting->unit.effects;
    while (effect && effect->ops != ops)
        effect = effect->next;
    return effect;
}

void *pawli_draft_effect(struct drafting *drafting, const struct effect_ops *ops)
{
    struct effect *effect = pawli_draft_find(drafting, ops);
    if (effect)
        return effect;
    effect = pawli_arena_alloc(&drafting->unit.arena, ops->size);
    if (effect)
        pawli_unit_add(&drafting->unit, effect, ops);
    return effect;
}

struct drafting *pawli_building(pawl_transition *t)
{
    struct drafting *drafting = (struct drafting *)t; /* which it begins with */
    return t && drafting->error.status == PAWL_OK && !drafting->unit.sealed ? drafting : NULL;
}

static void seal(struct drafting *drafting)
{
    if (!drafting->unit.sealed)
        pawli_unit_seal(&drafting->unit);
    drafting->unit.deadline = pawli_deadline(drafting->store->opened, 0);
}

int pawli_draft_submit(struct drafting *drafting, void (*done)(struct unit *unit, void *data), void *data,
                       pawl_error *err)
{
    seal(drafting);
    return pawli_commit_later(&drafting->unit, done, data, err);
}

int pawli_draft_commit(struct drafting *drafting, const pawl_join *join, pawl_error *err)
{
    seal(drafting);
    if (pawli_arena_failed(&drafting->unit.arena)) /* a text of it is missing */
        return pawli_no_memory(err);
    return join ? pawli_commit_joined(&drafting->unit, join->native, err) : pawli_commit(&drafting->unit, err);
}

struct text pawli_draft_text(struct drafting *drafting, const char *string)
{
    struct text text = text_of(string);
    drafting->size += text.size;
    return pawli_arena_text(&drafting->unit.arena, text);
}

int pawli_draft_body(struct drafting *drafting, const char *field, const void *data, size_t size, struct text *body,
                     pawl_error *err)
{
    struct text given = {data ? data : "", size};
    int status = pawli_check_bytes(field, data, size, err);
    if (status == PAWL_OK)
        status = pawli_check_body(field, given, err);
    if (status < 0)
        return status;
    drafting->size += size;
    if (drafting->size > LIMIT_UNIT_SIZE)
        return pawli_fail(err, PAWL_ELIMIT, "the bodies together are over the limit of %d bytes", LIMIT_UNIT_SIZE);
    *body = pawli_arena_text(&drafting->unit.arena, given);
    return body->data ? PAWL_OK : pawli_no_memory(err);
}

int pawli_draft_content_type(struct drafting *drafting, const char *field, const char *given, struct text body,
                             struct text *content_type, pawl_error *err)
{
    const char *problem;
    size_t at;
    if (!given) {
        *content_type = pawli_content_type_of(body);
        return content_type->data ? PAWL_OK : pawli_no_memory(err);
    }
    int status = pawli_check_content_type(text_of(given), err);
    if (status < 0)
        return status;
    enum json_verdict verdict = strcmp(given, "application/json") == 0 ? pawli_json_check(body, &problem, &at)
                                                                       : JSON_GOOD;
    if (verdict == JSON_NO_MEMORY)
        return pawli_no_memory(err);
    if (verdict == JSON_BAD)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is not JSON: %s, at byte %zu", field, problem, at + 1),
                          "mend it, or give another content_type");
    *content_type = pawli_draft_text(drafting, given);
    return PAWL_OK;
}

struct text pawli_draft_cut(struct drafting *drafting, const char *string, size_t limit)
{
    struct text text = text_of(string);
    if (!text.data)
        return text;
    text.size = pawli_utf8_cut(text, limit);
    char *copy = pawli_arena_alloc_raw(&drafting->unit.arena, text.size + 1);
    if (!copy)
        return (struct text){0};
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)copy[i] < 0x20 && copy[i] != '\n' && copy[i] != '\t')
            copy[i] = ' ';
    struct text kept = {copy, text.size};
    for (size_t i = 0; !pawli_utf8_valid(kept) && i < text.size; i++)
        if ((unsigned char)copy[i] >= 0x80)
            copy[i] = '?';
    return kept;
}

void pawli_error_item(pawl_error *err, const char *what, size_t index, size_t count)
{
    if (count >= 2)
        pawli_fail_in(err, "%s %zu", what, index + 1);
}
