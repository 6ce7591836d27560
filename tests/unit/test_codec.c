/* SPDX-License-Identifier: MIT */
/* Text forms of bytes and numbers: hex, base64, UTF-8, whole numbers. */
#include "unit.h"

#include "base/codec.h"

/* ---- hex ---- */

static void every_byte_has_one_hex_form_in_lower_case_and_is_read_in_either(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t in = (uint8_t)byte, out = (uint8_t)~byte;
        char text[3], expected[3], upper[3];
        snprintf(expected, sizeof expected, "%02x", byte);
        snprintf(upper, sizeof upper, "%02X", byte);
        pawli_hex(&in, 1, text);
        assert_string_equal(text, expected);
        assert_true(pawli_unhex(text_of(text), &out, 1));
        assert_int_equal(out, byte);
        out = (uint8_t)~byte;
        assert_true(pawli_unhex(text_of(upper), &out, 1));
        assert_int_equal(out, byte);
    }
}

static void hex_of_another_size_or_with_another_character_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[4];
    assert_true(pawli_unhex(TEXT("00ff10aB"), bytes, 4));
    assert_false(pawli_unhex(TEXT("00ff10a"), bytes, 4));
    assert_false(pawli_unhex(TEXT("00ff10ab0"), bytes, 4));
    assert_false(pawli_unhex(TEXT("00ff10ab"), bytes, 3));
    assert_true(pawli_unhex(TEXT(""), bytes, 0));
    for (unsigned c = 0; c < 256; c++) {
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        for (size_t at = 0; at < 8; at++) {
            char text[9] = "00000000";
            text[at] = (char)c;
            assert_int_equal(pawli_unhex((struct text){text, 8}, bytes, 4), digit);
        }
    }
}

/* ---- base64 ---- */

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } vectors[] = {{"", ""},
                   {"f", "Zg=="},
                   {"fo", "Zm8="},
                   {"foo", "Zm9v"},
                   {"foob", "Zm9vYg=="},
                   {"fooba", "Zm9vYmE="},
                   {"foobar", "Zm9vYmFy"}};
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct text bytes;
        assert_true(text_is(pawli_base64(&arena, text_of(vectors[i].bytes)), vectors[i].text));
        assert_true(pawli_unbase64(&arena, text_of(vectors[i].text), &bytes));
        assert_true(text_is(bytes, vectors[i].bytes));
    }
    pawli_arena_done(&arena);
}

static void bytes_of_every_size_survive_base64(void **state)
{
    (void)state;
    struct random random = random_begin("base64");
    struct arena arena = {0};
    for (size_t size = 0; size < 300; size++) {
        char given[300];
        random_fill(&random, given, size);
        struct text text = pawli_base64(&arena, (struct text){given, size}), bytes;
        assert_int_equal(text.size, (size + 2) / 3 * 4);
        assert_true(pawli_unbase64(&arena, text, &bytes));
        assert_int_equal(bytes.size, size);
        assert_memory_equal(bytes.data, given, size);
        pawli_arena_reset(&arena);
    }
    pawli_arena_done(&arena);
}

static void malformed_base64_is_refused(void **state)
{
    (void)state;
    static const struct text malformed[] = {/* padding: too much, too little, in the wrong place */
                                            {"=", 1},
                                            {"==", 2},
                                            {"===", 3},
                                            {"====", 4},
                                            {"A", 1},
                                            {"A=", 2},
                                            {"A==", 3},
                                            {"A===", 4},
                                            {"AA", 2},
                                            {"AA=", 3},
                                            {"AAA", 3},
                                            {"AAAA=", 5},
                                            {"AAAA==", 6},
                                            {"AAAA===", 7},
                                            {"AAAA====", 8},
                                            {"=AAA", 4},
                                            {"A=AA", 4},
                                            {"AA=A", 4},
                                            {"==AA", 4},
                                            {"A==A", 4},
                                            {"=A==", 4},
                                            {"AA==AA==", 8},
                                            {"AAA=AAAA", 8},
                                            {"AA==AAAA", 8},
                                            {"AAAAA===", 8},
                                            {"AAAAAA=", 7},
                                            {"AAAAAAA", 7},
                                            /* bits behind the end */
                                            {"AB==", 4},
                                            {"AP==", 4},
                                            {"A/==", 4},
                                            {"AAB=", 4},
                                            {"AAD=", 4},
                                            {"AA/=", 4},
                                            {"AAAAZh==", 8},
                                            /* other characters */
                                            {"AAA ", 4},
                                            {" AAA", 4},
                                            {"AA\nA", 4},
                                            {"AAA\n", 4},
                                            {"AAAA\n", 5},
                                            {"AA-A", 4},
                                            {"AA_A", 4},
                                            {"AA.A", 4},
                                            {"A\0AA", 4},
                                            {"AA,A", 4},
                                            {"AA\xc3\xa9", 4},
                                            {"A\x80"
                                             "AA",
                                             4},
                                            {"\xff\xff\xff\xff", 4}};
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        struct text bytes = TEXT("untouched");
        if (pawli_unbase64(&arena, malformed[i], &bytes))
            fail_msg("\"%.*s\" was read", TEXT_ARG(malformed[i]));
        assert_true(text_is(bytes, "untouched"));
    }
    pawli_arena_done(&arena);
}

