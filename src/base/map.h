/* SPDX-License-Identifier: MIT */
/* From a hash to the indexes that were put under it. The owner keeps the items and compares them; the map knows hashes
 * only. Lives in an arena; items are never removed. */
#ifndef PAWLI_MAP_H
#define PAWLI_MAP_H

#include "base/arena.h"

struct map_entry {
    uint64_t hash;
    uint32_t index_plus_1; /* 0: free */
};

struct map {
    struct map_entry *entries;
    size_t count, room; /* room is a power of two, or 0 */
};

struct map_probe {
    uint64_t hash;
    size_t at;
};

static inline struct map_probe map_probe(const struct map *map, uint64_t hash)
{
    return (struct map_probe){hash, map->room ? (size_t)hash & (map->room - 1) : 0};
}

/* The next index whose hash is the same; false when there is none. */
static inline bool map_next(const struct map *map, struct map_probe *probe, uint32_t *index)
{
    if (map->room == 0)
        return false;
    for (;;) {
        const struct map_entry *entry = &map->entries[probe->at];
        if (entry->index_plus_1 == 0)
            return false;
        probe->at = (probe->at + 1) & (map->room - 1);
        if (entry->hash == probe->hash) {
            *index = entry->index_plus_1 - 1;
            return true;
        }
    }
}

bool pawli_map_put(struct map *map, struct arena *arena, uint64_t hash, uint32_t index);

/* Mixes bytes and numbers into a hash. Seeded, so that nobody outside can choose keys that collide. */
uint64_t pawli_hash_bytes(uint64_t seed, const void *data, size_t size);

static inline uint64_t pawli_hash_number(uint64_t seed, uint64_t number)
{
    __uint128_t product = (__uint128_t)(seed ^ number ^ 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
