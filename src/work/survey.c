/* SPDX-License-Identifier: MIT */
/* The surveys: on another thread, which queues have something due; then, in steps, what that means for each. One reads the
 * queues of new messages, as soon as there are any; the other all that something waits in, and settles lost claims and makes
 * messages of what subscriptions relay. The sweep
 * is a job of its own. */
#include "journal/relay.h"
#include "model/urls.h"
#include "outbox/sweep.h"
#include "work/work.h"

/* ---- on the pool's thread ---- */

static void run(struct job *job)
{
    struct survey *survey = (struct survey *)job;
    struct worker *worker = survey->worker;
    struct query query = {.kind = QUERY_QUEUES, .wants_due = true, .limit = UINT32_MAX};
    if (!worker->options.all_scopes)
        query.scope = worker->store->scope;
    if (survey->is_news) {
        query.wants_news = true;
        query.after = worker->seen_news;
    }
    survey->error = survey->relay_error = (pawl_error){0};
    if (!survey->is_news)
        pawli_relay_all(worker->store, worker->options.all_scopes, &survey->relay_error);
    survey->status = survey->is_news ? PAWL_OK : pawli_sweep_lost(worker->store, &survey->next_lease, &survey->error);
    if (survey->status == PAWL_OK)
        survey->status = pawli_store_query(worker->opened->store, &query, &survey->page, &survey->error);
}

static void sweep(struct job *job)
{
    struct sweeping *sweeping = (struct sweeping *)job;
    sweeping->swept = (pawl_swept){PAWL_SWEPT};
    sweeping->error = (pawl_error){0};
    sweeping->status = pawli_sweep(sweeping->worker->store, &sweeping->shall_end, &sweeping->swept, &sweeping->error);
}

/* ---- in a step ---- */

static char *copy(struct text text)
{
    char *string = pawli_alloc(text.size + 1);
    if (string && text.size)
        memcpy(string, text.data, text.size);
    return string;
}

static bool same(const char *string, struct text text)
{
    return string ? text_is(text, string) : !text.data;
}

static void free_scope(struct scope *scope)
{
    pawli_free(scope->name);
    pawli_free(scope);
}

static void release_scope(struct worker *worker, struct scope *scope)
{
    if (!scope || --scope->targets > 0)
        return;
    pawli_links_remove(&worker->scopes, &scope->link);
    free_scope(scope);
}

static struct scope *hold_scope(struct worker *worker, struct text name)
{
    uint64_t hash = pawli_queue_hash(name, (struct text){0}, (struct text){0});
    for (struct link *link = NULL; (link = pawli_links_find(&worker->scopes, link, hash)) != NULL;) {
        struct scope *scope = (struct scope *)link;
        if (text_is(name, scope->name)) {
            scope->targets++;
            return scope;
        }
    }
    struct scope *scope = pawli_alloc(sizeof *scope);
    if (!scope)
        return NULL;
    scope->name = copy(name);
    scope->targets = 1;
    pawli_due_init_scope(&scope->due);
    if (scope->name && pawli_links_add(&worker->scopes, &scope->link, hash))
        return scope;
    free_scope(scope);
    return NULL;
}

static void free_target(struct worker *worker, struct target *target)
{
    release_scope(worker, target->scope);
    pawli_free(target->name);
    pawli_free(target);
}

static void release_target(struct worker *worker, struct target *target)
{
    if (!target || --target->queues > 0)
        return;
    pawli_links_remove(&worker->targets, &target->link);
    free_target(worker, target);
}

static struct target *hold_target_of(struct worker *worker, struct text scope, struct text name)
{
    uint64_t hash = pawli_queue_hash(scope, (struct text){0}, name);
    for (struct link *link = NULL; (link = pawli_links_find(&worker->targets, link, hash)) != NULL;) {
        struct target *target = (struct target *)link;
        if (text_is(scope, target->scope->name) && text_is(name, target->name)) {
            target->queues++;
            return target;
        }
    }
    struct target *target = pawli_alloc(sizeof *target);
    if (!target)
        return NULL;
    target->scope = hold_scope(worker, scope);
    target->name = copy(name);
    target->queues = 1;
    if (target->scope && target->name && pawli_links_add(&worker->targets, &target->link, hash)) {
        pawli_due_init_line(&target->line, &target->scope->due);
        return target;
    }
    free_target(worker, target);
    return NULL;
}

