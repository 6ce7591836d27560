/* SPDX-License-Identifier: MIT */
#include "receiver.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

void open_world(struct world *world, const struct script *scripts, size_t count)
{
    memset(world, 0, sizeof *world);
    world->harness.rules = loopback_rules;
    harness_start(&world->harness, &pawli_sink_http);
    world->server = server_new(scripts, count);
    snprintf(world->url, sizeof world->url, "http://127.0.0.1:%u/hook?a=b", server_port(world->server));
}

void close_world(struct world *world)
{
    harness_stop(&world->harness);
    server_free(world->server);
}

void expected_signature(const char *key, const struct received *received, char out[64])
{
    char signed_text[512], id[64], timestamp[64];
    uint8_t digest[32];
    int size = snprintf(signed_text, sizeof signed_text, "%s.%s.%s", header_of(received, "webhook-id", id, sizeof id),
                        header_of(received, "webhook-timestamp", timestamp, sizeof timestamp), received->body);
    HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)signed_text, (size_t)size, digest, NULL);
    memcpy(out, "v1,", 3);
    EVP_EncodeBlock((uint8_t *)out + 3, digest, sizeof digest);
}
