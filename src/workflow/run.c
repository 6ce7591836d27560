/* SPDX-License-Identifier: MIT */
/* A workflow as an ordinary function: it is called from the top, and each of its calls is met with what is recorded at its
 * place. What is new is noted, and the notes are committed before anything else goes out, or when the function waits or ends. */
#include "workflow/drive.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"
#include "model/check.h"
#include "pawl/id.h"

#define NOTE_NAME_MAX (LIMIT_NAME + 16) /* an operation, ':' and a name */

struct recorded {
    struct text name, data, error;
    uint64_t generation;
    struct wall_time at;
};

struct undo {
    const char *name;
    pawl_call *fn;
    void *arg;
};

struct pawl_run {
    struct drive *drive;
    struct arena memory;
    struct text input, receipt; /* receipt absent: none */
    struct recorded *recorded;
    size_t recorded_count, recorded_room, next;
    struct step_note *pending; /* met for the first time, and not committed yet */
    size_t pending_count, pending_room;
    struct pawl_step step; /* the next commit */
    bool is_open;
    struct undo *undos;
    size_t undo_count, undo_room;
    bool is_compensating, is_cancelled;
    int status; /* what each call answers from now on; OK: they go on */
    pawl_error error;
};

/* ---- its end ---- */

static int answer_again(struct pawl_run *run, pawl_error *err)
{
    if (err && run->status < 0)
        *err = run->error;
    return run->status;
}

static int end_with(struct pawl_run *run, int status, const pawl_error *error)
{
    run->status = status;
    if (error)
        run->error = *error;
    return status;
}

static int end_without_memory(struct pawl_run *run, pawl_error *err)
{
    pawl_error error;
    pawli_no_memory(&error);
    end_with(run, PAWL_ENOMEM, &error);
    return answer_again(run, err);
}

/* The function is not the one that was recorded. */
static int diverge(struct pawl_run *run, const char *met, pawl_error *err)
{
    const struct recorded *recorded = &run->recorded[run->next];
    pawl_error error;
    run->drive->is_for_person = true;
    pawli_hint(&error,
               pawli_fail(&error, PAWL_EREFUSED,
                          "the code diverged: at its step of generation %" PRIu64 " \"%.*s\" is recorded, and it came to %s",
                          recorded->generation, TEXT_ARG(recorded->name), met),
               "deploy code that does what is recorded (version markers), then retry it; or stop it");
    end_with(run, PAWL_EREFUSED, &error);
    return answer_again(run, err);
}

/* ---- committing ---- */

static void open_step(struct pawl_run *run)
{
    if (run->is_open)
        pawli_step_end(&run->step);
    pawli_step_begin(&run->step, run->drive);
    run->is_open = true;
}

static bool note(struct pawl_run *run, const char *name, struct text data, struct text error)
{
    struct arena *arena = &run->memory;
    if (!pawli_arena_reserve(arena, (void **)&run->pending, sizeof *run->pending, run->pending_count + 1,
                             &run->pending_room))
        return false;
    run->pending[run->pending_count++] = (struct step_note){.name = pawli_arena_text(arena, text_of(name)),
                                                            .data = pawli_arena_text(arena, data.data ? data : TEXT("")),
                                                            .error = pawli_arena_text(arena, error)};
    return !pawli_arena_failed(arena);
}

/* Commits what was answered, with the notes. Refused (< 0, while the run goes on): nothing was, and the notes still wait. */
static int commit(struct pawl_run *run, pawl_error *err)
{
    struct drive *drive = run->drive;
    struct step *effect = run->step.effect;
    pawl_error error = {0};
    if (effect) {
        effect->notes = run->pending;
        effect->note_count = run->pending_count;
    }
    int status = pawli_step_commit(&run->step, &error);
    if (drive->how == DROVE_CUT || drive->how == DROVE_LOST) {
        end_with(run, status < 0 ? status : PAWL_SUSPENDED, &error);
        return answer_again(run, err);
    }
    if (status < 0) {
        open_step(run);
        if (err)
            *err = error;
        return status;
    }
    run->pending_count = 0;
    if (drive->how == DROVE_OFF)
        return end_with(run, PAWL_SUSPENDED, NULL);
    open_step(run);
    return PAWL_OK;
}

