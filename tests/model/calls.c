/* SPDX-License-Identifier: MIT */
/* The model's calls: enqueue, settle, transition, claim. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static struct model undo; /* what was before a call that may be refused as a whole */

/* ---- enqueue ---- */

static struct model_content content_of(int64_t scope, const struct op_message *asked)
{
    return (struct model_content){.scope = scope,
                                  .lane = asked->lane,
                                  .target = asked->target,
                                  .sender = asked->sender,
                                  .key = asked->key,
                                  .priority = asked->priority ? asked->priority : 5,
                                  .data = asked->data,
                                  .content_type = model_content_type(asked->content_type, asked->data),
                                  .headers = pool_headers(asked->headers)->same_as,
                                  .deadline = asked->deadline};
}

static struct model_queue *note_queue(struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    for (size_t i = 0; i < model->queue_count; i++)
        if (model->queues[i].scope == scope && model->queues[i].lane == lane && model->queues[i].target == target)
            return &model->queues[i];
    if (model->queue_count == sizeof model->queues / sizeof *model->queues)
        abort();
    model->queues[model->queue_count] = (struct model_queue){.scope = scope, .lane = lane, .target = target};
    return &model->queues[model->queue_count++];
}

uint64_t model_add(struct model *model, const struct model_message *message)
{
    if (model->message_count == MODEL_MESSAGES)
        abort();
    struct model_message *added = &model->messages[model->message_count++];
    uint64_t number = model->message_count;
    bool inherits_key = message->has_key;
    *added = *message;
    added->in_scope = 1;
    for (const struct model_message *other = model->messages; other < added; other++)
        added->in_scope += other->content.scope == added->content.scope;
    added->exists = added->touched = true;
    added->state = PENDING;
    added->created = added->updated = model->wall;
    added->due = added->due_least = added->available;
    added->due_is_own = true;
    added->order = message->order ? message->order : number;
    added->origin_op = model->op;
    added->origin_index = model->op_messages++;
    added->until = NEVER;
    note_queue(model, added->content.scope, added->content.lane, added->content.target);
    if (inherits_key)
        added->in_line = true;
    else
        model_enter_line(model, added);
    return number;
}

/* A key answers with the last of the successors of the message that it is bound to, as far as they are kept. */
static uint64_t last_successor(const struct model *model, uint64_t number)
{
    while (model->messages[number - 1].exists && model_has_successor(model, &model->messages[number - 1]))
        number = (uint64_t)model->messages[number - 1].successor;
    return number;
}

enum { RETURN, BIND, REBIND, REFUSE };
enum accepted { STORED, CONFLICT, ANEW };

/* What the lane says of a dedupe key that is bound to this message; a request id answers as ever. */
static enum accepted accept_again(const struct model *model, const struct model_bound *bound, uint64_t number,
                                  bool same)
{
    const struct model_message *message = &model->messages[number - 1];
    enum model_state state = message->state;
    int64_t rule = bound->is_request || model->mistake == MISTAKE_ACCEPT_IGNORED
                       ? RETURN
                       : model_policy_of(model, message, POLICY_accept);
    bool has_ended = state == DELIVERED || state == DEAD || state == CANCELLED;
    /* It was requeued, and what became of that is gone; or that may be. */
    bool is_unclear = state == CANCELLED && (!message->exists || message->successor);
    if (rule == REFUSE)
        return has_ended ? ANEW : CONFLICT;
    if (rule == BIND && (state == DEAD || state == CANCELLED))
        return CONFLICT;
    if (rule == REBIND && (state == DEAD || (state == CANCELLED && !is_unclear)))
        return ANEW;
    return same ? STORED : CONFLICT;
}

