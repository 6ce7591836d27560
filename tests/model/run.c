/* SPDX-License-Identifier: MIT */
/* Doing operations to a store and to the model. */
#include "run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "commit/claim.h"
#include "commit/handle.h"
#include "env/sim/sim.h"
#include "folder.h"
#include "outbox/views.h"

#include "run_private.h"

const struct store_kind store_kinds[] = {{"sqlite", "sqlite:%s/pawl.db", MODEL_PROCESSES, true},
                                         {"memory", "memory:", 1, false}};
const size_t store_kind_count = sizeof store_kinds / sizeof *store_kinds;

uint64_t run_answers[OP_KINDS][PAWL_STATUS_COUNT];
uint64_t run_results[PAWL_RESULT_COUNT];

#define WAITING_MAX 8

/* One call: what is handed to the library, and what it answered. */
struct call {
    struct run *run;
    struct op op;
    bool is_done, submitted;
    int status;
    uint64_t expect_seq;
    pawl_uuid request;
    struct model_settlement named[MAX_SETTLEMENTS];
    pawl_message messages[MAX_MESSAGES], follow_ups[MAX_SETTLEMENTS][MAX_MESSAGES];
    pawl_settlement settlements[MAX_SETTLEMENTS];
    pawl_enqueued enqueued[MAX_MESSAGES];
    pawl_settled settled[MAX_SETTLEMENTS];
    pawl_transition *transition;
    pawl_receipt *receipt;
};

bool run_differs(struct run *run, const char *format, ...)
{
    va_list arguments;
    if (run->difference[0])
        return false;
    va_start(arguments, format);
    vsnprintf(run->difference, sizeof run->difference, format, arguments);
    va_end(arguments);
    return false;
}

const char *run_difference(const struct run *run)
{
    return run->difference;
}

struct model *run_model(struct run *run)
{
    return &run->model;
}

const struct store_kind *run_kind(const struct run *run)
{
    return run->kind;
}

/* ---- opening and closing ---- */

static bool open_process(struct run *run, int64_t process)
{
    pawl_error err;
    pawl_store **stores = run->stores[process];
    int status = pawli_open_in(run->env, run->url, NULL, &stores[1], &err);
    for (int64_t scope = 2; status == PAWL_OK && scope <= SCOPES; scope++)
        status = pawl_store_scope(stores[1], pool_text(POOL_SCOPE, scope), &stores[scope], &err);
    return status == PAWL_OK || run_differs(run, "cannot open %s: %s", run->url, err.text);
}

static void close_process(struct run *run, int64_t process)
{
    for (int64_t scope = 1; scope <= SCOPES; scope++) {
        pawl_store_close(run->stores[process][scope]);
        run->stores[process][scope] = NULL;
    }
    run->model.processes[process] = ++run->model.last_process;
}

struct run *run_new(const struct store_kind *kind, uint64_t seed, enum model_mistake mistake)
{
    struct run *run = calloc(1, sizeof *run);
    run->kind = kind;
    run->env = pawli_sim_new(seed);
    run->waiting = calloc(WAITING_MAX, sizeof *run->waiting);
    if (!make_fresh_folder(run->folder))
        abort();
    snprintf(run->url, sizeof run->url, kind->url, run->folder);
    model_init(&run->model, mistake);
    run->model.wall = 1700000000000;
    run->model.boot = 1000;
    for (int64_t i = 0; i < kind->processes; i++)
        if (!open_process(run, i))
            break;
    return run;
}

static bool answer_waiting(struct run *run);

void run_free(struct run *run)
{
    char command[160];
    answer_waiting(run);
    for (int64_t i = 0; i < run->kind->processes; i++)
        close_process(run, i);
    run->env->ops->close(run->env);
    snprintf(command, sizeof command, "rm -rf '%s'", run->folder);
    if (system(command) != 0)
        abort();
    free(run->waiting);
    free(run);
}

/* What is written shows the clocks to the store, whatever comes of it. */
void run_see_commits(struct run *run, int64_t process)
{
    struct page page;
    if (pawli_store_query(run->stores[process][1]->opened->store, &(struct query){.kind = QUERY_STORE}, &page, NULL) <
        0)
        return;
    if (page.store.commits != run->commits)
        model_see_clocks(&run->model);
    run->commits = page.store.commits;
    pawli_page_done(&page);
}

