/* SPDX-License-Identifier: MIT */
/* What the model says is wrong with a call by itself: the design, 3.1, 4.4 and 5. */
#include "model.h"

#define ATTEMPTS_MAX 1000000
#define LEASE_MAX_MS 86400000
#define CLAIM_MAX    4096

static int name(enum pool pool, int64_t index)
{
    return index > 0 && pool_good(pool, index) ? 0 : WRONG_USAGE;
}

static int optional(enum pool pool, int64_t index)
{
    return index == 0 || pool_good(pool, index) ? 0 : WRONG_USAGE;
}

static int number(int64_t value, int64_t least, int64_t most)
{
    return value >= least && value <= most ? 0 : WRONG_USAGE;
}

/* What a body is, decided once: what was said, else JSON where it parses. */
int64_t model_content_type(int64_t given, int64_t data)
{
    if (given)
        return given;
    return pool_body(data)->is_json ? 1 : 2; /* application/json, application/octet-stream */
}

static int body(int64_t data, int64_t content_type)
{
    int wrong = pool_body(data)->is_too_long ? WRONG_LIMIT : 0;
    wrong |= optional(POOL_CONTENT_TYPE, content_type);
    if (content_type == 1 && !pool_body(data)->is_json)
        wrong |= WRONG_USAGE;
    return wrong;
}

int model_check_message(const struct model *model, const struct op_message *message, bool in_transition)
{
    int wrong = name(POOL_LANE, message->lane) | name(POOL_TARGET, message->target);
    wrong |= optional(POOL_KEY, message->key) | optional(POOL_DEDUPE, message->dedupe);
    wrong |= optional(POOL_SENDER, message->sender) | body(message->data, message->content_type);
    wrong |= number(message->priority, 0, 9) | number(message->max_attempts, 0, ATTEMPTS_MAX);
    wrong |= number(message->available, 0, NEVER - 1) | number(message->delay, 0, NEVER - 1);
    wrong |= number(message->expires, 0, NEVER - 1) | number(message->deadline, 0, NEVER - 1);
    if (message->available && message->delay)
        wrong |= WRONG_USAGE;
    int64_t available = message->available ? message->available : model_after(model->wall, message->delay);
    if (message->expires && available >= model_after(model->wall, message->expires))
        wrong |= WRONG_USAGE; /* it would never be sent */
    if (message->request && (message->dedupe || in_transition))
        wrong |= WRONG_USAGE;
    int headers = pool_headers(message->headers)->status;
    wrong |= headers == PAWL_EINVAL ? WRONG_USAGE : headers == PAWL_ELIMIT ? WRONG_LIMIT : 0;
    return wrong;
}

int model_check_settlement(const struct op_settlement *settlement)
{
    int wrong = settlement->id_twist == 2 ? WRONG_USAGE : 0; /* nil */
    wrong |= number(settlement->verdict, 0, PAWL_VERDICT_COUNT - 1) | number(settlement->retry, 0, NEVER);
    if (settlement->verdict == PAWL_VERDICT_EXTEND && settlement->retry)
        wrong |= number(settlement->retry - 1, 1, LEASE_MAX_MS);
    wrong |= optional(POOL_REMOTE, settlement->remote);
    if (settlement->progress == 2) /* over 64 KiB */
        wrong |= WRONG_LIMIT;
    return wrong;
}

static int check_event(const struct op_event *event)
{
    return name(POOL_TOPIC, event->topic) | name(POOL_TYPE, event->type) | optional(POOL_KEY, event->key) |
           body(event->data, event->content_type) | number(event->keep, 0, 2);
}

int model_check_transition(const struct model *model, const struct op *op)
{
    int wrong = op->broken == 1 ? WRONG_USAGE : 0;
    wrong |= name(POOL_TYPE, op->type) | optional(POOL_REF, op->ref) | body(op->command, op->content_type);
    wrong |= number(op->received, 0, NEVER - 1) | body(op->response, 0);
    if (op->scope == SCOPE_OPERATOR)
        wrong |= WRONG_USAGE; /* what begins with "pawl." is pawl's own */
    for (int64_t i = 0; i < op->event_count; i++)
        wrong |= check_event(&op->events[i]);
    for (int64_t i = 0; i < op->message_count; i++)
        wrong |= model_check_message(model, &op->messages[i], true);
    for (int64_t i = 0; i < op->settlement_count; i++)
        wrong |= model_check_settlement(&op->settlements[i]);
    return wrong;
}

int model_check_claim(const struct op *op)
{
    int wrong = op->broken == 1 ? WRONG_USAGE : 0;
    return wrong | name(POOL_LANE, op->lane) | name(POOL_TARGET, op->target) | optional(POOL_CONSUMER, op->consumer) |
           number(op->lease, 0, LEASE_MAX_MS) | number(op->limit, 0, CLAIM_MAX);
}

static int check_settings(const struct op *op)
{
    int wrong = 0;
    for (int64_t i = 0; i < op->setting_count; i++) {
        struct setting setting = pool_setting(op->settings[i].name, op->settings[i].value);
        if (setting.number == SETTING_BAD || (op->kind == OP_LANE_SET && setting.key >= MODEL_POLICY_KEYS))
            wrong = WRONG_USAGE; /* outcomes are asked for at targets */
    }
    return wrong;
}

/* What operators give with everything; a reason where a move needs one. */
int model_check_operation(const struct op *op)
{
    bool is_policy = op->kind == OP_LANE_SET || op->kind == OP_TARGET_ADD || op->kind == OP_TARGET_SET ||
                     op->kind == OP_TARGET_REMOVE;
    int wrong = op->broken == 1 ? WRONG_USAGE : 0;
    wrong |= optional(POOL_ACTOR, op->actor);
    wrong |= is_policy ? 0 : name(POOL_REASON, op->reason);
    switch (op->kind) {
    case OP_LANE_SET:
        return wrong | name(POOL_LANE, op->lane) | check_settings(op);
    case OP_TARGET_ADD:
    case OP_TARGET_SET:
        return wrong | name(POOL_TARGET, op->target) | optional(POOL_URL, op->url) | check_settings(op);
    case OP_TARGET_REMOVE:
        return wrong | name(POOL_TARGET, op->target);
    case OP_HOLD_SET:
        return wrong | optional(POOL_LANE, op->lane) | optional(POOL_TARGET, op->target) | name(POOL_CODE, op->code) |
               number(op->until, 0, NEVER - 1);
    case OP_HOLD_RELEASE:
        return wrong | optional(POOL_LANE, op->lane) | optional(POOL_TARGET, op->target);
    case OP_MOVE_ALL:
        wrong |= optional(POOL_LANE, op->lane) | optional(POOL_KEY, op->key);
        wrong |= op->lane || op->key || op->state ? 0 : WRONG_USAGE;
        if (op->move != PAWL_MOVE_RESOLVE)
            return wrong;
        /* fall through */
    case OP_RESOLVE:
        return wrong | (op->outcome == PAWL_VERDICT_DELIVERED || op->outcome == PAWL_VERDICT_RETRY ||
                                op->outcome == PAWL_VERDICT_DEAD
                            ? 0
                            : WRONG_USAGE);
    default:
        return wrong;
    }
}
