/* SPDX-License-Identifier: MIT */
/* Commands on the store as a whole. */
#include "cli/commands.h"

int cli_init(struct cli *cli)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    int status = pawl_store_get_info(cli->store, &info, &cli->error);
    if (status < 0)
        return status;
    if (cli->json) {
        struct json_writer *out = cli_object(cli);
        pawli_json_put_string(out, "store", cli->store_url);
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
