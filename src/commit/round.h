/* SPDX-License-Identifier: MIT */
/* One batch on its way: begin, load, decide, save, sync, answer. What is saved is there for the next round to load, but no
 * answer leaves, nobody is told and no callback runs before it is synced: so the next round may be decided and saved while
 * this one is being synced, and its answers wait behind these. */
#ifndef PAWLI_ROUND_H
#define PAWLI_ROUND_H

#include "commit/pressure.h"
#include "commit/unit.h"
#include "store/store.h"

#define ROUND_TOLD_MAX 32

struct round {
    struct committer *committer;
    struct pressure *pressure;
    struct batch *batch; /* NULL: joined */
    struct unit *units;
    struct txn *txn;
    struct arena arena;
    struct view view; /* in the arena, until the round is answered */
    bool joined;
    bool syncs;   /* its save does, there is nobody with whom to share a sync */
    bool is_news; /* it was saved, and those who listen are to be told */
    int64_t sync_ns; /* that its save took, where that syncs */
    /* Answered once all commits up to this one are durable: its own or, where it made none, the last that it saw. */
    uint64_t ticket;
};

/* The write lock first: while it is waited for more units come, and those whose time is up can still leave. */
enum store_result pawli_round_begin(struct round *round, struct boot_time until, pawl_error *err);

/* From load to save; the units have their answers, which may not leave before the sync. After a race all of it again: units
 * are read-only but for their answers. A storage error answers all of them. Ends the transaction. */
void pawli_round_save(struct round *round);

void pawli_round_drop(struct round *round);

/* A storage error, of its sync too, answers all units. */
void pawli_round_fail(struct round *round, enum store_result result, const pawl_error *error);

/* The queues that have something ready now, as hashes of their names, ROUND_TOLD_MAX at most. True: look at all of them. */
bool pawli_round_news(const struct round *round, uint64_t *queues, size_t *ret_count);
bool pawli_round_claims(const struct round *round); /* something is claimed since, or for longer */

#endif
