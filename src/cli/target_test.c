/* SPDX-License-Identifier: MIT */
/* targets test: sends one message to a target with a worker of this process, and tells what became of it. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/uuid.h"
#include "cli/commands.h"
#include "model/limits.h"

#define LANE    "pawl-test"
#define WAIT_MS 30000
#define LOOK_MS 200 /* somebody else's worker may have taken it, who tells nothing here */

struct test {
    struct cli *cli;
    pawl_uuid id;
    const char *target;
    pthread_mutex_t lock;
    pthread_cond_t told;
    const pawl_messages *messages; /* how it was read last */
    bool was_sent;                 /* by this process, and this is what came of it */
    int32_t answer_status;         /* of HTTP; 0: none */
    int64_t took_us;
    char answer[1024];
    bool is_stuck;       /* this command cannot send it: it would only wait */
    char stuck_by[1024]; /* what keeps it, where the message itself does not say */
};

/* What became of the message itself: told of what was delivered, and kept of the rest. */
static void hear_settled(struct test *test, const pawl_worker_event *event)
{
    test->was_sent = true;
    test->took_us = event->duration_us;
    test->answer_status = event->status;
    snprintf(test->answer, sizeof test->answer, "%s", event->answer ? event->answer : "");
    test->is_stuck |= strcmp(event->name, "deferred") == 0;
}

static void hear(void *data, const pawl_worker_event *event)
{
    static const struct {
        const char *event, *text;
    } keepers[] = {{"no_sink", "no sink of this command can send to "}, {"secret_unreadable", ""}};
    struct test *test = data;
    pthread_mutex_lock(&test->lock);
    if (uuid_equal(&event->message, &test->id))
        hear_settled(test, event);
    if (event->target && strcmp(event->target, test->target) == 0)
        for (size_t i = 0; i < COUNT_OF(keepers); i++)
            if (strcmp(event->name, keepers[i].event) == 0) {
                test->is_stuck = true;
                snprintf(test->stuck_by, sizeof test->stuck_by, "%s%s", keepers[i].text,
                         event->text ? event->text : "");
            }
    pthread_cond_signal(&test->told);
    pthread_mutex_unlock(&test->lock);
}

static int find_target(struct cli *cli, const char *name)
{
    pawl_settings *targets;
    bool found = false;
    int status = pawl_targets_list(cli->store, &targets, &cli->error);
    if (status < 0)
        return status;
    for (size_t i = 0; i < pawl_settings_count(targets); i++) {
        const pawl_target_view *target = pawl_settings_target(targets, i);
        found |= strcmp(target->name, name) == 0 && target->url;
    }
    pawl_settings_free(targets);
    return found ? PAWL_OK
                 : cli_hint(cli, cli_fail(cli, PAWL_ENOTFOUND, "no target \"%.60s\" with a URL is there", name),
                            "see \"pawl targets list\", or run \"pawl targets add NAME URL\"");
}

static struct timespec after_ms(int64_t ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    return time;
}

/* Waits until the message ended, nobody can send it, or time is up; *ret_messages has it then. */
static int wait_for_end(struct test *test, int64_t wait_ms, pawl_messages **ret_messages)
{
    struct cli *cli = test->cli;
    struct timespec until = after_ms(wait_ms), now;
    for (;;) {
        pthread_mutex_lock(&test->lock);
        bool is_stuck = test->is_stuck; /* before it is read, so that what is read says why */
        pthread_mutex_unlock(&test->lock);
        int status = pawl_message_get(cli->store, &test->id, ret_messages, &cli->error);
        if (status < 0)
            return status;
        const char *state = pawl_messages_get(*ret_messages, 0)->state;
        bool moves = strcmp(state, "pending") == 0 || strcmp(state, "claimed") == 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        pthread_mutex_lock(&test->lock);
        bool ends = !moves || is_stuck || now.tv_sec > until.tv_sec ||
                    (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec);
        if (!ends && !test->is_stuck) {
            struct timespec look = after_ms(LOOK_MS);
            pthread_cond_timedwait(&test->told, &test->lock, &look);
        }
        pthread_mutex_unlock(&test->lock);
        if (ends)
            return PAWL_OK;
        pawl_messages_free(*ret_messages);
    }
}

/* How long it took, what was answered, and whether it would be sent again. */
struct verdict_told {
    long long took_ms;
    const char *answer; /* NULL: nothing is known of one */
    bool is_retried;
};

static struct verdict_told tell_verdict(const struct test *test, const pawl_message_view *message)
{
    const pawl_attempt *attempt = pawl_messages_attempt(test->messages, 0); /* the one that it may have */
    struct verdict_told told = {.answer = test->answer[0] ? test->answer : attempt ? attempt->text : NULL};
    told.took_ms = attempt ? attempt->ended_at_ms - attempt->began_at_ms : test->took_us / 1000;
    told.is_retried = strcmp(message->state, "pending") == 0 || /* a deferral */
                      (attempt && attempt->error_class && strcmp(attempt->error_class, "permanent") != 0);
    return told;
}

