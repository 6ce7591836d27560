/* SPDX-License-Identifier: MIT */
/* Everything that a store answers to readers, as text: two stores that went through the same must say the same. */
#ifndef TESTS_CONFORMANCE_DUMP_H
#define TESTS_CONFORMANCE_DUMP_H

#include "conformance.h"

void dump_store(struct world *w, FILE *out);

#endif
