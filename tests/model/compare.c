/* SPDX-License-Identifier: MIT */
/* All that can be seen of a store against the model. */
#include <string.h>

#include "run_private.h"

#define PAGE 7 /* small, so that pages end everywhere */

static const uint8_t nil[16];

uint64_t number_of_id(const pawl_uuid *id)
{
    uint64_t number = 0; /* the design, 3.1: the 60 upper custom bits of a UUIDv8 */
    for (int i = 0; i < 6; i++)
        number = number << 8 | id->bytes[i];
    return number << 12 | (uint64_t)(id->bytes[6] & 0x0F) << 8 | id->bytes[7];
}

static bool same_id(const pawl_uuid *a, const pawl_uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool same_text(struct run *run, uint64_t number, const char *what, const char *got, const char *expected)
{
    if (got == expected || (got && expected && strcmp(got, expected) == 0))
        return true;
    return run_differs(run, "message %llu: %s is %s%.100s (%zu bytes), the model says %.100s",
                       (unsigned long long)number, what, got ? "" : "absent", got ? got : "", got ? strlen(got) : 0,
                       expected ? expected : "absent");
}

static bool same_number(struct run *run, uint64_t number, const char *what, int64_t got, int64_t expected)
{
    if (got == expected)
        return true;
    return run_differs(run, "message %llu: %s is %lld, the model says %lld", (unsigned long long)number, what,
                       (long long)got, (long long)expected);
}

/* The number that the id of a message has, which counts those of its scope; 0 for none. */
static int64_t in_scope(const struct run *run, uint64_t number)
{
    return number ? (int64_t)run->model.messages[number - 1].in_scope : 0;
}

bool learn_id(struct run *run, uint64_t number, const pawl_uuid *id)
{
    struct model_message *message = &run->model.messages[number - 1];
    if (number == 0 || number > run->model.message_count || number_of_id(id) != (uint64_t)in_scope(run, number))
        return run_differs(run, "id of number %llu where the model expects message %llu",
                           (unsigned long long)number_of_id(id), (unsigned long long)number);
    if (memcmp(&message->id, nil, 16) == 0)
        message->id = *id;
    return same_id(&message->id, id) || run_differs(run, "message %llu has another id now", (unsigned long long)number);
}

/* ---- one message ---- */

static const char *text_by(int64_t by)
{
    return by == BY_PAWL ? "pawl" : by >= 100 ? pool_text(POOL_CONSUMER, by - 100) : pool_text(POOL_ACTOR, by);
}

static const char *text_of_reason(const struct model_message *m)
{
    static const char *const texts[] = {[REASON_EXPIRED] = "expired",
                                        [REASON_MAX_ATTEMPTS] = "max_attempts",
                                        [REASON_PERMANENT] = "permanent",
                                        [REASON_GAVE_UP] = "gave up; may have arrived"};
    return m->reason == REASON_GIVEN  ? pool_text(POOL_REASON, m->reason_text)
           : m->reason == REASON_NONE ? NULL
                                      : texts[m->reason];
}

static bool compare_content(struct run *run, const pawl_message_view *view, uint64_t n, const struct model_message *m)
{
    const struct model_content *c = &m->content;
    const struct body *body = pool_body(c->data);
    const struct header_set *headers = pool_headers(c->headers);
    pawl_uuid request = request_of(m->request);
    bool same = same_text(run, n, "scope", view->scope, pool_text(POOL_SCOPE, c->scope)) &&
                same_text(run, n, "lane", view->lane, pool_text(POOL_LANE, c->lane)) &&
                same_text(run, n, "target", view->target, pool_text(POOL_TARGET, c->target)) &&
                same_text(run, n, "key", view->key, pool_text(POOL_KEY, c->key)) &&
                same_text(run, n, "sender", view->sender, pool_text(POOL_SENDER, c->sender)) &&
                same_text(run, n, "dedupe", view->dedupe, pool_text(POOL_DEDUPE, m->dedupe)) &&
                same_text(run, n, "content_type", view->content_type, pool_text(POOL_CONTENT_TYPE, c->content_type)) &&
                same_number(run, n, "priority", view->priority, c->priority) &&
                same_number(run, n, "max_attempts", view->max_attempts, m->max_attempts) &&
                same_number(run, n, "seq", (int64_t)view->seq, (int64_t)m->seq) &&
                same_number(run, n, "expires_at", view->expires_at_ms, m->expires == NEVER ? 0 : m->expires) &&
                same_number(run, n, "deadline", view->deadline_ms, c->deadline) &&
                same_number(run, n, "created_at", view->created_at_ms, m->created) &&
                same_number(run, n, "headers", (int64_t)view->header_count, (int64_t)headers->count) &&
                same_number(run, n, "data_size", (int64_t)view->data_size, (int64_t)body->size);
    if (same && memcmp(&view->request_id, &request, sizeof request) != 0)
        return run_differs(run, "message %llu: another request id", (unsigned long long)n);
    if (same && body->size && memcmp(view->data, body->data, body->size) != 0)
        return run_differs(run, "message %llu: other data", (unsigned long long)n);
    for (size_t i = 0; same && i < headers->count; i++)
        same = same_text(run, n, "header", view->headers[i].name, headers->headers[i].name) &&
               same_text(run, n, "header value", view->headers[i].value, headers->headers[i].value);
    return same;
}

static bool compare_error(struct run *run, const pawl_message_view *view, uint64_t n, const struct model_message *m)
{
    static const char *const classes[] = {NULL, "transient", "permanent", "unknown", "expired"};
    if (!same_text(run, n, "error_class", view->error_class, classes[m->error]) || m->error == CLASS_NONE)
        return run->difference[0] == '\0';
    if (m->error_text == ERROR_OWN)
        return (view->error_text && *view->error_text) ||
               run_differs(run, "message %llu: no error text", (unsigned long long)n);
    const char *text = pool_error_kept(m->error_text);
    return same_text(run, n, "error_text", view->error_text, text ? text : "") &&
           same_number(run, n, "error_at", view->error_at_ms, m->error_at);
}

static bool compare_state(struct run *run, const pawl_message_view *view, uint64_t n, const struct model_message *m)
{
    static const char *const holds[] = {NULL, "exhausted", "uncertain", "awaiting", "crashes"};
    bool ended = m->state == DELIVERED || m->state == DEAD || m->state == CANCELLED;
    bool claimed = m->state == CLAIMED || m->is_looking;
    bool waits = (m->state == PENDING && m->hold == HOLD_NONE) || (m->is_asked && !m->is_looking);
    int64_t lease_until = claimed ? run->model.wall + m->lease - run->model.boot : 0;
    bool same = same_text(run, n, "state", view->state, model_state_text(m->state)) &&
                same_number(run, n, "attempts", view->attempts, m->attempts) &&
                same_number(run, n, "deferrals", view->deferrals, m->deferrals) &&
                same_number(run, n, "crashes", view->crashes, m->crashes) &&
                same_number(run, n, "retries", view->retries, m->retries) &&
                same_number(run, n, "resent_of", (int64_t)number_of_id(&view->resent_of),
                            in_scope(run, (uint64_t)m->resent_of)) &&
                same_number(run, n, "updated_at", view->updated_at_ms, m->updated) &&
                same_number(run, n, "ended_at", view->ended_at_ms, ended ? m->ended_at : 0) &&
                same_number(run, n, "lease_until", view->lease_until_ms, lease_until) &&
                same_text(run, n, "claimed_by", view->claimed_by,
                          claimed ? pool_text(POOL_CONSUMER, m->consumer) : NULL) &&
                same_text(run, n, "remote_id", view->remote_id, pool_text(POOL_REMOTE, m->remote)) &&
                same_text(run, n, "hold", view->hold, holds[m->hold]) &&
                same_text(run, n, "phase", view->phase, ended ? NULL : model_phase_text(m)) &&
                same_text(run, n, "ended_reason", view->ended_reason, ended ? text_of_reason(m) : NULL) &&
                same_text(run, n, "ended_by", view->ended_by, ended ? text_by(m->by) : NULL) &&
                same_number(run, n, "superseded_by", (int64_t)number_of_id(&view->superseded_by),
                            in_scope(run, (uint64_t)m->successor));
    if (same && !waits)
        return same_number(run, n, "available_at", view->available_at_ms, 0);
    if (same && m->due_least < m->due && view->available_at_ms >= m->due_least && view->available_at_ms <= m->due)
        run->model.messages[n - 1].due = view->available_at_ms; /* chance decided */
    return same && same_number(run, n, "available_at", view->available_at_ms, m->due);
}

/* The same content has the same fingerprint, other content another; the scope is no part of it. */
static bool compare_fingerprint(struct run *run, const pawl_message_view *view, struct model_message *message)
{
    if (message->has_fingerprint)
        return memcmp(message->fingerprint, view->fingerprint, 32) == 0 || run_differs(run, "a fingerprint changed");
    message->has_fingerprint = true;
    memcpy(message->fingerprint, view->fingerprint, 32);
    for (size_t i = 0; i < run->model.message_count; i++) {
        const struct model_message *other = &run->model.messages[i];
        struct model_content content = other->content;
        content.scope = message->content.scope;
        bool same_content = memcmp(&content, &message->content, sizeof content) == 0;
        if (other->has_fingerprint && same_content != (memcmp(other->fingerprint, view->fingerprint, 32) == 0))
            return run_differs(run, "message %zu has %s content, and %s fingerprint", i + 1,
                               same_content ? "the same" : "other", same_content ? "another" : "the same");
    }
    return true;
}

bool compare_message(struct run *run, const pawl_message_view *view, uint64_t number)
{
    struct model_message *message = &run->model.messages[number - 1];
    return compare_fingerprint(run, view, message) && learn_id(run, number, &view->id) &&
           compare_content(run, view, number, message) && compare_state(run, view, number, message) &&
           compare_error(run, view, number, message);
}

/* ---- what was moved ---- */

static const struct model_attempt *find_attempt(const struct model *model, uint64_t number, uint32_t ordinal)
{
    for (size_t i = 0; i < model->attempt_count; i++)
        if (model->attempts[i].number == number && model->attempts[i].ordinal == ordinal)
            return &model->attempts[i];
    return NULL;
}

static bool compare_attempt(struct run *run, uint64_t number, const pawl_attempt *got)
{
    static const char *const classes[] = {NULL, "transient", "permanent", "unknown", "expired"};
    const struct model_attempt *expected = find_attempt(&run->model, number, got->ordinal);
    if (!expected)
        return run_differs(run, "message %llu: the model knows no attempt %u", (unsigned long long)number,
                           got->ordinal);
    const char *text = expected->text == ERROR_OWN ? got->text : pool_error_kept(expected->text);
    return same_number(run, number, "attempt's number", got->number, expected->n) &&
           same_number(run, number, "attempt's began_at", got->began_at_ms, expected->began) &&
           same_number(run, number, "attempt's ended_at", got->ended_at_ms, expected->ended) &&
           same_text(run, number, "attempt's worker", got->worker, pool_text(POOL_CONSUMER, expected->worker)) &&
           same_text(run, number, "attempt's verdict", got->verdict, expected->verdict) &&
           same_text(run, number, "attempt's phase", got->phase, expected->phase) &&
           same_text(run, number, "attempt's class", got->error_class, classes[expected->error]) &&
           same_text(run, number, "attempt's text", got->text, text);
}

static bool compare_attempts(struct run *run, uint64_t number, const pawl_messages *page)
{
    size_t expected = 0;
    for (size_t i = 0; i < run->model.attempt_count; i++)
        expected += run->model.attempts[i].number == number;
    bool same = same_number(run, number, "attempts kept", (int64_t)pawl_messages_attempt_count(page),
                            (int64_t)expected);
    for (size_t i = 0; same && i < pawl_messages_attempt_count(page); i++)
        same = compare_attempt(run, number, pawl_messages_attempt(page, i));
    return same;
}

static uint64_t number_named(const struct run *run, int64_t scope, uint64_t in_scope)
{
    for (size_t i = 0; i < run->model.message_count; i++)
        if (run->model.messages[i].content.scope == scope && run->model.messages[i].in_scope == in_scope)
            return i + 1;
    return 0;
}

/* Messages whose ids no answer told: the newest of their scope. */
static bool learn_ids(struct run *run, int64_t scope)
{
    pawl_messages *page;
    pawl_error err;
    if (pawl_messages_list(run->stores[0][scope], &(pawl_messages_query){PAWL_MESSAGES_QUERY, .limit = 1000}, &page,
                           &err) < 0)
        return run_differs(run, "cannot list: %s", err.text);
    bool same = true;
    for (size_t i = 0; same && i < pawl_messages_count(page); i++) {
        const pawl_uuid *id = &pawl_messages_get(page, i)->id;
        same = learn_id(run, number_named(run, scope, number_of_id(id)), id);
    }
    pawl_messages_free(page);
    return same;
}

static bool compare_one(struct run *run, uint64_t number)
{
    const struct model_message *message = &run->model.messages[number - 1];
    pawl_messages *page;
    pawl_error err;
    if (message->exists && memcmp(&message->id, nil, 16) == 0 && !learn_ids(run, message->content.scope))
        return false;
    int status = pawl_message_get(run->stores[0][message->content.scope], &message->id, &page, &err);
    if (status < 0 && (message->exists || status != PAWL_ENOTFOUND))
        return run_differs(run, "message %llu: get answers %s", (unsigned long long)number, pawl_status_name(status));
    if (status < 0)
        return true;
    bool same = message->exists
                    ? compare_message(run, pawl_messages_get(page, 0), number) && compare_attempts(run, number, page)
                    : run_differs(run, "message %llu was purged and is still there", (unsigned long long)number);
    pawl_messages_free(page);
    return same;
}

bool compare_touched(struct run *run)
{
    for (size_t i = 0; i < run->model.message_count; i++) {
        if (!run->model.messages[i].touched)
            continue;
        run->model.messages[i].touched = false;
        if (!compare_one(run, i + 1))
            return false;
        run->model.messages[i].due_least = run->model.messages[i].due;
    }
    return true;
}

/* ---- everything ---- */

/* What a list is asked for; 0 (-1 for the state): anything. */
struct filter {
    int64_t scope, lane, target, key;
    int state;
};

static bool passes(const struct model_message *m, const struct filter *filter)
{
    const struct model_content *c = &m->content;
    return m->exists && c->scope == filter->scope && (!filter->lane || c->lane == filter->lane) &&
           (!filter->target || c->target == filter->target) && (!filter->key || c->key == filter->key) &&
           (filter->state < 0 || (int)m->state == filter->state);
}

/* A page at a time, newest first: all there are, none twice. */
static bool compare_list(struct run *run, struct filter filter)
{
    pawl_messages_query query = {PAWL_MESSAGES_QUERY,
                                 .lane = pool_text(POOL_LANE, filter.lane),
                                 .target = pool_text(POOL_TARGET, filter.target),
                                 .key = pool_text(POOL_KEY, filter.key),
                                 .state = filter.state < 0 ? NULL : model_state_text((enum model_state)filter.state),
                                 .limit = 10 * PAGE};
    size_t next = run->model.message_count;
    pawl_error err;
    for (bool more = true; more;) {
        pawl_messages *page;
        if (pawl_messages_list(run->stores[0][filter.scope], &query, &page, &err) < 0)
            return run_differs(run, "cannot list: %s", err.text);
        bool same = true;
        for (size_t i = 0; same && i < pawl_messages_count(page); i++) {
            const pawl_message_view *view = pawl_messages_get(page, i);
            while (next > 0 && !passes(&run->model.messages[next - 1], &filter))
                next--;
            same = next > 0
                       ? compare_message(run, view, next)
                       : run_differs(run, "message %llu is in a list (%s) where it is not",
                                     (unsigned long long)number_of_id(&view->id), query.state ? query.state : "all");
            next -= next > 0;
            query.before = view->id;
        }
        more = pawl_messages_has_more(page) != 0;
        pawl_messages_free(page);
        if (!same)
            return false;
    }
    for (; next > 0; next--)
        if (passes(&run->model.messages[next - 1], &filter))
            return run_differs(run, "message %zu is missing in a list (%s)", next, query.state ? query.state : "all");
    return true;
}

static bool compare_messages(struct run *run, int64_t scope)
{
    bool same = compare_list(run, (struct filter){.scope = scope, .state = -1}) &&
                compare_list(run, (struct filter){.scope = scope, .lane = 1, .target = 2, .state = -1}) &&
                compare_list(run, (struct filter){.scope = scope, .key = 1, .state = -1}) &&
                compare_list(run, (struct filter){.scope = scope, .target = 1, .key = 1, .state = PENDING});
    for (int state = 0; same && state < MODEL_STATES; state++)
        same = compare_list(run, (struct filter){.scope = scope, .state = state});
    return same;
}

static bool compare_queue(struct run *run, const pawl_queue_stats *stats, int64_t scope)
{
    uint64_t got[MODEL_STATES] = {stats->pending,   stats->claimed, stats->awaiting, stats->uncertain,
                                  stats->delivered, stats->dead,    stats->cancelled};
    uint64_t expected[MODEL_STATES] = {0};
    for (size_t i = 0; i < run->model.message_count; i++) {
        const struct model_message *m = &run->model.messages[i];
        expected[m->state] += m->exists && m->content.scope == scope &&
                              strcmp(pool_text(POOL_LANE, m->content.lane), stats->lane) == 0 &&
                              strcmp(pool_text(POOL_TARGET, m->content.target), stats->target) == 0;
    }
    for (int state = 0; state < MODEL_STATES; state++)
        if (got[state] != expected[state])
            return run_differs(run, "queue %s/%s counts %llu %s, the model says %llu", stats->lane, stats->target,
                               (unsigned long long)got[state], model_state_text((enum model_state)state),
                               (unsigned long long)expected[state]);
    for (size_t i = 0; i < run->model.queue_count; i++) {
        const struct model_queue *queue = &run->model.queues[i];
        if (queue->scope == scope && strcmp(pool_text(POOL_LANE, queue->lane), stats->lane) == 0 &&
            strcmp(pool_text(POOL_TARGET, queue->target), stats->target) == 0 && queue->late != stats->after_expiry)
            return run_differs(run, "queue %s/%s has %llu repetitions that came too late, the model says %llu",
                               stats->lane, stats->target, (unsigned long long)stats->after_expiry,
                               (unsigned long long)queue->late);
    }
    return true;
}

static bool compare_stats(struct run *run, int64_t scope)
{
    pawl_stats *stats;
    pawl_error err;
    size_t expected = 0;
    if (pawl_stats_read(run->stores[0][scope], NULL, NULL, &stats, &err) < 0)
        return run_differs(run, "cannot read the counts: %s", err.text);
    for (size_t i = 0; i < run->model.queue_count; i++)
        expected += run->model.queues[i].scope == scope;
    bool same = pawl_stats_count(stats) == expected ||
                run_differs(run, "%zu queues, the model says %zu", pawl_stats_count(stats), expected);
    for (size_t i = 0; same && i < pawl_stats_count(stats); i++)
        same = compare_queue(run, pawl_stats_get(stats, i), scope);
    pawl_stats_free(stats);
    return same;
}

static void print_policy(const struct model_policy *policy, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "{");
    for (int key = 0; key < MODEL_POLICY_KEYS; key++) {
        if (!policy->is_set[key])
            continue;
        const char *word = model_policy_word((enum model_policy_key)key, policy->values[key]);
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)policy->values[key]);
        at += (size_t)snprintf(out + at, size - at, "%s\"%s\":%s%s%s", at > 1 ? "," : "",
                               model_policy_key_text((enum model_policy_key)key), word ? "\"" : "",
                               word ? word : number, word ? "\"" : "");
    }
    snprintf(out + at, size - at, "}");
}

