/* SPDX-License-Identifier: MIT */
/* Workflows, their steps and resources, out of JSON and into it. */
#include <inttypes.h>
#include <stdio.h>

#include "api/items.h"
#include "api/shape.h"
#include "model/limits.h"
#include "model/view_json.h"

/* ---- in ---- */

struct start_in {
    const char *kind, *id, *key, *state, *content_type;
    struct text data, data_base64;
    int64_t version, wake_in_ms;
    bool keep_existing;
};

#define IN(member) offsetof(struct start_in, member)
static const struct field start_fields[] = {
    {"kind", FIELD_STRING, IN(kind), 0, 0},
    {"id", FIELD_STRING, IN(id), 0, 0},
    {"key", FIELD_STRING, IN(key), 0, 0},
    {"state", FIELD_STRING, IN(state), 0, 0},
    {"data", FIELD_JSON, IN(data), 0, 0},
    {"data_base64", FIELD_BASE64, IN(data_base64), 0, 0},
    {"content_type", FIELD_STRING, IN(content_type), 0, 0},
    {"version", FIELD_NUMBER, IN(version), 0, INT32_MAX},
    {"wake_in_ms", FIELD_NUMBER, IN(wake_in_ms), 0, INT64_MAX / 2},
    {"keep_existing", FIELD_BOOL, IN(keep_existing), 0, 0},
};
#undef IN
static const struct shape start_shape = {"a start", start_fields, COUNT_OF(start_fields)};

int pawli_api_add_start(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    struct start_in in = {0};
    struct text data = {0};
    int status = pawli_shape_read(&start_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK)
        status = pawli_api_choose_body("data", in.data, in.data_base64, &data, err);
    if (status == PAWL_OK)
        pawl_transition_start(transition, &(pawl_start){PAWL_START, .kind = in.kind, .id = in.id, .key = in.key,
                                                        .state = in.state, .data = data.data, .data_size = data.size,
                                                        .content_type = pawli_api_type_of(in.content_type, in.data),
                                                        .version = (uint32_t)in.version, .wake_in_ms = in.wake_in_ms,
                                                        .keep_existing = in.keep_existing});
    return status;
}

static const char *const actions[] = {[PAWL_RESOURCE_ADD] = "add",
                                      [PAWL_RESOURCE_HOLD] = "hold",
                                      [PAWL_RESOURCE_RELEASE] = "release",
                                      [PAWL_RESOURCE_CONSUME] = "consume",
                                      [PAWL_RESOURCE_WITHDRAW] = "withdraw"};
static const char *const results[] = {
    [PAWL_STEP_NEXT] = "next", [PAWL_STEP_PARK] = "park", [PAWL_STEP_DONE] = "done", [PAWL_STEP_FAIL] = "fail"};

/* -1: none of them. */
static int32_t find_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int32_t)i;
    return -1;
}

static int no_such_word(const char *field, const char *word, const char *hint, pawl_error *err)
{
    return pawli_hint(err,
                      word ? pawli_fail(err, PAWL_EINVAL, "%s \"%.40s\" is none", field, word)
                           : pawli_fail(err, PAWL_EINVAL, "%s is missing", field),
                      "use %s", hint);
}

struct resource_in {
    const char *id, *kind, *action, *holder;
};

#define IN(member) offsetof(struct resource_in, member)
static const struct field resource_fields[] = {
    {"id", FIELD_STRING, IN(id), 0, 0},
    {"kind", FIELD_STRING, IN(kind), 0, 0},
    {"action", FIELD_STRING, IN(action), 0, 0},
    {"holder", FIELD_STRING, IN(holder), 0, 0},
};
#undef IN
static const struct shape resource_shape = {"a resource", resource_fields, COUNT_OF(resource_fields)};

int pawli_api_add_resource(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    struct resource_in in = {0};
    int status = pawli_shape_read(&resource_shape, &reading->arena, json, &in, err);
    int32_t action = find_word(actions, COUNT_OF(actions), in.action);
    if (status == PAWL_OK && action < 0)
        status = no_such_word("action", in.action, "add, hold, release, consume or withdraw", err);
    if (status == PAWL_OK)
        pawl_transition_resource(transition, &(pawl_resource){PAWL_RESOURCE, .id = in.id, .kind = in.kind,
                                                              .action = action, .holder = in.holder});
    return status;
}

