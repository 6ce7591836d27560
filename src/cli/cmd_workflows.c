/* SPDX-License-Identifier: MIT */
/* workflows, kinds and resources: starting, looking, operating. */
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <sys/wait.h>

#include "api/api.h"
#include "base/escape.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"

extern char **environ;

static void print_workflow(struct cli *cli, const pawl_workflow_view *view, bool of_start)
{
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_api_put_workflow(out, view);
        if (of_start)
            pawli_json_put_bool(out, "replayed", view->was_replayed);
        cli_object_end(cli);
        return;
    }
    cli_say(cli, "%s/%s %s%s%s%s", view->kind, view->id, view->status, view->state ? " in " : "",
            view->state ? view->state : "", view->was_replayed ? " replayed" : "");
}

int cli_workflows_start(struct cli *cli)
{
    const char *data = cli_option(cli, "data");
    int64_t version = 0;
    struct text body = {0};
    pawl_workflows *workflow;
    pawl_start start = {PAWL_START, .kind = cli_argument(cli, 0), .id = cli_argument(cli, 1),
                        .key = cli_option(cli, "key"), .state = cli_option(cli, "state")};
    int status = cli_option_number(cli, "state-version", 0, INT32_MAX, &version);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "wake-in", 0, INT64_MAX / 2, &start.wake_in_ms);
    if (status == PAWL_OK && data)
        status = cli_body(cli, "data", data, &body);
    start.version = (uint32_t)version;
    start.data = body.data;
    start.data_size = body.size;
    if (status == PAWL_OK)
        status = pawl_workflow_start(cli->store, &start, &workflow, &cli->error);
    if (status < 0)
        return status;
    print_workflow(cli, pawl_workflows_get(workflow, 0), true);
    pawl_workflows_free(workflow);
    return PAWL_OK;
}

int cli_workflows_fork(struct cli *cli)
{
    const pawl_operation operation = cli_operation(cli);
    int64_t at = 0;
    pawl_workflows *workflow;
    int status = cli_option_number(cli, "at", 1, INT64_MAX - 1, &at);
    if (status == PAWL_OK)
        status = pawl_workflow_fork(cli->store, cli_argument(cli, 0), cli_argument(cli, 1), cli_argument(cli, 2),
                                    (uint64_t)at, &operation, &workflow, &cli->error);
    if (status < 0)
        return status;
    print_workflow(cli, pawl_workflows_get(workflow, 0), true);
    pawl_workflows_free(workflow);
    return PAWL_OK;
}

/* The program prints what differs itself. */
static int run_check(struct cli *cli, const char *program, int *ret_state)
{
    pid_t process;
    char *words[] = {(char *)program, (char *)cli->store_url, (char *)cli->scope, NULL};
    int code = posix_spawnp(&process, program, NULL, NULL, words, environ);
    if (code != 0)
        return cli_hint(cli, cli_fail(cli, PAWL_EUNAVAIL, "cannot run \"%.300s\": %s", program, strerror(code)),
                        "--exec takes a file that can be run, by its path or as the shell would find it");
    while (waitpid(process, ret_state, 0) < 0 && errno == EINTR)
        ;
    return PAWL_OK;
}

int cli_workflows_check(struct cli *cli)
{
    const char *program = cli_option(cli, "exec");
    int state = 0;
    if (!program)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "the program is missing"),
                        "--exec PROGRAM: one that calls pawl_workflow_check_main with its kinds");
    int status = run_check(cli, program, &state);
    if (status < 0 || state == 0)
        return status;
    if (WIFEXITED(state) && WEXITSTATUS(state) == pawl_status_exit(PAWL_ECORRUPT))
        return cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "the program does not go on with all that runs"),
                        "each is a line above: keep what is recorded (version markers), or stop those first");
    return cli_fail(cli, PAWL_EUNAVAIL, "the program failed: %s %d", WIFSIGNALED(state) ? "signal" : "exit status",
                    WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
}