static void free_queue(struct queue *queue)
{
    char *texts[] = {queue->scope, queue->lane, queue->name, queue->urls, queue->secret_file, queue->headers};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        pawli_free(texts[i]);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        pawli_free(queue->duties[phase].url);
    release_target(queue->worker, queue->target);
    pawli_secret_release(queue->secret);
    pawl_store_close(queue->store);
    pawli_free(queue);
}

static struct queue *new_queue(struct worker *worker, const struct queue_item *item, uint64_t hash)
{
    struct queue *queue = pawli_alloc(sizeof *queue);
    if (!queue)
        return NULL;
    queue->worker = worker;
    queue->scope = copy(item->scope);
    queue->lane = copy(item->row.lane);
    queue->name = copy(item->row.target);
    queue->target = hold_target_of(worker, item->scope, item->row.target);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        queue->duties[phase] = (struct duty){.queue = queue, .phase = phase, .due = BOOT_NEVER};
    bool made = queue->scope && queue->lane && queue->name && queue->target &&
                pawli_due_reserve(&worker->due, PHASE_COUNT * (worker->by_name.count + 1)) &&
                pawl_store_scope(worker->store, queue->scope, &queue->store, NULL) == PAWL_OK &&
                pawli_links_add(&worker->by_name, &queue->link, hash);
    if (!made) {
        free_queue(queue);
        return NULL;
    }
    queue->next = worker->queues;
    worker->queues = queue;
    return queue;
}

static struct queue *queue_of(struct worker *worker, const struct queue_item *item)
{
    uint64_t hash = pawli_queue_hash(item->scope, item->row.lane, item->row.target);
    for (struct link *link = NULL; (link = pawli_links_find(&worker->by_name, link, hash)) != NULL;) {
        struct queue *queue = (struct queue *)link;
        if (text_is(item->scope, queue->scope) && text_is(item->row.lane, queue->lane) &&
            text_is(item->row.target, queue->name))
            return queue;
    }
    return new_queue(worker, item, hash);
}

static bool is_wanted(const struct worker *worker, const struct queue_item *item)
{
    if (worker->options.lane_count == 0)
        return true;
    for (size_t i = 0; i < worker->options.lane_count; i++)
        if (text_is(item->row.lane, worker->options.lanes[i]))
            return true;
    return false;
}

void pawli_replace(char **string, struct text text)
{
    if (same(*string, text))
        return;
    pawli_free(*string);
    *string = text.data ? copy(text) : NULL;
}

/* A secret that cannot be read stops its target: unsigned webhooks are worse than late ones. */
void pawli_queue_read_secret(struct queue *queue)
{
    pawl_error error;
    if (!queue->secret_file ||
        (queue->secret && !queue->secret_doubted && pawli_secret_is_current(queue->secret, queue->secret_file)))
        return;
    queue->secret = pawli_secret_release(queue->secret);
    queue->secret_doubted = false;
    struct arena arena = {0};
    struct text url = pawli_urls_first(queue->urls ? text_of(queue->urls) : (struct text){0}, &arena);
    enum secret_use use = pawli_secret_use(url.data ? url.data : "");
    pawli_arena_done(&arena);
    bool failed = pawli_secret_read(queue->secret_file, use, &queue->secret, &error) < 0;
    if (failed && !queue->secret_failed)
        pawli_tell(queue->worker, &(pawl_worker_event){.name = "secret_unreadable",
                                                       .level = 0,
                                                       .scope = queue->scope,
                                                       .lane = queue->lane,
                                                       .target = queue->name,
                                                       .text = error.text});
    queue->secret_failed = failed;
}

static void hint(struct queue *queue, struct boot_time now)
{
    queue->is_hinted = true;
    queue->hinted = now;
}

