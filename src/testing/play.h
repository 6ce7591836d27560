/* SPDX-License-Identifier: MIT */
/* One run of a sim: a world of its own, cut where it is told to. */
#ifndef PAWLI_PLAY_H
#define PAWLI_PLAY_H

#include "pawl/testing.h"
#include "testing/facts.h"
#include "workflow/drive.h"

#define PLAY_NAME_MAX (LIMIT_NAME + LIMIT_WORKFLOW_ID + 32)

struct sim_kind {
    pawl_kind kind;
    char name[LIMIT_NAME + 1];
};

/* Where it was cut. */
struct cut_at {
    bool met;
    enum cut where;
    char name[PLAY_NAME_MAX + 1];     /* of the step or call */
    char workflow[PLAY_NAME_MAX + 1]; /* "KIND/ID" */
};

struct play {
    const pawl_sim_options *options; /* with no limit that is 0 */
    struct sim_kind *const *kinds;
    size_t kind_count;
    uint64_t seed;
    int64_t late_ms;        /* its world begins so much later than that of others */
    bool is_twice;          /* each step is made twice */
    uint64_t first, second; /* cut at this place, and at this one of those behind it, from 1 on; 0: at none */

    struct env *env;
    pawl_store *store;
    uint64_t rounds;
    int64_t until_ms;
    const struct drive *drive;    /* NULL: nothing is driven now */
    char last[2 * PLAY_NAME_MAX]; /* what was driven last, and how it stood */

    /* the answer */
    uint64_t cuts; /* places that it came by */
    uint64_t kills, lost_replies;
    struct cut_at at[2];
    bool differs;                 /* by itself, and why: */
    char step[PLAY_NAME_MAX + 1]; /* "": none */
    char what[512];
    struct facts facts; /* in the end, unless it differs */
};

/* OK: it came to its end, or differs. PAWL_ELIMIT: it has none. */
int pawli_play(struct play *play, pawl_error *err);
void pawli_play_done(struct play *play);

#endif
