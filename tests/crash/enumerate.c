/* SPDX-License-Identifier: MIT */
/* Every operation of a workload is a crash point; at each, every kind of crash leaves images; each image is opened by the
 * real store and checked. Images that are the same, with the same facts, are checked once and counted once. Of what is drawn
 * at random the first round makes one image a point, each further one another. A round is always finished; then the next
 * follows, and after the last the next seed, until there were as many images as were asked for. */
#include <getopt.h>

#include "world.h"

enum image_kind {
    IMAGE_KILL,          /* the processes died: all that was written is there */
    IMAGE_DROPPED,       /* power loss: nothing that was not synced */
    IMAGE_PREFIX,        /* a first part of it, cut between two sectors */
    IMAGE_SUBSET,        /* any of its operations, in whatever order they reached the disk */
    IMAGE_TORN,          /* any of its sectors */
    IMAGE_GARBAGE,       /* the same, and sectors that were being written hold anything */
    IMAGE_KILL_POWER,    /* killed, recovered by another process, and then the power failed */
    IMAGE_POWER_RECOVER, /* power loss, and again while it was recovered */
    IMAGE_KIND_COUNT
};

static const char *const kind_names[] = {
    "killed",       "dropped",           "prefix",     "reordered subset", "torn sectors",
    "with garbage", "killed then power", "power twice"};

#define SEEN_BITS 20

struct enumeration {
    struct world *world;
    uint64_t *seen; /* a table of keys */
    uint64_t enumerated, checked[IMAGE_KIND_COUNT], points, runs, wanted;
    struct disk_image image;
    unsigned violations;
    uint64_t caught_at; /* images checked until the first violation; 0: none */
    char first[320];
};

static uint64_t total(const struct enumeration *e)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < IMAGE_KIND_COUNT; i++)
        sum += e->checked[i];
    return sum;
}

/* A collision costs an image that is not counted. */
static bool is_new(struct enumeration *e, uint64_t key)
{
    uint64_t *slot = &e->seen[key >> (64 - SEEN_BITS)];
    bool is_known = *slot == key;
    *slot = key;
    return !is_known;
}

static void note_violations(struct enumeration *e, struct world *world, const char *kind, size_t at)
{
    if (world->violations && !e->violations) {
        e->caught_at = total(e);
        snprintf(e->first, sizeof e->first, "seed %llu, %s at operation %zu: %s", (unsigned long long)world->seed, kind,
                 at, world->first);
    }
    e->violations += world->violations;
    world->violations = 0;
}

struct crash {
    const struct disk_walk *walk;
    struct world *world;
    enum disk_loss loss;
    enum image_kind kind;
    uint64_t seed;
};

/* Returns whether the image was one that was not seen before; it is in e->image then. */
static bool make_image(struct enumeration *e, const struct crash *crash)
{
    bool any;
    uint64_t facts = pawli_mix(commits_answered(crash->world, crash->walk->at, &any),
                               commits_begun(crash->world, crash->walk->at));
    uint64_t key = pawli_walk_lose(crash->walk, crash->loss, pawli_disk()->powersafe, crash->seed, &e->image);
    e->enumerated++;
    key = pawli_mix(pawli_mix(key, facts), (uintptr_t)crash->world->seed);
    key = pawli_mix(key, crash->kind >= IMAGE_KILL_POWER ? crash->walk->trace->count + crash->seed : crash->kind == 0);
    return is_new(e, key);
}

static void check(struct enumeration *e, const struct crash *crash)
{
    if (!make_image(e, crash))
        return;
    pawli_disk_load(&e->image);
    check_image(crash->world, crash->walk->at, crash->kind == IMAGE_KILL ? CRASH_KILL : CRASH_POWER, crash->seed);
    e->checked[crash->kind]++;
    note_violations(e, crash->world, kind_names[crash->kind], crash->walk->at);
}

/* What the second of two power losses leaves, by round. */
static const enum disk_loss second_losses[] = {LOSS_ALL, LOSS_SUBSET, LOSS_GARBAGE};