void pawli_tell_no_sink(struct duty *duty, const char *url)
{
    const struct queue *queue = duty->queue;
    if (duty->told_no_sink)
        return;
    duty->told_no_sink = true;
    pawli_tell(queue->worker, &(pawl_worker_event){.name = "no_sink",
                                                   .level = 1,
                                                   .scope = queue->scope,
                                                   .lane = queue->lane,
                                                   .target = queue->name,
                                                   .text = url,
                                                   .phase = pawli_phase_text(duty->phase)});
}

/* Where its messages are asked for. */
static void learn_place(struct duty *duty, struct text url)
{
    if (!same(duty->url, url))
        duty->told_no_sink = false;
    pawli_replace(&duty->url, url);
    duty->sink = duty->url ? pawli_sink_for(duty->queue->worker, duty->url, duty->phase) : NULL;
    if (!duty->sink && duty->url)
        pawli_tell_no_sink(duty, duty->url);
}

static void learn(struct worker *worker, const struct queue_item *item, const struct survey *survey,
                  struct boot_time now)
{
    const struct page *page = &survey->page;
    struct queue *queue = is_wanted(worker, item) ? queue_of(worker, item) : NULL;
    if (!queue)
        return;
    queue->is_listed = true;
    queue->policy = item->policy;
    queue->has_senders = item->has_senders;
    bool moved = !same(queue->urls, item->route.urls);
    queue->duties[PHASE_SEND].told_no_sink &= !moved;
    pawli_route_learn(queue, &item->route);
    if (moved ||
        !same(queue->secret_file, item->route.secret_file)) { /* another kind of sink reads it in another way */
        pawli_replace(&queue->secret_file, item->route.secret_file);
        queue->secret = pawli_secret_release(queue->secret);
        queue->secret_failed = false;
    }
    pawli_queue_read_secret(queue);
    worker->survey.finds_work |= queue->secret_failed;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        if (phase != PHASE_SEND)
            learn_place(&queue->duties[phase], item->asked[phase]);
        queue->duties[phase].due = boot_of_wall(item->next_due[phase], page->wall, page->boot);
    }
    struct duty *sends = &queue->duties[PHASE_SEND];
    if (queue->hinted.ns >= survey->began.ns) /* what was said since is newer than what was read */
        sends->due = boot_earlier(sends->due, now);
    queue->held = boot_of_wall(pawli_paused_until(&item->paused), page->wall, page->boot);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        worker->survey.finds_work |= queue->duties[phase].due.ns <= now.ns;
    if (survey->is_news)
        hint(queue, now);
    pawli_queue_schedule(queue, now);
}

/* Queues that nothing waits in are forgotten, so that a thousand of yesterday cost nothing today. What was said of one since
 * `began` is newer than that it was not listed. */
static void forget_unlisted(struct worker *worker, struct boot_time began, struct boot_time now)
{
    for (struct queue **at = &worker->queues; *at;) {
        struct queue *queue = *at;
        bool is_known = queue->is_listed || queue->hinted.ns >= began.ns;
        if (is_known || queue->in_flight || pawli_queue_is_claiming(queue)) {
            for (enum phase phase = 0; !is_known && phase < PHASE_COUNT; phase++)
                queue->duties[phase].due = BOOT_NEVER;
            if (!is_known)
                pawli_queue_schedule(queue, now);
            at = &queue->next;
            continue;
        }
        *at = queue->next;
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            pawli_due_put(&worker->due, &queue->duties[phase].at, BOOT_NEVER);
        pawli_links_remove(&worker->by_name, &queue->link);
        free_queue(queue);
    }
}

static void tell_swept(struct worker *worker, const pawl_swept *swept)
{
    char text[120];
    if (swept->expired + swept->purged + swept->suspected + swept->forgotten == 0)
        return;
    snprintf(text, sizeof text, "%u expired, %u purged, %u doubted, %u keys forgotten", swept->expired, swept->purged,
             swept->suspected, swept->forgotten);
    pawli_tell(worker, &(pawl_worker_event){.name = "swept", .level = 2, .text = text});
}

/* By the wall clock over the boot clock, since the last survey. */
static int64_t gained_ms(const struct worker *worker, struct wall_time wall, struct boot_time boot)
{
    return wall.ms - worker->seen_wall.ms - (boot.ns - worker->seen_boot.ns) / 1000000;
}

