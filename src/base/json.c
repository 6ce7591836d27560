/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/map.h"

/* ---- checking ---- */

struct member { /* a name seen in an object that is still open */
    uint64_t hash;
    const char *name; /* at its opening quote */
    size_t size;      /* with both quotes */
};

struct checker {
    const char *at, *end;
    const char *problem;
    struct member *members; /* of all open objects, innermost last */
    size_t member_count, member_room;
    size_t frame[JSON_DEPTH_MAX + JSON_DEPTH_AROUND]; /* where the members of each open object begin */
    char closing[JSON_DEPTH_MAX + JSON_DEPTH_AROUND];
    unsigned depth, depth_max;
    bool no_memory;
};

static bool bad(struct checker *checker, const char *problem)
{
    checker->problem = problem;
    return false;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static int hex4(const char *at)
{
    uint8_t bytes[2];
    return pawli_unhex((struct text){at, 4}, bytes, 2) ? bytes[0] << 8 | bytes[1] : -1;
}

static bool check_escape(struct checker *checker)
{
    const char *at = checker->at; /* behind the backslash */
    if (at < checker->end && strchr("\"\\/bfnrt", *at) && *at != '\0') {
        checker->at++;
        return true;
    }
    if (checker->end - at < 5 || *at != 'u' || hex4(at + 1) < 0)
        return bad(checker, "a string has an escape that JSON does not know");
    int unit = hex4(at + 1);
    checker->at += 5;
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    at = checker->at;
    int low = unit < 0xDC00 && checker->end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return bad(checker, "a string has half of a surrogate pair");
    checker->at += 6;
    return true;
}

/* Whether one of eight characters is a quote, a backslash, a control character, or no ASCII. */
static bool has_special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"', escape = word ^ ones * '\\';
    uint64_t zero = (quote - ones) & ~quote, other = (escape - ones) & ~escape, control = word - ones * 0x20;
    return ((zero | other | control | word) & high) != 0;
}

/* To the next character that means something, or the end. *ascii stays true as long as only ASCII was passed. */
static const char *skip_plain(const char *at, const char *end, bool *ascii)
{
    for (uint64_t word;;) {
        while (end - at >= 8 && (memcpy(&word, at, 8), !has_special(word)))
            at += 8;
        const char *stop = end - at > 8 ? at + 8 : end;
        for (; at < stop; at++) {
            if (*at == '"' || *at == '\\' || (unsigned char)*at < 0x20)
                return at;
            *ascii &= (unsigned char)*at < 0x80;
        }
        if (at == end)
            return at;
    }
}

static bool check_string(struct checker *checker)
{
    const char *begin = ++checker->at; /* behind the quote */
    for (;;) {
        bool ascii = true;
        checker->at = skip_plain(checker->at, checker->end, &ascii);
        if (checker->at == checker->end)
            return bad(checker, "a string has no end");
        if ((unsigned char)*checker->at < 0x20)
            return bad(checker, "a string has a control character that is not escaped");
        if (!ascii && !pawli_utf8_valid((struct text){begin, (size_t)(checker->at - begin)}))
            return bad(checker, "a string is not UTF-8");
        char c = *checker->at++;
        if (c == '"')
            return true;
        if (!check_escape(checker))
            return false;
        begin = checker->at;
    }
}

static bool check_digits(struct checker *checker)
{
    const char *begin = checker->at;
    while (checker->at < checker->end && *checker->at >= '0' && *checker->at <= '9')
        checker->at++;
    return checker->at > begin;
}

static bool check_number(struct checker *checker)
{
    if (*checker->at == '-')
        checker->at++;
    bool zero = checker->at < checker->end && *checker->at == '0';
    const char *begin = checker->at;
    if (!check_digits(checker) || (zero && checker->at - begin > 1))
        return bad(checker, "a number is malformed");
    if (checker->at < checker->end && *checker->at == '.') {
        checker->at++;
        if (!check_digits(checker))
            return bad(checker, "a number is malformed");
    }
    if (checker->at < checker->end && (*checker->at == 'e' || *checker->at == 'E')) {
        checker->at++;
        if (checker->at < checker->end && (*checker->at == '+' || *checker->at == '-'))
            checker->at++;
        if (!check_digits(checker))
            return bad(checker, "a number is malformed");
    }
    return true;
}

static bool check_word(struct checker *checker, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(checker->end - checker->at) < size || memcmp(checker->at, word, size) != 0)
        return bad(checker, "not a JSON value");
    checker->at += size;
    return true;
}

