/* SPDX-License-Identifier: MIT */
/* An export, read back: each line becomes the row that it was, the chain is proven, and all of it is one unit. */
#include "commit/import.h"

#include <stdio.h>

#include "base/codec.h"
#include "commit/ledger.h"
#include "commit/operation.h"
#include "journal/chain.h"
#include "model/check.h"
#include "pawl/id.h"
#include "pawl/moving.h"

struct importing {
    struct operation *op;
    struct arena *arena; /* of the unit */
    struct import *import;
    struct hasher hasher;
    struct arena scratch;
    struct text scope;
    uint64_t last;
    struct digest head, previous;
    uint64_t number; /* of the line */
    bool no_memory;  /* besides what the arenas say */
    pawl_error *err;
};

/* ---- values ---- */

static bool read_text(struct arena *arena, struct text value, struct text *field)
{
    if (pawli_json_type(value) != JSON_STRING)
        return false;
    *field = pawli_arena_text(arena, pawli_json_string(arena, value));
    return field->data != NULL;
}

static bool read_digest(struct arena *arena, struct text value, struct digest *digest)
{
    struct text hex;
    return read_text(arena, value, &hex) && pawli_unhex(hex, digest->bytes, DIGEST_SIZE);
}

static bool read_hex(struct arena *arena, struct text value, struct text *bytes)
{
    struct text hex;
    if (!read_text(arena, value, &hex) || hex.size % 2)
        return false;
    char *out = pawli_arena_alloc(arena, hex.size / 2 + 1);
    *bytes = (struct text){out, hex.size / 2};
    return out && pawli_unhex(hex, (uint8_t *)out, bytes->size);
}

static bool read_id(struct arena *arena, struct text value, pawl_uuid *id)
{
    struct text text;
    return read_text(arena, value, &text) && pawl_uuid_parse(text.data, id, NULL) == PAWL_OK;
}

static bool read_base64(struct arena *arena, struct text value, struct text *body)
{
    struct text text;
    return read_text(arena, value, &text) && pawli_unbase64(arena, text, body);
}

static bool read_wall(struct text value, struct wall_time *time)
{
    return pawli_json_i64(value, &time->ms);
}

/* The members of an object, each given to the function of its name. One that has none is refused, as is one that comes
   twice; what an export always says is needed. At most 64. */
struct member {
    const char *name;
    bool (*read)(struct importing *i, struct text value, void *into);
    enum { NEEDED, OPTIONAL } is;
};

static size_t find_member(const struct member *members, size_t count, struct text name)
{
    size_t m = 0;
    while (m < count && !pawli_json_name_is(name, members[m].name))
        m++;
    return m;
}

static bool read_members(struct importing *i, struct text json, const struct member *members, size_t count, void *into)
{
    struct text name, value;
    uint64_t seen = 0;
    if (pawli_json_type(json) != JSON_OBJECT)
        return false;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        size_t m = find_member(members, count, name);
        if (m == count || seen >> m & 1 || !members[m].read(i, value, into))
            return false;
        seen |= UINT64_C(1) << m;
    }
    for (size_t m = 0; m < count; m++)
        if (members[m].is == NEEDED && !(seen >> m & 1))
            return false;
    return true;
}

#define FIELD(type, member, how)                                                                                       \
    static bool type##_##member(struct importing *i, struct text value, void *into)                                    \
    {                                                                                                                  \
        struct type *it = into;                                                                                        \
        (void)i;                                                                                                       \
        return how;                                                                                                    \
    }

/* ---- events ---- */

static bool read_keep(struct arena *arena, struct text value, enum keep *keep)
{
    struct text word;
    return read_text(arena, value, &word) && pawli_keep_parse(word, keep);
}

FIELD(event, topic, read_text(i->arena, value, &it->topic))
FIELD(event, type, read_text(i->arena, value, &it->type))
FIELD(event, key, read_text(i->arena, value, &it->key))
FIELD(event, content_type, read_text(i->arena, value, &it->content_type))
FIELD(event, keep, read_keep(i->arena, value, &it->keep))
FIELD(event, stream_seq, (it->has_stream_seq = pawli_json_u64(value, &it->stream_seq)))
FIELD(event, data_base64, read_base64(i->arena, value, &it->data))
FIELD(event, hash, (it->is_pruned = read_digest(i->arena, value, &it->hash)))

