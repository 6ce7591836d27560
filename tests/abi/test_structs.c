/* SPDX-License-Identifier: MIT */
/* Public structs as an older or a newer program knows them, and arguments that contradict themselves. */
#include "support.h"

static pawl_error err;

/* What never grows is what it was. */
_Static_assert(sizeof(pawl_uuid) == 16 && sizeof(pawl_header) == 16 && sizeof(pawl_setting) == 16, "never change");
_Static_assert(sizeof(pawl_cursor) == 16 && sizeof(pawl_error) == 808, "never change");
_Static_assert(sizeof(pawl_enqueued) == 32 && sizeof(pawl_settled) == 16, "never change");

/* As an older program has it, without the fields from `headers` on; and as a newer one. */
struct old_message {
    char known[offsetof(pawl_message, headers)];
};
struct new_message {
    pawl_message known;
    uint64_t unknown[3];
};
struct new_settlement {
    pawl_settlement known;
    uint64_t unknown[2];
};

static void *open_store(void)
{
    pawl_store *store;
    assert_ok(pawl_store_open("memory:", NULL, &store, &err));
    return store;
}

static void assert_payload(pawl_store *store, pawl_uuid id, char expected)
{
    pawl_messages *messages;
    assert_ok(pawl_message_get(store, &id, &messages, &err));
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_int_equal(view->data_size, 1);
    assert_int_equal(*(const char *)view->data, expected);
    assert_int_equal(view->max_attempts, 0);
    pawl_messages_free(messages);
}

static void messages_are_walked_by_the_size_that_they_say(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    pawl_enqueued results[3];
    struct old_message old[3];
    struct new_message new[3];
    static const char data[] = "abc";
    for (int i = 0; i < 3; i++) {
        pawl_message message = {
            .struct_size = sizeof *old, .lane = "l", .target = "t", .data = data + i, .data_size = 1};
        memcpy(&old[i], &message, sizeof *old);
        message.struct_size = sizeof *new;
        new[i] = (struct new_message){message, {7, 7, 7}};
    }
    assert_ok(pawl_enqueue(store, (const pawl_message *)old, 3, results, &err));
    for (int i = 0; i < 3; i++)
        assert_payload(store, results[i].id, data[i]);
    assert_ok(pawl_enqueue(store, &new->known, 3, results, &err));
    for (int i = 0; i < 3; i++)
        assert_payload(store, results[i].id, data[i]);
    new[2].known.struct_size = sizeof(pawl_message);
    assert_status(pawl_enqueue(store, &new->known, 3, results, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "message 3: the struct_size of a pawl_message"));
    pawl_store_close(store);
}

static void settlements_and_their_messages_are_walked_by_the_size_that_they_say(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    pawl_settled results[2];
    pawl_messages *claimed;
    pawl_stats *stats;
    struct new_settlement settlements[2];
    struct new_message follow_ups[2];
    pawl_message messages[2];
    for (int i = 0; i < 2; i++) {
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"};
        follow_ups[i] = (struct new_message){
            {.struct_size = sizeof *follow_ups, .lane = i ? "second" : "first", .target = "t"}, {7, 7, 7}};
    }
    assert_ok(pawl_enqueue(store, messages, 2, NULL, &err));
    assert_ok(pawl_claim(store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "l", .target = "t", .limit = 2},
                         &claimed, &err));
    assert_int_equal(pawl_messages_count(claimed), 2);
    for (size_t i = 0; i < 2; i++) {
        const pawl_message_view *view = pawl_messages_get(claimed, i);
        settlements[i] = (struct new_settlement){{.struct_size = sizeof *settlements,
                                                  .id = view->id,
                                                  .token = view->token,
                                                  .verdict = i ? PAWL_VERDICT_DEAD : PAWL_VERDICT_DELIVERED,
                                                  .messages = i ? &follow_ups->known : NULL,
                                                  .message_count = i ? 2 : 0},
                                                 {7, 7}};
    }
    assert_ok(pawl_settle(store, &settlements->known, 2, results, &err));
    assert_int_equal(results[0].result, PAWL_RESULT_DELIVERED);
    assert_int_equal(results[1].result, PAWL_RESULT_DEAD);
    assert_ok(pawl_stats_read(store, "first", NULL, &stats, &err));
    assert_int_equal(pawl_stats_get(stats, 0)->pending, 1);
    pawl_stats_free(stats);
    assert_ok(pawl_stats_read(store, "second", NULL, &stats, &err));
    assert_int_equal(pawl_stats_get(stats, 0)->pending, 1);
    pawl_stats_free(stats);
    pawl_messages_free(claimed);
    pawl_store_close(store);
}

