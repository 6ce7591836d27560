/* SPDX-License-Identifier: MIT */
#include "server/webhook.h"

#include <openssl/crypto.h>

#include "base/buffer.h"
#include "base/codec.h"
#include "base/digest.h"

#define ID_MAX        256
#define SIGNATURE_MAX 16 /* of one webhook: keys in rotation, other versions */

const char *pawli_webhook_check_id(const struct webhook *webhook)
{
    if (!webhook->id || !*webhook->id)
        return "the header webhook-id is missing";
    if (strlen(webhook->id) > ID_MAX)
        return "the header webhook-id is too long";
    for (const char *at = webhook->id; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == '.') /* a dot would move the borders of what is signed */
            return "the header webhook-id is malformed";
    return NULL;
}

static bool sign(const struct webhook *webhook, struct text key, struct digest *digest)
{
    struct buffer content;
    buffer_init(&content, webhook->body.size + ID_MAX + 64);
    pawli_buffer_format(&content, "%s.%s.", webhook->id, webhook->timestamp);
    pawli_buffer_add_text(&content, webhook->body);
    bool is_whole = !content.failed;
    if (is_whole)
        *digest = pawli_hmac_sha256(key, buffer_text(&content));
    pawli_buffer_done(&content);
    return is_whole;
}

/* One of "v1,BASE64 v1,BASE64 ..."; false: it is another's, or malformed. */
static bool read_signature(struct text word, struct digest *digest)
{
    struct arena arena = {0};
    struct text bytes;
    bool is_read = word.size > 3 && memcmp(word.data, "v1,", 3) == 0 &&
                   pawli_unbase64(&arena, (struct text){word.data + 3, word.size - 3}, &bytes) &&
                   bytes.size == sizeof digest->bytes;
    if (is_read)
        memcpy(digest->bytes, bytes.data, sizeof digest->bytes);
    pawli_arena_done(&arena);
    return is_read;
}

static bool has_signature(const char *signatures, const struct digest *expected)
{
    bool found = false;
    for (size_t count = 0; *signatures && count < SIGNATURE_MAX; count++) {
        struct digest given;
        size_t size = strcspn(signatures, " ");
        if (read_signature((struct text){signatures, size}, &given))
            found |= CRYPTO_memcmp(given.bytes, expected->bytes, sizeof given.bytes) == 0;
        signatures += size + (signatures[size] == ' ');
    }
    return found;
}

const char *pawli_webhook_check_signature(const struct webhook *webhook, const struct text *keys, size_t key_count,
                                          int64_t now_s)
{
    int64_t sent_s;
    bool found = false;
    if (!webhook->timestamp || !webhook->signature)
        return "the header webhook-timestamp or webhook-signature is missing";
    if (!pawli_parse_i64(text_of(webhook->timestamp), &sent_s))
        return "the header webhook-timestamp is malformed";
    if (sent_s < add_saturating(now_s, -WEBHOOK_TOLERANCE_S) || sent_s > add_saturating(now_s, WEBHOOK_TOLERANCE_S))
        return "the header webhook-timestamp is too far from now";
    for (size_t i = 0; i < key_count; i++) {
        struct digest expected;
        found |= sign(webhook, keys[i], &expected) && has_signature(webhook->signature, &expected);
    }
    return found ? NULL : "no signature fits";
}
