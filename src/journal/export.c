/* SPDX-License-Identifier: MIT */
/* The journal as text that proves itself. Bodies are there byte for byte: what is JSON as it stands, unless it would end a
 * line or have white space around it; everything else as base64; what is not stored as its hash. */
#include "base/codec.h"
#include "base/escape.h"
#include "commit/handle.h"
#include "model/check.h"
#include "model/view_json.h"
#include "model/trace.h"
#include "pawl/moving.h"

#define PAGE 200

struct exporting {
    pawl_store *store;
    struct reader *reader;
    pawl_export_options options;
    pawl_export_line *line;
    void *data;
    struct buffer buffer;
    struct json_writer out;
    struct arena scratch;
    struct scope_row scope;
    pawl_error *err;
};

/* ---- one line ---- */

static void begin_line(struct exporting *e)
{
    pawli_buffer_done(&e->buffer);
    buffer_init(&e->buffer, SIZE_MAX / 2);
    e->out = (struct json_writer){&e->buffer, false};
    pawli_json_open(&e->out, '{');
}

static int end_line(struct exporting *e)
{
    pawli_json_close(&e->out, '}');
    pawli_buffer_add_char(&e->buffer, '\n');
    if (e->buffer.failed || pawli_arena_failed(&e->scratch))
        return pawli_no_memory(e->err);
    struct text line = {e->buffer.data, e->buffer.size - 1};
    struct buffer seen;
    bool is_plain = pawli_is_plain_json(line);
    buffer_init(&seen, SIZE_MAX / 2);
    if (!is_plain) { /* names and keys: bodies are */
        pawli_escape_json(&seen, line);
        pawli_buffer_add_char(&seen, '\n');
    }
    const struct buffer *shown = is_plain ? &e->buffer : &seen;
    int status = seen.failed ? pawli_no_memory(e->err) : e->line(e->data, shown->data, shown->size, e->err);
    pawli_buffer_done(&seen);
    pawli_arena_reset(&e->scratch);
    return status;
}

static void put_hex(struct json_writer *out, struct arena *scratch, const char *name, struct text bytes)
{
    char *hex = pawli_arena_alloc_raw(scratch, 2 * bytes.size + 1);
    if (!hex || !bytes.data)
        return;
    pawli_hex((const uint8_t *)bytes.data, bytes.size, hex);
    pawli_json_put_string(out, name, hex);
}

static struct text digest_text(const struct digest *digest)
{
    return (struct text){(const char *)digest->bytes, DIGEST_SIZE};
}

static void put_id(struct json_writer *out, const char *name, const pawl_uuid *id)
{
    char text[PAWL_UUID_TEXT_SIZE];
    pawl_uuid_format(id, text);
    if (name)
        pawli_json_put_string(out, name, text);
    else
        pawli_json_quote(out->out, text_of(text));
}

/* ---- a record ---- */

static void put_event(struct exporting *e, uint32_t index, const struct event *event)
{
    struct json_writer *out = &e->out;
    pawli_json_comma(out);
    pawli_json_open(out, '{');
    pawli_json_put_u64(out, "index", index);
    pawli_json_put_text(out, "topic", event->topic);
    pawli_json_put_text(out, "type", event->type);
    pawli_json_put_text(out, "key", event->key);
    if (event->has_stream_seq)
        pawli_json_put_u64(out, "stream_seq", event->stream_seq);
    pawli_json_put_string(out, "keep", pawli_keep_text(event->keep));
    pawli_json_put_text(out, "content_type", event->content_type);
    if (event_has_body(event))
        pawli_exact_json(out, "data", event->content_type, event->data);
    else
        put_hex(out, &e->scratch, "hash", digest_text(&event->hash));
    pawli_json_close(out, '}');
}

static bool put_events(struct exporting *e, struct text events)
{
    struct trace_walk walk;
    struct event event;
    enum trace_step step = TRACE_BAD;
    pawli_json_key(&e->out, "events");
    pawli_json_open(&e->out, '[');
    if (pawli_trace_begin(&walk, events))
        for (uint32_t index = 0; (step = pawli_trace_next(&walk, &e->scratch, &event)) == TRACE_EVENT; index++)
            put_event(e, index, &event);
    pawli_json_close(&e->out, ']');
    return step == TRACE_END;
}

