/* SPDX-License-Identifier: MIT */
/* Why a message does not move, against what the model says. */
#include <string.h>

#include "run_private.h"

#define REASONS_MAX 8

static size_t add_reason(const char **codes, size_t count, bool is_one, const char *code)
{
    if (is_one)
        codes[count] = code;
    return count + is_one;
}

static bool is_told(const char **codes, size_t count, const char *code)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static size_t reasons_to_ask(const struct model *model, const struct model_message *m, const char **codes)
{
    const struct model_content *c = &m->content;
    bool is_poll = m->state == AWAITING, has_url = model_can_ask(model, m, !is_poll);
    size_t count = add_reason(codes, 0, model_is_held(model, c->scope, c->lane, c->target), "held");
    count = add_reason(codes, count, !has_url, is_poll ? "no_poll" : "no_probe");
    bool is_free = count == 0, waits = m->due > model->wall;
    count = add_reason(codes, count, true, is_poll ? "awaiting" : "uncertain");
    count = add_reason(codes, count, waits, "not_due");
    count = add_reason(codes, count, !waits && is_free, "ready");
    return add_reason(codes, count, has_url, "unserved");
}

static size_t reasons_of(struct model *model, const struct model_message *m, const char **codes)
{
    static const char *const holds[] = {NULL, "exhausted", "uncertain", "awaiting", "crashes"};
    const struct model_content *c = &m->content;
    bool has_url = false;
    size_t count = 0;
    if (m->state == DELIVERED || m->state == DEAD || m->state == CANCELLED)
        return add_reason(codes, add_reason(codes, 0, true, "ended"), m->successor != 0, "superseded");
    if (m->state == CLAIMED || m->is_looking)
        return add_reason(codes, 0, true, model_is_lost(model, m) ? "lost_claim" : "claimed");
    if (m->hold != HOLD_NONE)
        return add_reason(codes, 0, true, holds[m->hold]);
    if (m->is_asked)
        return reasons_to_ask(model, m, codes);
    for (size_t i = 0; i < model->target_count; i++)
        has_url |= model->targets[i].exists && model->targets[i].scope == c->scope &&
                   model->targets[i].name == c->target && model->targets[i].url != 0;
    count = add_reason(codes, count, c->key && !m->has_key, "behind");
    count = add_reason(codes, count, model_is_held(model, c->scope, c->lane, c->target), "held");
    has_url &= c->sender == 0; /* the model has no routes of senders: whoever names one waits for his */
    count = add_reason(codes, count, c->sender != 0, "sender_not_ready");
    count = add_reason(codes, count, c->sender == 0 && !has_url, "no_target");
    for (int is_lane = 1; model_is_ready(m) && is_lane >= 0; is_lane--) {
        bool is_full = model_cap_room(model, c->scope, c->lane, c->target, is_lane, false) == 0;
        count = add_reason(codes, count, is_full && !is_told(codes, count, "full"), "full");
        bool has_had = model_rate_room(model, c->scope, c->lane, c->target, is_lane) == 0;
        count = add_reason(codes, count, has_had && !is_told(codes, count, "rate"), "rate");
    }
    count = add_reason(codes, count, model_is_ready(m) && model_breaker_room(model, c->scope, c->lane, c->target) == 0,
                       "healing");
    count = add_reason(codes, count, m->due > model->wall, "not_due");
    count = add_reason(codes, count, count == 0, "ready");
    return add_reason(codes, count, has_url, "unserved"); /* the model has no workers */
}

static bool has_reason(const pawl_why *why, const char *code)
{
    for (size_t i = 0; i < pawl_why_count(why); i++)
        if (strcmp(pawl_why_get(why, i)->code, code) == 0)
            return true;
    return false;
}

/* Every reason of the model is told, and no other kind; each hold is a reason of its own. */
static bool compare_why(struct run *run, uint64_t number)
{
    const struct model_message *message = &run->model.messages[number - 1];
    const char *codes[REASONS_MAX];
    size_t count = reasons_of(&run->model, message, codes), told = 0;
    pawl_why *why;
    pawl_error err;
    if (pawl_why_message(run->stores[0][message->content.scope], &message->id, &why, &err) < 0)
        return run_differs(run, "message %llu: nobody knows why: %s", (unsigned long long)number, err.text);
    bool same = strcmp(pawl_why_state(why), model_state_text(message->state)) == 0 ||
                run_differs(run, "message %llu: why says that it is %s", (unsigned long long)number,
                            pawl_why_state(why));
    for (size_t i = 0; same && i < count; i++)
        same = has_reason(why, codes[i]) ||
               run_differs(run, "message %llu: why does not tell that it is %s", (unsigned long long)number, codes[i]);
    for (size_t i = 0; i < pawl_why_count(why); i++)
        for (size_t j = 0; j < count; j++)
            told += strcmp(pawl_why_get(why, i)->code, codes[j]) == 0;
    if (same && told != pawl_why_count(why))
        same = run_differs(run, "message %llu: why tells a reason that the model has not", (unsigned long long)number);
    pawl_why_free(why);
    return same;
}

bool compare_whys(struct run *run)
{
    for (size_t i = 0; i < run->model.message_count; i++)
        if (run->model.messages[i].exists && !compare_why(run, i + 1))
            return false;
    return true;
}
