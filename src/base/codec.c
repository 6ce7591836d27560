/* SPDX-License-Identifier: MIT */
#include "base/codec.h"

void pawli_hex(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool pawli_unhex(struct text text, uint8_t *bytes, size_t size)
{
    if (text.size != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct text pawli_base64(struct arena *arena, struct text bytes)
{
    size_t size = (bytes.size + 2) / 3 * 4;
    char *out = pawli_arena_alloc_raw(arena, size + 1), *at = out;
    if (!out)
        return (struct text){0};
    const uint8_t *in = (const uint8_t *)bytes.data;
    for (size_t left = bytes.size; left > 0; in += 3, left -= left < 3 ? left : 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (left > 1 ? (uint32_t)in[1] << 8 : 0) | (left > 2 ? in[2] : 0);
        *at++ = base64_digits[group >> 18];
        *at++ = base64_digits[group >> 12 & 63];
        *at++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *at++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *at = '\0';
    return (struct text){out, size};
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

bool pawli_unbase64(struct arena *arena, struct text text, struct text *bytes)
{
    if (text.size % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=')
        padding++;
    size_t size = text.size / 4 * 3 - padding;
    uint8_t *out = pawli_arena_alloc_raw(arena, size + 3), *at = out;
    if (!out)
        return false;
    for (size_t i = 0; i < text.size; i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            bool padded = i + j >= text.size - padding;
            int value = padded ? 0 : base64_value(text.data[i + j]);
            if (value < 0)
                return false;
            group = group << 6 | (uint32_t)value;
        }
        *at++ = (uint8_t)(group >> 16);
        *at++ = (uint8_t)(group >> 8);
        *at++ = (uint8_t)group;
        if (i + 4 == text.size && padding > 0 && (group & (padding == 1 ? 0xFFu : 0xFFFFu)) != 0)
            return false; /* bits behind the end: two texts would mean the same bytes */
    }
    *bytes = (struct text){(const char *)out, size};
    return true;
}

/* The size of the well-formed sequence at the front, 0 when there is none. */
static size_t utf8_sequence(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    if ((first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F) || (first == 0xF0 && at[1] < 0x90) ||
        (first == 0xF4 && at[1] > 0x8F))
        return 0; /* overlong, a surrogate, or past U+10FFFF */
    return size;
}

bool pawli_utf8_valid(struct text text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t left = text.size;
    while (left > 0) {
        uint64_t word;
        if (left >= 8 && (memcpy(&word, at, 8), (word & 0x8080808080808080u) == 0)) {
            at += 8;
            left -= 8;
            continue;
        }
        size_t size = utf8_sequence(at, left);
        if (size == 0)
            return false;
        at += size;
        left -= size;
    }
    return true;
}

size_t pawli_utf8_read(struct text text, uint32_t *code)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t size = text.size ? utf8_sequence(at, text.size) : 0;
    if (size == 0)
        return 0;
    *code = size == 1 ? at[0] : at[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++)
        *code = *code << 6 | (at[i] & 0x3F);
    return size;
}

size_t pawli_utf8_cut(struct text text, size_t limit)
{
    if (text.size <= limit)
        return text.size;
    size_t size = limit;
    while (size > 0 && ((unsigned char)text.data[size] & 0xC0) == 0x80)
        size--;
    return size;
}

bool pawli_parse_u64(struct text text, uint64_t *value)
{
    uint64_t sum = 0;
    if (text.size == 0 || text.size > 20)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool pawli_parse_i64(struct text text, int64_t *value)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    uint64_t magnitude;
    if (negative)
        text = (struct text){text.data + 1, text.size - 1};
    if (!pawli_parse_u64(text, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}
