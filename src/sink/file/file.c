/* SPDX-License-Identifier: MIT */
/* The sink for files: "file:/PATH" appends a line of JSON for each message.
 *
 *   1  Delivered means that the line is whole and synced.
 *   2  What waits for a file when it is free goes in one write and one sync, on a thread of the pool; a file has one writer
 *      in this process, and a lock (flock) keeps the writers of other processes apart.
 *   3  A write that failed is taken back. A line that a crash tore is removed before the next one is written: its message was
 *      never settled as delivered, so it comes again. Foreign bytes are never removed.
 *   4  The folder, with all links followed, lies below an allowed one; the file itself is no link, and none of the store's
 *      own, whatever its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "env/file.h"
#include "model/limits.h"
#include "model/view_json.h"
#include "sink/answer.h"

#define LINE_SIZE_MAX (8 * LIMIT_BODY) /* base64 or escapes of a payload, headers, texts */
#define BATCH_MAX     (8 * 1024 * 1024)
#define LOCK_WAIT_MS  1000
#define LOCK_PAUSE_MS 5
#define LINE_START    "{\"id\":\""

struct entry {
    struct entry *next;
    struct send *send; /* NULL: given up */
    struct buffer line;
};

/* A file that is or was written to. */
struct target_file {
    struct job job;
    struct target_file *next;
    struct file_sink *sink;
    struct entry *waiting, **waiting_last;
    /* Of the job under way: */
    bool is_writing;
    struct entry *written;
    enum verdict verdict;
    char problem[LIMIT_ERROR_TEXT];
    char path[];
};

struct file_sink {
    struct sink sink;
    struct sink_host host;
    struct target_file *files;
    unsigned writing;
};

static struct file_sink *file_of(struct sink *sink)
{
    return (struct file_sink *)sink;
}

/* ---- on a thread of the pool ---- */

static enum verdict refuse(struct target_file *file, enum verdict verdict, const char *what)
{
    snprintf(file->problem, sizeof file->problem, "%s %s", what, file->path);
    return verdict;
}

static enum verdict fail(struct target_file *file, enum verdict verdict, const char *what)
{
    int problem = errno;
    snprintf(file->problem, sizeof file->problem, "cannot %s %s: %s", what, file->path, strerror(problem));
    return verdict == VERDICT_RETRY && pawli_is_shortage(problem) ? VERDICT_DEFERRED : verdict;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* A folder below another, by a path that has no links and no dots: one that has got some since is not followed. */
static int open_below(int allowed, const char *rest)
{
    const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, allowed, *rest ? rest : ".", &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) /* EPERM: a filter that does not know the call */
        return fd;
    fd = openat(allowed, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && *rest) {
        char name[NAME_MAX + 1];
        size_t size = strcspn(rest, "/");
        snprintf(name, sizeof name, "%.*s", (int)size, rest);
        int parent = fd;
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int problem = errno;
        close(parent);
        errno = problem;
        rest += size + (rest[size] == '/');
    }
    return fd;
}

/* Opens the folder where all links lead, through the allowed one that it lies in. */
static enum verdict open_folder(struct target_file *file, int *ret_folder, const char **ret_name)
{
    const struct sink_rules *rules = file->sink->host.rules;
    char folder[LIMIT_URL + 1];
    const char *name = strrchr(file->path, '/') + 1;
    snprintf(folder, sizeof folder, "%.*s", (int)(name - file->path), file->path);
    PAWL_AUTO(pawli_path_free) char *real = realpath(folder, NULL), *allowed = NULL;
    if (!real)
        return fail(file, VERDICT_RETRY, "find the folder of");
    allowed = pawli_path_allowed(real, rules->file_dirs, rules->file_dir_count);
    if (!allowed)
        return refuse(file, VERDICT_DEFERRED, "this process may not write (--allow-file) to");
    PAWL_AUTO(close_fd) int root = open(allowed, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    const char *rest = real + strlen(allowed);
    *ret_folder = root < 0 ? -1 : open_below(root, rest + strspn(rest, "/"));
    *ret_name = name;
    return *ret_folder < 0 ? fail(file, VERDICT_RETRY, "open the folder of") : VERDICT_DELIVERED;
}

/* Others of us need it for moments; whoever keeps it longer must not keep this thread. */
static enum verdict lock(struct target_file *file, int fd)
{
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_PAUSE_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(file, VERDICT_RETRY, "lock");
        if (waited_ms >= LOCK_WAIT_MS)
            return refuse(file, VERDICT_DEFERRED, "another process has locked");
        nanosleep(&pause, NULL);
    }
    return VERDICT_DELIVERED;
}

