/* SPDX-License-Identifier: MIT */
/* Messages as an operator sees and moves them. */
#include <inttypes.h>
#include <stddef.h>
#include <unistd.h>

#include "api/api.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/view_json.h"

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
    if (!uuid_is_nil(&message->superseded_by))
        return pawli_arena_format(&cli->arena, "replaced by %s", cli_short_id(&message->superseded_by, time)).data;
    if (message->error_text && *message->error_text)
        return message->error_text;
    if (message->ended_reason)
        return message->ended_reason;
    if (message->available_at_ms > message->updated_at_ms)
        return pawli_arena_format(&cli->arena, "due %s", cli_time(message->available_at_ms, time)).data;
    return message->key ? pawli_arena_format(&cli->arena, "key %s", message->key).data : NULL;
}

static void put_message_row(struct cli_table *table, struct cli *cli, const pawl_message_view *message)
{
    char text[32];
    cli_table_row(table);
    cli_table_put(table, cli_short_id(&message->id, text));
    cli_table_put(table, message->state);
    cli_table_format(table, "%" PRIu32, message->attempts);
    cli_table_put(table, cli_age(message->created_at_ms, text));
    cli_table_format(table, "%s/%s", message->lane, message->target);
    cli_table_put(table, note_of(cli, message));
}

static void print_json(struct cli *cli, const pawl_message_view *message)
{
    pawli_message_json(cli_object(cli), message);
    cli_object_end(cli);
}

/* ---- which ---- */

static int read_filter(struct cli *cli, pawl_messages_query *query)
{
    int64_t seq = 0;
    *query = (pawl_messages_query){PAWL_MESSAGES_QUERY,
                                   .lane = cli_option(cli, "lane"),
                                   .target = cli_option(cli, "target"),
                                   .state = cli_option(cli, "state"),
                                   .key = cli_option(cli, "key"),
                                   .ref = cli_option(cli, "ref"),
                                   .error = cli_option(cli, "error"),
                                   .oldest_first = cli_has(cli, "oldest")};
    int status = cli_option_number(cli, "seq", 1, INT64_MAX - 1, &seq);
    if (status == PAWL_OK)
        status = cli_option_moment(cli, "until", &query->until_ms);
    if (status == PAWL_OK)
        status = cli_option_message_id(cli, "before", &query->before);
    if (status == PAWL_OK)
        status = cli_option_message_id(cli, "after", &query->after);
    query->seq = (uint64_t)seq;
    return status;
}

/* ---- lists ---- */

static int list_pages(struct cli *cli, pawl_messages_query *query, int64_t left, struct cli_table *table, bool *more)
{
    *more = true;
    while (*more && left > 0) {
        pawl_messages *messages;
        query->limit = left > PAGE ? PAGE : (uint32_t)left;
        int status = pawl_messages_list(cli->store, query, &messages, &cli->error);
        if (status < 0)
            return status;
        for (size_t i = 0; i < pawl_messages_count(messages); i++, left--) {
            const pawl_message_view *message = pawl_messages_get(messages, i);
            *(query->oldest_first ? &query->after : &query->before) = message->id;
            if (cli->json)
                print_json(cli, message);
            else
                put_message_row(table, cli, message);
        }
        *more = pawl_messages_has_more(messages);
        pawl_messages_free(messages);
    }
    return PAWL_OK;
}

int cli_messages_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"ID", COLUMN_LEFT},   {"STATE", COLUMN_LEFT}, {"TRIES", COLUMN_RIGHT},
                                                {"AGE", COLUMN_RIGHT}, {"QUEUE", COLUMN_LEFT}, {"NOTE", COLUMN_CUT}};
    int64_t limit = 50;
    bool more = false;
    char id[32];
    struct cli_table table = {0};
    pawl_messages_query query;
    int status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &limit);
    if (status == PAWL_OK)
        status = read_filter(cli, &query);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    status = list_pages(cli, &query, limit, &table, &more);
    int printed = cli->json ? PAWL_OK : cli_table_end(&table, status == PAWL_OK ? "no messages" : NULL);
    if (status == PAWL_OK && more)
        cli_note(cli, "%lld are shown, there are more: go on with --%s %s, or see all with a greater --limit",
                 (long long)limit, query.oldest_first ? "after" : "before",
                 cli_short_id(query.oldest_first ? &query.after : &query.before, id));
    return status < 0 ? status : printed;
}

