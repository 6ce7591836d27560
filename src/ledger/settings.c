/* SPDX-License-Identifier: MIT */
/* What an operator says of assets. */
#include "commit/ledger.h"
#include "commit/operation.h"
#include "model/check.h"
#include "pawl/ledger.h"

int pawl_asset_set(pawl_store *store, const char *asset, uint32_t scale, const pawl_operation *operation,
                   pawl_error *err)
{
    struct operation op;
    int status = pawli_check_given(err, store, asset);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(store->scope, err);
    if (status == PAWL_OK)
        status = pawli_check_name("asset", text_of(asset), err);
    if (status == PAWL_OK)
        status = pawli_check_range("scale", scale, 0, DECIMAL_SCALE_MAX, err);
    if (status == PAWL_OK)
        status = pawli_open_operation(&op, store, "pawl.asset", operation, false, err);
    if (status < 0)
        return status;
    struct asset_change *change = pawli_draft_effect(&op.drafting, &pawli_effect_asset);
    if (change) {
        change->name = pawli_draft_text(&op.drafting, asset);
        change->scale = scale;
        pawli_json_put_string(&op.writer, "asset", asset);
        pawli_json_put_u64(&op.writer, "scale", scale);
    }
    status = change ? pawli_commit_operation(&op, err) : pawli_no_memory(err);
    pawli_close_operation(&op);
    return status;
}
