/* SPDX-License-Identifier: MIT */
/* SHA-256 over a canonical encoding: a domain tag, then fields that each carry their length, so that no two different
 * lists of fields give the same bytes (docs/format.md has the bytes and test vectors).
 *
 *   field    4 bytes big-endian length, then the bytes
 *   absent   the length 0xFFFFFFFF and nothing behind it: absent differs from empty
 *   number   a field of 8 bytes, big-endian (two's complement when negative)
 *   list     a number field with the count, then the fields of each item
 */
#ifndef PAWLI_DIGEST_H
#define PAWLI_DIGEST_H

#include "base/base.h"

#define DIGEST_SIZE 32

struct digest {
    uint8_t bytes[DIGEST_SIZE];
};

static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

/* One hashing context, used for one digest after the other. One thread at a time. */
struct hasher {
    void *context; /* EVP_MD_CTX */
    size_t filled;
    bool failed;          /* out of memory: no digest of this hasher may be used */
    uint8_t pending[256]; /* small fields are gathered: a call into libcrypto costs more than they do */
};

void pawli_hasher_init(struct hasher *hasher);
void pawli_hasher_done(struct hasher *hasher);

void pawli_hash_begin(struct hasher *hasher, const char *domain);
void pawli_hash_text(struct hasher *hasher, struct text field);
void pawli_hash_digest(struct hasher *hasher, const struct digest *field);
void pawli_hash_raw(struct hasher *hasher, const void *bytes, size_t size); /* a field of a fixed size, uuid or such */
void pawli_hash_u64(struct hasher *hasher, uint64_t number);
void pawli_hash_i64(struct hasher *hasher, int64_t number);
struct digest pawli_hash_end(struct hasher *hasher);

/* Plain SHA-256 of some bytes: what the canonical encoding calls H(body). */
struct digest pawli_sha256(struct hasher *hasher, struct text bytes);
void pawli_sha256_begin(struct hasher *hasher); /* the same of many parts; pawli_hash_end gives it */
void pawli_sha256_add(struct hasher *hasher, struct text part);
struct digest pawli_hmac_sha256(struct text key, struct text message);

#endif
