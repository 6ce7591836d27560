/* SPDX-License-Identifier: MIT */
/* The VFS of a store's own files. Unlike SQLite's it opens them in the folder that the store holds (env/file.h), and locks
 * by open file description: what else in this process opens and closes the file drops none of these locks. The bytes are
 * those that SQLite's unix VFS locks, and the index of the log is mapped as that one maps it, so any SQLite of this machine
 * may read the store meanwhile.
 *
 * The index is memory that all processes share. Who cuts the file takes pages away under those who map them, which is a
 * signal when they look: so its size is looked at with each lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "store/sqlite/guard.h"
#include "store/sqlite/vfs.h"

/* sqlite.org/fileformat2.html and os_unix.c: bytes of the database, and of the index of the log. */
enum {
    PENDING = 0x40000000,
    RESERVED = PENDING + 1,
    SHARED_FIRST = PENDING + 2,
    SHARED_SIZE = 510,
    INDEX_LOCKS = 120,
    INDEX_ALIVE = 128, /* shared by who maps it; who gets it alone begins it anew */
    INDEX_BEGUN = 3,   /* bytes of an index that was */
    INDEX_STEP = 4096, /* a byte is written in each, so that the disk has room for what is mapped */
    SECTOR = 4096,
};

struct file {
    sqlite3_file base;
    struct database_file *owner;
    enum store_file what;
    int fd, lock; /* SQLITE_LOCK_… */
    unsigned forks;
    bool is_read_only;
    _Atomic bool syncs_folder;   /* the anchor is synced by whoever is there */
    bool reads_index, has_begun; /* of the index: it may only be read; it is locked as one of those who vouch for it */
    bool is_mapped;              /* and the guard knows how much of it */
    int index, mapped;           /* descriptors; -1: not mapped. Two, for a child keeps what is mapped, but no lock */
    void **regions;
    int region_count, region_size;
};

static struct file *file_of(sqlite3_file *base)
{
    return (struct file *)base;
}

/* The descriptors of a parent are closed in its child, and their numbers may be others' by now. */
static bool is_parents(const struct file *file)
{
    return file->forks != pawli_file_forks();
}

static int lock_bytes(int fd, short type, off_t first, off_t count)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
    int result;
    do
        result = fcntl(fd, F_OFD_SETLK, &lock);
    while (result < 0 && errno == EINTR);
    if (result == 0)
        return SQLITE_OK;
    return errno == EAGAIN || errno == EACCES ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
}

/* ---- bytes ---- */

