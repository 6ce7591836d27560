/* SPDX-License-Identifier: MIT */
/* The generator. It looks at the model to pick what is claimed, ended, held; chance does the rest. */
#include "generate.h"

#include <string.h>

static uint64_t draw(struct generator *g, uint64_t below)
{
    return random_below(&g->dice, below);
}

static bool percent(struct generator *g, uint64_t chance)
{
    return random_percent(&g->dice, chance);
}

static int64_t from_to(struct generator *g, int64_t first, int64_t last)
{
    return first + (int64_t)draw(g, (uint64_t)(last - first + 1));
}

/* Mostly the first, then the other good ones, seldom a bad one. */
static int64_t pick(struct generator *g, enum pool pool)
{
    if (percent(g, 1))
        return from_to(g, 1, pool_count(pool));
    return percent(g, 60) ? 1 : from_to(g, 1, pool_good_count(pool));
}

static int64_t maybe(struct generator *g, enum pool pool, uint64_t chance)
{
    return percent(g, chance) ? pick(g, pool) : 0;
}

static int64_t pick_body(struct generator *g)
{
    if (draw(g, 2000) == 0)
        return from_to(g, 0, pool_body_count());
    return percent(g, 70) ? from_to(g, 1, 2) : from_to(g, 0, pool_body_good_count());
}

static int64_t pick_time(struct generator *g)
{
    static const int64_t times[] = {1,    1,     20,    50,    100,     400,       1000,      1000,
                                    5000, 31000, 31000, 70000, 3600000, 700000000, 3000000000};
    return times[draw(g, sizeof times / sizeof *times)];
}

/* Of every width that a store could cut it to. */
static int64_t pick_duration(struct generator *g)
{
    static const int64_t durations[] = {1,        77, INT32_MAX, UINT32_MAX, (int64_t)UINT32_MAX + 1, INT64_MAX - 1,
                                        INT64_MAX};
    return durations[draw(g, sizeof durations / sizeof *durations)];
}

static void pick_message(struct generator *g, const struct model *model, bool in_transition, struct op_message *m)
{
    *m = (struct op_message){.lane = pick(g, POOL_LANE),
                             .target = pick(g, POOL_TARGET),
                             .data = pick_body(g),
                             .content_type = maybe(g, POOL_CONTENT_TYPE, 5),
                             .key = maybe(g, POOL_KEY, g->keyed),
                             .dedupe = maybe(g, POOL_DEDUPE, g->deduped),
                             .sender = maybe(g, POOL_SENDER, 5),
                             .headers = percent(g, 5)   ? from_to(g, 1, 3)
                                        : percent(g, 1) ? from_to(g, 1, 7)
                                                        : 0,
                             .priority = percent(g, 20)  ? from_to(g, 1, 9)
                                         : percent(g, 1) ? 10
                                                         : 0,
                             .max_attempts = percent(g, 20) ? from_to(g, 1, 3) : 0,
                             .expires = percent(g, 10) ? pick_time(g) : 0,
                             .deadline = percent(g, 3) ? model->wall + 7 : 0};
    if (percent(g, 10))
        m->delay = pick_time(g);
    if (draw(g, 200) == 0)
        *(percent(g, 50) ? &m->delay : &m->expires) = NEVER - from_to(g, 0, 2);
    if (percent(g, m->delay ? 2 : 7))
        m->available = model->wall + from_to(g, -1000, 3000);
    if (!in_transition ? percent(g, m->dedupe ? 1 : 10) : draw(g, 300) == 0)
        m->request = from_to(g, 1, 4);
}

/* ---- what there is ---- */

/* A message in one of the states (a bit each), any when none is in them; 0 when there is none at all. */
static uint64_t pick_number(struct generator *g, const struct model *model, unsigned states)
{
    uint64_t found[MODEL_MESSAGES], count = 0;
    for (size_t i = 0; i < model->message_count; i++)
        if (model->messages[i].exists && states >> model->messages[i].state & 1)
            found[count++] = i + 1;
    if (count)
        return found[draw(g, count)];
    return model->message_count ? 1 + draw(g, model->message_count) : 0;
}

static void name_it(struct generator *g, const struct model *model, uint64_t number, int64_t *op, int64_t *index,
                    int64_t *twist)
{
    *twist = percent(g, 2) ? from_to(g, 1, 3) : 0;
    if (!number)
        return;
    *op = model->messages[number - 1].origin_op;
    *index = model->messages[number - 1].origin_index;
}

