/* SPDX-License-Identifier: MIT */
/* Every storage call of every kind fails once, or from then on, from the opening of a store to the end of a script. What a
 * call answers must then be true: what it says is written stays, what it says is not written never appears, and only a
 * commit that failed on its way may be either. With an argument, more disks are looked at. */
#include "pawl/why.h"
#include "store/sqlite/sqlite.h"
#include "world.h"

struct fault_case {
    enum disk_fault_kind kind;
    const char *name;
    bool breaks_commits; /* a commit may fail on its way */
    bool is_full;
};

static const struct fault_case fault_cases[] = {
    {FAULT_READ, "a read fails", false, false},
    {FAULT_WRITE, "a write fails", true, false},
    {FAULT_SHORT, "half of a write is done and it fails", true, false},
    {FAULT_FULL, "the disk is full", true, true},
    {FAULT_FULL_SHORT, "the disk is full in the middle of a write", true, true},
    {FAULT_SYNC, "a sync fails and what it should have written is lost", true, false},
    {FAULT_TRUNCATE, "a truncation fails", true, false},
    {FAULT_SIZE, "a look at the size fails", false, false},
    {FAULT_OPEN, "a file cannot be opened", false, false},
    {FAULT_LOCK, "a lock fails", true, false},
    {FAULT_MAP, "the shared memory cannot be mapped", false, false},
};

enum told_kind { TOLD_APPEND, TOLD_ENQUEUE, TOLD_CLAIM, TOLD_SETTLE };

/* A call, and what it answered. */
struct told {
    enum told_kind kind;
    int status;
    struct ask ask;       /* of what was added */
    pawl_uuid id;         /* of what was claimed or settled */
    uint64_t token;       /* 0: nothing was claimed */
    bool was_tried_again; /* after a failure that wrote nothing, with success */
};

static const enum told_kind script[] = {TOLD_APPEND, TOLD_CLAIM, TOLD_ENQUEUE, TOLD_SETTLE, TOLD_APPEND, TOLD_SETTLE,
                                        TOLD_APPEND, TOLD_CLAIM, TOLD_ENQUEUE, TOLD_APPEND, TOLD_APPEND};

struct attempted {
    struct world *world;
    struct told told[COUNT_OF(script)];
    size_t count;
    bool is_poisoned;
    unsigned statuses[16], runs, checks;
};

static const uint64_t longest_sweep = 2000;
static bool every_loss; /* with whatever argument: those of the soak */

static void setup(struct world *world)
{
    world_open(world);
    world_enqueue(world, 6);
    world_enqueue(world, 6);
    world_claim(world, 2, true);
    world_close(world);
}

static int claim_one(struct world *world, pawl_store *store, struct told *told)
{
    pawl_messages *messages = NULL;
    int status = pawl_claim(
        store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = WORLD_LANE, .target = WORLD_TARGET, .limit = 1},
        &messages, &world->err);
    if (status == PAWL_OK && pawl_messages_count(messages)) {
        told->id = pawl_messages_get(messages, 0)->id;
        told->token = pawl_messages_get(messages, 0)->token;
    }
    pawl_messages_free(messages);
    return status;
}

static int settle_one(struct world *world, pawl_store *store, const struct told *told, int *ret_result)
{
    pawl_settled result = {0};
    int status = pawl_settle(
        store,
        &(pawl_settlement){PAWL_SETTLEMENT, .id = told->id, .token = told->token, .verdict = PAWL_VERDICT_DELIVERED}, 1,
        &result, &world->err);
    *ret_result = result.result;
    return status;
}

static int call(struct attempted *trial, struct told *told)
{
    struct world *world = trial->world;
    struct ask answer;
    bool replayed = false;
    int status, result;
    switch (told->kind) {
    case TOLD_APPEND:
    case TOLD_ENQUEUE:
        status = world_repeat(world, world->store, &told->ask, &replayed, &answer);
        if (status == PAWL_OK && replayed)
            violation(world, "a call that had written nothing was replayed");
        if (status == PAWL_OK)
            told->ask = answer;
        return status;
    case TOLD_CLAIM:
        return claim_one(world, world->store, told);
    case TOLD_SETTLE:
        status = settle_one(world, world->store, told, &result);
        if (status == PAWL_OK && result != PAWL_RESULT_DELIVERED)
            violation(world, "a claim that was held did not settle");
        return status;
    }
    return PAWL_EINVAL;
}

