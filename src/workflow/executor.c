/* SPDX-License-Identifier: MIT */
/* The executor: one thread claims what is due, for as many seats as are free, and renews leases; the others drive what it
 * claimed. Who asks for one workflow drives it in his own thread. */
#include <pthread.h>

#include "model/check.h"
#include "workflow/drive.h"

#define THREADS_DEFAULT 8
#define THREADS_MAX     1024
#define LOOK_MS         1000 /* at the latest, for what nobody told of */

enum seat_state { SEAT_FREE, SEAT_TAKEN, SEAT_RUNS };

/* One workflow under a claim: a thread's, or that of who drives one himself. */
struct seat {
    struct seat *next; /* of all */
    enum seat_state state;
    struct drive drive;
    int64_t lease_ms;
    struct boot_time renew; /* then */
};

struct kind_entry {
    pawl_kind kind;
    char name[LIMIT_NAME + 1];
    uint64_t queue;         /* the hash of its queue's name */
    struct boot_time again; /* nothing is due before, as far as is known */
    _Atomic bool has_news;
};

struct pawl_executor {
    pawl_store *store;
    struct env *env;
    char consumer[LIMIT_NAME + 1];
    pawl_executor_options options;
    struct kind_entry **kinds;
    size_t kind_count, first_kind; /* whose turn it is */
    struct listener listener;
    _Atomic bool stopping;
    _Atomic uint32_t word; /* of the claiming thread: changes when it shall look */
    pthread_mutex_t lock;  /* of what follows */
    pthread_cond_t work, idle;
    struct seat *seats; /* of the threads */
    struct seat *all;
    size_t free, busy;
    bool started, stopped;
    pthread_t claimer, *threads;
    size_t thread_count;
};

/* ---- news ---- */

static void wake_claimer(struct pawl_executor *executor)
{
    atomic_fetch_add(&executor->word, 1);
    executor->env->ops->wake(executor->env, &executor->word, 1);
}

