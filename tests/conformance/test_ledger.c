/* SPDX-License-Identifier: MIT */
/* The ledger: exact, in one commit with its record, refused without a trace; and projections and counters, which live by the
 * same rule. */
#include "conformance.h"

#include "pawl/ledger.h"

#define POST(...) (&(pawl_post){PAWL_POST, __VA_ARGS__})

static pawl_transition *begin(struct world *w, unsigned id)
{
    pawl_transition *t = pawl_transition_new(
        w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Move", .request_id = make_id(id)});
    pawl_transition_command(t, "{}", 2);
    return t;
}

static int end(pawl_transition *t)
{
    pawl_receipt *receipt = NULL;
    int status = pawl_transition_commit(t, &receipt, &err);
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
    return status;
}

static unsigned next_id = 1000;

static int post(struct world *w, const pawl_post *post)
{
    pawl_transition *t = begin(w, next_id++);
    pawl_transition_post(t, post);
    return end(t);
}

static pawl_ledger *list(struct world *w, const pawl_ledger_query *query)
{
    pawl_ledger *ledger;
    assert_ok(pawl_ledger_list(w->store, query, &ledger, &err));
    return ledger;
}
#define LIST(w, ...) list((w), &(pawl_ledger_query){PAWL_LEDGER_QUERY, __VA_ARGS__})

static void assert_balance(struct world *w, const char *account, const char *asset, const char *expected)
{
    pawl_ledger *ledger = LIST(w, .kind = PAWL_BALANCES, .account = account, .asset = asset);
    assert_int_equal(pawl_ledger_count(ledger), expected != NULL);
    if (expected)
        assert_string_equal(pawl_ledger_balance(ledger, 0)->balance, expected);
    pawl_ledger_free(ledger);
}

static void check(struct world *w)
{
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    assert_ok(pawl_ledger_check(w->store, &checked, &err));
    if (!checked.ok)
        fail_msg("%s: account %s asset %s record %llu", checked.what, checked.account, checked.asset,
                 (unsigned long long)checked.seq);
    verify(w);
}

static void a_post_changes_one_account_by_a_delta(struct world *w)
{
    assert_ok(
        post(w, POST(.account = "alice", .asset = "USD", .delta = "100.50", .reason = "paid in", .reference = "r1")));
    assert_ok(post(w, POST(.account = "alice", .asset = "USD", .delta = "-0.5")));
    assert_ok(post(w, POST(.account = "fees:2026/q1", .asset = "BTC", .delta = "0.00000001")));
    assert_balance(w, "alice", "USD", "100");
    assert_balance(w, "fees:2026/q1", "BTC", "0.00000001");
    assert_balance(w, "alice", "BTC", NULL);
    pawl_ledger *entries = LIST(w, .kind = PAWL_ENTRIES, .account = "alice");
    assert_int_equal(pawl_ledger_count(entries), 2);
    const pawl_entry *first = pawl_ledger_entry(entries, 0), *second = pawl_ledger_entry(entries, 1);
    assert_string_equal(first->delta, "100.5");
    assert_string_equal(first->balance, "100.5");
    assert_string_equal(first->reason, "paid in");
    assert_string_equal(first->reference, "r1");
    assert_int_equal(first->seq, 1);
    assert_string_equal(second->delta, "-0.5");
    assert_string_equal(second->balance, "100");
    assert_null(second->reason);
    assert_null(pawl_ledger_balance(entries, 0));
    assert_null(pawl_ledger_entry(entries, 2));
    pawl_ledger_free(entries);
    check(w);
}

/* Nothing of a refused transition is there: no post of it, no record, no gap. */
static void a_refusal_leaves_no_trace(struct world *w)
{
    static const struct {
        pawl_post post;
        int status;
        const char *says;
    } rows[] = {
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "-11", .floor = "0"},
         PAWL_EREFUSED,
         "account a holds 10 USD; -11"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "1", .expect = "12"},
         PAWL_EREFUSED,
         "account a holds 10 USD; 1"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "1", .update_seq = 7},
         PAWL_EREFUSED,
         "account a holds 10 USD; 1"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "0.001"}, PAWL_ELIMIT, "0.001"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "999999999999999999999999999999999999.99"},
         PAWL_EREFUSED,
         "38 digits"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "9999999999999999999999999999999999999.9"},
         PAWL_ELIMIT,
         "does not fit"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "1", .floor = "x"}, PAWL_EINVAL, "floor"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = ""}, PAWL_EINVAL, "delta"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "1e3"}, PAWL_EINVAL, "delta"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "+1"}, PAWL_EINVAL, "delta"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = ".5"}, PAWL_EINVAL, "delta"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "5."}, PAWL_EINVAL, "delta"},
        {{PAWL_POST, .account = "a", .asset = "USD"}, PAWL_EINVAL, "delta is missing"},
        {{PAWL_POST, .account = "a b", .asset = "USD", .delta = "1"}, PAWL_EINVAL, "account"},
        {{PAWL_POST, .account = "a", .asset = "U/D", .delta = "1"}, PAWL_EINVAL, "asset"},
        {{PAWL_POST, .account = "a", .asset = "USD", .delta = "100000000000000000000000000000000000000"},
         PAWL_ELIMIT,
         "38 digits"},
    };
    assert_ok(pawl_asset_set(w->store, "USD", 2, BECAUSE(1), &err));
    assert_ok(post(w, POST(.account = "a", .asset = "USD", .delta = "10", .update_seq = 7)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pawl_transition *t = begin(w, next_id++);
        pawl_transition_post(t, POST(.account = "b", .asset = "USD", .delta = "5"));
        pawl_transition_post(t, &rows[i].post);
        int status = end(t);
        if (status != rows[i].status || !strstr(err.text, rows[i].says))
            fail_msg("row %zu: %d %s", i, status, err.text);
    }
    assert_balance(w, "a", "USD", "10");
    assert_balance(w, "b", "USD", NULL);
    assert_int_equal(count_records(w), 1);
    check(w);
}

