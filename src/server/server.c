/* SPDX-License-Identifier: MIT */
/* The server over libevent's evhttp. evhttp counts no connections and bounds no slow ones, so each connection's
 * bufferevent is held here too, until a sweep finds that it is the last to hold it. */
#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/listener.h>

#define SWEEP_MS      1000
#define SWEEP_FULL_MS 10 /* when there is no room for another connection */
#define THREADS_MAX   16
#define BACKLOG       512
#define SPARES        4    /* descriptors that are kept for accepting when there are no more */
#define PATIENCE_MS   1000 /* a connection that has waited so long gives way to another when there is no room */

struct connection {
    struct connection *next;
    struct server *server;
    struct bufferevent *socket;
    bool is_reading;   /* a part of a request came, and nothing was answered since */
    bool is_cut;       /* shut down: evhttp will see its end, and free it */
    uint32_t read_ms;  /* for how long it has been reading, in sweeps: of this request, not of those before */
    uint32_t waits_ms; /* for how long it has owed a request, or the rest of one */
    size_t held;       /* bytes of a request that was not answered yet */
};

/* A request and its reply, on the way from the loop to a thread and back. */
struct exchange {
    struct exchange *next;
    struct evhttp_request *native;
    const struct server_route *route;
    struct server_request request;
    struct server_reply reply;
};

struct exchange_list {
    struct exchange *first, **last;
};

struct server {
    struct server *next; /* in the list of all */
    struct server_options options;
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *bound;
    struct event *sweep, *answered;
    struct connection *connections;
    uint32_t connection_count, sweep_ms;
    size_t held;        /* bytes of requests that were not answered yet, over all connections */
    bool is_full;       /* the listener is off */
    int spares[SPARES]; /* -1: given away */
    char address[80];
    pthread_t threads[THREADS_MAX];
    uint32_t thread_count;
    int wake;             /* readable: replies wait to be sent */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    bool closing;
    struct exchange_list asked, done;
};

/* ---- lists of exchanges ---- */

static void list_init(struct exchange_list *list)
{
    *list = (struct exchange_list){.last = &list->first};
}

static void list_add(struct exchange_list *list, struct exchange *exchange)
{
    exchange->next = NULL;
    *list->last = exchange;
    list->last = &exchange->next;
}

static struct exchange *list_take(struct exchange_list *list)
{
    struct exchange *exchange = list->first;
    if (!exchange)
        return NULL;
    list->first = exchange->next;
    if (!list->first)
        list->last = &list->first;
    return exchange;
}

/* ---- replies ---- */

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(exchange->native), name, value);
}

static void free_exchange(struct exchange *exchange)
{
    pawli_buffer_done(&exchange->reply.body);
    pawli_free(exchange);
}

static void send_reply(struct exchange *exchange)
{
    struct server_reply *reply = &exchange->reply;
    char seconds[16];
    if (reply->body.failed) {
        reply->body.failed = false;
        pawli_server_problem(reply, 500, "the answer is too large");
    }
    struct evbuffer *body = evbuffer_new();
    if (body)
        evbuffer_add(body, reply->body.data, reply->body.size);
    add_header(exchange, "Content-Type", reply->content_type);
    add_header(exchange, "Cache-Control", "no-store");
    if (reply->allow[0])
        add_header(exchange, "Allow", reply->allow);
    snprintf(seconds, sizeof seconds, "%u", reply->retry_after_s);
    if (reply->retry_after_s)
        add_header(exchange, "Retry-After", seconds);
    evhttp_send_reply(exchange->native, reply->status, NULL, body);
    if (body)
        evbuffer_free(body);
    free_exchange(exchange);
}

static void send_answered(evutil_socket_t fd, short what, void *data)
{
    struct server *server = data;
    uint64_t count;
    (void)what;
    while (read(fd, &count, sizeof count) > 0) {
    }
    for (;;) {
        pthread_mutex_lock(&server->lock);
        struct exchange *exchange = list_take(&server->done);
        pthread_mutex_unlock(&server->lock);
        if (!exchange)
            return;
        send_reply(exchange);
    }
}

/* ---- threads ---- */

