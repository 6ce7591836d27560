/* SPDX-License-Identifier: MIT */
/* Texts, arithmetic, arenas, buffers, maps, links, errors and the list of statuses: the words that every file uses. */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/codec.h"
#include "base/links.h"
#include "base/map.h"

/* ---- texts ---- */

static void absent_and_empty_are_different_texts(void **state)
{
    (void)state;
    struct text absent = {0}, empty = TEXT("");
    assert_false(text_equal(absent, empty));
    assert_false(text_equal(empty, absent));
    assert_true(text_equal(absent, absent));
    assert_true(text_equal(empty, (struct text){"x", 0}));
    assert_false(text_is(absent, ""));
    assert_true(text_is(empty, ""));
    assert_null(text_of(NULL).data);
    assert_int_equal(text_of("").size, 0);
    assert_non_null(text_of("").data);
}

static void texts_are_equal_byte_by_byte(void **state)
{
    (void)state;
    assert_true(text_equal(TEXT("a\0b"), TEXT("a\0b")));
    assert_false(text_equal(TEXT("a\0b"), TEXT("a\0c")));
    assert_false(text_equal(TEXT("ab"), TEXT("abc")));
    assert_true(text_is(TEXT("abc"), "abc"));
    assert_false(text_is(TEXT("abcd"), "abc"));
    assert_false(text_is(TEXT("ab"), "abc"));
    assert_false(text_is(TEXT("a\0b"), "a"));
}

