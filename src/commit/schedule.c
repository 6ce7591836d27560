/* SPDX-License-Identifier: MIT */
/* The effects on schedules: what an operator does to one, and the firing of its slots. */
#include "commit/workflow.h"

/* ---- operators ---- */

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct schedule_change *change = (struct schedule_change *)effect;
    change->slot = pawli_view_fact(view, ROW_SCHEDULE, &unit->view_scope->slot,
                                   &(struct schedule_row){.name = change->row.name});
    return change->slot != NULL;
}

static bool is_same(const struct schedule_row *a, const struct schedule_row *b)
{
    const struct text *texts[][2] = {{&a->cron, &b->cron}, {&a->zone, &b->zone},
                                     {&a->lane, &b->lane}, {&a->target, &b->target},
                                     {&a->kind, &b->kind}, {&a->content_type, &b->content_type},
                                     {&a->data, &b->data}};
    bool same = a->every_ms == b->every_ms && a->missed == b->missed && a->catch_up == b->catch_up &&
                a->jitter_ms == b->jitter_ms;
    for (size_t i = 0; same && i < COUNT_OF(texts); i++)
        same = text_equal(*texts[i][0], *texts[i][1]);
    return same;
}

static int add(struct unit *unit, struct schedule_change *change, struct view *view, pawl_error *err)
{
    struct view_fact *slot = change->slot;
    bool is_there = slot->slot.exists && !slot->slot.is_damaged;
    unit->changes_nothing = is_there && is_same(&slot->row.schedule, &change->row);
    if (unit->changes_nothing)
        return PAWL_OK;
    if (is_there)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECONFLICT, "schedule \"%.*s\" is there, with other values",
                                     TEXT_ARG(change->row.name)),
                          "remove it, and add it anew");
    int status = pawli_make_scope(view, unit->view_scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    slot->row.schedule = change->row;
    slot->row.schedule.scope = unit->view_scope->row.id;
    slot->row.schedule.added = slot->row.schedule.last = view->wall;
    slot->row.schedule.revision = 1;
    slot->slot.exists = true;
    slot->slot.is_damaged = false;
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct schedule_change *change = (struct schedule_change *)effect;
    struct view_fact *slot = change->slot;
    view->wakes = true; /* whoever fires looks when something is due next */
    if (change->what == SCHEDULE_ADD)
        return add(unit, change, view, err);
    if (!slot->slot.exists && !slot->slot.is_damaged)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "no schedule is called \"%.*s\"", TEXT_ARG(change->row.name)),
                          "see \"pawl schedules list\"");
    if (slot->slot.is_damaged && change->what != SCHEDULE_REMOVE)
        return pawli_hint(err, pawli_refuse_damaged("the schedule", err), "remove it, and add it anew");
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    if (change->what == SCHEDULE_REMOVE) {
        slot->slot.exists = slot->slot.is_damaged = false;
        return PAWL_OK;
    }
    slot->row.schedule.revision++;
    if (change->what == SCHEDULE_RESUME) /* nor does what a clock that was wrong passed over count any more */
        slot->row.schedule.last = view->wall.ms > slot->row.schedule.added.ms ? view->wall : slot->row.schedule.added;
    slot->row.schedule.paused = change->what == SCHEDULE_PAUSE ? pawli_note_asked(change->reason, change->by, view)
                                                               : (struct text){0};
    return pawli_arena_failed(view->arena) ? pawli_no_memory(err) : PAWL_OK;
}

/* Its record says all of it in the command. */
const struct effect_ops pawli_effect_schedule = {
    .name = "schedule", .size = sizeof(struct schedule_change), .gather = gather, .decide = decide};

/* ---- firing ---- */

static bool gather_firing(struct unit *unit, struct effect *effect, struct view *view)
{
    struct firing *firing = (struct firing *)effect;
    firing->slot = pawli_view_fact(view, ROW_SCHEDULE, &unit->view_scope->slot,
                                   &(struct schedule_row){.name = firing->name});
    bool good = firing->slot != NULL;
    for (size_t i = 0; good && i < firing->count; i++)
        good = firing->messages ? pawli_gather_message(view, unit->view_scope, &firing->messages[i])
                                : pawli_gather_start(view, unit->view_scope, &firing->starts[i]);
    return good;
}

/* One whose key or id was given to something else stands for this firing, all the same: no slot fires twice. */
static int fire_one(const struct unit *unit, struct firing *firing, size_t index, struct view *view, pawl_error *err)
{
    int status = firing->messages ? pawli_enqueue_one(view, unit->view_scope, &firing->messages[index], 0, err)
                                  : pawli_start_one(unit, &firing->starts[index], false, view, err);
    if (status != PAWL_ECONFLICT)
        return status;
    if (err)
        *err = (pawl_error){0};
    return PAWL_OK;
}

/* Whoever looked at the same time decided the same: the first commit of them counts. */
static int decide_firing(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct firing *firing = (struct firing *)effect;
    struct view_fact *slot = firing->slot;
    struct schedule_row *row = &slot->row.schedule;
    bool is_same = slot->slot.exists && !slot->slot.is_damaged && row->revision == firing->revision;
    firing->fired = is_same && !row->paused.data;
    if (!firing->fired)
        return PAWL_OK;
    for (size_t i = 0; i < firing->count; i++) {
        int status = fire_one(unit, firing, i, view, err);
        if (status < 0)
            return status;
    }
    if (!pawli_view_touch(view, &slot->slot))
        return pawli_no_memory(err);
    row->last = firing->last;
    row->fired += firing->count;
    row->revision++;
    return PAWL_OK;
}

static size_t weigh(const struct effect *effect)
{
    const struct firing *firing = (const struct firing *)effect;
    size_t weight = 300;
    for (size_t i = 0; i < firing->count; i++)
        weight += firing->messages ? pawli_weigh_message(&firing->messages[i]) : 400 + firing->starts[i].row.data.size;
    return weight;
}

const struct effect_ops pawli_effect_firing = {
    .name = "firing", .size = sizeof(struct firing), .gather = gather_firing, .decide = decide_firing, .weigh = weigh};
