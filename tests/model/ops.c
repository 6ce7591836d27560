/* SPDX-License-Identifier: MIT */
/* Operations as lines of text, and back. */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

struct field {
    const char *name;
    size_t offset;
};

#define KIND(name, text)
#define OP_FIELD(name)
#define MESSAGE_FIELD(name)
#define SETTLEMENT_FIELD(name)
#define EVENT_FIELD(name)
#define SETTING_FIELD(name)

static const char *const kinds[] = {
#undef KIND
#define KIND(name, text) [OP_##name] = text,
#include "ops.def"
#undef KIND
#define KIND(name, text)
};

static const struct field op_fields[] = {
#undef OP_FIELD
#define OP_FIELD(name) {#name, offsetof(struct op, name)},
#include "ops.def"
#undef OP_FIELD
#define OP_FIELD(name)
    {NULL, 0}};

static const struct field message_fields[] = {
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name) {#name, offsetof(struct op_message, name)},
#include "ops.def"
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name)
    {NULL, 0}};

static const struct field settlement_fields[] = {
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name) {#name, offsetof(struct op_settlement, name)},
#include "ops.def"
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name)
    {NULL, 0}};

static const struct field event_fields[] = {
#undef EVENT_FIELD
#define EVENT_FIELD(name) {#name, offsetof(struct op_event, name)},
#include "ops.def"
#undef EVENT_FIELD
#define EVENT_FIELD(name)
    {NULL, 0}};

static const struct field setting_fields[] = {
#undef SETTING_FIELD
#define SETTING_FIELD(name) {#name, offsetof(struct op_setting, name)},
#include "ops.def"
#undef SETTING_FIELD
#define SETTING_FIELD(name)
    {NULL, 0}};

/* The kinds of items that an operation has, in the order in which they are printed. */
static const struct item_kind {
    const char *text;
    const struct field *fields;
    size_t items, item_size, count, max;
} item_kinds[] = {
    {"message", message_fields, offsetof(struct op, messages), sizeof(struct op_message),
     offsetof(struct op, message_count), OP_MESSAGES},
    {"settlement", settlement_fields, offsetof(struct op, settlements), sizeof(struct op_settlement),
     offsetof(struct op, settlement_count), OP_SETTLEMENTS},
    {"event", event_fields, offsetof(struct op, events), sizeof(struct op_event), offsetof(struct op, event_count),
     OP_EVENTS},
    {"setting", setting_fields, offsetof(struct op, settings), sizeof(struct op_setting),
     offsetof(struct op, setting_count), OP_SETTINGS},
};
#define ITEM_KINDS (sizeof item_kinds / sizeof *item_kinds)

const char *op_kind_text(enum op_kind kind)
{
    return kinds[kind];
}

static void print_fields(const void *item, const struct field *fields, FILE *out)
{
    for (; fields->name; fields++) {
        int64_t value;
        memcpy(&value, (const char *)item + fields->offset, sizeof value);
        if (value)
            fprintf(out, " %s=%lld", fields->name, (long long)value);
    }
    fputc('\n', out);
}

void op_print(const struct op *op, FILE *out)
{
    fprintf(out, "%lld %s", (long long)op->serial, kinds[op->kind]);
    print_fields(op, op_fields, out);
    for (size_t i = 0; i < ITEM_KINDS; i++) {
        const struct item_kind *kind = &item_kinds[i];
        int64_t count;
        memcpy(&count, (const char *)op + kind->count, sizeof count);
        for (int64_t j = 0; j < count; j++) {
            fprintf(out, "  %s", kind->text);
            print_fields((const char *)op + kind->items + (size_t)j * kind->item_size, kind->fields, out);
        }
    }
}

static bool read_field(const char *word, void *item, const struct field *fields)
{
    const char *equals = strchr(word, '=');
    if (!equals)
        return false;
    for (; fields->name; fields++)
        if (strlen(fields->name) == (size_t)(equals - word) && strncmp(word, fields->name, strlen(fields->name)) == 0) {
            int64_t value = strtoll(equals + 1, NULL, 10);
            memcpy((char *)item + fields->offset, &value, sizeof value);
            return true;
        }
    return false;
}

static bool read_item(const char *word, char **rest, struct op *op)
{
    for (size_t i = 0; i < ITEM_KINDS; i++) {
        const struct item_kind *kind = &item_kinds[i];
        int64_t count;
        if (strcmp(word, kind->text) != 0)
            continue;
        memcpy(&count, (char *)op + kind->count, sizeof count);
        if (count == (int64_t)kind->max)
            return false;
        void *item = (char *)op + kind->items + (size_t)count * kind->item_size;
        for (const char *field; (field = strtok_r(NULL, " \n", rest)) != NULL;)
            if (!read_field(field, item, kind->fields))
                return false;
        count++;
        memcpy((char *)op + kind->count, &count, sizeof count);
        return true;
    }
    return false;
}

static bool read_op(const char *word, char **rest, struct op_list *list)
{
    struct op op = {.serial = strtoll(word, NULL, 10), .kind = OP_KINDS};
    const char *text = strtok_r(NULL, " \n", rest);
    for (int kind = 0; text && kind < OP_KINDS; kind++)
        if (strcmp(text, kinds[kind]) == 0)
            op.kind = (enum op_kind)kind;
    if (op.serial <= 0 || op.kind == OP_KINDS || list->count == OPS_MAX)
        return false;
    for (const char *field; (field = strtok_r(NULL, " \n", rest)) != NULL;)
        if (!read_field(field, &op, op_fields))
            return false;
    list->ops[list->count++] = op;
    return true;
}

bool op_read_line(const char *line, struct op_list *list)
{
    char copy[2000], *rest;
    snprintf(copy, sizeof copy, "%s", line);
    const char *word = strtok_r(copy, " \n", &rest);
    if (!word)
        return false;
    if (line[0] != ' ')
        return read_op(word, &rest, list);
    return list->count > 0 && read_item(word, &rest, &list->ops[list->count - 1]);
}
