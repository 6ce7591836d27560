/* SPDX-License-Identifier: MIT */
/* The parts of the HTTP sink: an exchange is one attempt under way, its reply what was read of the answer so far. */
#ifndef PAWLI_HTTP_H
#define PAWLI_HTTP_H

#include <curl/curl.h>

#include "base/buffer.h"
#include "model/limits.h"
#include "sink/address.h"
#include "sink/answer.h"

#define HTTP_HEADERS_MAX (64 * 1024)  /* bytes of a reply's header, all lines together */
#define HTTP_BODY_MAX    (64 * 1024)  /* bytes of a reply's body that are read */
#define HTTP_EXCERPT_MAX 256          /* bytes of it that are shown */
#define HTTP_RAW_MAX     (512 * 1024) /* bytes of a reply as they come, with what is between the parts of its body */

struct reply {
    int status;      /* of the last status line; 0: none */
    bool is_whole;   /* its header came to an end, and it is no 1xx: the receiver has answered */
    bool is_too_big; /* past a limit: the transfer was ended here */
    size_t raw_size, header_size, body_size;
    unsigned rounds; /* in which it was read since its socket was ready */
    char reason[48], excerpt[HTTP_EXCERPT_MAX];
    char retry_after[64], pawl_status[16]; /* of its header; "": it has none of that name */
    char remote_id[LIMIT_REMOTE_ID + 1], webhook_id[LIMIT_REMOTE_ID + 1];
};

/* A line of the header, with its end. False: enough. */
bool pawli_reply_header(struct reply *reply, struct text line);
bool pawli_reply_body(struct reply *reply, struct text bytes);

/* What a whole reply means for the message; fills verdict, response and what else the send shall know. */
void pawli_reply_judge(const struct reply *reply, struct send *send, struct wall_time now);

/* What the status of a reply to a poll or a probe says. */
enum finding pawli_reply_finding(int status);

/* "120" or an HTTP date, 0 when that is past; -1: neither. */
int64_t pawli_retry_after_ms(struct text value, struct wall_time now);

/* Gives a handle everything but what it does with connections. False: out of memory. */
bool pawli_request_set(CURL *easy, const struct send *send, int64_t unix_s, struct curl_slist **headers);

/* The value of webhook-signature: for each key "v1," and base64(HMAC-SHA256(key, id.timestamp.body)), blanks between. */
void pawli_request_sign(struct buffer *out, const struct secret *secret, const char *id, const char *timestamp,
                        struct text body);

struct request_url {
    char host[256]; /* as it is looked up; an IPv6 address in brackets */
    uint16_t port;
    bool is_tls, is_numeric; /* is_numeric: nothing to look up */
};

/* Why nobody can send to a URL; NULL: it can be done. */
const char *pawli_request_read_url(const char *text, struct request_url *parsed);

#endif
