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

static int queue_by_id(const void *a, const void *b)
{
    return by_u64(((const struct queue_row *)a)->id, ((const struct queue_row *)b)->id);
}

static int record_by_seq(const void *a, const void *b)
{
    const struct record_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: by_u64(x->seq, y->seq);
}

static int hold_by_latest(const void *a, const void *b)
{
    return by_i64(((const struct hold_row *)b)->since.ms, ((const struct hold_row *)a)->since.ms)
               ?: pawli_row_compare(ROW_HOLD, a, b, SIZE_MAX);
}

static int bound_by_until(const void *a, const void *b)
{
    const struct bound_row *x = a, *y = b;
    return by_i64(x->until.ms, y->until.ms) ?: pawli_row_compare(ROW_BOUND, a, b, SIZE_MAX);
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

static int fill_by_event(const void *a, const void *b)
{
    const struct fill_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: by_u64(x->seq, y->seq) ?: by_u64(x->event, y->event);
}

static int signal_by_arrival(const void *a, const void *b)
{
    const struct signal_row *x = a, *y = b;
    return by_u64(x->queue, y->queue)
               ?: pawli_text_compare(x->workflow, y->workflow)
               ?: by_u64(x->ordinal, y->ordinal)
               ?: pawli_text_compare(x->key, y->key);
}

static int resource_by_holder(const void *a, const void *b)
{
    const struct resource_row *x = a, *y = b;
    return by_u64(x->scope, y->scope) ?: pawli_text_compare(x->holder, y->holder) ?: pawli_text_compare(x->id, y->id);
}

static const struct table_form {
    compare_rows *compare[ORDER_COUNT]; /* NULL: by key */
    bool has_second;
} forms[ROW_KIND_COUNT] = {
    [ROW_SCOPE] = {{scope_by_id}, true},
    [ROW_RECORD] = {{record_by_seq}, true},
    [ROW_QUEUE] = {{queue_by_id}, true},
    [ROW_HOLD] = {{NULL, hold_by_latest}, true},
    [ROW_BOUND] = {{NULL, bound_by_until}, true},
    [TASKS] = {{NULL, task_by_place}, true},
    [ROW_FILL] = {{NULL, fill_by_event}, true},
    [ROW_SIGNAL] = {{NULL, signal_by_arrival}, true},
    [ROW_RESOURCE] = {{NULL, resource_by_holder}, true},
};

static struct order_form order_of(enum row_kind table, enum order order)
{
    return (struct order_form){table, forms[table].compare[order]};
}

enum order pawli_order_of_key(enum row_kind table)
{
    return forms[table].compare[ORDER_FIRST] ? ORDER_SECOND : ORDER_FIRST;
}

static const struct row_form *form_of(enum row_kind table, const void *row)
{
    return &pawli_rows[table == TASKS ? row_kind_of(((const struct task_row *)row)->place) : table];
}

/* ---- looking ---- */

static const void *row_of(const struct node *node)
{
    return node ? node->row : NULL;
}

const void *pawli_table_find(const struct tables *tables, enum row_kind table, enum order order, const void *probe)
{
    return row_of(pawli_tree_find(tables->roots[table][order], probe, order_of(table, order)));
}

const void *pawli_table_after(const struct tables *tables, enum row_kind table, enum order order, const void *probe)
{
    return row_of(pawli_tree_after(tables->roots[table][order], probe, order_of(table, order)));
}

const void *pawli_table_before(const struct tables *tables, enum row_kind table, enum order order, const void *probe)
{
    return row_of(pawli_tree_before(tables->roots[table][order], probe, order_of(table, order)));
}

/* ---- copying ---- */

/* The next text of a row; NULL: there is no other. */
static struct text *next_text(const struct row_form *form, void *row, size_t *column)
{
    struct text *text = NULL;
    while (!text && *column < form->column_count)
        text = pawli_column_text(&form->columns[(*column)++], row);
    return text;
}

void pawli_table_copy(enum row_kind table, const void *row, void *out, struct arena *arena)
{
    const struct row_form *form = form_of(table, row);
    size_t column = 0;
    memcpy(out, row, form->size);
    for (struct text *text; (text = next_text(form, out, &column));)
        *text = pawli_arena_text(arena, *text);
}

struct entry *pawli_table_make(struct tables *tables, enum row_kind table, const void *row)
{
    const struct row_form *form = form_of(table, row);
    size_t size = sizeof(struct entry) + form->size, column = 0;
    for (struct text *text; (text = next_text(form, (void *)row, &column));)
        if (add_overflows(size, text->size, &size))
            return NULL;
    struct entry *entry = pawli_alloc_raw(size);
    if (!entry)
        return NULL;
    memcpy(entry->row, row, form->size);
    char *at = (char *)entry->row + form->size;
    column = 0;
    for (struct text *text; (text = next_text(form, entry->row, &column));) {
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

void pawli_table_add(struct tables *tables, enum row_kind table, struct entry *entry)
{
    for (enum order order = 0; order <= forms[table].has_second; order++)
        pawli_tree_put(&tables->roots[table][order], &entry->nodes[order], order_of(table, order));
}

void pawli_table_remove(struct tables *tables, enum row_kind table, const void *row)
{
    struct entry *entry = pawli_entry_of(row);
    for (enum order order = 0; order <= forms[table].has_second; order++)
        pawli_tree_remove(&tables->roots[table][order], &entry->nodes[order], order_of(table, order));
}

void pawli_tables_done(struct tables *tables)
{
    for (enum row_kind table = 0; table < ROW_KIND_COUNT; table++) {
        struct node **root = &tables->roots[table][ORDER_FIRST];
        while (*root) {
            const void *row = (*root)->row;
            pawli_tree_remove(root, *root, order_of(table, ORDER_FIRST));
            pawli_entry_free(pawli_entry_of(row));
        }
    }
}
