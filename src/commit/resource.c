/* SPDX-License-Identifier: MIT */
/* The effect on resources: what one workflow at a time may hold. */
#include "commit/workflow.h"

#include <stdio.h>

const char *pawli_resource_action_text(enum resource_action action)
{
    static const char *const texts[RESOURCE_ACTION_COUNT] = {[RESOURCE_ADD] = "add",
                                                             [RESOURCE_HOLD] = "hold",
                                                             [RESOURCE_RELEASE] = "release",
                                                             [RESOURCE_CONSUME] = "consume",
                                                             [RESOURCE_WITHDRAW] = "withdraw"};
    return texts[action];
}

static const struct workflow_ref *holder_of(const struct resources *resources, const struct resource_change *change)
{
    const struct workflow_ref *ref = change->holder.kind.data ? &change->holder : &resources->own;
    return ref->kind.data ? ref : NULL;
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct resources *resources = (struct resources *)effect;
    if (resources->own.kind.data && !pawli_gather_workflow(view, unit->view_scope, &resources->own, true))
        return false;
    for (size_t i = 0; i < resources->count; i++) {
        struct resource_change *change = &resources->items[i];
        change->slot = pawli_view_fact(view, ROW_RESOURCE, &unit->view_scope->slot,
                                       &(struct resource_row){.id = change->id});
        if (!change->slot)
            return false;
        if (change->holder.kind.data && !pawli_gather_workflow(view, unit->view_scope, &change->holder, true))
            return false;
    }
    return true;
}

/* From now on it is in this state, and its history says so. */
static int move(struct view *view, struct view_fact *slot, enum resource_state state, struct text holder, uint64_t seq,
                pawl_error *err)
{
    struct resource_row *row = &slot->row.resource;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    row->state = state;
    row->holder = holder;
    row->generation++;
    row->updated = view->wall;
    slot->slot.exists = true;
    const struct resource_move_row done = {.scope = row->scope,
                                           .id = row->id,
                                           .generation = row->generation,
                                           .state = state,
                                           .holder = holder,
                                           .at = view->wall,
                                           .seq = seq};
    return pawli_view_add_row(view, SLOT_RESOURCE_MOVE, &done) ? PAWL_OK : pawli_no_memory(err);
}

static int count_hold(struct view *view, struct view_task *task, int by, pawl_error *err)
{
    struct workflow_row *row = pawli_task_edit(view, task);
    if (!row)
        return pawli_no_memory(err);
    row->holds = by < 0 && row->holds == 0 ? 0 : row->holds + (uint64_t)(int64_t)by;
    return PAWL_OK;
}

static int refuse(const struct resource_change *change, const struct resource_row *row, pawl_error *err)
{
    const char *action = pawli_resource_action_text(change->action);
    int status = row->state == RESOURCE_HELD
                     ? pawli_fail(err, PAWL_EREFUSED, "cannot %s resource %.*s: %.*s holds it", action,
                                  TEXT_ARG(row->id), TEXT_ARG(row->holder))
                     : pawli_fail(err, PAWL_EREFUSED, "cannot %s resource %.*s: it is %s", action, TEXT_ARG(row->id),
                                  pawli_resource_state_text(row->state));
    return pawli_hint(err, status, "nothing was changed; see \"pawl resources show\"");
}