static enum verdict open_file(struct target_file *file, int *ret_fd)
{
    const char *name = NULL;
    PAWL_AUTO(close_fd) int folder = -1;
    enum verdict verdict = open_folder(file, &folder, &name);
    if (verdict != VERDICT_DELIVERED)
        return verdict;
    int fd = openat(folder, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    struct stat stat;
    if (fd < 0)
        return fail(file, VERDICT_RETRY, "open");
    *ret_fd = fd;
    if (fstat(fd, &stat) < 0)
        return fail(file, VERDICT_RETRY, "open");
    if (!S_ISREG(stat.st_mode))
        return refuse(file, VERDICT_RETRY, "this is no regular file:");
    if (pawli_file_is_held(fd))
        return refuse(file, VERDICT_DEFERRED, "this is a file of the store itself:");
    if (stat.st_size == 0 && fsync(folder) < 0) /* its name must last as its lines do */
        return fail(file, VERDICT_RETRY, "sync the folder of");
    return lock(file, fd);
}

/* What stands behind the last line feed; absent when that is more than a line of ours has, or cannot be read. */
static struct text read_tail(int fd, off_t size, struct arena *arena)
{
    size_t want = size < LINE_SIZE_MAX ? (size_t)size : LINE_SIZE_MAX;
    char *bytes = pawli_arena_alloc_raw(arena, want);
    if (!bytes || pread(fd, bytes, want, size - (off_t)want) != (ssize_t)want)
        return (struct text){0};
    const char *feed = memrchr(bytes, '\n', want);
    if (!feed && (off_t)want < size)
        return (struct text){0};
    const char *tail = feed ? feed + 1 : bytes;
    return (struct text){tail, (size_t)(bytes + want - tail)};
}

/* Whether these bytes are the beginning of a line of ours, and not the whole of it. */
static bool is_torn(struct text tail)
{
    static const char start[] = LINE_START;
    size_t size = tail.size < sizeof start - 1 ? tail.size : sizeof start - 1;
    return memcmp(tail.data, start, size) == 0 && pawli_json_check_holder(tail, NULL, NULL) == JSON_BAD;
}

/* The next line must begin behind a line feed. *size is where it will. */
static enum verdict repair(struct target_file *file, int fd, off_t *size)
{
    struct stat stat;
    char last = '\n';
    if (fstat(fd, &stat) < 0 || (stat.st_size > 0 && pread(fd, &last, 1, stat.st_size - 1) != 1))
        return fail(file, VERDICT_RETRY, "read");
    *size = stat.st_size;
    if (last == '\n')
        return VERDICT_DELIVERED;
    struct arena arena = {0};
    struct text tail = read_tail(fd, stat.st_size, &arena);
    bool torn = tail.data && is_torn(tail);
    pawli_arena_done(&arena);
    if (torn) {
        *size -= (off_t)tail.size;
        return ftruncate(fd, *size) < 0 ? fail(file, VERDICT_RETRY, "repair") : VERDICT_DELIVERED;
    }
    *size += 1;
    return write(fd, "\n", 1) != 1 ? fail(file, VERDICT_RETRY, "write to") : VERDICT_DELIVERED;
}

static bool write_all(int fd, struct text bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = (struct text){bytes.data + written, bytes.size - (size_t)written};
    }
    return true;
}

static enum verdict append(struct target_file *file)
{
    PAWL_AUTO(close_fd) int fd = -1;
    off_t size = 0;
    enum verdict verdict = open_file(file, &fd);
    if (verdict == VERDICT_DELIVERED)
        verdict = repair(file, fd, &size);
    if (verdict != VERDICT_DELIVERED)
        return verdict;
    for (const struct entry *entry = file->written; entry; entry = entry->next)
        if (!write_all(fd, buffer_text(&entry->line))) {
            verdict = fail(file, VERDICT_RETRY, "write to");
            return ftruncate(fd, size) < 0 ? VERDICT_UNCERTAIN : verdict;
        }
    return fdatasync(fd) < 0 ? fail(file, VERDICT_UNCERTAIN, "sync") : VERDICT_DELIVERED;
}

static void run(struct job *job)
{
    struct target_file *file = (struct target_file *)job;
    file->verdict = append(file);
}

/* ---- on the loop's thread ---- */

static void free_entry(struct entry *entry)
{
    pawli_buffer_done(&entry->line);
    pawli_free(entry);
}

static void answer(struct entry *entry, enum verdict verdict, struct text error)
{
    struct send *send = PAWL_TAKE(entry->send);
    if (!send)
        return;
    send->is_unsent = verdict == VERDICT_RETRY || verdict == VERDICT_DEFERRED; /* not one byte of it is there */
    pawli_send_done(send, verdict, error);
}

static void finished(struct job *job);

/* Takes what waits, up to the limit of a batch, to a thread. */
static void start_writing(struct target_file *file)
{
    size_t size = 0;
    struct entry **at = &file->waiting;
    if (file->is_writing || !file->waiting)
        return;
    do {
        size += (*at)->line.size;
        at = &(*at)->next;
    } while (*at && size < BATCH_MAX);
    struct entry *rest = *at;
    *at = NULL;
    file->written = file->waiting;
    file->waiting = rest;
    if (!rest)
        file->waiting_last = &file->waiting;
    file->is_writing = true;
    file->sink->writing++;
    file->job = (struct job){.run = run, .done = finished, .engine = file->sink->host.engine, .may_hang = true};
    file->sink->host.env->ops->offload(file->sink->host.env, &file->job);
}

