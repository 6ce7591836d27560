/* SPDX-License-Identifier: MIT */
/* pawl serve: workers and the HTTP server in one process, until a signal. The main thread runs the HTTP server's loop, the
 * store's engine has a thread of its own. */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/log.h"
#include "pawl/metrics.h"
#include "server/config.h"
#include "server/health.h"
#include "server/metrics.h"
#include "sink/address.h"

#define HANDLER_THREADS 2
#define DESCRIPTORS_MAX 65536

const struct cli_option cli_serve_options[] = {
    {"config", "FILE", "an INI file of the keys below, without their --", false},
#define CONFIG_TEXT(field, name, initial, takes, meaning)      {name, takes, meaning " (" initial ")", false},
#define CONFIG_LIST(field, name, takes, meaning)               {name, takes, meaning, true},
#define CONFIG_NUMBER(field, name, initial, min, max, meaning) {name, "N", meaning " (" #initial ")", false},
#include "server/config.def"
#undef CONFIG_TEXT
#undef CONFIG_LIST
#undef CONFIG_NUMBER
    {0},
};

#define LOOK_SECONDS 10

struct serving {
    struct cli *cli;
    struct config config;
    struct log log;
    struct health health;
    struct event_base *base;
    struct metrics metrics;
    struct event *events[5]; /* three signals, trouble, and the look at the store */
    struct server *server;
    pawl_worker *worker;
    bool log_waits;
    int disk_state; /* enum pawl_disk, as it was told last */
    int trouble;    /* an eventfd: the worker met an error of the store */
    int signal;     /* that ends it; 0: none came */
    int status;     /* with what it ends */
};

/* ---- configuration ---- */

static int use_log(struct serving *serving)
{
    struct log *log = &serving->log;
    const struct config *config = &serving->config;
    bool is_json = strcmp(config->log_format, "json") == 0, is_auto = strcmp(config->log_format, "auto") == 0;
    if (!is_json && !is_auto && strcmp(config->log_format, "text") != 0)
        return cli_hint(
            serving->cli,
            cli_fail(serving->cli, PAWL_EINVAL, "log-format is \"%.60s\", which is no format", config->log_format),
            "use text, json or auto");
    log->level = (int)config->log_level;
    log->json = is_auto ? serving->cli->json : is_json;
    if (strcmp(config->log_file, "-") == 0)
        return PAWL_OK;
    log->file = (struct log_file){.path = config->log_file,
                                  .size_max = (uint64_t)config->log_mib << 20,
                                  .total_max = (uint64_t)config->log_total_mib << 20,
                                  .archives = config->log_archives,
                                  .fd = -1};
    return PAWL_OK;
}

static int read_config(struct serving *serving)
{
    struct cli *cli = serving->cli;
    struct config *config = &serving->config;
    const char *file = cli_option(cli, "config");
    int status = file ? pawli_config_read_file(config, file, &cli->error) : PAWL_OK;
    if (status == PAWL_OK)
        status = pawli_config_read_environment(config, &cli->error);
    for (size_t i = 0; status == PAWL_OK && i < cli->given_count; i++) {
        const struct cli_given *given = &cli->given[i];
        if (strcmp(given->option->name, "config") != 0)
            status = pawli_config_set(config, given->option->name, given->value, CONFIG_FLAG, &cli->error);
    }
    for (size_t i = 0; status == PAWL_OK && i < config->allow_address.count; i++) {
        struct address_block block;
        status = pawli_address_block_parse(config->allow_address.items[i], &block, &cli->error);
    }
    return status == PAWL_OK ? use_log(serving) : status;
}

/* Only an opening tells, so it would not heal here: nothing could be claimed until this process ends. */
static int refuse_restored(struct cli *cli)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    int status = pawl_store_get_info(cli->store, &info, &cli->error);
    if (status < 0 || !info.is_restored)
        return status;
    return cli_hint(
        cli,
        cli_fail(cli, PAWL_EREFUSED, "the store was restored or copied (%s): nothing may be sent", info.restored_why),
        "look at it, then run \"pawl adopt --reason …\" and start again");
}

/* ---- the worker ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* On the engine's thread. */
static void hear(void *data, const pawl_worker_event *event)
{
    struct serving *serving = data;
    uint64_t one = 1;
    log_event(&serving->log, event);
    if (!ends_with(event->name, "_failed"))
        return;
    atomic_store(&serving->health.write_failed, true); /* or a read: the next who asks finds out */
    ssize_t written = write(serving->trouble, &one, sizeof one);
    (void)written; /* full means readable */
}

