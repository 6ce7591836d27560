/* SPDX-License-Identifier: MIT */
/* Secret files: who may read them, and what a key is. */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/base.h"
#include "sink/sink.h"

#define PUBLISHED "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" /* 24 bytes */
#define LONGEST                                                                                                        \
    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==" /* 64 */

static char folder[64], path[96];

static int make(void **state)
{
    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/secret", folder);
    return 0;
}

static int remove_it(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static int read_secret(const char *content, mode_t mode, struct secret **ret_secret, pawl_error *err)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_not_equal(fputs(content, file), EOF);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return pawli_secret_read(path, SECRET_SIGNS, ret_secret, err);
}

static void a_key_is_what_its_base64_says(void **state)
{
    (void)state;
    static const uint8_t expected[24] = {0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4,
                                         0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0};
    static const char *const contents[] = {PUBLISHED, PUBLISHED "\n", PUBLISHED "\r\n", "\n\n" PUBLISHED " \t\n\n"};
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        struct secret *secret;
        pawl_error err;
        assert_ok(read_secret(contents[i], 0600, &secret, &err));
        assert_int_equal(secret->key_count, 1);
        assert_int_equal(secret->keys[0].size, 24);
        assert_memory_equal(secret->keys[0].data, expected, 24);
        assert_null(pawli_secret_release(secret));
    }
}

static void several_keys_keep_their_order(void **state)
{
    (void)state;
    struct secret *secret;
    pawl_error err;
    assert_ok(read_secret(LONGEST "\n" PUBLISHED "\n" LONGEST "\n" LONGEST "\n", 0640, &secret, &err));
    assert_int_equal(secret->key_count, 4);
    assert_int_equal(secret->keys[0].size, 64);
    assert_int_equal(secret->keys[1].size, 24);
    assert_int_equal(secret->keys[3].size, 64);
    pawli_secret_release(secret);
}

static void padding_may_be_left_out(void **state)
{
    (void)state;
    struct secret *secret;
    pawl_error err;
    assert_ok(read_secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0600, &secret, &err));
    assert_int_equal(secret->keys[0].size, 25);
    pawli_secret_release(secret);
}

static void what_is_no_key_is_refused_without_being_shown(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "",
        "\n \n",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", /* no prefix */
        "whsec_\n",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", /* 23 bytes */
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", /* 65 */
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-\n", /* another alphabet */
        PUBLISHED "\n" PUBLISHED "x\n",
        PUBLISHED "\n" PUBLISHED "\n" PUBLISHED "\n" PUBLISHED "\n" PUBLISHED "\n", /* five */
        PUBLISHED " " PUBLISHED "\n",
        "# " PUBLISHED "\n",
    };
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        struct secret *secret = NULL;
        pawl_error err;
        if (read_secret(contents[i], 0600, &secret, &err) != PAWL_EINVAL)
            fail_msg("\"%s\"", contents[i]);
        assert_null(secret);
        assert_null(strstr(err.text, "MfKQ"));
        assert_null(strstr(err.hint, "MfKQ"));
    }
}

static void a_file_that_is_too_big_is_refused(void **state)
{
    (void)state;
    char content[5000];
    struct secret *secret = NULL;
    pawl_error err;
    memset(content, '\n', sizeof content);
    memcpy(content, PUBLISHED, sizeof PUBLISHED - 1);
    content[sizeof content - 1] = '\0';
    assert_status(read_secret(content, 0600, &secret, &err), PAWL_EINVAL);
    assert_null(secret);
}

static void a_file_that_others_can_read_or_change_is_refused(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        int status;
    } rows[] = {{0600, PAWL_OK},       {0400, PAWL_OK},       {0440, PAWL_OK},       {0640, PAWL_OK},
                {0644, PAWL_EREFUSED}, {0604, PAWL_EREFUSED}, {0602, PAWL_EREFUSED}, {0601, PAWL_EREFUSED},
                {0620, PAWL_EREFUSED}, {0660, PAWL_EREFUSED}, {0666, PAWL_EREFUSED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct secret *secret = NULL;
        pawl_error err;
        assert_status(read_secret(PUBLISHED "\n", rows[i].mode, &secret, &err), rows[i].status);
        assert_int_equal(secret != NULL, rows[i].status == PAWL_OK);
        pawli_secret_release(secret);
        assert_int_equal(unlink(path), 0);
    }
}

