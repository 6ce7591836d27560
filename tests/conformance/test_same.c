/* SPDX-License-Identifier: MIT */
/* The same random life on every store: whatever is asked, every store answers what the first one does, and what they keep
 * reads the same, field by field. PAWL_SEED repeats one life; PAWL_SEEDS says how many are tried. */
#include "commit/register.h"
#include "dump.h"
#include "outbox/claim.h"
#include "random.h"

#define STEPS      250
#define DUMP_EVERY 25
#define IDS_KEPT   40 /* of the latest messages and claims, to be named again */
#define HELD_KEPT  8

struct life {
    struct world world;
    struct random dice; /* every store throws the same */
    FILE *out;
    char *text;
    size_t size;
    pawl_store *other;
    pawl_uuid ids[IDS_KEPT];
    struct held held[HELD_KEPT];
    size_t id_count, held_count;
    unsigned last_request, steps;
    char claimed[8]; /* a workflow, and its token */
    uint64_t token;
    bool outlives_process; /* no claim ends with the handle that made it */
};

static uint64_t dice(struct life *life, uint64_t below)
{
    return random_below(&life->dice, below);
}

static bool often(struct life *life, uint64_t percent)
{
    return random_percent(&life->dice, percent);
}

/* One scope for a while, so that what is claimed in it is settled in it; now and then the wrong one. */
static pawl_store *any_scope(struct life *life)
{
    bool other = life->steps / 20 % 4 == 3;
    return other != often(life, 3) ? life->other : life->world.store;
}

static void keep_id(struct life *life, pawl_uuid id)
{
    life->ids[life->id_count++ % IDS_KEPT] = id;
}

static pawl_uuid any_id(struct life *life)
{
    size_t count = life->id_count < IDS_KEPT ? life->id_count : IDS_KEPT;
    return count ? life->ids[dice(life, count)] : make_id(0);
}

static struct held any_held(struct life *life)
{
    size_t count = life->held_count < HELD_KEPT ? life->held_count : HELD_KEPT;
    return count ? life->held[dice(life, count)] : (struct held){make_id(0), 1, 0, 0};
}

static void put_id(struct life *life, const pawl_uuid *id)
{
    char text[PAWL_UUID_TEXT_SIZE];
    fprintf(life->out, " %s", pawl_uuid_format(id, text));
}

static void put_status(struct life *life, const char *what, int status)
{
    fprintf(life->out, " %s %s%s%s", what, pawl_status_name(status), status < 0 ? ": " : "",
            status < 0 ? err.text : "");
}

static pawl_message any_message(struct life *life)
{
    static const char *const lanes[] = {LANE, "sms"}, *const targets[] = {TARGET, "b"};
    static const char *const words[] = {NULL, NULL, "a", "b", "c"}, *const payloads[] = {"1", "{\"n\":2}", "", "\xff"};
    pawl_message m = {PAWL_MESSAGE, .lane = lanes[often(life, 20)], .target = targets[often(life, 20)]};
    m.data = payloads[dice(life, COUNT_OF(payloads))];
    m.data_size = strlen(m.data);
    m.key = words[dice(life, COUNT_OF(words))];
    m.dedupe = often(life, 30) ? words[dice(life, COUNT_OF(words))] : NULL;
    m.sender = often(life, 10) ? "s" : NULL;
    m.priority = often(life, 40) ? (int32_t)dice(life, 9) + 1 : 0;
    m.max_attempts = often(life, 20) ? (uint32_t)dice(life, 3) + 1 : 0;
    m.delay_ms = often(life, 20) ? (int64_t)dice(life, 100) : 0;
    m.expires_in_ms = often(life, 10) ? m.delay_ms + (int64_t)dice(life, 200) + 1 : 0;
    m.deadline_ms = often(life, 5) ? 5 : 0;
    if (!m.dedupe && often(life, 10))
        m.request_id = make_id((unsigned)dice(life, 10));
    return m;
}

static void put_enqueued(struct life *life, int status, const pawl_enqueued *results, size_t count)
{
    put_status(life, "enqueue", status);
    for (size_t i = 0; i < count && (status == PAWL_OK || status == PAWL_ECONFLICT); i++) {
        fprintf(life->out, " %d %u %s", results[i].status, results[i].was_replayed, results[i].state);
        if (results[i].status != PAWL_OK)
            continue;
        put_id(life, &results[i].id);
        keep_id(life, results[i].id);
    }
}