/* ---- names of operations to names of the library ---- */

pawl_uuid run_id_of(struct run *run, int64_t op, int64_t index, int64_t twist, uint64_t *number)
{
    const struct model_message *message = model_find_origin(&run->model, op, index);
    pawl_uuid id = {{0}};
    *number = 0;
    if (twist == 2)
        return id;
    if (!message || twist == 3) {
        memset(&id, 0x11, sizeof id);
        id.bytes[6] = 0x81;
        id.bytes[8] = 0x91;
        return id;
    }
    id = message->id;
    if (twist == 1)
        id.bytes[15] ^= 0x01;
    else
        *number = (uint64_t)(message - run->model.messages) + 1;
    return id;
}

static uint64_t token_of(const struct model *model, int64_t op, uint64_t number)
{
    for (size_t i = 0; i < model->token_count; i++)
        if (model->tokens[i].op == op && model->tokens[i].number == number)
            return model->tokens[i].token;
    return 0x0000FFFFFFFFFFFF;
}

static pawl_message message_of(const struct op *op, const struct op_message *m)
{
    const struct body *body = pool_body(m->data);
    const struct header_set *headers = pool_headers(m->headers);
    pawl_message message = {PAWL_MESSAGE,
                            .lane = pool_text(POOL_LANE, m->lane),
                            .target = pool_text(POOL_TARGET, m->target),
                            .data = body->data,
                            .data_size = body->size,
                            .content_type = pool_text(POOL_CONTENT_TYPE, m->content_type),
                            .key = pool_text(POOL_KEY, m->key),
                            .dedupe = pool_text(POOL_DEDUPE, m->dedupe),
                            .sender = pool_text(POOL_SENDER, m->sender),
                            .headers = headers->headers,
                            .header_count = headers->count,
                            .priority = (int32_t)m->priority,
                            .max_attempts = (uint32_t)m->max_attempts,
                            .available_at_ms = m->available,
                            .delay_ms = m->delay,
                            .expires_in_ms = m->expires,
                            .deadline_ms = m->deadline,
                            .request_id = request_of(m->request)};
    if (op->broken == 1)
        message.struct_size = 0;
    return message;
}

static pawl_settlement settlement_of(struct call *call, int64_t index)
{
    static const uint8_t progress[64 * 1024 + 1];
    const struct op *op = &call->op;
    const struct op_settlement *s = &op->settlements[index];
    struct model_settlement *named = &call->named[index];
    pawl_settlement settlement = {PAWL_SETTLEMENT,
                                  .verdict = (int32_t)s->verdict,
                                  .error = pool_text(POOL_ERROR, s->error),
                                  .remote_id = pool_text(POOL_REMOTE, s->remote),
                                  .retry_in_ms = s->retry ? s->retry - 1 : 0,
                                  .has_retry_in = s->retry != 0,
                                  .messages = call->follow_ups[index],
                                  .progress = s->progress ? progress : NULL,
                                  .progress_size = s->progress == 2 ? sizeof progress
                                                   : s->progress    ? 5
                                                                    : 0,
                                  .response = pool_text(POOL_ERROR, s->response)};
    settlement.id = run_id_of(call->run, s->id_op, s->id_index, s->id_twist, &named->number);
    const struct model_message *message = model_find_origin(&call->run->model, s->id_op, s->id_index);
    uint64_t number = message ? (uint64_t)(message - call->run->model.messages) + 1 : 0;
    settlement.token = named->token = token_of(&call->run->model, s->token_op, number);
    named->asked = *s;
    for (int64_t i = 0; op->kind == OP_SETTLE && i < op->message_count; i++)
        if (op->messages[i].of == index + 1)
            call->follow_ups[index][settlement.message_count++] = message_of(op, &op->messages[i]);
    if (op->broken == 1)
        settlement.struct_size = 0;
    return settlement;
}

bool run_same_status(struct run *run, const struct op *op, const char *call, int got, int expected)
{
    run_answers[op->kind][-got]++;
    return got == expected || run_differs(run, "%s answers %s, the model says %s", call, pawl_status_name(got),
                                          pawl_status_name(expected));
}

