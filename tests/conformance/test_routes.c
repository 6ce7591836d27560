/* SPDX-License-Identifier: MIT */
/* Whose message goes where: by the route of its sender, by that of its target, or nowhere; and since when a sender is gone. The
 * worker sends to functions, one for each route, so that what took a wrong one is seen. */
#include "commit/handle.h"
#include "commit/unit.h"
#include "conformance.h"

#define GONE_MS   600000 /* the default */
#define TURNS_MAX 1000

static const char *const takers[] = {"all", "ann", "bob"};

struct taker {
    struct routing *routing;
    unsigned calls;
};

struct routing {
    struct world *w;
    pawl_worker *worker;
    struct taker takers[COUNT_OF(takers)];
};

static void deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)message, (void)outcome;
    ((struct taker *)data)->calls++;
}

static int try_route(struct world *w, const char *sender, const char *const *urls, size_t count, unsigned request)
{
    pawl_route route = {PAWL_ROUTE, .target = TARGET, .sender = sender, .urls = urls, .url_count = count};
    return pawl_route_add(w->store, &route, BECAUSE(request), &err);
}

/* sender NULL: of messages that have none. */
static void add_route(struct world *w, const char *sender, const char *url, unsigned request)
{
    assert_ok(try_route(w, sender, &url, 1, request));
}

static void remove_sender(struct world *w, const char *sender, unsigned request)
{
    assert_ok(pawl_sender_remove(w->store, TARGET, sender, BECAUSE(request), &err));
}

static void begin(struct routing *routing, struct world *w)
{
    *routing = (struct routing){.w = w};
    assert_ok(pawl_worker_new(w->store, NULL, &routing->worker, &err));
    for (size_t i = 0; i < COUNT_OF(takers); i++) {
        routing->takers[i].routing = routing;
        assert_ok(pawl_worker_callback(routing->worker, takers[i], deliver, &routing->takers[i], &err));
    }
    assert_ok(pawl_worker_start(routing->worker, &err));
}

static int64_t work_on(struct routing *routing)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        int64_t next_ms;
        assert_ok(pawl_store_step(routing->w->store, 0, &next_ms, &err));
        if (pawli_sim_run_jobs(routing->w->env) == 0 && next_ms != 0)
            return next_ms;
    }
    fail_msg("it does not come to rest");
    return -1;
}

/* Lets so much time pass, from one due time to the next. */
static void work_for(struct routing *routing, int64_t ms)
{
    int64_t until = now_ms(routing->w) + ms, left;
    for (;;) {
        int64_t next_ms = work_on(routing);
        left = until - now_ms(routing->w);
        if (left <= 0)
            return;
        pawli_sim_advance_ms(routing->w->env, next_ms > 0 && next_ms < left ? next_ms : left);
    }
}

static void end(struct routing *routing)
{
    pawl_worker_stop(routing->worker, 0);
    pawl_worker_free(routing->worker);
    verify(routing->w);
}

static void assert_calls(const struct routing *routing, unsigned all, unsigned ann, unsigned bob)
{
    assert_int_equal(routing->takers[0].calls, all);
    assert_int_equal(routing->takers[1].calls, ann);
    assert_int_equal(routing->takers[2].calls, bob);
}

/* Pending, put off with an error that begins so, and no attempt spent. */
static void assert_put_off(struct world *w, pawl_uuid id, const char *code)
{
    pawl_messages *messages = get(w, id);
    const pawl_message_view *message = pawl_messages_get(messages, 0);
    assert_string_equal(message->state, "pending");
    assert_int_equal(message->attempts, 0);
    assert_true(message->deferrals > 0);
    assert_non_null(message->error_text);
    assert_memory_equal(message->error_text, code, strlen(code));
    pawl_messages_free(messages);
}

static void assert_gone(struct world *w, pawl_uuid id)
{
    pawl_messages *messages = get(w, id);
    const pawl_message_view *message = pawl_messages_get(messages, 0);
    assert_string_equal(message->state, "dead");
    assert_string_equal(message->ended_reason, "sender_gone");
    assert_string_equal(message->error_class, "expired");
    pawl_messages_free(messages);
}

