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

struct waking_env {
    struct env env;
    struct env *below;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t woken;
    struct sleeper *first; /* in the order in which they lay down */
    uint64_t bell_value;
};

struct waking_bell {
    struct bell bell;
    struct waking_env *waking;
};

static struct waking_env *waking_of(struct env *env)
{
    return (struct waking_env *)env;
}

static struct boot_time boot_now(struct env *env)
{
    struct env *below = waking_of(env)->below;
    return below->ops->boot_now(below);
}

/* ---- sleeping; all of it under the lock ---- */

static void rouse(struct waking_env *waking, const _Atomic uint32_t *word, int waiters)
{
    for (struct sleeper *sleeper = waking->first; sleeper && waiters > 0; sleeper = sleeper->next)
        if (sleeper->word == word && !sleeper->is_woken && atomic_load(word) != sleeper->expected) {
            sleeper->is_woken = true;
            waiters--;
        }
    pthread_cond_broadcast(&waking->woken);
}

static void lie_down(struct waking_env *waking, struct sleeper *sleeper)
{
    struct sleeper **at = &waking->first;
    while (*at)
        at = &(*at)->next;
    *at = sleeper;
}

static void get_up(struct waking_env *waking, const struct sleeper *sleeper)
{
    struct sleeper **at = &waking->first;
    while (*at != sleeper)
        at = &(*at)->next;
    *at = sleeper->next;
}

static void doze(struct waking_env *waking, struct boot_time until)
{
    int64_t left = until.ns - boot_now(&waking->env).ns;
    struct timespec end;
    if (left <= 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += left / 1000000000 + (end.tv_nsec + left % 1000000000) / 1000000000;
    end.tv_nsec = (end.tv_nsec + left % 1000000000) % 1000000000;
    pthread_cond_timedwait(&waking->woken, &waking->lock, &end);
}

/* ---- words ---- */

static void wait_on_word(struct env *env, _Atomic uint32_t *word, uint32_t expected, struct boot_time until)
{
    struct waking_env *waking = waking_of(env);
    struct sleeper sleeper = {.word = word, .expected = expected};
    struct boot_time late = BOOT_NEVER, now;
    pthread_mutex_lock(&waking->lock);
    sleeper.is_woken = atomic_load(word) != expected; /* it never fell asleep */
    lie_down(waking, &sleeper);
    while (!sleeper.is_woken && (now = boot_now(env)).ns < until.ns) {
        if (atomic_load(word) == expected)
            late = boot_after_ms(now, LONG_MS);
        if (now.ns >= late.ns) {
            fprintf(stderr, "# a word changed, and who sleeps on it was not woken for %d s\n", LONG_MS / 1000);
            abort();
        }
        doze(waking, boot_earlier(until, boot_after_ms(now, LOOK_MS)));
    }
    get_up(waking, &sleeper);
    pthread_mutex_unlock(&waking->lock);
}

unsigned waking_sleepers(struct env *env)
{
    struct waking_env *waking = waking_of(env);
    unsigned count = 0;
    pthread_mutex_lock(&waking->lock);
    for (const struct sleeper *sleeper = waking->first; sleeper; sleeper = sleeper->next)
        count += !sleeper->is_woken;
    pthread_mutex_unlock(&waking->lock);
    return count;
}

static void wake_word(struct env *env, _Atomic uint32_t *word, int waiters)
{
    struct waking_env *waking = waking_of(env);
    pthread_mutex_lock(&waking->lock);
    rouse(waking, word, waiters);
    pthread_mutex_unlock(&waking->lock);
}

/* ---- one bell, as all processes of a machine would hear it ---- */

static void bell_ring(struct bell *bell, uint64_t value)
{
    struct waking_env *waking = ((struct waking_bell *)bell)->waking;
    pthread_mutex_lock(&waking->lock);
    waking->bell_value = value;
    pthread_cond_broadcast(&waking->woken);
    pthread_mutex_unlock(&waking->lock);
}

static uint64_t bell_value(struct bell *bell)
{
    struct waking_env *waking = ((struct waking_bell *)bell)->waking;
    pthread_mutex_lock(&waking->lock);
    uint64_t value = waking->bell_value;
    pthread_mutex_unlock(&waking->lock);
    return value;
}

static void bell_wait(struct bell *bell, uint64_t seen, struct boot_time until)
{
    struct waking_env *waking = ((struct waking_bell *)bell)->waking;
    pthread_mutex_lock(&waking->lock);
    while (waking->bell_value == seen && boot_now(&waking->env).ns < until.ns)
        doze(waking, boot_earlier(until, boot_after_ms(boot_now(&waking->env), LOOK_MS)));
    pthread_mutex_unlock(&waking->lock);
}

static int bell_fd(struct bell *bell)
{
    (void)bell;
    return -1;
}

static void bell_drain(struct bell *bell)
{
    (void)bell;
}

static void bell_close(struct bell *bell)
{
    free(bell);
}

static int bell_open(struct env *env, const char *path, struct bell **ret_bell, pawl_error *err)
{
    static const struct bell_ops ops = {bell_ring, bell_value, bell_fd, bell_drain, bell_wait, bell_close};
    struct waking_bell *bell = calloc(1, sizeof *bell);
    (void)path;
    if (!bell)
        return pawli_no_memory(err);
    *bell = (struct waking_bell){{&ops}, waking_of(env)};
    *ret_bell = &bell->bell;
    return PAWL_OK;
}

/* ---- the rest is the real one's ---- */

static struct wall_time wall_now(struct env *env)
{
    struct env *below = waking_of(env)->below;
    return below->ops->wall_now(below);
}

static void boot_id(struct env *env, pawl_uuid *id)
{
    struct env *below = waking_of(env)->below;
    below->ops->boot_id(below, id);
}

static void random_bytes(struct env *env, void *out, size_t size)
{
    struct env *below = waking_of(env)->below;
    below->ops->random(below, out, size);
}

static void offload(struct env *env, struct job *job)
{
    struct env *below = waking_of(env)->below;
    below->ops->offload(below, job);
}

static int open_gate(struct env *env, const char *path, struct gate **ret_gate, pawl_error *err)
{
    struct env *below = waking_of(env)->below;
    return below->ops->gate(below, path, ret_gate, err);
}

static void close_env(struct env *env)
{
    struct waking_env *waking = waking_of(env);
    waking->below->ops->close(waking->below);
    pthread_mutex_destroy(&waking->lock);
    pthread_cond_destroy(&waking->woken);
    free(waking);
}

struct env *waking_env(void)
{
    static const struct env_ops ops = {.wall_now = wall_now,
                                       .boot_now = boot_now,
                                       .boot_id = boot_id,
                                       .random = random_bytes,
                                       .wait = wait_on_word,
                                       .wake = wake_word,
                                       .offload = offload,
                                       .gate = open_gate,
                                       .bell = bell_open,
                                       .close = close_env};
    struct waking_env *waking = calloc(1, sizeof *waking);
    pthread_condattr_t attributes;
    if (!waking || pawli_env_real(&waking->below, NULL) < 0)
        abort();
    waking->env.ops = &ops;
    pthread_mutex_init(&waking->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&waking->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    return &waking->env;
}