/* What is wrong by itself is refused; with a limit beside it either may be named. */
bool run_same_wrong(struct run *run, const struct op *op, const char *call, int got, int wrong)
{
    bool right = (wrong & WRONG_USAGE && got == PAWL_EINVAL) || (wrong & WRONG_LIMIT && got == PAWL_ELIMIT);
    return right ? run_same_status(run, op, call, got, got)
                 : run_same_status(run, op, call, got, wrong & WRONG_USAGE ? PAWL_EINVAL : PAWL_ELIMIT);
}

/* ---- enqueue ---- */

static void enqueue_done(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct call *call = data;
    (void)error;
    if (results)
        memcpy(call->enqueued, results, count * sizeof *results);
    call->status = status;
    call->is_done = true;
}

static bool same_enqueued(struct run *run, const pawl_enqueued *got, const struct model_enqueued *expected)
{
    if (got->status != expected->status)
        return run_differs(run, "enqueue: a message is answered %s, the model says %s", pawl_status_name(got->status),
                           pawl_status_name(expected->status));
    if ((bool)got->was_replayed != expected->replayed)
        return run_differs(run, "enqueue: replayed %u, the model says %d", got->was_replayed, expected->replayed);
    if (!learn_id(run, expected->number, &got->id))
        return false;
    const char *state = model_state_text(expected->state);
    return (got->state && strcmp(got->state, state) == 0) ||
           run_differs(run, "enqueue: the message is %s, the model says %s", got->state ? got->state : "nowhere",
                       state);
}

static bool check_enqueue(struct call *call)
{
    struct run *run = call->run;
    const struct op *op = &call->op;
    struct model_enqueued expected[MAX_MESSAGES];
    int wrong = op->broken || op->message_count == 0 || op->scope == SCOPE_OPERATOR ? WRONG_USAGE : 0;
    for (int64_t i = 0; i < op->message_count; i++)
        wrong |= model_check_message(&run->model, &op->messages[i], false);
    if (wrong)
        return run_same_wrong(run, op, "enqueue", call->status, wrong);
    int status = model_enqueue(&run->model, op->scope, op->messages, op->message_count, expected);
    bool same = run_same_status(run, op, "enqueue", call->status, status);
    for (int64_t i = 0; same && i < op->message_count; i++)
        same = same_enqueued(run, &call->enqueued[i], &expected[i]);
    return same;
}

static void ask_enqueue(struct call *call)
{
    const struct op *op = &call->op;
    size_t count = op->broken == 2 ? 0 : (size_t)op->message_count;
    pawl_store *store = call->run->stores[op->process][op->scope];
    for (int64_t i = 0; i < op->message_count; i++)
        call->messages[i] = message_of(op, &op->messages[i]);
    call->status = op->later ? pawl_enqueue_submit(store, call->messages, count, enqueue_done, call, NULL)
                             : pawl_enqueue(store, call->messages, count, call->enqueued, NULL);
}

/* ---- settle ---- */

static void settle_done(void *data, int status, const pawl_settled *results, size_t count, const pawl_error *error)
{
    struct call *call = data;
    (void)error;
    if (results)
        memcpy(call->settled, results, count * sizeof *results);
    call->status = status;
    call->is_done = true;
}

static void ask_settle(struct call *call)
{
    const struct op *op = &call->op;
    size_t count = op->broken == 2 ? 0 : (size_t)op->settlement_count;
    pawl_store *store = call->run->stores[op->process][op->scope];
    for (int64_t i = 0; i < op->settlement_count; i++)
        call->settlements[i] = settlement_of(call, i);
    call->status = op->later ? pawl_settle_submit(store, call->settlements, count, settle_done, call, NULL)
                             : pawl_settle(store, call->settlements, count, call->settled, NULL);
}

