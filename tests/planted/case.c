/* SPDX-License-Identifier: MIT */
/* Linked into a test program, it leaves the cases that $PLANTED_CASE names, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose(void)
{
    const char *pattern = getenv("PLANTED_CASE");
    if (pattern)
        cmocka_set_test_filter(pattern);
}
