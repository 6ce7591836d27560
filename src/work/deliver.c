/* SPDX-License-Identifier: MIT */
/* Claim, send, settle: the way of each message through the worker. */
#include "commit/hold.h"
#include "commit/settle.h"
#include "outbox/claim.h"
#include "work/work.h"

static struct boot_time boot_now(const struct worker *worker)
{
    struct env *env = worker->opened->env;
    return env->ops->boot_now(env);
}

static bool is_working(const struct worker *worker)
{
    return atomic_load(&worker->state) == WORKER_WORKS;
}

/* ---- claimed pages ---- */

static void hold_page(struct message_lease *lease)
{
    ((struct claimed_page *)lease)->holds++;
}

static void release_page(struct message_lease *lease)
{
    struct claimed_page *page = (struct claimed_page *)lease;
    if (--page->holds > 0)
        return;
    pawl_messages_free(page->messages);
    pawli_free(page);
}

/* All that a claim may need is there before it is submitted: what was claimed can be sent, or at least given back. */
static struct claimed_page *new_page(uint32_t limit)
{
    struct claimed_page *page = pawli_alloc(sizeof *page + limit * sizeof *page->deliveries);
    if (page) {
        page->lease = (struct message_lease){hold_page, release_page};
        page->holds = 1;
    }
    return page;
}

/* ---- sends ---- */

/* Adds to what the worker, a target and its scope have under way; or, with minus, takes away. */
static void use(struct worker *worker, struct target *target, int sign, uint32_t sends, uint64_t bytes)
{
    struct usage *usages[] = {&worker->usage, &target->scope->usage, &target->usage};
    for (size_t i = 0; i < COUNT_OF(usages); i++) {
        usages[i]->sends += sign > 0 ? sends : -sends;
        usages[i]->bytes += sign > 0 ? bytes : -bytes;
    }
    if (sign < 0)
        pawli_due_eased(&worker->due);
}

static void link_delivery(struct worker *worker, struct delivery *delivery)
{
    delivery->next = worker->in_flight;
    delivery->link = &worker->in_flight;
    if (delivery->next)
        delivery->next->link = &delivery->next;
    worker->in_flight = delivery;
    delivery->queue->in_flight++;
    delivery->size = delivery->send.message->data_size;
    use(worker, delivery->queue->target, +1, 1, delivery->size);
}

static void unlink_delivery(struct delivery *delivery)
{
    *delivery->link = delivery->next;
    if (delivery->next)
        delivery->next->link = delivery->link;
}

static void end_delivery(struct delivery *delivery)
{
    struct message_lease *lease = &delivery->page->lease;
    delivery->queue->in_flight--;
    use(delivery->queue->worker, delivery->queue->target, -1, 1, delivery->size);
    pawli_secret_release(delivery->secret);
    pawli_arena_done(&delivery->arena);
    lease->release(lease); /* the delivery is in the page */
}

static void send_done(struct send *send)
{
    struct delivery *delivery = (struct delivery *)send;
    struct worker *worker = delivery->queue->worker;
    PAWL_ASSERT(!delivery->is_done);
    if (pawli_route_go_on(delivery))
        return;
    delivery->is_done = true;
    delivery->queue->secret_doubted |= send->is_unauthorized && !send->message->sender;
    delivery->queue->target->usage.is_prompt = boot_now(worker).ns < send->deadline.ns;
    unlink_delivery(delivery);
    delivery->next = NULL;
    *worker->finished_last = delivery;
    worker->finished_last = &delivery->next;
    pawli_engine_wake(&worker->engine); /* done may come from a descriptor's callback, outside a step */
}

/* Of a worker's own claims: it renews them itself, and they end with its process, so a short one would only cost commits. */
static int64_t lease_of(const struct queue *queue)
{
    int64_t lease_ms = policy_get(&queue->policy, POLICY_LEASE_MS);
    return lease_ms < LEASE_MIN_MS ? LEASE_MIN_MS : lease_ms;
}

