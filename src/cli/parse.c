/* SPDX-License-Identifier: MIT */
/* Reads the command line against the table. Global options may stand anywhere; a command's own behind its name. */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/uuid.h"
#include "cli/cli.h"

struct parse {
    struct cli *cli;
    char **words;
    int count, at;
    size_t argument_room, given_room;
    const char *group; /* the first word of a command of two */
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static const struct cli_command *find_command(const char *name)
{
    for (const struct cli_command *command = cli_commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static bool is_group(const char *word)
{
    size_t size = strlen(word);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        if (starts_with(command->name, word) && command->name[size] == ' ')
            return true;
    return false;
}

/* "list, show, tail": the second words of a group. */
static struct text members_of(struct arena *arena, const char *group)
{
    struct text list = {0};
    size_t size = strlen(group);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        if (starts_with(command->name, group) && command->name[size] == ' ')
            list = pawli_arena_format(arena, "%.*s%s%s", TEXT_ARG(list.data ? list : TEXT("")), list.data ? ", " : "",
                                      command->name + size + 1);
    return list;
}

/* ---- the word that was meant ---- */

#define WORD_MAX 40

/* Letters that were left out, put in, changed, or stand the wrong way round. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t changed = last[j - 1] + (a[i - 1] != b[j - 1]), least = last[j] < row[j - 1] ? last[j] : row[j - 1];
            row[j] = changed < least + 1 ? changed : least + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *next = before;
        before = last;
        last = row;
        row = next;
    }
    return last[m];
}

void cli_nearest_offer(struct cli_nearest *nearest, const char *candidate)
{
    if (!candidate)
        return;
    size_t near = distance(nearest->word, candidate), size = strlen(nearest->word);
    if (near * 3 > size + 1 || (nearest->found && near >= nearest->distance))
        return;
    nearest->found = candidate;
    nearest->distance = near;
}

static const char *nearest_option(const struct cli *cli, const char *name, size_t size)
{
    char word[WORD_MAX + 1];
    if (size > WORD_MAX)
        return NULL;
    snprintf(word, sizeof word, "%.*s", (int)size, name);
    struct cli_nearest nearest = {.word = word};
    const struct cli_option *lists[] = {cli->command ? cli->command->options : NULL, cli_global_options};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (const struct cli_option *option = lists[i]; option && option->name; option++)
            cli_nearest_offer(&nearest, option->name);
    return nearest.found;
}

/* Of a group its second words, else all first words. */
static const char *nearest_command(struct arena *arena, const char *group, const char *word)
{
    struct cli_nearest nearest = {.word = word};
    size_t size = group ? strlen(group) : 0;
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        if (!group)
            cli_nearest_offer(&nearest,
                              pawli_arena_format(arena, "%.*s", (int)strcspn(command->name, " "), command->name).data);
        else if (starts_with(command->name, group) && command->name[size] == ' ')
            cli_nearest_offer(&nearest, command->name + size + 1);
    }
    return nearest.found;
}

static int see_help(struct cli *cli, int status)
{
    if (cli->command)
        return cli_hint(cli, status, "usage: pawl %s%s%s; see \"pawl help %s\"", cli->command->name,
                        *cli->command->arguments ? " " : "", cli->command->arguments, cli->command->name);
    return cli_hint(cli, status, "see \"pawl help\"");
}

/* ---- options ---- */

static const struct cli_option *find_option(const struct cli_option *options, const char *name, size_t size)
{
    for (; options && options->name; options++)
        if (strlen(options->name) == size && memcmp(options->name, name, size) == 0)
            return options;
    return NULL;
}

static int set_global(struct cli *cli, const struct cli_option *option, const char *value)
{
    const struct {
        const char *name;
        bool *flag;
        const char **text;
    } globals[] = {{"store", NULL, &cli->store_url}, {"scope", &cli->scope_given, &cli->scope},
                   {"json", &cli->json, NULL},       {"quiet", &cli->quiet, NULL},
                   {"help", &cli->wants_help, NULL}, {"version", &cli->wants_version, NULL}};
    for (size_t i = 0; i < COUNT_OF(globals); i++) {
        if (strcmp(globals[i].name, option->name) != 0)
            continue;
        if (globals[i].flag)
            *globals[i].flag = true;
        if (globals[i].text)
            *globals[i].text = value;
    }
    return PAWL_OK;
}

static int give(struct parse *parse, const struct cli_option *option, const char *value)
{
    struct cli *cli = parse->cli;
    for (size_t i = 0; i < cli->given_count && !option->repeats; i++)
        if (cli->given[i].option == option)
            return see_help(cli, cli_fail(cli, PAWL_EINVAL, "--%s is given twice", option->name));
    if (!pawli_arena_reserve(&cli->arena, (void **)&cli->given, sizeof *cli->given, cli->given_count + 1,
                             &parse->given_room))
        return pawli_no_memory(&cli->error);
    cli->given[cli->given_count++] = (struct cli_given){option, value};
    return PAWL_OK;
}

static int parse_option(struct parse *parse, const char *word)
{
    struct cli *cli = parse->cli;
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *own = cli->command ? find_option(cli->command->options, name, size) : NULL;
    const struct cli_option *option = own ? own : find_option(cli_global_options, name, size);
    const char *meant = option ? NULL : nearest_option(cli, name, size);
    if (meant)
        return cli_hint(cli,
                        cli_fail(cli, PAWL_EINVAL, "%s%s has no option --%.*s", cli->command ? "" : "pawl",
                                 cli->command ? cli->command->name : "", (int)(size > 60 ? 60 : size), name),
                        "did you mean --%s?", meant);
    if (!option)
        return see_help(cli, cli_fail(cli, PAWL_EINVAL, "%s%s has no option --%.*s", cli->command ? "" : "pawl",
                                      cli->command ? cli->command->name : "", (int)(size > 60 ? 60 : size), name));
    if (!option->value && equals)
        return see_help(cli, cli_fail(cli, PAWL_EINVAL, "--%s takes no value", option->name));
    const char *value = equals ? equals + 1 : NULL;
    if (option->value && !value) {
        if (parse->at == parse->count)
            return see_help(cli, cli_fail(cli, PAWL_EINVAL, "--%s needs a value: %s", option->name, option->value));
        value = parse->words[parse->at++];
    }
    return own ? give(parse, option, value) : set_global(cli, option, value);
}

/* ---- words ---- */

static int parse_name(struct parse *parse, const char *word)
{
    struct cli *cli = parse->cli;
    if (parse->group) {
        struct text name = pawli_arena_format(&cli->arena, "%s %s", parse->group, word);
        cli->command = name.data ? find_command(name.data) : NULL;
        const char *meant = cli->command ? NULL : nearest_command(&cli->arena, parse->group, word);
        if (!cli->command)
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "pawl %s has no command \"%.60s\"", parse->group, word),
                            "%s%s%sthere are: %s", meant ? "did you mean \"" : "", meant ? meant : "",
                            meant ? "\"? " : "", members_of(&cli->arena, parse->group).data);
        return PAWL_OK;
    }
    cli->command = find_command(word);
    if (cli->command)
        return PAWL_OK;
    const char *meant = is_group(word) ? NULL : nearest_command(&cli->arena, NULL, word);
    if (!is_group(word))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "pawl has no command \"%.60s\"", word),
                        meant ? "did you mean \"pawl %s\"? See \"pawl help\"" : "see \"pawl help\"", meant);
    parse->group = word;
    return PAWL_OK;
}

