/* SPDX-License-Identifier: MIT */
/* The NATS sink: libnats by its interface for foreign loops, so that a connection is read and written on the engine's loop.
 *
 *   1  A message is published with an inbox of ours as its reply, numbered: the stream that stored it answers there, the
 *      server where nobody wants it, or whoever else listens. What nobody took is a retry: NATS itself forgets it.
 *   2  `Nats-Msg-Id` is the message's id, by which a stream drops what it has already (in its window of deduplication).
 *   3  A stream's word is worth what the stream is: how many replicas, and whether on disk. It is asked once a connection.
 *   4  With ?core=1 no stream is asked: an empty message to our own inbox, behind the message, comes back when the server has
 *      taken both, because it works through a connection in order.
 *   5  Before anything is sent, one such message proves that this user may listen to the inbox.
 *   6  The library never connects again by itself, pings or asks for other servers: nothing but the loop's thread writes. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/codec.h"
#include "base/json.h"
#include "sink/broker.h"
#include "sink/nats/inbox.h"

#define OPEN_TRIES_MAX 1000 /* of a millisecond: another worker of this process is opening the library */
#define STREAM_MAX     256  /* bytes of a stream's name */
#define EXCERPT_MAX    200  /* of an answer that is shown */

static const struct library_function functions[] = {
#define NATS_ENTRY(name) {#name, offsetof(struct nats_api, name)},
    NATS_FUNCTIONS(NATS_ENTRY)};

static const struct library library = {"libnats.so.3.4", "libnats3.4", functions, COUNT_OF(functions)};

/* How well a stream keeps what it has. */
struct stream {
    struct stream *next;
    unsigned number;
    bool is_known, is_told; /* is_told: by the stream itself, not by its silence */
    enum durability durability;
    char name[STREAM_MAX];
};

struct nats_connection {
    struct connection base;
    struct nats_api api;
    natsConnection *nats;
    natsSubscription *subscription;
    natsInbox *name; /* of the inbox: answers come to NAME.NUMBER and NAME.sNUMBER */
    struct nats_inbox *inbox;
    struct stream *streams;
    int fd;
    bool is_proven, may_echo;
    char seen[PROBLEM_MAX]; /* the last error of the server that was looked at */
};

static struct nats_connection *nats_of(const struct connection *connection)
{
    return (struct nats_connection *)(uintptr_t)connection;
}

/* ---- connecting, on a thread ---- */

static natsStatus attach(void **data, void *loop, natsConnection *connection, natsSock socket)
{
    struct nats_connection *nats = loop;
    (void)connection;
    nats->fd = socket;
    *data = loop;
    return NATS_OK;
}

/* After each of its calls the loop looks by itself whether there is something to write. */
static natsStatus want(void *data, bool wanted)
{
    (void)data, (void)wanted;
    return NATS_OK;
}

static natsStatus detach(void *data)
{
    (void)data;
    return NATS_OK;
}

/* The library ignores SIGPIPE for the whole process, which is the program's to decide; it needs it not. */
static natsStatus open_library(const struct nats_api *api)
{
    struct sigaction before;
    sigaction(SIGPIPE, NULL, &before);
    natsStatus status = api->nats_Open(-1);
    for (int i = 0; status == NATS_ILLEGAL_STATE && i < OPEN_TRIES_MAX; i++) {
        api->nats_Sleep(1);
        status = api->nats_Open(-1);
    }
    sigaction(SIGPIPE, &before, NULL);
    return status;
}

static natsStatus set_user(const struct nats_connection *nats, natsOptions *options)
{
    const struct connection *connection = &nats->base;
    struct arena arena = {0};
    char password[PASSWORD_ROOM];
    pawli_connection_password(connection, password);
    struct text user = connection->url.user.data ? pawli_url_decode(&arena, connection->url.user) : (struct text){0};
    natsStatus status = user.data            ? nats->api.natsOptions_SetUserInfo(options, user.data, password)
                        : connection->secret ? nats->api.natsOptions_SetToken(options, password)
                                             : NATS_OK;
    explicit_bzero(password, sizeof password);
    pawli_arena_done(&arena);
    return status;
}

