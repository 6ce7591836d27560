/* SPDX-License-Identifier: MIT */
/* Workflows against a second pair: random operations on every store, and beside them a model in plain C that knows nothing of
 * pawl. It says of each how it must end, and what every workflow, signal and resource is. PAWL_SEED repeats one life; PAWL_SEEDS
 * says how many are tried. */
#include "driving.h"
#include "flows.h"
#include "random.h"

#define STEPS 600

struct life {
    struct world *w;
    struct random dice;
    struct model model;
    unsigned ends[16], finished, failed, undone, stuck, woken;
    char said[240]; /* what is being done */
};

static const char *const ids[IDS] = {"a", "b", "c", "d", "e", "f", "g"},
                         *const things[RESOURCES] = {"r0", "r1", "r2", "r3"},
                         *const keys[KEYS] = {"s0", "s1", "s2", "s3"};

static int below(struct life *life, int count)
{
    return (int)random_below(&life->dice, (uint64_t)count);
}

/* ---- compared ---- */

static void differs(const struct life *life, const char *what, int id, const char *found, const char *expected)
{
    fail_msg("%s: %s of %s is %s, not %s", life->said, what, id < 0 ? "it" : ids[id], found, expected);
}

static void compare_number(const struct life *life, const char *what, int id, uint64_t found, uint64_t expected)
{
    char texts[2][24];
    snprintf(texts[0], sizeof texts[0], "%llu", (unsigned long long)found);
    snprintf(texts[1], sizeof texts[1], "%llu", (unsigned long long)expected);
    if (found != expected)
        differs(life, what, id, texts[0], texts[1]);
}

static const char *status_in(const struct flow *flow, int64_t now)
{
    static const char *const texts[] = {
        [CLAIMED] = "running", [STUCK] = "stuck", [FINISHED] = "finished", [FAILED] = "failed"};
    return flow->place != READY ? texts[flow->place] : flow->due > now ? "parked" : "runnable";
}

static void compare_flow(const struct life *life, int id)
{
    const struct flow *flow = &life->model.flows[id];
    int64_t now = now_ms(life->w);
    if (flow->place == NOWHERE) {
        pawl_workflows *none;
        assert_status(pawl_workflow_get(life->w->store, "k", ids[id], &none, &err), PAWL_ENOTFOUND);
        return;
    }
    const pawl_workflow_view *view = see(life->w, "k", ids[id]);
    char state[16], data[16];
    snprintf(state, sizeof state, "s%d", flow->state);
    snprintf(data, sizeof data, flow->data < 0 ? "null" : "%d", flow->data);
    if (strcmp(view->status, status_in(flow, now)) != 0)
        differs(life, "the status", id, view->status, status_in(flow, now));
    if (strcmp(view->state, state) != 0)
        differs(life, "the state", id, view->state, state);
    if (!text_is(bytes(view->data, view->data_size), data))
        differs(life, "the data", id, view->data, data);
    bool is_parked = flow->place == READY && flow->due > now;
    compare_number(life, "the generation", id, view->generation, flow->generation);
    compare_number(life, "the attempts", id, view->attempts, (uint64_t)flow->attempts);
    compare_number(life, "all attempts", id, view->total_attempts, flow->total + (uint64_t)flow->attempts);
    compare_number(life, "waits", id, view->waits, flow->waits && is_parked);
    compare_number(life, "the time", id, (uint64_t)view->wake_at_ms,
                   is_parked && !flow->waits ? (uint64_t)flow->due : 0);
    compare_number(life, "paused", id, view->held_reason != NULL, flow->paused);
    compare_number(life, "cancelled", id, view->cancel_reason != NULL, flow->cancelled);
    compare_number(life, "no return", id, view->no_return, flow->no_return);
    compare_number(life, "a receipt", id, view->receipt != NULL, (uint64_t)flow->receipt);
    compare_number(life, "what is held", id, view->resource_count, (uint64_t)count_held(&life->model, id));
    for (size_t i = 0; i < view->resource_count; i++) {
        const struct thing *thing = &life->model.things[view->resources[i][1] - '0'];
        compare_number(life, "a holder", id, thing->state == HELD && thing->holder == id, 1);
    }
    compare_number(life, "the signals", id, pawl_workflows_signal_count(seen_last), (uint64_t)flow->signal_count);
    for (int i = 0; i < flow->signal_count; i++)
        compare_number(life, "a signal", id, pawl_workflows_signal(seen_last, (size_t)i)->taken,
                       flow->signals[i].taken);
    compare_number(life, "the steps", id, pawl_workflows_step_count(seen_last), (uint64_t)flow->note_count);
}

