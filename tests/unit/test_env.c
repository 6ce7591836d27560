/* SPDX-License-Identifier: MIT */
/* The outside as a table: two clocks, the simulated world, the real one where no time needs to pass, engines and loops. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "env/engine.h"
#include "env/sim/sim.h"

static const struct file_at nowhere = {
    .folder = AT_FDCWD, .name = "x", .path = "x", .like = -1}; /* of what is simulated */

/* ---- time ---- */

static void times_near_their_end_stay_there(void **state)
{
    (void)state;
    struct boot_time boot = {1000};
    assert_true(boot_after_ms(boot, 5).ns == 5001000);
    assert_true(boot_after_ms(boot, INT64_MAX).ns == INT64_MAX);
    assert_true(boot_after_ms(BOOT_NEVER, 1).ns == INT64_MAX);
    assert_true(wall_after_ms(WALL_NEVER, 1).ms == INT64_MAX);
    assert_true(wall_after_ms((struct wall_time){5}, INT64_MAX).ms == INT64_MAX - 1);
    assert_true(wall_after_ms((struct wall_time){5}, -3).ms == 2);
    assert_true(boot_earlier(boot, BOOT_NEVER).ns == 1000);
    assert_true(boot_earlier(BOOT_NEVER, boot).ns == 1000);
    assert_false(boot_before(boot, boot));
}

