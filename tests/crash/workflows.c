/* SPDX-License-Identifier: MIT */
/* Workflows that are driven while the disk is watched, and what must hold of them after a crash: what was started, or made, is
 * there exactly once under its identity, and each goes on from its last checkpoint to its end, with every effect of every step
 * once. */
#include "pawl/schedule.h"
#include "world.h"

#define KIND      "transfer"
#define CHILD     "child"
#define SLOT      "slot"
#define SLOT_MS   1000
#define POSTS     3 /* of a transfer, one a step */
#define HOUR_MS   3600000
#define NAME_SIZE 80

/* ---- what a store shows ---- */

/* With its steps and its signals. Who has it claimed is lost with its process: running is as runnable. */
static int show_workflow(pawl_store *store, const pawl_workflow_view *view, uint64_t *hash, pawl_error *err)
{
    pawl_workflows *whole = NULL;
    const uint64_t numbers[] = {view->generation, view->total_attempts, view->waits, view->resource_count};
    bool runs = strcmp(view->status, "running") == 0;
    *hash = mix_text(mix_text(*hash, view->kind), view->id);
    *hash = mix_text(mix_text(*hash, runs ? "runnable" : view->status), view->state);
    *hash = mix_bytes(*hash, numbers, sizeof numbers);
    *hash = mix_bytes(*hash, view->receipt, view->receipt_size);
    int status = pawl_workflow_get(store, view->kind, view->id, &whole, err);
    for (size_t i = 0; i < pawl_workflows_step_count(whole); i++) {
        const pawl_step_view *step = pawl_workflows_step(whole, i);
        *hash = mix_text(pawli_mix(pawli_mix(*hash, step->generation), step->seq), step->result);
    }
    for (size_t i = 0; i < pawl_workflows_signal_count(whole); i++)
        *hash = pawli_mix(mix_text(*hash, pawl_workflows_signal(whole, i)->id), pawl_workflows_signal(whole, i)->taken);
    pawl_workflows_free(whole);
    return status;
}

int world_show_workflows(pawl_store *store, uint64_t *hash, pawl_error *err)
{
    pawl_workflows *workflows = NULL;
    pawl_resources *resources = NULL;
    pawl_schedules *schedules = NULL;
    int status = pawl_workflows_list(store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .limit = 1000}, &workflows,
                                     err);
    for (size_t i = 0; status == PAWL_OK && i < pawl_workflows_count(workflows); i++)
        status = show_workflow(store, pawl_workflows_get(workflows, i), hash, err);
    if (status == PAWL_OK)
        status = pawl_resources_list(store, &(pawl_resources_query){PAWL_RESOURCES_QUERY, .limit = 1000}, &resources,
                                     err);
    for (size_t i = 0; i < pawl_resources_count(resources); i++) {
        const pawl_resource_view *resource = pawl_resources_get(resources, i);
        *hash = mix_text(mix_text(*hash, resource->id), resource->holder);
        *hash = pawli_mix(mix_text(*hash, resource->state), resource->generation);
    }
    if (status == PAWL_OK)
        status = pawl_schedules_list(store, NULL, &schedules, err);
    for (size_t i = 0; i < pawl_schedules_count(schedules); i++)
        *hash = pawli_mix(mix_text(*hash, pawl_schedules_get(schedules, i)->name),
                          (uint64_t)pawl_schedules_get(schedules, i)->last_slot_ms);
    pawl_workflows_free(workflows);
    pawl_resources_free(resources);
    pawl_schedules_free(schedules);
    return status;
}

/* ---- what they do ---- */

static const char *named(char name[NAME_SIZE], const char *what, const char *id)
{
    snprintf(name, NAME_SIZE, "%.20s-%.50s", what, id);
    return name;
}

/* One to its own account, from that of all. */
static void post_one(pawl_transition *transition, pawl_step *step, const char *account)
{
    const pawl_post posts[] = {{PAWL_POST, .account = account, .asset = "N", .delta = "1"},
                               {PAWL_POST, .account = "pool", .asset = "N", .delta = "-1"}};
    for (size_t i = 0; i < COUNT_OF(posts); i++)
        if (step)
            pawl_step_post(step, &posts[i]);
        else
            pawl_transition_post(transition, &posts[i]);
}

/* What an executor calls: each call of it is behind a commit, and before another. */
struct driver {
    struct world *world; /* NULL: nobody watches */
    pawl_store *store;
};

