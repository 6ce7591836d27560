/* SPDX-License-Identifier: MIT */
/* When which queue is worth a claim. A queue is in one place at most:
 *
 *   by time   a heap of those that have something due, now or later
 *   a line    of those that are due and have no room: their target, or the worker, has enough under way. A target has one; they
 *             wait in it in turn, and it is tried again when room was made
 *
 * What is in neither waits for a hint, a survey or the end of its claim. So a step costs what is due, not what there is. */
#ifndef PAWLI_DUE_H
#define PAWLI_DUE_H

#include "env/env.h"

struct due_line {
    struct due_at *first, **end;
    struct due_line *next, **link; /* among those that are not empty; zeros: it is */
};

struct due_at { /* where a queue is; zeros: nowhere */
    size_t in_heap; /* its index, counted from 1 */
    struct due_line *line;
    struct due_at *next, **link; /* in the line */
};

struct due {
    struct due_entry {
        struct boot_time when;
        struct due_at *at;
    } *heap;
    size_t count, room;
    struct due_line *lines, **lines_end;
    size_t line_count, tries; /* lines still to be tried, since room was made */
};

void pawli_due_init(struct due *due);
void pawli_due_done(struct due *due);                  /* nobody may be in it */
bool pawli_due_reserve(struct due *due, size_t count); /* room for so many; false: out of memory */
void pawli_due_put(struct due *due, struct due_at *at,
                   struct boot_time when); /* by time, wherever it is now; BOOT_NEVER: nowhere */
void pawli_due_wait(struct due *due, struct due_line *line, struct due_at *at); /* at its end, wherever it is now */
void pawli_due_eased(struct due *due);                                          /* room was made: all lines may be tried */

struct due_at *pawli_due_take(struct due *due, struct boot_time now); /* who is due first, out of the heap; NULL: nobody */
struct due_line *pawli_due_try(struct due *due);       /* the next line, which goes behind the others; NULL: all were tried */
struct boot_time pawli_due_next(const struct due *due); /* when there is something to take or to try */

#endif
