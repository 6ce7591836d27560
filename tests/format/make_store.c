/* SPDX-License-Identifier: MIT */
/* Makes a store with something of everything in argv[1], an adopted copy of it in argv[2] (argv[3]: options of both URLs), and tells the fingerprints and
 * digests of each as the library answers them: format.py must find the same in the files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pawl/pawl.h"

static pawl_error err;

static void check(int status, const char *call)
{
    if (status >= 0)
        return;
    fprintf(stderr, "%s: %s (%s)\n", call, err.text, err.hint);
    exit(1);
}
#define CHECK(call) check((call), #call)

static void tell_hex(const uint8_t *bytes)
{
    putchar(' ');
    for (int i = 0; i < 32; i++)
        printf("%02x", bytes[i]);
}

static void tell_scope(pawl_store *store, const char *name)
{
    pawl_store *scope;
    pawl_records *records;
    pawl_messages *messages;
    char id[PAWL_UUID_TEXT_SIZE];
    CHECK(pawl_store_scope(store, name, &scope, &err));
    CHECK(pawl_records_list(scope, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 1000}, &records, &err));
    for (size_t i = 0; i < pawl_records_count(records); i++) {
        const pawl_record *record = pawl_records_get(records, i);
        printf("record %s %llu %llu %s", record->scope, (unsigned long long)record->seq,
               (unsigned long long)record->epoch, pawl_uuid_format(&record->request_id, id));
        tell_hex(record->fingerprint);
        tell_hex(record->digest);
        putchar('\n');
    }
    CHECK(pawl_messages_list(scope, &(pawl_messages_query){PAWL_MESSAGES_QUERY, .limit = 1000}, &messages, &err));
    for (size_t i = 0; i < pawl_messages_count(messages); i++) {
        const pawl_message_view *message = pawl_messages_get(messages, i);
        printf("message %s %s", message->scope, pawl_uuid_format(&message->id, id));
        tell_hex(message->fingerprint);
        putchar('\n');
    }
    pawl_records_free(records);
    pawl_messages_free(messages);
    pawl_store_close(scope);
}

static void tell(pawl_store *store)
{
    static const char *const scopes[] = {"default", "other", "pawl.operator"};
    for (int i = 0; i < 3; i++)
        tell_scope(store, scopes[i]);
    putchar('\n');
}

static void commit(pawl_transition *transition)
{
    CHECK(pawl_transition_commit(transition, NULL, &err));
    pawl_transition_free(transition);
}

static void add_events(pawl_transition *t)
{
    static const struct {
        const char *data, *content_type, *key;
        int keep;
        uint32_t has_stream_seq;
    } events[] = {
        {"{ \"n\": 1.50 , \"list\":[ 1,2 ] }", NULL, "order-1", PAWL_KEEP_FULL, 0},
        {" \n[\"\\u20ac]}\", \"\xe2\x82\xac\"] ", NULL, NULL, PAWL_KEEP_FULL, 1},
        {"123456789012345678901234567890123456789012345678901234567890", NULL, NULL, PAWL_KEEP_FULL, 0},
        {"no JSON", NULL, NULL, PAWL_KEEP_FULL, 0},
        {"", NULL, "\"quoted\\ key\" \xe2\x82\xac", PAWL_KEEP_FULL, 0},
        {"1", "text/plain", NULL, PAWL_KEEP_FULL, 0},
        {"{\"a\":1}", NULL, NULL, PAWL_KEEP_REFERENCE, 0},
        {"bytes", NULL, "k", PAWL_KEEP_NONE, 1},
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        pawl_transition_event(t,
                              &(pawl_event){PAWL_EVENT, .topic = "orders/new", .type = "Placed", .key = events[i].key,
                                            .data = events[i].data, .data_size = strlen(events[i].data),
                                            .content_type = events[i].content_type, .keep = events[i].keep,
                                            .has_stream_seq = events[i].has_stream_seq, .stream_seq = 1u << 31});
}

static void add_messages(pawl_transition *t)
{
    static const pawl_header headers[] = {{"x-b", "\"q\" \xe2\x82\xac\t"}, {"x-a", "1"}, {"x-", ""}};
    pawl_transition_message(t, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp",
                                               .data = "{\"to\": \"a\"}", .data_size = 11, .key = "order-1",
                                               .dedupe = "d-1", .sender = "shop", .headers = headers, .header_count = 3,
                                               .priority = 2, .deadline_ms = 1900000000000});
    pawl_transition_message(
        t, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = "\0\xff", .data_size = 2});
}

/* A transition of the maximum, one of the minimum, and one that settles a claim of a message of the first. */
static void fill(pawl_store *store)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "PlaceOrder", .ref = "order-1",
                                          .request_id = pawl_request_id_from("order-1", 7),
                                          .received_at_ms = 1700000000001, .duration_us = 250, .state_pre = "\1\2",
                                          .state_pre_size = 2, .state_post = "\0\3", .state_post_size = 2});
    pawl_transition_command(t, " {\"n\": 1} ", 10);
    pawl_transition_response(t, "\0bytes", 6);
    add_events(t);
    add_messages(t);
    commit(t);
    commit(pawl_transition_new(store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Tick"}));

    pawl_messages *claimed;
    CHECK(pawl_claim(store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "mail", .target = "smtp", .limit = 1},
                     &claimed, &err));
    t = pawl_transition_new(store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Sent",
                                                              .content_type = "text/plain; charset=utf-8"});
    pawl_transition_command(t, "\xe2\x82\xac", 3);
    pawl_transition_settle(t, &(pawl_settlement){PAWL_SETTLEMENT, .id = pawl_messages_get(claimed, 0)->id,
                                                 .token = pawl_messages_get(claimed, 0)->token,
                                                 .verdict = PAWL_VERDICT_DELIVERED, .remote_id = "r-\"1\""});
    commit(t);
    pawl_messages_free(claimed);
    pawl_enqueued enqueued;
    CHECK(pawl_enqueue(store,
                       &(pawl_message){PAWL_MESSAGE, .lane = "log", .target = "file", .data = "x", .data_size = 1}, 1,
                       &enqueued, &err));
}