int cli_workflows_signal(struct cli *cli)
{
    const char *data = cli_option(cli, "data");
    struct text body = {0};
    uint32_t was_replayed = 0;
    const bool is_operators = cli_has(cli, "reason") || cli_has(cli, "id") || cli_has(cli, "actor");
    int status = is_operators ? cli_request(cli) : PAWL_OK;
    if (status < 0)
        return status;
    const pawl_operation operation = cli_operation(cli);
    pawl_signal signal = {PAWL_SIGNAL,
                          .kind = cli_argument(cli, 0),
                          .id = cli_argument(cli, 1),
                          .name = cli_argument(cli, 2),
                          .dedupe = cli_option(cli, "dedupe"),
                          .operation = is_operators ? &operation : NULL};
    status = data ? cli_body(cli, "data", data, &body) : PAWL_OK;
    signal.data = body.data;
    signal.data_size = body.size;
    if (status == PAWL_OK)
        status = pawl_workflow_signal(cli->store, &signal, &was_replayed, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "kind", signal.kind);
        pawli_json_put_string(out, "id", signal.id);
        pawli_json_put_string(out, "name", signal.name);
        pawli_json_put_bool(out, "replayed", was_replayed);
        cli_object_end(cli);
    } else {
        cli_say(cli, "%s/%s signalled %s%s", signal.kind, signal.id, signal.name, was_replayed ? " replayed" : "");
    }
    return PAWL_OK;
}

/* ---- looking ---- */

static void put_row(struct cli_table *table, const pawl_workflow_view *view)
{
    char age[32];
    cli_table_row(table);
    cli_table_put(table, view->kind);
    cli_table_put(table, view->id);
    cli_table_put(table, view->error ? view->error : view->status);
    cli_table_put(table, view->state);
    cli_table_format(table, "%" PRIu64, view->generation);
    cli_table_put(table, cli_age(view->started_at_ms, age));
    cli_table_put(table, view->wake_at_ms ? cli_age(view->wake_at_ms, age) : view->waits ? "signal" : NULL);
    cli_table_put(table, view->last_error.text);
}

int cli_workflows_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"KIND", COLUMN_CUT},         {"ID", COLUMN_CUT},   {"STATUS", COLUMN_LEFT}, {"STATE", COLUMN_CUT},
        {"GENERATION", COLUMN_RIGHT}, {"AGE", COLUMN_LEFT}, {"DUE", COLUMN_LEFT},    {"LAST ERROR", COLUMN_CUT}};
    pawl_workflows_query query = {PAWL_WORKFLOWS_QUERY, .kind = cli_option(cli, "kind"),
                                  .status = cli_option(cli, "status"), .key = cli_option(cli, "key"),
                                  .all = cli_has(cli, "all")};
    struct cli_table table;
    pawl_workflows *list;
    int64_t limit = 50, before = 0;
    bool is_bad = false;
    int status = cli_option_number(cli, "limit", 1, LIMIT_LIST, &limit);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "before", 1, INT64_MAX - 1, &before);
    if (status == PAWL_OK)
        status = cli_option_moment(cli, "since", &query.since_ms);
    if (status == PAWL_OK)
        status = cli_option_moment(cli, "until", &query.until_ms);
    query.limit = (uint32_t)limit;
    query.before = (uint64_t)before;
    if (status == PAWL_OK)
        status = pawl_workflows_list(cli->store, &query, &list, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_workflows_count(list); i++) {
        const pawl_workflow_view *view = pawl_workflows_get(list, i);
        is_bad |= view->error != NULL;
        if (cli->json)
            print_workflow(cli, view, false);
        else
            put_row(&table, view);
    }
    if (!cli->json)
        status = cli_table_end(&table, "no workflows");
    if (pawl_workflows_has_more(list))
        cli_note(cli, "there are more: go on with --before %" PRIu64, pawl_workflows_next(list));
    pawl_workflows_free(list);
    if (status == PAWL_OK && is_bad)
        status = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "some of it cannot be read"), "run \"pawl verify\"");
    return status;
}

static void print_line(struct cli *cli, const char *name, const char *value)
{
    if (value)
        cli_print("%-12s %s", name, cli_safe(&cli->arena, text_of(value)).data);
}