static bool same_policy(struct run *run, const char *name, const char *got, const struct model_policy *policy)
{
    char expected[1000];
    print_policy(policy, expected, sizeof expected);
    return (got && strcmp(got, expected) == 0) ||
           run_differs(run, "%s has the policy %.200s, the model says %.200s", name, got ? got : "absent", expected);
}

static bool compare_lanes(struct run *run, int64_t scope)
{
    pawl_settings *page;
    pawl_error err;
    size_t expected = 0;
    if (pawl_lanes_list(run->stores[0][scope], &page, &err) < 0)
        return run_differs(run, "cannot list lanes: %s", err.text);
    bool same = true;
    for (size_t i = 0; same && i < run->model.lane_count; i++) {
        const struct model_lane *lane = &run->model.lanes[i];
        const char *policy = NULL;
        if (lane->scope != scope)
            continue;
        expected++;
        for (size_t j = 0; j < pawl_settings_count(page); j++)
            if (strcmp(pawl_settings_lane(page, j)->name, pool_text(POOL_LANE, lane->name)) == 0)
                policy = pawl_settings_lane(page, j)->policy;
        same = same_policy(run, pool_text(POOL_LANE, lane->name), policy, &lane->policy);
    }
    if (same && pawl_settings_count(page) != expected)
        same = run_differs(run, "%zu lanes, the model says %zu", pawl_settings_count(page), expected);
    pawl_settings_free(page);
    return same;
}

