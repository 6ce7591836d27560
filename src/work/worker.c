/* SPDX-License-Identifier: MIT */
/* The worker's life: options, sinks, its step, stopping. */
#include "work/work.h"

#include <sys/resource.h>

#include "model/check.h"

#define POLL_MS 1000

const struct sink_ops *const pawli_sinks[SINKS] = {&pawli_sink_callback, &pawli_sink_http, &pawli_sink_exec,
                                                   &pawli_sink_file,     &pawli_sink_nats, &pawli_sink_amqp};

void pawli_tell(struct worker *worker, const pawl_worker_event *event)
{
    if (!worker->options.tell)
        return;
    pawl_worker_event told = *event;
    told.struct_size = sizeof told;
    worker->options.tell(worker->options.tell_data, &told);
}

void pawli_tell_error(struct worker *worker, const char *name, int level, const pawl_error *error)
{
    pawli_tell(worker, &(pawl_worker_event){.name = name, .level = level, .text = error->text});
}

void pawli_count(struct worker *worker, uint64_t *counter)
{
    pthread_mutex_lock(&worker->lock);
    ++*counter;
    pthread_mutex_unlock(&worker->lock);
}

/* ---- sinks ---- */

static bool serves(const struct sink_ops *ops, const struct sink_host *host, const char *url, enum phase phase)
{
    for (const char *const *scheme = ops->schemes; *scheme && (phase == PHASE_SEND || ops->asks); scheme++) {
        size_t size = strlen(*scheme);
        if (strncmp(url, *scheme, size) == 0 && url[size] == ':')
            return !ops->serves || ops->serves(host, url, phase);
    }
    return false;
}

struct sink *pawli_sink_for(struct worker *worker, const char *url, enum phase phase)
{
    struct sink_host host = {
        .env = worker->opened->env, .engine = &worker->engine, .rules = &worker->rules, .callbacks = worker->callbacks};
    for (size_t i = 0; i < SINKS; i++) {
        if (!serves(pawli_sinks[i], &host, url, phase))
            continue;
        pawl_error error;
        if (!worker->sinks[i] && !worker->sink_failed[i] &&
            pawli_sinks[i]->open(&host, &worker->sinks[i], &error) < 0) {
            worker->sink_failed[i] = true;
            pawli_tell_error(worker, "sink_failed", 0, &error);
        }
        return worker->sinks[i];
    }
    return NULL;
}

static struct boot_time step_sinks(struct worker *worker, struct boot_time now)
{
    struct boot_time next = BOOT_NEVER;
    for (size_t i = 0; i < SINKS; i++)
        if (worker->sinks[i] && worker->sinks[i]->ops->step)
            next = boot_earlier(next, worker->sinks[i]->ops->step(worker->sinks[i], now));
    return next;
}

static void close_sinks(struct worker *worker)
{
    for (size_t i = 0; i < SINKS; i++)
        if (worker->sinks[i])
            worker->sinks[i]->ops->close(worker->sinks[i]);
    memset(worker->sinks, 0, sizeof worker->sinks);
}

/* ---- the engine ---- */

static bool sinks_are_idle(const struct worker *worker)
{
    for (size_t i = 0; i < SINKS; i++)
        if (worker->sinks[i] && worker->sinks[i]->ops->is_idle && !worker->sinks[i]->ops->is_idle(worker->sinks[i]))
            return false;
    return true;
}

static bool is_drained(const struct worker *worker)
{
    return sinks_are_idle(worker) && !worker->in_flight && !worker->finished && worker->units == 0 &&
           !pawli_survey_is_running(worker) && !worker->sweeping.is_running && !worker->scheduling.is_running;
}

/* After its grace a stopping worker leaves what it cannot settle: the leases, or the end of the process, give it back. */
static bool gives_up(const struct worker *worker, struct boot_time now)
{
    return sinks_are_idle(worker) && now.ns > boot_after_ms(worker->stop_by, 5 * PAUSE_MS).ns && !worker->in_flight &&
           worker->units == 0 && !pawli_survey_is_running(worker) && !worker->sweeping.is_running &&
           !worker->scheduling.is_running;
}

