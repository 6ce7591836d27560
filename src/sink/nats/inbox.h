/* SPDX-License-Identifier: MIT */
/* Answers on their way from a thread of libnats, which calls for each, to the loop. It outlives its connection until that
 * thread has said that it calls no more. */
#ifndef PAWLI_NATS_INBOX_H
#define PAWLI_NATS_INBOX_H

#include "env/engine.h"
#include "sink/nats/api.h"

struct nats_answer {
    struct nats_answer *next;
    natsMsg *message;
};

struct nats_inbox;

struct nats_inbox *pawli_nats_inbox_new(const struct nats_api *api, struct engine *engine); /* NULL: out of memory */
/* Answers of the subscription go there; false: not. */
bool pawli_nats_inbox_fill(struct nats_inbox *inbox, natsConnection *connection, const char *subject,
                           natsSubscription **ret_subscription);
struct nats_answer *pawli_nats_inbox_take(struct nats_inbox *inbox); /* all that came, oldest first; the caller's */
void pawli_nats_answer_free(struct nats_inbox *inbox, struct nats_answer *answer);
void pawli_nats_inbox_close(struct nats_inbox *inbox); /* the engine is not woken any more; NULL is fine */

#endif