static void put_claimed(struct life *life, int status, pawl_messages *messages)
{
    put_status(life, "claim", status);
    if (status < 0)
        return;
    for (size_t i = 0; i < pawl_messages_count(messages); i++) {
        const pawl_message_view *view = pawl_messages_get(messages, i);
        life->held[life->held_count++ % HELD_KEPT] = (struct held){view->id, view->token, view->attempts, 0};
        put_id(life, &view->id);
        fprintf(life->out, " %llu %u %lld", (unsigned long long)view->token, view->attempts,
                (long long)view->lease_until_ms);
    }
    pawl_messages_free(messages);
}

static void put_settled(struct life *life, int status, const pawl_settled *results, size_t count)
{
    put_status(life, "settle", status);
    for (size_t i = 0; status == PAWL_OK && i < count; i++)
        fprintf(life->out, " %s %s", pawl_result_text(results[i].result), results[i].state ? results[i].state : "-");
}

static void do_enqueue(struct life *life)
{
    pawl_message messages[3];
    pawl_enqueued results[3];
    size_t count = dice(life, 3) + 1;
    for (size_t i = 0; i < count; i++)
        messages[i] = any_message(life);
    int status = pawl_enqueue(any_scope(life), messages, count, results, &err);
    put_enqueued(life, status, results, count);
}

static pawl_claim_options any_claim(struct life *life)
{
    pawl_message route = any_message(life);
    pawl_claim_options options = {PAWL_CLAIM_OPTIONS, .lane = route.lane, .target = route.target};
    options.limit = (uint32_t)dice(life, 4);
    options.lease_ms = (int64_t)dice(life, 200) + 1;
    options.consumer = often(life, 50) ? "me" : NULL;
    options.ends_with_process = often(life, 30) && !life->outlives_process;
    if (often(life, 20))
        options.id = any_id(life);
    return options;
}

static void do_claim(struct life *life)
{
    pawl_claim_options options = any_claim(life);
    pawl_messages *messages = NULL;
    int status = pawl_claim(any_scope(life), &options, &messages, &err);
    put_claimed(life, status, messages);
}

static pawl_settlement any_settlement(struct life *life)
{
    struct held held = any_held(life);
    pawl_settlement s = {PAWL_SETTLEMENT, .id = held.id, .token = held.token + often(life, 5),
                         .verdict = (int32_t)dice(life, PAWL_VERDICT_COUNT)};
    s.error = often(life, 50) ? "it said \"no\"" : NULL;
    s.remote_id = often(life, 20) ? "r" : NULL;
    s.response = often(life, 20) ? "500" : NULL;
    s.has_retry_in = s.verdict == PAWL_VERDICT_EXTEND || often(life, 50);
    s.retry_in_ms = (int64_t)dice(life, 100) + 1;
    if (often(life, 20)) {
        s.progress = "half\0way";
        s.progress_size = dice(life, 9);
    }
    return s;
}

static void do_settle(struct life *life)
{
    pawl_settlement settlements[3];
    pawl_settled results[3];
    pawl_message follow = any_message(life);
    size_t count = dice(life, 3) + 1;
    for (size_t i = 0; i < count; i++)
        settlements[i] = any_settlement(life);
    if (often(life, 20)) {
        settlements[0].messages = &follow;
        settlements[0].message_count = 1;
    }
    int status = pawl_settle(any_scope(life), settlements, count, results, &err);
    put_settled(life, status, results, count);
}

/* ---- several in one commit ---- */

struct reply {
    struct life *life;
    unsigned *waiting;
};

static void answered(struct reply *answer, const pawl_error *error)
{
    --*answer->waiting;
    err = *error;
}

static void enqueue_answered(void *data, int status, const pawl_enqueued *results, size_t count,
                             const pawl_error *error)
{
    answered(data, error);
    put_enqueued(((struct reply *)data)->life, status, results, count);
}

static void settle_answered(void *data, int status, const pawl_settled *results, size_t count, const pawl_error *error)
{
    answered(data, error);
    put_settled(((struct reply *)data)->life, status, results, count);
}

static void claim_answered(void *data, int status, pawl_messages *messages, struct boot_time again,
                           const pawl_error *error)
{
    (void)again;
    answered(data, error);
    put_claimed(((struct reply *)data)->life, status, messages);
}

