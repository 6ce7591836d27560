/* SPDX-License-Identifier: MIT */
#include "dump.h"

#include "model/columns.h"

#define SMALL 3 /* a page: small, so that paging is compared too */

static void put_text(FILE *out, const char *name, struct text text)
{
    fprintf(out, " %s=", name);
    if (!text.data)
        fputc('-', out);
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 0x20 && text.data[i] < 0x7f)
            fputc(text.data[i], out);
        else
            fprintf(out, "\\%02x", (unsigned char)text.data[i]);
}

static void put_number(FILE *out, const char *name, int64_t number)
{
    if (number == INT64_MAX)
        fprintf(out, " %s=never", name);
    else
        fprintf(out, " %s=%lld", name, (long long)number);
}

#define TEXT_OF(row, field)   put_text(out, #field, (row)->field)
#define NUMBER_OF(row, field) put_number(out, #field, (int64_t)(row)->field)

/* ---- rows ---- */

/* What a store keeps of it, column by column. */
static void put_row(FILE *out, enum row_kind kind, const void *row)
{
    const struct row_form *form = &pawli_rows[kind];
    struct arena arena = {0};
    for (size_t i = 0; i < form->column_count; i++) {
        struct value value = pawli_column_get(&form->columns[i], row, &arena);
        if (value.type == VALUE_NUMBER)
            put_number(out, form->columns[i].name, value.number);
        else
            put_text(out, form->columns[i].name, value.type == VALUE_NULL ? (struct text){0} : value.bytes);
    }
    pawli_arena_done(&arena);
}

static void put_item(FILE *out, const struct message_item *item)
{
    put_row(out, ROW_MESSAGE, &item->message);
    if (item->task.place != PLACE_NONE)
        put_row(out, row_kind_of(item->task.place), &item->task);
    NUMBER_OF(item, task.place);
    TEXT_OF(item, scope);
    TEXT_OF(item, lane);
    TEXT_OF(item, target);
    NUMBER_OF(item, places);
    NUMBER_OF(item, lost);
}

static void put_workflow(FILE *out, const struct workflow_item *item)
{
    put_row(out, ROW_WORKFLOW, &item->workflow);
    if (item->task.place != PLACE_NONE)
        put_row(out, row_kind_of(item->task.place), &item->task);
    NUMBER_OF(item, task.place);
    TEXT_OF(item, scope);
    TEXT_OF(item, kind);
    NUMBER_OF(item, lost);
}

static void put_values(FILE *out, const struct policy *policy)
{
    for (size_t i = 0; i < POLICY_COUNT; i++)
        fprintf(out, ",%lld", (long long)policy->values[i]);
}

static void put_paused(FILE *out, const struct paused *paused)
{
    for (size_t i = 0; i < COUNT_OF(paused->of); i++) {
        NUMBER_OF(paused, of[i].until.ms);
        NUMBER_OF(paused, of[i].length_ms);
    }
}

static void put_queue(FILE *out, const struct queue_item *item)
{
    put_row(out, ROW_QUEUE, &item->row);
    TEXT_OF(item, scope);
    put_values(out, &item->policy);
    put_row(out, ROW_LANE, &(struct lane_row){.policy = item->lane_policy});
    put_row(out, ROW_TARGET, &(struct target_row){.policy = item->target_policy});
    put_row(
        out, ROW_TARGET,
        &(struct target_row){.route = item->route, .probe = item->asked[PHASE_PROBE], .poll = item->asked[PHASE_POLL]});
    NUMBER_OF(item, has_senders);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        NUMBER_OF(item, next_due[phase].ms);
    put_paused(out, &item->paused);
}

static void put_old(FILE *out, const struct old_item *item)
{
    NUMBER_OF(item, number);
    TEXT_OF(item, scope);
    TEXT_OF(item, lane);
    TEXT_OF(item, target);
    NUMBER_OF(item, task.phase);
    NUMBER_OF(item, created.ms);
    NUMBER_OF(item, available.ms);
    NUMBER_OF(item, expires.ms);
    NUMBER_OF(item, task.due.ms);
    NUMBER_OF(item, task.since.ms);
    NUMBER_OF(item, task.updated.ms);
    NUMBER_OF(item, task.until.ms);
    put_values(out, &item->policy);
    put_paused(out, &item->paused);
}

