/* SPDX-License-Identifier: MIT */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

static const struct config_key keys[] = {
#define CONFIG_TEXT(field, name, initial, takes, meaning)                                                              \
    {name, initial, takes, meaning, .at = offsetof(struct config, field)},
#define CONFIG_LIST(field, name, takes, meaning)                                                                       \
    {name, "", takes, meaning, .is_list = true, .at = offsetof(struct config, field)},
#define CONFIG_NUMBER(field, name, initial, min, max, meaning)                                                         \
    {name, #initial, "N", meaning, false, true, min, max, offsetof(struct config, field)},
#include "server/config.def"
#undef CONFIG_TEXT
#undef CONFIG_LIST
#undef CONFIG_NUMBER
};

static void *field_of(const struct config *config, size_t index)
{
    return (char *)(uintptr_t)config + keys[index].at;
}

const struct config_key *pawli_config_key(size_t index)
{
    return index < COUNT_OF(keys) ? &keys[index] : NULL;
}

const char *pawli_config_source(enum config_source source)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    return names[source];
}

/* ---- values ---- */

static int set_number(struct config *config, size_t index, const char *value, pawl_error *err)
{
    uint64_t number;
    if (!pawli_parse_u64(text_of(value), &number) || number < keys[index].min || number > keys[index].max)
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EINVAL, "%s is \"%.60s\", not a whole number in its range", keys[index].name, value),
            "use %u to %u", keys[index].min, keys[index].max);
    *(uint32_t *)field_of(config, index) = (uint32_t)number;
    return PAWL_OK;
}

static void add_items(struct config *config, struct config_list *list, const char *value)
{
    while (*value) {
        size_t blank = strspn(value, ", \t"), size = strcspn(value += blank, ",");
        struct text item = {value, size};
        while (item.size && (item.data[item.size - 1] == ' ' || item.data[item.size - 1] == '\t'))
            item.size--;
        value += size;
        if (item.size && pawli_arena_reserve(&config->arena, (void **)&list->items, sizeof *list->items,
                                             list->count + 1, &list->room))
            list->items[list->count++] = pawli_arena_text(&config->arena, item).data;
    }
}

int pawli_config_set(struct config *config, const char *name, const char *value, enum config_source source,
                     pawl_error *err)
{
    size_t index = 0;
    while (index < COUNT_OF(keys) && strcmp(keys[index].name, name) != 0)
        index++;
    if (index == COUNT_OF(keys))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "there is no key \"%.60s\"", name),
                          "\"pawl help serve\" lists the keys: in a file they stand without --");
    int status = PAWL_OK;
    struct config_list *list = field_of(config, index);
    if (keys[index].is_number)
        status = set_number(config, index, value, err);
    else if (!keys[index].is_list)
        *(const char **)field_of(config, index) = pawli_arena_text(&config->arena, text_of(value)).data;
    else {
        if (config->sources[index] != source)
            *list = (struct config_list){0};
        add_items(config, list, value);
    }
    config->sources[index] = source;
    return status == PAWL_OK && pawli_arena_failed(&config->arena) ? pawli_no_memory(err) : status;
}

struct text pawli_config_show(const struct config *config, size_t index, struct arena *arena)
{
    if (keys[index].is_number)
        return pawli_arena_format(arena, "%u", *(const uint32_t *)field_of(config, index));
    if (!keys[index].is_list)
        return text_of(*(const char *const *)field_of(config, index));
    const struct config_list *list = field_of(config, index);
    struct text shown = TEXT("");
    for (size_t i = 0; i < list->count; i++)
        shown = pawli_arena_format(arena, "%.*s%s%s", TEXT_ARG(shown), i ? ", " : "", list->items[i]);
    return shown;
}

/* ---- sources ---- */

struct ini_source {
    struct config *config;
    FILE *file;
    const char *path;
    int line; /* that was read last */
    int status;
    pawl_error *err;
};

static void blame(struct ini_source *source, int line)
{
    pawli_fail_in(source->err, "%.100s, line %d", source->path, line);
}

/* Reads a line for inih, which would take the rest of one that is too long for another. */
static char *read_line(char *line, int room, void *data)
{
    struct ini_source *source = data;
    if (source->status < 0 || !fgets(line, room, source->file))
        return NULL;
    source->line++;
    if (strchr(line, '\n') || feof(source->file))
        return line;
    source->status = pawli_hint(source->err, pawli_fail(source->err, PAWL_EINVAL, "the line is too long"),
                                "a list may be given on several lines, each beginning with its name");
    blame(source, source->line);
    return NULL;
}

static int take_pair(void *data, const char *section, const char *name, const char *value)
{
    struct ini_source *source = data;
    if (source->status < 0)
        return 1;
    if (*section)
        source->status = pawli_hint(source->err,
                                    pawli_fail(source->err, PAWL_EINVAL, "there is no section [%.60s]", section),
                                    "the keys stand without sections");
    else
        source->status = pawli_config_set(source->config, name, value ? value : "", CONFIG_FILE, source->err);
    if (source->status < 0)
        blame(source, source->line);
    return 1;
}

int pawli_config_read_file(struct config *config, const char *path, pawl_error *err)
{
    pawl_error error = {0};
    struct ini_source source = {.config = config, .path = path, .err = err ? err : &error, .file = fopen(path, "re")};
    if (!source.file)
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EINVAL, "the configuration file \"%.150s\" cannot be read: %s", path, strerror(errno)),
            "name a file that this process may read");
    int bad_line = ini_parse_stream(read_line, &source, take_pair, &source);
    if (source.status == PAWL_OK && ferror(source.file)) {
        source.status = pawli_fail(source.err, PAWL_EINVAL, "reading failed: %s", strerror(errno));
        blame(&source, source.line + 1);
    } else if (source.status == PAWL_OK && bad_line) {
        source.status = pawli_hint(source.err, pawli_fail(source.err, PAWL_EINVAL, "this is no \"name = value\""),
                                   "comments begin with ; or #");
        blame(&source, bad_line > 0 ? bad_line : source.line);
    }
    fclose(source.file);
    return source.status;
}

int pawli_config_read_environment(struct config *config, pawl_error *err)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char name[64];
        snprintf(name, sizeof name, "PAWL_%s", keys[i].name);
        for (char *at = name; *at; at++)
            *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
        const char *value = getenv(name);
        int status = value && *value ? pawli_config_set(config, keys[i].name, value, CONFIG_ENVIRONMENT, err) : PAWL_OK;
        if (status < 0)
            return pawli_hint(err, status, "the value comes from %s in the environment", name);
    }
    return PAWL_OK;
}

/* ---- life ---- */

void pawli_config_init(struct config *config)
{
    *config = (struct config){
#define CONFIG_TEXT(field, name, initial, ...) .field = (initial),
#define CONFIG_LIST(field, ...)
#define CONFIG_NUMBER(field, name, initial, ...) .field = (initial),
#include "server/config.def"
#undef CONFIG_TEXT
#undef CONFIG_LIST
#undef CONFIG_NUMBER
    };
}

void pawli_config_done(struct config *config)
{
    pawli_arena_done(&config->arena);
}
