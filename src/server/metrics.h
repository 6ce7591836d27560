/* SPDX-License-Identifier: MIT */
/* /metrics in Prometheus' text form: what this process committed, what waits in the store, and the process itself. */
#ifndef PAWLI_METRICS_H
#define PAWLI_METRICS_H

#include <stdatomic.h>

#include "pawl/worker.h"
#include "server/server.h"

struct metrics {
    pawl_store *store;                  /* pawl_metrics_start was called */
    pawl_worker *worker;                /* NULL: none */
    int64_t started_ms;                 /* Unix milliseconds */
    const _Atomic uint64_t *lost_lines; /* of the log; NULL: none is written */
};

void pawli_metrics_reply(const struct metrics *metrics, struct server_reply *reply);

#endif
