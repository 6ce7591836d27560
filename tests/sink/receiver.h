/* SPDX-License-Identifier: MIT */
/* What the tests of the HTTP sink share: the sink, and a receiver that it sends to. */
#ifndef TESTS_RECEIVER_H
#define TESTS_RECEIVER_H

#include "harness.h"
#include "server.h"

#define LONG_MS  60000 /* for sends that are answered */
#define SHORT_MS 150   /* for those that never are */

struct world {
    struct harness harness;
    struct server *server;
    char url[128]; /* of the server: /hook?a=b */
};

void open_world(struct world *world, const struct script *scripts, size_t count);
void close_world(struct world *world);

/* A part of a signature that is expected: with a key, of "ID.TIMESTAMP.BODY". */
void expected_signature(const char *key, const struct received *received, char out[64]);

#endif
