/* SPDX-License-Identifier: MIT */
/* One step of an executor: what its callback reads of it, builds with it, and answers. */
#include <stdio.h>

#include "model/check.h"
#include "pawl/id.h"
#include "workflow/drive.h"

/* ---- its life ---- */

void pawli_step_begin(struct pawl_step *step, struct drive *drive)
{
    struct env *env = drive->store->opened->env;
    *step = (struct pawl_step){.drive = drive, .began = env->ops->wall_now(env)};
    step->transition = pawli_step_open(drive->store, drive->kind->name, drive->id, drive->at.token,
                                       drive->at.generation, &step->effect);
    if (!step->effect)
        return;
    step->effect->has_take = true;
    step->effect->is_coded = drive->kind->code != NULL;
    step->effect->max_attempts = drive->kind->retries ? drive->kind->retries + 1 : 0;
    step->effect->max_rejections = drive->kind->rejections;
}

void pawli_step_end(struct pawl_step *step)
{
    pawl_transition_free(step->transition);
}

static struct drafting *drafting_of(struct pawl_step *step)
{
    return step && step->effect ? pawli_building(step->transition) : NULL;
}

/* ---- reading ---- */

const char *pawl_step_kind(const pawl_step *step)
{
    return step ? step->drive->kind->name : NULL;
}

const char *pawl_step_id(const pawl_step *step)
{
    return step ? step->drive->id : NULL;
}

const char *pawl_step_state(const pawl_step *step)
{
    const char *state = step ? step->drive->at.state.data : NULL;
    return state || !step ? state : "";
}

const void *pawl_step_data(const pawl_step *step, size_t *ret_size)
{
    if (ret_size)
        *ret_size = step ? step->drive->at.data.size : 0;
    return step ? step->drive->at.data.data : NULL;
}

uint32_t pawl_step_version(const pawl_step *step)
{
    return step ? step->drive->at.version : 0;
}

uint32_t pawl_step_attempts(const pawl_step *step)
{
    return step ? step->drive->at.attempts : 0;
}

uint64_t pawl_step_generation(const pawl_step *step)
{
    return step ? step->drive->at.generation : 0;
}

int64_t pawl_step_now_ms(const pawl_step *step)
{
    return step ? step->began.ms : 0;
}

pawl_uuid pawl_step_uuid(const pawl_step *step, const char *name)
{
    char text[4 * LIMIT_NAME + LIMIT_WORKFLOW_ID + 48];
    if (!step || !name)
        return (pawl_uuid){{0}};
    const struct drive *drive = step->drive;
    int size = snprintf(text, sizeof text, "pawl.key/%s/%s/%s/%llu/%.*s/%.*s", drive->store->scope_text,
                        drive->kind->name, drive->id, (unsigned long long)drive->at.entered, TEXT_ARG(drive->at.state),
                        LIMIT_NAME, name);
    return pawl_request_id_from(text, (size_t)size);
}

const char *pawl_step_cancelled(const pawl_step *step)
{
    return step ? step->drive->at.cancelled.data : NULL;
}

/* ---- signals ---- */

bool pawli_step_took(const struct pawl_step *step, const struct signal_row *signal)
{
    for (size_t i = 0; i < step->effect->take_count; i++)
        if (text_equal(step->effect->take[i], signal->key))
            return true;
    return false;
}

bool pawli_step_take(struct pawl_step *step, const struct signal_row *signal)
{
    struct arena *arena = &((struct drafting *)step->transition)->unit.arena;
    struct step *effect = step->effect;
    if (!pawli_arena_reserve(arena, (void **)&effect->take, sizeof *effect->take, effect->take_count + 1,
                             &step->take_room))
        return false;
    effect->take[effect->take_count++] = pawli_arena_text(arena, signal->key);
    return !pawli_arena_failed(arena);
}

