/* SPDX-License-Identifier: MIT */
#include "model/decide.h"

static const char *const verdicts[VERDICT_COUNT] = {"delivered", "retry",    "dead",      "uncertain",
                                                    "deferred",  "released", "submitted", "extend"};

static const char *const results[SETTLED_COUNT] = {"delivered", "requeued", "dead",     "uncertain", "awaiting",
                                                   "deferred",  "released", "extended", "lost"};

const char *pawli_verdict_text(enum verdict verdict)
{
    PAWL_ASSERT(verdict < VERDICT_COUNT);
    return verdicts[verdict];
}

bool pawli_verdict_parse(struct text text, enum verdict *verdict)
{
    for (*verdict = 0; *verdict < VERDICT_COUNT; (*verdict)++)
        if (text_is(text, verdicts[*verdict]))
            return true;
    return false;
}

const char *pawli_settle_result_text(enum settle_result result)
{
    PAWL_ASSERT(result < SETTLED_COUNT);
    return results[result];
}

static bool is_poison(const struct trial *trial, const struct policy *policy)
{
    return trial->crashes >= policy_get(policy, POLICY_CRASH_LIMIT);
}

enum task_event pawli_event_of_unasked(const struct trial *trial, const struct policy *policy)
{
    if (policy_get(policy, POLICY_UNKNOWN) == UNKNOWN_HOLD)
        return EVENT_COUNT;
    if (trial->attempts >= trial->cap)
        return EVENT_GIVE_UP;
    return is_poison(trial, policy) ? EVENT_POISON : EVENT_RESEND;
}

enum task_event pawli_event_of_unknown(const struct trial *trial, const struct policy *policy)
{
    enum task_event event = trial->can_ask ? EVENT_COUNT : pawli_event_of_unasked(trial, policy);
    return event == EVENT_COUNT ? EVENT_SUSPECT : event;
}

enum task_event pawli_event_of_nothing(const struct trial *trial, const struct policy *policy)
{
    if (trial->attempts >= trial->cap)
        return EVENT_EXHAUST;
    return is_poison(trial, policy) ? EVENT_POISON : EVENT_RETRY;
}

enum task_event pawli_event_of(enum verdict verdict, const struct trial *trial, const struct policy *policy)
{
    switch (verdict) {
    case VERDICT_DELIVERED:
        return EVENT_DELIVER;
    case VERDICT_DEAD:
        return EVENT_REFUSE;
    case VERDICT_UNCERTAIN:
        return pawli_event_of_unknown(trial, policy);
    case VERDICT_DEFERRED:
        return EVENT_DEFER;
    case VERDICT_RELEASED:
        return EVENT_RELEASE;
    case VERDICT_SUBMITTED:
        return EVENT_SUBMIT;
    case VERDICT_RETRY:
    case VERDICT_EXTEND:
    case VERDICT_COUNT:
        break;
    }
    PAWL_ASSERT(verdict == VERDICT_RETRY);
    return trial->attempts < trial->cap ? EVENT_RETRY : pawli_event_of_exhausted(policy);
}

bool pawli_may_have_lost(const struct queue_row *queue, const struct store_row *store, const pawl_uuid *boot_id,
                         struct boot_time now)
{
    const uint64_t *counts = queue->counts;
    if (counts[STATE_CLAIMED] + counts[STATE_AWAITING] + counts[STATE_UNCERTAIN] == 0)
        return false;
    return queue->looks != store->looks || !uuid_equal(&store->boot_id, boot_id) || !boot_before(now, queue->lease);
}

enum task_event pawli_event_of_exhausted(const struct policy *policy)
{
    return policy_get(policy, POLICY_EXHAUSTED) == EXHAUSTED_HOLD ? EVENT_EXHAUST_HOLD : EVENT_EXHAUST;
}

