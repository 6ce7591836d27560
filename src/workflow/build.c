/* SPDX-License-Identifier: MIT */
/* What a caller gives: starts, resources and steps, checked and copied into transitions. */
#include "workflow/build.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "model/check.h"
#include "model/view_json.h"
#include "pawl/id.h"

int pawli_check_kind_and_id(const char *kind, const char *id, pawl_error *err)
{
    int status = pawli_check_name("kind", text_of(kind), err);
    return status == PAWL_OK ? pawli_check_workflow_id("id", text_of(id), err) : status;
}

int pawli_check_any_kind_and_id(const char *kind, const char *id, pawl_error *err)
{
    int status = pawli_check_name_or_reserved("kind", text_of(kind), err);
    return status == PAWL_OK ? pawli_check_workflow_id("id", text_of(id), err) : status;
}

int pawli_read_workflow_row(pawl_store *store, const char *kind, const char *id, struct page *page, pawl_error *err)
{
    const struct query query = {
        .kind = QUERY_WORKFLOW, .scope = store->scope, .target = text_of(kind), .name = text_of(id), .limit = 1};
    int status = pawli_store_query(store->opened->store, &query, page, err);
    if (status < 0)
        return status;
    if (page->count == 1 && !page->workflows->is_damaged)
        return PAWL_OK;
    status = page->count ? pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "workflow %s/%s cannot be read", kind, id),
                                      "run \"pawl verify\", which names what is damaged")
                         : pawli_hint(err,
                                      pawli_fail(err, PAWL_ENOTFOUND, "no workflow %s/%s in scope \"%s\"", kind, id,
                                                 store->scope_text),
                                      "see \"pawl workflows list\"");
    pawli_page_done(page);
    return status;
}

struct workflow_ref pawli_draft_ref(struct drafting *drafting, const char *kind, const char *id)
{
    return (struct workflow_ref){.kind = pawli_draft_text(drafting, kind), .id = pawli_draft_text(drafting, id)};
}

static int check_state(const char *field, const char *state, pawl_error *err)
{
    return pawli_check_text(field, text_of(state), LIMIT_NAME, err);
}

/* ---- starts ---- */

static int check_start(const pawl_start *start, pawl_error *err)
{
    int status = pawli_check_kind_and_id(start->kind, start->id, err);
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(start->key), err);
    if (status == PAWL_OK)
        status = check_state("state", start->state, err);
    if (status == PAWL_OK)
        status = pawli_check_range("version", start->version, 0, INT32_MAX, err);
    return status == PAWL_OK ? pawli_check_range("wake_in_ms", start->wake_in_ms, 0, INT64_MAX / 2, err) : status;
}

int pawli_draft_good_start(struct drafting *drafting, const pawl_start *start, struct start_draft *draft,
                           pawl_error *err)
{
    struct env *env = drafting->store->opened->env;
    *draft = (struct start_draft){.ref = pawli_draft_ref(drafting, start->kind, start->id),
                                  .wake_in_ms = start->wake_in_ms,
                                  .keeps_existing = start->keep_existing != 0};
    struct workflow_row *row = &draft->row;
    bool is_given = start->data != NULL || start->data_size;
    int status = pawli_draft_body(drafting, "data", is_given ? start->data : "null", is_given ? start->data_size : 4,
                                  &row->data, err);
    if (status == PAWL_OK)
        status = pawli_draft_content_type(drafting, "data", start->content_type, row->data, &row->content_type, err);
    if (status < 0)
        return status;
    row->id = draft->ref.id;
    row->key = pawli_draft_text(drafting, start->key);
    row->state = pawli_draft_text(drafting, start->state);
    row->version = start->version;
    row->priority = 5;
    row->expires = WALL_NEVER;
    env->ops->random(env, &row->tail, sizeof row->tail);
    row->tail &= MESSAGE_TAIL_MAX;
    row->fingerprint = pawli_start_fingerprint(&drafting->hasher, row);
    return pawli_arena_failed(&drafting->unit.arena) || drafting->hasher.failed ? pawli_no_memory(err) : PAWL_OK;
}

int pawli_draft_start(struct drafting *drafting, const pawl_start *given, struct start_draft *draft, pawl_error *err)
{
    pawl_start start;
    int status = pawli_check_given(err, given);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&start, sizeof start, given))
        return pawli_bad_struct("pawl_start", err);
    status = check_start(&start, err);
    return status == PAWL_OK ? pawli_draft_good_start(drafting, &start, draft, err) : status;
}

