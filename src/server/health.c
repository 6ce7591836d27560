/* SPDX-License-Identifier: MIT */
#include "server/health.h"

#include "base/json.h"
#include "pawl/message.h"
#include "pawl/version.h"

struct findings {
    bool is_reachable;
    const char *reasons[4];
    size_t reason_count;
};

static void find(struct findings *findings, const char *reason)
{
    findings->reasons[findings->reason_count++] = reason;
}

/* A write that changes no message: the settlement of a claim that never was still commits the marker of its batch. */
static int try_to_write(struct health *health, pawl_error *error)
{
    const pawl_settlement of_nobody = {PAWL_SETTLEMENT, .id = {{1}}, .verdict = PAWL_VERDICT_RELEASED};
    int status = pawl_settle(health->store, &of_nobody, 1, NULL, error);
    if (status == PAWL_OK)
        atomic_store(&health->write_failed, false);
    return status;
}

static void look(struct health *health, pawl_store_info *info, pawl_error *error, pawl_error *write_error,
                 struct findings *findings)
{
    findings->is_reachable = pawl_store_get_info(health->store, info, error) == PAWL_OK;
    if (!findings->is_reachable)
        find(findings, error->text);
    bool was_full = info->disk_state == PAWL_DISK_FULL;
    if (atomic_load(&health->store_failed)) {
        find(findings, "a write to the store failed; this process stops");
    } else if ((atomic_load(&health->write_failed) || was_full) && try_to_write(health, write_error) < 0) {
        find(findings, write_error->text);
        return;
    }
    if (was_full) /* such as the write that was tried found out */
        pawl_store_get_info(health->store, info, error);
    if (info->disk_state == PAWL_DISK_FULL)
        find(findings, "the disk of the store is full");
}

const char *pawli_disk_text(int state)
{
    static const char *const texts[] = {[PAWL_DISK_FINE] = "fine",
                                        [PAWL_DISK_FILLING] = "filling",
                                        [PAWL_DISK_REFUSING] = "refusing",
                                        [PAWL_DISK_FULL] = "full"};
    return state >= 0 && state < (int)COUNT_OF(texts) ? texts[state] : "unknown";
}

static void put_disk(struct json_writer *writer, const pawl_store_info *info)
{
    if (info->disk_size == 0 && info->disk_state == PAWL_DISK_FINE)
        return;
    pawli_json_key(writer, "disk");
    pawli_json_open(writer, '{');
    pawli_json_put_string(writer, "state", pawli_disk_text(info->disk_state));
    if (info->disk_size) {
        pawli_json_put_u64(writer, "percent", info->disk_percent);
        pawli_json_put_u64(writer, "free", info->disk_free);
    }
    pawli_json_close(writer, '}');
}

static void put_store(struct json_writer *writer, const pawl_store_info *info, bool is_reachable)
{
    pawli_json_key(writer, "store");
    pawli_json_open(writer, '{');
    pawli_json_put_bool(writer, "reachable", is_reachable);
    if (is_reachable) {
        pawli_json_put_string(writer, "engine", info->engine);
        pawli_json_put_i64(writer, "schema", info->schema);
        pawli_json_put_u64(writer, "commits", info->commits);
        put_disk(writer, info);
    }
    pawli_json_close(writer, '}');
}

void pawli_health_reply(struct health *health, struct server_reply *reply)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_error error = {0}, write_error = {0};
    struct findings findings = {0};
    struct json_writer writer = {&reply->body, false};
    look(health, &info, &error, &write_error, &findings);
    bool is_well = findings.reason_count == 0;
    reply->status = is_well ? 200 : 503;
    pawli_json_open(&writer, '{');
    pawli_json_put_string(&writer, "status", is_well ? "ok" : "failed");
    pawli_json_put_string(&writer, "version", pawl_version());
    put_store(&writer, &info, findings.is_reachable);
    pawli_json_key(&writer, "reasons");
    pawli_json_open(&writer, '[');
    for (size_t i = 0; i < findings.reason_count; i++) {
        pawli_json_comma(&writer);
        pawli_json_quote(writer.out, text_of(findings.reasons[i]));
    }
    pawli_json_close(&writer, ']');
    pawli_json_close(&writer, '}');
}
