/* SPDX-License-Identifier: MIT */
/* Assertions, memory and errors. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/codec.h"
#include "base/escape.h"

_Noreturn void pawli_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "pawl: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}

int pawli_text_compare(struct text a, struct text b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

void *pawli_alloc(size_t size)
{
    return size == 0 || size > PAWLI_ALLOC_MAX ? NULL : calloc(1, size);
}

void *pawli_alloc_raw(size_t size)
{
    return size == 0 || size > PAWLI_ALLOC_MAX ? NULL : malloc(size);
}

void *pawli_grow(void *old, size_t size)
{
    return size == 0 || size > PAWLI_ALLOC_MAX ? NULL : realloc(old, size);
}

void pawli_free(void *memory)
{
    free(memory);
}

void pawli_freep(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

struct status_row {
    const char *name, *text;
    int number, next, exit, http;
};

static const struct status_row statuses[] = {
#define STATUS(name_, number_, next_, exit_, http_, text_) {#name_, text_, number_, PAWL_NEXT_##next_, exit_, http_},
#include "pawl/status.def"
#undef STATUS
};
static_assert(COUNT_OF(statuses) == PAWL_STATUS_COUNT, "a status was added without raising the count");

static const struct status_row *status_row(int status)
{
    static const struct status_row unknown = {
        "UNKNOWN", "a status that this version does not know", 0, PAWL_NEXT_NEVER, 1, 500};
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].number == status)
            return &statuses[i];
    return &unknown;
}

const char *pawl_status_text(int status)
{
    return status_row(status)->text;
}

const char *pawl_status_name(int status)
{
    return status_row(status)->name;
}

int pawl_status_next(int status)
{
    return status_row(status)->next;
}

int pawl_status_exit(int status)
{
    return status_row(status)->exit;
}

int pawl_status_http(int status)
{
    return status_row(status)->http;
}

/* Errors quote what callers gave, and are shown in lines and in JSON: whatever was quoted, the text is one line of UTF-8
 * that can be read back, cut between characters. */
static void keep_readable(char *kept, size_t room, const char *format, va_list arguments)
{
    char text[4 * sizeof((pawl_error *)0)->text], escaped[4 * sizeof text];
    struct buffer buffer;
    buffer_init_over(&buffer, escaped, sizeof escaped);
    vsnprintf(text, sizeof text, format, arguments);
    pawli_escape(&buffer, text_of(text));
    size_t size = pawli_utf8_cut(buffer_text(&buffer), room - 1);
    memcpy(kept, escaped, size);
    kept[size] = '\0';
}

int pawli_fail_at(pawl_error *err, int status, const char *where, const char *format, ...)
{
    PAWL_ASSERT(status < 0);
    if (!err)
        return status;
    *err = (pawl_error){.status = status, .where = where};
    va_list arguments;
    va_start(arguments, format);
    keep_readable(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return status;
}

int pawli_hint(pawl_error *err, int status, const char *format, ...)
{
    if (!err)
        return status;
    va_list arguments;
    va_start(arguments, format);
    keep_readable(err->hint, sizeof err->hint, format, arguments);
    va_end(arguments);
    return status;
}

int pawli_native(pawl_error *err, int status, int native)
{
    if (err)
        err->native = native;
    return status;
}

void pawli_fail_in(pawl_error *err, const char *format, ...)
{
    char text[sizeof err->text];
    if (!err)
        return;
    memcpy(text, err->text, sizeof text);
    va_list arguments;
    va_start(arguments, format);
    keep_readable(err->text, sizeof err->text - sizeof err->text / 4, format, arguments);
    va_end(arguments);
    struct buffer buffer;
    size_t size = strlen(err->text), room = sizeof err->text - size;
    buffer_init_over(&buffer, err->text + size, room);
    pawli_buffer_add_string(&buffer, ": ");
    pawli_buffer_add(&buffer, text, pawli_utf8_cut(text_of(text), room - 3));
    pawli_buffer_add_char(&buffer, '\0');
}

int pawl_error_set(pawl_error *err, int status, const char *format, ...)
{
    if (!format)
        return pawli_fail(err, PAWL_EINVAL, "format is NULL");
    if (!err)
        return status;
    *err = (pawl_error){.status = status};
    va_list arguments;
    va_start(arguments, format);
    keep_readable(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return status;
}

int pawl_error_wrap(pawl_error *err, const char *format, ...)
{
    char text[sizeof err->text];
    if (!format)
        return pawli_fail(err, PAWL_EINVAL, "format is NULL");
    if (!err)
        return PAWL_EUNAVAIL;
    va_list arguments;
    va_start(arguments, format);
    keep_readable(text, sizeof text, format, arguments);
    va_end(arguments);
    pawli_fail_in(err, "%s", text);
    return err->status;
}

int pawli_no_memory(pawl_error *err)
{
    if (err) {
        *err = (pawl_error){.status = PAWL_ENOMEM, .where = "memory"};
        memcpy(err->text, "out of memory", sizeof "out of memory");
    }
    return PAWL_ENOMEM;
}

char *pawli_time_text(int64_t unix_ms, char out[TIME_TEXT_SIZE])
{
    struct tm parts;
    time_t seconds = unix_ms / 1000;
    if (unix_ms <= 0 || !gmtime_r(&seconds, &parts) || !strftime(out, TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%SZ", &parts))
        memcpy(out, "-", 2);
    return out;
}
