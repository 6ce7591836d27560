/* SPDX-License-Identifier: MIT */
/* Presets: sets of keys of a policy that are set together, under a name. */
#ifndef PAWLI_PRESET_H
#define PAWLI_PRESET_H

#include "base/base.h"
#include "pawl/operator.h"

#define PRESET_KEY "preset"

struct preset {
    const char *name, *meaning;
    const pawl_setting *settings;
    size_t count;
};
extern const struct preset pawli_presets[];
extern const size_t pawli_preset_count;

/* EINVAL: none has that name. */
int pawli_preset_find(struct text name, const struct preset **ret_preset, pawl_error *err);

#endif
