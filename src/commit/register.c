/* SPDX-License-Identifier: MIT */
/* Who works: a worker writes its own row, and clears away those of workers that are gone and tell nothing more. */
#include "commit/register.h"

#include "model/serving.h"

#define KEEP_MS  (INT64_C(30) * 24 * 3600 * 1000) /* how long a worker that is gone is remembered */
#define GONE_MAX 100                              /* and how many of them */

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    (void)unit, (void)effect;
    view->wants_workers = true;
    return true;
}

/* A row that cannot be read tells nothing: if its worker lives, it writes the row anew. */
static bool tells_nothing(const struct view *view, const struct view_worker *worker, const struct worker_row *own)
{
    const struct worker_row *row = &worker->row;
    if (worker->slot.is_damaged)
        return true;
    return !worker->is_alive &&
           (pawli_worker_is_like(row, own) ||
            pawli_end_of(&view->store.row.clock, pawli_worker_last(row), KEEP_MS).ms <= view->wall.ms);
}

static bool forget(struct view *view, struct view_worker *worker)
{
    if (!pawli_view_touch(view, &worker->slot))
        return false;
    worker->slot.exists = false;
    return true;
}

/* The one that is gone for the longest, where there are too many; NULL: there are not. */
static struct view_worker *one_too_many(const struct view *view, uint64_t own)
{
    struct view_worker *oldest = NULL;
    size_t gone = 0;
    for (size_t i = 0; i < view->workers.count; i++) {
        struct view_worker *worker = view->workers.at[i];
        if (!worker->slot.exists || worker->is_alive || worker->row.id == own)
            continue;
        gone++;
        if (!oldest || pawli_worker_last(&worker->row).ms < pawli_worker_last(&oldest->row).ms)
            oldest = worker;
    }
    return gone > GONE_MAX ? oldest : NULL;
}

static bool clear_away(struct view *view, const struct worker_row *own)
{
    for (size_t i = 0; i < view->workers.count; i++) {
        struct view_worker *worker = view->workers.at[i];
        if (worker->slot.exists && worker->row.id != own->id && tells_nothing(view, worker, own) &&
            !forget(view, worker))
            return false;
    }
    for (struct view_worker *worker; (worker = one_too_many(view, own->id)) != NULL;)
        if (!forget(view, worker))
            return false;
    return true;
}

static struct view_worker *find_own(struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->workers.count; i++) {
        struct view_worker *worker = view->workers.at[i];
        if (worker->row.id == id)
            return worker;
    }
    return pawli_view_add_worker(view);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    const struct registration *registration = (const struct registration *)effect;
    struct view_worker *own = find_own(view, registration->row.id);
    (void)unit;
    if (!own || !pawli_view_touch(view, &own->slot))
        return pawli_no_memory(err);
    own->row = registration->row;
    own->row.committer = view->committer.row.id;
    own->row.seen = view->wall;
    own->row.stopped = registration->stops ? view->wall : WALL_NEVER;
    own->slot.exists = own->is_alive = true;
    own->slot.is_damaged = false;
    return clear_away(view, &own->row) ? PAWL_OK : pawli_no_memory(err);
}

const struct effect_ops pawli_effect_register = {
    .name = "register", .size = sizeof(struct registration), .gather = gather, .decide = decide};
