/* SPDX-License-Identifier: MIT */
/* Who is due when: a heap and lines beside a model that looks at everybody. */
#include "unit.h"

#include "work/due.h"

#define QUEUES 40
#define LINES  3

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
    struct due_line lines[LINES];
    struct model model;
};

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
    size_t used = 0;
    for (int line = 0; line < LINES; line++) {
        const struct due_at *at = w->model.waiting[line] ? w->lines[line].first : NULL;
        used += w->model.waiting[line] > 0;
        for (size_t i = 0; i < w->model.waiting[line]; i++, at = at->next)
            assert_ptr_equal(at, &w->at[w->model.line[line][i]]);
        assert_null(at);
    }
    assert_int_equal(w->due.line_count, used);
    if (!w->due.tries)
        assert_int_equal(pawli_due_next(&w->due).ns, first_due(&w->model));
}

/* Once room was made each line is tried once, and the one that was tried first comes last the next time. */
static void try_all(struct world *w)
{
    struct due_line *tried[LINES];
    size_t count = 0;
    pawli_due_eased(&w->due);
    if (w->due.line_count > 0)
        assert_int_equal(pawli_due_next(&w->due).ns, 0);
    for (struct due_line *line; (line = pawli_due_try(&w->due)) != NULL; count++) {
        assert_true(count < LINES);
        for (size_t i = 0; i < count; i++)
            assert_ptr_not_equal(tried[i], line);
        tried[count] = line;
    }
    assert_int_equal(count, w->due.line_count);
    assert_int_equal(pawli_due_next(&w->due).ns, first_due(&w->model));
    if (count > 1)
        assert_ptr_equal(w->due.lines, tried[0]);
}

static void whatever_happens_it_is_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct world w = {0};
        uint64_t random = seed * 0x9e3779b97f4a7c15u;
        pawli_due_init(&w.due);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_happens_it_is_what_the_model_says)};
    return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
