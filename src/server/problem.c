/* SPDX-License-Identifier: MIT */
/* Refusals as RFC 9457 has them. */
#include "api/api.h"
#include "base/json.h"
#include "server/server.h"

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {{400, "Bad Request"},           {401, "Unauthorized"},    {404, "Not Found"},
                  {405, "Method Not Allowed"},    {409, "Conflict"},        {413, "Content Too Large"},
                  {500, "Internal Server Error"}, {501, "Not Implemented"}, {503, "Service Unavailable"}};
    for (size_t i = 0; i < COUNT_OF(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

static void fill(struct server_reply *reply, int http_status, const char *detail, const pawl_error *error)
{
    struct json_writer writer = {&reply->body, false};
    reply->status = http_status;
    reply->content_type = "application/problem+json";
    reply->body.size = 0;
    pawli_json_open(&writer, '{');
    pawli_json_put_string(&writer, "type", "about:blank");
    pawli_json_put_string(&writer, "title", title_of(http_status));
    pawli_json_put_i64(&writer, "status", http_status);
    pawli_json_put_string(&writer, "code", error ? pawl_status_name(error->status) : NULL);
    pawli_json_put_string(&writer, "detail", detail);
    pawli_json_put_string(&writer, "hint", error && error->hint[0] ? error->hint : NULL);
    if (error)
        pawli_api_put_conflict(&writer, error);
    pawli_json_close(&writer, '}');
}

void pawli_server_problem(struct server_reply *reply, int http_status, const char *detail)
{
    fill(reply, http_status, detail, NULL);
}

void pawli_server_error(struct server_reply *reply, const pawl_error *error)
{
    const char *detail = error->text[0] ? error->text : pawl_status_text(error->status);
    fill(reply, pawl_status_http(error->status), detail, error);
}