static bool says_nothing_written(int status)
{
    return status < 0 && status != PAWL_EUNCERTAIN;
}

static bool poisons(int status)
{
    return status == PAWL_EIO || status == PAWL_EUNCERTAIN || status == PAWL_ECORRUPT;
}

/* The promised status: a full disk is a refusal, nothing else is; and after a poisoning answer nobody gets another. */
static void judge(struct attempted *trial, const struct fault_case *fault, const struct told *told, bool failed)
{
    struct world *world = trial->world;
    int status = told->status;
    trial->statuses[-status]++;
    if (status < 0 && !failed)
        violation(world, "status %d without a fault: %s", status, world->err.text);
    if (trial->is_poisoned && status != PAWL_EIO)
        violation(world, "status %d after the storage had failed", status);
    if (fault->is_full && status < 0 && status != PAWL_EREFUSED)
        violation(world, "status %d where the disk is full: %s", status, world->err.text);
    if (!fault->is_full && (status == PAWL_EREFUSED || status == PAWL_ECORRUPT || status == PAWL_ENOMEM))
        violation(world, "status %d where storage fails: %s", status, world->err.text);
    if (fault->kind == FAULT_READ && poisons(status))
        violation(world, "status %d where nothing but a read failed: %s", status, world->err.text);
    if (status == PAWL_EUNCERTAIN && !fault->breaks_commits)
        violation(world, "uncertain where nothing was being written: %s", world->err.text);
    trial->is_poisoned |= poisons(status);
}

/* Whatever a call answered, it lets go of what it took. */
static void check_locks(struct world *world)
{
    static const int64_t bytes[] = {GATE_OPENING, GATE_NEXT, GATE_WRITE};
    struct gate *gate = ((struct sqlite_store *)world->store->opened->store)->gate;
    for (size_t i = 0; i < COUNT_OF(bytes); i++)
        if (gate->ops->is_held(gate, bytes[i]))
            violation(world, "a call came back and left byte %lld of the gate locked", (long long)bytes[i]);
}

static void run_script(struct attempted *trial, const struct fault_case *fault, bool persistent)
{
    struct world *world = trial->world;
    size_t settled = 0;
    for (size_t i = 0; i < COUNT_OF(script); i++) {
        struct told *told = &trial->told[trial->count++];
        *told = (struct told){.kind = script[i]};
        told->ask = (struct ask){.scope = script[i] == TOLD_APPEND ? "default" : NULL, .number = 500 + (unsigned)i};
        if (script[i] == TOLD_SETTLE) {
            told->id = world->helds[settled].id;
            told->token = world->helds[settled++].token;
        }
        told->status = call(trial, told);
        judge(trial, fault, told, pawli_disk()->fault.hit);
        check_locks(world);
        if (says_nothing_written(told->status) && !trial->is_poisoned && !persistent) {
            int again = call(trial, told);
            told->was_tried_again = again == PAWL_OK;
            if (again < 0)
                violation(world, "the same call again: status %d, %s", again, world->err.text);
        }
    }
}

/* ---- afterwards ---- */

static void check_added(struct world *world, pawl_store *store, const struct told *told, bool must_be, bool may_be)
{
    struct ask answer;
    bool replayed = false;
    int status = world_repeat(world, store, &told->ask, &replayed, &answer);
    if (status < 0)
        violation(world, "afterwards: status %d, %s", status, world->err.text);
    else if (must_be && !replayed)
        violation(world, "what was answered is not there");
    else if (!may_be && replayed)
        violation(world, "what was said not to be written is there");
    else if (must_be && told->ask.scope && answer.seq != told->ask.seq)
        violation(world, "it is there under another seq");
}

static void check_claimed(struct world *world, pawl_store *store, const struct told *told, bool must_be, bool may_be)
{
    int result = 0;
    if (told->token == 0)
        return;
    int status = settle_one(world, store, told, &result);
    if (status < 0)
        violation(world, "afterwards: status %d, %s", status, world->err.text);
    else if (told->kind == TOLD_CLAIM && must_be && result != PAWL_RESULT_DELIVERED)
        violation(world, "a claim that was answered is lost");
    else if (told->kind == TOLD_SETTLE && must_be && result != PAWL_RESULT_LOST)
        violation(world, "what was settled can be settled again");
    else if (told->kind == TOLD_SETTLE && !may_be && result != PAWL_RESULT_DELIVERED)
        violation(world, "a settlement that was said not to be written was");
}

