/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/codec.h"

#define CUT_MIN      1        /* columns that a cut cell keeps: its ellipsis */
#define SPARE_ROOM   16       /* that one keeps, or spare columns are left out */
#define LEFT_OUT     SIZE_MAX /* as the width of a column */
#define FIELD_INDENT 14

/* Columns of the terminal behind a stream, or of the one that $COLUMNS says; 0: there is none, nothing is cut. */
static size_t terminal_width(FILE *out)
{
    struct winsize size;
    int64_t columns;
    const char *given = getenv("COLUMNS");
    if (given && pawli_parse_i64(text_of(given), &columns) && columns > 0 && columns < 10000)
        return (size_t)columns;
    if (!isatty(fileno(out)))
        return 0;
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* The same of lines: $COLUMNS is for tables, who reads lines shall have all of them. */
static size_t line_width(FILE *out)
{
    return isatty(fileno(out)) ? terminal_width(out) : 0;
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

/* How many bytes of a text go on a line of so many columns, and where the next begins: at a blank, where there is one. */
static size_t break_line(struct text text, size_t width, size_t *next)
{
    size_t columns, fitting = cut(text, width < 2 ? 2 : width, &columns); /* a character is two at most */
    size_t size = fitting;
    while (size > 0 && fitting < text.size && text.data[size] != ' ')
        size--;
    if (size == 0)
        size = fitting ? fitting : 1;
    *next = size;
    while (*next < text.size && text.data[*next] == ' ')
        ++*next;
    while (*next < text.size && size > 1 && text.data[size - 1] == ' ')
        size--;
    return size;
}

/* Prints it from column `at` on, and where it does not fit at column `indent` of the next line; answers where it ended. */
static size_t put_wrapped(FILE *out, struct text text, size_t at, size_t indent, size_t width)
{
    if (width == 0)
        fwrite(text.data, 1, text.size, out);
    while (width && text.size) {
        size_t next, size = break_line(text, width > at ? width - at : 1, &next);
        fwrite(text.data, 1, size, out);
        at += width_of((struct text){text.data, size});
        text = (struct text){text.data + next, text.size - next};
        if (!text.size)
            break;
        fprintf(out, "\n%*s", (int)indent, "");
        at = indent;
    }
    return at;
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

static bool is_kind(const struct cli_column *column, unsigned kind)
{
    return (column->kind & ~(unsigned)COLUMN_RARE) == kind;
}

static bool is_nothing(struct text cell)
{
    return !cell.size || text_equal(cell, TEXT("-")) || text_equal(cell, TEXT("0"));
}

static size_t measure_column(const struct cli_table *table, size_t column)
{
    size_t width = width_of(text_of(table->columns[column].name));
    bool is_left_out = table->columns[column].kind & COLUMN_RARE;
    for (size_t row = 0; row < table->row_count; row++) {
        struct text cell = table->cells[row * table->column_count + column];
        size_t taken = cell.size ? width_of(cell) : 0;
        is_left_out = is_left_out && is_nothing(cell);
        width = taken > width ? taken : width;
    }
    return is_left_out ? LEFT_OUT : width;
}

static bool gives_way(const struct cli_column *column)
{
    return is_kind(column, COLUMN_CUT) || is_kind(column, COLUMN_WRAPPED);
}

/* How wide a row is when no cell that may be cut is wider than `cut_max`. */
static size_t sum(const struct cli_table *table, const size_t widths[CLI_COLUMNS_MAX], size_t cut_max)
{
    size_t all = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        bool is_cut = gives_way(&table->columns[i]) && widths[i] > cut_max;
        all += widths[i] == LEFT_OUT ? 0 : (is_cut ? cut_max : widths[i]) + (all ? 2 : 0);
    }
    return all;
}

/* Spare columns are left out, and those that may be cut give way, the widest first, until a row fits; false: it does not. */
static bool fit(const struct cli_table *table, size_t widths[CLI_COLUMNS_MAX], size_t width)
{
    for (size_t i = 0; i < table->column_count && sum(table, widths, SPARE_ROOM) > width; i++)
        if (is_kind(&table->columns[i], COLUMN_SPARE))
            widths[i] = LEFT_OUT;
    size_t all = sum(table, widths, SIZE_MAX);
    for (; all > width; all--) {
        size_t widest = table->column_count;
        for (size_t i = 0; i < table->column_count; i++)
            if (gives_way(&table->columns[i]) && widths[i] != LEFT_OUT && widths[i] > CUT_MIN &&
                (widest == table->column_count || widths[i] > widths[widest]))
                widest = i;
        if (widest == table->column_count)
            return false;
        widths[widest]--;
    }
    return true;
}

static void print_row(const struct cli_table *table, const size_t widths[CLI_COLUMNS_MAX], const struct text *cells)
{
    size_t blanks = 0, at = 0; /* blanks: that stand between the last cell and the next */
    for (size_t i = 0; i < table->column_count; i++) {
        bool is_last = i + 1 == table->column_count, is_right = is_kind(&table->columns[i], COLUMN_RIGHT);
        struct text cell = cells[i].size ? cells[i] : is_last ? TEXT("") : TEXT("-");
        if (widths[i] == LEFT_OUT || !cell.size)
            continue;
        size_t before = blanks + (is_right ? widths[i] - width_of(cell) : 0);
        printf("%*s", (int)before, "");
        at += before;
        if (is_kind(&table->columns[i], COLUMN_WRAPPED)) {
            put_wrapped(stdout, cell, at, at, at + widths[i]);
            break;
        }
        size_t taken = put_cut(cell, widths[i]);
        at += taken;
        blanks = 2 + (is_right ? 0 : widths[i] - taken);
    }
    putchar('\n');
}

/* The first cell, and behind it by their names what the others have that is not nothing, on as many lines as it takes. */
static void print_block(const struct cli_table *table, const struct text *cells, size_t width)
{
    size_t at = put_wrapped(stdout, cells[0], 0, 2, width);
    for (size_t i = 1; i < table->column_count; i++) {
        struct text cell = cells[i], name = text_of(table->columns[i].name);
        if (is_nothing(cell))
            continue;
        if (at + 3 + name.size + width_of(cell) > width) {
            putchar('\n');
            at = 0;
        }
        fputs("  ", stdout);
        for (size_t j = 0; j < name.size; j++)
            putchar(tolower((unsigned char)name.data[j]));
        putchar(' ');
        at += 3 + name.size;
        if (is_kind(&table->columns[i], COLUMN_CUT))
            at += put_cut(cell, width > at ? width - at : 1);
        else
            at = put_wrapped(stdout, cell, at, 4, width);
    }
    putchar('\n');
}

static void print_table(const struct cli_table *table)
{
    size_t widths[CLI_COLUMNS_MAX], width = terminal_width(stdout);
    struct text names[CLI_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = measure_column(table, i);
    bool fits = width == 0 || fit(table, widths, width);
    for (size_t i = 0; i < table->column_count; i++)
        names[i] = text_of(table->columns[i].name);
    if (fits)
        print_row(table, widths, names);
    for (size_t i = 0; i < table->row_count; i++)
        if (fits)
            print_row(table, widths, table->cells + i * table->column_count);
        else
            print_block(table, table->cells + i * table->column_count, width);
}

int cli_table_end(struct cli_table *table, const char *nothing)
{
    int status = table->failed || pawli_arena_failed(&table->arena) ? pawli_no_memory(&table->cli->error) : PAWL_OK;
    if (status == PAWL_OK && table->row_count == 0 && nothing && isatty(STDOUT_FILENO) && !table->cli->quiet)
        fprintf(stderr, "%s\n", nothing);
    if (status == PAWL_OK && table->row_count)
        print_table(table);
    pawli_arena_done(&table->arena);
    return status;
}

/* ---- lines ---- */

void cli_put_safe(struct text safe)
{
    size_t width = line_width(stdout);
    put_cut(safe, width ? width : SIZE_MAX);
    putchar('\n');
}

void cli_put_line(struct text line)
{
    struct arena arena = {0};
    cli_put_safe(cli_safe(&arena, line));
    pawli_arena_done(&arena);
}

void cli_put_wrapped(FILE *out, struct text safe, size_t at, size_t indent)
{
    put_wrapped(out, safe, at, indent, line_width(out));
    fputc('\n', out);
}

void cli_field_bytes(const char *name, const void *data, size_t size)
{
    struct arena arena = {0};
    if (!data)
        return;
    printf("%-14s", name);
    cli_put_wrapped(stdout, cli_safe(&arena, (struct text){data, size}), FIELD_INDENT, FIELD_INDENT);
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
