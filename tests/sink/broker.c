/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include "sink/broker.h"

const char *missing_library;

/* In place of libc's, for what is linked into this program. */
void *dlopen(const char *file, int flags)
{
    void *(*real)(const char *file, int flags);
    void *symbol = dlsym(RTLD_NEXT, "dlopen");
    memcpy(&real, &symbol, sizeof real);
    return missing_library && file && strcmp(file, missing_library) == 0 ? NULL : real(file, flags);
}

void world_open(struct world *world, const struct sink_ops *ops, uint16_t server)
{
    memset(world, 0, sizeof *world);
    world->harness.rules = loopback_rules;
    harness_start(&world->harness, ops);
    world->proxy = proxy_new(server);
}

void world_close(struct world *world)
{
    harness_stop(&world->harness);
    proxy_free(world->proxy);
    pawli_secret_release(world->secret);
}

const char *world_url(struct world *world, const char *scheme, const char *user, const char *path)
{
    snprintf(world->url, sizeof world->url, "%s://%s127.0.0.1:%u/%s", scheme, user, proxy_port(world->proxy), path);
    return world->url;
}

void world_password(struct world *world, const char *password)
{
    char folder[64], path[96];
    pawl_error err;
    world->secret = pawli_secret_release(world->secret);
    if (!password)
        return;
    snprintf(path, sizeof path, "%s/password", make_folder(folder));
    FILE *file = fopen(path, "we");
    fprintf(file, "%s\n", password);
    fclose(file);
    chmod(path, 0600);
    assert_ok(pawli_secret_read(path, SECRET_LOGS_IN, &world->secret, &err));
    remove_folder(folder);
}

struct outgoing *begin(struct world *world, const char *url, unsigned number, int64_t timeout_ms)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"n\":%u}", number);
    struct outgoing *outgoing = outgoing_new("");
    char *data = pawli_arena_alloc(&outgoing->arena, sizeof payload);
    memcpy(data, payload, sizeof payload);
    outgoing->message.data = data;
    outgoing->message.data_size = strlen(payload);
    outgoing->message.id.bytes[14] = (uint8_t)(number >> 8);
    outgoing->message.id.bytes[15] = (uint8_t)number;
    outgoing->send.secret = world->secret;
    harness_send(&world->harness, outgoing, pawli_arena_text(&outgoing->arena, text_of(url)).data, timeout_ms);
    return outgoing;
}

void expect(struct world *world, struct outgoing *outgoing, enum verdict verdict, const char *part)
{
    harness_wait(&world->harness, outgoing);
    const struct send *send = &outgoing->send;
    struct text text = verdict == VERDICT_DELIVERED ? send->response : send->error;
    if (send->verdict != verdict || !text.data || !memmem(text.data, text.size, part, strlen(part)))
        fail_msg("%s, not %s with \"%s\": %.*s%.*s", pawli_verdict_text(send->verdict), pawli_verdict_text(verdict),
                 part, TEXT_ARG(send->error), TEXT_ARG(send->response));
    outgoing_free(outgoing);
}

void until_passed(struct world *world, const char *text)
{
    struct env *env = &world->harness.env;
    while (!proxy_has_passed(world->proxy, text))
        pawli_loop_turn(world->harness.loop, boot_after_ms(env->ops->boot_now(env), 10));
}

void step_later(struct world *world, int64_t ms)
{
    struct sink *sink = world->harness.sink;
    struct env *env = &world->harness.env;
    sink->ops->step(sink, boot_after_ms(env->ops->boot_now(env), ms));
}

/* ---- what holds for every kind ---- */

static const struct kind *open_kind(void **state, struct world *world)
{
    const struct kind *kind = *state;
    world_open(world, kind->ops, kind->port);
    return kind;
}

static const char *url_of(const struct kind *kind, struct world *world, const char *user, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, kind->path, name);
    return world_url(world, kind->scheme, user, path);
}

/* At another server than the proxy. */
static const char *url_at(const struct kind *kind, const char *host, uint16_t port, char url[64])
{
    int size = snprintf(url, 64, "%s://%s:%u/", kind->scheme, host, port);
    snprintf(url + size, 64 - (size_t)size, kind->path, "any");
    return url;
}

void many_messages_share_a_connection_at_the_same_time(void **state)
{
    enum { MANY = 400 };
    static struct outgoing *sends[MANY];
    struct world world;
    const struct kind *kind = open_kind(state, &world);
    kind->make("many");
    for (unsigned i = 0; i < MANY; i++)
        sends[i] = begin(&world, url_of(kind, &world, "", "many"), i, LONG_MS);
    for (unsigned i = 0; i < MANY; i++)
        expect(&world, sends[i], VERDICT_DELIVERED, "stored: ");
    assert_int_equal(kind->messages_in("many"), MANY);
    assert_int_equal(proxy_connections(world.proxy), 1);
    world_close(&world);
}