static void finished(struct job *job)
{
    struct target_file *file = (struct target_file *)job;
    struct text error = file->verdict == VERDICT_DELIVERED ? (struct text){0} : text_of(file->problem);
    file->is_writing = false;
    file->sink->writing--;
    for (struct entry *entry = PAWL_TAKE(file->written), *next; entry; entry = next) {
        next = entry->next;
        answer(entry, file->verdict, error);
        free_entry(entry);
    }
    start_writing(file);
}

static struct target_file *file_for(struct file_sink *sink, const char *path)
{
    for (struct target_file *file = sink->files; file; file = file->next)
        if (strcmp(file->path, path) == 0)
            return file;
    size_t size = strlen(path) + 1;
    struct target_file *file = pawli_alloc(sizeof *file + size);
    if (!file)
        return NULL;
    file->sink = sink;
    file->waiting_last = &file->waiting;
    memcpy(file->path, path, size);
    file->next = sink->files;
    sink->files = file;
    return file;
}

static struct entry *make_entry(struct send *send)
{
    struct entry *entry = pawli_alloc(sizeof *entry);
    if (!entry)
        return NULL;
    struct buffer json;
    entry->send = send;
    buffer_init(&json, LINE_SIZE_MAX);
    buffer_init(&entry->line, LINE_SIZE_MAX);
    struct json_writer writer = {.out = &json};
    pawli_json_open(&writer, '{');
    pawli_message_json(&writer, send->message);
    pawli_json_close(&writer, '}');
    pawli_escape_json(&entry->line, buffer_text(&json)); /* as the command prints it: people look into such files */
    pawli_buffer_add_char(&entry->line, '\n');
    entry->line.failed |= json.failed;
    pawli_buffer_done(&json);
    if (!entry->line.failed)
        return entry;
    free_entry(entry);
    return NULL;
}

static void file_send(struct sink *base, struct send *send)
{
    const char *path = pawli_url_path(send->url), *name = path ? strrchr(path, '/') + 1 : "";
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        pawli_send_malformed(send, "file: wants the absolute path of a file");
        return;
    }
    struct target_file *file = file_for(file_of(base), path);
    struct entry *entry = file ? make_entry(send) : NULL;
    if (!entry) {
        pawli_send_unsent(send, VERDICT_DEFERRED, "out of memory; nothing was written");
        return;
    }
    send->sink_data = file;
    *file->waiting_last = entry;
    file->waiting_last = &entry->next;
    start_writing(file);
}

static bool give_up(struct entry *entries, const struct send *send, enum verdict verdict, struct text error)
{
    for (struct entry *entry = entries; entry; entry = entry->next)
        if (entry->send == send) {
            answer(entry, verdict, error);
            return true;
        }
    return false;
}

static void drop_waiting(struct target_file *file, const struct send *send)
{
    struct entry **at = &file->waiting;
    while (*at && (*at)->send != send)
        at = &(*at)->next;
    struct entry *entry = *at;
    PAWL_ASSERT(entry); /* a send under way is in one of the two lists */
    *at = entry->next;
    if (!entry->next)
        file->waiting_last = at;
    answer(entry, VERDICT_DEFERRED, TEXT("the file was busy; nothing was written"));
    free_entry(entry);
}

static void file_cancel(struct sink *base, struct send *send)
{
    struct target_file *file = send->sink_data;
    (void)base;
    if (!give_up(file->written, send, VERDICT_UNCERTAIN, TEXT("the file was not synced in time")))
        drop_waiting(file, send);
}

/* ---- life ---- */

static bool file_is_idle(struct sink *base)
{
    return file_of(base)->writing == 0;
}

static int file_open(const struct sink_host *host, struct sink **ret_sink, pawl_error *err)
{
    struct file_sink *sink = pawli_alloc(sizeof *sink);
    if (!sink)
        return pawli_no_memory(err);
    *sink = (struct file_sink){.sink = {&pawli_sink_file}, .host = *host};
    *ret_sink = &sink->sink;
    return PAWL_OK;
}

static void file_close(struct sink *base)
{
    struct file_sink *sink = file_of(base);
    for (struct target_file *file = sink->files, *next; file; file = next) {
        next = file->next;
        PAWL_ASSERT(!file->waiting);
        pawli_free(file);
    }
    pawli_free(sink);
}

static const char *const schemes[] = {"file", NULL};

static int file_check(const struct sink_rules *rules, pawl_error *err)
{
    return pawli_check_folders(rules->file_dirs, rules->file_dir_count, err);
}

const struct sink_ops pawli_sink_file = {
    .name = "file",
    .schemes = schemes,
    .check = file_check,
    .open = file_open,
    .send = file_send,
    .cancel = file_cancel,
    .close = file_close,
    .is_idle = file_is_idle,
};
