/* SPDX-License-Identifier: MIT */
#include "model/headers.h"

#include "base/json.h"
#include "model/limits.h"

static struct text replace(struct text headers, struct text name, const struct text *value, struct arena *arena)
{
    struct buffer buffer;
    struct text other, text;
    buffer_init(&buffer, 8 * LIMIT_JSON);
    struct json_writer writer = {&buffer, false};
    struct json_walk walk = pawli_json_walk(headers.data ? headers : TEXT("{}"));
    size_t count = 0;
    pawli_json_open(&writer, '{');
    while (pawli_json_member(&walk, &other, &text)) {
        struct text plain = pawli_arena_text(arena, pawli_json_string(arena, other));
        int order = plain.data ? pawli_text_compare(plain, name) : 0;
        if (order > 0 && value) {
            pawli_json_put_text(&writer, name.data, *value);
            value = NULL;
            count++;
        }
        if (order != 0) {
            pawli_json_put_raw(&writer, plain.data, text);
            count++;
        }
    }
    if (value)
        pawli_json_put_text(&writer, name.data, *value);
    count += value != NULL;
    pawli_json_close(&writer, '}');
    arena->failed |= buffer.failed;
    struct text result = count ? pawli_arena_text(arena, buffer_text(&buffer)) : (struct text){0};
    pawli_buffer_done(&buffer);
    return result;
}

struct text pawli_headers_put(struct text headers, struct text name, struct text value, struct arena *arena)
{
    return replace(headers, name, &value, arena);
}

struct text pawli_headers_merge(struct text headers, struct text changes, struct arena *arena)
{
    struct text name, value;
    struct json_walk walk = pawli_json_walk(changes.data ? changes : TEXT("{}"));
    while (pawli_json_member(&walk, &name, &value)) {
        struct text plain = pawli_arena_text(arena, pawli_json_string(arena, name));
        struct text given = pawli_json_string(arena, value);
        if (!plain.data || !given.data)
            break;
        headers = replace(headers, plain, given.size ? &given : NULL, arena);
    }
    return headers;
}

size_t pawli_headers_count(struct text headers)
{
    struct text name, value;
    size_t count = 0;
    struct json_walk walk = pawli_json_walk(headers.data ? headers : TEXT("{}"));
    while (pawli_json_member(&walk, &name, &value))
        count++;
    return count;
}
