/* SPDX-License-Identifier: MIT */
/* The effect of an operator on a workflow. */
#include "commit/workflow.h"

const char *pawli_steer_text(enum steer what)
{
    static const char *const texts[STEER_COUNT] = {[STEER_RETRY] = "retry",
                                                   [STEER_STOP] = "stop",
                                                   [STEER_CANCEL] = "cancel",
                                                   [STEER_PAUSE] = "pause",
                                                   [STEER_RESUME] = "resume"};
    return texts[what];
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct steering *steering = (struct steering *)effect;
    view->wants_lost = true;
    return pawli_gather_workflow(view, unit->view_scope, &steering->ref, true);
}

static int refuse(const struct steering *steering, const char *why, const char *hint, pawl_error *err)
{
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EREFUSED, "cannot %s workflow %.*s/%.*s: %s",
                                 pawli_steer_text(steering->what), TEXT_ARG(steering->ref.kind),
                                 TEXT_ARG(steering->ref.id), why),
                      "%s", hint);
}

/* {"reason":…,"by":…,"at":…} */
struct text pawli_note_asked(struct text reason, struct text by, const struct view *view)
{
    struct buffer buffer;
    buffer_init(&buffer, 8 * (LIMIT_REASON + LIMIT_KEY) + 64);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_text(&writer, "reason", reason);
    pawli_json_put_text(&writer, "by", by);
    pawli_json_put_i64(&writer, "at", view->wall.ms);
    pawli_json_close(&writer, '}');
    struct text text = pawli_arena_text(view->arena, buffer_text(&buffer));
    view->arena->failed |= buffer.failed;
    pawli_buffer_done(&buffer);
    return text;
}

struct text pawli_read_asked(struct arena *arena, struct text asked, const char *member)
{
    struct text name, value;
    if (!asked.data || !pawli_json_is(asked, '{', arena))
        return (struct text){0};
    struct json_walk walk = pawli_json_walk(asked);
    while (pawli_json_member(&walk, &name, &value))
        if (pawli_json_name_is(name, member))
            return pawli_arena_text(arena,
                                    pawli_json_type(value) == JSON_STRING ? pawli_json_string(arena, value) : value);
    return (struct text){0};
}

struct steered {
    const struct unit *unit;
    const struct steering *steering;
    struct view *view;
    struct view_task *task;
};

static int retry(struct steered *s, pawl_error *err)
{
    const struct steering *steering = s->steering;
    struct view *view = s->view;
    struct task_row *task = &s->task->row;
    if (task->place == PLACE_CLAIMED)
        return refuse(steering, "it runs", "wait until its step is made, or its claim is lost", err);
    if (steering->has_checkpoint && workflow_in(s->task->body)->coded)
        return refuse(steering, "its steps are those of a function", "retry it where it is, or start another one", err);
    if (steering->has_checkpoint && workflow_in(s->task->body)->generation != steering->generation)
        return refuse(steering, "it made a step meanwhile", "look at it again, and retry from the step that you mean",
                      err);
    struct workflow_row *row = pawli_task_edit(view, s->task);
    if (!row)
        return pawli_no_memory(err);
    row->total += task->attempts;
    row->rejections = 0;
    row->waits = false;
    task->attempts = task->crashes = 0;
    if (steering->has_checkpoint) {
        row->state = steering->checkpoint.state;
        row->version = steering->checkpoint.version;
        row->content_type = steering->checkpoint.content_type;
        row->data = steering->checkpoint.data;
        row->entered = ++row->generation;
    }
    task->due = view->wall;
    bool is_stuck = task->place == PLACE_HELD && !text_is(task->hold, "paused");
    bool good = is_stuck                     ? pawli_task_resume(view, s->task)
                : task->place == PLACE_READY ? pawli_task_hasten(view, s->task)
                                             : true;
    return good ? PAWL_OK : pawli_no_memory(err);
}

