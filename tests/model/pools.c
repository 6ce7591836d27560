/* SPDX-License-Identifier: MIT */
/* The pools. */
#include "pools.h"

#include "model.h"

#include <string.h>

struct entry {
    const char *text;
    bool good;
};

#define MAX_ENTRIES 10
#define TEN         "0123456789"
#define FIFTY       TEN TEN TEN TEN TEN
#define HUNDRED     FIFTY FIFTY
#define NAME_129    HUNDRED "01234567890123456789012345678"
#define KEY_257     HUNDRED HUNDRED FIFTY "0123456"

static const struct entry pools[POOLS][MAX_ENTRIES] = {
    [POOL_SCOPE] = {{"default", true}, {"b", true}, {"pawl.operator", true}},
    [POOL_LANE] = {{"mail", true},
                   {"sms", true},
                   {"push", true},
                   {"", false},
                   {" ", false},
                   {"a/b", false},
                   {"pawl.x", false},
                   {NAME_129, false}},
    [POOL_TARGET] = {{"t1", true}, {"t2", true}, {"\t", false}, {"t 1", false}, {"pawl.t", false}},
    [POOL_KEY] = {{"k1", true},
                  {"k\xC3\xA4", true},
                  {" k1", true},
                  {" ", false},
                  {"a\x01", false},
                  {"a\xC2\x85", false},
                  {"\xFF", false},
                  {KEY_257, false}},
    [POOL_DEDUPE] = {{"d1", true}, {"d2", true}, {"d3", true}, {"\t ", false}, {"\xC3", false}},
    [POOL_SENDER] = {{"alice", true}, {"bob", true}, {"", false}},
    [POOL_TYPE] = {{"Place", true}, {"Ship", true}, {"pawl.mine", false}, {"a b", false}},
    [POOL_TOPIC] = {{"orders", true}, {"orders/eu", true}, {"stock", true}, {"pawl.t", false}, {"a b", false}},
    [POOL_REF] = {{"order-1", true}, {"order-2", true}, {" ", false}},
    [POOL_CONTENT_TYPE] = {{"application/json", true},
                           {"application/octet-stream", true},
                           {"text/plain", true},
                           {" ", false}},
    [POOL_CONSUMER] = {{"w1", true}, {"w2", true}, {"unnamed", true}, {"w 1", false}},
    [POOL_REASON] = {{"because", true}, {"again", true}, {" ", false}},
    [POOL_ACTOR] = {{"ann", true}, {"ben", true}, {"unknown", true}, {"a\x02", false}},
    [POOL_CODE] = {{"paused", true}, {"gone", true}, {"breaker", true}, {"a b", false}},
    [POOL_ERROR] = {{"timeout", true}, {"refused", true}, {"", true}},
    [POOL_REMOTE] = {{"r-1", true}, {"r-2", true}, {KEY_257, false}},
    [POOL_ASKED] = {{"http://a/asked", true}, {"callback:asked", true}, {"nats://a/asked", false}},
    [POOL_URL] = {{"http://a/", true},
                  {"exec:/bin/true", true},
                  {"callback:f", true},
                  {"gopher://a", false},
                  {"http://", false}},
    [POOL_SECRET] = {{"/s/1", true}},
};

/* 1023 bytes, then a character of two: it does not fit into 1 KiB and goes whole. */
static char long_error[1100], long_error_kept[1100];
#define LONG_ERROR 4

static void make_long_error(void)
{
    memset(long_error, 'x', 1023);
    strcpy(long_error + 1023, "\xC3\xA4 and more");
    memset(long_error_kept, 'x', 1023);
    long_error_kept[1023] = '\0';
}

int64_t pool_count(enum pool pool)
{
    int64_t count = 0;
    while (count < MAX_ENTRIES && pools[pool][count].text)
        count++;
    return count + (pool == POOL_ERROR);
}

int64_t pool_good_count(enum pool pool)
{
    int64_t count = 0;
    while (count < MAX_ENTRIES && pools[pool][count].good)
        count++;
    return count + (pool == POOL_ERROR);
}

const char *pool_text(enum pool pool, int64_t index)
{
    if (pool == POOL_ERROR && index == LONG_ERROR) {
        make_long_error();
        return long_error;
    }
    return index <= 0 || index > MAX_ENTRIES ? NULL : pools[pool][index - 1].text;
}

bool pool_good(enum pool pool, int64_t index)
{
    return index == 0 || (pool == POOL_ERROR && index == LONG_ERROR) || pools[pool][index - 1].good;
}

int64_t pool_find(enum pool pool, const char *text)
{
    for (int64_t i = 1; text && i <= pool_count(pool); i++)
        if (strcmp(pool_text(pool, i), text) == 0)
            return i;
    return text ? -1 : 0;
}

const char *pool_error_kept(int64_t index)
{
    if (index != LONG_ERROR)
        return pool_text(POOL_ERROR, index);
    make_long_error();
    return long_error_kept;
}

