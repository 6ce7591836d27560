/* SPDX-License-Identifier: MIT */
/* Where a message goes. One with a sender goes by the route of that sender or not at all, one without by that of its target;
 * neither ever takes the place of the other. Of the URLs of a route the next one is tried, in the same attempt, where nothing
 * of the message was sent; once anything may have left, the answer stands. Who is asked what became of a message is the
 * target's, with the secret and the headers of the message's route. */
#include "model/urls.h"

#include "base/json.h"
#include "model/headers.h"
#include "sink/answer.h"
#include "work/work.h"

static struct text text_or_none(const char *string)
{
    return string ? text_of(string) : (struct text){0};
}

void pawli_route_learn(struct queue *queue, const struct route *route)
{
    struct text urls[LIMIT_URLS];
    struct arena arena = {0};
    struct worker *worker = queue->worker;
    struct duty *sends = &queue->duties[PHASE_SEND];
    pawli_replace(&queue->urls, route->urls);
    pawli_replace(&queue->headers, route->headers);
    size_t count = pawli_urls_list(text_or_none(queue->urls), urls, &arena);
    sends->sink = NULL;
    for (size_t i = 0; i < count && !sends->sink; i++)
        sends->sink = pawli_sink_for(worker, urls[i].data, PHASE_SEND);
    if (!sends->sink && count > 0)
        pawli_tell_no_sink(sends, urls[0].data);
    pawli_arena_done(&arena);
}

/* ---- one URL after the other ---- */

/* For each URL that is left as much of the time to connect; what it takes to answer is not cut short by that. */
static int64_t connect_time(const struct delivery *delivery)
{
    struct env *env = delivery->queue->worker->opened->env;
    size_t left = delivery->url_count - delivery->url_at;
    int64_t ms = (delivery->send.deadline.ns - env->ops->boot_now(env).ns) / 1000000;
    return left < 2 ? 0 : ms < (int64_t)left ? 1 : ms / (int64_t)left;
}

static void try_url(struct delivery *delivery)
{
    struct send *send = &delivery->send;
    struct worker *worker = delivery->queue->worker;
    send->url = delivery->urls[delivery->url_at].data;
    send->connect_ms = connect_time(delivery);
    delivery->sink = pawli_sink_for(worker, send->url, send->phase);
    if (delivery->sink)
        delivery->sink->ops->send(delivery->sink, send);
    else
        pawli_send_unsent(send, VERDICT_DEFERRED, "no sink of this process sends to it; nothing was sent");
}

/* The sender's alone is held by nobody: its target serves others. */
static void judge_sender(struct delivery *delivery)
{
    struct send *send = &delivery->send;
    bool is_incomplete = send->fault == TARGET_MALFORMED;
    send->fault = TARGET_FINE;
    if (is_incomplete)
        send->verdict = VERDICT_DEAD;
    if (send->is_unsent && (is_incomplete || send->verdict == VERDICT_DEFERRED))
        send->error = pawli_arena_format(&delivery->arena, "%s: %.*s",
                                         is_incomplete ? "incomplete_route" : SENDER_NOT_READY, TEXT_ARG(send->error));
}

static void tell_urls(struct delivery *delivery)
{
    struct send *send = &delivery->send;
    struct arena *arena = &delivery->arena;
    if (send->is_unsent) {
        send->verdict = delivery->first.verdict; /* the preferred one says best what is wrong */
        if (send->fault != delivery->first.fault)
            send->fault = TARGET_FINE;
        send->error = pawli_arena_format(arena, "%.*s; %s: %.*s", TEXT_ARG(delivery->tried), send->url,
                                         TEXT_ARG(send->error));
        return;
    }
    struct text *said = send->response.data || send->verdict == VERDICT_DELIVERED ? &send->response : &send->error;
    *said = pawli_arena_format(arena, "%.*s%s(URL %zu of %zu: %s)", TEXT_ARG(*said), said->size ? " " : "",
                               delivery->url_at + 1, delivery->url_count, send->url);
}

bool pawli_route_go_on(struct delivery *delivery)
{
    struct send *send = &delivery->send;
    struct worker *worker = delivery->queue->worker;
    struct env *env = worker->opened->env;
    bool is_over = delivery->is_cancelled || atomic_load(&worker->state) != WORKER_WORKS ||
                   send->deadline.ns <= env->ops->boot_now(env).ns;
    bool may = send->is_unsent && (send->verdict == VERDICT_RETRY || send->verdict == VERDICT_DEFERRED);
    if (delivery->url_at == 0) {
        delivery->first.verdict = send->verdict;
        delivery->first.fault = send->fault;
    }
    if (may && !is_over && delivery->url_at + 1 < delivery->url_count) {
        struct arena *arena = &delivery->arena;
        delivery->tried = delivery->tried.data
                              ? pawli_arena_format(arena, "%.*s; %s: %.*s", TEXT_ARG(delivery->tried), send->url,
                                                   TEXT_ARG(send->error))
                              : pawli_arena_format(arena, "%s: %.*s", send->url, TEXT_ARG(send->error));
        send->is_unsent = false;
        send->fault = TARGET_FINE;
        send->error = (struct text){0};
        send->retry_in_ms = -1;
        delivery->url_at++;
        try_url(delivery);
        return true;
    }
    if (delivery->url_at > 0)
        tell_urls(delivery);
    if (send->message->sender && delivery->url_count > 0)
        judge_sender(delivery);
    return false;
}

