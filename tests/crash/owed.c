/* SPDX-License-Identifier: MIT */
/* What is owed: who else may have the store open meanwhile, and what becomes of it when its sync fails. */
#include "store/sqlite/sqlite.h"
#include "world.h"

#define UNITS 8

struct told {
    unsigned answers, unknown, poisoned, others;
};

static void note_answer(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct told *told = data;
    (void)results, (void)count, (void)error;
    told->answers += status == PAWL_OK;
    told->unknown += status == PAWL_EUNCERTAIN;
    told->poisoned += status == PAWL_EIO;
    told->others += status != PAWL_OK && status != PAWL_EUNCERTAIN && status != PAWL_EIO;
}

static struct committer *committer_of(const struct world *world)
{
    return &world->store->opened->committer;
}

static struct owed *owed_of(const struct world *world)
{
    return &((struct sqlite_store *)world->store->opened->store)->owed;
}

static struct world *open_world(void)
{
    struct world *world = world_new(1, PLANT_NOTHING, "checkpoint_frames=1000");
    pawli_disk_clear(1);
    pawli_disk()->powersafe = true;
    assert_int_equal(world_open(world), PAWL_OK);
    world_append(world, "default");
    return world;
}

static void turn(struct world *world)
{
    committer_of(world)->work_ns = INT64_MAX / 8;
    committer_of(world)->sync_ns = 0;
    assert_int_equal(pawl_store_step(world->store, 0, NULL, NULL), PAWL_OK);
}

/* They become more than two rounds. */
static void submit_units(struct world *world, struct told *told)
{
    turn(world); /* from here on rounds take half */
    committer_of(world)->most = UNITS;
    for (unsigned i = 0; i < UNITS; i++) {
        struct made_message made;
        pawl_message message = world_message(world, world->next_number++, &made);
        assert_int_equal(pawl_enqueue_submit(world->store, &message, 1, note_answer, told, NULL), PAWL_OK);
    }
}

static void save_two_rounds(struct world *world, struct told *told)
{
    *told = (struct told){0};
    submit_units(world, told);
    turn(world);
    turn(world);
}

static void finish(struct world *world)
{
    for (unsigned i = 0; i < 8; i++) {
        pawli_sim_run_jobs(world->env);
        turn(world);
    }
}

static void end_world(struct world *world)
{
    pawl_store_close(world->store);
    world->store = NULL;
    world_free(world);
}

static int open_beside(struct world *world, const char *mode, pawl_store **ret_store)
{
    char url[128];
    snprintf(url, sizeof url, "sqlite:" WORLD_FILE "?vfs=crash&%s", mode);
    return pawli_open_in(world->env, url, NULL, ret_store, &world->err);
}

static void two_rounds_are_saved_before_the_first_is_synced(void **state)
{
    (void)state;
    struct told told;
    struct world *world = open_world();
    save_two_rounds(world, &told);
    assert_int_equal(committer_of(world)->open_rounds, ROUNDS_OPEN);
    assert_int_equal(owed_of(world)->saved, owed_of(world)->durable + 2);
    assert_true(owed_of(world)->holds_byte);
    assert_int_equal(told.answers, 0);
    finish(world);
    assert_int_equal(told.answers, UNITS);
    assert_int_equal(owed_of(world)->saved, owed_of(world)->durable);
    assert_false(owed_of(world)->holds_byte);
    end_world(world);
}

struct watch_syncs {
    struct world *world;
    struct told *told;
    struct gate *gate;       /* of somebody who opens */
    unsigned syncs, answers; /* answers: when the second sync had begun */
};

static void lead_meanwhile(void *data)
{
    struct watch_syncs *watch = data;
    unsigned nth = ++watch->syncs;
    if (nth > 2)
        return;
    turn(watch->world);
    watch->answers = nth == 2 ? watch->told->answers : 0;
}

/* J1. The second round is saved while the first one is synced: that sync answers the first and no more. */
static void a_sync_answers_what_was_saved_before_it_began(void **state)
{
    (void)state;
    struct told told = {0};
    struct world *world = open_world();
    struct watch_syncs watch = {.world = world, .told = &told};
    submit_units(world, &told);
    turn(world);
    unsigned first = UNITS - (unsigned)committer_of(world)->waiting;
    pawli_disk()->meanwhile_data = &watch;
    pawli_disk()->meanwhile = lead_meanwhile;
    pawli_sim_run_jobs(world->env);
    assert_true(watch.syncs >= 2);
    assert_int_equal(watch.answers, first);
    pawli_disk()->meanwhile = NULL;
    finish(world);
    assert_int_equal(told.answers, UNITS);
    end_world(world);
}

static void who_opens_waits_for_what_is_owed(void **state)
{
    struct told told;
    struct world *world = open_world();
    pawl_store *beside = NULL;
    save_two_rounds(world, &told);
    assert_int_equal(open_beside(world, *state, &beside), PAWL_EBUSY);
    finish(world);
    assert_int_equal(open_beside(world, *state, &beside), PAWL_OK);
    pawl_store_close(beside);
    end_world(world);
}

