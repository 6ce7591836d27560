/* SPDX-License-Identifier: MIT */
/* What the command prints: JSON lines, words, progress. */
#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/uuid.h"
#include "cli/cli.h"

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
    if (cli->line.failed)
        errno = ENOMEM;
    else
        fwrite(cli->line.data, 1, cli->line.size, stdout);
}

void cli_say(struct cli *cli, const char *format, ...)
{
    char text[2048];
    if (cli->quiet || cli->json)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_put_safe(stdout, text);
    putchar('\n');
}

void cli_note(struct cli *cli, const char *format, ...)
{
    char text[2048];
    if (cli->quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fflush(stdout);
    if (!cli->json) {
        cli_put_safe(stderr, text);
        fputc('\n', stderr);
        return;
    }
    struct buffer out;
    struct arena arena = {0};
    buffer_init(&out, 65536);
    struct json_writer writer = {&out, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_text(&writer, "hint", cli_safe(&arena, text_of(text), true));
    pawli_json_close(&writer, '}');
    if (!out.failed)
        fprintf(stderr, "%.*s\n", (int)out.size, out.data);
    pawli_buffer_done(&out);
    pawli_arena_done(&arena);
}

/* Reads one character of UTF-8; 0 bytes: not one. */
static size_t read_character(const char *at, size_t left, uint32_t *code)
{
    unsigned char first = (unsigned char)*at;
    size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size > left || !pawli_utf8_valid((struct text){at, size}))
        return 0;
    *code = size == 1 ? first : first & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++)
        *code = *code << 6 | ((unsigned char)at[i] & 0x3F);
    return size;
}

/* Characters that steer a terminal, or turn the direction of what is around them. */
static bool is_dangerous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || (code >= 0x200B && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

struct text cli_safe(struct arena *arena, struct text text, bool keep_newlines)
{
    struct buffer buffer;
    buffer_init(&buffer, text.size * 6 + 64);
    for (size_t i = 0; i < text.size;) {
        uint32_t code = (unsigned char)text.data[i];
        size_t size = read_character(text.data + i, text.size - i, &code);
        if (size == 0 || (size == 1 && is_dangerous(code) && !(code == '\n' && keep_newlines)))
            pawli_buffer_format(&buffer, "\\x%02x", (unsigned char)text.data[i]);
        else if (size > 1 && is_dangerous(code))
            pawli_buffer_format(&buffer, "\\u%04" PRIx32, code);
        else
            pawli_buffer_add(&buffer, text.data + i, size);
        i += size ? size : 1;
    }
    struct text safe = pawli_arena_text(arena, buffer_text(&buffer));
    pawli_buffer_done(&buffer);
    return safe.data ? safe : TEXT("");
}

void cli_put_safe(FILE *out, const char *text)
{
    struct arena arena = {0};
    fputs(cli_safe(&arena, text_of(text), true).data, out);
    pawli_arena_done(&arena);
}

char *cli_time(int64_t unix_ms, char out[32])
{
    struct tm parts;
    time_t seconds = unix_ms / 1000;
    if (unix_ms <= 0 || !gmtime_r(&seconds, &parts) || !strftime(out, 32, "%Y-%m-%d %H:%M:%SZ", &parts))
        memcpy(out, "-", 2);
    return out;
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
    struct timespec now;
    if (cli->quiet || !isatty(STDERR_FILENO))
        return;
    if (done == UINT64_MAX) {
        if (cli->progress_ms)
            fputs("\r\033[K", stderr);
        cli->progress_ms = 0;
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (ms - cli->progress_ms < 100)
        return;
    cli->progress_ms = ms;
    if (total)
        fprintf(stderr, "\r%s %" PRIu64 " of %" PRIu64 "\033[K", what, done, total);
    else
        fprintf(stderr, "\r%s %" PRIu64 "\033[K", what, done);
    fflush(stderr);
}
