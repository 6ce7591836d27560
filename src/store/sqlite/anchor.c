/* SPDX-License-Identifier: MIT */
/* The anchor: what the store says of itself in a file of its own, so that a database that was restored, copied or lost its
 * end is recognised. It says "at least": it is written after each commit, by a writer that still holds the turnstile (where
 * commits are synced later, of the last one that was synced by then), and
 * synced with each checkpoint. Three slots; one that was torn in writing fails its checksum, and the greatest of the others
 * counts. The first is written after each commit, unsynced; the other two in turn, synced with each checkpoint, so that
 * one of them is whole whatever a crash did to what was being written.
 *
 * One slot, big-endian: "pawlanc1", inode, device, epoch, commits (8 bytes each), life, boot id (16 each), 1 if the store is
 * known to be restored and 2 if the database is another program's (8); of the last checkpoint the commits that the database
 * file names, the log's salts (8 each) and the SHA-256 of the file's header (32); head count (8), then scope, seq (8 each)
 * and digest (32) of each head, zeros; the page of the store's row as of that checkpoint (4), zeros, and in the
 * last 32 bytes of the slot the SHA-256 of all before. */
#include "base/codec.h"
#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define SLOT_COUNT 3
#define SLOT_SIZE  512 /* a sector, where that means something */
#define HEAD_SIZE  (8 + 8 + DIGEST_SIZE)
#define FIXED_SIZE (8 + 4 * 8 + 2 * 16 + 3 * 8 + DIGEST_SIZE + 8)
#define PAGE_AT    (SLOT_SIZE - DIGEST_SIZE - 8)
static_assert(FIXED_SIZE + COUNT_OF(((struct anchor *)0)->heads) * HEAD_SIZE <= PAGE_AT, "the heads fit into a slot");

static const char magic[8] = {'p', 'a', 'w', 'l', 'a', 'n', 'c', '1'};

struct anchor pawli_anchor_of(const struct sqlite_store *store, const struct store_row *row)
{
    const struct file_facts *database = &store->file->files[FILE_DATABASE]; /* zero under a VFS of the caller's own */
    struct env *env = store->store.env;
    struct anchor anchor = {.life = row->life,
                            .inode = database->inode,
                            .device = database->device,
                            .epoch = row->epoch,
                            .commits = row->commits,
                            .is_into = store->names == NAMES_INTO};
    env->ops->boot_id(env, &anchor.boot_id);
    return anchor;
}

static struct digest hash_of(const uint8_t *bytes, size_t size)
{
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct digest digest = pawli_sha256(&hasher, (struct text){(const char *)bytes, size});
    if (hasher.failed)
        memset(digest.bytes, 0xFF, DIGEST_SIZE);
    pawli_hasher_done(&hasher);
    return digest;
}

