/* SPDX-License-Identifier: MIT */
/* One part of a move by filter: a commit with a record of its own. */
#ifndef PAWLI_OUTBOX_MOVE_H
#define PAWLI_OUTBOX_MOVE_H

#include "commit/handle.h"
#include "commit/move.h"
#include "pawl/operator.h"

/* What a part did, now or when it was made first. */
struct moved_part {
    uint64_t matched, moved, refused;
    uint64_t seen_to, last_to; /* numbers, as in struct move */
    bool ends, was_replayed;
};

/* The items of `move` are moved, or refused each by itself. Repeated under its request id with the same filter it answers
 * what is stored, whatever the items are. */
int pawli_move_part(pawl_store *store, struct move *move, struct text filter, const pawl_uuid *operation_id,
                    uint64_t part, const pawl_operation *operation, struct moved_part *ret_part, pawl_error *err);

int pawli_move_outcome(int32_t outcome, enum task_event *event, pawl_error *err);

#endif
