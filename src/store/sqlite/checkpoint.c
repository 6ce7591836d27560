/* SPDX-License-Identifier: MIT */
/* Checkpoints: from the log into the database file. Explicit ones only, with their results looked at: an automatic one
 * swallows its errors. Where an engine tends the store, the bulk is copied on a second connection beside the commits, and
 * the writer finishes the few frames that came meanwhile, so that the log starts anew and does not grow. */
#include "store/sqlite/sqlite.h"

/* Frames that the writer may copy itself between two commits. */
#define FINISH_FRAMES 512
#define ROUNDS_MAX    8

#define MOMENT_MS 100

/* Of the log's index, in words of 4 bytes. */
#define INDEX_SIZE   32768
#define INDEX_FRAMES 4  /* mxFrame */
#define INDEX_COPIED 24 /* nBackfill */
#define INDEX_PAGE   7  /* szPage: of 2 bytes, the second half of the word 3; 1 means 65536 */
#define FRAME_HEADER 24

/* An affected SQLite (3.7.0 to 3.51.2 but for 3.50.7 and 3.44.6) can lose commits in a PASSIVE checkpoint. */
static bool passive_is_safe(void)
{
    int version = sqlite3_libversion_number();
    return version >= 3051003 || version == 3050007 || version == 3044006;
}

int pawli_checkpoint(struct sqlite_store *store, struct connection *connection, int mode, int *ret_left,
                     pawl_error *err)
{
    int frames = 0, copied = 0;
    /* Who opens or closes waits for another one's checkpoint, and for nobody who reads for hours. */
    bool is_brief = mode == SQLITE_CHECKPOINT_TRUNCATE;
    if (mode == SQLITE_CHECKPOINT_PASSIVE && !passive_is_safe())
        mode = SQLITE_CHECKPOINT_TRUNCATE;
    if (is_brief)
        pawli_connection_waits(connection, MOMENT_MS);
    int code = sqlite3_wal_checkpoint_v2(connection->db, NULL, mode, &frames, &copied);
    pawli_connection_waits(connection, store->store.busy_ms);
    /* What was committed while it copied is not in `frames`; the writer's own count knows. */
    int now = atomic_load(&store->wal_frames);
    *ret_left = mode == SQLITE_CHECKPOINT_TRUNCATE && code == SQLITE_OK ? 0 : (now > frames ? now : frames) - copied;
    if ((code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED)
        return STORE_OK; /* a reader or writer is in the way; the log is whole, and the next one copies it */
    return (int)pawli_sqlite_result(store, connection->db, code, WRITE_CHECKPOINT, err);
}

/* The shared index of the log, as the format of SQLite's log has it: how many frames it has, and how many were copied. */
void pawli_sqlite_log(struct store *base, uint64_t *size, uint64_t *waiting)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct reader *reader;
    sqlite3_file *file = NULL;
    void volatile *index = NULL;
    sqlite3_int64 log_size = 0;
    *size = *waiting = 0;
    if (pawli_sqlite_log_size(store, &log_size) == SQLITE_OK)
        *size = (uint64_t)log_size;
    if (*size == 0 || store->is_read_as_found || pawli_sqlite_reader(base, &reader, NULL) != STORE_OK)
        return;
    struct call call = pawli_call(reader->connection, SQL_get_store); /* maps the index */
    pawli_call_row(&call);
    if (pawli_call_end(&call) == SQLITE_OK &&
        sqlite3_file_control(reader->connection->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file->pMethods && file->pMethods->xShmMap(file, 0, INDEX_SIZE, 0, &index) == SQLITE_OK && index) {
        const volatile uint32_t *words = index;
        uint32_t frames = words[INDEX_FRAMES], copied = words[INDEX_COPIED];
        uint32_t page = ((const volatile uint16_t *)index)[INDEX_PAGE];
        *waiting = frames > copied ? (uint64_t)(frames - copied) * (FRAME_HEADER + (page == 1 ? 65536 : page)) : 0;
    }
    pawli_sqlite_reader_done(base, reader);
}

static bool has_anchor(const struct sqlite_store *store)
{
    return store->anchor_file && !store->is_restored;
}

/* A checkpoint syncs the database file only when it reached the end of the log. Beside a busy writer it never does, and
 * whoever finishes would pay for all of it in one stall. */
static enum store_result sync_database(struct sqlite_store *store, struct connection *connection, pawl_error *err)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file->pMethods)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    return pawli_sqlite_result(store, connection->db, code, WRITE_CHECKPOINT, err);
}

/* On the writer's connection, by a leader that holds the turnstile: nobody writes meanwhile. */
void pawli_checkpoint_after_commit(struct sqlite_store *store)
{
    bool finish = atomic_exchange(&store->wants_checkpoint, false);
    bool alone = !atomic_load(&store->engine_tends) && store->wal_frames >= store->checkpoint_frames;
    int left;
    if (!finish && !alone)
        return;
    /* Its errors poison the file, so the next call says so: this commit is durable whatever becomes of its checkpoint. */
    if (pawli_checkpoint(store, store->writer, SQLITE_CHECKPOINT_PASSIVE, &left, NULL) == STORE_OK && has_anchor(store))
        pawli_sqlite_result(store, NULL, pawli_anchor_keep(store, left == 0), WRITE_CHECKPOINT, NULL);
    if (left == 0)
        atomic_store(&store->wal_frames, 0); /* the next commit begins the log anew */
}

bool pawli_sqlite_needs_tending(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    return store->wal_frames >= store->checkpoint_frames && !atomic_load(&store->wants_checkpoint);
}

enum store_result pawli_sqlite_tend(struct store *base, pawl_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    enum store_result result = pawli_sqlite_usable(store, err);
    int left = 0;
    pthread_mutex_lock(&store->tend_lock);
    if (result == STORE_OK && !store->tender && pawli_connection_open(store, false, &store->tender, err) < 0)
        result = STORE_UNAVAILABLE;
    /* What came while it copied is copied in the next round, until little enough is left for the writer to finish. */
    for (int round = 0; result == STORE_OK && round < ROUNDS_MAX && (round == 0 || left > FINISH_FRAMES); round++) {
        result = (enum store_result)pawli_checkpoint(store, store->tender, SQLITE_CHECKPOINT_PASSIVE, &left, err);
        if (result == STORE_OK)
            result = sync_database(store, store->tender, err);
        if (result == STORE_OK && has_anchor(store))
            result = pawli_sqlite_result(store, NULL, pawli_anchor_sync(store), WRITE_CHECKPOINT, err);
    }
    if (result == STORE_OK)
        atomic_store(&store->wants_checkpoint, true);
    pthread_mutex_unlock(&store->tend_lock);
    return result;
}
