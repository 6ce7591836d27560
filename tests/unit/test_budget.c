/* SPDX-License-Identifier: MIT */
/* What targets that hang leave for the others. */
#include "unit.h"

#include "work/budget.h"

static void few_descriptors_are_few_sends_and_leave_some(void **state)
{
    (void)state;
    static const struct {
        uint64_t descriptors;
        uint32_t sends;
    } rows[] = {{0, 16},       {64, 16},        {384, 16},          {416, 16},    {418, 17},   {1024, 320},
                {20000, 2048}, {1048576, 2048}, {UINT64_MAX, 2048}, {4480, 2048}, {4478, 2047}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pawli_budget_sends(rows[i].descriptors), rows[i].sends);
}

/* Each target takes all that it is given, again and again, and gives nothing back. */
static void hog(int count, bool is_prompt, uint32_t send_max, uint32_t wanted, uint64_t bytes, struct usage *all)
{
    struct usage own[256] = {{0}};
    *all = (struct usage){0};
    for (int round = 0; round < 200; round++)
        for (int i = 0; i < count; i++) {
            own[i].is_prompt = is_prompt;
            uint32_t room = pawli_budget_room(send_max, all, NULL, &own[i], wanted);
            uint64_t taken = room ? bytes : 0;
            assert_true(room <= wanted);
            all->sends += room;
            own[i].sends += room;
            all->bytes += taken;
            own[i].bytes += taken;
            assert_true(all->sends <= send_max);
            assert_true(all->bytes <= BUDGET_BYTES_MAX + BUDGET_CLAIM_BYTES); /* the one that passed the limit */
        }
}

static void whatever_hangs_the_next_target_gets_something(void **state)
{
    (void)state;
    static const struct {
        int count;
        bool is_prompt, is_next_prompt;
        uint32_t send_max, wanted;
        uint64_t bytes;
    } rows[] = {{1, true, true, 2048, 100, 1000},      {40, true, true, 2048, 32, 1000},
                {60, true, true, 2048, 32, 1000},      {5, true, true, 2048, 100, 0},
                {30, true, true, 2048, 1, 2 << 20},    {10, true, true, 2048, 100, 1900000},
                {64, false, true, 2048, 32, 1 << 20},  {64, false, true, 2048, 1, 2 << 20},
                {200, false, true, 2048, 32, 1000},    {256, false, true, 2048, 1, 1},
                {256, false, true, 16, 100, 1 << 20},  {256, false, true, 320, 32, 1900000},
                {40, false, false, 320, 32, 1000},     {64, false, false, 2048, 32, 1000},
                {40, false, false, 2048, 32, 1900000}, {2, false, false, 16, 32, 1000}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct usage all, next = {.is_prompt = rows[i].is_next_prompt};
        hog(rows[i].count, rows[i].is_prompt, rows[i].send_max, rows[i].wanted, rows[i].bytes, &all);
        if (pawli_budget_room(rows[i].send_max, &all, NULL, &next, 1) != 1)
            fail_msg("row %zu: they leave %u sends and %lld bytes", i, rows[i].send_max - all.sends,
                     (long long)(BUDGET_BYTES_MAX - all.bytes));
        assert_true(all.sends > 0);
    }
}

static void a_target_alone_gets_what_it_wants_up_to_half(void **state)
{
    (void)state;
    static const struct usage none = {0};
    struct usage all;
    hog(1, true, 2048, 100, 1, &all);
    assert_in_range(all.sends, 1024, 1025);
    hog(1, true, 2048, 1, 1 << 20, &all);
    assert_in_range(all.bytes, BUDGET_BYTES_MAX / 2 - (2 << 20), BUDGET_BYTES_MAX / 2 + (1 << 20));
    assert_int_equal(pawli_budget_room(2048, &none, NULL, &none, 100), 91); /* from the first claim on */
    assert_int_equal(pawli_budget_room(320, &none, NULL, &none, 100), 15);
}

/* However many targets a scope has, the others find at least as much as it has. */
static void a_scope_leaves_to_the_others_what_it_has(void **state)
{
    (void)state;
    for (int prompt = 0; prompt < 2; prompt++) {
        struct usage all = {0}, scope = {0}, own[256] = {{0}}, other = {.is_prompt = true};
        for (int round = 0; round < 200; round++)
            for (int i = 0; i < 256; i++) {
                own[i].is_prompt = prompt;
                uint32_t room = pawli_budget_room(2048, &all, &scope, &own[i], 32);
                own[i].sends += room;
                scope.sends += room;
                all.sends += room;
            }
        assert_in_range(scope.sends, 512, 1024);
        struct usage others = {0};
        assert_int_equal(pawli_budget_room(2048, &all, &others, &other, 100), 100);
        others.sends = 100;
        all.sends += 100;
        assert_int_equal(pawli_budget_room(2048, &all, &scope, &own[0], 32), 0); /* before it has less again */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_descriptors_are_few_sends_and_leave_some),
        cmocka_unit_test(whatever_hangs_the_next_target_gets_something),
        cmocka_unit_test(a_target_alone_gets_what_it_wants_up_to_half),
        cmocka_unit_test(a_scope_leaves_to_the_others_what_it_has),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
