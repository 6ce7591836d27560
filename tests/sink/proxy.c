/* SPDX-License-Identifier: MIT */
#include "proxy.h"

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define PAIRS_MAX  80
#define PASSED_MAX (1024 * 1024)

struct proxy {
    int listening, wake;
    uint16_t port, server;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t done;
    bool mutes, holds, ends, cuts;
    struct {
        int client, server; /* -1: none */
    } pairs[PAIRS_MAX];
    size_t connections, passed;
    char text[PASSED_MAX]; /* what went to the server first */
};

static int loopback(uint16_t port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void end_pair(struct proxy *proxy, size_t i)
{
    close(proxy->pairs[i].client);
    close(proxy->pairs[i].server);
    proxy->pairs[i].client = proxy->pairs[i].server = -1;
}

static void take_connection(struct proxy *proxy)
{
    struct sockaddr_in address;
    int client = accept4(proxy->listening, NULL, NULL, SOCK_CLOEXEC), server = loopback(proxy->server, &address);
    size_t i = 0;
    while (i < PAIRS_MAX && proxy->pairs[i].client >= 0)
        i++;
    if (client < 0 || i == PAIRS_MAX || connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        close(client);
        close(server);
        return;
    }
    proxy->pairs[i].client = client;
    proxy->pairs[i].server = server;
    proxy->connections++;
}

static bool write_all(int fd, const char *data, ssize_t size)
{
    while (size > 0) {
        ssize_t written = send(fd, data, (size_t)size, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        size -= written;
    }
    return true;
}

static void pass(struct proxy *proxy, size_t i, bool to_server)
{
    char chunk[65536];
    int from = to_server ? proxy->pairs[i].client : proxy->pairs[i].server;
    ssize_t size = recv(from, chunk, sizeof chunk, 0);
    if (size > 0 && to_server) {
        size_t room = PASSED_MAX - proxy->passed, kept = (size_t)size < room ? (size_t)size : room;
        memcpy(proxy->text + proxy->passed, chunk, kept);
        proxy->passed += kept;
    }
    if (size <= 0 || !write_all(to_server ? proxy->pairs[i].server : proxy->pairs[i].client, chunk, size))
        end_pair(proxy, i);
}

static void turn(struct proxy *proxy, struct pollfd *fds)
{
    if (fds[0].revents)
        (void)!read(proxy->wake, &(uint64_t){0}, sizeof(uint64_t));
    if (fds[1].revents)
        take_connection(proxy);
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (proxy->cuts && proxy->pairs[i].client >= 0)
            end_pair(proxy, i);
        if (proxy->pairs[i].client >= 0 && fds[2 + 2 * i].fd == proxy->pairs[i].client && fds[2 + 2 * i].revents &&
            !proxy->holds)
            pass(proxy, i, true);
        if (proxy->pairs[i].client >= 0 && fds[3 + 2 * i].fd == proxy->pairs[i].server && fds[3 + 2 * i].revents &&
            !proxy->mutes)
            pass(proxy, i, false);
    }
    if (proxy->cuts)
        proxy->passed = 0;
    proxy->cuts = false;
    pthread_cond_broadcast(&proxy->done);
}

static void *run(void *data)
{
    struct proxy *proxy = data;
    struct pollfd fds[2 + 2 * PAIRS_MAX];
    pthread_mutex_lock(&proxy->lock);
    while (!proxy->ends) {
        fds[0] = (struct pollfd){.fd = proxy->wake, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = proxy->listening, .events = POLLIN};
        for (size_t i = 0; i < PAIRS_MAX; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = proxy->holds ? -1 : proxy->pairs[i].client, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = proxy->mutes ? -1 : proxy->pairs[i].server, .events = POLLIN};
        }
        pthread_mutex_unlock(&proxy->lock);
        poll(fds, sizeof fds / sizeof *fds, -1);
        pthread_mutex_lock(&proxy->lock);
        turn(proxy, fds);
    }
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

static void tell(struct proxy *proxy)
{
    (void)!write(proxy->wake, &(uint64_t){1}, sizeof(uint64_t));
}

struct proxy *proxy_new(uint16_t server)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_non_null(proxy);
    for (size_t i = 0; i < PAIRS_MAX; i++)
        proxy->pairs[i].client = proxy->pairs[i].server = -1;
    proxy->server = server;
    proxy->listening = loopback(0, &address);
    assert_int_equal(bind(proxy->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(proxy->listening, 16), 0);
    assert_int_equal(getsockname(proxy->listening, (struct sockaddr *)&address, &size), 0);
    proxy->port = ntohs(address.sin_port);
    proxy->wake = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->done, NULL);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
    return proxy;
}

void proxy_free(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->ends = true;
    pthread_mutex_unlock(&proxy->lock);
    tell(proxy);
    pthread_join(proxy->thread, NULL);
    for (size_t i = 0; i < PAIRS_MAX; i++)
        if (proxy->pairs[i].client >= 0)
            end_pair(proxy, i);
    close(proxy->listening);
    close(proxy->wake);
    pthread_mutex_destroy(&proxy->lock);
    pthread_cond_destroy(&proxy->done);
    free(proxy);
}

uint16_t proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

void proxy_mute(struct proxy *proxy, bool mute)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->mutes = mute;
    pthread_mutex_unlock(&proxy->lock);
    tell(proxy);
}

void proxy_hold(struct proxy *proxy, bool hold)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->holds = hold;
    pthread_mutex_unlock(&proxy->lock);
    tell(proxy);
}

void proxy_cut(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->cuts = true;
    tell(proxy);
    while (proxy->cuts)
        pthread_cond_wait(&proxy->done, &proxy->lock);
    pthread_mutex_unlock(&proxy->lock);
}

bool proxy_has_passed(struct proxy *proxy, const char *text)
{
    pthread_mutex_lock(&proxy->lock);
    bool passed = memmem(proxy->text, proxy->passed, text, strlen(text)) != NULL;
    pthread_mutex_unlock(&proxy->lock);
    return passed;
}

size_t proxy_connections(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    size_t connections = proxy->connections;
    pthread_mutex_unlock(&proxy->lock);
    return connections;
}

size_t proxy_open_connections(struct proxy *proxy)
{
    size_t open = 0;
    pthread_mutex_lock(&proxy->lock);
    for (size_t i = 0; i < PAIRS_MAX; i++)
        open += proxy->pairs[i].client >= 0;
    pthread_mutex_unlock(&proxy->lock);
    return open;
}
