/* SPDX-License-Identifier: MIT */
/* pawl bench: the workloads of bench/, from the command's own options. */
#include "bench/bench.h"
#include "cli/commands.h"

#define SECONDS_MAX 3600
#define ROUNDS_MAX  15
#define RECORDS_MAX INT64_C(1000000000)

const struct cli_option cli_bench_options[] = {
    {"dir", "DIR", "where the files are made: on the disk that shall be measured (.)", false},
    {"seconds", "N", "how long each measurement lasts (2)", false},
    {"rounds", "N", "how often pawl and the baseline are measured in turn (3)", false},
    {"records", "N", "how many a store is filled with before (the workload's own)", false},
    {0},
};

int cli_bench(struct cli *cli)
{
    int64_t seconds = 2, rounds = 3, records = 0;
    int status = cli_option_number(cli, "seconds", 1, SECONDS_MAX, &seconds);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "rounds", 1, ROUNDS_MAX, &rounds);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "records", 1, RECORDS_MAX, &records);
    if (status < 0)
        return status;
    struct bench bench = {.folder = cli_option(cli, "dir"),
                          .seconds = (double)seconds,
                          .rounds = (int)rounds,
                          .records = (uint64_t)records,
                          .json = cli->json,
                          .quiet = cli->quiet};
    return bench_run(&bench, cli->arguments, cli->argument_count, &cli->error);
}
