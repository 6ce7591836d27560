/* SPDX-License-Identifier: MIT */
/* submit: one transition from options, or one a line. */
#include "api/api.h"
#include "base/codec.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "model/limits.h"

static void print_receipt(struct cli *cli, const pawl_receipt *receipt)
{
    char id[PAWL_UUID_TEXT_SIZE], digest[13];
    if (cli->json) {
        pawli_api_put_receipt(cli_object(cli), receipt);
        cli_object_end(cli);
        return;
    }
    pawl_uuid request_id = pawl_receipt_request_id(receipt);
    pawli_hex(pawl_receipt_digest(receipt), 6, digest);
    cli_say(cli, "seq %llu  request %s  digest %s%s", (unsigned long long)pawl_receipt_seq(receipt),
            pawl_uuid_format(&request_id, id), digest,
            !pawl_receipt_was_replayed(receipt) ? ""
            : pawl_receipt_differs(receipt)
                ? "  replayed; the events or messages given differ from the stored ones, which hold"
                : "  replayed");
}

/* ---- many ---- */

static void line_committed(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct cli_line *line = data;
    line->answer.receipt = receipt;
    cli_line_done(line, status, error);
}

static int submit_line(struct cli *cli, struct cli_line *line, struct text json, pawl_error *err)
{
    struct api_reading reading = {0};
    pawl_transition *transition;
    int status = pawli_api_transition(cli->store, &reading, json, &transition, err);
    cli_warn_keep(cli, reading.unknown_keep);
    pawli_arena_done(&reading.arena); /* builders copy */
    if (status < 0)
        return status;
    line->request_id = pawl_transition_request_id(transition);
    status = pawl_transition_submit(transition, line_committed, line, err);
    if (status < 0)
        pawl_transition_free(transition);
    return status;
}

static void print_line(struct cli *cli, const struct cli_line *line)
{
    print_receipt(cli, line->answer.receipt);
}

static void free_line(struct cli_line *line)
{
    pawl_receipt_free(line->answer.receipt);
}

static const struct cli_line_kind transitions = {submit_line, print_line, free_line};

/* ---- one ---- */

/* TOPIC:TYPE[:KEY]=DATA and LANE/TARGET[:KEY]=DATA: names have neither ':' nor '=', so the first of each ends them. */
struct spec {
    char *first, *second, *key;
    struct text data;
};

static int read_spec(struct cli *cli, const char *option, const char *form, const char *text, char separator,
                     struct spec *spec)
{
    const char *equals = strchr(text, '=');
    *spec = (struct spec){0};
    if (equals)
        spec->first = (char *)pawli_arena_text(&cli->arena, (struct text){text, (size_t)(equals - text)}).data;
    /* A topic may have the separator of a message's route, but a route has one only. */
    if (spec->first)
        spec->second = strchr(spec->first, separator);
    if (!spec->second)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--%s \"%.60s\" is malformed", option, text), "write %s", form);
    *spec->second++ = '\0';
    spec->key = strchr(spec->second, ':');
    if (spec->key)
        *spec->key++ = '\0';
    return cli_body(cli, option, equals + 1, &spec->data);
}

static int add_events(struct cli *cli, pawl_transition *transition)
{
    const char *text;
    struct spec spec;
    for (size_t at = 0; (text = cli_option_next(cli, "event", &at));) {
        int status = read_spec(cli, "event", "TOPIC:TYPE=DATA or TOPIC:TYPE:KEY=DATA", text, ':', &spec);
        if (status < 0)
            return status;
        pawl_transition_event(transition,
                              &(pawl_event){PAWL_EVENT, .topic = spec.first, .type = spec.second, .key = spec.key,
                                            .data = spec.data.data, .data_size = spec.data.size});
    }
    return PAWL_OK;
}

static int add_messages(struct cli *cli, pawl_transition *transition)
{
    const char *text;
    struct spec spec;
    for (size_t at = 0; (text = cli_option_next(cli, "message", &at));) {
        int status = read_spec(cli, "message", "LANE/TARGET=DATA or LANE/TARGET:KEY=DATA", text, '/', &spec);
        if (status < 0)
            return status;
        pawl_transition_message(transition,
                                &(pawl_message){PAWL_MESSAGE, .lane = spec.first, .target = spec.second,
                                                .key = spec.key, .data = spec.data.data, .data_size = spec.data.size});
    }
    return PAWL_OK;
}

