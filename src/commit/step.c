/* SPDX-License-Identifier: MIT */
/* The effect that commits a step of a workflow: conditional on the token of its claim and on the generation at which it was
 * claimed, so that no step is made twice and none is made of a checkpoint that is not the last. */
#include "commit/workflow.h"

#include <inttypes.h>

#include "model/decide.h"

static const char *const result_texts[STEP_RESULT_COUNT] = {
    [STEP_NEXT] = "next", [STEP_PARK] = "park",     [STEP_DONE] = "done",
    [STEP_FAIL] = "fail", [STEP_EXTEND] = "extend", [STEP_RELEASE] = "release"};

const char *pawli_step_result_text(enum step_result result)
{
    return result_texts[result];
}

bool pawli_step_result_parse(struct text text, enum step_result *result)
{
    for (enum step_result r = 0; r < STEP_EXTEND; r++)
        if (text_is(text, result_texts[r])) {
            *result = r;
            return true;
        }
    return false;
}

const char *pawli_workflow_status(const struct workflow_row *row, const struct task_row *task, struct wall_time now)
{
    switch (task->place) {
    case PLACE_CLAIMED:
        return "running";
    case PLACE_ENDED:
        return task->ended == STATE_DELIVERED ? "finished" : "failed";
    case PLACE_HELD:
        if (!text_is(task->hold, "paused"))
            return "stuck";
        break;
    case PLACE_BLOCKED:
        return "runnable";
    case PLACE_READY:
    case PLACE_NONE:
    case PLACE_COUNT:
        break;
    }
    return task->due.ms > now.ms || row->waits ? "parked" : "runnable";
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct step *step = (struct step *)effect;
    if (!pawli_gather_workflow(view, unit->view_scope, &step->ref, true))
        return false;
    unit->waiter = step->awaits ? step->ref.bound : NULL;
    unit->waiter_looks = step->is_coded;
    return pawli_effect_resources.gather(unit, &step->resources.effect, view);
}

/* ---- whether it may be made ---- */

static int refuse_lost(const struct step *step, const struct view_task *task, const struct view *view, pawl_error *err)
{
    const struct task_row *row = &task->row;
    const struct workflow_row *workflow = workflow_in(task->body);
    int status = pawli_fail(err, PAWL_EFENCED, "the claim of workflow %.*s/%.*s was lost, or its token is used up",
                            TEXT_ARG(step->ref.kind), TEXT_ARG(step->ref.id));
    return row->place == PLACE_CLAIMED
               ? pawli_hint(err, status,
                            "nothing was changed: %.*s has it now, for %" PRId64 " ms more unless it renews",
                            TEXT_ARG(row->consumer), lease_left_ms(row, view->boot))
               : pawli_hint(err, status, "nothing was changed: it is %s, at generation %" PRIu64 "; claim it anew",
                            pawli_workflow_status(workflow, row, view->wall), workflow->generation);
}

static int check_claim(const struct step *step, const struct view_task *task, const struct view *view, pawl_error *err)
{
    bool is_of_claim = step->result == STEP_EXTEND || step->result == STEP_RELEASE;
    bool is_own = task->row.place == PLACE_CLAIMED && task->row.token == step->token &&
                  (is_of_claim || workflow_in(task->body)->generation == step->generation);
    return is_own ? PAWL_OK : refuse_lost(step, task, view, err);
}

/* Who asks for the end and who declares that there is no way back do it in commits: one of them is first. */
static int check_no_return(const struct step *step, const struct workflow_row *row, pawl_error *err)
{
    if (!step->no_return || !row->cancelled.data)
        return PAWL_OK;
    return pawli_hint(
        err, pawli_fail(err, PAWL_EREFUSED, "the workflow was cancelled: it cannot pass its point of no return"),
        "nothing was changed, and the claim holds: do not make the call; fail or park, and it is undone");
}

static int check_leftover(const struct workflow_row *row, pawl_error *err)
{
    if (row->holds == 0)
        return PAWL_OK;
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_EREFUSED, "it still holds %" PRIu64 " resource%s", row->holds, row->holds == 1 ? "" : "s"),
        "done says what becomes of each: release or consume it; the claim holds");
}

/* ---- signals ---- */

static struct view_fact *find_signal(const struct view_task *task, struct text key)
{
    for (uint32_t i = 0; i < task->signal_count; i++)
        if (text_equal(task->signals[i]->row.signal.key, key) && task->signals[i]->row.signal.taken == 0)
            return task->signals[i];
    return NULL;
}

