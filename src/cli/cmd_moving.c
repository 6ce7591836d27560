/* SPDX-License-Identifier: MIT */
/* journal export, import and prune: a journal moves, and sheds what nobody needs any more. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "base/codec.h"
#include "cli/commands.h"

/* ---- export ---- */

static int print_line(void *data, const char *line, size_t size, pawl_error *err)
{
    (void)data;
    if (fwrite(line, 1, size, stdout) == size)
        return PAWL_OK;
    return pawli_fail(err, PAWL_EIO, "cannot write the export: %s", strerror(errno));
}

int cli_journal_export(struct cli *cli)
{
    int64_t after = 0, limit = 0;
    int status = cli_option_number(cli, "after", 0, INT64_MAX - 1, &after);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &limit);
    if (status < 0)
        return status;
    const pawl_export_options options = {PAWL_EXPORT_OPTIONS, .after_seq = (uint64_t)after, .limit = (uint64_t)limit};
    return pawl_journal_export(cli->store, &options, print_line, NULL, &cli->error);
}

/* ---- import ---- */

struct input {
    struct cli *cli;
    FILE *file;
    char *line; /* getline's */
    size_t room;
    uint64_t lines;
};

static int next_line(void *data, const char **line, size_t *size, pawl_error *err)
{
    struct input *input = data;
    ssize_t got = getline(&input->line, &input->room, input->file);
    *line = input->line;
    *size = got > 0 ? (size_t)got : 0;
    cli_progress(input->cli, "read", ++input->lines, 0);
    return ferror(input->file) ? pawli_fail(err, PAWL_EIO, "cannot read it: %s", strerror(errno)) : PAWL_OK;
}

static void print_imported(struct cli *cli, const pawl_imported *imported)
{
    char hex[2 * sizeof imported->digest + 1];
    pawli_hex(imported->digest, sizeof imported->digest, hex);
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "scope", imported->scope);
        pawli_json_put_u64(out, "records", imported->records);
        pawli_json_put_string(out, "digest", hex);
        cli_object_end(cli);
    } else {
        cli_say(cli, "scope %s: %" PRIu64 " records imported, the last one has digest %.12s", imported->scope,
                imported->records, hex);
    }
}

int cli_journal_import(struct cli *cli)
{
    pawl_imported imported = {PAWL_IMPORTED};
    const pawl_operation operation = cli_operation(cli);
    struct input input = {.cli = cli};
    int fd;
    int status = cli_input(cli, cli_argument(cli, 0), &fd);
    if (status < 0)
        return status;
    input.file = fdopen(fd, "r");
    if (!input.file)
        return pawli_no_memory(&cli->error);
    status = pawl_journal_import(cli->store, next_line, &input, &operation, &imported, &cli->error);
    cli_progress(cli, NULL, UINT64_MAX, 0);
    fclose(input.file);
    free(input.line);
    if (status == PAWL_OK)
        print_imported(cli, &imported);
    return status;
}

/* ---- prune ---- */

int cli_journal_prune(struct cli *cli)
{
    const char *before = cli_option(cli, "before");
    int64_t seq = 0;
    uint64_t pruned = 0;
    if (!before)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--before is missing"),
                        "--before SEQ: bodies of the records before it go, where a snapshot stands behind them");
    int status = cli_number(cli, "before", before, 1, INT64_MAX - 1, &seq);
    if (status < 0)
        return status;
    const pawl_operation operation = cli_operation(cli);
    status = pawl_journal_prune(cli->store, (uint64_t)seq, &operation, &pruned, &cli->error);
    if (status == PAWL_OK && cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "scope", cli->scope);
        pawli_json_put_i64(out, "before", seq);
        pawli_json_put_u64(out, "pruned", pruned);
        cli_object_end(cli);
    } else if (status == PAWL_OK) {
        cli_say(cli, "%" PRIu64 " records pruned: their bodies are gone, their hashes stay", pruned);
    }
    return status;
}
