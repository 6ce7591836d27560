/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/codec.h"

#define CUT_MIN 1 /* columns that a cut cell keeps: its ellipsis */

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

/* How many bytes of a safe text fill at most so many columns; *columns: how many they fill. */
static size_t cut(struct text text, size_t width, size_t *columns)
{
    size_t i = 0;
    *columns = 0;
    while (i < text.size) {
        wchar_t character;
        mbstate_t state = {0};
        size_t size = mbrtowc(&character, text.data + i, text.size - i, &state);
        if (size == 0 || size > text.size)
            return i;
        int taken = wcwidth(character);
        size_t next = *columns + (taken < 0 ? 1 : (size_t)taken);
        if (next > width)
            return i;
        *columns = next;
        i += size;
    }
    return i;
}

static size_t width_of(struct text text)
{
    size_t columns;
    cut(text, SIZE_MAX, &columns);
    return columns;
}

/* Prints it in so many columns; what does not fit ends in an ellipsis. */
static size_t put_cut(struct text text, size_t width)
{
    size_t columns, size = cut(text, width, &columns);
    if (size == text.size || width == 0) {
        fwrite(text.data, 1, size, stdout);
        return columns;
    }
    size = cut(text, width - 1, &columns);
    fwrite(text.data, 1, size, stdout);
    fputs("…", stdout);
    return columns + 1;
}

/* ---- tables ---- */

void cli_table_begin(struct cli_table *table, struct cli *cli, const struct cli_column *columns, size_t count)
{
    *table = (struct cli_table){.cli = cli, .columns = columns, .column_count = count};
    PAWL_ASSERT(count <= CLI_COLUMNS_MAX);
}

void cli_table_row(struct cli_table *table)
{
    size_t cells = (table->row_count + 1) * table->column_count;
    table->failed = table->failed || !pawli_arena_reserve(&table->arena, (void **)&table->cells, sizeof *table->cells,
                                                          cells, &table->room);
    if (table->failed)
        return;
    memset(table->cells + table->row_count * table->column_count, 0, table->column_count * sizeof *table->cells);
    table->row_count++;
    table->next = 0;
}

void cli_table_put(struct cli_table *table, const char *text)
{
    if (table->failed)
        return;
    PAWL_ASSERT(table->next < table->column_count);
    table->cells[(table->row_count - 1) * table->column_count + table->next++] = text ? cli_safe(&table->arena,
                                                                                                 text_of(text))
                                                                                      : (struct text){0};
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

static void measure(const struct cli_table *table, size_t widths[CLI_COLUMNS_MAX])
{
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = width_of(text_of(table->columns[i].name));
    for (size_t i = 0; i < table->row_count * table->column_count; i++) {
        size_t width = table->cells[i].data ? width_of(table->cells[i]) : 0;
        if (width > widths[i % table->column_count])
            widths[i % table->column_count] = width;
    }
}

/* Columns that may be cut give way, the widest first, until the row fits. */
static void fit(const struct cli_table *table, size_t widths[CLI_COLUMNS_MAX], size_t width)
{
    size_t all = 2 * (table->column_count - 1);
    for (size_t i = 0; i < table->column_count; i++)
        all += widths[i];
    for (; all > width; all--) {
        size_t widest = table->column_count;
        for (size_t i = 0; i < table->column_count; i++)
            if (table->columns[i].kind == COLUMN_CUT && widths[i] > CUT_MIN &&
                (widest == table->column_count || widths[i] > widths[widest]))
                widest = i;
        if (widest == table->column_count)
            return;
        widths[widest]--;
    }
}

static void print_row(const struct cli_table *table, const size_t widths[CLI_COLUMNS_MAX], const struct text *cells)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct text cell = cells[i].data ? cells[i] : TEXT("");
        bool is_last = i + 1 == table->column_count;
        if (table->columns[i].kind == COLUMN_RIGHT)
            printf("%*s", (int)(widths[i] - width_of(cell)), "");
        size_t taken = put_cut(cell, widths[i]);
        if (!is_last)
            printf("%*s", (int)(2 + (table->columns[i].kind == COLUMN_RIGHT ? 0 : widths[i] - taken)), "");
    }
    putchar('\n');
}

int cli_table_end(struct cli_table *table, const char *nothing)
{
    size_t widths[CLI_COLUMNS_MAX], width = terminal_width();
    struct text names[CLI_COLUMNS_MAX];
    int status = table->failed || pawli_arena_failed(&table->arena) ? pawli_no_memory(&table->cli->error) : PAWL_OK;
    if (status == PAWL_OK && table->row_count == 0 && isatty(STDOUT_FILENO) && !table->cli->quiet)
        fprintf(stderr, "%s\n", nothing);
    if (status == PAWL_OK && table->row_count) {
        measure(table, widths);
        if (width)
            fit(table, widths, width);
        for (size_t i = 0; i < table->column_count; i++)
            names[i] = text_of(table->columns[i].name);
        print_row(table, widths, names);
        for (size_t i = 0; i < table->row_count; i++)
            print_row(table, widths, table->cells + i * table->column_count);
    }
    pawli_arena_done(&table->arena);
    return status;
}

/* ---- lines ---- */

void cli_put_safe(struct text safe)
{
    if (isatty(STDOUT_FILENO)) /* $COLUMNS is for tables: who reads lines shall have all of them */
        put_cut(safe, terminal_width());
    else
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
