/* SPDX-License-Identifier: MIT */
/* Inside this room: what a transition has lists of, each item read and added by the file of its kind. */
#ifndef PAWLI_ITEMS_H
#define PAWLI_ITEMS_H

#include "api/api.h"

/* `data` or `data_base64`, whichever is there. Neither: no bytes. */
int pawli_api_choose_body(const char *name, struct text json, struct text bytes, struct text *body, pawl_error *err);
/* What is given as JSON is JSON: it does not silently become something else. */
const char *pawli_api_type_of(const char *content_type, struct text json);

/* Each adds one, an object, to a transition. */
typedef int pawli_api_add(pawl_transition *transition, struct api_reading *in, struct text json, pawl_error *err);
pawli_api_add pawli_api_add_post, pawli_api_add_fill, pawli_api_add_projection, pawli_api_add_counter;
pawli_api_add pawli_api_add_start, pawli_api_add_resource;

/* The lists of a transition, as they stand in what was read, and its `balanced`; a step has them too. */
struct lists_in {
    struct text events, messages, settle, posts, fills, projections, counters, starts, resources;
    bool balanced;
};
#define LIST_FIELDS(type, lists)                                                                                       \
    {"events", FIELD_ARRAY, offsetof(type, lists.events), 0, 0},                                                       \
        {"messages", FIELD_ARRAY, offsetof(type, lists.messages), 0, 0},                                               \
        {"settle", FIELD_ARRAY, offsetof(type, lists.settle), 0, 0},                                                   \
        {"posts", FIELD_ARRAY, offsetof(type, lists.posts), 0, 0},                                                     \
        {"balanced", FIELD_BOOL, offsetof(type, lists.balanced), 0, 0},                                                \
        {"fills", FIELD_ARRAY, offsetof(type, lists.fills), 0, 0},                                                     \
        {"projections", FIELD_ARRAY, offsetof(type, lists.projections), 0, 0},                                         \
        {"counters", FIELD_ARRAY, offsetof(type, lists.counters), 0, 0},                                               \
        {"starts", FIELD_ARRAY, offsetof(type, lists.starts), 0, 0},                                                   \
    {                                                                                                                  \
        "resources", FIELD_ARRAY, offsetof(type, lists.resources), 0, 0                                                \
    }

int pawli_api_add_lists(pawl_transition *transition, struct api_reading *reading, const struct lists_in *lists,
                        pawl_error *err);
int pawli_api_check_json(const char *name, struct text json, pawl_error *err); /* absent is fine */

#endif
