/* SPDX-License-Identifier: MIT */
/* The HTTP sink: libcurl by its multi-socket interface on the engine's loop.
 *
 *   1  The address of every connection is judged twice: before its socket is made, and before a request goes out on it,
 *      there by what the kernel says of the peer, and again whenever a kept connection is used again.
 *   2  A request counts as sent from the moment when its first byte may have left (is_sent). Before it a failure is
 *      "retry", behind it "uncertain", until the header of a reply is whole: from then on the status alone counts.
 *   3  curl sends a request again by itself when a kept connection turns out to be dead. It may do so where nothing of it
 *      was sent, else never: a second request is a second attempt, and attempts are counted before they are made.
 *   4  No signal, no proxy or other setting from the environment, no redirect, no protocol but HTTP/1.
 *   5  Names are looked up by the resolver only (resolve.h): curl is given the addresses, and asks nobody itself.
 *   6  A receiver is known by the names in its certificate, never by its subject's common name. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "sink/answer.h"
#include "sink/http/http.h"
#include "sink/reach.h"
#include "sink/resolve.h"

#define IDLE_EXCHANGES_MAX 64   /* handles kept for the next send, with their TLS sessions */
#define IDLE_SOCKETS_MAX   64   /* connections kept */
#define IDLE_SOCKET_S      4    /* many receivers close after 5: better to be first than to send into the closing */
#define READ_SIZE          4096 /* bytes that curl reads at a time */
#define ROUNDS_MAX         4    /* of a hundred reads, for one event of a socket */
#define SOCKET_LIFE_S      30   /* and no connection is used longer: a name that moved is followed */

struct http_socket {
    struct watch watch;
    struct http_sink *sink;
    struct exchange *exchange; /* that it is used by; NULL: curl's own, to close it */
    struct http_socket *next;
    bool is_retired; /* unwatched: an event that was fetched together with the last one may still come */
};

struct http_sink {
    struct sink sink;
    struct sink_host host;
    struct loop *loop; /* known beyond the engine's life on it */
    CURLM *multi;
    struct resolver *resolver;
    struct boot_time due;
    bool is_stepping;
    struct reach reach;
    struct http_socket *sockets;
    struct exchange *idle;
    size_t idle_count;
};

struct exchange {
    struct http_sink *sink;
    struct exchange *next; /* idle */
    CURL *easy;
    /* From here on: of one send. */
    struct send *send;
    struct request_url url;
    struct http_socket *socket;
    struct name_wait wait; /* for its address */
    struct curl_slist *headers, *addresses;
    struct reply reply;
    bool is_waiting;  /* for the address: curl does not know of it yet */
    bool was_tried;   /* a socket was made: what fails then is no longer a matter of this process alone */
    bool has_begun;   /* a connection stood, and the request was about to be written */
    bool was_refused; /* invariant 3 stopped a second writing */
    char local[128];  /* what kept this process from connecting: an address that is denied, or want of a descriptor */
    char problem[CURL_ERROR_SIZE];
};

static struct http_sink *http_of(struct sink *sink)
{
    return (struct http_sink *)sink;
}

/* ---- addresses ---- */

static bool may_connect(struct exchange *exchange, const struct address *address)
{
    return pawli_reach_may(&exchange->sink->reach, address, exchange->local, sizeof exchange->local);
}

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct exchange *exchange = data;
    struct address address;
    if (purpose != CURLSOCKTYPE_IPCXN || !pawli_address_of(&to->addr, to->addrlen, &address)) {
        snprintf(exchange->local, sizeof exchange->local, "that is no IP address");
        return CURL_SOCKET_BAD;
    }
    if (!may_connect(exchange, &address))
        return CURL_SOCKET_BAD;
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
    if (fd < 0)
        snprintf(exchange->local, sizeof exchange->local, "cannot make a socket: %s", strerror(errno));
    exchange->was_tried |= fd >= 0;
    return fd;
}

