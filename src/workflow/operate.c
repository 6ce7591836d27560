/* SPDX-License-Identifier: MIT */
/* Starting and signalling workflows outside transitions, and what operators do to them. */
#include <stdio.h>

#include "base/json.h"
#include "base/uuid.h"
#include "commit/operation.h"
#include "model/check.h"
#include "model/view_json.h"
#include "workflow/build.h"

int pawli_check_write(pawl_store *store, pawl_error *err)
{
    int status = pawli_store_check_write(store->opened->store, err);
    return status == PAWL_OK ? pawli_check_own_scope(store->scope, err) : status;
}

/* ---- starting ---- */

static int draft_one_start(struct drafting *drafting, const pawl_start *start, struct start_draft **ret_draft,
                           pawl_error *err)
{
    struct starts *starts = pawli_draft_effect(drafting, &pawli_effect_starts);
    struct start_draft *draft = starts ? arena_new(&drafting->unit.arena, struct start_draft) : NULL;
    if (!draft)
        return pawli_no_memory(err);
    starts->items = *ret_draft = draft;
    starts->count = 1;
    return pawli_draft_start(drafting, start, draft, err);
}

static int commit_start(struct drafting *drafting, const pawl_start *start, pawl_workflows **ret_workflow,
                        pawl_error *err)
{
    struct start_draft *draft;
    int status = draft_one_start(drafting, start, &draft, err);
    if (status == PAWL_OK)
        status = pawli_draft_commit(drafting, NULL, err);
    return status == PAWL_OK && ret_workflow ? pawli_workflows_of_start(drafting->store, draft, ret_workflow, err)
                                             : status;
}

int pawl_workflow_start(pawl_store *store, const pawl_start *start, pawl_workflows **ret_workflow, pawl_error *err)
{
    struct drafting drafting;
    int status = pawli_check_given(err, store, start);
    if (status == PAWL_OK)
        status = pawli_check_write(store, err);
    if (status < 0)
        return status;
    pawli_drafting_init(&drafting, store);
    status = commit_start(&drafting, start, ret_workflow, err);
    pawli_drafting_done(&drafting);
    return status;
}

/* The checkpoint that the step of this generation began with. The page is the caller's. */
static int read_checkpoint(pawl_store *store, const struct workflow_item *item, uint64_t generation, struct page *page,
                           struct step_row *checkpoint, pawl_error *err)
{
    const struct query query = {
        .kind = QUERY_STEPS, .number = item->workflow.number, .after = generation - 1, .limit = 1};
    int status = pawli_store_query(store->opened->store, &query, page, err);
    if (status < 0)
        return status;
    if (page->count == 1 && !page->steps->is_damaged && page->steps->generation == generation) {
        *checkpoint = *page->steps;
        return PAWL_OK;
    }
    pawli_page_done(page);
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_ENOTFOUND, "the workflow has no step of generation %llu", (unsigned long long)generation),
        "see its steps: \"pawl workflows show\"");
}

/* Repeated under its request id it is what was made then. */
static int commit_fork(struct operation *op, const pawl_start *start, pawl_workflows **ret_workflow, pawl_error *err)
{
    struct start_draft *draft;
    int status = draft_one_start(&op->drafting, start, &draft, err);
    if (status == PAWL_OK)
        status = pawli_commit_operation(op, err);
    if (status < 0 || !ret_workflow)
        return status;
    pawl_store *store = op->drafting.store;
    return op->record.replayed ? pawli_workflows_of_replay(store, start->kind, start->id, ret_workflow, err)
                               : pawli_workflows_of_start(store, draft, ret_workflow, err);
}

