/* SPDX-License-Identifier: MIT */
#include "journal/chain.h"

static bool body_hash(struct hasher *hasher, const struct record_row *row, char kind, struct text body,
                      struct digest *hash)
{
    if (!body.data)
        return pawli_stored_hash(row->hashes, kind, hash);
    *hash = pawli_sha256(hasher, body);
    return true;
}

/* Events are hashed while they are walked, so they are gathered first: one hasher makes one digest at a time. */
static bool gather_events(struct hasher *hasher, struct arena *scratch, const struct record_row *row,
                          struct event **events, size_t *count)
{
    struct trace_walk walk;
    enum trace_step step;
    size_t room = 0;
    *events = NULL;
    *count = 0;
    if (!pawli_trace_begin(&walk, row->events))
        return false;
    for (;;) {
        if (!pawli_arena_reserve(scratch, (void **)events, sizeof **events, *count + 1, &room))
            return false;
        step = pawli_trace_next(&walk, scratch, &(*events)[*count]);
        if (step != TRACE_EVENT)
            return step == TRACE_END;
        struct event *event = &(*events)[(*count)++];
        if (event_has_body(event))
            event->hash = pawli_sha256(hasher, event->data);
    }
}

const char *pawli_prove_record(struct hasher *hasher, struct arena *scratch, struct text scope,
                               const struct record_row *row, uint64_t expected_seq, const struct digest *previous)
{
    struct record_body body = {.row = row};
    struct event *events;
    if (row->seq != expected_seq)
        return "a record is missing before this one";
    if (row->is_unreadable)
        return "the record cannot be read";
    if (!body_hash(hasher, row, HASH_COMMAND, row->command, &body.command))
        return "its command is gone without a hash";
    struct digest fingerprint = pawli_transition_fingerprint(hasher, row->type, row->ref, row->content_type,
                                                             &body.command);
    if (!digest_equal(&fingerprint, &row->fingerprint))
        return "its command, type or reference was changed";
    body.has_response = body_hash(hasher, row, HASH_RESPONSE, row->response, &body.response);
    if (!gather_events(hasher, scratch, row, &events, &body.event_count))
        return "its events cannot be read";
    pawli_record_body_begin(hasher, &body);
    for (size_t i = 0; i < body.event_count; i++)
        pawli_record_body_event(hasher, &events[i]);
    struct digest first = pawli_record_body_end(hasher, &body);
    struct digest digest = pawli_record_digest(hasher, scope, row, previous, &first);
    if (hasher->failed)
        return "out of memory";
    return digest_equal(&digest, &row->digest) ? NULL : "its digest does not follow from it and the record before";
}
