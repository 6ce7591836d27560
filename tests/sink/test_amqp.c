/* SPDX-License-Identifier: MIT */
/* The AMQP sink, against the real RabbitMQ. It starts slowly: one for all tests, which fail it by a proxy; the last kills it. */
#include "broker.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include "sink/broker.h"

static struct rabbitmq rabbitmq;

/* ---- what the tests ask the broker ---- */

static amqp_connection_state_t client; /* on channel 1 */

#define text_bytes(string) amqp_cstring_bytes(string)

static void assert_reply(void)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(client);
    assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
}

static void client_open(void)
{
    client = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(client);
    assert_int_equal(amqp_socket_open(socket, "127.0.0.1", rabbitmq.port), AMQP_STATUS_OK);
    amqp_rpc_reply_t reply = amqp_login(client, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
    amqp_channel_open(client, 1);
    assert_reply();
}

static void make_queue(const char *name, amqp_table_t arguments)
{
    amqp_queue_declare(client, 1, text_bytes(name), 0, 1, 0, 0, arguments);
    assert_reply();
}

static void make_exchange(const char *name, const char *type)
{
    amqp_exchange_declare(client, 1, text_bytes(name), text_bytes(type), 0, 1, 0, 0, amqp_empty_table);
    assert_reply();
}

static void bind_queue(const char *queue, const char *exchange, const char *key)
{
    amqp_queue_bind(client, 1, text_bytes(queue), text_bytes(exchange), text_bytes(key), amqp_empty_table);
    assert_reply();
}

static uint64_t messages_in(const char *queue)
{
    amqp_queue_declare_ok_t *found = amqp_queue_declare(client, 1, text_bytes(queue), 1, 1, 0, 0, amqp_empty_table);
    assert_non_null(found);
    return found->message_count;
}

/* The next of a queue; the caller frees it. */
static amqp_message_t take(const char *queue)
{
    amqp_message_t message;
    amqp_rpc_reply_t reply = amqp_basic_get(client, 1, text_bytes(queue), 1);
    assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
    assert_int_equal(reply.reply.id, AMQP_BASIC_GET_OK_METHOD);
    reply = amqp_read_message(client, 1, &message, 0);
    assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
    return message;
}

static void assert_bytes(amqp_bytes_t bytes, const char *expected)
{
    assert_int_equal(bytes.len, strlen(expected));
    assert_memory_equal(bytes.bytes, expected, bytes.len);
}

static void assert_header(const amqp_message_t *message, const char *name, const char *expected)
{
    const amqp_table_t *headers = &message->properties.headers;
    for (int i = 0; i < headers->num_entries; i++) {
        amqp_bytes_t key = headers->entries[i].key;
        if (key.len == strlen(name) && memcmp(key.bytes, name, key.len) == 0) {
            assert_bytes(headers->entries[i].value.value.bytes, expected);
            return;
        }
    }
    fail_msg("no header %s", name);
}

static void open_sink(struct world *world)
{
    world_open(world, &pawli_sink_amqp, rabbitmq.port);
}

/* To a queue by its name, through the default exchange. */
static const char *queue_url(struct world *world, const char *queue)
{
    char path[128];
    snprintf(path, sizeof path, "%%2F//%s", queue);
    return world_url(world, "amqp", "", path);
}

/* ---- delivered ---- */

static void a_queue_stores_the_message_as_it_is_with_its_id_and_headers(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    make_queue("orders queue", amqp_empty_table);
    make_exchange("shop/1", "direct");
    bind_queue("orders queue", "shop/1", "new order");
    pawl_header header = {"x-colour", "blue"};
    struct outgoing *outgoing = outgoing_new("{\"a\": 1}");
    outgoing->message.headers = &header;
    outgoing->message.header_count = 1;
    outgoing->message.key = "customer 7";
    outgoing->message.attempts = 3;
    world_password(&world, "guest");
    outgoing->send.secret = world.secret;
    harness_send(&world.harness, outgoing, world_url(&world, "amqp", "guest@", "%2F/shop%2F1/new%20order"), LONG_MS);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.durability, DURABILITY_STORED);
    expect(&world, outgoing, VERDICT_DELIVERED, "stored: the broker confirmed it");
    amqp_message_t message = take("orders queue");
    assert_bytes(message.body, "{\"a\": 1}");
    assert_bytes(message.properties.message_id, "01020304-0506-8708-890a-0b0c0d0e0f10");
    assert_bytes(message.properties.content_type, "application/json");
    assert_int_equal(message.properties.delivery_mode, 2);
    assert_int_equal(message.properties.timestamp, WALL_MS / 1000);
    assert_header(&message, "x-colour", "blue");
    assert_header(&message, "pawl-attempt", "3");
    assert_header(&message, "pawl-key", "customer 7");
    amqp_destroy_message(&message);
    world_close(&world);
}