/* Of all last groups exactly those are read that writing would make: no two texts mean the same bytes. */
static void base64_has_one_text_for_the_same_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    struct arena arena = {0};
    unsigned read[4] = {0};
    for (size_t a = 0; a < 65; a += 8)
        for (size_t b = 0; b < 65; b++)
            for (size_t c = 0; c < 65; c++)
                for (size_t d = 0; d < 65; d += c == 64 ? 1 : 8) {
                    char text[4] = {alphabet[a], alphabet[b], alphabet[c], alphabet[d]};
                    struct text bytes;
                    if (!pawli_unbase64(&arena, (struct text){text, 4}, &bytes))
                        continue;
                    read[bytes.size]++;
                    struct text again = pawli_base64(&arena, bytes);
                    assert_memory_equal(again.data, text, 4);
                    pawli_arena_reset(&arena);
                }
    assert_int_equal(read[1], 8 * 4);
    assert_int_equal(read[2], 8 * 64 * 16);
    assert_int_equal(read[3], 8 * 64 * 64 * 8);
    pawli_arena_done(&arena);
}

/* ---- UTF-8 ---- */

/* RFC 3629, section 4, as its grammar says it: an oracle that shares nothing with the code. */
static size_t sequence_by_the_grammar(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first_low, first_high, second_low, second_high;
        uint8_t size;
    } rows[] = {{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
                {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (at[0] < rows[i].first_low || at[0] > rows[i].first_high)
            continue;
        if (left < rows[i].size)
            return 0;
        if (rows[i].size > 1 && (at[1] < rows[i].second_low || at[1] > rows[i].second_high))
            return 0;
        for (size_t j = 2; j < rows[i].size; j++)
            if (at[j] < 0x80 || at[j] > 0xBF)
                return 0;
        return rows[i].size;
    }
    return 0;
}

static bool valid_by_the_grammar(const uint8_t *at, size_t left)
{
    for (size_t size; left > 0; at += size, left -= size)
        if ((size = sequence_by_the_grammar(at, left)) == 0)
            return false;
    return true;
}

static size_t encode(uint32_t code, char out[4])
{
    if (code < 0x80)
        return out[0] = (char)code, 1;
    if (code < 0x800)
        return out[0] = (char)(0xC0 | code >> 6), out[1] = (char)(0x80 | (code & 63)), 2;
    if (code < 0x10000)
        return out[0] = (char)(0xE0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 63)),
               out[2] = (char)(0x80 | (code & 63)), 3;
    return out[0] = (char)(0xF0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 63)),
           out[2] = (char)(0x80 | (code >> 6 & 63)), out[3] = (char)(0x80 | (code & 63)), 4;
}

static void every_character_of_unicode_is_valid_and_no_surrogate_is(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char text[4];
        size_t size = encode(code, text);
        bool is_character = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
        if (pawli_utf8_valid((struct text){text, size}) != is_character)
            fail_msg("U+%04X is judged wrongly", code);
    }
}