static int parse_word(struct parse *parse, const char *word)
{
    struct cli *cli = parse->cli;
    if (!cli->command)
        return parse_name(parse, word);
    if (!pawli_arena_reserve(&cli->arena, (void **)&cli->arguments, sizeof *cli->arguments, cli->argument_count + 1,
                             &parse->argument_room))
        return pawli_no_memory(&cli->error);
    cli->arguments[cli->argument_count++] = word;
    return PAWL_OK;
}

/* How many arguments "LANE TARGET [DATA]" means: one a word, at least those without brackets, any number after dots. */
static void count_arguments(const char *arguments, size_t *min, size_t *max)
{
    *min = *max = 0;
    for (const char *at = arguments; *at;) {
        size_t size = strcspn(at, " ");
        *min += *at != '[';
        *max += 1;
        for (size_t i = 0; i + 2 < size; i++)
            if (memcmp(at + i, "...", 3) == 0)
                *max = SIZE_MAX;
        if (*max == SIZE_MAX)
            return;
        at += size + (at[size] == ' ');
    }
}

static int check_arguments(struct cli *cli)
{
    size_t min, max;
    count_arguments(cli->command->arguments, &min, &max);
    if (cli->argument_count < min)
        return see_help(cli, cli_fail(cli, PAWL_EINVAL, "pawl %s needs %zu argument%s, %zu given", cli->command->name,
                                      min, min == 1 ? "" : "s", cli->argument_count));
    if (cli->argument_count > max)
        return see_help(cli, cli_fail(cli, PAWL_EINVAL, "pawl %s does not know what to do with \"%.60s\"",
                                      cli->command->name, cli->arguments[max]));
    return PAWL_OK;
}