static void a_body_of_many_frames_or_of_none_arrives_whole(void **state)
{
    static char big[1024 * 1024];
    struct world world;
    (void)state;
    open_sink(&world);
    make_queue("sizes", amqp_empty_table);
    for (size_t i = 0; i < sizeof big - 1; i++)
        big[i] = (char)('a' + i % 23);
    const char *bodies[] = {big, "", "x"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct outgoing *outgoing = outgoing_new(bodies[i]);
        harness_send(&world.harness, outgoing, queue_url(&world, "sizes"), LONG_MS);
        expect(&world, outgoing, VERDICT_DELIVERED, "stored: ");
        amqp_message_t message = take("sizes");
        assert_bytes(message.body, bodies[i]);
        amqp_destroy_message(&message);
    }
    world_close(&world);
}

/* ---- refused ---- */

static void what_no_queue_takes_is_tried_again_and_spares_the_others(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    make_queue("bound", amqp_empty_table);
    struct outgoing *first = begin(&world, queue_url(&world, "bound"), 1, LONG_MS);
    struct outgoing *lost = begin(&world, queue_url(&world, "not.there"), 2, LONG_MS);
    struct outgoing *second = begin(&world, queue_url(&world, "bound"), 3, LONG_MS);
    expect(&world, lost, VERDICT_RETRY, "bind a queue to exchange \"\" for routing key \"not.there\"");
    expect(&world, first, VERDICT_DELIVERED, "stored: ");
    expect(&world, second, VERDICT_DELIVERED, "stored: ");
    assert_int_equal(messages_in("bound"), 2);
    world_close(&world);
}

static void an_exchange_that_is_not_there_is_named_before_anything_is_sent(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    expect(&world, begin(&world, world_url(&world, "amqp", "", "%2F/nowhere/key"), 1, LONG_MS), VERDICT_RETRY,
           "no exchange 'nowhere' in vhost '/'; nothing was sent");
    expect(&world, begin(&world, world_url(&world, "amqp", "", "elsewhere//key"), 1, LONG_MS), VERDICT_RETRY,
           "vhost elsewhere not found; nothing was sent");
    world_close(&world);
}

