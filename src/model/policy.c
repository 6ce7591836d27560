/* SPDX-License-Identifier: MIT */
#include "model/policy.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/json.h"

struct policy_row;

/* What the values of a key are. */
struct policy_kind {
    bool (*parse)(const struct policy_row *row, struct text text, int64_t *value);
    size_t (*format)(const struct policy_row *row, int64_t value, char out[POLICY_TEXT_SIZE]);
    int (*hint)(const struct policy_row *row, int status, pawl_error *err);
    bool is_number; /* of JSON: as it stands */
};

struct policy_row {
    const char *key, *meaning;
    const struct policy_kind *kind;
    const char *value; /* the default, as text */
    const char *words;
    int64_t min, max;
};

static const struct policy_kind kind_NUMBER, kind_OPTIONAL, kind_WORD, kind_LIST, kind_RATE, kind_PORTION;

static const struct policy_row rows[] = {
#define KEY(name, key, kind, value, min, max, words, meaning)                                                          \
    [POLICY_##name] = {#key, meaning, &kind_##kind, value, words, min, max},
#include "model/policy.def"
#undef KEY
};
static_assert(POLICY_COUNT <= 64, "the set of keys is 64 bits");

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

/* What a kind of workflows has of them, and what is the default there where it is another one. Its program decides what
 * happens to it, and only a person ends what is stuck. */
static const struct own_key {
    bool is_there;
    const char *value; /* NULL: the same as of messages */
} of_workflows[POLICY_COUNT] = {
    [POLICY_MAX_ATTEMPTS] = {true, NULL},
    [POLICY_BACKOFF_MS] = {true, NULL},
    [POLICY_BACKOFF_MAX_MS] = {true, NULL},
    [POLICY_BACKOFF_SHAPE] = {true, NULL},
    [POLICY_BACKOFF_OFFSET] = {true, NULL},
    [POLICY_JITTER_PERCENT] = {true, NULL},
    [POLICY_LEASE_MS] = {true, NULL},
    [POLICY_AGE_LIMIT_MS] = {false, "3153600000000"},
    [POLICY_CRASH_LIMIT] = {true, NULL},
    [POLICY_EXHAUSTED] = {true, "hold"},
    [POLICY_KEY_CONCURRENCY] = {true, NULL},
    [POLICY_CONCURRENCY] = {true, "10000"},
    [POLICY_LANE_CONCURRENCY] = {true, NULL},
    [POLICY_RATE] = {true, NULL},
    [POLICY_BURST] = {true, NULL},
    [POLICY_KEEP_MS] = {true, NULL},
    [POLICY_KEEP_DELIVERED_MS] = {true, NULL},
    [POLICY_KEEP_DEAD_MS] = {true, NULL},
    [POLICY_DEDUPE_KEEP_MS] = {true, NULL},
    [POLICY_MAX_REJECTIONS] = {true, NULL},
    [POLICY_MAY_START_AGAIN] = {true, NULL},
};

bool pawli_policy_has(enum policy_of of, enum policy_key key)
{
    return of == POLICY_OF_WORKFLOWS ? of_workflows[key].is_there
                                     : key != POLICY_MAX_REJECTIONS && key != POLICY_MAY_START_AGAIN;
}

const char *pawli_policy_key_of(enum policy_of of, size_t index, const char **ret_default, const char **ret_meaning)
{
    for (enum policy_key key = 0; key < POLICY_COUNT; key++) {
        if (!pawli_policy_has(of, key) || index-- > 0)
            continue;
        if (ret_default)
            *ret_default = pawli_policy_key_default(of, key);
        if (ret_meaning)
            *ret_meaning = pawli_policy_key_meaning(key);
        return pawli_policy_key_text(key);
    }
    return NULL;
}

const char *pawli_policy_key_default(enum policy_of of, enum policy_key key)
{
    PAWL_ASSERT(key < POLICY_COUNT);
    return of == POLICY_OF_WORKFLOWS && of_workflows[key].value ? of_workflows[key].value : rows[key].value;
}

/* ---- numbers ---- */

static bool parse_number(const struct policy_row *row, struct text text, int64_t *value)
{
    return pawli_parse_i64(text, value) && *value >= row->min && *value <= row->max;
}

static bool parse_optional(const struct policy_row *row, struct text text, int64_t *value)
{
    *value = POLICY_NONE;
    return text.size == 0 || parse_number(row, text, value);
}

static size_t format_number(const struct policy_row *row, int64_t value, char out[POLICY_TEXT_SIZE])
{
    (void)row;
    return (size_t)snprintf(out, POLICY_TEXT_SIZE, "%" PRId64, value);
}

static int hint_number(const struct policy_row *row, int status, pawl_error *err)
{
    return pawli_hint(err, status, "use %" PRId64 " to %" PRId64, row->min, row->max);
}

static const struct policy_kind kind_NUMBER = {parse_number, format_number, hint_number, true};
static const struct policy_kind kind_OPTIONAL = {parse_optional, format_number, hint_number, true};

/* ---- words ---- */

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

static bool parse_word(const struct policy_row *row, struct text text, int64_t *value)
{
    struct text word;
    for (*value = 0; word_at(row->words, *value, &word); ++*value)
        if (text_equal(word, text))
            return true;
    return false;
}

static size_t format_word(const struct policy_row *row, int64_t value, char out[POLICY_TEXT_SIZE])
{
    struct text word = {0};
    word_at(row->words, value, &word);
    return (size_t)snprintf(out, POLICY_TEXT_SIZE, "%.*s", TEXT_ARG(word));
}

static int hint_word(const struct policy_row *row, int status, pawl_error *err)
{
    char list[64];
    size_t at = 0;
    for (const char *words = row->words; *words && at + 2 < sizeof list; words++) {
        list[at++] = *words == '|' ? ',' : *words;
        if (*words == '|')
            list[at++] = ' ';
    }
    list[at] = '\0';
    return pawli_hint(err, status, "use one of %s", list);
}

static const struct policy_kind kind_WORD = {parse_word, format_word, hint_word, false};

/* ---- lists of statuses ---- */

/* A status is a bit, of 63: 400 to 451, then 500 to 510. Those are all that say something of a request. */
#define CLIENT_COUNT (451 - 400 + 1)

static int status_bit(int64_t status)
{
    if (status >= 400 && status <= 451)
        return (int)(status - 400);
    return status >= 500 && status <= 510 ? (int)(status - 500 + CLIENT_COUNT) : -1;
}

static bool parse_list(const struct policy_row *row, struct text text, int64_t *set)
{
    (void)row;
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

static size_t format_list(const struct policy_row *row, int64_t set, char out[POLICY_TEXT_SIZE])
{
    size_t at = 0;
    (void)row;
    for (int status = 400; status <= 510; status++)
        if (status_bit(status) >= 0 && set >> status_bit(status) & 1)
            at += (size_t)snprintf(out + at, POLICY_TEXT_SIZE - at, "%s%d", at ? "," : "", status);
    return at ? at : (size_t)snprintf(out, POLICY_TEXT_SIZE, "none");
}

static int hint_list(const struct policy_row *row, int status, pawl_error *err)
{
    (void)row;
    return pawli_hint(err, status, "use statuses of 400 to 451 and 500 to 510, such as \"404,422\", or none");
}

static const struct policy_kind kind_LIST = {parse_list, format_list, hint_list, false};

bool pawli_policy_is_permanent(const struct policy *policy, int status)
{
    int bit = status_bit(status);
    int64_t set = policy_get(policy, POLICY_HTTP_PERMANENT) & ~policy_get(policy, POLICY_HTTP_RETRY);
    return bit >= 0 && (set >> bit & 1);
}

/* ---- a number of another: two halves of a value; 0 is none ---- */

#define PAIR_MAX 1000000

static int64_t pair_of(int64_t first, int64_t second)
{
    return first << 32 | second;
}

static bool split(struct text text, char by, struct text *first, struct text *second)
{
    const char *at = memchr(text.data, by, text.size);
    if (!at)
        return false;
    *first = (struct text){text.data, (size_t)(at - text.data)};
    *second = (struct text){at + 1, text.size - first->size - 1};
    return true;
}

static const struct unit_of_time {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static bool parse_period(struct text text, int64_t *ms)
{
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (text_is((struct text){text.data + digits, text.size - digits}, units[i].name))
            return pawli_parse_i64((struct text){text.data, digits}, ms) && *ms >= 1 &&
                   !__builtin_mul_overflow(*ms, units[i].ms, ms) && *ms <= units[0].ms;
    return false;
}

static bool parse_rate(const struct policy_row *row, struct text text, int64_t *value)
{
    struct text count, period;
    int64_t number, ms;
    (void)row;
    *value = 0;
    if (text_is(text, "none"))
        return true;
    if (!split(text, '/', &count, &period) || !pawli_parse_i64(count, &number) || number < 1 || number > PAIR_MAX ||
        !parse_period(period, &ms))
        return false;
    *value = pair_of(number, ms);
    return true;
}

struct rate pawli_policy_rate(const struct policy *policy, enum policy_key key)
{
    int64_t value = policy_get(policy, key);
    return (struct rate){value >> 32, value & UINT32_MAX};
}

static size_t format_rate(const struct policy_row *row, int64_t value, char out[POLICY_TEXT_SIZE])
{
    int64_t ms = value & UINT32_MAX;
    const struct unit_of_time *unit = units;
    (void)row;
    if (value == 0)
        return (size_t)snprintf(out, POLICY_TEXT_SIZE, "none");
    while (ms % unit->ms != 0)
        unit++;
    return (size_t)snprintf(out, POLICY_TEXT_SIZE, "%" PRId64 "/%" PRId64 "%s", value >> 32, ms / unit->ms, unit->name);
}

static int hint_rate(const struct policy_row *row, int status, pawl_error *err)
{
    (void)row;
    return pawli_hint(err, status, "use a number and a time, such as \"100/1s\" (at most %d, in 1ms to 1d), or none",
                      PAIR_MAX);
}

static const struct policy_kind kind_RATE = {parse_rate, format_rate, hint_rate, false};

static bool parse_portion(const struct policy_row *row, struct text text, int64_t *value)
{
    struct text percent, least;
    int64_t number, of;
    (void)row;
    *value = 0;
    if (text_is(text, "off"))
        return true;
    if (!split(text, '/', &percent, &least) || percent.size < 2 || percent.data[percent.size - 1] != '%')
        return false;
    percent.size--;
    if (!pawli_parse_i64(percent, &number) || number < 1 || number > 100 || !pawli_parse_i64(least, &of) || of < 1 ||
        of > PAIR_MAX)
        return false;
    *value = pair_of(number, of);
    return true;
}

struct portion pawli_policy_portion(const struct policy *policy, enum policy_key key)
{
    int64_t value = policy_get(policy, key);
    return (struct portion){value >> 32, value & UINT32_MAX};
}

static size_t format_portion(const struct policy_row *row, int64_t value, char out[POLICY_TEXT_SIZE])
{
    (void)row;
    if (value == 0)
        return (size_t)snprintf(out, POLICY_TEXT_SIZE, "off");
    return (size_t)snprintf(out, POLICY_TEXT_SIZE, "%" PRId64 "%%/%" PRId64, value >> 32, value & (int64_t)UINT32_MAX);
}

static int hint_portion(const struct policy_row *row, int status, pawl_error *err)
{
    (void)row;
    return pawli_hint(err, status, "use a percentage and of how many at least, such as \"50%%/20\", or off");
}

static const struct policy_kind kind_PORTION = {parse_portion, format_portion, hint_portion, false};

/* ---- policies ---- */

static struct policy defaults[POLICY_OF_COUNT];

static void make_defaults(void)
{
    for (enum policy_of of = 0; of < POLICY_OF_COUNT; of++)
        for (enum policy_key key = 0; key < POLICY_COUNT; key++) {
            struct text value = text_of(pawli_policy_key_default(of, key));
            bool good = rows[key].kind->parse(&rows[key], value, &defaults[of].values[key]);
            PAWL_ASSERT(good);
        }
}

struct policy pawli_policy_default(enum policy_of of)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_defaults);
    return defaults[of];
}

struct policy pawli_policy_effective(enum policy_of of, const struct policy *lane, const struct policy *target)
{
    struct policy effective = pawli_policy_default(of);
    const struct policy *layers[] = {lane, target};
    for (size_t i = 0; i < COUNT_OF(layers); i++)
        for (size_t key = 0; layers[i] && key < POLICY_COUNT; key++)
            if (layers[i]->set >> key & 1) {
                effective.values[key] = layers[i]->values[key];
                effective.set |= UINT64_C(1) << key;
            }
    return effective;
}

static int find_key(struct text key)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (text_is(key, rows[i].key))
            return i;
    return -1;
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
        policy->set &= ~(UINT64_C(1) << found);
        return PAWL_OK;
    }
    int64_t number;
    if (!row->kind->parse(row, value, &number)) {
        int status = pawli_fail(err, PAWL_EINVAL, "%s cannot be \"%.*s\"", row->key,
                                value.size > 64 ? 64 : (int)value.size, value.data);
        return row->kind->hint(row, status, err);
    }
    policy->values[found] = number;
    policy->set |= UINT64_C(1) << found;
    return PAWL_OK;
}

