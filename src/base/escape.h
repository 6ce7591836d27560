/* SPDX-License-Identifier: MIT */
/* What people are shown of texts from outside: nothing in them steers a terminal, ends a line or is not seen, and what was
 * meant can be read back. Every output goes through one of these. */
#ifndef PAWLI_ESCAPE_H
#define PAWLI_ESCAPE_H

#include "base/buffer.h"

/* One line, which `printf %b` of any shell turns back into the bytes: \\ for a backslash, \n, \r and \t, and \0 with three
 * octal digits for each byte of a control character, of one that turns or hides what is around it, and of no UTF-8. */
void pawli_escape(struct buffer *out, struct text text);

/* JSON that means the same: those characters are \u and their digits. What is no UTF-8 is U+FFFD. */
void pawli_escape_json(struct buffer *out, struct text json);

/* Whether that would change nothing. Want of memory says no. */
bool pawli_is_plain_json(struct text json);

#endif
