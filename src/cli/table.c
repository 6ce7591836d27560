/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/codec.h"

/* Columns of the terminal behind standard output; 0: there is none, nothing is cut. */
static size_t terminal_width(void)
{
    struct winsize size;
    int64_t columns;
    const char *given = getenv("COLUMNS");
    if (given && pawli_parse_i64(text_of(given), &columns) && columns > 0 && columns < 10000)
        return (size_t)columns;
    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void cli_table_begin(struct cli_table *table, struct cli *cli, const struct cli_column *columns, size_t count)
{
    static const int flags[] = {
        [COLUMN_LEFT] = 0, [COLUMN_RIGHT] = SCOLS_FL_RIGHT, [COLUMN_CUT] = SCOLS_FL_TRUNC | SCOLS_FL_NOEXTREMES};
    size_t width = terminal_width();
    *table = (struct cli_table){.cli = cli, .table = scols_new_table()};
    table->failed = !table->table;
    for (size_t i = 0; i < count && !table->failed; i++)
        table->failed = !scols_table_new_column(table->table, columns[i].name, columns[i].kind == COLUMN_CUT ? 0.1 : 0,
                                                flags[columns[i].kind]);
    if (table->failed)
        return;
    scols_table_set_termforce(table->table, width ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    if (width)
        scols_table_set_termwidth(table->table, width);
}

void cli_table_row(struct cli_table *table)
{
    table->line = table->failed ? NULL : scols_table_new_line(table->table, NULL);
    table->failed |= !table->line;
    table->next = 0;
}

void cli_table_put(struct cli_table *table, const char *text)
{
    struct arena arena = {0};
    if (table->failed)
        return;
    if (text)
        table->failed = scols_line_set_data(table->line, table->next, cli_safe(&arena, text_of(text)).data) != 0;
    table->next++;
    pawli_arena_done(&arena);
}

void cli_table_format(struct cli_table *table, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_table_put(table, text);
}

int cli_table_end(struct cli_table *table)
{
    int status = table->failed ? pawli_no_memory(&table->cli->error) : PAWL_OK;
    if (status == PAWL_OK && !scols_table_is_empty(table->table) && scols_print_table(table->table) != 0)
        status = cli_fail(table->cli, PAWL_EIO, "the table could not be printed");
    scols_unref_table(table->table);
    return status;
}

/* How many bytes of a safe text fill at most so many columns. */
static size_t cut(struct text text, size_t width)
{
    size_t columns = 0, i = 0;
    while (i < text.size) {
        wchar_t character;
        mbstate_t state = {0};
        size_t size = mbrtowc(&character, text.data + i, text.size - i, &state);
        if (size == 0 || size > text.size)
            return i;
        int taken = wcwidth(character);
        columns += taken < 0 ? 1 : (size_t)taken;
        if (columns > width)
            return i;
        i += size;
    }
    return i;
}

void cli_put_safe(struct text safe)
{
    if (isatty(STDOUT_FILENO)) /* $COLUMNS is for tables: who reads lines shall have all of them */
        safe.size = cut(safe, terminal_width());
    fwrite(safe.data, 1, safe.size, stdout);
    putchar('\n');
}

void cli_put_line(struct text line)
{
    struct arena arena = {0};
    cli_put_safe(cli_safe(&arena, line));
    pawli_arena_done(&arena);
}

void cli_field_bytes(const char *name, const void *data, size_t size)
{
    struct arena arena = {0};
    if (!data)
        return;
    printf("%-14s%s\n", name, cli_safe(&arena, (struct text){data, size}).data);
    pawli_arena_done(&arena);
}

void cli_field(const char *name, const char *value)
{
    if (value)
        cli_field_bytes(name, value, strlen(value));
}

void cli_field_hex(const char *name, const void *bytes, size_t size)
{
    char text[2 * 64 + 1];
    PAWL_ASSERT(size <= 64);
    if (!bytes)
        return;
    pawli_hex(bytes, size, text);
    cli_field(name, text);
}
