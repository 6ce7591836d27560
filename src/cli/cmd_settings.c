/* SPDX-License-Identifier: MIT */
/* Policies of lanes, targets, and what is held. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "base/json.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"
#include "model/preset.h"
#include "sink/sink.h"

/* KEY=VALUE, from the arguments behind the first, or from an option that repeats. `others`: keys that are none of a policy. */
typedef const char *keys_fn(size_t index, const char **ret_default, const char **ret_meaning);

static int read_setting(struct cli *cli, const char *text, const char *const *others, keys_fn *key_of,
                        pawl_setting *setting)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "\"%.60s\" is not KEY=VALUE", text),
                        "such as max_attempts=5; an empty value unsets the key; see \"pawl help lanes set\"");
    setting->key = pawli_arena_text(&cli->arena, (struct text){text, (size_t)(equals - text)}).data;
    setting->value = equals + 1;
    if (!setting->key)
        return pawli_no_memory(&cli->error);
    const char *key = PRESET_KEY;
    struct cli_nearest nearest = {.word = setting->key};
    if (strcmp(key, setting->key) == 0)
        return PAWL_OK;
    cli_nearest_offer(&nearest, key);
    for (; others && *others; others++)
        if (strcmp(*others, setting->key) == 0)
            return PAWL_OK;
    for (size_t i = 0; (key = key_of(i, NULL, NULL)); i++) {
        if (strcmp(key, setting->key) == 0)
            return PAWL_OK;
        cli_nearest_offer(&nearest, key);
    }
    return nearest.found
               ? cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "no key of a policy is called \"%.60s\"", setting->key),
                          "did you mean %s?", nearest.found)
               : PAWL_OK; /* the library says what there is */
}

/* KEY=VALUE of the option, or of the arguments behind the first. */
int cli_read_settings(struct cli *cli, const char *option, const char *const *others, keys_fn *key_of,
                      pawl_setting **settings, size_t *count)
{
    const char *text;
    size_t room = 0;
    int status = PAWL_OK;
    for (size_t at = 0;
         status == PAWL_OK && (text = option ? cli_option_next(cli, option, &at) : cli_argument(cli, ++at));) {
        if (!pawli_arena_reserve(&cli->arena, (void **)settings, sizeof **settings, *count + 1, &room))
            return pawli_no_memory(&cli->error);
        status = read_setting(cli, text, others, key_of, &(*settings)[(*count)++]);
    }
    return status;
}

/* Those of a target, and its headers: NAME:VALUE, and NAME: takes it away. */
static int read_target_settings(struct cli *cli, const char *option, pawl_setting **ret_settings, size_t *ret_count)
{
    const char *text;
    pawl_setting *settings = NULL;
    size_t count = 0, headers = 0;
    static const char *const places[] = {"probe", "poll", NULL};
    int status = cli_read_settings(cli, option, places, pawl_policy_key, &settings, &count);
    if (status < 0)
        return status;
    for (size_t at = 0; cli_option_next(cli, "header", &at);)
        headers++;
    pawl_setting *all = arena_array(&cli->arena, pawl_setting, count + headers + 1);
    if (!all)
        return pawli_no_memory(&cli->error);
    if (count)
        memcpy(all, settings, count * sizeof *all);
    for (size_t at = 0; (text = cli_option_next(cli, "header", &at)); count++) {
        const char *colon = strchr(text, ':');
        if (!colon)
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--header \"%.60s\" is malformed", text),
                            "write NAME:VALUE, such as x-tenant:7; NAME: takes it away");
        all[count].key = pawli_arena_format(&cli->arena, "header:%.*s", (int)(colon - text), text).data;
        all[count].value = colon + 1 + strspn(colon + 1, " ");
        if (!all[count].key)
            return pawli_no_memory(&cli->error);
    }
    *ret_settings = all;
    *ret_count = count;
    return PAWL_OK;
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
    pawl_setting *settings = NULL;
    size_t count = 0;
    pawl_operation operation = cli_operation(cli);
    int status = cli_read_settings(cli, NULL, NULL, pawl_policy_key, &settings, &count);
    if (status == PAWL_OK)
        status = pawl_lane_set(cli->store, cli_argument(cli, 0), settings, count, &operation, &cli->error);
    if (status == PAWL_OK)
        print_done(cli, "lane", cli_argument(cli, 0), "set");
    if (status == PAWL_OK)
        cli_note_unknown(cli, CLI_LANE, cli->scope, cli_argument(cli, 0));
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
    if (status == PAWL_OK)
        cli_note_unknown(cli, CLI_LANE, cli->scope, subject.lane);
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

