/* SPDX-License-Identifier: MIT */
/* The tables: what each orders its rows by, and how a row with its texts is copied in and out. */
#include "store/memory/memory.h"

/* ---- orders ---- */

static int by_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int scope_by_id(const void *a, const void *b)
{
    return by_u64(((const struct scope_row *)a)->id, ((const struct scope_row *)b)->id);
}

static int scope_by_name(const void *a, const void *b)
{
    return pawli_text_compare(((const struct scope_row *)a)->name, ((const struct scope_row *)b)->name);
}

static int record_by_seq(const void *a, const void *b)
{
    const struct record_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: by_u64(x->seq, y->seq);
}

static int record_by_request(const void *a, const void *b)
{
    const struct record_row *x = a, *y = b;
    return memcmp(&x->request_id, &y->request_id, sizeof x->request_id) ?: by_u64(x->scope, y->scope);
}

static int queue_by_id(const void *a, const void *b)
{
    return by_u64(((const struct queue_row *)a)->id, ((const struct queue_row *)b)->id);
}

static int queue_by_name(const void *a, const void *b)
{
    const struct queue_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: pawli_text_compare(x->lane, y->lane)
                                      ?: pawli_text_compare(x->target, y->target);
}

static int lane_by_name(const void *a, const void *b)
{
    const struct lane_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: pawli_text_compare(x->name, y->name);
}

static int target_by_name(const void *a, const void *b)
{
    const struct target_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: pawli_text_compare(x->name, y->name);
}

/* Kinds by their text, as SQLite orders them: lists that tie otherwise come out the same. */
static int hold_by_subject(const void *a, const void *b)
{
    const struct hold_row *x = a, *y = b;
    return strcmp(pawli_hold_kind_text(x->kind), pawli_hold_kind_text(y->kind))
        ?: by_u64(x->scope, y->scope)
        ?: pawli_text_compare(x->lane, y->lane)
        ?: pawli_text_compare(x->target, y->target)
        ?: pawli_text_compare(x->code, y->code);
}

static int hold_by_latest(const void *a, const void *b)
{
    return by_i64(((const struct hold_row *)b)->since.ms, ((const struct hold_row *)a)->since.ms)
               ?: hold_by_subject(a, b);
}

static int bound_by_key(const void *a, const void *b)
{
    const struct bound_row *x = a, *y = b;
    return by_u64(x->queue, y->queue) ?: by_u64(x->kind, y->kind) ?: pawli_text_compare(x->key, y->key);
}

static int bound_by_until(const void *a, const void *b)
{
    const struct bound_row *x = a, *y = b;
    return by_i64(x->until.ms, y->until.ms) ?: bound_by_key(a, b);
}

static int line_by_key(const void *a, const void *b)
{
    const struct line_row *x = a, *y = b;
    return by_u64(x->queue, y->queue) ?: pawli_text_compare(x->key, y->key);
}

static int message_by_number(const void *a, const void *b)
{
    return by_u64(((const struct message_row *)a)->number, ((const struct message_row *)b)->number);
}

static int task_by_number(const void *a, const void *b)
{
    return by_u64(((const struct task_row *)a)->number, ((const struct task_row *)b)->number);
}

/* Ready tasks in the order of claims, blocked ones in the order of their lines, the others by number. */
static int task_by_place(const void *a, const void *b)
{
    const struct task_row *x = a, *y = b;
    int order = by_u64(x->place, y->place);
    if (order == 0 && x->place == PLACE_READY)
        order = by_u64(x->queue, y->queue)
             ?: by_u64(x->phase, y->phase)
             ?: by_u64(x->priority, y->priority)
             ?: by_i64(x->due.ms, y->due.ms);
    if (order == 0 && x->place == PLACE_BLOCKED)
        order = by_u64(x->queue, y->queue) ?: pawli_text_compare(x->key, y->key) ?: by_u64(x->order, y->order);
    return order ?: by_u64(x->number, y->number);
}

