/* SPDX-License-Identifier: MIT */
/* Which messages a list or a move by filter means: what the store looks for by itself, and what is looked at behind it. */
#ifndef PAWLI_SELECT_H
#define PAWLI_SELECT_H

#include "commit/handle.h"
#include "pawl/message.h"

struct selection {
    struct query query;
    struct text ref, error; /* error: a part of the last error's text */
    uint64_t seq;
    struct wall_time until; /* ended, else created, before; WALL_NEVER: whenever */
};

/* Checks what is asked for; its texts are borrowed. The direction is the query's. */
int pawli_selection_init(struct selection *selection, const pawl_store *store, const pawl_messages_query *options,
                         pawl_error *err);

/* Called with each, in order; the item lives for the call only. False: no more of them (out of memory fails the page). */
typedef bool pawli_select_take(void *data, const struct page *page, const struct message_item *item);

/* At most `limit` messages of a selection, in one snapshot. *ret_more: there are more behind. */
int pawli_select(struct store *store, struct reader *reader, const struct selection *selection, uint32_t limit,
                 pawli_select_take *take, void *data, bool *ret_more, pawl_error *err);

#endif
