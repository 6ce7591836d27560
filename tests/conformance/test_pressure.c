/* SPDX-License-Identifier: MIT */
/* A disk that fills: told, then nothing new is taken while what is under way drains, then full; and back. */
#include "conformance.h"

#define SIZE ((uint64_t)1000000000)

/* A store that cannot know is never full: the memory store. */
static bool knows(const struct world *w)
{
    return w->kind->is_durable;
}

static void use_percent(struct world *w, unsigned percent)
{
    pawli_sim_set_room(w->env, SIZE, SIZE / 100 * (100 - percent));
    pawli_sim_advance_ms(w->env, 1000); /* it is looked at once a second */
}

static pawl_store_info info(struct world *w)
{
    pawl_store_info found = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(w->store, &found, &err));
    return found;
}

static void assert_disk(struct world *w, int32_t state)
{
    assert_int_equal(info(w).disk_state, knows(w) ? state : PAWL_DISK_FINE);
}

static int try_transition(struct world *w, unsigned id, const pawl_message *message, bool *ret_replayed)
{
    pawl_receipt *receipt = NULL;
    pawl_transition *t = pawl_transition_new(
        w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T", .request_id = make_id(id)});
    if (message)
        pawl_transition_message(t, message);
    int status = pawl_transition_commit(t, &receipt, &err);
    if (ret_replayed)
        *ret_replayed = receipt && pawl_receipt_was_replayed(receipt);
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
    return status;
}

static void a138_at_80_percent_it_is_told_and_all_goes_on(struct world *w)
{
    use_percent(w, 79);
    assert_disk(w, PAWL_DISK_FINE);
    use_percent(w, 80);
    assert_disk(w, PAWL_DISK_FILLING);
    assert_int_equal(info(w).disk_percent, knows(w) ? 80 : 0);
    assert_true(info(w).disk_free == (knows(w) ? SIZE / 5 : 0));
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(try_transition(w, 1, MESSAGE("2", .key = NULL), NULL));
    use_percent(w, 79); /* it does not flap at the mark */
    assert_disk(w, PAWL_DISK_FILLING);
    use_percent(w, 77);
    assert_disk(w, PAWL_DISK_FINE);
    use_percent(w, 79);
    assert_disk(w, PAWL_DISK_FINE);
}

static void a138_at_95_percent_nothing_new_is_taken_and_what_is_there_drains(struct world *w)
{
    bool replayed;
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    add(w, MESSAGE("2", .key = NULL));
    add(w, MESSAGE("3", .key = NULL));
    assert_ok(try_transition(w, 1, MESSAGE("4", .key = NULL), NULL));
    use_percent(w, 95);
    assert_disk(w, PAWL_DISK_REFUSING);
    int refused = knows(w) ? PAWL_EREFUSED : PAWL_OK;
    assert_status(try_add(w, MESSAGE("5", .key = NULL)), refused);
    assert_true(!knows(w) || strstr(err.text, "95 %"));
    assert_true(!knows(w) || strstr(err.hint, "make room"));
    assert_status(try_transition(w, 2, MESSAGE("6", .key = NULL), NULL), refused);
    assert_status(try_transition(w, 2, knows(w) ? NULL : MESSAGE("6", .key = NULL), NULL), PAWL_OK);
    /* Who asks again is told what he was told: nothing is added. */
    assert_true(add(w, MESSAGE("1", .dedupe = "K")).was_replayed);
    assert_ok(try_transition(w, 1, MESSAGE("4", .key = NULL), &replayed));
    assert_true(replayed);
    /* Claims, settlements with what follows from them, moves and the sweep go on. */
    struct held held = claim_one(w, CLAIM());
    pawl_message follow_up = {PAWL_MESSAGE, .lane = LANE, .target = TARGET, .data = "7", .data_size = 1};
    assert_int_equal(settle(w, SETTLE(held, DELIVERED, .messages = &follow_up, .message_count = 1)),
                     PAWL_RESULT_DELIVERED);
    assert_int_equal(claim_and(w, PAWL_VERDICT_DEAD), PAWL_RESULT_DEAD);
    assert_state(w, id, "delivered");
    pawl_messages *left;
    assert_ok(pawl_messages_list(w->store, &(pawl_messages_query){PAWL_MESSAGES_QUERY, .state = "dead"}, &left, &err));
    pawl_uuid dead = pawl_messages_get(left, 0)->id;
    pawl_messages_free(left);
    assert_ok(pawl_message_requeue(w->store, &dead, BECAUSE(1), NULL, &err));
    assert_ok(pawl_message_purge(w->store, &dead, BECAUSE(2), NULL, &err));
    sweep(w);
    /* It recovers by itself. */
    use_percent(w, 94);
    assert_disk(w, PAWL_DISK_REFUSING);
    use_percent(w, 92);
    assert_disk(w, PAWL_DISK_FILLING);
    add(w, MESSAGE("8", .key = NULL));
    assert_ok(try_transition(w, 3, MESSAGE("9", .key = NULL), NULL));
    verify(w);
}

static void a138_at_100_percent_it_is_full_until_there_is_room(struct world *w)
{
    use_percent(w, 100);
    assert_disk(w, PAWL_DISK_FULL);
    assert_status(try_add(w, MESSAGE("1", .key = NULL)), knows(w) ? PAWL_EREFUSED : PAWL_OK);
    use_percent(w, 98);
    assert_disk(w, PAWL_DISK_REFUSING);
    use_percent(w, 10);
    assert_disk(w, PAWL_DISK_FINE);
    add(w, MESSAGE("2", .key = NULL));
}

/* A quota is not to be seen beforehand; nor does whoever is told so have to wait a second once there is room. */
static void a_write_without_room_is_a_full_disk_until_one_has_it(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 2, FAULT_BEFORE, STORE_FULL});
    for (int i = 0; i < 2; i++) {
        assert_status(try_add(w, MESSAGE("1", .key = NULL)), PAWL_EREFUSED);
        assert_int_equal(info(w).disk_state, PAWL_DISK_FULL);
    }
    add(w, MESSAGE("1", .key = NULL));
    assert_int_equal(info(w).disk_state, PAWL_DISK_FINE);
}

