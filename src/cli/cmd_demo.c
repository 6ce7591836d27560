/* SPDX-License-Identifier: MIT */
/* pawl demo: the main job on real input. A stream of webhooks is submitted, each as one transition with one event and one
 * message; "pawl serve" delivers them to "pawl listen"; and while that goes on, the server and the submitting command are
 * killed with SIGKILL at random moments and started again. At the end everything is counted. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "cli/commands.h"
#include "cli/demo/demo.h"

#define KILLS_DEFAULT 5
#define KILLS_MAX     1000000
#define STORY_MAX     20     /* kills that are told one by one */
#define ROUND_SIZE    64     /* payloads of every round but the first, which has them all */
#define BACKLOG       32     /* a round begins when fewer are on their way, as long as there are kills to come */
#define ARRIVALS_MAX  40     /* between a start of the server and its kill */
#define LATER_US      4000   /* and so much later, at most */
#define EARLY_US      40000  /* one of ten is killed by time, so also while it starts */
#define SUBMIT_US     200000 /* how long a submit may take, before the first was seen */
#define SETTLED_MS    20     /* how often the end is looked for */
#define STALLED_S     60
#define SECRET_BYTES  32
#define PATH_SIZE     512

const struct cli_option cli_demo_options[] = {
    {"kills", "N", "how often something is killed (5)", false},
    {"keep", "DIR", "leave the store and the logs in DIR", false},
    {"seed", "N", "of the moments at which something is killed (a random one)", false},
    {"payloads", "FILE", "lines of {\"event\", \"payload\"} (.deps/webhooks/payloads.jsonl)", false},
    {0},
};

struct demo;

/* Something that is killed. */
struct victim {
    struct demo *demo;
    const char *name;
    struct process process;
    struct event *killer;
    uint64_t kills, kills_max;
    bool is_killed; /* by the demo, and not yet noticed */
};

struct demo {
    struct cli *cli;
    struct payloads payloads;
    struct tracker tracker;
    uint64_t seed, dice;
    struct event_base *base;
    char folder[PATH_SIZE], store_url[PATH_SIZE], round_file[PATH_SIZE], secret_file[PATH_SIZE], logs[3][PATH_SIZE];
    char receiver[128]; /* where "pawl listen" listens */
    struct process listener;
    struct victim server, submitter;
    struct event *events[4]; /* two signals, the stall, the end */
    struct timespec began;
    uint64_t rounds, arrivals_at_kill; /* the server is killed at so many arrivals; 0: not by them */
    int64_t submit_us, submit_began;   /* how long a submit took, to kill the next within it */
    size_t moved;                      /* what had moved when the stall was last looked for */
    pawl_store *store;                 /* opened when nothing is started any more */
    bool is_round_open, is_closing, is_interrupted;
    int status;
};

static int64_t elapsed_us(const struct demo *demo)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec - demo->began.tv_sec) * 1000000 + (now.tv_nsec - demo->began.tv_nsec) / 1000;
}

static void end_with(struct demo *demo, int status)
{
    if (demo->status == PAWL_OK)
        demo->status = status;
    event_base_loopbreak(demo->base);
}

static uint64_t kills_of(const struct demo *demo)
{
    return demo->server.kills + demo->submitter.kills;
}

static uint64_t kills_wanted(const struct demo *demo)
{
    return demo->server.kills_max + demo->submitter.kills_max;
}

static size_t on_their_way(const struct demo *demo)
{
    size_t accepted = (size_t)demo->tracker.accepted;
    return accepted > demo->tracker.arrival_count ? accepted - demo->tracker.arrival_count : 0;
}

/* ---- the story ---- */

static void tell(struct demo *demo, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct demo *demo, const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_progress(demo->cli, NULL, UINT64_MAX, 0);
    cli_say(demo->cli, "%8.3f s  %s", (double)elapsed_us(demo) / 1e6, text);
    fflush(stdout);
}

