/* SPDX-License-Identifier: MIT */
#include "dump.h"

#include "base/codec.h"

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

static void put_bytes(FILE *out, const char *name, const void *bytes, size_t size)
{
    fprintf(out, " %s=", name);
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%02x", ((const unsigned char *)bytes)[i]);
}

static void put_number(FILE *out, const char *name, int64_t number)
{
    if (number == INT64_MAX)
        fprintf(out, " %s=never", name);
    else
        fprintf(out, " %s=%lld", name, (long long)number);
}

#define TEXT_OF(row, field)   put_text(out, #field, (row)->field)
#define BYTES_OF(row, field)  put_bytes(out, #field, &(row)->field, sizeof(row)->field)
#define NUMBER_OF(row, field) put_number(out, #field, (int64_t)(row)->field)

/* ---- rows ---- */

static void put_store(FILE *out, const struct store_row *row)
{
    BYTES_OF(row, life);
    NUMBER_OF(row, epoch);
    NUMBER_OF(row, commits);
    NUMBER_OF(row, last_number);
    NUMBER_OF(row, last_token);
    NUMBER_OF(row, last_scope);
    NUMBER_OF(row, last_queue);
    NUMBER_OF(row, last_committer);
    BYTES_OF(row, boot_id);
    NUMBER_OF(row, boot);
    NUMBER_OF(row, looks);
    NUMBER_OF(row, lease.ns);
    NUMBER_OF(row, clock.wall.ms);
    NUMBER_OF(row, clock.boot.ns);
    NUMBER_OF(row, clock.steady.ms);
    NUMBER_OF(row, clock.steady_boot.ns);
    NUMBER_OF(row, clock.floor.ms);
    NUMBER_OF(row, clock.leapt_ms);
    NUMBER_OF(row, clock.ahead.ms);
    NUMBER_OF(row, clock.backs);
    NUMBER_OF(row, clock.mended);
}

static void put_record(FILE *out, const struct record_row *row)
{
    NUMBER_OF(row, scope);
    NUMBER_OF(row, seq);
    BYTES_OF(row, request_id);
    BYTES_OF(row, fingerprint);
    TEXT_OF(row, type);
    TEXT_OF(row, ref);
    TEXT_OF(row, content_type);
    TEXT_OF(row, command);
    TEXT_OF(row, response_type);
    TEXT_OF(row, response);
    TEXT_OF(row, pre);
    TEXT_OF(row, post);
    NUMBER_OF(row, duration_us);
    NUMBER_OF(row, received.ms);
    NUMBER_OF(row, committed.ms);
    NUMBER_OF(row, epoch);
    BYTES_OF(row, digest);
    TEXT_OF(row, events);
    TEXT_OF(row, messages);
    TEXT_OF(row, settled);
    TEXT_OF(row, hashes);
}

static void put_message(FILE *out, const struct message_row *row)
{
    NUMBER_OF(row, number);
    NUMBER_OF(row, tail);
    NUMBER_OF(row, queue);
    NUMBER_OF(row, seq);
    TEXT_OF(row, sender);
    TEXT_OF(row, key);
    TEXT_OF(row, dedupe);
    BYTES_OF(row, request_id);
    NUMBER_OF(row, priority);
    TEXT_OF(row, content_type);
    TEXT_OF(row, payload);
    TEXT_OF(row, headers);
    BYTES_OF(row, fingerprint);
    NUMBER_OF(row, deadline.ms);
    NUMBER_OF(row, available.ms);
    NUMBER_OF(row, expires.ms);
    NUMBER_OF(row, max_attempts);
    NUMBER_OF(row, created.ms);
}

static void put_task(FILE *out, const struct task_row *row)
{
    NUMBER_OF(row, number);
    NUMBER_OF(row, queue);
    NUMBER_OF(row, place);
    NUMBER_OF(row, phase);
    NUMBER_OF(row, ended);
    NUMBER_OF(row, priority);
    NUMBER_OF(row, due.ms);
    NUMBER_OF(row, since.ms);
    NUMBER_OF(row, attempts);
    NUMBER_OF(row, deferrals);
    NUMBER_OF(row, crashes);
    TEXT_OF(row, key);
    NUMBER_OF(row, order);
    NUMBER_OF(row, holds_key);
    NUMBER_OF(row, tail);
    NUMBER_OF(row, token);
    NUMBER_OF(row, committer);
    TEXT_OF(row, consumer);
    NUMBER_OF(row, claimed.ms);
    NUMBER_OF(row, lease.ns);
    NUMBER_OF(row, boot);
    NUMBER_OF(row, failure.class);
    TEXT_OF(row, failure.text);
    NUMBER_OF(row, failure.at.ms);
    TEXT_OF(row, progress);
    TEXT_OF(row, remote_id);
    TEXT_OF(row, hold);
    NUMBER_OF(row, until.ms);
    NUMBER_OF(row, ended_at.ms);
    TEXT_OF(row, ended_reason);
    TEXT_OF(row, ended_by);
    BYTES_OF(row, successor);
    NUMBER_OF(row, updated.ms);
}

static void put_item(FILE *out, const struct message_item *item)
{
    put_message(out, &item->message);
    put_task(out, &item->task);
    TEXT_OF(item, scope);
    TEXT_OF(item, lane);
    TEXT_OF(item, target);
    NUMBER_OF(item, places);
    NUMBER_OF(item, lost);
}

static void put_attempt(FILE *out, const struct attempt_row *row)
{
    NUMBER_OF(row, number);
    NUMBER_OF(row, n);
    NUMBER_OF(row, began.ms);
    NUMBER_OF(row, ended.ms);
    TEXT_OF(row, worker);
    TEXT_OF(row, verdict);
    TEXT_OF(row, text);
    NUMBER_OF(row, class);
}

