/* SPDX-License-Identifier: MIT */
/* pawl listen: receives webhooks as a good receiver does. It checks their signatures, recognises what it received before
 * by webhook-id, and says so before it answers. */
#include <inttypes.h>
#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/digest.h"
#include "base/map.h"
#include "cli/commands.h"
#include "server/server.h"
#include "server/webhook.h"
#include "sink/sink.h"

#define LISTEN_ADDRESS "127.0.0.1:7296"
#define CONNECTION_MAX 1024
#define REQUEST_MS     30000
#define IDLE_MS        60000
#define REMEMBERED_MAX 500000 /* ids of a generation; two are kept */

const struct cli_option cli_listen_options[] = {
    {"secret-file", "FILE", "accept only webhooks that are signed with a secret of this file", false},
    {"data", NULL, "print the payloads too", false},
    {0},
};

/* Ids that were received. The oldest are forgotten by the generation, so that memory has an end. */
struct remembered {
    struct arena arena;
    struct map map;
    const char **ids;
    size_t count, room;
};

struct listening {
    struct cli *cli;
    struct secret *secret;
    struct event_base *base;
    struct remembered ids[2]; /* the newest generation, and the one before */
    uint64_t seed;            /* of their hashes */
    uint64_t received, repeated, refused;
    bool failed; /* standard output can no longer be written */
};

/* ---- what was received before ---- */

static bool is_known(const struct remembered *remembered, uint64_t hash, const char *id)
{
    struct map_probe probe = map_probe(&remembered->map, hash);
    uint32_t index;
    while (map_next(&remembered->map, &probe, &index))
        if (strcmp(remembered->ids[index], id) == 0)
            return true;
    return false;
}

static bool remember(struct listening *listening, uint64_t hash, const char *id)
{
    struct remembered *newest = &listening->ids[0];
    if (newest->count == REMEMBERED_MAX) {
        pawli_arena_done(&listening->ids[1].arena);
        listening->ids[1] = *newest;
        *newest = (struct remembered){0};
    }
    struct arena *arena = &newest->arena;
    if (!pawli_arena_reserve(arena, (void **)&newest->ids, sizeof *newest->ids, newest->count + 1, &newest->room) ||
        !pawli_map_put(&newest->map, arena, hash, (uint32_t)newest->count))
        return false;
    newest->ids[newest->count] = pawli_arena_text(arena, text_of(id)).data;
    return newest->ids[newest->count++] != NULL;
}

/* ---- what is printed ---- */

static void put_body(struct json_writer *out, struct text body)
{
    const char *problem;
    size_t at;
    struct arena arena = {0};
    if (pawli_json_check(body, &problem, &at) == JSON_GOOD)
        pawli_json_put_raw(out, "data", body);
    else
        pawli_json_put_text(out, "data_base64", pawli_base64(&arena, body));
    pawli_arena_done(&arena);
}

static void print_json(struct listening *listening, const struct server_request *request, const char *result,
                       const char *id, const char *problem)
{
    struct json_writer *out = cli_object(listening->cli);
    struct hasher hasher;
    char hex[2 * DIGEST_SIZE + 1];
    pawli_hasher_init(&hasher);
    pawli_hex(pawli_sha256(&hasher, request->body).bytes, DIGEST_SIZE, hex);
    pawli_hasher_done(&hasher);
    pawli_json_put_string(out, "result", result);
    cli_put_outside(out, "id", id);
    cli_put_outside(out, "path", request->path);
    cli_put_outside(out, "content_type", pawli_server_header(request, "content-type"));
    pawli_json_put_u64(out, "size", request->body.size);
    pawli_json_put_string(out, "sha256", hex);
    pawli_json_put_string(out, "problem", problem);
    if (cli_has(listening->cli, "data"))
        put_body(out, request->body);
    cli_object_end(listening->cli);
}

static void print_words(struct listening *listening, const struct server_request *request, const char *result,
                        const char *id, const char *problem)
{
    struct arena arena = {0};
    char time_text[32];
    cli_time((int64_t)time(NULL) * 1000, time_text);
    printf("%s %-8s %-36s %7zu B  %s\n", time_text + 11, result, id ? cli_safe(&arena, text_of(id)).data : "-",
           request->body.size, problem ? problem : cli_safe(&arena, text_of(request->path)).data);
    if (cli_has(listening->cli, "data"))
        printf("  %s\n", cli_safe(&arena, request->body).data); /* no payload looks like the line of a request */
    pawli_arena_done(&arena);
}

