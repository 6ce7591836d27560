/* SPDX-License-Identifier: MIT */
#include "commit/subscribe.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct subscription_change *change = (struct subscription_change *)effect;
    change->slot = pawli_view_fact(view, ROW_SUBSCRIPTION, &unit->view_scope->slot,
                                   &(struct subscription_row){.name = change->row.name});
    return change->slot != NULL;
}

static bool is_same(struct text a, struct text b)
{
    return (a.data == NULL) == (b.data == NULL) && text_equal(a, b);
}

static int subscribe(struct subscription_change *change, const struct scope_row *scope, pawl_error *err)
{
    const struct view_fact *slot = change->slot;
    const struct subscription_row *is = &slot->row.subscription;
    struct subscription_row *row = &change->row;
    if (slot->slot.exists) {
        if (is_same(is->topic, row->topic) && is_same(is->prefix, row->prefix) && is_same(is->lane, row->lane) &&
            is_same(is->target, row->target))
            return PAWL_OK;
        return pawli_hint(
            err, pawli_fail(err, PAWL_ECONFLICT, "subscription %.*s is there with other settings", TEXT_ARG(row->name)),
            "take another name, or remove it first; see \"pawl subscriptions list\"");
    }
    if (change->from_now)
        row->seq = scope->seq;
    if (row->seq > scope->seq)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "record %llu is not there: the last one is %llu",
                                     (unsigned long long)row->seq + 1, (unsigned long long)scope->seq),
                          "to begin with what comes next, begin from now");
    if (row->seq < scope->pruned)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EREFUSED, "records up to %llu were pruned", (unsigned long long)scope->pruned),
            "begin with record %llu or later, or from now", (unsigned long long)scope->pruned + 1);
    return PAWL_OK;
}

static int move_on(const struct subscription_change *change, const struct scope_row *scope, pawl_error *err)
{
    const struct subscription_row *is = &change->slot->row.subscription, *to = &change->row;
    if (to->seq > scope->seq)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "record %llu is not there: the last one is %llu",
                                     (unsigned long long)to->seq, (unsigned long long)scope->seq),
                          "acknowledge what was read");
    if (is->lane.data && !change->relays)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "subscription %.*s is relayed to %.*s/%.*s",
                                     TEXT_ARG(to->name), TEXT_ARG(is->lane), TEXT_ARG(is->target)),
                          "workers move it; to read by hand add another one");
    if (change->relays && position_compare(is->seq, is->index, change->read_seq, change->read_index) != 0)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "subscription %.*s was moved meanwhile", TEXT_ARG(to->name)),
                          "another worker relays it too: nothing is lost");
    if (position_compare(to->seq, to->index, is->seq, is->index) < 0)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EREFUSED, "subscription %.*s stands behind that already", TEXT_ARG(to->name)),
            "it goes forward only; to read from an earlier record add another one");
    return PAWL_OK;
}

static int change_row(struct view *view, struct view_scope *scope, struct subscription_change *change, pawl_error *err)
{
    struct view_fact *slot = change->slot;
    struct subscription_row *row = &slot->row.subscription;
    bool is_there = slot->slot.exists;
    if (change->what == SUBSCRIBE && is_there)
        return PAWL_OK;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->slot.exists = change->what != UNSUBSCRIBE;
    if (change->what == SUBSCRIBE) {
        *row = change->row;
        row->scope = scope->row.id;
    } else if (change->what == SUBSCRIBED_TO) {
        row->seq = change->row.seq;
        row->index = change->row.index;
    }
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct subscription_change *change = (struct subscription_change *)effect;
    const struct slot *slot = &change->slot->slot;
    if (slot->is_damaged && change->what != UNSUBSCRIBE)
        return pawli_refuse_damaged("the subscription", err);
    if (!slot->exists && change->what != SUBSCRIBE)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "no subscription %.*s in scope \"%.*s\"",
                                     TEXT_ARG(change->row.name), TEXT_ARG(unit->scope)),
                          "see \"pawl subscriptions list\"; add it with \"pawl subscriptions add\"");
    int status = PAWL_OK;
    if (change->what == SUBSCRIBE) {
        status = pawli_make_scope(view, unit->view_scope, err);
        if (status == PAWL_OK)
            status = subscribe(change, &unit->view_scope->row, err);
    } else if (change->what == SUBSCRIBED_TO) {
        status = move_on(change, &unit->view_scope->row, err);
    }
    return status == PAWL_OK ? change_row(view, unit->view_scope, change, err) : status;
}

const struct effect_ops pawli_effect_subscription = {
    .name = "subscription", .size = sizeof(struct subscription_change), .gather = gather, .decide = decide};