static int take_signal(struct view *view, struct view_fact *signal, struct workflow_row *row, uint64_t generation,
                       pawl_error *err)
{
    if (!pawli_view_touch(view, &signal->slot))
        return pawli_no_memory(err);
    signal->row.signal.taken = generation;
    row->pending -= row->pending > 0;
    return PAWL_OK;
}

static int take_named(const struct step *step, struct view *view, struct view_task *task, struct workflow_row *row,
                      pawl_error *err)
{
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < step->take_count; i++) {
        struct view_fact *signal = find_signal(task, step->take[i]);
        status = signal ? take_signal(view, signal, row, step->generation + 1, err)
                        : pawli_hint(err,
                                     pawli_fail(err, PAWL_ENOTFOUND, "no signal %.*s waits for the workflow",
                                                TEXT_ARG(step->take[i])),
                                     "take ids that the claim showed");
    }
    return status;
}

/* Whoever claimed it saw those up to `shown`. */
static int take_shown(struct view *view, struct view_task *task, struct workflow_row *row, uint64_t up_to,
                      uint64_t generation, pawl_error *err)
{
    int status = PAWL_OK;
    for (uint32_t i = 0; status == PAWL_OK && i < task->signal_count; i++) {
        const struct signal_row *signal = &task->signals[i]->row.signal;
        if (signal->taken == 0 && signal->ordinal <= up_to)
            status = take_signal(view, task->signals[i], row, generation, err);
    }
    return status;
}

/* ---- what it leaves ---- */

int pawli_end_workflow(struct view *view, struct view_task *task, enum task_event event, struct text reason,
                       struct text by, pawl_error *err)
{
    struct workflow_row *row = pawli_task_edit(view, task);
    if (!row)
        return pawli_no_memory(err);
    uint64_t last = row->generation ? row->generation : 1; /* 0 would say that nobody took them */
    int status = take_shown(view, task, row, UINT64_MAX, last, err);
    row->waits = row->undoing = false;
    row->undos = (struct text){0};
    if (status < 0)
        return status;
    return pawli_task_end(view, task, event, reason, by) ? PAWL_OK : pawli_no_memory(err);
}

/* The last element of an array of objects, and the array without it; false: it has none. */
static bool pop(struct text array, struct arena *arena, struct text *last, struct text *rest)
{
    struct text item;
    *last = *rest = (struct text){0};
    if (!array.data)
        return false;
    struct json_walk walk = pawli_json_walk(array);
    while (pawli_json_item(&walk, &item))
        *last = item;
    if (!last->data)
        return false;
    size_t size = (size_t)(last->data - array.data);
    while (size > 1 && (array.data[size - 1] == ',' || array.data[size - 1] == ' '))
        size--;
    if (size > 1)
        *rest = pawli_arena_format(arena, "%.*s]", (int)size, array.data);
    return true;
}

/* `item` behind what is there. */
static struct text push(struct text array, struct arena *arena, struct text item)
{
    return array.data ? pawli_arena_format(arena, "%.*s,%.*s]", (int)array.size - 1, array.data, TEXT_ARG(item))
                      : pawli_arena_format(arena, "[%.*s]", TEXT_ARG(item));
}

static void read_undo(struct text item, struct arena *arena, struct workflow_row *row)
{
    struct text name, value;
    row->state = (struct text){0};
    row->data = TEXT("null");
    row->content_type = TEXT("application/json");
    struct json_walk walk = pawli_json_walk(item);
    while (pawli_json_member(&walk, &name, &value)) {
        if (pawli_json_name_is(name, "state") && pawli_json_type(value) == JSON_STRING)
            row->state = pawli_json_string(arena, value);
        else if (pawli_json_name_is(name, "data"))
            row->data = value;
    }
}

/* Of what waits: due now, whatever it waited for. What is paused stays so. */
bool pawli_make_due(struct view *view, struct view_task *task)
{
    if (task->row.place == PLACE_CLAIMED)
        return pawli_task_pend(view, task, EVENT_STEP, view->wall, false);
    if (task->row.place == PLACE_READY)
        return pawli_task_hasten(view, task);
    task->row.due = view->wall;
    bool is_stuck = task->row.place == PLACE_HELD && !text_is(task->row.hold, "paused");
    return !is_stuck || pawli_task_resume(view, task);
}

