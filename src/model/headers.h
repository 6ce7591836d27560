/* SPDX-License-Identifier: MIT */
/* Headers as they are stored: a JSON object of texts with sorted names, absent when there are none. One form for one set. */
#ifndef PAWLI_HEADERS_H
#define PAWLI_HEADERS_H

#include "base/arena.h"

#define HEADER_SETTING "header:" /* a target's setting of that name and the header's is a header of its */

/* With one more, in place of another of its name. */
struct text pawli_headers_put(struct text headers, struct text name, struct text value, struct arena *arena);

/* Changed by others: an empty value takes a header away. */
struct text pawli_headers_merge(struct text headers, struct text changes, struct arena *arena);

size_t pawli_headers_count(struct text headers);

#endif
