/* SPDX-License-Identifier: MIT */
/* Why something does not move. */
#ifndef PAWL_WHY_H
#define PAWL_WHY_H

#include "pawl/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_reason {
    size_t struct_size;
    const char *code; /* "ready", "not_due", "held", "behind", "no_target", "sender_not_ready", "sender_gone",
                         "no_poll", "no_probe", "full", "rate", "healing", "unserved", "claimed", "lost_claim",
                         "awaiting", "uncertain", "exhausted", "crashes", "rejected", "stuck", "paused", "signal", "ended", "superseded" (one for each of the
                         chain), "damaged"; more may come; static */
    const char *text; /* one sentence, with the last error where it explains the wait */
    int64_t until_ms; /* Unix milliseconds; 0: no end is known */
    const char *by;   /* who; NULL: nobody */
    int64_t since_ms; /* of "unserved": when a worker served the queue last; else, and where none did, 0 */
} pawl_reason;

/* What was found, in memory of its own; texts live as long as it does. The state is a message's, or "missing" where a
 * damaged store has it in no place. */
typedef struct pawl_why pawl_why;
PAWL_API const char *pawl_why_state(const pawl_why *why);
PAWL_API size_t pawl_why_count(const pawl_why *why);
PAWL_API const pawl_reason *pawl_why_get(const pawl_why *why, size_t index); /* NULL: no such index */
PAWL_API void pawl_why_free(pawl_why *why);                                  /* NULL is fine */

/*
 * pawl_why_message: everything that keeps a message of the handle's scope from moving; at least one reason. Read-only.
 *
 * Owns       *ret_why is freed with pawl_why_free.
 * Errors     PAWL_ENOTFOUND
 * Outputs    Untouched on error.
 */
PAWL_API int pawl_why_message(pawl_store *store, const pawl_uuid *id, pawl_why **ret_why, pawl_error *err);

/* The same of a workflow; the state is its status. */
PAWL_API int pawl_why_workflow(pawl_store *store, const char *kind, const char *id, pawl_why **ret_why,
                               pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
