/* SPDX-License-Identifier: MIT */
/* Whole runs: random ones, ones of a list, and the smallest list that still shows a difference. */
#ifndef TESTS_MODEL_SHRINK_H
#define TESTS_MODEL_SHRINK_H

#include "run.h"

struct failure {
    char difference[500];
    struct op_list list; /* up to the operation that showed it */
};

/* Random operations on a fresh store. True: the store and the model agreed to the end. */
bool run_random(const struct store_kind *kind, uint64_t seed, size_t steps, enum model_mistake mistake,
                struct failure *failure);

/* The operations of a list on a fresh store. */
bool run_list(const struct store_kind *kind, uint64_t seed, enum model_mistake mistake, const struct op_list *list,
              struct failure *failure);

/* Leaves out operations, items and fields for as long as there is still a difference. */
void shrink(const struct store_kind *kind, uint64_t seed, enum model_mistake mistake, struct failure *failure);

#endif
