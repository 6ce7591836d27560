/* SPDX-License-Identifier: MIT */
/* Explains why a workflow does not move. */
#include "commit/workflow.h"
#include "model/check.h"
#include "why/explain.h"

static const struct text nobody = {0};

static void explain_stuck(struct explaining *e)
{
    static const struct {
        enum code code;
        const char *hold, *text;
    } texts[] = {
        {CODE_EXHAUSTED, "exhausted", "every attempt failed: mend the cause, then retry it, or stop it"},
        {CODE_STUCK, "stuck", "its step gave up, for what its error says: mend that, then retry it, or stop it"},
        {CODE_REJECTED, "rejected", "it was refused again and again: mend the cause, then retry it, or stop it"},
        {CODE_CRASHES, "crashes",
         "its workers died, again and again: look what it does to them, then retry or stop it"}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (text_is(e->item->task.hold, texts[i].hold))
            pawli_why_add(e, texts[i].code, WALL_NEVER, nobody,
                          pawli_arena_format(&e->why->arena, "%s%.*s", texts[i].text, TEXT_ARG(pawli_why_failure(e))));
}

static void explain_pause(struct explaining *e, const struct workflow_row *row)
{
    struct arena *arena = &e->why->arena;
    struct text reason = pawli_read_asked(arena, row->paused, "reason"),
                by = pawli_read_asked(arena, row->paused, "by");
    if (row->paused.data)
        pawli_why_add(
            e, CODE_PAUSED, WALL_NEVER, by,
            pawli_arena_format(arena, "paused: %.*s", TEXT_ARG(reason.data ? reason : TEXT("no reason given"))));
}

static int explain_behind(struct explaining *e)
{
    struct page line = {0}, head = {0};
    struct query query = {.kind = QUERY_LINE,
                          .scope = e->item->scope,
                          .lane = e->item->lane,
                          .target = e->item->target,
                          .key = e->item->message.key,
                          .cursor = {.position = e->item->task.order, .number = e->item->task.number}};
    enum store_result result = pawli_store_read(e->store, e->reader, &query, &line, e->err);
    uint64_t before = line.line.before + line_holders(&line.line.row), number = line.line.row.head;
    query = (struct query){.kind = QUERY_WORKFLOWS,
                           .scope = e->item->scope,
                           .lane = TEXT(WORKFLOW_LANE),
                           .after = number - 1,
                           .before = number + 1,
                           .any_state = true,
                           .limit = 1};
    if (result == STORE_OK && number)
        result = pawli_store_read(e->store, e->reader, &query, &head, e->err);
    if (result == STORE_OK)
        pawli_why_add(
            e, CODE_BEHIND, WALL_NEVER, nobody,
            head.count ? pawli_arena_format(&e->why->arena,
                                            "behind %.*s/%.*s, which holds the ordering key; %llu of its key before it",
                                            TEXT_ARG(head.workflows->kind), TEXT_ARG(head.workflows->workflow.id),
                                            (unsigned long long)before)
                       : pawli_arena_format(&e->why->arena,
                                            "behind those that hold the ordering key; %llu of its key before it",
                                            (unsigned long long)before));
    pawli_page_done(&head);
    pawli_page_done(&line);
    return pawli_store_status(result);
}

/* ---- parked ---- */

/* What stands behind the prefix; absent: it does not begin with it. */
static struct text behind(struct text text, const char *prefix)
{
    size_t size = strlen(prefix);
    bool begins = text.size > size && memcmp(text.data, prefix, size) == 0;
    return begins ? (struct text){text.data + size, text.size - size} : (struct text){0};
}

/* The last call that is recorded of a function is the one that it waits in: "child:it", and what was noted of it. */
static void explain_call(struct explaining *e, const struct step_row *step)
{
    struct arena *arena = &e->why->arena;
    const struct wall_time until = e->item->task.due;
    struct text message = behind(step->state, "send:"), signal = behind(step->state, "wait:"), child = step->data;
    if (behind(step->state, "child:").data && memchr(child.data, '\0', child.size)) /* kind and id */
        pawli_why_add(e, CODE_AWAITING, until, nobody,
                      pawli_arena_format(arena, "parked until workflow %s/%s ended, which it started", child.data,
                                         child.data + strlen(child.data) + 1));
    else if (message.data)
        pawli_why_add(e, CODE_AWAITING, until, nobody,
                      pawli_arena_format(arena, "parked until its message \"%.*s\" ended", TEXT_ARG(message)));
    else if (signal.data)
        pawli_why_add(e, CODE_SIGNAL, until, nobody,
                      pawli_arena_format(arena, "parked until signal \"%.*s\" comes, or it is due", TEXT_ARG(signal)));
}

static int explain_function(struct explaining *e, const struct workflow_row *row)
{
    struct page page = {0};
    const struct query query = {.kind = QUERY_STEPS, .number = row->number, .after = row->generation - 1, .limit = 1};
    int status = pawli_store_status(pawli_store_read(e->store, e->reader, &query, &page, e->err));
    if (status < 0)
        return status;
    if (page.count == 1 && !page.steps->is_damaged && page.steps->generation == row->generation)
        explain_call(e, page.steps);
    pawli_page_done(&page);
    return PAWL_OK;
}

static int explain_parked(struct explaining *e, const struct workflow_row *row)
{
    const struct task_row *task = &e->item->task;
    const size_t count = e->why->count;
    int status = PAWL_OK;
    if (row->waits) {
        pawli_why_add(e, CODE_SIGNAL, WALL_NEVER, nobody,
                      TEXT("parked until a signal comes, or an operator retries it"));
        return PAWL_OK;
    }
    if (row->coded && row->generation && task->failure.class == ERROR_NONE)
        status = explain_function(e, row);
    if (status == PAWL_OK && e->why->count == count)
        pawli_why_add(e, CODE_NOT_DUE, task->due, nobody,
                      pawli_arena_format(&e->why->arena, "parked until it is due%.*s", TEXT_ARG(pawli_why_failure(e))));
    return status;
}

/* ---- all that waits ---- */

static void explain_free(struct explaining *e)
{
    if (e->why->count == 0)
        pawli_why_add(e, CODE_READY, WALL_NEVER, nobody, TEXT("nobody has the lock: whoever acquires it next gets it"));
}

static int explain_waiting(struct explaining *e, const struct workflow_row *row)
{
    const struct task_row *task = &e->item->task;
    struct text failure = pawli_why_failure(e);
    int status = task->place == PLACE_BLOCKED ? explain_behind(e) : PAWL_OK;
    explain_pause(e, row);
    if (status == PAWL_OK)
        status = pawli_why_queue(e);
    if (text_is(e->item->target, LOCK_KIND))
        explain_free(e);
    else if (status == PAWL_OK && (row->waits || task->due.ms > e->page->wall.ms))
        status = explain_parked(e, row);
    if (status == PAWL_OK && e->why->count == 0)
        pawli_why_add(e, CODE_READY, WALL_NEVER, nobody,
                      pawli_arena_format(&e->why->arena, "nothing holds it: whoever runs its kind takes it next%.*s",
                                         TEXT_ARG(failure)));
    return status;
}

static int explain(struct explaining *e, const struct workflow_item *item)
{
    const struct task_row *task = &item->task;
    bool is_paused = task->place == PLACE_HELD && text_is(task->hold, "paused");
    if (item->workflow.cancelled.data && task->place != PLACE_ENDED)
        pawli_why_add(e, CODE_AWAITING, WALL_NEVER, pawli_read_asked(&e->why->arena, item->workflow.cancelled, "by"),
                      TEXT("it was cancelled: its compensation runs"));
    if (task->place == PLACE_CLAIMED) {
        pawli_why_claimed(e);
        explain_pause(e, &item->workflow);
        return PAWL_OK;
    }
    if (task->place == PLACE_HELD && !is_paused) {
        explain_stuck(e);
        return PAWL_OK;
    }
    if (task->place != PLACE_ENDED)
        return explain_waiting(e, &item->workflow);
    struct text failure = task->ended == STATE_DELIVERED ? TEXT("") : pawli_why_failure(e);
    pawli_why_add(e, CODE_ENDED, WALL_NEVER, task->ended_by,
                  pawli_arena_format(&e->why->arena, "it %s%.*s",
                                     task->ended == STATE_DELIVERED ? "finished" : "failed", TEXT_ARG(failure)));
    return PAWL_OK;
}

/* As far as a message and a workflow are the same: a task of a queue. */
static struct message_item task_of(const struct workflow_item *item)
{
    struct message_item task = {.task = item->task,
                                .scope = item->scope,
                                .lane = TEXT(WORKFLOW_LANE),
                                .target = item->kind,
                                .lost = item->lost};
    task.message.body = item->workflow.body;
    return task;
}

int pawl_why_workflow(pawl_store *store, const char *kind, const char *id, pawl_why **ret_why, pawl_error *err)
{
    struct explaining e;
    struct page page = {0};
    int status = pawli_check_given(err, store, kind, id, ret_why);
    if (status == PAWL_OK)
        status = pawli_check_name_or_reserved("kind", text_of(kind), err);
    if (status == PAWL_OK)
        status = pawli_check_workflow_id("id", text_of(id), err);
    if (status == PAWL_OK)
        status = pawli_why_begin(store, &e, err);
    if (status < 0)
        return status;
    const struct query query = {
        .kind = QUERY_WORKFLOW, .scope = store->scope, .target = text_of(kind), .name = text_of(id), .limit = 1};
    status = pawli_store_status(pawli_store_read(e.store, e.reader, &query, &page, err));
    if (status == PAWL_OK && page.count == 0)
        status = pawli_hint(
            err, pawli_fail(err, PAWL_ENOTFOUND, "no workflow %s/%s in scope \"%s\"", kind, id, store->scope_text),
            "see \"pawl workflows list\"");
    if (status == PAWL_OK && page.workflows->is_damaged) {
        e.why->state = "damaged";
        pawli_why_add(&e, CODE_DAMAGED, WALL_NEVER, nobody,
                      TEXT("what is stored of it cannot be read: nothing moves it (pawl verify names it)"));
    } else if (status == PAWL_OK) {
        const struct message_item item = task_of(page.workflows);
        e.item = &item;
        e.page = &page;
        e.why->state = item.lost ? "runnable"
                                 : pawli_workflow_status(&page.workflows->workflow, &page.workflows->task, page.wall);
        status = explain(&e, page.workflows);
    }
    pawli_page_done(&page);
    return pawli_why_end(&e, status, ret_why);
}
