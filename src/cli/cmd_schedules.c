/* SPDX-License-Identifier: MIT */
/* schedules: what happens again and again. */
#include <inttypes.h>

#include "api/api.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"

static void print_schedule(struct cli *cli, const pawl_schedule_view *view)
{
    pawli_api_put_schedule(cli_object(cli), view);
    cli_object_end(cli);
}

/* Its row, once something was done to it. */
static int print_done(struct cli *cli, const char *name, const char *done)
{
    pawl_schedules *schedules;
    if (!cli->json) {
        cli_say(cli, "schedule %s %s", name, done);
        return PAWL_OK;
    }
    int status = pawl_schedules_list(cli->store, name, &schedules, &cli->error);
    if (status < 0)
        return status;
    if (pawl_schedules_count(schedules)) {
        print_schedule(cli, pawl_schedules_get(schedules, 0));
    } else {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "name", name);
        pawli_json_put_string(out, "result", done);
        cli_object_end(cli);
    }
    pawl_schedules_free(schedules);
    return PAWL_OK;
}

/* ---- add ---- */

static int read_data(struct cli *cli, const char *option, const char *text, pawl_schedule *schedule,
                     struct text *ret_what)
{
    const char *equals = strchr(text, '=');
    struct text data = {0};
    *ret_what = pawli_arena_text(&cli->arena, (struct text){text, equals ? (size_t)(equals - text) : strlen(text)});
    int status = equals ? cli_body(cli, option, equals + 1, &data) : PAWL_OK;
    schedule->data = data.data;
    schedule->data_size = data.size;
    return status == PAWL_OK && !ret_what->data ? pawli_no_memory(&cli->error) : status;
}

static int read_what(struct cli *cli, pawl_schedule *schedule)
{
    const char *message = cli_option(cli, "message"), *start = cli_option(cli, "start");
    struct text what;
    if (!message == !start)
        return cli_hint(cli,
                        cli_fail(cli, PAWL_EINVAL, "--message and --start are %s", message ? "both given" : "missing"),
                        "say what happens: --message LANE/TARGET[=DATA], or --start KIND[=DATA]");
    int status = read_data(cli, message ? "message" : "start", message ? message : start, schedule, &what);
    if (status < 0)
        return status;
    if (start) {
        schedule->kind = what.data;
        return PAWL_OK;
    }
    char *slash = strchr(what.data, '/');
    if (!slash)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--message \"%.60s\" is malformed", message),
                        "write LANE/TARGET=DATA");
    *slash = '\0';
    schedule->lane = what.data;
    schedule->target = slash + 1;
    return PAWL_OK;
}

static int read_missed(struct cli *cli, pawl_schedule *schedule)
{
    const char *missed = cli_option(cli, "missed");
    if (!missed || pawli_api_missed_parse(missed, &schedule->missed))
        return PAWL_OK;
    return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "missed cannot be \"%.40s\"", missed), "use one, all or none");
}

int cli_schedules_add(struct cli *cli)
{
    int64_t catch_up = 0;
    pawl_operation operation = cli_operation(cli);
    pawl_schedule schedule = {PAWL_SCHEDULE, .name = cli_argument(cli, 0), .cron = cli_option(cli, "cron"),
                              .zone = cli_option(cli, "zone")};
    int status = cli_option_duration(cli, "every", 1, INT64_MAX / 4, &schedule.every_ms);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "jitter", 0, INT64_MAX / 4, &schedule.jitter_ms);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "catch-up", 1, LIMIT_CATCH_UP, &catch_up);
    if (status == PAWL_OK)
        status = read_missed(cli, &schedule);
    if (status == PAWL_OK)
        status = read_what(cli, &schedule);
    schedule.catch_up = (uint32_t)catch_up;
    if (status == PAWL_OK)
        status = pawl_schedule_add(cli->store, &schedule, &operation, &cli->error);
    return status == PAWL_OK ? print_done(cli, schedule.name, "added") : status;
}

int cli_schedules_pause(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    pawl_operation operation = cli_operation(cli);
    int status = pawl_schedule_pause(cli->store, name, &operation, &cli->error);
    return status == PAWL_OK ? print_done(cli, name, "paused") : status;
}

