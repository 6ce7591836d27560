/* SPDX-License-Identifier: MIT */
/* What the outbox adds to a transition: messages, and settlements of claims. */
#include "commit/settle.h"
#include "model/check.h"

/* A conflict, or a claim that was lost, refuses the transition whole. */
static struct enqueue *messages_of(struct drafting *drafting)
{
    struct enqueue *enqueue = pawli_draft_effect(drafting, &pawli_effect_enqueue);
    if (enqueue)
        enqueue->atomic = true;
    return enqueue;
}

static int check_last(const struct enqueue *enqueue, pawl_error *err)
{
    const struct message_draft *draft = &enqueue->messages[enqueue->count - 1];
    if (enqueue->count > LIMIT_MESSAGES)
        return pawli_fail(err, PAWL_ELIMIT, "messages has over %d items", LIMIT_MESSAGES);
    if (draft->has_bound && draft->bound_kind == BOUND_REQUEST)
        return pawli_fail(err, PAWL_EINVAL, "request_id belongs to the transition; a message of it takes dedupe");
    return PAWL_OK;
}

void pawl_transition_message(pawl_transition *t, const pawl_message *message)
{
    struct drafting *drafting = pawli_building(t);
    if (!drafting)
        return;
    pawl_error *err = &drafting->error;
    struct enqueue *enqueue = messages_of(drafting);
    size_t index = enqueue ? enqueue->count : 0;
    int status = enqueue ? pawli_check_given(err, message) : pawli_no_memory(err);
    if (status == PAWL_OK)
        status = pawli_draft_enqueue(drafting, message, 1, err);
    if (status == PAWL_OK)
        status = check_last(enqueue, err);
    if (status < 0)
        pawli_error_item(err, "message", index, 2);
}

/* Its messages are the transition's, which is their record: a lost claim refuses them all the same. */
static int move_messages(struct drafting *drafting, struct settlement *item, pawl_error *err)
{
    struct enqueue *enqueue = item->message_count ? messages_of(drafting) : NULL;
    for (size_t i = 0; i < item->message_count; i++) {
        if (!enqueue || !pawli_arena_reserve(&drafting->unit.arena, (void **)&enqueue->messages,
                                             sizeof *enqueue->messages, enqueue->count + 1, &enqueue->room))
            return pawli_no_memory(err);
        enqueue->messages[enqueue->count++] = item->messages[i];
        int status = check_last(enqueue, err);
        if (status < 0)
            return status;
    }
    item->message_count = 0;
    return PAWL_OK;
}

void pawl_transition_settle(pawl_transition *t, const pawl_settlement *settlement)
{
    struct drafting *drafting = pawli_building(t);
    if (!drafting)
        return;
    pawl_error *err = &drafting->error;
    struct settle *settle = pawli_draft_effect(drafting, &pawli_effect_settle);
    size_t index = settle ? settle->count : 0;
    int status = settle ? pawli_check_given(err, settlement) : pawli_no_memory(err);
    if (status == PAWL_OK && index == LIMIT_SETTLEMENTS)
        status = pawli_fail(err, PAWL_ELIMIT, "settle has over %d items", LIMIT_SETTLEMENTS);
    if (status == PAWL_OK)
        status = pawli_draft_settle(drafting, settlement, 1, err);
    if (status == PAWL_OK)
        status = move_messages(drafting, &settle->items[index], err);
    if (status < 0)
        pawli_error_item(err, "settlement", index, 2);
    else
        settle->atomic = true;
}
