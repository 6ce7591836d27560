/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_HASTEN_H
#define PAWLI_HASTEN_H

#include "pawl/store.h"

/* What was put off because this sender of the target was not ready is due now, in commits of a bounded size. Whoever stops in
 * between leaves the rest due as it was; again is fine. */
int pawli_hasten(pawl_store *store, const char *target, const char *sender, pawl_error *err);

#endif
