/* SPDX-License-Identifier: MIT */
/* Rounds that overlap: while one is being synced the next is decided and saved, readers read, others open the store, another
 * program commits. Each round commits once; what it left is looked at behind the back of the store, since a reader would
 * sync it. */
#include <sqlite3.h>

#include "store/sqlite/sqlite.h"
#include "world.h"

#define UNITS_MAX 12

struct burst;

struct one {
    struct burst *burst;
    size_t ask;
    struct step *step; /* of its round, once it was taken */
    bool is_answered;
};

struct burst {
    struct world *world;
    struct one ones[UNITS_MAX];
    size_t count, taken;
    unsigned openings; /* each that has to wait takes seconds, and calls have their time */
    bool syncs, is_meanwhile;
};

static struct committer *committer_of(const struct world *world)
{
    return &world->store->opened->committer;
}

static struct sqlite_store *sqlite_of(const struct world *world)
{
    return (struct sqlite_store *)world->store->opened->store;
}

static void answered(struct one *one, int status, const pawl_error *error)
{
    struct world *world = one->burst->world;
    if (status < 0)
        violation(world, "round: status %d, %s", status, error->text);
    one->is_answered = true;
    if (one->step && one->step->acked == NEVER)
        one->step->acked = world->trace.count;
}

static void transition_done(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct one *one = data;
    if (status == PAWL_OK)
        world_keep_receipt(&one->burst->world->asks[one->ask], receipt);
    pawl_receipt_free(receipt);
    answered(one, status, error);
}

static void enqueue_done(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct one *one = data;
    if (status == PAWL_OK && count == 1)
        one->burst->world->asks[one->ask].id = results[0].id;
    answered(one, status, error);
}

static void submit(struct burst *burst)
{
    struct world *world = burst->world;
    struct one *one = &burst->ones[burst->count];
    bool is_message = burst->count++ % 3 == 2;
    unsigned number = world->next_number++;
    *one = (struct one){.burst = burst, .ask = world->ask_count};
    assert_true(world->ask_count < ASKS_MAX);
    world->asks[world->ask_count++] = (struct ask){
        .scope = is_message ? NULL : "default", .number = number, .commits = UINT64_MAX};
    int status;
    if (is_message) {
        struct made_message made;
        pawl_message message = world_message(world, number, &made);
        status = pawl_enqueue_submit(world->store, &message, 1, enqueue_done, one, &world->err);
    } else {
        status = pawl_transition_submit(world_transition(world, world->store, number), transition_done, one,
                                        &world->err);
    }
    assert_int_equal(status, PAWL_OK);
}

/* What the store shows to one who need not care whether it is durable. */
static void show_unsynced(struct world *world, struct step *step)
{
    struct owed *owed = &sqlite_of(world)->owed;
    uint64_t durable = owed->durable;
    if (owed->raised > durable)
        owed->durable = owed->raised;
    uint64_t hash = world_show(world->store, &step->commits, &world->err);
    owed->durable = durable;
    if (hash == UNKNOWN_STATE)
        violation(world, "round: the store shows nothing: %s", world->err.text);
    assert_true(step->commits < COMMITS_MAX);
    world->shown[step->commits] = hash;
}

/* A step of the engine leads one round at most. */
static void turn(struct burst *burst)
{
    struct world *world = burst->world;
    struct committer *committer = committer_of(world);
    size_t begun = world->trace.count;
    committer->work_ns = INT64_MAX / 8; /* the disk is quick: rounds take half of what is on its way */
    committer->sync_ns = 0;
    assert_int_equal(pawl_store_step(world->store, 0, NULL, &world->err), PAWL_OK);
    size_t taken = burst->count - committer->waiting;
    if (taken == burst->taken)
        return;
    assert_true(world->step_count < STEPS_MAX);
    struct step *step = &world->steps[world->step_count++];
    *step = (struct step){.name = "round", .begun = begun, .acked = NEVER};
    size_t acked = world->trace.count;
    show_unsynced(world, step);
    for (; burst->taken < taken; burst->taken++) {
        struct one *one = &burst->ones[burst->taken];
        one->step = step;
        world->asks[one->ask].commits = step->commits;
        if (one->is_answered)
            step->acked = acked;
    }
}

/* In the middle of a sync. */
static void meanwhile(void *data)
{
    struct burst *burst = data;
    if (!burst->syncs || burst->is_meanwhile)
        return;
    burst->is_meanwhile = true;
    for (uint64_t turns = world_random(burst->world, 3); turns > 0; turns--)
        turn(burst);
    burst->is_meanwhile = false;
}

/* What somebody was shown is a fact. */
static void note_read(struct world *world, pawl_store *store)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    size_t begun = world->trace.count;
    if (pawl_store_get_info(store, &info, &world->err) < 0) {
        violation(world, "read: %s", world->err.text);
        return;
    }
    assert_true(world->step_count < STEPS_MAX);
    world->steps[world->step_count++] = (struct step){
        .name = "read", .begun = begun, .acked = world->trace.count, .commits = info.commits};
}

/* Refused while something is owed; else what it shows is a fact, too. */
static void open_beside(struct burst *burst, const char *mode)
{
    struct world *world = burst->world;
    pawl_store *store = NULL;
    char url[128];
    snprintf(url, sizeof url, "sqlite:" WORLD_FILE "?vfs=crash&%s%s", mode, world->options);
    if (burst->openings++ >= 3 || pawli_open_in(world->env, url, NULL, &store, NULL) < 0)
        return;
    note_read(world, store);
    pawl_store_close(store);
}

/* Another program, on top of what is not synced yet. Its own commit is. */
static void commit_beside(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
                                  "UPDATE store SET commits = commits",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
}

static void something(struct burst *burst)
{
    struct world *world = burst->world;
    switch (world_random(world, 8)) {
    case 0:
        note_read(world, world->store);
        break;
    case 1:
        open_beside(burst, "");
        break;
    case 2:
        open_beside(burst, "mode=ro&");
        break;
    case 3:
        commit_beside();
        break;
    case 4:
    case 5:
        turn(burst);
        break;
    default:
        burst->syncs = true;
        pawli_sim_run_jobs(world->env);
        burst->syncs = false;
    }
}

static bool is_over(const struct burst *burst)
{
    for (size_t i = 0; i < burst->count; i++)
        if (!burst->ones[i].is_answered)
            return false;
    return true;
}

static void run_burst(struct world *world)
{
    struct burst burst = {.world = world};
    struct disk *disk = pawli_disk();
    disk->meanwhile = meanwhile;
    disk->meanwhile_data = &burst;
    committer_of(world)->work_ns = INT64_MAX / 8;
    committer_of(world)->most = 4 + (size_t)world_random(world, 8);
    for (uint64_t left = 4 + world_random(world, UNITS_MAX - 3); left > 0; left--)
        submit(&burst);
    turn(&burst);
    for (unsigned i = 0; i < 200 && !is_over(&burst); i++)
        something(&burst);
    for (unsigned i = 0; i < 40 && !is_over(&burst); i++) {
        pawli_sim_run_jobs(world->env);
        turn(&burst);
    }
    if (!is_over(&burst))
        violation(world, "a unit of a round was not answered");
    pawli_sim_run_jobs(world->env);
    turn(&burst);
    disk->meanwhile = NULL;
}

void run_overlap(struct world *world)
{
    world_open(world);
    for (unsigned i = 0; i < 4; i++)
        run_burst(world);
    world_append(world, "default");
    world_close(world);
}
