/* SPDX-License-Identifier: MIT */
#include "env/engine.h"

void pawli_engine_init(struct engine *engine, const struct engine_ops *ops)
{
    *engine = (struct engine){.ops = ops, .due = BOOT_NEVER};
    pthread_mutex_init(&engine->inbox_lock, NULL);
    engine->inbox_last = &engine->inbox_first;
}

void pawli_engine_done(struct engine *engine)
{
    PAWL_ASSERT(engine->inbox_first == NULL);
    pthread_mutex_destroy(&engine->inbox_lock);
}

void pawli_engine_wake(struct engine *engine)
{
    /* One flag in front of the loop's: a hundred wakes between two steps cost one system call. */
    if (!atomic_exchange(&engine->woken, true) && engine->loop)
        pawli_loop_wake(engine->loop);
}

void pawli_engine_complete(struct engine *engine, struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&engine->inbox_lock);
    *engine->inbox_last = job;
    engine->inbox_last = &job->next;
    pthread_mutex_unlock(&engine->inbox_lock);
    pawli_engine_wake(engine);
}

bool pawli_engine_take_inbox(struct engine *engine)
{
    pthread_mutex_lock(&engine->inbox_lock);
    struct job *job = engine->inbox_first;
    engine->inbox_first = NULL;
    engine->inbox_last = &engine->inbox_first;
    pthread_mutex_unlock(&engine->inbox_lock);
    bool any = job != NULL;
    while (job) {
        struct job *next = job->next;
        job->done(job);
        job = next;
    }
    return any;
}