/* Invariant 5: a number may pass, which curl reads by itself. */
static int before_look_up(void *resolver, void *reserved, void *data)
{
    const struct exchange *exchange = data;
    (void)resolver, (void)reserved;
    return exchange->url.is_numeric ? 0 : 1;
}

/* Invariant 6: OpenSSL itself compares the name, without the subject, while the connection is made. */
static CURLcode before_handshake(CURL *easy, void *context, void *data)
{
    const struct request_url *url = &((struct exchange *)data)->url;
    X509_VERIFY_PARAM *verify = SSL_CTX_get0_param(context);
    size_t size = strlen(url->host);
    int good;
    (void)easy;
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (url->is_numeric) {
        bool brackets = url->host[0] == '[';
        char address[sizeof url->host];
        snprintf(address, sizeof address, "%.*s", (int)(size - (brackets ? 2 : 0)), url->host + brackets);
        good = X509_VERIFY_PARAM_set1_ip_asc(verify, address);
    } else {
        good = X509_VERIFY_PARAM_set1_host(verify, url->host, size > 0 && url->host[size - 1] == '.' ? size - 1 : size);
    }
    return good == 1 ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* Whether a byte of the request may have left. curl enters PRETRANSFER once the first write did not fail; what failed in
 * that write handed nothing to the kernel, because one send() takes all, some or nothing. Not so under TLS, where one write
 * is several records, of which the first may have gone. */
static bool is_sent(const struct exchange *exchange, CURLcode code)
{
    curl_off_t written_at = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &written_at);
    return exchange->has_begun && (exchange->url.is_tls || code != CURLE_SEND_ERROR || written_at > 0);
}

/* Called on a connection, new or kept, right before the request is written. The address is what getpeername() said. */
static int before_request(void *data, char *peer, char *own, int peer_port, int own_port)
{
    struct exchange *exchange = data;
    struct address address;
    (void)own, (void)own_port;
    if (!pawli_address_parse(peer, (uint16_t)peer_port, &address)) {
        snprintf(exchange->local, sizeof exchange->local, "the peer has no IP address");
        return CURL_PREREQFUNC_ABORT;
    }
    if (!may_connect(exchange, &address)) {
        exchange->was_tried = false;
        return CURL_PREREQFUNC_ABORT;
    }
    if (is_sent(exchange, CURLE_SEND_ERROR)) {
        exchange->was_refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->has_begun = true;
    return CURL_PREREQFUNC_OK;
}

/* ---- handles ---- */

static size_t take_header(char *data, size_t size, size_t count, void *reply)
{
    return pawli_reply_header(reply, (struct text){data, size * count}) ? size * count : 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *reply)
{
    return pawli_reply_body(reply, (struct text){data, size * count}) ? size * count : 0;
}

/* curl goes on reading without a return to the loop while a receiver sends faster than it reads; but it comes by here once in
 * a hundred reads. A reply within its limits is read in fewer. */
static int while_reading(void *data, curl_off_t expected, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
    struct reply *reply = &((struct exchange *)data)->reply;
    (void)expected, (void)got, (void)to_send, (void)sent;
    reply->rounds += reply->header_size > 0;
    reply->is_too_big |= reply->rounds > ROUNDS_MAX;
    return reply->is_too_big ? 1 : 0;
}

/* The settings that keep a send inside its bounds. One that is refused would be a hole: all or nothing. */
static bool set_bounds(struct exchange *exchange, const struct sink_rules *rules)
{
    CURL *easy = exchange->easy;
    const CURLcode set[] = {
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1),
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L),
        curl_easy_setopt(easy, CURLOPT_PROXY, ""),
        curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED),
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, before_look_up),
        curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, exchange),
        curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SOCKET_S),
        curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)SOCKET_LIFE_S),
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2),
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L),
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L),
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, before_handshake),
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, exchange),
        rules->ca_file ? curl_easy_setopt(easy, CURLOPT_CAINFO, rules->ca_file) : CURLE_OK,
        rules->ca_file ? curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) : CURLE_OK,
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket),
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange),
        curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request),
        curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange),
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header),
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange->reply),
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body),
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange->reply),
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_SIZE),
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L),
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, while_reading),
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, exchange),
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->problem),
        curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange),
    };
    for (size_t i = 0; i < COUNT_OF(set); i++)
        if (set[i] != CURLE_OK)
            return false;
    return true;
}

