/* SPDX-License-Identifier: MIT */
/* The payment of examples/payment, case by case: what of A222 to A242 it must do. The other side is in this process; nothing waits
 * for time to pass: what is parked is driven again. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "payment.h"
#include "peer.h"

#define HOUR    3600000
#define PROOF_A "what proves the first one"

static pawl_error err;

/* ---- a wallet of two coins, and the other side ---- */

struct world {
    char folder[64];
    struct wallet wallet;
    struct peer *peer;
    bool is_down;
    _Atomic int count;
    char asked[200][PEER_LINE];             /* whatever came that far */
    void (*meanwhile)(struct world *world); /* once, while it is asked to prepare */
};

static int ask(void *data, const char *request, char answer[PAYMENT_LINE], pawl_error *error)
{
    struct world *world = data;
    if (world->is_down)
        return pawl_error_set(error, PAWL_EUNAVAIL, "the other side is not there");
    assert_true(world->count < 200);
    snprintf(world->asked[world->count], PEER_LINE, "%s", request);
    world->count++;
    if (world->meanwhile && strncmp(request, "prepare", 7) == 0) {
        world->meanwhile(world);
        world->meanwhile = NULL;
    }
    return peer_answer(world->peer, request, answer) ? PAWL_OK
                                                     : pawl_error_set(error, PAWL_EUNCERTAIN, "no answer came");
}

static void open_wallet(struct world *world)
{
    char url[100];
    snprintf(url, sizeof url, "sqlite:%s/payment.db", world->folder);
    assert_ok(pawl_store_open(url, NULL, &world->wallet.store, &err));
    assert_ok(wallet_init(&world->wallet, &err));
}

