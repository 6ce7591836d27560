/* SPDX-License-Identifier: MIT */
/* Every exported call with NULL in each place of a pointer: where none may be, it is refused by the argument's name; where
 * one may be, as calls.def has it, it is taken. Each call is made by a process of its own, which may crash. */
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "pawl/testing.h"
#include "support.h"

/* What calls are given. */
struct world {
    pawl_store *store, *other_store;
    pawl_store_options store_options;
    pawl_store_info info;
    pawl_uuid id, other_id, request_id;
    pawl_message message;
    pawl_enqueued enqueued;
    pawl_messages *messages, *other_messages;
    pawl_messages_query messages_query;
    pawl_stats *stats, *other_stats;
    pawl_metrics *metrics, *other_metrics;
    pawl_metrics_sums metrics_sums;
    pawl_claim_options claim_options;
    pawl_settlement settlement;
    pawl_settled settled;
    pawl_swept swept;
    pawl_operation operation;
    pawl_moved moved;
    pawl_moves moves;
    pawl_moves_done moves_done;
    pawl_setting setting;
    const pawl_setting *preset;
    pawl_settings *settings, *other_settings;
    pawl_subject subject;
    const char *url;
    pawl_route route;
    pawl_transition *transition;
    pawl_transition_options transition_options;
    pawl_event event;
    pawl_receipt *receipt, *other_receipt;
    pawl_join *join;
    sqlite3 *connection;
    pawl_records *records, *other_records;
    pawl_records_query records_query;
    pawl_events *events, *other_events;
    pawl_events_query events_query;
    pawl_verification *verification, *other_verification;
    pawl_why *why, *other_why;
    pawl_worker *worker, *other_worker;
    pawl_worker_options worker_options;
    pawl_workers *workers, *other_workers;
    pawl_worker_stats worker_stats;
    pawl_post post;
    pawl_fill fill;
    pawl_projection projection;
    pawl_ledger *ledger, *other_ledger;
    pawl_ledger_query ledger_query;
    pawl_ledger_checked checked;
    pawl_setting type_setting;
    pawl_lock_options lock_options;
    pawl_lock lock;
    pawl_export_options export_options;
    pawl_imported imported;
    pawl_snapshot *snapshot;
    pawl_snapshot_options snapshot_options;
    pawl_snapshots *snapshots, *other_snapshots;
    pawl_subscriptions *subscriptions, *other_subscriptions;
    pawl_subscription_options subscription_options;
    pawl_cursor cursor;
    uint64_t seq;
    pawl_start start, other_start;
    pawl_workflows *workflows, *other_workflows;
    pawl_workflows_query workflows_query;
    pawl_workflow_claim_options workflow_claim_options;
    pawl_step_outcome outcome;
    pawl_transition *step;
    pawl_signal signal;
    uint32_t flag;
    pawl_steering steering;
    pawl_steered steered;
    pawl_resource resource;
    pawl_resources *resources, *other_resources;
    pawl_resources_query resources_query;
    pawl_kinds *kinds, *other_kinds;
    pawl_schedule schedule;
    pawl_schedules *schedules, *other_schedules;
    pawl_replay_options replay_options;
    pawl_replayed replayed;
    pawl_sim *sim, *other_sim;
    pawl_sim_options sim_options;
    pawl_sim_report sim_report;
    pawl_kind sim_kind, other_sim_kind;
    pawl_executor *executor, *other_executor;
    pawl_executor_options executor_options;
    pawl_kind kind;
    pawl_start program_start;
    char *argv[3];
    const char *text;
    char chars[PAWL_UUID_TEXT_SIZE], backup[160];
    size_t size;
    int64_t next_ms;
};

static char folder[64];
static pawl_error err;

static int committed(pawl_transition *transition, pawl_error *error)
{
    return pawl_transition_commit(transition, NULL, error);
}

static bool is_nil(pawl_uuid id)
{
    static const pawl_uuid nil;
    return memcmp(&id, &nil, sizeof id) == 0;
}

static void told_enqueued(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    (void)data, (void)status, (void)results, (void)count, (void)error;
}