static void *handle_requests(void *data)
{
    struct server *server = data;
    uint64_t one = 1;
    pthread_mutex_lock(&server->lock);
    for (;;) {
        struct exchange *exchange = list_take(&server->asked);
        if (!exchange && server->closing)
            break;
        if (!exchange) {
            pthread_cond_wait(&server->work, &server->lock);
            continue;
        }
        pthread_mutex_unlock(&server->lock);
        exchange->route->handle(server->options.data, &exchange->request, &exchange->reply);
        pthread_mutex_lock(&server->lock);
        list_add(&server->done, exchange);
        ssize_t written = write(server->wake, &one, sizeof one);
        (void)written; /* full means readable, which is all that is wanted */
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static int start_threads(struct server *server, pawl_error *err)
{
    uint32_t wanted = server->options.threads < THREADS_MAX ? server->options.threads : THREADS_MAX;
    while (server->thread_count < wanted) {
        int failed = pthread_create(&server->threads[server->thread_count], NULL, handle_requests, server);
        if (failed)
            return pawli_fail(err, PAWL_EUNAVAIL, "cannot start a thread: %s", strerror(failed));
        server->thread_count++;
    }
    return PAWL_OK;
}

static void stop_threads(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->closing = true;
    pthread_cond_broadcast(&server->work);
    pthread_mutex_unlock(&server->lock);
    while (server->thread_count)
        pthread_join(server->threads[--server->thread_count], NULL);
}

/* ---- requests ---- */

static const char *method_name(struct evhttp_request *native)
{
    static const struct {
        enum evhttp_cmd_type type;
        const char *name;
    } methods[] = {{EVHTTP_REQ_GET, "GET"},     {EVHTTP_REQ_POST, "POST"},       {EVHTTP_REQ_HEAD, "HEAD"},
                   {EVHTTP_REQ_PUT, "PUT"},     {EVHTTP_REQ_DELETE, "DELETE"},   {EVHTTP_REQ_OPTIONS, "OPTIONS"},
                   {EVHTTP_REQ_TRACE, "TRACE"}, {EVHTTP_REQ_CONNECT, "CONNECT"}, {EVHTTP_REQ_PATCH, "PATCH"}};
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (methods[i].type == evhttp_request_get_command(native))
            return methods[i].name;
    return "";
}

static void read_request(struct evhttp_request *native, struct server_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(native);
    struct evbuffer *body = evhttp_request_get_input_buffer(native);
    const char *path = evhttp_uri_get_path(uri);
    uint16_t port;
    char *peer = NULL;
    evhttp_connection_get_peer(evhttp_request_get_connection(native), &peer, &port);
    *request = (struct server_request){.method = method_name(native),
                                       .path = path && *path ? path : "/",
                                       .query = evhttp_uri_get_query(uri),
                                       .peer = peer ? peer : "",
                                       .native = native};
    request->body = (struct text){(const char *)evbuffer_pullup(body, -1), evbuffer_get_length(body)};
    if (!request->body.data)
        request->body = TEXT("");
}

const char *pawli_server_header(const struct server_request *request, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request->native), name);
}

static void refuse_and_close(struct exchange *exchange, int http_status, const char *problem)
{
    pawli_server_problem(&exchange->reply, http_status, problem);
    add_header(exchange, "Connection", "close");
    send_reply(exchange);
}

static void take_request(struct evhttp_request *native, void *data)
{
    struct server *server = data;
    struct exchange *exchange = pawli_alloc(sizeof *exchange);
    if (!exchange) {
        evhttp_send_error(native, 503, NULL);
        return;
    }
    exchange->native = native;
    exchange->reply = (struct server_reply){.status = 200, .content_type = "application/json"};
    buffer_init(&exchange->reply.body, SERVER_REPLY_MAX);
    const char *problem = pawli_server_guard(evhttp_request_get_input_headers(native), native->major, native->minor);
    if (problem) {
        /* Where one request ends and the next begins is in doubt. */
        refuse_and_close(exchange, 400, problem);
        return;
    }
    if (server->closing) {
        refuse_and_close(exchange, 503, "the server stops");
        return;
    }
    read_request(native, &exchange->request);
    exchange->route = pawli_server_route(&server->options, &exchange->request, &exchange->reply);
    if (!exchange->route) {
        send_reply(exchange);
        return;
    }
    pthread_mutex_lock(&server->lock);
    list_add(&server->asked, exchange);
    pthread_cond_signal(&server->work);
    pthread_mutex_unlock(&server->lock);
}