static void close_wallet(struct world *world)
{
    wallet_done(&world->wallet);
    pawl_store_close(world->wallet.store);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    make_folder(world->folder);
    world->peer = peer_open(NULL);
    world->wallet = (struct wallet){.ask = ask, .peer = world, .poll_ms = HOUR, .margin_ms = 60000, .grace_ms = HOUR};
    open_wallet(world);
    assert_ok(wallet_add_coin(&world->wallet, "coin:1", 300, &err));
    assert_ok(wallet_add_coin(&world->wallet, "coin:2", 200, &err));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    close_wallet(world);
    peer_close(world->peer);
    remove_folder(world->folder);
    free(world);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- one obligation ---- */

struct owed {
    struct obligation obligation;
    char proof[PAWL_UUID_TEXT_SIZE], hash[PAWL_UUID_TEXT_SIZE];
};

/* 500 with both coins, in an hour; its coins expire sooner, which is nobody's business. */
static const char *owe(struct world *world, struct owed *owed, const char *quirks)
{
    char request[PEER_LINE], answer[PEER_LINE];
    pawl_uuid proof = pawl_request_id_from(PROOF_A, strlen(PROOF_A));
    pawl_uuid_format(&proof, owed->proof);
    pawl_uuid hash = pawl_request_id_from(owed->proof, strlen(owed->proof));
    pawl_uuid_format(&hash, owed->hash);
    snprintf(request, sizeof request, "teach %s %s %s", owed->hash, owed->proof, quirks);
    assert_true(peer_answer(world->peer, request, answer));
    owed->obligation = (struct obligation){.hash = owed->hash,
                                           .amount = 500,
                                           .coins = "coin:1 coin:2",
                                           .deadline_ms = now_ms() + HOUR,
                                           .coins_expire_ms = 1};
    return owed->hash;
}

static int pay(struct world *world, const struct owed *owed, const char *request)
{
    return payment_pay(&world->wallet, &owed->obligation, request, &err);
}

/* One pass, whatever its time. */
static int drive(struct world *world, const char *hash)
{
    return pawl_executor_drive(world->wallet.executor, PAYMENT_KIND, hash, 0, 0, NULL, &err);
}

static void retry(struct world *world, const char *hash)
{
    assert_ok(
        pawl_workflow_steer(world->wallet.store,
                            &(pawl_steering){PAWL_STEERING, .kind = PAYMENT_KIND, .id = hash, .what = PAWL_STEER_RETRY},
                            &(pawl_operation){PAWL_OPERATION, .reason = "look again"}, NULL, &err));
}

static int cancel(struct world *world, const char *hash)
{
    return pawl_workflow_steer(
        world->wallet.store,
        &(pawl_steering){PAWL_STEERING, .kind = PAYMENT_KIND, .id = hash, .what = PAWL_STEER_CANCEL},
        &(pawl_operation){PAWL_OPERATION, .reason = "changed my mind"}, NULL, &err);
}

static void tell(struct world *world, const char *hash, const char *name, const char *data)
{
    assert_ok(pawl_workflow_signal(world->wallet.store,
                                   &(pawl_signal){PAWL_SIGNAL, .kind = PAYMENT_KIND, .id = hash, .name = name,
                                                  .data = data, .data_size = strlen(data)},
                                   NULL, &err));
}

/* ---- what is there ---- */

#define assert_state(world, hash, expected)                                                                            \
    do {                                                                                                               \
        enum payment_state state_;                                                                                     \
        char receipt_[PAYMENT_LINE];                                                                                   \
        assert_ok(payment_look(&(world)->wallet, hash, &state_, receipt_, &err));                                      \
        assert_int_equal(state_, expected);                                                                            \
    } while (0)

static pawl_workflows *get(struct world *world, const char *hash, const pawl_workflow_view **view)
{
    pawl_workflows *found;
    assert_ok(pawl_workflow_get(world->wallet.store, PAYMENT_KIND, hash, &found, &err));
    *view = pawl_workflows_get(found, 0);
    return found;
}

/* Its status and its state, and, in `part`, some of its last error (NULL: whatever it is). */
#define assert_stands(world, hash, a_status, a_state, part)                                                            \
    do {                                                                                                               \
        const pawl_workflow_view *view_;                                                                               \
        pawl_workflows *found_ = get(world, hash, &view_);                                                             \
        const char *text_ = part;                                                                                      \
        assert_string_equal(view_->status, a_status);                                                                  \
        assert_string_equal(view_->state, a_state);                                                                    \
        if (text_ && (!view_->last_error.text || !strstr(view_->last_error.text, text_)))                              \
            fail_msg("its error is \"%s\", not \"%s\"", view_->last_error.text, text_);                                \
        pawl_workflows_free(found_);                                                                                   \
    } while (0)

static void assert_coin(struct world *world, const char *coin, const char *state)
{
    pawl_resources *found;
    assert_ok(pawl_resource_get(world->wallet.store, coin, &found, &err));
    assert_string_equal(pawl_resources_get(found, 0)->state, state);
    pawl_resources_free(found);
}

static void assert_balance(struct world *world, const char *account, const char *balance)
{
    pawl_ledger *found;
    assert_ok(pawl_ledger_list(world->wallet.store,
                               &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES, .account = account},
                               &found, &err));
    const pawl_balance *there = pawl_ledger_balance(found, 0);
    assert_string_equal(there ? there->balance : "0", balance);
    pawl_ledger_free(found);
}

/* What the coins are, and where the 500 are: one of wallet, held, paid and forced. */
static void assert_books(struct world *world, const char *hash, const char *coins, const char *where)
{
    char held[60];
    snprintf(held, sizeof held, "held:%s", hash);
    const char *const accounts[][2] = {{"wallet", "wallet"}, {"held", held}, {"paid", "paid"}, {"forced", "forced"}};
    assert_coin(world, "coin:1", coins);
    assert_coin(world, "coin:2", coins);
    for (size_t i = 0; i < 4; i++)
        assert_balance(world, accounts[i][1], strcmp(accounts[i][0], where) == 0 ? "500" : "0");
}

static int times_asked(struct world *world, const char *name)
{
    int times = 0;
    for (int i = 0; i < world->count; i++)
        times += strncmp(world->asked[i], name, strlen(name)) == 0;
    return times;
}

