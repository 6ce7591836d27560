/* SPDX-License-Identifier: MIT */
/* JSON: what is read and what is refused, values as slices of the text, writing. */
#include "unit.h"

#include "base/codec.h"
#include "base/json.h"

/* A text with its size, so that it may hold a NUL. */
#define J(literal)                                                                                                     \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

static enum json_verdict check(struct text text, const char **problem, size_t *at)
{
    /* Exactly as large as the text: a sanitizer sees each byte that is read behind it. */
    char *copy = malloc(text.size ? text.size : 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    enum json_verdict verdict = pawli_json_check((struct text){copy, text.size}, problem, at);
    free(copy);
    return verdict;
}

/* ---- accepted, refused ---- */

static const struct text good[] = {
    /* scalars */
    J("null"), J("true"), J("false"), J("0"), J("\"\""), J("\"a\""), J("[]"), J("{}"),
    /* white space */
    J(" \t\r\n1 \t\r\n"), J("[ ]"), J("{ }"), J("[\n1\t,\r2 ]"), J("{ \"a\" : 1 , \"b\" : 2 }"), J("\n\n{\n}\n\n"),
    /* numbers */
    J("-0"), J("-1"), J("9"), J("10"), J("1.0"), J("0.1"), J("-0.0"), J("1e1"), J("1E1"), J("1e+1"), J("1e-1"),
    J("0e0"), J("0E+0"), J("1.5e10"), J("-1.5E-10"), J("1e0001"), J("123456789012345678901234567890"),
    J("-999999999999999999999999999999999999999999.999999999999999999999"), J("1e999999999999"), J("[1e-999999999]"),
    /* strings */
    J("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), J("\"\\u0000\""), J("\"\\u0041\\u00e9\\u20AC\""), J("\"\\uD834\\uDD1E\""),
    J("\"\\udbff\\udfff\""), J("\"\\ud800\\udc00x\""), J("\"\x7f\""), J("\"/\""), J("\" \""), J("\"'\""),
    J("\"\xc3\xa9\""), J("\"\xe2\x82\xac\""), J("\"\xf0\x9d\x84\x9e\""), J("\"\xf4\x8f\xbf\xbf\""),
    J("\"\xef\xbf\xbf\""), J("\"\xe2\x80\xa8\xe2\x80\xa9\""), J("\"\\uFFFE\\uFFFF\""), J("\"\xef\xbb\xbf\""),
    J("\"a\\\\\""), J("\"\\\\\\\"\""), J("\"// no comment\""), J("\"{[,:]}\""),
    /* arrays and objects */
    J("[1]"), J("[[]]"), J("[[],[]]"), J("[null,true,false,0,\"\",[],{}]"), J("{\"a\":1}"), J("{\"\":0}"),
    J("{\"a\":{\"a\":{\"a\":1}}}"), J("[{\"a\":1},{\"a\":1}]"), J("{\"a\":1,\"A\":1}"), J("{\"a\":1,\"a \":1}"),
    J("{\"a\":1,\"aa\":1,\"aaa\":1}"), J("{\"\\u0000\":1,\"\":2}"), J("{\"a\\u0000\":1,\"a\":2}"),
    J("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"), /* not normalised: two names */
};

static const struct text bad[] = {
    /* nothing, or not one value */
    J(""),
    J(" "),
    J("\n"),
    J("1 2"),
    J("null null"),
    J("{}{}"),
    J("[],"),
    J(",1"),
    J("1,"),
    J("\"a\" b"),
    J("[]]"),
    J("{}}"),
    J("]"),
    J("}"),
    J(":"),
    J(","),
    J("[1]x"),
    J("\xef\xbb\xbf{}"),
    J("\xef\xbb\xbf"),
    J("{}\0"),
    J("\0"),
    J("1\0"),
    J("\xff"),
    J("{} // c"),
    J("/* c */ 1"),
    J("# 1"),
    /* words */
    J("n"),
    J("nul"),
    J("nulL"),
    J("Null"),
    J("NULL"),
    J("nulll"),
    J("tru"),
    J("True"),
    J("truee"),
    J("fals"),
    J("FALSE"),
    J("nan"),
    J("NaN"),
    J("Infinity"),
    J("-Infinity"),
    J("undefined"),
    J("a"),
    J("[a]"),
    J("\\u0031"),
    /* numbers */
    J("-"),
    J("+1"),
    J("--1"),
    J("+"),
    J("00"),
    J("01"),
    J("-01"),
    J("-00"),
    J("007"),
    J("1."),
    J("-1."),
    J(".1"),
    J("-.1"),
    J("1.e1"),
    J("1e"),
    J("1e+"),
    J("1e-"),
    J("1E"),
    J("1e1.5"),
    J("1.2.3"),
    J("1e1e1"),
    J("0x1"),
    J("1x"),
    J("1_000"),
    J("1 000"),
    J("1,0"),
    J("- 1"),
    J("0e"),
    J("1f"),
    J("\xef\xbc\x91"),
    J("[1.]"),
    J("[-]"),
    J("1e 1"),
    /* strings */
    J("\""),
    J("\"a"),
    J("\"a\\"),
    J("\"\\\""),
    J("'a'"),
    J("\"\\x41\""),
    J("\"\\a\""),
    J("\"\\v\""),
    J("\"\\0\""),
    J("\"\\'\""),
    J("\"\\U0041\""),
    J("\"\\u\""),
    J("\"\\u1\""),
    J("\"\\u12\""),
    J("\"\\u123\""),
    J("\"\\u123"),
    J("\"\\u123g\""),
    J("\"\\u 123\""),
    J("\"\\u+123\""),
    J("\"\\uD834\""),
    J("\"\\uD834x\""),
    J("\"\\uD834\\n\""),
    J("\"\\uD834\\u0041\""),
    J("\"\\uD834\\uD834\""),
    J("\"\\uDD1E\""),
    J("\"\\uDD1E\\uD834\""),
    J("\"\\uD834\\uDD1"),
    J("\"\\uD834\\uDD1\""),
    J("\"\\uD834\\\""),
    J("\"\n\""),
    J("\"\t\""),
    J("\"\r\""),
    J("\"\0\""),
    J("\"a\0b\""),
    J("\"\x01\""),
    J("\"\x1f\""),
    J("\"abcdefgh\x1f\""),
    J("\"abcdefgh\n\""),
    J("\"\\\n\""),
    J("\"\\\""),
    J("\"\\ \""),
    J("\"\\\xc3\xa9\""),
    J("\"\\\0\""),
    J("a\""),
    J("\"a\"\""),
    J("\"a\"b\""),
    /* UTF-8 */
    J("\"\x80\""),
    J("\"\xc3\""),
    J("\"\xc3(\""),
    J("\"\xc0\xaf\""),
    J("\"\xe0\x80\xaf\""),
    J("\"\xed\xa0\x80\""),
    J("\"\xed\xbf\xbf\""),
    J("\"\xf4\x90\x80\x80\""),
    J("\"\xf8\x88\x80\x80\x80\""),
    J("\"\xff\""),
    J("\"\xfe\""),
    J("\"\xe2\x82\""),
    J("\"\xf0\x9d\x84\""),
    J("\"\xc3\\u00a9\""),
    J("\"\xe9\""),
    J("{\"\xff\":1}"),
    J("[\xc3\xa9]"),
    J("\xc2\xa0"
      "1"),
    J("[1\xe2\x80\xa8]"),
    J("\"\xc3\n\xa9\""),
    /* arrays */
    J("["),
    J("[1"),
    J("[1,"),
    J("[,"),
    J("[,]"),
    J("[,1]"),
    J("[1,]"),
    J("[1,,2]"),
    J("[1 2]"),
    J("[1;2]"),
    J("[1:2]"),
    J("[\"a\":1]"),
    J("[1}"),
    J("[[]"),
    J("[]["),
    J("[[[[["),
    J("[*]"),
    J("[\"a"),
    J("[1,\n"),
    J("[\f]"),
    J("[\v1]"),
    J("(1)"),
    /* objects */
    J("{"),
    J("{\"a\""),
    J("{\"a\":"),
    J("{\"a\":1"),
    J("{\"a\":1,"),
    J("{\"a\":1,}"),
    J("{,}"),
    J("{,\"a\":1}"),
    J("{\"a\":1,,\"b\":2}"),
    J("{a:1}"),
    J("{'a':1}"),
    J("{1:1}"),
    J("{null:1}"),
    J("{\"a\"}"),
    J("{\"a\",1}"),
    J("{\"a\" 1}"),
    J("{\"a\"::1}"),
    J("{\"a\":1 \"b\":2}"),
    J("{\"a\":1;\"b\":2}"),
    J("{\"a\":}"),
    J("{:1}"),
    J("{\"a\":1]"),
    J("{[]:1}"),
    J("{\"a\":1}}"),
    J("{{}}"),
    J("{\"a\":1,\"b\"}"),
    J("{\"a\":1,2}"),
    J("{\"a\":b}"),
    J("{\"a"),
    J("{\"a\":/**/1}"),
    /* the same name twice, as it means and not as it is written */
    J("{\"a\":1,\"a\":1}"),
    J("{\"a\":1,\"b\":2,\"a\":3}"),
    J("{\"\":1,\"\":1}"),
    J("{\"a\":1,\"\\u0061\":2}"),
    J("{\"\\/\":1,\"/\":2}"),
    J("{\"\\n\":1,\"\\u000a\":2}"),
    J("{\"\\u00e9\":1,\"\xc3\xa9\":2}"),
    J("{\"\\ud834\\udd1e\":1,\"\xf0\x9d\x84\x9e\":2}"),
    J("{\"\\u00E9\":1,\"\\u00e9\":2}"),
    J("[{\"b\":{\"a\":1,\"c\":[],\"a\":1}}]"),
    J("{\"x\":{\"y\":1},\"x\":1}"),
    J("{\"a\\u0000\":1,\"a\\u0000\":2}"),
};

static void good_json_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *problem = "";
        if (check(good[i], &problem, NULL) != JSON_GOOD)
            fail_msg("%.*s was refused: %s", TEXT_ARG(good[i]), problem);
    }
}

