/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <pthread.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"

void pawli_hasher_init(struct hasher *hasher)
{
    hasher->context = NULL;
    hasher->filled = 0;
    hasher->failed = false;
}

void pawli_hasher_done(struct hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    hasher->context = NULL;
}

/* Looking the algorithm up costs as much as hashing a short text, so it is done once for the process. */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static void start(struct hasher *hasher)
{
    hasher->filled = 0;
    if (!hasher->context) {
        pthread_once(&fetch_once, fetch);
        hasher->context = EVP_MD_CTX_new();
        if (!hasher->context || !sha256 || !EVP_DigestInit_ex(hasher->context, sha256, NULL))
            hasher->failed = true;
    } else if (!EVP_DigestInit_ex(hasher->context, NULL, NULL)) {
        hasher->failed = true;
    }
}

static void flush(struct hasher *hasher)
{
    if (hasher->filled && !hasher->failed && !EVP_DigestUpdate(hasher->context, hasher->pending, hasher->filled))
        hasher->failed = true;
    hasher->filled = 0;
}

static void feed(struct hasher *hasher, const void *bytes, size_t size)
{
    if (size > sizeof hasher->pending - hasher->filled)
        flush(hasher);
    if (size > sizeof hasher->pending) {
        if (!hasher->failed && !EVP_DigestUpdate(hasher->context, bytes, size))
            hasher->failed = true;
    } else if (size) {
        memcpy(hasher->pending + hasher->filled, bytes, size);
        hasher->filled += size;
    }
}

void pawli_hash_raw(struct hasher *hasher, const void *bytes, size_t size)
{
    uint8_t length[4];
    PAWL_ASSERT(size < UINT32_MAX);
    put_be32(length, (uint32_t)size);
    feed(hasher, length, sizeof length);
    feed(hasher, bytes, size);
}

void pawli_hash_begin(struct hasher *hasher, const char *domain)
{
    start(hasher);
    pawli_hash_raw(hasher, domain, strlen(domain));
}

void pawli_hash_text(struct hasher *hasher, struct text field)
{
    static const uint8_t absent[4] = {0xFF, 0xFF, 0xFF, 0xFF};
    if (field.data)
        pawli_hash_raw(hasher, field.data, field.size);
    else
        feed(hasher, absent, sizeof absent);
}

void pawli_hash_digest(struct hasher *hasher, const struct digest *field)
{
    pawli_hash_raw(hasher, field->bytes, DIGEST_SIZE);
}

void pawli_hash_u64(struct hasher *hasher, uint64_t number)
{
    uint8_t bytes[8];
    put_be64(bytes, number);
    pawli_hash_raw(hasher, bytes, sizeof bytes);
}

void pawli_hash_i64(struct hasher *hasher, int64_t number)
{
    pawli_hash_u64(hasher, (uint64_t)number);
}

struct digest pawli_hash_end(struct hasher *hasher)
{
    struct digest digest = {0};
    flush(hasher);
    if (!hasher->failed && !EVP_DigestFinal_ex(hasher->context, digest.bytes, NULL))
        hasher->failed = true;
    return digest;
}

void pawli_sha256_begin(struct hasher *hasher)
{
    start(hasher);
}

void pawli_sha256_add(struct hasher *hasher, struct text part)
{
    feed(hasher, part.data, part.size);
}

struct digest pawli_sha256(struct hasher *hasher, struct text bytes)
{
    pawli_sha256_begin(hasher);
    pawli_sha256_add(hasher, bytes);
    return pawli_hash_end(hasher);
}

struct digest pawli_hmac_sha256(struct text key, struct text message)
{
    struct digest digest = {0};
    PAWL_ASSERT(key.size <= INT_MAX);
    unsigned char *made = HMAC(EVP_sha256(), key.data, (int)key.size, (const unsigned char *)message.data, message.size,
                               digest.bytes, NULL);
    PAWL_ASSERT(made != NULL);
    return digest;
}
