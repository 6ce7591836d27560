/* SPDX-License-Identifier: MIT */
/* Driving one workflow under its claim: a step is made by the callback of its kind, or, after an error, by a hook, and
 * committed; where nothing else can be, it is parked with the error. */
#include "workflow/drive.h"

#include "model/check.h"

/* ---- its checkpoint ---- */

static void copy_checkpoint(struct drive *drive, const struct workflow_row *row, const struct claimed *item)
{
    struct arena *arena = &drive->memory[drive->turn];
    struct signal_row *signals = arena_array(arena, struct signal_row, item->signal_count + 1);
    drive->at = (struct checkpoint){.number = row->number,
                                    .token = item->task.token,
                                    .generation = row->generation,
                                    .entered = row->entered,
                                    .run = row->run,
                                    .state = pawli_arena_text(arena, row->state),
                                    .data = pawli_arena_text(arena, row->data),
                                    .version = row->version,
                                    .attempts = item->task.attempts,
                                    .rejections = row->rejections,
                                    .cancelled = pawli_read_asked(arena, row->cancelled, "reason"),
                                    .signals = signals};
    for (size_t i = 0; signals && i < item->signal_count; i++) {
        struct signal_row *copy = &signals[drive->at.signal_count++];
        *copy = item->signals[i];
        copy->key = pawli_arena_text(arena, copy->key);
        copy->name = pawli_arena_text(arena, copy->name);
        copy->data = pawli_arena_text(arena, copy->data);
    }
}

int pawli_drive_init(struct drive *drive, pawl_store *store, const pawl_kind *kind, const struct claimed *item,
                     pawl_error *err)
{
    const struct workflow_row *row = workflow_in(item->body);
    *drive = (struct drive){.store = store, .kind = kind};
    memcpy(drive->id, row->id.data, row->id.size);
    copy_checkpoint(drive, row, item);
    atomic_store(&drive->held, drive->at.token);
    if (!pawli_arena_failed(&drive->memory[0]))
        return PAWL_OK;
    pawli_drive_done(drive);
    return pawli_no_memory(err);
}

void pawli_drive_done(struct drive *drive)
{
    pawli_arena_done(&drive->memory[0]);
    pawli_arena_done(&drive->memory[1]);
}

/* What a step left of it: into the other memory, for some of it stays. */
static bool move_on(struct drive *drive, const struct step *step)
{
    struct arena *arena = &drive->memory[drive->turn ^= 1];
    pawli_arena_reset(arena);
    const struct checkpoint before = drive->at;
    struct checkpoint *at = &drive->at;
    size_t left = 0;
    at->generation = step->made;
    at->entered = step->entered;
    if (step->starts_run)
        at->run = step->made;
    if (step->has_version)
        at->version = step->version;
    at->state = pawli_arena_text(arena, step->has_state ? step->state : before.state);
    at->data = pawli_arena_text(arena, step->has_data ? step->data : before.data);
    at->cancelled = pawli_arena_text(arena, before.cancelled);
    if (!at->cancelled.data)
        at->cancelled = pawli_arena_text(arena, step->cancelled);
    at->attempts = 1;
    at->rejections = 0;
    struct signal_row *signals = arena_array(arena, struct signal_row, before.signal_count + 1);
    for (size_t i = 0; signals && i < before.signal_count; i++) {
        bool is_taken = false;
        for (size_t j = 0; j < step->take_count; j++)
            is_taken |= text_equal(step->take[j], before.signals[i].key);
        if (is_taken)
            continue;
        signals[left] = before.signals[i];
        signals[left].key = pawli_arena_text(arena, before.signals[i].key);
        signals[left].name = pawli_arena_text(arena, before.signals[i].name);
        signals[left++].data = pawli_arena_text(arena, before.signals[i].data);
    }
    at->signals = signals;
    at->signal_count = left;
    return !pawli_arena_failed(arena);
}

