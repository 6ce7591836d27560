/* SPDX-License-Identifier: MIT */
/* The ledger, recomputed in one walk over the records: the entries from what the records say was posted, and each balance from
 * its entries. What accounts come to is in memory meanwhile: some 150 bytes for each, however many entries there are. */
#include "base/json.h"
#include "base/links.h"
#include "commit/handle.h"
#include "commit/ledger.h"
#include "model/check.h"
#include "pawl/ledger.h"

#define PAGE 1000

/* What an account comes to by its entries so far. */
struct holding {
    struct link link; /* by account and asset */
    struct text account, asset;
    struct decimal balance;
    uint64_t entries, seq;
};

struct checking {
    struct store *store;
    struct reader *reader;
    struct text scope;
    struct arena arena; /* of one record */
    struct links holdings;
    struct arena held; /* what they are made of */
    uint64_t balances; /* of them, that there is a row of */
    pawl_ledger_checked *found;
    pawl_error *err;
};

static void keep(struct text text, char *out, size_t size)
{
    size_t count = text.size < size ? text.size : size - 1;
    if (count)
        memcpy(out, text.data, count);
    out[count] = '\0';
}

static void bad(struct checking *c, const char *what, struct text account, struct text asset, uint64_t seq)
{
    pawl_ledger_checked *found = c->found;
    if (!found->ok)
        return;
    found->ok = 0;
    found->what = what;
    found->seq = seq;
    keep(account, found->account, sizeof found->account);
    keep(asset, found->asset, sizeof found->asset);
}

static int read_page(struct checking *c, const struct query *query, struct page *page)
{
    *page = (struct page){0};
    return pawli_store_status(pawli_store_read(c->store, c->reader, query, page, c->err));
}

static bool same_amount(struct decimal a, struct decimal b)
{
    return pawli_decimal_compare(a, b) == 0;
}

/* ---- balances from entries ---- */

static uint64_t hash_of(struct text account, struct text asset)
{
    return pawli_hash_bytes(pawli_hash_bytes(0, account.data, account.size), asset.data, asset.size);
}

static struct holding *find_holding(struct checking *c, struct text account, struct text asset)
{
    uint64_t hash = hash_of(account, asset);
    for (struct link *link = NULL; (link = pawli_links_find(&c->holdings, link, hash)) != NULL;) {
        struct holding *holding = (struct holding *)link;
        if (text_equal(holding->account, account) && text_equal(holding->asset, asset))
            return holding;
    }
    return NULL;
}

/* NULL: out of memory. */
static struct holding *holding_of(struct checking *c, struct text account, struct text asset)
{
    struct holding *holding = find_holding(c, account, asset);
    if (holding)
        return holding;
    holding = arena_new(&c->held, struct holding);
    if (!holding)
        return NULL;
    holding->account = pawli_arena_text(&c->held, account);
    holding->asset = pawli_arena_text(&c->held, asset);
    bool is_in = !pawli_arena_failed(&c->held) &&
                 pawli_links_add(&c->holdings, &holding->link, hash_of(account, asset));
    return is_in ? holding : NULL;
}

static int add_entry(struct checking *c, const struct entry_row *row)
{
    struct holding *holding = holding_of(c, row->account, row->asset);
    if (!holding)
        return pawli_no_memory(c->err);
    if (!pawli_decimal_add(holding->balance, row->delta, &holding->balance) ||
        !same_amount(holding->balance, row->balance))
        bad(c, "the balance after an entry is not that before it and its delta", row->account, row->asset, row->seq);
    holding->entries++;
    holding->seq = row->seq;
    return PAWL_OK;
}

static void check_balance(struct checking *c, const struct account_row *row)
{
    const struct holding *holding = find_holding(c, row->account, row->asset);
    c->found->accounts++;
    c->balances += holding != NULL;
    if (row->is_damaged)
        bad(c, "a balance cannot be read", row->account, row->asset, 0);
    else if (!holding)
        bad(c, "a balance has no entries", row->account, row->asset, row->seq);
    else if (!same_amount(holding->balance, row->balance))
        bad(c, "a balance is not the sum of its entries", row->account, row->asset, holding->seq);
    else if (holding->entries != row->entries || holding->seq != row->seq)
        bad(c, "a balance counts other entries than there are", row->account, row->asset, holding->seq);
}

static int check_balances(struct checking *c)
{
    struct query query = {.kind = QUERY_ACCOUNTS, .scope = c->scope, .limit = PAGE};
    struct arena cursor = {0};
    int status = PAWL_OK;
    for (bool more = true; status == PAWL_OK && more && c->found->ok;) {
        struct page page;
        status = read_page(c, &query, &page);
        for (size_t i = 0; status == PAWL_OK && c->found->ok && i < page.count; i++)
            check_balance(c, &page.accounts[i]);
        more = page.more;
        if (more && c->found->ok) { /* what the next page goes on behind outlives this one */
            const struct account_row *last = &page.accounts[page.count - 1];
            struct arena next = {0};
            query.after_name = pawli_arena_text(&next, last->account);
            query.after_key = pawli_arena_text(&next, last->asset);
            pawli_arena_done(&cursor);
            cursor = next;
            if (pawli_arena_failed(&cursor))
                status = pawli_no_memory(c->err);
        }
        pawli_page_done(&page);
    }
    pawli_arena_done(&cursor);
    if (status == PAWL_OK && c->balances != c->holdings.count)
        bad(c, "an entry is of no balance", (struct text){0}, (struct text){0}, 0);
    return status;
}