static void every_sequence_of_boundary_bytes_is_judged_as_the_grammar_says(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
                                    0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFB, 0xFC, 0xFE, 0xFF};
    enum { N = COUNT_OF(edges) };
    for (size_t a = 0; a < N; a++)
        for (size_t b = 0; b < N; b++)
            for (size_t c = 0; c < N; c++)
                for (size_t d = 0; d < N; d++) {
                    uint8_t bytes[4] = {edges[a], edges[b], edges[c], edges[d]};
                    for (size_t size = d == 0 ? 1 : 4; size <= 4; size++)
                        if (pawli_utf8_valid((struct text){(const char *)bytes, size}) !=
                            valid_by_the_grammar(bytes, size))
                            fail_msg("%02x %02x %02x %02x (%zu bytes) is judged wrongly", bytes[0], bytes[1], bytes[2],
                                     bytes[3], size);
                }
}

static const struct text malformed_utf8[] = {{"\x80", 1},
                                             {"\xbf", 1}, /* continuation alone */
                                             {"\xc0\x80", 2},
                                             {"\xc1\xbf", 2},
                                             {"\xe0\x80\x80", 3},
                                             {"\xe0\x9f\xbf", 3}, /* overlong */
                                             {"\xf0\x80\x80\x80", 4},
                                             {"\xf0\x8f\xbf\xbf", 4},
                                             {"\xed\xa0\x80", 3},
                                             {"\xed\xbf\xbf", 3}, /* surrogates */
                                             {"\xf4\x90\x80\x80", 4},
                                             {"\xf5\x80\x80\x80", 4}, /* past U+10FFFF */
                                             {"\xf8\x88\x80\x80\x80", 5},
                                             {"\xfc\x84\x80\x80\x80\x80", 6},
                                             {"\xfe", 1},
                                             {"\xff", 1},
                                             {"\xc2", 1},
                                             {"\xe1\x80", 2},
                                             {"\xe1", 1},
                                             {"\xf1\x80\x80", 3},
                                             {"\xf1\x80", 2},
                                             {"\xf1", 1}, /* truncated */
                                             {"\xc2\x41", 2},
                                             {"\xe1\x80\x41", 3},
                                             {"\xf1\x80\x80\x41", 4},
                                             {"\xc2\xc2\x80", 3}};

static void malformed_utf8_is_found_at_every_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(malformed_utf8); i++)
        for (size_t before = 0; before < 20; before++)
            for (size_t behind = 0; behind < 20; behind++) {
                char text[64];
                memset(text, 'x', sizeof text);
                memcpy(text + before, malformed_utf8[i].data, malformed_utf8[i].size);
                assert_false(pawli_utf8_valid((struct text){text, before + malformed_utf8[i].size + behind}));
            }
    assert_true(pawli_utf8_valid((struct text){0}));
    assert_true(pawli_utf8_valid(TEXT("")));
    assert_true(pawli_utf8_valid(TEXT("a\0b"))); /* NUL is a character; who cannot have it says so */
}

static void a_cut_is_the_longest_that_ends_between_two_characters(void **state)
{
    (void)state;
    struct random random = random_begin("utf8_cut");
    for (int round = 0; round < 2000; round++) {
        char text[128];
        size_t size = 0, ends[129], count = 0;
        ends[count++] = 0;
        while (size < 100) {
            static const uint32_t below[] = {0x80, 0x800, 0xD800, 0x110000}, from[] = {0, 0x80, 0x800, 0x10000};
            size_t class = random_below(&random, 4);
            uint32_t code = from[class] + (uint32_t)random_below(&random, below[class] - from[class]);
            size += encode(code, text + size);
            ends[count++] = size;
        }
        for (size_t limit = 0, best = 0; limit <= size + 5; limit++) {
            while (best + 1 < count && ends[best + 1] <= limit)
                best++;
            assert_int_equal(pawli_utf8_cut((struct text){text, size}, limit), ends[best]);
        }
    }
}

static void a_cut_of_what_is_no_utf8_is_still_within_its_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(malformed_utf8); i++)
        for (size_t limit = 0; limit < 8; limit++)
            assert_in_range(pawli_utf8_cut(malformed_utf8[i], limit), 0,
                            limit < malformed_utf8[i].size ? limit : malformed_utf8[i].size);
    assert_int_equal(pawli_utf8_cut(TEXT("\x80\x80\x80\x80"), 2), 0);
}

/* ---- whole numbers ---- */