struct step_in {
    const char *kind, *id, *result, *state, *content_type, *error;
    struct text data, data_base64, receipt, receipt_base64, take, undo;
    struct field_count token, generation, version;
    int64_t wake_in_ms;
    bool keep, rejected, stuck, no_return, compensate, await;
    struct lists_in lists;
};

#define IN(member) offsetof(struct step_in, member)
static const struct field step_fields[] = {
    {"kind", FIELD_STRING, IN(kind), 0, 0},
    {"id", FIELD_STRING, IN(id), 0, 0},
    {"token", FIELD_TOKEN, IN(token), 0, 0},
    {"result", FIELD_STRING, IN(result), 0, 0},
    {"generation", FIELD_COUNT, IN(generation), 0, 0},
    {"state", FIELD_STRING, IN(state), 0, 0},
    {"data", FIELD_JSON, IN(data), 0, 0},
    {"data_base64", FIELD_BASE64, IN(data_base64), 0, 0},
    {"content_type", FIELD_STRING, IN(content_type), 0, 0},
    {"version", FIELD_COUNT, IN(version), 0, 0},
    {"keep", FIELD_BOOL, IN(keep), 0, 0},
    {"wake_in_ms", FIELD_NUMBER, IN(wake_in_ms), 0, INT64_MAX / 2},
    {"error", FIELD_STRING, IN(error), 0, 0},
    {"rejected", FIELD_BOOL, IN(rejected), 0, 0},
    {"stuck", FIELD_BOOL, IN(stuck), 0, 0},
    {"receipt", FIELD_JSON, IN(receipt), 0, 0},
    {"receipt_base64", FIELD_BASE64, IN(receipt_base64), 0, 0},
    {"take", FIELD_ARRAY, IN(take), 0, 0},
    {"no_return", FIELD_BOOL, IN(no_return), 0, 0},
    {"compensate", FIELD_BOOL, IN(compensate), 0, 0},
    {"await", FIELD_BOOL, IN(await), 0, 0},
    {"undo", FIELD_OBJECT, IN(undo), 0, 0},
    LIST_FIELDS(struct step_in, lists),
};
#undef IN
static const struct shape step_shape = {"a settlement", step_fields, COUNT_OF(step_fields)};

struct undo_in {
    const char *state;
    struct text data;
};

static const struct field undo_fields[] = {
    {"state", FIELD_STRING, offsetof(struct undo_in, state), 0, 0},
    {"data", FIELD_JSON, offsetof(struct undo_in, data), 0, 0},
};
static const struct shape undo_shape = {"undo", undo_fields, COUNT_OF(undo_fields)};

static int read_take(struct arena *arena, struct text json, pawl_step_outcome *outcome, pawl_error *err)
{
    struct text item, id;
    const char **take = NULL;
    size_t room = 0;
    if (!json.data)
        return PAWL_OK;
    outcome->has_take = true;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_item(&walk, &item)) {
        int status = pawli_shape_string("an id of take", arena, item, &id, err);
        if (status < 0)
            return status;
        if (!pawli_arena_reserve(arena, (void **)&take, sizeof *take, outcome->take_count + 1, &room))
            return pawli_no_memory(err);
        take[outcome->take_count++] = id.data;
    }
    outcome->take = take;
    return PAWL_OK;
}

static int read_undo(struct arena *arena, struct text json, pawl_step_outcome *outcome, pawl_error *err)
{
    struct undo_in in = {0};
    if (!json.data)
        return PAWL_OK;
    int status = pawli_shape_read(&undo_shape, arena, json, &in, err);
    if (status == PAWL_OK && !in.state)
        status = pawli_fail(err, PAWL_EINVAL, "undo: state is missing");
    outcome->undo = in.state;
    outcome->undo_data = in.data.data;
    outcome->undo_data_size = in.data.size;
    return status;
}

