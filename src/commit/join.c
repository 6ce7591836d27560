/* SPDX-License-Identifier: MIT */
/* Inside another program's transaction: what is committed there, each room says by itself (pawli_draft_commit). */
#include "commit/draft.h"
#include "model/check.h"

int pawl_join_attach(pawl_store *store, void *sqlite3_connection, pawl_join **ret_join, pawl_error *err)
{
    int status = pawli_check_given(err, store, sqlite3_connection, ret_join);
    if (status < 0)
        return status;
    pawl_join *join = pawli_alloc(sizeof *join);
    if (!join)
        return pawli_no_memory(err);
    join->store = store;
    join->native = sqlite3_connection;
    status = pawli_store_attach(store->opened->store, sqlite3_connection, &join->attachment, err);
    if (status < 0)
        pawli_free(join);
    else
        *ret_join = join;
    return status;
}

void pawl_join_detach(pawl_join *join)
{
    if (!join)
        return;
    pawli_store_detach(join->store->opened->store, join->attachment);
    pawli_free(join);
}

int pawl_join_committed(pawl_join *join, pawl_error *err)
{
    int status = pawli_check_given(err, join);
    if (status == PAWL_OK)
        status = pawli_store_check(join->store->opened->store, err);
    return status < 0 ? status : pawli_store_committed(join->store->opened->store, join->attachment, err);
}
