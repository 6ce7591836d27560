/* SPDX-License-Identifier: MIT */
/* Connections to brokers; see broker.h. */
#include "sink/broker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

static struct boot_time now_of(const struct broker *broker)
{
    return broker->host.env->ops->boot_now(broker->host.env);
}

/* ---- lists ---- */

static void append(struct publishes *list, struct publish *publish)
{
    publish->next = NULL;
    if (list->last)
        list->last->next = publish;
    else
        list->first = publish;
    list->last = publish;
}

static bool remove_from(struct publishes *list, struct publish *publish)
{
    struct publish *before = NULL;
    for (struct publish *at = list->first; at; before = at, at = at->next) {
        if (at != publish)
            continue;
        *(before ? &before->next : &list->first) = at->next;
        if (list->last == at)
            list->last = before;
        return true;
    }
    return false;
}

static bool is_used(const struct connection *connection)
{
    return connection->waiting.first || connection->sent.first;
}

/* ---- the end of a publish ---- */

static struct send *take_send(struct publish *publish)
{
    struct connection *connection = publish->connection;
    struct send *send = publish->send;
    if (!remove_from(&connection->sent, publish))
        remove_from(&connection->waiting, publish);
    if (!is_used(connection)) {
        connection->idle_at = boot_after_ms(now_of(connection->broker), connection->is_retired ? 0 : IDLE_MS);
        pawli_engine_wake(connection->broker->host.engine);
    }
    pawli_free(publish);
    return send;
}