static struct delivery *make_delivery(struct duty *duty, struct claimed_page *page, const pawl_message_view *message)
{
    struct queue *queue = duty->queue;
    struct delivery *delivery = &page->deliveries[page->used++];
    struct boot_time now = boot_now(queue->worker);
    int64_t timeout = policy_get(&queue->policy, POLICY_TIMEOUT_MS);
    page->lease.hold(&page->lease);
    delivery->queue = queue;
    delivery->page = page;
    delivery->secret = pawli_secret_hold(queue->secret);
    delivery->began = now;
    delivery->lease_ms = lease_of(queue);
    delivery->renew_at = boot_after_ms(now, delivery->lease_ms / 3);
    delivery->send = (struct send){.arena = &delivery->arena,
                                   .phase = duty->phase,
                                   .message = message,
                                   .lease = &page->lease,
                                   .secret = delivery->secret,
                                   .policy = queue->policy,
                                   .attempt = message->attempts,
                                   .timeout_ms = timeout,
                                   .deadline = boot_after_ms(now, timeout),
                                   .verdict = VERDICT_RELEASED,
                                   .retry_in_ms = -1,
                                   .done = send_done};
    link_delivery(queue->worker, delivery);
    return delivery;
}

static void start_send(struct worker *worker, struct delivery *delivery, const struct route *sender)
{
    worker->next_renewal = boot_earlier(worker->next_renewal, delivery->renew_at);
    worker->next_check = boot_earlier(worker->next_check, boot_earlier(delivery->renew_at, delivery->send.deadline));
    pawli_route_begin(delivery, sender);
}

/* ---- claims ---- */

/* A target with a secret is sent to, and asked, signed or not at all. What goes by the route of its sender is looked at when it
 * is there. */
static bool can_do(const struct duty *duty)
{
    const struct queue *queue = duty->queue;
    bool is_send = duty->phase == PHASE_SEND;
    bool is_incomplete = is_send && !queue->urls && (queue->secret_file || queue->headers);
    bool is_signed = queue->secret || !queue->secret_file || queue->has_senders;
    return (is_send && queue->has_senders) || is_incomplete || (duty->sink && is_signed);
}

static void schedule(struct duty *duty, struct boot_time now)
{
    const struct queue *queue = duty->queue;
    struct boot_time when = duty->due.ns > queue->held.ns ? duty->due : queue->held;
    when = when.ns > duty->limited.ns ? when : duty->limited;
    if (duty->is_claiming || !can_do(duty))
        when = BOOT_NEVER;
    if (duty->at.line && when.ns <= now.ns)
        return; /* it has its place in the line */
    pawli_due_put(&queue->worker->due, &duty->at, when);
}

void pawli_queue_schedule(struct queue *queue, struct boot_time now)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        schedule(&queue->duties[phase], now);
}

bool pawli_queue_is_claiming(const struct queue *queue)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (queue->duties[phase].is_claiming)
            return true;
    return false;
}

/* Nothing more is due for now: a survey says when there is, or of what shall be sent a hint that came meanwhile. */
static void found_no_more(struct duty *duty)
{
    struct queue *queue = duty->queue;
    queue->worker->survey.is_wanted = true;
    duty->due = BOOT_NEVER;
    if (duty->phase != PHASE_SEND)
        return;
    if (queue->is_hinted)
        duty->due = boot_now(queue->worker);
    else
        queue->hinted = (struct boot_time){0};
}

static void claimed(void *data, int status, pawl_messages *messages, struct boot_time again, const pawl_error *error)
{
    struct duty *duty = data;
    struct queue *queue = duty->queue;
    struct worker *worker = queue->worker;
    struct claimed_page *page = PAWL_TAKE(duty->page);
    duty->is_claiming = false;
    use(worker, queue->target, -1, duty->asked, BUDGET_CLAIM_BYTES);
    worker->units--;
    page->messages = messages;
    if (status < 0) {
        pawli_tell_error(worker, "claim_failed", status == PAWL_EBUSY ? 1 : 0, error);
        duty->due = boot_after_ms(boot_now(worker), PAUSE_MS);
        schedule(duty, boot_now(worker));
        release_page(&page->lease);
        return;
    }
    size_t count = pawl_messages_count(messages);
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += pawl_messages_get(messages, i)->data_size;
    duty->limited = again;
    if (again.ns)
        duty->due = again;
    else if (count < duty->asked && size < BUDGET_CLAIM_BYTES)
        found_no_more(duty);
    if (count > 0)
        pawli_queue_read_secret(queue);
    for (size_t i = 0; i < count; i++) {
        const pawl_message_view *message = pawl_messages_get(messages, i);
        struct delivery *delivery = make_delivery(duty, page, message);
        pawli_count(worker, duty->phase == PHASE_SEND ? &worker->stats.claimed : &worker->stats.asked);
        if (is_working(worker) && can_do(duty))
            start_send(worker, delivery, pawli_messages_route(messages, i));
        else /* it is stopping, or its sink or secret went away: nothing was started */
            send_done(&delivery->send);
    }
    release_page(&page->lease);
    pawli_queue_schedule(queue, boot_now(worker));
    pawli_engine_wake(&worker->engine);
}

