/* SPDX-License-Identifier: MIT */
/* Identities: the canonical form of UUIDs, minted and derived request ids, message ids. */
#include "unit.h"

#include "base/codec.h"
#include "base/uuid.h"

#define CANONICAL "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f"

static unsigned version(const pawl_uuid *id)
{
    return id->bytes[6] >> 4;
}

static unsigned variant(const pawl_uuid *id)
{
    return id->bytes[8] >> 6;
}

static void a_uuid_is_read_in_either_case_and_written_in_lower_case(void **state)
{
    (void)state;
    static const uint8_t expected[16] = {0x01, 0x8f, 0x3f, 0x6e, 0x7c, 0x2a, 0x7b, 0x1e,
                                         0x9d, 0x3a, 0x2f, 0x4b, 0x5c, 0x6d, 0x7e, 0x8f};
    pawl_error err;
    pawl_uuid id;
    char text[PAWL_UUID_TEXT_SIZE];
    assert_ok(pawl_uuid_parse(CANONICAL, &id, &err));
    assert_memory_equal(id.bytes, expected, 16);
    assert_ptr_equal(pawl_uuid_format(&id, text), text);
    assert_string_equal(text, CANONICAL);
    assert_ok(pawl_uuid_parse("018F3F6E-7C2A-7B1E-9D3A-2F4B5C6D7E8F", &id, &err));
    assert_string_equal(pawl_uuid_format(&id, text), CANONICAL);
    assert_ok(pawl_uuid_parse("ffffffff-ffff-ffff-ffff-ffffffffffff", &id, &err));
}

static void only_the_canonical_form_of_a_uuid_is_read(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            " ",
                                            "x",
                                            "{018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f}",
                                            "urn:uuid:018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6e7c2a7b1e9d3a2f4b5c6d7e8f",
                                            "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8",
                                            "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f0",
                                            "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f ",
                                            " 018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8\n",
                                            "018f3f6e_7c2a_7b1e_9d3a_2f4b5c6d7e8f",
                                            "018f3f6e-7c2a7-b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6-e7c2a-7b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6g-7c2a-7b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8-",
                                            "-18f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6e-7c2a-7b1e-9d3a--f4b5c6d7e8f",
                                            "0x8f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f",
                                            "018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e\xc3\xa9"};
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        pawl_error err = {0};
        pawl_uuid id;
        memset(&id, 0x55, sizeof id);
        assert_status(pawl_uuid_parse(malformed[i], &id, &err), PAWL_EINVAL);
        assert_non_null(strstr(err.text, "UUID"));
        assert_int_equal(id.bytes[0], 0x55);
    }
    assert_status(pawl_uuid_parse(NULL, &(pawl_uuid){0}, NULL), PAWL_EINVAL);
}

static void the_nil_uuid_is_no_id(void **state)
{
    (void)state;
    pawl_error err = {0};
    pawl_uuid id;
    memset(&id, 0x55, sizeof id);
    assert_status(pawl_uuid_parse("00000000-0000-0000-0000-000000000000", &id, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "nil"));
    assert_int_equal(id.bytes[0], 0x55);
    assert_true(uuid_is_nil(&(pawl_uuid){0}));
    for (size_t i = 0; i < 16; i++) {
        pawl_uuid almost = {0};
        almost.bytes[i] = 1;
        assert_false(uuid_is_nil(&almost));
    }
}

static void every_uuid_survives_its_text(void **state)
{
    (void)state;
    struct random random = random_begin("uuid");
    for (int i = 0; i < 20000; i++) {
        pawl_error err;
        pawl_uuid given, read;
        char text[PAWL_UUID_TEXT_SIZE];
        random_fill(&random, &given, sizeof given);
        assert_ok(pawl_uuid_parse(pawl_uuid_format(&given, text), &read, &err));
        assert_true(uuid_equal(&given, &read));
    }
}

static void an_error_about_a_uuid_ends_between_two_characters(void **state)
{
    (void)state;
    for (size_t before = 30; before < 44; before++) {
        char text[64];
        pawl_error err;
        memset(text, 'x', before);
        strcpy(text + before, "\xe2\x82\xac\xe2\x82\xac");
        assert_status(pawl_uuid_parse(text, &(pawl_uuid){0}, &err), PAWL_EINVAL);
        assert_true(pawli_utf8_valid(text_of(err.text)));
    }
}

