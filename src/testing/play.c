/* SPDX-License-Identifier: MIT */
/* One run: what is due is driven in this thread, one after the other, until nothing is; then the others play, and the clock jumps to
 * what is due next. */
#include "testing/play.h"

#include <inttypes.h>
#include <stdio.h>

#include "env/sim/sim.h"
#include "model/check.h"
#include "pawl/message.h"

#define LOOK_AGAIN_MS 1000 /* at what limits left behind */

/* ---- cuts ---- */

static void copy_name(char out[static PLAY_NAME_MAX + 1], const char *name)
{
    snprintf(out, PLAY_NAME_MAX + 1, "%s", name ? name : "its only state");
}

static bool is_cut(void *data, enum cut where, const char *name)
{
    struct play *play = data;
    struct cut_at *at = !play->at[0].met ? &play->at[0] : &play->at[1];
    uint64_t wanted = at == play->at ? play->first : play->second;
    play->cuts++;
    if (at->met || play->cuts != wanted)
        return false;
    at->met = true;
    at->where = where;
    copy_name(at->name, name);
    snprintf(at->workflow, sizeof at->workflow, "%s/%s", play->drive->kind->name, play->drive->id);
    play->cuts = 0;
    play->lost_replies += where == CUT_REPLY;
    play->kills += where != CUT_REPLY;
    return true;
}

static void differ(struct play *play, const char *step, const char *what)
{
    if (play->differs)
        return;
    play->differs = true;
    snprintf(play->step, sizeof play->step, "%s", step);
    snprintf(play->what, sizeof play->what, "%s", what);
}

static void differs_again(void *data, const char *name, const char *what)
{
    struct play *play = data;
    char step[PLAY_NAME_MAX + 1], whole[sizeof play->what];
    copy_name(step, name);
    snprintf(whole, sizeof whole, "workflow %s/%s: made twice from the same checkpoint, the second time it came to %s",
             play->drive->kind->name, play->drive->id, what);
    differ(play, step, whole);
}

/* ---- driving ---- */

static void note_last(struct play *play, const struct drive *drive)
{
    const char *state = drive->at.state.data;
    snprintf(play->last, sizeof play->last, "workflow %s/%s is %s%s%s", drive->kind->name, drive->id,
             drive->status ? drive->status : "lost", state ? ", in state " : "", state ? state : "");
}

static int drive_claimed(struct play *play, const pawl_kind *kind, const struct claimed *item, pawl_error *err)
{
    const struct obstacles obstacles = {.cut = is_cut, .differs = play->is_twice ? differs_again : NULL, .data = play};
    struct drive drive;
    int status = pawli_drive_init(&drive, play->store, kind, item, err);
    if (status < 0)
        return status;
    drive.obstacles = &obstacles;
    play->drive = &drive;
    pawli_drive(&drive);
    play->drive = NULL;
    note_last(play, &drive);
    if (drive.how == DROVE_CUT) /* who comes next finds the claims of a boot that is over */
        pawli_sim_reboot(play->env);
    pawli_drive_done(&drive);
    return PAWL_OK;
}

static bool is_registered(const struct play *play, const char *kind)
{
    for (size_t i = 0; i < play->kind_count; i++)
        if (strcmp(play->kinds[i]->name, kind) == 0)
            return true;
    return false;
}

/* One that is due, and that nobody drives. */
static void find_stranger(struct play *play, char text[static PLAY_NAME_MAX + 1])
{
    pawl_workflows *page;
    text[0] = '\0';
    if (pawl_workflows_list(play->store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .status = "runnable"}, &page,
                            NULL) < 0)
        return;
    for (size_t i = 0; i < pawl_workflows_count(page) && !text[0]; i++) {
        const pawl_workflow_view *view = pawl_workflows_get(page, i);
        if (!is_registered(play, view->kind))
            snprintf(text, PLAY_NAME_MAX + 1, "; and the kind of %s/%s is not registered", view->kind, view->id);
    }
    pawl_workflows_free(page);
}

