/* SPDX-License-Identifier: MIT */
/* The outside world as one table: clocks, randomness, waiting and waking, work on other threads, and what processes of one
 * machine share beside a store (a gate of byte locks, a bell). The core reaches the world through nothing else, so that
 * the simulator (env/sim) can stand in its place. */
#ifndef PAWLI_ENV_H
#define PAWLI_ENV_H

#include <stdatomic.h>

#include "base/base.h"
#include "base/uuid.h"
#include "env/file.h"

/* Two clocks, two types. Boot time goes on during suspend and is never set: for waiting, deadlines, leases. Wall time is
 * what people mean: for available_at, expiry, retention. */
struct boot_time {
    int64_t ns;
};
struct wall_time {
    int64_t ms;
};

#define BOOT_NEVER ((struct boot_time){INT64_MAX})
#define WALL_NEVER ((struct wall_time){INT64_MAX})

static inline bool boot_before(struct boot_time a, struct boot_time b)
{
    return a.ns < b.ns;
}

static inline struct boot_time boot_earlier(struct boot_time a, struct boot_time b)
{
    return a.ns < b.ns ? a : b;
}

static inline struct boot_time boot_after_ms(struct boot_time from, int64_t ms)
{
    return (struct boot_time){add_saturating(from.ns, mul_saturating(ms, 1000000))};
}

/* A time that was reckoned, however far, is not never: that is only ever said. */
static inline struct wall_time wall_after_ms(struct wall_time from, int64_t ms)
{
    int64_t sum = add_saturating(from.ms, ms);
    return (struct wall_time){from.ms == INT64_MAX || sum < INT64_MAX ? sum : INT64_MAX - 1};
}

/* When it will be `when` on the wall, if nobody sets the clock. */
static inline struct boot_time boot_of_wall(struct wall_time when, struct wall_time wall_now, struct boot_time boot_now)
{
    return when.ms == INT64_MAX     ? BOOT_NEVER
           : when.ms <= wall_now.ms ? boot_now
                                    : boot_after_ms(boot_now, add_saturating(when.ms, -wall_now.ms));
}

struct env;
struct engine;
struct gate;
struct bell;

#define POOL_THREADS 32 /* at most */
#define POOL_HANGING 24 /* of these, for jobs that may hang: the rest is for those that pawl itself cannot do without */

/* Work that may block, run on another thread; then `done` runs in a step of the engine that asked. The caller owns the
 * job and keeps it until then. */
struct job {
    void (*run)(struct job *job);
    void (*done)(struct job *job);
    struct engine *engine;
    struct job *next; /* the pool's and the inbox's */
    bool may_hang;    /* nobody knows when it returns: it is somebody else's code, or somebody else's file */
};

enum gate_mode { GATE_SHARED, GATE_EXCLUSIVE };
enum gate_result { GATE_LOCKED, GATE_TAKEN, GATE_FAILED };

/* Byte locks of a file, as every process of the machine sees them. A dead process holds none. */
struct gate_ops {
    enum gate_result (*lock)(struct gate *gate, int64_t byte, enum gate_mode mode, struct boot_time until);
    void (*unlock)(struct gate *gate, int64_t byte);
    bool (*is_held)(struct gate *gate, int64_t byte); /* by anybody, this gate included */
    bool (*is_held_by_others)(struct gate *gate, int64_t byte);
    int (*fd)(struct gate *gate); /* of its file; -1: it has none */
    void (*close)(struct gate *gate);
};
struct gate {
    const struct gate_ops *ops;
};

/* Numbers that are written after a commit, the first after every one, and a descriptor that becomes readable then. */
#define BELL_NUMBERS 2
struct bell_ops {
    void (*ring)(struct bell *bell, uint64_t value, unsigned count); /* the first `count` numbers */
    uint64_t (*value)(struct bell *bell, unsigned which);
    int (*fd)(struct bell *bell); /* -1: cannot be watched, poll */
    void (*drain)(struct bell *bell);
    /* Until that number is no longer `seen`, or earlier; not because another one changed. */
    void (*wait)(struct bell *bell, unsigned which, uint64_t seen, struct boot_time until);
    void (*close)(struct bell *bell);
};
struct bell {
    const struct bell_ops *ops;
};

struct env_ops {
    struct wall_time (*wall_now)(struct env *env);
    struct boot_time (*boot_now)(struct env *env);
    void (*boot_id)(struct env *env, pawl_uuid *id); /* another boot, another id */
    void (*random)(struct env *env, void *out, size_t size);
    /* Sleeps while *word is `expected`, at the longest until `until`; may return early. */
    void (*wait)(struct env *env, _Atomic uint32_t *word, uint32_t expected, struct boot_time until);
    void (*wake)(struct env *env, _Atomic uint32_t *word, int waiters);
    void (*offload)(struct env *env, struct job *job);
    int (*gate)(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err);
    int (*bell)(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err);
    /* For a handle that only reads: nothing is made, only shared locks can be taken; what is not there holds no lock and
     * never rings. */
    int (*gate_as_found)(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err);
    int (*bell_as_found)(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err);
    /* Of the file system that an open file or folder is on; false: nobody knows. */
    bool (*room)(struct env *env, int fd, struct file_room *ret_room);
    void (*close)(struct env *env);
};

struct env {
    const struct env_ops *ops;
};

/* The real one. Opening it starts no thread; the first offloaded job does, and closing joins them. */
int pawli_env_real(struct env **ret_env, pawl_error *err);

#endif