static void idle_zeros_do_not_count(struct world *w)
{
    assert_ok(pawl_asset_set(w->store, "USD", 2, BECAUSE(1), &err));
    assert_ok(post(
        w, POST(.account = "a", .asset = "USD",
                .delta = "0000000000000000000000000000000000000000001.250000000000000000000000000000000000000000000")));
    assert_ok(post(w, POST(.account = "a", .asset = "USD", .delta = "-0.00")));
    assert_balance(w, "a", "USD", "1.25");
    assert_ok(post(w, POST(.account = "a", .asset = "USD", .delta = "-1.25", .expect = "0.00", .floor = "-0")));
    assert_balance(w, "a", "USD", "0");
    check(w);
}

static void posts_are_applied_in_the_order_given(struct world *w)
{
    pawl_transition *t = begin(w, 1);
    pawl_transition_post(t, POST(.account = "a", .asset = "USD", .delta = "5", .expect = "5"));
    pawl_transition_post(t, POST(.account = "a", .asset = "USD", .delta = "-5", .floor = "0", .expect = "0"));
    assert_ok(end(t));
    t = begin(w, 2);
    pawl_transition_post(t, POST(.account = "a", .asset = "USD", .delta = "-5", .floor = "0"));
    pawl_transition_post(t, POST(.account = "a", .asset = "USD", .delta = "5"));
    assert_status(end(t), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "post 1"));
    check(w);
}

