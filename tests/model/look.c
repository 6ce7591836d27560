/* SPDX-License-Identifier: MIT */
/* The model's polls and probes: an outcome that its target can be asked for. They count no attempt and keep the state. */
#include "model.h"

#include <stdlib.h>

const char *model_phase_text(const struct model_message *message)
{
    return message->state == AWAITING ? "poll" : message->state == UNCERTAIN ? "probe" : "send";
}

bool model_can_ask(const struct model *model, const struct model_message *message, bool is_probe)
{
    if (is_probe && model->mistake == MISTAKE_UNKNOWN_IS_NOT_ASKED)
        return false;
    for (size_t i = 0; i < model->target_count; i++) {
        const struct model_target *target = &model->targets[i];
        if (target->exists && target->scope == message->content.scope && target->name == message->content.target)
            return target->asked[is_probe ? 0 : 1] != 0;
    }
    return false;
}

int64_t model_first_look(const struct model *model, const struct model_message *message)
{
    return model_after(model->wall, model_backoff(model, message, POLICY_probe_backoff_ms, 1));
}

void model_suspect(struct model *model, struct model_message *message)
{
    int64_t limit = model_policy_of(model, message, POLICY_probe_limit_ms);
    if (model_can_ask(model, message, true))
        model_ask(model, message, DO_SUSPECT, model_first_look(model, message), model_after(model->wall, limit));
    else
        model_hold_apart(model, message, DO_SUSPECT, HOLD_UNCERTAIN, NEVER);
}

void model_look(struct model *model, struct model_message *message, int64_t consumer, int64_t lease, uint64_t process)
{
    int64_t lease_ms = lease ? lease : model_policy_of(model, message, POLICY_lease_ms);
    message->is_looking = true;
    message->consumer = consumer;
    message->claimed_at = message->updated = model->wall;
    message->lease = model_after(model->boot, lease_ms);
    message->lease_wall = model_after(model->wall, lease_ms);
    message->boot = model->boot_number;
    message->process = process;
    message->token = 0;
    message->attempts += model->mistake == MISTAKE_LOOK_COUNTS_AS_ATTEMPT;
    message->touched = true;
    if (model->token_count == MODEL_TOKENS)
        abort();
    model->tokens[model->token_count++] = (struct model_token){.number = (uint64_t)(message - model->messages) + 1,
                                                               .op = model->op};
}

void model_look_again(struct model *model, struct model_message *message, int64_t due)
{
    message->is_looking = false;
    message->consumer = CONSUMER_NONE;
    message->process = message->token = 0;
    message->due = message->due_least = due;
    message->updated = model->wall;
    message->touched = true;
}

static int64_t told(const struct op_settlement *asked)
{
    return asked->response ? asked->response : asked->error;
}

static int know_no_more(struct model *model, struct model_message *message, const struct op_settlement *asked)
{
    bool released = asked->verdict == PAWL_VERDICT_RELEASED, deferred = asked->verdict == PAWL_VERDICT_DEFERRED;
    int64_t due = message->due;
    if (!released && !deferred)
        model_note_attempt(model, message, pawl_verdict_text((int32_t)asked->verdict), CLASS_TRANSIENT, told(asked));
    uint32_t next = message->looks - message->looks_before + 1;
    if (!released)
        due = model_after(model->wall, asked->retry ? asked->retry - 1
                                                    : model_backoff(model, message, POLICY_probe_backoff_ms, next));
    model_look_again(model, message, due);
    return released                     ? PAWL_RESULT_RELEASED
           : deferred                   ? PAWL_RESULT_DEFERRED
           : message->state == AWAITING ? PAWL_RESULT_AWAITING
                                        : PAWL_RESULT_UNCERTAIN;
}