static void whole_numbers_are_read_to_their_edges_and_not_beyond(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_i64, is_u64;
        int64_t i;
        uint64_t u;
    } cases[] = {
        {"0", true, true, 0, 0},
        {"7", true, true, 7, 7},
        {"007", true, true, 7, 7},
        {"-0", true, false, 0, 0},
        {"-1", true, false, -1, 0},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, false, INT64_MIN, 0},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", false, true, 0, UINT64_MAX},
        {"18446744073709551616", false, false, 0, 0},
        {"18446744073709551620", false, false, 0, 0},
        {"20000000000000000000", false, false, 0, 0},
        {"99999999999999999999", false, false, 0, 0},
        {"-99999999999999999999", false, false, 0, 0},
        {"100000000000000000000", false, false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t signed_value = 42;
        uint64_t value = 42;
        assert_int_equal(pawli_parse_i64(text_of(cases[i].text), &signed_value), cases[i].is_i64);
        assert_int_equal(pawli_parse_u64(text_of(cases[i].text), &value), cases[i].is_u64);
        assert_int_equal(signed_value, cases[i].is_i64 ? cases[i].i : 42);
        assert_int_equal(value, cases[i].is_u64 ? cases[i].u : 42);
    }
}

static void anything_but_digits_is_no_whole_number(void **state)
{
    (void)state;
    static const struct text bad[] = {{NULL, 0},
                                      {"", 0},
                                      {"-", 1},
                                      {"--1", 3},
                                      {"+1", 2},
                                      {" 1", 2},
                                      {"1 ", 2},
                                      {"1\n", 2},
                                      {"1.0", 3},
                                      {"1e3", 3},
                                      {"0x1", 3},
                                      {"1\0", 2},
                                      {"\0"
                                       "1",
                                       2},
                                      {"-+1", 3},
                                      {"1-", 2},
                                      {"1_000", 5},
                                      {"1,0", 3},
                                      {"\xd9\xa1", 2},
                                      {"\xff", 1},
                                      {":", 1},
                                      {"/", 1}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t signed_value = 42;
        uint64_t value = 42;
        assert_false(pawli_parse_i64(bad[i], &signed_value));
        assert_false(pawli_parse_u64(bad[i], &value));
        assert_int_equal(signed_value, 42);
        assert_int_equal(value, 42);
    }
}

static void printed_numbers_are_read_back(void **state)
{
    (void)state;
    struct random random = random_begin("whole numbers");
    for (int i = 0; i < 100000; i++) {
        uint64_t given = random_next(&random) >> random_below(&random, 64), value;
        int64_t given_signed = (int64_t)random_next(&random) >> random_below(&random, 64), signed_value;
        char text[32];
        snprintf(text, sizeof text, "%llu", (unsigned long long)given);
        assert_true(pawli_parse_u64(text_of(text), &value));
        assert_true(value == given);
        snprintf(text, sizeof text, "%lld", (long long)given_signed);
        assert_true(pawli_parse_i64(text_of(text), &signed_value));
        assert_true(signed_value == given_signed);
    }
}

static void numbers_in_bytes_are_big_endian(void **state)
{
    (void)state;
    uint8_t bytes[8];
    put_be64(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
    assert_true(get_be64(bytes) == 0x0102030405060708);
    put_be32(bytes, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    assert_int_equal(get_be32(bytes), 0x01020304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_has_one_hex_form_in_lower_case_and_is_read_in_either),
        cmocka_unit_test(hex_of_another_size_or_with_another_character_is_refused),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(bytes_of_every_size_survive_base64),
        cmocka_unit_test(malformed_base64_is_refused),
        cmocka_unit_test(base64_has_one_text_for_the_same_bytes),
        cmocka_unit_test(every_character_of_unicode_is_valid_and_no_surrogate_is),
        cmocka_unit_test(every_sequence_of_boundary_bytes_is_judged_as_the_grammar_says),
        cmocka_unit_test(malformed_utf8_is_found_at_every_offset),
        cmocka_unit_test(a_cut_is_the_longest_that_ends_between_two_characters),
        cmocka_unit_test(a_cut_of_what_is_no_utf8_is_still_within_its_limit),
        cmocka_unit_test(whole_numbers_are_read_to_their_edges_and_not_beyond),
        cmocka_unit_test(anything_but_digits_is_no_whole_number),
        cmocka_unit_test(printed_numbers_are_read_back),
        cmocka_unit_test(numbers_in_bytes_are_big_endian),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
