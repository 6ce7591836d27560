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
#define OP_FIELD(name, place)
#define MESSAGE_FIELD(name, place)
#define SETTLEMENT_FIELD(name, place)
#define EVENT_FIELD(name, place)
#define SETTING_FIELD(name, place)

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
#define MESSAGE_FIELD(name, place) int64_t name;
#include "ops.def"
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name, place)
};

struct op_settlement {
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name, place) int64_t name;
#include "ops.def"
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name, place)
};

struct op_event {
#undef EVENT_FIELD
#define EVENT_FIELD(name, place) int64_t name;
#include "ops.def"
#undef EVENT_FIELD
#define EVENT_FIELD(name, place)
};

struct op_setting {
#undef SETTING_FIELD
#define SETTING_FIELD(name, place) int64_t name;
#include "ops.def"
#undef SETTING_FIELD
#define SETTING_FIELD(name, place)
};

#define MAX_MESSAGES    4
#define MAX_SETTLEMENTS 4
#define MAX_EVENTS      3
#define MAX_SETTINGS    3
#define WAITING_ROOM    64 /* more than the messages of all that is submitted at once */

struct op {
    int64_t serial; /* its name, from 1; kept when others are cut away */
    enum op_kind kind;
#undef OP_FIELD
#define OP_FIELD(name, place) int64_t name;
#include "ops.def"
#undef OP_FIELD
#define OP_FIELD(name, place)
    struct op_message messages[MAX_MESSAGES];
    struct op_settlement settlements[MAX_SETTLEMENTS];
    struct op_event events[MAX_EVENTS];
    struct op_setting settings[MAX_SETTINGS];
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

/* For whoever makes an operation smaller: its items by kind, and all fields of it and its items, NULL behind the last. */
size_t op_item_kinds(void);
int64_t op_item_count(const struct op *op, size_t kind);
void op_drop_item(struct op *op, size_t kind, int64_t item);
int64_t *op_optional_field(struct op *op, size_t index);

/* Reads one line: a new operation, or an item of the last one. False: the line is neither. */
bool op_read_line(const char *line, struct op_list *list);

#endif
