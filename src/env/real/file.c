/* SPDX-License-Identifier: MIT */
/* The process's list of descriptors of stores' files, and how they are opened. */
#include "env/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PERMISSIONS 0666

/* Every descriptor that was opened here and not closed. Of the process, like the locks. */
struct held {
    struct held *next;
    int fd;
    bool is_shared, is_idle; /* idle: for the next opening of the same file, see the fourth rule */
    dev_t device;
    ino_t inode;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct held *held;
static _Atomic unsigned forks;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    for (struct held *entry = held; entry; entry = entry->next)
        close(entry->fd);
    held = NULL; /* not freed: another thread may have been in the allocator */
    atomic_fetch_add(&forks, 1);
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, in_child);
}

unsigned pawli_file_forks(void)
{
    pthread_once(&once, watch_forks);
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

static bool has_record_lock(const char *descriptor)
{
    char path[300], line[256];
    bool has = false;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%s", descriptor);
    FILE *info = fopen(path, "re");
    while (info && !has && fgets(line, sizeof line, info))
        has = strncmp(line, "lock:", 5) == 0 && strstr(line, "POSIX") != NULL;
    if (info)
        fclose(info);
    return has;
}

/* Whether another SQLite of this process has a lock that closing this descriptor would drop. Where nobody can tell, the answer
 * is yes. (/proc/locks is no witness: it is read in pieces, and while others come and go it leaves some out.) */
static bool closing_would_drop(int fd)
{
    struct flock any = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &any) == 0 && any.l_type == F_UNLCK)
        return false; /* nobody has any on this file */
    DIR *folder = opendir("/proc/self/fdinfo");
    bool holds = !folder;
    for (const struct dirent *entry; !holds && (entry = readdir(folder)) != NULL;)
        holds = entry->d_name[0] != '.' && has_record_lock(entry->d_name);
    if (folder)
        closedir(folder);
    return holds;
}

bool pawli_file_is_held(int fd)
{
    struct stat facts;
    bool is_held = false;
    if (fstat(fd, &facts) < 0)
        return false;
    pthread_mutex_lock(&lock);
    for (const struct held *entry = held; entry && !is_held; entry = entry->next)
        is_held = entry->device == facts.st_dev && entry->inode == facts.st_ino;
    pthread_mutex_unlock(&lock);
    return is_held;
}

static void drop(struct held **at)
{
    struct held *entry = *at;
    *at = entry->next;
    close(entry->fd);
    pawli_free(entry);
}

static struct held **find_held(int fd)
{
    struct held **at = &held;
    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

/* What kept those that are idle may be gone. */
static void drop_idle(void)
{
    for (struct held **at = &held; *at;)
        if ((*at)->is_idle && !closing_would_drop((*at)->fd))
            drop(at);
        else
            at = &(*at)->next;
}

void pawli_file_close(int fd, unsigned opened_after)
{
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    if (fd < 0 || opened_after != pawli_file_forks())
        return;
    pthread_mutex_lock(&lock);
    struct held **at = find_held(fd);
    PAWL_ASSERT(*at != NULL);
    fcntl(fd, F_OFD_SETLK, &all); /* a child that is being made may have the description for a moment */
    (*at)->is_idle = true;
    if (!(*at)->is_shared)
        drop(at);
    drop_idle();
    pthread_mutex_unlock(&lock);
}

static int take_idle(const struct file_at *at, int flags)
{
    struct stat facts;
    int fd = -1;
    pthread_mutex_lock(&lock);
    for (struct held *entry = held; entry && fd < 0; entry = entry->next)
        if (entry->is_idle && fstatat(at->folder, at->name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
            entry->device == facts.st_dev && entry->inode == facts.st_ino &&
            (fcntl(entry->fd, F_GETFL) & O_ACCMODE) == (flags & O_ACCMODE)) {
            entry->is_idle = false;
            fd = entry->fd;
        }
    pthread_mutex_unlock(&lock);
    return fd;
}

/* The file is as the database is, as far as we may: who made it, and when, does not matter. */
void pawli_file_liken(int fd, int like)
{
    struct stat is, shall;
    if (like < 0 || fstat(fd, &is) < 0 || fstat(like, &shall) < 0 || is.st_nlink != 1)
        return; /* what has another name may be something else's too */
    mode_t mode = shall.st_mode & PERMISSIONS;
    /* A failure is nobody's error: who may not give the file away keeps it, and who may not open it is told. */
    int done = 0;
    if (is.st_uid != shall.st_uid && geteuid() == 0)
        done |= fchown(fd, shall.st_uid, shall.st_gid);
    else if (is.st_gid != shall.st_gid)
        done |= fchown(fd, (uid_t)-1, shall.st_gid);
    if ((is.st_mode & PERMISSIONS) != mode)
        done |= fchmod(fd, mode);
    (void)done;
}

/* The lowest that is free may be where a program prints to. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), error = errno;
    close(fd);
    errno = error;
    return above;
}

/* Under the lock, so that no fork finds one that is open and on no list. */
static int open_held(const struct file_at *at, int flags, struct held *entry)
{
    struct stat facts;
    int fd;
    do
        fd = openat(at->folder, at->name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    while (fd < 0 && errno == EINTR);
    fd = above_standard(fd);
    if (fd < 0 || fstat(fd, &facts) < 0)
        return -errno;
    if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) {
        close(fd);
        return -ENXIO;
    }
    *entry = (struct held){
        .next = held, .fd = fd, .is_shared = at->is_shared, .device = facts.st_dev, .inode = facts.st_ino};
    held = entry;
    return fd;
}

int pawli_file_look(int folder, const char *name, struct file_facts *facts)
{
    struct statx is;
    if (statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_INO | STATX_NLINK | STATX_SIZE, &is) < 0)
        return -errno;
    *facts = (struct file_facts){.device = makedev(is.stx_dev_major, is.stx_dev_minor),
                                 .inode = is.stx_ino,
                                 .links = is.stx_nlink,
                                 .size = (off_t)is.stx_size};
    return 0;
}

int pawli_file_open(const struct file_at *at, int flags)
{
    pthread_once(&once, watch_forks);
    int fd = at->is_shared ? take_idle(at, flags) : -1;
    if (fd >= 0)
        return fd;
    struct held *entry = pawli_alloc(sizeof *entry);
    if (!entry)
        return -ENOMEM;
    pthread_mutex_lock(&lock);
    fd = open_held(at, flags, entry);
    pthread_mutex_unlock(&lock);
    if (fd < 0)
        pawli_free(entry);
    else if ((flags & O_ACCMODE) != O_RDONLY)
        pawli_file_liken(fd, at->like);
    return fd;
}

int pawli_file_fail(const struct file_at *at, int error, pawl_error *err)
{
    if (error == ELOOP)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%s\" is a link", at->path),
                          "pawl writes through no link: remove it, or put the store itself elsewhere");
    if (error == ENXIO || error == EISDIR)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%s\" is no regular file", at->path),
                          "remove it, or put the store elsewhere");
    return pawli_hint(err, pawli_fail(err, PAWL_EUNAVAIL, "cannot open \"%s\": %s", at->path, strerror(error)),
                      "check that the folder of the store exists and may be written to");
}
