/* SPDX-License-Identifier: MIT */
/* Why something does not move. */
#ifndef PAWL_WHY_H
#define PAWL_WHY_H

#include "pawl/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_reason {
    const char *code; /* "not_due", "held", "behind", "claimed", "lost_claim", "awaiting", "uncertain", "exhausted",
                         "no_sink", "no_target", "ready", "ended" */
    const char *text; /* one sentence */
    int64_t until_ms; /* Unix milliseconds; 0: no end is known */
    const char *by;   /* who; NULL: nobody */
} pawl_reason;

typedef struct pawl_why pawl_why;
PAWL_API const char *pawl_why_state(const pawl_why *why);
PAWL_API size_t pawl_why_count(const pawl_why *why);
PAWL_API const pawl_reason *pawl_why_get(const pawl_why *why, size_t index);
PAWL_API void pawl_why_free(pawl_why *why);

/*
 * pawl_why_message: everything that keeps a message of the handle's scope from moving. Read-only.
 *
 * Errors     PAWL_ENOTFOUND
 */
PAWL_API int pawl_why_message(pawl_store *store, const pawl_uuid *id, pawl_why **ret_why, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