static void watched(struct driver *driver, pawl_step *step)
{
    struct world *world = driver->world;
    if (!world)
        return;
    world_end(world, PAWL_OK);
    world_begin(world, pawl_step_state(step));
    if (world->plant != PLANT_EFFECT_APART)
        return;
    pawl_transition *apart = pawl_transition_new(world->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "apart"});
    post_one(apart, NULL, pawl_step_id(step));
    world_end(world, pawl_transition_commit(apart, NULL, &world->err));
    pawl_transition_free(apart);
    world_begin(world, pawl_step_state(step));
}

static int transfer(void *user, pawl_step *step, pawl_error *error)
{
    struct driver *driver = user;
    char input[NAME_SIZE];
    const char *state = pawl_step_state(step), *id = pawl_step_id(step);
    (void)error;
    watched(driver, step);
    if (!driver->world || driver->world->plant != PLANT_EFFECT_APART)
        post_one(NULL, step, id);
    named(input, "input", id);
    if (strcmp(state, "reserve") == 0) {
        pawl_step_hold(step, input);
        return pawl_step_next(step, "send", "{\"n\":1}", 7);
    }
    if (strcmp(state, "send") == 0) {
        pawl_step_message(step, &(pawl_message){PAWL_MESSAGE, .lane = WORLD_LANE, .target = WORLD_TARGET, .data = "1",
                                                .data_size = 1});
        pawl_step_start(step, &(pawl_start){PAWL_START, .kind = CHILD, .id = id, .state = "only"});
        return pawl_step_park(step, "settle", NULL, 0, -1, NULL);
    }
    if (!pawl_step_signal(step, "go", NULL))
        return pawl_step_fail(step, &(pawl_error){.status = PAWL_EREJECTED, .text = "nobody said so"});
    pawl_step_consume(step, input);
    return pawl_step_done(step, "\"sent\"", 6);
}

static int only_post(void *user, pawl_step *step, pawl_error *error)
{
    char account[NAME_SIZE];
    (void)error;
    watched(user, step);
    post_one(NULL, step, named(account, pawl_step_kind(step), pawl_step_id(step)));
    return pawl_step_done(step, NULL, 0);
}

static pawl_executor *new_executor(struct driver *driver)
{
    const pawl_kind kinds[] = {{PAWL_KIND, .name = KIND, .advance = transfer, .user = driver},
                               {PAWL_KIND, .name = CHILD, .advance = only_post, .user = driver},
                               {PAWL_KIND, .name = SLOT, .advance = only_post, .user = driver}};
    pawl_executor *executor = NULL;
    int status = pawl_executor_new(driver->store, NULL, &executor, NULL);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(kinds); i++)
        status = pawl_executor_register(executor, &kinds[i], NULL);
    assert_int_equal(status, PAWL_OK);
    return executor;
}

/* ---- a run ---- */

static int start_one(struct world *world, pawl_store *store, unsigned number, bool *ret_replayed)
{
    char id[NAME_SIZE], input[NAME_SIZE];
    const uint64_t bytes[] = {world->seed, number, 77};
    pawl_receipt *receipt = NULL;
    pawl_transition *transition = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "begin",
                                          .request_id = pawl_request_id_from(bytes, sizeof bytes)});
    snprintf(id, sizeof id, "t%u", number);
    pawl_transition_resource(
        transition, &(pawl_resource){PAWL_RESOURCE, .id = named(input, "input", id), .action = PAWL_RESOURCE_ADD});
    pawl_transition_start(transition, &(pawl_start){PAWL_START, .kind = KIND, .id = id, .state = "reserve"});
    int status = pawl_transition_commit(transition, &receipt, &world->err);
    *ret_replayed = status == PAWL_OK && pawl_receipt_was_replayed(receipt);
    pawl_receipt_free(receipt);
    pawl_transition_free(transition);
    return status;
}

static uint64_t last_commit(const struct world *world)
{
    return world->steps[world->step_count - 1].commits;
}

static void begin_one(struct world *world)
{
    bool replayed;
    unsigned number = world->next_number++;
    assert_true(world->started_count < STARTED_MAX);
    world_begin(world, "start");
    world_end(world, start_one(world, world->store, number, &replayed));
    world->started[world->started_count++] = (struct started){number, last_commit(world)};
}

