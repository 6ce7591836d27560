/* SPDX-License-Identifier: MIT */
/* The effect that starts workflows, and how a unit finds one that it names. */
#include "commit/workflow.h"

#include "model/view_json.h"

/* ---- finding ---- */

bool pawli_gather_workflow(struct view *view, struct view_scope *scope, struct workflow_ref *ref, bool wants_lists)
{
    ref->queue = pawli_view_queue(view, scope, TASK_WORKFLOW, TEXT(WORKFLOW_LANE), ref->kind);
    if (!ref->queue)
        return false;
    ref->queue->wants_policy = true;
    ref->bound = pawli_view_bound(view, ref->queue, BOUND_DEDUPE, ref->id);
    if (ref->bound)
        ref->bound->wants_lists |= wants_lists;
    return ref->bound != NULL;
}

struct view_task *pawli_workflow_of(const struct workflow_ref *ref)
{
    const struct view_bound *bound = ref->bound;
    struct view_task *task = bound->slot.exists ? bound->task : NULL;
    return task && task->slot.exists && task->body ? task : NULL;
}

static bool is_damaged(const struct workflow_ref *ref)
{
    const struct view_bound *bound = ref->bound;
    return ref->queue->slot.is_damaged || ref->queue->is_policy_damaged || bound->slot.is_damaged ||
           (bound->task && bound->task->slot.is_damaged);
}

int pawli_find_workflow(const struct unit *unit, const struct workflow_ref *ref, struct view_task **ret_task,
                        pawl_error *err)
{
    if (is_damaged(ref))
        return pawli_refuse_damaged("the workflow, or the policy of its kind,", err);
    *ret_task = pawli_workflow_of(ref);
    if (*ret_task)
        return PAWL_OK;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_ENOTFOUND, "no workflow %.*s/%.*s in scope \"%.*s\"", TEXT_ARG(ref->kind),
                                 TEXT_ARG(ref->id), TEXT_ARG(unit->scope)),
                      "see \"pawl workflows list\"");
}

struct text pawli_workflow_name(struct arena *arena, const struct workflow_ref *ref)
{
    return pawli_arena_format(arena, "%.*s/%.*s", TEXT_ARG(ref->kind), TEXT_ARG(ref->id));
}

/* ---- starting ---- */

bool pawli_gather_start(struct view *view, struct view_scope *scope, struct start_draft *draft)
{
    if (!pawli_gather_workflow(view, scope, &draft->ref, false))
        return false;
    draft->line = draft->row.key.data ? pawli_view_line(view, draft->ref.queue, draft->row.key) : NULL;
    return !draft->row.key.data || draft->line;
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct starts *starts = (struct starts *)effect;
    for (size_t i = 0; i < starts->count; i++)
        if (!pawli_gather_start(view, unit->view_scope, &starts->items[i]))
            return false;
    return true;
}

static bool may_start_again(const struct start_draft *draft, enum state ended)
{
    return ended == STATE_DEAD || ended == STATE_CANCELLED ||
           policy_get(&draft->ref.queue->policy, POLICY_MAY_START_AGAIN) != 0;
}

static int refuse_other(const struct start_draft *draft, pawl_error *err)
{
    const struct conflict conflict = {
        .state = "started", .given = &draft->row.fingerprint, .stored = &draft->ref.bound->row.fingerprint};
    int status = pawli_hint(err,
                            pawli_fail(err, PAWL_ECONFLICT, "workflow %.*s/%.*s was started with other content",
                                       TEXT_ARG(draft->ref.kind), TEXT_ARG(draft->ref.id)),
                            "an id stands for one operation: use another one for another operation");
    return pawli_tell_conflict(err, status, &conflict);
}

static int refuse_purged(const struct start_draft *draft, pawl_error *err)
{
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EREFUSED, "workflow %.*s/%.*s finished, and was purged since",
                                 TEXT_ARG(draft->ref.kind), TEXT_ARG(draft->ref.id)),
                      "its id stays bound for a while (dedupe_keep_ms): use another one for another operation");
}

/* It is there: what it was started with is the answer, or refuses. */
static int answer_stored(struct start_draft *draft, bool atomic, struct view_task *task, pawl_error *err)
{
    if (atomic && !draft->keeps_existing)
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EREFUSED, "workflow %.*s/%.*s is there already", TEXT_ARG(draft->ref.kind),
                       TEXT_ARG(draft->ref.id)),
            "what started it did what this asks for, see \"pawl workflows show\"; a child that may be there: "
            "keep_existing, --child");
    if (!digest_equal(&draft->ref.bound->row.fingerprint, &draft->row.fingerprint))
        return refuse_other(draft, err);
    draft->task = task;
    draft->replayed = true;
    return PAWL_OK;
}

static struct view_task *make_task(struct view *view, struct start_draft *draft, const struct workflow_row *last,
                                   uint64_t seq)
{
    struct workflow_row *row = arena_new(view->arena, struct workflow_row);
    struct view_task *task = pawli_view_new_task(view);
    struct view_queue *queue = draft->ref.queue;
    if (!row || !task)
        return NULL;
    *row = draft->row;
    row->number = number_of(queue->scope->row.id, ++queue->scope->row.last_number);
    row->queue = queue->row.id;
    row->seq = seq;
    row->first = row->entered = row->generation = last ? last->generation : 0;
    row->created = view->wall;
    row->available = wall_after_ms(view->wall, draft->wake_in_ms);
    task->number = row->number;
    task->kind = TASK_WORKFLOW;
    task->body = &row->body;
    task->queue = queue;
    task->line = draft->line;
    task->row = (struct task_row){.number = row->number,
                                  .queue = row->queue,
                                  .priority = row->priority,
                                  .due = row->available,
                                  .since = WALL_NEVER,
                                  .key = row->key,
                                  .order = row->key.data ? row->number : 0,
                                  .until = WALL_NEVER};
    return task;
}

