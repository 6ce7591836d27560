/* SPDX-License-Identifier: MIT */
/* The view takes a refused unit back: what others of its batch see is what it would be had it not been there. */
#include "unit.h"

#include "store/view.h"

#define FOLLOWERS 40

static bool is_before(const struct view_task *a, const struct view_task *b)
{
    return a->row.order < b->row.order || (a->row.order == b->row.order && a->row.number < b->row.number);
}

static struct view_task *new_follower(struct view *view, struct random *random, uint64_t number)
{
    struct view_task *task = pawli_view_new_task(view);
    assert_non_null(task);
    task->number = task->row.number = number;
    task->row.order = 1 + random_below(random, FOLLOWERS);
    return task;
}

static void extend(struct view *view, struct view_line *line, struct random *random, uint64_t *number)
{
    assert_true(pawli_view_touch(view, &line->slot));
    for (uint64_t count = random_below(random, 4); count > 0; count--) {
        assert_true(pawli_view_add_follower(view, line, new_follower(view, random, ++*number)));
        line->row.depth++;
    }
    while (line->next_follower < line->follower_count && random_below(random, 4) == 0)
        line->next_follower++;
}

/* Units come and are refused as chance has it, each adding to a line in whatever order and taking from its front. */
static void a_refused_unit_leaves_a_line_as_it_found_it(void **state)
{
    (void)state;
    LAW(J2);
    struct random random = random_begin("view");
    for (unsigned round = 0; round < 200; round++) {
        struct arena arena = {0};
        struct view view;
        struct view_task *kept[FOLLOWERS + 4];
        uint64_t number = 0;
        pawli_view_init(&view, &arena, random_next(&random));
        struct view_scope *scope = pawli_view_scope(&view, TEXT("s"));
        struct view_line *line = pawli_view_line(&view, pawli_view_queue(&view, scope, TEXT("l"), TEXT("t")),
                                                 TEXT("k"));
        while (line->follower_count < FOLLOWERS) {
            struct view_line before = *line;
            if (before.follower_count > 0)
                memcpy(kept, line->followers, before.follower_count * sizeof *kept);
            pawli_view_begin_unit(&view);
            extend(&view, line, &random, &number);
            if (random_below(&random, 2) == 0) {
                pawli_view_undo_unit(&view);
                assert_int_equal(line->follower_count, before.follower_count);
                assert_int_equal(line->next_follower, before.next_follower);
                assert_int_equal(line->row.depth, before.row.depth);
                assert_memory_equal(line->followers, kept, before.follower_count * sizeof *kept);
            }
            for (uint32_t i = line->next_follower + 1; i < line->follower_count; i++)
                assert_false(is_before(line->followers[i], line->followers[i - 1]));
        }
        pawli_arena_done(&arena);
    }
}

/* What a refused unit made is not there for the next one. */
static void a_refused_unit_leaves_no_task(void **state)
{
    (void)state;
    LAW(J2);
    struct arena arena = {0};
    struct view view;
    pawli_view_init(&view, &arena, 1);
    pawli_view_begin_unit(&view);
    assert_non_null(pawli_view_new_task(&view));
    pawli_view_begin_unit(&view);
    assert_non_null(pawli_view_new_task(&view));
    assert_true(pawli_view_touch(&view, &view.store.slot));
    view.store.row.last_queue = 7;
    pawli_view_undo_unit(&view);
    assert_int_equal(view.tasks.count, 1);
    assert_int_equal(view.store.row.last_queue, 0);
    assert_false(view.store.slot.changed);
    pawli_arena_done(&arena);
}

/* A block of tokens is taken with the row of the store: where that is undone nobody may have it. */
static void a_refused_unit_gives_its_tokens_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct view view;
    uint64_t token, again;
    pawli_view_init(&view, &arena, 1);
    view.store.row = (struct store_row){.epoch = 1, .last_token = 10};
    pawli_view_begin_unit(&view);
    assert_true(pawli_view_token(&view, &token));
    assert_int_equal(token, UINT64_C(1) << 47 | 11);
    assert_true(view.store.row.last_token > 10);
    pawli_view_undo_unit(&view);
    assert_int_equal(view.store.row.last_token, 10);
    pawli_view_begin_unit(&view);
    assert_true(pawli_view_token(&view, &again));
    assert_int_equal(again, token);
    uint64_t taken = view.store.row.last_token;
    pawli_view_begin_unit(&view);
    assert_true(pawli_view_token(&view, &again));
    assert_int_equal(again, token + 1);
    pawli_view_undo_unit(&view); /* of a block that is taken, what was given is left out */
    assert_true(pawli_view_token(&view, &again));
    assert_true(again > token);
    assert_int_equal(view.store.row.last_token, taken);
    view.store.row.epoch = 2; /* adopted: the old block is of another epoch */
    view.store.row.last_token = 0;
    assert_true(pawli_view_token(&view, &again));
    assert_int_equal(again, UINT64_C(2) << 47 | 1);
    pawli_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_unit_gives_its_tokens_back),
        cmocka_unit_test(a_refused_unit_leaves_a_line_as_it_found_it),
        cmocka_unit_test(a_refused_unit_leaves_no_task),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