static bool compare_targets(struct run *run, int64_t scope)
{
    pawl_settings *page;
    pawl_error err;
    size_t expected = 0;
    if (pawl_targets_list(run->stores[0][scope], &page, &err) < 0)
        return run_differs(run, "cannot list targets: %s", err.text);
    bool same = true;
    for (size_t i = 0; same && i < run->model.target_count; i++) {
        const struct model_target *target = &run->model.targets[i];
        const char *name = pool_text(POOL_TARGET, target->name);
        const pawl_target_view *view = NULL;
        if (target->scope != scope || !target->exists)
            continue;
        expected++;
        for (size_t j = 0; j < pawl_settings_count(page); j++)
            if (strcmp(pawl_settings_target(page, j)->name, name) == 0)
                view = pawl_settings_target(page, j);
        same = (view || run_differs(run, "target %s is missing", name)) &&
               same_policy(run, name, view->policy, &target->policy) &&
               same_text(run, 0, "url", view->url, pool_text(POOL_URL, target->url)) &&
               same_text(run, 0, "probe", view->probe, pool_text(POOL_ASKED, target->asked[0])) &&
               same_text(run, 0, "poll", view->poll, pool_text(POOL_ASKED, target->asked[1])) &&
               same_text(run, 0, "secret_file", view->secret_file, pool_text(POOL_SECRET, target->secret));
    }
    if (same && pawl_settings_count(page) != expected)
        same = run_differs(run, "%zu targets, the model says %zu", pawl_settings_count(page), expected);
    pawl_settings_free(page);
    return same;
}

