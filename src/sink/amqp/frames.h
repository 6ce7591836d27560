/* SPDX-License-Identifier: MIT */
/* What goes out to the broker, as the bytes of frames. The library encodes what is in them, but would wait for the socket
 * when it writes. */
#ifndef PAWLI_AMQP_FRAMES_H
#define PAWLI_AMQP_FRAMES_H

#include "base/buffer.h"
#include "sink/amqp/api.h"
#include "sink/broker.h"

struct amqp_frames {
    const struct amqp_api *api;
    struct buffer *out;
    size_t frame_max; /* bytes of one, with what is around it */
};

enum amqp_put { AMQP_PUT, AMQP_TOO_BIG, AMQP_NO_MEMORY };

/* basic.publish, its header, its body: all of it, or nothing. */
enum amqp_put pawli_amqp_put(const struct amqp_frames *frames, const struct publish *publish, int64_t unix_s);

/* connection.close */
bool pawli_amqp_put_close(const struct amqp_frames *frames);

#endif
