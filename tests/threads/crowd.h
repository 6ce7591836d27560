/* SPDX-License-Identifier: MIT */
/* Many threads that begin together. cmocka's assertions belong to the main thread; the others use MUST, which ends the
 * program, so that the test is counted as failed. */
#ifndef TESTS_THREADS_CROWD_H
#define TESTS_THREADS_CROWD_H

#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* For calls of the library: prints its own words. */
#define MUST_OK(call)                                                                                                  \
    do {                                                                                                               \
        pawl_error err = {0};                                                                                          \
        int status_ = (call);                                                                                          \
        if (status_ < 0) {                                                                                             \
            fprintf(stderr, "%s:%d: %s: %d %s (%s)\n", __FILE__, __LINE__, #call, status_, err.text, err.hint);        \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CROWD_MAX 32

struct crowd {
    pthread_barrier_t begin;
    struct member {
        struct crowd *crowd;
        void (*run)(void *data, unsigned number);
        void *data;
        unsigned number; /* among those who do the same */
        pthread_t thread;
    } members[CROWD_MAX];
    unsigned count;
};

static void *crowd_thread(void *data)
{
    struct member *member = data;
    pthread_barrier_wait(&member->crowd->begin);
    member->run(member->data, member->number);
    return NULL;
}

static inline void crowd_add(struct crowd *crowd, unsigned count, void (*run)(void *, unsigned), void *data)
{
    for (unsigned number = 0; number < count; number++) {
        MUST(crowd->count < CROWD_MAX);
        crowd->members[crowd->count++] = (struct member){.crowd = crowd, .run = run, .data = data, .number = number};
    }
}

static inline void crowd_start(struct crowd *crowd)
{
    MUST(pthread_barrier_init(&crowd->begin, NULL, crowd->count) == 0);
    for (unsigned i = 0; i < crowd->count; i++)
        MUST(pthread_create(&crowd->members[i].thread, NULL, crowd_thread, &crowd->members[i]) == 0);
}

static inline void crowd_join(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++)
        pthread_join(crowd->members[i].thread, NULL);
    pthread_barrier_destroy(&crowd->begin);
    crowd->count = 0;
}

static inline void crowd_run(struct crowd *crowd)
{
    crowd_start(crowd);
    crowd_join(crowd);
}

/* A store in a folder of its own. */
struct place {
    char folder[64], url[96];
    pawl_store *store;
};

static inline void place_open(struct place *place)
{
    make_folder(place->folder);
    snprintf(place->url, sizeof place->url, "sqlite:%s/store.db", place->folder);
    MUST_OK(pawl_store_open(place->url, NULL, &place->store, &err));
}

static inline void place_close(struct place *place)
{
    pawl_store_close(place->store);
    remove_folder(place->folder);
}

static inline void must_verify(pawl_store *store)
{
    pawl_verification *verification = NULL;
    MUST_OK(pawl_verify(store, NULL, NULL, NULL, &verification, &err));
    MUST(pawl_verification_count(verification) > 0);
    for (size_t i = 0; i < pawl_verification_count(verification); i++)
        MUST(pawl_verification_get(verification, i)->is_ok);
    pawl_verification_free(verification);
}

#endif