static void texts_are_ordered_as_unsigned_bytes_and_a_beginning_comes_first(void **state)
{
    (void)state;
    static const struct text rising[] = {{"", 0},  {"\0", 1},   {"a", 1},    {"a\0", 2},      {"ab", 2},
                                         {"b", 1}, {"\x7f", 1}, {"\x80", 1}, {"\xc3\xa9", 2}, {"\xff", 1}};
    for (size_t i = 0; i < COUNT_OF(rising); i++)
        for (size_t j = 0; j < COUNT_OF(rising); j++) {
            int order = pawli_text_compare(rising[i], rising[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(pawli_text_compare((struct text){0}, TEXT("")), 0);
}

/* ---- arithmetic ---- */

static int64_t clamp(__int128 value)
{
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

static void sums_and_products_stop_at_the_ends(void **state)
{
    (void)state;
    static const int64_t edges[] = {
        INT64_MIN, INT64_MIN + 1, INT64_MIN / 2, -4294967296, -3037000500,   -1000000,      -2,       -1, 0, 1, 2,
        1000000,   3037000499,    3037000500,    4294967296,  INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(edges); i++)
        for (size_t j = 0; j < COUNT_OF(edges); j++) {
            assert_int_equal(add_saturating(edges[i], edges[j]), clamp((__int128)edges[i] + edges[j]));
            assert_int_equal(mul_saturating(edges[i], edges[j]), clamp((__int128)edges[i] * edges[j]));
        }
}

static void sums_and_products_of_random_numbers_stop_at_the_ends(void **state)
{
    (void)state;
    struct random random = random_begin("saturating arithmetic");
    for (int i = 0; i < 200000; i++) {
        int64_t a = (int64_t)random_next(&random) >> random_below(&random, 64);
        int64_t b = (int64_t)random_next(&random) >> random_below(&random, 64);
        assert_int_equal(add_saturating(a, b), clamp((__int128)a + b));
        assert_int_equal(mul_saturating(a, b), clamp((__int128)a * b));
    }
}

static void a_sum_of_sizes_that_wraps_is_noticed(void **state)
{
    size_t sum;
    (void)state;
    assert_false(add_overflows(SIZE_MAX - 1, 1, &sum));
    assert_int_equal(sum, SIZE_MAX);
    assert_true(add_overflows(SIZE_MAX, 1, &sum));
    assert_true(add_overflows(1, SIZE_MAX, &sum));
}

/* ---- allocation ---- */

static void a_request_for_nothing_or_for_too_much_is_refused(void **state)
{
    (void)state;
    assert_null(pawli_alloc(0));
    assert_null(pawli_alloc_raw(0));
    assert_null(pawli_alloc(PAWLI_ALLOC_MAX + 1));
    assert_null(pawli_alloc_raw(PAWLI_ALLOC_MAX + 1));
    PAWL_AUTO(pawli_freep) char *kept = pawli_alloc_raw(4);
    assert_non_null(kept);
    memcpy(kept, "abc", 4);
    assert_null(pawli_grow(kept, 0));
    assert_null(pawli_grow(kept, PAWLI_ALLOC_MAX + 1));
    assert_string_equal(kept, "abc");
}

static void fresh_memory_is_zero(void **state)
{
    (void)state;
    static const char zeros[4096];
    for (int i = 0; i < 3; i++) { /* MALLOC_PERTURB_ dirties what is freed */
        char *memory = pawli_alloc(sizeof zeros);
        assert_memory_equal(memory, zeros, sizeof zeros);
        memset(memory, 0x55, sizeof zeros);
        pawli_free(memory);
    }
}

static void ownership_that_was_taken_leaves_nothing_to_free(void **state)
{
    (void)state;
    unsigned before = allocations_alive();
    char *taken;
    {
        PAWL_AUTO(pawli_freep) char *memory = pawli_alloc(1);
        taken = PAWL_TAKE(memory);
        assert_null(memory);
    }
    assert_non_null(taken);
    assert_int_equal(allocations_alive(), before + 1);
    pawli_free(taken);
    assert_int_equal(allocations_alive(), before);
}

/* ---- arenas ---- */

static void every_piece_of_an_arena_is_aligned_and_apart_from_the_others(void **state)
{
    (void)state;
    struct {
        uint8_t *at;
        size_t size;
        uint8_t fill;
    } pieces[600];
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        pieces[i].size = i % 7 == 6 ? i * 97 : i;
        pieces[i].fill = (uint8_t)(i * 31 + 1);
        pieces[i].at = pawli_arena_alloc_raw(&arena, pieces[i].size);
        assert_non_null(pieces[i].at);
        assert_int_equal((uintptr_t)pieces[i].at % alignof(max_align_t), 0);
        memset(pieces[i].at, pieces[i].fill, pieces[i].size);
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        for (size_t j = 0; j < pieces[i].size; j++)
            assert_int_equal(pieces[i].at[j], pieces[i].fill);
    assert_false(pawli_arena_failed(&arena));
    pawli_arena_done(&arena);
}

static void an_arena_gives_zeroed_memory_also_where_it_was_used_before(void **state)
{
    (void)state;
    static const uint8_t zeros[3000];
    struct arena arena = {0};
    memset(pawli_arena_alloc_raw(&arena, 6000), 0xAA, 6000);
    pawli_arena_reset(&arena);
    assert_memory_equal(pawli_arena_alloc(&arena, sizeof zeros), zeros, sizeof zeros);
    pawli_arena_done(&arena);
}

static void a_reset_arena_uses_its_chunk_again(void **state)
{
    (void)state;
    struct arena arena = {0};
    void *first = pawli_arena_alloc(&arena, 100);
    unsigned made = allocations_made();
    for (int i = 0; i < 1000; i++) {
        pawli_arena_reset(&arena);
        assert_ptr_equal(pawli_arena_alloc(&arena, 100), first);
    }
    assert_int_equal(allocations_made(), made);
    pawli_arena_done(&arena);
}

static void a_reset_arena_keeps_no_more_than_one_chunk_of_ordinary_size(void **state)
{
    (void)state;
    unsigned before = allocations_alive();
    struct arena arena = {0};
    for (int i = 0; i < 100; i++)
        pawli_arena_alloc(&arena, 5000);
    assert_true(allocations_alive() > before + 1);
    pawli_arena_reset(&arena);
    assert_int_equal(allocations_alive(), before + 1);
    pawli_arena_alloc(&arena, 4 << 20);
    pawli_arena_reset(&arena);
    assert_int_equal(allocations_alive(), before);
    assert_non_null(pawli_arena_alloc(&arena, 1));
    pawli_arena_done(&arena);
    assert_int_equal(allocations_alive(), before);
}

static void an_arena_remembers_a_failed_allocation_until_it_is_reset(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(pawli_arena_alloc(&arena, PAWLI_ALLOC_MAX + 1));
    assert_true(pawli_arena_failed(&arena));
    assert_non_null(pawli_arena_alloc(&arena, 10));
    assert_true(pawli_arena_failed(&arena));
    pawli_arena_reset(&arena);
    assert_false(pawli_arena_failed(&arena));
    volatile size_t all = SIZE_MAX; /* volatile: the compiler knows that this cannot work */
    assert_null(pawli_arena_alloc_raw(&arena, all));
    assert_true(pawli_arena_failed(&arena));
    pawli_arena_done(&arena);
    assert_false(pawli_arena_failed(&arena));
}

static void an_arena_without_memory_says_so_and_stays_usable(void **state)
{
    (void)state;
    struct arena arena = {0};
    fail_allocation(1);
    assert_null(pawli_arena_alloc(&arena, 10));
    assert_true(pawli_arena_failed(&arena));
    pawli_arena_reset(&arena);
    char *kept = pawli_arena_alloc(&arena, 10);
    memcpy(kept, "kept", 5);
    fail_allocation(1);
    assert_null(pawli_arena_text(&arena, (struct text){kept, 100000}).data);
    fail_allocation(1);
    assert_null(pawli_arena_format(&arena, "%100000d", 1).data);
    assert_true(pawli_arena_failed(&arena));
    assert_string_equal(kept, "kept");
    pawli_arena_done(&arena);
}

static void a_copied_text_ends_with_a_nul_and_an_absent_one_stays_absent(void **state)
{
    (void)state;
    struct arena arena = {0};
    memset(pawli_arena_alloc_raw(&arena, 1000), 0x55, 1000);
    pawli_arena_reset(&arena);
    struct text copy = pawli_arena_text(&arena, (struct text){"abcdef", 3});
    assert_true(text_is(copy, "abc"));
    assert_int_equal(copy.data[3], 0);
    struct text empty = pawli_arena_text(&arena, (struct text){"x", 0});
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    assert_int_equal(empty.data[0], 0);
    assert_null(pawli_arena_text(&arena, (struct text){0}).data);
    assert_true(text_is(pawli_arena_format(&arena, "%s-%d", "a", 7), "a-7"));
    assert_true(text_is(pawli_arena_format(&arena, "%s", ""), ""));
    assert_false(pawli_arena_failed(&arena));
    pawli_arena_done(&arena);
}

static void a_growing_array_keeps_its_items_and_zeroes_the_new_room(void **state)
{
    (void)state;
    struct arena arena = {0};
    memset(pawli_arena_alloc_raw(&arena, 8000), 0x55, 8000);
    pawli_arena_reset(&arena);
    uint32_t *items = NULL;
    size_t room = 0;
    for (uint32_t count = 0; count < 1000; count++) {
        assert_true(pawli_arena_reserve(&arena, (void **)&items, sizeof *items, count + 1, &room));
        assert_true(room > count);
        assert_int_equal(items[count], 0);
        items[count] = count + 1;
        for (uint32_t i = 0; i <= count; i++)
            assert_int_equal(items[i], i + 1);
    }
    uint32_t *before = items;
    assert_true(pawli_arena_reserve(&arena, (void **)&items, sizeof *items, 1, &room));
    assert_ptr_equal(items, before);
    fail_allocation(1);
    size_t room_before = room;
    assert_false(pawli_arena_reserve(&arena, (void **)&items, sizeof *items, room + 100000, &room));
    assert_ptr_equal(items, before);
    assert_int_equal(room, room_before);
    assert_int_equal(items[999], 1000);
    assert_true(pawli_arena_failed(&arena));
    pawli_arena_done(&arena);
}

/* ---- buffers ---- */

static void a_buffer_takes_what_fits_and_fails_at_the_first_byte_more(void **state)
{
    (void)state;
    for (size_t maximum = 0; maximum < 600; maximum += 7) {
        struct buffer buffer;
        buffer_init(&buffer, maximum);
        for (size_t i = 0; i < maximum; i++)
            pawli_buffer_add_char(&buffer, (char)('a' + i % 26));
        assert_false(buffer.failed);
        assert_int_equal(buffer.size, maximum);
        pawli_buffer_add(&buffer, "", 0);
        assert_false(buffer.failed);
        pawli_buffer_add_char(&buffer, '!');
        assert_true(buffer.failed);
        assert_int_equal(buffer.size, maximum);
        for (size_t i = 0; i < maximum; i++)
            assert_int_equal(buffer.data[i], 'a' + i % 26);
        pawli_buffer_done(&buffer);
    }
}

static void a_buffer_that_failed_stays_failed(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4);
    pawli_buffer_add_string(&buffer, "abc");
    pawli_buffer_add_string(&buffer, "de");
    assert_true(buffer.failed);
    pawli_buffer_add_string(&buffer, "d"); /* this would fit, but what came before it is missing */
    assert_true(buffer.failed);
    assert_true(text_is(buffer_text(&buffer), "abc"));
    pawli_buffer_done(&buffer);
    assert_false(buffer.failed);
    pawli_buffer_add_string(&buffer, "abcd");
    assert_true(text_is(buffer_text(&buffer), "abcd"));
    pawli_buffer_add_char(&buffer, 'e');
    assert_true(buffer.failed);
    pawli_buffer_done(&buffer);
}

static void a_buffer_formats_up_to_its_maximum(void **state)
{
    (void)state;
    for (size_t maximum = 0; maximum < 300; maximum++)
        for (int more = 0; more < 2; more++) {
            struct buffer buffer;
            buffer_init(&buffer, maximum);
            pawli_buffer_format(&buffer, "%0*d", (int)maximum + more, 7);
            size_t expected = maximum + more > 0 ? maximum + more : 1; /* "7" has a digit at least */
            if (expected <= maximum) {
                assert_false(buffer.failed);
                assert_int_equal(buffer.size, expected);
                assert_int_equal(buffer.data[expected - 1], '7');
            } else {
                assert_true(buffer.failed);
                assert_int_equal(buffer.size, 0);
            }
            pawli_buffer_done(&buffer);
        }
}

static void a_fixed_buffer_writes_nothing_behind_its_memory(void **state)
{
    (void)state;
    for (size_t room = 0; room < 40; room++)
        for (size_t size = 0; size < 44; size++) {
            char memory[48];
            struct buffer added, formatted;
            memset(memory, '#', sizeof memory);
            buffer_init_over(&added, memory, room);
            for (size_t i = 0; i < size; i++)
                pawli_buffer_add_char(&added, 'x');
            assert_int_equal(added.failed, size > room);
            assert_ptr_equal(added.data, memory);
            for (size_t i = room; i < sizeof memory; i++)
                assert_int_equal(memory[i], '#');
            buffer_init_over(&formatted, memory, room);
            pawli_buffer_format(&formatted, "%.*s", (int)size, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
            assert_int_equal(formatted.failed, size > room);
            if (size <= room)
                assert_int_equal(formatted.size, size);
            for (size_t i = room; i < sizeof memory; i++)
                assert_int_equal(memory[i], '#');
            pawli_buffer_done(&added);
            pawli_buffer_done(&formatted);
        }
}

static void a_fixed_buffer_over_no_memory_has_failed_from_the_start(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init_over(&buffer, NULL, 100);
    assert_true(buffer.failed);
    pawli_buffer_add_char(&buffer, 'x');
    assert_int_equal(buffer.size, 0);
}

static void a_buffer_without_memory_fails_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    pawli_buffer_add_string(&buffer, "kept");
    fail_allocation(1);
    for (int i = 0; i < 1000; i++)
        pawli_buffer_add_char(&buffer, 'x');
    assert_true(buffer.failed);
    assert_memory_equal(buffer.data, "kept", 4);
    pawli_buffer_done(&buffer);
}

static void an_empty_buffer_is_an_empty_text_and_not_an_absent_one(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_non_null(buffer_text(&buffer).data);
    assert_int_equal(buffer_text(&buffer).size, 0);
    pawli_buffer_add_text(&buffer, (struct text){0});
    assert_int_equal(buffer.size, 0);
    pawli_buffer_done(&buffer);
}

/* ---- maps ---- */

static size_t found_under(const struct map *map, uint64_t hash, uint8_t *seen)
{
    size_t count = 0;
    uint32_t index;
    for (struct map_probe probe = map_probe(map, hash); map_next(map, &probe, &index); count++)
        seen[index]++;
    return count;
}

static void a_map_finds_every_index_under_its_hash_once(void **state)
{
    (void)state;
    enum { ITEMS = 3000, HASHES = 97 };
    /* Few hashes, all of whose low bits are the same: long runs, and runs that go round the end. */
    struct random random = random_begin("map");
    struct arena arena = {0};
    struct map map = {0};
    uint64_t hashes[ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++) {
        hashes[i] = (random_below(&random, HASHES) << 40) | 0xFFFFFFFFFF;
        assert_true(pawli_map_put(&map, &arena, hashes[i], i));
    }
    assert_int_equal(map.count, ITEMS);
    for (uint64_t h = 0; h < HASHES; h++) {
        uint8_t seen[ITEMS] = {0};
        found_under(&map, (h << 40) | 0xFFFFFFFFFF, seen);
        for (uint32_t i = 0; i < ITEMS; i++)
            assert_int_equal(seen[i], hashes[i] == ((h << 40) | 0xFFFFFFFFFF));
    }
    pawli_arena_done(&arena);
}

static void a_map_finds_nothing_under_a_hash_that_nobody_put(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct map map = {0};
    uint8_t seen[64] = {0};
    assert_int_equal(found_under(&map, 1, seen), 0);
    for (uint32_t i = 0; i < 64; i++)
        assert_true(pawli_map_put(&map, &arena, i * 2, i));
    for (uint32_t i = 0; i < 64; i++)
        assert_int_equal(found_under(&map, i * 2 + 1, seen), 0);
    assert_int_equal(found_under(&map, 6, seen), 1);
    assert_int_equal(seen[3], 1);
    pawli_arena_done(&arena);
}

static void a_map_without_memory_says_so_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct map map = {0};
    uint8_t seen[24] = {0};
    for (uint32_t i = 0; i < 24; i++)
        assert_true(pawli_map_put(&map, &arena, i, i));
    pawli_arena_alloc(&arena, 7000); /* the next table needs another chunk */
    fail_allocation(1);
    assert_false(pawli_map_put(&map, &arena, 99, 99));
    fail_allocation(0);
    for (uint32_t i = 0; i < 24; i++)
        assert_int_equal(found_under(&map, i, seen), 1);
    pawli_arena_done(&arena);
}

static void a_hash_depends_on_every_byte_the_size_and_the_seed(void **state)
{
    (void)state;
    char bytes[40] = {0};
    uint64_t plain = pawli_hash_bytes(1, bytes, sizeof bytes);
    assert_int_equal(plain, pawli_hash_bytes(1, bytes, sizeof bytes));
    assert_int_not_equal(plain, pawli_hash_bytes(2, bytes, sizeof bytes));
    for (size_t size = 0; size < sizeof bytes; size++)
        assert_int_not_equal(plain, pawli_hash_bytes(1, bytes, size));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_int_not_equal(plain, pawli_hash_bytes(1, bytes, sizeof bytes));
        bytes[i] = 0;
    }
}

/* ---- links ---- */

struct linked {
    struct link link;
    bool is_in;
    unsigned found;
};

static void every_link_that_is_in_is_found_once(struct links *links, struct linked *items, size_t count,
                                                uint64_t hashes)
{
    size_t in = 0;
    for (size_t i = 0; i < count; i++)
        items[i].found = 0;
    for (uint64_t hash = 0; hash < hashes; hash++)
        for (struct link *link = NULL; (link = pawli_links_find(links, link, hash)) != NULL;) {
            assert_int_equal(link->hash, hash);
            ((struct linked *)link)->found++;
        }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(items[i].found, items[i].is_in);
        in += items[i].is_in;
    }
    assert_int_equal(links->count, in);
}