static void what_is_no_file_is_refused_and_never_waited_for(void **state)
{
    (void)state;
    struct secret *secret = NULL;
    pawl_error err;
    assert_status(pawli_secret_read(path, SECRET_SIGNS, &secret, &err), PAWL_EUNAVAIL);
    assert_status(pawli_secret_read(folder, SECRET_SIGNS, &secret, &err), PAWL_EINVAL);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it */
    assert_status(pawli_secret_read(path, SECRET_SIGNS, &secret, &err), PAWL_EINVAL);
    assert_null(secret);
}

static void a_password_is_the_one_line_of_its_file(void **state)
{
    (void)state;
    struct secret *secret = NULL, *other = NULL;
    pawl_error err;
    char longest[258] = "";
    assert_status(read_secret("open sesame\n", 0600, &secret, &err), PAWL_EINVAL); /* no key */
    assert_null(strstr(err.text, "sesame"));
    assert_ok(pawli_secret_read(path, SECRET_LOGS_IN, &secret, &err));
    assert_int_equal(secret->key_count, 1);
    assert_int_equal(secret->keys[0].size, 11);
    assert_memory_equal(secret->keys[0].data, "open sesame", 11);
    assert_ok(pawli_secret_read(path, SECRET_LOGS_IN, &other, &err));
    assert_true(pawli_secret_equal(secret, other));
    assert_false(pawli_secret_equal(secret, NULL));
    assert_true(pawli_secret_equal(NULL, NULL));
    pawli_secret_release(other);
    (void)read_secret("open sesamE\n", 0600, &other, &err);
    assert_ok(pawli_secret_read(path, SECRET_LOGS_IN, &other, &err));
    assert_false(pawli_secret_equal(secret, other));
    pawli_secret_release(other);
    pawli_secret_release(secret);
    memset(longest, 'x', 257);
    const char *const bad[] = {"", "\n\n", "sesame\nsimsim\n", longest};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)read_secret(bad[i], 0600, &secret, &err);
        assert_status(pawli_secret_read(path, SECRET_LOGS_IN, &secret, &err), PAWL_EINVAL);
        assert_null(strstr(err.text, "sesame"));
    }
    longest[256] = '\0';
    (void)read_secret(longest, 0600, &secret, &err);
    assert_ok(pawli_secret_read(path, SECRET_LOGS_IN, &secret, &err));
    assert_int_equal(secret->keys[0].size, 256);
    pawli_secret_release(secret);
}

static void what_a_secret_is_for_its_url_says(void **state)
{
    (void)state;
    assert_int_equal(pawli_secret_use("https://a/"), SECRET_SIGNS);
    assert_int_equal(pawli_secret_use("exec:/bin/true"), SECRET_SIGNS);
    assert_int_equal(pawli_secret_use("nats://a/b"), SECRET_LOGS_IN);
    assert_int_equal(pawli_secret_use("amqp://a/b/c/d"), SECRET_LOGS_IN);
}

static void a_secret_lives_until_the_last_hold_is_released(void **state)
{
    (void)state;
    struct secret *secret;
    pawl_error err;
    assert_ok(read_secret(PUBLISHED "\n", 0600, &secret, &err));
    assert_ptr_equal(pawli_secret_hold(secret), secret);
    assert_null(pawli_secret_release(secret));
    assert_int_equal(secret->keys[0].data[0], 0x31);
    assert_null(pawli_secret_release(secret));
    assert_null(pawli_secret_hold(NULL));
    assert_null(pawli_secret_release(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_what_its_base64_says, make, remove_it),
        cmocka_unit_test_setup_teardown(several_keys_keep_their_order, make, remove_it),
        cmocka_unit_test_setup_teardown(padding_may_be_left_out, make, remove_it),
        cmocka_unit_test_setup_teardown(what_is_no_key_is_refused_without_being_shown, make, remove_it),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_big_is_refused, make, remove_it),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_read_or_change_is_refused, make, remove_it),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused_and_never_waited_for, make, remove_it),
        cmocka_unit_test_setup_teardown(a_password_is_the_one_line_of_its_file, make, remove_it),
        cmocka_unit_test(what_a_secret_is_for_its_url_says),
        cmocka_unit_test_setup_teardown(a_secret_lives_until_the_last_hold_is_released, make, remove_it),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
