/* SPDX-License-Identifier: MIT */
/* Pages of workflows, from rows to what the public header shows. */
#include "base/json.h"
#include "commit/consume.h"
#include "model/check.h"
#include "workflow/build.h"

struct pawl_workflows {
    struct arena arena;
    pawl_workflow_view *items;
    size_t count, room;
    bool has_more;
    uint64_t next;
    pawl_step_view *steps;
    size_t step_count;
    pawl_signal_view *signals;
    size_t signal_count;
};

size_t pawl_workflows_count(const pawl_workflows *workflows)
{
    return workflows ? workflows->count : 0;
}

const pawl_workflow_view *pawl_workflows_get(const pawl_workflows *workflows, size_t index)
{
    return index < pawl_workflows_count(workflows) ? &workflows->items[index] : NULL;
}

int pawl_workflows_has_more(const pawl_workflows *workflows)
{
    return workflows && workflows->has_more;
}

uint64_t pawl_workflows_next(const pawl_workflows *workflows)
{
    return workflows ? workflows->next : 0;
}

size_t pawl_workflows_step_count(const pawl_workflows *workflows)
{
    return workflows ? workflows->step_count : 0;
}

const pawl_step_view *pawl_workflows_step(const pawl_workflows *workflows, size_t index)
{
    return index < pawl_workflows_step_count(workflows) ? &workflows->steps[index] : NULL;
}

size_t pawl_workflows_signal_count(const pawl_workflows *workflows)
{
    return workflows ? workflows->signal_count : 0;
}

const pawl_signal_view *pawl_workflows_signal(const pawl_workflows *workflows, size_t index)
{
    return index < pawl_workflows_signal_count(workflows) ? &workflows->signals[index] : NULL;
}

void pawl_workflows_free(pawl_workflows *workflows)
{
    if (!workflows)
        return;
    pawli_arena_done(&workflows->arena);
    pawli_free(workflows);
}

static int finish(pawl_workflows *workflows, pawl_workflows **ret_workflows, pawl_error *err)
{
    if (!workflows || pawli_arena_failed(&workflows->arena)) {
        pawl_workflows_free(workflows);
        return pawli_no_memory(err);
    }
    *ret_workflows = workflows;
    return PAWL_OK;
}

/* ---- rows to views ---- */

static const char *keep(struct arena *arena, struct text text)
{
    return pawli_arena_text(arena, text).data;
}

static void view_row(struct arena *arena, const struct workflow_row *row, pawl_workflow_view *view)
{
    view->id = keep(arena, row->id);
    view->key = keep(arena, row->key);
    view->state = keep(arena, row->state);
    view->data = keep(arena, row->data);
    view->data_size = row->data.size;
    view->content_type = keep(arena, row->content_type);
    view->version = row->version;
    view->generation = row->generation;
    view->receipt = keep(arena, row->receipt);
    view->receipt_size = row->receipt.size;
    view->receipt_type = keep(arena, row->receipt_type);
    view->started_at_ms = row->created.ms;
    view->no_return = row->no_return;
    view->held_reason = pawli_read_asked(arena, row->paused, "reason").data;
    view->held_by = pawli_read_asked(arena, row->paused, "by").data;
    struct text since = pawli_read_asked(arena, row->paused, "at");
    if (since.data)
        pawli_json_i64(since, &view->held_since_ms);
    view->cancel_reason = pawli_read_asked(arena, row->cancelled, "reason").data;
}

static void view_task(struct arena *arena, const struct workflow_row *row, const struct task_row *task,
                      struct wall_time now, pawl_workflow_view *view)
{
    bool is_parked;
    view->status = pawli_workflow_status(row, task, now);
    is_parked = strcmp(view->status, "parked") == 0;
    view->waits = is_parked && row->waits;
    view->wake_at_ms = is_parked && !row->waits ? task->due.ms : 0;
    view->attempts = task->attempts;
    view->total_attempts = row->total + task->attempts;
    view->updated_at_ms = task->updated.ms;
    view->ended_at_ms = task->place == PLACE_ENDED ? task->ended_at.ms : 0;
    if (task->failure.class != ERROR_NONE) {
        view->last_error.error_class = pawli_error_class_text(task->failure.class);
        view->last_error.text = keep(arena, task->failure.text);
        view->last_error.at_ms = task->failure.at.ms;
    }
    if (task->place == PLACE_HELD && !text_is(task->hold, "paused"))
        view->stuck_why = keep(arena, task->hold);
    if (task->place == PLACE_CLAIMED)
        view->claimed_by = keep(arena, task->consumer);
}