static void links_are_found_until_they_are_taken_out(void **state)
{
    (void)state;
    enum { ITEMS = 300, HASHES = 97, TURNS = 20000 };
    struct random random = random_begin("links");
    struct links links = {0};
    struct linked items[ITEMS] = {0};
    assert_null(pawli_links_find(&links, NULL, 1));
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct linked *item = &items[random_below(&random, ITEMS)];
        if (item->is_in)
            pawli_links_remove(&links, &item->link);
        else
            assert_true(pawli_links_add(&links, &item->link, random_below(&random, HASHES)));
        item->is_in = !item->is_in;
        if (turn % 100 == 0)
            every_link_that_is_in_is_found_once(&links, items, ITEMS, HASHES);
    }
    pawli_links_done(&links);
    assert_null(pawli_links_find(&links, NULL, 1));
}

static void links_without_memory_say_so_or_grow_longer_chains(void **state)
{
    (void)state;
    enum { ITEMS = 33 }; /* one more than has room */
    struct links links = {0};
    struct linked items[ITEMS] = {0};
    fail_allocation(1);
    assert_false(pawli_links_add(&links, &items[0].link, 0));
    fail_allocation(0);
    every_link_that_is_in_is_found_once(&links, items, ITEMS, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        fail_allocation(i == ITEMS - 1 ? 1 : 0);
        items[i].is_in = pawli_links_add(&links, &items[i].link, i);
        fail_allocation(0);
        assert_true(items[i].is_in);
    }
    assert_int_equal(links.room, ITEMS - 1);
    every_link_that_is_in_is_found_once(&links, items, ITEMS, ITEMS);
    pawli_links_done(&links);
}