static void print_body(struct cli *cli, const char *name, const void *data, size_t size)
{
    if (data)
        cli_print("%-12s %s", name, cli_safe(&cli->arena, (struct text){data, size}).data);
}

static void print_steps(struct cli *cli, const pawl_workflows *workflow)
{
    static const struct cli_column columns[] = {
        {"STEP", COLUMN_RIGHT}, {"STATE", COLUMN_CUT},  {"RESULT", COLUMN_LEFT}, {"ATTEMPTS", COLUMN_RIGHT},
        {"SEQ", COLUMN_RIGHT},  {"ENDED", COLUMN_LEFT}, {"ERROR", COLUMN_CUT}};
    struct cli_table table;
    char time[32];
    if (pawl_workflows_step_count(workflow) == 0)
        return;
    cli_print("%s", "");
    cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_workflows_step_count(workflow); i++) {
        const pawl_step_view *step = pawl_workflows_step(workflow, i);
        cli_table_row(&table);
        cli_table_format(&table, "%" PRIu64, step->generation);
        cli_table_put(&table, step->state);
        cli_table_put(&table, step->result);
        cli_table_format(&table, "%" PRIu32, step->attempts);
        if (step->seq)
            cli_table_format(&table, "%" PRIu64, step->seq);
        else
            cli_table_put(&table, NULL);
        cli_table_put(&table, cli_time(step->ended_at_ms, time));
        cli_table_put(&table, step->error);
    }
    cli_table_end(&table, "");
}

static void print_signals(struct cli *cli, const pawl_workflows *workflow)
{
    static const struct cli_column columns[] = {
        {"SIGNAL", COLUMN_CUT}, {"ID", COLUMN_CUT}, {"AT", COLUMN_LEFT}, {"TAKEN BY STEP", COLUMN_RIGHT}};
    struct cli_table table;
    char time[32];
    if (pawl_workflows_signal_count(workflow) == 0)
        return;
    cli_print("%s", "");
    cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_workflows_signal_count(workflow); i++) {
        const pawl_signal_view *signal = pawl_workflows_signal(workflow, i);
        cli_table_row(&table);
        cli_table_put(&table, signal->name);
        cli_table_put(&table, signal->id);
        cli_table_put(&table, cli_time(signal->at_ms, time));
        if (signal->taken)
            cli_table_format(&table, "%" PRIu64, signal->taken);
        else
            cli_table_put(&table, NULL);
    }
    cli_table_end(&table, "");
}

static void show_in_words(struct cli *cli, const pawl_workflow_view *view)
{
    char time[32];
    print_line(cli, "workflow", pawli_arena_format(&cli->arena, "%s/%s", view->kind, view->id).data);
    print_line(cli, "status", view->status);
    print_line(cli, "stuck", view->stuck_why);
    print_line(cli, "state", view->state);
    print_body(cli, "data", view->data, view->data_size);
    print_line(cli, "key", view->key);
    print_line(cli, "generation", pawli_arena_format(&cli->arena, "%" PRIu64, view->generation).data);
    print_line(
        cli, "attempts",
        pawli_arena_format(&cli->arena, "%" PRIu32 ", %" PRIu64 " in all", view->attempts, view->total_attempts).data);
    if (view->wake_at_ms)
        print_line(cli, "due", cli_time(view->wake_at_ms, time));
    if (view->waits)
        print_line(cli, "due", "when a signal comes");
    print_line(cli, "claimed by", view->claimed_by);
    if (view->last_error.error_class)
        print_line(cli, "last error",
                   pawli_arena_format(&cli->arena, "%s: %s", view->last_error.error_class, view->last_error.text).data);
    print_line(cli, "paused", view->held_reason);
    print_line(cli, "cancelled", view->cancel_reason);
    for (size_t i = 0; i < view->resource_count; i++)
        print_line(cli, "holds", view->resources[i]);
    print_body(cli, "receipt", view->receipt, view->receipt_size);
    print_line(cli, "started", cli_time(view->started_at_ms, time));
    if (view->ended_at_ms)
        print_line(cli, "ended", cli_time(view->ended_at_ms, time));
}