static void told_settled(void *data, int status, const pawl_settled *results, size_t count, const pawl_error *error)
{
    (void)data, (void)status, (void)results, (void)count, (void)error;
}

static void told_committed(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    (void)data, (void)status, (void)error;
    pawl_receipt_free(receipt);
}

static void told_diverged(void *data, const char *kind, const char *id, const char *text)
{
    (void)data, (void)kind, (void)id, (void)text;
}

static void told_pages(void *data, int left, int total)
{
    (void)data, (void)left, (void)total;
}

static void told_checked(void *data, uint64_t checked)
{
    (void)data, (void)checked;
}

static int apply(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *error)
{
    (void)data, (void)record, (void)applied, (void)error;
    return PAWL_OK;
}

static void deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)data, (void)message, (void)outcome;
}

static int take(void *data, const void *bytes, size_t size, pawl_error *error)
{
    (void)data, (void)bytes, (void)size, (void)error;
    return PAWL_OK;
}

static int keep_line(void *data, const char *line, size_t size, pawl_error *error)
{
    (void)data, (void)line, (void)size, (void)error;
    return PAWL_OK;
}

static int give_line(void *data, const char **line, size_t *size, pawl_error *error)
{
    (void)data, (void)line, (void)size;
    *error = (pawl_error){.status = PAWL_EUNAVAIL};
    return PAWL_EUNAVAIL;
}

static int begin_nothing(void *user, pawl_store *store, pawl_error *error)
{
    (void)user, (void)store, (void)error;
    return PAWL_OK;
}

static int advance_no_more(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    return pawl_step_done(step, NULL, 0);
}

static pawl_transition *transition_of(struct world *w)
{
    return pawl_transition_new(w->store, &w->transition_options);
}

static const pawl_messages_query of_mail = {PAWL_MESSAGES_QUERY, .lane = "mail"};

/* One with a step, a signal, a resource and a kind. */
static void make_workflow(struct world *w)
{
    assert_ok(pawl_kind_set(w->store, "k", &w->setting, 1, NULL, &err));
    assert_ok(pawl_resource_add(w->store, "r", "coin", &err));
    assert_ok(pawl_workflow_start(w->store, &w->start, NULL, &err));
    assert_ok(pawl_workflow_signal(w->store, &w->signal, NULL, &err));
    assert_ok(pawl_workflow_claim(w->store, &w->workflow_claim_options, &w->workflows, &err));
    w->outcome.token = pawl_workflows_get(w->workflows, 0)->token;
    pawl_workflows_free(w->workflows);
    w->step = pawl_transition_of_step(w->store, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .kind = "k", .id = "w",
                                                                     .token = w->outcome.token, .keep = 1});
    assert_ok(committed(w->step, &err));
    assert_ok(pawl_workflow_get(w->store, "k", "w", &w->workflows, &err));
    assert_ok(pawl_resources_list(w->store, NULL, &w->resources, &err));
    assert_ok(pawl_kinds_list(w->store, &w->kinds, &err));
    assert_ok(pawl_schedule_add(w->store, &w->schedule, NULL, &err));
    assert_ok(pawl_schedules_list(w->store, NULL, &w->schedules, &err));
}

/* ---- inside a callback ---- */

static const pawl_error unavailable = {.status = PAWL_EUNAVAIL, .text = "not now"};

/* A step or a run, whose callback waits in a thread of its own until it is told what to return. */
static struct {
    pawl_executor *executor;
    pawl_step *step;
    pawl_run *run;
    sem_t is_in, may_return;
    pthread_t thread;
    int returns, status; /* of the callback, and of the drive */
    pawl_error error;    /* of the drive */
} inside;

