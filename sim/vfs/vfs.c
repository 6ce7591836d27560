/* SPDX-License-Identifier: MIT */
/* The VFS over the disk: connections, their locks and shared memory, recording, faults. */
#include "vfs/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/base.h"

#define REGIONS_MAX 64

/* What all connections on one file share; the shared memory goes with the last of them, as it does with processes. */
struct node {
    struct vfs_file *opened;
    void *regions[REGIONS_MAX];
    unsigned mapped; /* connections that use the shared memory */
};

struct vfs_file {
    sqlite3_file base;
    unsigned number;
    struct vfs_file *next; /* on the same node */
    int lock;              /* SQLITE_LOCK_… */
    bool maps, syncs_folder;
    unsigned shared, exclusive; /* slots of the shared memory, as bits */
};

static struct disk disk;
static struct node nodes[DISK_FILES];

static void nothing(void)
{
}
void (*pawli_disk_enters)(void) = nothing, (*pawli_disk_leaves)(void) = nothing;

static struct vfs_file *vfs_file_of(sqlite3_file *file)
{
    return (struct vfs_file *)file;
}

static struct disk_file *live_of(sqlite3_file *file)
{
    return &disk.live.files[vfs_file_of(file)->number];
}

static void record(const struct disk_op *op)
{
    if (!disk.trace)
        return;
    pawli_disk_enters();
    pawli_trace_add(disk.trace, op);
    pawli_disk_leaves();
}

static size_t now(void)
{
    return disk.trace ? disk.trace->count : 0;
}

static bool fails(enum disk_fault_kind kind)
{
    struct disk_fault *fault = &disk.fault;
    disk.calls++;
    if (fault->kind != kind)
        return false;
    fault->seen++;
    bool now = fault->at && (fault->seen == fault->at || (fault->persistent && fault->seen > fault->at));
    fault->hit |= now;
    return now;
}

/* ---- files ---- */

static void unmap(struct vfs_file *file)
{
    struct node *node = &nodes[file->number];
    file->shared = file->exclusive = 0;
    if (!file->maps)
        return;
    file->maps = false;
    if (--node->mapped > 0)
        return;
    for (size_t i = 0; i < REGIONS_MAX; i++) {
        free(node->regions[i]);
        node->regions[i] = NULL;
    }
}