/* A probe says that nothing happened: it is sent again, unless it had all its attempts, or workers die of it. */
static int nothing_happened(struct model *model, struct model_message *message, const struct op_settlement *asked)
{
    int64_t by = BY_CONSUMER(message->consumer);
    bool is_last = message->attempts >= model_cap(model, message) || model->mistake == MISTAKE_NOTHING_HAPPENED_IS_DEAD;
    bool is_poison = !is_last && message->crashes >= model_policy_of(model, message, POLICY_crash_limit);
    enum model_class class = is_poison ? CLASS_UNKNOWN : CLASS_TRANSIENT;
    model_fail(model, message, class, asked->error);
    model_note_attempt(model, message, "retry", class, told(asked));
    if (is_last)
        model_end(model, message, DO_EXHAUST, REASON_MAX_ATTEMPTS, by);
    else if (is_poison)
        model_hold_apart(model, message, DO_POISON, HOLD_CRASHES, NEVER);
    else
        model_pend_for_retry(model, message, DO_RETRY, asked, message->attempts);
    return is_last ? PAWL_RESULT_DEAD : PAWL_RESULT_REQUEUED;
}

int model_settle_look(struct model *model, struct model_message *message, const struct op_settlement *asked)
{
    bool is_probe = message->state == UNCERTAIN,
         is_known = asked->verdict == PAWL_VERDICT_DELIVERED || asked->verdict == PAWL_VERDICT_DEAD;
    int64_t by = BY_CONSUMER(message->consumer);
    if (!is_known && asked->verdict != (is_probe ? PAWL_VERDICT_RETRY : PAWL_VERDICT_UNCERTAIN))
        return asked->verdict == PAWL_VERDICT_EXTEND ? model_extend(model, message, asked)
                                                     : know_no_more(model, message, asked);
    if (asked->remote)
        message->remote = asked->remote;
    if (asked->verdict == PAWL_VERDICT_DELIVERED) {
        model_note_attempt(model, message, "delivered", CLASS_NONE, told(asked));
        message->error = CLASS_NONE;
        model_end(model, message, DO_DELIVER, REASON_NONE, by);
        return PAWL_RESULT_DELIVERED;
    }
    if (asked->verdict == PAWL_VERDICT_DEAD) {
        model_fail(model, message, CLASS_PERMANENT, asked->error);
        model_note_attempt(model, message, "dead", CLASS_PERMANENT, told(asked));
        model_end(model, message, DO_REFUSE, REASON_PERMANENT, by);
        return PAWL_RESULT_DEAD;
    }
    if (is_probe)
        return nothing_happened(model, message, asked);
    model_fail(model, message, CLASS_UNKNOWN, asked->error);
    model_note_attempt(model, message, "uncertain", CLASS_UNKNOWN, told(asked));
    model_suspect(model, message);
    return PAWL_RESULT_UNCERTAIN;
}

/* While its queue is held nobody is asked: that time does not count. */
static bool had_time(const struct model *model, const struct model_message *message)
{
    const struct model_content *content = &message->content;
    bool is_poll = message->state == AWAITING;
    int64_t length = model_policy_of(model, message, is_poll ? POLICY_poll_deadline_ms : POLICY_probe_limit_ms);
    if (model_is_held(model, content->scope, content->lane, content->target))
        return false;
    return model_after(message->until, model_paused_since(model, message, message->until - length)) <= model->wall;
}

bool model_sweep_unasked(struct model *model, struct model_message *message)
{
    bool is_poll = message->state == AWAITING;
    if (!message->exists || (!is_poll && message->state != UNCERTAIN) || message->is_looking ||
        message->until > model->wall || (message->is_asked && !had_time(model, message)))
        return false;
    if (!is_poll && model->mistake == MISTAKE_ASKED_FOR_EVER)
        return false;
    model_fail(model, message, CLASS_UNKNOWN, ERROR_OWN);
    message->updated = model->wall;
    message->touched = true;
    if (is_poll) {
        model_suspect(model, message);
        return true;
    }
    enum model_event event = model_event_of_unasked(model, message);
    if (event == DO_SUSPECT) { /* which it is already */
        message->is_asked = false;
        message->hold = HOLD_UNCERTAIN;
        message->until = NEVER;
    } else if (event == DO_GIVE_UP) {
        model_end(model, message, event, REASON_GAVE_UP, BY_PAWL);
    } else if (event == DO_RESEND) {
        model_pend(model, message, event, model->wall);
    } else {
        model_hold_apart(model, message, event, HOLD_CRASHES, NEVER);
    }
    return false;
}