static bool check_settle(struct call *call)
{
    struct run *run = call->run;
    const struct op *op = &call->op;
    struct model_settled expected[MAX_SETTLEMENTS];
    int wrong = op->broken || op->settlement_count == 0 ? WRONG_USAGE : 0;
    for (int64_t i = 0; i < op->settlement_count; i++)
        wrong |= model_check_settlement(&op->settlements[i]);
    for (int64_t i = 0; i < op->message_count; i++)
        if (op->messages[i].of > 0 && op->messages[i].of <= op->settlement_count)
            wrong |= model_check_message(&run->model, &op->messages[i], false);
    if (wrong)
        return run_same_wrong(run, op, "settle", call->status, wrong);
    int status = model_settle(&run->model, op, call->named, expected);
    if (!run_same_status(run, op, "settle", call->status, status) || status < 0)
        return run->difference[0] == '\0';
    for (int64_t i = 0; i < op->settlement_count; i++) {
        const pawl_settled *got = &call->settled[i];
        const char *state = expected[i].has_state ? model_state_text(expected[i].state) : NULL;
        run_results[expected[i].result]++;
        if (got->result != expected[i].result)
            return run_differs(run, "settlement %lld answers %s, the model says %s", (long long)i + 1,
                               pawl_result_text(got->result), pawl_result_text(expected[i].result));
        if (got->state != state && (!got->state || !state || strcmp(got->state, state) != 0))
            return run_differs(run, "settlement %lld answers the state %s, the model says %s", (long long)i + 1,
                               got->state ? got->state : "none", state ? state : "none");
    }
    return true;
}

/* ---- transition ---- */

static void transition_done(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct call *call = data;
    (void)error;
    call->receipt = receipt;
    call->status = status;
    call->is_done = true;
}

static void build_settlements(struct call *call)
{
    for (int64_t i = 0; i < call->op.settlement_count; i++) {
        call->settlements[i] = settlement_of(call, i);
        pawl_transition_settle(call->transition, &call->settlements[i]);
    }
}

static void build_transition(struct call *call)
{
    const struct op *op = &call->op;
    pawl_transition *t = call->transition;
    if (op->command)
        pawl_transition_command(t, pool_body(op->command)->data, pool_body(op->command)->size);
    if (op->response)
        pawl_transition_response(t, pool_body(op->response)->data, pool_body(op->response)->size);
    for (int64_t i = 0; i < op->event_count; i++) {
        const struct op_event *e = &op->events[i];
        pawl_transition_event(
            t, &(pawl_event){PAWL_EVENT, .topic = pool_text(POOL_TOPIC, e->topic),
                             .type = pool_text(POOL_TYPE, e->type), .key = pool_text(POOL_KEY, e->key),
                             .data = pool_body(e->data)->data, .data_size = pool_body(e->data)->size,
                             .content_type = pool_text(POOL_CONTENT_TYPE, e->content_type),
                             .has_stream_seq = e->stream != 0, .stream_seq = e->stream ? (uint64_t)e->stream - 1 : 0,
                             .keep = (int32_t)e->keep});
    }
    if (op->settles_first)
        build_settlements(call);
    for (int64_t i = 0; i < op->message_count; i++) {
        call->messages[i] = message_of(op, &op->messages[i]);
        pawl_transition_message(t, &call->messages[i]);
    }
    if (!op->settles_first)
        build_settlements(call);
}

static void ask_transition(struct call *call)
{
    static const uint8_t digest[] = {1, 2, 3};
    const struct op *op = &call->op;
    uint64_t head = model_head(&call->run->model, op->scope);
    call->expect_seq = op->expect == 1 ? head + 1 : op->expect == 2 ? head + 2 : op->expect == 3 ? head : 0;
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS,
                                       .type = pool_text(POOL_TYPE, op->type),
                                       .request_id = request_of(op->request),
                                       .ref = pool_text(POOL_REF, op->ref),
                                       .content_type = pool_text(POOL_CONTENT_TYPE, op->content_type),
                                       .received_at_ms = op->received,
                                       .expect_seq = call->expect_seq,
                                       .duration_us = (uint64_t)op->duration,
                                       .state_pre = op->digests ? digest : NULL,
                                       .state_pre_size = op->digests ? sizeof digest : 0};
    if (op->broken == 1)
        options.struct_size = 0;
    call->transition = pawl_transition_new(call->run->stores[op->process][op->scope], &options);
    call->request = pawl_transition_request_id(call->transition);
    build_transition(call);
    call->status = op->later ? pawl_transition_submit(call->transition, transition_done, call, NULL)
                             : pawl_transition_commit(call->transition, &call->receipt, NULL);
}