/* ---- the route ---- */

static bool has_header(const pawl_message_view *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (strcmp(message->headers[i].name, name) == 0)
            return true;
    return false;
}

/* The message as it is sent: with the headers of its route, which its own beat. */
static const pawl_message_view *add_headers(const pawl_message_view *message, struct text json, struct arena *arena)
{
    struct text name, value;
    pawl_message_view *view = arena_array(arena, pawl_message_view, 1);
    pawl_header *headers = arena_array(arena, pawl_header, message->header_count + pawli_headers_count(json) + 1);
    if (!view || !headers)
        return message;
    *view = *message;
    if (message->header_count)
        memcpy(headers, message->headers, message->header_count * sizeof *headers);
    view->headers = headers;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        pawl_header header = {pawli_arena_text(arena, pawli_json_string(arena, name)).data,
                              pawli_arena_text(arena, pawli_json_string(arena, value)).data};
        if (header.name && header.value && !has_header(message, header.name))
            headers[view->header_count++] = header;
    }
    return view;
}

static void refuse(struct delivery *delivery, enum verdict verdict, const char *what, const char *why)
{
    const struct queue *queue = delivery->queue;
    const char *sender = delivery->send.message->sender;
    pawli_send_fail(&delivery->send, verdict, "%s: target %s has %s%s%.300s; nothing was sent", what, queue->name, why,
                    sender ? " of sender " : "", sender ? sender : "");
}

/* Signed with a secret of its own, or with none: that of the target was given to somebody else. */
static bool read_secret(struct delivery *delivery, const struct route *sender)
{
    pawl_error error;
    pawli_secret_release(delivery->secret);
    delivery->secret = NULL;
    delivery->send.secret = NULL;
    struct text url = pawli_urls_first(sender->urls, &delivery->arena);
    enum secret_use use = pawli_secret_use(url.data ? url.data : "");
    if (sender->secret_file.data && pawli_secret_read(sender->secret_file.data, use, &delivery->secret, &error) < 0) {
        pawli_send_fail(&delivery->send, VERDICT_DEFERRED, SENDER_NOT_READY ": %s; nothing was sent", error.text);
        return false;
    }
    delivery->send.secret = delivery->secret;
    return true;
}

/* The queue may learn another one while this is under way: of the target's a copy is made. */
static struct route route_of_target(const struct delivery *delivery)
{
    const struct queue *queue = delivery->queue;
    return (struct route){.urls = text_or_none(queue->urls),
                          .secret_file = text_or_none(queue->secret_file),
                          .headers = text_or_none(queue->headers)};
}

/* The password of a broker signs nothing. */
static bool logs_in(const struct delivery *delivery, const struct route *route)
{
    struct text url = pawli_urls_first(route->urls, delivery->send.arena);
    return url.data && pawli_secret_use(url.data) == SECRET_LOGS_IN;
}

void pawli_route_begin(struct delivery *delivery, const struct route *sender)
{
    struct send *send = &delivery->send;
    const char *asked = delivery->queue->duties[send->phase].url; /* NULL: it is sent */
    struct route route = sender ? *sender : route_of_target(delivery);
    if (send->message->sender && !sender)
        refuse(delivery, VERDICT_DEFERRED, SENDER_NOT_READY, "no route");
    else if (!asked && !route_is_set(&route))
        refuse(delivery, VERDICT_DEFERRED, "no_target", "no URL for messages without a sender");
    else if (!asked && !route.urls.data)
        refuse(delivery, VERDICT_DEAD, "incomplete_route", "no URL in the route");
    else if (!sender && route.secret_file.data && !delivery->secret)
        pawli_send_fail(send, VERDICT_DEFERRED, "the secret of its target cannot be read; nothing was sent");
    else if (!sender || read_secret(delivery, sender)) {
        delivery->urls[0] = pawli_arena_text(&delivery->arena, asked ? text_of(asked) : (struct text){0});
        delivery->url_count = asked ? 1 : pawli_urls_list(route.urls, delivery->urls, &delivery->arena);
        if (asked && logs_in(delivery, &route))
            send->secret = NULL;
        if (route.headers.data)
            send->message = add_headers(send->message, route.headers, &delivery->arena);
        if (pawli_arena_failed(&delivery->arena))
            send->done(send); /* released */
        else
            try_url(delivery);
    }
}
