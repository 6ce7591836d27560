/* SPDX-License-Identifier: MIT */
/* snapshots: the state of a program behind a record. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "api/api.h"
#include "base/codec.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/check.h"
#include "model/view_json.h"

/* ---- add ---- */

static int write_file(struct cli *cli, const char *name, pawl_snapshot *snapshot)
{
    char part[65536];
    ssize_t size;
    int fd;
    int status = cli_input(cli, name, &fd);
    if (status < 0)
        return status;
    while ((size = read(fd, part, sizeof part)) > 0 || (size < 0 && errno == EINTR))
        if (size > 0)
            pawl_snapshot_write(snapshot, part, (size_t)size);
    if (size < 0)
        status = cli_fail(cli, PAWL_EIO, "cannot read \"%.200s\": %s", name, strerror(errno));
    if (fd != STDIN_FILENO)
        close(fd);
    return status;
}

static int add(struct cli *cli, pawl_snapshot *snapshot)
{
    const char *data = cli_argument(cli, 1);
    int status = PAWL_OK;
    if (data[0] == '@' || strcmp(data, "-") == 0)
        status = write_file(cli, data[0] == '@' ? data + 1 : data, snapshot);
    else
        pawl_snapshot_write(snapshot, data, strlen(data));
    return status == PAWL_OK ? pawl_snapshot_commit(snapshot, &cli->error) : status;
}

/* That of a record, out of all. */
static const pawl_snapshot_view *find(const pawl_snapshots *snapshots, uint64_t seq)
{
    for (size_t i = 0; i < pawl_snapshots_count(snapshots); i++)
        if (pawl_snapshots_get(snapshots, i)->seq == seq)
            return pawl_snapshots_get(snapshots, i);
    return NULL;
}

int cli_snapshots_add(struct cli *cli)
{
    int64_t seq = 0, keep = 0;
    int status = cli_number(cli, "SEQ", cli_argument(cli, 0), 1, INT64_MAX - 1, &seq);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "keep", 1, INT32_MAX, &keep);
    if (status < 0)
        return status;
    pawl_snapshot *snapshot = pawl_snapshot_new(
        cli->store, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = (uint64_t)seq, .keep = (uint32_t)keep});
    status = add(cli, snapshot);
    pawl_snapshot_free(snapshot);
    pawl_snapshots *snapshots;
    if (status == PAWL_OK)
        status = pawl_snapshots_list(cli->store, &snapshots, &cli->error);
    if (status < 0)
        return status;
    const pawl_snapshot_view *view = find(snapshots, (uint64_t)seq);
    if (view && cli->json) {
        pawli_api_put_snapshot(cli_object(cli), view);
        cli_object_end(cli);
    } else if (view) {
        cli_say(cli, "snapshot of record %" PRIu64 ": %" PRIu64 " bytes", view->seq, view->size);
    }
    pawl_snapshots_free(snapshots);
    return PAWL_OK;
}

/* ---- list, newest first ---- */

int cli_snapshots_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"SEQ", COLUMN_RIGHT}, {"SIZE", COLUMN_RIGHT}, {"MADE", COLUMN_CUT}, {"SHA256", COLUMN_CUT}};
    pawl_snapshots *snapshots;
    struct cli_table table;
    bool is_bad = false;
    int status = pawl_snapshots_list(cli->store, &snapshots, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = pawl_snapshots_count(snapshots); i-- > 0;) {
        const pawl_snapshot_view *view = pawl_snapshots_get(snapshots, i);
        char hex[13], time[32];
        is_bad |= view->error != NULL;
        if (cli->json) {
            pawli_api_put_snapshot(cli_object(cli), view);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(&table);
        cli_table_format(&table, "%" PRIu64, view->seq);
        cli_table_format(&table, "%" PRIu64, view->size);
        cli_table_put(&table, cli_time(view->made_at_ms, time));
        pawli_hex(view->sha256, 6, hex);
        cli_table_put(&table, view->error ? view->error : hex);
    }
    pawl_snapshots_free(snapshots);
    if (!cli->json)
        status = cli_table_end(&table, "no snapshots");
    if (status == PAWL_OK && is_bad)
        status = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "some of it cannot be read"), "run \"pawl verify\"");
    return status;
}

/* ---- show ---- */

/* Written when all of it was seen to be what was added. */
static int take(void *data, const void *bytes, size_t size, pawl_error *err)
{
    struct buffer *buffer = data;
    pawli_buffer_add(buffer, bytes, size);
    return buffer->failed ? pawli_no_memory(err) : PAWL_OK;
}

static int print(struct cli *cli, uint64_t seq, struct text bytes)
{
    if (!cli->json) {
        if (isatty(STDOUT_FILENO))
            bytes = cli_safe(&cli->arena, bytes);
        fwrite(bytes.data, 1, bytes.size, stdout);
        return PAWL_OK;
    }
    struct text type = pawli_content_type_of(bytes);
    pawl_snapshots *snapshots;
    int status = type.data ? pawl_snapshots_list(cli->store, &snapshots, &cli->error) : pawli_no_memory(&cli->error);
    if (status < 0)
        return status;
    const pawl_snapshot_view *view = find(snapshots, seq);
    struct json_writer *out = cli_object(cli);
    if (view)
        pawli_api_put_snapshot(out, view);
    pawli_body_json(out, "data", type.data, bytes);
    cli_object_end(cli);
    pawl_snapshots_free(snapshots);
    return PAWL_OK;
}

int cli_snapshots_show(struct cli *cli)
{
    const char *argument = cli_argument(cli, 0);
    int64_t seq = 0;
    uint64_t found = 0;
    struct buffer bytes;
    int status = argument ? cli_number(cli, "SEQ", argument, 1, INT64_MAX - 1, &seq) : PAWL_OK;
    if (status < 0)
        return status;
    buffer_init(&bytes, SIZE_MAX / 2);
    status = pawl_snapshot_read(cli->store, (uint64_t)seq, take, &bytes, &found, &cli->error);
    if (status == PAWL_OK)
        status = print(cli, found, bytes.size ? buffer_text(&bytes) : TEXT(""));
    pawli_buffer_done(&bytes);
    return status;
}