static const char *asked(struct world *world, const char *name, int which)
{
    for (int i = 0; i < world->count; i++)
        if (strncmp(world->asked[i], name, strlen(name)) == 0 && which-- == 0)
            return world->asked[i];
    return "";
}

/* "STATE EMITTED" of the effect, of which there is one; "": there is none. */
static void assert_effect(struct world *world, const char *expected)
{
    char answer[PEER_LINE], found[60], state[40];
    int emitted;
    assert_true(peer_answer(world->peer, "effect 0", answer));
    if (!*expected) {
        assert_int_equal(strncmp(answer, "none", 4), 0);
        return;
    }
    assert_int_equal(sscanf(answer, "ok %*s %*s %39s %d", state, &emitted), 2);
    snprintf(found, sizeof found, "%s %d", state, emitted);
    assert_string_equal(found, expected);
    assert_true(peer_answer(world->peer, "effect 1", answer));
    assert_int_equal(strncmp(answer, "none", 4), 0);
}

static size_t count_events(struct world *world, const char *type)
{
    pawl_events *events;
    size_t count = 0;
    assert_ok(pawl_events_read(world->wallet.store, &(pawl_events_query){PAWL_EVENTS_QUERY, .topic = "payments"},
                               &events, &err));
    for (size_t i = 0; i < pawl_events_count(events); i++)
        count += strcmp(pawl_events_get(events, i)->type, type) == 0;
    pawl_events_free(events);
    return count;
}

/* ---- paying twice ---- */

static void A222_what_is_paid_is_not_paid_again_and_holds_nothing(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "");
    assert_ok(pay(world, &owed, "one"));
    assert_state(world, hash, PAYMENT_PAID);
    assert_books(world, hash, "consumed", "paid");
    assert_ok(wallet_add_coin(&world->wallet, "coin:3", 500, &err));
    owed.obligation.coins = "coin:3";
    assert_status(pay(world, &owed, "two"), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "already paid"));
    assert_coin(world, "coin:3", "available");
    assert_effect(world, "settled 1");
}

static void A223_what_is_on_its_way_is_not_paid_again_and_other_coins_stay(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "pending");
    const struct obligation first = owed.obligation;
    assert_ok(pay(world, &owed, "one"));
    assert_books(world, hash, "held", "held");
    assert_ok(wallet_add_coin(&world->wallet, "coin:3", 500, &err));
    owed.obligation.coins = "coin:3";
    assert_status(pay(world, &owed, "two"), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "already in progress"));
    assert_coin(world, "coin:3", "available");
    assert_balance(world, "wallet", "500");
    owed.obligation = first;
    assert_ok(pay(world, &owed, "one")); /* the same request is no second one */
    assert_effect(world, "pending 1");
}

static void A224_what_failed_and_was_given_back_is_paid_again_under_the_same_id(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "refuse_send=1");
    assert_status(pay(world, &owed, "one"), PAWL_EREJECTED);
    assert_int_equal(times_asked(world, "revoke"), 1);
    assert_books(world, hash, "available", "wallet");
    assert_ok(pay(world, &owed, "two"));
    assert_state(world, hash, PAYMENT_PAID);
    assert_books(world, hash, "consumed", "paid");
    assert_effect(world, "settled 1");
}

/* ---- asking ---- */

struct waiting {
    struct world *world;
    const char *hash;
    _Atomic bool returned;
    int status;
};

static void *wait_until_done(void *data)
{
    struct waiting *waiting = data;
    waiting->status = pawl_executor_drive(waiting->world->wallet.executor, PAYMENT_KIND, waiting->hash, 1, 30000, NULL,
                                          NULL);
    waiting->returned = true;
    return NULL;
}