/* Since the last survey: what waits for a date of the clock of before shall not wait for the next sweep too. */
static bool was_set_back(struct worker *worker, const struct page *page)
{
    int64_t gained = gained_ms(worker, page->wall, page->boot);
    worker->seen_wall = page->wall;
    worker->seen_boot = page->boot;
    return gained < -SET_BACK_MS;
}

/* Due times are reckoned by the clock of the last survey. */
static bool was_set(struct worker *worker)
{
    const struct env_ops *ops = worker->opened->env->ops;
    struct env *env = worker->opened->env;
    int64_t gained = worker->seen_boot.ns ? gained_ms(worker, ops->wall_now(env), ops->boot_now(env)) : 0;
    return gained > SET_BACK_MS || gained < -SET_BACK_MS;
}

static void sweep_done(struct job *job)
{
    struct sweeping *sweeping = (struct sweeping *)job;
    struct worker *worker = sweeping->worker;
    struct env *env = worker->opened->env;
    sweeping->is_running = false;
    struct boot_time next = boot_after_ms(env->ops->boot_now(env), sweeping->status < 0 ? PAUSE_MS : SWEEP_MS);
    worker->next_sweep = boot_earlier(worker->next_sweep, next);
    if (sweeping->status < 0)
        pawli_tell_error(worker, "sweep_failed", 1, &sweeping->error);
    else
        tell_swept(worker, &sweeping->swept);
}

void pawli_sweep_start(struct worker *worker)
{
    struct sweeping *sweeping = &worker->sweeping;
    sweeping->is_running = true;
    worker->next_sweep = BOOT_NEVER; /* unless somebody asks for one meanwhile */
    sweeping->worker = worker;
    sweeping->job = (struct job){.run = sweep, .done = sweep_done, .engine = &worker->engine};
    worker->opened->env->ops->offload(worker->opened->env, &sweeping->job);
}

static void end(struct survey *survey)
{
    if (survey->is_read)
        pawli_page_done(&survey->page);
    survey->is_running = survey->is_read = false;
}

static void done(struct job *job)
{
    struct survey *survey = (struct survey *)job;
    struct worker *worker = survey->worker;
    struct env *env = worker->opened->env;
    struct boot_time now = env->ops->boot_now(env);
    survey->not_before = (struct boot_time){now.ns + 4 * (now.ns - survey->began.ns)};
    survey->is_read = survey->status == PAWL_OK;
    survey->learned = 0;
    if (!survey->is_news)
        worker->next_survey = boot_after_ms(now, survey->is_read ? worker->options.poll_ms : PAUSE_MS);
    if (survey->relay_error.status < 0)
        pawli_tell_error(worker, "relay_failed", 1, &survey->relay_error);
    if (!survey->is_read) {
        pawli_tell_error(worker, "survey_failed", 1, &survey->error);
        survey->is_wanted |= survey->is_news;
        survey->not_before = boot_after_ms(now, PAUSE_MS);
    }
    if (!survey->is_read || atomic_load(&worker->state) != WORKER_WORKS) {
        end(survey);
        return;
    }
    for (struct queue *queue = worker->queues; queue && !survey->is_news; queue = queue->next)
        queue->is_listed = false;
}

static void learned_all(struct worker *worker, const struct survey *survey, struct boot_time now)
{
    struct boot_time soonest = boot_after_ms(now, LOST_MS);
    /* Nobody dies with a claim where there are none, and whatever else comes is told: the look stands behind that. */
    bool rests = survey->next_lease.ns == BOOT_NEVER.ns && !survey->finds_work &&
                 pawli_committer_is_told(&worker->opened->committer);
    atomic_store(&worker->listener.rests, rests);
    if (rests && survey->began_resting) /* from before it looked on it was told of all */
        worker->next_survey = boot_after_ms(now, (int64_t)worker->options.poll_ms * REST_POLLS);
    worker->next_survey = boot_earlier(worker->next_survey,
                                       survey->next_lease.ns < soonest.ns ? soonest : survey->next_lease);
    forget_unlisted(worker, survey->began, now);
    pawli_due_eased(&worker->due); /* policies may leave more room than before */
    if (was_set_back(worker, &survey->page))
        worker->next_sweep = worker->next_survey = now;
}