static void encode(const struct anchor *anchor, uint8_t slot[SLOT_SIZE])
{
    memset(slot, 0, SLOT_SIZE);
    memcpy(slot, magic, sizeof magic);
    put_be64(slot + 8, anchor->inode);
    put_be64(slot + 16, anchor->device);
    put_be64(slot + 24, anchor->epoch);
    put_be64(slot + 32, anchor->commits);
    memcpy(slot + 40, &anchor->life, 16);
    memcpy(slot + 56, &anchor->boot_id, 16);
    put_be64(slot + 72, (uint64_t)anchor->is_restored | (uint64_t)anchor->is_into << 1);
    put_be64(slot + 80, anchor->checkpoint.commits);
    memcpy(slot + 88, anchor->checkpoint.salts, 8);
    memcpy(slot + 96, anchor->checkpoint.header.bytes, DIGEST_SIZE);
    put_be64(slot + 128, anchor->head_count);
    uint8_t *at = slot + FIXED_SIZE;
    for (uint32_t i = 0; i < anchor->head_count; i++, at += HEAD_SIZE) {
        put_be64(at, anchor->heads[i].scope);
        put_be64(at + 8, anchor->heads[i].seq);
        memcpy(at + 16, anchor->heads[i].head.bytes, DIGEST_SIZE);
    }
    put_be32(slot + PAGE_AT, anchor->checkpoint.page);
    struct digest digest = hash_of(slot, SLOT_SIZE - DIGEST_SIZE);
    memcpy(slot + SLOT_SIZE - DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
}

static bool decode(const uint8_t slot[SLOT_SIZE], struct anchor *anchor)
{
    struct digest digest = hash_of(slot, SLOT_SIZE - DIGEST_SIZE);
    if (memcmp(slot, magic, sizeof magic) != 0 ||
        memcmp(slot + SLOT_SIZE - DIGEST_SIZE, digest.bytes, DIGEST_SIZE) != 0)
        return false;
    *anchor = (struct anchor){.inode = get_be64(slot + 8),
                              .device = get_be64(slot + 16),
                              .epoch = get_be64(slot + 24),
                              .commits = get_be64(slot + 32),
                              .is_restored = (get_be64(slot + 72) & 1) != 0,
                              .is_into = (get_be64(slot + 72) & 2) != 0,
                              .checkpoint.commits = get_be64(slot + 80),
                              .checkpoint.page = get_be32(slot + PAGE_AT)};
    memcpy(&anchor->life, slot + 40, 16);
    memcpy(&anchor->boot_id, slot + 56, 16);
    memcpy(anchor->checkpoint.salts, slot + 88, 8);
    memcpy(anchor->checkpoint.header.bytes, slot + 96, DIGEST_SIZE);
    uint64_t count = get_be64(slot + 128);
    if (count > COUNT_OF(anchor->heads))
        return false;
    anchor->head_count = (uint32_t)count;
    const uint8_t *at = slot + FIXED_SIZE;
    for (uint32_t i = 0; i < anchor->head_count; i++, at += HEAD_SIZE) {
        anchor->heads[i].scope = get_be64(at);
        anchor->heads[i].seq = get_be64(at + 8);
        memcpy(anchor->heads[i].head.bytes, at + 16, DIGEST_SIZE);
    }
    return true;
}

int pawli_anchor_open(struct sqlite_store *store, bool create, pawl_error *err)
{
    if (store->anchor_file)
        return PAWL_OK;
    sqlite3_vfs *vfs = store->below;
    /* The name lives behind the file: SQLite keeps the pointer, and syncs the folder of a file that it made by that name.
     * It also reads the database's name out of a WAL's, to take its permissions over: hence the dash, and a second NUL. */
    size_t name_at = (size_t)vfs->szOsFile, name_size = strlen(store->path) + sizeof "-anchor";
    store->anchor_file = pawli_alloc(name_at + name_size + 2);
    if (!store->anchor_file)
        return pawli_no_memory(err);
    char *name = (char *)store->anchor_file + name_at;
    snprintf(name, name_size, "%s-anchor", store->path);
    int access = store->store.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int flags = access | SQLITE_OPEN_WAL | (create ? SQLITE_OPEN_CREATE : 0);
    int code = vfs->xOpen(vfs, name, store->anchor_file, flags, NULL);
    if (code == SQLITE_OK)
        return PAWL_OK;
    int exists = 1;
    bool missing = !create && vfs->xAccess(vfs, name, SQLITE_ACCESS_EXISTS, &exists) == SQLITE_OK && !exists;
    pawli_free(store->anchor_file);
    store->anchor_file = NULL;
    if (missing)
        return PAWL_ENOTFOUND;
    return pawli_fail(err, PAWL_EUNAVAIL, "cannot open \"%s-anchor\": %s", store->path, sqlite3_errstr(code));
}

void pawli_anchor_close(struct sqlite_store *store)
{
    if (!store->anchor_file)
        return;
    if (store->anchor_file->pMethods)
        store->anchor_file->pMethods->xClose(store->anchor_file);
    pawli_free(store->anchor_file);
    store->anchor_file = NULL;
}

static bool read_slot(const struct sqlite_store *store, unsigned number, struct anchor *anchor)
{
    uint8_t slot[SLOT_SIZE];
    const sqlite3_io_methods *methods = store->anchor_file->pMethods;
    return methods->xRead(store->anchor_file, slot, SLOT_SIZE, (sqlite3_int64)number * SLOT_SIZE) == SQLITE_OK &&
           decode(slot, anchor);
}

static int write_slot(const struct sqlite_store *store, unsigned number, const struct anchor *anchor)
{
    uint8_t slot[SLOT_SIZE];
    const sqlite3_io_methods *methods = store->anchor_file->pMethods;
    encode(anchor, slot);
    return methods->xWrite(store->anchor_file, slot, SLOT_SIZE, (sqlite3_int64)number * SLOT_SIZE);
}

static bool is_newer(const struct anchor *a, const struct anchor *b)
{
    return a->epoch > b->epoch || (a->epoch == b->epoch && a->commits > b->commits);
}

/* The newest word on what was committed; a checkpoint may be known to another slot, from a process that wrote less since. */
bool pawli_anchor_read(struct sqlite_store *store, struct anchor *anchor)
{
    bool any = false;
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        struct anchor found, newest;
        if (!read_slot(store, i, &found))
            continue;
        newest = !any || is_newer(&found, anchor) ? found : *anchor;
        if (any && anchor->checkpoint.commits > newest.checkpoint.commits)
            newest.checkpoint = anchor->checkpoint;
        if (found.checkpoint.commits > newest.checkpoint.commits)
            newest.checkpoint = found.checkpoint;
        *anchor = newest;
        any = true;
    }
    return any;
}

