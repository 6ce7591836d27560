/* SPDX-License-Identifier: MIT */
/* What a pawl_store is: an opened store with its committer and loop, and light handles on it, each with a scope. */
#ifndef PAWLI_HANDLE_H
#define PAWLI_HANDLE_H

#include "commit/committer.h"
#include "pawl/store.h"

/* What all handles on one opening share. */
struct opened {
    struct env *env;
    bool owns_env;
    struct store *store;
    struct store_facts facts;
    struct committer committer;
    struct loop *loop;
    pthread_mutex_t lock;        /* of the loop's making; taken before the loop's own, so never in a step */
    pthread_mutex_t thread_lock; /* held while the thread is started or stopped: one at a time; before the others */
    pthread_mutex_t wait_lock;   /* of `told`; after all others */
    pthread_cond_t told;         /* what pawli_run_until waits for may have come, or the thread has ended */
    _Atomic unsigned handles;
    _Atomic bool has_thread, stopping;
    pthread_t thread;
    int64_t timeout_ms;
};

struct pawl_store {
    struct opened *opened;
    struct text scope;
    char scope_text[LIMIT_NAME + 1];
};

/* Another program's connection that holds the store's tables, and its transactions. */
struct pawl_join {
    pawl_store *store;
    void *native, *attachment;
};

/* As pawl_store_open, in a world that the caller chose and keeps: the simulator's. */
int pawli_open_in(struct env *env, const char *url, const pawl_store_options *options, pawl_store **ret_store,
                  pawl_error *err);

/* The loop that steps the store's engines, made when somebody needs it. */
int pawli_loop_of(struct opened *opened, struct loop **ret_loop, pawl_error *err);

/* Puts an engine on the store's loop, or takes it off; from the thread that steps the loop, or while nobody does. */
int pawli_run_engine(struct opened *opened, struct engine *engine, pawl_error *err);

/* Waits until *word is `value`. A step writes it and calls pawli_run_tell; the store's thread makes that step, or, where
 * there is none or it ends meanwhile, who waits. */
void pawli_run_until(struct opened *opened, _Atomic int *word, int value);
void pawli_run_tell(struct opened *opened);

static inline struct boot_time pawli_deadline(const struct opened *opened, int64_t timeout_ms)
{
    return boot_after_ms(opened->env->ops->boot_now(opened->env), timeout_ms > 0 ? timeout_ms : opened->timeout_ms);
}

/* Public structs grow at their end: copies as many bytes as the caller's version has, the rest is zero; NULL is all zero.
 * False: its struct_size cannot be. */
bool pawli_copy_options(void *to, size_t size, const void *from);
/* The same for an item of a caller's array, which is walked by the size that its first item says; all say the same. */
bool pawli_copy_item(void *to, size_t size, const void *array, size_t index);
/* And for what a call gives out: checks the room that the caller made; fills as much of it as there is. */
int pawli_check_room(const char *name, const void *to, pawl_error *err); /* NULL is fine */
void pawli_give_out(void *to, const void *from, size_t size);            /* NULL: nothing */
int pawli_bad_struct(const char *name, pawl_error *err);

#endif
