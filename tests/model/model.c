/* SPDX-License-Identifier: MIT */
/* The model's state: looking at it, and the ways in which a message moves. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

struct model_counts model_counts;

/* ---- the table of states ---- */

const char *model_state_text(enum model_state state)
{
    static const char *const texts[MODEL_STATES] = {"pending",   "claimed", "awaiting", "uncertain",
                                                    "delivered", "dead",    "cancelled"};
    return texts[state];
}

const char *model_event_text(enum model_event event)
{
    static const char *const texts[MODEL_EVENTS] = {"claim",        "expire", "deliver", "submit",  "retry",  "exhaust",
                                                    "exhaust-hold", "refuse", "defer",   "release", "resend", "give-up",
                                                    "suspect",      "poison", "renew",   "cancel",  "step",   "stop"};
    return texts[event];
}

static bool next_of_pending(enum model_event event, enum model_state *to)
{
    if (event == DO_CLAIM)
        *to = CLAIMED;
    else if (event == DO_EXPIRE || event == DO_EXHAUST || event == DO_STOP) /* too old; the cap was lowered */
        *to = DEAD;
    else if (event == DO_EXHAUST_HOLD || event == DO_RENEW)
        *to = PENDING;
    else if (event == DO_CANCEL)
        *to = CANCELLED;
    else
        return false;
    return true;
}

static bool next_of_claimed(enum model_event event, enum model_state *to)
{
    switch (event) {
    case DO_DELIVER:
        *to = DELIVERED;
        return true;
    case DO_SUBMIT:
        *to = AWAITING;
        return true;
    case DO_RETRY:        /* below the cap */
    case DO_EXHAUST_HOLD: /* at the cap, where policy keeps it */
    case DO_DEFER:
    case DO_RELEASE:
    case DO_RESEND: /* unknown, by O4 */
    case DO_POISON: /* the same once too many workers died of it */
    case DO_STEP:
        *to = PENDING;
        return true;
    case DO_EXHAUST:
    case DO_REFUSE:
    case DO_GIVE_UP:
    case DO_STOP:
        *to = DEAD;
        return true;
    case DO_SUSPECT:
        *to = UNCERTAIN;
        return true;
    default:
        return false;
    }
}

static bool next_of_uncertain(enum model_event event, enum model_state *to)
{
    if (event == DO_DELIVER)
        *to = DELIVERED;
    else if (event == DO_RETRY || event == DO_RESEND || event == DO_POISON)
        *to = PENDING;
    else if (event == DO_EXHAUST || event == DO_REFUSE || event == DO_GIVE_UP)
        *to = DEAD;
    else if (event == DO_CANCEL)
        *to = CANCELLED;
    else
        return false;
    return true;
}

bool model_next(enum model_state from, enum model_event event, enum model_state *to)
{
    switch (from) {
    case PENDING:
        return next_of_pending(event, to);
    case CLAIMED:
        return next_of_claimed(event, to);
    case AWAITING:
        *to = event == DO_DELIVER ? DELIVERED : event == DO_REFUSE ? DEAD : UNCERTAIN;
        return event == DO_DELIVER || event == DO_REFUSE || event == DO_SUSPECT;
    case UNCERTAIN:
        return next_of_uncertain(event, to);
    case DEAD:
        *to = event == DO_RENEW ? PENDING : CANCELLED;
        return event == DO_RENEW || event == DO_CANCEL;
    default:
        return false; /* delivered and cancelled are final */
    }
}

