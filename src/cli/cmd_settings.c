/* SPDX-License-Identifier: MIT */
/* Policies of lanes, targets, and what is held. */
#include <unistd.h>

#include "api/api.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"

/* KEY=VALUE, from the arguments behind the first, or from an option that repeats. */
static int read_setting(struct cli *cli, const char *text, pawl_setting *setting)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "\"%.60s\" is not KEY=VALUE", text),
                        "such as max_attempts=5; an empty value unsets the key; see \"pawl help lanes set\"");
    setting->key = pawli_arena_text(&cli->arena, (struct text){text, (size_t)(equals - text)}).data;
    setting->value = equals + 1;
    return setting->key ? PAWL_OK : pawli_no_memory(&cli->error);
}

static void print_done(struct cli *cli, const char *noun, const char *name, const char *what)
{
    if (cli->json) {
        char id[PAWL_UUID_TEXT_SIZE];
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, noun, name);
        pawli_json_put_string(out, "result", what);
        pawli_json_put_string(out, "request_id", pawl_uuid_format(&cli->request_id, id));
        cli_object_end(cli);
    }
    cli_say(cli, "%s %s %s", noun, name, what);
}

/* ---- lanes ---- */

int cli_lanes_set(struct cli *cli)
{
    size_t count = cli->argument_count - 1;
    pawl_operation operation = cli_operation(cli);
    pawl_setting *settings = arena_array(&cli->arena, pawl_setting, count);
    if (!settings)
        return pawli_no_memory(&cli->error);
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < count; i++)
        status = read_setting(cli, cli_argument(cli, i + 1), &settings[i]);
    if (status == PAWL_OK)
        status = pawl_lane_set(cli->store, cli_argument(cli, 0), settings, count, &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "lane", cli_argument(cli, 0), "set");
    return status;
}

int cli_lanes_pause(struct cli *cli)
{
    pawl_operation operation = cli_operation(cli);
    pawl_subject subject = {PAWL_SUBJECT, .lane = cli_argument(cli, 0)};
    if (!operation.reason)
        operation.reason = "paused by an operator";
    int status = pawl_hold_set(cli->store, &subject, "paused", 0, &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "lane", subject.lane, "paused");
    return status;
}

int cli_lanes_resume(struct cli *cli)
{
    pawl_operation operation = cli_operation(cli);
    pawl_subject subject = {PAWL_SUBJECT, .lane = cli_argument(cli, 0)};
    if (!operation.reason)
        operation.reason = "resumed by an operator";
    int status = pawl_hold_release(cli->store, &subject, "paused", &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "lane", subject.lane, "resumed");
    return status;
}

/* The code of the hold on a lane: NULL where there is none. */
static const char *hold_of_lane(const pawl_settings *holds, const char *lane)
{
    for (size_t i = 0; i < pawl_settings_count(holds); i++) {
        const pawl_hold_view *hold = pawl_settings_hold(holds, i);
        if (strcmp(hold->kind, "lane") == 0 && strcmp(hold->lane, lane) == 0)
            return hold->code;
    }
    return NULL;
}

int cli_lanes_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"LANE", COLUMN_LEFT}, {"HELD", COLUMN_LEFT}, {"POLICY", COLUMN_CUT}};
    pawl_settings *lanes, *holds = NULL;
    struct cli_table table;
    int status = pawl_lanes_list(cli->store, &lanes, &cli->error);
    if (status < 0)
        return status;
    status = pawl_holds_list(cli->store, &holds, &cli->error);
    if (status == PAWL_OK && !cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; status == PAWL_OK && i < pawl_settings_count(lanes); i++) {
        const pawl_lane_view *lane = pawl_settings_lane(lanes, i);
        const char *held = hold_of_lane(holds, lane->name);
        if (cli->json) {
            struct json_writer *out = cli_object(cli);
            pawli_api_put_lane(out, lane);
            pawli_json_put_string(out, "held", held);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_put(&table, lane->name);
        cli_table_put(&table, held ? held : "-");
        cli_table_put(&table, lane->policy);
    }
    if (status == PAWL_OK && !cli->json)
        status = cli_table_end(&table, "no lanes");
    pawl_settings_free(holds);
    pawl_settings_free(lanes);
    return status;
}

/* ---- targets ---- */

/* The server that reads the file later runs elsewhere: a relative path is made whole here. */
static int whole_path(struct cli *cli, const char *path, const char **ret_path)
{
    char folder[PATH_MAX];
    *ret_path = path;
    if (!path || *path == '/')
        return PAWL_OK;
    if (!*path || !getcwd(folder, sizeof folder))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "secret-file is blank, or the current folder is gone"),
                        "name a file by its whole path");
    *ret_path = pawli_arena_format(&cli->arena, "%s/%s", folder, path).data;
    return *ret_path ? PAWL_OK : pawli_no_memory(&cli->error);
}