static natsStatus set_options(struct nats_connection *nats, natsOptions *options, const char *url)
{
    const struct nats_api *api = &nats->api;
    const natsStatus set[] = {
        api->natsOptions_SetURL(options, url),
        api->natsOptions_SetName(options, "pawl/" PAWL_VERSION),
        api->natsOptions_SetTimeout(options, CONNECT_MS),
        api->natsOptions_SetAllowReconnect(options, false),
        api->natsOptions_SetPingInterval(options, 0),
        api->natsOptions_SetIgnoreDiscoveredServers(options, true),
        api->natsOptions_UseGlobalMessageDelivery(options, true),
        api->natsOptions_SetEventLoop(options, nats, attach, want, want, detach),
        set_user(nats, options),
    };
    for (size_t i = 0; i < COUNT_OF(set); i++)
        if (set[i] != NATS_OK)
            return set[i];
    return NATS_OK;
}

static enum connection_failure failure_of(natsStatus status, const char *text)
{
    static const struct {
        natsStatus status;
        enum connection_failure failure;
    } failures[] = {{NATS_NO_MEMORY, FAILURE_LOCAL},     {NATS_SYS_ERROR, FAILURE_LOCAL},
                    {NATS_NO_SERVER, FAILURE_UNREACHED}, {NATS_TIMEOUT, FAILURE_UNREACHED},
                    {NATS_IO_ERROR, FAILURE_UNREACHED},  {NATS_CONNECTION_AUTH_FAILED, FAILURE_LOGIN}};
    if (strcasestr(text, "authorization") || strcasestr(text, "authentication"))
        return FAILURE_LOGIN;
    for (size_t i = 0; i < COUNT_OF(failures); i++)
        if (failures[i].status == status)
            return failures[i].failure;
    return FAILURE_REFUSED;
}

static bool fail(struct nats_connection *nats, const struct address *address, natsStatus status)
{
    const char *text = nats->api.nats_GetLastError(NULL);
    if (!text || !*text)
        text = nats->api.natsStatus_GetText(status);
    return pawli_connection_failed(&nats->base, address, failure_of(status, text), text);
}

static natsStatus open_connection(struct nats_connection *nats, const struct address *address)
{
    const struct nats_api *api = &nats->api;
    char host[ADDRESS_TEXT_MAX], url[ADDRESS_TEXT_MAX + 24], subject[PROBLEM_MAX];
    natsOptions *options = NULL;
    natsStatus status = open_library(api);
    if (status == NATS_OK)
        status = api->natsOptions_Create(&options);
    snprintf(url, sizeof url, address->size == 16 ? "nats://[%s]:%u" : "nats://%s:%u",
             pawli_address_format(address, host), address->port);
    if (status == NATS_OK)
        status = set_options(nats, options, url);
    if (status == NATS_OK)
        status = api->natsConnection_Connect(&nats->nats, options);
    if (options)
        api->natsOptions_Destroy(options);
    if (status == NATS_OK)
        status = api->natsInbox_Create(&nats->name);
    if (status != NATS_OK)
        return status;
    snprintf(subject, sizeof subject, "%s.*", (const char *)nats->name);
    nats->inbox = pawli_nats_inbox_new(api, nats->base.broker->host.engine);
    if (!nats->inbox || !pawli_nats_inbox_fill(nats->inbox, nats->nats, subject, &nats->subscription))
        return NATS_NO_MEMORY;
    snprintf(subject, sizeof subject, "%s.0", (const char *)nats->name);
    return api->natsConnection_PublishString(nats->nats, subject, "");
}

static bool nats_connect(struct connection *connection, const struct address *address)
{
    struct nats_connection *nats = nats_of(connection);
    nats->fd = -1;
    nats->may_echo = true;
    natsStatus status = open_connection(nats, address);
    return status == NATS_OK || fail(nats, address, status);
}

static int nats_fd(const struct connection *connection)
{
    return nats_of(connection)->fd;
}

/* A connection is closed by what its socket says: told to close one, the library would wait for what is not yet written. */
static void nats_drop(struct connection *connection)
{
    struct nats_connection *nats = nats_of(connection);
    const struct nats_api *api = &nats->api;
    if (nats->nats && !api->natsConnection_IsClosed(nats->nats) && nats->fd >= 0) {
        shutdown(nats->fd, SHUT_RDWR);
        api->natsConnection_ProcessWriteEvent(nats->nats);
    }
    if (nats->subscription)
        api->natsSubscription_Destroy(nats->subscription);
    if (nats->nats)
        api->natsConnection_Destroy(nats->nats);
    if (nats->name)
        api->natsInbox_Destroy(nats->name);
    pawli_nats_inbox_close(nats->inbox);
    for (struct stream *stream = nats->streams, *next; stream; stream = next) {
        next = stream->next;
        pawli_free(stream);
    }
    nats->nats = NULL;
    nats->subscription = NULL;
    nats->name = NULL;
    nats->inbox = NULL;
    nats->streams = NULL;
}

