/* SPDX-License-Identifier: MIT */
/* Commands on the store as a whole. */
#include <inttypes.h>
#include <sys/stat.h>

#include "cli/commands.h"

int cli_init(struct cli *cli)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    int status = pawl_store_get_info(cli->store, &info, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        cli_put_outside(out, "store", cli->store_url);
        pawli_json_put_i64(out, "schema", info.schema);
        pawli_json_put_bool(out, "created", info.was_created);
        if (info.was_put_into_wal)
            pawli_json_put_bool(out, "put_into_wal", true);
        cli_object_end(cli);
    }
    cli_say(cli, "%s %s, schema %d",
            info.was_created    ? "created"
            : info.was_migrated ? "migrated"
                                : "already there:",
            cli->store_url, info.schema);
    if (info.was_put_into_wal)
        cli_say(cli,
                "The database is in WAL mode now, and was in another: programs that have it open need nothing else.");
    return PAWL_OK;
}

int cli_version(struct cli *cli)
{
    const char *name, *version;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "version", pawl_version());
        pawli_json_key(out, "linked");
        pawli_json_open(out, '{');
        for (size_t i = 0; (name = pawl_linked(i, &version)); i++)
            pawli_json_put_string(out, name, version);
        pawli_json_close(out, '}');
        cli_object_end(cli);
        return PAWL_OK;
    }
    printf("pawl %s\n", pawl_version());
    for (size_t i = 0; (name = pawl_linked(i, &version)); i++)
        printf("%s %s\n", name, version);
    return PAWL_OK;
}

/* ---- copies ---- */

static void show_pages(void *data, int left, int total)
{
    cli_progress(data, "pages", (uint64_t)(total - left), (uint64_t)total);
}

int cli_backup(struct cli *cli)
{
    const char *path = cli_argument(cli, 0);
    struct stat there;
    if (lstat(path, &there) == 0) /* the store itself, too */
        return cli_hint(cli, cli_fail(cli, PAWL_EREFUSED, "\"%.150s\" is there already", path),
                        "name a new file; a backup is never written over another");
    int status = pawl_store_backup(cli->store, path, show_pages, cli, &cli->error);
    cli_progress(cli, NULL, UINT64_MAX, 0);
    if (status < 0)
        return status;
    if (cli->json) {
        cli_put_outside(cli_object(cli), "backup", path);
        cli_object_end(cli);
    }
    cli_say(cli, "%s is a copy of %s", path, cli->store_url);
    cli_say(cli, "It opens as a restored store: pawl adopt makes it one's own.");
    return PAWL_OK;
}

int cli_adopt(struct cli *cli)
{
    pawl_operation operation = cli_operation(cli);
    pawl_store_info info = {PAWL_STORE_INFO};
    int status = pawl_store_adopt(cli->store, &operation, &cli->error);
    if (status == PAWL_OK)
        status = pawl_store_get_info(cli->store, &info, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        cli_put_outside(out, "store", cli->store_url);
        pawli_json_put_u64(out, "epoch", info.epoch);
        cli_object_end(cli);
    }
    cli_say(cli, "adopted %s: epoch %" PRIu64, cli->store_url, info.epoch);
    cli_say(cli, "The store is held: pause the lanes that shall wait, then run");
    cli_say(cli, "pawl holds release --reason ...");
    return PAWL_OK;
}
