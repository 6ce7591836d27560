/* SPDX-License-Identifier: MIT */
/* A journal that is exported proves itself and is imported whole or not at all; one that is pruned is what it was. */
#include "conformance.h"

#include "pawl/ledger.h"
#include "pawl/moving.h"
#include "pawl/snapshot.h"
#include "pawl/subscription.h"

#define BODY_COUNT 8
static const char *const bodies[BODY_COUNT] = {"{\"a\": 1.0,  \"b\":[1, 2]}",
                                               "1",
                                               "\n{\"x\":\n1}\n",
                                               " 2 ",
                                               "no JSON",
                                               "",
                                               "\"\xc3\xa9 \\u00e9\"",
                                               "{\"n\":1e400}"};

static pawl_transition *begin(struct world *w, unsigned n)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = n % 2 ? "Move" : "Trade",
                                       .request_id = make_id(n),
                                       .ref = n % 3 ? NULL
                                                    : "r\xc3\xa9"
                                                      "f"};
    if (n % 4 == 0) {
        options.state_pre = "\1";
        options.state_post = "\2\3";
        options.state_pre_size = 1;
        options.state_post_size = 2;
        options.duration_us = 17;
    }
    return pawl_transition_new(w->store, &options);
}

static void commit(struct world *w, unsigned n)
{
    const char *body = bodies[n % BODY_COUNT];
    char trade[16];
    pawl_transition *t = begin(w, n);
    snprintf(trade, sizeof trade, "t%u", n);
    pawl_transition_command(t, body, strlen(body));
    if (n % 2)
        pawl_transition_response(t, bodies[(n + 3) % BODY_COUNT], strlen(bodies[(n + 3) % BODY_COUNT]));
    for (unsigned i = 0; i < n % 5; i++)
        pawl_transition_event(
            t, &(pawl_event){PAWL_EVENT, .topic = "a/b", .type = "e", .key = i % 2 ? "k" : NULL,
                             .data = bodies[(n + i) % BODY_COUNT], .data_size = strlen(bodies[(n + i) % BODY_COUNT]),
                             .keep = (int32_t)i % 3, .has_stream_seq = i % 2, .stream_seq = UINT64_MAX});
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "a:1/x", .asset = n % 2 ? "USD" : "BTC", .delta = "1.5",
                                         .floor = "0", .reason = "r\"\xe2\x80\xae", .reference = "f", .update_seq = n});
    if (n % 5)
        pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .event = 0, .trade_id = trade, .market = "m", .buyer = "a",
                                             .seller = "b", .price = "-0.5", .size = "2", .profit = "7"});
    pawl_projection projection = {PAWL_PROJECTION, .name = "p", .key = n % 2 ? "k" : "l", .remove = n % 7 == 0};
    if (!projection.remove) {
        projection.data = body;
        projection.data_size = strlen(body);
    }
    pawl_transition_projection(t, &projection);
    pawl_transition_counter(t, "c", n);
    if (n % 3 == 0)
        pawl_transition_message(t, MESSAGE("1", .key = "k"));
    assert_ok(pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
}

static void some(struct world *w, unsigned count)
{
    assert_ok(pawl_asset_set(w->store, "USD", 2, BECAUSE(9001), &err));
    assert_ok(pawl_type_set(w->store, "e", &(pawl_setting){"keep", "reference"}, 1, BECAUSE(9002), &err));
    for (unsigned n = 1; n <= count; n++)
        commit(w, n);
}

/* ---- an export as one text ---- */

struct copy {
    char *text;
    size_t size, room, at;
    unsigned lines, broken_line; /* the line that is changed; 0: none */
    char line[8192];
};

static int keep_line(void *data, const char *line, size_t size, pawl_error *error)
{
    struct copy *copy = data;
    (void)error;
    assert_int_equal(line[size - 1], '\n');
    assert_null(memchr(line, '\n', size - 1));
    if (copy->size + size > copy->room) {
        copy->room = 2 * (copy->size + size);
        copy->text = realloc(copy->text, copy->room);
        assert_non_null(copy->text);
    }
    memcpy(copy->text + copy->size, line, size);
    copy->size += size;
    copy->lines++;
    return PAWL_OK;
}