static bool why_says(struct world *w, pawl_uuid id, const char *code, int64_t until_ms)
{
    pawl_why *why;
    bool found = false;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    for (size_t i = 0; i < pawl_why_count(why); i++)
        found |= strcmp(pawl_why_get(why, i)->code, code) == 0 && pawl_why_get(why, i)->until_ms == until_ms;
    pawl_why_free(why);
    return found;
}

/* ---- which route ---- */

static void a115_a_message_of_a_sender_goes_by_no_other_route(struct world *w)
{
    struct routing routing;
    add_route(w, NULL, "callback:all", 1);
    add_route(w, "bob", "callback:bob", 2);
    begin(&routing, w);
    pawl_uuid of_ann = add(w, MESSAGE("1", .sender = "ann")).id, of_bob = add(w, MESSAGE("2", .sender = "bob")).id;
    pawl_uuid of_nobody = add(w, MESSAGE("3")).id;
    work_for(&routing, 5000);
    assert_state(w, of_bob, "delivered");
    assert_state(w, of_nobody, "delivered");
    assert_put_off(w, of_ann, "sender_not_ready");
    assert_true(why_says(w, of_ann, "sender_not_ready", 0));
    assert_calls(&routing, 1, 0, 1);
    add_route(w, "ann", "callback:ann", 3);
    work_for(&routing, 60000);
    assert_state(w, of_ann, "delivered");
    assert_calls(&routing, 1, 1, 1);
    end(&routing);
}

/* How long it is until it is due; 0: it is. */
static int64_t due_in(struct world *w, pawl_uuid id)
{
    pawl_messages *messages = get(w, id);
    int64_t due = pawl_messages_get(messages, 0)->available_at_ms;
    pawl_messages_free(messages);
    return due > now_ms(w) ? due - now_ms(w) : 0;
}

static void put_off(struct world *w, const char *lane, const char *error, int64_t retry_in_ms)
{
    struct held held = claim_one(w, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = lane, .target = TARGET});
    settle(w, SETTLE(held, DEFERRED, .error = error, .has_retry_in = 1, .retry_in_ms = retry_in_ms));
}

/* In pages, over more than one lane; and nothing else is due before its time. */
static void what_waits_for_a_sender_is_due_once_it_is_there(struct world *w)
{
    enum { MANY = 1100, HOUR_MS = 3600000 };
    static pawl_uuid ids[MANY];
    static const char *const lanes[] = {LANE, "letters"};
    set_lane(w, "jitter_percent", "0");
    add_route(w, NULL, "callback:all", 1);
    pawl_uuid of_bob = add(w, MESSAGE("b", .sender = "bob")).id;
    put_off(w, LANE, "sender_not_ready: no route", HOUR_MS);
    pawl_uuid asked = add(w, MESSAGE("a", .sender = "ann")).id;
    put_off(w, LANE, "503 Service Unavailable", HOUR_MS);
    pawl_uuid later = add(w, MESSAGE("l", .sender = "ann", .delay_ms = HOUR_MS)).id;
    for (size_t i = 0; i < MANY; i++) {
        pawl_message message = *MESSAGE("1", .sender = "ann", .priority = 1 + (int)(i % 9));
        message.lane = lanes[i % 2];
        ids[i] = add(w, &message).id;
        put_off(w, lanes[i % 2], "sender_not_ready: no route", HOUR_MS);
    }
    assert_int_equal(due_in(w, ids[0]), HOUR_MS);
    pawli_sim_advance_ms(w->env, 1000);
    add_route(w, "ann", "callback:ann", 2);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(due_in(w, ids[i]), 0);
    assert_int_equal(due_in(w, of_bob), HOUR_MS - 1000);
    assert_int_equal(due_in(w, asked), HOUR_MS - 1000);
    assert_int_equal(due_in(w, later), HOUR_MS - 1000);
    verify(w);
}

