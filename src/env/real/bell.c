/* SPDX-License-Identifier: MIT */
/* The bell: numbers of eight bytes in a file, and inotify for those who wait. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "env/real/real.h"

struct real_bell {
    struct bell bell;
    struct env *env;
    int fd;
    unsigned forks;
    pthread_mutex_t lock;
    int watch;     /* inotify; made when somebody asks, -1 until then */
    char path[32]; /* of the descriptor: its name may be somebody else's by now */
};

static struct real_bell *real_of(struct bell *bell)
{
    return (struct real_bell *)bell;
}

static void bell_ring(struct bell *bell, uint64_t value, unsigned count)
{
    uint64_t values[BELL_NUMBERS];
    for (unsigned i = 0; i < count; i++)
        values[i] = value;
    /* A lost ring costs a slow poll, never a message, so a failure is nobody's error. */
    ssize_t written = pwrite(real_of(bell)->fd, values, count * sizeof *values, 0);
    (void)written;
}

static uint64_t bell_value(struct bell *bell, unsigned which)
{
    uint64_t value = 0;
    off_t at = (off_t)(which * sizeof value);
    return pread(real_of(bell)->fd, &value, sizeof value, at) == (ssize_t)sizeof value ? value : 0;
}

static int bell_fd(struct bell *bell)
{
    struct real_bell *real = real_of(bell);
    pthread_mutex_lock(&real->lock);
    if (real->watch < 0) {
        real->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (real->watch >= 0 && inotify_add_watch(real->watch, real->path, IN_MODIFY) < 0) {
            close(real->watch);
            real->watch = -1;
        }
    }
    pthread_mutex_unlock(&real->lock);
    return real->watch;
}

static void drain_watch(int watch)
{
    char events[1024];
    while (read(watch, events, sizeof events) > 0)
        ;
}

static void bell_drain(struct bell *bell)
{
    drain_watch(real_of(bell)->watch);
}

static int64_t left_ms(struct env *env, struct boot_time until)
{
    return (until.ns - env->ops->boot_now(env).ns + 999999) / 1000000;
}

/* Each waiter has a watch of its own: a shared one could be drained by another. */
static void bell_wait(struct bell *bell, unsigned which, uint64_t seen, struct boot_time until)
{
    struct real_bell *real = real_of(bell);
    struct env *env = real->env;
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    bool watches = watch >= 0 && inotify_add_watch(watch, real->path, IN_MODIFY) >= 0;
    struct pollfd poll_fd = {.fd = watch, .events = POLLIN};
    int64_t left;
    until = boot_earlier(until, boot_after_ms(env->ops->boot_now(env), watches ? 1000 : 20)); /* a poll stands behind */
    while (bell_value(bell, which) == seen && (left = left_ms(env, until)) > 0)
        if (poll(&poll_fd, 1, (int)left) > 0)
            drain_watch(watch);
    if (watch >= 0)
        close(watch);
}

static void bell_close(struct bell *bell)
{
    struct real_bell *real = real_of(bell);
    if (real->watch >= 0)
        close(real->watch);
    pawli_file_close(real->fd, real->forks);
    pthread_mutex_destroy(&real->lock);
    pawli_free(real);
}

static const struct bell_ops real_bell_ops = {bell_ring, bell_value, bell_fd, bell_drain, bell_wait, bell_close};

static int open_bell(struct env *env, const struct file_at *at, int flags, bool must_be, struct bell **ret_bell,
                     pawl_error *err)
{
    struct real_bell *real = pawli_alloc(sizeof *real);
    if (!real)
        return pawli_no_memory(err);
    real->bell.ops = &real_bell_ops;
    real->env = env;
    real->watch = -1;
    real->forks = pawli_file_forks();
    real->fd = pawli_file_open(at, flags);
    if (real->fd < 0 && (must_be || real->fd != -ENOENT)) {
        int status = pawli_file_fail(at, -real->fd, err);
        pawli_free(real);
        return status;
    }
    snprintf(real->path, sizeof real->path, "/proc/self/fd/%d", real->fd);
    pthread_mutex_init(&real->lock, NULL);
    *ret_bell = &real->bell;
    return PAWL_OK;
}

int pawli_bell_open(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err)
{
    return open_bell(env, at, O_RDWR | O_CREAT, true, ret_bell, err);
}

int pawli_bell_find(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err)
{
    return open_bell(env, at, O_RDONLY, false, ret_bell, err);
}
