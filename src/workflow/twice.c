/* SPDX-License-Identifier: MIT */
/* One step, made twice from the same checkpoint: whether both times it came to the same. */
#include "base/buffer.h"
#include "model/trace.h"
#include "workflow/drive.h"

static struct effect *find_effect(const struct unit *unit, const struct effect_ops *ops)
{
    for (struct effect *effect = unit->effects; effect; effect = effect->next)
        if (effect->ops == ops)
            return effect;
    return NULL;
}

/* As its record would tell it. */
static void tell_effects(const struct unit *unit, struct buffer *buffer)
{
    buffer_init(buffer, 8 * LIMIT_BODY);
    struct json_writer writer = {buffer, false};
    pawli_json_open(&writer, '{');
    for (const struct effect *effect = unit->effects; effect; effect = effect->next)
        if (effect->ops->put)
            effect->ops->put(effect, &writer);
    pawli_json_close(&writer, '}');
}

static bool does_the_same(const struct unit *a, const struct unit *b)
{
    struct buffer first, second;
    tell_effects(a, &first);
    tell_effects(b, &second);
    bool same = first.failed || second.failed || text_equal(buffer_text(&first), buffer_text(&second));
    pawli_buffer_done(&first);
    pawli_buffer_done(&second);
    return same;
}

static bool sends_the_same(const struct unit *a, const struct unit *b)
{
    const struct enqueue *first = (const struct enqueue *)find_effect(a, &pawli_effect_enqueue);
    const struct enqueue *second = (const struct enqueue *)find_effect(b, &pawli_effect_enqueue);
    size_t count = first ? first->count : 0;
    if (count != (second ? second->count : 0))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct message_row *left = &first->messages[i].row, *right = &second->messages[i].row;
        if (!digest_equal(&left->fingerprint, &right->fingerprint) || !text_equal(left->key, right->key) ||
            !text_equal(left->dedupe, right->dedupe))
            return false;
    }
    return true;
}

static bool tells_the_same(const struct unit *a, const struct unit *b)
{
    const struct record_draft *first = a->record, *second = b->record;
    if (first->event_count != second->event_count)
        return false;
    for (size_t i = 0; i < first->event_count; i++) {
        const struct event *left = &first->events[i], *right = &second->events[i];
        if (!text_equal(left->topic, right->topic) || !text_equal(left->type, right->type) ||
            !text_equal(left->key, right->key) || !text_equal(left->data, right->data))
            return false;
    }
    return true;
}

static bool takes_the_same(const struct step *a, const struct step *b)
{
    if (a->take_count != b->take_count)
        return false;
    for (size_t i = 0; i < a->take_count; i++)
        if (!text_equal(a->take[i], b->take[i]))
            return false;
    return true;
}

const char *pawli_step_differs(const struct pawl_step *first, const struct pawl_step *second)
{
    const struct drafting *left = pawli_building(first->transition), *right = pawli_building(second->transition);
    if (!left || !first->effect) /* its error comes out of the commit */
        return NULL;
    if (!right || !second->effect)
        return "an error";
    const struct step *a = first->effect, *b = second->effect;
    if (second->answered != first->answered || a->result != b->result || a->is_stuck != b->is_stuck)
        return "another answer";
    if (!text_equal(a->state, b->state))
        return "another state";
    if (!text_equal(a->data, b->data))
        return "other data";
    if (!text_equal(a->receipt, b->receipt))
        return "another receipt";
    if (!text_equal(a->error, b->error))
        return "another error";
    if (!text_equal(a->undo, b->undo) || a->no_return != b->no_return)
        return "another way back";
    if (!takes_the_same(a, b))
        return "other signals taken";
    if (!does_the_same(&left->unit, &right->unit))
        return "other resources, posts or starts";
    if (!sends_the_same(&left->unit, &right->unit))
        return "other messages";
    return tells_the_same(&left->unit, &right->unit) ? NULL : "other events";
}
