/* SPDX-License-Identifier: MIT */
/* What tests share: cmocka with its includes, a folder of their own, stores in it. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "pawl/pawl.h"

/* Names the law of docs/laws.md, or the case, that a test shows. */
#define LAW(...)

/* A fresh folder for one test, and its removal. */
static inline char *make_folder(char path[64])
{
    assert_non_null(make_fresh_folder(path));
    return path;
}

static inline void remove_folder(const char *path)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

/* Fails with the library's own words. */
#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        int status_ = (call);                                                                                          \
        if (status_ < 0)                                                                                               \
            fail_msg("%s: %d %s (%s)", #call, status_, err.text, err.hint);                                            \
    } while (0)

#define assert_status(call, expected) assert_int_equal((call), (expected))

#endif
