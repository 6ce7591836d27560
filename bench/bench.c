/* SPDX-License-Identifier: MIT */
/* `pawl bench`: which workloads, in which folder, and how their figures are printed. */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_path(const struct bench *bench, const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s.db", bench->folder, name);
}

void bench_remove(const struct bench *bench, const char *name)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-gate", "-bell", "-anchor"};
    char path[512], file[540];
    bench_path(bench, name, path);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        unlink(file);
    }
}

int bench_store_again(const struct bench *bench, const char *name, pawl_store **ret_store, pawl_error *err)
{
    char path[512], url[540];
    bench_path(bench, name, path);
    snprintf(url, sizeof url, "sqlite:%s", path);
    return pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .timeout_ms = 120000}, ret_store, err);
}

int bench_store(const struct bench *bench, const char *name, pawl_store **ret_store, pawl_error *err)
{
    bench_remove(bench, name);
    return bench_store_again(bench, name, ret_store, err);
}

void bench_close(const struct bench *bench, struct sides *sides)
{
    pawl_store_close(sides->store);
    bench_remove(bench, "pawl");
    baseline_close(bench, sides->baseline);
}

void bench_random_id(pawl_uuid *ret_id)
{
    for (size_t i = 0; i < sizeof ret_id->bytes; i++)
        ret_id->bytes[i] = (uint8_t)(random() >> 7);
}

uint64_t bench_commits(pawl_store *store)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    return pawl_store_get_info(store, &info, NULL) < 0 ? 0 : info.commits;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_percentile(double *values, size_t count, double percent)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    size_t index = (size_t)((double)count * percent / 100);
    return values[index < count ? index : count - 1];
}

void bench_note(const struct bench *bench, const char *format, ...)
{
    va_list arguments;
    if (bench->quiet)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

#define TIMES_MAX 200000

bool bench_times_begin(const struct bench *bench, struct times *times)
{
    *times = (struct times){.values = malloc(TIMES_MAX * sizeof *times->values), .begin = bench_now()};
    times->end = times->begin + bench->seconds;
    return times->values;
}

bool bench_times_last(const struct times *times)
{
    return times->count < TIMES_MAX && bench_now() < times->end;
}

void bench_times_add(struct times *times, double before)
{
    times->values[times->count++] = bench_now() - before;
}

void bench_times_end(struct times *times, struct figure *figure)
{
    figure->rate = (double)times->count / (bench_now() - times->begin);
    figure->p50_ms = bench_percentile(times->values, times->count, 50) * 1000;
    figure->p99_ms = bench_percentile(times->values, times->count, 99) * 1000;
    free(times->values);
}

/* ---- callers, and another process ---- */

#define CALLERS_MAX 256

struct crew {
    const struct bench *bench;
    struct sides *sides;
    caller *call;
    double end;
    _Atomic int numbers;
    _Atomic uint64_t done;
};

static void *work_until_the_end(void *data)
{
    struct crew *crew = data;
    int number = crew->numbers++, count = 1;
    while (count > 0 && bench_now() < crew->end) {
        count = crew->call(crew->bench, crew->sides, number);
        if (count > 0)
            crew->done += (uint64_t)count;
        else if (count < 0)
            crew->sides->status = count;
    }
    return NULL;
}

int bench_callers(const struct bench *bench, struct sides *sides, int count, caller *call, double *ret_rate)
{
    pthread_t threads[CALLERS_MAX];
    double begin = bench_now();
    struct crew crew = {.bench = bench, .sides = sides, .call = call, .end = begin + bench->seconds};
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work_until_the_end, &crew) != 0)
            abort();
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    *ret_rate = (double)crew.done / (bench_now() - begin);
    return sides->status;
}

