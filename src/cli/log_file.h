/* SPDX-License-Identifier: MIT */
/* A log file that never grows beyond its limit: it is renamed to PATH.1, what had that name to PATH.2, and so on.
 *
 *   1  Before a line would make it larger than its limit it is rotated; one that is too large already, with the first line.
 *   2  At most so many archives are kept, and no more bytes in all, the file with its limit.
 *   3  What fails is counted and tried again; nobody is stopped by it, and nobody waits. */
#ifndef PAWLI_LOG_FILE_H
#define PAWLI_LOG_FILE_H

#include "base/base.h"

struct log_file {
    const char *path;  /* NULL: none */
    uint64_t size_max; /* bytes */
    uint64_t total_max;
    unsigned archives;
    int fd;           /* -1 */
    int64_t again_ms; /* after a failure: not before */
};

/* One line, whole or not at all as far as that can be. False: it is not there. One thread at a time. */
bool log_file_write(struct log_file *file, int64_t now_ms, struct text line);
void log_file_close(struct log_file *file);

#endif
