/* SPDX-License-Identifier: MIT */
/* malloc and its kin fail on demand, put in the place of the real ones by the linker (--wrap). */
#ifndef TESTS_CONFORMANCE_FAILING_H
#define TESTS_CONFORMANCE_FAILING_H

#include <stdbool.h>

/* The n-th allocation from now on fails, once; 0: none does. Returns what was left of the one before. */
unsigned long fail_allocation(unsigned long n);
bool stop_failing(void); /* whether one failed since this was asked last */

#endif
