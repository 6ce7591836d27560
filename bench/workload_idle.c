/* SPDX-License-Identifier: MIT */
/* Doing nothing: how often a process with a worker that has nothing to do wakes up, beside a loop that looks once a second. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define SETTLE_SECONDS 3    /* in which a worker that was started comes to rest */
#define LONGER         10.0 /* than other workloads: what is done seldom shall be seen */

/* A started store with a worker, as a server has; nothing waits in it. */
static void serve(const struct bench *bench, struct beside *beside)
{
    pawl_store *store = NULL;
    pawl_worker *worker = NULL;
    pawl_error err;
    int status = bench_store(bench, "idle", &store, &err);
    if (status == PAWL_OK)
        status = pawl_worker_new(store, &(pawl_worker_options){PAWL_WORKER_OPTIONS, .all_scopes = 1}, &worker, &err);
    if (status == PAWL_OK)
        status = pawl_store_start(store, &err);
    if (status == PAWL_OK)
        status = pawl_worker_start(worker, &err);
    if (status < 0)
        fprintf(stderr, "pawl: the idle process: %s\n", err.text);
    sem_post(&beside->ready);
    sem_wait(&beside->go); /* until the end */
    pawl_worker_free(worker);
    pawl_store_close(store);
}

static void look_each_second(const struct bench *bench, struct beside *beside)
{
    (void)bench;
    sem_post(&beside->ready);
    while (!beside->stop)
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

/* ---- what it did; each thread that sleeps gave up the processor once ---- */

static uint64_t number_in(const char *path, const char *name)
{
    char line[256];
    uint64_t number = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            number = strtoull(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return number;
}

static uint64_t wake_ups(pid_t pid)
{
    char path[400];
    uint64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    for (const struct dirent *thread; threads && (thread = readdir(threads)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/task/%.200s/status", (int)pid, thread->d_name);
        if (thread->d_name[0] != '.')
            count += number_in(path, "voluntary_ctxt_switches:");
    }
    if (threads)
        closedir(threads);
    return count;
}

static double cpu_seconds(pid_t pid)
{
    char path[64];
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        user = system = 0;
    if (file)
        fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void pause_for(double seconds)
{
    double end = bench_now() + seconds;
    while (bench_now() < end)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static void measure_idle(const struct bench *bench, void (*run)(const struct bench *bench, struct beside *beside),
                         struct figure *figure)
{
    struct beside *beside = bench_beside_new(bench, run);
    bench_beside_go(beside);
    pause_for(SETTLE_SECONDS);
    double began = bench_now(), cpu = cpu_seconds(beside->pid);
    uint64_t before = wake_ups(beside->pid);
    pause_for(bench->seconds * LONGER);
    double minutes = (bench_now() - began) / 60;
    figure->wakes = (double)(wake_ups(beside->pid) - before) / minutes;
    figure->cpu_s = (cpu_seconds(beside->pid) - cpu) / minutes;
    bench_beside_free(beside);
}

int workload_idle(const struct bench *bench, struct result *result, pawl_error *err)
{
    (void)err;
    measure_idle(bench, serve, &result->pawl);
    measure_idle(bench, look_each_second, &result->baseline);
    result->ratio = result->pawl.wakes / result->baseline.wakes;
    bench_remove(bench, "idle");
    return PAWL_OK;
}