static void check_afterwards(struct attempted *trial)
{
    struct world *world = trial->world;
    pawl_store *store = NULL;
    struct env *env = pawli_sim_new(world->seed); /* the same boot: claims by hand go on */
    pawli_sim_advance_ms(env, 100);
    int status = world_open_in(world, env, &store);
    pawl_verification *found = NULL;
    if (status < 0)
        violation(world, "afterwards it does not open: status %d, %s", status, world->err.text);
    else if (pawl_verify(store, NULL, NULL, NULL, &found, &world->err) < 0)
        violation(world, "afterwards it does not verify: %s", world->err.text);
    pawl_verification_free(found);
    for (size_t i = 0; status == PAWL_OK && i < trial->count; i++) {
        const struct told *told = &trial->told[i];
        bool must_be = told->status == PAWL_OK || told->was_tried_again;
        bool may_be = must_be || !says_nothing_written(told->status);
        if (told->kind == TOLD_APPEND || told->kind == TOLD_ENQUEUE)
            check_added(world, store, told, must_be, may_be);
        else
            check_claimed(world, store, told, must_be, may_be);
    }
    pawl_store_close(store);
    env->ops->close(env);
    trial->checks++;
}

static void check_loss(struct attempted *trial, struct disk_walk *walk, enum disk_loss loss, struct disk_image *image)
{
    pawli_walk_lose(walk, loss, pawli_disk()->powersafe, trial->world->seed + loss, image);
    pawli_disk_load(image);
    check_afterwards(trial);
}

/* The disk as it is, and what a power loss leaves of it: the kinds of loss take turns, unless all are asked for. */
static void check_disks(struct attempted *trial, size_t end)
{
    static const enum disk_loss losses[] = {LOSS_ALL, LOSS_SUBSET, LOSS_TORN, LOSS_GARBAGE};
    struct disk_walk walk;
    struct disk_image image = {0};
    pawli_walk_begin(&walk, &trial->world->trace, &trial->world->start);
    while (walk.at < end)
        pawli_walk_step(&walk);
    check_loss(trial, &walk, LOSS_NONE, &image);
    for (size_t i = 0; i < COUNT_OF(losses); i++)
        if (every_loss || trial->runs % COUNT_OF(losses) == i)
            check_loss(trial, &walk, losses[i], &image);
    pawli_image_done(&image);
    pawli_walk_done(&walk);
}

/* Returns whether the fault was reached. */
static bool run_once(struct attempted *trial, const struct fault_case *fault, uint64_t at, bool persistent)
{
    struct disk *disk = pawli_disk();
    struct world *world = trial->world = world_new(at, PLANT_NOTHING, "checkpoint_frames=8");
    int status = PAWL_OK;
    trial->count = 0;
    trial->is_poisoned = false;
    trial->runs++;
    pawli_disk_clear(at);
    disk->powersafe = true;
    setup(world);
    world_record(world);
    disk->fault = (struct disk_fault){.kind = fault->kind, .at = at, .persistent = persistent};
    status = world_open_in(world, world->env, &world->store);
    if (status < 0) {
        struct told told = {.status = status};
        judge(trial, fault, &told, disk->fault.hit);
    } else {
        pawl_store_info info = {PAWL_STORE_INFO};
        if (pawl_store_get_info(world->store, &info, NULL) == PAWL_OK && info.is_restored)
            violation(world, "a failing disk was taken for a restored store: %s", info.restored_why);
        run_script(trial, fault, persistent);
    }
    bool hit = disk->fault.hit;
    size_t end = world->trace.count;
    if (persistent && trial->is_poisoned && status == PAWL_OK) {
        disk->fault.kind = FAULT_NONE; /* the disk is well again: the file stays poisoned until it was opened anew */
        struct told told = {.kind = TOLD_APPEND, .ask = {.scope = "default", .number = 900}};
        if (call(trial, &told) != PAWL_EIO)
            violation(world, "a poisoned file answered");
    }
    pawl_store_close(world->store);
    disk->fault = (struct disk_fault){0};
    disk->trace = NULL;
    check_disks(trial, end);
    return hit;
}

