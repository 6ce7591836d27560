/* SPDX-License-Identifier: MIT */
/* The parts of the HTTP sink: an exchange is one attempt under way, its reply what was read of the answer so far. */
#ifndef PAWLI_HTTP_H
#define PAWLI_HTTP_H

#include <curl/curl.h>

#include "base/buffer.h"
#include "sink/http/address.h"
#include "sink/sink.h"

#define HTTP_HEADERS_MAX     (64 * 1024) /* bytes of a reply's header, all lines together */
#define HTTP_BODY_MAX        (64 * 1024) /* bytes of a reply's body that are read */
#define HTTP_EXCERPT_MAX     200         /* bytes of it that are shown */
#define HTTP_RETRY_AFTER_MAX 86400000    /* ms */

struct reply {
    int status;      /* of the last status line; 0: none */
    bool is_whole;   /* its header came to an end, and it is no 1xx: the receiver has answered */
    bool is_too_big; /* past a limit: the transfer was ended here */
    size_t header_size, body_size;
    char reason[48], retry_after[64], excerpt[HTTP_EXCERPT_MAX];
};

/* A line of the header, with its end. False: enough. */
bool pawli_reply_header(struct reply *reply, struct text line);
bool pawli_reply_body(struct reply *reply, struct text bytes);

/* What a whole reply means for the message; fills verdict, retry_in_ms, is_gone and response of the send. */
void pawli_reply_judge(const struct reply *reply, struct send *send, struct wall_time now);

/* "120" or an HTTP date; -1: neither, or in the past. */
int64_t pawli_retry_after_ms(struct text value, struct wall_time now);

/* Gives a handle everything but what it does with connections. False: out of memory. */
bool pawli_request_set(CURL *easy, const struct send *send, int64_t unix_s, struct curl_slist **headers);

/* The value of webhook-signature: for each key "v1," and base64(HMAC-SHA256(key, id.timestamp.body)), blanks between. */
void pawli_request_sign(struct buffer *out, const struct secret *secret, const char *id, const char *timestamp,
                        struct text body);

/* Why a URL or a header cannot be sent by anybody; NULL: it can. *is_tls is whether it is https. */
const char *pawli_request_problem(const struct send *send, bool *is_tls);

#endif
