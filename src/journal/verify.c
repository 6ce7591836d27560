/* SPDX-License-Identifier: MIT */
/* Verification: the chain of every scope, recomputed from what is stored, and every message in exactly one place. */
#include "pawl/journal.h"

#include "commit/handle.h"
#include "model/check.h"

struct pawl_verification {
    struct arena arena;
    pawl_verified *items;
    size_t count, room;
};

size_t pawl_verification_count(const pawl_verification *verification)
{
    return verification ? verification->count : 0;
}

const pawl_verified *pawl_verification_get(const pawl_verification *verification, size_t index)
{
    return index < pawl_verification_count(verification) ? &verification->items[index] : NULL;
}

void pawl_verification_free(pawl_verification *verification)
{
    if (!verification)
        return;
    pawli_arena_done(&verification->arena);
    pawli_free(verification);
}

struct verifying {
    struct store *store;
    struct reader *reader;
    struct hasher hasher;
    pawl_verification *result;
    void (*progress)(void *data, uint64_t checked);
    void *data;
    uint64_t checked;
    struct arena scratch;
    pawl_error *err;
};

static void count_one(struct verifying *v)
{
    if (++v->checked % 1000 == 0 && v->progress)
        v->progress(v->data, v->checked);
}

static pawl_verified *add_result(struct verifying *v, struct text scope)
{
    pawl_verification *result = v->result;
    if (!pawli_arena_reserve(&result->arena, (void **)&result->items, sizeof *result->items, result->count + 1,
                             &result->room))
        return NULL;
    pawl_verified *item = &result->items[result->count++];
    *item = (pawl_verified){
        .struct_size = sizeof *item, .scope = pawli_arena_text(&result->arena, scope).data, .is_ok = 1};
    return item;
}

static void bad(struct verifying *v, pawl_verified *item, uint64_t seq, const char *what)
{
    if (!item->is_ok)
        return; /* the first counts */
    item->is_ok = 0;
    item->first_bad_seq = seq;
    item->what = pawli_arena_text(&v->result->arena, text_of(what)).data;
}

/* ---- one record ---- */

static bool body_hash(struct verifying *v, const struct record_row *row, char kind, struct text body,
                      struct digest *hash)
{
    if (!body.data)
        return pawli_stored_hash(row->hashes, kind, hash);
    *hash = pawli_sha256(&v->hasher, body);
    return true;
}

/* Events are hashed while they are walked, so they are gathered first: one hasher makes one digest at a time. */
static bool gather_events(struct verifying *v, const struct record_row *row, struct event **events, size_t *count)
{
    struct trace_walk walk;
    enum trace_step step;
    size_t room = 0;
    *events = NULL;
    *count = 0;
    if (!pawli_trace_begin(&walk, row->events))
        return false;
    for (;;) {
        if (!pawli_arena_reserve(&v->scratch, (void **)events, sizeof **events, *count + 1, &room))
            return false;
        step = pawli_trace_next(&walk, &v->scratch, &(*events)[*count]);
        if (step != TRACE_EVENT)
            return step == TRACE_END;
        struct event *event = &(*events)[(*count)++];
        if (event->keep == KEEP_FULL)
            event->hash = pawli_sha256(&v->hasher, event->data);
    }
}