static void pick_settlement(struct generator *g, const struct model *model, int64_t scope, struct op_settlement *s)
{
    static const int64_t verdicts[] = {PAWL_VERDICT_DELIVERED, PAWL_VERDICT_DELIVERED, PAWL_VERDICT_RETRY,
                                       PAWL_VERDICT_RETRY,     PAWL_VERDICT_RETRY,     PAWL_VERDICT_DEAD,
                                       PAWL_VERDICT_UNCERTAIN, PAWL_VERDICT_UNCERTAIN, PAWL_VERDICT_DEFERRED,
                                       PAWL_VERDICT_RELEASED,  PAWL_VERDICT_SUBMITTED, PAWL_VERDICT_SUBMITTED,
                                       PAWL_VERDICT_EXTEND};
    uint64_t number = 0;
    for (int tries = 0; tries < 6; tries++) {
        number = pick_number(g, model, percent(g, 92) ? 1u << CLAIMED | 1u << AWAITING | 1u << UNCERTAIN : ~0u);
        if (number && model->messages[number - 1].state == UNCERTAIN && !model->messages[number - 1].is_looking)
            continue;
        if (number && model->messages[number - 1].content.scope == scope)
            break;
    }
    *s = (struct op_settlement){.verdict = percent(g, 1) && percent(g, 20)
                                               ? PAWL_VERDICT_COUNT
                                               : verdicts[draw(g, sizeof verdicts / sizeof *verdicts)],
                                .error = maybe(g, POOL_ERROR, 50),
                                .remote = maybe(g, POOL_REMOTE, 10),
                                .response = maybe(g, POOL_ERROR, 10),
                                .progress = percent(g, 5)};
    if (s->verdict == PAWL_VERDICT_DELIVERED && percent(g, g->handed_over))
        s->verdict = number && model->messages[number - 1].state == AWAITING ? PAWL_VERDICT_UNCERTAIN
                                                                             : PAWL_VERDICT_SUBMITTED;
    if (percent(g, s->verdict == PAWL_VERDICT_SUBMITTED ? 70 : 25))
        s->retry = 1 + (percent(g, 15) ? 0 : pick_time(g));
    if (draw(g, 200) == 0)
        s->retry = NEVER - from_to(g, 0, 2);
    if (draw(g, 400) == 0)
        s->progress = 2;
    name_it(g, model, number, &s->id_op, &s->id_index, &s->id_twist);
    for (size_t i = 0; i < model->token_count; i++)
        if (model->tokens[i].number == number && (s->token_op == 0 || !percent(g, 5)))
            s->token_op = model->tokens[i].op; /* the last one, seldom one of before */
}

static void pick_settings(struct generator *g, struct op *op)
{
    if (percent(g, 6)) { /* a cap that is lowered, and what then follows: rare by chance alone */
        op->setting_count = 2;
        op->settings[0] = (struct op_setting){.name = SETTING_MAX_ATTEMPTS, .value = from_to(g, 1, 2)};
        op->settings[1] = (struct op_setting){.name = SETTING_EXHAUSTED, .value = from_to(g, 1, 2)};
        return;
    }
    if (op->kind != OP_LANE_SET && percent(g, 8)) { /* a probe of what workers die of: as rare */
        op->setting_count = 2;
        op->settings[0] = (struct op_setting){.name = SETTING_PROBE, .value = from_to(g, 1, 2)};
        op->settings[1] = (struct op_setting){.name = SETTING_CRASH_LIMIT, .value = 1};
        return;
    }
    op->setting_count = from_to(g, 1, MAX_SETTINGS);
    for (int64_t i = 0; i < op->setting_count; i++) {
        int64_t name = percent(g, 40)   ? g->favourite
                       : percent(g, 97) ? from_to(g, 1, SETTING_NAMES - 2)
                                        : from_to(g, 1, SETTING_NAMES);
        op->settings[i] = (struct op_setting){.name = name, .value = from_to(g, 1, pool_setting_count(name))};
        if (pool_setting(name, op->settings[i].value).number == SETTING_BAD && percent(g, 80))
            op->settings[i].value = 1;
    }
}

/* ---- kinds of operations ---- */

static void enqueue(struct generator *g, const struct model *model, struct op *op)
{
    op->message_count = percent(g, 60) ? 1 : from_to(g, 1, MAX_MESSAGES);
    for (int64_t i = 0; i < op->message_count; i++)
        pick_message(g, model, false, &op->messages[i]);
}