static bool is_hold(const pawl_hold_view *view, const struct model_subject_hold *hold)
{
    const char *lane = pool_text(POOL_LANE, hold->lane), *target = pool_text(POOL_TARGET, hold->target);
    return strcmp(view->kind, "message") != 0 && !view->lane == !lane && !view->target == !target &&
           (!lane || strcmp(view->lane, lane) == 0) && (!target || strcmp(view->target, target) == 0) &&
           strcmp(view->code, pool_text(POOL_CODE, hold->code)) == 0;
}

/* A breaker says how often it opened. */
static const char *reason_of_hold(const struct model_subject_hold *hold, char *text, size_t size)
{
    if (hold->actor != BY_PAWL)
        return pool_text(POOL_REASON, hold->reason);
    snprintf(text, size,
             hold->until == NEVER ? "its breaker opened %lld times in a row: look at it, then release it"
                                  : "its breaker is open, %lld times in a row: too many sends failed",
             (long long)hold->reason);
    return text;
}

static bool compare_hold(struct run *run, const pawl_settings *page, const struct model_subject_hold *hold)
{
    char reason[128];
    for (size_t i = 0; i < pawl_settings_count(page); i++) {
        const pawl_hold_view *view = pawl_settings_hold(page, i);
        if (is_hold(view, hold))
            return same_text(run, 0, "hold's reason", view->reason, reason_of_hold(hold, reason, sizeof reason)) &&
                   same_text(run, 0, "hold's by", view->by, text_by(hold->actor)) &&
                   same_number(run, 0, "hold's since", view->since_ms, hold->since) &&
                   same_number(run, 0, "hold's until", view->until_ms, hold->until == NEVER ? 0 : hold->until);
    }
    return run_differs(run, "a hold of %s/%s is missing", hold->lane ? pool_text(POOL_LANE, hold->lane) : "*",
                       hold->target ? pool_text(POOL_TARGET, hold->target) : "*");
}

