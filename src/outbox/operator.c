/* SPDX-License-Identifier: MIT */
/* What operators do: units with a record in the operator's scope. */
#include "pawl/operator.h"

#include <stdio.h>

#include "base/json.h"
#include "commit/adopt.h"
#include "commit/configure.h"
#include "commit/draft.h"
#include "commit/hold.h"
#include "commit/operation.h"
#include "model/check.h"
#include "model/headers.h"
#include "model/preset.h"
#include "model/urls.h"
#include "outbox/hasten.h"
#include "outbox/move.h"

/* ---- moves ---- */

static const char *state_or_null(struct text text)
{
    enum state state;
    return text.data && pawli_state_parse(text, &state) ? pawli_state_text(state) : NULL;
}

/* The answer of a move is what its record's response says: stored now, or long ago. */
static void read_moved(struct operation *op, pawl_moved *moved)
{
    struct text json = op->record.stored.response, name, value;
    struct arena *arena = &op->drafting.unit.arena;
    pawl_moved result = {.request_id = op->record.row.request_id, .was_replayed = op->record.replayed};
    if (json.data && pawli_json_check(json, NULL, NULL) == JSON_GOOD && json.data[0] == '{') {
        struct json_walk walk = pawli_json_walk(json);
        while (pawli_json_member(&walk, &name, &value)) {
            struct text text = pawli_json_type(value) == JSON_STRING ? pawli_json_string(arena, value)
                                                                     : (struct text){0};
            if (pawli_json_name_is(name, "before"))
                result.before = state_or_null(text);
            else if (pawli_json_name_is(name, "after"))
                result.after = state_or_null(text);
            else if (pawli_json_name_is(name, "successor"))
                pawli_uuid_read(text, &result.successor);
        }
    }
    pawli_give_out(moved, &result, sizeof result);
}

static void draw_tail(struct operation *op, struct move_item *item)
{
    struct env *env = op->drafting.store->opened->env;
    env->ops->random(env, &item->successor_tail, sizeof item->successor_tail);
    item->successor_tail &= MESSAGE_TAIL_MAX;
}

static void put_kind(struct operation *op, const struct move *move)
{
    if (move->kind == MOVE_RESOLVE)
        pawli_json_put_string(&op->writer, "outcome", pawli_event_text(move->outcome));
    if (move->again)
        pawli_json_put_bool(&op->writer, "again", true);
}

static const char *const move_verbs[] = {[MOVE_RETRY] = "retry",
                                         [MOVE_REQUEUE] = "requeue",
                                         [MOVE_CANCEL] = "cancel",
                                         [MOVE_RESOLVE] = "resolve",
                                         [MOVE_PURGE] = "purge"};

static int move_message(pawl_store *store, struct move *move, const pawl_uuid *id, const pawl_operation *operation,
                        pawl_moved *ret_moved, pawl_error *err)
{
    struct operation op;
    struct move_item item = {0};
    char text[PAWL_UUID_TEXT_SIZE], type[40];
    int status = pawli_check_given(err, store, id);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_moved", ret_moved, err);
    if (status < 0)
        return status;
    snprintf(type, sizeof type, "pawl.message.%s", move_verbs[move->kind]);
    status = pawli_open_operation(&op, store, type, operation, true, err);
    if (status < 0)
        return status;
    item.id = *id;
    move->items = &item;
    move->count = 1;
    move->reason = op.reason;
    move->by = op.actor;
    draw_tail(&op, &item);
    pawli_json_put_string(&op.writer, "id", pawl_uuid_format(id, text));
    put_kind(&op, move);
    pawli_unit_add(&op.drafting.unit, &move->effect, &pawli_effect_move);
    status = pawli_commit_operation(&op, err);
    if (status == PAWL_OK)
        read_moved(&op, ret_moved);
    pawli_close_operation(&op);
    return status;
}

/* The members of an object that are whole numbers or truth values, by name. */
struct answer_field {
    const char *name;
    uint64_t *number;
    bool *truth;
};

static void read_answer(struct text json, const struct answer_field *fields, size_t count)
{
    struct text name, value;
    int64_t number;
    if (!json.data || pawli_json_check(json, NULL, NULL) != JSON_GOOD || json.data[0] != '{')
        return;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value))
        for (size_t i = 0; i < count; i++) {
            if (!pawli_json_name_is(name, fields[i].name))
                continue;
            if (fields[i].truth)
                *fields[i].truth = text_is(value, "true");
            else if (pawli_json_i64(value, &number) && number >= 0)
                *fields[i].number = (uint64_t)number;
        }
}

