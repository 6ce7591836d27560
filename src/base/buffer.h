/* SPDX-License-Identifier: MIT */
/* A buffer that grows up to a declared maximum. Appending past it, or out of memory, marks it failed; the caller checks
 * once at the end. */
#ifndef PAWLI_BUFFER_H
#define PAWLI_BUFFER_H

#include "base/base.h"

struct buffer {
    char *data;
    size_t size, room, size_max;
    bool failed, is_fixed; /* fixed: over memory of somebody else, never grown */
};

static inline void buffer_init(struct buffer *buffer, size_t size_max)
{
    *buffer = (struct buffer){.size_max = size_max};
}
static inline void buffer_init_over(struct buffer *buffer, void *memory, size_t room)
{
    *buffer = (struct buffer){
        .data = memory, .room = memory ? room : 0, .size_max = room, .is_fixed = true, .failed = !memory};
}
void pawli_buffer_done(struct buffer *buffer);
void pawli_buffer_add(struct buffer *buffer, const void *data, size_t size);
void pawli_buffer_add_text(struct buffer *buffer, struct text text);
void pawli_buffer_add_string(struct buffer *buffer, const char *string);
void pawli_buffer_add_char(struct buffer *buffer, char c);
void pawli_buffer_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

static inline struct text buffer_text(const struct buffer *buffer)
{
    return (struct text){buffer->data ? buffer->data : "", buffer->size};
}

#endif