static void submit_any(struct life *life, struct reply *answer)
{
    pawl_store *store = any_scope(life);
    pawl_message message;
    pawl_settlement settlement;
    pawl_claim_options options;
    switch (dice(life, 3)) {
    case 0:
        message = any_message(life);
        assert_ok(pawl_enqueue_submit(store, &message, 1, enqueue_answered, answer, &err));
        break;
    case 1:
        settlement = any_settlement(life);
        assert_ok(pawl_settle_submit(store, &settlement, 1, settle_answered, answer, &err));
        break;
    default:
        options = any_claim(life);
        assert_ok(pawli_claim_submit(store, &(struct phase_claim){.options = options}, claim_answered, answer, &err));
        break;
    }
}

static void do_batch(struct life *life)
{
    unsigned waiting = (unsigned)dice(life, 6) + 2;
    struct reply answer = {life, &waiting};
    for (unsigned i = waiting; i > 0; i--)
        submit_any(life, &answer);
    int steps = 0;
    while (waiting > 0) {
        assert_ok(pawl_store_step(life->world.store, 0, NULL, &err));
        assert_true(++steps < 100);
    }
}

static void do_transition(struct life *life)
{
    unsigned request = often(life, 30) ? (unsigned)dice(life, life->last_request + 1) : ++life->last_request;
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS,
                                       .type = "order",
                                       .request_id = make_id(1000 + request),
                                       .ref = often(life, 30) ? "r" : NULL,
                                       .received_at_ms = 7,
                                       .expect_seq = often(life, 5) ? dice(life, 20) : 0};
    pawl_transition *t = pawl_transition_new(any_scope(life), &options);
    pawl_transition_command(t, often(life, 5) ? "[]" : "{}", 2);
    if (often(life, 50))
        pawl_transition_response(t, "\0x", dice(life, 3));
    for (uint64_t i = dice(life, 3); i > 0; i--)
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "a/b", .type = "t",
                                               .key = often(life, 50) ? "k" : NULL, .data = "\xfe{}",
                                               .data_size = dice(life, 4), .keep = (int32_t)dice(life, 3)});
    for (uint64_t i = dice(life, 3); i > 0; i--) {
        pawl_message message = any_message(life);
        message.request_id = (pawl_uuid){0};
        pawl_transition_message(t, &message);
    }
    if (often(life, 30)) {
        pawl_settlement settlement = any_settlement(life);
        pawl_transition_settle(t, &settlement);
    }
    pawl_receipt *receipt;
    int status = pawl_transition_commit(t, &receipt, &err);
    put_status(life, "transition", status);
    if (status == PAWL_OK) {
        fprintf(life->out, " %llu %d", (unsigned long long)pawl_receipt_seq(receipt),
                pawl_receipt_was_replayed(receipt));
        for (size_t i = 0; i < pawl_receipt_message_count(receipt); i++) {
            pawl_uuid id = pawl_receipt_message(receipt, i);
            put_id(life, &id);
            keep_id(life, id);
        }
        pawl_receipt_free(receipt);
    }
    pawl_transition_free(t);
}

static const pawl_operation *any_operation(struct life *life)
{
    static pawl_operation operation;
    operation = (pawl_operation){PAWL_OPERATION, .reason = "because", .actor = often(life, 50) ? "ops" : NULL};
    operation.request_id = make_id(5000 + (often(life, 20) ? (unsigned)dice(life, 20) : ++life->last_request + 100));
    return &operation;
}

static void do_move(struct life *life)
{
    pawl_store *store = any_scope(life);
    pawl_uuid id = any_id(life);
    pawl_moved moved = {PAWL_MOVED};
    static const int outcomes[] = {PAWL_VERDICT_DELIVERED, PAWL_VERDICT_RETRY, PAWL_VERDICT_DEAD};
    const pawl_operation *operation = any_operation(life);
    int status = PAWL_OK;
    switch (dice(life, 4)) {
    case 0:
        status = pawl_message_cancel(store, &id, operation, &moved, &err);
        break;
    case 1:
        status = pawl_message_requeue(store, &id, operation, &moved, &err);
        break;
    case 2:
        status = pawl_message_resolve(store, &id, outcomes[dice(life, 3)], operation, &moved, &err);
        break;
    default:
        status = pawl_message_purge(store, &id, operation, &moved, &err);
        break;
    }
    put_status(life, "move", status);
    if (status < 0)
        return;
    fprintf(life->out, " %u %s %s", moved.was_replayed, moved.before ? moved.before : "-",
            moved.after ? moved.after : "-");
    put_id(life, &moved.successor);
    if (memcmp(&moved.successor, &(pawl_uuid){0}, sizeof moved.successor) != 0)
        keep_id(life, moved.successor);
}

