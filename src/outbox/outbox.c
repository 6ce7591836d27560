/* SPDX-License-Identifier: MIT */
/* Enqueue, claim, settle: units built in the caller's thread, blocking or with a callback. */
#include "commit/consume.h"
#include "commit/settle.h"
#include "model/check.h"
#include "outbox/claim.h"
#include "outbox/views.h"

static int check_count(const char *what, size_t count, size_t max, pawl_error *err)
{
    if (count == 0 || count > max)
        return pawli_hint(err, pawli_fail(err, count ? PAWL_ELIMIT : PAWL_EINVAL, "%zu %s in one call", count, what),
                          "give 1 to %zu", max);
    return PAWL_OK;
}

/* What a call with a callback keeps until it is answered. */
struct request {
    struct drafting drafting;
    pawl_enqueue_done *enqueue_done;
    pawl_settle_done *settle_done;
    void *data;
};

static struct request *new_request(pawl_store *store, void *data)
{
    struct request *request = pawli_alloc(sizeof *request);
    if (request) {
        pawli_drafting_init(&request->drafting, store);
        request->data = data;
    }
    return request;
}

static void free_request(struct request *request)
{
    pawli_drafting_done(&request->drafting);
    pawli_free(request);
}

static int submit(struct request *request, int status, void (*answered)(struct unit *unit, void *data), pawl_error *err)
{
    if (status == PAWL_OK)
        status = pawli_draft_submit(&request->drafting, answered, request, err);
    if (status < 0)
        free_request(request);
    return status;
}

/* ---- enqueue ---- */

static int draft_enqueue(struct drafting *drafting, const pawl_message *messages, size_t count, pawl_error *err)
{
    int status = pawli_check_given(err, messages);
    if (status == PAWL_OK)
        status = pawli_store_check_write(drafting->store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(drafting->store->scope, err);
    if (status == PAWL_OK)
        status = check_count("messages", count, LIMIT_MESSAGES, err);
    return status == PAWL_OK ? pawli_draft_enqueue(drafting, messages, count, err) : status;
}

/* A unit of this room has one effect, which answers. */
static size_t answer_enqueue(const struct unit *unit, pawl_enqueued *results)
{
    const struct enqueue *enqueue = (const struct enqueue *)unit->effects;
    for (size_t i = 0; results && i < enqueue->count; i++) {
        const struct message_draft *draft = &enqueue->messages[i];
        results[i] = (pawl_enqueued){.id = draft->id,
                                     .status = draft->status,
                                     .was_replayed = draft->replayed,
                                     .state = pawli_state_text(draft->state)};
    }
    return enqueue->count;
}

static int enqueue(pawl_store *store, const pawl_join *join, const pawl_message *messages, size_t count,
                   pawl_enqueued *results, pawl_error *err)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, store);
    int status = draft_enqueue(&drafting, messages, count, err);
    if (status == PAWL_OK) {
        ((struct enqueue *)drafting.unit.effects)->atomic = join != NULL;
        status = pawli_draft_commit(&drafting, join, err);
        if (status == PAWL_OK || (status == PAWL_ECONFLICT && !join)) /* then the others are enqueued all the same */
            answer_enqueue(&drafting.unit, results);
    }
    pawli_drafting_done(&drafting);
    return status;
}

int pawl_enqueue(pawl_store *store, const pawl_message *messages, size_t count, pawl_enqueued *results, pawl_error *err)
{
    int status = pawli_check_given(err, store);
    return status < 0 ? status : enqueue(store, NULL, messages, count, results, err);
}

int pawl_join_enqueue(pawl_join *join, const pawl_message *messages, size_t count, pawl_enqueued *results,
                      pawl_error *err)
{
    int status = pawli_check_given(err, join);
    return status < 0 ? status : enqueue(join->store, join, messages, count, results, err);
}

