/* SPDX-License-Identifier: MIT */
/* Schedules: adding, pausing, listing. What fires them is fire.c. */
#include "base/json.h"
#include "commit/operation.h"
#include "model/check.h"
#include "model/view_json.h"
#include "pawl/schedule.h"
#include "workflow/build.h"
#include "workflow/zones.h"

static_assert((int)PAWL_MISSED_NONE + 1 == (int)MISSED_COUNT, "the public words are the model's");

static const char *const missed_texts[MISSED_COUNT] = {
    [MISSED_ONE] = "one", [MISSED_ALL] = "all", [MISSED_NONE] = "none"};

/* ---- adding ---- */

static int check_what(const pawl_schedule *schedule, pawl_error *err)
{
    if (!schedule->lane != !schedule->target || !schedule->lane == !schedule->kind)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "a schedule sends a message or starts a workflow: one of them"),
                          "give lane and target, or kind");
    if (schedule->kind)
        return pawli_check_name("kind", text_of(schedule->kind), err);
    int status = pawli_check_name("lane", text_of(schedule->lane), err);
    return status == PAWL_OK ? pawli_check_name("target", text_of(schedule->target), err) : status;
}

static int check_schedule(const pawl_schedule *schedule, pawl_error *err)
{
    int status = pawli_check_name("name", text_of(schedule->name), err);
    if (status == PAWL_OK && !schedule->cron == !schedule->every_ms)
        status = pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, "cron and every are %s", schedule->cron ? "both given" : "missing"),
            "give a cron spec, or an interval");
    if (status == PAWL_OK && schedule->zone && !schedule->cron)
        status = pawli_fail(err, PAWL_EINVAL, "zone belongs to a cron spec: an interval has none");
    if (status == PAWL_OK && !schedule->cron)
        status = pawli_check_range("every", schedule->every_ms, 1, INT64_MAX / 4, err);
    if (status == PAWL_OK)
        status = pawli_check_range("missed", schedule->missed, 0, MISSED_COUNT - 1, err);
    if (status == PAWL_OK)
        status = pawli_check_range("catch_up", schedule->catch_up, 0, LIMIT_CATCH_UP, err);
    if (status == PAWL_OK)
        status = pawli_check_range("jitter", schedule->jitter_ms, 0, INT64_MAX / 4, err);
    return status == PAWL_OK ? check_what(schedule, err) : status;
}

static int draft_row(struct drafting *drafting, const pawl_schedule *schedule, struct schedule_row *row,
                     pawl_error *err)
{
    struct timing timing;
    bool is_given = schedule->data != NULL || schedule->data_size;
    *row = (struct schedule_row){.name = pawli_draft_text(drafting, schedule->name),
                                 .cron = pawli_draft_text(drafting, schedule->cron),
                                 .zone = pawli_draft_text(drafting, schedule->zone),
                                 .every_ms = schedule->every_ms,
                                 .missed = (uint32_t)schedule->missed,
                                 .catch_up = schedule->catch_up ? schedule->catch_up : SCHEDULE_CATCH_UP,
                                 .jitter_ms = schedule->jitter_ms,
                                 .lane = pawli_draft_text(drafting, schedule->lane),
                                 .target = pawli_draft_text(drafting, schedule->target),
                                 .kind = pawli_draft_text(drafting, schedule->kind)};
    int status = pawli_draft_body(drafting, "data", is_given ? schedule->data : "null",
                                  is_given ? schedule->data_size : 4, &row->data, err);
    if (status == PAWL_OK)
        status = pawli_draft_content_type(drafting, "data", schedule->content_type, row->data, &row->content_type, err);
    if (status == PAWL_OK && pawli_arena_failed(&drafting->unit.arena))
        status = pawli_no_memory(err);
    return status == PAWL_OK ? pawli_read_timing(row, &drafting->unit.arena, &timing, err) : status;
}

