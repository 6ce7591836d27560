/* SPDX-License-Identifier: MIT */
/* The AMQP 0-9-1 sink, for RabbitMQ: librabbitmq connects, on a thread, and encodes and decodes; what waits for the socket is
 * done here, on the loop.
 *
 *   1  A connection has one channel, in confirm mode, and is one exchange's: what the broker refuses on it closes it whole,
 *      and shall not touch the messages for another. That the exchange is there is known before anything is sent.
 *   2  Messages are persistent and mandatory. Acknowledged: every queue that it went to has it, the durable ones on disk;
 *      that is said to be stored. Whether a queue is replicated is not for a publisher to know.
 *   3  Returned, for want of a queue, and then acknowledged: a retry, for nobody has it. Refused (nack): a retry.
 *   4  Until the broker has confirmed one message of a connection, one goes at a time: what closes the channel then (the user
 *      may not publish there) is known to be about that one. With more on their way it is known of none. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "sink/amqp/frames.h"

#define FRAME_MAX  131072
#define OUT_MAX    (8 * 1024 * 1024) /* bytes that wait: one message more than TO_WRITE_MAX, with its headers */
#define ROUNDS_MAX 10000             /* frames that are read for one event */
#define TEXT_MAX   160

static const struct library_function functions[] = {
#define AMQP_ENTRY(name) {#name, offsetof(struct amqp_api, name)},
    AMQP_FUNCTIONS(AMQP_ENTRY)};

static const struct library library = {"librabbitmq.so.4", "librabbitmq4", functions, COUNT_OF(functions)};

struct amqp_connection {
    struct connection base;
    struct amqp_api api;
    amqp_connection_state_t state;
    int fd;
    struct buffer out;
    size_t out_at;           /* of it: where the next write begins */
    bool is_proven;          /* invariant 4 */
    char returned[TEXT_MAX]; /* why the message whose header comes next was returned */
    struct arena scratch;    /* for parts of the URL, while connecting */
};

static struct amqp_connection *amqp_of(const struct connection *connection)
{
    return (struct amqp_connection *)(uintptr_t)connection;
}

/* ---- connecting, on a thread ---- */

static void keep(char *out, size_t room, amqp_bytes_t text)
{
    size_t size = text.len < room - 1 ? text.len : room - 1;
    if (size > 0)
        memcpy(out, text.bytes, size);
    out[size] = '\0';
}

/* What the broker said to a step of the making. */
static bool is_good(struct amqp_connection *amqp, const struct address *address, amqp_rpc_reply_t reply)
{
    char text[TEXT_MAX] = "it broke off";
    uint16_t code = 0;
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return true;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
        snprintf(text, sizeof text, "%s", amqp->api.amqp_error_string2(reply.library_error));
    } else if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *method = reply.reply.decoded;
        keep(text, sizeof text, method->reply_text);
        code = method->reply_code;
    } else if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *method = reply.reply.decoded;
        keep(text, sizeof text, method->reply_text);
        code = method->reply_code;
    }
    return pawli_connection_failed(&amqp->base, address, code == AMQP_ACCESS_REFUSED ? FAILURE_LOGIN : FAILURE_REFUSED,
                                   text);
}

static amqp_rpc_reply_t log_in(struct amqp_connection *amqp)
{
    const struct connection *connection = &amqp->base;
    const struct broker_url *url = &connection->url;
    char password[PASSWORD_ROOM] = "guest"; /* as RabbitMQ has it for whoever gives nothing */
    if (connection->secret || url->user.data)
        pawli_connection_password(connection, password);
    const char *user = url->user.data ? pawli_url_decode(&amqp->scratch, url->user).data : "guest";
    const char *vhost = pawli_url_decode(&amqp->scratch, url->vhost).data;
    amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_LIBRARY_EXCEPTION, .library_error = AMQP_STATUS_NO_MEMORY};
    if (user && vhost)
        reply = amqp->api.amqp_login(amqp->state, vhost, 1, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, user, password);
    explicit_bzero(password, sizeof password);
    return reply;
}