static int add(struct unit *unit, struct view *view, const struct resource_change *change, uint64_t seq,
               pawl_error *err)
{
    struct view_fact *slot = change->slot;
    if (slot->slot.exists && text_equal(slot->row.resource.kind, change->kind))
        return PAWL_OK;
    if (slot->slot.exists)
        return pawli_hint(
            err, pawli_fail(err, PAWL_ECONFLICT, "resource %.*s is there, of another kind", TEXT_ARG(change->id)),
            "its kind was said when it was added, once and for all");
    int status = pawli_make_scope(view, unit->view_scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->row.resource = (struct resource_row){
        .scope = unit->view_scope->row.id, .id = slot->row.resource.id, .kind = change->kind};
    return move(view, slot, RESOURCE_AVAILABLE, (struct text){0}, seq, err);
}

/* Who may do what in which state: the new one, or no. What is so already is no change. */
static enum resource_state next_state(enum resource_action action, enum resource_state state, bool is_own)
{
    static const struct {
        enum resource_state to;
        bool from_available, from_held;
    } moves[RESOURCE_ACTION_COUNT] = {[RESOURCE_HOLD] = {RESOURCE_HELD, true, false},
                                      [RESOURCE_RELEASE] = {RESOURCE_AVAILABLE, true, true},
                                      [RESOURCE_CONSUME] = {RESOURCE_CONSUMED, true, true},
                                      [RESOURCE_WITHDRAW] = {RESOURCE_WITHDRAWN, true, true}};
    enum resource_state to = moves[action].to;
    if (state == to && (state != RESOURCE_HELD || is_own))
        return to;
    bool may = (state == RESOURCE_AVAILABLE && moves[action].from_available) ||
               (state == RESOURCE_HELD && moves[action].from_held && is_own);
    return may ? to : RESOURCE_STATE_COUNT;
}

static int change_one(struct unit *unit, struct view *view, const struct resources *resources,
                      const struct resource_change *change, uint64_t seq, pawl_error *err)
{
    const struct workflow_ref *ref = holder_of(resources, change);
    struct view_fact *slot = change->slot;
    struct resource_row *row = &slot->row.resource;
    struct view_task *task = NULL;
    if (slot->slot.is_damaged)
        return pawli_refuse_damaged("the resource", err);
    if (change->action == RESOURCE_ADD)
        return add(unit, view, change, seq, err);
    if (!slot->slot.exists)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "no resource %.*s in scope \"%.*s\"", TEXT_ARG(change->id),
                                     TEXT_ARG(unit->scope)),
                          "add it first: \"pawl resources add\"");
    if (!ref && change->action == RESOURCE_HOLD)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "resource %.*s: holder is missing", TEXT_ARG(change->id)),
                          "give the workflow that shall hold it: KIND/ID");
    struct text name = ref ? pawli_workflow_name(view->arena, ref) : (struct text){0};
    bool was_held = row->state == RESOURCE_HELD, is_own = was_held && ref && text_equal(row->holder, name);
    enum resource_state to = next_state(change->action, row->state, is_own);
    if (to == RESOURCE_STATE_COUNT)
        return refuse(change, row, err);
    int status = ref ? pawli_find_workflow(unit, ref, &task, err) : PAWL_OK;
    if (status < 0 || to == row->state)
        return status;
    if (task && task->row.place == PLACE_ENDED)
        return pawli_fail(err, PAWL_EREFUSED, "workflow %.*s/%.*s ended", TEXT_ARG(ref->kind), TEXT_ARG(ref->id));
    if (to == RESOURCE_HELD || was_held)
        status = count_hold(view, task, to == RESOURCE_HELD ? 1 : -1, err);
    return status < 0 ? status : move(view, slot, to, to == RESOURCE_HELD ? name : (struct text){0}, seq, err);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct resources *resources = (struct resources *)effect;
    uint64_t seq = unit->record ? unit->view_record_scope->row.seq + 1 : 0;
    for (size_t i = 0; i < resources->count; i++) {
        int status = change_one(unit, view, resources, &resources->items[i], seq, err);
        if (status < 0) {
            pawli_error_item(err, "resource", i, resources->count);
            return status;
        }
    }
    return pawli_arena_failed(view->arena) ? pawli_no_memory(err) : PAWL_OK;
}

static bool is_held_by(const struct view_fact *slot, struct text name)
{
    return slot->kind == ROW_RESOURCE && slot->slot.exists && slot->row.resource.state == RESOURCE_HELD &&
           text_equal(slot->row.resource.holder, name);
}

int pawli_release_all(const struct unit *unit, struct view *view, struct view_task *task, uint64_t seq, pawl_error *err)
{
    const struct workflow_ref ref = {.kind = task->queue->row.target, .id = workflow_in(task->body)->id};
    struct text name = pawli_workflow_name(view->arena, &ref);
    (void)unit;
    if (!name.data)
        return pawli_no_memory(err);
    /* Load brought what it held; what this batch gave it is somewhere among the facts. */
    for (uint32_t i = 0; i < task->resource_count && workflow_in(task->body)->holds > 0; i++)
        if (is_held_by(task->resources[i], name) &&
            (count_hold(view, task, -1, err) < 0 ||
             move(view, task->resources[i], RESOURCE_AVAILABLE, (struct text){0}, seq, err) < 0))
            return err ? err->status : PAWL_ENOMEM;
    for (size_t i = 0; i < view->facts.count && workflow_in(task->body)->holds > 0; i++) {
        struct view_fact *slot = view->facts.at[i];
        if (is_held_by(slot, name) && (count_hold(view, task, -1, err) < 0 ||
                                       move(view, slot, RESOURCE_AVAILABLE, (struct text){0}, seq, err) < 0))
            return err ? err->status : PAWL_ENOMEM;
    }
    if (workflow_in(task->body)->holds > 0)
        return pawli_refuse_damaged("a resource that the workflow holds", err);
    return PAWL_OK;
}

static void put(const struct effect *effect, struct json_writer *writer)
{
    const struct resources *resources = (const struct resources *)effect;
    if (resources->count == 0)
        return;
    pawli_json_key(writer, "resources");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < resources->count; i++) {
        const struct resource_change *change = &resources->items[i];
        const struct workflow_ref *ref = holder_of(resources, change);
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_text(writer, "id", change->id);
        pawli_json_put_text(writer, "kind", change->kind);
        pawli_json_put_string(writer, "action", pawli_resource_action_text(change->action));
        if (ref) {
            char holder[LIMIT_NAME + LIMIT_WORKFLOW_ID + 2];
            snprintf(holder, sizeof holder, "%.*s/%.*s", TEXT_ARG(ref->kind), TEXT_ARG(ref->id));
            pawli_json_put_string(writer, "holder", holder);
        }
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

static size_t weigh(const struct effect *effect)
{
    return 400 * ((const struct resources *)effect)->count;
}

const struct effect_ops pawli_effect_resources = {.name = "resources",
                                                  .size = sizeof(struct resources),
                                                  .gather = gather,
                                                  .decide = decide,
                                                  .weigh = weigh,
                                                  .put = put};
