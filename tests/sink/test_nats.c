/* SPDX-License-Identifier: MIT */
/* The NATS sink, against the real server. */
#include "broker.h"

#include <signal.h>

#include <nats/nats.h>

#include "sink/broker.h"

static struct program *server;
static uint16_t server_port;
static char folder[64];

/* Users: nobody may do all; `bound` has a password and may not publish everywhere. */
static const char configuration[] =
    "max_payload: 65536\n"
    "no_auth_user: any\n"
    "authorization { users = [\n"
    "  { user: any, password: any },\n"
    "  { user: bound, password: \"s3cret\", permissions: { publish: [\"ok.>\", \"_INBOX.>\"], subscribe: \"_INBOX.>\" "
    "} },\n"
    "  { user: deaf, password: \"s3cret\", permissions: { publish: \">\", subscribe: \"news.>\" } },\n"
    "  { user: quiet, password: \"s3cret\", permissions: { publish: { deny: \"_INBOX.>\" } } } ] }\n";

/* ---- what the tests ask the server ---- */

struct client {
    natsConnection *nats;
    jsCtx *stream;
};

#define assert_nats(call) assert_string_equal(natsStatus_GetText(call), natsStatus_GetText(NATS_OK))

static void client_open(struct client *client)
{
    char url[64];
    snprintf(url, sizeof url, "nats://127.0.0.1:%u", server_port);
    assert_nats(natsConnection_ConnectTo(&client->nats, url));
    assert_nats(natsConnection_JetStream(&client->stream, client->nats, NULL));
}

static void client_close(struct client *client)
{
    jsCtx_Destroy(client->stream);
    natsConnection_Destroy(client->nats);
}

static void make_stream(const char *name, const char *subject, jsStorageType storage, int64_t most)
{
    struct client client;
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = name;
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    config.Storage = storage;
    config.MaxMsgs = most;
    config.Discard = most > 0 ? js_DiscardNew : js_DiscardOld;
    client_open(&client);
    assert_nats(js_AddStream(NULL, client.stream, &config, NULL, NULL));
    client_close(&client);
}

static uint64_t messages_in(const char *name)
{
    struct client client;
    jsStreamInfo *info = NULL;
    client_open(&client);
    assert_nats(js_GetStreamInfo(&info, client.stream, name, NULL, NULL));
    uint64_t count = info->State.Msgs;
    jsStreamInfo_Destroy(info);
    client_close(&client);
    return count;
}

static void assert_header(natsMsg *message, const char *name, const char *expected)
{
    const char *value = NULL;
    assert_nats(natsMsgHeader_Get(message, name, &value));
    assert_string_equal(value, expected);
}

static void *open_sink(struct world *world)
{
    world_open(world, &pawli_sink_nats, server_port);
    return world;
}

/* ---- delivered ---- */

static void a_stream_stores_the_message_as_it_is_with_its_id_and_headers(void **state)
{
    struct world world;
    struct client client;
    natsMsg *message = NULL;
    (void)state;
    open_sink(&world);
    make_stream("ORDERS", "orders.*", js_FileStorage, 0);
    pawl_header header = {"x-colour", "blue"};
    struct outgoing *outgoing = outgoing_new("{\"a\": 1}");
    outgoing->message.headers = &header;
    outgoing->message.header_count = 1;
    outgoing->message.key = "customer 7";
    outgoing->message.sender = "edge";
    outgoing->message.deadline_ms = 1614265330001;
    outgoing->message.attempts = 3;
    harness_send(&world.harness, outgoing, world_url(&world, "nats", "", "orders.new"), LONG_MS);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.durability, DURABILITY_STORED);
    assert_true(text_equal(outgoing->send.remote_id, TEXT("ORDERS:1")));
    expect(&world, outgoing, VERDICT_DELIVERED, "stored: stream ORDERS seq 1");
    client_open(&client);
    assert_nats(js_GetMsg(&message, client.stream, "ORDERS", 1, NULL, NULL));
    assert_string_equal(natsMsg_GetSubject(message), "orders.new");
    assert_int_equal(natsMsg_GetDataLength(message), 8);
    assert_memory_equal(natsMsg_GetData(message), "{\"a\": 1}", 8);
    assert_header(message, "Nats-Msg-Id", "01020304-0506-8708-890a-0b0c0d0e0f10");
    assert_header(message, "content-type", "application/json");
    assert_header(message, "x-colour", "blue");
    assert_header(message, "pawl-attempt", "3");
    assert_header(message, "pawl-key", "customer 7");
    assert_header(message, "pawl-sender", "edge");
    assert_header(message, "pawl-deadline", "1614265330001");
    natsMsg_Destroy(message);
    client_close(&client);
    world_close(&world);
}

