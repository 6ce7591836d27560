/* SPDX-License-Identifier: MIT */
/* What a team writes by hand on SQLite: a table each for commands, events, digests and an outbox, one connection, one
 * thread, BEGIN IMMEDIATE and COMMIT around a batch, WAL and synchronous=FULL, all else as SQLite has it by default. No
 * fingerprints, no chain, no ordering keys, no leases that end. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE command (id INTEGER PRIMARY KEY, request BLOB NOT NULL UNIQUE, type TEXT NOT NULL, body BLOB,"
    " response BLOB, received INTEGER NOT NULL);"
    "CREATE TABLE event (command INTEGER NOT NULL, number INTEGER NOT NULL, topic TEXT NOT NULL, type TEXT NOT NULL,"
    " key TEXT, body BLOB NOT NULL, PRIMARY KEY (command, number)) WITHOUT ROWID;"
    "CREATE TABLE digest (command INTEGER PRIMARY KEY, pre BLOB NOT NULL, post BLOB NOT NULL);"
    "CREATE TABLE outbox (id INTEGER PRIMARY KEY, command INTEGER, lane TEXT NOT NULL, target TEXT NOT NULL,"
    " body BLOB NOT NULL, state INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, token INTEGER);"
    "CREATE TABLE one (id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE INDEX outbox_due ON outbox (lane, target, state, due, id);";

struct baseline {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *command, *event, *digest, *outbox, *claim, *take, *settle, *one;
    uint64_t number;
    int64_t token;
};

static int failed(sqlite3 *db, pawl_error *err)
{
    *err = (pawl_error){.status = PAWL_EIO};
    snprintf(err->text, sizeof err->text, "the baseline: %s", db ? sqlite3_errmsg(db) : "no memory");
    return PAWL_EIO;
}

static bool prepare(struct baseline *b)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } statements[] = {
        {&b->begin, "BEGIN IMMEDIATE"},
        {&b->commit, "COMMIT"},
        {&b->command, "INSERT INTO command (request, type, body, response, received) VALUES (?, ?, ?, ?, ?)"},
        {&b->event, "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)"},
        {&b->digest, "INSERT INTO digest VALUES (?, ?, ?)"},
        {&b->outbox,
         "INSERT INTO outbox (command, lane, target, body, state, due, attempts) VALUES (?, ?, ?, ?, 0, ?, 0)"},
        {&b->claim, "SELECT id, body FROM outbox WHERE lane = ? AND target = ? AND state = 0 AND due <= ?"
                    " ORDER BY due, id LIMIT ?"},
        {&b->take, "UPDATE outbox SET state = 1, attempts = attempts + 1, token = ? WHERE id = ? AND state = 0"},
        {&b->settle, "UPDATE outbox SET state = 2, token = NULL WHERE id = ? AND state = 1 AND token = ?"},
        {&b->one, "INSERT INTO one (body) VALUES (?)"}};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (sqlite3_prepare_v3(b->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, statements[i].statement,
                               NULL) != SQLITE_OK)
            return false;
    return true;
}

static bool run(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

/* Ids as a program makes them: by time and a counter, or all random. */
static void make_id(uint8_t id[16], uint64_t number, bool random)
{
    uint64_t high = random ? (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()
                           : __builtin_bswap64(number);
    uint64_t low = (uint64_t)rand() << 32 | (uint64_t)rand();
    memcpy(id, &high, 8);
    memcpy(id + 8, &low, 8);
}

static bool add_command(struct baseline *b, const struct bench *bench, bool random)
{
    uint8_t id[16];
    uint64_t number = ++b->number;
    make_id(id, number, random);
    sqlite3_bind_blob(b->command, 1, id, sizeof id, SQLITE_STATIC);
    sqlite3_bind_text(b->command, 2, "PlaceOrder", -1, SQLITE_STATIC);
    sqlite3_bind_blob(b->command, 3, bench->body, BODY_SIZE, SQLITE_STATIC);
    sqlite3_bind_null(b->command, 4);
    sqlite3_bind_int64(b->command, 5, (int64_t)number);
    return run(b->command);
}

static bool add_message(struct baseline *b, const struct bench *bench, sqlite3_int64 command)
{
    sqlite3_bind_int64(b->outbox, 1, command);
    sqlite3_bind_text(b->outbox, 2, "mail", -1, SQLITE_STATIC);
    sqlite3_bind_text(b->outbox, 3, "smtp", -1, SQLITE_STATIC);
    sqlite3_bind_blob(b->outbox, 4, bench->body, BODY_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(b->outbox, 5, 0);
    return run(b->outbox);
}

/* Six rows: the command, three events, its digests, one message. */
static bool add_transition(struct baseline *b, const struct bench *bench, bool random)
{
    if (!add_command(b, bench, random))
        return false;
    sqlite3_int64 command = sqlite3_last_insert_rowid(b->db);
    for (int i = 0; i < 3; i++) {
        sqlite3_bind_int64(b->event, 1, command);
        sqlite3_bind_int(b->event, 2, i);
        sqlite3_bind_text(b->event, 3, "orders", -1, SQLITE_STATIC);
        sqlite3_bind_text(b->event, 4, "Placed", -1, SQLITE_STATIC);
        sqlite3_bind_text(b->event, 5, "k", -1, SQLITE_STATIC);
        sqlite3_bind_blob(b->event, 6, bench->body, BODY_SIZE, SQLITE_STATIC);
        if (!run(b->event))
            return false;
    }
    sqlite3_bind_int64(b->digest, 1, command);
    sqlite3_bind_blob(b->digest, 2, bench->body, 32, SQLITE_STATIC);
    sqlite3_bind_blob(b->digest, 3, bench->body, 32, SQLITE_STATIC);
    return run(b->digest) && add_message(b, bench, command);
}

static bool fill(struct baseline *b, const struct bench *bench, uint64_t commands, uint64_t messages)
{
    const uint64_t rows = commands > messages ? commands : messages;
    for (uint64_t i = 0; i < rows; i++) {
        bool first = i % 10000 == 0, last = i % 10000 == 9999 || i + 1 == rows;
        if ((first && !run(b->begin)) || (i < commands && !add_command(b, bench, true)) ||
            (i < messages && !add_message(b, bench, 0)) || (last && !run(b->commit)))
            return false;
    }
    return true;
}

void baseline_close(const struct bench *bench, struct baseline *b)
{
    if (!b)
        return;
    sqlite3_stmt *statements[] = {b->begin,  b->commit, b->command, b->event,  b->digest,
                                  b->outbox, b->claim,  b->take,    b->settle, b->one};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(b->db);
    free(b);
    bench_remove(bench, "baseline");
}

int baseline_open(const struct bench *bench, uint64_t commands, uint64_t messages, struct baseline **ret,
                  pawl_error *err)
{
    char path[512];
    struct baseline *b = *ret = calloc(1, sizeof *b);
    bench_remove(bench, "baseline");
    bench_path(bench, "baseline", path);
    if (!b || sqlite3_open(path, &b->db) != SQLITE_OK || sqlite3_exec(b->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        !prepare(b) || !fill(b, bench, commands, messages))
        return failed(b ? b->db : NULL, err);
    return PAWL_OK;
}

/* ---- rates: one commit after the other, until the time is over ---- */

/* Does one transaction and answers how much it did; 0: there is no more to do; -1: it failed. */
typedef int transaction(struct baseline *b, const struct bench *bench, const struct sides *sides);

static int repeat(const struct bench *bench, const struct sides *sides, transaction *do_one, struct figure *figure,
                  pawl_error *err)
{
    uint64_t done = 0;
    double begin = bench_now(), end = begin;
    while (end - begin < bench->seconds) {
        int count = do_one(sides->baseline, bench, sides);
        if (count < 0)
            return failed(sides->baseline->db, err);
        if (count == 0)
            break;
        done += (uint64_t)count;
        end = bench_now();
    }
    figure->rate = (double)done / (end - begin);
    figure->batch = sides->batch;
    return PAWL_OK;
}

static int commit_transitions(struct baseline *b, const struct bench *bench, const struct sides *sides)
{
    bool good = run(b->begin);
    for (int i = 0; good && i < sides->batch; i++)
        good = add_transition(b, bench, sides->random_ids);
    return good && run(b->commit) ? sides->batch : -1;
}

int baseline_transitions(const struct bench *bench, void *sides, struct figure *figure, pawl_error *err)
{
    return repeat(bench, sides, commit_transitions, figure, err);
}

static int commit_messages(struct baseline *b, const struct bench *bench, const struct sides *sides)
{
    bool good = run(b->begin);
    for (int i = 0; good && i < sides->batch; i++)
        good = add_message(b, bench, 0);
    return good && run(b->commit) ? sides->batch : -1;
}

int baseline_enqueue(const struct bench *bench, void *sides, struct figure *figure, pawl_error *err)
{
    return repeat(bench, sides, commit_messages, figure, err);
}

#define CLAIM 100

/* Claims up to 100 in one transaction and settles them in the next. */
static int claim_and_settle(struct baseline *b, const struct bench *bench, const struct sides *sides)
{
    sqlite3_int64 ids[CLAIM];
    int count = 0;
    bool good = run(b->begin);
    (void)bench, (void)sides;
    b->token++;
    sqlite3_bind_text(b->claim, 1, "mail", -1, SQLITE_STATIC);
    sqlite3_bind_text(b->claim, 2, "smtp", -1, SQLITE_STATIC);
    sqlite3_bind_int64(b->claim, 3, INT64_MAX);
    sqlite3_bind_int(b->claim, 4, CLAIM);
    while (good && sqlite3_step(b->claim) == SQLITE_ROW)
        ids[count++] = sqlite3_column_int64(b->claim, 0);
    sqlite3_reset(b->claim);
    for (int i = 0; good && i < count; i++) {
        sqlite3_bind_int64(b->take, 1, b->token);
        sqlite3_bind_int64(b->take, 2, ids[i]);
        good = run(b->take);
    }
    good = good && run(b->commit) && run(b->begin);
    for (int i = 0; good && i < count; i++) {
        sqlite3_bind_int64(b->settle, 1, ids[i]);
        sqlite3_bind_int64(b->settle, 2, b->token);
        good = run(b->settle);
    }
    return good && run(b->commit) ? count : -1;
}

int baseline_claim_settle(const struct bench *bench, void *sides, struct figure *figure, pawl_error *err)
{
    return repeat(bench, sides, claim_and_settle, figure, err);
}

static int produce_and_consume(struct baseline *b, const struct bench *bench, const struct sides *sides)
{
    return commit_messages(b, bench, sides) < 0 ? -1 : claim_and_settle(b, bench, sides);
}

int baseline_together(const struct bench *bench, void *sides, struct figure *figure, pawl_error *err)
{
    return repeat(bench, sides, produce_and_consume, figure, err);
}

/* One row, one commit: what a durable answer costs at least. */
int baseline_one_row(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct baseline *b = ((struct sides *)data)->baseline;
    struct times times;
    if (!bench_times_begin(bench, &times))
        return failed(NULL, err);
    while (bench_times_last(&times)) {
        double before = bench_now();
        sqlite3_bind_blob(b->one, 1, bench->body, BODY_SIZE, SQLITE_STATIC);
        if (!run(b->one)) {
            bench_times_end(&times, figure);
            return failed(b->db, err);
        }
        bench_times_add(&times, before);
    }
    bench_times_end(&times, figure);
    return PAWL_OK;
}

/* ---- two processes on one file, by the busy timeout alone ---- */

static bool open_shared(const struct bench *bench, struct baseline *b)
{
    char path[512];
    bench_path(bench, "baseline", path);
    return sqlite3_open(path, &b->db) == SQLITE_OK && sqlite3_busy_timeout(b->db, 10000) == SQLITE_OK &&
           sqlite3_exec(b->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) == SQLITE_OK && prepare(b);
}

/* The other process commits 64 messages at a time without a pause. */
static void commit_busily(const struct bench *bench, struct beside *beside)
{
    struct baseline b = {0};
    const struct sides sides = {.batch = 64};
    bool good = open_shared(bench, &b);
    sem_post(&beside->ready);
    while (good && !beside->stop)
        if (commit_messages(&b, bench, &sides) < 0)
            sqlite3_exec(b.db, "ROLLBACK", NULL, NULL, NULL);
}

int baseline_contention(const struct bench *bench, void *unused, struct figure *figure, pawl_error *err)
{
    const struct sides single = {.batch = 1};
    struct times times;
    struct baseline *b;
    (void)unused;
    struct beside *beside = bench_beside_new(bench, commit_busily);
    int status = baseline_open(bench, 0, 0, &b, err);
    if (status == PAWL_OK && !bench_times_begin(bench, &times))
        status = failed(NULL, err);
    if (status == PAWL_OK) {
        bench_beside_go(beside);
        sqlite3_busy_timeout(b->db, 10000);
        while (bench_times_last(&times)) {
            double before = bench_now();
            if (commit_messages(b, bench, &single) > 0)
                bench_times_add(&times, before);
            else
                sqlite3_exec(b->db, "ROLLBACK", NULL, NULL, NULL);
        }
        bench_times_end(&times, figure);
    }
    bench_beside_free(beside);
    baseline_close(bench, b);
    return status;
}