int cli_workflows_show(struct cli *cli)
{
    pawl_workflows *workflow;
    int status = pawl_workflow_get(cli->store, cli_argument(cli, 0), cli_argument(cli, 1), &workflow, &cli->error);
    if (status < 0)
        return status;
    const pawl_workflow_view *view = pawl_workflows_get(workflow, 0);
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_api_put_workflow(out, view);
        pawli_api_put_steps(out, workflow);
        cli_object_end(cli);
    } else {
        show_in_words(cli, view);
        print_steps(cli, workflow);
        print_signals(cli, workflow);
    }
    pawl_workflows_free(workflow);
    return PAWL_OK;
}

/* ---- operating ---- */

static int steer(struct cli *cli, int32_t what, const char *done, const char *reason)
{
    pawl_operation operation = cli_operation(cli);
    pawl_steered steered = {PAWL_STEERED};
    int64_t from = 0;
    pawl_steering steering = {PAWL_STEERING, .kind = cli_argument(cli, 0), .id = cli_argument(cli, 1), .what = what,
                              .force = cli_has(cli, "force")};
    if (!operation.reason)
        operation.reason = reason;
    int status = cli_option_number(cli, "from", 1, INT64_MAX - 1, &from);
    steering.from = (uint64_t)from;
    if (status == PAWL_OK)
        status = pawl_workflow_steer(cli->store, &steering, &operation, &steered, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        pawli_api_put_steered(cli_object(cli), &steering, &steered);
        cli_object_end(cli);
    } else {
        cli_say(cli, "%s/%s %s: it was %s, and is %s%s", steering.kind, steering.id, done, steered.before,
                steered.after, steered.was_replayed ? " (replayed)" : "");
    }
    return PAWL_OK;
}

int cli_workflows_retry(struct cli *cli)
{
    return steer(cli, PAWL_STEER_RETRY, "retried", NULL);
}

int cli_workflows_stop(struct cli *cli)
{
    return steer(cli, PAWL_STEER_STOP, "stopped", NULL);
}

int cli_workflows_cancel(struct cli *cli)
{
    return steer(cli, PAWL_STEER_CANCEL, "cancelled", NULL);
}

int cli_workflows_pause(struct cli *cli)
{
    return steer(cli, PAWL_STEER_PAUSE, "paused", "paused by an operator");
}

int cli_workflows_resume(struct cli *cli)
{
    return steer(cli, PAWL_STEER_RESUME, "resumed", "resumed by an operator");
}

/* ---- kinds ---- */

int cli_kinds_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"KIND", COLUMN_LEFT}, {"POLICY", COLUMN_CUT}};
    struct cli_table table;
    pawl_kinds *kinds;
    int status = pawl_kinds_list(cli->store, &kinds, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_kinds_count(kinds); i++) {
        const pawl_kind_view *kind = pawl_kinds_get(kinds, i);
        if (cli->json) {
            pawli_api_put_kind(cli_object(cli), kind);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_put(&table, kind->name);
        cli_table_put(&table, kind->error ? kind->error : kind->policy);
    }
    pawl_kinds_free(kinds);
    return cli->json ? PAWL_OK : cli_table_end(&table, "nothing is set for any kind: each has the defaults");
}

int cli_kinds_set(struct cli *cli)
{
    pawl_setting *settings = NULL;
    size_t count = 0;
    const char *kind = cli_argument(cli, 0);
    pawl_operation operation = cli_operation(cli);
    int status = cli_read_settings(cli, NULL, NULL, pawl_kind_key, &settings, &count);
    if (status == PAWL_OK)
        status = pawl_kind_set(cli->store, kind, settings, count, &operation, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "kind", kind);
        pawli_json_put_string(out, "result", "set");
        cli_object_end(cli);
    } else {
        cli_say(cli, "kind %s set", kind);
    }
    return PAWL_OK;
}

/* ---- resources ---- */

