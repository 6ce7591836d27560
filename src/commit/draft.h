/* SPDX-License-Identifier: MIT */
/* From what a caller gives to a unit: checked, copied, fingerprinted; by one call, or, a transition, by several. */
#ifndef PAWLI_DRAFT_H
#define PAWLI_DRAFT_H

#include "commit/handle.h"
#include "pawl/transition.h"

struct drafting {
    pawl_store *store;
    struct unit unit;
    struct hasher hasher;
    size_t size;      /* of the bodies and texts so far; over LIMIT_UNIT_SIZE bodies are refused */
    pawl_error error; /* the first of building a transition */
};

void pawli_drafting_init(struct drafting *drafting, pawl_store *store);
void pawli_drafting_done(struct drafting *drafting);

/* The effect of this kind in what is drafted, made where there is none yet. NULL: out of memory. */
void *pawli_draft_effect(struct drafting *drafting, const struct effect_ops *ops);
void *pawli_draft_find(const struct drafting *drafting, const struct effect_ops *ops); /* NULL: it has none */

/* Seals and commits it, alone or inside the transaction of a join (NULL: none). */
int pawli_draft_commit(struct drafting *drafting, const pawl_join *join, pawl_error *err);
/* With a callback, as pawli_commit_later. */
int pawli_draft_submit(struct drafting *drafting, void (*done)(struct unit *unit, void *data), void *data,
                       pawl_error *err);

/* How a room adds to a transition: a builder asks for what is drafted, for its effect in there, and adds to that. NULL:
 * nothing is added any more, an error of before stands, or it is sealed. What cannot be added is put into its error. */
struct drafting *pawli_building(pawl_transition *t);

/* A body, checked and copied; counts its size. */
int pawli_draft_body(struct drafting *drafting, const char *field, const void *data, size_t size, struct text *body,
                     pawl_error *err);

/* The content type of a body: the one that was given, checked, or the one that it looks like. */
int pawli_draft_content_type(struct drafting *drafting, const char *field, const char *given, struct text body,
                             struct text *content_type, pawl_error *err);

/* A text, copied; absent stays absent. */
struct text pawli_draft_text(struct drafting *drafting, const char *string);

/* Of data of other systems, whatever it is, a readable beginning. */
struct text pawli_draft_cut(struct drafting *drafting, const char *string, size_t limit);

/* Says which of several items an error is about: "message 3: …". */
void pawli_error_item(pawl_error *err, const char *what, size_t index, size_t count);

#endif