/* Decodes one character of a checked string into at most 4 bytes; returns how many. */
static size_t decode_character(const char **in, char out[4])
{
    const char *at = *in;
    if (*at != '\\') {
        out[0] = *at;
        *in = at + 1;
        return 1;
    }
    *in = at + 2;
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *escape = strchr(escapes, at[1]);
    if (escape) {
        out[0] = meanings[escape - escapes];
        return 1;
    }
    uint32_t code = (uint32_t)hex4(at + 2);
    *in = at + 6;
    if (code >= 0xD800 && code <= 0xDBFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)hex4(at + 8) - 0xDC00);
        *in = at + 12;
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

struct decoder { /* the decoded characters of a quoted string, one byte at a time */
    const char *at, *end;
    char bytes[4];
    size_t used, count;
};

static struct decoder decoder_of(const char *quoted, size_t size)
{
    return (struct decoder){.at = quoted + 1, .end = quoted + size - 1};
}

static int decode_byte(struct decoder *decoder)
{
    if (decoder->used == decoder->count) {
        if (decoder->at == decoder->end)
            return -1;
        decoder->count = decode_character(&decoder->at, decoder->bytes);
        decoder->used = 0;
    }
    return (unsigned char)decoder->bytes[decoder->used++];
}

/* As the names mean, not as they are written. */
static int compare_names(const struct member *a, const struct member *b)
{
    struct decoder left = decoder_of(a->name, a->size), right = decoder_of(b->name, b->size);
    for (;;) {
        int x = decode_byte(&left), y = decode_byte(&right);
        if (x != y)
            return x < y ? -1 : 1;
        if (x < 0)
            return 0;
    }
}

static bool remember_name(struct checker *checker, const char *name, size_t size)
{
    if (checker->member_count == checker->member_room) {
        size_t room = checker->member_room ? checker->member_room * 2 : 64;
        struct member *grown = pawli_grow(checker->members, room * sizeof *grown);
        if (!grown) {
            checker->no_memory = true;
            return bad(checker, "out of memory");
        }
        checker->members = grown;
        checker->member_room = room;
    }
    uint64_t hash = 14695981039346656037u; /* FNV-1a over the decoded name */
    struct decoder decoder = decoder_of(name, size);
    for (int c = decode_byte(&decoder); c >= 0; c = decode_byte(&decoder))
        hash = (hash ^ (uint64_t)c) * 1099511628211u;
    checker->members[checker->member_count++] = (struct member){hash, name, size};
    return true;
}

/* By hash; then by name, so that names chosen to have one hash take no longer; then in the order of the text. */
static int by_name(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    int order = compare_names(x, y);
    return order ? order : (x->name > y->name) - (x->name < y->name);
}

static bool names_differ(struct checker *checker, size_t begin)
{
    struct member *members = checker->members + begin;
    size_t count = checker->member_count - begin;
    if (count > 1)
        qsort(members, count, sizeof *members, by_name);
    for (size_t i = 1; i < count; i++)
        if (members[i - 1].hash == members[i].hash && compare_names(&members[i - 1], &members[i]) == 0) {
            checker->at = members[i].name;
            return bad(checker, "an object has the same name twice");
        }
    checker->member_count = begin;
    return true;
}

static bool check_name(struct checker *checker)
{
    const char *name = checker->at;
    if (checker->at == checker->end || *checker->at != '"')
        return bad(checker, "an object needs a name in quotes here");
    if (!check_string(checker) || !remember_name(checker, name, (size_t)(checker->at - name)))
        return false;
    checker->at = skip_space(checker->at, checker->end);
    if (checker->at == checker->end || *checker->at != ':')
        return bad(checker, "a name needs a colon behind it");
    checker->at = skip_space(checker->at + 1, checker->end);
    return true;
}

/* One scalar, or the opening of an object or array. *opened tells which. */
static bool check_value(struct checker *checker, bool *opened)
{
    *opened = false;
    if (checker->at == checker->end)
        return bad(checker, "the text ends where a value is needed");
    switch (*checker->at) {
    case '"':
        return check_string(checker);
    case 't':
        return check_word(checker, "true");
    case 'f':
        return check_word(checker, "false");
    case 'n':
        return check_word(checker, "null");
    case '{':
    case '[':
        if (checker->depth == checker->depth_max)
            return bad(checker, "nested too deep, the limit is 64 levels");
        checker->frame[checker->depth] = checker->member_count;
        checker->closing[checker->depth++] = *checker->at++ == '{' ? '}' : ']';
        *opened = true;
        return true;
    default:
        if (*checker->at == '-' || (*checker->at >= '0' && *checker->at <= '9'))
            return check_number(checker);
        return bad(checker, "not a JSON value");
    }
}

