/* SPDX-License-Identifier: MIT */
/* Client libraries on demand; see library.h. */
#include "sink/library.h"

#include <dlfcn.h>
#include <stdio.h>

bool pawli_library_load(const struct library *library, void *table, char *problem, size_t room)
{
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        snprintf(problem, room, "%s cannot be loaded: install Debian's package %s on the machine that sends",
                 library->file, library->package);
        return false;
    }
    for (size_t i = 0; i < library->count; i++) {
        void *function = dlsym(handle, library->functions[i].name);
        memcpy((char *)table + library->functions[i].offset, &function, sizeof function);
        if (!function) {
            snprintf(problem, room, "%s has no %s: it is not the one of Debian's package %s", library->file,
                     library->functions[i].name, library->package);
            return false;
        }
    }
    return true;
}
