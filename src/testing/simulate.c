/* SPDX-License-Identifier: MIT */
/* Which runs a sim makes, and what it says of them.
 *
 *   1  An undisturbed run says what shall come of all others, and how many places there are for a cut.
 *   2  Strictly (double_drive): with each step made twice; and the first again, in another second of the real clock, where all is the
 *      same to the byte, or the program takes something from elsewhere.
 *   3  One for each place, cut there; for every second one another that is cut a second time, soon behind the first.
 *   4  Where something differs, or strictly: undisturbed with another chance and at another time, of the real clock, too. What
 *      differs there may differ. */
#include <inttypes.h>
#include <stdio.h>

#include "model/check.h"
#include "testing/play.h"

#define ROUNDS_MAX  10000
#define TIME_MAX_MS INT64_C(31622400000) /* 366 days */
#define OTHER_SEED  UINT64_C(0x9e3779b97f4a7c15)
#define LATER_MS    INT64_C(93784005) /* another day, hour, minute and second */

/* What the number of a run says: these, or PLACE * 8 + how far behind it the second cut is (0: there is none). */
enum { POINT_UNDISTURBED, POINT_OTHER_CHANCE, POINT_TWICE, POINT_AGAIN, POINT_FIRST_CUT = 8 };
#define SECOND_MAX 3

struct pawl_sim {
    pawl_sim_options options;
    struct sim_kind **kinds;
    size_t kind_count;
    struct arena memory; /* of the report's texts */
    struct play undisturbed, other;
    bool has_other;
    int64_t begun_ms; /* by the real clock */
    pawl_sim_report report;
};

/* ---- its life ---- */

int pawl_sim_new(const pawl_sim_options *options, pawl_sim **ret_sim, pawl_error *err)
{
    pawl_sim_options copy;
    int status = pawli_check_given(err, options, ret_sim);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, options))
        return pawli_bad_struct("pawl_sim_options", err);
    status = pawli_check_call(err, "begin", copy.begin != NULL);
    if (status == PAWL_OK)
        status = pawli_check_range("time_max_ms", copy.time_max_ms, 0, INT64_MAX / 4000000, err);
    if (status == PAWL_OK && copy.point > POINT_AGAIN && copy.point < POINT_FIRST_CUT)
        status = pawli_fail(err, PAWL_EINVAL, "point is %" PRIu64 ", which no report has", copy.point);
    if (status < 0)
        return status;
    struct pawl_sim *sim = pawli_alloc(sizeof *sim);
    if (!sim)
        return pawli_no_memory(err);
    sim->options = copy;
    if (copy.point == POINT_TWICE || copy.point == POINT_AGAIN) /* of strict ones */
        sim->options.double_drive = 1;
    if (!copy.rounds_max)
        sim->options.rounds_max = ROUNDS_MAX;
    if (!copy.time_max_ms)
        sim->options.time_max_ms = TIME_MAX_MS;
    *ret_sim = sim;
    return PAWL_OK;
}

static void end_runs(pawl_sim *sim)
{
    pawli_play_done(&sim->undisturbed);
    pawli_play_done(&sim->other);
    sim->has_other = false;
}

void pawl_sim_free(pawl_sim *sim)
{
    if (!sim)
        return;
    end_runs(sim);
    for (size_t i = 0; i < sim->kind_count; i++)
        pawli_free(sim->kinds[i]);
    pawli_free(sim->kinds);
    pawli_arena_done(&sim->memory);
    pawli_free(sim);
}

