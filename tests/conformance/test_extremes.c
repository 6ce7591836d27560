/* SPDX-License-Identifier: MIT */
/* Every field at its ends and around the powers of two at which numbers are cut: what was given is what is read, at once and
 * after the store was opened again. And every time that is shown is the row's. */
#include "conformance.h"

#include "model/limits.h"
#include "model/policy.h"

static const int64_t numbers[] = {1,
                                  127,
                                  128,
                                  255,
                                  256,
                                  32767,
                                  32768,
                                  65535,
                                  65536,
                                  INT32_MAX,
                                  INT32_MAX + 1LL,
                                  UINT32_MAX,
                                  UINT32_MAX + 1LL,
                                  UINT32_MAX + 2LL,
                                  (1LL << 53) - 1,
                                  (1LL << 53) + 1,
                                  INT64_MAX - 2,
                                  INT64_MAX - 1};
#define NUMBERS COUNT_OF(numbers)

/* A text of so many bytes, in characters of two. */
static char *text_of_size(char *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = size % 2 == 1 && i == 0 ? 'x' : (i - size % 2) % 2 ? '\xA9' : '\xC3';
    out[size] = '\0';
    return out;
}

static char *name_of_size(char *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = "abcXYZ019._-"[i % 12];
    out[size] = '\0';
    return out;
}

static char *body_of_size(size_t size)
{
    char *body = malloc(size + 1);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 7 + i / 256);
    return body;
}

static void open_again(struct world *w)
{
    if (!w->kind->is_durable)
        return;
    pawl_store_close(w->store);
    assert_ok(pawli_open_in(w->env, w->url, NULL, &w->store, &err));
}

/* Twice: as it was written, and as it is found later. */
#define ROUNDS(w, round)                                                                                               \
    int round = 0;                                                                                                     \
    round < 2;                                                                                                         \
    round++, round == 1 ? open_again(w) : (void)0

static int64_t after(int64_t from, int64_t ms)
{
    return ms > INT64_MAX - 1 - from ? INT64_MAX - 1 : from + ms;
}

/* ---- the journal ---- */

static void numbers_of_records_and_events_survive(struct world *w)
{
    for (unsigned i = 0; i < NUMBERS; i++) {
        pawl_transition *t = pawl_transition_new(
            w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T", .request_id = make_id(i),
                                                 .received_at_ms = numbers[i], .duration_us = (uint64_t)numbers[i]});
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e", .has_stream_seq = 1,
                                               .stream_seq = (uint64_t)numbers[i]});
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e", .has_stream_seq = 1,
                                               .stream_seq = UINT64_MAX - (uint64_t)numbers[i] + 1});
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    for (ROUNDS(w, round))
        for (unsigned i = 0; i < NUMBERS; i++) {
            pawl_records *records;
            pawl_uuid id = make_id(i);
            assert_ok(pawl_record_get(w->store, &id, 0, &records, &err));
            const pawl_record *record = pawl_records_get(records, 0);
            assert_int_equal(record->received_at_ms, numbers[i]);
            assert_int_equal(record->duration_us, numbers[i]);
            assert_int_equal(pawl_record_event(record, 0)->stream_seq, numbers[i]);
            assert_int_equal(pawl_record_event(record, 1)->stream_seq, UINT64_MAX - (uint64_t)numbers[i] + 1);
            pawl_records_free(records);
        }
    verify(w);
}