static const char *check_record(struct verifying *v, struct text scope, const struct record_row *row,
                                uint64_t expected_seq, const struct digest *previous)
{
    struct record_body body = {.row = row, .message_count = row->messages.size / RECORD_MESSAGE_SIZE};
    struct event *events;
    if (row->seq != expected_seq)
        return "a record is missing before this one";
    if (row->is_unreadable)
        return "the record cannot be read";
    if (!body_hash(v, row, 'C', row->command, &body.command))
        return "its command is gone without a hash";
    struct digest fingerprint = pawli_transition_fingerprint(&v->hasher, row->type, row->ref, row->content_type,
                                                             &body.command);
    if (!digest_equal(&fingerprint, &row->fingerprint))
        return "its command, type or reference was changed";
    body.has_response = body_hash(v, row, 'R', row->response, &body.response);
    if (!gather_events(v, row, &events, &body.event_count))
        return "its events cannot be read";
    struct digest *fingerprints = arena_array(&v->scratch, struct digest, body.message_count + 1);
    if (!fingerprints)
        return "out of memory";
    for (size_t i = 0; i < body.message_count; i++)
        memcpy(fingerprints[i].bytes, row->messages.data + i * RECORD_MESSAGE_SIZE + 16, DIGEST_SIZE);
    body.message_fingerprints = fingerprints;
    pawli_record_body_begin(&v->hasher, &body);
    for (size_t i = 0; i < body.event_count; i++)
        pawli_record_body_event(&v->hasher, &events[i]);
    struct digest first = pawli_record_body_end(&v->hasher, &body);
    struct digest digest = pawli_record_digest(&v->hasher, scope, row->epoch, row->seq, previous, &first,
                                               row->committed);
    if (v->hasher.failed)
        return "out of memory";
    return digest_equal(&digest, &row->digest) ? NULL : "its digest does not follow from it and the record before";
}

/* ---- messages ---- */

/* Messages in the order in which they were made, which is that of the records that made them: both are walked at once. */
struct message_walk {
    struct query query;
    struct page page;
    size_t at;
    bool begun;
    uint64_t *counts; /* by queue and state */
    size_t queue_max;
    size_t listed;    /* of the record at which the walk is: where in its list */
    const char *what; /* what is wrong with the first bad one; the walk ends there */
    uint64_t seq;
};

static const struct message_item *next_message(struct verifying *v, struct message_walk *walk,
                                               enum store_result *result)
{
    while (!walk->what && walk->at == walk->page.count && (!walk->begun || walk->page.more)) {
        walk->query.after = walk->page.next;
        pawli_page_done(&walk->page);
        walk->page = (struct page){0};
        walk->at = 0;
        walk->begun = true;
        *result = pawli_store_read(v->store, v->reader, &walk->query, &walk->page, v->err);
        if (*result == STORE_CORRUPT) {
            walk->what = "a message cannot be read";
            *result = STORE_OK;
        }
        if (*result != STORE_OK)
            return NULL;
    }
    return walk->what || walk->at == walk->page.count ? NULL : &walk->page.messages[walk->at];
}

static const char *check_message(struct verifying *v, const struct message_item *item)
{
    if (item->is_message_damaged)
        return "a message cannot be read";
    if (item->is_damaged)
        return "the task of a message cannot be read";
    if (item->places == 0)
        return "a message is in no place";
    if (item->places > 1)
        return "a message is in more than one place";
    struct digest fingerprint = pawli_message_fingerprint(&v->hasher, item->lane, item->target, &item->message);
    return digest_equal(&fingerprint, &item->message.fingerprint) ? NULL : "a message was changed";
}

/* What stands between the messages that a record made and that are still there was purged, or existed before (a dedupe
 * key led to it). */
static bool is_listed(struct message_walk *walk, const struct record_row *row, const struct message_row *message)
{
    uint8_t entry[RECORD_MESSAGE_SIZE];
    pawl_uuid id = pawli_message_id(message->number, message->tail);
    memcpy(entry, &id, sizeof id);
    memcpy(entry + sizeof id, message->fingerprint.bytes, DIGEST_SIZE);
    while (walk->listed < row->messages.size / RECORD_MESSAGE_SIZE)
        if (memcmp(row->messages.data + walk->listed++ * RECORD_MESSAGE_SIZE, entry, sizeof entry) == 0)
            return true;
    return false;
}

