/* SPDX-License-Identifier: MIT */
/* Reading the ledger: pages of rows, as the public header shows them. */
#include "commit/handle.h"
#include "model/amount.h"
#include "model/check.h"
#include "model/limits.h"
#include "pawl/ledger.h"

struct pawl_ledger {
    struct arena arena;
    int32_t kind;
    size_t count;
    bool more;
    void *views;
};

static const char unreadable[] = "it cannot be read";

static const char *amount(struct decimal value, struct arena *arena)
{
    struct amount_text text;
    return pawli_arena_text(arena, text_of(pawli_amount_text(value, &text))).data;
}

static const char *copied(struct text text, struct arena *arena)
{
    return pawli_arena_text(arena, text).data;
}

/* ---- a view of a row ---- */

static void show_asset(const void *at, void *view, struct arena *arena)
{
    const struct asset_row *row = at;
    *(pawl_asset *)view = (pawl_asset){.struct_size = sizeof(pawl_asset),
                                       .asset = copied(row->name, arena),
                                       .scale = row->scale,
                                       .error = row->is_damaged ? unreadable : NULL};
}

static void show_balance(const void *at, void *view, struct arena *arena)
{
    const struct account_row *row = at;
    *(pawl_balance *)view = (pawl_balance){.struct_size = sizeof(pawl_balance),
                                           .account = copied(row->account, arena),
                                           .asset = copied(row->asset, arena),
                                           .balance = amount(row->balance, arena),
                                           .entries = row->entries,
                                           .seq = row->seq,
                                           .update_seq = row->update_seq,
                                           .error = row->is_damaged ? unreadable : NULL};
}

static void show_entry(const void *at, void *view, struct arena *arena)
{
    const struct entry_row *row = at;
    *(pawl_entry *)view = (pawl_entry){.struct_size = sizeof(pawl_entry),
                                       .seq = row->seq,
                                       .index = row->index,
                                       .account = copied(row->account, arena),
                                       .asset = copied(row->asset, arena),
                                       .delta = amount(row->delta, arena),
                                       .balance = amount(row->balance, arena),
                                       .reason = copied(row->reason, arena),
                                       .reference = copied(row->reference, arena),
                                       .update_seq = row->update_seq,
                                       .error = row->is_damaged ? unreadable : NULL};
}

static void show_fill(const void *at, void *view, struct arena *arena)
{
    const struct fill_row *row = at;
    *(pawl_fill_view *)view = (pawl_fill_view){.struct_size = sizeof(pawl_fill_view),
                                               .seq = row->seq,
                                               .event = row->event,
                                               .trade_id = copied(row->trade, arena),
                                               .market = copied(row->market, arena),
                                               .buyer = copied(row->buyer, arena),
                                               .seller = copied(row->seller, arena),
                                               .price = amount(row->price, arena),
                                               .size = amount(row->size, arena),
                                               .fee = amount(row->fee, arena),
                                               .profit = amount(row->profit, arena),
                                               .error = row->is_damaged ? unreadable : NULL};
}

static void show_projection(const void *at, void *view, struct arena *arena)
{
    const struct projection_row *row = at;
    *(pawl_projection_view *)view = (pawl_projection_view){.struct_size = sizeof(pawl_projection_view),
                                                           .name = copied(row->name, arena),
                                                           .key = copied(row->key, arena),
                                                           .content_type = copied(row->content_type, arena),
                                                           .data = copied(row->data, arena),
                                                           .data_size = row->data.size,
                                                           .version = row->version,
                                                           .seq = row->seq,
                                                           .error = row->is_damaged ? unreadable : NULL};
}

static void show_counter(const void *at, void *view, struct arena *arena)
{
    const struct counter_row *row = at;
    *(pawl_counter *)view = (pawl_counter){.struct_size = sizeof(pawl_counter),
                                           .name = copied(row->name, arena),
                                           .value = row->value,
                                           .seq = row->seq,
                                           .error = row->is_damaged ? unreadable : NULL};
}

static void show_type(const void *at, void *view, struct arena *arena)
{
    const struct type_row *row = at;
    *(pawl_type *)view = (pawl_type){.struct_size = sizeof(pawl_type),
                                     .type = copied(row->name, arena),
                                     .needs = pawli_needs_text(row->needs),
                                     .keep = (int32_t)row->keep,
                                     .critical = row->critical,
                                     .error = row->is_damaged ? unreadable : NULL};
}

static const struct {
    enum query_kind query;
    size_t row_size, view_size;
    void (*show)(const void *row, void *view, struct arena *arena);
} kinds[] = {
    [PAWL_ASSETS] = {QUERY_ASSETS, sizeof(struct asset_row), sizeof(pawl_asset), show_asset},
    [PAWL_BALANCES] = {QUERY_ACCOUNTS, sizeof(struct account_row), sizeof(pawl_balance), show_balance},
    [PAWL_ENTRIES] = {QUERY_ENTRIES, sizeof(struct entry_row), sizeof(pawl_entry), show_entry},
    [PAWL_FILLS] = {QUERY_FILLS, sizeof(struct fill_row), sizeof(pawl_fill_view), show_fill},
    [PAWL_PROJECTIONS] = {QUERY_PROJECTIONS, sizeof(struct projection_row), sizeof(pawl_projection_view),
                          show_projection},
    [PAWL_COUNTERS] = {QUERY_COUNTERS, sizeof(struct counter_row), sizeof(pawl_counter), show_counter},
    [PAWL_TYPES] = {QUERY_TYPES, sizeof(struct type_row), sizeof(pawl_type), show_type},
};