/* ---- connections ---- */

static void hold(struct connection *connection, size_t size)
{
    connection->server->held += size - connection->held;
    connection->held = size;
}

static void cut(struct connection *connection)
{
    connection->is_cut = true;
    hold(connection, 0);
    shutdown(bufferevent_getfd(connection->socket), SHUT_RDWR);
}

/* While a handler works nothing is read, and no time is counted. */
static bool is_awaited(const struct connection *connection)
{
    return !connection->is_cut && (bufferevent_get_enabled(connection->socket) & EV_READ);
}

/* Of those that owe something, the one that has owed it for longest. */
static struct connection *slowest(const struct server *server, bool reading)
{
    struct connection *slowest = NULL;
    for (struct connection *at = server->connections; at; at = at->next)
        if (is_awaited(at) && (at->is_reading || !reading) && (!slowest || at->waits_ms >= slowest->waits_ms))
            slowest = at;
    return slowest;
}

/* evhttp bounds the lines of a header only when they have come to their end, and all requests together not at all. */
static void note_read(struct evbuffer *input, const struct evbuffer_cb_info *info, void *data)
{
    struct connection *connection = data, *victim;
    struct server *server = connection->server;
    if (connection->is_cut || info->n_added == 0)
        return;
    connection->is_reading = true;
    hold(connection, connection->held + info->n_added);
    if (evbuffer_get_length(input) > server->options.body_max + 2 * SERVER_HEADER_MAX)
        cut(connection);
    while (server->held > server->options.held_max && (victim = slowest(server, true)) != NULL)
        cut(victim);
}

static void note_written(struct evbuffer *output, const struct evbuffer_cb_info *info, void *data)
{
    struct connection *connection = data;
    (void)output;
    if (info->n_added == 0)
        return;
    connection->is_reading = false;
    connection->read_ms = connection->waits_ms = 0;
    hold(connection, 0);
}

static void set_full(struct server *server, bool is_full)
{
    if (server->is_full == is_full)
        return;
    server->is_full = is_full;
    if (!server->bound) /* it is being closed */
        return;
    struct evconnlistener *listener = evhttp_bound_socket_get_listener(server->bound);
    if (is_full)
        evconnlistener_disable(listener);
    else
        evconnlistener_enable(listener);
}

/* True: nobody else holds the connection any more, so it is over, and now gone. */
static bool release_if_last(struct connection *connection)
{
    if (!bufferevent_decref(connection->socket)) {
        bufferevent_incref(connection->socket);
        return false;
    }
    return true;
}

static void close_if_slow(const struct server *server, struct connection *connection)
{
    if (!is_awaited(connection))
        return;
    connection->waits_ms += server->sweep_ms;
    connection->read_ms += connection->is_reading ? server->sweep_ms : 0;
    if (connection->read_ms > server->options.request_ms)
        cut(connection);
}

/* Who waits for room shall not wait for the slowest of those that have it. */
static void make_room(struct server *server)
{
    struct connection *victim = slowest(server, false);
    if (victim && victim->waits_ms >= PATIENCE_MS)
        cut(victim);
}

static void keep_spares(struct server *server)
{
    for (size_t i = 0; i < SPARES; i++)
        if (server->spares[i] < 0)
            server->spares[i] = fcntl(server->wake, F_DUPFD_CLOEXEC, 0);
}

static bool has_room(const struct server *server)
{
    return server->connection_count < server->options.connection_max && server->spares[0] >= 0;
}

static void sweep_connections(struct server *server)
{
    for (struct connection **at = &server->connections; *at;) {
        struct connection *connection = *at;
        if (!release_if_last(connection)) {
            close_if_slow(server, connection);
            at = &connection->next;
            continue;
        }
        *at = connection->next;
        hold(connection, 0);
        pawli_free(connection);
        server->connection_count--;
    }
    keep_spares(server);
    if (!has_room(server))
        make_room(server);
    set_full(server, !has_room(server));
}

