/* SPDX-License-Identifier: MIT */
/* Operations: what the property test does to a store and to the model. A list of them is all that a run consists of, so
 * that it can be printed, cut down and run again. What an operation refers to it names by the operation that made it: when
 * that one is cut away, the name stands for nothing, which is a legal call too. */
#ifndef TESTS_MODEL_OPS_H
#define TESTS_MODEL_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define KIND(name, text)
#define OP_FIELD(name)
#define MESSAGE_FIELD(name)
#define SETTLEMENT_FIELD(name)
#define EVENT_FIELD(name)
#define SETTING_FIELD(name)

enum op_kind {
#undef KIND
#define KIND(name, text) OP_##name,
#include "ops.def"
#undef KIND
#define KIND(name, text)
    OP_KINDS
};

struct op_message {
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name) int64_t name;
#include "ops.def"
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name)
};

struct op_settlement {
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name) int64_t name;
#include "ops.def"
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name)
};

struct op_event {
#undef EVENT_FIELD
#define EVENT_FIELD(name) int64_t name;
#include "ops.def"
#undef EVENT_FIELD
#define EVENT_FIELD(name)
};

struct op_setting {
#undef SETTING_FIELD
#define SETTING_FIELD(name) int64_t name;
#include "ops.def"
#undef SETTING_FIELD
#define SETTING_FIELD(name)
};

#define OP_MESSAGES    4
#define OP_SETTLEMENTS 4
#define OP_EVENTS      3
#define OP_SETTINGS    3

struct op {
    int64_t serial; /* its name, from 1; kept when others are cut away */
    enum op_kind kind;
#undef OP_FIELD
#define OP_FIELD(name) int64_t name;
#include "ops.def"
#undef OP_FIELD
#define OP_FIELD(name)
    struct op_message messages[OP_MESSAGES];
    struct op_settlement settlements[OP_SETTLEMENTS];
    struct op_event events[OP_EVENTS];
    struct op_setting settings[OP_SETTINGS];
    int64_t message_count, settlement_count, event_count, setting_count;
};

#undef KIND
#undef OP_FIELD
#undef MESSAGE_FIELD
#undef SETTLEMENT_FIELD
#undef EVENT_FIELD
#undef SETTING_FIELD

#define OPS_MAX 4000

struct op_list {
    size_t count;
    struct op ops[OPS_MAX];
};

const char *op_kind_text(enum op_kind kind);

/* A line per operation, and one below it for each of its items. What was printed can be read back. */
void op_print(const struct op *op, FILE *out);

/* Reads one line: a new operation, or an item of the last one. False: the line is neither. */
bool op_read_line(const char *line, struct op_list *list);

#endif