static void bad_json_is_refused_with_a_reason_and_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *problem = NULL;
        size_t at = SIZE_MAX;
        if (check(bad[i], &problem, &at) != JSON_BAD)
            fail_msg("%.*s was accepted", TEXT_ARG(bad[i]));
        assert_non_null(problem);
        assert_true(at <= bad[i].size);
    }
    assert_int_equal(pawli_json_check((struct text){0}, NULL, NULL), JSON_BAD);
}

static void what_is_bad_stays_bad_inside_an_array_and_as_a_member(void **state)
{
    (void)state;
    static const char *const around[][2] = {{"[1,", "]"}, {"[", ",2]"}, {"{\"n\":", "}"}, {"[[{\"n\":[", "]}]]"}};
    for (size_t a = 0; a < COUNT_OF(around); a++) {
        for (size_t i = 0; i < COUNT_OF(good); i++) {
            char text[512];
            int size = snprintf(text, sizeof text, "%s%.*s%s", around[a][0], TEXT_ARG(good[i]), around[a][1]);
            assert_int_equal(check((struct text){text, (size_t)size}, NULL, NULL), JSON_GOOD);
        }
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
            struct text b = bad[i];
            char text[512];
            size_t head = strlen(around[a][0]), tail = strlen(around[a][1]);
            bool closes = memchr(b.data, ']', b.size) || memchr(b.data, '}', b.size) || memchr(b.data, ',', b.size);
            if (closes || pawli_json_trim(b).size == 0) /* such as "1]": what is around may make another text of it */
                continue;
            memcpy(text, around[a][0], head);
            memcpy(text + head, b.data, b.size);
            memcpy(text + head + b.size, around[a][1], tail);
            if (check((struct text){text, head + b.size + tail}, NULL, NULL) != JSON_BAD)
                fail_msg("%.*s was accepted", (int)(head + b.size + tail), text);
        }
    }
}

