/* SPDX-License-Identifier: MIT */
/* One workflow, driven in the thread of who asks for it: until it parks, or until it is done. */
#include "model/check.h"
#include "workflow/executor.h"

/* How it stands, and what there is to wait for. */
struct standing {
    bool has_ended, is_stuck, is_parked, is_running;
    struct wall_time due; /* of what waits */
    pawl_error error;     /* of its last attempt, or its end; OK: none */
};

static int read_standing(pawl_store *store, const char *kind, const char *id, struct standing *standing,
                         pawl_error *err)
{
    struct page page;
    int status = pawli_read_workflow_row(store, kind, id, &page, err);
    if (status < 0)
        return status;
    const struct workflow_item *item = page.workflows;
    const struct failure *failure = &item->task.failure;
    const char *text = pawli_workflow_status(&item->workflow, &item->task, page.wall);
    *standing = (struct standing){.has_ended = item->task.place == PLACE_ENDED,
                                  .is_stuck = strcmp(text, "stuck") == 0,
                                  .is_parked = strcmp(text, "parked") == 0,
                                  .is_running = strcmp(text, "running") == 0 && !item->lost,
                                  .due = item->task.due};
    bool has_failed = failure->class != ERROR_NONE &&
                      !(item->task.place == PLACE_ENDED && item->task.ended == STATE_DELIVERED);
    if (has_failed)
        pawl_error_set(&standing->error, failure->class == ERROR_TRANSIENT ? PAWL_EUNAVAIL : PAWL_EREJECTED, "%.*s",
                       TEXT_ARG(failure->text));
    pawli_page_done(&page);
    return PAWL_OK;
}

struct driving {
    struct pawl_executor *executor;
    const struct kind_entry *entry;
    const char *id;
    bool until_done, was_tried, is_over;
    struct standing standing; /* when it was looked at last */
    pawl_error outcome;       /* of what was driven here, */
    const char *status;       /* and as what it was left; NULL: not known */
};

/* What was claimed is driven until it is off. */
static int drive_claimed(struct driving *d, const struct claimed *item, pawl_error *err)
{
    struct seat seat = {0};
    int status = pawli_seat_fill(d->executor, &seat, d->entry, item, err);
    if (status < 0)
        return status;
    pawli_seat_enter(d->executor, &seat);
    pawli_drive(&seat.drive);
    pawli_seat_leave(d->executor, &seat);
    d->outcome = seat.drive.error;
    d->status = seat.drive.how == DROVE_OFF ? seat.drive.status : NULL;
    pawli_drive_done(&seat.drive);
    return PAWL_OK;
}

/* drove: false, nobody could claim it now. */
static int claim_and_drive(struct driving *d, bool *drove, pawl_error *err)
{
    const struct consume how = pawli_executor_claims(d->executor, d->entry->name, d->id, 1);
    struct unit unit;
    struct claim claim;
    int status = pawli_consume(d->executor->store, &how, &unit, &claim, err);
    *drove = status == PAWL_OK && claim.count == 1;
    if (*drove)
        status = drive_claimed(d, claim.items, err);
    pawli_unit_done(&unit);
    return status;
}

/* Its start and its claim are one commit: a claim takes what its batch made. One that is there already is claimed as it is. */
static int start_and_drive(struct driving *d, const pawl_start *start, pawl_error *err)
{
    pawl_store *store = d->executor->store;
    const struct consume how = pawli_executor_claims(d->executor, d->entry->name, d->id, 1);
    struct drafting drafting;
    struct claim claim;
    pawli_drafting_init(&drafting, store);
    struct starts *starts = pawli_draft_effect(&drafting, &pawli_effect_starts);
    struct start_draft *draft = starts ? arena_new(&drafting.unit.arena, struct start_draft) : NULL;
    int status = draft ? pawli_draft_start(&drafting, start, draft, err) : pawli_no_memory(err);
    if (status == PAWL_OK) {
        starts->items = draft;
        starts->count = 1;
        status = pawli_draft_claim(store, &how, &drafting.unit, &claim, err);
    }
    if (status == PAWL_OK)
        status = pawli_draft_commit(&drafting, NULL, err);
    if (status == PAWL_OK && claim.count == 1)
        status = drive_claimed(d, claim.items, err);
    pawli_drafting_done(&drafting);
    return status;
}

/* The time is over: where it waits because of an error, that says more. */
static int refuse_busy(const struct driving *d, pawl_error *err)
{
    if (d->outcome.status < 0 && !d->standing.is_running)
        return PAWL_OK;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EBUSY,
                                 d->standing.is_running ? "workflow %s/%s: somebody else drives it"
                                                        : "workflow %s/%s did not end in time",
                                 d->entry->name, d->id),
                      "what it does goes on; ask again later, or see \"pawl why\"");
}