/* A lane is what has messages, a policy or a hold. */
struct lane {
    const char *name, *policy, *held;
    uint64_t open, dead;
};

struct lanes {
    struct arena *arena;
    struct lane *at;
    size_t count, room;
};

static struct lane *lane_of(struct lanes *lanes, const char *name)
{
    for (size_t i = 0; i < lanes->count; i++)
        if (strcmp(lanes->at[i].name, name) == 0)
            return &lanes->at[i];
    if (!pawli_arena_reserve(lanes->arena, (void **)&lanes->at, sizeof *lanes->at, lanes->count + 1, &lanes->room))
        return NULL;
    lanes->at[lanes->count] = (struct lane){.name = pawli_arena_text(lanes->arena, text_of(name)).data, .policy = "{}"};
    return &lanes->at[lanes->count++];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lane *)a)->name, ((const struct lane *)b)->name);
}

static int gather_lanes(struct cli *cli, struct lanes *lanes)
{
    pawl_settings *policies = NULL, *holds = NULL;
    pawl_stats *stats = NULL;
    struct lane *lane;
    int status = pawl_lanes_list(cli->store, &policies, &cli->error);
    if (status == PAWL_OK)
        status = pawl_holds_list(cli->store, &holds, &cli->error);
    if (status == PAWL_OK)
        status = pawl_stats_read(cli->store, NULL, NULL, &stats, &cli->error);
    for (size_t i = 0; status == PAWL_OK && i < pawl_settings_count(policies); i++) {
        const pawl_lane_view *view = pawl_settings_lane(policies, i);
        if ((lane = lane_of(lanes, view->name)))
            lane->policy = pawli_arena_text(lanes->arena, text_of(view->policy)).data;
    }
    for (size_t i = 0; status == PAWL_OK && i < pawl_settings_count(holds); i++) {
        const pawl_hold_view *hold = pawl_settings_hold(holds, i);
        if (strcmp(hold->kind, "lane") == 0 && (lane = lane_of(lanes, hold->lane)))
            lane->held = pawli_arena_text(lanes->arena, text_of(hold->code)).data;
    }
    for (size_t i = 0; status == PAWL_OK && i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        if (!(lane = lane_of(lanes, queue->lane)))
            break;
        lane->open += queue->pending + queue->claimed + queue->awaiting + queue->uncertain;
        lane->dead += queue->dead;
    }
    pawl_stats_free(stats);
    pawl_settings_free(holds);
    pawl_settings_free(policies);
    if (status == PAWL_OK && pawli_arena_failed(lanes->arena))
        status = pawli_no_memory(&cli->error);
    if (status == PAWL_OK && lanes->count)
        qsort(lanes->at, lanes->count, sizeof *lanes->at, by_name);
    return status;
}