static void every_beginning_of_a_good_text_is_bad(void **state)
{
    (void)state;
    static const struct text whole[] = {J("{\"a\":[1,-2.5e+10,\"x\\n\\u00e9\\ud834\\udd1e\xc3\xa9\xf0\x9d\x84\x9e\","
                                          "true,false,null],\"b\":{\"c\":{}}}"),
                                        J("[\"0123456789abcdef0123456789abcdef\",\"\\\\\\\"\",[[[]]],{\"k\":\"v\"}]"),
                                        J("\"string\"")};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        assert_int_equal(check(whole[i], NULL, NULL), JSON_GOOD);
        for (size_t size = 0; size < whole[i].size; size++)
            assert_int_equal(check((struct text){whole[i].data, size}, NULL, NULL), JSON_BAD);
    }
}

static void the_place_of_a_problem_is_where_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *problem;
    } rows[] = {
        {"[1,2 3]", 5, "a comma is missing"},
        {"  x", 2, "not a JSON value"},
        {"{\"a\" 1}", 5, "a name needs a colon behind it"},
        {"{\"a\":1,\"b\":2,\"a\":3}", 13, "an object has the same name twice"},
        {"{\"aa\":1,\"b\":{\"c\":0,\"\\u0063\":3}}", 19, "an object has the same name twice"},
        {"[1] 2", 4, "there is something behind the value"},
        {"[1", 2, "an array has no end"},
        {"{\"a\":1", 6, "an object has no end"},
        {"[\"a\nb\"]", 3, "a string has a control character that is not escaped"},
        {"{1:2}", 1, "an object needs a name in quotes here"},
        {"", 0, "the text ends where a value is needed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *problem = NULL;
        size_t at = 0;
        assert_int_equal(check(text_of(rows[i].text), &problem, &at), JSON_BAD);
        assert_string_equal(problem, rows[i].problem);
        assert_int_equal(at, rows[i].at);
    }
}