static void a_message_that_is_sent_again_is_stored_once(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    make_stream("TWICE", "twice", js_FileStorage, 0);
    const char *url = world_url(&world, "nats", "", "twice");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "stored: stream TWICE seq 1");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "seq 1, which had it already");
    expect(&world, begin(&world, url, 2, LONG_MS), VERDICT_DELIVERED, "seq 2");
    assert_int_equal(messages_in("TWICE"), 2);
    world_close(&world);
}

static void a_stream_in_memory_has_received_it_and_no_more(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    make_stream("MEMORY", "memory", js_MemoryStorage, 0);
    struct outgoing *outgoing = begin(&world, world_url(&world, "nats", "", "memory"), 1, LONG_MS);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.durability, DURABILITY_RECEIVED);
    expect(&world, outgoing, VERDICT_DELIVERED, "received: stream MEMORY seq 1");
    world_close(&world);
}

static void core_messages_are_received_once_the_server_has_taken_them(void **state)
{
    struct world world;
    struct client client;
    natsSubscription *subscription = NULL;
    natsMsg *message = NULL;
    (void)state;
    open_sink(&world);
    client_open(&client);
    assert_nats(natsConnection_SubscribeSync(&subscription, client.nats, "news.*"));
    assert_nats(natsConnection_Flush(client.nats));
    expect(&world, begin(&world, world_url(&world, "nats", "", "news.today?core=1"), 1, LONG_MS), VERDICT_DELIVERED,
           "received: ");
    assert_nats(natsSubscription_NextMsg(&message, subscription, LONG_MS));
    assert_null(natsMsg_GetReply(message));
    natsMsg_Destroy(message);
    expect(&world, begin(&world, world_url(&world, "nats", "", "deserted?core=1"), 2, LONG_MS), VERDICT_DELIVERED,
           "received: ");
    natsSubscription_Destroy(subscription);
    client_close(&client);
    world_close(&world);
}

static void answer(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *data)
{
    natsMsg *reply = NULL;
    (void)subscription;
    natsMsg_Create(&reply, natsMsg_GetReply(message), NULL, "fine", 4);
    if (data)
        natsMsgHeader_Set(reply, "Nats-Service-Error", "sold out");
    natsConnection_PublishMsg(connection, reply);
    natsMsg_Destroy(reply);
    natsMsg_Destroy(message);
}

static void a_listener_that_answers_has_received_it_unless_it_says_no(void **state)
{
    struct world world;
    struct client client;
    natsSubscription *good = NULL, *bad = NULL;
    (void)state;
    open_sink(&world);
    client_open(&client);
    assert_nats(natsConnection_Subscribe(&good, client.nats, "service.good", answer, NULL));
    assert_nats(natsConnection_Subscribe(&bad, client.nats, "service.bad", answer, &client));
    assert_nats(natsConnection_Flush(client.nats));
    expect(&world, begin(&world, world_url(&world, "nats", "", "service.good"), 1, LONG_MS), VERDICT_DELIVERED,
           "received: a listener answered: fine");
    expect(&world, begin(&world, world_url(&world, "nats", "", "service.bad"), 2, LONG_MS), VERDICT_RETRY, "sold out");
    natsSubscription_Destroy(good);
    natsSubscription_Destroy(bad);
    client_close(&client);
    world_close(&world);
}

/* ---- refused ---- */

static void what_nobody_takes_is_tried_again_and_the_error_says_what_is_missing(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    expect(&world, begin(&world, world_url(&world, "nats", "", "nobody.here"), 1, LONG_MS), VERDICT_RETRY,
           "no stream has the subject nobody.here");
    world_close(&world);
}