int pawli_anchor_write(struct sqlite_store *store, const struct anchor *anchor)
{
    int code = write_slot(store, 0, anchor);
    if (code == SQLITE_OK)
        store->anchor = *anchor;
    return code;
}

/* The file system keeps a word beside the bytes of the database, where it can: whoever writes an older copy over the files,
 * the anchor among them, leaves it as it is. Like the anchor it says "at least". */
#define WORD_NAME "user.pawl"
#define WORD_SIZE (16 + 2 * 8)

static void leave_word(const struct sqlite_store *store, const struct anchor *anchor)
{
    uint8_t word[WORD_SIZE];
    memcpy(word, &anchor->life, 16);
    put_be64(word + 16, anchor->epoch);
    put_be64(word + 24, anchor->commits);
    int left = store->file->database < 0 ? 0 : fsetxattr(store->file->database, WORD_NAME, word, sizeof word, 0);
    (void)left; /* without it such a copy is not recognised */
}

static bool word_is_ahead(const struct sqlite_store *store, const struct store_row *row)
{
    uint8_t word[WORD_SIZE];
    if (store->file->database < 0 || fgetxattr(store->file->database, WORD_NAME, word, sizeof word) != WORD_SIZE)
        return false;
    return memcmp(word, &row->life, 16) != 0 || get_be64(word + 16) > row->epoch || get_be64(word + 24) > row->commits;
}

int pawli_anchor_found(struct sqlite_store *store, const struct anchor *anchor)
{
    int code = pawli_anchor_write(store, anchor);
    for (unsigned i = 1; code == SQLITE_OK && i < SLOT_COUNT; i++)
        code = write_slot(store, i, anchor);
    leave_word(store, anchor);
    return code == SQLITE_OK ? pawli_anchor_sync(store) : code;
}

/* 0: it is not known where the row of the store is. */
static uint32_t find_row(struct sqlite_store *store)
{
    uint32_t page = 0;
    if (store->names == NAMES_OWN)
        return STORE_PAGE;
    struct call call = pawli_call(store->writer, SQL_find_store_page);
    if (pawli_call_row(&call))
        page = (uint32_t)pawli_column_between(&call, 0, UINT32_MAX);
    return pawli_call_end(&call) == SQLITE_OK ? page : 0;
}

/* What the database file says of itself, now that the whole log is in it and synced. Another program may copy a log of its own
 * meanwhile, and move the row: what is read is a row of the store, and no newer one is promised than what was committed. */