static void texts_and_bodies_of_records_survive(struct world *w)
{
    static const size_t sizes[] = {0, 1, LIMIT_BODY - 1, LIMIT_BODY};
    char type[LIMIT_NAME + 1], ref[LIMIT_KEY + 1], key[LIMIT_KEY + 1], topic[LIMIT_NAME + 1], state[LIMIT_STATE_DIGEST];
    char content_type[LIMIT_CONTENT_TYPE + 1], *body = body_of_size(LIMIT_BODY);
    memset(state, 0xFF, sizeof state);
    name_of_size(content_type, LIMIT_CONTENT_TYPE);
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        pawl_transition *t = pawl_transition_new(
            w->store,
            &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = name_of_size(type, LIMIT_NAME),
                                       .request_id = make_id(i), .ref = text_of_size(ref, LIMIT_KEY - i),
                                       .content_type = content_type, .state_pre = state, .state_pre_size = i * 16 + 16,
                                       .state_post = state, .state_post_size = LIMIT_STATE_DIGEST - i});
        pawl_transition_command(t, body, sizes[i]);
        pawl_transition_response(t, body, sizes[i]);
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = name_of_size(topic, LIMIT_NAME - i), .type = type,
                                               .key = text_of_size(key, LIMIT_KEY), .data = body, .data_size = sizes[i],
                                               .content_type = content_type});
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    for (ROUNDS(w, round))
        for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
            pawl_records *records;
            pawl_uuid id = make_id(i);
            assert_ok(pawl_record_get(w->store, &id, 0, &records, &err));
            const pawl_record *record = pawl_records_get(records, 0);
            const pawl_event_view *event = pawl_record_event(record, 0);
            assert_string_equal(record->type, type);
            assert_string_equal(record->ref, text_of_size(ref, LIMIT_KEY - i));
            assert_string_equal(record->content_type, content_type);
            assert_int_equal(record->data_size, sizes[i]);
            assert_memory_equal(record->data, body, sizes[i]);
            assert_int_equal(record->response_size, sizes[i]);
            assert_memory_equal(record->response, body, sizes[i]);
            assert_int_equal(record->state_pre_size, i * 16 + 16);
            assert_memory_equal(record->state_pre, state, record->state_pre_size);
            assert_int_equal(record->state_post_size, LIMIT_STATE_DIGEST - i);
            assert_string_equal(event->topic, name_of_size(topic, LIMIT_NAME - i));
            assert_string_equal(event->key, key);
            assert_string_equal(event->content_type, content_type);
            assert_int_equal(event->data_size, sizes[i]);
            assert_memory_equal(event->data, body, sizes[i]);
            pawl_records_free(records);
        }
    free(body);
    verify(w);
}

/* ---- messages ---- */

static void numbers_of_messages_survive(struct world *w)
{
    int64_t now = now_ms(w);
    pawl_uuid at[NUMBERS], expiring[NUMBERS], delayed[NUMBERS], counted[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++) {
        at[i] = add(w, MESSAGE("a", .available_at_ms = numbers[i], .deadline_ms = numbers[i])).id;
        expiring[i] = add(w, MESSAGE("e", .expires_in_ms = numbers[i])).id;
        delayed[i] = add(w, MESSAGE("d", .delay_ms = numbers[i])).id;
        counted[i] = add(w, MESSAGE("c", .priority = (int32_t)(i % 9 + 1),
                                    .max_attempts = numbers[i] > 1000000 ? 1000000 : (uint32_t)numbers[i]))
                         .id;
    }
    for (ROUNDS(w, round))
        for (size_t i = 0; i < NUMBERS; i++) {
            pawl_messages *messages = get(w, at[i]);
            const pawl_message_view *view = pawl_messages_get(messages, 0);
            assert_int_equal(view->available_at_ms, numbers[i]);
            assert_int_equal(view->deadline_ms, numbers[i]);
            assert_int_equal(view->created_at_ms, now);
            assert_int_equal(view->updated_at_ms, now);
            pawl_messages_free(messages);
            messages = get(w, expiring[i]);
            assert_int_equal(pawl_messages_get(messages, 0)->expires_at_ms, after(now, numbers[i]));
            pawl_messages_free(messages);
            messages = get(w, delayed[i]);
            assert_int_equal(pawl_messages_get(messages, 0)->available_at_ms, after(now, numbers[i]));
            pawl_messages_free(messages);
            messages = get(w, counted[i]);
            view = pawl_messages_get(messages, 0);
            assert_int_equal(view->priority, i % 9 + 1);
            assert_int_equal(view->max_attempts, numbers[i] > 1000000 ? 1000000 : numbers[i]);
            pawl_messages_free(messages);
        }
    verify(w);
}