static void settle(struct generator *g, const struct model *model, struct op *op)
{
    op->settlement_count = percent(g, 60) ? 1 : from_to(g, 1, MAX_SETTLEMENTS);
    for (int64_t i = 0; i < op->settlement_count; i++)
        pick_settlement(g, model, op->scope, &op->settlements[i]);
    op->message_count = percent(g, 12) ? from_to(g, 1, 2) : 0;
    for (int64_t i = 0; i < op->message_count; i++) {
        pick_message(g, model, false, &op->messages[i]);
        op->messages[i].of = from_to(g, 1, op->settlement_count);
    }
}

static void transition(struct generator *g, const struct model *model, struct op *op)
{
    op->request = percent(g, 45) ? from_to(g, 1, 8) : 0;
    op->type = percent(g, 80) ? 1 : pick(g, POOL_TYPE);
    op->ref = maybe(g, POOL_REF, 20);
    op->command = percent(g, 80) ? 1 : pick_body(g);
    op->content_type = maybe(g, POOL_CONTENT_TYPE, 5);
    op->response = percent(g, 30) ? pick_body(g) : 0;
    op->expect = percent(g, 10) ? from_to(g, 1, 3) : 0;
    op->received = percent(g, 10) ? model->wall - 5 : 0;
    op->duration = percent(g, 10) ? pick_duration(g) : 0;
    op->digests = percent(g, 10);
    op->twice = percent(g, 5);
    op->settlement_count = percent(g, 40) ? from_to(g, 1, 2) : 0;
    for (int64_t i = 0; i < op->settlement_count; i++)
        pick_settlement(g, model, op->scope, &op->settlements[i]);
    op->settles_first = op->request % 2;
    op->message_count = percent(g, 50) ? from_to(g, 1, 3) : 0;
    for (int64_t i = 0; i < op->message_count; i++)
        pick_message(g, model, true, &op->messages[i]);
    op->event_count = percent(g, 50) ? from_to(g, 1, MAX_EVENTS) : 0;
    for (int64_t i = 0; i < op->event_count; i++)
        op->events[i] = (struct op_event){.topic = pick(g, POOL_TOPIC),
                                          .type = pick(g, POOL_TYPE),
                                          .key = maybe(g, POOL_KEY, 30),
                                          .data = pick_body(g),
                                          .content_type = maybe(g, POOL_CONTENT_TYPE, 5),
                                          .keep = percent(g, 80) ? 0 : from_to(g, 0, 2),
                                          .stream = percent(g, 20) ? from_to(g, 1, 9) : 0};
}

/* Of the queue of one whose outcome can be asked for. */
static bool claim_to_ask(struct generator *g, const struct model *model, struct op *op)
{
    uint64_t number = pick_number(g, model, 1u << AWAITING | 1u << UNCERTAIN);
    const struct model_message *message = number ? &model->messages[number - 1] : NULL;
    if (!message || !message->is_asked || op->limit == 0 || op->lease < 0 || op->lease > 86400000)
        return false;
    op->phase = message->state == AWAITING ? MODEL_POLL : MODEL_PROBE;
    op->scope = message->content.scope;
    op->lane = message->content.lane;
    op->target = message->content.target;
    if (!pool_good(POOL_CONSUMER, op->consumer))
        op->consumer = 1;
    return true;
}

static void claim(struct generator *g, const struct model *model, struct op *op)
{
    op->lane = pick(g, POOL_LANE);
    op->target = pick(g, POOL_TARGET);
    op->consumer = maybe(g, POOL_CONSUMER, 70);
    op->limit = percent(g, 3) ? 0 : percent(g, 50) ? 1 : from_to(g, 1, 5);
    op->lease = percent(g, 40) ? pick_time(g) : 0;
    op->bound = percent(g, 30);
    if (op->lease > 86400000 && percent(g, 90))
        op->lease = 86400000;
    if (percent(g, 20) && claim_to_ask(g, model, op))
        return;
    if (!percent(g, 15))
        return;
    uint64_t number = pick_number(g, model, 1u << PENDING);
    name_it(g, model, number, &op->id_op, &op->id_index, &op->id_twist);
    if (number && percent(g, 95)) {
        op->scope = model->messages[number - 1].content.scope;
        op->lane = model->messages[number - 1].content.lane;
        op->target = model->messages[number - 1].content.target;
    }
}