static void A225_who_waits_is_told_when_it_is_settled_and_the_receipt_stays_the_same(void **state)
{
    struct world *world = *state;
    struct owed owed;
    struct waiting waiting = {.world = world, .hash = owe(world, &owed, "pending")};
    char receipt[2][PAYMENT_LINE];
    enum payment_state how;
    pthread_t thread;
    assert_ok(pay(world, &owed, "one"));
    int seen = world->count;
    assert_int_equal(pthread_create(&thread, NULL, wait_until_done, &waiting), 0);
    while (world->count == seen) /* until it looked for itself: it is pending */
        usleep(1000);
    assert_false(waiting.returned);
    assert_state(world, waiting.hash, PAYMENT_RUNS);
    tell(world, waiting.hash, "settled", owed.proof);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.status, PAWL_OK);
    for (int i = 0; i < 2; i++) {
        assert_ok(payment_look(&world->wallet, waiting.hash, &how, receipt[i], &err));
        assert_int_equal(how, PAYMENT_PAID);
    }
    assert_non_null(strstr(receipt[0], owed.proof));
    assert_string_equal(receipt[0], receipt[1]);
}

static void A225_after_a_failure_that_was_given_back_it_is_unknown(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "fail=1");
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_status(pay(world, &owed, "one"), PAWL_EREJECTED);
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_books(world, hash, "available", "wallet");
    assert_effect(world, "revoked 1");
}

/* ---- refusals ---- */

static void A226_refused_at_the_first_step_it_is_gone_and_the_caller_is_told_why(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "refuse_prepare=1");
    assert_status(pay(world, &owed, "one"), PAWL_EREJECTED);
    assert_non_null(strstr(err.text, "there is no route"));
    assert_stands(world, hash, "failed", "prepare", "there is no route");
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_books(world, hash, "available", "wallet");
    assert_int_equal(times_asked(world, "revoke"), 0);
}

static void A226_coins_that_are_not_there_refuse_it_too(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "");
    owed.obligation.coins = "coin:1 coin:9";
    assert_status(pay(world, &owed, "one"), PAWL_ENOTFOUND);
    owed.obligation.coins = "coin:1 coin:2";
    owed.obligation.amount = 501;
    assert_status(pay(world, &owed, "two"), PAWL_EREFUSED);
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_books(world, hash, "available", "wallet");
    assert_int_equal(world->count, 0);
}

static void A227_a_compensation_that_is_refused_is_stuck_until_a_person_allows_more(void **state)
{
    struct world *world = *state;
    struct owed owed;
    pawl_workflows *stuck;
    const char *hash = owe(world, &owed, "refuse_send=1 refuse_revoke");
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "stuck", "revoke", "it was passed on");
    assert_ok(pawl_workflows_list(
        world->wallet.store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .kind = PAYMENT_KIND, .status = "stuck"},
        &stuck, &err));
    assert_int_equal(pawl_workflows_count(stuck), 1);
    pawl_workflows_free(stuck);
    assert_status(drive(world, hash), PAWL_EREJECTED); /* not even looked at */
    assert_int_equal(times_asked(world, "revoke"), 1);
    world->wallet.margin_ms = 2 * HOUR; /* its deadline is over */
    retry(world, hash);
    assert_status(drive(world, hash), PAWL_EREJECTED);
    assert_stands(world, hash, "stuck", "revoke", "it was passed on");
    assert_int_equal(times_asked(world, "revoke"), 2);
    assert_int_equal(times_asked(world, "force"), 0);
    assert_books(world, hash, "held", "held");
    tell(world, hash, "escalate", "true");
    retry(world, hash);
    assert_status(drive(world, hash), PAWL_EREJECTED);
    assert_int_equal(times_asked(world, "force"), 1);
    assert_stands(world, hash, "failed", "force", "the route is closed");
    assert_books(world, hash, "consumed", "forced");
}

static void A228_pending_until_the_deadline_is_compensated(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "pending");
    assert_ok(pay(world, &owed, "one")); /* its coins expired long ago */
    assert_ok(drive(world, hash));
    assert_stands(world, hash, "parked", "await", NULL);
    world->wallet.margin_ms = 2 * HOUR;
    assert_status(drive(world, hash), PAWL_EREJECTED);
    assert_stands(world, hash, "failed", "revoke", "near its deadline");
    assert_books(world, hash, "available", "wallet");
    assert_effect(world, "revoked 1");
}