const char *model_mistake_text(enum model_mistake mistake)
{
    static const char *const texts[MISTAKES] = {"none",
                                                "the token is ignored",
                                                "the cap is one too high",
                                                "nobody is promoted",
                                                "a retry is due too late",
                                                "a dedupe key ignores content",
                                                "priority is reversed",
                                                "leases run on the wall clock",
                                                "ages run on the wall clock",
                                                "what is held ages",
                                                "keys are forgotten with their message",
                                                "a hold of a target is ignored",
                                                "block skips",
                                                "a lane beats its target",
                                                "half a transition stays",
                                                "a deferral keeps its attempt",
                                                "a dedupe key is forgotten",
                                                "a dedupe key is never forgotten",
                                                "an ordering key is ignored",
                                                "an attempt is not counted",
                                                "a successor goes last",
                                                "a replay ignores content",
                                                "an unknown outcome counts as failed",
                                                "a message is purged whose key leads to a successor",
                                                "a retry keeps its attempts",
                                                "a retry keeps its age",
                                                "a delivered message is moved when it is sent again",
                                                "what a lane accepts is ignored",
                                                "a key stays with what was replaced",
                                                "what was replaced is retried",
                                                "what comes too late counts as new",
                                                "one of a key goes at a time, whatever the policy",
                                                "a rate is ignored",
                                                "what was given back has passed",
                                                "a breaker that opens holds nothing",
                                                "a breaker never gives up",
                                                "a failure of before it opened is its trial",
                                                "a target that heals gets all that waits",
                                                "retries have no budget",
                                                "a probe counts as an attempt",
                                                "an unknown outcome is not asked for",
                                                "what did not happen is dead",
                                                "who handed it over may not report once others are asked",
                                                "a look that was lost ends the asking",
                                                "an outcome is asked for without end"};
    return texts[mistake];
}

/* ---- the whole ---- */

void model_init(struct model *model, enum model_mistake mistake)
{
    memset(model, 0, sizeof *model);
    model->mistake = mistake;
    model->boot_number = 1;
    for (size_t i = 0; i < MODEL_PROCESSES; i++)
        model->processes[i] = ++model->last_process;
}

void model_copy(struct model *to, const struct model *from)
{
    memcpy(to, from, offsetof(struct model, messages));
    memcpy(to->messages, from->messages, from->message_count * sizeof *from->messages);
    memcpy(to->bounds, from->bounds, from->bound_count * sizeof *from->bounds);
    memcpy(to->queues, from->queues, sizeof from->queues);
    memcpy(to->holds, from->holds, sizeof from->holds);
    memcpy(to->lanes, from->lanes, sizeof from->lanes);
    memcpy(to->targets, from->targets, sizeof from->targets);
    memcpy(to->flows, from->flows, sizeof from->flows);
    memcpy(to->attempts, from->attempts, from->attempt_count * sizeof *from->attempts);
    memcpy(to->tokens, from->tokens, from->token_count * sizeof *from->tokens);
    memcpy(to->records, from->records, from->record_count * sizeof *from->records);
}

struct model_message *model_message(struct model *model, uint64_t number)
{
    if (number == 0 || number > model->message_count || !model->messages[number - 1].exists)
        return NULL;
    return &model->messages[number - 1];
}

struct model_message *model_find_origin(struct model *model, int64_t op, int64_t index)
{
    for (size_t i = 0; op && i < model->message_count; i++)
        if (model->messages[i].origin_op == op && model->messages[i].origin_index == index)
            return &model->messages[i];
    return NULL;
}

static uint64_t number_of(const struct model *model, const struct model_message *message)
{
    return (uint64_t)(message - model->messages) + 1;
}

uint64_t model_head(const struct model *model, int64_t scope)
{
    uint64_t head = 0;
    for (size_t i = 0; i < model->record_count; i++)
        if (model->records[i].scope == scope)
            head = model->records[i].seq;
    return head;
}

const struct model_record *model_record_by_seq(const struct model *model, int64_t scope, uint64_t seq)
{
    for (size_t i = 0; i < model->record_count; i++)
        if (model->records[i].scope == scope && model->records[i].seq == seq)
            return &model->records[i];
    return NULL;
}

const struct model_record *model_record_by_id(const struct model *model, int64_t scope, const pawl_uuid *id)
{
    for (size_t i = 0; i < model->record_count; i++)
        if (model->records[i].scope == scope && memcmp(&model->records[i].request, id, sizeof *id) == 0)
            return &model->records[i];
    return NULL;
}

struct model_bound *model_bound(struct model *model, int64_t scope, int64_t lane, int64_t target, bool is_request,
                                int64_t key)
{
    for (size_t i = 0; i < model->bound_count; i++) {
        struct model_bound *bound = &model->bounds[i];
        if (bound->exists && bound->scope == scope && bound->lane == lane && bound->target == target &&
            bound->is_request == is_request && bound->key == key)
            return bound;
    }
    return NULL;
}