static void a_wall_time_is_waited_for_on_the_boot_clock(void **state)
{
    (void)state;
    struct boot_time boot = {7000000000};
    struct wall_time wall = {1700000000000};
    static const struct {
        int64_t wall_ms, boot_ns;
    } rows[] = {
        {1700000000000, 7000000000}, /* now */
        {1699999999999, 7000000000}, /* past */
        {INT64_MIN, 7000000000},     {0, 7000000000}, {1700000000001, 7001000000}, {1700000060000, 67000000000},
        {INT64_MAX - 1, INT64_MAX}, /* too far to be told from never */
        {INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(boot_of_wall((struct wall_time){rows[i].wall_ms}, wall, boot).ns == rows[i].boot_ns);
}

/* ---- the simulated world ---- */

static void simulated_clocks_move_when_they_are_told_to(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    struct boot_time boot = env->ops->boot_now(env);
    struct wall_time wall = env->ops->wall_now(env);
    assert_true(env->ops->boot_now(env).ns == boot.ns);
    pawli_sim_advance_ms(env, 1500);
    assert_true(env->ops->boot_now(env).ns == boot.ns + 1500000000);
    assert_true(env->ops->wall_now(env).ms == wall.ms + 1500);
    pawli_sim_set_wall_ms(env, 5); /* setting the clock moves no boot time */
    assert_true(env->ops->wall_now(env).ms == 5);
    assert_true(env->ops->boot_now(env).ns == boot.ns + 1500000000);
    env->ops->close(env);
}

static void a_simulated_sleep_ends_when_it_should(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    struct boot_time boot = env->ops->boot_now(env);
    _Atomic uint32_t word = 7;
    env->ops->wait(env, &word, 8, boot_after_ms(boot, 100)); /* it is not what was expected */
    assert_true(env->ops->boot_now(env).ns == boot.ns);
    env->ops->wait(env, &word, 7, boot); /* the end has come already */
    assert_true(env->ops->boot_now(env).ns == boot.ns);
    env->ops->wait(env, &word, 7, boot_after_ms(boot, 100));
    assert_true(env->ops->boot_now(env).ns == boot.ns + 100000000);
    env->ops->close(env);
}

static void a_reboot_is_told_apart(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    pawl_uuid first, again, second;
    struct gate *gate;
    pawl_error err;
    assert_ok(env->ops->gate(env, &nowhere, &gate, &err));
    assert_int_equal(gate->ops->lock(gate, 1, GATE_EXCLUSIVE, (struct boot_time){0}), GATE_LOCKED);
    env->ops->boot_id(env, &first);
    env->ops->boot_id(env, &again);
    assert_true(uuid_equal(&first, &again));
    pawli_sim_advance_ms(env, 1000);
    struct boot_time before = env->ops->boot_now(env);
    struct wall_time wall = env->ops->wall_now(env);
    pawli_sim_reboot(env);
    env->ops->boot_id(env, &second);
    assert_false(uuid_equal(&first, &second));
    assert_true(boot_before(env->ops->boot_now(env), before));
    assert_true(env->ops->wall_now(env).ms == wall.ms);
    assert_false(gate->ops->is_held(gate, 1));
    gate->ops->close(gate);
    env->ops->close(env);
}

static void one_seed_gives_one_world_and_another_another(void **state)
{
    (void)state;
    uint8_t bytes[3][64];
    pawl_uuid boots[3];
    for (uint64_t i = 0; i < 3; i++) {
        struct env *env = pawli_sim_new(i / 2);
        env->ops->boot_id(env, &boots[i]);
        env->ops->random(env, bytes[i], sizeof bytes[i]);
        for (uint64_t below = 1; below < 100; below++)
            assert_true(pawli_sim_random(env, below) < below);
        env->ops->close(env);
    }
    assert_memory_equal(bytes[0], bytes[1], sizeof bytes[0]);
    assert_true(uuid_equal(&boots[0], &boots[1]));
    assert_memory_not_equal(bytes[0], bytes[2], sizeof bytes[0]);
}

/* ---- gates: the simulated one and the real one keep the same laws ---- */

static void check_gates(struct env *env, const struct file_at *place)
{
    enum { A = 1, B = 2 };
    const struct boot_time at_once = {0};
    struct gate *one, *other;
    pawl_error err;
    assert_ok(env->ops->gate(env, place, &one, &err));
    assert_ok(env->ops->gate(env, place, &other, &err));
    assert_false(one->ops->is_held(one, A));
    assert_int_equal(one->ops->lock(one, A, GATE_EXCLUSIVE, at_once), GATE_LOCKED);
    assert_int_equal(other->ops->lock(other, A, GATE_SHARED, at_once), GATE_TAKEN);
    assert_int_equal(other->ops->lock(other, A, GATE_EXCLUSIVE, at_once), GATE_TAKEN);
    assert_int_equal(other->ops->lock(other, B, GATE_EXCLUSIVE, at_once), GATE_LOCKED); /* bytes are apart */
    assert_true(one->ops->is_held(one, A));
    assert_true(other->ops->is_held(other, A));
    assert_false(one->ops->is_held_by_others(one, A));
    assert_true(other->ops->is_held_by_others(other, A));

    assert_int_equal(one->ops->lock(one, A, GATE_SHARED, at_once), GATE_LOCKED); /* lowered, never free between */
    assert_int_equal(other->ops->lock(other, A, GATE_SHARED, at_once), GATE_LOCKED);
    assert_int_equal(one->ops->lock(one, A, GATE_EXCLUSIVE, at_once), GATE_TAKEN);
    assert_true(one->ops->is_held_by_others(one, A));
    other->ops->unlock(other, A);
    assert_false(one->ops->is_held_by_others(one, A));
    assert_int_equal(one->ops->lock(one, A, GATE_EXCLUSIVE, at_once), GATE_LOCKED);
    one->ops->unlock(one, A);
    assert_false(other->ops->is_held(other, A));
    one->ops->unlock(one, A); /* of what is not held: nothing */

    assert_true(one->ops->is_held(one, B));
    other->ops->close(other); /* as when its process died */
    assert_false(one->ops->is_held(one, B));
    one->ops->close(one);
}

static void simulated_gates_exclude(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    check_gates(env, &nowhere);
    env->ops->close(env);
}

static void real_gates_exclude(void **state)
{
    (void)state;
    char folder[64], path[96];
    pawl_error err;
    struct env *env;
    snprintf(path, sizeof path, "%s/gate", make_folder(folder));
    struct file_at place = {.folder = AT_FDCWD, .name = path, .path = path, .like = -1};
    assert_ok(pawli_env_real(&env, &err));
    check_gates(env, &place);
    env->ops->close(env);
    remove_folder(folder);
}

static void waiting_for_a_simulated_gate_takes_its_time(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    struct gate *one, *other;
    pawl_error err;
    assert_ok(env->ops->gate(env, &nowhere, &one, &err));
    assert_ok(env->ops->gate(env, &nowhere, &other, &err));
    struct boot_time now = env->ops->boot_now(env), until = boot_after_ms(now, 250);
    assert_int_equal(one->ops->lock(one, 1, GATE_EXCLUSIVE, until), GATE_LOCKED);
    assert_true(env->ops->boot_now(env).ns == now.ns);
    assert_int_equal(other->ops->lock(other, 1, GATE_EXCLUSIVE, until), GATE_TAKEN);
    assert_true(env->ops->boot_now(env).ns == until.ns);
    one->ops->close(one);
    other->ops->close(other);
    env->ops->close(env);
}

/* ---- bells ---- */

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void a_real_bell_is_heard_by_others(void **state)
{
    (void)state;
    char folder[64], path[96];
    pawl_error err;
    struct env *env;
    struct bell *one, *other;
    snprintf(path, sizeof path, "%s/bell", make_folder(folder));
    struct file_at place = {.folder = AT_FDCWD, .name = path, .path = path, .like = -1};
    assert_ok(pawli_env_real(&env, &err));
    assert_ok(env->ops->bell(env, &place, &one, &err));
    assert_ok(env->ops->bell(env, &place, &other, &err));
    other->ops->drain(other);
    assert_false(is_readable(other->ops->fd(other)));
    one->ops->ring(one, 41, 1);
    assert_true(other->ops->value(other, 0) == 41);
    assert_true(other->ops->value(other, 1) == 0);
    assert_true(is_readable(other->ops->fd(other)));
    other->ops->drain(other);
    assert_false(is_readable(other->ops->fd(other)));
    one->ops->ring(one, 42, 1);
    one->ops->ring(one, 43, 2);
    assert_true(is_readable(other->ops->fd(other)));
    other->ops->drain(other);
    assert_false(is_readable(other->ops->fd(other)));
    assert_true(other->ops->value(other, 0) == 43);
    assert_true(other->ops->value(other, 1) == 43);
    other->ops->wait(other, 0, 42, BOOT_NEVER); /* it is another one already: no waiting */
    one->ops->close(one);
    other->ops->close(other);
    env->ops->close(env);
    remove_folder(folder);
}

static void a_simulated_bell_is_waited_for_in_simulated_time(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    struct bell *bell;
    pawl_error err;
    assert_ok(env->ops->bell(env, &nowhere, &bell, &err));
    struct boot_time now = env->ops->boot_now(env);
    bell->ops->ring(bell, 9, 1);
    bell->ops->wait(bell, 0, 8, boot_after_ms(now, 100));
    assert_true(env->ops->boot_now(env).ns == now.ns);
    bell->ops->wait(bell, 0, 9, boot_after_ms(now, 100));
    assert_true(env->ops->boot_now(env).ns == now.ns + 100000000);
    assert_int_equal(bell->ops->fd(bell), -1);
    bell->ops->close(bell);
    env->ops->close(env);
}

/* ---- the real world ---- */

static void real_randomness_does_not_repeat(void **state)
{
    (void)state;
    struct env *env;
    pawl_error err;
    uint8_t a[40] = {0}, b[40] = {0}, zeros[40] = {0};
    assert_ok(pawli_env_real(&env, &err));
    env->ops->random(env, a, sizeof a);
    env->ops->random(env, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 32, zeros, 8); /* to the last byte */
    env->ops->close(env);
}

static void real_boot_time_never_goes_back_and_the_boot_has_one_id(void **state)
{
    (void)state;
    struct env *env, *other;
    pawl_error err;
    pawl_uuid a, b;
    assert_ok(pawli_env_real(&env, &err));
    assert_ok(pawli_env_real(&other, &err));
    struct boot_time last = env->ops->boot_now(env);
    for (int i = 0; i < 1000; i++) {
        struct boot_time now = (i % 2 ? env : other)->ops->boot_now(env);
        assert_false(boot_before(now, last));
        last = now;
    }
    env->ops->boot_id(env, &a);
    other->ops->boot_id(other, &b);
    assert_true(uuid_equal(&a, &b));
    assert_false(uuid_is_nil(&a));
    assert_true(env->ops->wall_now(env).ms > 1600000000000);
    env->ops->close(env);
    other->ops->close(other);
}

struct sleeper {
    struct env *env;
    _Atomic uint32_t word;
};

static void *sleep_until_changed(void *data)
{
    struct sleeper *sleeper = data;
    while (atomic_load(&sleeper->word) == 0)
        sleeper->env->ops->wait(sleeper->env, &sleeper->word, 0, BOOT_NEVER);
    return NULL;
}

static void a_real_sleep_ends_with_a_wake_and_with_its_time(void **state)
{
    (void)state;
    struct sleeper sleeper = {0};
    pthread_t threads[4];
    pawl_error err;
    assert_ok(pawli_env_real(&sleeper.env, &err));
    struct env *env = sleeper.env;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sleep_until_changed, &sleeper), 0);
    atomic_store(&sleeper.word, 1);
    env->ops->wake(env, &sleeper.word, (int)COUNT_OF(threads));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    env->ops->wait(env, &sleeper.word, 0, BOOT_NEVER); /* it is 1: returns at once */
    struct boot_time until = boot_after_ms(env->ops->boot_now(env), 1);
    while (boot_before(env->ops->boot_now(env), until))
        env->ops->wait(env, &sleeper.word, 1, until);
    env->ops->close(env);
}

