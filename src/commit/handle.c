/* SPDX-License-Identifier: MIT */
#include "commit/handle.h"

#include "model/check.h"

#define BUSY_MS     5000
#define TIMEOUT_MS  30000
#define WAITING_MAX 16384
#define TURN_MS     50 /* of one who waits for a step and makes it himself */

#define STRUCT_MAX 65536 /* of a public struct: what is larger was not set */

static bool read_size(const void *from, size_t *size)
{
    memcpy(size, from, sizeof *size);
    return *size >= sizeof *size && *size <= STRUCT_MAX;
}

bool pawli_copy_options(void *to, size_t size, const void *from)
{
    return pawli_copy_item(to, size, from, 0);
}

bool pawli_copy_item(void *to, size_t size, const void *array, size_t index)
{
    size_t step, theirs;
    memset(to, 0, size);
    if (!array)
        return true;
    if (!read_size(array, &step) || (index > 0 && step % alignof(uint64_t) != 0))
        return false;
    const char *item = (const char *)array + index * step;
    if (!read_size(item, &theirs) || theirs != step)
        return false;
    memcpy(to, item, theirs < size ? theirs : size);
    return true;
}

int pawli_check_room(const char *name, const void *to, pawl_error *err)
{
    size_t size;
    return !to || read_size(to, &size) ? PAWL_OK : pawli_bad_struct(name, err);
}

void pawli_give_out(void *to, const void *from, size_t size)
{
    size_t theirs;
    if (!to || !read_size(to, &theirs))
        return;
    size_t both = theirs < size ? theirs : size;
    memcpy((char *)to + sizeof theirs, (const char *)from + sizeof theirs, both - sizeof theirs);
}

int pawli_bad_struct(const char *name, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the struct_size of a %s is not set", name),
                      "begin its initialiser with the macro of its name in capitals");
}

static int check_scope(struct text scope, pawl_error *err)
{
    return pawli_check_name_or_reserved("scope", scope, err);
}

static void set_scope(pawl_store *handle, struct text scope)
{
    memcpy(handle->scope_text, scope.data, scope.size);
    handle->scope_text[scope.size] = '\0';
    handle->scope = (struct text){handle->scope_text, scope.size};
}

static int open_store(struct opened *opened, const char *url, const pawl_store_options *options, pawl_error *err)
{
    struct store_open how = {.must_exist = options->must_exist,
                             .read_only = options->read_only,
                             .busy_ms = options->busy_ms ? options->busy_ms : BUSY_MS};
    if (!pawli_store_url_parse(text_of(url), &how.url))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"%.100s\" is not the URL of a store", url),
                          "write sqlite:FILE or memory:");
    struct pressure pressure = {.size = 0};
    int status = pawli_pressure_init(&pressure, &how.url, err);
    if (status == PAWL_OK)
        status = pawli_store_open(&how, opened->env, &opened->store, &opened->facts, err);
    if (status < 0)
        return status;
    size_t waiting_max = options->waiting_max ? options->waiting_max : WAITING_MAX;
    status = pawli_committer_init(&opened->committer, opened->env, opened->store, waiting_max, err);
    if (status < 0)
        pawli_store_close(opened->store);
    opened->committer.is_restored = opened->facts.was_restored;
    opened->committer.pressure = pressure;
    return status;
}

static int open_in(struct opened *opened, const char *url, const pawl_store_options *given, pawl_store **ret_store,
                   pawl_error *err)
{
    pawl_store_options options;
    if (!pawli_copy_options(&options, sizeof options, given))
        return pawli_bad_struct("pawl_store_options", err);
    struct text scope = options.scope ? text_of(options.scope) : TEXT("default");
    int status = check_scope(scope, err);
    if (status < 0)
        return status;
    pawl_store *handle = pawli_alloc(sizeof *handle);
    if (!handle)
        return pawli_no_memory(err);
    status = open_store(opened, url, &options, err);
    if (status < 0) {
        pawli_free(handle);
        return status;
    }
    pthread_mutex_init(&opened->lock, NULL);
    pthread_mutex_init(&opened->thread_lock, NULL);
    pthread_mutex_init(&opened->wait_lock, NULL);
    pthread_cond_init(&opened->told, NULL);
    opened->handles = 1;
    opened->timeout_ms = options.timeout_ms ? options.timeout_ms : TIMEOUT_MS;
    handle->opened = opened;
    set_scope(handle, scope);
    *ret_store = handle;
    return PAWL_OK;
}

int pawli_open_in(struct env *env, const char *url, const pawl_store_options *options, pawl_store **ret_store,
                  pawl_error *err)
{
    struct opened *opened = pawli_alloc(sizeof *opened);
    if (!opened)
        return pawli_no_memory(err);
    opened->env = env;
    int status = open_in(opened, url, options, ret_store, err);
    if (status < 0)
        pawli_free(opened);
    return status;
}

int pawl_store_open(const char *url, const pawl_store_options *options, pawl_store **ret_store, pawl_error *err)
{
    struct env *env;
    int status = pawli_check_given(err, url, ret_store);
    if (status == PAWL_OK)
        status = pawli_env_real(&env, err);
    if (status < 0)
        return status;
    status = pawli_open_in(env, url, options, ret_store, err);
    if (status < 0)
        env->ops->close(env);
    else
        (*ret_store)->opened->owns_env = true;
    return status;
}

