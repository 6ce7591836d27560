/* SPDX-License-Identifier: MIT */
/* The URLs of brokers, taken apart in one place for whoever checks one and whoever sends to it:
 *
 *   nats://[USER@]HOST[:PORT]/SUBJECT[?core=1]
 *   amqp://[USER@]HOST[:PORT]/VHOST/EXCHANGE/ROUTING_KEY     each part with escapes: the usual vhost "/" is %2F
 */
#ifndef PAWLI_URL_H
#define PAWLI_URL_H

#include "base/arena.h"

#define URL_PART_MAX 255 /* bytes of each part of an AMQP URL, as the protocol has it */

struct broker_url {
    struct text user; /* absent: none; with its escapes, like all parts */
    struct text host; /* an IPv6 address in brackets */
    uint16_t port;
    bool is_core;                       /* nats: the server's own word is enough, no stream is asked */
    struct text subject;                /* nats */
    struct text vhost, exchange, route; /* amqp; the exchange or the route may be empty, not both */
    struct text place;                  /* all of the URL up to what differs between two messages of one connection */
};

/* What is wrong with a URL of a broker; NULL: nothing. What it fills points into the URL. */
const char *pawli_broker_url_read(const char *url, struct broker_url *ret_url);

/* Without its escapes; absent when out of memory. */
struct text pawli_url_decode(struct arena *arena, struct text part);

#endif
