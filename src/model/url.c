/* SPDX-License-Identifier: MIT */
/* The URL of a target, read more strictly than any sink does: what is taken here can be sent to, so that a mistake is
 * noticed by who makes it and not by the messages. */
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

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
static const char *authority_problem(struct text authority)
{
    if (authority.size > 0 && memchr(authority.data, '@', authority.size))
        return "it has a user or password in it: use a header";
    bool is_ipv6 = authority.size > 0 && authority.data[0] == '[';
    const char *end = memchr(authority.data, is_ipv6 ? ']' : ':', authority.size);
    if (is_ipv6 && !end)
        return "its [ has no ]";
    size_t size = end ? (size_t)(end - authority.data) : authority.size;
    const char *problem = is_ipv6 ? ipv6_problem((struct text){authority.data + 1, size - 1})
                                  : name_problem((struct text){authority.data, size});
    size += is_ipv6;
    if (problem || size == authority.size)
        return problem;
    if (authority.data[size] != ':')
        return "behind its ] stands no port";
    return port_problem((struct text){authority.data + size + 1, authority.size - size - 1});
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

int pawli_check_url(const char *field, const char *url, pawl_error *err)
{
    static const struct {
        const char *start;
        const char *(*problem)(
            const char *rest); /* of what stands behind the start, its last slash of a path included */
    } kinds[] = {
        {"http://", web_problem}, {"https://", web_problem},       {"exec:/", path_problem},
        {"file:/", path_problem}, {"callback:", callback_problem},
    };
    int status = pawli_check_text(field, text_of(url), LIMIT_URL, err);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(kinds); i++) {
        size_t size = strlen(kinds[i].start);
        if (strncmp(url, kinds[i].start, size) != 0)
            continue;
        const char *problem = kinds[i].problem(url + size - (kinds[i].problem == path_problem));
        return problem ? pawli_fail(err, PAWL_EINVAL, "%s \"%.100s\" is malformed: %s", field, url, problem) : PAWL_OK;
    }
    return status < 0 ? status
                      : pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s \"%.100s\" has no sink", field, url),
                                   "use http://…, https://…, exec:/PATH, file:/PATH or callback:NAME");
}
