/* SPDX-License-Identifier: MIT */
#include "cli/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN_MS 1000 /* after a failure */

static const char *archive(const struct log_file *file, unsigned n, char path[PATH_MAX])
{
    int size = n ? snprintf(path, PATH_MAX, "%s.%u", file->path, n) : snprintf(path, PATH_MAX, "%s", file->path);
    return size < PATH_MAX ? path : "";
}

void log_file_close(struct log_file *file)
{
    if (file->path && file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

/* A pipe or a device has no end to be renamed at, and may block. */
static bool open_file(struct log_file *file)
{
    struct stat facts;
    file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (file->fd >= 0 && (fstat(file->fd, &facts) != 0 || !S_ISREG(facts.st_mode)))
        log_file_close(file);
    return file->fd >= 0;
}

/* Whether the path is still that of the file: somebody may have taken it away. */
static bool is_current(const struct log_file *file, struct stat *facts)
{
    struct stat there;
    return file->fd >= 0 && fstat(file->fd, facts) == 0 && stat(file->path, &there) == 0 &&
           facts->st_dev == there.st_dev && facts->st_ino == there.st_ino;
}

/* Those that are too many, then the oldest of those that are too large in all. */
static void purge(const struct log_file *file)
{
    char path[PATH_MAX];
    struct stat facts;
    uint64_t total = file->size_max;
    bool is_over = false;
    for (unsigned n = 1; stat(archive(file, n, path), &facts) == 0; n++) {
        total += (uint64_t)facts.st_size;
        is_over |= n > file->archives || (file->total_max && total > file->total_max);
        if (is_over)
            unlink(path);
    }
}

static bool rotate(struct log_file *file)
{
    char from[PATH_MAX], to[PATH_MAX];
    bool moved = true;
    for (unsigned n = file->archives; n > 1; n--)
        if (rename(archive(file, n - 1, from), archive(file, n, to)) != 0 && errno != ENOENT)
            return false;
    if (file->archives == 0)
        moved = unlink(file->path) == 0;
    else
        moved = rename(file->path, archive(file, 1, to)) == 0;
    log_file_close(file);
    purge(file);
    return moved && open_file(file);
}

static bool make_room(struct log_file *file, size_t size)
{
    struct stat facts;
    if (!is_current(file, &facts)) {
        log_file_close(file);
        if (!open_file(file) || fstat(file->fd, &facts) != 0)
            return false;
    }
    return facts.st_size == 0 || (uint64_t)facts.st_size + size <= file->size_max || rotate(file);
}

bool log_file_write(struct log_file *file, int64_t now_ms, struct text line)
{
    if (now_ms < file->again_ms && now_ms > file->again_ms - AGAIN_MS) /* or the clock was set */
        return false;
    if (make_room(file, line.size) && write(file->fd, line.data, line.size) == (ssize_t)line.size)
        return true;
    log_file_close(file);
    file->again_ms = now_ms + AGAIN_MS;
    return false;
}