/* ---- one message ---- */

static void put_duration(struct cli_table *table, int64_t ms)
{
    if (ms < 10000)
        cli_table_format(table, "%lld ms", (long long)ms);
    else
        cli_table_format(table, "%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

/* Every attempt, poll and probe, as it went. */
static int print_attempts(struct cli *cli, const pawl_messages *messages)
{
    static const struct cli_column columns[] = {{"TRY", COLUMN_LEFT},     {"BEGAN", COLUMN_LEFT},
                                                {"TOOK", COLUMN_RIGHT},   {"WORKER", COLUMN_SPARE},
                                                {"VERDICT", COLUMN_LEFT}, {"ANSWER", COLUMN_WRAPPED}};
    struct cli_table table;
    char began[32];
    if (pawl_messages_attempt_count(messages) == 0)
        return PAWL_OK;
    cli_print("%s", "");
    cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_messages_attempt_count(messages); i++) {
        const pawl_attempt *attempt = pawl_messages_attempt(messages, i);
        cli_table_row(&table);
        cli_table_format(&table, "%s %" PRIu32, attempt->phase, attempt->number);
        cli_table_put(&table, cli_time(attempt->began_at_ms, began));
        put_duration(&table, attempt->ended_at_ms - attempt->began_at_ms);
        cli_table_put(&table, attempt->worker);
        cli_table_put(&table, attempt->verdict);
        cli_table_put(&table, attempt->text);
    }
    return cli_table_end(&table, NULL);
}

static void print_time(const char *name, int64_t ms)
{
    char time[32];
    if (ms)
        cli_field(name, cli_time(ms, time));
}

static void print_count(struct cli *cli, const char *name, uint64_t count)
{
    if (count)
        cli_field(name, pawli_arena_format(&cli->arena, "%" PRIu64, count).data);
}

static void print_message(struct cli *cli, const pawl_message_view *message)
{
    char id[PAWL_UUID_TEXT_SIZE];
    struct arena *arena = &cli->arena;
    cli_field("id", pawl_uuid_format(&message->id, id));
    cli_field("queue", pawli_arena_format(arena, "%s/%s", message->lane, message->target).data);
    cli_field("state", message->state);
    cli_field("held", message->hold);
    if (message->phase && strcmp(message->phase, "send") != 0)
        cli_field("phase", message->phase);
    cli_field("attempts", pawli_arena_format(arena, message->cap ? "%" PRIu32 " of %" PRIu32 : "%" PRIu32,
                                             message->attempts, message->cap)
                              .data);
    print_count(cli, "deferrals", message->deferrals);
    print_count(cli, "crashes", message->crashes);
    print_count(cli, "retries", message->retries);
    print_count(cli, "seq", message->seq);
    if (!uuid_is_nil(&message->created_by))
        cli_field("created by", pawl_uuid_format(&message->created_by, id));
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
    if (!uuid_is_nil(&message->resent_of))
        cli_field("resent of", pawl_uuid_format(&message->resent_of, id));
    for (size_t i = 0; i < message->header_count; i++)
        cli_field("header",
                  pawli_arena_format(arena, "%s: %s", message->headers[i].name, message->headers[i].value).data);
    cli_field("content type", message->content_type);
    cli_field_bytes("data", message->data, message->data_size);
}

static int read_id(struct cli *cli, pawl_uuid *id)
{
    return cli_message_id(cli, "id", cli_argument(cli, 0), id);
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
        status = print_attempts(cli, messages);
    }
    pawl_messages_free(messages);
    return status;
}

