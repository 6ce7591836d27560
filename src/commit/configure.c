/* SPDX-License-Identifier: MIT */
/* The effect of an operator on what messages obey: the policies of lanes, and targets. */
#include "commit/configure.h"

#include "commit/hold.h"
#include "commit/workflow.h"
#include "model/headers.h"
#include "model/limits.h"
#include "model/urls.h"

static struct view_fact *want_sender(const struct unit *unit, const struct policy_change *change, struct text sender,
                                     struct view *view)
{
    return pawli_view_fact(view, ROW_SENDER, &unit->view_scope->slot,
                           &(struct sender_row){.target = change->name, .sender = sender, .removed = WALL_NEVER});
}

static bool gather_target(struct unit *unit, struct policy_change *change, struct view *view)
{
    change->target = pawli_view_fact(view, ROW_TARGET, &unit->view_scope->slot,
                                     &(struct target_row){.name = change->name});
    change->subject = pawli_view_subject(view, HOLD_TARGET, unit->view_scope, (struct text){0}, change->name);
    if (change->sender.data && !(change->route_of = want_sender(unit, change, change->sender, view)))
        return false;
    change->forgotten = arena_array(view->arena, struct view_fact *, change->sender_count + 1);
    for (size_t i = 0; change->forgotten && i < change->sender_count; i++)
        if (!(change->forgotten[i] = want_sender(unit, change, change->senders[i], view)))
            return false;
    return change->target && change->subject && change->forgotten;
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct policy_change *change = (struct policy_change *)effect;
    if (change->is_target)
        return gather_target(unit, change, view);
    return (change->lane = pawli_view_fact(view, ROW_LANE, &unit->view_scope->slot,
                                           &(struct lane_row){.name = change->name})) != NULL;
}

static int merge(enum policy_of of, struct policy *policy, const struct policy *given, uint64_t unset, pawl_error *err)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (given->set >> i & 1)
            policy->values[i] = given->values[i];
    policy->set = (policy->set | given->set) & ~unset;
    struct policy effective = pawli_policy_effective(of, policy, NULL);
    return pawli_policy_check(&effective, err);
}

static bool is_same_route(const struct route *route, const struct policy_change *change, struct text headers)
{
    return text_equal(route->urls, change->route.urls) && text_equal(route->secret_file, change->route.secret_file) &&
           text_equal(route->headers, headers);
}

/* An empty one takes away what was there. */
static struct text given(struct text text)
{
    return text.size ? text : (struct text){0};
}

static bool is_same(const struct target_row *row, const struct policy_change *change, struct text headers)
{
    bool same = is_same_route(&row->route, change, headers) && text_equal(row->probe, given(change->probe)) &&
                text_equal(row->poll, given(change->poll)) && row->policy.set == change->policy.set;
    for (int i = 0; same && i < POLICY_COUNT; i++)
        same = !(row->policy.set >> i & 1) || row->policy.values[i] == change->policy.values[i];
    return same;
}

/* Those of the route, or of none where it is made anew, and what is given. */
static int merge_headers(const struct route *route, const struct policy_change *change, struct view *view,
                         struct text *ret_headers, pawl_error *err)
{
    struct text headers = pawli_headers_merge(route ? route->headers : (struct text){0}, change->route.headers,
                                              view->arena);
    if (pawli_arena_failed(view->arena))
        return pawli_no_memory(err);
    if (pawli_headers_count(headers) > LIMIT_HEADERS)
        return pawli_fail(err, PAWL_ELIMIT, "the target would have over %d headers", LIMIT_HEADERS);
    *ret_headers = headers;
    return PAWL_OK;
}

static void merge_route(struct route *route, const struct policy_change *change, struct text headers)
{
    if (change->route.urls.data)
        route->urls = change->route.urls;
    if (change->route.secret_file.data)
        route->secret_file = change->route.secret_file.size ? change->route.secret_file : (struct text){0};
    route->headers = headers;
}

/* ---- the route of a sender ---- */

static int make_target(struct unit *unit, const struct policy_change *change, struct view *view, pawl_error *err)
{
    struct view_fact *target = change->target;
    int status = pawli_make_scope(view, unit->view_scope, err);
    if (status < 0 || target->slot.exists)
        return status;
    if (!pawli_view_touch(view, &target->slot))
        return pawli_no_memory(err);
    target->slot.exists = true;
    target->row.target = (struct target_row){.scope = unit->view_scope->row.id, .name = change->name};
    return PAWL_OK;
}

static int no_such_sender(const struct policy_change *change, pawl_error *err)
{
    return pawli_hint(err,
                      pawli_fail(err, PAWL_ENOTFOUND, "target \"%.*s\" has no route of sender \"%.*s\"",
                                 TEXT_ARG(change->name), TEXT_ARG(change->sender)),
                      "see \"pawl targets list\", or run \"pawl targets add NAME URL --sender SENDER\"");
}

