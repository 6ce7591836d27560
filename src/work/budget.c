/* SPDX-License-Identifier: MIT */
/* How much a worker may have under way; see budget.h. Pure. */
#include "work/budget.h"

uint32_t pawli_budget_sends(uint64_t descriptors)
{
    uint64_t sends = descriptors > BUDGET_RESERVE ? (descriptors - BUDGET_RESERVE) / BUDGET_A_SEND : 0;
    return sends < BUDGET_SEND_MIN ? BUDGET_SEND_MIN : sends > BUDGET_SEND_MAX ? BUDGET_SEND_MAX : (uint32_t)sends;
}

/* So much that it has `parts`th of what is left then at most; at least one where anything is left and it has none. */
static uint64_t share(uint64_t max, uint64_t all, uint64_t own, uint64_t parts)
{
    uint64_t left = max > all ? max - all : 0;
    return left > own * parts ? (left - own * parts + parts) / (parts + 1) : 0;
}

uint32_t pawli_budget_room(uint32_t send_max, const struct usage *all, const struct usage *scope,
                           const struct usage *own, uint32_t wanted)
{
    uint64_t byte_max = BUDGET_BYTES_MAX, parts = own->is_prompt ? 1 : 16;
    if (!own->is_prompt) {
        send_max -= send_max / 4;
        byte_max -= byte_max / 4;
    }
    const struct {
        const struct usage *usage;
        uint64_t parts;
    } shares[] = {{own, parts}, {scope, 1}};
    uint64_t sends = wanted;
    for (size_t i = 0; i < COUNT_OF(shares); i++) {
        const struct usage *usage = shares[i].usage;
        if (!usage)
            continue;
        uint64_t room = share(send_max, all->sends, usage->sends, shares[i].parts);
        sends = room < sends ? room : sends;
        if (share(byte_max, all->bytes, usage->bytes, shares[i].parts) < BUDGET_CLAIM_BYTES)
            return 0;
    }
    return (uint32_t)sends;
}
