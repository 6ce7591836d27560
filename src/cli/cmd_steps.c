/* SPDX-License-Identifier: MIT */
/* workflows claim, next, park, done, fail, settle, extend: steps by hand, from any script. */
#include <inttypes.h>

#include "api/api.h"
#include "base/escape.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/table.h"
#include "model/limits.h"

/* A space in it would end it for "read"; "printf %b" gives it back. */
static void put_word(struct buffer *line, const char *word)
{
    for (const char *space; (space = strchr(word, ' ')); word = space + 1) {
        pawli_escape(line, (struct text){word, (size_t)(space - word)});
        pawli_buffer_add_string(line, "\\0040");
    }
    pawli_escape(line, text_of(word));
}

/* One line a workflow, made for "read -r id token generation state data" and "printf %b". */
static void print_claimed(struct cli *cli, const pawl_workflow_view *view)
{
    struct buffer line;
    if (cli->json) {
        pawli_api_put_workflow(cli_object(cli), view);
        cli_object_end(cli);
        return;
    }
    buffer_init(&line, (size_t)5 * LIMIT_BODY + 1024);
    pawli_buffer_format(&line, "%s %" PRIu64 " %" PRIu64 " ", view->id, view->token, view->generation);
    put_word(&line, view->state && *view->state ? view->state : "-");
    pawli_buffer_add_string(&line, " ");
    pawli_escape(&line, (struct text){view->data, view->data_size});
    cli->line.failed |= line.failed;
    if (!line.failed)
        cli_put_safe(buffer_text(&line));
    pawli_buffer_done(&line);
}

int cli_workflows_claim(struct cli *cli)
{
    const char *consumer = cli_option(cli, "consumer");
    int64_t limit = 1;
    pawl_workflows *claimed;
    pawl_workflow_claim_options options = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = cli_argument(cli, 0),
                                           .id = cli_option(cli, "id"), .consumer = consumer ? consumer : "cli"};
    int status = cli_option_number(cli, "limit", 0, LIMIT_CLAIM, &limit);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "lease", 1, LIMIT_LEASE_MS, &options.lease_ms);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "wait", 0, INT64_MAX / 1000000, &options.wait_ms);
    options.limit = (uint32_t)limit;
    if (status == PAWL_OK)
        status = pawl_workflow_claim(cli->store, &options, &claimed, &cli->error);
    if (status < 0)
        return status;
    for (size_t i = 0; i < pawl_workflows_count(claimed); i++)
        print_claimed(cli, pawl_workflows_get(claimed, i));
    pawl_workflows_free(claimed);
    return PAWL_OK;
}

static int read_token(struct cli *cli, const char *token, uint64_t *ret_token)
{
    if (pawli_api_token(text_of(token), ret_token))
        return PAWL_OK;
    return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "token \"%.60s\" is malformed", token),
                    "give the 1 to 20 digits that \"pawl workflows claim\" printed");
}

int cli_workflows_extend(struct cli *cli)
{
    const char *kind = cli_argument(cli, 0), *id = cli_argument(cli, 1);
    uint64_t token;
    int64_t lease;
    int status = read_token(cli, cli_argument(cli, 2), &token);
    if (status == PAWL_OK)
        status = cli_duration(cli, "MS", cli_argument(cli, 3), 1, LIMIT_LEASE_MS, &lease);
    if (status == PAWL_OK)
        status = pawl_workflow_extend(cli->store, kind, id, token, lease, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "kind", kind);
        pawli_json_put_string(out, "id", id);
        pawli_json_put_string(out, "result", "extended");
        cli_object_end(cli);
    } else {
        cli_say(cli, "%s/%s extended", kind, id);
    }
    return PAWL_OK;
}

/* ---- one step ---- */

struct made {
    const char *kind, *id, *result, *status;
    uint64_t generation, seq;
};

static void print_made(struct cli *cli, const struct made *made)
{
    if (!cli->json) {
        cli_say(cli, "%s/%s %s: %s, generation %" PRIu64, made->kind, made->id, made->result, made->status,
                made->generation);
        return;
    }
    struct json_writer *out = cli_object(cli);
    pawli_json_put_string(out, "kind", made->kind);
    pawli_json_put_string(out, "id", made->id);
    pawli_json_put_string(out, "result", made->result);
    pawli_json_put_string(out, "status", made->status);
    pawli_json_put_u64(out, "generation", made->generation);
    if (made->seq)
        pawli_json_put_u64(out, "seq", made->seq);
    cli_object_end(cli);
}