static void do_policy(struct life *life)
{
    static const pawl_setting settings[] = {
        {"max_attempts", "2"}, {"max_attempts", ""},    {"unknown", "hold"},      {"unknown", ""},
        {"exhausted", "hold"}, {"exhausted", ""},       {"key_dead", "block"},    {"key_dead", ""},
        {"keep_ms", "50"},     {"keep_ms", ""},         {"dedupe_keep_ms", "60"}, {"key_release", "submitted"},
        {"key_release", ""},   {"age_limit_ms", "500"}, {"age_limit_ms", ""},     {"backoff_shape", "quadratic"},
        {"backoff_ms", "10"},  {"backoff_ms", "bad"},   {"jitter_percent", "50"}, {"lease_ms", "77"}};
    pawl_setting setting = settings[dice(life, COUNT_OF(settings))];
    pawl_message route = any_message(life);
    pawl_store *store = any_scope(life);
    const pawl_operation *operation = any_operation(life);
    int status;
    switch (dice(life, 4)) {
    case 0:
        status = pawl_target_add(store, route.target, often(life, 50) ? "callback:x" : NULL, NULL, &setting, 1,
                                 operation, &err);
        break;
    case 1:
        status = pawl_target_remove(store, route.target, operation, &err);
        break;
    default:
        status = pawl_lane_set(store, route.lane, &setting, 1, operation, &err);
        break;
    }
    put_status(life, "policy", status);
}

static void do_hold(struct life *life)
{
    pawl_message route = any_message(life);
    pawl_subject subject = {PAWL_SUBJECT, .lane = often(life, 60) ? route.lane : NULL,
                            .target = often(life, 50) ? route.target : NULL};
    const char *code = often(life, 50) ? "paused" : "limited";
    pawl_store *store = any_scope(life);
    const pawl_operation *operation = any_operation(life);
    int status = often(life, 40) ? pawl_hold_set(store, &subject, code,
                                                 often(life, 80) ? now_ms(&life->world) + (int64_t)dice(life, 50) : 0,
                                                 operation, &err)
                                 : pawl_hold_release(store, &subject, often(life, 50) ? code : NULL, operation, &err);
    put_status(life, "hold", status);
}

/* What a worker writes of itself, and then what is known of all of them. */
static void do_register(struct life *life)
{
    static const char *const lanes[] = {NULL, "[\"email\"]", "[\"sms\",\"email\"]"};
    struct opened *opened = life->world.store->opened;
    struct registration registration = {
        .row = {.id = dice(life, 9) + 1, .consumer = TEXT("me"), .pid = 7, .sinks = TEXT("[\"http\",\"callback:x\"]")}};
    registration.row.lanes = text_of(lanes[dice(life, COUNT_OF(lanes))]);
    if (often(life, 50))
        registration.row.scope = often(life, 50) ? TEXT("default") : TEXT("other");
    registration.row.since = (struct wall_time){now_ms(&life->world) - (int64_t)dice(life, 100)};
    registration.stops = often(life, 40) || life->outlives_process;
    struct unit unit;
    pawl_workers *workers;
    pawli_unit_init(&unit, &opened->committer, TEXT("default"));
    pawli_unit_add(&unit, &registration.effect, &pawli_effect_register);
    unit.deadline = BOOT_NEVER;
    put_status(life, "register", pawli_commit(&unit, &err));
    pawli_unit_done(&unit);
    assert_ok(pawl_workers_list(life->world.store, often(life, 50) ? "other" : NULL, &workers, &err));
    for (size_t i = 0; i < pawl_workers_count(workers); i++) {
        const pawl_worker_view *view = pawl_workers_get(workers, i);
        fprintf(life->out, " [%s %s %zu %llu %lld %lld %lld %u]", view->consumer, view->scope ? view->scope : "-",
                view->lane_count, (unsigned long long)view->claims, (long long)view->since_ms,
                (long long)view->last_seen_ms, (long long)view->stopped_ms, view->is_alive);
    }
    pawl_workers_free(workers);
}

static void do_time(struct life *life)
{
    pawli_sim_advance_ms(life->world.env, (int64_t)dice(life, 60));
}