static void a_full_stream_is_tried_again_and_too_big_a_message_is_dead(void **state)
{
    struct world world;
    static char big[70000];
    (void)state;
    open_sink(&world);
    make_stream("FULL", "full", js_FileStorage, 1);
    const char *url = world_url(&world, "nats", "", "full");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "seq 1");
    expect(&world, begin(&world, url, 2, LONG_MS), VERDICT_RETRY, "maximum messages exceeded");
    memset(big, 'x', sizeof big - 1);
    struct outgoing *outgoing = outgoing_new(big);
    harness_send(&world.harness, outgoing, url, LONG_MS);
    expect(&world, outgoing, VERDICT_DEAD, "65536 bytes");
    world_close(&world);
}

static void a_stream_that_this_user_may_not_ask_has_received_it_and_no_more(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    world_password(&world, "s3cret");
    make_stream("BOUND", "ok.bound", js_FileStorage, 0);
    expect(&world, begin(&world, world_url(&world, "nats", "bound@", "ok.bound"), 1, LONG_MS), VERDICT_DELIVERED,
           "received: stream BOUND seq 1, which did not say");
    world_close(&world);
}

static void a_subject_that_is_forbidden_is_named_and_spares_the_others(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    world_password(&world, "s3cret");
    make_stream("ALLOWED", "ok.more", js_FileStorage, 0);
    struct outgoing *good = begin(&world, world_url(&world, "nats", "bound@", "ok.more"), 1, LONG_MS);
    struct outgoing *bad = begin(&world, world_url(&world, "nats", "bound@", "forbidden"), 2, LONG_MS);
    expect(&world, bad, VERDICT_RETRY, "does not let this user publish there");
    expect(&world, good, VERDICT_DELIVERED, "stream ALLOWED seq 1");
    bad = begin(&world, world_url(&world, "nats", "bound@", "forbidden"), 2, LONG_MS);
    expect(&world, bad, VERDICT_RETRY, "does not let this user publish there");
    world_close(&world);
}

static void who_may_not_hear_answers_sends_nothing(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    world_password(&world, "s3cret");
    make_stream("UNHEARD", "unheard", js_FileStorage, 0);
    expect(&world, begin(&world, world_url(&world, "nats", "deaf@", "unheard"), 1, LONG_MS), VERDICT_RETRY,
           "allow it to subscribe to _INBOX.>");
    assert_int_equal(messages_in("UNHEARD"), 0);
    expect(&world, begin(&world, world_url(&world, "nats", "quiet@", "unheard"), 1, LONG_MS), VERDICT_DELIVERED,
           "stream UNHEARD seq 1");
    expect(&world, begin(&world, world_url(&world, "nats", "quiet@", "unheard?core=1"), 2, LONG_MS), VERDICT_RETRY,
           "publish to _INBOX.>");
    world_close(&world);
}

/* ---- lost ---- */

static void what_waits_for_a_connection_at_its_deadline_was_not_sent(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    proxy_mute(world.proxy, true);
    expect(&world, begin(&world, world_url(&world, "nats", "", "mute"), 1, SHORT_MS), VERDICT_RETRY,
           "nothing was sent");
    proxy_cut(world.proxy); /* so that its connecting does not wait longer */
    world_close(&world);
}

static void what_waits_when_the_worker_stops_was_not_sent(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    proxy_mute(world.proxy, true);
    struct outgoing *outgoing = begin(&world, world_url(&world, "nats", "", "mute"), 1, LONG_MS);
    world.harness.sink->ops->cancel(world.harness.sink, &outgoing->send);
    expect(&world, outgoing, VERDICT_DEFERRED, "this process stops; nothing was sent");
    proxy_mute(world.proxy, false);
    world_close(&world);
}

/* One user and one port, spelt in another way for every number, so that each has a connection of its own. */
static const char *place(struct world *world, unsigned number, const char *subject)
{
    snprintf(world->url, sizeof world->url, "nats://%s%s%s@127.0.0.1:%0*u/%s", number & 1 ? "%61" : "a",
             number & 2 ? "%6E" : "n", number & 4 ? "%79" : "y", (int)number / 8 + 5, proxy_port(world->proxy),
             subject);
    return world->url;
}

