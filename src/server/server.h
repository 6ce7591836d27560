/* SPDX-License-Identifier: MIT */
/* An HTTP/1.1 server. One thread, the caller's, runs the event loop: it listens, reads, writes and enforces the limits. Routes are
 * handled on threads of the server's own, so a handler may block on the store.
 *
 *   1  What is ambiguous is refused before a handler sees it: two lengths, no host, a header that is no header.
 *   2  Everything is bounded: connections, bytes of a header and of a body, bytes of all requests that are not answered yet,
 *      the time that a request may take to arrive. Where there is no room, who has owed the rest of a request for longest
 *      gives way, so that slow clients keep no health check out.
 *   3  Every refusal is a problem detail (RFC 9457).
 *   4  A request that was handed to a handler is answered, also when the server is closed meanwhile. */
#ifndef PAWLI_SERVER_H
#define PAWLI_SERVER_H

#include <event2/event.h>

#include "base/buffer.h"

#define SERVER_BODY_MAX   ((size_t)8 * 1024 * 1024)
#define SERVER_HEADER_MAX ((size_t)32 * 1024)
#define SERVER_REPLY_MAX  ((size_t)64 * 1024 * 1024)

struct server;

/* Lives until its handler returns. */
struct server_request {
    const char *method; /* "GET" */
    const char *path;   /* as it was sent, still percent-encoded */
    const char *query;  /* behind the question mark; NULL: none */
    const char *peer;   /* its address, without the port */
    struct text body;
    void *native;
};

const char *pawli_server_header(const struct server_request *request, const char *name); /* NULL: not there */

struct server_reply {
    int status;               /* 200 as it comes in */
    const char *content_type; /* static; application/json as it comes in */
    char allow[64];           /* with 405 */
    uint32_t retry_after_s;   /* 0: does not say */
    struct buffer body;
};

typedef void server_handle(void *data, const struct server_request *request, struct server_reply *reply);

struct server_route {
    const char *method; /* GET answers HEAD too */
    const char *path;   /* NULL: any */
    server_handle *handle;
};

struct server_options {
    const struct server_route *routes; /* borrowed, as are data and log_data */
    size_t route_count;
    void *data;       /* for the handlers */
    uint32_t threads; /* that handle; 1: no two handlers at once */
    size_t body_max; /* bytes of a request's body */
    size_t held_max; /* bytes of all requests that are not answered yet */
    uint32_t connection_max;
    uint32_t request_ms; /* in which a request must have arrived */
    uint32_t idle_ms;    /* after which a silent connection is closed */
};

/* "127.0.0.1:7295", "[::1]:0", "localhost:7295", ":7295" (loopback); port 0: any free one. No names but localhost. */
int pawli_server_open(struct event_base *base, const char *address, const struct server_options *options,
                      struct server **ret_server, pawl_error *err);
const char *pawli_server_address(const struct server *server); /* where it listens, with the port that it got */
void pawli_server_close(struct server *server);                /* NULL is fine */

/* Fills a reply with a problem: an HTTP status and one sentence, or what the library answered. */
void pawli_server_problem(struct server_reply *reply, int http_status, const char *detail);
void pawli_server_error(struct server_reply *reply, const pawl_error *error);

/* ---- what the server's files share ---- */

/* What is wrong with a request by itself; NULL: nothing. */
struct evkeyvalq;
const char *pawli_server_guard(struct evkeyvalq *headers, int major, int minor);

/* The route of a request; NULL: the reply was filled, with 404 or 405. */
const struct server_route *pawli_server_route(const struct server_options *options,
                                              const struct server_request *request, struct server_reply *reply);

/* Where to listen, as text for the system: "127.0.0.1", 7295. */
int pawli_server_endpoint(const char *address, char host[64], uint16_t *port, pawl_error *err);

#endif
