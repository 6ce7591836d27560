/* SPDX-License-Identifier: MIT */
/* Commands on the store as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

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
        cli_object_end(cli);
    }
    cli_say(cli, "%s %s, schema %d",
            info.was_created    ? "created"
            : info.was_migrated ? "migrated"
                                : "already there:",
            cli->store_url, info.schema);
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

static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path) + 1 : 1;
    if (snprintf(folder, sizeof folder, "%.*s", size, slash ? path : ".") >= (int)sizeof folder)
        return -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd);
    close(fd);
    return failed;
}

/* Never over a file that is there: it might be the store itself. */
int cli_backup(struct cli *cli)
{
    const char *path = cli_argument(cli, 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return cli_hint(cli, cli_fail(cli, PAWL_EREFUSED, "\"%.150s\" is there already", path),
                        "name a new file; a backup is never written over another");
    if (fd < 0)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "cannot create \"%.150s\": %s", path, strerror(errno)),
                        "name a file in a folder that may be written to");
    close(fd);
    int status = pawl_store_backup(cli->store, path, show_pages, cli, &cli->error);
    cli_progress(cli, NULL, UINT64_MAX, 0);
    if (status == PAWL_OK && sync_folder(path) != 0)
        status = cli_fail(cli, PAWL_EIO, "the folder of \"%.150s\" could not be synced: %s", path, strerror(errno));
    if (status < 0) {
        unlink(path);
        return status;
    }
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