static void tell_kill(struct demo *demo, const struct victim *victim)
{
    uint64_t kills = kills_of(demo), wanted = kills_wanted(demo);
    if (wanted <= STORY_MAX || kills % (wanted / 10) == 0 || kills == wanted)
        tell(demo, "kill %" PRIu64 " of %" PRIu64 ": %s; %" PRIu64 " accepted, %zu arrived", kills, wanted,
             victim->name, demo->tracker.accepted, demo->tracker.arrival_count);
    else
        cli_progress(demo->cli, "kill", kills, wanted);
}

/* ---- kills ---- */

static void kill_now(evutil_socket_t fd, short what, void *data)
{
    struct victim *victim = data;
    (void)fd, (void)what;
    if (!victim->process.pid || victim->is_killed)
        return;
    victim->is_killed = true;
    process_signal(&victim->process, SIGKILL);
}

static void kill_in(struct victim *victim, uint64_t us)
{
    const struct timeval after = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
    evtimer_add(victim->killer, &after);
}

/* A kill counts when the process was ended by it, and not by something else a moment before. */
static bool was_killed(struct victim *victim, int wait_status)
{
    bool killed = victim->is_killed && WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
    event_del(victim->killer);
    victim->is_killed = false;
    victim->kills += killed;
    if (killed)
        tell_kill(victim->demo, victim);
    return killed;
}

/* ---- the submitting command ---- */

static void put_item(struct demo *demo, struct buffer *out, const struct item *item)
{
    const struct payload *payload = &demo->payloads.items[item->payload];
    struct json_writer writer = {out, false};
    char id[PAWL_UUID_TEXT_SIZE], digest[2 * DIGEST_SIZE + 1];
    pawli_hex(payload->digest.bytes, DIGEST_SIZE, digest);
    pawli_json_open(&writer, '{');
    pawli_json_put_string(&writer, "request_id", pawl_uuid_format(&item->request_id, id));
    pawli_json_put_string(&writer, "type", "TakeWebhook");
    pawli_buffer_format(out, ",\"data\":{\"event\":\"%.*s\",\"sha256\":\"%s\"}", TEXT_ARG(payload->event), digest);
    pawli_buffer_format(out, ",\"events\":[{\"topic\":\"webhooks/%.*s\",\"type\":\"WebhookTaken\",\"data\":\"%s\"}]",
                        TEXT_ARG(payload->event), digest);
    pawli_buffer_add_string(out, ",\"messages\":[{\"lane\":\"" DEMO_LANE "\",\"target\":\"" DEMO_TARGET "\",\"data\":");
    pawli_buffer_add_text(out, payload->body);
    pawli_buffer_add_string(out, "}]}\n");
}

static bool add_item(struct demo *demo, FILE *file, uint32_t payload)
{
    char key[80];
    struct buffer line;
    int size = snprintf(key, sizeof key, "pawl demo %" PRIu64 " %zu", demo->seed, demo->tracker.item_count);
    struct item item = {.request_id = pawl_request_id_from(key, (size_t)size), .payload = payload};
    buffer_init(&line, (size_t)4 * 1024 * 1024);
    put_item(demo, &line, &item);
    bool good = !line.failed && fwrite(line.data, 1, line.size, file) == line.size &&
                tracker_add_item(&demo->tracker, &item);
    pawli_buffer_done(&line);
    return good;
}

/* The first round has every payload once, the others some of them. */
static int write_round(struct demo *demo)
{
    size_t count = demo->rounds == 0 ? demo->payloads.count : ROUND_SIZE;
    FILE *file = fopen(demo->round_file, "we");
    bool good = file != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = add_item(demo, file, (uint32_t)(demo->rounds == 0 ? i : dice_below(&demo->dice, demo->payloads.count)));
    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        return cli_fail(demo->cli, PAWL_EUNAVAIL, "cannot write \"%.150s\": %s", demo->round_file, strerror(errno));
    demo->rounds++;
    demo->is_round_open = true;
    return PAWL_OK;
}