/* ---- policies: a target's key beats its lane's, which beats the default ---- */

static const struct {
    const char *text;
    int64_t value;
    const char *words[4];
} policy_keys[MODEL_POLICY_KEYS] = {
    [POLICY_max_attempts] = {"max_attempts", 40, {0}},
    [POLICY_backoff_ms] = {"backoff_ms", 1000, {0}},
    [POLICY_backoff_max_ms] = {"backoff_max_ms", 3600000, {0}},
    [POLICY_backoff_shape] = {"backoff_shape", 0, {"exponential", "quadratic", "fixed"}},
    [POLICY_backoff_offset] = {"backoff_offset", 0, {0}},
    [POLICY_jitter_percent] = {"jitter_percent", 20, {0}},
    [POLICY_lease_ms] = {"lease_ms", 30000, {0}},
    [POLICY_timeout_ms] = {"timeout_ms", 15000, {0}},
    [POLICY_age_limit_ms] = {"age_limit_ms", 604800000, {0}},
    [POLICY_concurrency] = {"concurrency", 32, {0}},
    [POLICY_key_concurrency] = {"key_concurrency", 1, {0}},
    [POLICY_lane_concurrency] = {"lane_concurrency", -1, {0}},
    [POLICY_rate] = {"rate", RATE_NONE, {"none", "2/1s", "1/10s", "5/1m"}},
    [POLICY_burst] = {"burst", -1, {0}},
    [POLICY_breaker] = {"breaker", BREAKER_OFF, {"off", "50%/2", "100%/3", "20%/1"}},
    [POLICY_breaker_open_ms] = {"breaker_open_ms", 30000, {0}},
    [POLICY_breaker_disable] = {"breaker_disable", 10, {0}},
    [POLICY_slow_start_ms] = {"slow_start_ms", 30000, {0}},
    [POLICY_retry_budget_percent] = {"retry_budget_percent", 20, {0}},
    [POLICY_unknown] = {"unknown", 0, {"resend", "hold"}},
    [POLICY_exhausted] = {"exhausted", 0, {"dead", "hold"}},
    [POLICY_key_dead] = {"key_dead", 0, {"skip", "block"}},
    [POLICY_key_release] = {"key_release", 0, {"ended", "submitted"}},
    [POLICY_keep_ms] = {"keep_ms", 0, {0}},
    [POLICY_dedupe_keep_ms] = {"dedupe_keep_ms", 2592000000, {0}},
    [POLICY_accept] = {"accept", 0, {"return", "bind", "rebind", "refuse"}},
    [POLICY_keep_delivered_ms] = {"keep_delivered_ms", -1, {0}},
    [POLICY_keep_dead_ms] = {"keep_dead_ms", -1, {0}},
    [POLICY_crash_limit] = {"crash_limit", 5, {0}},
    [POLICY_probe_backoff_ms] = {"probe_backoff_ms", 1000, {0}},
    [POLICY_probe_limit_ms] = {"probe_limit_ms", 86400000, {0}},
    [POLICY_poll_deadline_ms] = {"poll_deadline_ms", 86400000, {0}},
};

const char *model_policy_key_text(enum model_policy_key key)
{
    return policy_keys[key].text;
}

const char *model_policy_word(enum model_policy_key key, int64_t value)
{
    return value >= 0 && value < 4 ? policy_keys[key].words[value] : NULL;
}

int64_t model_policy_value(const struct model_policy *policy, enum model_policy_key key)
{
    return policy->is_set[key] ? policy->values[key] : policy_keys[key].value;
}

int64_t model_policy_of_queue(const struct model *model, int64_t scope, int64_t lane, int64_t target,
                              enum model_policy_key key)
{
    int64_t value = policy_keys[key].value;
    bool lane_says = false;
    for (size_t i = 0; i < model->lane_count; i++)
        if (model->lanes[i].scope == scope && model->lanes[i].name == lane && model->lanes[i].policy.is_set[key]) {
            value = model->lanes[i].policy.values[key];
            lane_says = true;
        }
    if (lane_says && model->mistake == MISTAKE_TARGET_LOSES_TO_LANE)
        return value;
    for (size_t i = 0; i < model->target_count; i++) {
        const struct model_target *found = &model->targets[i];
        if (found->exists && found->scope == scope && found->name == target && found->policy.is_set[key])
            value = found->policy.values[key];
    }
    return value;
}