/* ---- publishing ---- */

static uint64_t nats_to_write(const struct connection *connection)
{
    struct nats_connection *nats = nats_of(connection);
    int buffered = nats->api.natsConnection_Buffered(nats->nats);
    return buffered > 0 ? (uint64_t)buffered : 0;
}

static bool nats_may_hand(const struct connection *connection)
{
    return nats_of(connection)->is_proven; /* invariant 5 */
}

static natsStatus add_headers(const struct nats_api *api, natsMsg *message, const struct send *send)
{
    const pawl_message_view *view = send->message;
    struct send_field fields[SEND_FIELDS_MAX];
    char id[PAWL_UUID_TEXT_SIZE];
    size_t count = pawli_send_fields(send, fields);
    natsStatus status = count == 0 ? NATS_NO_MEMORY : NATS_OK;
    for (size_t i = 0; status == NATS_OK && i < view->header_count; i++)
        status = api->natsMsgHeader_Set(message, view->headers[i].name, view->headers[i].value);
    for (size_t i = 0; status == NATS_OK && i < count; i++)
        status = api->natsMsgHeader_Set(message, fields[i].name, fields[i].value);
    if (status == NATS_OK)
        status = api->natsMsgHeader_Set(message, "content-type",
                                        view->content_type ? view->content_type : "application/octet-stream");
    if (status == NATS_OK)
        status = api->natsMsgHeader_Set(message, "Nats-Msg-Id", pawl_uuid_format(&view->id, id));
    return status;
}

static natsStatus put(struct nats_connection *nats, const struct publish *publish)
{
    const struct nats_api *api = &nats->api;
    const struct send *send = publish->send;
    char reply[PROBLEM_MAX];
    natsMsg *message = NULL;
    struct text subject = pawli_arena_text(send->arena, publish->url.subject);
    snprintf(reply, sizeof reply, "%s.%" PRIu64, (const char *)nats->name, publish->number);
    natsStatus status = !subject.data ? NATS_NO_MEMORY
                                      : api->natsMsg_Create(&message, subject.data, publish->url.is_core ? NULL : reply,
                                                            send->message->data, (int)send->message->data_size);
    if (status == NATS_OK)
        status = add_headers(api, message, send);
    if (status == NATS_OK)
        status = api->natsConnection_PublishMsg(nats->nats, message);
    if (message)
        api->natsMsg_Destroy(message);
    if (status == NATS_OK && publish->url.is_core)
        api->natsConnection_PublishString(nats->nats, reply, ""); /* that fails with the connection, as the send will */
    return status;
}

static void tell_not_put(struct nats_connection *nats, struct publish *publish, natsStatus status)
{
    switch (status) {
    case NATS_MAX_PAYLOAD:
        pawli_publish_failed(publish, VERDICT_DEAD,
                             "the message is bigger than the %" PRId64 " bytes that the broker takes",
                             nats->api.natsConnection_GetMaxPayload(nats->nats));
        break;
    case NATS_NOT_PERMITTED:
        publish->send->is_unauthorized = true;
        pawli_publish_failed(
            publish, VERDICT_RETRY,
            "the broker does not let this user publish to _INBOX.>, by which pawl learns that it has a "
            "message of a target with ?core=1; nothing was sent");
        break;
    case NATS_NO_MEMORY:
        pawli_publish_failed(publish, VERDICT_DEFERRED, "out of memory; nothing was sent");
        break;
    default:
        pawli_publish_failed(publish, VERDICT_RETRY, "%s; nothing was sent", nats->api.natsStatus_GetText(status));
    }
}

static bool nats_hand(struct connection *connection, struct publish *publish)
{
    struct nats_connection *nats = nats_of(connection);
    natsStatus status = publish->url.is_core && !nats->may_echo ? NATS_NOT_PERMITTED : put(nats, publish);
    if (status != NATS_OK) {
        tell_not_put(nats, publish, status);
        return false;
    }
    publish->end = connection->written + nats_to_write(connection);
    return true;
}

