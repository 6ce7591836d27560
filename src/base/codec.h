/* SPDX-License-Identifier: MIT */
/* Text forms of bytes and numbers: hex, base64 (RFC 4648), UTF-8 (RFC 3629), whole numbers. */
#ifndef PAWLI_CODEC_H
#define PAWLI_CODEC_H

#include "base/arena.h"

void pawli_hex(const uint8_t *bytes, size_t size, char *out); /* 2 * size characters, lower case, and a NUL */
bool pawli_unhex(struct text text, uint8_t *bytes, size_t size);

struct text pawli_base64(struct arena *arena, struct text bytes);
bool pawli_unbase64(struct arena *arena, struct text text,
                    struct text *bytes); /* strict: padded, no other characters */

bool pawli_utf8_valid(struct text text);
size_t pawli_utf8_read(struct text text,
                       uint32_t *code); /* the character at the front, and its size; 0: there is none */
size_t pawli_utf8_cut(struct text text,
                      size_t limit); /* the greatest size <= limit that does not end inside a character */

/* Decimal digits only, no sign but '-', no blanks, the whole text; false too when out of range. */
bool pawli_parse_i64(struct text text, int64_t *value);
bool pawli_parse_u64(struct text text, uint64_t *value);

static inline void put_be32(uint8_t *out, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(out, &value, 4);
}

static inline void put_be64(uint8_t *out, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(out, &value, 8);
}

static inline uint32_t get_be32(const uint8_t *in)
{
    uint32_t value;
    memcpy(&value, in, 4);
    return __builtin_bswap32(value);
}

static inline uint64_t get_be64(const uint8_t *in)
{
    uint64_t value;
    memcpy(&value, in, 8);
    return __builtin_bswap64(value);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte swaps above assume a little-endian machine");

#endif
