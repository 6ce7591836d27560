/* SPDX-License-Identifier: MIT */
/* assets, ledger, projections, counters: what transitions changed besides what they sent. */
#include <inttypes.h>

#include "api/api.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"

/* ---- all pages of a list, one object or row an item ---- */

struct listing {
    const struct cli_column *columns;
    size_t column_count;
    void (*json)(struct json_writer *out, const pawl_ledger *page, size_t index);
    void (*row)(struct cli_table *table, const pawl_ledger *page, size_t index);
    /* The next page goes on behind this item; texts go to the arena. True: it cannot be read. */
    bool (*next)(pawl_ledger_query *query, const pawl_ledger *page, size_t index, struct arena *arena);
    const char *nothing;
};

static int list(struct cli *cli, const struct listing *listing, pawl_ledger_query query, int64_t limit)
{
    struct cli_table table;
    struct arena cursor = {0};
    int64_t left = limit;
    bool more = true, is_bad = false;
    int status = PAWL_OK;
    if (!cli->json)
        cli_table_begin(&table, cli, listing->columns, listing->column_count);
    while (status == PAWL_OK && more && left > 0) {
        pawl_ledger *page;
        query.limit = left < LIMIT_LIST ? (uint32_t)left : LIMIT_LIST;
        status = pawl_ledger_list(cli->store, &query, &page, &cli->error);
        if (status < 0)
            break;
        size_t count = pawl_ledger_count(page);
        struct arena next = {0};
        for (size_t i = 0; i < count; i++) {
            if (cli->json) {
                listing->json(cli_object(cli), page, i);
                cli_object_end(cli);
            } else {
                cli_table_row(&table);
                listing->row(&table, page, i);
            }
            is_bad |= listing->next(&query, page, i, i + 1 == count ? &next : NULL);
        }
        left -= (int64_t)count;
        more = pawl_ledger_has_more(page);
        pawl_ledger_free(page);
        pawli_arena_done(&cursor);
        cursor = next;
        if (pawli_arena_failed(&cursor))
            status = pawli_no_memory(&cli->error);
    }
    pawli_arena_done(&cursor);
    if (!cli->json) {
        int printed = cli_table_end(&table, listing->nothing);
        status = status < 0 ? status : printed;
    }
    if (status == PAWL_OK && is_bad)
        status = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "some of it cannot be read"), "run \"pawl verify\"");
    return status;
}

static const char *keep(const char *text, struct arena *arena)
{
    return arena ? pawli_arena_text(arena, text_of(text)).data : NULL;
}

/* --limit, and --after as a record. */
static int read_range(struct cli *cli, pawl_ledger_query *query, int64_t *limit)
{
    int64_t after = 0;
    int status = cli_option_number(cli, "after", 0, INT64_MAX - 1, &after);
    query->after_seq = (uint64_t)after;
    return status == PAWL_OK ? cli_option_number(cli, "limit", 1, INT64_MAX, limit) : status;
}

/* ---- assets ---- */

static void asset_json(struct json_writer *out, const pawl_ledger *page, size_t index)
{
    pawli_api_put_asset(out, pawl_ledger_asset(page, index));
}

static void asset_row(struct cli_table *table, const pawl_ledger *page, size_t index)
{
    const pawl_asset *asset = pawl_ledger_asset(page, index);
    cli_table_put(table, asset->asset);
    if (asset->error)
        cli_table_put(table, asset->error);
    else
        cli_table_format(table, "%" PRIu32, asset->scale);
}

static bool asset_next(pawl_ledger_query *query, const pawl_ledger *page, size_t index, struct arena *arena)
{
    (void)query, (void)arena;
    return pawl_ledger_asset(page, index)->error != NULL;
}

int cli_assets_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"ASSET", COLUMN_CUT}, {"SCALE", COLUMN_RIGHT}};
    static const struct listing assets = {columns,    COUNT_OF(columns),
                                          asset_json, asset_row,
                                          asset_next, "no asset has a scale: the first post gives one"};
    return list(cli, &assets, (pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_ASSETS}, LIMIT_LIST);
}

int cli_assets_set(struct cli *cli)
{
    const char *asset = cli_argument(cli, 0), *setting = cli_argument(cli, 1);
    int64_t scale = 0;
    if (strncmp(setting, "scale=", 6) != 0)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "an asset has no \"%.60s\"", setting),
                        "write scale=N, 0 to 38: places behind the point");
    int status = cli_number(cli, "scale", setting + 6, 0, 38, &scale);
    if (status < 0)
        return status;
    const pawl_operation operation = cli_operation(cli);
    status = pawl_asset_set(cli->store, asset, (uint32_t)scale, &operation, &cli->error);
    if (status == PAWL_OK && cli->json) {
        pawli_api_put_asset(cli_object(cli), &(pawl_asset){.asset = asset, .scale = (uint32_t)scale});
        cli_object_end(cli);
    } else if (status == PAWL_OK) {
        cli_say(cli, "%s has %" PRId64 " places behind the point", asset, scale);
    }
    return status;
}

