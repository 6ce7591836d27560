/* SPDX-License-Identifier: MIT */
/* Backup: one snapshot, into a new file. The copy has another name until it is whole and synced, so that one that was
 * interrupted is not taken for a backup. */
#include "store/sqlite/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <sys/stat.h>

#define STEP_PAGES 1000

struct backup {
    struct sqlite_store *store;
    const char *path;
    char *partial;
    int fd; /* of the partial one: made by us, and nobody else's */
    void (*progress)(void *data, int left, int total);
    void *data;
};

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The folder of a path, and the name in it. */
static const char *split(const char *path, struct stat *folder)
{
    char name[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path) + 1 : 1;
    if (snprintf(name, sizeof name, "%.*s", size, slash ? path : ".") >= (int)sizeof name || stat(name, folder) != 0)
        *folder = (struct stat){0};
    return slash ? slash + 1 : path;
}

/* By whatever name: links lead to the same file, and one that is not there now would be taken for the store's own. */
static bool is_of_the_store(const struct sqlite_store *store, const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", "-gate", "-bell", "-anchor"};
    struct stat there, folder, own_folder;
    bool exists = stat(path, &there) == 0;
    const char *name = split(path, &folder), *own_name = split(store->path, &own_folder);
    size_t own_size = strlen(own_name);
    bool beside = same_file(&folder, &own_folder) && strncmp(name, own_name, own_size) == 0;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(suffixes) && !found; i++) {
        char own[PATH_MAX];
        struct stat file;
        snprintf(own, sizeof own, "%s%s", store->path, suffixes[i]);
        found = (beside && strcmp(name + own_size, suffixes[i]) == 0) ||
                (exists && stat(own, &file) == 0 && same_file(&file, &there));
    }
    return found;
}

static enum store_result is_there(const char *path, pawl_error *err)
{
    pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%.150s\" is there already", path),
               "name a new file; a backup is never written over another");
    return STORE_REFUSED;
}

static enum store_result make_file(struct backup *backup, pawl_error *err)
{
    struct stat there;
    if (lstat(backup->path, &there) == 0)
        return is_there(backup->path, err);
    backup->fd = open(backup->partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (backup->fd >= 0)
        return STORE_OK;
    if (errno == EEXIST) {
        pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%.150s\" is there already", backup->partial),
                   "another backup writes it, or was interrupted: then remove it");
        return STORE_REFUSED;
    }
    pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "cannot create \"%.150s\": %s", backup->path, strerror(errno)),
               "name a file in a folder that may be written to");
    return STORE_INVALID;
}

/* The first read takes the snapshot; from then on what others commit is none of the copy's business. */
static int take_snapshot(struct connection *connection)
{
    struct call call = pawli_call(connection, SQL_get_store);
    pawli_call_row(&call);
    return pawli_call_end(&call);
}

/* Without a journal: a copy that failed is removed. */
static int copy(const struct backup *backup, struct connection *from)
{
    sqlite3 *to = NULL;
    int code = take_snapshot(from);
    if (code == SQLITE_OK)
        code = sqlite3_open_v2(backup->partial, &to, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    sqlite3_backup *pages = code == SQLITE_OK ? sqlite3_backup_init(to, "main", from->db, "main") : NULL;
    if (code == SQLITE_OK && !pages)
        code = sqlite3_errcode(to);
    while (pages && (code = sqlite3_backup_step(pages, STEP_PAGES)) == SQLITE_OK)
        if (backup->progress)
            backup->progress(backup->data, sqlite3_backup_remaining(pages), sqlite3_backup_pagecount(pages));
    if (pages)
        sqlite3_backup_finish(pages);
    int closed = sqlite3_close(to);
    return code == SQLITE_DONE ? closed : code;
}

static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return failed;
}

static int rename_to_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    struct stat there;
    return (errno == EINVAL || errno == ENOSYS) && lstat(to, &there) != 0 ? rename(from, to) : -1;
}

/* Whole, synced, and still the file that we made: then it gets its name. Who may read the store may read it, but no half of
 * it. */
static enum store_result publish(const struct backup *backup, pawl_error *err)
{
    struct stat made, named;
    pawli_file_liken(backup->fd, backup->store->file->database);
    bool is_ours = fstat(backup->fd, &made) == 0 && lstat(backup->partial, &named) == 0 && same_file(&made, &named);
    if (is_ours && fsync(backup->fd) == 0 && rename_to_new(backup->partial, backup->path) == 0) {
        if (sync_folder(backup->path) == 0)
            return STORE_OK;
        unlink(backup->path);
    } else if (is_ours && errno == EEXIST) {
        return is_there(backup->path, err);
    }
    pawli_hint(err,
               pawli_fail(err, PAWL_EUNAVAIL, "cannot write the backup \"%.150s\": %s", backup->path,
                          is_ours ? strerror(errno) : "somebody else changed it meanwhile"),
               "check the disk, then try again");
    return STORE_UNAVAILABLE;
}

static enum store_result write_backup(struct backup *backup, struct reader *reader, pawl_error *err)
{
    int code = copy(backup, reader->connection);
    enum store_result result = code == SQLITE_OK ? pawli_sqlite_sync_seen(backup->store, err) : STORE_OK;
    if (code == SQLITE_OK)
        return result == STORE_OK ? publish(backup, err) : result;
    pawli_hint(
        err,
        pawli_fail(err, PAWL_EUNAVAIL, "cannot write the backup \"%.150s\": %s", backup->path, sqlite3_errstr(code)),
        "name a file in a folder that may be written to, with enough room");
    return (code & 0xFF) == SQLITE_FULL ? STORE_FULL : STORE_UNAVAILABLE;
}

enum store_result pawli_sqlite_backup(struct store *base, const char *path,
                                      void (*progress)(void *data, int left, int total), void *data, pawl_error *err)
{
    struct reader *reader;
    struct backup backup = {.store = (struct sqlite_store *)base, .path = path, .progress = progress, .data = data};
    PAWL_AUTO(pawli_freep) char *partial = backup.partial = pawli_sqlite_path(path, "-partial");
    if (!partial)
        return pawli_store_fail(err, STORE_NO_MEMORY);
    if (is_of_the_store(backup.store, path)) {
        pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%.150s\" is a file of the store itself", path),
                   "name a new file");
        return STORE_INVALID;
    }
    enum store_result result = pawli_sqlite_reader(base, &reader, err);
    if (result != STORE_OK)
        return result;
    result = make_file(&backup, err);
    if (result == STORE_OK) {
        result = write_backup(&backup, reader, err);
        if (result != STORE_OK)
            unlink(backup.partial);
        close(backup.fd);
    }
    pawli_sqlite_reader_done(base, reader);
    if (result == STORE_OK && progress)
        progress(data, 0, 1);
    return result;
}
