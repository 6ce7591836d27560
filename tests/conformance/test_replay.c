/* SPDX-License-Identifier: MIT */
/* The journal, folded: a program that adds up what its commands say, and whose state digest is the sum. */
#include "conformance.h"

#include "pawl/replay.h"

/* A program of one number. */
struct program {
    uint64_t sum;
    uint64_t wrong_at; /* forgets what this record says; 0: none */
    uint64_t mute_at;  /* says no digest of this one */
    uint64_t fails_at;
    size_t digest_size; /* 0: that of the sum */
    uint64_t applied[64];
    size_t count;
    uint8_t digest[128];
};

static void write_sum(uint64_t sum, uint8_t digest[8])
{
    memcpy(digest, &sum, sizeof sum);
}

static int apply(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *error)
{
    struct program *p = data;
    assert_true(p->count < COUNT_OF(p->applied));
    assert_null(applied->state_post);
    p->applied[p->count++] = record->seq;
    if (record->seq == p->fails_at) {
        *error = (pawl_error){.status = PAWL_EUNAVAIL, .text = "the program is out of order"};
        return PAWL_EUNAVAIL;
    }
    if (record->seq != p->wrong_at)
        p->sum += record->data_size;
    write_sum(p->sum, p->digest);
    if (record->seq != p->mute_at) {
        applied->state_post = p->digest;
        applied->state_post_size = p->digest_size ? p->digest_size : sizeof p->sum;
    }
    return PAWL_OK;
}

/* Commands of 1, 2, 3 … bytes; every fifth has no state digest. */
static void record_some(struct world *w, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 1; i <= count; i++) {
        uint8_t before[8], after[8];
        write_sum(sum, before);
        sum += i;
        write_sum(sum, after);
        pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "Add", .request_id = make_id(i),
                                           .content_type = "text/plain"};
        if (i % 5 != 0) {
            options.state_pre = before;
            options.state_post = after;
            options.state_pre_size = options.state_post_size = 8;
        }
        pawl_transition *t = pawl_transition_new(w->store, &options);
        pawl_transition_command(t, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
        pawl_receipt *receipt = NULL;
        assert_ok(pawl_transition_commit(t, &receipt, &err));
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
    }
}

static pawl_replayed replay(struct world *w, struct program *program, uint64_t from, uint64_t to)
{
    pawl_replayed replayed = {PAWL_REPLAYED};
    assert_ok(pawl_replay(
        w->store,
        &(pawl_replay_options){PAWL_REPLAY_OPTIONS, .apply = apply, .data = program, .from_seq = from, .to_seq = to},
        &replayed, &err));
    return replayed;
}

static void every_record_is_applied_in_order_and_compared(struct world *w)
{
    struct program program = {0};
    record_some(w, 12);
    pawl_replayed replayed = replay(w, &program, 0, 0);
    assert_true(replayed.ok);
    assert_int_equal(replayed.records, 12);
    assert_int_equal(replayed.compared, 10); /* 5 and 10 have none */
    for (size_t i = 0; i < program.count; i++)
        assert_int_equal(program.applied[i], i + 1);
    verify(w);
}

static void the_first_that_differs_is_named_with_both_digests(struct world *w)
{
    struct program program = {.wrong_at = 4};
    uint8_t recorded[8], computed[8];
    record_some(w, 12);
    pawl_replayed replayed = replay(w, &program, 0, 0);
    write_sum(1 + 2 + 3 + 4, recorded);
    write_sum(1 + 2 + 3, computed);
    assert_false(replayed.ok);
    assert_int_equal(replayed.diff_seq, 4);
    assert_int_equal(replayed.records, 4); /* what comes behind follows from it, and is not looked at */
    assert_int_equal(program.count, 4);
    assert_int_equal(replayed.recorded_size, 8);
    assert_int_equal(replayed.computed_size, 8);
    assert_memory_equal(replayed.recorded, recorded, 8);
    assert_memory_equal(replayed.computed, computed, 8);
}

static void a_record_without_a_digest_is_applied_and_not_compared(struct world *w)
{
    struct program wrong = {.wrong_at = 5}, mute = {.mute_at = 10};
    record_some(w, 12);
    assert_int_equal(replay(w, &wrong, 0, 0).diff_seq, 6); /* the next one shows it */
    assert_true(replay(w, &mute, 0, 0).ok);
}

