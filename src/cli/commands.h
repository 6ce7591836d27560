/* SPDX-License-Identifier: MIT */
/* The functions behind the table, by file. */
#ifndef PAWLI_COMMANDS_H
#define PAWLI_COMMANDS_H

#include "cli/cli.h"

/* help.c */
int cli_help(struct cli *cli);

/* cmd_demo.c */
extern const struct cli_option cli_demo_options[];
int cli_demo(struct cli *cli);

/* cmd_listen.c */
extern const struct cli_option cli_listen_options[];
int cli_listen(struct cli *cli);

/* cmd_serve.c */
extern const struct cli_option cli_serve_options[];
int cli_serve(struct cli *cli);

/* store.c */
int cli_init(struct cli *cli);
int cli_version(struct cli *cli);

#endif
