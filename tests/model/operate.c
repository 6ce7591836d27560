/* SPDX-License-Identifier: MIT */
/* What operators do in the model, and what time does. */
#include "model.h"

#include <string.h>

static struct model undo; /* what was before a move that is refused */

static struct model_asked asked_of(const struct op *op)
{
    return (struct model_asked){.kind = op->kind,
                                .scope = op->scope,
                                .reason = op->reason,
                                .actor = op->actor ? op->actor : pool_find(POOL_ACTOR, "unknown")};
}

/* A request id that is bound already: the stored answer for the same question, a conflict for another. */
static int look_up(const struct model *model, const struct model_asked *asked, const pawl_uuid *request,
                   struct model_moved *moved, bool *replayed)
{
    const struct model_record *stored = model_record_by_id(model, SCOPE_OPERATOR, request);
    *replayed = stored != NULL;
    if (!stored)
        return PAWL_OK;
    if (memcmp(&stored->asked, asked, sizeof *asked) != 0)
        return PAWL_ECONFLICT;
    if (moved)
        *moved = stored->moved;
    return PAWL_OK;
}

static void record(struct model *model, const struct model_asked *asked, const pawl_uuid *request,
                   const struct model_moved *moved)
{
    struct model_record record = {
        .scope = SCOPE_OPERATOR, .request = *request, .of_operator = true, .asked = *asked, .received = model->wall};
    if (moved)
        record.moved = *moved;
    model_append(model, &record);
}

/* ---- moves ---- */

static uint64_t number_of(const struct model *model, const struct model_message *message)
{
    return (uint64_t)(message - model->messages) + 1;
}

static bool may(const struct model_message *message, enum model_event event)
{
    enum model_state to;
    return model_next(message->state, event, &to);
}

static int cancel(struct model *model, struct model_message *message, const struct op *op, int64_t actor)
{
    if (!may(message, DO_CANCEL))
        return PAWL_EREFUSED;
    model_end(model, message, DO_CANCEL, REASON_GIVEN, actor);
    message->reason_text = op->reason;
    return PAWL_OK;
}

/* It gave up, and another message has its key: to send it too were to do both. */
static bool lost_its_key(const struct model *model, const struct model_message *message)
{
    return message->state == DEAD && message->successor && model->mistake != MISTAKE_REPLACED_IS_RETRIED;
}

/* The successor has what its predecessor had, but no dedupe key and no time; under `block` also its place in line. */
static int requeue(struct model *model, struct model_message *message, enum op_kind kind, const struct op *op,
                   int64_t actor, uint64_t *made)
{
    bool again = kind == OP_RESEND && message->state == DELIVERED;
    if (!again && (!may(message, DO_CANCEL) || lost_its_key(model, message)))
        return PAWL_EREFUSED;
    struct model_message successor = {.content = message->content,
                                      .max_attempts = message->max_attempts,
                                      .available = model->wall,
                                      .expires = NEVER,
                                      .resent_of = number_of(model, message)};
    if (again) { /* the delivered one stays as it is */
        *made = model_add(model, &successor);
        if (model->mistake == MISTAKE_RESEND_MOVES)
            message->successor = (int64_t)*made;
        return PAWL_OK;
    }
    bool inherits = message->in_line && model_policy_of(model, message, POLICY_key_dead) == 1 &&
                    model->mistake != MISTAKE_SUCCESSOR_GOES_LAST;
    if (inherits) {
        successor.order = message->order;
        successor.has_key = message->has_key;
        message->has_key = message->in_line = false;
    }
    model_end(model, message, DO_CANCEL, REASON_GIVEN, actor);
    message->reason_text = op->reason;
    *made = model_add(model, &successor);
    message->successor = (int64_t)*made;
    return PAWL_OK;
}