static void each_storage_call_may_fail(void **state)
{
    const struct fault_case *fault = *state;
    for (int persistent = 0; persistent < 2; persistent++) {
        struct attempted trial = {0};
        bool hit = true;
        uint64_t at = 0;
        unsigned violations = 0;
        char first[280] = "";
        while (hit && at < longest_sweep) {
            hit = run_once(&trial, fault, ++at, persistent);
            if (trial.world->violations && violations == 0)
                snprintf(first, sizeof first, "call %llu: %s", (unsigned long long)at, trial.world->first);
            violations += trial.world->violations;
            world_free(trial.world);
        }
        print_message("# %s, %s: %u runs, %u disks checked; answered ok %u, refused %u, failed %u, uncertain %u, "
                      "unavailable %u\n",
                      fault->name, persistent ? "for good" : "once", trial.runs, trial.checks, trial.statuses[0],
                      trial.statuses[-PAWL_EREFUSED], trial.statuses[-PAWL_EIO], trial.statuses[-PAWL_EUNCERTAIN],
                      trial.statuses[-PAWL_EUNAVAIL]);
        if (violations)
            fail_msg("%u violations, the first: %s", violations, first);
        assert_true(at > 1); /* it was reached at least once */
        assert_true(at < longest_sweep);
    }
}

/* ---- an error that passes ---- */

/* What a call showed, as a number that differs where what was shown differs. */
typedef int look_call(struct world *world, uint64_t *shown);

static int look_at_all(struct world *world, uint64_t *shown)
{
    uint64_t commits;
    *shown = world_show(world->store, &commits, &world->err);
    return *shown == UNKNOWN_STATE ? world->err.status : PAWL_OK;
}

static int look_at_one(struct world *world, uint64_t *shown)
{
    pawl_messages *messages = NULL;
    int status = pawl_message_get(world->store, &world->helds[0].id, &messages, &world->err);
    *shown = status == PAWL_OK ? pawl_messages_get(messages, 0)->data_size + 1 : 0;
    pawl_messages_free(messages);
    return status;
}

static int look_why(struct world *world, uint64_t *shown)
{
    pawl_why *why = NULL;
    int status = pawl_why_message(world->store, &world->asks[8].id, &why, &world->err);
    *shown = pawl_why_count(why);
    for (size_t i = 0; i < pawl_why_count(why); i++)
        *shown = pawli_mix(*shown, (uint64_t)pawl_why_get(why, i)->code[0]);
    pawl_why_free(why);
    return status;
}

static int look_at_events(struct world *world, uint64_t *shown)
{
    pawl_events *events = NULL;
    int status = pawl_events_read(world->store, &(pawl_events_query){PAWL_EVENTS_QUERY}, &events, &world->err);
    *shown = pawl_events_count(events);
    pawl_events_free(events);
    return status;
}

static int look_at_stats(struct world *world, uint64_t *shown)
{
    pawl_stats *stats = NULL;
    int status = pawl_stats_read(world->store, NULL, NULL, &stats, &world->err);
    *shown = status == PAWL_OK ? pawl_stats_get(stats, 0)->pending + 1 : 0;
    pawl_stats_free(stats);
    return status;
}

static int look_at_lanes(struct world *world, uint64_t *shown)
{
    pawl_settings *settings = NULL;
    int status = pawl_lanes_list(world->store, &settings, &world->err);
    *shown = pawl_settings_count(settings);
    pawl_settings_free(settings);
    return status;
}

static int look_at_holds(struct world *world, uint64_t *shown)
{
    pawl_settings *settings = NULL;
    int status = pawl_holds_list(world->store, &settings, &world->err);
    *shown = pawl_settings_count(settings);
    pawl_settings_free(settings);
    return status;
}

static int look_for_damage(struct world *world, uint64_t *shown)
{
    pawl_verification *found = NULL;
    int status = pawl_verify(world->store, NULL, NULL, NULL, &found, &world->err);
    *shown = pawl_verification_count(found);
    pawl_verification_free(found);
    return status;
}

static int look_for_work(struct world *world, uint64_t *shown)
{
    struct told told = {0};
    int status = claim_one(world, world->store, &told);
    *shown = told.token;
    return status;
}

static int look_by_sweep(struct world *world, uint64_t *shown)
{
    pawl_swept swept = {PAWL_SWEPT};
    int status = pawl_sweep(world->store, &swept, &world->err);
    *shown = swept.expired + swept.suspected + swept.purged;
    return status;
}

static const struct {
    const char *name;
    look_call *call;
} looks[] = {
    {"lists", look_at_all},     {"a message", look_at_one}, {"why", look_why},        {"events", look_at_events},
    {"stats", look_at_stats},   {"lanes", look_at_lanes},   {"holds", look_at_holds}, {"verify", look_for_damage},
    {"a claim", look_for_work}, {"a sweep", look_by_sweep},
};

