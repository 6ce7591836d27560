/* SPDX-License-Identifier: MIT */
/* A webhook is accepted when it was signed with a key that is known, whole, and just now. */
#include "support.h"

#include "base/codec.h"
#include "server/webhook.h"

/* The example that the libraries of Standard Webhooks test themselves with. */
#define KEY       "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIMESTAMP 1614265330
#define BODY      "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static struct arena arena;
static struct text key;

static int set_up(void **state)
{
    (void)state;
    return pawli_unbase64(&arena, TEXT(KEY), &key) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pawli_arena_done(&arena);
    return 0;
}

static struct webhook example(void)
{
    return (struct webhook){ID, "1614265330", SIGNATURE, TEXT(BODY)};
}

static bool is_good(const struct webhook *webhook, int64_t now_s)
{
    return !pawli_webhook_check_id(webhook) && !pawli_webhook_check_signature(webhook, &key, 1, now_s);
}

static void the_published_example_is_good(void **state)
{
    struct webhook webhook = example();
    (void)state;
    assert_true(is_good(&webhook, TIMESTAMP));
}

static void one_changed_byte_of_anything_signed_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BODY - 1; i++) {
        char body[] = BODY;
        struct webhook webhook = example();
        body[i] ^= 1;
        webhook.body.data = body;
        assert_false(is_good(&webhook, TIMESTAMP));
    }
    for (size_t i = 0; i < sizeof ID - 1; i++) {
        char id[] = ID;
        struct webhook webhook = example();
        id[i] ^= 1;
        webhook.id = id;
        assert_false(is_good(&webhook, TIMESTAMP));
    }
    for (size_t i = 0; i < sizeof SIGNATURE - 2; i++) { /* the last character but one has bits that mean nothing */
        char signature[] = SIGNATURE;
        struct webhook webhook = example();
        signature[i] ^= 2;
        webhook.signature = signature;
        assert_false(is_good(&webhook, TIMESTAMP));
    }
    struct webhook later = example();
    later.timestamp = "1614265331";
    assert_false(is_good(&later, TIMESTAMP));
}

static void an_old_or_early_signature_is_refused(void **state)
{
    struct webhook webhook = example();
    (void)state;
    assert_true(is_good(&webhook, TIMESTAMP + WEBHOOK_TOLERANCE_S));
    assert_true(is_good(&webhook, TIMESTAMP - WEBHOOK_TOLERANCE_S));
    assert_false(is_good(&webhook, TIMESTAMP + WEBHOOK_TOLERANCE_S + 1));
    assert_false(is_good(&webhook, TIMESTAMP - WEBHOOK_TOLERANCE_S - 1));
    assert_false(is_good(&webhook, INT64_MAX));
    assert_false(is_good(&webhook, INT64_MIN));
}

static void one_good_signature_among_others_is_enough_and_so_is_one_good_key(void **state)
{
    struct webhook webhook = example();
    struct text keys[] = {TEXT("another key, of the same size as"), key};
    (void)state;
    webhook.signature = "v1a,AAAA v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= nonsense " SIGNATURE;
    assert_true(is_good(&webhook, TIMESTAMP));
    assert_null(pawli_webhook_check_signature(&webhook, keys, 2, TIMESTAMP));
    assert_non_null(pawli_webhook_check_signature(&webhook, keys, 1, TIMESTAMP));
    assert_non_null(pawli_webhook_check_signature(&webhook, keys, 0, TIMESTAMP));
}

static void missing_and_malformed_headers_are_refused(void **state)
{
    static const char *const ids[] = {NULL, "", "with space", "with.dot", "with\ttab", "\xc3\xbc"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct webhook webhook = example();
        webhook.id = ids[i];
        assert_non_null(pawli_webhook_check_id(&webhook));
    }
    static const char *const stamps[] = {NULL, "", "soon", "1614265330.5", "16142653300000000000000"};
    for (size_t i = 0; i < COUNT_OF(stamps); i++) {
        struct webhook webhook = example();
        webhook.timestamp = stamps[i];
        assert_false(is_good(&webhook, TIMESTAMP));
    }
    static const char *const signatures[] = {
        NULL, "", " ", "v1,", "v1", SIGNATURE "=", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="};
    for (size_t i = 0; i < COUNT_OF(signatures); i++) {
        struct webhook webhook = example();
        webhook.signature = signatures[i];
        assert_false(is_good(&webhook, TIMESTAMP));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example_is_good),
        cmocka_unit_test(one_changed_byte_of_anything_signed_is_refused),
        cmocka_unit_test(an_old_or_early_signature_is_refused),
        cmocka_unit_test(one_good_signature_among_others_is_enough_and_so_is_one_good_key),
        cmocka_unit_test(missing_and_malformed_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
