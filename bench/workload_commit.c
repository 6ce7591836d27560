/* SPDX-License-Identifier: MIT */
/* Writing: transitions and messages, group-committed; and reading the journal that comes of it. */
#include <string.h>

#include "bench.h"

static double mean_batch(const struct sides *sides, uint64_t commits_before, double done)
{
    uint64_t commits = bench_commits(sides->store) - commits_before;
    return commits ? done / (double)commits : 0;
}

/* ---- transitions: each that is answered makes room for the next ---- */

struct flow {
    const struct bench *bench;
    struct sides *sides;
    double end;
    uint64_t submitted, answered;
    bool minimal; /* the command alone */
    bool posts;   /* two accounts and a fill besides */
};

static void settle_trade(pawl_transition *t)
{
    static uint64_t trade; /* unique over all stores of the process */
    char id[32];
    snprintf(id, sizeof id, "%llu", (unsigned long long)++trade);
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "alice", .asset = "USD", .delta = "-12.5"});
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "bob", .asset = "USD", .delta = "12.5"});
    pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .trade_id = id, .market = "BTC-USD", .buyer = "alice",
                                         .seller = "bob", .price = "50000", .size = "0.00025"});
}

static void submit_next(struct flow *flow);

static void transition_done(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct flow *flow = data;
    pawl_receipt_free(receipt);
    flow->answered++;
    if (status < 0) {
        flow->sides->status = status;
        flow->sides->err = *error;
    }
    submit_next(flow);
}

static void submit_next(struct flow *flow)
{
    const char *body = flow->bench->body;
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "PlaceOrder", .ref = "o-1"};
    if (flow->sides->status < 0 || bench_now() >= flow->end)
        return;
    if (flow->sides->random_ids)
        bench_random_id(&options.request_id);
    if (!flow->minimal) {
        options.state_pre = options.state_post = body;
        options.state_pre_size = options.state_post_size = 32;
    }
    pawl_transition *t = pawl_transition_new(flow->sides->store, &options);
    pawl_transition_command(t, body, BODY_SIZE);
    for (int i = 0; i < 3 && !flow->minimal; i++)
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "orders", .type = "Placed", .key = "k",
                                               .data = body, .data_size = BODY_SIZE});
    if (!flow->minimal)
        pawl_transition_message(
            t, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = body, .data_size = BODY_SIZE});
    if (flow->posts)
        settle_trade(t);
    int status = pawl_transition_submit(t, transition_done, flow, &flow->sides->err);
    if (status < 0)
        flow->sides->status = status;
    else
        flow->submitted++;
}

/* Keeps so many in flight until the time is over, and then until the last is answered. */
static int run_flow(struct flow *flow, pawl_error *err)
{
    struct sides *sides = flow->sides;
    for (int i = 0; i < sides->in_flight; i++)
        submit_next(flow);
    while (sides->status == PAWL_OK && flow->answered < flow->submitted) {
        int status = pawl_store_step(sides->store, 1000, NULL, err);
        if (status < 0)
            return status;
    }
    if (sides->status < 0)
        *err = sides->err;
    return sides->status;
}

static int measure_flow(const struct bench *bench, struct sides *sides, bool posts, struct figure *figure,
                        pawl_error *err)
{
    double begin = bench_now();
    uint64_t commits = bench_commits(sides->store);
    struct flow flow = {.bench = bench, .sides = sides, .end = begin + bench->seconds, .posts = posts};
    int status = run_flow(&flow, err);
    figure->rate = (double)flow.answered / (bench_now() - begin);
    figure->batch = mean_batch(sides, commits, (double)flow.answered);
    sides->batch = (int)(figure->batch + 0.5);
    return status;
}

static int pawl_transitions(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    return measure_flow(bench, data, false, figure, err);
}

static int pawl_posts(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    return measure_flow(bench, data, true, figure, err);
}

#define FILL_IN_FLIGHT 4096

static int fill_store(const struct bench *bench, struct sides *sides, uint64_t records, pawl_error *err)
{
    for (uint64_t done = 0; done < records;) {
        struct sides filling = {.store = sides->store, .random_ids = sides->random_ids, .in_flight = FILL_IN_FLIGHT};
        struct flow flow = {.bench = bench, .sides = &filling, .end = bench_now() + 2, .minimal = true};
        int status = run_flow(&flow, err);
        if (status < 0)
            return status;
        done += flow.answered;
        bench_note(bench, "  filling: %llu of %llu records", (unsigned long long)done, (unsigned long long)records);
    }
    return PAWL_OK;
}