static void enqueue_answered(struct unit *unit, void *data)
{
    struct request *request = data;
    bool committed = unit->status == PAWL_OK || unit->status == PAWL_ECONFLICT;
    size_t count = answer_enqueue(unit, NULL);
    PAWL_AUTO(pawli_freep) pawl_enqueued *results = pawli_alloc(count * sizeof *results);
    if (results && committed)
        answer_enqueue(unit, results);
    request->enqueue_done(request->data, results ? unit->status : PAWL_ENOMEM, committed ? results : NULL,
                          committed && results ? count : 0, &unit->error);
    free_request(request);
}

int pawl_enqueue_submit(pawl_store *store, const pawl_message *messages, size_t count, pawl_enqueue_done *done,
                        void *data, pawl_error *err)
{
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "done", done != NULL);
    if (status < 0)
        return status;
    struct request *request = new_request(store, data);
    if (!request)
        return pawli_no_memory(err);
    request->enqueue_done = done;
    return submit(request, draft_enqueue(&request->drafting, messages, count, err), enqueue_answered, err);
}

/* ---- settle ---- */

static_assert((int)PAWL_VERDICT_COUNT == (int)VERDICT_COUNT, "the public verdicts are the model's");
static_assert((int)PAWL_RESULT_COUNT == (int)SETTLED_COUNT, "the public results are the model's");

static int draft_settle(struct drafting *drafting, const pawl_settlement *settlements, size_t count, pawl_error *err)
{
    int status = pawli_check_given(err, settlements);
    if (status == PAWL_OK)
        status = pawli_store_check_write(drafting->store->opened->store, err);
    if (status == PAWL_OK)
        status = check_count("settlements", count, LIMIT_SETTLEMENTS, err);
    return status == PAWL_OK ? pawli_draft_settle(drafting, settlements, count, err) : status;
}

static size_t answer_settle(const struct unit *unit, pawl_settled *results)
{
    const struct settle *settle = (const struct settle *)unit->effects;
    for (size_t i = 0; results && i < settle->count; i++) {
        const struct settlement *item = &settle->items[i];
        results[i] = (pawl_settled){.result = (int32_t)item->result,
                                    .state = item->state == STATE_COUNT ? NULL : pawli_state_text(item->state)};
    }
    return settle->count;
}

int pawl_settle(pawl_store *store, const pawl_settlement *settlements, size_t count, pawl_settled *results,
                pawl_error *err)
{
    struct drafting drafting;
    int status = pawli_check_given(err, store);
    if (status < 0)
        return status;
    pawli_drafting_init(&drafting, store);
    status = draft_settle(&drafting, settlements, count, err);
    if (status == PAWL_OK)
        status = pawli_draft_commit(&drafting, NULL, err);
    if (status == PAWL_OK)
        answer_settle(&drafting.unit, results);
    pawli_drafting_done(&drafting);
    return status;
}

static void settle_answered(struct unit *unit, void *data)
{
    struct request *request = data;
    size_t count = answer_settle(unit, NULL);
    PAWL_AUTO(pawli_freep) pawl_settled *results = pawli_alloc(count * sizeof *results);
    int status = results ? unit->status : PAWL_ENOMEM;
    if (status == PAWL_OK)
        answer_settle(unit, results);
    request->settle_done(request->data, status, status == PAWL_OK ? results : NULL, status == PAWL_OK ? count : 0,
                         &unit->error);
    free_request(request);
}

int pawl_settle_submit(pawl_store *store, const pawl_settlement *settlements, size_t count, pawl_settle_done *done,
                       void *data, pawl_error *err)
{
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_check_call(err, "done", done != NULL);
    if (status < 0)
        return status;
    struct request *request = new_request(store, data);
    if (!request)
        return pawli_no_memory(err);
    request->settle_done = done;
    return submit(request, draft_settle(&request->drafting, settlements, count, err), settle_answered, err);
}

/* ---- progress ---- */

static int refuse_progress(const pawl_store *store, const struct settlement *item, pawl_error *err)
{
    if (item->state == STATE_COUNT)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "no such message in scope \"%.*s\"", TEXT_ARG(store->scope)),
                          "see \"pawl messages list\"");
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EFENCED,
                                 "the claim was lost: the message is %s, and the token is not its claim's",
                                 pawli_state_text(item->state)),
                      "nothing was stored: do nothing in its name");
}

