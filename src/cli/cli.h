/* SPDX-License-Identifier: MIT */
/* The command. One table (commands.c) says what there is: parser, help, completion and the manual's synopsis come from it.
 *
 * A command is a function that answers a library status with the error in cli->error; main prints it and exits with the
 * status's exit code. What it prints on standard output goes through the calls below, which know --json and --quiet. */
#ifndef PAWLI_CLI_H
#define PAWLI_CLI_H

#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "pawl/pawl.h"

struct cli;

struct cli_option {
    const char *name;    /* without its dashes */
    const char *value;   /* what it takes, such as "UUID"; NULL: nothing */
    const char *meaning; /* for help and manual */
    bool repeats;        /* may be given more than once */
};

/* How the store is opened before the command runs, into cli->store. */
enum cli_store {
    CLI_NO_STORE, /* the command opens it itself, or needs none */
    CLI_READS,
    CLI_WRITES,
    CLI_RECORDS, /* writes under a request id, which is given or minted before the store is opened */
    CLI_CREATES
};

struct cli_command {
    const char *name;                 /* one or two words: "submit", "journal list" */
    const char *arguments;            /* as shown, and obeyed: "LANE TARGET [DATA]", "LANE KEY=VALUE..." */
    const char *summary;              /* one line */
    const struct cli_option *options; /* ends with one that has no name; NULL: none */
    int (*run)(struct cli *cli);
    enum cli_store store;
};

extern const struct cli_command cli_commands[]; /* ends with one that has no name */
extern const struct cli_option cli_global_options[];

struct cli_given {
    const struct cli_option *option;
    const char *value; /* NULL: it takes none */
};

struct cli {
    /* What was asked */
    const struct cli_command *command; /* NULL: none was named */
    const char *group;                 /* the first word of commands of two, where it was given */
    const char **arguments;
    size_t argument_count;
    struct cli_given *given;
    size_t given_count;
    const char *store_url, *scope;
    bool scope_given, json, quiet, wants_help, wants_version;
    /* What it is done with */
    struct arena arena; /* lives as long as the command */
    pawl_store *store;
    bool read_stdin;     /* by an argument "-" */
    int64_t progress_ms; /* when progress was shown last */
    struct buffer line;
    struct json_writer writer;
    /* How it ended */
    pawl_error error;
    pawl_uuid request_id; /* to be named when the outcome is busy or unknown; nil: there is none */
    bool reported;        /* the error was printed already */
    bool warned_keep;     /* so was the warning of cli_warn_keep */
};

/* ---- what was asked ---- */

/* Reads the command line; EINVAL says what is wrong with it and how it should be. */
int cli_parse(struct cli *cli, int count, char **words);

const char *cli_option(const struct cli *cli, const char *name); /* NULL: not given, or takes no value */
bool cli_has(const struct cli *cli, const char *name);
/* The values of an option that repeats, one after the other; begin with *at = 0. NULL: no more. */
const char *cli_option_next(const struct cli *cli, const char *name, size_t *at);
const char *cli_argument(const struct cli *cli, size_t index); /* NULL: not given */

/* Numbers and ids out of text; `field` names it in the error. Absent options leave *value alone. */
int cli_number(struct cli *cli, const char *field, const char *text, int64_t min, int64_t max, int64_t *value);
int cli_option_number(struct cli *cli, const char *name, int64_t min, int64_t max, int64_t *value);
int cli_uuid(struct cli *cli, const char *field, const char *text, pawl_uuid *id);
/* Milliseconds: whole, or a number with ms, s, m, h or d. A moment is Unix milliseconds, or with a unit so long ago. */
int cli_duration(struct cli *cli, const char *field, const char *text, int64_t min, int64_t max, int64_t *ms);
int cli_option_duration(struct cli *cli, const char *name, int64_t min, int64_t max, int64_t *ms);
int cli_option_moment(struct cli *cli, const char *name, int64_t *unix_ms);
/* A message of the store that is open: its id, or the short form of it that tables show. */
int cli_message_id(struct cli *cli, const char *field, const char *text, pawl_uuid *id);
int cli_option_message_id(struct cli *cli, const char *name, pawl_uuid *id);

