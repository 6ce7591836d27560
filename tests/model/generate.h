/* SPDX-License-Identifier: MIT */
/* Random operations that the model says may be interesting, some of them wrong. */
#ifndef TESTS_MODEL_GENERATE_H
#define TESTS_MODEL_GENERATE_H

#include "model.h"

struct generator {
    uint64_t state;
    int64_t processes;
    bool lasts;
};

/* The next operation behind those of the list. */
void generate(struct generator *generator, const struct model *model, const struct op_list *before, struct op *op);

#endif
