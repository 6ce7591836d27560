/* SPDX-License-Identifier: MIT */
/* What a program would do today beside what a record says it did: posts, events and messages, in the form in which they are
 * given to a transition. */
#ifndef PAWLI_CLI_SHADOW_H
#define PAWLI_CLI_SHADOW_H

#include "cli/cli.h"

enum shadow_kind { SHADOW_POSTS, SHADOW_EVENTS, SHADOW_MESSAGES, SHADOW_COUNT };
extern const char *const cli_shadow_names[SHADOW_COUNT];

/* Prints a line for each kind of which what was computed (a JSON array; absent: none) is not what was recorded. */
int cli_shadow_compare(struct cli *cli, const pawl_record *record, const struct text computed[SHADOW_COUNT],
                       uint64_t *differences);

#endif