static void connections_have_a_limit_and_idle_ones_make_room(void **state)
{
    static struct outgoing *sends[CONNECTIONS_MAX];
    struct world world;
    (void)state;
    open_sink(&world);
    world_password(&world, "any");
    for (unsigned i = 0; i < CONNECTIONS_MAX + 1; i++)
        expect(&world, begin(&world, place(&world, i, "any?core=1"), i, LONG_MS), VERDICT_DELIVERED, "received: ");
    assert_int_equal(proxy_connections(world.proxy), CONNECTIONS_MAX + 1);
    proxy_mute(world.proxy, true);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        sends[i] = begin(&world, place(&world, i + 1, "any?core=1"), i, LONG_MS);
    struct outgoing *last = begin(&world, place(&world, 0, "any?core=1"), 0, LONG_MS);
    assert_true(last->send.is_unsent);
    expect(&world, last, VERDICT_DEFERRED, "too many connections to brokers");
    proxy_mute(world.proxy, false);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        expect(&world, sends[i], VERDICT_DELIVERED, "received: ");
    world_close(&world);
}

static void a_name_is_looked_up_and_its_addresses_are_judged(void **state)
{
    struct world world;
    char url[64];
    (void)state;
    open_sink(&world);
    snprintf(url, sizeof url, "nats://localhost:%u/any?core=1", proxy_port(world.proxy));
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "received: ");
    world.harness.sink->ops->step(world.harness.sink, BOOT_NEVER); /* the connection is over */
    world_close(&world);
    memset(&world, 0, sizeof world);
    harness_start(&world.harness, &pawli_sink_nats); /* nothing is allowed */
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DEFERRED, "--allow-address");
    harness_stop(&world.harness);
}

static void start_server(void)
{
    server = nats_new(folder, server_port, configuration);
}

static void a_server_that_was_killed_goes_on_with_what_it_stored(void **state)
{
    struct world world;
    (void)state;
    open_sink(&world);
    make_stream("KILLED", "killed", js_FileStorage, 0);
    const char *url = world_url(&world, "nats", "", "killed");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "stored: stream KILLED seq 1");
    program_free(server);
    server = NULL;
    while (proxy_open_connections(world.proxy) > 0)
        ;
    expect(&world, begin(&world, url, 2, LONG_MS), VERDICT_RETRY, "nothing was sent");
    start_server();
    expect(&world, begin(&world, url, 2, LONG_MS), VERDICT_DELIVERED, "stored: stream KILLED seq 2");
    world_close(&world);
}

static void the_signals_of_the_program_stay_as_they_were(void **state)
{
    struct world world;
    struct sigaction now;
    (void)state;
    open_sink(&world);
    expect(&world, begin(&world, world_url(&world, "nats", "", "any?core=1"), 1, LONG_MS), VERDICT_DELIVERED, "");
    sigaction(SIGPIPE, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
    world_close(&world);
}

/* ---- replicas ---- */

#define NODES 3

struct node {
    struct program *program;
    uint16_t port, route;
    char folder[64];
};

static void node_start(struct node *node, unsigned number, const struct node nodes[NODES])
{
    char text[512];
    snprintf(text, sizeof text,
             "server_name: n%u\ncluster { name: c, listen: \"127.0.0.1:%u\", routes: [ \"nats://127.0.0.1:%u\", "
             "\"nats://127.0.0.1:%u\", \"nats://127.0.0.1:%u\" ] }\n",
             number, node->route, nodes[0].route, nodes[1].route, nodes[2].route);
    node->program = nats_new(program_folder(node->folder), node->port, text);
}

/* The cluster has to choose its leader before it makes a stream: it is asked until it did. */
static void make_replicated_stream(uint16_t port)
{
    char url[64];
    const char *subject = "copies";
    struct client client;
    jsStreamConfig config;
    snprintf(url, sizeof url, "nats://127.0.0.1:%u", port);
    assert_nats(natsConnection_ConnectTo(&client.nats, url));
    assert_nats(natsConnection_JetStream(&client.stream, client.nats, NULL));
    jsStreamConfig_Init(&config);
    config.Name = "COPIES";
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    config.Replicas = NODES;
    while (js_AddStream(NULL, client.stream, &config, NULL, NULL) != NATS_OK)
        ;
    client_close(&client);
}

static void a_stream_with_replicas_has_replicated_it(void **state)
{
    struct world world;
    struct node nodes[NODES];
    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].port = free_port();
        nodes[i].route = free_port();
    }
    for (unsigned i = 0; i < NODES; i++)
        node_start(&nodes[i], i, nodes);
    make_replicated_stream(nodes[0].port);
    world_open(&world, &pawli_sink_nats, nodes[0].port);
    struct outgoing *outgoing = begin(&world, world_url(&world, "nats", "", "copies"), 1, LONG_MS);
    harness_wait(&world.harness, outgoing);
    assert_int_equal(outgoing->send.durability, DURABILITY_REPLICATED);
    expect(&world, outgoing, VERDICT_DELIVERED, "replicated: stream COPIES seq 1");
    world_close(&world);
    for (unsigned i = 0; i < NODES; i++) {
        program_free(nodes[i].program);
        remove_folder(nodes[i].folder);
    }
}