void pawli_publish_delivered(struct publish *publish, enum durability durability, const char *format, ...)
{
    char text[LIMIT_ERROR_TEXT + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pawli_send_delivered(take_send(publish), durability, "%s", text);
}

void pawli_publish_failed(struct publish *publish, enum verdict verdict, const char *format, ...)
{
    char text[LIMIT_ERROR_TEXT + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pawli_send_fail(take_send(publish), verdict, "%s", text);
}

/* ---- what the protocols share while they connect ---- */

bool pawli_connection_failed(struct connection *connection, const struct address *address,
                             enum connection_failure failure, const char *text)
{
    const struct broker_ops *ops = connection->broker->ops;
    char host[ADDRESS_TEXT_MAX], login[PROBLEM_MAX] = "";
    if (failure == FAILURE_LOGIN)
        snprintf(login, sizeof login, " (look at the user in the URL, and at the %s in the target's secret file)",
                 ops->login);
    connection->failure = failure;
    snprintf(connection->problem, sizeof connection->problem, "cannot connect to %s at %s port %u: %.100s%s",
             ops->protocol, pawli_address_format(address, host), address->port, text, login);
    return false;
}

bool pawli_connection_lost(struct connection *connection, const char *text)
{
    snprintf(connection->problem, sizeof connection->problem, "the connection to %s was lost: %.160s",
             connection->broker->ops->protocol, text);
    return false;
}

void pawli_connection_password(const struct connection *connection, char password[PASSWORD_ROOM])
{
    struct text key = connection->secret ? connection->secret->keys[0] : TEXT("");
    snprintf(password, PASSWORD_ROOM, "%.*s", TEXT_ARG(key));
}

static bool load_library(struct connection *connection)
{
    const struct broker_ops *ops = connection->broker->ops;
    connection->failure = FAILURE_LOCAL;
    return pawli_library_load(ops->library, (char *)connection + ops->functions_at, connection->problem,
                              sizeof connection->problem);
}

/* ---- the end of a connection ---- */

static enum verdict unsent_verdict(const struct connection *connection, const struct send *send)
{
    if (connection->state == CONNECTION_STANDS || connection->failure > FAILURE_UNREACHED)
        return pawli_unsent_verdict(send, true);
    return connection->failure == FAILURE_LOCAL ? VERDICT_DEFERRED : pawli_unsent_verdict(send, false);
}

static void end_sent(struct connection *connection, struct publish *publish)
{
    if (connection->broker->ops->give_up && connection->broker->ops->give_up(publish))
        return;
    bool may_have_arrived = publish->end <= connection->written;
    publish->send->is_unsent = !may_have_arrived;
    pawli_publish_failed(publish, may_have_arrived ? VERDICT_UNCERTAIN : pawli_unsent_verdict(publish->send, true),
                         "%s; %s", connection->problem,
                         may_have_arrived ? "the message was sent" : "the message was not sent whole");
}

/* All that are on it come to their end. A connection itself is freed in a step: an event that was fetched together with the
 * last one may still come. */
static void end_connection(struct connection *connection)
{
    struct broker *broker = connection->broker;
    struct publish *publish;
    connection->is_retired = true;
    while ((publish = connection->sent.first))
        end_sent(connection, publish);
    while ((publish = connection->waiting.first)) {
        publish->send->is_unauthorized = connection->failure == FAILURE_LOGIN;
        publish->send->is_unsent = true;
        pawli_publish_failed(publish, unsent_verdict(connection, publish->send), "%s; nothing was sent",
                             connection->problem);
    }
    if (connection->state == CONNECTION_STANDS) {
        pawli_loop_unwatch(broker->loop, &connection->watch);
        broker->ops->drop(connection);
    }
    connection->state = CONNECTION_ENDED;
    pawli_engine_wake(broker->host.engine);
}

static void free_connection(struct connection *connection)
{
    pawli_resolve_drop(&connection->wait);
    pawli_secret_release(connection->secret);
    pawli_arena_done(&connection->arena);
    pawli_free(connection);
}

static void free_ended(struct broker *broker)
{
    for (struct connection **at = &broker->connections; *at;) {
        struct connection *connection = *at;
        if (connection->state != CONNECTION_ENDED) {
            at = &connection->next;
            continue;
        }
        *at = connection->next;
        broker->count--;
        free_connection(connection);
    }
}

/* ---- a connection that stands ---- */

static bool hand_over(struct connection *connection)
{
    const struct broker_ops *ops = connection->broker->ops;
    struct publish *publish;
    while ((publish = connection->waiting.first) && ops->to_write(connection) < TO_WRITE_MAX &&
           (!ops->may_hand || ops->may_hand(connection))) {
        remove_from(&connection->waiting, publish);
        append(&connection->sent, publish);
        publish->number = ++connection->numbers;
        publish->heard = connection->heard;
        if (!ops->hand(connection, publish))
            connection->numbers--;
    }
    return ops->write(connection);
}

static void watch(struct connection *connection)
{
    struct broker *broker = connection->broker;
    uint32_t events = EPOLLIN | (broker->ops->to_write(connection) > 0 ? EPOLLOUT : 0u);
    if (events != connection->events)
        pawli_loop_watch(broker->loop, &connection->watch, events);
    connection->events = events;
}

static void go_on(struct connection *connection)
{
    if (hand_over(connection))
        watch(connection);
    else
        end_connection(connection);
}

static void socket_ready(struct watch *socket, uint32_t events)
{
    struct connection *connection = (struct connection *)((char *)socket - offsetof(struct connection, watch));
    if (connection->state != CONNECTION_STANDS)
        return;
    connection->heard += (events & EPOLLIN) != 0;
    if (events & ~(uint32_t)EPOLLOUT && !connection->broker->ops->read(connection))
        end_connection(connection);
    else
        go_on(connection);
}

/* ---- making one ---- */

static void connect_to(struct job *job)
{
    struct connection *connection = (struct connection *)((char *)job - offsetof(struct connection, job));
    const struct broker_ops *ops = connection->broker->ops;
    sigset_t all, before;
    sigfillset(&all); /* the program's signals are not for the threads that a library starts */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool goes_on = load_library(connection);
    for (size_t i = 0; goes_on && i < connection->address_count && !atomic_load(&connection->is_abandoned); i++) {
        if (ops->connect(connection, &connection->addresses[i])) {
            connection->watch.fd = ops->fd(connection);
            break;
        }
        ops->drop(connection);
        goes_on = connection->failure == FAILURE_UNREACHED;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void connected(struct job *job)
{
    struct connection *connection = (struct connection *)((char *)job - offsetof(struct connection, job));
    connection->broker->connecting--;
    if (connection->watch.fd < 0) {
        end_connection(connection);
        return;
    }
    connection->state = CONNECTION_STANDS;
    connection->idle_at = boot_after_ms(now_of(connection->broker), connection->is_retired ? 0 : IDLE_MS);
    go_on(connection);
}

static void begin(struct connection *connection)
{
    struct broker *broker = connection->broker;
    size_t allowed = 0;
    for (size_t i = 0; i < connection->address_count; i++) {
        struct address address = connection->addresses[i];
        address.port = connection->url.port;
        if (pawli_reach_may(&broker->reach, &address, connection->problem, sizeof connection->problem))
            connection->addresses[allowed++] = address;
    }
    connection->address_count = allowed;
    if (allowed == 0) {
        end_connection(connection);
        return;
    }
    connection->state = CONNECTION_CONNECTS;
    connection->job = (struct job){
        .run = connect_to, .done = connected, .engine = broker->host.engine, .may_hang = true};
    broker->connecting++;
    broker->host.env->ops->offload(broker->host.env, &connection->job);
}

static void take_resolution(struct connection *connection, const struct resolution *resolution)
{
    if (resolution->count == 0) {
        connection->failure = resolution->was_local ? FAILURE_LOCAL : FAILURE_UNREACHED;
        snprintf(connection->problem, sizeof connection->problem, "%s", resolution->problem);
        end_connection(connection);
        return;
    }
    connection->address_count = resolution->count;
    memcpy(connection->addresses, resolution->addresses, resolution->count * sizeof *resolution->addresses);
    begin(connection);
}

static void name_answered(struct name_wait *wait, const struct resolution *resolution)
{
    take_resolution((struct connection *)((char *)wait - offsetof(struct connection, wait)), resolution);
}

static const char *host_of(struct connection *connection)
{
    struct text host = connection->url.host;
    bool brackets = host.data[0] == '[';
    return pawli_arena_text(&connection->arena, (struct text){host.data + brackets, host.size - (brackets ? 2 : 0)})
        .data;
}

static void look_up(struct connection *connection)
{
    const char *host = host_of(connection);
    if (!host) {
        snprintf(connection->problem, sizeof connection->problem, "out of memory");
        end_connection(connection);
    } else if (pawli_address_parse(host, 0, &connection->addresses[0])) {
        connection->address_count = 1;
        begin(connection);
    } else {
        connection->wait.answered = name_answered;
        const struct resolution *resolution = pawli_resolve(connection->broker->resolver, host, &connection->wait);
        if (resolution)
            take_resolution(connection, resolution);
    }
}

static struct connection *new_connection(struct broker *broker, const struct publish *publish)
{
    struct connection *connection = pawli_alloc(broker->ops->connection_size);
    if (!connection)
        return NULL;
    connection->broker = broker;
    connection->watch = (struct watch){socket_ready, -1};
    connection->secret = pawli_secret_hold((struct secret *)(uintptr_t)publish->send->secret);
    connection->idle_at = BOOT_NEVER;
    const char *url = pawli_arena_text(&connection->arena, text_of(publish->send->url)).data;
    if (!url || pawli_broker_url_read(url, &connection->url) != NULL) {
        free_connection(connection);
        return NULL;
    }
    connection->next = broker->connections;
    broker->connections = connection;
    broker->count++;
    return connection;
}

/* One that nobody uses gives its place to another. */
static bool make_room(struct broker *broker)
{
    if (broker->count < CONNECTIONS_MAX)
        return true;
    for (struct connection *connection = broker->connections; connection; connection = connection->next)
        if (connection->state == CONNECTION_STANDS && !is_used(connection)) {
            end_connection(connection);
            break;
        }
    free_ended(broker);
    return broker->count < CONNECTIONS_MAX;
}

static struct connection *find(const struct broker *broker, const struct publish *publish)
{
    struct connection *connection = broker->connections;
    while (connection && (connection->is_retired || !text_equal(connection->url.place, publish->url.place) ||
                          !pawli_secret_equal(connection->secret, publish->send->secret)))
        connection = connection->next;
    return connection;
}

/* ---- sends ---- */

/* Nobody waits for it on a connection yet. */
static void refuse(struct publish *publish, const char *text)
{
    struct send *send = publish->send;
    pawli_free(publish);
    pawli_send_unsent(send, VERDICT_DEFERRED, "%s; nothing was sent", text);
}

static void start(struct broker *broker, struct publish *publish)
{
    struct connection *connection = find(broker, publish);
    bool is_new = !connection;
    if (connection && connection->state == CONNECTION_STANDS && !is_used(connection) &&
        !broker->ops->read(connection)) {
        end_connection(connection); /* the broker closed it while nobody used it */
        is_new = true;
    }
    if (is_new && !make_room(broker)) {
        refuse(publish, "this process has too many connections to brokers");
        return;
    }
    if (is_new)
        connection = new_connection(broker, publish);
    if (!connection) {
        refuse(publish, "out of memory");
        return;
    }
    publish->connection = connection;
    publish->send->sink_data = publish;
    append(&connection->waiting, publish);
    if (is_new)
        look_up(connection);
    else if (connection->state == CONNECTION_STANDS)
        go_on(connection);
}

void pawli_broker_send(struct sink *sink, struct send *send)
{
    struct broker_url url;
    if (!pawli_send_may_begin(send, pawli_broker_url_read(send->url, &url)))
        return;
    struct publish *publish = pawli_alloc(sizeof *publish);
    if (!publish) {
        pawli_send_unsent(send, VERDICT_DEFERRED, "out of memory; nothing was sent");
        return;
    }
    publish->send = send;
    publish->url = url;
    start((struct broker *)sink, publish);
}

static void cancel_waiting(struct publish *publish, bool is_late)
{
    struct connection *connection = publish->connection;
    bool stands = connection->state == CONNECTION_STANDS;
    bool takes_none = stands && connection->numbers == 0;
    publish->send->is_unsent = true;
    if (!is_late)
        pawli_publish_failed(publish, VERDICT_DEFERRED, "this process stops; nothing was sent");
    else
        pawli_publish_failed(publish, pawli_unsent_verdict(publish->send, stands), "%s; nothing was sent",
                             stands ? "the broker took no more messages in time"
                                    : "no connection to the broker was made in time");
    if ((is_late && takes_none) || (!stands && !is_used(connection))) {
        atomic_store(&connection->is_abandoned, true);
        connection->is_retired = true;
    }
}

/* A connection that was not heard of since is taken for dead: what comes next gets a new one. */
void pawli_broker_cancel(struct sink *sink, struct send *send)
{
    struct broker *broker = (struct broker *)sink;
    struct publish *publish = send->sink_data;
    struct connection *connection = publish->connection;
    bool is_late = send->deadline.ns <= now_of(broker).ns;
    if (publish->number == 0) {
        cancel_waiting(publish, is_late);
        return;
    }
    connection->is_retired |= is_late && publish->heard == connection->heard;
    if (!broker->ops->give_up || !broker->ops->give_up(publish))
        pawli_publish_failed(publish, VERDICT_UNCERTAIN, "ended before the broker confirmed it; the message was sent");
}

struct boot_time pawli_broker_step(struct sink *sink, struct boot_time now)
{
    struct broker *broker = (struct broker *)sink;
    struct boot_time next = BOOT_NEVER;
    pawli_resolver_step(broker->resolver, now);
    for (struct connection *connection = broker->connections; connection; connection = connection->next) {
        if (connection->state == CONNECTION_STANDS && broker->ops->take) {
            broker->ops->take(connection);
            go_on(connection);
        }
        if (connection->state != CONNECTION_STANDS || is_used(connection))
            continue;
        if (connection->idle_at.ns <= now.ns)
            end_connection(connection);
        else
            next = boot_earlier(next, connection->idle_at);
    }
    free_ended(broker);
    return next;
}

/* ---- life ---- */

bool pawli_broker_is_idle(struct sink *sink)
{
    return ((struct broker *)sink)->connecting == 0;
}

void pawli_broker_close(struct sink *sink)
{
    struct broker *broker = (struct broker *)sink;
    for (struct connection *connection = broker->connections; connection; connection = connection->next)
        if (connection->state != CONNECTION_ENDED)
            end_connection(connection);
    free_ended(broker);
    pawli_resolver_free(broker->resolver);
    pawli_reach_done(&broker->reach);
    pawli_free(broker);
}

int pawli_broker_open(const struct sink_host *host, const struct sink_ops *sink, const struct broker_ops *ops,
                      struct sink **ret_sink, pawl_error *err)
{
    struct broker *broker = pawli_alloc(sizeof *broker);
    if (!broker)
        return pawli_no_memory(err);
    *broker = (struct broker){.sink = {sink}, .host = *host, .ops = ops, .loop = host->engine->loop};
    int status = pawli_reach_init(&broker->reach, host->rules, err);
    if (status == PAWL_OK && !(broker->resolver = pawli_resolver_new(host->engine, host->env)))
        status = pawli_no_memory(err);
    if (status < 0) {
        pawli_broker_close(&broker->sink);
        return status;
    }
    *ret_sink = &broker->sink;
    return PAWL_OK;
}
