/* SPDX-License-Identifier: MIT */
/* Pure decisions about a claimed message: which event a verdict is, given the cap and the policy. */
#ifndef PAWLI_DECIDE_H
#define PAWLI_DECIDE_H

#include "model/rows.h"

enum verdict {
    VERDICT_DELIVERED,
    VERDICT_RETRY,
    VERDICT_DEAD,
    VERDICT_UNCERTAIN,
    VERDICT_DEFERRED,
    VERDICT_RELEASED,
    VERDICT_SUBMITTED,
    VERDICT_EXTEND,
    VERDICT_COUNT
};

enum settle_result {
    SETTLED_DELIVERED,
    SETTLED_REQUEUED,
    SETTLED_DEAD,
    SETTLED_UNCERTAIN,
    SETTLED_AWAITING,
    SETTLED_DEFERRED,
    SETTLED_RELEASED,
    SETTLED_EXTENDED,
    SETTLED_LOST,
    SETTLED_COUNT
};

const char *pawli_verdict_text(enum verdict verdict);
bool pawli_verdict_parse(struct text text, enum verdict *verdict);
const char *pawli_settle_result_text(enum settle_result result);

/* The event of a verdict other than extend. The attempt that it judges is counted already. */
enum task_event pawli_event_of(enum verdict verdict, uint32_t attempts, uint32_t cap, const struct policy *policy);

/* The event of a claim that nobody holds any more: the outcome is unknown. */
enum task_event pawli_event_of_lost(uint32_t attempts, uint32_t cap, const struct policy *policy);

enum settle_result pawli_result_of(enum task_event event);
uint32_t pawli_cap_of(const struct message_row *message, const struct policy *policy);
struct wall_time pawli_expiry_of(const struct message_row *message, struct wall_time retried,
                                 const struct policy *policy);

#endif