int cli_lanes_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"LANE", COLUMN_LEFT},
                                                {"HELD", COLUMN_LEFT},
                                                {"OPEN", COLUMN_RIGHT},
                                                {"DEAD", COLUMN_RIGHT},
                                                {"POLICY", COLUMN_CUT}};
    struct lanes lanes = {.arena = &cli->arena};
    struct cli_table table;
    int status = gather_lanes(cli, &lanes);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < lanes.count; i++) {
        const struct lane *lane = &lanes.at[i];
        if (cli->json) {
            struct json_writer *out = cli_object(cli);
            pawli_api_put_lane(out, &(pawl_lane_view){.name = lane->name, .policy = lane->policy});
            pawli_json_put_string(out, "held", lane->held);
            pawli_json_put_u64(out, "open", lane->open);
            pawli_json_put_u64(out, "dead", lane->dead);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_put(&table, lane->name);
        cli_table_put(&table, lane->held ? lane->held : "-");
        cli_table_format(&table, "%" PRIu64, lane->open);
        cli_table_format(&table, "%" PRIu64, lane->dead);
        cli_table_put(&table, lane->policy);
    }
    return cli->json ? PAWL_OK : cli_table_end(&table, "no lanes");
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

/* It is read by the process that serves, which may be another user's: here it is only said. */
static void note_unreadable(struct cli *cli, const char *url, const char *secret_file)
{
    struct secret *secret = NULL;
    pawl_error error;
    if (!secret_file || !*secret_file || !url)
        return;
    if (pawli_secret_read(secret_file, pawli_secret_use(url), &secret, &error) < 0)
        cli_note(cli, "%s: until the process that serves can read it, nothing is sent there", error.text);
    pawli_secret_release(secret);
}

/* Of --url, or of the arguments behind the first. */
static int read_urls(struct cli *cli, const char *option, pawl_route *route)
{
    const char **urls = NULL, *text;
    size_t room = 0;
    for (size_t at = 0; (text = option ? cli_option_next(cli, option, &at) : cli_argument(cli, ++at));) {
        if (!pawli_arena_reserve(&cli->arena, (void **)&urls, sizeof *urls, route->url_count + 1, &room))
            return pawli_no_memory(&cli->error);
        urls[route->url_count++] = text;
    }
    route->urls = urls;
    return PAWL_OK;
}

static void print_route(struct cli *cli, const pawl_route *route, const char *what)
{
    struct text of = route->sender ? pawli_arena_format(&cli->arena, " (sender %s)", route->sender) : TEXT("");
    if (!route->sender || cli->json)
        print_done(cli, "target", route->target, what);
    else
        cli_say(cli, "target %s%.*s %s", route->target, TEXT_ARG(of), what);
}

/* Where a target is, or the first of its URLs; NULL: nowhere. */
static const char *url_of(struct cli *cli, const char *name)
{
    pawl_settings *targets;
    const char *url = NULL;
    if (pawl_targets_list(cli->store, &targets, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < pawl_settings_count(targets); i++) {
        const pawl_target_view *target = pawl_settings_target(targets, i);
        if (strcmp(target->name, name) == 0 && target->url)
            url = pawli_arena_text(&cli->arena, text_of(target->url)).data;
    }
    pawl_settings_free(targets);
    return url;
}

int cli_targets_add(struct cli *cli)
{
    pawl_route route = {PAWL_ROUTE, .target = cli_argument(cli, 0), .sender = cli_option(cli, "sender")};
    pawl_setting *settings = NULL;
    pawl_operation operation = cli_operation(cli);
    int status = whole_path(cli, cli_option(cli, "secret-file"), &route.secret_file);
    if (status == PAWL_OK)
        status = read_target_settings(cli, "set", &settings, &route.setting_count);
    if (status == PAWL_OK)
        status = read_urls(cli, NULL, &route);
    route.settings = settings;
    if (status == PAWL_OK)
        status = pawl_route_add(cli->store, &route, &operation, &cli->error);
    if (status == PAWL_OK)
        print_route(cli, &route, "added");
    if (status == PAWL_OK)
        note_unreadable(cli, route.url_count ? route.urls[0] : NULL, route.secret_file);
    return status;
}

int cli_targets_set(struct cli *cli)
{
    const char *secret_file = cli_option(cli, "secret-file");
    pawl_route route = {PAWL_ROUTE, .target = cli_argument(cli, 0), .sender = cli_option(cli, "sender")};
    pawl_setting *settings = NULL;
    pawl_operation operation = cli_operation(cli);
    int status = secret_file && !*secret_file ? PAWL_OK : whole_path(cli, secret_file, &secret_file);
    if (status == PAWL_OK)
        status = read_target_settings(cli, NULL, &settings, &route.setting_count);
    if (status == PAWL_OK)
        status = read_urls(cli, "url", &route);
    route.settings = settings;
    route.secret_file = secret_file;
    if (status == PAWL_OK && route.url_count == 0 && !secret_file && route.setting_count == 0)
        status = cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "what shall be set is missing"),
                          "give --url, --secret-file, --header or KEY=VALUE");
    if (status == PAWL_OK)
        status = pawl_route_set(cli->store, &route, &operation, &cli->error);
    if (status == PAWL_OK)
        print_route(cli, &route, "set");
    if (status == PAWL_OK)
        cli_note_unknown(cli, CLI_TARGET, cli->scope, route.target);
    if (status == PAWL_OK && secret_file)
        note_unreadable(cli, route.url_count ? route.urls[0] : url_of(cli, route.target), secret_file);
    return status;
}

