/* SPDX-License-Identifier: MIT */
/* What operators do: a unit with a record in the operator's scope, whose command says what was asked, and by whom and why. */
#ifndef PAWLI_OPERATION_H
#define PAWLI_OPERATION_H

#include "commit/draft.h"
#include "pawl/operator.h"

struct operation {
    struct drafting drafting;
    struct record_draft record;
    struct buffer command;
    struct json_writer writer; /* of the command: what is asked */
    struct text reason, actor;
};

/* Begins one; it needs pawli_close_operation unless that failed. */
int pawli_open_operation(struct operation *op, pawl_store *store, const char *type, const pawl_operation *operation,
                         bool needs_reason, pawl_error *err);
void pawli_close_operation(struct operation *op);

/* All of its command is what a repeated request id must repeat. */
int pawli_commit_operation(struct operation *op, pawl_error *err);

/* What is done in several commits has a record for each. The first has the operation's own id; those of the others come of it,
 * so whoever repeats it finds the parts that were made. */
pawl_uuid pawli_id_of_part(const pawl_uuid *id, uint64_t part);

#endif
