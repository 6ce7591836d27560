/* SPDX-License-Identifier: MIT */
/* A payment as a state machine: its coins are held, a session is prepared, the intent is durable before anything leaves; then it
 * is sent, and waits for how it ends: it is settled, or given back.
 *
 *   reserve -> prepare -> send -> register -> await -> done
 *                 ^         |                   |
 *                 +-- find -+-----> revoke <----+        revoke -> failed, or, when a person wants it, force -> failed
 */
#include "payment.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define UUID  PAWL_UUID_TEXT_SIZE
#define COINS 200
#define WHY   120

/* ---- the checkpoint: what all states keep, as JSON ---- */

struct payment {
    long amount;
    char coins[COINS];
    int64_t deadline_ms, coins_expire_ms;
    char session[UUID], before[UUID]; /* the key of its calls, and that of an attempt before; "-": none */
    char ticket[UUID];                /* of the session */
    int64_t sent_ms;                  /* when it was taken, or found; 0: not yet */
    int lies;                         /* proofs that were none */
    char why[WHY];                    /* it is given back; "-": it is not */
};

#define DATA_ROOM 800

static size_t write_payment(const struct payment *p, char data[DATA_ROOM])
{
    return (size_t)snprintf(data, DATA_ROOM,
                            "{\"amount\":%ld,\"coins\":\"%s\",\"deadline\":%" PRId64 ",\"coins_expire\":%" PRId64
                            ",\"session\":\"%s\",\"before\":\"%s\",\"ticket\":\"%s\",\"sent\":%" PRId64
                            ",\"lies\":%d,\"why\":\"%s\"}",
                            p->amount, p->coins, p->deadline_ms, p->coins_expire_ms, p->session, p->before, p->ticket,
                            p->sent_ms, p->lies, p->why);
}

static bool read_payment(const pawl_step *step, struct payment *p)
{
    char data[DATA_ROOM];
    size_t size;
    const char *bytes = pawl_step_data(step, &size);
    if (!bytes || size >= sizeof data)
        return false;
    memcpy(data, bytes, size);
    data[size] = '\0';
    return sscanf(data,
                  "{\"amount\":%ld,\"coins\":\"%199[^\"]\",\"deadline\":%" SCNd64 ",\"coins_expire\":%" SCNd64
                  ",\"session\":\"%36[^\"]\",\"before\":\"%36[^\"]\",\"ticket\":\"%36[^\"]\",\"sent\":%" SCNd64
                  ",\"lies\":%d,\"why\":\"%119[^\"]\"}",
                  &p->amount, p->coins, &p->deadline_ms, &p->coins_expire_ms, p->session, p->before, p->ticket,
                  &p->sent_ms, &p->lies, p->why) == 10;
}

static int go_on(pawl_step *step, const char *state, const struct payment *p)
{
    char data[DATA_ROOM];
    return pawl_step_next(step, state, data, write_payment(p, data));
}

static int wait_for(pawl_step *step, const char *state, const struct payment *p, int64_t ms, const pawl_error *why)
{
    char data[DATA_ROOM];
    return pawl_step_park(step, state, data, write_payment(p, data), ms, why);
}

static void draw_session(pawl_step *step, struct payment *p)
{
    pawl_uuid key = pawl_step_uuid(step, "session");
    pawl_uuid_format(&key, p->session);
}

/* ---- coins, and the ledger ---- */

static void each_coin(pawl_step *step, const struct payment *p, void (*change)(pawl_step *step, const char *coin))
{
    char coins[COINS], *rest = coins, *coin;
    snprintf(coins, sizeof coins, "%s", p->coins);
    while ((coin = strsep(&rest, " ")) != NULL)
        change(step, coin);
}

/* From one account to another; what is not there cannot be taken. */
static void move(pawl_step *step, const char *from, const char *to, long amount)
{
    char plus[24], minus[24];
    snprintf(plus, sizeof plus, "%ld", amount);
    snprintf(minus, sizeof minus, "%ld", -amount);
    pawl_step_post(step, &(pawl_post){PAWL_POST, .account = from, .asset = "sat", .delta = minus, .floor = "0",
                                      .reference = pawl_step_id(step)});
    pawl_step_post(
        step, &(pawl_post){PAWL_POST, .account = to, .asset = "sat", .delta = plus, .reference = pawl_step_id(step)});
}

