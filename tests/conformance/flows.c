/* SPDX-License-Identifier: MIT */
#include "flows.h"

#include <stddef.h>

bool has_ended(const struct flow *flow)
{
    return flow->place == FINISHED || flow->place == FAILED;
}

bool may_start(const struct model *m, int id)
{
    int place = m->flows[id].place;
    return place == NOWHERE || place == FAILED || (place == FINISHED && m->again);
}

static void give_back(struct model *m, int id)
{
    for (int i = 0; i < RESOURCES; i++)
        if (m->things[i].state == HELD && m->things[i].holder == id) {
            m->things[i].state = AVAILABLE;
            m->things[i].generation++;
        }
}

int count_held(const struct model *m, int id)
{
    int count = 0;
    for (int i = 0; i < RESOURCES; i++)
        count += m->things[i].state == HELD && m->things[i].holder == id;
    return count;
}

static void wake(struct flow *flow, int64_t now)
{
    flow->waits = false;
    if (flow->place == READY && flow->due > now)
        flow->due = now;
}

static void finish(struct model *m, int id, int place, int64_t now)
{
    struct flow *flow = &m->flows[id], *waiter = &m->flows[flow->waiter];
    flow->place = place;
    flow->waits = flow->undoing = false;
    flow->undo_count = 0;
    for (int i = 0; i < flow->signal_count; i++)
        if (!flow->signals[i].taken)
            flow->signals[i].taken = flow->generation ? flow->generation : 1;
    if (flow->waiter_order != waiter->order || has_ended(waiter))
        return;
    m->woken++;
    waiter->told |= waiter->place == CLAIMED;
    if (waiter->place != CLAIMED)
        wake(waiter, now);
}

static void wait_until(struct flow *flow, int64_t due, int64_t now)
{
    bool has_news = flow->signal_count > flow->shown || flow->told;
    flow->waits &= !has_news;
    flow->told = false;
    flow->place = READY;
    flow->due = has_news && due > now ? now : due;
}

static void undo_next(struct model *m, int id, int64_t now)
{
    struct flow *flow = &m->flows[id];
    flow->total += (uint64_t)flow->attempts;
    flow->attempts = flow->rejections = 0;
    flow->waits = false;
    if (flow->undo_count == 0) {
        give_back(m, id);
        finish(m, id, FAILED, now);
        return;
    }
    flow->state = flow->undos[--flow->undo_count];
    flow->data = -1; /* null */
    flow->undoing = true;
    flow->place = READY;
    flow->due = now;
}

/* ---- resources ---- */

static int change_thing(struct model *m, int id, int thing, enum action action)
{
    struct thing *t = &m->things[thing];
    bool is_own = t->state == HELD && t->holder == id;
    if (t->state == HELD && !is_own)
        return PAWL_EREFUSED;
    int to = action == HOLD ? HELD : action == RELEASE ? AVAILABLE : action == CONSUME ? CONSUMED : WITHDRAWN;
    if ((int)t->state == to)
        return PAWL_OK;
    if (t->state == CONSUMED || t->state == WITHDRAWN)
        return PAWL_EREFUSED;
    t->state = to;
    t->holder = id;
    t->generation++;
    return PAWL_OK;
}

/* ---- steps ---- */

static void note_progress(struct flow *flow)
{
    flow->total += (uint64_t)flow->attempts;
    flow->attempts = flow->rejections = 0;
}

static int64_t backoff_of(int n)
{
    int64_t wait = BACKOFF_MS;
    while (--n > 0 && wait < BACKOFF_MAX_MS)
        wait *= 2;
    return wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
}

static void park_failed(struct flow *flow, const pawl_step_outcome *outcome, int64_t now)
{
    bool is_over;
    int n;
    if (outcome->rejected) {
        flow->attempts -= flow->attempts > 0;
        flow->total++;
        n = ++flow->rejections;
        is_over = n > REJECTIONS_MAX;
    } else {
        n = flow->attempts;
        is_over = n >= ATTEMPTS_MAX;
    }
    if (is_over) {
        flow->place = STUCK;
        return;
    }
    wait_until(flow, now + (outcome->has_wake ? outcome->wake_in_ms : backoff_of(n)), now);
}

