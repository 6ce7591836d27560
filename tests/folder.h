/* SPDX-License-Identifier: MIT */
/* Where tests have their files: in memory where that can be, or where PAWL_TEST_FOLDER says, whose owner removes what a test
 * that ends by a signal leaves there. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A fresh one; NULL: there can be none. */
static inline char *make_fresh_folder(char path[static 64])
{
    const char *given = getenv("PAWL_TEST_FOLDER");
    snprintf(path, 64, "%s/pawl-test-XXXXXX", given ? given : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(path);
}

#endif