int pawl_sim_register(pawl_sim *sim, const pawl_kind *kind, pawl_error *err)
{
    pawl_kind copy;
    int status = pawli_check_given(err, sim, kind);
    if (status == PAWL_OK)
        status = pawli_read_kind(kind, &copy, err);
    for (size_t i = 0; status == PAWL_OK && i < sim->kind_count; i++)
        if (strcmp(sim->kinds[i]->name, copy.name) == 0)
            status = pawli_fail(err, PAWL_EREFUSED, "kind %s is registered already", copy.name);
    if (status < 0)
        return status;
    struct sim_kind *entry = pawli_alloc(sizeof *entry);
    struct sim_kind **kinds = entry ? pawli_grow(sim->kinds, (sim->kind_count + 1) * sizeof(struct sim_kind *)) : NULL;
    if (!kinds) {
        pawli_free(entry);
        return pawli_no_memory(err);
    }
    entry->kind = copy;
    memcpy(entry->name, copy.name, strlen(copy.name) + 1);
    entry->kind.name = entry->name;
    sim->kinds = kinds;
    sim->kinds[sim->kind_count++] = entry;
    return PAWL_OK;
}

/* ---- the report ---- */

static const char *place_text(enum cut where)
{
    switch (where) {
    case CUT_BEFORE_COMMIT:
        return "killed before the commit of";
    case CUT_AFTER_COMMIT:
        return "killed behind the commit of";
    case CUT_BEFORE_CALL:
        return "killed before call";
    case CUT_AFTER_CALL:
        return "killed behind call";
    case CUT_REPLY:
        break;
    }
    return "with the answer lost of call";
}

static struct text describe_run(struct arena *arena, const struct play *play, uint64_t point)
{
    const struct cut_at *at = play->at;
    if (at[1].met)
        return pawli_arena_format(arena, "%s \"%s\" of workflow %s, then %s \"%s\" of workflow %s",
                                  place_text(at[0].where), at[0].name, at[0].workflow, place_text(at[1].where),
                                  at[1].name, at[1].workflow);
    if (at[0].met)
        return pawli_arena_format(arena, "%s \"%s\" of workflow %s", place_text(at[0].where), at[0].name,
                                  at[0].workflow);
    return text_of(point == POINT_UNDISTURBED    ? "undisturbed"
                   : point == POINT_OTHER_CHANCE ? "undisturbed, with another chance and at another time"
                   : point == POINT_TWICE        ? "with each step made twice"
                   : point == POINT_AGAIN        ? "undisturbed, a second time"
                                                 : "before it was cut");
}

/* 1: what came of this run is told. */
static int report_difference(pawl_sim *sim, const struct play *play, uint64_t point, const char *step, struct text what)
{
    pawl_sim_report *report = &sim->report;
    struct arena *arena = &sim->memory;
    report->point = point;
    report->step = pawli_arena_text(arena, text_of(*step ? step : play->at[0].met ? play->at[0].name : "")).data;
    report->what = pawli_arena_text(arena, what).data;
    report->text = pawli_arena_format(arena, "seed %" PRIu64 ", point %" PRIu64 ", %s%s%s%s: %s", sim->options.seed,
                                      point, describe_run(arena, play, point).data, *step ? ", \"" : "", step,
                                      *step ? "\"" : "", what.data)
                       .data;
    return 1;
}

/* ---- the runs ---- */

static struct play new_play(const pawl_sim *sim)
{
    return (struct play){
        .options = &sim->options, .kinds = sim->kinds, .kind_count = sim->kind_count, .seed = sim->options.seed};
}

/* What it came to by itself; 0: it can be compared. */
static int make_run(pawl_sim *sim, struct play *play, uint64_t point, pawl_error *err)
{
    pawl_error error = {0};
    int status = pawli_play(play, &error);
    sim->report.runs++;
    sim->report.kills += play->kills;
    sim->report.lost_replies += play->lost_replies;
    if (status == PAWL_ELIMIT && point != POINT_UNDISTURBED)
        return report_difference(sim, play, point, "", text_of(error.text));
    if (status < 0) {
        if (err)
            *err = error;
        return status;
    }
    if (play->differs)
        return report_difference(sim, play, point, play->step, text_of(play->what));
    if (play->first && !play->at[0].met)
        return report_difference(sim, play, point, "",
                                 TEXT("it did not come as far as the place of its cut: undisturbed, it does"));
    return 0;
}

