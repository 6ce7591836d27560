/* SPDX-License-Identifier: MIT */
/* A workflow as an ordinary function: it is called from the top, and each of its calls is met with what is recorded at its
 * place. What is new is noted, and the notes are committed before anything else goes out, or when the function waits or ends. */
#include "workflow/run.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/check.h"

/* ---- its end ---- */

int pawli_run_answer_again(struct pawl_run *run, pawl_error *err)
{
    if (err && run->status < 0)
        *err = run->error;
    return run->status;
}

int pawli_run_end(struct pawl_run *run, int status, const pawl_error *error)
{
    run->status = status;
    if (error)
        run->error = *error;
    return status;
}

int pawli_run_no_memory(struct pawl_run *run, pawl_error *err)
{
    pawl_error error;
    pawli_no_memory(&error);
    pawli_run_end(run, PAWL_ENOMEM, &error);
    return pawli_run_answer_again(run, err);
}

/* The function is not the one that was recorded. */
int pawli_run_diverge(struct pawl_run *run, const char *met, pawl_error *err)
{
    const struct recorded *recorded = &run->recorded[run->next];
    pawl_error error;
    run->drive->is_for_person = true;
    pawli_hint(&error,
               pawli_fail(&error, PAWL_EREFUSED,
                          "the code diverged: at its step of generation %" PRIu64
                          " \"%.*s\" is recorded, and it came to %s",
                          recorded->generation, TEXT_ARG(recorded->name), met),
               "deploy code that does what is recorded (version markers), then retry it; or stop it");
    pawli_run_end(run, PAWL_EREFUSED, &error);
    return pawli_run_answer_again(run, err);
}

/* ---- committing ---- */

static void open_step(struct pawl_run *run)
{
    if (run->is_open)
        pawli_step_end(&run->step);
    pawli_step_begin(&run->step, run->drive);
    run->is_open = true;
}

bool pawli_run_note(struct pawl_run *run, const char *name, struct text data, struct text error)
{
    struct arena *arena = &run->memory;
    if (!pawli_arena_reserve(arena, (void **)&run->pending, sizeof *run->pending, run->pending_count + 1,
                             &run->pending_room))
        return false;
    run->pending[run->pending_count++] = (struct step_note){
        .name = pawli_arena_text(arena, text_of(name)),
        .data = pawli_arena_text(arena, data.data ? data : TEXT("")),
        .error = pawli_arena_text(arena, error)};
    return !pawli_arena_failed(arena);
}

/* Commits what was answered, with the notes. Refused (< 0, while the run goes on): nothing was, and the notes still wait. */
int pawli_run_commit(struct pawl_run *run, pawl_error *err)
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
        pawli_run_end(run, status < 0 ? status : PAWL_SUSPENDED, &error);
        return pawli_run_answer_again(run, err);
    }
    if (status < 0) {
        run->is_refused = run->step.effect && ((struct drafting *)run->step.transition)->unit.is_refused;
        open_step(run);
        if (err)
            *err = error;
        return status;
    }
    run->pending_count = 0;
    if (drive->how == DROVE_OFF)
        return pawli_run_end(run, PAWL_SUSPENDED, NULL);
    open_step(run);
    return PAWL_OK;
}

int pawli_run_go_on(struct pawl_run *run, pawl_error *err)
{
    pawl_step_next(&run->step, NULL, NULL, 0);
    return pawli_run_commit(run, err);
}

/* Before anything goes out that may depend on it. */
int pawli_run_flush(struct pawl_run *run, pawl_error *err)
{
    return run->pending_count ? pawli_run_go_on(run, err) : PAWL_OK;
}

/* -1: until a signal comes. */
int pawli_run_suspend(struct pawl_run *run, int64_t ms, pawl_error *err)
{
    if (run->drive->is_checked)
        return pawli_run_end(run, PAWL_SUSPENDED, NULL);
    pawl_error error = {0};
    pawl_step_park(&run->step, NULL, NULL, 0, ms, NULL);
    int status = pawli_run_commit(run, &error);
    if (status < 0 && run->status == PAWL_OK)
        pawli_run_end(run, status, &error);
    return status < 0 ? pawli_run_answer_again(run, err) : PAWL_SUSPENDED;
}

/* What the store refuses, for what is asked, is a fact as others are; that its disk is full is none. */
static bool is_refusal(const struct pawl_run *run, int status)
{
    return run->is_refused && (status == PAWL_EREFUSED || status == PAWL_ENOTFOUND || status == PAWL_ECONFLICT);
}

