/* SPDX-License-Identifier: MIT */
/* Where this process may connect to; see reach.h. */
#include "sink/reach.h"

#include <stdio.h>

int pawli_reach_init(struct reach *reach, const struct sink_rules *rules, pawl_error *err)
{
    *reach = (struct reach){
        .blocks = pawli_alloc((rules->address_count + 1) * sizeof *reach->blocks)}; /* none is a list, too */
    if (!reach->blocks)
        return pawli_no_memory(err);
    reach->rules = (struct address_rules){
        .allowed = reach->blocks, .allowed_count = rules->address_count, .is_local = pawli_address_is_local};
    int status = rules->own_address ? pawli_address_own_parse(rules->own_address, &reach->rules, err) : PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < rules->address_count; i++)
        status = pawli_address_block_parse(rules->addresses[i], &reach->blocks[i], err);
    return status;
}

void pawli_reach_done(struct reach *reach)
{
    pawli_free(reach->blocks);
    *reach = (struct reach){.blocks = NULL};
}

int pawli_reach_check(const struct sink_rules *rules, pawl_error *err)
{
    struct reach reach;
    int status = pawli_reach_init(&reach, rules, err);
    pawli_reach_done(&reach);
    return status;
}

bool pawli_reach_may(const struct reach *reach, const struct address *address, char *problem, size_t room)
{
    char text[ADDRESS_TEXT_MAX];
    enum address_answer answer = pawli_address_judge(&reach->rules, address);
    if (answer != ADDRESS_FINE)
        snprintf(problem, room, "%s port %u is %s", pawli_address_format(address, text), address->port,
                 answer == ADDRESS_OWN ? "where this process itself listens"
                                       : "a private or reserved address (--allow-address)");
    return answer == ADDRESS_FINE;
}
