/* SPDX-License-Identifier: MIT */
/* The executor: one thread claims what is due, for as many seats as are free, and renews leases; the others drive what it
 * claimed. Who asks for one workflow drives it in his own thread. */
#include "workflow/executor.h"

#include "model/check.h"

#define THREADS_DEFAULT 8
#define THREADS_MAX     1024

/* ---- news ---- */

static void wake_claimer(struct pawl_executor *executor)
{
    atomic_fetch_add(&executor->word, 1);
    executor->env->ops->wake(executor->env, &executor->word, 1);
}

static void news(struct listener *listener, const uint64_t *queues, size_t count)
{
    struct pawl_executor *executor = (struct pawl_executor *)((char *)listener -
                                                              offsetof(struct pawl_executor, listener));
    bool is_ours = count == 0;
    for (size_t i = 0; i < executor->kind_count && !is_ours; i++)
        for (size_t j = 0; j < count && !is_ours; j++)
            is_ours = queues[j] == executor->kinds[i]->queue;
    if (is_ours)
        wake_claimer(executor);
}

static void tell(const struct pawl_executor *executor, const char *name, const char *kind, const struct drive *drive,
                 const pawl_error *error)
{
    if (executor->options.tell)
        executor->options.tell(executor->options.tell_data,
                               &(pawl_executor_event){.struct_size = sizeof(pawl_executor_event),
                                                      .name = name,
                                                      .kind = kind,
                                                      .id = drive ? drive->id : NULL,
                                                      .state = drive ? drive->at.state.data : NULL,
                                                      .generation = drive ? drive->at.generation : 0,
                                                      .text = error ? error->text : NULL});
}

static void tell_of_drive(void *data, const struct drive *drive, const char *name, const pawl_error *error)
{
    tell(data, name, drive->kind->name, drive, error);
}

/* ---- seats ---- */

int pawli_seat_fill(struct pawl_executor *executor, struct seat *seat, const struct kind_entry *entry,
                    const struct claimed *item, pawl_error *err)
{
    int status = pawli_drive_init(&seat->drive, executor->store, &entry->kind, item, err);
    if (status < 0)
        return status;
    int64_t left = item->lease_until.ms - executor->env->ops->wall_now(executor->env).ms;
    seat->lease_ms = item->lease_until.ms - item->task.claimed.ms;
    seat->renew = boot_after_ms(executor->env->ops->boot_now(executor->env), left / 3);
    seat->drive.lease_ms = executor->options.lease_ms;
    seat->drive.stopping = &executor->stopping;
    seat->drive.tell = tell_of_drive;
    seat->drive.tell_data = executor;
    return PAWL_OK;
}

void pawli_seat_enter(struct pawl_executor *executor, struct seat *seat)
{
    pthread_mutex_lock(&executor->lock);
    seat->state = SEAT_RUNS;
    seat->next = executor->all;
    executor->all = seat;
    pthread_mutex_unlock(&executor->lock);
    if (seat->lease_ms < 3 * LOOK_MS) /* who renews it looks that often by himself */
        wake_claimer(executor);
}

void pawli_seat_leave(struct pawl_executor *executor, struct seat *seat)
{
    pthread_mutex_lock(&executor->lock);
    struct seat **at = &executor->all;
    while (*at != seat)
        at = &(*at)->next;
    *at = seat->next;
    pthread_mutex_unlock(&executor->lock);
}

/* The lease of one seat, where it is time; without the lock, for the commit takes a while. */
struct renewal {
    const pawl_kind *kind;
    char id[LIMIT_WORKFLOW_ID + 1];
    uint64_t token;
    int64_t lease_ms;
};