static pawl_workflow_view *add_item(pawl_workflows *workflows)
{
    if (!pawli_arena_reserve(&workflows->arena, (void **)&workflows->items, sizeof *workflows->items,
                             workflows->count + 1, &workflows->room))
        return NULL;
    pawl_workflow_view *view = &workflows->items[workflows->count++];
    *view = (pawl_workflow_view){.struct_size = sizeof *view};
    return view;
}

static pawl_signal_view view_signal(struct arena *arena, const struct signal_row *row)
{
    return (pawl_signal_view){.struct_size = sizeof(pawl_signal_view),
                              .id = keep(arena, row->key),
                              .name = keep(arena, row->name),
                              .data = keep(arena, row->data),
                              .data_size = row->data.size,
                              .content_type = keep(arena, row->content_type),
                              .at_ms = row->at.ms,
                              .taken = row->taken};
}

/* What it holds, by name. */
static int read_resources(pawl_store *store, pawl_workflows *workflows, const struct workflow_row *row,
                          struct text kind, pawl_workflow_view *view, pawl_error *err)
{
    struct arena *arena = &workflows->arena;
    struct page page;
    const struct workflow_ref ref = {.kind = kind, .id = row->id};
    if (row->holds == 0)
        return PAWL_OK;
    struct text holder = pawli_workflow_name(arena, &ref);
    if (!holder.data)
        return pawli_no_memory(err);
    const struct query query = {.kind = QUERY_RESOURCES, .scope = store->scope, .name = holder, .limit = LIMIT_LIST};
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    const char **ids = arena_array(arena, const char *, page.count + 1);
    for (size_t i = 0; ids && i < page.count; i++)
        if (!page.resources[i].is_damaged)
            ids[view->resource_count++] = keep(arena, page.resources[i].id);
    view->resources = ids;
    pawli_page_done(&page);
    return PAWL_OK;
}

static int view_item(pawl_store *store, pawl_workflows *workflows, const struct workflow_item *item,
                     const struct page *page, pawl_error *err)
{
    struct arena *arena = &workflows->arena;
    pawl_workflow_view *view = add_item(workflows);
    if (!view)
        return pawli_no_memory(err);
    view->scope = keep(arena, item->scope);
    view->kind = keep(arena, item->kind);
    if (item->is_damaged) {
        view->error = "it cannot be read: run \"pawl verify\"";
        view->id = item->is_workflow_damaged ? "?" : keep(arena, item->workflow.id);
        return PAWL_OK;
    }
    view_row(arena, &item->workflow, view);
    view_task(arena, &item->workflow, &item->task, page->wall, view);
    if (item->lost)
        view->status = "runnable";
    else if (item->task.place == PLACE_CLAIMED)
        view->lease_until_ms = wall_after_ms(page->wall, lease_left_ms(&item->task, page->boot)).ms;
    return read_resources(store, workflows, &item->workflow, item->kind, view, err);
}

int pawli_workflows_of_start(pawl_store *store, const struct start_draft *draft, pawl_workflows **ret_workflows,
                             pawl_error *err)
{
    struct env *env = store->opened->env;
    pawl_workflows *workflows = pawli_alloc(sizeof *workflows);
    pawl_workflow_view *view = workflows ? add_item(workflows) : NULL;
    if (!view)
        return finish(workflows, ret_workflows, err);
    view->scope = keep(&workflows->arena, store->scope);
    view->kind = keep(&workflows->arena, draft->ref.kind);
    view_row(&workflows->arena, &draft->made, view);
    view_task(&workflows->arena, &draft->made, &draft->made_task, env->ops->wall_now(env), view);
    view->was_replayed = draft->replayed;
    int status = read_resources(store, workflows, &draft->made, draft->ref.kind, view, err);
    if (status < 0) {
        pawl_workflows_free(workflows);
        return status;
    }
    return finish(workflows, ret_workflows, err);
}

/* ---- claims ---- */

static int of_claim(pawl_store *store, const struct claim *claim, pawl_workflows **ret_workflows, pawl_error *err)
{
    struct env *env = store->opened->env;
    pawl_workflows *workflows = pawli_alloc(sizeof *workflows);
    if (!workflows)
        return pawli_no_memory(err);
    struct arena *arena = &workflows->arena;
    for (size_t i = 0; i < claim->count; i++) {
        const struct claimed *item = &claim->items[i];
        pawl_workflow_view *view = add_item(workflows);
        if (!view || !item->body)
            break;
        view->scope = keep(arena, store->scope);
        view->kind = keep(arena, claim->target);
        view_row(arena, workflow_in(item->body), view);
        view_task(arena, workflow_in(item->body), &item->task, env->ops->wall_now(env), view);
        view->token = item->task.token;
        view->lease_until_ms = item->lease_until.ms;
        pawl_signal_view *signals = arena_array(arena, pawl_signal_view, item->signal_count + 1);
        for (size_t j = 0; signals && j < item->signal_count; j++)
            signals[view->signal_count++] = view_signal(arena, &item->signals[j]);
        view->signals = signals;
        int status = read_resources(store, workflows, workflow_in(item->body), claim->target, view, err);
        if (status < 0) {
            pawl_workflows_free(workflows);
            return status;
        }
    }
    return finish(workflows, ret_workflows, err);
}