static int read_step(struct api_reading *reading, struct text json, struct step_in *in, pawl_step_outcome *outcome,
                     pawl_error *err)
{
    struct text data = {0}, receipt = {0};
    int status = pawli_shape_read(&step_shape, &reading->arena, json, in, err);
    int32_t result = find_word(results, COUNT_OF(results), in->result);
    if (status == PAWL_OK && result < 0)
        status = no_such_word("result", in->result, "next, park, done or fail", err);
    if (status == PAWL_OK && !in->token.given)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "token is missing"), "give the token of the claim");
    if (status == PAWL_OK)
        status = pawli_api_choose_body("data", in->data, in->data_base64, &data, err);
    if (status == PAWL_OK)
        status = pawli_api_choose_body("receipt", in->receipt, in->receipt_base64, &receipt, err);
    if (status == PAWL_OK)
        status = pawli_api_check_json("receipt", in->receipt, err);
    if (status == PAWL_OK && in->version.value > INT32_MAX)
        status = pawli_fail(err, PAWL_EINVAL, "version is outside its range");
    if (status < 0)
        return status;
    *outcome = (pawl_step_outcome){PAWL_STEP_OUTCOME,
                                   .kind = in->kind,
                                   .id = in->id,
                                   .token = in->token.value,
                                   .generation = in->generation.value,
                                   .has_generation = in->generation.given,
                                   .result = result,
                                   .state = in->state,
                                   .data = data.data,
                                   .data_size = data.size,
                                   .content_type = pawli_api_type_of(in->content_type, in->data),
                                   .version = (uint32_t)in->version.value,
                                   .has_version = in->version.given,
                                   .keep = in->keep,
                                   .wake_in_ms = in->wake_in_ms < 0 ? 0 : in->wake_in_ms,
                                   .has_wake = in->wake_in_ms >= 0,
                                   .error = in->error,
                                   .rejected = in->rejected,
                                   .stuck = in->stuck,
                                   .receipt = receipt.data,
                                   .receipt_size = receipt.size,
                                   .no_return = in->no_return,
                                   .compensate = in->compensate,
                                   .await = in->await};
    status = read_take(&reading->arena, in->take, outcome, err);
    return status == PAWL_OK ? read_undo(&reading->arena, in->undo, outcome, err) : status;
}

int pawli_api_step(pawl_store *store, struct api_reading *reading, struct text json, pawl_transition **ret_step,
                   struct api_step *ret_named, pawl_error *err)
{
    struct step_in in = {.wake_in_ms = -1};
    pawl_step_outcome outcome;
    int status = pawli_shape_check(&step_shape, &json, err);
    if (status == PAWL_OK)
        status = read_step(reading, json, &in, &outcome, err);
    if (status < 0)
        return status;
    *ret_named = (struct api_step){in.kind, in.id, results[outcome.result]};
    pawl_transition *step = pawl_transition_of_step(store, &outcome);
    if (!step)
        return pawli_no_memory(err);
    status = pawli_api_add_lists(step, reading, &in.lists, err);
    if (status == PAWL_OK && pawli_arena_failed(&reading->arena))
        status = pawli_no_memory(err);
    if (status < 0) {
        pawl_transition_free(step);
        return status;
    }
    *ret_step = step;
    return PAWL_OK;
}

/* ---- out ---- */

static void put_time(struct json_writer *out, const char *name, int64_t ms)
{
    if (ms)
        pawli_json_put_i64(out, name, ms);
}

static void put_body(struct json_writer *out, const char *name, const char *type, const void *data, size_t size)
{
    if (data)
        pawli_body_json(out, name, type, (struct text){data, size});
}

static void put_error(struct json_writer *out, const pawl_workflow_view *view)
{
    if (!view->last_error.error_class)
        return;
    pawli_json_key(out, "last_error");
    pawli_json_open(out, '{');
    pawli_json_put_string(out, "class", view->last_error.error_class);
    pawli_json_put_string(out, "text", view->last_error.text);
    put_time(out, "at", view->last_error.at_ms);
    pawli_json_close(out, '}');
}

static void put_held(struct json_writer *out, const pawl_workflow_view *view)
{
    if (!view->held_reason)
        return;
    pawli_json_key(out, "held");
    pawli_json_open(out, '{');
    pawli_json_put_string(out, "reason", view->held_reason);
    pawli_json_put_string(out, "by", view->held_by);
    put_time(out, "since", view->held_since_ms);
    pawli_json_close(out, '}');
}

