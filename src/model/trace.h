/* SPDX-License-Identifier: MIT */
/* The trace of a record, as it is stored: events as one JSON array that json_each() reads, settlements as a JSON array, and
 * the hashes of bodies that are not stored. An event is an array too, as names would be a good part of a small one:
 *
 *   ["orders","Placed","order-1",{"n":1}]                       topic, type, key or null, body
 *   ["orders","Placed",null,{"content_type":"image/png"},"AAE="]    before the body: what is not the default
 *
 * A JSON body is there as its own bytes, any other as base64; of one that is not kept there is its hash. */
#ifndef PAWLI_TRACE_H
#define PAWLI_TRACE_H

#include "base/buffer.h"
#include "model/rows.h"

struct event {
    struct text topic, type, key, content_type;
    struct text data;   /* absent unless event_has_body */
    struct digest hash; /* of the body */
    bool has_stream_seq;
    uint64_t stream_seq;
    enum keep keep;
    enum keep asked; /* by who made it; KEEP_COUNT: what its type says */
    bool is_pruned;  /* its body was kept, and is not any more */
};

static inline bool event_has_body(const struct event *event)
{
    return event->keep == KEEP_FULL && !event->is_pruned;
}

/* Appends one event; call pawli_trace_open first and pawli_trace_close last. */
void pawli_trace_open(struct buffer *out);
void pawli_trace_event(struct buffer *out, struct arena *scratch, const struct event *event, uint32_t index);
void pawli_trace_close(struct buffer *out);

/* Reads one after the other; `hash` is filled for those whose body is not stored, `data` for the others. */
struct trace_walk {
    struct text json;
    const char *at, *end;
};
bool pawli_trace_begin(struct trace_walk *walk, struct text events); /* false: not well formed */
enum trace_step { TRACE_EVENT, TRACE_END, TRACE_BAD };
enum trace_step pawli_trace_next(struct trace_walk *walk, struct arena *arena, struct event *event);

/* The hash of a body that a record no longer stores: kind 'C' command, 'R' response. */
#define HASH_COMMAND  'C'
#define HASH_RESPONSE 'R'
bool pawli_stored_hash(struct text hashes, char kind, struct digest *hash);

#endif
