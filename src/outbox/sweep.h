/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_SWEEP_H
#define PAWLI_SWEEP_H

#include "pawl/message.h"

/* Settles claims that nobody holds any more, if a look finds one. */
int pawli_sweep_lost(pawl_store *store, pawl_error *err);

#endif
