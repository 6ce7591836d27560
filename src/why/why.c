/* SPDX-License-Identifier: MIT */
/* Explains why a message does not move: read-only, from what is stored. */
#include "why/explain.h"

#include <inttypes.h>

#include "model/check.h"
#include "model/decide.h"
#include "model/serving.h"
#include "model/urls.h"

const char *pawl_why_state(const pawl_why *why)
{
    return why ? why->state : NULL;
}

size_t pawl_why_count(const pawl_why *why)
{
    return why ? why->count : 0;
}

const pawl_reason *pawl_why_get(const pawl_why *why, size_t index)
{
    return index < pawl_why_count(why) ? &why->reasons[index] : NULL;
}

void pawl_why_free(pawl_why *why)
{
    if (!why)
        return;
    pawli_arena_done(&why->arena);
    pawli_free(why);
}

static const char *const codes[CODE_COUNT] = {
#define CODE(name, text, meaning) [CODE_##name] = text,
#include "why/codes.def"
#undef CODE
};

void pawli_why_add(struct explaining *e, enum code code, struct wall_time until, struct text by, struct text text)
{
    pawl_why *why = e->why;
    if (!pawli_arena_reserve(&why->arena, (void **)&why->reasons, sizeof *why->reasons, why->count + 1, &why->room))
        return;
    why->reasons[why->count++] = (pawl_reason){.struct_size = sizeof(pawl_reason),
                                               .code = codes[code],
                                               .text = pawli_arena_text(&why->arena, text).data,
                                               .until_ms = until.ms == INT64_MAX ? 0 : until.ms,
                                               .by = pawli_arena_text(&why->arena, by).data};
}

static const struct text nobody = {0};

/* What became of the attempt before, or of the look that sent nothing. */
struct text pawli_why_failure(struct explaining *e)
{
    const struct failure *failure = &e->item->task.failure;
    const char *class = pawli_error_class_text(failure->class);
    if (failure->class == ERROR_NONE)
        return TEXT("");
    return failure->text.size
               ? pawli_arena_format(&e->why->arena, "; last error (%s): %.*s", class, TEXT_ARG(failure->text))
               : pawli_arena_format(&e->why->arena, "; last error: %s", class);
}