static bool event_data(struct importing *i, struct text value, void *into)
{
    (void)i;
    ((struct event *)into)->data = value;
    return true;
}

static bool event_index(struct importing *i, struct text value, void *into)
{
    uint64_t index;
    (void)i, (void)into;
    return pawli_json_u64(value, &index);
}

static const struct member event_members[] = {
    {"index", event_index, NEEDED},
    {"topic", event_topic, NEEDED},
    {"type", event_type, NEEDED},
    {"key", event_key, OPTIONAL},
    {"content_type", event_content_type, NEEDED},
    {"keep", event_keep, NEEDED},
    {"stream_seq", event_stream_seq, OPTIONAL},
    {"data", event_data, OPTIONAL},
    {"data_base64", event_data_base64, OPTIONAL},
    {"hash", event_hash, OPTIONAL},
};

/* As the column has them. */
static bool read_events(struct importing *i, struct text value, void *into)
{
    struct record_row *row = into;
    struct buffer buffer;
    struct text item;
    uint32_t index = 0;
    bool good = true;
    if (pawli_json_type(value) != JSON_ARRAY)
        return false;
    buffer_init(&buffer, SIZE_MAX / 2);
    pawli_trace_open(&buffer);
    struct json_walk walk = pawli_json_walk(value);
    while (good && pawli_json_item(&walk, &item)) {
        struct event event = {0};
        good = read_members(i, item, event_members, COUNT_OF(event_members), &event);
        event.is_pruned = event.is_pruned && event.keep == KEEP_FULL; /* of the others no body was kept */
        good = good && (!event_has_body(&event) || event.data.data);
        if (good)
            pawli_trace_event(&buffer, &i->scratch, &event, index++);
    }
    pawli_trace_close(&buffer);
    if (good && index > 0)
        row->events = pawli_arena_text(i->arena, buffer_text(&buffer));
    i->no_memory |= buffer.failed;
    good = good && !buffer.failed;
    pawli_buffer_done(&buffer);
    return good;
}

/* ---- messages ---- */

static struct record_message *messages_of(struct importing *i, struct record_row *row, size_t count)
{
    if (row->messages.data)
        return row->messages.size == count * RECORD_MESSAGE_SIZE ? (struct record_message *)row->messages.data : NULL;
    struct record_message *messages = arena_array(i->arena, struct record_message, count);
    for (size_t m = 0; messages && m < count; m++)
        put_be64(messages[m].nonce, NONCE_NONE);
    row->messages = (struct text){(const char *)messages, count * RECORD_MESSAGE_SIZE};
    return messages;
}

static bool read_each(struct importing *i, struct text value, struct record_row *row,
                      bool (*read)(struct importing *i, struct text value, struct record_message *message))
{
    struct text item;
    size_t count = 0, at = 0;
    if (pawli_json_type(value) != JSON_ARRAY)
        return false;
    struct json_walk walk = pawli_json_walk(value);
    while (pawli_json_item(&walk, &item))
        count++;
    struct record_message *messages = count ? messages_of(i, row, count) : NULL;
    walk = pawli_json_walk(value);
    while (messages && pawli_json_item(&walk, &item))
        if (!read(i, item, &messages[at++]))
            return false;
    return count == 0 || messages;
}

static bool read_message_id(struct importing *i, struct text value, struct record_message *message)
{
    uint64_t number, tail;
    if (!read_id(i->arena, value, &message->id) || !message_id_split(&message->id, &number, &tail))
        return false;
    if (number > i->import->last_number)
        i->import->last_number = number;
    return true;
}

static bool read_message_fingerprint(struct importing *i, struct text value, struct record_message *message)
{
    return read_digest(i->arena, value, &message->fingerprint);
}