static bool next_renewal(struct pawl_executor *executor, struct boot_time now, struct renewal *renewal,
                         struct boot_time *next)
{
    bool found = false;
    *next = BOOT_NEVER;
    pthread_mutex_lock(&executor->lock);
    for (struct seat *seat = executor->all; seat; seat = seat->next) {
        uint64_t token = seat->state == SEAT_FREE ? 0 : atomic_load(&seat->drive.held);
        if (!token)
            continue;
        if (!found && seat->renew.ns <= now.ns) {
            found = true;
            *renewal = (struct renewal){.kind = seat->drive.kind, .token = token, .lease_ms = seat->lease_ms};
            memcpy(renewal->id, seat->drive.id, sizeof renewal->id);
            seat->renew = boot_after_ms(now, seat->lease_ms / 3 + 1); /* +1: not now again */
        }
        *next = boot_earlier(*next, seat->renew);
    }
    pthread_mutex_unlock(&executor->lock);
    return found;
}

static struct boot_time renew(struct pawl_executor *executor)
{
    struct renewal renewal;
    struct boot_time next, now = executor->env->ops->boot_now(executor->env);
    while (next_renewal(executor, now, &renewal, &next))
        pawli_step_extend(executor->store, renewal.kind->name, renewal.id, renewal.token, renewal.lease_ms, NULL);
    return next;
}

/* ---- claiming ---- */

static size_t free_seats(struct pawl_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    size_t free = executor->free;
    pthread_mutex_unlock(&executor->lock);
    return free;
}

/* To free seats, of which there are as many: nobody else takes one. */
static void give_to_threads(struct pawl_executor *executor, struct kind_entry *entry, const struct claim *claim)
{
    pawl_error error = {0};
    size_t at = 0;
    pthread_mutex_lock(&executor->lock);
    for (size_t i = 0; i < executor->thread_count && at < claim->count; i++) {
        struct seat *seat = &executor->seats[i];
        if (seat->state != SEAT_FREE)
            continue;
        if (pawli_seat_fill(executor, seat, entry, &claim->items[at++], &error) < 0)
            continue; /* its lease ends, and somebody takes it again */
        seat->state = SEAT_TAKEN;
        executor->free--;
        pthread_cond_signal(&executor->work);
    }
    pthread_mutex_unlock(&executor->lock);
    if (error.status < 0)
        tell(executor, "claim_failed", entry->name, NULL, &error);
}

struct consume pawli_executor_claims(const struct pawl_executor *executor, const char *kind, const char *id,
                                     uint32_t limit)
{
    return (struct consume){.kind = TASK_WORKFLOW,
                            .phase = PHASE_SEND,
                            .lane = WORKFLOW_LANE,
                            .target = kind,
                            .named = id,
                            .consumer = executor->consumer,
                            .limit = limit,
                            .lease_ms = executor->options.lease_ms,
                            .ends_with_process = true};
}

/* How many it took. */
static int claim_kind(struct pawl_executor *executor, struct kind_entry *entry, size_t room, size_t *took,
                      pawl_error *err)
{
    const struct consume how = pawli_executor_claims(executor, entry->name, NULL,
                                                     (uint32_t)(room < LIMIT_CLAIM ? room : LIMIT_CLAIM));
    struct boot_time now = executor->env->ops->boot_now(executor->env);
    bool worth_it;
    *took = 0;
    int status = pawli_consume_look(executor->store, &how, &worth_it, &entry->again, err);
    if (status < 0 || !worth_it)
        return status;
    struct unit unit;
    struct claim claim;
    status = pawli_consume(executor->store, &how, &unit, &claim, err);
    if (status == PAWL_OK && claim.count > 0) {
        *took = claim.count;
        give_to_threads(executor, entry, &claim);
    }
    entry->again = *took ? now : claim.again.ns ? claim.again : boot_after_ms(now, LOOK_MS);
    pawli_unit_done(&unit);
    return status;
}