/* Every resource is somewhere: free, used up, out of use, or held by one that did not end. */
static void compare_things(const struct life *life)
{
    static const char *const states[] = {"available", "held", "consumed", "withdrawn"};
    pawl_resources *list;
    assert_ok(pawl_resources_list(life->w->store, NULL, &list, &err));
    assert_int_equal(pawl_resources_count(list), RESOURCES);
    for (int i = 0; i < RESOURCES; i++) {
        const struct thing *thing = &life->model.things[i];
        const pawl_resource_view *view = pawl_resources_get(list, (size_t)i);
        char holder[8];
        snprintf(holder, sizeof holder, "k/%s", ids[thing->holder]);
        if (strcmp(view->state, states[thing->state]) != 0)
            differs(life, things[i], -1, view->state, states[thing->state]);
        assert_int_equal(view->holder != NULL, thing->state == HELD);
        if (view->holder) {
            assert_string_equal(view->holder, holder);
            assert_false(has_ended(&life->model.flows[thing->holder]));
        }
        compare_number(life, things[i], -1, view->generation, thing->generation);
    }
    pawl_resources_free(list);
}

static void compare_status(struct life *life, int found, int expected)
{
    if (found != expected)
        fail_msg("%s: answers %s, not %s (%s)", life->said, pawl_status_name(found), pawl_status_name(expected),
                 found < 0 ? err.text : "");
    life->ends[-found]++;
}

/* ---- operations ---- */

#define SAY(life, ...)                                                                                                 \
    snprintf((life)->said + strcspn((life)->said, ":"), sizeof(life)->said - strcspn((life)->said, ":"),               \
             ": " __VA_ARGS__)