static int take_signals(struct flow *flow, const struct asked *asked)
{
    bool found = false;
    for (int i = 0; i < flow->signal_count; i++) {
        struct signal *signal = &flow->signals[i];
        if (signal->taken || (asked->take >= 0 ? signal->key != asked->take : i >= flow->shown))
            continue;
        signal->taken = flow->generation + 1;
        found = true;
    }
    return asked->take >= 0 && !found ? PAWL_ENOTFOUND : PAWL_OK;
}

static bool has_untaken(const struct flow *flow)
{
    for (int i = 0; i < flow->signal_count; i++)
        if (!flow->signals[i].taken)
            return true;
    return false;
}

static int go_on(struct flow *flow, const struct asked *asked, bool stays, int64_t now)
{
    if (asked->outcome.rejected && stays) {
        park_failed(flow, &asked->outcome, now);
        return PAWL_OK;
    }
    note_progress(flow);
    if (!asked->outcome.keep) {
        wait_until(flow, now, now);
        return PAWL_OK;
    }
    flow->attempts = 1;
    flow->lease = now + LEASE_MS;
    return PAWL_OK;
}

static int make(struct model *m, int id, const struct asked *asked, uint64_t token, uint64_t generation, int64_t now)
{
    struct flow *flow = &m->flows[id];
    const pawl_step_outcome *outcome = &asked->outcome;
    if (flow->place != CLAIMED || flow->token != token || flow->generation != generation)
        return flow->place == NOWHERE ? PAWL_ENOTFOUND : PAWL_EFENCED;
    if (outcome->no_return && flow->cancelled)
        return PAWL_EREFUSED;
    int status = PAWL_OK;
    for (int i = 0; status == PAWL_OK && i < asked->change_count; i++)
        status = change_thing(m, id, asked->changes[i].thing, asked->changes[i].action);
    if (status == PAWL_OK)
        status = take_signals(flow, asked);
    if (status < 0)
        return status;
    flow->notes[flow->note_count++] = (struct note){generation + 1, flow->state, flow->data};
    bool stays = asked->state < 0 || asked->state == flow->state, is_undone = false;
    flow->generation++;
    if (asked->undo >= 0)
        flow->undos[flow->undo_count++] = asked->undo;
    if (flow->cancelled && outcome->result != PAWL_STEP_FAIL)
        is_undone = !flow->undoing ? outcome->result != PAWL_STEP_DONE
                                   : outcome->result == PAWL_STEP_DONE || (outcome->result == PAWL_STEP_NEXT && stays);
    if (is_undone) {
        undo_next(m, id, now);
        return PAWL_OK;
    }
    if (outcome->result <= PAWL_STEP_PARK) {
        flow->state = asked->state >= 0 ? asked->state : flow->state;
        flow->data = asked->data >= 0 ? asked->data : flow->data;
        flow->no_return |= outcome->no_return;
    }
    switch (outcome->result) {
    case PAWL_STEP_NEXT:
        return go_on(flow, asked, stays, now);
    case PAWL_STEP_PARK:
        if (outcome->error || outcome->rejected) {
            park_failed(flow, outcome, now);
            return PAWL_OK;
        }
        note_progress(flow);
        if (!outcome->has_wake && !stays && has_untaken(flow)) {
            wait_until(flow, now, now);
            return PAWL_OK;
        }
        flow->waits = !outcome->has_wake;
        wait_until(flow, flow->waits ? INT64_MAX : now + outcome->wake_in_ms, now);
        return PAWL_OK;
    case PAWL_STEP_DONE:
        if (count_held(m, id))
            return PAWL_EREFUSED;
        flow->receipt = outcome->receipt ? 1 : 0;
        finish(m, id, FINISHED, now);
        return PAWL_OK;
    default:
        give_back(m, id);
        finish(m, id, FAILED, now);
        return PAWL_OK;
    }
}