static bool check_text(struct checker *checker)
{
    bool opened, first = false;
    checker->at = skip_space(checker->at, checker->end);
    if (!check_value(checker, &opened))
        return false;
    first = opened;
    while (checker->depth > 0) {
        checker->at = skip_space(checker->at, checker->end);
        char closing = checker->closing[checker->depth - 1];
        if (checker->at == checker->end)
            return bad(checker, closing == '}' ? "an object has no end" : "an array has no end");
        if (*checker->at == closing) {
            checker->at++;
            checker->depth--;
            if (closing == '}' && !names_differ(checker, checker->frame[checker->depth]))
                return false;
            first = false;
            continue;
        }
        if (!first) {
            if (*checker->at != ',')
                return bad(checker, "a comma is missing");
            checker->at = skip_space(checker->at + 1, checker->end);
        }
        if (closing == '}' && !check_name(checker))
            return false;
        if (!check_value(checker, &opened))
            return false;
        first = opened;
    }
    checker->at = skip_space(checker->at, checker->end);
    return checker->at == checker->end || bad(checker, "there is something behind the value");
}

static enum json_verdict check(struct text text, unsigned depth_max, const char **problem, size_t *at)
{
    if (!text.data)
        text.data = "";
    struct checker checker = {.at = text.data, .end = text.data + text.size, .depth_max = depth_max};
    bool good = check_text(&checker);
    pawli_free(checker.members);
    if (good)
        return JSON_GOOD;
    if (problem)
        *problem = checker.problem;
    if (at)
        *at = (size_t)(checker.at - text.data);
    return checker.no_memory ? JSON_NO_MEMORY : JSON_BAD;
}

enum json_verdict pawli_json_check(struct text text, const char **problem, size_t *at)
{
    return check(text, JSON_DEPTH_MAX, problem, at);
}

enum json_verdict pawli_json_check_holder(struct text text, const char **problem, size_t *at)
{
    return check(text, JSON_DEPTH_MAX + JSON_DEPTH_AROUND, problem, at);
}

bool pawli_json_is(struct text text, char bracket, struct arena *arena)
{
    if (text.size < 2 || text.data[0] != bracket)
        return false;
    enum json_verdict verdict = pawli_json_check(text, NULL, NULL);
    arena->failed |= verdict == JSON_NO_MEMORY;
    return verdict == JSON_GOOD;
}

/* ---- reading checked text ---- */

enum json_type pawli_json_type(struct text value)
{
    switch (value.data[0]) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NUMBER;
    }
}

/* A quote ends its string unless an odd number of backslashes stands before it; the one that begins it is none. */
static bool is_escaped(const char *quote)
{
    size_t count = 0;
    while (quote[-1 - (ptrdiff_t)count] == '\\')
        count++;
    return count % 2 == 1;
}

static const char *behind_string(const char *at, const char *end)
{
    do
        at = memchr(at + 1, '"', (size_t)(end - at - 1));
    while (is_escaped(at));
    return at + 1;
}

