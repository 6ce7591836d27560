/* SPDX-License-Identifier: MIT */
/* What is shown can be read back, and JSON that is shown means what it meant. */
#include "base/escape.h"

#include "base/codec.h"
#include "base/json.h"
#include "unit.h"

/* As printf %b of POSIX does it. */
static size_t read_back(struct text shown, char *out)
{
    size_t size = 0;
    for (size_t i = 0; i < shown.size; i++) {
        if (shown.data[i] != '\\') {
            out[size++] = shown.data[i];
            continue;
        }
        static const char letters[] = "\\nrt", meanings[] = "\\\n\r\t";
        const char *letter = strchr(letters, shown.data[++i]);
        int value = 0;
        for (int digits = 0; !letter && digits < 3 && shown.data[i + 1] >= '0' && shown.data[i + 1] <= '7'; digits++)
            value = value * 8 + shown.data[++i] - '0';
        out[size++] = letter ? meanings[letter - letters] : (char)value;
    }
    return size;
}

static size_t encode(uint32_t code, char out[4])
{
    if (code < 0x80)
        return out[0] = (char)code, 1;
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00u >> size & 0xFF) | code);
    return size;
}

static void every_two_bytes_are_read_back(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++)
        for (int second = 0; second < 256; second++) {
            char bytes[3] = {(char)first, (char)second, '7'}, shown[32], back[32];
            struct buffer buffer;
            buffer_init_over(&buffer, shown, sizeof shown - 1);
            pawli_escape(&buffer, (struct text){bytes, sizeof bytes});
            shown[buffer.size] = '\0';
            assert_false(buffer.failed);
            assert_true(pawli_utf8_valid(buffer_text(&buffer)));
            assert_null(strpbrk(shown, "\n\r\t\x1b\x7f"));
            assert_int_equal(read_back(buffer_text(&buffer), back), sizeof bytes);
            assert_memory_equal(back, bytes, sizeof bytes);
        }
}

static void every_character_of_json_keeps_its_meaning(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (uint32_t code = 0x20; code < 0x110000; code++) {
        char text[8] = {'"'}, shown[32];
        struct buffer buffer;
        if ((code >= 0xD800 && code < 0xE000) || code == '"' || code == '\\')
            continue;
        size_t size = encode(code, text + 1);
        text[size + 1] = '"';
        buffer_init_over(&buffer, shown, sizeof shown);
        pawli_escape_json(&buffer, (struct text){text, size + 2});
        assert_false(buffer.failed);
        assert_int_equal(pawli_json_check(buffer_text(&buffer), NULL, NULL), JSON_GOOD);
        struct text back = pawli_json_string(&arena, buffer_text(&buffer));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.data, text + 1, size);
        pawli_arena_reset(&arena);
    }
    pawli_arena_done(&arena);
}

static void what_is_not_seen_is_escaped(void **state)
{
    (void)state;
    static const uint32_t hidden[] = {0x7F,   0x80,   0x85,   0x9F,   0xAD,   0x61C,  0x180E, 0x200B,
                                      0x200F, 0x2028, 0x202E, 0x2060, 0x206F, 0xFEFF, 0xFFF9, 0xE0001};
    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        char text[4], shown[32];
        struct buffer buffer;
        size_t size = encode(hidden[i], text);
        buffer_init_over(&buffer, shown, sizeof shown);
        pawli_escape_json(&buffer, (struct text){text, size});
        assert_memory_equal(shown, "\\u", 2);
        buffer_init_over(&buffer, shown, sizeof shown);
        pawli_escape(&buffer, (struct text){text, size});
        assert_int_equal(buffer.size, 5 * size);
    }
}

static void what_is_no_utf8_is_still_json(void **state)
{
    (void)state;
    char shown[64];
    struct buffer buffer;
    buffer_init_over(&buffer, shown, sizeof shown);
    pawli_escape_json(&buffer, TEXT("\"a\xff\xc3\""));
    assert_true(text_is(buffer_text(&buffer), "\"a\\ufffd\\ufffd\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_two_bytes_are_read_back),
        cmocka_unit_test(every_character_of_json_keeps_its_meaning),
        cmocka_unit_test(what_is_not_seen_is_escaped),
        cmocka_unit_test(what_is_no_utf8_is_still_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
