/* SPDX-License-Identifier: MIT */
/* Configuration: defaults, then one INI file, then the environment, then flags. Read once, checked as a whole, then only
 * passed down. What is unknown is an error that says where it stands. */
#ifndef PAWLI_CONFIG_H
#define PAWLI_CONFIG_H

#include "base/arena.h"

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

struct config_list {
    const char **items;
    size_t count, room;
};

enum config_field {
#define CONFIG_TEXT(field, ...)   CONFIG_##field,
#define CONFIG_LIST(field, ...)   CONFIG_##field,
#define CONFIG_NUMBER(field, ...) CONFIG_##field,
#include "server/config.def"
#undef CONFIG_TEXT
#undef CONFIG_LIST
#undef CONFIG_NUMBER
    CONFIG_FIELD_COUNT
};

struct config {
#define CONFIG_TEXT(field, ...)   const char *field;
#define CONFIG_LIST(field, ...)   struct config_list field;
#define CONFIG_NUMBER(field, ...) uint32_t field;
#include "server/config.def"
#undef CONFIG_TEXT
#undef CONFIG_LIST
#undef CONFIG_NUMBER
    enum config_source sources[CONFIG_FIELD_COUNT];
    struct arena arena; /* holds every text of it */
};

/* The table, for help, the manual and the doctor: 0, 1, … until NULL. */
struct config_key {
    const char *name, *initial, *takes, *meaning;
    bool is_list, is_number;
    uint32_t min, max;
    size_t at; /* in struct config */
};
const struct config_key *pawli_config_key(size_t index);

void pawli_config_init(struct config *config); /* the defaults */
void pawli_config_done(struct config *config);

/* In this order; each beats the one before. A list from a later source replaces that of an earlier one. */
int pawli_config_read_file(struct config *config, const char *path, pawl_error *err);
int pawli_config_read_environment(struct config *config, pawl_error *err);
int pawli_config_set(struct config *config, const char *name, const char *value, enum config_source source,
                     pawl_error *err);

const char *pawli_config_source(enum config_source source); /* "default", "file", "environment", "flag" */

/* A value as text, such as "10.0.0.0/8, 127.0.0.1"; in the arena. */
struct text pawli_config_show(const struct config *config, size_t index, struct arena *arena);

#endif
