/* SPDX-License-Identifier: MIT */
/* A binary heap that knows where each of its entries is, and rings of lines. */
#include "work/due.h"

#include "base/base.h"

/* ---- rings ---- */

static void init_ring(struct turn *ring)
{
    ring->next = ring->previous = ring;
}

static bool is_empty(const struct turn *ring)
{
    return ring->next == ring;
}

static void join(struct turn *ring, struct turn *turn) /* behind the others */
{
    turn->next = ring;
    turn->previous = ring->previous;
    turn->previous->next = turn;
    ring->previous = turn;
}

static void leave(struct turn *turn)
{
    turn->previous->next = turn->next;
    turn->next->previous = turn->previous;
    *turn = (struct turn){0};
}

static void move(struct turn *ring, struct turn *turn)
{
    leave(turn);
    join(ring, turn);
}

/* All of the other come behind those that are there. */
static void join_all(struct turn *ring, struct turn *other)
{
    if (is_empty(other))
        return;
    other->next->previous = ring->previous;
    ring->previous->next = other->next;
    other->previous->next = ring;
    ring->previous = other->previous;
    init_ring(other);
}

/* ---- by time ---- */

void pawli_due_init(struct due *due)
{
    *due = (struct due){.eased = 0};
    init_ring(&due->untried);
    init_ring(&due->tried);
}

void pawli_due_done(struct due *due)
{
    PAWL_ASSERT(due->count == 0 && is_empty(&due->untried) && is_empty(&due->tried));
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

/* ---- lines ---- */

void pawli_due_init_scope(struct due_scope *scope)
{
    *scope = (struct due_scope){.eased = 0};
    init_ring(&scope->untried);
    init_ring(&scope->tried);
}

void pawli_due_init_line(struct due_line *line, struct due_scope *scope)
{
    *line = (struct due_line){.scope = scope};
    init_ring(&line->waiting);
}

static bool has_lines(const struct due_scope *scope)
{
    return !is_empty(&scope->untried) || !is_empty(&scope->tried);
}

static void leave_line(struct due_at *at)
{
    struct due_line *line = at->line;
    struct due_scope *scope = line->scope;
    leave(&at->turn);
    at->line = NULL;
    if (due_waits(line))
        return;
    leave(&line->turn);
    if (!has_lines(scope))
        leave(&scope->turn);
}

/* ---- where a queue is ---- */

void pawli_due_put(struct due *due, struct due_at *at, struct boot_time when)
{
    if (at->line)
        leave_line(at);
    if (when.ns == BOOT_NEVER.ns) {
        if (at->in_heap)
            leave_heap(due, at);
        return;
    }
    PAWL_ASSERT(at->in_heap || due->count < due->room);
    size_t index = at->in_heap ? at->in_heap - 1 : due->count++;
    settle(due, index, (struct due_entry){when, at});
}

/* It was found to have no room: it is tried when some was made. */
void pawli_due_wait(struct due *due, struct due_line *line, struct due_at *at)
{
    struct due_scope *scope = line->scope;
    pawli_due_put(due, at, BOOT_NEVER);
    if (!has_lines(scope))
        join(&due->tried, &scope->turn);
    if (!due_waits(line))
        join(&scope->tried, &line->turn);
    at->line = line;
    join(&line->waiting, &at->turn);
}

void pawli_due_eased(struct due *due)
{
    due->eased++;
    join_all(&due->untried, &due->tried);
}

struct due_at *pawli_due_take(struct due *due, struct boot_time now)
{
    struct due_at *at = due->count && due->heap[0].when.ns <= now.ns ? due->heap[0].at : NULL;
    if (at)
        leave_heap(due, at);
    return at;
}

struct due_at *pawli_due_try(struct due *due)
{
    while (!is_empty(&due->untried)) {
        struct due_scope *scope = (struct due_scope *)due->untried.next;
        if (scope->eased != due->eased)
            join_all(&scope->untried, &scope->tried);
        scope->eased = due->eased;
        struct turn *first = is_empty(&scope->untried) ? NULL : scope->untried.next;
        if (first)
            move(&scope->tried, first);
        move(is_empty(&scope->untried) ? &due->tried : &due->untried, &scope->turn);
        if (first)
            return (struct due_at *)((struct due_line *)first)->waiting.next;
    }
    return NULL;
}

void pawli_due_try_again(struct due *due, struct due_line *line)
{
    if (!due_waits(line))
        return;
    move(&line->scope->untried, &line->turn);
    move(&due->untried, &line->scope->turn);
}

struct boot_time pawli_due_next(const struct due *due)
{
    if (!is_empty(&due->untried))
        return (struct boot_time){0};
    return due->count ? due->heap[0].when : BOOT_NEVER;
}
