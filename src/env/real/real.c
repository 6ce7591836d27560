/* SPDX-License-Identifier: MIT */
/* The real world: Linux clocks, getrandom, futexes, a small pool of threads for work that blocks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "env/engine.h"
#include "env/real/real.h"

#define RANDOM_POOL 4096

struct job_list {
    struct job *first, **last;
    unsigned count;
};

struct real_env {
    struct env env;
    pawl_uuid boot_id;
    pthread_mutex_t random_lock;
    size_t random_left;
    uint8_t random_pool[RANDOM_POOL]; /* a system call for each id would cost more than the id */
    pthread_mutex_t pool_lock;
    pthread_cond_t pool_work;
    struct job_list jobs, hanging_jobs;         /* that wait; hanging: that may */
    unsigned thread_count, idle_count, hanging; /* hanging: of the threads, those with a job that may */
    bool closing;
    pthread_t threads[POOL_THREADS];
};

static struct real_env *real_of(struct env *env)
{
    return (struct real_env *)env;
}

static struct wall_time wall_now(struct env *env)
{
    struct timespec now;
    (void)env;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct wall_time){(int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

static struct boot_time boot_now(struct env *env)
{
    struct timespec now;
    (void)env;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (struct boot_time){(int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
}

static void boot_id(struct env *env, pawl_uuid *id)
{
    *id = real_of(env)->boot_id;
}

static void fill_random(void *out, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t more = getrandom((char *)out + got, size - got, 0);
        PAWL_ASSERT(more > 0 || errno == EINTR);
        got += more > 0 ? (size_t)more : 0;
    }
}

static void random_bytes(struct env *env, void *out, size_t size)
{
    struct real_env *real = real_of(env);
    if (size > RANDOM_POOL / 4) {
        fill_random(out, size);
        return;
    }
    pthread_mutex_lock(&real->random_lock);
    if (real->random_left < size) {
        fill_random(real->random_pool, RANDOM_POOL);
        real->random_left = RANDOM_POOL;
    }
    real->random_left -= size;
    uint8_t *from = real->random_pool + real->random_left;
    memcpy(out, from, size);
    memset(from, 0, size); /* a tail that was handed out stays nowhere else */
    pthread_mutex_unlock(&real->random_lock);
}

static void futex_wait(struct env *env, _Atomic uint32_t *word, uint32_t expected, struct boot_time until)
{
    struct timespec left, *timeout = NULL;
    if (until.ns != INT64_MAX) {
        int64_t ns = until.ns - boot_now(env).ns;
        if (ns <= 0)
            return;
        left = (struct timespec){ns / 1000000000, ns % 1000000000};
        timeout = &left;
    }
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
}

static void futex_wake(struct env *env, _Atomic uint32_t *word, int waiters)
{
    (void)env;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, NULL, NULL, 0);
}

/* ---- the pool; all of it under its lock but for the jobs ---- */

static void add_job(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
    list->count++;
}

static struct job *take_first(struct job_list *list)
{
    struct job *job = list->first;
    list->first = job->next;
    if (!list->first)
        list->last = &list->first;
    list->count--;
    return job;
}

static struct job *take_job(struct real_env *real)
{
    if (real->jobs.count)
        return take_first(&real->jobs);
    if (real->hanging_jobs.count == 0 || real->hanging == POOL_HANGING)
        return NULL;
    real->hanging++;
    return take_first(&real->hanging_jobs);
}

/* Jobs that a thread could take now. */
static unsigned runnable(const struct real_env *real)
{
    unsigned room = POOL_HANGING - real->hanging;
    return real->jobs.count + (real->hanging_jobs.count < room ? real->hanging_jobs.count : room);
}

static void *pool_thread(void *argument)
{
    struct real_env *real = argument;
    pthread_mutex_lock(&real->pool_lock);
    for (;;) {
        struct job *job = take_job(real);
        if (job) {
            bool may_hang = job->may_hang; /* it is its owner's again once it is complete */
            pthread_mutex_unlock(&real->pool_lock);
            job->run(job);
            pawli_engine_complete(job->engine, job);
            pthread_mutex_lock(&real->pool_lock);
            real->hanging -= may_hang;
            continue;
        }
        if (real->closing)
            break;
        real->idle_count++;
        pthread_cond_wait(&real->pool_work, &real->pool_lock);
        real->idle_count--;
    }
    pthread_mutex_unlock(&real->pool_lock);
    return NULL;
}

static void offload(struct env *env, struct job *job)
{
    struct real_env *real = real_of(env);
    struct job_list *list = job->may_hang ? &real->hanging_jobs : &real->jobs;
    pthread_mutex_lock(&real->pool_lock);
    add_job(list, job);
    bool started = true;
    if (runnable(real) > real->idle_count && real->thread_count < POOL_THREADS) {
        started = pthread_create(&real->threads[real->thread_count], NULL, pool_thread, real) == 0;
        real->thread_count += started;
    }
    bool alone = !started && real->thread_count == 0;
    if (alone) /* no thread to be had at all: late is better than never; nothing else waits, all before went this way */
        take_first(list);
    pthread_cond_signal(&real->pool_work);
    pthread_mutex_unlock(&real->pool_lock);
    if (alone) {
        job->run(job);
        pawli_engine_complete(job->engine, job);
    }
}

static void close_env(struct env *env)
{
    struct real_env *real = real_of(env);
    pthread_mutex_lock(&real->pool_lock);
    real->closing = true;
    pthread_cond_broadcast(&real->pool_work);
    pthread_mutex_unlock(&real->pool_lock);
    for (unsigned i = 0; i < real->thread_count; i++)
        pthread_join(real->threads[i], NULL);
    pthread_mutex_destroy(&real->pool_lock);
    pthread_mutex_destroy(&real->random_lock);
    pthread_cond_destroy(&real->pool_work);
    explicit_bzero(real->random_pool, sizeof real->random_pool);
    pawli_free(real);
}

static bool room_of(struct env *env, int fd, struct file_room *ret_room)
{
    struct statvfs facts;
    (void)env;
    if (fstatvfs(fd, &facts) != 0)
        return false;
    *ret_room = (struct file_room){(uint64_t)facts.f_blocks * facts.f_frsize,
                                   (uint64_t)facts.f_bavail * facts.f_frsize};
    return true;
}

static const struct env_ops real_ops = {
    .wall_now = wall_now,
    .boot_now = boot_now,
    .boot_id = boot_id,
    .random = random_bytes,
    .wait = futex_wait,
    .wake = futex_wake,
    .offload = offload,
    .gate = pawli_gate_open,
    .bell = pawli_bell_open,
    .gate_as_found = pawli_gate_find,
    .bell_as_found = pawli_bell_find,
    .room = room_of,
    .close = close_env,
};

static void read_boot_id(pawl_uuid *id)
{
    char text[PAWL_UUID_TEXT_SIZE] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    /* Without /proc every opening counts as another boot: leases of before are over, which is safe. */
    if (got != (ssize_t)sizeof text - 1 || !pawli_uuid_read(text_of(text), id))
        fill_random(id, sizeof *id);
}

int pawli_env_real(struct env **ret_env, pawl_error *err)
{
    struct real_env *real = pawli_alloc(sizeof *real);
    if (!real)
        return pawli_no_memory(err);
    real->env.ops = &real_ops;
    real->jobs.last = &real->jobs.first;
    real->hanging_jobs.last = &real->hanging_jobs.first;
    pthread_mutex_init(&real->random_lock, NULL);
    pthread_mutex_init(&real->pool_lock, NULL);
    pthread_cond_init(&real->pool_work, NULL);
    read_boot_id(&real->boot_id);
    *ret_env = &real->env;
    return PAWL_OK;
}
