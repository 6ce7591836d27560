/* SPDX-License-Identifier: MIT */
/* Files of time zones made in code, for machines that have none, and for zones that no place has. */
#ifndef TESTS_TZIF_H
#define TESTS_TZIF_H

#include <stdio.h>

#include "base/codec.h"

#define TZIF_SHIFT_MAX 250
#define TZIF_SIZE_MAX  8192

struct tzif_shift {
    int64_t at_s;
    int32_t offset_s;
};

struct tzif {
    char version;     /* '\0', '2', '3', '4' */
    int32_t offset_s; /* before the first */
    size_t count;
    struct tzif_shift shifts[TZIF_SHIFT_MAX];
    const char *footer; /* not of version 1 */
};

static inline uint8_t *tzif_header(uint8_t *at, char version, size_t time_count, size_t type_count)
{
    memset(at, 0, 44);
    memcpy(at, "TZif", 4);
    at[4] = (uint8_t)version;
    put_be32(at + 32, (uint32_t)time_count);
    put_be32(at + 36, (uint32_t)type_count);
    put_be32(at + 40, 4);
    return at + 44;
}

static inline uint8_t *tzif_table(uint8_t *at, const struct tzif *zone, size_t time_size)
{
    at = tzif_header(at, zone->version, zone->count, zone->count + 1);
    for (size_t i = 0; i < zone->count; i++, at += time_size)
        if (time_size == 8)
            put_be64(at, (uint64_t)zone->shifts[i].at_s);
        else
            put_be32(at, (uint32_t)zone->shifts[i].at_s);
    for (size_t i = 0; i < zone->count; i++)
        *at++ = (uint8_t)(i + 1);
    for (size_t i = 0; i <= zone->count; i++, at += 6) {
        memset(at, 0, 6);
        put_be32(at, (uint32_t)(i ? zone->shifts[i - 1].offset_s : zone->offset_s));
    }
    memcpy(at, "ABC", 4);
    return at + 4;
}

static inline size_t tzif_make(const struct tzif *zone, uint8_t out[TZIF_SIZE_MAX])
{
    uint8_t *at = out;
    if (zone->version == '\0')
        return (size_t)(tzif_table(at, zone, 4) - out);
    at = tzif_header(at, zone->version, 0, 1); /* for readers of version 1: nothing */
    memset(at, 0, 10);
    at = tzif_table(at + 10, zone, 8);
    return (size_t)(at - out) + (size_t)sprintf((char *)at, "\n%s\n", zone->footer ? zone->footer : "");
}

#endif
