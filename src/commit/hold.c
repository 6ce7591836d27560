/* SPDX-License-Identifier: MIT */
/* The effect that holds, or releases: an operator's, or what a worker found out. */
#include "commit/hold.h"

/* Those with a code; absent: all. Their rows stay: what they kept waiting has not aged meanwhile. */
bool pawli_release_holds(struct view *view, struct view_subject *subject, struct text code, uint32_t *count)
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

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
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

bool pawli_hold_subject(struct view *view, struct view_subject *subject, const struct hold_row *row)
{
    if (!pawli_view_touch(view, &subject->slot))
        return false;
    struct view_hold *hold = find_hold(subject, row->code);
    if (!hold && !(hold = pawli_view_add_hold(view, subject)))
        return false;
    if (!pawli_view_touch(view, &hold->slot))
        return false;
    int64_t before = hold->slot.exists ? pawli_held_ms(&hold->row, view->wall) : 0;
    hold->slot.exists = true;
    hold->row = *row;
    hold->row.since = view->wall;
    hold->row.before_ms = before;
    return true;
}

static int release(struct hold_change *change, struct view *view, pawl_error *err)
{
    if (!pawli_release_holds(view, change->subject, change->code, &change->count))
        return pawli_no_memory(err);
    if (change->count == 0)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "nothing holds this %s", pawli_hold_kind_text(change->kind)),
                          "see \"pawl holds list\"");
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct hold_change *change = (struct hold_change *)effect;
    change->count = 0;
    if (change->subject->slot.is_damaged)
        return change->is_aside ? PAWL_OK : pawli_refuse_damaged("the scope", err);
    if (change->releases)
        return release(change, view, err);
    int status = change->kind == HOLD_STORE ? PAWL_OK : pawli_make_scope(view, unit->view_scope, err);
    if (status < 0)
        return status;
    const struct hold_row row = {.kind = change->kind,
                                 .scope = change->kind == HOLD_STORE ? 0 : unit->view_scope->row.id,
                                 .lane = change->lane,
                                 .target = change->target,
                                 .code = change->code,
                                 .reason = change->reason,
                                 .by = change->by,
                                 .until = change->until};
    if (!pawli_hold_subject(view, change->subject, &row))
        return pawli_no_memory(err);
    change->count = 1;
    return PAWL_OK;
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    const struct hold_change *change = (const struct hold_change *)effect;
    pawli_json_put_u64(writer, change->releases ? "released" : "held", change->count);
}

const struct effect_ops pawli_effect_hold = {
    .name = "hold", .size = sizeof(struct hold_change), .gather = gather, .decide = decide, .describe = describe};
