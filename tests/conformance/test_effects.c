/* SPDX-License-Identifier: MIT */
/* Effects that describe themselves: what a record keeps of them, and a room that the journal never heard of. */
#include "commit/enqueue.h"
#include "conformance.h"

/* ---- a room of its own: marks, and letters that are messages ---- */

struct mark {
    struct effect effect;
    const char *texts[4];
    size_t count;
    bool refuses;
    unsigned decided;
};

static bool gather_mark(struct unit *unit, struct effect *effect, struct view *view)
{
    (void)unit, (void)effect, (void)view;
    return true;
}

static int decide_mark(struct unit *unit, struct effect *effect, struct view *view, pawl_error *error)
{
    struct mark *mark = (struct mark *)effect;
    (void)unit, (void)view;
    mark->decided++;
    return mark->refuses ? pawli_fail(error, PAWL_EREFUSED, "a mark refuses") : PAWL_OK;
}

static void put_mark(const struct effect *effect, struct json_writer *effects)
{
    const struct mark *mark = (const struct mark *)effect;
    pawli_json_key(effects, effect->ops->name);
    pawli_json_open(effects, '[');
    for (size_t i = 0; i < mark->count; i++) {
        pawli_json_comma(effects);
        pawli_json_quote(effects->out, text_of(mark->texts[i]));
    }
    pawli_json_close(effects, ']');
}

static const struct effect_ops marks = {
    .name = "marks", .size = sizeof(struct mark), .gather = gather_mark, .decide = decide_mark, .put = put_mark};
static const struct effect_ops stars = {
    .name = "stars", .size = sizeof(struct mark), .gather = gather_mark, .decide = decide_mark, .put = put_mark};

static struct mark *add_mark(pawl_transition *t, const struct effect_ops *ops, const char *text)
{
    struct drafting *drafting = pawli_building(t);
    struct mark *mark = drafting ? pawli_draft_effect(drafting, ops) : NULL;
    if (mark)
        mark->texts[mark->count++] = text;
    return mark;
}

/* Messages beside those of the outbox, with a kind of effect that does as theirs. */
static void add_letter(pawl_transition *t, const pawl_message *message, struct effect_ops *letters)
{
    struct drafting *drafting = pawli_building(t);
    *letters = pawli_effect_enqueue;
    letters->name = "letters";
    struct enqueue *letter = pawli_draft_effect(drafting, letters);
    assert_non_null(letter);
    letter->messages = arena_array(&drafting->unit.arena, struct message_draft, 1);
    assert_ok(pawli_draft_message(drafting, message, 0, letter->messages, &err));
    letter->count = 1;
}

/* ---- what is kept ---- */

static pawl_transition *begin(struct world *w, unsigned id)
{
    return pawl_transition_new(
        w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = make_id(id)});
}

static int commit(pawl_transition *t)
{
    int status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    return status;
}

static pawl_records *record(struct world *w, unsigned id)
{
    pawl_records *records;
    pawl_uuid request_id = make_id(id);
    assert_ok(pawl_record_get(w->store, &request_id, 0, &records, &err));
    return records;
}

static void assert_effects(struct world *w, unsigned id, const char *expected)
{
    pawl_records *records = record(w, id);
    const char *effects = pawl_records_get(records, 0)->effects;
    if (expected)
        assert_string_equal(effects, expected);
    else
        assert_null(effects);
    pawl_records_free(records);
}

