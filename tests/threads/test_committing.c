/* SPDX-License-Identifier: MIT */
/* Many threads commit to one store, blocking and with callbacks, while others read: J1, J2, J3 under load. */
#include "crowd.h"

enum { REQUESTS = 600, BLOCKING = 4, CALLBACKS = 2, TWICE = 3 };
/* Each request is made by TWICE of the committing threads, in different orders: one of them writes it. */

struct answer { /* to one call */
    _Atomic uint64_t seq;
    atomic_int was_replayed;
    uint8_t digest[32];
};

struct commits {
    pawl_store *store;
    pawl_uuid ids[REQUESTS];
    struct answer answers[REQUESTS][TWICE];
    atomic_uint calls[REQUESTS]; /* made so far */
    atomic_uint called_back;
    atomic_uint left;          /* committers that are not through */
    uint64_t last_called_back; /* seq; callbacks come on one thread */
    atomic_bool stopped;
};

static void note_receipt(struct commits *commits, unsigned request, const pawl_receipt *receipt)
{
    unsigned call = atomic_fetch_add(&commits->calls[request], 1);
    MUST(call < TWICE);
    struct answer *answer = &commits->answers[request][call];
    pawl_uuid id = pawl_receipt_request_id(receipt);
    MUST(memcmp(&id, &commits->ids[request], sizeof id) == 0);
    size_t size = 0;
    const void *response = pawl_receipt_response(receipt, &size);
    MUST(size == sizeof request && memcmp(response, &request, size) == 0);
    memcpy(answer->digest, pawl_receipt_digest(receipt), 32);
    atomic_store(&answer->was_replayed, pawl_receipt_was_replayed(receipt));
    atomic_store(&answer->seq, pawl_receipt_seq(receipt));
}

static pawl_transition *make_request(struct commits *commits, unsigned request)
{
    pawl_transition *t = pawl_transition_new(
        commits->store,
        &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Count", .request_id = commits->ids[request]});
    MUST(t != NULL);
    pawl_transition_command(t, &request, sizeof request);
    pawl_transition_response(t, &request, sizeof request);
    for (unsigned i = 0; i < request % 3; i++)
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "counts", .type = "Counted", .data = &request,
                                               .data_size = sizeof request, .stream_seq = i, .has_stream_seq = 1});
    return t;
}

/* Which request a committer makes as its n-th: its share, from a place of its own on. */
static unsigned request_of(unsigned committer, unsigned n)
{
    return (n * 7 + committer * 101) % REQUESTS;
}

static bool is_mine(unsigned committer, unsigned request)
{
    return (committer + BLOCKING + CALLBACKS - request % (BLOCKING + CALLBACKS)) % (BLOCKING + CALLBACKS) < TWICE;
}

static void commit_blocking(void *data, unsigned number)
{
    struct commits *commits = data;
    for (unsigned n = 0; n < REQUESTS; n++) {
        unsigned request = request_of(number, n);
        if (!is_mine(number, request))
            continue;
        pawl_receipt *receipt = NULL;
        pawl_transition *t = make_request(commits, request);
        MUST_OK(pawl_transition_commit(t, &receipt, &err));
        note_receipt(commits, request, receipt);
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
    }
    atomic_fetch_sub(&commits->left, 1);
}

static void called_back(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct commits *commits = data;
    unsigned request;
    if (status < 0)
        fprintf(stderr, "%s\n", error->text);
    MUST(status == PAWL_OK);
    memcpy(&request, pawl_receipt_response(receipt, NULL), sizeof request);
    note_receipt(commits, request, receipt);
    if (!pawl_receipt_was_replayed(receipt)) { /* in the order of seq */
        MUST(pawl_receipt_seq(receipt) > commits->last_called_back);
        commits->last_called_back = pawl_receipt_seq(receipt);
    }
    pawl_receipt_free(receipt);
    atomic_fetch_add(&commits->called_back, 1);
}

static void commit_with_callbacks(void *data, unsigned number)
{
    struct commits *commits = data;
    for (unsigned n = 0; n < REQUESTS; n++) {
        unsigned request = request_of(number + BLOCKING, n);
        if (!is_mine(number + BLOCKING, request))
            continue;
        MUST_OK(pawl_transition_submit(make_request(commits, request), called_back, commits, &err));
    }
    atomic_fetch_sub(&commits->left, 1);
}

/* ---- readers ---- */

static void read_records(void *data, unsigned number)
{
    struct commits *commits = data;
    uint64_t seen = 0;
    while (seen < REQUESTS) {
        pawl_records *page;
        MUST_OK(pawl_journal_wait(commits->store, seen, 60000, &err));
        MUST_OK(pawl_records_list(
            commits->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .after_seq = seen, .limit = number ? 7 : 1000},
            &page, &err));
        for (size_t i = 0; i < pawl_records_count(page); i++) {
            const pawl_record *record = pawl_records_get(page, i);
            MUST(record->seq == seen + 1); /* none missed, none repeated */
            seen = record->seq;
            unsigned request;
            MUST(record->data_size == sizeof request);
            memcpy(&request, record->data, sizeof request);
            MUST(record->event_count == request % 3);
            MUST(memcmp(&record->request_id, &commits->ids[request], sizeof record->request_id) == 0);
        }
        pawl_records_free(page);
    }
    MUST(seen == REQUESTS);
}