/* ---- depth and size ---- */

static struct text nested(char *out, size_t depth, const char *open, const char *inner, const char *close)
{
    char *at = out;
    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, open);
    at = stpcpy(at, inner);
    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, close);
    return (struct text){out, (size_t)(at - out)};
}

static void sixty_four_levels_are_read_and_no_more(void **state)
{
    (void)state;
    char text[4096];
    for (size_t depth = 0; depth < 200; depth++) {
        enum json_verdict expected = depth <= JSON_DEPTH_MAX ? JSON_GOOD : JSON_BAD;
        assert_int_equal(check(nested(text, depth, "[", depth ? "" : "1", "]"), NULL, NULL), expected);
        assert_int_equal(check(nested(text, depth, "{\"a\":", "1", "}"), NULL, NULL), expected);
        assert_int_equal(check(nested(text, depth, "[1,", "2", "]"), NULL, NULL), expected);
    }
    /* Levels, not brackets. */
    char wide[JSON_DEPTH_MAX * 16], *at = stpcpy(wide, "[");
    for (size_t i = 0; i < JSON_DEPTH_MAX * 3; i++)
        at = stpcpy(at, "[],");
    stpcpy(at, "{}]");
    assert_int_equal(check(text_of(wide), NULL, NULL), JSON_GOOD);
}

static void what_holds_a_body_may_be_deeper_than_it(void **state)
{
    (void)state;
    char body[JSON_DEPTH_MAX * 2 + 1], text[sizeof body + 64];
    struct text deepest = nested(body, JSON_DEPTH_MAX, "[", "", "]");
    assert_int_equal(check(deepest, NULL, NULL), JSON_GOOD);
    int size = snprintf(text, sizeof text, "[{\"events\":[{\"data\":%s}]}]", body);
    struct text holder = {text, (size_t)size};
    assert_int_equal(check(holder, NULL, NULL), JSON_BAD);
    assert_int_equal(pawli_json_check_holder(holder, NULL, NULL), JSON_GOOD);
    char deeper[512];
    for (size_t depth = 0; depth < 200; depth++)
        assert_int_equal(pawli_json_check_holder(nested(deeper, depth, "[", depth ? "" : "1", "]"), NULL, NULL),
                         depth <= JSON_DEPTH_MAX + JSON_DEPTH_AROUND ? JSON_GOOD : JSON_BAD);
}

static void a_hundred_thousand_opening_brackets_are_only_bad(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (const char *c = "[{\""; *c; c++) {
        memset(text, *c, SIZE);
        assert_int_equal(check((struct text){text, SIZE}, NULL, NULL), JSON_BAD);
    }
    free(text);
}