static int start_worker(struct serving *serving)
{
    struct cli *cli = serving->cli;
    const struct config *config = &serving->config;
    int status = pawl_worker_new(
        cli->store,
        &(pawl_worker_options){
            PAWL_WORKER_OPTIONS, .consumer = "serve", .all_scopes = !cli->scope_given, .lanes = config->lane.items,
            .lane_count = config->lane.count, .poll_ms = config->poll_ms,
            .allow_addresses = config->allow_address.items, .allow_address_count = config->allow_address.count,
            .allow_exec = config->allow_exec.items, .allow_exec_count = config->allow_exec.count,
            .allow_file = config->allow_file.items, .allow_file_count = config->allow_file.count,
            .own_address = pawli_server_address(serving->server), .tell = hear, .tell_data = serving},
        &serving->worker, &cli->error);
    serving->metrics = (struct metrics){
        .store = cli->store, .worker = serving->worker, .started_ms = cli_now_ms(), .lost_lines = &serving->log.lost};
    if (status == PAWL_OK)
        status = pawl_metrics_start(cli->store, &cli->error);
    if (status == PAWL_OK)
        status = pawl_store_start(cli->store, &cli->error);
    return status < 0 ? status : pawl_worker_start(serving->worker, &cli->error);
}

/* ---- the loop ---- */

static void take_signal(evutil_socket_t number, short what, void *data)
{
    struct serving *serving = data;
    (void)what;
    serving->signal = number;
    event_base_loopbreak(serving->base);
}

/* Most trouble heals. A storage error does not: the file may say something else than what this process remembers. */
static void take_trouble(evutil_socket_t fd, short what, void *data)
{
    struct serving *serving = data;
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_error *error = &serving->cli->error;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)what, (void)got;
    int status = pawl_store_get_info(serving->cli->store, &info, error);
    if (status != PAWL_EIO && status != PAWL_ECORRUPT)
        return;
    atomic_store(&serving->health.store_failed, true);
    serving->status = status;
    event_base_loopbreak(serving->base);
}

/* A reader that keeps an old snapshot lets the log of the store grow without end, and is not to be seen otherwise. */
static void tell_store_log(struct serving *serving, const pawl_store_info *info)
{
    bool waits = info->log_waiting > PAWL_LOG_WAITING;
    if (waits && !serving->log_waits)
        log_say(&serving->log, LOG_ACT, "log_held", "%llu MiB of the log wait: another process reads an old snapshot",
                (unsigned long long)(info->log_waiting >> 20));
    if (!waits && serving->log_waits)
        log_say(&serving->log, LOG_ACT, "log_released", "the log is copied again");
    serving->log_waits = waits;
}

static void tell_disk(struct serving *serving, const pawl_store_info *info)
{
    static const struct {
        enum log_level level;
        const char *what, *text;
    } told[] = {
        [PAWL_DISK_FINE] = {LOG_HEALED, "disk_fine", "there is room again"},
        [PAWL_DISK_FILLING] = {LOG_ACT, "disk_filling", "make room"},
        [PAWL_DISK_REFUSING] = {LOG_ACT, "disk_refusing",
                                "new messages are refused until there is room, those that are there are delivered"},
        [PAWL_DISK_FULL] = {LOG_ACT, "disk_full", "nothing can be written until there is room"}};
    if (info->disk_state == serving->disk_state)
        return;
    serving->disk_state = info->disk_state;
    log_say(&serving->log, told[info->disk_state].level, told[info->disk_state].what,
            "%u %% of the disk are used, %llu MiB are free: %s", info->disk_percent,
            (unsigned long long)(info->disk_free >> 20), told[info->disk_state].text);
}

static void look_at_store(evutil_socket_t fd, short what, void *data)
{
    struct serving *serving = data;
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_error error;
    (void)fd, (void)what;
    log_tend(&serving->log);
    if (pawl_store_get_info(serving->cli->store, &info, &error) < 0)
        return;
    tell_store_log(serving, &info);
    tell_disk(serving, &info);
}

static int add_events(struct serving *serving)
{
    const int signals[] = {SIGTERM, SIGINT, SIGHUP}; /* SIGHUP: its terminal went away */
    const struct timeval pause = {LOOK_SECONDS, 0};
    enum { TROUBLE = COUNT_OF(signals), LOOK };
    serving->trouble = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (serving->trouble < 0)
        return cli_fail(serving->cli, PAWL_EUNAVAIL, "out of file descriptors");
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        serving->events[i] = evsignal_new(serving->base, signals[i], take_signal, serving);
    serving->events[TROUBLE] = event_new(serving->base, serving->trouble, EV_READ | EV_PERSIST, take_trouble, serving);
    serving->events[LOOK] = event_new(serving->base, -1, EV_PERSIST, look_at_store, serving);
    for (size_t i = 0; i < COUNT_OF(serving->events); i++)
        if (!serving->events[i] || event_add(serving->events[i], i == LOOK ? &pause : NULL) < 0)
            return pawli_no_memory(&serving->cli->error);
    event_active(serving->events[LOOK], EV_TIMEOUT, 0); /* once now: it may be so already */
    return PAWL_OK;
}

