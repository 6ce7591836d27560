/* SPDX-License-Identifier: MIT */
#include "model/flow.h"

#define NS_A_SECOND   INT64_C(1000000000)
#define MEASURE_NS    (10 * NS_A_SECOND) /* what is normal is learned over so long */
#define NORMAL_SPAN   1000               /* seconds of it */
#define PACE_BURST_NS (NS_A_SECOND / 10)
#define MINUTE_NS     (60 * NS_A_SECOND)
#define NO_LIMIT      ((struct passing){UINT64_MAX, {0}})

void pawli_flow_wake(struct flow_row *flow, uint64_t boot)
{
    if (flow->boot == boot)
        return;
    const struct boot_time none = {0};
    flow->boot = boot;
    flow->rate_next = flow->pace_next = flow->retry_next = flow->since = flow->healed = none;
    flow->sent = 0;
    if (flow->breaker == BREAKER_HEALING)
        flow->breaker = BREAKER_CLOSED;
}

static bool is_set(const struct policy *policy, enum policy_key key)
{
    return policy->set >> key & 1;
}

void pawli_limits_of(enum policy_of of, const struct policy *lane, const struct policy *target,
                     struct limits limits[LIMITS])
{
    const struct policy *own[] = {[LIMITS_LANE] = lane, [LIMITS_TARGET] = target};
    static const enum policy_key most[] = {
        [LIMITS_LANE] = POLICY_LANE_CONCURRENCY, [LIMITS_TARGET] = POLICY_CONCURRENCY};
    struct policy effective = pawli_policy_effective(of, lane, target);
    for (int i = 0; i < LIMITS; i++) {
        const struct rate none = {0};
        limits[i].rate = is_set(own[i], POLICY_RATE) ? pawli_policy_rate(own[i], POLICY_RATE) : none;
        limits[i].burst = is_set(own[i], POLICY_BURST) ? policy_get(own[i], POLICY_BURST) : POLICY_NONE;
        limits[i].concurrency = is_set(&effective, most[i]) ? policy_get(&effective, most[i]) : POLICY_NONE;
        limits[i].breaks = i == LIMITS_TARGET && pawli_policy_portion(&effective, POLICY_BREAKER).percent > 0;
    }
}

static struct boot_time later(struct boot_time a, struct boot_time b)
{
    return a.ns > b.ns ? a : b;
}

/* ---- rates ---- */

static int64_t interval_of(const struct rate *rate)
{
    int64_t ns = rate->period_ms * 1000000 / rate->count;
    return ns > 0 ? ns : 1;
}

/* Of a rate with one every interval, and so many at once. */
static struct passing pass(struct boot_time next, int64_t interval, int64_t burst, struct boot_time now)
{
    int64_t ahead = later(next, now).ns - now.ns, room = mul_saturating(interval, burst);
    struct boot_time when = {add_saturating(now.ns, add_saturating(ahead, interval - room))};
    return (struct passing){ahead < room ? (uint64_t)((room - ahead) / interval) : 0, when};
}

static struct boot_time moved(struct boot_time next, int64_t interval, struct boot_time now, uint64_t count)
{
    return (struct boot_time){add_saturating(later(next, now).ns, mul_saturating(interval, (int64_t)count))};
}

struct passing pawli_flow_rate(const struct flow_row *flow, const struct rate *rate, int64_t burst,
                               struct boot_time now)
{
    if (rate->count == 0)
        return NO_LIMIT;
    return pass(flow->rate_next, interval_of(rate), burst == POLICY_NONE ? rate->count : burst, now);
}

void pawli_flow_rate_took(struct flow_row *flow, const struct rate *rate, struct boot_time now, uint64_t count)
{
    if (rate->count != 0)
        flow->rate_next = moved(flow->rate_next, interval_of(rate), now, count);
}

void pawli_flow_rate_gave_back(struct flow_row *flow, const struct rate *rate)
{
    if (rate->count != 0)
        flow->rate_next.ns -= flow->rate_next.ns > interval_of(rate) ? interval_of(rate) : flow->rate_next.ns;
}

/* ---- the breaker ---- */

/* Twice what is normal in the first minute, four times in the second. 0: no limit. */
static int64_t pace_interval(const struct flow_row *flow, struct boot_time now)
{
    int64_t minutes = (now.ns - flow->healed.ns) / MINUTE_NS;
    if (flow->normal == 0 || minutes >= 16)
        return 0;
    int64_t ns = NORMAL_SPAN * NS_A_SECOND / (int64_t)flow->normal >> (minutes + 1);
    return ns > 0 ? ns : 1;
}

static uint64_t healing_most(const struct flow_row *flow, const struct policy *policy, struct boot_time now)
{
    int64_t all = policy_get(policy, POLICY_CONCURRENCY), slow_ms = policy_get(policy, POLICY_SLOW_START_MS);
    int64_t passed_ms = (now.ns - flow->healed.ns) / 1000000;
    return passed_ms >= slow_ms ? UINT64_MAX : (uint64_t)(1 + (all - 1) * passed_ms / slow_ms);
}