static uint32_t room_at(const struct queue *queue)
{
    const struct worker *worker = queue->worker;
    const struct usage *own = &queue->target->usage;
    const struct usage *scope = worker->scopes.count > 1 ? &queue->target->scope->usage : NULL;
    int64_t room = policy_get(&queue->policy, POLICY_CONCURRENCY) - own->sends;
    return room <= 0 ? 0
                     : pawli_budget_room(worker->send_max, &worker->usage, scope, own,
                                         room > CLAIM_MAX ? CLAIM_MAX : (uint32_t)room);
}

static uint32_t room_for(const struct queue *queue)
{
    return queue->target->is_holding ? 0 : room_at(queue);
}

static void claim(struct duty *duty, struct boot_time now)
{
    struct queue *queue = duty->queue;
    struct worker *worker = queue->worker;
    pawl_error error;
    struct phase_claim of = {.options = {PAWL_CLAIM_OPTIONS, .lane = queue->lane, .target = queue->name,
                                         .consumer = worker->options.consumer, .limit = room_for(queue),
                                         .lease_ms = lease_of(queue), .ends_with_process = 1,
                                         .size_max = BUDGET_CLAIM_BYTES},
                             .phase = duty->phase};
    duty->page = new_page(of.options.limit);
    int status = duty->page ? pawli_claim_submit(queue->store, &of, claimed, duty, &error) : pawli_no_memory(&error);
    duty->is_claiming = status == PAWL_OK;
    if (status < 0) {
        pawli_free(PAWL_TAKE(duty->page));
        pawli_tell_error(worker, "claim_failed", 1, &error);
        duty->due = boot_after_ms(now, PAUSE_MS);
        schedule(duty, now);
        return;
    }
    schedule(duty, now);
    if (duty->phase == PHASE_SEND)
        queue->is_hinted = false;
    duty->asked = of.options.limit;
    use(worker, queue->target, +1, of.options.limit, BUDGET_CLAIM_BYTES);
    worker->units++;
}

static struct duty *duty_at(struct due_at *at)
{
    return (struct duty *)((char *)at - offsetof(struct duty, at));
}

/* Who is due gets behind those that wait for the same target already. */
static void claim_by_time(struct worker *worker, struct boot_time now)
{
    for (int i = 0; i < STEP_QUEUES; i++) {
        struct due_at *at = pawli_due_take(&worker->due, now);
        if (!at)
            break;
        struct duty *duty = duty_at(at);
        struct target *target = duty->queue->target;
        if (due_waits(&target->line) || room_for(duty->queue) == 0)
            pawli_due_wait(&worker->due, &target->line, at);
        else
            claim(duty, now);
    }
}

static void claim_in_line(struct worker *worker, struct boot_time now)
{
    for (int i = 0; i < STEP_QUEUES; i++) {
        struct due_at *at = pawli_due_try(&worker->due);
        if (!at)
            break;
        struct due_line *line = at->line;
        if (room_for(duty_at(at)->queue) == 0)
            continue;
        claim(duty_at(at), now);
        pawli_due_try_again(&worker->due, line);
    }
}

/* Those that waited for room take what was made before whoever is due only now. */
void pawli_claim_due(struct worker *worker, struct boot_time now)
{
    if (is_working(worker))
        claim_in_line(worker, now);
    if (is_working(worker))
        claim_by_time(worker, now);
}

/* ---- settlements ---- */