int pawli_undo_next(const struct unit *unit, struct view *view, struct view_task *task, uint64_t seq, pawl_error *err)
{
    struct workflow_row *row = pawli_task_edit(view, task);
    struct text last, rest;
    if (!row)
        return pawli_no_memory(err);
    row->total += task->row.attempts;
    task->row.attempts = 0;
    row->rejections = 0;
    row->waits = false;
    row->entered = row->generation;
    if (pop(row->undos, view->arena, &last, &rest)) {
        row->undos = rest;
        row->undoing = true;
        read_undo(last, view->arena, row);
        return pawli_make_due(view, task) && !pawli_arena_failed(view->arena) ? PAWL_OK : pawli_no_memory(err);
    }
    int status = pawli_release_all(unit, view, task, seq, err);
    if (status < 0)
        return status;
    struct text why = pawli_read_asked(view->arena, row->cancelled, "reason");
    pawli_task_fail(view, task, ERROR_CANCELLED,
                    pawli_arena_format(view->arena, "it was cancelled: %.*s", TEXT_ARG(why)));
    return pawli_end_workflow(view, task, task->row.place == PLACE_CLAIMED ? EVENT_REFUSE : EVENT_STOP,
                              TEXT("cancelled"), TEXT("pawl"), err);
}

/* ---- the results ---- */

struct making {
    const struct unit *unit;
    struct step *step;
    struct view *view;
    struct view_task *task;
    struct workflow_row *row;
    uint64_t seq; /* of its record; 0: none */
    bool stays;   /* in the state that it was in */
};

static const struct policy *policy_of(const struct making *m)
{
    return &m->task->queue->policy;
}

static void set_checkpoint(const struct step *step, struct workflow_row *row)
{
    if (step->has_state)
        row->state = step->state;
    if (step->has_version)
        row->version = step->version;
    if (step->has_data) {
        row->data = step->data;
        row->content_type = step->content_type;
    }
    row->no_return |= step->no_return;
}

/* What it took so far was for something: its attempts are counted anew. */
static void note_progress(struct making *m)
{
    m->row->total += m->task->row.attempts;
    m->row->rejections = 0;
    m->task->row.attempts = 0;
    m->task->row.crashes = 0;
}

static int pend(struct making *m, struct wall_time due, pawl_error *err)
{
    bool has_news = m->row->signals > m->row->shown || m->row->told; /* it came after the claim */
    m->row->waits &= !has_news;
    m->row->told = false;
    if (has_news && due.ms > m->view->wall.ms)
        due = m->view->wall;
    return pawli_task_pend(m->view, m->task, EVENT_STEP, due, false) ? PAWL_OK : pawli_no_memory(err);
}

static int set_aside(struct making *m, struct text why, pawl_error *err)
{
    return pawli_task_hold(m->view, m->task, EVENT_EXHAUST_HOLD, why, WALL_NEVER) ? PAWL_OK : pawli_no_memory(err);
}

static int64_t backoff(const struct making *m, uint64_t attempts)
{
    return pawli_backoff_jittered_ms(policy_of(m), attempts, m->step->random);
}

/* A refusal is no attempt: it has a budget of its own. */
static int park_rejected(struct making *m, pawl_error *err)
{
    struct task_row *row = &m->task->row;
    row->attempts -= row->attempts > 0;
    m->row->total++;
    uint64_t budget = m->step->max_rejections ? m->step->max_rejections
                                              : (uint64_t)policy_get(policy_of(m), POLICY_MAX_REJECTIONS);
    if (++m->row->rejections > budget)
        return set_aside(m, TEXT("rejected"), err);
    int64_t wake = m->step->wake_in_ms >= 0 ? m->step->wake_in_ms : backoff(m, m->row->rejections);
    return pend(m, wall_after_ms(m->view->wall, wake), err);
}

static int park_failed(struct making *m, pawl_error *err)
{
    const struct step *step = m->step;
    pawli_task_fail(m->view, m->task, step->rejected || step->is_stuck ? ERROR_PERMANENT : ERROR_TRANSIENT,
                    step->error);
    if (step->is_stuck)
        return set_aside(m, TEXT("stuck"), err);
    if (step->rejected)
        return park_rejected(m, err);
    if (m->task->row.attempts >= (step->max_attempts ? step->max_attempts : pawli_cap_of(m->task->body, policy_of(m))))
        return set_aside(m, TEXT("exhausted"), err);
    int64_t wake = step->wake_in_ms >= 0 ? step->wake_in_ms : backoff(m, m->task->row.attempts);
    return pend(m, wall_after_ms(m->view->wall, wake), err);
}

static int park(struct making *m, pawl_error *err)
{
    const struct step *step = m->step;
    if (step->error.data || step->rejected || step->is_stuck)
        return park_failed(m, err);
    note_progress(m);
    if (step->wake_in_ms >= 0)
        return pend(m, wall_after_ms(m->view->wall, step->wake_in_ms), err);
    m->row->waits = m->stays || m->row->pending == 0; /* else one is there, and nobody looked from that state */
    return pend(m, m->row->waits ? (struct wall_time){PARKED_MS} : m->view->wall, err);
}