/* ---- committing ---- */

bool pawli_drive_is_cut(struct drive *drive, enum cut where, const char *name)
{
    const struct obstacles *obstacles = drive->obstacles;
    if (drive->how != DROVE_CUT && obstacles && obstacles->cut && obstacles->cut(obstacles->data, where, name))
        drive->how = DROVE_CUT;
    return drive->how == DROVE_CUT;
}

static void tell(const struct drive *drive, const char *name, const pawl_error *error)
{
    if (drive->tell)
        drive->tell(drive->tell_data, drive, name, error);
}

#define COMMIT_TRIES 6

/* What was not written is asked for again, and so is what nobody knows: conditional on the token, it is made once. */
static int try_commit(struct drive *drive, pawl_transition *t, bool *was_uncertain, pawl_error *err)
{
    struct env *env = drive->store->opened->env;
    _Atomic uint32_t never = 0;
    int status = PAWL_OK;
    for (unsigned i = 0; i < COMMIT_TRIES; i++) {
        status = pawl_transition_commit(t, NULL, err);
        *was_uncertain |= status == PAWL_EUNCERTAIN;
        bool again = status == PAWL_EBUSY || status == PAWL_EUNAVAIL || status == PAWL_EUNCERTAIN;
        if (!again || (drive->stopping && atomic_load(drive->stopping)))
            break;
        tell(drive, "commit_failed", err);
        env->ops->wait(env, &never, 0, boot_after_ms(env->ops->boot_now(env), 50 << i));
    }
    return status;
}

static bool is_given_up(int status)
{
    return status == PAWL_EFENCED || status == PAWL_EBUSY || status == PAWL_EUNAVAIL || status == PAWL_EUNCERTAIN ||
           status == PAWL_EIO;
}

static void lose(struct drive *drive, const pawl_error *error)
{
    drive->how = DROVE_LOST;
    drive->error = *error;
    tell(drive, "lost", error);
}

static const char *event_of(const struct drive *drive)
{
    static const char *const names[][2] = {{"running", "step"}, {"runnable", "step"},     {"parked", "parked"},
                                           {"stuck", "stuck"},  {"finished", "finished"}, {"failed", "failed"}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i][0], drive->status) == 0)
            return names[i][1];
    return "step";
}

/* Its state; of a function the last of its calls that it notes, or what it comes to. */
static const char *name_of(const struct pawl_step *step)
{
    const struct step *effect = step->effect;
    if (effect && effect->note_count)
        return effect->notes[effect->note_count - 1].name.data;
    return effect && effect->is_coded ? pawli_step_result_text(effect->result) : step->drive->at.state.data;
}

int pawli_step_commit(struct pawl_step *step, pawl_error *err)
{
    struct drive *drive = step->drive;
    struct step *effect = step->effect;
    bool is_stopping = drive->stopping && atomic_load(drive->stopping);
    if (effect) {
        effect->keeps = effect->result == STEP_NEXT && !is_stopping;
        effect->lease_ms = drive->lease_ms;
        if (pawli_building(step->transition))
            pawli_step_close(step->transition, effect, &((struct drafting *)step->transition)->error);
    }
    if (pawli_drive_is_cut(drive, CUT_BEFORE_COMMIT, name_of(step)))
        return pawli_fail(err, PAWL_EUNAVAIL, "the process died before the commit");
    bool was_uncertain = false;
    int status = try_commit(drive, step->transition, &was_uncertain, err);
    if (status == PAWL_EFENCED && was_uncertain) { /* it was made, and left no record to say so */
        pawli_drive_release(drive);
        return PAWL_OK;
    }
    if (is_given_up(status) || (status == PAWL_OK && !effect->status)) {
        lose(drive, err);
        return status;
    }
    if (status < 0)
        return status;
    drive->status = effect->status;
    drive->how = strcmp(effect->status, "running") == 0 ? DROVE_ON : DROVE_OFF;
    if (drive->how == DROVE_OFF)
        atomic_store(&drive->held, 0);
    if (pawli_drive_is_cut(drive, CUT_AFTER_COMMIT, name_of(step)))
        return PAWL_OK;
    tell(drive, event_of(drive), drive->error.status < 0 ? &drive->error : NULL);
    if (drive->how == DROVE_ON && !move_on(drive, effect)) {
        pawli_no_memory(err);
        lose(drive, err);
        return PAWL_ENOMEM;
    }
    return PAWL_OK;
}

