/* SPDX-License-Identifier: MIT */
/* What a server says while it runs: a line on standard error for each notable thing. Any thread may say something. */
#ifndef PAWLI_LOG_H
#define PAWLI_LOG_H

#include <pthread.h>

#include "base/base.h"
#include "pawl/worker.h"

enum log_level { LOG_ACT, LOG_HEALED, LOG_LIFE, LOG_STEP };

#define LOG_KINDS 64

/* Lines of one kind about one queue: so many a minute, then a count. */
struct log_kind {
    uint64_t hash;
    int64_t minute;
    uint32_t lines, left_out;
    char name[24], target[64]; /* for the line that says how many were left out */
};

struct log {
    pthread_mutex_t lock;
    bool json;
    int level;      /* nothing above it is said */
    int64_t second; /* the current one, and how many lines it had */
    uint32_t lines, left_out;
    struct log_kind kinds[LOG_KINDS];
};

void log_init(struct log *log, bool json);
void log_done(struct log *log);
void log_say(struct log *log, enum log_level level, const char *what, const char *format, ...) PRINTF_LIKE(4, 5);
void log_event(struct log *log, const pawl_worker_event *event);

#endif