/* From here on a signal does what it does by default: a second one ends the process at once. */
static void remove_events(struct serving *serving)
{
    for (size_t i = 0; i < COUNT_OF(serving->events); i++)
        if (serving->events[i])
            event_free(serving->events[i]);
}

static void handle_health(void *data, const struct server_request *request, struct server_reply *reply)
{
    struct serving *serving = data;
    (void)request;
    pawli_health_reply(&serving->health, reply);
}

static void handle_metrics(void *data, const struct server_request *request, struct server_reply *reply)
{
    struct serving *serving = data;
    (void)request;
    pawli_metrics_reply(&serving->metrics, reply);
}

static int start_server(struct serving *serving)
{
    static const struct server_route routes[] = {{"GET", "/healthz", handle_health},
                                                 {"GET", "/metrics", handle_metrics}};
    const struct config *config = &serving->config;
    const struct server_options options = {.routes = routes,
                                           .route_count = COUNT_OF(routes),
                                           .data = serving,
                                           .threads = HANDLER_THREADS,
                                           .body_max = SERVER_HEADER_MAX, /* no route takes one */
                                           .held_max = SERVER_BODY_MAX,
                                           .connection_max = config->connection_max,
                                           .request_ms = config->request_ms,
                                           .idle_ms = config->idle_ms};
    return pawli_server_open(serving->base, config->listen, &options, &serving->server, &serving->cli->error);
}

/* The line that a script can wait for. */
static void say_ready(struct serving *serving)
{
    struct cli *cli = serving->cli;
    const char *address = pawli_server_address(serving->server);
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "listening", address);
        pawli_json_put_i64(out, "pid", getpid());
        cli_object_end(cli);
    } else {
        printf("listening on http://%s\n", address);
    }
    fflush(stdout);
    log_say(&serving->log, LOG_LIFE, "started", "pawl %s, store %s, %s, http://%s", pawl_version(), cli->store_url,
            cli->scope_given ? cli->scope : "all scopes", address);
}

static void stop(struct serving *serving)
{
    pawl_worker_stats stats = {PAWL_WORKER_STATS};
    pawl_worker_get_stats(serving->worker, &stats);
    if (serving->status < 0)
        log_say(&serving->log, LOG_ACT, "stopping", "%s", serving->cli->error.text);
    else
        log_say(&serving->log, LOG_LIFE, "stopping",
                "%s: nothing new is begun, %u under way have %u ms; again: at once", strsignal(serving->signal),
                stats.in_flight, serving->config.grace_ms);
    pawli_server_close(serving->server);
    serving->server = NULL;
    pawl_worker_stop(serving->worker, serving->status < 0 ? 0 : serving->config.grace_ms);
    pawl_worker_get_stats(serving->worker, &stats);
    log_say(&serving->log, LOG_LIFE, "stopped", "%llu delivered, %llu requeued, %llu dead, %llu uncertain",
            (unsigned long long)stats.delivered, (unsigned long long)stats.requeued, (unsigned long long)stats.dead,
            (unsigned long long)stats.uncertain);
}

static void note_unknown(struct serving *serving)
{
    struct cli *cli = serving->cli;
    const struct config *config = &serving->config;
    const char *scope = cli->scope_given ? cli->scope : NULL;
    if (scope)
        cli_note_unknown(cli, CLI_SCOPE, NULL, scope);
    for (size_t i = 0; i < config->lane.count; i++)
        cli_note_unknown(cli, CLI_LANE, scope, config->lane.items[i]);
}

static int serve(struct serving *serving)
{
    note_unknown(serving);
    int status = add_events(serving);
    if (status == PAWL_OK)
        status = start_server(serving);
    if (status == PAWL_OK)
        status = start_worker(serving);
    if (status < 0) {
        remove_events(serving);
        return status;
    }
    say_ready(serving);
    event_base_dispatch(serving->base);
    remove_events(serving);
    stop(serving);
    return serving->status;
}

/* What a session gives is meant for programs that call select(); a server has a connection a send. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int cli_serve(struct cli *cli)
{
    struct serving serving = {.cli = cli, .trouble = -1, .health = {.store = cli->store}};
    pawli_config_init(&serving.config);
    log_init(&serving.log, cli->json);
    raise_descriptors();
    signal(SIGPIPE, SIG_IGN);
    int status = read_config(&serving);
    if (status == PAWL_OK)
        status = refuse_restored(cli);
    if (status == PAWL_OK && !(serving.base = event_base_new()))
        status = pawli_no_memory(&cli->error);
    if (status == PAWL_OK)
        status = serve(&serving);
    pawl_worker_free(serving.worker);
    pawli_server_close(serving.server);
    if (serving.base)
        event_base_free(serving.base);
    if (serving.trouble >= 0)
        close(serving.trouble);
    log_done(&serving.log);
    pawli_config_done(&serving.config);
    return status;
}