/* None is armed while there are no connections: an idle server sleeps. */
static void arm_sweep(struct server *server)
{
    server->sweep_ms = server->is_full ? SWEEP_FULL_MS : SWEEP_MS;
    struct timeval after = {server->sweep_ms / 1000, (server->sweep_ms % 1000) * 1000};
    if (server->connections || server->is_full)
        evtimer_add(server->sweep, &after);
}

static void sweep_now(evutil_socket_t fd, short what, void *data)
{
    struct server *server = data;
    (void)fd, (void)what;
    sweep_connections(server);
    arm_sweep(server);
}

static struct bufferevent *take_connection(struct event_base *base, void *data)
{
    struct server *server = data;
    /* The descriptor is closed with the bufferevent, not by evhttp before: its number would be given to another connection
     * while this one still waits for what comes in. */
    struct bufferevent *socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct connection *connection = pawli_alloc(sizeof *connection);
    if (!socket || !connection) {
        pawli_free(connection);
        return socket; /* evhttp makes its own, or closes; it is not counted */
    }
    connection->server = server;
    connection->socket = socket;
    bufferevent_incref(socket);
    evbuffer_add_cb(bufferevent_get_input(socket), note_read, connection);
    evbuffer_add_cb(bufferevent_get_output(socket), note_written, connection);
    bool was_idle = !server->connections && !server->is_full;
    connection->next = server->connections;
    server->connections = connection;
    if (++server->connection_count >= server->options.connection_max) {
        sweep_connections(server);
        arm_sweep(server);
    } else if (was_idle) {
        arm_sweep(server);
    }
    return socket;
}

/* evhttp makes itself the data of a listener, so who is meant is found by the listener. */
static struct server *servers;
static pthread_mutex_t servers_lock = PTHREAD_MUTEX_INITIALIZER;

static struct server *server_of(const struct evconnlistener *listener)
{
    pthread_mutex_lock(&servers_lock);
    struct server *server = servers;
    while (server && evhttp_bound_socket_get_listener(server->bound) != listener)
        server = server->next;
    pthread_mutex_unlock(&servers_lock);
    return server;
}

static void list_server(struct server *server)
{
    pthread_mutex_lock(&servers_lock);
    server->next = servers;
    servers = server;
    pthread_mutex_unlock(&servers_lock);
}

static void unlist_server(const struct server *server)
{
    pthread_mutex_lock(&servers_lock);
    struct server **at = &servers;
    while (*at && *at != server)
        at = &(*at)->next;
    if (*at)
        *at = server->next;
    pthread_mutex_unlock(&servers_lock);
}

/* Out of descriptors, most likely: a spare one makes room for who waits, until a sweep can have another. Without one
 * accepting again at once would spin. */
static void accept_failed(struct evconnlistener *listener, void *data)
{
    struct server *server = server_of(listener);
    (void)data;
    if (!server)
        return;
    size_t left = SPARES;
    while (left > 0 && server->spares[left - 1] < 0)
        left--;
    if (left > 0) {
        close(server->spares[left - 1]);
        server->spares[left - 1] = -1;
    }
    set_full(server, left == 0);
    arm_sweep(server);
}

/* ---- life ---- */

static int note_address(struct server *server, pawl_error *err)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(evhttp_bound_socket_get_fd(server->bound), (struct sockaddr *)&name, &size) < 0)
        return pawli_fail(err, PAWL_EUNAVAIL, "cannot tell where the server listens: %s", strerror(errno));
    if (name.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&name;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(server->address, sizeof server->address, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&name;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(server->address, sizeof server->address, "%s:%u", host, ntohs(in->sin_port));
    }
    return PAWL_OK;
}

