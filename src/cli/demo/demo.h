/* SPDX-License-Identifier: MIT */
/* The demo: payloads go in, processes are killed, and at the end everything is counted. */
#ifndef PAWLI_DEMO_H
#define PAWLI_DEMO_H

#include "base/map.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/demo/payloads.h"
#include "cli/demo/process.h"

#define DEMO_LANE   "webhooks"
#define DEMO_TARGET "receiver"

/* One transition that was, or is to be, submitted. */
struct item {
    pawl_uuid request_id, message;
    uint32_t payload;
    bool is_accepted; /* a receipt was read, and message is set */
};

/* A message as the receiver saw it. */
struct arrival {
    pawl_uuid id;
    struct digest digest;
    uint32_t count; /* how often it came */
    bool differs;   /* not every time with the same bytes */
};

struct tracker {
    struct arena arena;
    struct item *items;
    size_t item_count, item_room;
    struct map by_request, by_message;
    struct arrival *arrivals;
    size_t arrival_count, arrival_room;
    uint64_t accepted, replayed; /* receipts: first ones, and those that were answered again */
};

bool tracker_add_item(struct tracker *tracker, const struct item *item);
bool tracker_take_receipt(struct tracker *tracker, struct text json); /* a line of "pawl submit --json" */
bool tracker_take_arrival(struct tracker *tracker, struct text json); /* a line of "pawl listen --json" */
void tracker_done(struct tracker *tracker);

/* What it came to. */
struct tally {
    uint64_t accepted, replayed, delivered, resent, recognised, lost, records;
    bool is_verified;
    char trouble[200]; /* what does not hold; empty: all does */
};

/* Counts what is in the store, and compares it with what the receiver saw. */
int tracker_tally(const struct tracker *tracker, const struct payloads *payloads, pawl_store *store,
                  struct tally *tally, pawl_error *err);

#endif