/* One that may be: held as exhausted, which few are, else dead. */
static uint64_t pick_retried(struct generator *g, const struct model *model)
{
    for (size_t i = 0; i < model->message_count; i++)
        if (model->messages[i].exists && model->messages[i].hold == HOLD_EXHAUSTED && percent(g, 50))
            return i + 1;
    return pick_number(g, model, 1u << DEAD);
}

static void move(struct generator *g, const struct model *model, struct op *op)
{
    static const unsigned of_states[OP_KINDS] = {[OP_CANCEL] = 1u << PENDING | 1u << UNCERTAIN | 1u << DEAD,
                                                 [OP_REQUEUE] = 1u << PENDING | 1u << UNCERTAIN | 1u << DEAD,
                                                 [OP_RETRY] = 1u << DEAD | 1u << PENDING,
                                                 [OP_RESEND] = 1u << DELIVERED | 1u << DEAD,
                                                 [OP_RESOLVE] = 1u << UNCERTAIN | 1u << AWAITING,
                                                 [OP_PURGE] = 1u << DELIVERED | 1u << DEAD | 1u << CANCELLED};
    static const int64_t outcomes[] = {PAWL_VERDICT_DELIVERED, PAWL_VERDICT_RETRY, PAWL_VERDICT_RETRY,
                                       PAWL_VERDICT_DEAD};
    uint64_t number = pick_number(g, model, percent(g, 90) ? of_states[op->kind] : ~0u);
    if (op->kind == OP_REQUEUE && percent(g, 60))
        number = pick_number(g, model, 1u << DEAD | 1u << UNCERTAIN);
    if (op->kind == OP_RETRY && percent(g, 80))
        number = pick_retried(g, model);
    name_it(g, model, number, &op->id_op, &op->id_index, &op->id_twist);
    if (number && percent(g, 95))
        op->scope = model->messages[number - 1].content.scope;
    if (op->kind == OP_RESOLVE)
        op->outcome = percent(g, 1) ? PAWL_VERDICT_EXTEND : outcomes[draw(g, 4)];
}

static void operator_gives(struct generator *g, struct op *op)
{
    op->request = percent(g, 15) ? from_to(g, 1, 6) : 0;
    op->reason = percent(g, 1) ? 0 : pick(g, POOL_REASON);
    op->actor = maybe(g, POOL_ACTOR, 60);
}

static void hold(struct generator *g, const struct model *model, struct op *op)
{
    op->lane = maybe(g, POOL_LANE, 60);
    op->target = maybe(g, POOL_TARGET, 60);
    op->code = op->kind == OP_HOLD_SET || percent(g, 30) ? pick(g, POOL_CODE) : 0;
    if (op->kind == OP_HOLD_SET && percent(g, 80))
        op->until = model->wall + pick_time(g);
    for (size_t i = 0; op->kind == OP_HOLD_RELEASE && i < model->hold_count; i++)
        if (model_holds(model, &model->holds[i]) && percent(g, 40)) {
            op->lane = model->holds[i].lane;
            op->target = model->holds[i].target;
            op->scope = model->holds[i].scope ? model->holds[i].scope : op->scope;
        }
}

static void fill(struct generator *g, const struct model *model, struct op *op)
{
    switch (op->kind) {
    case OP_ENQUEUE:
        enqueue(g, model, op);
        break;
    case OP_SETTLE:
        settle(g, model, op);
        break;
    case OP_TRANSITION:
        transition(g, model, op);
        break;
    case OP_CLAIM:
        claim(g, model, op);
        break;
    case OP_CANCEL:
    case OP_REQUEUE:
    case OP_RETRY:
    case OP_RESEND:
    case OP_RESOLVE:
    case OP_PURGE:
        operator_gives(g, op);
        move(g, model, op);
        break;
    case OP_MOVE_ALL:
        operator_gives(g, op);
        op->move = from_to(g, PAWL_MOVE_RETRY, PAWL_MOVE_PURGE);
        op->outcome = op->move == PAWL_MOVE_RESOLVE ? PAWL_VERDICT_RETRY : 0;
        op->lane = maybe(g, POOL_LANE, 40);
        op->key = maybe(g, POOL_KEY, 20);
        op->state = percent(g, 95) ? 1 + (percent(g, 60) ? DEAD : from_to(g, PENDING, CANCELLED)) : 0;
        if (op->state == 1 + DEAD && op->move == PAWL_MOVE_CANCEL)
            op->limit = percent(g, 70) ? from_to(g, 1, 5)
                                       : 0; /* none is refused: a refused one would make a part more */
        op->dry = percent(g, 10);
        break;
    case OP_LANE_SET:
    case OP_TARGET_ADD:
    case OP_TARGET_SET:
    case OP_TARGET_REMOVE:
        operator_gives(g, op);
        op->lane = op->kind == OP_LANE_SET ? pick(g, POOL_LANE) : 0;
        op->target = op->kind == OP_LANE_SET ? 0 : pick(g, POOL_TARGET);
        op->url = op->kind == OP_TARGET_ADD || op->kind == OP_TARGET_SET ? maybe(g, POOL_URL, 50) : 0;
        op->secret = op->url && percent(g, 30);
        if (op->kind != OP_TARGET_REMOVE)
            pick_settings(g, op);
        break;
    case OP_HOLD_SET:
    case OP_HOLD_RELEASE:
        operator_gives(g, op);
        hold(g, model, op);
        break;
    case OP_ADVANCE:
        op->ms = pick_time(g);
        break;
    case OP_SET_WALL:
        op->ms = (percent(g, 50) ? 1 : -1) * pick_time(g);
        break;
    default:
        break;
    }
}