static void learn_some(struct survey *survey, struct boot_time now)
{
    struct worker *worker = survey->worker;
    const struct page *page = &survey->page;
    for (size_t i = 0; i < STEP_QUEUES && survey->learned < page->count; i++)
        learn(worker, &page->queues[survey->learned++], survey, now);
    if (survey->learned < page->count)
        return;
    if (survey->is_news)
        worker->seen_news = page->next;
    else
        learned_all(worker, survey, now);
    end(survey);
}

static void start(struct worker *worker, struct survey *survey)
{
    struct env *env = worker->opened->env;
    survey->is_wanted = false;
    survey->is_running = true;
    survey->is_news = survey == &worker->news;
    survey->finds_work = false;
    survey->began_resting = atomic_load(&worker->listener.rests);
    survey->worker = worker;
    survey->began = env->ops->boot_now(env);
    survey->job = (struct job){.run = run, .done = done, .engine = &worker->engine};
    env->ops->offload(env, &survey->job);
}

/* When it wants to run, or to be called, next. */
static struct boot_time step(struct worker *worker, struct survey *survey, struct boot_time now)
{
    if (survey->is_read)
        learn_some(survey, now);
    if (survey->is_read)
        return now;
    struct boot_time by_itself = survey == &worker->news ? BOOT_NEVER : worker->next_survey;
    bool wanted = survey->is_wanted && now.ns >= survey->not_before.ns;
    if (!survey->is_running && (wanted || now.ns >= by_itself.ns))
        start(worker, survey);
    if (survey->is_running)
        return BOOT_NEVER;
    return survey->is_wanted ? survey->not_before : by_itself;
}

struct boot_time pawli_survey_step(struct worker *worker, struct boot_time now)
{
    bool is_set = was_set(worker);
    worker->survey.is_wanted |= is_set;
    worker->scheduling.is_wanted |= is_set;
    struct boot_time news = step(worker, &worker->news, now);
    return boot_earlier(news, step(worker, &worker->survey, now));
}

void pawli_survey_end(struct worker *worker)
{
    struct survey *surveys[] = {&worker->news, &worker->survey};
    for (size_t i = 0; i < COUNT_OF(surveys); i++)
        if (surveys[i]->is_read)
            end(surveys[i]);
}

bool pawli_survey_is_running(const struct worker *worker)
{
    return worker->news.is_running || worker->survey.is_running;
}

void pawli_take_hints(struct worker *worker, struct boot_time now)
{
    uint64_t hints[HINTS_MAX];
    pthread_mutex_lock(&worker->hint_lock);
    size_t count = worker->hint_count;
    memcpy(hints, worker->hints, count * sizeof *hints);
    worker->hint_count = 0;
    bool any_unknown = worker->has_news;
    worker->has_news = false;
    pthread_mutex_unlock(&worker->hint_lock);
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (struct link *link = NULL; (link = pawli_links_find(&worker->by_name, link, hints[i])) != NULL;) {
            struct queue *queue = (struct queue *)link;
            struct duty *sends = &queue->duties[PHASE_SEND];
            known = true;
            hint(queue, now);
            if (!sends->is_claiming)
                sends->due = boot_earlier(sends->due, now);
            pawli_queue_schedule(queue, now);
        }
        any_unknown |= !known;
    }
    worker->news.is_wanted |= any_unknown;
    worker->survey.is_wanted |= any_unknown;
    worker->scheduling.is_wanted |= any_unknown;
}

void pawli_worker_forget(struct worker *worker)
{
    for (struct queue *queue = worker->queues; queue; queue = queue->next)
        queue->is_listed = false;
    forget_unlisted(worker, BOOT_NEVER, BOOT_NEVER);
    PAWL_ASSERT(!worker->queues);
    PAWL_ASSERT(worker->targets.count == 0 && worker->scopes.count == 0);
    pawli_due_done(&worker->due);
    pawli_links_done(&worker->by_name);
    pawli_links_done(&worker->targets);
    pawli_links_done(&worker->scopes);
}
