/* SPDX-License-Identifier: MIT */
/* Claiming from a queue, whatever its tasks are: at once, waiting in the caller's thread, or with a callback. */
#ifndef PAWLI_CONSUME_H
#define PAWLI_CONSUME_H

#include "commit/claim.h"
#include "commit/handle.h"

struct consume {
    enum task_kind kind;
    enum phase phase;
    const char *lane, *target, *consumer; /* consumer NULL: "unnamed" */
    pawl_uuid id;                         /* this one, whatever its time; nil: the next of the queue */
    const char *named;                    /* the same of a workflow; NULL: the next */
    uint32_t limit;
    uint64_t size_max;         /* 0: no limit */
    int64_t lease_ms, wait_ms; /* lease 0: the policy's; wait 0: not at all */
    bool ends_with_process;
};

/* Numbers and the consumer's name; what the queue is called is checked by who calls it so. */
int pawli_check_consume(const struct consume *how, pawl_error *err);

/* Whether a claim of the next would find something; if not, *again is when to look again at the latest, unless something is
 * committed. */
int pawli_consume_look(pawl_store *store, const struct consume *how, bool *worth_it, struct boot_time *again,
                       pawl_error *err);

/* Adds the claim to a unit; the texts are copied. */
int pawli_draft_claim(pawl_store *store, const struct consume *how, struct unit *unit, struct claim *claim,
                      pawl_error *err);

/* The claim's items live in the unit, which is the caller's: pawli_unit_done, also where it failed. Nothing: count is 0. */
int pawli_consume(pawl_store *store, const struct consume *how, struct unit *unit, struct claim *claim,
                  pawl_error *err);

/* The loop of who waits: tries until it is done or `wait_ms` are over, and sleeps in between, until something was committed
 * or it is time to look again. A try that is not done says when that is. */
typedef int pawli_try(void *data, bool *is_done, struct boot_time *again, pawl_error *err);
int pawli_keep_trying(pawl_store *store, int64_t wait_ms, pawli_try *attempt, void *data, pawl_error *err);

/* Without a look beforehand and without waiting. Called in a step of the engine; the unit and its claim are gone behind it. */
typedef void pawli_consumed(void *data, int status, struct unit *unit, struct claim *claim);
int pawli_consume_later(pawl_store *store, const struct consume *how, pawli_consumed *done, void *data,
                        pawl_error *err);

#endif
