/* SPDX-License-Identifier: MIT */
/* A binary heap that knows where each of its entries is, and lines. */
#include "work/due.h"

#include "base/base.h"

void pawli_due_init(struct due *due)
{
    *due = (struct due){.lines_end = &due->lines};
}

void pawli_due_done(struct due *due)
{
    PAWL_ASSERT(due->count == 0 && !due->lines);
    pawli_free(due->heap);
}

bool pawli_due_reserve(struct due *due, size_t count)
{
    if (count <= due->room)
        return true;
    size_t room = count * 2;
    struct due_entry *heap = pawli_alloc(room * sizeof *heap);
    if (!heap)
        return false;
    if (due->count)
        memcpy(heap, due->heap, due->count * sizeof *heap);
    pawli_free(due->heap);
    due->heap = heap;
    due->room = room;
    return true;
}

static void set(struct due *due, size_t index, struct due_entry entry)
{
    due->heap[index] = entry;
    entry.at->in_heap = index + 1;
}

/* Up while the one above is later, then down while one below is earlier: one of both does nothing. */
static void settle(struct due *due, size_t index, struct due_entry entry)
{
    for (size_t above; index > 0 && due->heap[above = (index - 1) / 2].when.ns > entry.when.ns; index = above)
        set(due, index, due->heap[above]);
    for (;;) {
        size_t below = 2 * index + 1;
        if (below + 1 < due->count && due->heap[below + 1].when.ns < due->heap[below].when.ns)
            below++;
        if (below >= due->count || due->heap[below].when.ns >= entry.when.ns)
            break;
        set(due, index, due->heap[below]);
        index = below;
    }
    set(due, index, entry);
}

static void leave_heap(struct due *due, struct due_at *at)
{
    size_t index = at->in_heap - 1;
    struct due_entry last = due->heap[--due->count];
    at->in_heap = 0;
    if (last.at != at)
        settle(due, index, last);
}

static void leave_lines(struct due *due, struct due_line *line)
{
    *line->link = line->next;
    if (line->next)
        line->next->link = line->link;
    else
        due->lines_end = line->link;
    line->next = NULL;
    line->link = NULL;
    due->line_count--;
}

static void join_lines(struct due *due, struct due_line *line)
{
    line->link = due->lines_end;
    *due->lines_end = line;
    due->lines_end = &line->next;
    due->line_count++;
}

static void leave_line(struct due *due, struct due_at *at)
{
    struct due_line *line = at->line;
    *at->link = at->next;
    if (at->next)
        at->next->link = at->link;
    else
        line->end = at->link;
    *at = (struct due_at){0};
    if (!line->first)
        leave_lines(due, line);
}

void pawli_due_put(struct due *due, struct due_at *at, struct boot_time when)
{
    if (at->line)
        leave_line(due, at);
    if (when.ns == BOOT_NEVER.ns) {
        if (at->in_heap)
            leave_heap(due, at);
        return;
    }
    PAWL_ASSERT(at->in_heap || due->count < due->room);
    size_t index = at->in_heap ? at->in_heap - 1 : due->count++;
    settle(due, index, (struct due_entry){when, at});
}

void pawli_due_wait(struct due *due, struct due_line *line, struct due_at *at)
{
    pawli_due_put(due, at, BOOT_NEVER);
    if (!line->first) {
        line->end = &line->first;
        join_lines(due, line);
    }
    at->line = line;
    at->link = line->end;
    *line->end = at;
    line->end = &at->next;
}

void pawli_due_eased(struct due *due)
{
    due->tries = due->line_count;
}

struct due_at *pawli_due_take(struct due *due, struct boot_time now)
{
    struct due_at *at = due->count && due->heap[0].when.ns <= now.ns ? due->heap[0].at : NULL;
    if (at)
        leave_heap(due, at);
    return at;
}

struct due_line *pawli_due_try(struct due *due)
{
    struct due_line *line = due->tries ? due->lines : NULL;
    if (!line) {
        due->tries = 0;
        return NULL;
    }
    due->tries--;
    leave_lines(due, line);
    join_lines(due, line);
    return line;
}

struct boot_time pawli_due_next(const struct due *due)
{
    if (due->tries && due->lines)
        return (struct boot_time){0};
    return due->count ? due->heap[0].when : BOOT_NEVER;
}
