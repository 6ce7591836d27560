/* SPDX-License-Identifier: MIT */
#include "commit/flow.h"

#include <stdio.h>

#include "commit/hold.h"
#include "model/flow.h"

/* The row as it is now, to be changed: made where there is none yet. NULL: out of memory. */
static struct flow_row *open_flow(struct view *view, const struct view_queue *queue, struct view_fact *fact)
{
    if (!pawli_view_touch(view, &fact->slot))
        return NULL;
    if (!fact->slot.exists || fact->slot.is_damaged) { /* what cannot be read is learned anew */
        struct flow_row *row = &fact->row.flow;
        *row = (struct flow_row){.scope = queue->row.scope, .lane = row->lane, .target = row->target};
        fact->slot.exists = true;
        fact->slot.is_damaged = false;
    }
    pawli_flow_wake(&fact->row.flow, view->store.row.boot);
    return &fact->row.flow;
}

/* Reads only: a row that is not there, or of another boot, limits nothing yet. */
static struct flow_row look_at(const struct view *view, const struct view_fact *fact)
{
    struct flow_row row = {0};
    if (fact->slot.exists && !fact->slot.is_damaged)
        row = fact->row.flow;
    pawli_flow_wake(&row, view->store.row.boot);
    return row;
}

static bool breaks(const struct view_queue *queue)
{
    return queue->limits[LIMITS_TARGET].flow && queue->limits[LIMITS_TARGET].of.breaks;
}

/* Sends in flight of its lane or to its target: as the store has them, and what this batch did since. */
static uint64_t in_flight(const struct view *view, const struct view_queue *queue, int which)
{
    uint64_t count = queue->limits[which].claimed;
    for (size_t i = 0; i < view->queues.count; i++) {
        const struct view_queue *other = view->queues.at[i];
        bool is_meant = which == LIMITS_LANE ? text_equal(other->row.lane, queue->row.lane)
                        : queue->row.kind != TASK_MESSAGE
                            ? other == queue
                            : other->row.kind == TASK_MESSAGE && text_equal(other->row.target, queue->row.target);
        if (other->slot.exists && other->row.scope == queue->row.scope && is_meant)
            count += other->row.counts[STATE_CLAIMED] - other->claimed_found;
    }
    return count;
}

static struct passing fewer(struct passing a, struct passing b)
{
    if (a.count != b.count)
        return a.count < b.count ? a : b;
    return a.next.ns > b.next.ns ? a : b;
}

/* Somebody settles when he does: who waits for him is told, and looks once a second besides. */
static struct passing of_concurrency(const struct view *view, int64_t most, uint64_t in_flight)
{
    return (struct passing){(uint64_t)most > in_flight ? (uint64_t)most - in_flight : 0,
                            boot_after_ms(view->boot, 1000)};
}

uint64_t pawli_flow_room(struct view *view, struct view_queue *queue, bool by_hand, struct boot_time *again)
{
    struct passing passing = {UINT64_MAX, {0}};
    for (int which = 0; which < LIMITS; which++) {
        const struct view_limits *limits = &queue->limits[which];
        bool is_target = which == LIMITS_TARGET;
        int64_t most = limits->of.concurrency;
        if (most == POLICY_NONE && is_target && !by_hand)
            most = policy_get(&queue->policy, POLICY_CONCURRENCY);
        uint64_t sends = most != POLICY_NONE || (is_target && breaks(queue)) ? in_flight(view, queue, which) : 0;
        if (most != POLICY_NONE)
            passing = fewer(passing, of_concurrency(view, most, sends));
        if (!limits->flow)
            continue;
        struct flow_row flow = look_at(view, limits->flow);
        passing = fewer(passing, pawli_flow_rate(&flow, &limits->of.rate, limits->of.burst, view->boot));
        if (is_target && breaks(queue))
            passing = fewer(passing, pawli_flow_breaker(&flow, &queue->policy, sends, view->boot));
    }
    *again = passing.next;
    return passing.count;
}

