/* SPDX-License-Identifier: MIT */
/* The books against a second pair: random transitions on every store, and beside them a model in plain C that knows nothing of
 * pawl, with decimals of its own. It says of each how it must end, and what accounts, trades, projections and counters are.
 * PAWL_SEED repeats one life; PAWL_SEEDS says how many are tried. */
#include "conformance.h"
#include "random.h"

#include "pawl/ledger.h"

#define STEPS         300
#define COMPARE_EVERY 25
#define ACCOUNTS      4
#define ASSETS        3
#define TRADES        400
#define KEYS          3
#define COUNTERS      2
#define LIST_MAX      6

/* ---- decimals: whole numbers of millionths, which is finer than what is posted ---- */

typedef __int128 amount;
#define PLACES 6
#define ONE    1000000

static void write_amount(amount value, char out[48])
{
    char digits[48];
    int count = 0;
    amount rest = value < 0 ? -value : value;
    for (int i = 0; i <= PLACES || rest > 0; i++, rest /= 10) {
        if (i == PLACES)
            digits[count++] = '.';
        digits[count++] = (char)('0' + (int)(rest % 10));
    }
    int first = 0;
    while (digits[first] == '0')
        first++;
    first += digits[first] == '.';
    if (value < 0)
        *out++ = '-';
    while (count > first)
        *out++ = digits[--count];
    *out = '\0';
}

/* ---- the model ---- */

struct account {
    amount balance;
    uint64_t entries, update_seq;
};

struct model {
    struct account accounts[ACCOUNTS][ASSETS];
    bool trades[TRADES];
    struct {
        uint64_t version; /* 0: it is not there */
        char data[16];
    } projections[KEYS];
    uint64_t counters[COUNTERS];
    bool has_counter[COUNTERS];
};

static const char *const account_names[ACCOUNTS] = {"a", "b:1", "c/2", "d"},
                         *const asset_names[ASSETS] = {"USD", "X", "BTC"}, *const keys[KEYS] = {"k", "l", "m"},
                         *const counters[COUNTERS] = {"n", "o"};
static const int scales[ASSETS] = {2, 0, 18};

/* ---- what is asked ---- */

struct asked_post {
    int account, asset;
    amount delta, expect, floor;
    bool has_expect, has_floor;
    uint64_t update_seq;
};

struct asked {
    unsigned id, command;
    struct asked_post posts[LIST_MAX];
    int post_count;
    bool balanced;
    bool needs[LIST_MAX]; /* of each event, whether its type needs a fill */
    int event_count;
    struct {
        int event, trade;
    } fills[LIST_MAX];
    int fill_count;
    struct {
        int key;
        bool removes, has_expect;
        uint64_t expect;
        char data[16];
    } projections[LIST_MAX];
    int projection_count;
    struct {
        int counter;
        uint64_t value;
    } raises[LIST_MAX];
    int raise_count;
};

/* What was committed, to be asked again. */
struct done {
    struct asked asked;
    uint64_t seq;
};

struct life {
    struct world *w;
    struct random dice;
    struct model model;
    struct done done[STEPS];
    size_t done_count;
    uint64_t records;
    unsigned ends[16]; /* how often each way of ending was met, by status */
};

static uint64_t dice(struct life *life, uint64_t below)
{
    return random_below(&life->dice, below);
}

static bool often(struct life *life, uint64_t percent)
{
    return random_percent(&life->dice, percent);
}

/* Seldom finer than the asset is. */
static amount any_amount(struct life *life, int asset)
{
    amount unit = ONE;
    for (int i = 0; i < (scales[asset] < PLACES ? scales[asset] : PLACES); i++)
        unit /= 10;
    if (often(life, 3))
        unit = 1;
    return ((amount)dice(life, 2000) - 900) * unit;
}

static struct asked_post any_post(struct life *life)
{
    struct asked_post post = {.account = (int)dice(life, ACCOUNTS), .asset = (int)dice(life, ASSETS)};
    const struct account *account = &life->model.accounts[post.account][post.asset];
    post.delta = any_amount(life, post.asset);
    if (often(life, 25)) {
        post.has_expect = true;
        post.expect = account->balance + post.delta + (often(life, 15) ? ONE : 0);
    }
    if (often(life, 25)) {
        post.has_floor = true;
        post.floor = often(life, 60) ? -2000 * (amount)ONE : account->balance + (amount)dice(life, 3) * ONE / 2;
    }
    if (often(life, 20))
        post.update_seq = account->update_seq + dice(life, 4);
    return post;
}