static void put_resource(struct cli *cli, struct cli_table *table, const pawl_resource_view *view)
{
    char time[32];
    if (cli->json) {
        pawli_api_put_resource(cli_object(cli), view);
        cli_object_end(cli);
        return;
    }
    cli_table_row(table);
    cli_table_put(table, view->id);
    cli_table_put(table, view->kind);
    cli_table_put(table, view->error ? view->error : view->state);
    cli_table_put(table, view->holder);
    cli_table_format(table, "%" PRIu64, view->generation);
    cli_table_put(table, cli_time(view->updated_at_ms, time));
}

static const struct cli_column resource_columns[] = {{"RESOURCE", COLUMN_CUT}, {"KIND", COLUMN_CUT},
                                                     {"STATE", COLUMN_LEFT},   {"HOLDER", COLUMN_CUT},
                                                     {"MOVES", COLUMN_RIGHT},  {"SINCE", COLUMN_LEFT}};

int cli_resources_add(struct cli *cli)
{
    const char *id = cli_argument(cli, 0);
    pawl_resources *resources;
    int status = pawl_resource_add(cli->store, id, cli_option(cli, "kind"), &cli->error);
    if (status == PAWL_OK)
        status = pawl_resource_get(cli->store, id, &resources, &cli->error);
    if (status < 0)
        return status;
    const pawl_resource_view *view = pawl_resources_get(resources, 0);
    if (cli->json) {
        pawli_api_put_resource(cli_object(cli), view);
        cli_object_end(cli);
    } else {
        cli_say(cli, "resource %s is %s", view->id, view->state);
    }
    pawl_resources_free(resources);
    return PAWL_OK;
}

int cli_resources_list(struct cli *cli)
{
    pawl_resources_query query = {PAWL_RESOURCES_QUERY, .kind = cli_option(cli, "kind"),
                                  .state = cli_option(cli, "state"), .holder = cli_option(cli, "holder"),
                                  .after = cli_option(cli, "after")};
    struct cli_table table;
    pawl_resources *list;
    int64_t limit = 50;
    bool is_bad = false;
    int status = cli_option_number(cli, "limit", 1, LIMIT_LIST, &limit);
    query.limit = (uint32_t)limit;
    if (status == PAWL_OK)
        status = pawl_resources_list(cli->store, &query, &list, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, resource_columns, COUNT_OF(resource_columns));
    const pawl_resource_view *last = NULL;
    for (size_t i = 0; i < pawl_resources_count(list); i++) {
        last = pawl_resources_get(list, i);
        is_bad |= last->error != NULL;
        put_resource(cli, &table, last);
    }
    if (!cli->json)
        status = cli_table_end(&table, "no resources");
    if (pawl_resources_has_more(list) && last)
        cli_note(cli, "there are more: go on with --after %s", last->id);
    pawl_resources_free(list);
    if (status == PAWL_OK && is_bad)
        status = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "some of it cannot be read"), "run \"pawl verify\"");
    return status;
}

static void put_history(struct json_writer *out, const pawl_resources *resources)
{
    pawli_json_key(out, "history");
    pawli_json_open(out, '[');
    for (size_t i = 1; i < pawl_resources_count(resources); i++) {
        pawli_json_comma(out);
        pawli_json_open(out, '{');
        pawli_api_put_resource(out, pawl_resources_get(resources, i));
        pawli_json_close(out, '}');
    }
    pawli_json_close(out, ']');
}

int cli_resources_show(struct cli *cli)
{
    struct cli_table table;
    pawl_resources *resources;
    int status = pawl_resource_get(cli->store, cli_argument(cli, 0), &resources, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_api_put_resource(out, pawl_resources_get(resources, 0));
        put_history(out, resources);
        cli_object_end(cli);
    } else {
        const pawl_resource_view *view = pawl_resources_get(resources, 0);
        print_line(cli, "resource", view->id);
        print_line(cli, "kind", view->kind);
        print_line(cli, "state", view->state);
        print_line(cli, "holder", view->holder);
        cli_print("%s", "");
        cli_table_begin(&table, cli, resource_columns, COUNT_OF(resource_columns));
        for (size_t i = 1; i < pawl_resources_count(resources); i++)
            put_resource(cli, &table, pawl_resources_get(resources, i));
        status = cli_table_end(&table, "nothing was done to it");
    }
    pawl_resources_free(resources);
    return status;
}