/* The same message again: its attempts and its age are counted anew. */
static int retry(struct model *model, struct model_message *message)
{
    bool is_set_aside = message->state == PENDING && message->hold != HOLD_NONE;
    if ((message->state != DEAD && !is_set_aside) || lost_its_key(model, message) ||
        (message->expires != NEVER &&
         model_end_of(model, message->created, message->expires - message->created) <= model->wall))
        return PAWL_EREFUSED;
    message->earlier += message->attempts;
    if (model->mistake != MISTAKE_RETRY_KEEPS_ATTEMPTS)
        message->attempts = 0;
    message->crashes = 0;
    message->retries++;
    message->retried = model->wall;
    model_pend(model, message, DO_RENEW, model->wall);
    return PAWL_OK;
}

static int resolve(struct model *model, struct model_message *message, const struct op *op, int64_t actor)
{
    if (message->state != UNCERTAIN && message->state != AWAITING)
        return PAWL_EREFUSED;
    if (op->outcome == PAWL_VERDICT_RETRY) {
        if (message->state != UNCERTAIN)
            return PAWL_EREFUSED;
        if (message->attempts >= model_cap(model, message))
            model_end(model, message, DO_EXHAUST, REASON_MAX_ATTEMPTS, actor);
        else
            model_pend(model, message, DO_RETRY, model->wall);
        return PAWL_OK;
    }
    model_end(model, message, op->outcome == PAWL_VERDICT_DELIVERED ? DO_DELIVER : DO_REFUSE, REASON_GIVEN, actor);
    message->reason_text = op->reason;
    return PAWL_OK;
}

/* A key outlives the message that was made under it, counted from its end; from now where it had a successor, which ended
 * later. */
static void keep_bounds(struct model *model, const struct model_message *message)
{
    int64_t keep = model_policy_of(model, message, POLICY_dedupe_keep_ms);
    for (size_t i = 0; i < model->bound_count; i++)
        if (model->bounds[i].exists && model->bounds[i].first == number_of(model, message))
            model->bounds[i].until = model->mistake == MISTAKE_RETENTION_FORGOTTEN
                                         ? 0
                                         : model_after(message->successor ? model->wall : message->ended_at, keep);
}

static bool has_bound(const struct model *model, const struct model_message *message)
{
    for (size_t i = 0; i < model->bound_count; i++)
        if (model->bounds[i].exists && model->bounds[i].first == number_of(model, message))
            return true;
    return false;
}

/* Its key must lead a repetition to the successor for as long as there is one. */
static int purge(struct model *model, struct model_message *message)
{
    if (message->state != DELIVERED && message->state != DEAD && message->state != CANCELLED)
        return PAWL_EREFUSED;
    if (message->has_key ||
        (has_bound(model, message) && model_has_successor(model, message) && model->mistake != MISTAKE_CHAIN_TORN))
        return PAWL_EREFUSED;
    message->exists = false;
    message->touched = true;
    keep_bounds(model, message);
    return PAWL_OK;
}

bool model_has_successor(const struct model *model, const struct model_message *message)
{
    return message->successor && model->messages[message->successor - 1].exists;
}

static int move_one(struct model *model, struct model_message *message, enum op_kind kind, const struct op *op,
                    int64_t actor, uint64_t *made)
{
    switch (kind) {
    case OP_CANCEL:
        return cancel(model, message, op, actor);
    case OP_RETRY:
        return retry(model, message);
    case OP_REQUEUE:
    case OP_RESEND:
        return requeue(model, message, kind, op, actor, made);
    case OP_RESOLVE:
        return resolve(model, message, op, actor);
    default:
        return purge(model, message);
    }
}

int model_move(struct model *model, const struct op *op, uint64_t number, const pawl_uuid *id, const pawl_uuid *request,
               struct model_moved *moved, bool *replayed)
{
    struct model_asked asked = asked_of(op);
    asked.id = *id;
    asked.outcome = op->kind == OP_RESOLVE ? op->outcome : 0;
    int status = look_up(model, &asked, request, moved, replayed);
    if (status < 0 || *replayed)
        return status;
    struct model_message *message = model_message(model, number);
    if (!message || message->content.scope != op->scope)
        return PAWL_ENOTFOUND;
    model_copy(&undo, model);
    if (model_is_lost(model, message))
        model_lose(model, message);
    moved->before = message->state;
    int64_t actor = asked.actor;
    uint64_t made = 0;
    status = move_one(model, message, op->kind, op, actor, &made);
    if (status < 0) {
        model_copy(model, &undo);
        return status;
    }
    moved->after = message->state;
    moved->successor = made;
    record(model, &asked, request, moved);
    return PAWL_OK;
}