static struct asked any(struct life *life, unsigned id)
{
    struct asked asked = {.id = id, .command = id, .balanced = often(life, 20)};
    asked.post_count = (int)dice(life, LIST_MAX / 2 + 1);
    for (int i = 0; i < asked.post_count; i++)
        asked.posts[i] = any_post(life);
    if (asked.balanced && often(life, 80)) /* each goes to somebody else */
        for (int i = 0; i < asked.post_count && 2 * asked.post_count <= LIST_MAX; i++) {
            struct asked_post *other = &asked.posts[asked.post_count + i];
            *other = (struct asked_post){.account = (asked.posts[i].account + 1) % ACCOUNTS,
                                         .asset = asked.posts[i].asset,
                                         .delta = -asked.posts[i].delta};
        }
    if (asked.balanced && asked.post_count && asked.posts[asked.post_count].delta != 0)
        asked.post_count *= 2;
    asked.event_count = (int)dice(life, 4);
    for (int i = 0; i < asked.event_count; i++) {
        asked.needs[i] = often(life, 50);
        if (asked.needs[i] != often(life, 4)) {
            asked.fills[asked.fill_count].event = often(life, 97) ? i : (int)dice(life, 5);
            asked.fills[asked.fill_count++].trade = often(life, 90) ? (int)(id % TRADES) : (int)dice(life, TRADES);
        }
    }
    for (asked.projection_count = 0; asked.projection_count < 3 && often(life, 40); asked.projection_count++) {
        int i = asked.projection_count, key = (int)dice(life, KEYS);
        asked.projections[i].key = key;
        asked.projections[i].removes = often(life, 20);
        asked.projections[i].has_expect = often(life, 40);
        asked.projections[i].expect = life->model.projections[key].version + often(life, 10);
        snprintf(asked.projections[i].data, sizeof asked.projections[i].data, "{\"n\": %u}", id);
    }
    for (asked.raise_count = 0; asked.raise_count < 2 && often(life, 30); asked.raise_count++) {
        int counter = (int)dice(life, COUNTERS);
        asked.raises[asked.raise_count].counter = counter;
        uint64_t now = life->model.counters[counter], back = often(life, 30) ? dice(life, 6) : 0;
        asked.raises[asked.raise_count].value = now + 3 > back ? now + 3 - back : now;
    }
    return asked;
}

/* ---- how it must end ---- */

static bool fits(amount value, int asset)
{
    amount unit = ONE;
    for (int i = 0; i < (scales[asset] < PLACES ? scales[asset] : PLACES); i++)
        unit /= 10;
    return value % unit == 0;
}

static int end_of_events(const struct asked *asked)
{
    bool told[LIST_MAX] = {false};
    for (int i = 0; i < asked->fill_count; i++) {
        int event = asked->fills[i].event;
        if (event >= asked->event_count || told[event])
            return PAWL_EINVAL;
        told[event] = true;
    }
    for (int i = 0; i < asked->event_count; i++)
        if (told[i] != asked->needs[i])
            return PAWL_EINVAL;
    return PAWL_OK;
}

static int end_of_posts(struct model *m, const struct asked *asked)
{
    amount sums[ASSETS] = {0};
    for (int i = 0; i < asked->post_count; i++)
        sums[asked->posts[i].asset] += asked->posts[i].delta;
    for (int i = 0; asked->balanced && i < ASSETS; i++)
        if (sums[i] != 0)
            return PAWL_EREFUSED;
    for (int i = 0; i < asked->post_count; i++) {
        const struct asked_post *post = &asked->posts[i];
        struct account *account = &m->accounts[post->account][post->asset];
        if (!fits(post->delta, post->asset) || (post->has_expect && !fits(post->expect, post->asset)))
            return PAWL_ELIMIT;
        account->balance += post->delta;
        if ((post->has_expect && account->balance != post->expect) ||
            (post->has_floor && account->balance < post->floor) ||
            (post->update_seq && post->update_seq <= account->update_seq))
            return PAWL_EREFUSED;
        account->entries++;
        if (post->update_seq)
            account->update_seq = post->update_seq;
    }
    return PAWL_OK;
}

static int end_of_rest(struct model *m, const struct asked *asked)
{
    for (int i = 0; i < asked->fill_count; i++) {
        bool *trade = &m->trades[asked->fills[i].trade];
        if (*trade)
            return PAWL_ECONFLICT;
        *trade = true;
    }
    for (int i = 0; i < asked->projection_count; i++) {
        uint64_t *version = &m->projections[asked->projections[i].key].version;
        if (asked->projections[i].has_expect && asked->projections[i].expect != *version)
            return PAWL_ECONFLICT;
        *version = asked->projections[i].removes ? 0 : *version + 1;
        memcpy(m->projections[asked->projections[i].key].data, asked->projections[i].data, 16);
    }
    for (int i = 0; i < asked->raise_count; i++) {
        int counter = asked->raises[i].counter;
        if (m->has_counter[counter] && asked->raises[i].value < m->counters[counter])
            return PAWL_EREFUSED;
        m->counters[counter] = asked->raises[i].value;
        m->has_counter[counter] = true;
    }
    return PAWL_OK;
}

