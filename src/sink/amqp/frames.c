/* SPDX-License-Identifier: MIT */
/* Frames of AMQP 0-9-1; see frames.h. */
#include "sink/amqp/frames.h"

#define AROUND     8 /* bytes: type, channel, size; and the one at the end */
#define FRAME_END  0xCE
#define METHOD_MAX 1024 /* bytes of an encoded method: two short texts and some numbers */
#define PERSISTENT 2

static amqp_bytes_t bytes_of(const void *data, size_t size)
{
    return (amqp_bytes_t){.len = size, .bytes = (void *)(uintptr_t)data};
}

static amqp_bytes_t string_of(const char *string)
{
    return bytes_of(string, strlen(string));
}

static void put_number(struct buffer *out, uint64_t number, int size)
{
    while (size-- > 0)
        pawli_buffer_add_char(out, (char)(number >> (8 * size)));
}

static void put_frame(const struct amqp_frames *frames, uint8_t type, uint16_t channel, struct text start,
                      struct text rest)
{
    put_number(frames->out, type, 1);
    put_number(frames->out, channel, 2);
    put_number(frames->out, start.size + rest.size, 4);
    pawli_buffer_add_text(frames->out, start);
    pawli_buffer_add_text(frames->out, rest);
    put_number(frames->out, FRAME_END, 1);
}

static bool put_method(const struct amqp_frames *frames, uint16_t channel, amqp_method_number_t id, void *method)
{
    char encoded[METHOD_MAX], number[4];
    struct buffer start;
    int size = frames->api->amqp_encode_method(id, method, bytes_of(encoded, sizeof encoded));
    if (size < 0)
        return false;
    buffer_init_over(&start, number, sizeof number);
    put_number(&start, id, 4);
    put_frame(frames, AMQP_FRAME_METHOD, channel, buffer_text(&start), (struct text){encoded, (size_t)size});
    return true;
}

static void add_entry(amqp_table_t *table, const char *name, const char *value)
{
    table->entries[table->num_entries++] = (amqp_table_entry_t){
        .key = string_of(name), .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = string_of(value)}};
}

/* False: out of memory. */
static bool make_headers(const struct send *send, amqp_table_t *table)
{
    const pawl_message_view *message = send->message;
    struct send_field fields[SEND_FIELDS_MAX];
    size_t count = pawli_send_fields(send, fields);
    table->entries = arena_array(send->arena, amqp_table_entry_t, message->header_count + SEND_FIELDS_MAX);
    if (count == 0 || !table->entries)
        return false;
    for (size_t i = 0; i < count; i++)
        add_entry(table, fields[i].name, fields[i].value);
    for (size_t i = 0; i < message->header_count; i++)
        add_entry(table, message->headers[i].name, message->headers[i].value);
    return true;
}

static enum amqp_put put_header(const struct amqp_frames *frames, const struct send *send, int64_t unix_s)
{
    const pawl_message_view *message = send->message;
    char id[PAWL_UUID_TEXT_SIZE], start_bytes[12];
    struct buffer start;
    size_t room = frames->frame_max - AROUND - sizeof start_bytes;
    char *encoded = pawli_arena_alloc_raw(send->arena, room);
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_APP_ID_FLAG,
        .content_type = string_of(message->content_type ? message->content_type : "application/octet-stream"),
        .delivery_mode = PERSISTENT,
        .message_id = string_of(pawl_uuid_format(&message->id, id)),
        .timestamp = (uint64_t)unix_s,
        .app_id = string_of("pawl"),
    };
    if (!encoded || !make_headers(send, &properties.headers))
        return AMQP_NO_MEMORY;
    int size = frames->api->amqp_encode_properties(AMQP_BASIC_CLASS, &properties, bytes_of(encoded, room));
    if (size < 0)
        return AMQP_TOO_BIG;
    buffer_init_over(&start, start_bytes, sizeof start_bytes);
    put_number(&start, AMQP_BASIC_CLASS, 2);
    put_number(&start, 0, 2); /* weight */
    put_number(&start, message->data_size, 8);
    put_frame(frames, AMQP_FRAME_HEADER, 1, buffer_text(&start), (struct text){encoded, (size_t)size});
    return AMQP_PUT;
}

static void put_body(const struct amqp_frames *frames, struct text body)
{
    size_t most = frames->frame_max - AROUND;
    while (body.size > 0) {
        size_t size = body.size < most ? body.size : most;
        put_frame(frames, AMQP_FRAME_BODY, 1, (struct text){body.data, size}, TEXT(""));
        body = (struct text){body.data + size, body.size - size};
    }
}

enum amqp_put pawli_amqp_put(const struct amqp_frames *frames, const struct publish *publish, int64_t unix_s)
{
    const struct send *send = publish->send;
    struct text exchange = pawli_url_decode(send->arena, publish->url.exchange);
    struct text route = pawli_url_decode(send->arena, publish->url.route);
    size_t before = frames->out->size;
    amqp_basic_publish_t method = {.exchange = bytes_of(exchange.data, exchange.size),
                                   .routing_key = bytes_of(route.data, route.size),
                                   .mandatory = 1};
    if (!exchange.data || !route.data)
        return AMQP_NO_MEMORY;
    enum amqp_put result = put_method(frames, 1, AMQP_BASIC_PUBLISH_METHOD, &method) ? put_header(frames, send, unix_s)
                                                                                     : AMQP_TOO_BIG;
    if (result == AMQP_PUT)
        put_body(frames, (struct text){send->message->data, send->message->data_size});
    if (result == AMQP_PUT && !frames->out->failed)
        return AMQP_PUT;
    result = frames->out->failed ? AMQP_NO_MEMORY : result;
    frames->out->size = before;
    frames->out->failed = false;
    return result;
}

bool pawli_amqp_put_close(const struct amqp_frames *frames)
{
    amqp_connection_close_t method = {.reply_code = AMQP_REPLY_SUCCESS, .reply_text = string_of("not used any more")};
    return put_method(frames, 0, AMQP_CONNECTION_CLOSE_METHOD, &method) && !frames->out->failed;
}