int pawl_store_scope(pawl_store *store, const char *scope, pawl_store **ret_store, pawl_error *err)
{
    int status = pawli_check_given(err, store, scope, ret_store);
    if (status == PAWL_OK)
        status = check_scope(text_of(scope), err);
    if (status < 0)
        return status;
    pawl_store *handle = pawli_alloc(sizeof *handle);
    if (!handle)
        return pawli_no_memory(err);
    struct opened *opened = handle->opened = store->opened;
    set_scope(handle, text_of(scope));
    atomic_fetch_add(&opened->handles, 1);
    *ret_store = handle;
    return PAWL_OK;
}

const char *pawl_store_scope_name(const pawl_store *store)
{
    return store ? store->scope_text : NULL;
}

/* ---- the engine's loop and thread ---- */

int pawli_loop_of(struct opened *opened, struct loop **ret_loop, pawl_error *err)
{
    int status = pawli_store_check(opened->store, err);
    if (status < 0)
        return status;
    pthread_mutex_lock(&opened->lock);
    if (!opened->loop) {
        status = pawli_loop_new(opened->env, &opened->loop, err);
        if (status == PAWL_OK) {
            pawli_store_engine_tends(opened->store, true);
            pawli_loop_add(opened->loop, &opened->committer.engine);
        }
    }
    *ret_loop = opened->loop;
    pthread_mutex_unlock(&opened->lock);
    return status;
}

static void *run_loop(void *argument)
{
    struct opened *opened = argument;
    while (!atomic_load(&opened->stopping))
        pawli_loop_turn(opened->loop, BOOT_NEVER);
    /* What was submitted is answered before the thread ends. */
    while (!opened->committer.engine.ops->stop(&opened->committer.engine, BOOT_NEVER))
        pawli_loop_turn(opened->loop, boot_after_ms(opened->env->ops->boot_now(opened->env), 1));
    return NULL;
}

/* The opening behind a handle, and its loop. */
static int loop_of_handle(pawl_store *store, struct loop **ret_loop, pawl_error *err)
{
    int status = pawli_check_given(err, store);
    return status < 0 ? status : pawli_loop_of(store->opened, ret_loop, err);
}

int pawl_store_start(pawl_store *store, pawl_error *err)
{
    struct loop *loop;
    int status = loop_of_handle(store, &loop, err);
    if (status < 0)
        return status;
    struct opened *opened = store->opened;
    pthread_mutex_lock(&opened->thread_lock);
    if (!opened->has_thread) {
        atomic_store(&opened->stopping, false);
        bool started = pthread_create(&opened->thread, NULL, run_loop, opened) == 0;
        if (!started)
            status = pawli_fail(err, PAWL_EUNAVAIL, "cannot start a thread");
        pawli_store_engine_tends(opened->store, started);
        atomic_store(&opened->has_thread, started);
    }
    pthread_mutex_unlock(&opened->thread_lock);
    return status;
}

static void stop_thread(struct opened *opened)
{
    pthread_mutex_lock(&opened->thread_lock);
    if (atomic_load(&opened->has_thread)) {
        atomic_store(&opened->stopping, true);
        pawli_loop_wake(opened->loop);
        pthread_join(opened->thread, NULL);
        atomic_store(&opened->has_thread, false);
        pawli_run_tell(opened);
        pawli_store_engine_tends(opened->store, false); /* from here on who commits does */
    }
    pthread_mutex_unlock(&opened->thread_lock);
}

void pawl_store_stop(pawl_store *store)
{
    if (store && pawli_store_is_here(store->opened->store))
        stop_thread(store->opened);
}

void pawli_run_tell(struct opened *opened)
{
    pthread_mutex_lock(&opened->wait_lock);
    pthread_cond_broadcast(&opened->told);
    pthread_mutex_unlock(&opened->wait_lock);
}

void pawli_run_until(struct opened *opened, _Atomic int *word, int value)
{
    struct env *env = opened->env;
    while (atomic_load(word) != value) {
        pthread_mutex_lock(&opened->wait_lock);
        while (atomic_load(word) != value && atomic_load(&opened->has_thread))
            pthread_cond_wait(&opened->told, &opened->wait_lock);
        pthread_mutex_unlock(&opened->wait_lock);
        pthread_mutex_lock(
            &opened->thread_lock); /* no thread begins while we turn the loop, and nobody else turns it */
        if (atomic_load(word) != value && !atomic_load(&opened->has_thread))
            pawli_loop_turn(opened->loop, boot_after_ms(env->ops->boot_now(env), TURN_MS));
        pthread_mutex_unlock(&opened->thread_lock);
    }
}

