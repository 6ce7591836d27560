/* SPDX-License-Identifier: MIT */
/* The queue in front of the batches, leadership, and the engine that answers callback units. */
#include "commit/committer.h"

#include <errno.h>
#include <sys/epoll.h>

/* ---- units ---- */

void pawli_unit_init(struct unit *unit, struct committer *committer, struct text scope)
{
    *unit = (struct unit){.committer = committer, .deadline = BOOT_NEVER};
    unit->last_effect = &unit->effects;
    unit->scope = pawli_arena_text(&unit->arena, scope);
    unit->record_scope = unit->scope;
}

void pawli_unit_done(struct unit *unit)
{
    pawli_arena_done(&unit->arena);
}

void pawli_unit_add(struct unit *unit, struct effect *effect, const struct effect_ops *ops)
{
    effect->ops = ops;
    effect->next = NULL;
    *unit->last_effect = effect;
    unit->last_effect = &effect->next;
    unit->claims |= ops->claims;
    unit->adopts |= ops->adopts;
}

void pawli_unit_seal(struct unit *unit)
{
    const struct record_row *row = unit->record ? &unit->record->row : NULL;
    unit->weight = row ? 500 + row->command.size + row->response.size + row->events.size : 0;
    for (const struct effect *effect = unit->effects; effect; effect = effect->next)
        unit->weight += effect->ops->weigh ? effect->ops->weigh(effect) : 0;
    unit->sealed = true;
}

bool pawli_committer_is_restored(struct committer *committer)
{
    if (atomic_load(&committer->is_restored) && pawli_store_was_adopted(committer->store))
        atomic_store(&committer->is_restored, false);
    return atomic_load(&committer->is_restored);
}

static int check_writable(struct committer *committer, pawl_error *err)
{
    int status = pawli_store_check_write(committer->store, err);
    if (status == PAWL_OK)
        pawli_committer_is_restored(committer);
    return status;
}

/* ---- the queue; everything here under the lock ---- */

static int refuse(struct committer *committer, const struct unit *unit, pawl_error *err)
{
    if (committer->closed)
        return pawli_fail(err, PAWL_EUNAVAIL, "the store is being closed");
    if (committer->is_restored && !unit->adopts) {
        int status = pawli_fail(err, PAWL_EREFUSED, "the store was restored or copied: nothing may be written yet");
        return pawli_hint(err, pawli_native(err, status, EROFS), "look at it, then run \"pawl adopt --reason …\"");
    }
    if (committer->waiting >= committer->waiting_max)
        return pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "%zu units wait already", committer->waiting), "try again");
    return PAWL_OK;
}

/* Of all units that are on their way half are taken, so that one half is on the disk while the other is with the processor.
 * Where the disk takes much longer nothing is gained, and each sync shall cover as many as it can. */
static size_t half_of(const struct committer *committer)
{
    bool is_slow = committer->sync_ns >= 3 * committer->work_ns; /* or not known */
    return is_slow ? BATCH_UNITS : (committer->most + 1) / 2;
}

static struct batch *gathering_batch(struct committer *committer, const struct unit *unit)
{
    struct batch *batch = committer->last;
    size_t most = half_of(committer) < BATCH_UNITS ? half_of(committer) : BATCH_UNITS;
    if (batch && batch->count < most && batch->weight + unit->weight <= BATCH_WEIGHT)
        return batch;
    batch = pawli_alloc(sizeof *batch);
    if (!batch)
        return NULL;
    batch->last = &batch->first;
    atomic_store(&batch->refs, 1);
    if (committer->last)
        committer->last->next = batch;
    else
        committer->first = batch;
    committer->last = batch;
    return batch;
}

static int enqueue(struct committer *committer, struct unit *unit, pawl_error *err)
{
    int status = refuse(committer, unit, err);
    if (status < 0)
        return status;
    if (committer->most <= committer->crowd)
        committer->most = committer->crowd + 1;
    struct batch *batch = gathering_batch(committer, unit);
    if (!batch)
        return pawli_no_memory(err);
    committer->crowd++;
    unit->next = NULL;
    unit->batch = batch;
    atomic_store(&unit->answered, false);
    *batch->last = unit;
    batch->last = &unit->next;
    batch->count++;
    batch->weight += unit->weight;
    committer->waiting++;
    return PAWL_OK;
}

