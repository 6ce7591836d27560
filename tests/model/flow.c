/* SPDX-License-Identifier: MIT */
/* The model's limits of lanes and targets: caps, rates, breakers, and the turns of retries. */
#include "model.h"

#include <stdlib.h>

#define NS_A_MS     INT64_C(1000000)
#define NS_A_SECOND (1000 * NS_A_MS)
#define SPAN        1000 /* seconds that what is normal is told for */

static int64_t now_ns(const struct model *model)
{
    return model->boot * NS_A_MS;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- what was told ---- */

/* Times of another boot are none, and what healed then has healed. */
static void wake(const struct model *model, struct model_flow *flow)
{
    if (flow->boot_number == model->boot_number)
        return;
    flow->boot_number = model->boot_number;
    flow->rate_next = flow->pace_next = flow->retry_next = flow->healed = 0;
    flow->sent = flow->since = 0;
    if (flow->breaker == FLOW_HEALING)
        flow->breaker = FLOW_CLOSED;
}

static struct model_flow *flow_of(struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    size_t at = 0;
    while (at < model->flow_count &&
           (model->flows[at].scope != scope || model->flows[at].lane != lane || model->flows[at].target != target))
        at++;
    if (at == sizeof model->flows / sizeof *model->flows)
        abort();
    if (at == model->flow_count)
        model->flows[model->flow_count++] = (struct model_flow){.scope = scope, .lane = lane, .target = target};
    wake(model, &model->flows[at]);
    return &model->flows[at];
}

/* ---- policies: a rate limits whom it was set on ---- */

static const struct model_policy *policy_on(const struct model *model, int64_t scope, int64_t name, bool is_lane)
{
    for (size_t i = 0; is_lane && i < model->lane_count; i++)
        if (model->lanes[i].scope == scope && model->lanes[i].name == name)
            return &model->lanes[i].policy;
    for (size_t i = 0; !is_lane && i < model->target_count; i++)
        if (model->targets[i].exists && model->targets[i].scope == scope && model->targets[i].name == name)
            return &model->targets[i].policy;
    return NULL;
}

struct rate {
    int64_t interval, burst; /* nanoseconds between two; interval 0: there is none */
};

static struct rate rate_on(const struct model *model, int64_t scope, int64_t name, bool is_lane)
{
    static const struct {
        int64_t count, period_ms;
    } rates[] = {[RATE_NONE] = {0, 0},
                 [RATE_2_A_SECOND] = {2, 1000},
                 [RATE_1_IN_10_S] = {1, 10000},
                 [RATE_5_A_MINUTE] = {5, 60000}};
    const struct model_policy *policy = policy_on(model, scope, name, is_lane);
    int64_t word = policy && policy->is_set[POLICY_rate] ? policy->values[POLICY_rate] : RATE_NONE;
    if (word == RATE_NONE)
        return (struct rate){0, 0};
    bool has_burst = policy->is_set[POLICY_burst];
    return (struct rate){rates[word].period_ms * NS_A_MS / rates[word].count,
                         has_burst ? policy->values[POLICY_burst] : rates[word].count};
}

static bool is_set_for(const struct model *model, int64_t scope, int64_t lane, int64_t target,
                       enum model_policy_key key)
{
    const struct model_policy *of_lane = policy_on(model, scope, lane, true),
                              *of_target = policy_on(model, scope, target, false);
    return (of_lane && of_lane->is_set[key]) || (of_target && of_target->is_set[key]);
}

struct portion {
    int64_t percent, least;
};

static struct portion breaker_of(const struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    static const struct portion portions[] = {[BREAKER_OFF] = {0, 0},
                                              [BREAKER_HALF_OF_2] = {50, 2},
                                              [BREAKER_ALL_OF_3] = {100, 3},
                                              [BREAKER_FIFTH_OF_1] = {20, 1}};
    return portions[model_policy_of_queue(model, scope, lane, target, POLICY_breaker)];
}

static bool breaks(const struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    return breaker_of(model, scope, lane, target).percent > 0;
}

/* ---- how many may be claimed ---- */

static size_t in_flight(const struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    size_t count = 0;
    for (size_t i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        bool is_meant = (!lane || message->content.lane == lane) && (!target || message->content.target == target);
        count += message->exists && message->state == CLAIMED && message->content.scope == scope && is_meant;
    }
    return count;
}

/* Over all who claim. What is there by default limits nobody who claims by hand. */
size_t model_cap_room(const struct model *model, int64_t scope, int64_t lane, int64_t target, bool is_lane,
                      bool by_hand)
{
    enum model_policy_key key = is_lane ? POLICY_lane_concurrency : POLICY_concurrency;
    if (!is_set_for(model, scope, lane, target, key) && (is_lane || by_hand))
        return SIZE_MAX;
    size_t most = (size_t)model_policy_of_queue(model, scope, lane, target, key),
           sends = in_flight(model, scope, is_lane ? lane : 0, is_lane ? 0 : target);
    return most > sends ? most - sends : 0;
}

/* One after the other, as long as the burst has room for one more. */
static size_t passing(int64_t next, int64_t interval, int64_t burst, int64_t now)
{
    size_t count = 0;
    for (next = later(next, now); next + interval - now <= burst * interval && count < 100; next += interval)
        count++;
    return count;
}

size_t model_rate_room(struct model *model, int64_t scope, int64_t lane, int64_t target, bool is_lane)
{
    struct rate rate = rate_on(model, scope, is_lane ? lane : target, is_lane);
    if (rate.interval == 0 || model->mistake == MISTAKE_RATE_IGNORED)
        return SIZE_MAX;
    const struct model_flow *flow = flow_of(model, scope, is_lane ? lane : 0, is_lane ? 0 : target);
    return passing(flow->rate_next, rate.interval, rate.burst, now_ns(model));
}

/* While it heals no more than twice what is normal comes in the first minute, four times in the second, and so on. */
static int64_t pace_of(const struct model *model, const struct model_flow *flow)
{
    int64_t times = 2;
    for (int64_t since = now_ns(model) - flow->healed; since >= 60 * NS_A_SECOND; since -= 60 * NS_A_SECOND)
        if ((times *= 2) > 1 << 16)
            return 0;
    if (flow->normal == 0)
        return 0;
    return later(SPAN * NS_A_SECOND / flow->normal / times, 1);
}

size_t model_breaker_room(struct model *model, int64_t scope, int64_t lane, int64_t target)
{
    if (!breaks(model, scope, lane, target) || model->mistake == MISTAKE_NO_SLOW_START)
        return SIZE_MAX;
    const struct model_flow *flow = flow_of(model, scope, 0, target);
    size_t sends = in_flight(model, scope, 0, target), most = 1;
    if (flow->breaker == FLOW_CLOSED)
        return SIZE_MAX;
    if (flow->breaker == FLOW_HEALING) {
        int64_t slow = model_policy_of_queue(model, scope, lane, target, POLICY_slow_start_ms),
                all = model_policy_of_queue(model, scope, lane, target, POLICY_concurrency),
                passed = (now_ns(model) - flow->healed) / NS_A_MS;
        most = passed >= slow ? SIZE_MAX : (size_t)(1 + (all - 1) * passed / slow);
    }
    size_t room = most > sends ? most - sends : 0;
    int64_t interval = flow->breaker == FLOW_HEALING ? pace_of(model, flow) : 0;
    if (interval == 0)
        return room;
    size_t paced = passing(flow->pace_next, interval, 1 + NS_A_SECOND / 10 / interval, now_ns(model));
    return paced < room ? paced : room;
}

size_t model_room(struct model *model, int64_t scope, int64_t lane, int64_t target, bool by_hand)
{
    const size_t rooms[] = {
        model_cap_room(model, scope, lane, target, true, by_hand),
        model_cap_room(model, scope, lane, target, false, by_hand), model_rate_room(model, scope, lane, target, true),
        model_rate_room(model, scope, lane, target, false), model_breaker_room(model, scope, lane, target)};
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        least = rooms[i] < least ? rooms[i] : least;
    return least;
}

/* ---- what happens ---- */

void model_flow_took(struct model *model, int64_t scope, int64_t lane, int64_t target, size_t count)
{
    for (int is_lane = 1; count > 0 && is_lane >= 0; is_lane--) {
        struct rate rate = rate_on(model, scope, is_lane ? lane : target, is_lane);
        bool watches = !is_lane && breaks(model, scope, lane, target);
        if (rate.interval == 0 && !watches)
            continue;
        struct model_flow *flow = flow_of(model, scope, is_lane ? lane : 0, is_lane ? 0 : target);
        if (rate.interval)
            flow->rate_next = later(flow->rate_next, now_ns(model)) + rate.interval * (int64_t)count;
        int64_t pace = flow->breaker == FLOW_HEALING ? pace_of(model, flow) : 0;
        if (pace)
            flow->pace_next = later(flow->pace_next, now_ns(model)) + pace * (int64_t)count;
    }
}

/* What nothing was sent of did not pass. */
static void give_back(struct model *model, const struct model_content *content)
{
    for (int is_lane = 1; is_lane >= 0; is_lane--) {
        struct rate rate = rate_on(model, content->scope, is_lane ? content->lane : content->target, is_lane);
        if (rate.interval == 0 || model->mistake == MISTAKE_RATE_NOT_GIVEN_BACK)
            continue;
        struct model_flow *flow = flow_of(model, content->scope, is_lane ? content->lane : 0,
                                          is_lane ? 0 : content->target);
        flow->rate_next = later(flow->rate_next - rate.interval, 0);
    }
}

static void open_breaker(struct model *model, struct model_flow *flow, const struct model_message *message)
{
    bool is_last = flow->opened >= model_policy_of(model, message, POLICY_breaker_disable) &&
                   model->mistake != MISTAKE_BREAKER_NEVER_GIVES_UP;
    flow->breaker = FLOW_OPEN;
    flow->opened++;
    flow->calls = flow->failures = 0;
    flow->until = is_last ? NEVER : model_after(model->wall, model_policy_of(model, message, POLICY_breaker_open_ms));
    if (model->mistake == MISTAKE_BREAKER_HOLDS_NOTHING)
        return;
    model_put_hold(model, &(struct model_subject_hold){.scope = flow->scope,
                                                       .target = flow->target,
                                                       .code = pool_find(POOL_CODE, "breaker"),
                                                       .reason = flow->opened,
                                                       .actor = BY_PAWL,
                                                       .until = flow->until});
}

/* What is normal: successes over ten seconds at least, the latest counting a quarter. */
static void learn_normal(const struct model *model, struct model_flow *flow)
{
    int64_t length = now_ns(model) - flow->since;
    flow->sent++;
    if (flow->since == 0) {
        flow->since = now_ns(model);
    } else if (length >= 10 * NS_A_SECOND) {
        int64_t seen = (int64_t)((__int128)flow->sent * SPAN * NS_A_SECOND / length);
        flow->normal = flow->normal ? (3 * flow->normal + seen) / 4 : seen;
        flow->normal = later(flow->normal, 1);
        flow->since = now_ns(model);
        flow->sent = 0;
    }
}

/* A trial is what was begun after the breaker opened. A failure of before says nothing; a success of whenever heals. */
static void end_trial(struct model *model, struct model_flow *flow, const struct model_message *message, bool failed)
{
    bool is_of_before = message->claimed_at < flow->until && flow->until != NEVER;
    if (failed && is_of_before && model->mistake != MISTAKE_OLD_FAILURE_IS_A_TRIAL)
        return;
    if (failed) {
        open_breaker(model, flow, message);
        return;
    }
    flow->breaker = FLOW_HEALING;
    flow->calls = flow->failures = 0;
    flow->healed = flow->pace_next = now_ns(model);
}

static void end_call(struct model *model, const struct model_message *message, bool failed)
{
    const struct model_content *content = &message->content;
    struct portion limit = breaker_of(model, content->scope, content->lane, content->target);
    struct model_flow *flow = flow_of(model, content->scope, 0, content->target);
    if (flow->breaker == FLOW_HEALING && now_ns(model) - flow->healed >= 600 * NS_A_SECOND) {
        flow->breaker = FLOW_CLOSED;
        flow->opened = flow->since = 0;
    }
    if (flow->breaker == FLOW_OPEN) {
        end_trial(model, flow, message, failed);
        return;
    }
    if (flow->breaker == FLOW_CLOSED && !failed)
        learn_normal(model, flow);
    flow->calls++;
    flow->failures += failed;
    if (flow->calls >= limit.least && flow->failures * 100 >= limit.percent * flow->calls) {
        open_breaker(model, flow, message);
    } else if (flow->calls >= 2 * limit.least) {
        flow->calls /= 2;
        flow->failures /= 2;
    }
}

void model_flow_ended(struct model *model, const struct model_message *message, enum model_event event)
{
    const struct model_content *content = &message->content;
    if (event == DO_DEFER || event == DO_RELEASE)
        give_back(model, content);
    else if (breaks(model, content->scope, content->lane, content->target))
        end_call(model, message, event != DO_DELIVER && event != DO_SUBMIT && event != DO_REFUSE);
}

int64_t model_flow_turn(struct model *model, const struct model_message *message, int64_t due)
{
    const struct model_content *content = &message->content;
    if (!breaks(model, content->scope, content->lane, content->target) || model->mistake == MISTAKE_NO_RETRY_BUDGET)
        return due;
    struct model_flow *flow = flow_of(model, content->scope, 0, content->target);
    if (flow->normal == 0)
        return due;
    int64_t retries = flow->normal * model_policy_of(model, message, POLICY_retry_budget_percent) / 100,
            most = model_policy_of(model, message, POLICY_backoff_max_ms);
    flow->retry_next = later(flow->retry_next, now_ns(model)) + SPAN * NS_A_SECOND / later(retries, SPAN);
    int64_t wait = (flow->retry_next - now_ns(model)) / NS_A_MS;
    return later(due, model_after(model->wall, wait < most ? wait : most));
}
