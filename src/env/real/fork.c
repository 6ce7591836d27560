/* SPDX-License-Identifier: MIT */
/* The list of descriptors that end in a child: fork calls us before it and in the child, under the list's lock, so that
 * none is ever open and not on the list. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/base.h"
#include "env/real/fork.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct own_fd *owned;

static void before(void)
{
    pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

/* Closing drops no lock here: the parent has the description too. */
static void in_child(void)
{
    for (struct own_fd *own = owned; own; own = own->next) {
        close(own->fd);
        own->fd = -1;
        own->at = NULL;
    }
    owned = NULL;
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    int failed = pthread_atfork(before, in_parent, in_child);
    PAWL_ASSERT(failed == 0);
}

bool pawli_own_open(struct own_fd *own, int folder, const char *path, int flags, mode_t mode)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    *own = (struct own_fd){.fd = openat(folder, path, flags | O_CLOEXEC, mode), .pid = getpid()};
    if (own->fd >= 0) {
        own->next = owned;
        own->at = &owned;
        if (owned)
            owned->at = &own->next;
        owned = own;
    }
    pthread_mutex_unlock(&lock);
    return own->fd >= 0;
}

void pawli_own_close(struct own_fd *own)
{
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    pthread_mutex_lock(&lock);
    if (own->at) {
        *own->at = own->next;
        if (own->next)
            own->next->at = own->at;
        own->at = NULL;
    }
    if (own->fd >= 0) {
        if (own->pid == getpid()) /* not in a child that was made without fork: they are the parent's */
            fcntl(own->fd, F_OFD_SETLK, &all);
        close(own->fd);
        own->fd = -1;
    }
    pthread_mutex_unlock(&lock);
}
