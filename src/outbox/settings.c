/* SPDX-License-Identifier: MIT */
/* Lists of what operators set: policies, targets and their senders, holds. */
#include "model/check.h"
#include "model/limits.h"
#include "model/urls.h"
#include "commit/handle.h"
#include "pawl/operator.h"

struct pawl_settings {
    struct page page;
    size_t count;
    pawl_lane_view *lanes;
    pawl_target_view *targets;
    pawl_sender_view *senders;
    pawl_hold_view *holds;
};

size_t pawl_settings_count(const pawl_settings *settings)
{
    return settings ? settings->count : 0;
}

const pawl_lane_view *pawl_settings_lane(const pawl_settings *settings, size_t index)
{
    return index < pawl_settings_count(settings) && settings->lanes ? &settings->lanes[index] : NULL;
}

const pawl_target_view *pawl_settings_target(const pawl_settings *settings, size_t index)
{
    return index < pawl_settings_count(settings) && settings->targets ? &settings->targets[index] : NULL;
}

const pawl_sender_view *pawl_settings_sender(const pawl_settings *settings, size_t index)
{
    return index < pawl_settings_count(settings) && settings->senders ? &settings->senders[index] : NULL;
}

const pawl_hold_view *pawl_settings_hold(const pawl_settings *settings, size_t index)
{
    return index < pawl_settings_count(settings) && settings->holds ? &settings->holds[index] : NULL;
}

void pawl_settings_free(pawl_settings *settings)
{
    if (!settings)
        return;
    pawli_page_done(&settings->page);
    pawli_free(settings);
}

static int read_page(pawl_store *store, enum query_kind kind, const char *target, pawl_settings **ret_settings,
                     pawl_error *err)
{
    pawl_settings *settings = pawli_alloc(sizeof *settings);
    if (!settings)
        return pawli_no_memory(err);
    struct query query = {.kind = kind, .scope = store->scope, .target = text_of(target), .limit = LIMIT_LIST};
    int status = pawli_store_query(store->opened->store, &query, &settings->page, err);
    if (status < 0) {
        pawli_free(settings);
        return status;
    }
    settings->count = settings->page.count;
    *ret_settings = settings;
    return PAWL_OK;
}

static int finish(pawl_settings *settings, pawl_settings **ret_settings, pawl_error *err)
{
    if (pawli_arena_failed(&settings->page.arena)) {
        pawl_settings_free(settings);
        return pawli_no_memory(err);
    }
    *ret_settings = settings;
    return PAWL_OK;
}

/* Of a row that cannot be read nothing is known. */
static struct text urls_of(const struct route *route, bool is_damaged)
{
    return is_damaged ? (struct text){0} : route->urls;
}

static const char *several(struct text urls)
{
    return pawli_urls_are_several(urls) ? urls.data : NULL;
}

static int64_t or_zero(struct wall_time time)
{
    return time.ms == INT64_MAX ? 0 : time.ms;
}

int pawl_lanes_list(pawl_store *store, pawl_settings **ret_settings, pawl_error *err)
{
    pawl_settings *settings = NULL;
    int status = pawli_check_given(err, store, ret_settings);
    if (status == PAWL_OK)
        status = read_page(store, QUERY_LANES, NULL, &settings, err);
    if (status < 0)
        return status;
    struct arena *arena = &settings->page.arena;
    settings->lanes = arena_array(arena, pawl_lane_view, settings->count + 1);
    for (size_t i = 0; settings->lanes && i < settings->count; i++) {
        const struct lane_row *row = &settings->page.lanes[i];
        settings->lanes[i] = (pawl_lane_view){.struct_size = sizeof(pawl_lane_view),
                                              .name = row->name.data,
                                              .policy = pawli_policy_json(&row->policy, arena).data};
    }
    return finish(settings, ret_settings, err);
}

int pawl_targets_list(pawl_store *store, pawl_settings **ret_settings, pawl_error *err)
{
    pawl_settings *settings = NULL;
    int status = pawli_check_given(err, store, ret_settings);
    if (status == PAWL_OK)
        status = read_page(store, QUERY_TARGETS, NULL, &settings, err);
    if (status < 0)
        return status;
    struct arena *arena = &settings->page.arena;
    settings->targets = arena_array(arena, pawl_target_view, settings->count + 1);
    for (size_t i = 0; settings->targets && i < settings->count; i++) {
        const struct target_row *row = &settings->page.targets[i];
        struct text urls = urls_of(&row->route, row->is_damaged);
        settings->targets[i] = (pawl_target_view){.struct_size = sizeof(pawl_target_view),
                                                  .name = row->name.data,
                                                  .url = pawli_urls_first(urls, arena).data,
                                                  .secret_file = row->route.secret_file.data,
                                                  .policy = pawli_policy_json(&row->policy, arena).data,
                                                  .headers = row->route.headers.data,
                                                  .urls = several(urls),
                                                  .probe = row->probe.data,
                                                  .poll = row->poll.data};
    }
    return finish(settings, ret_settings, err);
}

