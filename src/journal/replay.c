/* SPDX-License-Identifier: MIT */
/* The journal, folded through the program's own function. */
#include "pawl/replay.h"

#include <inttypes.h>

#include "commit/handle.h"
#include "model/check.h"

#define PAGE 500

struct replaying {
    pawl_store *store;
    pawl_replay_options options;
    pawl_replayed done;
    pawl_error *err;
};

static int refuse_record(struct replaying *r, uint64_t seq, const char *why)
{
    return pawli_hint(r->err, pawli_fail(r->err, PAWL_ECORRUPT, "record %" PRIu64 " cannot be applied: %s", seq, why),
                      "run \"pawl verify\"; a program that has the state behind it may begin there");
}

static void note_difference(struct replaying *r, const pawl_record *record, const pawl_applied *applied)
{
    pawl_replayed *done = &r->done;
    if (done->differences++ > 0)
        return;
    done->ok = 0;
    done->diff_seq = record->seq;
    done->recorded_size = record->state_post_size;
    memcpy(done->recorded, record->state_post, record->state_post_size);
    done->computed_size = applied->state_post_size;
    if (applied->state_post_size)
        memcpy(done->computed, applied->state_post, applied->state_post_size);
}

static int apply(struct replaying *r, const pawl_record *record)
{
    pawl_applied applied = {.struct_size = sizeof applied};
    if (record->error)
        return refuse_record(r, record->seq, record->error);
    if (!record->data)
        return refuse_record(r, record->seq, "its command was pruned");
    int status = r->options.apply(r->options.data, record, &applied, r->err);
    if (status < 0)
        return status;
    if (!applied.state_post)
        applied.state_post_size = 0;
    if (applied.state_post_size > LIMIT_STATE_DIGEST)
        return pawli_fail(r->err, PAWL_EINVAL, "state_post of record %" PRIu64 " has %zu bytes, the limit is %d",
                          record->seq, applied.state_post_size, LIMIT_STATE_DIGEST);
    r->done.records++;
    if (!record->state_post)
        return PAWL_OK;
    r->done.compared++;
    if (applied.state_post_size != record->state_post_size ||
        memcmp(applied.state_post, record->state_post, record->state_post_size) != 0)
        note_difference(r, record, &applied);
    return PAWL_OK;
}

static bool may_go_on(const struct replaying *r)
{
    return r->done.ok || r->options.goes_on;
}

/* The next page; *more says whether one is behind it. */
static int apply_page(struct replaying *r, uint64_t *after, bool *more)
{
    pawl_records *records;
    pawl_records_query query = {PAWL_RECORDS_QUERY, .after_seq = *after, .limit = PAGE};
    int status = pawl_records_list(r->store, &query, &records, r->err);
    if (status < 0)
        return status;
    *more = pawl_records_has_more(records);
    for (size_t i = 0; status == PAWL_OK && may_go_on(r) && i < pawl_records_count(records); i++) {
        const pawl_record *record = pawl_records_get(records, i);
        if (r->options.to_seq && record->seq > r->options.to_seq)
            *more = false;
        else
            status = apply(r, record);
        *after = record->seq;
    }
    pawl_records_free(records);
    return status;
}

/* A replay may begin behind the last record, where nothing is to be done, but no further. */
static int check_range(const pawl_replay_options *options, pawl_store *store, pawl_error *err)
{
    pawl_records *first;
    if (options->to_seq && options->to_seq < options->from_seq)
        return pawli_fail(err, PAWL_EINVAL, "to_seq %" PRIu64 " is before from_seq %" PRIu64, options->to_seq,
                          options->from_seq);
    if (options->from_seq <= 1)
        return PAWL_OK;
    pawl_records_query query = {PAWL_RECORDS_QUERY, .after_seq = options->from_seq - 2, .limit = 1};
    int status = pawl_records_list(store, &query, &first, err);
    if (status < 0)
        return status;
    if (pawl_records_count(first) == 0)
        status = pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, "from_seq %" PRIu64 " is behind the last record", options->from_seq),
            "the records of another scope have other numbers: see \"pawl journal list --limit 1\"");
    pawl_records_free(first);
    return status;
}

int pawl_replay(pawl_store *store, const pawl_replay_options *options, pawl_replayed *ret_replayed, pawl_error *err)
{
    int status = pawli_check_given(err, store, options, ret_replayed);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_replayed", ret_replayed, err);
    if (status < 0)
        return status;
    pawl_error own;
    struct replaying r = {.store = store, .done = {.ok = 1}, .err = err ? err : &own};
    if (!pawli_copy_options(&r.options, sizeof r.options, options))
        return pawli_bad_struct("pawl_replay_options", err);
    status = pawli_check_call(err, "apply", r.options.apply != NULL);
    if (status == PAWL_OK && r.options.restore && r.options.from_seq)
        status = pawli_fail(err, PAWL_EINVAL, "from_seq and restore are both given");
    if (status == PAWL_OK)
        status = check_range(&r.options, store, err);
    uint64_t after = r.options.from_seq ? r.options.from_seq - 1 : 0;
    if (status == PAWL_OK && r.options.restore) {
        status = pawl_snapshot_read(store, 0, r.options.restore, r.options.data, &after, r.err);
        r.done.snapshot_seq = after;
    }
    for (bool more = true; status == PAWL_OK && more && may_go_on(&r);)
        status = apply_page(&r, &after, &more);
    if (status == PAWL_OK)
        pawli_give_out(ret_replayed, &r.done, sizeof r.done);
    return status;
}
