/* SPDX-License-Identifier: MIT */
/* Measuring: workloads through the public headers, each beside a hand-written baseline in the same process run. What is
 * claimed is the ratio; the rates are this machine's. */
#ifndef BENCH_H
#define BENCH_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "pawl/pawl.h"

#define BODY_SIZE 256

struct bench {
    const char *folder; /* files are made here, on the disk that shall be measured */
    double seconds;     /* of one measurement */
    int rounds;         /* pawl and baseline in turn; the median counts */
    uint64_t records;   /* that a filled store has before it is measured; 0: the workload's own */
    bool json, quiet;
    char body[BODY_SIZE];
};

/* What one measurement found: a rate, or the middle and the tail of some times. */
struct figure {
    double rate;
    double p50_ms, p99_ms;
    double batch;        /* mean units a commit; 0: not measured */
    double wakes, cpu_s; /* of one that is idle: a minute */
};

struct result {
    const char *workload, *what; /* what: one line for people */
    struct figure pawl, baseline;
    double log;   /* rate of the bare log at the same batch; 0: not measured */
    double ratio; /* pawl to baseline: of rates, or of p50 */
    int in_flight;
    uint64_t records;
};

/* The sides of a comparison: both stores stay open over all rounds, and pawl, which is measured first in each round, leaves
 * the size of its commits for the baseline. */
struct baseline;
struct sides {
    pawl_store *store;
    struct baseline *baseline;
    int in_flight; /* calls, or callers, at a time */
    int batch;     /* units a commit */
    bool random_ids;
    struct beside *beside;
    _Atomic uint64_t produced, consumed;
    _Atomic int status; /* the first failure of a caller, with its error */
    pawl_error err;
};

/* bench.c */
double bench_now(void); /* seconds, monotonic */
void bench_path(const struct bench *bench, const char *name, char path[512]);
int bench_store(const struct bench *bench, const char *name, pawl_store **ret_store, pawl_error *err); /* a fresh one */
int bench_store_again(const struct bench *bench, const char *name, pawl_store **ret_store, pawl_error *err);
void bench_close(const struct bench *bench, struct sides *sides); /* both, and their files */
void bench_random_id(pawl_uuid *ret_id);
void bench_remove(const struct bench *bench, const char *name);
uint64_t bench_commits(pawl_store *store);
double bench_percentile(double *values, size_t count, double percent); /* sorts them */
void bench_note(const struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Measures pawl and the baseline in turn, `rounds` times; the medians and the median ratio go into the result. */
typedef int measure(const struct bench *bench, void *data, struct figure *figure, pawl_error *err);
int bench_compare(const struct bench *bench, measure *pawl, void *pawl_data, measure *baseline, void *baseline_data,
                  struct result *result, pawl_error *err);

/* Times of single calls, for as long as one measurement lasts. */
struct times {
    double *values, begin, end;
    size_t count;
};
bool bench_times_begin(const struct bench *bench, struct times *times);
bool bench_times_last(const struct times *times); /* there is time for another call */
void bench_times_add(struct times *times, double before);
void bench_times_end(struct times *times, struct figure *figure);

/* Callers on threads of their own: each calls `call` until the time is over or it fails (below 0) or has nothing to do (0);
 * what they return is added up. */
typedef int caller(const struct bench *bench, struct sides *sides, int number);
int bench_callers(const struct bench *bench, struct sides *sides, int count, caller *call, double *ret_rate);

/* Another process, made before this one opens a store: no handle may cross a fork. It does nothing until it is let go. */
struct beside {
    sem_t go, ready, done;
    _Atomic int stop;
    double time; /* monotonic seconds, left by the other process */
    pid_t pid;
};
struct beside *bench_beside_new(const struct bench *bench,
                                void (*run)(const struct bench *bench, struct beside *beside));
void bench_beside_go(struct beside *beside); /* returns when it is ready */
void bench_beside_free(struct beside *beside);

/* Runs the workloads of these names, or all of them, in a folder of its own that it removes; folder, seconds, rounds, records,
 * json and quiet are set. */
int bench_run(struct bench *bench, const char *const *names, size_t count, pawl_error *err);

/* baseline_sqlite.c: bare SQLite of the same build; the tables, and the measures on them */
int baseline_open(const struct bench *bench, uint64_t commands, uint64_t messages, struct baseline **ret,
                  pawl_error *err);
void baseline_close(const struct bench *bench, struct baseline *baseline);
measure baseline_transitions, baseline_enqueue, baseline_claim_settle, baseline_together, baseline_one_row;
measure baseline_contention; /* takes nothing: it opens its own */

/* baseline_wake.c: a byte through a pipe to a thread, or to a process, that waits for it */
measure baseline_wake_thread, baseline_wake_process;

/* baseline_log.c: an append-only file and fdatasync, nothing else: what the disk can do */
measure baseline_log;

/* The workloads, by what they measure. */
int workload_transition(const struct bench *bench, struct result *result, pawl_error *err);
int workload_transition_random_ids(const struct bench *bench, struct result *result, pawl_error *err);
int workload_post(const struct bench *bench, struct result *result, pawl_error *err);
int workload_replay(const struct bench *bench, struct result *result, pawl_error *err);
int workload_export(const struct bench *bench, struct result *result, pawl_error *err);
int workload_check(const struct bench *bench, struct result *result, pawl_error *err);
int workload_enqueue(const struct bench *bench, struct result *result, pawl_error *err);
int workload_enqueue_callbacks(const struct bench *bench, struct result *result, pawl_error *err);
int workload_enqueue_arrays(const struct bench *bench, struct result *result, pawl_error *err);
int workload_claim_settle(const struct bench *bench, struct result *result, pawl_error *err);
int workload_claim_settle_backlog(const struct bench *bench, struct result *result, pawl_error *err);
int workload_together(const struct bench *bench, struct result *result, pawl_error *err);
int workload_latency(const struct bench *bench, struct result *result, pawl_error *err);
int workload_contention(const struct bench *bench, struct result *result, pawl_error *err);
int workload_hot_key(const struct bench *bench, struct result *result, pawl_error *err);
int workload_isolation(const struct bench *bench, struct result *result, pawl_error *err);
int workload_many_keys(const struct bench *bench, struct result *result, pawl_error *err);
int workload_wake(const struct bench *bench, struct result *result, pawl_error *err);
int workload_wake_process(const struct bench *bench, struct result *result, pawl_error *err);
int workload_workflow(const struct bench *bench, struct result *result, pawl_error *err);
int workload_workflow_code(const struct bench *bench, struct result *result, pawl_error *err);
int workload_workflow_latency(const struct bench *bench, struct result *result, pawl_error *err);
int workload_workflow_await(const struct bench *bench, struct result *result, pawl_error *err);
int workload_workflow_timers(const struct bench *bench, struct result *result, pawl_error *err);
int workload_idle(const struct bench *bench, struct result *result, pawl_error *err);

#endif
