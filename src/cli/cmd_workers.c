/* SPDX-License-Identifier: MIT */
/* pawl workers: who works. */
#include <inttypes.h>

#include "api/api.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"

static const char *state_of(const pawl_worker_view *worker)
{
    return worker->is_by_hand ? "by hand" : worker->is_alive ? "works" : worker->stopped_ms ? "stopped" : "died";
}

static const char *lanes_of(struct cli *cli, const pawl_worker_view *worker)
{
    struct buffer buffer;
    if (worker->lane_count == 0)
        return "all";
    buffer_init(&buffer, LIMIT_JSON);
    for (size_t i = 0; i < worker->lane_count; i++)
        pawli_buffer_format(&buffer, "%s%s", i ? "," : "", worker->lanes[i]);
    const char *text = pawli_arena_text(&cli->arena, buffer_text(&buffer)).data;
    pawli_buffer_done(&buffer);
    return text;
}

static void put_row(struct cli *cli, struct cli_table *table, const pawl_worker_view *worker)
{
    char time[32];
    cli_table_row(table);
    cli_table_put(table, worker->consumer);
    cli_table_put(table, state_of(worker));
    if (worker->pid)
        cli_table_format(table, "%" PRIu64, worker->pid);
    else
        cli_table_put(table, "-");
    cli_table_put(table, worker->scope ? worker->scope : "all");
    cli_table_put(table, lanes_of(cli, worker));
    cli_table_format(table, "%" PRIu64, worker->claims);
    cli_table_put(table, cli_time(worker->since_ms, time));
    cli_table_put(table, cli_age(worker->stopped_ms ? worker->stopped_ms : worker->last_seen_ms, time));
}

int cli_workers(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"CONSUMER", COLUMN_CUT}, {"STATE", COLUMN_LEFT},   {"PID", COLUMN_RIGHT},  {"SCOPE", COLUMN_CUT},
        {"LANES", COLUMN_CUT},    {"CLAIMS", COLUMN_RIGHT}, {"SINCE", COLUMN_LEFT}, {"SEEN", COLUMN_RIGHT}};
    struct cli_table table;
    pawl_workers *workers;
    int status = pawl_workers_list(cli->store, cli->scope_given ? cli->scope : NULL, &workers, &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    for (size_t i = 0; i < pawl_workers_count(workers); i++) {
        const pawl_worker_view *worker = pawl_workers_get(workers, i);
        if (cli->json) {
            pawli_api_put_worker(cli_object(cli), worker);
            cli_object_end(cli);
        } else {
            put_row(cli, &table, worker);
        }
    }
    status = cli->json ? PAWL_OK
                       : cli_table_end(&table, "nobody works, and nobody has claimed anything: run \"pawl serve\"");
    pawl_workers_free(workers);
    return status;
}