const void *pawl_step_signal(pawl_step *step, const char *name, size_t *ret_size)
{
    struct drafting *drafting = drafting_of(step);
    if (ret_size)
        *ret_size = 0;
    if (!drafting || !name)
        return NULL;
    const struct checkpoint *at = &step->drive->at;
    for (size_t i = 0; i < at->signal_count; i++) {
        const struct signal_row *signal = &at->signals[i];
        if (!text_is(signal->name, name) || pawli_step_took(step, signal))
            continue;
        if (!pawli_step_take(step, signal)) {
            pawli_no_memory(&drafting->error);
            return NULL;
        }
        if (ret_size)
            *ret_size = signal->data.size;
        return signal->data.data;
    }
    return NULL;
}

/* ---- building ---- */

static void add_resource(pawl_step *step, const char *id, enum pawl_resource_action action)
{
    if (step)
        pawl_transition_resource(step->transition,
                                 &(pawl_resource){PAWL_RESOURCE, .id = id, .action = (int32_t)action});
}

void pawl_step_hold(pawl_step *step, const char *resource)
{
    add_resource(step, resource, PAWL_RESOURCE_HOLD);
}

void pawl_step_release(pawl_step *step, const char *resource)
{
    add_resource(step, resource, PAWL_RESOURCE_RELEASE);
}

void pawl_step_consume(pawl_step *step, const char *resource)
{
    add_resource(step, resource, PAWL_RESOURCE_CONSUME);
}

void pawl_step_message(pawl_step *step, const pawl_message *message)
{
    if (step)
        pawl_transition_message(step->transition, message);
}

void pawl_step_event(pawl_step *step, const pawl_event *event)
{
    if (step)
        pawl_transition_event(step->transition, event);
}

void pawl_step_post(pawl_step *step, const pawl_post *post)
{
    if (step)
        pawl_transition_post(step->transition, post);
}

void pawl_step_start(pawl_step *step, const pawl_start *start)
{
    if (step)
        pawl_transition_start(step->transition, start);
}

void pawl_step_await(pawl_step *step)
{
    if (drafting_of(step))
        step->effect->awaits = true;
}

void pawl_step_undo(pawl_step *step, const char *state, const void *data, size_t size)
{
    struct drafting *drafting = drafting_of(step);
    if (!drafting)
        return;
    const pawl_step_outcome outcome = {PAWL_STEP_OUTCOME, .undo = state, .undo_data = data, .undo_data_size = size};
    int status = pawli_check_given(&drafting->error, state);
    if (status == PAWL_OK)
        status = pawli_check_bytes("data", data, size, &drafting->error);
    if (status == PAWL_OK)
        status = pawli_check_text("undo", text_of(state), LIMIT_NAME, &drafting->error);
    if (status == PAWL_OK)
        pawli_step_undo(drafting, &outcome, step->effect, &drafting->error);
}

void pawl_step_no_return(pawl_step *step)
{
    if (drafting_of(step))
        step->effect->no_return = true;
}

/* ---- answering ---- */

static int answer(pawl_step *step, const pawl_step_outcome *outcome)
{
    struct drafting *drafting = drafting_of(step);
    if (!step)
        return PAWL_EINVAL;
    if (!drafting)
        return PAWL_OK; /* its error comes out of the commit */
    if (step->answered)
        return pawli_hint(&drafting->error, pawli_fail(&drafting->error, PAWL_EINVAL, "the step was answered twice"),
                          "return what next, park, stuck, done or fail answers, and call one of them once");
    step->answered = true;
    int status = pawli_check_text("state", text_of(outcome->state), LIMIT_NAME, &drafting->error);
    if (status == PAWL_OK)
        status = pawli_check_bytes("data", outcome->data, outcome->data_size, &drafting->error);
    if (status == PAWL_OK)
        status = pawli_check_bytes("receipt", outcome->receipt, outcome->receipt_size, &drafting->error);
    if (status == PAWL_OK)
        pawli_step_answer(drafting, outcome, step->effect, &drafting->error);
    return PAWL_OK;
}

