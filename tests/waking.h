/* SPDX-License-Identifier: MIT */
/* The real world, but for sleeping: who sleeps comes back when it was woken and its word has changed, or when its time is
 * up, and never by chance. So a wake-up that is lost, or given before the word changes, is a wait to the end, and a word
 * that changed a long time ago beneath a sleeper ends the program. */
#ifndef TESTS_WAKING_H
#define TESTS_WAKING_H

#include "env/env.h"

struct env *waking_env(void); /* one at a time; ended by its `close` */
void waking_bell(struct env *env, struct bell *bell);
unsigned waking_sleepers(void); /* how many sleep on a word just now */

#endif