/* A sender that is removed keeps its row, which says since when; added again it is there as if it had never gone. */
static int change_sender(struct unit *unit, struct policy_change *change, struct view *view, pawl_error *err)
{
    struct view_fact *fact = change->route_of;
    struct sender_row *row = &fact->row.sender;
    bool is_there = fact->slot.is_damaged || (fact->slot.exists && row->removed.ms == INT64_MAX);
    bool is_kept = is_there && !fact->slot.is_damaged && !change->replaces;
    struct text headers;
    int status = merge_headers(is_kept ? &row->route : NULL, change, view, &headers, err);
    if (status < 0)
        return status;
    if (fact->slot.is_damaged && !change->replaces && !change->removes)
        return pawli_hint(err, pawli_refuse_damaged("the route of this sender", err),
                          "remove it, or add it anew, all of it");
    if (!is_there && !change->replaces)
        return no_such_sender(change, err);
    bool is_known = is_there && !fact->slot.is_damaged;
    unit->changes_nothing = change->replaces && is_known && is_same_route(&row->route, change, headers);
    if (unit->changes_nothing)
        return PAWL_OK;
    if (change->replaces && is_known)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECONFLICT, "target \"%.*s\" has another route of sender \"%.*s\"",
                                     TEXT_ARG(change->name), TEXT_ARG(change->sender)),
                          "change it with \"pawl targets set --sender\"");
    status = make_target(unit, change, view, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &fact->slot))
        return pawli_no_memory(err);
    if (!is_known)
        *row = (struct sender_row){
            .scope = unit->view_scope->row.id, .target = change->name, .sender = change->sender, .removed = WALL_NEVER};
    fact->slot.exists = true;
    fact->slot.is_damaged = false;
    if (change->removes)
        row->removed = view->wall;
    else
        merge_route(&row->route, change, headers);
    view->wakes = true; /* a target that had none may be served now */
    return PAWL_OK;
}

static bool forget_senders(const struct policy_change *change, struct view *view)
{
    for (size_t i = 0; i < change->sender_count; i++) {
        if (!pawli_view_touch(view, &change->forgotten[i]->slot))
            return false;
        change->forgotten[i]->slot.exists = change->forgotten[i]->slot.is_damaged = false;
    }
    return true;
}

/* ---- a target ---- */

static int change_target(struct unit *unit, struct policy_change *change, struct view *view, pawl_error *err)
{
    struct view_scope *scope = unit->view_scope;
    struct view_fact *target = change->target;
    bool is_damaged = target->slot.is_damaged,
         is_there = is_damaged || (target->slot.exists && target->row.target.route.urls.data),
         names_place = route_is_set(&change->route) || change->probe.data || change->poll.data;
    bool is_new = !target->slot.exists || is_damaged || change->replaces || change->removes;
    struct text headers;
    int status = merge_headers(is_new ? NULL : &target->row.target.route, change, view, &headers, err);
    if (status < 0)
        return status;
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
    if (change->removes && !is_there && change->sender_count == 0)
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no target is called \"%.*s\"", TEXT_ARG(change->name)),
                          "see \"pawl targets list\"");
    status = pawli_make_scope(view, scope, err);
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
        return forget_senders(change, view) ? PAWL_OK : pawli_no_memory(err);
    uint32_t released = 0;
    struct text urls = change->route.urls;
    if (urls.data && !text_equal(target->row.target.route.urls, urls) &&
        !pawli_release_holds(view, change->subject, TEXT(HOLD_CODE_MALFORMED), &released))
        return pawli_no_memory(err);
    merge_route(&target->row.target.route, change, headers);
    if (change->probe.data)
        target->row.target.probe = given(change->probe);
    if (change->poll.data)
        target->row.target.poll = given(change->poll);
    return merge(POLICY_OF_MESSAGES, &target->row.target.policy, &change->policy, change->unset, err);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct policy_change *change = (struct policy_change *)effect;
    view->wakes = true; /* whoever rests because nobody could be sent to */
    if (unit->view_scope->slot.is_damaged)
        return pawli_refuse_damaged("the scope", err);
    if (change->is_target)
        return change->sender.data ? change_sender(unit, change, view, err) : change_target(unit, change, view, err);
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
    return merge(POLICY_OF_MESSAGES, &lane->row.lane.policy, &change->policy, change->unset, err);
}

/* Its record says all of it in the command. */
const struct effect_ops pawli_effect_policy = {
    .name = "policy", .size = sizeof(struct policy_change), .gather = gather, .decide = decide};

/* ---- kinds of workflows ---- */

static bool gather_kind(struct unit *unit, struct effect *effect, struct view *view)
{
    struct kind_change *change = (struct kind_change *)effect;
    change->kind = pawli_view_fact(view, ROW_KIND, &unit->view_scope->slot, &(struct kind_row){.name = change->name});
    return change->kind != NULL;
}

static int decide_kind(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct kind_change *change = (struct kind_change *)effect;
    struct view_fact *kind = change->kind;
    view->wakes = true;
    if (unit->view_scope->slot.is_damaged)
        return pawli_refuse_damaged("the scope", err);
    int status = pawli_make_scope(view, unit->view_scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &kind->slot))
        return pawli_no_memory(err);
    if (kind->slot.is_damaged) /* what is set now is all that is known of it */
        kind->row.kind.policy = (struct policy){0};
    kind->slot.exists = true;
    kind->slot.is_damaged = false;
    kind->row.kind.scope = unit->view_scope->row.id;
    kind->row.kind.name = change->name;
    return merge(POLICY_OF_WORKFLOWS, &kind->row.kind.policy, &change->policy, change->unset, err);
}

const struct effect_ops pawli_effect_kind = {
    .name = "kind", .size = sizeof(struct kind_change), .gather = gather_kind, .decide = decide_kind};
