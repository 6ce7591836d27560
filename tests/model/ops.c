/* SPDX-License-Identifier: MIT */
/* Operations as lines of text, and back. */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

#include "pools.h"

/* What the number of a field is a place in. */
enum place_in {
    PLACE_IN_NUMBER = -4, /* nothing: it is what it is */
    PLACE_IN_BODY,
    PLACE_IN_VERDICT,
    PLACE_IN_OUTCOME,
    PLACE_IN_SCOPE = POOL_SCOPE,
    PLACE_IN_LANE = POOL_LANE,
    PLACE_IN_TARGET = POOL_TARGET,
    PLACE_IN_KEY = POOL_KEY,
    PLACE_IN_DEDUPE = POOL_DEDUPE,
    PLACE_IN_SENDER = POOL_SENDER,
    PLACE_IN_TYPE = POOL_TYPE,
    PLACE_IN_TOPIC = POOL_TOPIC,
    PLACE_IN_REF = POOL_REF,
    PLACE_IN_CONTENT_TYPE = POOL_CONTENT_TYPE,
    PLACE_IN_CONSUMER = POOL_CONSUMER,
    PLACE_IN_REASON = POOL_REASON,
    PLACE_IN_ACTOR = POOL_ACTOR,
    PLACE_IN_CODE = POOL_CODE,
    PLACE_IN_ERROR = POOL_ERROR,
    PLACE_IN_REMOTE = POOL_REMOTE,
    PLACE_IN_URL = POOL_URL,
    PLACE_IN_SECRET = POOL_SECRET
};

struct field {
    const char *name;
    size_t offset;
    int place_in;
};

#define KIND(name, text)
#define OP_FIELD(name, place)
#define MESSAGE_FIELD(name, place)
#define SETTLEMENT_FIELD(name, place)
#define EVENT_FIELD(name, place)
#define SETTING_FIELD(name, place)

static const char *const kinds[] = {
#undef KIND
#define KIND(name, text) [OP_##name] = text,
#include "ops.def"
#undef KIND
#define KIND(name, text)
};

static const struct field op_fields[] = {
#undef OP_FIELD
#define OP_FIELD(name, place) {#name, offsetof(struct op, name), PLACE_IN_##place},
#include "ops.def"
#undef OP_FIELD
#define OP_FIELD(name, place)
    {NULL, 0, 0}};

static const struct field message_fields[] = {
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name, place) {#name, offsetof(struct op_message, name), PLACE_IN_##place},
#include "ops.def"
#undef MESSAGE_FIELD
#define MESSAGE_FIELD(name, place)
    {NULL, 0, 0}};

static const struct field settlement_fields[] = {
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name, place) {#name, offsetof(struct op_settlement, name), PLACE_IN_##place},
#include "ops.def"
#undef SETTLEMENT_FIELD
#define SETTLEMENT_FIELD(name, place)
    {NULL, 0, 0}};

static const struct field event_fields[] = {
#undef EVENT_FIELD
#define EVENT_FIELD(name, place) {#name, offsetof(struct op_event, name), PLACE_IN_##place},
#include "ops.def"
#undef EVENT_FIELD
#define EVENT_FIELD(name, place)
    {NULL, 0, 0}};

static const struct field setting_fields[] = {
#undef SETTING_FIELD
#define SETTING_FIELD(name, place) {#name, offsetof(struct op_setting, name), PLACE_IN_##place},
#include "ops.def"
#undef SETTING_FIELD
#define SETTING_FIELD(name, place)
    {NULL, 0, 0}};

/* The kinds of items that an operation has, in the order in which they are printed. */
static const struct item_kind {
    const char *text;
    const struct field *fields;
    size_t items, item_size, count, max;
} item_kinds[] = {
    {"message", message_fields, offsetof(struct op, messages), sizeof(struct op_message),
     offsetof(struct op, message_count), MAX_MESSAGES},
    {"settlement", settlement_fields, offsetof(struct op, settlements), sizeof(struct op_settlement),
     offsetof(struct op, settlement_count), MAX_SETTLEMENTS},
    {"event", event_fields, offsetof(struct op, events), sizeof(struct op_event), offsetof(struct op, event_count),
     MAX_EVENTS},
    {"setting", setting_fields, offsetof(struct op, settings), sizeof(struct op_setting),
     offsetof(struct op, setting_count), MAX_SETTINGS},
};
#define ITEM_KINDS (sizeof item_kinds / sizeof *item_kinds)

size_t op_item_kinds(void)
{
    return ITEM_KINDS;
}

int64_t op_item_count(const struct op *op, size_t kind)
{
    int64_t count;
    memcpy(&count, (const char *)op + item_kinds[kind].count, sizeof count);
    return count;
}

void op_drop_item(struct op *op, size_t kind, int64_t item)
{
    const struct item_kind *k = &item_kinds[kind];
    int64_t count = op_item_count(op, kind) - 1;
    char *at = (char *)op + k->items + (size_t)item * k->item_size;
    memmove(at, at + k->item_size, (size_t)(count - item) * k->item_size);
    memset((char *)op + k->items + (size_t)count * k->item_size, 0, k->item_size);
    memcpy((char *)op + k->count, &count, sizeof count);
}

int64_t *op_optional_field(struct op *op, size_t index)
{
    size_t own = sizeof op_fields / sizeof *op_fields - 1;
    if (index < own)
        return (int64_t *)(void *)((char *)op + op_fields[index].offset);
    index -= own;
    for (size_t i = 0; i < ITEM_KINDS; i++) {
        size_t fields = 0;
        while (item_kinds[i].fields[fields].name)
            fields++;
        size_t all = fields * (size_t)op_item_count(op, i);
        if (index < all)
            return (int64_t *)(void *)((char *)op + item_kinds[i].items + index / fields * item_kinds[i].item_size +
                                       item_kinds[i].fields[index % fields].offset);
        index -= all;
    }
    return NULL;
}

const char *op_kind_text(enum op_kind kind)
{
    return kinds[kind];
}

static const char *text_at(int place_in, int64_t value)
{
    if (place_in == PLACE_IN_VERDICT || place_in == PLACE_IN_OUTCOME)
        return pawl_verdict_text((int)value);
    return place_in == PLACE_IN_NUMBER ? NULL
           : place_in == PLACE_IN_BODY ? pool_body(value)->data
                                       : pool_text((enum pool)place_in, value);
}

/* For the reader only: the beginning of what a number stands for, in one word. */
static void print_text(const char *text, FILE *out)
{
    if (text)
        fputc(':', out);
    for (size_t i = 0; text && text[i] && i < 24; i++)
        fputc(text[i] > ' ' && text[i] < 0x7F ? text[i] : '_', out);
}

static void print_fields(const void *item, const struct field *fields, FILE *out)
{
    for (; fields->name; fields++) {
        int64_t value;
        memcpy(&value, (const char *)item + fields->offset, sizeof value);
        if (value == 0 && fields->place_in != PLACE_IN_VERDICT)
            continue;
        fprintf(out, " %s=%lld", fields->name, (long long)value);
        print_text(text_at(fields->place_in, value), out);
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
