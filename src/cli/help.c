/* SPDX-License-Identifier: MIT */
/* Help, the completion and the manual's list of commands, all out of the table. */
#include "cli/commands.h"
#include "model/preset.h"

#define WIDTH  79
#define INDENT 26 /* where meanings begin */

/* Prints words from column `at`, and goes on at column `indent` of the next line. */
static void print_wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
    bool first = true;
    while (*text) {
        size_t size = strcspn(text, " ");
        if (!first && at + 1 + size > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)size, text);
        at += size + !first;
        first = false;
        text += size + (text[size] == ' ');
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const char *name, const char *meaning)
{
    if (strlen(name) + 4 > INDENT)
        fprintf(out, "  %s\n%*s", name, INDENT, "");
    else
        fprintf(out, "  %-*s", INDENT - 2, name);
    print_wrapped(out, meaning, INDENT, INDENT);
}

static void print_options(FILE *out, const struct cli_option *option)
{
    for (; option && option->name; option++) {
        char shown[80];
        snprintf(shown, sizeof shown, "--%s%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "", option->repeats ? " ..." : "");
        print_row(out, shown, option->meaning);
    }
}

#define PRESET_TEXT_SIZE 2000

/* What it is, and all that it sets. */
static const char *preset_text(size_t index, char out[PRESET_TEXT_SIZE])
{
    const char *meaning;
    const pawl_setting *settings;
    size_t count, at;
    pawl_policy_preset(index, &meaning, &settings, &count);
    at = (size_t)snprintf(out, PRESET_TEXT_SIZE, "%s:", meaning);
    for (size_t i = 0; i < count && at < PRESET_TEXT_SIZE; i++)
        at += (size_t)snprintf(out + at, PRESET_TEXT_SIZE - at, " %s=%s", settings[i].key, settings[i].value);
    return out;
}

static void print_keys(FILE *out,
                       const char *(*key_of)(size_t index, const char **ret_default, const char **ret_meaning))
{
    const char *key, *value, *meaning;
    for (size_t i = 0; (key = key_of(i, &value, &meaning)); i++) {
        char shown[80];
        snprintf(shown, sizeof shown, "%s=%s", key, value);
        print_row(out, shown, meaning);
    }
}

static void print_policy(FILE *out)
{
    const char *key;
    fputs("\nKeys of a policy, with their defaults (a target's beats its lane's):\n", out);
    print_keys(out, pawl_policy_key);
    fputs("\nPresets set many keys at once; what stands behind one beats it:\n", out);
    for (size_t i = 0; (key = pawl_policy_preset(i, NULL, NULL, NULL)); i++) {
        char shown[80], text[PRESET_TEXT_SIZE];
        snprintf(shown, sizeof shown, PRESET_KEY "=%s", key);
        print_row(out, shown, preset_text(i, text));
    }
}

static void print_all(FILE *out)
{
    fputs("usage: pawl COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands (\"pawl help COMMAND\" says more):\n", out);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        print_row(out, command->name, command->summary);
    fputs("\nOptions of all commands:\n", out);
    print_options(out, cli_global_options);
    fputs("\nExit status: 0 done, 1 internal error or storage failed, 2 usage, 3 not found,\n"
          "4 conflict, 5 busy (nothing was written), 6 outcome unknown (look before\n"
          "retrying), 7 refused, 8 corrupt or failed verification.\n",
          out);
}

void cli_print_help(const struct cli_command *command, FILE *out)
{
    if (!command) {
        print_all(out);
        return;
    }
    fprintf(out, "usage: pawl %s%s%s%s\n\n", command->name, *command->arguments ? " " : "", command->arguments,
            command->options ? " [OPTIONS]" : "");
    print_wrapped(out, command->summary, 0, 0);
    if (command->run == cli_lanes_set || command->run == cli_targets_add || command->run == cli_targets_set)
        print_policy(out);
    if (command->run == cli_kinds_set) {
        fputs("\nKeys of a kind's policy, with their defaults:\n", out);
        print_keys(out, pawl_kind_key);
    }
    if (command->options) {
        fputs("\nOptions:\n", out);
        print_options(out, command->options);
    }
    fputs("\nOptions of all commands:\n", out);
    print_options(out, cli_global_options);
}

/* Whether a command is this one, or one of this group. */
static bool is_named(const struct cli_command *command, struct text name)
{
    return strncmp(command->name, name.data, name.size) == 0 &&
           (command->name[name.size] == '\0' || command->name[name.size] == ' ');
}

bool cli_print_named(struct text name, FILE *out)
{
    size_t count = 0;
    const struct cli_command *last = NULL;
    for (const struct cli_command *command = cli_commands; command->name; command++)
        if (is_named(command, name)) {
            last = command;
            count++;
        }
    if (count <= 1) {
        if (last)
            cli_print_help(last, out);
        return last != NULL;
    }
    fprintf(out, "usage: pawl %.*s COMMAND [ARGUMENTS] [OPTIONS]\n\n", TEXT_ARG(name));
    fprintf(out, "Commands (\"pawl help %s\" says more):\n", last->name);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        if (is_named(command, name))
            print_row(out, command->name, command->summary);
    return true;
}

/* ---- the completion ---- */

static void print_option_words(FILE *out, const struct cli_option *option)
{
    for (; option && option->name; option++)
        fprintf(out, "--%s ", option->name);
}

/* A case per command, and one per first word of commands of two. */
static void print_bash(FILE *out)
{
    const char *key;
    fputs("# bash completion of pawl, made from its table of commands\n"
          "_pawl_names()\n{\n" /* of lanes or targets, as the store has them */
          "    \"${COMP_WORDS[0]}\" \"$1s\" list --json 2>/dev/null | sed -n "
          "\"s/^{\\\"$1\\\":\\\"\\([^\\\"]*\\)\\\".*/\\1/p\"\n}\n"
          "_pawl_files()\n{\n" /* a name a line, whatever blanks it has */
          "    mapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
          "    compopt -o filenames 2>/dev/null\n}\n"
          "_pawl()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} name= skip= word\n"
          "    case $prev in --store|--data|--jsonl|--secret-file|--config) _pawl_files \"$cur\"; return;;\n"
          "    --state) COMPREPLY=($(compgen -W 'pending claimed awaiting uncertain delivered dead cancelled' -- "
          "\"$cur\")); "
          "return;;\n"
          "    --outcome) COMPREPLY=($(compgen -W 'delivered pending dead' -- \"$cur\")); return;;\n"
          "    --lane|--target) COMPREPLY=($(compgen -W \"$(_pawl_names ${prev#--})\" -- \"$cur\")); return;; esac\n"
          "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
          "        case $word in --store|--scope|:|=) skip=1; continue;; esac\n" /* bash splits words at : and = */
          "        [[ $skip || $word == -* ]] || name=${name:+$name }$word\n"
          "        skip=\n"
          "    done\n"
          "    name=${name#help }\n"
          "    [[ $name == help ]] && name=\n"
          "    local options='",
          out);
    print_option_words(out, cli_global_options);
    fputs("' words=\n    case $name in\n", out);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        fprintf(out, "    '%s'|'%s '*) words='", command->name, command->name);
        print_option_words(out, command->options);
        fputs("';;\n", out);
    }
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        size_t size = strcspn(command->name, " ");
        bool again = command > cli_commands && strncmp(command[-1].name, command->name, size + 1) == 0;
        if (!command->name[size] || again)
            continue;
        fprintf(out, "    '%.*s') words='", (int)size, command->name);
        for (const struct cli_command *member = command; member->name; member++)
            if (strncmp(member->name, command->name, size + 1) == 0)
                fprintf(out, "%s ", member->name + size + 1);
        fputs("';;\n", out);
    }
    fputs("    '') words='", out);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        size_t size = strcspn(command->name, " ");
        if (command == cli_commands || strncmp(command[-1].name, command->name, size) != 0)
            fprintf(out, "%.*s ", (int)size, command->name);
    }
    fputs(
        "';;\n    esac\n    case $name in\n"
        "    'lanes set'|'lanes pause'|'lanes resume'|enqueue|claim) words+=\" $(_pawl_names lane)\";;\n"
        "    'targets set'|'targets remove'|'targets test'|'enqueue '*|'claim '*) words+=\" $(_pawl_names target)\";;\n"
        "    'lanes set '*|'targets set '*) words+='",
        out);
    for (size_t i = 0; (key = pawl_policy_key(i, NULL, NULL)); i++)
        fprintf(out, " %s=", key);
    for (size_t i = 0; (key = pawl_policy_preset(i, NULL, NULL, NULL)); i++)
        fprintf(out, " " PRESET_KEY "=%s", key);
    fputs("';;\n    esac\n"
          "    COMPREPLY=($(compgen -W \"$words $options\" -- \"$cur\"))\n"
          "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
          "    [[ -n $cur && $cur != -* && -n $name && -z ${COMPREPLY[*]} ]] && _pawl_files \"$cur\"\n"
          "    return 0\n}\ncomplete -F _pawl pawl\n",
          out);
}

