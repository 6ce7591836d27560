/* SPDX-License-Identifier: MIT */
/* Tells the store who works here, so that others can be told who does, and since when nobody did. Nothing waits for it: a
 * full disk makes it late. */
#include "base/json.h"
#include "model/serving.h"
#include "work/work.h"

#include <unistd.h>

#define AGAIN_MS 10000 /* after a failure */

static struct text finish_names(struct worker *worker, struct buffer *buffer, struct json_writer *writer)
{
    pawli_json_close(writer, ']');
    struct text names = buffer->failed ? (struct text){0} : pawli_arena_text(&worker->texts, buffer_text(buffer));
    worker->texts.failed |= buffer->failed;
    pawli_buffer_done(buffer);
    return names;
}

static void add_name(struct json_writer *writer, struct text name)
{
    pawli_json_comma(writer);
    pawli_json_quote(writer->out, name);
}

static struct text lane_names(struct worker *worker)
{
    struct buffer buffer;
    struct json_writer writer = {&buffer, false};
    if (worker->options.lane_count == 0)
        return (struct text){0};
    buffer_init(&buffer, LIMIT_JSON);
    pawli_json_open(&writer, '[');
    for (size_t i = 0; i < worker->options.lane_count; i++)
        add_name(&writer, text_of(worker->options.lanes[i]));
    return finish_names(worker, &buffer, &writer);
}

/* A sink that does not serve all URLs of its schemes serves those of the functions that were registered. */
static struct text sink_names(struct worker *worker)
{
    struct buffer buffer;
    struct json_writer writer = {&buffer, false};
    buffer_init(&buffer, LIMIT_JSON);
    pawli_json_open(&writer, '[');
    for (size_t i = 0; i < SINKS; i++)
        for (const char *const *scheme = pawli_sinks[i]->schemes; !pawli_sinks[i]->serves && *scheme; scheme++)
            add_name(&writer, text_of(*scheme));
    for (const struct callback *callback = worker->callbacks; callback; callback = callback->next)
        add_name(&writer, pawli_arena_format(&worker->texts, "%scallback:%s", callback->is_asked ? ASKED_NAME : "",
                                             callback->name));
    return finish_names(worker, &buffer, &writer);
}

bool pawli_presence_init(struct worker *worker)
{
    struct env *env = worker->opened->env;
    struct worker_row *row = &worker->presence.row;
    env->ops->random(env, &row->id, sizeof row->id);
    row->id = (row->id >> 2) + 1;
    row->consumer = text_of(worker->options.consumer);
    row->pid = (uint64_t)getpid();
    if (!worker->options.all_scopes)
        row->scope = worker->store->scope;
    row->lanes = lane_names(worker);
    row->sinks = sink_names(worker);
    row->since = env->ops->wall_now(env);
    return !pawli_arena_failed(&worker->texts);
}

struct telling {
    struct unit unit;
    struct registration registration;
    struct worker *worker;
};

static void note(struct worker *worker, int status, const pawl_error *error)
{
    struct presence *presence = &worker->presence;
    struct env *env = worker->opened->env;
    presence->next = boot_after_ms(env->ops->boot_now(env), status < 0 ? AGAIN_MS : SEEN_MS);
    presence->was_told |= status == PAWL_OK;
    if (status < 0 && !presence->failed)
        pawli_tell_error(worker, "register_failed", 1, error);
    presence->failed = status < 0;
}

static void told(struct unit *unit, void *data)
{
    struct telling *telling = data;
    struct worker *worker = telling->worker;
    worker->units--;
    worker->presence.is_running = false;
    note(worker, unit->status, &unit->error);
    pawli_unit_done(unit);
    pawli_free(telling);
    pawli_engine_wake(&worker->engine);
}

static void tell(struct worker *worker, bool stops)
{
    pawl_error error;
    struct presence *presence = &worker->presence;
    struct telling *telling = pawli_alloc(sizeof *telling);
    if (!telling) {
        note(worker, pawli_no_memory(&error), &error);
        return;
    }
    telling->worker = worker;
    telling->registration = (struct registration){.row = presence->row, .stops = stops};
    pawli_unit_init(&telling->unit, &worker->opened->committer, worker->store->scope);
    pawli_unit_add(&telling->unit, &telling->registration.effect, &pawli_effect_register);
    telling->unit.deadline = pawli_deadline(worker->opened, 0);
    int status = pawli_commit_later(&telling->unit, told, telling, &error);
    if (status == PAWL_OK) {
        worker->units++;
        presence->is_running = true;
        return;
    }
    note(worker, status, &error);
    pawli_unit_done(&telling->unit);
    pawli_free(telling);
}

struct boot_time pawli_presence_tell(struct worker *worker, struct boot_time now)
{
    struct presence *presence = &worker->presence;
    if (!presence->is_running && now.ns >= presence->next.ns)
        tell(worker, false);
    return presence->is_running ? BOOT_NEVER : presence->next;
}

bool pawli_presence_leave(struct worker *worker)
{
    struct presence *presence = &worker->presence;
    if (presence->was_told && !presence->has_left) {
        presence->has_left = true;
        tell(worker, true);
    }
    return !presence->is_running;
}
