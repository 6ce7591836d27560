/* SPDX-License-Identifier: MIT */
/* SHA-256, HMAC and the canonical encoding of fields. */
#include "unit.h"

#include "base/buffer.h"
#include "base/codec.h"
#include "base/digest.h"

static void assert_digest(struct digest digest, const char *hex)
{
    char text[2 * DIGEST_SIZE + 1];
    pawli_hex(digest.bytes, DIGEST_SIZE, text);
    assert_string_equal(text, hex);
}

/* ---- published vectors ---- */

/* FIPS 180-4 examples, and the first of the NIST SHAVS byte-oriented long messages' short kin. */
static void sha_256_is_that_of_fips_180_4(void **state)
{
    (void)state;
    static const struct {
        struct text bytes;
        const char *hex;
    } vectors[] = {
        {{"", 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {{"abc", 3}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56},
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopq"
          "rst"
          "u",
          112},
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {{"\xd3", 1}, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
        {{"\x11\xaf", 2}, "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
    };
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    for (size_t i = 0; i < COUNT_OF(vectors); i++)
        assert_digest(pawli_sha256(&hasher, vectors[i].bytes), vectors[i].hex);
    assert_digest(pawli_sha256(&hasher, (struct text){0}), vectors[0].hex);
    enum { MILLION = 1000000 };
    char *million = malloc(MILLION);
    assert_non_null(million);
    memset(million, 'a', MILLION);
    assert_digest(pawli_sha256(&hasher, (struct text){million, MILLION}),
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
    assert_false(hasher.failed);
    pawli_hasher_done(&hasher);
}

static void hmac_is_that_of_rfc_4231(void **state)
{
    (void)state;
    char key[131], data[50], counting[25];
    memset(key, 0x0b, 20);
    assert_digest(pawli_hmac_sha256((struct text){key, 20}, TEXT("Hi There")),
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_digest(pawli_hmac_sha256(TEXT("Jefe"), TEXT("what do ya want for nothing?")),
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    assert_digest(pawli_hmac_sha256((struct text){key, 20}, (struct text){data, 50}),
                  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (size_t i = 0; i < sizeof counting; i++)
        counting[i] = (char)(i + 1);
    memset(data, 0xcd, sizeof data);
    assert_digest(pawli_hmac_sha256((struct text){counting, 25}, (struct text){data, 50}),
                  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    assert_digest(
        pawli_hmac_sha256((struct text){key, 131}, TEXT("Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_digest(
        pawli_hmac_sha256((struct text){key, 131},
                          TEXT("This is a test using a larger than block-size key and a larger than block-size data. "
                               "The key needs to be hashed before being used by the HMAC algorithm.")),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* ---- the canonical encoding ---- */

/* What was hashed is what the description says, written down by other means. */
static void fields_are_hashed_as_they_are_described(void **state)
{
    (void)state;
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct digest inner = pawli_sha256(&hasher, TEXT("inner"));
    static const char head[] = "\0\0\0\x06"
                               "domain"
                               "\0\0\0\0"
                               "\xff\xff\xff\xff"
                               "\0\0\0\x03"
                               "a\0b"
                               "\0\0\0\x08"
                               "\x01\x02\x03\x04\x05\x06\x07\x08"
                               "\0\0\0\x08"
                               "\xff\xff\xff\xff\xff\xff\xff\xfe"
                               "\0\0\0\x02"
                               "\x05\x06"
                               "\0\0\0\x20";
    char bytes[sizeof head - 1 + DIGEST_SIZE];
    memcpy(bytes, head, sizeof head - 1);
    memcpy(bytes + sizeof head - 1, inner.bytes, DIGEST_SIZE);
    struct digest plain = pawli_sha256(&hasher, (struct text){bytes, sizeof bytes});

    pawli_hash_begin(&hasher, "domain");
    pawli_hash_text(&hasher, TEXT(""));
    pawli_hash_text(&hasher, (struct text){0});
    pawli_hash_text(&hasher, TEXT("a\0b"));
    pawli_hash_u64(&hasher, 0x0102030405060708);
    pawli_hash_i64(&hasher, -2);
    pawli_hash_raw(&hasher, "\x05\x06", 2);
    pawli_hash_digest(&hasher, &inner);
    struct digest fields = pawli_hash_end(&hasher);
    assert_true(digest_equal(&fields, &plain));

    pawli_hash_begin(&hasher, "domain"); /* the vector of docs/format.md */
    pawli_hash_text(&hasher, TEXT(""));
    pawli_hash_text(&hasher, (struct text){0});
    pawli_hash_text(&hasher, TEXT("a\0b"));
    pawli_hash_u64(&hasher, 0x0102030405060708);
    pawli_hash_i64(&hasher, -2);
    assert_digest(pawli_hash_end(&hasher), "3b5ef9a63e9111531efbc1069610c335dcd355f0753488075b00a4f5bcebfa0e");
    pawli_hasher_done(&hasher);
}

/* Small fields are gathered: wherever the gathering is cut, the digest is that of the same bytes in one piece. */
static void fields_of_every_size_give_the_digest_of_their_bytes(void **state)
{
    (void)state;
    struct random random = random_begin("fields");
    struct hasher hasher;
    struct buffer buffer;
    pawli_hasher_init(&hasher);
    buffer_init(&buffer, 1 << 20);
    for (int round = 0; round < 3000; round++) {
        char bytes[600];
        buffer.size = 0;
        pawli_buffer_add(&buffer, "\0\0\0\1d", 5);
        pawli_hash_begin(&hasher, "d");
        for (uint64_t n = random_below(&random, 12); n > 0; n--) {
            size_t size = random_below(&random, random_below(&random, 4) == 0 ? sizeof bytes : 60);
            uint8_t length[4];
            random_fill(&random, bytes, size);
            pawli_hash_text(&hasher, (struct text){bytes, size});
            put_be32(length, (uint32_t)size);
            pawli_buffer_add(&buffer, length, 4);
            pawli_buffer_add(&buffer, bytes, size);
        }
        struct digest fields = pawli_hash_end(&hasher), plain = pawli_sha256(&hasher, buffer_text(&buffer));
        assert_true(digest_equal(&fields, &plain));
    }
    assert_false(hasher.failed);
    pawli_buffer_done(&buffer);
    pawli_hasher_done(&hasher);
}

static struct digest digest_of(struct hasher *hasher, const char *domain, const struct text *fields, size_t count)
{
    pawli_hash_begin(hasher, domain);
    for (size_t i = 0; i < count; i++)
        pawli_hash_text(hasher, fields[i]);
    return pawli_hash_end(hasher);
}

static void no_two_lists_of_fields_have_the_same_digest(void **state)
{
    (void)state;
    static const struct {
        const char *domain;
        struct text fields[3];
        size_t count;
    } lists[] = {
        {"d", {{0}}, 0},
        {"d", {{"", 0}}, 1},
        {"d", {{NULL, 0}}, 1},
        {"d", {{"ab", 2}}, 1},
        {"d", {{"a", 1}, {"b", 1}}, 2},
        {"d", {{"ab", 2}, {"", 0}}, 2},
        {"d", {{"", 0}, {"ab", 2}}, 2},
        {"d", {{"ab", 2}, {NULL, 0}}, 2},
        {"d", {{NULL, 0}, {"ab", 2}}, 2},
        {"d", {{"b", 1}, {"a", 1}}, 2},
        {"dab", {{0}}, 0},
        {"", {{"d", 1}}, 1},
        {"e", {{"ab", 2}}, 1},
        {"d", {{"\0\0\0\1a", 5}}, 1},
        {"d", {{"\0\0\0\0", 4}}, 1},
        {"d", {{"", 0}, {"", 0}}, 2},
        {"d", {{"\xff\xff\xff\xff", 4}}, 1},
        {"d", {{NULL, 0}, {NULL, 0}}, 2},
    };
    struct hasher hasher;
    struct digest digests[COUNT_OF(lists)];
    pawli_hasher_init(&hasher);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        digests[i] = digest_of(&hasher, lists[i].domain, lists[i].fields, lists[i].count);
        for (size_t j = 0; j < i; j++)
            if (digest_equal(&digests[i], &digests[j]))
                fail_msg("lists %zu and %zu have one digest", j, i);
        struct digest again = digest_of(&hasher, lists[i].domain, lists[i].fields, lists[i].count);
        assert_true(digest_equal(&digests[i], &again));
    }
    pawli_hasher_done(&hasher);
}

static void a_hasher_that_was_left_in_the_middle_begins_anew(void **state)
{
    (void)state;
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct text field = TEXT("field");
    struct digest expected = digest_of(&hasher, "d", &field, 1);
    pawli_hash_begin(&hasher, "other");
    pawli_hash_text(&hasher, TEXT("left over"));
    struct digest again = digest_of(&hasher, "d", &field, 1);
    assert_true(digest_equal(&expected, &again));
    pawli_hasher_done(&hasher);
    pawli_hasher_done(&hasher); /* done twice is done */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_is_that_of_fips_180_4),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
        cmocka_unit_test(fields_are_hashed_as_they_are_described),
        cmocka_unit_test(fields_of_every_size_give_the_digest_of_their_bytes),
        cmocka_unit_test(no_two_lists_of_fields_have_the_same_digest),
        cmocka_unit_test(a_hasher_that_was_left_in_the_middle_begins_anew),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
