/* SPDX-License-Identifier: MIT */
#include "cli/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/map.h"
#include "base/uuid.h"
#include "cli/cli.h"

#define LINES_A_SECOND 200
#define LINES_A_MINUTE 10 /* of trouble of one kind with one queue */
#define LINE_SIZE      16384

void log_init(struct log *log, bool json)
{
    *log = (struct log){.json = json, .level = LOG_LIFE};
    pthread_mutex_init(&log->lock, NULL);
}

static void put_line(const struct log *log, int64_t now_ms, const pawl_worker_event *event);

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* How many of a kind were left out, once its minute is over. */
static void count_left_out(const struct log *log, int64_t now_ms, struct log_kind *kind)
{
    char text[80];
    if (kind->left_out == 0)
        return;
    snprintf(text, sizeof text, "%u more lines like this were left out", kind->left_out);
    kind->left_out = 0;
    put_line(
        log, now_ms,
        &(pawl_worker_event){
            .name = kind->name, .level = LOG_HEALED, .target = kind->target[0] ? kind->target : NULL, .text = text});
}

void log_done(struct log *log)
{
    for (size_t i = 0; i < LOG_KINDS; i++)
        count_left_out(log, now(), &log->kinds[i]);
    pthread_mutex_destroy(&log->lock);
}

static void put_json(struct buffer *out, int64_t now_ms, const pawl_worker_event *event)
{
    struct buffer line;
    buffer_init(&line, LINE_SIZE);
    struct json_writer writer = {&line, false};
    char id[PAWL_UUID_TEXT_SIZE];
    pawli_json_open(&writer, '{');
    pawli_json_put_i64(&writer, "at", now_ms);
    pawli_json_put_i64(&writer, "level", event->level);
    pawli_json_put_string(&writer, "what", event->name);
    pawli_json_put_string(&writer, "scope", event->scope);
    pawli_json_put_string(&writer, "lane", event->lane);
    pawli_json_put_string(&writer, "target", event->target);
    if (!uuid_is_nil(&event->message))
        pawli_json_put_string(&writer, "message", pawl_uuid_format(&event->message, id));
    if (event->attempt)
        pawli_json_put_u64(&writer, "attempt", event->attempt);
    pawli_json_put_string(&writer, "text", event->text);
    pawli_json_close(&writer, '}');
    pawli_escape_json(out, buffer_text(&line));
    pawli_buffer_done(&line);
}

static void put_words(struct buffer *out, int64_t now_ms, const pawl_worker_event *event)
{
    struct arena arena = {0};
    char time[32], id[PAWL_UUID_TEXT_SIZE];
    const struct {
        const char *name, *value;
    } places[] = {{"scope", event->scope}, {"lane", event->lane}, {"target", event->target}};
    pawli_buffer_format(out, "%s.%03d %s", cli_time(now_ms, time), (int)(now_ms % 1000), event->name);
    for (size_t i = 0; i < COUNT_OF(places); i++)
        if (places[i].value)
            pawli_buffer_format(out, " %s=%s", places[i].name, places[i].value);
    if (!uuid_is_nil(&event->message))
        pawli_buffer_format(out, " message=%s", pawl_uuid_format(&event->message, id));
    if (event->attempt)
        pawli_buffer_format(out, " attempt=%u", event->attempt);
    if (event->text)
        pawli_buffer_format(out, ": %s", cli_safe(&arena, text_of(event->text)).data);
    pawli_arena_done(&arena);
}

static void put_line(const struct log *log, int64_t now_ms, const pawl_worker_event *event)
{
    struct buffer out;
    buffer_init(&out, LINE_SIZE);
    (log->json ? put_json : put_words)(&out, now_ms, event);
    pawli_buffer_add_char(&out, '\n');
    if (!out.failed) {
        ssize_t written = write(STDERR_FILENO, out.data, out.size); /* one call: lines of threads stay apart */
        (void)written;
    }
    pawli_buffer_done(&out);
}

/* So many lines a second; then one that counts those that were left out. */
static bool has_room(struct log *log, int64_t now_ms)
{
    if (now_ms / 1000 != log->second) {
        uint32_t left_out = log->left_out;
        log->second = now_ms / 1000;
        log->lines = log->left_out = 0;
        if (left_out) {
            char text[60];
            snprintf(text, sizeof text, "%u lines were left out", left_out);
            put_line(log, now_ms, &(pawl_worker_event){.name = "log", .level = LOG_HEALED, .text = text});
        }
    }
    bool has = log->lines < LINES_A_SECOND;
    log->lines += has;
    log->left_out += !has;
    return has;
}

static uint64_t hash_kind(const pawl_worker_event *event)
{
    const char *const parts[] = {event->name, event->scope, event->lane, event->target};
    uint64_t hash = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        hash = pawli_hash_bytes(hash, parts[i], parts[i] ? strlen(parts[i]) : 0);
    return hash;
}

/* A receiver that is down fails with every message, for hours: the first few say it. */
static bool is_news(struct log *log, int64_t now_ms, const pawl_worker_event *event)
{
    uint64_t hash = hash_kind(event);
    struct log_kind *kind = &log->kinds[hash % LOG_KINDS];
    if (kind->hash != hash || kind->minute != now_ms / 60000) {
        count_left_out(log, now_ms, kind);
        *kind = (struct log_kind){.hash = hash, .minute = now_ms / 60000};
        snprintf(kind->name, sizeof kind->name, "%s", event->name);
        snprintf(kind->target, sizeof kind->target, "%s", event->target ? event->target : "");
    }
    bool is = kind->lines < LINES_A_MINUTE;
    kind->lines += is;
    kind->left_out += !is;
    return is;
}

void log_event(struct log *log, const pawl_worker_event *event)
{
    if (event->level > log->level)
        return;
    int64_t now_ms = now();
    pthread_mutex_lock(&log->lock);
    bool says = event->level > LOG_HEALED || log->level >= LOG_STEP || is_news(log, now_ms, event);
    if (says && has_room(log, now_ms))
        put_line(log, now_ms, event);
    pthread_mutex_unlock(&log->lock);
}

void log_say(struct log *log, enum log_level level, const char *what, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_event(log, &(pawl_worker_event){.name = what, .level = (int32_t)level, .text = text});
}
