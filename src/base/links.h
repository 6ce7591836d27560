/* SPDX-License-Identifier: MIT */
/* From a hash to items that carry a link. Unlike a map (map.h), what is in it can be taken out again, and is its owner's. */
#ifndef PAWLI_LINKS_H
#define PAWLI_LINKS_H

#include "base/base.h"

struct link {
    struct link *next;
    uint64_t hash;
};

struct links {
    struct link **chains; /* room is a power of two, or 0 */
    size_t count, room;
};

/* false: out of memory, and it is not in. */
bool pawli_links_add(struct links *links, struct link *link, uint64_t hash);
void pawli_links_remove(struct links *links, struct link *link);
void pawli_links_done(struct links *links); /* the items are the caller's */

/* The first with this hash behind `link`, which has it too; NULL: of all. NULL is returned where there is none. */
struct link *pawli_links_find(const struct links *links, const struct link *link, uint64_t hash);

#endif