int64_t model_policy_of(const struct model *model, const struct model_message *message, enum model_policy_key key)
{
    const struct model_content *content = &message->content;
    return model_policy_of_queue(model, content->scope, content->lane, content->target, key);
}

uint32_t model_cap(const struct model *model, const struct model_message *message)
{
    int64_t cap = message->max_attempts ? message->max_attempts : model_policy_of(model, message, POLICY_max_attempts);
    return (uint32_t)cap + (model->mistake == MISTAKE_CAP_OFF_BY_ONE);
}

/* A time that was reckoned, however far, is not never. */
int64_t model_after(int64_t from, int64_t ms)
{
    if (from == NEVER)
        return NEVER;
    return ms > 0 && from > NEVER - 1 - ms ? NEVER - 1 : from + ms;
}

static bool are_together(int64_t wall, int64_t boot)
{
    int64_t apart = wall > boot ? wall - boot : boot - wall;
    return apart <= 1000 + boot / 20;
}

static struct model_clock clock_now(const struct model *model)
{
    struct model_clock clock = model->clock;
    int64_t wall = model->wall - clock.wall, run = model->wall - clock.steady_wall, jump = 0;
    if (clock.was_seen && clock.boot_number != model->boot_number) {
        if (wall < 0 || wall > 366 * 86400000LL)
            jump = wall;
    } else if (clock.was_seen &&
               !(are_together(wall, model->boot - clock.boot) && are_together(run, model->boot - clock.steady_boot))) {
        jump = run - (model->boot - clock.steady_boot);
    }
    if (!clock.was_seen || clock.boot_number != model->boot_number || jump) {
        clock.steady_wall = model->wall;
        clock.steady_boot = model->boot;
    }
    clock.jumped = clock.jumped + jump > 0 ? clock.jumped + jump : 0;
    if (jump > 0)
        clock.jumped_to = model->wall;
    clock.was_seen = true;
    clock.wall = model->wall;
    clock.boot = model->boot;
    clock.boot_number = model->boot_number;
    return clock;
}

void model_see_clocks(struct model *model)
{
    model->clock = clock_now(model);
}

/* Whatever the wall clock did: never before `ms` went by since. */
int64_t model_end_of(const struct model *model, int64_t start, int64_t ms)
{
    if (model->mistake == MISTAKE_AGE_BY_WALL_CLOCK)
        return model_after(start, ms);
    struct model_clock clock = clock_now(model);
    if (start < clock.jumped_to)
        start = start + clock.jumped < clock.jumped_to ? start + clock.jumped : clock.jumped_to;
    if (start < clock.steady_wall && model->boot - clock.steady_boot < 3600000)
        start = clock.steady_wall;
    return model_after(start, ms);
}

bool model_holds(const struct model *model, const struct model_subject_hold *hold)
{
    return hold->exists && hold->until > model->wall && hold->until > hold->since;
}

int64_t model_held_for(const struct model *model, const struct model_subject_hold *hold)
{
    int64_t until = hold->until < model->wall ? hold->until : model->wall;
    return hold->before + (until > hold->since ? until - hold->since : 0);
}

static bool is_meant(const struct model_subject_hold *hold, int64_t scope, int64_t lane, int64_t target)
{
    return hold->exists && (hold->scope == 0 || (hold->scope == scope && (hold->lane == 0 || hold->lane == lane) &&
                                                 (hold->target == 0 || hold->target == target)));
}

/* What was held until then, by any code, and for how long. Of what was held later, who waited since `from` waited the end. */
static int64_t paused_by(const struct model *model, const struct model_message *message, int64_t from, bool of_lane,
                         bool of_target, bool of_store)
{
    const struct model_content *content = &message->content;
    int64_t length = 0, last = 0;
    for (size_t i = 0; i < model->hold_count; i++) {
        const struct model_subject_hold *hold = &model->holds[i];
        if (!is_meant(hold, content->scope, content->lane, content->target) || (hold->scope == 0) != of_store ||
            (hold->lane != 0) != of_lane || (hold->target != 0) != of_target)
            continue;
        int64_t until = hold->until < model->wall ? hold->until : model->wall;
        length += model_held_for(model, hold);
        last = until > last ? until : last;
    }
    return last <= from ? 0 : last - from < length ? last - from : length;
}