/* ---- errors ---- */

static void a_failure_fills_the_whole_error_and_returns_its_status(void **state)
{
    (void)state;
    pawl_error err;
    memset(&err, 0x55, sizeof err);
    assert_int_equal(pawli_fail(&err, PAWL_ECONFLICT, "%s %d", "seq", 7), PAWL_ECONFLICT);
    assert_int_equal(err.status, PAWL_ECONFLICT);
    assert_int_equal(err.native, 0);
    assert_string_equal(err.text, "seq 7");
    assert_string_equal(err.hint, "");
    assert_memory_equal(err.where, "test_base.c:", 12);
    assert_int_equal(pawli_hint(&err, PAWL_ECONFLICT, "use %d", 8), PAWL_ECONFLICT);
    assert_string_equal(err.text, "seq 7");
    assert_string_equal(err.hint, "use 8");
}

static void a_caller_who_wants_no_error_still_gets_the_status(void **state)
{
    (void)state;
    assert_int_equal(pawli_fail(NULL, PAWL_EIO, "%d", 1), PAWL_EIO);
    assert_int_equal(pawli_hint(NULL, PAWL_EIO, "%d", 1), PAWL_EIO);
    assert_int_equal(pawli_no_memory(NULL), PAWL_ENOMEM);
    pawl_error err;
    assert_int_equal(pawli_no_memory(&err), PAWL_ENOMEM);
    assert_int_equal(err.status, PAWL_ENOMEM);
    assert_string_equal(err.text, "out of memory");
}