static int fork_from(pawl_store *store, const struct workflow_item *item, const struct step_row *from,
                     uint64_t generation, const char *new_id, const pawl_operation *operation,
                     pawl_workflows **ret_workflow, pawl_error *err)
{
    struct operation op;
    const struct workflow_row *row = &item->workflow;
    int status = pawli_open_operation(&op, store, "pawl.workflow.fork", operation, false, err);
    if (status < 0)
        return status;
    pawli_json_put_text(&op.writer, "kind", item->kind);
    pawli_json_put_text(&op.writer, "id", row->id);
    pawli_json_put_string(&op.writer, "new_id", new_id);
    if (generation)
        pawli_json_put_u64(&op.writer, "at", generation);
    const pawl_start start = {PAWL_START,
                              .kind = item->kind.data,
                              .id = new_id,
                              .key = row->key.data,
                              .state = from->state.data,
                              .data = from->data.data,
                              .data_size = from->data.size,
                              .content_type = from->content_type.data,
                              .version = from->version};
    status = commit_fork(&op, &start, ret_workflow, err);
    pawli_close_operation(&op);
    return status;
}

int pawl_workflow_fork(pawl_store *store, const char *kind, const char *id, const char *new_id, uint64_t generation,
                       const pawl_operation *operation, pawl_workflows **ret_workflow, pawl_error *err)
{
    struct page page, steps = {0};
    struct step_row from;
    int status = pawli_check_given(err, store, kind, id, new_id);
    if (status == PAWL_OK)
        status = pawli_check_kind_and_id(kind, id, err);
    if (status == PAWL_OK && strcmp(id, new_id) == 0)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the new workflow has the id of the one it comes from"),
                            "give it an id of its own");
    if (status == PAWL_OK)
        status = pawli_check_write(store, err);
    if (status == PAWL_OK)
        status = pawli_read_workflow_row(store, kind, id, &page, err);
    if (status < 0)
        return status;
    const struct workflow_row *row = &page.workflows->workflow;
    from = (struct step_row){
        .state = row->state, .version = row->version, .content_type = row->content_type, .data = row->data};
    if (generation && row->coded)
        status = pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "the steps of %s/%s are those of a function", kind, id),
                            "fork it without a step: the new one begins at the top, with the same input");
    else if (generation)
        status = read_checkpoint(store, page.workflows, generation, &steps, &from, err);
    if (status == PAWL_OK)
        status = fork_from(store, page.workflows, &from, generation, new_id, operation, ret_workflow, err);
    if (steps.count)
        pawli_page_done(&steps);
    pawli_page_done(&page);
    return status;
}

/* ---- signals ---- */

static int draft_signal(struct drafting *drafting, const pawl_signal *signal, struct signal_draft **ret_draft,
                        pawl_error *err)
{
    struct signal_draft *draft = pawli_draft_effect(drafting, &pawli_effect_signal);
    if (!draft)
        return pawli_no_memory(err);
    struct env *env = drafting->store->opened->env;
    char drawn[PAWL_UUID_TEXT_SIZE];
    uint8_t random[10];
    bool is_given = signal->data != NULL || signal->data_size;
    struct signal_row *row = &draft->row;
    int status = pawli_draft_body(drafting, "data", is_given ? signal->data : "null", is_given ? signal->data_size : 4,
                                  &row->data, err);
    if (status == PAWL_OK)
        status = pawli_draft_content_type(drafting, "data", signal->content_type, row->data, &row->content_type, err);
    if (status < 0)
        return status;
    env->ops->random(env, random, sizeof random);
    pawl_uuid id = pawli_uuid_v7(env->ops->wall_now(env).ms, (uint16_t)(random[8] << 8 | random[9]), random);
    draft->ref = pawli_draft_ref(drafting, signal->kind, signal->id);
    row->workflow = draft->ref.id;
    row->key = pawli_draft_text(drafting, signal->dedupe ? signal->dedupe : pawl_uuid_format(&id, drawn));
    row->name = pawli_draft_text(drafting, signal->name);
    *ret_draft = draft;
    return pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : PAWL_OK;
}