struct full_message {
    char lane[LIMIT_NAME + 1], target[LIMIT_NAME + 1], key[LIMIT_KEY + 1], dedupe[LIMIT_KEY + 1], sender[LIMIT_KEY + 1],
        content_type[LIMIT_CONTENT_TYPE + 1];
    char names[LIMIT_HEADERS][16], values[LIMIT_HEADERS][LIMIT_HEADER + 1];
    pawl_header headers[LIMIT_HEADERS];
    char *body;
};

static void fill_message(struct full_message *full, pawl_message *message)
{
    for (int i = 0; i < LIMIT_HEADERS; i++) {
        size_t size = (size_t)snprintf(full->names[i], sizeof full->names[i], "x-%02d", i);
        full->headers[i] = (pawl_header){full->names[i], text_of_size(full->values[i], i ? LIMIT_HEADER - size : 0)};
    }
    full->body = body_of_size(LIMIT_BODY);
    *message = (pawl_message){PAWL_MESSAGE,
                              .lane = name_of_size(full->lane, LIMIT_NAME),
                              .target = name_of_size(full->target, LIMIT_NAME - 1),
                              .data = full->body,
                              .data_size = LIMIT_BODY,
                              .content_type = name_of_size(full->content_type, LIMIT_CONTENT_TYPE),
                              .key = text_of_size(full->key, LIMIT_KEY),
                              .dedupe = text_of_size(full->dedupe, LIMIT_KEY - 1),
                              .sender = text_of_size(full->sender, LIMIT_KEY - 2),
                              .headers = full->headers,
                              .header_count = LIMIT_HEADERS};
}

static void assert_full(const pawl_message_view *view, const pawl_message *message)
{
    assert_string_equal(view->lane, message->lane);
    assert_string_equal(view->target, message->target);
    assert_int_equal(view->data_size, message->data_size);
    assert_memory_equal(view->data, message->data, message->data_size);
    assert_string_equal(view->content_type, message->content_type);
    assert_string_equal(view->key, message->key);
    assert_string_equal(view->dedupe, message->dedupe);
    assert_string_equal(view->sender, message->sender);
    assert_int_equal(view->header_count, message->header_count);
    for (size_t i = 0; i < view->header_count; i++) {
        assert_string_equal(view->headers[i].name, message->headers[i].name);
        assert_string_equal(view->headers[i].value, message->headers[i].value);
    }
}

static void texts_and_bodies_of_messages_survive(struct world *w)
{
    static struct full_message full;
    static char error[LIMIT_ERROR_TEXT + 1], remote[LIMIT_REMOTE_ID + 1];
    pawl_message message;
    fill_message(&full, &message);
    pawl_uuid id = add(w, &message).id;
    for (ROUNDS(w, round)) {
        pawl_messages *messages = get(w, id);
        assert_full(pawl_messages_get(messages, 0), &message);
        pawl_messages_free(messages);
    }
    pawl_messages *claimed = claim(
        w, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = message.lane, .target = message.target, .limit = 1});
    assert_full(pawl_messages_get(claimed, 0), &message);
    struct held held = {.id = id, .token = pawl_messages_get(claimed, 0)->token};
    pawl_messages_free(claimed);
    settle(w, SETTLE(held, RETRY, .error = text_of_size(error, LIMIT_ERROR_TEXT),
                     .remote_id = text_of_size(remote, LIMIT_REMOTE_ID)));
    for (ROUNDS(w, round)) {
        pawl_messages *messages = get(w, id);
        const pawl_message_view *view = pawl_messages_get(messages, 0);
        assert_full(view, &message);
        assert_string_equal(view->error_text, error);
        assert_string_equal(view->remote_id, remote);
        assert_string_equal(pawl_messages_attempt(messages, 0)->text, error);
        pawl_messages_free(messages);
    }
    free(full.body);
    verify(w);
}

/* ---- settings ---- */