static int stop(struct steered *s, pawl_error *err)
{
    const struct steering *steering = s->steering;
    if (s->task->row.place == PLACE_CLAIMED && !steering->force)
        return refuse(steering, "it runs",
                      "wait for its step, or stop it with --force: its worker finds its claim lost", err);
    if (!pawli_view_touch(s->view, &s->task->slot))
        return pawli_no_memory(err);
    int status = pawli_release_all(s->unit, s->view, s->task, 0, err);
    if (status < 0)
        return status;
    pawli_task_fail(s->view, s->task, ERROR_STOPPED, steering->reason);
    return pawli_end_workflow(s->view, s->task, EVENT_STOP, TEXT("stopped"), steering->by, err);
}

static int cancel(struct steered *s, pawl_error *err)
{
    const struct workflow_row *stored = workflow_in(s->task->body);
    if (stored->no_return)
        return refuse(s->steering, "it passed its point of no return",
                      "it goes on to its end; \"stop\" ends it without any compensation", err);
    if (stored->cancelled.data)
        return PAWL_OK;
    struct workflow_row *row = pawli_task_edit(s->view, s->task);
    if (!row)
        return pawli_no_memory(err);
    row->cancelled = pawli_note_asked(s->steering->reason, s->steering->by, s->view);
    /* One that runs is undone, or ended, when its step is made. */
    if (s->task->row.place == PLACE_CLAIMED)
        return row->cancelled.data ? PAWL_OK : pawli_no_memory(err);
    if (!row->coded)
        return pawli_undo_next(s->unit, s->view, s->task, 0, err);
    row->waits = false;
    return pawli_make_due(s->view, s->task) ? PAWL_OK : pawli_no_memory(err);
}

static int pause_it(struct steered *s, pawl_error *err)
{
    struct workflow_row *row = pawli_task_edit(s->view, s->task);
    if (!row)
        return pawli_no_memory(err);
    row->paused = pawli_note_asked(s->steering->reason, s->steering->by, s->view);
    bool good = row->paused.data &&
                (s->task->row.place != PLACE_READY || pawli_task_pause(s->view, s->task, TEXT("paused")));
    return good ? PAWL_OK : pawli_no_memory(err);
}

static int resume(struct steered *s, pawl_error *err)
{
    struct workflow_row *row = pawli_task_edit(s->view, s->task);
    if (!row)
        return pawli_no_memory(err);
    row->paused = (struct text){0};
    bool is_held = s->task->row.place == PLACE_HELD && text_is(s->task->row.hold, "paused");
    return !is_held || pawli_task_resume(s->view, s->task) ? PAWL_OK : pawli_no_memory(err);
}

static int (*const steers[STEER_COUNT])(struct steered *s, pawl_error *err) = {[STEER_RETRY] = retry,
                                                                               [STEER_STOP] = stop,
                                                                               [STEER_CANCEL] = cancel,
                                                                               [STEER_PAUSE] = pause_it,
                                                                               [STEER_RESUME] = resume};

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct steering *steering = (struct steering *)effect;
    struct steered s = {unit, steering, view, NULL};
    int status = pawli_find_workflow(unit, &steering->ref, &s.task, err);
    if (status < 0)
        return status;
    if (!pawli_lose(view, s.task))
        return pawli_no_memory(err);
    steering->before = steering->after = pawli_workflow_status(workflow_in(s.task->body), &s.task->row, view->wall);
    if (s.task->row.place == PLACE_ENDED)
        return refuse(steering, "it ended", "start it again, or see what it ended with: \"pawl workflows show\"", err);
    status = steers[steering->what](&s, err);
    steering->after = pawli_workflow_status(workflow_in(s.task->body), &s.task->row, view->wall);
    return status;
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    const struct steering *steering = (const struct steering *)effect;
    pawli_json_put_string(writer, "before", steering->before);
    pawli_json_put_string(writer, "after", steering->after);
}

const struct effect_ops pawli_effect_steering = {
    .name = "steering", .size = sizeof(struct steering), .gather = gather, .decide = decide, .describe = describe};
