/* SPDX-License-Identifier: MIT */
/* The calls of a function: what each does when it is new, and what it gives when it is recorded. */
#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"
#include "model/check.h"
#include "pawl/id.h"
#include "workflow/run.h"

/* ---- reading ---- */

const char *pawl_run_id(pawl_run *run)
{
    return run ? run->drive->id : NULL;
}

const void *pawl_run_input(pawl_run *run, size_t *ret_size)
{
    if (ret_size)
        *ret_size = run ? run->input.size : 0;
    return run ? run->input.data : NULL;
}

void pawl_run_receipt(pawl_run *run, const void *receipt, size_t size)
{
    const struct text given = {receipt, size};
    if (run) /* NULL with a size: the end refuses it */
        run->receipt = receipt ? pawli_arena_text(&run->memory, given) : given;
}

/* ---- steps ---- */

/* Made twice where a test asks for that: both must agree. */
static int call_step(struct pawl_run *run, const char *name, pawl_call *fn, void *arg, struct text result,
                     pawl_error *err)
{
    struct drive *drive = run->drive;
    int status = pawli_step_call_out(drive, name, fn, arg, err);
    if (!drive->obstacles || !drive->obstacles->differs || drive->how == DROVE_CUT || status < 0)
        return status;
    struct text first = pawli_arena_text(&run->memory, result);
    pawl_error error = {0};
    int again = fn(arg, &error);
    if (again != status)
        drive->obstacles->differs(drive->obstacles->data, name, "another status");
    else if (result.size && !text_equal(first, result))
        drive->obstacles->differs(drive->obstacles->data, name, "another result");
    return status;
}

static int run_step(struct pawl_run *run, const char *operation, const char *name, pawl_call *fn, void *arg,
                    void *result, size_t size, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    pawl_error error = {0};
    int status = pawli_run_meet_only(run, operation, name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded) {
        if (result)
            memcpy(result, recorded->data.data, recorded->data.size < size ? recorded->data.size : size);
        return pawli_run_replay_error(recorded, err);
    }
    status = pawli_run_flush(run, &error);
    if (status != PAWL_OK) {
        pawli_run_end(run, status, &error);
        return pawli_run_answer_again(run, err);
    }
    const struct text bytes = {result, result ? size : 0};
    status = call_step(run, name, fn, arg, bytes, &error);
    bool is_refused = status == PAWL_EREJECTED;
    if (run->drive->how == DROVE_CUT || (status < 0 && !is_refused)) {
        pawli_run_end(run, status, &error);
        return pawli_run_answer_again(run, err);
    }
    if (!pawli_run_note(run, full, bytes, is_refused ? text_of(error.text) : (struct text){0}))
        return pawli_run_no_memory(run, err);
    if (is_refused && err)
        *err = error;
    return is_refused ? status : PAWL_OK;
}

int pawl_run_step(pawl_run *run, const char *name, pawl_call *fn, void *arg, void *result, size_t size, pawl_error *err)
{
    int status = pawli_check_given(err, run);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "fn", fn != NULL);
    if (status == PAWL_OK && result && size > LIMIT_BODY)
        status = pawli_fail(err, PAWL_ELIMIT, "a result is longer than %d bytes", LIMIT_BODY);
    return status == PAWL_OK ? run_step(run, "step", name, fn, arg, result, size, err) : status;
}

void pawl_run_undo(pawl_run *run, const char *name, pawl_call *fn, void *arg)
{
    pawl_error error;
    if (!run || run->status != PAWL_OK || run->is_compensating)
        return;
    if (pawli_check_given(&error, name) < 0 || pawli_check_call(&error, "fn", fn != NULL) < 0) {
        pawli_run_end(run, error.status, &error); /* what cannot be undone is not done */
        return;
    }
    if (!pawli_arena_reserve(&run->memory, (void **)&run->undos, sizeof *run->undos, run->undo_count + 1,
                             &run->undo_room)) {
        pawli_run_no_memory(run, NULL);
        return;
    }
    run->undos[run->undo_count++] = (struct undo){name, fn, arg};
}

