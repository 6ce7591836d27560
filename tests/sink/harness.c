/* SPDX-License-Identifier: MIT */
#include "harness.h"

static const char *const loopback[] = {"127.0.0.0/8"};
const struct sink_rules loopback_rules = {.addresses = loopback, .address_count = COUNT_OF(loopback)};

static struct env *real_of(struct env *env)
{
    return ((struct harness *)((char *)env - offsetof(struct harness, env)))->real;
}

static struct wall_time wall_now(struct env *env)
{
    (void)env;
    return (struct wall_time){WALL_MS};
}

static struct boot_time boot_now(struct env *env)
{
    return real_of(env)->ops->boot_now(real_of(env));
}

static void offload(struct env *env, struct job *job)
{
    real_of(env)->ops->offload(real_of(env), job);
}

static const struct env_ops env_ops = {.wall_now = wall_now, .boot_now = boot_now, .offload = offload};

static struct boot_time step(struct engine *engine, struct boot_time now)
{
    struct harness *harness = (struct harness *)((char *)engine - offsetof(struct harness, engine));
    const struct sink_ops *ops = harness->sink ? harness->sink->ops : NULL;
    pawli_engine_take_inbox(engine);
    struct boot_time next = ops && ops->step ? ops->step(harness->sink, now) : BOOT_NEVER;
    for (struct outgoing *outgoing = harness->under_way, *after; outgoing; outgoing = after) {
        after = outgoing->next;
        if (!outgoing->is_done && outgoing->send.deadline.ns <= now.ns)
            ops->cancel(harness->sink, &outgoing->send);
        else if (!outgoing->is_done)
            next = boot_earlier(next, outgoing->send.deadline);
    }
    return next;
}

static const struct engine_ops engine_ops = {"harness", step, NULL};

void harness_start(struct harness *harness, const struct sink_ops *ops)
{
    pawl_error err;
    *harness = (struct harness){.env = {&env_ops}, .rules = harness->rules, .callbacks = harness->callbacks};
    assert_ok(pawli_env_real(&harness->real, &err));
    assert_ok(pawli_loop_new(harness->real, &harness->loop, &err));
    pawli_engine_init(&harness->engine, &engine_ops);
    pawli_loop_add(harness->loop, &harness->engine);
    struct sink_host host = {
        .env = &harness->env, .engine = &harness->engine, .rules = &harness->rules, .callbacks = harness->callbacks};
    assert_ok(ops->open(&host, &harness->sink, &err));
}

void harness_stop(struct harness *harness)
{
    struct sink *sink = harness->sink;
    while (sink->ops->is_idle && !sink->ops->is_idle(sink))
        pawli_loop_turn(harness->loop, boot_after_ms(boot_now(&harness->env), 100));
    harness->sink = NULL;
    pawli_loop_remove(harness->loop, &harness->engine);
    sink->ops->close(sink);
    pawli_engine_done(&harness->engine);
    pawli_loop_free(harness->loop);
    harness->real->ops->close(harness->real);
}

static struct outgoing *outgoing_of(struct message_lease *lease)
{
    return (struct outgoing *)((char *)lease - offsetof(struct outgoing, lease));
}

static void hold(struct message_lease *lease)
{
    outgoing_of(lease)->holds++;
}

static void release(struct message_lease *lease)
{
    outgoing_of(lease)->holds--;
}

static void done(struct send *send)
{
    struct outgoing *outgoing = (struct outgoing *)send;
    assert_false(outgoing->is_done); /* a send is completed once */
    outgoing->is_done = true;
}

struct outgoing *outgoing_new(const char *payload)
{
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);
    assert_non_null(outgoing);
    outgoing->lease = (struct message_lease){hold, release};
    outgoing->message = (pawl_message_view){.struct_size = sizeof outgoing->message,
                                            .id = {{1, 2, 3, 4, 5, 6, 0x87, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}},
                                            .scope = "default",
                                            .lane = "mail",
                                            .target = "smtp",
                                            .state = "claimed",
                                            .data = payload,
                                            .data_size = strlen(payload),
                                            .content_type = "application/json",
                                            .priority = 5,
                                            .attempts = 1};
    return outgoing;
}

void outgoing_free(struct outgoing *outgoing)
{
    assert_true(outgoing->is_done);
    assert_int_equal(outgoing->holds, 0);
    pawli_arena_done(&outgoing->arena);
    free(outgoing);
}

void harness_send(struct harness *harness, struct outgoing *outgoing, const char *url, int64_t timeout_ms)
{
    outgoing->send.arena = &outgoing->arena;
    outgoing->send.message = &outgoing->message;
    outgoing->send.lease = &outgoing->lease;
    outgoing->send.url = url;
    outgoing->send.attempt = outgoing->message.attempts;
    if (outgoing->send.policy.values[POLICY_MAX_ATTEMPTS] == 0) /* not the test's own */
        outgoing->send.policy = pawli_policy_default(POLICY_OF_MESSAGES);
    outgoing->send.timeout_ms = timeout_ms;
    outgoing->send.deadline = boot_after_ms(boot_now(&harness->env), timeout_ms);
    outgoing->send.verdict = VERDICT_RETRY;
    outgoing->send.retry_in_ms = -1;
    outgoing->send.done = done;
    outgoing->next = harness->under_way;
    harness->under_way = outgoing;
    harness->sink->ops->send(harness->sink, &outgoing->send);
    pawli_engine_wake(&harness->engine);
}

void harness_wait(struct harness *harness, const struct outgoing *outgoing)
{
    while (!outgoing->is_done)
        pawli_loop_turn(harness->loop, boot_after_ms(boot_now(&harness->env), 100));
    for (struct outgoing **at = &harness->under_way; *at;)
        if (*at == outgoing)
            *at = (*at)->next;
        else
            at = &(*at)->next;
}