static void note_checkpoint(struct sqlite_store *store)
{
    struct page_facts file;
    uint8_t salts[8];
    uint32_t page = find_row(store);
    bool is_into = store->names == NAMES_INTO;
    if (pawli_read_pages(store, page, &file) != SQLITE_OK || !file.has_first || !file.has_row ||
        (is_into && !uuid_equal(&file.life, &store->anchor.life)) || !pawli_log_salts(store, salts))
        return; /* an older word is as true */
    bool is_ahead = is_into && file.commits > store->anchor.commits;
    store->anchor.checkpoint.commits = is_ahead ? store->anchor.commits : file.commits;
    store->anchor.checkpoint.page = is_into ? page : 0;
    memcpy(store->anchor.checkpoint.salts, salts, sizeof salts);
    store->anchor.checkpoint.header = hash_of(file.first, HEADER_SIZE);
}

/* Never over a newer one: of the two slots the older is written, and only if there is something newer to be said. */
int pawli_anchor_keep(struct sqlite_store *store, bool is_complete)
{
    struct anchor first, second, newest;
    int code = SQLITE_OK;
    if (pawli_anchor_read(store, &newest) && is_newer(&newest, &store->anchor))
        store->anchor = newest;
    if (is_complete)
        note_checkpoint(store);
    bool has_first = read_slot(store, 1, &first), has_second = read_slot(store, 2, &second);
    bool second_is_older = has_first && (!has_second || is_newer(&first, &second));
    bool has_older = second_is_older ? has_second : has_first;
    const struct anchor *older = second_is_older ? &second : &first;
    if (!has_older || is_newer(&store->anchor, older) || store->anchor.checkpoint.commits > older->checkpoint.commits)
        code = write_slot(store, second_is_older ? 2 : 1, &store->anchor);
    leave_word(store, &store->anchor);
    return code == SQLITE_OK ? pawli_anchor_sync(store) : code;
}

int pawli_anchor_sync(struct sqlite_store *store)
{
    return store->anchor_file->pMethods->xSync(store->anchor_file, SQLITE_SYNC_NORMAL);
}

/* ---- before SQLite opens anything ---- */

/* Whether there is an anchor of a store in another program's database. */
bool pawli_anchor_is_into(struct sqlite_store *store)
{
    struct anchor anchor = {0};
    bool is_into = pawli_anchor_open(store, false, NULL) == PAWL_OK && pawli_anchor_read(store, &anchor) &&
                   anchor.is_into;
    pawli_anchor_close(store);
    return is_into;
}

/* Whether the log goes with the file. A commit raises the number in the store's row, and a checkpoint only ever brings a newer
 * row into the file: so the file's own row is no older than at the last checkpoint that the anchor knows, and no newer than
 * the log's last. A row that cannot be read says nothing: a crash may have torn it while it was copied, and the log has it. */
bool pawli_anchor_knows(struct sqlite_store *store, const struct log_facts *log, const struct page_facts *file)
{
    struct anchor anchor;
    bool knows = store->anchor_file && pawli_anchor_read(store, &anchor);
    if (!file->has_first)
        return false; /* an empty file: its log was left behind */
    if (file->has_row && log->last.has_row &&
        (!uuid_equal(&file->life, &log->last.life) || file->commits > log->last.commits))
        return false;
    if (!knows) /* then only that the log goes on where the file ends speaks for it */
        return !file->has_row || log->first_commits <= file->commits + 1;
    if (file->has_row && uuid_equal(&file->life, &anchor.life) && file->commits < anchor.checkpoint.commits)
        return false;
    struct digest header = hash_of(file->first, HEADER_SIZE);
    bool same_log = memcmp(log->salts, anchor.checkpoint.salts, sizeof log->salts) == 0;
    return !same_log || log->last.has_first || digest_equal(&header, &anchor.checkpoint.header);
}

/* Nothing of the log will show later that the store is a restored one: the anchor keeps it in mind. */
int pawli_anchor_disown(struct sqlite_store *store, pawl_error *err)
{
    struct anchor anchor;
    if (!store->anchor_file || !pawli_anchor_read(store, &anchor))
        return PAWL_OK;
    anchor.is_restored = true;
    return pawli_store_status(
        pawli_sqlite_result(store, NULL, pawli_anchor_found(store, &anchor), WRITE_BEFORE_COMMIT, err));
}