int pawl_run_compensate(pawl_run *run, pawl_error *err)
{
    pawl_error cause = err ? *err : (pawl_error){0}, error = {0};
    int status = pawli_check_given(err, run);
    if (status < 0)
        return status;
    run->is_compensating = true;
    while (run->undo_count > 0) {
        const struct undo *undo = &run->undos[run->undo_count - 1];
        status = run_step(run, "undo", undo->name, undo->fn, undo->arg, NULL, 0, &error);
        if (status != PAWL_OK) { /* refused, too: what cannot be undone is for a person */
            if (status == PAWL_EREJECTED) {
                run->pending_count -= run->pending_count > 0; /* when it is retried, so is this */
                run->drive->is_for_person = true;
                pawl_error_wrap(&error, "undoing \"%s\" was refused", undo->name);
                pawli_run_end(run, status, &error);
            }
            return pawli_run_answer_again(run, err);
        }
        run->undo_count--;
    }
    run->is_compensating = false;
    if (err) {
        *err = cause;
        err->status = PAWL_EREJECTED;
    }
    return PAWL_EREJECTED;
}

/* ---- waiting ---- */

static struct wall_time now(const struct pawl_run *run)
{
    struct env *env = run->drive->store->opened->env;
    return env->ops->wall_now(env);
}

static struct text number_text(char text[static 24], int64_t number)
{
    return (struct text){text, (size_t)snprintf(text, 24, "%" PRId64, number)};
}

static int64_t number_of_note(const struct recorded *recorded)
{
    int64_t number = 0;
    pawli_parse_i64(recorded->data, &number);
    return number;
}

static int check_wait(struct pawl_run *run, const char *field, int64_t ms, int64_t least, pawl_error *err)
{
    int status = pawli_check_given(err, run);
    return status == PAWL_OK ? pawli_check_range(field, ms, least, INT64_MAX / 4, err) : status;
}

int pawl_run_sleep(pawl_run *run, const char *name, int64_t ms, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1], text[24];
    const struct recorded *recorded;
    int status = check_wait(run, "ms", ms, 0, err);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "sleep", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded) {
        int64_t left = number_of_note(recorded) - now(run).ms;
        status = pawli_run_check_cancelled(run, err);
        bool is_over = run->next < run->recorded_count || left <= 0;
        return status < 0 || is_over ? status : pawli_run_suspend(run, left, err);
    }
    if (!pawli_run_note(run, full, number_text(text, now(run).ms + ms), (struct text){0}))
        return pawli_run_no_memory(run, err);
    return ms > 0 ? pawli_run_suspend(run, ms, err) : PAWL_OK;
}

/* Of a note: '+' and what came, or '-': nothing did. */
static int give(struct text noted, void *data, size_t *size, pawl_error *err)
{
    if (noted.size == 0 || noted.data[0] != '+')
        return pawl_error_set(err, PAWL_ENOTFOUND, "nothing came in time");
    size_t whole = noted.size - 1;
    if (size && data)
        memcpy(data, noted.data + 1, whole < *size ? whole : *size);
    if (size)
        *size = whole;
    return PAWL_OK;
}

static struct text with_plus(struct pawl_run *run, struct text text)
{
    char *bytes = pawli_arena_alloc_raw(&run->memory, text.size + 1);
    if (!bytes)
        return (struct text){0};
    bytes[0] = '+';
    memcpy(bytes + 1, text.data ? text.data : "", text.size);
    return (struct text){bytes, text.size + 1};
}

static const struct signal_row *find_signal(const struct pawl_run *run, const char *name)
{
    const struct checkpoint *at = &run->drive->at;
    for (size_t i = 0; i < at->signal_count; i++)
        if (text_is(at->signals[i].name, name) && !pawli_step_took(&run->step, &at->signals[i]))
            return &at->signals[i];
    return NULL;
}

static int take_signal(struct pawl_run *run, const struct signal_row *signal, const char *full, void *data,
                       size_t *size, pawl_error *err)
{
    const struct text noted = with_plus(run, signal->data);
    if (!noted.data || !pawli_step_take(&run->step, signal) || !pawli_run_note(run, full, noted, (struct text){0}))
        return pawli_run_no_memory(run, err);
    pawl_error error = {0};
    int status = pawli_run_go_on(run, &error);
    if (status < 0 && run->status == PAWL_OK) {
        run->pending_count--; /* it was not taken */
        pawli_run_end(run, status, &error);
    }
    return status == PAWL_OK ? give(noted, data, size, err) : pawli_run_answer_again(run, err);
}

/* Nothing is there: it waits, or its time is over. */
static int await_signal(struct pawl_run *run, const char *full, int64_t left, pawl_error *err)
{
    if (left > 0 || left == -1)
        return pawli_run_suspend(run, left, err);
    return pawli_run_note(run, full, TEXT("-"), (struct text){0}) ? give(TEXT("-"), NULL, NULL, err)
                                                                  : pawli_run_no_memory(run, err);
}