/* The nearest of several words to a mistyped one: offer them all, then ask. NULL: none is near. */
struct cli_nearest {
    const char *word, *found;
    size_t distance;
};
void cli_nearest_offer(struct cli_nearest *nearest, const char *candidate);

/* Says so when nothing in a scope (NULL: in any) has this name yet, and which one is near. */
enum cli_name { CLI_SCOPE, CLI_LANE, CLI_TARGET };
void cli_note_unknown(struct cli *cli, enum cli_name kind, const char *scope, const char *name);
int cli_option_uuid(struct cli *cli, const char *name, pawl_uuid *id);

/* The bytes of a data argument: literal, @FILE, or - for standard input (once). Over limit: ELIMIT. */
int cli_data(struct cli *cli, const char *field, const char *text, size_t limit, struct text *data);

/* The same of a body: what looks like JSON and is not is said, with --json-only whatever is not is refused. */
int cli_body(struct cli *cli, const char *field, const char *text, struct text *body);

/* Opens FILE, or standard input for -, once. */
int cli_input(struct cli *cli, const char *name, int *ret_fd);

/* The request id of a command that records: --id, --id-from or a new one, into cli->request_id. */
int cli_request(struct cli *cli);

/* That id, --reason and who asks, for what operators do. */
pawl_operation cli_operation(const struct cli *cli);

/* ---- what went wrong ---- */

#define cli_fail(cli, status, ...) pawli_fail(&(cli)->error, (status), __VA_ARGS__)
#define cli_hint(cli, status, ...) pawli_hint(&(cli)->error, (status), __VA_ARGS__)

/* Prints an error; line > 0: of that line of an input. */
void cli_report(const struct cli *cli, int status, const pawl_error *error, const pawl_uuid *request_id, uint64_t line);

/* The same as the member "error" of an answer that is printed among others. */
void cli_put_error(struct json_writer *out, int status, const pawl_error *error, const pawl_uuid *request_id);

/* Says something that is no error but should be known, on standard error; not with --quiet. */
void cli_note(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- the store ---- */

int cli_open(struct cli *cli, const pawl_store_options *options); /* --store and --scope are put in */
int cli_open_to_read(
    struct cli *cli); /* read-only, but for a log that a killed process left and that may be recovered */

/* ---- what comes out ---- */

/* One JSON object a line: begin, put members with the writer, end. */
struct json_writer *cli_object(struct cli *cli);
void cli_object_end(struct cli *cli);

/* A text from outside, such as an argument, which may be no UTF-8: then its bytes too, as NAME_base64. */
void cli_put_outside(struct json_writer *out, const char *name, const char *value);

/* A line, made safe. */
void cli_print(const char *format, ...) PRINTF_LIKE(1, 2);

/* What was done, in words: such a line; not with --quiet or --json. */
void cli_say(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* Text as people are shown it: one line, which can be read back (base/escape.h). */
struct text cli_safe(struct arena *arena, struct text text);

char *cli_time(int64_t unix_ms, char out[32]); /* "2026-11-21 06:43:35Z"; "-" for 0 */
char *cli_age(int64_t unix_ms, char out[32]);  /* how long ago that is, or ahead: "35s", "2h", "in 5d" */
char *cli_short_id(const pawl_uuid *id,
                   char out[32]); /* of a message: its number and the last four digits, "17-3f0a" */
int64_t cli_now_ms(void);
int64_t cli_monotonic_ms(void);

/* Progress of long work, on standard error where that is a terminal. done == UINT64_MAX ends the line. */
void cli_progress(struct cli *cli, const char *what, uint64_t done, uint64_t total);

/* ---- help ---- */

void cli_print_help(const struct cli_command *command, FILE *out); /* NULL: of all */
bool cli_print_named(struct text name, FILE *out); /* one command, or those of a group; false: no such */

#endif