static void A228_what_was_settled_in_the_last_moment_is_settled(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "pending=1");
    owed.obligation.deadline_ms = 1;
    assert_ok(pay(world, &owed, "one"));
    assert_state(world, hash, PAYMENT_PAID);
    assert_int_equal(times_asked(world, "revoke"), 0);
}

static void A229_a_proof_that_does_not_verify_is_told_and_never_settles(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "lie");
    assert_ok(pay(world, &owed, "one"));
    for (int i = 0; i < 6; i++) /* more than any budget of failures has */
        assert_ok(drive(world, hash));
    tell(world, hash, "settled", hash);
    assert_ok(drive(world, hash));
    assert_stands(world, hash, "parked", "await", NULL);
    assert_books(world, hash, "held", "held");
    assert_int_equal(count_events(world, "ProofRefused"), 1);
    tell(world, hash, "settled", owed.proof);
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
}

/* ---- the budget ---- */

static void A230_one_attempt_and_three_retries_then_it_is_stuck_and_pending(void **state)
{
    struct world *world = *state;
    struct owed owed;
    pawl_workflows *found;
    const pawl_workflow_view *view;
    const char *hash = owe(world, &owed, "busy");
    assert_ok(pay(world, &owed, "one"));
    for (int i = 0; i < 5; i++)
        assert_status(drive(world, hash), PAWL_EUNAVAIL);
    assert_int_equal(times_asked(world, "send"), 4);
    assert_stands(world, hash, "stuck", "send", "it is down");
    found = get(world, hash, &view);
    assert_string_equal(view->stuck_why, "exhausted");
    assert_null(view->cancel_reason);
    pawl_workflows_free(found);
    assert_state(world, hash, PAYMENT_RUNS);
    assert_books(world, hash, "held", "held");
    assert_int_equal(times_asked(world, "revoke") + times_asked(world, "force"), 0);
}

static void A230_the_budget_is_that_of_the_kind_where_the_policy_has_a_smaller_one(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const pawl_setting settings[] = {{"max_attempts", "2"}};
    const char *hash = owe(world, &owed, "busy");
    assert_ok(pawl_kind_set(world->wallet.store, PAYMENT_KIND, settings, 1, NULL, &err));
    assert_ok(pay(world, &owed, "one"));
    for (int i = 0; i < 5; i++)
        assert_status(drive(world, hash), PAWL_EUNAVAIL);
    assert_int_equal(times_asked(world, "send"), 4);
    assert_stands(world, hash, "stuck", "send", "it is down");
}

static void A231_two_failures_and_then_success_is_paid(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "busy=2");
    assert_ok(pay(world, &owed, "one"));
    assert_status(drive(world, hash), PAWL_EUNAVAIL);
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_int_equal(times_asked(world, "send"), 3);
}

/* ---- cancelling ---- */

static void A232_cancelled_before_the_point_of_no_return_all_is_as_it_was(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "");
    world->is_down = true;
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "parked", "prepare", NULL);
    assert_books(world, hash, "held", "held");
    assert_ok(cancel(world, hash));
    drive(world, hash);
    assert_stands(world, hash, "failed", "cancel", "cancelled");
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_books(world, hash, "available", "wallet");
}

static void A232_cancelled_before_its_first_step_it_is_gone(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "");
    assert_ok(payment_submit(&world->wallet, &owed.obligation, "one", &err));
    assert_ok(cancel(world, hash));
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_books(world, hash, "available", "wallet");
    assert_int_equal(world->count, 0);
}

static void A232_cancelled_behind_it_is_refused_with_that_reason(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "busy=1");
    assert_ok(pay(world, &owed, "one"));
    assert_status(cancel(world, hash), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "point of no return"));
    assert_books(world, hash, "held", "held");
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
}

static void cancel_meanwhile(struct world *world)
{
    char hash[40];
    assert_int_equal(sscanf(asked(world, "prepare", 0), "prepare %*s %39s", hash), 1);
    assert_ok(cancel(world, hash));
}

