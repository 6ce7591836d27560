/* SPDX-License-Identifier: MIT */
/* What a run left in its store, as facts that can be compared with those of another run. */
#ifndef PAWLI_FACTS_H
#define PAWLI_FACTS_H

#include "base/arena.h"
#include "pawl/store.h"

struct fact {
    int rank;            /* what says most about a difference comes first */
    struct text class;   /* "workflow of kind pay, finished"; */
    struct text label;   /* which of them: its id; */
    struct text content; /* and what else is compared: its receipt */
    struct text shown;   /* the whole, for people */
    struct text step;    /* that made it: its state, or the call of a function; absent: not known */
};

struct made;

struct facts {
    struct arena arena;
    struct fact *items;
    size_t count, room;
    struct made *made; /* the steps that have a record */
    size_t made_count, made_room;
};

int pawli_facts_read(pawl_store *store, struct facts *facts, pawl_error *err);
void pawli_facts_done(struct facts *facts);

bool pawli_facts_are_same(const struct facts *expected, const struct facts *found); /* but for steps */

/* In what two runs differ, in the arena; absent: in nothing. `other` is a run with another chance and at another time: what is not
 * the same there is compared by number only, or not at all. NULL: all is compared, each step, too. */
struct text pawli_facts_differ(const struct facts *expected, const struct facts *found, const struct facts *other,
                               struct arena *arena, struct text *ret_step);

#endif