static const char *held_by(const pawl_step *step, char account[UUID + 8])
{
    snprintf(account, UUID + 8, "held:%s", pawl_step_id(step));
    return account;
}

static int settle(pawl_step *step, const struct payment *p, const char *proof)
{
    char account[UUID + 8], receipt[100];
    each_coin(step, p, pawl_step_consume);
    move(step, held_by(step, account), "paid", p->amount);
    int size = snprintf(receipt, sizeof receipt, "{\"amount\":%ld,\"proof\":\"%s\"}", p->amount, proof);
    return pawl_step_done(step, receipt, (size_t)size);
}

static void give_back(pawl_step *step, const struct payment *p)
{
    char account[UUID + 8];
    each_coin(step, p, pawl_step_release);
    move(step, held_by(step, account), "wallet", p->amount);
}

static int fail_with(pawl_step *step, const char *text)
{
    pawl_error why = {.status = PAWL_EREJECTED};
    snprintf(why.text, sizeof why.text, "%s", text);
    return pawl_step_fail(step, &why);
}

/* ---- asking ---- */

struct question {
    struct wallet *wallet;
    const char *name, *rest;
    char answer[PAYMENT_LINE]; /* without its seal, and without "ok" */
};

/* An answer is one when its seal is right: else nobody knows who gave it. */
static int read_answer(const char *request, char answer[PAYMENT_LINE], pawl_error *err)
{
    char seal[UUID], *last = strrchr(answer, ' ');
    if (last)
        *last++ = '\0';
    peer_seal(request, answer, seal);
    if (!last || strcmp(last, seal) != 0)
        return pawl_error_set(err, PAWL_EUNCERTAIN, "the answer has no seal");
    if (strncmp(answer, "ok ", 3) == 0) {
        memmove(answer, answer + 3, strlen(answer + 3) + 1);
        return PAWL_OK;
    }
    if (strncmp(answer, "no ", 3) == 0)
        return pawl_error_set(err, PAWL_EREJECTED, "%s", answer + 3);
    if (strcmp(answer, "gone") == 0)
        return pawl_error_set(err, PAWL_ENOTFOUND, "the session expired");
    return pawl_error_set(err, PAWL_EUNAVAIL, "%s", strncmp(answer, "busy ", 5) == 0 ? answer + 5 : answer);
}

static int ask_it(void *arg, pawl_error *err)
{
    struct question *q = arg;
    char request[PAYMENT_LINE];
    snprintf(request, sizeof request, "%s %s", q->name, q->rest);
    int status = q->wallet->ask(q->wallet->peer, request, q->answer, err);
    return status < 0 ? status : read_answer(request, q->answer, err);
}

static int ask(pawl_step *step, struct question *q, pawl_error *err)
{
    int status = pawl_step_call(step, q->name, ask_it, q, err);
    return status < 0 ? (pawl_error_wrap(err, "%s", q->name), status) : status;
}

static bool proves(const pawl_step *step, const char *proof, size_t size)
{
    char hash[UUID];
    pawl_uuid id = pawl_request_id_from(proof, size);
    return strcmp(pawl_uuid_format(&id, hash), pawl_step_id(step)) == 0;
}

/* ---- the states ---- */

/* One commit: the coins are held, what they are worth is set aside, and the key of the calls is kept. */
static int reserve(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    char account[UUID + 8], data[DATA_ROOM];
    (void)wallet, (void)err;
    draw_session(step, p);
    each_coin(step, p, pawl_step_hold);
    move(step, "wallet", held_by(step, account), p->amount);
    pawl_step_undo(step, "cancel", data, write_payment(p, data));
    return go_on(step, "prepare", p);
}

/* Whoever wants its end asks in time: the way back is closed before anything leaves. */
static int prepare(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    char rest[PAYMENT_LINE];
    struct question q = {wallet, "prepare", rest, ""};
    snprintf(rest, sizeof rest, "%s %s %ld %s", p->session, pawl_step_id(step), p->amount, p->before);
    int status = ask(step, &q, err);
    if (status < 0)
        return status;
    snprintf(p->ticket, sizeof p->ticket, "%.36s", q.answer);
    pawl_step_no_return(step);
    return go_on(step, "send", p);
}

