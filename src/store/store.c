/* SPDX-License-Identifier: MIT */
/* The checked door. Bad input was refused above; what a store answers wrongly is our bug, and an assertion. */
#include "env/file.h"
#include "store/store.h"

#include <errno.h>

static const struct store_ops *const stores[] = {&pawli_store_sqlite, &pawli_store_memory};

bool pawli_store_url_parse(struct text url, struct store_url *parts)
{
    const char *colon = url.size ? memchr(url.data, ':', url.size) : NULL;
    if (!colon)
        return false;
    *parts = (struct store_url){.scheme = {url.data, (size_t)(colon - url.data)}};
    parts->path = (struct text){colon + 1, url.size - parts->scheme.size - 1};
    const char *mark = parts->path.size ? memchr(parts->path.data, '?', parts->path.size) : NULL;
    if (mark) {
        parts->options = (struct text){mark + 1, parts->path.size - (size_t)(mark - parts->path.data) - 1};
        parts->path.size = (size_t)(mark - parts->path.data);
    }
    return true;
}

struct text pawli_store_url_option(const struct store_url *url, const char *name)
{
    struct text left = url->options;
    size_t name_size = strlen(name);
    while (left.size > 0) {
        const char *end = memchr(left.data, '&', left.size);
        size_t size = end ? (size_t)(end - left.data) : left.size;
        if (size > name_size && memcmp(left.data, name, name_size) == 0 && left.data[name_size] == '=')
            return (struct text){left.data + name_size + 1, size - name_size - 1};
        left = (struct text){left.data + size + (end != NULL), left.size - size - (end != NULL)};
    }
    return (struct text){0};
}

static const char *const *find_name(struct text option, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(names[i]);
        if (option.size > size && option.data[size] == '=' && memcmp(option.data, names[i], size) == 0)
            return &names[i];
    }
    return NULL;
}

int pawli_store_url_check(const struct store_url *url, const char *const *names, size_t count, pawl_error *err)
{
    struct text left = url->options;
    while (left.size > 0) {
        const char *end = memchr(left.data, '&', left.size);
        struct text option = {left.data, end ? (size_t)(end - left.data) : left.size};
        const char *const *name = find_name(option, names, count);
        if (!name)
            return pawli_hint(
                err,
                pawli_fail(err, PAWL_EINVAL, "a store has no option \"%.*s\"", option.size > 80 ? 80 : (int)option.size,
                           option.data),
                "known are mode=ro, mode=rw, mode=rwc, into=1, vfs=NAME, checkpoint_frames=N, disk_warn=N "
                "and disk_refuse=N");
        if (pawli_store_url_option(url, *name).data != option.data + strlen(*name) + 1)
            return pawli_fail(err, PAWL_EINVAL, "the option %s is given twice", *name);
        left = (struct text){left.data + option.size + (end != NULL), left.size - option.size - (end != NULL)};
    }
    return PAWL_OK;
}

int pawli_store_open(const struct store_open *how, struct env *env, struct store **ret_store, struct store_facts *facts,
                     pawl_error *err)
{
    for (size_t i = 0; i < COUNT_OF(stores); i++)
        if (text_is(how->url.scheme, stores[i]->name))
            return stores[i]->open(how, env, ret_store, facts, err);
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EUNSUPPORTED, "no store is called \"%.*s\"",
                                 how->url.scheme.size > 40 ? 40 : (int)how->url.scheme.size, how->url.scheme.data),
                      "use sqlite:FILE or memory:");
}

void pawli_filter_init(struct store *filter, const struct store_ops *ops, struct store *below)
{
    *filter = *below;
    filter->ops = ops;
    filter->below = below;
}

/* From a filter that leaves the operation out to the nearest below that has it. */
#define PASS_ON(store, operation)                                                                                      \
    while (!(store)->ops->operation) {                                                                                 \
        PAWL_ASSERT((store)->below);                                                                                   \
        (store) = (store)->below;                                                                                      \
    }

void pawli_store_close(struct store *store)
{
    PASS_ON(store, close);
    store->ops->close(store);
}

bool pawli_store_is_here(const struct store *store)
{
    return store->forks == pawli_file_forks();
}

int pawli_store_check(const struct store *store, pawl_error *err)
{
    if (pawli_store_is_here(store))
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EIO, "the store was opened by another process, before a fork"),
                      "open the store in the process that uses it");
}

