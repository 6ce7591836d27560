/* SPDX-License-Identifier: MIT */
/* Snapshots: all of their bytes or none, behind a record that is there, and as many as were to be kept. */
#include "conformance.h"

#include "pawl/replay.h"
#include "pawl/snapshot.h"

static void record_some(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pawl_transition *t = pawl_transition_new(
            w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Add", .state_post = &(char){(char)i},
                                                 .state_post_size = 1});
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
}

static int keep_state(struct world *w, uint64_t seq, uint32_t keep, const char *data, size_t size)
{
    pawl_snapshot *s = pawl_snapshot_new(w->store,
                                         &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = seq, .keep = keep});
    pawl_snapshot_write(s, data, size);
    int status = pawl_snapshot_commit(s, &err);
    pawl_snapshot_free(s);
    return status;
}

struct taken {
    char *bytes;
    size_t size, room;
    unsigned ends;
    int answer;
};

static int take(void *data, const void *bytes, size_t size, pawl_error *error)
{
    struct taken *taken = data;
    (void)error;
    assert_int_equal(taken->ends, 0);
    assert_true(taken->size + size <= taken->room);
    memcpy(taken->bytes + taken->size, bytes, size);
    taken->size += size;
    taken->ends += size == 0;
    return taken->answer;
}

static int read_back(struct world *w, uint64_t seq, const char *expected, size_t size)
{
    struct taken taken = {.bytes = malloc(size + 1), .room = size};
    uint64_t found = 0;
    int status = pawl_snapshot_read(w->store, seq, take, &taken, &found, &err);
    if (status == PAWL_OK) {
        assert_int_equal(taken.ends, 1);
        assert_int_equal(taken.size, size);
        assert_memory_equal(taken.bytes, expected, size);
        if (seq)
            assert_int_equal(found, seq);
    } else {
        assert_int_equal(taken.ends, 0);
    }
    free(taken.bytes);
    return status;
}

static size_t count_chunks(struct world *w)
{
    struct page page;
    const struct query query = {.kind = QUERY_CHUNKS, .scope = TEXT("default"), .limit = 100};
    assert_ok(pawli_store_query(w->store->opened->store, &query, &page, &err));
    size_t count = page.count;
    pawli_page_done(&page);
    return count;
}

static size_t count(struct world *w)
{
    pawl_snapshots *all;
    assert_ok(pawl_snapshots_list(w->store, &all, &err));
    size_t found = pawl_snapshots_count(all);
    pawl_snapshots_free(all);
    return found;
}

static void what_was_added_comes_back(struct world *w)
{
    static const size_t sizes[] = {0, 1, 262143, 262144, 262145, 600000};
    static char bytes[600000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 + i / 1000);
    record_some(w, COUNT_OF(sizes));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_ok(keep_state(w, i + 1, 0, bytes, sizes[i]));
        assert_ok(read_back(w, i + 1, bytes, sizes[i]));
        assert_ok(read_back(w, 0, bytes, sizes[i])); /* the newest */
    }
    assert_int_equal(count(w), COUNT_OF(sizes));
    verify(w);
}

static void what_is_written_in_pieces_is_one(struct world *w)
{
    record_some(w, 1);
    pawl_snapshot *s = pawl_snapshot_new(w->store, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = 1});
    pawl_snapshot_write(s, "ab", 2);
    pawl_snapshot_write(s, NULL, 0);
    pawl_snapshot_write(s, "c", 1);
    assert_int_equal(count(w), 0);
    assert_status(read_back(w, 1, "", 0), PAWL_ENOTFOUND);
    assert_ok(pawl_snapshot_commit(s, &err));
    assert_status(pawl_snapshot_commit(s, &err), PAWL_EINVAL);
    pawl_snapshot_free(s);
    assert_ok(read_back(w, 1, "abc", 3));
    verify(w);
}

/* Of one that was never committed nothing counts, and the next one is not mixed with it. */
static void one_that_was_given_up_leaves_nothing(struct world *w)
{
    static char bytes[700000];
    record_some(w, 3);
    pawl_snapshot *s = pawl_snapshot_new(w->store, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = 2});
    pawl_snapshot_write(s, bytes, sizeof bytes);
    pawl_snapshot_free(s);
    assert_int_equal(count(w), 0);
    verify(w);
    assert_ok(keep_state(w, 2, 0, "short", 5));
    assert_ok(read_back(w, 2, "short", 5));
    s = pawl_snapshot_new(w->store, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = 1});
    pawl_snapshot_write(s, bytes, sizeof bytes);
    pawl_snapshot_free(s);
    assert_ok(keep_state(w, 3, 0, "x", 1)); /* clears that of 1 away */
    assert_int_equal(count_chunks(w), 2);
    verify(w);
}