static int add_start(struct drafting *drafting, struct starts *starts, const pawl_start *start, pawl_error *err)
{
    if (starts->count == LIMIT_STARTS)
        return pawli_fail(err, PAWL_ELIMIT, "starts has over %d items", LIMIT_STARTS);
    if (!pawli_arena_reserve(&drafting->unit.arena, (void **)&starts->items, sizeof *starts->items, starts->count + 1,
                             &starts->room))
        return pawli_no_memory(err);
    int status = pawli_draft_start(drafting, start, &starts->items[starts->count], err);
    starts->count += status == PAWL_OK;
    return status;
}

void pawl_transition_start(pawl_transition *t, const pawl_start *start)
{
    struct drafting *drafting = pawli_building(t);
    struct starts *starts = drafting ? pawli_draft_effect(drafting, &pawli_effect_starts) : NULL;
    if (!drafting)
        return;
    if (!starts) {
        pawli_no_memory(&drafting->error);
        return;
    }
    starts->atomic = true;
    if (add_start(drafting, starts, start, &drafting->error) < 0)
        pawli_error_item(&drafting->error, "start", starts->count, 2);
}

/* ---- resources ---- */

static_assert((int)PAWL_RESOURCE_WITHDRAW + 1 == (int)RESOURCE_ACTION_COUNT, "the public actions are the effect's");

static int read_holder(struct drafting *drafting, const char *holder, struct workflow_ref *ref, pawl_error *err)
{
    if (!holder)
        return PAWL_OK;
    int status = pawli_check_holder("holder", text_of(holder), err);
    if (status < 0)
        return status;
    struct text whole = pawli_draft_text(drafting, holder);
    if (!whole.data)
        return pawli_no_memory(err);
    size_t size = (size_t)((const char *)memchr(whole.data, '/', whole.size) - whole.data);
    ref->kind = (struct text){whole.data, size};
    ref->id = (struct text){whole.data + size + 1, whole.size - size - 1};
    return PAWL_OK;
}

static int add_resource(struct drafting *drafting, struct resources *resources, const pawl_resource *given,
                        pawl_error *err)
{
    pawl_resource resource;
    int status = pawli_check_given(err, given);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&resource, sizeof resource, given))
        return pawli_bad_struct("pawl_resource", err);
    if (resources->count == LIMIT_STARTS)
        return pawli_fail(err, PAWL_ELIMIT, "resources has over %d items", LIMIT_STARTS);
    status = pawli_check_account("id", text_of(resource.id), err);
    if (status == PAWL_OK && resource.kind)
        status = pawli_check_name("kind", text_of(resource.kind), err);
    if (status == PAWL_OK)
        status = pawli_check_range("action", resource.action, 0, RESOURCE_ACTION_COUNT - 1, err);
    if (status == PAWL_OK && resource.kind && resource.action != PAWL_RESOURCE_ADD)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "kind is given, and the resource is not added"),
                            "its kind was said when it was added: leave it out");
    if (status < 0)
        return status;
    if (!pawli_arena_reserve(&drafting->unit.arena, (void **)&resources->items, sizeof *resources->items,
                             resources->count + 1, &resources->room))
        return pawli_no_memory(err);
    struct resource_change *change = &resources->items[resources->count];
    *change = (struct resource_change){.id = pawli_draft_text(drafting, resource.id),
                                       .kind = pawli_draft_text(drafting, resource.kind),
                                       .action = (enum resource_action)resource.action};
    status = read_holder(drafting, resource.holder, &change->holder, err);
    if (status < 0)
        return status;
    resources->count++;
    return pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : PAWL_OK;
}

static struct step *step_of(const struct drafting *drafting)
{
    return pawli_draft_find(drafting, &pawli_effect_step);
}

/* Those of a step are decided within it. Of others behind the starts: what a transition starts may hold what it adds. */
static struct resources *resources_of(struct drafting *drafting)
{
    struct step *step = step_of(drafting);
    if (step)
        return &step->resources;
    struct starts *starts = pawli_draft_effect(drafting, &pawli_effect_starts);
    if (starts)
        starts->atomic = true;
    return starts ? pawli_draft_effect(drafting, &pawli_effect_resources) : NULL;
}

