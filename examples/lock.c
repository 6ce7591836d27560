/* SPDX-License-Identifier: MIT */
/* Of all programs that run it, one at a time closes the books: under a lock, and so that whoever lost that writes nothing. */
#include <pawl/pawl.h>
#include <stdio.h>
#include <string.h>

static int close_books(pawl_store *store, uint64_t *ret_fence, pawl_error *err)
{
    pawl_lock lock = {PAWL_LOCK};
    int status = pawl_lock_acquire(store,
                                   &(pawl_lock_options){PAWL_LOCK_OPTIONS, .name = "books", .holder = "closer",
                                                        .lease_ms = 10000, .wait_ms = 60000, .ends_with_process = 1},
                                   &lock, err);
    if (status < 0)
        return status; /* PAWL_EBUSY: the text says who has it */
    pawl_transition *t = pawl_transition_new(store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "CloseBooks"});
    pawl_transition_command(t, "{\"day\":\"2026-03-01\"}", strlen("{\"day\":\"2026-03-01\"}"));
    pawl_transition_lock(t, "books", lock.token); /* commits only while the lock is held */
    status = pawl_transition_commit(t, NULL, err);
    pawl_transition_free(t);
    pawl_lock_release(store, "books", lock.token, NULL);
    *ret_fence = lock.fence;
    return status;
}

int main(void)
{
    pawl_error err;
    pawl_store *store = NULL;
    uint64_t fence = 0;
    int status = pawl_store_open("sqlite:books.db", NULL, &store, &err);
    if (status == PAWL_OK)
        status = close_books(store, &fence, &err);
    if (status < 0)
        fprintf(stderr, "%s. %s\n", err.text, err.hint);
    else
        printf("closed, under fence %llu\n", (unsigned long long)fence);
    pawl_store_close(store);
    return pawl_status_exit(status);
}