int pawli_store_check_write(const struct store *store, pawl_error *err)
{
    int status = pawli_store_check(store, err);
    if (status == PAWL_OK && store->read_only)
        status = pawli_hint(err,
                            pawli_native(err, pawli_fail(err, PAWL_EREFUSED, "the store was opened read-only"), EROFS),
                            "open it without read_only, or mode=ro, to write");
    return status;
}

static enum store_result of_check(int status)
{
    return status == PAWL_OK ? STORE_OK : status == PAWL_EREFUSED ? STORE_REFUSED : STORE_POISONED;
}

static enum store_result checked(enum store_result result)
{
    PAWL_ASSERT(result < STORE_RESULT_COUNT);
    return result;
}

static enum store_result settled(enum store_result result)
{
    PAWL_ASSERT(result != STORE_PENDING);
    return checked(result);
}

/* ---- asked once: what filters call ---- */

enum store_result pawli_below_begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err)
{
    PASS_ON(store, begin);
    return checked(store->ops->begin(store, until, ret_txn, err));
}

enum store_result pawli_below_join(struct store *store, void *native, struct txn **ret_txn, pawl_error *err)
{
    PASS_ON(store, join);
    return checked(store->ops->join(store, native, ret_txn, err));
}

enum store_result pawli_below_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err)
{
    PASS_ON(store, load);
    return checked(store->ops->load(store, txn, view, err));
}

enum store_result pawli_below_save(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                                   pawl_error *err)
{
    PASS_ON(store, save);
    return checked(store->ops->save(store, txn, view, syncs, err));
}

enum store_result pawli_below_resolve(struct store *store, const struct committer_row *marker, bool *ret_committed,
                                      pawl_error *err)
{
    PASS_ON(store, resolve);
    return checked(store->ops->resolve(store, marker, ret_committed, err));
}

enum store_result pawli_below_reader(struct store *store, struct reader **ret_reader, pawl_error *err)
{
    PASS_ON(store, reader);
    return checked(store->ops->reader(store, ret_reader, err));
}

enum store_result pawli_below_read(struct store *store, struct reader *reader, const struct query *query,
                                   struct page *page, pawl_error *err)
{
    PASS_ON(store, read);
    return checked(store->ops->read(store, reader, query, page, err));
}

/* ---- what is pending is waited for ---- */

/* Whether to ask again: it was pending, and there is time left. */
static bool again(struct store *store, enum store_result result, struct boot_time until)
{
    const struct env *env = store->env;
    if (result != STORE_PENDING || env->ops->boot_now(store->env).ns >= until.ns)
        return false;
    PASS_ON(store, ready);
    store->ops->ready(store, until);
    return true;
}

/* What a call that is pending still, when nobody waits for it any more, is to its caller. */
static enum store_result in_time(enum store_result result, enum store_result late, pawl_error *err)
{
    if (result != STORE_PENDING)
        return result;
    if (late != STORE_BUSY)
        return pawli_store_fail(err, late);
    pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "the store did not answer in time: nothing was written"), "try again");
    return STORE_BUSY;
}

static struct boot_time patience(const struct store *store)
{
    return boot_after_ms(store->env->ops->boot_now(store->env), store->busy_ms);
}

enum store_result pawli_store_begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err)
{
    enum store_result result = of_check(pawli_store_check_write(store, err));
    if (result != STORE_OK)
        return result;
    struct boot_time by = boot_earlier(until, patience(store));
    do {
        result = pawli_below_begin(store, until, ret_txn, err);
    } while (again(store, result, by));
    return in_time(result, STORE_BUSY, err);
}

enum store_result pawli_store_join(struct store *store, void *native, struct boot_time until, struct txn **ret_txn,
                                   pawl_error *err)
{
    PAWL_ASSERT(pawli_store_can(store, STORE_CAN_JOIN));
    enum store_result result = of_check(pawli_store_check_write(store, err));
    if (result != STORE_OK)
        return result;
    do {
        result = pawli_below_join(store, native, ret_txn, err);
    } while (again(store, result, until));
    return in_time(result, STORE_BUSY, err);
}

