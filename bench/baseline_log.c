/* SPDX-License-Identifier: MIT */
/* The bare log: records appended to a preallocated file, one fdatasync for each batch. No index, no order, no reader. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define LOG_SIZE    ((off_t)64 * 1024 * 1024)
#define RECORD_SIZE 512

static int failed(pawl_error *err, const char *what)
{
    *err = (pawl_error){.status = PAWL_EIO};
    snprintf(err->text, sizeof err->text, "%s: %s", what, strerror(errno));
    return PAWL_EIO;
}

static int preallocate(int fd)
{
    static const char zeros[65536];
    for (off_t at = 0; at < LOG_SIZE; at += (off_t)sizeof zeros)
        if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros)
            return -1;
    return fdatasync(fd);
}

int baseline_log(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    char path[512];
    size_t size = (size_t) * (const int *)data * RECORD_SIZE;
    bench_path(bench, "log", path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char *batch = calloc(1, size);
    if (fd < 0 || !batch || preallocate(fd) < 0) {
        free(batch);
        return failed(err, "the bare log");
    }
    double begin = bench_now(), end;
    uint64_t records = 0;
    off_t at = 0;
    do {
        if (pwrite(fd, batch, size, at) != (ssize_t)size || fdatasync(fd) < 0)
            break;
        records += size / RECORD_SIZE;
        at = at + 2 * (off_t)size > LOG_SIZE ? 0 : at + (off_t)size;
        end = bench_now();
    } while (end - begin < bench->seconds);
    figure->rate = (double)records / (bench_now() - begin);
    close(fd);
    unlink(path);
    free(batch);
    return PAWL_OK;
}
