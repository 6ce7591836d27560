/* SPDX-License-Identifier: MIT */
/* Types of events: what each of their events needs, and how much of it stays. */
#include "conformance.h"

#include "pawl/journal.h"
#include "pawl/ledger.h"

static int set(struct world *w, const char *type, const char *key, const char *value)
{
    static unsigned id = 5000;
    return pawl_type_set(w->store, type, &(pawl_setting){key, value}, 1, BECAUSE(id++), &err);
}

static pawl_transition *begin(struct world *w, unsigned id)
{
    pawl_transition *t = pawl_transition_new(
        w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Trade", .request_id = make_id(id)});
    pawl_transition_command(t, "{}", 2);
    return t;
}

static void add_event(pawl_transition *t, const char *type, int32_t keep, bool has_keep)
{
    pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = type, .data = "{\"n\":1}", .data_size = 7,
                                           .keep = keep, .has_keep = has_keep});
}

static void add_fill(pawl_transition *t, uint32_t event, const char *trade)
{
    pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .event = event, .trade_id = trade, .market = "m", .buyer = "a",
                                         .seller = "b", .price = "1", .size = "1"});
}

static int end_with(pawl_transition *t, bool *replayed, bool *differs)
{
    pawl_receipt *receipt = NULL;
    int status = pawl_transition_commit(t, &receipt, &err);
    if (replayed)
        *replayed = pawl_receipt_was_replayed(receipt);
    if (differs)
        *differs = pawl_receipt_differs(receipt);
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
    return status;
}

static int end(pawl_transition *t)
{
    return end_with(t, NULL, NULL);
}

/* Of an event that has to have a fill, none does; two do; or one of another event: nothing is written, in whatever order
 * things are looked at, so under an id that is bound, too. */
