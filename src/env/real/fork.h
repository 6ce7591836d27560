/* SPDX-License-Identifier: MIT */
/* Descriptors whose locks a fork must not share. A byte lock of an open file description lives as long as anybody has the
 * description, and a child has all of them: one that only sleeps would keep the locks of a parent that died. */
#ifndef PAWLI_FORK_H
#define PAWLI_FORK_H

#include <stdbool.h>
#include <sys/types.h>

struct own_fd {
    int fd; /* -1: not open, or this is a child of the process that opened it */
    pid_t pid;
    struct own_fd *next, **at; /* the list of all */
};

/* Opens as openat does; a child of a fork gets its copy closed. False: errno says why. */
bool pawli_own_open(struct own_fd *own, int folder, const char *path, int flags, mode_t mode);

/* Drops all locks of the description by name, since a child may have it all the same, and closes it. */
void pawli_own_close(struct own_fd *own);

#endif
