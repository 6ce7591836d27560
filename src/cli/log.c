/* SPDX-License-Identifier: MIT */
#include "cli/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/map.h"
#include "base/uuid.h"

#define LINES_A_SECOND 200
#define LINE_SIZE      16384

static int64_t wall_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void log_init(struct log *log, bool json)
{
    *log = (struct log){.json = json, .level = LOG_LIFE, .now_ms = wall_ms, .file = {.fd = -1}};
    pthread_mutex_init(&log->lock, NULL);
}

/* ---- one line ---- */

/* "2026-11-21T06:43:35.120Z" */
static void put_time(struct buffer *out, int64_t now_ms, char between)
{
    char time[32];
    pawli_time_text(now_ms, time); /* "2026-11-21 06:43:35Z" */
    pawli_buffer_format(out, "%.10s%c%.8s.%03dZ", time, between, time + 11, (int)(now_ms % 1000));
}

static void put_json(struct buffer *out, int64_t now_ms, const pawl_worker_event *event, uint32_t folded)
{
    struct buffer line, time;
    buffer_init(&line, LINE_SIZE);
    buffer_init(&time, 64);
    struct json_writer writer = {&line, false};
    char id[PAWL_UUID_TEXT_SIZE];
    put_time(&time, now_ms, 'T');
    pawli_json_open(&writer, '{');
    pawli_json_put_i64(&writer, "at", now_ms);
    pawli_json_put_text(&writer, "time", buffer_text(&time));
    pawli_json_put_i64(&writer, "level", event->level);
    pawli_json_put_string(&writer, "what", event->name);
    pawli_json_put_string(&writer, "scope", event->scope);
    pawli_json_put_string(&writer, "lane", event->lane);
    pawli_json_put_string(&writer, "target", event->target);
    pawli_json_put_string(&writer, "phase", event->phase);
    if (!uuid_is_nil(&event->message))
        pawli_json_put_string(&writer, "message", pawl_uuid_format(&event->message, id));
    if (event->attempt)
        pawli_json_put_u64(&writer, "attempt", event->attempt);
    if (folded)
        pawli_json_put_u64(&writer, "folded", folded);
    pawli_json_put_string(&writer, "text", event->text);
    pawli_json_close(&writer, '}');
    pawli_escape_json(out, buffer_text(&line));
    pawli_buffer_done(&time);
    pawli_buffer_done(&line);
}

static void put_words(struct buffer *out, int64_t now_ms, const pawl_worker_event *event, uint32_t folded)
{
    char id[PAWL_UUID_TEXT_SIZE];
    const struct {
        const char *name, *value;
    } words[] = {{"scope", event->scope}, {"lane", event->lane}, {"target", event->target}, {"phase", event->phase}};
    put_time(out, now_ms, ' ');
    pawli_buffer_format(out, " %s", event->name);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i].value)
            pawli_buffer_format(out, " %s=%s", words[i].name, words[i].value);
    if (!uuid_is_nil(&event->message))
        pawli_buffer_format(out, " message=%s", pawl_uuid_format(&event->message, id));
    if (event->attempt)
        pawli_buffer_format(out, " attempt=%u", event->attempt);
    if (folded)
        pawli_buffer_format(out, " folded=%u", folded);
    if (!event->text)
        return;
    pawli_buffer_add_string(out, ": ");
    pawli_escape(out, text_of(event->text));
}

static void write_line(struct log *log, int64_t now_ms, struct text line)
{
    log->file_failed = log->file.path && !log_file_write(&log->file, now_ms, line);
    if (log->file.path && !log->file_failed)
        return;
    if (log->file_failed)
        atomic_fetch_add(&log->lost, 1);
    ssize_t written = write(STDERR_FILENO, line.data, line.size); /* one call: lines of threads stay apart */
    (void)written;
}

static void put_line(struct log *log, int64_t now_ms, const pawl_worker_event *event, uint32_t folded)
{
    struct buffer out;
    buffer_init(&out, LINE_SIZE);
    (log->json ? put_json : put_words)(&out, now_ms, event, folded);
    pawli_buffer_add_char(&out, '\n');
    if (!out.failed)
        write_line(log, now_ms, buffer_text(&out));
    pawli_buffer_done(&out);
}

/* What the log says of itself. */
static void put_note(struct log *log, int64_t now_ms, const char *format, uint64_t count)
{
    char text[100];
    snprintf(text, sizeof text, format, (unsigned long long)count);
    put_line(log, now_ms, &(pawl_worker_event){.name = "log", .level = LOG_HEALED, .text = text}, 0);
}

/* Once the file takes lines again, how many it did not. */
static void tell_lost(struct log *log, int64_t now_ms)
{
    uint64_t lost = atomic_load(&log->lost), news = lost - log->told_lost;
    if (news == 0 || log->file_failed)
        return;
    log->told_lost = lost;
    put_note(log, now_ms, "the log file did not take %llu lines, which went to standard error", news);
}

