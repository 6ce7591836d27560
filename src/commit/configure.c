/* SPDX-License-Identifier: MIT */
/* The effect of an operator on what messages obey: the policies of lanes, and targets. */
#include "commit/configure.h"

#include "commit/hold.h"
#include "model/headers.h"
#include "model/limits.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct policy_change *change = (struct policy_change *)effect;
    if (change->is_target) {
        change->target = pawli_view_fact(view, ROW_TARGET, &unit->view_scope->slot,
                                         &(struct target_row){.name = change->name});
        change->subject = pawli_view_subject(view, HOLD_TARGET, unit->view_scope, (struct text){0}, change->name);
        return change->target && change->subject;
    }
    return (change->lane = pawli_view_fact(view, ROW_LANE, &unit->view_scope->slot,
                                           &(struct lane_row){.name = change->name})) != NULL;
}

static void merge(struct policy *policy, const struct policy_change *change)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (change->policy.set >> i & 1)
            policy->values[i] = change->policy.values[i];
    policy->set = (policy->set | change->policy.set) & ~change->unset;
}

static int check(const struct policy *policy, pawl_error *err)
{
    struct policy effective = pawli_policy_effective(policy, NULL);
    return pawli_policy_check(&effective, err);
}

static bool is_same(const struct target_row *row, const struct policy_change *change, struct text headers)
{
    bool same = text_equal(row->url, change->url) && text_equal(row->secret_file, change->secret_file) &&
                text_equal(row->headers, headers) && row->policy.set == change->policy.set;
    for (int i = 0; same && i < POLICY_COUNT; i++)
        same = !(row->policy.set >> i & 1) || row->policy.values[i] == change->policy.values[i];
    return same;
}

static int change_target(struct unit *unit, struct policy_change *change, struct view *view, pawl_error *err)
{
    struct view_scope *scope = unit->view_scope;
    struct view_fact *target = change->target;
    bool is_damaged = target->slot.is_damaged,
         is_there = is_damaged || (target->slot.exists && target->row.target.url.data),
         names_place = change->url.data || change->secret_file.data || change->headers.data;
    bool is_new = !target->slot.exists || is_damaged || change->replaces || change->removes;
    struct text headers = pawli_headers_merge(is_new ? (struct text){0} : target->row.target.headers, change->headers,
                                              view->arena);
    if (pawli_arena_failed(view->arena))
        return pawli_no_memory(err);
    if (pawli_headers_count(headers) > LIMIT_HEADERS)
        return pawli_fail(err, PAWL_ELIMIT, "the target would have over %d headers", LIMIT_HEADERS);
    if (is_damaged && !change->replaces && !change->removes)
        return pawli_hint(err, pawli_refuse_damaged("the target", err), "remove it, or add it anew, all of it");
    unit->changes_nothing = change->replaces && is_there && !is_damaged &&
                            is_same(&target->row.target, change, headers);
    if (unit->changes_nothing)
        return PAWL_OK;
    if (change->replaces && is_there && !is_damaged)
        return pawli_hint(
            err, pawli_fail(err, PAWL_ECONFLICT, "target \"%.*s\" is there, with other values", TEXT_ARG(change->name)),
            "change it with \"pawl targets set\"");
    if (!change->replaces && names_place && !is_there)
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no target is called \"%.*s\"", TEXT_ARG(change->name)),
                          "see \"pawl targets list\", or run \"pawl targets add NAME URL\"");
    if (change->removes && !is_there)
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no target is called \"%.*s\"", TEXT_ARG(change->name)),
                          "see \"pawl targets list\"");
    int status = pawli_make_scope(view, scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &target->slot))
        return pawli_no_memory(err);
    /* What was removed, or could not be read, must not come back with what is set next. */
    if (!target->slot.exists || target->slot.is_damaged || change->removes)
        target->row.target = (struct target_row){.scope = scope->row.id, .name = change->name};
    target->slot.exists = !change->removes;
    target->slot.is_damaged = false;
    if (change->removes)
        return PAWL_OK;
    uint32_t released = 0;
    if (change->url.data && !text_equal(target->row.target.url, change->url) &&
        !pawli_release_holds(view, change->subject, TEXT(HOLD_CODE_MALFORMED), &released))
        return pawli_no_memory(err);
    if (change->url.data)
        target->row.target.url = change->url;
    if (change->secret_file.data)
        target->row.target.secret_file = change->secret_file.size ? change->secret_file : (struct text){0};
    target->row.target.headers = headers;
    merge(&target->row.target.policy, change);
    return check(&target->row.target.policy, err);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct policy_change *change = (struct policy_change *)effect;
    view->wakes = true; /* whoever rests because nobody could be sent to */
    if (unit->view_scope->slot.is_damaged)
        return pawli_refuse_damaged("the scope", err);
    if (change->is_target)
        return change_target(unit, change, view, err);
    struct view_fact *lane = change->lane;
    int status = pawli_make_scope(view, unit->view_scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &lane->slot))
        return pawli_no_memory(err);
    if (lane->slot.is_damaged) /* what is set now is all that is known of it */
        lane->row.lane.policy = (struct policy){0};
    lane->slot.exists = true;
    lane->slot.is_damaged = false;
    lane->row.lane.scope = unit->view_scope->row.id;
    lane->row.lane.name = change->name;
    merge(&lane->row.lane.policy, change);
    return check(&lane->row.lane.policy, err);
}

/* Its record says all of it in the command. */
const struct effect_ops pawli_effect_policy = {
    .name = "policy", .size = sizeof(struct policy_change), .gather = gather, .decide = decide};
