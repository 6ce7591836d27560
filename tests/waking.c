/* SPDX-License-Identifier: MIT */
#include "waking.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_MS 500
#define LONG_MS 5000 /* nothing here takes so long, on whatever machine */

struct sleeper {
    struct sleeper *next;
    _Atomic uint32_t *word;
    uint32_t expected;
    bool is_woken; /* after its word had changed: too early is not at all */
};

static struct {
    struct env_ops ops;
    struct env *bell_env;
    const struct bell_ops *bell_below;
    struct bell_ops bell_ops;
    pthread_mutex_t lock; /* of the sleepers */
    pthread_cond_t woken;
    struct sleeper *first; /* in the order in which they lay down */
} waking = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- sleeping; all of it under the lock ---- */

static void rouse(const _Atomic uint32_t *word, int waiters)
{
    for (struct sleeper *sleeper = waking.first; sleeper && waiters > 0; sleeper = sleeper->next)
        if (sleeper->word == word && !sleeper->is_woken && atomic_load(word) != sleeper->expected) {
            sleeper->is_woken = true;
            waiters--;
        }
    pthread_cond_broadcast(&waking.woken);
}

static void lie_down(struct sleeper *sleeper)
{
    struct sleeper **at = &waking.first;
    while (*at)
        at = &(*at)->next;
    *at = sleeper;
}

static void get_up(const struct sleeper *sleeper)
{
    struct sleeper **at = &waking.first;
    while (*at != sleeper)
        at = &(*at)->next;
    *at = sleeper->next;
}

/* Until somebody is woken, or a look is due. */
static void doze(struct boot_time now, struct boot_time until)
{
    int64_t ns = boot_earlier(until, boot_after_ms(now, LOOK_MS)).ns - now.ns;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += ns > 0 ? ns : 0;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&waking.woken, &waking.lock, &end);
}

/* ---- words ---- */

static void wait_on_word(struct env *env, _Atomic uint32_t *word, uint32_t expected, struct boot_time until)
{
    struct sleeper sleeper = {.word = word, .expected = expected};
    struct boot_time late = BOOT_NEVER, now;
    pthread_mutex_lock(&waking.lock);
    sleeper.is_woken = atomic_load(word) != expected; /* it never fell asleep */
    lie_down(&sleeper);
    while (!sleeper.is_woken && (now = env->ops->boot_now(env)).ns < until.ns) {
        if (atomic_load(word) == expected)
            late = boot_after_ms(now, LONG_MS);
        if (now.ns >= late.ns) {
            fprintf(stderr, "# a word changed, and who sleeps on it was not woken for %d s\n", LONG_MS / 1000);
            abort();
        }
        doze(now, until);
    }
    get_up(&sleeper);
    pthread_mutex_unlock(&waking.lock);
}

static void wake_word(struct env *env, _Atomic uint32_t *word, int waiters)
{
    (void)env;
    pthread_mutex_lock(&waking.lock);
    rouse(word, waiters);
    pthread_mutex_unlock(&waking.lock);
}

unsigned waking_sleepers(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&waking.lock);
    for (const struct sleeper *sleeper = waking.first; sleeper; sleeper = sleeper->next)
        count += !sleeper->is_woken;
    pthread_mutex_unlock(&waking.lock);
    return count;
}

struct env *waking_env(void)
{
    struct env *env;
    pthread_condattr_t attributes;
    if (pawli_env_real(&env, NULL) < 0)
        abort();
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&waking.woken, &attributes);
    pthread_condattr_destroy(&attributes);
    waking.ops = *env->ops;
    waking.ops.wait = wait_on_word;
    waking.ops.wake = wake_word;
    env->ops = &waking.ops;
    return env;
}

/* ---- bells ---- */

static void ring(struct bell *bell, uint64_t value, unsigned count)
{
    pthread_mutex_lock(&waking.lock);
    waking.bell_below->ring(bell, value, count);
    pthread_cond_broadcast(&waking.woken);
    pthread_mutex_unlock(&waking.lock);
}

static void wait_for_bell(struct bell *bell, unsigned which, uint64_t seen, struct boot_time until)
{
    struct env *env = waking.bell_env;
    struct boot_time now;
    pthread_mutex_lock(&waking.lock);
    while (waking.bell_below->value(bell, which) == seen && (now = env->ops->boot_now(env)).ns < until.ns)
        doze(now, until);
    pthread_mutex_unlock(&waking.lock);
}

void waking_bell(struct env *env, struct bell *bell)
{
    waking.bell_env = env;
    waking.bell_below = bell->ops;
    waking.bell_ops = *bell->ops;
    waking.bell_ops.ring = ring;
    waking.bell_ops.wait = wait_for_bell;
    bell->ops = &waking.bell_ops;
}
