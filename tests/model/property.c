/* SPDX-License-Identifier: MIT */
/* The property test: random operations to a store and to the model, and no difference. A difference is made small and
 * printed with its seed. That the test sees differences is shown by a model with mistakes.
 *
 *   model_property [--seed N] [--rounds N] [--steps N]     N rounds of N operations each, on every kind of store
 *   model_property --test test_random …                   only the tests that match; --skip: all but those
 *   model_property --cases FOLDER …                        also those of the folder
 *   model_property --replay FILE --seed N                  the operations of a file, as they were printed */
#include <glob.h>

#include "support.h"

#include "model/state.h"
#include "shrink.h"

static struct {
    uint64_t seed;
    size_t rounds, steps;
    const char *replay, *cases;
} options = {.seed = 1, .rounds = 200, .steps = 400};

static struct failure failure;

static void print_failure(const struct store_kind *kind, uint64_t seed)
{
    fprintf(stderr, "# difference on %s: %s\n# %zu operations, to run again with --replay FILE --seed %llu:\n",
            kind->name, failure.difference, failure.list.count, (unsigned long long)seed);
    for (size_t i = 0; i < failure.list.count; i++)
        op_print(&failure.list.ops[i], stderr);
}

/* ---- the table of the design, 3.3, twice ---- */

static void test_states(void **state)
{
    (void)state;
    LAW(O1);
    assert_int_equal((int)MODEL_STATES, (int)STATE_COUNT);
    assert_int_equal((int)MODEL_EVENTS, (int)EVENT_COUNT);
    for (int from = 0; from < MODEL_STATES; from++)
        for (int event = 0; event < MODEL_EVENTS; event++) {
            enum model_state expected;
            enum state to;
            bool allowed = model_next((enum model_state)from, (enum model_event)event, &expected);
            assert_int_equal(pawli_state_next((enum state)from, (enum task_event)event, &to), allowed);
            if (allowed)
                assert_string_equal(pawli_state_text(to), model_state_text(expected));
        }
}

/* ---- deciding is checked against the model ---- */

static void test_random(void **state)
{
    (void)state;
    LAW(J1, J2, J3, O1, O2, O3, O4, O5, T1, C1);
    for (size_t i = 0; i < store_kind_count; i++)
        for (size_t round = 0; round < options.rounds; round++) {
            uint64_t seed = options.seed + round;
            if (run_random(&store_kinds[i], seed, options.steps, MISTAKE_NONE, &failure))
                continue;
            fprintf(stderr, "# seed %llu differs after %zu operations: %s\n", (unsigned long long)seed,
                    failure.list.count, failure.difference);
            shrink(&store_kinds[i], seed, MISTAKE_NONE, &failure);
            print_failure(&store_kinds[i], seed);
            fail_msg("%s, seed %llu: %s", store_kinds[i].name, (unsigned long long)seed, failure.difference);
        }
}

/* A run that never reached an edge of the table, or an answer, says nothing about it. */
static void test_coverage(void **state)
{
    (void)state;
    static const int statuses[OP_KINDS][5] = {[OP_ENQUEUE] = {PAWL_OK, PAWL_EINVAL, PAWL_ECONFLICT, PAWL_ELIMIT},
                                              [OP_SETTLE] = {PAWL_OK, PAWL_EINVAL, PAWL_ECONFLICT},
                                              [OP_TRANSITION] = {PAWL_OK, PAWL_EINVAL, PAWL_ECONFLICT, PAWL_EFENCED},
                                              [OP_CLAIM] = {PAWL_OK, PAWL_EINVAL},
                                              [OP_CANCEL] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_EREFUSED},
                                              [OP_REQUEUE] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_EREFUSED},
                                              [OP_RETRY] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_EREFUSED},
                                              [OP_RESEND] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_EREFUSED},
                                              [OP_RESOLVE] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_EREFUSED},
                                              [OP_PURGE] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_EREFUSED},
                                              [OP_MOVE_ALL] = {PAWL_OK, PAWL_EINVAL, PAWL_ECONFLICT},
                                              [OP_LANE_SET] = {PAWL_OK, PAWL_EINVAL},
                                              [OP_TARGET_ADD] = {PAWL_OK, PAWL_EINVAL, PAWL_ECONFLICT},
                                              [OP_TARGET_SET] = {PAWL_OK, PAWL_EINVAL, PAWL_ENOTFOUND},
                                              [OP_TARGET_REMOVE] = {PAWL_OK, PAWL_ENOTFOUND},
                                              [OP_HOLD_SET] = {PAWL_OK, PAWL_EINVAL},
                                              [OP_HOLD_RELEASE] = {PAWL_OK, PAWL_ENOTFOUND},
                                              [OP_SWEEP] = {PAWL_OK}};
    if (options.rounds * options.steps < 10000)
        skip();
    for (int from = 0; from < MODEL_STATES; from++)
        for (int event = 0; event < MODEL_EVENTS; event++) {
            enum model_state to;
            if (event == DO_STEP || event == DO_STOP) /* no message makes them */
                continue;
            if (model_next((enum model_state)from, (enum model_event)event, &to) && !model_counts.edges[from][event])
                fail_msg("no run came from %s by %s", model_state_text((enum model_state)from),
                         model_event_text((enum model_event)event));
        }
    for (int kind = 0; kind < OP_KINDS; kind++)
        for (int i = 0; i < 5; i++)
            if ((i == 0 ? kind <= OP_SWEEP : statuses[kind][i] != 0) && !run_answers[kind][-statuses[kind][i]])
                fail_msg("no %s was answered %s", op_kind_text((enum op_kind)kind),
                         pawl_status_name(statuses[kind][i]));
    for (int result = 0; result < PAWL_RESULT_COUNT; result++)
        if (!run_results[result])
            fail_msg("no settlement was answered %s", pawl_result_text(result));
}