static int listen_at(struct server *server, const char *address, pawl_error *err)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } name = {0};
    socklen_t size = sizeof name.in;
    char host[64];
    uint16_t port;
    int status = pawli_server_endpoint(address, host, &port, err);
    if (status < 0)
        return status;
    if (inet_pton(AF_INET, host, &name.in.sin_addr) == 1) {
        name.in.sin_family = AF_INET;
        name.in.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &name.in6.sin6_addr) == 1) {
        name.in6.sin6_family = AF_INET6;
        name.in6.sin6_port = htons(port);
        size = sizeof name.in6;
    } else {
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%s\" is no address in numbers", host),
                          "write HOST:PORT, such as 127.0.0.1:7295 or [::1]:7295");
    }
    struct evconnlistener *listener = evconnlistener_new_bind(
        server->base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, &name.any,
        (int)size);
    if (!listener)
        return pawli_hint(err, pawli_fail(err, PAWL_EUNAVAIL, "cannot listen on %.80s: %s", address, strerror(errno)),
                          "another program may listen there: give another address, or port 0 for any free one");
    server->bound = evhttp_bind_listener(server->http, listener);
    if (!server->bound) {
        evconnlistener_free(listener);
        return pawli_no_memory(err);
    }
    list_server(server);
    evconnlistener_set_error_cb(listener, accept_failed);
    return note_address(server, err);
}

static int set_up(struct server *server, const char *address, pawl_error *err)
{
    struct timeval idle = {server->options.idle_ms / 1000, (server->options.idle_ms % 1000) * 1000};
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->http = evhttp_new(server->base);
    server->sweep = evtimer_new(server->base, sweep_now, server);
    if (server->wake < 0 || !server->http || !server->sweep)
        return pawli_no_memory(err);
    server->answered = event_new(server->base, server->wake, EV_READ | EV_PERSIST, send_answered, server);
    if (!server->answered || event_add(server->answered, NULL) < 0)
        return pawli_no_memory(err);
    evhttp_set_bevcb(server->http, take_connection, server);
    evhttp_set_gencb(server->http, take_request, server);
    evhttp_set_allowed_methods(server->http, UINT16_MAX);
    evhttp_set_max_headers_size(server->http, (ev_ssize_t)SERVER_HEADER_MAX);
    evhttp_set_max_body_size(server->http, (ev_ssize_t)server->options.body_max);
    evhttp_set_timeout_tv(server->http, &idle);
    keep_spares(server);
    int status = listen_at(server, address, err);
    return status < 0 ? status : start_threads(server, err);
}

int pawli_server_open(struct event_base *base, const char *address, const struct server_options *options,
                      struct server **ret_server, pawl_error *err)
{
    struct server *server = pawli_alloc(sizeof *server);
    if (!server)
        return pawli_no_memory(err);
    server->base = base;
    server->options = *options;
    server->wake = -1;
    for (size_t i = 0; i < SPARES; i++)
        server->spares[i] = -1;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->work, NULL);
    list_init(&server->asked);
    list_init(&server->done);
    int status = set_up(server, address, err);
    if (status < 0)
        pawli_server_close(server);
    else
        *ret_server = server;
    return status;
}

const char *pawli_server_address(const struct server *server)
{
    return server->address;
}

static void close_connections(struct server *server)
{
    while (server->connections) {
        struct connection *connection = server->connections;
        server->connections = connection->next;
        bufferevent_decref(connection->socket);
        pawli_free(connection);
    }
}

void pawli_server_close(struct server *server)
{
    if (!server)
        return;
    unlist_server(server);
    if (server->bound)
        evhttp_del_accept_socket(server->http, server->bound);
    server->bound = NULL;
    stop_threads(server);
    if (server->answered) {
        send_answered(server->wake, EV_READ, server);
        event_base_loop(server->base, EVLOOP_NONBLOCK); /* writes what can be written */
        event_free(server->answered);
    }
    if (server->http)
        evhttp_free(server->http);
    close_connections(server);
    if (server->sweep)
        event_free(server->sweep);
    for (size_t i = 0; i < SPARES; i++)
        if (server->spares[i] >= 0)
            close(server->spares[i]);
    if (server->wake >= 0)
        close(server->wake);
    pthread_cond_destroy(&server->work);
    pthread_mutex_destroy(&server->lock);
    pawli_free(server);
}
