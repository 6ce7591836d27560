/* SPDX-License-Identifier: MIT */
/* Workflows of three steps, each durable before the next: as many as go through, one after the other; how late it is when a
 * parent goes on, and a timer beside many that wait. */
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define IN_FLIGHT 64
#define STARTS    1000

static int no_memory(pawl_error *err)
{
    *err = (pawl_error){.status = PAWL_ENOMEM, .text = "no memory for the times"};
    return PAWL_ENOMEM;
}

static int advance(void *user, pawl_step *step, pawl_error *err)
{
    (void)user, (void)err;
    const char *state = pawl_step_state(step);
    if (strcmp(state, "third") == 0)
        return pawl_step_done(step, "1", 1);
    return pawl_step_next(step, strcmp(state, "first") == 0 ? "second" : "third", NULL, 0);
}

static int do_step(void *arg, pawl_error *err)
{
    (void)err;
    ++*(int *)arg;
    return PAWL_OK;
}

static int code(void *user, pawl_run *run, pawl_error *err)
{
    int count = 0;
    (void)user;
    int status = pawl_run_step(run, "first", do_step, &count, &count, sizeof count, err);
    if (status == PAWL_OK)
        status = pawl_run_step(run, "second", do_step, &count, &count, sizeof count, err);
    return status == PAWL_OK ? pawl_run_step(run, "third", do_step, &count, &count, sizeof count, err) : status;
}

struct running {
    struct sides sides; /* first: what callers are given */
    pawl_executor *executor;
    const char *kind;
    _Atomic uint64_t number;
};

static int run_one(const struct bench *bench, struct running *running, pawl_error *err)
{
    char id[32];
    snprintf(id, sizeof id, "w%llu", (unsigned long long)running->number++);
    const pawl_start start = {PAWL_START,       .kind = running->kind, .id = id,
                              .state = "first", .data = bench->body,   .data_size = BODY_SIZE};
    return pawl_executor_run(running->executor, &start, 1, 60000, NULL, err);
}

static int call_run(const struct bench *bench, struct sides *sides, int number)
{
    pawl_error err = {0};
    (void)number;
    int status = run_one(bench, (struct running *)sides, &err);
    if (status < 0)
        sides->err = err;
    return status < 0 ? status : 1;
}

static int measure_rate(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct running *running = data;
    uint64_t commits = bench_commits(running->sides.store), before = running->number;
    int status = bench_callers(bench, &running->sides, IN_FLIGHT, call_run, &figure->rate);
    commits = bench_commits(running->sides.store) - commits;
    figure->batch = commits ? (double)(4 * (running->number - before)) / (double)commits : 0;
    running->sides.batch = (int)figure->batch;
    if (status < 0)
        *err = running->sides.err;
    return status;
}

static int measure_latency(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct times times;
    int status = bench_times_begin(bench, &times) ? PAWL_OK : no_memory(err);
    while (status == PAWL_OK && bench_times_last(&times)) {
        double before = bench_now();
        status = run_one(bench, data, err);
        bench_times_add(&times, before);
    }
    bench_times_end(&times, figure);
    return status;
}

static int open_executor(const struct bench *bench, struct running *running, const char *kind, pawl_error *err)
{
    running->kind = kind;
    int status = bench_store(bench, "pawl", &running->sides.store, err);
    if (status == PAWL_OK)
        status = pawl_executor_new(running->sides.store, NULL, &running->executor, err);
    if (status == PAWL_OK)
        status = pawl_executor_register(running->executor,
                                        &(pawl_kind){PAWL_KIND, .name = "machine", .advance = advance}, err);
    return status == PAWL_OK
               ? pawl_executor_register(running->executor, &(pawl_kind){PAWL_KIND, .name = "code", .code = code}, err)
               : status;
}