static void balanced_is_for_each_asset(struct world *w)
{
    static const struct {
        const char *asset[4], *delta[4];
        int status;
    } rows[] = {
        {{"USD", "USD"}, {"5", "-5"}, PAWL_OK},
        {{"USD", "BTC", "USD", "BTC"}, {"5", "1", "-5", "-1"}, PAWL_OK},
        {{"USD", "BTC"}, {"5", "-5"}, PAWL_EREFUSED},
        {{"USD", "USD"}, {"5", "-4.999999999999999999"}, PAWL_EREFUSED},
        {{"USD"}, {"0"}, PAWL_OK},
        {{NULL}, {NULL}, PAWL_OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pawl_transition *t = begin(w, next_id++);
        pawl_transition_balanced(t);
        for (size_t j = 0; j < 4 && rows[i].asset[j]; j++)
            pawl_transition_post(
                t, POST(.account = j % 2 ? "a" : "b", .asset = rows[i].asset[j], .delta = rows[i].delta[j]));
        int status = end(t);
        if (status != rows[i].status)
            fail_msg("row %zu: %d %s", i, status, err.text);
    }
    check(w);
}

static void a_scale_is_said_once(struct world *w)
{
    assert_ok(pawl_asset_set(w->store, "USD", 2, BECAUSE(1), &err));
    assert_ok(pawl_asset_set(w->store, "USD", 2, BECAUSE(2), &err));
    assert_status(pawl_asset_set(w->store, "USD", 3, BECAUSE(3), &err), PAWL_EREFUSED);
    assert_ok(post(w, POST(.account = "a", .asset = "XYZ", .delta = "1")));
    assert_status(pawl_asset_set(w->store, "XYZ", 2, BECAUSE(4), &err), PAWL_EREFUSED);
    assert_ok(pawl_asset_set(w->store, "XYZ", 18, BECAUSE(5), &err));
    assert_status(pawl_asset_set(w->store, "ABC", 39, BECAUSE(6), &err), PAWL_EINVAL);
    pawl_ledger *assets = LIST(w, .kind = PAWL_ASSETS);
    assert_int_equal(pawl_ledger_count(assets), 2);
    assert_string_equal(pawl_ledger_asset(assets, 0)->asset, "USD");
    assert_int_equal(pawl_ledger_asset(assets, 1)->scale, 18);
    pawl_ledger_free(assets);
    check(w);
}

/* The same request id again changes nothing, whatever it posts now. */
static void a160_a_replay_posts_nothing(struct world *w)
{
    for (int i = 0; i < 3; i++) {
        pawl_transition *t = begin(w, 1);
        pawl_transition_post(t, POST(.account = "a", .asset = "USD", .delta = i ? "7" : "5"));
        assert_ok(end(t));
    }
    assert_balance(w, "a", "USD", "5");
    check(w);
}

static void a_trade_is_told_once(struct world *w)
{
    for (unsigned i = 0; i < 3; i++) {
        pawl_transition *t = begin(w, 1 + i);
        pawl_transition_event(
            t, &(pawl_event){PAWL_EVENT, .topic = "trades", .type = "Trade", .data = "1", .data_size = 1});
        pawl_transition_fill(t,
                             &(pawl_fill){PAWL_FILL, .event = 0, .trade_id = i == 2 ? "t2" : "t1", .market = "BTC-USD",
                                          .buyer = "a", .seller = "b", .price = "30000.10", .size = "0.5", .fee = "1"});
        pawl_transition_post(t, POST(.account = "a", .asset = "BTC", .delta = "0.5"));
        assert_status(end(t), i == 1 ? PAWL_ECONFLICT : PAWL_OK);
    }
    assert_balance(w, "a", "BTC", "1");
    pawl_ledger *fills = LIST(w, .kind = PAWL_FILLS);
    assert_int_equal(pawl_ledger_count(fills), 2);
    assert_string_equal(pawl_ledger_fill(fills, 0)->price, "30000.1");
    assert_string_equal(pawl_ledger_fill(fills, 0)->profit, "0");
    assert_int_equal(pawl_ledger_fill(fills, 1)->seq, 2);
    pawl_ledger_free(fills);
    fills = LIST(w, .kind = PAWL_FILLS, .trade_id = "t2");
    assert_int_equal(pawl_ledger_count(fills), 1);
    pawl_ledger_free(fills);
    fills = LIST(w, .kind = PAWL_FILLS, .after_seq = 1);
    assert_int_equal(pawl_ledger_count(fills), 1);
    assert_string_equal(pawl_ledger_fill(fills, 0)->trade_id, "t2");
    pawl_ledger_free(fills);
    check(w);
}

/* A fill belongs to an event that is there, and each event has one at most; before anything is written. */
static void a164_a_fill_belongs_to_one_event(struct world *w)
{
    static const struct {
        unsigned events, fills[3];
        int status;
    } rows[] = {{0, {0, 9, 9}, PAWL_EINVAL}, {1, {1, 9, 9}, PAWL_EINVAL}, {2, {1, 1, 9}, PAWL_EINVAL},
                {2, {1, 0, 9}, PAWL_OK},     {1, {0, 9, 9}, PAWL_OK},     {3, {2, 0, 2}, PAWL_EINVAL}};
    char trade[16];
    unsigned trades = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pawl_transition *t = begin(w, next_id++);
        for (unsigned j = 0; j < rows[i].events; j++)
            pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "T", .data = "1", .data_size = 1});
        for (unsigned j = 0; j < 3 && rows[i].fills[j] != 9; j++) {
            snprintf(trade, sizeof trade, "t%u", trades++);
            pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .event = rows[i].fills[j], .trade_id = trade, .market = "m",
                                                 .buyer = "a", .seller = "b", .price = "1", .size = "1"});
        }
        int status = end(t);
        if (status != rows[i].status)
            fail_msg("row %zu: %d %s", i, status, err.text);
    }
    assert_int_equal(count_records(w), 2);
    pawl_ledger *fills = LIST(w, .kind = PAWL_FILLS);
    assert_int_equal(pawl_ledger_count(fills), 3);
    pawl_ledger_free(fills);
    check(w);
}