static void put_messages(struct exporting *e, const struct record_row *row)
{
    size_t count;
    struct json_writer *out = &e->out;
    const struct record_message *messages = record_messages(row, &count);
    pawli_json_key(out, "messages");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        pawli_json_comma(out);
        put_id(out, NULL, &messages[i].id);
    }
    pawli_json_close(out, ']');
    if (count == 0)
        return;
    pawli_json_key(out, "message_fingerprints");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        char hex[2 * DIGEST_SIZE + 1];
        pawli_hex(messages[i].fingerprint.bytes, DIGEST_SIZE, hex);
        pawli_json_comma(out);
        pawli_json_quote(out->out, text_of(hex));
    }
    pawli_json_close(out, ']');
    pawli_json_key(out, "nonces");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        uint64_t nonce = get_be64(messages[i].nonce);
        pawli_json_comma(out);
        if (nonce == NONCE_NONE)
            pawli_buffer_add_string(out->out, "null");
        else
            pawli_buffer_format(out->out, "\"%llu\"", (unsigned long long)nonce);
    }
    pawli_json_close(out, ']');
}

static void put_hashes(struct exporting *e, struct text hashes)
{
    struct digest hash;
    if (hashes.size == 0)
        return;
    pawli_json_key(&e->out, "hashes");
    pawli_json_open(&e->out, '{');
    if (pawli_stored_hash(hashes, HASH_COMMAND, &hash))
        put_hex(&e->out, &e->scratch, "data", digest_text(&hash));
    if (pawli_stored_hash(hashes, HASH_RESPONSE, &hash))
        put_hex(&e->out, &e->scratch, "response", digest_text(&hash));
    pawli_json_close(&e->out, '}');
}

static void put_states(struct exporting *e, const struct record_row *row)
{
    if (!row->pre.data && !row->post.data)
        return;
    pawli_json_key(&e->out, "state_digest");
    pawli_json_open(&e->out, '{');
    put_hex(&e->out, &e->scratch, "pre", row->pre);
    put_hex(&e->out, &e->scratch, "post", row->post);
    pawli_json_close(&e->out, '}');
}

static bool put_record(struct exporting *e, const struct record_row *row)
{
    struct json_writer *out = &e->out;
    pawli_json_put_text(out, "scope", e->store->scope);
    pawli_json_put_u64(out, "seq", row->seq);
    put_id(out, "request_id", &row->request_id);
    pawli_json_put_text(out, "type", row->type);
    pawli_json_put_text(out, "ref", row->ref);
    pawli_json_put_text(out, "content_type", row->content_type);
    pawli_exact_json(out, "data", row->content_type, row->command);
    pawli_json_put_text(out, "response_type", row->response_type);
    pawli_exact_json(out, "response", row->response_type, row->response);
    bool good = put_events(e, row->events);
    put_messages(e, row);
    pawli_exact_json(out, "effects", TEXT("application/json"), row->effects);
    put_hex(out, &e->scratch, "fingerprint", digest_text(&row->fingerprint));
    put_hex(out, &e->scratch, "digest", digest_text(&row->digest));
    put_states(e, row);
    pawli_json_put_i64(out, "received_at", row->received.ms);
    pawli_json_put_i64(out, "committed_at", row->committed.ms);
    if (row->duration_us)
        pawli_json_put_u64(out, "duration_us", row->duration_us);
    pawli_json_put_u64(out, "epoch", row->epoch);
    put_hashes(e, row->hashes);
    return good;
}

static int write_record(struct exporting *e, const struct record_row *row, bool *is_damaged)
{
    begin_line(e);
    bool good = !row->is_damaged && put_record(e, row);
    if (!good) {
        *is_damaged = true;
        begin_line(e);
        pawli_json_put_text(&e->out, "scope", e->store->scope);
        pawli_json_put_u64(&e->out, "seq", row->seq);
        pawli_json_put_string(&e->out, "error", "the record cannot be read");
    }
    return end_line(e);
}

/* ---- the first line ---- */

static int read(struct exporting *e, const struct query *query, struct page *page)
{
    *page = (struct page){0};
    int status = pawli_store_status(pawli_store_read(e->store->opened->store, e->reader, query, page, e->err));
    if (status < 0) {
        pawli_page_done(page);
        *page = (struct page){0};
    }
    return status;
}

