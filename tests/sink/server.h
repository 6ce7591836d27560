/* SPDX-License-Identifier: MIT */
/* A receiver on a free port of the loopback interface that answers by a script: the nth request gets the nth line, the last
 * line repeats. It takes note of every request. Each connection has a thread; freeing it ends all of them. */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum then {
    THEN_KEEP,    /* the connection stays open for the next request */
    THEN_CLOSE,   /* ends it in order */
    THEN_RESET,   /* ends it with RST */
    THEN_HANG,    /* says no more */
    THEN_TRICKLE, /* a byte now and then, without end */
    THEN_FLOOD,   /* bytes without end, as fast as they are taken */
};

struct script {
    const char *reply; /* its bytes */
    enum then then;
};

#define REPLY(status, headers) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n" headers "\r\n"
#define OK_REPLY               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct received {
    int connection;    /* 0, 1, … in the order of accept */
    const char *start; /* "POST /path HTTP/1.1" */
    const char *head;  /* the header lines, each with \r\n */
    const char *body;
    size_t body_size;
};

struct server;
struct server *server_new(const struct script *scripts, size_t count);
/* Speaks TLS, with a certificate of its own making for a name or an IPv4 address, which it leaves at a path; "CN=NAME": with
 * the name in its subject only. */
struct server *server_new_tls(const struct script *scripts, size_t count, const char *host,
                              const char *certificate_path);
void server_free(struct server *server);
uint16_t server_port(const struct server *server);
size_t server_connections(struct server *server);
size_t server_open_connections(struct server *server);
size_t server_sent(struct server *server);     /* bytes, of all its replies */
size_t server_requests(struct server *server); /* whose body came whole */
const struct received *server_request(struct server *server, size_t index);

/* The value of a header, in a buffer of the caller's; NULL: there is none. */
const char *header_of(const struct received *received, const char *name, char *out, size_t room);

#endif
