/* SPDX-License-Identifier: MIT */
/* The view takes a refused unit back: what others of its batch see is what it would be had it not been there. */
#include "unit.h"

#include "store/walk.h"

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
        struct view_line *line = pawli_view_line(
            &view, pawli_view_queue(&view, scope, TASK_MESSAGE, TEXT("l"), TEXT("t")), TEXT("k"));
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

/* ---- a store of one task: that of number 1 in the only scope ---- */

static enum task_kind queue_kind; /* TASK_KIND_COUNT: one that is none of those that are asked for */
static bool has_body;

static enum find find_fact(struct walk *walk, enum row_kind kind, void *row)
{
    (void)walk;
    if (kind == ROW_SCOPE)
        ((struct scope_row *)row)->id = 1;
    if (kind == ROW_MESSAGE)
        ((struct message_row *)row)->queue = 7;
    return kind == ROW_SCOPE || (kind == ROW_MESSAGE && has_body) ? FIND_ROW : FIND_NOTHING;
}

static enum find find_queue(struct walk *walk, enum row_kind kind, uint64_t id, void *at)
{
    struct queue_row *row = at;
    assert_int_equal(kind, ROW_QUEUE);
    (void)walk;
    *row = (struct queue_row){.id = id, .scope = 1, .kind = queue_kind};
    return FIND_ROW;
}

static enum find find_task(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                           struct task_row *row)
{
    (void)walk, (void)kind, (void)body;
    *row = (struct task_row){.number = number, .queue = 7, .place = PLACE_HELD};
    return FIND_ROW;
}

/* A message is asked for by its number. One of another kind is not there; where its rows say both, it is damage. */
static void a_task_is_of_its_queue_s_kind(void **state)
{
    static const struct finders finders = {.fact = find_fact, .by_id = find_queue, .task = find_task};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct arena arena = {0};
        struct view view;
        struct walk walk = {&finders, &view, false};
        queue_kind = i / 2 ? TASK_WORKFLOW : TASK_MESSAGE;
        has_body = i % 2;
        pawli_view_init(&view, &arena, 1);
        struct view_task *task = pawli_view_task(&view, pawli_view_scope(&view, TEXT("s")), TASK_MESSAGE, 1);
        task->wants_body = true;
        assert_true(pawli_walk(&walk));
        assert_int_equal(task->slot.exists, i == 1);
        assert_int_equal(task->slot.is_damaged, i == 0 || i == 3);
        pawli_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_unit_gives_its_tokens_back),
        cmocka_unit_test(a_refused_unit_leaves_a_line_as_it_found_it),
        cmocka_unit_test(a_refused_unit_leaves_no_task),
        cmocka_unit_test(a_task_is_of_its_queue_s_kind),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