static void news(struct listener *listener, const uint64_t *queues, size_t count)
{
    struct pawl_executor *executor = (struct pawl_executor *)((char *)listener - offsetof(struct pawl_executor, listener));
    bool is_ours = false;
    for (size_t i = 0; i < executor->kind_count; i++) {
        bool is_told = count == 0;
        for (size_t j = 0; j < count && !is_told; j++)
            is_told = queues[j] == executor->kinds[i]->queue;
        if (is_told)
            atomic_store(&executor->kinds[i]->has_news, true);
        is_ours |= is_told;
    }
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

static int fill_seat(struct pawl_executor *executor, struct seat *seat, const struct kind_entry *entry,
                     const struct claimed *item, pawl_error *err)
{
    int status = pawli_drive_init(&seat->drive, executor->store, &entry->kind, item, err);
    if (status < 0)
        return status;
    int64_t left = item->lease_until.ms - executor->env->ops->wall_now(executor->env).ms;
    seat->lease_ms = left > 0 ? left : 1;
    seat->renew = boot_after_ms(executor->env->ops->boot_now(executor->env), seat->lease_ms / 3);
    seat->drive.lease_ms = executor->options.lease_ms;
    seat->drive.stopping = &executor->stopping;
    seat->drive.tell = tell_of_drive;
    seat->drive.tell_data = executor;
    return PAWL_OK;
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
            seat->renew = boot_after_ms(now, seat->lease_ms / 3);
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

static void give_to_threads(struct pawl_executor *executor, struct kind_entry *entry, const struct claim *claim)
{
    pthread_mutex_lock(&executor->lock);
    size_t at = 0;
    for (size_t i = 0; i < executor->thread_count && at < claim->count; i++) {
        struct seat *seat = &executor->seats[i];
        pawl_error error;
        if (seat->state != SEAT_FREE)
            continue;
        const struct claimed *item = &claim->items[at++];
        if (fill_seat(executor, seat, entry, item, &error) < 0) { /* its lease ends, and somebody takes it again */
            tell(executor, "claim_failed", entry->name, NULL, &error);
            continue;
        }
        seat->state = SEAT_TAKEN;
        executor->free--;
    }
    pthread_cond_broadcast(&executor->work);
    pthread_mutex_unlock(&executor->lock);
}

static struct consume how_to_claim(const struct pawl_executor *executor, const char *kind, const char *id,
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
    const struct consume how = how_to_claim(executor, entry->name, NULL, (uint32_t)(room < LIMIT_CLAIM ? room
                                                                                                       : LIMIT_CLAIM));
    struct boot_time now = executor->env->ops->boot_now(executor->env);
    bool worth_it;
    *took = 0;
    atomic_store(&entry->has_news, false);
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
    for (size_t i = 0; i < executor->kind_count; i++) {
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
        while (!(seat = take_seat(executor)) && !executor->stopped && !atomic_load(&executor->stopping))
            pthread_cond_wait(&executor->work, &executor->lock);
        if (!seat)
            break;
        seat->state = SEAT_RUNS;
        executor->busy++;
        pthread_mutex_unlock(&executor->lock);
        if (atomic_load(&executor->stopping))
            pawli_drive_release(&seat->drive);
        else
            pawli_drive(&seat->drive);
        pthread_mutex_lock(&executor->lock);
        seat->state = SEAT_FREE;
        pawli_drive_done(&seat->drive);
        executor->free++;
        executor->busy--;
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
    memcpy(executor->consumer, copy.consumer ? copy.consumer : "executor", strlen(copy.consumer ? copy.consumer : "executor"));
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

static struct kind_entry *find_kind(const struct pawl_executor *executor, const char *name)
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

int pawl_executor_register(pawl_executor *executor, const pawl_kind *given, pawl_error *err)
{
    pawl_kind kind;
    int status = pawli_check_given(err, executor, given);
    if (status == PAWL_OK)
        status = pawli_read_kind(given, &kind, err);
    if (status == PAWL_OK && (executor->started || find_kind(executor, kind.name)))
        status = pawli_fail(err, PAWL_EREFUSED,
                            executor->started ? "kind %s comes too late: the executor was started"
                                              : "kind %s is registered already",
                            kind.name);
    if (status < 0)
        return status;
    struct kind_entry **kinds = pawli_alloc((executor->kind_count + 1) * sizeof *kinds);
    struct kind_entry *entry = pawli_alloc(sizeof *entry);
    if (!kinds || !entry) {
        pawli_free(kinds);
        pawli_free(entry);
        return pawli_no_memory(err);
    }
    entry->kind = kind;
    memcpy(entry->name, kind.name, strlen(kind.name));
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
    atomic_store(&executor->stopping, true);
    pthread_mutex_lock(&executor->lock);
    pthread_cond_broadcast(&executor->work);
    pthread_mutex_unlock(&executor->lock);
    for (size_t i = 0; i < started; i++)
        pthread_join(executor->threads[i], NULL);
    atomic_store(&executor->stopping, false);
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

/* Until nothing runs, or the time is over: then what runs goes on, and its threads are joined when it is freed. */
static void wait_idle(struct pawl_executor *executor, int64_t grace_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += grace_ms / 1000;
    until.tv_nsec += grace_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&executor->lock);
    while (executor->free < executor->thread_count)
        if (pthread_cond_timedwait(&executor->idle, &executor->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&executor->lock);
}

void pawl_executor_stop(pawl_executor *executor, int64_t grace_ms)
{
    if (!executor || !executor->started || atomic_exchange(&executor->stopping, true))
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
    if (!executor)
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

/* ---- one workflow, in the caller's thread ---- */

static void enter(struct pawl_executor *executor, struct seat *seat)
{
    pthread_mutex_lock(&executor->lock);
    seat->state = SEAT_RUNS;
    seat->next = executor->all;
    executor->all = seat;
    pthread_mutex_unlock(&executor->lock);
    wake_claimer(executor); /* whose lease it renews */
}

static void leave(struct pawl_executor *executor, struct seat *seat)
{
    pthread_mutex_lock(&executor->lock);
    struct seat **at = &executor->all;
    while (*at != seat)
        at = &(*at)->next;
    *at = seat->next;
    pthread_mutex_unlock(&executor->lock);
}

/* Claims it and drives it until it is off; false: nobody could claim it now. */
static int drive_once(struct pawl_executor *executor, const struct kind_entry *entry, const char *id, bool *drove,
                      pawl_error *outcome, pawl_error *err)
{
    const struct consume how = how_to_claim(executor, entry->name, id, 1);
    struct unit unit;
    struct claim claim;
    struct seat seat = {0};
    *drove = false;
    int status = pawli_consume(executor->store, &how, &unit, &claim, err);
    bool is_taken = status == PAWL_OK && claim.count == 1;
    if (is_taken)
        status = fill_seat(executor, &seat, entry, claim.items, err);
    pawli_unit_done(&unit);
    if (status < 0 || !is_taken)
        return status;
    enter(executor, &seat);
    pawli_drive(&seat.drive);
    leave(executor, &seat);
    *outcome = seat.drive.error;
    pawli_drive_done(&seat.drive);
    *drove = true;
    return PAWL_OK;
}

/* How it stands, and what there is to wait for. */
struct standing {
    bool has_ended, is_stuck, is_parked, is_running;
    struct wall_time due; /* of what waits */
    pawl_error error;     /* of its last attempt, or its end; OK: none */
};

static int read_standing(pawl_store *store, const char *kind, const char *id, struct standing *standing, pawl_error *err)
{
    struct page page;
    int status = pawli_read_workflow_row(store, kind, id, &page, err);
    if (status < 0)
        return status;
    const struct workflow_item *item = page.workflows;
    const struct failure *failure = &item->task.failure;
    const char *text = pawli_workflow_status(&item->workflow, &item->task, page.wall);
    *standing = (struct standing){.has_ended = item->task.place == PLACE_ENDED,
                                  .is_stuck = strcmp(text, "stuck") == 0,
                                  .is_parked = strcmp(text, "parked") == 0,
                                  .is_running = strcmp(text, "running") == 0 && !item->lost,
                                  .due = item->task.due};
    bool has_failed = failure->class != ERROR_NONE &&
                      !(item->task.place == PLACE_ENDED && item->task.ended == STATE_DELIVERED);
    if (has_failed)
        pawl_error_set(&standing->error, failure->class == ERROR_TRANSIENT ? PAWL_EUNAVAIL : PAWL_EREJECTED, "%.*s",
                       TEXT_ARG(failure->text));
    pawli_page_done(&page);
    return PAWL_OK;
}

struct driving {
    struct pawl_executor *executor;
    const struct kind_entry *entry;
    const char *id;
    bool until_done;
    struct boot_time until;
    pawl_error outcome; /* of what was driven here */
};

static int refuse_busy(const struct driving *d, const struct standing *standing, pawl_error *err)
{
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EBUSY, standing->is_running ? "workflow %s/%s: somebody else drives it"
                                                                       : "workflow %s/%s did not end in time",
                                 d->entry->name, d->id),
                      "what it does goes on; ask again later, or see \"pawl why\"");
}

/* One look at it, and what is to be done now. OK: `over` says whether that was all. */
static int drive_now(struct driving *d, bool *over, struct boot_time *next, bool is_first, pawl_error *err)
{
    struct pawl_executor *executor = d->executor;
    struct env *env = executor->env;
    struct standing standing;
    bool drove = false;
    int status = read_standing(executor->store, d->entry->name, d->id, &standing, err);
    if (status < 0)
        return status;
    bool is_due = standing.due.ms <= env->ops->wall_now(env).ms;
    bool may_drive = !standing.has_ended && !standing.is_stuck && !standing.is_running && (is_first || is_due);
    if (may_drive)
        status = drive_once(executor, d->entry, d->id, &drove, &d->outcome, err);
    if (status == PAWL_OK && drove)
        status = read_standing(executor->store, d->entry->name, d->id, &standing, err);
    if (status < 0)
        return status;
    *next = boot_of_wall(standing.due, env->ops->wall_now(env), env->ops->boot_now(env));
    *over = standing.has_ended || standing.is_stuck || (standing.is_parked && !d->until_done);
    if (*over && !drove && standing.error.status < 0)
        d->outcome = standing.error;
    if (!*over && env->ops->boot_now(env).ns >= d->until.ns) {
        if (d->outcome.status < 0 && !standing.is_running) { /* it waits because of an error: that says more */
            *over = true;
            return PAWL_OK;
        }
        return refuse_busy(d, &standing, err);
    }
    return PAWL_OK;
}

static int drive_until(struct driving *d, pawl_error *err)
{
    struct pawl_executor *executor = d->executor;
    struct store *inner = executor->store->opened->store;
    struct env *env = executor->env;
    bool over = false, is_first = true;
    int status = PAWL_OK;
    pawli_store_listen(inner, true);
    while (status == PAWL_OK && !over) {
        uint64_t seen = pawli_store_news(inner, NEWS_COMMIT);
        struct boot_time next;
        status = drive_now(d, &over, &next, is_first, err);
        is_first = false;
        if (status < 0 || over)
            break;
        struct boot_time now = env->ops->boot_now(env);
        next = next.ns <= now.ns ? boot_after_ms(now, LOOK_MS) : next; /* it is due, and somebody else has it */
        pawli_store_wait(inner, NEWS_COMMIT, seen, boot_earlier(next, d->until));
    }
    pawli_store_listen(inner, false);
    return status;
}

int pawl_executor_drive(pawl_executor *executor, const char *kind, const char *id, int until_done, int64_t wait_ms,
                        pawl_workflows **ret_workflow, pawl_error *err)
{
    int status = pawli_check_given(err, executor, kind, id);
    if (status == PAWL_OK)
        status = pawli_check_kind_and_id(kind, id, err);
    if (status == PAWL_OK)
        status = pawli_check_range("wait_ms", wait_ms, 0, INT64_MAX / 1000000, err);
    if (status < 0)
        return status;
    struct driving d = {.executor = executor,
                        .entry = find_kind(executor, kind),
                        .id = id,
                        .until_done = until_done != 0,
                        .until = boot_after_ms(executor->env->ops->boot_now(executor->env), wait_ms)};
    if (!d.entry)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "kind %s is not registered", kind),
                          "call pawl_executor_register first");
    pawl_error error = {0};
    status = drive_until(&d, &error);
    bool is_there = status != PAWL_ENOTFOUND; /* what it waits for may be missing, too */
    if (status == PAWL_OK && d.outcome.status < 0) {
        error = d.outcome;
        status = error.status;
    }
    if (ret_workflow && is_there) {
        pawl_error second;
        int read = pawl_workflow_get(executor->store, kind, id, ret_workflow, status == PAWL_OK ? &error : &second);
        if (status == PAWL_OK)
            status = read;
    }
    if (err && status < 0)
        *err = error;
    return status;
}
