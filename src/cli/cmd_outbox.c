/* SPDX-License-Identifier: MIT */
/* Adding messages, and consuming them by hand. */
#include <inttypes.h>

#include "api/api.h"
#include "base/escape.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/table.h"
#include "model/limits.h"

/* ---- enqueue ---- */

static void print_enqueued(struct cli *cli, const pawl_enqueued *enqueued)
{
    char id[PAWL_UUID_TEXT_SIZE];
    if (cli->json) {
        pawli_api_put_enqueued(cli_object(cli), enqueued);
        cli_object_end(cli);
        return;
    }
    cli_say(cli, "%s %s%s", pawl_uuid_format(&enqueued->id, id), enqueued->state,
            enqueued->was_replayed ? " replayed" : "");
}

static void line_enqueued(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct cli_line *line = data;
    if (count)
        line->answer.enqueued = results[0];
    cli_line_done(line, status, error);
}

static int enqueue_line(struct cli *cli, struct cli_line *line, struct text json, pawl_error *err)
{
    struct arena arena = {0};
    pawl_message message;
    int status = pawli_api_message(&arena, json, &message, err);
    if (status == PAWL_OK) {
        line->request_id = message.request_id;
        status = pawl_enqueue_submit(cli->store, &message, 1, line_enqueued, line, err);
    }
    pawli_arena_done(&arena); /* what was submitted was copied */
    return status;
}

static void print_line(struct cli *cli, const struct cli_line *line)
{
    print_enqueued(cli, &line->answer.enqueued);
}

static const struct cli_line_kind messages = {enqueue_line, print_line, NULL};

static int read_headers(struct cli *cli, pawl_message *message)
{
    const char *text;
    pawl_header *headers = NULL;
    size_t room = 0;
    for (size_t at = 0; (text = cli_option_next(cli, "header", &at));) {
        const char *colon = strchr(text, ':');
        if (!colon)
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--header \"%.60s\" has no colon", text),
                            "write --header NAME:VALUE");
        if (!pawli_arena_reserve(&cli->arena, (void **)&headers, sizeof *headers, message->header_count + 1, &room))
            return pawli_no_memory(&cli->error);
        const char *value = colon + 1 + strspn(colon + 1, " ");
        headers[message->header_count++] = (pawl_header){
            pawli_arena_text(&cli->arena, (struct text){text, (size_t)(colon - text)}).data, value};
    }
    message->headers = headers;
    return PAWL_OK;
}

static int read_message(struct cli *cli, pawl_message *message)
{
    const char *data = cli_argument(cli, 2);
    struct text body = TEXT("");
    int64_t priority = 0, max_attempts = 0;
    *message = (pawl_message){PAWL_MESSAGE,
                              .lane = cli_argument(cli, 0),
                              .target = cli_argument(cli, 1),
                              .key = cli_option(cli, "key"),
                              .dedupe = cli_option(cli, "dedupe"),
                              .sender = cli_option(cli, "sender"),
                              .content_type = cli_option(cli, "content-type")};
    int status = cli_option_uuid(cli, "id", &message->request_id);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "priority", 1, 9, &priority);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "delay", 0, INT64_MAX - 1, &message->delay_ms);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "ttl", 1, INT64_MAX - 1, &message->expires_in_ms);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "max-attempts", 1, 1000000, &max_attempts);
    if (status == PAWL_OK)
        status = read_headers(cli, message);
    if (status == PAWL_OK && data)
        status = cli_body(cli, "data", data, &body);
    message->priority = (int32_t)priority;
    message->max_attempts = (uint32_t)max_attempts;
    message->data = body.data;
    message->data_size = body.size;
    return status;
}

int cli_enqueue(struct cli *cli)
{
    const char *file = cli_option(cli, "jsonl");
    pawl_message message;
    pawl_enqueued enqueued;
    if (file && (cli->argument_count || cli->given_count > 1))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--jsonl takes everything from its lines"),
                        "leave the other options and arguments out, or --jsonl");
    if (file)
        return cli_lines(cli, file, &messages);
    if (cli->argument_count < 2)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "neither LANE and TARGET nor --jsonl is given"),
                        "usage: pawl enqueue LANE TARGET [DATA] [OPTIONS], or pawl enqueue --jsonl FILE");
    int status = read_message(cli, &message);
    if (status < 0)
        return status;
    cli->request_id = message.request_id;
    status = pawl_enqueue(cli->store, &message, 1, &enqueued, &cli->error);
    if (status == PAWL_OK)
        print_enqueued(cli, &enqueued);
    return status;
}

/* ---- claim ---- */

/* One line a message, made for "read -r id token attempt data" and "printf %b": a blank at either end of the data is written
 * as an escape too, since read drops it. */
static void put_data(struct buffer *line, struct text data)
{
    bool first = data.size > 0 && data.data[0] == ' ', last = data.size > 1 && data.data[data.size - 1] == ' ';
    pawli_buffer_add_string(line, first ? "\\0040" : "");
    pawli_escape(line, (struct text){data.data + first, data.size - first - last});
    pawli_buffer_add_string(line, last ? "\\0040" : "");
}

static void print_claimed(struct cli *cli, const pawl_message_view *message)
{
    char id[PAWL_UUID_TEXT_SIZE];
    struct buffer line;
    if (cli->json) {
        pawli_api_put_claim(cli_object(cli), message);
        cli_object_end(cli);
        return;
    }
    buffer_init(&line, (size_t)5 * LIMIT_BODY + 256);
    pawli_buffer_format(&line, "%s %" PRIu64 " %" PRIu32 " ", pawl_uuid_format(&message->id, id), message->token,
                        message->attempts);
    put_data(&line, (struct text){message->data, message->data_size});
    cli->line.failed |= line.failed;
    if (!line.failed)
        cli_put_safe(buffer_text(&line));
    pawli_buffer_done(&line);
}

