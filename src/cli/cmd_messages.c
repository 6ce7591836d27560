/* SPDX-License-Identifier: MIT */
/* Messages as an operator sees and moves them. */
#include <inttypes.h>

#include "api/api.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/message_json.h"

#define PAGE 500

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* ---- reading ---- */

/* What there is to say about it in one cell. */
static const char *note_of(struct cli *cli, const pawl_message_view *message)
{
    char time[32];
    if (message->hold)
        return pawli_arena_format(&cli->arena, "held: %s", message->hold).data;
    if (message->claimed_by)
        return pawli_arena_format(&cli->arena, "by %s", message->claimed_by).data;
    if (message->error_text && *message->error_text)
        return message->error_text;
    if (message->ended_reason)
        return message->ended_reason;
    if (message->available_at_ms > message->updated_at_ms)
        return pawli_arena_format(&cli->arena, "due %s", cli_time(message->available_at_ms, time)).data;
    return message->key;
}

static void put_message_row(struct cli_table *table, struct cli *cli, const pawl_message_view *message)
{
    char id[PAWL_UUID_TEXT_SIZE];
    cli_table_row(table);
    cli_table_put(table, pawl_uuid_format(&message->id, id));
    cli_table_put(table, message->state);
    cli_table_format(table, "%" PRIu32, message->attempts);
    cli_table_format(table, "%s/%s", message->lane, message->target);
    cli_table_put(table, note_of(cli, message));
}

static void print_json(struct cli *cli, const pawl_message_view *message)
{
    pawli_message_json(cli_object(cli), message);
    cli_object_end(cli);
}

static int list_pages(struct cli *cli, pawl_messages_query *query, int64_t left, struct cli_table *table)
{
    for (bool more = true; more && left > 0;) {
        pawl_messages *messages;
        query->limit = left > PAGE ? PAGE : (uint32_t)left;
        int status = pawl_messages_list(cli->store, query, &messages, &cli->error);
        if (status < 0)
            return status;
        for (size_t i = 0; i < pawl_messages_count(messages); i++, left--) {
            const pawl_message_view *message = pawl_messages_get(messages, i);
            query->before = message->id;
            if (cli->json)
                print_json(cli, message);
            else
                put_message_row(table, cli, message);
        }
        more = pawl_messages_has_more(messages);
        pawl_messages_free(messages);
    }
    return PAWL_OK;
}

int cli_messages_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"ID", COLUMN_LEFT},
                                                {"STATE", COLUMN_LEFT},
                                                {"TRIES", COLUMN_RIGHT},
                                                {"QUEUE", COLUMN_CUT},
                                                {"NOTE", COLUMN_CUT}};
    int64_t left = 50;
    struct cli_table table = {0};
    pawl_messages_query query = {PAWL_MESSAGES_QUERY, .lane = cli_option(cli, "lane"),
                                 .target = cli_option(cli, "target"), .state = cli_option(cli, "state"),
                                 .key = cli_option(cli, "key")};
    int status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &left);
    if (status < 0)
        return status;
    if (cli->json)
        return list_pages(cli, &query, left, NULL);
    cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    status = list_pages(cli, &query, left, &table);
    int printed = cli_table_end(&table);
    return status < 0 ? status : printed;
}

static void print_attempts(struct cli *cli, const pawl_messages *messages)
{
    char began[32];
    for (size_t i = 0; i < pawl_messages_attempt_count(messages); i++) {
        const pawl_attempt *attempt = pawl_messages_attempt(messages, i);
        cli_field(i == 0 ? "attempts kept" : "",
                  pawli_arena_format(&cli->arena, "%" PRIu32 "  %s  %s  %s  %s", attempt->number,
                                     cli_time(attempt->began_at_ms, began), or_empty(attempt->worker),
                                     or_empty(attempt->verdict), or_empty(attempt->text))
                      .data);
    }
}

static void print_time(const char *name, int64_t ms)
{
    char time[32];
    if (ms)
        cli_field(name, cli_time(ms, time));
}