enum settle_result pawli_result_of(enum task_event event)
{
    static const enum settle_result of[EVENT_COUNT] = {
        [EVENT_DELIVER] = SETTLED_DELIVERED,     [EVENT_SUBMIT] = SETTLED_AWAITING,
        [EVENT_RETRY] = SETTLED_REQUEUED,        [EVENT_EXHAUST] = SETTLED_DEAD,
        [EVENT_EXHAUST_HOLD] = SETTLED_REQUEUED, [EVENT_REFUSE] = SETTLED_DEAD,
        [EVENT_DEFER] = SETTLED_DEFERRED,        [EVENT_RELEASE] = SETTLED_RELEASED,
        [EVENT_RESEND] = SETTLED_REQUEUED,       [EVENT_GIVE_UP] = SETTLED_DEAD,
        [EVENT_SUSPECT] = SETTLED_UNCERTAIN,     [EVENT_POISON] = SETTLED_REQUEUED};
    return of[event];
}

uint32_t pawli_cap_of(const struct task_body *body, const struct policy *policy)
{
    return body->max_attempts ? body->max_attempts : (uint32_t)policy_get(policy, POLICY_MAX_ATTEMPTS);
}

#define SLACK_MS  1000               /* the clocks are not read at one moment */
#define STEADY_MS 3600000            /* a clock that ran so long without a jump is believed */
#define OFF_MS    (366 * 86400000LL) /* no machine is off for longer: its clock was wrong */

static int64_t between(int64_t from, int64_t to)
{
    return add_saturating(to, from == INT64_MIN ? INT64_MAX : -from);
}

static bool runs_with(int64_t wall_ms, int64_t boot_ms)
{
    int64_t apart = between(boot_ms, wall_ms), most = boot_ms / 20 + SLACK_MS;
    return apart >= -most && apart <= most;
}

static struct wall_time later(struct wall_time a, struct wall_time b)
{
    return a.ms > b.ms ? a : b;
}

/* By how much the wall clock jumped since the last commit; 0: it did not. */
static int64_t jump_of(const struct clock *last, bool same_boot, struct wall_time wall, struct boot_time boot)
{
    int64_t step = between(last->wall.ms, wall.ms), total = between(last->steady.ms, wall.ms);
    if (!same_boot) /* nobody knows how long the machine was off */
        return step < 0 || step > OFF_MS ? step : 0;
    int64_t total_boot = between(last->steady_boot.ns, boot.ns) / 1000000;
    bool steady = runs_with(step, between(last->boot.ns, boot.ns) / 1000000) && runs_with(total, total_boot);
    return steady ? 0 : between(total_boot, total);
}

struct clock pawli_clock_at(const struct store_row *last, const pawl_uuid *boot_id, struct wall_time wall,
                            struct boot_time boot)
{
    struct clock clock = last->clock;
    bool is_first = clock.wall.ms == 0, same_boot = uuid_equal(&last->boot_id, boot_id);
    int64_t jump = is_first ? 0 : jump_of(&clock, same_boot, wall, boot);
    if (is_first || !same_boot || jump) {
        clock.steady = wall;
        clock.steady_boot = boot;
    }
    /* A jump back makes up for one ahead, but not beforehand: what begins after it looks too old after the next. */
    int64_t leapt = add_saturating(clock.leapt_ms, jump);
    clock.leapt_ms = leapt > 0 ? leapt : 0;
    if (jump > 0)
        clock.floor = wall;
    if (wall.ms < clock.wall.ms) {
        clock.ahead = later(clock.ahead, clock.wall);
        clock.backs++;
    }
    clock.wall = wall;
    clock.boot = boot;
    return clock;
}

static bool is_steady(const struct clock *clock)
{
    return between(clock->steady_boot.ns, clock->boot.ns) / 1000000 >= STEADY_MS;
}

struct wall_time pawli_end_of(const struct clock *clock, struct wall_time start, int64_t length_ms)
{
    struct wall_time moved = wall_after_ms(start, clock->leapt_ms);
    if (start.ms < clock->floor.ms)
        start = moved.ms < clock->floor.ms ? moved : clock->floor;
    if (start.ms < clock->steady.ms && !is_steady(clock))
        start = clock->steady;
    return wall_after_ms(start, length_ms);
}

