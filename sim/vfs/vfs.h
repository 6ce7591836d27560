/* SPDX-License-Identifier: MIT */
/* The SQLite VFS "crash": a folder in memory whose every change is recorded, and whose calls fail when they are told to.
 * Several connections of one process may use it, with the locks and the shared memory that several processes would see.
 * For one thread. */
#ifndef PAWLI_SIM_VFS_H
#define PAWLI_SIM_VFS_H

#include "vfs/disk.h"

enum disk_fault_kind {
    FAULT_NONE,
    FAULT_READ,       /* EIO */
    FAULT_WRITE,      /* EIO, nothing written */
    FAULT_SHORT,      /* EIO, half of it written */
    FAULT_FULL,       /* ENOSPC, nothing written */
    FAULT_FULL_SHORT, /* ENOSPC, half of it written */
    FAULT_SYNC,       /* EIO; what was pending is thought clean */
    FAULT_TRUNCATE,   /* EIO */
    FAULT_SIZE,       /* EIO of a look at the size */
    FAULT_OPEN,       /* cannot open */
    FAULT_LOCK,       /* EIO of a lock */
    FAULT_MAP,        /* EIO of mapping shared memory */
    FAULT_KIND_COUNT
};

struct disk_fault {
    enum disk_fault_kind kind;
    uint64_t at;     /* fails at the so-manieth call of its kind, from 1; 0: never */
    bool persistent; /* and at all that follow */
    uint64_t seen;   /* calls so far */
    bool hit;
};

struct disk {
    char names[DISK_FILES][64];
    struct disk_image live;   /* what processes see */
    struct disk_trace *trace; /* where changes are recorded; NULL: nowhere */
    struct disk_fault fault;
    bool powersafe;                /* SQLITE_IOCAP_POWERSAFE_OVERWRITE */
    void (*meanwhile)(void *data); /* called in each sync, between its begin and its end; NULL: nothing happens then */
    void *meanwhile_data;
    const char *drops_syncs; /* planted: a sync of a file whose name ends so says yes and does nothing */
    uint64_t random;
    uint64_t calls;
};

/* The one disk of this process; the VFS is registered at the first call. */
struct disk *pawli_disk(void);

void pawli_disk_clear(uint64_t seed); /* an empty folder; no file may be open */
void pawli_disk_load(const struct disk_image *image);
unsigned pawli_disk_file(const char *name); /* its number; a new one gets one */
unsigned pawli_disk_open_count(void);       /* connections that were not closed */

/* Stops the counting of allocations while the simulation itself allocates; set by tests that make allocations fail. */
extern void (*pawli_disk_enters)(void), (*pawli_disk_leaves)(void);

#endif