static void assert_refused(int status, const char *field)
{
    assert_status(status, PAWL_EINVAL);
    if (!strstr(err.text, field) || !strstr(err.text, "NULL"))
        fail_msg("%s is not named: %s", field, err.text);
}

static int enqueue(pawl_store *store, pawl_message message)
{
    message.struct_size = sizeof message;
    message.lane = message.target = "x";
    return pawl_enqueue(store, &message, 1, NULL, &err);
}

static int settle(pawl_store *store, pawl_settlement settlement)
{
    settlement.struct_size = sizeof settlement;
    settlement.id = pawl_request_id_new();
    return pawl_settle(store, &settlement, 1, NULL, &err);
}

static int transition(pawl_store *store, pawl_transition_options options, const pawl_event *event)
{
    options.struct_size = sizeof options;
    options.type = "Test";
    pawl_transition *made = pawl_transition_new(store, &options);
    if (event)
        pawl_transition_event(made, event);
    int status = pawl_transition_commit(made, NULL, &err);
    pawl_transition_free(made);
    return status;
}

static int make_step(pawl_store *store, pawl_step_outcome outcome)
{
    outcome.struct_size = sizeof outcome;
    outcome.kind = "k";
    outcome.id = "w";
    outcome.has_generation = 1;
    pawl_transition *step = pawl_transition_of_step(store, &outcome);
    int status = pawl_transition_commit(step, NULL, &err);
    pawl_transition_free(step);
    return status;
}

static int work(pawl_store *store, pawl_worker_options options)
{
    pawl_worker *worker;
    options.struct_size = sizeof options;
    int status = pawl_worker_new(store, &options, &worker, &err);
    if (status == PAWL_OK)
        pawl_worker_free(worker);
    return status;
}

/* ---- workflows that are driven: what a callback says wrongly, the drive answers ---- */

static int (*in_step)(pawl_step *step);
static int (*in_run)(pawl_run *run, pawl_error *error);

static int call_in_step(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    return in_step(step);
}

static int call_in_run(void *user, pawl_run *run, pawl_error *error)
{
    (void)user;
    return in_run(run, error);
}

static int drive(pawl_store *store, int (*step)(pawl_step *step), int (*run)(pawl_run *run, pawl_error *error))
{
    static unsigned number;
    char id[16];
    pawl_executor *executor;
    in_step = step;
    in_run = run;
    snprintf(id, sizeof id, "w%u", number++);
    assert_ok(pawl_executor_new(store, NULL, &executor, &err));
    assert_ok(pawl_executor_register(executor,
                                     &(pawl_kind){PAWL_KIND, .name = "driven", .advance = step ? call_in_step : NULL,
                                                  .code = step ? NULL : call_in_run},
                                     &err));
    const pawl_start start = {PAWL_START, .kind = "driven", .id = id};
    int status = pawl_executor_run(executor, &start, 0, 0, NULL, &err);
    pawl_executor_free(executor);
    return status;
}

static int next_of_nothing(pawl_step *step)
{
    return pawl_step_next(step, "b", NULL, 1);
}

static int done_with_nothing(pawl_step *step)
{
    return pawl_step_done(step, NULL, 1);
}

static int undone_with_nothing(pawl_step *step)
{
    pawl_step_undo(step, "u", NULL, 1);
    return pawl_step_next(step, "b", NULL, 0);
}

static int continue_with_nothing(pawl_run *run, pawl_error *error)
{
    return pawl_run_continue(run, NULL, 1, error);
}

static int end_with_nothing(pawl_run *run, pawl_error *error)
{
    (void)error;
    pawl_run_receipt(run, NULL, 1);
    return PAWL_OK;
}

static int post_of_two_sizes(pawl_run *run, pawl_error *error)
{
    const pawl_post posts[2] = {{PAWL_POST, .account = "a", .asset = "USD", .delta = "-1"},
                                {.struct_size = sizeof(pawl_post) - 8, .account = "b", .asset = "USD", .delta = "1"}};
    return pawl_run_post(run, "p", posts, 2, error);
}

static void what_drives_workflows_refuses_by_name(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    assert_refused(drive(store, next_of_nothing, NULL), "data");
    assert_refused(drive(store, done_with_nothing, NULL), "receipt");
    assert_refused(drive(store, undone_with_nothing, NULL), "data");
    assert_refused(drive(store, NULL, continue_with_nothing), "input");
    assert_refused(drive(store, NULL, end_with_nothing), "receipt");
    assert_status(drive(store, NULL, post_of_two_sizes), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "the struct_size of a pawl_post"));
    pawl_store_close(store);
}

