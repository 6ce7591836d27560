/* SPDX-License-Identifier: MIT */
#include "model/policy.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/json.h"

struct policy_row {
    const char *key, *meaning;
    const char *words; /* NULL: a number */
    const char *value; /* the default, as text */
    int64_t min, max;
    bool is_list; /* of statuses */
};

static const struct policy_row rows[] = {
#define NUMBER(name, key, value, min, max, meaning) [POLICY_##name] = {#key, meaning, NULL, #value, min, max, false},
#define WORD(name, key, value, words, meaning)      [POLICY_##name] = {#key, meaning, words, #value, 0, 0, false},
#define LIST(name, key, value, meaning)             [POLICY_##name] = {#key, meaning, NULL, value, 0, 0, true},
#include "model/policy.def"
#undef NUMBER
#undef WORD
#undef LIST
};
static_assert(POLICY_COUNT <= 32, "the set of keys is 32 bits");

const char *pawli_policy_key_text(enum policy_key key)
{
    PAWL_ASSERT(key < POLICY_COUNT);
    return rows[key].key;
}

const char *pawli_policy_key_meaning(enum policy_key key)
{
    PAWL_ASSERT(key < POLICY_COUNT);
    return rows[key].meaning;
}

/* The n-th word of "a|b|c". */
static bool word_at(const char *words, int64_t number, struct text *word)
{
    for (;;) {
        size_t size = strcspn(words, "|");
        if (number-- == 0) {
            *word = (struct text){words, size};
            return true;
        }
        if (words[size] == '\0')
            return false;
        words += size + 1;
    }
}

/* A status is a bit, of 63: 400 to 451, then 500 to 510. Those are all that say something of a request. */
#define CLIENT_COUNT (451 - 400 + 1)

static int status_bit(int64_t status)
{
    if (status >= 400 && status <= 451)
        return (int)(status - 400);
    return status >= 500 && status <= 510 ? (int)(status - 500 + CLIENT_COUNT) : -1;
}

static bool parse_list(struct text text, int64_t *set)
{
    *set = 0;
    if (text_is(text, "none"))
        return true;
    for (size_t at = 0; at <= text.size;) {
        int64_t status;
        const char *comma = memchr(text.data + at, ',', text.size - at);
        size_t size = comma ? (size_t)(comma - text.data) - at : text.size - at;
        if (!pawli_parse_i64((struct text){text.data + at, size}, &status) || status_bit(status) < 0)
            return false;
        *set |= INT64_C(1) << status_bit(status);
        at += size + 1;
    }
    return true;
}

static void format_list(int64_t set, char out[POLICY_LIST_SIZE])
{
    size_t at = 0;
    memcpy(out, "none", 5);
    for (int status = 400; status <= 510; status++)
        if (status_bit(status) >= 0 && set >> status_bit(status) & 1)
            at += (size_t)snprintf(out + at, POLICY_LIST_SIZE - at, "%s%d", at ? "," : "", status);
}

bool pawli_policy_is_permanent(const struct policy *policy, int status)
{
    int bit = status_bit(status);
    int64_t set = policy_get(policy, POLICY_HTTP_PERMANENT) & ~policy_get(policy, POLICY_HTTP_RETRY);
    return bit >= 0 && (set >> bit & 1);
}

static bool parse_value(const struct policy_row *row, struct text text, int64_t *value)
{
    struct text word;
    if (row->is_list)
        return parse_list(text, value);
    if (!row->words)
        return pawli_parse_i64(text, value) && *value >= row->min && *value <= row->max;
    for (int64_t i = 0; word_at(row->words, i, &word); i++)
        if (text_equal(word, text)) {
            *value = i;
            return true;
        }
    return false;
}

struct policy pawli_policy_default(void)
{
    struct policy policy = {0};
    for (size_t i = 0; i < POLICY_COUNT; i++) {
        bool good = parse_value(&rows[i], text_of(rows[i].value), &policy.values[i]);
        PAWL_ASSERT(good);
    }
    return policy;
}

struct policy pawli_policy_effective(const struct policy *lane, const struct policy *target)
{
    struct policy effective = pawli_policy_default();
    const struct policy *layers[] = {lane, target};
    for (size_t i = 0; i < COUNT_OF(layers); i++)
        for (size_t key = 0; layers[i] && key < POLICY_COUNT; key++)
            if (layers[i]->set >> key & 1)
                effective.values[key] = layers[i]->values[key];
    return effective;
}

static int find_key(struct text key)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (text_is(key, rows[i].key))
            return i;
    return -1;
}

static int hint_words(pawl_error *err, int status, const char *words)
{
    char list[64];
    size_t at = 0;
    for (; *words && at + 2 < sizeof list; words++) {
        list[at++] = *words == '|' ? ',' : *words;
        if (*words == '|')
            list[at++] = ' ';
    }
    list[at] = '\0';
    return pawli_hint(err, status, "use one of %s", list);
}

