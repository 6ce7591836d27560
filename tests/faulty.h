/* SPDX-License-Identifier: MIT */
/* Stores that fail when a test says so. */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include "commit/handle.h"
#include "store/fault/fault.h"
#include "support.h"

/* Puts a fault filter under a handle, and under all others of its opening, before anybody else uses them; closing the
 * last handle ends it. */
static inline struct store *put_filter(pawl_store *handle)
{
    struct opened *opened = handle->opened;
    struct store *filter = pawli_fault_over(opened->store);
    assert_non_null(filter);
    opened->store = opened->committer.store = filter;
    return filter;
}

#endif