static int file_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    struct file *file = file_of(base);
    char *to = out;
    while (size > 0) {
        ssize_t got = is_parents(file) ? (errno = EBADF, -1) : pread(file->fd, to, (size_t)size, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SQLITE_IOERR_READ;
        if (got == 0)
            break;
        to += got;
        size -= (int)got;
        offset += got;
    }
    if (size == 0)
        return SQLITE_OK;
    memset(to, 0, (size_t)size);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    struct file *file = file_of(base);
    const char *from = bytes;
    while (size > 0) {
        ssize_t put = is_parents(file) ? (errno = EBADF, -1) : pwrite(file->fd, from, (size_t)size, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno != ENOSPC && errno != EDQUOT)
            return SQLITE_IOERR_WRITE;
        if (put <= 0)
            return SQLITE_FULL;
        from += put;
        size -= (int)put;
        offset += put;
    }
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *file = file_of(base);
    int result = -1;
    while (!is_parents(file) && (result = ftruncate(file->fd, size)) < 0 && errno == EINTR)
        ;
    return result == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

/* The first sync of a log, journal or anchor that was made makes its name last as well. */
static int file_sync(sqlite3_file *base, int flags)
{
    struct file *file = file_of(base);
    (void)flags;
    if (is_parents(file) || fdatasync(file->fd) < 0 || !pawli_guard_index_is_whole(file->owner))
        return SQLITE_IOERR_FSYNC;
    if (file->syncs_folder && fsync(file->owner->folder) < 0)
        return SQLITE_IOERR_DIR_FSYNC;
    file->syncs_folder = false;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct file *file = file_of(base);
    struct file_facts facts;
    if (is_parents(file) || pawli_file_look(file->fd, "", &facts) < 0)
        return SQLITE_IOERR_FSTAT;
    *size = facts.size;
    return SQLITE_OK;
}

/* ---- locks on the database ---- */

static int lock_shared(struct file *file)
{
    int code = lock_bytes(file->fd, F_RDLCK, PENDING, 1); /* not past one who waits for those who read */
    if (code != SQLITE_OK)
        return code;
    code = lock_bytes(file->fd, F_RDLCK, SHARED_FIRST, SHARED_SIZE);
    int passed = lock_bytes(file->fd, F_UNLCK, PENDING, 1);
    return code == SQLITE_OK ? passed : code;
}

static int lock_exclusive(struct file *file)
{
    if (file->lock < SQLITE_LOCK_PENDING) {
        int code = lock_bytes(file->fd, F_WRLCK, PENDING, 1);
        if (code != SQLITE_OK)
            return code;
        file->lock = SQLITE_LOCK_PENDING;
    }
    return lock_bytes(file->fd, F_WRLCK, SHARED_FIRST, SHARED_SIZE);
}

static int file_lock(sqlite3_file *base, int lock)
{
    struct file *file = file_of(base);
    if (file->lock >= lock)
        return SQLITE_OK;
    if (is_parents(file))
        return SQLITE_IOERR_LOCK;
    int code = lock == SQLITE_LOCK_SHARED     ? lock_shared(file)
               : lock == SQLITE_LOCK_RESERVED ? lock_bytes(file->fd, F_WRLCK, RESERVED, 1)
                                              : lock_exclusive(file);
    if (code == SQLITE_OK)
        file->lock = lock;
    return code;
}

static int file_unlock(sqlite3_file *base, int lock)
{
    struct file *file = file_of(base);
    if (file->lock <= lock || is_parents(file))
        return SQLITE_OK;
    int code = SQLITE_OK;
    if (lock == SQLITE_LOCK_SHARED && file->lock > SQLITE_LOCK_RESERVED)
        code = lock_bytes(file->fd, F_RDLCK, SHARED_FIRST, SHARED_SIZE);
    if (code == SQLITE_OK)
        code = lock_bytes(file->fd, F_UNLCK, PENDING, lock == SQLITE_LOCK_SHARED ? 2 : 2 + SHARED_SIZE);
    if (code == SQLITE_OK)
        file->lock = lock;
    return code == SQLITE_OK ? SQLITE_OK : SQLITE_IOERR_UNLOCK;
}

static int file_check_lock(sqlite3_file *base, int *result)
{
    struct file *file = file_of(base);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = RESERVED, .l_len = 1};
    *result = 1;
    if (file->lock < SQLITE_LOCK_RESERVED && fcntl(file->fd, F_OFD_GETLK, &lock) < 0)
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    *result = file->lock >= SQLITE_LOCK_RESERVED || lock.l_type != F_UNLCK;
    return SQLITE_OK;
}

/* ---- the index of the log ---- */

/* How many of SQLite's regions a page of this machine holds: one, but where its pages are larger. */
static int regions_a_map(const struct file *file)
{
    long page = sysconf(_SC_PAGESIZE);
    return page > file->region_size ? (int)(page / file->region_size) : 1;
}

static void close_index(struct file *file)
{
    int step = file->region_size ? regions_a_map(file) : 1;
    for (int i = 0; i < file->region_count; i += step)
        munmap(file->regions[i], (size_t)file->region_size * (size_t)step);
    pawli_free(file->regions);
    if (file->is_mapped)
        pawli_guard_unmap(file->owner);
    pawli_file_close(file->index, file->forks);
    pawli_file_close(file->mapped, file->forks);
    file->regions = NULL;
    file->region_count = 0;
    file->index = file->mapped = -1;
    file->has_begun = file->is_mapped = false;
}

/* Who maps it alone begins it anew. Who may only read cannot, and trusts none that nobody vouches for: SQLite reads the log
 * without it then. */
static int begin_index(struct file *file)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = INDEX_ALIVE, .l_len = 1};
    int code = SQLITE_OK;
    if (file->reads_index) {
        if (fcntl(file->index, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK)
            return SQLITE_READONLY_CANTINIT;
    } else {
        code = lock_bytes(file->index, F_WRLCK, INDEX_ALIVE, 1);
        if (code == SQLITE_OK && ftruncate(file->index, INDEX_BEGUN) < 0)
            return SQLITE_IOERR_SHMOPEN;
    }
    if (code == SQLITE_OK || code == SQLITE_BUSY)
        code = lock_bytes(file->index, F_RDLCK, INDEX_ALIVE, 1);
    file->has_begun = code == SQLITE_OK;
    return code;
}