static int read_bodies(struct cli *cli, pawl_step_outcome *outcome)
{
    const char *data = cli_option(cli, "data"), *receipt = cli_option(cli, "receipt");
    struct text body = {0};
    int status = data ? cli_body(cli, "data", data, &body) : PAWL_OK;
    outcome->data = body.data;
    outcome->data_size = body.size;
    body = (struct text){0};
    if (status == PAWL_OK && receipt)
        status = cli_body(cli, "receipt", receipt, &body);
    outcome->receipt = body.data;
    outcome->receipt_size = body.size;
    return status;
}

static int read_take(struct cli *cli, pawl_step_outcome *outcome)
{
    const char *id, **take = NULL;
    size_t room = 0;
    for (size_t at = 0; (id = cli_option_next(cli, "take", &at)); outcome->take_count++) {
        if (!pawli_arena_reserve(&cli->arena, (void **)&take, sizeof *take, outcome->take_count + 1, &room))
            return pawli_no_memory(&cli->error);
        take[outcome->take_count] = id;
    }
    outcome->take = take;
    return PAWL_OK;
}

/* STATE or STATE=DATA: how this step is undone. */
static int read_undo(struct cli *cli, pawl_step_outcome *outcome)
{
    const char *text = cli_option(cli, "undo"), *equals = text ? strchr(text, '=') : NULL;
    struct text data = {0};
    if (!text)
        return PAWL_OK;
    int status = equals ? cli_body(cli, "undo", equals + 1, &data) : PAWL_OK;
    struct text state = {text, equals ? (size_t)(equals - text) : strlen(text)};
    outcome->undo = pawli_arena_text(&cli->arena, state).data;
    outcome->undo_data = data.data;
    outcome->undo_data_size = data.size;
    return status == PAWL_OK && !outcome->undo ? pawli_no_memory(&cli->error) : status;
}

static int read_outcome(struct cli *cli, int32_t result, pawl_step_outcome *outcome)
{
    int64_t version = 0;
    *outcome = (pawl_step_outcome){PAWL_STEP_OUTCOME,
                                   .kind = cli_argument(cli, 0),
                                   .id = cli_argument(cli, 1),
                                   .result = result,
                                   .state = cli_option(cli, "state"),
                                   .keep = cli_has(cli, "keep"),
                                   .error = cli_option(cli, "error"),
                                   .rejected = cli_has(cli, "rejected"),
                                   .stuck = cli_has(cli, "stuck"),
                                   .no_return = cli_has(cli, "no-return"),
                                   .compensate = cli_has(cli, "compensate"),
                                   .await = cli_has(cli, "await"),
                                   .has_take = cli_has(cli, "take-none"),
                                   .has_wake = cli_has(cli, "wake-in"),
                                   .has_version = cli_has(cli, "state-version")};
    int status = read_token(cli, cli_argument(cli, 2), &outcome->token);
    if (status == PAWL_OK)
        status = cli_option_duration(cli, "wake-in", 0, INT64_MAX / 2, &outcome->wake_in_ms);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "state-version", 0, INT32_MAX, &version);
    outcome->version = (uint32_t)version;
    if (status == PAWL_OK)
        status = read_bodies(cli, outcome);
    if (status == PAWL_OK)
        status = read_take(cli, outcome);
    return status == PAWL_OK ? read_undo(cli, outcome) : status;
}

static int make_step(struct cli *cli, int32_t result, const char *name)
{
    pawl_step_outcome outcome;
    pawl_receipt *receipt = NULL;
    int status = read_outcome(cli, result, &outcome);
    if (status < 0)
        return status;
    pawl_transition *step = pawl_transition_of_step(cli->store, &outcome);
    if (!step)
        return pawli_no_memory(&cli->error);
    status = cli_add_effects(cli, step);
    if (status == PAWL_OK)
        status = pawl_transition_commit(step, &receipt, &cli->error);
    if (status == PAWL_OK) {
        struct made made = {outcome.kind, outcome.id, name, NULL, 0, pawl_receipt_seq(receipt)};
        made.status = pawl_transition_step_status(step, &made.generation);
        print_made(cli, &made);
    }
    pawl_receipt_free(receipt);
    pawl_transition_free(step);
    return status;
}

int cli_workflows_next(struct cli *cli)
{
    return make_step(cli, PAWL_STEP_NEXT, "next");
}