static bool read_nonce(struct importing *i, struct text value, struct record_message *message)
{
    uint64_t nonce = NONCE_NONE;
    if (pawli_json_type(value) == JSON_NULL)
        return true;
    bool good = pawli_json_type(value) == JSON_STRING && pawli_parse_u64(pawli_json_string(i->arena, value), &nonce);
    put_be64(message->nonce, nonce);
    return good;
}

static bool read_messages(struct importing *i, struct text value, void *into)
{
    return read_each(i, value, into, read_message_id);
}

static bool read_fingerprints(struct importing *i, struct text value, void *into)
{
    return read_each(i, value, into, read_message_fingerprint);
}

static bool read_nonces(struct importing *i, struct text value, void *into)
{
    return read_each(i, value, into, read_nonce);
}

/* ---- hashes of what is not stored; states ---- */

static bool add_hash(struct importing *i, struct text value, struct record_row *row, char kind)
{
    struct digest hash;
    char *all = pawli_arena_alloc(i->arena, row->hashes.size + RECORD_HASH_SIZE);
    if (!all || !read_digest(i->arena, value, &hash))
        return false;
    if (row->hashes.size)
        memcpy(all, row->hashes.data, row->hashes.size);
    all[row->hashes.size] = kind;
    memcpy(all + row->hashes.size + 1, hash.bytes, DIGEST_SIZE);
    row->hashes = (struct text){all, row->hashes.size + RECORD_HASH_SIZE};
    return true;
}

static bool hash_of_data(struct importing *i, struct text value, void *into)
{
    return add_hash(i, value, into, HASH_COMMAND);
}

static bool hash_of_response(struct importing *i, struct text value, void *into)
{
    return add_hash(i, value, into, HASH_RESPONSE);
}

static bool read_hashes(struct importing *i, struct text value, void *into)
{
    static const struct member members[] = {{"data", hash_of_data, OPTIONAL}, {"response", hash_of_response, OPTIONAL}};
    return read_members(i, value, members, COUNT_OF(members), into);
}

FIELD(record_row, pre, read_hex(i->arena, value, &it->pre))
FIELD(record_row, post, read_hex(i->arena, value, &it->post))

static bool read_states(struct importing *i, struct text value, void *into)
{
    static const struct member members[] = {{"pre", record_row_pre, OPTIONAL}, {"post", record_row_post, OPTIONAL}};
    return read_members(i, value, members, COUNT_OF(members), into);
}

/* ---- a record ---- */

static bool copy_body(struct importing *i, struct text value, struct text *body)
{
    *body = pawli_arena_text(i->arena, value);
    return body->data != NULL;
}

FIELD(record_row, seq, pawli_json_u64(value, &it->seq))
FIELD(record_row, request_id, read_id(i->arena, value, &it->request_id))
FIELD(record_row, type, read_text(i->arena, value, &it->type))
FIELD(record_row, ref, read_text(i->arena, value, &it->ref))
FIELD(record_row, content_type, read_text(i->arena, value, &it->content_type))
FIELD(record_row, data, copy_body(i, value, &it->command))
FIELD(record_row, data_base64, read_base64(i->arena, value, &it->command))
FIELD(record_row, response_type, read_text(i->arena, value, &it->response_type))
FIELD(record_row, response, copy_body(i, value, &it->response))
FIELD(record_row, response_base64, read_base64(i->arena, value, &it->response))
FIELD(record_row, effects, pawli_json_type(value) == JSON_OBJECT && copy_body(i, value, &it->effects))
FIELD(record_row, effects_base64,
      read_base64(i->arena, value, &it->effects) && pawli_json_is(it->effects, '{', &i->scratch))
FIELD(record_row, fingerprint, read_digest(i->arena, value, &it->fingerprint))
FIELD(record_row, digest, read_digest(i->arena, value, &it->digest))
FIELD(record_row, received, read_wall(value, &it->received))
FIELD(record_row, committed, read_wall(value, &it->committed))
FIELD(record_row, duration, pawli_json_u64(value, &it->duration_us))
FIELD(record_row, epoch, pawli_json_u64(value, &it->epoch))

/* Of all lines the same one. */
static bool record_row_scope_name(struct importing *i, struct text value, void *into)
{
    struct text scope;
    (void)into;
    return read_text(&i->scratch, value, &scope) && text_equal(scope, i->scope);
}

