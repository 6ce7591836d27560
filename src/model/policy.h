/* SPDX-License-Identifier: MIT */
/* Policies: what a lane or a target says about attempts, delays, leases and ends (policy.def). A policy holds only the
 * keys that were set; what is decided with is the effective one: a target's key beats its lane's, which beats the default. */
#ifndef PAWLI_POLICY_H
#define PAWLI_POLICY_H

#include "base/arena.h"
#include "model/state.h"

enum policy_key {
#define KEY(name, key, kind, value, min, max, words, meaning) POLICY_##name,
#include "model/policy.def"
#undef KEY
    POLICY_COUNT
};

/* Whose policy it is: kinds of workflows have keys and defaults of their own. */
enum policy_of { POLICY_OF_MESSAGES, POLICY_OF_WORKFLOWS, POLICY_OF_COUNT };

enum backoff_shape { BACKOFF_EXPONENTIAL, BACKOFF_QUADRATIC, BACKOFF_FIXED };
enum { UNKNOWN_RESEND, UNKNOWN_HOLD };
enum { EXHAUSTED_DEAD, EXHAUSTED_HOLD };
enum { KEY_DEAD_SKIP, KEY_DEAD_BLOCK };
enum { UNREACHABLE_RETRY, UNREACHABLE_DEFER };
enum { KEY_RELEASE_ENDED, KEY_RELEASE_SUBMITTED };
enum accept { ACCEPT_RETURN, ACCEPT_BIND, ACCEPT_REBIND, ACCEPT_REFUSE, ACCEPT_COUNT };

struct policy {
    int64_t values[POLICY_COUNT];
    uint64_t set; /* bit k: key k has a value here */
};

static inline int64_t policy_get(const struct policy *policy, enum policy_key key)
{
    return policy->values[key];
}

/* What an OPTIONAL key is when nobody set it. */
#define POLICY_NONE INT64_C(-1)

/* So many in such a time; count 0: without a limit. */
struct rate {
    int64_t count, period_ms;
};

/* A percentage of at least so many; percent 0: off. */
struct portion {
    int64_t percent, least;
};

struct rate pawli_policy_rate(const struct policy *policy, enum policy_key key);
struct portion pawli_policy_portion(const struct policy *policy, enum policy_key key);

#define POLICY_TEXT_SIZE 256 /* of a value as text: the longest is a list of 63 statuses of three digits and a comma */

const char *pawli_policy_key_text(enum policy_key key);
const char *pawli_policy_key_meaning(enum policy_key key);
/* Those that it has, one after the other; NULL: no more. */
const char *pawli_policy_key_of(enum policy_of of, size_t index, const char **ret_default, const char **ret_meaning);
const char *pawli_policy_key_default(enum policy_of of, enum policy_key key); /* as text */

bool pawli_policy_has(enum policy_of of, enum policy_key key);
struct policy pawli_policy_default(enum policy_of of);
/* Either may be NULL. */
struct policy pawli_policy_effective(enum policy_of of, const struct policy *lane, const struct policy *target);

/* Sets one key from text ("25", "hold"); an empty value unsets it. EINVAL names the key and what it takes. */
int pawli_policy_set(struct policy *policy, struct text key, struct text value, pawl_error *err);

/* One that somebody gives, into what shall be set and what unset. EINVAL: whose policy it is has no such key. */
int pawli_policy_give(enum policy_of of, struct policy *set, uint64_t *unset, const char *key, struct text value,
                      pawl_error *err);

/* Refuses an effective policy whose keys contradict each other. */
int pawli_policy_check(const struct policy *effective, pawl_error *err);

/* As stored and shown: a JSON object of the keys that are set, in the order of policy.def. */
struct text pawli_policy_json(const struct policy *policy, struct arena *arena);
int pawli_policy_parse(struct text json, struct policy *policy, pawl_error *err);

/* Whether this status of HTTP means that the same bytes will never be taken. */
bool pawli_policy_is_permanent(const struct policy *policy, int status);

/* The delay after failed attempt n (1, 2, …) in milliseconds, without jitter: never wraps, never above the maximum. */
int64_t pawli_backoff_ms(const struct policy *policy, uint64_t attempt);

/* The same before the outcome is asked for the n-th time. */
int64_t pawli_look_backoff_ms(const struct policy *policy, uint64_t look);

/* How long what ended so is kept; 0: for ever. */
int64_t pawli_policy_keep_ms(const struct policy *policy, enum state ended);

/* With jitter: shorter by up to jitter_percent, by a random number. */
int64_t pawli_backoff_jittered_ms(const struct policy *policy, uint64_t attempt, uint64_t random);

/* What a receiver asked for, with jitter: longer, never shorter, so that those who were sent away together do not come
 * back together. */
int64_t pawli_asked_jittered_ms(const struct policy *policy, int64_t asked_ms, uint64_t random);

#endif