static void do_sweep(struct life *life)
{
    pawl_swept swept = {PAWL_SWEPT};
    put_status(life, "sweep", pawl_sweep(life->world.store, &swept, &err));
    fprintf(life->out, " %u %u %u %u", swept.expired, swept.purged, swept.suspected, swept.forgotten);
}

static void do_why(struct life *life)
{
    pawl_uuid id = any_id(life);
    pawl_why *why;
    int status = pawl_why_message(any_scope(life), &id, &why, &err);
    put_status(life, "why", status);
    for (size_t i = 0; status == PAWL_OK && i < pawl_why_count(why); i++) {
        const pawl_reason *reason = pawl_why_get(why, i);
        fprintf(life->out, " [%s %s %lld %s]", reason->code, reason->text, (long long)reason->until_ms,
                reason->by ? reason->by : "-");
    }
    if (status == PAWL_OK)
        pawl_why_free(why);
}

/* ---- workflows ---- */

static const char *any_workflow(struct life *life)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    return ids[dice(life, COUNT_OF(ids))];
}

static void add_changes(struct life *life, pawl_transition *t, const char *holder)
{
    static const char *const ids[] = {"r1", "r2", "r3"};
    for (uint64_t i = dice(life, 3); i > 0; i--)
        pawl_transition_resource(t, &(pawl_resource){PAWL_RESOURCE, .id = ids[dice(life, COUNT_OF(ids))],
                                                     .action = (int32_t)dice(life, 5), .holder = holder});
}

