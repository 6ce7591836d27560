/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include <sys/random.h>
#include <time.h>

#include "base/codec.h"
#include "base/digest.h"

static void stamp(pawl_uuid *id, unsigned version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0F) | version << 4);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3F) | 0x80);
}

bool pawli_uuid_read(struct text text, pawl_uuid *id)
{
    static const uint8_t group_sizes[] = {4, 2, 2, 2, 6};
    pawl_uuid result;
    if (text.size != PAWL_UUID_TEXT_SIZE - 1)
        return false;
    const char *at = text.data;
    uint8_t *out = result.bytes;
    for (size_t i = 0; i < COUNT_OF(group_sizes); i++) {
        if (i > 0 && *at++ != '-')
            return false;
        if (!pawli_unhex((struct text){at, (size_t)2 * group_sizes[i]}, out, group_sizes[i]))
            return false;
        at += 2 * group_sizes[i];
        out += group_sizes[i];
    }
    *id = result;
    return true;
}

int pawl_uuid_parse(const char *text, pawl_uuid *ret_id, pawl_error *err)
{
    pawl_uuid id;
    if (!text || !ret_id)
        return pawli_fail(err, PAWL_EINVAL, "%s is NULL", text ? "ret_id" : "text");
    if (!pawli_uuid_read(text_of(text), &id))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%.40s\" is not a UUID", text),
                          "write it as 8-4-4-4-12 hex digits, such as 018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f");
    if (uuid_is_nil(&id))
        return pawli_fail(err, PAWL_EINVAL, "the nil UUID is not an id");
    *ret_id = id;
    return PAWL_OK;
}

char *pawl_uuid_format(const pawl_uuid *id, char text[PAWL_UUID_TEXT_SIZE])
{
    static const pawl_uuid nil = {{0}};
    char hex[33];
    if (!text)
        return NULL;
    if (!id)
        id = &nil;
    pawli_hex(id->bytes, sizeof id->bytes, hex);
    char *out = text;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *out++ = '-';
        *out++ = hex[i];
    }
    *out = '\0';
    return text;
}

pawl_uuid pawl_request_id_from(const void *bytes, size_t size)
{
    pawl_uuid id = {{0}};
    struct hasher hasher;
    if (!bytes && size)
        return id;
    pawli_hasher_init(&hasher);
    pawli_hash_begin(&hasher, "pawl.request-id.1");
    pawli_hash_text(&hasher, (struct text){bytes ? bytes : "", size});
    struct digest digest = pawli_hash_end(&hasher);
    PAWL_ASSERT(!hasher.failed); /* libcrypto's 400 bytes: there is no way to answer without them */
    pawli_hasher_done(&hasher);
    memcpy(id.bytes, digest.bytes, sizeof id.bytes);
    stamp(&id, 8);
    return id;
}

pawl_uuid pawli_uuid_v7(int64_t unix_ms, uint16_t counter, const uint8_t random[8])
{
    pawl_uuid id;
    put_be64(id.bytes, (uint64_t)unix_ms << 16 | (counter & 0x0FFF));
    memcpy(id.bytes + 8, random, 8);
    stamp(&id, 7);
    return id;
}

pawl_uuid pawl_request_id_new(void)
{
    uint8_t random[10];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    ssize_t got = getrandom(random, sizeof random, 0);
    PAWL_ASSERT(got == (ssize_t)sizeof random); /* never short for so few bytes once the system is up */
    /* Without a counter to share, the fraction of the millisecond orders ids (RFC 9562, 6.2, method 3). */
    uint16_t fraction = (uint16_t)(now.tv_nsec % 1000000 * 4096 / 1000000);
    return pawli_uuid_v7((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, fraction, random);
}

pawl_uuid pawli_message_id(uint64_t number, uint64_t tail)
{
    pawl_uuid id;
    PAWL_ASSERT(number <= MESSAGE_NUMBER_MAX);
    PAWL_ASSERT(tail <= MESSAGE_TAIL_MAX);
    put_be64(id.bytes, (number >> 12) << 16 | (number & 0x0FFF));
    put_be64(id.bytes + 8, tail);
    stamp(&id, 8);
    return id;
}

bool pawli_message_id_split(const pawl_uuid *id, uint64_t *number, uint64_t *tail)
{
    if (id->bytes[6] >> 4 != 8 || id->bytes[8] >> 6 != 2)
        return false;
    uint64_t high = get_be64(id->bytes);
    *number = (high >> 16) << 12 | (high & 0x0FFF);
    *tail = get_be64(id->bytes + 8) & MESSAGE_TAIL_MAX;
    return *number != 0;
}