void pawli_drive_release(struct drive *drive)
{
    atomic_store(&drive->held, 0);
    pawli_step_release(drive->store, drive->kind->name, drive->id, drive->at.token, NULL);
    drive->how = DROVE_OFF;
}

/* ---- one step ---- */

typedef int drive_callback(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err);

static int call_advance(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    (void)cause;
    return drive->kind->advance(drive->kind->user, step, err);
}

static int call_upgrade(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    (void)cause;
    return drive->kind->upgrade(drive->kind->user, step, err);
}

static int call_on_retry(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    return drive->kind->on_retry(drive->kind->user, step, cause, err);
}

static int call_on_rejection(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    return drive->kind->on_rejection(drive->kind->user, step, cause, err);
}

static int park_with(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    (void)drive, (void)err;
    return pawl_step_park(step, NULL, NULL, 0, -1, cause);
}

static int set_apart(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    (void)drive, (void)err;
    return pawl_step_stuck(step, NULL, NULL, 0, cause);
}

/* What undoes cannot be undone. */
static int fail_with(struct drive *drive, struct pawl_step *step, const pawl_error *cause, pawl_error *err)
{
    (void)err;
    bool is_undo = drive->at.cancelled.data && !drive->kind->code;
    return is_undo ? pawl_step_stuck(step, NULL, NULL, 0, cause) : pawl_step_compensate(step, cause);
}

/* Where a test asks for that, the same step once more; this one is thrown away. What parked may have asked somebody, who answers
 * otherwise when he is asked again. */
static void make_again(struct drive *drive, drive_callback *callback, const pawl_error *cause,
                       const struct pawl_step *first)
{
    const struct obstacles *obstacles = drive->obstacles;
    if (!obstacles || !obstacles->differs || drive->how == DROVE_CUT || !first->effect ||
        first->effect->result == STEP_PARK)
        return;
    const pawl_error kept = drive->error;
    pawl_error error = {0};
    struct pawl_step second;
    pawli_step_begin(&second, drive);
    second.cause = cause;
    second.began = first->began;
    drive->obstacles = NULL;
    int status = callback(drive, &second, cause, &error);
    drive->obstacles = obstacles;
    drive->error = kept;
    const char *what = status < 0 ? "an error" : pawli_step_differs(first, &second);
    if (what)
        obstacles->differs(obstacles->data, drive->at.state.data, what);
    pawli_step_end(&second);
}

/* OK: it is committed, or the drive came to an end. < 0: nothing is. */
static int make(struct drive *drive, drive_callback *callback, bool sets_version, const pawl_error *cause,
                pawl_error *err)
{
    struct pawl_step step;
    pawli_step_begin(&step, drive);
    step.cause = cause;
    drive->error = (pawl_error){0};
    int status = callback(drive, &step, cause, err);
    if (status < 0 && err->status != status)
        pawl_error_set(err, status, "the callback answered %s, without a text", pawl_status_name(status));
    bool is_built = pawli_building(step.transition) != NULL;
    if (status >= 0 && is_built && !step.answered)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the callback returned, and answered nothing"),
                            "return what next, park, stuck, done or fail answers, or an error");
    if (status >= 0)
        make_again(drive, callback, cause, &step);
    if (status >= 0 && drive->how != DROVE_CUT) {
        if (step.effect && sets_version && drive->kind->version) {
            step.effect->has_version = true;
            step.effect->version = drive->kind->version;
        }
        status = pawli_step_commit(&step, err);
    }
    pawli_step_end(&step);
    return drive->how == DROVE_CUT || drive->how == DROVE_LOST ? PAWL_OK : status < 0 ? status : PAWL_OK;
}

