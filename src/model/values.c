/* SPDX-License-Identifier: MIT */
/* Fields of rows as values, and back; the keys of rows. */
#include "base/json.h"
#include "model/check.h"
#include "model/columns.h"
#include "model/limits.h"

#define NUMBER_OF(type)                                                                                                \
    {                                                                                                                  \
        .width = sizeof(type)                                                                                          \
    }
#define NUMBER_OR(type, absent)                                                                                        \
    {                                                                                                                  \
        .width = sizeof(type), .has_null = true, .null = absent, .is_zero = absent == 0                                \
    }
const struct column_trait pawli_column_traits[COLUMN_KIND_COUNT] = {
    [COLUMN_U64] = NUMBER_OF(uint64_t),
    [COLUMN_U64_OR_NULL] = NUMBER_OR(uint64_t, 0),
    [COLUMN_U32] = NUMBER_OF(uint32_t),
    [COLUMN_U32_OR_NULL] = NUMBER_OR(uint32_t, 0),
    [COLUMN_BOOL] = NUMBER_OF(bool),
    [COLUMN_TIME] = NUMBER_OF(int64_t),
    [COLUMN_TIME_OR_NEVER] = NUMBER_OR(int64_t, INT64_MAX),
    [COLUMN_TIME_OR_NONE] = NUMBER_OR(int64_t, 0),
    [COLUMN_TEXT] = {.is_text = true, .is_zero = true},
    [COLUMN_BLOB] = {.is_zero = true},
    [COLUMN_UUID_OR_NULL] = {.is_zero = true},
    [COLUMN_JSON] = {.is_zero = true},
};

/* ---- objects: members are columns, of a few kinds ---- */

static struct text write_members(const struct form *form, const void *at, struct arena *arena)
{
    struct buffer buffer;
    bool has_any = false;
    if (form->is_kept && !form->is_kept(at))
        return (struct text){0};
    buffer_init(&buffer, 16 * LIMIT_ERROR_TEXT);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    for (const struct column *member = form->members; member < form->members + form->member_count; member++) {
        struct value value = pawli_column_get(member, at, arena);
        has_any |= value.type != VALUE_NULL;
        if (value.type == VALUE_NUMBER)
            pawli_json_put_i64(&writer, member->name, value.number);
        else
            pawli_json_put_text(&writer, member->name, value.bytes);
    }
    pawli_json_close(&writer, '}');
    arena->failed |= buffer.failed;
    struct text json = has_any ? pawli_arena_text(arena, buffer_text(&buffer)) : (struct text){0};
    pawli_buffer_done(&buffer);
    return json;
}

static const struct column *member_of(const struct form *form, struct text name)
{
    for (size_t i = 0; i < form->member_count; i++)
        if (pawli_json_name_is(name, form->members[i].name))
            return &form->members[i];
    return NULL;
}

/* An object has no name twice, and none that is not in the table; what is missing is absent. */
static bool parse_members(const struct form *form, struct text json, void *at, struct arena *arena)
{
    struct text name, item;
    uint64_t seen = 0;
    if (!pawli_json_is(json, '{', arena))
        return false;
    for (struct json_walk walk = pawli_json_walk(json); pawli_json_member(&walk, &name, &item);) {
        const struct column *member = member_of(form, name);
        struct value value = {.type = VALUE_NULL};
        if (pawli_json_i64(item, &value.number))
            value.type = VALUE_NUMBER;
        else if (pawli_json_type(item) == JSON_STRING)
            value = (struct value){.type = VALUE_TEXT, .bytes = pawli_json_string(arena, item)};
        if (!member || value.type == VALUE_NULL || !pawli_column_set(member, at, &value, arena))
            return false;
        seen |= UINT64_C(1) << (member - form->members);
    }
    for (size_t i = 0; i < form->member_count; i++)
        if (!(seen >> i & 1) && !pawli_column_set(&form->members[i], at, &(struct value){.type = VALUE_NULL}, arena))
            return false;
    return (!form->is_kept || form->is_kept(at)) && (!form->is_good || form->is_good(at));
}

