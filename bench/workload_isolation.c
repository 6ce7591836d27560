/* SPDX-License-Identifier: MIT */
/* A thousand targets over HTTP, of which one takes every request and never answers: how long messages of the others are on
 * their way. Both sides are pawl: with that one, and without. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "bench.h"

#define TARGETS     1000
#define STUCK       200     /* messages that wait for the one that hangs */
#define PAUSE_NS    2000000 /* between two messages for the others */
#define ARRIVED_MAX 200000

/* ---- the receiver ---- */

struct receiver {
    struct event_base *base;
    struct evhttp *http;
    pthread_t thread;
    uint16_t port;
    _Atomic bool is_ending;
    pthread_mutex_t lock; /* of what follows */
    double took[ARRIVED_MAX];
    size_t arrived;
};

/* The body says when the message was enqueued. */
static void take(struct evhttp_request *request, void *data)
{
    struct receiver *receiver = data;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    char text[64] = "";
    double now = bench_now();
    if (strcmp(evhttp_request_get_uri(request), "/hang") == 0)
        return; /* it never answers */
    evbuffer_copyout(body, text, sizeof text - 1);
    pthread_mutex_lock(&receiver->lock);
    if (receiver->arrived < ARRIVED_MAX)
        receiver->took[receiver->arrived++] = now - strtod(text, NULL);
    pthread_mutex_unlock(&receiver->lock);
    evhttp_send_reply(request, 204, "No Content", NULL);
}

static void *serve(void *data)
{
    struct receiver *receiver = data;
    while (!receiver->is_ending) {
        event_base_loopexit(receiver->base, &(struct timeval){.tv_usec = 100000});
        event_base_loop(receiver->base, EVLOOP_NO_EXIT_ON_EMPTY);
    }
    return NULL;
}

static int no_receiver(pawl_error *err)
{
    *err = (pawl_error){.status = PAWL_EUNAVAIL, .text = "the receiver of the benchmark cannot be started"};
    return PAWL_EUNAVAIL;
}

static int start_receiver(struct receiver *receiver, pawl_error *err)
{
    pthread_mutex_init(&receiver->lock, NULL);
    receiver->base = event_base_new();
    receiver->http = receiver->base ? evhttp_new(receiver->base) : NULL;
    if (!receiver->http)
        return no_receiver(err);
    evhttp_set_gencb(receiver->http, take, receiver);
    struct evhttp_bound_socket *socket = evhttp_bind_socket_with_handle(receiver->http, "127.0.0.1", 0);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (!socket || getsockname(evhttp_bound_socket_get_fd(socket), (struct sockaddr *)&address, &size) < 0)
        return no_receiver(err);
    receiver->port = ntohs(address.sin_port);
    return pthread_create(&receiver->thread, NULL, serve, receiver) == 0 ? PAWL_OK : no_receiver(err);
}

static void stop_receiver(struct receiver *receiver)
{
    if (receiver->port) {
        receiver->is_ending = true;
        pthread_join(receiver->thread, NULL);
    }
    if (receiver->http)
        evhttp_free(receiver->http);
    if (receiver->base)
        event_base_free(receiver->base);
}

/* ---- one side ---- */

struct side {
    struct receiver *receiver;
    pawl_store *store;
    pawl_worker *worker;
    uint64_t next;
};

static int add_targets(const struct side *side, pawl_error *err)
{
    int status = PAWL_OK;
    for (int i = 0; status == PAWL_OK && i < TARGETS; i++) {
        char name[32], url[64];
        snprintf(name, sizeof name, i ? "t%d" : "hang", i);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", side->receiver->port, name);
        status = pawl_target_add(side->store, name, url, NULL, NULL, 0, &(pawl_operation){PAWL_OPERATION}, err);
    }
    return status;
}

static int send_to(const struct side *side, const char *target, pawl_error *err)
{
    char body[64];
    snprintf(body, sizeof body, "%.9f", bench_now());
    return pawl_enqueue(
        side->store,
        &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = target, .data = body, .data_size = strlen(body)}, 1,
        NULL, err);
}

static int open_side(const struct bench *bench, const char *name, struct receiver *receiver, bool hangs,
                     struct side *side, pawl_error *err)
{
    static const char *const loopback[] = {"127.0.0.0/8"};
    side->receiver = receiver;
    int status = bench_store(bench, name, &side->store, err);
    if (status == PAWL_OK)
        status = add_targets(side, err);
    if (status == PAWL_OK)
        status = pawl_worker_new(
            side->store,
            &(pawl_worker_options){PAWL_WORKER_OPTIONS, .allow_addresses = loopback, .allow_address_count = 1},
            &side->worker, err);
    if (status == PAWL_OK)
        status = pawl_worker_start(side->worker, err);
    if (status == PAWL_OK)
        status = pawl_store_start(side->store, err);
    for (int i = 0; status == PAWL_OK && hangs && i < STUCK; i++)
        status = send_to(side, "hang", err);
    return status;
}

static size_t arrived(struct receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    size_t count = receiver->arrived;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

static int measure_others(const struct bench *bench, void *data, struct figure *figure, pawl_error *err)
{
    struct side *side = data;
    struct receiver *receiver = side->receiver;
    double end = bench_now() + bench->seconds;
    size_t sent = 0;
    int status = PAWL_OK;
    receiver->arrived = 0; /* all that was sent before has arrived */
    while (status == PAWL_OK && bench_now() < end && sent < ARRIVED_MAX) {
        char name[32];
        snprintf(name, sizeof name, "t%u", 1 + (unsigned)(side->next++ * 7919 % (TARGETS - 1)));
        status = send_to(side, name, err);
        sent += status == PAWL_OK;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    for (int i = 0; status == PAWL_OK && arrived(receiver) < sent && i < 30000; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (status == PAWL_OK && arrived(receiver) < sent) {
        *err = (pawl_error){.status = PAWL_EUNAVAIL, .text = "not all messages of the others arrived in 30 s"};
        status = PAWL_EUNAVAIL;
    }
    figure->p50_ms = bench_percentile(receiver->took, arrived(receiver), 50) * 1000;
    figure->p99_ms = bench_percentile(receiver->took, arrived(receiver), 99) * 1000;
    return status;
}

static void close_side(struct side *side)
{
    if (side->worker)
        pawl_worker_stop(side->worker, 0);
    pawl_worker_free(side->worker);
}

int workload_isolation(const struct bench *bench, struct result *result, pawl_error *err)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    struct side hangs = {0}, plain = {0};
    if (!receiver)
        return no_receiver(err);
    int status = start_receiver(receiver, err);
    if (status == PAWL_OK)
        status = open_side(bench, "pawl", receiver, true, &hangs, err);
    if (status == PAWL_OK)
        status = open_side(bench, "plain", receiver, false, &plain, err);
    if (status == PAWL_OK)
        status = bench_compare(bench, measure_others, &hangs, measure_others, &plain, result, err);
    close_side(&hangs);
    close_side(&plain);
    bench_close(bench, &(struct sides){.store = hangs.store});
    pawl_store_close(plain.store);
    bench_remove(bench, "plain");
    stop_receiver(receiver);
    free(receiver);
    result->records = TARGETS;
    result->in_flight = 1;
    return status;
}