/* Its kills keep step with those of the server. */
static bool submitter_is_due(const struct demo *demo)
{
    const struct victim *server = &demo->server, *submitter = &demo->submitter;
    return submitter->kills < submitter->kills_max &&
           submitter->kills * server->kills_max <= server->kills * submitter->kills_max;
}

static int start_submitter(struct demo *demo)
{
    struct victim *submitter = &demo->submitter;
    int status = process_start(
        &submitter->process,
        (const char *const[]){"--store", demo->store_url, "--json", "submit", "--jsonl", demo->round_file, NULL},
        &demo->cli->error);
    demo->submit_began = elapsed_us(demo);
    if (status == PAWL_OK && submitter_is_due(demo))
        kill_in(submitter, dice_below(&demo->dice, (uint64_t)demo->submit_us));
    return status;
}

static void hear_receipt(struct process *process, struct text line)
{
    struct demo *demo = process->data;
    if (!tracker_take_receipt(&demo->tracker, line))
        end_with(demo,
                 cli_fail(demo->cli, PAWL_ECORRUPT, "this is not the receipt that was expected: %.150s", line.data));
}

static void look_ahead(struct demo *demo);

static void submitter_ended(struct process *process, int wait_status)
{
    struct demo *demo = process->data;
    if (was_killed(&demo->submitter, wait_status)) {
        look_ahead(demo);
        return;
    }
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
        end_with(demo, cli_hint(demo->cli, cli_fail(demo->cli, PAWL_EUNAVAIL, "\"pawl submit\" ended by itself"),
                                "see %.150s", demo->logs[2]));
        return;
    }
    demo->submit_us = elapsed_us(demo) - demo->submit_began + 1;
    demo->is_round_open = false;
    look_ahead(demo);
}

/* ---- the server ---- */

static int start_server(struct demo *demo)
{
    struct victim *server = &demo->server;
    int status = process_start(&server->process,
                               (const char *const[]){"--store", demo->store_url, "serve", "--listen", "127.0.0.1:0",
                                                     "--allow-address", "127.0.0.1/32", NULL},
                               &demo->cli->error);
    demo->arrivals_at_kill = 0;
    if (status < 0 || server->kills == server->kills_max)
        return status;
    if (dice_below(&demo->dice, 10) == 0)
        kill_in(server, dice_below(&demo->dice, EARLY_US));
    else
        demo->arrivals_at_kill = demo->tracker.arrival_count + 1 + dice_below(&demo->dice, ARRIVALS_MAX);
    return PAWL_OK;
}

static void hear_server(struct process *process, struct text line)
{
    (void)process, (void)line;
}

static void server_ended(struct process *process, int wait_status)
{
    struct demo *demo = process->data;
    if (demo->is_closing && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        process_signal(&demo->listener, SIGTERM);
        return;
    }
    if (!was_killed(&demo->server, wait_status)) {
        end_with(demo, cli_hint(demo->cli, cli_fail(demo->cli, PAWL_EUNAVAIL, "\"pawl serve\" ended by itself"),
                                "see %.150s", demo->logs[1]));
        return;
    }
    int status = start_server(demo);
    if (status < 0)
        end_with(demo, status);
    else
        look_ahead(demo);
}

/* ---- the receiver ---- */

static int set_target(struct demo *demo)
{
    static const struct pawl_setting settings[] = {
        {"max_attempts", "1000"}, {"backoff_ms", "50"}, {"backoff_max_ms", "1000"}};
    struct cli *cli = demo->cli;
    char url[160];
    pawl_store *store;
    snprintf(url, sizeof url, "%s/webhooks", demo->receiver);
    int status = pawl_store_open(demo->store_url, NULL, &store, &cli->error);
    if (status < 0)
        return status;
    status = pawl_target_add(store, DEMO_TARGET, url, demo->secret_file, settings, COUNT_OF(settings),
                             &(pawl_operation){PAWL_OPERATION, .actor = "demo"}, &cli->error);
    pawl_store_close(store); /* before anything is started that opens it */
    return status;
}

