/* SPDX-License-Identifier: MIT */
/* The anchor: what the store says of itself in a file of its own, so that a database that was restored, copied or lost its
 * end is recognised. It says "at least": it is written after each commit, by a writer that still holds the turnstile, and
 * synced with each checkpoint. Three slots; one that was torn in writing fails its checksum, and the greatest of the others
 * counts. The first is written after each commit, unsynced; the other two in turn, synced with each checkpoint, so that
 * one of them is whole whatever a crash did to what was being written.
 *
 * One slot, big-endian: "pawlanc1", inode, epoch, commits (8 bytes each), life (16), head count (8), then scope, seq (8
 * each) and digest (32) of each head, zeros, and in the last 32 bytes of the slot the SHA-256 of all before. */
#include "base/codec.h"
#include "store/sqlite/sqlite.h"

#include <stdio.h>

#include <sys/stat.h>

#define SLOT_COUNT 3
#define SLOT_SIZE  512 /* a sector, where that means something */
#define HEAD_SIZE  (8 + 8 + DIGEST_SIZE)
#define FIXED_SIZE (8 + 3 * 8 + 16 + 8)
static_assert(FIXED_SIZE + COUNT_OF(((struct anchor *)0)->heads) * HEAD_SIZE + DIGEST_SIZE <= SLOT_SIZE,
              "the heads fit into a slot");

static const char magic[8] = {'p', 'a', 'w', 'l', 'a', 'n', 'c', '1'};

uint64_t pawli_inode(const struct sqlite_store *store)
{
    struct stat facts;
    if (store->vfs || stat(store->path, &facts) != 0)
        return 0; /* a VFS of the caller's own has no inodes that we know of */
    return facts.st_ino;
}

static struct digest checksum(const uint8_t slot[SLOT_SIZE])
{
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct digest digest = pawli_sha256(&hasher, (struct text){(const char *)slot, SLOT_SIZE - DIGEST_SIZE});
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
    put_be64(slot + 16, anchor->epoch);
    put_be64(slot + 24, anchor->commits);
    memcpy(slot + 32, &anchor->life, 16);
    put_be64(slot + 48, anchor->head_count);
    uint8_t *at = slot + FIXED_SIZE;
    for (uint32_t i = 0; i < anchor->head_count; i++, at += HEAD_SIZE) {
        put_be64(at, anchor->heads[i].scope);
        put_be64(at + 8, anchor->heads[i].seq);
        memcpy(at + 16, anchor->heads[i].head.bytes, DIGEST_SIZE);
    }
    struct digest digest = checksum(slot);
    memcpy(slot + SLOT_SIZE - DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
}

static bool decode(const uint8_t slot[SLOT_SIZE], struct anchor *anchor)
{
    struct digest digest = checksum(slot);
    if (memcmp(slot, magic, sizeof magic) != 0 ||
        memcmp(slot + SLOT_SIZE - DIGEST_SIZE, digest.bytes, DIGEST_SIZE) != 0)
        return false;
    *anchor = (struct anchor){
        .inode = get_be64(slot + 8), .epoch = get_be64(slot + 16), .commits = get_be64(slot + 24)};
    memcpy(&anchor->life, slot + 32, 16);
    uint64_t count = get_be64(slot + 48);
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
    sqlite3_vfs *vfs = sqlite3_vfs_find(store->vfs);
    PAWL_ASSERT(vfs != NULL);
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

bool pawli_anchor_read(struct sqlite_store *store, struct anchor *anchor)
{
    bool any = false;
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        struct anchor found;
        if (!read_slot(store, i, &found))
            continue;
        if (!any || is_newer(&found, anchor))
            *anchor = found;
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

int pawli_anchor_found(struct sqlite_store *store, const struct anchor *anchor)
{
    int code = pawli_anchor_write(store, anchor);
    for (unsigned i = 1; code == SQLITE_OK && i < SLOT_COUNT; i++)
        code = write_slot(store, i, anchor);
    return code == SQLITE_OK ? pawli_anchor_sync(store) : code;
}

int pawli_anchor_keep(struct sqlite_store *store)
{
    struct anchor first, second;
    int code = SQLITE_OK;
    bool has_first = read_slot(store, 1, &first), has_second = read_slot(store, 2, &second);
    bool second_is_older = has_first && (!has_second || is_newer(&first, &second));
    bool has_older = second_is_older ? has_second : has_first;
    if (!has_older || is_newer(&store->anchor, second_is_older ? &second : &first))
        code = write_slot(store, second_is_older ? 2 : 1, &store->anchor);
    return code == SQLITE_OK ? pawli_anchor_sync(store) : code;
}

int pawli_anchor_sync(struct sqlite_store *store)
{
    return store->anchor_file->pMethods->xSync(store->anchor_file, SQLITE_SYNC_NORMAL);
}

static int record_matches(struct sqlite_store *store, uint64_t scope, uint64_t seq, const struct digest *head,
                          bool *matches)
{
    struct arena arena = {0};
    struct record_row row;
    *matches = seq == 0;
    struct call call = pawli_call(store->writer, SQL_get_record);
    pawli_bind_u64(&call, scope);
    pawli_bind_u64(&call, seq);
    if (pawli_call_row(&call))
        *matches = pawli_read_record(&call, &row, &arena) && digest_equal(&row.digest, head);
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
    struct boot_time until = boot_after_ms(env->ops->boot_now(env), store->busy_ms);
    bool locked = gate->lock(store->gate, GATE_WRITE, GATE_EXCLUSIVE, until) == GATE_LOCKED;
    bool readable = pawli_anchor_read(store, anchor);
    if (locked)
        gate->unlock(store->gate, GATE_WRITE);
    return readable;
}

/* Behind the rows is normal; anything else is a store that was restored or copied. The anchor is read first: others go on
 * committing meanwhile, and what it remembers then must be in the rows that are read after it. */
enum store_result pawli_anchor_compare(struct sqlite_store *store, struct store_facts *facts, pawl_error *err)
{
    struct anchor anchor;
    bool readable = read_settled(store, &anchor), matches = true;
    struct store_row row;
    struct call call = pawli_call(store->writer, SQL_get_store);
    if (pawli_call_row(&call) && !pawli_read_store(&call, &row))
        call.code = SQLITE_CORRUPT;
    int code = pawli_call_end(&call);
    if (code != SQLITE_OK)
        return pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err);
    if (!readable)
        restored(store, facts, "its anchor file is missing or unreadable");
    else if (!uuid_equal(&anchor.life, &row.life))
        restored(store, facts, "its anchor file belongs to another store");
    else if (anchor.inode != pawli_inode(store))
        restored(store, facts, "the database file is a copy: it is not the file that its anchor was made for");
    else if (anchor.epoch > row.epoch || anchor.commits > row.commits)
        restored(store, facts, "its anchor remembers commits that the database does not have");
    for (uint32_t i = 0; !store->is_restored && code == SQLITE_OK && i < anchor.head_count; i++) {
        code = record_matches(store, anchor.heads[i].scope, anchor.heads[i].seq, &anchor.heads[i].head, &matches);
        if (code == SQLITE_OK && !matches)
            restored(store, facts, "its anchor remembers a record that the database does not have");
    }
    if (!store->is_restored)
        store->anchor = anchor;
    return pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err);
}