/* The id is the new one's: one that ended says where it went. */
static bool bind(struct view *view, struct start_draft *draft, struct view_task *task, struct view_task *last)
{
    struct view_bound *bound = draft->ref.bound;
    if (!pawli_view_touch(view, &bound->slot) || (last && !pawli_view_touch(view, &last->slot)))
        return false;
    bound->slot.exists = true;
    bound->task = task;
    bound->row = (struct bound_row){.queue = draft->ref.queue->row.id,
                                    .kind = BOUND_DEDUPE,
                                    .key = draft->ref.id,
                                    .message = body_id(task->body),
                                    .fingerprint = draft->row.fingerprint,
                                    .until = WALL_NEVER};
    if (last)
        last->row.successor = bound->row.message;
    return true;
}

static int start_new(struct view *view, struct start_draft *draft, struct view_task *last, uint64_t seq,
                     pawl_error *err)
{
    if (view->full_percent)
        return pawli_refuse_work(view, err);
    int status = pawli_add_queue(view, draft->ref.queue, err);
    if (status == PAWL_OK)
        status = pawli_touch_numbers(view, draft->ref.queue->scope, err);
    if (status < 0)
        return status;
    struct view_task *task = make_task(view, draft, last ? workflow_in(last->body) : NULL, seq);
    if (!task || !bind(view, draft, task, last) || !pawli_task_add(view, task))
        return pawli_no_memory(err);
    draft->task = task;
    return PAWL_OK;
}

int pawli_start_one(const struct unit *unit, struct start_draft *draft, bool atomic, struct view *view, pawl_error *err)
{
    const struct view_bound *bound = draft->ref.bound;
    bool is_ours = unit->record && unit->view_record_scope == draft->ref.queue->scope; /* an operator's is elsewhere */
    uint64_t seq = is_ours ? unit->view_record_scope->row.seq + 1 : 0;
    draft->task = NULL;
    draft->replayed = false;
    if (is_damaged(&draft->ref))
        return pawli_refuse_damaged("the workflow of this id, or the policy of its kind,", err);
    if (draft->line && draft->line->slot.is_damaged)
        return pawli_refuse_damaged("the line of this ordering key", err);
    struct view_task *last = pawli_workflow_of(&draft->ref);
    bool is_bound = bound->slot.exists && pawli_is_bound(view, bound);
    if (!last && is_bound && bound->row.state != STATE_PENDING && !may_start_again(draft, bound->row.state))
        return refuse_purged(draft, err);
    if (last && (last->row.place != PLACE_ENDED || !may_start_again(draft, last->row.ended)))
        return answer_stored(draft, atomic, last, err);
    return start_new(view, draft, last, seq, err);
}

/* The answer outlives the batch. */
static void answer(struct unit *unit, struct start_draft *draft)
{
    const struct task_body *body = pawli_task_kinds[TASK_WORKFLOW].copy(draft->task->body, &unit->arena);
    if (!body)
        return;
    draft->made = *workflow_in(body);
    draft->made_task = draft->task->row;
    struct text *texts[] = {&draft->made_task.key,          &draft->made_task.consumer, &draft->made_task.failure.text,
                            &draft->made_task.hold,         &draft->made_task.progress, &draft->made_task.remote_id,
                            &draft->made_task.ended_reason, &draft->made_task.ended_by};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(&unit->arena, *texts[i]);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct starts *starts = (struct starts *)effect;
    for (size_t i = 0; i < starts->count; i++) {
        struct start_draft *draft = &starts->items[i];
        int status = pawli_start_one(unit, draft, starts->atomic, view, err);
        if (status < 0) {
            pawli_error_item(err, "start", i, starts->count);
            return status;
        }
        if (!draft->replayed)
            pawli_task_set_waiter(unit, draft->task);
        else if ((status = pawli_task_await(unit, view, draft->task, err)) < 0)
            return status;
        if (!starts->atomic)
            answer(unit, draft);
    }
    return pawli_arena_failed(&unit->arena) ? pawli_no_memory(err) : PAWL_OK;
}

static size_t weigh(const struct effect *effect)
{
    const struct starts *starts = (const struct starts *)effect;
    size_t weight = 0;
    for (size_t i = 0; i < starts->count; i++)
        weight += 300 + 2 * starts->items[i].row.data.size;
    return weight;
}

static void put(const struct effect *effect, struct json_writer *writer)
{
    const struct starts *starts = (const struct starts *)effect;
    if (starts->count == 0)
        return;
    pawli_json_key(writer, "starts");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < starts->count; i++) {
        const struct start_draft *draft = &starts->items[i];
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_text(writer, "kind", draft->ref.kind);
        pawli_json_put_text(writer, "id", draft->ref.id);
        pawli_json_put_text(writer, "key", draft->row.key);
        pawli_json_put_text(writer, "state", draft->row.state);
        if (draft->row.version)
            pawli_json_put_u64(writer, "version", draft->row.version);
        if (!text_is(draft->row.content_type, "application/json"))
            pawli_json_put_text(writer, "content_type", draft->row.content_type);
        pawli_exact_json(writer, "data", draft->row.content_type, draft->row.data);
        if (draft->wake_in_ms)
            pawli_json_put_i64(writer, "wake_in_ms", draft->wake_in_ms);
        if (draft->keeps_existing)
            pawli_json_put_bool(writer, "keep_existing", true);
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

const struct effect_ops pawli_effect_starts = {
    .name = "starts", .size = sizeof(struct starts), .gather = gather, .decide = decide, .weigh = weigh, .put = put};