static void put_claim(FILE *out, const struct claim_item *item)
{
    NUMBER_OF(item, committer);
    TEXT_OF(item, consumer);
    TEXT_OF(item, scope);
    TEXT_OF(item, lane);
    NUMBER_OF(item, claimed.ms);
    NUMBER_OF(item, updated.ms);
    NUMBER_OF(item, is_lost);
}

/* ---- pages ---- */

static void put_page(FILE *out, const struct query *query, const struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        fprintf(out, "\n  ");
        switch (query->kind) {
        case QUERY_STORE:
            put_row(out, ROW_STORE, &page->store);
            break;
        case QUERY_SCOPE:
        case QUERY_SCOPES:
            put_row(out, ROW_SCOPE, &page->scopes[i]);
            break;
        case QUERY_RECORD:
        case QUERY_RECORDS:
            put_row(out, ROW_RECORD, &page->records[i]);
            break;
        case QUERY_MESSAGE:
        case QUERY_MESSAGES:
            put_item(out, &page->messages[i]);
            break;
        case QUERY_ATTEMPTS:
            put_row(out, ROW_ATTEMPT, &page->attempts[i]);
            break;
        case QUERY_QUEUES:
            put_queue(out, &page->queues[i]);
            break;
        case QUERY_LANES:
            put_row(out, ROW_LANE, &page->lanes[i]);
            break;
        case QUERY_TARGETS:
            put_row(out, ROW_TARGET, &page->targets[i]);
            break;
        case QUERY_SENDER:
        case QUERY_SENDERS:
            put_row(out, ROW_SENDER, &page->senders[i]);
            break;
        case QUERY_HOLDS:
            put_row(out, ROW_HOLD, &page->holds[i].row);
            put_text(out, "scope", page->holds[i].scope);
            break;
        case QUERY_OLD:
            put_old(out, &page->olds[i]);
            break;
        case QUERY_OLD_BOUNDS:
            put_number(out, "kind", page->bounds[i].kind);
            put_text(out, "key", page->bounds[i].key);
            put_text(out, "scope", page->bounds[i].scope);
            put_text(out, "lane", page->bounds[i].lane);
            put_text(out, "target", page->bounds[i].target);
            break;
        case QUERY_WORKERS:
            put_row(out, ROW_WORKER, &page->workers[i].row);
            put_number(out, "is_alive", page->workers[i].is_alive);
            break;
        case QUERY_CLAIMS:
            put_claim(out, &page->claims[i]);
            break;
        case QUERY_ASSETS:
            put_row(out, ROW_ASSET, &page->assets[i]);
            break;
        case QUERY_ACCOUNTS:
            put_row(out, ROW_ACCOUNT, &page->accounts[i]);
            break;
        case QUERY_ENTRIES:
            put_row(out, ROW_ENTRY, &page->entries[i]);
            break;
        case QUERY_FILLS:
            put_row(out, ROW_FILL, &page->fills[i]);
            break;
        case QUERY_PROJECTIONS:
            put_row(out, ROW_PROJECTION, &page->projections[i]);
            break;
        case QUERY_COUNTERS:
            put_row(out, ROW_COUNTER, &page->counters[i]);
            break;
        case QUERY_TYPES:
            put_row(out, ROW_TYPE, &page->types[i]);
            break;
        case QUERY_SNAPSHOTS:
            put_row(out, ROW_SNAPSHOT, &page->snapshots[i]);
            break;
        case QUERY_CHUNKS:
            put_row(out, ROW_CHUNK, &page->chunks[i]);
            break;
        case QUERY_SUBSCRIPTIONS:
            put_row(out, ROW_SUBSCRIPTION, &page->subscriptions[i].row);
            break;
        case QUERY_WORKFLOWS:
        case QUERY_WORKFLOW:
            put_workflow(out, &page->workflows[i]);
            break;
        case QUERY_SCHEDULES:
            put_row(out, ROW_SCHEDULE, &page->schedules[i].row);
            break;
        case QUERY_KINDS:
            put_row(out, ROW_KIND, &page->kinds[i]);
            break;
        case QUERY_SIGNALS:
            put_row(out, ROW_SIGNAL, &page->signals[i]);
            break;
        case QUERY_STEPS:
            put_row(out, ROW_STEP, &page->steps[i]);
            break;
        case QUERY_RESOURCES:
            put_row(out, ROW_RESOURCE, &page->resources[i]);
            break;
        case QUERY_RESOURCE_MOVES:
            put_row(out, ROW_RESOURCE_MOVE, &page->resource_moves[i]);
            break;
        case QUERY_DAMAGE:
            put_text(out, "what", page->damages[i].what);
            break;
        case QUERY_PUT_OFF:
            put_number(out, "number", page->olds[i].number);
            break;
        case QUERY_GONE: /* in any order: how many there are */
        case QUERY_LOOK:
        case QUERY_LINE:
        case QUERY_KIND_COUNT:
            break;
        }
    }
}