static bool withdraw(struct committer *committer, struct unit *unit)
{
    struct batch *batch = unit->batch;
    struct batch *queued = committer->first;
    while (queued && queued != batch)
        queued = queued->next;
    if (!queued)
        return false; /* taken */
    struct unit **at = &batch->first;
    while (*at != unit)
        at = &(*at)->next;
    *at = unit->next;
    if (batch->last == &unit->next)
        batch->last = at;
    batch->count--;
    batch->weight -= unit->weight;
    committer->waiting--;
    committer->crowd--;
    return true;
}

static void release_batch(struct batch *batch)
{
    if (atomic_fetch_sub(&batch->refs, 1) == 1)
        pawli_free(batch);
}

/* Whether somebody may lead: where nothing is being synced at once, else when enough wait. */
static bool is_time(const struct committer *committer)
{
    if (committer->leading || !committer->first || committer->open_rounds == ROUNDS_OPEN)
        return false;
    return committer->open_rounds == 0 || committer->waiting >= (committer->most + 1) / 2;
}

/* Somebody shall lead, if it is time: a caller that sleeps, of whatever batch, or else the engine, whose thread may be that
 * caller's. */
static void hand_on(struct committer *committer)
{
    struct batch *next = committer->first;
    if (!is_time(committer))
        return;
    while (next && !next->blocked)
        next = next->next;
    if (!next) {
        pawli_engine_wake(&committer->engine);
        return;
    }
    atomic_fetch_add(&next->word, 1); /* who is about to sleep on the old value does not */
    committer->env->ops->wake(committer->env, &next->word, 1);
}

static void answer_later(struct committer *committer, struct unit *unit)
{
    unit->next = NULL;
    *committer->answered_last = unit;
    committer->answered_last = &unit->next;
}

static int fail_late(pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "the deadline passed before the unit was taken"), "try again");
}

/* Of the batch that would be taken next: those whose time is up leave, whoever made them. */
static void withdraw_late(struct committer *committer)
{
    struct batch *batch = committer->first;
    struct boot_time now = committer->env->ops->boot_now(committer->env);
    for (struct unit *unit = batch ? batch->first : NULL, *next; unit; unit = next) {
        next = unit->next;
        if (unit->deadline.ns > now.ns)
            continue;
        withdraw(committer, unit);
        unit->status = fail_late(&unit->error);
        if (unit->done) {
            committer->crowd++; /* until its callback */
            answer_later(committer, unit);
            continue;
        }
        batch->blocked--;
        atomic_store(&unit->answered, true);
        atomic_fetch_add(&batch->word, 1);
        committer->env->ops->wake(committer->env, &batch->word, INT_MAX);
    }
}

/* ---- leading ---- */

/* Free as long as somebody leads: rounds are answered in order, and the leader's comes behind those that are open. */
static struct round *next_round(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    PAWL_ASSERT(committer->open_rounds < ROUNDS_OPEN);
    struct round *round = &committer->rounds[(committer->first_round + committer->open_rounds) % ROUNDS_OPEN];
    pthread_mutex_unlock(&committer->lock);
    return round;
}

/* When the first of those that would be taken next gives up. */
static struct boot_time first_deadline(struct committer *committer)
{
    struct boot_time first = BOOT_NEVER;
    pthread_mutex_lock(&committer->lock);
    const struct batch *batch = committer->first;
    for (const struct unit *unit = batch ? batch->first : NULL; unit; unit = unit->next)
        first = boot_earlier(first, unit->deadline);
    pthread_mutex_unlock(&committer->lock);
    return first;
}

static struct batch *take(struct committer *committer, struct round *round)
{
    pthread_mutex_lock(&committer->lock);
    withdraw_late(committer);
    struct batch *batch = committer->first;
    if (batch) {
        size_t before = committer->most - (committer->most + 15) / 16;
        committer->first = batch->next;
        if (!committer->first)
            committer->last = NULL;
        committer->waiting -= batch->count;
        committer->most = committer->crowd > before ? committer->crowd : before;
        round->syncs = committer->crowd <= 1;
        round->units = batch->first;
        round->batch = batch;
    }
    pthread_mutex_unlock(&committer->lock);
    return batch;
}

