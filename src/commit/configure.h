/* SPDX-License-Identifier: MIT */
/* The effect of an operator on policies and targets. */
#ifndef PAWLI_EFFECT_CONFIGURE_H
#define PAWLI_EFFECT_CONFIGURE_H

#include "commit/unit.h"

struct policy_change {
    struct effect effect;
    bool is_target, removes;
    struct text name;
    struct text sender;      /* of a target: whose route it is about; absent: of messages without a sender */
    struct route route;      /* what is given; an empty secret_file: none; headers with an empty value: to take away */
    struct text probe, poll; /* empty: to take away */
    struct policy policy;    /* the keys to set; */
    uint64_t unset;          /* the keys to unset */
    bool replaces;           /* adds the target: one that is there must be the same */
    struct view_fact *lane;
    struct view_fact *target, *route_of; /* route_of: the sender's row */
    const struct text *senders;          /* with a target that is removed: their routes are forgotten, too */
    size_t sender_count;
    struct view_fact **forgotten;
    struct view_subject *subject; /* the target's holds */
};

extern const struct effect_ops pawli_effect_policy;

#endif