static void check_task(const struct view_task *task)
{
    const struct task_row *row = &task->row;
    PAWL_ASSERT(row->number == task->number);
    PAWL_ASSERT(row->place > PLACE_NONE && row->place < PLACE_COUNT);
    if (row->place == PLACE_CLAIMED)
        PAWL_ASSERT(row->token != 0);
    if (row->place == PLACE_BLOCKED)
        PAWL_ASSERT(row->key.data != NULL);
    if (row->key.data)
        PAWL_ASSERT(task->line != NULL);
    PAWL_ASSERT(task->queue->row.kind == task->kind);
    if (task->body)
        PAWL_ASSERT(task->body->number == row->number);
}

static void check_loaded(const struct view *view)
{
    for (size_t i = 0; i < view->due_count; i++) {
        const struct view_due *due = view->dues[i];
        PAWL_ASSERT(due->count <= due->limit);
        for (uint32_t j = 0; j < due->count; j++) {
            if (due->tasks[j]->slot.is_damaged)
                continue;
            PAWL_ASSERT(due->tasks[j]->row.place == PLACE_READY);
            PAWL_ASSERT(due->tasks[j]->row.due.ms <= view->wall.ms);
            PAWL_ASSERT(due->tasks[j]->body != NULL);
            PAWL_ASSERT(due->tasks[j]->queue == due->queue);
        }
    }
    for (size_t i = 0; i < view->tasks.count; i++) {
        const struct view_task *task = view->tasks.at[i];
        if (task->slot.found)
            check_task(task);
    }
    for (size_t i = 0; i < view->scopes.count; i++) {
        const struct view_scope *scope = view->scopes.at[i];
        PAWL_ASSERT(scope->slot.is_damaged || scope->slot.found == (scope->row.id != 0));
    }
}

enum store_result pawli_store_load(struct store *store, struct txn *txn, struct boot_time until, struct view *view,
                                   pawl_error *err)
{
    enum store_result result;
    do {
        result = pawli_below_load(store, txn, view, err);
    } while (again(store, result, until));
    if (result == STORE_OK)
        check_loaded(view);
    return in_time(result, STORE_BUSY, err);
}

/* What is final never changes, but that who took over its dedupe key is named, once. */
static bool may_be_saved(const struct task_row *was, const struct task_row *row)
{
    if (was->place != PLACE_ENDED || pawli_state_kind(was->ended) != STATE_KIND_FINAL)
        return true;
    return row->place == PLACE_ENDED && row->ended == was->ended && row->ended_at.ms == was->ended_at.ms &&
           uuid_is_nil(&was->successor);
}

/* What must hold of every batch before it is written: the last look before the disk. */
static void check_saved(const struct view *view)
{
    for (size_t i = 0; i < view->tasks.count; i++) {
        const struct view_task *task = view->tasks.at[i];
        if (!task->slot.changed)
            continue;
        PAWL_ASSERT(task->purged || (task->row.place > PLACE_NONE && task->row.place < PLACE_COUNT));
        PAWL_ASSERT(task->slot.found == (task->was.place != PLACE_NONE));
        if (task->slot.found && !task->purged)
            PAWL_ASSERT(may_be_saved(&task->was, &task->row));
        if (!task->slot.found)
            PAWL_ASSERT(task->body != NULL);
        if (task->row.place == PLACE_CLAIMED && task->was.place != PLACE_CLAIMED) /* another unit may have begun anew */
            PAWL_ASSERT(task->row.attempts > 0 || task->was.phase != PHASE_SEND);
    }
    for (size_t i = 0; i < view->requests.count; i++) {
        const struct view_request *request = view->requests.at[i];
        if (request->slot.changed) {
            PAWL_ASSERT(request->slot.exists);
            PAWL_ASSERT(!request->slot.found || digest_equal(&request->row.digest, &request->found));
            PAWL_ASSERT(request->row.seq >= 1);
            PAWL_ASSERT(request->row.seq <= request->scope->row.seq);
        }
    }
    PAWL_ASSERT(view->store.row.commits == view->seen_commits + 1);
}

enum store_result pawli_store_save(struct store *store, struct txn *txn, struct boot_time until,
                                   const struct view *view, bool syncs, pawl_error *err)
{
    enum store_result result;
    check_saved(view);
    do {
        result = pawli_below_save(store, txn, view, syncs, err);
    } while (again(store, result, until));
    return in_time(result, STORE_UNKNOWN, err);
}

