/* SPDX-License-Identifier: MIT */
#include "workflow/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ZONE_FOLDER                                                                                                    \
    "/usr/share/zoneinfo" /* unless TZDIR says where the system's zones are, as the C library takes it */

static int read_all(int fd, char *into, size_t room, size_t *ret_size)
{
    size_t size = 0;
    for (ssize_t got = 1; got != 0 && size<room; size += got> 0 ? (size_t)got : 0) {
        got = read(fd, into + size, room - size);
        if (got < 0 && errno != EINTR)
            return -errno;
    }
    *ret_size = size;
    return 0;
}

static int read_zone(struct text name, struct arena *arena, struct zone *zone, pawl_error *err)
{
    const char *folder = getenv("TZDIR");
    char path[512];
    if (name.size > ZONE_NAME_MAX)
        return pawli_fail(err, PAWL_EINVAL, "zone is longer than %d bytes", ZONE_NAME_MAX);
    snprintf(path, sizeof path, "%s/%.*s", folder && *folder ? folder : ZONE_FOLDER, TEXT_ARG(name));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), error = fd < 0 ? -errno : 0;
    size_t size = 0;
    char *bytes = error == 0 ? pawli_arena_alloc_raw(arena, ZONE_SIZE_MAX + 1) : NULL;
    if (bytes)
        error = read_all(fd, bytes, ZONE_SIZE_MAX + 1, &size);
    if (fd >= 0)
        close(fd);
    if (error == -ENOENT || error == -EISDIR || error == -ENOTDIR)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "zone \"%.*s\" is not in the system's database", TEXT_ARG(name)),
                          "use a name such as Europe/Berlin; they are the files below %s (of package tzdata)",
                          folder && *folder ? folder : ZONE_FOLDER);
    if (error < 0)
        return pawli_fail(err, PAWL_EUNAVAIL, "cannot read zone \"%.*s\": %s", TEXT_ARG(name), strerror(-error));
    return bytes ? pawli_zone_parse((struct text){bytes, size}, arena, zone, err) : pawli_no_memory(err);
}

int pawli_read_timing(const struct schedule_row *row, struct arena *arena, struct timing *timing, pawl_error *err)
{
    *timing = (struct timing){.zone = pawli_zone_utc};
    timing->schedule = (struct schedule){.name = row->name,
                                         .every_ms = row->every_ms,
                                         .added = row->added,
                                         .missed = (enum schedule_missed)row->missed,
                                         .catch_up = row->catch_up,
                                         .jitter_ms = row->jitter_ms};
    if (!row->cron.data)
        return PAWL_OK;
    timing->schedule.cron = &timing->cron;
    timing->schedule.zone = &timing->zone;
    int status = pawli_cron_parse(row->cron, &timing->cron, err);
    bool is_utc = !row->zone.data || text_is(row->zone, "UTC");
    if (status == PAWL_OK && !is_utc)
        status = pawli_zone_check_name("zone", row->zone, err);
    return status == PAWL_OK && !is_utc ? read_zone(row->zone, arena, &timing->zone, err) : status;
}
