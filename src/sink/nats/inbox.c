/* SPDX-License-Identifier: MIT */
/* Answers from another thread; see inbox.h. */
#include "sink/nats/inbox.h"

struct nats_inbox {
    struct nats_api api;
    pthread_mutex_t lock;  /* of what follows */
    struct engine *engine; /* NULL: closed */
    struct nats_answer *first, **last;
    unsigned holds; /* the connection's one, and one of the thread that calls */
};

struct nats_inbox *pawli_nats_inbox_new(const struct nats_api *api, struct engine *engine)
{
    struct nats_inbox *inbox = pawli_alloc(sizeof *inbox);
    if (!inbox)
        return NULL;
    inbox->api = *api;
    inbox->engine = engine;
    inbox->last = &inbox->first;
    inbox->holds = 1;
    pthread_mutex_init(&inbox->lock, NULL);
    return inbox;
}

void pawli_nats_answer_free(struct nats_inbox *inbox, struct nats_answer *answer)
{
    inbox->api.natsMsg_Destroy(answer->message);
    pawli_free(answer);
}

static void release(struct nats_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    bool last = --inbox->holds == 0;
    pthread_mutex_unlock(&inbox->lock);
    if (!last)
        return;
    for (struct nats_answer *answer = inbox->first, *next; answer; answer = next) {
        next = answer->next;
        pawli_nats_answer_free(inbox, answer);
    }
    pthread_mutex_destroy(&inbox->lock);
    pawli_free(inbox);
}

static void arrived(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *data)
{
    struct nats_inbox *inbox = data;
    struct nats_answer *answer = pawli_alloc(sizeof *answer);
    (void)connection, (void)subscription;
    if (!answer) { /* as if it had been lost on its way */
        inbox->api.natsMsg_Destroy(message);
        return;
    }
    answer->message = message;
    pthread_mutex_lock(&inbox->lock);
    *inbox->last = answer;
    inbox->last = &answer->next;
    if (inbox->engine)
        pawli_engine_wake(inbox->engine);
    pthread_mutex_unlock(&inbox->lock);
}

static void ended(void *data)
{
    release(data);
}

bool pawli_nats_inbox_fill(struct nats_inbox *inbox, natsConnection *connection, const char *subject,
                           natsSubscription **ret_subscription)
{
    if (inbox->api.natsConnection_Subscribe(ret_subscription, connection, subject, arrived, inbox) != NATS_OK)
        return false;
    if (inbox->api.natsSubscription_SetOnCompleteCB(*ret_subscription, ended, inbox) == NATS_OK)
        inbox->holds++; /* nothing arrives, or ends, before the connection is read or closed, by this thread */
    return true;
}

struct nats_answer *pawli_nats_inbox_take(struct nats_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct nats_answer *first = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    pthread_mutex_unlock(&inbox->lock);
    return first;
}

void pawli_nats_inbox_close(struct nats_inbox *inbox)
{
    if (!inbox)
        return;
    pthread_mutex_lock(&inbox->lock);
    inbox->engine = NULL;
    pthread_mutex_unlock(&inbox->lock);
    release(inbox);
}