static bool same_receipt(struct run *run, const pawl_receipt *receipt, struct model_record *record, bool replayed)
{
    size_t size;
    const struct body *response = pool_body(record->response);
    const void *data = pawl_receipt_response(receipt, &size);
    pawl_uuid request = pawl_receipt_request_id(receipt);
    if (!record->has_digest)
        memcpy(record->digest, pawl_receipt_digest(receipt), sizeof record->digest);
    record->has_digest = true;
    if (pawl_receipt_seq(receipt) != record->seq || (bool)pawl_receipt_was_replayed(receipt) != replayed ||
        memcmp(&request, &record->request, sizeof request) != 0 ||
        memcmp(record->digest, pawl_receipt_digest(receipt), sizeof record->digest) != 0 ||
        (data != NULL) != (record->response != 0) || size != response->size ||
        (size && memcmp(data, response->data, size) != 0) ||
        pawl_receipt_message_count(receipt) != (size_t)record->message_count)
        return run_differs(run,
                           "the receipt of record %llu (replayed %d, %zu messages) is not the model's %llu (%d, %lld)",
                           (unsigned long long)pawl_receipt_seq(receipt), pawl_receipt_was_replayed(receipt),
                           pawl_receipt_message_count(receipt), (unsigned long long)record->seq, replayed,
                           (long long)record->message_count);
    bool same = true;
    for (size_t i = 0; same && i < (size_t)record->message_count; i++) {
        pawl_uuid id = pawl_receipt_message(receipt, i);
        same = learn_id(run, record->messages[i], &id);
    }
    return same;
}

static bool commit_again(struct call *call, struct model_record *record)
{
    pawl_receipt *receipt = NULL;
    int status = pawl_transition_commit(call->transition, &receipt, NULL);
    bool same = run_same_status(call->run, &call->op, "commit again", status, PAWL_OK) &&
                same_receipt(call->run, receipt, record, true);
    pawl_receipt_free(receipt);
    return same;
}

static bool check_transition(struct call *call)
{
    struct run *run = call->run;
    const struct op *op = &call->op;
    struct model_record *record = NULL;
    bool replayed = false, same;
    int wrong = model_check_transition(&run->model, op);
    if (wrong) {
        same = run_same_wrong(run, op, "transition", call->status, wrong);
    } else {
        int status = model_transition(&run->model, op, call->expect_seq, call->named, &call->request, &record,
                                      &replayed);
        same = run_same_status(run, op, "transition", call->status, status);
        if (same && status == PAWL_OK)
            same = same_receipt(run, call->receipt, record, replayed) &&
                   (!op->twice || op->later || commit_again(call, record));
    }
    if (!call->submitted)
        pawl_transition_free(call->transition);
    pawl_receipt_free(call->receipt);
    return same;
}

/* ---- calls that can wait for their answer ---- */

static const struct {
    void (*ask)(struct call *call);
    bool (*check)(struct call *call);
} calls[OP_KINDS] = {[OP_ENQUEUE] = {ask_enqueue, check_enqueue},
                     [OP_SETTLE] = {ask_settle, check_settle},
                     [OP_TRANSITION] = {ask_transition, check_transition}};

/* Everything submitted shares one commit, and is decided in the order in which it was submitted. */
static bool answer_waiting(struct run *run)
{
    bool same = true;
    size_t count = run->waiting_count;
    for (int turn = 0; turn < 10 && count; turn++) {
        pawl_store_step(run->stores[run->waiting[0].op.process][1], 0, NULL, NULL);
        pawli_sim_run_jobs(run->env);
    }
    if (count)
        run_see_commits(run, run->waiting[0].op.process);
    for (size_t i = 0; i < count; i++) {
        struct call *call = &run->waiting[i];
        run->model.op = call->op.serial;
        run->model.op_messages = 0;
        if (!call->is_done)
            same = run_differs(run, "op %lld was submitted and never answered", (long long)call->op.serial);
        else if (same)
            same = calls[call->op.kind].check(call);
        else
            pawl_receipt_free(call->receipt);
    }
    run->waiting_count = 0;
    return same && (count == 0 || compare_touched(run));
}

static bool do_call(struct run *run, const struct op *op)
{
    struct call *call = &run->waiting[run->waiting_count];
    *call = (struct call){.run = run, .op = *op};
    calls[op->kind].ask(call);
    call->submitted = op->later && call->status == PAWL_OK;
    if (!call->submitted) {
        run_see_commits(run, op->process);
        return calls[op->kind].check(call);
    }
    run->waiting_count++;
    return true;
}

/* ---- claim ---- */