int cli_targets_remove(struct cli *cli)
{
    pawl_route route = {PAWL_ROUTE, .target = cli_argument(cli, 0), .sender = cli_option(cli, "sender")};
    pawl_operation operation = cli_operation(cli);
    int status = route.sender ? pawl_sender_remove(cli->store, route.target, route.sender, &operation, &cli->error)
                              : pawl_target_remove(cli->store, route.target, &operation, &cli->error);
    if (status == PAWL_OK)
        print_route(cli, &route, "removed");
    return status;
}

static void put_senders(struct json_writer *out, const char *target, const pawl_settings *senders)
{
    bool any = false;
    const pawl_sender_view *sender;
    for (size_t i = 0; (sender = pawl_settings_sender(senders, i)); i++) {
        if (!sender->target || strcmp(sender->target, target) != 0)
            continue;
        if (!any)
            pawli_json_key(out, "senders");
        any ? pawli_json_comma(out) : pawli_json_open(out, '[');
        any = true;
        pawli_json_open(out, '{');
        pawli_api_put_sender(out, sender);
        pawli_json_close(out, '}');
    }
    if (any)
        pawli_json_close(out, ']');
}

static const char *url_text(struct cli *cli, const char *url, const char *urls)
{
    struct text all = text_of(urls), item;
    size_t count = 0;
    struct json_walk walk = pawli_json_walk(all.data ? all : TEXT("[]"));
    while (pawli_json_item(&walk, &item))
        count++;
    return count > 1 ? pawli_arena_format(&cli->arena, "%s (and %zu more)", url, count - 1).data : url;
}

static void list_senders(struct cli *cli, struct cli_table *table, const char *target, const pawl_settings *senders)
{
    const pawl_sender_view *sender;
    for (size_t i = 0; (sender = pawl_settings_sender(senders, i)); i++) {
        if (!sender->target || strcmp(sender->target, target) != 0)
            continue;
        cli_table_row(table);
        cli_table_put(table, target);
        cli_table_put(table, sender->sender);
        cli_table_put(table, sender->removed_at_ms ? "(removed)" : url_text(cli, sender->url, sender->urls));
        cli_table_put(table, NULL);
        cli_table_put(table, NULL);
        cli_table_put(table, sender->secret_file);
        cli_table_put(table, NULL);
    }
}

static void list_target(struct cli *cli, struct cli_table *table, const pawl_target_view *target,
                        const pawl_settings *senders)
{
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_api_put_target(out, target);
        put_senders(out, target->name, senders);
        cli_object_end(cli);
        return;
    }
    cli_table_row(table);
    cli_table_put(table, target->name);
    cli_table_put(table, NULL);
    cli_table_put(table, url_text(cli, target->url, target->urls));
    cli_table_put(table, target->probe);
    cli_table_put(table, target->poll);
    cli_table_put(table, target->secret_file);
    cli_table_put(table, target->policy);
    list_senders(cli, table, target->name, senders);
}

int cli_targets_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"TARGET", COLUMN_LEFT},
                                                {"SENDER", COLUMN_CUT | COLUMN_RARE},
                                                {"URL", COLUMN_CUT},
                                                {"PROBE", COLUMN_CUT | COLUMN_RARE},
                                                {"POLL", COLUMN_CUT | COLUMN_RARE},
                                                {"SECRET", COLUMN_CUT},
                                                {"POLICY", COLUMN_CUT}};
    pawl_settings *targets = NULL, *senders = NULL;
    struct cli_table table;
    int status = pawl_targets_list(cli->store, &targets, &cli->error);
    if (status == PAWL_OK)
        status = pawl_senders_list(cli->store, NULL, &senders, &cli->error);
    if (status == PAWL_OK && !cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; status == PAWL_OK && i < pawl_settings_count(targets); i++)
        list_target(cli, &table, pawl_settings_target(targets, i), senders);
    if (status == PAWL_OK && !cli->json)
        status = cli_table_end(&table, "no targets");
    pawl_settings_free(senders);
    pawl_settings_free(targets);
    return status;
}

/* ---- holds ---- */

static const char *subject_text(struct cli *cli, const pawl_hold_view *hold)
{
    char id[32];
    if (!uuid_is_nil(&hold->message))
        return pawli_arena_format(&cli->arena, "%s", cli_short_id(&hold->message, id)).data;
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
        status = cli_hint(
            cli, cli_fail(cli, PAWL_EREFUSED, "a message that is held as %s is not released", message->hold),
            strcmp(message->state, "pending") == 0 ? "run \"pawl messages retry\", \"requeue\" or \"cancel\" on it"
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