static bool compare_holds(struct run *run, int64_t scope)
{
    pawl_settings *page;
    pawl_error err;
    size_t expected = 0;
    if (pawl_holds_list(run->stores[0][scope], &page, &err) < 0)
        return run_differs(run, "cannot list holds: %s", err.text);
    bool same = true;
    for (size_t i = 0; same && i < run->model.hold_count; i++) {
        const struct model_subject_hold *hold = &run->model.holds[i];
        if (!model_holds(&run->model, hold) || (hold->scope && hold->scope != scope))
            continue;
        expected++;
        same = compare_hold(run, page, hold);
    }
    for (size_t i = 0; i < run->model.message_count; i++) {
        const struct model_message *m = &run->model.messages[i];
        expected += m->exists && m->content.scope == scope && m->hold != HOLD_NONE;
    }
    if (same && pawl_settings_count(page) != expected)
        same = run_differs(run, "%zu holds, the model says %zu", pawl_settings_count(page), expected);
    pawl_settings_free(page);
    return same;
}

/* ---- the journal ---- */

static bool same_body(struct run *run, const char *what, const void *data, size_t size, int64_t body)
{
    const struct body *expected = pool_body(body);
    return (size == expected->size && (size == 0 || memcmp(data, expected->data, size) == 0)) ||
           run_differs(run, "%s has other bytes", what);
}

