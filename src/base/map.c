/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <endian.h>

static void place(struct map_entry *entries, size_t room, struct map_entry entry)
{
    size_t at = (size_t)entry.hash & (room - 1);
    while (entries[at].index_plus_1 != 0)
        at = (at + 1) & (room - 1);
    entries[at] = entry;
}

bool pawli_map_put(struct map *map, struct arena *arena, uint64_t hash, uint32_t index)
{
    if (map->count * 4 >= map->room * 3) {
        size_t room = map->room ? map->room * 2 : 32;
        struct map_entry *entries = arena_array(arena, struct map_entry, room);
        if (!entries)
            return false;
        for (size_t i = 0; i < map->room; i++)
            if (map->entries[i].index_plus_1 != 0)
                place(entries, room, map->entries[i]);
        map->entries = entries;
        map->room = room;
    }
    place(map->entries, map->room, (struct map_entry){hash, index + 1});
    map->count++;
    return true;
}

static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return htole64(word);
}

/* Both factors have of the state so far, so that nobody can choose a word that makes one of them 0. */
uint64_t pawli_hash_bytes(uint64_t seed, const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t hash = pawli_hash_number(seed, size);
    for (; size >= 16; at += 16, size -= 16) {
        uint64_t other = hash << 32 | hash >> 32;
        __uint128_t product = (__uint128_t)(hash ^ word_at(at)) * (other ^ word_at(at + 8) ^ 0x9e3779b97f4a7c15u);
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    for (; size >= 8; at += 8, size -= 8)
        hash = pawli_hash_number(hash, word_at(at));
    uint64_t tail = 0;
    if (size)
        memcpy(&tail, at, size);
    return pawli_hash_number(hash, htole64(tail));
}
