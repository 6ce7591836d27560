/* SPDX-License-Identifier: MIT */
/* Calls a function of the program on a thread of the pool. A function cannot be stopped: past its deadline the send is
 * completed as uncertain, and the answer that it gives later is dropped.
 *
 * A target has a share of the threads: half of what is left, once a call of it has returned in time; else one, and all such
 * targets leave a quarter to the others. What is given up counts until it returns. What no thread was free for is never
 * called, and its message is given back. */
#include "sink/callback/callback.h"

#include "base/codec.h"
#include "sink/answer.h"

/* The calls of one target; there while it has any. */
struct share {
    struct share *next;
    unsigned running, total; /* total: and waiting */
    bool is_prompt;
    char scope[LIMIT_NAME + 1], target[LIMIT_NAME + 1];
};

enum call_state { CALL_WAITS, CALL_BEGAN, CALL_WITHDRAWN };

struct callback_sink {
    struct sink sink;
    struct sink_host host;
    unsigned calls, running; /* that have not returned, given-up ones included; running: on their threads */
    struct share *shares;
    struct call *waiting, **waiting_last; /* in the order in which they came */
};

/* Outlives its send where the function outlives the deadline, and then owns the arena that the message lives in. */
struct call {
    struct job job;
    _Atomic int state; /* enum call_state */
    struct send *send; /* NULL: given up */
    struct call *next; /* of those that wait */
    struct callback_sink *sink;
    struct share *share;
    const struct callback *callback;
    const pawl_message_view *message;
    struct message_lease *lease;
    pawl_outcome outcome;
};

static void run(struct job *job)
{
    struct call *call = (struct call *)job;
    int waits = CALL_WAITS;
    if (atomic_compare_exchange_strong(&call->state, &waits, CALL_BEGAN))
        call->callback->function(call->callback->data, call->message, &call->outcome);
}

/* ---- whose turn it is ---- */

static struct share *share_of(struct callback_sink *sink, const pawl_message_view *message)
{
    struct share *share = sink->shares;
    while (share && (strcmp(share->scope, message->scope) != 0 || strcmp(share->target, message->target) != 0))
        share = share->next;
    if (share || !(share = pawli_alloc(sizeof *share)))
        return share;
    memcpy(share->scope, message->scope, strlen(message->scope));
    memcpy(share->target, message->target, strlen(message->target));
    share->next = sink->shares;
    sink->shares = share;
    return share;
}

static void leave(struct callback_sink *sink, struct share *share)
{
    struct share **at = &sink->shares;
    if (--share->total > 0)
        return;
    while (*at != share)
        at = &(*at)->next;
    *at = share->next;
    pawli_free(share);
}

static bool may_begin(const struct callback_sink *sink, const struct share *share)
{
    unsigned left = POOL_HANGING - sink->running;
    return share->is_prompt ? share->running < left : share->running == 0 && left > POOL_HANGING / 4;
}

static void begin_waiting(struct callback_sink *sink)
{
    for (struct call **at = &sink->waiting; *at && sink->running < POOL_HANGING;) {
        struct call *call = *at;
        if (!may_begin(sink, call->share)) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        if (!*at)
            sink->waiting_last = at;
        sink->running++;
        call->share->running++;
        sink->host.env->ops->offload(sink->host.env, &call->job);
    }
}

static void free_call(struct call *call)
{
    call->sink->calls--;
    leave(call->sink, call->share);
    call->lease->release(call->lease);
    pawli_free(call);
}

static bool drop_waiting(struct call *call)
{
    for (struct call **at = &call->sink->waiting; *at; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            if (!*at)
                call->sink->waiting_last = at;
            return true;
        }
    return false;
}

/* ---- a call ---- */

static struct text text_in(const char *string, size_t room)
{
    return (struct text){string, strnlen(string, room)};
}

/* Of a look: what the function found. */
static const enum finding findings[PAWL_VERDICT_COUNT] = {
    [PAWL_VERDICT_DELIVERED] = FINDING_HAPPENED, [PAWL_VERDICT_RETRY] = FINDING_DID_NOT,
    [PAWL_VERDICT_DEAD] = FINDING_HOPELESS,      [PAWL_VERDICT_UNCERTAIN] = FINDING_NONE,
    [PAWL_VERDICT_DEFERRED] = FINDING_NONE,      [PAWL_VERDICT_RELEASED] = FINDING_NONE,
    [PAWL_VERDICT_SUBMITTED] = FINDING_NONE,     [PAWL_VERDICT_EXTEND] = FINDING_NONE};