static int put_settings(struct exporting *e)
{
    struct page page;
    struct query query = {.kind = QUERY_ASSETS, .scope = e->store->scope, .limit = UINT32_MAX};
    int status = read(e, &query, &page);
    pawli_json_key(&e->out, "assets");
    pawli_json_open(&e->out, '[');
    for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
        pawli_json_comma(&e->out);
        pawli_json_open(&e->out, '{');
        pawli_json_put_text(&e->out, "asset", page.assets[i].name);
        pawli_json_put_u64(&e->out, "scale", page.assets[i].scale);
        pawli_json_close(&e->out, '}');
    }
    pawli_json_close(&e->out, ']');
    pawli_page_done(&page);
    query.kind = QUERY_TYPES;
    if (status == PAWL_OK)
        status = read(e, &query, &page);
    pawli_json_key(&e->out, "types");
    pawli_json_open(&e->out, '[');
    for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
        const struct type_row *row = &page.types[i];
        pawli_json_comma(&e->out);
        pawli_json_open(&e->out, '{');
        pawli_json_put_text(&e->out, "type", row->name);
        pawli_json_put_string(&e->out, "needs", pawli_needs_text(row->needs));
        pawli_json_put_string(&e->out, "keep", pawli_keep_text(row->keep));
        if (row->critical)
            pawli_json_put_u64(&e->out, "critical", 1);
        pawli_json_close(&e->out, '}');
    }
    pawli_json_close(&e->out, ']');
    if (status == PAWL_OK)
        pawli_page_done(&page);
    return status;
}

/* Of the record before the first: zeros, where there is none. */
static int read_previous(struct exporting *e, struct digest *previous)
{
    struct page page;
    const struct query query = {.kind = QUERY_RECORD, .scope = e->store->scope, .seq = e->options.after_seq};
    *previous = (struct digest){{0}};
    if (e->options.after_seq == 0)
        return PAWL_OK;
    int status = read(e, &query, &page);
    if (status == PAWL_OK && page.count)
        *previous = page.records->digest;
    if (status == PAWL_OK)
        pawli_page_done(&page);
    return status;
}

static int write_head(struct exporting *e)
{
    struct digest previous;
    uint64_t rest = e->scope.seq - e->options.after_seq;
    int status = read_previous(e, &previous);
    if (status < 0)
        return status;
    begin_line(e);
    pawli_json_put_u64(&e->out, "pawl_export", 1);
    pawli_json_put_text(&e->out, "scope", e->store->scope);
    pawli_json_put_u64(&e->out, "after", e->options.after_seq);
    put_hex(&e->out, &e->scratch, "previous", digest_text(&previous));
    if (!e->options.limit || e->options.limit >= rest) {
        pawli_json_put_u64(&e->out, "last", e->scope.seq);
        put_hex(&e->out, &e->scratch, "head", digest_text(&e->scope.head));
    }
    if (e->scope.pruned)
        pawli_json_put_u64(&e->out, "pruned", e->scope.pruned);
    status = put_settings(e);
    return status == PAWL_OK ? end_line(e) : status;
}

/* ---- all of them ---- */

static int write_records(struct exporting *e)
{
    bool is_damaged = false;
    uint64_t left = e->options.limit ? e->options.limit : UINT64_MAX;
    struct query query = {.kind = QUERY_RECORDS, .scope = e->store->scope, .after = e->options.after_seq};
    int status = PAWL_OK;
    for (bool more = true; status == PAWL_OK && more && left > 0;) {
        struct page page;
        query.limit = left < PAGE ? (uint32_t)left : PAGE;
        status = read(e, &query, &page);
        for (size_t i = 0; status == PAWL_OK && i < page.count; i++, left--)
            status = write_record(e, &page.records[i], &is_damaged);
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    if (status == PAWL_OK && is_damaged)
        status = pawli_hint(e->err, pawli_fail(e->err, PAWL_ECORRUPT, "a record cannot be read: its line says so"),
                            "run \"pawl verify\"");
    return status;
}

static int export(struct exporting *e)
{
    struct page page;
    const struct query query = {.kind = QUERY_SCOPE, .scope = e->store->scope};
    int status = read(e, &query, &page);
    if (status < 0)
        return status;
    if (page.count)
        e->scope = *page.scopes;
    pawli_page_done(&page);
    if (e->scope.seq <= e->options.after_seq)
        return PAWL_OK;
    status = write_head(e);
    return status == PAWL_OK ? write_records(e) : status;
}

int pawl_journal_export(pawl_store *store, const pawl_export_options *options, pawl_export_line *line, void *data,
                        pawl_error *err)
{
    pawl_error own;
    struct exporting e = {.store = store, .line = line, .data = data, .err = err ? err : &own};
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "line", line != NULL);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&e.options, sizeof e.options, options))
        return pawli_bad_struct("pawl_export_options", err);
    if (e.options.after_seq > INT64_MAX)
        return pawli_fail(err, PAWL_EINVAL, "after_seq is outside its range");
    status = pawli_store_status(pawli_store_reader(store->opened->store, &e.reader, err));
    if (status < 0)
        return status;
    buffer_init(&e.buffer, SIZE_MAX / 2);
    status = export(&e);
    pawli_store_done(store->opened->store, e.reader);
    pawli_buffer_done(&e.buffer);
    pawli_arena_done(&e.scratch);
    return status;
}
