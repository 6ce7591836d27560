/* SPDX-License-Identifier: MIT */
/* What identifies content (fingerprints) and what chains records (digests). docs/format.md has the bytes and vectors; a
 * second implementation in the tests checks them. H(x) is SHA-256 of the bytes of x. */
#ifndef PAWLI_FINGERPRINT_H
#define PAWLI_FINGERPRINT_H

#include "model/trace.h"

/* Of a transition: type, ref, content type, H(command). Not what a retry may compute anew. */
struct digest pawli_transition_fingerprint(struct hasher *hasher, struct text type, struct text ref,
                                           struct text content_type, const struct digest *command);

/* Of a message: lane, target, sender, ordering key, priority, content type, H(payload), headers, deadline. */
struct digest pawli_message_fingerprint(struct hasher *hasher, struct text lane, struct text target,
                                        const struct message_row *message);

/* Of what a workflow is started with: key, state, version, content type, H(data). */
struct digest pawli_start_fingerprint(struct hasher *hasher, const struct workflow_row *workflow);

/* Of a record, its first level: everything that the caller gave. `hash_event` is called for each event in order. */
struct record_body {
    const struct record_row *row; /* request id, fingerprint, type, ref, received, state digests, duration; of its
                                     messages the fingerprints; its effects, as that text */
    struct digest command, response;
    bool has_response;
    size_t event_count;
};
void pawli_record_body_begin(struct hasher *hasher, const struct record_body *body);
void pawli_record_body_event(struct hasher *hasher, const struct event *event);
struct digest pawli_record_body_end(struct hasher *hasher, const struct record_body *body);

/* Of a record, its second level, made at commit: the chain. What the commit gave: epoch, seq, time, nonces of messages. */
struct digest pawli_record_digest(struct hasher *hasher, struct text scope, const struct record_row *row,
                                  const struct digest *previous, const struct digest *body);

#endif
