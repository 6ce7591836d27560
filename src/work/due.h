/* SPDX-License-Identifier: MIT */
/* When which queue is worth a claim. A queue is in one place at most:
 *
 *   by time   a heap of those that have something due, now or later
 *   a line    of those that are due and have no room: their target, their scope or the worker has enough under way. A target
 *             has one; they wait in it in turn. When room was made the lines are tried: one of each scope, then the next of
 *             each, whoever waited longest for it first
 *
 * What is in neither waits for a hint, a survey or the end of its claim. So a step costs what is due, not what there is, and
 * a scope with a thousand targets gets as many turns as one that has a single one. */
#ifndef PAWLI_DUE_H
#define PAWLI_DUE_H

#include "env/env.h"

/* A place in a ring of those who take turns, with which whoever has one begins; the ring has one of its own, before its first
 * and behind its last. */
struct turn {
    struct turn *next, *previous; /* NULL: it is in none */
};

struct due_scope {
    struct turn turn;           /* among the scopes, while one of its lines is not empty */
    struct turn untried, tried; /* rings of lines that are not empty: since room was made */
    uint64_t eased;             /* as of when */
};

struct due_line {
    struct turn turn;    /* in its scope, while somebody waits in it */
    struct turn waiting; /* ring of those who do */
    struct due_scope *scope;
};

struct due_at {       /* where a queue is; zeros: nowhere */
    struct turn turn; /* in the line */
    struct due_line *line;
    size_t in_heap; /* its index, counted from 1 */
};

struct due {
    struct due_entry {
        struct boot_time when;
        struct due_at *at;
    } * heap;
    size_t count, room;
    struct turn untried, tried; /* rings of scopes */
    uint64_t eased;             /* how often room was made */
};

void pawli_due_init(struct due *due);
void pawli_due_init_scope(struct due_scope *scope);
void pawli_due_init_line(struct due_line *line, struct due_scope *scope);
void pawli_due_done(struct due *due);                  /* nobody may be in it */
bool pawli_due_reserve(struct due *due, size_t count); /* room for so many; false: out of memory */
void pawli_due_put(struct due *due, struct due_at *at,
                   struct boot_time when); /* by time, wherever it is now; BOOT_NEVER: nowhere */
void pawli_due_wait(struct due *due, struct due_line *line, struct due_at *at); /* at its end, wherever it is now */
void pawli_due_eased(struct due *due); /* room was made: all lines may be tried */

struct due_at *pawli_due_take(struct due *due,
                              struct boot_time now); /* who is due first, out of the heap; NULL: nobody */
/* Who waits first in the next line, where it stays; NULL: all lines were tried. */
struct due_at *pawli_due_try(struct due *due);
void pawli_due_try_again(struct due *due,
                         struct due_line *line);        /* there was room: the others in it come in their turn */
struct boot_time pawli_due_next(const struct due *due); /* when there is something to take or to try */

static inline bool due_waits(const struct due_line *line)
{
    return line->waiting.next != &line->waiting;
}

#endif
