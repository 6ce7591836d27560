/* SPDX-License-Identifier: MIT */
/* Whatever is read a page at a time: the pages together are the whole, and the limit says so where it cut one. */
#include "commit/hold.h"
#include "conformance.h"

struct law {
    enum query_kind kind;
    size_t count;  /* of all, in this world */
    bool goes_on;  /* a page says where the next one begins */
    bool has_down; /* it may begin at the other end */
};

static const struct law laws[] = {
    {QUERY_SCOPES, 2, true, false}, {QUERY_RECORDS, 5, true, true}, {QUERY_MESSAGES, 6, true, true},
    {QUERY_QUEUES, 3, true, false}, {QUERY_LANES, 2, false, false}, {QUERY_TARGETS, 2, false, false},
    {QUERY_HOLDS, 2, false, false}, {QUERY_CLAIMS, 3, true, false},
};

static void fill(struct world *w)
{
    const pawl_setting setting = {"lease_ms", "70"};
    for (unsigned i = 0; i < 5; i++) {
        pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "t"};
        pawl_transition *t = pawl_transition_new(w->store, &options);
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    for (unsigned i = 0; i < 4; i++)
        add(w, MESSAGE("1", .key = NULL));
    add(w, &(pawl_message){PAWL_MESSAGE, .lane = "sms", .target = TARGET, .data = "1", .data_size = 1});
    add(w, &(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = "other", .data = "1", .data_size = 1});
    set_lane(w, "lease_ms", "70");
    assert_ok(pawl_lane_set(w->store, "sms", &setting, 1, BECAUSE(1), &err));
    assert_ok(pawl_target_add(w->store, "x", "callback:x", NULL, NULL, 0, BECAUSE(2), &err));
    assert_ok(pawl_target_add(w->store, "y", "callback:y", NULL, NULL, 0, BECAUSE(3), &err));
    assert_ok(pawl_hold_set(w->store, &(pawl_subject){PAWL_SUBJECT, .lane = "sms"}, "paused", 0, BECAUSE(4), &err));
    assert_ok(pawl_hold_set(w->store, &(pawl_subject){PAWL_SUBJECT, .target = "x"}, "paused", 0, BECAUSE(5), &err));
    for (unsigned i = 0; i < 3; i++)
        claim_one(w, CLAIM(.limit = 1));
}

static struct query query_of(const struct law *law, uint32_t limit)
{
    struct query query = {.kind = law->kind, .any_state = true, .limit = limit};
    if (law->kind != QUERY_SCOPES && law->kind != QUERY_CLAIMS)
        query.scope = TEXT("default");
    return query;
}

static void assert_whole(struct world *w, const struct law *law, uint32_t limit, bool down)
{
    struct query query = query_of(law, limit);
    size_t count = 0;
    query.down = down;
    for (bool more = true; more;) {
        struct page page = {0};
        assert_ok(pawli_store_query(w->store->opened->store, &query, &page, &err));
        count += page.count;
        assert_true(page.count == limit || count == law->count);
        more = page.more && law->goes_on;
        if (page.more != (count < law->count))
            fail_msg("kind %d, limit %u: after %zu of %zu there is %s", law->kind, limit, count, law->count,
                     page.more ? "more" : "no more");
        *(down ? &query.before : &query.after) = page.next;
        pawli_arena_done(&page.arena);
    }
    assert_int_equal(count, law->goes_on || count < limit ? law->count : count);
}

static void pages_together_are_the_whole(struct world *w)
{
    fill(w);
    for (size_t i = 0; i < COUNT_OF(laws); i++)
        for (uint32_t limit = 1; limit <= laws[i].count + 1; limit++)
            for (int down = 0; down <= laws[i].has_down; down++)
                assert_whole(w, &laws[i], limit, down);
}

static bool is_lost(struct world *w, pawl_uuid id)
{
    struct page page = {0};
    uint64_t number, tail;
    assert_true(message_id_split(&id, &number, &tail));
    struct query query = {.kind = QUERY_MESSAGE, .scope = TEXT("default"), .number = number};
    assert_ok(pawli_store_query(w->store->opened->store, &query, &page, &err));
    assert_int_equal(page.count, 1);
    bool lost = page.messages->lost;
    pawli_arena_done(&page.arena);
    return lost;
}

static void a_claim_is_lost_once_its_lease_is_over(struct world *w)
{
    add(w, MESSAGE("1"));
    struct held held = claim_one(w, CLAIM(.lease_ms = 1000));
    assert_false(is_lost(w, held.id));
    pawli_sim_advance_ms(w->env, 1000);
    assert_true(is_lost(w, held.id));
}

static const struct conformance_case cases[] = {CASE(pages_together_are_the_whole),
                                                CASE(a_claim_is_lost_once_its_lease_is_over)};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
