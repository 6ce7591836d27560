/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_SWEEP_H
#define PAWLI_SWEEP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "pawl/message.h"

/* Settles claims that nobody holds any more, if a look finds one. */
int pawli_sweep_lost(pawl_store *store, pawl_error *err);

/* As pawl_sweep; ends early, with what it did until then, once *shall_end is set. */
int pawli_sweep(pawl_store *store, const _Atomic bool *shall_end, pawl_swept *ret_swept, pawl_error *err);

#endif