int pawl_run_signal(pawl_run *run, const char *name, int64_t wait_ms, void *data, size_t *size, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1], waits[NOTE_NAME_MAX + 1], text[24];
    const struct recorded *began, *recorded;
    int status = check_wait(run, "wait_ms", wait_ms, -1, err);
    if (status == PAWL_OK)
        status = pawli_run_meet(run, "wait", name, waits, &began, err);
    if (status == PAWL_OK && began)
        status = pawli_run_check_cancelled(run, err);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "signal", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return give(recorded->data, data, size, err);
    const struct signal_row *signal = find_signal(run, name);
    if (signal)
        return take_signal(run, signal, full, data, size, err);
    int64_t until = began ? number_of_note(began) : wait_ms < 0 ? -1 : now(run).ms + wait_ms;
    int64_t left = until < 0 ? -1 : until > now(run).ms ? until - now(run).ms : 0;
    if (left != 0 && !began && !pawli_run_note(run, waits, number_text(text, until), (struct text){0}))
        return pawli_run_no_memory(run, err);
    return await_signal(run, full, left, err);
}

/* ---- what the step does besides ---- */

static int change_resource(pawl_run *run, const char *operation, const char *resource,
                           void (*add)(pawl_step *step, const char *resource), pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, resource);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, operation, resource, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return pawli_run_replay_error(recorded, err);
    add(&run->step, resource);
    return pawli_run_commit_effect(run, full, (struct text){0}, err);
}

int pawl_run_hold(pawl_run *run, const char *resource, pawl_error *err)
{
    return change_resource(run, "hold", resource, pawl_step_hold, err);
}

int pawl_run_release(pawl_run *run, const char *resource, pawl_error *err)
{
    return change_resource(run, "release", resource, pawl_step_release, err);
}

int pawl_run_consume(pawl_run *run, const char *resource, pawl_error *err)
{
    return change_resource(run, "consume", resource, pawl_step_consume, err);
}

int pawl_run_no_return(pawl_run *run, const char *name, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "no_return", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return pawli_run_replay_error(recorded, err);
    pawl_step_no_return(&run->step);
    return pawli_run_commit_effect(run, full, (struct text){0}, err);
}

int pawl_run_post(pawl_run *run, const char *name, const pawl_post *posts, size_t count, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, posts);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "post", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return pawli_run_replay_error(recorded, err);
    for (size_t i = 0; i < count; i++) {
        pawl_post post;
        pawl_error error;
        if (!pawli_copy_item(&post, sizeof post, posts, i)) {
            pawli_run_end(run, pawli_bad_struct("pawl_post", &error), &error); /* some are added: none is committed */
            return pawli_run_answer_again(run, err);
        }
        post.struct_size = sizeof post;
        pawl_step_post(&run->step, &post);
    }
    return pawli_run_commit_effect(run, full, (struct text){0}, err);
}

int pawl_run_event(pawl_run *run, const char *name, const pawl_event *event, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, event);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "event", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return pawli_run_replay_error(recorded, err);
    pawl_step_event(&run->step, event);
    return pawli_run_commit_effect(run, full, (struct text){0}, err);
}

/* ---- what is sent and started, and its end ---- */

/* The commit that ends it wakes who waits. What that cannot be relied on for, for it is damaged or wakes another one that waited
 * before, is found by looking: after half of the time that it took so far. */
#define ASK_FIRST_MS 1000
#define ASK_LAST_MS  60000

static int ask_later(struct pawl_run *run, const struct recorded *began, pawl_error *err)
{
    int64_t wait = (now(run).ms - began->at.ms) / 2;
    wait = wait < ASK_FIRST_MS ? ASK_FIRST_MS : wait > ASK_LAST_MS ? ASK_LAST_MS : wait;
    return pawli_run_suspend(run, wait, err);
}

/* How something ended that another one does: read again in each run, until it is noted. */
struct outcome {
    bool is_over, is_good;
    struct text text; /* its receipt, or why it failed; in the run's memory */
};

typedef int read_outcome(struct pawl_run *run, struct text noted, struct outcome *outcome, pawl_error *err);

static int note_outcome(struct pawl_run *run, const char *full, const struct outcome *outcome, void *data, size_t *size,
                        pawl_error *err)
{
    const struct text noted = with_plus(run, outcome->is_good ? outcome->text : (struct text){0});
    if (!noted.data || !pawli_run_note(run, full, noted, outcome->is_good ? (struct text){0} : outcome->text))
        return pawli_run_no_memory(run, err);
    return outcome->is_good ? give(noted, data, size, err)
                            : pawl_error_set(err, PAWL_EREJECTED, "%s", outcome->text.data);
}

