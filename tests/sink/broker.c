/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include <dlfcn.h>
#include <sys/stat.h>

static const char *const loopback[] = {"127.0.0.0/8"};

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
    world->harness.rules = (struct sink_rules){.addresses = loopback, .address_count = 1};
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
