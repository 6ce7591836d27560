/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_VFS_H
#define PAWLI_VFS_H

#include <sqlite3.h>

/* The name of a VFS that gathers contiguous writes in front of another (NULL: the default one). NULL: there is no such
 * VFS, or out of memory. */
const char *pawli_vfs_over(const char *real_name);

#endif