static void A232_cancelled_while_it_comes_to_that_point_nothing_is_sent(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "");
    world->meanwhile = cancel_meanwhile;
    pay(world, &owed, "one");
    drive(world, hash);
    assert_stands(world, hash, "failed", "cancel", "cancelled");
    assert_int_equal(times_asked(world, "send"), 0);
    assert_books(world, hash, "available", "wallet");
    assert_effect(world, "");
}

/* ---- answers that do not come ---- */

static void A233_an_effect_that_can_be_seen_is_adopted(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "forget=1");
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "parked", "send", "no answer");
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_int_equal(times_asked(world, "prepare"), 1);
    assert_effect(world, "settled 1");
}

static void A234_what_cannot_be_seen_is_prepared_anew_and_remembers_the_attempt_before(void **state)
{
    struct world *world = *state;
    struct owed owed;
    pawl_workflows *found;
    const pawl_workflow_view *view;
    char first[40], second[40], before[40];
    const char *hash = owe(world, &owed, "drop=1");
    assert_ok(pay(world, &owed, "one"));
    assert_ok(drive(world, hash));
    found = get(world, hash, &view);
    assert_string_equal(view->status, "parked");
    assert_string_equal(view->state, "prepare");
    assert_true(view->wake_at_ms > now_ms());
    pawl_workflows_free(found);
    assert_int_equal(times_asked(world, "prepare"), 1);
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_int_equal(sscanf(asked(world, "prepare", 0), "prepare %39s", first), 1);
    assert_int_equal(sscanf(asked(world, "prepare", 1), "prepare %39s %*s %*s %39s", second, before), 2);
    assert_string_equal(before, first);
    assert_string_not_equal(second, first);
    assert_effect(world, "settled 1");
}

static void A236_an_answer_without_a_seal_is_none_and_the_same_again_succeeds(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "unsealed=1");
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "parked", "send", "no seal");
    assert_int_equal(times_asked(world, "look"), 0);
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_string_equal(asked(world, "send", 0), asked(world, "send", 1));
    assert_effect(world, "settled 1");
}

/* ---- effects that go away ---- */

static void A237_what_vanishes_soon_is_sent_again_under_its_key(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "vanish=1");
    assert_ok(pay(world, &owed, "one"));
    assert_state(world, hash, PAYMENT_PAID);
    assert_string_equal(asked(world, "send", 0), asked(world, "send", 1));
    assert_effect(world, "settled 2");
}

static void A237_what_vanishes_late_is_lost_and_keeps_its_coins(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "vanish=1");
    world->wallet.grace_ms = -1;
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "stuck", "await", "is lost");
    retry(world, hash);
    assert_status(drive(world, hash), PAWL_EUNCERTAIN);
    assert_stands(world, hash, "stuck", "await", "is lost");
    assert_state(world, hash, PAYMENT_RUNS);
    assert_books(world, hash, "held", "held");
    assert_int_equal(times_asked(world, "send"), 1);
    assert_effect(world, "vanished 1");
}

static void A238_the_same_request_gets_the_same_answer(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "lose=2");
    char request[PEER_LINE], answers[2][PEER_LINE];
    assert_ok(pay(world, &owed, "one"));
    drive(world, hash);
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_string_equal(asked(world, "send", 0), asked(world, "send", 2));
    const char *const names[] = {"prepare", "send"};
    for (int n = 0; n < 2; n++) {
        snprintf(request, sizeof request, "%s", asked(world, names[n], 0));
        for (int i = 0; i < 2; i++)
            assert_true(peer_answer(world->peer, request, answers[i]));
        assert_int_equal(strncmp(answers[0], "ok ", 3), 0);
        assert_string_equal(answers[0], answers[1]);
    }
    assert_effect(world, "settled 1");
}

static void A239_what_was_made_impossible_for_good_failed_and_holds_nothing(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "dead=1");
    assert_status(pay(world, &owed, "one"), PAWL_EREJECTED);
    assert_stands(world, hash, "failed", "await", "impossible");
    assert_state(world, hash, PAYMENT_UNKNOWN);
    assert_books(world, hash, "available", "wallet");
    assert_int_equal(times_asked(world, "revoke"), 0);
}

