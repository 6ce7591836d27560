/* SPDX-License-Identifier: MIT */
/* What the AMQP sink calls of librabbitmq, each function by a pointer that library.h fills. */
#ifndef PAWLI_AMQP_API_H
#define PAWLI_AMQP_API_H

#include <stdint.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#define AMQP_FUNCTIONS(EACH)                                                                                           \
    EACH(amqp_new_connection)                                                                                          \
    EACH(amqp_tcp_socket_new)                                                                                          \
    EACH(amqp_socket_open_noblock)                                                                                     \
    EACH(amqp_set_handshake_timeout)                                                                                   \
    EACH(amqp_set_rpc_timeout)                                                                                         \
    EACH(amqp_login)                                                                                                   \
    EACH(amqp_channel_open)                                                                                            \
    EACH(amqp_exchange_declare)                                                                                        \
    EACH(amqp_confirm_select)                                                                                          \
    EACH(amqp_get_rpc_reply)                                                                                           \
    EACH(amqp_get_sockfd)                                                                                              \
    EACH(amqp_get_frame_max)                                                                                           \
    EACH(amqp_error_string2)                                                                                           \
    EACH(amqp_encode_method)                                                                                           \
    EACH(amqp_encode_properties)                                                                                       \
    EACH(amqp_simple_wait_frame_noblock)                                                                               \
    EACH(amqp_maybe_release_buffers)                                                                                   \
    EACH(amqp_destroy_connection)

#define AMQP_POINTER(name) __typeof__(name) *name;
struct amqp_api {
    AMQP_FUNCTIONS(AMQP_POINTER)
};

#endif
