/* SPDX-License-Identifier: MIT */
/* malloc and its kin with a count and a failure on demand, put in place by the linker (--wrap). */
#include "unit.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);

static unsigned until_failure, made, alive;

void fail_allocation(unsigned nth)
{
    until_failure = nth;
}

unsigned allocations_made(void)
{
    return made;
}

unsigned allocations_alive(void)
{
    return alive;
}

static bool fails(void)
{
    made++;
    return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    void *memory = fails() ? NULL : __real_malloc(size);
    alive += memory != NULL;
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *memory = fails() ? NULL : __real_calloc(count, size);
    alive += memory != NULL;
    return memory;
}

void *__wrap_realloc(void *old, size_t size)
{
    void *memory = fails() ? NULL : __real_realloc(old, size);
    alive += memory != NULL && old == NULL;
    return memory;
}

void __wrap_free(void *memory)
{
    alive -= memory != NULL;
    __real_free(memory);
}