void generator_init(struct generator *g, uint64_t seed, int64_t processes, bool lasts)
{
    static const uint64_t weights[OP_KINDS] = {
        [OP_ENQUEUE] = 200, [OP_SETTLE] = 260,      [OP_TRANSITION] = 100, [OP_CLAIM] = 240,     [OP_CANCEL] = 15,
        [OP_REQUEUE] = 40,  [OP_RETRY] = 40,        [OP_RESEND] = 10,      [OP_RESOLVE] = 40,    [OP_PURGE] = 25,
        [OP_MOVE_ALL] = 12, [OP_LANE_SET] = 30,     [OP_TARGET_ADD] = 20,  [OP_TARGET_SET] = 15, [OP_TARGET_REMOVE] = 5,
        [OP_HOLD_SET] = 15, [OP_HOLD_RELEASE] = 20, [OP_SWEEP] = 40,       [OP_CHECK] = 10,      [OP_ADVANCE] = 120,
        [OP_SET_WALL] = 8,  [OP_REOPEN] = 8,        [OP_REBOOT] = 3};
    static const uint64_t shares[] = {0, 20, 50, 90}, factors[] = {1, 2, 2, 6};
    *g = (struct generator){.dice = {seed}, .processes = processes, .lasts = lasts};
    for (int kind = 0; kind < OP_KINDS; kind++)
        g->weights[kind] = weights[kind] * factors[draw(g, 4)];
    g->keyed = shares[draw(g, 4)];
    g->deduped = shares[draw(g, 4)];
    g->handed_over = shares[draw(g, 4)];
    g->favourite = from_to(g, 1, SETTING_NAMES - 2);
}

static enum op_kind pick_kind(struct generator *g)
{
    uint64_t all = 0;
    int kind = 0;
    for (int i = 0; i < OP_KINDS; i++)
        all += g->weights[i];
    for (uint64_t at = draw(g, all); at >= g->weights[kind]; kind++)
        at -= g->weights[kind];
    return (enum op_kind)kind;
}

void generate(struct generator *g, const struct model *model, const struct op_list *before, struct op *op)
{
    int64_t serial = before->count ? before->ops[before->count - 1].serial + 1 : 1;
    if (before->count && percent(g, 4)) {
        *op = before->ops[draw(g, before->count)]; /* somebody asks the same again */
        op->serial = serial;
        return;
    }
    *op = (struct op){.serial = serial,
                      .kind = pick_kind(g),
                      .process = from_to(g, 0, g->processes - 1),
                      .scope = percent(g, 85) ? 1 : 2};
    if (!g->lasts && (op->kind == OP_REOPEN || op->kind == OP_REBOOT))
        op->kind = OP_ADVANCE;
    fill(g, model, op);
    if (op->kind == OP_ENQUEUE || op->kind == OP_SETTLE || op->kind == OP_TRANSITION)
        op->later = percent(g, 15);
    if ((op->kind == OP_ENQUEUE || op->kind == OP_TRANSITION) && draw(g, 300) == 0)
        op->scope = SCOPE_OPERATOR; /* which is not theirs to write */
    if (draw(g, 250) == 0)
        op->broken = from_to(g, 1, 2);
}
