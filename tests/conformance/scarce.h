/* SPDX-License-Identifier: MIT */
/* Calls on workflows, resources, kinds and schedules for tests in which memory is scarce: each is made again and again, and
 * `n` makes each time one of its own. */
#ifndef TESTS_CONFORMANCE_SCARCE_H
#define TESTS_CONFORMANCE_SCARCE_H

#include "conformance.h"

void prepare_scarce(struct world *w); /* what they are about */
extern int (*const scarce_calls[])(struct world *w, unsigned n);
extern const size_t scarce_call_count;

#endif