static struct text write_form(const struct form *form, const void *at, struct arena *arena)
{
    return form->write ? form->write(at, arena) : write_members(form, at, arena);
}

static bool parse_form(const struct form *form, struct text json, void *at, struct arena *arena)
{
    return form->parse ? form->parse(json, at, arena) : parse_members(form, json, at, arena);
}

/* ---- out of a row ---- */

static inline struct text text_in(const void *field)
{
    return *(const struct text *)field;
}

/* Of a body or a bound key: whether it is kept as text. */
static bool is_text_by(const struct column *column, const void *row)
{
    const void *other = (const char *)row + column->other;
    return column->kind == COLUMN_BODY ? text_is(text_in(other), "application/json")
                                       : *(const uint32_t *)other == BOUND_DEDUPE;
}

/* Of two times of any size; wrapped around it comes back the same way. */
static int64_t before(int64_t time, int64_t other)
{
    return (int64_t)((uint64_t)time - (uint64_t)other);
}

static int64_t time_at(const struct column *column, const void *row)
{
    return *(const int64_t *)((const char *)row + column->other);
}

static struct value bytes_value(enum value_type type, struct text bytes)
{
    return (struct value){.type = bytes.data ? type : VALUE_NULL, .bytes = bytes};
}

static struct value number_value(const struct column_trait *trait, const void *field)
{
    int64_t number = number_in(field, trait->width);
    return (struct value){.type = trait->has_null && number == trait->null ? VALUE_NULL : VALUE_NUMBER,
                          .number = number};
}

static struct text decimal_text(const struct decimal *field, struct arena *arena)
{
    char text[DECIMAL_TEXT_MAX];
    return pawli_arena_text(arena, (struct text){text, pawli_decimal_format(pawli_decimal_trim(*field), text)});
}

struct value pawli_column_get(const struct column *column, const void *row, struct arena *arena)
{
    const struct column_trait *trait = &pawli_column_traits[column->kind];
    const void *field = (const char *)row + column->offset;
    if (trait->width)
        return number_value(trait, field);
    switch (column->kind) {
    case COLUMN_TIME_BEFORE:
        return (struct value){.type = VALUE_NUMBER, .number = before(time_at(column, row), *(const int64_t *)field)};
    case COLUMN_TEXT:
        return bytes_value(VALUE_TEXT, text_in(field));
    case COLUMN_TEXT_OR_EMPTY:
        return bytes_value(VALUE_TEXT, text_in(field).data ? text_in(field) : TEXT(""));
    case COLUMN_BLOB:
        return bytes_value(VALUE_BLOB, text_in(field));
    case COLUMN_BYTES:
        return bytes_value(VALUE_BLOB, (struct text){field, column->size});
    case COLUMN_UUID_OR_NULL:
        return bytes_value(VALUE_BLOB, (struct text){uuid_is_nil(field) ? NULL : field, sizeof(pawl_uuid)});
    case COLUMN_CONTENT_TYPE:
        return bytes_value(VALUE_TEXT, text_is(text_in(field), "application/json") ? (struct text){0} : text_in(field));
    case COLUMN_BODY:
    case COLUMN_BOUND_KEY:
        return bytes_value(is_text_by(column, row) ? VALUE_TEXT : VALUE_BLOB, text_in(field));
    case COLUMN_WORD:
        return bytes_value(VALUE_TEXT, text_of(column->words->text(*(const unsigned *)field)));
    case COLUMN_DECIMAL:
        return bytes_value(VALUE_TEXT, decimal_text(field, arena));
    case COLUMN_JSON:
        return bytes_value(VALUE_TEXT, write_form(column->form, field, arena));
    default:
        return (struct value){.type = VALUE_NULL};
    }
}

