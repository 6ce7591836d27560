/* SPDX-License-Identifier: MIT */
#include "cli/demo/payloads.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "model/check.h"

#define PAYLOADS_FILE ".deps/webhooks/payloads.jsonl"
#define FILE_MAX      ((size_t)64 * 1024 * 1024)
#define PAYLOAD_MAX   ((size_t)1024 * 1024)
#define MADE_COUNT    64

/* splitmix64 */
uint64_t dice_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t dice_below(uint64_t *state, uint64_t limit)
{
    return dice_next(state) % limit;
}

static bool add(struct payloads *payloads, struct hasher *hasher, struct text event, struct text body)
{
    if (!pawli_arena_reserve(&payloads->arena, (void **)&payloads->items, sizeof *payloads->items, payloads->count + 1,
                             &payloads->room))
        return false;
    struct payload *item = &payloads->items[payloads->count++];
    *item = (struct payload){pawli_arena_text(&payloads->arena, event), pawli_arena_text(&payloads->arena, body),
                             pawli_sha256(hasher, body)};
    return !hasher->failed;
}

/* ---- real ones ---- */

static bool read_file(FILE *file, struct buffer *content)
{
    char block[65536];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        pawli_buffer_add(content, block, got);
    return !ferror(file) && !content->failed;
}

/* A line: {"event": …, "payload": …}. */
static bool take_line(struct payloads *payloads, struct hasher *hasher, struct text line, const char **problem)
{
    struct text name, value, event = {0}, payload = {0};
    size_t at;
    if (pawli_json_check(line, problem, &at) != JSON_GOOD)
        return false;
    *problem = "it is no {\"event\": ..., \"payload\": ...}";
    if (pawli_json_type(line) != JSON_OBJECT)
        return false;
    struct json_walk members = pawli_json_walk(line);
    while (pawli_json_member(&members, &name, &value)) {
        if (pawli_json_name_is(name, "event") && pawli_json_type(value) == JSON_STRING)
            event = pawli_json_string(&payloads->arena, value);
        else if (pawli_json_name_is(name, "payload"))
            payload = value;
    }
    if (!event.data || !payload.data || pawli_check_name("event", event, NULL) < 0)
        return false;
    *problem = "it is too large";
    struct buffer body;
    buffer_init(&body, PAYLOAD_MAX);
    pawli_json_compact(&body, payload);
    bool good = !body.failed && add(payloads, hasher, event, buffer_text(&body));
    pawli_buffer_done(&body);
    return good;
}

static int take_lines(struct payloads *payloads, struct hasher *hasher, struct text lines, const char *path,
                      pawl_error *err)
{
    for (size_t number = 1; lines.size > 0; number++) {
        const char *end = memchr(lines.data, '\n', lines.size), *problem;
        struct text line = {lines.data, end ? (size_t)(end - lines.data) : lines.size};
        if (line.size && !take_line(payloads, hasher, line, &problem))
            return pawli_fail(err, PAWL_EINVAL, "\"%.100s\", line %zu, cannot be used: %s", path, number, problem);
        size_t taken = line.size + (end ? 1 : 0);
        lines = (struct text){lines.data + taken, lines.size - taken};
    }
    if (payloads->count == 0)
        return pawli_fail(err, PAWL_EINVAL, "\"%.100s\" has no payloads", path);
    payloads->are_real = true;
    return PAWL_OK;
}

static int load_file(struct payloads *payloads, struct hasher *hasher, FILE *file, const char *path, pawl_error *err)
{
    struct buffer content;
    buffer_init(&content, FILE_MAX);
    int status = read_file(file, &content)
                     ? take_lines(payloads, hasher, buffer_text(&content), path, err)
                     : pawli_fail(err, PAWL_EINVAL, "\"%.100s\" cannot be read, or is too large", path);
    pawli_buffer_done(&content);
    return status;
}

/* ---- made up ---- */

static void make_body(struct buffer *body, uint64_t *dice, size_t number)
{
    static const char *const names[] = {"Ada", "Grace", "Edsger", "Barbara", "Tony", "J\xc3\xbcrgen"};
    uint64_t lines = 1 + dice_below(dice, 60);
    pawli_buffer_format(body, "{\"action\":\"created\",\"order\":{\"number\":%zu,\"by\":\"%s\",\"lines\":[", number,
                        names[dice_below(dice, COUNT_OF(names))]);
    for (uint64_t i = 0; i < lines; i++)
        pawli_buffer_format(body, "%s{\"sku\":\"%016llx\",\"price\":\"%llu.%02llu\",\"note\":\"line \\\"%llu\\\"\"}",
                            i ? "," : "", (unsigned long long)dice_next(dice),
                            (unsigned long long)dice_below(dice, 1000), (unsigned long long)dice_below(dice, 100),
                            (unsigned long long)i);
    pawli_buffer_add_string(body, "]}}");
}

static int make(struct payloads *payloads, struct hasher *hasher, uint64_t seed, pawl_error *err)
{
    bool good = true;
    for (size_t i = 0; good && i < MADE_COUNT; i++) {
        struct buffer body;
        buffer_init(&body, PAYLOAD_MAX);
        make_body(&body, &seed, i + 1);
        good = !body.failed && add(payloads, hasher, TEXT("order"), buffer_text(&body));
        pawli_buffer_done(&body);
    }
    return good ? PAWL_OK : pawli_no_memory(err);
}

/* ---- either ---- */

int payloads_load(struct payloads *payloads, const char *path, uint64_t seed, pawl_error *err)
{
    struct hasher hasher;
    FILE *file = fopen(path ? path : PAYLOADS_FILE, "re");
    *payloads = (struct payloads){0};
    if (!file && path)
        return pawli_fail(err, PAWL_EINVAL, "\"%.150s\" cannot be read: %s", path, strerror(errno));
    pawli_hasher_init(&hasher);
    int status = file ? load_file(payloads, &hasher, file, path ? path : PAYLOADS_FILE, err)
                      : make(payloads, &hasher, seed, err);
    pawli_hasher_done(&hasher);
    if (file)
        fclose(file);
    return status;
}

void payloads_done(struct payloads *payloads)
{
    pawli_arena_done(&payloads->arena);
}