/* ---- operations of a file ---- */

static struct op_list list;

static bool read_list(const char *path)
{
    char line[2000];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;
    list.count = 0;
    if (!good)
        perror(path);
    while (good && fgets(line, sizeof line, file)) {
        good = line[0] == '#' || line[0] == '\n' || op_read_line(line, &list);
        if (!good)
            fprintf(stderr, "%s: not an operation: %s", path, line);
    }
    if (file)
        fclose(file);
    return good;
}

static bool can_run(const struct store_kind *kind)
{
    for (size_t i = 0; i < list.count; i++)
        if (!kind->lasts && (list.ops[i].kind == OP_REOPEN || list.ops[i].kind == OP_REBOOT))
            return false;
    return true;
}

/* The files of a folder, each on so many kinds of store; false: one differs, *ret_path (to be freed). */
static bool run_cases(enum model_mistake mistake, size_t kinds, char **ret_path)
{
    glob_t found;
    char pattern[500];
    bool same = true;
    snprintf(pattern, sizeof pattern, "%s/*.ops", options.cases);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; same && i < found.gl_pathc; i++) {
        assert_true(read_list(found.gl_pathv[i]));
        assert_true(list.count > 0);
        for (size_t j = 0; same && j < kinds; j++)
            same = !can_run(&store_kinds[j]) || run_list(&store_kinds[j], 1, mistake, &list, &failure);
        if (!same)
            *ret_path = strdup(found.gl_pathv[i]);
    }
    globfree(&found);
    return same;
}

/* What differed once shall not again. */
static void test_cases(void **state)
{
    (void)state;
    char *path;
    if (!options.cases)
        skip();
    if (!run_cases(MISTAKE_NONE, store_kind_count, &path))
        fail_msg("%s: %s", path, failure.difference);
}

/* ---- the test of the test ---- */

/* How long may it take? However short the runs are that are asked for. */
#define NOTICED_BY    1000 /* rounds */
#define NOTICED_STEPS 400

/* By a case, or by chance. */
static void test_mistakes(void **state)
{
    (void)state;
    for (enum model_mistake mistake = MISTAKE_NONE + 1; mistake < MISTAKES; mistake++) {
        size_t round = 0;
        char *path = NULL;
        if (options.cases && !run_cases(mistake, 1, &path)) {
            print_message("# %s: noticed in %s\n", model_mistake_text(mistake), strrchr(path, '/') + 1);
            free(path);
            continue;
        }
        while (round < NOTICED_BY &&
               run_random(&store_kinds[0], options.seed + round, NOTICED_STEPS, mistake, &failure))
            round++;
        if (round == NOTICED_BY)
            fail_msg("nobody noticed that %s", model_mistake_text(mistake));
        print_message("# %s: noticed in round %zu after %zu operations\n", model_mistake_text(mistake), round,
                      failure.list.count);
    }
}

/* What is printed is small, and fails again when it is read back. */
static void test_shrinking(void **state)
{
    (void)state;
    static struct op_list again;
    char *text = NULL, *rest;
    size_t size = 0, round = 0;
    while (round < NOTICED_BY &&
           run_random(&store_kinds[0], options.seed + round, NOTICED_STEPS, MISTAKE_TOKEN_IGNORED, &failure))
        round++;
    assert_true(round < NOTICED_BY);
    shrink(&store_kinds[0], options.seed + round, MISTAKE_TOKEN_IGNORED, &failure);
    assert_in_range(failure.list.count, 1, 5); /* enqueue, claim, and a settlement with another token */
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < failure.list.count; i++)
        op_print(&failure.list.ops[i], out);
    fclose(out);
    again.count = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        assert_true(op_read_line(line, &again));
    assert_int_equal(again.count, failure.list.count);
    assert_false(run_list(&store_kinds[0], options.seed + round, MISTAKE_TOKEN_IGNORED, &again, &failure));
    assert_true(run_list(&store_kinds[0], options.seed + round, MISTAKE_NONE, &again, &failure));
    free(text);
}

/* ---- the command line ---- */

static int replay(void)
{
    if (!read_list(options.replay))
        return 2;
    for (size_t i = 0; i < store_kind_count; i++)
        if (can_run(&store_kinds[i]) && !run_list(&store_kinds[i], options.seed, MISTAKE_NONE, &list, &failure)) {
            print_failure(&store_kinds[i], options.seed);
            return 1;
        }
    return 0;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--rounds") == 0)
            options.rounds = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--steps") == 0)
            options.steps = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--test") == 0)
            cmocka_set_test_filter(argv[i + 1]);
        else if (strcmp(argv[i], "--skip") == 0)
            cmocka_set_skip_filter(argv[i + 1]);
        else if (strcmp(argv[i], "--cases") == 0)
            options.cases = argv[i + 1];
        else if (strcmp(argv[i], "--replay") == 0)
            options.replay = argv[i + 1];
        else
            return false;
    }
    return options.rounds > 0 && options.steps > 0 && options.steps <= OPS_MAX;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_states),   cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_coverage), cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_mistakes), cmocka_unit_test(test_shrinking)};
    if (!read_options(argc, argv)) {
        fprintf(stderr,
                "usage: %s [--seed N] [--rounds N] [--steps 1..%d] [--test GLOB] [--skip GLOB] [--cases FOLDER] "
                "[--replay FILE]\n",
                argv[0], OPS_MAX);
        return 2;
    }
    if (options.replay)
        return replay();
    fprintf(stderr, "# seed %llu, %zu rounds of %zu operations\n", (unsigned long long)options.seed, options.rounds,
            options.steps);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
