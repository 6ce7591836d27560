/* SPDX-License-Identifier: MIT */
/* A payment with a peer that may refuse it, as a state machine and as a function: hooks, a signal, a way back, a child. */
#ifndef TESTS_PAYMENT_H
#define TESTS_PAYMENT_H

#include <stdbool.h>

#include "pawl/testing.h"
#include "support.h"

struct pay {
    char coin[32];
    uint32_t cents;
    pawl_uuid key;
};

struct peer {
    int sent, revoked, answer; /* answer: its status */
    pawl_uuid seen;
};

struct call {
    struct peer *peer;
    struct pay *pay;
};

static inline int peer_send(void *arg, pawl_error *err)
{
    struct call *call = arg;
    if (call->peer->answer < 0)
        return pawl_error_set(err, call->peer->answer, "the peer refused %u cents", call->pay->cents);
    if (memcmp(&call->peer->seen, &call->pay->key, sizeof call->pay->key) != 0) {
        call->peer->sent++;
        call->peer->seen = call->pay->key;
    }
    return PAWL_OK;
}

static inline int peer_revoke(void *arg, pawl_error *err)
{
    (void)err;
    ((struct call *)arg)->peer->revoked = 1;
    return PAWL_OK;
}

static inline int pay_advance(void *user, pawl_step *s, pawl_error *err)
{
    size_t size;
    struct pay p = *(const struct pay *)pawl_step_data(s, &size);
    struct call call = {user, &p};
    const char *state = pawl_step_state(s);
    if (strcmp(state, "reserve") == 0) {
        p.key = pawl_step_uuid(s, "send");
        pawl_step_hold(s, p.coin);
        return pawl_step_next(s, "intent", &p, sizeof p);
    }
    if (strcmp(state, "intent") == 0) {
        int status = pawl_step_call(s, "peer.send", peer_send, &call, err);
        return status < 0 ? pawl_error_wrap(err, "paying with %s", p.coin)
                          : pawl_step_park(s, "sent", &p, sizeof p, 60000, NULL);
    }
    if (strcmp(state, "sent") == 0) {
        const char *proof = pawl_step_signal(s, "settled", &size);
        if (!proof)
            return pawl_step_park(s, "sent", &p, sizeof p, 60000, NULL);
        pawl_step_consume(s, p.coin);
        pawl_step_message(
            s, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = proof, .data_size = size});
        return pawl_step_done(s, proof, size);
    }
    int status = pawl_step_call(s, "peer.revoke", peer_revoke, &call, err);
    return status < 0 ? status
                      : pawl_step_fail(s, &(pawl_error){.status = PAWL_EREJECTED, .text = "refused, and taken back"});
}

static inline int pay_rejected(void *user, pawl_step *s, const pawl_error *cause, pawl_error *err)
{
    size_t size;
    (void)user, (void)err;
    const void *data = pawl_step_data(s, &size);
    return strcmp(pawl_step_state(s), "intent") == 0
               ? pawl_step_next(s, "revoke", data, size)
               : pawl_step_park(s, pawl_step_state(s), data, size, 3600000, cause);
}

static inline int pay_code(void *user, pawl_run *r, pawl_error *err)
{
    char proof[64];
    size_t none = 0, size, proof_size = sizeof proof;
    struct pay p = *(const struct pay *)pawl_run_input(r, &size);
    struct call call = {user, &p};
    int status = pawl_run_uuid(r, "key", &p.key, err);
    if (status == PAWL_OK)
        status = pawl_run_hold(r, p.coin, err);
    pawl_run_undo(r, "revoke", peer_revoke, &call); /* before the call, whose outcome may be unknown */
    if (status == PAWL_OK)
        status = pawl_run_step(r, "send", peer_send, &call, NULL, 0, err);
    if (status == PAWL_OK)
        status = pawl_run_sleep(r, "grace", 1000, err);
    if (status == PAWL_OK)
        status = pawl_run_signal(r, "settled", 86400000, proof, &proof_size, err);
    if (status == PAWL_OK)
        status = pawl_run_consume(r, p.coin, err);
    if (status == PAWL_OK)
        status = pawl_run_send(
            r, "mail",
            &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = proof, .data_size = proof_size},
            err);
    if (status == PAWL_OK)
        status = pawl_run_child(
            r, "book",
            &(pawl_start){PAWL_START, .kind = "book", .id = "of-hash-7", .data = &p.cents, .data_size = sizeof p.cents},
            NULL, &none, err);
    if (status == PAWL_OK)
        pawl_run_receipt(r, proof, proof_size);
    return status == PAWL_EREJECTED || status == PAWL_ENOTFOUND ? pawl_run_compensate(r, err) : status;
}

static inline int book(void *user, pawl_step *s, pawl_error *err)
{
    (void)user, (void)err;
    pawl_step_post(s, &(pawl_post){PAWL_POST, .account = "shop", .asset = "EUR", .delta = "5"});
    return pawl_step_done(s, NULL, 0);
}

static inline void pay_reset(void *user)
{
    struct peer *peer = user;
    *peer = (struct peer){.answer = peer->answer};
}

static inline int pay_begin(void *user, pawl_store *store, pawl_error *err)
{
    struct pay p = {.coin = "coin-1", .cents = 500};
    (void)user;
    int status = pawl_resource_add(store, p.coin, "coin", err);
    if (status < 0)
        return status;
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Pay",
                                          .request_id = pawl_request_id_from("pay 7", 5)});
    pawl_transition_start(t, &(pawl_start){PAWL_START, .kind = "pay", .id = "hash-7", .state = "reserve", .data = &p,
                                           .data_size = sizeof p});
    status = pawl_transition_commit(t, NULL, err);
    pawl_transition_free(t);
    return status < 0
               ? status
               : pawl_workflow_signal(store,
                                      &(pawl_signal){PAWL_SIGNAL, .kind = "pay", .id = "hash-7", .name = "settled",
                                                     .data = "proof", .data_size = 5, .dedupe = "peer-msg-1"},
                                      NULL, err);
}

static inline int pay_check(void *user, pawl_store *store, pawl_error *err)
{
    const struct peer *peer = user;
    (void)store;
    if (peer->answer < 0)
        return peer->sent == 0 && peer->revoked ? PAWL_OK : pawl_error_set(err, PAWL_ECORRUPT, "not taken back");
    return peer->sent == 1 && !peer->revoked ? PAWL_OK
                                             : pawl_error_set(err, PAWL_ECORRUPT, "paid %d times", peer->sent);
}

#endif