int pawli_move_part(pawl_store *store, struct move *move, struct text filter, const pawl_uuid *operation_id,
                    uint64_t part, const pawl_operation *operation, struct moved_part *ret_part, pawl_error *err)
{
    struct operation op;
    char text[PAWL_UUID_TEXT_SIZE], type[40];
    snprintf(type, sizeof type, "pawl.messages.%s", move_verbs[move->kind]);
    int status = pawli_open_operation(&op, store, type, operation, true, err);
    if (status < 0)
        return status;
    move->by_filter = true;
    move->reason = op.reason;
    move->by = op.actor;
    for (size_t i = 0; i < move->count; i++)
        draw_tail(&op, &move->items[i]);
    pawli_json_put_string(&op.writer, "operation", pawl_uuid_format(operation_id, text));
    pawli_json_put_u64(&op.writer, "part", part);
    put_kind(&op, move);
    pawli_json_put_raw(&op.writer, "filter", filter);
    pawli_unit_add(&op.drafting.unit, &move->effect, &pawli_effect_move);
    status = pawli_commit_operation(&op, err);
    if (status == PAWL_OK) {
        struct moved_part read = {.was_replayed = op.record.replayed};
        const struct answer_field fields[] = {{"matched", &read.matched, NULL}, {"moved", &read.moved, NULL},
                                              {"refused", &read.refused, NULL}, {"seen_to", &read.seen_to, NULL},
                                              {"last_to", &read.last_to, NULL}, {"ends", NULL, &read.ends}};
        read_answer(op.record.stored.response, fields, COUNT_OF(fields));
        *ret_part = read;
    }
    pawli_close_operation(&op);
    return status;
}

int pawl_message_retry(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation, pawl_moved *ret_moved,
                       pawl_error *err)
{
    struct move move = {.kind = MOVE_RETRY};
    return move_message(store, &move, id, operation, ret_moved, err);
}

int pawl_message_requeue(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation, pawl_moved *ret_moved,
                         pawl_error *err)
{
    struct move move = {.kind = MOVE_REQUEUE};
    return move_message(store, &move, id, operation, ret_moved, err);
}

int pawl_message_resend(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation, pawl_moved *ret_moved,
                        pawl_error *err)
{
    struct move move = {.kind = MOVE_REQUEUE, .again = true};
    return move_message(store, &move, id, operation, ret_moved, err);
}

int pawl_message_cancel(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation, pawl_moved *ret_moved,
                        pawl_error *err)
{
    struct move move = {.kind = MOVE_CANCEL};
    return move_message(store, &move, id, operation, ret_moved, err);
}

int pawl_message_purge(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation, pawl_moved *ret_moved,
                       pawl_error *err)
{
    struct move move = {.kind = MOVE_PURGE};
    return move_message(store, &move, id, operation, ret_moved, err);
}

int pawli_move_outcome(int32_t outcome, enum task_event *event, pawl_error *err)
{
    switch (outcome) {
    case PAWL_VERDICT_DELIVERED:
        *event = EVENT_DELIVER;
        return PAWL_OK;
    case PAWL_VERDICT_RETRY:
        *event = EVENT_RETRY;
        return PAWL_OK;
    case PAWL_VERDICT_DEAD:
        *event = EVENT_REFUSE;
        return PAWL_OK;
    default:
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "outcome is none that a message can be resolved with"),
                          "use delivered, retry (pending) or dead");
    }
}

int pawl_message_resolve(pawl_store *store, const pawl_uuid *id, int32_t outcome, const pawl_operation *operation,
                         pawl_moved *ret_moved, pawl_error *err)
{
    struct move move = {.kind = MOVE_RESOLVE};
    int status = pawli_move_outcome(outcome, &move.outcome, err);
    return status < 0 ? status : move_message(store, &move, id, operation, ret_moved, err);
}

/* ---- policies and targets ---- */

/* "header:x-tenant"; false: the key of a policy. */
static bool names_header(const struct policy_change *change, const pawl_setting *setting)
{
    return change->is_target && setting->key && strncmp(setting->key, HEADER_SETTING, strlen(HEADER_SETTING)) == 0;
}