/* How much of the time since then its age does not count. */
int64_t model_paused_since(const struct model *model, const struct model_message *message, int64_t from)
{
    int64_t sum = paused_by(model, message, from, false, false, true) +
                  paused_by(model, message, from, true, false, false) +
                  paused_by(model, message, from, false, true, false) +
                  paused_by(model, message, from, true, true, false);
    if (sum == 0 || model->mistake == MISTAKE_PAUSE_AGES)
        return 0;
    return sum < model->wall - from ? sum : model->wall - from;
}

int64_t model_expiry(const struct model *model, const struct model_message *message)
{
    int64_t retried = model->mistake == MISTAKE_RETRY_KEEPS_AGE ? 0 : message->retried;
    int64_t from = message->created, age = message->expires - message->created;
    if (message->expires == NEVER) {
        from = message->available > from ? message->available : from;
        from = retried > from ? retried : from;
        age = model_policy_of(model, message, POLICY_age_limit_ms);
    }
    return model_after(model_end_of(model, from, age), model_paused_since(model, message, from));
}

int64_t model_bound_until(const struct model *model, const struct model_bound *bound)
{
    if (bound->until == NEVER)
        return NEVER;
    int64_t keep = model_policy_of(model, &model->messages[bound->first - 1], POLICY_dedupe_keep_ms);
    return model_end_of(model, bound->until - keep, keep);
}

/* The delay after attempt n, without jitter. */
int64_t model_backoff(const struct model *model, const struct model_message *message, enum model_policy_key of,
                      uint32_t n)
{
    int64_t base = model_policy_of(model, message, of);
    int64_t most = model_policy_of(model, message, POLICY_backoff_max_ms);
    int64_t delay = base;
    switch (model_policy_of(model, message, POLICY_backoff_shape)) {
    case 0: /* exponential: base · 2^(n - 1 + offset) */
        for (int64_t i = 0; i < n - 1 + model_policy_of(model, message, POLICY_backoff_offset) && delay <= most; i++)
            delay *= 2;
        break;
    case 1: /* quadratic: base · n² */
        delay = base * n * n;
        break;
    default:
        break;
    }
    return delay < most ? delay : most;
}

/* ---- looking at one ---- */

bool model_is_overdue(const struct model *model, const struct model_message *message)
{
    const struct model_content *content = &message->content;
    return message->exists && message->state == PENDING && message->hold == HOLD_NONE &&
           !model_is_held(model, content->scope, content->lane, content->target) &&
           model_expiry(model, message) <= model->wall;
}

bool model_is_ready(const struct model_message *message)
{
    return message->exists && message->state == PENDING && message->hold == HOLD_NONE &&
           (message->content.key == 0 || message->has_key);
}

bool model_is_lost(const struct model *model, const struct model_message *message)
{
    if (!message->exists || (message->state != CLAIMED && !message->is_looking))
        return false;
    if (model->mistake == MISTAKE_LEASE_ON_WALL_CLOCK ? message->lease_wall <= model->wall
                                                      : message->lease <= model->boot)
        return true;
    if (message->boot != model->boot_number)
        return true;                    /* a lease of an earlier boot is over */
    bool alive = message->process == 0; /* claimed by hand: the lease alone counts */
    for (size_t i = 0; i < MODEL_PROCESSES; i++)
        alive |= model->processes[i] == message->process;
    return !alive;
}

bool model_is_held(const struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    for (size_t i = 0; i < model->hold_count; i++) {
        const struct model_subject_hold *hold = &model->holds[i];
        bool meant = is_meant(hold, scope, lane, target);
        if (hold->target && !hold->lane && model->mistake == MISTAKE_HOLD_OF_TARGET_IGNORED)
            meant = false;
        if (meant && model_holds(model, hold))
            return true;
    }
    return false;
}

/* ---- lines: those that share an ordering key of a queue, so many at a time ---- */