static void explain_held(struct explaining *e)
{
    const struct task_row *task = &e->item->task;
    const struct {
        enum code code;
        const char *text;
    } texts[] = {{CODE_EXHAUSTED, "every attempt failed, and its policy keeps it: retry, requeue or cancel it"},
                 {CODE_UNCERTAIN, "nobody knows whether it arrived: look at the receiver, then resolve it"},
                 {CODE_AWAITING, "handed over; its outcome has not been reported yet"},
                 {CODE_CRASHES,
                  "its workers died, again and again, and nobody knows whether it arrived: look what it does "
                  "to them, then retry, requeue or cancel it"}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (text_is(task->hold, codes[texts[i].code]))
            pawli_why_add(e, texts[i].code, task->until, nobody,
                          pawli_arena_format(&e->why->arena, "%s%.*s", texts[i].text, TEXT_ARG(pawli_why_failure(e))));
}

void pawli_why_claimed(struct explaining *e)
{
    const struct task_row *task = &e->item->task;
    struct wall_time until = wall_after_ms(e->page->wall, lease_left_ms(task, e->page->boot));
    if (e->item->lost)
        pawli_why_add(
            e, CODE_LOST_CLAIM, WALL_NEVER, task->consumer,
            TEXT("claimed, but its lease ended or its process is gone: the next claim of its queue, or a sweep, gives "
                 "it back"));
    else
        pawli_why_add(e, CODE_CLAIMED, until, task->consumer,
                      task->phase == PHASE_SEND
                          ? pawli_arena_format(&e->why->arena, "claimed by %.*s, attempt %u", TEXT_ARG(task->consumer),
                                               task->attempts)
                          : pawli_arena_format(&e->why->arena, "claimed by %.*s, to be asked for (%s)",
                                               TEXT_ARG(task->consumer), pawli_phase_text(task->phase)));
}

static int explain(struct explaining *e);

/* A message that another one waits for, or that took its place: what it is, and what it waits for itself. */
struct other {
    struct page page;
    char id[PAWL_UUID_TEXT_SIZE];
    const char *state; /* NULL: it cannot be read */
    struct text why;   /* "", or ": " and its reasons */
    struct wall_time until;
    struct text by;
};

static int look_at(struct explaining *e, uint64_t number, struct other *other)
{
    struct query query = {.kind = QUERY_MESSAGE, .scope = e->item->scope, .number = number};
    *other = (struct other){.state = "purged", .why = TEXT(""), .until = WALL_NEVER};
    int status = pawli_store_status(pawli_store_read(e->store, e->reader, &query, &other->page, e->err));
    if (status < 0 || other->page.count == 0)
        return status;
    const struct message_item *item = &other->page.messages[0];
    if (item->is_message_damaged) {
        other->state = NULL;
        return PAWL_OK;
    }
    pawl_uuid id = message_id(&item->message);
    pawl_uuid_format(&id, other->id);
    other->state = item->task.place == PLACE_NONE ? "missing" : pawli_state_text(task_state(&item->task));
    if (item->task.place == PLACE_NONE || item->task.place == PLACE_ENDED || item->task.place == PLACE_BLOCKED)
        return PAWL_OK;
    pawl_why why = {0};
    struct explaining inner = *e;
    inner.why = &why;
    inner.item = item;
    inner.page = &other->page;
    status = explain(&inner);
    for (size_t i = 0; status == PAWL_OK && i < why.count; i++) {
        const pawl_reason *reason = &why.reasons[i];
        other->why = pawli_arena_format(&e->why->arena, "%.*s%s%s", TEXT_ARG(other->why), i == 0 ? ": " : "; ",
                                        reason->text);
        if (reason->until_ms)
            other->until = (struct wall_time){reason->until_ms};
        if (reason->by)
            other->by = pawli_arena_text(&e->why->arena, text_of(reason->by));
    }
    pawli_arena_done(&why.arena);
    return status;
}

static int explain_behind(struct explaining *e)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_LINE,
                          .scope = e->item->scope,
                          .lane = e->item->lane,
                          .target = e->item->target,
                          .key = e->item->message.key,
                          .cursor = {.position = e->item->task.order, .number = e->item->task.number}};
    int status = pawli_store_status(pawli_store_read(e->store, e->reader, &query, &page, e->err));
    const struct line_row *line = &page.line.row;
    if (status == PAWL_OK && page.line.found && (line->head == 0 || line->beside > 0)) {
        pawli_why_add(
            e, CODE_BEHIND, WALL_NEVER, nobody,
            pawli_arena_format(
                &e->why->arena, "behind those that hold the ordering key (%llu); %llu of its key before this one",
                (unsigned long long)line_holders(line), (unsigned long long)page.line.before + line_holders(line)));
    } else if (status == PAWL_OK && page.line.found) {
        struct other head;
        status = look_at(e, line->head, &head);
        if (status == PAWL_OK && head.page.count && !head.state)
            pawli_why_add(e, CODE_BEHIND, WALL_NEVER, nobody,
                          TEXT("behind a message that holds the ordering key and cannot be read"));
        else if (status == PAWL_OK && head.page.count)
            pawli_why_add(e, CODE_BEHIND, head.until, head.by,
                          pawli_arena_format(
                              &e->why->arena,
                              "behind %s, which holds the ordering key and is %s%.*s; %llu of its key before this one",
                              head.id, head.state, TEXT_ARG(head.why), (unsigned long long)page.line.before + 1));
        pawli_page_done(&head.page);
    }
    pawli_page_done(&page);
    return status;
}

#define CHAIN_MAX 100 /* successors that are told */

/* Who took its place, and who that one's, to the last. */
static int explain_successors(struct explaining *e)
{
    pawl_uuid id = e->item->task.successor;
    uint64_t number, tail;
    int status = PAWL_OK;
    for (int i = 0; status == PAWL_OK && i < CHAIN_MAX && message_id_split(&id, &number, &tail); i++) {
        struct other other;
        status = look_at(e, number, &other);
        if (!other.id[0])
            pawl_uuid_format(&id, other.id);
        if (status == PAWL_OK)
            pawli_why_add(e, CODE_SUPERSEDED, other.until, other.by,
                          pawli_arena_format(&e->why->arena, "%s by %s, which is %s%.*s",
                                             i == 0 ? "replaced" : "that one", other.id, other.state,
                                             TEXT_ARG(other.why)));
        id = other.page.count ? other.page.messages[0].task.successor : (pawl_uuid){0};
        pawli_page_done(&other.page);
    }
    return status;
}