static const struct member record_members[] = {
    {"scope", record_row_scope_name, NEEDED},
    {"seq", record_row_seq, NEEDED},
    {"request_id", record_row_request_id, NEEDED},
    {"type", record_row_type, NEEDED},
    {"ref", record_row_ref, OPTIONAL},
    {"content_type", record_row_content_type, NEEDED},
    {"data", record_row_data, OPTIONAL},
    {"data_base64", record_row_data_base64, OPTIONAL},
    {"response_type", record_row_response_type, OPTIONAL},
    {"response", record_row_response, OPTIONAL},
    {"response_base64", record_row_response_base64, OPTIONAL},
    {"events", read_events, NEEDED},
    {"messages", read_messages, NEEDED},
    {"message_fingerprints", read_fingerprints, OPTIONAL},
    {"nonces", read_nonces, OPTIONAL},
    {"effects", record_row_effects, OPTIONAL},
    {"effects_base64", record_row_effects_base64, OPTIONAL},
    {"fingerprint", record_row_fingerprint, NEEDED},
    {"digest", record_row_digest, NEEDED},
    {"state_digest", read_states, OPTIONAL},
    {"received_at", record_row_received, NEEDED},
    {"committed_at", record_row_committed, NEEDED},
    {"duration_us", record_row_duration, OPTIONAL},
    {"epoch", record_row_epoch, NEEDED},
    {"hashes", read_hashes, OPTIONAL},
};

/* What cannot be read for want of memory is not bad. */
static bool has_no_memory(const struct importing *i)
{
    return i->no_memory || i->hasher.failed || pawli_arena_failed(i->arena) || pawli_arena_failed(&i->scratch);
}

static int corrupt(const struct importing *i, uint64_t seq, const char *what)
{
    if (has_no_memory(i))
        return pawli_no_memory(i->err);
    return pawli_hint(i->err,
                      pawli_fail(i->err, PAWL_ECORRUPT, "line %llu, record %llu: %s", (unsigned long long)i->number,
                                 (unsigned long long)seq, what),
                      "nothing was written; export it again, from a store that \"pawl verify\" finds well");
}

/* What a column could not hold is refused as any row that is read. */
static bool is_a_row(struct importing *i, const struct record_row *row)
{
    struct record_row owned = *row;
    owned.scope = 1;
    return pawli_row_is_sound(ROW_RECORD, &owned, &i->scratch);
}

/* Their fingerprints are proven, their ids are in no digest: as many as these, and each one of pawl's. */
static bool has_ids(const struct record_row *row)
{
    size_t count;
    uint64_t number, tail;
    const struct record_message *messages = record_messages(row, &count);
    for (size_t m = 0; m < count; m++)
        if (!message_id_split(&messages[m].id, &number, &tail))
            return false;
    return true;
}

static int take_record(struct importing *i, struct text line)
{
    struct import *import = i->import;
    if (!pawli_arena_reserve(i->arena, (void **)&import->records, sizeof *import->records, import->count + 1,
                             &import->room))
        return pawli_no_memory(i->err);
    struct imported_record *record = &import->records[import->count];
    *record = (struct imported_record){0};
    struct record_row *row = &record->row;
    uint64_t seq = import->count + 1;
    if (!read_members(i, line, record_members, COUNT_OF(record_members), row) || !has_ids(row) || !is_a_row(i, row))
        return corrupt(i, seq, "it is no record of an export");
    const char *what = pawli_prove_record(&i->hasher, &i->scratch, i->scope, row, seq, &i->previous);
    if (!what && !pawli_read_effects(i->arena, row->effects, &record->effects))
        what = "its effects cannot be read";
    if (what)
        return corrupt(i, seq, what);
    i->previous = row->digest;
    import->count++;
    pawli_arena_reset(&i->scratch);
    return PAWL_OK;
}

/* ---- the first line ---- */

struct head {
    uint64_t version, after, last, pruned;
    bool has_last;
    struct text scope, assets, types;
    struct digest head, previous;
};