static bool same_line(const struct model_message *a, const struct model_message *b)
{
    return a->content.key && a->content.scope == b->content.scope && a->content.lane == b->content.lane &&
           a->content.target == b->content.target && a->content.key == b->content.key;
}

static int64_t holders_of_key(const struct model *model, const struct model_message *of)
{
    int64_t count = 0;
    for (size_t i = 0; i < model->message_count; i++)
        count += model->messages[i].exists && model->messages[i].has_key && same_line(&model->messages[i], of);
    return count;
}

/* The next of a line: by line number; of two with one number (a successor and nobody else has that) the older. */
static struct model_message *next_in_line(struct model *model, const struct model_message *of)
{
    struct model_message *next = NULL;
    for (size_t i = 0; i < model->message_count; i++) {
        struct model_message *message = &model->messages[i];
        if (message->exists && message->in_line && !message->has_key && same_line(message, of) &&
            (!next || message->order < next->order))
            next = message;
    }
    return next;
}

/* Who comes to a line, or gives up his part of the key, lets the first ones have what is free. */
static void fill_line(struct model *model, const struct model_message *of)
{
    int64_t most = model->mistake == MISTAKE_ONE_OF_A_KEY ? 1 : model_policy_of(model, of, POLICY_key_concurrency);
    struct model_message *next;
    while (holders_of_key(model, of) < most && (next = next_in_line(model, of)) != NULL)
        next->has_key = true;
}

void model_leave_line(struct model *model, struct model_message *message)
{
    bool had_key = message->has_key;
    message->in_line = message->has_key = false;
    if (had_key && model->mistake != MISTAKE_NO_PROMOTION)
        fill_line(model, message);
}

void model_enter_line(struct model *model, struct model_message *message)
{
    if (message->content.key == 0 || message->in_line)
        return;
    message->in_line = true;
    fill_line(model, message);
}

/* ---- moves ---- */

static void move(struct model *model, struct model_message *message, enum model_event event)
{
    enum model_state to;
    if (!model_next(message->state, event, &to))
        abort(); /* whoever calls has looked */
    model_counts.edges[message->state][event]++;
    message->state = to;
    message->updated = model->wall;
    message->touched = true;
    message->hold = HOLD_NONE;
    message->until = NEVER;
    message->is_asked = message->is_looking = false;
    message->reporter = 0;
    if (to != CLAIMED) {
        message->consumer = CONSUMER_NONE;
        message->process = 0;
    }
    if (to != CLAIMED && to != AWAITING)
        message->token = 0;
}

void model_fail(struct model *model, struct model_message *message, enum model_class class, int64_t text)
{
    message->error = class;
    message->error_text = text;
    message->error_at = model->wall;
}

void model_note_attempt(struct model *model, struct model_message *message, const char *verdict, enum model_class class,
                        int64_t text)
{
    bool is_look = message->is_looking;
    message->looks += is_look;
    struct model_attempt attempt = {.number = number_of(model, message),
                                    .ordinal = message->earlier + message->attempts + message->looks,
                                    .n = is_look ? message->looks - message->looks_before : message->attempts,
                                    .phase = model_phase_text(message),
                                    .began = message->claimed_at,
                                    .ended = model->wall,
                                    .worker = message->consumer,
                                    .verdict = verdict,
                                    .error = class,
                                    .text = text};
    for (size_t i = 0; i < model->attempt_count; i++)
        if (model->attempts[i].number == attempt.number && model->attempts[i].ordinal == attempt.ordinal) {
            model->attempts[i] = attempt;
            return;
        }
    if (model->attempt_count == MODEL_ATTEMPTS)
        abort();
    model->attempts[model->attempt_count++] = attempt;
}

void model_pend(struct model *model, struct model_message *message, enum model_event event, int64_t due)
{
    move(model, message, event);
    message->due = message->due_least = due;
    message->due_is_own = false;
    model_enter_line(model, message);
}

void model_hold_apart(struct model *model, struct model_message *message, enum model_event event, enum model_hold hold,
                      int64_t until)
{
    move(model, message, event);
    message->hold = hold;
    message->until = until;
    message->looks_before = message->looks;
    if (message->state == AWAITING && model_policy_of(model, message, POLICY_key_release) == 1)
        model_leave_line(model, message);
}