static void explain_hold(struct explaining *e, const struct hold_item *hold)
{
    const struct hold_row *row = &hold->row;
    pawli_paused_add(&e->paused, row, e->page->wall);
    if (!hold_is_on(row, e->page->wall))
        return;
    struct arena *arena = &e->why->arena;
    struct text name = row->kind == HOLD_LANE     ? row->lane
                       : row->kind == HOLD_TARGET ? row->target
                       : row->kind == HOLD_QUEUE
                           ? pawli_arena_format(arena, "%.*s to %.*s", TEXT_ARG(row->lane), TEXT_ARG(row->target))
                           : (struct text){0};
    pawli_why_add(e, CODE_HELD, row->until, row->by,
                  pawli_arena_format(arena, "the %s%s%.*s is held (%.*s): %.*s", pawli_hold_kind_text(row->kind),
                                     name.data ? " " : "", TEXT_ARG(name.data ? name : TEXT("")), TEXT_ARG(row->code),
                                     TEXT_ARG(row->reason.data ? row->reason : TEXT("no reason given"))));
}

/* What a worker still needs where nothing holds a message: what only the process that sends can know. */
static struct text needed_by_worker(struct explaining *e, const struct route *route)
{
    struct arena *arena = &e->why->arena;
    if (pawli_url_is_callback(e->url))
        return pawli_arena_format(arena, "; of workers, only one that registered %.*s", TEXT_ARG(e->url));
    if (route->secret_file.data)
        return pawli_arena_format(arena, "; of workers, only one that can read the secret file %.*s",
                                  TEXT_ARG(route->secret_file));
    return TEXT("");
}

/* Too old by the wall clock alone: why it is sent all the same. */
static struct text doubted_age(struct explaining *e, const struct queue_item *queue)
{
    const struct task_body *body = &e->item->message.body;
    const struct clock believed = {.wall = e->page->wall};
    int64_t now = e->page->wall.ms;
    if (pawli_expiry_of(&believed, body, e->item->task.retried.at, &queue->policy, &e->paused).ms > now ||
        pawli_expiry_of(&e->clock, body, e->item->task.retried.at, &queue->policy, &e->paused).ms <= now)
        return TEXT("");
    return TEXT(
        "; too old by the wall clock, but that jumped, or the machine came up since: its age counts from there");
}

/* The one that served the queue last. */
struct serving {
    struct worker_row last; /* id 0: none that is known */
    size_t others;          /* work, but not for this queue */
    bool is_served;
};

static bool reaches_any(const struct explaining *e, const struct worker_row *row)
{
    struct arena *arena = &e->why->arena;
    struct text urls[LIMIT_URLS];
    enum phase phase = e->item->task.phase;
    if (phase != PHASE_SEND)
        return pawli_worker_reaches(row, e->url, phase, arena);
    size_t count = pawli_urls_list(e->urls, urls, arena);
    for (size_t i = 0; i < count; i++)
        if (pawli_worker_reaches(row, urls[i], phase, arena))
            return true;
    return false;
}

static int look_for_workers(struct explaining *e, struct serving *serving)
{
    struct page page = {0};
    struct arena *arena = &e->why->arena;
    struct query query = {.kind = QUERY_WORKERS, .limit = UINT32_MAX};
    int status = pawli_store_status(pawli_store_read(e->store, e->reader, &query, &page, e->err));
    *serving = (struct serving){0};
    for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
        const struct worker_row *row = &page.workers[i].row;
        bool serves = pawli_worker_claims(row, e->item->scope, e->item->lane, arena) && reaches_any(e, row);
        serving->others += page.workers[i].is_alive && !serves;
        serving->is_served |= page.workers[i].is_alive && serves;
        if (serves && (!serving->last.id || pawli_worker_last(&serving->last).ms < pawli_worker_last(row).ms))
            serving->last = *row;
    }
    serving->last.consumer = pawli_arena_text(arena, serving->last.consumer);
    pawli_page_done(&page);
    return status;
}

/* How it went, who served it last: what is known of one that died is when it told of itself last. */
static struct text last_served(struct explaining *e, const struct worker_row *last)
{
    char time[TIME_TEXT_SIZE];
    if (!last->id)
        return TEXT("no worker has ever served this queue (those that are gone are remembered for 30 days)");
    return pawli_arena_format(&e->why->arena, "no worker has served this queue since %s, when %.*s (pid %llu) %s",
                              pawli_time_text(pawli_worker_last(last).ms, time), TEXT_ARG(last->consumer),
                              (unsigned long long)last->pid,
                              last->stopped.ms == INT64_MAX ? "was last seen; it died since" : "stopped");
}

