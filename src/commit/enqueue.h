/* SPDX-License-Identifier: MIT */
/* The effect that adds messages. */
#ifndef PAWLI_EFFECT_ENQUEUE_H
#define PAWLI_EFFECT_ENQUEUE_H

#include "commit/draft.h"

struct message_draft {
    struct message_row row; /* number, queue, seq, available and created are filled in when it is decided */
    struct text lane, target;
    int64_t delay_ms, expires_in_ms; /* -1: not given */
    bool is_work;                    /* new: refused where the disk is nearly full, so that what is under way drains */
    bool has_bound;
    enum bound_kind bound_kind;
    struct text bound_key;
    uint64_t order; /* a successor under `block` takes its predecessor's place; 0: its own number */
    struct view_queue *queue;
    struct view_bound *bound;
    struct view_line *line;
    struct view_fact *sender; /* its route */
    /* the answer */
    pawl_uuid id;
    int status;
    bool replayed;
    enum state state;
    struct view_task *task; /* within the batch */
};

struct enqueue {
    struct effect effect;
    struct message_draft *messages;
    size_t count, room;
    bool atomic; /* a conflict refuses the unit; else only its message */
};

/* Drafts the message at this index of what the caller gave. */
int pawli_draft_message(struct drafting *drafting, const pawl_message *messages, size_t index,
                        struct message_draft *draft, pawl_error *err);

size_t pawli_weigh_message(const struct message_draft *draft);

/* Adds messages to what is drafted. */
int pawli_draft_enqueue(struct drafting *drafting, const pawl_message *messages, size_t count, pawl_error *err);

/* One message (enqueue.c); the drafts of settlements and successors come here too. */
bool pawli_gather_message(struct view *view, struct view_scope *scope, struct message_draft *draft);
int pawli_enqueue_one(struct view *view, struct view_scope *scope, struct message_draft *draft, uint64_t seq,
                      pawl_error *err);
int pawli_enqueue_successor(struct view *view, struct message_draft *draft, enum holds held, pawl_error *err);
/* Whether a key that is bound to the message leads to a successor: while that is kept, both are. */
bool pawli_leads_to_successor(const struct view *view, const struct view_task *task);
bool pawli_is_bound(const struct view *view, const struct view_bound *bound); /* its time is not over */

extern const struct effect_ops pawli_effect_enqueue;

#endif