int pawl_workflow_claim(pawl_store *store, const pawl_workflow_claim_options *options, pawl_workflows **ret_workflows,
                        pawl_error *err)
{
    pawl_workflow_claim_options copy;
    struct unit unit;
    struct claim claim;
    int status = pawli_check_given(err, store, options, ret_workflows);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, options))
        return pawli_bad_struct("pawl_workflow_claim_options", err);
    const struct consume how = {.kind = TASK_WORKFLOW,
                                .phase = PHASE_SEND,
                                .lane = WORKFLOW_LANE,
                                .target = copy.kind,
                                .named = copy.id,
                                .consumer = copy.consumer,
                                .limit = copy.limit,
                                .lease_ms = copy.lease_ms,
                                .wait_ms = copy.wait_ms,
                                .ends_with_process = copy.ends_with_process};
    status = copy.id ? pawli_check_kind_and_id(copy.kind, copy.id, err)
                     : pawli_check_name("kind", text_of(copy.kind), err);
    if (status == PAWL_OK)
        status = pawli_check_consume(&how, err);
    if (status < 0)
        return status;
    status = pawli_consume(store, &how, &unit, &claim, err);
    if (status == PAWL_OK)
        status = of_claim(store, &claim, ret_workflows, err);
    pawli_unit_done(&unit);
    return status;
}

/* ---- reading ---- */

static bool is_wanted(const pawl_workflows_query *query, const struct workflow_item *item, struct wall_time now)
{
    bool was_followed = item->task.place == PLACE_ENDED && !uuid_is_nil(&item->task.successor);
    if (item->is_damaged)
        return !query->status;
    if (was_followed && !query->all)
        return false;
    if (query->until_ms && item->task.updated.ms >= query->until_ms)
        return false;
    const char *status = item->lost ? "runnable" : pawli_workflow_status(&item->workflow, &item->task, now);
    return !query->status || strcmp(query->status, status) == 0;
}

static int check_query(const pawl_workflows_query *query, pawl_error *err)
{
    static const char *const statuses[] = {"runnable", "running", "parked", "stuck", "finished", "failed"};
    int status = query->kind ? pawli_check_name_or_reserved("kind", text_of(query->kind), err) : PAWL_OK;
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(query->key), err);
    if (status == PAWL_OK)
        status = pawli_check_range("limit", query->limit, 0, LIMIT_LIST, err);
    if (status == PAWL_OK)
        status = pawli_check_range("since", query->since_ms, 0, INT64_MAX - 1, err);
    if (status == PAWL_OK)
        status = pawli_check_range("until", query->until_ms, 0, INT64_MAX - 1, err);
    bool is_known = !query->status;
    for (size_t i = 0; query->status && i < COUNT_OF(statuses); i++)
        is_known |= strcmp(query->status, statuses[i]) == 0;
    if (status == PAWL_OK && !is_known)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "no workflow has status \"%.40s\"", query->status),
                            "use runnable, running, parked, stuck, finished or failed");
    return status;
}

#define LIST_PAGE 500