/* ---- folding ---- */

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* How many of a kind were left out since it was said. */
static void tell_left_out(struct log *log, int64_t now_ms, struct log_kind *kind)
{
    char text[80];
    if (kind->left_out == 0)
        return;
    snprintf(text, sizeof text, "%u more lines like this were left out", kind->left_out);
    kind->left_out = 0;
    put_line(log, now_ms,
             &(pawl_worker_event){.name = kind->name,
                                  .level = kind->level,
                                  .scope = or_null(kind->scope),
                                  .lane = or_null(kind->lane),
                                  .target = or_null(kind->target),
                                  .phase = or_null(kind->phase),
                                  .text = text},
             0);
}

static uint64_t hash_kind(const pawl_worker_event *event)
{
    const char *const parts[] = {event->name, event->scope, event->lane, event->target, event->phase};
    uint64_t hash = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        hash = pawli_hash_bytes(hash, parts[i], parts[i] ? strlen(parts[i]) : 0);
    return hash ? hash : 1;
}

static bool is_quiet(const struct log_kind *kind, int64_t now_ms)
{
    return now_ms - kind->last_ms >= FOLD_QUIET_MS || now_ms < kind->last_ms; /* the clock was set back */
}

/* Its own place, or else a free one, or the one that has been quiet for longest; NULL: in none of them it is quiet. */
static struct log_kind *place_of(struct log *log, int64_t now_ms, uint64_t hash)
{
    struct log_kind *set = &log->kinds[hash % (LOG_KINDS / LOG_KINDS_SET) * LOG_KINDS_SET], *best = NULL;
    for (struct log_kind *kind = set; kind < set + LOG_KINDS_SET; kind++) {
        if (kind->hash == hash)
            return kind;
        if (kind->hash && !is_quiet(kind, now_ms))
            continue;
        if (!best || !kind->hash || (best->hash && kind->last_ms < best->last_ms))
            best = kind;
    }
    return best;
}

static void copy(char to[129], const char *from)
{
    snprintf(to, 129, "%s", from ? from : "");
}

static void begin_kind(struct log_kind *kind, uint64_t hash, const pawl_worker_event *event)
{
    *kind = (struct log_kind){.hash = hash, .level = event->level};
    snprintf(kind->name, sizeof kind->name, "%s", event->name);
    copy(kind->scope, event->scope);
    copy(kind->lane, event->lane);
    copy(kind->target, event->target);
    snprintf(kind->phase, sizeof kind->phase, "%s", event->phase ? event->phase : "");
}

/* A receiver that is down fails with every message, for hours. */
static bool is_news(struct log *log, int64_t now_ms, const pawl_worker_event *event, uint32_t *ret_folded)
{
    uint64_t hash = hash_kind(event);
    struct log_kind *kind = place_of(log, now_ms, hash);
    if (!kind) { /* so many kinds at once */
        log->left_out++;
        return false;
    }
    bool begins = kind->hash != hash || is_quiet(kind, now_ms);
    if (begins) {
        tell_left_out(log, now_ms, kind);
        begin_kind(kind, hash, event);
    }
    kind->last_ms = now_ms;
    if (!begins && ++kind->left_out < FOLD_LINES)
        return false;
    *ret_folded = begins ? 0 : kind->left_out - 1;
    kind->left_out = 0;
    return true;
}

/* So many lines a second; then one that counts those that were left out. */
static bool has_room(struct log *log, int64_t now_ms)
{
    if (now_ms / 1000 != log->second) {
        uint32_t left_out = log->left_out;
        log->second = now_ms / 1000;
        log->lines = log->left_out = 0;
        if (left_out)
            put_note(log, now_ms, "%llu lines were left out", left_out);
    }
    bool has = log->lines < LINES_A_SECOND;
    log->lines += has;
    log->left_out += !has;
    return has;
}

static void say(struct log *log, const pawl_worker_event *event, bool folds)
{
    uint32_t folded = 0;
    if (event->level > log->level)
        return;
    pthread_mutex_lock(&log->lock);
    int64_t now_ms = log->now_ms();
    if ((!folds || is_news(log, now_ms, event, &folded)) && has_room(log, now_ms)) {
        put_line(log, now_ms, event, folded);
        tell_lost(log, now_ms);
    }
    pthread_mutex_unlock(&log->lock);
}

void log_event(struct log *log, const pawl_worker_event *event)
{
    say(log, event, event->level <= LOG_HEALED && log->level < LOG_STEP);
}

void log_say(struct log *log, enum log_level level, const char *what, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(log, &(pawl_worker_event){.name = what, .level = (int32_t)level, .text = text}, false);
}

void log_tend(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    int64_t now_ms = log->now_ms();
    for (size_t i = 0; i < LOG_KINDS; i++)
        if (log->kinds[i].hash && is_quiet(&log->kinds[i], now_ms))
            tell_left_out(log, now_ms, &log->kinds[i]);
    pthread_mutex_unlock(&log->lock);
}

void log_done(struct log *log)
{
    int64_t now_ms = log->now_ms();
    for (size_t i = 0; i < LOG_KINDS; i++)
        tell_left_out(log, now_ms, &log->kinds[i]);
    if (log->left_out)
        put_note(log, now_ms, "%llu lines were left out", log->left_out);
    log_file_close(&log->file);
    pthread_mutex_destroy(&log->lock);
}
