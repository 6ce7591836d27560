/* SPDX-License-Identifier: MIT */
/* Snapshots: added in chunks, a commit each; read back before the row that makes them one; kept as many as was said. */
#include "pawl/snapshot.h"

#include "commit/snapshot.h"
#include "model/check.h"

#define CHUNK_SIZE (256 * 1024)

struct pawl_snapshot {
    pawl_store *store;
    pawl_snapshot_options options;
    struct hasher hasher;
    struct snapshot_row row; /* seq, record, size; hash when it is committed */
    uint32_t chunks;         /* that were added */
    bool is_done;
    size_t filled; /* of `chunk` */
    char *chunk;
    pawl_error error;
};

/* ---- one commit ---- */

static int commit_chunk(pawl_store *store, const struct chunk_row *row, bool removes, pawl_error *err)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, store);
    struct chunk_change *change = pawli_draft_effect(&drafting, &pawli_effect_chunk);
    if (change) {
        change->row = *row;
        change->row.data = pawli_arena_text(&drafting.unit.arena, row->data);
        change->removes = removes;
    }
    bool is_good = change && !pawli_arena_failed(&drafting.unit.arena);
    int status = is_good ? pawli_draft_commit(&drafting, NULL, err) : pawli_no_memory(err);
    pawli_drafting_done(&drafting);
    return status;
}

static int commit_row(pawl_store *store, const struct snapshot_row *row, bool removes, pawl_error *err)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, store);
    struct snapshot_change *change = pawli_draft_effect(&drafting, &pawli_effect_snapshot);
    if (change) {
        change->row = *row;
        change->removes = removes;
    }
    int status = change ? pawli_draft_commit(&drafting, NULL, err) : pawli_no_memory(err);
    pawli_drafting_done(&drafting);
    return status;
}

/* ---- chunks that no snapshot has: of one that was removed, or never became any ---- */

static int read_snapshots(pawl_store *store, struct page *page, pawl_error *err)
{
    const struct query query = {.kind = QUERY_SNAPSHOTS, .scope = store->scope, .limit = UINT32_MAX};
    return pawli_store_query(store->opened->store, &query, page, err);
}

static bool has_snapshot(const struct page *snapshots, uint64_t seq)
{
    for (size_t i = 0; i < snapshots->count; i++)
        if (snapshots->snapshots[i].seq == seq)
            return true;
    return false;
}

/* The first chunk at or behind that one. */
static int next_chunk(pawl_store *store, uint64_t seq, uint32_t index, struct page *page, pawl_error *err)
{
    const struct query query = {
        .kind = QUERY_CHUNKS, .scope = store->scope, .after = seq, .after_index = index, .limit = 1};
    return pawli_store_query(store->opened->store, &query, page, err);
}

/* From that chunk of that record on, of records before `end`. What is behind the newest snapshot may be one that somebody adds. */
static int clear(pawl_store *store, uint64_t seq, uint32_t index, uint64_t end, pawl_error *err)
{
    struct page snapshots, page;
    int status = read_snapshots(store, &snapshots, err);
    if (status < 0)
        return status;
    for (bool more = true; status == PAWL_OK && more;) {
        status = next_chunk(store, seq, index, &page, err);
        if (status < 0)
            break;
        more = page.count > 0 && !page.chunks->is_damaged &&
               page.chunks->seq < end; /* where a damaged one stands nobody knows */
        const struct chunk_row *row = page.chunks;
        bool is_kept = more && has_snapshot(&snapshots, row->seq);
        if (more && !is_kept)
            status = commit_chunk(store, &(struct chunk_row){.seq = row->seq, .index = row->index}, true, err);
        if (more) {
            seq = row->seq + is_kept;
            index = is_kept ? 0 : row->index + 1;
        }
        pawli_page_done(&page);
    }
    pawli_page_done(&snapshots);
    return status;
}

static int clear_old(pawl_store *store, pawl_error *err)
{
    struct page page;
    int status = read_snapshots(store, &page, err);
    if (status < 0)
        return status;
    uint64_t newest = page.count ? page.snapshots[page.count - 1].seq : 0;
    pawli_page_done(&page);
    return clear(store, 0, 0, newest, err);
}

/* ---- adding ---- */

static int find_record(pawl_store *store, uint64_t seq, struct digest *digest, pawl_error *err)
{
    struct page page;
    const struct query query = {.kind = QUERY_RECORD, .scope = store->scope, .seq = seq};
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    if (page.count == 0)
        status = pawli_hint(err,
                            pawli_fail(err, PAWL_ENOTFOUND, "no record %llu in scope \"%s\"", (unsigned long long)seq,
                                       store->scope_text),
                            "a snapshot is the state behind a record: see \"pawl journal list\"");
    else
        *digest = page.records->digest;
    pawli_page_done(&page);
    return status;
}