static void a_text_that_was_cut_ends_between_two_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9d\x84\x9e"};
    for (size_t c = 0; c < COUNT_OF(characters); c++)
        for (size_t size = 230; size < 290; size++) {
            pawl_error err;
            char text[320], *at = text;
            memset(at, 'x', size);
            at += size;
            for (size_t i = 0; i < 6; i++)
                at = stpcpy(at, characters[c]);
            pawli_fail(&err, PAWL_EINVAL, "%s", text);
            pawli_hint(&err, PAWL_EINVAL, "%s", text + 64);
            size_t whole = strlen(text), step = strlen(characters[c]);
            const struct {
                const char *got, *given;
                size_t room;
            } cuts[] = {{err.text, text, sizeof err.text}, {err.hint, text + 64, sizeof err.hint}};
            for (size_t i = 0; i < COUNT_OF(cuts); i++) {
                size_t kept = strlen(cuts[i].got), given = whole - (size_t)(cuts[i].given - text);
                size_t most = given < cuts[i].room ? given : cuts[i].room - 1;
                assert_memory_equal(cuts[i].got, cuts[i].given, kept);
                assert_true(pawli_utf8_valid(text_of(cuts[i].got)));
                assert_in_range(kept, most - (given < cuts[i].room ? 0 : step - 1), most);
            }
        }
}