void model_ask(struct model *model, struct model_message *message, enum model_event event, int64_t due, int64_t until)
{
    uint64_t token = message->token;
    model_hold_apart(model, message, event, HOLD_NONE, until);
    message->is_asked = true;
    message->due = message->due_least = due;
    message->due_is_own = false;
    message->token = 0;
    message->reporter = message->state == AWAITING && model->mistake != MISTAKE_REPORTER_FORGOTTEN ? token : 0;
}

void model_end(struct model *model, struct model_message *message, enum model_event event, enum model_reason reason,
               int64_t by)
{
    move(model, message, event);
    message->ended_at = model->wall;
    message->reason = reason;
    message->by = by;
    bool blocks = message->state == DEAD && message->has_key && model_policy_of(model, message, POLICY_key_dead) == 1 &&
                  model->mistake != MISTAKE_BLOCK_SKIPS;
    if (!blocks)
        model_leave_line(model, message);
}

void model_expire(struct model *model, struct model_message *message)
{
    model_fail(model, message, CLASS_EXPIRED, ERROR_OWN);
    model_end(model, message, DO_EXPIRE, REASON_EXPIRED, BY_PAWL);
}

/* An outcome that nobody knows, and nobody can be asked for: O4. */
enum model_event model_event_of_unasked(const struct model *model, const struct model_message *message)
{
    if (model_policy_of(model, message, POLICY_unknown) == 1) /* until a person decides */
        return DO_SUSPECT;
    if (message->attempts >= model_cap(model, message))
        return DO_GIVE_UP;
    return message->crashes >= model_policy_of(model, message, POLICY_crash_limit) ? DO_POISON : DO_RESEND;
}

enum model_event model_event_of_unknown(const struct model *model, const struct model_message *message)
{
    return model_can_ask(model, message, true) ? DO_SUSPECT : model_event_of_unasked(model, message);
}

void model_lose(struct model *model, struct model_message *message)
{
    if (message->is_looking) { /* nothing was sent: somebody else looks */
        model_note_attempt(model, message, "lost", CLASS_UNKNOWN, ERROR_OWN);
        model_look_again(model, message, model->wall);
        message->is_asked = model->mistake != MISTAKE_LOST_LOOK_IS_OVER;
        return;
    }
    int64_t by = BY_CONSUMER(message->consumer);
    message->crashes += message->process != 0; /* who claims by hand did not die of it */
    enum model_event event = model_event_of_unknown(model, message);
    model_fail(model, message, model->mistake == MISTAKE_UNKNOWN_IS_FAILED ? CLASS_TRANSIENT : CLASS_UNKNOWN,
               ERROR_OWN);
    model_note_attempt(model, message, "lost", CLASS_UNKNOWN, ERROR_OWN);
    if (event == DO_GIVE_UP)
        model_end(model, message, event, REASON_GAVE_UP, by);
    else if (event == DO_RESEND)
        model_pend(model, message, event, model->wall); /* at once after a lost claim */
    else if (event == DO_POISON)
        model_hold_apart(model, message, event, HOLD_CRASHES, NEVER);
    else
        model_suspect(model, message);
}

void model_take(struct model *model, struct model_message *message, int64_t consumer, int64_t lease, uint64_t process,
                uint64_t token)
{
    int64_t lease_ms = lease ? lease : model_policy_of(model, message, POLICY_lease_ms);
    move(model, message, DO_CLAIM);
    message->attempts += model->mistake != MISTAKE_ATTEMPT_NOT_COUNTED;
    message->consumer = consumer;
    message->claimed_at = model->wall;
    message->lease = model_after(model->boot, lease_ms);
    message->lease_wall = model_after(model->wall, lease_ms);
    message->boot = model->boot_number;
    message->process = process;
    message->token = token;
    if (model->token_count == MODEL_TOKENS)
        abort();
    model->tokens[model->token_count++] = (struct model_token){
        .number = number_of(model, message), .token = token, .op = model->op};
}

void model_settle_lost(struct model *model)
{
    for (size_t i = 0; i < model->message_count; i++)
        if (model_is_lost(model, &model->messages[i]))
            model_lose(model, &model->messages[i]);
}