static void free_exchange(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    pawli_free(exchange);
}

static struct exchange *new_exchange(struct http_sink *sink)
{
    struct exchange *exchange = sink->idle;
    if (exchange) {
        sink->idle = exchange->next;
        sink->idle_count--;
        return exchange;
    }
    exchange = pawli_alloc(sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->sink = sink;
    exchange->easy = curl_easy_init();
    if (!exchange->easy || !set_bounds(exchange, sink->host.rules)) {
        free_exchange(exchange);
        return NULL;
    }
    return exchange;
}

/* Back to the idle ones; what belonged to the send is forgotten. */
static void end_exchange(struct exchange *exchange)
{
    struct http_sink *sink = exchange->sink;
    if (exchange->socket)
        exchange->socket->exchange = NULL;
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(exchange->easy, CURLOPT_RESOLVE, NULL);
    curl_slist_free_all(exchange->headers);
    curl_slist_free_all(exchange->addresses);
    *exchange = (struct exchange){.sink = sink, .easy = exchange->easy, .next = sink->idle};
    if (sink->idle_count >= IDLE_EXCHANGES_MAX) {
        free_exchange(exchange);
        return;
    }
    sink->idle = exchange;
    sink->idle_count++;
}

/* ---- the end of a send ---- */

static const char *reason_of(const struct exchange *exchange, CURLcode code)
{
    if (exchange->local[0] && !exchange->was_tried)
        return exchange->local;
    if (exchange->was_refused)
        return "the connection was lost before a reply came";
    if (exchange->reply.is_too_big)
        return "a line of the reply's header has no end, or the header has none";
    if (code == CURLE_OK)
        return "the reply broke off in its header";
    if (code == CURLE_OUT_OF_MEMORY) /* so curl calls a line over 100 kB too */
        return "a line of the reply's header has no end, or no memory was left";
    return exchange->problem[0] ? exchange->problem : curl_easy_strerror(code);
}

/* Whether it failed for a reason that lies in this process alone. */
static bool is_local(const struct exchange *exchange, CURLcode code)
{
    long problem = 0;
    if (exchange->local[0] && !exchange->was_tried)
        return true;
    if (code == CURLE_COULDNT_CONNECT)
        curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &problem);
    return code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT || code == CURLE_SSL_CACERT_BADFILE ||
           problem == EADDRNOTAVAIL || pawli_is_shortage((int)problem);
}

static bool was_reached(const struct exchange *exchange)
{
    curl_off_t connected = 0;
    return curl_easy_getinfo(exchange->easy, CURLINFO_CONNECT_TIME_T, &connected) == CURLE_OK && connected > 0;
}

static void take_reply(struct exchange *exchange)
{
    struct send *send = exchange->send;
    struct env *env = exchange->sink->host.env;
    int status = exchange->reply.status;
    pawli_reply_judge(&exchange->reply, send, env->ops->wall_now(env));
    struct text error = send->response;
    if (status >= 300 && status < 400)
        error = pawli_arena_format(send->arena, "%.*s (redirects are not followed)", TEXT_ARG(send->response));
    end_exchange(exchange);
    if (send->phase == PHASE_SEND)
        pawli_send_done(send, send->verdict, error);
    else
        pawli_look_done(send, pawli_reply_finding(status), error);
}