static void put_look(FILE *out, const struct page *page)
{
    const struct look *look = &page->look;
    NUMBER_OF(look, is_due);
    NUMBER_OF(look, is_lost);
    NUMBER_OF(look, next_due.ms);
    if (!look->is_lost) /* else it was not looked for to the end */
        NUMBER_OF(look, next_lease.ns);
    for (size_t i = 0; i < page->look_hold_count; i++)
        put_row(out, ROW_HOLD, &page->look_holds[i].row);
}

/* All pages of a query, one after the other. */
static void ask(struct world *w, FILE *out, struct query query)
{
    struct store *store = w->store->opened->store;
    fprintf(out, "\nquery %d place %d state %d", query.kind, query.place, query.state);
    for (bool more = true; more;) {
        struct page page;
        assert_ok(pawli_store_query(store, &query, &page, &err));
        put_page(out, &query, &page);
        if (query.kind == QUERY_LOOK)
            put_look(out, &page);
        if (query.kind == QUERY_LINE && page.line.found)
            put_row(out, ROW_LINE, &page.line.row);
        fprintf(out, page.more ? " more" : " end");
        more = page.more && query.kind != QUERY_OLD_BOUNDS; /* its pages follow each other by being dealt with */
        *(query.down ? &query.before : &query.after) = page.next;
        query.cursor = page.cursor;
        pawli_page_done(&page);
    }
}

static void ask_messages(struct world *w, FILE *out)
{
    struct query query = {.kind = QUERY_MESSAGES, .limit = SMALL, .any_state = true, .wants_places = true};
    ask(w, out, query);
    query.down = true;
    ask(w, out, query);
    query.any_state = query.wants_places = false;
    for (query.state = 0; query.state < STATE_COUNT; query.state++)
        ask(w, out, query);
    query.any_state = true;
    query.key = TEXT("a");
    query.scope = TEXT("default");
    ask(w, out, query);
    struct page page;
    assert_ok(
        pawli_store_query(w->store->opened->store, &(struct query){.kind = QUERY_SCOPES, .limit = 100}, &page, &err));
    for (size_t i = 0; i < page.count; i++)
        for (uint64_t number = 1; number <= page.scopes[i].last_number + 1; number++) {
            ask(w, out, (struct query){.kind = QUERY_MESSAGE, .scope = page.scopes[i].name, .number = number});
            ask(w, out, (struct query){.kind = QUERY_ATTEMPTS, .number = number_of(page.scopes[i].id, number)});
        }
    pawli_page_done(&page);
}