/* Whoever rests until it is due again is woken; and who comes back is there at once, as who comes first. */
static void a_sender_that_comes_back_is_sent_to_at_once(struct world *w)
{
    struct routing routing;
    set_lane(w, "backoff_ms", "3600000");
    set_lane(w, "jitter_percent", "0");
    add_route(w, NULL, "callback:all", 1);
    begin(&routing, w);
    for (unsigned i = 0; i < 2; i++) {
        pawl_uuid first = add(w, MESSAGE("1", .sender = "ann", .key = "k")).id;
        pawl_uuid next = add(w, MESSAGE("2", .sender = "ann", .key = "k")).id;
        work_for(&routing, 1000);
        assert_put_off(w, first, "sender_not_ready");
        add_route(w, "ann", "callback:ann", 2 + 2 * i);
        work_for(&routing, 1);
        assert_state(w, first, "delivered");
        assert_state(w, next, "delivered");
        remove_sender(w, "ann", 3 + 2 * i);
    }
    assert_calls(&routing, 0, 4, 0);
    end(&routing);
}

static void a115_a_message_without_a_sender_takes_the_route_of_none(struct world *w)
{
    struct routing routing;
    add_route(w, "ann", "callback:ann", 1);
    begin(&routing, w);
    pawl_uuid id = add(w, MESSAGE("1")).id;
    work_for(&routing, 5000);
    assert_put_off(w, id, "no_target");
    assert_true(why_says(w, id, "no_target", 0));
    assert_calls(&routing, 0, 0, 0);
    add_route(w, NULL, "callback:all", 2);
    work_for(&routing, 60000);
    assert_state(w, id, "delivered");
    assert_calls(&routing, 1, 0, 0);
    end(&routing);
}

static void a117_a_sender_that_is_not_ready_costs_no_attempt(struct world *w)
{
    struct routing routing;
    set_lane(w, "max_attempts", "3");
    set_lane(w, "backoff_max_ms", "1000");
    add_route(w, NULL, "callback:all", 1);
    begin(&routing, w);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann")).id;
    work_for(&routing, 30000);
    assert_put_off(w, id, "sender_not_ready");
    pawl_messages *messages = get(w, id);
    assert_true(pawl_messages_get(messages, 0)->deferrals >= 25);
    pawl_messages_free(messages);
    add_route(w, "ann", "callback:nobody", 2); /* no function of this process has that name */
    work_for(&routing, 30000);
    assert_put_off(w, id, "sender_not_ready");
    assert_calls(&routing, 0, 0, 0);
    end(&routing);
}

static void a134_a_requeued_message_keeps_its_sender(struct world *w)
{
    struct routing routing;
    pawl_moved moved = {PAWL_MOVED};
    add_route(w, NULL, "callback:all", 1);
    begin(&routing, w);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann")).id;
    work_for(&routing, 1000);
    assert_ok(pawl_message_requeue(w->store, &id, BECAUSE(2), &moved, &err));
    work_for(&routing, 5000);
    assert_put_off(w, moved.successor, "sender_not_ready");
    add_route(w, "ann", "callback:ann", 3);
    work_for(&routing, 60000);
    assert_state(w, moved.successor, "delivered");
    assert_calls(&routing, 0, 1, 0);
    end(&routing);
}

static void a109_who_asks_again_is_answered_though_the_route_is_gone(struct world *w)
{
    add_route(w, NULL, "callback:all", 1);
    add_route(w, "ann", "callback:ann", 2);
    pawl_enqueued first = add(w, MESSAGE("1", .sender = "ann", .dedupe = "d"));
    assert_ok(pawl_target_remove(w->store, TARGET, BECAUSE(3), &err));
    pawl_enqueued again = add(w, MESSAGE("1", .sender = "ann", .dedupe = "d"));
    assert_true(again.was_replayed);
    assert_id(first.id, again.id);
    assert_state(w, first.id, "pending");
    verify(w);
}

/* ---- gone ---- */