/* One look at it, and what is to be done now: it is driven at once the first time, and later when it is due. */
static int drive_now(void *data, bool *is_over, struct boot_time *again, pawl_error *err)
{
    struct driving *d = data;
    struct pawl_executor *executor = d->executor;
    struct env *env = executor->env;
    struct standing *now = &d->standing;
    bool drove = false;
    int status = read_standing(executor->store, d->entry->name, d->id, now, err);
    if (status < 0)
        return status;
    bool is_due = now->due.ms <= env->ops->wall_now(env).ms;
    if (!now->has_ended && !now->is_stuck && !now->is_running && (!d->was_tried || is_due))
        do { /* one that parks where a signal is there already does not wait */
            status = claim_and_drive(d, &drove, err);
            if (status == PAWL_OK && drove)
                status = read_standing(executor->store, d->entry->name, d->id, now, err);
        } while (status == PAWL_OK && drove && d->status && strcmp(d->status, "runnable") == 0);
    d->was_tried = true;
    if (status < 0)
        return status;
    struct boot_time boot = env->ops->boot_now(env);
    *again = boot_of_wall(now->due, env->ops->wall_now(env), boot);
    if (again->ns <= boot.ns) /* it is due, and somebody else has it */
        *again = boot_after_ms(boot, LOOK_MS);
    bool is_final = now->has_ended || now->is_stuck;
    *is_over = d->is_over = is_final || (now->is_parked && !d->until_done);
    if (d->is_over && (!drove || (is_final && (d->outcome.status == PAWL_OK || now->error.status == PAWL_OK))))
        d->outcome = now->error; /* of what was not driven here, or what ended otherwise than its last step */
    return PAWL_OK;
}

/* Whether what was driven here needs no further look. */
static bool needs_no_look(const struct driving *d)
{
    static const char *const ends[] = {"finished", "failed", "stuck"};
    bool has_reason = d->outcome.status < 0;
    if (!d->status || (strcmp(d->status, "failed") == 0 && !has_reason)) /* its row says why */
        return false;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (strcmp(d->status, ends[i]) == 0)
            return true;
    return strcmp(d->status, "parked") == 0 && !d->until_done;
}

static int drive_until(struct driving *d, int64_t wait_ms, pawl_error *err)
{
    int status = pawli_keep_trying(d->executor->store, wait_ms, drive_now, d, err);
    return status == PAWL_OK && !d->is_over ? refuse_busy(d, err) : status;
}

static int begin(struct driving *d, pawl_executor *executor, const char *kind, const char *id, int until_done,
                 int64_t wait_ms, pawl_error *err)
{
    int status = pawli_check_kind_and_id(kind, id, err);
    if (status == PAWL_OK)
        status = pawli_check_range("wait_ms", wait_ms, 0, INT64_MAX / 1000000, err);
    if (status < 0)
        return status;
    *d = (struct driving){
        .executor = executor, .entry = pawli_executor_kind(executor, kind), .id = id, .until_done = until_done != 0};
    if (d->entry)
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "kind %s is not registered", kind),
                      "call pawl_executor_register first");
}

/* What it came to: the error of the call, or that of the workflow, and how that stands. */
static int give(struct driving *d, int status, pawl_error *error, pawl_workflows **ret_workflow, pawl_error *err)
{
    pawl_error second = {0};
    if (status == PAWL_OK && d->outcome.status < 0) {
        *error = d->outcome;
        status = error->status;
    }
    if (ret_workflow) {
        int read = pawl_workflow_get(d->executor->store, d->entry->name, d->id, ret_workflow, &second);
        if (status == PAWL_OK && read < 0) {
            *error = second;
            status = read;
        }
    }
    if (err && status < 0)
        *err = *error;
    return status;
}

int pawl_executor_drive(pawl_executor *executor, const char *kind, const char *id, int until_done, int64_t wait_ms,
                        pawl_workflows **ret_workflow, pawl_error *err)
{
    struct driving d;
    pawl_error error = {0};
    int status = pawli_check_given(err, executor, kind, id);
    if (status == PAWL_OK)
        status = begin(&d, executor, kind, id, until_done, wait_ms, err);
    if (status < 0)
        return status;
    status = drive_until(&d, wait_ms, &error);
    return give(&d, status, &error, ret_workflow, err);
}

int pawl_executor_run(pawl_executor *executor, const pawl_start *start, int until_done, int64_t wait_ms,
                      pawl_workflows **ret_workflow, pawl_error *err)
{
    struct driving d;
    pawl_error error = {0};
    int status = pawli_check_given(err, executor, start);
    if (status == PAWL_OK)
        status = begin(&d, executor, start->kind, start->id, until_done, wait_ms, err);
    if (status == PAWL_OK)
        status = pawli_check_write(executor->store, err);
    d.was_tried = true;
    if (status == PAWL_OK)
        status = start_and_drive(&d, start, err);
    if (status < 0)
        return status;
    if (!needs_no_look(&d))
        status = drive_until(&d, wait_ms, &error);
    return give(&d, status, &error, ret_workflow, err);
}