static void put_row(struct json_writer *writer, const struct schedule_row *row)
{
    pawli_json_put_text(writer, "name", row->name);
    pawli_json_put_text(writer, "cron", row->cron);
    pawli_json_put_text(writer, "zone", row->zone);
    if (row->every_ms)
        pawli_json_put_i64(writer, "every_ms", row->every_ms);
    pawli_json_put_string(writer, "missed", missed_texts[row->missed]);
    pawli_json_put_u64(writer, "catch_up", row->catch_up);
    if (row->jitter_ms)
        pawli_json_put_i64(writer, "jitter_ms", row->jitter_ms);
    pawli_json_put_text(writer, "lane", row->lane);
    pawli_json_put_text(writer, "target", row->target);
    pawli_json_put_text(writer, "kind", row->kind);
    if (!text_is(row->content_type, "application/json"))
        pawli_json_put_text(writer, "content_type", row->content_type);
    pawli_exact_json(writer, "data", row->content_type, row->data);
}

static int change_schedule(pawl_store *store, const char *type, struct schedule_change *change,
                           const pawl_schedule *schedule, const char *name, const pawl_operation *operation,
                           pawl_error *err)
{
    struct operation op;
    int status = pawli_check_own_scope(store->scope, err);
    if (status == PAWL_OK)
        status = pawli_open_operation(&op, store, type, operation, false, err);
    if (status < 0)
        return status;
    if (schedule)
        status = draft_row(&op.drafting, schedule, &change->row, err);
    else
        change->row.name = pawli_draft_text(&op.drafting, name);
    change->reason = op.reason.data ? op.reason : TEXT("no reason given");
    change->by = op.actor;
    if (status == PAWL_OK && schedule)
        put_row(&op.writer, &change->row);
    else if (status == PAWL_OK)
        pawli_json_put_text(&op.writer, "name", change->row.name);
    pawli_unit_add(&op.drafting.unit, &change->effect, &pawli_effect_schedule);
    if (status == PAWL_OK)
        status = pawli_commit_operation(&op, err);
    pawli_close_operation(&op);
    return status;
}

int pawl_schedule_add(pawl_store *store, const pawl_schedule *schedule, const pawl_operation *operation,
                      pawl_error *err)
{
    pawl_schedule copy;
    struct schedule_change change = {.what = SCHEDULE_ADD};
    int status = pawli_check_given(err, store, schedule);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, schedule))
        return pawli_bad_struct("pawl_schedule", err);
    status = check_schedule(&copy, err);
    return status == PAWL_OK ? change_schedule(store, "pawl.schedule.add", &change, &copy, NULL, operation, err)
                             : status;
}

static int change_named(pawl_store *store, const char *name, const char *type, enum schedule_change_kind what,
                        const pawl_operation *operation, pawl_error *err)
{
    struct schedule_change change = {.what = what};
    int status = pawli_check_given(err, store, name);
    if (status == PAWL_OK)
        status = pawli_check_name("name", text_of(name), err);
    return status == PAWL_OK ? change_schedule(store, type, &change, NULL, name, operation, err) : status;
}

int pawl_schedule_remove(pawl_store *store, const char *name, const pawl_operation *operation, pawl_error *err)
{
    return change_named(store, name, "pawl.schedule.remove", SCHEDULE_REMOVE, operation, err);
}

int pawl_schedule_pause(pawl_store *store, const char *name, const pawl_operation *operation, pawl_error *err)
{
    return change_named(store, name, "pawl.schedule.pause", SCHEDULE_PAUSE, operation, err);
}

int pawl_schedule_resume(pawl_store *store, const char *name, const pawl_operation *operation, pawl_error *err)
{
    return change_named(store, name, "pawl.schedule.resume", SCHEDULE_RESUME, operation, err);
}

/* ---- listing ---- */

struct pawl_schedules {
    struct page page;
    pawl_schedule_view *items;
};

/* Slot by slot from now on; the last that was decided is over, whatever the clock says. */
static void list_next(const struct timing *timing, const struct schedule_row *row, struct wall_time now,
                      pawl_schedule_view *view)
{
    struct wall_time at = row->last.ms > now.ms ? row->last : now;
    for (size_t i = 0; i < COUNT_OF(view->next_ms) && at.ms != INT64_MAX; i++) {
        at = pawli_schedule_next(&timing->schedule, at);
        view->next_ms[i] = at.ms == INT64_MAX ? 0 : at.ms;
    }
}