struct beside *bench_beside_new(const struct bench *bench,
                                void (*run)(const struct bench *bench, struct beside *beside))
{
    pid_t pid = 0;
    struct beside *beside = mmap(NULL, sizeof *beside, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (beside == MAP_FAILED || sem_init(&beside->go, 1, 0) < 0 || sem_init(&beside->ready, 1, 0) < 0 ||
        sem_init(&beside->done, 1, 0) < 0 || (pid = fork()) < 0) {
        perror("pawl: cannot start a second process");
        exit(1);
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sem_wait(&beside->go);
        run(bench, beside);
        _exit(0);
    }
    beside->pid = pid; /* both see it: not what fork answers to the child */
    return beside;
}

void bench_beside_go(struct beside *beside)
{
    sem_post(&beside->go);
    sem_wait(&beside->ready);
}

void bench_beside_free(struct beside *beside)
{
    beside->stop = 1;
    sem_post(&beside->go);
    waitpid(beside->pid, NULL, 0);
    munmap(beside, sizeof *beside);
}

/* ---- comparing ---- */

#define ROUNDS_MAX 15

int bench_compare(const struct bench *bench, measure *pawl, void *pawl_data, measure *baseline, void *baseline_data,
                  struct result *result, pawl_error *err)
{
    double ratios[ROUNDS_MAX], rates[2][ROUNDS_MAX], p50s[2][ROUNDS_MAX], p99s[2][ROUNDS_MAX];
    int rounds = bench->rounds < ROUNDS_MAX ? bench->rounds : ROUNDS_MAX;
    for (int i = 0; i < rounds; i++) {
        struct figure figures[2] = {0};
        int status = pawl(bench, pawl_data, &figures[0], err);
        if (status == PAWL_OK)
            status = baseline(bench, baseline_data, &figures[1], err);
        if (status < 0)
            return status;
        for (int side = 0; side < 2; side++) {
            rates[side][i] = figures[side].rate;
            p50s[side][i] = figures[side].p50_ms;
            p99s[side][i] = figures[side].p99_ms;
        }
        ratios[i] = figures[0].p50_ms > 0 && figures[1].p50_ms > 0 ? figures[0].p50_ms / figures[1].p50_ms
                                                                   : figures[0].rate / figures[1].rate;
        result->pawl.batch = figures[0].batch;
        result->baseline.batch = figures[1].batch;
    }
    struct figure *sides[] = {&result->pawl, &result->baseline};
    for (int side = 0; side < 2; side++) {
        sides[side]->rate = bench_percentile(rates[side], (size_t)rounds, 50);
        sides[side]->p50_ms = bench_percentile(p50s[side], (size_t)rounds, 50);
        sides[side]->p99_ms = bench_percentile(p99s[side], (size_t)rounds, 50);
    }
    result->ratio = bench_percentile(ratios, (size_t)rounds, 50);
    return PAWL_OK;
}

/* ---- printing ---- */

static void print_json(const struct result *result)
{
    printf("{\"workload\":\"%s\"", result->workload);
    if (result->pawl.wakes > 0)
        printf(",\"wakes_a_minute\":%.1f,\"cpu_ms_a_minute\":%.0f,\"baseline\":%.1f", result->pawl.wakes,
               result->pawl.cpu_s * 1000, result->baseline.wakes);
    else if (result->pawl.p50_ms > 0)
        printf(",\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"baseline\":%.4f", result->pawl.p50_ms, result->pawl.p99_ms,
               result->baseline.p50_ms);
    else
        printf(",\"rate\":%.0f,\"baseline\":%.0f", result->pawl.rate, result->baseline.rate);
    printf(",\"ratio\":%.2f,\"in_flight\":%d,\"records\":%llu", result->ratio, result->in_flight,
           (unsigned long long)result->records);
    if (result->pawl.batch > 0)
        printf(",\"batch\":%.0f", result->pawl.batch);
    if (result->log > 0)
        printf(",\"bare_log\":%.0f", result->log);
    printf("}\n");
}

static void print_human(const struct result *result)
{
    printf("%s\n  %s\n", result->workload, result->what);
    if (result->pawl.wakes > 0)
        printf("  %.0f wake-ups a minute, %.2f s of the processor; baseline %.0f; ratio %.2f\n", result->pawl.wakes,
               result->pawl.cpu_s, result->baseline.wakes, result->ratio);
    else if (result->pawl.p50_ms > 0)
        printf("  p50 %.3f ms, p99 %.3f ms; baseline p50 %.3f ms, p99 %.3f ms; ratio of p50 %.2f\n",
               result->pawl.p50_ms, result->pawl.p99_ms, result->baseline.p50_ms, result->baseline.p99_ms,
               result->ratio);
    else
        printf("  %.0f/s; baseline %.0f/s; ratio %.2f\n", result->pawl.rate, result->baseline.rate, result->ratio);
    if (result->pawl.batch > 0)
        printf("  %.0f a commit; a bare log in such batches %.0f/s\n", result->pawl.batch, result->log);
}

/* ---- the workloads ---- */

static const struct workload {
    const char *name, *what;
    int (*run)(const struct bench *bench, struct result *result, pawl_error *err);
} workloads[] = {
    {"transition", "a command, three events, two digests and a message; minted ids; beside six rows by hand",
     workload_transition},
    {"transition-random-ids", "the same with random request ids into a store that is filled before",
     workload_transition_random_ids},
    {"post", "a transition with two posts and a fill; beside one without", workload_post},
    {"replay", "events of a journal that is folded, 3 a record; beside its verification", workload_replay},
    {"export", "events of a journal that is exported, 3 a record; beside its verification", workload_export},
    {"check", "entries of a ledger that is recomputed, 2 a record; beside the journal's verification", workload_check},
    {"enqueue", "callers that wait, a message a call; beside one row by hand in commits of the same size",
     workload_enqueue},
    {"enqueue-callbacks", "a message a call, answered by callback", workload_enqueue_callbacks},
    {"enqueue-arrays", "one caller, 1,000 messages a call", workload_enqueue_arrays},
    {"claim-settle", "four consumers, each claims 100 messages and settles them", workload_claim_settle},
    {"claim-settle-backlog", "the same beside a million pending messages", workload_claim_settle_backlog},
    {"together", "producers and consumers at once: messages enqueued, claimed and settled", workload_together},
    {"latency", "one caller, one transition a commit; beside a bare row a commit", workload_latency},
    {"contention", "single commits of one process beside another that commits without a pause", workload_contention},
    {"hot-key", "enqueue, claim and settle beside a key with a million messages; beside one with few",
     workload_hot_key},
    {"many-keys", "claim and settle by the hundred, a million pending under 1,000 keys; beside an empty store",
     workload_many_keys},
    {"isolation", "from an enqueue to its receiver, 1,000 targets of which one hangs; beside 1,000 that answer",
     workload_isolation},
    {"wake", "from the return of a commit to the start of the delivery, in one process; beside a pipe", workload_wake},
    {"wake-process", "the same from one process to another", workload_wake_process},
    {"workflow", "state machines of three steps, each durable; beside transactions of six rows by hand",
     workload_workflow},
    {"workflow-code", "the same as functions of three steps", workload_workflow_code},
    {"workflow-latency", "one caller, from the start of three steps to their end; beside a bare row a commit",
     workload_workflow_latency},
    {"workflow-await", "from a child's last line to its parent's next; beside a bare row a commit",
     workload_workflow_await},
    {"workflow-timers", "how late a timer is beside a million that wait; beside a thread that sleeps",
     workload_workflow_timers},
    {"idle", "a worker that has nothing to do, for ten times as long; beside a loop that looks once a second",
     workload_idle},
};
#define WORKLOADS (sizeof workloads / sizeof *workloads)

static int find(const char *name, size_t *ret_index, pawl_error *err)
{
    char known[480] = "";
    for (size_t i = 0, used = 0; i < WORKLOADS; i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            *ret_index = i;
            return PAWL_OK;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, " %s", workloads[i].name);
    }
    *err = (pawl_error){.status = PAWL_EINVAL};
    snprintf(err->text, sizeof err->text, "no workload is called \"%.100s\"; there are:%s", name, known);
    return PAWL_EINVAL;
}