/* A commit that settles deliveries of one scope, and holds the targets that are wrong as a whole. */
struct settling {
    struct drafting drafting;
    struct worker *worker;
    struct delivery *deliveries;
};

struct target_hold {
    struct hold_change change;
    struct delivery *delivery; /* that found it out; of the settling */
};

static const struct {
    const char *event, *code, *reason;
} faults[] = {
    [TARGET_GONE] = {"target_gone", "gone", "the receiver answered that it is gone (410)"},
    [TARGET_MALFORMED] = {"target_malformed", HOLD_CODE_MALFORMED, "nobody can send to its URL: it is malformed"},
};

/* Nothing more is claimed for the target until the hold is set, or could not be. */
static int hold_target(struct settling *settling, struct delivery *delivery, pawl_error *err)
{
    struct target *target = delivery->queue->target;
    struct unit *unit = &settling->drafting.unit;
    if (target->is_holding)
        return PAWL_OK;
    struct target_hold *hold = arena_new(&unit->arena, struct target_hold);
    if (!hold)
        return pawli_no_memory(err);
    hold->delivery = delivery;
    hold->change = (struct hold_change){.kind = HOLD_TARGET,
                                        .target = text_of(target->name),
                                        .code = text_of(faults[delivery->send.fault].code),
                                        .reason = text_of(faults[delivery->send.fault].reason),
                                        .by = TEXT("worker"),
                                        .until = WALL_NEVER,
                                        .is_aside = true};
    pawli_unit_add(unit, &hold->change.effect, &pawli_effect_hold);
    target->is_holding = true;
    return PAWL_OK;
}

static void tell_hold(struct worker *worker, const struct target_hold *hold)
{
    const struct delivery *delivery = hold->delivery;
    pawli_tell(worker,
               &(pawl_worker_event){.name = hold->change.count ? faults[delivery->send.fault].event : "hold_failed",
                                    .level = 0,
                                    .scope = delivery->queue->scope,
                                    .target = delivery->queue->name,
                                    .text = hold->change.count ? delivery->send.error.data
                                                               : "what holds the target cannot be read"});
    worker->survey.is_wanted = true;
}

/* The holds stand behind the settlements. */
static void end_holds(struct settling *settling, int status)
{
    struct effect *settlements = settling->drafting.unit.effects;
    for (struct effect *effect = settlements ? settlements->next : NULL; effect; effect = effect->next) {
        const struct target_hold *hold = (const struct target_hold *)effect;
        hold->delivery->queue->target->is_holding = false;
        pawli_due_eased(&settling->worker->due);
        if (status == PAWL_OK)
            tell_hold(settling->worker, hold);
    }
}

static void free_settling(struct settling *settling)
{
    pawli_drafting_done(&settling->drafting);
    pawli_free(settling);
}

/* What is told of a settlement. */
struct settled_event {
    const char *name;
    int level;
    size_t counter; /* in the stats; 0: none */
};

static struct settled_event event_of_settled(const struct delivery *delivery, enum settle_result result)
{
    static const struct settled_event kinds[PAWL_RESULT_COUNT] = {
        [PAWL_RESULT_DELIVERED] = {"delivered", 3, offsetof(pawl_worker_stats, delivered)},
        [PAWL_RESULT_REQUEUED] = {"retry", 1, offsetof(pawl_worker_stats, requeued)},
        [PAWL_RESULT_DEAD] = {"dead", 0, offsetof(pawl_worker_stats, dead)},
        [PAWL_RESULT_UNCERTAIN] = {"uncertain", 0, offsetof(pawl_worker_stats, uncertain)},
        [PAWL_RESULT_AWAITING] = {"awaiting", 3, 0},
        [PAWL_RESULT_DEFERRED] = {"deferred", 1, offsetof(pawl_worker_stats, deferred)},
        [PAWL_RESULT_RELEASED] = {"released", 2, 0},
        [PAWL_RESULT_EXTENDED] = {"extended", 3, 0},
        [PAWL_RESULT_LOST] = {"lost", 1, offsetof(pawl_worker_stats, lost)},
    };
    enum phase phase = delivery->send.phase;
    if (phase == PHASE_PROBE && result == SETTLED_UNCERTAIN)
        return (struct settled_event){"probed", 3, 0};
    if (phase == PHASE_POLL && result == SETTLED_AWAITING)
        return (struct settled_event){"polled", 3, 0};
    struct settled_event event = kinds[result];
    if (result == SETTLED_UNCERTAIN && delivery->queue->duties[PHASE_PROBE].url)
        event.level = 1; /* its target is asked before a person is */
    return event;
}