static int read_list(pawl_store *store, const pawl_workflows_query *asked, size_t limit, pawl_workflows *workflows,
                     pawl_error *err)
{
    struct query query = {.kind = QUERY_WORKFLOWS,
                          .scope = store->scope,
                          .lane = TEXT(WORKFLOW_LANE),
                          .target = text_of(asked->kind),
                          .key = text_of(asked->key),
                          .before = asked->before,
                          .down = true,
                          .any_state = true,
                          .limit = LIST_PAGE};
    for (bool more = true; more && !workflows->has_more;) {
        struct page page;
        bool is_old = false;
        int status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < page.count && !workflows->has_more; i++) {
            const struct workflow_item *item = &page.workflows[i];
            is_old = !item->is_damaged && item->workflow.created.ms < asked->since_ms; /* and so are those behind it */
            if (is_old)
                break;
            if (!is_wanted(asked, item, page.wall))
                continue;
            workflows->has_more = workflows->count == limit;
            if (workflows->has_more)
                break;
            status = view_item(store, workflows, item, &page, err);
            workflows->next = number_in_scope(item->workflow.number);
        }
        more = page.more && !is_old;
        query.before = page.next;
        pawli_page_done(&page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

int pawl_workflows_list(pawl_store *store, const pawl_workflows_query *query, pawl_workflows **ret_workflows,
                        pawl_error *err)
{
    pawl_workflows_query copy = {0};
    int status = pawli_check_given(err, store, ret_workflows);
    if (status < 0)
        return status;
    if (query && !pawli_copy_options(&copy, sizeof copy, query))
        return pawli_bad_struct("pawl_workflows_query", err);
    status = check_query(&copy, err);
    if (status < 0)
        return status;
    pawl_workflows *workflows = pawli_alloc(sizeof *workflows);
    if (!workflows)
        return pawli_no_memory(err);
    status = read_list(store, &copy, copy.limit ? copy.limit : 50, workflows, err);
    if (status < 0) {
        pawl_workflows_free(workflows);
        return status;
    }
    return finish(workflows, ret_workflows, err);
}

static pawl_step_view view_step(struct arena *arena, const struct step_row *row)
{
    return (pawl_step_view){.struct_size = sizeof(pawl_step_view),
                            .generation = row->generation,
                            .state = keep(arena, row->state),
                            .data = keep(arena, row->data),
                            .data_size = row->data.size,
                            .content_type = keep(arena, row->content_type),
                            .version = row->version,
                            .result = keep(arena, row->result),
                            .attempts = row->attempts,
                            .began_at_ms = row->began.ms,
                            .ended_at_ms = row->ended.ms,
                            .worker = keep(arena, row->worker),
                            .error = keep(arena, row->error),
                            .seq = row->seq};
}

static int read_steps(pawl_store *store, pawl_workflows *workflows, uint64_t number, pawl_error *err)
{
    struct query query = {.kind = QUERY_STEPS, .number = number, .limit = LIMIT_LIST};
    size_t room = 0;
    for (bool more = true; more;) {
        struct page page;
        int status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0;
             i < page.count && pawli_arena_reserve(&workflows->arena, (void **)&workflows->steps,
                                                   sizeof *workflows->steps, workflows->step_count + 1, &room);
             i++)
            if (!page.steps[i].is_damaged)
                workflows->steps[workflows->step_count++] = view_step(&workflows->arena, &page.steps[i]);
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    return PAWL_OK;
}

static int read_signals(pawl_store *store, pawl_workflows *workflows, const char *kind, const char *id, uint64_t number,
                        pawl_error *err)
{
    const struct query query = {.kind = QUERY_SIGNALS,
                                .scope = store->scope,
                                .target = text_of(kind),
                                .name = text_of(id),
                                .limit = UINT32_MAX};
    struct page page;
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    workflows->signals = arena_array(&workflows->arena, pawl_signal_view, page.count + 1);
    for (size_t i = 0; workflows->signals && i < page.count; i++)
        if (!page.signals[i].is_damaged && page.signals[i].number == number)
            workflows->signals[workflows->signal_count++] = view_signal(&workflows->arena, &page.signals[i]);
    pawli_page_done(&page);
    return PAWL_OK;
}

static int read_one(pawl_store *store, const char *kind, const char *id, bool was_replayed,
                    pawl_workflows **ret_workflow, pawl_error *err)
{
    struct page page;
    int status = pawli_read_workflow_row(store, kind, id, &page, err);
    if (status < 0)
        return status;
    uint64_t number = page.workflows->workflow.number;
    pawl_workflows *workflows = pawli_alloc(sizeof *workflows);
    status = workflows ? view_item(store, workflows, page.workflows, &page, err) : pawli_no_memory(err);
    pawli_page_done(&page);
    if (status == PAWL_OK)
        status = read_steps(store, workflows, number, err);
    if (status == PAWL_OK)
        status = read_signals(store, workflows, kind, id, number, err);
    if (status < 0) {
        pawl_workflows_free(workflows);
        return status;
    }
    workflows->items->was_replayed = was_replayed;
    return finish(workflows, ret_workflow, err);
}

int pawl_workflow_get(pawl_store *store, const char *kind, const char *id, pawl_workflows **ret_workflow,
                      pawl_error *err)
{
    int status = pawli_check_given(err, store, kind, id, ret_workflow);
    if (status == PAWL_OK)
        status = pawli_check_any_kind_and_id(kind, id, err);
    return status == PAWL_OK ? read_one(store, kind, id, false, ret_workflow, err) : status;
}

int pawli_workflows_of_replay(pawl_store *store, const char *kind, const char *id, pawl_workflows **ret_workflows,
                              pawl_error *err)
{
    return read_one(store, kind, id, true, ret_workflows, err);
}
