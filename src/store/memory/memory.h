/* SPDX-License-Identifier: MIT */
/* Inside the memory store: rows of model/rows.h as they are, kept in ordered trees. What SQLite calls a table is a table
 * here, what it calls an index is the second order of one, so that the two stores can be read side by side. */
#ifndef PAWLI_MEMORY_H
#define PAWLI_MEMORY_H

#include "model/columns.h"
#include "store/page.h"

/* ---- tree.c: a set in order. Nodes live in what they order, so putting one in cannot fail. ---- */

struct node {
    struct node *child[2];
    uint64_t weight; /* no child weighs more than its parent: that is what keeps the tree flat */
    const void *row;
};

typedef int compare_rows(const void *a, const void *b);

struct order_form {
    enum row_kind row;
    compare_rows *compare; /* NULL: by its key */
};

void pawli_tree_put(struct node **root, struct node *node, struct order_form order); /* no equal row may be there */
void pawli_tree_remove(struct node **root, struct node *node, struct order_form order);

/* A probe is a row of which only what the order compares is filled. NULL: there is none. */
struct node *pawli_tree_find(struct node *root, const void *probe, struct order_form order);
struct node *pawli_tree_after(struct node *root, const void *probe, struct order_form order);  /* the first behind it */
struct node *pawli_tree_before(struct node *root, const void *probe, struct order_form order); /* the last before it */

/* ---- tables.c ---- */

/* A table for each kind of row, in the order of its key; but all tasks stand in one, wherever they are. Some have two orders:
 *
 *   scope, queue   by number; by key       record   by scope, seq; by key
 *   hold           by key; the latest first      bound    by key; by until
 *   signal         by key; by arrival      resource       by key; by holder
 *   tasks          by number; by place, and within it as the place is walked */
#define TASKS ROW_READY

enum order { ORDER_FIRST, ORDER_SECOND, ORDER_COUNT };

struct tables {
    struct store_row store;
    struct committer_row committer; /* the one handle's; id 0 until it wrote */
    struct node *roots[ROW_KIND_COUNT][ORDER_COUNT];
    uint64_t made; /* rows so far: weights come from it */
};

/* A row with its texts, in one piece of memory. */
struct entry {
    struct node nodes[ORDER_COUNT];
    max_align_t row[];
};

/* Rows that are stored: they belong to the tables and change only in save. NULL: there is none. */
const void *pawli_table_find(const struct tables *tables, enum row_kind table, enum order order, const void *probe);
const void *pawli_table_after(const struct tables *tables, enum row_kind table, enum order order, const void *probe);
const void *pawli_table_before(const struct tables *tables, enum row_kind table, enum order order, const void *probe);

enum order pawli_order_of_key(enum row_kind table);

/* Copies a stored row out; its texts go into the arena, which remembers when they could not. */
void pawli_table_copy(enum row_kind table, const void *row, void *out, struct arena *arena);

/* Makes an entry that is in no table yet; NULL when out of memory. */
struct entry *pawli_table_make(struct tables *tables, enum row_kind table, const void *row);
void pawli_table_add(struct tables *tables, enum row_kind table, struct entry *entry);
void pawli_table_remove(struct tables *tables, enum row_kind table, const void *row); /* does not free it */
void pawli_entry_free(struct entry *entry);                                           /* NULL is fine */
struct entry *pawli_entry_of(const void *row);
void pawli_tables_done(struct tables *tables);

/* ---- the store ---- */

struct txn {
    bool saved, has_records, syncs;
};

struct memory_store {
    struct store store;
    _Atomic uint32_t lock;              /* of the tables: 0 free, 1 held, 2 held and waited for */
    _Atomic uint32_t bells[NEWS_COUNT]; /* count commits: those who listen sleep on them */
    _Atomic uint32_t listening;         /* how many do */
    _Atomic unsigned untold;            /* how many numbers what is not synced yet will ring */
    struct tables tables;
    struct txn txn; /* the one that holds the lock */
};

static inline struct memory_store *memory_of(struct store *store)
{
    return (struct memory_store *)store;
}

/* ---- find.c ---- */

struct finder {
    struct walk walk;
    const struct tables *tables;
    struct arena *arena;
};

static inline struct finder *finder_of(struct walk *walk)
{
    return (struct finder *)((char *)walk - offsetof(struct finder, walk));
}

extern const struct finders pawli_memory_finders;

/* ---- load.c, save.c, read.c ---- */
enum store_result pawli_memory_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err);
enum store_result pawli_memory_save(struct memory_store *memory, const struct view *view, pawl_error *err);
enum store_result pawli_memory_read(struct store *store, struct reader *reader, const struct query *query,
                                    struct page *page, pawl_error *err);

#endif
