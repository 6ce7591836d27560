/* SPDX-License-Identifier: MIT */
/* Pure decisions about how much may go to a lane or a target: a rate, a breaker, the pace of a target that heals, turns of
 * retries. All of it stands in a flow_row, so that all workers keep it together.
 *
 * A rate is kept as one time, at which the next would come if all came evenly (the generic cell rate algorithm, ITU-T I.371): who
 * comes no earlier than the burst allows before it passes, and moves it on by one interval.
 *
 * A breaker is closed, open (its target is held), or healing. While it is closed it counts calls and failures; with enough
 * of both it opens. Once the hold is over one call is a trial: that succeeds and it heals, or it opens again. While it heals
 * calls in flight grow from one, and it takes no more in a time than twice what was normal, then four times, minute by
 * minute: what waited meanwhile does not fall on it all at once. */
#ifndef PAWLI_FLOW_H
#define PAWLI_FLOW_H

#include "model/rows.h"

#define FLOW_HEALING_MS 600000 /* then its pace is no limit any more */

enum { LIMITS_LANE, LIMITS_TARGET, LIMITS };

/* What the policies say. A rate is of whom it was set on; how much may be in flight to a target is said by either. */
struct limits {
    struct rate rate;
    int64_t burst;       /* POLICY_NONE: as many as the rate has */
    int64_t concurrency; /* POLICY_NONE: nobody said */
    bool breaks;         /* it has a breaker */
};

void pawli_limits_of(enum policy_of of, const struct policy *lane, const struct policy *target,
                     struct limits limits[LIMITS]);

static inline bool limits_need_flow(const struct limits *limits)
{
    return limits->rate.count > 0 || limits->breaks;
}

/* A time of another boot is none. Called before a row is used. */
void pawli_flow_wake(struct flow_row *flow, uint64_t boot);

/* How many may pass now, and when the next may where none does. */
struct passing {
    uint64_t count; /* UINT64_MAX: no limit */
    struct boot_time next;
};

struct passing pawli_flow_rate(const struct flow_row *flow, const struct rate *rate, int64_t burst,
                               struct boot_time now);
void pawli_flow_rate_took(struct flow_row *flow, const struct rate *rate, struct boot_time now, uint64_t count);
void pawli_flow_rate_gave_back(struct flow_row *flow, const struct rate *rate);

/* What the breaker of a target lets pass, with so many in flight; a trial is let pass whatever its hold says, which is asked
 * elsewhere. */
struct passing pawli_flow_breaker(const struct flow_row *flow, const struct policy *policy, uint64_t in_flight,
                                  struct boot_time now);
void pawli_flow_breaker_took(struct flow_row *flow, struct boot_time now, uint64_t count);

/* A call ended that was begun at `began`. True: the breaker opens, until flow->until. */
bool pawli_flow_ended_call(struct flow_row *flow, const struct policy *policy, bool failed, struct wall_time began,
                           struct wall_time wall, struct boot_time now);

/* How long a retry waits for its turn: there are no more of them in a time than its share of what is normal. */
int64_t pawli_flow_retry_ms(struct flow_row *flow, const struct policy *policy, struct boot_time now);

#endif