static int make_step(struct world *world, pawl_store *store, const struct made_step *made)
{
    char input[NAME_SIZE];
    pawl_transition *step = pawl_transition_of_step(
        store, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .kind = KIND, .id = made->id, .token = made->token,
                                    .generation = made->generation, .has_generation = 1, .result = PAWL_STEP_NEXT,
                                    .state = "send"});
    pawl_transition_resource(
        step, &(pawl_resource){PAWL_RESOURCE, .id = named(input, "input", made->id), .action = PAWL_RESOURCE_HOLD});
    post_one(step, NULL, made->id);
    int status = pawl_transition_commit(step, NULL, &world->err);
    pawl_transition_free(step);
    return status;
}

/* The first step of the oldest that made none, by hand. */
static void step_by_hand(struct world *world)
{
    pawl_workflows *claimed = NULL;
    const pawl_workflow_claim_options options = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = KIND, .limit = 1,
                                                 .ends_with_process = 1};
    struct made_step *made = &world->made_step;
    world_begin(world, "claim");
    world_end(world, pawl_workflow_claim(world->store, &options, &claimed, &world->err));
    assert_int_equal(pawl_workflows_count(claimed), 1);
    const pawl_workflow_view *view = pawl_workflows_get(claimed, 0);
    *made = (struct made_step){
        .claimed_at = last_commit(world), .made_at = UINT64_MAX, .token = view->token, .generation = view->generation};
    snprintf(made->id, sizeof made->id, "%s", view->id);
    pawl_workflows_free(claimed);
    world_begin(world, "step");
    world_end(world, make_step(world, world->store, made));
    made->made_at = last_commit(world);
}

static int signal_one(pawl_store *store, const char *id, pawl_error *err)
{
    return pawl_workflow_signal(
        store, &(pawl_signal){PAWL_SIGNAL, .kind = KIND, .id = id, .name = "go", .dedupe = "go"}, NULL, err);
}

static void drive(struct world *world, pawl_executor *executor, const char *kind, const char *id)
{
    world_begin(world, "drive");
    world_end(world, pawl_executor_drive(executor, kind, id, 0, 0, NULL, &world->err));
}

static void fire(struct world *world)
{
    pawli_sim_advance_ms(world->env, SLOT_MS);
    world_begin(world, "fire");
    world_end(world, pawl_schedules_fire(world->store, NULL, NULL, &world->err));
}

void run_workflows(struct world *world)
{
    char id[NAME_SIZE];
    world_open(world);
    struct driver driver = {world, world->store};
    pawl_executor *executor = new_executor(&driver);
    world_begin(world, "schedule");
    world_end(world, pawl_schedule_add(world->store,
                                       &(pawl_schedule){PAWL_SCHEDULE, .name = "s", .every_ms = SLOT_MS,
                                                        .missed = PAWL_MISSED_ALL, .kind = SLOT},
                                       NULL, &world->err));
    begin_one(world);
    begin_one(world);
    step_by_hand(world);
    fire(world);
    snprintf(id, sizeof id, "t%u", world->started[1].number);
    drive(world, executor, KIND, id);
    world_begin(world, "signal");
    world_end(world, signal_one(world->store, id, &world->err));
    drive(world, executor, KIND, id);
    drive(world, executor, CHILD, id);
    fire(world);
    pawl_executor_free(executor);
    world_close(world);
}

/* ---- after a crash ---- */

static void check_starts(struct world *world, pawl_store *store, uint64_t commits)
{
    for (size_t i = 0; i < world->started_count; i++) {
        bool replayed, is_there = world->started[i].commits <= commits;
        int status = start_one(world, store, world->started[i].number, &replayed);
        if (status < 0)
            violation(world, "the same start again: status %d, %s", status, world->err.text);
        else if (replayed != is_there)
            violation(world,
                      is_there ? "a workflow that was started is not known" : "a workflow is known that is not there");
    }
}

/* The same step again, under the claim of before. */
static void check_step(struct world *world, pawl_store *store, uint64_t commits)
{
    const struct made_step *made = &world->made_step;
    if (made->claimed_at == 0 || made->claimed_at > commits)
        return;
    int status = make_step(world, store, made);
    if (status != PAWL_EFENCED && (status != PAWL_OK || made->made_at <= commits))
        violation(world, "the same step again: status %d, %s", status, world->err.text);
}

static void check_account(struct world *world, pawl_store *store, const char *account, unsigned expected)
{
    pawl_ledger *page = NULL;
    const pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES, .account = account};
    int status = pawl_ledger_list(store, &query, &page, &world->err);
    unsigned long balance = status == PAWL_OK && pawl_ledger_count(page)
                                ? strtoul(pawl_ledger_balance(page, 0)->balance, NULL, 10)
                                : 0;
    if (status < 0 || balance != expected)
        violation(world, "account %s: %lu of the %u posts of its steps", account, balance, expected);
    pawl_ledger_free(page);
}

