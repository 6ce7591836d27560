/* SPDX-License-Identifier: MIT */
/* What the demo sends: real webhook payloads where they were fetched, else some that it makes up. */
#ifndef PAWLI_DEMO_PAYLOADS_H
#define PAWLI_DEMO_PAYLOADS_H

#include "base/arena.h"
#include "base/digest.h"

struct payload {
    struct text event, body; /* body: JSON without white space */
    struct digest digest;    /* SHA-256 of the body */
};

struct payloads {
    struct arena arena;
    struct payload *items;
    size_t count, room;
    bool are_real;
};

/* path: a file with a line {"event": …, "payload": …} each; NULL: the one that scripts/setup fetches, if it is there. */
int payloads_load(struct payloads *payloads, const char *path, uint64_t seed, pawl_error *err);
void payloads_done(struct payloads *payloads);

/* The demo's dice: the same seed, the same numbers. */
uint64_t dice_next(uint64_t *state);
uint64_t dice_below(uint64_t *state, uint64_t limit);

#endif