static void assert_policy(const char *policy, const char *key, const char *value)
{
    char member[128];
    bool is_number = strspn(value, "0123456789") == strlen(value);
    size_t size = (size_t)snprintf(member, sizeof member, is_number ? "\"%s\":%s" : "\"%s\":\"%s\"", key, value);
    const char *found = strstr(policy, member);
    if (!found || !strchr(",}", found[size]))
        fail_msg("%s is not in %s", member, policy);
}

/* No workflow fails by itself: of one that is exhausted a kind says nothing else than that it is stuck. */
static bool is_of_kinds(enum policy_key key, const char *value)
{
    return pawli_policy_has(POLICY_OF_WORKFLOWS, key) && (key != POLICY_EXHAUSTED || strcmp(value, "hold") == 0);
}

static void policies_survive(struct world *w)
{
    static const struct {
        const char *key, *values[4];
    } policies[] = {
#define OF_NUMBER(value, min, max)                            #min, #max
#define OF_OPTIONAL(value, min, max)                          #min, #max
#define OF_WORD(value, min, max)                              value
#define OF_LIST(value, min, max)                              "400,451,500,510", "none"
#define OF_RATE(value, min, max)                              "1000000/1d", "1/1ms", "none"
#define OF_PORTION(value, min, max)                           "100%/1000000", "1%/1", "off"
#define KEY(name, key, kind, value, min, max, words, meaning) {#key, {OF_##kind(value, min, max), NULL}},
#include "model/policy.def"
#undef KEY
    };
    char name[32];
    for (enum policy_key key = 0; key < POLICY_COUNT; key++)
        for (size_t j = 0; policies[key].values[j]; j++) {
            snprintf(name, sizeof name, "n%02d.%zu", key, j);
            const char *value = policies[key].values[j];
            pawl_setting settings[] = {{"backoff_ms", "0"}, /* so that each end of either may be */
                                       {"backoff_max_ms", "31536000000"},
                                       {policies[key].key, value}};
            int of_messages = pawli_policy_has(POLICY_OF_MESSAGES, key) ? PAWL_OK : PAWL_EINVAL;
            assert_status(pawl_lane_set(w->store, name, settings, 3, NULL, &err), of_messages);
            assert_status(pawl_target_add(w->store, name, "https://example.com/", NULL, settings, 3, NULL, &err),
                          of_messages);
            assert_status(pawl_kind_set(w->store, name, settings, 3, NULL, &err),
                          is_of_kinds(key, value) ? PAWL_OK : PAWL_EINVAL);
        }
    for (ROUNDS(w, round)) {
        pawl_settings *lanes, *targets;
        pawl_kinds *sorts;
        assert_ok(pawl_lanes_list(w->store, &lanes, &err));
        assert_ok(pawl_targets_list(w->store, &targets, &err));
        assert_ok(pawl_kinds_list(w->store, &sorts, &err));
        size_t at = 0, at_kind = 0;
        for (enum policy_key key = 0; key < POLICY_COUNT; key++)
            for (size_t j = 0; policies[key].values[j]; j++) {
                const char *value = policies[key].values[j];
                if (pawli_policy_has(POLICY_OF_MESSAGES, key)) {
                    assert_policy(pawl_settings_lane(lanes, at)->policy, policies[key].key, value);
                    assert_policy(pawl_settings_target(targets, at++)->policy, policies[key].key, value);
                }
                if (is_of_kinds(key, value))
                    assert_policy(pawl_kinds_get(sorts, at_kind++)->policy, policies[key].key, value);
            }
        assert_int_equal(at, pawl_settings_count(lanes));
        assert_int_equal(at_kind, pawl_kinds_count(sorts));
        pawl_settings_free(lanes);
        pawl_settings_free(targets);
        pawl_kinds_free(sorts);
    }
}