/* Whether it has had all that its budget gives: then nobody is asked, and the commit sets it apart. */
static bool is_spent(const struct drive *drive, bool is_rejection)
{
    const pawl_kind *kind = drive->kind;
    return is_rejection ? kind->rejections && drive->at.rejections >= kind->rejections
                        : kind->retries && drive->at.attempts > kind->retries;
}

static drive_callback *hook_for(const struct drive *drive, const pawl_error *cause, bool is_current)
{
    const pawl_kind *kind = drive->kind;
    bool is_rejection = cause->status == PAWL_EREJECTED;
    if (cause->status == PAWL_ECORRUPT || drive->is_for_person) /* no other try would read its checkpoint */
        return set_apart;
    if (!is_current || is_spent(drive, is_rejection))
        return park_with;
    if (is_rejection)
        return kind->on_rejection ? call_on_rejection : fail_with;
    return kind->on_retry ? call_on_retry : park_with;
}

/* An error's way: the hook; where that has an error of its own, or what it answered is refused, it is parked with that. */
static void recover(struct drive *drive, bool is_current, pawl_error *cause)
{
    pawl_error second = {0}, third = {0};
    drive_callback *hook = hook_for(drive, cause, is_current);
    if (make(drive, hook, is_current && hook != park_with && hook != set_apart, cause, &second) == PAWL_OK)
        return;
    if (make(drive, park_with, false, &second, &third) < 0)
        lose(drive, &third);
}

static int refuse_version(const struct drive *drive, pawl_error *err)
{
    const pawl_kind *kind = drive->kind;
    if (drive->at.version > kind->version)
        return pawli_fail(err, PAWL_EUNSUPPORTED,
                          "its checkpoint has version %u, newer than this program's %u of kind %s", drive->at.version,
                          kind->version, kind->name);
    return pawli_fail(err, PAWL_ECORRUPT,
                      "its checkpoint has version %u, and kind %s, of version %u, has no upgrade for it",
                      drive->at.version, kind->name, kind->version);
}

/* A checkpoint that says no version is taken for one of now. A function has markers for what was changed. */
static bool is_of_version(const struct drive *drive)
{
    return drive->kind->code || drive->at.version == 0 || drive->at.version == drive->kind->version;
}

int pawli_check_drive(struct drive *drive, pawl_error *err)
{
    const pawl_kind *kind = drive->kind;
    if (kind->code)
        return pawli_run_code(drive, err);
    if (is_of_version(drive) || (kind->upgrade && drive->at.version < kind->version))
        return PAWL_OK;
    drive->is_for_person = true;
    return refuse_version(drive, err);
}

static void drive_step(struct drive *drive)
{
    drive->is_for_person = false;
    pawl_error error = {0};
    const pawl_kind *kind = drive->kind;
    bool is_current = is_of_version(drive);
    int status;
    if (kind->code)
        status = pawli_run_code(drive, &error);
    else if (is_current)
        status = make(drive, call_advance, true, NULL, &error);
    else if (kind->upgrade && drive->at.version < kind->version)
        status = make(drive, call_upgrade, true, NULL, &error);
    else
        status = refuse_version(drive, &error);
    if (status < 0 && drive->how == DROVE_ON)
        recover(drive, is_current, &error);
}

void pawli_drive(struct drive *drive)
{
    drive->how = DROVE_ON;
    while (drive->how == DROVE_ON) {
        drive_step(drive);
        if (drive->how == DROVE_ON && drive->stopping && atomic_load(drive->stopping))
            pawli_drive_release(drive);
    }
}
