/* SPDX-License-Identifier: MIT */
/* Inside this room: what an executor is. */
#ifndef PAWLI_WORKFLOW_EXECUTOR_H
#define PAWLI_WORKFLOW_EXECUTOR_H

#include <pthread.h>

#include "workflow/drive.h"

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
    size_t free;
    bool started, stopped;
    pthread_t claimer, *threads;
    size_t thread_count;
};

#define LOOK_MS 1000 /* at the latest, for what nobody told of */

/* How it claims; id NULL: the next of the kind. */
struct consume pawli_executor_claims(const struct pawl_executor *executor, const char *kind, const char *id,
                                     uint32_t limit);
int pawli_seat_fill(struct pawl_executor *executor, struct seat *seat, const struct kind_entry *entry,
                    const struct claimed *item, pawl_error *err);
/* A seat that is not a thread's own: its lease is renewed as theirs are. */
void pawli_seat_enter(struct pawl_executor *executor, struct seat *seat);
void pawli_seat_leave(struct pawl_executor *executor, struct seat *seat);
struct kind_entry *pawli_executor_kind(const struct pawl_executor *executor, const char *name);

#endif
