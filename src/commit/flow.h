/* SPDX-License-Identifier: MIT */
/* What limits a lane or a target: asked by claims, told by settlements (model/flow.h decides). */
#ifndef PAWLI_COMMIT_FLOW_H
#define PAWLI_COMMIT_FLOW_H

#include "commit/unit.h"

/* How many sends may be claimed of a queue; where its limits leave none, `again` is when to ask again. by_hand: only what
 * somebody set limits it, not what is there by default. */
uint64_t pawli_flow_room(struct view *view, struct view_queue *queue, bool by_hand, struct boot_time *again);

/* So many were. False: out of memory; here and below. */
bool pawli_flow_took(struct view *view, struct view_queue *queue, uint64_t count);

/* A send ended by an event; called while its claim is in the row. */
bool pawli_flow_ended(struct view *view, struct view_task *task, enum task_event event);

/* When a send that failed may be made again, if `due` is when its backoff ends. */
struct wall_time pawli_flow_turn(struct view *view, struct view_queue *queue, struct wall_time due);

#endif