static bool compare_event(struct run *run, const pawl_event_view *view, const struct model_event_kept *event)
{
    bool full = event->keep == PAWL_KEEP_FULL;
    return same_text(run, view->seq, "event's topic", view->topic, pool_text(POOL_TOPIC, event->topic)) &&
           same_text(run, view->seq, "event's type", view->type, pool_text(POOL_TYPE, event->type)) &&
           same_text(run, view->seq, "event's key", view->key, pool_text(POOL_KEY, event->key)) &&
           same_number(run, view->seq, "event's keep", view->keep, event->keep) &&
           same_number(run, view->seq, "event's stream_seq", view->has_stream_seq ? (int64_t)view->stream_seq + 1 : 0,
                       event->stream) &&
           (!full || (same_body(run, "an event", view->data, view->data_size, event->data) &&
                      same_text(run, view->seq, "event's content_type", view->content_type,
                                pool_text(POOL_CONTENT_TYPE, event->content_type))));
}

/* An event that is not kept keeps its index, and is shown to nobody. */
static int64_t shown_events(const struct model_record *record)
{
    int64_t count = 0;
    for (int64_t i = 0; i < record->event_count; i++)
        count += record->events[i].keep != PAWL_KEEP_NONE;
    return count;
}

static bool compare_command(struct run *run, const pawl_record *got, const struct model_record *expected)
{
    uint64_t n = got->seq;
    bool same = same_text(run, n, "record's type", got->type, pool_text(POOL_TYPE, expected->type)) &&
                same_text(run, n, "record's ref", got->ref, pool_text(POOL_REF, expected->ref)) &&
                same_text(run, n, "record's content_type", got->content_type,
                          pool_text(POOL_CONTENT_TYPE, expected->content_type)) &&
                same_body(run, "a command", got->data, got->data_size, expected->command) &&
                same_number(run, n, "record has a response", got->response != NULL, expected->response != 0) &&
                same_body(run, "a response", got->response, got->response_size, expected->response) &&
                same_number(run, n, "record's duration", (int64_t)got->duration_us, expected->duration) &&
                same_number(run, n, "record's digests", (int64_t)got->state_pre_size, expected->digests ? 3 : 0) &&
                same_number(run, n, "record's messages", (int64_t)got->message_count, expected->message_count) &&
                same_number(run, n, "record's events", (int64_t)got->event_count, shown_events(expected));
    for (size_t i = 0; same && i < got->message_count; i++)
        same = learn_id(run, expected->messages[i], &got->messages[i]);
    for (size_t i = 0; same && i < got->event_count; i++)
        same = got->events[i].index < expected->event_count
                   ? compare_event(run, &got->events[i], &expected->events[got->events[i].index])
                   : run_differs(run, "an event has an index of no event");
    return same;
}

