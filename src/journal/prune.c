/* SPDX-License-Identifier: MIT */
/* Pruning: bodies of records behind which a snapshot stands, in parts, each a commit with its record. */
#include "commit/prune.h"

#include "commit/operation.h"
#include "model/check.h"
#include "pawl/journal.h"
#include "pawl/snapshot.h"

#define PART_RECORDS 500
#define PART_BYTES   (8 * 1024 * 1024)
#define PAGE_RECORDS 20 /* of the largest there is room for */

struct pruning {
    pawl_store *store;
    pawl_operation operation;
    pawl_uuid id;
    uint64_t before;
    uint64_t done; /* records up to this one are */
    uint64_t pruned;
};

static int read_pruned(struct pruning *p, uint64_t *head, pawl_error *err)
{
    struct page page;
    const struct query query = {.kind = QUERY_SCOPE, .scope = p->store->scope};
    int status = pawli_store_query(p->store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    p->done = page.count ? page.scopes->pruned : 0;
    *head = page.count ? page.scopes->seq : 0;
    pawli_page_done(&page);
    return PAWL_OK;
}

/* ---- whether it may be ---- */

static int take_nothing(void *data, const void *bytes, size_t size, pawl_error *err)
{
    (void)data, (void)bytes, (void)size, (void)err;
    return PAWL_OK;
}

/* One at or behind the last record that is pruned, all of whose bytes are there. */
static int check_snapshot(struct pruning *p, pawl_error *err)
{
    pawl_snapshots *snapshots;
    uint64_t found = 0;
    int status = pawl_snapshots_list(p->store, &snapshots, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < pawl_snapshots_count(snapshots); i++)
        if (!pawl_snapshots_get(snapshots, i)->error)
            found = pawl_snapshots_get(snapshots, i)->seq;
    pawl_snapshots_free(snapshots);
    if (found + 1 < p->before)
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EREFUSED, "no snapshot stands behind record %llu", (unsigned long long)p->before - 1),
            "what is pruned cannot be replayed: add the state behind it first, with \"pawl snapshots add\"");
    return pawl_snapshot_read(p->store, found, take_nothing, NULL, NULL, err);
}

/* What is relayed was promised to somebody. */
static int check_subscriptions(struct pruning *p, pawl_error *err)
{
    struct page page;
    const struct query query = {.kind = QUERY_SUBSCRIPTIONS, .scope = p->store->scope, .limit = UINT32_MAX};
    int status = pawli_store_query(p->store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
        const struct subscription_row *row = &page.subscriptions[i].row;
        if (!row->is_damaged && row->lane.data && row->seq + 1 < p->before)
            status = pawli_hint(err,
                                pawli_fail(err, PAWL_EREFUSED,
                                           "subscription %.*s is relayed and stands behind record %llu",
                                           TEXT_ARG(row->name), (unsigned long long)row->seq),
                                "prune up to there, let \"pawl serve\" relay it, or remove it");
    }
    pawli_page_done(&page);
    return status;
}

/* ---- the parts ---- */

/* A page of the next records; *more says whether the part may have others behind them. */
static int find_records(struct pruning *p, struct prune *part, size_t *bytes, bool *more, pawl_error *err)
{
    struct page page;
    uint64_t left = p->before - 1 > part->to ? p->before - 1 - part->to : 0;
    const struct query query = {.kind = QUERY_RECORDS,
                                .scope = p->store->scope,
                                .after = part->to,
                                .limit = left < PAGE_RECORDS ? (uint32_t)left : PAGE_RECORDS};
    *more = false;
    if (left == 0)
        return PAWL_OK;
    int status = pawli_store_query(p->store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < page.count; i++) {
        const struct record_row *row = &page.records[i];
        part->to = row->seq;
        *bytes += row->command.size + row->response.size + row->events.size;
        if (!row->is_damaged)
            part->ids[part->count++] = row->request_id;
    }
    *more = page.more && *bytes < PART_BYTES && part->count + PAGE_RECORDS <= PART_RECORDS;
    pawli_page_done(&page);
    return PAWL_OK;
}

/* The next records, as many as one commit may load. */
static int find_part(struct pruning *p, struct prune *part, struct arena *arena, pawl_error *err)
{
    size_t bytes = 0;
    int status = PAWL_OK;
    part->from = p->done + 1;
    part->to = p->done;
    part->ids = arena_array(arena, pawl_uuid, PART_RECORDS);
    if (!part->ids)
        return pawli_no_memory(err);
    for (bool more = true; status == PAWL_OK && more;)
        status = find_records(p, part, &bytes, &more, err);
    return status;
}

/* One that was made before is answered from what is stored, and changes nothing. */
static int make_part(struct pruning *p, uint64_t number, pawl_error *err)
{
    struct operation op;
    p->operation.request_id = pawli_id_of_part(&p->id, number);
    int status = pawli_open_operation(&op, p->store, "pawl.prune", &p->operation, true, err);
    if (status < 0)
        return status;
    struct prune *part = pawli_draft_effect(&op.drafting, &pawli_effect_prune);
    status = part ? find_part(p, part, &op.drafting.unit.arena, err) : pawli_no_memory(err);
    pawli_json_put_u64(&op.writer, "before", p->before);
    pawli_json_put_u64(&op.writer, "part", number);
    if (status == PAWL_OK)
        status = pawli_commit_operation(&op, err);
    if (status == PAWL_OK)
        p->pruned += part->pruned;
    pawli_close_operation(&op);
    return status;
}

static int prune(struct pruning *p, pawl_error *err)
{
    uint64_t head, number = 0;
    int status = read_pruned(p, &head, err);
    if (status == PAWL_OK && p->before > head + 1)
        status = pawli_hint(err,
                            pawli_fail(err, PAWL_EINVAL, "record %llu is not there: the last one is %llu",
                                       (unsigned long long)p->before - 1, (unsigned long long)head),
                            "it is pruned up to the record before the one that is given");
    if (status == PAWL_OK)
        status = check_snapshot(p, err);
    if (status == PAWL_OK)
        status = check_subscriptions(p, err);
    while (status == PAWL_OK && (p->done + 1 < p->before || number == 0)) {
        status = make_part(p, ++number, err);
        if (status == PAWL_OK)
            status = read_pruned(p, &head, err);
    }
    return status;
}

int pawl_journal_prune(pawl_store *store, uint64_t before_seq, const pawl_operation *operation, uint64_t *ret_pruned,
                       pawl_error *err)
{
    struct pruning p = {.store = store, .before = before_seq};
    int status = pawli_check_given(err, store, operation);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&p.operation, sizeof p.operation, operation))
        return pawli_bad_struct("pawl_operation", err);
    p.operation.struct_size = sizeof p.operation;
    status = pawli_check_own_scope(store->scope, err);
    if (status == PAWL_OK)
        status = pawli_check_reason(text_of(p.operation.reason), err);
    if (status == PAWL_OK && (before_seq == 0 || before_seq > INT64_MAX))
        status = pawli_fail(err, PAWL_EINVAL, "before_seq is outside its range");
    if (status < 0)
        return status;
    p.id = uuid_is_nil(&p.operation.request_id) ? pawl_request_id_new() : p.operation.request_id;
    status = prune(&p, err);
    if (status == PAWL_OK && ret_pruned)
        *ret_pruned = p.pruned;
    return status;
}