/* ---- balances ---- */

static void balance_json(struct json_writer *out, const pawl_ledger *page, size_t index)
{
    pawli_api_put_balance(out, pawl_ledger_balance(page, index));
}

static void balance_row(struct cli_table *table, const pawl_ledger *page, size_t index)
{
    const pawl_balance *balance = pawl_ledger_balance(page, index);
    cli_table_put(table, balance->account);
    cli_table_put(table, balance->asset);
    cli_table_put(table, balance->error ? balance->error : balance->balance);
    cli_table_format(table, "%" PRIu64, balance->seq);
}

static bool balance_next(pawl_ledger_query *query, const pawl_ledger *page, size_t index, struct arena *arena)
{
    const pawl_balance *balance = pawl_ledger_balance(page, index);
    query->after_account = keep(balance->account, arena);
    query->after_asset = keep(balance->asset, arena);
    return balance->error != NULL;
}

int cli_ledger_balance(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"ACCOUNT", COLUMN_CUT}, {"ASSET", COLUMN_CUT}, {"BALANCE", COLUMN_RIGHT}, {"SEQ", COLUMN_RIGHT}};
    static const struct listing balances = {columns,     COUNT_OF(columns), balance_json,
                                            balance_row, balance_next,      "no account holds anything"};
    const pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES, .account = cli_argument(cli, 0),
                                     .asset = cli_argument(cli, 1)};
    return list(cli, &balances, query, INT64_MAX);
}

/* ---- entries ---- */

static void entry_json(struct json_writer *out, const pawl_ledger *page, size_t index)
{
    pawli_api_put_entry(out, pawl_ledger_entry(page, index));
}

static void entry_row(struct cli_table *table, const pawl_ledger *page, size_t index)
{
    const pawl_entry *entry = pawl_ledger_entry(page, index);
    cli_table_format(table, "%" PRIu64 ".%" PRIu32, entry->seq, entry->index);
    cli_table_put(table, entry->account);
    cli_table_put(table, entry->asset);
    cli_table_put(table, entry->error ? entry->error : entry->delta);
    cli_table_put(table, entry->error ? NULL : entry->balance);
    cli_table_put(table, entry->reference);
    cli_table_put(table, entry->reason);
}

static bool entry_next(pawl_ledger_query *query, const pawl_ledger *page, size_t index, struct arena *arena)
{
    const pawl_entry *entry = pawl_ledger_entry(page, index);
    (void)arena;
    query->after_seq = entry->seq;
    query->after_index = entry->index;
    query->has_after_index = 1;
    return entry->error != NULL;
}

int cli_ledger_entries(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"SEQ", COLUMN_RIGHT},     {"ACCOUNT", COLUMN_CUT},   {"ASSET", COLUMN_CUT}, {"DELTA", COLUMN_RIGHT},
        {"BALANCE", COLUMN_RIGHT}, {"REFERENCE", COLUMN_CUT}, {"REASON", COLUMN_CUT}};
    static const struct listing entries = {columns,   COUNT_OF(columns), entry_json,
                                           entry_row, entry_next,        "nothing was posted"};
    pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_ENTRIES, .account = cli_option(cli, "account"),
                               .asset = cli_option(cli, "asset")};
    int64_t limit = INT64_MAX;
    int status = read_range(cli, &query, &limit);
    return status == PAWL_OK ? list(cli, &entries, query, limit) : status;
}

/* ---- fills ---- */

static void fill_json(struct json_writer *out, const pawl_ledger *page, size_t index)
{
    pawli_api_put_fill(out, pawl_ledger_fill(page, index));
}

static void fill_row(struct cli_table *table, const pawl_ledger *page, size_t index)
{
    const pawl_fill_view *fill = pawl_ledger_fill(page, index);
    cli_table_format(table, "%" PRIu64 ".%" PRIu32, fill->seq, fill->event);
    cli_table_put(table, fill->trade_id);
    cli_table_put(table, fill->market);
    cli_table_put(table, fill->buyer);
    cli_table_put(table, fill->seller);
    cli_table_put(table, fill->error ? fill->error : fill->price);
    cli_table_put(table, fill->error ? NULL : fill->size);
}

static bool fill_next(pawl_ledger_query *query, const pawl_ledger *page, size_t index, struct arena *arena)
{
    const pawl_fill_view *fill = pawl_ledger_fill(page, index);
    (void)arena;
    query->after_seq = fill->seq;
    query->after_index = fill->event;
    query->has_after_index = 1;
    return fill->error != NULL;
}