static void do_start(struct life *life)
{
    static const char *const keys[] = {NULL, NULL, "x"}, *const data[] = {"1", "{}", "\xff"};
    pawl_start start = {PAWL_START,
                        .kind = "k",
                        .id = any_workflow(life),
                        .key = keys[dice(life, COUNT_OF(keys))],
                        .state = "s",
                        .data = data[dice(life, COUNT_OF(data))],
                        .version = (uint32_t)dice(life, 2),
                        .wake_in_ms = often(life, 20) ? (int64_t)dice(life, 100) : 0};
    start.data_size = strlen(start.data);
    if (often(life, 50)) {
        put_status(life, "start", pawl_workflow_start(any_scope(life), &start, NULL, &err));
        return;
    }
    pawl_transition *t = pawl_transition_new(any_scope(life),
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T"});
    char holder[16];
    snprintf(holder, sizeof holder, "k/%s", start.id);
    start.keep_existing = (uint32_t)dice(life, 2);
    pawl_transition_start(t, &start);
    add_changes(life, t, holder);
    put_status(life, "start with", pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
}

static void do_workflow_claim(struct life *life)
{
    const pawl_workflow_claim_options options = {PAWL_WORKFLOW_CLAIM_OPTIONS,
                                                 .kind = "k",
                                                 .id = often(life, 30) ? any_workflow(life) : NULL,
                                                 .limit = 1,
                                                 .lease_ms = often(life, 50) ? (int64_t)dice(life, 100) + 1 : 0,
                                                 .ends_with_process = !life->outlives_process && often(life, 30)};
    pawl_workflows *claimed;
    int status = pawl_workflow_claim(any_scope(life), &options, &claimed, &err);
    put_status(life, "claim", status);
    for (size_t i = 0; status == PAWL_OK && i < pawl_workflows_count(claimed); i++) {
        const pawl_workflow_view *view = pawl_workflows_get(claimed, i);
        life->token = view->token;
        snprintf(life->claimed, sizeof life->claimed, "%s", view->id);
        fprintf(life->out, " %s %llu %llu %u %zu %zu", view->id, (unsigned long long)view->token,
                (unsigned long long)view->generation, view->attempts, view->signal_count, view->resource_count);
    }
    if (status == PAWL_OK)
        pawl_workflows_free(claimed);
}

static void do_step(struct life *life)
{
    pawl_step_outcome outcome = {PAWL_STEP_OUTCOME, .kind = "k", .id = life->claimed[0] ? life->claimed : "a",
                                 .token = life->token + often(life, 5), .result = (int32_t)dice(life, 4)};
    bool goes_on = outcome.result <= PAWL_STEP_PARK;
    outcome.keep = outcome.result == PAWL_STEP_NEXT && often(life, 40);
    outcome.has_wake = outcome.result == PAWL_STEP_PARK && often(life, 40);
    outcome.wake_in_ms = outcome.has_wake ? (int64_t)dice(life, 100) : 0;
    outcome.error = outcome.result == PAWL_STEP_FAIL || (outcome.result == PAWL_STEP_PARK && often(life, 40)) ? "e"
                                                                                                              : NULL;
    outcome.rejected = goes_on && often(life, 10);
    outcome.no_return = goes_on && often(life, 5);
    outcome.undo = goes_on && often(life, 20) ? "u" : NULL;
    outcome.state = goes_on && often(life, 50) ? "t" : NULL;
    pawl_transition *step = pawl_transition_of_step(any_scope(life), &outcome);
    add_changes(life, step, NULL);
    if (often(life, 30))
        pawl_transition_event(step, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e"});
    uint64_t made;
    put_status(life, "step", pawl_transition_commit(step, NULL, &err));
    const char *status = pawl_transition_step_status(step, &made);
    fprintf(life->out, " %s %llu", status ? status : "-", (unsigned long long)made);
    pawl_transition_free(step);
}

static void do_signal(struct life *life)
{
    const pawl_signal signal = {PAWL_SIGNAL,
                                .kind = "k",
                                .id = any_workflow(life),
                                .name = "go",
                                .dedupe = often(life, 50) ? "d" : NULL,
                                .data = often(life, 50) ? "1" : "2",
                                .data_size = 1};
    uint32_t replayed = 0;
    put_status(life, "signal", pawl_workflow_signal(any_scope(life), &signal, &replayed, &err));
    fprintf(life->out, " %u", replayed);
}

static void do_steer(struct life *life)
{
    const pawl_steering steering = {PAWL_STEERING, .kind = "k", .id = any_workflow(life),
                                    .what = (int32_t)dice(life, 5), .force = often(life, 50)};
    pawl_steered steered = {PAWL_STEERED, .before = "-", .after = "-"};
    put_status(life, "steer", pawl_workflow_steer(any_scope(life), &steering, any_operation(life), &steered, &err));
    fprintf(life->out, " %s %s", steered.before ? steered.before : "-", steered.after ? steered.after : "-");
    if (often(life, 20))
        put_status(
            life, "fork",
            pawl_workflow_fork(any_scope(life), "k", steering.id, any_workflow(life), dice(life, 3), NULL, NULL, &err));
    if (often(life, 20))
        put_status(
            life, "kind",
            pawl_kind_set(any_scope(life), "k",
                          &(pawl_setting){often(life, 50) ? "max_attempts" : "keep_ms", often(life, 50) ? "2" : "200"},
                          1, any_operation(life), &err));
}

static void step(struct life *life)
{
    static const struct {
        uint64_t weight;
        void (*run)(struct life *life);
    } acts[] = {{20, do_enqueue}, {15, do_claim},   {14, do_settle}, {14, do_batch},         {8, do_transition},
                {8, do_move},     {4, do_policy},   {3, do_hold},    {8, do_time},           {2, do_sweep},
                {2, do_why},      {2, do_register}, {6, do_start},   {8, do_workflow_claim}, {10, do_step},
                {5, do_signal},   {4, do_steer}};
    uint64_t at = dice(life, 133);
    life->steps++;
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        if (at < acts[i].weight) {
            acts[i].run(life);
            return;
        }
        at -= acts[i].weight;
    }
}

/* One step on one store, and now and then all that it keeps, as text. */
static void live(struct life *life, unsigned number)
{
    life->out = open_memstream(&life->text, &life->size);
    assert_non_null(life->out);
    step(life);
    if (number % DUMP_EVERY == 0) {
        dump_store(&life->world, life->out);
        verify(&life->world);
    }
    fclose(life->out);
}

static void compare(const struct life *first, const struct life *other, uint64_t seed, unsigned number)
{
    const char *a = first->text, *b = other->text;
    if (first->size == other->size && memcmp(a, b, first->size) == 0)
        return;
    size_t at = 0, line = 0;
    for (; at < first->size && at < other->size && a[at] == b[at]; at++)
        if (a[at] == '\n')
            line = at + 1;
    /* cmocka's own buffer is too small for the lines. */
    fprintf(stderr, "# %s: %.*s\n", first->world.kind->name, (int)strcspn(a + line, "\n"), a + line);
    fprintf(stderr, "# %s: %.*s\n", other->world.kind->name, (int)strcspn(b + line, "\n"), b + line);
    fail_msg("PAWL_SEED=%llu, step %u: differs at byte %zu of a line", (unsigned long long)seed, number, at - line);
}

static void begin_life(struct life *life, const struct kind *kind, uint64_t seed)
{
    *life = (struct life){.dice = {seed}};
    open_world(&life->world, kind, seed);
    assert_ok(pawl_store_scope(life->world.store, "other", &life->other, &err));
}

static void one_life(uint64_t seed)
{
    struct life *lives = calloc(kind_count, sizeof *lives);
    for (size_t i = 0; i < kind_count; i++)
        begin_life(&lives[i], &kinds[i], seed);
    for (unsigned number = 1; number <= STEPS; number++)
        for (size_t i = 0; i < kind_count; i++) {
            live(&lives[i], number);
            if (i > 0) {
                compare(&lives[0], &lives[i], seed, number);
                free(lives[i].text);
            }
            if (i + 1 == kind_count)
                free(lives[0].text);
        }
    for (size_t i = 0; i < kind_count; i++) {
        pawl_store_close(lives[i].other);
        close_world(&lives[i].world);
    }
    free(lives);
}

static void every_store_lives_the_same_life(void **state)
{
    (void)state;
    const char *one = getenv("PAWL_SEED"), *many = getenv("PAWL_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1, count = one ? 1 : many ? strtoull(many, NULL, 10) : 10;
    assert_true(kind_count > 1 && count > 0);
    for (uint64_t seed = first; seed < first + count; seed++)
        one_life(seed);
    print_message("# seeds %llu to %llu, %d steps each\n", (unsigned long long)first,
                  (unsigned long long)(first + count - 1), STEPS);
}

static void dump_life(struct life *life)
{
    life->out = open_memstream(&life->text, &life->size);
    assert_non_null(life->out);
    dump_store(&life->world, life->out);
    fclose(life->out);
}

static void open_again(struct world *w)
{
    pawl_store_options options = {PAWL_STORE_OPTIONS, .must_exist = 1};
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_store_close(w->store);
    assert_ok(pawli_open_in(w->env, w->url, &options, &w->store, &err));
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    assert_false(info.was_created || info.was_migrated || info.is_restored);
}

#define NEXT_LEASE " next_lease.ns="

/* Cuts the next number of that name out of a dump, from *at on; *at is NULL when there is none. */
static int64_t cut_next_lease(struct life *life, char **at)
{
    *at = strstr(*at, NEXT_LEASE);
    if (!*at)
        return 0;
    char *number = *at + strlen(NEXT_LEASE), *end;
    int64_t ns = strncmp(number, "never", 5) == 0 ? INT64_MAX : strtoll(number, NULL, 10);
    end = number + strcspn(number, " \n");
    memmove(*at, end, (size_t)(life->text + life->size + 1 - end));
    life->size -= (size_t)(end - *at);
    return ns;
}

/* Opening finds out when the next lease ends, where until then a bound of it may be all that is known. */
static void cut_bounds(struct life *before, struct life *after)
{
    char *a = before->text, *b = after->text;
    unsigned count = 0;
    for (; a && b; count++)
        assert_true(cut_next_lease(before, &a) <= cut_next_lease(after, &b));
    assert_true(!a && !b && count > 1);
}

static void read_the_same_again(const struct kind *kind, uint64_t seed)
{
    struct life life, before;
    begin_life(&life, kind, seed);
    life.outlives_process = true;
    for (unsigned number = 1; number <= STEPS; number++) {
        live(&life, number);
        free(life.text);
    }
    pawl_store_close(life.other);
    dump_life(&life);
    before = life;
    open_again(&life.world);
    dump_life(&life);
    cut_bounds(&before, &life);
    compare(&before, &life, seed, STEPS);
    verify(&life.world);
    free(before.text);
    free(life.text);
    close_world(&life.world);
}

static void a19_what_is_durable_reads_the_same_when_opened_again(void **state)
{
    (void)state;
    unsigned durable = 0;
    for (size_t i = 0; i < kind_count; i++) {
        for (uint64_t seed = 90; kinds[i].is_durable && seed < 100; seed++)
            read_the_same_again(&kinds[i], seed);
        durable += kinds[i].is_durable;
    }
    assert_true(durable > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_store_lives_the_same_life),
        cmocka_unit_test(a19_what_is_durable_reads_the_same_when_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
