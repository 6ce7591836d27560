/* SPDX-License-Identifier: MIT */
/* A simulated world for one thread: clocks that move when they are told to (or when somebody sleeps), randomness from a
 * seed, a gate and a bell in memory, offloaded work that runs when the simulation says so. */
#ifndef PAWLI_ENV_SIM_H
#define PAWLI_ENV_SIM_H

#include "env/env.h"

struct env *pawli_sim_new(uint64_t seed);                     /* NULL when out of memory; ended by its `close` */
void pawli_sim_advance_ms(struct env *env, int64_t ms);       /* both clocks */
void pawli_sim_set_wall_ms(struct env *env, int64_t unix_ms); /* somebody sets the clock */
void pawli_sim_reboot(struct env *env);                       /* another boot id; boot time starts anew */
void pawli_sim_free_slots(struct env *env);                   /* every process died: all byte locks are gone */
/* In so many milliseconds, if somebody sleeps then, another one acts: the sleeper goes on at that moment if it was woken,
 * and sleeps on if not. One at a time. */
void pawli_sim_meanwhile(struct env *env, int64_t ms, void (*act)(void *data), void *data);
void pawli_sim_watch_bells(struct env *env);                  /* those that are watched from here on have a descriptor */
void pawli_sim_set_room(struct env *env, uint64_t size, uint64_t free); /* of the disk, in bytes; nobody knows before */
unsigned pawli_sim_run_jobs(struct env *env);                 /* runs what was offloaded; returns how much */
uint64_t pawli_sim_random(struct env *env, uint64_t below);

#endif
