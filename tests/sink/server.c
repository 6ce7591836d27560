/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define CONNECTIONS_MAX 1024
#define REQUESTS_MAX    1024
#define HEAD_MAX        65536

struct connection {
    struct server *server;
    pthread_t thread;
    int number, fd;
    bool is_open;
    SSL *tls; /* NULL: plain */
};

struct server {
    const struct script *scripts;
    size_t script_count;
    SSL_CTX *tls;
    int listener;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    bool closing;
    _Atomic size_t sent;
    size_t connection_count, request_count;
    struct connection connections[CONNECTIONS_MAX];
    struct received requests[REQUESTS_MAX];
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

/* ---- a connection ---- */

static ssize_t put(struct connection *connection, const char *bytes, size_t size)
{
    return connection->tls ? SSL_write(connection->tls, bytes, (int)size)
                           : send(connection->fd, bytes, size, MSG_NOSIGNAL);
}

static ssize_t get(struct connection *connection, char *bytes, size_t size)
{
    return connection->tls ? SSL_read(connection->tls, bytes, (int)size) : recv(connection->fd, bytes, size, 0);
}

static bool send_all(struct connection *connection, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = put(connection, bytes, size);
        if (sent <= 0)
            return false;
        connection->server->sent += (size_t)sent;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool receive_all(struct connection *connection, char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t got = get(connection, bytes, size);
        if (got <= 0)
            return false;
        bytes += got;
        size -= (size_t)got;
    }
    return true;
}

static bool read_head(struct connection *connection, char *head)
{
    size_t size = 0;
    while (size < HEAD_MAX - 1) {
        if (get(connection, head + size, 1) != 1)
            return false;
        head[++size] = '\0';
        if (size >= 4 && memcmp(head + size - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

/* What to answer; NULL when the connection ended before the request was whole. */
static const struct script *take_request(struct connection *connection)
{
    struct server *server = connection->server;
    struct received received = {.connection = connection->number};
    char *head = malloc(HEAD_MAX), length[32];
    must(head != NULL, "malloc");
    if (!read_head(connection, head)) {
        free(head);
        return NULL;
    }
    char *end = strstr(head, "\r\n");
    *end = '\0';
    received.start = head;
    received.head = end + 2;
    received.body_size = header_of(&received, "content-length", length, sizeof length) ? strtoul(length, NULL, 10) : 0;
    char *body = malloc(received.body_size + 1);
    must(body != NULL, "malloc");
    body[received.body_size] = '\0';
    received.body = body;
    if (!receive_all(connection, body, received.body_size)) {
        free(head);
        free(body);
        return NULL;
    }
    pthread_mutex_lock(&server->lock);
    size_t number = server->request_count;
    must(number < REQUESTS_MAX, "too many requests");
    server->requests[server->request_count++] = received;
    pthread_mutex_unlock(&server->lock);
    return &server->scripts[number < server->script_count ? number : server->script_count - 1];
}

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static bool answer(struct connection *connection, const struct script *script)
{
    static const char bytes[] = {[0 ... 256 * 1024 - 1] = 'x'};
    bool open = send_all(connection, script->reply, strlen(script->reply));
    switch (script->then) {
    case THEN_KEEP:
        return open;
    case THEN_CLOSE:
        return false;
    case THEN_RESET:
        reset(connection->fd);
        return false;
    case THEN_HANG:
        for (char heard[256]; get(connection, heard, sizeof heard) > 0;)
            continue;
        return false;
    case THEN_TRICKLE:
        for (struct pollfd peer = {.fd = connection->fd, .events = POLLIN}; poll(&peer, 1, 2) == 0;)
            send_all(connection, "x", 1);
        return false;
    case THEN_FLOOD:
        while (send_all(connection, bytes, sizeof bytes))
            continue;
        return false;
    }
    return false;
}

static void *serve(void *argument)
{
    struct connection *connection = argument;
    struct server *server = connection->server;
    bool greeted = true;
    sigset_t pipe; /* of OpenSSL's write() in this thread; the sink's own thread is left to show that it gets none */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    if (server->tls) {
        connection->tls = SSL_new(server->tls);
        must(connection->tls != NULL, "SSL_new");
        SSL_set_fd(connection->tls, connection->fd);
        greeted = SSL_accept(connection->tls) == 1;
    }
    if (greeted)
        for (const struct script *script; (script = take_request(connection)) && answer(connection, script);)
            continue;
    pthread_mutex_lock(&server->lock);
    SSL_free(connection->tls);
    connection->is_open = false;
    close(connection->fd);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct server *server = argument;
    /* accept() takes a descriptor before it waits, and a test may leave none: it is called when somebody is there. */
    struct pollfd listener = {.fd = server->listener, .events = POLLIN};
    for (int fd; poll(&listener, 1, -1) > 0 && (fd = accept(server->listener, NULL, NULL)) >= 0;) {
        pthread_mutex_lock(&server->lock);
        if (server->closing) {
            close(fd);
        } else {
            size_t number = server->connection_count++;
            must(number < CONNECTIONS_MAX, "too many connections");
            struct connection *connection = &server->connections[number];
            *connection = (struct connection){server, .number = (int)number, .fd = fd, .is_open = true};
            must(pthread_create(&connection->thread, NULL, serve, connection) == 0, "pthread_create");
        }
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

/* ---- life ---- */

static struct server *make_server(const struct script *scripts, size_t count, SSL_CTX *tls)
{
    struct server *server = calloc(1, sizeof *server);
    must(server != NULL, "calloc");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    server->tls = tls;
    server->scripts = scripts;
    server->script_count = count;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(server->listener, (struct sockaddr *)&address, size) == 0, "bind");
    must(listen(server->listener, CONNECTIONS_MAX) == 0, "listen");
    must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    server->port = ntohs(address.sin_port);
    pthread_mutex_init(&server->lock, NULL);
    must(pthread_create(&server->thread, NULL, accept_all, server) == 0, "pthread_create");
    return server;
}

struct server *server_new(const struct script *scripts, size_t count)
{
    return make_server(scripts, count, NULL);
}

static X509 *make_certificate(EVP_PKEY *key, const char *host)
{
    char names[128];
    X509 *certificate = X509_new();
    bool subject_only = strncmp(host, "CN=", 3) == 0;
    snprintf(names, sizeof names, "%s:%s", host[strspn(host, "0123456789.")] ? "DNS" : "IP", host);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    must(certificate && extension, "certificate");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const uint8_t *)(subject_only ? host + 3 : "test"), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    if (!subject_only)
        X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    must(X509_sign(certificate, key, EVP_sha256()) > 0, "X509_sign");
    return certificate;
}

struct server *server_new_tls(const struct script *scripts, size_t count, const char *host,
                              const char *certificate_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    must(key && tls, "TLS");
    X509 *certificate = make_certificate(key, host);
    must(SSL_CTX_use_certificate(tls, certificate) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1, "TLS");
    FILE *file = fopen(certificate_path, "w");
    must(file && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0, certificate_path);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return make_server(scripts, count, tls);
}

void server_free(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->closing = true;
    for (size_t i = 0; i < server->connection_count; i++)
        if (server->connections[i].is_open)
            shutdown(server->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR); /* accept() returns */
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (size_t i = 0; i < server->connection_count; i++)
        pthread_join(server->connections[i].thread, NULL);
    for (size_t i = 0; i < server->request_count; i++) {
        free((char *)(uintptr_t)server->requests[i].start);
        free((char *)(uintptr_t)server->requests[i].body);
    }
    SSL_CTX_free(server->tls);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

size_t server_connections(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

size_t server_open_connections(struct server *server)
{
    size_t count = 0;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->connection_count; i++)
        count += server->connections[i].is_open;
    pthread_mutex_unlock(&server->lock);
    return count;
}

size_t server_sent(struct server *server)
{
    return server->sent;
}

size_t server_requests(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

const struct received *server_request(struct server *server, size_t index)
{
    must(index < server_requests(server), "no such request");
    return &server->requests[index];
}

const char *header_of(const struct received *received, const char *name, char *out, size_t room)
{
    size_t size = strlen(name);
    for (const char *line = received->head, *end; (end = strstr(line, "\r\n")) && end > line; line = end + 2) {
        if (strncasecmp(line, name, size) != 0 || line[size] != ':')
            continue;
        const char *value = line + size + 1 + strspn(line + size + 1, " ");
        snprintf(out, room, "%.*s", (int)(end - value), value);
        return out;
    }
    return NULL;
}