static void a_digest_that_is_missing_or_longer_is_a_difference(struct world *w)
{
    struct program mute = {.mute_at = 3}, longer = {.digest_size = 9};
    record_some(w, 4);
    pawl_replayed replayed = replay(w, &mute, 0, 0);
    assert_int_equal(replayed.diff_seq, 3);
    assert_int_equal(replayed.computed_size, 0);
    replayed = replay(w, &longer, 0, 0);
    assert_int_equal(replayed.diff_seq, 1);
    assert_int_equal(replayed.computed_size, 9);
}

static void a_replay_begins_and_ends_where_it_is_told(struct world *w)
{
    struct program program = {.sum = 1 + 2 + 3};
    record_some(w, 12);
    pawl_replayed replayed = replay(w, &program, 4, 7);
    assert_true(replayed.ok);
    assert_int_equal(replayed.records, 4);
    assert_int_equal(program.applied[0], 4);
    assert_int_equal(program.applied[3], 7);
    assert_int_equal(replay(w, &program, 13, 0).records, 0); /* whoever is up to date has nothing to do */
    struct program none = {0}, other = {.sum = 5};
    assert_int_equal(replay(w, &none, 4, 7).diff_seq, 4);
    assert_int_equal(replay(w, &other, 12, 0).diff_seq, 12);
}

static void nothing_to_replay_is_fine(struct world *w)
{
    struct program program = {0};
    pawl_replayed replayed = replay(w, &program, 0, 0);
    assert_true(replayed.ok);
    assert_int_equal(replayed.records, 0);
    assert_int_equal(program.count, 0);
}

static void what_cannot_be_done_is_refused_by_name(struct world *w)
{
    struct program program = {0}, broken = {.fails_at = 2}, long_one = {.digest_size = 65};
    pawl_replayed replayed = {PAWL_REPLAYED, .records = 77};
    const struct {
        pawl_replay_options options;
        int status;
        const char *text;
    } cases[] = {
        {{PAWL_REPLAY_OPTIONS, .data = &program}, PAWL_EINVAL, "apply"},
        {{PAWL_REPLAY_OPTIONS, .apply = apply, .data = &program, .from_seq = 6}, PAWL_EINVAL, "from_seq 6"},
        {{PAWL_REPLAY_OPTIONS, .apply = apply, .data = &program, .from_seq = 3, .to_seq = 2}, PAWL_EINVAL, "to_seq 2"},
        {{PAWL_REPLAY_OPTIONS, .apply = apply, .data = &long_one}, PAWL_EINVAL, "state_post of record 1"},
        {{PAWL_REPLAY_OPTIONS, .apply = apply, .data = &broken}, PAWL_EUNAVAIL, "the program is out of order"},
    };
    record_some(w, 4);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(pawl_replay(w->store, &cases[i].options, &replayed, &err), cases[i].status);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_int_equal(replayed.records, 77);
    }
    assert_int_equal(broken.count, 2);
}

/* More than a page of records, of another scope than the one beside it. */
static void a_long_journal_of_one_scope_is_folded_whole(struct world *w)
{
    struct world other = *w;
    uint64_t sum = 0;
    assert_ok(pawl_store_scope(w->store, "other", &other.store, &err));
    record_some(&other, 3);
    for (unsigned i = 1; i <= 1100; i++) {
        uint8_t after[8];
        sum += 2;
        write_sum(sum, after);
        pawl_transition *t = pawl_transition_new(
            w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Add", .request_id = make_id(i),
                                                 .state_post = after, .state_post_size = 8});
        pawl_transition_command(t, "{}", 2);
        pawl_receipt *receipt = NULL;
        assert_ok(pawl_transition_commit(t, &receipt, &err));
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
    }
    struct program program = {.sum = 2 * 1000};
    pawl_replayed replayed = replay(w, &program, 1001, 1050);
    assert_true(replayed.ok);
    assert_int_equal(replayed.records, 50);
    struct program off = {.sum = 1};
    replayed = replay(w, &off, 600, 0);
    assert_int_equal(replayed.diff_seq, 600);
    pawl_store_close(other.store);
}

static const struct conformance_case cases[] = {
    CASE(every_record_is_applied_in_order_and_compared),
    CASE(the_first_that_differs_is_named_with_both_digests),
    CASE(a_record_without_a_digest_is_applied_and_not_compared),
    CASE(a_digest_that_is_missing_or_longer_is_a_difference),
    CASE(a_replay_begins_and_ends_where_it_is_told),
    CASE(nothing_to_replay_is_fine),
    CASE(what_cannot_be_done_is_refused_by_name),
    CASE(a_long_journal_of_one_scope_is_folded_whole),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
