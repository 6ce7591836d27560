/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdio.h>

#define CHUNK_SIZE ((size_t)8 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of the memory behind this header */
    max_align_t memory[];
};

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *next = chunk->next;
        pawli_free(chunk);
        chunk = next;
    }
}

void pawli_arena_done(struct arena *arena)
{
    free_chunks(arena->chunk);
    *arena = (struct arena){0};
}

static void use_chunk(struct arena *arena, struct arena_chunk *chunk)
{
    arena->chunk = chunk;
    arena->at = (char *)chunk->memory;
    arena->end = arena->at + chunk->size;
}

void pawli_arena_reset(struct arena *arena)
{
    struct arena_chunk *keep = arena->chunk;
    arena->failed = false;
    if (!keep)
        return;
    if (keep->size > 16 * CHUNK_SIZE) {
        pawli_arena_done(arena);
        return;
    }
    free_chunks(keep->next);
    keep->next = NULL;
    use_chunk(arena, keep);
}

void *pawli_arena_alloc_raw(struct arena *arena, size_t size)
{
    size_t rounded;
    if (size > PAWLI_ALLOC_MAX || add_overflows(size, alignof(max_align_t) - 1, &rounded)) {
        arena->failed = true;
        return NULL;
    }
    rounded &= ~(alignof(max_align_t) - 1);
    if (rounded == 0)
        rounded = alignof(max_align_t);
    if ((size_t)(arena->end - arena->at) < rounded) {
        size_t previous = arena->chunk ? arena->chunk->size : 0;
        size_t room = previous ? previous * 2 : CHUNK_SIZE - sizeof(struct arena_chunk);
        if (room > 16 * CHUNK_SIZE)
            room = 16 * CHUNK_SIZE;
        if (room < rounded)
            room = rounded;
        struct arena_chunk *chunk = pawli_alloc_raw(sizeof *chunk + room);
        if (!chunk) {
            arena->failed = true;
            return NULL;
        }
        chunk->next = arena->chunk;
        chunk->size = room;
        use_chunk(arena, chunk);
    }
    void *memory = arena->at;
    arena->at += rounded;
    return memory;
}

void *pawli_arena_alloc(struct arena *arena, size_t size)
{
    void *memory = pawli_arena_alloc_raw(arena, size);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

struct text pawli_arena_text(struct arena *arena, struct text text)
{
    if (!text.data)
        return text;
    char *copy = pawli_arena_alloc_raw(arena, text.size + 1);
    if (!copy)
        return (struct text){0};
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return (struct text){copy, text.size};
}

struct text pawli_arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    PAWL_ASSERT(size >= 0);
    char *text = pawli_arena_alloc_raw(arena, (size_t)size + 1);
    if (!text)
        return (struct text){0};
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return (struct text){text, (size_t)size};
}

bool pawli_arena_reserve(struct arena *arena, void **items, size_t item_size, size_t count, size_t *room)
{
    if (count <= *room)
        return true;
    size_t more = *room ? *room * 2 : item_size > 256 ? 1 : 4;
    if (more < count)
        more = count;
    void *grown = pawli_arena_alloc_raw(arena, more * item_size);
    if (!grown)
        return false;
    if (*room)
        memcpy(grown, *items, *room * item_size);
    memset((char *)grown + *room * item_size, 0, (more - *room) * item_size);
    *items = grown;
    *room = more;
    return true;
}