static int begin(pawl_snapshot *s, const pawl_snapshot_options *options, pawl_error *err)
{
    int status = pawli_check_given(err, options);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&s->options, sizeof s->options, options))
        return pawli_bad_struct("pawl_snapshot_options", err);
    status = pawli_store_check_write(s->store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(s->store->scope, err);
    if (status == PAWL_OK && (s->options.seq == 0 || s->options.seq > INT64_MAX))
        status = pawli_fail(err, PAWL_EINVAL, "seq is outside its range");
    if (status < 0)
        return status;
    s->row.seq = s->options.seq;
    s->chunk = pawli_alloc(CHUNK_SIZE);
    if (!s->chunk)
        return pawli_no_memory(err);
    status = find_record(s->store, s->row.seq, &s->row.record, err);
    return status == PAWL_OK ? clear_old(s->store, err) : status;
}

pawl_snapshot *pawl_snapshot_new(pawl_store *store, const pawl_snapshot_options *options)
{
    pawl_snapshot *s = pawli_alloc(sizeof *s);
    if (!s)
        return NULL;
    if (pawli_check_given(&s->error, store) < 0)
        return s;
    s->store = store;
    pawli_hasher_init(&s->hasher);
    pawli_sha256_begin(&s->hasher);
    begin(s, options, &s->error);
    return s;
}

void pawl_snapshot_free(pawl_snapshot *s)
{
    if (!s)
        return;
    if (s->store)
        pawli_hasher_done(&s->hasher);
    pawli_free(s->chunk);
    pawli_free(s);
}

static void add_chunk(pawl_snapshot *s)
{
    const struct text data = {s->chunk, s->filled};
    pawli_sha256_add(&s->hasher, data);
    s->row.size += s->filled;
    s->filled = 0;
    const struct chunk_row row = {.seq = s->row.seq, .index = s->chunks, .data = data};
    if (commit_chunk(s->store, &row, false, &s->error) == PAWL_OK)
        s->chunks++;
}

void pawl_snapshot_write(pawl_snapshot *s, const void *data, size_t size)
{
    if (!s || s->error.status < 0 || s->is_done || pawli_check_bytes("data", data, size, &s->error) < 0)
        return;
    for (size_t at = 0; at < size && s->error.status == PAWL_OK;) {
        size_t part = CHUNK_SIZE - s->filled < size - at ? CHUNK_SIZE - s->filled : size - at;
        memcpy(s->chunk + s->filled, (const char *)data + at, part);
        at += part;
        s->filled += part;
        if (s->filled == CHUNK_SIZE)
            add_chunk(s);
    }
}

/* ---- reading ---- */

static int is_not_whole(uint64_t seq, pawl_error *err)
{
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_ECORRUPT, "the snapshot of record %llu is not what was added", (unsigned long long)seq),
        "run \"pawl verify\"; use an older one, or begin with the first record");
}

/* All chunks of a record, in order, as of one moment; and whether they are the bytes that the row tells of. */
static int take_chunks(pawl_store *store, struct reader *reader, const struct snapshot_row *row,
                       pawl_snapshot_take *take, void *data, pawl_error *err)
{
    struct hasher hasher;
    uint64_t size = 0;
    int status = PAWL_OK;
    pawli_hasher_init(&hasher);
    pawli_sha256_begin(&hasher);
    for (uint32_t index = 0; status == PAWL_OK && size < row->size; index++) {
        struct page page = {0};
        const struct query query = {
            .kind = QUERY_CHUNKS, .scope = store->scope, .after = row->seq, .after_index = index, .limit = 1};
        status = pawli_store_status(pawli_store_read(store->opened->store, reader, &query, &page, err));
        const struct chunk_row *chunk = page.chunks;
        if (status == PAWL_OK && (page.count == 0 || chunk->is_damaged || chunk->seq != row->seq ||
                                  chunk->index != index || chunk->data.size == 0))
            status = is_not_whole(row->seq, err);
        if (status == PAWL_OK) {
            size += chunk->data.size;
            pawli_sha256_add(&hasher, chunk->data);
            status = take ? take(data, chunk->data.data, chunk->data.size, err) : PAWL_OK;
        }
        pawli_page_done(&page);
    }
    const struct digest hash = pawli_hash_end(&hasher);
    if (status == PAWL_OK && hasher.failed)
        status = pawli_no_memory(err);
    else if (status == PAWL_OK && (size != row->size || !digest_equal(&hash, &row->hash)))
        status = is_not_whole(row->seq, err);
    pawli_hasher_done(&hasher);
    return status == PAWL_OK && take ? take(data, "", 0, err) : status;
}

static int read_chunks(pawl_store *store, const struct snapshot_row *row, pawl_snapshot_take *take, void *data,
                       pawl_error *err)
{
    struct reader *reader;
    int status = pawli_store_status(pawli_store_reader(store->opened->store, &reader, err));
    if (status < 0)
        return status;
    status = take_chunks(store, reader, row, take, data, err);
    pawli_store_done(store->opened->store, reader);
    return status;
}

