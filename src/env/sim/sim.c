/* SPDX-License-Identifier: MIT */
#include "env/sim/sim.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "env/engine.h"

#define SIM_LOCKS_MAX 512

struct sim_lock {
    const struct gate *owner; /* NULL: free place */
    int64_t byte;
    enum gate_mode mode;
};

struct sim_env {
    struct env env;
    struct wall_time wall;
    struct boot_time boot;
    pawl_uuid boot_id;
    uint64_t state; /* splitmix64 */
    struct sim_lock locks[SIM_LOCKS_MAX];
    struct job *jobs, **jobs_last;
    uint64_t bell_values[BELL_NUMBERS];
    struct sim_bell *bells;
    bool watches_bells;
    struct file_room room; /* size 0: nobody knows */
    struct boot_time act_at;
    void (*act)(void *data); /* NULL: nobody does anything while one sleeps */
    void *act_data;
};

struct sim_gate {
    struct gate gate;
    struct sim_env *sim;
};

struct sim_bell {
    struct bell bell;
    struct sim_env *sim;
    struct sim_bell *next;
    int fd; /* an eventfd; -1: cannot be watched */
};

static struct sim_env *sim_of(struct env *env)
{
    return (struct sim_env *)env;
}

static uint64_t next_random(struct sim_env *sim)
{
    uint64_t z = (sim->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t pawli_sim_random(struct env *env, uint64_t below)
{
    return next_random(sim_of(env)) % below;
}

static struct wall_time wall_now(struct env *env)
{
    return sim_of(env)->wall;
}

static struct boot_time boot_now(struct env *env)
{
    return sim_of(env)->boot;
}

static void boot_id(struct env *env, pawl_uuid *id)
{
    *id = sim_of(env)->boot_id;
}

static void random_bytes(struct env *env, void *out, size_t size)
{
    for (uint8_t *at = out; size > 0; at++, size--)
        *at = (uint8_t)(next_random(sim_of(env)) >> 32);
}

void pawli_sim_advance_ms(struct env *env, int64_t ms)
{
    struct sim_env *sim = sim_of(env);
    sim->wall = wall_after_ms(sim->wall, ms);
    sim->boot = boot_after_ms(sim->boot, ms);
}

void pawli_sim_set_wall_ms(struct env *env, int64_t unix_ms)
{
    sim_of(env)->wall = (struct wall_time){unix_ms};
}

void pawli_sim_reboot(struct env *env)
{
    struct sim_env *sim = sim_of(env);
    random_bytes(env, &sim->boot_id, sizeof sim->boot_id);
    sim->boot = (struct boot_time){1000000000};
    pawli_sim_free_slots(env);
}

void pawli_sim_free_slots(struct env *env)
{
    memset(sim_of(env)->locks, 0, sizeof sim_of(env)->locks);
}

void pawli_sim_meanwhile(struct env *env, int64_t ms, void (*act)(void *data), void *data)
{
    struct sim_env *sim = sim_of(env);
    sim->act_at = boot_after_ms(sim->boot, ms);
    sim->act = act;
    sim->act_data = data;
}

/* Moves the clocks to `until`, or to the moment at which somebody else acts; false when there is nothing to sleep for. */
static bool sleep_until(struct sim_env *sim, struct boot_time until)
{
    void (*act)(void *data) = sim->act && boot_before(sim->act_at, until) ? sim->act : NULL;
    struct boot_time end = act ? sim->act_at : until;
    PAWL_ASSERT(end.ns != INT64_MAX); /* nobody would ever wake us */
    if (!act && end.ns <= sim->boot.ns)
        return false;
    if (end.ns > sim->boot.ns)
        pawli_sim_advance_ms(&sim->env, (end.ns - sim->boot.ns + 999999) / 1000000);
    if (act) {
        sim->act = NULL;
        act(sim->act_data);
    }
    return true;
}

/* With one thread nobody changes the word while we sleep, but who acts meanwhile: sleeping is moving the clocks. */
static void sim_wait(struct env *env, _Atomic uint32_t *word, uint32_t expected, struct boot_time until)
{
    struct sim_env *sim = sim_of(env);
    while (atomic_load(word) == expected && sleep_until(sim, until))
        ;
}

static void sim_wake(struct env *env, _Atomic uint32_t *word, int waiters)
{
    (void)env, (void)word, (void)waiters;
}

static void offload(struct env *env, struct job *job)
{
    struct sim_env *sim = sim_of(env);
    job->next = NULL;
    *sim->jobs_last = job;
    sim->jobs_last = &job->next;
}

unsigned pawli_sim_run_jobs(struct env *env)
{
    struct sim_env *sim = sim_of(env);
    struct job *job = sim->jobs;
    unsigned count = 0;
    sim->jobs = NULL;
    sim->jobs_last = &sim->jobs;
    while (job) {
        struct job *next = job->next;
        job->run(job);
        pawli_engine_complete(job->engine, job);
        job = next;
        count++;
    }
    return count;
}

static struct sim_lock *find_lock(struct sim_env *sim, const struct gate *owner, int64_t byte)
{
    for (size_t i = 0; i < SIM_LOCKS_MAX; i++)
        if (sim->locks[i].owner == owner && (!owner || sim->locks[i].byte == byte))
            return &sim->locks[i];
    return NULL;
}

static enum gate_result gate_lock(struct gate *gate, int64_t byte, enum gate_mode mode, struct boot_time until)
{
    struct sim_env *sim = ((struct sim_gate *)gate)->sim;
    for (size_t i = 0; i < SIM_LOCKS_MAX; i++) {
        const struct sim_lock *lock = &sim->locks[i];
        if (lock->owner && lock->owner != gate && lock->byte == byte &&
            (mode == GATE_EXCLUSIVE || lock->mode == GATE_EXCLUSIVE)) {
            if (until.ns != INT64_MAX && until.ns > sim->boot.ns)
                pawli_sim_advance_ms(&sim->env, (until.ns - sim->boot.ns + 999999) / 1000000);
            return GATE_TAKEN;
        }
    }
    struct sim_lock *lock = find_lock(sim, gate, byte);
    if (!lock)
        lock = find_lock(sim, NULL, 0);
    PAWL_ASSERT(lock != NULL);
    *lock = (struct sim_lock){gate, byte, mode};
    return GATE_LOCKED;
}

static void gate_unlock(struct gate *gate, int64_t byte)
{
    struct sim_lock *lock = find_lock(((struct sim_gate *)gate)->sim, gate, byte);
    if (lock)
        lock->owner = NULL;
}

static bool gate_is_held(struct gate *gate, int64_t byte)
{
    const struct sim_env *sim = ((struct sim_gate *)gate)->sim;
    for (size_t i = 0; i < SIM_LOCKS_MAX; i++)
        if (sim->locks[i].owner && sim->locks[i].byte == byte)
            return true;
    return false;
}

static bool gate_is_held_by_others(struct gate *gate, int64_t byte)
{
    const struct sim_env *sim = ((struct sim_gate *)gate)->sim;
    for (size_t i = 0; i < SIM_LOCKS_MAX; i++)
        if (sim->locks[i].owner && sim->locks[i].owner != gate && sim->locks[i].byte == byte)
            return true;
    return false;
}

static void gate_close(struct gate *gate)
{
    struct sim_env *sim = ((struct sim_gate *)gate)->sim;
    for (size_t i = 0; i < SIM_LOCKS_MAX; i++)
        if (sim->locks[i].owner == gate)
            sim->locks[i].owner = NULL;
    pawli_free(gate);
}

static int gate_fd(struct gate *gate)
{
    (void)gate;
    return -1;
}

static const struct gate_ops sim_gate_ops = {.lock = gate_lock,
                                             .unlock = gate_unlock,
                                             .is_held = gate_is_held,
                                             .is_held_by_others = gate_is_held_by_others,
                                             .fd = gate_fd,
                                             .close = gate_close};

static int gate_open(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err)
{
    (void)at;
    struct sim_gate *gate = pawli_alloc(sizeof *gate);
    if (!gate)
        return pawli_no_memory(err);
    gate->gate.ops = &sim_gate_ops;
    gate->sim = sim_of(env);
    *ret_gate = &gate->gate;
    return PAWL_OK;
}

void pawli_sim_watch_bells(struct env *env)
{
    sim_of(env)->watches_bells = true;
}

static void bell_ring(struct bell *bell, uint64_t value, unsigned count)
{
    struct sim_env *sim = ((struct sim_bell *)bell)->sim;
    for (unsigned i = 0; i < count; i++)
        sim->bell_values[i] = value;
    for (struct sim_bell *one = sim->bells; one; one = one->next)
        if (one->fd >= 0)
            eventfd_write(one->fd, 1);
}

static uint64_t bell_value(struct bell *bell, unsigned which)
{
    return ((struct sim_bell *)bell)->sim->bell_values[which];
}

static int bell_fd(struct bell *bell)
{
    struct sim_bell *one = (struct sim_bell *)bell;
    if (one->fd < 0 && one->sim->watches_bells)
        one->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return one->fd;
}

static void bell_drain(struct bell *bell)
{
    eventfd_t rings;
    if (((struct sim_bell *)bell)->fd >= 0)
        eventfd_read(((struct sim_bell *)bell)->fd, &rings);
}

static void bell_wait(struct bell *bell, unsigned which, uint64_t seen, struct boot_time until)
{
    struct sim_env *sim = ((struct sim_bell *)bell)->sim;
    while (sim->bell_values[which] == seen && sleep_until(sim, until))
        ;
}

static void bell_close(struct bell *bell)
{
    struct sim_bell *one = (struct sim_bell *)bell, **at = &one->sim->bells;
    while (*at != one)
        at = &(*at)->next;
    *at = one->next;
    if (one->fd >= 0)
        close(one->fd);
    pawli_free(bell);
}

static const struct bell_ops sim_bell_ops = {bell_ring, bell_value, bell_fd, bell_drain, bell_wait, bell_close};

static int bell_open(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err)
{
    (void)at;
    struct sim_bell *bell = pawli_alloc(sizeof *bell);
    if (!bell)
        return pawli_no_memory(err);
    bell->bell.ops = &sim_bell_ops;
    bell->sim = sim_of(env);
    bell->fd = -1;
    bell->next = bell->sim->bells;
    bell->sim->bells = bell;
    *ret_bell = &bell->bell;
    return PAWL_OK;
}

void pawli_sim_set_room(struct env *env, uint64_t size, uint64_t free)
{
    sim_of(env)->room = (struct file_room){size, free};
}

static bool room_of(struct env *env, int fd, struct file_room *ret_room)
{
    (void)fd;
    *ret_room = sim_of(env)->room;
    return ret_room->size > 0;
}

static void close_env(struct env *env)
{
    pawli_free(env);
}

static const struct env_ops sim_ops = {
    .wall_now = wall_now,
    .boot_now = boot_now,
    .boot_id = boot_id,
    .random = random_bytes,
    .wait = sim_wait,
    .wake = sim_wake,
    .offload = offload,
    .gate = gate_open,
    .bell = bell_open,
    .gate_as_found = gate_open,
    .bell_as_found = bell_open,
    .room = room_of,
    .close = close_env,
};

struct env *pawli_sim_new(uint64_t seed)
{
    struct sim_env *sim = pawli_alloc(sizeof *sim);
    if (!sim)
        return NULL;
    sim->env.ops = &sim_ops;
    sim->state = seed;
    sim->wall = (struct wall_time){1700000000000};
    sim->boot = (struct boot_time){1000000000};
    sim->jobs_last = &sim->jobs;
    random_bytes(&sim->env, &sim->boot_id, sizeof sim->boot_id);
    return &sim->env;
}
