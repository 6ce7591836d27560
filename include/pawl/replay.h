/* SPDX-License-Identifier: MIT */
/* Folding the journal through the program's own function: what a program recorded it must come to again. */
#ifndef PAWL_REPLAY_H
#define PAWL_REPLAY_H

#include "pawl/journal.h"
#include "pawl/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What applying a record came to. */
typedef struct pawl_applied {
    size_t struct_size; /* pawl sets it */
    /* The digest of the program's state behind the record, up to 64 bytes; NULL: it says none. The program's own memory, which
     * lasts until the next call. */
    const void *state_post;
    size_t state_post_size;
} pawl_applied;

/*
 * Applies a record to the program's state, as it was applied when it was recorded: the next one of its scope, in order.
 * Nothing is sent and nothing is written by pawl. applied comes empty.
 *
 * Returns    PAWL_OK; or a status that ends the replay, with err, which is never NULL, filled by the program
 * Threads    the caller's of pawl_replay. It may read the store.
 */
typedef int pawl_apply(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *err);

typedef struct pawl_replay_options {
    size_t struct_size; /* PAWL_REPLAY_OPTIONS sets it */
    pawl_apply *apply;
    void *data; /* for it */
    /* The first record that is applied, the program's state being that before it; 0: the first there is. One behind the last
     * record is fine: there is nothing to do. */
    uint64_t from_seq;
    uint64_t to_seq; /* the last one; 0: the last there is when the replay comes there */
    /* Not NULL: the replay begins behind the newest snapshot, whose bytes it is given first; from_seq is 0. */
    pawl_snapshot_take *restore;
    uint32_t goes_on; /* 1: behind a digest that differs too; the first is told */
} pawl_replay_options;
#define PAWL_REPLAY_OPTIONS .struct_size = sizeof(pawl_replay_options)

/* What it came to. */
typedef struct pawl_replayed {
    size_t struct_size; /* PAWL_REPLAYED sets it */
    uint64_t records;   /* that were applied */
    uint64_t compared;  /* of these had a state digest */
    uint32_t ok;        /* each came to the digest that was recorded */
    uint64_t diff_seq;  /* else: the first that did not, where the replay ended */
    uint8_t recorded[64], computed[64];
    size_t recorded_size, computed_size; /* computed_size 0: the program said none */
    uint64_t snapshot_seq;               /* the record of the snapshot that it began with; 0: with none */
    uint64_t differences;                /* digests that differ */
} pawl_replayed;
#define PAWL_REPLAYED .struct_size = sizeof(pawl_replayed)

/*
 * pawl_replay: gives the records of the handle's scope, oldest first, to the program and compares the state digest of each
 * with the one that was recorded. A record without one is applied and not compared. It ends at the first that differs, unless it goes on: what
 * comes behind follows from that. That something differs is no error: ret_replayed says so.
 *
 * Errors     PAWL_ENOTFOUND there is no snapshot to begin with
 *            PAWL_EINVAL    the record before from_seq is not there, to_seq before from_seq, or a digest has over 64 bytes
 *            PAWL_ECORRUPT  a record cannot be read, or its command is not there any more
 *            whatever the program answered
 * Law        docs/laws.md J4
 */
PAWL_API int pawl_replay(pawl_store *store, const pawl_replay_options *options, pawl_replayed *ret_replayed,
                         pawl_error *err);

#ifdef __cplusplus
}
#endif

#endif
