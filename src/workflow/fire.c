/* SPDX-License-Identifier: MIT */
/* Firing: what is due is decided on what was read, and committed if the schedule is still that. So of all who look at once
 * one fires, and nobody fires what another one has. */
#include "workflow/fire.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/check.h"
#include "pawl/schedule.h"
#include "workflow/build.h"
#include "workflow/zones.h"

#define SLOTS_AT_ONCE 100 /* of a commit */

static struct text name_of(struct drafting *drafting, const struct schedule_row *row, struct wall_time slot)
{
    return pawli_arena_format(&drafting->unit.arena, "%.*s.%" PRId64, TEXT_ARG(row->name), slot.ms);
}

static int draft_message(struct drafting *drafting, const struct schedule_row *row, struct wall_time slot,
                         struct message_draft *draft, pawl_error *err)
{
    const pawl_message message = {PAWL_MESSAGE,
                                  .lane = pawli_draft_text(drafting, row->lane.data).data,
                                  .target = pawli_draft_text(drafting, row->target.data).data,
                                  .dedupe = name_of(drafting, row, slot).data,
                                  .data = row->data.data,
                                  .data_size = row->data.size,
                                  .content_type = row->content_type.data};
    int status = message.lane && message.target && message.dedupe ? PAWL_OK : pawli_no_memory(err);
    return status == PAWL_OK ? pawli_draft_message(drafting, &message, 0, draft, err) : status;
}

static int draft_start(struct drafting *drafting, const struct schedule_row *row, struct wall_time slot,
                       struct start_draft *draft, pawl_error *err)
{
    const pawl_start start = {PAWL_START,
                              .kind = pawli_draft_text(drafting, row->kind.data).data,
                              .id = name_of(drafting, row, slot).data,
                              .data = row->data.data,
                              .data_size = row->data.size,
                              .content_type = row->content_type.data};
    int status = start.kind && start.id ? PAWL_OK : pawli_no_memory(err);
    return status == PAWL_OK ? pawli_draft_start(drafting, &start, draft, err) : status;
}

static int draft_firing(struct drafting *drafting, const struct schedule_row *row, const struct wall_time *slots,
                        size_t count, struct firing *firing, pawl_error *err)
{
    struct arena *arena = &drafting->unit.arena;
    int status = PAWL_OK;
    firing->name = pawli_arena_text(arena, row->name);
    firing->revision = row->revision;
    if (count && row->lane.data)
        firing->messages = arena_array(arena, struct message_draft, count);
    else if (count)
        firing->starts = arena_array(arena, struct start_draft, count);
    if (!firing->name.data || (count && !firing->messages && !firing->starts))
        return pawli_no_memory(err);
    for (size_t i = 0; status == PAWL_OK && i < count; i++, firing->count++)
        status = row->lane.data ? draft_message(drafting, row, slots[i], &firing->messages[i], err)
                                : draft_start(drafting, row, slots[i], &firing->starts[i], err);
    for (size_t i = 0; status == PAWL_OK && firing->messages && i < count; i++)
        firing->messages[i].is_work = true;
    return status;
}

static int commit_firing(pawl_store *store, const struct schedule_row *row, const struct wall_time *slots,
                         const struct schedule_decision *decision, bool *ret_fired, pawl_error *err)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, store);
    struct firing *firing = pawli_draft_effect(&drafting, &pawli_effect_firing);
    int status = firing ? draft_firing(&drafting, row, slots, decision->count, firing, err) : pawli_no_memory(err);
    if (status == PAWL_OK) {
        firing->last = decision->last_slot;
        status = pawli_draft_commit(&drafting, NULL, err);
    }
    *ret_fired = status == PAWL_OK && firing->fired;
    pawli_drafting_done(&drafting);
    return status;
}

/* A page of rows is as they were: whoever fired, or was too late, looks again. */
static int fire_one(pawl_store *store, const struct schedule_row *row, struct arena *arena, uint64_t *fired,
                    struct wall_time *next, bool *again, pawl_error *err)
{
    struct env *env = store->opened->env;
    struct wall_time slots[SLOTS_AT_ONCE];
    struct timing timing;
    bool did = false;
    *next = WALL_NEVER;
    if (row->paused.data)
        return PAWL_OK;
    int status = pawli_read_timing(row, arena, &timing, err);
    if (status < 0)
        return status;
    const struct wall_time now = env->ops->wall_now(env);
    const struct schedule_decision decision = pawli_schedule_decide(&timing.schedule, row->last, now, slots,
                                                                    SLOTS_AT_ONCE);
    *next = decision.next;
    if (decision.last_slot.ms == row->last.ms)
        return PAWL_OK;
    status = commit_firing(store, row, slots, &decision, &did, err);
    *fired += did ? decision.count : 0;
    *again = decision.next.ms <= now.ms || !did;
    return status;
}

static int read_schedules(pawl_store *store, struct text scope, struct text name, struct page *page, pawl_error *err)
{
    const struct query query = {.kind = QUERY_SCHEDULES, .scope = scope, .name = name, .limit = UINT32_MAX};
    return pawli_store_query(store->opened->store, &query, page, err);
}

#define LOOKS_MAX 1000

static int fire_schedule(pawl_store *store, const struct schedule_item *item, uint64_t *fired, struct wall_time *next,
                         pawl_error *err)
{
    struct arena arena = {0};
    bool again = false;
    int status = fire_one(store, &item->row, &arena, fired, next, &again, err);
    for (int i = 0; status == PAWL_OK && again && i < LOOKS_MAX; i++) {
        struct page page;
        again = false;
        status = read_schedules(store, store->scope, item->row.name, &page, err);
        if (status < 0)
            break;
        if (page.count == 1 && !page.schedules->row.is_damaged)
            status = fire_one(store, &page.schedules->row, &arena, fired, next, &again, err);
        pawli_page_done(&page);
    }
    pawli_arena_done(&arena);
    return status;
}

int pawli_fire_all(pawl_store *store, bool all_scopes, uint64_t *ret_fired, struct wall_time *ret_next, pawl_error *err)
{
    struct page page;
    pawl_error later;
    int first = PAWL_OK;
    *ret_next = WALL_NEVER;
    int status = read_schedules(store, all_scopes ? (struct text){0} : store->scope, (struct text){0}, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < page.count; i++) {
        const struct schedule_item *item = &page.schedules[i];
        pawl_store *scope = NULL;
        struct wall_time next = WALL_NEVER;
        if (item->row.is_damaged || !item->scope.data)
            continue;
        pawl_error *told = first < 0 ? &later : err;
        status = pawl_store_scope(store, item->scope.data, &scope, told);
        if (status == PAWL_OK)
            status = fire_schedule(scope, item, ret_fired, &next, told);
        if (status < 0)
            pawli_fail_in(told, "schedule %.*s", TEXT_ARG(item->row.name));
        pawl_store_close(scope);
        first = first < 0 ? first : status;
        *ret_next = next.ms < ret_next->ms ? next : *ret_next;
    }
    pawli_page_done(&page);
    return first;
}

int pawl_schedules_fire(pawl_store *store, uint64_t *ret_fired, int64_t *ret_next_ms, pawl_error *err)
{
    uint64_t fired = 0;
    struct wall_time next;
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_fire_all(store, false, &fired, &next, err);
    if (status == PAWL_OK && ret_fired)
        *ret_fired = fired;
    if (status == PAWL_OK && ret_next_ms)
        *ret_next_ms = next.ms == INT64_MAX ? 0 : next.ms;
    return status;
}