/* Whoever reads the real clock, by seconds, too, reads something else then. */
static int wait_for_next_second(int64_t begun_ms, pawl_error *err)
{
    struct env *env;
    int status = pawli_env_real(&env, err);
    if (status < 0)
        return status;
    _Atomic uint32_t never = 0;
    int64_t now_ms;
    while ((now_ms = env->ops->wall_now(env).ms) / 1000 == begun_ms / 1000)
        env->ops->wait(env, &never, 0, boot_after_ms(env->ops->boot_now(env), 1000 - now_ms % 1000));
    env->ops->close(env);
    return PAWL_OK;
}

static int read_real_clock(int64_t *ret_ms, pawl_error *err)
{
    struct env *env;
    int status = pawli_env_real(&env, err);
    if (status < 0)
        return status;
    *ret_ms = env->ops->wall_now(env).ms;
    env->ops->close(env);
    return PAWL_OK;
}

static int run_undisturbed(pawl_sim *sim, pawl_error *err)
{
    sim->undisturbed = new_play(sim);
    int status = read_real_clock(&sim->begun_ms, err);
    return status == 0 ? make_run(sim, &sim->undisturbed, POINT_UNDISTURBED, err) : status;
}

/* Once, when somebody wants to know what chance and time change. */
static int run_other(pawl_sim *sim, pawl_error *err)
{
    if (sim->has_other)
        return 0;
    sim->has_other = true;
    sim->other = new_play(sim);
    sim->other.seed ^= OTHER_SEED;
    sim->other.late_ms = LATER_MS;
    int status = wait_for_next_second(sim->begun_ms, err);
    return status == 0 ? make_run(sim, &sim->other, POINT_OTHER_CHANCE, err) : status;
}

static int compare_run(pawl_sim *sim, struct play *play, uint64_t point, pawl_error *err)
{
    const struct facts *expected = &sim->undisturbed.facts;
    int status = make_run(sim, play, point, err);
    if (status == 0 && pawli_facts_are_same(expected, &play->facts)) {
        pawli_play_done(play);
        return 0;
    }
    if (status == 0)
        status = run_other(sim, err);
    if (status == 0) {
        struct text step;
        const struct text what = pawli_facts_differ(expected, &play->facts, &sim->other.facts, &sim->memory, &step);
        if (what.data)
            status = report_difference(sim, play, point, "", what);
    }
    pawli_play_done(play);
    return status;
}

static int run_twice(pawl_sim *sim, pawl_error *err)
{
    struct play play = new_play(sim);
    play.is_twice = true;
    return compare_run(sim, &play, POINT_TWICE, err);
}

static int run_cut(pawl_sim *sim, uint64_t point, pawl_error *err)
{
    struct play play = new_play(sim);
    play.first = point / POINT_FIRST_CUT;
    play.second = point % POINT_FIRST_CUT;
    return compare_run(sim, &play, point, err);
}

/* The place of this one of `taken`, which are spread over all there are; the seed says where the first is. */
static uint64_t place_of(const pawl_sim *sim, uint64_t index, uint64_t taken)
{
    uint64_t count = sim->undisturbed.cuts;
    return taken == count ? index + 1 : (index * count / taken + sim->options.seed % count) % count + 1;
}

/* Those with one cut first: what they find is easier to understand. */
static int run_all_cuts(pawl_sim *sim, pawl_error *err)
{
    uint64_t count = sim->undisturbed.cuts, most = sim->options.runs_max ? sim->options.runs_max : UINT64_MAX;
    uint64_t once = count < most ? count : most;
    uint64_t twice = count / 2 < most - once ? count / 2 : most - once;
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < once; i++)
        status = run_cut(sim, place_of(sim, i, once) * POINT_FIRST_CUT, err);
    for (uint64_t i = 0; status == 0 && i < twice; i++)
        status = run_cut(sim, place_of(sim, i, twice) * POINT_FIRST_CUT + 1 + (i + sim->options.seed) % SECOND_MAX,
                         err);
    return status;
}

