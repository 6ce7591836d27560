/* SPDX-License-Identifier: MIT */
/* Reading an object against a list of fields into a plain struct. */
#ifndef PAWLI_SHAPE_H
#define PAWLI_SHAPE_H

#include "base/arena.h"
#include "base/json.h"

/* What a field is, and what it is read into. */
enum field_kind {
    FIELD_STRING, /* const char *: without a NUL inside */
    FIELD_UUID,   /* pawl_uuid */
    FIELD_NUMBER, /* int64_t, min to max */
    FIELD_COUNT,  /* struct field_count: any whole number from 0 */
    FIELD_TOKEN,  /* struct field_count: a string of digits */
    FIELD_JSON,   /* struct text: any value, as it was written */
    FIELD_BASE64, /* struct text: decoded */
    FIELD_HEX,    /* struct text: decoded */
    FIELD_ARRAY,  /* struct text */
    FIELD_OBJECT, /* struct text */
    FIELD_BOOL    /* bool */
};

struct field_count {
    uint64_t value;
    bool given;
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    int64_t min, max; /* of a number; both 0: 0 to the greatest */
};

struct shape {
    const char *name; /* "a transition" */
    const struct field *fields;
    size_t count;
};

/* `json` was checked. */
int pawli_shape_read(const struct shape *shape, struct arena *arena, struct text json, void *into, pawl_error *err);

/* A string without a NUL inside, NUL behind it; `name` is said in the error. */
int pawli_shape_string(const char *name, struct arena *arena, struct text value, struct text *text, pawl_error *err);

/* Checks a text from outside, its size too, and that it is an object. */
int pawli_shape_check(const struct shape *shape, struct text *json, pawl_error *err);

#endif