/* ---- entries from records ---- */

/* The entries of all accounts, one behind the other. */
struct entries {
    struct query query;
    struct page page;
    size_t at;
    bool has_page;
};

static int next_entry(struct checking *c, struct entries *entries, const struct entry_row **ret_row)
{
    *ret_row = NULL;
    if (entries->has_page && entries->at == entries->page.count) {
        bool more = entries->page.more;
        pawli_page_done(&entries->page);
        entries->has_page = false;
        if (!more)
            entries->query.limit = 0;
    }
    if (!entries->has_page && entries->query.limit) {
        int status = read_page(c, &entries->query, &entries->page);
        if (status < 0)
            return status;
        entries->has_page = true;
        entries->at = 0;
    }
    if (!entries->has_page || entries->at == entries->page.count)
        return PAWL_OK;
    const struct entry_row *row = &entries->page.entries[entries->at];
    entries->query.after = row->seq;
    entries->query.after_index = row->index + 1;
    *ret_row = row;
    return PAWL_OK;
}

static bool is_posted(const struct entry_row *row, const struct post *posted)
{
    return text_equal(row->account, posted->account) && text_equal(row->asset, posted->asset) &&
           text_equal(row->reason, posted->reason) && text_equal(row->reference, posted->reference) &&
           same_amount(row->delta, posted->delta) && row->update_seq == posted->update_seq;
}

static struct text posts_of(const struct record_row *record)
{
    struct text name, value;
    if (!record->effects.data || pawli_json_check(record->effects, NULL, NULL) != JSON_GOOD)
        return TEXT("[]");
    struct json_walk walk = pawli_json_walk(record->effects);
    while (pawli_json_member(&walk, &name, &value))
        if (pawli_json_name_is(name, "posts") && pawli_json_type(value) == JSON_ARRAY)
            return value;
    return TEXT("[]");
}

static int check_record(struct checking *c, const struct record_row *record, struct entries *entries)
{
    struct text posts = posts_of(record), item;
    uint32_t index = 0;
    struct json_walk walk = pawli_json_walk(posts);
    pawli_arena_reset(&c->arena);
    for (; pawli_json_item(&walk, &item); index++) {
        const struct entry_row *row;
        struct post posted;
        if (!pawli_read_post(&c->arena, item, &posted))
            return pawli_arena_failed(&c->arena)
                       ? pawli_no_memory(c->err)
                       : (bad(c, "a record's post cannot be read", (struct text){0}, (struct text){0}, record->seq),
                          PAWL_OK);
        int status = next_entry(c, entries, &row);
        if (status < 0)
            return status;
        if (row && row->is_damaged && row->seq == record->seq) {
            bad(c, "an entry cannot be read", row->account, row->asset, row->seq);
            return PAWL_OK;
        }
        if (!row || row->is_damaged || row->seq != record->seq || row->index != index || !is_posted(row, &posted)) {
            bad(c, "an entry is not what its record posted", posted.account, posted.asset, record->seq);
            return PAWL_OK;
        }
        status = add_entry(c, row);
        if (status < 0 || !c->found->ok)
            return status;
        entries->at++;
        c->found->entries++;
    }
    return PAWL_OK;
}

static int check_records(struct checking *c)
{
    struct query query = {.kind = QUERY_RECORDS, .scope = c->scope, .limit = PAGE};
    struct entries entries = {.query = {.kind = QUERY_ENTRIES, .scope = c->scope, .limit = PAGE}};
    const struct entry_row *left = NULL;
    int status = PAWL_OK;
    for (bool more = true; status == PAWL_OK && more && c->found->ok;) {
        struct page page;
        status = read_page(c, &query, &page);
        for (size_t i = 0; status == PAWL_OK && c->found->ok && i < page.count; i++) {
            if (page.records[i].is_unreadable)
                bad(c, "a record cannot be read", (struct text){0}, (struct text){0}, page.records[i].seq);
            else
                status = check_record(c, &page.records[i], &entries);
        }
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    if (status == PAWL_OK && c->found->ok)
        status = next_entry(c, &entries, &left);
    if (left)
        bad(c, "an entry is of no record that posted it", left->account, left->asset, left->seq);
    if (entries.has_page)
        pawli_page_done(&entries.page);
    return status;
}

int pawl_ledger_check(pawl_store *store, pawl_ledger_checked *ret_checked, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_checked);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_ledger_checked", ret_checked, err);
    if (status < 0)
        return status;
    pawl_ledger_checked found = {.ok = 1};
    struct checking c = {.store = store->opened->store, .scope = store->scope, .found = &found, .err = err};
    status = pawli_store_status(pawli_store_reader(c.store, &c.reader, err));
    if (status < 0)
        return status;
    status = check_records(&c);
    if (status == PAWL_OK && found.ok)
        status = check_balances(&c);
    pawli_store_done(c.store, c.reader);
    pawli_links_done(&c.holdings);
    pawli_arena_done(&c.held);
    pawli_arena_done(&c.arena);
    if (status == PAWL_OK)
        pawli_give_out(ret_checked, &found, sizeof found);
    return status;
}
