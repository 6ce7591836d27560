/* SPDX-License-Identifier: MIT */
/* Who is due when: a heap and lines beside a model that looks at everybody. */
#include "unit.h"

#include "work/due.h"

#define QUEUES 40
#define LINES  7
#define SCOPES 3 /* the first has most of the lines */

enum where { NOWHERE, BY_TIME, IN_LINE };

struct model {
    enum where where[QUEUES];
    int64_t when[QUEUES];
    int line[QUEUES][QUEUES]; /* who waits in it, first to last */
    size_t waiting[LINES];
};

struct world {
    struct due due;
    struct due_at at[QUEUES];
    struct due_scope scopes[SCOPES];
    struct due_line lines[LINES];
    struct model model;
};

static int scope_of(int line)
{
    return line < SCOPES ? line : 0;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void leave(struct model *model, int queue)
{
    for (int line = 0; model->where[queue] == IN_LINE && line < LINES; line++)
        for (size_t i = 0; i < model->waiting[line]; i++)
            if (model->line[line][i] == queue) {
                model->waiting[line]--;
                memmove(&model->line[line][i], &model->line[line][i + 1],
                        (model->waiting[line] - i) * sizeof model->line[line][0]);
                break;
            }
    model->where[queue] = NOWHERE;
}

static int64_t first_due(const struct model *model)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < QUEUES; i++)
        if (model->where[i] == BY_TIME && model->when[i] < first)
            first = model->when[i];
    return first;
}

static void put(struct world *w, int queue, int64_t when)
{
    leave(&w->model, queue);
    w->model.when[queue] = when;
    w->model.where[queue] = when == INT64_MAX ? NOWHERE : BY_TIME;
    pawli_due_put(&w->due, &w->at[queue], (struct boot_time){when});
}

static void wait_in(struct world *w, int line, int queue)
{
    leave(&w->model, queue);
    w->model.where[queue] = IN_LINE;
    w->model.line[line][w->model.waiting[line]++] = queue;
    pawli_due_wait(&w->due, &w->lines[line], &w->at[queue]);
}

static void take(struct world *w, int64_t now)
{
    int64_t first = first_due(&w->model);
    struct due_at *at = pawli_due_take(&w->due, (struct boot_time){now});
    assert_int_equal(at != NULL, first <= now);
    if (!at)
        return;
    int queue = (int)(at - w->at);
    assert_int_equal(w->model.where[queue], BY_TIME);
    assert_int_equal(w->model.when[queue], first);
    leave(&w->model, queue);
}

static void compare(const struct world *w)
{
    for (int line = 0; line < LINES; line++) {
        const struct turn *turn = w->lines[line].waiting.next;
        assert_int_equal(due_waits(&w->lines[line]), w->model.waiting[line] > 0);
        for (size_t i = 0; i < w->model.waiting[line]; i++, turn = turn->next)
            assert_ptr_equal(turn, &w->at[w->model.line[line][i]].turn);
        assert_ptr_equal(turn, &w->lines[line].waiting);
    }
    int64_t next = pawli_due_next(&w->due).ns;
    assert_true(next == 0 || next == first_due(&w->model));
}

/* Once room was made each line is tried once. Of two tries one behind the other a scope has both only where no other has any
 * left; and the next time, of a scope the line is tried first that waited longest to be. */
static void try_all(struct world *w)
{
    int left[SCOPES] = {0}, lines_left = 0, last = -1, first[SCOPES] = {-1, -1, -1};
    bool tried[LINES] = {false};
    for (int line = 0; line < LINES; line++)
        if (w->model.waiting[line] > 0) {
            left[scope_of(line)]++;
            lines_left++;
        }
    pawli_due_eased(&w->due);
    if (lines_left > 0)
        assert_int_equal(pawli_due_next(&w->due).ns, 0);
    for (struct due_at *at; (at = pawli_due_try(&w->due)) != NULL; lines_left--) {
        int line = (int)(at->line - w->lines), scope = scope_of(line);
        assert_int_equal(at - w->at, w->model.line[line][0]);
        assert_false(tried[line]);
        tried[line] = true;
        if (first[scope] < 0)
            first[scope] = line;
        if (scope == last)
            assert_int_equal(left[scope], lines_left);
        left[scope]--;
        last = scope;
    }
    assert_int_equal(lines_left, 0);
    assert_int_equal(pawli_due_next(&w->due).ns, first_due(&w->model));
    pawli_due_eased(&w->due);
    struct due_at *at = pawli_due_try(&w->due);
    if (at)
        assert_ptr_equal(at->line, &w->lines[first[scope_of((int)(at->line - w->lines))]]);
}

/* A line that had room and where others wait is tried again, behind those that were not tried. */
static void who_had_room_comes_again(void **state)
{
    (void)state;
    struct world w = {0};
    pawli_due_init(&w.due);
    for (int scope = 0; scope < 2; scope++)
        pawli_due_init_scope(&w.scopes[scope]);
    for (int line = 0; line < 2; line++)
        pawli_due_init_line(&w.lines[line], &w.scopes[line]);
    assert_true(pawli_due_reserve(&w.due, QUEUES));
    for (int queue = 0; queue < 4; queue++)
        pawli_due_wait(&w.due, &w.lines[queue / 2], &w.at[queue]);
    assert_null(pawli_due_try(&w.due)); /* no room was made */
    pawli_due_eased(&w.due);
    static const int order[] = {0, 2, 1, 3};
    for (int i = 0; i < 4; i++) {
        struct due_at *at = pawli_due_try(&w.due);
        assert_ptr_equal(at, &w.at[order[i]]);
        struct due_line *line = at->line;
        pawli_due_put(&w.due, at, BOOT_NEVER);
        pawli_due_try_again(&w.due, line);
    }
    assert_null(pawli_due_try(&w.due));
    pawli_due_done(&w.due);
}

static void whatever_happens_it_is_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct world w = {0};
        uint64_t random = seed * 0x9e3779b97f4a7c15u;
        pawli_due_init(&w.due);
        for (int scope = 0; scope < SCOPES; scope++)
            pawli_due_init_scope(&w.scopes[scope]);
        for (int line = 0; line < LINES; line++)
            pawli_due_init_line(&w.lines[line], &w.scopes[scope_of(line)]);
        assert_true(pawli_due_reserve(&w.due, 3));
        assert_true(pawli_due_reserve(&w.due, QUEUES));
        for (int i = 0; i < 2000; i++) {
            uint64_t r = next_random(&random);
            int queue = (int)(r >> 8 & 0xFFFF) % QUEUES;
            if (r % 8 < 3)
                put(&w, queue, (int64_t)(r >> 32) % 100);
            else if (r % 8 == 3)
                put(&w, queue, INT64_MAX);
            else if (r % 8 == 4)
                try_all(&w);
            else if (r % 8 == 5)
                wait_in(&w, (int)(r >> 32 & 0xFFFF) % LINES, queue);
            else
                take(&w, (int64_t)(r >> 32) % 100);
            compare(&w);
        }
        for (int queue = 0; queue < QUEUES; queue++)
            put(&w, queue, INT64_MAX);
        pawli_due_done(&w.due);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_happens_it_is_what_the_model_says),
                                       cmocka_unit_test(who_had_room_comes_again)};
    return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