static void a116_a_sender_that_was_never_there_is_not_gone(struct world *w)
{
    set_lane(w, "age_limit_ms", "2000000");
    add_route(w, NULL, "callback:all", 1);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann")).id;
    pawli_sim_advance_ms(w->env, 2 * GONE_MS);
    assert_int_equal(sweep(w).expired, 0);
    assert_state(w, id, "pending");
    pawli_sim_advance_ms(w->env, 2000000 - 2 * GONE_MS); /* by its age it ends as all do */
    assert_int_equal(sweep(w).expired, 1);
    assert_state(w, id, "dead");
    verify(w);
}

/* Whether it is ready, put off for an hour, or behind another of its key; and without a worker. */
static void a116_what_waits_for_a_removed_sender_is_dead_in_time(struct world *w)
{
    set_lane(w, "jitter_percent", "0");
    add_route(w, "ann", "callback:ann", 1);
    struct held claimed;
    pawl_uuid ids[] = {add(w, MESSAGE("1", .sender = "ann")).id, add(w, MESSAGE("2", .sender = "ann", .key = "k")).id,
                       add(w, MESSAGE("3", .sender = "ann", .key = "k")).id};
    claimed = claim_one(w, CLAIM());
    assert_id(claimed.id, ids[0]);
    settle(w, SETTLE(claimed, DEFERRED, .has_retry_in = 1, .retry_in_ms = 3600000));
    pawl_uuid other = add(w, MESSAGE("4", .sender = "bob")).id;
    remove_sender(w, "ann", 2);
    int64_t until = now_ms(w) + GONE_MS;
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_true(why_says(w, ids[i], "sender_gone", until));
    pawli_sim_advance_ms(w->env, GONE_MS - 1);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 3);
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_gone(w, ids[i]);
    assert_state(w, other, "pending");
    verify(w);
}

static void a116_a_claim_takes_nothing_of_a_sender_that_is_gone(struct world *w)
{
    add_route(w, "ann", "callback:ann", 1);
    pawl_uuid first = add(w, MESSAGE("1", .sender = "ann")).id;
    remove_sender(w, "ann", 2);
    pawli_sim_advance_ms(w->env, GONE_MS / 2);
    pawl_uuid later = add(w, MESSAGE("2", .sender = "ann")).id; /* has its time from when it came */
    pawli_sim_advance_ms(w->env, GONE_MS / 2);
    struct held held = claim_one(w, CLAIM());
    assert_id(held.id, later);
    assert_gone(w, first);
    settle(w, SETTLE(held, RELEASED));
    pawli_sim_advance_ms(w->env, GONE_MS / 2 - 1);
    assert_id(claim_one(w, CLAIM(.lease_ms = 1)).id, later);
    pawli_sim_advance_ms(w->env, 1);
    claim_none(w, CLAIM());
    assert_gone(w, later);
    verify(w);
}

static void a116_who_comes_back_is_not_gone(struct world *w)
{
    struct routing routing;
    add_route(w, "ann", "callback:ann", 1);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann", .delay_ms = 1000)).id;
    remove_sender(w, "ann", 2);
    begin(&routing, w);
    work_for(&routing, GONE_MS - 1000);
    assert_put_off(w, id, "sender_not_ready");
    add_route(w, "ann", "callback:ann", 3);
    work_for(&routing, 2 * GONE_MS);
    assert_state(w, id, "delivered");
    assert_calls(&routing, 0, 1, 0);
    end(&routing);
}

static void a116_retried_it_has_its_time_again(struct world *w)
{
    pawl_moved moved = {PAWL_MOVED};
    set_lane(w, "gone_ms", "1000");
    add_route(w, "ann", "callback:ann", 1);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann")).id;
    remove_sender(w, "ann", 2);
    pawli_sim_advance_ms(w->env, 1000);
    sweep(w);
    assert_gone(w, id);
    assert_ok(pawl_message_retry(w->store, &id, BECAUSE(3), &moved, &err));
    pawli_sim_advance_ms(w->env, 999);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 1);
    assert_gone(w, id);
    verify(w);
}

