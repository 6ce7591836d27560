/* SPDX-License-Identifier: MIT */
/* Preloaded into the command: the n-th sync of a write-ahead log fails (FAIL_SYNC=n), as a disk does that lost its cache;
 * nothing can be written to one while a file is there (FULL_WHILE=path), as on a disk that is full; the n-th write to one is
 * not made, because the process is killed (KILL_WRITE=n; KILL_COUNT=path is a file that has a byte for each, so that processes
 * count together); so much of each disk is used as a file says, in percent (USED_PERCENT=path). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite(int fd, const void *data, size_t size, off_t at);
int fstatvfs(int fd, struct statvfs *facts);

static int is_log(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    return size >= 4 && memcmp(path + size - 4, "-wal", 4) == 0;
}

static int is_doomed(int fd)
{
    static int count;
    const char *n = getenv("FAIL_SYNC");
    return n && is_log(fd) && ++count == atoi(n);
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

static void may_die(void)
{
    const char *n = getenv("KILL_WRITE"), *path = getenv("KILL_COUNT");
    int fd = n && path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    if (write(fd, "", 1) == 1 && lseek(fd, 0, SEEK_CUR) == atoi(n))
        raise(SIGKILL);
    close(fd);
}

/* With 64 bits of offset, as everything here is built, the name that is called is another. */
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT,
                                                                                                            "pwrite64");
    const char *path = getenv("FULL_WHILE");
    if (!is_log(fd))
        return real(fd, data, size, at);
    may_die();
    if (!path || access(path, F_OK) != 0)
        return real(fd, data, size, at);
    errno = ENOSPC;
    return -1;
}

int fstatvfs(int fd, struct statvfs *facts)
{
    int (*real)(int, struct statvfs *) = (int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs64");
    const char *path = getenv("USED_PERCENT");
    FILE *file = path ? fopen(path, "r") : NULL;
    unsigned percent = 0;
    int result = real(fd, facts);
    if (file && fscanf(file, "%u", &percent) == 1)
        facts->f_bavail = facts->f_blocks / 100 * (100 - percent);
    if (file)
        fclose(file);
    return result;
}