static struct text working_elsewhere(struct explaining *e, const struct serving *serving)
{
    const char *ending = serving->others == 1 ? "s" : "";
    if (serving->others == 0)
        return TEXT("");
    return pawli_arena_format(&e->why->arena, "; %zu that work%s take%s other lanes, scopes or URLs (pawl workers)",
                              serving->others, ending, ending);
}

static int explain_unserved(struct explaining *e)
{
    struct serving serving;
    struct arena *arena = &e->why->arena;
    if (!e->url.data)
        return PAWL_OK;
    int status = look_for_workers(e, &serving);
    if (status < 0 || serving.is_served)
        return status;
    struct text text = last_served(e, &serving.last), elsewhere = working_elsewhere(e, &serving);
    bool is_callback = pawli_url_is_callback(e->url), is_send = e->item->task.phase == PHASE_SEND;
    pawli_why_add(e, CODE_UNSERVED, WALL_NEVER, nobody,
                  pawli_arena_format(arena, "%.*s%.*s: run %s%.*s", TEXT_ARG(text), TEXT_ARG(elsewhere),
                                     !is_callback ? "\"pawl serve\""
                                     : is_send    ? "the program that registers "
                                                  : "the program that registers a probe ",
                                     TEXT_ARG(is_callback ? e->url : TEXT(""))));
    pawl_why *why = e->why;
    if (why->count && serving.last.id)
        why->reasons[why->count - 1].since_ms = pawli_worker_last(&serving.last).ms;
    return PAWL_OK;
}

/* Enough of its lane, or to its target, is under way or was sent. */
static void explain_limits(struct explaining *e, const struct queue_item *queue)
{
    struct limits limits[LIMITS];
    struct arena *arena = &e->why->arena;
    struct boot_time now = e->page->boot;
    pawli_limits_of(pawli_task_kinds[queue->row.kind].policy, &queue->lane_policy, &queue->target_policy, limits);
    for (int i = 0; i < LIMITS; i++) {
        bool is_lane = i == LIMITS_LANE;
        const char *what = is_lane ? "lane" : "target";
        struct text name = is_lane ? e->item->lane : e->item->target;
        int64_t most = limits[i].concurrency;
        if (most == POLICY_NONE && !is_lane)
            most = policy_get(&queue->policy, POLICY_CONCURRENCY);
        uint64_t claimed = queue->limits[i].claimed;
        if (most != POLICY_NONE && claimed >= (uint64_t)most)
            pawli_why_add(
                e, CODE_FULL, WALL_NEVER, nobody,
                pawli_arena_format(arena, "%" PRIu64 " sends of the %s %.*s are in flight, no more may be (%s)",
                                   claimed, what, TEXT_ARG(name), is_lane ? "lane_concurrency" : "concurrency"));
        struct passing passing = pawli_flow_rate(&queue->limits[i].flow, &limits[i].rate, limits[i].burst, now);
        if (passing.count == 0)
            pawli_why_add(e, CODE_RATE, wall_after_ms(e->page->wall, (passing.next.ns - now.ns + 999999) / 1000000),
                          nobody,
                          pawli_arena_format(arena, "the %s %.*s has had what its rate gives", what, TEXT_ARG(name)));
        if (!limits[i].breaks || queue->limits[i].flow.breaker == BREAKER_CLOSED)
            continue;
        passing = pawli_flow_breaker(&queue->limits[i].flow, &queue->policy, claimed, now);
        if (passing.count == 0)
            pawli_why_add(e, CODE_HEALING, WALL_NEVER, nobody,
                          pawli_arena_format(arena,
                                             "the target %.*s failed and is tried anew: it gets more as it heals",
                                             TEXT_ARG(name)));
    }
}

/* Nobody can do what is to be done. */
static void explain_no_url(struct explaining *e)
{
    static const struct {
        enum code code;
        const char *text;
    } texts[PHASE_COUNT] = {
        [PHASE_SEND] = {CODE_NO_TARGET,
                        "has no URL: no worker sends to it (pawl targets add), only claims by hand take it"},
        [PHASE_POLL] = {CODE_NO_POLL, "has nobody any more who could be asked for its outcome (pawl targets set NAME "
                                      "poll=URL): resolve it, or set one"},
        [PHASE_PROBE] = {CODE_NO_PROBE,
                         "has nobody any more who could be asked whether it arrived (pawl targets set NAME "
                         "probe=URL): resolve it, or set one"}};
    enum phase phase = e->item->task.phase;
    pawli_why_add(e, texts[phase].code, WALL_NEVER, nobody,
                  pawli_arena_format(&e->why->arena, "target %.*s %s", TEXT_ARG(e->item->target), texts[phase].text));
}

