/* SPDX-License-Identifier: MIT */
#include "env/engine.h"

void pawli_engine_init(struct engine *engine, const struct engine_ops *ops)
{
    *engine = (struct engine){.ops = ops, .due = BOOT_NEVER};
    pthread_mutex_init(&engine->lock, NULL);
    engine->inbox_last = &engine->inbox_first;
}

void pawli_engine_done(struct engine *engine)
{
    PAWL_ASSERT(engine->inbox_first == NULL);
    pthread_mutex_destroy(&engine->lock);
}

void pawli_engine_join(struct engine *engine, struct loop *loop)
{
    pthread_mutex_lock(&engine->lock);
    engine->loop = loop;
    pthread_mutex_unlock(&engine->lock);
}

void pawli_engine_wake(struct engine *engine)
{
    /* One flag in front of the loop's: a hundred wakes between two steps cost one system call. */
    if (atomic_exchange(&engine->woken, true))
        return;
    pthread_mutex_lock(&engine->lock);
    if (engine->loop)
        pawli_loop_wake(engine->loop);
    pthread_mutex_unlock(&engine->lock);
}

/* The wake happens under the lock: who takes the job may free the engine, and we must be through with it by then. */
void pawli_engine_complete(struct engine *engine, struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&engine->lock);
    *engine->inbox_last = job;
    engine->inbox_last = &job->next;
    if (!atomic_exchange(&engine->woken, true) && engine->loop)
        pawli_loop_wake(engine->loop);
    pthread_mutex_unlock(&engine->lock);
}

bool pawli_engine_take_inbox(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct job *job = engine->inbox_first;
    engine->inbox_first = NULL;
    engine->inbox_last = &engine->inbox_first;
    pthread_mutex_unlock(&engine->lock);
    bool any = job != NULL;
    while (job) {
        struct job *next = job->next;
        job->done(job);
        job = next;
    }
    return any;
}