FIELD(head, version, pawli_json_u64(value, &it->version))
FIELD(head, scope, read_text(i->arena, value, &it->scope))
FIELD(head, after, pawli_json_u64(value, &it->after))
FIELD(head, previous, read_digest(i->arena, value, &it->previous))
FIELD(head, last, (it->has_last = pawli_json_u64(value, &it->last)))
FIELD(head, head, read_digest(i->arena, value, &it->head))
FIELD(head, pruned, pawli_json_u64(value, &it->pruned))
FIELD(head, assets, (it->assets = value).data != NULL)
FIELD(head, types, (it->types = value).data != NULL)

static const struct member head_members[] = {
    {"pawl_export", head_version, NEEDED}, {"scope", head_scope, NEEDED},   {"after", head_after, NEEDED},
    {"previous", head_previous, NEEDED},   {"last", head_last, OPTIONAL},   {"head", head_head, OPTIONAL},
    {"pruned", head_pruned, OPTIONAL},     {"assets", head_assets, NEEDED}, {"types", head_types, NEEDED},
};

static bool read_scale(struct text value, uint32_t *scale)
{
    uint64_t number = UINT64_MAX;
    bool good = pawli_json_u64(value, &number) && number <= DECIMAL_SCALE_MAX;
    *scale = (uint32_t)number;
    return good;
}

static bool read_needs(struct arena *arena, struct text value, enum needs *needs)
{
    struct text word;
    return read_text(arena, value, &word) && pawli_needs_parse(word, needs);
}

FIELD(asset_row, name, read_text(i->arena, value, &it->name) && pawli_check_name("", it->name, NULL) == PAWL_OK)
FIELD(asset_row, scale, read_scale(value, &it->scale))
FIELD(type_row, name, read_text(i->arena, value, &it->name) && pawli_check_name("", it->name, NULL) == PAWL_OK)
FIELD(type_row, needs, read_needs(i->arena, value, &it->needs))
FIELD(type_row, keep, read_keep(i->arena, value, &it->keep))
FIELD(type_row, critical, (it->critical = text_is(value, "1")))

#define NAME_AT offsetof(struct asset_row, name)
static_assert(NAME_AT == offsetof(struct type_row, name), "rows of both are compared by it");

static bool is_behind(const char *row, const char *before)
{
    struct text name, last;
    memcpy(&name, row + NAME_AT, sizeof name);
    memcpy(&last, before + NAME_AT, sizeof last);
    return pawli_text_compare(last, name) < 0;
}

/* Of an array of objects in the order of their names; `size` is that of each. */
static bool read_rows(struct importing *i, struct text json, const struct member *members, size_t member_count,
                      size_t size, void **rows, size_t *count)
{
    struct text item;
    size_t room = 0;
    if (!json.data || pawli_json_type(json) != JSON_ARRAY)
        return !json.data;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_item(&walk, &item)) {
        if (!pawli_arena_reserve(i->arena, rows, size, *count + 1, &room))
            return false;
        char *row = (char *)*rows + *count * size;
        memset(row, 0, size);
        if (!read_members(i, item, members, member_count, row) || (*count && !is_behind(row, row - size)))
            return false;
        ++*count;
    }
    return true;
}

static int no_export(const struct importing *i, const char *what)
{
    if (has_no_memory(i))
        return pawli_no_memory(i->err);
    return pawli_hint(i->err, pawli_fail(i->err, PAWL_EINVAL, "%s", what),
                      "give what \"pawl journal export\" printed, all of it");
}