static void note_stopped(struct worker *worker)
{
    atomic_store(&worker->state, WORKER_STOPPED);
    pawli_run_tell(worker->opened);
}

static void count_in_flight(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stats.in_flight = worker->usage.sends;
    pthread_mutex_unlock(&worker->lock);
}

static struct boot_time step(struct engine *engine, struct boot_time now)
{
    struct worker *worker = (struct worker *)engine;
    int state = atomic_load(&worker->state);
    pawli_engine_take_inbox(engine);
    struct boot_time next = step_sinks(worker, now);
    next = boot_earlier(next, pawli_check_deliveries(worker, now));
    pawli_settle_finished(worker, now);
    count_in_flight(worker);
    if (worker->finished)
        next = boot_earlier(next, worker->settle_at);
    if (state == WORKER_STOPS) {
        pawli_survey_end(worker);
        if ((is_drained(worker) && pawli_presence_leave(worker)) || gives_up(worker, now))
            note_stopped(worker);
        return boot_earlier(next, now.ns < worker->stop_by.ns ? worker->stop_by : boot_after_ms(now, 100));
    }
    if (state != WORKER_WORKS)
        return BOOT_NEVER;
    next = boot_earlier(next, pawli_presence_tell(worker, now));
    pawli_take_hints(worker, now);
    next = boot_earlier(next, pawli_survey_step(worker, now));
    next = boot_earlier(next, pawli_schedules_step(worker, now));
    pawli_claim_due(worker, now);
    next = boot_earlier(next, pawli_due_next(&worker->due));
    if (!worker->sweeping.is_running && now.ns >= worker->next_sweep.ns)
        pawli_sweep_start(worker);
    return worker->sweeping.is_running ? next : boot_earlier(next, worker->next_sweep);
}

static bool stop(struct engine *engine, struct boot_time by)
{
    struct worker *worker = (struct worker *)engine;
    (void)by;
    return atomic_load(&worker->state) == WORKER_STOPPED;
}

static const struct engine_ops worker_engine = {"worker", step, stop};

static void news(struct listener *listener, const uint64_t *queues, size_t count)
{
    struct worker *worker = (struct worker *)((char *)listener - offsetof(struct worker, listener));
    pthread_mutex_lock(&worker->hint_lock);
    worker->has_news |= count == 0;
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t j = 0; j < worker->hint_count && !known; j++)
            known = worker->hints[j] == queues[i];
        if (!known && worker->hint_count == HINTS_MAX)
            worker->has_news = true;
        else if (!known)
            worker->hints[worker->hint_count++] = queues[i];
    }
    pthread_mutex_unlock(&worker->hint_lock);
    pawli_engine_wake(&worker->engine);
}

/* ---- life ---- */

static const char *keep(struct worker *worker, const char *string)
{
    return pawli_arena_text(&worker->texts, text_of(string)).data;
}

static const char *const *keep_list(struct worker *worker, const char *const *list, size_t count)
{
    const char **kept = arena_array(&worker->texts, const char *, count ? count : 1);
    for (size_t i = 0; kept && i < count; i++)
        kept[i] = keep(worker, list[i]);
    return kept;
}

/* A list of texts, each of which is there. */
static int check_texts(const char *field, const char *const *list, size_t count, pawl_error *err)
{
    int status = pawli_check_bytes(field, list, count, err);
    for (size_t i = 0; status == PAWL_OK && i < count; i++)
        if (!list[i])
            status = pawli_fail(err, PAWL_EINVAL, "%s: item %zu is NULL", field, i + 1);
    return status;
}

static int check_lists(const pawl_worker_options *options, pawl_error *err)
{
    const struct {
        const char *field;
        const char *const *list;
        size_t count;
    } lists[] = {{"lanes", options->lanes, options->lane_count},
                 {"allow_addresses", options->allow_addresses, options->allow_address_count},
                 {"allow_exec", options->allow_exec, options->allow_exec_count},
                 {"allow_file", options->allow_file, options->allow_file_count}};
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(lists); i++)
        status = check_texts(lists[i].field, lists[i].list, lists[i].count, err);
    return status;
}

