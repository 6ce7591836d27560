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

enum task_event pawli_event_of_lost(uint32_t attempts, uint32_t cap, const struct policy *policy)
{
    if (policy_get(policy, POLICY_UNKNOWN) == UNKNOWN_HOLD)
        return EVENT_SUSPECT;
    return attempts >= cap ? EVENT_GIVE_UP : EVENT_RESEND;
}

enum task_event pawli_event_of(enum verdict verdict, uint32_t attempts, uint32_t cap, const struct policy *policy)
{
    switch (verdict) {
    case VERDICT_DELIVERED:
        return EVENT_DELIVER;
    case VERDICT_DEAD:
        return EVENT_REFUSE;
    case VERDICT_UNCERTAIN:
        return pawli_event_of_lost(attempts, cap, policy);
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
    if (attempts < cap)
        return EVENT_RETRY;
    return policy_get(policy, POLICY_EXHAUSTED) == EXHAUSTED_HOLD ? EVENT_EXHAUST_HOLD : EVENT_EXHAUST;
}

enum settle_result pawli_result_of(enum task_event event)
{
    static const enum settle_result of[EVENT_COUNT] = {
        [EVENT_DELIVER] = SETTLED_DELIVERED, [EVENT_SUBMIT] = SETTLED_AWAITING,       [EVENT_RETRY] = SETTLED_REQUEUED,
        [EVENT_EXHAUST] = SETTLED_DEAD,      [EVENT_EXHAUST_HOLD] = SETTLED_REQUEUED, [EVENT_REFUSE] = SETTLED_DEAD,
        [EVENT_DEFER] = SETTLED_DEFERRED,    [EVENT_RELEASE] = SETTLED_RELEASED,      [EVENT_RESEND] = SETTLED_REQUEUED,
        [EVENT_GIVE_UP] = SETTLED_DEAD,      [EVENT_SUSPECT] = SETTLED_UNCERTAIN};
    return of[event];
}

uint32_t pawli_cap_of(const struct message_row *message, const struct policy *policy)
{
    return message->max_attempts ? message->max_attempts : (uint32_t)policy_get(policy, POLICY_MAX_ATTEMPTS);
}

struct wall_time pawli_expiry_of(const struct message_row *message, struct wall_time retried,
                                 const struct policy *policy)
{
    if (message->expires.ms != INT64_MAX)
        return message->expires;
    struct wall_time from = message->created.ms > retried.ms ? message->created : retried;
    return wall_after_ms(from, policy_get(policy, POLICY_AGE_LIMIT_MS));
}
