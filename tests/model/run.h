/* SPDX-License-Identifier: MIT */
/* A run: operations done to a store through the public API and to the model, every answer and all that can be seen
 * compared. */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include "model.h"

struct store_kind {
    const char *name, *url; /* of a folder where it has %s */
    int64_t processes;      /* that may share it */
    bool lasts;             /* longer than its handles */
};
extern const struct store_kind store_kinds[];
extern const size_t store_kind_count;

struct run;

struct run *run_new(const struct store_kind *kind, uint64_t seed, enum model_mistake mistake);
void run_free(struct run *run);
struct model *run_model(struct run *run);
const struct store_kind *run_kind(const struct run *run);

/* False: the store and the model differ; run_difference says how. Nothing may be done to the run then. */
bool run_op(struct run *run, const struct op *op);
bool run_finish(struct run *run); /* answers what was submitted, and compares everything */
const char *run_difference(const struct run *run);

/* How often which status was answered, over all runs. */
extern uint64_t run_answers[OP_KINDS][PAWL_STATUS_COUNT];
extern uint64_t run_results[PAWL_RESULT_COUNT];

#endif