static void put_policy(FILE *out, const struct policy *policy)
{
    for (size_t i = 0; i < POLICY_COUNT; i++)
        if (policy->set >> i & 1)
            fprintf(out, " policy%zu=%lld", i, (long long)policy->values[i]);
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
    NUMBER_OF(item, row.id);
    NUMBER_OF(item, row.scope);
    TEXT_OF(item, row.lane);
    TEXT_OF(item, row.target);
    for (size_t i = 0; i < STATE_COUNT; i++)
        fprintf(out, ",%llu", (unsigned long long)item->row.counts[i]);
    NUMBER_OF(item, row.lease.ns);
    NUMBER_OF(item, row.looks);
    TEXT_OF(item, scope);
    put_values(out, &item->policy);
    put_policy(out, &item->lane_policy);
    put_policy(out, &item->target_policy);
    TEXT_OF(item, url);
    TEXT_OF(item, secret_file);
    NUMBER_OF(item, next_due.ms);
    put_paused(out, &item->paused);
}

static void put_hold(FILE *out, const struct hold_row *row)
{
    NUMBER_OF(row, kind);
    TEXT_OF(row, lane);
    TEXT_OF(row, target);
    TEXT_OF(row, code);
    TEXT_OF(row, reason);
    TEXT_OF(row, by);
    NUMBER_OF(row, since.ms);
    NUMBER_OF(row, until.ms);
    NUMBER_OF(row, before_ms);
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

static void put_worker(FILE *out, const struct worker_item *item)
{
    const struct worker_row *row = &item->row;
    NUMBER_OF(row, id);
    TEXT_OF(row, consumer);
    NUMBER_OF(row, committer);
    NUMBER_OF(row, pid);
    TEXT_OF(row, scope);
    TEXT_OF(row, lanes);
    TEXT_OF(row, sinks);
    NUMBER_OF(row, since.ms);
    NUMBER_OF(row, seen.ms);
    NUMBER_OF(row, stopped.ms);
    NUMBER_OF(item, is_alive);
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
            put_store(out, &page->store);
            break;
        case QUERY_SCOPES:
            fprintf(out, " id=%llu seq=%llu", (unsigned long long)page->scopes[i].id,
                    (unsigned long long)page->scopes[i].seq);
            put_text(out, "name", page->scopes[i].name);
            put_bytes(out, "head", &page->scopes[i].head, DIGEST_SIZE);
            break;
        case QUERY_RECORD:
        case QUERY_RECORDS:
            put_record(out, &page->records[i]);
            break;
        case QUERY_MESSAGE:
        case QUERY_MESSAGES:
            put_item(out, &page->messages[i]);
            break;
        case QUERY_ATTEMPTS:
            put_attempt(out, &page->attempts[i]);
            break;
        case QUERY_QUEUES:
            put_queue(out, &page->queues[i]);
            break;
        case QUERY_LANES:
            put_text(out, "name", page->lanes[i].name);
            put_policy(out, &page->lanes[i].policy);
            break;
        case QUERY_TARGETS:
            put_text(out, "name", page->targets[i].name);
            put_text(out, "url", page->targets[i].url);
            put_text(out, "secret", page->targets[i].secret_file);
            put_policy(out, &page->targets[i].policy);
            break;
        case QUERY_HOLDS:
            put_hold(out, &page->holds[i].row);
            put_number(out, "scope", (int64_t)page->holds[i].row.scope);
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
            put_worker(out, &page->workers[i]);
            break;
        case QUERY_CLAIMS:
            put_claim(out, &page->claims[i]);
            break;
        case QUERY_DAMAGE:
            put_text(out, "what", page->damages[i].what);
            break;
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
        put_hold(out, &page->look_holds[i].row);
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
            fprintf(out, " head=%llu order=%llu depth=%llu", (unsigned long long)page.line.row.head,
                    (unsigned long long)page.line.row.order, (unsigned long long)page.line.row.depth);
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
    assert_ok(pawli_store_query(w->store->opened->store, &(struct query){.kind = QUERY_STORE}, &page, &err));
    for (uint64_t number = 1; number <= page.store.last_number + 1; number++) {
        ask(w, out, (struct query){.kind = QUERY_MESSAGE, .number = number});
        ask(w, out, (struct query){.kind = QUERY_ATTEMPTS, .number = number});
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
        query = (struct query){.scope = page.scopes[i].name, .limit = UINT32_MAX, .kind = QUERY_HOLDS};
        ask(w, out, query);
        query.kind = QUERY_LANES;
        ask(w, out, query);
        query.kind = QUERY_TARGETS;
        ask(w, out, query);
        query.kind = QUERY_QUEUES;
        ask(w, out, query);
    }
    pawli_page_done(&page);
    ask(w, out, (struct query){.kind = QUERY_HOLDS, .limit = UINT32_MAX});
}

void dump_store(struct world *w, FILE *out)
{
    ask(w, out, (struct query){.kind = QUERY_STORE});
    ask_scopes(w, out);
    ask_queues(w, out);
    ask_messages(w, out);
    for (enum old old = 0; old < OLD_COUNT; old++)
        for (int all = 0; all < 2; all++)
            ask(w, out, (struct query){.kind = QUERY_OLD, .old = old, .all = all, .limit = SMALL});
    ask(w, out, (struct query){.kind = QUERY_OLD_BOUNDS, .limit = 100});
    ask(w, out, (struct query){.kind = QUERY_WORKERS, .limit = SMALL});
    ask(w, out, (struct query){.kind = QUERY_CLAIMS, .limit = SMALL});
}