static void open_rich(struct world *world)
{
    const pawl_setting setting = {"lease_ms", "5000"};
    const pawl_operation operation = {PAWL_OPERATION, .request_id = pawl_request_id_from("o", 1), .reason = "a test"};
    const pawl_subject subject = {PAWL_SUBJECT, .lane = "other"};
    world_open(world);
    world_append(world, "default");
    world_append(world, "default");
    world_enqueue(world, GROUP_MAX);
    world_claim(world, 2, true);
    assert_int_equal(pawl_lane_set(world->store, WORLD_LANE, &setting, 1, &operation, &world->err), PAWL_OK);
    const pawl_operation another = {PAWL_OPERATION, .request_id = pawl_request_id_from("h", 1), .reason = "a test"};
    assert_int_equal(pawl_hold_set(world->store, &subject, "paused", 0, &another, &world->err), PAWL_OK);
    world_close(world);
    world_record(world);
    pawli_disk()->trace = NULL;
}

/* Nothing of the store is in memory. Returns whether the fault was reached. */
static bool look_once(struct world *world, size_t look, enum disk_fault_kind kind, uint64_t at, uint64_t expected)
{
    struct disk *disk = pawli_disk();
    uint64_t shown = 0;
    struct env *env = pawli_sim_new(world->seed); /* the same boot: what was claimed is claimed */
    pawli_sim_advance_ms(env, 100);
    pawli_disk_load(&world->start);
    assert_int_equal(world_open_in(world, env, &world->store), PAWL_OK);
    disk->fault = (struct disk_fault){.kind = kind, .at = at};
    int status = looks[look].call(world, &shown);
    bool hit = disk->fault.hit;
    disk->fault = (struct disk_fault){0};
    if (status != PAWL_OK && (!hit || status != PAWL_EUNAVAIL))
        violation(world, "%s, call %llu: status %d, %s", looks[look].name, (unsigned long long)at, status,
                  world->err.text);
    if (status == PAWL_OK && shown != expected)
        violation(world, "%s, call %llu: it showed something else", looks[look].name, (unsigned long long)at);
    if (status != PAWL_OK && (looks[look].call(world, &shown) != PAWL_OK || shown != expected))
        violation(world, "%s, call %llu: and again: %s", looks[look].name, (unsigned long long)at, world->err.text);
    pawl_store_close(world->store);
    world->store = NULL;
    env->ops->close(env);
    return hit;
}

static void a_read_error_that_passes_is_no_damage(void **state)
{
    static const enum disk_fault_kind kinds[] = {FAULT_READ, FAULT_SIZE};
    struct world *world = world_new(1, PLANT_NOTHING, "checkpoint_frames=8");
    unsigned reached = 0;
    (void)state;
    pawli_disk_clear(1);
    pawli_disk()->powersafe = true;
    open_rich(world);
    for (size_t look = 0; look < COUNT_OF(looks); look++) {
        uint64_t shown = 0;
        assert_int_equal(world_open_in(world, world->env, &world->store), PAWL_OK);
        assert_int_equal(looks[look].call(world, &shown), PAWL_OK);
        pawl_store_close(world->store);
        for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
            uint64_t at = 1;
            while (at < longest_sweep && look_once(world, look, kinds[kind], at, shown))
                at++;
            if (kinds[kind] == FAULT_READ && at == 1)
                violation(world, "%s: nothing was read", looks[look].name);
            assert_true(at < longest_sweep);
            reached += (unsigned)at - 1;
        }
    }
    print_message("# %u errors that passed\n", reached);
    unsigned violations = world->violations;
    char first[sizeof world->first];
    memcpy(first, world->first, sizeof first);
    world_free(world);
    if (violations)
        fail_msg("%u violations, the first: %s", violations, first);
}

int main(int count_of_arguments, char **arguments)
{
    struct CMUnitTest tests[COUNT_OF(fault_cases) + 1];
    (void)arguments;
    every_loss = count_of_arguments > 1;
    size_t count = 0;
    for (; count < COUNT_OF(fault_cases); count++)
        tests[count] = (struct CMUnitTest){fault_cases[count].name, each_storage_call_may_fail, NULL, NULL,
                                           (void *)(uintptr_t)&fault_cases[count]};
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_read_error_that_passes_is_no_damage);
    return _cmocka_run_group_tests("storage fails", tests, count, NULL, NULL);
}