static void what_is_held_waits_for_its_sender_too(struct world *w)
{
    pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    add_route(w, "ann", "callback:ann", 1);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann")).id;
    remove_sender(w, "ann", 2);
    assert_ok(pawl_hold_set(w->store, &lane, "paused", 0, BECAUSE(3), &err));
    pawli_sim_advance_ms(w->env, 2 * GONE_MS);
    assert_int_equal(sweep(w).expired, 0);
    assert_state(w, id, "pending");
    assert_ok(pawl_hold_release(w->store, &lane, NULL, BECAUSE(4), &err));
    assert_int_equal(sweep(w).expired, 1);
    assert_gone(w, id);
    verify(w);
}

/* More than a unit of the sweep takes. */
static void all_that_waits_for_a_sender_that_is_gone_ends_in_one_sweep(struct world *w)
{
    add_route(w, "ann", "callback:ann", 1);
    for (int i = 0; i < 1200; i++)
        add(w, MESSAGE("1", .sender = "ann"));
    pawl_uuid other = add(w, MESSAGE("1", .sender = "bob")).id;
    remove_sender(w, "ann", 2);
    pawli_sim_advance_ms(w->env, GONE_MS);
    assert_int_equal(sweep(w).expired, 1200);
    assert_int_equal(stats(w).dead, 1200);
    assert_state(w, other, "pending");
    verify(w);
}

/* ---- what an operator sets ---- */

static void a122_an_incomplete_route_is_refused(struct world *w)
{
    static const char *const urls[9] = {"callback:a", "callback:a", "callback:a", "callback:a", "callback:a",
                                        "callback:a", "callback:a", "callback:a", "callback:a"};
    const char *bad = "http://";
    assert_status(try_route(w, "ann", NULL, 0, 1), PAWL_EINVAL);
    assert_status(try_route(w, NULL, NULL, 0, 1), PAWL_EINVAL);
    assert_status(try_route(w, "ann", &bad, 1, 1), PAWL_EINVAL);
    assert_status(try_route(w, " ", urls, 1, 1), PAWL_EINVAL);
    assert_status(try_route(w, "ann", urls, 9, 1), PAWL_ELIMIT);
    assert_ok(try_route(w, "ann", urls, 8, 1));
    verify(w);
}

/* ---- a row as no operator can set it: a secret, and no URL ---- */

struct breaking {
    struct effect effect;
    const char *sender;
    struct view_fact *fact;
};

static bool gather_breaking(struct unit *unit, struct effect *effect, struct view *view)
{
    struct breaking *breaking = (struct breaking *)effect;
    const struct sender_row sender = {
        .target = TEXT(TARGET), .sender = text_of(breaking->sender), .removed = WALL_NEVER};
    breaking->fact = breaking->sender ? pawli_view_fact(view, ROW_SENDER, &unit->view_scope->slot, &sender)
                                      : pawli_view_fact(view, ROW_TARGET, &unit->view_scope->slot,
                                                        &(struct target_row){.name = TEXT(TARGET)});
    return breaking->fact != NULL;
}

static int decide_breaking(struct unit *unit, struct effect *effect, struct view *view, pawl_error *error)
{
    struct breaking *breaking = (struct breaking *)effect;
    const struct route route = {.secret_file = TEXT("/nowhere")};
    assert_ok(pawli_make_scope(view, unit->view_scope, error));
    assert_true(pawli_view_touch(view, &breaking->fact->slot));
    breaking->fact->slot.exists = true;
    if (breaking->sender) {
        breaking->fact->row.sender.scope = unit->view_scope->row.id;
        breaking->fact->row.sender.route = route;
    } else {
        breaking->fact->row.target.scope = unit->view_scope->row.id;
        breaking->fact->row.target.route = route;
    }
    return PAWL_OK;
}

static void break_route(struct world *w, const char *sender)
{
    static const struct effect_ops ops = {
        .name = "break", .size = sizeof(struct breaking), .gather = gather_breaking, .decide = decide_breaking};
    struct breaking breaking = {.sender = sender};
    struct unit unit;
    pawli_unit_init(&unit, &w->store->opened->committer, TEXT("default"));
    pawli_unit_add(&unit, &breaking.effect, &ops);
    unit.deadline = BOOT_NEVER;
    assert_ok(pawli_commit(&unit, &err));
    pawli_unit_done(&unit);
}

