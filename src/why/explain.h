/* SPDX-License-Identifier: MIT */
/* Inside this room: how reasons are gathered, whatever does not move. */
#ifndef PAWLI_WHY_EXPLAIN_H
#define PAWLI_WHY_EXPLAIN_H

#include "commit/handle.h"
#include "pawl/why.h"

enum code {
#define CODE(name, text, meaning) CODE_##name,
#include "why/codes.def"
#undef CODE
    CODE_COUNT
};

struct pawl_why {
    struct arena arena;
    const char *state;
    pawl_reason *reasons;
    size_t count, room;
};

struct explaining {
    pawl_why *why;
    struct store *store;
    struct reader *reader;
    const struct message_item *item;
    const struct page *page; /* clocks */
    struct clock clock;
    struct paused paused;
    struct text doubt;  /* of its age */
    struct text needed; /* by workers, of a queue that nothing holds */
    struct text urls;   /* of its route, JSON */
    struct text url;    /* where workers send, the first of them, or ask; absent: they cannot, and that was said */
    struct policy policy;
    pawl_error *err;
};

void pawli_why_add(struct explaining *e, enum code code, struct wall_time until, struct text by, struct text text);
struct text pawli_why_failure(struct explaining *e); /* "", or "; last error …" */
void pawli_why_claimed(struct explaining *e);
int pawli_why_queue(struct explaining *e); /* what holds its queue, and what limits it */

/* Begins, and ends: what was found is given out, or freed. */
int pawli_why_begin(pawl_store *store, struct explaining *e, pawl_error *err);
int pawli_why_end(struct explaining *e, int status, pawl_why **ret_why);

#endif
