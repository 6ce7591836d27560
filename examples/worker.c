/* SPDX-License-Identifier: MIT */
/* Enqueues messages and delivers them to a function of this program: the worker claims, calls, settles and tries again. */
#include <pawl/pawl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES 3

struct mailer {
    sem_t sent;
    atomic_int calls;
};

/* Runs on a thread of the worker's pool. It may be called again for a message that it had sent: pass the id on. */
static void send_mail(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct mailer *mailer = data;
    char id[PAWL_UUID_TEXT_SIZE];
    if (atomic_fetch_add(&mailer->calls, 1) == 0) { /* the first call fails, as the world does now and then */
        outcome->verdict = PAWL_VERDICT_RETRY;
        snprintf(outcome->error, sizeof outcome->error, "the mail server is away");
        outcome->retry_in_ms = 0;
        return;
    }
    pawl_uuid_format(&message->id, id);
    fprintf(stderr, "%s: %.*s (attempt %u)\n", id, (int)message->data_size, (const char *)message->data,
            message->attempts);
    sem_post(&mailer->sent);
}

/* *ret_open: how many of them are not delivered yet. Enqueued before under the same dedupe key, they are not added again. */
static int enqueue(pawl_store *store, int *ret_open, pawl_error *err)
{
    static const char *const texts[MESSAGES] = {"welcome", "your order", "your invoice"};
    pawl_message messages[MESSAGES];
    pawl_enqueued results[MESSAGES];
    for (int i = 0; i < MESSAGES; i++)
        messages[i] = (pawl_message){
            PAWL_MESSAGE,      .lane = "mail", .target = "smtp", .data = texts[i], .data_size = strlen(texts[i]),
            .dedupe = texts[i]};
    int status = pawl_enqueue(store, messages, MESSAGES, results, err);
    *ret_open = 0;
    for (int i = 0; i < MESSAGES && status == PAWL_OK; i++)
        *ret_open += strcmp(results[i].state, "delivered") != 0;
    return status;
}

/* Where the messages of the target go, as state of the store, and the function under that name. */
static int start(pawl_store *store, struct mailer *mailer, pawl_worker **ret_worker, pawl_error *err)
{
    pawl_operation operation = {PAWL_OPERATION, .reason = "the example", .actor = "examples/worker"};
    int status = pawl_target_add(store, "smtp", "callback:mailer", NULL, NULL, 0, &operation, err);
    if (status == PAWL_OK)
        status = pawl_worker_new(store, &(pawl_worker_options){PAWL_WORKER_OPTIONS}, ret_worker, err);
    if (status == PAWL_OK)
        status = pawl_worker_callback(*ret_worker, "mailer", send_mail, mailer, err);
    if (status == PAWL_OK)
        status = pawl_worker_start(*ret_worker, err);
    if (status == PAWL_OK)
        status = pawl_store_start(store, err); /* a thread for the store's engine, on which the worker runs */
    return status;
}

int main(void)
{
    pawl_error err;
    pawl_store *store = NULL;
    pawl_worker *worker = NULL;
    struct mailer mailer = {.calls = 0};
    int open = 0;
    sem_init(&mailer.sent, 0, 0);

    int status = pawl_store_open("sqlite:worker.db", NULL, &store, &err);
    if (status == PAWL_OK)
        status = enqueue(store, &open, &err);
    if (status == PAWL_OK)
        status = start(store, &mailer, &worker, &err);
    if (status == PAWL_OK) {
        pawl_worker_stats stats = {PAWL_WORKER_STATS};
        for (int i = 0; i < open; i++)
            sem_wait(&mailer.sent);
        pawl_worker_stop(worker, 5000); /* what is under way is settled */
        pawl_worker_get_stats(worker, &stats);
        printf("delivered %llu, requeued %llu\n", (unsigned long long)stats.delivered,
               (unsigned long long)stats.requeued);
    } else {
        fprintf(stderr, "%s\n%s\n", err.text, err.hint);
    }
    pawl_worker_free(worker);
    pawl_store_close(store);
    sem_destroy(&mailer.sent);
    return pawl_status_exit(status);
}