static void finish(struct exchange *exchange, CURLcode code)
{
    struct send *send = exchange->send;
    if (exchange->reply.is_whole) {
        take_reply(exchange);
        return;
    }
    bool sent = is_sent(exchange, code), local = is_local(exchange, code);
    enum verdict unsent = local ? VERDICT_DEFERRED : pawli_unsent_verdict(send, was_reached(exchange));
    struct text error = pawli_arena_format(send->arena, "%s; %s", reason_of(exchange, code),
                                           sent ? "the request was sent" : "nothing was sent");
    end_exchange(exchange);
    send->is_unsent = !sent;
    pawli_send_done(send, sent ? VERDICT_UNCERTAIN : unsent, error);
}

/* Of an exchange that curl did not end itself. */
static void break_off(struct exchange *exchange, CURLcode code)
{
    curl_multi_remove_handle(exchange->sink->multi, exchange->easy);
    finish(exchange, code);
}

/* Hands out what curl has finished. `done` may send and cancel, so that no pointer of curl's is kept across it. */
static void take_finished(struct http_sink *sink)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(sink->multi, &left));) {
        struct exchange *exchange = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        curl_multi_remove_handle(sink->multi, exchange->easy);
        finish(exchange, code);
    }
}

/* ---- the loop ---- */

/* Counts what waits, which curl will read now: not all that a receiver sends reaches the functions that count header and body. */
static bool is_flood(struct http_socket *socket)
{
    int waiting = 0;
    if (!socket->exchange)
        return false;
    struct reply *reply = &socket->exchange->reply;
    reply->rounds = 0;
    if (ioctl(socket->watch.fd, FIONREAD, &waiting) == 0 && waiting > 0)
        reply->raw_size += (size_t)waiting;
    reply->is_too_big |= reply->raw_size > HTTP_RAW_MAX;
    return reply->raw_size > HTTP_RAW_MAX;
}

static void socket_ready(struct watch *watch, uint32_t events)
{
    struct http_socket *socket = (struct http_socket *)watch;
    struct http_sink *sink = socket->sink;
    if (socket->is_retired)
        return;
    int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    int running;
    if (events & EPOLLIN && is_flood(socket)) {
        break_off(socket->exchange, CURLE_WRITE_ERROR);
        return;
    }
    curl_multi_socket_action(sink->multi, watch->fd, mask, &running);
    take_finished(sink);
}

static void retire(struct http_sink *sink, struct http_socket *socket)
{
    if (!socket)
        return;
    if (socket->exchange && socket->exchange->socket == socket)
        socket->exchange->socket = NULL;
    pawli_loop_unwatch(sink->loop, &socket->watch);
    socket->is_retired = true;
    pawli_engine_wake(sink->host.engine); /* the step frees it */
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    struct http_sink *sink = data;
    struct http_socket *socket = socket_data;
    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(sink->multi, fd, NULL);
        retire(sink, socket);
        return 0;
    }
    if (!socket) {
        socket = pawli_alloc(sizeof *socket);
        if (!socket)
            return 0; /* unwatched: its send ends by its deadline; an error here would end all sends */
        *socket = (struct http_socket){.watch = {socket_ready, fd}, .sink = sink, .next = sink->sockets};
        sink->sockets = socket;
        curl_multi_assign(sink->multi, fd, socket);
    }
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &socket->exchange);
    if (socket->exchange)
        socket->exchange->socket = socket;
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    pawli_loop_watch(sink->loop, &socket->watch, events);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *data)
{
    struct http_sink *sink = data;
    struct env *env = sink->host.env;
    (void)multi;
    sink->due = timeout_ms < 0 ? BOOT_NEVER : boot_after_ms(env->ops->boot_now(env), timeout_ms);
    if (timeout_ms >= 0 && !sink->is_stepping)
        pawli_engine_wake(sink->host.engine);
    return 0;
}

static void free_retired(struct http_sink *sink)
{
    for (struct http_socket **at = &sink->sockets; *at;) {
        struct http_socket *socket = *at;
        if (!socket->is_retired) {
            at = &socket->next;
            continue;
        }
        *at = socket->next;
        pawli_free(socket);
    }
}