/* ---- version 7 ---- */

static void a_uuid_v7_has_its_time_in_front_and_its_marks_in_place(void **state)
{
    (void)state;
    static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255}, zeros[8];
    pawl_uuid id = pawli_uuid_v7(0x0123456789AB, 0xFCDE, ones); /* the counter has 12 bits */
    char text[PAWL_UUID_TEXT_SIZE];
    assert_string_equal(pawl_uuid_format(&id, text), "01234567-89ab-7cde-bfff-ffffffffffff");
    id = pawli_uuid_v7(0, 0, zeros);
    assert_string_equal(pawl_uuid_format(&id, text), "00000000-0000-7000-8000-000000000000");
    assert_false(uuid_is_nil(&id));
    id = pawli_uuid_v7(0xFFFFFFFFFFFF, 0xFFF, ones);
    assert_string_equal(pawl_uuid_format(&id, text), "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

static void uuids_v7_sort_by_time_then_counter_whatever_their_random_part(void **state)
{
    (void)state;
    struct random random = random_begin("uuid v7");
    for (int i = 0; i < 20000; i++) {
        int64_t time[2];
        uint16_t counter[2];
        pawl_uuid id[2];
        for (size_t j = 0; j < 2; j++) {
            uint8_t bytes[8];
            time[j] = 1700000000000 + (int64_t)random_below(&random, 3) * 255;
            counter[j] = (uint16_t)random_below(&random, 0x1000);
            random_fill(&random, bytes, sizeof bytes);
            id[j] = pawli_uuid_v7(time[j], counter[j], bytes);
            assert_int_equal(version(&id[j]), 7);
            assert_int_equal(variant(&id[j]), 2);
        }
        int by_time = (time[0] > time[1]) - (time[0] < time[1]);
        int expected = by_time ? by_time : (counter[0] > counter[1]) - (counter[0] < counter[1]);
        int order = memcmp(&id[0], &id[1], sizeof id[0]);
        if (expected)
            assert_int_equal((order > 0) - (order < 0), expected);
    }
}

static void a_fresh_request_id_is_a_uuid_v7_of_now_and_no_other(void **state)
{
    (void)state;
    pawl_uuid ids[256];
    int64_t last = 0;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        ids[i] = pawl_request_id_new();
        assert_int_equal(version(&ids[i]), 7);
        assert_int_equal(variant(&ids[i]), 2);
        int64_t ms = (int64_t)(get_be64(ids[i].bytes) >> 16);
        assert_true(ms > 1600000000000);
        assert_true(ms < (int64_t)1 << 47);
        last = ms;
        for (size_t j = 0; j < i; j++)
            assert_false(uuid_equal(&ids[i], &ids[j]));
    }
    assert_true(last > 0);
}

/* ---- version 8 ---- */

/* Made by Python's hashlib; docs/format.md says how. */
static void a_request_id_from_a_natural_key_is_the_same_on_every_machine(void **state)
{
    (void)state;
    static uint8_t all[256];
    const struct {
        struct text key;
        const char *id;
    } vectors[] = {
        {{"", 0}, "d3486133-6317-8f14-b857-e96ea8ac023f"},
        {TEXT("order-1"), "fb10801e-2f5e-88d2-acd0-9a76d950818b"},
        {{(char *)all, sizeof all}, "6521b7fe-a538-8fce-b3d8-fc9711d74624"},
        {TEXT("gr\xc3\xbc\xc3\x9f"
              "e"),
         "137484b5-f21a-82bf-bb96-f0c5bf5a6ace"},
    };
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char text[PAWL_UUID_TEXT_SIZE];
        pawl_uuid id = pawl_request_id_from(vectors[i].key.data, vectors[i].key.size);
        assert_string_equal(pawl_uuid_format(&id, text), vectors[i].id);
    }
    pawl_uuid nothing = pawl_request_id_from(NULL, 0), empty = pawl_request_id_from("", 0);
    assert_true(uuid_equal(&nothing, &empty));
}

static void request_ids_of_different_keys_differ(void **state)
{
    (void)state;
    char key[64] = {0};
    pawl_uuid ids[65];
    for (size_t size = 0; size <= sizeof key; size++) {
        ids[size] = pawl_request_id_from(key, size);
        assert_int_equal(version(&ids[size]), 8);
        assert_int_equal(variant(&ids[size]), 2);
        for (size_t j = 0; j < size; j++)
            assert_false(uuid_equal(&ids[size], &ids[j]));
    }
}