/* Why the connection is over. */
static bool over(struct nats_connection *nats)
{
    const char *text = NULL;
    natsStatus status = nats->api.natsConnection_GetLastError(nats->nats, &text);
    bool was_told = text && *text && strcmp(text, nats->seen) != 0;
    return pawli_connection_lost(
        &nats->base,
        was_told ? text : nats->api.natsStatus_GetText(status == NATS_OK ? NATS_CONNECTION_CLOSED : status));
}

static bool nats_write(struct connection *connection)
{
    struct nats_connection *nats = nats_of(connection);
    int before = nats->api.natsConnection_Buffered(nats->nats);
    while (before > 0) {
        nats->api.natsConnection_ProcessWriteEvent(nats->nats);
        int after = nats->api.natsConnection_Buffered(nats->nats);
        if (after < 0)
            return over(nats);
        connection->written += (uint64_t)(before - after);
        if (after == before)
            break;
        before = after;
    }
    return before < 0 ? over(nats) : true;
}

/* ---- streams ---- */

static struct stream *find_stream(struct nats_connection *nats, struct text name)
{
    struct stream *stream = nats->streams;
    while (stream && !text_equal(text_of(stream->name), name))
        stream = stream->next;
    if (stream || name.size >= STREAM_MAX || !(stream = pawli_alloc(sizeof *stream)))
        return stream;
    memcpy(stream->name, name.data, name.size);
    stream->next = nats->streams;
    stream->number = nats->streams ? nats->streams->number + 1 : 1;
    stream->durability = DURABILITY_RECEIVED; /* until it says more */
    nats->streams = stream;
    return stream;
}

static void ask_stream(struct nats_connection *nats, struct stream *stream)
{
    char subject[STREAM_MAX + 64], reply[PROBLEM_MAX];
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", stream->name);
    snprintf(reply, sizeof reply, "%s.s%u", (const char *)nats->name, stream->number);
    stream->is_known = nats->api.natsConnection_PublishRequestString(nats->nats, subject, reply, "") != NATS_OK;
}

static void deliver(struct publish *publish, const struct stream *stream)
{
    pawli_publish_delivered(publish, stream->durability, "%.*s%s", TEXT_ARG(publish->note),
                            stream->is_told ? "" : ", which did not say how it keeps it");
}

static void learn_stream(struct nats_connection *nats, struct stream *stream, struct text json)
{
    struct text name, value, config = {0};
    int64_t replicas = 1;
    bool is_on_disk = false;
    bool good = pawli_json_check(json, NULL, NULL) == JSON_GOOD && pawli_json_type(json) == JSON_OBJECT;
    struct json_walk walk = pawli_json_walk(good ? json : TEXT("{}"));
    while (pawli_json_member(&walk, &name, &value))
        if (pawli_json_name_is(name, "config") && pawli_json_type(value) == JSON_OBJECT)
            config = value;
    walk = pawli_json_walk(config.data ? config : TEXT("{}"));
    while (pawli_json_member(&walk, &name, &value)) {
        if (pawli_json_name_is(name, "num_replicas"))
            (void)pawli_json_i64(value, &replicas);
        else if (pawli_json_name_is(name, "storage"))
            is_on_disk = text_equal(value, TEXT("\"file\""));
    }
    stream->is_known = true;
    stream->is_told = config.data != NULL;
    stream->durability = replicas > 1 ? DURABILITY_REPLICATED : is_on_disk ? DURABILITY_STORED : DURABILITY_RECEIVED;
    for (struct publish *publish = nats->base.sent.first, *next; publish; publish = next) {
        next = publish->next;
        if (publish->stands_with == stream)
            deliver(publish, stream);
    }
}

/* A stream has it; how well was not said in time. */
static bool nats_give_up(struct publish *publish)
{
    if (!publish->stands_with)
        return false;
    deliver(publish, publish->stands_with);
    return true;
}

/* ---- answers ---- */

struct ack {
    struct text stream, description;
    uint64_t seq;
    int64_t error; /* 0: none */
    bool is_duplicate;
};

#define ERROR_TOO_BIG        10054
#define ERROR_HEADER_TOO_BIG 10097