static void hear_listener(struct process *process, struct text line)
{
    struct demo *demo = process->data;
    if (demo->receiver[0] == '\0') {
        struct text quoted = {memchr(line.data, ':', line.size), 0};
        size_t size = quoted.data ? strcspn(quoted.data + 2, "\"") : 0;
        snprintf(demo->receiver, sizeof demo->receiver, "http://%.*s", (int)size, quoted.data ? quoted.data + 2 : "");
        event_base_loopbreak(demo->base);
        return;
    }
    if (!tracker_take_arrival(&demo->tracker, line)) {
        end_with(demo, cli_fail(demo->cli, PAWL_ECORRUPT, "the receiver refused something: %.150s", line.data));
        return;
    }
    if (demo->arrivals_at_kill && demo->tracker.arrival_count >= demo->arrivals_at_kill) {
        demo->arrivals_at_kill = 0;
        kill_in(&demo->server, dice_below(&demo->dice, LATER_US));
    }
    look_ahead(demo);
}

static void listener_ended(struct process *process, int wait_status)
{
    struct demo *demo = process->data;
    (void)wait_status;
    if (demo->is_closing)
        event_base_loopbreak(demo->base);
    else
        end_with(demo, cli_hint(demo->cli, cli_fail(demo->cli, PAWL_EUNAVAIL, "\"pawl listen\" ended by itself"),
                                "see %.150s", demo->logs[0]));
}

/* ---- what comes next ---- */

static int begin_end(struct demo *demo)
{
    int status = pawl_store_open(demo->store_url, &(pawl_store_options){PAWL_STORE_OPTIONS, .must_exist = 1},
                                 &demo->store, &demo->cli->error);
    tell(demo, "everything arrived; waiting until the store knows it");
    event_active(demo->events[3], EV_TIMEOUT, 0);
    return status;
}

/* Begins the next round, submits one that was not finished, or sees that all has arrived. */
static void look_ahead(struct demo *demo)
{
    int status = PAWL_OK;
    bool more_kills = kills_of(demo) < kills_wanted(demo);
    if (demo->status < 0 || demo->store || demo->submitter.process.pid)
        return;
    if (!demo->is_round_open && (demo->rounds == 0 || (more_kills && on_their_way(demo) < BACKLOG)))
        status = write_round(demo);
    if (status == PAWL_OK && demo->is_round_open)
        status = start_submitter(demo);
    else if (status == PAWL_OK && !more_kills && on_their_way(demo) == 0)
        status = begin_end(demo);
    if (status < 0)
        end_with(demo, status);
}

/* A message can have arrived, and its server been killed before it said so: it is sent once more. */
static void look_for_end(evutil_socket_t fd, short what, void *data)
{
    struct demo *demo = data;
    pawl_stats *stats;
    uint64_t open = 0;
    (void)fd, (void)what;
    int status = pawl_stats_read(demo->store, DEMO_LANE, NULL, &stats, &demo->cli->error);
    if (status < 0) {
        end_with(demo, status);
        return;
    }
    for (size_t i = 0; i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        open += queue->pending + queue->claimed + queue->awaiting + queue->uncertain;
    }
    pawl_stats_free(stats);
    if (open) {
        const struct timeval after = {.tv_usec = SETTLED_MS * 1000};
        evtimer_add(demo->events[3], &after);
        return;
    }
    demo->is_closing = true;
    process_signal(&demo->server.process, SIGTERM);
}

static void look_for_stall(evutil_socket_t fd, short what, void *data)
{
    struct demo *demo = data;
    size_t moved = demo->tracker.arrival_count + (size_t)demo->tracker.accepted + (size_t)kills_of(demo);
    (void)fd, (void)what;
    if (moved == demo->moved)
        end_with(demo, cli_hint(demo->cli, cli_fail(demo->cli, PAWL_EUNAVAIL, "nothing moved for %d s", STALLED_S),
                                "the logs are in %.150s; \"pawl why\" explains a message", demo->folder));
    demo->moved = moved;
}

