/* SPDX-License-Identifier: MIT */
/* A client library that is loaded when a message first needs it, and never unloaded: it may have threads of its own. Neither
 * libpawl nor the command is linked with one, so that both run where it is not installed. */
#ifndef PAWLI_LIBRARY_H
#define PAWLI_LIBRARY_H

#include "base/base.h"

struct library_function {
    const char *name;
    size_t offset; /* of its pointer in the table that is filled */
};

struct library {
    const char *file;    /* as the loader finds it: "libnats.so.3.4" */
    const char *package; /* of Debian, that has it */
    const struct library_function *functions;
    size_t count;
};

/* Any thread. False: it is not there, or not the one that was expected; the text says what to install. */
bool pawli_library_load(const struct library *library, void *table, char *problem, size_t room);

#endif
