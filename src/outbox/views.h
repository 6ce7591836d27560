/* SPDX-License-Identifier: MIT */
/* From rows to what the public headers show. */
#ifndef PAWLI_VIEWS_H
#define PAWLI_VIEWS_H

#include "commit/claim.h"
#include "pawl/message.h"

int pawli_messages_of_claim(struct text scope, const struct claim *claim, pawl_messages **ret_messages,
                            pawl_error *err);
void pawli_fill_queue_stats(const struct queue_item *item, pawl_queue_stats *stats); /* its texts stay the item's */

#endif
