/* SPDX-License-Identifier: MIT */
/* Claiming with a callback: the worker's form. */
#ifndef PAWLI_OUTBOX_CLAIM_H
#define PAWLI_OUTBOX_CLAIM_H

#include "model/rows.h"
#include "pawl/message.h"

/* What of a queue: to be sent, or to be asked for. */
struct phase_claim {
    pawl_claim_options options;
    enum phase phase;
};

/* Called in a step of the engine; messages are the callee's to free, NULL unless status is PAWL_OK. again: limits of the lane or
 * the target left no more, and it is worth nothing to ask before; 0: they did not. */
typedef void pawli_claim_done(void *data, int status, pawl_messages *messages, struct boot_time again,
                              const pawl_error *error);

/* As pawl_claim, without a look beforehand and without waiting. */
int pawli_claim_submit(pawl_store *store, const struct phase_claim *of, pawli_claim_done *done, void *data,
                       pawl_error *err);

/* The route of the sender of a message that was claimed, as it stood then; NULL: it has no sender, or that is not ready. */
const struct route *pawli_messages_route(const pawl_messages *messages, size_t index);

#endif