static int take_head(struct importing *i, struct text line)
{
    static const struct member asset_members[] = {{"asset", asset_row_name, NEEDED},
                                                  {"scale", asset_row_scale, NEEDED}};
    static const struct member type_members[] = {{"type", type_row_name, NEEDED},
                                                 {"needs", type_row_needs, OPTIONAL},
                                                 {"keep", type_row_keep, NEEDED},
                                                 {"critical", type_row_critical, OPTIONAL}};
    struct head head = {0};
    struct import *import = i->import;
    if (!read_members(i, line, head_members, COUNT_OF(head_members), &head) || head.version != 1)
        return no_export(i, "the first line is not that of an export");
    if (head.after || !head.has_last)
        return no_export(i, "it is a part of an export: only a whole scope is imported");
    if (!read_rows(i, head.assets, asset_members, COUNT_OF(asset_members), sizeof *import->assets,
                   (void **)&import->assets, &import->asset_count) ||
        !read_rows(i, head.types, type_members, COUNT_OF(type_members), sizeof *import->types, (void **)&import->types,
                   &import->type_count))
        return no_export(i, "the assets or types of the first line cannot be read");
    int status = pawli_check_own_scope(head.scope, i->err);
    if (status == PAWL_OK)
        status = pawli_check_name("scope", head.scope, i->err);
    i->scope = head.scope;
    i->last = head.last;
    i->head = head.head;
    i->previous = head.previous;
    import->pruned = head.pruned <= head.last ? head.pruned : head.last;
    return status;
}

/* ---- all lines ---- */

static int take_line(struct importing *i, struct text line)
{
    struct text json = pawli_json_trim(line);
    const char *problem;
    size_t at;
    i->number++;
    enum json_verdict verdict = pawli_json_check_holder(json, &problem, &at);
    if (verdict == JSON_NO_MEMORY)
        return pawli_no_memory(i->err);
    if (verdict == JSON_BAD)
        return i->number == 1 ? no_export(i, "the first line is not that of an export")
                              : corrupt(i, i->import->count + 1, problem);
    return i->number == 1 ? take_head(i, json) : take_record(i, json);
}

static int read_lines(struct importing *i, pawl_import_line *line, void *data)
{
    int status = PAWL_OK;
    while (status == PAWL_OK) {
        const char *text = NULL;
        size_t size = 0;
        status = line(data, &text, &size, i->err);
        if (status < 0 || size == 0)
            break;
        struct text copy = pawli_arena_text(i->arena, (struct text){text, size});
        status = copy.data ? take_line(i, copy) : pawli_no_memory(i->err);
    }
    if (status == PAWL_OK && i->number == 0)
        status = no_export(i, "it is empty");
    if (status == PAWL_OK && (i->import->count != i->last || !digest_equal(&i->previous, &i->head)))
        status = corrupt(i, i->import->count, "the export ends before its last record");
    return status;
}

static int import(struct importing *i, pawl_import_line *line, void *data, pawl_error *err)
{
    struct operation *op = i->op;
    i->arena = &op->drafting.unit.arena;
    i->import = pawli_draft_effect(&op->drafting, &pawli_effect_import);
    if (!i->import)
        return pawli_no_memory(err);
    int status = read_lines(i, line, data);
    if (status < 0)
        return status;
    op->drafting.unit.scope = i->scope;
    char hex[2 * DIGEST_SIZE + 1];
    pawli_hex(i->head.bytes, DIGEST_SIZE, hex);
    pawli_json_put_text(&op->writer, "imported", i->scope);
    pawli_json_put_u64(&op->writer, "last", i->last);
    pawli_json_put_string(&op->writer, "head", hex);
    return pawli_commit_operation(op, err);
}

int pawl_journal_import(pawl_store *store, pawl_import_line *line, void *data, const pawl_operation *operation,
                        pawl_imported *ret_imported, pawl_error *err)
{
    struct operation op;
    pawl_error own;
    struct importing i = {.op = &op, .err = err ? err : &own};
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "line", line != NULL);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_imported", ret_imported, err);
    if (status == PAWL_OK)
        status = pawli_open_operation(&op, store, "pawl.import", operation, false, err);
    if (status < 0)
        return status;
    pawli_hasher_init(&i.hasher);
    status = import(&i, line, data, i.err);
    if (status == PAWL_OK) {
        pawl_imported imported = {.records = i.last};
        snprintf(imported.scope, sizeof imported.scope, "%.*s", TEXT_ARG(i.scope));
        memcpy(imported.digest, i.head.bytes, DIGEST_SIZE);
        pawli_give_out(ret_imported, &imported, sizeof imported);
    }
    pawli_hasher_done(&i.hasher);
    pawli_arena_done(&i.scratch);
    pawli_close_operation(&op);
    return status;
}