static bool is_new_token(const struct model *model, uint64_t token)
{
    for (size_t i = 0; i < model->token_count; i++)
        if (model->tokens[i].token == token)
            return false;
    return token != 0;
}

static bool note_token(struct run *run, uint64_t number, uint64_t token)
{
    struct model *model = &run->model;
    if (!is_new_token(model, token))
        return run_differs(run, "claim: a token that was there before");
    for (size_t i = 0; i < model->token_count; i++)
        if (model->tokens[i].number == number && model->tokens[i].token == 0)
            model->tokens[i].token = token;
    model->messages[number - 1].token = token;
    return true;
}

/* As a worker claims what it asks for: no call of programs does. */
static int claim_to_ask(pawl_store *store, const pawl_claim_options *options, const struct op *op, pawl_messages **page)
{
    struct claim claim = {.lane = text_of(options->lane),
                          .target = text_of(options->target),
                          .consumer = text_of(options->consumer ? options->consumer : "unnamed"),
                          .phase = op->phase == MODEL_POLL ? PHASE_POLL : PHASE_PROBE,
                          .limit = options->limit,
                          .look = options->limit,
                          .size_max = UINT64_MAX,
                          .lease_ms = options->lease_ms,
                          .by_hand = !options->ends_with_process};
    struct unit unit;
    pawl_error err;
    pawli_unit_init(&unit, &store->opened->committer, text_of(store->scope_text));
    pawli_unit_add(&unit, &claim.effect, &pawli_effect_claim);
    unit.deadline = BOOT_NEVER;
    int status = pawli_commit(&unit, &err);
    if (status == PAWL_OK)
        status = pawli_messages_of_claim(unit.scope, &claim, page, &err);
    pawli_unit_done(&unit);
    return status;
}

static bool do_claim(struct run *run, const struct op *op)
{
    uint64_t numbers[MODEL_MESSAGES], named = 0;
    pawl_messages *page = NULL;
    pawl_claim_options options = {PAWL_CLAIM_OPTIONS,
                                  .lane = pool_text(POOL_LANE, op->lane),
                                  .target = pool_text(POOL_TARGET, op->target),
                                  .consumer = pool_text(POOL_CONSUMER, op->consumer),
                                  .limit = (uint32_t)op->limit,
                                  .lease_ms = op->lease,
                                  .ends_with_process = (uint32_t)op->bound};
    if (op->id_op)
        options.id = run_id_of(run, op->id_op, op->id_index, op->id_twist == 2 ? 3 : op->id_twist, &named);
    if (op->broken == 1)
        options.struct_size = 0;
    if (op->phase && model_check_claim(op))
        return true; /* no worker does */
    int status = op->phase ? claim_to_ask(run->stores[op->process][op->scope], &options, op, &page)
                           : pawl_claim(run->stores[op->process][op->scope], &options, &page, NULL);
    run_see_commits(run, op->process);
    int wrong = model_check_claim(op);
    if (wrong)
        return run_same_wrong(run, op, "claim", status, wrong);
    if (!run_same_status(run, op, "claim", status, PAWL_OK))
        return false;
    size_t expected = model_claim(&run->model, op, op->id_op ? named : 0, numbers);
    bool same = pawl_messages_count(page) == expected ||
                run_differs(run, "claim: %zu messages, the model says %zu (the first is %llu)",
                            pawl_messages_count(page), expected, (unsigned long long)(expected ? numbers[0] : 0));
    for (size_t i = 0; same && i < expected; i++) {
        const pawl_message_view *view = pawl_messages_get(page, i);
        same = compare_message(run, view, numbers[i]) && note_token(run, numbers[i], view->token);
    }
    pawl_messages_free(page);
    return same;
}

/* ---- time ---- */

static bool do_sweep(struct run *run, const struct op *op)
{
    pawl_swept swept = {PAWL_SWEPT};
    struct model_swept expected;
    int status = pawl_sweep(run->stores[op->process][op->scope], &swept, NULL);
    run_see_commits(run, op->process);
    model_sweep(&run->model, &expected);
    if (!run_same_status(run, op, "sweep", status, PAWL_OK))
        return false;
    return (swept.expired == expected.expired && swept.purged == expected.purged &&
            swept.suspected == expected.suspected && swept.forgotten == expected.forgotten) ||
           run_differs(run, "sweep: expired %u, purged %u, suspected %u, forgotten %u; the model says %u, %u, %u, %u",
                       swept.expired, swept.purged, swept.suspected, swept.forgotten, expected.expired, expected.purged,
                       expected.suspected, expected.forgotten);
}