void a_wrong_password_sends_nothing_and_a_new_one_is_used_at_once(void **state)
{
    static const char *const wrong[] = {NULL, "wrong"};
    struct world world;
    const struct kind *kind = open_kind(state, &world);
    const char *url = url_of(kind, &world, kind->user, "guarded");
    kind->make("guarded");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        world_password(&world, wrong[i]);
        struct outgoing *outgoing = begin(&world, url, 1, LONG_MS);
        harness_wait(&world.harness, outgoing);
        assert_true(outgoing->send.is_unauthorized);
        expect(&world, outgoing, VERDICT_RETRY, "secret file); nothing was sent");
    }
    world_password(&world, kind->password);
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    assert_int_equal(kind->messages_in("guarded"), 1);
    world_close(&world);
}

void an_address_that_is_denied_and_a_library_that_is_missing_are_deferrals(void **state)
{
    struct world world;
    char url[64], install[64];
    const struct kind *kind = open_kind(state, &world);
    missing_library = kind->library;
    snprintf(install, sizeof install, "install Debian's package %s", kind->package);
    expect(&world, begin(&world, url_of(kind, &world, "", "any"), 1, LONG_MS), VERDICT_DEFERRED, install);
    missing_library = NULL;
    expect(&world, begin(&world, url_at(kind, "10.0.0.1", kind->port, url), 1, LONG_MS), VERDICT_DEFERRED,
           "--allow-address");
    assert_int_equal(proxy_connections(world.proxy), 0);
    world_close(&world);
}

void a_broker_that_is_down_got_nothing(void **state)
{
    struct world world;
    char url[64];
    const struct kind *kind = open_kind(state, &world);
    url_at(kind, "127.0.0.1", free_port(), url);
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_RETRY, "nothing was sent");
    struct outgoing *outgoing = outgoing_new("{}");
    outgoing->send.policy = pawli_policy_default(POLICY_OF_MESSAGES);
    outgoing->send.policy.values[POLICY_UNREACHABLE] = UNREACHABLE_DEFER;
    harness_send(&world.harness, outgoing, url, LONG_MS);
    expect(&world, outgoing, VERDICT_DEFERRED, "nothing was sent");
    world_close(&world);
}

void a_connection_that_is_lost_before_the_confirm_leaves_it_uncertain(void **state)
{
    struct world world;
    const struct kind *kind = open_kind(state, &world);
    const char *url = url_of(kind, &world, "", "cut");
    kind->make("cut");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    proxy_mute(world.proxy, true);
    struct outgoing *outgoing = begin(&world, url, 2, LONG_MS);
    until_passed(&world, "{\"n\":2}");
    proxy_cut(world.proxy);
    expect(&world, outgoing, VERDICT_UNCERTAIN, "the message was sent");
    proxy_mute(world.proxy, false);
    expect(&world, begin(&world, url, 2, LONG_MS), VERDICT_DELIVERED, "stored: ");
    world_close(&world);
}

void a_confirm_that_never_comes_ends_with_the_deadline_and_the_connection_with_it(void **state)
{
    struct world world;
    const struct kind *kind = open_kind(state, &world);
    const char *url = url_of(kind, &world, "", "mute");
    kind->make("mute");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    proxy_mute(world.proxy, true);
    expect(&world, begin(&world, url, 2, SHORT_MS), VERDICT_UNCERTAIN, "before the broker confirmed it");
    proxy_mute(world.proxy, false);
    expect(&world, begin(&world, url, 3, LONG_MS), VERDICT_DELIVERED, "stored: ");
    assert_int_equal(proxy_connections(world.proxy), 2);
    world_close(&world);
}

void a_connection_that_nobody_uses_is_closed_and_one_that_was_closed_is_made_anew(void **state)
{
    struct world world;
    const struct kind *kind = open_kind(state, &world);
    const char *url = url_of(kind, &world, "", "idle");
    kind->make("idle");
    expect(&world, begin(&world, url, 1, LONG_MS), VERDICT_DELIVERED, "stored: ");
    step_later(&world, IDLE_MS - 5000);
    assert_int_equal(proxy_open_connections(world.proxy), 1);
    proxy_cut(world.proxy);
    expect(&world, begin(&world, url, 2, LONG_MS), VERDICT_DELIVERED, "stored: ");
    step_later(&world, IDLE_MS + 1);
    while (proxy_open_connections(world.proxy) > 0)
        ;
    expect(&world, begin(&world, url, 3, LONG_MS), VERDICT_DELIVERED, "stored: ");
    assert_int_equal(proxy_connections(world.proxy), 3);
    world_close(&world);
}
