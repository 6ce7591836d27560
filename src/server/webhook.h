/* SPDX-License-Identifier: MIT */
/* The receiver's half of Standard Webhooks: whether a webhook comes from who holds the secret, and just now. */
#ifndef PAWLI_WEBHOOK_H
#define PAWLI_WEBHOOK_H

#include "base/base.h"

#define WEBHOOK_TOLERANCE_S 300 /* a signature is good for so long, either way */

struct webhook {
    const char *id, *timestamp, *signature; /* headers as they came; NULL: absent */
    struct text body;
};

/* What is wrong with its identity; NULL: nothing. */
const char *pawli_webhook_check_id(const struct webhook *webhook);

/* What is wrong with its signature, under any of the keys; NULL: nothing. Takes the same time wherever a signature differs. */
const char *pawli_webhook_check_signature(const struct webhook *webhook, const struct text *keys, size_t key_count,
                                          int64_t now_s);

#endif
