/* SPDX-License-Identifier: MIT */
/* doctor: what is the matter with this store, and what to do about it. */
#include <inttypes.h>

#include "base/codec.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"
#include "server/config.h"

enum finding { FINE, LOOK, BAD };

struct doctor {
    struct cli *cli;
    int status; /* of the first bad finding */
};

static void tell(struct doctor *doctor, const char *check, enum finding finding, const char *hint, const char *format,
                 ...) PRINTF_LIKE(5, 6);

static void tell(struct doctor *doctor, const char *check, enum finding finding, const char *hint, const char *format,
                 ...)
{
    static const char *const words[] = {[FINE] = "ok", [LOOK] = "look", [BAD] = "BAD"};
    static const char *const codes[] = {[FINE] = "ok", [LOOK] = "look", [BAD] = "bad"};
    struct cli *cli = doctor->cli;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "check", check);
        pawli_json_put_string(out, "finding", codes[finding]);
        cli_put_outside(out, "text", text);
        pawli_json_put_string(out, "hint", hint);
        cli_object_end(cli);
        return;
    }
    if (cli->quiet && finding == FINE)
        return;
    struct arena arena = {0};
    printf("%-4s  ", words[finding]);
    cli_put_wrapped(stdout, cli_safe(&arena, pawli_arena_format(&arena, "%s: %s", check, text)), 6, 8);
    if (hint)
        cli_put_wrapped(stdout, pawli_arena_format(&arena, "      hint: %s", hint), 0, 8);
    pawli_arena_done(&arena);
}