static struct boot_time http_step(struct sink *base, struct boot_time now)
{
    struct http_sink *sink = http_of(base);
    sink->is_stepping = true;
    free_retired(sink);
    pawli_resolver_step(sink->resolver, now);
    if (sink->due.ns <= now.ns) {
        int running;
        sink->due = BOOT_NEVER;
        curl_multi_socket_action(sink->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        take_finished(sink);
    }
    sink->is_stepping = false;
    return sink->due;
}

/* ---- sends ---- */

static long milliseconds_left(struct http_sink *sink, const struct send *send)
{
    struct env *env = sink->host.env;
    int64_t left = (send->deadline.ns - env->ops->boot_now(env).ns) / 1000000;
    if (send->timeout_ms < left)
        left = send->timeout_ms;
    return left < 1 ? 1 : left > LONG_MAX ? LONG_MAX : (long)left;
}

/* Hands curl the addresses of the name: "+" so that they go with this answer and stay not for good. */
static bool set_addresses(struct exchange *exchange, const struct resolution *resolution)
{
    struct buffer entry;
    char text[ADDRESS_TEXT_MAX];
    buffer_init(&entry, SIZE_MAX);
    pawli_buffer_format(&entry, "+%s:%u:", exchange->url.host, exchange->url.port);
    for (size_t i = 0; i < resolution->count; i++) {
        const struct address *address = &resolution->addresses[i];
        pawli_buffer_format(&entry, address->size == 16 ? "%s[%s]" : "%s%s", i > 0 ? "," : "",
                            pawli_address_format(address, text));
    }
    pawli_buffer_add_char(&entry, '\0');
    exchange->addresses = entry.failed ? NULL : curl_slist_append(NULL, entry.data);
    pawli_buffer_done(&entry);
    return exchange->addresses && curl_easy_setopt(exchange->easy, CURLOPT_RESOLVE, exchange->addresses) == CURLE_OK;
}

/* The address is known, or needs no look-up: NULL. */
static void begin(struct exchange *exchange, const struct resolution *resolution)
{
    struct http_sink *sink = exchange->sink;
    struct send *send = exchange->send;
    long left = milliseconds_left(sink, send);
    exchange->is_waiting = false;
    if (resolution && resolution->problem[0]) {
        enum verdict verdict = resolution->was_local ? VERDICT_DEFERRED : pawli_unsent_verdict(send, false);
        end_exchange(exchange);
        pawli_send_unsent(send, verdict, "%s; nothing was sent", resolution->problem);
        return;
    }
    curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, left);
    bool hurries = send->connect_ms > 0 && send->connect_ms < left;
    curl_easy_setopt(exchange->easy, CURLOPT_CONNECTTIMEOUT_MS, hurries ? (long)send->connect_ms : left);
    if ((resolution && !set_addresses(exchange, resolution)) ||
        curl_multi_add_handle(sink->multi, exchange->easy) != CURLM_OK) {
        end_exchange(exchange);
        pawli_send_unsent(send, VERDICT_DEFERRED, "out of memory; nothing was sent");
    }
}

static void name_answered(struct name_wait *wait, const struct resolution *resolution)
{
    begin((struct exchange *)((char *)wait - offsetof(struct exchange, wait)), resolution);
}

static void http_send(struct sink *base, struct send *send)
{
    struct http_sink *sink = http_of(base);
    struct env *env = sink->host.env;
    struct request_url url;
    if (!pawli_send_may_begin(send, pawli_request_read_url(send->url, &url)))
        return;
    struct exchange *exchange = new_exchange(sink);
    if (exchange) {
        exchange->send = send;
        exchange->url = url;
        exchange->wait.answered = name_answered;
        send->sink_data = exchange;
    }
    if (!exchange || !pawli_request_set(exchange->easy, send, env->ops->wall_now(env).ms / 1000, &exchange->headers)) {
        if (exchange)
            end_exchange(exchange);
        pawli_send_unsent(send, VERDICT_DEFERRED, "out of memory; nothing was sent");
        return;
    }
    const struct resolution *resolution = NULL;
    if (!url.is_numeric)
        resolution = pawli_resolve(sink->resolver, url.host, &exchange->wait);
    if (url.is_numeric || resolution)
        begin(exchange, resolution);
    else
        exchange->is_waiting = true;
}

