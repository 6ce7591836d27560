/* SPDX-License-Identifier: MIT */
/* What is done to a store while its disk is watched. Each call commits at most once. */
#include <sqlite3.h>

#include "world.h"

#define FEW_FRAMES  "checkpoint_frames=10"
#define MANY_FRAMES "checkpoint_frames=1000"

static void make_store(struct world *world)
{
    world_open(world);
    world_append(world, "default");
    world_enqueue(world, 3);
    world_close(world);
}

static void make_queue(struct world *world)
{
    world_open(world);
    for (unsigned i = 0; i < 3; i++)
        world_enqueue(world, 6);
    world_close(world);
}

static void run_init(struct world *world)
{
    world_open(world);
    world_append(world, "default");
    world_close(world);
}

static void run_append(struct world *world)
{
    world_open(world);
    for (unsigned i = 0; i < 12; i++)
        world_append(world, i % 3 ? "default" : "north");
    world_close(world);
}

static void run_group(struct world *world)
{
    world_open(world);
    for (unsigned i = 0; i < 6; i++)
        world_group(world, 2 + (unsigned)world_random(world, GROUP_MAX - 1));
    world_close(world);
}

static void run_enqueue(struct world *world)
{
    world_open(world);
    for (unsigned i = 0; i < 8; i++)
        world_enqueue(world, 1 + (unsigned)world_random(world, 5));
    world_close(world);
}

static void run_claim(struct world *world)
{
    static const int verdicts[] = {PAWL_VERDICT_DELIVERED, PAWL_VERDICT_RETRY,    PAWL_VERDICT_DEAD,
                                   PAWL_VERDICT_DEFERRED,  PAWL_VERDICT_RELEASED, PAWL_VERDICT_DELIVERED};
    world_open(world);
    for (unsigned i = 0; i < COUNT_OF(verdicts); i++) {
        world_claim(world, 3, i % 2);
        world_settle(world, verdicts[i], 1, i % 3);
        world_settle(world, PAWL_VERDICT_DELIVERED, 2, 0);
    }
    world_claim(world, 2, true);
    world_consume(world);
    world_claim(world, 2, false);
    world_close(world);
}

/* Every commit is followed by a checkpoint, made beside it by the engine and finished by the next writer. */
static void run_checkpoint(struct world *world)
{
    world_open(world);
    for (unsigned i = 0; i < 6; i++) {
        world_group(world, 3);
        world_append(world, "default");
    }
    world_close(world);
}

/* Opened, used and left, again and again: what the last one out and the first one in copy. */
static void run_reopen(struct world *world)
{
    for (unsigned i = 0; i < 4; i++) {
        world_open(world);
        world_append(world, "default");
        world_enqueue(world, 2);
        world_close(world);
    }
}

/* Claims of a process that died, taken by the next one. */
static void setup_orphans(struct world *world)
{
    make_queue(world);
    world_open(world);
    world_claim(world, 4, false);
    world_close(world);
    for (size_t i = 0; i < world->held_count; i++)
        world->helds[i].settled_at = 0; /* nobody holds them any more */
}

static void run_orphans(struct world *world)
{
    world_open(world);
    world_claim(world, 3, true);
    world_settle(world, PAWL_VERDICT_DELIVERED, 2, 1);
    world_claim(world, 3, false);
    world_close(world);
}

static void operate(struct world *world, const char *name, int (*move)(struct world *, const pawl_operation *))
{
    uint64_t bytes[] = {world->seed, world->next_number++};
    pawl_operation operation = {PAWL_OPERATION, .request_id = pawl_request_id_from(bytes, sizeof bytes),
                                .reason = "test", .actor = "test"};
    world_begin(world, name);
    world_end(world, move(world, &operation));
}

static int pause_lane(struct world *world, const pawl_operation *operation)
{
    return pawl_hold_set(world->store, &(pawl_subject){PAWL_SUBJECT, .lane = WORLD_LANE}, "paused", 0, operation,
                         &world->err);
}

static int go_on(struct world *world, const pawl_operation *operation)
{
    return pawl_hold_release(world->store, &(pawl_subject){PAWL_SUBJECT, .lane = WORLD_LANE}, NULL, operation,
                             &world->err);
}