static void start(struct life *life, int id)
{
    bool in_transition = below(life, 3) == 0;
    int state = below(life, 2), data = below(life, 2);
    char state_text[16], data_text[16];
    snprintf(state_text, sizeof state_text, "s%d", state);
    snprintf(data_text, sizeof data_text, "%d", data);
    const pawl_start given = {PAWL_START,          .kind = "k",       .id = ids[id],
                              .state = state_text, .data = data_text, .data_size = strlen(data_text)};
    SAY(life, "start %s in s%d with %d%s", ids[id], state, data, in_transition ? ", in a transition" : "");
    int expected = model_start(&life->model, id, state, data, in_transition, now_ms(life->w)), found;
    if (in_transition) {
        pawl_transition *t = pawl_transition_new(life->w->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Start"});
        pawl_transition_start(t, &given);
        found = pawl_transition_commit(t, NULL, &err);
        pawl_transition_free(t);
    } else {
        found = pawl_workflow_start(life->w->store, &given, NULL, &err);
    }
    compare_status(life, found, expected);
}

static void claim_some(struct life *life, int id)
{
    static const int64_t leases[] = {1, 1000, 0};
    int named = below(life, 2) ? id : -1;
    int64_t lease = leases[below(life, 3)], now = now_ms(life->w);
    SAY(life, "claim %s for %lld ms", named < 0 ? "any" : ids[named], (long long)lease);
    int expected = model_claim(&life->model, named, now);
    struct claim claim = TAKE(life->w, .id = named < 0 ? NULL : ids[named], .lease_ms = lease);
    if ((expected < 0) != (claim.token == 0) || (expected >= 0 && strcmp(claim.id, ids[expected]) != 0))
        differs(life, "the claim", -1, claim.token ? claim.id : "none", expected < 0 ? "none" : ids[expected]);
    if (expected < 0)
        return;
    struct flow *flow = &life->model.flows[expected];
    flow->place = CLAIMED;
    flow->token = claim.token;
    flow->attempts++;
    flow->waits = false;
    flow->lease = now + (lease ? lease : LEASE_MS);
    int pending = 0;
    for (int i = 0; i < flow->signal_count; i++)
        if (!flow->signals[i].taken) {
            flow->shown = i < flow->shown ? flow->shown : i + 1;
            pending++;
        }
    int shown = 0;
    for (const char *c = claim.signals; *c; c++)
        shown += *c == ' ';
    if (pending < 3) /* more do not fit */
        compare_number(life, "the signals of the claim", expected, (uint64_t)shown, (uint64_t)pending);
    compare_number(life, "the generation of the claim", expected, claim.generation, flow->generation);
}

/* Another one, which can be started, most times; -1: none. */
static int choose_child(struct life *life)
{
    int id = below(life, IDS);
    if (below(life, 12) == 0)
        return id;
    for (int i = 0; i < IDS; i++, id = (id + 1) % IDS)
        if (may_start(&life->model, id))
            return below(life, 2) ? id : -1;
    return -1;
}

static void ask(struct life *life, struct asked *asked)
{
    static const int32_t results[] = {PAWL_STEP_NEXT, PAWL_STEP_NEXT, PAWL_STEP_NEXT, PAWL_STEP_PARK, PAWL_STEP_PARK,
                                      PAWL_STEP_PARK, PAWL_STEP_DONE, PAWL_STEP_FAIL, PAWL_STEP_FAIL};
    int32_t result = results[below(life, COUNT_OF(results))];
    bool goes_on = result == PAWL_STEP_NEXT || result == PAWL_STEP_PARK;
    *asked = (struct asked){.outcome = {.result = result},
                            .state = goes_on && below(life, 2) ? below(life, 3) : -1,
                            .data = goes_on && below(life, 2) ? below(life, 3) : -1,
                            .undo = goes_on && below(life, 3) == 0 ? 10 + below(life, 3) : -1,
                            .take = below(life, 6) == 0 ? below(life, KEYS) : -1,
                            .start = choose_child(life),
                            .change_count = below(life, 3)};
    asked->outcome.keep = result == PAWL_STEP_NEXT && below(life, 3) == 0;
    asked->outcome.no_return = goes_on && below(life, 12) == 0;
    asked->outcome.await = goes_on && below(life, 3);
    asked->outcome.error = result == PAWL_STEP_FAIL || (result == PAWL_STEP_PARK && below(life, 2)) ? "e" : NULL;
    asked->outcome.rejected = goes_on && below(life, 6) == 0;
    asked->outcome.receipt = result == PAWL_STEP_DONE && below(life, 2) ? "1" : NULL;
    asked->outcome.receipt_size = asked->outcome.receipt ? 1 : 0;
    if (result == PAWL_STEP_PARK && below(life, 2)) {
        asked->outcome.has_wake = 1;
        asked->outcome.wake_in_ms = below(life, 3) * 500;
    }
    for (int i = 0; i < asked->change_count; i++) {
        asked->changes[i].thing = below(life, RESOURCES);
        asked->changes[i].action = below(life, 40) == 0   ? WITHDRAW
                                   : below(life, 20) == 0 ? CONSUME
                                                          : HOLD + below(life, 2);
    }
}

static void step(struct life *life, int id)
{
    static const char *const results[] = {"next", "park", "done", "fail"}, *const actions[] = {"add", "hold", "release",
                                                                                               "consume", "withdraw"};
    struct asked asked;
    struct flow *flow = &life->model.flows[id];
    char state[16], data[16], undo[16], changes[64] = "";
    ask(life, &asked);
    if (flow->undo_count == UNDOS_MAX)
        asked.undo = -1;
    snprintf(state, sizeof state, "s%d", asked.state);
    snprintf(data, sizeof data, "%d", asked.data);
    snprintf(undo, sizeof undo, "s%d", asked.undo);
    asked.outcome.state = asked.state >= 0 ? state : NULL;
    asked.outcome.data = asked.data >= 0 ? data : NULL;
    asked.outcome.data_size = asked.data >= 0 ? strlen(data) : 0;
    asked.outcome.undo = asked.undo >= 0 ? undo : NULL;
    asked.outcome.take = asked.take >= 0 ? &keys[asked.take] : NULL;
    asked.outcome.take_count = asked.take >= 0;
    for (int i = 0; i < asked.change_count; i++)
        snprintf(changes + strlen(changes), sizeof changes - strlen(changes), "%s %s ",
                 actions[asked.changes[i].action], things[asked.changes[i].thing]);
    if (asked.start >= 0)
        snprintf(changes + strlen(changes), sizeof changes - strlen(changes), "start %s", ids[asked.start]);
    struct claim claim = {.kind = "k", .token = flow->token, .generation = flow->generation};
    snprintf(claim.id, sizeof claim.id, "%s", ids[id]);
    claim.token += below(life, 12) == 0;
    claim.generation -= below(life, 12) == 0 && claim.generation > 0;
    SAY(life, "%s%s%s of %s in %s, state %d, undo %d, take %d, %s%s", results[asked.outcome.result],
        asked.outcome.keep ? " keep" : "", asked.outcome.rejected ? " rejected" : "", ids[id],
        status_in(flow->place == NOWHERE ? &(struct flow){.place = FAILED} : flow, now_ms(life->w)), asked.state,
        asked.undo, asked.take, changes, asked.outcome.await ? " and waits for it" : "");
    struct model after = life->model;
    int expected = model_step(&after, id, &asked, claim.token, claim.generation, now_ms(life->w));
    if (expected == PAWL_OK)
        life->model = after;
    compare_status(life, make_step(life->w, &claim, asked.outcome, changes), expected);
}

static void signal(struct life *life, int id)
{
    int key = below(life, KEYS + 1) - 1, data = below(life, 2);
    if (life->model.flows[id].signal_count == SIGNALS_MAX)
        return;
    SAY(life, "signal %s to %s", key < 0 ? "anew" : keys[key], ids[id]);
    int expected = model_signal(&life->model.flows[id], key, data, now_ms(life->w));
    compare_status(life, send(life->w, ids[id], key < 0 ? NULL : keys[key], data ? "1" : "2"), expected);
}

static void operate(struct life *life, int id)
{
    static const char *const texts[] = {"retry", "stop", "cancel", "pause", "resume"};
    const struct flow *flow = &life->model.flows[id];
    int what = below(life, 5);
    pawl_steering steering = {PAWL_STEERING, .kind = "k", .id = ids[id], .what = what};
    if (what == PAWL_STEER_STOP && below(life, 3)) /* or hardly any goes far */
        what = steering.what = PAWL_STEER_RESUME;
    steering.force = what == PAWL_STEER_STOP && below(life, 2);
    if (what == PAWL_STEER_RETRY && flow->place != NOWHERE && below(life, 2))
        steering.from = 1 + random_below(&life->dice, flow->generation + 1);
    SAY(life, "%s %s%s from %llu", texts[what], ids[id], steering.force ? " by force" : "",
        (unsigned long long)steering.from);
    int expected = steering.from ? model_retry_from(&life->model, id, steering.from, now_ms(life->w))
                                 : model_steer(&life->model, id, what, steering.force, now_ms(life->w));
    compare_status(life,
                   pawl_workflow_steer(life->w->store, &steering,
                                       &(pawl_operation){PAWL_OPERATION, .reason = "test", .actor = "ops"}, NULL, &err),
                   expected);
}

static void fork_one(struct life *life, int id)
{
    struct flow *flow = &life->model.flows[id];
    int to = below(life, IDS), state = flow->state, data = flow->data;
    uint64_t from = below(life, 2) ? 1 + random_below(&life->dice, flow->generation + 1) : 0;
    bool found = from == 0;
    for (int i = 0; i < flow->note_count; i++)
        if (flow->notes[i].generation == from) {
            state = flow->notes[i].state;
            data = flow->notes[i].data;
            found = true;
        }
    SAY(life, "fork %s to %s from %llu", ids[id], ids[to], (unsigned long long)from);
    int expected = id == to ? PAWL_EINVAL
                   : flow->place == NOWHERE || !found
                       ? PAWL_ENOTFOUND
                       : model_start(&life->model, to, state, data, false, now_ms(life->w));
    compare_status(life, pawl_workflow_fork(life->w->store, "k", ids[id], ids[to], from, NULL, NULL, &err), expected);
}

static void extend(struct life *life, int id)
{
    struct flow *flow = &life->model.flows[id];
    uint64_t token = flow->token + (below(life, 4) == 0);
    SAY(life, "extend %s", ids[id]);
    int expected = flow->place == NOWHERE                           ? PAWL_ENOTFOUND
                   : flow->place == CLAIMED && flow->token == token ? PAWL_OK
                                                                    : PAWL_EFENCED;
    if (expected == PAWL_OK)
        flow->lease = now_ms(life->w) + 2000;
    compare_status(life, pawl_workflow_extend(life->w->store, "k", ids[id], token, 2000, &err), expected);
}

static void pass_time(struct life *life)
{
    int64_t ms = 1 + below(life, 1500);
    SAY(life, "%lld ms pass", (long long)ms);
    pawli_sim_advance_ms(life->w->env, ms);
    model_lose(&life->model, now_ms(life->w));
    sweep(life->w);
}

static void open_again(struct life *life)
{
    struct world *w = life->w;
    if (!w->kind->is_durable)
        return;
    SAY(life, "opened again");
    pawl_store_close(w->store);
    assert_ok(pawli_open_in(w->env, w->url, NULL, &w->store, &err));
}

/* A step is asked for where somebody has a claim, most times. */
static int where_claimed(struct life *life, int id)
{
    for (int i = 0; i < IDS && below(life, 16); i++, id = (id + 1) % IDS)
        if (life->model.flows[id].place == CLAIMED)
            break;
    return id;
}

static void do_one(struct life *life, int id)
{
    int dice = below(life, 100);
    if (dice < 8)
        start(life, id);
    else if (dice < 34)
        claim_some(life, id);
    else if (dice < 64)
        step(life, where_claimed(life, id));
    else if (dice < 76)
        signal(life, id);
    else if (dice < 84)
        operate(life, id);
    else if (dice < 87)
        fork_one(life, id);
    else if (dice < 90)
        extend(life, id);
    else if (dice < 99)
        pass_time(life);
    else
        open_again(life);
}

static void count_ends(struct life *life)
{
    for (int i = 0; i < IDS; i++) {
        const struct flow *flow = &life->model.flows[i];
        life->finished += flow->place == FINISHED;
        life->failed += flow->place == FAILED;
        life->undone += flow->undoing;
        life->stuck += flow->place == STUCK;
    }
}

static void live(struct world *w, uint64_t seed, struct life *sums)
{
    static struct life life;
    const pawl_setting settings[] = {{"max_attempts", "3"},
                                     {"max_rejections", "1"},
                                     {"backoff_ms", "1000"},
                                     {"backoff_max_ms", "3000"},
                                     {"jitter_percent", "0"},
                                     {"lease_ms", "4000"},
                                     {"may_start_again", seed % 2 ? "1" : "0"}};
    struct world own;
    life = (struct life){.w = &own, .dice = {seed}, .model = {.again = seed % 2}};
    open_world(&own, w->kind, seed);
    assert_ok(pawl_kind_set(own.store, "k", settings, COUNT_OF(settings), NULL, &err));
    for (int i = 0; i < RESOURCES; i++) {
        assert_ok(pawl_resource_add(own.store, things[i], NULL, &err));
        life.model.things[i].generation = 1;
    }
    for (int i = 0; i < STEPS; i++) {
        int id = below(&life, IDS);
        snprintf(life.said, sizeof life.said, "seed %llu, operation %d:", (unsigned long long)seed, i);
        do_one(&life, id);
        for (int j = 0; j < IDS; j++)
            compare_flow(&life, j);
        compare_things(&life);
        count_ends(&life);
    }
    verify_all(&own);
    close_world(&own);
    for (size_t i = 0; i < COUNT_OF(sums->ends); i++)
        sums->ends[i] += life.ends[i];
    sums->finished += life.finished;
    sums->failed += life.failed;
    sums->undone += life.undone;
    sums->stuck += life.stuck;
    sums->woken += (unsigned)life.model.woken;
}

static void workflows_are_what_the_model_says(struct world *w)
{
    const char *seed = getenv("PAWL_SEED"), *seeds = getenv("PAWL_SEEDS");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1, count = seeds ? strtoull(seeds, NULL, 10) : seed ? 1 : 6;
    static const int met[] = {PAWL_OK, PAWL_ENOTFOUND, PAWL_ECONFLICT, PAWL_EREFUSED, PAWL_EFENCED};
    struct life sums = {0};
    for (uint64_t i = first; i < first + count; i++) {
        print_message("# PAWL_SEED=%llu\n", (unsigned long long)i);
        live(w, i, &sums);
    }
    for (size_t i = 0; i < COUNT_OF(met); i++) /* each way to end was tried */
        assert_true(seed || sums.ends[-met[i]] > 5);
    assert_true(seed || (sums.finished && sums.failed && sums.undone && sums.stuck && sums.woken));
}

static const struct conformance_case cases[] = {CASE(workflows_are_what_the_model_says)};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
