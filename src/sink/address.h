/* SPDX-License-Identifier: MIT */
/* Which addresses a process may send to. Pure: it is asked about the address of every connection, after the name was
 * resolved, so that neither a spelling of an address nor a name that changes its mind gets around it.
 *
 *   1  Private, loopback, link-local and reserved addresses are denied, and every form that carries another address.
 *   2  A block that the process allows beats the denied ones, for any port. Families never mix: 127.0.0.0/8 does not allow
 *      ::ffff:127.0.0.1.
 *   3  The process's own listen address is denied whatever is allowed; there ::ffff:127.0.0.1 is 127.0.0.1. */
#ifndef PAWLI_ADDRESS_H
#define PAWLI_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

struct address {
    uint8_t bytes[16]; /* the first 4 of IPv4 */
    uint8_t size;      /* 4 or 16 */
    uint16_t port;
};

struct address_block {
    uint8_t bytes[16];
    uint8_t size, bits;
};

struct address_rules {
    const struct address_block *allowed;
    size_t allowed_count;
    struct address own[2]; /* where this process listens; two when it was named "localhost" */
    size_t own_count;
    bool (*is_local)(
        const struct address *address); /* whether this machine has it: for a process that listens on all */
};

enum address_answer { ADDRESS_FINE, ADDRESS_DENIED, ADDRESS_OWN };

enum address_answer pawli_address_judge(const struct address_rules *rules, const struct address *address);

bool pawli_address_of(const struct sockaddr *socket, socklen_t size, struct address *ret_address); /* false: no IP */
bool pawli_address_parse(const char *text, uint16_t port, struct address *ret_address);            /* numbers only */

#define ADDRESS_TEXT_MAX 64
const char *pawli_address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]); /* without the port */

/* "10.0.0.0/8", "fd00::/8"; an address alone is a block of one. */
int pawli_address_block_parse(const char *text, struct address_block *ret_block, pawl_error *err);

/* "127.0.0.1:7295", "[::1]:7295", "localhost:7295", ":7295": into the rules. */
int pawli_address_own_parse(const char *text, struct address_rules *rules, pawl_error *err);

/* The world's answer for rules.is_local. */
bool pawli_address_is_local(const struct address *address);

#endif
