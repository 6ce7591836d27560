/* SPDX-License-Identifier: MIT */
#include "commit/operation.h"

#include <stdio.h>

#include "base/uuid.h"
#include "model/check.h"
#include "pawl/id.h"

int pawli_open_operation(struct operation *op, pawl_store *store, const char *type, const pawl_operation *operation,
                          bool needs_reason, pawl_error *err)
{
    pawl_operation copy;
    int status = needs_reason ? pawli_check_given(err, operation) : PAWL_OK;
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, operation))
        return pawli_bad_struct("pawl_operation", err);
    status = pawli_store_check_write(store->opened->store, err);
    if (status < 0)
        return status;
    struct text reason = text_of(copy.reason);
    status = needs_reason ? pawli_check_reason(reason, err) : pawli_check_text("reason", reason, LIMIT_REASON, err);
    if (status == PAWL_OK)
        status = pawli_check_key("actor", text_of(copy.actor), err);
    if (status < 0)
        return status;
    *op = (struct operation){0};
    struct env *env = store->opened->env;
    pawli_drafting_init(&op->drafting, store);
    op->drafting.unit.record_scope = TEXT(OPERATOR_SCOPE);
    op->drafting.unit.record = &op->record;
    op->reason = pawli_draft_text(&op->drafting, copy.reason);
    op->actor = pawli_draft_text(&op->drafting, copy.actor ? copy.actor : "unknown");
    op->record.row.type = text_of(type);
    op->record.row.request_id = copy.request_id;
    op->record.row.received = env->ops->wall_now(env);
    op->record.row.content_type = TEXT("application/json");
    if (uuid_is_nil(&op->record.row.request_id)) {
        uint8_t random[10];
        env->ops->random(env, random, sizeof random);
        op->record.row.request_id = pawli_uuid_v7(op->record.row.received.ms, (uint16_t)(random[8] << 8 | random[9]),
                                                  random);
    }
    buffer_init(&op->command, LIMIT_JSON);
    op->writer = (struct json_writer){&op->command, false};
    pawli_json_open(&op->writer, '{');
    pawli_json_put_text(&op->writer, "scope", store->scope);
    return PAWL_OK;
}

void pawli_close_operation(struct operation *op)
{
    pawli_buffer_done(&op->command);
    pawli_drafting_done(&op->drafting);
}

int pawli_commit_operation(struct operation *op, pawl_error *err)
{
    struct record_row *row = &op->record.row;
    pawli_json_put_text(&op->writer, "reason", op->reason);
    pawli_json_put_text(&op->writer, "actor", op->actor);
    pawli_json_close(&op->writer, '}');
    row->command = pawli_arena_text(&op->drafting.unit.arena, buffer_text(&op->command));
    if (op->command.failed || pawli_arena_failed(&op->drafting.unit.arena))
        return pawli_no_memory(err);
    op->record.seals_late = true;
    if (!pawli_seal_record(&op->drafting.unit, &op->drafting.hasher)) /* the fingerprint is needed first */
        return pawli_no_memory(err);
    return pawli_draft_commit(&op->drafting, NULL, err);
}

pawl_uuid pawli_id_of_part(const pawl_uuid *id, uint64_t part)
{
    char text[PAWL_UUID_TEXT_SIZE + 24], whole[PAWL_UUID_TEXT_SIZE];
    if (part == 1)
        return *id;
    int size = snprintf(text, sizeof text, "%s/%llu", pawl_uuid_format(id, whole), (unsigned long long)part);
    return pawl_request_id_from(text, (size_t)size);
}