int model_enqueue_one(struct model *model, int64_t scope, const struct op_message *asked, uint64_t seq,
                      struct model_enqueued *result)
{
    struct model_message message = {.content = content_of(scope, asked),
                                    .dedupe = asked->dedupe,
                                    .request = asked->request,
                                    .max_attempts = asked->max_attempts,
                                    .seq = seq,
                                    .available = asked->available ? asked->available
                                                                  : model_after(model->wall, asked->delay),
                                    .expires = asked->expires ? model_after(model->wall, asked->expires) : NEVER};
    bool is_request = asked->dedupe == 0;
    int64_t key = is_request ? asked->request : asked->dedupe;
    struct model_bound *bound = key ? model_bound(model, scope, asked->lane, asked->target, is_request, key) : NULL;
    bool same = bound &&
                (model->mistake == MISTAKE_DEDUPE_IGNORES_CONTENT ||
                 memcmp(&model->messages[bound->first - 1].content, &message.content, sizeof message.content) == 0);
    bool binds = bound && model->mistake != MISTAKE_DEDUPE_FORGOTTEN &&
                 ((!bound->is_forgotten && model_bound_until(model, bound) > model->wall) ||
                  model->mistake == MISTAKE_DEDUPE_NEVER_FORGOTTEN);
    uint64_t old = binds ? last_successor(model, bound->first) : 0; /* that has the key */
    enum accepted accepted = binds ? accept_again(model, bound, old, same) : ANEW;
    if (accepted != ANEW) {
        *result = (struct model_enqueued){.number = old, .state = model->messages[old - 1].state};
        result->replayed = accepted == STORED;
        return result->status = accepted == STORED ? PAWL_OK : PAWL_ECONFLICT;
    }
    *result = (struct model_enqueued){.status = PAWL_OK, .state = PENDING};
    result->number = model_add(model, &message);
    if (old && model->messages[old - 1].exists && !model->messages[old - 1].successor) {
        model->messages[old - 1].successor = (int64_t)result->number;
        model->messages[old - 1].touched = true;
    }
    note_queue(model, scope, asked->lane, asked->target)->late += same && !binds &&
                                                                  model->mistake != MISTAKE_LATE_IS_NEW;
    if (!key || (old && model->mistake == MISTAKE_KEY_STAYS))
        return PAWL_OK;
    if (!bound) {
        if (model->bound_count == MODEL_MESSAGES)
            abort();
        bound = &model->bounds[model->bound_count++];
    }
    *bound = (struct model_bound){.exists = true,
                                  .is_request = is_request,
                                  .scope = scope,
                                  .lane = asked->lane,
                                  .target = asked->target,
                                  .key = key,
                                  .first = result->number,
                                  .until = NEVER};
    return PAWL_OK;
}

int model_enqueue(struct model *model, int64_t scope, const struct op_message *messages, int64_t count,
                  struct model_enqueued *results)
{
    int first = PAWL_OK;
    for (int64_t i = 0; i < count; i++) {
        int status = model_enqueue_one(model, scope, &messages[i], 0, &results[i]);
        if (first == PAWL_OK)
            first = status;
    }
    return first;
}

/* ---- settle ---- */

static int64_t retry_due(const struct model *model, const struct model_message *message,
                         const struct op_settlement *asked, uint32_t n, int64_t *least)
{
    if (asked->retry)
        return *least = model_after(model->wall, asked->retry - 1);
    int64_t delay = model_backoff(model, message, POLICY_backoff_ms, n);
    int64_t jitter = model_policy_of(model, message, POLICY_jitter_percent);
    *least = model_after(model->wall, delay - (int64_t)((__int128)delay * jitter / 100));
    return model_after(model->wall, delay);
}

void model_pend_for_retry(struct model *model, struct model_message *message, enum model_event event,
                          const struct op_settlement *asked, uint32_t n)
{
    int64_t least, due = retry_due(model, message, asked, n, &least);
    if (event != DO_DEFER) {
        int64_t turn = message->is_looking ? least : model_flow_turn(model, message, least);
        due = turn > due ? turn : due;
        least = turn;
    }
    if (model->mistake == MISTAKE_RETRY_TOO_LATE)
        due = least = due + 1;
    model_pend(model, message, event, due);
    message->due_least = least;
}

/* What is told about an attempt: the response's summary, else the error. */
static int64_t told(const struct op_settlement *asked)
{
    return asked->response ? asked->response : asked->error;
}

static int settle_uncertain(struct model *model, struct model_message *message, const struct op_settlement *asked,
                            enum model_event event, int64_t by)
{
    if (message->state == CLAIMED) { /* else it was noted when it was handed over */
        model_flow_ended(model, message, event);
        model_note_attempt(model, message, "uncertain", CLASS_UNKNOWN, told(asked));
    }
    model_fail(model, message, CLASS_UNKNOWN, asked->error);
    if (event == DO_GIVE_UP) {
        model_end(model, message, event, REASON_GAVE_UP, by);
        return PAWL_RESULT_DEAD;
    }
    if (event == DO_RESEND) {
        model_pend_for_retry(model, message, event, asked, message->attempts);
        return PAWL_RESULT_REQUEUED;
    }
    if (event == DO_POISON) {
        model_hold_apart(model, message, event, HOLD_CRASHES, NEVER);
        return PAWL_RESULT_REQUEUED;
    }
    model_suspect(model, message);
    return PAWL_RESULT_UNCERTAIN;
}