static void take_signal(evutil_socket_t number, short what, void *data)
{
    struct demo *demo = data;
    (void)what;
    demo->is_interrupted = true;
    end_with(demo, cli_fail(demo->cli, PAWL_EUNAVAIL, "interrupted: %s", strsignal(number)));
}

/* ---- its folder ---- */

static void make_path(const struct demo *demo, char path[PATH_SIZE], const char *name)
{
    snprintf(path, PATH_SIZE, "%.400s/%s", demo->folder, name);
}

static int write_secret(struct demo *demo)
{
    uint8_t bytes[SECRET_BYTES];
    struct arena arena = {0};
    mode_t mask = umask(077);
    FILE *file = fopen(demo->secret_file, "we");
    umask(mask);
    bool good = file && getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes;
    if (good)
        good = fprintf(file, "whsec_%s\n", pawli_base64(&arena, (struct text){(char *)bytes, sizeof bytes}).data) > 0;
    if (file && fclose(file) != 0)
        good = false;
    pawli_arena_done(&arena);
    return good ? PAWL_OK
                : cli_fail(demo->cli, PAWL_EUNAVAIL, "cannot write \"%.150s\": %s", demo->secret_file, strerror(errno));
}

static int make_folder(struct demo *demo)
{
    struct cli *cli = demo->cli;
    const char *keep = cli_option(cli, "keep"), *temporary = getenv("TMPDIR");
    char store[PATH_SIZE];
    if (keep) {
        snprintf(demo->folder, sizeof demo->folder, "%.400s", keep);
        if (mkdir(keep, 0700) < 0 && errno != EEXIST)
            return cli_fail(cli, PAWL_EUNAVAIL, "cannot make the folder \"%.150s\": %s", keep, strerror(errno));
    } else {
        snprintf(demo->folder, sizeof demo->folder, "%.400s/pawl-demo-XXXXXX", temporary ? temporary : "/tmp");
        if (!mkdtemp(demo->folder))
            return cli_fail(cli, PAWL_EUNAVAIL, "cannot make \"%.150s\": %s", demo->folder, strerror(errno));
    }
    make_path(demo, store, "demo.db");
    if (access(store, F_OK) == 0)
        return cli_hint(cli, cli_fail(cli, PAWL_EREFUSED, "\"%.150s\" is there already", store),
                        "name another folder, or remove this one");
    snprintf(demo->store_url, sizeof demo->store_url, "sqlite:%.480s", store);
    make_path(demo, demo->round_file, "round.jsonl");
    make_path(demo, demo->secret_file, "secret");
    make_path(demo, demo->logs[0], "listen.log");
    make_path(demo, demo->logs[1], "serve.log");
    make_path(demo, demo->logs[2], "submit.log");
    return write_secret(demo);
}

static void remove_folder(struct demo *demo)
{
    static const char *const names[] = {"demo.db",      "demo.db-wal",    "demo.db-shm", "demo.db-gate",
                                        "demo.db-bell", "demo.db-anchor", "listen.log",  "serve.log",
                                        "submit.log",   "round.jsonl",    "secret"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        make_path(demo, path, names[i]);
        unlink(path);
    }
    rmdir(demo->folder);
}

/* ---- running ---- */

static int add_events(struct demo *demo)
{
    struct event_base *base = demo->base;
    struct timeval stalled = {.tv_sec = STALLED_S};
    demo->events[0] = evsignal_new(base, SIGINT, take_signal, demo);
    demo->events[1] = evsignal_new(base, SIGTERM, take_signal, demo);
    demo->events[2] = event_new(base, -1, EV_PERSIST, look_for_stall, demo);
    demo->events[3] = evtimer_new(base, look_for_end, demo);
    demo->server.killer = evtimer_new(base, kill_now, &demo->server);
    demo->submitter.killer = evtimer_new(base, kill_now, &demo->submitter);
    for (size_t i = 0; i < COUNT_OF(demo->events); i++)
        if (!demo->events[i] || (i < 3 && event_add(demo->events[i], i == 2 ? &stalled : NULL) < 0))
            return pawli_no_memory(&demo->cli->error);
    return demo->server.killer && demo->submitter.killer ? PAWL_OK : pawli_no_memory(&demo->cli->error);
}