/* Changes the model where it must be done. */
static int expect(struct life *life, const struct asked *asked, const struct done **ret_before)
{
    *ret_before = NULL;
    int status = end_of_events(asked);
    if (status < 0)
        return status;
    for (size_t i = 0; i < life->done_count; i++)
        if (life->done[i].asked.id == asked->id) {
            *ret_before = &life->done[i];
            return life->done[i].asked.command == asked->command ? PAWL_OK : PAWL_ECONFLICT;
        }
    struct model after = life->model;
    status = end_of_posts(&after, asked);
    if (status == PAWL_OK)
        status = end_of_rest(&after, asked);
    if (status == PAWL_OK)
        life->model = after;
    return status;
}

/* ---- doing it ---- */

static pawl_transition *build(struct life *life, const struct asked *asked)
{
    char command[16], trade[16], text[3][48];
    pawl_transition *t = pawl_transition_new(
        life->w->store,
        &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Move", .request_id = make_id(asked->id)});
    int size = snprintf(command, sizeof command, "%u", asked->command);
    pawl_transition_command(t, command, (size_t)size);
    for (int i = 0; i < asked->post_count; i++) {
        const struct asked_post *post = &asked->posts[i];
        write_amount(post->delta, text[0]);
        write_amount(post->expect, text[1]);
        write_amount(post->floor, text[2]);
        pawl_transition_post(
            t, &(pawl_post){PAWL_POST, .account = account_names[post->account], .asset = asset_names[post->asset],
                            .delta = text[0], .expect = post->has_expect ? text[1] : NULL,
                            .floor = post->has_floor ? text[2] : NULL, .update_seq = post->update_seq});
    }
    if (asked->balanced)
        pawl_transition_balanced(t);
    for (int i = 0; i < asked->event_count; i++)
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = asked->needs[i] ? "Fill" : "Other"});
    for (int i = 0; i < asked->fill_count; i++) {
        snprintf(trade, sizeof trade, "t%d", asked->fills[i].trade);
        pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .event = (uint32_t)asked->fills[i].event, .trade_id = trade,
                                             .market = "m", .buyer = "a", .seller = "d", .price = "1.50", .size = "2"});
    }
    for (int i = 0; i < asked->projection_count; i++) {
        bool removes = asked->projections[i].removes;
        pawl_transition_projection(t, &(pawl_projection){PAWL_PROJECTION, .name = "p",
                                                         .key = keys[asked->projections[i].key], .remove = removes,
                                                         .data = removes ? NULL : asked->projections[i].data,
                                                         .data_size = removes ? 0 : strlen(asked->projections[i].data),
                                                         .has_expect_version = asked->projections[i].has_expect,
                                                         .expect_version = asked->projections[i].expect});
    }
    for (int i = 0; i < asked->raise_count; i++)
        pawl_transition_counter(t, counters[asked->raises[i].counter], asked->raises[i].value);
    return t;
}

static void step(struct life *life, unsigned number)
{
    const struct done *before;
    pawl_receipt *receipt = NULL;
    struct asked asked = any(life, number + 1);
    if (life->done_count && often(life, 15))
        asked = life->done[dice(life, life->done_count)].asked;
    if (often(life, 30))
        asked.command += often(life, 20); /* other content, where the id is bound */
    int expected = expect(life, &asked, &before);
    pawl_transition *t = build(life, &asked);
    int status = pawl_transition_commit(t, &receipt, &err);
    pawl_transition_free(t);
    if (status != expected)
        fail_msg("step %u: %d (%s), the model says %d", number, status, status < 0 ? err.text : "", expected);
    life->ends[-status]++;
    if (status == PAWL_OK) {
        uint64_t seq = pawl_receipt_seq(receipt);
        assert_int_equal(pawl_receipt_was_replayed(receipt), before != NULL);
        assert_int_equal(seq, before ? before->seq : ++life->records); /* a refusal leaves no gap */
        if (!before)
            life->done[life->done_count++] = (struct done){asked, seq};
    }
    pawl_receipt_free(receipt);
}

/* ---- what there is ---- */