/* Of a key that is given twice the last counts. */
static int read_key(struct policy_change *change, const char *name, struct text value, pawl_error *err)
{
    return pawli_policy_give(POLICY_OF_MESSAGES, &change->policy, &change->unset, name, value, err);
}

static int read_preset(struct policy_change *change, struct text name, pawl_error *err)
{
    const struct preset *preset = NULL;
    int status = pawli_preset_find(name, &preset, err);
    for (size_t i = 0; status == PAWL_OK && i < preset->count; i++)
        status = read_key(change, preset->settings[i].key, text_of(preset->settings[i].value), err);
    return status;
}

/* Where a target is asked; NULL: that is no such setting. */
static struct text *asked_place(struct policy_change *change, const pawl_setting *setting)
{
    const struct {
        const char *key;
        struct text *place;
    } places[] = {{"probe", &change->probe}, {"poll", &change->poll}};
    for (size_t i = 0; change->is_target && setting->key && i < COUNT_OF(places); i++)
        if (strcmp(setting->key, places[i].key) == 0)
            return places[i].place;
    return NULL;
}

/* What a setting of a target names that is no key of its policy; 1: it names one. */
static int check_place(struct policy_change *change, const pawl_setting *setting, pawl_error *err)
{
    const char *value = setting->value ? setting->value : "";
    if (names_header(change, setting))
        return pawli_check_header(text_of(setting->key + strlen(HEADER_SETTING)), text_of(value), err);
    struct text *place = asked_place(change, setting);
    if (!place)
        return 1;
    *place = text_of(value);
    return *value ? pawli_check_asked_url(setting->key, value, err) : PAWL_OK;
}

static void draft_places(struct policy_change *change, const pawl_setting *settings, size_t count,
                         struct drafting *drafting)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = settings[i].value ? settings[i].value : "";
        struct text *place = asked_place(change, &settings[i]);
        if (place)
            *place = pawli_draft_text(drafting, value);
        else if (names_header(change, &settings[i]))
            change->route.headers = pawli_headers_put(change->route.headers,
                                                      text_of(settings[i].key + strlen(HEADER_SETTING)), text_of(value),
                                                      &drafting->unit.arena);
    }
}

static int read_settings(struct policy_change *change, const pawl_setting *settings, size_t count, pawl_error *err)
{
    int status = pawli_check_bytes("settings", settings, count, err);
    for (size_t i = 0; status == PAWL_OK && i < count; i++) {
        const char *key = settings[i].key;
        struct text value = text_of(settings[i].value ? settings[i].value : "");
        int place = check_place(change, &settings[i], err);
        if (place <= 0)
            status = place;
        else if (key && strcmp(key, PRESET_KEY) == 0)
            status = read_preset(change, value, err);
        else
            status = read_key(change, key, value, err);
    }
    return status;
}

/* By their names: the order of the keys may change. */
static void put_unset(struct json_writer *writer, uint64_t keys)
{
    struct buffer *out = writer->out;
    pawli_json_key(writer, "unset");
    pawli_json_open(writer, '[');
    for (int key = 0; key < POLICY_COUNT; key++) {
        if (!(keys >> key & 1))
            continue;
        pawli_json_comma(writer);
        pawli_json_quote(out, text_of(pawli_policy_key_text((enum policy_key)key)));
    }
    pawli_json_close(writer, ']');
}

/* The route as it is given: a single URL as such. */
static void put_route(struct operation *op, const struct policy_change *change, const pawl_route *route)
{
    pawli_json_put_text(&op->writer, "sender", change->sender);
    if (route->url_count == 1)
        pawli_json_put_string(&op->writer, "url", route->urls[0]);
    else if (route->url_count > 1)
        pawli_json_put_raw(&op->writer, "urls", change->route.urls);
    pawli_json_put_text(&op->writer, "secret_file", change->route.secret_file);
    if (change->route.headers.data)
        pawli_json_put_raw(&op->writer, "headers", change->route.headers);
}