/* All that were made up to this record; without one, all that are left. */
static enum store_result check_messages(struct verifying *v, struct message_walk *walk, const struct record_row *row)
{
    enum store_result result = STORE_OK;
    const struct message_item *item;
    walk->listed = 0;
    while ((item = next_message(v, walk, &result)) != NULL) {
        const struct message_row *message = &item->message;
        if (row && message->seq > row->seq)
            break;
        walk->what = check_message(v, item);
        if (!walk->what && message->seq && !(row && message->seq == row->seq && is_listed(walk, row, message)))
            walk->what = "a message and the record that made it do not name each other";
        if (!walk->what && message->queue <= walk->queue_max)
            walk->counts[message->queue * STATE_COUNT + task_state(&item->task)]++;
        walk->seq = message->seq;
        walk->at++;
        count_one(v);
    }
    return result;
}

static int check_counts(struct verifying *v, const struct scope_row *scope, const struct message_walk *walk,
                        pawl_verified *item)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_QUEUES, .scope = scope->name, .limit = UINT32_MAX};
    enum store_result result = pawli_store_read(v->store, v->reader, &query, &page, v->err);
    for (size_t i = 0; result == STORE_OK && i < page.count; i++) {
        const struct queue_row *row = &page.queues[i].row;
        for (size_t s = 0; s < STATE_COUNT; s++) {
            uint64_t found = row->id <= walk->queue_max ? walk->counts[row->id * STATE_COUNT + s] : 0;
            if (row->counts[s] != found)
                bad(v, item, 0, "the counts of a queue differ from its messages");
        }
    }
    pawli_page_done(&page);
    return pawli_store_status(result);
}

/* ---- the chain ---- */

static int check_chain(struct verifying *v, const struct scope_row *scope, struct message_walk *walk,
                       pawl_verified *item)
{
    struct query query = {.kind = QUERY_RECORDS, .scope = scope->name, .limit = 500};
    struct digest previous = {0};
    for (bool more = true; more && item->is_ok;) {
        struct page page = {0};
        enum store_result result = pawli_store_read(v->store, v->reader, &query, &page, v->err);
        if (result == STORE_CORRUPT) {
            bad(v, item, query.after + 1, "the record cannot be read");
            result = STORE_OK;
            page.more = false;
        }
        for (size_t i = 0; result == STORE_OK && item->is_ok && i < page.count; i++) {
            const struct record_row *row = &page.records[i];
            const char *what = check_record(v, scope->name, row, item->records + 1, &previous);
            if (!what && row->is_damaged)
                what = "the record was changed where its digest does not look";
            if (what) {
                bad(v, item, row->seq, what);
                break;
            }
            previous = row->digest;
            item->records++;
            count_one(v);
            pawli_arena_reset(&v->scratch);
            result = check_messages(v, walk, row);
        }
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
        if (result != STORE_OK)
            return pawli_store_status(result);
    }
    if (item->is_ok && item->records != scope->seq)
        bad(v, item, item->records + 1, "the journal ends before its head: records are missing at the end");
    else if (item->is_ok && !digest_equal(&previous, &scope->head))
        bad(v, item, scope->seq, "the head has another digest than the last record");
    return PAWL_OK;
}

/* ---- all of it ---- */

/* The chain counts before the messages: what is wrong with them is said where it holds. */
static int check_scope(struct verifying *v, const struct scope_row *scope, struct message_walk *walk,
                       pawl_verified *item)
{
    int status = check_chain(v, scope, walk, item);
    if (status < 0 || !item->is_ok)
        return status;
    status = pawli_store_status(check_messages(v, walk, NULL));
    if (status == PAWL_OK && walk->what)
        bad(v, item, walk->seq, walk->what);
    return status == PAWL_OK && item->is_ok ? check_counts(v, scope, walk, item) : status;
}

static int verify_scope(struct verifying *v, const struct scope_row *scope, size_t queue_max)
{
    PAWL_AUTO(pawli_freep) uint64_t *counts = pawli_alloc((queue_max + 1) * STATE_COUNT * sizeof *counts);
    struct message_walk walk = {.counts = counts, .queue_max = queue_max};
    walk.query = (struct query){
        .kind = QUERY_MESSAGES, .scope = scope->name, .any_state = true, .wants_places = true, .limit = 500};
    pawl_verified *item = add_result(v, scope->name);
    if (!item || !counts)
        return pawli_no_memory(v->err);
    int status = check_scope(v, scope, &walk, item);
    pawli_page_done(&walk.page);
    return status;
}