/* Callback units go to the engine, in order; the others are awake when their batch is. */
static void sort_answers(struct committer *committer, struct batch *batch)
{
    for (struct unit *unit = batch->first, *next; unit; unit = next) {
        next = unit->next;
        committer->crowd -= !unit->done;
        if (unit->done) {
            answer_later(committer, unit);
        } else {
            atomic_store(&unit->answered, true); /* from here on the unit is its caller's */
        }
    }
}

static void tell(struct committer *committer, const uint64_t *queues, size_t count)
{
    for (struct listener *listener = committer->listeners; listener; listener = listener->next)
        listener->news(listener, queues, count);
}

static bool somebody_rests(const struct committer *committer)
{
    for (const struct listener *listener = committer->listeners; listener; listener = listener->next)
        if (atomic_load(&listener->rests))
            return true;
    return false;
}

static struct batch *answer_round(struct committer *committer, struct round *round)
{
    struct batch *batch = round->batch;
    uint64_t queues[ROUND_TOLD_MAX];
    size_t count = 0;
    if (round->is_news)
        pawli_meter_commit(&committer->meter, &round->view);
    if (round->is_news && round->sync_ns)
        pawli_meter_sync(&committer->meter, round->sync_ns);
    bool all = committer->listeners && pawli_round_news(round, queues, &count);
    all |= somebody_rests(committer) && pawli_round_claims(round);
    if (all || count)
        tell(committer, queues, all ? 0 : count);
    sort_answers(committer, batch);
    committer->first_round = (committer->first_round + 1) % ROUNDS_OPEN;
    committer->open_rounds--;
    return batch;
}

static void note_time(int64_t *lately, int64_t ns)
{
    *lately += (ns - *lately) / 4;
}

/* Syncs, and answers every round that this covers, in order; after a failure all that are open, since none of them is durable
 * for certain. */
static void finish(struct committer *committer, uint64_t ticket, bool syncs)
{
    struct env *env = committer->env;
    pawl_error error = {0};
    struct batch *answered = NULL, **last = &answered;
    struct boot_time begin = env->ops->boot_now(env);
    enum store_result result = syncs ? pawli_store_sync(committer->store, ticket, &error) : STORE_OK;
    int64_t took_ns = env->ops->boot_now(env).ns - begin.ns;

    pthread_mutex_lock(&committer->lock);
    if (syncs)
        note_time(&committer->sync_ns, took_ns);
    if (syncs && result == STORE_OK)
        pawli_meter_sync(&committer->meter, took_ns);
    while (committer->open_rounds) {
        struct round *round = &committer->rounds[committer->first_round];
        if (result == STORE_OK && round->ticket > ticket)
            break;
        if (result != STORE_OK)
            pawli_round_fail(round, result, &error);
        *last = answer_round(committer, round);
        (*last)->next = NULL;
        last = &(*last)->next;
    }
    bool callbacks = committer->answered_first;
    hand_on(committer);
    pthread_mutex_unlock(&committer->lock);

    for (struct batch *batch = answered, *next; batch; batch = next) {
        next = batch->next;
        atomic_fetch_add(&batch->word, 1);
        if (batch->blocked)
            env->ops->wake(env, &batch->word, INT_MAX);
        release_batch(batch);
    }
    bool tend = !atomic_load(&committer->tending) && pawli_store_needs_tending(committer->store);
    if (callbacks || tend)
        pawli_engine_wake(&committer->engine);
}

/* The one that is open longest; 0: none is, and the job syncs no more, whatever is saved from now on. */
static uint64_t first_ticket(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    uint64_t ticket = committer->open_rounds ? committer->rounds[committer->first_round].ticket : 0;
    if (!ticket)
        committer->job_syncs = false;
    pthread_mutex_unlock(&committer->lock);
    return ticket;
}

static void run_sync(struct job *job)
{
    struct committer *committer = (struct committer *)((char *)job - offsetof(struct committer, sync));
    for (uint64_t ticket; (ticket = first_ticket(committer)) != 0;)
        finish(committer, ticket, true);
}

static void sync_done(struct job *job)
{
    struct committer *committer = (struct committer *)((char *)job - offsetof(struct committer, sync));
    pthread_mutex_lock(&committer->lock);
    committer->sync_is_offloaded = false;
    pthread_mutex_unlock(&committer->lock);
}

/* Nobody leads any more; callers whose time was up have left. */
static void step_down(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    withdraw_late(committer);
    bool callbacks = committer->answered_first;
    committer->leading = false;
    hand_on(committer);
    pthread_mutex_unlock(&committer->lock);
    if (callbacks)
        pawli_engine_wake(&committer->engine);
}