static bool compare_record(struct run *run, const pawl_record *got, struct model_record *expected)
{
    if (!expected->has_digest)
        memcpy(expected->digest, got->digest, sizeof expected->digest);
    expected->has_digest = true;
    if (memcmp(expected->digest, got->digest, sizeof expected->digest) != 0)
        return run_differs(run, "the digest of record %llu changed", (unsigned long long)got->seq);
    if (expected->request.bytes[15] != 0xEE && !same_id(&expected->request, &got->request_id))
        return run_differs(run, "record %llu has another request id", (unsigned long long)got->seq);
    return same_number(run, got->seq, "record's committed_at", got->committed_at_ms, expected->committed) &&
           same_number(run, got->seq, "record's received_at", got->received_at_ms, expected->received) &&
           (expected->of_operator || compare_command(run, got, expected));
}

static bool compare_records(struct run *run, int64_t scope)
{
    pawl_records_query query = {PAWL_RECORDS_QUERY, .limit = 3 * PAGE};
    pawl_error err;
    for (bool more = true; more;) {
        pawl_records *page;
        if (pawl_records_list(run->stores[0][scope], &query, &page, &err) < 0)
            return run_differs(run, "cannot list records: %s", err.text);
        bool same = true;
        for (size_t i = 0; same && i < pawl_records_count(page); i++) {
            const pawl_record *record = pawl_records_get(page, i);
            struct model_record *expected = (struct model_record *)model_record_by_seq(&run->model, scope, record->seq);
            same = record->seq == ++query.after_seq || run_differs(run, "a gap in the records");
            same = same && (expected || run_differs(run, "a record too many"));
            same = same && compare_record(run, record, expected);
        }
        more = pawl_records_has_more(page) != 0;
        pawl_records_free(page);
        if (!same)
            return false;
    }
    return query.after_seq == model_head(&run->model, scope) ||
           run_differs(run, "%llu records, the model says %llu", (unsigned long long)query.after_seq,
                       (unsigned long long)model_head(&run->model, scope));
}