static int await_outcome(struct pawl_run *run, const struct recorded *began, const char *name, read_outcome *read,
                         void *data, size_t *size, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded = NULL;
    struct outcome outcome = {0};
    pawl_error error = {0};
    int status = pawli_run_replay_error(began, err);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "end", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded) {
        status = pawli_run_replay_error(recorded, err);
        return status == PAWL_OK ? give(recorded->data, data, size, err) : status;
    }
    status = read(run, began->data, &outcome, &error);
    if (status < 0) {
        pawli_run_end(run, status, &error);
        return pawli_run_answer_again(run, err);
    }
    return outcome.is_over ? note_outcome(run, full, &outcome, data, size, err) : ask_later(run, began, err);
}

/* The message of the record that was noted. */
static int find_message(struct pawl_run *run, struct text request, uint64_t *ret_number, pawl_error *err)
{
    const pawl_store *store = run->drive->store;
    struct page page;
    struct query query = {.kind = QUERY_RECORD, .scope = store->scope};
    if (request.size != sizeof query.id)
        return pawli_fail(err, PAWL_ECORRUPT, "what is recorded of a message cannot be read");
    memcpy(&query.id, request.data, sizeof query.id);
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    uint64_t tail;
    bool found = page.count == 1 && page.records->messages.size >= RECORD_MESSAGE_SIZE &&
                 message_id_split(&((const struct record_message *)page.records->messages.data)->id, ret_number, &tail);
    pawli_page_done(&page);
    return found ? PAWL_OK : pawli_fail(err, PAWL_ECORRUPT, "the record of a message that was sent is gone");
}

static int read_message(struct pawl_run *run, struct text noted, struct outcome *outcome, pawl_error *err)
{
    const pawl_store *store = run->drive->store;
    struct query query = {.kind = QUERY_MESSAGE, .scope = store->scope};
    struct page page;
    int status = find_message(run, noted, &query.number, err);
    if (status == PAWL_OK)
        status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    const struct message_item *item = page.count == 1 ? page.messages : NULL;
    if (!item || item->is_damaged)
        status = pawli_fail(err, PAWL_ENOTFOUND, "the message that was sent is gone, and its end was not seen");
    else if (item->task.place == PLACE_ENDED) {
        outcome->is_over = true;
        outcome->is_good = item->task.ended == STATE_DELIVERED;
        if (!outcome->is_good)
            outcome->text = pawli_arena_format(&run->memory, "its message ended as %s: %.*s",
                                               pawli_state_text(item->task.ended), TEXT_ARG(item->task.failure.text));
    }
    pawli_page_done(&page);
    return status;
}

int pawl_run_send(pawl_run *run, const char *name, const pawl_message *message, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, message);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "send", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return await_outcome(run, recorded, name, read_message, NULL, NULL, err);
    const pawl_uuid id = pawl_transition_request_id(run->step.transition);
    const struct recorded began = {.data = {(const char *)&id, sizeof id}, .at = now(run)};
    pawl_step_message(&run->step, message);
    pawl_step_await(&run->step);
    status = pawli_run_commit_effect(run, full, began.data, err);
    return status == PAWL_OK ? ask_later(run, &began, err) : status;
}

static int read_child(struct pawl_run *run, struct text noted, struct outcome *outcome, pawl_error *err)
{
    struct page page;
    size_t size = noted.data ? strlen(noted.data) : 0;
    if (size + 1 >= noted.size)
        return pawli_fail(err, PAWL_ECORRUPT, "what is recorded of a child cannot be read");
    int status = pawli_read_workflow_row(run->drive->store, noted.data, noted.data + size + 1, &page, err);
    if (status < 0)
        return status;
    const struct workflow_item *item = page.workflows;
    if (item->task.place == PLACE_ENDED) {
        outcome->is_over = true;
        outcome->is_good = item->task.ended == STATE_DELIVERED;
        outcome->text = outcome->is_good ? pawli_arena_text(&run->memory, item->workflow.receipt)
                                         : pawli_arena_format(&run->memory, "workflow %s/%s failed: %.*s", noted.data,
                                                              noted.data + size + 1, TEXT_ARG(item->task.failure.text));
    }
    pawli_page_done(&page);
    return PAWL_OK;
}