void pawl_transition_resource(pawl_transition *t, const pawl_resource *resource)
{
    struct drafting *drafting = pawli_building(t);
    struct resources *resources = drafting ? resources_of(drafting) : NULL;
    if (drafting && !resources)
        pawli_no_memory(&drafting->error);
    else if (drafting && add_resource(drafting, resources, resource, &drafting->error) < 0)
        pawli_error_item(&drafting->error, "resource", resources->count, 2);
}

/* ---- steps ---- */

static_assert((int)PAWL_STEP_FAIL == (int)STEP_FAIL, "the public results are the effect's");

static int check_outcome(const pawl_step_outcome *outcome, pawl_error *err)
{
    bool goes_on = outcome->result == PAWL_STEP_NEXT || outcome->result == PAWL_STEP_PARK;
    int status = pawli_check_kind_and_id(outcome->kind, outcome->id, err);
    if (status == PAWL_OK)
        status = pawli_check_range("result", outcome->result, 0, PAWL_STEP_FAIL, err);
    if (status == PAWL_OK)
        status = check_state("state", outcome->state, err);
    if (status == PAWL_OK)
        status = check_state("undo", outcome->undo, err);
    if (status == PAWL_OK)
        status = pawli_check_range("version", outcome->version, 0, INT32_MAX, err);
    if (status == PAWL_OK)
        status = pawli_check_range("wake_in_ms", outcome->wake_in_ms, 0, INT64_MAX / 2, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("data", outcome->data, outcome->data_size, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("receipt", outcome->receipt, outcome->receipt_size, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("undo_data", outcome->undo_data, outcome->undo_data_size, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("take", outcome->take, outcome->take_count, err);
    if (status == PAWL_OK && outcome->take_count > LIMIT_SIGNALS)
        status = pawli_fail(err, PAWL_ELIMIT, "take has over %d items", LIMIT_SIGNALS);
    if (status < 0)
        return status;
    static const char hint[] =
        "done takes a receipt, fail an error; only next and park go on: park takes a time or an error, next keep";
    const char *field = !goes_on && (outcome->undo || outcome->no_return)          ? "undo or no_return"
                        : !goes_on && outcome->await                               ? "await"
                        : outcome->result != PAWL_STEP_PARK && outcome->has_wake   ? "wake_in_ms"
                        : outcome->result != PAWL_STEP_NEXT && outcome->keep       ? "keep"
                        : outcome->result != PAWL_STEP_DONE && outcome->receipt    ? "receipt"
                        : outcome->result != PAWL_STEP_PARK && outcome->stuck      ? "stuck"
                        : outcome->result != PAWL_STEP_FAIL && outcome->compensate ? "compensate"
                        : outcome->result == PAWL_STEP_DONE && outcome->error      ? "error"
                                                                                   : NULL;
    if (field)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "%s is given, and the result is %s", field,
                                     pawli_step_result_text((enum step_result)outcome->result)),
                          "%s", hint);
    return PAWL_OK;
}

int pawli_step_undo(struct drafting *drafting, const pawl_step_outcome *outcome, struct step *step, pawl_error *err)
{
    struct text data = {outcome->undo_data, outcome->undo_data_size};
    struct buffer buffer;
    if (!outcome->undo)
        return PAWL_OK;
    int status = pawli_check_body("undo_data", data.data ? data : TEXT("null"), err);
    if (status == PAWL_OK && data.data && pawli_json_check(data, NULL, NULL) != JSON_GOOD)
        status = pawli_fail(err, PAWL_EINVAL, "undo_data is not JSON");
    if (status < 0)
        return status;
    buffer_init(&buffer, LIMIT_BODY + 8 * LIMIT_NAME);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_string(&writer, "state", outcome->undo);
    pawli_json_put_raw(&writer, "data", data.data ? pawli_json_trim(data) : TEXT("null"));
    pawli_json_close(&writer, '}');
    step->undo = pawli_arena_text(&drafting->unit.arena, buffer_text(&buffer));
    bool failed = buffer.failed || !step->undo.data;
    pawli_buffer_done(&buffer);
    return failed ? pawli_no_memory(err) : PAWL_OK;
}

static int draft_take(struct drafting *drafting, const pawl_step_outcome *outcome, struct step *step, pawl_error *err)
{
    step->has_take = outcome->has_take || outcome->take_count > 0;
    if (outcome->take_count == 0)
        return PAWL_OK;
    step->take = arena_array(&drafting->unit.arena, struct text, outcome->take_count);
    for (size_t i = 0; step->take && i < outcome->take_count; i++) {
        int status = outcome->take[i] ? pawli_check_key("take", text_of(outcome->take[i]), err)
                                      : pawli_fail(err, PAWL_EINVAL, "take: item %zu is NULL", i + 1);
        if (status < 0)
            return status;
        step->take[step->take_count++] = pawli_draft_text(drafting, outcome->take[i]);
    }
    return step->take ? PAWL_OK : pawli_no_memory(err);
}

static int draft_bodies(struct drafting *drafting, const pawl_step_outcome *outcome, struct step *step, pawl_error *err)
{
    int status = PAWL_OK;
    step->has_data = outcome->data != NULL;
    if (step->has_data)
        status = pawli_draft_body(drafting, "data", outcome->data, outcome->data_size, &step->data, err);
    if (status == PAWL_OK && step->has_data)
        status = pawli_draft_content_type(drafting, "data", outcome->content_type, step->data, &step->content_type,
                                          err);
    if (status == PAWL_OK && outcome->receipt)
        status = pawli_draft_body(drafting, "receipt", outcome->receipt, outcome->receipt_size, &step->receipt, err);
    if (status == PAWL_OK && outcome->receipt)
        status = pawli_draft_content_type(drafting, "receipt", NULL, step->receipt, &step->receipt_type, err);
    return status;
}

int pawli_step_answer(struct drafting *drafting, const pawl_step_outcome *outcome, struct step *step, pawl_error *err)
{
    step->result = (enum step_result)outcome->result;
    step->has_state = outcome->state != NULL;
    step->state = pawli_draft_text(drafting, outcome->state);
    step->has_version = outcome->has_version || outcome->version;
    step->version = outcome->version;
    step->keeps = outcome->keep;
    step->rejected = outcome->rejected;
    step->compensates = outcome->compensate;
    step->is_stuck = outcome->stuck;
    step->no_return |= outcome->no_return;
    step->awaits |= outcome->await;
    step->wake_in_ms = outcome->has_wake ? outcome->wake_in_ms : -1;
    step->error = pawli_draft_cut(drafting, outcome->error, LIMIT_ERROR_TEXT);
    int status = draft_bodies(drafting, outcome, step, err);
    return status == PAWL_OK && pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : status;
}

/* What its record says was asked. */
int pawli_step_close(pawl_transition *t, const struct step *step, pawl_error *err)
{
    struct buffer buffer;
    buffer_init(&buffer, 4 * LIMIT_BODY);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_text(&writer, "kind", step->ref.kind);
    pawli_json_put_text(&writer, "id", step->ref.id);
    pawli_json_put_u64(&writer, "generation", step->generation);
    pawli_json_put_string(&writer, "result", pawli_step_result_text(step->result));
    pawli_json_put_text(&writer, "state", step->state);
    pawli_json_put_text(&writer, "error", step->error);
    pawli_json_close(&writer, '}');
    int status = buffer.failed ? pawli_no_memory(err) : PAWL_OK;
    if (status == PAWL_OK)
        pawl_transition_command(t, buffer.data, buffer.size);
    pawli_buffer_done(&buffer);
    return status;
}

/* At which generation it was claimed, where the caller does not say so. */
static int look_up(pawl_store *store, pawl_step_outcome *outcome, pawl_error *err)
{
    struct page page;
    if (outcome->has_generation)
        return PAWL_OK;
    int status = pawli_read_workflow_row(store, outcome->kind, outcome->id, &page, err);
    if (status < 0)
        return status;
    outcome->generation = page.workflows->workflow.generation;
    pawli_page_done(&page);
    return PAWL_OK;
}

static int read_outcome(pawl_store *store, const pawl_step_outcome *outcome, pawl_step_outcome *copy, pawl_error *err)
{
    int status = pawli_check_given(err, store, outcome);
    if (status < 0)
        return status;
    if (!pawli_copy_options(copy, sizeof *copy, outcome))
        return pawli_bad_struct("pawl_step_outcome", err);
    status = check_outcome(copy, err);
    return status == PAWL_OK ? look_up(store, copy, err) : status;
}

static pawl_uuid request_of(const char *kind, const char *id, uint64_t generation)
{
    char text[LIMIT_NAME + LIMIT_WORKFLOW_ID + 48];
    int size = snprintf(text, sizeof text, "pawl.step/%s/%s/%" PRIu64, kind, id, generation);
    return pawl_request_id_from(text, (size_t)size);
}

static struct step *add_step(struct drafting *drafting, const char *kind, const char *id, uint64_t token,
                             uint64_t generation)
{
    struct env *env = drafting->store->opened->env;
    struct step *step = pawli_draft_effect(drafting, &pawli_effect_step);
    if (!step)
        return NULL;
    step->ref = pawli_draft_ref(drafting, kind, id);
    step->resources.own = step->ref;
    step->token = token;
    step->generation = generation;
    step->wake_in_ms = -1;
    env->ops->random(env, &step->random, sizeof step->random);
    return pawli_arena_failed(&drafting->unit.arena) ? NULL : step;
}

pawl_transition *pawli_step_open(pawl_store *store, const char *kind, const char *id, uint64_t token,
                                 uint64_t generation, struct step **ret_step)
{
    const pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "step",
                                             .request_id = request_of(kind, id, generation)};
    pawl_transition *t = pawl_transition_new(store, &options);
    struct drafting *drafting = pawli_building(t);
    *ret_step = drafting ? add_step(drafting, kind, id, token, generation) : NULL;
    if (!drafting)
        return t;
    if (!*ret_step)
        pawli_no_memory(&drafting->error);
    drafting->unit.record->row.type = TEXT(STEP_TYPE);
    drafting->unit.record->is_optional = true;
    return t;
}

pawl_transition *pawl_transition_of_step(pawl_store *store, const pawl_step_outcome *given)
{
    pawl_step_outcome outcome = {0};
    pawl_error error = {0};
    struct step *step;
    int status = read_outcome(store, given, &outcome, &error);
    pawl_transition *t = status == PAWL_OK
                             ? pawli_step_open(store, outcome.kind, outcome.id, outcome.token, outcome.generation,
                                               &step)
                             : pawl_transition_new(store,
                                                   &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "step"});
    struct drafting *drafting = pawli_building(t);
    if (!drafting)
        return t;
    if (status < 0) {
        drafting->error = error;
        return t;
    }
    status = pawli_step_answer(drafting, &outcome, step, &drafting->error);
    if (status == PAWL_OK)
        status = draft_take(drafting, &outcome, step, &drafting->error);
    if (status == PAWL_OK)
        status = pawli_step_undo(drafting, &outcome, step, &drafting->error);
    if (status == PAWL_OK)
        pawli_step_close(t, step, &drafting->error);
    return t;
}

