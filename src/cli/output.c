/* SPDX-License-Identifier: MIT */
/* What the command prints: JSON lines, words, progress. */
#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/escape.h"
#include "base/uuid.h"
#include "cli/table.h"

#define LINE_MAX_SIZE ((size_t)256 * 1024 * 1024) /* a record with all its events */

struct json_writer *cli_object(struct cli *cli)
{
    if (cli->line.size_max == 0)
        buffer_init(&cli->line, LINE_MAX_SIZE);
    cli->line.size = 0;
    cli->writer = (struct json_writer){&cli->line, false};
    pawli_json_open(&cli->writer, '{');
    return &cli->writer;
}

void cli_object_end(struct cli *cli)
{
    pawli_json_close(&cli->writer, '}');
    pawli_buffer_add_char(&cli->line, '\n');
    struct buffer shown;
    buffer_init(&shown, cli->line.size * 6);
    pawli_escape_json(&shown, buffer_text(&cli->line));
    cli->line.failed |= shown.failed;
    if (cli->line.failed)
        errno = ENOMEM;
    else
        fwrite(shown.data, 1, shown.size, stdout);
    pawli_buffer_done(&shown);
}

static void print_line(const char *format, va_list arguments)
{
    struct arena arena = {0};
    char text[2048];
    vsnprintf(text, sizeof text, format, arguments);
    cli_put_wrapped(stdout, cli_safe(&arena, text_of(text)), 0, 2);
    pawli_arena_done(&arena);
}

void cli_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void cli_say(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    if (cli->quiet || cli->json)
        return;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

struct text cli_safe(struct arena *arena, struct text text)
{
    struct buffer buffer;
    buffer_init(&buffer, text.size * 5 + 1);
    pawli_escape(&buffer, text);
    struct text safe = pawli_arena_text(arena, buffer_text(&buffer));
    pawli_buffer_done(&buffer);
    return safe.data ? safe : TEXT("");
}

void cli_put_outside(struct json_writer *out, const char *name, const char *value)
{
    struct text text = text_of(value);
    pawli_json_put_text(out, name, text);
    if (!text.data || pawli_utf8_valid(text))
        return;
    char key[64];
    struct arena arena = {0};
    snprintf(key, sizeof key, "%s_base64", name);
    pawli_json_put_text(out, key, pawli_base64(&arena, text));
    pawli_arena_done(&arena);
}

char *cli_time(int64_t unix_ms, char out[32])
{
    return pawli_time_text(unix_ms, out);
}

int64_t cli_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *cli_age(int64_t unix_ms, char out[32])
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    int64_t age = cli_now_ms() - unix_ms;
    const char *ahead = age < 0 ? "in " : "";
    size_t i = 0;
    age = age < 0 ? -age : age;
    while (i + 1 < COUNT_OF(units) && age < units[i].ms)
        i++;
    if (unix_ms <= 0)
        memcpy(out, "-", 2);
    else
        snprintf(out, 32, "%s%" PRId64 "%c", ahead, age / units[i].ms, units[i].unit);
    return out;
}

char *cli_short_id(const pawl_uuid *id, char out[32])
{
    uint64_t number, tail;
    char text[PAWL_UUID_TEXT_SIZE];
    pawl_uuid_format(id, text);
    if (pawli_message_id_split(id, &number, &tail))
        snprintf(out, 32, "%" PRIu64 "-%s", number, text + PAWL_UUID_TEXT_SIZE - 5);
    else
        memcpy(out, "-", 2);
    return out;
}

void cli_progress(struct cli *cli, const char *what, uint64_t done, uint64_t total)
{
    if (cli->quiet || !isatty(STDERR_FILENO))
        return;
    if (done == UINT64_MAX) {
        if (cli->progress_ms)
            fputs("\r\033[K", stderr);
        cli->progress_ms = 0;
        return;
    }
    int64_t ms = cli_monotonic_ms();
    if (ms - cli->progress_ms < 100)
        return;
    cli->progress_ms = ms;
    if (total)
        fprintf(stderr, "\r%s %" PRIu64 " of %" PRIu64 "\033[K", what, done, total);
    else
        fprintf(stderr, "\r%s %" PRIu64 "\033[K", what, done);
    fflush(stderr);
}