/* ---- counts ---- */

/* What a table of queues shows of each: what is 0 everywhere is left out. */
static const struct stats_column {
    struct cli_column column;
    size_t offset; /* of a count, */
    bool is_time;  /* or of a time, shown as its age */
} stats_columns[] = {
    {{"PENDING", COLUMN_RIGHT}, offsetof(pawl_queue_stats, pending), false},
    {{"DUE", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, due), false},
    {{"OLDEST", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, oldest_due_at_ms), true},
    {{"NEXT", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, next_due_at_ms), true},
    {{"HELD", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, held), false},
    {{"CLAIMED", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, claimed), false},
    {{"AWAITING", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, awaiting), false},
    {{"UNCERTAIN", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, uncertain), false},
    {{"DEAD", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, dead), false},
    {{"DELIVERED", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, delivered), false},
    {{"CANCELLED", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, cancelled), false},
    {{"LATE", COLUMN_RIGHT | COLUMN_RARE}, offsetof(pawl_queue_stats, after_expiry), false},
};

static uint64_t stats_value(const pawl_queue_stats *stats, const struct stats_column *column)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + column->offset, sizeof value);
    return value;
}

/* The sum; of times the first. */
static uint64_t stats_total(const pawl_stats *stats, const struct stats_column *column)
{
    uint64_t total = 0;
    for (size_t i = 0; i < pawl_stats_count(stats); i++) {
        uint64_t value = stats_value(pawl_stats_get(stats, i), column);
        if (!column->is_time)
            total += value;
        else if (value && (!total || value < total))
            total = value;
    }
    return total;
}

static void put_stats_cell(struct cli_table *table, const struct stats_column *column, uint64_t value)
{
    char text[32];
    if (column->is_time)
        cli_table_put(table, cli_age((int64_t)value, text));
    else
        cli_table_format(table, "%" PRIu64, value);
}

static int print_stats(struct cli *cli, const pawl_stats *stats)
{
    struct cli_column columns[COUNT_OF(stats_columns) + 1] = {{"QUEUE", COLUMN_LEFT}};
    struct cli_table table;
    for (size_t i = 0; i < COUNT_OF(stats_columns); i++)
        columns[i + 1] = stats_columns[i].column;
    cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        cli_table_row(&table);
        cli_table_format(&table, "%s/%s", queue->lane, queue->target);
        for (size_t j = 0; j < COUNT_OF(stats_columns); j++)
            put_stats_cell(&table, &stats_columns[j], stats_value(queue, &stats_columns[j]));
    }
    if (pawl_stats_count(stats) > 1 && isatty(STDOUT_FILENO)) {
        cli_table_row(&table);
        cli_table_put(&table, "total");
        for (size_t j = 0; j < COUNT_OF(stats_columns); j++)
            put_stats_cell(&table, &stats_columns[j], stats_total(stats, &stats_columns[j]));
    }
    return cli_table_end(&table, "no messages");
}

int cli_messages_stats(struct cli *cli)
{
    pawl_stats *stats;
    int status = pawl_stats_read(cli->store, cli_option(cli, "lane"), cli_option(cli, "target"), &stats, &cli->error);
    if (status < 0)
        return status;
    for (size_t i = 0; cli->json && i < pawl_stats_count(stats); i++) {
        pawli_api_put_stats(cli_object(cli), pawl_stats_get(stats, i));
        cli_object_end(cli);
    }
    if (!cli->json)
        status = print_stats(cli, stats);
    pawl_stats_free(stats);
    return status;
}

/* ---- moves ---- */

struct mover {
    int32_t kind; /* enum pawl_move */
    int32_t outcome;
    bool again;
};

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

