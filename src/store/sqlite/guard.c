/* SPDX-License-Identifier: MIT */
/* The guard of a store's identity. A receipt is worth what its file is worth: what is written into a file that was removed,
 * replaced or moved away is in no store. So before an answer, and before anything that is read counts, the folder's path
 * must lead to the folder that is held, and each name in it to the file that is held; no other name may have been given to one
 * (who writes through it has a log of his own there), and the log's index must not have been cut under those who map it.
 * A difference poisons the file. */
#include "store/sqlite/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The one list that outlives a handle: files that this process has open. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct database_file *files;

static const char *const suffixes[FILE_COUNT] = {"",      "-wal",  "-shm",     "-anchor",
                                                 "-gate", "-bell", "-journal", "-wal-old"};

static void free_file(struct database_file *file)
{
    pawli_file_close(file->database, file->forks);
    pawli_file_close(file->folder, file->forks); /* AT_FDCWD is negative */
    for (size_t i = 0; i < FILE_COUNT; i++)
        free(file->paths[i]);
    pawli_free(file);
}

static struct database_file *make_file(const char *path)
{
    struct database_file *file = pawli_alloc(sizeof *file);
    bool failed = !file;
    if (failed)
        return NULL;
    file->folder = AT_FDCWD;
    file->database = -1;
    file->forks = pawli_file_forks();
    for (size_t i = 0; i < FILE_COUNT; i++)
        failed |= asprintf(&file->paths[i], "%s%s", path, suffixes[i]) < 0;
    file->key = file->paths[FILE_DATABASE];
    if (!failed)
        return file;
    free_file(file);
    return NULL;
}

struct database_file *pawli_database_use(const char *path)
{
    pthread_mutex_lock(&files_lock);
    struct database_file *file = files;
    while (file && strcmp(file->key, path) != 0)
        file = file->next;
    if (!file && (file = make_file(path)) != NULL) {
        file->next = files;
        files = file;
    }
    if (file)
        file->handles++;
    pthread_mutex_unlock(&files_lock);
    return file;
}

void pawli_database_leave(struct database_file *file)
{
    pthread_mutex_lock(&files_lock);
    if (--file->handles == 0) {
        struct database_file **at = &files;
        while (*at != file)
            at = &(*at)->next;
        *at = file->next;
        free_file(file);
    }
    pthread_mutex_unlock(&files_lock);
}

struct file_at pawli_database_at(const struct database_file *file, enum store_file what)
{
    const char *path = file->paths[what];
    const char *name = file->folder == AT_FDCWD ? path : strrchr(path, '/') + 1;
    return (struct file_at){.folder = file->folder,
                            .name = name,
                            .path = path,
                            .like = what == FILE_DATABASE ? -1 : file->database,
                            .is_shared = what == FILE_DATABASE || what == FILE_INDEX};
}

struct database_file *pawli_database_find(const char *path, enum store_file *ret_what)
{
    struct database_file *found = NULL;
    pthread_mutex_lock(&files_lock);
    for (struct database_file *file = files; file && !found; file = file->next)
        for (enum store_file what = 0; what < FILE_COUNT && !found; what++)
            if (file->folder != AT_FDCWD && strcmp(file->paths[what], path) == 0) {
                *ret_what = what;
                found = file;
            }
    pthread_mutex_unlock(&files_lock);
    return found;
}

/* ---- identities ---- */

static bool is_same(const struct file_facts *a, const struct file_facts *b)
{
    return a->device == b->device && a->inode == b->inode;
}

bool pawli_guard_admit(struct database_file *file, enum store_file what, int fd)
{
    struct file_facts is;
    if (what >= FILE_GUARDED)
        return true;
    if (pawli_file_look(fd, "", &is) < 0)
        return false;
    pthread_mutex_lock(&files_lock);
    struct file_facts *was = &file->files[what];
    if (was->inode == 0)
        *was = is;
    bool same = is_same(was, &is);
    pthread_mutex_unlock(&files_lock);
    return same;
}

void pawli_guard_forget_log(struct database_file *file)
{
    pthread_mutex_lock(&files_lock);
    if (file->handles == 1)
        file->files[FILE_LOG] = (struct file_facts){0};
    pthread_mutex_unlock(&files_lock);
}