static void read_ack_error(struct text json, struct arena *arena, struct ack *ack)
{
    struct text name, value;
    struct json_walk walk = pawli_json_walk(json);
    int64_t code = 0;
    while (pawli_json_member(&walk, &name, &value)) {
        if (pawli_json_name_is(name, "err_code"))
            (void)pawli_json_i64(value, &ack->error);
        else if (pawli_json_name_is(name, "code"))
            (void)pawli_json_i64(value, &code);
        else if (pawli_json_name_is(name, "description") && pawli_json_type(value) == JSON_STRING)
            ack->description = pawli_json_string(arena, value);
    }
    if (ack->error == 0)
        ack->error = code ? code : 1;
}

/* False: no stream's. */
static bool read_ack(struct text json, struct arena *arena, struct ack *ack)
{
    struct text name, value;
    *ack = (struct ack){.seq = 0};
    if (pawli_json_check(json, NULL, NULL) != JSON_GOOD || pawli_json_type(json) != JSON_OBJECT)
        return false;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        if (pawli_json_name_is(name, "error") && pawli_json_type(value) == JSON_OBJECT)
            read_ack_error(value, arena, ack);
        else if (pawli_json_name_is(name, "stream") && pawli_json_type(value) == JSON_STRING)
            ack->stream = pawli_json_string(arena, value);
        else if (pawli_json_name_is(name, "seq"))
            (void)pawli_json_u64(value, &ack->seq);
        else if (pawli_json_name_is(name, "duplicate"))
            ack->is_duplicate = text_equal(value, TEXT("true"));
    }
    return ack->error != 0 || (ack->stream.data && ack->seq > 0);
}

static void take_ack(struct nats_connection *nats, struct publish *publish, const struct ack *ack)
{
    if (ack->error) {
        bool is_final = ack->error == ERROR_TOO_BIG || ack->error == ERROR_HEADER_TOO_BIG;
        pawli_publish_failed(publish, is_final ? VERDICT_DEAD : VERDICT_RETRY,
                             "the stream refused it: %.*s (%" PRId64 ")", TEXT_ARG(ack->description), ack->error);
        return;
    }
    publish->note = pawli_arena_format(publish->send->arena, "stream %.*s seq %" PRIu64 "%s", TEXT_ARG(ack->stream),
                                       ack->seq, ack->is_duplicate ? ", which had it already" : "");
    publish->send->remote_id = pawli_arena_format(publish->send->arena, "%.*s:%" PRIu64, TEXT_ARG(ack->stream),
                                                  ack->seq);
    struct stream *stream = find_stream(nats, ack->stream);
    if (stream && !stream->is_known)
        ask_stream(nats, stream);
    if (!stream)
        pawli_publish_delivered(publish, DURABILITY_RECEIVED, "%.*s", TEXT_ARG(publish->note));
    else if (stream->is_known)
        deliver(publish, stream);
    else
        publish->stands_with = stream;
}

static void take_answer(struct nats_connection *nats, struct publish *publish, natsMsg *message)
{
    const struct nats_api *api = &nats->api;
    const char *problem = NULL;
    struct ack ack;
    struct text data = {api->natsMsg_GetData(message), (size_t)api->natsMsg_GetDataLength(message)};
    if (!data.data)
        data = TEXT("");
    if (publish->url.is_core)
        pawli_publish_delivered(publish, DURABILITY_RECEIVED, "the broker gave it to whoever listened");
    else if (api->natsMsg_IsNoResponders(message))
        pawli_publish_failed(
            publish, VERDICT_RETRY,
            "no stream has the subject %.*s, and nobody listens to it: make a stream for it, or end the "
            "URL of the target in ?core=1",
            TEXT_ARG(publish->url.subject));
    else if (read_ack(data, publish->send->arena, &ack))
        take_ack(nats, publish, &ack);
    else if (api->natsMsgHeader_Get(message, "Nats-Service-Error", &problem) == NATS_OK)
        pawli_publish_failed(publish, VERDICT_RETRY, "the service refused it: %.200s", problem);
    else
        pawli_publish_delivered(publish, DURABILITY_RECEIVED, "a listener answered: %.*s",
                                (int)(data.size < EXCERPT_MAX ? data.size : EXCERPT_MAX), data.data);
}

