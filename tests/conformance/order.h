/* SPDX-License-Identifier: MIT */
/* One piece of work for tests in which something fails: a transition that adds, consumes and emits, and so touches most
 * kinds of rows; and the question whether it was written, whole or not at all. */
#ifndef TESTS_CONFORMANCE_ORDER_H
#define TESTS_CONFORMANCE_ORDER_H

#include "conformance.h"

struct held prepare_order(struct world *w); /* what it consumes: claimed, and the head of a line */
int place_order(struct world *w, const struct held *held, pawl_receipt **ret_receipt);
bool is_order_written(struct world *w); /* and nothing in between */

/* Without faults: the one true answer, and effects once. */
void place_order_again(struct world *w, const struct held *held, bool was_written);

#endif