static bool do_check(struct run *run, const struct op *op)
{
    (void)op;
    return compare_all(run);
}

static bool advance(struct run *run, const struct op *op)
{
    pawli_sim_advance_ms(run->env, op->ms);
    run->model.wall += op->ms;
    run->model.boot += op->ms;
    return true;
}

static bool set_wall(struct run *run, const struct op *op)
{
    run->model.wall += op->ms;
    if (run->model.wall < 1000000000000)
        run->model.wall = 1000000000000;
    pawli_sim_set_wall_ms(run->env, run->model.wall);
    return true;
}

/* The process looks at once for what it claimed in its last life; until then it looks alive to the others. */
static bool reopen(struct run *run, const struct op *op)
{
    const struct op look = {
        .serial = op->serial, .kind = OP_CLAIM, .process = op->process, .scope = 1, .lane = 1, .target = 1, .limit = 1};
    close_process(run, op->process);
    return open_process(run, op->process) && do_claim(run, &look) && compare_all(run);
}

/* Writes something that changes nothing, so that the others know the process for a new one. */
static bool introduce(struct run *run, int64_t process)
{
    uint64_t number;
    pawl_settlement settlement = {PAWL_SETTLEMENT, .id = run_id_of(run, 0, 0, 3, &number), .token = 1};
    pawl_settled settled;
    int status = pawl_settle(run->stores[process][1], &settlement, 1, &settled, NULL);
    run_see_commits(run, process);
    return (status == PAWL_OK && settled.result == PAWL_RESULT_LOST) ||
           run_differs(run, "a message that is not there was settled");
}

static bool reboot(struct run *run, const struct op *op)
{
    bool same = true;
    (void)op;
    for (int64_t i = 0; i < run->kind->processes; i++)
        close_process(run, i);
    pawli_sim_reboot(run->env);
    run->model.boot = 1000;
    run->model.boot_number++;
    for (int64_t i = 0; same && i < run->kind->processes; i++)
        same = open_process(run, i) && introduce(run, i);
    return same;
}

static bool (*const doers[OP_KINDS])(struct run *run, const struct op *op) = {[OP_ENQUEUE] = do_call,
                                                                              [OP_SETTLE] = do_call,
                                                                              [OP_TRANSITION] = do_call,
                                                                              [OP_CLAIM] = do_claim,
                                                                              [OP_CANCEL] = run_do_move,
                                                                              [OP_REQUEUE] = run_do_move,
                                                                              [OP_RETRY] = run_do_move,
                                                                              [OP_RESEND] = run_do_move,
                                                                              [OP_MOVE_ALL] = run_do_move_all,
                                                                              [OP_RESOLVE] = run_do_move,
                                                                              [OP_PURGE] = run_do_move,
                                                                              [OP_LANE_SET] = run_do_change,
                                                                              [OP_TARGET_ADD] = run_do_change,
                                                                              [OP_TARGET_SET] = run_do_change,
                                                                              [OP_TARGET_REMOVE] = run_do_change,
                                                                              [OP_HOLD_SET] = run_do_change,
                                                                              [OP_HOLD_RELEASE] = run_do_change,
                                                                              [OP_SWEEP] = do_sweep,
                                                                              [OP_CHECK] = do_check,
                                                                              [OP_ADVANCE] = advance,
                                                                              [OP_SET_WALL] = set_wall,
                                                                              [OP_REOPEN] = reopen,
                                                                              [OP_REBOOT] = reboot};

bool run_op(struct run *run, const struct op *op)
{
    bool joins = op->later && run->waiting_count > 0 && run->waiting_count < WAITING_MAX - 1 &&
                 run->waiting[0].op.process == op->process;
    if (run->difference[0] || (!joins && !answer_waiting(run)))
        return false;
    run->model.op = op->serial;
    run->model.op_messages = 0;
    return doers[op->kind](run, op) && (run->waiting_count > 0 || compare_touched(run));
}

bool run_finish(struct run *run)
{
    return run->difference[0] == '\0' && answer_waiting(run) && compare_all(run);
}
