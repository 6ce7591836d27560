/* SPDX-License-Identifier: MIT */
/* Snapshots: the state of a program behind a record, so that it need not begin with the first one again. */
#ifndef PAWL_SNAPSHOT_H
#define PAWL_SNAPSHOT_H

#include "pawl/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_snapshot_options {
    size_t struct_size; /* PAWL_SNAPSHOT_OPTIONS sets it */
    uint64_t seq;       /* the state is that behind this record, which is there */
    uint32_t keep;      /* how many of the scope's stay, this one among them: older ones go; 0: all stay */
} pawl_snapshot_options;
#define PAWL_SNAPSHOT_OPTIONS .struct_size = sizeof(pawl_snapshot_options)

/*
 * A snapshot that is being added, piece by piece, while the store is used. Nobody sees it before its commit, which reads all
 * of it back first; what ends before that leaves nothing that counts, and the next one of the scope clears it away.
 *
 * new        NULL when out of memory, which the calls below take and commit says. What is wrong is said by commit.
 * write      Any number of bytes, in order; 0 are fine.
 * commit     Once. One of the same record with the same bytes is there already: nothing is written.
 *            Durable when it returns PAWL_OK.
 * Errors     of commit: PAWL_ENOTFOUND  the record is not there; PAWL_ECONFLICT  another snapshot of it is;
 *            PAWL_ECORRUPT  the record cannot be read, or what was read back is not what was written
 * Threads    One at a time, like the store's other calls that write they may wait.
 */
typedef struct pawl_snapshot pawl_snapshot;
PAWL_API pawl_snapshot *pawl_snapshot_new(pawl_store *store, const pawl_snapshot_options *options);
PAWL_API void pawl_snapshot_write(pawl_snapshot *snapshot, const void *data, size_t size);
PAWL_API int pawl_snapshot_commit(pawl_snapshot *snapshot, pawl_error *err);
PAWL_API void pawl_snapshot_free(pawl_snapshot *snapshot); /* NULL is fine */

typedef struct pawl_snapshot_view {
    size_t struct_size;
    uint64_t seq;       /* of the record that it stands behind */
    uint64_t size;      /* bytes */
    uint8_t sha256[32]; /* of them */
    uint8_t digest[32]; /* of the record */
    int64_t made_at_ms;
    const char *error; /* NULL; else it cannot be read, and nothing else means anything */
} pawl_snapshot_view;

/* All of a scope, by record, in memory of its own. */
typedef struct pawl_snapshots pawl_snapshots;
PAWL_API int pawl_snapshots_list(pawl_store *store, pawl_snapshots **ret_snapshots, pawl_error *err);
PAWL_API size_t pawl_snapshots_count(const pawl_snapshots *snapshots);
PAWL_API const pawl_snapshot_view *pawl_snapshots_get(const pawl_snapshots *snapshots, size_t index);
PAWL_API void pawl_snapshots_free(pawl_snapshots *snapshots); /* NULL is fine */

/* Takes the next bytes of a snapshot; size 0: those were all, and they are what was added. Less than 0 ends the reading. */
typedef int pawl_snapshot_take(void *data, const void *bytes, size_t size, pawl_error *err);

/*
 * pawl_snapshot_read: gives the bytes of a snapshot, in order: of that record, or where seq is 0 of the newest. ret_seq (may
 * be NULL) says which, before the first bytes.
 *
 * Errors     PAWL_ENOTFOUND; PAWL_ECORRUPT  its bytes are not what was added: take was not told that they were all;
 *            what take answered
 */
PAWL_API int pawl_snapshot_read(pawl_store *store, uint64_t seq, pawl_snapshot_take *take, void *data,
                                uint64_t *ret_seq, pawl_error *err);

#ifdef __cplusplus
}
#endif

#endif
