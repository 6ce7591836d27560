/* SPDX-License-Identifier: MIT */
/* What the unit tests share: random numbers from a seed that is printed, and an allocator that fails when it is told to. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include "random.h"
#include "support.h"

#include <sys/random.h>

#include "base/base.h"

static inline void random_fill(struct random *random, void *out, size_t size)
{
    for (uint8_t *at = out; size > 0; size--)
        *at++ = (uint8_t)(random_next(random) >> 32);
}

/* Another seed for every run, so that the tests go on looking; PAWL_TEST_SEED has a run again. */
static inline struct random random_begin(const char *what)
{
    const char *given = getenv("PAWL_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 0;
    if (!given && getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        abort();
    printf("# %s: PAWL_TEST_SEED=%llu\n", what, (unsigned long long)seed);
    return (struct random){seed};
}

/* failing_allocator.c, for programs that are linked with --wrap. */
void fail_allocation(unsigned nth); /* the nth from now on fails, once; 0: none does */
unsigned allocations_made(void);    /* since the program began */
unsigned allocations_alive(void);   /* made and not freed */

#endif