/* ---- into a row ---- */

static bool set_number(const struct column *column, const struct value *value, void *field)
{
    const struct column_trait *trait = &pawli_column_traits[column->kind];
    if (value->type == VALUE_NUMBER)
        return set_number_in(column, trait, field, value->number);
    if (trait->has_null && !trait->is_zero)
        *(int64_t *)field = trait->null;
    return trait->has_null && value->type == VALUE_NULL;
}

static bool set_bytes(const struct column *column, const struct value *value, enum value_type type, struct text *field,
                      struct arena *arena)
{
    if (value->type == VALUE_NULL)
        return !column->is_needed;
    if (value->type != type || (column->max && value->bytes.size > (uint64_t)column->max))
        return false;
    *field = pawli_arena_text(arena, value->bytes);
    return type == VALUE_BLOB || !column->is_good || !field->data || column->is_good(*field, arena);
}

static bool set_before(const struct column *column, void *row, const struct value *value)
{
    int64_t time = before(time_at(column, row), value->number);
    bool good = value->type == VALUE_NUMBER && time >= column->min && time <= column->max;
    if (good)
        *(int64_t *)((char *)row + column->offset) = time;
    return good;
}

static bool set_array(const struct value *value, void *field, size_t size)
{
    bool good = value->type == VALUE_BLOB && value->bytes.size == size;
    if (good)
        memcpy(field, value->bytes.data, size);
    return good;
}

static bool set_content_type(const struct value *value, struct text *field, struct arena *arena)
{
    *field = TEXT("application/json");
    if (value->type == VALUE_NULL)
        return true;
    if (value->type != VALUE_TEXT || pawli_check_content_type(value->bytes, NULL) < 0)
        return false;
    *field = pawli_arena_text(arena, value->bytes);
    return true;
}

/* As it is written, and no other way. */
static bool set_decimal(const struct value *value, struct decimal *field)
{
    char text[DECIMAL_TEXT_MAX];
    if (value->type != VALUE_TEXT || !pawli_decimal_parse(value->bytes, field))
        return false;
    size_t size = pawli_decimal_format(pawli_decimal_trim(*field), text);
    return text_equal(value->bytes, (struct text){text, size});
}

bool pawli_column_set(const struct column *column, void *row, const struct value *value, struct arena *arena)
{
    void *field = (char *)row + column->offset;
    if (pawli_column_traits[column->kind].width)
        return set_number(column, value, field);
    switch (column->kind) {
    case COLUMN_TIME_BEFORE:
        return set_before(column, row, value);
    case COLUMN_TEXT:
        return set_bytes(column, value, VALUE_TEXT, field, arena);
    case COLUMN_TEXT_OR_EMPTY:
        return value->type == VALUE_TEXT &&
               (value->bytes.size == 0 || set_bytes(column, value, VALUE_TEXT, field, arena));
    case COLUMN_BLOB:
        return set_bytes(column, value, VALUE_BLOB, field, arena);
    case COLUMN_BYTES:
        return set_array(value, field, column->size);
    case COLUMN_UUID_OR_NULL:
        return set_array(value, field, sizeof(pawl_uuid)) ? !uuid_is_nil(field) : value->type == VALUE_NULL;
    case COLUMN_CONTENT_TYPE:
        return set_content_type(value, field, arena);
    case COLUMN_BODY:
    case COLUMN_BOUND_KEY:
        return set_bytes(column, value, is_text_by(column, row) ? VALUE_TEXT : VALUE_BLOB, field, arena);
    case COLUMN_WORD:
        return column->words->parse(value->type == VALUE_TEXT ? value->bytes : (struct text){0}, field) &&
               (value->type == VALUE_TEXT || value->type == VALUE_NULL);
    case COLUMN_DECIMAL:
        return set_decimal(value, field);
    case COLUMN_JSON:
        return value->type == VALUE_NULL
                   ? !column->is_needed
                   : value->type == VALUE_TEXT && parse_form(column->form, value->bytes, field, arena);
    default:
        return true;
    }
}