/* As an older program has it: without the hooks. */
struct old_kind {
    char known[offsetof(pawl_kind, on_retry)];
};
struct new_kind {
    pawl_kind known;
    uint64_t unknown[2];
};

static int finish(pawl_step *step)
{
    return pawl_step_done(step, NULL, 0);
}

static void kinds_and_executors_are_read_by_the_size_that_they_say(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    pawl_executor *executor;
    pawl_kind kind = {.struct_size = sizeof(struct old_kind), .name = "old", .advance = call_in_step};
    struct old_kind old[2];
    struct new_kind new = {{.struct_size = sizeof new, .name = "new", .advance = call_in_step}, {7, 7}};
    struct {
        pawl_executor_options known;
        uint64_t unknown;
    } options = {{.struct_size = sizeof options, .threads = 1}, 7};
    memcpy(&old[0], &kind, sizeof *old);
    memcpy(&old[1], &kind, sizeof *old);
    in_step = finish;
    assert_ok(pawl_executor_new(store, &options.known, &executor, &err));
    assert_ok(pawl_executor_register(executor, (const pawl_kind *)old, &err));
    assert_ok(pawl_executor_register(executor, &new.known, &err));
    const pawl_start start = {PAWL_START, .kind = "old", .id = "w"};
    assert_ok(pawl_executor_run(executor, &start, 0, 0, NULL, &err));
    pawl_executor_free(executor);
    assert_int_equal(pawl_workflow_check(store, (const pawl_kind *)old, 2, NULL, NULL, NULL, &err), 0);
    kind.struct_size = sizeof kind;
    const pawl_kind mixed[2] = {kind, {.struct_size = sizeof(struct old_kind), .name = "old", .advance = call_in_step}};
    assert_status(pawl_workflow_check(store, mixed, 2, NULL, NULL, NULL, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "the struct_size of a pawl_kind"));
    kind.struct_size = 0;
    assert_status(pawl_executor_new(store, &(pawl_executor_options){.threads = 1}, &executor, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "pawl_executor_options"));
    pawl_store_close(store);
}

