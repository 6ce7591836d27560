/* SPDX-License-Identifier: MIT */
/* The few words that every file of pawl uses: scope cleanup, assertions, text, checked arithmetic, errors. */
#ifndef PAWLI_BASE_H
#define PAWLI_BASE_H

#include <assert.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pawl/status.h"

#define PAWL_AUTO(fn) __attribute__((cleanup(fn)))

/* Moves ownership out of a variable with PAWL_AUTO. */
#define PAWL_TAKE(p)                                                                                                   \
    ({                                                                                                                 \
        __typeof__(p) take_ = (p);                                                                                     \
        (p) = NULL;                                                                                                    \
        take_;                                                                                                         \
    })

/* On in every build: a store that knows that it is wrong must not commit. Never for what the world can do. */
#define PAWL_ASSERT(condition)                                                                                         \
    (__builtin_expect(!!(condition), 1) ? (void)0 : pawli_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void pawli_assert_failed(const char *condition, const char *file, int line);

#define COUNT_OF(array)   (sizeof(array) / sizeof *(array))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK        __attribute__((warn_unused_result))

/* Bytes that somebody else owns. data NULL is "absent", which differs from empty. */
struct text {
    const char *data;
    size_t size;
};

#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})
#define TEXT_ARG(t)   (int)(t).size, (t).data /* for "%.*s" */

static inline struct text text_of(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.size == b.size && !a.data == !b.data && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool text_is(struct text a, const char *string)
{
    return a.data && a.size == strlen(string) && memcmp(a.data, string, a.size) == 0;
}

int pawli_text_compare(struct text a, struct text b);

static inline bool add_overflows(size_t a, size_t b, size_t *sum)
{
    return __builtin_add_overflow(a, b, sum);
}

/* A sum that stops at the greatest value: a time or a count near its end must not wrap into the past. */
static inline int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b > 0 ? INT64_MAX : INT64_MIN;
}

static inline int64_t mul_saturating(int64_t a, int64_t b)
{
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

/* All memory comes from here; a request for 0 bytes or for more than PAWLI_ALLOC_MAX is refused. */
#define PAWLI_ALLOC_MAX ((size_t)1 << 40)
void *pawli_alloc(size_t size) __attribute__((malloc, alloc_size(1))) MUST_CHECK;     /* zeroed */
void *pawli_alloc_raw(size_t size) __attribute__((malloc, alloc_size(1))) MUST_CHECK; /* not zeroed */
void *pawli_grow(void *old, size_t size) MUST_CHECK; /* contents kept; NULL leaves old valid */
void pawli_free(void *memory);
void pawli_freep(void *pointer_to_pointer); /* for PAWL_AUTO */

/* Fills an error and returns its status, so that a failure is one line: return pawli_fail(err, …). */
#define pawli_fail(err, status, ...) pawli_fail_at((err), (status), pawli_where(__FILE_NAME__, __LINE__), __VA_ARGS__)
#define PAWLI_STRINGIFY_(x)          #x
#define PAWLI_STRINGIFY(x)           PAWLI_STRINGIFY_(x)
#define pawli_where(file, line)      (file ":" PAWLI_STRINGIFY(line))
int pawli_fail_at(pawl_error *err, int status, const char *where, const char *format, ...) PRINTF_LIKE(4, 5);

/* Adds what to do next to an error that pawli_fail made; returns its status. */
int pawli_hint(pawl_error *err, int status, const char *format, ...) PRINTF_LIKE(3, 4);

/* Says that it is the store's, not what was asked of it: the system's code. Returns the status. */
int pawli_native(pawl_error *err, int status, int native);

/* Says of what an error is, before its text: "message 3: …". */
void pawli_fail_in(pawl_error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* "2026-11-21 06:43:35Z"; "-" for 0 */
#define TIME_TEXT_SIZE 32
char *pawli_time_text(int64_t unix_ms, char out[TIME_TEXT_SIZE]);

/* Out of memory, said in one place so that it needs no formatting. */
int pawli_no_memory(pawl_error *err);

#endif
