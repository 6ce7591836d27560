/* SPDX-License-Identifier: MIT */
/* JSON, read without changing a byte of it. RFC 8259 with three strict rules: UTF-8, no duplicate names in an object, at
 * most JSON_DEPTH_MAX levels. A text is checked once; then values are slices of it, numbers as they were written. */
#ifndef PAWLI_JSON_H
#define PAWLI_JSON_H

#include "base/arena.h"
#include "base/buffer.h"

#define JSON_DEPTH_MAX 64

/* Checks the whole text. When it is not good JSON, *problem says why (a static sentence) and *at where. */
enum json_verdict { JSON_GOOD, JSON_BAD, JSON_NO_MEMORY };
enum json_verdict pawli_json_check(struct text text, const char **problem, size_t *at);

/* The same for a text that holds bodies some levels down (a stored trace, a line of input): it may be deeper than they. */
#define JSON_DEPTH_AROUND 8
enum json_verdict pawli_json_check_holder(struct text text, const char **problem, size_t *at);

/* Whether it is a good object ('{') or array ('['), which can then be walked. Want of memory fails the arena. */
bool pawli_json_is(struct text text, char bracket, struct arena *arena);

/* The rest works on checked text only. */
enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_type pawli_json_type(struct text value);

struct json_walk { /* over the members of an object or the items of an array */
    const char *at, *end;
};
struct json_walk pawli_json_walk(struct text value);                                   /* of an object or array */
bool pawli_json_member(struct json_walk *walk, struct text *name, struct text *value); /* name: with its quotes */
bool pawli_json_item(struct json_walk *walk, struct text *value);

struct text pawli_json_string(struct arena *arena,
                              struct text value);              /* decoded; a slice of value where nothing is escaped */
bool pawli_json_name_is(struct text name, const char *string); /* names with escapes are compared decoded */
bool pawli_json_i64(struct text value, int64_t *number);       /* whole numbers only, no fraction, no exponent */
bool pawli_json_u64(struct text value, uint64_t *number);
struct text pawli_json_trim(struct text text); /* without the white space around it */

/* Writing. */
void pawli_json_quote(struct buffer *out, struct text text);    /* text must be UTF-8 */
void pawli_json_compact(struct buffer *out, struct text value); /* without white space outside strings */

/* Writes one object or array member after the other, with the commas. */
struct json_writer {
    struct buffer *out;
    bool comma;
};
void pawli_json_open(struct json_writer *writer, char bracket); /* '{' or '[' */
void pawli_json_close(struct json_writer *writer, char bracket);
void pawli_json_key(struct json_writer *writer, const char *name);
void pawli_json_comma(struct json_writer *writer);                                         /* before an array item */
void pawli_json_put_text(struct json_writer *writer, const char *name, struct text value); /* left out when absent */
void pawli_json_put_string(struct json_writer *writer, const char *name, const char *value);
void pawli_json_put_i64(struct json_writer *writer, const char *name, int64_t value);
void pawli_json_put_u64(struct json_writer *writer, const char *name, uint64_t value);
void pawli_json_put_bool(struct json_writer *writer, const char *name, bool value);
void pawli_json_put_raw(struct json_writer *writer, const char *name, struct text json); /* compacted */

#endif