/* An executor that goes on has the next attempt counted before it makes it. */
static int go_on(struct making *m, pawl_error *err)
{
    if (m->stays && (m->step->rejected || m->step->error.data)) /* the same again: not at once */
        return park_failed(m, err);
    note_progress(m);
    m->row->entered = m->row->generation;
    if (!m->step->keeps)
        return pend(m, m->view->wall, err);
    m->task->row.attempts = 1;
    m->task->row.updated = m->task->row.claimed = m->view->wall;
    int64_t lease = m->step->lease_ms ? m->step->lease_ms : policy_get(policy_of(m), POLICY_LEASE_MS);
    return pawli_task_lease(m->view, m->task, lease) ? PAWL_OK : pawli_no_memory(err);
}

static int finish(struct making *m, pawl_error *err)
{
    int status = check_leftover(m->row, err);
    if (status < 0)
        return status;
    m->row->receipt = m->step->receipt;
    m->row->receipt_type = m->step->receipt_type;
    return pawli_end_workflow(m->view, m->task, EVENT_DELIVER, TEXT("done"), m->task->row.consumer, err);
}

/* It fails, and what can be undone is undone first: as if somebody had asked for its end. */
static int fail_undoing(struct making *m, struct text why, pawl_error *err)
{
    m->row->cancelled = pawli_note_asked(why, m->task->row.consumer, m->view);
    return m->row->cancelled.data ? pawli_undo_next(m->unit, m->view, m->task, m->seq, err) : pawli_no_memory(err);
}

static int fail(struct making *m, pawl_error *err)
{
    bool is_cancelled = m->row->cancelled.data != NULL;
    struct text why = m->step->error.data ? m->step->error
                      : is_cancelled      ? TEXT("it was cancelled")
                                          : TEXT("it failed");
    if (m->step->compensates && m->row->undos.data && !is_cancelled && !m->step->is_coded)
        return fail_undoing(m, why, err);
    int status = pawli_release_all(m->unit, m->view, m->task, m->seq, err);
    if (status < 0)
        return status;
    pawli_task_fail(m->view, m->task, is_cancelled ? ERROR_CANCELLED : ERROR_PERMANENT, why);
    return pawli_end_workflow(m->view, m->task, EVENT_REFUSE, is_cancelled ? TEXT("cancelled") : TEXT("failed"),
                              m->task->row.consumer, err);
}

/* Of one that was cancelled: an undo that is over hands on to the next. One that parks, or goes on in another state, is not. A
 * function undoes by itself. */
static bool undoes(const struct making *m)
{
    const struct step *step = m->step;
    if (!m->row->cancelled.data || step->result == STEP_FAIL || step->is_coded)
        return false;
    if (!m->row->undoing)
        return step->result != STEP_DONE;
    return step->result == STEP_DONE || (step->result == STEP_NEXT && (!step->has_state || m->stays));
}

/* Of a function: each of its calls is a step; it ends with one of its own, or with an error. One that only waits on is none. */
static bool has_own_row(const struct step *step)
{
    bool goes_on = step->result == STEP_NEXT || step->result == STEP_PARK;
    return !step->is_coded || !goes_on || step->error.data || step->starts_run ||
           (step->result == STEP_NEXT && step->note_count == 0);
}

static uint64_t row_count(const struct step *step)
{
    return step->note_count + has_own_row(step);
}

/* For the next run to find. */
static bool note_calls(const struct making *m, const struct step_row *whole)
{
    for (size_t i = 0; i < m->step->note_count; i++) {
        const struct step_note *note = &m->step->notes[i];
        struct step_row row = *whole;
        row.generation += i;
        row.state = note->name;
        row.content_type = TEXT("application/octet-stream");
        row.data = note->data;
        row.result = TEXT("call");
        row.error = note->error;
        row.version = 0;
        if (!pawli_view_add_row(m->view, SLOT_STEP, &row))
            return false;
    }
    return true;
}

static bool note_step(const struct making *m, const struct workflow_row *before, const struct task_row *task)
{
    const struct step_row row = {.number = m->task->number,
                                 .generation = before->generation + 1,
                                 .state = before->state,
                                 .version = before->version,
                                 .content_type = before->content_type,
                                 .data = before->data,
                                 .result = text_of(pawli_step_result_text(m->step->result)),
                                 .attempts = task->attempts,
                                 .began = task->claimed,
                                 .ended = m->view->wall,
                                 .worker = task->consumer,
                                 .error = m->step->error,
                                 .seq = m->seq};
    struct step_row own = row;
    own.generation += m->step->note_count;
    return note_calls(m, &row) && (!has_own_row(m->step) || pawli_view_add_row(m->view, SLOT_STEP, &own));
}