static void ask_queues(struct world *w, FILE *out)
{
    struct page page;
    ask(w, out, (struct query){.kind = QUERY_QUEUES, .limit = SMALL});
    ask(w, out, (struct query){.kind = QUERY_QUEUES, .limit = SMALL, .wants_due = true});
    struct query all = {.kind = QUERY_QUEUES, .limit = UINT32_MAX};
    assert_ok(pawli_store_query(w->store->opened->store, &all, &page, &err));
    for (size_t i = 0; i < page.count; i++) {
        const struct queue_item *item = &page.queues[i];
        struct query query = {.scope = item->scope, .lane = item->row.lane, .target = item->row.target};
        query.kind = QUERY_LOOK;
        ask(w, out, query);
        query.kind = QUERY_LINE;
        query.key = TEXT("a");
        ask(w, out, query);
        query.key = TEXT("b");
        ask(w, out, query);
    }
    pawli_page_done(&page);
    ask(w, out, (struct query){.kind = QUERY_LOOK, .scope = TEXT("none"), .lane = TEXT("-"), .target = TEXT("-")});
}

static void ask_scopes(struct world *w, FILE *out)
{
    static const enum query_kind listings[] = {
        QUERY_HOLDS,     QUERY_LANES,  QUERY_TARGETS,       QUERY_SENDERS, QUERY_QUEUES,    QUERY_SCOPE,    QUERY_TYPES,
        QUERY_SNAPSHOTS, QUERY_CHUNKS, QUERY_SUBSCRIPTIONS, QUERY_KINDS,   QUERY_RESOURCES, QUERY_SCHEDULES};
    struct page page;
    struct query all = {.kind = QUERY_SCOPES, .limit = UINT32_MAX};
    ask(w, out, (struct query){.kind = QUERY_SCOPES, .limit = SMALL});
    assert_ok(pawli_store_query(w->store->opened->store, &all, &page, &err));
    for (size_t i = 0; i < page.count; i++) {
        struct query query = {.scope = page.scopes[i].name, .limit = SMALL};
        query.kind = QUERY_RECORDS;
        ask(w, out, query);
        query.down = true;
        ask(w, out, query);
        for (size_t k = 0; k < COUNT_OF(listings); k++)
            ask(w, out, (struct query){.kind = listings[k], .scope = page.scopes[i].name, .limit = UINT32_MAX});
    }
    pawli_page_done(&page);
    ask(w, out, (struct query){.kind = QUERY_HOLDS, .limit = UINT32_MAX});
}

/* And what hangs on each. */
static void ask_workflows(struct world *w, FILE *out)
{
    struct query query = {.kind = QUERY_WORKFLOWS, .lane = TEXT(WORKFLOW_LANE), .limit = SMALL, .any_state = true};
    struct page page;
    ask(w, out, query);
    query.down = true;
    ask(w, out, query);
    query.limit = UINT32_MAX;
    assert_ok(pawli_store_query(w->store->opened->store, &query, &page, &err));
    for (size_t i = 0; i < page.count; i++) {
        const struct workflow_item *item = &page.workflows[i];
        struct query one = {.scope = item->scope, .target = item->kind, .name = item->workflow.id, .limit = UINT32_MAX};
        one.kind = QUERY_WORKFLOW;
        ask(w, out, one);
        one.kind = QUERY_SIGNALS;
        ask(w, out, one);
        ask(w, out, (struct query){.kind = QUERY_STEPS, .number = item->workflow.number, .limit = SMALL});
    }
    pawli_page_done(&page);
}

void dump_store(struct world *w, FILE *out)
{
    ask(w, out, (struct query){.kind = QUERY_STORE});
    ask_scopes(w, out);
    ask_queues(w, out);
    ask_messages(w, out);
    ask_workflows(w, out);
    for (enum old old = 0; old < OLD_COUNT; old++)
        for (int all = 0; all < 2; all++)
            ask(w, out, (struct query){.kind = QUERY_OLD, .old = old, .all = all, .limit = SMALL});
    ask(w, out, (struct query){.kind = QUERY_OLD_BOUNDS, .limit = 100});
    ask(w, out, (struct query){.kind = QUERY_GONE, .place = PLACE_READY, .limit = UINT32_MAX});
    ask(w, out, (struct query){.kind = QUERY_GONE, .place = PLACE_BLOCKED, .limit = UINT32_MAX});
    ask(w, out, (struct query){.kind = QUERY_WORKERS, .limit = SMALL});
    ask(w, out, (struct query){.kind = QUERY_CLAIMS, .limit = SMALL});
}