/* Oldest first, of those that there are when it begins. */
int model_move_all(struct model *model, const struct op *op, const pawl_uuid *request, struct model_moved *moved,
                   bool *replayed)
{
    static const enum op_kind kinds[] = {[PAWL_MOVE_RETRY] = OP_RETRY,
                                         [PAWL_MOVE_REQUEUE] = OP_REQUEUE,
                                         [PAWL_MOVE_CANCEL] = OP_CANCEL,
                                         [PAWL_MOVE_RESOLVE] = OP_RESOLVE,
                                         [PAWL_MOVE_PURGE] = OP_PURGE};
    struct model_asked asked = asked_of(op);
    asked.lane = op->lane;
    asked.outcome = op->move == PAWL_MOVE_RESOLVE ? op->outcome : 0;
    asked.move = op->move;
    asked.state = op->state;
    asked.key = op->key;
    asked.limit = op->limit;
    int status = op->dry ? PAWL_OK : look_up(model, &asked, request, moved, replayed);
    if (status < 0 || *replayed)
        return status;
    size_t count = model->message_count;
    for (size_t i = 0; i < count && (op->limit == 0 || moved->matched < (uint64_t)op->limit); i++) {
        struct model_message *message = &model->messages[i];
        bool is_meant = message->exists && message->content.scope == op->scope &&
                        (!op->lane || message->content.lane == op->lane) &&
                        (!op->key || message->content.key == op->key) &&
                        (!op->state || message->state == (enum model_state)(op->state - 1));
        uint64_t made;
        if (!is_meant)
            continue;
        moved->matched++;
        if (op->dry)
            continue;
        if (model_is_lost(model, message))
            model_lose(model, message);
        if (move_one(model, message, kinds[op->move], op, asked.actor, &made) == PAWL_OK)
            moved->count++;
        else
            moved->refused++;
    }
    if (!op->dry)
        record(model, &asked, request, moved);
    return PAWL_OK;
}

/* ---- policies, targets, holds ---- */

static void read_changes(const struct op *op, struct model_change *changes)
{
    for (int64_t i = 0; i < op->setting_count; i++) {
        struct setting setting = pool_setting(op->settings[i].name, op->settings[i].value);
        bool sets = setting.number != SETTING_UNSET;
        changes[setting.key] = (struct model_change){sets, !sets, sets ? setting.number : 0};
    }
}

static bool apply_changes(const struct model_change *changes, struct model_policy *policy)
{
    for (int key = 0; key < MODEL_POLICY_KEYS; key++) {
        if (changes[key].sets)
            policy->values[key] = changes[key].value;
        policy->is_set[key] = (policy->is_set[key] || changes[key].sets) && !changes[key].unsets;
    }
    return model_policy_value(policy, POLICY_backoff_max_ms) >= model_policy_value(policy, POLICY_backoff_ms);
}

static int set_lane(struct model *model, const struct op *op, const struct model_asked *asked)
{
    size_t at = 0;
    while (at < model->lane_count && (model->lanes[at].scope != op->scope || model->lanes[at].name != op->lane))
        at++;
    struct model_lane lane = at < model->lane_count ? model->lanes[at]
                                                    : (struct model_lane){.scope = op->scope, .name = op->lane};
    if (!apply_changes(asked->changes, &lane.policy))
        return PAWL_EINVAL;
    model->lanes[at] = lane;
    model->lane_count += at == model->lane_count;
    return PAWL_OK;
}