/* With what was added to the step, under a note that says so. */
int pawli_run_commit_effect(struct pawl_run *run, const char *name, struct text data, pawl_error *err)
{
    pawl_error error = {0};
    if (!pawli_run_note(run, name, data, (struct text){0}))
        return pawli_run_no_memory(run, err);
    int status = pawli_run_go_on(run, &error);
    if (status >= 0 || run->status != PAWL_OK)
        return status < 0 ? pawli_run_answer_again(run, err) : run->status;
    if (!is_refusal(run, status)) {
        run->pending_count--; /* it was not done; what was before stays noted */
        pawli_run_end(run, status, &error);
        return pawli_run_answer_again(run, err);
    }
    run->pending[run->pending_count - 1].error = pawli_arena_text(&run->memory, text_of(error.text));
    return pawli_arena_failed(&run->memory) ? pawli_run_no_memory(run, err)
                                            : pawl_error_set(err, PAWL_EREJECTED, "%s", error.text);
}

/* ---- meeting what is recorded ---- */

struct text pawli_run_full_name(char text[static NOTE_NAME_MAX + 1], const char *operation, const char *name)
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
int pawli_run_check_cancelled(struct pawl_run *run, pawl_error *err)
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
        if (!pawli_run_note(run, CANCELLED, TEXT(""), (struct text){0}))
            return pawli_run_no_memory(run, err);
    }
    if (!run->is_cancelled)
        return PAWL_OK;
    return pawl_error_set(err, PAWL_EREJECTED, "it was cancelled: %s", why.data ? why.data : "by an operator");
}

/* What is recorded at this place: *ret; NULL: it is new. PAWL_EREJECTED: it was cancelled. Anything else ends the call. */
int pawli_run_meet(struct pawl_run *run, const char *operation, const char *name, char full[static NOTE_NAME_MAX + 1],
                   const struct recorded **ret, pawl_error *err)
{
    *ret = NULL;
    if (run->status != PAWL_OK)
        return pawli_run_answer_again(run, err);
    pawl_error error = {0};
    if (pawli_check_given(&error, name) < 0 || pawli_check_key("name", text_of(name), &error) < 0 ||
        strlen(name) > LIMIT_NAME) {
        if (error.status == PAWL_OK)
            pawli_fail(&error, PAWL_EINVAL, "name is longer than %d bytes", LIMIT_NAME);
        pawli_run_end(run, error.status, &error);
        return pawli_run_answer_again(run, err);
    }
    pawli_run_full_name(full, operation, name);
    int status = pawli_run_check_cancelled(run, err);
    if (status < 0)
        return status;
    if (run->next < run->recorded_count) {
        if (!is_next(run, full))
            return PAWL_OK; /* the caller says what else may stand here, or diverges */
        *ret = &run->recorded[run->next++];
        return PAWL_OK;
    }
    return run->drive->is_checked ? pawli_run_end(run, PAWL_SUSPENDED, NULL) : PAWL_OK;
}

/* As meet, where nothing else may stand at this place. */
int pawli_run_meet_only(struct pawl_run *run, const char *operation, const char *name,
                        char full[static NOTE_NAME_MAX + 1], const struct recorded **ret, pawl_error *err)
{
    int status = pawli_run_meet(run, operation, name, full, ret, err);
    if (status == PAWL_OK && !*ret && run->next < run->recorded_count) {
        char met[NOTE_NAME_MAX + 3];
        snprintf(met, sizeof met, "\"%s\"", full);
        return pawli_run_diverge(run, met, err);
    }
    return status;
}

int pawli_run_replay_error(const struct recorded *recorded, pawl_error *err)
{
    return recorded->error.data ? pawl_error_set(err, PAWL_EREJECTED, "%s", recorded->error.data) : PAWL_OK;
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

/* It ends with an error of its own: what was done before that is recorded all the same, as far as that can be. */
static int end_with_error(struct pawl_run *run, pawl_error *err)
{
    const int status = run->status;
    pawl_error error = {0};
    *err = run->error;
    if (run->pending_count == 0 || run->drive->is_checked || pawli_arena_failed(&run->memory))
        return status;
    run->status = PAWL_OK;
    open_step(run); /* without what was added and not committed */
    int flushed = pawli_run_flush(run, &error);
    return flushed == PAWL_SUSPENDED || run->drive->how == DROVE_LOST ? PAWL_OK : status;
}

static int finish(struct pawl_run *run, pawl_error *err)
{
    pawl_step_done(&run->step, run->receipt.data, run->receipt.size);
    return pawli_run_commit(run, err);
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
        pawli_run_diverge(run, "its end", NULL);
    if (run->status < 0)
        return end_with_error(run, err);
    if (run->status == PAWL_SUSPENDED || drive->is_checked)
        return PAWL_OK;
    if (status > 0)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the function returned %d, and nothing waits", status),
                          "return PAWL_SUSPENDED only where a call of this run answered it");
    if (status == PAWL_OK)
        return finish(run, err);
    int flushed = pawli_run_flush(run, &error);
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