int model_step(struct model *m, int id, const struct asked *asked, uint64_t token, uint64_t generation, int64_t now)
{
    int status = make(m, id, asked, token, generation, now);
    if (status == PAWL_OK && asked->start >= 0)
        status = model_start(m, asked->start, 0, 0, true, now);
    if (status == PAWL_OK && asked->start >= 0 && asked->outcome.await) {
        m->flows[asked->start].waiter = id;
        m->flows[asked->start].waiter_order = m->flows[id].order;
    }
    return status;
}

/* ---- what else is done ---- */

int model_start(struct model *m, int id, int state, int data, bool in_transition, int64_t now)
{
    struct flow *flow = &m->flows[id];
    if (!may_start(m, id))
        return in_transition                                            ? PAWL_EREFUSED
               : state == flow->first_state && data == flow->first_data ? PAWL_OK
                                                                        : PAWL_ECONFLICT;
    *flow = (struct flow){.place = READY,
                          .first_state = state,
                          .first_data = data,
                          .state = state,
                          .data = data,
                          .order = ++m->starts,
                          .waiter_order = -1,
                          .due = now,
                          .generation = flow->generation};
    return PAWL_OK;
}

int model_signal(struct flow *flow, int key, int data, int64_t now)
{
    if (flow->place == NOWHERE)
        return PAWL_ENOTFOUND;
    for (int i = 0; key >= 0 && i < flow->signal_count; i++)
        if (flow->signals[i].key == key)
            return flow->signals[i].data == data ? PAWL_OK : PAWL_ECONFLICT;
    if (has_ended(flow))
        return PAWL_EREFUSED;
    flow->signals[flow->signal_count++] = (struct signal){key, data, 0};
    wake(flow, now);
    return PAWL_OK;
}

int model_steer(struct model *m, int id, int what, bool force, int64_t now)
{
    struct flow *flow = &m->flows[id];
    if (flow->place == NOWHERE)
        return PAWL_ENOTFOUND;
    if (has_ended(flow))
        return PAWL_EREFUSED;
    switch (what) {
    case PAWL_STEER_RETRY:
        if (flow->place == CLAIMED)
            return PAWL_EREFUSED;
        note_progress(flow);
        flow->waits = false;
        flow->place = READY;
        flow->due = now;
        return PAWL_OK;
    case PAWL_STEER_STOP:
        if (flow->place == CLAIMED && !force)
            return PAWL_EREFUSED;
        give_back(m, id);
        finish(m, id, FAILED, now);
        return PAWL_OK;
    case PAWL_STEER_CANCEL:
        if (flow->no_return)
            return PAWL_EREFUSED;
        if (flow->cancelled)
            return PAWL_OK;
        flow->cancelled = true;
        if (flow->place != CLAIMED)
            undo_next(m, id, now);
        return PAWL_OK;
    default:
        flow->paused = what == PAWL_STEER_PAUSE;
        return PAWL_OK;
    }
}

int model_retry_from(struct model *m, int id, uint64_t generation, int64_t now)
{
    struct flow *flow = &m->flows[id];
    for (int i = 0; i < flow->note_count; i++)
        if (flow->notes[i].generation == generation) {
            int status = model_steer(m, id, PAWL_STEER_RETRY, false, now);
            if (status < 0)
                return status;
            flow->state = flow->notes[i].state;
            flow->data = flow->notes[i].data;
            flow->generation++;
            return PAWL_OK;
        }
    return PAWL_ENOTFOUND;
}

/* The claims whose leases ended. */
void model_lose(struct model *m, int64_t now)
{
    for (int i = 0; i < IDS; i++) {
        struct flow *flow = &m->flows[i];
        if (flow->place != CLAIMED || flow->lease > now)
            continue;
        flow->place = flow->attempts >= ATTEMPTS_MAX ? STUCK : READY;
        flow->due = now;
    }
}

/* The one that is taken; -1: none. */
int model_claim(struct model *m, int named, int64_t now)
{
    int best = -1;
    for (int i = 0; i < IDS; i++) {
        const struct flow *flow = &m->flows[i], *other = best < 0 ? NULL : &m->flows[best];
        if (flow->place != READY || flow->paused || (named < 0 ? flow->due > now : i != named))
            continue;
        if (!other || flow->due < other->due || (flow->due == other->due && flow->order < other->order))
            best = i;
    }
    return best;
}