static int too_many(const char *what, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_ELIMIT, "a worker has at most %d %s", LIMIT_WORKER_NAMES, what),
                      "start a second one for the others");
}

static int read_options(struct worker *worker, const pawl_worker_options *given, pawl_error *err)
{
    pawl_worker_options *options = &worker->options;
    if (!pawli_copy_options(options, sizeof *options, given))
        return pawli_bad_struct("pawl_worker_options", err);
    if (!options->consumer)
        options->consumer = "worker";
    int status = pawli_check_name("consumer", text_of(options->consumer), err);
    if (status == PAWL_OK)
        status = check_lists(options, err);
    if (status == PAWL_OK && options->lane_count > LIMIT_WORKER_NAMES)
        status = too_many("lanes", err);
    for (size_t i = 0; status == PAWL_OK && i < options->lane_count; i++)
        status = pawli_check_name("lane", text_of(options->lanes[i]), err);
    if (status < 0)
        return status;
    options->poll_ms = options->poll_ms ? options->poll_ms : POLL_MS;
    options->consumer = keep(worker, options->consumer);
    options->own_address = keep(worker, options->own_address);
    options->ca_file = keep(worker, options->ca_file);
    options->lanes = keep_list(worker, options->lanes, options->lane_count);
    worker->rules = (struct sink_rules){
        .addresses = keep_list(worker, options->allow_addresses, options->allow_address_count),
        .address_count = options->allow_address_count,
        .exec_dirs = keep_list(worker, options->allow_exec, options->allow_exec_count),
        .exec_dir_count = options->allow_exec_count,
        .file_dirs = keep_list(worker, options->allow_file, options->allow_file_count),
        .file_dir_count = options->allow_file_count,
        .own_address = options->own_address,
        .ca_file = options->ca_file};
    if (pawli_arena_failed(&worker->texts))
        return pawli_no_memory(err);
    for (size_t i = 0; status == PAWL_OK && i < SINKS; i++)
        if (pawli_sinks[i]->check)
            status = pawli_sinks[i]->check(&worker->rules, err);
    return status;
}

int pawl_worker_new(pawl_store *store, const pawl_worker_options *options, pawl_worker **ret_worker, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_worker);
    if (status < 0)
        return status;
    pawl_worker *made = pawli_alloc(sizeof *made);
    if (!made)
        return pawli_no_memory(err);
    struct worker *worker = &made->worker;
    status = pawli_store_check_write(store->opened->store, err);
    if (status == PAWL_OK)
        status = read_options(worker, options, err);
    if (status == PAWL_OK)
        status = pawl_store_scope(store, store->scope_text, &worker->store, err);
    if (status < 0) {
        pawli_arena_done(&worker->texts);
        pawli_free(made);
        return status;
    }
    worker->opened = store->opened;
    worker->finished_last = &worker->finished;
    worker->next_check = worker->next_renewal = BOOT_NEVER;
    worker->listener = (struct listener){.news = news};
    pawli_due_init(&worker->due);
    pawli_engine_init(&worker->engine, &worker_engine);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_mutex_init(&worker->hint_lock, NULL);
    *ret_worker = made;
    return PAWL_OK;
}

static int check_worker(const pawl_worker *worker, pawl_error *err)
{
    return pawli_check_given(err, worker);
}