/* ---- when it is open ---- */

static int record_matches(struct sqlite_store *store, uint64_t scope, uint64_t seq, const struct digest *head,
                          bool *matches)
{
    struct arena arena = {0};
    struct record_row row = {0};
    *matches = seq == 0;
    if (scope > INT64_MAX || seq > INT64_MAX)
        return SQLITE_OK;
    struct call call = pawli_call(store->writer, SQL_get_record);
    pawli_bind_u64(&call, scope);
    pawli_bind_u64(&call, seq);
    if (pawli_call_row(&call)) {
        pawli_read_row(&call, ROW_RECORD, &row, &arena); /* one that is damaged elsewhere is here all the same */
        *matches = digest_equal(&row.digest, head);
    }
    pawli_arena_done(&arena);
    return pawli_call_end(&call);
}

static void restored(struct sqlite_store *store, struct store_facts *facts, const char *why)
{
    store->is_restored = facts->was_restored = true;
    snprintf(facts->restored_why, sizeof facts->restored_why, "%s", why);
}

/* A slot may be half written just now, by a process that commits. The turnstile tells that from damage. */
static bool read_settled(struct sqlite_store *store, struct anchor *anchor)
{
    const struct gate_ops *gate = store->gate->ops;
    struct env *env = store->store.env;
    if (!store->anchor_file)
        return false;
    if (pawli_anchor_read(store, anchor))
        return true;
    struct boot_time until = boot_after_ms(env->ops->boot_now(env), store->store.busy_ms);
    bool locked = gate->lock(store->gate, GATE_WRITE, GATE_EXCLUSIVE, until) == GATE_LOCKED;
    bool readable = pawli_anchor_read(store, anchor);
    if (locked)
        gate->unlock(store->gate, GATE_WRITE);
    return readable;
}

/* Numbers of devices mean something within a boot; under major number 0 they are given anew with each mount. */
static bool is_its_file(struct sqlite_store *store, const struct anchor *anchor)
{
    const struct file_facts *is = &store->file->files[FILE_DATABASE];
    struct env *env = store->store.env;
    pawl_uuid boot_id;
    env->ops->boot_id(env, &boot_id);
    bool same_device = anchor->device == is->device || major(is->device) == 0 ||
                       !uuid_equal(&anchor->boot_id, &boot_id);
    return anchor->inode == is->inode && same_device;
}

/* Behind the rows is normal; anything else is a store that was restored or copied. The anchor is read first: others go on
 * committing meanwhile, and what it remembers then must be in the rows that are read after it. */
enum store_result pawli_anchor_compare(struct sqlite_store *store, struct store_facts *facts, pawl_error *err)
{
    struct anchor anchor;
    bool readable = read_settled(store, &anchor), matches = true;
    struct store_row row;
    int code = pawli_get_store(store->writer, &row);
    if (code != SQLITE_OK)
        return pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err);
    if (!readable)
        restored(store, facts, "its anchor file is missing or unreadable");
    else if (!uuid_equal(&anchor.life, &row.life))
        restored(store, facts, "its anchor file belongs to another store");
    else if (!is_its_file(store, &anchor))
        restored(store, facts, "the database file is a copy: it is not the file that its anchor was made for");
    else if (anchor.is_restored)
        restored(store, facts, "the log beside the database belonged to another state of it, and is kept as -wal-old");
    else if (anchor.epoch > row.epoch || anchor.commits > row.commits)
        restored(store, facts, "its anchor remembers commits that the database does not have");
    else if (word_is_ahead(store, &row))
        restored(store, facts, "an older copy was written over the database file");
    for (uint32_t i = 0; !store->is_restored && code == SQLITE_OK && i < anchor.head_count; i++) {
        code = record_matches(store, anchor.heads[i].scope, anchor.heads[i].seq, &anchor.heads[i].head, &matches);
        if (code == SQLITE_OK && !matches)
            restored(store, facts, "its anchor remembers a record that the database does not have");
    }
    if (!store->is_restored)
        store->anchor = anchor;
    return pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err);
}
