/* SPDX-License-Identifier: MIT */
#include "model/serving.h"

#include "base/json.h"

#define NAMES_MAX (LIMIT_WORKER_NAMES + 8) /* and the schemes of all sinks */

bool pawli_names_check(struct text json, struct arena *arena)
{
    struct text name;
    size_t count = 0;
    if (!pawli_json_is(json, '[', arena))
        return false;
    struct json_walk walk = pawli_json_walk(json);
    for (; pawli_json_item(&walk, &name); count++)
        if (pawli_json_type(name) != JSON_STRING || pawli_json_string(arena, name).size > LIMIT_KEY)
            return false;
    return count > 0 && count <= NAMES_MAX;
}

bool pawli_worker_claims(const struct worker_row *worker, struct text scope, struct text lane, struct arena *arena)
{
    struct text name;
    if (worker->scope.data && !text_equal(worker->scope, scope))
        return false;
    if (!worker->lanes.data)
        return true;
    struct json_walk walk = pawli_json_walk(worker->lanes);
    while (pawli_json_item(&walk, &name))
        if (text_equal(pawli_json_string(arena, name), lane))
            return true;
    return false;
}

bool pawli_worker_reaches(const struct worker_row *worker, struct text url, enum phase phase, struct arena *arena)
{
    const char *colon = url.size ? memchr(url.data, ':', url.size) : NULL;
    struct text name, scheme = {url.data, colon ? (size_t)(colon - url.data) : 0};
    struct text whole = phase == PHASE_SEND ? url : pawli_arena_format(arena, ASKED_NAME "%.*s", TEXT_ARG(url));
    struct json_walk walk = pawli_json_walk(worker->sinks);
    while (pawli_json_item(&walk, &name)) {
        struct text sink = pawli_json_string(arena, name);
        if (text_equal(sink, scheme) || text_equal(sink, whole))
            return true;
    }
    return false;
}

bool pawli_url_is_callback(struct text url)
{
    static const char scheme[] = "callback:";
    return url.size >= strlen(scheme) && memcmp(url.data, scheme, strlen(scheme)) == 0;
}

bool pawli_worker_is_like(const struct worker_row *a, const struct worker_row *b)
{
    return text_equal(a->consumer, b->consumer) && text_equal(a->scope, b->scope) && text_equal(a->lanes, b->lanes) &&
           text_equal(a->sinks, b->sinks);
}

struct wall_time pawli_worker_last(const struct worker_row *worker)
{
    return worker->stopped.ms == INT64_MAX ? worker->seen : worker->stopped;
}
