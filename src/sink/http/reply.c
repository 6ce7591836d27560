/* SPDX-License-Identifier: MIT */
/* What a receiver's reply means. Reads only as much as it has limits for. */
#include <strings.h>

#include "base/codec.h"
#include "sink/http/http.h"

static struct text trimmed(struct text text)
{
    while (text.size > 0 && strchr(" \t\r\n", text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]))
        text.size--;
    return text;
}

static void keep(char *out, size_t room, struct text text)
{
    size_t size = text.size < room - 1 ? text.size : room - 1;
    memcpy(out, text.data, size);
    out[size] = '\0';
}

/* "HTTP/1.1 503 Service Unavailable" begins a reply anew: what came before it was a 1xx. */
static void read_status_line(struct reply *reply, struct text line)
{
    const char *blank = memchr(line.data, ' ', line.size);
    struct text rest = trimmed((struct text){blank ? blank : "", blank ? (size_t)(line.data + line.size - blank) : 0});
    int64_t status = 0;
    bool good = rest.size >= 3 && pawli_parse_i64((struct text){rest.data, 3}, &status) && status >= 100;
    reply->status = good ? (int)status : 0;
    reply->retry_after[0] = reply->pawl_status[0] = reply->remote_id[0] = reply->webhook_id[0] = '\0';
    keep(reply->reason, sizeof reply->reason,
         trimmed((struct text){rest.data + (good ? 3 : 0), rest.size - (good ? 3 : 0)}));
}

/* Keeps what stands behind a name. False: that is not the line's. */
static bool keep_field(struct text line, const char *name, char *out, size_t room)
{
    size_t size = strlen(name);
    if (line.size <= size || line.data[size] != ':' || strncasecmp(line.data, name, size) != 0)
        return false;
    keep(out, room, trimmed((struct text){line.data + size + 1, line.size - size - 1}));
    return true;
}

static void read_field(struct reply *reply, struct text line)
{
    const struct {
        const char *name;
        char *out;
        size_t room;
    } fields[] = {{"retry-after", reply->retry_after, sizeof reply->retry_after},
                  {"pawl-status", reply->pawl_status, sizeof reply->pawl_status},
                  {"pawl-remote-id", reply->remote_id, sizeof reply->remote_id},
                  {"webhook-id", reply->webhook_id, sizeof reply->webhook_id}};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (keep_field(line, fields[i].name, fields[i].out, fields[i].room))
            return;
}

bool pawli_reply_header(struct reply *reply, struct text line)
{
    reply->header_size += line.size;
    if (reply->header_size > HTTP_HEADERS_MAX) {
        reply->is_too_big = true;
        return false;
    }
    if (reply->is_whole)
        return true; /* a trailer */
    if (line.size > 5 && memcmp(line.data, "HTTP/", 5) == 0)
        read_status_line(reply, line);
    else if (trimmed(line).size == 0)
        reply->is_whole = reply->status >= 200;
    else
        read_field(reply, line);
    return true;
}

bool pawli_reply_body(struct reply *reply, struct text bytes)
{
    if (reply->body_size < HTTP_EXCERPT_MAX) {
        size_t room = HTTP_EXCERPT_MAX - reply->body_size;
        memcpy(reply->excerpt + reply->body_size, bytes.data, bytes.size < room ? bytes.size : room);
    }
    reply->body_size += bytes.size;
    reply->is_too_big = reply->body_size >= HTTP_BODY_MAX;
    return !reply->is_too_big;
}

int64_t pawli_retry_after_ms(struct text value, struct wall_time now)
{
    if (value.size == 0)
        return -1;
    int64_t ms;
    if (value.data[0] >= '0' && value.data[0] <= '9') {
        for (size_t i = 0; i < value.size; i++)
            if (value.data[i] < '0' || value.data[i] > '9')
                return -1;
        int64_t seconds = INT64_MAX; /* more digits than a number has is merely long */
        (void)pawli_parse_i64(value, &seconds);
        ms = mul_saturating(seconds, 1000);
    } else {
        char date[64];
        /* Every form of an HTTP date begins with the day of the week; curl's reader alone takes far more than those. */
        if (value.size >= sizeof date || !strchr("SMTWF", value.data[0]))
            return -1;
        keep(date, sizeof date, value);
        int64_t at = curl_getdate(date, NULL);
        if (at < 0)
            return -1;
        ms = add_saturating(mul_saturating(at, 1000), -now.ms);
    }
    return ms < 0 ? 0 : ms;
}

/* Permanent is what the policy says, by default that the receiver will never take these very bytes. All else may heal, a
 * deployment's 404 too. */
static enum verdict verdict_of(const struct policy *policy, int status, bool asks_for_time)
{
    if (status >= 200 && status < 300)
        return VERDICT_DELIVERED;
    if (pawli_policy_is_permanent(policy, status))
        return VERDICT_DEAD;
    return asks_for_time && (status == 429 || status == 503) ? VERDICT_DEFERRED : VERDICT_RETRY;
}

/* Taken, but not done yet: the receiver says what became of it later. */
static bool is_handed_over(const struct reply *reply)
{
    return reply->status == 202 && strcasecmp(reply->pawl_status, "awaiting") == 0;
}

enum finding pawli_reply_finding(int status)
{
    switch (status) {
    case 200:
        return FINDING_HAPPENED;
    case 404:
        return FINDING_DID_NOT;
    case 409:
    case 410:
        return FINDING_HOPELESS;
    default:
        return FINDING_NONE;
    }
}

/* What the receiver calls it. Who is asked may only repeat the id that it was asked for. */
static struct text remote_id_of(const struct reply *reply, enum phase phase, struct arena *arena)
{
    const char *given = reply->remote_id[0] || phase != PHASE_SEND ? reply->remote_id : reply->webhook_id;
    struct text id = pawli_printable(arena, text_of(given), LIMIT_REMOTE_ID);
    return id.size ? id : (struct text){0};
}

void pawli_reply_judge(const struct reply *reply, struct send *send, struct wall_time now)
{
    PAWL_ASSERT(reply->is_whole);
    size_t kept = reply->body_size < HTTP_EXCERPT_MAX ? reply->body_size : HTTP_EXCERPT_MAX;
    struct text reason = pawli_printable(send->arena, text_of(reply->reason), sizeof reply->reason);
    struct text excerpt = pawli_printable(send->arena, (struct text){reply->excerpt, kept}, HTTP_EXCERPT_MAX);
    int64_t longest = policy_get(&send->policy, POLICY_RETRY_AFTER_MAX_MS);
    int64_t retry_after = pawli_retry_after_ms(text_of(reply->retry_after), now);
    if (retry_after > longest)
        retry_after = longest;
    send->verdict = is_handed_over(reply) ? VERDICT_SUBMITTED
                                          : verdict_of(&send->policy, reply->status, retry_after >= 0);
    send->response = pawli_arena_format(send->arena, "%d%s%.*s%s%.*s", reply->status, reason.size ? " " : "",
                                        TEXT_ARG(reason), excerpt.size ? ": " : "", TEXT_ARG(excerpt));
    send->status = reply->status;
    send->remote_id = remote_id_of(reply, send->phase, send->arena);
    send->fault = reply->status == 410 ? TARGET_GONE : TARGET_FINE;
    send->is_unauthorized = reply->status == 401 || reply->status == 403;
    if (send->phase == PHASE_SEND && send->verdict != VERDICT_RETRY && send->verdict != VERDICT_DEFERRED)
        return;
    send->retry_in_ms = retry_after;
    send->retry_is_least = true;
}