static void A239_what_may_become_impossible_waits_and_says_why(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "doubt=2");
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "parked", "await", "may make it impossible");
    assert_status(drive(world, hash), PAWL_EUNAVAIL);
    assert_books(world, hash, "held", "held");
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
}

static void A240_a_registration_that_is_refused_waits_with_the_reason_and_succeeds_later(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "refuse_register=1");
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "parked", "register", "registers nobody today");
    assert_state(world, hash, PAYMENT_RUNS);
    assert_books(world, hash, "held", "held");
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_int_equal(times_asked(world, "revoke"), 0);
}

/* ---- who drives ---- */

static void A241_a_first_drive_that_fails_is_accepted_and_a_later_pass_ends_it(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "");
    world->is_down = true;
    assert_ok(pay(world, &owed, "one"));
    assert_state(world, hash, PAYMENT_RUNS);
    close_wallet(world);
    open_wallet(world);
    world->is_down = false;
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
}

static void A242_one_drive_after_a_notification_ends_it(void **state)
{
    struct world *world = *state;
    struct owed owed;
    const char *hash = owe(world, &owed, "shy");
    assert_ok(pay(world, &owed, "one"));
    assert_stands(world, hash, "parked", "await", NULL);
    int looks = times_asked(world, "look");
    tell(world, hash, "settled", owed.proof);
    assert_ok(drive(world, hash));
    assert_state(world, hash, PAYMENT_PAID);
    assert_int_equal(times_asked(world, "look"), looks);
    assert_books(world, hash, "consumed", "paid");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(A222_what_is_paid_is_not_paid_again_and_holds_nothing),
        CASE(A223_what_is_on_its_way_is_not_paid_again_and_other_coins_stay),
        CASE(A224_what_failed_and_was_given_back_is_paid_again_under_the_same_id),
        CASE(A225_who_waits_is_told_when_it_is_settled_and_the_receipt_stays_the_same),
        CASE(A225_after_a_failure_that_was_given_back_it_is_unknown),
        CASE(A226_refused_at_the_first_step_it_is_gone_and_the_caller_is_told_why),
        CASE(A226_coins_that_are_not_there_refuse_it_too),
        CASE(A227_a_compensation_that_is_refused_is_stuck_until_a_person_allows_more),
        CASE(A228_pending_until_the_deadline_is_compensated),
        CASE(A228_what_was_settled_in_the_last_moment_is_settled),
        CASE(A229_a_proof_that_does_not_verify_is_told_and_never_settles),
        CASE(A230_one_attempt_and_three_retries_then_it_is_stuck_and_pending),
        CASE(A230_the_budget_is_that_of_the_kind_where_the_policy_has_a_smaller_one),
        CASE(A231_two_failures_and_then_success_is_paid),
        CASE(A232_cancelled_before_the_point_of_no_return_all_is_as_it_was),
        CASE(A232_cancelled_before_its_first_step_it_is_gone),
        CASE(A232_cancelled_behind_it_is_refused_with_that_reason),
        CASE(A232_cancelled_while_it_comes_to_that_point_nothing_is_sent),
        CASE(A233_an_effect_that_can_be_seen_is_adopted),
        CASE(A234_what_cannot_be_seen_is_prepared_anew_and_remembers_the_attempt_before),
        CASE(A236_an_answer_without_a_seal_is_none_and_the_same_again_succeeds),
        CASE(A237_what_vanishes_soon_is_sent_again_under_its_key),
        CASE(A237_what_vanishes_late_is_lost_and_keeps_its_coins),
        CASE(A238_the_same_request_gets_the_same_answer),
        CASE(A239_what_was_made_impossible_for_good_failed_and_holds_nothing),
        CASE(A239_what_may_become_impossible_waits_and_says_why),
        CASE(A240_a_registration_that_is_refused_waits_with_the_reason_and_succeeds_later),
        CASE(A241_a_first_drive_that_fails_is_accepted_and_a_later_pass_ends_it),
        CASE(A242_one_drive_after_a_notification_ends_it),
    };
    return cmocka_run_group_tests_name("payment", tests, NULL, NULL);
}