static int compare_runs(const struct bench *bench, const char *kind, measure *pawl, measure *baseline, int in_flight,
                        struct result *result, pawl_error *err)
{
    struct running running = {.sides.in_flight = in_flight, .sides.batch = 1};
    int status = open_executor(bench, &running, kind, err);
    if (status == PAWL_OK)
        status = baseline_open(bench, 0, 0, &running.sides.baseline, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, pawl, &running, baseline, &running.sides, result, err);
    pawl_executor_free(running.executor);
    bench_close(bench, &running.sides);
    result->in_flight = in_flight;
    return status;
}

int workload_workflow(const struct bench *bench, struct result *result, pawl_error *err)
{
    return compare_runs(bench, "machine", measure_rate, baseline_transitions, IN_FLIGHT, result, err);
}

int workload_workflow_code(const struct bench *bench, struct result *result, pawl_error *err)
{
    return compare_runs(bench, "code", measure_rate, baseline_transitions, IN_FLIGHT, result, err);
}

int workload_workflow_latency(const struct bench *bench, struct result *result, pawl_error *err)
{
    return compare_runs(bench, "machine", measure_latency, baseline_one_row, 1, result, err);
}

/* ---- a parent and its child ---- */

#define CHILD_MS 20 /* its parent waits by then */

struct family {
    double ended; /* the child, all but its last commit */
    sem_t went_on;
};

static int child(void *user, pawl_run *run, pawl_error *err)
{
    struct family *family = user;
    int status = pawl_run_sleep(run, "nap", CHILD_MS, err);
    if (status == PAWL_OK)
        family->ended = bench_now();
    return status;
}

static int parent(void *user, pawl_run *run, pawl_error *err)
{
    struct family *family = user;
    char id[48];
    snprintf(id, sizeof id, "of-%s", pawl_run_id(run));
    int status = pawl_run_child(run, "child", &(pawl_start){PAWL_START, .kind = "child", .id = id}, NULL, NULL, err);
    if (status == PAWL_OK)
        sem_post(&family->went_on);
    return status;
}

static int open_family(pawl_store *store, struct family *family, pawl_executor **ret_executor, pawl_error *err)
{
    const pawl_kind kinds[] = {{PAWL_KIND, .name = "parent", .code = parent, .user = family},
                               {PAWL_KIND, .name = "child", .code = child, .user = family}};
    int status = pawl_executor_new(store, NULL, ret_executor, err);
    for (size_t i = 0; status == PAWL_OK && i < sizeof kinds / sizeof *kinds; i++)
        status = pawl_executor_register(*ret_executor, &kinds[i], err);
    return status == PAWL_OK ? pawl_executor_start(*ret_executor, err) : status;
}

static int measure_await(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct running *running = data;
    struct family family = {0};
    struct times times;
    pawl_executor *executor = NULL;
    sem_init(&family.went_on, 0, 0);
    int status = bench_times_begin(bench, &times) ? PAWL_OK : no_memory(err);
    if (status == PAWL_OK)
        status = open_family(running->sides.store, &family, &executor, err);
    while (status == PAWL_OK && bench_times_last(&times)) {
        char id[32];
        snprintf(id, sizeof id, "p%llu", (unsigned long long)running->number++);
        status = pawl_workflow_start(running->sides.store, &(pawl_start){PAWL_START, .kind = "parent", .id = id}, NULL,
                                     err);
        if (status == PAWL_OK && sem_wait(&family.went_on) == 0)
            bench_times_add(&times, family.ended);
    }
    pawl_executor_free(executor);
    sem_destroy(&family.went_on);
    bench_times_end(&times, figure);
    return status;
}

int workload_workflow_await(const struct bench *bench, struct result *result, pawl_error *err)
{
    return compare_runs(bench, "machine", measure_await, baseline_one_row, 1, result, err);
}

/* ---- timers ---- */

struct timing {
    struct times *times;
    _Atomic int left;
    double origin; /* of the wall clock, on the other */
};

static double wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Its data is when it was due. */
static int note_time(void *user, pawl_step *step, pawl_error *err)
{
    struct timing *timing = user;
    size_t size;
    (void)err;
    double late = wall_now() - strtod(pawl_step_data(step, &size), NULL);
    if (timing->times->count < 100000)
        timing->times->values[timing->times->count++] = late;
    timing->left--;
    return pawl_step_done(step, NULL, 0);
}

