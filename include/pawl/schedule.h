/* SPDX-License-Identifier: MIT */
/* Schedules: a message, or the start of a workflow, for each slot of a cron spec or an interval: once, however many programs
 * fire them. */
#ifndef PAWL_SCHEDULE_H
#define PAWL_SCHEDULE_H

#include "pawl/operator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happens to slots that are over 60 s late, or behind which the next has come. */
enum pawl_missed {
    PAWL_MISSED_ONE, /* the latest of them fires */
    PAWL_MISSED_ALL, /* the latest catch_up of them fire, the oldest first */
    PAWL_MISSED_NONE /* they are passed over */
};

typedef struct pawl_schedule {
    size_t struct_size; /* PAWL_SCHEDULE sets it */
    const char *name;   /* a name */
    const char
        *cron; /* minute hour day-of-month month day-of-week: numbers, names, lists, ranges, steps; NULL: every_ms */
    const char *zone;          /* of the cron spec, as in the system's database ("Europe/Berlin"); NULL: UTC */
    int64_t every_ms;          /* 1 or more, counted from when it was added; 0: cron */
    int32_t missed;            /* enum pawl_missed */
    uint32_t catch_up;         /* 1..10,000; 0: 100 */
    int64_t jitter_ms;         /* a slot fires so much later at most, always the same for a slot */
    const char *lane, *target; /* a message there, with the dedupe key NAME.SLOT; or */
    const char *kind;          /* a workflow of this kind, with the id NAME.SLOT; SLOT: Unix milliseconds */
    const void *data;          /* of the message, or of the workflow's first state; NULL: null */
    size_t data_size;
    const char *content_type; /* NULL: application/json when it parses as JSON */
} pawl_schedule;
#define PAWL_SCHEDULE .struct_size = sizeof(pawl_schedule)

/*
 * Summer time: a fixed hour that the clocks leave out fires when they come to a later one; one that they show twice, the first
 * time. An hour field that begins with a star goes by every hour that passes.
 *
 * pawl_schedule_add: one that is there with the same values stays as it is, with others it is a conflict. Its first slot is
 *   the first behind this moment. Recorded in pawl.operator, as the others.
 * pawl_schedule_pause: nothing fires until it is resumed; what its slots were meanwhile is passed over.
 *
 * Errors     PAWL_EINVAL; PAWL_ENOTFOUND  no such schedule; PAWL_ECONFLICT  other values
 */
PAWL_API int pawl_schedule_add(pawl_store *store, const pawl_schedule *schedule, const pawl_operation *operation,
                               pawl_error *err);
PAWL_API int pawl_schedule_remove(pawl_store *store, const char *name, const pawl_operation *operation,
                                  pawl_error *err);
PAWL_API int pawl_schedule_pause(pawl_store *store, const char *name, const pawl_operation *operation, pawl_error *err);
PAWL_API int pawl_schedule_resume(pawl_store *store, const char *name, const pawl_operation *operation,
                                  pawl_error *err);

/*
 * pawl_schedules_fire: fires what is due, of the handle's scope, once: what the workers of the store do all the time.
 *   ret_fired (may be NULL): how many slots. ret_next_ms (may be NULL): when something is due next, Unix milliseconds; 0: never.
 */
PAWL_API int pawl_schedules_fire(pawl_store *store, uint64_t *ret_fired, int64_t *ret_next_ms, pawl_error *err);

typedef struct pawl_schedule_view {
    size_t struct_size;
    const char *name, *cron, *zone; /* cron NULL: every_ms; zone NULL: of an interval */
    int64_t every_ms;
    int32_t missed;
    uint32_t catch_up;
    int64_t jitter_ms;
    const char *lane, *target, *kind;
    const void *data;
    size_t data_size;
    const char *content_type;
    int64_t added_at_ms, last_slot_ms;     /* last: that fired or was passed over; 0: none was */
    uint64_t fired;                        /* how many did */
    const char *paused_reason, *paused_by; /* NULL: it is not paused */
    int64_t next_ms[5];                    /* its next slots, by the clock of now; 0: there are no more */
    const char *error;                     /* NULL; else it cannot be read, or its zone cannot: then nothing fires */
} pawl_schedule_view;

typedef struct pawl_schedules pawl_schedules;
/* All of a scope, by name, or that of a name. */
PAWL_API int pawl_schedules_list(pawl_store *store, const char *name, pawl_schedules **ret_schedules, pawl_error *err);
PAWL_API size_t pawl_schedules_count(const pawl_schedules *schedules);
PAWL_API const pawl_schedule_view *pawl_schedules_get(const pawl_schedules *schedules, size_t index);
PAWL_API void pawl_schedules_free(pawl_schedules *schedules); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