static void effects_are_kept_as_given_and_in_order(struct world *w)
{
    LAW(J3);
    char expected[400], id[PAWL_UUID_TEXT_SIZE];
    add(w, MESSAGE("1"));
    struct held held = claim_one(w, CLAIM(.limit = 1));
    pawl_transition *t = begin(w, 1);
    add_mark(t, &stars, "a \"star\"");
    pawl_transition_message(t, MESSAGE("2"));
    pawl_transition_settle(t, SETTLE(held, RETRY, .error = "e", .retry_in_ms = 5, .has_retry_in = 1));
    add_mark(t, &marks, "m");
    add_mark(t, &stars, "b");
    assert_ok(commit(t));
    snprintf(
        expected, sizeof expected,
        "{\"stars\":[\"a \\\"star\\\"\",\"b\"],\"settled\":[{\"id\":\"%s\",\"token\":\"%llu\",\"verdict\":\"retry\","
        "\"error\":\"e\",\"retry_in_ms\":5}],\"marks\":[\"m\"]}",
        pawl_uuid_format(&held.id, id), (unsigned long long)held.token);
    assert_effects(w, 1, expected);

    t = begin(w, 2); /* the other way round it is another text */
    add_mark(t, &marks, "m");
    add_mark(t, &stars, "a");
    assert_ok(commit(t));
    assert_effects(w, 2, "{\"marks\":[\"m\"],\"stars\":[\"a\"]}");

    t = begin(w, 3); /* messages and events have columns of their own */
    pawl_transition_message(t, MESSAGE("3"));
    assert_ok(commit(t));
    assert_effects(w, 3, NULL);
    verify(w);
}

static void an_effect_of_any_room_refuses_all_or_nothing(struct world *w)
{
    LAW(J2);
    pawl_transition *t = begin(w, 1);
    pawl_transition_message(t, MESSAGE("1"));
    struct mark *mark = add_mark(t, &marks, "m");
    mark->refuses = true;
    assert_int_equal(pawl_transition_commit(t, NULL, &err), PAWL_EREFUSED);
    assert_int_equal(mark->decided, 1);
    assert_int_equal(stats(w).pending, 0);
    mark->refuses = false;
    assert_null(add_mark(t, &marks, "late")); /* what was sealed is what is committed */
    assert_ok(commit(t));
    assert_int_equal(stats(w).pending, 1);
    assert_effects(w, 1, "{\"marks\":[\"m\"]}");
}

static void an_error_of_building_stands(struct world *w)
{
    pawl_transition *t = begin(w, 1);
    pawl_transition_message(t, MESSAGE("1", .delay_ms = -1));
    assert_null(add_mark(t, &marks, "m"));
    assert_int_equal(commit(t), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "message 1"));
}

static void messages_of_any_room_are_in_the_records_list(struct world *w)
{
    pawl_receipt *receipt;
    struct effect_ops letters;
    for (unsigned repeated = 0; repeated < 2; repeated++) {
        pawl_transition *t = begin(w, 1);
        pawl_transition_message(t, MESSAGE("1"));
        add_letter(t, MESSAGE("2"), &letters);
        pawl_transition_message(t, MESSAGE("3"));
        assert_ok(pawl_transition_commit(t, &receipt, &err));
        assert_int_equal(pawl_receipt_was_replayed(receipt), repeated);
        assert_false(pawl_receipt_differs(receipt));
        assert_int_equal(pawl_receipt_message_count(receipt), 3);
        const char *payloads[] = {"1", "3", "2"}; /* kind by kind */
        for (size_t i = 0; i < 3; i++) {
            pawl_messages *message = get(w, pawl_receipt_message(receipt, i));
            assert_bytes(pawl_messages_get(message, 0)->data, pawl_messages_get(message, 0)->data_size, payloads[i]);
            pawl_messages_free(message);
        }
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
    }
    verify(w);
    pawl_transition *t = begin(w, 1);
    pawl_transition_message(t, MESSAGE("1"));
    add_letter(t, MESSAGE("another"), &letters);
    pawl_transition_message(t, MESSAGE("3"));
    assert_ok(pawl_transition_commit(t, &receipt, &err));
    assert_true(pawl_receipt_differs(receipt));
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
}

static const struct conformance_case cases[] = {
    CASE(effects_are_kept_as_given_and_in_order),
    CASE(an_effect_of_any_room_refuses_all_or_nothing),
    CASE(an_error_of_building_stands),
    CASE(messages_of_any_room_are_in_the_records_list),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