static int call_out(void *arg, pawl_error *error)
{
    (void)arg, (void)error;
    return PAWL_OK;
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static int wait_in_step(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    if (inside.step || !inside.executor)
        return pawl_step_fail(step, NULL); /* the next step, or one that nobody waits for */
    inside.step = step;
    sem_post(&inside.is_in);
    await(&inside.may_return);
    return inside.returns;
}

static int wait_in_run(void *user, pawl_run *run, pawl_error *error)
{
    (void)user, (void)error;
    inside.run = run;
    sem_post(&inside.is_in);
    await(&inside.may_return);
    return PAWL_OK;
}

static void *drive_inside(void *data)
{
    const char *kind = data;
    inside.status = pawl_executor_drive(inside.executor, kind, "i", 0, 0, NULL, &inside.error);
    sem_post(&inside.is_in); /* where the callback was not called */
    return NULL;
}

static void go_inside(struct world *w, const char *kind)
{
    const pawl_kind kinds[] = {{PAWL_KIND, .name = "step", .version = 1, .advance = wait_in_step},
                               {PAWL_KIND, .name = "run", .code = wait_in_run}};
    const pawl_start start = {PAWL_START, .kind = kind, .id = "i", .state = "a", .version = 1};
    assert_ok(pawl_executor_new(w->store, NULL, &inside.executor, &err));
    for (size_t i = 0; i < 2; i++)
        assert_ok(pawl_executor_register(inside.executor, &kinds[i], &err));
    assert_ok(pawl_workflow_start(w->store, &start, NULL, &err));
    sem_init(&inside.is_in, 0, 0);
    sem_init(&inside.may_return, 0, 0);
    assert_int_equal(pthread_create(&inside.thread, NULL, drive_inside, (void *)kind), 0);
    await(&inside.is_in);
}

static pawl_step *step_in(struct world *w)
{
    go_inside(w, "step");
    return inside.step;
}

static pawl_run *run_in(struct world *w)
{
    go_inside(w, "run");
    return inside.run;
}

/* The callback returns this; what the drive answers. */
static int answered(struct world *w, int returns)
{
    (void)w;
    if (!inside.step) { /* there was none: the call has no error to say so */
        snprintf(err.text, sizeof err.text, "step is NULL");
        return returns;
    }
    inside.returns = returns;
    sem_post(&inside.may_return);
    pthread_join(inside.thread, NULL);
    err = inside.error;
    return inside.status;
}

static int step_ends(struct world *w)
{
    return inside.step ? answered(w, pawl_step_done(inside.step, NULL, 0)) : PAWL_OK;
}

static int run_ends(struct world *w, pawl_error *error)
{
    (void)w;
    return inside.run ? pawl_run_sleep(inside.run, "end", 0, error) : PAWL_OK;
}

/* Of a program: what it prints goes to a file, from which its error is read. */
static char *printed;

static bool print_apart(void)
{
    assert_true(asprintf(&printed, "%s/%d.printed", folder, (int)getpid()) > 0);
    return freopen(printed, "w", stderr) != NULL;
}

static int checked_by(int status)
{
    fflush(stderr);
    FILE *file = fopen(printed, "r");
    assert_non_null(file);
    size_t size = fread(err.text, 1, sizeof err.text - 1, file);
    err.text[size] = '\0';
    fclose(file);
    return status == pawl_status_exit(PAWL_EINVAL) ? PAWL_EINVAL : PAWL_OK;
}

static void open_world(struct world *w)
{
    *w = (struct world){
        .store_options = {PAWL_STORE_OPTIONS},
        .info = {PAWL_STORE_INFO},
        .message = {PAWL_MESSAGE, .lane = "mail", .target = "smtp"},
        .messages_query = {PAWL_MESSAGES_QUERY},
        .claim_options = {PAWL_CLAIM_OPTIONS, .lane = "mail", .target = "smtp", .limit = 1},
        .settlement = {PAWL_SETTLEMENT, .token = 1},
        .swept = {PAWL_SWEPT},
        .metrics_sums = {PAWL_METRICS_SUMS},
        .operation = {PAWL_OPERATION, .reason = "a test"},
        .moved = {PAWL_MOVED},
        .moves = {PAWL_MOVES, .which = &of_mail},
        .moves_done = {PAWL_MOVES_DONE},
        .setting = {"max_attempts", "5"},
        .subject = {PAWL_SUBJECT, .lane = "mail"},
        .url = "callback:nobody",
        .route = {PAWL_ROUTE, .target = "nobody", .sender = "nobody", .url_count = 1},
        .transition_options = {PAWL_TRANSITION_OPTIONS, .type = "Test"},
        .event = {PAWL_EVENT, .topic = "t", .type = "e"},
        .records_query = {PAWL_RECORDS_QUERY},
        .events_query = {PAWL_EVENTS_QUERY},
        .worker_options = {PAWL_WORKER_OPTIONS},
        .worker_stats = {PAWL_WORKER_STATS},
        .post = {PAWL_POST, .account = "a", .asset = "USD", .delta = "1"},
        .fill = {PAWL_FILL, .trade_id = "t", .market = "m", .buyer = "a", .seller = "b", .price = "1", .size = "1"},
        .projection = {PAWL_PROJECTION, .name = "p", .key = "k"},
        .ledger_query = {PAWL_LEDGER_QUERY},
        .checked = {PAWL_LEDGER_CHECKED},
        .lock_options = {PAWL_LOCK_OPTIONS, .name = "a"},
        .lock = {PAWL_LOCK},
        .export_options = {PAWL_EXPORT_OPTIONS},
        .imported = {PAWL_IMPORTED},
        .snapshot_options = {PAWL_SNAPSHOT_OPTIONS, .seq = 1},
        .subscription_options = {PAWL_SUBSCRIPTION_OPTIONS, .name = "s"},
        .cursor = {1, PAWL_WHOLE_RECORD},
        .type_setting = {"critical", "1"},
        .start = {PAWL_START, .kind = "k", .id = "w"},
        .other_start = {PAWL_START, .kind = "k", .id = "v"},
        .workflows_query = {PAWL_WORKFLOWS_QUERY},
        .workflow_claim_options = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .limit = 1},
        .outcome = {PAWL_STEP_OUTCOME, .kind = "k", .id = "w", .token = 1, .result = PAWL_STEP_DONE},
        .signal = {PAWL_SIGNAL, .kind = "k", .id = "w", .name = "go"},
        .steering = {PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_PAUSE},
        .steered = {PAWL_STEERED},
        .resource = {PAWL_RESOURCE, .id = "q"},
        .resources_query = {PAWL_RESOURCES_QUERY},
        .schedule = {PAWL_SCHEDULE, .name = "s", .every_ms = 1000, .kind = "k"},
        .replay_options = {PAWL_REPLAY_OPTIONS, .apply = apply},
        .replayed = {PAWL_REPLAYED},
        .executor_options = {PAWL_EXECUTOR_OPTIONS},
        .kind = {PAWL_KIND, .name = "another", .advance = wait_in_step},
        .program_start = {PAWL_START, .kind = "other", .id = "new"},
        .argv = {(char *)"check"},
        .sim_options = {PAWL_SIM_OPTIONS, .begin = begin_nothing},
        .sim_report = {PAWL_SIM_REPORT},
        .sim_kind = {PAWL_KIND, .name = "k", .advance = advance_no_more},
        .other_sim_kind = {PAWL_KIND, .name = "other", .advance = advance_no_more}};
    w->route.urls = &w->url;
    assert_ok(pawl_store_open("memory:", NULL, &w->store, &err));
    pawl_transition *transition = transition_of(w);
    pawl_transition_response(transition, "yes", 3);
    pawl_transition_event(transition, &w->event);
    pawl_transition_message(transition, &w->message);
    assert_ok(pawl_transition_commit(transition, &w->receipt, &err));
    w->request_id = pawl_receipt_request_id(w->receipt);
    w->id = w->settlement.id = pawl_receipt_message(w->receipt, 0);
    assert_ok(pawl_message_get(w->store, &w->id, &w->messages, &err));
    assert_ok(pawl_stats_read(w->store, NULL, NULL, &w->stats, &err));
    assert_ok(pawl_metrics_read(w->store, &w->metrics, &err));
    assert_ok(pawl_lanes_list(w->store, &w->settings, &err));
    assert_ok(pawl_records_list(w->store, NULL, &w->records, &err));
    assert_ok(pawl_events_read(w->store, NULL, &w->events, &err));
    assert_ok(pawl_verify(w->store, NULL, NULL, NULL, &w->verification, &err));
    assert_ok(pawl_why_message(w->store, &w->id, &w->why, &err));
    assert_ok(pawl_workers_list(w->store, NULL, &w->workers, &err));
    assert_ok(pawl_ledger_list(w->store, &w->ledger_query, &w->ledger, &err));
    assert_ok(pawl_worker_new(w->store, NULL, &w->worker, &err));
    w->snapshot = pawl_snapshot_new(w->store, &w->snapshot_options);
    pawl_snapshot_write(w->snapshot, "x", 1);
    assert_ok(pawl_snapshot_commit(w->snapshot, &err));
    assert_ok(pawl_snapshots_list(w->store, &w->snapshots, &err));
    pawl_snapshot_free(w->snapshot);
    w->snapshot = pawl_snapshot_new(w->store, &w->snapshot_options);
    assert_ok(pawl_subscription_add(w->store, &w->subscription_options, &err));
    assert_ok(pawl_subscription_add(
        w->store, &(pawl_subscription_options){PAWL_SUBSCRIPTION_OPTIONS, .name = "r", .lane = "l", .target = "t"},
        &err));
    assert_ok(pawl_subscriptions_list(w->store, NULL, &w->subscriptions, &err));
    make_workflow(w);
    assert_ok(pawl_sim_new(&w->sim_options, &w->sim, &err));
    assert_ok(pawl_sim_register(w->sim, &w->sim_kind, &err));
    assert_ok(pawl_executor_new(w->store, NULL, &w->executor, &err));
    assert_ok(
        pawl_executor_register(w->executor, &(pawl_kind){PAWL_KIND, .name = "other", .advance = wait_in_step}, &err));
    assert_ok(pawl_workflow_start(
        w->store, &(pawl_start){PAWL_START, .kind = "other", .id = "w", .wake_in_ms = 3600000}, NULL, &err));
    w->transition = transition_of(w);
}