static int commit_and_go_on(struct pawl_run *run, pawl_error *err)
{
    pawl_step_next(&run->step, NULL, NULL, 0);
    return commit(run, err);
}

/* Before anything goes out that may depend on it. */
static int flush(struct pawl_run *run, pawl_error *err)
{
    return run->pending_count ? commit_and_go_on(run, err) : PAWL_OK;
}

/* -1: until a signal comes. */
static int suspend(struct pawl_run *run, int64_t ms, pawl_error *err)
{
    if (run->drive->is_checked)
        return end_with(run, PAWL_SUSPENDED, NULL);
    pawl_step_park(&run->step, NULL, NULL, 0, ms, NULL);
    int status = commit(run, err);
    if (status < 0 && run->status == PAWL_OK)
        end_with(run, status, err);
    return status < 0 ? status : PAWL_SUSPENDED;
}

/* What the store refuses, for what is asked, is a fact as others are. */
static bool is_refusal(int status)
{
    return status == PAWL_EREFUSED || status == PAWL_ENOTFOUND || status == PAWL_ECONFLICT;
}

/* With what was added to the step, under a note that says so. */
static int commit_effect(struct pawl_run *run, const char *name, struct text data, pawl_error *err)
{
    pawl_error error = {0};
    if (!note(run, name, data, (struct text){0}))
        return end_without_memory(run, err);
    int status = commit_and_go_on(run, &error);
    if (status >= 0 || run->status != PAWL_OK)
        return status < 0 ? answer_again(run, err) : run->status;
    if (!is_refusal(status)) {
        end_with(run, status, &error);
        return answer_again(run, err);
    }
    run->pending[run->pending_count - 1].error = pawli_arena_text(&run->memory, text_of(error.text));
    return pawli_arena_failed(&run->memory) ? end_without_memory(run, err)
                                            : pawl_error_set(err, PAWL_EREJECTED, "%s", error.text);
}

/* ---- meeting what is recorded ---- */

static struct text full_name(char text[static NOTE_NAME_MAX + 1], const char *operation, const char *name)
{
    int size = snprintf(text, NOTE_NAME_MAX + 1, "%s:%s", operation, name);
    return (struct text){text, (size_t)size};
}

static bool is_next(const struct pawl_run *run, const char *name)
{
    return run->next < run->recorded_count && text_is(run->recorded[run->next].name, name);
}

#define CANCELLED "cancelled"

/* Whether somebody asked for its end, here for the first time, or at this place as it is recorded: PAWL_EREJECTED. */
static int check_cancelled(struct pawl_run *run, pawl_error *err)
{
    struct text why = run->drive->at.cancelled;
    if (run->is_compensating)
        return PAWL_OK;
    bool is_new = run->next == run->recorded_count && !run->is_cancelled && !run->drive->is_checked && why.data;
    if (is_next(run, CANCELLED)) {
        run->is_cancelled = true;
        run->next++;
    }
    if (is_new) {
        run->is_cancelled = true;
        if (!note(run, CANCELLED, TEXT(""), (struct text){0}))
            return end_without_memory(run, err);
    }
    if (!run->is_cancelled)
        return PAWL_OK;
    return pawl_error_set(err, PAWL_EREJECTED, "it was cancelled: %s", why.data ? why.data : "by an operator");
}

/* What is recorded at this place: *ret; NULL: it is new. PAWL_EREJECTED: it was cancelled. Anything else ends the call. */
static int meet(struct pawl_run *run, const char *operation, const char *name, char full[static NOTE_NAME_MAX + 1],
                const struct recorded **ret, pawl_error *err)
{
    *ret = NULL;
    if (run->status != PAWL_OK)
        return answer_again(run, err);
    pawl_error error = {0};
    if (pawli_check_given(&error, name) < 0 || pawli_check_key("name", text_of(name), &error) < 0 ||
        strlen(name) > LIMIT_NAME) {
        if (error.status == PAWL_OK)
            pawli_fail(&error, PAWL_EINVAL, "name is longer than %d bytes", LIMIT_NAME);
        end_with(run, error.status, &error);
        return answer_again(run, err);
    }
    full_name(full, operation, name);
    int status = check_cancelled(run, err);
    if (status < 0)
        return status;
    if (run->next < run->recorded_count) {
        if (!is_next(run, full))
            return PAWL_OK; /* the caller says what else may stand here, or diverges */
        *ret = &run->recorded[run->next++];
        return PAWL_OK;
    }
    return run->drive->is_checked ? end_with(run, PAWL_SUSPENDED, NULL) : PAWL_OK;
}

