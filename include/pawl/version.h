/* SPDX-License-Identifier: MIT */
#ifndef PAWL_VERSION_H
#define PAWL_VERSION_H

#include "pawl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * pawl_version: of this library, "0.1.0". Static.
 */
PAWL_API const char *pawl_version(void);

/*
 * pawl_linked: the libraries that it is linked with, 0, 1, … until NULL; their version goes to *ret_version (may be NULL).
 */
PAWL_API const char *pawl_linked(size_t index, const char **ret_version);

#ifdef __cplusplus
}
#endif
#endif