/* ---- engines ---- */

struct probe { /* an engine that notes what is done with it */
    struct engine engine;
    unsigned steps, done, ran_elsewhere;
    struct boot_time due;
    char *log, name;
    struct probe *wakes;
};

struct probe_job {
    struct job job;
    struct probe *probe;
    pthread_t ran_by;
    unsigned number;
};

static struct boot_time step_probe(struct engine *engine, struct boot_time now)
{
    struct probe *probe = (struct probe *)engine;
    (void)now;
    probe->steps++;
    pawli_engine_take_inbox(engine);
    if (probe->log)
        strncat(probe->log, &probe->name, 1);
    if (probe->wakes)
        pawli_engine_wake(&probe->wakes->engine);
    struct boot_time due = probe->due;
    probe->due = BOOT_NEVER;
    return due;
}

static bool stop_probe(struct engine *engine, struct boot_time by)
{
    (void)engine, (void)by;
    return true;
}

static const struct engine_ops probe_ops = {"probe", step_probe, stop_probe};

static void probe_init(struct probe *probe, char *log, char name)
{
    *probe = (struct probe){.due = BOOT_NEVER, .log = log, .name = name};
    pawli_engine_init(&probe->engine, &probe_ops);
}

static void run_job(struct job *job)
{
    ((struct probe_job *)job)->ran_by = pthread_self();
}