/* As meet, where nothing else may stand at this place. */
static int meet_only(struct pawl_run *run, const char *operation, const char *name,
                     char full[static NOTE_NAME_MAX + 1], const struct recorded **ret, pawl_error *err)
{
    int status = meet(run, operation, name, full, ret, err);
    if (status == PAWL_OK && !*ret && run->next < run->recorded_count) {
        char met[NOTE_NAME_MAX + 3];
        snprintf(met, sizeof met, "\"%s\"", full);
        return diverge(run, met, err);
    }
    return status;
}

static int replay_error(const struct recorded *recorded, pawl_error *err)
{
    return recorded->error.data ? pawl_error_set(err, PAWL_EREJECTED, "%s", recorded->error.data) : PAWL_OK;
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
    int status = meet_only(run, operation, name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded) {
        if (result)
            memcpy(result, recorded->data.data, recorded->data.size < size ? recorded->data.size : size);
        return replay_error(recorded, err);
    }
    status = flush(run, &error);
    if (status != PAWL_OK) {
        end_with(run, status, &error);
        return answer_again(run, err);
    }
    const struct text bytes = {result, result ? size : 0};
    status = call_step(run, name, fn, arg, bytes, &error);
    bool is_refused = status == PAWL_EREJECTED;
    if (run->drive->how == DROVE_CUT || (status < 0 && !is_refused)) {
        end_with(run, status, &error);
        return answer_again(run, err);
    }
    if (!note(run, full, bytes, is_refused ? text_of(error.text) : (struct text){0}))
        return end_without_memory(run, err);
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
    if (!run || !name || !fn || run->status != PAWL_OK || run->is_compensating)
        return;
    if (!pawli_arena_reserve(&run->memory, (void **)&run->undos, sizeof *run->undos, run->undo_count + 1,
                             &run->undo_room)) {
        end_without_memory(run, NULL);
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
                run->drive->is_for_person = true;
                pawl_error_wrap(&error, "undoing \"%s\" was refused", undo->name);
                end_with(run, status, &error);
            }
            return answer_again(run, err);
        }
        run->undo_count--;
    }
    run->is_compensating = false;
    if (err)
        *err = cause;
    return cause.status < 0 ? cause.status : PAWL_EREJECTED;
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
        status = meet_only(run, "sleep", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded) {
        int64_t left = number_of_note(recorded) - now(run).ms;
        status = check_cancelled(run, err);
        bool is_over = run->next < run->recorded_count || left <= 0;
        return status < 0 || is_over ? status : suspend(run, left, err);
    }
    if (!note(run, full, number_text(text, now(run).ms + ms), (struct text){0}))
        return end_without_memory(run, err);
    return ms > 0 ? suspend(run, ms, err) : PAWL_OK;
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
    if (!noted.data || !pawli_step_take(&run->step, signal) || !note(run, full, noted, (struct text){0}))
        return end_without_memory(run, err);
    int status = commit_and_go_on(run, err);
    if (status < 0 && run->status == PAWL_OK)
        end_with(run, status, err);
    return status == PAWL_OK ? give(noted, data, size, err) : status;
}

/* Nothing is there: it waits, or its time is over. */
static int await_signal(struct pawl_run *run, const char *full, int64_t left, pawl_error *err)
{
    if (left > 0 || left == -1)
        return suspend(run, left, err);
    return note(run, full, TEXT("-"), (struct text){0}) ? give(TEXT("-"), NULL, NULL, err)
                                                       : end_without_memory(run, err);
}