static void an_error_is_one_line_of_utf8_whatever_it_quotes(void **state)
{
    (void)state;
    static const char *const hostile[] = {"line\nbreak",
                                          "tab\tbell\a",
                                          "\x7f",
                                          "\xff\xfe",
                                          "half \xc3",
                                          "\xc3(",
                                          "surrogate \xed\xa0\x80",
                                          "overlong \xc0\xaf",
                                          "cut \xe2\x82",
                                          "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        pawl_error err;
        pawli_fail(&err, PAWL_EINVAL, "lane \"%s\" ends", hostile[i]);
        pawli_hint(&err, PAWL_EINVAL, "not \"%s\"", hostile[i]);
        const char *const texts[] = {err.text, err.hint};
        for (size_t j = 0; j < COUNT_OF(texts); j++) {
            assert_true(pawli_utf8_valid(text_of(texts[j])));
            for (const char *at = texts[j]; *at; at++)
                assert_false((unsigned char)*at < 0x20 || *at == 0x7f);
        }
        assert_memory_equal(err.text, "lane \"", 6);
        assert_string_equal(err.text + strlen(err.text) - 6, "\" ends");
    }
    pawl_error err;
    pawli_fail(&err, PAWL_EINVAL, "%s", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9d\x84\x9e");
    assert_string_equal(err.text, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9d\x84\x9e");
}

static void a_failed_assertion_ends_the_process(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        PAWL_ASSERT(getppid() < 0);
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGABRT);
}

/* ---- statuses ---- */

/* As it was released: numbers are permanent, exit codes are those of the command's manual. */
static const struct {
    int status;
    const char *name;
    int number, exit, http, next;
} released[] = {
    {PAWL_OK, "OK", 0, 0, 200, PAWL_NEXT_NEVER},
    {PAWL_EINVAL, "EINVAL", -1, 2, 400, PAWL_NEXT_NEVER},
    {PAWL_ENOTFOUND, "ENOTFOUND", -2, 3, 404, PAWL_NEXT_NEVER},
    {PAWL_ECONFLICT, "ECONFLICT", -3, 4, 409, PAWL_NEXT_NEVER},
    {PAWL_EFENCED, "EFENCED", -4, 7, 409, PAWL_NEXT_NEVER},
    {PAWL_EBUSY, "EBUSY", -5, 5, 503, PAWL_NEXT_SAME},
    {PAWL_EUNAVAIL, "EUNAVAIL", -6, 5, 503, PAWL_NEXT_SAME},
    {PAWL_EUNCERTAIN, "EUNCERTAIN", -7, 6, 500, PAWL_NEXT_LOOKUP},
    {PAWL_ELIMIT, "ELIMIT", -8, 7, 413, PAWL_NEXT_NEVER},
    {PAWL_ENOMEM, "ENOMEM", -9, 1, 500, PAWL_NEXT_LATER},
    {PAWL_EIO, "EIO", -10, 1, 500, PAWL_NEXT_NEVER},
    {PAWL_ECORRUPT, "ECORRUPT", -11, 8, 500, PAWL_NEXT_NEVER},
    {PAWL_EUNSUPPORTED, "EUNSUPPORTED", -12, 2, 501, PAWL_NEXT_NEVER},
    {PAWL_EREFUSED, "EREFUSED", -13, 7, 409, PAWL_NEXT_NEVER},
    {PAWL_EREJECTED, "EREJECTED", -14, 7, 422, PAWL_NEXT_NEVER},
};
static_assert(COUNT_OF(released) == PAWL_STATUS_COUNT, "a new status needs a row here");

static void every_status_keeps_the_number_and_the_exit_code_it_was_released_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(released); i++) {
        assert_int_equal(released[i].status, released[i].number);
        assert_string_equal(pawl_status_name(released[i].number), released[i].name);
        assert_int_equal(pawl_status_exit(released[i].number), released[i].exit);
        assert_int_equal(pawl_status_http(released[i].number), released[i].http);
        assert_int_equal(pawl_status_next(released[i].number), released[i].next);
    }
}

