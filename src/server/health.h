/* SPDX-License-Identifier: MIT */
/* /healthz: whether this process can do its work, and if not, why. */
#ifndef PAWLI_HEALTH_H
#define PAWLI_HEALTH_H

#include <stdatomic.h>

#include "pawl/store.h"
#include "server/server.h"

struct health {
    pawl_store *store;
    atomic_bool store_failed; /* a worker met a storage error: the process is about to end */
    atomic_bool
        write_failed; /* a write was refused (a full disk, a lock that never came free): tried again when asked */
};

const char *pawli_disk_text(int state); /* of enum pawl_disk: "refusing" */

/* 200 "ok", or 503 "failed" with reasons. */
void pawli_health_reply(struct health *health, struct server_reply *reply);

#endif