static int project(struct world *w, const char *key, const char *data, uint64_t expect, int32_t remove)
{
    pawl_transition *t = begin(w, next_id++);
    pawl_transition_projection(t, &(pawl_projection){PAWL_PROJECTION, .name = "orders", .key = key, .data = data,
                                                     .data_size = data ? strlen(data) : 0, .remove = remove,
                                                     .expect_version = expect, .has_expect_version = expect != 99});
    return end(t);
}

static void a_projection_has_a_version(struct world *w)
{
    assert_ok(project(w, "k1", "{\"n\":1}", 0, 0));
    assert_status(project(w, "k1", "2", 0, 0), PAWL_ECONFLICT);
    assert_ok(project(w, "k1", "2", 1, 0));
    assert_status(project(w, "k1", NULL, 1, 1), PAWL_ECONFLICT);
    assert_ok(project(w, "k", "x", 99, 0));
    assert_ok(project(w, "k\xc3\xa9", "y", 99, 0));
    assert_ok(project(w, "l", "z", 99, 0));
    assert_ok(project(w, "none", NULL, 0, 1));
    pawl_ledger *page = LIST(w, .kind = PAWL_PROJECTIONS, .name = "orders", .key = "k1");
    assert_int_equal(pawl_ledger_count(page), 1);
    assert_int_equal(pawl_ledger_projection(page, 0)->version, 2);
    assert_bytes(pawl_ledger_projection(page, 0)->data, pawl_ledger_projection(page, 0)->data_size, "2");
    pawl_ledger_free(page);
    static const struct {
        const char *prefix, *after;
        size_t count;
    } rows[] = {{NULL, NULL, 4}, {"k", NULL, 3}, {"k1", NULL, 1}, {"k", "k", 2},
                {"l", NULL, 1},  {"m", NULL, 0}, {NULL, "k1", 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        page = LIST(w, .kind = PAWL_PROJECTIONS, .name = "orders", .prefix = rows[i].prefix,
                    .after_key = rows[i].after);
        if (pawl_ledger_count(page) != rows[i].count)
            fail_msg("row %zu: %zu", i, pawl_ledger_count(page));
        pawl_ledger_free(page);
    }
    assert_ok(project(w, "k1", NULL, 2, 1));
    assert_ok(project(w, "k1", "again", 0, 0));
    page = LIST(w, .kind = PAWL_PROJECTIONS, .name = "orders", .key = "k1");
    assert_int_equal(pawl_ledger_projection(page, 0)->version, 1);
    pawl_ledger_free(page);
    check(w);
}

static int count_to(struct world *w, uint64_t value)
{
    pawl_transition *t = begin(w, next_id++);
    pawl_transition_counter(t, "seen", value);
    return end(t);
}

static void a218_a_counter_goes_forward_only(struct world *w)
{
    assert_ok(count_to(w, 5));
    assert_ok(count_to(w, 5));
    assert_status(count_to(w, 4), PAWL_EREFUSED);
    assert_ok(count_to(w, INT64_MAX));
    assert_status(count_to(w, UINT64_MAX), PAWL_EINVAL);
    pawl_ledger *page = LIST(w, .kind = PAWL_COUNTERS, .name = "seen");
    assert_int_equal(pawl_ledger_counter(page, 0)->value, INT64_MAX);
    assert_int_equal(pawl_ledger_counter(page, 0)->seq, 3);
    pawl_ledger_free(page);
    check(w);
}

/* Page by page, as many as fit, nothing twice and nothing left out. */
static void pages_go_on_where_the_last_one_ended(struct world *w)
{
    for (unsigned i = 0; i < 7; i++) {
        pawl_transition *t = begin(w, next_id++);
        for (unsigned j = 0; j < 5; j++) {
            char account[16];
            snprintf(account, sizeof account, "acc-%u", j);
            pawl_transition_post(t, POST(.account = account, .asset = i % 2 ? "USD" : "EUR", .delta = "1"));
        }
        assert_ok(end(t));
    }
    static const char *const accounts[] = {NULL, "acc-3"};
    for (size_t a = 0; a < COUNT_OF(accounts); a++) {
        pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_ENTRIES, .limit = 3, .account = accounts[a]};
        unsigned seen = 0;
        for (bool more = true; more;) {
            pawl_ledger *page = list(w, &query);
            for (size_t i = 0; i < pawl_ledger_count(page); i++, seen++) {
                const pawl_entry *entry = pawl_ledger_entry(page, i);
                assert_int_equal(entry->seq, a ? seen + 1 : seen / 5 + 1);
                assert_int_equal(entry->index, a ? 3 : seen % 5);
                query.after_seq = entry->seq;
                query.after_index = entry->index;
                query.has_after_index = 1;
            }
            more = pawl_ledger_has_more(page);
            pawl_ledger_free(page);
        }
        assert_int_equal(seen, a ? 7 : 35);
    }
    pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES, .limit = 3};
    char account[16], asset[8];
    unsigned seen = 0;
    for (bool more = true; more;) {
        pawl_ledger *page = list(w, &query);
        for (size_t i = 0; i < pawl_ledger_count(page); i++, seen++) {
            const pawl_balance *balance = pawl_ledger_balance(page, i);
            assert_string_equal(balance->balance, seen % 2 ? "3" : "4");
            snprintf(account, sizeof account, "%s", balance->account);
            snprintf(asset, sizeof asset, "%s", balance->asset);
            query.after_account = account;
            query.after_asset = asset;
        }
        more = pawl_ledger_has_more(page);
        pawl_ledger_free(page);
    }
    assert_int_equal(seen, 10);
    pawl_ledger *of_asset = LIST(w, .kind = PAWL_BALANCES, .asset = "USD");
    assert_int_equal(pawl_ledger_count(of_asset), 5);
    pawl_ledger_free(of_asset);
    check(w);
}

static const struct conformance_case cases[] = {
    CASE(a_post_changes_one_account_by_a_delta),
    CASE(a_refusal_leaves_no_trace),
    CASE(idle_zeros_do_not_count),
    CASE(posts_are_applied_in_the_order_given),
    CASE(balanced_is_for_each_asset),
    CASE(a_scale_is_said_once),
    CASE(a160_a_replay_posts_nothing),
    CASE(a_trade_is_told_once),
    CASE(a164_a_fill_belongs_to_one_event),
    CASE(a_projection_has_a_version),
    CASE(a218_a_counter_goes_forward_only),
    CASE(pages_go_on_where_the_last_one_ended),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