static int open_index(struct file *file)
{
    struct file_at at = pawli_database_at(file->owner, FILE_INDEX);
    int how = file->is_read_only ? O_RDWR : O_RDWR | O_CREAT;
    file->index = pawli_file_open(&at, how);
    if (file->index == -EACCES || file->index == -EROFS) {
        how = O_RDONLY;
        file->index = pawli_file_open(&at, how);
    }
    file->reads_index = how == O_RDONLY;
    file->mapped = file->index < 0 ? -1 : pawli_file_open(&at, how & ~O_CREAT);
    if (file->mapped < 0 || !pawli_guard_admit(file->owner, FILE_INDEX, file->index) ||
        !pawli_guard_admit(file->owner, FILE_INDEX, file->mapped)) {
        close_index(file);
        return SQLITE_CANTOPEN;
    }
    return SQLITE_OK;
}

static bool extend_index(struct file *file, off_t from, off_t to)
{
    for (off_t at = from / INDEX_STEP; at < to / INDEX_STEP; at++)
        if (pwrite(file->index, "", 1, at * INDEX_STEP + INDEX_STEP - 1) != 1)
            return false;
    return true;
}

static int map_regions(struct file *file, int wanted, bool extend)
{
    struct file_facts facts;
    int step = regions_a_map(file), count = (wanted + step) / step * step;
    off_t size = (off_t)count * file->region_size;
    if (pawli_file_look(file->index, "", &facts) < 0)
        return SQLITE_IOERR_SHMSIZE;
    if (facts.size < size && (!extend || file->reads_index))
        return SQLITE_OK;
    if (facts.size < size && !extend_index(file, facts.size, size))
        return SQLITE_IOERR_SHMSIZE;
    int protection = file->reads_index ? PROT_READ : PROT_READ | PROT_WRITE;
    void **regions = pawli_alloc((size_t)count * sizeof *regions);
    if (!regions)
        return SQLITE_IOERR_NOMEM;
    if (file->region_count)
        memcpy(regions, file->regions, (size_t)file->region_count * sizeof *regions);
    pawli_free(file->regions);
    file->regions = regions;
    for (; file->region_count < count; file->region_count += step) {
        off_t at = (off_t)file->region_count * file->region_size;
        char *memory = mmap(NULL, (size_t)file->region_size * (size_t)step, protection, MAP_SHARED, file->mapped, at);
        if (memory == MAP_FAILED)
            return SQLITE_IOERR_SHMMAP;
        for (int i = 0; i < step; i++)
            regions[file->region_count + i] = memory + (size_t)i * (size_t)file->region_size;
    }
    pawli_guard_map(file->owner, !file->is_mapped, size);
    file->is_mapped = true;
    return SQLITE_OK;
}

static int file_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct file *file = file_of(base);
    int code = SQLITE_OK;
    *out = NULL;
    if (is_parents(file))
        return SQLITE_IOERR_SHMMAP;
    file->region_size = size;
    if (file->index < 0)
        code = open_index(file);
    if (code == SQLITE_OK && !file->has_begun)
        code = begin_index(file);
    if (code == SQLITE_OK && region >= file->region_count)
        code = map_regions(file, region, extend != 0);
    if (code == SQLITE_OK && region < file->region_count)
        *out = file->regions[region];
    return code == SQLITE_OK && file->reads_index ? SQLITE_READONLY : code;
}

static int file_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct file *file = file_of(base);
    struct file_facts facts;
    if (is_parents(file))
        return SQLITE_IOERR_SHMLOCK;
    if (flags & SQLITE_SHM_UNLOCK)
        return lock_bytes(file->index, F_UNLCK, INDEX_LOCKS + offset, count);
    if (pawli_file_look(file->index, "", &facts) < 0 || facts.size < (off_t)file->region_count * file->region_size)
        return SQLITE_IOERR_SHMSIZE;
    short type = flags & SQLITE_SHM_SHARED ? F_RDLCK : F_WRLCK;
    return lock_bytes(file->index, type, INDEX_LOCKS + offset, count);
}

static void file_shm_barrier(sqlite3_file *base)
{
    (void)base;
    atomic_thread_fence(memory_order_seq_cst);
}

static int file_shm_unmap(sqlite3_file *base, int remove)
{
    struct file *file = file_of(base);
    if (file->index < 0)
        return SQLITE_OK;
    struct file_at at = pawli_database_at(file->owner, FILE_INDEX);
    if (remove && !is_parents(file))
        unlinkat(at.folder, at.name, 0);
    close_index(file);
    return SQLITE_OK;
}

/* ---- the rest of a file ---- */