/* The same on a store that a connection can join. */
static struct world *joinable(struct world *w)
{
    char path[128], url[160];
    if (w->connection)
        return w;
    snprintf(path, sizeof path, "%s/%d.db", folder, (int)getpid());
    snprintf(url, sizeof url, "sqlite:%s", path);
    snprintf(w->backup, sizeof w->backup, "%s-backup", path);
    assert_ok(pawl_store_open(url, NULL, &w->store, &err));
    assert_int_equal(sqlite3_open(path, &w->connection), SQLITE_OK);
    w->transition = transition_of(w);
    return w;
}

/* A program's arguments: the store of joinable. */
static char **argv_of(struct world *w)
{
    static char url[160];
    joinable(w);
    snprintf(url, sizeof url, "sqlite:%s/%d.db", folder, (int)getpid());
    w->argv[1] = url;
    return w->argv;
}

static struct world *joined(struct world *w)
{
    joinable(w);
    if (w->join)
        return w;
    assert_ok(pawl_join_attach(w->store, w->connection, &w->join, &err));
    assert_int_equal(sqlite3_exec(w->connection, "begin immediate", NULL, NULL, NULL), SQLITE_OK);
    return w;
}

static struct world *joined_before(struct world *w)
{
    joined(w);
    assert_int_equal(sqlite3_exec(w->connection, "commit", NULL, NULL, NULL), SQLITE_OK);
    return w;
}

