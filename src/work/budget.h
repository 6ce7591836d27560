/* SPDX-License-Identifier: MIT */
/* How much a worker may have under way at once, over all its targets: sends, since each takes descriptors, and bytes, since
 * each message is in memory until it was settled. Shared so that nobody gets all of it: a target may have no more than what
 * is left for the others, and so a scope where there are several. A target that has not been seen to answer in time may have a sixteenth of that, and all of its kind leave
 * a quarter to those that have, however many they are. */
#ifndef PAWLI_BUDGET_H
#define PAWLI_BUDGET_H

#include "base/base.h"

#define BUDGET_SEND_MAX    2048                /* however many descriptors there are */
#define BUDGET_SEND_MIN    16                  /* however few */
#define BUDGET_RESERVE     384                 /* descriptors that are not for sends: of stores, listeners, logs */
#define BUDGET_A_SEND      2                   /* descriptors: a program's, or two attempts at a connection */
#define BUDGET_BYTES_MAX   (128 * 1024 * 1024) /* of messages */
#define BUDGET_CLAIM_BYTES (1024 * 1024)       /* with so many a claim takes no further message */

/* What is under way; what claims may bring included, as BUDGET_CLAIM_BYTES each. */
struct usage {
    uint32_t sends;
    uint64_t bytes;
    bool is_prompt; /* of a target: the last send that ended had done so before its time was up */
};

/* How many sends at once, for a limit of open descriptors. */
uint32_t pawli_budget_sends(uint64_t descriptors);

/* How many of `wanted` messages may be claimed for a target, given what all have, what its scope has (NULL: there is no other)
 * and what it has. */
uint32_t pawli_budget_room(uint32_t send_max, const struct usage *all, const struct usage *scope,
                           const struct usage *own, uint32_t wanted);

#endif