static void a163_a164_what_needs_a_fill_has_one(struct world *w)
{
    static const struct {
        unsigned id;
        int count, fills[3];
        int status;
        const char *says;
    } rows[] = {
        {1, 1, {0}, PAWL_OK, NULL},
        {2, 0, {0}, PAWL_EINVAL, "event 0 has no fill"},
        {1, 0, {0}, PAWL_EINVAL, "event 0 has no fill"}, /* though it is bound, to the same content */
        {3, 1, {1}, PAWL_EINVAL, "event 0 has no fill"},
        {4, 2, {0, 1}, PAWL_EINVAL, "event 1 has a fill"},
        {1, 2, {0, 1}, PAWL_EINVAL, "event 1 has a fill"},
        {5, 2, {0, 0}, PAWL_EINVAL, "event 0 has a fill already"},
        {6, 2, {0, 2}, PAWL_EINVAL, "there is no event 2"},
        {1, 1, {0}, PAWL_OK, NULL},
    };
    char trade[16];
    assert_ok(set(w, "Fill", "needs", "fill"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pawl_transition *t = begin(w, rows[i].id);
        add_event(t, "Fill", 0, false);
        add_event(t, "Other", 0, false);
        for (int j = 0; j < rows[i].count; j++) {
            snprintf(trade, sizeof trade, "t%zu-%d", rows[i].id == 1 ? 0 : i, j);
            add_fill(t, (uint32_t)rows[i].fills[j], trade);
        }
        int status = end(t);
        if (status != rows[i].status || (rows[i].says && !strstr(err.text, rows[i].says)))
            fail_msg("row %zu: %d %s", i, status, err.text);
    }
    assert_int_equal(count_records(w), 1);
    verify(w);
    assert_ok(set(w, "Fill", "needs", "")); /* from then on none has to */
    pawl_transition *t = begin(w, 7);
    add_event(t, "Fill", 0, false);
    assert_ok(end(t));
    verify(w);
}

/* Types belong to a scope. */
static void a_type_holds_in_its_scope(struct world *w)
{
    pawl_store *other;
    assert_ok(pawl_store_scope(w->store, "other", &other, &err));
    assert_ok(set(w, "Fill", "needs", "fill"));
    pawl_transition *t = pawl_transition_new(
        other, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Trade", .request_id = make_id(1)});
    add_event(t, "Fill", 0, false);
    assert_ok(end(t));
    pawl_store_close(other);
    verify(w);
}

/* Of those that are kept as nothing no reader is shown anything. */
static const char *kept(const pawl_record *record, size_t count, char *out)
{
    memset(out, 'n', count);
    out[count] = '\0';
    for (size_t i = 0; i < record->event_count; i++) {
        const pawl_event_view *event = pawl_record_event(record, i);
        assert_in_range(event->index, i, count - 1);
        assert_int_equal(event->data != NULL, event->keep == PAWL_KEEP_FULL);
        out[event->index] = "fr"[event->keep];
    }
    return out;
}

static void assert_kept(struct world *w, unsigned id, const char *expected)
{
    pawl_records *page;
    char out[16];
    pawl_uuid request_id = make_id(id);
    assert_ok(pawl_record_get(w->store, &request_id, 0, &page, &err));
    assert_string_equal(kept(pawl_records_get(page, 0), strlen(expected), out), expected);
    pawl_records_free(page);
}

static pawl_transition *of_every_kind(struct world *w, unsigned id)
{
    pawl_transition *t = begin(w, id);
    add_event(t, "Plain", 0, false);
    add_event(t, "Plain", PAWL_KEEP_NONE, false);
    add_event(t, "Gone", 0, false);
    add_event(t, "Gone", PAWL_KEEP_FULL, true);
    add_event(t, "Named", 0, false);
    add_event(t, "Critical", PAWL_KEEP_NONE, true);
    add_event(t, "Critical", 0, false);
    return t;
}

/* The event's own beats its type's, and critical beats both. Places stay, effects are the same, and so is the chain. */
static void a169_how_much_stays(struct world *w)
{
    bool replayed, differs;
    assert_ok(end(of_every_kind(w, 1)));
    assert_kept(w, 1, "fnfffnf");
    assert_ok(set(w, "Gone", "keep", "None"));
    assert_ok(set(w, "Named", "keep", "REFERENCE"));
    assert_ok(set(w, "Critical", "keep", "none"));
    assert_ok(set(w, "Critical", "critical", "1"));
    assert_ok(end(of_every_kind(w, 2)));
    assert_kept(w, 2, "fnnfrff");
    assert_ok(end_with(of_every_kind(w, 1), &replayed, &differs));
    assert_true(replayed && !differs); /* what is stored was kept as it was said then */
    pawl_transition *t = of_every_kind(w, 2);
    assert_ok(end_with(t, &replayed, &differs));
    assert_true(replayed && !differs);
    t = begin(w, 2);
    add_event(t, "Other", 0, false);
    assert_ok(end_with(t, &replayed, &differs));
    assert_true(replayed && differs);
    verify(w);
    pawl_events *events;
    assert_ok(pawl_events_read(w->store, &(pawl_events_query){PAWL_EVENTS_QUERY, .after = {1, PAWL_WHOLE_RECORD}},
                               &events, &err));
    assert_int_equal(pawl_events_count(events), 5);
    assert_int_equal(pawl_events_get(events, 1)->index, 3);
    pawl_events_free(events);
}

/* One that was not committed may be again, when its types say something else. */
static void a_transition_that_was_refused_is_decided_afresh(struct world *w)
{
    pawl_transition *t = pawl_transition_new(
        w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Trade", .request_id = make_id(1)});
    add_event(t, "Gone", 0, false);
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "a", .asset = "USD", .delta = "-1", .floor = "0"});
    assert_ok(set(w, "Gone", "keep", "none"));
    assert_status(pawl_transition_commit(t, NULL, &err), PAWL_EREFUSED);
    assert_ok(set(w, "Gone", "keep", "full"));
    pawl_transition *pay = begin(w, 2);
    pawl_transition_post(pay, &(pawl_post){PAWL_POST, .account = "a", .asset = "USD", .delta = "5"});
    assert_ok(end(pay));
    assert_ok(pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
    assert_kept(w, 1, "f");
    verify(w);
}

static void a170_words_of_any_case(struct world *w)
{
    static const struct {
        const char *text;
        int32_t keep;
    } rows[] = {{"full", 0}, {"FULL", 0}, {"Reference", 1}, {"nOnE", 2}, {"summary", -1}, {"", -1}, {NULL, -1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pawl_keep_parse(rows[i].text), rows[i].keep);
    assert_ok(set(w, "A", "keep", "none"));
    assert_ok(set(w, "A", "keep", "summary")); /* nobody knows: full */
    pawl_transition *t = begin(w, 1);
    add_event(t, "A", 0, false);
    assert_ok(end(t));
    assert_kept(w, 1, "f");
    assert_status(set(w, "A", "needs", "love"), PAWL_EINVAL);
    assert_status(set(w, "A", "critical", "yes"), PAWL_EINVAL);
    assert_status(set(w, "A", "colour", "red"), PAWL_EINVAL);
    assert_status(set(w, "A B", "critical", "1"), PAWL_EINVAL);
    assert_status(pawl_type_set(w->store, "A", NULL, 0, NULL, &err), PAWL_EINVAL);
}

static void the_preset_of_another_journal(struct world *w)
{
    assert_status(pawl_type_preset(w->store, "s9", BECAUSE(1), &err), PAWL_EINVAL);
    assert_ok(pawl_type_preset(w->store, "s3", BECAUSE(1), &err));
    assert_ok(pawl_type_preset(w->store, "s3", BECAUSE(2), &err));
    pawl_ledger *page;
    assert_ok(pawl_ledger_list(w->store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_TYPES}, &page, &err));
    assert_int_equal(pawl_ledger_count(page), 2);
    assert_string_equal(pawl_ledger_type(page, 0)->type, "L2Update");
    assert_int_equal(pawl_ledger_type(page, 0)->critical, 1);
    assert_null(pawl_ledger_type(page, 0)->needs);
    assert_string_equal(pawl_ledger_type(page, 1)->type, "OrderFilled");
    assert_string_equal(pawl_ledger_type(page, 1)->needs, "fill");
    pawl_ledger_free(page);
    pawl_transition *t = begin(w, 3);
    add_event(t, "L2Update", PAWL_KEEP_NONE, true);
    assert_ok(end(t));
    assert_kept(w, 3, "f");
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(a163_a164_what_needs_a_fill_has_one),
    CASE(a_type_holds_in_its_scope),
    CASE(a169_how_much_stays),
    CASE(a_transition_that_was_refused_is_decided_afresh),
    CASE(a170_words_of_any_case),
    CASE(the_preset_of_another_journal),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