static int settle_retry(struct model *model, struct model_message *message, const struct op_settlement *asked,
                        int64_t by)
{
    bool at_cap = message->attempts >= model_cap(model, message);
    bool holds = model_policy_of(model, message, POLICY_exhausted) == 1;
    model_flow_ended(model, message, !at_cap ? DO_RETRY : holds ? DO_EXHAUST_HOLD : DO_EXHAUST);
    model_note_attempt(model, message, "retry", CLASS_TRANSIENT, told(asked));
    model_fail(model, message, CLASS_TRANSIENT, asked->error);
    if (!at_cap)
        model_pend_for_retry(model, message, DO_RETRY, asked, message->attempts);
    else if (holds)
        model_hold_apart(model, message, DO_EXHAUST_HOLD, HOLD_EXHAUSTED, NEVER);
    else
        model_end(model, message, DO_EXHAUST, REASON_MAX_ATTEMPTS, by);
    return at_cap && !holds ? PAWL_RESULT_DEAD : PAWL_RESULT_REQUEUED;
}

static int give_back(struct model *model, struct model_message *message, const struct op_settlement *asked)
{
    bool deferred = asked->verdict == PAWL_VERDICT_DEFERRED;
    model_flow_ended(model, message, deferred ? DO_DEFER : DO_RELEASE);
    if (!deferred || model->mistake != MISTAKE_DEFERRAL_KEEPS_ATTEMPT)
        message->attempts--;
    if (!deferred) {
        int64_t due = message->due;
        bool is_own = message->due_is_own;
        model_pend(model, message, DO_RELEASE, due);
        message->due_is_own = is_own;
        return PAWL_RESULT_RELEASED;
    }
    message->deferrals++;
    if (asked->error)
        model_fail(model, message, CLASS_TRANSIENT, asked->error);
    model_pend_for_retry(model, message, DO_DEFER, asked, message->deferrals);
    return PAWL_RESULT_DEFERRED;
}

int model_extend(struct model *model, struct model_message *message, const struct op_settlement *asked)
{
    int64_t lease = asked->retry ? asked->retry - 1 : model_policy_of(model, message, POLICY_lease_ms);
    message->lease = model_after(model->boot, lease);
    message->lease_wall = model_after(model->wall, lease);
    message->boot = model->boot_number;
    message->updated = model->wall;
    message->touched = true;
    return PAWL_RESULT_EXTENDED;
}

static void submit(struct model *model, struct model_message *message, int64_t until)
{
    if (model_can_ask(model, message, false))
        model_ask(model, message, DO_SUBMIT, model_first_look(model, message), until);
    else
        model_hold_apart(model, message, DO_SUBMIT, HOLD_AWAITING, until);
}

/* Who claimed it settles it; of one that was handed over the same token reports the outcome. */
static int settle_one(struct model *model, struct model_message *message, const struct op_settlement *asked)
{
    bool awaits = message->state == AWAITING; /* its outcome is reported, whoever looks for it meanwhile */
    int64_t by = BY_CONSUMER(awaits ? CONSUMER_NONE : message->consumer);
    if (asked->remote && asked->verdict != PAWL_VERDICT_EXTEND)
        message->remote = asked->remote;
    switch (asked->verdict) {
    case PAWL_VERDICT_DELIVERED:
        message->error = CLASS_NONE;
        if (!awaits) {
            model_flow_ended(model, message, DO_DELIVER);
            model_note_attempt(model, message, "delivered", CLASS_NONE, asked->response);
        }
        model_end(model, message, DO_DELIVER, REASON_NONE, by);
        return PAWL_RESULT_DELIVERED;
    case PAWL_VERDICT_DEAD:
        model_fail(model, message, CLASS_PERMANENT, asked->error);
        if (!awaits) {
            model_flow_ended(model, message, DO_REFUSE);
            model_note_attempt(model, message, "dead", CLASS_PERMANENT, told(asked));
        }
        model_end(model, message, DO_REFUSE, REASON_PERMANENT, by);
        return PAWL_RESULT_DEAD;
    case PAWL_VERDICT_UNCERTAIN:
        return settle_uncertain(model, message, asked, awaits ? DO_SUSPECT : model_event_of_unknown(model, message),
                                by);
    case PAWL_VERDICT_RETRY:
        return settle_retry(model, message, asked, by);
    case PAWL_VERDICT_SUBMITTED:
        model_flow_ended(model, message, DO_SUBMIT);
        model_note_attempt(model, message, "submitted", CLASS_NONE, asked->response);
        submit(model, message,
               model_after(model->wall,
                           asked->retry ? asked->retry - 1 : model_policy_of(model, message, POLICY_poll_deadline_ms)));
        return PAWL_RESULT_AWAITING;
    case PAWL_VERDICT_EXTEND:
        return model_extend(model, message, asked);
    default:
        return give_back(model, message, asked);
    }
}

