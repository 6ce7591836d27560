/* SPDX-License-Identifier: MIT */
/* The loop that steps engines: one epoll, one timer on boot time, one timer that notices when the wall clock is set. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "env/engine.h"

struct loop {
    struct env *env;
    pthread_mutex_t lock; /* of the list of engines, and held while they are stepped; recursive */
    struct engine *engines;
    int epoll, wake, timer, clock_set;
    struct boot_time armed; /* what the timer is set to */
};

#define EVENTS_A_TURN 64

static void arm(struct loop *loop, struct boot_time when)
{
    if (when.ns == loop->armed.ns)
        return;
    struct itimerspec spec = {0};
    if (when.ns != INT64_MAX) {
        int64_t ns = when.ns > 0 ? when.ns : 1; /* 0 would disarm */
        spec.it_value = (struct timespec){ns / 1000000000, ns % 1000000000};
    }
    timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &spec, NULL);
    loop->armed = when;
}

/* A timer far in the future whose only purpose is to be cancelled when somebody sets the clock. */
static void arm_clock_set(struct loop *loop)
{
    struct itimerspec spec = {.it_value = {.tv_sec = (time_t)1 << 34}};
    timerfd_settime(loop->clock_set, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
}

static bool add_fd(struct loop *loop, int fd, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    return fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

int pawli_loop_new(struct env *env, struct loop **ret_loop, pawl_error *err)
{
    struct loop *loop = pawli_alloc(sizeof *loop);
    if (!loop)
        return pawli_no_memory(err);
    loop->env = env;
    loop->armed = BOOT_NEVER;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&loop->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->clock_set = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->epoll < 0 || !add_fd(loop, loop->wake, &loop->wake) || !add_fd(loop, loop->timer, &loop->timer) ||
        !add_fd(loop, loop->clock_set, &loop->clock_set)) {
        int status = pawli_fail(err, PAWL_EUNAVAIL, "cannot make an event loop: %s", strerror(errno));
        pawli_loop_free(loop);
        return pawli_hint(err, status, "raise the limit of open files (ulimit -n)");
    }
    arm_clock_set(loop);
    *ret_loop = loop;
    return PAWL_OK;
}

void pawli_loop_free(struct loop *loop)
{
    if (!loop)
        return;
    int fds[] = {loop->epoll, loop->wake, loop->timer, loop->clock_set};
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    pthread_mutex_destroy(&loop->lock);
    pawli_free(loop);
}

void pawli_loop_add(struct loop *loop, struct engine *engine)
{
    pthread_mutex_lock(&loop->lock);
    struct engine **last = &loop->engines;
    while (*last)
        last = &(*last)->next;
    engine->next = NULL;
    *last = engine;
    pawli_engine_join(engine, loop);
    pthread_mutex_unlock(&loop->lock);
    atomic_store(&engine->woken, true);
    pawli_loop_wake(loop);
}

void pawli_loop_remove(struct loop *loop, struct engine *engine)
{
    pthread_mutex_lock(&loop->lock);
    struct engine **at = &loop->engines;
    while (*at != engine)
        at = &(*at)->next;
    *at = engine->next;
    pawli_engine_join(engine, NULL);
    pthread_mutex_unlock(&loop->lock);
}

int pawli_loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0)
        return 0;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0 ? 0 : -errno;
}

void pawli_loop_unwatch(struct loop *loop, struct watch *watch)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

void pawli_loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake, &one, sizeof one);
    (void)written; /* full means that it is readable, which is all that is wanted */
}

int pawli_loop_fd(const struct loop *loop)
{
    return loop->epoll;
}

static void drain(int fd)
{
    uint64_t value;
    ssize_t got = read(fd, &value, sizeof value);
    (void)got;
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
    void *data = event->data.ptr;
    if (data == &loop->wake) {
        drain(loop->wake);
    } else if (data == &loop->timer) {
        drain(loop->timer);
        loop->armed = BOOT_NEVER;
    } else if (data == &loop->clock_set) {
        drain(loop->clock_set);
        arm_clock_set(loop);
        for (struct engine *engine = loop->engines; engine; engine = engine->next)
            atomic_store(&engine->woken, true);
    } else {
        struct watch *watch = data;
        watch->ready(watch, event->events);
    }
}

/* When an engine is to be stepped next; at once where one was woken. */
static struct boot_time next_due(const struct loop *loop)
{
    struct boot_time next = BOOT_NEVER;
    for (struct engine *engine = loop->engines; engine; engine = engine->next)
        next = boot_earlier(next, atomic_load(&engine->woken) ? (struct boot_time){0} : engine->due);
    return next;
}

static void step_engines(struct loop *loop)
{
    for (struct engine *engine = loop->engines; engine; engine = engine->next) {
        struct boot_time now = loop->env->ops->boot_now(loop->env);
        if (atomic_exchange(&engine->woken, false) || engine->due.ns <= now.ns)
            engine->due = engine->ops->step(engine, now);
    }
}

struct boot_time pawli_loop_turn(struct loop *loop, struct boot_time until)
{
    struct epoll_event events[EVENTS_A_TURN];
    struct boot_time now = loop->env->ops->boot_now(loop->env);
    pthread_mutex_lock(&loop->lock);
    until = boot_earlier(until, next_due(loop));
    pthread_mutex_unlock(&loop->lock);
    bool wait = boot_before(now, until);
    if (wait)
        arm(loop, until);
    int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, wait ? -1 : 0);
    pthread_mutex_lock(&loop->lock);
    for (int i = 0; i < count; i++)
        dispatch(loop, &events[i]);
    step_engines(loop);
    struct boot_time next = next_due(loop);
    pthread_mutex_unlock(&loop->lock);
    return next;
}