static void compare_balances(struct life *life)
{
    amount sums[ASSETS] = {0}, entered[ASSETS] = {0};
    for (int a = 0; a < ACCOUNTS; a++)
        for (int s = 0; s < ASSETS; s++) {
            const struct account *account = &life->model.accounts[a][s];
            char expected[48];
            pawl_ledger *page;
            write_amount(account->balance, expected);
            assert_ok(pawl_ledger_list(life->w->store,
                                       &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES,
                                                            .account = account_names[a], .asset = asset_names[s]},
                                       &page, &err));
            assert_int_equal(pawl_ledger_count(page), account->entries > 0);
            const pawl_balance *balance = pawl_ledger_balance(page, 0);
            if (balance) {
                struct decimal found, wanted;
                assert_true(pawli_decimal_parse(text_of(balance->balance), &found));
                assert_true(pawli_decimal_parse(text_of(expected), &wanted));
                assert_int_equal(pawli_decimal_compare(found, wanted), 0);
                assert_int_equal(balance->entries, account->entries);
                assert_int_equal(balance->update_seq, account->update_seq);
            }
            pawl_ledger_free(page);
            sums[s] += account->balance;
        }
    /* Of each asset there is what was posted, no more and no less. */
    for (size_t i = 0; i < life->done_count; i++)
        for (int p = 0; p < life->done[i].asked.post_count; p++)
            entered[life->done[i].asked.posts[p].asset] += life->done[i].asked.posts[p].delta;
    for (int s = 0; s < ASSETS; s++)
        assert_true(sums[s] == entered[s]);
}

static void compare_rest(struct life *life)
{
    const struct model *m = &life->model;
    pawl_ledger *page;
    size_t trades = 0;
    for (int i = 0; i < TRADES; i++)
        trades += m->trades[i];
    assert_ok(
        pawl_ledger_list(life->w->store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_FILLS}, &page, &err));
    assert_int_equal(pawl_ledger_count(page), trades);
    for (size_t i = 0; i < trades; i++)
        assert_true(m->trades[atoi(pawl_ledger_fill(page, i)->trade_id + 1)]);
    pawl_ledger_free(page);
    for (int i = 0; i < KEYS; i++) {
        assert_ok(pawl_ledger_list(
            life->w->store,
            &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_PROJECTIONS, .name = "p", .key = keys[i]}, &page,
            &err));
        assert_int_equal(pawl_ledger_count(page), m->projections[i].version > 0);
        const pawl_projection_view *projection = pawl_ledger_projection(page, 0);
        if (projection) {
            assert_int_equal(projection->version, m->projections[i].version);
            assert_bytes(projection->data, projection->data_size, m->projections[i].data);
        }
        pawl_ledger_free(page);
    }
    for (int i = 0; i < COUNTERS; i++) {
        assert_ok(pawl_ledger_list(life->w->store,
                                   &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_COUNTERS, .name = counters[i]},
                                   &page, &err));
        assert_int_equal(pawl_ledger_count(page), m->has_counter[i]);
        if (m->has_counter[i])
            assert_int_equal(pawl_ledger_counter(page, 0)->value, m->counters[i]);
        pawl_ledger_free(page);
    }
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    assert_ok(pawl_ledger_check(life->w->store, &checked, &err));
    assert_int_equal(checked.ok, 1);
}

static void live(struct world *w, uint64_t seed, unsigned ends[16])
{
    static struct life life;
    pawl_store *store = w->store, *scope;
    char name[32];
    life = (struct life){.w = w, .dice = {seed}};
    snprintf(name, sizeof name, "seed-%llu", (unsigned long long)seed);
    assert_ok(pawl_store_scope(store, name, &scope, &err));
    w->store = scope;
    assert_ok(pawl_asset_set(scope, "USD", 2, BECAUSE(70000 + (unsigned)seed), &err));
    assert_ok(pawl_asset_set(scope, "X", 0, BECAUSE(80000 + (unsigned)seed), &err));
    assert_ok(pawl_type_set(scope, "Fill", &(pawl_setting){"needs", "fill"}, 1, BECAUSE(90000 + (unsigned)seed), &err));
    for (unsigned i = 0; i < STEPS; i++) {
        step(&life, i);
        if (i % COMPARE_EVERY == COMPARE_EVERY - 1) {
            compare_balances(&life);
            compare_rest(&life);
        }
    }
    for (size_t i = 0; i < 16; i++)
        ends[i] += life.ends[i];
    pawl_store_close(scope);
    w->store = store;
}

static void the_books_are_what_the_model_says(struct world *w)
{
    const char *seed = getenv("PAWL_SEED"), *seeds = getenv("PAWL_SEEDS");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1, count = seeds ? strtoull(seeds, NULL, 10) : seed ? 1 : 8;
    static const int met[] = {PAWL_OK, PAWL_EINVAL, PAWL_ECONFLICT, PAWL_EREFUSED, PAWL_ELIMIT};
    unsigned ends[16] = {0};
    for (uint64_t i = first; i < first + count; i++) {
        print_message("# PAWL_SEED=%llu\n", (unsigned long long)i);
        live(w, i, ends);
    }
    for (size_t i = 0; i < COUNT_OF(met); i++) /* each way to end was tried */
        assert_true(seed || ends[-met[i]] > 5);
    verify(w);
}

static const struct conformance_case cases[] = {CASE(the_books_are_what_the_model_says)};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