static void bad(struct doctor *doctor, const char *check, int status)
{
    const pawl_error *error = &doctor->cli->error;
    tell(doctor, check, BAD, error->hint[0] ? error->hint : NULL, "%s", error->text);
    if (doctor->status == PAWL_OK)
        doctor->status = status;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- what it is linked with ---- */

/* 3.51.3 mends the WAL-reset bug; 3.50.7 and 3.44.6 have it too. */
static bool is_mended(const char *version)
{
    unsigned major = 0, minor = 0, patch = 0;
    if (sscanf(version, "%u.%u.%u", &major, &minor, &patch) < 2)
        return false;
    return major > 3 || minor > 51 || (minor == 51 && patch >= 3) || (minor == 50 && patch >= 7) ||
           (minor == 44 && patch >= 6);
}

static void check_versions(struct doctor *doctor)
{
    const char *name, *version;
    tell(doctor, "pawl", FINE, NULL, "%s", pawl_version());
    for (size_t i = 0; (name = pawl_linked(i, &version)); i++) {
        bool affected = strcmp(name, "SQLite") == 0 && !is_mended(version);
        tell(doctor, name, affected ? LOOK : FINE,
             affected ? "build pawl with SQLite 3.51.3 or later: this one can lose commits when it checkpoints" : NULL,
             "%s", version);
    }
}

/* ---- what a server would be told ---- */

static void show_config(struct doctor *doctor, const struct config *config)
{
    struct cli *cli = doctor->cli;
    size_t set = 0;
    for (size_t i = 0; i < CONFIG_FIELD_COUNT; i++) {
        struct text value = pawli_config_show(config, i, &cli->arena);
        if (config->sources[i] == CONFIG_DEFAULT)
            continue;
        set++;
        tell(doctor, "config", FINE, NULL, "%s = %.*s (%s)", pawli_config_key(i)->name, TEXT_ARG(value),
             pawli_config_source(config->sources[i]));
    }
    if (set == 0)
        tell(doctor, "config", FINE, NULL, "all %d keys have their defaults", CONFIG_FIELD_COUNT);
}

static void check_config(struct doctor *doctor)
{
    struct config config;
    pawl_error *error = &doctor->cli->error;
    const char *file = cli_option(doctor->cli, "config");
    pawli_config_init(&config);
    int status = file ? pawli_config_read_file(&config, file, error) : PAWL_OK;
    if (status == PAWL_OK)
        status = pawli_config_read_environment(&config, error);
    if (status < 0)
        bad(doctor, "config", status);
    else
        show_config(doctor, &config);
    pawli_config_done(&config);
}

/* ---- the store ---- */

static void check_room(struct doctor *doctor, const pawl_store_info *info)
{
    static const char *const texts[] = {[PAWL_DISK_FILLING] = ", filling",
                                        [PAWL_DISK_REFUSING] = ": new messages are refused until there is room",
                                        [PAWL_DISK_FULL] = ": full, writes are refused"};
    bool looks = info->disk_state >= PAWL_DISK_REFUSING;
    if (info->disk_size == 0)
        return;
    tell(doctor, "disk", looks ? LOOK : FINE,
         looks ? "make room, by purging messages that ended or with a larger disk" : NULL,
         "%" PRIu32 " %% used, %" PRIu64 " MiB free%s", info->disk_percent, info->disk_free >> 20,
         info->disk_state > PAWL_DISK_FINE ? texts[info->disk_state] : "");
}

static void check_store(struct doctor *doctor)
{
    struct cli *cli = doctor->cli;
    pawl_store_info info = {PAWL_STORE_INFO};
    int status = pawl_store_get_info(cli->store, &info, &cli->error);
    if (status < 0) {
        bad(doctor, "store", status);
        return;
    }
    check_room(doctor, &info);
    tell(doctor, "store", FINE, NULL, "%s%s, %s, schema %" PRId32 ", epoch %" PRIu64 ", %" PRIu64 " commits",
         cli->store_url, info.is_into ? " in another program's database" : "", info.engine, info.schema, info.epoch,
         info.commits);
    if (info.log_waiting > PAWL_LOG_WAITING)
        tell(doctor, "log", LOOK,
             "close what has read for long, such as a transaction that was left open in another program",
             "%" PRIu64 " MiB of the log wait to be copied into the database: a reader holds them back",
             info.log_waiting >> 20);
    if (!info.is_restored)
        return;
    pawli_fail(&cli->error, PAWL_EREFUSED, "restored or copied: %s", info.restored_why);
    bad(doctor, "restored", pawli_hint(&cli->error, PAWL_EREFUSED, "look at it, then run \"pawl adopt --reason ...\""));
}

/* ---- what is in it ---- */

static void check_counts(struct doctor *doctor, pawl_store *store, const char *scope)
{
    pawl_stats *stats;
    uint64_t pending = 0, dead = 0, uncertain = 0, failed = 0;
    int status = pawl_stats_read(store, NULL, NULL, &stats, &doctor->cli->error);
    if (status < 0) {
        bad(doctor, "messages", status);
        return;
    }
    for (size_t i = 0; i < pawl_stats_count(stats); i++) {
        const pawl_queue_stats *queue = pawl_stats_get(stats, i);
        bool is_workflows = strcmp(queue->lane, WORKFLOW_LANE) == 0;
        pending += queue->pending;
        *(is_workflows ? &failed : &dead) += queue->dead;
        uncertain += queue->uncertain;
    }
    size_t queues = pawl_stats_count(stats);
    pawl_stats_free(stats);
    tell(doctor, "messages", FINE, NULL, "scope %s: %zu queue%s, %" PRIu64 " pending", scope, queues, plural(queues),
         pending);
    if (dead)
        tell(doctor, "dead", LOOK, "see \"pawl messages list --state dead\"; requeue or cancel them",
             "scope %s: %" PRIu64 " message%s gave up", scope, dead, plural(dead));
    if (failed)
        tell(doctor, "failed", LOOK, "see \"pawl workflows list --status failed\"",
             "scope %s: %" PRIu64 " workflow%s failed", scope, failed, plural(failed));
    if (uncertain)
        tell(doctor, "uncertain", LOOK, "see \"pawl messages list --state uncertain\"; resolve them",
             "scope %s: nobody knows whether %" PRIu64 " message%s arrived", scope, uncertain, plural(uncertain));
}

static void check_holds(struct doctor *doctor, pawl_store *store, const char *scope)
{
    pawl_settings *holds;
    int status = pawl_holds_list(store, &holds, &doctor->cli->error);
    if (status < 0) {
        bad(doctor, "holds", status);
        return;
    }
    if (pawl_settings_count(holds))
        tell(doctor, "holds", LOOK, "see \"pawl holds list\"", "scope %s: %zu hold%s", scope,
             pawl_settings_count(holds), plural(pawl_settings_count(holds)));
    pawl_settings_free(holds);
}

static void check_scope(struct doctor *doctor, const pawl_verified *verified)
{
    struct cli *cli = doctor->cli;
    pawl_store *store;
    if (verified->is_ok) {
        tell(doctor, "journal", FINE, NULL, "scope %s: %" PRIu64 " record%s, the chain is whole", verified->scope,
             verified->records, plural(verified->records));
    } else {
        pawli_fail(&cli->error, PAWL_ECORRUPT, "scope %s, record %" PRIu64 ": %s", verified->scope,
                   verified->first_bad_seq, verified->what);
        bad(doctor, "journal",
            pawli_hint(&cli->error, PAWL_ECORRUPT, "keep a copy of the store; compare it with a backup"));
    }
    int status = pawl_store_scope(cli->store, verified->scope, &store, &cli->error);
    if (status < 0) {
        bad(doctor, "scope", status);
        return;
    }
    check_counts(doctor, store, verified->scope);
    check_holds(doctor, store, verified->scope);
    pawl_store_close(store);
}

static void show_checked(void *data, uint64_t checked)
{
    cli_progress(data, "checked", checked, 0);
}

static void check_scopes(struct doctor *doctor)
{
    struct cli *cli = doctor->cli;
    pawl_verification *verification = NULL;
    int status = pawl_verify(cli->store, cli->scope_given ? cli->scope : NULL, show_checked, cli, &verification,
                             &cli->error);
    cli_progress(cli, NULL, UINT64_MAX, 0);
    if (!verification) {
        bad(doctor, "journal", status);
        return;
    }
    for (size_t i = 0; i < pawl_verification_count(verification); i++)
        check_scope(doctor, pawl_verification_get(verification, i));
    pawl_verification_free(verification);
}

int cli_doctor(struct cli *cli)
{
    struct doctor doctor = {.cli = cli};
    check_versions(&doctor);
    check_config(&doctor);
    int status = cli_open_to_read(cli);
    if (status < 0)
        return status;
    check_store(&doctor);
    check_scopes(&doctor);
    return doctor.status;
}
