/* SPDX-License-Identifier: MIT */
/* What a worker's row says: which queues it serves, since when it is gone. */
#ifndef PAWLI_SERVING_H
#define PAWLI_SERVING_H

#include "base/arena.h"
#include "model/rows.h"

/* Names as a row keeps them: a JSON array of texts, not empty; not more, and none longer, than a worker may have. */
bool pawli_names_check(struct text json, struct arena *arena);

#define ASKED_NAME "probe:" /* before the URL of a function that is asked, and delivers nothing */

/* Whether it claims from the lane of the scope; and sends to the URL, or by the phase asks there. */
bool pawli_worker_claims(const struct worker_row *worker, struct text scope, struct text lane, struct arena *arena);
bool pawli_worker_reaches(const struct worker_row *worker, struct text url, enum phase phase, struct arena *arena);

/* Whether both serve the same queues under one name: the later one took the place of the other. */
bool pawli_worker_is_like(const struct worker_row *a, const struct worker_row *b);

bool pawli_url_is_callback(struct text url); /* only who registered the function sends to it */

/* When a worker that is gone was known to work last. */
struct wall_time pawli_worker_last(const struct worker_row *worker);

#endif
