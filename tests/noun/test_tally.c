/* SPDX-License-Identifier: MIT */
/* A noun that the library does not have: named tallies of a scope, as tally.patch adds them. Every store keeps them without
 * knowing of them. */
#include "../conformance/conformance.h"
#include "commit/count.h"

/* Several counts are one unit: all of them, or none. */
static int try_count(struct world *w, const char *const *names, size_t count, uint64_t by, uint64_t most)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, w->store);
    for (size_t i = 0; i < count; i++) {
        struct count *effect = arena_new(&drafting.unit.arena, struct count);
        assert_non_null(effect);
        *effect = (struct count){.name = text_of(names[i]), .by = by, .most = most};
        pawli_unit_add(&drafting.unit, &effect->effect, &pawli_effect_count);
    }
    int status = pawli_draft_commit(&drafting, NULL, &err);
    pawli_drafting_done(&drafting);
    return status;
}

static uint64_t value_of(struct world *w, const char *name)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, w->store);
    struct count *effect = pawli_draft_effect(&drafting, &pawli_effect_count);
    assert_non_null(effect);
    effect->name = text_of(name);
    effect->most = UINT64_MAX;
    assert_ok(pawli_draft_commit(&drafting, NULL, &err));
    uint64_t value = effect->value;
    pawli_drafting_done(&drafting);
    return value;
}

static void a_tally_counts(struct world *w)
{
    assert_int_equal(value_of(w, "orders"), 0);
    for (int i = 1; i <= 3; i++)
        assert_ok(try_count(w, (const char *[]){"orders"}, 1, 2, 100));
    assert_int_equal(value_of(w, "orders"), 6);
    assert_int_equal(value_of(w, "refunds"), 0);
    verify(w);
}

static void one_key_is_one_tally_in_a_batch(struct world *w)
{
    assert_ok(try_count(w, (const char *[]){"a", "b", "a"}, 3, 1, 100));
    assert_int_equal(value_of(w, "a"), 2);
    assert_int_equal(value_of(w, "b"), 1);
}

static void what_is_refused_counts_nothing(struct world *w)
{
    assert_ok(try_count(w, (const char *[]){"b"}, 1, 9, 10));
    assert_status(try_count(w, (const char *[]){"a", "b"}, 2, 5, 10), PAWL_EREFUSED);
    assert_int_equal(value_of(w, "a"), 0);
    assert_int_equal(value_of(w, "b"), 9);
}

static void scopes_count_for_themselves(struct world *w)
{
    struct world other = *w;
    assert_ok(pawl_store_scope(w->store, "other", &other.store, &err));
    assert_ok(try_count(&other, (const char *[]){"a"}, 1, 7, 10));
    assert_int_equal(value_of(w, "a"), 0);
    assert_int_equal(value_of(&other, "a"), 7);
    pawl_store_close(other.store);
}

static void a_tally_is_kept(struct world *w)
{
    if (!w->kind->is_durable)
        return;
    assert_ok(try_count(w, (const char *[]){"a"}, 1, 5, 10));
    pawl_store_close(w->store);
    assert_ok(pawli_open_in(w->env, w->url, NULL, &w->store, &err));
    assert_int_equal(value_of(w, "a"), 5);
}

static const struct conformance_case cases[] = {
    CASE(a_tally_counts),
    CASE(one_key_is_one_tally_in_a_batch),
    CASE(what_is_refused_counts_nothing),
    CASE(scopes_count_for_themselves),
    CASE(a_tally_is_kept),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
