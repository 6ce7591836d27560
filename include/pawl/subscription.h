/* SPDX-License-Identifier: MIT */
/* Subscriptions: where consumers of the events of a scope stand, kept in the store. */
#ifndef PAWL_SUBSCRIPTION_H
#define PAWL_SUBSCRIPTION_H

#include "pawl/journal.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pawl_from {
    PAWL_FROM_BEGINNING, /* the first record */
    PAWL_FROM_NOW,       /* behind what is there */
    PAWL_FROM_RECORD     /* with record `seq` */
};

typedef struct pawl_subscription_options {
    size_t struct_size;        /* PAWL_SUBSCRIPTION_OPTIONS sets it */
    const char *name;          /* a name */
    const char *topic;         /* only events of it; NULL: of all */
    const char *key_prefix;    /* only those whose key begins so; NULL: all */
    int32_t from;              /* enum pawl_from: where it begins */
    uint64_t seq;              /* see there */
    const char *lane, *target; /* both: its events become messages there; NULL: they are read by hand */
} pawl_subscription_options;
#define PAWL_SUBSCRIPTION_OPTIONS .struct_size = sizeof(pawl_subscription_options)

/*
 * A subscription has a position: it stands behind an event of its scope, and has seen all up to there. Reading does not move
 * it; acknowledging does, forward only. Whoever reads on from it sees each later event of its topic and prefix, in the order
 * of the journal, at least once: records of concurrent writers are numbered as they are committed, so none comes in behind it.
 *
 * One with a lane and a target is read by the workers of the store: they make a message of each event, by and by as the queue
 * has room, and move the position in the same commit. The message's body is the event as JSON, its ordering key the event's
 * key. There is no row for an event before that. One that is told again, by a subscription that was removed and added anew,
 * is the message that it was.
 *
 * pawl_subscription_add: one that is there with the same topic, prefix, lane and target is left where it stands, with others
 *   it is a conflict.
 * pawl_subscription_ack: all up to the event `cursor.index` of record `cursor.seq` was seen; PAWL_WHOLE_RECORD: up to the
 *   record's last. The same again is fine.
 * pawl_subscription_relay: what the workers do, once: makes messages of at most `limit` events. ret_relayed (may be NULL): of
 *   how many.
 *
 * Errors     PAWL_EINVAL; PAWL_ENOTFOUND  no such subscription; PAWL_ECONFLICT
 *            PAWL_EREFUSED  the position is behind the last record, of no event, before where it stands, or what comes
 *            behind it was pruned; or one that is relayed is acknowledged by hand
 */
PAWL_API int pawl_subscription_add(pawl_store *store, const pawl_subscription_options *options, pawl_error *err);
PAWL_API int pawl_subscription_ack(pawl_store *store, const char *name, const pawl_cursor *cursor, pawl_error *err);
PAWL_API int pawl_subscription_remove(pawl_store *store, const char *name, pawl_error *err);
PAWL_API int pawl_subscription_relay(pawl_store *store, const char *name, uint32_t limit, uint64_t *ret_relayed,
                                     pawl_error *err);

/*
 * pawl_subscription_read: the events behind its position, at most `limit` (1 to 10,000; 0: 50), as pawl_events_read gives them.
 *   A page may be empty and have more behind it: read on with `after`, which is NULL at first, then pawl_events_next of the
 *   page before.
 */
PAWL_API int pawl_subscription_read(pawl_store *store, const char *name, const pawl_cursor *after, uint32_t limit,
                                    pawl_events **ret_events, pawl_error *err);

typedef struct pawl_subscription_view {
    size_t struct_size;
    const char *name, *topic, *key_prefix, *lane, *target; /* NULL: any, or none */
    /* It stands behind this event; seq 0: before the first. Behind a whole record index is that of its last event, 0 where it
     * has none. */
    pawl_cursor position;
    uint64_t behind;   /* events of it that come behind its position */
    const char *error; /* NULL; else it cannot be read, and nothing but the name means anything */
} pawl_subscription_view;

/* All of a scope, by name, or that of a name; in memory of its own. `behind` is counted event by event. */
typedef struct pawl_subscriptions pawl_subscriptions;
PAWL_API int pawl_subscriptions_list(pawl_store *store, const char *name, pawl_subscriptions **ret_subscriptions,
                                     pawl_error *err);
PAWL_API size_t pawl_subscriptions_count(const pawl_subscriptions *subscriptions);
PAWL_API const pawl_subscription_view *pawl_subscriptions_get(const pawl_subscriptions *subscriptions, size_t index);
PAWL_API void pawl_subscriptions_free(pawl_subscriptions *subscriptions); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