static void the_disk_is_asked_once_a_second_at_most(struct world *w)
{
    use_percent(w, 50);
    assert_disk(w, PAWL_DISK_FINE);
    pawli_sim_set_room(w->env, SIZE, 0);
    pawli_sim_advance_ms(w->env, 999);
    assert_disk(w, PAWL_DISK_FINE);
    pawli_sim_advance_ms(w->env, 1);
    assert_disk(w, PAWL_DISK_FULL);
}

static void the_url_says_from_where_on(struct world *w)
{
    static const char *const bad[] = {"disk_warn=101", "disk_refuse=-1", "disk_refuse=", "disk_warn=9x"};
    pawl_store *store = w->store;
    char url[256];
    if (!knows(w))
        return;
    const char *joint = strchr(w->url, '?') ? "&" : "?";
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        snprintf(url, sizeof url, "%s%s%s", w->url, joint, bad[i]);
        assert_status(pawli_open_in(w->env, url, NULL, &w->store, &err), PAWL_EINVAL);
        assert_true(strstr(err.text, "disk_") && strstr(err.text, "percent"));
    }
    use_percent(w, 97);
    snprintf(url, sizeof url, "%s%sdisk_warn=97&disk_refuse=98", w->url, joint);
    assert_ok(pawli_open_in(w->env, url, NULL, &w->store, &err));
    assert_disk(w, PAWL_DISK_FILLING);
    add(w, MESSAGE("1", .key = NULL));
    use_percent(w, 98);
    assert_status(try_add(w, MESSAGE("1", .key = NULL)), PAWL_EREFUSED);
    pawl_store_close(w->store);
    snprintf(url, sizeof url, "%s%sdisk_warn=0&disk_refuse=0", w->url, joint);
    assert_ok(pawli_open_in(w->env, url, NULL, &w->store, &err));
    assert_disk(w, PAWL_DISK_FINE);
    use_percent(w, 100);
    assert_disk(w, PAWL_DISK_FULL);
    add(w, MESSAGE("1", .key = NULL)); /* whatever it says: root may still write */
    pawl_store_close(w->store);
    w->store = store;
}

int main(void)
{
    static const struct conformance_case cases[] = {
        CASE(a138_at_80_percent_it_is_told_and_all_goes_on),
        CASE(a138_at_95_percent_nothing_new_is_taken_and_what_is_there_drains),
        CASE(a138_at_100_percent_it_is_full_until_there_is_room),
        CASE(a_write_without_room_is_a_full_disk_until_one_has_it),
        CASE(the_disk_is_asked_once_a_second_at_most),
        CASE(the_url_says_from_where_on),
    };
    return run_on_every_store(cases, COUNT_OF(cases));
}
