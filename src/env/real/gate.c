/* SPDX-License-Identifier: MIT */
/* Byte locks by open file description (F_OFD_SETLK): unlike the older record locks they belong to one opening, so two
 * handles of one process exclude each other and closing another descriptor of the file drops nothing. A child of a fork
 * keeps none (env/file.h): there every lock fails. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "env/real/real.h"

struct real_gate {
    struct gate gate;
    struct env *env;
    int fd;
    unsigned forks;
    int probe; /* a second description that holds no lock: one's own locks look free to oneself */
};

/* A blocked F_OFD_SETLKW cannot be given a deadline, so waiting is looking again, soon at first. */
#define LOOK_FIRST_NS   20000
#define LOOK_LONGEST_NS 1000000

static struct real_gate *real_of(struct gate *gate)
{
    return (struct real_gate *)gate;
}

static int set_lock(int fd, int64_t byte, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int result;
    do
        result = fcntl(fd, F_OFD_SETLK, &lock);
    while (result < 0 && errno == EINTR);
    return result;
}

static enum gate_result gate_lock(struct gate *gate, int64_t byte, enum gate_mode mode, struct boot_time until)
{
    struct real_gate *real = real_of(gate);
    short type = mode == GATE_SHARED ? F_RDLCK : F_WRLCK;
    for (long pause = LOOK_FIRST_NS;; pause = pause * 3 / 2) {
        if (set_lock(real->fd, byte, type) == 0)
            return GATE_LOCKED;
        if (errno != EAGAIN && errno != EACCES)
            return GATE_FAILED;
        if (real->env->ops->boot_now(real->env).ns >= until.ns)
            return GATE_TAKEN;
        if (pause > LOOK_LONGEST_NS)
            pause = LOOK_LONGEST_NS;
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

static void gate_unlock(struct gate *gate, int64_t byte)
{
    set_lock(real_of(gate)->fd, byte, F_UNLCK);
}

static bool in_the_way(int fd, int64_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    /* When the question cannot be asked the answer is "held": a lease that ends late is safer than one that ends early. */
    return fd >= 0 && (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK);
}

static bool gate_is_held(struct gate *gate, int64_t byte)
{
    return in_the_way(real_of(gate)->probe, byte);
}

static bool gate_is_held_by_others(struct gate *gate, int64_t byte)
{
    return in_the_way(real_of(gate)->fd, byte);
}

static int gate_fd(struct gate *gate)
{
    return real_of(gate)->fd;
}

static void gate_close(struct gate *gate)
{
    struct real_gate *real = real_of(gate);
    pawli_file_close(real->fd, real->forks);
    pawli_file_close(real->probe, real->forks);
    pawli_free(real);
}

static const struct gate_ops real_gate_ops = {.lock = gate_lock,
                                              .unlock = gate_unlock,
                                              .is_held = gate_is_held,
                                              .is_held_by_others = gate_is_held_by_others,
                                              .fd = gate_fd,
                                              .close = gate_close};

static int open_gate(struct env *env, const struct file_at *at, int flags, bool must_be, struct gate **ret_gate,
                     pawl_error *err)
{
    struct real_gate *real = pawli_alloc(sizeof *real);
    if (!real)
        return pawli_no_memory(err);
    *real = (struct real_gate){.gate = {&real_gate_ops}, .env = env, .forks = pawli_file_forks()};
    real->fd = pawli_file_open(at, flags);
    bool is_missing = real->fd == -ENOENT && !must_be;
    real->probe = real->fd < 0 ? real->fd : pawli_file_open(at, flags & ~O_CREAT);
    if (real->probe < 0 && !is_missing) {
        int status = pawli_file_fail(at, -real->probe, err);
        pawli_file_close(real->fd, real->forks);
        pawli_free(real);
        return status;
    }
    *ret_gate = &real->gate;
    return PAWL_OK;
}

int pawli_gate_open(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err)
{
    return open_gate(env, at, O_RDWR | O_CREAT, true, ret_gate, err);
}

int pawli_gate_find(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err)
{
    return open_gate(env, at, O_RDONLY, false, ret_gate, err);
}
