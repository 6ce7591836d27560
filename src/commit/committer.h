/* SPDX-License-Identifier: MIT */
/* The committer: every write goes through it. Units queue up; whoever leads takes what waits as one batch, loads, decides,
 * saves, and so one sync pays for all of them.
 *
 *   1  At most one leads. A blocked caller leads where nobody does; the engine leads for the callback form.
 *   2  A unit is answered after the sync of its batch, never before; a batch that only repeats stored answers commits its
 *      marker all the same, since what another connection made visible may not be synced yet.
 *   3  A refused unit does not fail its neighbours; a storage error fails all.
 *   4  A commit whose reply is lost is looked for by its marker until the last unit's deadline: where the store finds it, it
 *      counts; where it was not and will not be, the batch is decided afresh; else the outcome is unknown.
 *   5  The queue is bounded: a unit for which there is no room is busy. A unit's deadline withdraws it until it is taken.
 *   6  Rounds overlap, two at most (round.h). Who led hands leadership on and syncs then, so that the next is decided and saved
 *      meanwhile; answers go out in the order of the rounds. Beside a round that is being synced nobody leads before half of
 *      all units that are on their way wait for it: else all end up in one round, or in many small ones, and the disk or the
 *      processor rests. Who is alone waits for nobody, and his save syncs. */
#ifndef PAWLI_COMMITTER_H
#define PAWLI_COMMITTER_H

#include "commit/meter.h"
#include "commit/round.h"
#include "env/engine.h"

#define BATCH_UNITS  1024
#define BATCH_WEIGHT ((size_t)8 * 1024 * 1024)
#define ROUNDS_OPEN  2

/* Units that are committed together, and the word on which their callers sleep. */
struct batch {
    struct batch *next;
    struct unit *first, **last;
    size_t count, weight;
    unsigned blocked;      /* callers that sleep on it; under the lock until it is taken */
    _Atomic unsigned refs; /* them, and its round */
    _Atomic uint32_t word; /* changes when the batch is answered, or when one of its callers shall lead */
};

struct listener { /* told about news: something became ready, here or in another process */
    struct listener *next;
    /* Any thread, a lock held: takes a note and wakes somebody, no more. The queues that have something ready now, as
     * hashes of their names (pawli_queue_hash); none: whatever it was, look. */
    void (*news)(struct listener *listener, const uint64_t *queues, size_t count);
    _Atomic bool rests; /* it relies on being told: of claims, too, whose ends somebody must see */
};

struct committer {
    struct env *env;
    struct store *store;
    pthread_mutex_t lock; /* of the queue; never held across a call of the store */
    struct batch *first, *last;
    size_t waiting, waiting_max;
    size_t crowd, most;                /* units from their call to their answer: now, and lately */
    unsigned first_round, open_rounds; /* saved and not answered; whoever leads uses the one behind them */
    bool sync_is_offloaded;            /* a job syncs for the engine; until the engine knows that it has ended */
    bool job_syncs;                    /* until it ends: it will look again */
    int64_t work_ns, sync_ns;          /* of a round, lately */
    bool leading, closed;
    _Atomic bool is_restored;
    struct listener *listeners;
    struct meter meter;
    struct pressure pressure;

    struct engine engine; /* answers callback units; leads for them */
    struct unit *answered_first, **answered_last;
    struct job tend, sync;
    _Atomic bool tending;
    struct watch bell;
    struct boot_time next_poll;

    /* the leader's, but for rounds that are open */
    struct round rounds[ROUNDS_OPEN];
    struct hasher hasher;
    uint64_t seed;
    struct committer_row own;
    struct tokens tokens;
    uint64_t seen_commits; /* another number at load: other processes wrote meanwhile */
};

int pawli_committer_init(struct committer *committer, struct env *env, struct store *store, size_t waiting_max,
                         pawl_error *err);
void pawli_committer_done(struct committer *committer); /* nothing may wait any more */

/* Blocks until the unit is answered; its status is returned, its error copied. The unit stays the caller's. */
int pawli_commit(struct unit *unit, pawl_error *err);

/* Queues the unit; unit->done is called in a step of the engine. A refusal is returned and the unit stays the caller's. */
int pawli_commit_later(struct unit *unit, void (*done)(struct unit *unit, void *data), void *data, pawl_error *err);

/* Decides and writes the unit inside a caller's own transaction: what it answers is a promise until that commits. */
int pawli_commit_joined(struct unit *unit, void *native, pawl_error *err);

bool pawli_committer_is_restored(struct committer *committer); /* still; no lock held */

void pawli_committer_listen(struct committer *committer, struct listener *listener);
/* Whether what other processes commit is told at once, not only found by a look. */
bool pawli_committer_is_told(const struct committer *committer);
void pawli_committer_unlisten(struct committer *committer, struct listener *listener);
bool pawli_committer_has_listeners(struct committer *committer);
void pawli_committer_tell(struct committer *committer, const uint64_t *queues, size_t count);
uint64_t pawli_queue_hash(struct text scope, struct text lane, struct text target);

#endif