static struct copy export(struct world *w, uint64_t after, uint64_t limit)
{
    struct copy copy = {0};
    const pawl_export_options options = {PAWL_EXPORT_OPTIONS, .after_seq = after, .limit = limit};
    assert_ok(pawl_journal_export(w->store, &options, keep_line, &copy, &err));
    return copy;
}

static int give_line(void *data, const char **line, size_t *size, pawl_error *error)
{
    struct copy *copy = data;
    (void)error;
    *size = 0;
    if (copy->at == copy->size)
        return PAWL_OK;
    const char *end = memchr(copy->text + copy->at, '\n', copy->size - copy->at);
    *line = copy->text + copy->at;
    *size = (size_t)(end - *line) + 1;
    copy->at += *size;
    return PAWL_OK;
}

static int import(struct world *w, struct copy *copy, pawl_imported *imported)
{
    copy->at = 0;
    return pawl_journal_import(w->store, give_line, copy, BECAUSE(9100), imported, &err);
}

static void open_other(struct world *other, const struct world *w)
{
    *other = (struct world){0};
    open_world(other, w->kind, 2);
}

static char *ledger_of(struct world *w)
{
    static const int32_t listed[] = {PAWL_ASSETS,      PAWL_BALANCES, PAWL_ENTRIES, PAWL_FILLS,
                                     PAWL_PROJECTIONS, PAWL_COUNTERS, PAWL_TYPES};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t k = 0; k < COUNT_OF(listed); k++) {
        pawl_ledger *page;
        const pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = listed[k],
                                         .name = listed[k] == PAWL_PROJECTIONS ? "p" : NULL};
        assert_ok(pawl_ledger_list(w->store, &query, &page, &err));
        for (size_t i = 0; i < pawl_ledger_count(page); i++) {
            const pawl_asset *asset = pawl_ledger_asset(page, i);
            const pawl_balance *balance = pawl_ledger_balance(page, i);
            const pawl_entry *entry = pawl_ledger_entry(page, i);
            const pawl_fill_view *fill = pawl_ledger_fill(page, i);
            const pawl_projection_view *projection = pawl_ledger_projection(page, i);
            const pawl_counter *counter = pawl_ledger_counter(page, i);
            const pawl_type *type = pawl_ledger_type(page, i);
            if (asset)
                fprintf(out, "%s %u\n", asset->asset, asset->scale);
            if (balance)
                fprintf(out, "%s %s %s %llu\n", balance->account, balance->asset, balance->balance,
                        (unsigned long long)balance->update_seq);
            if (entry)
                fprintf(out, "%llu.%u %s %s %s %s\n", (unsigned long long)entry->seq, entry->index, entry->delta,
                        entry->balance, entry->reason, entry->reference);
            if (fill)
                fprintf(out, "%llu.%u %s %s %s %s\n", (unsigned long long)fill->seq, fill->event, fill->trade_id,
                        fill->price, fill->fee, fill->profit);
            if (projection)
                fprintf(out, "%s %llu %.*s\n", projection->key, (unsigned long long)projection->version,
                        (int)projection->data_size, (const char *)projection->data);
            if (counter)
                fprintf(out, "%s %llu %llu\n", counter->name, (unsigned long long)counter->value,
                        (unsigned long long)counter->seq);
            if (type)
                fprintf(out, "%s %d %u\n", type->type, type->keep, type->critical);
        }
        pawl_ledger_free(page);
    }
    fclose(out);
    return text;
}

static void assert_same(struct world *a, struct world *b)
{
    struct copy one = export(a, 0, 0), two = export(b, 0, 0);
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.text, two.text, one.size);
    char *first = ledger_of(a), *second = ledger_of(b);
    assert_string_equal(first, second);
    free(first);
    free(second);
    free(one.text);
    free(two.text);
}