static void names_are_unique_among_very_many(void **state)
{
    (void)state;
    enum { NAMES = 20000 };
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < NAMES; i++)
        pawli_buffer_format(&buffer, "%c\"name %d\":%d", i ? ',' : '{', i, i);
    size_t size = buffer.size;
    pawli_buffer_add_char(&buffer, '}');
    assert_int_equal(check(buffer_text(&buffer), NULL, NULL), JSON_GOOD);
    buffer.size = size;
    pawli_buffer_add_string(&buffer, ",\"name 77\":0}");
    const char *problem;
    size_t at;
    assert_int_equal(check(buffer_text(&buffer), &problem, &at), JSON_BAD);
    assert_memory_equal(buffer.data + at, "\"name 77\"", 9);
    assert_false(buffer.failed);
    pawli_buffer_done(&buffer);
}

static void strings_of_every_size_are_judged_byte_by_byte(void **state)
{
    (void)state;
    static const struct {
        const char *piece;
        bool is_good;
    } pieces[] = {{"\x1f", false}, {"\n", false},   {"\\n", true},      {"\\x", false},        {"\xc3\xa9", true},
                  {"\xc3", false}, {"\x80", false}, {"\"\"", false},    {"\\u00e9", true},     {"\x7f", true},
                  {" ", true},     {"\xff", false}, {"\\ud800", false}, {"!", true},           {"#", true},
                  {"[", true},     {"\\\\", true},  {"\\\"", true},     {"\xe2\x82\xac", true}};
    for (size_t p = 0; p < COUNT_OF(pieces); p++)
        for (size_t before = 0; before < 20; before++)
            for (size_t behind = 0; behind < 20; behind++) {
                char text[64];
                int size = snprintf(text, sizeof text, "\"%.*s%s%.*s\"", (int)before, "xxxxxxxxxxxxxxxxxxxx",
                                    pieces[p].piece, (int)behind, "yyyyyyyyyyyyyyyyyyyy");
                if (check((struct text){text, (size_t)size}, NULL, NULL) != (pieces[p].is_good ? JSON_GOOD : JSON_BAD))
                    fail_msg("%s is judged wrongly", text);
            }
}

/* Flips bytes of good texts: never a crash, and what is still accepted can be walked to its end. */
static void json_that_was_damaged_is_walked_or_refused(void **state)
{
    (void)state;
    struct random random = random_begin("json");
    struct arena arena = {0};
    unsigned accepted = 0, refused = 0;
    for (int round = 0; round < 30000; round++) {
        struct text from = good[random_below(&random, COUNT_OF(good))];
        char text[128];
        memcpy(text, from.data, from.size);
        for (uint64_t i = random_below(&random, 3) + 1; i > 0; i--) {
            static const char likely[] = "[]{},:\"\\0-e.u \n\x80\xc3\xff";
            text[random_below(&random, from.size)] = likely[random_below(&random, sizeof likely)];
        }
        struct text damaged = {text, from.size}, value, name;
        if (check(damaged, NULL, NULL) != JSON_GOOD) {
            refused++;
            continue;
        }
        accepted++;
        damaged = pawli_json_trim(damaged);
        enum json_type type = pawli_json_type(damaged);
        if (type == JSON_STRING) {
            assert_true(pawli_utf8_valid(pawli_json_string(&arena, damaged)));
        } else if (type == JSON_ARRAY) {
            for (struct json_walk walk = pawli_json_walk(damaged); pawli_json_item(&walk, &value);)
                assert_int_equal(check(value, NULL, NULL), JSON_GOOD);
        } else if (type == JSON_OBJECT) {
            for (struct json_walk walk = pawli_json_walk(damaged); pawli_json_member(&walk, &name, &value);) {
                assert_int_equal(check(name, NULL, NULL), JSON_GOOD);
                assert_int_equal(check(value, NULL, NULL), JSON_GOOD);
            }
        }
        pawli_arena_reset(&arena);
    }
    assert_true(accepted > 100);
    assert_true(refused > 100);
    pawli_arena_done(&arena);
}

/* ---- memory ---- */