bool pawli_flow_took(struct view *view, struct view_queue *queue, uint64_t count)
{
    for (int which = 0; which < LIMITS; which++) {
        const struct view_limits *limits = &queue->limits[which];
        struct flow_row *flow = limits->flow && count > 0 ? open_flow(view, queue, limits->flow) : NULL;
        if (limits->flow && count > 0 && !flow)
            return false;
        if (flow)
            pawli_flow_rate_took(flow, &limits->of.rate, view->boot, count);
        if (flow && which == LIMITS_TARGET)
            pawli_flow_breaker_took(flow, view->boot, count);
    }
    return true;
}

/* What nothing was sent of did not pass. */
static bool give_back(struct view *view, const struct view_queue *queue)
{
    for (int which = 0; which < LIMITS; which++) {
        const struct view_limits *limits = &queue->limits[which];
        if (!limits->flow || limits->of.rate.count == 0)
            continue;
        struct flow_row *flow = open_flow(view, queue, limits->flow);
        if (!flow)
            return false;
        pawli_flow_rate_gave_back(flow, &limits->of.rate);
    }
    return true;
}

static bool hold_target(struct view *view, struct view_queue *queue, const struct flow_row *flow)
{
    char text[128];
    bool is_last = flow->until.ms == INT64_MAX;
    snprintf(text, sizeof text,
             is_last ? "its breaker opened %u times in a row: look at it, then release it"
                     : "its breaker is open, %u times in a row: too many sends failed",
             flow->opened);
    struct hold_row row = {.kind = HOLD_TARGET,
                           .scope = queue->row.scope,
                           .target = queue->row.target,
                           .code = TEXT(HOLD_CODE_BREAKER),
                           .reason = pawli_arena_text(view->arena, text_of(text)),
                           .by = TEXT("pawl"),
                           .until = flow->until};
    return row.reason.data && pawli_hold_subject(view, queue->subjects[HOLD_TARGET], &row);
}

/* Which of them say something about the target: that it took what it was sent, refused that alone, or failed. */
static bool is_answer(enum task_event event)
{
    static const bool answers[EVENT_COUNT] = {
        [EVENT_DELIVER] = true, [EVENT_SUBMIT] = true,       [EVENT_REFUSE] = true, [EVENT_RETRY] = true,
        [EVENT_EXHAUST] = true, [EVENT_EXHAUST_HOLD] = true, [EVENT_RESEND] = true, [EVENT_GIVE_UP] = true,
        [EVENT_SUSPECT] = true, [EVENT_POISON] = true};
    return answers[event];
}

bool pawli_flow_ended(struct view *view, struct view_task *task, enum task_event event)
{
    struct view_queue *queue = task->queue;
    bool succeeded = event == EVENT_DELIVER || event == EVENT_SUBMIT || event == EVENT_REFUSE;
    if (event == EVENT_DEFER || event == EVENT_RELEASE)
        return give_back(view, queue);
    if (!breaks(queue) || !is_answer(event))
        return true;
    struct flow_row *flow = open_flow(view, queue, queue->limits[LIMITS_TARGET].flow);
    if (!flow)
        return false;
    bool opens = pawli_flow_ended_call(flow, &queue->policy, !succeeded, task->row.claimed, view->wall, view->boot);
    return !opens || hold_target(view, queue, flow);
}

struct wall_time pawli_flow_turn(struct view *view, struct view_queue *queue, struct wall_time due)
{
    struct flow_row *flow = breaks(queue) ? open_flow(view, queue, queue->limits[LIMITS_TARGET].flow) : NULL;
    if (!flow)
        return due;
    struct wall_time turn = wall_after_ms(view->wall, pawli_flow_retry_ms(flow, &queue->policy, view->boot));
    return turn.ms > due.ms ? turn : due;
}