static const char *behind_value(const char *at, const char *end)
{
    if (*at == '"')
        return behind_string(at, end);
    if (*at != '{' && *at != '[') {
        while (at < end && !strchr(",]} \n\r\t", *at))
            at++;
        return at;
    }
    unsigned depth = 0;
    do {
        if (*at == '"') {
            at = behind_string(at, end);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    } while (depth > 0);
    return at;
}

struct text pawli_json_trim(struct text text)
{
    const char *end = text.data + text.size, *at = skip_space(text.data, end);
    while (end > at && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
        end--;
    return (struct text){at, (size_t)(end - at)};
}

struct json_walk pawli_json_walk(struct text value)
{
    value = pawli_json_trim(value);
    PAWL_ASSERT(value.data[0] == '{' || value.data[0] == '[');
    return (struct json_walk){value.data + 1, value.data + value.size - 1};
}

bool pawli_json_item(struct json_walk *walk, struct text *value)
{
    const char *at = skip_space(walk->at, walk->end);
    if (at < walk->end && *at == ',')
        at = skip_space(at + 1, walk->end);
    if (at >= walk->end)
        return false;
    const char *behind = behind_value(at, walk->end);
    *value = (struct text){at, (size_t)(behind - at)};
    walk->at = behind;
    return true;
}

bool pawli_json_member(struct json_walk *walk, struct text *name, struct text *value)
{
    if (!pawli_json_item(walk, name))
        return false;
    walk->at = skip_space(walk->at, walk->end) + 1; /* the colon */
    return pawli_json_item(walk, value);
}

struct text pawli_json_string(struct arena *arena, struct text value)
{
    PAWL_ASSERT(value.size >= 2 && value.data[0] == '"');
    if (!memchr(value.data, '\\', value.size))
        return (struct text){value.data + 1, value.size - 2};
    char *out = pawli_arena_alloc_raw(arena, value.size);
    if (!out)
        return (struct text){0};
    size_t size = 0;
    struct decoder decoder = decoder_of(value.data, value.size);
    for (int c = decode_byte(&decoder); c >= 0; c = decode_byte(&decoder))
        out[size++] = (char)c;
    return (struct text){out, size};
}

bool pawli_json_name_is(struct text name, const char *string)
{
    struct decoder decoder = decoder_of(name.data, name.size);
    for (; *string; string++)
        if (decode_byte(&decoder) != (unsigned char)*string)
            return false;
    return decode_byte(&decoder) < 0;
}

bool pawli_json_i64(struct text value, int64_t *number)
{
    return pawli_json_type(value) == JSON_NUMBER && pawli_parse_i64(value, number);
}

bool pawli_json_u64(struct text value, uint64_t *number)
{
    return pawli_json_type(value) == JSON_NUMBER && pawli_parse_u64(value, number);
}

/* ---- writing ---- */

void pawli_json_quote(struct buffer *out, struct text text)
{
    pawli_buffer_add_char(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        pawli_buffer_add(out, text.data + plain, i - plain);
        plain = i + 1;
        static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *escape = c ? strchr(escapes, c) : NULL;
        if (escape) {
            pawli_buffer_add_char(out, '\\');
            pawli_buffer_add_char(out, letters[escape - escapes]);
        } else {
            pawli_buffer_format(out, "\\u%04x", c);
        }
    }
    pawli_buffer_add(out, text.data + plain, text.size - plain);
    pawli_buffer_add_char(out, '"');
}

void pawli_json_compact(struct buffer *out, struct text value)
{
    const char *at = value.data, *end = value.data + value.size;
    while (at < end) {
        const char *space = skip_space(at, end);
        if (space > at) {
            at = space;
            continue;
        }
        const char *plain = at;
        while (at < end && *at != ' ' && *at != '\n' && *at != '\r' && *at != '\t')
            at = *at == '"' ? behind_string(at, end) : at + 1;
        pawli_buffer_add(out, plain, (size_t)(at - plain));
    }
}

void pawli_json_comma(struct json_writer *writer)
{
    if (writer->comma)
        pawli_buffer_add_char(writer->out, ',');
    writer->comma = true;
}

void pawli_json_open(struct json_writer *writer, char bracket)
{
    pawli_buffer_add_char(writer->out, bracket);
    writer->comma = false;
}

void pawli_json_close(struct json_writer *writer, char bracket)
{
    pawli_buffer_add_char(writer->out, bracket);
    writer->comma = true;
}

void pawli_json_key(struct json_writer *writer, const char *name)
{
    pawli_json_comma(writer);
    pawli_json_quote(writer->out, text_of(name));
    pawli_buffer_add_char(writer->out, ':');
}

void pawli_json_put_text(struct json_writer *writer, const char *name, struct text value)
{
    if (!value.data)
        return;
    pawli_json_key(writer, name);
    pawli_json_quote(writer->out, value);
}

void pawli_json_put_string(struct json_writer *writer, const char *name, const char *value)
{
    pawli_json_put_text(writer, name, text_of(value));
}

void pawli_json_put_i64(struct json_writer *writer, const char *name, int64_t value)
{
    pawli_json_key(writer, name);
    pawli_buffer_format(writer->out, "%lld", (long long)value);
}

void pawli_json_put_u64(struct json_writer *writer, const char *name, uint64_t value)
{
    pawli_json_key(writer, name);
    pawli_buffer_format(writer->out, "%llu", (unsigned long long)value);
}

void pawli_json_put_bool(struct json_writer *writer, const char *name, bool value)
{
    pawli_json_key(writer, name);
    pawli_buffer_add_string(writer->out, value ? "true" : "false");
}

void pawli_json_put_raw(struct json_writer *writer, const char *name, struct text json)
{
    pawli_json_key(writer, name);
    pawli_json_compact(writer->out, json);
}
