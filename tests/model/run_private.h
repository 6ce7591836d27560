/* SPDX-License-Identifier: MIT */
#ifndef TESTS_MODEL_RUN_PRIVATE_H
#define TESTS_MODEL_RUN_PRIVATE_H

#include "run.h"

#define SCOPES 3 /* of POOL_SCOPE */

struct call;

struct run {
    const struct store_kind *kind;
    struct env *env;
    char folder[64], url[128];
    pawl_store *stores[MODEL_PROCESSES][SCOPES + 1];
    struct call *waiting; /* what was submitted with a callback, in order */
    size_t waiting_count;
    uint64_t minted, commits;
    char difference[500];
    struct model model;
};

/* Notes the first difference. Always false. */
bool run_differs(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is written shows the clocks to the store, whatever comes of it: called behind each call. */
void run_see_commits(struct run *run, int64_t process);

/* The id of what operation `op` made as its message `index`; twisted, as ops.def has it, it is nobody's, and *number 0. */
pawl_uuid run_id_of(struct run *run, int64_t op, int64_t index, int64_t twist, uint64_t *number);

/* Whether it was answered as the model says; of a call that is wrong by itself any of its wrongs may be named. */
bool run_same_status(struct run *run, const struct op *op, const char *call, int got, int expected);
bool run_same_wrong(struct run *run, const struct op *op, const char *call, int got, int wrong);

/* run_operate.c */
bool run_do_move(struct run *run, const struct op *op);
bool run_do_move_all(struct run *run, const struct op *op);
bool run_do_change(struct run *run, const struct op *op);

/* compare.c */
uint64_t number_of_id(const pawl_uuid *id);
bool compare_message(struct run *run, const pawl_message_view *view, uint64_t number);
bool compare_touched(struct run *run); /* what the model moved since it was asked last; learns ids and jittered times */
bool compare_all(struct run *run);
bool compare_whys(struct run *run); /* compare_why.c */
bool learn_id(struct run *run, uint64_t number, const pawl_uuid *id);

#endif
