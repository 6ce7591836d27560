/* SPDX-License-Identifier: MIT */
/* How full the disk of the store is, and what follows: something is told from one mark on, nothing new is taken from the
 * next on, and what is under way goes on, so that it drains.
 *
 *   1  Looked at when the store is opened, and then by whoever commits or asks, once a second at most: who does nothing costs
 *      nothing.
 *   2  A level is left only some percent below its mark: at the mark it does not flap.
 *   3  A write that found no room makes it full, whatever the file system said; one that found room ends that. */
#ifndef PAWLI_PRESSURE_H
#define PAWLI_PRESSURE_H

#include "store/store.h"

enum pressure_level { PRESSURE_NONE, PRESSURE_FILLING, PRESSURE_REFUSING, PRESSURE_FULL, PRESSURE_LEVELS };

struct pressure {
    unsigned marks[PRESSURE_LEVELS]; /* percent used; 0: there is none */
    _Atomic int64_t next_ns;         /* boot time of the next look */
    _Atomic uint64_t size, free;     /* bytes; 0: nobody knows */
    _Atomic unsigned percent;
    _Atomic int level;
    _Atomic bool write_failed;
};

/* Thresholds of the URL: disk_warn and disk_refuse. */
int pawli_pressure_init(struct pressure *pressure, const struct store_url *url, pawl_error *err);

void pawli_pressure_look(struct pressure *pressure, struct store *store, struct boot_time now);
void pawli_pressure_wrote(struct pressure *pressure, enum store_result result); /* what became of a save */

enum pressure_level pawli_pressure_level(const struct pressure *pressure);
unsigned pawli_pressure_refuses(const struct pressure *pressure); /* percent used; 0: there is room for new messages */

#endif