/* The round is open from here on, behind those that are, and the next one may lead. A blocked caller syncs it himself; for
 * the engine, if it has more to do, somebody else does. */
static void hand_round_on(struct committer *committer, struct round *round, int64_t work_ns, bool is_engine)
{
    struct env *env = committer->env;
    pthread_mutex_lock(&committer->lock);
    note_time(&committer->work_ns, work_ns);
    /* Answers do not overtake those of a round before, whatever became of this one. */
    for (unsigned i = 0; i < committer->open_rounds; i++) {
        const struct round *before = &committer->rounds[(committer->first_round + i) % ROUNDS_OPEN];
        round->ticket = before->ticket > round->ticket ? before->ticket : round->ticket;
    }
    committer->open_rounds++;
    bool syncs = round->ticket && !(round->syncs && round->is_news);
    bool busy = committer->first || committer->answered_first;
    bool offloads = is_engine && syncs && busy && !committer->sync_is_offloaded;
    committer->sync_is_offloaded |= offloads;
    committer->job_syncs |= offloads;
    bool leaves = is_engine && syncs && committer->job_syncs;
    uint64_t ticket = round->ticket;
    committer->leading = false;
    hand_on(committer);
    pthread_mutex_unlock(&committer->lock);
    if (offloads)
        env->ops->offload(env, &committer->sync);
    if (!leaves)
        finish(committer, ticket, syncs);
}

/* Called with `leading` set; commits one batch, hands leadership on, and syncs. */
static void lead(struct committer *committer, bool is_engine)
{
    struct env *env = committer->env;
    pawl_error error = {0};
    struct boot_time until = first_deadline(committer);
    struct round *round = next_round(committer);
    enum store_result result = pawli_round_begin(round, until, &error);
    /* The lock of others was not free in time for somebody: he leaves, the others go on waiting. */
    if (result == STORE_BUSY && env->ops->boot_now(env).ns >= until.ns) {
        step_down(committer);
        return;
    }
    if (!take(committer, round)) {
        pawli_round_drop(round);
        step_down(committer);
        return;
    }
    struct boot_time begin = env->ops->boot_now(env);
    if (result != STORE_OK)
        pawli_round_fail(round, result, &error);
    else if (round->units)
        pawli_round_save(round);
    else
        pawli_round_drop(round);
    hand_round_on(committer, round, env->ops->boot_now(env).ns - begin.ns, is_engine);
}

/* Leads, or sleeps until its batch is answered or its deadline withdraws it. */
static int wait_for_answer(struct committer *committer, struct unit *unit, struct batch *batch, pawl_error *err)
{
    struct env *env = committer->env;
    while (!atomic_load(&unit->answered)) {
        pthread_mutex_lock(&committer->lock);
        bool answered = atomic_load(&unit->answered);
        bool leads = !answered && is_time(committer);
        committer->leading |= leads;
        bool late = !leads && !answered && unit->deadline.ns != INT64_MAX &&
                    env->ops->boot_now(env).ns >= unit->deadline.ns;
        bool left = late && withdraw(committer, unit);
        uint32_t word = atomic_load(&batch->word);
        if (left) {
            batch->blocked--;
            hand_on(committer);
        }
        pthread_mutex_unlock(&committer->lock);
        if (left)
            return fail_late(err);
        if (leads)
            lead(committer, false);
        else if (!answered)
            env->ops->wait(env, &batch->word, word, late ? BOOT_NEVER : unit->deadline);
    }
    return PAWL_OK;
}

int pawli_commit(struct unit *unit, pawl_error *err)
{
    struct committer *committer = unit->committer;
    unit->done = NULL;
    int status = check_writable(committer, err);
    if (status < 0)
        return status;
    pthread_mutex_lock(&committer->lock);
    status = enqueue(committer, unit, err);
    struct batch *batch = unit->batch;
    if (status == PAWL_OK) {
        batch->blocked++;
        atomic_fetch_add(&batch->refs, 1);
    }
    pthread_mutex_unlock(&committer->lock);
    if (status < 0)
        return status;
    status = wait_for_answer(committer, unit, batch, err);
    release_batch(batch);
    if (status < 0)
        return status;
    if (unit->status < 0 && err)
        *err = unit->error;
    return unit->status;
}