static void introduce(struct demo *demo)
{
    struct cli *cli = demo->cli;
    cli_say(cli, "%zu %s webhook payloads, %" PRIu64 " kills, seed %" PRIu64, demo->payloads.count,
            demo->payloads.are_real ? "real" : "made-up", kills_wanted(demo), demo->seed);
    if (!demo->payloads.are_real)
        cli_say(cli, "(The real ones are not here: scripts/setup fetches them, --payloads names them.)");
    cli_say(cli, "  store      %s", demo->store_url);
    cli_say(cli, "  receiver   pawl listen, at %s: checks every signature", demo->receiver);
    cli_say(cli, "  server     pawl serve: delivers; started again after every kill");
    cli_say(cli, "  submitter  pawl submit --jsonl: submits again under the same ids after a kill");
    cli_say(cli, "  kills      SIGKILL, %" PRIu64 " for the server, %" PRIu64 " for the submitter",
            demo->server.kills_max, demo->submitter.kills_max);
    cli_say(cli, "%s", "");
    fflush(stdout);
}

static int run(struct demo *demo)
{
    struct cli *cli = demo->cli;
    int status = add_events(demo);
    if (status == PAWL_OK)
        status = process_start(
            &demo->listener,
            (const char *const[]){"--json", "listen", "127.0.0.1:0", "--secret-file", demo->secret_file, NULL},
            &cli->error);
    if (status < 0)
        return status;
    event_base_dispatch(demo->base); /* until it listens */
    if (demo->status == PAWL_OK)
        demo->status = set_target(demo);
    if (demo->status < 0)
        return demo->status;
    introduce(demo);
    status = start_server(demo);
    if (status < 0)
        return status;
    look_ahead(demo);
    if (demo->status == PAWL_OK)
        event_base_dispatch(demo->base);
    return demo->status;
}

static void stop(struct demo *demo)
{
    struct event *const killers[] = {demo->server.killer, demo->submitter.killer};
    process_end(&demo->submitter.process);
    process_end(&demo->server.process);
    process_end(&demo->listener);
    for (size_t i = 0; i < COUNT_OF(demo->events); i++)
        if (demo->events[i])
            event_free(demo->events[i]);
    for (size_t i = 0; i < COUNT_OF(killers); i++)
        if (killers[i])
            event_free(killers[i]);
    cli_progress(demo->cli, NULL, UINT64_MAX, 0);
}

/* ---- how it came out ---- */

static void print_json(struct demo *demo, const struct tally *tally)
{
    struct json_writer *out = cli_object(demo->cli);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"accepted", tally->accepted},
                  {"replayed", tally->replayed},
                  {"delivered", tally->delivered},
                  {"resent", tally->resent},
                  {"recognised", tally->recognised},
                  {"lost", tally->lost},
                  {"records", tally->records},
                  {"kills", kills_of(demo)},
                  {"server_kills", demo->server.kills},
                  {"submitter_kills", demo->submitter.kills},
                  {"seed", demo->seed},
                  {"payloads", demo->payloads.count}};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        pawli_json_put_u64(out, counts[i].name, counts[i].value);
    pawli_json_put_bool(out, "real", demo->payloads.are_real);
    pawli_json_put_bool(out, "verified", tally->is_verified);
    pawli_json_put_i64(out, "duration_ms", elapsed_us(demo) / 1000);
    cli_object_end(demo->cli);
}

