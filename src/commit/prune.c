/* SPDX-License-Identifier: MIT */
#include "commit/prune.h"

#include "model/trace.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct prune *prune = (struct prune *)effect;
    prune->requests = arena_array(view->arena, struct view_request *, prune->count + 1);
    for (size_t i = 0; prune->requests && i < prune->count; i++) {
        prune->requests[i] = pawli_view_request(view, unit->view_scope, &prune->ids[i]);
        if (!prune->requests[i])
            return false;
    }
    return prune->requests != NULL;
}

/* A kind and a hash, behind those that are there already. */
static void add_hash(struct arena *arena, struct hasher *hasher, char kind, struct text body, struct text *hashes)
{
    const struct digest hash = pawli_sha256(hasher, body);
    char *all = pawli_arena_alloc_raw(arena, hashes->size + RECORD_HASH_SIZE);
    if (!all)
        return;
    if (hashes->size)
        memcpy(all, hashes->data, hashes->size);
    all[hashes->size] = kind;
    memcpy(all + hashes->size + 1, hash.bytes, DIGEST_SIZE);
    *hashes = (struct text){all, hashes->size + RECORD_HASH_SIZE};
}

/* False: they cannot be read. */
static bool prune_events(struct arena *arena, struct hasher *hasher, struct text *events)
{
    struct trace_walk walk;
    struct event event;
    struct buffer buffer;
    enum trace_step step;
    if (!events->data)
        return true;
    if (!pawli_trace_begin(&walk, *events))
        return false;
    buffer_init(&buffer, SIZE_MAX / 2);
    pawli_trace_open(&buffer);
    for (uint32_t index = 0; (step = pawli_trace_next(&walk, arena, &event)) == TRACE_EVENT; index++) {
        if (event_has_body(&event)) {
            event.hash = pawli_sha256(hasher, event.data);
            event.is_pruned = true;
        }
        pawli_trace_event(&buffer, arena, &event, index);
    }
    pawli_trace_close(&buffer);
    if (step == TRACE_END)
        *events = pawli_arena_text(arena, buffer_text(&buffer));
    arena->failed |= buffer.failed;
    pawli_buffer_done(&buffer);
    return step == TRACE_END;
}

/* One that cannot be read is left as it is: who verifies is told of it. */
static bool prune_record(struct view *view, struct hasher *hasher, struct view_request *request)
{
    struct record_row row = request->row;
    if (request->slot.is_damaged || !request->slot.exists || !prune_events(view->arena, hasher, &row.events))
        return true;
    if (row.command.data)
        add_hash(view->arena, hasher, HASH_COMMAND, row.command, &row.hashes);
    if (row.response.data)
        add_hash(view->arena, hasher, HASH_RESPONSE, row.response, &row.hashes);
    row.command = row.response = row.response_type = (struct text){0};
    if (hasher->failed || pawli_arena_failed(view->arena) || !pawli_view_touch(view, &request->slot))
        return false;
    request->row = row;
    return true;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct prune *prune = (struct prune *)effect;
    struct scope_row *scope = &unit->view_scope->row;
    struct hasher hasher;
    bool good = true;
    prune->pruned = 0;
    if (scope->pruned + 1 != prune->from || prune->to < prune->from) { /* another did meanwhile */
        unit->changes_nothing = true;
        return PAWL_OK;
    }
    pawli_hasher_init(&hasher);
    for (size_t i = 0; good && i < prune->count; i++)
        good = prune_record(view, &hasher, prune->requests[i]);
    pawli_hasher_done(&hasher);
    if (!good || !pawli_view_touch(view, &unit->view_scope->slot))
        return pawli_no_memory(err);
    scope->pruned = prune->to;
    prune->pruned = prune->count;
    return PAWL_OK;
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    const struct prune *prune = (const struct prune *)effect;
    pawli_json_put_u64(writer, "from", prune->from);
    pawli_json_put_u64(writer, "to", prune->to);
}

const struct effect_ops pawli_effect_prune = {
    .name = "prune", .size = sizeof(struct prune), .gather = gather, .decide = decide, .describe = describe};