static void put_signals(struct json_writer *out, const pawl_signal_view *signals, size_t count)
{
    pawli_json_key(out, "signals");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        const pawl_signal_view *signal = &signals[i];
        pawli_json_comma(out);
        pawli_json_open(out, '{');
        pawli_json_put_string(out, "id", signal->id);
        pawli_json_put_string(out, "name", signal->name);
        put_body(out, "data", signal->content_type, signal->data, signal->data_size);
        put_time(out, "at", signal->at_ms);
        if (signal->taken)
            pawli_json_put_u64(out, "taken", signal->taken);
        pawli_json_close(out, '}');
    }
    pawli_json_close(out, ']');
}

static void put_claim(struct json_writer *out, const pawl_workflow_view *view)
{
    char token[24];
    if (view->claimed_by) {
        pawli_json_put_string(out, "claimed_by", view->claimed_by);
        put_time(out, "lease_until", view->lease_until_ms);
    }
    if (!view->token)
        return;
    snprintf(token, sizeof token, "%" PRIu64, view->token);
    pawli_json_put_string(out, "token", token);
    put_signals(out, view->signals, view->signal_count);
}

void pawli_api_put_workflow(struct json_writer *out, const pawl_workflow_view *view)
{
    pawli_json_put_string(out, "kind", view->kind);
    pawli_json_put_string(out, "id", view->id);
    if (view->error) {
        pawli_json_put_string(out, "error", view->error);
        return;
    }
    pawli_json_put_string(out, "key", view->key);
    pawli_json_put_string(out, "status", view->status);
    pawli_json_put_string(out, "state", view->state);
    pawli_json_put_string(out, "content_type", view->content_type);
    put_body(out, "data", view->content_type, view->data, view->data_size);
    pawli_json_put_u64(out, "version", view->version);
    pawli_json_put_u64(out, "generation", view->generation);
    pawli_json_put_u64(out, "attempts", view->attempts);
    pawli_json_put_u64(out, "total_attempts", view->total_attempts);
    put_time(out, "wake_at", view->wake_at_ms);
    if (view->waits)
        pawli_json_put_bool(out, "waits", true);
    pawli_json_put_string(out, "stuck", view->stuck_why);
    put_error(out, view);
    put_held(out, view);
    pawli_json_put_string(out, "cancelled", view->cancel_reason);
    if (view->no_return)
        pawli_json_put_bool(out, "no_return", true);
    pawli_json_key(out, "resources");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < view->resource_count; i++) {
        pawli_json_comma(out);
        pawli_json_quote(out->out, text_of(view->resources[i]));
    }
    pawli_json_close(out, ']');
    put_body(out, "receipt", view->receipt_type, view->receipt, view->receipt_size);
    put_time(out, "started_at", view->started_at_ms);
    put_time(out, "updated_at", view->updated_at_ms);
    put_time(out, "ended_at", view->ended_at_ms);
    put_claim(out, view);
}

void pawli_api_put_steps(struct json_writer *out, const pawl_workflows *workflow)
{
    pawli_json_key(out, "steps");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < pawl_workflows_step_count(workflow); i++) {
        const pawl_step_view *step = pawl_workflows_step(workflow, i);
        pawli_json_comma(out);
        pawli_json_open(out, '{');
        pawli_json_put_u64(out, "generation", step->generation);
        pawli_json_put_string(out, "state", step->state);
        put_body(out, "data", step->content_type, step->data, step->data_size);
        pawli_json_put_u64(out, "version", step->version);
        pawli_json_put_string(out, "result", step->result);
        pawli_json_put_u64(out, "attempts", step->attempts);
        put_time(out, "began_at", step->began_at_ms);
        put_time(out, "ended_at", step->ended_at_ms);
        pawli_json_put_string(out, "worker", step->worker);
        pawli_json_put_string(out, "error", step->error);
        if (step->seq)
            pawli_json_put_u64(out, "seq", step->seq);
        pawli_json_close(out, '}');
    }
    pawli_json_close(out, ']');
    put_signals(out, pawl_workflows_signal(workflow, 0), pawl_workflows_signal_count(workflow));
}

