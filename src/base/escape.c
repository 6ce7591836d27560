/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include "base/codec.h"

/* Control characters, and those that are not seen but change what is: directions, joiners, tags. */
static bool is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x00AD, 0x00AD},  {0x061C, 0x061C},
                  {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},  {0x2060, 0x206F},
                  {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        if (code >= hidden[i].first && code <= hidden[i].last)
            return true;
    return false;
}

/* Whether all of it is ASCII that is shown as it is. */
static bool is_plain(struct text text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || (unsigned char)text.data[i] >= 0x7F)
            return false;
    return true;
}

static void escape_bytes(struct buffer *out, const char *at, size_t size)
{
    static const char escaped[] = "\\\n\r\t", letters[] = "\\nrt";
    const char *found = size == 1 && *at ? strchr(escaped, *at) : NULL;
    if (found) {
        pawli_buffer_add_char(out, '\\');
        pawli_buffer_add_char(out, letters[found - escaped]);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned byte = (unsigned char)at[i];
        const char digits[] = {'\\', '0', (char)('0' + (byte >> 6)), (char)('0' + (byte >> 3 & 7)),
                               (char)('0' + (byte & 7))};
        pawli_buffer_add(out, digits, sizeof digits);
    }
}

void pawli_escape(struct buffer *out, struct text text)
{
    size_t plain = 0;
    for (size_t i = 0, size; i < text.size; i += size) {
        uint32_t code;
        size = pawli_utf8_read((struct text){text.data + i, text.size - i}, &code);
        if (size > 0 && code != '\\' && !is_hidden(code))
            continue;
        size += size == 0;
        pawli_buffer_add(out, text.data + plain, i - plain);
        escape_bytes(out, text.data + i, size);
        plain = i + size;
    }
    pawli_buffer_add(out, text.data + plain, text.size - plain);
}

void pawli_escape_json(struct buffer *out, struct text json)
{
    size_t plain = 0;
    if (is_plain(json)) {
        pawli_buffer_add_text(out, json);
        return;
    }
    for (size_t i = 0, size; i < json.size; i += size) {
        uint32_t code;
        size = pawli_utf8_read((struct text){json.data + i, json.size - i}, &code);
        if (size > 0 && (code < 0x20 || !is_hidden(code))) /* a control character of JSON is white space */
            continue;
        if (size == 0) {
            size = 1;
            code = 0xFFFD;
        }
        pawli_buffer_add(out, json.data + plain, i - plain);
        if (code > 0xFFFF)
            pawli_buffer_format(out, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
        else
            pawli_buffer_format(out, "\\u%04x", code);
        plain = i + size;
    }
    pawli_buffer_add(out, json.data + plain, json.size - plain);
}

bool pawli_is_plain_json(struct text json)
{
    size_t at = 0;
    while (at < json.size && json.data[at] >= ' ' && json.data[at] < 0x7F)
        at++;
    if (at == json.size)
        return true;
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 2);
    pawli_escape_json(&buffer, json);
    bool is_plain = !buffer.failed && text_equal(buffer_text(&buffer), json);
    pawli_buffer_done(&buffer);
    return is_plain;
}
