/* SPDX-License-Identifier: MIT */
/* The URL of a target, read more strictly than any sink does: what is taken here can be sent to, so that a mistake is
 * noticed by who makes it and not by the messages. */
#include "model/url.h"

#include <arpa/inet.h>

#include "base/codec.h"
#include "model/check.h"
#include "model/limits.h"

#define HOST_MAX  253
#define LABEL_MAX 63

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *characters_problem(const char *url)
{
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7F)
            return "it has a blank or a control character: write %20";
        if (*at == '%' && !(is_hex(at[1]) && is_hex(at[2])))
            return "it has a % that begins no escape: write %25";
    }
    return NULL;
}

/* "name.example", or an address in any spelling of IPv4. */
static const char *name_problem(struct text host)
{
    size_t label = 0;
    if (host.size == 0)
        return "it has no host";
    for (size_t i = 0; i < host.size; i++) {
        if ((unsigned char)host.data[i] >= 0x80)
            return "its host is not ASCII: write xn--…";
        if (strchr("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~", host.data[i]))
            return "its host has a character that no name has";
        if (host.data[i] == '.' && label == 0)
            return "its host has an empty part";
        label = host.data[i] == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return "its host has a part that is too long";
    }
    return host.size > HOST_MAX ? "its host is too long" : NULL;
}

static const char *ipv6_problem(struct text host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    bool good = host.size < sizeof text;
    if (good) {
        memcpy(text, host.data, host.size);
        text[host.size] = '\0';
        good = inet_pton(AF_INET6, text, &address) == 1;
    }
    return good ? NULL : "between [ and ] stands no IPv6 address";
}

static const char *port_problem(struct text port)
{
    int64_t number;
    bool good = port.size >= 1 && port.data[0] >= '0' && port.data[0] <= '9' && pawli_parse_i64(port, &number) &&
                number >= 1 && number <= UINT16_MAX;
    return good ? NULL : "its port is no number from 1 to 65535";
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT, and where the host ends. */
static const char *server_problem(struct text authority, size_t *ret_size)
{
    bool is_ipv6 = authority.size > 0 && authority.data[0] == '[';
    const char *end = memchr(authority.data, is_ipv6 ? ']' : ':', authority.size);
    if (is_ipv6 && !end)
        return "its [ has no ]";
    size_t size = end ? (size_t)(end - authority.data) : authority.size;
    const char *problem = is_ipv6 ? ipv6_problem((struct text){authority.data + 1, size - 1})
                                  : name_problem((struct text){authority.data, size});
    size += is_ipv6;
    *ret_size = size;
    if (problem || size == authority.size)
        return problem;
    if (authority.data[size] != ':')
        return "behind its ] stands no port";
    return port_problem((struct text){authority.data + size + 1, authority.size - size - 1});
}

static const char *authority_problem(struct text authority)
{
    size_t size;
    if (authority.size > 0 && memchr(authority.data, '@', authority.size))
        return "it has a user or password in it: use a header";
    return server_problem(authority, &size);
}

static const char *web_problem(const char *rest)
{
    const char *problem = authority_problem((struct text){rest, strcspn(rest, "/?#")});
    return problem ? problem : characters_problem(rest);
}

static const char *path_problem(const char *rest)
{
    const char *name = strrchr(rest, '/') + 1;
    return *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? "its path does not end in a name"
                                                                              : NULL;
}

static const char *callback_problem(const char *rest)
{
    return pawli_check_name("callback", text_of(rest), NULL) < 0 ? "a callback cannot have that name" : NULL;
}

/* ---- brokers ---- */

static struct text slice(const char *from, const char *to)
{
    return (struct text){from, (size_t)(to - from)};
}

/* A part that goes out in a field of its own: as many bytes as that has, and no escape for what steers terminals. */
static const char *part_problem(struct text part)
{
    size_t size = 0;
    for (size_t i = 0; i < part.size; i++, size++) {
        if (part.data[i] != '%')
            continue;
        bool is_control = part.data[i + 1] <= '1' || (part.data[i + 1] == '7' && (part.data[i + 2] | 0x20) == 'f');
        if (is_control)
            return "an escape in it stands for a control character";
        i += 2;
    }
    return size > URL_PART_MAX ? "one of its parts has more than 255 bytes" : NULL;
}

static const char *user_problem(struct text user)
{
    if (user.size == 0)
        return "it has an @ and no user before it";
    if (memchr(user.data, ':', user.size))
        return "it has a password in it: use a secret file";
    return part_problem(user);
}

/* [USER@]HOST[:PORT] */
static const char *read_server(struct text authority, uint16_t port, struct broker_url *url)
{
    size_t size;
    int64_t number;
    const char *at = authority.size ? memrchr(authority.data, '@', authority.size) : NULL;
    if (at) {
        url->user = slice(authority.data, at);
        authority = slice(at + 1, authority.data + authority.size);
    }
    const char *problem = at ? user_problem(url->user) : NULL;
    if (!problem)
        problem = server_problem(authority, &size);
    if (problem)
        return problem;
    url->host = (struct text){authority.data, size};
    url->port = port;
    if (size < authority.size &&
        pawli_parse_i64((struct text){authority.data + size + 1, authority.size - size - 1}, &number))
        url->port = (uint16_t)number;
    return NULL;
}

/* Words with dots between; a stream may be named by none, and a publisher by no pattern. */
static const char *read_subject(const char *path, struct broker_url *url)
{
    size_t size = strcspn(path, "?"), word = 0;
    url->subject = (struct text){path, size};
    if (memchr(path, '%', size) || memchr(path, '#', size))
        return "its subject has a % or a #";
    for (size_t i = 0; i <= size; i++) {
        bool ends = i == size || path[i] == '.';
        if (ends && word == 0)
            return size == 0 ? "it names no subject: write nats://HOST/SUBJECT" : "its subject has an empty word";
        if (!ends && strchr("*>", path[i]))
            return "its subject is a pattern: write one without * and >";
        word = ends ? 0 : word + 1;
    }
    url->is_core = strcmp(path + size, "?core=1") == 0;
    return path[size] && !url->is_core ? "behind its subject may stand ?core=1 only" : NULL;
}

static const char *read_exchange(const char *path, struct broker_url *url)
{
    struct text *parts[] = {&url->vhost, &url->exchange, &url->route};
    const char *problem = NULL;
    for (size_t i = 0; i < COUNT_OF(parts) && !problem; i++) {
        const char *end = path + strcspn(path, "/");
        if (i + 1 < COUNT_OF(parts) && *end == '\0')
            return "it is too short: write amqp://HOST/VHOST/EXCHANGE/ROUTING_KEY";
        *parts[i] = slice(path, end);
        problem = strpbrk(path, "?#") ? "it has a ? or a #: write %3F or %23" : part_problem(*parts[i]);
        if (i + 1 == COUNT_OF(parts) && *end)
            problem = "it has too many parts: write a / within one as %2F";
        path = end + 1;
    }
    if (!problem && url->vhost.size == 0)
        problem = "its vhost is empty: the usual one is written %2F";
    if (!problem && url->exchange.size == 0 && url->route.size == 0)
        problem = "it names neither an exchange nor a routing key";
    return problem;
}

const char *pawli_broker_url_read(const char *url, struct broker_url *ret_url)
{
    static const struct {
        const char *start;
        uint16_t port;
        const char *(*read)(const char *path, struct broker_url *url);
    } kinds[] = {{"nats://", 4222, read_subject}, {"amqp://", 5672, read_exchange}};
    *ret_url = (struct broker_url){.port = 0};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t start = strlen(kinds[i].start);
        if (strncmp(url, kinds[i].start, start) != 0)
            continue;
        const char *end = url + start + strcspn(url + start, "/");
        const char *problem = characters_problem(url + start);
        if (!problem)
            problem = read_server(slice(url + start, end), kinds[i].port, ret_url);
        if (!problem)
            problem = kinds[i].read(*end ? end + 1 : end, ret_url);
        if (!ret_url->route.data)
            ret_url->place = slice(url, end);
        else
            ret_url->place = slice(url, ret_url->route.data);
        return problem;
    }
    return "it is no URL of a broker";
}

