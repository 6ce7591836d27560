/* SPDX-License-Identifier: MIT */
/* The effects of an operator on what messages obey: policies, targets, holds, and the store's own epoch. */
#include "commit/adopt.h"
#include "commit/configure.h"
#include "commit/hold.h"
#include "model/headers.h"
#include "model/limits.h"

/* ---- policies and targets ---- */

static bool gather_policy(struct unit *unit, struct effect *effect, struct view *view)
{
    struct policy_change *change = (struct policy_change *)effect;
    if (change->is_target) {
        change->target = pawli_view_target(view, unit->view_scope, change->name);
        change->subject = pawli_view_subject(view, HOLD_TARGET, unit->view_scope, (struct text){0}, change->name);
        return change->target && change->subject;
    }
    return (change->lane = pawli_view_lane(view, unit->view_scope, change->name)) != NULL;
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

/* Those with a code; absent: all. Their rows stay: what they kept waiting has not aged meanwhile. */
static bool release_holds(struct view *view, struct view_subject *subject, struct text code, uint32_t *count)
{
    for (struct view_hold *hold = subject->holds; hold; hold = hold->next) {
        struct hold_row *row = &hold->row;
        if (!hold->slot.exists || !hold_is_on(row, view->wall) || (code.data && !text_equal(row->code, code)))
            continue;
        if (!pawli_view_touch(view, &hold->slot))
            return false;
        row->before_ms = pawli_held_ms(row, view->wall);
        row->since = row->until = view->wall;
        ++*count;
    }
    view->wakes |= *count > 0;
    return true;
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
    struct view_target *target = change->target;
    bool is_damaged = target->slot.is_damaged, is_there = is_damaged || (target->slot.exists && target->row.url.data),
         names_place = change->url.data || change->secret_file.data || change->headers.data;
    bool is_new = !target->slot.exists || is_damaged || change->replaces || change->removes;
    struct text headers = pawli_headers_merge(is_new ? (struct text){0} : target->row.headers, change->headers,
                                              view->arena);
    if (pawli_arena_failed(view->arena))
        return pawli_no_memory(err);
    if (pawli_headers_count(headers) > LIMIT_HEADERS)
        return pawli_fail(err, PAWL_ELIMIT, "the target would have over %d headers", LIMIT_HEADERS);
    if (is_damaged && !change->replaces && !change->removes)
        return pawli_hint(err, pawli_refuse_damaged("the target", err), "remove it, or add it anew, all of it");
    unit->changes_nothing = change->replaces && is_there && !is_damaged && is_same(&target->row, change, headers);
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
    if (!pawli_scope_exists(view, scope) || !pawli_view_touch(view, &target->slot))
        return pawli_no_memory(err);
    /* What was removed, or could not be read, must not come back with what is set next. */
    if (!target->slot.exists || target->slot.is_damaged || change->removes)
        target->row = (struct target_row){.scope = scope->row.id, .name = change->name};
    target->slot.exists = !change->removes;
    target->slot.is_damaged = false;
    if (change->removes)
        return PAWL_OK;
    uint32_t released = 0;
    if (change->url.data && !text_equal(target->row.url, change->url) &&
        !release_holds(view, change->subject, TEXT(HOLD_CODE_MALFORMED), &released))
        return pawli_no_memory(err);
    if (change->url.data)
        target->row.url = change->url;
    if (change->secret_file.data)
        target->row.secret_file = change->secret_file.size ? change->secret_file : (struct text){0};
    target->row.headers = headers;
    merge(&target->row.policy, change);
    return check(&target->row.policy, err);
}

static int decide_policy(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct policy_change *change = (struct policy_change *)effect;
    if (unit->view_scope->slot.is_damaged)
        return pawli_refuse_damaged("the scope", err);
    if (change->is_target)
        return change_target(unit, change, view, err);
    struct view_lane *lane = change->lane;
    if (!pawli_scope_exists(view, unit->view_scope) || !pawli_view_touch(view, &lane->slot))
        return pawli_no_memory(err);
    if (lane->slot.is_damaged) /* what is set now is all that is known of it */
        lane->row.policy = (struct policy){0};
    lane->slot.exists = true;
    lane->slot.is_damaged = false;
    lane->row.scope = unit->view_scope->row.id;
    lane->row.name = change->name;
    merge(&lane->row.policy, change);
    return check(&lane->row.policy, err);
}

static void describe_nothing(const struct effect *effect, struct json_writer *writer)
{
    (void)effect, (void)writer; /* the command says it all */
}

const struct effect_ops pawli_effect_policy = {"policy", gather_policy, decide_policy, describe_nothing};

/* ---- holds ---- */

static bool gather_hold(struct unit *unit, struct effect *effect, struct view *view)
{
    struct hold_change *change = (struct hold_change *)effect;
    struct view_scope *scope = change->kind == HOLD_STORE ? NULL : unit->view_scope;
    change->subject = pawli_view_subject(view, change->kind, scope, change->lane, change->target);
    return change->subject != NULL;
}

static struct view_hold *find_hold(struct view_subject *subject, struct text code)
{
    for (struct view_hold *hold = subject->holds; hold; hold = hold->next)
        if (text_equal(hold->row.code, code))
            return hold;
    return NULL;
}

static int release(struct hold_change *change, struct view *view, pawl_error *err)
{
    change->count = 0;
    if (!release_holds(view, change->subject, change->code, &change->count))
        return pawli_no_memory(err);
    if (change->count == 0 && !change->quiet)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "nothing holds this %s", pawli_hold_kind_text(change->kind)),
                          "see \"pawl holds list\"");
    return PAWL_OK;
}