static void job_done(struct job *job)
{
    struct probe_job *probe_job = (struct probe_job *)job;
    struct probe *probe = probe_job->probe;
    assert_int_equal(probe_job->number, probe->done); /* the oldest first */
    probe->done++;
    probe->ran_elsewhere += !pthread_equal(probe_job->ran_by, pthread_self());
}

static void completions_wait_in_the_inbox_for_a_step_in_their_order(void **state)
{
    (void)state;
    struct env *env = pawli_sim_new(1);
    struct probe probe;
    struct probe_job jobs[5];
    probe_init(&probe, NULL, 0);
    assert_false(pawli_engine_take_inbox(&probe.engine));
    for (unsigned i = 0; i < COUNT_OF(jobs); i++) {
        jobs[i] = (struct probe_job){
            .job = {.run = run_job, .done = job_done, .engine = &probe.engine}, .probe = &probe, .number = i};
        env->ops->offload(env, &jobs[i].job);
    }
    assert_int_equal(probe.done, 0); /* the simulation says when */
    assert_int_equal(pawli_sim_run_jobs(env), 5);
    assert_int_equal(probe.done, 0);
    assert_true(probe.engine.woken);
    assert_true(pawli_engine_take_inbox(&probe.engine));
    assert_int_equal(probe.done, 5);
    assert_false(pawli_engine_take_inbox(&probe.engine));
    assert_int_equal(pawli_sim_run_jobs(env), 0);
    pawli_engine_done(&probe.engine);
    env->ops->close(env);
}

struct world {
    struct env *env;
    struct loop *loop;
};

static void begin(struct world *world)
{
    pawl_error err;
    assert_ok(pawli_env_real(&world->env, &err));
    assert_ok(pawli_loop_new(world->env, &world->loop, &err));
}

static void end(struct world *world)
{
    pawli_loop_free(world->loop);
    world->env->ops->close(world->env);
}

static const struct boot_time past = {1};

static void a_loop_steps_what_was_added_or_woken_and_nothing_else(void **state)
{
    (void)state;
    struct world world;
    struct probe a, b;
    begin(&world);
    probe_init(&a, NULL, 'a');
    probe_init(&b, NULL, 'b');
    pawli_loop_add(world.loop, &a.engine);
    pawli_loop_add(world.loop, &b.engine);
    assert_true(is_readable(pawli_loop_fd(world.loop)));
    assert_true(pawli_loop_turn(world.loop, past).ns == INT64_MAX);
    assert_int_equal(a.steps, 1);
    assert_int_equal(b.steps, 1);
    assert_false(is_readable(pawli_loop_fd(world.loop)));
    pawli_loop_turn(world.loop, past);
    assert_int_equal(a.steps, 1);
    pawli_engine_wake(&b.engine);
    pawli_engine_wake(&b.engine);
    assert_true(is_readable(pawli_loop_fd(world.loop)));
    pawli_loop_turn(world.loop, past);
    assert_int_equal(a.steps, 1);
    assert_int_equal(b.steps, 2);
    pawli_loop_remove(world.loop, &b.engine);
    pawli_engine_wake(&b.engine);
    pawli_loop_turn(world.loop, past);
    assert_int_equal(b.steps, 2);
    pawli_loop_remove(world.loop, &a.engine);
    end(&world);
}