static int send_it(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    char rest[PAYMENT_LINE];
    struct question q = {wallet, "send", rest, ""};
    snprintf(rest, sizeof rest, "%s %s %ld %s", p->session, pawl_step_id(step), p->amount, p->ticket);
    int status = ask(step, &q, err);
    if (status == PAWL_ENOTFOUND)
        return go_on(step, "find", p);
    if (status < 0)
        return status;
    if (p->sent_ms == 0)
        p->sent_ms = pawl_step_now_ms(step);
    return go_on(step, "register", p);
}

static int look(struct wallet *wallet, pawl_step *step, struct question *q, pawl_error *err)
{
    *q = (struct question){wallet, "look", pawl_step_id(step), ""};
    return ask(step, q, err);
}

/* Its session expired, and nobody knows whether it was taken: what can be seen of it is adopted; else it is prepared anew, and
 * the other side is told of the attempt before, which can take nothing any more. */
static int find(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct question q;
    int status = look(wallet, step, &q, err);
    if (status < 0)
        return status;
    if (strcmp(q.answer, "unknown") != 0) {
        p->sent_ms = p->sent_ms ? p->sent_ms : pawl_step_now_ms(step);
        return go_on(step, "register", p);
    }
    memcpy(p->before, p->session, sizeof p->before);
    draw_session(step, p);
    return wait_for(step, "prepare", p, wallet->poll_ms, NULL);
}

static int register_it(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct question q = {wallet, "register", pawl_step_id(step), ""};
    int status = ask(step, &q, err);
    return status < 0 ? status : go_on(step, "await", p);
}

static int take_back(pawl_step *step, struct payment *p, const char *why)
{
    snprintf(p->why, sizeof p->why, "%.119s", why);
    for (char *c = p->why; *c; c++)
        *c = *c == '"' || *c == '\\' || (unsigned char)*c < ' ' ? ' ' : *c;
    return go_on(step, "revoke", p);
}

/* Such a proof says nothing: it is as if it were pending. Told once, and counted. */
static void note_lie(pawl_step *step, struct payment *p, const char *proof)
{
    if (p->lies++ == 0)
        pawl_step_event(step, &(pawl_event){PAWL_EVENT, .topic = "payments", .type = "ProofRefused",
                                            .key = pawl_step_id(step), .data = proof, .data_size = strlen(proof)});
}

/* Its proof, where somebody told it; taken with the step, whether it is one or not. */
static bool was_told(pawl_step *step, struct payment *p, char proof[UUID])
{
    size_t size;
    const char *told;
    while ((told = pawl_step_signal(step, "settled", &size)) != NULL) {
        snprintf(proof, UUID, "%.*s", (int)(size < UUID ? size : UUID - 1), told);
        if (proves(step, proof, strlen(proof)))
            return true;
        note_lie(step, p, proof);
    }
    return false;
}

static int vanished(const struct wallet *wallet, pawl_step *step, const struct payment *p)
{
    char data[DATA_ROOM];
    pawl_error why;
    if (pawl_step_now_ms(step) - p->sent_ms <= wallet->grace_ms)
        return go_on(step, "send", p); /* the same, under its key */
    pawl_error_set(&why, PAWL_EUNCERTAIN, "it was sent, and is lost");
    return pawl_step_stuck(step, "await", data, write_payment(p, data), &why);
}

/* Its deadline is that of the payment: when its coins expire is another matter. */
static int still_pending(const struct wallet *wallet, pawl_step *step, struct payment *p)
{
    if (pawl_step_now_ms(step) >= p->deadline_ms - wallet->margin_ms)
        return take_back(step, p, "it was pending until near its deadline");
    return wait_for(step, "await", p, wallet->poll_ms, NULL);
}

static int await(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct question q;
    char proof[UUID];
    pawl_error why;
    if (was_told(step, p, proof))
        return settle(step, p, proof);
    int status = look(wallet, step, &q, err);
    if (status < 0)
        return status;
    if (strncmp(q.answer, "settled ", 8) == 0) {
        if (proves(step, q.answer + 8, strlen(q.answer + 8)))
            return settle(step, p, q.answer + 8);
        note_lie(step, p, q.answer + 8);
        return still_pending(wallet, step, p);
    }
    if (strcmp(q.answer, "unknown") == 0)
        return vanished(wallet, step, p);
    if (strcmp(q.answer, "failed") == 0)
        return take_back(step, p, "the other side says that it failed");
    if (strcmp(q.answer, "dead") == 0) { /* for good: there is nothing to take back */
        give_back(step, p);
        return fail_with(step, "another payment of the same coins made it impossible");
    }
    if (strcmp(q.answer, "doubted") == 0) {
        pawl_error_set(&why, PAWL_EUNAVAIL, "another payment of the same coins may make it impossible");
        return wait_for(step, "await", p, wallet->poll_ms, &why);
    }
    return still_pending(wallet, step, p);
}