static int attempt_by_ordinal(const void *a, const void *b)
{
    const struct attempt_row *x = a, *y = b;
    return by_u64(x->number, y->number) ?: by_u64(x->ordinal, y->ordinal);
}

static int worker_by_id(const void *a, const void *b)
{
    return by_u64(((const struct worker_row *)a)->id, ((const struct worker_row *)b)->id);
}

/* ---- what rows are made of ---- */

#define OF(row, field) offsetof(struct row, field)

static const size_t scope_texts[] = {OF(scope_row, name)};
static const size_t record_texts[] = {
    OF(record_row, type),          OF(record_row, ref),      OF(record_row, content_type), OF(record_row, command),
    OF(record_row, response_type), OF(record_row, response), OF(record_row, pre),          OF(record_row, post),
    OF(record_row, events),        OF(record_row, messages), OF(record_row, effects),      OF(record_row, hashes)};
static const size_t queue_texts[] = {OF(queue_row, lane), OF(queue_row, target)};
static const size_t lane_texts[] = {OF(lane_row, name)};
static const size_t target_texts[] = {OF(target_row, name), OF(target_row, url), OF(target_row, secret_file),
                                      OF(target_row, headers)};
static const size_t hold_texts[] = {OF(hold_row, lane), OF(hold_row, target), OF(hold_row, code), OF(hold_row, reason),
                                    OF(hold_row, by)};
static const size_t bound_texts[] = {OF(bound_row, key)};
static const size_t line_texts[] = {OF(line_row, key)};
static const size_t message_texts[] = {OF(message_row, sender),  OF(message_row, key),
                                       OF(message_row, dedupe),  OF(message_row, content_type),
                                       OF(message_row, payload), OF(message_row, headers)};
static const size_t task_texts[] = {OF(task_row, key),          OF(task_row, consumer),  OF(task_row, failure.text),
                                    OF(task_row, progress),     OF(task_row, remote_id), OF(task_row, hold),
                                    OF(task_row, ended_reason), OF(task_row, ended_by)};
static const size_t attempt_texts[] = {OF(attempt_row, worker), OF(attempt_row, verdict), OF(attempt_row, text)};
static const size_t worker_texts[] = {OF(worker_row, consumer), OF(worker_row, scope), OF(worker_row, lanes),
                                      OF(worker_row, sinks)};