static void check(struct world *w)
{
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    assert_ok(pawl_ledger_check(w->store, &checked, &err));
    assert_int_equal(checked.ok, 1);
    verify(w);
}

static void receipts_stay_true(struct world *w)
{
    struct world other;
    pawl_imported imported = {PAWL_IMPORTED};
    some(w, 40);
    struct copy copy = export(w, 0, 0);
    assert_int_equal(copy.lines, 41);
    open_other(&other, w);
    assert_ok(import(&other, &copy, &imported));
    assert_int_equal(imported.records, 40);
    assert_string_equal(imported.scope, "default");
    assert_same(w, &other);
    check(&other);
    /* The same request is the same receipt; a new one goes on. */
    pawl_transition *t = begin(&other, 5);
    pawl_transition_command(t, bodies[5], strlen(bodies[5]));
    pawl_receipt *receipt;
    assert_ok(pawl_transition_commit(t, &receipt, &err));
    assert_int_equal(pawl_receipt_was_replayed(receipt), 1);
    assert_int_equal(pawl_receipt_seq(receipt), 5);
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
    commit(&other, 42);
    uint64_t number, tail;
    pawl_uuid message = add(&other, MESSAGE("2")).id;
    assert_true(message_id_split(&message, &number, &tail));
    assert_int_equal(number, 40 / 3 + 42 / 42 + 1); /* behind those that the records name */
    check(&other);
    assert_ok(import(&other, &copy, NULL)); /* under its id it was done */
    check(&other);
    close_world(&other);
    free(copy.text);
}

/* Ids of messages and the type of a response are none of a digest. */
static bool is_proven(const struct copy *copy, size_t at)
{
    static const char *const names[] = {"\"messages\":[", "\"response_type\":\""};
    const char *line = memrchr(copy->text, '\n', at), *here = copy->text + at;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *begin = line ? strstr(line, names[i]) : NULL;
        const char *end = begin ? strpbrk(begin + strlen(names[i]), "]\"") : NULL;
        if (begin && i == 0)
            end = strchr(begin, ']');
        if (begin && begin < here && here < end)
            return false;
    }
    return true;
}

static void all_or_nothing(struct world *w)
{
    struct world other;
    some(w, 12);
    struct copy copy = export(w, 0, 0);
    open_other(&other, w);
    pawl_records *records;
    /* Whichever letter is changed: of a name, of a number, of a body, of a hash. */
    unsigned refused = 0;
    size_t first = (size_t)((char *)memchr(copy.text, '\n', copy.size) - copy.text); /* the chain begins behind it */
    for (size_t at = first; at < copy.size; at += 37) {
        char was = copy.text[at];
        if (was == '\n' || !is_proven(&copy, at))
            continue;
        copy.text[at] = was == '1' ? '2' : was == 'a' ? 'b' : '1';
        int status = import(&other, &copy, NULL);
        copy.text[at] = was;
        if (status == PAWL_OK)
            fail_msg("byte %zu: %.60s", at, copy.text + (at < 30 ? 0 : at - 30));
        if (status != PAWL_ECORRUPT && status != PAWL_EINVAL)
            fail_msg("byte %zu: %d %s", at, status, err.text);
        refused++;
        assert_ok(pawl_records_list(other.store, &(pawl_records_query){PAWL_RECORDS_QUERY}, &records, &err));
        assert_int_equal(pawl_records_count(records), 0);
        pawl_records_free(records);
    }
    assert_true(refused > 50);
    /* What ends too early, or is a part. */
    struct copy cut = copy;
    while (cut.text[--cut.size - 1] != '\n')
        ;
    assert_status(import(&other, &cut, NULL), PAWL_ECORRUPT);
    struct copy part = export(w, 3, 0);
    assert_status(import(&other, &part, NULL), PAWL_EINVAL);
    free(part.text);
    part = export(w, 0, 5);
    assert_status(import(&other, &part, NULL), PAWL_EINVAL);
    free(part.text);
    cut.size = 0;
    assert_status(import(&other, &cut, NULL), PAWL_EINVAL);
    assert_ok(import(&other, &copy, NULL));
    check(&other);
    close_world(&other);
    free(copy.text);
}

