/* SPDX-License-Identifier: MIT */
/* pawl: parses, opens the store, runs the command, says how it ended. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/uuid.h"
#include "cli/commands.h"

/* ---- what went wrong ---- */

/* What to do next, where the library had nothing better to say. */
static const char *hint_of(int status)
{
    static const struct {
        int status;
        const char *hint;
    } hints[] = {
        {PAWL_EINVAL, "nothing was written; see \"pawl help\" with the command's name"},
        {PAWL_ENOTFOUND, "check the name or id, --scope and --store"},
        {PAWL_ECONFLICT, "nothing was written; use another id or key for other content"},
        {PAWL_EFENCED, "nothing was written; claim the message again"},
        {PAWL_EBUSY, "nothing was written; run the same command again"},
        {PAWL_EUNAVAIL, "nothing was written; check the store's file and folder, then run the same command again"},
        {PAWL_EUNCERTAIN, "run the same command with the same id again: it answers what happened"},
        {PAWL_ELIMIT, "nothing was written; stay below the limit"},
        {PAWL_ENOMEM, "nothing was written; free memory and run the same command again"},
        {PAWL_EIO, "check the disk, then run \"pawl doctor\""},
        {PAWL_ECORRUPT, "keep a copy of the store, then run \"pawl verify\""},
        {PAWL_EUNSUPPORTED, "this version cannot do it"},
        {PAWL_EREFUSED, "nothing was written; look at the state first"},
    };
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (hints[i].status == status)
            return hints[i].hint;
    return "run \"pawl doctor\"";
}

static bool names_request(int status, const pawl_uuid *request_id)
{
    int exit_status = pawl_status_exit(status);
    return (exit_status == 5 || exit_status == 6) && request_id && !uuid_is_nil(request_id);
}

static void report_json(int status, const char *message, const char *hint, const char *request_id, uint64_t line)
{
    struct buffer out;
    struct arena arena = {0};
    buffer_init(&out, 65536);
    struct json_writer writer = {&out, false};
    pawli_json_open(&writer, '{');
    pawli_json_key(&writer, "error");
    pawli_json_open(&writer, '{');
    pawli_json_put_i64(&writer, "status", pawl_status_exit(status));
    /* What is quoted from the outside may be no UTF-8: it is shown escaped, as in words. */
    pawli_json_put_text(&writer, "message", cli_safe(&arena, text_of(message), true));
    pawli_json_put_text(&writer, "hint", cli_safe(&arena, text_of(hint), true));
    pawli_json_put_string(&writer, "request_id", request_id);
    if (line)
        pawli_json_put_u64(&writer, "line", line);
    pawli_json_close(&writer, '}');
    pawli_json_close(&writer, '}');
    if (!out.failed)
        fprintf(stderr, "%.*s\n", (int)out.size, out.data);
    pawli_buffer_done(&out);
    pawli_arena_done(&arena);
}

void cli_report(const struct cli *cli, int status, const pawl_error *error, const pawl_uuid *request_id, uint64_t line)
{
    char id[PAWL_UUID_TEXT_SIZE];
    const char *shown_id = names_request(status, request_id) ? pawl_uuid_format(request_id, id) : NULL;
    const char *message = error->status == status && error->text[0] ? error->text : pawl_status_text(status);
    const char *hint = error->status == status && error->hint[0] ? error->hint : hint_of(status);
    fflush(stdout); /* so that errors and results stay in order where both go to one place */
    if (cli->json) {
        report_json(status, message, hint, shown_id, line);
        return;
    }
    fputs("pawl: ", stderr);
    if (line)
        fprintf(stderr, "line %llu: ", (unsigned long long)line);
    cli_put_safe(stderr, message);
    fputs("\n  hint: ", stderr);
    cli_put_safe(stderr, hint);
    if (shown_id)
        fprintf(stderr, "\n  request id: %s", shown_id);
    fputc('\n', stderr);
}

/* ---- the store ---- */

int cli_open(struct cli *cli, const pawl_store_options *options)
{
    pawl_store_options with = *options;
    with.scope = cli->scope;
    return pawl_store_open(cli->store_url, &with, &cli->store, &cli->error);
}

static int open_as_needed(struct cli *cli)
{
    enum cli_store how = cli->command->store;
    pawl_store_options options = {PAWL_STORE_OPTIONS, .must_exist = how != CLI_CREATES, .read_only = how == CLI_READS};
    return how == CLI_NO_STORE ? PAWL_OK : cli_open(cli, &options);
}

/* ---- running ---- */

static int run(struct cli *cli)
{
    if (cli->wants_version)
        return cli_version(cli);
    if (cli->wants_help) {
        if (cli->command || !cli->group)
            cli_print_help(cli->command, stdout);
        else
            cli_print_named(text_of(cli->group), stdout);
        return PAWL_OK;
    }
    int status = cli->command->store == CLI_RECORDS ? cli_request(cli) : PAWL_OK;
    if (status == PAWL_OK)
        status = open_as_needed(cli);
    return status < 0 ? status : cli->command->run(cli);
}

/* Whether everything that was printed arrived: a full disk behind a redirection must not look like success. */
static int finish_output(struct cli *cli)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && !cli->line.failed)
        return PAWL_OK;
    return cli_hint(cli,
                    cli_fail(cli, PAWL_EIO, "standard output could not be written: %s",
                             errno ? strerror(errno) : "it failed earlier"),
                    "what was to be written to the store was written: look before doing it again");
}

static void done(struct cli *cli)
{
    pawl_store_close(cli->store);
    pawli_buffer_done(&cli->line);
    pawli_arena_done(&cli->arena);
}

int main(int count, char **words)
{
    const char *url = getenv("PAWL_STORE");
    struct cli cli = {.store_url = url && *url ? url : "sqlite:pawl.db", .scope = "default"};
    setlocale(LC_CTYPE, "C.UTF-8"); /* what columns are counted in */
    int status = cli_parse(&cli, count - 1, words + 1);
    if (status == PAWL_OK)
        status = run(&cli);
    cli_progress(&cli, NULL, UINT64_MAX, 0);
    int printed = finish_output(&cli);
    if (status == PAWL_OK)
        status = printed;
    for (int i = 1; i < count && !cli.json; i++) /* behind the word that could not be understood */
        cli.json = strcmp(words[i], "--json") == 0;
    if (status < 0 && !cli.reported)
        cli_report(&cli, status, &cli.error, &cli.request_id, 0);
    done(&cli);
    return status < 0 ? pawl_status_exit(status) : 0;
}