static int move_one(struct cli *cli, const struct mover *mover, const pawl_uuid *id, const pawl_operation *operation,
                    pawl_moved *moved)
{
    switch (mover->kind) {
    case PAWL_MOVE_RETRY:
        return pawl_message_retry(cli->store, id, operation, moved, &cli->error);
    case PAWL_MOVE_REQUEUE:
        return mover->again ? pawl_message_resend(cli->store, id, operation, moved, &cli->error)
                            : pawl_message_requeue(cli->store, id, operation, moved, &cli->error);
    case PAWL_MOVE_CANCEL:
        return pawl_message_cancel(cli->store, id, operation, moved, &cli->error);
    case PAWL_MOVE_PURGE:
        return pawl_message_purge(cli->store, id, operation, moved, &cli->error);
    default:
        return pawl_message_resolve(cli->store, id, mover->outcome, operation, moved, &cli->error);
    }
}

/* Each of several has a request id of its own, which comes of the one that was given. */
static pawl_uuid request_of(const struct cli *cli, const pawl_uuid *id)
{
    char text[2 * PAWL_UUID_TEXT_SIZE], request[PAWL_UUID_TEXT_SIZE], message[PAWL_UUID_TEXT_SIZE];
    if (cli->argument_count == 1)
        return cli->request_id;
    snprintf(text, sizeof text, "%s/%s", pawl_uuid_format(&cli->request_id, request), pawl_uuid_format(id, message));
    return pawl_request_id_from(text, strlen(text));
}

static int move_named(struct cli *cli, const struct mover *mover, const char *text)
{
    pawl_uuid id;
    pawl_operation operation = cli_operation(cli);
    pawl_moved moved = {PAWL_MOVED};
    int status = cli_message_id(cli, "id", text, &id);
    if (status == PAWL_OK) {
        operation.request_id = request_of(cli, &id);
        status = move_one(cli, mover, &id, &operation, &moved);
    }
    if (status == PAWL_OK)
        print_moved(cli, &id, &moved, mover->kind == PAWL_MOVE_PURGE);
    else if (cli->argument_count > 1) {
        cli_report(cli, status, &cli->error, &operation.request_id, 0);
        cli->reported = true;
    }
    return status;
}

static int show_moves(void *data, const pawl_moves_done *done)
{
    cli_progress(data, "moved", done->moved, 0);
    return 0;
}

static void print_done(struct cli *cli, const pawl_moves_done *done, bool dry)
{
    if (cli->json) {
        pawli_api_put_moves(cli_object(cli), done);
        cli_object_end(cli);
    }
    char id[PAWL_UUID_TEXT_SIZE];
    cli_say(cli, "matched %" PRIu64 ", moved %" PRIu64 ", refused %" PRIu64 "%s", done->matched, done->moved,
            done->refused, done->was_replayed ? ", replayed" : "");
    if (dry)
        cli_say(cli, "nothing was moved: leave --dry-run out to do it");
    else
        cli_say(cli, "operation %s", pawl_uuid_format(&done->request_id, id));
}

static int move_filtered(struct cli *cli, const struct mover *mover)
{
    int64_t limit = 0;
    pawl_messages_query query;
    pawl_operation operation = cli_operation(cli);
    pawl_moves_done done = {PAWL_MOVES_DONE};
    int status = read_filter(cli, &query);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &limit);
    pawl_moves moves = {PAWL_MOVES,
                        .kind = mover->kind,
                        .outcome = mover->outcome,
                        .again = mover->again,
                        .dry_run = cli_has(cli, "dry-run"),
                        .which = &query,
                        .limit = (uint64_t)limit,
                        .progress = show_moves,
                        .data = cli};
    if (status == PAWL_OK)
        status = pawl_messages_move(cli->store, &moves, &operation, &done, &cli->error);
    cli_progress(cli, NULL, UINT64_MAX, 0);
    if (status == PAWL_OK || done.matched)
        print_done(cli, &done, moves.dry_run);
    return status;
}