/* ---- the manual ---- */

static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("*_\\", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_manual_options(FILE *out, const struct cli_option *option)
{
    for (; option && option->name; option++) {
        fprintf(out, "*--%s*", option->name);
        if (option->value) {
            fputc(' ', out);
            print_escaped(out, option->value);
        }
        fputs(option->repeats ? " ...\n\t" : "\n\t", out);
        print_escaped(out, option->meaning);
        fputs("\n\n", out);
    }
}

static void print_manual_policy(FILE *out)
{
    const char *key, *value, *meaning;
    fputs("# POLICY\n\nThe keys that *pawl lanes set*, *pawl targets set* and *pawl targets add --set* take, with "
          "their defaults. A "
          "message's\n"
          "own value beats its target's, which beats its lane's.\n\n",
          out);
    for (size_t i = 0; (key = pawl_policy_key(i, &value, &meaning)); i++) {
        fputc('*', out);
        print_escaped(out, key);
        fprintf(out, "*=%s\n\t", value);
        print_escaped(out, meaning);
        fputs("\n\n", out);
    }
    fputs(
        "# PRESETS\n\nA preset sets many keys at once, each as if it stood there; what stands behind it beats it.\n\n",
        out);
    for (size_t i = 0; (key = pawl_policy_preset(i, NULL, NULL, NULL)); i++) {
        char text[PRESET_TEXT_SIZE];
        fprintf(out, "*" PRESET_KEY "*=%s\n\t", key);
        print_escaped(out, preset_text(i, text));
        fputs("\n\n", out);
    }
}

static void print_scdoc(FILE *out)
{
    fputs("# GLOBAL OPTIONS\n\n", out);
    print_manual_options(out, cli_global_options);
    fputs("# COMMANDS\n\n", out);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        fprintf(out, "## pawl %s %s\n\n", command->name, command->arguments); /* a heading is taken as it is */
        print_escaped(out, command->summary);
        fputs("\n\n", out);
        print_manual_options(out, command->options);
    }
    print_manual_policy(out);
}

int cli_help(struct cli *cli)
{
    if (cli_has(cli, "bash")) {
        print_bash(stdout);
        return PAWL_OK;
    }
    if (cli_has(cli, "scdoc")) {
        print_scdoc(stdout);
        return PAWL_OK;
    }
    if (cli->argument_count == 0) {
        print_all(stdout);
        return PAWL_OK;
    }
    struct text name = text_of(cli_argument(cli, 0));
    if (cli->argument_count > 1)
        name = pawli_arena_format(&cli->arena, "%s %s", cli_argument(cli, 0), cli_argument(cli, 1));
    if (!name.data)
        return pawli_no_memory(&cli->error);
    if (!cli_print_named(name, stdout))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "pawl has no command \"%.60s\"", name.data),
                        "see \"pawl help\"");
    return PAWL_OK;
}