int pawl_run_child(pawl_run *run, const char *name, const pawl_start *start, void *receipt, size_t *size,
                   pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1], child[LIMIT_NAME + LIMIT_WORKFLOW_ID + 2];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, start);
    if (status == PAWL_OK)
        status = pawli_run_meet_only(run, "child", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return await_outcome(run, recorded, name, read_child, receipt, size, err);
    status = pawli_check_kind_and_id(start->kind, start->id, err);
    if (status < 0)
        return status;
    int length = snprintf(child, sizeof child, "%s%c%s", start->kind, '\0', start->id);
    const struct recorded began = {.data = {child, (size_t)length + 1}, .at = now(run)};
    pawl_step_start(&run->step, start);
    pawl_step_await(&run->step);
    status = pawli_run_commit_effect(run, full, began.data, err);
    return status == PAWL_OK ? ask_later(run, &began, err) : status;
}

/* ---- what is drawn ---- */

/* What is recorded, or `data`, which is noted. */
static int draw(pawl_run *run, const char *operation, const char *name, struct text data, struct text *ret,
                pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_run_meet_only(run, operation, name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    *ret = recorded ? recorded->data : data;
    return recorded || pawli_run_note(run, full, data, (struct text){0}) ? PAWL_OK : pawli_run_no_memory(run, err);
}

int pawl_run_now_ms(pawl_run *run, const char *name, int64_t *ret_ms, pawl_error *err)
{
    char text[24];
    struct text drawn;
    int status = pawli_check_given(err, run, ret_ms);
    if (status == PAWL_OK)
        status = draw(run, "now", name, number_text(text, now(run).ms), &drawn, err);
    if (status == PAWL_OK)
        pawli_parse_i64(drawn, ret_ms);
    return status;
}

int pawl_run_random(pawl_run *run, const char *name, uint64_t *ret_random, pawl_error *err)
{
    uint64_t random;
    struct text drawn;
    int status = pawli_check_given(err, run, ret_random);
    if (status < 0)
        return status;
    struct env *env = run->drive->store->opened->env;
    env->ops->random(env, &random, sizeof random);
    status = draw(run, "random", name, (struct text){(const char *)&random, sizeof random}, &drawn, err);
    if (status == PAWL_OK && drawn.size == sizeof random)
        memcpy(ret_random, drawn.data, sizeof random);
    return status;
}

int pawl_run_uuid(pawl_run *run, const char *name, pawl_uuid *ret_id, pawl_error *err)
{
    struct text drawn;
    int status = pawli_check_given(err, run, ret_id);
    if (status < 0)
        return status;
    struct env *env = run->drive->store->opened->env;
    uint8_t random[10];
    env->ops->random(env, random, sizeof random);
    const pawl_uuid id = pawli_uuid_v7(now(run).ms, (uint16_t)(random[8] << 8 | random[9]), random);
    status = draw(run, "uuid", name, (struct text){(const char *)&id, sizeof id}, &drawn, err);
    if (status == PAWL_OK && drawn.size == sizeof id)
        memcpy(ret_id, drawn.data, sizeof id);
    return status;
}

/* One that came by here before this call was in the code has something else at its place. */
int pawl_run_version(pawl_run *run, const char *name, uint32_t newest, uint32_t *ret_version, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1], text[24];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, ret_version);
    if (status == PAWL_OK)
        status = pawli_run_meet(run, "version", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    bool is_older = !recorded && run->next < run->recorded_count;
    *ret_version = recorded ? (uint32_t)number_of_note(recorded) : is_older ? 0 : newest;
    if (recorded || is_older)
        return PAWL_OK;
    return pawli_run_note(run, full, number_text(text, newest), (struct text){0}) ? PAWL_OK
                                                                                  : pawli_run_no_memory(run, err);
}

int pawl_run_continue(pawl_run *run, const void *input, size_t size, pawl_error *err)
{
    int status = pawli_check_given(err, run);
    if (status == PAWL_OK)
        status = pawli_check_bytes("input", input, size, err);
    if (status < 0 || run->status != PAWL_OK)
        return status < 0 ? status : pawli_run_answer_again(run, err);
    if (run->next < run->recorded_count)
        return pawli_run_diverge(run, "its continuation as a new run", err);
    if (run->drive->is_checked)
        return pawli_run_end(run, PAWL_SUSPENDED, NULL);
    if (run->step.effect)
        run->step.effect->starts_run = true;
    pawl_step_next(&run->step, NULL, input ? input : "", size);
    pawl_error error = {0};
    status = pawli_run_commit(run, &error);
    pawli_run_end(run, status < 0 ? status : PAWL_SUSPENDED, &error);
    return pawli_run_answer_again(run, err);
}
