/* SPDX-License-Identifier: MIT */
/* What the demo knows of its own: what it submitted, which receipts it got, what the receiver saw. */
#include "cli/demo/demo.h"

#include <stdio.h>

#include "base/codec.h"

#define PAGE 500

static uint64_t hash_of(const pawl_uuid *id)
{
    return pawli_hash_bytes(0, id, sizeof *id);
}

static struct item *item_of(const struct tracker *tracker, const pawl_uuid *request_id)
{
    struct map_probe probe = map_probe(&tracker->by_request, hash_of(request_id));
    uint32_t index;
    while (map_next(&tracker->by_request, &probe, &index))
        if (uuid_equal(&tracker->items[index].request_id, request_id))
            return &tracker->items[index];
    return NULL;
}

static struct arrival *arrival_of(const struct tracker *tracker, const pawl_uuid *id)
{
    struct map_probe probe = map_probe(&tracker->by_message, hash_of(id));
    uint32_t index;
    while (map_next(&tracker->by_message, &probe, &index))
        if (uuid_equal(&tracker->arrivals[index].id, id))
            return &tracker->arrivals[index];
    return NULL;
}

bool tracker_add_item(struct tracker *tracker, const struct item *item)
{
    if (!pawli_arena_reserve(&tracker->arena, (void **)&tracker->items, sizeof *tracker->items, tracker->item_count + 1,
                             &tracker->item_room) ||
        !pawli_map_put(&tracker->by_request, &tracker->arena, hash_of(&item->request_id),
                       (uint32_t)tracker->item_count))
        return false;
    tracker->items[tracker->item_count++] = *item;
    return true;
}

/* A member of a line of JSON; absent: it has none. */
static struct text member(struct text json, const char *name)
{
    const char *problem;
    size_t at;
    struct text key, value;
    if (pawli_json_check(json, &problem, &at) != JSON_GOOD || pawli_json_type(json) != JSON_OBJECT)
        return (struct text){0};
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &key, &value))
        if (pawli_json_name_is(key, name))
            return value;
    return (struct text){0};
}

/* Of a JSON string, without its quotes; nothing in these lines is escaped. */
static struct text inside(struct text string)
{
    return string.size < 2 ? (struct text){0} : (struct text){string.data + 1, string.size - 2};
}

bool tracker_take_receipt(struct tracker *tracker, struct text json)
{
    pawl_uuid request_id, message;
    struct text messages = member(json, "messages"), first;
    struct json_walk walk;
    if (!messages.data || pawli_json_type(messages) != JSON_ARRAY)
        return false;
    walk = pawli_json_walk(messages);
    if (!pawli_json_item(&walk, &first) || !pawli_uuid_read(inside(first), &message) ||
        !pawli_uuid_read(inside(member(json, "request_id")), &request_id))
        return false;
    struct item *item = item_of(tracker, &request_id);
    if (!item || (item->is_accepted && !uuid_equal(&item->message, &message)))
        return false; /* a receipt that says something else than the first one did */
    tracker->accepted += !item->is_accepted;
    tracker->replayed += text_is(member(json, "replayed"), "true");
    item->is_accepted = true;
    item->message = message;
    return true;
}

bool tracker_take_arrival(struct tracker *tracker, struct text json)
{
    struct arrival seen = {.count = 1};
    if (!pawli_uuid_read(inside(member(json, "id")), &seen.id) ||
        !pawli_unhex(inside(member(json, "sha256")), seen.digest.bytes, sizeof seen.digest.bytes))
        return false;
    struct arrival *known = arrival_of(tracker, &seen.id);
    if (known) {
        known->count++;
        known->differs |= !digest_equal(&known->digest, &seen.digest);
        return true;
    }
    if (!pawli_arena_reserve(&tracker->arena, (void **)&tracker->arrivals, sizeof *tracker->arrivals,
                             tracker->arrival_count + 1, &tracker->arrival_room) ||
        !pawli_map_put(&tracker->by_message, &tracker->arena, hash_of(&seen.id), (uint32_t)tracker->arrival_count))
        return false;
    tracker->arrivals[tracker->arrival_count++] = seen;
    return true;
}

void tracker_done(struct tracker *tracker)
{
    pawli_arena_done(&tracker->arena);
}

/* ---- counting ---- */

