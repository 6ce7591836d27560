/* SPDX-License-Identifier: MIT */
/* A VFS in front of another that gathers contiguous writes of the log. SQLite writes a page of its log in two calls, header
 * and page; on a commit of fifty pages the calls cost more than the bytes. What was gathered is written before anything
 * could miss it: before a sync, a read of the same bytes, a look at the size, a truncation. In WAL mode with
 * synchronous=FULL every commit asks for a sync before its frames are published, so no other connection ever looks for bytes
 * that are still here; also where that sync is put off (durable.c), they are written. Nothing of a transaction is written
 * before its commit (cache_spill is off): of one that is rolled back nothing stays here, to be written over what another
 * connection commits then.
 *
 * Everything else is passed through. The database file too: a checkpoint publishes how far it came after calls whose
 * results SQLite does not look at, and an error of gathered pages would be lost there. And all of a device that may destroy
 * what lies beside a write: there SQLite pads a commit to the end of a sector, behind its sync. */
#include "store/sqlite/vfs.h"

#include <pthread.h>
#include <stdio.h>

#include "base/base.h"

/* SQLite's unix VFS writes at most 0x1ffff bytes in a call. */
#define GATHER_MAX ((size_t)124 * 1024)

struct gathering_file {
    sqlite3_file base;
    bool gathers;
    bool puts_off, was_put_off; /* the sync of a commit, and there was one */
    sqlite3_int64 offset;       /* of what was gathered */
    size_t size;
    char *bytes;        /* allocated at the first write that could be gathered */
    sqlite3_file *real; /* behind this struct */
};

struct gathering_vfs {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    struct gathering_vfs *next;
    char name[64];
};

static struct gathering_file *gathering_of(sqlite3_file *file)
{
    return (struct gathering_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return gathering_of(file)->real;
}

static int flush(struct gathering_file *file)
{
    size_t size = file->size;
    file->size = 0; /* an error is reported once, to whom it concerns; what was gathered is not written later */
    if (size == 0)
        return SQLITE_OK;
    return file->real->pMethods->xWrite(file->real, file->bytes, (int)size, file->offset);
}

static int file_close(sqlite3_file *file)
{
    struct gathering_file *gathering = gathering_of(file);
    int code = flush(gathering);
    int closed = gathering->real->pMethods->xClose(gathering->real);
    pawli_free(gathering->bytes);
    return code == SQLITE_OK ? closed : code;
}

static int file_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    struct gathering_file *gathering = gathering_of(file);
    if (gathering->size && offset < gathering->offset + (sqlite3_int64)gathering->size &&
        gathering->offset < offset + size) {
        int code = flush(gathering);
        if (code != SQLITE_OK)
            return code;
    }
    /* What SQLite's unix VFS makes of EIO would be told as a damaged file; a read that fails may succeed again. */
    int code = gathering->real->pMethods->xRead(gathering->real, out, size, offset);
    return code == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : code;
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    struct gathering_file *gathering = gathering_of(file);
    if (!gathering->gathers)
        return gathering->real->pMethods->xWrite(gathering->real, bytes, size, offset);
    bool follows = gathering->size && offset == gathering->offset + (sqlite3_int64)gathering->size &&
                   gathering->size + (size_t)size <= GATHER_MAX;
    if (!follows) {
        int code = flush(gathering);
        if (code != SQLITE_OK)
            return code;
        if (!gathering->bytes)
            gathering->bytes = pawli_alloc_raw(GATHER_MAX);
        if (!gathering->bytes || (size_t)size > GATHER_MAX)
            return gathering->real->pMethods->xWrite(gathering->real, bytes, size, offset);
        gathering->offset = offset;
    }
    memcpy(gathering->bytes + gathering->size, bytes, (size_t)size);
    gathering->size += (size_t)size;
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = flush(gathering_of(file));
    return code == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : code;
}

/* Only the end of a commit is put off: checkpoints and the header of a log sync with SQLITE_SYNC_FULL. */
static int file_sync(sqlite3_file *file, int flags)
{
    struct gathering_file *gathering = gathering_of(file);
    int code = flush(gathering);
    bool puts_off = code == SQLITE_OK && gathering->puts_off && flags == SQLITE_SYNC_NORMAL;
    gathering->was_put_off |= puts_off;
    if (puts_off)
        return SQLITE_OK;
    return code == SQLITE_OK ? real_of(file)->pMethods->xSync(real_of(file), flags) : code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = flush(gathering_of(file));
    return code == SQLITE_OK ? real_of(file)->pMethods->xFileSize(real_of(file), size) : code;
}

