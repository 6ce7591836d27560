/* SPDX-License-Identifier: MIT */
/* Walks over what waits for a sender, read-only, and hands candidates to units that decide afresh. */
#include "outbox/hasten.h"

#include "commit/handle.h"
#include "commit/hasten.h"

#define CANDIDATES 500
#define QUEUES     100

static int hasten_some(pawl_store *store, struct hasten *hasten, const struct page *page, pawl_error *err)
{
    struct opened *opened = store->opened;
    uint64_t numbers[CANDIDATES];
    struct unit unit;
    for (size_t i = 0; i < page->count; i++)
        numbers[i] = page->olds[i].number;
    hasten->numbers = numbers;
    hasten->count = page->count;
    pawli_unit_init(&unit, &opened->committer, store->scope);
    pawli_unit_add(&unit, &hasten->effect, &pawli_effect_hasten);
    unit.deadline = pawli_deadline(opened, 0);
    int status = pawli_arena_failed(&unit.arena) ? pawli_no_memory(err) : pawli_commit(&unit, err);
    pawli_unit_done(&unit);
    return status;
}

static int hasten_queue(pawl_store *store, struct text lane, const char *target, const char *sender, pawl_error *err)
{
    struct query query = {.kind = QUERY_PUT_OFF,
                          .scope = store->scope,
                          .lane = lane,
                          .target = text_of(target),
                          .key = text_of(sender),
                          .limit = CANDIDATES};
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK;) {
        struct hasten hasten = {.lane = lane, .target = query.target, .sender = query.key};
        struct page page;
        status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        if (page.count)
            status = hasten_some(store, &hasten, &page, err);
        more = page.more;
        query.cursor = page.cursor;
        pawli_page_done(&page);
    }
    return status;
}

int pawli_hasten(pawl_store *store, const char *target, const char *sender, pawl_error *err)
{
    struct query query = {.kind = QUERY_QUEUES, .scope = store->scope, .target = text_of(target), .limit = QUEUES};
    int status = PAWL_OK;
    for (bool more = true; more && status == PAWL_OK;) {
        struct page page;
        status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < page.count; i++)
            if (page.queues[i].row.counts[STATE_PENDING])
                status = hasten_queue(store, page.queues[i].row.lane, target, sender, err);
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    return status;
}
