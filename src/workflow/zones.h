/* SPDX-License-Identifier: MIT */
/* Schedules as they are decided with: their cron spec and zone read. */
#ifndef PAWLI_WORKFLOW_ZONES_H
#define PAWLI_WORKFLOW_ZONES_H

#include "base/arena.h"
#include "model/rows.h"
#include "model/schedule.h"

struct timing {
    struct schedule schedule;
    struct cron cron;
    struct zone zone;
};

/* Of a row, whose texts it borrows; what the zone keeps is in the arena. EINVAL: what is wrong with the spec or the zone;
 * EUNAVAIL: the zone's file cannot be read. */
int pawli_read_timing(const struct schedule_row *row, struct arena *arena, struct timing *timing, pawl_error *err);

#endif
