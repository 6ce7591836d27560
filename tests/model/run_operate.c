/* SPDX-License-Identifier: MIT */
/* What operators do, to a store and to the model. */
#include <string.h>

#include "run_private.h"

/* A request id of the model's own where the library mints one. */
static pawl_uuid request_or_minted(struct run *run, const struct op *op)
{
    if (op->request)
        return request_of(op->request);
    pawl_uuid id = request_of((int64_t)++run->minted);
    id.bytes[15] = 0xEE;
    return id;
}

static pawl_operation operation_of(const struct op *op)
{
    pawl_operation operation = {PAWL_OPERATION, .request_id = request_of(op->request),
                                .reason = pool_text(POOL_REASON, op->reason),
                                .actor = pool_text(POOL_ACTOR, op->actor)};
    if (op->broken == 1)
        operation.struct_size = 0;
    return operation;
}

static bool same_moved(struct run *run, const struct op *op, const pawl_moved *got, const struct model_moved *expected,
                       bool replayed)
{
    if ((bool)got->was_replayed != replayed || !got->before || !got->after ||
        strcmp(got->before, model_state_text(expected->before)) != 0 ||
        strcmp(got->after, model_state_text(expected->after)) != 0)
        return run_differs(run, "%s answers %s to %s (replayed %u), the model says %s to %s (%d)",
                           op_kind_text(op->kind), got->before ? got->before : "none", got->after ? got->after : "none",
                           got->was_replayed, model_state_text(expected->before), model_state_text(expected->after),
                           replayed);
    if (!expected->successor)
        return number_of_id(&got->successor) == 0 || run_differs(run, "a successor that the model has not");
    return learn_id(run, expected->successor, &got->successor);
}

bool run_do_move(struct run *run, const struct op *op)
{
    pawl_store *store = run->stores[op->process][op->scope];
    pawl_operation operation = operation_of(op);
    pawl_moved moved = {PAWL_MOVED};
    struct model_moved expected = {0};
    bool replayed = false;
    uint64_t number;
    pawl_uuid id = run_id_of(run, op->id_op, op->id_index, op->id_twist, &number), request = request_or_minted(run, op);
    int status = op->kind == OP_CANCEL    ? pawl_message_cancel(store, &id, &operation, &moved, NULL)
                 : op->kind == OP_REQUEUE ? pawl_message_requeue(store, &id, &operation, &moved, NULL)
                 : op->kind == OP_RETRY   ? pawl_message_retry(store, &id, &operation, &moved, NULL)
                 : op->kind == OP_RESEND  ? pawl_message_resend(store, &id, &operation, &moved, NULL)
                 : op->kind == OP_PURGE
                     ? pawl_message_purge(store, &id, &operation, &moved, NULL)
                     : pawl_message_resolve(store, &id, (int32_t)op->outcome, &operation, &moved, NULL);
    run_see_commits(run, op->process);
    int wrong = model_check_operation(op);
    if (wrong)
        return run_same_wrong(run, op, op_kind_text(op->kind), status, wrong);
    int said = model_move(&run->model, op, number, &id, &request, &expected, &replayed);
    return run_same_status(run, op, op_kind_text(op->kind), status, said) &&
           (status < 0 || same_moved(run, op, &moved, &expected, replayed));
}

bool run_do_move_all(struct run *run, const struct op *op)
{
    pawl_operation operation = operation_of(op);
    pawl_moves_done done = {PAWL_MOVES_DONE};
    struct model_moved expected = {0};
    bool replayed = false;
    pawl_messages_query which = {PAWL_MESSAGES_QUERY, .lane = pool_text(POOL_LANE, op->lane),
                                 .key = pool_text(POOL_KEY, op->key),
                                 .state = op->state ? model_state_text((enum model_state)(op->state - 1)) : NULL};
    pawl_moves moves = {PAWL_MOVES,
                        .kind = (int32_t)op->move,
                        .outcome = (int32_t)op->outcome,
                        .dry_run = (uint32_t)op->dry,
                        .limit = (uint64_t)op->limit,
                        .which = &which};
    pawl_uuid request = request_or_minted(run, op);
    int status = pawl_messages_move(run->stores[op->process][op->scope], &moves, &operation, &done, NULL);
    run_see_commits(run, op->process);
    int wrong = model_check_operation(op);
    if (wrong)
        return run_same_wrong(run, op, op_kind_text(op->kind), status, wrong);
    int said = model_move_all(&run->model, op, &request, &expected, &replayed);
    if (!run_same_status(run, op, op_kind_text(op->kind), status, said) || status < 0)
        return run->difference[0] == '\0';
    if (op->dry)
        return done.matched == expected.matched ||
               run_differs(run, "a dry move matches %llu, the model says %llu", (unsigned long long)done.matched,
                           (unsigned long long)expected.matched);
    return (done.matched == expected.matched && done.moved == expected.count && done.refused == expected.refused &&
            done.was_replayed == replayed) ||
           run_differs(run, "a move matches %llu, moves %llu, refuses %llu; the model says %llu, %llu, %llu",
                       (unsigned long long)done.matched, (unsigned long long)done.moved,
                       (unsigned long long)done.refused, (unsigned long long)expected.matched,
                       (unsigned long long)expected.count, (unsigned long long)expected.refused);
}

bool run_do_change(struct run *run, const struct op *op)
{
    pawl_store *store = run->stores[op->process][op->scope];
    pawl_operation operation = operation_of(op);
    pawl_setting settings[MAX_SETTINGS];
    const char *lane = pool_text(POOL_LANE, op->lane), *target = pool_text(POOL_TARGET, op->target);
    const char *code = pool_text(POOL_CODE, op->code);
    pawl_subject subject = {PAWL_SUBJECT, .lane = lane, .target = target};
    pawl_uuid request = request_or_minted(run, op);
    bool replayed = false;
    for (int64_t i = 0; i < op->setting_count; i++) {
        struct setting setting = pool_setting(op->settings[i].name, op->settings[i].value);
        settings[i] = (pawl_setting){setting.name, setting.value};
    }
    int status = op->kind == OP_LANE_SET
                     ? pawl_lane_set(store, lane, settings, (size_t)op->setting_count, &operation, NULL)
                 : op->kind == OP_TARGET_ADD
                     ? pawl_target_add(store, target, pool_text(POOL_URL, op->url), pool_text(POOL_SECRET, op->secret),
                                       settings, (size_t)op->setting_count, &operation, NULL)
                 : op->kind == OP_TARGET_SET
                     ? pawl_target_set(store, target, pool_text(POOL_URL, op->url), pool_text(POOL_SECRET, op->secret),
                                       settings, (size_t)op->setting_count, &operation, NULL)
                 : op->kind == OP_TARGET_REMOVE ? pawl_target_remove(store, target, &operation, NULL)
                 : op->kind == OP_HOLD_SET      ? pawl_hold_set(store, &subject, code, op->until, &operation, NULL)
                                                : pawl_hold_release(store, &subject, code, &operation, NULL);
    run_see_commits(run, op->process);
    int wrong = model_check_operation(op);
    if (wrong)
        return run_same_wrong(run, op, op_kind_text(op->kind), status, wrong);
    return run_same_status(run, op, op_kind_text(op->kind), status, model_change(&run->model, op, &request, &replayed));
}