/* A process recovers the image that is on the disk; then the power fails at every other operation of that. */
static void recover(struct enumeration *e, const struct crash *first, unsigned round)
{
    bool kill = first->kind == IMAGE_KILL;
    size_t from;
    pawli_disk_load(&e->image);
    struct world *world = recover_image(first->world, first->walk->at, kill ? CRASH_KILL : CRASH_POWER,
                                        kill ? first->walk : NULL, &from);
    struct disk_walk walk;
    struct crash crash = {&walk, world, second_losses[round], kill ? IMAGE_KILL_POWER : IMAGE_POWER_RECOVER, 0};
    note_violations(e, world, "recovery", first->walk->at);
    pawli_walk_begin(&walk, &world->trace, &world->start);
    while (walk.at < world->trace.count) {
        pawli_walk_step(&walk);
        if (walk.at < from || (walk.at ^ first->seed) % 2)
            continue;
        crash.seed = pawli_mix(first->seed, walk.at * 8 + round);
        check(e, &crash);
    }
    pawli_walk_done(&walk);
    world_free(world);
}

#define ROUNDS 5

static const struct {
    enum disk_loss loss;
    enum image_kind kind;
    unsigned rounds;       /* that make one; without a draw all would be the same */
    unsigned recovered_of; /* one of so many is recovered and loses power again; 0: none */
} crashes[] = {
    {LOSS_NONE, IMAGE_KILL, 1, 12},    {LOSS_ALL, IMAGE_DROPPED, 1, 48}, {LOSS_PREFIX, IMAGE_PREFIX, ROUNDS, 0},
    {LOSS_SUBSET, IMAGE_SUBSET, 3, 0}, {LOSS_TORN, IMAGE_TORN, 4, 0},    {LOSS_GARBAGE, IMAGE_GARBAGE, 4, 0},
};

static void check_point(struct enumeration *e, const struct disk_walk *walk, unsigned round)
{
    uint64_t point = pawli_mix(e->world->seed, walk->at);
    for (size_t i = 0; i < COUNT_OF(crashes); i++) {
        struct crash crash = {walk, e->world, crashes[i].loss, crashes[i].kind, pawli_mix(point, i * 64 + round)};
        if (round < crashes[i].rounds)
            check(e, &crash);
        crash.seed = pawli_mix(point, i * 64);
        if (round < COUNT_OF(second_losses) && crashes[i].recovered_of && crash.seed % crashes[i].recovered_of == 0) {
            pawli_walk_lose(walk, crash.loss, pawli_disk()->powersafe, crash.seed, &e->image);
            recover(e, &crash, round);
        }
    }
}

static bool is_enough(const struct enumeration *e)
{
    return total(e) >= e->wanted || e->violations;
}

static void check_points(struct enumeration *e, unsigned round)
{
    struct disk_walk walk;
    pawli_walk_begin(&walk, &e->world->trace, &e->world->start);
    check_point(e, &walk, round);
    while (walk.at < e->world->trace.count && !e->violations) {
        pawli_walk_step(&walk);
        check_point(e, &walk, round);
    }
    e->points += round == 0 ? walk.at + 1 : 0;
    pawli_walk_done(&walk);
}

static void enumerate_run(struct enumeration *e, const struct workload *workload, uint64_t seed, enum plant plant)
{
    e->runs++;
    e->world = workload_run(workload, seed, plant);
    note_violations(e, e->world, "run", 0);
    for (unsigned round = 0; round < ROUNDS && !is_enough(e); round++)
        check_points(e, round);
    world_free(e->world);
}

static void enumerate(struct enumeration *e, const struct workload *workload, uint64_t seed, enum plant plant)
{
    e->seen = calloc((size_t)1 << SEEN_BITS, sizeof *e->seen);
    assert_non_null(e->seen);
    while (!is_enough(e))
        enumerate_run(e, workload, seed++, plant);
    free(e->seen);
    pawli_image_done(&e->image);
}