void pawli_api_put_steered(struct json_writer *out, const pawl_steering *steering, const pawl_steered *steered)
{
    char id[PAWL_UUID_TEXT_SIZE];
    pawli_json_put_string(out, "kind", steering->kind);
    pawli_json_put_string(out, "id", steering->id);
    pawli_json_put_string(out, "request_id", pawl_uuid_format(&steered->request_id, id));
    pawli_json_put_string(out, "before", steered->before);
    pawli_json_put_string(out, "status", steered->after);
    pawli_json_put_bool(out, "replayed", steered->was_replayed);
}

void pawli_api_put_resource(struct json_writer *out, const pawl_resource_view *resource)
{
    pawli_json_put_string(out, "id", resource->id);
    if (resource->error) {
        pawli_json_put_string(out, "error", resource->error);
        return;
    }
    pawli_json_put_string(out, "kind", resource->kind);
    pawli_json_put_string(out, "state", resource->state);
    pawli_json_put_string(out, "holder", resource->holder);
    pawli_json_put_u64(out, "generation", resource->generation);
    put_time(out, "updated_at", resource->updated_at_ms);
    if (resource->seq)
        pawli_json_put_u64(out, "seq", resource->seq);
}

void pawli_api_put_kind(struct json_writer *out, const pawl_kind_view *kind)
{
    pawli_json_put_string(out, "kind", kind->name);
    if (kind->error)
        pawli_json_put_string(out, "error", kind->error);
    else
        pawli_json_put_raw(out, "policy", text_of(kind->policy));
}

static const char *const missed_words[] = {
    [PAWL_MISSED_ONE] = "one", [PAWL_MISSED_ALL] = "all", [PAWL_MISSED_NONE] = "none"};

const char *pawli_api_missed(int32_t missed)
{
    return missed >= 0 && (size_t)missed < COUNT_OF(missed_words) ? missed_words[missed] : NULL;
}

bool pawli_api_missed_parse(const char *text, int32_t *ret_missed)
{
    *ret_missed = find_word(missed_words, COUNT_OF(missed_words), text);
    return *ret_missed >= 0;
}

static void put_what(struct json_writer *out, const pawl_schedule_view *view)
{
    pawli_json_key(out, view->kind ? "start" : "message");
    pawli_json_open(out, '{');
    pawli_json_put_string(out, "kind", view->kind);
    pawli_json_put_string(out, "lane", view->lane);
    pawli_json_put_string(out, "target", view->target);
    put_body(out, "data", view->content_type, view->data, view->data_size);
    pawli_json_close(out, '}');
}

void pawli_api_put_schedule(struct json_writer *out, const pawl_schedule_view *view)
{
    pawli_json_put_string(out, "name", view->name);
    pawli_json_put_string(out, "cron", view->cron);
    if (view->every_ms)
        pawli_json_put_i64(out, "every_ms", view->every_ms);
    pawli_json_put_string(out, "zone", view->zone);
    pawli_json_put_string(out, "error", view->error);
    if (!view->cron && !view->every_ms)
        return;
    pawli_json_put_string(out, "missed", pawli_api_missed(view->missed));
    pawli_json_put_u64(out, "catch_up", view->catch_up);
    if (view->jitter_ms)
        pawli_json_put_i64(out, "jitter_ms", view->jitter_ms);
    put_what(out, view);
    pawli_json_key(out, "next");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < COUNT_OF(view->next_ms) && view->next_ms[i]; i++) {
        pawli_json_comma(out);
        pawli_buffer_format(out->out, "%" PRId64, view->next_ms[i]);
    }
    pawli_json_close(out, ']');
    put_time(out, "last_slot", view->last_slot_ms);
    pawli_json_put_u64(out, "fired", view->fired);
    pawli_json_put_bool(out, "paused", view->paused_reason != NULL);
    pawli_json_put_string(out, "paused_reason", view->paused_reason);
    pawli_json_put_string(out, "paused_by", view->paused_by);
    put_time(out, "added_at", view->added_at_ms);
}