static int run_transitions(const struct bench *bench, bool random_ids, uint64_t records, struct result *result,
                           pawl_error *err)
{
    struct sides sides = {.in_flight = 64, .random_ids = random_ids};
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        status = fill_store(bench, &sides, records, err);
    if (status == PAWL_OK)
        status = baseline_open(bench, records, 0, &sides.baseline, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, pawl_transitions, &sides, baseline_transitions, &sides, result, err);
    bench_close(bench, &sides);
    result->in_flight = sides.in_flight;
    result->records = records;
    return status;
}

int workload_transition(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_transitions(bench, false, bench->records, result, err);
}

int workload_transition_random_ids(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_transitions(bench, true, bench->records ? bench->records : 5000000, result, err);
}

/* Both sides are pawl. */
int workload_post(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct sides posting = {.in_flight = 64}, plain = {.in_flight = 64};
    int status = bench_store(bench, "pawl", &posting.store, err);
    if (status == PAWL_OK)
        status = bench_store(bench, "plain", &plain.store, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, pawl_posts, &posting, pawl_transitions, &plain, result, err);
    bench_close(bench, &posting);
    pawl_store_close(plain.store);
    bench_remove(bench, "plain");
    result->in_flight = posting.in_flight;
    return status;
}

/* ---- the journal, read from its beginning ---- */

#define EVENTS 3 /* of each record */

static int apply(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *err)
{
    uint64_t *events = data;
    (void)err;
    *events += record->event_count;
    applied->state_post = record->state_post;
    applied->state_post_size = record->state_post_size;
    return PAWL_OK;
}

/* Reads the whole journal, and says how many events that were. */
typedef int reading(pawl_store *store, uint64_t *events, pawl_error *err);

static int replay(pawl_store *store, uint64_t *events, pawl_error *err)
{
    return pawl_replay(store, &(pawl_replay_options){PAWL_REPLAY_OPTIONS, .apply = apply, .data = events},
                       &(pawl_replayed){PAWL_REPLAYED}, err);
}

static int verify(pawl_store *store, uint64_t *events, pawl_error *err)
{
    pawl_verification *verification = NULL;
    int status = pawl_verify(store, "default", NULL, NULL, &verification, err);
    if (status == PAWL_OK)
        *events += EVENTS * pawl_verification_get(verification, 0)->records;
    pawl_verification_free(verification);
    return status;
}

static int count_line(void *data, const char *line, size_t size, pawl_error *err)
{
    (void)line, (void)size, (void)err;
    *(uint64_t *)data += EVENTS;
    return PAWL_OK;
}

static int export(pawl_store *store, uint64_t *events, pawl_error *err)
{
    return pawl_journal_export(store, NULL, count_line, events, err);
}

#define ENTRIES 2 /* of each record */

static int check(pawl_store *store, uint64_t *entries, pawl_error *err)
{
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    int status = pawl_ledger_check(store, &checked, err);
    *entries += checked.entries;
    return status;
}

static int verify_posts(pawl_store *store, uint64_t *entries, pawl_error *err)
{
    uint64_t events = 0;
    int status = verify(store, &events, err);
    *entries += events / EVENTS * ENTRIES;
    return status;
}

/* One way to read all of a journal, beside its verification. */
struct readings {
    struct sides sides;
    reading *read, *beside;
};

static int measure_reading(const struct bench *bench, pawl_store *store, reading *read, struct figure *figure,
                           pawl_error *err)
{
    uint64_t items = 0;
    double begin = bench_now();
    int status = PAWL_OK;
    do
        status = read(store, &items, err);
    while (status == PAWL_OK && bench_now() < begin + bench->seconds);
    figure->rate = (double)items / (bench_now() - begin);
    return status;
}

static int measure_read(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    const struct readings *readings = data;
    return measure_reading(bench, readings->sides.store, readings->read, figure, err);
}

static int measure_verify(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    const struct readings *readings = data;
    return measure_reading(bench, readings->sides.store, readings->beside, figure, err);
}

static int read_journal(const struct bench *bench, bool posts, reading *read, reading *beside, struct result *result,
                        pawl_error *err)
{
    struct readings readings = {.sides = {.in_flight = 1024}, .read = read, .beside = beside};
    uint64_t wanted = bench->records ? bench->records : 200000, done = 0;
    int status = bench_store(bench, "pawl", &readings.sides.store, err);
    while (status == PAWL_OK && done < wanted) {
        struct flow flow = {.bench = bench, .sides = &readings.sides, .end = bench_now() + 1, .posts = posts};
        status = run_flow(&flow, err);
        done += flow.answered;
        bench_note(bench, "  filling: %llu of %llu records", (unsigned long long)done, (unsigned long long)wanted);
    }
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_read, &readings, measure_verify, &readings, result, err);
    bench_close(bench, &readings.sides);
    result->records = done;
    return status;
}

