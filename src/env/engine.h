/* SPDX-License-Identifier: MIT */
/* Engines: parts of pawl that do what is due and say when to call them again. A thread, an application's own loop or the
 * simulator steps them. A step never blocks, but for one commit on a local store. */
#ifndef PAWLI_ENGINE_H
#define PAWLI_ENGINE_H

#include <pthread.h>

#include "env/env.h"

struct loop;

struct engine_ops {
    const char *name;
    struct boot_time (*step)(struct engine *engine,
                             struct boot_time now);           /* returns when to be called again, or never */
    bool (*stop)(struct engine *engine, struct boot_time by); /* takes no new work; true once drained */
};

struct engine {
    const struct engine_ops *ops;
    struct engine *next; /* the loop's */
    struct boot_time due;
    _Atomic bool woken;
    pthread_mutex_t lock;                  /* of what follows */
    struct loop *loop;                     /* NULL while it is on none */
    struct job *inbox_first, **inbox_last; /* completions from other threads, oldest first */
};

void pawli_engine_init(struct engine *engine, const struct engine_ops *ops);
void pawli_engine_done(struct engine *engine);
void pawli_engine_wake(struct engine *engine);                      /* from any thread; no wake is lost */
void pawli_engine_complete(struct engine *engine, struct job *job); /* from any thread: into the inbox, and wakes */
void pawli_engine_join(struct engine *engine, struct loop *loop);   /* the loop's: whom to wake; NULL: nobody */
bool pawli_engine_take_inbox(struct engine *engine); /* in a step: runs every `done`; true if there was one */

/* A descriptor that an engine watches; the callback runs on the loop's thread between steps. */
struct watch {
    void (*ready)(struct watch *watch, uint32_t events); /* EPOLLIN, EPOLLOUT, … */
    int fd;
};

int pawli_loop_new(struct env *env, struct loop **ret_loop, pawl_error *err);
void pawli_loop_free(struct loop *loop);                          /* the engines are the caller's */
void pawli_loop_add(struct loop *loop, struct engine *engine);    /* any thread; who comes first is stepped first */
void pawli_loop_remove(struct loop *loop, struct engine *engine); /* any thread; it is in no step afterwards */
int pawli_loop_watch(struct loop *loop, struct watch *watch, uint32_t events); /* adds or changes; 0 or -errno */
void pawli_loop_unwatch(struct loop *loop, struct watch *watch);
void pawli_loop_wake(struct loop *loop);
int pawli_loop_fd(const struct loop *loop); /* readable when a turn has something to do */

/* Waits for something to do, no longer than `until`, and does it. Returns when the next turn is due at the latest. */
struct boot_time pawli_loop_turn(struct loop *loop, struct boot_time until);

#endif