int cli_workflows_park(struct cli *cli)
{
    return make_step(cli, PAWL_STEP_PARK, "park");
}

int cli_workflows_done(struct cli *cli)
{
    return make_step(cli, PAWL_STEP_DONE, "done");
}

int cli_workflows_fail(struct cli *cli)
{
    return make_step(cli, PAWL_STEP_FAIL, "fail");
}

/* ---- many ---- */

/* One whose claim was lost is an answer, not a mistake of the line: it fails no neighbour. */
static void line_made(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct cli_line *line = data;
    bool is_lost = status == PAWL_EFENCED;
    line->answer.step.status = status == PAWL_OK
                                   ? pawl_transition_step_status(line->answer.step.made, &line->answer.step.generation)
                                   : NULL;
    pawl_receipt_free(receipt);
    cli_line_done(line, is_lost ? PAWL_OK : status, error);
}

static char *keep_text(const char *text)
{
    size_t size = text ? strlen(text) + 1 : 1;
    char *copy = pawli_alloc(size);
    if (copy && text)
        memcpy(copy, text, size);
    return copy;
}

static void free_line(struct cli_line *line)
{
    pawli_free((void *)line->answer.step.kind);
    pawli_free((void *)line->answer.step.id);
}

/* Of a step whose line is checked where it is read. */
static struct text member(struct text json, const char *wanted)
{
    struct text name, value;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value))
        if (pawli_json_name_is(name, wanted))
            return value;
    return (struct text){0};
}

static bool is_string(struct text json, const char *text)
{
    size_t size = strlen(text);
    return json.size == size + 2 && memcmp(json.data + 1, text, size) == 0;
}

/* Who keeps his claim may make a step after the other in one file: at which generation is known once the one before is made. */
static void wait_for_own(struct cli_line *line, struct text json)
{
    json = pawli_json_trim(json);
    if (pawli_json_check_holder(json, NULL, NULL) != JSON_GOOD || pawli_json_type(json) != JSON_OBJECT ||
        member(json, "generation").data)
        return;
    const struct text kind = member(json, "kind"), id = member(json, "id");
    const struct cli_line *other;
    for (size_t i = 0; (other = cli_line_before(line, i)) != NULL;) {
        bool is_own = is_string(kind, other->answer.step.kind) && is_string(id, other->answer.step.id);
        if (is_own)
            cli_line_wait(line);
        i = is_own ? 0 : i + 1;
    }
}

static int submit_line(struct cli *cli, struct cli_line *line, struct text json, pawl_error *err)
{
    struct api_reading reading = {0};
    struct api_step named;
    wait_for_own(line, json);
    int status = pawli_api_step(cli->store, &reading, json, &line->answer.step.made, &named, err);
    if (status == PAWL_OK) {
        line->answer.step.kind = keep_text(named.kind);
        line->answer.step.id = keep_text(named.id);
        line->answer.step.result = named.result;
        line->request_id = pawl_transition_request_id(line->answer.step.made);
    }
    pawli_arena_done(&reading.arena); /* builders copy */
    if (status < 0)
        return status;
    status = line->answer.step.kind && line->answer.step.id
                 ? pawl_transition_submit(line->answer.step.made, line_made, line, err)
                 : pawli_no_memory(err);
    if (status < 0)
        pawl_transition_free(line->answer.step.made);
    return status;
}

static void print_line(struct cli *cli, const struct cli_line *line)
{
    const char *status = line->answer.step.status;
    if (status) {
        print_made(cli, &(struct made){line->answer.step.kind, line->answer.step.id, line->answer.step.result, status,
                                       line->answer.step.generation, 0});
        return;
    }
    if (!cli->json) {
        cli_say(cli, "%s/%s lost", line->answer.step.kind, line->answer.step.id);
        return;
    }
    struct json_writer *out = cli_object(cli);
    pawli_json_put_string(out, "kind", line->answer.step.kind);
    pawli_json_put_string(out, "id", line->answer.step.id);
    pawli_json_put_string(out, "result", "lost");
    cli_object_end(cli);
}

static const struct cli_line_kind steps = {submit_line, print_line, free_line};

int cli_workflows_settle(struct cli *cli)
{
    const char *file = cli_option(cli, "jsonl");
    if (file)
        return cli_lines(cli, file, &steps);
    return cli_hint(
        cli, cli_fail(cli, PAWL_EINVAL, "--jsonl is missing"),
        "usage: pawl workflows settle --jsonl FILE; one step is \"pawl workflows next\", park, done or fail");
}
