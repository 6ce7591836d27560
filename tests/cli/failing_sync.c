/* SPDX-License-Identifier: MIT */
/* Preloaded into the command: the n-th sync of a write-ahead log fails (FAIL_SYNC=n), as a disk does that lost its cache. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static int is_doomed(int fd)
{
    static int count;
    char link[64], path[4096];
    const char *n = getenv("FAIL_SYNC");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (!n || size < 4)
        return 0;
    path[size] = '\0';
    return strcmp(path + size - 4, "-wal") == 0 && ++count == atoi(n);
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (!is_doomed(fd))
        return real(fd);
    errno = EIO;
    return -1;
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}