struct text pawli_url_decode(struct arena *arena, struct text part)
{
    char *out = pawli_arena_alloc_raw(arena, part.size + 1);
    if (!out)
        return (struct text){0};
    size_t size = 0;
    for (size_t i = 0; i < part.size; i++) {
        unsigned char byte;
        if (part.data[i] == '%' && pawli_unhex((struct text){part.data + i + 1, 2}, &byte, 1)) {
            out[size++] = (char)byte;
            i += 2;
        } else {
            out[size++] = part.data[i];
        }
    }
    out[size] = '\0';
    return (struct text){out, size};
}

static const char *broker_problem(const char *url)
{
    struct broker_url parts;
    return pawli_broker_url_read(url, &parts);
}

/* ---- any ---- */

static const struct kind {
    const char *start;
    size_t seen; /* from here on by what follows: whole for a broker, with the slash for a path */
    const char *(*problem)(const char *rest);
    bool is_asked; /* it can be asked what became of a message */
} kinds[] = {{"http://", 7, web_problem, true},       {"https://", 8, web_problem, true},
             {"exec:/", 5, path_problem, true},       {"file:/", 5, path_problem, false},
             {"nats://", 0, broker_problem, false},   {"amqp://", 0, broker_problem, false},
             {"callback:", 9, callback_problem, true}};

static const struct kind *kind_of(const char *url)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strncmp(url, kinds[i].start, strlen(kinds[i].start)) == 0)
            return &kinds[i];
    return NULL;
}

static int check(const char *field, const char *url, const struct kind *kind, pawl_error *err)
{
    const char *problem = kind->problem(url + kind->seen);
    return problem ? pawli_fail(err, PAWL_EINVAL, "%s \"%.100s\" is malformed: %s", field, url, problem) : PAWL_OK;
}

int pawli_check_url(const char *field, const char *url, pawl_error *err)
{
    int status = pawli_check_text(field, text_of(url), LIMIT_URL, err);
    const struct kind *kind = status == PAWL_OK ? kind_of(url) : NULL;
    if (status < 0 || kind)
        return status < 0 ? status : check(field, url, kind, err);
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s \"%.100s\" has no sink", field, url),
                      "use http://…, https://…, nats://…, amqp://…, exec:/PATH, file:/PATH or callback:NAME");
}

int pawli_check_asked_url(const char *field, const char *url, pawl_error *err)
{
    int status = pawli_check_text(field, text_of(url), LIMIT_URL, err);
    const struct kind *kind = status == PAWL_OK ? kind_of(url) : NULL;
    if (status < 0 || (kind && kind->is_asked))
        return status < 0 ? status : check(field, url, kind, err);
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s \"%.100s\" is nothing that can be asked", field, url),
                      "use http://…, https://…, exec:/PATH or callback:NAME");
}
