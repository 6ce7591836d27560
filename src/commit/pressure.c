/* SPDX-License-Identifier: MIT */
#include "commit/pressure.h"

#include "base/codec.h"

#define LOOK_MS     1000
#define WARN_MARK   80
#define REFUSE_MARK 95
#define FULL_MARK   100

static int read_mark(const struct store_url *url, const char *name, unsigned initial, unsigned *mark, pawl_error *err)
{
    struct text given = pawli_store_url_option(url, name);
    uint64_t percent = initial;
    if (given.data && (!pawli_parse_u64(given, &percent) || percent > 100))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is not a number of percent", name),
                          "give 1 to 100, or 0 for never; it is %u without", initial);
    *mark = (unsigned)percent;
    return PAWL_OK;
}

int pawli_pressure_init(struct pressure *pressure, const struct store_url *url, pawl_error *err)
{
    pressure->marks[PRESSURE_FULL] = FULL_MARK;
    int status = read_mark(url, "disk_warn", WARN_MARK, &pressure->marks[PRESSURE_FILLING], err);
    return status < 0 ? status : read_mark(url, "disk_refuse", REFUSE_MARK, &pressure->marks[PRESSURE_REFUSING], err);
}

static bool reaches(const struct pressure *pressure, int level, unsigned percent, int before)
{
    static const unsigned margins[PRESSURE_LEVELS] = {
        [PRESSURE_FILLING] = 2, [PRESSURE_REFUSING] = 2, [PRESSURE_FULL] = 1};
    unsigned mark = pressure->marks[level];
    return mark && percent + (level <= before ? margins[level] : 0) >= mark;
}

void pawli_pressure_look(struct pressure *pressure, struct store *store, struct boot_time now)
{
    struct file_room room;
    int64_t next = atomic_load(&pressure->next_ns);
    if (now.ns < next || !atomic_compare_exchange_strong(&pressure->next_ns, &next, boot_after_ms(now, LOOK_MS).ns))
        return;
    if (!pawli_store_room(store, &room) || room.size == 0)
        room = (struct file_room){0};
    uint64_t used = room.size > room.free ? room.size - room.free : 0;
    unsigned percent = room.size ? (unsigned)((double)used * 100 / (double)room.size) : 0;
    int before = atomic_load(&pressure->level), level = PRESSURE_FULL;
    while (level > PRESSURE_NONE && !reaches(pressure, level, percent, before))
        level--;
    atomic_store(&pressure->size, room.size);
    atomic_store(&pressure->free, room.free);
    atomic_store(&pressure->percent, percent);
    atomic_store(&pressure->level, level);
}

void pawli_pressure_wrote(struct pressure *pressure, enum store_result result)
{
    bool is_full = result == STORE_FULL;
    if ((is_full || result == STORE_OK) && atomic_load(&pressure->write_failed) != is_full)
        atomic_store(&pressure->write_failed, is_full);
}

enum pressure_level pawli_pressure_level(const struct pressure *pressure)
{
    return atomic_load(&pressure->write_failed) ? PRESSURE_FULL : (enum pressure_level)atomic_load(&pressure->level);
}

/* Where only a write failed, the next one finds out. With no mark to refuse from, a disk that is full refuses by itself. */
unsigned pawli_pressure_refuses(const struct pressure *pressure)
{
    return atomic_load(&pressure->level) >= PRESSURE_REFUSING && pressure->marks[PRESSURE_REFUSING]
               ? atomic_load(&pressure->percent)
               : 0;
}