static void assert_incomplete(struct world *w, pawl_uuid id)
{
    pawl_messages *messages = get(w, id);
    const pawl_message_view *message = pawl_messages_get(messages, 0);
    assert_string_equal(message->state, "dead");
    assert_string_equal(message->error_class, "permanent");
    assert_memory_equal(message->error_text, "incomplete_route", strlen("incomplete_route"));
    pawl_messages_free(messages);
}

static void a122_what_has_an_incomplete_route_is_dead_and_sent_nowhere(struct world *w)
{
    struct routing routing;
    add_route(w, "bob", "callback:bob", 1);
    break_route(w, NULL);
    break_route(w, "ann");
    begin(&routing, w);
    pawl_uuid of_nobody = add(w, MESSAGE("1")).id, of_ann = add(w, MESSAGE("2", .sender = "ann")).id;
    work_for(&routing, 5000);
    assert_incomplete(w, of_nobody);
    assert_incomplete(w, of_ann);
    assert_calls(&routing, 0, 0, 0);
    end(&routing);
}

static void a122_an_incomplete_target_is_told_of_without_senders(struct world *w)
{
    struct routing routing;
    break_route(w, NULL);
    begin(&routing, w);
    pawl_uuid id = add(w, MESSAGE("1")).id;
    work_for(&routing, 5000);
    assert_incomplete(w, id);
    end(&routing);
}

static uint64_t records_of_operators(struct world *w)
{
    pawl_store *operators;
    pawl_records *records;
    assert_ok(pawl_store_scope(w->store, "pawl.operator", &operators, &err));
    assert_ok(pawl_records_list(operators, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 100}, &records, &err));
    uint64_t count = pawl_records_count(records);
    pawl_records_free(records);
    pawl_store_close(operators);
    return count;
}

static void adding_the_same_route_writes_nothing_and_another_is_a_conflict(struct world *w)
{
    static const char *const urls[] = {"callback:ann", "callback:bob"};
    add_route(w, NULL, "callback:all", 1);
    assert_ok(try_route(w, "ann", urls, 2, 2));
    assert_int_equal(records_of_operators(w), 2);
    assert_ok(try_route(w, "ann", urls, 2, 3));
    assert_int_equal(records_of_operators(w), 2);
    assert_status(try_route(w, "ann", urls, 1, 4), PAWL_ECONFLICT);
    pawl_route other = {PAWL_ROUTE, .target = TARGET, .sender = "ann", .urls = urls, .url_count = 1};
    assert_ok(pawl_route_set(w->store, &other, BECAUSE(5), &err));
    assert_ok(try_route(w, "ann", urls, 1, 6));
    other.sender = "bob";
    assert_status(pawl_route_set(w->store, &other, BECAUSE(7), &err), PAWL_ENOTFOUND);
    assert_status(pawl_sender_remove(w->store, TARGET, "bob", BECAUSE(8), &err), PAWL_ENOTFOUND);
    remove_sender(w, "ann", 9);
    assert_status(pawl_sender_remove(w->store, TARGET, "ann", BECAUSE(10), &err), PAWL_ENOTFOUND);
    const pawl_setting setting = {"max_attempts", "3"};
    other.settings = &setting;
    other.setting_count = 1;
    assert_status(pawl_route_add(w->store, &other, BECAUSE(11), &err), PAWL_EINVAL);
    verify(w);
}