static int change_policy(pawl_store *store, const char *type, struct policy_change *change, const pawl_route *route,
                         const pawl_operation *operation, pawl_error *err)
{
    struct operation op;
    int status = pawli_open_operation(&op, store, type, operation, false, err);
    if (status < 0)
        return status;
    struct arena *arena = &op.drafting.unit.arena;
    change->name = pawli_draft_text(&op.drafting, route->target);
    change->sender = pawli_draft_text(&op.drafting, route->sender);
    change->route.urls = pawli_urls_of(route->urls, route->url_count, arena);
    change->route.secret_file = pawli_draft_text(&op.drafting, route->secret_file);
    draft_places(change, route->settings, route->setting_count, &op.drafting);
    pawli_json_put_text(&op.writer, change->is_target ? "target" : "lane", change->name);
    put_route(&op, change, route);
    pawli_json_put_text(&op.writer, "probe", change->probe);
    pawli_json_put_text(&op.writer, "poll", change->poll);
    pawli_json_put_raw(&op.writer, "policy", pawli_policy_json(&change->policy, arena));
    if (change->unset)
        put_unset(&op.writer, change->unset);
    pawli_unit_add(&op.drafting.unit, &change->effect, &pawli_effect_policy);
    status = pawli_commit_operation(&op, err);
    pawli_close_operation(&op);
    return status;
}

const char *pawl_policy_key(size_t index, const char **ret_default, const char **ret_meaning)
{
    return pawli_policy_key_of(POLICY_OF_MESSAGES, index, ret_default, ret_meaning);
}

const char *pawl_policy_preset(size_t index, const char **ret_meaning, const pawl_setting **ret_settings,
                               size_t *ret_count)
{
    if (index >= pawli_preset_count)
        return NULL;
    const struct preset *preset = &pawli_presets[index];
    if (ret_meaning)
        *ret_meaning = preset->meaning;
    if (ret_settings)
        *ret_settings = preset->settings;
    if (ret_count)
        *ret_count = preset->count;
    return preset->name;
}

int pawl_lane_set(pawl_store *store, const char *lane, const pawl_setting *settings, size_t count,
                  const pawl_operation *operation, pawl_error *err)
{
    struct policy_change change = {0};
    int status = pawli_check_given(err, store, lane);
    if (status == PAWL_OK)
        status = pawli_check_name("lane", text_of(lane), err);
    if (status == PAWL_OK)
        status = read_settings(&change, settings, count, err);
    return status < 0 ? status
                      : change_policy(store, "pawl.lane.set", &change, &(pawl_route){.target = lane}, operation, err);
}

static int check_urls(const pawl_route *route, pawl_error *err)
{
    int status = pawli_check_bytes("urls", route->urls, route->url_count, err);
    if (status == PAWL_OK && route->url_count > LIMIT_URLS)
        status = pawli_fail(err, PAWL_ELIMIT, "a route has at most %d URLs", LIMIT_URLS);
    for (size_t i = 0; status == PAWL_OK && i < route->url_count; i++)
        status = route->urls[i] ? pawli_check_url("url", route->urls[i], err)
                                : pawli_fail(err, PAWL_EINVAL, "urls: item %zu is NULL", i + 1);
    return status;
}

static int check_route(const pawl_route *route, struct policy_change *change, pawl_error *err)
{
    int status = pawli_check_name("target", text_of(route->target), err);
    if (status == PAWL_OK)
        status = pawli_check_key("sender", text_of(route->sender), err);
    if (status == PAWL_OK)
        status = check_urls(route, err);
    if (status == PAWL_OK)
        status = pawli_check_text("secret_file", text_of(route->secret_file), LIMIT_URL, err);
    if (status == PAWL_OK)
        status = read_settings(change, route->settings, route->setting_count, err);
    bool is_of_target = change->policy.set || change->unset || change->probe.data || change->poll.data;
    if (status == PAWL_OK && route->sender && is_of_target)
        status = pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, "the route of a sender has no policy, probe or poll of its own"),
            "set keys of the policy of its target, without a sender");
    return status;
}

static int write_route(pawl_store *store, const char *type, struct policy_change *change, const pawl_route *route,
                       const pawl_operation *operation, pawl_error *err)
{
    pawl_route copy;
    int status = pawli_check_given(err, store, route);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, route))
        return pawli_bad_struct("pawl_route", err);
    status = check_route(&copy, change, err);
    if (status == PAWL_OK && change->replaces && copy.url_count == 0)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the route is incomplete: it has no URL"),
                            "give at least one; nothing is ever sent by a guess");
    if (status == PAWL_OK)
        status = change_policy(store, type, change, &copy, operation, err);
    /* The route is there, whatever comes of this: what stays put off is due by itself. */
    if (status == PAWL_OK && copy.sender && !change->removes)
        pawli_hasten(store, copy.target, copy.sender, NULL);
    return status;
}