/* All kinds once, the next first in another round; when to look again, at the latest. */
static struct boot_time claim_all(struct pawl_executor *executor)
{
    struct boot_time now = executor->env->ops->boot_now(executor->env), next = boot_after_ms(now, LOOK_MS);
    for (size_t i = 0; i < executor->kind_count && !atomic_load(&executor->stopping); i++) {
        struct kind_entry *entry = executor->kinds[(executor->first_kind + i) % executor->kind_count];
        pawl_error error;
        size_t took, room = free_seats(executor);
        if (room == 0)
            return next; /* who gets free says so */
        if (claim_kind(executor, entry, room, &took, &error) < 0) {
            tell(executor, "claim_failed", entry->name, NULL, &error);
            continue;
        }
        next = boot_earlier(next, entry->again);
    }
    executor->first_kind = (executor->first_kind + 1) % executor->kind_count;
    return next;
}

static void *claim_until_stopped(void *data)
{
    struct pawl_executor *executor = data;
    struct env *env = executor->env;
    while (!atomic_load(&executor->stopping)) {
        uint32_t seen = atomic_load(&executor->word);
        struct boot_time next = boot_earlier(renew(executor), claim_all(executor));
        if (!atomic_load(&executor->stopping))
            env->ops->wait(env, &executor->word, seen, next);
    }
    return NULL;
}

/* ---- driving ---- */

static struct seat *take_seat(struct pawl_executor *executor)
{
    for (size_t i = 0; i < executor->thread_count; i++)
        if (executor->seats[i].state == SEAT_TAKEN)
            return &executor->seats[i];
    return NULL;
}

static void *drive_until_stopped(void *data)
{
    struct pawl_executor *executor = data;
    struct seat *seat;
    pthread_mutex_lock(&executor->lock);
    for (;;) {
        while (!(seat = take_seat(executor)) && !executor->stopped) /* none is claimed for it any more */
            pthread_cond_wait(&executor->work, &executor->lock);
        if (!seat)
            break;
        seat->state = SEAT_RUNS;
        pthread_mutex_unlock(&executor->lock);
        if (atomic_load(&executor->stopping))
            pawli_drive_release(&seat->drive);
        else
            pawli_drive(&seat->drive);
        pthread_mutex_lock(&executor->lock);
        seat->state = SEAT_FREE;
        pawli_drive_done(&seat->drive);
        executor->free++;
        pthread_cond_broadcast(&executor->idle);
        wake_claimer(executor);
    }
    pthread_mutex_unlock(&executor->lock);
    return NULL;
}

/* ---- its life ---- */

int pawl_executor_new(pawl_store *store, const pawl_executor_options *options, pawl_executor **ret_executor,
                      pawl_error *err)
{
    pawl_executor_options copy = {0};
    int status = pawli_check_given(err, store, ret_executor);
    if (status < 0)
        return status;
    if (options && !pawli_copy_options(&copy, sizeof copy, options))
        return pawli_bad_struct("pawl_executor_options", err);
    status = copy.consumer ? pawli_check_name("consumer", text_of(copy.consumer), err) : PAWL_OK;
    if (status == PAWL_OK)
        status = pawli_check_range("threads", copy.threads, 0, THREADS_MAX, err);
    if (status == PAWL_OK && copy.lease_ms)
        status = pawli_check_range("lease_ms", copy.lease_ms, 1, LIMIT_LEASE_MS, err);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    struct pawl_executor *executor = status == PAWL_OK ? pawli_alloc(sizeof *executor) : NULL;
    if (status == PAWL_OK && !executor)
        status = pawli_no_memory(err);
    if (status == PAWL_OK)
        status = pawl_store_scope(store, store->scope_text, &executor->store, err);
    if (status < 0) {
        pawli_free(executor);
        return status;
    }
    executor->env = store->opened->env;
    executor->options = copy;
    executor->thread_count = copy.threads ? copy.threads : THREADS_DEFAULT;
    memcpy(executor->consumer, copy.consumer ? copy.consumer : "executor",
           strlen(copy.consumer ? copy.consumer : "executor"));
    executor->options.consumer = executor->consumer;
    executor->listener.news = news;
    pthread_mutex_init(&executor->lock, NULL);
    pthread_cond_init(&executor->work, NULL);
    pthread_condattr_t condition;
    pthread_condattr_init(&condition);
    pthread_condattr_setclock(&condition, CLOCK_MONOTONIC);
    pthread_cond_init(&executor->idle, &condition);
    pthread_condattr_destroy(&condition);
    *ret_executor = executor;
    return PAWL_OK;
}