static int find_snapshot(pawl_store *store, uint64_t seq, struct snapshot_row *row, pawl_error *err)
{
    struct page page;
    int status = read_snapshots(store, &page, err);
    if (status < 0)
        return status;
    const struct snapshot_row *found = NULL;
    for (size_t i = 0; i < page.count; i++)
        if (page.snapshots[i].seq == seq || (seq == 0 && !page.snapshots[i].is_damaged))
            found = &page.snapshots[i];
    if (!found)
        status = pawli_hint(
            err,
            seq ? pawli_fail(err, PAWL_ENOTFOUND, "record %llu has no snapshot in scope \"%s\"",
                             (unsigned long long)seq, store->scope_text)
                : pawli_fail(err, PAWL_ENOTFOUND, "there is no snapshot in scope \"%s\"", store->scope_text),
            "see \"pawl snapshots list\"; add one with \"pawl snapshots add\"");
    else if (found->is_damaged)
        status = is_not_whole(seq, err);
    else
        *row = *found;
    pawli_page_done(&page);
    return status;
}

int pawl_snapshot_read(pawl_store *store, uint64_t seq, pawl_snapshot_take *take, void *data, uint64_t *ret_seq,
                       pawl_error *err)
{
    struct snapshot_row row;
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "take", take != NULL);
    if (status == PAWL_OK && seq > INT64_MAX)
        status = pawli_fail(err, PAWL_EINVAL, "seq is outside its range");
    if (status == PAWL_OK)
        status = find_snapshot(store, seq, &row, err);
    if (status < 0)
        return status;
    if (ret_seq)
        *ret_seq = row.seq;
    return read_chunks(store, &row, take, data, err);
}

/* ---- the commit ---- */

/* What is older than the newest so many goes. */
static int keep_newest(pawl_store *store, uint32_t keep, pawl_error *err)
{
    struct page page;
    int status = keep ? read_snapshots(store, &page, err) : PAWL_OK;
    if (status < 0 || keep == 0)
        return status;
    for (size_t i = 0; status == PAWL_OK && i + keep < page.count; i++)
        status = commit_row(store, &(struct snapshot_row){.seq = page.snapshots[i].seq}, true, err);
    if (status == PAWL_OK && page.count > keep)
        status = clear_old(store, err);
    pawli_page_done(&page);
    return status;
}

int pawl_snapshot_commit(pawl_snapshot *s, pawl_error *err)
{
    if (!s)
        return pawli_no_memory(err);
    if (s->error.status == PAWL_OK && s->is_done)
        return pawli_fail(err, PAWL_EINVAL, "the snapshot was committed before");
    if (s->error.status == PAWL_OK && s->filled)
        add_chunk(s);
    s->is_done = true;
    if (s->error.status < 0) {
        if (err)
            *err = s->error;
        return s->error.status;
    }
    s->row.hash = pawli_hash_end(&s->hasher);
    if (s->hasher.failed)
        return pawli_no_memory(err);
    struct page page;
    int status = read_snapshots(s->store, &page, err);
    if (status < 0)
        return status;
    bool is_there = has_snapshot(&page, s->row.seq);
    pawli_page_done(&page);
    if (!is_there) /* what another, longer one left behind */
        status = clear(s->store, s->row.seq, s->chunks, s->row.seq + 1, err);
    if (status == PAWL_OK && !is_there)
        status = read_chunks(s->store, &s->row, NULL, NULL, err);
    if (status == PAWL_OK)
        status = commit_row(s->store, &s->row, false, err);
    return status == PAWL_OK ? keep_newest(s->store, s->options.keep, err) : status;
}

/* ---- listing ---- */

struct pawl_snapshots {
    size_t count;
    pawl_snapshot_view items[];
};

int pawl_snapshots_list(pawl_store *store, pawl_snapshots **ret_snapshots, pawl_error *err)
{
    struct page page;
    int status = pawli_check_given(err, store, ret_snapshots);
    if (status == PAWL_OK)
        status = read_snapshots(store, &page, err);
    if (status < 0)
        return status;
    pawl_snapshots *snapshots = pawli_alloc(sizeof *snapshots + page.count * sizeof *snapshots->items);
    for (size_t i = 0; snapshots && i < page.count; i++) {
        const struct snapshot_row *row = &page.snapshots[i];
        pawl_snapshot_view *view = &snapshots->items[snapshots->count++];
        *view = (pawl_snapshot_view){.struct_size = sizeof *view,
                                     .seq = row->seq,
                                     .size = row->size,
                                     .made_at_ms = row->made.ms,
                                     .error = row->is_damaged ? "it cannot be read" : NULL};
        memcpy(view->sha256, row->hash.bytes, DIGEST_SIZE);
        memcpy(view->digest, row->record.bytes, DIGEST_SIZE);
    }
    pawli_page_done(&page);
    if (!snapshots)
        return pawli_no_memory(err);
    *ret_snapshots = snapshots;
    return PAWL_OK;
}

size_t pawl_snapshots_count(const pawl_snapshots *snapshots)
{
    return snapshots ? snapshots->count : 0;
}

const pawl_snapshot_view *pawl_snapshots_get(const pawl_snapshots *snapshots, size_t index)
{
    return index < pawl_snapshots_count(snapshots) ? &snapshots->items[index] : NULL;
}

void pawl_snapshots_free(pawl_snapshots *snapshots)
{
    pawli_free(snapshots);
}
