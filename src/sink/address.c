/* SPDX-License-Identifier: MIT */
/* Which addresses a process may send to; see address.h. */
#include "sink/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/codec.h"

/* One a line, with what it is: nobody may shorten the list without seeing what goes. */
static const struct address_block denied[] = {
    {{0}, 4, 8},                           /* 0.0.0.0/8: this network; 0.0.0.0 reaches this machine */
    {{10}, 4, 8},                          /* 10.0.0.0/8: private */
    {{100, 64}, 4, 10},                    /* 100.64.0.0/10: carrier NAT, cloud metadata */
    {{127}, 4, 8},                         /* 127.0.0.0/8: loopback */
    {{169, 254}, 4, 16},                   /* 169.254.0.0/16: link-local, cloud metadata */
    {{172, 16}, 4, 12},                    /* 172.16.0.0/12: private */
    {{192, 0, 0}, 4, 24},                  /* 192.0.0.0/24: protocol assignments */
    {{192, 0, 2}, 4, 24},                  /* 192.0.2.0/24: documentation */
    {{192, 88, 99}, 4, 24},                /* 192.88.99.0/24: 6to4 relays */
    {{192, 168}, 4, 16},                   /* 192.168.0.0/16: private */
    {{198, 18}, 4, 15},                    /* 198.18.0.0/15: benchmarking */
    {{198, 51, 100}, 4, 24},               /* 198.51.100.0/24: documentation */
    {{203, 0, 113}, 4, 24},                /* 203.0.113.0/24: documentation */
    {{224}, 4, 4},                         /* 224.0.0.0/4: multicast */
    {{240}, 4, 4},                         /* 240.0.0.0/4: reserved, broadcast */
    {{0}, 16, 96},                         /* ::/96: this machine, loopback, IPv4 as ::a.b.c.d */
    {{[10] = 0xff, 0xff}, 16, 96},         /* ::ffff:0:0/96: IPv4 in disguise */
    {{[8] = 0xff, 0xff}, 16, 96},          /* ::ffff:0:0:0/96: IPv4, translated */
    {{0, 0x64, 0xff, 0x9b}, 16, 96},       /* 64:ff9b::/96: NAT64 */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 16, 48}, /* 64:ff9b:1::/48: NAT64, local */
    {{1}, 16, 64},                         /* 100::/64: discard */
    {{0x20, 1}, 16, 23},                   /* 2001::/23: protocol assignments, Teredo */
    {{0x20, 1, 0xd, 0xb8}, 16, 32},        /* 2001:db8::/32: documentation */
    {{0x20, 2}, 16, 16},                   /* 2002::/16: 6to4 */
    {{0x3f, 0xff}, 16, 20},                /* 3fff::/20: documentation */
    {{0x5f}, 16, 16},                      /* 5f00::/16: segment routing */
    {{0xfc}, 16, 7},                       /* fc00::/7: private, cloud metadata */
    {{0xfe, 0x80}, 16, 10},                /* fe80::/10: link-local */
    {{0xfe, 0xc0}, 16, 10},                /* fec0::/10: site-local */
    {{0xff}, 16, 8},                       /* ff00::/8: multicast */
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & (0xFF00u >> rest & 0xFF)) == 0;
}

static bool is_in_one_of(const struct address_block *blocks, size_t count, const struct address *address)
{
    for (size_t i = 0; i < count; i++)
        if (blocks[i].size == address->size && same_bits(blocks[i].bytes, address->bytes, blocks[i].bits))
            return true;
    return false;
}

/* What a connection to ::ffff:a.b.c.d really reaches. */
static struct address unmapped(const struct address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    struct address plain = *address;
    if (address->size == 16 && memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        plain = (struct address){.size = 4, .port = address->port};
        memcpy(plain.bytes, address->bytes + 12, 4);
    }
    return plain;
}

static bool is_zero(const struct address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->bytes, zero, address->size) == 0;
}

static bool is_own(const struct address_rules *rules, const struct address *given)
{
    struct address address = unmapped(given);
    for (size_t i = 0; i < rules->own_count; i++) {
        struct address own = unmapped(&rules->own[i]);
        if (own.port != address.port)
            continue;
        if (own.size == address.size && memcmp(own.bytes, address.bytes, own.size) == 0)
            return true;
        /* "::" takes connections of both families, "0.0.0.0" of its own only. */
        if (is_zero(&own) && own.size >= address.size && rules->is_local && rules->is_local(&address))
            return true;
    }
    return false;
}