/* The last record by its seq, by its id, and first of a list that begins with the newest. */
static bool compare_last_record(struct run *run, int64_t scope)
{
    pawl_store *store = run->stores[0][scope];
    uint64_t head = model_head(&run->model, scope);
    pawl_records *pages[3] = {NULL, NULL, NULL};
    pawl_error err;
    if (head == 0)
        return true;
    struct model_record *expected = (struct model_record *)model_record_by_seq(&run->model, scope, head);
    bool same = pawl_record_get(store, NULL, head, &pages[0], &err) == PAWL_OK;
    pawl_uuid id = same ? pawl_records_get(pages[0], 0)->request_id : (pawl_uuid){{0}}, other = id;
    other.bytes[3] ^= 1;
    same = same && pawl_record_get(store, &id, 0, &pages[1], &err) == PAWL_OK &&
           pawl_records_list(store, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = PAGE},
                             &pages[2], &err) == PAWL_OK &&
           pawl_record_exists(store, &id, &err) == 1 && pawl_record_exists(store, &other, &err) == 0;
    for (size_t i = 0; same && i < 3; i++)
        same = pawl_records_get(pages[i], 0)->seq == head &&
               compare_record(run, pawl_records_get(pages[i], 0), expected);
    same = same && pawl_records_count(pages[2]) == (head < PAGE ? head : PAGE);
    for (size_t i = 0; i < 3; i++)
        pawl_records_free(pages[i]);
    return same || run_differs(run, "record %llu is not found as the last one", (unsigned long long)head);
}

/* The next event that a reader of a topic (0: any) is shown behind a cursor. */
static const struct model_event_kept *next_event(const struct model *model, int64_t scope, int64_t topic,
                                                 pawl_cursor *cursor)
{
    for (;;) {
        const struct model_record *record = cursor->seq ? model_record_by_seq(model, scope, cursor->seq) : NULL;
        if (!record || cursor->index == PAWL_WHOLE_RECORD || cursor->index + 1 >= record->event_count) {
            if (cursor->seq >= model_head(model, scope))
                return NULL;
            cursor->seq++;
            cursor->index = 0;
            record = model_record_by_seq(model, scope, cursor->seq);
            if (record->event_count == 0) {
                cursor->index = PAWL_WHOLE_RECORD;
                continue;
            }
        } else {
            cursor->index++;
        }
        const struct model_event_kept *event = &record->events[cursor->index];
        if ((topic == 0 || event->topic == topic) && event->keep != PAWL_KEEP_NONE)
            return event;
    }
}

static bool compare_events(struct run *run, int64_t scope, int64_t topic)
{
    pawl_events_query query = {PAWL_EVENTS_QUERY, .topic = pool_text(POOL_TOPIC, topic), .limit = PAGE,
                               .after = {0, PAWL_WHOLE_RECORD}};
    pawl_cursor cursor = query.after;
    pawl_error err;
    for (bool more = true; more;) {
        pawl_events *page;
        if (pawl_events_read(run->stores[0][scope], &query, &page, &err) < 0)
            return run_differs(run, "cannot read events: %s", err.text);
        bool same = true;
        for (size_t i = 0; same && i < pawl_events_count(page); i++) {
            const pawl_event_view *view = pawl_events_get(page, i);
            const struct model_event_kept *event = next_event(&run->model, scope, topic, &cursor);
            same = (event && view->seq == cursor.seq && view->index == cursor.index) ||
                   run_differs(run, "event %llu.%u where the model has %llu.%u", (unsigned long long)view->seq,
                               view->index, (unsigned long long)cursor.seq, cursor.index);
            same = same && compare_event(run, view, event);
        }
        query.after = pawl_events_next(page);
        more = pawl_events_has_more(page) != 0;
        pawl_events_free(page);
        if (!same)
            return false;
    }
    return !next_event(&run->model, scope, topic, &cursor) || run_differs(run, "an event is missing");
}

static bool compare_chain(struct run *run)
{
    pawl_verification *verification = NULL;
    pawl_error err;
    if (pawl_verify(run->stores[0][1], NULL, NULL, NULL, &verification, &err) < 0)
        run_differs(run, "verify: %s", err.text);
    pawl_verification_free(verification);
    return run->difference[0] == '\0';
}

bool compare_all(struct run *run)
{
    for (int64_t scope = 1; scope < SCOPE_OPERATOR; scope++)
        if (!compare_messages(run, scope) || !compare_stats(run, scope) || !compare_lanes(run, scope) ||
            !compare_targets(run, scope) || !compare_holds(run, scope) || !compare_records(run, scope) ||
            !compare_last_record(run, scope) || !compare_events(run, scope, 0) || !compare_events(run, scope, 1))
            return false;
    return compare_whys(run) && compare_records(run, SCOPE_OPERATOR) && compare_chain(run);
}