static void explain_no_sender(struct explaining *e, const struct queue_item *queue, const struct sender_row *row)
{
    const struct message_item *item = e->item;
    struct arena *arena = &e->why->arena;
    if (!row || row->is_damaged)
        pawli_why_add(e, CODE_SENDER_NOT_READY, WALL_NEVER, nobody,
                      pawli_arena_format(
                          arena,
                          "target %.*s has no route of its sender %.*s%s: it goes by that or not at all (pawl targets "
                          "add --sender)",
                          TEXT_ARG(item->target), TEXT_ARG(item->message.sender), row ? " that can be read" : ""));
    else
        pawli_why_add(
            e, CODE_SENDER_GONE,
            pawli_gone_of(&e->clock, &item->message.body, item->task.retried.at, row->removed, &queue->policy), nobody,
            pawli_arena_format(
                arena, "its sender %.*s was removed from target %.*s: it is dead then, unless that is added again",
                TEXT_ARG(item->message.sender), TEXT_ARG(item->target)));
}

/* By the route of its sender, if it has one: the target's own is never taken for it. */
static int explain_route(struct explaining *e, const struct queue_item *queue)
{
    struct page page = {0};
    struct text sender = e->item->message.sender;
    struct query query = {.kind = QUERY_SENDER, .scope = e->item->scope, .target = e->item->target, .key = sender};
    int status = sender.data ? pawli_store_status(pawli_store_read(e->store, e->reader, &query, &page, e->err))
                             : PAWL_OK;
    const struct sender_row *row = page.count ? &page.senders[0] : NULL;
    bool is_ready = row && !row->is_damaged && row->removed.ms == INT64_MAX;
    const struct route *route = !sender.data ? &queue->route : is_ready ? &row->route : NULL;
    if (status == PAWL_OK && !route)
        explain_no_sender(e, queue, row);
    else if (status == PAWL_OK && !route->urls.data)
        explain_no_url(e);
    if (status == PAWL_OK && route) {
        e->urls = pawli_arena_text(&e->why->arena, route->urls);
        e->url = pawli_urls_first(route->urls, &e->why->arena);
        e->needed = needed_by_worker(e, route);
    }
    pawli_page_done(&page);
    return status;
}

static int learn_queue(struct explaining *e, const struct queue_item *queue)
{
    enum phase phase = e->item->task.phase;
    if (queue->is_damaged) {
        pawli_why_add(
            e, CODE_DAMAGED, WALL_NEVER, nobody,
            TEXT("the policy of its lane or target cannot be read: set it anew (pawl lanes set, pawl targets add)"));
        return PAWL_OK;
    }
    e->policy = queue->policy;
    if (queue->row.kind != TASK_MESSAGE) { /* it goes to no address */
        explain_limits(e, queue);
        return PAWL_OK;
    }
    if (phase == PHASE_SEND) {
        if (e->item->task.place == PLACE_READY)
            explain_limits(e, queue);
        e->doubt = doubted_age(e, queue);
        return explain_route(e, queue);
    }
    if (!queue->asked[phase].data)
        explain_no_url(e);
    e->url = pawli_arena_text(&e->why->arena, queue->asked[phase]);
    e->needed = needed_by_worker(e, &queue->route);
    return PAWL_OK;
}

int pawli_why_queue(struct explaining *e)
{
    struct page look = {0}, queues = {0};
    struct query query = {
        .kind = QUERY_LOOK, .scope = e->item->scope, .lane = e->item->lane, .target = e->item->target};
    enum store_result result = pawli_store_read(e->store, e->reader, &query, &look, e->err);
    for (size_t i = 0; result == STORE_OK && i < look.look_hold_count; i++)
        explain_hold(e, &look.look_holds[i]);
    pawli_page_done(&look);
    query = (struct query){.kind = QUERY_QUEUES,
                           .scope = e->item->scope,
                           .lane = e->item->lane,
                           .target = e->item->target,
                           .limit = 1,
                           .wants_limits = true};
    if (result == STORE_OK)
        result = pawli_store_read(e->store, e->reader, &query, &queues, e->err);
    int status = pawli_store_status(result);
    e->url = (struct text){0};
    if (status == PAWL_OK && queues.count)
        status = learn_queue(e, &queues.queues[0]);
    pawli_page_done(&queues);
    return status;
}

