/* SPDX-License-Identifier: MIT */
/* Identities: request ids and message ids are UUIDs, 16 bytes here and lower-case canonical text at the edges (RFC 9562). */
#ifndef PAWL_ID_H
#define PAWL_ID_H

#include "pawl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero (the nil UUID) means "absent" wherever an id is optional, and is refused wherever one is needed. */
typedef struct pawl_uuid {
    uint8_t bytes[16];
} pawl_uuid;

#define PAWL_UUID_TEXT_SIZE 37 /* 36 characters and a NUL */

/*
 * pawl_uuid_parse: reads the canonical form (36 characters; either case is read, lower case is written).
 *
 * Errors     PAWL_EINVAL  not that form, or the nil UUID
 * Outputs    Untouched on error.
 */
PAWL_API int pawl_uuid_parse(const char *text, pawl_uuid *ret_id, pawl_error *err);

/*
 * pawl_uuid_format: writes the canonical form and a NUL, of the nil UUID where id is NULL. Returns text.
 */
PAWL_API char *pawl_uuid_format(const pawl_uuid *id, char text[PAWL_UUID_TEXT_SIZE]);

/*
 * pawl_request_id_from: turns a natural key into a request id: a UUIDv8 made of the SHA-256 of the bytes, the same for
 * the same bytes on every machine. size may be 0; the result is never nil, but for NULL with a size.
 */
PAWL_API pawl_uuid pawl_request_id_from(const void *bytes, size_t size);

/*
 * pawl_request_id_new: a fresh id that sorts by time (UUIDv7). Ask for one, keep it, and use it again when the outcome
 * of a call is unknown.
 */
PAWL_API pawl_uuid pawl_request_id_new(void);

#ifdef __cplusplus
}
#endif
#endif