struct passing pawli_flow_breaker(const struct flow_row *flow, const struct policy *policy, uint64_t in_flight,
                                  struct boot_time now)
{
    if (flow->breaker == BREAKER_CLOSED)
        return NO_LIMIT;
    uint64_t most = flow->breaker == BREAKER_OPEN ? 1 : healing_most(flow, policy, now);
    struct passing passing = {most > in_flight ? most - in_flight : 0, boot_after_ms(now, 1000)};
    int64_t interval = flow->breaker == BREAKER_OPEN ? 0 : pace_interval(flow, now);
    if (interval == 0)
        return passing;
    struct passing paced = pass(flow->pace_next, interval, 1 + PACE_BURST_NS / interval, now);
    return paced.count < passing.count ? paced : passing;
}

void pawli_flow_breaker_took(struct flow_row *flow, struct boot_time now, uint64_t count)
{
    int64_t interval = flow->breaker == BREAKER_HEALING ? pace_interval(flow, now) : 0;
    if (interval > 0)
        flow->pace_next = moved(flow->pace_next, interval, now, count);
}

static void open_for(struct flow_row *flow, const struct policy *policy, struct wall_time wall)
{
    bool is_last = flow->opened >= policy_get(policy, POLICY_BREAKER_DISABLE);
    flow->breaker = BREAKER_OPEN;
    flow->opened += flow->opened < INT32_MAX;
    flow->until = is_last ? WALL_NEVER : wall_after_ms(wall, policy_get(policy, POLICY_BREAKER_OPEN_MS));
    flow->calls = flow->failures = 0;
}

static void learn_normal(struct flow_row *flow, struct boot_time now)
{
    int64_t ns = now.ns - flow->since.ns;
    flow->sent += flow->sent < INT32_MAX;
    if (flow->since.ns == 0 || ns < 0) {
        flow->since = now;
        flow->sent = 1;
    } else if (ns >= MEASURE_NS) {
        uint64_t seen = (uint64_t)((__int128)flow->sent * NORMAL_SPAN * NS_A_SECOND / ns);
        flow->normal = flow->normal ? (3 * flow->normal + seen) / 4 : seen;
        flow->normal += flow->normal == 0;
        flow->since = now;
        flow->sent = 0;
    }
}

static void end_healing(struct flow_row *flow, struct boot_time now)
{
    if (flow->breaker == BREAKER_HEALING && now.ns - flow->healed.ns >= FLOW_HEALING_MS * INT64_C(1000000)) {
        flow->breaker = BREAKER_CLOSED;
        flow->opened = 0;
        flow->since = (struct boot_time){0};
    }
}

/* Those that were begun before it opened say nothing of a target that may have healed since. */
static bool ended_open(struct flow_row *flow, const struct policy *policy, bool failed, struct wall_time began,
                       struct wall_time wall, struct boot_time now)
{
    if (began.ms < flow->until.ms && flow->until.ms < INT64_MAX && failed)
        return false;
    if (failed) {
        open_for(flow, policy, wall);
        return true;
    }
    flow->breaker = BREAKER_HEALING;
    flow->calls = flow->failures = 0;
    flow->healed = now;
    flow->pace_next = now;
    return false;
}

bool pawli_flow_ended_call(struct flow_row *flow, const struct policy *policy, bool failed, struct wall_time began,
                           struct wall_time wall, struct boot_time now)
{
    struct portion limit = pawli_policy_portion(policy, POLICY_BREAKER);
    end_healing(flow, now);
    if (flow->breaker == BREAKER_OPEN)
        return ended_open(flow, policy, failed, began, wall, now);
    if (flow->breaker == BREAKER_CLOSED && !failed)
        learn_normal(flow, now);
    flow->calls++;
    flow->failures += failed;
    if (limit.percent && flow->calls >= limit.least &&
        (int64_t)flow->failures * 100 >= limit.percent * (int64_t)flow->calls) {
        open_for(flow, policy, wall);
        return true;
    }
    if (flow->calls >= 2 * limit.least) { /* what was long ago counts less and less */
        flow->calls /= 2;
        flow->failures /= 2;
    }
    return false;
}

int64_t pawli_flow_retry_ms(struct flow_row *flow, const struct policy *policy, struct boot_time now)
{
    int64_t percent = policy_get(policy, POLICY_RETRY_BUDGET_PERCENT);
    int64_t a_span = (int64_t)((__int128)flow->normal * percent / 100); /* in NORMAL_SPAN seconds */
    if (flow->normal == 0)
        return 0;
    int64_t interval = a_span < NORMAL_SPAN ? NS_A_SECOND
                                            : NORMAL_SPAN * NS_A_SECOND / a_span; /* one a second is always left */
    flow->retry_next = moved(flow->retry_next, interval, now, 1);
    int64_t most = policy_get(policy, POLICY_BACKOFF_MAX_MS), wait = (flow->retry_next.ns - now.ns) / 1000000;
    return wait < most ? wait : most;
}