static int file_close(sqlite3_file *base)
{
    struct file *file = file_of(base);
    if (file->index >= 0)
        close_index(file);
    pawli_file_close(file->fd, file->forks);
    file->base.pMethods = NULL;
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
    return SECTOR;
}

static int file_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
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

/* Whose lock says that the index is alive. Without one nobody has the log open; with one of ours nobody gets to. */
int pawli_index_close_to_others(struct database_file *file, int *ret_fd, pawl_error *err)
{
    struct file_at at = pawli_database_at(file, FILE_INDEX);
    int fd = pawli_file_open(&at, O_RDWR | O_CREAT);
    if (fd < 0)
        return pawli_file_fail(&at, -fd, err);
    int code = lock_bytes(fd, F_WRLCK, INDEX_ALIVE, 1);
    if (code == SQLITE_OK) {
        *ret_fd = fd;
        return PAWL_OK;
    }
    pawli_file_close(fd, file->forks);
    return code == SQLITE_BUSY ? PAWL_EBUSY : pawli_fail(err, PAWL_EUNAVAIL, "\"%s\" cannot be locked", at.path);
}

void pawli_index_open_to_others(struct database_file *file, int fd)
{
    pawli_file_close(fd, file->forks); /* which drops its locks */
}

/* ---- the folder ---- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags, int *out_flags)
{
    struct file *file = file_of(base);
    (void)vfs;
    *file = (struct file){.fd = -1, .index = -1, .mapped = -1, .forks = pawli_file_forks()};
    file->owner = name ? pawli_database_find(name, &file->what) : NULL;
    if (!file->owner) /* temporary files stay in memory */
        return SQLITE_CANTOPEN;
    struct file_at at = pawli_database_at(file->owner, file->what);
    int how = flags & SQLITE_OPEN_READONLY ? O_RDONLY : O_RDWR | (flags & SQLITE_OPEN_CREATE ? O_CREAT : 0);
    file->fd = pawli_file_open(&at, how);
    if ((file->fd == -EACCES || file->fd == -EROFS) && how != O_RDONLY) {
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
        file->fd = pawli_file_open(&at, O_RDONLY);
    }
    if (file->fd < 0)
        return file->fd == -ENOMEM ? SQLITE_NOMEM : SQLITE_CANTOPEN;
    if (!pawli_guard_admit(file->owner, file->what, file->fd)) {
        pawli_file_close(file->fd, file->forks);
        return SQLITE_CANTOPEN;
    }
    file->is_read_only = flags & SQLITE_OPEN_READONLY;
    file->syncs_folder = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    file->base.pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    enum store_file what;
    const struct database_file *owner = pawli_database_find(name, &what);
    (void)vfs;
    if (!owner)
        return SQLITE_IOERR_DELETE;
    struct file_at at = pawli_database_at(owner, what);
    if (unlinkat(at.folder, at.name, 0) < 0)
        return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    return sync && fsync(at.folder) < 0 ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    enum store_file what;
    struct stat facts;
    const struct database_file *owner = pawli_database_find(name, &what);
    sqlite3_vfs *real = vfs->pAppData;
    if (!owner)
        return real->xAccess(real, name, flags, result);
    struct file_at at = pawli_database_at(owner, what);
    bool exists = fstatat(at.folder, at.name, &facts, AT_SYMLINK_NOFOLLOW) == 0;
    *result = exists && (flags != SQLITE_ACCESS_EXISTS || facts.st_size > 0);
    if (flags == SQLITE_ACCESS_READWRITE)
        *result = exists && faccessat(at.folder, at.name, R_OK | W_OK, AT_EACCESS) == 0;
    return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xFullPathname(real, name, size, out);
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xRandomness(real, size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xSleep(real, us);
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xCurrentTime(real, out);
}

static int vfs_error(sqlite3_vfs *vfs, int size, char *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xGetLastError(real, size, out);
}

void pawli_vfs_files(sqlite3_vfs *vfs, sqlite3_vfs *real)
{
    *vfs = (sqlite3_vfs){.iVersion = 1,
                         .szOsFile = (int)sizeof(struct file),
                         .mxPathname = real->mxPathname,
                         .zName = "files",
                         .pAppData = real,
                         .xOpen = vfs_open,
                         .xDelete = vfs_delete,
                         .xAccess = vfs_access,
                         .xFullPathname = vfs_path,
                         .xRandomness = vfs_random,
                         .xSleep = vfs_sleep,
                         .xCurrentTime = vfs_time,
                         .xGetLastError = vfs_error};
}