/* ---- a page ---- */

static int check_query(const pawl_ledger_query *query, pawl_error *err)
{
    int status = pawli_check_range("kind", query->kind, 0, COUNT_OF(kinds) - 1, err);
    if (status == PAWL_OK && query->account)
        status = pawli_check_account("account", text_of(query->account), err);
    if (status == PAWL_OK && query->asset)
        status = pawli_check_name("asset", text_of(query->asset), err);
    if (status == PAWL_OK && (query->name || query->kind == PAWL_PROJECTIONS))
        status = pawli_check_name("name", text_of(query->name), err);
    if (status == PAWL_OK)
        status = pawli_check_key("trade_id", text_of(query->trade_id), err);
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(query->key), err);
    if (status == PAWL_OK)
        status = pawli_check_text("prefix", text_of(query->prefix), LIMIT_KEY, err);
    if (status == PAWL_OK)
        status = pawli_check_range("limit", query->limit, 0, LIMIT_LIST, err);
    if (status == PAWL_OK && query->after_seq > INT64_MAX - 1)
        status = pawli_fail(err, PAWL_EINVAL, "after_seq is outside its range");
    return status;
}

static struct query query_of(pawl_store *store, const pawl_ledger_query *given)
{
    struct query query = {.kind = kinds[given->kind].query,
                          .scope = store->scope,
                          .account = text_of(given->account),
                          .asset = text_of(given->asset),
                          .name = text_of(given->name),
                          .prefix = text_of(given->prefix),
                          .after_name = text_of(given->after_account),
                          .after_key = text_of(given->kind == PAWL_PROJECTIONS ? given->after_key : given->after_asset),
                          .key = text_of(given->kind == PAWL_FILLS ? given->trade_id : given->key),
                          .limit = given->limit ? given->limit : LIMIT_LIST};
    /* The page begins at it. */
    query.after = given->after_seq + (given->after_seq && !given->has_after_index);
    query.after_index = given->has_after_index ? given->after_index + 1 : 0;
    return query;
}

static int show(pawl_ledger *ledger, const struct page *page, pawl_error *err)
{
    size_t row_size = kinds[ledger->kind].row_size, view_size = kinds[ledger->kind].view_size;
    ledger->views = pawli_arena_alloc(&ledger->arena, page->count * view_size + 1);
    for (size_t i = 0; ledger->views && i < page->count; i++)
        kinds[ledger->kind].show((const char *)page->assets + i * row_size, (char *)ledger->views + i * view_size,
                                 &ledger->arena);
    ledger->count = page->count;
    ledger->more = page->more;
    return pawli_arena_failed(&ledger->arena) ? pawli_no_memory(err) : PAWL_OK;
}

int pawl_ledger_list(pawl_store *store, const pawl_ledger_query *query, pawl_ledger **ret_ledger, pawl_error *err)
{
    pawl_ledger_query copy;
    struct page page = {0};
    int status = pawli_check_given(err, store, query, ret_ledger);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, query))
        return pawli_bad_struct("pawl_ledger_query", err);
    status = check_query(&copy, err);
    if (status < 0)
        return status;
    pawl_ledger *ledger = pawli_alloc(sizeof *ledger);
    if (!ledger)
        return pawli_no_memory(err);
    ledger->kind = copy.kind;
    const struct query asked = query_of(store, &copy);
    status = pawli_store_query(store->opened->store, &asked, &page, err);
    if (status == PAWL_OK)
        status = show(ledger, &page, err);
    pawli_page_done(&page);
    if (status < 0)
        pawl_ledger_free(ledger);
    else
        *ret_ledger = ledger;
    return status;
}

void pawl_ledger_free(pawl_ledger *ledger)
{
    if (!ledger)
        return;
    pawli_arena_done(&ledger->arena);
    pawli_free(ledger);
}

size_t pawl_ledger_count(const pawl_ledger *ledger)
{
    return ledger ? ledger->count : 0;
}

int pawl_ledger_has_more(const pawl_ledger *ledger)
{
    return ledger && ledger->more;
}

static const void *item_at(const pawl_ledger *ledger, int32_t kind, size_t index)
{
    bool is_there = ledger && ledger->kind == kind && index < ledger->count;
    return is_there ? (const char *)ledger->views + index * kinds[kind].view_size : NULL;
}

const pawl_asset *pawl_ledger_asset(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_ASSETS, index);
}

const pawl_balance *pawl_ledger_balance(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_BALANCES, index);
}

const pawl_entry *pawl_ledger_entry(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_ENTRIES, index);
}

const pawl_fill_view *pawl_ledger_fill(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_FILLS, index);
}

const pawl_projection_view *pawl_ledger_projection(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_PROJECTIONS, index);
}

const pawl_counter *pawl_ledger_counter(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_COUNTERS, index);
}

const pawl_type *pawl_ledger_type(const pawl_ledger *ledger, size_t index)
{
    return item_at(ledger, PAWL_TYPES, index);
}