int pawli_commit_later(struct unit *unit, void (*done)(struct unit *unit, void *data), void *data, pawl_error *err)
{
    struct committer *committer = unit->committer;
    unit->done = done;
    unit->done_data = data;
    int status = check_writable(committer, err);
    if (status < 0)
        return status;
    pthread_mutex_lock(&committer->lock);
    status = enqueue(committer, unit, err);
    bool wake = status == PAWL_OK && is_time(committer);
    pthread_mutex_unlock(&committer->lock);
    if (wake)
        pawli_engine_wake(&committer->engine);
    return status;
}

int pawli_commit_joined(struct unit *unit, void *native, pawl_error *err)
{
    struct committer *committer = unit->committer;
    int status = check_writable(committer, err);
    if (status < 0)
        return status;
    pthread_mutex_lock(&committer->lock);
    status = refuse(committer, unit, err);
    pthread_mutex_unlock(&committer->lock);
    if (status < 0)
        return status;
    /* A committer of its own: the store's may lead meanwhile in another thread. Its marker is the caller's commit. */
    struct committer own = {
        .env = committer->env, .store = committer->store, .seed = committer->seed, .own = {.id = 0}};
    struct round round = {.committer = &own, .pressure = &committer->pressure, .units = unit, .joined = true};
    enum store_result result = pawli_store_join(committer->store, native, unit->deadline, &round.txn, err);
    if (result != STORE_OK)
        return pawli_store_status(result);
    pawli_hasher_init(&own.hasher);
    unit->next = NULL;
    pawli_round_save(&round);
    pawli_hasher_done(&own.hasher);
    pawli_arena_done(&round.arena);
    if (unit->status < 0 && err)
        *err = unit->error;
    return unit->status;
}

/* ---- news ---- */

void pawli_committer_listen(struct committer *committer, struct listener *listener)
{
    pthread_mutex_lock(&committer->lock);
    listener->next = committer->listeners;
    committer->listeners = listener;
    pthread_mutex_unlock(&committer->lock);
    pawli_store_listen(committer->store, true);
    pawli_engine_wake(&committer->engine); /* it watches the bell only while somebody listens */
}

void pawli_committer_unlisten(struct committer *committer, struct listener *listener)
{
    pthread_mutex_lock(&committer->lock);
    struct listener **at = &committer->listeners;
    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    pthread_mutex_unlock(&committer->lock);
    pawli_store_listen(committer->store, false);
}

bool pawli_committer_is_told(const struct committer *committer)
{
    return committer->bell.fd >= 0;
}

uint64_t pawli_queue_hash(struct text scope, struct text lane, struct text target)
{
    uint64_t hash = pawli_hash_bytes(0, scope.data, scope.size);
    hash = pawli_hash_bytes(hash, lane.data, lane.size);
    return pawli_hash_bytes(hash, target.data, target.size);
}

bool pawli_committer_has_listeners(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    bool any = committer->listeners != NULL;
    pthread_mutex_unlock(&committer->lock);
    return any;
}

void pawli_committer_tell(struct committer *committer, const uint64_t *queues, size_t count)
{
    pthread_mutex_lock(&committer->lock);
    tell(committer, queues, count);
    pthread_mutex_unlock(&committer->lock);
}

/* ---- the engine ---- */

static struct committer *committer_of(struct engine *engine)
{
    return (struct committer *)((char *)engine - offsetof(struct committer, engine));
}

static struct unit *take_answers(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    struct unit *answered = committer->answered_first;
    for (const struct unit *unit = answered; unit; unit = unit->next)
        committer->crowd--;
    committer->answered_first = NULL;
    committer->answered_last = &committer->answered_first;
    pthread_mutex_unlock(&committer->lock);
    return answered;
}

static bool answer_callbacks(struct committer *committer)
{
    struct unit *unit = take_answers(committer);
    bool any = unit != NULL;
    while (unit) {
        struct unit *next = unit->next;
        unit->next = NULL;
        unit->done(unit, unit->done_data);
        unit = next;
    }
    return any;
}

static bool lead_for_callbacks(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    bool leads = is_time(committer);
    committer->leading |= leads;
    pthread_mutex_unlock(&committer->lock);
    if (leads)
        lead(committer, true);
    return leads;
}

static void run_tend(struct job *job)
{
    struct committer *committer = (struct committer *)((char *)job - offsetof(struct committer, tend));
    pawli_store_tend(committer->store, NULL); /* its errors poison the store: the next call says so */
}

