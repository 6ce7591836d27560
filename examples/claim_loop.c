/* SPDX-License-Identifier: MIT */
/* A consumer with a loop of its own: claims messages, does the work, and commits the work and its ack as one. A claim that was
 * lost meanwhile refuses the whole, so no work is recorded twice. */
#include <pawl/pawl.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES 5

static int enqueue(pawl_store *store, pawl_error *err)
{
    for (int i = 0; i < MESSAGES; i++) {
        char text[32];
        pawl_enqueued result;
        snprintf(text, sizeof text, "{\"number\":%d}", i + 1);
        /* One ordering key: they go one at a time, in order. */
        pawl_message message = {PAWL_MESSAGE,  .lane = "orders",          .target = "warehouse",
                                .data = text,  .data_size = strlen(text), .key = "customer-7",
                                .dedupe = text};
        int status = pawl_enqueue(store, &message, 1, &result, err);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

static int handle(pawl_store *store, const pawl_message_view *message, pawl_error *err)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Packed",
                                          .request_id = pawl_request_id_from(message->id.bytes, 16)});
    pawl_transition_command(t, message->data, message->data_size);
    pawl_transition_settle(t, &(pawl_settlement){PAWL_SETTLEMENT, .id = message->id, .token = message->token,
                                                 .verdict = PAWL_VERDICT_DELIVERED});
    pawl_receipt *receipt;
    int status = pawl_transition_commit(t, &receipt, err);
    pawl_transition_free(t);
    if (status == PAWL_EFENCED) /* too late: somebody else has it now, and nothing was recorded */
        return PAWL_OK;
    if (status < 0)
        return status;
    printf("record %llu: packed %.*s\n", (unsigned long long)pawl_receipt_seq(receipt), (int)message->data_size,
           (const char *)message->data);
    pawl_receipt_free(receipt);
    return PAWL_OK;
}

/* Takes one message; *ret_any says whether there was one. A consumer that stays sets wait_ms and never ends. */
static int take_next(pawl_store *store, int *ret_any, pawl_error *err)
{
    pawl_messages *claimed;
    int status = pawl_claim(store,
                            &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "orders", .target = "warehouse",
                                                  .consumer = "packer", .limit = 1, .ends_with_process = 1},
                            &claimed, err);
    if (status < 0)
        return status;
    *ret_any = pawl_messages_count(claimed) > 0;
    if (*ret_any)
        status = handle(store, pawl_messages_get(claimed, 0), err);
    pawl_messages_free(claimed);
    return status;
}

int main(void)
{
    pawl_error err;
    pawl_store *store = NULL;
    int any = 1;
    int status = pawl_store_open("sqlite:orders.db", NULL, &store, &err);
    if (status == PAWL_OK)
        status = enqueue(store, &err);
    while (status == PAWL_OK && any)
        status = take_next(store, &any, &err);
    if (status < 0)
        fprintf(stderr, "%s\n%s\n", err.text, err.hint);
    pawl_store_close(store);
    return pawl_status_exit(status);
}
