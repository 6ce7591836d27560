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

#endif