/* Passive: it is asked for, never made. The default exchange is always there, and cannot be asked for. */
static amqp_rpc_reply_t look_for_exchange(struct amqp_connection *amqp)
{
    struct text name = pawli_url_decode(&amqp->scratch, amqp->base.url.exchange);
    amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_NORMAL};
    if (name.size == 0)
        return reply;
    amqp->api.amqp_exchange_declare(
        amqp->state, 1, (amqp_bytes_t){.len = name.size, .bytes = (void *)(uintptr_t)name.data},
        (amqp_bytes_t){.len = 6, .bytes = (void *)(uintptr_t) "direct"}, 1, 0, 0, 0, (amqp_table_t){.num_entries = 0});
    return amqp->api.amqp_get_rpc_reply(amqp->state);
}

static bool make_channel(struct amqp_connection *amqp, const struct address *address)
{
    const struct amqp_api *api = &amqp->api;
    if (!is_good(amqp, address, log_in(amqp)))
        return false;
    api->amqp_channel_open(amqp->state, 1);
    if (!is_good(amqp, address, api->amqp_get_rpc_reply(amqp->state)) ||
        !is_good(amqp, address, look_for_exchange(amqp)))
        return false;
    api->amqp_confirm_select(amqp->state, 1);
    return is_good(amqp, address, api->amqp_get_rpc_reply(amqp->state));
}

static bool amqp_connect(struct connection *connection, const struct address *address)
{
    struct amqp_connection *amqp = amqp_of(connection);
    const struct amqp_api *api = &amqp->api;
    const struct timeval time = {.tv_sec = CONNECT_MS / 1000};
    char host[ADDRESS_TEXT_MAX];
    amqp->fd = -1;
    buffer_init(&amqp->out, OUT_MAX);
    amqp->state = api->amqp_new_connection();
    amqp_socket_t *socket = amqp->state ? api->amqp_tcp_socket_new(amqp->state) : NULL;
    if (!socket || api->amqp_set_handshake_timeout(amqp->state, &time) != AMQP_STATUS_OK ||
        api->amqp_set_rpc_timeout(amqp->state, &time) != AMQP_STATUS_OK)
        return pawli_connection_failed(connection, address, FAILURE_LOCAL, "out of memory");
    int status = api->amqp_socket_open_noblock(socket, pawli_address_format(address, host), address->port, &time);
    if (status != AMQP_STATUS_OK)
        return pawli_connection_failed(connection, address, FAILURE_UNREACHED, api->amqp_error_string2(status));
    bool good = make_channel(amqp, address);
    pawli_arena_done(&amqp->scratch);
    if (!good)
        return false;
    amqp->fd = api->amqp_get_sockfd(amqp->state);
    fcntl(amqp->fd, F_SETFL, fcntl(amqp->fd, F_GETFL) | O_NONBLOCK);
    return true;
}

static int amqp_fd(const struct connection *connection)
{
    return amqp_of(connection)->fd;
}

/* ---- writing ---- */

static struct amqp_frames frames_of(struct amqp_connection *amqp)
{
    return (struct amqp_frames){&amqp->api, &amqp->out, (size_t)amqp->api.amqp_get_frame_max(amqp->state)};
}

static uint64_t amqp_to_write(const struct connection *connection)
{
    const struct amqp_connection *amqp = amqp_of(connection);
    return amqp->out.size - amqp->out_at;
}

static bool amqp_may_hand(const struct connection *connection)
{
    return amqp_of(connection)->is_proven || !connection->sent.first;
}

static bool amqp_hand(struct connection *connection, struct publish *publish)
{
    struct amqp_connection *amqp = amqp_of(connection);
    const struct env *env = connection->broker->host.env;
    struct amqp_frames frames = frames_of(amqp);
    int64_t unix_s = env->ops->wall_now(connection->broker->host.env).ms / 1000;
    enum amqp_put result = pawli_amqp_put(&frames, publish, unix_s);
    if (result == AMQP_TOO_BIG)
        pawli_publish_failed(publish, VERDICT_DEAD,
                             "the headers of the message are bigger than the %zu bytes that the broker takes",
                             frames.frame_max);
    else if (result == AMQP_NO_MEMORY)
        pawli_publish_failed(publish, VERDICT_DEFERRED, "out of memory; nothing was sent");
    else
        publish->end = connection->written + amqp_to_write(connection);
    return result == AMQP_PUT;
}

