/* SPDX-License-Identifier: MIT */
/* What only the memory store answers, and the law of the trees that it is made of. */
#include "conformance.h"
#include "store/memory/memory.h"

/* ---- trees: whatever goes in and out in whatever order, they are a sorted set ---- */

#define KEYS 300

struct item {
    struct node node;
    uint32_t key;
    bool is_in;
};

static int by_key(const void *a, const void *b)
{
    uint32_t x = ((const struct item *)a)->key, y = ((const struct item *)b)->key;
    return (x > y) - (x < y);
}

#define KEYED ((struct order_form){.compare = by_key})

static const struct item *item_of(const struct node *node)
{
    return node ? node->row : NULL;
}

static const struct item *expect(const struct item *items, int from, int step)
{
    for (int i = from; i >= 0 && i < KEYS; i += step)
        if (items[i].is_in)
            return &items[i];
    return NULL;
}

static void a_tree_is_a_sorted_set(void **state)
{
    (void)state;
    struct item *items = calloc(KEYS, sizeof *items);
    struct env *env = pawli_sim_new(7);
    struct node *root = NULL;
    for (uint32_t i = 0; i < KEYS; i++)
        items[i].key = i;
    for (int turn = 0; turn < 5000; turn++) {
        struct item *item = &items[pawli_sim_random(env, KEYS)];
        if (item->is_in) {
            pawli_tree_remove(&root, &item->node, KEYED);
        } else {
            item->node = (struct node){.weight = pawli_sim_random(env, turn % 2 ? 8 : UINT64_MAX), .row = item};
            pawli_tree_put(&root, &item->node, KEYED);
        }
        item->is_in = !item->is_in;
        struct item probe = {.key = (uint32_t)pawli_sim_random(env, KEYS)};
        int at = (int)probe.key;
        assert_ptr_equal(item_of(pawli_tree_find(root, &probe, KEYED)), items[at].is_in ? &items[at] : NULL);
        assert_ptr_equal(item_of(pawli_tree_after(root, &probe, KEYED)), expect(items, at + 1, 1));
        assert_ptr_equal(item_of(pawli_tree_before(root, &probe, KEYED)), expect(items, at - 1, -1));
    }
    env->ops->close(env);
    free(items);
}

static int depth_of(const struct node *node)
{
    if (!node)
        return 0;
    int left = depth_of(node->child[0]), right = depth_of(node->child[1]);
    return 1 + (left > right ? left : right);
}

static void rows_that_come_in_order_make_a_flat_tree(void **state)
{
    (void)state;
    struct tables tables = {0};
    for (uint64_t number = 1; number <= 100000; number++) {
        struct message_row row = {.number = number, .payload = TEXT("x")};
        struct entry *entry = pawli_table_make(&tables, ROW_MESSAGE, &row);
        assert_non_null(entry);
        pawli_table_add(&tables, ROW_MESSAGE, entry);
    }
    assert_true(depth_of(tables.roots[ROW_MESSAGE][ORDER_FIRST]) < 60);
    struct message_row probe = {.number = 50000};
    const struct message_row *found = pawli_table_find(&tables, ROW_MESSAGE, ORDER_FIRST, &probe);
    assert_int_equal(found->number, 50000);
    assert_true(text_is(found->payload, "x"));
    pawli_tables_done(&tables);
    assert_null(tables.roots[ROW_MESSAGE][ORDER_FIRST]);
}

/* ---- opening ---- */

static void a_memory_store_has_no_name(void **state)
{
    (void)state;
    pawl_store *store;
    assert_status(pawl_store_open("memory:x", NULL, &store, &err), PAWL_EINVAL);
    assert_status(pawl_store_open("memory:?vfs=x", NULL, &store, &err), PAWL_EINVAL);
    assert_status(pawl_store_open("memory", NULL, &store, &err), PAWL_EINVAL);
    assert_status(pawl_store_open("memories:", NULL, &store, &err), PAWL_EUNSUPPORTED);
    assert_status(pawl_store_open("memory:", &(pawl_store_options){PAWL_STORE_OPTIONS, .must_exist = 1}, &store, &err),
                  PAWL_ENOTFOUND);
    assert_status(pawl_store_open("memory:", &(pawl_store_options){PAWL_STORE_OPTIONS, .read_only = 1}, &store, &err),
                  PAWL_ENOTFOUND);
}