static void explain_ended(struct explaining *e)
{
    const struct task_row *task = &e->item->task;
    struct text reason = task->ended_reason.data ? task->ended_reason : text_of(pawli_state_meaning(task->ended));
    struct text failure = task->ended == STATE_DEAD ? pawli_why_failure(e) : TEXT("");
    pawli_why_add(e, CODE_ENDED, WALL_NEVER, task->ended_by,
                  pawli_arena_format(&e->why->arena, "%.*s%.*s", TEXT_ARG(reason), TEXT_ARG(failure)));
}

/* The last time that somebody was asked. */
static int read_last_look(struct explaining *e, struct text *told)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_ATTEMPTS, .number = e->item->task.number};
    char time[TIME_TEXT_SIZE];
    int status = pawli_store_status(pawli_store_read(e->store, e->reader, &query, &page, e->err));
    const struct attempt_row *last = status == PAWL_OK && page.count ? &page.attempts[page.count - 1] : NULL;
    *told = TEXT("");
    if (last && last->phase == e->item->task.phase)
        *told = pawli_arena_format(&e->why->arena, "; asked at %s: %.*s", pawli_time_text(last->ended.ms, time),
                                   TEXT_ARG(last->text.size ? last->text : last->verdict));
    pawli_page_done(&page);
    return status;
}

/* Whoever has it is asked what became of it, until that takes too long. */
static int explain_asked(struct explaining *e)
{
    const struct task_row *task = &e->item->task;
    struct arena *arena = &e->why->arena;
    struct text told, failure = pawli_why_failure(e);
    bool is_free = e->why->count == 0; /* nothing holds its queue */
    bool is_poll = task->phase == PHASE_POLL, is_held = policy_get(&e->policy, POLICY_UNKNOWN) == UNKNOWN_HOLD;
    int status = read_last_look(e, &told);
    if (status < 0)
        return status;
    if (is_poll)
        pawli_why_add(
            e, CODE_AWAITING, task->until, nobody,
            pawli_arena_format(arena,
                               "handed over; its target is asked for its outcome, which is unknown if it does not come "
                               "in time%.*s",
                               TEXT_ARG(told)));
    else
        pawli_why_add(e, CODE_UNCERTAIN, task->until, nobody,
                      pawli_arena_format(
                          arena,
                          "nobody knows whether it arrived: its target is asked; if it cannot tell in time %s%.*s%.*s",
                          is_held ? "a person must" : "it is sent again, or given up at its cap", TEXT_ARG(told),
                          TEXT_ARG(failure)));
    if (task->due.ms > e->page->wall.ms)
        pawli_why_add(e, CODE_NOT_DUE, task->due, nobody, TEXT("waits until it is asked for"));
    else if (is_free)
        pawli_why_add(e, CODE_READY, WALL_NEVER, nobody,
                      pawli_arena_format(arena, "the next claim of its queue asks %.*s%.*s", TEXT_ARG(e->url),
                                         TEXT_ARG(e->needed)));
    return explain_unserved(e);
}

static void explain_not_due(struct explaining *e)
{
    const struct task_row *task = &e->item->task;
    struct text failure = pawli_why_failure(e);
    bool is_misdated = pawli_is_misdated(&e->clock, &e->item->message.body, task);
    pawli_why_add(e, CODE_NOT_DUE, task->due, nobody,
                  pawli_arena_format(&e->why->arena, "waits until it is %s%s%.*s%.*s",
                                     task->attempts || task->deferrals ? "tried again" : "due",
                                     is_misdated ? ", by a clock that was ahead: the next sweep mends the date" : "",
                                     TEXT_ARG(e->doubt), TEXT_ARG(failure)));
}

/* The clocks as the next commit will see them. */
static int read_clocks(struct explaining *e)
{
    struct env *env = e->store->env;
    struct page page = {0};
    pawl_uuid boot_id;
    enum store_result result = pawli_store_read(e->store, e->reader, &(struct query){.kind = QUERY_STORE}, &page,
                                                e->err);
    if (result == STORE_OK) {
        env->ops->boot_id(env, &boot_id);
        e->clock = pawli_clock_at(&page.store, &boot_id, e->page->wall, e->page->boot);
    }
    pawli_page_done(&page);
    return pawli_store_status(result);
}