/* ---- bodies ---- */

static char too_long[1024 * 1024 + 1];
static const struct body bodies[] = {
    {"", 0, false, false},
    {"{\"a\":1}", 7, true, false},
    {"{\"a\":2}", 7, true, false},
    {" {\"a\": 1} ", 10, true, false},
    {"7.50", 4, true, false},
    {"{\"a\":1,\"a\":1}", 13, false, false}, /* duplicate names: no JSON */
    {"plain\0text", 10, false, false},
    {"\xFF\x00\x01", 3, false, false},
    {too_long, sizeof too_long, false, true},
};
#define BODIES ((int64_t)(sizeof bodies / sizeof *bodies))

const struct body *pool_body(int64_t index)
{
    return &bodies[index];
}

int64_t pool_body_count(void)
{
    return BODIES - 1;
}

int64_t pool_body_good_count(void)
{
    return BODIES - 2;
}

int64_t pool_body_find(const void *data, size_t size)
{
    for (int64_t i = 0; i < BODIES; i++)
        if (bodies[i].size == size && (size == 0 || memcmp(bodies[i].data, data, size) == 0))
            return i;
    return -1;
}

/* ---- headers ---- */

static const pawl_header two[] = {{"a", "1"}, {"b", "\xC3\xA4"}}, swapped[] = {{"b", "\xC3\xA4"}, {"a", "1"}},
                         other[] = {{"a", "2"}}, upper[] = {{"Accept", "1"}}, own[] = {{"webhook-id", "1"}},
                         doubled[] = {{"a", "1"}, {"a", "1"}};
static pawl_header many[65];
static char many_names[65][8];
static const struct header_set header_sets[] = {
    {0, NULL, 0, PAWL_OK},      {2, two, 1, PAWL_OK},     {2, swapped, 1, PAWL_OK},     {1, other, 3, PAWL_OK},
    {1, upper, 4, PAWL_EINVAL}, {1, own, 5, PAWL_EINVAL}, {2, doubled, 6, PAWL_EINVAL}, {65, many, 7, PAWL_ELIMIT},
};

const struct header_set *pool_headers(int64_t index)
{
    for (size_t i = 0; i < 65; i++) {
        many_names[i][0] = 'h';
        many_names[i][1] = (char)('0' + i / 10);
        many_names[i][2] = (char)('0' + i % 10);
        many[i] = (pawl_header){many_names[i], "v"};
    }
    return &header_sets[index];
}

int64_t pool_headers_count(void)
{
    return 7;
}

int64_t pool_headers_good_count(void)
{
    return 3;
}

/* ---- settings; cases/ name them by their numbers: new ones stand at the end, before those that are none ---- */