/* ---- message ids ---- */

static void a_message_id_holds_its_number_and_its_tail(void **state)
{
    (void)state;
    static const struct {
        uint64_t number, tail;
        const char *text;
    } rows[] = {
        {1, 0, "00000000-0000-8001-8000-000000000000"},
        {0xFFF, 1, "00000000-0000-8fff-8000-000000000001"},
        {0x1000, 0, "00000000-0001-8000-8000-000000000000"},
        {0x123456789ABCDEF, 0x3FEDCBA987654321, "12345678-9abc-8def-bfed-cba987654321"},
        {MESSAGE_NUMBER_MAX, MESSAGE_TAIL_MAX, "ffffffff-ffff-8fff-bfff-ffffffffffff"},
        {MESSAGE_NUMBER_MAX, 0, "ffffffff-ffff-8fff-8000-000000000000"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[PAWL_UUID_TEXT_SIZE];
        uint64_t number = 0, tail = 0;
        pawl_uuid id = pawli_message_id(rows[i].number, rows[i].tail);
        assert_string_equal(pawl_uuid_format(&id, text), rows[i].text);
        assert_true(pawli_message_id_split(&id, &number, &tail));
        assert_true(number == rows[i].number);
        assert_true(tail == rows[i].tail);
    }
}

static void every_message_id_is_split_into_what_it_was_joined_from(void **state)
{
    (void)state;
    struct random random = random_begin("message ids");
    pawl_uuid before = {0};
    uint64_t number_before = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t number = random_next(&random) >> (4 + random_below(&random, 60)),
                 tail = random_next(&random) >> (2 + random_below(&random, 62));
        uint64_t read_number = 0, read_tail = 0;
        if (number == 0)
            number = 1;
        pawl_uuid id = pawli_message_id(number, tail);
        assert_true(pawli_message_id_split(&id, &read_number, &read_tail));
        assert_true(read_number == number);
        assert_true(read_tail == tail);
        if (number != number_before) /* ids sort as their numbers do */
            assert_int_equal(memcmp(&id, &before, sizeof id) > 0, number > number_before);
        before = id;
        number_before = number;
    }
}

static void another_uuid_is_no_message_id(void **state)
{
    (void)state;
    pawl_uuid good = pawli_message_id(77, 99);
    uint64_t number, tail;
    for (unsigned nibble = 0; nibble < 16; nibble++) {
        pawl_uuid id = good;
        id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | nibble << 4);
        assert_int_equal(pawli_message_id_split(&id, &number, &tail), nibble == 8);
    }
    for (unsigned bits = 0; bits < 4; bits++) {
        pawl_uuid id = good;
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | bits << 6);
        assert_int_equal(pawli_message_id_split(&id, &number, &tail), bits == 2);
    }
    pawl_uuid nobody = pawli_message_id(0, 99);
    assert_false(pawli_message_id_split(&nobody, &number, &tail));
    assert_false(pawli_message_id_split(&(pawl_uuid){0}, &number, &tail));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_is_read_in_either_case_and_written_in_lower_case),
        cmocka_unit_test(only_the_canonical_form_of_a_uuid_is_read),
        cmocka_unit_test(the_nil_uuid_is_no_id),
        cmocka_unit_test(every_uuid_survives_its_text),
        cmocka_unit_test(an_error_about_a_uuid_ends_between_two_characters),
        cmocka_unit_test(a_uuid_v7_has_its_time_in_front_and_its_marks_in_place),
        cmocka_unit_test(uuids_v7_sort_by_time_then_counter_whatever_their_random_part),
        cmocka_unit_test(a_fresh_request_id_is_a_uuid_v7_of_now_and_no_other),
        cmocka_unit_test(a_request_id_from_a_natural_key_is_the_same_on_every_machine),
        cmocka_unit_test(request_ids_of_different_keys_differ),
        cmocka_unit_test(a_message_id_holds_its_number_and_its_tail),
        cmocka_unit_test(every_message_id_is_split_into_what_it_was_joined_from),
        cmocka_unit_test(another_uuid_is_no_message_id),
    };
    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
