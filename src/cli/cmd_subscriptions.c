/* SPDX-License-Identifier: MIT */
/* subscriptions: durable positions of those who consume events. */
#include <inttypes.h>

#include "api/api.h"
#include "cli/commands.h"
#include "cli/table.h"

#define PAGE 1000

static int print(struct cli *cli, const char *name)
{
    pawl_subscriptions *list;
    int status = pawl_subscriptions_list(cli->store, name, &list, &cli->error);
    if (status < 0)
        return status;
    const pawl_subscription_view *view = pawl_subscriptions_get(list, 0);
    if (view && cli->json) {
        pawli_api_put_subscription(cli_object(cli), view);
        cli_object_end(cli);
    } else if (view) {
        cli_say(cli, "subscription %s stands behind %" PRIu64 ".%" PRIu32 ", %" PRIu64 " events behind", name,
                view->position.seq, view->position.index, view->behind);
    }
    pawl_subscriptions_free(list);
    return PAWL_OK;
}

/* ---- add ---- */

static int read_from(struct cli *cli, pawl_subscription_options *options)
{
    const char *from = cli_option(cli, "from");
    int64_t seq = 0;
    if (!from || strcmp(from, "beginning") == 0)
        return PAWL_OK;
    options->from = strcmp(from, "now") == 0 ? PAWL_FROM_NOW : PAWL_FROM_RECORD;
    int status = options->from == PAWL_FROM_NOW ? PAWL_OK : cli_number(cli, "from", from, 1, INT64_MAX - 1, &seq);
    options->seq = (uint64_t)seq;
    return status < 0 ? cli_hint(cli, status, "write beginning, now, or the number of a record") : PAWL_OK;
}

static int read_to(struct cli *cli, pawl_subscription_options *options)
{
    const char *to = cli_option(cli, "to"), *slash = to ? strchr(to, '/') : NULL;
    if (!to)
        return PAWL_OK;
    if (!slash)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--to \"%.60s\" is malformed", to), "write LANE/TARGET");
    options->lane = pawli_arena_text(&cli->arena, (struct text){to, (size_t)(slash - to)}).data;
    options->target = slash + 1;
    return options->lane ? PAWL_OK : pawli_no_memory(&cli->error);
}

int cli_subscriptions_add(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    pawl_subscription_options options = {PAWL_SUBSCRIPTION_OPTIONS, .name = name, .topic = cli_option(cli, "topic"),
                                         .key_prefix = cli_option(cli, "key-prefix")};
    int status = read_from(cli, &options);
    if (status == PAWL_OK)
        status = read_to(cli, &options);
    if (status == PAWL_OK)
        status = pawl_subscription_add(cli->store, &options, &cli->error);
    return status == PAWL_OK ? print(cli, name) : status;
}

/* ---- read ---- */

/* All that there is, from `after` on; where nothing was printed yet it is NULL. */
static int read_on(struct cli *cli, const char *name, pawl_cursor *after, bool *is_read, int64_t *left, int *damage)
{
    for (bool more = true; more && *left > 0;) {
        pawl_events *events;
        int status = pawl_subscription_read(cli->store, name, *is_read ? after : NULL,
                                            *left > PAGE ? PAGE : (uint32_t)*left, &events, &cli->error);
        if (status < 0)
            return status;
        for (size_t i = 0; i < pawl_events_count(events); i++, (*left)--) {
            const pawl_event_view *event = pawl_events_get(events, i);
            if (event->error)
                *damage = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "record %" PRIu64 " cannot be read", event->seq),
                                   "run \"pawl verify\"");
            cli_print_event(cli, event);
        }
        *after = pawl_events_next(events);
        *is_read = true;
        more = pawl_events_has_more(events);
        pawl_events_free(events);
    }
    return PAWL_OK;
}

int cli_subscriptions_read(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    int64_t left = INT64_MAX, wait_ms = 0;
    pawl_cursor after = {0, 0};
    bool is_read = false;
    int damage = PAWL_OK;
    int status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &left);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "wait", 0, INT64_MAX / 2, &wait_ms);
    int64_t limit = left, until = cli_monotonic_ms() + wait_ms;
    if (status == PAWL_OK)
        status = read_on(cli, name, &after, &is_read, &left, &damage);
    while (status >= 0 && left == limit && cli_monotonic_ms() < until) {
        status = pawl_journal_wait(cli->store, after.seq, until - cli_monotonic_ms(), &cli->error);
        if (status > 0)
            status = read_on(cli, name, &after, &is_read, &left, &damage);
    }
    return status < 0 ? status : damage;
}

int cli_subscriptions_ack(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    pawl_cursor cursor;
    int status = cli_cursor(cli, "SEQ.INDEX", cli_argument(cli, 1), &cursor);
    if (status == PAWL_OK)
        status = pawl_subscription_ack(cli->store, name, &cursor, &cli->error);
    return status == PAWL_OK ? print(cli, name) : status;
}

int cli_subscriptions_remove(struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    int status = pawl_subscription_remove(cli->store, name, &cli->error);
    if (status == PAWL_OK && cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "name", name);
        pawli_json_put_string(out, "result", "removed");
        cli_object_end(cli);
    } else if (status == PAWL_OK) {
        cli_say(cli, "subscription %s removed", name);
    }
    return status;
}

int cli_subscriptions_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"NAME", COLUMN_CUT},       {"TOPIC", COLUMN_CUT},
                                                {"PREFIX", COLUMN_CUT},     {"TO", COLUMN_CUT},
                                                {"POSITION", COLUMN_RIGHT}, {"BEHIND", COLUMN_RIGHT}};
    pawl_subscriptions *list;
    struct cli_table table;
    bool is_bad = false;
    int status = pawl_subscriptions_list(cli->store, NULL, &list, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_subscriptions_count(list); i++) {
        const pawl_subscription_view *view = pawl_subscriptions_get(list, i);
        is_bad |= view->error != NULL;
        if (cli->json) {
            pawli_api_put_subscription(cli_object(cli), view);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_put(&table, view->name);
        cli_table_put(&table, view->error ? view->error : view->topic);
        cli_table_put(&table, view->key_prefix);
        if (view->lane)
            cli_table_format(&table, "%s/%s", view->lane, view->target);
        else
            cli_table_put(&table, NULL);
        cli_table_format(&table, "%" PRIu64 ".%" PRIu32, view->position.seq, view->position.index);
        cli_table_format(&table, "%" PRIu64, view->behind);
    }
    pawl_subscriptions_free(list);
    if (!cli->json)
        status = cli_table_end(&table, "no subscriptions");
    if (status == PAWL_OK && is_bad)
        status = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "some of it cannot be read"), "run \"pawl verify\"");
    return status;
}
