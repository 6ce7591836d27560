/* SPDX-License-Identifier: MIT */
/* Calls a function of the program on a thread of the pool. A function cannot be stopped: past its deadline the send is
 * completed as uncertain, and the answer that it gives later is dropped. One that no thread was free for is never called
 * then. */
#include "sink/callback/callback.h"

#include "base/codec.h"
#include "sink/answer.h"

enum call_state { CALL_WAITS, CALL_BEGAN, CALL_WITHDRAWN };

struct callback_sink {
    struct sink sink;
    struct sink_host host;
    unsigned calls; /* that have not returned, given-up ones included */
};

/* Outlives its send where the function outlives the deadline, and then owns the arena that the message lives in. */
struct call {
    struct job job;
    _Atomic int state; /* enum call_state */
    struct send *send; /* NULL: given up */
    struct callback_sink *sink;
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
        call->callback->deliver(call->callback->data, call->message, &call->outcome);
}

static struct text keep(struct send *send, const char *string, size_t limit)
{
    struct text text = {string, strnlen(string, limit)};
    return pawli_printable(send->arena, text, limit);
}

static void finished(struct job *job)
{
    struct call *call = (struct call *)job;
    struct send *send = call->send;
    call->sink->calls--;
    if (send) {
        const pawl_outcome *outcome = &call->outcome;
        bool known = outcome->verdict >= 0 && outcome->verdict < PAWL_VERDICT_EXTEND;
        send->verdict = known ? (enum verdict)outcome->verdict : VERDICT_UNCERTAIN;
        send->error = known ? keep(send, outcome->error, sizeof outcome->error)
                            : TEXT("the callback gave a verdict that there is not");
        if (outcome->remote_id[0])
            send->remote_id = keep(send, outcome->remote_id, sizeof outcome->remote_id - 1);
        send->retry_in_ms = outcome->retry_in_ms;
        send->sink_data = NULL;
        send->done(send);
    }
    call->lease->release(call->lease);
    pawli_free(call);
}

static const struct callback *find(const struct callback_sink *sink, const char *url)
{
    const char *name = url + strlen("callback:");
    for (const struct callback *callback = sink->host.callbacks; callback; callback = callback->next)
        if (strcmp(callback->name, name) == 0)
            return callback;
    return NULL;
}

static void answer(struct send *send, enum verdict verdict, struct text error)
{
    send->verdict = verdict;
    send->error = error;
    send->done(send);
}

static void start(struct sink *base, struct send *send)
{
    struct callback_sink *sink = (struct callback_sink *)base;
    const struct callback *callback = find(sink, send->url);
    struct call *call = callback ? pawli_alloc(sizeof *call) : NULL;
    if (!callback) {
        answer(send, VERDICT_DEFERRED, TEXT("this process has no callback of that name"));
        return;
    }
    if (!call) {
        answer(send, VERDICT_DEFERRED, TEXT("out of memory"));
        return;
    }
    call->job = (struct job){.run = run, .done = finished, .engine = sink->host.engine};
    call->send = send;
    call->sink = sink;
    call->callback = callback;
    call->message = send->message;
    call->lease = send->lease;
    call->lease->hold(call->lease);
    call->outcome = (pawl_outcome){
        .struct_size = sizeof call->outcome, .verdict = PAWL_VERDICT_DELIVERED, .retry_in_ms = -1};
    send->sink_data = call;
    sink->calls++;
    sink->host.env->ops->offload(sink->host.env, &call->job);
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
    if (withdrawn)
        answer(send, VERDICT_DEFERRED, TEXT("no thread was free for the callback"));
    else
        answer(send, VERDICT_UNCERTAIN, TEXT("the callback did not return in time"));
}

static int open_sink(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    struct callback_sink *sink = pawli_alloc(sizeof *sink);
    if (!sink)
        return pawli_no_memory(err);
    sink->sink.ops = &pawli_sink_callback;
    sink->host = *host;
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
    .open = open_sink,
    .send = start,
    .cancel = cancel,
    .close = close_sink,
    .is_idle = is_idle,
};