int cli_parse(struct cli *cli, int count, char **words)
{
    struct parse parse = {.cli = cli, .words = words, .count = count};
    bool only_words = false;
    while (parse.at < count) {
        const char *word = words[parse.at++];
        int status;
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && strcmp(word, "-h") == 0)
            word = "--help";
        status = !only_words && starts_with(word, "--") ? parse_option(&parse, word) : parse_word(&parse, word);
        if (status < 0)
            return status;
    }
    cli->group = parse.group;
    if (cli->wants_help || cli->wants_version)
        return PAWL_OK;
    if (!cli->command)
        return parse.group ? cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "pawl %s needs a command", parse.group),
                                      "there are: %s", members_of(&cli->arena, parse.group).data)
                           : cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "no command is given"), "see \"pawl help\"");
    return check_arguments(cli);
}

/* ---- what was asked ---- */

const char *cli_option_next(const struct cli *cli, const char *name, size_t *at)
{
    while (*at < cli->given_count) {
        const struct cli_given *given = &cli->given[(*at)++];
        if (strcmp(given->option->name, name) == 0)
            return given->value;
    }
    return NULL;
}

const char *cli_option(const struct cli *cli, const char *name)
{
    size_t at = 0;
    return cli_option_next(cli, name, &at);
}

bool cli_has(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->given_count; i++)
        if (strcmp(cli->given[i].option->name, name) == 0)
            return true;
    return false;
}

const char *cli_argument(const struct cli *cli, size_t index)
{
    return index < cli->argument_count ? cli->arguments[index] : NULL;
}

int cli_number(struct cli *cli, const char *field, const char *text, int64_t min, int64_t max, int64_t *value)
{
    int64_t number;
    if (!pawli_parse_i64(text_of(text), &number))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s \"%.60s\" is not a whole number in range", field, text),
                        "use %lld to %lld", (long long)min, (long long)max);
    if (number < min || number > max)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s is %lld, outside its range", field, (long long)number),
                        "use %lld to %lld", (long long)min, (long long)max);
    *value = number;
    return PAWL_OK;
}

int cli_option_number(struct cli *cli, const char *name, int64_t min, int64_t max, int64_t *value)
{
    const char *text = cli_option(cli, name);
    return text ? cli_number(cli, name, text, min, max, value) : PAWL_OK;
}

int cli_uuid(struct cli *cli, const char *field, const char *text, pawl_uuid *id)
{
    if (pawl_uuid_parse(text, id, NULL) == PAWL_OK)
        return PAWL_OK;
    return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s \"%.60s\" is not a UUID, or the nil one", field, text),
                    "write its 36 characters, such as 018f4e7a-2c5b-7d3e-9f10-6b1c2d3e4f50");
}

