/* SPDX-License-Identifier: MIT */
#include "failing.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned long countdown; /* 1: the next one fails; 0: none does */
static bool has_failed;

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    return has_failed = true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

unsigned long fail_allocation(unsigned long n)
{
    unsigned long left = countdown;
    countdown = n;
    return left;
}

bool stop_failing(void)
{
    bool had_failed = has_failed;
    countdown = 0;
    has_failed = false;
    return had_failed;
}