/* What is asked is recorded with its content: a signal is gone when its workflow is. */
static int signal_as_operator(pawl_store *store, const pawl_signal *signal, uint32_t *ret_replayed, pawl_error *err)
{
    struct operation op;
    struct signal_draft *draft;
    int status = pawli_open_operation(&op, store, "pawl.workflow.signal", signal->operation, false, err);
    if (status < 0)
        return status;
    status = draft_signal(&op.drafting, signal, &draft, err);
    if (status == PAWL_OK) {
        pawli_json_put_string(&op.writer, "kind", signal->kind);
        pawli_json_put_string(&op.writer, "id", signal->id);
        pawli_json_put_string(&op.writer, "name", signal->name);
        pawli_json_put_string(&op.writer, "dedupe", signal->dedupe);
        pawli_exact_json(&op.writer, "data", draft->row.content_type, draft->row.data);
        status = pawli_commit_operation(&op, err);
    }
    if (status == PAWL_OK && ret_replayed)
        *ret_replayed = op.record.replayed || draft->replayed;
    pawli_close_operation(&op);
    return status;
}

int pawl_workflow_signal(pawl_store *store, const pawl_signal *signal, uint32_t *ret_replayed, pawl_error *err)
{
    pawl_signal copy;
    struct drafting drafting;
    struct signal_draft *draft;
    int status = pawli_check_given(err, store, signal);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, signal))
        return pawli_bad_struct("pawl_signal", err);
    status = pawli_check_kind_and_id(copy.kind, copy.id, err);
    if (status == PAWL_OK)
        status = pawli_check_name("name", text_of(copy.name), err);
    if (status == PAWL_OK)
        status = pawli_check_key("dedupe", text_of(copy.dedupe), err);
    if (status == PAWL_OK)
        status = pawli_check_write(store, err);
    if (status == PAWL_OK && copy.operation)
        return signal_as_operator(store, &copy, ret_replayed, err);
    if (status < 0)
        return status;
    pawli_drafting_init(&drafting, store);
    status = draft_signal(&drafting, &copy, &draft, err);
    if (status == PAWL_OK)
        status = pawli_draft_commit(&drafting, NULL, err);
    if (status == PAWL_OK && ret_replayed)
        *ret_replayed = draft->replayed;
    pawli_drafting_done(&drafting);
    return status;
}

/* ---- operators ---- */

static_assert((int)PAWL_STEER_RESUME + 1 == (int)STEER_COUNT, "the public words are the effect's");

static const char *status_of(struct text text)
{
    static const char *const statuses[] = {"runnable", "running", "parked", "stuck", "finished", "failed"};
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (text_is(text, statuses[i]))
            return statuses[i];
    return NULL;
}

/* What its record's response says: stored now, or long ago. */
static void read_steered(struct operation *op, pawl_steered *steered)
{
    struct text json = op->record.stored.response, name, value;
    struct arena *arena = &op->drafting.unit.arena;
    pawl_steered result = {.request_id = op->record.row.request_id, .was_replayed = op->record.replayed};
    if (json.data && pawli_json_is(json, '{', arena)) {
        struct json_walk walk = pawli_json_walk(json);
        while (pawli_json_member(&walk, &name, &value)) {
            if (pawli_json_type(value) != JSON_STRING)
                continue;
            if (pawli_json_name_is(name, "before"))
                result.before = status_of(pawli_json_string(arena, value));
            else if (pawli_json_name_is(name, "after"))
                result.after = status_of(pawli_json_string(arena, value));
        }
    }
    pawli_give_out(steered, &result, sizeof result);
}