static void checking_without_memory_is_no_verdict_about_the_text(void **state)
{
    (void)state;
    unsigned before = allocations_alive();
    fail_allocation(1);
    assert_int_equal(pawli_json_check(TEXT("{\"a\":1}"), NULL, NULL), JSON_NO_MEMORY);
    assert_int_equal(allocations_alive(), before);
    struct buffer buffer;
    buffer_init(&buffer, 1 << 16);
    for (int i = 0; i < 100; i++)
        pawli_buffer_format(&buffer, "%c\"%d\":0", i ? ',' : '{', i);
    pawli_buffer_add_char(&buffer, '}');
    before = allocations_alive();
    fail_allocation(2); /* while the list of names grows */
    assert_int_equal(pawli_json_check(buffer_text(&buffer), NULL, NULL), JSON_NO_MEMORY);
    assert_int_equal(allocations_alive(), before);
    fail_allocation(0);
    assert_int_equal(pawli_json_check(buffer_text(&buffer), NULL, NULL), JSON_GOOD);
    assert_int_equal(allocations_alive(), before);
    unsigned made = allocations_made();
    assert_int_equal(pawli_json_check(TEXT("[1,\"a\",{},[[]]]"), NULL, NULL), JSON_GOOD);
    assert_int_equal(allocations_made(), made); /* no names, no memory */
    pawli_buffer_done(&buffer);
}

/* ---- reading ---- */

static void a_value_knows_its_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {{"null", JSON_NULL},   {"true", JSON_BOOL}, {"false", JSON_BOOL},
                {"-1", JSON_NUMBER},   {"0", JSON_NUMBER},  {"9.5", JSON_NUMBER},
                {"\"\"", JSON_STRING}, {"[]", JSON_ARRAY},  {"{}", JSON_OBJECT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pawli_json_type(text_of(rows[i].text)), rows[i].type);
}

static void items_and_members_are_slices_of_the_text_byte_for_byte(void **state)
{
    (void)state;
    static const char text[] =
        " { \"a\" :\t1.50 ,\n\"b\\u0062\":\"x\\\"]}\" , \"c\": [ 1 , { } ] ,\"d\":{\"]\":[\"}\"]}, "
        "\"e\" : -0e+00 } ";
    static const char *const expected[][2] = {{"\"a\"", "1.50"},
                                              {"\"b\\u0062\"", "\"x\\\"]}\""},
                                              {"\"c\"", "[ 1 , { } ]"},
                                              {"\"d\"", "{\"]\":[\"}\"]}"},
                                              {"\"e\"", "-0e+00"}};
    struct text whole = text_of(text), name, value;
    assert_int_equal(check(whole, NULL, NULL), JSON_GOOD);
    struct json_walk walk = pawli_json_walk(whole);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(pawli_json_member(&walk, &name, &value));
        assert_true(text_is(name, expected[i][0]));
        assert_true(text_is(value, expected[i][1]));
        assert_true(value.data > text && value.data < text + sizeof text);
    }
    assert_false(pawli_json_member(&walk, &name, &value));
    assert_false(pawli_json_member(&walk, &name, &value));

    static const char *const items[] = {"1", "\"a,b\"", "[[],[2]]", "null", "{\"x\":[]}", "1e5"};
    walk = pawli_json_walk(TEXT("[ 1,\"a,b\" ,[[],[2]],null , {\"x\":[]},1e5]"));
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        assert_true(pawli_json_item(&walk, &value));
        assert_true(text_is(value, items[i]));
    }
    assert_false(pawli_json_item(&walk, &value));
    for (const char *empty = "[]\0[ ]\0{}\0{\n}\0"; *empty; empty += strlen(empty) + 1) {
        walk = pawli_json_walk(text_of(empty));
        assert_false(pawli_json_item(&walk, &value));
    }
}

