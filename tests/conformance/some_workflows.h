/* SPDX-License-Identifier: MIT */
/* Workflows in every place where one may be, with what hangs on them, and all that can be done to them. */
#ifndef TESTS_SOME_WORKFLOWS_H
#define TESTS_SOME_WORKFLOWS_H

#include "pawl/pawl.h"

uint64_t add_workflows(pawl_store *store); /* the token of that which is claimed */

/* What these answer is of no interest. */
void look_at_workflows(pawl_store *store);
void use_workflows(pawl_store *store, uint64_t token);

#endif