struct kind_entry *pawli_executor_kind(const struct pawl_executor *executor, const char *name)
{
    for (size_t i = 0; i < executor->kind_count; i++)
        if (strcmp(executor->kinds[i]->name, name) == 0)
            return executor->kinds[i];
    return NULL;
}

int pawli_read_kind(const pawl_kind *given, pawl_kind *kind, pawl_error *err)
{
    if (!pawli_copy_options(kind, sizeof *kind, given))
        return pawli_bad_struct("pawl_kind", err);
    int status = pawli_check_name("name", text_of(kind->name), err);
    if (status == PAWL_OK && !kind->advance == !kind->code)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "kind %s has advance and code, or neither", kind->name),
                            "give one: advance of a state machine, code of a function");
    if (status == PAWL_OK)
        status = pawli_check_range("version", kind->version, 0, INT32_MAX, err);
    if (status == PAWL_OK)
        status = pawli_check_range("retries", kind->retries, 0, 1000000, err);
    return status == PAWL_OK ? pawli_check_range("rejections", kind->rejections, 0, 1000000, err) : status;
}

int pawl_executor_register(pawl_executor *executor, const pawl_kind *kind, pawl_error *err)
{
    pawl_kind copy;
    int status = pawli_check_given(err, executor, kind);
    if (status == PAWL_OK)
        status = pawli_read_kind(kind, &copy, err);
    if (status == PAWL_OK && (executor->started || pawli_executor_kind(executor, copy.name)))
        status = pawli_fail(err, PAWL_EREFUSED,
                            executor->started ? "kind %s comes too late: the executor was started"
                                              : "kind %s is registered already",
                            copy.name);
    if (status < 0)
        return status;
    struct kind_entry **kinds = pawli_alloc((executor->kind_count + 1) * sizeof *kinds);
    struct kind_entry *entry = pawli_alloc(sizeof *entry);
    if (!kinds || !entry) {
        pawli_free(kinds);
        pawli_free(entry);
        return pawli_no_memory(err);
    }
    entry->kind = copy;
    memcpy(entry->name, copy.name, strlen(copy.name));
    entry->kind.name = entry->name;
    entry->queue = pawli_queue_hash(executor->store->scope, TEXT(WORKFLOW_LANE), text_of(entry->name));
    if (executor->kind_count)
        memcpy(kinds, executor->kinds, executor->kind_count * sizeof *kinds);
    kinds[executor->kind_count++] = entry;
    pawli_free(executor->kinds);
    executor->kinds = kinds;
    return PAWL_OK;
}

/* The stacks are small: a step's callback says for itself what it needs beyond. */
static int start_threads(struct pawl_executor *executor, pawl_error *err)
{
    size_t started = 0;
    while (started < executor->thread_count &&
           pthread_create(&executor->threads[started], NULL, drive_until_stopped, executor) == 0)
        started++;
    if (started == executor->thread_count &&
        pthread_create(&executor->claimer, NULL, claim_until_stopped, executor) == 0)
        return PAWL_OK;
    pthread_mutex_lock(&executor->lock);
    executor->stopped = true;
    pthread_cond_broadcast(&executor->work);
    pthread_mutex_unlock(&executor->lock);
    for (size_t i = 0; i < started; i++)
        pthread_join(executor->threads[i], NULL);
    executor->stopped = false;
    return pawli_fail(err, PAWL_ENOMEM, "%zu threads of an executor could not be started", executor->thread_count + 1);
}

