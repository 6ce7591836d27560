/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_JOURNAL_RELAY_H
#define PAWLI_JOURNAL_RELAY_H

#include <stdbool.h>

#include "pawl/subscription.h"

/* Makes messages of what the subscriptions of the scope, or of all scopes, are behind with, as far as their queues have room. */
int pawli_relay_all(pawl_store *store, bool all_scopes, pawl_error *err);

#endif