static int cancel_first(struct world *world, const pawl_operation *operation)
{
    return pawl_message_cancel(world->store, &world->asks[0].id, operation, NULL, &world->err);
}

static int requeue_second(struct world *world, const pawl_operation *operation)
{
    return pawl_message_requeue(world->store, &world->asks[1].id, operation, NULL, &world->err);
}

static int purge_first(struct world *world, const pawl_operation *operation)
{
    return pawl_message_purge(world->store, &world->asks[0].id, operation, NULL, &world->err);
}

static int set_policy(struct world *world, const pawl_operation *operation)
{
    return pawl_lane_set(world->store, WORLD_LANE, &(pawl_setting){"max_attempts", "7"}, 1, operation, &world->err);
}

static void run_operate(struct world *world)
{
    world_open(world);
    operate(world, "cancel", cancel_first);
    operate(world, "pause", pause_lane);
    operate(world, "requeue", requeue_second);
    operate(world, "release", go_on);
    operate(world, "policy", set_policy);
    world_claim(world, 2, true);
    operate(world, "purge", purge_first);
    world_close(world);
    world->asks[0] = world->asks[1] = world->asks[2]; /* moved by hand: the same message no longer answers */
}

/* ---- what is kept of a journal ---- */

static int set_type(struct world *world, const pawl_operation *operation)
{
    return pawl_type_set(world->store, "made", &(pawl_setting){"keep", "reference"}, 1, operation, &world->err);
}

static int prune(struct world *world, const pawl_operation *operation)
{
    return pawl_journal_prune(world->store, 3, operation, NULL, &world->err);
}

/* One whole chunk, so that each call is one commit. */
static void keep_snapshot(struct world *world, uint64_t seq)
{
    static char state[256 * 1024];
    pawl_snapshot *snapshot = pawl_snapshot_new(world->store,
                                                &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = seq});
    world_begin(world, "chunk");
    pawl_snapshot_write(snapshot, state, sizeof state);
    world_end(world, PAWL_OK);
    world_begin(world, "snapshot");
    world_end(world, pawl_snapshot_commit(snapshot, &world->err));
    pawl_snapshot_free(snapshot);
}

static void run_keep(struct world *world)
{
    static const pawl_subscription_options by_hand = {PAWL_SUBSCRIPTION_OPTIONS, .name = "hand"},
                                           relayed = {PAWL_SUBSCRIPTION_OPTIONS, .name = "relayed", .lane = WORLD_LANE,
                                                      .target = WORLD_TARGET};
    world_open(world);
    operate(world, "type", set_type);
    world_append(world, "default");
    world_append(world, "default");
    world_begin(world, "subscribe");
    world_end(world, pawl_subscription_add(world->store, &by_hand, &world->err));
    world_begin(world, "subscribe");
    world_end(world, pawl_subscription_add(world->store, &relayed, &world->err));
    world_begin(world, "ack");
    world_end(world, pawl_subscription_ack(world->store, "hand", &(pawl_cursor){2, PAWL_WHOLE_RECORD}, &world->err));
    world_begin(world, "relay");
    world_end(world, pawl_subscription_relay(world->store, "relayed", 100, NULL, &world->err));
    keep_snapshot(world, 2);
    operate(world, "prune", prune);
    world_append(world, "default");
    world_close(world);
}

/* A store whose anchor was left behind, as a backup's is. */
static void setup_adopt(struct world *world)
{
    make_store(world);
    pawli_disk()->live.files[pawli_disk_file(WORLD_FILE "-anchor")] = (struct disk_file){0};
    world->adopted_at = UINT64_MAX;
}

static int adopt(struct world *world, const pawl_operation *operation)
{
    return pawl_store_adopt(world->store, operation, &world->err);
}

static void run_adopt(struct world *world)
{
    world_open(world);
    operate(world, "adopt", adopt);
    world->adopted_at = world->steps[world->step_count - 1].commits;
    world_append(world, "default");
    world_append(world, "default");
    world_close(world);
}

/* A foreign connection that was told to be careless (synchronous=NORMAL) commits a transition in its own transaction: it is
 * visible, and may be lost. Once the store has answered the same request, it may not. */
