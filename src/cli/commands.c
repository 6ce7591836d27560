/* SPDX-License-Identifier: MIT */
/* The table of commands. The commands of one first word stand together. */
#include "cli/commands.h"

const struct cli_option cli_global_options[] = {
    {"store", "URL", "the store: sqlite:FILE, or memory: (default: $PAWL_STORE, else sqlite:pawl.db)", false},
    {"scope", "NAME", "the tenant (default: default)", false},
    {"json", NULL, "print one JSON object a line; errors are JSON too", false},
    {"quiet", NULL, "no progress, and nothing about what was done", false},
    {"help", NULL, "say what there is, or how the command is used", false},
    {"version", NULL, "print the version", false},
    {0},
};

static const struct cli_option help_options[] = {
    {"bash", NULL, "print the completion for bash", false},
    {"scdoc", NULL, "print the manual's list of commands", false},
    {0},
};

const struct cli_command cli_commands[] = {
    {"init", "", "create the store, or bring an older one up to date", NULL, cli_init, CLI_CREATES},
    {"serve", "", "deliver messages, and answer over HTTP, until a signal", cli_serve_options, cli_serve, CLI_WRITES},
    {"listen", "[ADDR]", "receive webhooks and print them, for trying things out", cli_listen_options, cli_listen,
     CLI_NO_STORE},
    {"demo", "", "the main job, seen: deliver real webhooks while processes are killed", cli_demo_options, cli_demo,
     CLI_NO_STORE},
    {"help", "[COMMAND] [SUBCOMMAND]", "say what there is, or how a command is used", help_options, cli_help,
     CLI_NO_STORE},
    {"version", "", "print the versions of pawl and of what it is linked with", NULL, cli_version, CLI_NO_STORE},
    {0},
};
