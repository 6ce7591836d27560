/* SPDX-License-Identifier: MIT */
/* The URLs of a route, as they are stored: a JSON array of texts, in the order in which they are tried. */
#ifndef PAWLI_URLS_H
#define PAWLI_URLS_H

#include "base/arena.h"
#include "model/rows.h"

bool pawli_urls_check(struct text json, struct arena *arena);
struct text pawli_urls_of(const char *const *urls, size_t count, struct arena *arena); /* absent where there is none */

/* Into `list`, which has room for LIMIT_URLS; answers how many. */
size_t pawli_urls_list(struct text urls, struct text *list, struct arena *arena);
struct text pawli_urls_first(struct text urls, struct arena *arena); /* absent where there is none */
bool pawli_urls_are_several(struct text urls);

const struct route *pawli_route_copy(const struct route *route, struct arena *arena); /* NULL is fine, and no memory */

/* Whether anything of it is set. Without a URL it is then incomplete: nothing is ever guessed in its place. */
static inline bool route_is_set(const struct route *route)
{
    return route->urls.data || route->secret_file.data || route->headers.data;
}

#endif