static void a_scope_that_is_not_empty_takes_none(struct world *w)
{
    struct world other;
    some(w, 3);
    struct copy copy = export(w, 0, 0);
    open_other(&other, w);
    add(&other, MESSAGE("1"));
    assert_status(import(&other, &copy, NULL), PAWL_EREFUSED);
    assert_status(import(w, &copy, NULL), PAWL_EREFUSED);
    close_world(&other);
    free(copy.text);
    struct copy none = {0};
    pawl_store *empty;
    assert_ok(pawl_store_scope(w->store, "empty", &empty, &err));
    assert_ok(pawl_journal_export(empty, NULL, keep_line, &none, &err));
    assert_int_equal(none.lines, 0);
    pawl_store_close(empty);
}

/* ---- pruning ---- */

static int prune(struct world *w, uint64_t before, uint64_t *pruned)
{
    static unsigned id = 9200;
    return pawl_journal_prune(w->store, before, BECAUSE(id++), pruned, &err);
}

static void keep_state(struct world *w, uint64_t seq)
{
    pawl_snapshot *s = pawl_snapshot_new(w->store, &(pawl_snapshot_options){PAWL_SNAPSHOT_OPTIONS, .seq = seq});
    pawl_snapshot_write(s, "state", 5);
    assert_ok(pawl_snapshot_commit(s, &err));
    pawl_snapshot_free(s);
}

static void assert_bodies(struct world *w, uint64_t first)
{
    pawl_records *records;
    assert_ok(pawl_records_list(w->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 1000}, &records, &err));
    for (size_t i = 0; i < pawl_records_count(records); i++) {
        const pawl_record *record = pawl_records_get(records, i);
        assert_int_equal(record->data != NULL, record->seq >= first);
        assert_true(record->response == NULL || record->seq >= first);
        for (size_t j = 0; j < record->event_count; j++) {
            const pawl_event_view *event = pawl_record_event(record, j);
            assert_int_equal(event->data != NULL, event->keep == PAWL_KEEP_FULL && record->seq >= first);
        }
    }
    pawl_records_free(records);
}

static void what_is_pruned_is_still_proven(struct world *w)
{
    uint64_t pruned = 0;
    struct world other;
    some(w, 30);
    assert_status(prune(w, 11, NULL), PAWL_EREFUSED); /* there is no snapshot */
    keep_state(w, 9);
    assert_status(prune(w, 11, NULL), PAWL_EREFUSED); /* nor one behind it */
    keep_state(w, 20);
    assert_status(prune(w, 0, NULL), PAWL_EINVAL);
    assert_status(prune(w, 32, NULL), PAWL_EINVAL);
    assert_bodies(w, 1);
    assert_ok(prune(w, 11, &pruned));
    assert_int_equal(pruned, 10);
    assert_bodies(w, 11);
    check(w);
    assert_ok(prune(w, 11, &pruned));
    assert_ok(prune(w, 4, &pruned));
    assert_int_equal(pruned, 0);
    assert_ok(prune(w, 21, &pruned));
    assert_int_equal(pruned, 10);
    assert_bodies(w, 21);
    check(w);
    struct copy copy = export(w, 0, 0);
    open_other(&other, w);
    assert_ok(import(&other, &copy, NULL));
    assert_same(w, &other);
    assert_bodies(&other, 21);
    check(&other);
    close_world(&other);
    free(copy.text);
}