static struct wall_time earlier(struct wall_time a, struct wall_time b)
{
    return a.ms < b.ms ? a : b;
}

int64_t pawli_held_ms(const struct hold_row *hold, struct wall_time now)
{
    int64_t length = between(hold->since.ms, earlier(hold->until, now).ms);
    return add_saturating(hold->before_ms, length > 0 ? length : 0);
}

void pawli_paused_add(struct paused *paused, const struct hold_row *hold, struct wall_time now)
{
    struct pause *pause = &paused->of[hold->kind];
    struct wall_time until = hold_is_on(hold, now) ? hold->until : earlier(hold->until, now);
    if (until.ms > pause->until.ms)
        pause->until = until;
    pause->length_ms = add_saturating(pause->length_ms, pawli_held_ms(hold, now));
}

struct wall_time pawli_paused_until(const struct paused *paused)
{
    struct wall_time until = {0};
    for (size_t i = 0; i < COUNT_OF(paused->of); i++)
        if (paused->of[i].until.ms > until.ms)
            until = paused->of[i].until;
    return until;
}

/* How much of the time since `start` it was paused: no more than that time. */
static int64_t paused_since(const struct paused *paused, struct wall_time start, struct wall_time now)
{
    int64_t sum = 0, passed = between(start.ms, now.ms);
    for (size_t i = 0; i < COUNT_OF(paused->of); i++) {
        int64_t length = between(start.ms, earlier(paused->of[i].until, now).ms), most = paused->of[i].length_ms;
        if (length > 0)
            sum = add_saturating(sum, length < most ? length : most);
    }
    return sum < passed || sum == 0 ? sum : passed;
}

struct wall_time pawli_put_off(const struct paused *paused, struct wall_time start, struct wall_time end,
                               struct wall_time now)
{
    return pawli_paused_until(paused).ms > now.ms ? WALL_NEVER : wall_after_ms(end, paused_since(paused, start, now));
}

struct wall_time pawli_expiry_of(const struct clock *clock, const struct task_body *body, struct wall_time retried,
                                 const struct policy *policy, const struct paused *paused)
{
    struct wall_time start = body->created;
    int64_t length = policy_get(policy, POLICY_AGE_LIMIT_MS);
    if (body->expires.ms != INT64_MAX)
        length = between(start.ms, body->expires.ms);
    else if (start.ms < body->available.ms || start.ms < retried.ms)
        start = body->available.ms > retried.ms ? body->available : retried;
    return wall_after_ms(pawli_end_of(clock, start, length), paused_since(paused, start, clock->wall));
}

struct wall_time pawli_gone_of(const struct clock *clock, const struct task_body *body, struct wall_time retried,
                               struct wall_time removed, const struct policy *policy)
{
    struct wall_time start = pawli_age_begins(body, retried);
    if (removed.ms == INT64_MAX)
        return WALL_NEVER;
    return pawli_end_of(clock, start.ms > removed.ms ? start : removed, policy_get(policy, POLICY_GONE_MS));
}

/* Not after the end of anything that began at `start`, and never earlier for a later start: of the pauses the longest alone
 * is that, and only beside an age that no clock moved. */
static bool may_be_over(const struct clock *clock, struct wall_time start, int64_t length, const struct paused *paused)
{
    int64_t most = 0;
    for (size_t i = 0; i < COUNT_OF(paused->of); i++) {
        int64_t since = between(start.ms, earlier(paused->of[i].until, clock->wall).ms), all = paused->of[i].length_ms;
        since = since < all ? since : all;
        most = since > most ? since : most;
    }
    return pawli_end_of(clock, start, length).ms <= clock->wall.ms &&
           add_saturating(wall_after_ms(start, length).ms, most) <= clock->wall.ms;
}

struct wall_time pawli_oldest_start(const struct clock *clock, int64_t length_ms, const struct paused *paused)
{
    int64_t old = -1, young = clock->wall.ms < INT64_MAX ? clock->wall.ms + 1 : INT64_MAX;
    if (pawli_paused_until(paused).ms > clock->wall.ms)
        return (struct wall_time){old};
    while (young - old > 1) {
        int64_t middle = old + (young - old) / 2;
        if (may_be_over(clock, (struct wall_time){middle}, length_ms, paused))
            old = middle;
        else
            young = middle;
    }
    return (struct wall_time){old};
}

