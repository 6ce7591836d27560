/* SPDX-License-Identifier: MIT */
/* An arena: memory that is handed out in pieces and given back all at once. Everything that belongs to one unit, one
 * batch or one page of answers lives in one. A failed allocation is remembered, so that a builder of many pieces needs
 * one check at its end (pawli_arena_failed). One thread at a time. */
#ifndef PAWLI_ARENA_H
#define PAWLI_ARENA_H

#include "base/base.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk;
    char *at, *end;
    bool failed;
};

void pawli_arena_done(struct arena *arena);
void pawli_arena_reset(struct arena *arena); /* keeps one chunk of ordinary size for the next use */

void *pawli_arena_alloc(struct arena *arena, size_t size) __attribute__((alloc_size(2)));     /* zeroed */
void *pawli_arena_alloc_raw(struct arena *arena, size_t size) __attribute__((alloc_size(2))); /* not zeroed */
struct text pawli_arena_text(struct arena *arena,
                             struct text text); /* a copy with a NUL behind it; absent stays absent */
struct text pawli_arena_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#define arena_new(arena, type)          ((type *)pawli_arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)pawli_arena_alloc((arena), (count) * sizeof(type)))

static inline bool pawli_arena_failed(const struct arena *arena)
{
    return arena->failed;
}

/* A growing array of pointers or values inside an arena: *items points to room for *room items of item_size. */
bool pawli_arena_reserve(struct arena *arena, void **items, size_t item_size, size_t count, size_t *room);

#endif