/* A receipt outlives the bodies of its record. */
static void a_receipt_of_a_pruned_record_is_the_same(struct world *w)
{
    uint8_t digest[32];
    pawl_records *records;
    some(w, 8);
    pawl_uuid id = make_id(7);
    assert_ok(pawl_record_get(w->store, &id, 0, &records, &err));
    memcpy(digest, pawl_records_get(records, 0)->digest, 32);
    pawl_records_free(records);
    keep_state(w, 8);
    assert_ok(prune(w, 9, NULL));
    pawl_transition *t = begin(w, 7);
    pawl_transition_command(t, bodies[7], strlen(bodies[7]));
    pawl_receipt *receipt;
    assert_ok(pawl_transition_commit(t, &receipt, &err));
    assert_int_equal(pawl_receipt_was_replayed(receipt), 1);
    assert_memory_equal(pawl_receipt_digest(receipt), digest, 32);
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
    t = begin(w, 7);
    pawl_transition_command(t, "other", 5);
    assert_status(pawl_transition_commit(t, NULL, &err), PAWL_ECONFLICT);
    pawl_transition_free(t);
    check(w);
}

static void who_stands_before_it_is_told(struct world *w)
{
    pawl_events *events;
    some(w, 8);
    const pawl_subscription_options by_hand = {PAWL_SUBSCRIPTION_OPTIONS, .name = "h"},
                                    relayed = {PAWL_SUBSCRIPTION_OPTIONS, .name = "r", .lane = LANE, .target = TARGET};
    assert_ok(pawl_subscription_add(w->store, &by_hand, &err));
    assert_ok(pawl_subscription_add(w->store, &relayed, &err));
    keep_state(w, 8);
    assert_status(prune(w, 5, NULL), PAWL_EREFUSED);
    assert_ok(pawl_subscription_relay(w->store, "r", 100, NULL, &err));
    assert_ok(prune(w, 5, NULL));
    assert_status(pawl_subscription_read(w->store, "h", NULL, 0, &events, &err), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "pruned"));
    assert_ok(pawl_subscription_ack(w->store, "h", &(pawl_cursor){4, PAWL_WHOLE_RECORD}, &err));
    assert_ok(pawl_subscription_read(w->store, "h", NULL, 0, &events, &err));
    pawl_events_free(events);
    const pawl_subscription_options early = {PAWL_SUBSCRIPTION_OPTIONS, .name = "e"};
    assert_status(pawl_subscription_add(w->store, &early, &err), PAWL_EREFUSED);
    verify(w);
}

static void a_long_one_is_pruned_in_parts(struct world *w)
{
    uint64_t pruned = 0;
    pawl_records *records;
    for (unsigned n = 1; n <= 1200; n++) {
        pawl_transition *t = pawl_transition_new(w->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "A"});
        pawl_transition_command(t, "1", 1);
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    keep_state(w, 1200);
    assert_ok(pawl_journal_prune(w->store, 1101, BECAUSE(9300), &pruned, &err));
    assert_int_equal(pruned, 1100);
    assert_bodies(w, 1101);
    /* Repeated under its id it is done already. */
    assert_ok(pawl_journal_prune(w->store, 1101, BECAUSE(9300), &pruned, &err));
    assert_int_equal(pruned, 0);
    assert_status(pawl_journal_prune(w->store, 1201, BECAUSE(9300), &pruned, &err), PAWL_ECONFLICT);
    pawl_store *operator;
    assert_ok(pawl_store_scope(w->store, "pawl.operator", &operator, & err));
    assert_ok(
        pawl_records_list(operator, &(pawl_records_query){PAWL_RECORDS_QUERY, .type = "pawl.prune"}, &records, &err));
    assert_int_equal(pawl_records_count(records), 3);
    pawl_records_free(records);
    pawl_store_close(operator);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(receipts_stay_true),
    CASE(all_or_nothing),
    CASE(a_scope_that_is_not_empty_takes_none),
    CASE(what_is_pruned_is_still_proven),
    CASE(a_receipt_of_a_pruned_record_is_the_same),
    CASE(who_stands_before_it_is_told),
    CASE(a_long_one_is_pruned_in_parts),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
