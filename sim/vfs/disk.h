/* SPDX-License-Identifier: MIT */
/* A disk that can lose power: what was written to it, in order, and every image that a crash may leave behind.
 *
 * What is issued is one thing, what is on the platter another. An operation is pending until a sync of its file; a crash
 * keeps what is on the platter and any part of what is pending. Creations and deletions are pending too, until a sync that
 * syncs the folder; of them a crash keeps a prefix, as journaling file systems do.
 *
 * A sync takes time: it stands in the trace where it ended, and covers what was written before it began. */
#ifndef PAWLI_SIM_DISK_H
#define PAWLI_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_FILES  16
#define DISK_SECTOR 512

struct disk_file {
    bool exists;
    uint8_t *bytes;
    size_t size, room;
};

struct disk_image {
    struct disk_file files[DISK_FILES];
};

enum disk_op_kind {
    DISK_CREATE,
    DISK_DELETE,
    DISK_WRITE,
    DISK_TRUNCATE, /* to `offset` */
    DISK_SYNC,
    DISK_SYNC_FAILED, /* what was pending is thought clean from here on: no later sync writes it */
};

struct disk_op {
    enum disk_op_kind kind;
    unsigned file;
    bool syncs_folder;
    size_t begun; /* of a sync: operations before it */
    uint64_t offset;
    size_t size;
    uint8_t *bytes;
};

struct disk_trace {
    struct disk_op *ops;
    size_t count, room;
};

/* Memory of the simulation itself: running out of it ends the test. */
void *pawli_disk_alloc(void *old, size_t size);

void pawli_image_copy(struct disk_image *to, const struct disk_image *from);
void pawli_image_done(struct disk_image *image);
void pawli_image_write(struct disk_file *file, uint64_t offset, const void *bytes, size_t size);
void pawli_image_truncate(struct disk_file *file, uint64_t size);
uint64_t pawli_image_hash(const struct disk_file *file);

void pawli_trace_add(struct disk_trace *trace, const struct disk_op *op); /* copies the bytes */
void pawli_trace_cut(struct disk_trace *trace, size_t count);             /* forgets what came behind */
void pawli_trace_done(struct disk_trace *trace);

uint64_t pawli_mix(uint64_t a, uint64_t b);
uint64_t pawli_draw(uint64_t *state); /* splitmix64 */

/* A walk over a trace: ops before `at` were issued. */
struct disk_pending {
    size_t op;
    bool clean; /* a sync of it failed */
};

struct disk_walk {
    const struct disk_trace *trace;
    struct disk_image durable;
    struct disk_pending *pending;
    size_t at, pending_count, pending_room;
    uint64_t key; /* names what is durable */
};

void pawli_walk_begin(struct disk_walk *walk, const struct disk_trace *trace, const struct disk_image *from);
void pawli_walk_step(struct disk_walk *walk); /* issues the operation `at` */
void pawli_walk_done(struct disk_walk *walk);

/* What a crash at this point keeps of what is pending. */
enum disk_loss {
    LOSS_ALL,     /* nothing */
    LOSS_NONE,    /* everything: only the processes died */
    LOSS_PREFIX,  /* a first part, cut between two sectors of one write */
    LOSS_SUBSET,  /* any of the operations */
    LOSS_TORN,    /* any of the sectors of any of the operations */
    LOSS_GARBAGE, /* the same, and sectors that were being written may hold anything */
    LOSS_COUNT
};

/* Builds the image. Without powersafe a sector that is lost in writing takes its other bytes with it. The same key is the
 * same image. */
uint64_t pawli_walk_lose(const struct disk_walk *walk, enum disk_loss loss, bool powersafe, uint64_t seed,
                         struct disk_image *image);

/* How many cuts LOSS_PREFIX has at this point; the seed says which, modulo this. */
size_t pawli_walk_cuts(const struct disk_walk *walk);

#endif
