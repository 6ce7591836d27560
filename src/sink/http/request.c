/* SPDX-License-Identifier: MIT */
/* What is sent: the payload's bytes, the message's headers, the three of Standard Webhooks 1.0, the number of the attempt, and
 * what else the message has: who sent it, by when it matters, its ordering key, and of a copy the id of the message before it.
 * Who is asked what became of a message gets the same without the payload, and what the receiver called it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/digest.h"
#include "sink/answer.h"
#include "sink/http/http.h"

static bool has_part(CURLU *url, CURLUPart what)
{
    char *part = NULL;
    bool found = curl_url_get(url, what, &part, 0) == CURLUE_OK;
    curl_free(part);
    return found;
}

/* Copies a part; false when there is none, or none that fits. */
static bool copy_part(CURLU *url, CURLUPart what, unsigned flags, char *out, size_t room)
{
    char *part = NULL;
    bool good = curl_url_get(url, what, &part, flags) == CURLUE_OK && strlen(part) < room;
    if (good)
        memcpy(out, part, strlen(part) + 1);
    curl_free(part);
    return good;
}

static const char *read_url(CURLU *url, const char *text, struct request_url *parsed)
{
    char scheme[16], port[8];
    int64_t number = 0;
    struct address address;
    if (!url || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return "the URL is malformed";
    if (!copy_part(url, CURLUPART_SCHEME, 0, scheme, sizeof scheme))
        return "the URL has no scheme";
    parsed->is_tls = strcmp(scheme, "https") == 0;
    if (!parsed->is_tls && strcmp(scheme, "http") != 0)
        return "the URL is neither http nor https";
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return "the URL has a user or password in it: use a header";
    if (!copy_part(url, CURLUPART_HOST, CURLU_PUNYCODE, parsed->host, sizeof parsed->host) ||
        !copy_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port) ||
        !pawli_parse_i64(text_of(port), &number))
        return "the URL has a host that nobody can find";
    parsed->port = (uint16_t)number;
    parsed->is_numeric = parsed->host[0] == '[' || pawli_address_parse(parsed->host, 0, &address);
    return NULL;
}

const char *pawli_request_read_url(const char *text, struct request_url *parsed)
{
    CURLU *url = curl_url();
    const char *problem = read_url(url, text, parsed);
    curl_url_cleanup(url);
    return problem;
}

static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
    struct buffer line;
    buffer_init(&line, SIZE_MAX);
    pawli_buffer_add_string(&line, name);
    /* curl's own spelling: "name:" alone would mean to leave the header out. */
    bool is_blank = value[strspn(value, " \t")] == '\0';
    pawli_buffer_add_string(&line, is_blank ? ";" : ": ");
    if (!is_blank)
        pawli_buffer_add_string(&line, value);
    pawli_buffer_add_char(&line, '\0');
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(*headers, line.data);
    pawli_buffer_done(&line);
    if (longer)
        *headers = longer;
    return longer != NULL;
}

void pawli_request_sign(struct buffer *out, const struct secret *secret, const char *id, const char *timestamp,
                        struct text body)
{
    struct arena arena = {0};
    struct buffer content;
    buffer_init(&content, SIZE_MAX);
    pawli_buffer_format(&content, "%s.%s.", id, timestamp);
    pawli_buffer_add_text(&content, body);
    for (size_t i = 0; i < secret->key_count; i++) {
        struct digest digest = pawli_hmac_sha256(secret->keys[i], buffer_text(&content));
        struct text base64 = pawli_base64(&arena, (struct text){(const char *)digest.bytes, sizeof digest.bytes});
        pawli_buffer_add_string(out, i > 0 ? " v1," : "v1,");
        pawli_buffer_add_text(out, base64);
    }
    out->failed |= content.failed || pawli_arena_failed(&arena);
    pawli_buffer_done(&content);
    pawli_arena_done(&arena);
}

static struct text body_of(const struct send *send)
{
    bool has_body = send->phase == PHASE_SEND && send->message->data_size > 0;
    return has_body ? (struct text){send->message->data, send->message->data_size} : TEXT("");
}

static bool add_signature(struct curl_slist **headers, const struct send *send, const char *id, const char *timestamp)
{
    struct buffer value;
    buffer_init(&value, SIZE_MAX);
    pawli_request_sign(&value, send->secret, id, timestamp, body_of(send));
    pawli_buffer_add_char(&value, '\0');
    bool good = !value.failed && add_header(headers, "webhook-signature", value.data);
    pawli_buffer_done(&value);
    return good;
}

static bool add_fields(struct curl_slist **headers, const struct send *send)
{
    struct send_field fields[SEND_FIELDS_MAX];
    size_t count = pawli_send_fields(send, fields);
    bool is_look = send->phase != PHASE_SEND, good = count > 0;
    if (good && is_look)
        good = add_header(headers, "pawl-phase", pawli_phase_text(send->phase));
    if (good && is_look && send->message->remote_id)
        good = add_header(headers, "pawl-remote-id", send->message->remote_id);
    for (size_t i = 0; good && i < count; i++)
        good = add_header(headers, fields[i].name, fields[i].value);
    return good;
}

static bool add_headers(struct curl_slist **headers, const struct send *send, int64_t unix_s)
{
    const pawl_message_view *message = send->message;
    char id[PAWL_UUID_TEXT_SIZE], timestamp[24];
    pawl_uuid_format(&message->id, id);
    snprintf(timestamp, sizeof timestamp, "%" PRId64, unix_s);
    bool good = add_header(headers, "webhook-id", id) && add_header(headers, "webhook-timestamp", timestamp) &&
                add_fields(headers, send);
    if (good && send->phase == PHASE_SEND)
        good = add_header(headers, "content-type",
                          message->content_type ? message->content_type : "application/octet-stream");
    if (good && send->secret)
        good = add_signature(headers, send, id, timestamp);
    for (size_t i = 0; good && i < message->header_count; i++)
        good = add_header(headers, message->headers[i].name, message->headers[i].value);
    return good;
}

bool pawli_request_set(CURL *easy, const struct send *send, int64_t unix_s, struct curl_slist **headers)
{
    const struct text body = body_of(send);
    if (!add_headers(headers, send, unix_s))
        return false;
    bool good = curl_easy_setopt(easy, CURLOPT_URL, send->url) == CURLE_OK;
    good = good && curl_easy_setopt(easy, CURLOPT_USERAGENT, "pawl/" PAWL_VERSION) == CURLE_OK;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    /* Borrowed, not copied: the message outlives the send. */
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(easy, send->phase == PHASE_SEND ? CURLOPT_POST : CURLOPT_HTTPGET, 1L); /* last: fields mean POST */
    return good;
}