static int file_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    int code = flush(gathering_of(file));
    int unlocked = real_of(file)->pMethods->xUnlock(real_of(file), lock);
    return code == SQLITE_OK ? unlocked : code;
}

static int file_check_lock(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    int code = flush(gathering_of(file));
    return code == SQLITE_OK ? real_of(file)->pMethods->xFileControl(real_of(file), what, argument) : code;
}

static int file_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static int file_fetch(sqlite3_file *file, sqlite3_int64 offset, int size, void **out)
{
    (void)file, (void)offset, (void)size;
    *out = NULL; /* nothing is mapped: mmap_size is 0 */
    return SQLITE_OK;
}

static int file_unfetch(sqlite3_file *file, sqlite3_int64 offset, void *page)
{
    /* Passed on where it can be: tests of the linked SQLite hook it. */
    const sqlite3_io_methods *methods = real_of(file)->pMethods;
    return methods->iVersion >= 3 ? methods->xUnfetch(real_of(file), offset, page) : SQLITE_OK;
}

static const sqlite3_io_methods gathering_methods = {.iVersion = 3,
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
                                                     .xShmUnmap = file_shm_unmap,
                                                     .xFetch = file_fetch,
                                                     .xUnfetch = file_unfetch};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    struct gathering_vfs *gathering = (struct gathering_vfs *)vfs;
    struct gathering_file *opened = gathering_of(file);
    *opened = (struct gathering_file){.real = (sqlite3_file *)(opened + 1)};
    int code = gathering->real->xOpen(gathering->real, name, opened->real, flags, out_flags);
    if (opened->real->pMethods) {
        opened->base.pMethods = &gathering_methods;
        opened->gathers = (flags & SQLITE_OPEN_WAL) && (file_device(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE);
    }
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xDelete(real, name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xAccess(real, name, flags, result);
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xFullPathname(real, name, size, out);
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *out)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xRandomness(real, size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xSleep(real, us);
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xCurrentTime(real, out);
}

static int vfs_error(sqlite3_vfs *vfs, int size, char *out)
{
    sqlite3_vfs *real = ((struct gathering_vfs *)vfs)->real;
    return real->xGetLastError(real, size, out);
}

void pawli_vfs_put_off(sqlite3_file *file)
{
    struct gathering_file *gathering = gathering_of(file);
    gathering->puts_off = gathering->gathers;
    gathering->was_put_off = false;
}

bool pawli_vfs_was_put_off(sqlite3_file *file)
{
    struct gathering_file *gathering = gathering_of(file);
    gathering->puts_off = false;
    return gathering->was_put_off;
}

static sqlite3_vfs *find_real(const char *name)
{
    static sqlite3_vfs files;
    sqlite3_vfs *real = sqlite3_vfs_find(name);
    if (name || !real)
        return real;
    if (!files.zName)
        pawli_vfs_files(&files, real);
    return &files;
}

sqlite3_vfs *pawli_vfs_over(const char *real_name, sqlite3_vfs **ret_real)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct gathering_vfs *made; /* SQLite keeps them for the life of the process */
    pthread_mutex_lock(&lock);
    sqlite3_vfs *real = find_real(real_name);
    struct gathering_vfs *gathering = made;
    while (gathering && gathering->real != real)
        gathering = gathering->next;
    if (real && !gathering && (gathering = pawli_alloc(sizeof *gathering)) != NULL) {
        snprintf(gathering->name, sizeof gathering->name, "pawl-%s", real->zName);
        gathering->real = real;
        gathering->vfs = (sqlite3_vfs){.iVersion = 1,
                                       .szOsFile = (int)sizeof(struct gathering_file) + real->szOsFile,
                                       .mxPathname = real->mxPathname,
                                       .zName = gathering->name,
                                       .xOpen = vfs_open,
                                       .xDelete = vfs_delete,
                                       .xAccess = vfs_access,
                                       .xFullPathname = vfs_path,
                                       .xRandomness = vfs_random,
                                       .xSleep = vfs_sleep,
                                       .xCurrentTime = vfs_time,
                                       .xGetLastError = vfs_error};
        gathering->next = made;
        made = gathering;
        sqlite3_vfs_register(&gathering->vfs, 0);
    }
    pthread_mutex_unlock(&lock);
    *ret_real = real;
    return real && gathering ? &gathering->vfs : NULL;
}