void pawli_guard_map(struct database_file *file, bool is_first, off_t size)
{
    pthread_mutex_lock(&files_lock);
    struct mapped_index *index = &file->index;
    index->maps += is_first;
    if (index->size < size)
        index->size = size;
    pthread_mutex_unlock(&files_lock);
}

void pawli_guard_unmap(struct database_file *file)
{
    pthread_mutex_lock(&files_lock);
    struct mapped_index *index = &file->index;
    if (--index->maps == 0)
        *index = (struct mapped_index){.epoch = index->epoch + 1};
    pthread_mutex_unlock(&files_lock);
}

static struct mapped_index index_of(const struct database_file *file)
{
    pthread_mutex_lock(&files_lock);
    struct mapped_index index = file->index;
    pthread_mutex_unlock(&files_lock);
    return index;
}

/* Given how it was mapped before its size was looked at. Since then somebody here may have been the last who had it mapped,
 * and then anybody may begin it anew. */
static bool was_cut(const struct database_file *file, const struct mapped_index *mapped, off_t size)
{
    return size < mapped->size && index_of(file).epoch == mapped->epoch;
}

bool pawli_guard_index_is_whole(const struct database_file *file)
{
    struct file_facts facts;
    struct file_at at = pawli_database_at(file, FILE_INDEX);
    struct mapped_index mapped = index_of(file);
    return pawli_file_look(at.folder, at.name, &facts) < 0 || !was_cut(file, &mapped, facts.size);
}

/* What others in this process may look at meanwhile. */
static void keep(int *descriptor, int fd)
{
    pthread_mutex_lock(&files_lock);
    *descriptor = fd;
    pthread_mutex_unlock(&files_lock);
}

static int open_database(struct database_file *file, bool create, pawl_error *err)
{
    struct file_at at = pawli_database_at(file, FILE_DATABASE);
    int fd = pawli_file_open(&at, O_RDWR | (create ? O_CREAT : 0));
    if (fd == -EACCES || fd == -EROFS || fd == -EPERM)
        fd = pawli_file_open(&at, O_RDONLY);
    if (fd < 0)
        return pawli_file_fail(&at, -fd, err);
    keep(&file->database, fd);
    pawli_guard_admit(file, FILE_DATABASE, fd);
    return PAWL_OK;
}

/* What SQLite would follow or write through. */
static int refuse_links(const struct database_file *file, pawl_error *err)
{
    for (enum store_file what = 0; what < FILE_COUNT; what++) {
        struct stat facts;
        struct file_at at = pawli_database_at(file, what);
        if (fstatat(at.folder, at.name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(facts.st_mode))
            return pawli_file_fail(&at, S_ISLNK(facts.st_mode) ? ELOOP : ENXIO, err);
    }
    return PAWL_OK;
}

static int open_folder(struct database_file *file, pawl_error *err)
{
    char *name = strrchr(file->key, '/');
    PAWL_ASSERT(name != NULL); /* what a VFS resolved is absolute */
    PAWL_AUTO(pawli_freep) char *path = pawli_alloc((size_t)(name - file->key) + 2);
    if (!path)
        return pawli_no_memory(err);
    memcpy(path, file->key, (size_t)(name - file->key) + (name == file->key));
    struct file_at folder = {.folder = AT_FDCWD, .name = path, .path = path, .like = -1};
    int fd = pawli_file_open(&folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return pawli_file_fail(&folder, -fd, err);
    pawli_file_look(fd, "", &file->folder_is);
    keep(&file->folder, fd);
    return PAWL_OK;
}

/* The first handle of this process opens; the others wait for it, and for them it is open. */
int pawli_guard_open(struct database_file *file, bool create, pawl_error *err)
{
    static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&opening);
    int status = file->folder == AT_FDCWD ? open_folder(file, err) : PAWL_OK;
    if (status == PAWL_OK && file->database < 0)
        status = refuse_links(file, err);
    if (status == PAWL_OK && file->database < 0)
        status = open_database(file, create, err);
    pthread_mutex_unlock(&opening);
    return status;
}

/* ---- one gate for one database ---- */

/* A byte of the database for each gate that there may be, far behind all that SQLite locks: shared by who has the database
 * open under that gate. A gate that was removed and made anew is another inode while anybody holds the old one. */
#define GATES_FIRST ((off_t)1 << 61)

static bool others_hold(int fd, off_t first, off_t count)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
    return count > 0 && (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK);
}