static void every_status_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(released); i++) {
        assert_true(strlen(pawl_status_text(released[i].number)) > 3);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(pawl_status_text(released[i].number), pawl_status_text(released[j].number));
    }
}

static void only_a_status_that_wrote_nothing_may_be_tried_again_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(released); i++) {
        bool again = pawl_status_next(released[i].number) == PAWL_NEXT_SAME;
        assert_int_equal(again, strstr(pawl_status_text(released[i].number), "nothing was written") != NULL);
        assert_int_equal(again, pawl_status_exit(released[i].number) == 5);
    }
}

static void an_unknown_status_has_a_text_and_fails_the_command(void **state)
{
    (void)state;
    static const int unknown[] = {1, -15, -1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        assert_string_equal(pawl_status_name(unknown[i]), "UNKNOWN");
        assert_non_null(pawl_status_text(unknown[i]));
        assert_int_equal(pawl_status_exit(unknown[i]), 1);
        assert_int_equal(pawl_status_http(unknown[i]), 500);
        assert_int_equal(pawl_status_next(unknown[i]), PAWL_NEXT_NEVER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_empty_are_different_texts),
        cmocka_unit_test(texts_are_equal_byte_by_byte),
        cmocka_unit_test(texts_are_ordered_as_unsigned_bytes_and_a_beginning_comes_first),
        cmocka_unit_test(sums_and_products_stop_at_the_ends),
        cmocka_unit_test(sums_and_products_of_random_numbers_stop_at_the_ends),
        cmocka_unit_test(a_sum_of_sizes_that_wraps_is_noticed),
        cmocka_unit_test(a_request_for_nothing_or_for_too_much_is_refused),
        cmocka_unit_test(fresh_memory_is_zero),
        cmocka_unit_test(ownership_that_was_taken_leaves_nothing_to_free),
        cmocka_unit_test(every_piece_of_an_arena_is_aligned_and_apart_from_the_others),
        cmocka_unit_test(an_arena_gives_zeroed_memory_also_where_it_was_used_before),
        cmocka_unit_test(a_reset_arena_uses_its_chunk_again),
        cmocka_unit_test(a_reset_arena_keeps_no_more_than_one_chunk_of_ordinary_size),
        cmocka_unit_test(an_arena_remembers_a_failed_allocation_until_it_is_reset),
        cmocka_unit_test(an_arena_without_memory_says_so_and_stays_usable),
        cmocka_unit_test(a_copied_text_ends_with_a_nul_and_an_absent_one_stays_absent),
        cmocka_unit_test(a_growing_array_keeps_its_items_and_zeroes_the_new_room),
        cmocka_unit_test(a_buffer_takes_what_fits_and_fails_at_the_first_byte_more),
        cmocka_unit_test(a_buffer_that_failed_stays_failed),
        cmocka_unit_test(a_buffer_formats_up_to_its_maximum),
        cmocka_unit_test(a_fixed_buffer_writes_nothing_behind_its_memory),
        cmocka_unit_test(a_fixed_buffer_over_no_memory_has_failed_from_the_start),
        cmocka_unit_test(a_buffer_without_memory_fails_and_keeps_what_it_has),
        cmocka_unit_test(an_empty_buffer_is_an_empty_text_and_not_an_absent_one),
        cmocka_unit_test(a_map_finds_every_index_under_its_hash_once),
        cmocka_unit_test(a_map_finds_nothing_under_a_hash_that_nobody_put),
        cmocka_unit_test(a_map_without_memory_says_so_and_keeps_what_it_has),
        cmocka_unit_test(a_hash_depends_on_every_byte_the_size_and_the_seed),
        cmocka_unit_test(links_are_found_until_they_are_taken_out),
        cmocka_unit_test(links_without_memory_say_so_or_grow_longer_chains),
        cmocka_unit_test(a_failure_fills_the_whole_error_and_returns_its_status),
        cmocka_unit_test(a_caller_who_wants_no_error_still_gets_the_status),
        cmocka_unit_test(a_text_that_was_cut_ends_between_two_characters),
        cmocka_unit_test(an_error_is_one_line_of_utf8_whatever_it_quotes),
        cmocka_unit_test(a_failed_assertion_ends_the_process),
        cmocka_unit_test(every_status_keeps_the_number_and_the_exit_code_it_was_released_with),
        cmocka_unit_test(every_status_has_a_text_of_its_own),
        cmocka_unit_test(only_a_status_that_wrote_nothing_may_be_tried_again_as_it_is),
        cmocka_unit_test(an_unknown_status_has_a_text_and_fails_the_command),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