static int register_callback(pawl_worker *made, const char *name, const struct callback *given, pawl_error *err)
{
    int status = check_worker(made, err);
    if (status == PAWL_OK)
        status = pawli_check_given(err, name);
    if (status == PAWL_OK)
        status = pawli_check_call(err, given->is_asked ? "probe" : "deliver", given->function != NULL);
    if (status == PAWL_OK)
        status = pawli_check_name("callback", text_of(name), err);
    if (status < 0)
        return status;
    struct worker *worker = &made->worker;
    if (atomic_load(&worker->state) != WORKER_IDLE)
        return pawli_fail(err, PAWL_EREFUSED, "callbacks are registered before the worker is started");
    if (worker->callback_count == LIMIT_WORKER_NAMES)
        return too_many("callbacks", err);
    struct callback *callback = arena_new(&worker->texts, struct callback);
    if (!callback)
        return pawli_no_memory(err);
    *callback = *given;
    memcpy(callback->name, name, strlen(name));
    callback->next = worker->callbacks;
    worker->callbacks = callback;
    worker->callback_count++;
    return PAWL_OK;
}

int pawl_worker_callback(pawl_worker *worker, const char *name, pawl_deliver *deliver, void *data, pawl_error *err)
{
    return register_callback(worker, name, &(struct callback){.function = deliver, .data = data}, err);
}

int pawl_worker_probe(pawl_worker *worker, const char *name, pawl_probe *probe, void *data, pawl_error *err)
{
    return register_callback(worker, name, &(struct callback){.function = probe, .data = data, .is_asked = true}, err);
}

int pawl_worker_start(pawl_worker *made, pawl_error *err)
{
    int status = check_worker(made, err);
    if (status < 0)
        return status;
    struct worker *worker = &made->worker;
    int idle = WORKER_IDLE;
    status = pawli_store_check_write(worker->opened->store, err);
    if (status < 0)
        return status;
    struct rlimit limit = {.rlim_cur = 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    worker->send_max = pawli_budget_sends(limit.rlim_cur);
    if (!atomic_compare_exchange_strong(&worker->state, &idle, WORKER_WORKS))
        return pawli_fail(err, PAWL_EREFUSED, "the worker was started before");
    status = pawli_presence_init(worker) ? pawli_run_engine(worker->opened, &worker->engine, err)
                                         : pawli_no_memory(err);
    if (status < 0) {
        atomic_store(&worker->state, WORKER_IDLE);
        return status;
    }
    pawli_committer_listen(&worker->opened->committer, &worker->listener);
    pawli_engine_wake(&worker->engine);
    return PAWL_OK;
}

void pawl_worker_stop(pawl_worker *made, int64_t grace_ms)
{
    if (!made)
        return;
    struct worker *worker = &made->worker;
    struct env *env = worker->opened->env;
    int works = WORKER_WORKS;
    if (!pawli_store_is_here(worker->opened->store))
        return;
    worker->stop_by = boot_after_ms(env->ops->boot_now(env), grace_ms);
    if (!atomic_compare_exchange_strong(&worker->state, &works, WORKER_STOPS))
        return;
    atomic_store(&worker->sweeping.shall_end, true);
    pawli_engine_wake(&worker->engine);
    pawli_run_until(worker->opened, &worker->state, WORKER_STOPPED);
    pawli_committer_unlisten(&worker->opened->committer, &worker->listener);
    pawli_loop_remove(worker->opened->loop, &worker->engine);
    close_sinks(worker);
}

void pawl_worker_free(pawl_worker *made)
{
    if (!made || !pawli_store_is_here(made->worker.opened->store))
        return;
    struct worker *worker = &made->worker;
    pawl_worker_stop(made, 0);
    pawli_abandon_finished(worker);
    pawli_worker_forget(worker);
    pawli_engine_done(&worker->engine);
    pthread_mutex_destroy(&worker->lock);
    pthread_mutex_destroy(&worker->hint_lock);
    pawl_store_close(worker->store);
    pawli_arena_done(&worker->texts);
    pawli_free(made);
}

void pawl_worker_get_stats(pawl_worker *made, pawl_worker_stats *ret_stats)
{
    if (!made)
        return;
    struct worker *worker = &made->worker;
    pthread_mutex_lock(&worker->lock);
    pawli_give_out(ret_stats, &worker->stats, sizeof worker->stats);
    pthread_mutex_unlock(&worker->lock);
}