static int start_many(pawl_store *store, uint64_t count, int64_t wake_in_ms, uint64_t from, pawl_error *err)
{
    int status = PAWL_OK;
    for (uint64_t i = 0; status == PAWL_OK && i < count; i += STARTS) {
        pawl_transition *t = pawl_transition_new(store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "start"});
        for (uint64_t j = i; j < i + STARTS && j < count; j++) {
            char id[32];
            snprintf(id, sizeof id, "t%llu", (unsigned long long)(from + j));
            pawl_transition_start(t, &(pawl_start){PAWL_START, .kind = "timer", .id = id, .data = "0", .data_size = 1,
                                                   .wake_in_ms = wake_in_ms});
        }
        status = pawl_transition_commit(t, NULL, err);
        pawl_transition_free(t);
    }
    return status;
}

static uint64_t resident(void)
{
    unsigned long pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%lu %lu", &ignored, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* One due every 10 ms, as long as a measurement takes. */
static int measure_timers(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct running *running = data;
    struct times times;
    struct timing timing = {.times = &times};
    pawl_executor *executor = NULL;
    double begin = bench_now();
    int count = (int)(bench->seconds * 100), status = bench_times_begin(bench, &times) ? PAWL_OK : no_memory(err);
    timing.left = count;
    if (status == PAWL_OK)
        status = pawl_executor_new(running->sides.store, NULL, &executor, err);
    if (status == PAWL_OK)
        status = pawl_executor_register(
            executor, &(pawl_kind){PAWL_KIND, .name = "timer", .advance = note_time, .user = &timing}, err);
    if (status == PAWL_OK)
        status = pawl_executor_start(executor, err);
    bench_note(bench, "  the executor started in %.0f ms", (bench_now() - begin) * 1000);
    int64_t now = (int64_t)(wall_now() * 1000);
    for (int i = 0; status == PAWL_OK && i < count; i++) {
        char id[32], due[32];
        int64_t at = now + 500 + 10 * i, in = at - (int64_t)(wall_now() * 1000);
        snprintf(id, sizeof id, "d%llu", (unsigned long long)running->number++);
        snprintf(due, sizeof due, "%.3f", (double)at / 1000);
        status = pawl_workflow_start(running->sides.store,
                                     &(pawl_start){PAWL_START, .kind = "timer", .id = id, .data = due,
                                                   .data_size = strlen(due), .wake_in_ms = in > 0 ? in : 0},
                                     NULL, err);
    }
    while (status == PAWL_OK && timing.left > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    pawl_executor_free(executor);
    bench_times_end(&times, figure);
    return status;
}

/* A thread that sleeps until then. */
static int measure_sleeps(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct times times;
    (void)data;
    if (!bench_times_begin(bench, &times))
        return no_memory(err);
    while (bench_times_last(&times)) {
        double until = bench_now() + 0.01;
        struct timespec at = {.tv_sec = (time_t)until, .tv_nsec = (long)((until - (double)(time_t)until) * 1e9)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        bench_times_add(&times, until);
    }
    bench_times_end(&times, figure);
    return PAWL_OK;
}

int workload_workflow_timers(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct running running = {.sides.in_flight = 1};
    uint64_t parked = bench->records ? bench->records : 1000000;
    int status = bench_store(bench, "pawl", &running.sides.store, err);
    uint64_t before = resident();
    double begin = bench_now();
    if (status == PAWL_OK)
        status = start_many(running.sides.store, parked, 86400000, 0, err);
    if (status == PAWL_OK)
        bench_note(bench, "  %llu parked in %.1f s: %lld bytes of memory more for each", (unsigned long long)parked,
                   bench_now() - begin, (long long)(resident() - before) / (long long)(parked ? parked : 1));
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_timers, &running, measure_sleeps, NULL, result, err);
    bench_close(bench, &running.sides);
    result->records = parked;
    result->in_flight = 1;
    return status;
}