static void targets_and_holds_survive(struct world *w)
{
    static char url[LIMIT_URL + 1] = "https://example.com/", file[LIMIT_URL + 1] = "/", reason[LIMIT_REASON + 1];
    char actor[LIMIT_KEY + 1], code[32];
    name_of_size(url + strlen(url), LIMIT_URL - strlen(url));
    text_of_size(file + 1, LIMIT_URL - 1);
    assert_ok(pawl_target_add(w->store, "t", url, file, NULL, 0, NULL, &err));
    pawl_operation operation = {PAWL_OPERATION, .reason = text_of_size(reason, LIMIT_REASON),
                                .actor = text_of_size(actor, LIMIT_KEY)};
    size_t on = 0; /* the rest was over when it began */
    for (size_t i = 0; i < NUMBERS; i++) {
        on += numbers[i] == 0 || numbers[i] > now_ms(w);
        snprintf(code, sizeof code, "code%02zu", i);
        assert_ok(
            pawl_hold_set(w->store, &(pawl_subject){PAWL_SUBJECT, .lane = "l"}, code, numbers[i], &operation, &err));
    }
    for (ROUNDS(w, round)) {
        pawl_settings *targets, *holds;
        assert_ok(pawl_targets_list(w->store, &targets, &err));
        assert_string_equal(pawl_settings_target(targets, 0)->url, url);
        assert_string_equal(pawl_settings_target(targets, 0)->secret_file, file);
        pawl_settings_free(targets);
        assert_ok(pawl_holds_list(w->store, &holds, &err));
        size_t found = 0;
        for (size_t i = 0; i < pawl_settings_count(holds); i++) {
            const pawl_hold_view *hold = pawl_settings_hold(holds, i);
            size_t n = strtoul(hold->code + 4, NULL, 10);
            assert_int_equal(hold->until_ms, numbers[n]);
            assert_int_equal(hold->since_ms, now_ms(w));
            assert_string_equal(hold->reason, reason);
            assert_string_equal(hold->by, actor);
            found++;
        }
        assert_int_equal(found, on);
        pawl_settings_free(holds);
    }
}

/* ---- times that are shown ---- */

/* When the reason with this code ends. */
static int64_t until(struct world *w, pawl_uuid id, const char *code)
{
    pawl_why *why;
    int64_t found = -1;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    for (size_t i = 0; i < pawl_why_count(why); i++)
        if (strcmp(pawl_why_get(why, i)->code, code) == 0)
            found = pawl_why_get(why, i)->until_ms;
    pawl_why_free(why);
    if (found < 0)
        fail_msg("no reason is %s", code);
    return found;
}

static void every_time_in_why_is_the_rows(struct world *w)
{
    static const int64_t waits[] = {1, 999, 1000, 60001, 86400000};
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        int64_t now = now_ms(w), wait = waits[i];
        pawl_uuid delayed = add(w, MESSAGE("d", .delay_ms = wait)).id;
        assert_int_equal(until(w, delayed, "not_due"), now + wait);
        add(w, MESSAGE("c", .priority = 1));
        struct held held = claim_one(w, CLAIM(.limit = 1, .lease_ms = wait));
        assert_int_equal(held.lease_until, now + wait);
        pawl_messages *messages = get(w, held.id);
        assert_int_equal(pawl_messages_get(messages, 0)->lease_until_ms, now + wait);
        pawl_messages_free(messages);
        assert_int_equal(until(w, held.id, "claimed"), now + wait);
        if (wait > 1) {
            pawli_sim_advance_ms(w->env, 1); /* what is left is less, its end is the same */
            assert_int_equal(until(w, held.id, "claimed"), now + wait);
            now++;
        }
        settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = wait));
        assert_int_equal(until(w, held.id, "not_due"), now + wait);
        add(w, MESSAGE("s", .priority = 1));
        held = claim_one(w, CLAIM(.limit = 1));
        settle(w, SETTLE(held, SUBMITTED, .has_retry_in = 1, .retry_in_ms = wait));
        assert_int_equal(until(w, held.id, "awaiting"), now + wait);
        assert_ok(pawl_hold_set(w->store, &(pawl_subject){PAWL_SUBJECT, .lane = LANE}, "paused", now + wait,
                                BECAUSE(10 + (unsigned)i), &err));
        assert_int_equal(until(w, delayed, "held"), now + wait);
        assert_ok(pawl_hold_release(w->store, &(pawl_subject){PAWL_SUBJECT, .lane = LANE}, NULL,
                                    BECAUSE(20 + (unsigned)i), &err));
    }
}