static int (*const results[])(struct making *m, pawl_error *err) = {
    [STEP_NEXT] = go_on, [STEP_PARK] = park, [STEP_DONE] = finish, [STEP_FAIL] = fail};

static int make(struct making *m, pawl_error *err)
{
    struct step *step = m->step;
    const struct workflow_row before = *workflow_in(m->task->body);
    const struct task_row task = m->task->row;
    int status = check_no_return(step, &before, err);
    if (status == PAWL_OK)
        status = pawli_effect_resources.decide((struct unit *)m->unit, &step->resources.effect, m->view, err);
    m->row = status == PAWL_OK ? pawli_task_edit(m->view, m->task) : NULL;
    if (status < 0)
        return status;
    if (!m->row)
        return pawli_no_memory(err);
    status = step->has_take ? take_named(step, m->view, m->task, m->row, err)
                            : take_shown(m->view, m->task, m->row, before.shown, step->generation + 1, err);
    if (status < 0)
        return status;
    m->stays = !step->has_state || text_equal(step->state, before.state);
    m->row->generation += row_count(step);
    m->row->coded = step->is_coded;
    if (step->starts_run)
        m->row->run = m->row->generation;
    if (step->undo.data)
        m->row->undos = push(m->row->undos, m->view->arena, step->undo);
    bool is_undo = undoes(m);
    if (!is_undo) /* of an end it is what it ended in */
        set_checkpoint(step, m->row);
    if (!m->stays)
        m->row->entered = m->row->generation;
    status = is_undo ? pawli_undo_next(m->unit, m->view, m->task, m->seq, err) : results[step->result](m, err);
    if (status < 0)
        return status;
    step->made = m->row->generation;
    step->entered = m->row->entered;
    step->status = pawli_workflow_status(m->row, &m->task->row, m->view->wall);
    step->cancelled = pawli_read_asked(&((struct unit *)m->unit)->arena, m->row->cancelled, "reason");
    bool noted = note_step(m, &before, &task);
    return noted && !pawli_arena_failed(m->view->arena) ? PAWL_OK : pawli_no_memory(err);
}

static int extend(struct step *step, struct view *view, struct view_task *task, pawl_error *err)
{
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    task->row.updated = view->wall;
    step->status = pawli_workflow_status(workflow_in(task->body), &task->row, view->wall);
    step->made = step->generation;
    int64_t lease = step->lease_ms ? step->lease_ms : policy_get(&task->queue->policy, POLICY_LEASE_MS);
    return pawli_task_lease(view, task, lease) ? PAWL_OK : pawli_no_memory(err);
}

/* Given back as it was taken: as if it had never been. */
static int release(struct step *step, struct view *view, struct view_task *task, pawl_error *err)
{
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    task->row.attempts -= task->row.attempts > 0;
    bool good = pawli_task_pend(view, task, EVENT_RELEASE, view->wall, false);
    step->status = pawli_workflow_status(workflow_in(task->body), &task->row, view->wall);
    step->made = step->generation;
    return good ? PAWL_OK : pawli_no_memory(err);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct step *step = (struct step *)effect;
    struct view_task *task;
    int status = pawli_find_workflow(unit, &step->ref, &task, err);
    if (status == PAWL_OK)
        status = check_claim(step, task, view, err);
    if (status < 0)
        return status;
    if (step->result == STEP_EXTEND)
        return extend(step, view, task, err);
    if (step->result == STEP_RELEASE)
        return release(step, view, task, err);
    struct making m = {.unit = unit,
                       .step = step,
                       .view = view,
                       .task = task,
                       .seq = unit->record ? unit->view_record_scope->row.seq + 1 : 0};
    return make(&m, err);
}

static size_t weigh(const struct effect *effect)
{
    const struct step *step = (const struct step *)effect;
    return 600 + step->data.size + step->receipt.size + step->undo.size + 400 * step->resources.count;
}

static void put(const struct effect *effect, struct json_writer *writer)
{
    pawli_effect_resources.put(&((const struct step *)effect)->resources.effect, writer);
}

static bool is_told(const struct effect *effect)
{
    return ((const struct step *)effect)->resources.count > 0;
}

const struct effect_ops pawli_effect_step = {.name = "step",
                                             .size = sizeof(struct step),
                                             .gather = gather,
                                             .decide = decide,
                                             .weigh = weigh,
                                             .put = put,
                                             .is_told = is_told};
