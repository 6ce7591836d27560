/* SPDX-License-Identifier: MIT */
/* Verification: the chain of every scope, recomputed from what is stored, and every message in exactly one place. */
#include "pawl/journal.h"

#include "base/links.h"
#include "commit/handle.h"
#include "journal/chain.h"
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

/* A result by its scope's name; results move when there are more. */
struct named_result {
    struct link link;
    size_t index;
};

struct verifying {
    struct store *store;
    struct reader *reader;
    struct hasher hasher;
    pawl_verification *result;
    struct links by_scope;
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
    struct named_result *named = arena_array(&result->arena, struct named_result, 1);
    if (!named || !pawli_arena_reserve(&result->arena, (void **)&result->items, sizeof *result->items,
                                       result->count + 1, &result->room))
        return NULL;
    named->index = result->count;
    if (!pawli_links_add(&v->by_scope, &named->link, pawli_hash_bytes(0, scope.data, scope.size)))
        return NULL;
    pawl_verified *item = &result->items[result->count++];
    *item = (pawl_verified){
        .struct_size = sizeof *item, .scope = pawli_arena_text(&result->arena, scope).data, .is_ok = 1};
    return item;
}

static pawl_verified *find_result(struct verifying *v, struct text scope)
{
    uint64_t hash = pawli_hash_bytes(0, scope.data, scope.size);
    for (struct link *link = NULL; (link = pawli_links_find(&v->by_scope, link, hash)) != NULL;) {
        pawl_verified *item = &v->result->items[((struct named_result *)link)->index];
        if (text_is(scope, item->scope))
            return item;
    }
    return NULL;
}

static void bad(struct verifying *v, pawl_verified *item, uint64_t seq, const char *what)
{
    if (!item->is_ok)
        return; /* the first counts */
    item->is_ok = 0;
    item->first_bad_seq = seq;
    item->what = pawli_arena_text(&v->result->arena, text_of(what)).data;
}

/* ---- messages ---- */

/* Messages in the order in which they were made. Those of one record follow each other, and in a store of few scopes the
 * records do too: a page of them is kept. */
struct message_walk {
    uint64_t *counts; /* by queue and state */
    size_t queue_max;
    struct text scope; /* of the page */
    struct page page;
    const struct record_row *record; /* of the message before; NULL: it had none */
    size_t listed;                   /* where in its list */
};

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

static const struct record_row *record_on_page(const struct message_walk *walk, struct text scope, uint64_t seq)
{
    const struct page *page = &walk->page;
    if (page->count == 0 || !text_equal(scope, walk->scope) || seq < page->records[0].seq)
        return NULL;
    uint64_t at = seq - page->records[0].seq; /* a chain was seen to have no gaps */
    return at < page->count && page->records[at].seq == seq ? &page->records[at] : NULL;
}

/* Where scopes take turns, one record is read at a time. */
static enum store_result find_record(struct verifying *v, struct message_walk *walk, struct text scope, uint64_t seq)
{
    if (walk->record && walk->record->seq == seq && text_equal(scope, walk->scope))
        return STORE_OK;
    walk->listed = 0;
    walk->record = record_on_page(walk, scope, seq);
    if (walk->record)
        return STORE_OK;
    const pawl_verified *item = find_result(v, scope);
    struct query query = {.kind = QUERY_RECORDS,
                          .scope = text_of(item->scope),
                          .after = seq - 1,
                          .limit = text_equal(scope, walk->scope) ? 500 : 1};
    pawli_page_done(&walk->page);
    walk->page = (struct page){0};
    walk->scope = query.scope;
    enum store_result result = pawli_store_read(v->store, v->reader, &query, &walk->page, v->err);
    if (result == STORE_OK)
        walk->record = record_on_page(walk, scope, seq);
    return result;
}

/* What stands between the messages that a record made and that are still there was purged, or existed before (a dedupe
 * key led to it). */
static bool is_listed(struct message_walk *walk, const struct message_row *message)
{
    if (!walk->record)
        return false;
    size_t count;
    const struct record_message *entries = record_messages(walk->record, &count);
    pawl_uuid id = message_id(message);
    while (walk->listed < count) {
        const struct record_message *entry = &entries[walk->listed++];
        if (uuid_equal(&entry->id, &id) && digest_equal(&entry->fingerprint, &message->fingerprint))
            return true;
    }
    return false;
}

/* Of a scope whose chain is well. */
static enum store_result check_made(struct verifying *v, struct message_walk *walk, const struct message_item *item,
                                    pawl_verified *of)
{
    const struct message_row *message = &item->message;
    const char *what = check_message(v, item);
    enum store_result result = STORE_OK;
    if (!what && message->seq) {
        result = find_record(v, walk, item->scope, message->seq);
        if (result == STORE_OK && !is_listed(walk, message))
            what = "a message and the record that made it do not name each other";
    }
    if (what)
        bad(v, of, message->seq, what);
    else if (message->queue <= walk->queue_max)
        walk->counts[message->queue * STATE_COUNT + task_state(&item->task)]++;
    return result;
}