static int decide_hold(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct hold_change *change = (struct hold_change *)effect;
    if (change->subject->slot.is_damaged)
        return pawli_refuse_damaged("the scope", err);
    if (change->releases)
        return release(change, view, err);
    if (change->kind != HOLD_STORE && !pawli_scope_exists(view, unit->view_scope))
        return pawli_no_memory(err);
    if (!pawli_view_touch(view, &change->subject->slot))
        return pawli_no_memory(err);
    struct view_hold *hold = find_hold(change->subject, change->code);
    if (!hold && !(hold = pawli_view_add_hold(view, change->subject)))
        return pawli_no_memory(err);
    if (!pawli_view_touch(view, &hold->slot))
        return pawli_no_memory(err);
    int64_t before = hold->slot.exists ? pawli_held_ms(&hold->row, view->wall) : 0;
    hold->slot.exists = true;
    hold->row = (struct hold_row){.kind = change->kind,
                                  .scope = change->kind == HOLD_STORE ? 0 : unit->view_scope->row.id,
                                  .lane = change->lane,
                                  .target = change->target,
                                  .code = change->code,
                                  .reason = change->reason,
                                  .by = change->by,
                                  .since = view->wall,
                                  .until = change->until,
                                  .before_ms = before};
    change->count = 1;
    return PAWL_OK;
}

static void describe_hold(const struct effect *effect, struct json_writer *writer)
{
    const struct hold_change *change = (const struct hold_change *)effect;
    pawli_json_put_u64(writer, change->releases ? "released" : "held", change->count);
}

const struct effect_ops pawli_effect_hold = {"hold", gather_hold, decide_hold, describe_hold};

/* ---- adopting a restored or copied store ---- */

static bool gather_adopt(struct unit *unit, struct effect *effect, struct view *view)
{
    (void)unit, (void)effect, (void)view;
    return true;
}

static int decide_adopt(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct adopt *adopt = (struct adopt *)effect;
    (void)unit;
    if (!pawli_view_touch(view, &view->store.slot))
        return pawli_no_memory(err);
    if (view->store.row.epoch == UINT16_MAX)
        return pawli_fail(err, PAWL_ELIMIT, "a store can be adopted %d times at most", UINT16_MAX - 1);
    adopt->epoch = ++view->store.row.epoch;
    view->store.row.last_token = 0;
    return PAWL_OK;
}

static void describe_adopt(const struct effect *effect, struct json_writer *writer)
{
    pawli_json_put_u64(writer, "epoch", ((const struct adopt *)effect)->epoch);
}

const struct effect_ops pawli_effect_adopt = {"adopt", gather_adopt, decide_adopt, describe_adopt};