int pawl_progress(pawl_store *store, const pawl_uuid *id, uint64_t token, const void *data, size_t data_size,
                  pawl_error *err)
{
    struct drafting drafting;
    pawl_settlement settlement = {PAWL_SETTLEMENT, .token = token, .verdict = PAWL_VERDICT_EXTEND, .progress = data,
                                  .progress_size = data_size};
    int status = pawli_check_given(err, store, id, data);
    if (status == PAWL_OK)
        status = pawli_check_range("data_size", (int64_t)data_size, 1, INT64_MAX, err);
    if (status < 0)
        return status;
    settlement.id = *id;
    pawli_drafting_init(&drafting, store);
    status = draft_settle(&drafting, &settlement, 1, err);
    if (status == PAWL_OK) {
        struct settlement *item = ((struct settle *)drafting.unit.effects)->items;
        item->keeps_lease = true;
        status = pawli_draft_commit(&drafting, NULL, err);
        if (status == PAWL_OK && item->result == SETTLED_LOST)
            status = refuse_progress(store, item, err);
    }
    pawli_drafting_done(&drafting);
    return status;
}

const char *pawl_verdict_text(int verdict)
{
    return verdict >= 0 && verdict < PAWL_VERDICT_COUNT ? pawli_verdict_text((enum verdict)verdict) : NULL;
}

int pawl_verdict_parse(const char *text)
{
    enum verdict verdict;
    return text && pawli_verdict_parse(text_of(text), &verdict) ? (int)verdict : -1;
}

const char *pawl_result_text(int result)
{
    return result >= 0 && result < PAWL_RESULT_COUNT ? pawli_settle_result_text((enum settle_result)result) : NULL;
}

/* ---- claim ---- */

static struct consume consume_of(const pawl_claim_options *options)
{
    return (struct consume){.kind = TASK_MESSAGE,
                            .phase = PHASE_SEND,
                            .lane = options->lane,
                            .target = options->target,
                            .consumer = options->consumer,
                            .id = options->id,
                            .limit = options->limit,
                            .size_max = options->size_max,
                            .lease_ms = options->lease_ms,
                            .wait_ms = options->wait_ms,
                            .ends_with_process = options->ends_with_process};
}

int pawl_claim(pawl_store *store, const pawl_claim_options *options, pawl_messages **ret_messages, pawl_error *err)
{
    pawl_claim_options copy;
    struct unit unit;
    struct claim claim;
    int status = pawli_check_given(err, store, options, ret_messages);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, options))
        return pawli_bad_struct("pawl_claim_options", err);
    const struct consume how = consume_of(&copy);
    status = pawli_check_name("lane", text_of(copy.lane), err);
    if (status == PAWL_OK)
        status = pawli_check_name("target", text_of(copy.target), err);
    if (status == PAWL_OK)
        status = pawli_check_consume(&how, err);
    if (status < 0)
        return status;
    status = pawli_consume(store, &how, &unit, &claim, err);
    if (status == PAWL_OK)
        status = pawli_messages_of_claim(store->scope, &claim, ret_messages, err);
    pawli_unit_done(&unit);
    return status;
}

struct claim_request {
    pawli_claim_done *done;
    void *data;
};

static void claim_answered(void *data, int status, struct unit *unit, struct claim *claim)
{
    const struct claim_request request = *(struct claim_request *)data;
    pawl_messages *messages = NULL;
    pawli_free(data);
    if (status == PAWL_OK)
        status = pawli_messages_of_claim(unit->scope, claim, &messages, &unit->error);
    request.done(request.data, status, messages, claim->again, &unit->error);
}

int pawli_claim_submit(pawl_store *store, const struct phase_claim *of, pawli_claim_done *done, void *data,
                       pawl_error *err)
{
    struct claim_request *request = pawli_alloc(sizeof *request);
    if (!request)
        return pawli_no_memory(err);
    *request = (struct claim_request){done, data};
    struct consume how = consume_of(&of->options);
    how.phase = of->phase;
    int status = pawli_consume_later(store, &how, claim_answered, request, err);
    if (status < 0)
        pawli_free(request);
    return status;
}