static bool may_settle(const struct model *model, const struct model_message *message,
                       const struct model_settlement *settlement)
{
    int64_t verdict = settlement->asked.verdict;
    bool is_outcome = verdict == PAWL_VERDICT_DELIVERED || verdict == PAWL_VERDICT_DEAD ||
                      verdict == PAWL_VERDICT_UNCERTAIN;
    if (message->state != CLAIMED && (message->state != AWAITING || !is_outcome))
        return false;
    uint64_t token = message->is_asked ? message->reporter : message->token;
    return token == settlement->token || model->mistake == MISTAKE_TOKEN_IGNORED;
}

static bool has_look(const struct model_message *message, const struct model_settlement *settlement)
{
    return message->is_looking && message->token == settlement->token;
}

static int settle_all(struct model *model, const struct op *op, const struct model_settlement *settlements, bool atomic,
                      struct model_settled *results)
{
    for (int64_t i = 0; i < op->settlement_count; i++) {
        struct model_message *message = model_message(model, settlements[i].number);
        if (message && message->content.scope != op->scope)
            message = NULL;
        if (!message || (!has_look(message, &settlements[i]) && !may_settle(model, message, &settlements[i]))) {
            results[i] = (struct model_settled){
                .result = PAWL_RESULT_LOST, .has_state = message != NULL, .state = message ? message->state : PENDING};
            if (atomic)
                return PAWL_EFENCED;
            continue;
        }
        results[i].result = has_look(message, &settlements[i])
                                ? model_settle_look(model, message, &settlements[i].asked)
                                : settle_one(model, message, &settlements[i].asked);
        results[i].has_state = true;
        results[i].state = message->state;
        for (int64_t j = 0; j < op->message_count; j++) {
            struct model_enqueued ignored;
            if (!atomic && op->messages[j].of == i + 1 &&
                model_enqueue_one(model, op->scope, &op->messages[j], 0, &ignored) < 0)
                return PAWL_ECONFLICT;
        }
    }
    return PAWL_OK;
}

int model_settle(struct model *model, const struct op *op, const struct model_settlement *settlements,
                 struct model_settled *results)
{
    model_copy(&undo, model);
    int status = settle_all(model, op, settlements, false, results);
    if (status < 0)
        model_copy(model, &undo);
    return status;
}

/* ---- transition ---- */

static bool same_command(const struct model_record *record, const struct op *op)
{
    return !record->of_operator && record->type == op->type && record->ref == op->ref &&
           record->content_type == model_content_type(op->content_type, op->command) && record->command == op->command;
}

struct model_record *model_append(struct model *model, const struct model_record *record)
{
    if (model->record_count == MODEL_RECORDS)
        abort();
    struct model_record *added = &model->records[model->record_count];
    uint64_t seq = model_head(model, record->scope) + 1;
    model->record_count++;
    *added = *record;
    added->seq = seq;
    added->committed = model->wall;
    return added;
}

static int enqueue_all(struct model *model, const struct op *op, struct model_record *record)
{
    int status = PAWL_OK;
    for (int64_t i = 0; status == PAWL_OK && i < op->message_count; i++) {
        struct model_enqueued result;
        status = model_enqueue_one(model, op->scope, &op->messages[i], model_head(model, op->scope) + 1, &result);
        record->messages[record->message_count++] = result.number;
    }
    return status;
}

/* In the order in which they were given. */
static int change_all(struct model *model, const struct op *op, const struct model_settlement *settlements,
                      struct model_record *record)
{
    struct model_settled results[MAX_SETTLEMENTS];
    int status = op->settles_first ? PAWL_OK : enqueue_all(model, op, record);
    if (status == PAWL_OK)
        status = settle_all(model, op, settlements, true, results);
    return status == PAWL_OK && op->settles_first ? enqueue_all(model, op, record) : status;
}