/* It may have been settled in the last moment: then that is how it ends. */
static int revoke(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct question q;
    char proof[UUID];
    if (was_told(step, p, proof))
        return settle(step, p, proof);
    int status = look(wallet, step, &q, err);
    if (status < 0)
        return status;
    if (strncmp(q.answer, "settled ", 8) == 0 && proves(step, q.answer + 8, strlen(q.answer + 8)))
        return settle(step, p, q.answer + 8);
    q = (struct question){wallet, "revoke", pawl_step_id(step), ""};
    status = ask(step, &q, err);
    if (status < 0)
        return status;
    give_back(step, p);
    return fail_with(step, p->why);
}

/* The way that costs: its coins are used up, and what they are worth comes back on another one. */
static int force(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct question q = {wallet, "force", pawl_step_id(step), ""};
    char account[UUID + 8];
    int status = ask(step, &q, err);
    if (status < 0)
        return status;
    each_coin(step, p, pawl_step_consume);
    move(step, held_by(step, account), "forced", p->amount);
    return fail_with(step, p->why);
}

/* It was cancelled before anything left. */
static int cancel(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err)
{
    (void)wallet, (void)err;
    give_back(step, p);
    return pawl_step_done(step, NULL, 0);
}

typedef int state_advance(struct wallet *wallet, pawl_step *step, struct payment *p, pawl_error *err);
static const struct {
    const char *name;
    state_advance *advance;
} states[] = {{"reserve", reserve}, {"prepare", prepare},      {"send", send_it},
              {"find", find},       {"register", register_it}, {"await", await},
              {"revoke", revoke},   {"force", force},          {"cancel", cancel}};

static int advance(void *user, pawl_step *step, pawl_error *err)
{
    struct payment p;
    const char *name = pawl_step_state(step);
    if (read_payment(step, &p))
        for (size_t i = 0; i < sizeof states / sizeof *states; i++)
            if (name && strcmp(states[i].name, name) == 0)
                return states[i].advance(user, step, &p, err);
    return pawl_error_set(err, PAWL_ECORRUPT, "the checkpoint is none of ours");
}

/* ---- the hooks ---- */

static bool is_in(const pawl_step *step, const char *state)
{
    return strcmp(pawl_step_state(step), state) == 0;
}

/* What the ledger or a coin refuses at the start is an answer; anything else is tried again. */
static int on_retry(void *user, pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    (void)user, (void)err;
    if (is_in(step, "reserve") && (cause->status == PAWL_EREFUSED || cause->status == PAWL_ENOTFOUND))
        return pawl_step_fail(step, cause);
    return pawl_step_park(step, NULL, NULL, 0, -1, cause);
}

/* Where the other side refuses. Only what a person allowed goes further than asking. */
static int on_rejection(void *user, pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    const struct wallet *wallet = user;
    struct payment p;
    if (!read_payment(step, &p))
        return pawl_error_set(err, PAWL_ECORRUPT, "the checkpoint is none of ours");
    if (is_in(step, "prepare") && strcmp(p.before, "-") == 0) { /* nothing has left yet */
        give_back(step, &p);
        return pawl_step_fail(step, cause);
    }
    if (is_in(step, "prepare") || is_in(step, "send"))
        return take_back(step, &p, cause->text);
    if (!is_in(step, "revoke"))
        return pawl_step_park(step, NULL, NULL, 0, wallet->poll_ms, cause);
    if (pawl_step_signal(step, "escalate", NULL))
        return go_on(step, "force", &p);
    return pawl_step_stuck(step, NULL, NULL, 0, cause);
}

/* ---- the wallet ---- */

int wallet_init(struct wallet *wallet, pawl_error *err)
{
    const pawl_kind kind = {PAWL_KIND,          .name = PAYMENT_KIND, .version = 1,
                            .advance = advance, .on_retry = on_retry, .on_rejection = on_rejection,
                            .retries = 3,       .user = wallet};
    int status = pawl_executor_new(wallet->store, NULL, &wallet->executor, err);
    return status < 0 ? status : pawl_executor_register(wallet->executor, &kind, err);
}

