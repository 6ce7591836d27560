/* SPDX-License-Identifier: MIT */
/* pawl: parses, opens the store, runs the command, says how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "base/escape.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/table.h"

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

struct report {
    const char *what; /* "error" or "note" */
    int status;
    const char *message, *hint, *request_id; /* escaped where they were made; NULL: absent */
    const pawl_error *error;                 /* NULL: of a note */
    uint64_t line;                           /* 0: of none */
};

/* "error":{…} or "note":{…} */
static void put_report(struct json_writer *out, const struct report *report)
{
    pawli_json_key(out, report->what);
    pawli_json_open(out, '{');
    if (report->status < 0)
        pawli_json_put_i64(out, "status", pawl_status_exit(report->status));
    pawli_json_put_string(out, "message", report->message);
    pawli_json_put_string(out, "hint", report->hint);
    if (report->error)
        pawli_api_put_conflict(out, report->error);
    pawli_json_put_string(out, "request_id", report->request_id);
    if (report->line)
        pawli_json_put_u64(out, "line", report->line);
    pawli_json_close(out, '}');
}

static void report_json(const struct report *report)
{
    struct buffer out, shown;
    buffer_init(&out, 65536);
    buffer_init(&shown, 6 * 65536);
    struct json_writer writer = {&out, false};
    pawli_json_open(&writer, '{');
    put_report(&writer, report);
    pawli_json_close(&writer, '}');
    pawli_escape_json(&shown, buffer_text(&out));
    if (!out.failed && !shown.failed)
        fprintf(stderr, "%.*s\n", (int)shown.size, shown.data);
    pawli_buffer_done(&out);
    pawli_buffer_done(&shown);
}

/* A line of standard error, which goes on below its text where the terminal is too narrow. */
static void put_labelled(const char *label, const char *text)
{
    fputs(label, stderr);
    cli_put_wrapped(stderr, text_of(text), strlen(label), 6);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    char text[2048];
    struct arena arena = {0};
    va_list arguments;
    if (cli->quiet)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct text safe = cli_safe(&arena, text_of(text));
    fflush(stdout); /* what it is about comes before it */
    if (cli->json)
        report_json(&(struct report){.what = "note", .message = safe.data});
    else
        put_labelled("pawl: note: ", safe.data);
    pawli_arena_done(&arena);
}

static const char *message_of(int status, const pawl_error *error)
{
    return error->status == status && error->text[0] ? error->text : pawl_status_text(status);
}

static const char *hint_for(int status, const pawl_error *error)
{
    return error->status == status && error->hint[0] ? error->hint : hint_of(status);
}

static struct report report_of(int status, const pawl_error *error, const pawl_uuid *request_id,
                               char id[PAWL_UUID_TEXT_SIZE])
{
    return (struct report){.what = "error",
                           .status = status,
                           .message = message_of(status, error),
                           .hint = hint_for(status, error),
                           .request_id = names_request(status, request_id) ? pawl_uuid_format(request_id, id) : NULL,
                           .error = error->status == status ? error : NULL};
}

void cli_put_error(struct json_writer *out, int status, const pawl_error *error, const pawl_uuid *request_id)
{
    char id[PAWL_UUID_TEXT_SIZE];
    const struct report report = report_of(status, error, request_id, id);
    put_report(out, &report);
}

void cli_report(const struct cli *cli, int status, const pawl_error *error, const pawl_uuid *request_id, uint64_t line)
{
    char id[PAWL_UUID_TEXT_SIZE];
    struct report report = report_of(status, error, request_id, id);
    report.line = line;
    fflush(stdout); /* so that errors and results stay in order where both go to one place */
    if (cli->json) {
        report_json(&report);
        return;
    }
    char label[64] = "pawl: ";
    if (line)
        snprintf(label, sizeof label, "pawl: line %llu: ", (unsigned long long)line);
    put_labelled(label, report.message);
    put_labelled("  hint: ", report.hint);
    if (report.request_id)
        put_labelled("  request id: ", report.request_id);
}

/* ---- the store ---- */

int cli_open(struct cli *cli, const pawl_store_options *options)
{
    pawl_store_options with = *options;
    with.scope = cli->scope;
    return pawl_store_open(cli->store_url, &with, &cli->store, &cli->error);
}

int cli_open_to_read(struct cli *cli)
{
    pawl_store_options options = {PAWL_STORE_OPTIONS, .must_exist = 1, .read_only = 1};
    int status = cli_open(cli, &options);
    if (status != PAWL_EUNAVAIL)
        return status;
    pawl_error told = cli->error;
    options.read_only = 0; /* who may write recovers what a killed process left */
    if (cli_open(cli, &options) == PAWL_OK)
        return PAWL_OK;
    cli->error = told;
    return status;
}

/* The store of `init --into` is the one that is named there. */
static int read_into(struct cli *cli)
{
    const char *into = cli_option(cli, "into");
    if (!into)
        return PAWL_OK;
    if (strncmp(into, "sqlite:", strlen("sqlite:")) != 0)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--into takes a database of SQLite, not \"%.80s\"", into),
                        "write --into sqlite:FILE");
    const char *options = strchr(into, '?');
    bool says_so = options && (strstr(options, "?into=") || strstr(options, "&into="));
    cli->store_url = says_so ? into : pawli_arena_format(&cli->arena, "%s%cinto=1", into, options ? '&' : '?').data;
    return cli->store_url ? PAWL_OK : pawli_no_memory(&cli->error);
}

static int open_as_needed(struct cli *cli)
{
    enum cli_store how = cli->command->store;
    if (how == CLI_NO_STORE)
        return PAWL_OK;
    if (how == CLI_READS)
        return cli_open_to_read(cli);
    int status = read_into(cli);
    return status < 0 ? status
                      : cli_open(cli, &(pawl_store_options){PAWL_STORE_OPTIONS, .must_exist = how != CLI_CREATES});
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

/* A standard stream that is closed must not become the next file or socket that is opened: it is taken, by something that
 * can be neither read nor written as the stream would be, so that using it still fails. */
static void take_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            abort(); /* where there is no /dev/null, nothing is safe to open */
}

int main(int count, char **words)
{
    take_standard_streams();
    const char *url = getenv("PAWL_STORE");
    struct cli cli = {.store_url = url && *url ? url : "sqlite:pawl.db", .scope = "default"};
    setlocale(LC_CTYPE, "C.UTF-8"); /* what columns are counted in */
    signal(SIGXFSZ, SIG_IGN);       /* a limit of file sizes is an error of the store, not the end of the process */
    unsetenv("SSLKEYLOGFILE");      /* libcurl would write the keys of every connection there */
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