static void engines_are_stepped_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct world world;
    struct probe probes[3];
    char log[64] = "";
    begin(&world);
    for (size_t i = 0; i < 3; i++) {
        probe_init(&probes[i], log, (char)('a' + i));
        pawli_loop_add(world.loop, &probes[i].engine);
    }
    pawli_loop_turn(world.loop, past);
    for (size_t i = 3; i > 0; i--)
        pawli_engine_wake(&probes[i - 1].engine);
    pawli_loop_turn(world.loop, past);
    pawli_loop_remove(world.loop, &probes[1].engine);
    pawli_engine_wake(&probes[2].engine);
    pawli_engine_wake(&probes[0].engine);
    pawli_loop_turn(world.loop, past);
    assert_string_equal(log, "abcabcac");
    pawli_loop_remove(world.loop, &probes[0].engine);
    pawli_loop_remove(world.loop, &probes[2].engine);
    end(&world);
}

static void a_wake_in_a_step_is_not_lost(void **state)
{
    (void)state;
    struct world world;
    struct probe early, late;
    begin(&world);
    probe_init(&early, NULL, 'a');
    probe_init(&late, NULL, 'b');
    pawli_loop_add(world.loop, &early.engine);
    pawli_loop_add(world.loop, &late.engine);
    pawli_loop_turn(world.loop, past);
    late.wakes = &early; /* which was stepped before it in the turn */
    pawli_engine_wake(&late.engine);
    assert_true(pawli_loop_turn(world.loop, past).ns == 0); /* again, at once */
    assert_int_equal(early.steps, 1);
    late.wakes = NULL;
    pawli_loop_turn(world.loop, BOOT_NEVER); /* does not sleep */
    assert_int_equal(early.steps, 2);
    early.wakes = &early; /* itself */
    pawli_engine_wake(&early.engine);
    pawli_loop_turn(world.loop, past);
    early.wakes = NULL;
    pawli_loop_turn(world.loop, BOOT_NEVER);
    assert_int_equal(early.steps, 4);
    pawli_loop_remove(world.loop, &early.engine);
    pawli_loop_remove(world.loop, &late.engine);
    end(&world);
}

static void an_engine_is_stepped_again_when_it_said(void **state)
{
    (void)state;
    struct world world;
    struct probe probe;
    begin(&world);
    probe_init(&probe, NULL, 'a');
    struct boot_time now = world.env->ops->boot_now(world.env), later = boot_after_ms(now, 3600000);
    probe.due = later;
    pawli_loop_add(world.loop, &probe.engine);
    assert_true(pawli_loop_turn(world.loop, past).ns == later.ns);
    pawli_loop_turn(world.loop, past);
    assert_int_equal(probe.steps, 1);
    probe.due = boot_after_ms(now, 1); /* soon: the turn waits for it, on its own timer */
    pawli_engine_wake(&probe.engine);
    struct boot_time next = pawli_loop_turn(world.loop, past);
    assert_int_equal(probe.steps, 2);
    while (probe.steps < 3)
        next = pawli_loop_turn(world.loop, BOOT_NEVER);
    assert_true(next.ns == INT64_MAX);
    assert_false(boot_before(world.env->ops->boot_now(world.env), boot_after_ms(now, 1)));
    pawli_loop_remove(world.loop, &probe.engine);
    end(&world);
}

struct noting_watch {
    struct watch watch;
    unsigned calls;
    uint32_t events;
};

static void note(struct watch *watch, uint32_t events)
{
    struct noting_watch *noting = (struct noting_watch *)watch;
    noting->calls++;
    noting->events = events;
}