static void make(const char *name)
{
    make_stream(name, name, js_FileStorage, 0);
}

static struct kind nats = {.ops = &pawli_sink_nats,
                           .scheme = "nats",
                           .library = "libnats.so.3.4",
                           .package = "libnats3.4",
                           .user = "any@",
                           .password = "any",
                           .make = make,
                           .messages_in = messages_in,
                           .path = "%s"};

static int set_up(void **state)
{
    server_port = nats.port = free_port();
    *state = &nats;
    program_folder(folder);
    start_server();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    program_free(server);
    remove_folder(folder);
    nats_Close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signals_of_the_program_stay_as_they_were),
        cmocka_unit_test(a_stream_stores_the_message_as_it_is_with_its_id_and_headers),
        cmocka_unit_test(a_message_that_is_sent_again_is_stored_once),
        cmocka_unit_test(a_stream_in_memory_has_received_it_and_no_more),
        cmocka_unit_test(core_messages_are_received_once_the_server_has_taken_them),
        cmocka_unit_test(a_listener_that_answers_has_received_it_unless_it_says_no),
        cmocka_unit_test(many_messages_share_a_connection_at_the_same_time),
        cmocka_unit_test(what_nobody_takes_is_tried_again_and_the_error_says_what_is_missing),
        cmocka_unit_test(a_full_stream_is_tried_again_and_too_big_a_message_is_dead),
        cmocka_unit_test(a_wrong_password_sends_nothing_and_a_new_one_is_used_at_once),
        cmocka_unit_test(a_stream_that_this_user_may_not_ask_has_received_it_and_no_more),
        cmocka_unit_test(a_subject_that_is_forbidden_is_named_and_spares_the_others),
        cmocka_unit_test(who_may_not_hear_answers_sends_nothing),
        cmocka_unit_test(an_address_that_is_denied_and_a_library_that_is_missing_are_deferrals),
        cmocka_unit_test(a_broker_that_is_down_got_nothing),
        cmocka_unit_test(a_connection_that_is_lost_before_the_confirm_leaves_it_uncertain),
        cmocka_unit_test(a_confirm_that_never_comes_ends_with_the_deadline_and_the_connection_with_it),
        cmocka_unit_test(what_waits_for_a_connection_at_its_deadline_was_not_sent),
        cmocka_unit_test(what_waits_when_the_worker_stops_was_not_sent),
        cmocka_unit_test(connections_have_a_limit_and_idle_ones_make_room),
        cmocka_unit_test(a_name_is_looked_up_and_its_addresses_are_judged),
        cmocka_unit_test(a_connection_that_nobody_uses_is_closed_and_one_that_was_closed_is_made_anew),
        cmocka_unit_test(a_server_that_was_killed_goes_on_with_what_it_stored),
        cmocka_unit_test(a_stream_with_replicas_has_replicated_it),
    };
    return cmocka_run_group_tests_name("sink nats", tests, set_up, tear_down);
}