struct wall_time pawli_age_begins(const struct task_body *body, struct wall_time retried)
{
    return later(later(body->created, body->available), retried);
}

bool pawli_is_misdated(const struct clock *clock, const struct task_body *body, const struct task_row *task)
{
    bool is_own = is_due_first(task) || (body->available.ms < body->created.ms && task->due.ms == body->available.ms);
    bool is_asked = is_own && body->available.ms != body->created.ms;
    return !is_asked && task->updated.ms > clock->wall.ms;
}

/* ---- keys again ---- */

enum accepted pawli_accept(enum accept rule, enum state state, bool match)
{
    enum bound_to { UNFINISHED, DELIVERED, GIVEN_UP, BOUND_TO_COUNT };
    static const enum accepted rules[ACCEPT_COUNT][BOUND_TO_COUNT][2] = {
        /* other content, the same */
        [ACCEPT_RETURN] = {[UNFINISHED] = {ACCEPTED_CONFLICT, ACCEPTED_STORED},
                           [DELIVERED] = {ACCEPTED_CONFLICT, ACCEPTED_STORED},
                           [GIVEN_UP] = {ACCEPTED_CONFLICT, ACCEPTED_STORED}},
        [ACCEPT_BIND] = {[UNFINISHED] = {ACCEPTED_CONFLICT, ACCEPTED_STORED},
                         [DELIVERED] = {ACCEPTED_CONFLICT, ACCEPTED_STORED},
                         [GIVEN_UP] = {ACCEPTED_CONFLICT, ACCEPTED_CONFLICT}},
        [ACCEPT_REBIND] = {[UNFINISHED] = {ACCEPTED_CONFLICT, ACCEPTED_STORED},
                           [DELIVERED] = {ACCEPTED_CONFLICT, ACCEPTED_STORED},
                           [GIVEN_UP] = {ACCEPTED_NEW, ACCEPTED_NEW}},
        [ACCEPT_REFUSE] = {[UNFINISHED] = {ACCEPTED_CONFLICT, ACCEPTED_CONFLICT},
                           [DELIVERED] = {ACCEPTED_NEW, ACCEPTED_NEW},
                           [GIVEN_UP] = {ACCEPTED_NEW, ACCEPTED_NEW}},
    };
    bool is_open = pawli_state_kind(state) == STATE_KIND_OPEN;
    return rules[rule][is_open ? UNFINISHED : state == STATE_DELIVERED ? DELIVERED : GIVEN_UP][match];
}

/* ---- who lives ---- */

static bool is_among(uint64_t committer, const struct committer_row *alive, size_t alive_count)
{
    for (size_t i = 0; i < alive_count; i++)
        if (alive[i].id == committer)
            return true;
    return false;
}

bool pawli_claim_lost(const struct task_row *task, const struct store_row *store, struct boot_time now,
                      const pawl_uuid *boot_id, const struct committer_row *alive, size_t alive_count)
{
    if (task->boot != store->boot || !uuid_equal(boot_id, &store->boot_id) || task->lease.ns <= now.ns)
        return true;
    return task->committer != 0 && !is_among(task->committer, alive, alive_count); /* by hand: the lease alone counts */
}

bool pawli_worker_alive(const struct worker_row *worker, const struct committer_row *alive, size_t alive_count)
{
    return worker->stopped.ms == INT64_MAX && is_among(worker->committer, alive, alive_count);
}

bool pawli_waits_for_sender(const struct task_row *row)
{
    struct text text = row->failure.text;
    size_t size = strlen(SENDER_NOT_READY);
    return row->place == PLACE_READY && row->phase == PHASE_SEND && row->sender.data && text.size >= size &&
           memcmp(text.data, SENDER_NOT_READY, size) == 0;
}
