/* SPDX-License-Identifier: MIT */
/* The events of a record: what their types need, and how much of each stays. A type is a row of the store, so that is decided
 * in the commit, and a record may be sealed again there. */
#include "commit/unit.h"

static bool is_same_type(const struct event *a, const struct event *b)
{
    return text_equal(a->type, b->type);
}

bool pawli_gather_types(struct unit *unit, struct view *view)
{
    struct record_draft *record = unit->record;
    if (record->event_count == 0)
        return true;
    record->types = arena_array(view->arena, struct view_fact *, record->event_count);
    for (size_t i = 0; record->types && i < record->event_count; i++) {
        const struct event *event = &record->events[i];
        bool is_known = i > 0 && is_same_type(event, event - 1);
        record->types[i] = is_known ? record->types[i - 1]
                                    : pawli_view_fact(view, ROW_TYPE, &unit->view_record_scope->slot,
                                                      &(struct type_row){.name = event->type});
        if (!record->types[i])
            return false;
    }
    return record->types != NULL;
}

static const struct type_row *type_of(const struct record_draft *record, size_t index)
{
    const struct view_fact *type = record->types[index];
    return type->slot.exists && !type->slot.is_damaged ? &type->row.type : NULL;
}

/* A fill is superfluous where the scope has types that need one, and this is none of them. */
int pawli_check_types(const struct unit *unit, pawl_error *err)
{
    const struct record_draft *record = unit->record;
    for (size_t i = 0; i < record->event_count; i++) {
        const struct type_row *type = type_of(record, i);
        struct text name = record->events[i].type;
        bool needs = type && type->needs == NEEDS_FILL, has = record->filled && record->filled[i];
        if (record->types[i]->slot.is_damaged)
            return pawli_refuse_damaged("the type of an event", err);
        if (needs && !has)
            return pawli_hint(
                err,
                pawli_fail(err, PAWL_EINVAL, "event %zu has no fill, and its type %.*s needs one", i, TEXT_ARG(name)),
                "give a fill whose event is %zu: pawl_transition_fill(), or \"fills\" in JSON", i);
        if (has && !needs && unit->view_record_scope->row.fill_types > 0)
            return pawli_hint(
                err,
                pawli_fail(err, PAWL_EINVAL, "event %zu has a fill, and its type %.*s takes none", i, TEXT_ARG(name)),
                "which types do shows \"pawl types list\"");
    }
    return PAWL_OK;
}

static enum keep keep_of(const struct event *event, const struct type_row *type)
{
    if (type && type->critical)
        return KEEP_FULL;
    if (event->asked < KEEP_COUNT)
        return event->asked;
    return type ? type->keep : KEEP_FULL;
}

bool pawli_keep_by_types(struct unit *unit)
{
    const struct record_draft *record = unit->record;
    bool changed = false;
    for (size_t i = 0; i < record->event_count; i++) {
        struct event *event = &record->events[i];
        enum keep keep = keep_of(event, type_of(record, i));
        changed |= keep != event->keep;
        event->keep = keep; /* what is new is not pruned */
    }
    return changed;
}

bool pawli_keep_as_stored(struct unit *unit, struct text events)
{
    const struct record_draft *record = unit->record;
    struct trace_walk walk;
    struct event stored;
    bool changed = false;
    if (!pawli_trace_begin(&walk, events))
        return false;
    for (size_t i = 0; i < record->event_count && pawli_trace_next(&walk, &unit->arena, &stored) == TRACE_EVENT; i++) {
        struct event *event = &record->events[i];
        changed |= event->keep != stored.keep || event->is_pruned != stored.is_pruned;
        event->keep = stored.keep;
        event->is_pruned = stored.is_pruned;
    }
    return changed;
}

/* Written straight into the arena: at worst every byte of a text is escaped as six, and of a body encoded as 4/3. */
struct text pawli_trace_events(struct unit *unit)
{
    const struct record_draft *record = unit->record;
    struct buffer buffer;
    size_t room = 2;
    if (record->event_count == 0)
        return (struct text){0};
    for (size_t i = 0; i < record->event_count; i++) {
        const struct event *event = &record->events[i];
        room += 250 + event->data.size / 3 * 4 +
                6 * (event->topic.size + event->type.size + event->key.size + event->content_type.size);
    }
    buffer_init_over(&buffer, pawli_arena_alloc_raw(&unit->arena, room), room);
    pawli_trace_open(&buffer);
    for (size_t i = 0; i < record->event_count; i++)
        pawli_trace_event(&buffer, &unit->arena, &record->events[i], (uint32_t)i);
    pawli_trace_close(&buffer);
    unit->arena.failed |= buffer.failed;
    return buffer_text(&buffer);
}
