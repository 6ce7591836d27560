/* SPDX-License-Identifier: MIT */
/* Stores that fail when a test says so. */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include "commit/handle.h"
#include "store/fault/fault.h"
#include "support.h"

/* Puts a filter under a handle, and under all others of its opening, while nobody else uses them. */
static inline void stand_on(pawl_store *handle, struct store *filter)
{
    handle->opened->store = handle->opened->committer.store = filter;
}

/* A fault filter; closing the last handle ends it. */
static inline struct store *put_filter(pawl_store *handle)
{
    struct store *filter = pawli_fault_over(handle->opened->store);
    assert_non_null(filter);
    stand_on(handle, filter);
    return filter;
}

#endif