static int run(const struct bench *bench, const struct workload *workload, pawl_error *err)
{
    struct result result = {.workload = workload->name, .what = workload->what};
    struct figure log = {0};
    bench_note(bench, "%s ...", workload->name);
    int status = workload->run(bench, &result, err);
    int batch = (int)result.pawl.batch;
    if (status == PAWL_OK && batch > 0)
        status = baseline_log(bench, &batch, &log, err);
    result.log = log.rate;
    if (status == PAWL_OK) {
        (bench->json ? print_json : print_human)(&result);
        fflush(stdout);
    }
    return status;
}

int bench_run(struct bench *bench, const char *const *names, size_t count, pawl_error *err)
{
    size_t chosen[WORKLOADS];
    char folder[400];
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < count && i < WORKLOADS; i++)
        status = find(names[i], &chosen[i], err);
    if (status < 0)
        return status;
    snprintf(folder, sizeof folder, "%s/pawl-bench-XXXXXX", bench->folder ? bench->folder : ".");
    if (!mkdtemp(folder)) {
        *err = (pawl_error){.status = PAWL_EUNAVAIL};
        snprintf(err->text, sizeof err->text, "cannot make %.200s: %s; --dir names another folder", folder,
                 strerror(errno));
        return PAWL_EUNAVAIL;
    }
    bench->folder = folder;
    memset(bench->body, 'x', BODY_SIZE);
    bench->body[0] = bench->body[BODY_SIZE - 1] = '"'; /* JSON, as most bodies are */
    for (size_t i = 0; status == PAWL_OK && i < (count ? count : WORKLOADS); i++)
        status = run(bench, &workloads[count ? chosen[i] : i], err);
    rmdir(folder);
    return status;
}