int cli_option_uuid(struct cli *cli, const char *name, pawl_uuid *id)
{
    const char *text = cli_option(cli, name);
    return text ? cli_uuid(cli, name, text, id) : PAWL_OK;
}

int cli_duration(struct cli *cli, const char *field, const char *text, int64_t min, int64_t max, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text, "0123456789"), unit = 0;
    int64_t number, value;
    while (unit < COUNT_OF(units) && strcmp(text + digits, units[unit].unit) != 0)
        unit++;
    if (!pawli_parse_i64((struct text){text, digits}, &number) || unit == COUNT_OF(units) ||
        __builtin_mul_overflow(number, units[unit].ms, &value))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s \"%.60s\" is not a time in range", field, text),
                        "use %lld to %lld milliseconds, or a number with a unit: 250ms, 5s, 3m, 2h, 1d", (long long)min,
                        (long long)max);
    if (value < min || value > max)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s is %lld ms, outside its range", field, (long long)value),
                        "use %lld to %lld milliseconds", (long long)min, (long long)max);
    *ms = value;
    return PAWL_OK;
}

int cli_option_duration(struct cli *cli, const char *name, int64_t min, int64_t max, int64_t *ms)
{
    const char *text = cli_option(cli, name);
    return text ? cli_duration(cli, name, text, min, max, ms) : PAWL_OK;
}

int cli_option_moment(struct cli *cli, const char *name, int64_t *unix_ms)
{
    const char *text = cli_option(cli, name);
    int64_t ms = 0, now = cli_now_ms();
    if (!text)
        return PAWL_OK;
    int status = cli_duration(cli, name, text, 1, INT64_MAX - 1, &ms);
    bool is_age = text[strspn(text, "0123456789")] != '\0';
    if (status == PAWL_OK)
        *unix_ms = !is_age ? ms : ms < now ? now - ms : 1;
    return status;
}

/* "17-3f0a" */
static bool is_short_id(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '-' && strlen(text + digits + 1) == 4 &&
           strspn(text + digits + 1, "0123456789abcdefABCDEF") == 4;
}

int cli_message_id(struct cli *cli, const char *field, const char *text, pawl_uuid *id)
{
    if (is_short_id(text))
        return pawl_message_find(cli->store, text, id, &cli->error);
    int status = cli_uuid(cli, field, text, id);
    return status < 0 ? cli_hint(cli, status, "write its 36 characters, or the short form that tables show: 17-3f0a")
                      : PAWL_OK;
}

int cli_option_message_id(struct cli *cli, const char *name, pawl_uuid *id)
{
    const char *text = cli_option(cli, name);
    return text ? cli_message_id(cli, name, text, id) : PAWL_OK;
}

/* Who asks: as he says, else as the system knows him. */
static const char *actor(const struct cli *cli)
{
    const char *given = cli_option(cli, "actor"), *env = getenv("PAWL_ACTOR");
    if (given || (env && *env))
        return given ? given : env;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_name && *user->pw_name ? user->pw_name : "cli";
}

int cli_request(struct cli *cli)
{
    const char *id = cli_option(cli, "id"), *from = cli_option(cli, "id-from");
    if (from && id)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "--id and --id-from are both given"),
                        "--id takes a UUID, --id-from makes one of any text");
    if (from && !*from)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "id-from is blank"),
                        "give the natural key of the command, such as an order number");
    if (id)
        return cli_uuid(cli, "id", id, &cli->request_id);
    if (!cli_has(cli, "jsonl")) /* each line has its own */
        cli->request_id = from ? pawl_request_id_from(from, strlen(from)) : pawl_request_id_new();
    return PAWL_OK;
}

pawl_operation cli_operation(const struct cli *cli)
{
    return (pawl_operation){PAWL_OPERATION, .request_id = cli->request_id, .reason = cli_option(cli, "reason"),
                            .actor = actor(cli)};
}