int pawl_route_add(pawl_store *store, const pawl_route *route, const pawl_operation *operation, pawl_error *err)
{
    struct policy_change change = {.is_target = true, .replaces = true};
    return write_route(store, "pawl.target.add", &change, route, operation, err);
}

int pawl_route_set(pawl_store *store, const pawl_route *route, const pawl_operation *operation, pawl_error *err)
{
    struct policy_change change = {.is_target = true};
    return write_route(store, "pawl.target.set", &change, route, operation, err);
}

static pawl_route single_route(const char *target, const char *const *url, const char *secret_file,
                               const pawl_setting *settings, size_t count)
{
    return (pawl_route){
        PAWL_ROUTE,           .target = target,      .urls = url, .url_count = *url != NULL, .secret_file = secret_file,
        .settings = settings, .setting_count = count};
}

int pawl_target_add(pawl_store *store, const char *target, const char *url, const char *secret_file,
                    const pawl_setting *settings, size_t count, const pawl_operation *operation, pawl_error *err)
{
    struct policy_change change = {.is_target = true, .replaces = url != NULL};
    pawl_route route = single_route(target, &url, secret_file, settings, count);
    int status = pawli_check_given(err, store, target);
    return status < 0 ? status : write_route(store, "pawl.target.add", &change, &route, operation, err);
}

int pawl_target_set(pawl_store *store, const char *target, const char *url, const char *secret_file,
                    const pawl_setting *settings, size_t count, const pawl_operation *operation, pawl_error *err)
{
    struct policy_change change = {.is_target = true};
    pawl_route route = single_route(target, &url, secret_file, settings, count);
    int status = pawli_check_given(err, store, target);
    return status < 0 ? status : write_route(store, "pawl.target.set", &change, &route, operation, err);
}

int pawl_sender_remove(pawl_store *store, const char *target, const char *sender, const pawl_operation *operation,
                       pawl_error *err)
{
    struct policy_change change = {.is_target = true, .removes = true};
    int status = pawli_check_given(err, store, target, sender);
    pawl_route route = {PAWL_ROUTE, .target = target, .sender = sender};
    return status < 0 ? status : write_route(store, "pawl.target.remove", &change, &route, operation, err);
}

/* Its senders, as they are now; decided with the rest: one that comes meanwhile is added after it. */
static int list_senders_of(pawl_store *store, const char *target, struct page *page, struct policy_change *change,
                           pawl_error *err)
{
    struct query query = {.kind = QUERY_SENDERS, .scope = store->scope, .target = text_of(target), .limit = UINT32_MAX};
    int status = pawli_store_query(store->opened->store, &query, page, err);
    if (status < 0)
        return status;
    struct text *senders = arena_array(&page->arena, struct text, page->count + 1);
    for (size_t i = 0; senders && i < page->count; i++)
        if (!page->senders[i].is_damaged)
            senders[change->sender_count++] = page->senders[i].sender;
    change->senders = senders;
    return senders ? PAWL_OK : pawli_no_memory(err);
}

int pawl_target_remove(pawl_store *store, const char *target, const pawl_operation *operation, pawl_error *err)
{
    struct policy_change change = {.is_target = true, .removes = true};
    struct page page = {0};
    pawl_route route = {PAWL_ROUTE, .target = target};
    int status = pawli_check_given(err, store, target);
    if (status == PAWL_OK)
        status = pawli_check_name("target", text_of(target), err);
    if (status == PAWL_OK)
        status = list_senders_of(store, target, &page, &change, err);
    if (status == PAWL_OK)
        status = write_route(store, "pawl.target.remove", &change, &route, operation, err);
    pawli_page_done(&page);
    return status;
}

/* ---- holds ---- */

