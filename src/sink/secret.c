/* SPDX-License-Identifier: MIT */
/* Secrets of targets, read from files. */
#include "sink/sink.h"

int pawli_secret_read(const char *path, struct arena *arena, struct text *ret_secret, pawl_error *err)
{
    (void)path, (void)arena, (void)ret_secret;
    return pawli_fail(err, PAWL_EUNSUPPORTED, "no sink takes a secret yet");
}