static void a_string_is_decoded_and_a_plain_one_is_a_slice(void **state)
{
    (void)state;
    static const struct {
        struct text quoted, plain;
    } rows[] = {
        {J("\"\""), J("")},
        {J("\"plain \xc3\xa9\""), J("plain \xc3\xa9")},
        {J("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), J("\"\\/\b\f\n\r\t")},
        {J("\"a\\u0000b\""), J("a\0b")},
        {J("\"\\u0041\\u007f\\u0080\\u07FF\\u0800\\uffff\""), J("A\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")},
        {J("\"\\ud7ff\\ue000\""), J("\xed\x9f\xbf\xee\x80\x80")},
        {J("\"\\uD834\\uDD1E\\ud800\\udc00\\uDBFF\\uDFFF\""), J("\xf0\x9d\x84\x9e\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
        {J("\"\xe2\x82\xac\\u20ac\xe2\x82\xac\""), J("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac")},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(check(rows[i].quoted, NULL, NULL), JSON_GOOD);
        struct text got = pawli_json_string(&arena, rows[i].quoted);
        assert_int_equal(got.size, rows[i].plain.size);
        assert_memory_equal(got.data, rows[i].plain.data, got.size);
        if (!memchr(rows[i].quoted.data, '\\', rows[i].quoted.size))
            assert_ptr_equal(got.data, rows[i].quoted.data + 1);
    }
    pawli_arena_done(&arena);
}

static void names_are_compared_as_they_mean(void **state)
{
    (void)state;
    static const struct {
        const char *name, *string;
        bool is;
    } rows[] = {{"\"type\"", "type", true},         {"\"t\\u0079pe\"", "type", true}, {"\"type\"", "typ", false},
                {"\"typ\"", "type", false},         {"\"Type\"", "type", false},      {"\"\"", "", true},
                {"\"type\\u0000\"", "type", false}, {"\"\\u0000\"", "", false},       {"\"\\/\"", "/", true},
                {"\"\\u00e9\"", "\xc3\xa9", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pawli_json_name_is(text_of(rows[i].name), rows[i].string), rows[i].is);
}

static void only_whole_numbers_in_range_are_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_signed, is_unsigned;
        int64_t as_signed;
        uint64_t as_unsigned;
    } rows[] = {
        {"0", true, true, 0, 0},
        {"-1", true, false, -1, 0},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, false, INT64_MIN, 0},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", false, true, 0, UINT64_MAX},
        {"18446744073709551616", false, false, 0, 0},
        {"1.0", false, false, 0, 0},
        {"1e2", false, false, 0, 0},
        {"\"1\"", false, false, 0, 0},
        {"null", false, false, 0, 0},
        {"true", false, false, 0, 0},
        {"[1]", false, false, 0, 0},
        {"{}", false, false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t as_signed = 0;
        uint64_t as_unsigned = 0;
        assert_int_equal(pawli_json_i64(text_of(rows[i].text), &as_signed), rows[i].is_signed);
        assert_int_equal(pawli_json_u64(text_of(rows[i].text), &as_unsigned), rows[i].is_unsigned);
        if (rows[i].is_signed)
            assert_true(as_signed == rows[i].as_signed);
        if (rows[i].is_unsigned)
            assert_true(as_unsigned == rows[i].as_unsigned);
    }
}

static void only_the_white_space_of_json_is_trimmed(void **state)
{
    (void)state;
    assert_true(text_is(pawli_json_trim(TEXT(" \t\r\n[ 1 ] \n")), "[ 1 ]"));
    assert_true(text_is(pawli_json_trim(TEXT("1")), "1"));
    assert_true(text_is(pawli_json_trim(TEXT("\v1\f")), "\v1\f"));
    assert_int_equal(pawli_json_trim(TEXT(" \n ")).size, 0);
}

/* ---- writing ---- */

static void every_text_survives_being_quoted(void **state)
{
    (void)state;
    struct random random = random_begin("quote");
    struct arena arena = {0};
    struct buffer buffer;
    buffer_init(&buffer, 1 << 16);
    for (int round = 0; round < 3000; round++) {
        char given[200];
        size_t size = 0;
        while (size < 190 && random_below(&random, 40) != 0) {
            static const char *const pieces[] = {
                "\"",          "\\",   "/",    "\b", "\f", "\n",       "\r",           "\t",
                "\x01",        "\x1f", "\x7f", " ",  "a",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9d\x84\x9e",
                "\xe2\x80\xa8"};
            uint64_t which = random_below(&random, COUNT_OF(pieces) + 1);
            if (which == COUNT_OF(pieces))
                given[size++] = '\0';
            else
                size = (size_t)(stpcpy(given + size, pieces[which]) - given);
        }
        buffer.size = 0;
        pawli_json_quote(&buffer, (struct text){given, size});
        assert_int_equal(check(buffer_text(&buffer), NULL, NULL), JSON_GOOD);
        for (size_t i = 0; i < buffer.size; i++)
            assert_false((unsigned char)buffer.data[i] < 0x20 || buffer.data[i] == 0x7F); /* safe on a terminal */
        struct text back = pawli_json_string(&arena, buffer_text(&buffer));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.data, given, size);
        pawli_arena_reset(&arena);
    }
    pawli_buffer_done(&buffer);
    pawli_arena_done(&arena);
}