static const struct table_row {
    size_t size;
    const size_t *texts; /* where in the row */
    size_t text_count;
    compare_rows *compare[ORDER_COUNT];
} table_rows[TABLE_COUNT] = {
#define TABLE(row, texts, ...)                                                                                         \
    {                                                                                                                  \
        sizeof(struct row), texts, COUNT_OF(texts),                                                                    \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    [TABLE_SCOPE] = TABLE(scope_row, scope_texts, scope_by_id, scope_by_name),
    [TABLE_RECORD] = TABLE(record_row, record_texts, record_by_seq, record_by_request),
    [TABLE_QUEUE] = TABLE(queue_row, queue_texts, queue_by_id, queue_by_name),
    [TABLE_LANE] = TABLE(lane_row, lane_texts, lane_by_name, NULL),
    [TABLE_TARGET] = TABLE(target_row, target_texts, target_by_name, NULL),
    [TABLE_HOLD] = TABLE(hold_row, hold_texts, hold_by_subject, hold_by_latest),
    [TABLE_BOUND] = TABLE(bound_row, bound_texts, bound_by_key, bound_by_until),
    [TABLE_LINE] = TABLE(line_row, line_texts, line_by_key, NULL),
    [TABLE_MESSAGE] = TABLE(message_row, message_texts, message_by_number, NULL),
    [TABLE_TASK] = TABLE(task_row, task_texts, task_by_number, task_by_place),
    [TABLE_ATTEMPT] = TABLE(attempt_row, attempt_texts, attempt_by_ordinal, NULL),
    [TABLE_WORKER] = TABLE(worker_row, worker_texts, worker_by_id, NULL),
#undef TABLE
};

/* ---- looking ---- */

static const void *row_of(const struct node *node)
{
    return node ? node->row : NULL;
}

const void *pawli_table_find(const struct tables *tables, enum table table, enum order order, const void *probe)
{
    return row_of(pawli_tree_find(tables->roots[table][order], probe, table_rows[table].compare[order]));
}

const void *pawli_table_after(const struct tables *tables, enum table table, enum order order, const void *probe)
{
    return row_of(pawli_tree_after(tables->roots[table][order], probe, table_rows[table].compare[order]));
}

const void *pawli_table_before(const struct tables *tables, enum table table, enum order order, const void *probe)
{
    return row_of(pawli_tree_before(tables->roots[table][order], probe, table_rows[table].compare[order]));
}

/* ---- copying ---- */

static struct text *text_at(void *row, size_t offset)
{
    return (struct text *)((char *)row + offset);
}

void pawli_table_copy(enum table table, const void *row, void *out, struct arena *arena)
{
    const struct table_row *of = &table_rows[table];
    memcpy(out, row, of->size);
    for (size_t i = 0; i < of->text_count; i++) {
        struct text *text = text_at(out, of->texts[i]);
        *text = pawli_arena_text(arena, *text);
    }
}

struct entry *pawli_table_make(struct tables *tables, enum table table, const void *row)
{
    const struct table_row *of = &table_rows[table];
    size_t size = sizeof(struct entry) + of->size;
    for (size_t i = 0; i < of->text_count; i++)
        if (add_overflows(size, text_at((void *)row, of->texts[i])->size, &size))
            return NULL;
    struct entry *entry = pawli_alloc_raw(size);
    if (!entry)
        return NULL;
    memcpy(entry->row, row, of->size);
    char *at = (char *)entry->row + of->size;
    for (size_t i = 0; i < of->text_count; i++) {
        struct text *text = text_at(entry->row, of->texts[i]);
        if (!text->data)
            continue;
        memcpy(at, text->data, text->size);
        text->data = at;
        at += text->size;
    }
    for (enum order order = 0; order < ORDER_COUNT; order++)
        entry->nodes[order] = (struct node){.weight = pawli_hash_number(order, ++tables->made), .row = entry->row};
    return entry;
}

struct entry *pawli_entry_of(const void *row)
{
    return (struct entry *)((char *)row - offsetof(struct entry, row));
}

void pawli_entry_free(struct entry *entry)
{
    pawli_free(entry);
}

void pawli_table_add(struct tables *tables, enum table table, struct entry *entry)
{
    for (enum order order = 0; order < ORDER_COUNT; order++)
        if (table_rows[table].compare[order])
            pawli_tree_put(&tables->roots[table][order], &entry->nodes[order], table_rows[table].compare[order]);
}

void pawli_table_remove(struct tables *tables, enum table table, const void *row)
{
    struct entry *entry = pawli_entry_of(row);
    for (enum order order = 0; order < ORDER_COUNT; order++)
        if (table_rows[table].compare[order])
            pawli_tree_remove(&tables->roots[table][order], &entry->nodes[order], table_rows[table].compare[order]);
}

void pawli_tables_done(struct tables *tables)
{
    for (enum table table = 0; table < TABLE_COUNT; table++) {
        struct node **root = &tables->roots[table][ORDER_FIRST];
        while (*root) {
            const void *row = (*root)->row;
            pawli_tree_remove(root, *root, table_rows[table].compare[ORDER_FIRST]);
            pawli_entry_free(pawli_entry_of(row));
        }
    }
}

bool pawli_memory_claim_lost(const struct tables *tables, const struct task_row *task, struct boot_time now,
                             const pawl_uuid *boot_id)
{
    const struct store_row *store = &tables->store;
    if (task->boot != store->boot || !uuid_equal(boot_id, &store->boot_id) || task->lease.ns <= now.ns)
        return true;
    return task->committer != 0 && task->committer != tables->committer.id;
}

bool pawli_memory_worker_alive(const struct tables *tables, const struct worker_row *worker)
{
    return worker->committer == tables->committer.id && worker->stopped.ms == INT64_MAX;
}
