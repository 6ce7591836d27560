/* SPDX-License-Identifier: MIT */
/* What the policies of other outboxes were, in keys of ours: each on which their constants bear, also where it is the
 * default. docs/operations.md has the same table; a test compares them. */
#include "model/preset.h"

#define FOR_EVER "3153600000000" /* a hundred years */

/* An outbox as a contract of a store, with a relay: five attempts, no age; a key is bound while its message is there. */
static const pawl_setting s4[] = {
    {"max_attempts", "5"},   {"backoff_ms", "1000"},  {"backoff_max_ms", "30000"}, {"backoff_shape", "exponential"},
    {"backoff_offset", "0"}, {"jitter_percent", "0"}, {"lease_ms", "30000"},       {"age_limit_ms", FOR_EVER},
    {"unknown", "resend"},   {"exhausted", "dead"},   {"unreachable", "retry"},    {"http_permanent", "none"},
    {"http_retry", "none"},  {"accept", "return"},    {"dedupe_keep_ms", "0"},     {"keep_ms", "0"},
};

/* A worker that drains an outbox, one by one: 25 attempts in a day, a key is bound for ever, also to what gave up. */
static const pawl_setting s5[] = {
    {"max_attempts", "25"},
    {"backoff_ms", "500"},
    {"backoff_max_ms", "30000"},
    {"backoff_shape", "exponential"},
    {"backoff_offset", "1"},
    {"jitter_percent", "0"},
    {"lease_ms", "30000"},
    {"timeout_ms", "15000"},
    {"age_limit_ms", "86400000"},
    {"concurrency", "1"},
    {"unknown", "resend"},
    {"exhausted", "dead"},
    {"unreachable", "retry"},
    {"gone_ms", "600000"},
    {"accept", "bind"},
    {"dedupe_keep_ms", FOR_EVER},
    {"keep_ms", "0"},
};

const struct preset pawli_presets[] = {
    {"s4", "an outbox store with a relay: five attempts, 1 s to 30 s", s4, COUNT_OF(s4)},
    {"s5", "an outbox that is drained: 25 attempts, 1 s to 30 s, a day, keys bound", s5, COUNT_OF(s5)},
};
const size_t pawli_preset_count = COUNT_OF(pawli_presets);

int pawli_preset_find(struct text name, const struct preset **ret_preset, pawl_error *err)
{
    for (size_t i = 0; i < COUNT_OF(pawli_presets); i++)
        if (text_is(name, pawli_presets[i].name)) {
            *ret_preset = &pawli_presets[i];
            return PAWL_OK;
        }
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_EINVAL, PRESET_KEY " cannot be \"%.*s\"", name.size > 64 ? 64 : (int)name.size, name.data),
        "see \"pawl help lanes set\" for the presets");
}