static void read_events(void *data, unsigned number)
{
    struct commits *commits = data;
    pawl_cursor at = {0, PAWL_WHOLE_RECORD}, last = at;
    uint64_t seen = 0, expected = 0;
    for (unsigned request = 0; request < REQUESTS; request++)
        expected += request % 3;
    (void)number;
    while (seen < expected) {
        pawl_events *page;
        MUST_OK(pawl_events_read(commits->store,
                                 &(pawl_events_query){PAWL_EVENTS_QUERY, .topic = "counts", .after = at, .limit = 13},
                                 &page, &err));
        for (size_t i = 0; i < pawl_events_count(page); i++) {
            const pawl_event_view *event = pawl_events_get(page, i);
            MUST(event->seq > last.seq || event->index == last.index + 1);
            MUST(event->seq > last.seq ? event->index == 0 : event->seq == last.seq);
            MUST(event->stream_seq == event->index);
            last = (pawl_cursor){event->seq, event->index};
            seen++;
        }
        at = pawl_events_next(page);
        bool more = pawl_events_has_more(page);
        pawl_events_free(page);
        if (!more && seen < expected)
            MUST_OK(pawl_journal_wait(commits->store, at.seq, 60000, &err));
    }
    MUST(seen == expected);
}

/* ---- the laws ---- */

static void begin(struct commits *commits, pawl_store *store)
{
    *commits = (struct commits){.store = store};
    for (unsigned request = 0; request < REQUESTS; request++)
        commits->ids[request] = pawl_request_id_from(&request, sizeof request);
    atomic_store(&commits->left, BLOCKING + CALLBACKS);
}

static void check_commits(struct commits *commits)
{
    static bool taken[REQUESTS + 1];
    memset(taken, 0, sizeof taken);
    for (unsigned request = 0; request < REQUESTS; request++) {
        struct answer *answers = commits->answers[request];
        unsigned written = 0;
        assert_int_equal(commits->calls[request], TWICE);
        for (unsigned call = 0; call < TWICE; call++) { /* one answer for all who ask */
            written += !answers[call].was_replayed;
            assert_true(answers[call].seq == answers[0].seq);
            assert_memory_equal(answers[call].digest, answers[0].digest, 32);
        }
        assert_int_equal(written, 1);
        assert_in_range(answers[0].seq, 1, REQUESTS);
        assert_false(taken[answers[0].seq]); /* distinct, and so without a gap */
        taken[answers[0].seq] = true;
        pawl_records *records;
        pawl_error err;
        assert_ok(pawl_record_get(commits->store, &commits->ids[request], 0, &records, &err));
        assert_true(pawl_records_get(records, 0)->seq == answers[0].seq);
        assert_memory_equal(pawl_records_get(records, 0)->digest, answers[0].digest, 32);
        pawl_records_free(records);
    }
    must_verify(commits->store);
}

static struct commits commits; /* too large for a stack */

static void every_request_is_written_once_and_every_reader_sees_it_once(void **state)
{
    (void)state;
    LAW(J1, J2, J3);
    struct place place;
    struct crowd crowd = {0};
    place_open(&place);
    MUST_OK(pawl_store_start(place.store, &err));
    begin(&commits, place.store);
    crowd_add(&crowd, BLOCKING, commit_blocking, &commits);
    crowd_add(&crowd, CALLBACKS, commit_with_callbacks, &commits);
    crowd_add(&crowd, 2, read_records, &commits);
    crowd_add(&crowd, 1, read_events, &commits);
    crowd_run(&crowd);
    pawl_store_stop(place.store); /* answers what was submitted */
    check_commits(&commits);
    place_close(&place);
}

/* The program steps the engine itself, on one of its threads. */
static void step_engine(void *data, unsigned number)
{
    struct commits *stepped = data;
    unsigned submitted = 0;
    (void)number;
    for (unsigned committer = BLOCKING; committer < BLOCKING + CALLBACKS; committer++)
        for (unsigned request = 0; request < REQUESTS; request++)
            submitted += is_mine(committer, request);
    while (atomic_load(&stepped->called_back) < submitted)
        MUST_OK(pawl_store_step(stepped->store, 1000, NULL, &err));
}

static void a_store_that_its_program_steps_keeps_the_same_laws(void **state)
{
    (void)state;
    LAW(J1, J3);
    struct place place;
    struct crowd crowd = {0};
    place_open(&place);
    begin(&commits, place.store);
    crowd_add(&crowd, BLOCKING, commit_blocking, &commits);
    crowd_add(&crowd, CALLBACKS, commit_with_callbacks, &commits);
    crowd_add(&crowd, 1, step_engine, &commits);
    crowd_add(&crowd, 1, read_records, &commits);
    crowd_run(&crowd);
    check_commits(&commits);
    place_close(&place);
}

