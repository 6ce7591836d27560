/* SPDX-License-Identifier: MIT */
/* A store's files, and whether they still are what they were. */
#ifndef PAWLI_GUARD_H
#define PAWLI_GUARD_H

#include <sys/types.h>

#include "env/file.h"

enum store_file {
    FILE_DATABASE,
    FILE_LOG,
    FILE_INDEX, /* of the log: SQLite's shared memory */
    FILE_ANCHOR,
    FILE_GATE,
    FILE_GUARDED, /* those before are looked at again and again */
    FILE_BELL = FILE_GUARDED,
    FILE_JOURNAL, /* SQLite's, while it puts a new database into WAL mode */
    FILE_OLD_LOG, /* one that did not belong to the database */
    FILE_COUNT
};

/* What this process has mapped of the log's index. It can be cut only while somebody has it mapped: who maps it as the first of
 * all begins it anew. */
struct mapped_index {
    unsigned maps, epoch; /* one epoch ends when nobody here has it mapped any more */
    off_t size;           /* by whoever mapped most */
};

/* One per database file in this process, shared by all handles on it. After a storage error the file is poisoned: what a
 * page cache says is no longer what a disk has (an error of fsync is reported once), so nobody answers from it again. */
struct database_file {
    struct database_file *next;
    char *key; /* absolute path */
    unsigned handles;
    _Atomic bool poisoned;
    _Atomic(const char *) gone; /* what became of its files; NULL: nothing, or another reason */

    /* Closed under a VFS of the caller's own, whose files we know nothing of: folder AT_FDCWD, database -1. */
    int folder, database;
    unsigned forks;
    struct file_facts folder_is, files[FILE_GUARDED]; /* all zero: not opened yet */
    struct mapped_index index;
    char *paths[FILE_COUNT];
};

struct database_file *pawli_database_use(const char *path);
void pawli_database_leave(struct database_file *file);
struct file_at pawli_database_at(const struct database_file *file, enum store_file what);

/* Which file of which store has this path; NULL: none that is open. The caller's call is on behalf of one that is. */
struct database_file *pawli_database_find(const char *path, enum store_file *ret_what);

/* Holds the folder and the database; refuses links in place of any of its files, and somebody else's database. Nothing else
 * is made or altered. */
int pawli_guard_open(struct database_file *file, bool create, pawl_error *err);

/* Says with a lock on the database itself that it is open under this gate. Refused while it is open under another one, or
 * while another database is open under this one. */
int pawli_guard_enter(struct database_file *file, bool gate_is_open, pawl_error *err);

/* A descriptor of it was opened. False: it is not the file that was there when the store was opened. */
bool pawli_guard_admit(struct database_file *file, enum store_file what, int fd);

/* Before SQLite opens anything here: the log that was looked at may be gone by then, since another program that had the
 * database open was the last to close it. */
void pawli_guard_forget_log(struct database_file *file);

/* A connection has mapped so much of the index. When it unmaps it says so before its locks are dropped. */
void pawli_guard_map(struct database_file *file, bool is_first, off_t size);
void pawli_guard_unmap(struct database_file *file);

/* Asked once a sync is over, and before SQLite looks at the index again: a sync takes as long as all the rest. */
bool pawli_guard_index_is_whole(const struct database_file *file);

/* What became of the files; NULL: they are what they were. Some system calls, no lock that is waited for. */
const char *pawli_guard_look(struct database_file *file);

#endif