enum address_answer pawli_address_judge(const struct address_rules *rules, const struct address *address)
{
    if (is_own(rules, address))
        return ADDRESS_OWN;
    if (is_in_one_of(rules->allowed, rules->allowed_count, address))
        return ADDRESS_FINE;
    return is_in_one_of(denied, COUNT_OF(denied), address) ? ADDRESS_DENIED : ADDRESS_FINE;
}

bool pawli_address_of(const struct sockaddr *socket, socklen_t size, struct address *ret_address)
{
    if (socket->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, socket, sizeof in);
        *ret_address = (struct address){.size = 4, .port = ntohs(in.sin_port)};
        memcpy(ret_address->bytes, &in.sin_addr, 4);
        return true;
    }
    if (socket->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, socket, sizeof in6);
        *ret_address = (struct address){.size = 16, .port = ntohs(in6.sin6_port)};
        memcpy(ret_address->bytes, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

bool pawli_address_parse(const char *text, uint16_t port, struct address *ret_address)
{
    struct address address = {.port = port};
    if (inet_pton(AF_INET, text, address.bytes) == 1)
        address.size = 4;
    else if (inet_pton(AF_INET6, text, address.bytes) == 1)
        address.size = 16;
    else
        return false;
    *ret_address = address;
    return true;
}

const char *pawli_address_format(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
    if (!inet_ntop(address->size == 4 ? AF_INET : AF_INET6, address->bytes, text, ADDRESS_TEXT_MAX))
        snprintf(text, ADDRESS_TEXT_MAX, "?");
    return text;
}

/* Copies the part before the last sign of a kind; false when that does not fit. */
static bool copy_front(const char *text, const char *end, char out[ADDRESS_TEXT_MAX])
{
    size_t size = (size_t)(end - text);
    if (size >= ADDRESS_TEXT_MAX)
        return false;
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

int pawli_address_block_parse(const char *text, struct address_block *ret_block, pawl_error *err)
{
    char front[ADDRESS_TEXT_MAX];
    struct address address;
    const char *slash = strchr(text, '/');
    if (!copy_front(text, slash ? slash : text + strlen(text), front) || !pawli_address_parse(front, 0, &address))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%.80s\" is no block of addresses", text),
                          "write it as 10.0.0.0/8 or fd00::/8");
    int64_t bits = address.size * 8;
    if (slash && (!pawli_parse_i64(text_of(slash + 1), &bits) || bits < 0 || bits > address.size * 8))
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "\"%.80s\" has no length of a prefix behind the slash", text),
                          "use 0 to %d", address.size * 8);
    for (int64_t i = bits; i < address.size * 8; i++)
        if (address.bytes[i / 8] & (0x80u >> i % 8))
            return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%.80s\" has bits behind its prefix", text),
                              "set them to 0, or drop the slash for one address");
    struct address_block block = {.size = address.size, .bits = (uint8_t)bits};
    memcpy(block.bytes, address.bytes, sizeof block.bytes);
    *ret_block = block;
    return PAWL_OK;
}

int pawli_address_own_parse(const char *text, struct address_rules *rules, pawl_error *err)
{
    char front[ADDRESS_TEXT_MAX];
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    bool good = colon && copy_front(text, colon, front) && pawli_parse_i64(text_of(colon + 1), &port) && port > 0 &&
                port <= UINT16_MAX;
    char *host = front;
    size_t size = good ? strlen(front) : 0;
    if (size > 2 && front[0] == '[' && front[size - 1] == ']') {
        front[size - 1] = '\0';
        host++;
    } else if (good && strchr(front, ':')) {
        good = false; /* IPv6 without brackets: where the port begins is anybody's guess */
    }
    rules->own_count = 0;
    if (good && strcmp(host, "localhost") == 0)
        good = pawli_address_parse("127.0.0.1", (uint16_t)port, &rules->own[rules->own_count++]) &&
               pawli_address_parse("::1", (uint16_t)port, &rules->own[rules->own_count++]);
    else if (good)
        good = pawli_address_parse(*host ? host : "::", (uint16_t)port, &rules->own[rules->own_count++]);
    if (!good)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "own_address \"%.80s\" is no address with a port", text),
                          "write it as 127.0.0.1:7295 or [::1]:7295");
    return PAWL_OK;
}

bool pawli_address_is_local(const struct address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    bool is_4 = address->size == 4;
    memcpy(is_4 ? (void *)&in.sin_addr : (void *)&in6.sin6_addr, address->bytes, address->size);
    int probe = socket(is_4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return true; /* not to know is to deny */
    /* Only an address of this machine can be bound. */
    int status = is_4 ? bind(probe, (struct sockaddr *)&in, sizeof in)
                      : bind(probe, (struct sockaddr *)&in6, sizeof in6);
    int problem = errno;
    close(probe);
    return status == 0 || problem != EADDRNOTAVAIL;
}
