/* SPDX-License-Identifier: MIT */
/* The effects that say where consumers of events stand. */
#ifndef PAWLI_EFFECT_SUBSCRIBE_H
#define PAWLI_EFFECT_SUBSCRIBE_H

#include "commit/draft.h"

struct subscription_change {
    struct effect effect;
    enum { SUBSCRIBE, SUBSCRIBED_TO, UNSUBSCRIBE } what;
    struct subscription_row row; /* of SUBSCRIBED_TO name and position, of UNSUBSCRIBE its name */
    bool from_now;
    /* Of a relay: it moves what was read at this position, and nothing else. */
    bool relays;
    uint64_t read_seq;
    uint32_t read_index;
    struct view_fact *slot;
};

extern const struct effect_ops pawli_effect_subscription;

/* Positions in the order of the journal. */
static inline int position_compare(uint64_t seq, uint32_t index, uint64_t other_seq, uint32_t other_index)
{
    return seq != other_seq ? (seq > other_seq ? 1 : -1) : (index > other_index) - (index < other_index);
}

#endif