/* ---- one call ---- */

#define NAMES_MAX 8

/* What a process that made a call tells: the names that it met, and what was wrong. */
static struct told {
    char names[NAMES_MAX][32];
    bool may_be_null[NAMES_MAX];
    size_t count;
    char wrong[512];
} * told;

static const char *null_name; /* NULL: none */

static bool nulled(const char *name, bool may_be_null)
{
    size_t i = 0;
    while (i < told->count && strcmp(told->names[i], name) != 0)
        i++;
    if (i == told->count && i < NAMES_MAX) {
        snprintf(told->names[i], sizeof told->names[i], "%s", name);
        told->may_be_null[i] = may_be_null;
        told->count++;
    }
    return null_name && strcmp(null_name, name) == 0;
}

#define GIVE(name, value) (nulled(#name, false) ? NULL : (value))
#define MAY(name, value)  (nulled(#name, true) ? NULL : (value))
#define ERR               (with_error ? &err : NULL)
#define PRINTED(call)     (print_apart() ? checked_by(call) : -1)

static const struct call {
    const char *symbol;
    bool is_status;
    int number;
} calls[] = {
#define STATUS(symbol, call) {#symbol, true, __LINE__},
#define VALUE(symbol, call)  {#symbol, false, __LINE__},
#include "calls.def"
#undef STATUS
#undef VALUE
};
#define CALLS (sizeof calls / sizeof *calls)