static void tell_settled(const struct delivery *delivery, enum settle_result result)
{
    struct worker *worker = delivery->queue->worker;
    struct settled_event event = event_of_settled(delivery, result);
    const struct send *send = &delivery->send;
    if (event.counter)
        pawli_count(worker, (uint64_t *)((char *)&worker->stats + event.counter));
    pawli_tell(worker, &(pawl_worker_event){.name = event.name,
                                            .level = event.level,
                                            .scope = delivery->queue->scope,
                                            .lane = delivery->queue->lane,
                                            .target = delivery->queue->name,
                                            .message = send->message->id,
                                            .attempt = send->attempt,
                                            .duration_us = (boot_now(worker).ns - delivery->began.ns) / 1000,
                                            .text = send->error.data,
                                            .status = send->status,
                                            .answer = send->response.data,
                                            .phase = pawli_phase_text(send->phase)});
}

static void put_back(struct worker *worker, struct delivery *deliveries)
{
    *worker->finished_last = deliveries;
    while (*worker->finished_last)
        worker->finished_last = &(*worker->finished_last)->next;
    worker->settle_at = boot_after_ms(boot_now(worker), PAUSE_MS);
}

static void settled(struct unit *unit, void *data)
{
    struct settling *settling = data;
    struct worker *worker = settling->worker;
    const struct settlement *item = ((const struct settle *)unit->effects)->items;
    int status = unit->status;
    worker->units--;
    end_holds(settling, status);
    if (status < 0) {
        /* It was sent and cannot be said: said again later. Until then the lease keeps others away, or it is sent again. */
        pawli_tell_error(worker, status == PAWL_EIO || status == PAWL_EUNCERTAIN ? "store_failed" : "settle_failed", 0,
                         &unit->error);
        put_back(worker, settling->deliveries);
    }
    for (struct delivery *delivery = status < 0 ? NULL : settling->deliveries, *next; delivery; delivery = next) {
        next = delivery->next;
        tell_settled(delivery, item++->result);
        end_delivery(delivery);
    }
    free_settling(settling);
    pawli_engine_wake(&worker->engine);
}

/* Takes those of the first one's scope out of the list of the finished. */
static struct delivery *take_scope(struct worker *worker, size_t *count)
{
    struct delivery *taken = NULL, **last = &taken, **at = &worker->finished;
    const char *scope = worker->finished->queue->scope;
    *count = 0;
    while (*at && *count < SETTLE_MAX) {
        struct delivery *delivery = *at;
        if (strcmp(delivery->queue->scope, scope) != 0) {
            at = &delivery->next;
            continue;
        }
        *at = delivery->next;
        delivery->next = NULL;
        *last = delivery;
        last = &delivery->next;
        ++*count;
    }
    worker->finished_last = &worker->finished;
    while (*worker->finished_last)
        worker->finished_last = &(*worker->finished_last)->next;
    return taken;
}

static pawl_settlement settlement_of(const struct delivery *delivery)
{
    const struct send *send = &delivery->send;
    return (pawl_settlement){PAWL_SETTLEMENT,
                             .id = send->message->id,
                             .token = send->message->token,
                             .verdict = (int32_t)send->verdict,
                             .error = send->error.data,
                             .remote_id = send->remote_id.data,
                             .retry_in_ms = send->retry_in_ms < 0            ? 0
                                            : send->retry_in_ms == INT64_MAX ? INT64_MAX - 1
                                                                             : send->retry_in_ms,
                             .has_retry_in = send->retry_in_ms >= 0,
                             .retry_is_least = send->retry_is_least,
                             .response = send->response.data,
                             .status = (uint32_t)send->status,
                             .durability = (int32_t)send->durability};
}