static void print_words(struct demo *demo, const struct tally *tally)
{
    struct cli *cli = demo->cli;
    cli_say(cli, "%s", "");
    cli_say(cli, "accepted   %8" PRIu64 "   transitions, each once in the journal; %" PRIu64 " were asked again",
            tally->accepted, tally->replayed);
    cli_say(cli, "delivered  %8" PRIu64 "   messages, compared byte for byte with what was sent", tally->delivered);
    cli_say(cli, "re-sent    %8" PRIu64 "   attempts beyond the first, under the same id", tally->resent);
    cli_say(cli, "recognised %8" PRIu64 "   arrived before, and the receiver knew", tally->recognised);
    cli_say(cli, "lost       %8" PRIu64, tally->lost);
    cli_say(cli, "verify     %8s   %" PRIu64 " records, %s", tally->is_verified ? "ok" : "FAILED", tally->records,
            tally->is_verified ? "the chain is whole" : "see pawl verify");
}

static int conclude(struct demo *demo)
{
    struct tally tally;
    struct cli *cli = demo->cli;
    int status = tracker_tally(&demo->tracker, &demo->payloads, demo->store, &tally, &cli->error);
    if (status < 0)
        return status;
    if (cli->json)
        print_json(demo, &tally);
    else
        print_words(demo, &tally);
    if (!tally.trouble[0])
        return PAWL_OK;
    return cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "%s", tally.trouble),
                    "the store and the logs are in %.100s; seed %" PRIu64, demo->folder, demo->seed);
}

static int read_options(struct demo *demo)
{
    struct cli *cli = demo->cli;
    int64_t kills = KILLS_DEFAULT, seed = -1;
    int status = cli_option_number(cli, "kills", 0, KILLS_MAX, &kills);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "seed", 0, INT64_MAX, &seed);
    if (status < 0)
        return status;
    if (seed < 0 && getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return cli_fail(cli, PAWL_EUNAVAIL, "the system gives no random bytes");
    demo->seed = demo->dice = cli_option(cli, "seed") ? (uint64_t)seed : (uint64_t)seed % 1000000;
    demo->submitter.kills_max = (uint64_t)kills / 4;
    demo->server.kills_max = (uint64_t)kills - demo->submitter.kills_max;
    return payloads_load(&demo->payloads, cli_option(cli, "payloads"), demo->seed, &cli->error);
}

static void set_up(struct demo *demo, struct cli *cli)
{
    *demo = (struct demo){.cli = cli, .submit_us = SUBMIT_US};
    demo->listener = (struct process){.log = demo->logs[0], .hear = hear_listener, .ended = listener_ended};
    demo->server = (struct victim){.name = "the server",
                                   .process = {.log = demo->logs[1], .hear = hear_server, .ended = server_ended}};
    demo->submitter = (struct victim){
        .name = "the submitter", .process = {.log = demo->logs[2], .hear = hear_receipt, .ended = submitter_ended}};
    demo->server.demo = demo->submitter.demo = demo;
    demo->listener.data = demo->server.process.data = demo->submitter.process.data = demo;
    demo->base = event_base_new();
    demo->listener.base = demo->server.process.base = demo->submitter.process.base = demo->base;
    clock_gettime(CLOCK_MONOTONIC, &demo->began);
}

int cli_demo(struct cli *cli)
{
    struct demo demo;
    set_up(&demo, cli);
    int status = demo.base ? read_options(&demo) : pawli_no_memory(&cli->error);
    if (status == PAWL_OK)
        status = make_folder(&demo);
    if (status == PAWL_OK) {
        status = run(&demo);
        stop(&demo);
    }
    if (status == PAWL_OK)
        status = conclude(&demo);
    pawl_store_close(demo.store);
    if ((status == PAWL_OK || demo.is_interrupted) && !cli_option(cli, "keep"))
        remove_folder(&demo);
    tracker_done(&demo.tracker);
    payloads_done(&demo.payloads);
    if (demo.base)
        event_base_free(demo.base);
    return status;
}