static int move(struct cli *cli, const struct mover *mover)
{
    static const char *const filters[] = {"lane",  "target", "state", "key",   "ref",     "seq",
                                          "error", "before", "after", "until", "dry-run", "limit"};
    int first = PAWL_OK;
    if (cli->argument_count == 0)
        return move_filtered(cli, mover);
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (cli_has(cli, filters[i]))
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--%s stands beside an id", filters[i]),
                            "name messages by their ids, or by a filter");
    for (size_t i = 0; i < cli->argument_count; i++) {
        int status = move_named(cli, mover, cli_argument(cli, i));
        first = first == PAWL_OK ? status : first;
    }
    return first;
}

int cli_messages_retry(struct cli *cli)
{
    return move(cli, &(struct mover){.kind = PAWL_MOVE_RETRY});
}

int cli_messages_requeue(struct cli *cli)
{
    return move(cli, &(struct mover){.kind = PAWL_MOVE_REQUEUE, .again = cli_has(cli, "again")});
}

int cli_messages_cancel(struct cli *cli)
{
    return move(cli, &(struct mover){.kind = PAWL_MOVE_CANCEL});
}

int cli_messages_purge(struct cli *cli)
{
    return move(cli, &(struct mover){.kind = PAWL_MOVE_PURGE});
}

int cli_messages_resolve(struct cli *cli)
{
    static const struct {
        const char *word;
        int32_t verdict;
    } outcomes[] = {
        {"delivered", PAWL_VERDICT_DELIVERED}, {"pending", PAWL_VERDICT_RETRY}, {"dead", PAWL_VERDICT_DEAD}};
    const char *outcome = cli_option(cli, "outcome");
    struct mover mover = {.kind = PAWL_MOVE_RESOLVE, .outcome = -1};
    for (size_t i = 0; outcome && i < COUNT_OF(outcomes); i++)
        if (strcmp(outcome, outcomes[i].word) == 0)
            mover.outcome = outcomes[i].verdict;
    if (mover.outcome < 0)
        return cli_hint(cli,
                        outcome ? cli_fail(cli, PAWL_EINVAL, "outcome \"%.60s\" is none", outcome)
                                : cli_fail(cli, PAWL_EINVAL, "outcome is missing"),
                        "use --outcome delivered, pending (it did not happen) or dead (give up)");
    return move(cli, &mover);
}

/* ---- why ---- */

static void print_why(struct cli *cli, const char *name, const pawl_why *why)
{
    char until[32];
    if (cli->json) {
        pawli_api_put_why(cli_object(cli), name, why);
        cli_object_end(cli);
        return;
    }
    cli_print("%s %s", name, pawl_why_state(why));
    for (size_t i = 0; i < pawl_why_count(why); i++) {
        const pawl_reason *reason = pawl_why_get(why, i);
        bool names_by = !reason->by || strstr(reason->text, reason->by);
        struct text line = pawli_arena_format(&cli->arena, "  %s: %s%s%s%s%s", reason->code, reason->text,
                                              reason->until_ms ? ", until " : "",
                                              reason->until_ms ? cli_time(reason->until_ms, until) : "",
                                              names_by ? "" : ", by ", names_by ? "" : reason->by);
        cli_put_wrapped(stdout, cli_safe(&cli->arena, line), 0, 4);
    }
}

/* An id of a message has no '/'. */
int cli_why(struct cli *cli)
{
    const char *name = cli_argument(cli, 0), *slash = strchr(name, '/');
    char id_text[PAWL_UUID_TEXT_SIZE];
    pawl_uuid id;
    pawl_why *why;
    int status;
    if (slash) {
        const char *kind = pawli_arena_text(&cli->arena, (struct text){name, (size_t)(slash - name)}).data;
        status = kind ? pawl_why_workflow(cli->store, kind, slash + 1, &why, &cli->error)
                      : pawli_no_memory(&cli->error);
    } else {
        status = read_id(cli, &id);
        if (status == PAWL_OK)
            status = pawl_why_message(cli->store, &id, &why, &cli->error);
        name = pawl_uuid_format(&id, id_text);
    }
    if (status < 0)
        return status;
    print_why(cli, name, why);
    pawl_why_free(why);
    return PAWL_OK;
}
