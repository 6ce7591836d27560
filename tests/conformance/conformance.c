/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "conformance.h"

#include "base/codec.h"
#include "database.h"
#include "store/sqlite/migrations.h"

/* Every store that there is. */
const struct kind kinds[] = {{"memory", "memory:", false, false},
                             {"sqlite", "sqlite:%s/store.db", true, false},
                             {"into", "sqlite:%s/app.db?into=1", true, true}};
const size_t kind_count = COUNT_OF(kinds);

pawl_error err;

/* ---- another program's database ---- */

/* Calls for each name that a store of its own gives to a table, an index or a view. */
static void with_each_name(sqlite3 *db, void (*use)(sqlite3 *db, const char *name))
{
    sqlite3 *model;
    sqlite3_stmt *names;
    unsigned count = 0;
    assert_int_equal(sqlite3_open(":memory:", &model), SQLITE_OK);
    for (int i = 0; i < pawli_migration_count; i++)
        for (const struct schema_object *made = pawli_migrations[i].objects[NAMES_OWN]; made->name; made++)
            run_sql(model, made->sql);
    assert_int_equal(
        sqlite3_prepare_v2(model, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL", -1, &names, NULL), SQLITE_OK);
    for (; sqlite3_step(names) == SQLITE_ROW; count++)
        use(db, (const char *)sqlite3_column_text(names, 0));
    assert_true(count > 20);
    sqlite3_finalize(names);
    sqlite3_close(model);
}

static void make_table(sqlite3 *db, const char *name)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "CREATE TABLE \"%s\" (mine TEXT); INSERT INTO \"%s\" VALUES ('kept');"
             "CREATE TRIGGER \"of %s\" BEFORE INSERT ON \"%s\" BEGIN SELECT RAISE(ABORT, 'not yours'); END",
             name, name, name, name);
    run_sql(db, sql);
}

static void check_table(sqlite3 *db, const char *name)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) = 1 AND max(mine) = 'kept' FROM \"%s\"", name);
    if (ask_sql(db, sql) != 1)
        fail_msg("the table %s of the other program was changed", name);
}

static void make_database(const char *file)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    run_sql(db, "PRAGMA user_version = 42; PRAGMA application_id = 4711");
    with_each_name(db, make_table);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Nothing of the other program's was touched, and what is not its own has our names. */
