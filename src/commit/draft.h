/* SPDX-License-Identifier: MIT */
/* From what a caller gives to what a unit carries: checked, copied, fingerprinted. */
#ifndef PAWLI_DRAFT_H
#define PAWLI_DRAFT_H

#include "commit/handle.h"
#include "commit/settle.h"
#include "pawl/message.h"

struct drafting {
    struct env *env;
    struct arena *arena; /* the unit's */
    struct hasher hasher;
    size_t weight; /* bytes drafted so far; over LIMIT_UNIT_SIZE they are refused */
};

void pawli_drafting_init(struct drafting *drafting, struct env *env, struct arena *arena);
void pawli_drafting_done(struct drafting *drafting);

/* An item of what the caller gave: one message or settlement is an array of one. */
int pawli_draft_message(struct drafting *drafting, const pawl_message *messages, size_t index,
                        struct message_draft *draft, pawl_error *err);
int pawli_draft_settlement(struct drafting *drafting, const pawl_settlement *settlements, size_t index,
                           struct settlement *draft, pawl_error *err);

/* The content type of a body: the one that was given, checked, or the one that it looks like. */
int pawli_draft_content_type(struct drafting *drafting, const char *field, const char *given, struct text body,
                             struct text *content_type, pawl_error *err);

/* A body, checked and copied; counts its weight. */
int pawli_draft_body(struct drafting *drafting, const char *field, const void *data, size_t size, struct text *body,
                     pawl_error *err);

/* A text, copied; absent stays absent. */
struct text pawli_draft_text(struct drafting *drafting, const char *string);

/* Says which of several items an error is about: "message 3: …". */
void pawli_error_item(pawl_error *err, const char *what, size_t index, size_t count);

#endif