int cli_ledger_fills(struct cli *cli)
{
    static const struct cli_column columns[] = {{"SEQ", COLUMN_RIGHT}, {"TRADE", COLUMN_CUT},  {"MARKET", COLUMN_CUT},
                                                {"BUYER", COLUMN_CUT}, {"SELLER", COLUMN_CUT}, {"PRICE", COLUMN_RIGHT},
                                                {"SIZE", COLUMN_RIGHT}};
    static const struct listing fills = {columns, COUNT_OF(columns), fill_json, fill_row, fill_next, "no trades"};
    pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_FILLS, .trade_id = cli_option(cli, "trade")};
    int64_t limit = INT64_MAX;
    int status = read_range(cli, &query, &limit);
    return status == PAWL_OK ? list(cli, &fills, query, limit) : status;
}

/* ---- the check ---- */

int cli_ledger_check(struct cli *cli)
{
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    int status = pawl_ledger_check(cli->store, &checked, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        pawli_api_put_checked(cli_object(cli), cli->scope, &checked);
        cli_object_end(cli);
    } else if (checked.ok) {
        cli_say(cli, "%" PRIu64 " balances of %" PRIu64 " entries, all as they were posted", checked.accounts,
                checked.entries);
    }
    if (checked.ok)
        return PAWL_OK;
    return cli_hint(cli,
                    cli_fail(cli, PAWL_ECORRUPT, "%s: account %s, asset %s, record %" PRIu64, checked.what,
                             *checked.account ? checked.account : "?", *checked.asset ? checked.asset : "?",
                             checked.seq),
                    "run \"pawl verify\" too; restore a backup, or post what is missing");
}

/* ---- projections, counters ---- */

static void projection_json(struct json_writer *out, const pawl_ledger *page, size_t index)
{
    pawli_api_put_projection(out, pawl_ledger_projection(page, index));
}

static void projection_row(struct cli_table *table, const pawl_ledger *page, size_t index)
{
    const pawl_projection_view *projection = pawl_ledger_projection(page, index);
    struct text data = {projection->data, projection->data_size};
    cli_table_put(table, projection->key);
    cli_table_format(table, "%" PRIu64, projection->version);
    cli_table_put(table, projection->error ? projection->error : cli_safe(&table->cli->arena, data).data);
}

static bool projection_next(pawl_ledger_query *query, const pawl_ledger *page, size_t index, struct arena *arena)
{
    const pawl_projection_view *projection = pawl_ledger_projection(page, index);
    query->after_key = keep(projection->key, arena);
    return projection->error != NULL;
}

int cli_projections_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"KEY", COLUMN_CUT}, {"VERSION", COLUMN_RIGHT}, {"DATA", COLUMN_CUT}};
    static const struct listing projections = {columns,        COUNT_OF(columns), projection_json,
                                               projection_row, projection_next,   "nothing is kept under this name"};
    int64_t limit = INT64_MAX;
    int status = cli_option_number(cli, "limit", 1, INT64_MAX, &limit);
    if (status < 0)
        return status;
    return list(cli, &projections,
                (pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_PROJECTIONS, .name = cli_argument(cli, 0),
                                    .prefix = cli_option(cli, "prefix")},
                limit);
}

/* One that is named; the page is the caller's. */
static int get(struct cli *cli, const pawl_ledger_query *query, const char *what, pawl_ledger **ret_page)
{
    int status = pawl_ledger_list(cli->store, query, ret_page, &cli->error);
    if (status < 0 || pawl_ledger_count(*ret_page) == 1)
        return status;
    pawl_ledger_free(PAWL_TAKE(*ret_page));
    return cli_hint(cli, cli_fail(cli, PAWL_ENOTFOUND, "there is no such %s in scope \"%s\"", what, cli->scope),
                    "a transition makes it: see \"pawl submit --help\"");
}

static int unreadable(struct cli *cli, const char *what)
{
    return cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "the %s cannot be read", what), "run \"pawl verify\"");
}

int cli_projections_get(struct cli *cli)
{
    pawl_ledger *page;
    int status = get(cli,
                     &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_PROJECTIONS, .name = cli_argument(cli, 0),
                                          .key = cli_argument(cli, 1)},
                     "projection", &page);
    if (status < 0)
        return status;
    const pawl_projection_view *projection = pawl_ledger_projection(page, 0);
    if (projection->error) {
        status = unreadable(cli, "projection");
    } else if (cli->json) {
        pawli_api_put_projection(cli_object(cli), projection);
        cli_object_end(cli);
    } else {
        struct text data = {projection->data, projection->data_size};
        printf("%s\n", cli_safe(&cli->arena, data).data);
    }
    pawl_ledger_free(page);
    return status;
}

int cli_counters_get(struct cli *cli)
{
    pawl_ledger *page;
    int status = get(cli, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_COUNTERS, .name = cli_argument(cli, 0)},
                     "counter", &page);
    if (status < 0)
        return status;
    const pawl_counter *counter = pawl_ledger_counter(page, 0);
    if (counter->error) {
        status = unreadable(cli, "counter");
    } else if (cli->json) {
        pawli_api_put_counter(cli_object(cli), counter);
        cli_object_end(cli);
    } else {
        printf("%" PRIu64 "\n", counter->value);
    }
    pawl_ledger_free(page);
    return status;
}
