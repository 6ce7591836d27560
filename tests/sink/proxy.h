/* SPDX-License-Identifier: MIT */
/* Stands between a sink and a server on loopback, and can be told to fail as networks do. It has a thread. */
#ifndef TESTS_PROXY_H
#define TESTS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

struct proxy *proxy_new(uint16_t server); /* to a server's port */
void proxy_free(struct proxy *proxy);
uint16_t proxy_port(const struct proxy *proxy);
void proxy_mute(struct proxy *proxy, bool mute);              /* what the server says does not come through */
void proxy_hold(struct proxy *proxy, bool hold);              /* and nothing is read of what goes to the server */
void proxy_cut(struct proxy *proxy);                          /* ends all connections; returns when they are */
bool proxy_has_passed(struct proxy *proxy, const char *text); /* on its way to the server, since the last cut */
size_t proxy_connections(struct proxy *proxy);                /* that there were */
size_t proxy_open_connections(struct proxy *proxy);

#endif
