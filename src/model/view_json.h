/* SPDX-License-Identifier: MIT */
/* Messages and events as JSON: the one shape in which the command, the HTTP API, the file sink and relays show them. */
#ifndef PAWLI_VIEW_JSON_H
#define PAWLI_VIEW_JSON_H

#include "base/json.h"
#include "pawl/journal.h"
#include "pawl/message.h"

/* The members, without the braces, so that others can follow. What is absent is left out. */
void pawli_message_json(struct json_writer *writer, const pawl_message_view *message);

void pawli_event_json(struct json_writer *writer, const pawl_event_view *event);

/* A body, where there is one, under a name when its type says JSON and it is; else as base64 under the name with "_base64" behind it: white space
 * between the tokens of JSON may go, any other byte may not. */
void pawli_body_json(struct json_writer *writer, const char *name, const char *content_type, struct text body);

/* The same byte for byte, where it shall be hashed or made again: what is JSON as it stands, unless it would end a line, has
 * white space around it or characters that nobody sees; everything else as base64. */
void pawli_exact_json(struct json_writer *writer, const char *name, struct text content_type, struct text body);

#endif
