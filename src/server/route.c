/* SPDX-License-Identifier: MIT */
/* From a request to its route; and what is refused before that. */
#include <stdio.h>
#include <strings.h>
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/codec.h"
#include "server/server.h"

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if (!*text)
        return false;
    for (; *text; text++) {
        char c = *text;
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alnum && !strchr(others, c))
            return false;
    }
    return true;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7F)
            return true;
    return false;
}

const char *pawli_server_guard(struct evkeyvalq *headers, int major, int minor)
{
    size_t hosts = 0, lengths = 0, encodings = 0;
    struct evkeyval *header;
    TAILQ_FOREACH(header, headers, next)
    {
        uint64_t length;
        if (!is_token(header->key))
            return "the name of a header is malformed";
        if (has_control(header->value))
            return "the value of a header has control characters";
        hosts += strcasecmp(header->key, "host") == 0;
        if (strcasecmp(header->key, "content-length") == 0 &&
            (lengths++ > 0 || !pawli_parse_u64(text_of(header->value), &length)))
            return "the content length is ambiguous";
        if (strcasecmp(header->key, "transfer-encoding") == 0 &&
            (encodings++ > 0 || strcasecmp(header->value, "chunked") != 0))
            return "the transfer encoding is not supported";
    }
    if (major != 1)
        return "the version of HTTP is not supported";
    if (hosts > 1 || (hosts == 0 && minor > 0))
        return "a request needs one Host header";
    if (lengths && encodings)
        return "the content length is ambiguous";
    return NULL;
}

static bool method_fits(const char *method, const char *asked)
{
    return strcmp(method, asked) == 0 || (strcmp(method, "GET") == 0 && strcmp(asked, "HEAD") == 0);
}

static void allow(struct server_reply *reply, const char *method)
{
    size_t size = strlen(reply->allow);
    snprintf(reply->allow + size, sizeof reply->allow - size, "%s%s%s", size ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

const struct server_route *pawli_server_route(const struct server_options *options,
                                              const struct server_request *request, struct server_reply *reply)
{
    for (size_t i = 0; i < options->route_count; i++) {
        const struct server_route *route = &options->routes[i];
        if (route->path && strcmp(route->path, request->path) != 0)
            continue;
        if (method_fits(route->method, request->method)) {
            reply->allow[0] = '\0';
            return route;
        }
        allow(reply, route->method);
    }
    if (reply->allow[0])
        pawli_server_problem(reply, 405, "this path does not take this method");
    else
        pawli_server_problem(reply, 404, "there is nothing at this path");
    return NULL;
}

int pawli_server_endpoint(const char *address, char host[64], uint16_t *port, pawl_error *err)
{
    const char *start = address, *end = strrchr(address, ':');
    uint64_t number = UINT64_MAX;
    if (end && *start == '[' && end[-1] == ']') {
        pawli_parse_u64(text_of(end + 1), &number);
        start++;
        end--;
    } else if (end && !memchr(start, ':', (size_t)(end - start))) {
        pawli_parse_u64(text_of(end + 1), &number);
    }
    if (number > UINT16_MAX || end - start >= 64)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%.80s\" is no address to listen on", address),
                          "write HOST:PORT in numbers, such as 127.0.0.1:7295 or [::1]:7295; port 0 is any free one");
    struct text given = {start, (size_t)(end - start)};
    struct text used = given.size == 0 || text_is(given, "localhost") ? TEXT("127.0.0.1") : given;
    snprintf(host, 64, "%.*s", TEXT_ARG(used));
    *port = (uint16_t)number;
    return PAWL_OK;
}