static void null_with_a_size_is_refused_by_its_name(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    static const char *const hole[] = {NULL};
    assert_refused(enqueue(store, (pawl_message){.data_size = 9}), "data");
    assert_refused(enqueue(store, (pawl_message){.header_count = 1}), "headers");
    assert_refused(settle(store, (pawl_settlement){.progress_size = 1}), "progress");
    assert_refused(settle(store, (pawl_settlement){.message_count = 1}), "messages");
    assert_refused(transition(store, (pawl_transition_options){.state_pre_size = 1}, NULL), "state_pre");
    assert_refused(transition(store, (pawl_transition_options){.state_post_size = 1}, NULL), "state_post");
    assert_refused(transition(store, (pawl_transition_options){0},
                              &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e", .data_size = 1}),
                   "event data");
    assert_refused(pawl_lane_set(store, "l", NULL, 1, NULL, &err), "settings");
    assert_refused(pawl_kind_set(store, "k", NULL, 1, NULL, &err), "settings");
    assert_refused(
        pawl_workflow_start(store, &(pawl_start){PAWL_START, .kind = "k", .id = "w", .data_size = 1}, NULL, &err),
        "data");
    assert_refused(
        pawl_workflow_signal(store, &(pawl_signal){PAWL_SIGNAL, .kind = "k", .id = "w", .name = "n", .data_size = 1},
                             NULL, &err),
        "data");
    assert_refused(make_step(store, (pawl_step_outcome){.data_size = 1}), "data");
    assert_refused(pawl_schedule_add(
                       store, &(pawl_schedule){PAWL_SCHEDULE, .name = "s", .every_ms = 1, .kind = "k", .data_size = 1},
                       NULL, &err),
                   "data");
    assert_refused(make_step(store, (pawl_step_outcome){.result = PAWL_STEP_DONE, .receipt_size = 1}), "receipt");
    assert_refused(make_step(store, (pawl_step_outcome){.undo = "u", .undo_data_size = 1}), "undo_data");
    assert_refused(make_step(store, (pawl_step_outcome){.take_count = 1}), "take");
    assert_refused(make_step(store, (pawl_step_outcome){.take_count = 1, .take = hole}), "take");
    assert_refused(work(store, (pawl_worker_options){.lane_count = 1}), "lanes");
    assert_refused(work(store, (pawl_worker_options){.lane_count = 1, .lanes = hole}), "lanes");
    assert_refused(work(store, (pawl_worker_options){.allow_address_count = 1}), "allow_addresses");
    assert_refused(work(store, (pawl_worker_options){.allow_address_count = 1, .allow_addresses = hole}),
                   "allow_addresses");
    assert_refused(work(store, (pawl_worker_options){.allow_exec_count = 1}), "allow_exec");
    assert_refused(work(store, (pawl_worker_options){.allow_file_count = 1, .allow_file = hole}), "allow_file");
    pawl_uuid id = pawl_request_id_from(NULL, 1);
    assert_memory_equal(&id, &(pawl_uuid){{0}}, sizeof id);
    pawl_store_close(store);
}

static void what_a_call_gives_out_needs_room(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    pawl_uuid id = pawl_request_id_new();
    pawl_operation operation = {PAWL_OPERATION, .reason = "a test"};
    pawl_store_info info = {.epoch = 77};
    pawl_swept swept = {.expired = 77};
    pawl_moved moved = {.was_replayed = 77};
    assert_status(pawl_store_get_info(store, &info, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "pawl_store_info"));
    assert_int_equal(info.epoch, 77);
    assert_status(pawl_sweep(store, &swept, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "pawl_swept"));
    assert_int_equal(swept.expired, 77);
    assert_status(pawl_message_cancel(store, &id, &operation, &moved, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "pawl_moved"));
    assert_int_equal(moved.was_replayed, 77);
    pawl_steered steered = {.was_replayed = 77};
    assert_status(
        pawl_workflow_steer(store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "w"}, &operation, &steered, &err),
        PAWL_EINVAL);
    assert_non_null(strstr(err.text, "pawl_steered"));
    assert_int_equal(steered.was_replayed, 77);
    struct {
        pawl_swept known;
        uint64_t unknown;
    } newer = {{.struct_size = sizeof newer, .expired = 77}, 77};
    assert_ok(pawl_sweep(store, &newer.known, &err));
    assert_int_equal(newer.known.struct_size, sizeof newer);
    assert_int_equal(newer.known.expired, 0);
    assert_int_equal(newer.unknown, 77);
    pawl_worker *worker;
    pawl_worker_stats stats = {.claimed = 77};
    assert_ok(pawl_worker_new(store, NULL, &worker, &err));
    pawl_worker_get_stats(worker, &stats);
    assert_int_equal(stats.claimed, 77);
    pawl_worker_free(worker);
    pawl_store_close(store);
}

