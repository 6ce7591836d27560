/* SPDX-License-Identifier: MIT */
/* Firing schedules: a job when the first is due, or when something happened that may be a schedule's. */
#include "work/work.h"
#include "workflow/fire.h"

#define LOOK_MS 30000 /* nothing tells of a clock that was set while nothing else happens */

static void run(struct job *job)
{
    struct scheduling *scheduling = (struct scheduling *)job;
    struct worker *worker = scheduling->worker;
    uint64_t fired = 0;
    scheduling->error = (pawl_error){0};
    if (pawli_fire_all(worker->store, worker->options.all_scopes, &fired, &scheduling->next, &scheduling->error) ==
        PAWL_OK)
        scheduling->error = (pawl_error){0};
}

static void done(struct job *job)
{
    struct scheduling *scheduling = (struct scheduling *)job;
    struct worker *worker = scheduling->worker;
    struct env *env = worker->opened->env;
    struct boot_time now = env->ops->boot_now(env);
    scheduling->is_running = false;
    scheduling->at = boot_earlier(boot_after_ms(now, LOOK_MS),
                                  boot_of_wall(scheduling->next, env->ops->wall_now(env), now));
    if (scheduling->error.status < 0) {
        scheduling->at = boot_earlier(scheduling->at, boot_after_ms(now, PAUSE_MS));
        pawli_tell_error(worker, "schedule_failed", 1, &scheduling->error);
    }
}

struct boot_time pawli_schedules_step(struct worker *worker, struct boot_time now)
{
    struct scheduling *scheduling = &worker->scheduling;
    struct env *env = worker->opened->env;
    if (scheduling->is_running)
        return BOOT_NEVER;
    if (!scheduling->is_wanted && now.ns < scheduling->at.ns)
        return scheduling->at;
    scheduling->is_wanted = false;
    scheduling->is_running = true;
    scheduling->worker = worker;
    scheduling->job = (struct job){.run = run, .done = done, .engine = &worker->engine};
    env->ops->offload(env, &scheduling->job);
    return BOOT_NEVER;
}