/* Past its deadline, or because the worker stops: that is no fault of the receiver's. */
static void http_cancel(struct sink *base, struct send *send)
{
    struct http_sink *sink = http_of(base);
    struct exchange *exchange = send->sink_data;
    bool is_late = send->deadline.ns <= sink->host.env->ops->boot_now(sink->host.env).ns;
    if (!is_late && !exchange->has_begun) {
        exchange->was_tried = false;
        snprintf(exchange->local, sizeof exchange->local, "this process stops");
    }
    snprintf(exchange->problem, sizeof exchange->problem, "ended before a reply came");
    if (!exchange->is_waiting) {
        break_off(exchange, CURLE_OPERATION_TIMEDOUT);
        return;
    }
    if (is_late && !pawli_resolve_has_begun(sink->resolver, exchange->url.host))
        snprintf(exchange->local, sizeof exchange->local, "too many other names were being looked up");
    else
        snprintf(exchange->problem, sizeof exchange->problem, "no address of %.80s was found in time",
                 exchange->url.host);
    pawli_resolve_drop(&exchange->wait);
    finish(exchange, CURLE_OPERATION_TIMEDOUT);
}

/* ---- life ---- */

static void http_close(struct sink *base)
{
    struct http_sink *sink = http_of(base);
    while (sink->idle) {
        struct exchange *exchange = sink->idle;
        sink->idle = exchange->next;
        free_exchange(exchange);
    }
    curl_multi_cleanup(sink->multi);
    pawli_resolver_free(sink->resolver);
    for (struct http_socket *socket = sink->sockets; socket; socket = socket->next)
        if (!socket->is_retired)
            retire(sink, socket);
    free_retired(sink);
    pawli_reach_done(&sink->reach);
    pawli_free(sink);
    curl_global_cleanup();
}

static int check_authorities(const struct sink_rules *rules, pawl_error *err)
{
    if (rules->ca_file && access(rules->ca_file, R_OK) < 0)
        return pawli_fail(err, PAWL_EINVAL, "ca_file \"%.160s\" cannot be read: %s", rules->ca_file, strerror(errno));
    return PAWL_OK;
}

static int http_check(const struct sink_rules *rules, pawl_error *err)
{
    int status = pawli_reach_check(rules, err);
    return status < 0 ? status : check_authorities(rules, err);
}

static bool set_multi(struct http_sink *sink)
{
    CURLM *multi = sink->multi = curl_multi_init();
    return multi && curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sink) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sink) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IDLE_SOCKETS_MAX) == CURLM_OK;
}

static int http_open(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return pawli_no_memory(err);
    struct http_sink *sink = pawli_alloc(sizeof *sink);
    if (!sink) {
        curl_global_cleanup();
        return pawli_no_memory(err);
    }
    *sink = (struct http_sink){
        .sink = {&pawli_sink_http}, .host = *host, .loop = host->engine->loop, .due = BOOT_NEVER};
    int status = pawli_reach_init(&sink->reach, host->rules, err);
    if (status == PAWL_OK)
        status = check_authorities(host->rules, err);
    sink->resolver = pawli_resolver_new(host->engine, host->env);
    if (status >= 0 && (!sink->resolver || !set_multi(sink)))
        status = pawli_no_memory(err);
    if (status < 0) {
        http_close(&sink->sink);
        return status;
    }
    *ret_sink = &sink->sink;
    return PAWL_OK;
}

static const char *const schemes[] = {"http", "https", NULL};

const struct sink_ops pawli_sink_http = {
    .name = "http",
    .schemes = schemes,
    .asks = true,
    .check = http_check,
    .open = http_open,
    .send = http_send,
    .cancel = http_cancel,
    .step = http_step,
    .close = http_close,
};