int pawli_policy_set(struct policy *policy, struct text key, struct text value, pawl_error *err)
{
    int found = find_key(key);
    if (found < 0)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "no policy key is called \"%.*s\"",
                                     key.size > 64 ? 64 : (int)key.size, key.data),
                          "see \"pawl help lanes set\" for the keys");
    const struct policy_row *row = &rows[found];
    if (value.size == 0) {
        policy->set &= ~(1u << found);
        return PAWL_OK;
    }
    int64_t number;
    if (!parse_value(row, value, &number)) {
        int status = pawli_fail(err, PAWL_EINVAL, "%s cannot be \"%.*s\"", row->key,
                                value.size > 64 ? 64 : (int)value.size, value.data);
        if (row->is_list)
            return pawli_hint(err, status, "use statuses of 400 to 451 and 500 to 510, such as \"404,422\", or none");
        return row->words ? hint_words(err, status, row->words)
                          : pawli_hint(err, status, "use %lld to %lld", (long long)row->min, (long long)row->max);
    }
    policy->values[found] = number;
    policy->set |= 1u << found;
    return PAWL_OK;
}

int pawli_policy_check(const struct policy *effective, pawl_error *err)
{
    if (policy_get(effective, POLICY_BACKOFF_MAX_MS) < policy_get(effective, POLICY_BACKOFF_MS))
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "backoff_max_ms %lld is less than backoff_ms %lld",
                                     (long long)policy_get(effective, POLICY_BACKOFF_MAX_MS),
                                     (long long)policy_get(effective, POLICY_BACKOFF_MS)),
                          "raise backoff_max_ms or lower backoff_ms");
    return PAWL_OK;
}

struct text pawli_policy_json(const struct policy *policy, struct arena *arena)
{
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    for (size_t i = 0; i < POLICY_COUNT; i++) {
        struct text word;
        char list[POLICY_LIST_SIZE];
        if (!(policy->set >> i & 1))
            continue;
        if (rows[i].is_list) {
            format_list(policy->values[i], list);
            pawli_json_put_string(&writer, rows[i].key, list);
        } else if (rows[i].words && word_at(rows[i].words, policy->values[i], &word))
            pawli_json_put_text(&writer, rows[i].key, word);
        else
            pawli_json_put_i64(&writer, rows[i].key, policy->values[i]);
    }
    pawli_json_close(&writer, '}');
    arena->failed |= buffer.failed;
    struct text json = pawli_arena_text(arena, buffer_text(&buffer));
    pawli_buffer_done(&buffer);
    return json;
}

int pawli_policy_parse(struct text json, struct policy *policy, pawl_error *err)
{
    struct policy result = {0};
    json = pawli_json_trim(json);
    if (pawli_json_check(json, NULL, NULL) != JSON_GOOD || pawli_json_type(json) != JSON_OBJECT)
        return pawli_fail(err, PAWL_ECORRUPT, "a stored policy is not a JSON object");
    struct json_walk walk = pawli_json_walk(json);
    struct text name, value;
    while (pawli_json_member(&walk, &name, &value)) {
        bool quoted = pawli_json_type(value) == JSON_STRING;
        struct text plain = quoted ? (struct text){value.data + 1, value.size - 2} : value;
        if (pawli_policy_set(&result, (struct text){name.data + 1, name.size - 2}, plain, err) < 0)
            return pawli_fail(err, PAWL_ECORRUPT, "a stored policy has a key or value that this version does not know");
    }
    *policy = result;
    return PAWL_OK;
}

int64_t pawli_backoff_ms(const struct policy *policy, uint64_t attempt)
{
    int64_t base = policy_get(policy, POLICY_BACKOFF_MS), max = policy_get(policy, POLICY_BACKOFF_MAX_MS);
    int64_t factor = 1;
    if (attempt == 0)
        attempt = 1;
    switch ((enum backoff_shape)policy_get(policy, POLICY_BACKOFF_SHAPE)) {
    case BACKOFF_EXPONENTIAL: {
        uint64_t exponent;
        if (__builtin_add_overflow(attempt - 1, (uint64_t)policy_get(policy, POLICY_BACKOFF_OFFSET), &exponent) ||
            exponent > 62)
            exponent = 62;
        factor = (int64_t)1 << exponent;
        break;
    }
    case BACKOFF_QUADRATIC: {
        int64_t n = attempt > (uint64_t)INT32_MAX ? INT32_MAX : (int64_t)attempt;
        factor = mul_saturating(n, n);
        break;
    }
    case BACKOFF_FIXED:
        break;
    }
    int64_t delay = mul_saturating(base, factor);
    return delay < max ? delay : max;
}

/* 0 to jitter_percent of it, by chance. */
static int64_t jitter_of(const struct policy *policy, int64_t delay_ms, uint64_t random)
{
    int64_t band = (int64_t)((__int128)delay_ms * policy_get(policy, POLICY_JITTER_PERCENT) / 100);
    return (int64_t)(random % ((uint64_t)band + 1));
}

int64_t pawli_backoff_jittered_ms(const struct policy *policy, uint64_t attempt, uint64_t random)
{
    int64_t delay = pawli_backoff_ms(policy, attempt);
    return delay - jitter_of(policy, delay, random);
}

int64_t pawli_asked_jittered_ms(const struct policy *policy, int64_t asked_ms, uint64_t random)
{
    int64_t max = policy_get(policy, POLICY_BACKOFF_MAX_MS); /* a day's wait is not spread over hours */
    return add_saturating(asked_ms, jitter_of(policy, asked_ms < max ? asked_ms : max, random));
}