int model_transition(struct model *model, const struct op *op, uint64_t expect_seq,
                     const struct model_settlement *settlements, const pawl_uuid *request,
                     struct model_record **ret_record, bool *ret_replayed)
{
    const struct model_record *stored = model_record_by_id(model, op->scope, request);
    if (stored) {
        if (!same_command(stored, op) && model->mistake != MISTAKE_REPLAY_IGNORES_CONTENT)
            return PAWL_ECONFLICT;
        *ret_record = (struct model_record *)stored;
        *ret_replayed = true;
        return PAWL_OK;
    }
    if (expect_seq && expect_seq != model_head(model, op->scope) + 1)
        return PAWL_ECONFLICT;
    struct model_record record = {.scope = op->scope,
                                  .request = *request,
                                  .type = op->type,
                                  .ref = op->ref,
                                  .content_type = model_content_type(op->content_type, op->command),
                                  .command = op->command,
                                  .response = op->response,
                                  .digests = op->digests,
                                  .received = op->received ? op->received : model->wall,
                                  .duration = op->duration,
                                  .event_count = op->event_count};
    for (int64_t i = 0; i < op->event_count; i++) {
        const struct op_event *event = &op->events[i];
        record.events[i] = (struct model_event_kept){
            .topic = event->topic,
            .type = event->type,
            .key = event->key,
            .data = event->data,
            .content_type = model_content_type(event->content_type, event->data),
            .keep = event->keep,
            .stream = event->stream};
    }
    model_copy(&undo, model);
    int status = change_all(model, op, settlements, &record);
    if (status < 0) {
        if (model->mistake != MISTAKE_HALF_A_TRANSITION)
            model_copy(model, &undo);
        return status;
    }
    *ret_record = model_append(model, &record);
    *ret_replayed = false;
    return PAWL_OK;
}

/* ---- claim ---- */

static bool comes_before(const struct model *model, uint64_t a, uint64_t b)
{
    const struct model_message *x = &model->messages[a - 1], *y = &model->messages[b - 1];
    if (x->content.priority != y->content.priority)
        return (x->content.priority < y->content.priority) != (model->mistake == MISTAKE_PRIORITY_REVERSED);
    return x->due != y->due ? x->due < y->due : a < b;
}

static bool is_due_to_be_asked(const struct model *model, const struct model_message *message, int64_t phase)
{
    return message->exists && message->is_asked && !message->is_looking && message->due <= model->wall &&
           message->state == (phase == MODEL_POLL ? AWAITING : UNCERTAIN);
}

static bool is_due(const struct model *model, const struct model_message *message, int64_t phase)
{
    if (phase != MODEL_SEND)
        return is_due_to_be_asked(model, message, phase);
    return (model_is_ready(message) || (model->mistake == MISTAKE_KEY_IGNORED && message->exists &&
                                        message->state == PENDING && message->hold == HOLD_NONE)) &&
           message->due <= model->wall;
}

size_t model_due(struct model *model, const struct op *op, uint64_t *numbers)
{
    size_t count = 0;
    for (size_t i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        if (!is_due(model, message, op->phase) || message->content.scope != op->scope ||
            message->content.lane != op->lane || message->content.target != op->target)
            continue;
        size_t place = count++;
        for (; place > 0 && comes_before(model, i + 1, numbers[place - 1]); place--)
            numbers[place] = numbers[place - 1];
        numbers[place] = i + 1;
    }
    return count;
}

/* A claim settles what was lost of its queue; that of others is a sweep's. */
static bool is_lost_here(const struct model *model, const struct op *op, size_t i)
{
    const struct model_message *message = &model->messages[i];
    return message->content.scope == op->scope && message->content.lane == op->lane &&
           message->content.target == op->target && model_is_lost(model, message);
}

static bool any_lost(const struct model *model, const struct op *op)
{
    for (size_t i = 0; i < model->message_count; i++)
        if (is_lost_here(model, op, i))
            return true;
    return false;
}

static void settle_lost(struct model *model, const struct op *op)
{
    for (size_t i = 0; i < model->message_count; i++)
        if (is_lost_here(model, op, i))
            model_lose(model, &model->messages[i]);
}