static void an_index_that_is_not_there_is_null(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    pawl_receipt *receipt;
    pawl_records *records;
    pawl_events *events;
    pawl_messages *messages;
    pawl_stats *stats;
    pawl_settings *settings;
    pawl_verification *verification;
    pawl_why *why;
    pawl_transition *made = pawl_transition_new(store,
                                                &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Test"});
    pawl_transition_event(made, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e"});
    pawl_transition_message(made, &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"});
    assert_ok(pawl_transition_commit(made, &receipt, &err));
    pawl_transition_free(made);
    pawl_uuid id = pawl_receipt_message(receipt, 0);
    assert_ok(pawl_records_list(store, NULL, &records, &err));
    assert_ok(pawl_events_read(store, NULL, &events, &err));
    assert_ok(pawl_message_get(store, &id, &messages, &err));
    assert_ok(pawl_stats_read(store, NULL, NULL, &stats, &err));
    assert_ok(pawl_verify(store, NULL, NULL, NULL, &verification, &err));
    assert_ok(pawl_why_message(store, &id, &why, &err));
    assert_ok(pawl_lanes_list(store, &settings, &err));
    const pawl_record *record = pawl_records_get(records, 0);
    assert_ptr_equal(pawl_record_event(record, 0), record->events);
    static const size_t beyond[] = {0, 1, 1u << 20, SIZE_MAX / 2, SIZE_MAX};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        size_t index = beyond[i];
        assert_null(pawl_messages_attempt(messages, index));
        assert_null(pawl_settings_target(settings, index));
        assert_null(pawl_settings_hold(settings, index));
        if (index == 0)
            continue;
        pawl_uuid none = pawl_receipt_message(receipt, index);
        assert_memory_equal(&none, &(pawl_uuid){{0}}, sizeof none);
        assert_null(pawl_records_get(records, index));
        assert_null(pawl_record_event(record, index));
        assert_null(pawl_events_get(events, index));
        assert_null(pawl_messages_get(messages, index));
        assert_null(pawl_stats_get(stats, index));
        assert_null(pawl_settings_lane(settings, index));
        assert_null(pawl_verification_get(verification, index));
    }
    assert_null(pawl_why_get(why, pawl_why_count(why)));
    assert_null(pawl_why_get(why, SIZE_MAX));
    pawl_workflows *workflows;
    pawl_resources *resources;
    pawl_kinds *kinds;
    assert_ok(pawl_workflows_list(store, NULL, &workflows, &err));
    assert_ok(pawl_resources_list(store, NULL, &resources, &err));
    assert_ok(pawl_kinds_list(store, &kinds, &err));
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        assert_null(pawl_workflows_get(workflows, beyond[i]));
        assert_null(pawl_workflows_step(workflows, beyond[i]));
        assert_null(pawl_workflows_signal(workflows, beyond[i]));
        assert_null(pawl_resources_get(resources, beyond[i]));
        assert_null(pawl_kinds_get(kinds, beyond[i]));
    }
    pawl_kinds_free(kinds);
    pawl_resources_free(resources);
    pawl_workflows_free(workflows);
    assert_null(pawl_kind_key(SIZE_MAX, NULL, NULL));
    assert_null(pawl_policy_key(SIZE_MAX, NULL, NULL));
    assert_null(pawl_policy_preset(SIZE_MAX, NULL, NULL, NULL));
    assert_null(pawl_linked(SIZE_MAX, NULL));
    pawl_settings_free(settings);
    pawl_why_free(why);
    pawl_verification_free(verification);
    pawl_stats_free(stats);
    pawl_messages_free(messages);
    pawl_events_free(events);
    pawl_records_free(records);
    pawl_receipt_free(receipt);
    pawl_store_close(store);
}

static void workflows_say_their_size(pawl_store *store)
{
    pawl_workflows *workflows, *claimed;
    pawl_resources *resources;
    pawl_kinds *kinds;
    assert_ok(pawl_kind_set(store, "k", &(pawl_setting){"max_attempts", "5"}, 1, NULL, &err));
    assert_ok(pawl_kinds_list(store, &kinds, &err));
    assert_int_equal(pawl_kinds_get(kinds, 0)->struct_size, sizeof(pawl_kind_view));
    pawl_kinds_free(kinds);
    pawl_schedules *schedules;
    assert_ok(pawl_schedule_add(store, &(pawl_schedule){PAWL_SCHEDULE, .name = "s", .every_ms = 1000, .kind = "k"},
                                NULL, &err));
    assert_ok(pawl_schedules_list(store, NULL, &schedules, &err));
    assert_int_equal(pawl_schedules_get(schedules, 0)->struct_size, sizeof(pawl_schedule_view));
    assert_null(pawl_schedules_get(schedules, 1));
    assert_null(pawl_schedules_get(schedules, SIZE_MAX));
    pawl_schedules_free(schedules);
    assert_ok(pawl_resource_add(store, "r", NULL, &err));
    assert_ok(pawl_resource_get(store, "r", &resources, &err));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pawl_resources_get(resources, i)->struct_size, sizeof(pawl_resource_view));
    pawl_resources_free(resources);
    assert_ok(pawl_workflow_start(store, &(pawl_start){PAWL_START, .kind = "k", .id = "w"}, &workflows, &err));
    assert_int_equal(pawl_workflows_get(workflows, 0)->struct_size, sizeof(pawl_workflow_view));
    pawl_workflows_free(workflows);
    assert_ok(
        pawl_workflow_signal(store, &(pawl_signal){PAWL_SIGNAL, .kind = "k", .id = "w", .name = "n"}, NULL, &err));
    assert_ok(pawl_workflow_claim(
        store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = "w"}, &claimed, &err));
    const pawl_workflow_view *claim = pawl_workflows_get(claimed, 0);
    assert_int_equal(claim->struct_size, sizeof *claim);
    assert_int_equal(claim->signals->struct_size, sizeof(pawl_signal_view));
    assert_ok(make_step(store, (pawl_step_outcome){.token = claim->token}));
    pawl_workflows_free(claimed);
    assert_ok(pawl_workflow_get(store, "k", "w", &workflows, &err));
    assert_int_equal(pawl_workflows_get(workflows, 0)->struct_size, sizeof(pawl_workflow_view));
    assert_int_equal(pawl_workflows_step(workflows, 0)->struct_size, sizeof(pawl_step_view));
    assert_int_equal(pawl_workflows_signal(workflows, 0)->struct_size, sizeof(pawl_signal_view));
    pawl_workflows_free(workflows);
}