static void check_database(const char *file)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(ask_sql(db, "PRAGMA user_version"), 42);
    assert_int_equal(ask_sql(db, "PRAGMA application_id"), 4711);
    with_each_name(db, check_table);
    assert_int_equal(ask_sql(db, "SELECT count(*) FROM sqlite_schema WHERE type <> 'trigger' AND name LIKE 'pawl%' AND "
                                 "name NOT LIKE 'pawl\\_%' ESCAPE '\\'"),
                     0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- worlds ---- */

void open_world(struct world *w, const struct kind *kind, uint64_t seed)
{
    *w = (struct world){.kind = kind, .seed = seed};
    make_folder(w->folder);
    const char *mark = strchr(kind->url, '%');
    if (mark)
        snprintf(w->url, sizeof w->url, "%.*s%s%s", (int)(mark - kind->url), kind->url, w->folder, mark + 2);
    else
        snprintf(w->url, sizeof w->url, "%s", kind->url);
    if (mark)
        snprintf(w->file, sizeof w->file, "%.*s", (int)strcspn(w->url + strlen("sqlite:"), "?"),
                 w->url + strlen("sqlite:"));
    if (kind->is_into)
        make_database(w->file);
    w->env = pawli_sim_new(seed);
    assert_non_null(w->env);
    assert_ok(pawli_open_in(w->env, w->url, NULL, &w->store, &err));
    assert_int_equal(pawli_store_can(w->store->opened->store, STORE_IS_DURABLE), kind->is_durable);
}

void close_world(struct world *w)
{
    pawl_store_close(w->store);
    w->env->ops->close(w->env);
    if (w->kind->is_into)
        check_database(w->file);
    remove_folder(w->folder);
}

struct run {
    const struct conformance_case *conformance_case;
    const struct kind *kind;
};

#define LIMIT_S 100 /* below that of the whole program, so that it is known which case hung */

static const struct run *running;
static struct world *running_in;

/* In a simulated world a wait takes no time: who does not end waits for nothing, or goes round without waiting. */
static void say_that_it_hangs(int signal)
{
    (void)signal;
    fprintf(stderr, "# %s: %s does not end; its clock stands at %lld ms\n", running->kind->name,
            running->conformance_case->name, (long long)now_ms(running_in));
    abort();
}

static void run_case(void **state)
{
    struct world w;
    running = *state;
    open_world(&w, running->kind, 1);
    running_in = &w;
    signal(SIGALRM, say_that_it_hangs);
    alarm(LIMIT_S);
    running->conformance_case->run(&w);
    alarm(0);
    close_world(&w);
}

int run_on_every_store(const struct conformance_case *cases, size_t count)
{
    size_t total = count * kind_count;
    struct CMUnitTest *tests = calloc(total, sizeof *tests);
    struct run *runs = calloc(total, sizeof *runs);
    char(*names)[96] = calloc(total, sizeof *names);
    if (!tests || !runs || !names)
        return 1;
    for (size_t i = 0; i < total; i++) {
        runs[i] = (struct run){&cases[i % count], &kinds[i / count]};
        snprintf(names[i], sizeof names[i], "%s: %s", runs[i].kind->name, runs[i].conformance_case->name);
        tests[i] = (struct CMUnitTest){.name = names[i], .test_func = run_case, .initial_state = &runs[i]};
    }
    int failed = _cmocka_run_group_tests("conformance", tests, total, NULL, NULL);
    free(names);
    free(runs);
    free(tests);
    return failed;
}

/* ---- shorthands ---- */

int64_t now_ms(const struct world *w)
{
    return w->env->ops->wall_now(w->env).ms;
}

pawl_uuid make_id(unsigned n)
{
    return pawl_request_id_from(&n, sizeof n);
}

int try_add(struct world *w, const pawl_message *message)
{
    pawl_enqueued result;
    return pawl_enqueue(w->store, message, 1, &result, &err);
}

pawl_enqueued add(struct world *w, const pawl_message *message)
{
    pawl_enqueued result;
    assert_ok(pawl_enqueue(w->store, message, 1, &result, &err));
    return result;
}

pawl_messages *get(struct world *w, pawl_uuid id)
{
    pawl_messages *messages;
    assert_ok(pawl_message_get(w->store, &id, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 1);
    return messages;
}

void assert_state(struct world *w, pawl_uuid id, const char *state)
{
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->state, state);
    pawl_messages_free(messages);
}

pawl_queue_stats stats(struct world *w)
{
    pawl_stats *page;
    pawl_queue_stats found = {0};
    assert_ok(pawl_stats_read(w->store, LANE, TARGET, &page, &err));
    if (pawl_stats_count(page))
        found = *pawl_stats_get(page, 0);
    pawl_stats_free(page);
    found.scope = found.lane = found.target = NULL;
    return found;
}

pawl_messages *claim(struct world *w, const pawl_claim_options *options)
{
    pawl_messages *messages;
    assert_ok(pawl_claim(w->store, options, &messages, &err));
    return messages;
}

struct held claim_one(struct world *w, const pawl_claim_options *options)
{
    pawl_claim_options one = *options;
    one.limit = 1;
    pawl_messages *messages = claim(w, &one);
    assert_int_equal(pawl_messages_count(messages), 1);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    struct held held = {view->id, view->token, view->attempts, view->lease_until_ms};
    assert_int_not_equal(held.token, 0);
    assert_string_equal(view->state, "claimed");
    pawl_messages_free(messages);
    return held;
}

void claim_none(struct world *w, const pawl_claim_options *options)
{
    pawl_claim_options one = *options;
    one.limit = 1;
    pawl_messages *messages = claim(w, &one);
    assert_int_equal(pawl_messages_count(messages), 0);
    pawl_messages_free(messages);
}

int settle(struct world *w, const pawl_settlement *settlement)
{
    pawl_settled settled;
    assert_ok(pawl_settle(w->store, settlement, 1, &settled, &err));
    return settled.result;
}

int claim_and(struct world *w, int verdict)
{
    struct held held = claim_one(w, CLAIM());
    return settle(w, &(pawl_settlement){PAWL_SETTLEMENT, .id = held.id, .token = held.token, .verdict = verdict});
}

pawl_swept sweep(struct world *w)
{
    pawl_swept swept = {PAWL_SWEPT};
    assert_ok(pawl_sweep(w->store, &swept, &err));
    return swept;
}

void set_lane(struct world *w, const char *key, const char *value)
{
    pawl_operation why = {PAWL_OPERATION, .reason = "test"};
    assert_ok(pawl_lane_set(w->store, LANE, &(pawl_setting){key, value}, 1, &why, &err));
}

void set_target(struct world *w, const char *key, const char *value)
{
    assert_ok(pawl_target_set(w->store, TARGET, NULL, NULL, &(pawl_setting){key, value}, 1,
                              &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
}

size_t count_records(struct world *w)
{
    pawl_records *records;
    assert_ok(pawl_records_list(w->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 1000}, &records, &err));
    size_t count = pawl_records_count(records);
    pawl_records_free(records);
    return count;
}

void verify(struct world *w)
{
    pawl_verification *found;
    assert_ok(pawl_verify(w->store, NULL, NULL, NULL, &found, &err));
    for (size_t i = 0; i < pawl_verification_count(found); i++) {
        const pawl_verified *one = pawl_verification_get(found, i);
        if (!one->is_ok)
            fail_msg("scope %s, seq %llu: %s", one->scope, (unsigned long long)one->first_bad_seq, one->what);
    }
    pawl_verification_free(found);
}