static bool take_or_expire(struct model *model, const struct op *op, struct model_message *message)
{
    int64_t consumer = op->consumer ? op->consumer : pool_find(POOL_CONSUMER, "unnamed");
    uint64_t process = op->bound ? model->processes[op->process] : 0;
    if (op->phase != MODEL_SEND) {
        model_look(model, message, consumer, op->lease, process);
        return true;
    }
    if (model_is_overdue(model, message)) {
        model_expire(model, message);
        return false;
    }
    if (message->attempts >= model_cap(model, message)) {
        if (model_policy_of(model, message, POLICY_exhausted) == 1)
            model_hold_apart(model, message, DO_EXHAUST_HOLD, HOLD_EXHAUSTED, NEVER);
        else
            model_end(model, message, DO_EXHAUST, REASON_MAX_ATTEMPTS, BY_PAWL);
        return false;
    }
    model_take(model, message, consumer, op->lease, process, 0);
    return true;
}

/* An id names a number. Whoever has that number in this scope is looked at, whatever its queue and the rest of the id: what was lost
 * of it is settled. */
static void settle_lost_of_number(struct model *model, const struct op *op)
{
    const struct model_message *origin = op->id_twist > 1 ? NULL : model_find_origin(model, op->id_op, op->id_index);
    for (size_t i = 0; origin && i < model->message_count; i++) {
        struct model_message *message = &model->messages[i];
        if (message->content.scope == op->scope && message->in_scope == origin->in_scope &&
            model_is_lost(model, message))
            model_lose(model, message);
    }
}

static size_t claim_named(struct model *model, const struct op *op, uint64_t named, uint64_t *numbers)
{
    struct model_message *message = model_message(model, named);
    settle_lost(model, op);
    settle_lost_of_number(model, op);
    if (!message || message->content.scope != op->scope || message->content.lane != op->lane ||
        message->content.target != op->target || !model_is_ready(message) ||
        model_is_held(model, op->scope, op->lane, op->target))
        return 0;
    numbers[0] = named;
    size_t count = take_or_expire(model, op, message);
    model_flow_took(model, op->scope, op->lane, op->target, count);
    return count;
}

/* A claim looks at no more than it may take, and at what it made ready itself by settling lost claims. Where all of that
 * had expired, it goes on behind it. */
static bool may_look_at(uint64_t number, const uint64_t *looked, size_t looked_count, const bool *was_lost)
{
    for (size_t i = 0; i < looked_count; i++)
        if (looked[i] == number)
            return true;
    return was_lost[number - 1];
}

size_t model_claim(struct model *model, const struct op *op, uint64_t named, uint64_t *numbers)
{
    uint64_t due[MODEL_MESSAGES], looked[MODEL_MESSAGES];
    bool was_pending[MODEL_MESSAGES], became_ready[MODEL_MESSAGES];
    size_t count = 0;
    if (op->id_op)
        return claim_named(model, op, named, numbers);
    if (op->limit == 0)
        return 0;
    bool held = model_is_held(model, op->scope, op->lane, op->target);
    size_t looked_count = model_due(model, op, looked);
    if ((looked_count == 0 || held) && !any_lost(model, op))
        return 0; /* nothing to do, nothing is done */
    for (size_t i = 0; i < model->message_count; i++)
        was_pending[i] = is_due(model, &model->messages[i], op->phase);
    settle_lost(model, op);
    for (size_t i = 0; i < model->message_count; i++)
        became_ready[i] = !was_pending[i] && is_due(model, &model->messages[i], op->phase);
    if (held)
        return 0;
    if (looked_count > (size_t)op->limit)
        looked_count = (size_t)op->limit;
    size_t due_count = model_due(model, op, due),
           most = op->phase ? SIZE_MAX : model_room(model, op->scope, op->lane, op->target, !op->bound);
    most = most < (size_t)op->limit ? most : (size_t)op->limit;
    for (size_t i = 0; i < due_count && count < most; i++)
        if (may_look_at(due[i], looked, looked_count, became_ready) &&
            take_or_expire(model, op, model_message(model, due[i])))
            numbers[count++] = due[i];
    if (op->phase != MODEL_SEND)
        return count;
    while (count == 0 && most > 0 && (due_count = model_due(model, op, due)) > 0)
        for (size_t i = 0; i < due_count && count < most; i++)
            if (take_or_expire(model, op, model_message(model, due[i])))
                numbers[count++] = due[i];
    model_flow_took(model, op->scope, op->lane, op->target, count);
    return count;
}