static void tend_done(struct job *job)
{
    struct committer *committer = (struct committer *)((char *)job - offsetof(struct committer, tend));
    committer->tending = false;
}

static void bell_rang(struct watch *watch, uint32_t events)
{
    struct committer *committer = (struct committer *)((char *)watch - offsetof(struct committer, bell));
    (void)events;
    if (pawli_store_rang(committer->store))
        pawli_committer_tell(committer, NULL, 0);
}

/* Behind the bell stands a slow poll. */
static struct boot_time poll_bell(struct committer *committer, struct boot_time now)
{
    struct boot_time pause;
    if (!pawli_committer_has_listeners(committer))
        return BOOT_NEVER;
    if (committer->bell.fd < 0 && committer->engine.loop) {
        committer->bell = (struct watch){.ready = bell_rang, .fd = pawli_store_watch_fd(committer->store, &pause)};
        if (committer->bell.fd >= 0)
            pawli_loop_watch(committer->engine.loop, &committer->bell, EPOLLIN);
    }
    pawli_store_watch_fd(committer->store, &pause);
    if (now.ns >= committer->next_poll.ns) {
        committer->next_poll = (struct boot_time){now.ns + pause.ns};
        if (pawli_store_rang(committer->store))
            pawli_committer_tell(committer, NULL, 0);
    }
    return committer->next_poll;
}

static struct boot_time step(struct engine *engine, struct boot_time now)
{
    struct committer *committer = committer_of(engine);
    pawli_engine_take_inbox(engine);
    answer_callbacks(committer);
    if (lead_for_callbacks(committer))
        answer_callbacks(committer);
    if (!committer->tending && pawli_store_needs_tending(committer->store)) {
        committer->tending = true;
        committer->env->ops->offload(committer->env, &committer->tend);
    }
    pthread_mutex_lock(&committer->lock);
    bool again = committer->answered_first || is_time(committer);
    pthread_mutex_unlock(&committer->lock);
    return again ? now : poll_bell(committer, now);
}

static bool stop(struct engine *engine, struct boot_time by)
{
    struct committer *committer = committer_of(engine);
    (void)by;
    pthread_mutex_lock(&committer->lock);
    bool drained = !committer->first && !committer->answered_first && !committer->leading && !committer->open_rounds &&
                   !committer->sync_is_offloaded && !committer->tending;
    pthread_mutex_unlock(&committer->lock);
    return drained;
}

static void joined_news(void *data)
{
    pawli_committer_tell(data, NULL, 0);
}

static const struct engine_ops committer_engine = {"committer", step, stop};

int pawli_committer_init(struct committer *committer, struct env *env, struct store *store, size_t waiting_max,
                         pawl_error *err)
{
    *committer = (struct committer){.env = env, .store = store, .waiting_max = waiting_max, .bell = {.fd = -1}};
    if (pthread_mutex_init(&committer->lock, NULL) != 0)
        return pawli_no_memory(err);
    pawli_engine_init(&committer->engine, &committer_engine);
    pawli_hasher_init(&committer->hasher);
    pawli_meter_init(&committer->meter);
    env->ops->random(env, &committer->seed, sizeof committer->seed);
    store->joined_news = joined_news;
    store->joined_news_data = committer;
    committer->answered_last = &committer->answered_first;
    for (size_t i = 0; i < ROUNDS_OPEN; i++)
        committer->rounds[i] = (struct round){.committer = committer, .pressure = &committer->pressure};
    committer->sync = (struct job){.run = run_sync, .done = sync_done, .engine = &committer->engine};
    committer->tend = (struct job){.run = run_tend, .done = tend_done, .engine = &committer->engine};
    return PAWL_OK;
}

void pawli_committer_done(struct committer *committer)
{
    PAWL_ASSERT(!committer->first);
    PAWL_ASSERT(!committer->leading);
    PAWL_ASSERT(!committer->open_rounds);
    PAWL_ASSERT(!committer->tending);
    pawli_engine_done(&committer->engine);
    pawli_hasher_done(&committer->hasher);
    pawli_meter_done(&committer->meter);
    for (size_t i = 0; i < ROUNDS_OPEN; i++)
        pawli_arena_done(&committer->rounds[i].arena);
    pthread_mutex_destroy(&committer->lock);
}
