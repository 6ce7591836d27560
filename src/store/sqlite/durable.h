/* SPDX-License-Identifier: MIT */
/* Commits whose sync comes after them: durable.c. */
#ifndef PAWLI_DURABLE_H
#define PAWLI_DURABLE_H

#include "store/sqlite/sqlite.h"

void pawli_durable_init(struct sqlite_store *store);
void pawli_durable_done(struct sqlite_store *store);

/* COMMIT on the writer, behind GATE_WRITE: a code. *ret_owes: its sync is still to come. */
int pawli_durable_commit(struct sqlite_store *store, uint64_t commits, bool has_records, bool syncs, bool *ret_owes);

void pawli_durable_ring(struct sqlite_store *store); /* what is durable and was not rung */

enum store_result pawli_sqlite_sync(struct store *store, uint64_t commits, pawl_error *err);

/* After a read: whatever it may have seen. */
enum store_result pawli_sqlite_sync_seen(struct sqlite_store *store, pawl_error *err);

/* By whoever opens, once he holds his byte: from then on nobody else owes anything. */
int pawli_durable_pass(struct sqlite_store *store, struct boot_time until, pawl_error *err);

#endif
