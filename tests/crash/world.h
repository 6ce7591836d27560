/* SPDX-License-Identifier: MIT */
/* One run of a workload on a disk that may fail, and what the run was told. What a call answered is a fact from then on:
 * facts are kept here, outside the disk, and no crash may make them untrue. Each call of a workload commits at most once,
 * so an image must show exactly what some call left: the states are known by their commit number. */
#ifndef TESTS_CRASH_WORLD_H
#define TESTS_CRASH_WORLD_H

#include "support.h"

#include "commit/handle.h"
#include "env/sim/sim.h"
#include "pawl/journal.h"
#include "pawl/executor.h"
#include "pawl/pawl.h"
#include "vfs/vfs.h"

#define NEVER         SIZE_MAX
#define WORLD_FILE    "shop.db"
#define WORLD_LANE    "mail"
#define WORLD_TARGET  "customer"
#define STEPS_MAX     128
#define ASKS_MAX      256
#define HELDS_MAX     256
#define COMMITS_MAX   512
#define GROUP_MAX     8
#define UNKNOWN_STATE 0 /* of a commit number: no call left the store like that */

/* Known mistakes, each made by the test itself or by its disk: the enumeration must find every one. */
enum plant {
    PLANT_NOTHING,
    PLANT_TWO_COMMITS,      /* the outbox is written in a second transaction */
    PLANT_DROPPED_LOG_SYNC, /* the sync of the log says yes and does nothing */
    PLANT_DROPPED_SYNC,     /* the sync of the database file does, so that a checkpoint copies into the air */
    PLANT_EARLY_ANSWER,     /* a call is answered before its commit */
    PLANT_TOKEN_IGNORED,    /* a settlement counts whatever its token */
    PLANT_EFFECT_APART,     /* what a step does besides is committed before it */
    PLANT_READ_ANSWER,      /* a duplicate is answered by a read, without a commit */
    PLANT_COUNT
};

struct step {
    const char *name;
    size_t begun, acked; /* operations of the trace before it, and before its answer; NEVER: it has none */
    uint64_t commits;    /* of the store, after it */
};

/* What was asked for under an identity, so that it can be asked again. */
struct ask {
    uint64_t commits;  /* it is there from this commit on */
    const char *scope; /* NULL: a message */
    unsigned number;   /* what it contains follows from the seed and this */
    uint64_t seq;
    uint8_t digest[32];
    pawl_uuid id;
};

struct held {
    uint64_t claimed_at, settled_at; /* commits; UINT64_MAX: not settled */
    pawl_uuid id;
    uint64_t token;
    bool by_hand;
};

#define STARTED_MAX 16

/* A workflow, and the commit that it is there from. */
struct started {
    unsigned number;
    uint64_t commits;
};

/* A step by hand, under a claim of its own. */
struct made_step {
    uint64_t claimed_at, made_at; /* commits; claimed_at 0: there was none; made_at UINT64_MAX: not made */
    char id[16];
    uint64_t token, generation;
};

struct world {
    uint64_t seed, random;
    enum plant plant;
    const char *options; /* of the URL, behind vfs= */
    struct env *env;
    pawl_store *store;
    pawl_error err;
    pawl_uuid life;

    struct disk_image start; /* what was on the disk when recording began */
    struct disk_trace trace;
    struct step steps[STEPS_MAX];
    struct ask asks[ASKS_MAX];
    struct held helds[HELDS_MAX];
    uint64_t shown[COMMITS_MAX]; /* by commit number: a hash of all that the store showed */
    struct started started[STARTED_MAX];
    struct made_step made_step;
    size_t step_count, ask_count, held_count, started_count;
    bool is_careless; /* a foreign connection did not sync its commits: the log may look damaged after a power loss */
    uint64_t adopted_at; /* the commit that adopted the store; 0: it was never restored */
    unsigned next_number;

    unsigned violations;
    char first[240]; /* violation */
};

struct world *world_new(uint64_t seed, enum plant plant, const char *options);
void world_free(struct world *world);
uint64_t world_random(struct world *world, uint64_t below);
void world_record(struct world *world); /* from here on what happens on the disk is kept */
PRINTF_LIKE(2, 3) void violation(struct world *world, const char *format, ...);

int world_open_in(struct world *world, struct env *env, pawl_store **ret_store);
uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t size);
uint64_t mix_text(uint64_t hash, const char *text);                             /* NULL is one, too */
uint64_t world_show(pawl_store *store, uint64_t *ret_commits, pawl_error *err); /* 0: it could not be read */

/* Calls. Each adds a step. */
int world_open(struct world *world);
void world_close(struct world *world);
int world_append(struct world *world, const char *scope);
int world_enqueue(struct world *world, unsigned count);
int world_claim(struct world *world, unsigned limit, bool by_hand);
int world_settle(struct world *world, int verdict, unsigned count, unsigned follow_ups);
int world_consume(struct world *world);              /* a transition that settles what was claimed */
int world_group(struct world *world, unsigned size); /* units of several callers, one commit */
void world_begin(struct world *world, const char *name);
int world_end(struct world *world, int status);

void world_keep_receipt(struct ask *ask, const pawl_receipt *receipt);
void run_overlap(struct world *world); /* overlap.c */

/* workflows.c */
void run_workflows(struct world *world);
int world_show_workflows(pawl_store *store, uint64_t *hash, pawl_error *err);
void check_workflows(struct world *world, pawl_store *store, uint64_t commits); /* drives them to their ends */

/* The same again: what it answered, compared with the ask. */
int world_repeat(struct world *world, pawl_store *store, const struct ask *ask, bool *ret_replayed, struct ask *answer);
struct held *world_next_held(struct world *world);

/* A transition and a message whose contents follow from the seed and a number. */
pawl_transition *world_transition(struct world *world, pawl_store *store, unsigned number);
struct made_message {
    char dedupe[32], key[16];
    uint8_t payload[3000];
};
pawl_message world_message(struct world *world, unsigned number, struct made_message *made);

struct workload {
    const char *name, *options;
    void (*setup)(struct world *world); /* before recording; NULL: an empty disk */
    void (*run)(struct world *world);
};
extern const struct workload workloads[];
extern const size_t workload_count;
const struct workload *workload_named(const char *name);

/* A finished run: its world has all facts. */
struct world *workload_run(const struct workload *workload, uint64_t seed, enum plant plant);

/* ---- laws ---- */

enum crash_kind { CRASH_KILL, CRASH_POWER };

/* Opens what is on the disk and checks every law of a crash at this point of the trace. */
void check_image(struct world *world, size_t at, enum crash_kind kind, uint64_t seed);

/* The same as the beginning of another run: what the recovered store shows and answers is a fact from then on, with what
 * was pending when the processes were killed still pending (walk; NULL: nothing is). Its crash points begin at *ret_from. */
struct world *recover_image(struct world *world, size_t at, enum crash_kind kind, const struct disk_walk *walk,
                            size_t *ret_from);

/* What must be there after a crash at this point, and what may be. */
uint64_t commits_answered(const struct world *world, size_t at, bool *any);
uint64_t commits_begun(const struct world *world, size_t at);

void world_make_older(void); /* the store becomes one of the version before, which has no views */

#endif