static const char *read_member(struct arena *arena, struct text json, const char *wanted)
{
    struct text name, value;
    if (!json.data || !pawli_json_is(json, '{', arena))
        return NULL;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value))
        if (pawli_json_name_is(name, wanted) && pawli_json_type(value) == JSON_STRING)
            return pawli_arena_text(arena, pawli_json_string(arena, value)).data;
    return NULL;
}

static void view_row(struct arena *arena, const struct schedule_row *row, struct wall_time now,
                     pawl_schedule_view *view)
{
    struct timing timing;
    struct arena zone = {0};
    pawl_error why = {0};
    *view = (pawl_schedule_view){.struct_size = sizeof *view, .name = "?"};
    if (row->is_damaged) {
        view->error = "it cannot be read: remove it, and add it anew";
        return;
    }
    view->name = pawli_arena_text(arena, row->name).data;
    view->cron = pawli_arena_text(arena, row->cron).data;
    view->zone = !row->cron.data ? NULL : row->zone.data ? pawli_arena_text(arena, row->zone).data : "UTC";
    view->every_ms = row->every_ms;
    view->missed = (int32_t)row->missed;
    view->catch_up = row->catch_up;
    view->jitter_ms = row->jitter_ms;
    view->lane = pawli_arena_text(arena, row->lane).data;
    view->target = pawli_arena_text(arena, row->target).data;
    view->kind = pawli_arena_text(arena, row->kind).data;
    view->data = pawli_arena_text(arena, row->data).data;
    view->data_size = row->data.size;
    view->content_type = pawli_arena_text(arena, row->content_type).data;
    view->added_at_ms = row->added.ms;
    view->last_slot_ms = row->last.ms > row->added.ms ? row->last.ms : 0;
    view->fired = row->fired;
    view->paused_reason = read_member(arena, row->paused, "reason");
    view->paused_by = read_member(arena, row->paused, "by");
    if (pawli_read_timing(row, &zone, &timing, &why) == PAWL_OK)
        list_next(&timing, row, now, view);
    else
        view->error = pawli_arena_format(arena, "%s", why.text).data;
    pawli_arena_done(&zone);
}

int pawl_schedules_list(pawl_store *store, const char *name, pawl_schedules **ret_schedules, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_schedules);
    if (status == PAWL_OK && name)
        status = pawli_check_name("name", text_of(name), err);
    if (status < 0)
        return status;
    pawl_schedules *schedules = pawli_alloc(sizeof *schedules);
    if (!schedules)
        return pawli_no_memory(err);
    const struct query query = {
        .kind = QUERY_SCHEDULES, .scope = store->scope, .name = text_of(name), .limit = UINT32_MAX};
    status = pawli_store_query(store->opened->store, &query, &schedules->page, err);
    if (status < 0) {
        pawli_free(schedules);
        return status;
    }
    struct page *page = &schedules->page;
    schedules->items = arena_array(&page->arena, pawl_schedule_view, page->count + 1);
    for (size_t i = 0; schedules->items && i < page->count; i++)
        view_row(&page->arena, &page->schedules[i].row, page->wall, &schedules->items[i]);
    if (pawli_arena_failed(&page->arena)) {
        pawl_schedules_free(schedules);
        return pawli_no_memory(err);
    }
    *ret_schedules = schedules;
    return PAWL_OK;
}

size_t pawl_schedules_count(const pawl_schedules *schedules)
{
    return schedules ? schedules->page.count : 0;
}

const pawl_schedule_view *pawl_schedules_get(const pawl_schedules *schedules, size_t index)
{
    return index < pawl_schedules_count(schedules) ? &schedules->items[index] : NULL;
}

void pawl_schedules_free(pawl_schedules *schedules)
{
    if (!schedules)
        return;
    pawli_page_done(&schedules->page);
    pawli_free(schedules);
}