static int join(struct world *world, sqlite3 *db, struct ask *ask)
{
    pawl_join *joined = NULL;
    int status = pawl_join_attach(world->store, db, &joined, &world->err);
    if (status < 0)
        return status;
    pawl_transition *transition = world_transition(world, world->store, ask->number);
    sqlite3_exec(db, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", NULL, NULL, NULL);
    status = pawl_join_append(joined, transition, NULL, &world->err);
    if (sqlite3_exec(db, status == PAWL_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        status = PAWL_EIO;
    pawl_transition_free(transition);
    pawl_join_detach(joined);
    return status;
}

static void run_join(struct world *world)
{
    sqlite3 *db = NULL;
    world->is_careless = true;
    world_open(world);
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    for (unsigned i = 0; i < 4; i++) {
        struct ask *ask = &world->asks[world->ask_count++];
        struct ask answer;
        bool replayed = true;
        *ask = (struct ask){.scope = "default", .number = world->next_number++, .commits = UINT64_MAX};
        world_begin(world, "join");
        world_end(world, join(world, db, ask));
        struct step *step = &world->steps[world->step_count - 1];
        step->acked = NEVER; /* careless: nothing was promised yet */
        world_begin(world, "repeat");
        if (world->plant == PLANT_READ_ANSWER)
            world_end(world, PAWL_OK);
        else
            world_end(world, world_repeat(world, world->store, ask, &replayed, &answer));
        if (!replayed)
            violation(world, "the request of a joined transaction was not known");
        ask->commits = step->commits;
        if (world->plant != PLANT_READ_ANSWER) {
            ask->seq = answer.seq;
            memcpy(ask->digest, answer.digest, sizeof ask->digest);
        }
    }
    sqlite3_close(db);
    world_close(world);
}

/* A store of the version before: no views yet. */
static void setup_migrate(struct world *world)
{
    make_store(world);
    world_make_older();
}

/* In the database of a program that syncs nothing, copies the log when it likes, and moves the store's pages about. */
static void setup_into(struct world *world)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "crash"), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; CREATE TABLE message (body BLOB)", NULL,
                     NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    make_store(world);
}

static void run_into(struct world *world)
{
    static const char *const doings[] = {"INSERT INTO message VALUES (randomblob(300))",
                                         "PRAGMA wal_checkpoint(PASSIVE)", "VACUUM",
                                         "INSERT INTO message VALUES (randomblob(3000))"};
    sqlite3 *db = NULL;
    world_open(world);
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(doings); i++) {
        assert_int_equal(sqlite3_exec(db, doings[i], NULL, NULL, NULL), SQLITE_OK);
        world_append(world, "default");
        world_enqueue(world, 1);
        assert_int_equal(sqlite3_exec(db, doings[0], NULL, NULL, NULL), SQLITE_OK);
    }
    assert_int_equal(sqlite3_exec(db, doings[0], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, doings[0], NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    world_close(world);
}

const struct workload workloads[] = {
    {"init", FEW_FRAMES, NULL, run_init},
    {"append", FEW_FRAMES, make_store, run_append},
    {"group", MANY_FRAMES, make_store, run_group},
    {"enqueue", FEW_FRAMES, make_store, run_enqueue},
    {"claim", FEW_FRAMES, make_queue, run_claim},
    {"checkpoint", "checkpoint_frames=1", make_store, run_checkpoint},
    {"reopen", MANY_FRAMES, make_store, run_reopen},
    {"orphans", FEW_FRAMES, setup_orphans, run_orphans},
    {"operate", FEW_FRAMES, make_queue, run_operate},
    {"adopt", FEW_FRAMES, setup_adopt, run_adopt},
    {"keep", MANY_FRAMES, make_store, run_keep},
    {"overlap", MANY_FRAMES, make_store, run_overlap},
    {"overlap-checkpoint", FEW_FRAMES, make_store, run_overlap},
    {"join", MANY_FRAMES, make_store, run_join},
    {"migrate", FEW_FRAMES, setup_migrate, run_init},
    {"workflows", MANY_FRAMES, make_store, run_workflows},
    {"into", "into=1&" MANY_FRAMES, setup_into, run_into},
};
const size_t workload_count = COUNT_OF(workloads);

const struct workload *workload_named(const char *name)
{
    for (size_t i = 0; i < workload_count; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}
