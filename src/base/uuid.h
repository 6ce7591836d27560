/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_UUID_H
#define PAWLI_UUID_H

#include "base/base.h"
#include "pawl/id.h"

static inline bool uuid_is_nil(const pawl_uuid *id)
{
    static const pawl_uuid nil;
    return memcmp(id, &nil, sizeof nil) == 0;
}

static inline bool uuid_equal(const pawl_uuid *a, const pawl_uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool pawli_uuid_read(struct text text, pawl_uuid *id);

/* UUIDv7 of this millisecond: 12 bits of counter (so that ids minted in one millisecond keep their order), random rest. */
pawl_uuid pawli_uuid_v7(int64_t unix_ms, uint16_t counter, const uint8_t random[8]);

/* A message id is a UUIDv8: the number in the upper 60 custom bits, a random tail in the lower 62. */
#define MESSAGE_NUMBER_MAX (((uint64_t)1 << 60) - 1)
#define MESSAGE_TAIL_MAX   (((uint64_t)1 << 62) - 1)
pawl_uuid pawli_message_id(uint64_t number, uint64_t tail);
bool pawli_message_id_split(const pawl_uuid *id, uint64_t *number, uint64_t *tail); /* false: no message id */

#endif