enum store_result pawli_store_sync(struct store *store, uint64_t commits, pawl_error *err)
{
    PASS_ON(store, sync);
    enum store_result result = settled(store->ops->sync(store, commits, err));
    /* Whatever it was, what was saved may be there or not. */
    return result == STORE_OK || result == STORE_UNKNOWN ? result : pawli_store_fail(err, STORE_UNKNOWN);
}

void pawli_store_drop(struct store *store, struct txn *txn)
{
    PASS_ON(store, drop);
    if (txn)
        store->ops->drop(store, txn);
}

#define RESOLVE_PAUSE_MS 100

/* A store that is out of reach may be there again before nobody waits for the answer any more. */
static bool is_out_of_reach(struct store *store, enum store_result result, struct boot_time until)
{
    struct env *env = store->env;
    _Atomic uint32_t nobody_wakes = 0;
    struct boot_time now = env->ops->boot_now(env);
    if ((result != STORE_UNAVAILABLE && result != STORE_BUSY) || now.ns >= until.ns)
        return false;
    env->ops->wait(env, &nobody_wakes, 0, boot_earlier(until, boot_after_ms(now, RESOLVE_PAUSE_MS)));
    return true;
}

enum store_result pawli_store_resolve(struct store *store, const struct committer_row *marker, struct boot_time until,
                                      bool *ret_committed, pawl_error *err)
{
    enum store_result result;
    do {
        result = pawli_below_resolve(store, marker, ret_committed, err);
    } while (again(store, result, until) || is_out_of_reach(store, result, until));
    return in_time(result, STORE_BUSY, err);
}

enum store_result pawli_store_reader(struct store *store, struct reader **ret_reader, pawl_error *err)
{
    enum store_result result = of_check(pawli_store_check(store, err));
    if (result != STORE_OK)
        return result;
    struct boot_time until = patience(store);
    do {
        result = pawli_below_reader(store, ret_reader, err);
    } while (again(store, result, until));
    return in_time(result, STORE_BUSY, err);
}

enum store_result pawli_store_read(struct store *store, struct reader *reader, const struct query *query,
                                   struct page *page, pawl_error *err)
{
    PAWL_ASSERT(query->kind < QUERY_KIND_COUNT);
    struct boot_time until = patience(store);
    enum store_result result;
    do {
        result = pawli_below_read(store, reader, query, page, err);
    } while (again(store, result, until));
    if (result == STORE_OK && query->limit)
        PAWL_ASSERT(page->count <= query->limit);
    return in_time(result, STORE_BUSY, err);
}

void pawli_store_done(struct store *store, struct reader *reader)
{
    PASS_ON(store, done);
    if (reader)
        store->ops->done(store, reader);
}

/* ---- the rest of the table ---- */

const char *pawli_store_name(const struct store *store)
{
    PASS_ON(store, name);
    return store->ops->name;
}

bool pawli_store_can(const struct store *store, enum store_can what)
{
    PASS_ON(store, name);
    return (store->ops->can & what) != 0;
}

int pawli_store_attach(struct store *store, void *native, void **ret_attachment, pawl_error *err)
{
    if (!pawli_store_can(store, STORE_CAN_JOIN))
        return pawli_fail(err, PAWL_EUNSUPPORTED, "the store \"%s\" has no transactions to join",
                          pawli_store_name(store));
    int status = pawli_store_check_write(store, err);
    PASS_ON(store, attach);
    return status == PAWL_OK ? store->ops->attach(store, native, ret_attachment, err) : status;
}

void pawli_store_detach(struct store *store, void *attachment)
{
    PASS_ON(store, detach);
    store->ops->detach(store, attachment);
}

int pawli_store_committed(struct store *store, void *attachment, pawl_error *err)
{
    PASS_ON(store, committed);
    return store->ops->committed(store, attachment, err);
}

uint64_t pawli_store_slot(struct store *store)
{
    PASS_ON(store, slot);
    return store->ops->slot(store);
}

void pawli_store_listen(struct store *store, bool yes)
{
    PASS_ON(store, listen);
    store->ops->listen(store, yes);
}

uint64_t pawli_store_news(struct store *store, enum news what)
{
    PASS_ON(store, news);
    return store->ops->news(store, what);
}