const char *pawl_transition_step_status(const pawl_transition *t, uint64_t *ret_generation)
{
    const struct step *step = t ? step_of((const struct drafting *)t) : NULL;
    if (ret_generation)
        *ret_generation = step ? step->made : 0;
    return step ? step->status : NULL;
}

static int commit_claim(pawl_store *store, const char *kind, const char *id, uint64_t token, enum step_result what,
                        int64_t lease_ms, pawl_error *err)
{
    struct drafting drafting;
    pawli_drafting_init(&drafting, store);
    struct step *step = add_step(&drafting, kind, id, token, 0);
    int status = step ? PAWL_OK : pawli_no_memory(err);
    if (step) {
        step->result = what;
        step->lease_ms = lease_ms;
        status = pawli_draft_commit(&drafting, NULL, err);
    }
    pawli_drafting_done(&drafting);
    return status;
}

int pawli_step_extend(pawl_store *store, const char *kind, const char *id, uint64_t token, int64_t lease_ms,
                      pawl_error *err)
{
    return commit_claim(store, kind, id, token, STEP_EXTEND, lease_ms, err);
}

int pawli_step_release(pawl_store *store, const char *kind, const char *id, uint64_t token, pawl_error *err)
{
    return commit_claim(store, kind, id, token, STEP_RELEASE, 0, err);
}

int pawl_workflow_extend(pawl_store *store, const char *kind, const char *id, uint64_t token, int64_t lease_ms,
                         pawl_error *err)
{
    int status = pawli_check_given(err, store, kind, id);
    if (status == PAWL_OK)
        status = pawli_check_kind_and_id(kind, id, err);
    if (status == PAWL_OK && lease_ms != 0)
        status = pawli_check_range("lease_ms", lease_ms, 1, LIMIT_LEASE_MS, err);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    return status == PAWL_OK ? pawli_step_extend(store, kind, id, token, lease_ms, err) : status;
}