static bool is_same(const struct model_target *target, const struct op *op, const struct model_asked *asked)
{
    struct model_policy policy = {0};
    bool same = apply_changes(asked->changes, &policy) && target->url == op->url && target->secret == op->secret;
    for (int i = 0; i < 2; i++)
        same &= target->asked[i] == asked->changes[ASKED_probe + i].value;
    for (int key = 0; same && key < MODEL_POLICY_KEYS; key++)
        same = policy.is_set[key] == target->policy.is_set[key] &&
               (!policy.is_set[key] || policy.values[key] == target->policy.values[key]);
    return same;
}

static bool names_asked(const struct model_asked *asked)
{
    bool names = false;
    for (int i = 0; i < 2; i++)
        names |= asked->changes[ASKED_probe + i].sets || asked->changes[ASKED_probe + i].unsets;
    return names;
}

/* *same: it is so already, and nothing is written. */
static int set_target(struct model *model, const struct op *op, const struct model_asked *asked, bool *same)
{
    size_t at = 0;
    while (at < model->target_count && (model->targets[at].scope != op->scope || model->targets[at].name != op->target))
        at++;
    bool exists = at < model->target_count && model->targets[at].exists;
    struct model_target target = exists ? model->targets[at] : (struct model_target){0};
    if (op->kind == OP_TARGET_REMOVE) {
        if (!exists || !target.url)
            return PAWL_ENOTFOUND;
        model->targets[at].exists = false;
        return PAWL_OK;
    }
    bool is_there = exists && target.url, is_add = op->kind == OP_TARGET_ADD && op->url;
    *same = is_add && is_there && is_same(&target, op, asked);
    if (*same)
        return PAWL_OK;
    if (is_add && is_there)
        return PAWL_ECONFLICT;
    if (!is_add && !is_there && (op->url || op->secret || names_asked(asked)))
        return PAWL_ENOTFOUND;
    if (op->url)
        target.url = op->url;
    if (op->secret)
        target.secret = op->secret;
    for (int i = 0; i < 2; i++)
        if (asked->changes[ASKED_probe + i].sets || asked->changes[ASKED_probe + i].unsets)
            target.asked[i] = asked->changes[ASKED_probe + i].value;
    target.exists = true;
    target.scope = op->scope;
    target.name = op->target;
    if (!apply_changes(asked->changes, &target.policy))
        return PAWL_EINVAL;
    model->targets[at] = target;
    model->target_count += at == model->target_count;
    return PAWL_OK;
}

static bool is_subject(const struct model_subject_hold *hold, const struct op *op)
{
    bool of_store = op->lane == 0 && op->target == 0;
    return hold->exists && hold->scope == (of_store ? 0 : op->scope) && hold->lane == op->lane &&
           hold->target == op->target;
}

void model_put_hold(struct model *model, const struct model_subject_hold *hold)
{
    size_t at = 0;
    while (at < model->hold_count && !(model->holds[at].scope == hold->scope && model->holds[at].lane == hold->lane &&
                                       model->holds[at].target == hold->target && model->holds[at].code == hold->code))
        at++;
    model->hold_count += at == model->hold_count;
    int64_t before = model->holds[at].exists ? model_held_for(model, &model->holds[at]) : 0;
    model->holds[at] = *hold;
    model->holds[at].exists = true;
    model->holds[at].since = model->wall;
    model->holds[at].before = before;
}

static int set_hold(struct model *model, const struct op *op, const struct model_asked *asked)
{
    model_put_hold(model, &(struct model_subject_hold){.scope = op->lane || op->target ? op->scope : 0,
                                                       .lane = op->lane,
                                                       .target = op->target,
                                                       .code = op->code,
                                                       .reason = op->reason,
                                                       .actor = asked->actor,
                                                       .until = op->until ? op->until : NEVER});
    return PAWL_OK;
}

static int release_hold(struct model *model, const struct op *op)
{
    bool any = false;
    for (size_t i = 0; i < model->hold_count; i++) {
        struct model_subject_hold *hold = &model->holds[i];
        if (!model_holds(model, hold) || !is_subject(hold, op) || (op->code && hold->code != op->code))
            continue;
        hold->before = model_held_for(model, hold);
        hold->since = hold->until = model->wall;
        any = true;
    }
    return any ? PAWL_OK : PAWL_ENOTFOUND;
}