int cli_targets_add(struct cli *cli)
{
    const char *text, *secret_file;
    pawl_setting *settings = NULL;
    size_t count = 0, room = 0;
    pawl_operation operation = cli_operation(cli);
    int status = whole_path(cli, cli_option(cli, "secret-file"), &secret_file);
    for (size_t at = 0; status == PAWL_OK && (text = cli_option_next(cli, "set", &at));) {
        if (!pawli_arena_reserve(&cli->arena, (void **)&settings, sizeof *settings, count + 1, &room))
            return pawli_no_memory(&cli->error);
        status = read_setting(cli, text, &settings[count++]);
    }
    if (status == PAWL_OK)
        status = pawl_target_add(cli->store, cli_argument(cli, 0), cli_argument(cli, 1), secret_file, settings, count,
                                 &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "target", cli_argument(cli, 0), "added");
    return status;
}

int cli_targets_remove(struct cli *cli)
{
    pawl_operation operation = cli_operation(cli);
    int status = pawl_target_remove(cli->store, cli_argument(cli, 0), &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "target", cli_argument(cli, 0), "removed");
    return status;
}

int cli_targets_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"TARGET", COLUMN_LEFT}, {"URL", COLUMN_CUT}, {"SECRET", COLUMN_CUT}, {"POLICY", COLUMN_CUT}};
    pawl_settings *settings;
    struct cli_table table;
    int status = pawl_targets_list(cli->store, &settings, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_settings_count(settings); i++) {
        const pawl_target_view *target = pawl_settings_target(settings, i);
        if (cli->json) {
            pawli_api_put_target(cli_object(cli), target);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_put(&table, target->name);
        cli_table_put(&table, target->url);
        cli_table_put(&table, target->secret_file);
        cli_table_put(&table, target->policy);
    }
    status = cli->json ? PAWL_OK : cli_table_end(&table, "no targets");
    pawl_settings_free(settings);
    return status;
}

/* ---- holds ---- */

static const char *subject_text(struct cli *cli, const pawl_hold_view *hold)
{
    char id[PAWL_UUID_TEXT_SIZE];
    if (!uuid_is_nil(&hold->message))
        return pawli_arena_format(&cli->arena, "%s", pawl_uuid_format(&hold->message, id)).data;
    return pawli_arena_format(&cli->arena, "%s%s%s", hold->lane ? hold->lane : "",
                              hold->lane && hold->target ? "/" : "", hold->target ? hold->target : "")
        .data;
}

int cli_holds_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"KIND", COLUMN_LEFT},  {"WHAT", COLUMN_LEFT}, {"CODE", COLUMN_LEFT},
                                                {"UNTIL", COLUMN_LEFT}, {"BY", COLUMN_CUT},    {"REASON", COLUMN_CUT}};
    pawl_settings *settings;
    struct cli_table table;
    char until[32];
    int status = pawl_holds_list(cli->store, &settings, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_settings_count(settings); i++) {
        const pawl_hold_view *hold = pawl_settings_hold(settings, i);
        if (cli->json) {
            pawli_api_put_hold(cli_object(cli), hold);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_put(&table, hold->kind);
        cli_table_put(&table, subject_text(cli, hold));
        cli_table_put(&table, hold->code);
        cli_table_put(&table, cli_time(hold->until_ms, until));
        cli_table_put(&table, hold->by);
        cli_table_put(&table, hold->reason);
    }
    status = cli->json ? PAWL_OK : cli_table_end(&table, "nothing is held");
    pawl_settings_free(settings);
    return status;
}

/* A message's own hold says what is to be done about it; none is just released. */
static int refuse_message(struct cli *cli, const char *text)
{
    pawl_uuid id;
    pawl_messages *messages;
    int status = cli_message_id(cli, "message", text, &id);
    if (status == PAWL_OK)
        status = pawl_message_get(cli->store, &id, &messages, &cli->error);
    if (status < 0)
        return status;
    const pawl_message_view *message = pawl_messages_get(messages, 0);
    if (!message->hold)
        status = cli_hint(cli, cli_fail(cli, PAWL_ENOTFOUND, "nothing holds this message"), "ask \"pawl why %s\"",
                          text);
    else
        status = cli_hint(cli,
                          cli_fail(cli, PAWL_EREFUSED, "a message that is held as %s is not released", message->hold),
                          strcmp(message->hold, "exhausted") == 0 ? "run \"pawl messages requeue\" or \"cancel\" on it"
                                                                  : "run \"pawl messages resolve\" on it");
    pawl_messages_free(messages);
    return status;
}

int cli_holds_release(struct cli *cli)
{
    const char *message = cli_option(cli, "message");
    pawl_operation operation = cli_operation(cli);
    pawl_subject subject = {PAWL_SUBJECT, .lane = cli_option(cli, "lane"), .target = cli_option(cli, "target")};
    if (message && (subject.lane || subject.target))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--message stands beside --lane or --target"),
                        "name one thing: a lane, a target, both (their queue), a message, or none (the store)");
    if (message)
        return refuse_message(cli, message);
    int status = pawl_hold_release(cli->store, &subject, NULL, &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "hold",
                   subject.lane && subject.target
                       ? pawli_arena_format(&cli->arena, "of %s/%s", subject.lane, subject.target).data
                   : subject.lane   ? subject.lane
                   : subject.target ? subject.target
                                    : "of the store",
                   "released");
    return status;
}