int main(int argc, char **argv)
{
    char url[2][512];
    pawl_store *store, *other, *copy;
    const pawl_operation operation = {PAWL_OPERATION, .reason = "said so \xe2\x82\xac", .actor = "op"};
    if (argc != 4)
        return 2;
    for (int i = 0; i < 2; i++)
        snprintf(url[i], sizeof url[i], "sqlite:%s%s", argv[i + 1], argv[3]);
    CHECK(pawl_store_open(url[0], NULL, &store, &err));
    CHECK(pawl_store_scope(store, "other", &other, &err));
    fill(store);
    fill(other);
    pawl_snapshot *snapshot = pawl_snapshot_new(other, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = 1});
    pawl_snapshot_write(snapshot, "state", 5);
    CHECK(pawl_snapshot_commit(snapshot, &err));
    pawl_snapshot_free(snapshot);
    CHECK(pawl_journal_prune(other, 2, &operation, NULL, &err)); /* its first record has hashes alone */
    CHECK(pawl_lane_set(store, "mail", &(pawl_setting){"max_attempts", "3"}, 1, &operation, &err));
    CHECK(pawl_hold_set(other, &(pawl_subject){PAWL_SUBJECT, .lane = "mail"}, "paused", 0, &operation, &err));
    CHECK(pawl_store_backup(store, argv[2], NULL, NULL, &err));
    tell(store);
    pawl_store_close(other);
    pawl_store_close(store);

    CHECK(pawl_store_open(url[1], NULL, &copy, &err)); /* a record of another epoch */
    CHECK(pawl_store_adopt(copy, &operation, &err));
    commit(pawl_transition_new(copy, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Tick"}));
    tell(copy);
    pawl_store_close(copy);
    return 0;
}