int model_change(struct model *model, const struct op *op, const pawl_uuid *request, bool *replayed)
{
    struct model_asked asked = asked_of(op);
    asked.lane = op->lane;
    asked.target = op->target;
    asked.url = op->url;
    asked.secret = op->secret;
    asked.code = op->code;
    asked.until = op->until;
    if (op->kind == OP_LANE_SET || op->kind == OP_TARGET_ADD || op->kind == OP_TARGET_SET)
        read_changes(op, asked.changes);
    bool same = false;
    int status = look_up(model, &asked, request, NULL, replayed);
    if (status < 0 || *replayed)
        return status;
    status = op->kind == OP_LANE_SET       ? set_lane(model, op, &asked)
             : op->kind == OP_HOLD_SET     ? set_hold(model, op, &asked)
             : op->kind == OP_HOLD_RELEASE ? release_hold(model, op)
                                           : set_target(model, op, &asked, &same);
    if (status == PAWL_OK && !same)
        record(model, &asked, request, NULL);
    return status;
}

/* ---- time ---- */

static bool is_past_retention(const struct model *model, const struct model_message *message)
{
    int64_t keep = model_policy_of(model, message, POLICY_keep_ms), own = -1;
    if (message->state == DELIVERED || message->state == DEAD)
        own = model_policy_of(model, message, message->state == DEAD ? POLICY_keep_dead_ms : POLICY_keep_delivered_ms);
    keep = own < 0 ? keep : own;
    bool ended = message->state == DELIVERED || message->state == DEAD || message->state == CANCELLED;
    return ended && keep > 0 && !message->has_key && model_end_of(model, message->ended_at, keep) <= model->wall;
}

/* A clock that was ahead wrote it: as long from now as it was from then, but for a date that was asked for. */
static void mend_date(struct model *model, struct model_message *message)
{
    bool is_asked = message->due_is_own && message->available != message->created;
    if (!message->exists || message->state != PENDING || message->hold != HOLD_NONE || is_asked ||
        message->updated <= model->wall)
        return;
    int64_t wait = message->due - message->updated;
    message->due = message->due_least = model_after(model->wall, wait > 0 ? wait : 0);
    message->due_is_own = false;
    message->updated = model->wall;
    message->touched = true;
}

/* First it binds no more, then nobody remembers it: after as long again, or a day. */
static void forget(struct model *model, struct model_bound *bound, struct model_swept *swept)
{
    int64_t keep = model_policy_of(model, &model->messages[bound->first - 1], POLICY_dedupe_keep_ms);
    if (bound->is_forgotten) {
        bound->exists = bound->remembered > model->wall;
    } else if (model_bound_until(model, bound) <= model->wall) {
        bound->is_forgotten = true;
        bound->remembered = model_after(model->wall, keep < 86400000 ? keep : 86400000);
        bound->exists = keep > 0;
        swept->forgotten++;
    }
}

void model_sweep(struct model *model, struct model_swept *swept)
{
    *swept = (struct model_swept){0};
    model_settle_lost(model);
    for (size_t i = 0; i < model->message_count; i++)
        mend_date(model, &model->messages[i]);
    for (size_t i = 0; i < model->message_count; i++)
        if (model_is_overdue(model, &model->messages[i])) {
            model_expire(model, &model->messages[i]);
            swept->expired++;
        }
    for (size_t i = 0; i < model->message_count; i++) {
        struct model_message *message = &model->messages[i];
        swept->suspected += model_sweep_unasked(model, message);
        if (model_is_overdue(model, message)) { /* it would be sent again, and is too old by now */
            model_expire(model, message);
            swept->expired++;
        }
    }
    for (size_t i = 0; i < model->message_count; i++) {
        struct model_message *message = &model->messages[i];
        if (message->exists && is_past_retention(model, message) && purge(model, message) == PAWL_OK)
            swept->purged++;
    }
    for (size_t i = 0; i < model->bound_count; i++)
        if (model->bounds[i].exists)
            forget(model, &model->bounds[i], swept);
}
