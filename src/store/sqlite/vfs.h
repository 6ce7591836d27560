/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_VFS_H
#define PAWLI_VFS_H

#include <sqlite3.h>

#include "store/sqlite/guard.h"

/* A VFS that gathers contiguous writes in front of another: of one by name, or (NULL) of that of files.c. NULL: there is no
 * such VFS, or out of memory. */
sqlite3_vfs *pawli_vfs_over(const char *real_name, sqlite3_vfs **ret_real);

/* Of a log in front of which it stands: from here on the sync at the end of a commit is left to the caller, until he asks
 * whether there was one. Not on a device that may destroy what lies beside a write. */
void pawli_vfs_put_off(sqlite3_file *file);
bool pawli_vfs_was_put_off(sqlite3_file *file);

/* Keeps the log's index from whoever might open it, until it is opened again. EBUSY: somebody has it open. */
int pawli_index_close_to_others(struct database_file *file, int *ret_fd, pawl_error *err);
void pawli_index_open_to_others(struct database_file *file, int fd); /* fd -1: it was not closed */

void pawli_vfs_files(sqlite3_vfs *vfs, sqlite3_vfs *real); /* files.c; real: for what is no matter of files */

#endif