static void routes_are_listed_with_whom_they_are_of(struct world *w)
{
    static const char *const urls[] = {"callback:ann", "callback:bob"};
    pawl_settings *settings;
    add_route(w, "bob", "callback:bob", 1); /* makes the target */
    assert_ok(try_route(w, "ann", urls, 2, 2));
    pawli_sim_advance_ms(w->env, 5);
    remove_sender(w, "bob", 3);
    assert_ok(pawl_targets_list(w->store, &settings, &err));
    assert_int_equal(pawl_settings_count(settings), 1);
    assert_null(pawl_settings_target(settings, 0)->url);
    pawl_settings_free(settings);
    assert_ok(pawl_senders_list(w->store, TARGET, &settings, &err));
    assert_int_equal(pawl_settings_count(settings), 2);
    const pawl_sender_view *ann = pawl_settings_sender(settings, 0), *bob = pawl_settings_sender(settings, 1);
    assert_string_equal(ann->sender, "ann");
    assert_string_equal(ann->url, "callback:ann");
    assert_string_equal(ann->urls, "[\"callback:ann\",\"callback:bob\"]");
    assert_int_equal(ann->removed_at_ms, 0);
    assert_string_equal(bob->sender, "bob");
    assert_null(bob->urls);
    assert_int_equal(bob->removed_at_ms, now_ms(w));
    pawl_settings_free(settings);
    assert_ok(pawl_senders_list(w->store, "other", &settings, &err));
    assert_int_equal(pawl_settings_count(settings), 0);
    pawl_settings_free(settings);
    verify(w);
}

static void a_target_that_is_removed_forgets_its_senders(struct world *w)
{
    pawl_settings *settings;
    add_route(w, "ann", "callback:ann", 1);
    add_route(w, "bob", "callback:bob", 2);
    pawl_uuid id = add(w, MESSAGE("1", .sender = "ann")).id;
    assert_ok(pawl_target_remove(w->store, TARGET, BECAUSE(3), &err));
    assert_ok(pawl_senders_list(w->store, NULL, &settings, &err));
    assert_int_equal(pawl_settings_count(settings), 0);
    pawl_settings_free(settings);
    pawli_sim_advance_ms(w->env, 2 * GONE_MS); /* and so none of them is gone */
    assert_int_equal(sweep(w).expired, 0);
    assert_state(w, id, "pending");
    assert_status(pawl_target_remove(w->store, TARGET, BECAUSE(4), &err), PAWL_ENOTFOUND);
    verify(w);
}

/* ---- several URLs ---- */

static void the_next_url_is_tried_where_nothing_was_sent(struct world *w)
{
    static const char *const urls[] = {"callback:nobody", "callback:ann", "callback:bob"};
    struct routing routing;
    assert_ok(try_route(w, NULL, urls, 3, 1));
    begin(&routing, w);
    pawl_uuid id = add(w, MESSAGE("1")).id;
    work_for(&routing, 1000);
    assert_state(w, id, "delivered");
    assert_calls(&routing, 0, 1, 0);
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_get(messages, 0)->attempts, 1);
    pawl_messages_free(messages);
    end(&routing);
}

static const struct conformance_case cases[] = {
    CASE(a115_a_message_of_a_sender_goes_by_no_other_route),
    CASE(what_waits_for_a_sender_is_due_once_it_is_there),
    CASE(a_sender_that_comes_back_is_sent_to_at_once),
    CASE(a115_a_message_without_a_sender_takes_the_route_of_none),
    CASE(a117_a_sender_that_is_not_ready_costs_no_attempt),
    CASE(a134_a_requeued_message_keeps_its_sender),
    CASE(a109_who_asks_again_is_answered_though_the_route_is_gone),
    CASE(a116_a_sender_that_was_never_there_is_not_gone),
    CASE(a116_what_waits_for_a_removed_sender_is_dead_in_time),
    CASE(a116_a_claim_takes_nothing_of_a_sender_that_is_gone),
    CASE(a116_who_comes_back_is_not_gone),
    CASE(a116_retried_it_has_its_time_again),
    CASE(what_is_held_waits_for_its_sender_too),
    CASE(all_that_waits_for_a_sender_that_is_gone_ends_in_one_sweep),
    CASE(a122_an_incomplete_route_is_refused),
    CASE(a122_what_has_an_incomplete_route_is_dead_and_sent_nowhere),
    CASE(a122_an_incomplete_target_is_told_of_without_senders),
    CASE(adding_the_same_route_writes_nothing_and_another_is_a_conflict),
    CASE(routes_are_listed_with_whom_they_are_of),
    CASE(a_target_that_is_removed_forgets_its_senders),
    CASE(the_next_url_is_tried_where_nothing_was_sent),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