static int run_again(pawl_sim *sim, pawl_error *err)
{
    struct play play = new_play(sim);
    int status = wait_for_next_second(sim->begun_ms, err);
    if (status == 0)
        status = make_run(sim, &play, POINT_AGAIN, err);
    if (status == 0) {
        struct text step;
        struct text what = pawli_facts_differ(&sim->undisturbed.facts, &play.facts, NULL, &sim->memory, &step);
        if (what.data)
            what = pawli_arena_format(
                &sim->memory, "%s; from elsewhere than the sim: a clock, chance, what `reset` leaves", what.data);
        if (what.data)
            status = report_difference(sim, &play, POINT_AGAIN, step.data ? step.data : "", what);
    }
    pawli_play_done(&play);
    return status;
}

static void tell_found(pawl_sim_report *report, const pawl_sim_report *found)
{
    report->point = found->point;
    report->step = found->step ? found->step : "";
    report->what = found->what ? found->what : "";
    report->text = found->text;
}

/* 1 where one of them is told with its step; else the first difference stands in the report, and `found` says that there is one. */
static int run_strictly(pawl_sim *sim, bool *found, pawl_error *err)
{
    int (*const runs[])(pawl_sim * sim, pawl_error * err) = {run_twice, run_again, run_other};
    const uint64_t points[] = {POINT_TWICE, POINT_AGAIN, POINT_OTHER_CHANCE}, only = sim->options.point;
    pawl_sim_report first = {0};
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        int status = only == 0 || only == points[i] ? runs[i](sim, err) : 0;
        if (status < 0 || (status == 1 && *sim->report.step))
            return status;
        if (status == 1 && !*found)
            first = sim->report;
        *found |= status == 1;
    }
    tell_found(&sim->report, &first);
    return 0;
}

static int run_all(pawl_sim *sim, pawl_error *err)
{
    uint64_t only = sim->options.point;
    bool found = false;
    int status = run_undisturbed(sim, err);
    if (status == 0 && only == POINT_OTHER_CHANCE)
        return run_other(sim, err);
    if (status == 0 && sim->options.double_drive)
        status = run_strictly(sim, &found, err);
    const pawl_sim_report first = sim->report;
    /* A cut that shows the same says where it is. */
    if (status == 0 && only == 0)
        status = run_all_cuts(sim, err);
    else if (status == 0 && only >= POINT_FIRST_CUT)
        status = run_cut(sim, only, err);
    if (status == 0 && found)
        tell_found(&sim->report, &first);
    return status == 0 ? found : status;
}

int pawl_sim_run(pawl_sim *sim, pawl_sim_report *ret_report, pawl_error *err)
{
    int status = pawli_check_given(err, sim);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_sim_report", ret_report, err);
    if (status == PAWL_OK && sim->kind_count == 0)
        status = pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "no kind is registered"),
                            "call pawl_sim_register first");
    if (status < 0)
        return status;
    pawli_arena_reset(&sim->memory);
    sim->report = (pawl_sim_report){.step = "", .what = ""};
    status = run_all(sim, err);
    end_runs(sim);
    pawl_sim_report *report = &sim->report;
    if (status == 0)
        report->text = pawli_arena_format(&sim->memory,
                                          "seed %" PRIu64 ": the same end in %" PRIu64 " runs, with %" PRIu64
                                          " kills and %" PRIu64 " lost answers",
                                          sim->options.seed, report->runs, report->kills, report->lost_replies)
                           .data;
    if (status >= 0 && pawli_arena_failed(&sim->memory))
        status = pawli_no_memory(err);
    if (status >= 0)
        pawli_give_out(ret_report, report, sizeof *report);
    return status;
}