static void answer(struct send *send, const pawl_outcome *outcome)
{
    bool known = outcome->verdict >= 0 && outcome->verdict < PAWL_VERDICT_EXTEND;
    enum verdict verdict = known ? (enum verdict)outcome->verdict : VERDICT_UNCERTAIN;
    struct text error = known ? text_in(outcome->error, sizeof outcome->error)
                              : TEXT("the callback gave a verdict that there is not");
    struct text remote_id = text_in(outcome->remote_id, sizeof outcome->remote_id - 1);
    if (remote_id.size)
        send->remote_id = pawli_printable(send->arena, remote_id, remote_id.size);
    send->retry_in_ms = outcome->retry_in_ms;
    if (send->phase == PHASE_SEND)
        pawli_send_done(send, verdict, error);
    else
        pawli_look_done(send, findings[verdict], error);
}

static void finished(struct job *job)
{
    struct call *call = (struct call *)job;
    struct send *send = call->send;
    struct callback_sink *sink = call->sink;
    sink->running--;
    call->share->running--;
    call->share->is_prompt = send != NULL;
    if (send)
        answer(send, &call->outcome);
    free_call(call);
    begin_waiting(sink);
}

static const struct callback *find(const struct sink_host *host, const char *url, enum phase phase)
{
    const char *name = url + strlen("callback:");
    for (const struct callback *callback = host->callbacks; callback; callback = callback->next)
        if (callback->is_asked == (phase != PHASE_SEND) && strcmp(callback->name, name) == 0)
            return callback;
    return NULL;
}

static bool serves(const struct sink_host *host, const char *url, enum phase phase)
{
    return find(host, url, phase) != NULL;
}

static void start(struct sink *base, struct send *send)
{
    struct callback_sink *sink = (struct callback_sink *)base;
    const struct callback *callback = find(&sink->host, send->url, send->phase);
    struct call *call = callback ? pawli_alloc(sizeof *call) : NULL;
    struct share *share = call ? share_of(sink, send->message) : NULL;
    if (!callback) {
        pawli_send_done(send, VERDICT_DEFERRED, TEXT("this process has no callback of that name"));
        return;
    }
    if (!share) {
        pawli_free(call);
        pawli_send_done(send, VERDICT_DEFERRED, TEXT("out of memory"));
        return;
    }
    call->job = (struct job){.run = run, .done = finished, .engine = sink->host.engine, .may_hang = true};
    call->send = send;
    call->sink = sink;
    call->share = share;
    call->callback = callback;
    call->message = send->message;
    call->lease = send->lease;
    call->lease->hold(call->lease);
    call->outcome = (pawl_outcome){.struct_size = sizeof call->outcome,
                                   .verdict = callback->is_asked ? PAWL_VERDICT_UNCERTAIN : PAWL_VERDICT_DELIVERED,
                                   .retry_in_ms = -1};
    send->sink_data = call;
    sink->calls++;
    share->total++;
    *sink->waiting_last = call;
    sink->waiting_last = &call->next;
    begin_waiting(sink);
}

static void cancel(struct sink *base, struct send *send)
{
    struct call *call = send->sink_data;
    (void)base;
    if (!call)
        return;
    int waits = CALL_WAITS;
    bool withdrawn = atomic_compare_exchange_strong(&call->state, &waits, CALL_WITHDRAWN);
    call->send = NULL;
    send->sink_data = NULL;
    if (drop_waiting(call))
        free_call(call);
    else
        call->share->is_prompt = false;
    if (withdrawn)
        pawli_send_done(send, VERDICT_RELEASED, TEXT("no thread was free for the callback"));
    else
        pawli_send_done(send, VERDICT_UNCERTAIN, TEXT("the callback did not return in time"));
}

static int open_sink(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    struct callback_sink *sink = pawli_alloc(sizeof *sink);
    if (!sink)
        return pawli_no_memory(err);
    sink->sink.ops = &pawli_sink_callback;
    sink->host = *host;
    sink->waiting_last = &sink->waiting;
    *ret_sink = &sink->sink;
    return PAWL_OK;
}

static bool is_idle(struct sink *sink)
{
    return ((struct callback_sink *)sink)->calls == 0;
}

static void close_sink(struct sink *sink)
{
    pawli_free(sink);
}

static const char *const schemes[] = {"callback", NULL};

const struct sink_ops pawli_sink_callback = {
    .name = "callback",
    .schemes = schemes,
    .asks = true,
    .serves = serves,
    .open = open_sink,
    .send = start,
    .cancel = cancel,
    .close = close_sink,
    .is_idle = is_idle,
};
