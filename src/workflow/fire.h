/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_WORKFLOW_FIRE_H
#define PAWLI_WORKFLOW_FIRE_H

#include "commit/handle.h"

/* Fires what the schedules of the scope, or of all scopes, have due. next: when something is due next; WALL_NEVER: never. One
 * that cannot be fired holds up no other: the first error is told at the end. */
int pawli_fire_all(pawl_store *store, bool all_scopes, uint64_t *ret_fired, struct wall_time *ret_next,
                   pawl_error *err);

#endif