int pawli_policy_give(enum policy_of of, struct policy *set, uint64_t *unset, const char *key, struct text value,
                      pawl_error *err)
{
    struct policy one = {0};
    if (of == POLICY_OF_WORKFLOWS && text_is(value, "stuck")) /* which is what hold is of a workflow */
        value = TEXT("hold");
    int status = pawli_policy_set(&one, text_of(key ? key : ""), value, err);
    if (status < 0)
        return status;
    int found = find_key(text_of(key));
    uint64_t bit = UINT64_C(1) << found;
    if (!pawli_policy_has(of, (enum policy_key)found))
        return of == POLICY_OF_WORKFLOWS
                   ? pawli_hint(err,
                                pawli_fail(err, PAWL_EINVAL, "%s is a key of lanes and targets, not of kinds", key),
                                "see \"pawl help kinds set\" for theirs")
                   : pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is a key of kinds of workflows", key),
                                "see \"pawl help lanes set\" for those of lanes and targets");
    set->values[found] = one.values[found];
    set->set = (set->set & ~bit) | (one.set & bit);
    *unset = value.size ? *unset & ~bit : *unset | bit;
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
        char text[POLICY_TEXT_SIZE];
        if (!(policy->set >> i & 1))
            continue;
        rows[i].kind->format(&rows[i], policy->values[i], text);
        if (rows[i].kind->is_number)
            pawli_json_put_i64(&writer, rows[i].key, policy->values[i]);
        else
            pawli_json_put_string(&writer, rows[i].key, text);
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
    enum json_verdict verdict = pawli_json_check(json, NULL, NULL);
    if (verdict == JSON_NO_MEMORY)
        return pawli_no_memory(err);
    if (verdict != JSON_GOOD || pawli_json_type(json) != JSON_OBJECT)
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

static int64_t backoff_from(const struct policy *policy, int64_t base, uint64_t attempt)
{
    int64_t max = policy_get(policy, POLICY_BACKOFF_MAX_MS);
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

int64_t pawli_backoff_ms(const struct policy *policy, uint64_t attempt)
{
    return backoff_from(policy, policy_get(policy, POLICY_BACKOFF_MS), attempt);
}

int64_t pawli_look_backoff_ms(const struct policy *policy, uint64_t look)
{
    return backoff_from(policy, policy_get(policy, POLICY_PROBE_BACKOFF_MS), look);
}

int64_t pawli_policy_keep_ms(const struct policy *policy, enum state ended)
{
    int64_t own = ended == STATE_DELIVERED ? policy_get(policy, POLICY_KEEP_DELIVERED_MS)
                  : ended == STATE_DEAD    ? policy_get(policy, POLICY_KEEP_DEAD_MS)
                                           : POLICY_NONE;
    return own == POLICY_NONE ? policy_get(policy, POLICY_KEEP_MS) : own;
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
