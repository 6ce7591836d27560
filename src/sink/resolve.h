/* SPDX-License-Identifier: MIT */
/* Names to addresses, on a few threads of its own: a look-up cannot be stopped, and many that hang must not take the threads
 * of anybody else, nor one each. Used on the loop's thread.
 *
 *   1  At most LOOKUPS_MAX run at a time, one a name: who asks for the same name waits for the same answer. Some are only
 *      for names that were found before, so that names that hang do not stop those.
 *   2  An answer is used for ANSWER_MS, so a name that moves is followed soon; a failure for FAILURE_MS.
 *   3  Freeing it waits for no look-up: what still runs cleans up after itself. */
#ifndef PAWLI_RESOLVE_H
#define PAWLI_RESOLVE_H

#include "env/engine.h"
#include "sink/address.h"

#define LOOKUPS_MAX      32
#define LOOKUPS_RESERVED 8 /* of these */
#define ANSWER_MS        10000
#define FAILURE_MS       1000
#define ADDRESSES_MAX    16 /* of a name that are tried */

struct resolution {
    bool was_local;    /* it failed for want of something here, and says nothing about the name */
    char problem[160]; /* "": found */
    size_t count;
    struct address addresses[ADDRESSES_MAX]; /* in the order in which to try them, without ports */
};

/* Who waits for a name. `answered` is called once, in a step, unless the wait was dropped before. */
struct name_wait {
    void (*answered)(struct name_wait *wait, const struct resolution *resolution);
    struct name_wait *next, **link; /* link NULL: not waiting */
};

struct resolver;

struct resolver *pawli_resolver_new(struct engine *engine, struct env *env); /* NULL: out of memory */
void pawli_resolver_free(struct resolver *resolver);                         /* nobody waits any more; NULL is fine */

/* The answer where it is known, which lives until the next call; else NULL, and `wait` is called later. */
const struct resolution *pawli_resolve(struct resolver *resolver, const char *host, struct name_wait *wait);
bool pawli_resolve_has_begun(const struct resolver *resolver, const char *host); /* false: it waits for a thread */
void pawli_resolve_drop(struct name_wait *wait);

void pawli_resolver_step(struct resolver *resolver, struct boot_time now);

#endif