static void take_message(struct nats_connection *nats, natsMsg *message)
{
    const char *number = strrchr(nats->api.natsMsg_GetSubject(message), '.');
    bool is_stream = number && number[1] == 's';
    uint64_t value;
    if (!number || !pawli_parse_u64(text_of(number + 1 + is_stream), &value))
        return;
    if (is_stream) {
        for (struct stream *stream = nats->streams; stream; stream = stream->next)
            if (stream->number == value)
                learn_stream(nats, stream,
                             (struct text){nats->api.natsMsg_GetData(message),
                                           (size_t)nats->api.natsMsg_GetDataLength(message)});
        return;
    }
    nats->is_proven |= value == 0;
    struct publish *publish = nats->base.sent.first;
    while (publish && (publish->number != value || publish->stands_with))
        publish = publish->next;
    if (publish)
        take_answer(nats, publish, message);
}

static void nats_take(struct connection *connection)
{
    struct nats_connection *nats = nats_of(connection);
    for (struct nats_answer *answer = pawli_nats_inbox_take(nats->inbox), *next; answer; answer = next) {
        next = answer->next;
        take_message(nats, answer->message);
        pawli_nats_answer_free(nats->inbox, answer);
    }
}

/* ---- what the server refuses ---- */

static bool is_about(const char *text, struct text subject)
{
    const char *at = memmem(text, strlen(text), subject.data, subject.size);
    return at && at > text && at[-1] == '"' && at[subject.size] == '"';
}

static void fail_about(struct publishes *list, const char *text)
{
    for (struct publish *publish = list->first, *next; publish; publish = next) {
        next = publish->next;
        if (publish->stands_with || !is_about(text, publish->url.subject))
            continue;
        publish->send->is_unauthorized = true;
        pawli_publish_failed(publish, VERDICT_RETRY, "the broker does not let this user publish there: %.160s", text);
    }
}

/* "Permissions Violation for Publish to "orders"": it says which subject, not which message. The server forgets no such word,
 * so that the next one of the same kind is seen on another connection only. */
static bool take_refusal(struct nats_connection *nats, const char *text)
{
    struct connection *connection = &nats->base;
    struct text inbox = text_of((const char *)nats->name);
    snprintf(nats->seen, sizeof nats->seen, "%s", text);
    if (strstr(text, "Subscription")) {
        connection->failure = FAILURE_LOGIN;
        snprintf(connection->problem, sizeof connection->problem,
                 "the broker does not let this user hear its answers: allow it to subscribe to _INBOX.> (%.120s)",
                 text);
        return false;
    }
    if (memmem(text, strlen(text), inbox.data, inbox.size)) {
        nats->is_proven = true; /* the subscription stood before that was refused */
        nats->may_echo = false;
        return true;
    }
    for (struct stream *stream = nats->streams; stream; stream = stream->next)
        if (!stream->is_known && strstr(text, "$JS.API.STREAM.INFO.") && strstr(text, stream->name)) {
            learn_stream(nats, stream, TEXT("{}"));
            return true;
        }
    connection->is_retired = true;
    fail_about(&connection->sent, text);
    fail_about(&connection->waiting, text);
    return true;
}

static bool nats_read(struct connection *connection)
{
    struct nats_connection *nats = nats_of(connection);
    const char *text = NULL;
    nats->api.natsConnection_ProcessReadEvent(nats->nats);
    if (nats->api.natsConnection_IsClosed(nats->nats))
        return over(nats);
    if (nats->api.natsConnection_GetLastError(nats->nats, &text) != NATS_NOT_PERMITTED || !text ||
        strcmp(text, nats->seen) == 0)
        return true;
    return take_refusal(nats, text);
}

/* ---- the sink ---- */

static const struct broker_ops broker = {
    .protocol = "NATS",
    .login = "password or token",
    .connection_size = sizeof(struct nats_connection),
    .library = &library,
    .functions_at = offsetof(struct nats_connection, api),
    .connect = nats_connect,
    .fd = nats_fd,
    .may_hand = nats_may_hand,
    .hand = nats_hand,
    .to_write = nats_to_write,
    .write = nats_write,
    .read = nats_read,
    .take = nats_take,
    .give_up = nats_give_up,
    .drop = nats_drop,
};

static int open_sink(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    return pawli_broker_open(host, &pawli_sink_nats, &broker, ret_sink, err);
}

static const char *const schemes[] = {"nats", NULL};

const struct sink_ops pawli_sink_nats = {
    .name = "nats",
    .schemes = schemes,
    .check = pawli_reach_check,
    .open = open_sink,
    .send = pawli_broker_send,
    .cancel = pawli_broker_cancel,
    .step = pawli_broker_step,
    .close = pawli_broker_close,
    .is_idle = pawli_broker_is_idle,
};