static int read_subject(const pawl_subject *given, struct hold_change *change, pawl_error *err)
{
    pawl_subject subject;
    if (!pawli_copy_options(&subject, sizeof subject, given))
        return pawli_bad_struct("pawl_subject", err);
    int status = subject.lane ? pawli_check_name("lane", text_of(subject.lane), err) : PAWL_OK;
    if (status == PAWL_OK && subject.target)
        status = pawli_check_name("target", text_of(subject.target), err);
    change->lane = text_of(subject.lane);
    change->target = text_of(subject.target);
    change->kind = subject.lane ? subject.target ? HOLD_QUEUE : HOLD_LANE : subject.target ? HOLD_TARGET : HOLD_STORE;
    return status;
}

static int change_hold(pawl_store *store, const char *type, struct hold_change *change, const char *code,
                       const pawl_operation *operation, pawl_error *err)
{
    struct operation op;
    int status = pawli_open_operation(&op, store, type, operation, true, err);
    if (status < 0)
        return status;
    change->lane = pawli_arena_text(&op.drafting.unit.arena, change->lane);
    change->target = pawli_arena_text(&op.drafting.unit.arena, change->target);
    change->code = pawli_draft_text(&op.drafting, code);
    change->reason = op.reason;
    change->by = op.actor;
    pawli_json_put_string(&op.writer, "kind", pawli_hold_kind_text(change->kind));
    pawli_json_put_text(&op.writer, "lane", change->lane);
    pawli_json_put_text(&op.writer, "target", change->target);
    pawli_json_put_text(&op.writer, "code", change->code);
    if (!change->releases && change->until.ms != INT64_MAX)
        pawli_json_put_i64(&op.writer, "until", change->until.ms);
    pawli_unit_add(&op.drafting.unit, &change->effect, &pawli_effect_hold);
    status = pawli_commit_operation(&op, err);
    pawli_close_operation(&op);
    return status;
}

int pawl_hold_set(pawl_store *store, const pawl_subject *subject, const char *code, int64_t until_ms,
                  const pawl_operation *operation, pawl_error *err)
{
    struct hold_change change = {.until = until_ms ? (struct wall_time){until_ms} : WALL_NEVER};
    int status = pawli_check_given(err, store, subject, code);
    if (status == PAWL_OK)
        status = read_subject(subject, &change, err);
    if (status == PAWL_OK)
        status = pawli_check_name("code", text_of(code), err);
    if (status == PAWL_OK)
        status = pawli_check_range("until", until_ms, 0, INT64_MAX - 1, err);
    return status < 0 ? status : change_hold(store, "pawl.hold.set", &change, code, operation, err);
}

int pawl_hold_release(pawl_store *store, const pawl_subject *subject, const char *code, const pawl_operation *operation,
                      pawl_error *err)
{
    struct hold_change change = {.releases = true};
    int status = pawli_check_given(err, store, subject);
    if (status == PAWL_OK)
        status = read_subject(subject, &change, err);
    return status < 0 ? status : change_hold(store, "pawl.hold.release", &change, code, operation, err);
}

/* ---- the store itself ---- */

int pawl_store_adopt(pawl_store *store, const pawl_operation *operation, pawl_error *err)
{
    struct operation op;
    struct adopt adopt = {0};
    struct hold_change hold = {.kind = HOLD_STORE, .code = TEXT("restored"), .until = WALL_NEVER};
    int status = pawli_check_given(err, store, operation);
    if (status < 0)
        return status;
    struct committer *committer = &store->opened->committer;
    status = pawli_store_check(store->opened->store, err);
    if (status < 0)
        return status;
    if (!pawli_committer_is_restored(committer))
        return pawli_fail(err, PAWL_EREFUSED, "the store is where and what it was: there is nothing to adopt");
    status = pawli_open_operation(&op, store, "pawl.store.adopt", operation, true, err);
    if (status < 0)
        return status;
    hold.reason = op.reason;
    hold.by = op.actor;
    pawli_unit_add(&op.drafting.unit, &adopt.effect, &pawli_effect_adopt);
    pawli_unit_add(&op.drafting.unit, &hold.effect, &pawli_effect_hold);
    status = pawli_commit_operation(&op, err);
    pawli_close_operation(&op);
    if (status < 0)
        return status;
    status = pawli_store_status(pawli_store_adopt(store->opened->store, err));
    if (status < 0)
        return status;
    pthread_mutex_lock(&committer->lock);
    committer->is_restored = false;
    pthread_mutex_unlock(&committer->lock);
    return PAWL_OK;
}
