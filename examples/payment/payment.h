/* SPDX-License-Identifier: MIT */
/* Payments of a wallet, each a workflow. */
#ifndef PAYMENT_H
#define PAYMENT_H

#include <pawl/pawl.h>

#define PAYMENT_KIND "payment"
#define PAYMENT_LINE 400

/* Asks the other side a line. PAWL_EUNAVAIL: it was never asked; PAWL_EUNCERTAIN: it may have been, and did not answer. */
typedef int payment_ask(void *peer, const char *request, char answer[PAYMENT_LINE], pawl_error *err);

struct wallet {
    pawl_store *store;
    pawl_executor *executor;
    payment_ask *ask;
    void *peer;
    int64_t poll_ms;   /* between two looks at how a payment stands */
    int64_t margin_ms; /* so long before its deadline one that is pending counts as failed */
    int64_t grace_ms;  /* so long after it was sent one that vanished is sent again */
};

/* What is to be paid: it is paid when the other side shows a proof that has this hash (pawl_request_id_from). */
struct obligation {
    const char *hash;
    long amount;
    const char *coins; /* with what: resources, with a space between */
    int64_t deadline_ms, coins_expire_ms;
};

enum payment_state { PAYMENT_UNKNOWN, PAYMENT_RUNS, PAYMENT_PAID };

/* Makes the executor; the rest of the wallet is given. */
int wallet_init(struct wallet *wallet, pawl_error *err);
void wallet_done(struct wallet *wallet);
/* A coin of so much that came from outside; once. */
int wallet_add_coin(struct wallet *wallet, const char *coin, long amount, pawl_error *err);

/*
 * payment_submit: from here on it is paid, or given back, whatever becomes of this process. The same request again is the same;
 *   another one for what is paid or on its way is PAWL_EREFUSED; what failed may be asked for again.
 * payment_pay: the same, and makes its first steps. PAWL_OK: it is accepted, not paid yet; an error: it failed, and has been given back.
 */
int payment_submit(struct wallet *wallet, const struct obligation *obligation, const char *request, pawl_error *err);
int payment_pay(struct wallet *wallet, const struct obligation *obligation, const char *request, pawl_error *err);
/* How it stands; of one that is paid, its receipt. */
int payment_look(struct wallet *wallet, const char *hash, enum payment_state *state, char receipt[PAYMENT_LINE],
                 pawl_error *err);

#endif