void pawli_store_wait(struct store *store, enum news what, uint64_t seen, struct boot_time until)
{
    PASS_ON(store, wait);
    store->ops->wait(store, what, seen, until);
}

int pawli_store_watch_fd(struct store *store, struct boot_time *poll)
{
    PASS_ON(store, watch_fd);
    return store->ops->watch_fd(store, poll);
}

bool pawli_store_rang(struct store *store)
{
    PASS_ON(store, rang);
    return store->ops->rang(store);
}

enum store_result pawli_store_tend(struct store *store, pawl_error *err)
{
    PASS_ON(store, tend);
    return settled(store->ops->tend(store, err));
}

bool pawli_store_needs_tending(struct store *store)
{
    PASS_ON(store, needs_tending);
    return store->ops->needs_tending(store);
}

void pawli_store_engine_tends(struct store *store, bool yes)
{
    PASS_ON(store, engine_tends);
    store->ops->engine_tends(store, yes);
}

enum store_result pawli_store_backup(struct store *store, const char *path,
                                     void (*progress)(void *data, int left, int total), void *data, pawl_error *err)
{
    PASS_ON(store, backup);
    return settled(store->ops->backup(store, path, progress, data, err));
}

enum store_result pawli_store_adopt(struct store *store, pawl_error *err)
{
    PASS_ON(store, adopt);
    return settled(store->ops->adopt(store, err));
}

bool pawli_store_was_adopted(struct store *store)
{
    PASS_ON(store, was_adopted);
    return store->ops->was_adopted(store);
}

void pawli_store_log(struct store *store, uint64_t *size, uint64_t *waiting)
{
    PASS_ON(store, log);
    store->ops->log(store, size, waiting);
}

bool pawli_store_room(struct store *store, struct file_room *ret_room)
{
    PASS_ON(store, room);
    return store->ops->room(store, ret_room);
}

void pawli_page_done(struct page *page)
{
    pawli_arena_done(&page->arena);
}

int pawli_store_query(struct store *store, const struct query *query, struct page *page, pawl_error *err)
{
    struct reader *reader = NULL;
    *page = (struct page){0};
    enum store_result result = pawli_store_reader(store, &reader, err);
    if (result == STORE_OK)
        result = pawli_store_read(store, reader, query, page, err);
    pawli_store_done(store, reader);
    if (result != STORE_OK)
        pawli_page_done(page);
    return pawli_store_status(result);
}

static const int statuses[STORE_RESULT_COUNT] = {
    [STORE_OK] = PAWL_OK,          [STORE_PENDING] = PAWL_EBUSY,        [STORE_RACE] = PAWL_EBUSY,
    [STORE_BUSY] = PAWL_EBUSY,     [STORE_UNAVAILABLE] = PAWL_EUNAVAIL, [STORE_UNKNOWN] = PAWL_EUNCERTAIN,
    [STORE_FULL] = PAWL_EREFUSED,  [STORE_NO_MEMORY] = PAWL_ENOMEM,     [STORE_CORRUPT] = PAWL_ECORRUPT,
    [STORE_INVALID] = PAWL_EINVAL, [STORE_POISONED] = PAWL_EIO,         [STORE_REFUSED] = PAWL_EREFUSED,
};

int pawli_store_status(enum store_result result)
{
    PAWL_ASSERT(result < STORE_RESULT_COUNT);
    return statuses[result];
}

enum store_result pawli_store_fail(pawl_error *err, enum store_result result)
{
    int status = statuses[result];
    switch (result) {
    case STORE_OK:
        break;
    case STORE_NO_MEMORY:
        pawli_no_memory(err);
        break;
    case STORE_FULL:
        pawli_hint(err, pawli_native(err, pawli_fail(err, status, "storage full: nothing was written"), ENOSPC),
                   "free space on the disk, then try again");
        break;
    case STORE_UNKNOWN:
        pawli_hint(err, pawli_fail(err, status, "outcome unknown: the commit was sent, its reply is lost"),
                   "open the store again and repeat the call with the same request id");
        break;
    default:
        pawli_native(err, pawli_fail(err, status, "%s", pawl_status_text(status)), result == STORE_REFUSED ? EROFS : 0);
    }
    return result;
}