static void beside_another_handle_nothing_is_owed(void **state)
{
    struct told told;
    struct world *world = open_world();
    pawl_store *beside = NULL;
    assert_int_equal(open_beside(world, *state, &beside), PAWL_OK);
    save_two_rounds(world, &told);
    assert_int_equal(owed_of(world)->raised, 0);
    finish(world);
    assert_int_equal(told.answers, UNITS);
    pawl_store_close(beside);
    save_two_rounds(world, &told);
    assert_true(owed_of(world)->holds_byte);
    finish(world);
    end_world(world);
}

static struct gate *open_gate(struct world *world)
{
    struct gate *gate;
    struct file_at at = {0};
    assert_int_equal(world->env->ops->gate(world->env, &at, &gate, NULL), PAWL_OK);
    return gate;
}

static bool is_owed(struct world *world)
{
    struct gate *gate = open_gate(world);
    bool is_held = gate->ops->is_held(gate, GATE_OWED);
    gate->ops->close(gate);
    return is_held;
}

static void open_and_lead(void *data)
{
    struct watch_syncs *watch = data;
    if (watch->syncs++)
        return;
    assert_int_equal(watch->gate->ops->lock(watch->gate, GATE_OPEN, GATE_SHARED, (struct boot_time){0}), GATE_LOCKED);
    turn(watch->world); /* beside another handle: its COMMIT syncs */
}

static void lead_and_sync(void *data)
{
    struct watch_syncs *watch = data;
    if (watch->syncs++)
        return;
    assert_int_equal(pawli_store_sync(committer_of(watch->world)->store, owed_of(watch->world)->saved, NULL), STORE_OK);
}

/* Somebody waits for what is owed, and the round behind it has synced itself: while that of before was being synced, before
 * anybody did, or while that sync ended. He need not wait longer. */
static void a_commit_that_syncs_ends_what_is_owed(void **state)
{
    static void (*const orders[])(void *data) = {open_and_lead, NULL, lead_and_sync};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct told told = {0};
        struct world *world = open_world();
        struct watch_syncs watch = {.world = world, .told = &told, .gate = open_gate(world)};
        submit_units(world, &told);
        turn(world);
        assert_true(owed_of(world)->holds_byte);
        pawli_disk()->meanwhile_data = &watch;
        pawli_disk()->meanwhile = orders[i];
        if (orders[i] != open_and_lead) {
            assert_int_equal(watch.gate->ops->lock(watch.gate, GATE_OPEN, GATE_SHARED, (struct boot_time){0}),
                             GATE_LOCKED);
            turn(world);
        }
        finish(world);
        pawli_disk()->meanwhile = NULL;
        assert_true(!orders[i] || watch.syncs > 0);
        assert_int_equal(told.answers, UNITS);
        assert_int_equal(owed_of(world)->saved, owed_of(world)->durable);
        assert_false(owed_of(world)->holds_byte);
        watch.gate->ops->close(watch.gate);
        end_world(world);
    }
}

/* F1. Both rounds are unknown, though a later sync would say yes; nothing more is answered, and the gate keeps others out. */
static void a_failed_sync_answers_nothing_more(void **state)
{
    (void)state;
    struct told told;
    pawl_store *beside = NULL;
    pawl_store_info info = {PAWL_STORE_INFO};
    struct world *world = open_world();
    world_record(world);
    save_two_rounds(world, &told);
    pawli_disk()->fault = (struct disk_fault){.kind = FAULT_SYNC, .at = 1};
    finish(world);
    assert_true(pawli_disk()->fault.hit);
    assert_int_equal(told.answers + told.others, 0);
    assert_true(told.unknown > 1);
    assert_int_equal(told.unknown + told.poisoned, UNITS);
    assert_true(is_owed(world));
    assert_int_equal(pawl_store_get_info(world->store, &info, NULL), PAWL_EIO);
    assert_int_equal(open_beside(world, "", &beside), PAWL_EIO);
    pawl_store_close(world->store);
    world->store = NULL;
    assert_false(is_owed(world));
    assert_int_equal(open_beside(world, "", &beside), PAWL_OK);
    pawl_store_close(beside);
    pawli_disk()->trace = NULL;
    world_free(world);
}

#define BESIDE(test, mode)                                                                                             \
    {                                                                                                                  \
#test " " mode, test, NULL, NULL, (void *)(uintptr_t)mode                                                      \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_rounds_are_saved_before_the_first_is_synced),
        cmocka_unit_test(a_sync_answers_what_was_saved_before_it_began),
        BESIDE(who_opens_waits_for_what_is_owed, "mode=rw"),
        BESIDE(who_opens_waits_for_what_is_owed, "mode=ro"),
        BESIDE(beside_another_handle_nothing_is_owed, "mode=rw"),
        BESIDE(beside_another_handle_nothing_is_owed, "mode=ro"),
        cmocka_unit_test(a_commit_that_syncs_ends_what_is_owed),
        cmocka_unit_test(a_failed_sync_answers_nothing_more),
    };
    return cmocka_run_group_tests_name("what is owed", tests, NULL, NULL);
}