static void print_message(struct cli *cli, const pawl_message_view *message)
{
    char id[PAWL_UUID_TEXT_SIZE];
    struct arena *arena = &cli->arena;
    cli_field("id", pawl_uuid_format(&message->id, id));
    cli_field("queue", pawli_arena_format(arena, "%s/%s", message->lane, message->target).data);
    cli_field("state", message->state);
    cli_field("held", message->hold);
    cli_field("attempts", pawli_arena_format(arena, "%" PRIu32, message->attempts).data);
    if (message->deferrals)
        cli_field("deferrals", pawli_arena_format(arena, "%" PRIu32, message->deferrals).data);
    cli_field("key", message->key);
    cli_field("dedupe", message->dedupe);
    if (!uuid_is_nil(&message->request_id))
        cli_field("request id", pawl_uuid_format(&message->request_id, id));
    cli_field("sender", message->sender);
    cli_field("priority", pawli_arena_format(arena, "%" PRId32, message->priority).data);
    print_time("created", message->created_at_ms);
    print_time("updated", message->updated_at_ms);
    print_time("due", message->available_at_ms);
    print_time("expires", message->expires_at_ms);
    cli_field("claimed by", message->claimed_by);
    print_time("lease until", message->lease_until_ms);
    if (message->error_class)
        cli_field("last error", pawli_arena_format(arena, "%s%s%s", message->error_class,
                                                   message->error_text && *message->error_text ? ": " : "",
                                                   message->error_text ? message->error_text : "")
                                    .data);
    cli_field("remote id", message->remote_id);
    print_time("ended", message->ended_at_ms);
    cli_field("ended because", message->ended_reason);
    cli_field("ended by", message->ended_by);
    if (!uuid_is_nil(&message->superseded_by))
        cli_field("superseded by", pawl_uuid_format(&message->superseded_by, id));
    for (size_t i = 0; i < message->header_count; i++)
        cli_field("header",
                  pawli_arena_format(arena, "%s: %s", message->headers[i].name, message->headers[i].value).data);
    cli_field("content type", message->content_type);
    cli_field_bytes("data", message->data, message->data_size);
}

static int read_id(struct cli *cli, pawl_uuid *id)
{
    return cli_uuid(cli, "id", cli_argument(cli, 0), id);
}

int cli_messages_show(struct cli *cli)
{
    pawl_uuid id;
    pawl_messages *messages;
    int status = read_id(cli, &id);
    if (status == PAWL_OK)
        status = pawl_message_get(cli->store, &id, &messages, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_message_json(out, pawl_messages_get(messages, 0));
        pawli_api_put_attempts(out, messages);
        cli_object_end(cli);
    } else {
        print_message(cli, pawl_messages_get(messages, 0));
        print_attempts(cli, messages);
    }
    pawl_messages_free(messages);
    return PAWL_OK;
}

static void put_stats_row(struct cli_table *table, const pawl_queue_stats *stats)
{
    const uint64_t counts[] = {stats->pending,   stats->claimed, stats->awaiting, stats->uncertain,
                               stats->delivered, stats->dead,    stats->cancelled};
    cli_table_row(table);
    cli_table_format(table, "%s/%s", stats->lane, stats->target);
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        cli_table_format(table, "%" PRIu64, counts[i]);
}

int cli_messages_stats(struct cli *cli)
{
    static const struct cli_column columns[] = {{"QUEUE", COLUMN_CUT},       {"PENDING", COLUMN_RIGHT},
                                                {"CLAIMED", COLUMN_RIGHT},   {"AWAITING", COLUMN_RIGHT},
                                                {"UNCERTAIN", COLUMN_RIGHT}, {"DELIVERED", COLUMN_RIGHT},
                                                {"DEAD", COLUMN_RIGHT},      {"CANCELLED", COLUMN_RIGHT}};
    pawl_stats *stats;
    struct cli_table table;
    int status = pawl_stats_read(cli->store, cli_option(cli, "lane"), cli_option(cli, "target"), &stats, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        if (cli->json) {
            pawli_api_put_stats(cli_object(cli), queue);
            cli_object_end(cli);
        } else {
            put_stats_row(&table, queue);
        }
    }
    status = cli->json ? PAWL_OK : cli_table_end(&table);
    pawl_stats_free(stats);
    return status;
}