static int draft_steering(struct operation *op, const pawl_steering *given, const struct step_row *checkpoint,
                          uint64_t generation)
{
    struct drafting *drafting = &op->drafting;
    struct steering *steering = pawli_draft_effect(drafting, &pawli_effect_steering);
    struct arena *arena = &drafting->unit.arena;
    if (!steering)
        return PAWL_ENOMEM;
    steering->ref = pawli_draft_ref(drafting, given->kind, given->id);
    steering->what = (enum steer)given->what;
    steering->force = given->force;
    steering->reason = op->reason;
    steering->by = op->actor;
    steering->has_checkpoint = checkpoint != NULL;
    steering->generation = generation;
    pawli_json_put_text(&op->writer, "kind", steering->ref.kind);
    pawli_json_put_text(&op->writer, "id", steering->ref.id);
    if (given->force)
        pawli_json_put_bool(&op->writer, "force", true);
    if (!checkpoint)
        return PAWL_OK;
    pawli_json_put_u64(&op->writer, "from", given->from);
    steering->checkpoint = *checkpoint;
    struct text *texts[] = {&steering->checkpoint.state, &steering->checkpoint.content_type,
                            &steering->checkpoint.data};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(arena, *texts[i]);
    return PAWL_OK;
}

static int commit_steering(pawl_store *store, const pawl_steering *steering, const struct step_row *checkpoint,
                           uint64_t generation, const pawl_operation *operation, pawl_steered *ret_steered,
                           pawl_error *err)
{
    struct operation op;
    char type[40];
    snprintf(type, sizeof type, "pawl.workflow.%s", pawli_steer_text((enum steer)steering->what));
    int status = pawli_open_operation(&op, store, type, operation, true, err);
    if (status < 0)
        return status;
    status = draft_steering(&op, steering, checkpoint, generation);
    status = status < 0 ? pawli_no_memory(err) : pawli_commit_operation(&op, err);
    if (status == PAWL_OK)
        read_steered(&op, ret_steered);
    pawli_close_operation(&op);
    return status;
}

static int retry_from(pawl_store *store, const pawl_steering *steering, const pawl_operation *operation,
                      pawl_steered *ret_steered, pawl_error *err)
{
    struct page page, steps;
    struct step_row checkpoint;
    int status = pawli_read_workflow_row(store, steering->kind, steering->id, &page, err);
    if (status < 0)
        return status;
    uint64_t generation = page.workflows->workflow.generation;
    status = read_checkpoint(store, page.workflows, steering->from, &steps, &checkpoint, err);
    if (status == PAWL_OK) {
        status = commit_steering(store, steering, &checkpoint, generation, operation, ret_steered, err);
        pawli_page_done(&steps);
    }
    pawli_page_done(&page);
    return status;
}

int pawl_workflow_steer(pawl_store *store, const pawl_steering *steering, const pawl_operation *operation,
                        pawl_steered *ret_steered, pawl_error *err)
{
    pawl_steering copy;
    int status = pawli_check_given(err, store, steering);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, steering))
        return pawli_bad_struct("pawl_steering", err);
    status = pawli_check_any_kind_and_id(copy.kind, copy.id, err);
    if (status == PAWL_OK)
        status = pawli_check_range("what", copy.what, 0, STEER_COUNT - 1, err);
    if (status == PAWL_OK && copy.from && copy.what != PAWL_STEER_RETRY)
        status = pawli_fail(err, PAWL_EINVAL, "from is given, and it is not retried");
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_steered", ret_steered, err);
    if (status < 0)
        return status;
    return copy.from ? retry_from(store, &copy, operation, ret_steered, err)
                     : commit_steering(store, &copy, NULL, 0, operation, ret_steered, err);
}

/* ---- kinds ---- */

static int read_setting(struct kind_change *change, const pawl_setting *setting, pawl_error *err)
{
    struct text value = text_of(setting->value ? setting->value : "");
    if (setting->key && strcmp(setting->key, "exhausted") == 0 && text_is(value, "stuck")) /* its status then */
        value = TEXT("hold");
    int status = pawli_policy_give(POLICY_OF_WORKFLOWS, &change->policy, &change->unset, setting->key, value, err);
    bool is_dead = change->policy.set >> POLICY_EXHAUSTED & 1 &&
                   policy_get(&change->policy, POLICY_EXHAUSTED) != EXHAUSTED_HOLD;
    if (status == PAWL_OK && is_dead)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "exhausted is always hold: no workflow fails by itself"),
                          "its program fails it, or a person stops it");
    return status;
}

