/* SPDX-License-Identifier: MIT */
/* What a server says while it runs: a line for each notable thing, on standard error or into a file. Any thread may say
 * something.
 *
 *   1  Trouble of one kind with one queue is said when it begins; what is the same is counted, and said again with the count
 *      every FOLD_LINES times, or when it comes to its end.
 *   2  So many lines a second, then a count: no trouble fills a disk.
 *   3  What the file does not take goes to standard error. */
#ifndef PAWLI_LOG_H
#define PAWLI_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/log_file.h"
#include "pawl/worker.h"

enum log_level { LOG_ACT, LOG_HEALED, LOG_LIFE, LOG_STEP };

#define LOG_KINDS     256
#define LOG_KINDS_SET 4 /* where a kind may be */
#define FOLD_LINES    60
#define FOLD_QUIET_MS 60000 /* after which the same is a new beginning */

/* Trouble of one kind with one queue, of one phase. */
struct log_kind {
    uint64_t hash; /* 0: free */
    int64_t last_ms;
    uint32_t left_out; /* since it was said last */
    int32_t level;
    char name[24], scope[129], lane[129], target[129], phase[8];
};

struct log {
    pthread_mutex_t lock;
    int64_t (*now_ms)(void);
    bool json;
    int level;      /* nothing above it is said */
    int64_t second; /* the current one, and how many lines it had */
    uint32_t lines, left_out;
    struct log_file file;
    _Atomic uint64_t lost; /* lines that the file did not take */
    uint64_t told_lost;    /* of these, that were told */
    bool file_failed;      /* with the last line */
    struct log_kind kinds[LOG_KINDS];
};

void log_init(struct log *log, bool json);
void log_done(struct log *log);
void log_say(struct log *log, enum log_level level, const char *what, const char *format, ...) PRINTF_LIKE(4, 5);
void log_event(struct log *log, const pawl_worker_event *event); /* folds what is trouble */
void log_tend(struct log *log); /* now and then: says the counts of what came to its end */

#endif