int pawl_run_signal(pawl_run *run, const char *name, int64_t wait_ms, void *data, size_t *size, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1], waits[NOTE_NAME_MAX + 1], text[24];
    const struct recorded *began, *recorded;
    int status = check_wait(run, "wait_ms", wait_ms, -1, err);
    if (status == PAWL_OK)
        status = meet(run, "wait", name, waits, &began, err);
    if (status == PAWL_OK && began)
        status = check_cancelled(run, err);
    if (status == PAWL_OK)
        status = meet_only(run, "signal", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return give(recorded->data, data, size, err);
    const struct signal_row *signal = find_signal(run, name);
    if (signal)
        return take_signal(run, signal, full, data, size, err);
    int64_t until = began ? number_of_note(began) : wait_ms < 0 ? -1 : now(run).ms + wait_ms;
    int64_t left = until < 0 ? -1 : until > now(run).ms ? until - now(run).ms : 0;
    if (left != 0 && !began && !note(run, waits, number_text(text, until), (struct text){0}))
        return end_without_memory(run, err);
    return await_signal(run, full, left, err);
}

/* ---- what the step does besides ---- */

static int change_resource(pawl_run *run, const char *operation, const char *resource,
                           void (*add)(pawl_step *step, const char *resource), pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run);
    if (status == PAWL_OK)
        status = meet_only(run, operation, resource, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return replay_error(recorded, err);
    add(&run->step, resource);
    return commit_effect(run, full, (struct text){0}, err);
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

int pawl_run_post(pawl_run *run, const char *name, const pawl_post *posts, size_t count, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, posts);
    if (status == PAWL_OK)
        status = meet_only(run, "post", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return replay_error(recorded, err);
    for (size_t i = 0; i < count; i++)
        pawl_step_post(&run->step, (const pawl_post *)((const char *)posts + i * posts->struct_size));
    return commit_effect(run, full, (struct text){0}, err);
}

int pawl_run_event(pawl_run *run, const char *name, const pawl_event *event, pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = pawli_check_given(err, run, event);
    if (status == PAWL_OK)
        status = meet_only(run, "event", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return replay_error(recorded, err);
    pawl_step_event(&run->step, event);
    return commit_effect(run, full, (struct text){0}, err);
}

/* ---- what is sent and started, and its end ---- */

#define ASK_FIRST_MS 20 /* later as long as it took so far, by halves: what takes hours is not asked for each second */
#define ASK_LAST_MS  10000

static int ask_later(struct pawl_run *run, const struct recorded *began, pawl_error *err)
{
    int64_t wait = (now(run).ms - began->at.ms) / 2;
    wait = wait < ASK_FIRST_MS ? ASK_FIRST_MS : wait > ASK_LAST_MS ? ASK_LAST_MS : wait;
    return suspend(run, wait, err);
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
    if (!noted.data || !note(run, full, noted, outcome->is_good ? (struct text){0} : outcome->text))
        return end_without_memory(run, err);
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
    int status = replay_error(began, err);
    if (status == PAWL_OK)
        status = meet_only(run, "end", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded) {
        status = replay_error(recorded, err);
        return status == PAWL_OK ? give(recorded->data, data, size, err) : status;
    }
    status = read(run, began->data, &outcome, &error);
    if (status < 0) {
        end_with(run, status, &error);
        return answer_again(run, err);
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
        status = meet_only(run, "send", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    if (recorded)
        return await_outcome(run, recorded, name, read_message, NULL, NULL, err);
    const pawl_uuid id = pawl_transition_request_id(run->step.transition);
    const struct recorded began = {.data = {(const char *)&id, sizeof id}, .at = now(run)};
    pawl_step_message(&run->step, message);
    status = commit_effect(run, full, began.data, err);
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
        status = meet_only(run, "child", name, full, &recorded, err);
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
    status = commit_effect(run, full, began.data, err);
    return status == PAWL_OK ? ask_later(run, &began, err) : status;
}

/* ---- what is drawn ---- */

/* What is recorded, or `data`, which is noted. */
static int draw(pawl_run *run, const char *operation, const char *name, struct text data, struct text *ret,
                pawl_error *err)
{
    char full[NOTE_NAME_MAX + 1];
    const struct recorded *recorded;
    int status = meet_only(run, operation, name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    *ret = recorded ? recorded->data : data;
    return recorded || note(run, full, data, (struct text){0}) ? PAWL_OK : end_without_memory(run, err);
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
        status = meet(run, "version", name, full, &recorded, err);
    if (status != PAWL_OK)
        return status;
    bool is_older = !recorded && run->next < run->recorded_count;
    *ret_version = recorded ? (uint32_t)number_of_note(recorded) : is_older ? 0 : newest;
    if (recorded || is_older)
        return PAWL_OK;
    return note(run, full, number_text(text, newest), (struct text){0}) ? PAWL_OK : end_without_memory(run, err);
}

int pawl_run_continue(pawl_run *run, const void *input, size_t size, pawl_error *err)
{
    int status = pawli_check_given(err, run);
    if (status < 0 || run->status != PAWL_OK)
        return status < 0 ? status : answer_again(run, err);
    if (run->next < run->recorded_count)
        return diverge(run, "its continuation as a new run", err);
    if (run->drive->is_checked)
        return end_with(run, PAWL_SUSPENDED, NULL);
    if (run->step.effect)
        run->step.effect->starts_run = true;
    pawl_step_next(&run->step, NULL, input ? input : "", size);
    status = commit(run, err);
    return status < 0 ? end_with(run, status, err) : end_with(run, PAWL_SUSPENDED, NULL);
}

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
    if (run && receipt)
        run->receipt = pawli_arena_text(&run->memory, (struct text){receipt, size});
}

/* ---- the whole of it ---- */

static int load(struct pawl_run *run, pawl_error *err)
{
    const struct drive *drive = run->drive;
    struct query query = {.kind = QUERY_STEPS, .number = drive->at.number, .after = drive->at.run, .limit = LIMIT_LIST};
    for (bool more = true; more;) {
        struct page page;
        int status = pawli_store_query(drive->store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; i < page.count; i++) {
            const struct step_row *row = &page.steps[i];
            if (row->is_damaged)
                status = pawli_fail(err, PAWL_ECORRUPT, "a step that it recorded cannot be read: run \"pawl verify\"");
            else if (text_is(row->result, "call") &&
                     pawli_arena_reserve(&run->memory, (void **)&run->recorded, sizeof *run->recorded,
                                         run->recorded_count + 1, &run->recorded_room))
                run->recorded[run->recorded_count++] = (struct recorded){
                    .name = pawli_arena_text(&run->memory, row->state),
                    .data = pawli_arena_text(&run->memory, row->data),
                    .error = pawli_arena_text(&run->memory, row->error),
                    .generation = row->generation,
                    .at = row->ended};
        }
        more = page.more && status == PAWL_OK;
        query.after = page.next;
        pawli_page_done(&page);
        if (status < 0)
            return status;
    }
    run->input = pawli_arena_text(&run->memory, drive->at.data);
    return pawli_arena_failed(&run->memory) ? pawli_no_memory(err) : PAWL_OK;
}

static int finish(struct pawl_run *run, pawl_error *err)
{
    pawl_step_done(&run->step, run->receipt.data, run->receipt.size);
    return commit(run, err);
}

/* What the function returned, and what became of it. */
static int conclude(struct pawl_run *run, int status, pawl_error *err)
{
    struct drive *drive = run->drive;
    pawl_error error = {0};
    if (drive->how == DROVE_CUT || drive->how == DROVE_LOST)
        return PAWL_OK;
    bool has_ended = status == PAWL_OK || status == PAWL_EREJECTED;
    if (run->status == PAWL_OK && has_ended && run->next < run->recorded_count)
        diverge(run, "its end", NULL);
    if (run->status < 0) {
        *err = run->error;
        return run->status;
    }
    if (run->status == PAWL_SUSPENDED || drive->is_checked)
        return PAWL_OK;
    if (status > 0)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the function returned %d, and nothing waits", status),
                          "return PAWL_SUSPENDED only where a call of this run answered it");
    if (status == PAWL_OK)
        return finish(run, err);
    int flushed = flush(run, &error);
    if (flushed < 0)
        *err = error;
    return flushed < 0 ? flushed : run->status == PAWL_OK ? status : PAWL_OK;
}

int pawli_run_code(struct drive *drive, pawl_error *err)
{
    struct pawl_run run = {.drive = drive};
    drive->error = (pawl_error){0};
    int status = load(&run, err);
    if (status == PAWL_OK) {
        if (!drive->is_checked)
            open_step(&run);
        status = drive->kind->code(drive->kind->user, &run, err);
        if (status < 0 && err->status != status)
            pawl_error_set(err, status, "the function answered %s, without a text", pawl_status_name(status));
        status = conclude(&run, status, err);
    }
    if (run.is_open)
        pawli_step_end(&run.step);
    pawli_arena_done(&run.memory);
    return status;
}