static void a_watched_descriptor_is_reported_until_it_is_unwatched(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct noting_watch noting = {.watch = {note, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}};
    uint64_t one = 1;
    assert_int_equal(pawli_loop_watch(world.loop, &noting.watch, EPOLLIN), 0);
    pawli_loop_turn(world.loop, past);
    assert_int_equal(noting.calls, 0);
    assert_int_equal(write(noting.watch.fd, &one, sizeof one), sizeof one);
    pawli_loop_turn(world.loop, BOOT_NEVER);
    assert_int_equal(noting.calls, 1);
    assert_int_equal(noting.events, EPOLLIN);
    assert_int_equal(pawli_loop_watch(world.loop, &noting.watch, EPOLLOUT), 0);
    pawli_loop_turn(world.loop, BOOT_NEVER);
    assert_int_equal(noting.calls, 2);
    assert_int_equal(noting.events, EPOLLOUT);
    pawli_loop_unwatch(world.loop, &noting.watch);
    pawli_loop_turn(world.loop, past);
    assert_int_equal(noting.calls, 2);
    assert_true(pawli_loop_watch(world.loop, &(struct watch){note, -1}, EPOLLIN) < 0);
    close(noting.watch.fd);
    end(&world);
}

static void offloaded_work_runs_on_another_thread_and_is_done_in_a_step(void **state)
{
    (void)state;
    struct world world;
    struct probe probe;
    struct probe_job jobs[40];
    begin(&world);
    probe_init(&probe, NULL, 'a');
    pawli_loop_add(world.loop, &probe.engine);
    for (unsigned i = 0; i < COUNT_OF(jobs); i++) {
        jobs[i] = (struct probe_job){
            .job = {.run = run_job, .done = job_done, .engine = &probe.engine}, .probe = &probe, .number = i};
        world.env->ops->offload(world.env, &jobs[i].job);
        while (probe.done <= i)
            pawli_loop_turn(world.loop, BOOT_NEVER);
    }
    assert_int_equal(probe.ran_elsewhere, COUNT_OF(jobs));
    pawli_loop_remove(world.loop, &probe.engine);
    pawli_engine_done(&probe.engine);
    end(&world);
}

static void *wake_often(void *data)
{
    for (int i = 0; i < 2000; i++)
        pawli_engine_wake(data);
    return NULL;
}

/* The last wake comes from a thread that then ends: if it were lost, the loop would sleep for ever. */
static void no_wake_from_another_thread_is_lost(void **state)
{
    (void)state;
    struct world world;
    struct probe probe;
    begin(&world);
    probe_init(&probe, NULL, 'a');
    pawli_loop_add(world.loop, &probe.engine);
    pawli_loop_turn(world.loop, past);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        unsigned before = probe.steps;
        assert_int_equal(pthread_create(&thread, NULL, wake_often, &probe.engine), 0);
        while (probe.steps == before)
            pawli_loop_turn(world.loop, BOOT_NEVER);
        pthread_join(thread, NULL);
        while (probe.engine.woken)
            pawli_loop_turn(world.loop, BOOT_NEVER);
    }
    pawli_loop_remove(world.loop, &probe.engine);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_near_their_end_stay_there),
        cmocka_unit_test(a_wall_time_is_waited_for_on_the_boot_clock),
        cmocka_unit_test(simulated_clocks_move_when_they_are_told_to),
        cmocka_unit_test(a_simulated_sleep_ends_when_it_should),
        cmocka_unit_test(a_reboot_is_told_apart),
        cmocka_unit_test(one_seed_gives_one_world_and_another_another),
        cmocka_unit_test(simulated_gates_exclude),
        cmocka_unit_test(real_gates_exclude),
        cmocka_unit_test(waiting_for_a_simulated_gate_takes_its_time),
        cmocka_unit_test(a_real_bell_is_heard_by_others),
        cmocka_unit_test(a_simulated_bell_is_waited_for_in_simulated_time),
        cmocka_unit_test(real_randomness_does_not_repeat),
        cmocka_unit_test(real_boot_time_never_goes_back_and_the_boot_has_one_id),
        cmocka_unit_test(a_real_sleep_ends_with_a_wake_and_with_its_time),
        cmocka_unit_test(completions_wait_in_the_inbox_for_a_step_in_their_order),
        cmocka_unit_test(a_loop_steps_what_was_added_or_woken_and_nothing_else),
        cmocka_unit_test(engines_are_stepped_in_the_order_in_which_they_came),
        cmocka_unit_test(a_wake_in_a_step_is_not_lost),
        cmocka_unit_test(an_engine_is_stepped_again_when_it_said),
        cmocka_unit_test(a_watched_descriptor_is_reported_until_it_is_unwatched),
        cmocka_unit_test(offloaded_work_runs_on_another_thread_and_is_done_in_a_step),
        cmocka_unit_test(no_wake_from_another_thread_is_lost),
    };
    return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
