/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <stdio.h>

void pawli_buffer_done(struct buffer *buffer)
{
    if (!buffer->is_fixed)
        pawli_free(buffer->data);
    *buffer = (struct buffer){.size_max = buffer->size_max};
}

static bool reserve(struct buffer *buffer, size_t more)
{
    size_t need;
    if (buffer->failed || add_overflows(buffer->size, more, &need) || need > buffer->size_max) {
        buffer->failed = true;
        return false;
    }
    if (need <= buffer->room)
        return true;
    if (buffer->is_fixed) {
        buffer->failed = true;
        return false;
    }
    size_t room = buffer->room ? buffer->room * 2 : 256;
    while (room < need)
        room *= 2;
    char *grown = pawli_grow(buffer->data, room);
    if (!grown) {
        buffer->failed = true;
        return false;
    }
    buffer->data = grown;
    buffer->room = room;
    return true;
}

void pawli_buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0 || !reserve(buffer, size))
        return;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

void pawli_buffer_add_text(struct buffer *buffer, struct text text)
{
    pawli_buffer_add(buffer, text.data, text.size);
}

void pawli_buffer_add_string(struct buffer *buffer, const char *string)
{
    pawli_buffer_add(buffer, string, strlen(string));
}

void pawli_buffer_add_char(struct buffer *buffer, char c)
{
    pawli_buffer_add(buffer, &c, 1);
}

void pawli_buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    PAWL_ASSERT(length >= 0);
    size_t size = (size_t)length;
    if (!reserve(buffer, size))
        return;
    /* vsnprintf adds a NUL, which is no part of the text: where there is no room for it, it is written elsewhere. */
    bool fits = buffer->room - buffer->size > size;
    PAWL_AUTO(pawli_freep) char *apart = fits ? NULL : pawli_alloc_raw(size + 1);
    char *out = fits ? buffer->data + buffer->size : apart;
    if (!out) {
        buffer->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(out, size + 1, format, arguments);
    va_end(arguments);
    if (apart && size)
        memcpy(buffer->data + buffer->size, apart, size);
    buffer->size += size;
}