static enum store_result check_messages(struct verifying *v, struct message_walk *walk, struct text only)
{
    struct query query = {.kind = QUERY_MESSAGES, .scope = only, .any_state = true, .wants_places = true, .limit = 500};
    enum store_result result = STORE_OK;
    for (bool more = true; more && result == STORE_OK;) {
        struct page page = {0};
        result = pawli_store_read(v->store, v->reader, &query, &page, v->err);
        for (size_t i = 0; result == STORE_OK && i < page.count; i++) {
            pawl_verified *of = find_result(v, page.messages[i].scope);
            if (of && of->is_ok)
                result = check_made(v, walk, &page.messages[i], of);
            count_one(v);
        }
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    return result;
}

static enum store_result check_workflows(struct verifying *v, struct message_walk *walk, struct text only)
{
    struct query query = {
        .kind = QUERY_WORKFLOWS, .scope = only, .lane = TEXT(WORKFLOW_LANE), .any_state = true, .limit = 500};
    enum store_result result = STORE_OK;
    for (bool more = true; more && result == STORE_OK;) {
        struct page page = {0};
        result = pawli_store_read(v->store, v->reader, &query, &page, v->err);
        for (size_t i = 0; result == STORE_OK && i < page.count; i++) {
            const struct workflow_item *item = &page.workflows[i];
            pawl_verified *of = find_result(v, item->scope);
            if (of && of->is_ok && item->is_damaged)
                bad(v, of, item->workflow.seq, "a workflow, its task or its queue cannot be read");
            else if (item->workflow.queue <= walk->queue_max && !item->is_damaged)
                walk->counts[item->workflow.queue * STATE_COUNT + task_state(&item->task)]++;
            count_one(v);
        }
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    return result;
}

static enum store_result check_counts(struct verifying *v, const struct message_walk *walk, struct text only)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_QUEUES, .scope = only, .limit = UINT32_MAX};
    enum store_result result = pawli_store_read(v->store, v->reader, &query, &page, v->err);
    for (size_t i = 0; result == STORE_OK && i < page.count; i++) {
        const struct queue_row *row = &page.queues[i].row;
        pawl_verified *of = find_result(v, page.queues[i].scope);
        for (size_t s = 0; of && s < STATE_COUNT; s++) {
            uint64_t found = row->id <= walk->queue_max ? walk->counts[row->id * STATE_COUNT + s] : 0;
            if (row->counts[s] != found)
                bad(v, of, 0, "the counts of a queue differ from its messages");
        }
    }
    pawli_page_done(&page);
    return result;
}

/* ---- the chain ---- */

static int check_chain(struct verifying *v, const struct scope_row *scope, pawl_verified *item)
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
            const char *what = pawli_prove_record(&v->hasher, &v->scratch, scope->name, row, item->records + 1,
                                                  &previous);
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

/* The store itself, for what belongs to no scope that is known. */
#define STORE_NAME TEXT("pawl.store")

static pawl_verified *result_of(struct verifying *v, struct text scope)
{
    pawl_verified *item = find_result(v, scope.data ? scope : STORE_NAME);
    return item || scope.data ? item : add_result(v, STORE_NAME);
}

/* The chains count before the messages: what is wrong with them is said where it holds. All messages in one walk, whatever
 * number of scopes there is. */
static int verify_messages(struct verifying *v, struct text only, size_t queue_max)
{
    PAWL_AUTO(pawli_freep) uint64_t *counts = pawli_alloc((queue_max + 1) * STATE_COUNT * sizeof *counts);
    struct message_walk walk = {.counts = counts, .queue_max = queue_max};
    if (!counts)
        return pawli_no_memory(v->err);
    enum store_result result = check_messages(v, &walk, only);
    pawli_page_done(&walk.page);
    if (result == STORE_OK)
        result = check_workflows(v, &walk, only);
    if (result == STORE_OK)
        result = check_counts(v, &walk, only);
    if (result != STORE_CORRUPT)
        return pawli_store_status(result);
    pawl_verified *item = result_of(v, only);
    if (!item)
        return pawli_no_memory(v->err);
    bad(v, item, 0, "a message cannot be read");
    return PAWL_OK;
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

static int verify_chain(struct verifying *v, const struct scope_row *scope)
{
    pawl_verified *item = add_result(v, scope->name);
    return item ? check_chain(v, scope, item) : pawli_no_memory(v->err);
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
                status = verify_chain(v, &scopes.scopes[i]);
        more = scopes.more;
        query.after = scopes.next;
        pawli_page_done(&scopes);
        scopes = (struct page){0};
    }
    if (status == PAWL_OK)
        status = verify_messages(v, only, queue_max);
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
    pawli_links_done(&v.by_scope);
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