/* Of a scope that was verified; what belongs to none, or to none that is known, is the store's own. */
static pawl_verified *result_of(struct verifying *v, struct text scope)
{
    struct text name = scope.data ? scope : TEXT("pawl.store");
    for (size_t i = 0; i < v->result->count; i++)
        if (text_is(name, v->result->items[i].scope))
            return &v->result->items[i];
    return scope.data ? NULL : add_result(v, name);
}

/* What is set apart, and what does not agree with the rest, wherever it is. */
static int check_damage(struct verifying *v, struct text only)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_DAMAGE, .limit = 1000};
    enum store_result result = pawli_store_read(v->store, v->reader, &query, &page, v->err);
    for (size_t i = 0; result == STORE_OK && i < page.count; i++) {
        const struct damage_item *damage = &page.damages[i];
        pawl_verified *item = only.data && !damage->scope.data ? NULL : result_of(v, damage->scope);
        if (item)
            bad(v, item, 0, damage->what.data);
    }
    pawli_page_done(&page);
    return pawli_store_status(result);
}

static int verify_all(struct verifying *v, struct text only)
{
    struct page store = {0}, scopes = {0};
    enum store_result result = pawli_store_read(v->store, v->reader, &(struct query){.kind = QUERY_STORE}, &store,
                                                v->err);
    size_t queue_max = (size_t)store.store.last_queue;
    pawli_page_done(&store);
    struct query query = {.kind = QUERY_SCOPES, .limit = 1000};
    int status = pawli_store_status(result);
    for (bool more = status == PAWL_OK; more && status == PAWL_OK;) {
        status = pawli_store_status(pawli_store_read(v->store, v->reader, &query, &scopes, v->err));
        for (size_t i = 0; status == PAWL_OK && i < scopes.count; i++)
            if (!only.data || text_equal(only, scopes.scopes[i].name))
                status = verify_scope(v, &scopes.scopes[i], queue_max);
        more = scopes.more;
        query.after = scopes.next;
        pawli_page_done(&scopes);
        scopes = (struct page){0};
    }
    return status == PAWL_OK ? check_damage(v, only) : status;
}

int pawl_verify(pawl_store *store, const char *scope, void (*progress)(void *data, uint64_t checked), void *data,
                pawl_verification **ret_verification, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_verification);
    if (status < 0)
        return status;
    struct verifying v = {.store = store->opened->store, .progress = progress, .data = data, .err = err};
    v.result = pawli_alloc(sizeof *v.result);
    if (!v.result)
        return pawli_no_memory(err);
    pawli_hasher_init(&v.hasher);
    status = pawli_store_status(pawli_store_reader(v.store, &v.reader, err));
    if (status == PAWL_OK)
        status = verify_all(&v, text_of(scope));
    pawli_store_done(v.store, v.reader);
    pawli_hasher_done(&v.hasher);
    pawli_arena_done(&v.scratch);
    if (status == PAWL_OK && scope && v.result->count == 0)
        status = pawli_fail(err, PAWL_ENOTFOUND, "there is no scope \"%s\"", scope);
    if (status < 0) {
        pawl_verification_free(v.result);
        return status;
    }
    for (size_t i = 0; status == PAWL_OK && i < v.result->count; i++)
        if (!v.result->items[i].is_ok)
            status = pawli_hint(
                err,
                pawli_fail(err, PAWL_ECORRUPT, "scope \"%s\", record %llu: %s", v.result->items[i].scope,
                           (unsigned long long)v.result->items[i].first_bad_seq, v.result->items[i].what),
                "keep a copy of the store; compare it with a backup");
    *ret_verification = v.result;
    return status;
}
