/* SPDX-License-Identifier: MIT */
/* An order shop: its table and pawl's records are in one SQLite file, and commit as one. Killed anywhere, it goes on.
 *   shop place NUMBER CENTS   takes an order: its row, its record, and the messages that follow from it
 *   shop charge               consumes payments, each acknowledged in the transaction that books it, until none comes
 *   shop mail                 a worker: gives mails to a function, until it is killed
 */
#include <pawl/pawl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pawl_store *store;
static sqlite3 *db;     /* the shop's own connection to the same file */
static pawl_join *join; /* with which pawl writes in its transactions */
static pawl_error err;

/* What cannot be done ends the program, and with it a transaction that is open. */
static void need(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s. %s\n", err.text, err.hint);
        exit(pawl_status_exit(status));
    }
}

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
}

/* The shop's change and pawl's transition, or neither. Frees both. */
static void commit(char *change, pawl_transition *transition)
{
    run("BEGIN IMMEDIATE"); /* the write lock, before anything is read */
    run(change);
    need(pawl_join_append(join, transition, NULL, &err)); /* refused where a claim that it settles was lost */
    run("COMMIT");
    sqlite3_free(change);
    pawl_transition_free(transition);
}

/* Placed again it is the order that is there: the request id comes of its number. */
static void place(const char *number, const char *cents)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Place", .ref = number,
                                          .request_id = pawl_request_id_from(number, strlen(number))});
    pawl_message message = {PAWL_MESSAGE,  .lane = "payment", .target = "bank",
                            .key = number, .data = cents,     .data_size = strlen(cents)};
    pawl_transition_command(t, cents, strlen(cents));
    pawl_transition_message(t, &message);
    message.lane = "mail", message.target = "smtp";
    pawl_transition_message(t, &message);
    commit(sqlite3_mprintf("INSERT OR IGNORE INTO orders VALUES (%Q, %Q, 0)", number, cents), t);
}

static void charge(const pawl_message_view *payment)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Charge", .ref = payment->key,
                                          .request_id = pawl_request_id_from(payment->id.bytes, 16)});
    pawl_transition_settle(t, &(pawl_settlement){PAWL_SETTLEMENT, .id = payment->id, .token = payment->token,
                                                 .verdict = PAWL_VERDICT_DELIVERED});
    commit(sqlite3_mprintf("UPDATE orders SET paid = paid + cents WHERE number = %Q", payment->key), t);
    printf("charged %s\n", payment->key);
}

static void consume(void)
{
    static const pawl_claim_options options = {PAWL_CLAIM_OPTIONS, .lane = "payment", .target = "bank",
                                               .limit = 1,         .wait_ms = 1000,   .ends_with_process = 1};
    pawl_messages *claimed;
    for (size_t count = 1; count; pawl_messages_free(claimed)) {
        need(pawl_claim(store, &options, &claimed, &err));
        count = pawl_messages_count(claimed);
        if (count)
            charge(pawl_messages_get(claimed, 0));
    }
}

/* After a crash it is called again for what it may have sent, under the same id. */
static void send_mail(void *out, const pawl_message_view *mail, pawl_outcome *outcome)
{
    char id[PAWL_UUID_TEXT_SIZE];
    fprintf(out, "%s thank you for order %s\n", pawl_uuid_format(&mail->id, id), mail->key);
    outcome->verdict = fflush(out) == 0 ? PAWL_VERDICT_DELIVERED : PAWL_VERDICT_RETRY;
}

static void work(void)
{
    pawl_worker *worker;
    need(pawl_target_add(store, "smtp", "callback:mail", NULL, NULL, 0, NULL, &err));
    need(pawl_worker_new(store, &(pawl_worker_options){PAWL_WORKER_OPTIONS}, &worker, &err));
    need(pawl_worker_callback(worker, "mail", send_mail, stdout, &err));
    need(pawl_worker_start(worker, &err));
    for (;;)
        need(pawl_store_step(store, 1000, NULL, &err)); /* or pawl_store_start: a thread of its own */
}

int main(int count, char **words)
{
    need(pawl_store_open("sqlite:shop.db?into=1", NULL, &store, &err)); /* first: it sets the file up */
    sqlite3_open("shop.db", &db);
    need(pawl_join_attach(store, db, &join, &err));
    run("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, cents INTEGER, paid INTEGER) STRICT");
    if (count == 4 && strcmp(words[1], "place") == 0)
        place(words[2], words[3]);
    else if (count == 2 && strcmp(words[1], "charge") == 0)
        consume();
    else if (count == 2 && strcmp(words[1], "mail") == 0)
        work();
    pawl_join_detach(join);
    sqlite3_close(db);
    pawl_store_close(store);
}