static void doubt(struct tally *tally, const char *format, ...) PRINTF_LIKE(2, 3);
static void doubt(struct tally *tally, const char *format, ...)
{
    va_list arguments;
    if (tally->trouble[0])
        return;
    va_start(arguments, format);
    vsnprintf(tally->trouble, sizeof tally->trouble, format, arguments);
    va_end(arguments);
}

static void count_page(const pawl_messages *page, struct tally *tally)
{
    for (size_t i = 0; i < pawl_messages_count(page); i++) {
        const pawl_message_view *message = pawl_messages_get(page, i);
        tally->delivered += strcmp(message->state, "delivered") == 0;
        tally->resent += message->attempts > 1 ? message->attempts - 1 : 0;
    }
}

static int count_messages(pawl_store *store, struct tally *tally, pawl_error *err)
{
    pawl_messages_query query = {PAWL_MESSAGES_QUERY, .lane = DEMO_LANE, .limit = PAGE};
    for (;;) {
        pawl_messages *page;
        int status = pawl_messages_list(store, &query, &page, err);
        if (status < 0)
            return status;
        size_t count = pawl_messages_count(page);
        count_page(page, tally);
        bool has_more = pawl_messages_has_more(page);
        if (count)
            query.before = pawl_messages_get(page, count - 1)->id;
        pawl_messages_free(page);
        if (!has_more)
            return PAWL_OK;
    }
}

static void compare(const struct tracker *tracker, const struct payloads *payloads, struct tally *tally)
{
    char id[PAWL_UUID_TEXT_SIZE];
    for (size_t i = 0; i < tracker->item_count; i++) {
        const struct item *item = &tracker->items[i];
        const struct arrival *arrival = item->is_accepted ? arrival_of(tracker, &item->message) : NULL;
        bool is_same = arrival && !arrival->differs &&
                       digest_equal(&arrival->digest, &payloads->items[item->payload].digest);
        if (is_same)
            continue;
        tally->lost++;
        doubt(tally, arrival ? "message %s arrived with other bytes" : "the message of request %s never arrived",
              pawl_uuid_format(arrival ? &item->message : &item->request_id, id));
    }
    for (size_t i = 0; i < tracker->arrival_count; i++)
        tally->recognised += tracker->arrivals[i].count - 1;
    if (tracker->arrival_count != tracker->accepted)
        doubt(tally, "%zu messages arrived, %llu were accepted", tracker->arrival_count,
              (unsigned long long)tracker->accepted);
}

static int verify(pawl_store *store, struct tally *tally, pawl_error *err)
{
    pawl_verification *verification;
    int status = pawl_verify(store, NULL, NULL, NULL, &verification, err);
    if (status < 0 && status != PAWL_ECORRUPT)
        return status;
    tally->is_verified = status == PAWL_OK;
    for (size_t i = 0; i < pawl_verification_count(verification); i++) {
        const pawl_verified *verified = pawl_verification_get(verification, i);
        if (!verified->is_ok)
            doubt(tally, "verify, scope %s, record %llu: %s", verified->scope,
                  (unsigned long long)verified->first_bad_seq, verified->what);
        if (strcmp(verified->scope, pawl_store_scope_name(store)) == 0)
            tally->records = verified->records;
    }
    pawl_verification_free(verification);
    return PAWL_OK;
}

int tracker_tally(const struct tracker *tracker, const struct payloads *payloads, pawl_store *store,
                  struct tally *tally, pawl_error *err)
{
    *tally = (struct tally){.accepted = tracker->accepted, .replayed = tracker->replayed};
    int status = count_messages(store, tally, err);
    if (status == PAWL_OK)
        status = verify(store, tally, err);
    if (status < 0)
        return status;
    compare(tracker, payloads, tally);
    if (tally->accepted != tracker->item_count)
        doubt(tally, "%zu transitions were submitted, %llu accepted", tracker->item_count,
              (unsigned long long)tally->accepted);
    if (tally->records != tally->accepted)
        doubt(tally, "the journal has %llu records, %llu were accepted", (unsigned long long)tally->records,
              (unsigned long long)tally->accepted);
    if (tally->delivered != tally->accepted)
        doubt(tally, "%llu messages are delivered, %llu were accepted", (unsigned long long)tally->delivered,
              (unsigned long long)tally->accepted);
    if (tally->recognised > tally->resent)
        doubt(tally, "%llu arrivals were repeated, but only %llu attempts", (unsigned long long)tally->recognised,
              (unsigned long long)tally->resent);
    return PAWL_OK;
}