static void put_settings(struct json_writer *writer, const pawl_setting *settings, size_t count)
{
    pawli_json_key(writer, "settings");
    pawli_json_open(writer, '{');
    for (size_t i = 0; i < count; i++)
        pawli_json_put_string(writer, settings[i].key, settings[i].value ? settings[i].value : "");
    pawli_json_close(writer, '}');
}

int pawl_kind_set(pawl_store *store, const char *kind, const pawl_setting *settings, size_t count,
                  const pawl_operation *operation, pawl_error *err)
{
    struct operation op;
    struct kind_change change = {0};
    int status = pawli_check_given(err, store, kind);
    if (status == PAWL_OK)
        status = pawli_check_name("kind", text_of(kind), err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("settings", settings, count, err);
    for (size_t i = 0; status == PAWL_OK && i < count; i++)
        status = read_setting(&change, &settings[i], err);
    if (status == PAWL_OK)
        status = pawli_open_operation(&op, store, "pawl.kind.set", operation, false, err);
    if (status < 0)
        return status;
    change.name = pawli_draft_text(&op.drafting, kind);
    pawli_json_put_text(&op.writer, "kind", change.name);
    put_settings(&op.writer, settings, count);
    pawli_unit_add(&op.drafting.unit, &change.effect, &pawli_effect_kind);
    status = pawli_commit_operation(&op, err);
    pawli_close_operation(&op);
    return status;
}

const char *pawl_kind_key(size_t index, const char **ret_default, const char **ret_meaning)
{
    return pawli_policy_key_of(POLICY_OF_WORKFLOWS, index, ret_default, ret_meaning);
}

struct pawl_kinds {
    struct page page;
    pawl_kind_view *items;
};

int pawl_kinds_list(pawl_store *store, pawl_kinds **ret_kinds, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_kinds);
    if (status < 0)
        return status;
    pawl_kinds *kinds = pawli_alloc(sizeof *kinds);
    if (!kinds)
        return pawli_no_memory(err);
    const struct query query = {.kind = QUERY_KINDS, .scope = store->scope, .limit = LIMIT_LIST};
    status = pawli_store_query(store->opened->store, &query, &kinds->page, err);
    if (status < 0) {
        pawli_free(kinds);
        return status;
    }
    struct arena *arena = &kinds->page.arena;
    kinds->items = arena_array(arena, pawl_kind_view, kinds->page.count + 1);
    for (size_t i = 0; kinds->items && i < kinds->page.count; i++) {
        const struct kind_row *row = &kinds->page.kinds[i];
        kinds->items[i] = (pawl_kind_view){.struct_size = sizeof(pawl_kind_view),
                                           .name = row->is_damaged ? "?" : pawli_arena_text(arena, row->name).data,
                                           .policy = row->is_damaged ? "{}"
                                                                     : pawli_policy_json(&row->policy, arena).data,
                                           .error = row->is_damaged ? "it cannot be read: set it anew" : NULL};
    }
    if (pawli_arena_failed(arena)) {
        pawl_kinds_free(kinds);
        return pawli_no_memory(err);
    }
    *ret_kinds = kinds;
    return PAWL_OK;
}

size_t pawl_kinds_count(const pawl_kinds *kinds)
{
    return kinds ? kinds->page.count : 0;
}

const pawl_kind_view *pawl_kinds_get(const pawl_kinds *kinds, size_t index)
{
    return index < pawl_kinds_count(kinds) ? &kinds->items[index] : NULL;
}

void pawl_kinds_free(pawl_kinds *kinds)
{
    if (!kinds)
        return;
    pawli_page_done(&kinds->page);
    pawli_free(kinds);
}