static int draft(struct settling *settling, size_t count, pawl_error *err)
{
    PAWL_AUTO(pawli_freep) pawl_settlement *settlements = pawli_alloc(count * sizeof *settlements);
    pawl_settlement *at = settlements;
    if (!settlements)
        return pawli_no_memory(err);
    for (const struct delivery *delivery = settling->deliveries; delivery; delivery = delivery->next)
        *at++ = settlement_of(delivery);
    int status = pawli_draft_settle(&settling->drafting, settlements, count, err);
    for (struct delivery *delivery = settling->deliveries; delivery && status == PAWL_OK; delivery = delivery->next)
        if (delivery->send.fault != TARGET_FINE)
            status = hold_target(settling, delivery, err);
    return status;
}

static int settle_scope(struct worker *worker, struct delivery *deliveries, size_t count, pawl_error *err)
{
    struct settling *settling = pawli_alloc(sizeof *settling);
    if (!settling)
        return pawli_no_memory(err);
    pawli_drafting_init(&settling->drafting, deliveries->queue->store);
    settling->worker = worker;
    settling->deliveries = deliveries;
    int status = draft(settling, count, err);
    if (status == PAWL_OK)
        status = pawli_draft_submit(&settling->drafting, settled, settling, err);
    if (status < 0) {
        end_holds(settling, status);
        free_settling(settling);
    }
    return status;
}

bool pawli_settle_finished(struct worker *worker, struct boot_time now)
{
    bool any = false;
    while (worker->finished && worker->settle_at.ns <= now.ns) {
        pawl_error error;
        size_t count;
        struct delivery *deliveries = take_scope(worker, &count);
        if (settle_scope(worker, deliveries, count, &error) < 0) {
            pawli_tell_error(worker, "settle_failed", 1, &error);
            put_back(worker, deliveries);
            break;
        }
        worker->units++;
        any = true;
    }
    return any;
}

/* ---- leases and deadlines ---- */

static void renewed(void *data, int status, const pawl_settled *results, size_t count, const pawl_error *error)
{
    struct worker *worker = data;
    (void)results, (void)count;
    worker->units--;
    if (status < 0)
        pawli_tell_error(worker, "renew_failed", 1, error);
}

static void renew(struct worker *worker, struct delivery *delivery, struct boot_time now)
{
    pawl_settlement extend = {PAWL_SETTLEMENT,
                              .id = delivery->send.message->id,
                              .token = delivery->send.message->token,
                              .verdict = PAWL_VERDICT_EXTEND,
                              .retry_in_ms = delivery->lease_ms,
                              .has_retry_in = 1};
    delivery->renew_at = boot_after_ms(now, delivery->lease_ms / 3);
    if (pawl_settle_submit(delivery->queue->store, &extend, 1, renewed, worker, NULL) == PAWL_OK)
        worker->units++;
}

struct boot_time pawli_check_deliveries(struct worker *worker, struct boot_time now)
{
    bool stopping = atomic_load(&worker->state) == WORKER_STOPS && now.ns >= worker->stop_by.ns;
    struct boot_time next = BOOT_NEVER, renewal = BOOT_NEVER;
    if (now.ns < worker->next_check.ns && !stopping)
        return worker->next_check;
    bool renews = worker->next_renewal.ns <= now.ns;
    for (struct delivery *delivery = worker->in_flight, *after; delivery; delivery = after) {
        after = delivery->next;
        if (renews && delivery->renew_at.ns <= boot_after_ms(now, RENEW_TICK_MS).ns)
            renew(worker, delivery, now);
        renewal = boot_earlier(renewal, delivery->renew_at);
        if (delivery->is_cancelled)
            continue;
        if (delivery->send.deadline.ns <= now.ns || stopping) {
            delivery->is_cancelled = true;
            delivery->sink->ops->cancel(delivery->sink, &delivery->send);
            continue;
        }
        next = boot_earlier(next, delivery->send.deadline);
    }
    worker->next_renewal = renewal;
    worker->next_check = boot_earlier(next, renewal);
    return worker->next_check;
}

void pawli_abandon_finished(struct worker *worker)
{
    for (struct delivery *delivery = worker->finished, *next; delivery; delivery = next) {
        next = delivery->next;
        end_delivery(delivery);
    }
    worker->finished = NULL;
    worker->finished_last = &worker->finished;
}
