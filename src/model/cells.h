/* SPDX-License-Identifier: MIT */
/* What a cell of a row may be: the ends of numbers, forms of texts, and what is JSON in one column. Of columns.c alone. */
#ifndef PAWLI_CELLS_H
#define PAWLI_CELLS_H

#include "base/json.h"
#include "model/check.h"
#include "model/columns.h"
#include "model/serving.h"
#include "model/urls.h"
#include "model/words.h"

/* ---- what a number may be ---- */

/* Counters go up: one that is near its end was not reached by counting. A count has room to go up and down by one. */
#define COUNTER_MAX (INT64_MAX / 2)
#define ANY         .max = INT64_MAX
#define ID          .min = 1, .max = INT64_MAX - 1
#define COUNTER     .max = COUNTER_MAX
#define FROM_ONE    .min = 1, .max = COUNTER_MAX
#define EPOCH       .min = 1, .max = UINT16_MAX
#define NUMBER      .min = 1 + NUMBER_MAX, .max = INT64_MAX
#define TAIL        .max = MESSAGE_TAIL_MAX
#define COUNT       .max = INT32_MAX
#define BOOT        .max = INT64_MAX

/* Far enough from the ends of its type that the difference of any two is a number. */
#define WALL .min = -(INT64_C(1) << 61), .max = INT64_MAX - 1

/* ---- what a text may be ---- */

static inline bool is_name(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_name_or_reserved("", text, NULL) == PAWL_OK;
}

static inline bool is_key(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_key("", text, NULL) == PAWL_OK;
}

static inline bool is_account(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_account("", text, NULL) == PAWL_OK;
}

static inline bool is_topic(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_topic("", text, NULL) == PAWL_OK;
}

static inline bool is_text(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_text("", text, SIZE_MAX, NULL) == PAWL_OK;
}

/* An object of texts, its names sorted and each there once. */
static inline bool are_headers(struct text json, struct arena *arena)
{
    struct text name, value, last = {0};
    size_t count = 0;
    if (!pawli_json_is(json, '{', arena))
        return false;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        if (++count > LIMIT_HEADERS || pawli_json_type(value) != JSON_STRING)
            return false;
        struct text plain = pawli_json_string(arena, name);
        if (pawli_check_header(plain, pawli_json_string(arena, value), NULL) < 0 ||
            (last.data && pawli_text_compare(last, plain) >= 0))
            return false;
        last = plain;
    }
    return count > 0;
}

static inline bool is_workflow_id(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_workflow_id("", text, NULL) == PAWL_OK;
}

static inline bool is_holder(struct text text, struct arena *arena)
{
    (void)arena;
    return pawli_check_holder("", text, NULL) == PAWL_OK;
}

static inline bool is_object(struct text json, struct arena *arena)
{
    return pawli_json_is(json, '{', arena);
}

static inline bool is_array(struct text json, struct arena *arena)
{
    return pawli_json_is(json, '[', arena);
}

/* ---- the tables: a name, a kind, a field, and what it may be ---- */

#define COLUMN(column, type, field, ...)                                                                               \
    {                                                                                                                  \
        .name = column, .kind = COLUMN_##type, .offset = offsetof(struct ROW, field), __VA_ARGS__                      \
    }
#define KEY         .is_key = true
#define NEEDED      .is_needed = true
#define WITH(field) .other = offsetof(struct ROW, field)
#define SUM                                                                                                            \
    {                                                                                                                  \
        .name = "sum", .kind = COLUMN_SUM                                                                              \
    }

/* ---- what few rows have: a column that is absent in nearly all of them costs each only its place ---- */

/* {"class":"transient","at":1700000000000,"text":"…"} */
#define ROW failure
static const struct column failure_members[] = {
    COLUMN("class", WORD, class, .words = &pawli_words_of_error_classes),
    COLUMN("at", TIME, at, WALL),
    COLUMN("text", TEXT, text),
};
#undef ROW

static inline bool has_failed(const void *at)
{
    return ((const struct failure *)at)->class != ERROR_NONE;
}

/* {"times":1,"at":1700000000000,"attempts":40} */
#define ROW retried
static const struct column retried_members[] = {
    COLUMN("times", U32, times, .min = 1, .max = INT32_MAX),
    COLUMN("at", TIME, at, .min = 1, .max = INT64_MAX - 1),
    COLUMN("attempts", U32, attempts, COUNT),
};
#undef ROW

static inline bool was_retried(const void *at)
{
    return ((const struct retried *)at)->times > 0;
}

/* {"times":3,"before":1,"token":140737488355329} */
#define ROW looked
static const struct column looked_members[] = {
    COLUMN("times", U32, times, COUNT),
    COLUMN("before", U32, before, COUNT),
    COLUMN("token", U64_OR_NULL, token, ANY),
};
#undef ROW

static inline bool has_looked(const void *at)
{
    const struct looked *looked = at;
    return looked->times > 0 || looked->token;
}

static inline bool looked_is_good(const void *at)
{
    const struct looked *looked = at;
    return looked->before <= looked->times;
}

/* {"status":200,"durability":"stored","text":"…"} */
#define ROW answer
static const struct column answer_members[] = {
    COLUMN("status", U32_OR_NULL, status, COUNT),
    COLUMN("durability", WORD, durability, .words = &pawli_words_of_durabilities),
    COLUMN("text", TEXT, text),
};
#undef ROW

static inline struct text policy_write(const void *at, struct arena *arena)
{
    return pawli_policy_json(at, arena);
}

static inline bool policy_parse(struct text json, void *at, struct arena *arena)
{
    int status = pawli_policy_parse(json, at, NULL);
    arena->failed |= status == PAWL_ENOMEM;
    return status == PAWL_OK;
}

#define MEMBERS(row) .size = sizeof(struct row), .members = row##_members, .member_count = COUNT_OF(row##_members)
static const struct form failures = {MEMBERS(failure), .text = offsetof(struct failure, text), .is_kept = has_failed},
                         retries = {MEMBERS(retried), .is_kept = was_retried},
                         looks = {MEMBERS(looked), .is_kept = has_looked, .is_good = looked_is_good},
                         answers = {MEMBERS(answer), .text = offsetof(struct answer, text)},
                         policies = {.size = sizeof(struct policy), .write = policy_write, .parse = policy_parse};

#endif