static bool amqp_write(struct connection *connection)
{
    struct amqp_connection *amqp = amqp_of(connection);
    while (amqp->out_at < amqp->out.size) {
        ssize_t size = send(amqp->fd, amqp->out.data + amqp->out_at, amqp->out.size - amqp->out_at,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            break;
        if (size < 0)
            return pawli_connection_lost(connection, strerror(errno));
        amqp->out_at += (size_t)size;
        connection->written += (uint64_t)size;
    }
    if (amqp->out_at > 0) {
        amqp->out.size -= amqp->out_at;
        memmove(amqp->out.data, amqp->out.data + amqp->out_at, amqp->out.size);
        amqp->out_at = 0;
    }
    return true;
}

/* ---- what the broker says ---- */

static void confirm(struct publish *publish, bool is_taken)
{
    const struct broker_url *url = &publish->url;
    if (!is_taken)
        pawli_publish_failed(publish, VERDICT_RETRY,
                             "the broker did not take it (nack): a queue is full, or has an error of its own");
    else if (publish->note.data)
        pawli_publish_failed(
            publish, VERDICT_RETRY,
            "the broker returned it (%.*s): bind a queue to exchange \"%.*s\" for routing key \"%.*s\"",
            TEXT_ARG(publish->note), TEXT_ARG(url->exchange), TEXT_ARG(url->route));
    else
        pawli_publish_delivered(publish, DURABILITY_STORED, "the broker confirmed it");
}

static void take_confirm(struct amqp_connection *amqp, uint64_t tag, bool is_multiple, bool is_taken)
{
    amqp->is_proven = true;
    for (struct publish *publish = amqp->base.sent.first, *next; publish; publish = next) {
        next = publish->next;
        if (is_multiple ? publish->number <= tag : publish->number == tag)
            confirm(publish, is_taken);
    }
}

static bool take_ack(struct amqp_connection *amqp, const void *decoded)
{
    const amqp_basic_ack_t *ack = decoded;
    take_confirm(amqp, ack->delivery_tag, ack->multiple, true);
    return true;
}

static bool take_nack(struct amqp_connection *amqp, const void *decoded)
{
    const amqp_basic_nack_t *nack = decoded;
    take_confirm(amqp, nack->delivery_tag, nack->multiple, false);
    return true;
}

static bool take_return(struct amqp_connection *amqp, const void *decoded)
{
    const amqp_basic_return_t *returned = decoded;
    keep(amqp->returned, sizeof amqp->returned, returned->reply_text);
    return true;
}

/* Of a message that was returned: which one. */
static void take_header(struct amqp_connection *amqp, const amqp_basic_properties_t *properties)
{
    char id[PAWL_UUID_TEXT_SIZE];
    if (!(properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG))
        return;
    struct text named = {properties->message_id.bytes, properties->message_id.len};
    for (struct publish *publish = amqp->base.sent.first; publish; publish = publish->next)
        if (!publish->note.data && text_equal(text_of(pawl_uuid_format(&publish->send->message->id, id)), named)) {
            publish->note = pawli_arena_text(publish->send->arena, text_of(amqp->returned));
            return;
        }
}

static bool take_channel_close(struct amqp_connection *amqp, const void *decoded)
{
    const amqp_channel_close_t *method = decoded;
    struct publish *only = amqp->base.sent.first;
    char text[TEXT_MAX];
    keep(text, sizeof text, method->reply_text);
    if (only && !only->next) {
        only->send->is_unauthorized = method->reply_code == AMQP_ACCESS_REFUSED;
        pawli_publish_failed(only, VERDICT_RETRY, "the broker refused it: %s", text);
    }
    return pawli_connection_lost(&amqp->base, text);
}

static bool take_connection_close(struct amqp_connection *amqp, const void *decoded)
{
    const amqp_connection_close_t *method = decoded;
    char text[TEXT_MAX];
    keep(text, sizeof text, method->reply_text);
    return pawli_connection_lost(&amqp->base, text);
}

static bool take_frame(struct amqp_connection *amqp, const amqp_frame_t *frame)
{
    static const struct {
        amqp_method_number_t id;
        bool (*take)(struct amqp_connection *amqp, const void *decoded);
    } methods[] = {{AMQP_BASIC_ACK_METHOD, take_ack},
                   {AMQP_BASIC_NACK_METHOD, take_nack},
                   {AMQP_BASIC_RETURN_METHOD, take_return},
                   {AMQP_CHANNEL_CLOSE_METHOD, take_channel_close},
                   {AMQP_CONNECTION_CLOSE_METHOD, take_connection_close}};
    if (frame->frame_type == AMQP_FRAME_HEADER && frame->payload.properties.class_id == AMQP_BASIC_CLASS)
        take_header(amqp, frame->payload.properties.decoded);
    if (frame->frame_type != AMQP_FRAME_METHOD)
        return true;
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (methods[i].id == frame->payload.method.id)
            return methods[i].take(amqp, frame->payload.method.decoded);
    return true;
}

static bool amqp_read(struct connection *connection)
{
    struct amqp_connection *amqp = amqp_of(connection);
    for (int i = 0; i < ROUNDS_MAX; i++) {
        struct timeval at_once = {.tv_sec = 0};
        amqp_frame_t frame;
        int status = amqp->api.amqp_simple_wait_frame_noblock(amqp->state, &frame, &at_once);
        if (status == AMQP_STATUS_TIMEOUT) {
            amqp->api.amqp_maybe_release_buffers(amqp->state);
            return true;
        }
        if (status != AMQP_STATUS_OK)
            return pawli_connection_lost(connection, amqp->api.amqp_error_string2(status));
        if (!take_frame(amqp, &frame))
            return false;
    }
    return pawli_connection_lost(connection, "it sends without an end");
}

/* ---- the end ---- */

/* Says that it goes where nothing else stands before that, and does not wait for an answer. */
static void amqp_drop(struct connection *connection)
{
    struct amqp_connection *amqp = amqp_of(connection);
    struct amqp_frames frames = amqp->state ? frames_of(amqp) : (struct amqp_frames){.api = NULL};
    if (amqp->fd >= 0 && amqp_to_write(connection) == 0 && pawli_amqp_put_close(&frames))
        amqp_write(connection);
    if (amqp->state)
        amqp->api.amqp_destroy_connection(amqp->state);
    pawli_buffer_done(&amqp->out);
    pawli_arena_done(&amqp->scratch);
    amqp->state = NULL;
    amqp->fd = -1;
    amqp->out_at = 0;
}

/* ---- the sink ---- */

static const struct broker_ops broker = {
    .protocol = "AMQP",
    .login = "password",
    .connection_size = sizeof(struct amqp_connection),
    .library = &library,
    .functions_at = offsetof(struct amqp_connection, api),
    .connect = amqp_connect,
    .fd = amqp_fd,
    .may_hand = amqp_may_hand,
    .hand = amqp_hand,
    .to_write = amqp_to_write,
    .write = amqp_write,
    .read = amqp_read,
    .drop = amqp_drop,
};

static int open_sink(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    return pawli_broker_open(host, &pawli_sink_amqp, &broker, ret_sink, err);
}

static const char *const schemes[] = {"amqp", NULL};

const struct sink_ops pawli_sink_amqp = {
    .name = "amqp",
    .schemes = schemes,
    .check = pawli_reach_check,
    .open = open_sink,
    .send = pawli_broker_send,
    .cancel = pawli_broker_cancel,
    .step = pawli_broker_step,
    .close = pawli_broker_close,
    .is_idle = pawli_broker_is_idle,
};