/* ID:TOKEN=VERDICT: what was claimed is settled in the same commit as what came of it. */
static int read_settlement(struct cli *cli, const char *text, pawl_settlement *settlement)
{
    const char *colon = strchr(text, ':'), *equals = colon ? strchr(colon, '=') : NULL;
    if (!equals)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--settle \"%.60s\" is malformed", text),
                        "write ID:TOKEN=VERDICT, such as 17-3f0a:140737488355329=delivered");
    struct text id = pawli_arena_text(&cli->arena, (struct text){text, (size_t)(colon - text)});
    *settlement = (pawl_settlement){PAWL_SETTLEMENT, .verdict = pawl_verdict_parse(equals + 1)};
    int status = id.data ? cli_message_id(cli, "id", id.data, &settlement->id) : pawli_no_memory(&cli->error);
    if (status < 0)
        return status;
    if (!pawli_api_token((struct text){colon + 1, (size_t)(equals - colon - 1)}, &settlement->token))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "the token of --settle \"%.60s\" is malformed", text),
                        "give the 1 to 20 digits that \"pawl claim\" printed");
    if (settlement->verdict < 0 || settlement->verdict == PAWL_VERDICT_EXTEND)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--settle takes no verdict \"%.40s\"", equals + 1),
                        "use delivered, retry, dead, uncertain, deferred or released");
    return PAWL_OK;
}

static int add_settlements(struct cli *cli, pawl_transition *transition)
{
    const char *text;
    for (size_t at = 0; (text = cli_option_next(cli, "settle", &at));) {
        pawl_settlement settlement;
        int status = read_settlement(cli, text, &settlement);
        if (status < 0)
            return status;
        pawl_transition_settle(transition, &settlement);
    }
    return PAWL_OK;
}

/* ACCOUNT:ASSET=DECIMAL: an account may have ':', an asset has none, so the last before '=' ends it. */
static int add_posts(struct cli *cli, pawl_transition *transition)
{
    const char *text;
    for (size_t at = 0; (text = cli_option_next(cli, "post", &at));) {
        const char *equals = strchr(text, '=');
        size_t size = equals ? (size_t)(equals - text) : 0;
        char *account = (char *)pawli_arena_text(&cli->arena, (struct text){text, size}).data;
        char *colon = account && equals ? strrchr(account, ':') : NULL;
        if (!account)
            return pawli_no_memory(&cli->error);
        if (!colon)
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--post \"%.60s\" is malformed", text),
                            "write ACCOUNT:ASSET=DECIMAL, such as alice:USD=-12.5");
        *colon = '\0';
        pawl_transition_post(transition,
                             &(pawl_post){PAWL_POST, .account = account, .asset = colon + 1, .delta = equals + 1});
    }
    if (cli_has(cli, "balanced"))
        pawl_transition_balanced(transition);
    return PAWL_OK;
}

/* KIND/ID=DATA: neither has '/' or '='. */
static int add_starts_of(struct cli *cli, const char *option, pawl_transition *transition)
{
    const char *text;
    for (size_t at = 0; (text = cli_option_next(cli, option, &at));) {
        const char *slash = strchr(text, '/'), *equals = strchr(text, '=');
        struct text data = {0};
        if (!slash || (equals && equals < slash))
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--%s \"%.60s\" is malformed", option, text),
                            "write KIND/ID=DATA, such as pay/order-1042={\"cents\":500}");
        size_t end = equals ? (size_t)(equals - text) : strlen(text), size = (size_t)(slash - text);
        int status = equals ? cli_body(cli, option, equals + 1, &data) : PAWL_OK;
        if (status < 0)
            return status;
        const char *kind = pawli_arena_text(&cli->arena, (struct text){text, size}).data;
        const char *id = pawli_arena_text(&cli->arena, (struct text){slash + 1, end - size - 1}).data;
        if (!kind || !id)
            return pawli_no_memory(&cli->error);
        pawl_transition_start(transition,
                              &(pawl_start){PAWL_START, .kind = kind, .id = id, .data = data.data,
                                            .data_size = data.size, .keep_existing = strcmp(option, "child") == 0});
    }
    return PAWL_OK;
}