/* On the one thread that handles. False: nobody can see it. */
static bool print_webhook(struct listening *listening, const struct server_request *request, const char *result,
                          const char *problem)
{
    const char *id = pawli_server_header(request, "webhook-id");
    (listening->cli->json ? print_json : print_words)(listening, request, result, id, problem);
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* ---- requests ---- */

static void refuse(struct listening *listening, const struct server_request *request, struct server_reply *reply,
                   int http_status, const char *problem)
{
    listening->refused++;
    pawli_server_problem(reply, http_status, problem);
    print_webhook(listening, request, "refused", problem);
}

static void accept_webhook(struct listening *listening, const struct server_request *request,
                           struct server_reply *reply, const char *id)
{
    uint64_t hash = pawli_hash_bytes(listening->seed, id, strlen(id));
    bool is_repeated = is_known(&listening->ids[0], hash, id) || is_known(&listening->ids[1], hash, id);
    if (!print_webhook(listening, request, is_repeated ? "repeated" : "received", NULL)) {
        /* Nobody saw it, so it was not received: the sender shall come again, to somebody else. */
        pawli_server_problem(reply, 500, "the receiver cannot write down what it receives");
        listening->failed = true;
        kill(getpid(), SIGTERM);
        return;
    }
    listening->received += !is_repeated;
    listening->repeated += is_repeated;
    if (!is_repeated && !remember(listening, hash, id)) {
        pawli_server_problem(reply, 503, "the receiver is out of memory");
        return;
    }
    pawli_buffer_add_string(&reply->body, is_repeated ? "{\"result\":\"repeated\"}" : "{\"result\":\"received\"}");
}

static void take_webhook(void *data, const struct server_request *request, struct server_reply *reply)
{
    struct listening *listening = data;
    const struct webhook webhook = {.id = pawli_server_header(request, "webhook-id"),
                                    .timestamp = pawli_server_header(request, "webhook-timestamp"),
                                    .signature = pawli_server_header(request, "webhook-signature"),
                                    .body = request->body};
    const char *problem = pawli_webhook_check_id(&webhook);
    if (problem) {
        refuse(listening, request, reply, 400, problem);
        return;
    }
    if (listening->secret)
        problem = pawli_webhook_check_signature(&webhook, listening->secret->keys, listening->secret->key_count,
                                                (int64_t)time(NULL));
    if (problem)
        refuse(listening, request, reply, 401, problem);
    else
        accept_webhook(listening, request, reply, webhook.id);
}

/* ---- life ---- */

static void take_signal(evutil_socket_t number, short what, void *data)
{
    struct listening *listening = data;
    (void)number, (void)what;
    event_base_loopbreak(listening->base);
}

static void say_ready(struct cli *cli, const char *address)
{
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "listening", address);
        cli_object_end(cli);
    } else {
        printf("listening on http://%s\n", address);
    }
    fflush(stdout);
}

/* A port alone is one of this machine. */
static const char *address_of(struct cli *cli)
{
    const char *given = cli_argument(cli, 0);
    if (!given)
        return LISTEN_ADDRESS;
    bool is_port = *given && strspn(given, "0123456789") == strlen(given);
    return is_port ? pawli_arena_format(&cli->arena, "127.0.0.1:%s", given).data : given;
}

static int listen_until_signal(struct listening *listening)
{
    static const struct server_route routes[] = {{"POST", NULL, take_webhook}};
    struct cli *cli = listening->cli;
    const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct event *events[COUNT_OF(signals)] = {0};
    struct server *server = NULL;
    const struct server_options options = {.routes = routes,
                                           .route_count = COUNT_OF(routes),
                                           .data = listening,
                                           .threads = 1,
                                           .body_max = SERVER_BODY_MAX,
                                           .held_max = 8 * SERVER_BODY_MAX,
                                           .connection_max = CONNECTION_MAX,
                                           .request_ms = REQUEST_MS,
                                           .idle_ms = IDLE_MS};
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(signals); i++) {
        events[i] = evsignal_new(listening->base, signals[i], take_signal, listening);
        if (!events[i] || event_add(events[i], NULL) < 0)
            status = pawli_no_memory(&cli->error);
    }
    if (status == PAWL_OK)
        status = pawli_server_open(listening->base, address_of(cli), &options, &server, &cli->error);
    if (status == PAWL_OK) {
        say_ready(cli, pawli_server_address(server));
        event_base_dispatch(listening->base);
    }
    pawli_server_close(server);
    for (size_t i = 0; i < COUNT_OF(events); i++)
        if (events[i])
            event_free(events[i]);
    return status;
}

int cli_listen(struct cli *cli)
{
    struct listening listening = {.cli = cli};
    const char *secret_file = cli_option(cli, "secret-file");
    signal(SIGPIPE, SIG_IGN);
    if (getrandom(&listening.seed, sizeof listening.seed, 0) < 0)
        return cli_fail(cli, PAWL_EUNAVAIL, "the system gives no random bytes");
    int status = secret_file ? pawli_secret_read(secret_file, SECRET_SIGNS, &listening.secret, &cli->error) : PAWL_OK;
    if (status == PAWL_OK && !(listening.base = event_base_new()))
        status = pawli_no_memory(&cli->error);
    if (status == PAWL_OK)
        status = listen_until_signal(&listening);
    if (status == PAWL_OK && !listening.failed)
        cli_say(cli, "%" PRIu64 " received, %" PRIu64 " repeated, %" PRIu64 " refused", listening.received,
                listening.repeated, listening.refused);
    if (listening.base)
        event_base_free(listening.base);
    pawli_secret_release(listening.secret);
    for (size_t i = 0; i < COUNT_OF(listening.ids); i++)
        pawli_arena_done(&listening.ids[i].arena);
    return status;
}
