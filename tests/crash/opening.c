/* SPDX-License-Identifier: MIT */
/* What is opened, what is refused and how, what is recognised as not being what was left here. */
#include <sqlite3.h>

#include "world.h"

#include "base/codec.h"

static pawl_error err;

static const char url[] = "sqlite:" WORLD_FILE "?vfs=crash&checkpoint_frames=1000";

static int open_store(struct env *env, pawl_store **store)
{
    return pawli_open_in(env, url, NULL, store, &err);
}

/* A store with records, messages, a claim and settlements. */
static struct world *made_world(uint64_t seed)
{
    struct world *world = world_new(seed, PLANT_NOTHING, "checkpoint_frames=1000");
    pawli_disk_clear(seed);
    pawli_disk()->powersafe = true;
    world_open(world);
    for (unsigned i = 0; i < 5; i++) {
        world_append(world, "default");
        world_enqueue(world, 3);
    }
    world_claim(world, 3, true);
    world_settle(world, PAWL_VERDICT_DELIVERED, 2, 1);
    return world;
}

static void end_world(struct world *world)
{
    if (world->violations)
        fail_msg("%s", world->first);
    pawl_store_close(world->store);
    world_free(world);
    assert_int_equal(pawli_disk_open_count(), 0);
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "crash"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct disk_file *file_named(const char *name)
{
    return &pawli_disk()->live.files[pawli_disk_file(name)];
}

static void a_newer_schema_is_refused_by_name(void **state)
{
    struct world *world = made_world(1);
    pawl_store *store = NULL;
    (void)state;
    world_close(world);
    run_sql("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
    uint64_t before = pawli_image_hash(file_named(WORLD_FILE));
    assert_status(open_store(world->env, &store), PAWL_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "schema 99"));
    assert_true(err.hint[0] != '\0');
    assert_true(before == pawli_image_hash(file_named(WORLD_FILE)));
    end_world(world);
}

static void an_older_schema_is_brought_up_to_date(void **state)
{
    struct world *world = made_world(2);
    uint64_t commits, before = world_show(world->store, &commits, &err), after;
    pawl_store_info info = {PAWL_STORE_INFO};
    (void)state;
    world_close(world);
    world_make_older();
    assert_ok(pawli_open_in(world->env, url, &(pawl_store_options){PAWL_STORE_OPTIONS, .must_exist = 1}, &world->store,
                            &err));
    assert_ok(pawl_store_get_info(world->store, &info, &err));
    assert_int_equal(info.was_migrated, 1);
    after = world_show(world->store, &commits, &err);
    assert_true(before == after);
    run_sql("SELECT count(*) FROM records");
    end_world(world);
}

static void a_database_of_something_else_is_refused(void **state)
{
    struct world *world = world_new(3, PLANT_NOTHING, "checkpoint_frames=1000");
    pawl_store *store = NULL;
    (void)state;
    pawli_disk_clear(3);
    run_sql("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    assert_status(open_store(world->env, &store), PAWL_EREFUSED);
    assert_true(err.hint[0] != '\0');
    run_sql("SELECT a FROM mine");
    end_world(world);
}

static void a_database_that_was_taken_away_is_missed(void **state)
{
    struct world *world = made_world(4);
    pawl_store *store = NULL;
    (void)state;
    world_close(world);
    file_named(WORLD_FILE)->exists = false;
    file_named(WORLD_FILE)->size = 0;
    file_named(WORLD_FILE "-wal")->exists = false;
    file_named(WORLD_FILE "-wal")->size = 0;
    assert_status(open_store(world->env, &store), PAWL_ECORRUPT);
    assert_non_null(strstr(err.hint, "restore"));
    end_world(world);
}

/* A schema that pawl did not make is refused by name, whatever it would do when it is run. */
static void a_schema_that_is_another_is_refused(void **state)
{
    static const struct {
        const char *sql, *says;
    } schemas[] = {
        {"PRAGMA user_version = -1", "schema -1"},
        {"DROP TABLE queue", "\"queue\""},
        {"DROP INDEX bound_until", "\"bound_until\""},
        {"DROP VIEW records; CREATE VIEW records AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
         "SELECT i FROM n",
         "\"records\""},
        {"ALTER TABLE hold ADD COLUMN more TEXT", "\"hold\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        struct world *world = made_world(1);
        pawl_store *store = NULL;
        world_close(world);
        run_sql(schemas[i].sql);
        assert_status(open_store(world->env, &store), PAWL_ECORRUPT);
        if (!strstr(err.text, schemas[i].says))
            fail_msg("%s: %s", schemas[i].sql, err.text);
        assert_true(err.hint[0] != '\0');
        end_world(world);
    }
}

/* Somebody's trigger, an endless one: it runs for them, and never for pawl. */
static void a_trigger_on_a_table_of_pawl_does_not_run(void **state)
{
    (void)state;
    struct world *world = made_world(1);
    sqlite3 *db = NULL;
    sqlite3_stmt *count;
    world_close(world);
    run_sql("CREATE TABLE ran (a); CREATE TRIGGER mine AFTER INSERT ON message BEGIN INSERT INTO ran WITH RECURSIVE "
            "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n; END");
    assert_int_equal(world_open(world), PAWL_OK);
    assert_ok(world_enqueue(world, 3));
    world_close(world);
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM ran", -1, &count, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(count, 0), 0);
    sqlite3_finalize(count);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    end_world(world);
}

/* ---- restored and copied stores ---- */

/* Reading works, writing is refused until somebody adopts it and says why; then its lost future is told apart. */
static void check_restored(struct world *world)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    struct ask ask = {.scope = "default", .number = 7777}, answer;
    bool replayed;
    uint64_t commits;
    pawl_messages *messages = NULL;
    assert_ok(open_store(world->env, &world->store));
    assert_ok(pawl_store_get_info(world->store, &info, &err));
    assert_int_equal(info.is_restored, 1);
    assert_true(info.restored_why[0] != '\0');
    assert_true(world_show(world->store, &commits, &err) != UNKNOWN_STATE);
    assert_status(world_repeat(world, world->store, &ask, &replayed, &answer), PAWL_EREFUSED);
    assert_non_null(strstr(world->err.hint, "adopt"));
    assert_status(pawl_store_adopt(world->store, &(pawl_operation){PAWL_OPERATION}, &err), PAWL_EINVAL);
    assert_ok(pawl_store_adopt(world->store, &(pawl_operation){PAWL_OPERATION, .reason = "disk died"}, &err));
    assert_ok(pawl_store_get_info(world->store, &info, &err));
    assert_int_equal(info.is_restored, 0);
    assert_int_equal(info.epoch, 2);
    assert_ok(world_repeat(world, world->store, &ask, &replayed, &answer));
    pawl_claim_options claim = {PAWL_CLAIM_OPTIONS, .lane = WORLD_LANE, .target = WORLD_TARGET, .limit = 10,
                                .consumer = "c"};
    assert_ok(pawl_claim(world->store, &claim, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 0); /* held */
    pawl_messages_free(messages);
    assert_ok(pawl_hold_release(world->store, &(pawl_subject){PAWL_SUBJECT}, NULL,
                                &(pawl_operation){PAWL_OPERATION, .reason = "looked at it"}, &err));
    assert_ok(pawl_claim(world->store, &claim, &messages, &err));
    assert_true(pawl_messages_count(messages) > 0);
    assert_true(pawl_messages_get(messages, 0)->token >> 47 == 2);
    pawl_messages_free(messages);
    pawl_store_close(world->store);
    world->store = NULL;
    assert_ok(open_store(world->env, &world->store)); /* it is its own now */
    assert_ok(pawl_store_get_info(world->store, &info, &err));
    assert_int_equal(info.is_restored, 0);
}

static void a_store_without_its_anchor_is_a_restored_one(void **state)
{
    struct world *world = made_world(5);
    (void)state;
    world_close(world);
    file_named(WORLD_FILE "-anchor")->exists = false;
    check_restored(world);
    end_world(world);
}

static void an_older_copy_in_its_place_is_a_restored_one(void **state)
{
    struct world *world = made_world(6);
    struct disk_image image = {0};
    (void)state;
    world_close(world);
    pawli_image_copy(&image, &pawli_disk()->live);
    world_open(world);
    world_append(world, "default");
    world_close(world);
    /* The database comes back from before; the anchor stayed. */
    struct disk_file *database = file_named(WORLD_FILE), *log = file_named(WORLD_FILE "-wal");
    const struct disk_file *old = &image.files[pawli_disk_file(WORLD_FILE)];
    database->size = 0;
    pawli_image_write(database, 0, old->bytes, old->size);
    log->size = 0;
    check_restored(world);
    pawli_image_done(&image);
    end_world(world);
}

static void the_anchor_of_another_store_is_not_its_own(void **state)
{
    struct world *other = made_world(7);
    struct disk_image image = {0};
    (void)state;
    world_close(other);
    pawli_image_copy(&image, &pawli_disk()->live);
    unsigned number = pawli_disk_file(WORLD_FILE "-anchor");
    struct world *world = made_world(8);
    world_close(world);
    unsigned own = pawli_disk_file(WORLD_FILE "-anchor");
    pawli_image_write(&pawli_disk()->live.files[own], 0, image.files[number].bytes, image.files[number].size);
    check_restored(world);
    pawli_image_done(&image);
    end_world(world);
    end_world(other);
}

static void a_copy_under_another_name_is_recognised(void **state)
{
    char folder[64], command[400], name[160];
    pawl_store *store = NULL;
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_enqueued result;
    (void)state;
    make_folder(folder);
    snprintf(name, sizeof name, "sqlite:%s/a.db", folder);
    assert_ok(pawl_store_open(name, NULL, &store, &err));
    assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"}, 1, &result, &err));
    pawl_store_close(store);
    snprintf(command, sizeof command, "cd %s && cp a.db b.db && cp a.db-anchor b.db-anchor", folder);
    assert_int_equal(system(command), 0);
    snprintf(name, sizeof name, "sqlite:%s/b.db", folder);
    assert_ok(pawl_store_open(name, NULL, &store, &err));
    assert_ok(pawl_store_get_info(store, &info, &err));
    assert_int_equal(info.is_restored, 1);
    assert_non_null(strstr(info.restored_why, "copy"));
    pawl_store_close(store);
    remove_folder(folder);
}

/* Two slots are written in turn, so that whatever a crash does to one the other is whole: the newer one is never touched. */
static void a_checkpoint_never_writes_over_the_newer_slot(void **state)
{
    struct world *world = made_world(10);
    uint8_t before[2][512], after[2][512];
    uint64_t newest[2];
    unsigned written = 0;
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        const struct disk_file *anchor = file_named(WORLD_FILE "-anchor");
        for (unsigned i = 0; i < 2; i++) {
            memcpy(before[i], anchor->bytes + 512 * (i + 1), 512);
            newest[i] = get_be64(before[i] + 32); /* commits */
        }
        world_append(world, "default");
        world_close(world); /* a checkpoint */
        for (unsigned i = 0; i < 2; i++) {
            memcpy(after[i], anchor->bytes + 512 * (i + 1), 512);
            bool changed = memcmp(before[i], after[i], 512) != 0;
            written += changed;
            if (changed && newest[i] > newest[!i])
                fail_msg("round %u: the slot of %llu commits is gone, that of %llu is there", round,
                         (unsigned long long)newest[i], (unsigned long long)newest[!i]);
            assert_true(!changed || get_be64(after[i] + 32) > newest[!i]);
        }
        world_open(world);
    }
    assert_true(written >= 6); /* a slot each time */
    end_world(world);
}

/* As `cp copy shop.db` after a kill: the log beside it goes on from another state. */
static void an_older_copy_beside_a_log_is_told_before_it_is_replayed(void **state)
{
    struct world *world = made_world(11);
    struct disk_image old = {0}, killed = {0};
    (void)state;
    world_close(world);
    pawli_image_copy(&old, &pawli_disk()->live);
    world_open(world);
    world_append(world, "default");
    world_close(world); /* a checkpoint, so that the log does not hold all that changed */
    world_open(world);
    world_append(world, "default");
    pawli_image_copy(&killed, &pawli_disk()->live);
    world_close(world);
    pawli_disk_load(&killed);
    struct disk_file *database = file_named(WORLD_FILE);
    const struct disk_file *copy = &old.files[pawli_disk_file(WORLD_FILE)];
    database->size = 0;
    pawli_image_write(database, 0, copy->bytes, copy->size);
    const struct disk_file *log = file_named(WORLD_FILE "-wal");
    uint64_t hash = pawli_image_hash(log);
    assert_true(log->size > 0);
    pawl_store *reader = NULL;
    assert_status(
        pawli_open_in(world->env, url, &(pawl_store_options){PAWL_STORE_OPTIONS, .read_only = 1}, &reader, &err),
        PAWL_EUNAVAIL);
    assert_true(hash == pawli_image_hash(log)); /* who only reads changes nothing */
    check_restored(world);
    assert_true(hash == pawli_image_hash(file_named(WORLD_FILE "-wal-old")));
    pawli_image_done(&old);
    pawli_image_done(&killed);
    end_world(world);
}

/* ---- flipped bits: nothing that is shown changes unnoticed ---- */

static struct {
    uint64_t seed;
    unsigned count; /* bits of the database; of other files fewer */
} wanted = {9, 3000};

struct flips {
    unsigned count, refused, recognised, unverified, harmless, silent;
    uint64_t shown;
    char first[200];
};

static bool verifies(pawl_store *store)
{
    pawl_verification *found = NULL;
    int status = pawl_verify(store, NULL, NULL, NULL, &found, &err);
    pawl_verification_free(found);
    return status == PAWL_OK;
}

static void open_flipped(struct flips *flips, uint64_t seed, const char *where)
{
    struct env *env = pawli_sim_new(seed);
    pawl_store *store = NULL;
    pawl_store_info info = {PAWL_STORE_INFO};
    uint64_t commits;
    flips->count++;
    int status = open_store(env, &store);
    if (status < 0) {
        flips->refused++;
        if (err.hint[0] == '\0' && !flips->first[0])
            snprintf(flips->first, sizeof flips->first, "%s: no hint with \"%.100s\"", where, err.text);
    } else if (pawl_store_get_info(store, &info, &err) == PAWL_OK && info.is_restored) {
        flips->recognised++;
    } else if (!verifies(store)) {
        flips->unverified++;
    } else if (world_show(store, &commits, &err) == flips->shown) {
        flips->harmless++;
    } else {
        flips->silent++;
        if (!flips->first[0])
            snprintf(flips->first, sizeof flips->first, "%s: another content, and it verifies", where);
    }
    pawl_store_close(store);
    env->ops->close(env);
}

static void flip_bits_of(const char *name, bool closed, unsigned tries)
{
    struct world *world = made_world(9);
    struct disk_image image = {0};
    struct flips flips = {0};
    uint64_t commits, random = wanted.seed;
    flips.shown = world_show(world->store, &commits, &err);
    char where[80];
    if (closed)
        world_close(world);
    pawli_image_copy(&image, &pawli_disk()->live);
    if (!closed)
        world_close(world);
    const unsigned number = pawli_disk_file(name);
    assert_true(image.files[number].size > 0);
    for (unsigned i = 0; i < tries; i++) {
        size_t at = (size_t)(pawli_draw(&random) % image.files[number].size);
        unsigned bit = (unsigned)(pawli_draw(&random) % 8);
        pawli_disk_load(&image);
        pawli_disk()->live.files[number].bytes[at] ^= (uint8_t)(1 << bit);
        snprintf(where, sizeof where, "%s, byte %zu, bit %u", name, at, bit);
        open_flipped(&flips, 9, where);
    }
    print_message("# seed %llu, %s%s: %u bits: %u refused, %u recognised as restored, %u found by verify, %u harmless, "
                  "%u silent\n",
                  (unsigned long long)wanted.seed, name, closed ? "" : " of a killed process", flips.count,
                  flips.refused, flips.recognised, flips.unverified, flips.harmless, flips.silent);
    pawli_image_done(&image);
    end_world(world);
    if (flips.first[0])
        fail_msg("%u silent, the first: %s", flips.silent, flips.first);
}

static void a_flipped_bit_of_the_database_is_found_or_harmless(void **state)
{
    (void)state;
    flip_bits_of(WORLD_FILE, true, wanted.count);
}

static void a_flipped_bit_of_the_log_is_found_or_harmless(void **state)
{
    (void)state;
    flip_bits_of(WORLD_FILE "-wal", false, wanted.count * 2 / 3);
}

static void a_flipped_bit_of_the_anchor_is_found_or_harmless(void **state)
{
    (void)state;
    flip_bits_of(WORLD_FILE "-anchor", true, wanted.count / 10);
}

#define ANCHOR_SLOT 512

/* Whatever tears while a checkpoint writes, the slot that the one before it wrote and synced is whole. */
static void a_checkpoint_leaves_the_newer_slot_of_the_anchor_alone(void **state)
{
    (void)state;
    LAW(F1);
    struct world *world = world_new(9, PLANT_NOTHING, "checkpoint_frames=1");
    uint8_t before[3 * ANCHOR_SLOT];
    unsigned written[3] = {0}, newer = 0;
    pawli_disk_clear(9);
    pawli_disk()->powersafe = true;
    world_open(world);
    const struct disk_file *file = file_named(WORLD_FILE "-anchor");
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(file->size, sizeof before);
        memcpy(before, file->bytes, sizeof before);
        world_append(world, "default");
        unsigned changed = 0;
        for (unsigned slot = 1; slot <= 2; slot++)
            if (memcmp(file->bytes + slot * ANCHOR_SLOT, before + slot * ANCHOR_SLOT, ANCHOR_SLOT) != 0) {
                assert_int_equal(changed, 0);
                assert_int_not_equal(slot, newer);
                changed = slot;
            }
        newer = changed ? changed : newer;
        written[changed]++;
    }
    assert_true(written[1] >= 2);
    assert_true(written[2] >= 2);
    end_world(world);
}

/* opening [--seed N] [--flips N]: which bits are flipped, and how many; other words are those of the other programs. */
int main(int count, char **words)
{
    for (int i = 1; i + 1 < count; i++) {
        if (strcmp(words[i], "--seed") == 0)
            wanted.seed = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--flips") == 0)
            wanted.count = (unsigned)strtoul(words[i + 1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_leaves_the_newer_slot_of_the_anchor_alone),
        cmocka_unit_test(a_newer_schema_is_refused_by_name),
        cmocka_unit_test(a_schema_that_is_another_is_refused),
        cmocka_unit_test(a_trigger_on_a_table_of_pawl_does_not_run),
        cmocka_unit_test(an_older_schema_is_brought_up_to_date),
        cmocka_unit_test(a_database_of_something_else_is_refused),
        cmocka_unit_test(a_database_that_was_taken_away_is_missed),
        cmocka_unit_test(a_store_without_its_anchor_is_a_restored_one),
        cmocka_unit_test(an_older_copy_in_its_place_is_a_restored_one),
        cmocka_unit_test(the_anchor_of_another_store_is_not_its_own),
        cmocka_unit_test(a_copy_under_another_name_is_recognised),
        cmocka_unit_test(a_checkpoint_never_writes_over_the_newer_slot),
        cmocka_unit_test(an_older_copy_beside_a_log_is_told_before_it_is_replayed),
        cmocka_unit_test(a_flipped_bit_of_the_database_is_found_or_harmless),
        cmocka_unit_test(a_flipped_bit_of_the_log_is_found_or_harmless),
        cmocka_unit_test(a_flipped_bit_of_the_anchor_is_found_or_harmless),
    };
    return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