int workload_replay(const struct bench *bench, struct result *result, pawl_error *err)
{
    return read_journal(bench, false, replay, verify, result, err);
}

int workload_export(const struct bench *bench, struct result *result, pawl_error *err)
{
    return read_journal(bench, false, export, verify, result, err);
}

int workload_check(const struct bench *bench, struct result *result, pawl_error *err)
{
    return read_journal(bench, true, check, verify_posts, result, err);
}

/* ---- messages ---- */

#define ARRAY 1000

static const pawl_message message = {PAWL_MESSAGE, .lane = "mail", .target = "smtp"};

static int enqueue(const struct bench *bench, struct sides *sides, int count)
{
    pawl_message messages[ARRAY];
    pawl_enqueued enqueued[ARRAY];
    pawl_error err;
    for (int i = 0; i < count; i++) {
        messages[i] = message;
        messages[i].data = bench->body;
        messages[i].data_size = BODY_SIZE;
    }
    int status = pawl_enqueue(sides->store, messages, (size_t)count, enqueued, &err);
    if (status < 0)
        sides->err = err;
    return status < 0 ? status : count;
}

static int enqueue_one(const struct bench *bench, struct sides *sides, int number)
{
    (void)number;
    return enqueue(bench, sides, 1);
}

static int enqueue_array(const struct bench *bench, struct sides *sides, int number)
{
    (void)number;
    return enqueue(bench, sides, ARRAY);
}

static int enqueue_by(const struct bench *bench, struct sides *sides, caller *call, struct figure *figure,
                      pawl_error *err)
{
    uint64_t commits = bench_commits(sides->store);
    double begin = bench_now();
    int status = bench_callers(bench, sides, sides->in_flight, call, &figure->rate);
    figure->batch = mean_batch(sides, commits, figure->rate * (bench_now() - begin));
    sides->batch = (int)(figure->batch + 0.5);
    if (status < 0)
        *err = sides->err;
    return status;
}

static int pawl_enqueue_ones(const struct bench *bench, void *sides, struct figure *figure, pawl_error *err)
{
    return enqueue_by(bench, sides, enqueue_one, figure, err);
}

static int pawl_enqueue_arrays(const struct bench *bench, void *sides, struct figure *figure, pawl_error *err)
{
    return enqueue_by(bench, sides, enqueue_array, figure, err);
}

static void submit_message(struct flow *flow);

static void message_done(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct flow *flow = data;
    (void)results;
    flow->answered += count;
    if (status < 0) {
        flow->sides->status = status;
        flow->sides->err = *error;
    }
    submit_message(flow);
}

static void submit_message(struct flow *flow)
{
    pawl_message one = message;
    one.data = flow->bench->body;
    one.data_size = BODY_SIZE;
    if (flow->sides->status < 0 || bench_now() >= flow->end)
        return;
    int status = pawl_enqueue_submit(flow->sides->store, &one, 1, message_done, flow, &flow->sides->err);
    if (status < 0)
        flow->sides->status = status;
    else
        flow->submitted++;
}

static int pawl_enqueue_callbacks(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct sides *sides = data;
    double begin = bench_now();
    uint64_t commits = bench_commits(sides->store);
    struct flow flow = {.bench = bench, .sides = sides, .end = begin + bench->seconds};
    for (int i = 0; i < sides->in_flight; i++)
        submit_message(&flow);
    int status = PAWL_OK;
    while (status == PAWL_OK && flow.answered < flow.submitted)
        status = sides->status < 0 ? sides->status : pawl_store_step(sides->store, 1000, NULL, err);
    if (sides->status < 0)
        *err = sides->err;
    figure->rate = (double)flow.answered / (bench_now() - begin);
    figure->batch = mean_batch(sides, commits, (double)flow.answered);
    sides->batch = (int)(figure->batch + 0.5);
    return status;
}

static int run_enqueue(const struct bench *bench, int in_flight, measure *pawl, struct result *result, pawl_error *err)
{
    struct sides sides = {.in_flight = in_flight};
    int status = bench_store(bench, "pawl", &sides.store, err);
    if (status == PAWL_OK)
        status = baseline_open(bench, 0, 0, &sides.baseline, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, pawl, &sides, baseline_enqueue, &sides, result, err);
    bench_close(bench, &sides);
    result->in_flight = in_flight;
    return status;
}

int workload_enqueue(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_enqueue(bench, 64, pawl_enqueue_ones, result, err);
}

int workload_enqueue_callbacks(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_enqueue(bench, 1024, pawl_enqueue_callbacks, result, err);
}

int workload_enqueue_arrays(const struct bench *bench, struct result *result, pawl_error *err)
{
    return run_enqueue(bench, 1, pawl_enqueue_arrays, result, err);
}