/* The error for which a step waits or fails: the one that is given, or, of a hook, what it was called for. */
static const char *error_text(const pawl_step *step, const pawl_error *why)
{
    const pawl_error *error = why ? why : step ? step->cause : NULL;
    return error ? error->text : NULL;
}

static bool is_rejection(const pawl_step *step)
{
    return step && step->cause && step->cause->status == PAWL_EREJECTED;
}

static void note_error(pawl_step *step, const pawl_error *why)
{
    if (step && (why || step->cause))
        step->drive->error = why ? *why : *step->cause;
}

int pawl_step_next(pawl_step *step, const char *state, const void *data, size_t size)
{
    note_error(step, NULL); /* of a hook that goes nowhere: it is parked with that */
    return answer(step, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .result = PAWL_STEP_NEXT, .state = state, .data = data,
                                             .data_size = size, .keep = 1, .rejected = is_rejection(step),
                                             .error = error_text(step, NULL)});
}

static int park(pawl_step *step, const pawl_step_outcome *outcome, const pawl_error *why)
{
    pawl_step_outcome whole = *outcome;
    note_error(step, why);
    whole.struct_size = sizeof whole;
    whole.result = PAWL_STEP_PARK;
    whole.has_wake = whole.wake_in_ms >= 0;
    whole.rejected = why ? why->status == PAWL_EREJECTED : is_rejection(step);
    whole.error = error_text(step, why);
    return answer(step, &whole);
}

int pawl_step_park(pawl_step *step, const char *state, const void *data, size_t size, int64_t wake_in_ms,
                   const pawl_error *why)
{
    return park(step, &(pawl_step_outcome){.state = state, .data = data, .data_size = size, .wake_in_ms = wake_in_ms},
                why);
}

int pawl_step_stuck(pawl_step *step, const char *state, const void *data, size_t size, const pawl_error *why)
{
    return park(
        step, &(pawl_step_outcome){.state = state, .data = data, .data_size = size, .wake_in_ms = -1, .stuck = 1}, why);
}

int pawl_step_done(pawl_step *step, const void *receipt, size_t size)
{
    return answer(step, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .result = PAWL_STEP_DONE, .receipt = receipt,
                                             .receipt_size = size});
}

static int fail(pawl_step *step, bool compensates, const pawl_error *why)
{
    note_error(step, why);
    return answer(step, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .result = PAWL_STEP_FAIL, .rejected = 1,
                                             .compensate = compensates, .error = error_text(step, why)});
}

int pawl_step_fail(pawl_step *step, const pawl_error *why)
{
    return fail(step, false, why);
}

int pawl_step_compensate(pawl_step *step, const pawl_error *why)
{
    return fail(step, true, why);
}

/* ---- calling out ---- */

int pawli_step_call_out(struct drive *drive, const char *name, pawl_call *fn, void *arg, pawl_error *err)
{
    pawl_error own = {0};
    if (drive->how == DROVE_CUT || pawli_drive_is_cut(drive, CUT_BEFORE_CALL, name))
        return pawli_fail(err, PAWL_EUNAVAIL, "the process died before call \"%s\"", name);
    if (!err)
        err = &own;
    int status = fn(arg, err);
    if (status < 0 && err->status != status) /* it said no more than that */
        pawl_error_set(err, status, "call \"%s\": %s", name, pawl_status_text(status));
    if (pawli_drive_is_cut(drive, CUT_AFTER_CALL, name))
        return pawli_fail(err, PAWL_EUNAVAIL, "the process died behind call \"%s\"", name);
    if (drive->obstacles && drive->obstacles->cut && drive->obstacles->cut(drive->obstacles->data, CUT_REPLY, name))
        return pawli_fail(err, PAWL_EUNCERTAIN, "the answer of call \"%s\" was lost", name);
    return status;
}

int pawl_step_call(pawl_step *step, const char *name, pawl_call *fn, void *arg, pawl_error *err)
{
    int status = pawli_check_given(err, step, name);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "fn", fn != NULL);
    return status == PAWL_OK ? pawli_step_call_out(step->drive, name, fn, arg, err) : status;
}