/* ---- moves ---- */

static void print_moved(struct cli *cli, const pawl_uuid *id, const pawl_moved *moved, bool is_gone)
{
    char text[PAWL_UUID_TEXT_SIZE];
    if (cli->json) {
        pawli_api_put_moved(cli_object(cli), id, moved);
        cli_object_end(cli);
    }
    cli_say(cli, "%s %s -> %s%s", pawl_uuid_format(id, text), or_empty(moved->before),
            is_gone ? "gone" : or_empty(moved->after), moved->was_replayed ? " replayed" : "");
    if (!uuid_is_nil(&moved->successor))
        cli_say(cli, "successor %s", pawl_uuid_format(&moved->successor, text));
}

typedef int mover(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation, pawl_moved *ret_moved,
                  pawl_error *err);

static int move(struct cli *cli, mover *make)
{
    pawl_uuid id;
    pawl_operation operation = cli_operation(cli);
    pawl_moved moved = {PAWL_MOVED};
    int status = read_id(cli, &id);
    if (status == PAWL_OK)
        status = make(cli->store, &id, &operation, &moved, &cli->error);
    if (status == PAWL_OK)
        print_moved(cli, &id, &moved, make == pawl_message_purge);
    return status;
}

int cli_messages_cancel(struct cli *cli)
{
    return move(cli, pawl_message_cancel);
}

int cli_messages_requeue(struct cli *cli)
{
    return move(cli, pawl_message_requeue);
}

int cli_messages_purge(struct cli *cli)
{
    return move(cli, pawl_message_purge);
}

int cli_messages_resolve(struct cli *cli)
{
    static const struct {
        const char *word;
        int32_t verdict;
    } outcomes[] = {
        {"delivered", PAWL_VERDICT_DELIVERED}, {"pending", PAWL_VERDICT_RETRY}, {"dead", PAWL_VERDICT_DEAD}};
    const char *outcome = cli_option(cli, "outcome");
    int32_t verdict = -1;
    pawl_uuid id;
    pawl_operation operation = cli_operation(cli);
    pawl_moved moved = {PAWL_MOVED};
    for (size_t i = 0; outcome && i < COUNT_OF(outcomes); i++)
        if (strcmp(outcome, outcomes[i].word) == 0)
            verdict = outcomes[i].verdict;
    if (verdict < 0)
        return cli_hint(cli,
                        outcome ? cli_fail(cli, PAWL_EINVAL, "outcome \"%.60s\" is none", outcome)
                                : cli_fail(cli, PAWL_EINVAL, "outcome is missing"),
                        "use --outcome delivered, pending (it did not happen) or dead (give up)");
    int status = read_id(cli, &id);
    if (status == PAWL_OK)
        status = pawl_message_resolve(cli->store, &id, verdict, &operation, &moved, &cli->error);
    if (status == PAWL_OK)
        print_moved(cli, &id, &moved, false);
    return status;
}

/* ---- why ---- */

int cli_why(struct cli *cli)
{
    char id_text[PAWL_UUID_TEXT_SIZE], until[32];
    pawl_uuid id;
    pawl_why *why;
    int status = read_id(cli, &id);
    if (status == PAWL_OK)
        status = pawl_why_message(cli->store, &id, &why, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        pawli_api_put_why(cli_object(cli), &id, why);
        cli_object_end(cli);
    } else {
        cli_print("%s %s", pawl_uuid_format(&id, id_text), pawl_why_state(why));
        for (size_t i = 0; i < pawl_why_count(why); i++) {
            const pawl_reason *reason = pawl_why_get(why, i);
            bool names_by = !reason->by || strstr(reason->text, reason->by);
            struct text line = pawli_arena_format(&cli->arena, "  %s: %s%s%s%s%s", reason->code, reason->text,
                                                  reason->until_ms ? ", until " : "",
                                                  reason->until_ms ? cli_time(reason->until_ms, until) : "",
                                                  names_by ? "" : ", by ", names_by ? "" : reason->by);
            printf("%s\n", cli_safe(&cli->arena, line).data);
        }
    }
    pawl_why_free(why);
    return PAWL_OK;
}
