/* SPDX-License-Identifier: MIT */
/* Random operations that the model says may be interesting, some of them wrong. */
#ifndef TESTS_MODEL_GENERATE_H
#define TESTS_MODEL_GENERATE_H

#include "model.h"
#include "random.h"

struct generator {
    struct random dice;
    int64_t processes;
    bool lasts;
    /* Drawn once for a run, so that runs differ: some have no keys, some hardly any claims. */
    uint64_t weights[OP_KINDS];
    uint64_t keyed, deduped, handed_over; /* per cent */
    int64_t favourite;                    /* the setting that is changed most */
};

void generator_init(struct generator *generator, uint64_t seed, int64_t processes, bool lasts);

/* The next operation behind those of the list. */
void generate(struct generator *generator, const struct model *model, const struct op_list *before, struct op *op);

#endif
