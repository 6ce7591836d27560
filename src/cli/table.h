/* SPDX-License-Identifier: MIT */
/* Tables for people: as wide as the terminal, or as wide as they are where there is none. Where not even the columns fit that
 * may not be cut, each row takes lines of its own. */
#ifndef PAWLI_TABLE_H
#define PAWLI_TABLE_H

#include "cli/cli.h"

enum {
    COLUMN_LEFT,
    COLUMN_RIGHT,
    COLUMN_CUT,     /* gives way where the terminal is too narrow, and ends in an ellipsis then */
    COLUMN_SPARE,   /* is left out before others are cut to little */
    COLUMN_WRAPPED, /* the last: gives way like one that is cut, and goes on below itself */
    COLUMN_RARE = 8 /* with one of them: is left out where no row has anything there, or 0 */
};

struct cli_column {
    const char *name;
    unsigned kind;
};

#define CLI_COLUMNS_MAX 16

struct cli_table {
    struct cli *cli;
    const struct cli_column *columns;
    size_t column_count, row_count, next;
    struct text *cells;
    size_t room;
    struct arena arena;
    bool failed;
};

void cli_table_begin(struct cli_table *table, struct cli *cli, const struct cli_column *columns, size_t count);
void cli_table_row(struct cli_table *table);
/* The next cell of the row; texts are made safe. NULL: empty, shown as "-" but in the last column. */
void cli_table_put(struct cli_table *table, const char *text);
void cli_table_format(struct cli_table *table, const char *format, ...) PRINTF_LIKE(2, 3);
/* Prints it; `nothing` says on a terminal that it is empty, if not NULL. */
int cli_table_end(struct cli_table *table, const char *nothing);

/* One line, made safe, cut to the width of a terminal; the other is safe already. */
void cli_put_line(struct text line);
void cli_put_safe(struct text safe);

/* The whole of a safe text, and a newline. On a terminal it goes on at column `indent` of the next line where it does not fit;
 * `at`: where it begins. */
void cli_put_wrapped(FILE *out, struct text safe, size_t at, size_t indent);

/* A name and its value, on a line of their own; nothing where the value is absent. */
void cli_field(const char *name, const char *value);
void cli_field_bytes(const char *name, const void *data, size_t size);
void cli_field_hex(const char *name, const void *bytes, size_t size); /* at most 64 bytes */

#endif
