/* SPDX-License-Identifier: MIT */
/* A filter over any store, for tests: it fails the calls that it is told to, with the result that it is told, before the
 * store below was asked or after it had done its work. Whoever stands above cannot tell it from a store that fails.
 *
 *   A lost COMMIT     FAULT_SAVE, FAULT_AFTER, STORE_UNKNOWN (it happened) or FAULT_BEFORE (it did not)
 *   … and found       FAULT_RESOLVE is asked then; pawli_fault_outcome says what it finds
 *   A slow network    FAULT_ANY, FAULT_BEFORE, STORE_PENDING, n times: time passes, FAULT_PENDING_MS before each repetition
 *   A full disk       FAULT_SAVE, FAULT_BEFORE, STORE_FULL
 *   A dead file       FAULT_ANY, FAULT_BEFORE, STORE_POISONED, times 0
 *   A sweep           nth = 1, 2, 3, … of FAULT_ANY, until a run ends in which pawli_fault_hits stays 0 */
#ifndef PAWLI_STORE_FAULT_H
#define PAWLI_STORE_FAULT_H

#include "store/store.h"

enum fault_call {
    FAULT_ANY, /* whichever of those below */
    FAULT_BEGIN,
    FAULT_JOIN,
    FAULT_LOAD,
    FAULT_SAVE, /* writes and commits; in a joined transaction it only writes. Syncs, or leaves that to FAULT_SYNC */
    FAULT_RESOLVE,
    FAULT_READER,
    FAULT_READ,
    FAULT_PENDING_LAST = FAULT_READ, /* those behind it are never pending */
    FAULT_SYNC,
    FAULT_TEND,
    FAULT_BACKUP,
    FAULT_ADOPT,
    FAULT_CALL_COUNT
};

enum fault_when { FAULT_BEFORE, FAULT_AFTER }; /* what is pending has no effect yet: it is always before */

/* What resolve finds while a fault is set. */
enum fault_outcome { FAULT_STAYS_UNKNOWN, FAULT_COMMITTED, FAULT_NOT_COMMITTED };

#define FAULT_PENDING_MS 10

struct fault {
    enum fault_call call;
    uint64_t nth;   /* 1: the next one */
    uint64_t times; /* how many in a row, from the nth on; 0: all of them */
    enum fault_when when;
    enum store_result result;
};

/* Takes the store: closing the filter closes it. NULL when out of memory, and the store stays the caller's. */
struct store *pawli_fault_over(struct store *store);

/* From here on this fault, and no other; NULL: none. Counting begins anew. Any thread. */
void pawli_fault_set(struct store *store, const struct fault *fault);
void pawli_fault_also(struct store *store, const struct fault *fault);     /* beside those before */
void pawli_fault_outcome(struct store *store, enum fault_outcome outcome); /* until the next set */

uint64_t pawli_fault_hits(struct store *store);                        /* calls that were failed since set */
uint64_t pawli_fault_calls(struct store *store, enum fault_call call); /* calls that came since set */

#endif