int cli_schedules_resume(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    pawl_operation operation = cli_operation(cli);
    int status = pawl_schedule_resume(cli->store, name, &operation, &cli->error);
    return status == PAWL_OK ? print_done(cli, name, "resumed") : status;
}

int cli_schedules_remove(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    pawl_operation operation = cli_operation(cli);
    int status = pawl_schedule_remove(cli->store, name, &operation, &cli->error);
    return status == PAWL_OK ? print_done(cli, name, "removed") : status;
}

/* ---- looking ---- */

static const char *when(struct cli *cli, const pawl_schedule_view *view)
{
    if (view->cron)
        return view->cron;
    return pawli_arena_format(&cli->arena, "every %" PRId64 " ms", view->every_ms).data;
}

static const char *what(struct cli *cli, const pawl_schedule_view *view)
{
    return view->kind ? pawli_arena_format(&cli->arena, "start %s", view->kind).data
                      : pawli_arena_format(&cli->arena, "%s/%s", view->lane, view->target).data;
}

int cli_schedules_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"NAME", COLUMN_CUT},  {"WHEN", COLUMN_CUT},  {"ZONE", COLUMN_CUT},
                                                {"WHAT", COLUMN_CUT},  {"NEXT", COLUMN_LEFT}, {"FIRED", COLUMN_RIGHT},
                                                {"PAUSED", COLUMN_CUT}};
    struct cli_table table;
    pawl_schedules *schedules;
    char time[32];
    int status = pawl_schedules_list(cli->store, NULL, &schedules, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_schedules_count(schedules); i++) {
        const pawl_schedule_view *view = pawl_schedules_get(schedules, i);
        if (cli->json) {
            print_schedule(cli, view);
            continue;
        }
        bool is_readable = view->cron || view->every_ms;
        cli_table_row(&table);
        cli_table_put(&table, view->name);
        cli_table_put(&table, is_readable ? when(cli, view) : view->error);
        cli_table_put(&table, view->zone);
        cli_table_put(&table, is_readable ? what(cli, view) : NULL);
        cli_table_put(&table, view->next_ms[0] ? cli_age(view->next_ms[0], time) : view->error ? "never" : NULL);
        cli_table_format(&table, "%" PRIu64, view->fired);
        cli_table_put(&table, view->paused_reason);
    }
    pawl_schedules_free(schedules);
    return cli->json ? PAWL_OK : cli_table_end(&table, "no schedules");
}

static void show_in_words(struct cli *cli, const pawl_schedule_view *view)
{
    char time[32];
    cli_print("%-10s %s", "schedule", view->name);
    if (view->error)
        cli_print("%-10s %s", "error", view->error);
    if (!view->cron && !view->every_ms)
        return;
    cli_print("%-10s %s", "when", when(cli, view));
    if (view->zone)
        cli_print("%-10s %s", "zone", view->zone);
    cli_print("%-10s %s", "what", what(cli, view));
    cli_print("%-10s %s", "data", cli_safe(&cli->arena, (struct text){view->data, view->data_size}).data);
    cli_print("%-10s %s", "missed", pawli_api_missed(view->missed));
    if (view->jitter_ms)
        cli_print("%-10s %" PRId64 " ms", "jitter", view->jitter_ms);
    cli_print("%-10s %" PRIu64, "fired", view->fired);
    if (view->last_slot_ms)
        cli_print("%-10s %s", "last slot", cli_time(view->last_slot_ms, time));
    if (view->paused_reason)
        cli_print("%-10s %s", "paused", cli_safe(&cli->arena, text_of(view->paused_reason)).data);
    for (size_t i = 0; i < COUNT_OF(view->next_ms) && view->next_ms[i]; i++)
        cli_print("%-10s %s", i ? "" : "next", cli_time(view->next_ms[i], time));
}

int cli_schedules_show(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    pawl_schedules *schedules;
    int status = pawl_schedules_list(cli->store, name, &schedules, &cli->error);
    if (status < 0)
        return status;
    const pawl_schedule_view *view = pawl_schedules_get(schedules, 0);
    if (!view)
        status = cli_hint(cli, cli_fail(cli, PAWL_ENOTFOUND, "no schedule is called \"%s\"", name),
                          "see \"pawl schedules list\"");
    else if (cli->json)
        print_schedule(cli, view);
    else
        show_in_words(cli, view);
    pawl_schedules_free(schedules);
    return status;
}
