/* SPDX-License-Identifier: MIT */
/* Preloaded into the command: a clock that stands still at STILL_MS (Unix milliseconds), and random bytes that are the same for the
 * same STILL_MS, so that two runs print the same. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BOOTED_MS 1700000000000 /* long before */

static int64_t still_ms(void)
{
    const char *given = getenv("STILL_MS");
    return given ? strtoll(given, NULL, 10) : BOOTED_MS;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int64_t ms = still_ms() - (clock == CLOCK_BOOTTIME ? BOOTED_MS : 0);
    if (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME)
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = (struct timespec){ms / 1000, ms % 1000 * 1000000};
    return 0;
}

ssize_t getrandom(void *out, size_t size, unsigned flags)
{
    static uint64_t state;
    (void)flags;
    for (size_t i = 0; i < size; i++) { /* splitmix64 */
        state = state ? state : (uint64_t)still_ms();
        uint64_t z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        ((unsigned char *)out)[i] = (unsigned char)(z ^ (z >> 31));
    }
    return (ssize_t)size;
}
