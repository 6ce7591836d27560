/* SPDX-License-Identifier: MIT */
#include "api/shape.h"

#include "api/api.h"
#include "base/codec.h"
#include "base/uuid.h"
#include "model/limits.h"

int pawli_shape_check(const struct shape *shape, struct text *json, pawl_error *err)
{
    const char *problem;
    size_t at;
    if (json->size > LIMIT_JSON)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ELIMIT, "%s is %zu bytes of JSON, the limit is %d", shape->name,
                                     json->size, LIMIT_JSON),
                          "store large data elsewhere and put a reference to it here");
    switch (pawli_json_check_holder(*json, &problem, &at)) { /* bodies are checked by themselves */
    case JSON_NO_MEMORY:
        return pawli_no_memory(err);
    case JSON_BAD:
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "this is not JSON: %s, at byte %zu", problem, at + 1),
                          "write %s as one JSON object", shape->name);
    case JSON_GOOD:
        break;
    }
    *json = pawli_json_trim(*json);
    if (pawli_json_type(*json) != JSON_OBJECT)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s must be a JSON object", shape->name),
                          "write it as {\"%s\": …, …}", shape->fields[0].name);
    return PAWL_OK;
}

static int wrong_type(const char *name, const char *wanted, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s must be %s", name, wanted),
                      "leave %s out when there is none", name);
}

int pawli_shape_string(const char *name, struct arena *arena, struct text value, struct text *text, pawl_error *err)
{
    if (pawli_json_type(value) != JSON_STRING)
        return wrong_type(name, "a string", err);
    *text = pawli_arena_text(arena, pawli_json_string(arena, value));
    if (!text->data)
        return pawli_no_memory(err);
    if (memchr(text->data, '\0', text->size))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s has a control character (NUL)", name),
                          "only bodies may have one: data, response");
    return PAWL_OK;
}

static int read_number(const struct field *field, struct text value, int64_t *number, pawl_error *err)
{
    int64_t max = field->min == 0 && field->max == 0 ? INT64_MAX - 1 : field->max;
    if (pawli_json_type(value) != JSON_NUMBER)
        return wrong_type(field->name, "a number", err);
    if (!pawli_json_i64(value, number) || *number < field->min || *number > max)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "%s is %.*s, outside its range", field->name,
                                     value.size > 40 ? 40 : (int)value.size, value.data),
                          "use a whole number, %lld to %lld", (long long)field->min, (long long)max);
    return PAWL_OK;
}

static int read_count(const struct field *field, struct text value, struct field_count *count, pawl_error *err)
{
    if (pawli_json_type(value) != JSON_NUMBER)
        return wrong_type(field->name, "a number", err);
    if (!pawli_json_u64(value, &count->value))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is outside its range", field->name),
                          "use a whole number, 0 to 18446744073709551615");
    count->given = true;
    return PAWL_OK;
}

/* Texts that stand for something else: ids, tokens, bytes. */
static int read_coded(const struct field *field, struct arena *arena, struct text value, void *into, pawl_error *err)
{
    struct text text;
    int status = pawli_shape_string(field->name, arena, value, &text, err);
    if (status < 0)
        return status;
    const char *wanted;
    switch (field->kind) {
    case FIELD_UUID:
        if (pawl_uuid_parse(text.data, into, NULL) == PAWL_OK)
            return PAWL_OK;
        wanted = "a UUID of 36 characters, not the nil one";
        break;
    case FIELD_TOKEN:
        ((struct field_count *)into)->given = true;
        if (pawli_api_token(text, &((struct field_count *)into)->value))
            return PAWL_OK;
        wanted = "1 to 20 digits";
        break;
    case FIELD_BASE64:
        if (pawli_unbase64(arena, text, into))
            return PAWL_OK;
        wanted = "base64 (RFC 4648, with padding)";
        break;
    default: {
        uint8_t *bytes = pawli_arena_alloc_raw(arena, text.size / 2 + 1);
        *(struct text *)into = (struct text){(const char *)bytes, text.size / 2};
        if (!bytes)
            return pawli_no_memory(err);
        if (text.size % 2 == 0 && pawli_unhex(text, bytes, text.size / 2))
            return PAWL_OK;
        wanted = "hex digits, two a byte";
        break;
    }
    }
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_EINVAL, "%s \"%.*s\" is malformed", field->name, (int)pawli_utf8_cut(text, 60), text.data),
        "write %s", wanted);
}

static int read_field(const struct field *field, struct arena *arena, struct text value, void *into, pawl_error *err)
{
    struct text text;
    int status;
    switch (field->kind) {
    case FIELD_STRING:
        status = pawli_shape_string(field->name, arena, value, &text, err);
        if (status == PAWL_OK)
            *(const char **)into = text.data;
        return status;
    case FIELD_NUMBER:
        return read_number(field, value, into, err);
    case FIELD_COUNT:
        return read_count(field, value, into, err);
    case FIELD_UUID:
    case FIELD_TOKEN:
    case FIELD_BASE64:
    case FIELD_HEX:
        return read_coded(field, arena, value, into, err);
    case FIELD_ARRAY:
        if (pawli_json_type(value) != JSON_ARRAY)
            return wrong_type(field->name, "an array", err);
        break;
    case FIELD_OBJECT:
        if (pawli_json_type(value) != JSON_OBJECT)
            return wrong_type(field->name, "an object", err);
        break;
    case FIELD_BOOL:
        if (pawli_json_type(value) != JSON_BOOL)
            return wrong_type(field->name, "true or false", err);
        *(bool *)into = text_is(value, "true");
        return PAWL_OK;
    case FIELD_JSON:
        break;
    }
    *(struct text *)into = value;
    return PAWL_OK;
}

static int unknown_field(const struct shape *shape, struct arena *arena, struct text name, pawl_error *err)
{
    struct text decoded = pawli_json_string(arena, name);
    char known[sizeof err->hint];
    struct buffer list;
    buffer_init_over(&list, known, sizeof known - 1);
    for (size_t i = 0; i < shape->count; i++) {
        if (list.size + strlen(shape->fields[i].name) + 24 > sizeof known) {
            pawli_buffer_add_string(&list, ", …");
            break;
        }
        pawli_buffer_add_string(&list, i ? ", " : "");
        pawli_buffer_add_string(&list, shape->fields[i].name);
    }
    int status = pawli_fail(err, PAWL_EINVAL, "%s has no field \"%.*s\"", shape->name, (int)pawli_utf8_cut(decoded, 60),
                            decoded.data);
    return pawli_hint(err, status, "there are: %.*s", (int)list.size, known);
}

int pawli_shape_read(const struct shape *shape, struct arena *arena, struct text json, void *into, pawl_error *err)
{
    struct text name, value;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        const struct field *field = NULL;
        for (size_t i = 0; i < shape->count && !field; i++)
            if (pawli_json_name_is(name, shape->fields[i].name))
                field = &shape->fields[i];
        int status = field ? read_field(field, arena, value, (char *)into + field->offset, err)
                           : unknown_field(shape, arena, name, err);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}