static void open_memory(struct world *w)
{
    static const struct kind memory = {"memory", "memory:", false, false};
    open_world(w, &memory, 1);
}

static void every_opening_is_a_store_of_its_own(void **state)
{
    (void)state;
    struct world w;
    pawl_store *second;
    open_memory(&w);
    add(&w, MESSAGE("1", .key = NULL));
    assert_ok(pawli_open_in(w.env, "memory:", NULL, &second, &err));
    pawl_store *first = w.store;
    w.store = second;
    assert_int_equal(stats(&w).pending, 0);
    w.store = first;
    pawl_store_close(second);
    close_world(&w);
}

static void what_needs_a_file_is_refused(void **state)
{
    (void)state;
    struct world w;
    pawl_join *join;
    open_memory(&w);
    assert_status(pawl_store_backup(w.store, "/dev/null", NULL, NULL, &err), PAWL_EINVAL);
    assert_status(pawl_join_attach(w.store, &w, &join, &err), PAWL_EUNSUPPORTED);
    struct store *inner = w.store->opened->store;
    assert_int_equal(pawli_store_adopt(inner, &err), STORE_INVALID);
    assert_int_equal(pawli_store_tend(inner, &err), STORE_OK);
    assert_false(pawli_store_needs_tending(inner));
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(w.store, &info, &err));
    assert_string_equal(info.engine, "memory");
    close_world(&w);
}

/* ---- the lock ---- */

static void a_reader_has_one_snapshot(void **state)
{
    (void)state;
    struct world w;
    struct reader *reader;
    struct page before = {0}, after = {0};
    struct query query = {.kind = QUERY_MESSAGES, .any_state = true, .limit = 10};
    open_memory(&w);
    add(&w, MESSAGE("1", .key = NULL));
    struct store *inner = w.store->opened->store;
    assert_int_equal(pawli_store_reader(inner, &reader, &err), STORE_OK);
    assert_int_equal(pawli_store_read(inner, reader, &query, &before, &err), STORE_OK);
    int64_t began = now_ms(&w);
    assert_status(try_add(&w, MESSAGE("2", .key = NULL)), PAWL_EBUSY);
    assert_int_equal(now_ms(&w), began + 5000); /* as long as a writer waits for others */
    assert_int_equal(pawli_store_read(inner, reader, &query, &after, &err), STORE_OK);
    assert_int_equal(before.count, 1);
    assert_int_equal(after.count, 1);
    pawli_store_done(inner, reader);
    pawli_page_done(&before);
    pawli_page_done(&after);
    add(&w, MESSAGE("2", .key = NULL));
    assert_int_equal(stats(&w).pending, 2);
    close_world(&w);
}

static void a_lost_commit_can_be_looked_up(void **state)
{
    (void)state;
    struct world w;
    bool committed = false;
    open_memory(&w);
    add(&w, MESSAGE("1", .key = NULL));
    add(&w, MESSAGE("2", .key = NULL));
    struct store *inner = w.store->opened->store;
    struct committer_row marker = w.store->opened->committer.own;
    assert_int_equal(marker.batch, 2);
    assert_int_equal(pawli_store_resolve(inner, &marker, BOOT_NEVER, &committed, &err), STORE_OK);
    assert_true(committed);
    marker.batch++;
    assert_int_equal(pawli_store_resolve(inner, &marker, BOOT_NEVER, &committed, &err), STORE_OK);
    assert_false(committed);
    marker.batch--;
    marker.id++;
    assert_int_equal(pawli_store_resolve(inner, &marker, BOOT_NEVER, &committed, &err), STORE_OK);
    assert_false(committed);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_a_sorted_set),         cmocka_unit_test(rows_that_come_in_order_make_a_flat_tree),
        cmocka_unit_test(a_memory_store_has_no_name),     cmocka_unit_test(every_opening_is_a_store_of_its_own),
        cmocka_unit_test(what_needs_a_file_is_refused),   cmocka_unit_test(a_reader_has_one_snapshot),
        cmocka_unit_test(a_lost_commit_can_be_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