static void every_time_of_a_message_is_when_it_happened(struct world *w)
{
    int64_t created = now_ms(w);
    pawl_uuid id = add(w, MESSAGE("1")).id;
    pawli_sim_advance_ms(w->env, 1001);
    int64_t claimed = now_ms(w);
    struct held held = claim_one(w, CLAIM(.limit = 1));
    pawli_sim_advance_ms(w->env, 2002);
    int64_t failed = now_ms(w);
    settle(w, SETTLE(held, RETRY, .error = "no", .has_retry_in = 1));
    for (ROUNDS(w, round)) {
        pawl_messages *messages = get(w, id);
        const pawl_message_view *view = pawl_messages_get(messages, 0);
        assert_int_equal(view->created_at_ms, created);
        assert_int_equal(view->updated_at_ms, failed);
        assert_int_equal(view->error_at_ms, failed);
        assert_int_equal(view->available_at_ms, failed);
        assert_int_equal(pawl_messages_attempt(messages, 0)->began_at_ms, claimed);
        assert_int_equal(pawl_messages_attempt(messages, 0)->ended_at_ms, failed);
        pawl_messages_free(messages);
    }
    pawli_sim_advance_ms(w->env, 3003);
    int64_t ended = now_ms(w);
    assert_ok(pawl_message_cancel(w->store, &id, BECAUSE(1), NULL, &err));
    for (ROUNDS(w, round)) {
        pawl_messages *messages = get(w, id);
        const pawl_message_view *view = pawl_messages_get(messages, 0);
        assert_int_equal(view->ended_at_ms, ended);
        assert_int_equal(view->updated_at_ms, ended);
        assert_int_equal(view->created_at_ms, created);
        pawl_messages_free(messages);
    }
}

/* ---- one snapshot ---- */

struct writing {
    struct world *w;
    unsigned count;
};

/* Moves messages between states, and makes and ends some, while somebody reads. */
static void write_beside(void *data, uint64_t checked)
{
    struct writing *writing = data;
    struct world *w = writing->w;
    (void)checked;
    writing->count++;
    if (!w->kind->is_durable) { /* its readers keep writers out */
        assert_status(try_add(w, MESSAGE("beside")), PAWL_EBUSY);
        return;
    }
    for (int i = 0; i < 3; i++) {
        pawl_transition *t = pawl_transition_new(w->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "beside"});
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e"});
        pawl_transition_message(t, MESSAGE("beside"));
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
        struct held held = claim_one(w, CLAIM(.limit = 1));
        settle(w, SETTLE(held, DELIVERED));
        claim_one(w, CLAIM(.limit = 1));
    }
}

static void a_verification_of_many_pages_sees_one_snapshot(struct world *w)
{
    struct writing writing = {w, 0};
    pawl_verification *verification;
    static pawl_message messages[3000];
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        messages[i] = *MESSAGE("x");
    assert_ok(pawl_enqueue(w->store, messages, COUNT_OF(messages), NULL, &err));
    for (unsigned i = 0; i < 1500; i++) {
        pawl_transition *t = pawl_transition_new(w->store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T"});
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
    assert_ok(pawl_verify(w->store, NULL, write_beside, &writing, &verification, &err));
    assert_true(writing.count >= 4);
    assert_int_equal(pawl_verification_get(verification, 0)->records, 1500);
    pawl_verification_free(verification);
    verify(w);
}

int main(void)
{
    const struct conformance_case cases[] = {
        CASE(numbers_of_records_and_events_survive),
        CASE(texts_and_bodies_of_records_survive),
        CASE(numbers_of_messages_survive),
        CASE(texts_and_bodies_of_messages_survive),
        CASE(policies_survive),
        CASE(targets_and_holds_survive),
        CASE(every_time_in_why_is_the_rows),
        CASE(every_time_of_a_message_is_when_it_happened),
        CASE(a_verification_of_many_pages_sees_one_snapshot),
    };
    return run_on_every_store(cases, COUNT_OF(cases));
}
