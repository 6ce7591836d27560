/* SPDX-License-Identifier: MIT */
#include "model/urls.h"

#include "base/json.h"
#include "model/check.h"
#include "model/limits.h"

bool pawli_urls_check(struct text json, struct arena *arena)
{
    struct text item;
    size_t count = 0;
    if (!pawli_json_is(json, '[', arena))
        return false;
    struct json_walk walk = pawli_json_walk(json);
    for (; pawli_json_item(&walk, &item); count++) {
        struct text url = pawli_json_type(item) == JSON_STRING ? pawli_json_string(arena, item) : (struct text){0};
        if (url.size == 0 || pawli_check_text("", url, LIMIT_URL, NULL) != PAWL_OK)
            return false;
    }
    return count > 0 && count <= LIMIT_URLS;
}

struct text pawli_urls_of(const char *const *urls, size_t count, struct arena *arena)
{
    struct buffer buffer;
    if (count == 0)
        return (struct text){0};
    buffer_init(&buffer, LIMIT_JSON);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '[');
    for (size_t i = 0; i < count; i++) {
        pawli_json_comma(&writer);
        pawli_json_quote(&buffer, text_of(urls[i]));
    }
    pawli_json_close(&writer, ']');
    arena->failed |= buffer.failed;
    struct text json = pawli_arena_text(arena, buffer_text(&buffer));
    pawli_buffer_done(&buffer);
    return json;
}

size_t pawli_urls_list(struct text urls, struct text *list, struct arena *arena)
{
    struct text item;
    size_t count = 0;
    struct json_walk walk = pawli_json_walk(urls.data ? urls : TEXT("[]"));
    while (count < LIMIT_URLS && pawli_json_item(&walk, &item))
        list[count++] = pawli_arena_text(arena, pawli_json_string(arena, item)); /* ends with a zero */
    return count;
}

struct text pawli_urls_first(struct text urls, struct arena *arena)
{
    struct text list[LIMIT_URLS] = {{0}};
    pawli_urls_list(urls, list, arena);
    return list[0];
}

bool pawli_urls_are_several(struct text urls)
{
    struct text item;
    struct json_walk walk = pawli_json_walk(urls.data ? urls : TEXT("[]"));
    return pawli_json_item(&walk, &item) && pawli_json_item(&walk, &item);
}

const struct route *pawli_route_copy(const struct route *route, struct arena *arena)
{
    struct route *copy = route ? arena_new(arena, struct route) : NULL;
    if (copy)
        *copy = (struct route){.urls = pawli_arena_text(arena, route->urls),
                               .secret_file = pawli_arena_text(arena, route->secret_file),
                               .headers = pawli_arena_text(arena, route->headers)};
    return copy;
}
