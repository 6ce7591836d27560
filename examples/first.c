/* SPDX-License-Identifier: MIT */
/* Records an order and the mail that confirms it, in one commit: once, however often it runs. */
#include <pawl/pawl.h>
#include <stdio.h>

static int place(pawl_store *store, pawl_receipt **ret_receipt, pawl_error *err)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "PlaceOrder",
                                          .request_id = pawl_request_id_from("order 1001", 10)});
    pawl_transition_command(t, "{\"sku\":\"A-7\"}", 13);
    pawl_transition_message(
        t, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = "Thank you.", .data_size = 10});
    int status = pawl_transition_commit(t, ret_receipt, err); /* durable when it returns */
    pawl_transition_free(t);
    return status;
}

int main(void)
{
    pawl_error err;
    pawl_store *store = NULL;
    pawl_receipt *receipt = NULL;
    int status = pawl_store_open("sqlite:shop.db", NULL, &store, &err);
    if (status == PAWL_OK)
        status = place(store, &receipt, &err);
    if (status < 0)
        fprintf(stderr, "%s. %s\n", err.text, err.hint);
    else
        printf("record %llu, stored %s\n", (unsigned long long)pawl_receipt_seq(receipt),
               pawl_receipt_was_replayed(receipt) ? "before" : "now");
    pawl_receipt_free(receipt);
    pawl_store_close(store);
    return pawl_status_exit(status);
}