static uint64_t images = 2000, first_seed = 1;
static const char *only;

static void no_crash_breaks_a_promise(void **state)
{
    const struct workload *workload = *state;
    struct enumeration e = {.wanted = images};
    enumerate(&e, workload, first_seed, PLANT_NOTHING);
    print_message("# %s: seeds %llu..%llu, %llu crash points, %llu images opened and checked of %llu enumerated\n",
                  workload->name, (unsigned long long)first_seed, (unsigned long long)(first_seed + e.runs - 1),
                  (unsigned long long)e.points, (unsigned long long)total(&e), (unsigned long long)e.enumerated);
    for (size_t i = 0; i < IMAGE_KIND_COUNT; i++)
        print_message("#   %-18s %llu\n", kind_names[i], (unsigned long long)e.checked[i]);
    if (e.violations)
        fail_msg("%u violations, the first: %s", e.violations, e.first);
    assert_true(total(&e) >= images);
}

/* ---- planted mistakes ---- */

static const struct planted {
    enum plant plant;
    const char *name, *workload;
} planted[] = {
    {PLANT_TWO_COMMITS, "the outbox in a second transaction", "append"},
    {PLANT_EFFECT_APART, "an effect of a step in another transaction", "workflows"},
    {PLANT_DROPPED_LOG_SYNC, "a sync of the log that does nothing", "append"},
    {PLANT_DROPPED_LOG_SYNC, "a sync of the log that does nothing, in a group", "group"},
    {PLANT_DROPPED_SYNC, "a sync of the database that does nothing", "checkpoint"},
    {PLANT_EARLY_ANSWER, "an answer before the commit", "enqueue"},
    {PLANT_TOKEN_IGNORED, "a token that does not matter", "claim"},
    {PLANT_READ_ANSWER, "a duplicate answered before a commit", "join"},
};

static void a_planted_mistake_is_caught(void **state)
{
    const struct planted *mistake = *state;
    struct enumeration e = {.wanted = 20000};
    enumerate(&e, workload_named(mistake->workload), first_seed, mistake->plant);
    if (!e.violations)
        fail_msg("not caught in %llu images", (unsigned long long)total(&e));
    print_message("# %s: caught after %llu images in %llu runs: %s\n", mistake->name, (unsigned long long)e.caught_at,
                  (unsigned long long)e.runs, e.first);
}

static int usage(const char *name)
{
    fprintf(stderr, "usage: %s [--workload NAME] [--images N] [--seed N] [--planted]\n", name);
    return 2;
}

int main(int count, char **arguments)
{
    static const struct option options[] = {{"workload", required_argument, NULL, 'w'},
                                            {"images", required_argument, NULL, 'i'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"planted", no_argument, NULL, 'p'},
                                            {0}};
    struct CMUnitTest tests[64];
    size_t test_count = 0;
    bool plants = false;
    for (int got; (got = getopt_long(count, arguments, "", options, NULL)) != -1;)
        switch (got) {
        case 'w':
            only = optarg;
            break;
        case 'i':
            images = strtoull(optarg, NULL, 10);
            break;
        case 's':
            first_seed = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            plants = true;
            break;
        default:
            return usage(arguments[0]);
        }
    if ((only && !workload_named(only)) || images == 0)
        return usage(arguments[0]);
    for (size_t i = 0; i < workload_count && !plants; i++)
        if (!only || workload_named(only) == &workloads[i])
            tests[test_count++] = (struct CMUnitTest){workloads[i].name, no_crash_breaks_a_promise, NULL, NULL,
                                                      (void *)(uintptr_t)&workloads[i]};
    for (size_t i = 0; i < COUNT_OF(planted) && plants; i++)
        tests[test_count++] = (struct CMUnitTest){planted[i].name, a_planted_mistake_is_caught, NULL, NULL,
                                                  (void *)(uintptr_t)&planted[i]};
    return _cmocka_run_group_tests(plants ? "planted mistakes" : "crashes", tests, test_count, NULL, NULL);
}