int cli_claim(struct cli *cli)
{
    const char *consumer = cli_option(cli, "consumer");
    int64_t limit = 1;
    pawl_messages *claimed;
    pawl_claim_options options = {PAWL_CLAIM_OPTIONS, .lane = cli_argument(cli, 0), .target = cli_argument(cli, 1),
                                  .consumer = consumer ? consumer : "cli"};
    int status = cli_option_message_id(cli, "id", &options.id);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "limit", 0, LIMIT_CLAIM, &limit);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "lease", 1, LIMIT_LEASE_MS, &options.lease_ms);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "wait", 0, INT64_MAX / 1000000, &options.wait_ms);
    options.limit = (uint32_t)limit;
    if (status == PAWL_OK)
        status = pawl_claim(cli->store, &options, &claimed, &cli->error);
    if (status < 0)
        return status;
    for (size_t i = 0; i < pawl_messages_count(claimed); i++)
        print_claimed(cli, pawl_messages_get(claimed, i));
    pawl_messages_free(claimed);
    return PAWL_OK;
}

/* ---- settle ---- */

static int read_claim(struct cli *cli, pawl_settlement *settlement)
{
    const char *token = cli_argument(cli, 1);
    int status = cli_message_id(cli, "id", cli_argument(cli, 0), &settlement->id);
    if (status == PAWL_OK && !pawli_api_token(text_of(token), &settlement->token))
        status = cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "token \"%.60s\" is malformed", token),
                          "give the 1 to 20 digits that \"pawl claim\" printed");
    return status;
}

static int lost(struct cli *cli, const pawl_settled *settled)
{
    if (!settled->state)
        return cli_hint(cli, cli_fail(cli, PAWL_ENOTFOUND, "no such message in scope \"%s\"", cli->scope),
                        "see \"pawl messages list\"");
    return cli_hint(cli,
                    cli_fail(cli, PAWL_EFENCED,
                             "the claim was lost: the message is %s, and the token is not its claim's", settled->state),
                    "nothing was changed; claim it again where it is pending");
}

static int settle(struct cli *cli, const pawl_settlement *settlement)
{
    char id[PAWL_UUID_TEXT_SIZE];
    pawl_settled settled;
    int status = pawl_settle(cli->store, settlement, 1, &settled, &cli->error);
    if (status < 0)
        return status;
    if (settled.result == PAWL_RESULT_LOST)
        return lost(cli, &settled);
    if (cli->json) {
        pawli_api_put_settled(cli_object(cli), &settlement->id, &settled);
        cli_object_end(cli);
    }
    cli_say(cli, "%s %s", pawl_uuid_format(&settlement->id, id), pawl_result_text(settled.result));
    return PAWL_OK;
}

int cli_ack(struct cli *cli)
{
    pawl_settlement settlement = {PAWL_SETTLEMENT, .verdict = PAWL_VERDICT_DELIVERED,
                                  .remote_id = cli_option(cli, "remote-id")};
    int status = read_claim(cli, &settlement);
    return status == PAWL_OK ? settle(cli, &settlement) : status;
}

int cli_nack(struct cli *cli)
{
    bool permanent = cli_has(cli, "permanent"), uncertain = cli_has(cli, "uncertain");
    pawl_settlement settlement = {PAWL_SETTLEMENT,
                                  .verdict = permanent   ? PAWL_VERDICT_DEAD
                                             : uncertain ? PAWL_VERDICT_UNCERTAIN
                                                         : PAWL_VERDICT_RETRY,
                                  .error = cli_option(cli, "error"), .has_retry_in = cli_has(cli, "retry-in")};
    if (permanent && (uncertain || settlement.has_retry_in))
        return cli_hint(
            cli,
            cli_fail(cli, PAWL_EINVAL, "--permanent and --%s are both given", uncertain ? "uncertain" : "retry-in"),
            "--permanent ends the message; the others may try again");
    int status = read_claim(cli, &settlement);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "retry-in", 0, INT64_MAX - 1, &settlement.retry_in_ms);
    return status == PAWL_OK ? settle(cli, &settlement) : status;
}

int cli_extend(struct cli *cli)
{
    pawl_settlement settlement = {PAWL_SETTLEMENT, .verdict = PAWL_VERDICT_EXTEND, .has_retry_in = 1};
    int status = read_claim(cli, &settlement);
    if (status == PAWL_OK)
        status = cli_duration(cli, "MS", cli_argument(cli, 2), 1, LIMIT_LEASE_MS, &settlement.retry_in_ms);
    return status == PAWL_OK ? settle(cli, &settlement) : status;
}

int cli_keep_progress(struct cli *cli)
{
    pawl_settlement settlement = {PAWL_SETTLEMENT};
    pawl_settled settled = {PAWL_RESULT_EXTENDED, "claimed"};
    struct text data;
    char id[PAWL_UUID_TEXT_SIZE];
    int status = read_claim(cli, &settlement);
    if (status == PAWL_OK)
        status = cli_data(cli, "DATA", cli_argument(cli, 2), LIMIT_PROGRESS, &data);
    if (status == PAWL_OK)
        status = pawl_progress(cli->store, &settlement.id, settlement.token, data.data, data.size, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        pawli_api_put_settled(cli_object(cli), &settlement.id, &settled);
        cli_object_end(cli);
    }
    cli_say(cli, "%s stored", pawl_uuid_format(&settlement.id, id));
    return PAWL_OK;
}