static void the_state_behind_a_record_is_one(struct world *w)
{
    record_some(w, 2);
    assert_ok(keep_state(w, 2, 0, "a", 1));
    assert_ok(keep_state(w, 2, 0, "a", 1));
    assert_status(keep_state(w, 2, 0, "b", 1), PAWL_ECONFLICT);
    assert_ok(read_back(w, 2, "a", 1));
    assert_status(keep_state(w, 3, 0, "a", 1), PAWL_ENOTFOUND);
    assert_status(keep_state(w, 0, 0, "a", 1), PAWL_EINVAL);
    assert_int_equal(count(w), 1);
    verify(w);
}

static void so_many_are_kept(struct world *w)
{
    record_some(w, 6);
    for (uint64_t seq = 1; seq <= 5; seq++)
        assert_ok(keep_state(w, seq, 0, "a", 1));
    assert_ok(keep_state(w, 6, 2, "b", 1));
    assert_int_equal(count(w), 2);
    assert_status(read_back(w, 4, "", 0), PAWL_ENOTFOUND);
    assert_ok(read_back(w, 5, "a", 1));
    assert_ok(read_back(w, 6, "b", 1));
    assert_int_equal(count_chunks(w), 2);
    verify(w);
}

static void who_takes_may_end_it(struct world *w)
{
    char bytes[8];
    struct taken taken = {.bytes = bytes, .room = sizeof bytes, .answer = PAWL_EREFUSED};
    record_some(w, 1);
    assert_ok(keep_state(w, 1, 0, "abc", 3));
    assert_status(pawl_snapshot_read(w->store, 1, take, &taken, NULL, &err), PAWL_EREFUSED);
    assert_int_equal(taken.size, 3);
    assert_int_equal(taken.ends, 0);
}

/* A program of which the state is how many records it applied. */
struct program {
    char state, from;
    bool is_restored;
};

static int restore(void *data, const void *bytes, size_t size, pawl_error *error)
{
    struct program *p = data;
    (void)error;
    if (size)
        p->from = p->state = *(const char *)bytes;
    else
        p->is_restored = true;
    return PAWL_OK;
}

static int apply(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *error)
{
    struct program *p = data;
    (void)error;
    assert_true(p->is_restored || record->seq == (uint64_t)p->state + 1);
    applied->state_post = &p->state;
    applied->state_post_size = 1;
    if (p->state++ == 0) /* the digest of record n is n - 1 */
        return PAWL_OK;
    static char digest;
    digest = (char)(p->state - 1);
    applied->state_post = &digest;
    return PAWL_OK;
}

static void a_replay_begins_with_the_newest(struct world *w)
{
    pawl_replayed replayed = {PAWL_REPLAYED};
    struct program p = {0};
    pawl_replay_options options = {PAWL_REPLAY_OPTIONS, .apply = apply, .data = &p, .restore = restore};
    record_some(w, 9);
    assert_status(pawl_replay(w->store, &options, &replayed, &err), PAWL_ENOTFOUND);
    assert_ok(keep_state(w, 3, 0, "\3", 1));
    assert_ok(keep_state(w, 5, 0, "\5", 1));
    assert_ok(pawl_replay(w->store, &options, &replayed, &err));
    assert_int_equal(replayed.snapshot_seq, 5);
    assert_int_equal(replayed.records, 4);
    assert_int_equal(replayed.ok, 1);
    assert_true(p.is_restored);
    assert_int_equal(p.from, 5);
    p = (struct program){0};
    assert_ok(keep_state(w, 6, 0, "\7", 1)); /* of another state */
    assert_ok(pawl_replay(w->store, &options, &replayed, &err));
    assert_int_equal(replayed.ok, 0);
    assert_int_equal(replayed.diff_seq, 7);
    options.from_seq = 3;
    assert_status(pawl_replay(w->store, &options, &replayed, &err), PAWL_EINVAL);
}

static const struct conformance_case cases[] = {
    CASE(what_was_added_comes_back),
    CASE(what_is_written_in_pieces_is_one),
    CASE(one_that_was_given_up_leaves_nothing),
    CASE(the_state_behind_a_record_is_one),
    CASE(so_many_are_kept),
    CASE(who_takes_may_end_it),
    CASE(a_replay_begins_with_the_newest),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