static void check_end(struct world *world, pawl_store *store, const pawl_workflow_view *view)
{
    char name[NAME_SIZE];
    bool is_transfer = strcmp(view->kind, KIND) == 0;
    if (strcmp(view->status, "finished") != 0 || view->resource_count > 0)
        violation(world, "%s/%s: %s, with %zu resources", view->kind, view->id, view->status, view->resource_count);
    if (is_transfer && (view->receipt_size != 6 || memcmp(view->receipt, "\"sent\"", 6) != 0))
        violation(world, "%s/%s has another receipt", view->kind, view->id);
    check_account(world, store, is_transfer ? view->id : named(name, view->kind, view->id), is_transfer ? POSTS : 1);
    if (!is_transfer)
        return;
    pawl_resources *input = NULL;
    pawl_workflows *child = NULL;
    int status = pawl_resource_get(store, named(name, "input", view->id), &input, &world->err);
    if (status < 0 || strcmp(pawl_resources_get(input, 0)->state, "consumed") != 0)
        violation(world, "%s is not consumed", name);
    if (pawl_workflow_get(store, CHILD, view->id, &child, &world->err) < 0)
        violation(world, "%s/%s has no child", view->kind, view->id);
    pawl_resources_free(input);
    pawl_workflows_free(child);
}

static int list_all(pawl_store *store, pawl_workflows **workflows, pawl_error *err)
{
    return pawl_workflows_list(store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .limit = 1000}, workflows, err);
}

static void drive_to_the_end(struct world *world, pawl_store *store, pawl_executor *executor)
{
    size_t count = 0, was;
    do { /* what is driven starts others */
        pawl_workflows *workflows = NULL;
        was = count;
        if (list_all(store, &workflows, &world->err) < 0)
            violation(world, "the workflows cannot be listed: %s", world->err.text);
        count = pawl_workflows_count(workflows);
        for (size_t i = 0; i < count; i++) {
            const pawl_workflow_view *view = pawl_workflows_get(workflows, i);
            if (strcmp(view->status, "finished") == 0)
                continue;
            int status = strcmp(view->kind, KIND) == 0 ? signal_one(store, view->id, &world->err) : PAWL_OK;
            if (status == PAWL_OK)
                status = pawl_executor_drive(executor, view->kind, view->id, 1, HOUR_MS, NULL, &world->err);
            if (status < 0)
                violation(world, "%s/%s does not go on: status %d, %s", view->kind, view->id, status, world->err.text);
        }
        pawl_workflows_free(workflows);
    } while (count != was);
}

/* Each slot from the first on started one, none two: a second would be known under the same id. */
static void check_slots(struct world *world, pawl_store *store, size_t started)
{
    pawl_schedules *schedules = NULL;
    if (pawl_schedules_list(store, "s", &schedules, &world->err) == PAWL_OK && pawl_schedules_count(schedules)) {
        const pawl_schedule_view *view = pawl_schedules_get(schedules, 0);
        uint64_t slots = (uint64_t)(view->last_slot_ms - view->added_at_ms) / SLOT_MS;
        if (view->last_slot_ms == 0 || view->fired != slots || started != slots)
            violation(world, "%llu slots, of which %llu fired, and %zu started something", (unsigned long long)slots,
                      (unsigned long long)view->fired, started);
    } else if (started)
        violation(world, "what no schedule started is there");
    pawl_schedules_free(schedules);
}

void check_workflows(struct world *world, pawl_store *store, uint64_t commits)
{
    struct driver driver = {NULL, store};
    pawl_workflows *workflows = NULL;
    size_t slots = 0;
    check_starts(world, store, commits);
    check_step(world, store, commits);
    if (pawl_schedules_fire(store, NULL, NULL, &world->err) < 0)
        violation(world, "firing: %s", world->err.text);
    pawl_executor *executor = new_executor(&driver);
    drive_to_the_end(world, store, executor);
    pawl_executor_free(executor);
    list_all(store, &workflows, &world->err);
    for (size_t i = 0; i < pawl_workflows_count(workflows); i++) {
        check_end(world, store, pawl_workflows_get(workflows, i));
        slots += strcmp(pawl_workflows_get(workflows, i)->kind, SLOT) == 0;
    }
    pawl_workflows_free(workflows);
    check_slots(world, store, slots);
}
