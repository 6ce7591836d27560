/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_OUTBOX_SWEEP_H
#define PAWLI_OUTBOX_SWEEP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "env/env.h"
#include "pawl/message.h"

/* Settles claims that nobody holds any more, if a look finds one; when the next one may end. */
int pawli_sweep_lost(pawl_store *store, struct boot_time *ret_next, pawl_error *err);

/* As pawl_sweep; ends early, with what it did until then, once *shall_end is set. */
int pawli_sweep(pawl_store *store, const _Atomic bool *shall_end, pawl_swept *ret_swept, pawl_error *err);

#endif
