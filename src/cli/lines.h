/* SPDX-License-Identifier: MIT */
/* A stream of JSON lines: many in flight, group-committed, answered in their order. */
#ifndef PAWLI_LINES_H
#define PAWLI_LINES_H

#include "cli/cli.h"

struct lines;

/* One line under way. */
struct cli_line {
    struct lines *lines;
    uint64_t number;
    pawl_uuid request_id; /* nil: it has none */
    int status;
    pawl_error error;
    union {
        pawl_receipt *receipt;
        pawl_enqueued enqueued;
        struct {
            pawl_transition *made; /* freed behind the callback */
            const char *kind, *id, *result;
            const char *status; /* static */
            uint64_t generation;
        } step;
    } answer;
    bool is_done;
};

/* What is done with a line. submit hands it to the store, whose callback calls cli_line_done; where it fails at once it
 * says so, and nothing is called. print prints the answer; free gives it back. */
struct cli_line_kind {
    int (*submit)(struct cli *cli, struct cli_line *line, struct text json, pawl_error *err);
    void (*print)(struct cli *cli, const struct cli_line *line);
    void (*free)(struct cli_line *line);
};

/* Lines before this one that are under way, by index; NULL: no more. And sleeps until one of them is answered. */
const struct cli_line *cli_line_before(const struct cli_line *line, size_t index);
void cli_line_wait(const struct cli_line *line);

void cli_line_done(struct cli_line *line, int status, const pawl_error *error); /* from any thread, the answer is set */

/* Runs all lines of a file, - being standard input. Bad lines are reported by number; the answer is the status of the
 * first of them. */
int cli_lines(struct cli *cli, const char *file, const struct cli_line_kind *kind);

#endif