static void a_queue_that_is_full_is_tried_again(void **state)
{
    struct world world;
    amqp_table_entry_t entries[] = {
        {.key = text_bytes("x-max-length"), .value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = 1}},
        {.key = text_bytes("x-overflow"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = text_bytes("reject-publish")}}};
    (void)state;
    open_sink(&world);
    make_queue("full", (amqp_table_t){2, entries});
    expect(&world, begin(&world, queue_url(&world, "full"), 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    expect(&world, begin(&world, queue_url(&world, "full"), 2, LONG_MS), VERDICT_RETRY, "(nack)");
    assert_int_equal(messages_in("full"), 1);
    world_close(&world);
}

static void what_the_broker_refuses_alone_was_not_taken(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    amqp_exchange_declare(client, 1, text_bytes("inside"), text_bytes("fanout"), 0, 1, 0, 1, amqp_empty_table);
    assert_reply();
    struct outgoing *first = begin(&world, world_url(&world, "amqp", "", "%2F/inside/key"), 1, LONG_MS);
    struct outgoing *second = begin(&world, world_url(&world, "amqp", "", "%2F/inside/key"), 2, LONG_MS);
    expect(&world, first, VERDICT_RETRY, "the broker refused it: ACCESS_REFUSED");
    expect(&world, second, VERDICT_RETRY, "nothing was sent");
    world_close(&world);
}

static void headers_that_no_frame_takes_are_dead(void **state)
{
    static char value[4001];
    static pawl_header headers[64];
    static char names[64][8];
    struct world world;
    (void)state;
    open_sink(&world);
    make_queue("headers", amqp_empty_table);
    memset(value, 'v', sizeof value - 1);
    struct outgoing *outgoing = outgoing_new("{}");
    for (size_t i = 0; i < 64; i++) {
        snprintf(names[i], sizeof names[i], "h%zu", i);
        headers[i] = (pawl_header){names[i], value};
    }
    outgoing->message.headers = headers;
    outgoing->message.header_count = 64;
    harness_send(&world.harness, outgoing, queue_url(&world, "headers"), LONG_MS);
    expect(&world, outgoing, VERDICT_DEAD, "headers of the message are bigger");
    expect(&world, begin(&world, queue_url(&world, "headers"), 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    world_close(&world);
}

/* ---- lost ---- */

static struct outgoing *begin_big(struct world *world, const char *url, int64_t timeout_ms)
{
    static char big[1024 * 1024];
    memset(big, 'b', sizeof big - 1);
    struct outgoing *outgoing = outgoing_new(big);
    harness_send(&world->harness, outgoing, pawli_arena_text(&outgoing->arena, text_of(url)).data, timeout_ms);
    return outgoing;
}

/* More than the machine takes on the way: the first are written, one in part, the last not at all. */
static void what_was_not_written_whole_is_tried_again(void **state)
{
    enum { MANY = 24 };
    struct outgoing *sends[MANY];
    struct world world;
    unsigned uncertain = 0, unsent = 0;
    (void)state;
    open_sink(&world);
    make_queue("held", amqp_empty_table);
    expect(&world, begin(&world, queue_url(&world, "held"), 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    proxy_hold(world.proxy, true);
    for (unsigned i = 0; i < MANY; i++)
        sends[i] = begin_big(&world, queue_url(&world, "held"), LONG_MS);
    proxy_cut(world.proxy);
    for (unsigned i = 0; i < MANY; i++) {
        harness_wait(&world.harness, sends[i]);
        const struct send *send = &sends[i]->send;
        uncertain += send->verdict == VERDICT_UNCERTAIN;
        unsent += send->verdict == VERDICT_RETRY;
        if (send->verdict == VERDICT_UNCERTAIN)
            assert_int_equal(unsent, 0); /* they go in their order */
        outgoing_free(sends[i]);
    }
    assert_int_equal(uncertain + unsent, MANY);
    assert_true(uncertain > 0 && unsent > 1);
    assert_int_equal(messages_in("held"), 1);
    world_close(&world);
}

static void a_broker_that_reads_no_more_gets_nothing_more(void **state)
{
    enum { MANY = 24 };
    struct outgoing *sends[MANY];
    struct world world;
    (void)state;
    open_sink(&world);
    make_queue("slow", amqp_empty_table);
    expect(&world, begin(&world, queue_url(&world, "slow"), 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    proxy_hold(world.proxy, true);
    for (unsigned i = 0; i < MANY; i++)
        sends[i] = begin_big(&world, queue_url(&world, "slow"), i + 1 < MANY ? LONG_MS : SHORT_MS);
    expect(&world, sends[MANY - 1], VERDICT_RETRY, "took no more messages in time; nothing was sent");
    proxy_hold(world.proxy, false);
    for (unsigned i = 0; i + 1 < MANY; i++)
        expect(&world, sends[i], VERDICT_DELIVERED, "stored: ");
    assert_int_equal(messages_in("slow"), MANY);
    assert_int_equal(proxy_connections(world.proxy), 1);
    world_close(&world);
}

/* What a broker has stored outlives it; here only what the sink says of its end. The last test: none is left behind it. */
static void a_broker_that_is_killed_leaves_what_it_had_uncertain_and_then_gets_nothing(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    make_queue("killed", amqp_empty_table);
    expect(&world, begin(&world, queue_url(&world, "killed"), 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    proxy_mute(world.proxy, true);
    struct outgoing *outgoing = begin(&world, queue_url(&world, "killed"), 2, LONG_MS);
    until_passed(&world, "{\"n\":2}");
    program_kill(rabbitmq.broker);
    proxy_mute(world.proxy, false);
    harness_wait(&world.harness, outgoing);
    if (outgoing->send.verdict != VERDICT_DELIVERED) /* its confirm may have been on its way already */
        expect(&world, outgoing, VERDICT_UNCERTAIN, "the message was sent");
    else
        outgoing_free(outgoing);
    while (proxy_open_connections(world.proxy) > 0)
        ;
    expect(&world, begin(&world, queue_url(&world, "killed"), 3, LONG_MS), VERDICT_RETRY, "nothing was sent");
    world_close(&world);
}

static void make(const char *name)
{
    make_queue(name, amqp_empty_table);
}

static struct kind amqp = {.ops = &pawli_sink_amqp,
                           .scheme = "amqp",
                           .library = "librabbitmq.so.4",
                           .package = "librabbitmq4",
                           .user = "guest@",
                           .password = "guest",
                           .make = make,
                           .messages_in = messages_in,
                           .path = "%%2F//%s"};

static int set_up(void **state)
{
    rabbitmq_start(&rabbitmq);
    amqp.port = rabbitmq.port;
    *state = &amqp;
    client_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    amqp_destroy_connection(client);
    rabbitmq_stop(&rabbitmq);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_stores_the_message_as_it_is_with_its_id_and_headers),
        cmocka_unit_test(a_body_of_many_frames_or_of_none_arrives_whole),
        cmocka_unit_test(many_messages_share_a_connection_at_the_same_time),
        cmocka_unit_test(what_no_queue_takes_is_tried_again_and_spares_the_others),
        cmocka_unit_test(an_exchange_that_is_not_there_is_named_before_anything_is_sent),
        cmocka_unit_test(a_queue_that_is_full_is_tried_again),
        cmocka_unit_test(what_the_broker_refuses_alone_was_not_taken),
        cmocka_unit_test(headers_that_no_frame_takes_are_dead),
        cmocka_unit_test(a_wrong_password_sends_nothing_and_a_new_one_is_used_at_once),
        cmocka_unit_test(an_address_that_is_denied_and_a_library_that_is_missing_are_deferrals),
        cmocka_unit_test(a_broker_that_is_down_got_nothing),
        cmocka_unit_test(what_was_not_written_whole_is_tried_again),
        cmocka_unit_test(a_broker_that_reads_no_more_gets_nothing_more),
        cmocka_unit_test(a_connection_that_is_lost_before_the_confirm_leaves_it_uncertain),
        cmocka_unit_test(a_confirm_that_never_comes_ends_with_the_deadline_and_the_connection_with_it),
        cmocka_unit_test(a_connection_that_nobody_uses_is_closed_and_one_that_was_closed_is_made_anew),
        cmocka_unit_test(a_broker_that_is_killed_leaves_what_it_had_uncertain_and_then_gets_nothing),
    };
    return cmocka_run_group_tests_name("sink amqp", tests, set_up, tear_down);
}
