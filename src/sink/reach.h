/* SPDX-License-Identifier: MIT */
/* Where this process may connect to: the rules of address.h as its options give them, for every sink with a network. */
#ifndef PAWLI_REACH_H
#define PAWLI_REACH_H

#include "sink/address.h"
#include "sink/sink.h"

struct reach {
    struct address_rules rules;
    struct address_block *blocks;
};

int pawli_reach_check(const struct sink_rules *rules, pawl_error *err); /* whether the options can be read */
int pawli_reach_init(struct reach *reach, const struct sink_rules *rules, pawl_error *err);
void pawli_reach_done(struct reach *reach);

/* False: it may not, and the text says which rule stands in the way. */
bool pawli_reach_may(const struct reach *reach, const struct address *address, char *problem, size_t room);

#endif