static int end_by_limit(struct play *play, pawl_error *err)
{
    char stranger[PLAY_NAME_MAX + 1];
    int64_t now = play->env->ops->wall_now(play->env).ms;
    int64_t took = now - (play->until_ms - play->options->time_max_ms);
    find_stranger(play, stranger);
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_ELIMIT, "it does not end: after %" PRIu64 " rounds and %" PRId64 " ms %s%s", play->rounds,
                   took, *play->last ? play->last : "`idle` still does something", stranger),
        "what does it wait for? Register its children's kinds, settle its messages and send its signals in "
        "`idle`; or raise rounds_max, time_max_ms");
}

static int count_round(struct play *play, pawl_error *err)
{
    return play->rounds++ < play->options->rounds_max ? PAWL_OK : end_by_limit(play, err);
}

/* One workflow of the kind, if one is due; else when one will be. */
static int drive_kind(struct play *play, const struct sim_kind *kind, bool *drove, struct boot_time *next,
                      pawl_error *err)
{
    const struct consume how = {.kind = TASK_WORKFLOW,
                                .phase = PHASE_SEND,
                                .lane = WORKFLOW_LANE,
                                .target = kind->name,
                                .consumer = "sim",
                                .limit = 1,
                                .ends_with_process = true};
    bool is_due;
    struct boot_time again;
    int status = pawli_consume_look(play->store, &how, &is_due, &again, err);
    if (status < 0)
        return status;
    if (!is_due) {
        *next = boot_earlier(*next, again);
        return PAWL_OK;
    }
    struct unit unit;
    struct claim claim;
    status = pawli_consume(play->store, &how, &unit, &claim, err);
    if (status == PAWL_OK && claim.count > 0) {
        *drove = true;
        status = count_round(play, err);
        if (status == PAWL_OK)
            status = drive_claimed(play, &kind->kind, claim.items, err);
    } else if (status == PAWL_OK) {
        struct boot_time later = boot_after_ms(play->env->ops->boot_now(play->env), LOOK_AGAIN_MS);
        *next = boot_earlier(*next, claim.again.ns ? claim.again : later);
    }
    pawli_unit_done(&unit);
    return status;
}

/* ---- what others do ---- */

static int read_due(pawl_store *store, const char *lane, const char *target, pawl_messages **ret_messages,
                    pawl_error *err)
{
    return pawl_claim(
        store,
        &(pawl_claim_options){
            .struct_size = sizeof(pawl_claim_options), .lane = lane, .target = target, .consumer = "sim", .limit = 100},
        ret_messages, err);
}

/* How many; 0: nothing of the queue is due any more, or may be sent. */
static int settle_queue(pawl_store *store, const pawl_queue_stats *queue, int32_t verdict, pawl_error *err)
{
    pawl_messages *messages;
    int settled = 0, status = read_due(store, queue->lane, queue->target, &messages, err);
    if (status < 0)
        return status;
    for (size_t i = 0; status >= 0 && i < pawl_messages_count(messages); i++, settled++) {
        const pawl_message_view *view = pawl_messages_get(messages, i);
        const pawl_settlement settlement = {PAWL_SETTLEMENT, .id = view->id, .token = view->token, .verdict = verdict};
        status = pawl_settle(store, &settlement, 1, NULL, err);
    }
    pawl_messages_free(messages);
    return status < 0 ? status : settled;
}

int pawl_sim_settle(pawl_store *store, const char *lane, const char *target, int32_t verdict, int64_t *ret_wake_in_ms,
                    pawl_error *err)
{
    pawl_stats *stats;
    int status = pawli_check_given(err, store), settled = 0;
    if (status == PAWL_OK)
        status = pawl_stats_read(store, lane, target, &stats, err);
    if (status < 0)
        return status;
    struct wall_time now = store->opened->env->ops->wall_now(store->opened->env);
    int64_t wake_in_ms = -1;
    for (size_t i = 0; status >= 0 && i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        if (strcmp(queue->lane, WORKFLOW_LANE) == 0)
            continue;
        int64_t later = queue->next_due_at_ms - now.ms;
        if (queue->next_due_at_ms && (wake_in_ms < 0 || later < wake_in_ms))
            wake_in_ms = later > 0 ? later : 0;
        status = queue->due ? settle_queue(store, queue, verdict, err) : 0;
        settled += status > 0 ? status : 0;
    }
    pawl_stats_free(stats);
    if (status < 0)
        return status;
    if (ret_wake_in_ms)
        *ret_wake_in_ms = wake_in_ms;
    return settled;
}