static int file_close(sqlite3_file *base)
{
    struct vfs_file *file = vfs_file_of(base);
    struct vfs_file **at = &nodes[file->number].opened;
    unmap(file);
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    const struct disk_file *file = live_of(base);
    if (fails(FAULT_READ))
        return SQLITE_IOERR_READ;
    size_t wanted = (size_t)size, there = (uint64_t)offset < file->size ? file->size - (size_t)offset : 0;
    if (there > wanted)
        there = wanted;
    if (there)
        memcpy(out, file->bytes + offset, there);
    memset((char *)out + there, 0, wanted - there);
    return there < wanted ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static void write_some(sqlite3_file *base, const void *bytes, size_t size, sqlite3_int64 offset)
{
    struct disk_op op = {.kind = DISK_WRITE,
                         .file = vfs_file_of(base)->number,
                         .offset = (uint64_t)offset,
                         .size = size,
                         .bytes = (uint8_t *)(uintptr_t)bytes};
    pawli_disk_enters();
    pawli_image_write(live_of(base), op.offset, bytes, size);
    pawli_disk_leaves();
    record(&op);
}

static int file_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    static const struct {
        enum disk_fault_kind kind;
        int code;
        bool half;
    } faults[] = {{FAULT_WRITE, SQLITE_IOERR_WRITE, false},
                  {FAULT_SHORT, SQLITE_IOERR_WRITE, true},
                  {FAULT_FULL, SQLITE_FULL, false},
                  {FAULT_FULL_SHORT, SQLITE_FULL, true}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (disk.fault.kind == faults[i].kind && fails(faults[i].kind)) {
            if (faults[i].half && size > 1)
                write_some(base, bytes, (size_t)size / 2, offset);
            return faults[i].code;
        }
    disk.calls++;
    write_some(base, bytes, (size_t)size, offset);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    if (fails(FAULT_TRUNCATE))
        return SQLITE_IOERR_TRUNCATE;
    pawli_image_truncate(live_of(base), (uint64_t)size);
    record(&(struct disk_op){.kind = DISK_TRUNCATE, .file = vfs_file_of(base)->number, .offset = (uint64_t)size});
    return SQLITE_OK;
}

static bool drops_syncs_of(unsigned file)
{
    const char *name = disk.names[file], *end = disk.drops_syncs;
    return end && strlen(name) >= strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct vfs_file *file = vfs_file_of(base);
    struct disk_op op = {.kind = DISK_SYNC, .file = file->number, .syncs_folder = file->syncs_folder, .begun = now()};
    (void)flags;
    if (disk.meanwhile)
        disk.meanwhile(disk.meanwhile_data);
    if (drops_syncs_of(file->number))
        return SQLITE_OK;
    if (fails(FAULT_SYNC)) {
        op.kind = DISK_SYNC_FAILED;
        record(&op);
        return SQLITE_IOERR_FSYNC;
    }
    file->syncs_folder = false;
    record(&op);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    if (fails(FAULT_SIZE))
        return SQLITE_IOERR_FSTAT;
    *size = (sqlite3_int64)live_of(base)->size;
    return SQLITE_OK;
}

/* ---- locks on the database file: shared, reserved, pending, exclusive ---- */

static bool others_hold(const struct vfs_file *file, int lock)
{
    for (const struct vfs_file *other = nodes[file->number].opened; other; other = other->next)
        if (other != file && other->lock >= lock)
            return true;
    return false;
}

static int file_lock(sqlite3_file *base, int lock)
{
    struct vfs_file *file = vfs_file_of(base);
    if (file->lock >= lock)
        return SQLITE_OK;
    if (fails(FAULT_LOCK))
        return SQLITE_IOERR_LOCK;
    if (lock == SQLITE_LOCK_SHARED && others_hold(file, SQLITE_LOCK_PENDING))
        return SQLITE_BUSY;
    if (lock >= SQLITE_LOCK_RESERVED && others_hold(file, SQLITE_LOCK_RESERVED))
        return SQLITE_BUSY;
    if (lock == SQLITE_LOCK_EXCLUSIVE && others_hold(file, SQLITE_LOCK_SHARED)) {
        file->lock = SQLITE_LOCK_PENDING; /* keeps new readers out until the old ones have left */
        return SQLITE_BUSY;
    }
    file->lock = lock;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int lock)
{
    struct vfs_file *file = vfs_file_of(base);
    if (file->lock > lock)
        file->lock = lock;
    return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *base, int *result)
{
    const struct vfs_file *file = vfs_file_of(base);
    *result = file->lock >= SQLITE_LOCK_RESERVED || others_hold(file, SQLITE_LOCK_RESERVED);
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int what, void *argument)
{
    (void)base, (void)what, (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return DISK_SECTOR;
}

static int file_device(sqlite3_file *base)
{
    (void)base;
    return disk.powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

/* ---- shared memory ---- */

static int file_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct vfs_file *file = vfs_file_of(base);
    struct node *node = &nodes[file->number];
    *out = NULL;
    if (fails(FAULT_MAP))
        return SQLITE_IOERR_SHMMAP;
    PAWL_ASSERT(region < REGIONS_MAX);
    if (!file->maps) {
        file->maps = true;
        node->mapped++;
    }
    if (!node->regions[region] && extend) {
        pawli_disk_enters();
        node->regions[region] = pawli_disk_alloc(NULL, (size_t)size);
        pawli_disk_leaves();
        memset(node->regions[region], 0, (size_t)size);
    }
    *out = node->regions[region];
    return SQLITE_OK;
}

static int file_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct vfs_file *file = vfs_file_of(base);
    unsigned slots = ((1u << count) - 1) << offset;
    if (flags & SQLITE_SHM_UNLOCK) {
        if (flags & SQLITE_SHM_SHARED)
            file->shared &= ~slots;
        else
            file->exclusive &= ~slots;
        return SQLITE_OK;
    }
    if (fails(FAULT_LOCK))
        return SQLITE_IOERR_SHMLOCK;
    for (const struct vfs_file *other = nodes[file->number].opened; other; other = other->next) {
        unsigned in_the_way = flags & SQLITE_SHM_SHARED ? other->exclusive : other->exclusive | other->shared;
        if (other != file && (in_the_way & slots))
            return SQLITE_BUSY;
    }
    if (flags & SQLITE_SHM_SHARED)
        file->shared |= slots;
    else
        file->exclusive |= slots;
    return SQLITE_OK;
}

static void file_shm_barrier(sqlite3_file *base)
{
    (void)base; /* one thread */
}

static int file_shm_unmap(sqlite3_file *base, int remove)
{
    (void)remove;
    unmap(vfs_file_of(base));
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_check_lock,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector,
                                           .xDeviceCharacteristics = file_device,
                                           .xShmMap = file_shm_map,
                                           .xShmLock = file_shm_lock,
                                           .xShmBarrier = file_shm_barrier,
                                           .xShmUnmap = file_shm_unmap};

/* ---- the folder ---- */

unsigned pawli_disk_file(const char *name)
{
    PAWL_ASSERT(strlen(name) < sizeof disk.names[0]);
    for (unsigned i = 0; i < DISK_FILES; i++) {
        if (!disk.names[i][0])
            strcpy(disk.names[i], name);
        if (strcmp(disk.names[i], name) == 0)
            return i;
    }
    abort();
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags, int *out_flags)
{
    struct vfs_file *file = vfs_file_of(base);
    (void)vfs;
    memset(file, 0, sizeof *file);
    if (!name || fails(FAULT_OPEN))
        return SQLITE_CANTOPEN; /* temporary files stay in memory */
    file->number = pawli_disk_file(name);
    struct disk_file *live = live_of(base);
    if (!live->exists && !(flags & SQLITE_OPEN_CREATE))
        return SQLITE_CANTOPEN;
    if (!live->exists) {
        live->exists = true;
        live->size = 0;
        record(&(struct disk_op){.kind = DISK_CREATE, .file = file->number});
    }
    /* As the unix VFS: the first sync of a log or journal that it may have made syncs the folder. */
    file->syncs_folder = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    file->next = nodes[file->number].opened;
    nodes[file->number].opened = file;
    file->base.pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    unsigned number = pawli_disk_file(name);
    struct disk_file *live = &disk.live.files[number];
    (void)vfs;
    if (!live->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    live->exists = false;
    live->size = 0;
    record(&(struct disk_op){.kind = DISK_DELETE, .file = number});
    if (sync)
        record(&(struct disk_op){.kind = DISK_SYNC, .file = number, .syncs_folder = true, .begun = now()});
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    const struct disk_file *live = &disk.live.files[pawli_disk_file(name)];
    (void)vfs;
    *result = live->exists && (flags != SQLITE_ACCESS_EXISTS || live->size > 0); /* as the unix VFS */
    return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    snprintf(out, (size_t)size, "%s", name);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    for (int i = 0; i < size; i++)
        out[i] = (char)pawli_draw(&disk.random);
    return size;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    *out = 2460000.5;
    return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs, (void)size, (void)out;
    return 0;
}

static sqlite3_vfs crash_vfs = {.iVersion = 1,
                                .szOsFile = (int)sizeof(struct vfs_file),
                                .mxPathname = 63,
                                .zName = "crash",
                                .xOpen = vfs_open,
                                .xDelete = vfs_delete,
                                .xAccess = vfs_access,
                                .xFullPathname = vfs_path,
                                .xRandomness = vfs_random,
                                .xSleep = vfs_sleep,
                                .xCurrentTime = vfs_time,
                                .xGetLastError = vfs_error};

struct disk *pawli_disk(void)
{
    static bool is_registered;
    if (!is_registered) {
        is_registered = true;
        sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1); /* savepoints of who is joined stay in memory, too */
        sqlite3_vfs_register(&crash_vfs, 0);
        disk.powersafe = true;
    }
    return &disk;
}

unsigned pawli_disk_open_count(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < DISK_FILES; i++)
        for (const struct vfs_file *file = nodes[i].opened; file; file = file->next)
            count++;
    return count;
}

void pawli_disk_clear(uint64_t seed)
{
    PAWL_ASSERT(pawli_disk_open_count() == 0);
    for (size_t i = 0; i < DISK_FILES; i++) {
        disk.live.files[i].exists = false;
        disk.live.files[i].size = 0;
        disk.names[i][0] = '\0';
    }
    disk.trace = NULL;
    disk.fault = (struct disk_fault){0};
    disk.drops_syncs = NULL;
    disk.meanwhile = NULL;
    disk.random = seed;
    /* Salts of the log come from SQLite's own generator. */
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, (int)(seed | 1), NULL);
}

void pawli_disk_load(const struct disk_image *image)
{
    PAWL_ASSERT(pawli_disk_open_count() == 0);
    pawli_image_copy(&disk.live, image);
}