static void print_json(struct test *test, const pawl_message_view *message, const struct verdict_told *told)
{
    char id[PAWL_UUID_TEXT_SIZE];
    const pawl_attempt *attempt = pawl_messages_attempt(test->messages, 0);
    struct json_writer *out = cli_object(test->cli);
    pawli_json_put_string(out, "id", pawl_uuid_format(&test->id, id));
    pawli_json_put_string(out, "target", message->target);
    pawli_json_put_string(out, "state", message->state);
    pawli_json_put_string(out, "error", message->error_text);
    if (attempt || test->was_sent) {
        pawli_json_put_string(out, "verdict", attempt ? attempt->verdict : "deferred");
        if (test->answer_status)
            pawli_json_put_i64(out, "status", test->answer_status);
        pawli_json_put_string(out, "answer", told->answer);
        pawli_json_put_i64(out, "took_ms", told->took_ms);
        pawli_json_put_bool(out, "would_retry", told->is_retried);
    }
    cli_object_end(test->cli);
}

static int judge(struct test *test, const pawl_message_view *message)
{
    struct cli *cli = test->cli;
    char id[PAWL_UUID_TEXT_SIZE];
    pawl_uuid_format(&test->id, id);
    struct verdict_told told = tell_verdict(test, message);
    if (cli->json)
        print_json(test, message, &told);
    if (strcmp(message->state, "delivered") == 0) {
        cli_say(cli, "%s delivered to %s in %lld ms%s%s; it would not be sent again", id, message->target, told.took_ms,
                !test->was_sent ? ", by another worker, which keeps no answer"
                : told.answer   ? ": "
                                : "",
                test->was_sent && told.answer ? told.answer : "");
        return PAWL_OK;
    }
    const char *text = message->error_text ? message->error_text
                       : test->stuck_by[0] ? test->stuck_by
                                           : "nobody has sent it yet";
    struct text what = strcmp(message->state, "pending") != 0 ? pawli_arena_format(&cli->arena, "is %s", message->state)
                       : test->answer_status                  ? TEXT("is put off by the receiver, and withdrawn,")
                                                              : TEXT("was not sent, and is withdrawn,");
    int status = cli_fail(cli, PAWL_EREFUSED, "the test message %s after %lld ms; one of a lane would be %s: %s",
                          what.data, told.took_ms, told.is_retried ? "tried again" : "dead at once", text);
    return cli_hint(cli, status, "see \"pawl why %s\" and \"pawl messages show %s\"", id, id);
}

/* What was not sent now shall not be sent later. */
static void withdraw(struct test *test, const pawl_message_view *message)
{
    if (strcmp(message->state, "pending") == 0)
        pawl_message_cancel(test->cli->store, &test->id,
                            &(pawl_operation){PAWL_OPERATION, .reason = "the test of its target ended", .actor = "cli"},
                            NULL, NULL);
}

static int enqueue(struct test *test, const char *target)
{
    struct cli *cli = test->cli;
    const char *given = cli_argument(cli, 1);
    struct text data = TEXT("{\"pawl\":\"test\"}");
    pawl_enqueued enqueued;
    int status = given ? cli_body(cli, "data", given, &data) : PAWL_OK;
    if (status < 0)
        return status;
    pawl_message message = {PAWL_MESSAGE,      .lane = LANE,           .target = target,
                            .data = data.data, .data_size = data.size, .max_attempts = 1};
    status = pawl_enqueue(cli->store, &message, 1, &enqueued, &cli->error);
    test->id = enqueued.id;
    test->target = target;
    return status;
}

static const char **option_list(struct cli *cli, const char *name, size_t *count)
{
    const char *value, **list = NULL;
    size_t room = 0;
    for (size_t at = 0; (value = cli_option_next(cli, name, &at));)
        if (pawli_arena_reserve(&cli->arena, (void **)&list, sizeof *list, *count + 1, &room))
            list[(*count)++] = value;
    return list;
}

static int run(struct test *test, pawl_worker *worker, int64_t wait_ms)
{
    struct cli *cli = test->cli;
    pawl_messages *messages;
    int status = pawl_store_start(cli->store, &cli->error);
    if (status == PAWL_OK)
        status = pawl_worker_start(worker, &cli->error);
    if (status == PAWL_OK)
        status = wait_for_end(test, wait_ms, &messages);
    if (status < 0)
        return status;
    pawl_worker_stop(worker, 0);
    test->messages = messages;
    status = judge(test, pawl_messages_get(messages, 0));
    withdraw(test, pawl_messages_get(messages, 0));
    pawl_messages_free(messages);
    return status;
}

int cli_targets_test(struct cli *cli)
{
    static const char *const lanes[] = {LANE};
    struct test test = {.cli = cli, .lock = PTHREAD_MUTEX_INITIALIZER};
    int64_t wait_ms = WAIT_MS;
    pthread_condattr_t clock;
    pawl_worker *worker = NULL;
    pawl_worker_options options = {PAWL_WORKER_OPTIONS, .consumer = "cli-test", .lanes = lanes,
                                   .lane_count = 1,     .tell = hear,           .tell_data = &test};
    options.allow_addresses = option_list(cli, "allow-address", &options.allow_address_count);
    options.allow_exec = option_list(cli, "allow-exec", &options.allow_exec_count);
    options.allow_file = option_list(cli, "allow-file", &options.allow_file_count);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&test.told, &clock);
    int status = cli_option_duration(cli, "wait", 1, 86400000, &wait_ms);
    if (status == PAWL_OK)
        status = find_target(cli, cli_argument(cli, 0));
    if (status == PAWL_OK)
        status = pawl_worker_new(cli->store, &options, &worker, &cli->error);
    if (status == PAWL_OK)
        status = enqueue(&test, cli_argument(cli, 0));
    if (status == PAWL_OK)
        status = run(&test, worker, wait_ms);
    pawl_worker_free(worker);
    pawl_store_stop(cli->store);
    return status;
}