/* > 0: they did something. */
static int let_others_play(struct play *play, struct boot_time *next, pawl_error *err)
{
    const pawl_sim_options *options = play->options;
    int64_t wake_in_ms = -1;
    int status;
    if (options->idle)
        status = options->idle(options->user, play->store, play->env->ops->wall_now(play->env).ms, &wake_in_ms, err);
    else
        status = pawl_sim_settle(play->store, NULL, NULL, PAWL_VERDICT_DELIVERED, &wake_in_ms, err);
    if (status < 0 && err->status != status)
        pawl_error_set(err, status, "`idle` answered %s, without a text", pawl_status_name(status));
    struct boot_time now = play->env->ops->boot_now(play->env);
    if (status == 0 && wake_in_ms >= 0)
        *next = boot_earlier(*next, boot_after_ms(now, wake_in_ms > 0 ? wake_in_ms : 1));
    return status;
}

/* ---- the whole of it ---- */

static int wait_until(struct play *play, struct boot_time next, pawl_error *err)
{
    struct env *env = play->env;
    int64_t left_ns = next.ns - env->ops->boot_now(env).ns;
    pawli_sim_advance_ms(env, left_ns > 0 ? (left_ns + 999999) / 1000000 : 1);
    return env->ops->wall_now(env).ms <= play->until_ms ? PAWL_OK : end_by_limit(play, err);
}

/* Who was killed goes on first: a kill alone changes nothing in whose turn it is. */
static int drive_until_alive(struct play *play, const struct sim_kind *kind, bool *drove, struct boot_time *next,
                             pawl_error *err)
{
    uint64_t before;
    int status;
    do {
        before = play->kills;
        status = drive_kind(play, kind, drove, next, err);
    } while (status == PAWL_OK && play->kills != before && !play->differs);
    return status;
}

static int drive_all(struct play *play, pawl_error *err)
{
    for (;;) {
        bool drove = false;
        struct boot_time next = BOOT_NEVER;
        for (size_t i = 0; i < play->kind_count; i++) {
            int status = drive_until_alive(play, play->kinds[i], &drove, &next, err);
            if (status < 0 || play->differs)
                return status;
        }
        if (drove)
            continue;
        int status = let_others_play(play, &next, err);
        if (status > 0)
            status = count_round(play, err);
        else if (status == 0)
            status = next.ns == INT64_MAX ? 1 : wait_until(play, next, err);
        if (status != PAWL_OK)
            return status < 0 ? status : PAWL_OK;
    }
}

static int begin(struct play *play, pawl_error *err)
{
    const pawl_sim_options *options = play->options;
    if (options->reset)
        options->reset(options->user);
    int status = options->begin(options->user, play->store, err);
    if (status < 0 && err->status != status)
        pawl_error_set(err, status, "`begin` answered %s, without a text", pawl_status_name(status));
    return status < 0 ? pawl_error_wrap(err, "what is there first") : PAWL_OK;
}

static void check(struct play *play)
{
    const pawl_sim_options *options = play->options;
    char what[sizeof play->what];
    pawl_error error = {0};
    int status = options->check ? options->check(options->user, play->store, &error) : PAWL_OK;
    if (status >= 0)
        return;
    snprintf(what, sizeof what, "check: %s", error.status == status ? error.text : pawl_status_text(status));
    differ(play, "", what);
}

int pawli_play(struct play *play, pawl_error *err)
{
    play->env = pawli_sim_new(play->seed);
    if (!play->env)
        return pawli_no_memory(err);
    pawli_sim_advance_ms(play->env, play->late_ms);
    play->until_ms = add_saturating(play->env->ops->wall_now(play->env).ms, play->options->time_max_ms);
    int status = pawli_open_in(play->env, "memory:", NULL, &play->store, err);
    if (status == PAWL_OK)
        status = begin(play, err);
    if (status == PAWL_OK)
        status = drive_all(play, err);
    if (status == PAWL_OK && !play->differs)
        check(play);
    if (status == PAWL_OK && !play->differs)
        status = pawli_facts_read(play->store, &play->facts, err);
    pawl_store_close(play->store);
    play->env->ops->close(play->env);
    return status;
}

void pawli_play_done(struct play *play)
{
    pawli_facts_done(&play->facts);
}