/* ---- fields ---- */

static size_t field_size(const struct column *column)
{
    const struct column_trait *trait = &pawli_column_traits[column->kind];
    return trait->width                          ? trait->width
           : column->kind == COLUMN_BYTES        ? column->size
           : column->kind == COLUMN_JSON         ? column->form->size
           : column->kind == COLUMN_WORD         ? sizeof(unsigned)
           : column->kind == COLUMN_DECIMAL      ? sizeof(struct decimal)
           : column->kind == COLUMN_UUID_OR_NULL ? sizeof(pawl_uuid)
           : column->kind == COLUMN_TIME_BEFORE  ? sizeof(int64_t)
           : column->kind == COLUMN_SUM          ? 0
                                                 : sizeof(struct text);
}

struct text *pawli_column_text(const struct column *column, void *row)
{
    char *field = (char *)row + column->offset;
    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_OR_EMPTY:
    case COLUMN_BLOB:
    case COLUMN_CONTENT_TYPE:
    case COLUMN_BODY:
    case COLUMN_BOUND_KEY:
        return (struct text *)field;
    case COLUMN_JSON:
        return column->form->text ? (struct text *)(field + column->form->text) : NULL;
    default:
        return NULL;
    }
}

bool pawli_row_is_sound(enum row_kind kind, const void *row, struct arena *arena)
{
    const struct row_form *form = &pawli_rows[kind];
    union any_row read;
    memset(&read, 0, sizeof read);
    for (size_t c = 0; c < form->column_count; c++) {
        const struct column *column = &form->columns[c];
        if (column->kind == COLUMN_SUM)
            continue;
        const struct value value = pawli_column_get(column, row, arena);
        if (!pawli_column_set(column, &read, &value, arena))
            return false;
    }
    return !form->complete || form->complete(&read);
}

const struct column *pawli_next_key(enum row_kind kind, const struct column *last)
{
    const struct row_form *form = &pawli_rows[kind];
    const struct column *column = last ? last + 1 : form->columns, *end = form->columns + form->key_end;
    while (column < end && !column->is_key)
        column++;
    return column < end ? column : NULL;
}

static int compare_values(const struct value *a, const struct value *b)
{
    if (a->type == VALUE_NUMBER && b->type == VALUE_NUMBER)
        return (a->number > b->number) - (a->number < b->number);
    return a->type == b->type ? pawli_text_compare(a->bytes, b->bytes) : (int)a->type - (int)b->type;
}

int pawli_row_compare(enum row_kind kind, const void *a, const void *b, size_t but)
{
    int order = 0;
    for (const struct column *column = NULL; order == 0 && (column = pawli_next_key(kind, column));)
        if (column->offset != but) {
            struct value x = pawli_column_get(column, a, NULL), y = pawli_column_get(column, b, NULL);
            order = compare_values(&x, &y);
        }
    return order;
}

uint64_t pawli_row_hash(enum row_kind kind, const void *row, size_t but, uint64_t seed)
{
    for (const struct column *column = NULL; (column = pawli_next_key(kind, column));)
        if (column->offset != but) {
            struct value value = pawli_column_get(column, row, NULL);
            seed = value.type == VALUE_NUMBER ? pawli_hash_number(seed, (uint64_t)value.number)
                                              : pawli_hash_bytes(seed, value.bytes.data, value.bytes.size);
        }
    return seed;
}

void pawli_row_keep(enum row_kind kind, const void *row, void *kept)
{
    const struct row_form *form = &pawli_rows[kind];
    memset(kept, 0, form->size);
    for (const struct column *column = form->columns; column < form->columns + form->column_count; column++)
        memcpy((char *)kept + column->offset, (const char *)row + column->offset, field_size(column));
    if (form->complete)
        form->complete(kept);
}