int pawl_store_step(pawl_store *store, int64_t wait_ms, int64_t *ret_next_ms, pawl_error *err)
{
    struct loop *loop;
    int status = loop_of_handle(store, &loop, err);
    if (status < 0)
        return status;
    struct env *env = store->opened->env;
    struct boot_time next = pawli_loop_turn(loop, boot_after_ms(env->ops->boot_now(env), wait_ms));
    if (ret_next_ms) {
        int64_t left = next.ns - env->ops->boot_now(env).ns;
        *ret_next_ms = next.ns == INT64_MAX ? -1 : left <= 0 ? 0 : (left + 999999) / 1000000;
    }
    return PAWL_OK;
}

int pawl_store_fd(pawl_store *store, pawl_error *err)
{
    struct loop *loop;
    int status = loop_of_handle(store, &loop, err);
    return status < 0 ? status : pawli_loop_fd(loop);
}

int pawli_run_engine(struct opened *opened, struct engine *engine, pawl_error *err)
{
    struct loop *loop;
    int status = pawli_loop_of(opened, &loop, err);
    if (status == PAWL_OK)
        pawli_loop_add(loop, engine);
    return status;
}

static void close_opened(struct opened *opened)
{
    stop_thread(opened);
    pthread_mutex_lock(&opened->committer.lock);
    opened->committer.closed = true;
    pthread_mutex_unlock(&opened->committer.lock);
    /* Nobody steps any more: answer what callers left behind, and let a checkpoint under way end. */
    struct engine *engine = &opened->committer.engine;
    while (!engine->ops->stop(engine, BOOT_NEVER)) {
        struct boot_time now = opened->env->ops->boot_now(opened->env);
        if (opened->loop)
            pawli_loop_turn(opened->loop, boot_after_ms(now, 1));
        else
            engine->ops->step(engine, now);
    }
    if (opened->loop) {
        pawli_loop_remove(opened->loop, engine);
        pawli_loop_free(opened->loop);
    }
    pawli_committer_done(&opened->committer);
    pawli_store_close(opened->store);
    pthread_mutex_destroy(&opened->lock);
    pthread_mutex_destroy(&opened->thread_lock);
    pthread_mutex_destroy(&opened->wait_lock);
    pthread_cond_destroy(&opened->told);
    if (opened->owns_env)
        opened->env->ops->close(opened->env);
    pawli_free(opened);
}

void pawl_store_close(pawl_store *store)
{
    if (!store)
        return;
    struct opened *opened = store->opened;
    bool is_here = pawli_store_is_here(opened->store);
    pawli_free(store);
    /* In a child nothing else ends: what it has is the parent's, and its threads and their locks are not here. */
    if (atomic_fetch_sub(&opened->handles, 1) == 1 && is_here)
        close_opened(opened);
}

static void fill_disk(struct opened *opened, pawl_store_info *info)
{
    static const int32_t states[PRESSURE_LEVELS] = {[PRESSURE_FILLING] = PAWL_DISK_FILLING,
                                                    [PRESSURE_REFUSING] = PAWL_DISK_REFUSING,
                                                    [PRESSURE_FULL] = PAWL_DISK_FULL};
    struct pressure *pressure = &opened->committer.pressure;
    pawli_pressure_look(pressure, opened->store, opened->env->ops->boot_now(opened->env));
    info->disk_size = atomic_load(&pressure->size);
    info->disk_free = atomic_load(&pressure->free);
    info->disk_percent = atomic_load(&pressure->percent);
    info->disk_state = states[pawli_pressure_level(pressure)];
}

int pawl_store_get_info(pawl_store *store, pawl_store_info *ret_info, pawl_error *err)
{
    struct page page;
    int status = pawli_check_given(err, store, ret_info);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_store_info", ret_info, err);
    if (status == PAWL_OK)
        status = pawli_store_query(store->opened->store, &(struct query){.kind = QUERY_STORE}, &page, err);
    if (status < 0)
        return status;
    struct opened *opened = store->opened;
    pawl_store_info info = {.life = page.store.life,
                            .epoch = page.store.epoch,
                            .commits = page.store.commits,
                            .schema = opened->facts.schema,
                            .was_created = opened->facts.was_created,
                            .was_migrated = opened->facts.was_migrated,
                            .is_restored = pawli_committer_is_restored(&opened->committer),
                            .is_durable = pawli_store_can(opened->store, STORE_IS_DURABLE),
                            .is_into = opened->facts.is_into,
                            .was_put_into_wal = opened->facts.was_put_into_wal};
    pawli_page_done(&page);
    pawli_store_log(opened->store, &info.log_size, &info.log_waiting);
    fill_disk(opened, &info);
    memcpy(info.engine, opened->facts.engine, sizeof info.engine);
    memcpy(info.restored_why, opened->facts.restored_why, sizeof info.restored_why);
    pawli_give_out(ret_info, &info, sizeof info);
    return PAWL_OK;
}

int pawl_store_backup(pawl_store *store, const char *path, void (*progress)(void *data, int left, int total),
                      void *data, pawl_error *err)
{
    int status = pawli_check_given(err, store, path);
    if (status == PAWL_OK && !*path)
        status = pawli_fail(err, PAWL_EINVAL, "the backup has no file name: path is blank");
    if (status < 0)
        return status;
    return pawli_store_status(pawli_store_backup(store->opened->store, path, progress, data, err));
}