static void compacting_removes_white_space_outside_strings_and_nothing_else(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {" { \"a b\" : [ 1 ,\t2.50 ,\r\n\"x \\\" y\" ] , \"\\\\\" : 1e+05 } ",
         "{\"a b\":[1,2.50,\"x \\\" y\"],\"\\\\\":1e+05}"},
        {"[]", "[]"},
        {" 1 ", "1"},
        {"\"  \"", "\"  \""},
        {"[ \"\\\\\" , \" \" ]", "[\"\\\\\",\" \"]"},
        {"[ \"\\\\\\\" \" , 1 ]", "[\"\\\\\\\" \",1]"}, /* a backslash, a quote and a space */
        {"[1.000,-0.0,1E5,\"\\u0041\"]", "[1.000,-0.0,1E5,\"\\u0041\"]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer buffer;
        buffer_init(&buffer, 1000);
        pawli_json_compact(&buffer, text_of(rows[i][0]));
        assert_true(text_is(buffer_text(&buffer), rows[i][1]));
        pawli_buffer_done(&buffer);
    }
}

static void a_writer_puts_the_commas(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_text(&writer, "absent", (struct text){0});
    pawli_json_put_text(&writer, "empty", TEXT(""));
    pawli_json_put_string(&writer, "none", NULL);
    pawli_json_put_string(&writer, "q\"", "a\nb");
    pawli_json_put_i64(&writer, "least", INT64_MIN);
    pawli_json_put_u64(&writer, "most", UINT64_MAX);
    pawli_json_put_bool(&writer, "yes", true);
    pawli_json_key(&writer, "list");
    pawli_json_open(&writer, '[');
    for (int i = 0; i < 2; i++) {
        pawli_json_comma(&writer);
        pawli_json_open(&writer, '{');
        pawli_json_close(&writer, '}');
    }
    pawli_json_close(&writer, ']');
    pawli_json_put_raw(&writer, "raw", TEXT("[ 1.0 , 2 ]"));
    pawli_json_put_bool(&writer, "no", false);
    pawli_json_close(&writer, '}');
    assert_true(text_is(buffer_text(&buffer),
                        "{\"empty\":\"\",\"q\\\"\":\"a\\nb\",\"least\":-9223372036854775808,"
                        "\"most\":18446744073709551615,\"yes\":true,\"list\":[{},{}],\"raw\":[1.0,2],\"no\":false}"));
    assert_int_equal(check(buffer_text(&buffer), NULL, NULL), JSON_GOOD);
    pawli_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_json_is_accepted),
        cmocka_unit_test(bad_json_is_refused_with_a_reason_and_a_place),
        cmocka_unit_test(what_is_bad_stays_bad_inside_an_array_and_as_a_member),
        cmocka_unit_test(every_beginning_of_a_good_text_is_bad),
        cmocka_unit_test(the_place_of_a_problem_is_where_it_is),
        cmocka_unit_test(sixty_four_levels_are_read_and_no_more),
        cmocka_unit_test(what_holds_a_body_may_be_deeper_than_it),
        cmocka_unit_test(a_hundred_thousand_opening_brackets_are_only_bad),
        cmocka_unit_test(names_are_unique_among_very_many),
        cmocka_unit_test(strings_of_every_size_are_judged_byte_by_byte),
        cmocka_unit_test(json_that_was_damaged_is_walked_or_refused),
        cmocka_unit_test(checking_without_memory_is_no_verdict_about_the_text),
        cmocka_unit_test(a_value_knows_its_type),
        cmocka_unit_test(items_and_members_are_slices_of_the_text_byte_for_byte),
        cmocka_unit_test(a_string_is_decoded_and_a_plain_one_is_a_slice),
        cmocka_unit_test(names_are_compared_as_they_mean),
        cmocka_unit_test(only_whole_numbers_in_range_are_integers),
        cmocka_unit_test(only_the_white_space_of_json_is_trimmed),
        cmocka_unit_test(every_text_survives_being_quoted),
        cmocka_unit_test(compacting_removes_white_space_outside_strings_and_nothing_else),
        cmocka_unit_test(a_writer_puts_the_commas),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