static bool is_only_handle(const struct database_file *file)
{
    pthread_mutex_lock(&files_lock);
    bool is_only = file->handles == 1;
    pthread_mutex_unlock(&files_lock);
    return is_only;
}

int pawli_guard_enter(struct database_file *file, bool gate_is_open, pawl_error *err)
{
    off_t gate = GATES_FIRST + (off_t)(file->files[FILE_GATE].inode & (GATES_FIRST - 1));
    if (file->database < 0 || file->files[FILE_GATE].inode == 0)
        return PAWL_OK;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = gate, .l_len = 1};
    if (fcntl(file->database, F_OFD_SETLK, &lock) < 0)
        return pawli_fail(err, PAWL_EUNAVAIL, "\"%s\" cannot be locked: %s", file->key, strerror(errno));
    if (others_hold(file->database, GATES_FIRST, gate - GATES_FIRST) ||
        others_hold(file->database, gate + 1, 2 * GATES_FIRST - 1 - gate))
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EBUSY, "\"%s\" is open in a process whose -gate was removed or replaced", file->key),
            "end that process (it answers nothing more), then try again");
    /* Handles of one process share the lock, and were compared with each other when they opened. */
    if (gate_is_open && is_only_handle(file) && !others_hold(file->database, gate, 1))
        return pawli_hint(
            err, pawli_fail(err, PAWL_EBUSY, "\"%s\" was replaced under a process that has it open", file->key),
            "end that process (it answers nothing more), then try again");
    return PAWL_OK;
}

/* ---- looking ---- */

static const struct {
    const char *gone, *replaced, *linked;
} texts[FILE_GUARDED] = {
    [FILE_DATABASE] = {"its file was removed or moved", "its file was replaced", "its file got a second name"},
    [FILE_LOG] = {"its -wal was removed", "its -wal was replaced", "its -wal got a second name"},
    [FILE_INDEX] = {"its -shm was removed", "its -shm was replaced", "its -shm got a second name"},
    [FILE_ANCHOR] = {"its -anchor was removed", "its -anchor was replaced", "its -anchor got a second name"},
    [FILE_GATE] = {"its -gate was removed", "its -gate was replaced", "its -gate got a second name"},
};

static bool folder_moved(const struct database_file *file)
{
    struct stat facts;
    char path[PATH_MAX];
    size_t size = (size_t)(strrchr(file->key, '/') - file->key);
    if (size >= sizeof path)
        return false;
    memcpy(path, file->key, size);
    path[size] = '\0';
    if (stat(size ? path : "/", &facts) < 0)
        return errno == ENOENT || errno == ENOTDIR;
    return facts.st_dev != file->folder_is.device || facts.st_ino != file->folder_is.inode;
}

const char *pawli_guard_look(struct database_file *file)
{
    struct file_facts files_were[FILE_GUARDED];
    if (file->folder == AT_FDCWD)
        return NULL;
    if (folder_moved(file))
        return "its folder was moved or removed";
    pthread_mutex_lock(&files_lock);
    memcpy(files_were, file->files, sizeof files_were);
    struct mapped_index mapped = file->index;
    pthread_mutex_unlock(&files_lock);
    for (enum store_file what = 0; what < FILE_GUARDED; what++) {
        struct file_facts is;
        const struct file_facts *was = &files_were[what];
        if (was->inode == 0)
            continue;
        struct file_at at = pawli_database_at(file, what);
        int error = pawli_file_look(at.folder, at.name, &is);
        if (error == -ENOENT || error == -ENOTDIR)
            return texts[what].gone;
        if (error < 0)
            continue; /* nobody knows: the file itself will tell */
        if (!is_same(&is, was))
            return texts[what].replaced;
        if (is.links > was->links)
            return texts[what].linked;
        if (what == FILE_INDEX && was_cut(file, &mapped, is.size))
            return "its -shm was cut";
    }
    return NULL;
}
