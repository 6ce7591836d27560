/* SPDX-License-Identifier: MIT */
#include "model/task_kind.h"

/* ---- messages ---- */

static_assert(offsetof(struct message_row, body) == 0, "a body's row begins with it");

static size_t message_size(const struct task_body *body)
{
    return message_in(body)->payload.size;
}

static struct text message_bound(const struct task_body *body, enum bound_kind kind)
{
    const struct message_row *message = message_in(body);
    const pawl_uuid *id = &message->request_id;
    if (kind == BOUND_DEDUPE)
        return message->dedupe;
    return uuid_is_nil(id) ? (struct text){0} : (struct text){(const char *)id, sizeof *id};
}

static struct task_body *message_copy(const struct task_body *body, struct arena *arena)
{
    struct message_row *copy = pawli_arena_alloc_raw(arena, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *message_in(body);
    struct text *texts[] = {&copy->sender,       &copy->key,     &copy->dedupe,
                            &copy->content_type, &copy->payload, &copy->headers};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(arena, *texts[i]);
    return &copy->body;
}

/* ---- workflows: their id is their dedupe key ---- */

static_assert(offsetof(struct workflow_row, body) == 0, "a body's row begins with it");

static size_t workflow_size(const struct task_body *body)
{
    return workflow_in(body)->data.size;
}

static struct text workflow_bound(const struct task_body *body, enum bound_kind kind)
{
    return kind == BOUND_DEDUPE ? workflow_in(body)->id : (struct text){0};
}

static struct task_body *workflow_copy(const struct task_body *body, struct arena *arena)
{
    struct workflow_row *copy = pawli_arena_alloc_raw(arena, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *workflow_in(body);
    struct text *texts[] = {&copy->key,   &copy->id,     &copy->state,     &copy->content_type, &copy->data,
                            &copy->undos, &copy->paused, &copy->cancelled, &copy->receipt_type, &copy->receipt};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(arena, *texts[i]);
    return &copy->body;
}

const struct task_kind_form pawli_task_kinds[TASK_KIND_COUNT] = {
    [TASK_MESSAGE] = {"message", POLICY_OF_MESSAGES, ROW_MESSAGE, message_size, message_bound, message_copy},
    [TASK_WORKFLOW] = {"workflow", POLICY_OF_WORKFLOWS, ROW_WORKFLOW, workflow_size, workflow_bound, workflow_copy},
};