static void what_is_handed_out_says_its_size(void **state)
{
    (void)state;
    pawl_store *store = open_store();
    pawl_stats *stats;
    pawl_settings *settings;
    pawl_verification *verification;
    pawl_messages *messages;
    pawl_why *why;
    pawl_workers *workers;
    pawl_enqueued result;
    pawl_operation operation = {PAWL_OPERATION, .reason = "a test"};
    assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"}, 1, &result, &err));
    assert_ok(pawl_stats_read(store, NULL, NULL, &stats, &err));
    assert_int_equal(pawl_stats_get(stats, 0)->struct_size, sizeof(pawl_queue_stats));
    pawl_stats_free(stats);
    assert_ok(pawl_lane_set(store, "l", &(pawl_setting){"max_attempts", "5"}, 1, NULL, &err));
    assert_ok(pawl_lanes_list(store, &settings, &err));
    assert_int_equal(pawl_settings_lane(settings, 0)->struct_size, sizeof(pawl_lane_view));
    pawl_settings_free(settings);
    assert_ok(pawl_target_add(store, "t", "https://example.com/", NULL, NULL, 0, NULL, &err));
    assert_ok(pawl_targets_list(store, &settings, &err));
    assert_int_equal(pawl_settings_target(settings, 0)->struct_size, sizeof(pawl_target_view));
    pawl_settings_free(settings);
    assert_ok(pawl_hold_set(store, &(pawl_subject){PAWL_SUBJECT, .lane = "l"}, "paused", 0, &operation, &err));
    assert_ok(pawl_holds_list(store, &settings, &err));
    assert_int_equal(pawl_settings_hold(settings, 0)->struct_size, sizeof(pawl_hold_view));
    pawl_settings_free(settings);
    assert_ok(pawl_verify(store, NULL, NULL, NULL, &verification, &err));
    assert_int_equal(pawl_verification_get(verification, 0)->struct_size, sizeof(pawl_verified));
    pawl_verification_free(verification);
    assert_ok(pawl_message_get(store, &result.id, &messages, &err));
    assert_int_equal(pawl_messages_get(messages, 0)->struct_size, sizeof(pawl_message_view));
    pawl_messages_free(messages);
    assert_ok(pawl_why_message(store, &result.id, &why, &err));
    assert_int_equal(pawl_why_get(why, 0)->struct_size, sizeof(pawl_reason));
    pawl_why_free(why);
    assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = "c", .target = "t"}, 1, &result, &err));
    assert_ok(pawl_claim(store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "c", .target = "t", .limit = 1},
                         &messages, &err));
    pawl_messages_free(messages);
    assert_ok(pawl_workers_list(store, NULL, &workers, &err));
    assert_int_equal(pawl_workers_get(workers, 0)->struct_size, sizeof(pawl_worker_view));
    pawl_workers_free(workers);
    workflows_say_their_size(store);
    pawl_store_close(store);
}

/* Linked in place of SQLite's: another one than was compiled against. */
const char *__wrap_sqlite3_libversion(void);
const char *__wrap_sqlite3_libversion(void)
{
    return "9.9.9";
}

static void the_engine_is_the_one_that_runs(void **state)
{
    (void)state;
    char folder[64], url[96];
    pawl_store *store;
    pawl_store_info info = {PAWL_STORE_INFO};
    snprintf(url, sizeof url, "sqlite:%s/s.db", make_folder(folder));
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    assert_ok(pawl_store_get_info(store, &info, &err));
    assert_string_equal(info.engine, "SQLite 9.9.9");
    pawl_store_close(store);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_walked_by_the_size_that_they_say),
        cmocka_unit_test(settlements_and_their_messages_are_walked_by_the_size_that_they_say),
        cmocka_unit_test(null_with_a_size_is_refused_by_its_name),
        cmocka_unit_test(what_drives_workflows_refuses_by_name),
        cmocka_unit_test(kinds_and_executors_are_read_by_the_size_that_they_say),
        cmocka_unit_test(what_a_call_gives_out_needs_room),
        cmocka_unit_test(an_index_that_is_not_there_is_null),
        cmocka_unit_test(what_is_handed_out_says_its_size),
        cmocka_unit_test(the_engine_is_the_one_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