static int add_starts(struct cli *cli, pawl_transition *transition)
{
    int status = add_starts_of(cli, "start", transition);
    return status == PAWL_OK ? add_starts_of(cli, "child", transition) : status;
}

static int add_resources(struct cli *cli, pawl_transition *transition)
{
    static const struct {
        const char *option;
        int32_t action;
    } actions[] = {
        {"hold", PAWL_RESOURCE_HOLD}, {"release", PAWL_RESOURCE_RELEASE}, {"consume", PAWL_RESOURCE_CONSUME}};
    const char *id;
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        for (size_t at = 0; (id = cli_option_next(cli, actions[i].option, &at));)
            pawl_transition_resource(transition,
                                     &(pawl_resource){PAWL_RESOURCE, .id = id, .action = actions[i].action});
    return PAWL_OK;
}

int cli_add_effects(struct cli *cli, pawl_transition *transition)
{
    static int (*const adders[])(struct cli * cli, pawl_transition * transition) = {add_events, add_messages, add_posts,
                                                                                    add_starts, add_resources};
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(adders); i++)
        status = adders[i](cli, transition);
    return status;
}

static int build(struct cli *cli, pawl_transition *transition)
{
    const char *data = cli_option(cli, "data"), *response = cli_option(cli, "response");
    struct text bytes = TEXT("");
    int status = data ? cli_body(cli, "data", data, &bytes) : PAWL_OK;
    if (status < 0)
        return status;
    pawl_transition_command(transition, bytes.data, bytes.size);
    status = response ? cli_body(cli, "response", response, &bytes) : PAWL_OK;
    if (status < 0)
        return status;
    if (response)
        pawl_transition_response(transition, bytes.data, bytes.size);
    status = cli_add_effects(cli, transition);
    return status == PAWL_OK ? add_settlements(cli, transition) : status;
}

static int commit(struct cli *cli, pawl_transition *transition)
{
    pawl_receipt *receipt = NULL;
    size_t size;
    int status = build(cli, transition);
    if (status == PAWL_OK)
        status = pawl_transition_commit(transition, &receipt, &cli->error);
    if (status < 0)
        return status;
    if (cli->json || !cli->quiet)
        print_receipt(cli, receipt);
    for (size_t i = 0; i < pawl_receipt_message_count(receipt); i++) {
        char id[PAWL_UUID_TEXT_SIZE];
        pawl_uuid message = pawl_receipt_message(receipt, i);
        cli_say(cli, "message %s", pawl_uuid_format(&message, id));
    }
    const char *response = pawl_receipt_response(receipt, &size);
    if (response && !cli->json && !cli->quiet)
        printf("response %s\n", cli_safe(&cli->arena, (struct text){response, size}).data);
    pawl_receipt_free(receipt);
    return PAWL_OK;
}

static int refuse_with_lines(struct cli *cli)
{
    return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--jsonl takes everything from its lines"),
                    "leave the other options and TYPE out, or --jsonl");
}

int cli_submit(struct cli *cli)
{
    const char *file = cli_option(cli, "jsonl"), *type = cli_argument(cli, 0);
    if (file)
        return type || cli->given_count > 1 ? refuse_with_lines(cli) : cli_lines(cli, file, &transitions);
    if (!type)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "neither TYPE nor --jsonl is given"),
                        "usage: pawl submit TYPE [OPTIONS], or pawl submit --jsonl FILE");
    pawl_transition *transition = pawl_transition_new(
        cli->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = type, .request_id = cli->request_id,
                                               .ref = cli_option(cli, "ref")});
    if (!transition)
        return pawli_no_memory(&cli->error);
    int status = commit(cli, transition);
    pawl_transition_free(transition);
    return status;
}
