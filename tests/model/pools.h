/* SPDX-License-Identifier: MIT */
/* What operations are made of: small pools of names, keys and bodies, so that they meet often. Place 0 of each is "absent".
 * Behind the good ones stand some that the design, 3.1 refuses. */
#ifndef TESTS_MODEL_POOLS_H
#define TESTS_MODEL_POOLS_H

#include "pawl/pawl.h"

#include <stdbool.h>

enum pool {
    POOL_SCOPE,
    POOL_LANE,
    POOL_TARGET,
    POOL_KEY, /* ordering keys and those of events */
    POOL_DEDUPE,
    POOL_SENDER,
    POOL_TYPE,
    POOL_TOPIC,
    POOL_REF,
    POOL_CONTENT_TYPE,
    POOL_CONSUMER,
    POOL_REASON,
    POOL_ACTOR,
    POOL_CODE,
    POOL_ERROR,
    POOL_REMOTE,
    POOL_URL,
    POOL_ASKED, /* who is asked for outcomes */
    POOL_SECRET,
    POOLS
};

/* NULL for 0. */
const char *pool_text(enum pool pool, int64_t index);
bool pool_good(enum pool pool, int64_t index);       /* by itself; whether it may be absent is the field's business */
int64_t pool_good_count(enum pool pool);             /* the good ones are 1 to this */
int64_t pool_count(enum pool pool);                  /* all are 1 to this */
int64_t pool_find(enum pool pool, const char *text); /* 0: absent; -1: not in the pool */

#define SCOPE_OPERATOR 3 /* of POOL_SCOPE: pawl's own */

/* Bodies: payloads, commands, responses, the data of events. */
struct body {
    const char *data;
    size_t size;
    bool is_json, is_too_long;
};
const struct body *pool_body(int64_t index); /* 0: an empty one */
int64_t pool_body_good_count(void);
int64_t pool_body_count(void);
int64_t pool_body_find(const void *data, size_t size); /* -1: not in the pool */

/* Sets of headers. Two that differ in order only are the same content. */
struct header_set {
    size_t count;
    const pawl_header *headers;
    int64_t same_as; /* the place of the set that it equals, itself most often */
    int status;      /* PAWL_OK, or what the whole call is refused with */
};
const struct header_set *pool_headers(int64_t index);
int64_t pool_headers_good_count(void);
int64_t pool_headers_count(void);

/* What an error text is stored as: cut on a character boundary. */
const char *pool_error_kept(int64_t index);

/* Keys of policies and values for them. */
struct setting {
    const char *name, *value;
    int key;        /* enum model_policy_key; -1: no such key */
    int64_t number; /* what the value means; SETTING_UNSET, SETTING_BAD */
};
#define SETTING_UNSET        (-1)
#define SETTING_BAD          (-2)
#define SETTING_NAMES        36
#define SETTING_MAX_ATTEMPTS 1
#define SETTING_EXHAUSTED    12
#define SETTING_CRASH_LIMIT  20
#define SETTING_PROBE        31
int64_t pool_setting_count(int64_t name);                      /* how many values it has */
struct setting pool_setting(int64_t name, int64_t value);      /* name 1 to SETTING_NAMES */
int64_t pool_setting_value_find(int64_t name, int64_t number); /* the place of a value; 0: none */

/* A request id made of a small number; 0 is nil. */
pawl_uuid request_of(int64_t number);

#endif
