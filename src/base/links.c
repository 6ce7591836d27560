/* SPDX-License-Identifier: MIT */
#include "base/links.h"

static struct link **chain(const struct links *links, uint64_t hash)
{
    return &links->chains[hash & (links->room - 1)];
}

static void put(struct links *links, struct link *link)
{
    struct link **first = chain(links, link->hash);
    link->next = *first;
    *first = link;
}

/* Chains that are longer than they should be are better than none. */
static bool grow(struct links *links)
{
    struct links wider = {.count = links->count, .room = links->room ? links->room * 2 : 32};
    wider.chains = pawli_alloc(wider.room * sizeof *wider.chains);
    if (!wider.chains)
        return links->room > 0;
    for (size_t i = 0; i < links->room; i++)
        for (struct link *link = links->chains[i], *next; link; link = next) {
            next = link->next;
            put(&wider, link);
        }
    pawli_free(links->chains);
    *links = wider;
    return true;
}

bool pawli_links_add(struct links *links, struct link *link, uint64_t hash)
{
    if (links->count >= links->room && !grow(links))
        return false;
    link->hash = hash;
    put(links, link);
    links->count++;
    return true;
}

void pawli_links_remove(struct links *links, struct link *link)
{
    struct link **at = chain(links, link->hash);
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    links->count--;
}

void pawli_links_done(struct links *links)
{
    pawli_free(links->chains);
    *links = (struct links){0};
}

struct link *pawli_links_find(const struct links *links, const struct link *link, uint64_t hash)
{
    struct link *at = link ? link->next : links->room ? *chain(links, hash) : NULL;
    while (at && at->hash != hash)
        at = at->next;
    return at;
}