static intptr_t make_call(int number, struct world *w, bool with_error)
{
    switch (number) {
#define STATUS(symbol, call)                                                                                           \
    case __LINE__:                                                                                                     \
        return (intptr_t)(call);
#define VALUE STATUS
#include "calls.def"
#undef STATUS
#undef VALUE
    default:
        return -1;
    }
}

static void judge(const struct call *call, intptr_t answer, bool may_be_null)
{
    bool is_einval = answer == PAWL_EINVAL;
    if (!null_name || may_be_null) {
        if (call->is_status && is_einval)
            snprintf(told->wrong, sizeof told->wrong, "is refused: %s", err.text);
    } else if (!call->is_status) {
        if (answer)
            snprintf(told->wrong, sizeof told->wrong, "answers %lld for a NULL", (long long)answer);
    } else if (!is_einval) {
        snprintf(told->wrong, sizeof told->wrong, "answers %lld", (long long)answer);
    } else if (!strstr(err.text, null_name)) {
        snprintf(told->wrong, sizeof told->wrong, "does not name it: %s", err.text);
    }
}

/* In a process of its own; what a crash leaves behind ends with it. */
static void call_alone(const struct call *call, const char *name, bool may_be_null, bool with_error)
{
    told->wrong[0] = '\0';
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct world w;
        open_world(&w);
        null_name = name;
        err = (pawl_error){0};
        intptr_t answer = make_call(call->number, &w, with_error);
        if (with_error)
            judge(call, answer, may_be_null);
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    if (how)
        snprintf(told->wrong, sizeof told->wrong, "ends its process with %s %d", WIFSIGNALED(how) ? "signal" : "status",
                 WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    if (told->wrong[0])
        fail_msg("%s without %s%s: %s", call->symbol, name ? name : "nothing", with_error ? "" : " and err",
                 told->wrong);
}

static void takes_null_or_refuses_it(void **state)
{
    const struct call *call = *state;
    told->count = 0;
    call_alone(call, NULL, true, true);
    call_alone(call, NULL, true, false);
    for (size_t i = 0; i < told->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", told->names[i]);
        call_alone(call, name, told->may_be_null[i], true);
        call_alone(call, name, told->may_be_null[i], false);
    }
}

/* ---- all of them ---- */

static const char *symbols_file;

static void every_exported_symbol_is_called(void **state)
{
    (void)state;
    char symbol[64];
    size_t count = 0;
    FILE *file = fopen(symbols_file, "r");
    assert_non_null(file);
    while (fscanf(file, "%63s", symbol) == 1) {
        bool found = false;
        for (size_t i = 0; i < CALLS; i++)
            found |= strcmp(calls[i].symbol, symbol) == 0;
        if (!found)
            fail_msg("%s is not in calls.def", symbol);
        count++;
    }
    fclose(file);
    assert_int_equal(count, CALLS);
}

int main(int count, char **arguments)
{
    static struct CMUnitTest tests[CALLS + 1];
    static char names[CALLS][80];
    if (count < 2)
        return 1;
    symbols_file = arguments[1];
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    make_folder(folder);
    tests[CALLS] = (struct CMUnitTest)cmocka_unit_test(every_exported_symbol_is_called);
    for (size_t i = 0; i < CALLS; i++) {
        snprintf(names[i], sizeof names[i], "%s_takes_null_or_refuses_it", calls[i].symbol);
        tests[i] = (struct CMUnitTest){names[i], takes_null_or_refuses_it, NULL, NULL, (void *)&calls[i]};
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_folder(folder);
    return failed;
}
