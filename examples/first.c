/* SPDX-License-Identifier: MIT */
/* Records an order and the mail that confirms it, in one commit: once, however often it runs. */
#include <pawl/pawl.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *order = "{\"number\":1001,\"sku\":\"A-7\"}", *mail = "Thank you for order 1001.";
    pawl_store *store = NULL;
    pawl_receipt *receipt = NULL;
    pawl_error err;
    int status = pawl_store_open("sqlite:shop.db", NULL, &store, &err);
    if (status == PAWL_OK) {
        pawl_transition *t = pawl_transition_new(
            store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "PlaceOrder",
                                              .request_id = pawl_request_id_from("order 1001", 10)});
        pawl_transition_command(t, order, strlen(order));
        pawl_transition_message(t, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = mail,
                                                   .data_size = strlen(mail)});
        status = pawl_transition_commit(t, &receipt, &err); /* durable when it returns */
        pawl_transition_free(t);
    }
    if (status < 0)
        fprintf(stderr, "%s. %s\n", err.text, err.hint);
    else
        printf("record %llu, stored %s\n", (unsigned long long)pawl_receipt_seq(receipt),
               pawl_receipt_was_replayed(receipt) ? "before" : "now");
    pawl_receipt_free(receipt);
    pawl_store_close(store);
    return pawl_status_exit(status);
}
