/* SPDX-License-Identifier: MIT */
/* Where a file of a store is, and how it is opened: by its name in a folder that is held open, so that it does not matter
 * what becomes of the folder's path meanwhile. One rule for all of them:
 *
 *   1  Never through a link: what stands in place of a file is refused, not followed.
 *   2  Mode, owner and group are those of the database (`like`); of a new database nobody else may read.
 *   3  Never descriptor 0, 1 or 2: what a program prints must not end up in a store.
 *   4  POSIX drops the record locks of a whole process on a file when any of its descriptors is closed. While this process
 *      holds such locks (another SQLite's, for pawl takes none), a descriptor is kept for the next opening instead.
 *   5  The child of a fork has none of them, so that no lock outlives who took it. */
#ifndef PAWLI_FILE_H
#define PAWLI_FILE_H

#include <sys/types.h>

#include "base/base.h"

struct file_at {
    int folder;       /* AT_FDCWD: the name is a path */
    const char *name; /* in the folder */
    const char *path; /* as people call it */
    int like;         /* a descriptor of the database; -1: the file is one of its own */
    bool is_shared;   /* another SQLite of this process may lock it */
};

/* Of a file system; free: to those who are not root. */
struct file_room {
    uint64_t size, free; /* bytes */
};

struct file_facts {
    dev_t device;
    ino_t inode;
    nlink_t links;
    off_t size;
};

/* What a file is that is there by its name in a folder, not through a link; name "": what the descriptor is. 0, or -errno.
 * For what is asked with each commit, since it leaves the times alone: Linux from 6.13 on (multigrain timestamps) lets the next
 * write of a file whose times were asked put down new ones, and that write waits for the journal of the file system. */
int pawli_file_look(int folder, const char *name, struct file_facts *facts);

int pawli_file_open(const struct file_at *at, int flags);                  /* of open(2); a descriptor, or -errno */
int pawli_file_fail(const struct file_at *at, int error, pawl_error *err); /* a status */

/* And gives up its locks, by name. `forks` as it was when it was opened: what a parent opened is closed already in its child,
 * and its number may be another's. A negative one: nothing. */
void pawli_file_close(int fd, unsigned forks);
void pawli_file_liken(int fd, int like); /* the second rule, for a file that was made otherwise; -1: to nothing */
bool pawli_file_is_held(int fd);         /* whether it is one of a store's that this process has open */
unsigned pawli_file_forks(void);         /* so many forks lie behind this process */

#endif