#define VALUES_MAX 8
static const struct {
    const char *name;
    int key;
    struct {
        const char *text;
        int64_t number;
    } values[VALUES_MAX];
} settings[SETTING_NAMES] = {
    {"max_attempts", POLICY_max_attempts, {{"1", 1}, {"2", 2}, {"3", 3}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"backoff_ms",
     POLICY_backoff_ms,
     {{"0", 0}, {"100", 100}, {"1000", 1000}, {"", SETTING_UNSET}, {"x", SETTING_BAD}}},
    {"backoff_max_ms",
     POLICY_backoff_max_ms,
     {{"5000", 5000}, {"100000", 100000}, {"31536000000", 31536000000}, {"", SETTING_UNSET}, {"50", 50}}},
    {"backoff_shape",
     POLICY_backoff_shape,
     {{"exponential", 0}, {"quadratic", 1}, {"fixed", 2}, {"", SETTING_UNSET}, {"square", SETTING_BAD}}},
    {"backoff_offset",
     POLICY_backoff_offset,
     {{"0", 0}, {"1", 1}, {"62", 62}, {"", SETTING_UNSET}, {"63", SETTING_BAD}}},
    {"jitter_percent", POLICY_jitter_percent, {{"0", 0}, {"20", 20}, {"100", 100}, {"101", SETTING_BAD}}},
    {"lease_ms",
     POLICY_lease_ms,
     {{"50", 50}, {"1000", 1000}, {"86400000", 86400000}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"timeout_ms", POLICY_timeout_ms, {{"1", 1}, {"", SETTING_UNSET}}},
    {"age_limit_ms", POLICY_age_limit_ms, {{"500", 500}, {"20000", 20000}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"concurrency", POLICY_concurrency, {{"1", 1}, {"", SETTING_UNSET}, {"3", 3}, {"40", 40}}},
    {"unknown", POLICY_unknown, {{"hold", 1}, {"resend", 0}, {"", SETTING_UNSET}, {"drop", SETTING_BAD}}},
    {"exhausted", POLICY_exhausted, {{"hold", 1}, {"dead", 0}, {"", SETTING_UNSET}}},
    {"key_dead", POLICY_key_dead, {{"block", 1}, {"skip", 0}, {"", SETTING_UNSET}}},
    {"key_release", POLICY_key_release, {{"submitted", 1}, {"ended", 0}, {"", SETTING_UNSET}}},
    {"keep_ms", POLICY_keep_ms, {{"0", 0}, {"1000", 1000}, {"60000", 60000}, {"", SETTING_UNSET}, {"-1", SETTING_BAD}}},
    {"dedupe_keep_ms", POLICY_dedupe_keep_ms, {{"0", 0}, {"1000", 1000}, {"", SETTING_UNSET}}},
    {"accept", POLICY_accept, {{"bind", 1}, {"rebind", 2}, {"refuse", 3}, {"return", 0}, {"", SETTING_UNSET}}},
    {"keep_delivered_ms", POLICY_keep_delivered_ms, {{"0", 0}, {"500", 500}, {"", SETTING_UNSET}, {"-1", SETTING_BAD}}},
    {"keep_dead_ms", POLICY_keep_dead_ms, {{"0", 0}, {"2000", 2000}, {"", SETTING_UNSET}}},
    {"crash_limit", POLICY_crash_limit, {{"1", 1}, {"2", 2}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"poll_deadline_ms", POLICY_poll_deadline_ms, {{"1", 1}, {"3000", 3000}, {"", SETTING_UNSET}}},
    {"lane_concurrency", POLICY_lane_concurrency, {{"2", 2}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"key_concurrency",
     POLICY_key_concurrency,
     {{"2", 2}, {"1", 1}, {"3", 3}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"rate",
     POLICY_rate,
     {{"2/1s", RATE_2_A_SECOND},
      {"1/10s", RATE_1_IN_10_S},
      {"5/1m", RATE_5_A_MINUTE},
      {"none", RATE_NONE},
      {"", SETTING_UNSET},
      {"1/0s", SETTING_BAD}}},
    {"burst", POLICY_burst, {{"1", 1}, {"3", 3}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"breaker",
     POLICY_breaker,
     {{"50%/2", BREAKER_HALF_OF_2},
      {"100%/3", BREAKER_ALL_OF_3},
      {"20%/1", BREAKER_FIFTH_OF_1},
      {"off", BREAKER_OFF},
      {"", SETTING_UNSET},
      {"101%/1", SETTING_BAD}}},
    {"breaker_open_ms", POLICY_breaker_open_ms, {{"1000", 1000}, {"100", 100}, {"", SETTING_UNSET}}},
    {"breaker_disable", POLICY_breaker_disable, {{"1", 1}, {"2", 2}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"slow_start_ms", POLICY_slow_start_ms, {{"0", 0}, {"3000", 3000}, {"60000", 60000}, {"", SETTING_UNSET}}},
    {"retry_budget_percent",
     POLICY_retry_budget_percent,
     {{"0", 0}, {"100", 100}, {"5000", 5000}, {"", SETTING_UNSET}}},
    {"probe",
     ASKED_probe,
     {{"http://a/asked", 1}, {"callback:asked", 2}, {"", SETTING_UNSET}, {"nats://a/asked", SETTING_BAD}}},
    {"poll", ASKED_poll, {{"http://a/asked", 1}, {"callback:asked", 2}, {"", SETTING_UNSET}, {"x", SETTING_BAD}}},
    {"probe_backoff_ms", POLICY_probe_backoff_ms, {{"0", 0}, {"100", 100}, {"", SETTING_UNSET}}},
    {"probe_limit_ms",
     POLICY_probe_limit_ms,
     {{"1000", 1000}, {"60000", 60000}, {"", SETTING_UNSET}, {"0", SETTING_BAD}}},
    {"nonsense", -1, {{"1", SETTING_BAD}}},
    {"", -1, {{"1", SETTING_BAD}}},
};

int64_t pool_setting_count(int64_t name)
{
    int64_t count = 0;
    while (count < VALUES_MAX && settings[name - 1].values[count].text)
        count++;
    return count;
}

struct setting pool_setting(int64_t name, int64_t value)
{
    return (struct setting){.name = settings[name - 1].name,
                            .value = settings[name - 1].values[value - 1].text,
                            .key = settings[name - 1].key,
                            .number = settings[name - 1].values[value - 1].number};
}

int64_t pool_setting_value_find(int64_t name, int64_t number)
{
    for (int64_t i = 1; i <= pool_setting_count(name); i++)
        if (settings[name - 1].values[i - 1].number == number)
            return i;
    return 0;
}

pawl_uuid request_of(int64_t number)
{
    pawl_uuid id = {0};
    if (number == 0)
        return id;
    for (size_t i = 0; i < sizeof number; i++)
        id.bytes[i] = (uint8_t)((uint64_t)number >> 8 * i);
    id.bytes[15] = 0x5A;
    return id;
}
