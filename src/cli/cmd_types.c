/* SPDX-License-Identifier: MIT */
/* types: what holds for all events of a type. */
#include "api/api.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "model/limits.h"

/* Once in a run, however many there are. */
void cli_warn_keep(struct cli *cli, const char *unknown)
{
    if (unknown && !cli->warned_keep)
        cli_note(cli, "warning: keep \"%.40s\" is none of full, reference and none: it is full",
                 cli_safe(&cli->arena, text_of(unknown)).data);
    cli->warned_keep |= unknown != NULL;
}

static void print_types(struct cli *cli, const pawl_ledger *page, struct cli_table *table)
{
    for (size_t i = 0; i < pawl_ledger_count(page); i++) {
        const pawl_type *type = pawl_ledger_type(page, i);
        if (cli->json) {
            pawli_api_put_type(cli_object(cli), type);
            cli_object_end(cli);
            continue;
        }
        cli_table_row(table);
        cli_table_put(table, type->type);
        cli_table_put(table, type->error ? type->error : type->needs);
        cli_table_put(table, type->error ? NULL : pawli_api_keep(type->keep));
        cli_table_put(table, type->critical ? "yes" : NULL);
    }
}

int cli_types_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"TYPE", COLUMN_CUT}, {"NEEDS", COLUMN_CUT}, {"KEEP", COLUMN_CUT}, {"CRITICAL", COLUMN_CUT}};
    struct cli_table table;
    pawl_ledger *page;
    int status = pawl_ledger_list(cli->store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_TYPES}, &page,
                                  &cli->error);
    if (status < 0)
        return status;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    print_types(cli, page, &table);
    for (size_t i = 0; status == PAWL_OK && i < pawl_ledger_count(page); i++)
        if (pawl_ledger_type(page, i)->error)
            status = cli_hint(cli, cli_fail(cli, PAWL_ECORRUPT, "some of it cannot be read"), "run \"pawl verify\"");
    pawl_ledger_free(page);
    int printed = cli->json ? PAWL_OK
                            : cli_table_end(&table, "nothing is said of any type: all events are kept in full");
    return status < 0 ? status : printed;
}

static int print_type(struct cli *cli, const char *name)
{
    pawl_ledger *page;
    int status = pawl_ledger_list(cli->store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_TYPES, .name = name},
                                  &page, &cli->error);
    if (status < 0)
        return status;
    const pawl_type *type = pawl_ledger_type(page, 0);
    if (type && cli->json) {
        pawli_api_put_type(cli_object(cli), type);
        cli_object_end(cli);
    } else if (type) {
        cli_say(cli, "events of type %s: keep %s%s%s%s", name, pawli_api_keep(type->keep),
                type->critical ? ", critical" : "", type->needs ? ", each needs a " : "",
                type->needs ? type->needs : "");
    }
    pawl_ledger_free(page);
    return PAWL_OK;
}

static int set_one(struct cli *cli, const char *type)
{
    pawl_setting *settings = NULL;
    size_t count = 0, room = 0;
    const char *text;
    while ((text = cli_argument(cli, count + 1))) {
        const char *equals = strchr(text, '=');
        if (!equals)
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "\"%.60s\" is not KEY=VALUE", text),
                            "write needs=fill, keep=full, reference or none, or critical=1");
        if (!pawli_arena_reserve(&cli->arena, (void **)&settings, sizeof *settings, count + 1, &room))
            return pawli_no_memory(&cli->error);
        pawl_setting *setting = &settings[count++];
        setting->key = pawli_arena_text(&cli->arena, (struct text){text, (size_t)(equals - text)}).data;
        setting->value = equals + 1;
        if (!setting->key)
            return pawli_no_memory(&cli->error);
        if (strcmp(setting->key, "keep") == 0 && *setting->value && pawl_keep_parse(setting->value) < 0)
            cli_warn_keep(cli, setting->value);
    }
    const pawl_operation operation = cli_operation(cli);
    int status = pawl_type_set(cli->store, type, settings, count, &operation, &cli->error);
    return status == PAWL_OK ? print_type(cli, type) : status;
}

int cli_types_set(struct cli *cli)
{
    const char *type = cli_argument(cli, 0), *preset = cli_option(cli, "preset");
    if (!type == !preset)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, type ? "TYPE and --preset are both given" : "no type is given"),
                        "usage: pawl types set TYPE KEY=VALUE..., or pawl types set --preset s3");
    if (type)
        return set_one(cli, type);
    const pawl_operation operation = cli_operation(cli);
    int status = pawl_type_preset(cli->store, preset, &operation, &cli->error);
    return status == PAWL_OK ? cli_types_list(cli) : status;
}