int pawl_executor_start(pawl_executor *executor, pawl_error *err)
{
    int status = pawli_check_given(err, executor);
    if (status < 0)
        return status;
    if (executor->started || executor->kind_count == 0)
        return pawli_fail(err, PAWL_EREFUSED,
                          executor->started ? "the executor was started before" : "no kind is registered");
    executor->seats = pawli_alloc(executor->thread_count * sizeof *executor->seats);
    executor->threads = pawli_alloc(executor->thread_count * sizeof *executor->threads);
    if (executor->seats && executor->threads)
        status = start_threads(executor, err);
    else
        status = pawli_no_memory(err);
    if (status < 0) {
        pawli_free(executor->seats);
        pawli_free(executor->threads);
        executor->seats = NULL;
        executor->threads = NULL;
        return status;
    }
    pthread_mutex_lock(&executor->lock);
    for (size_t i = 0; i < executor->thread_count; i++) {
        executor->seats[i].next = executor->all;
        executor->all = &executor->seats[i];
    }
    executor->free = executor->thread_count;
    executor->started = true;
    pthread_mutex_unlock(&executor->lock);
    pawli_committer_listen(&executor->store->opened->committer, &executor->listener);
    wake_claimer(executor);
    return PAWL_OK;
}

static struct timespec in_ns(int64_t ns)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (ns + at.tv_nsec) / 1000000000;
    at.tv_nsec = (ns + at.tv_nsec) % 1000000000;
    return at;
}

/* Until nothing runs, or the time is over: then what runs goes on, and its threads are joined when it is freed. Who claims
 * renews no lease any more. */
static void wait_idle(struct pawl_executor *executor, int64_t grace_ms)
{
    struct env *env = executor->env;
    const struct boot_time until = boot_after_ms(env->ops->boot_now(env), grace_ms);
    bool is_idle = false;
    for (struct boot_time now; !is_idle && (now = env->ops->boot_now(env)).ns < until.ns;) {
        const struct timespec next = in_ns(boot_earlier(until, renew(executor)).ns - now.ns);
        pthread_mutex_lock(&executor->lock);
        if (executor->free < executor->thread_count)
            pthread_cond_timedwait(&executor->idle, &executor->lock, &next);
        is_idle = executor->free == executor->thread_count;
        pthread_mutex_unlock(&executor->lock);
    }
}

/* In a child of a fork there is no thread of it: it is left as it is. */
static bool is_here(const struct pawl_executor *executor)
{
    return pawli_store_is_here(executor->store->opened->store);
}

void pawl_executor_stop(pawl_executor *executor, int64_t grace_ms)
{
    if (!executor || !is_here(executor) || !executor->started || atomic_exchange(&executor->stopping, true))
        return;
    pawli_committer_unlisten(&executor->store->opened->committer, &executor->listener);
    wake_claimer(executor);
    pthread_join(executor->claimer, NULL);
    pthread_mutex_lock(&executor->lock);
    executor->stopped = true;
    pthread_cond_broadcast(&executor->work);
    pthread_mutex_unlock(&executor->lock);
    wait_idle(executor, grace_ms);
}

void pawl_executor_free(pawl_executor *executor)
{
    if (!executor || !is_here(executor))
        return;
    pawl_executor_stop(executor, 0);
    for (size_t i = 0; executor->started && i < executor->thread_count; i++)
        pthread_join(executor->threads[i], NULL);
    for (size_t i = 0; i < executor->kind_count; i++)
        pawli_free(executor->kinds[i]);
    pawli_free(executor->kinds);
    pawli_free(executor->seats);
    pawli_free(executor->threads);
    pthread_mutex_destroy(&executor->lock);
    pthread_cond_destroy(&executor->work);
    pthread_cond_destroy(&executor->idle);
    pawl_store_close(executor->store);
    pawli_free(executor);
}