static int explain(struct explaining *e)
{
    const struct task_row *task = &e->item->task;
    int status = PAWL_OK;
    switch (task->place) {
    case PLACE_ENDED:
        explain_ended(e);
        return explain_successors(e);
    case PLACE_CLAIMED:
        pawli_why_claimed(e);
        return PAWL_OK;
    case PLACE_HELD:
        explain_held(e);
        return PAWL_OK;
    case PLACE_BLOCKED:
        status = explain_behind(e);
        break;
    case PLACE_READY:
    case PLACE_NONE:
    case PLACE_COUNT:
        break;
    }
    if (status == PAWL_OK)
        status = pawli_why_queue(e);
    if (status == PAWL_OK && task->phase != PHASE_SEND)
        return explain_asked(e);
    if (task->due.ms > e->page->wall.ms)
        explain_not_due(e);
    struct text failure = pawli_why_failure(e);
    if (status == PAWL_OK && e->why->count == 0)
        pawli_why_add(e, CODE_READY, WALL_NEVER, nobody,
                      pawli_arena_format(&e->why->arena,
                                         "nothing holds it: the next claim of its queue takes it%.*s%.*s%.*s",
                                         TEXT_ARG(e->needed), TEXT_ARG(e->doubt), TEXT_ARG(failure)));
    return status == PAWL_OK ? explain_unserved(e) : status;
}

static int no_such_message(const pawl_store *store, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no such message in scope \"%s\"", store->scope_text),
                      "see \"pawl messages list\"");
}

static int explain_id(pawl_store *store, const pawl_uuid *id, struct explaining *e)
{
    uint64_t number, tail;
    struct page page = {0};
    if (!message_id_split(id, &number, &tail))
        return no_such_message(store, e->err);
    struct query query = {.kind = QUERY_MESSAGE, .scope = store->scope, .number = number};
    enum store_result result = pawli_store_read(e->store, e->reader, &query, &page, e->err);
    int status = pawli_store_status(result);
    const struct message_item *item = page.count ? &page.messages[0] : NULL;
    bool damaged = item && (item->is_damaged || item->is_message_damaged);
    bool found = item && (damaged || (item->message.tail == tail && text_equal(item->scope, store->scope)));
    if (status == PAWL_OK && !found)
        status = no_such_message(store, e->err);
    if (status == PAWL_OK && damaged) {
        e->why->state = "damaged";
        pawli_why_add(
            e, CODE_DAMAGED, WALL_NEVER, nobody,
            TEXT("what is stored of it cannot be read: nothing moves it, and nobody waits for it (pawl verify names "
                 "it)"));
    } else if (status == PAWL_OK) {
        e->item = item;
        e->page = &page;
        e->why->state = e->item->task.place == PLACE_NONE ? "missing" : pawli_state_text(task_state(&e->item->task));
        status = read_clocks(e);
        if (status == PAWL_OK)
            status = explain(e);
    }
    pawli_page_done(&page);
    return status;
}

int pawli_why_begin(pawl_store *store, struct explaining *e, pawl_error *err)
{
    *e = (struct explaining){.store = store->opened->store, .err = err, .why = pawli_alloc(sizeof *e->why)};
    if (!e->why)
        return pawli_no_memory(err);
    int status = pawli_store_status(pawli_store_reader(e->store, &e->reader, err));
    if (status < 0)
        pawl_why_free(e->why);
    return status;
}

int pawli_why_end(struct explaining *e, int status, pawl_why **ret_why)
{
    pawli_store_done(e->store, e->reader);
    if (status == PAWL_OK && pawli_arena_failed(&e->why->arena))
        status = pawli_no_memory(e->err);
    if (status < 0)
        pawl_why_free(e->why);
    else
        *ret_why = e->why;
    return status;
}

int pawl_why_message(pawl_store *store, const pawl_uuid *id, pawl_why **ret_why, pawl_error *err)
{
    struct explaining e;
    int status = pawli_check_given(err, store, id, ret_why);
    if (status == PAWL_OK)
        status = pawli_why_begin(store, &e, err);
    return status < 0 ? status : pawli_why_end(&e, explain_id(store, id, &e), ret_why);
}