/* Two openings of one file are two stores for all they know: their batches meet at the file. */
static void two_openings_of_one_file_write_one_journal(void **state)
{
    (void)state;
    LAW(J1, J3);
    struct place place;
    struct crowd crowd = {0};
    pawl_store *other;
    static struct commits same;
    place_open(&place);
    MUST_OK(pawl_store_open(place.url, NULL, &other, &err));
    MUST_OK(pawl_store_start(other, &err));
    begin(&commits, place.store);
    begin(&same, other);
    crowd_add(&crowd, BLOCKING, commit_blocking, &commits);
    crowd_add(&crowd, BLOCKING, commit_blocking, &same);
    crowd_add(&crowd, CALLBACKS, commit_with_callbacks, &same);
    crowd_add(&crowd, 1, read_records, &commits);
    crowd_add(&crowd, 1, read_records, &same);
    crowd_run(&crowd);
    pawl_store_stop(other);
    for (unsigned request = 0; request < REQUESTS; request++) {
        assert_int_equal(same.calls[request], TWICE);
        for (unsigned call = 0; call < atomic_load(&commits.calls[request]); call++)
            assert_true(commits.answers[request][call].seq == same.answers[request][0].seq);
    }
    must_verify(other);
    pawl_store_close(other);
    must_verify(place.store);
    place_close(&place);
}

/* ---- scopes ---- */

struct scopes {
    pawl_store *stores[3];
    _Atomic uint64_t records[3];
};

static void commit_in_scopes(void *data, unsigned number)
{
    struct scopes *scopes = data;
    uint64_t last[3] = {0};
    for (unsigned n = 0; n < 150; n++) {
        unsigned scope = (n + number) % 3;
        pawl_receipt *receipt = NULL;
        pawl_transition *t = pawl_transition_new(scopes->stores[scope],
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Count"});
        MUST_OK(pawl_transition_commit(t, &receipt, &err));
        MUST(pawl_receipt_seq(receipt) > last[scope]);
        MUST(strcmp(pawl_receipt_scope(receipt), pawl_store_scope_name(scopes->stores[scope])) == 0);
        last[scope] = pawl_receipt_seq(receipt);
        atomic_fetch_add(&scopes->records[scope], 1);
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
    }
}

static void scopes_that_are_written_at_once_have_a_journal_each(void **state)
{
    (void)state;
    LAW(J3, T1);
    struct place place;
    struct crowd crowd = {0};
    struct scopes scopes = {0};
    place_open(&place);
    for (unsigned i = 0; i < 3; i++)
        MUST_OK(pawl_store_scope(place.store, (const char *[]){"a", "b", "c"}[i], &scopes.stores[i], &err));
    crowd_add(&crowd, 4, commit_in_scopes, &scopes);
    crowd_run(&crowd);
    for (unsigned i = 0; i < 3; i++) {
        pawl_records *newest;
        MUST_OK(pawl_records_list(
            scopes.stores[i], &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1}, &newest, &err));
        assert_int_equal(pawl_records_count(newest), 1);
        assert_true(pawl_records_get(newest, 0)->seq == scopes.records[i]);
        pawl_records_free(newest);
        pawl_store_close(scopes.stores[i]);
    }
    must_verify(place.store);
    place_close(&place);
}

/* ---- expect_seq: of many who want the same place one gets it ---- */

struct contest {
    pawl_store *store;
    _Atomic uint64_t won;
};

static void contend(void *data, unsigned number)
{
    struct contest *contest = data;
    (void)number;
    for (uint64_t seq = 1; seq <= 100; seq++) {
        pawl_error error;
        pawl_transition *t = pawl_transition_new(
            contest->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Count", .expect_seq = seq});
        int status = pawl_transition_commit(t, NULL, &error);
        MUST(status == PAWL_OK || status == PAWL_ECONFLICT);
        if (status == PAWL_OK)
            atomic_fetch_add(&contest->won, 1);
        else
            MUST_OK(pawl_journal_wait(contest->store, seq - 1, 60000, &err));
        pawl_transition_free(t);
    }
}

static void of_many_who_expect_a_seq_one_gets_it(void **state)
{
    (void)state;
    struct place place;
    struct crowd crowd = {0};
    struct contest contest = {0};
    place_open(&place);
    contest.store = place.store;
    crowd_add(&crowd, 5, contend, &contest);
    crowd_run(&crowd);
    assert_true(contest.won == 100);
    must_verify(place.store);
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_written_once_and_every_reader_sees_it_once),
        cmocka_unit_test(a_store_that_its_program_steps_keeps_the_same_laws),
        cmocka_unit_test(two_openings_of_one_file_write_one_journal),
        cmocka_unit_test(scopes_that_are_written_at_once_have_a_journal_each),
        cmocka_unit_test(of_many_who_expect_a_seq_one_gets_it),
    };
    return cmocka_run_group_tests_name("committing", tests, NULL, NULL);
}