int pawl_senders_list(pawl_store *store, const char *target, pawl_settings **ret_settings, pawl_error *err)
{
    pawl_settings *settings = NULL;
    int status = pawli_check_given(err, store, ret_settings);
    if (status == PAWL_OK && target)
        status = pawli_check_name("target", text_of(target), err);
    if (status == PAWL_OK)
        status = read_page(store, QUERY_SENDERS, target, &settings, err);
    if (status < 0)
        return status;
    struct arena *arena = &settings->page.arena;
    settings->senders = arena_array(arena, pawl_sender_view, settings->count + 1);
    for (size_t i = 0; settings->senders && i < settings->count; i++) {
        const struct sender_row *row = &settings->page.senders[i];
        struct text urls = urls_of(&row->route, row->is_damaged);
        settings->senders[i] = (pawl_sender_view){.struct_size = sizeof(pawl_sender_view),
                                                  .target = row->target.data,
                                                  .sender = row->sender.data,
                                                  .url = pawli_urls_first(urls, arena).data,
                                                  .urls = several(urls),
                                                  .secret_file = row->route.secret_file.data,
                                                  .headers = row->route.headers.data,
                                                  .removed_at_ms = or_zero(row->removed)};
    }
    return finish(settings, ret_settings, err);
}

/* A held message is a hold too: of a task. */
static int add_held_messages(pawl_store *store, pawl_settings *settings, size_t *room, pawl_error *err)
{
    static const enum state states[] = {STATE_PENDING, STATE_AWAITING, STATE_UNCERTAIN};
    struct arena *arena = &settings->page.arena;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        struct page page;
        struct query query = {.kind = QUERY_MESSAGES,
                              .scope = store->scope,
                              .down = true,
                              .state = states[i],
                              .place = PLACE_HELD,
                              .limit = LIMIT_LIST};
        int status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t j = 0; j < page.count; j++) {
            const struct message_item *item = &page.messages[j];
            if (item->is_damaged)
                continue;
            if (!pawli_arena_reserve(arena, (void **)&settings->holds, sizeof *settings->holds, settings->count + 1,
                                     room))
                break;
            settings->holds[settings->count++] = (pawl_hold_view){
                .struct_size = sizeof(pawl_hold_view),
                .kind = "message",
                .scope = store->scope_text,
                .lane = pawli_arena_text(arena, item->lane).data,
                .target = pawli_arena_text(arena, item->target).data,
                .message = message_id(&item->message),
                .code = pawli_arena_text(arena, item->task.hold).data,
                .since_ms = item->task.updated.ms,
                .until_ms = item->task.until.ms == INT64_MAX ? 0 : item->task.until.ms,
                .reason = pawli_arena_text(arena, item->task.failure.text).data};
        }
        pawli_page_done(&page);
    }
    return PAWL_OK;
}

int pawl_holds_list(pawl_store *store, pawl_settings **ret_settings, pawl_error *err)
{
    pawl_settings *settings = NULL;
    size_t room = 0;
    int status = pawli_check_given(err, store, ret_settings);
    if (status == PAWL_OK)
        status = read_page(store, QUERY_HOLDS, NULL, &settings, err);
    if (status < 0)
        return status;
    settings->count = 0;
    for (size_t i = 0; i < settings->page.count; i++) {
        const struct hold_item *item = &settings->page.holds[i];
        if (!pawli_arena_reserve(&settings->page.arena, (void **)&settings->holds, sizeof *settings->holds,
                                 settings->count + 1, &room))
            break;
        settings->holds[settings->count++] = (pawl_hold_view){
            .struct_size = sizeof(pawl_hold_view),
            .kind = pawli_hold_kind_text(item->row.kind),
            .scope = item->scope.data,
            .lane = item->row.lane.data,
            .target = item->row.target.data,
            .code = item->row.code.data,
            .reason = item->row.reason.data,
            .by = item->row.by.data,
            .since_ms = item->row.since.ms,
            .until_ms = item->row.until.ms == INT64_MAX ? 0 : item->row.until.ms};
    }
    status = add_held_messages(store, settings, &room, err);
    if (status < 0) {
        pawl_settings_free(settings);
        return status;
    }
    return finish(settings, ret_settings, err);
}