void wallet_done(struct wallet *wallet)
{
    pawl_executor_free(wallet->executor);
}

int wallet_add_coin(struct wallet *wallet, const char *coin, long amount, pawl_error *err)
{
    char delta[24];
    snprintf(delta, sizeof delta, "%ld", amount);
    pawl_transition *t = pawl_transition_new(
        wallet->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Coin", .ref = coin,
                                                  .request_id = pawl_request_id_from(coin, strlen(coin))});
    pawl_transition_command(t, delta, strlen(delta));
    pawl_transition_resource(t,
                             &(pawl_resource){PAWL_RESOURCE, .id = coin, .kind = "coin", .action = PAWL_RESOURCE_ADD});
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "wallet", .asset = "sat", .delta = delta});
    int status = pawl_transition_commit(t, NULL, err);
    pawl_transition_free(t);
    return status;
}

/* ---- paying ---- */

/* What is there already refuses a second one: which is said plainly. */
static int refuse_again(struct wallet *wallet, const char *hash, int status, pawl_error *err)
{
    enum payment_state state;
    char receipt[PAYMENT_LINE];
    pawl_error second;
    if (payment_look(wallet, hash, &state, receipt, &second) < 0 || state == PAYMENT_UNKNOWN)
        return status;
    return pawl_error_set(err, PAWL_EREFUSED,
                          state == PAYMENT_PAID ? "%s is already paid" : "the payment of %s is already in progress",
                          hash);
}

int payment_submit(struct wallet *wallet, const struct obligation *obligation, const char *request, pawl_error *err)
{
    struct payment p = {.amount = obligation->amount,
                        .deadline_ms = obligation->deadline_ms,
                        .coins_expire_ms = obligation->coins_expire_ms,
                        .session = "-",
                        .before = "-",
                        .ticket = "-",
                        .why = "-"};
    char data[DATA_ROOM];
    snprintf(p.coins, sizeof p.coins, "%s", obligation->coins);
    size_t size = write_payment(&p, data);
    pawl_transition *t = pawl_transition_new(
        wallet->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Pay", .ref = obligation->hash,
                                                  .request_id = pawl_request_id_from(request, strlen(request))});
    pawl_transition_command(t, data, size);
    pawl_transition_start(t, &(pawl_start){PAWL_START, .kind = PAYMENT_KIND, .id = obligation->hash, .state = "reserve",
                                           .data = data, .data_size = size, .version = 1});
    int status = pawl_transition_commit(t, NULL, err);
    pawl_transition_free(t);
    return status == PAWL_EREFUSED ? refuse_again(wallet, obligation->hash, status, err) : status;
}

int payment_pay(struct wallet *wallet, const struct obligation *obligation, const char *request, pawl_error *err)
{
    pawl_workflows *found = NULL;
    pawl_error why;
    int status = payment_submit(wallet, obligation, request, err);
    if (status < 0)
        return status;
    status = pawl_executor_drive(wallet->executor, PAYMENT_KIND, obligation->hash, 0, 0, &found, &why);
    const pawl_workflow_view *view = pawl_workflows_get(found, 0);
    bool failed = view && strcmp(view->status, "failed") == 0;
    pawl_workflows_free(found);
    if (!failed || status == PAWL_OK)
        return PAWL_OK; /* accepted: whatever went wrong now, it goes on */
    if (err)
        *err = why;
    return status;
}

int payment_look(struct wallet *wallet, const char *hash, enum payment_state *state, char receipt[PAYMENT_LINE],
                 pawl_error *err)
{
    pawl_workflows *found;
    *state = PAYMENT_UNKNOWN;
    receipt[0] = '\0';
    int status = pawl_workflow_get(wallet->store, PAYMENT_KIND, hash, &found, err);
    if (status < 0)
        return status == PAWL_ENOTFOUND ? PAWL_OK : status;
    const pawl_workflow_view *view = pawl_workflows_get(found, 0);
    if (strcmp(view->status, "finished") == 0) {
        *state = PAYMENT_PAID;
        snprintf(receipt, PAYMENT_LINE, "%.*s", (int)view->receipt_size, (const char *)view->receipt);
    } else if (strcmp(view->status, "failed") != 0)
        *state = PAYMENT_RUNS;
    pawl_workflows_free(found);
    return PAWL_OK;
}
