/* SPDX-License-Identifier: MIT */
/* A look at the write-ahead log before SQLite sees it. SQLite cuts the log at the first frame with a bad checksum, which
 * is right for the torn end of the last transaction and silent loss for a flipped bit further up. The difference: behind
 * a torn end there are at most as many commit marks of the log's current salts as commits were made before the first of
 * them was synced (OWED_MAX; in another program's database each is synced before the next begins). On a device that may
 * destroy what lies beside a write SQLite repeats the last frame of a commit, mark and all, up to the end of its sector.
 * Format: sqlite.org/fileformat2.html, section 4. */
#include "base/codec.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/vfs.h"

#define WAL_HEADER    32
#define FRAME_HEADER  24
#define PAGE_SIZE_MIN 512
#define PAGE_SIZE_MAX 65536

struct log_walk {
    sqlite3_file *file;
    struct log_facts *facts;
    const struct log_owner *owner; /* NULL: the file is the store's own */
    uint64_t commits,
        bad_commits;        /* with an owner: of the last row in a good commit; of one behind the first bad frame */
    struct page_facts next; /* as of the commit that is being read */
    uint64_t next_first;
    uint32_t page_size, sum1, sum2, pages; /* pages: of the database at the last good mark; 0: not known */
    bool big_endian;
    uint8_t salts[8];
    uint8_t *frame;
};

static const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int i = 0; at < end && i < 9; i++, at++) {
        *value = *value << (i == 8 ? 8 : 7) | (i == 8 ? *at : *at & 0x7F);
        if (i == 8 || !(*at & 0x80))
            return at + 1;
    }
    return NULL;
}

static const uint8_t number_sizes[] = {0, 1, 2, 3, 4, 6, 8};

/* A number of a record: how many bytes it has follows from its type. */
static const uint8_t *read_number(const uint8_t *at, const uint8_t *end, uint64_t type, uint64_t *value)
{
    *value = type == 9;
    if (type == 8 || type == 9)
        return at;
    if (type == 0 || type >= COUNT_OF(number_sizes) || end - at < number_sizes[type])
        return NULL;
    for (size_t i = 0; i < number_sizes[type]; i++)
        *value = *value << 8 | *at++;
    return at;
}

/* How many bytes the values of a record have, by its types. */
static uint64_t size_of_values(const uint8_t *types, const uint8_t *end)
{
    uint64_t type, size = 0;
    while (types && types < end && (types = read_varint(types, end, &type)) != NULL)
        size += type >= 12 ? (type - 12) / 2 : type < COUNT_OF(number_sizes) ? number_sizes[type] : 0;
    return types ? size : UINT64_MAX;
}

/* The row of the store is alone on its page: one, life, epoch, commits, and more. A page that was torn between two sectors
 * may look like one: so every length must come out right. */
static bool read_row(const uint8_t *page, uint32_t size, struct page_facts *facts)
{
    enum { LIFE = 12 + 2 * 16, LEAF = 13, COLUMNS = 4 };
    uint64_t length, types[COLUMNS], number, epoch;
    const uint8_t *end = page + size, *at = page + (page[8] << 8 | page[9]);
    if (page[0] != LEAF || page[3] != 0 || page[4] != 1 || memcmp(page + 5, page + 8, 2) != 0 || at >= end)
        return false;
    at = read_varint(at, end, &length);
    at = at ? read_varint(at, end, &number) : NULL;
    if (!at || number != 1 || length != (uint64_t)(end - at) || at[0] >= length)
        return false;
    const uint8_t *values = at + at[0];
    if (size_of_values(at + 1, values) != (uint64_t)(end - values))
        return false;
    at++;
    for (size_t i = 0; at && i < COLUMNS; i++)
        at = read_varint(at, values, &types[i]);
    if (!at || types[0] != 0 || types[1] != LIFE || end - values < 16)
        return false;
    memcpy(&facts->life, values, 16);
    values = read_number(values + 16, end, types[2], &epoch);
    return values && read_number(values, end, types[3], &facts->commits) && epoch > 0;
}

static void note_first(struct page_facts *facts, const uint8_t *page)
{
    memcpy(facts->first, page, sizeof facts->first);
    facts->has_first = true;
}

/* Whether a page of the log is that of the store's row. In another program's database it may be any: its row tells. */
static bool is_store_page(const struct log_walk *walk, struct page_facts *facts)
{
    struct page_facts row = *facts;
    const uint8_t *page = walk->frame + FRAME_HEADER;
    bool readable = read_row(page, walk->page_size, &row);
    if (walk->owner ? !readable || !uuid_equal(&row.life, &walk->owner->life) : get_be32(walk->frame) != STORE_PAGE)
        return false;
    *facts = row;
    facts->has_row = readable;
    return true;
}

static void add_to_sum(struct log_walk *walk, const uint8_t *bytes, size_t size)
{
    for (; size >= 8; bytes += 8, size -= 8) {
        uint32_t a, b;
        memcpy(&a, bytes, 4);
        memcpy(&b, bytes + 4, 4);
        if (walk->big_endian) {
            a = __builtin_bswap32(a);
            b = __builtin_bswap32(b);
        }
        walk->sum1 += a + walk->sum2;
        walk->sum2 += b + walk->sum1;
    }
}

static bool read_header(struct log_walk *walk)
{
    uint8_t header[WAL_HEADER];
    if (walk->file->pMethods->xRead(walk->file, header, sizeof header, 0) != SQLITE_OK)
        return false;
    uint32_t kind = get_be32(header);
    walk->page_size = get_be32(header + 8);
    walk->big_endian = kind & 1;
    memcpy(walk->salts, header + 16, 8);
    add_to_sum(walk, header, 24);
    return (kind & ~1u) == 0x377f0682 && walk->page_size >= PAGE_SIZE_MIN && walk->page_size <= PAGE_SIZE_MAX &&
           (walk->page_size & (walk->page_size - 1)) == 0 && get_be32(header + 24) == walk->sum1 &&
           get_be32(header + 28) == walk->sum2;
}

/* A sector that ends between mark and salts may have been destroyed in writing, and anything stand where the mark is. A true
 * one names a page of its database, which has grown by a page a frame at most. */
static bool is_mark(const struct log_walk *walk, sqlite3_int64 frames)
{
    uint32_t page = get_be32(walk->frame), pages = get_be32(walk->frame + 4);
    return page != 0 && page <= pages && (walk->pages == 0 || pages <= walk->pages + frames);
}

/* Keeps what the frame says of the store, for when its commit turns out to be whole. */
static void note_frame(struct log_walk *walk)
{
    struct page_facts *next = &walk->next;
    if (get_be32(walk->frame) == 1)
        note_first(next, walk->frame + FRAME_HEADER);
    if (is_store_page(walk, next) && next->has_row && walk->next_first == 0)
        walk->next_first = next->commits;
    if (get_be32(walk->frame + 4) == 0)
        return;
    walk->pages = get_be32(walk->frame + 4);
    walk->facts->has_commits = true;
    walk->facts->last = *next;
    walk->facts->first_commits = walk->next_first;
    if (next->has_row)
        walk->commits = next->commits;
}

/* Another program may sync none of its commits, so that the torn end of the log has many marks. Those count that close one of
 * the store's, which is synced together with all before it. One that has the store's row as it was (a VACUUM) is not. */
static bool is_mark_of_store(struct log_walk *walk, sqlite3_int64 frames)
{
    struct page_facts row = {0};
    if (walk->owner && is_store_page(walk, &row))
        walk->bad_commits = row.commits;
    if (!is_mark(walk, frames))
        return false;
    bool is_news = !walk->owner || walk->bad_commits > walk->commits;
    walk->commits = is_news ? walk->bad_commits : walk->commits;
    return is_news;
}

/* Counts commit marks of the current salts behind the first frame that is not good. */
static int count_marks(struct log_walk *walk, sqlite3_int64 size, unsigned *marks, sqlite3_int64 *first_bad)
{
    bool good = true;
    *marks = 0;
    sqlite3_int64 step = FRAME_HEADER + (sqlite3_int64)walk->page_size, at = WAL_HEADER;
    for (sqlite3_int64 number = 1; at + step <= size; at += step, number++) {
        int code = walk->file->pMethods->xRead(walk->file, walk->frame, (int)step, at);
        if (code != SQLITE_OK)
            return code;
        bool current = memcmp(walk->frame + 8, walk->salts, 8) == 0;
        if (good) {
            add_to_sum(walk, walk->frame, 8);
            add_to_sum(walk, walk->frame + FRAME_HEADER, walk->page_size);
            good = current && get_be32(walk->frame) != 0 && get_be32(walk->frame + 16) == walk->sum1 &&
                   get_be32(walk->frame + 20) == walk->sum2;
            if (!good)
                *first_bad = number;
            else
                note_frame(walk);
        }
        if (!good && current && is_mark_of_store(walk, size / step))
            ++*marks;
    }
    return SQLITE_OK;
}

/* How many marks may stand from the first bad frame on: those of commits that were not synced. Else that of the last commit
 * with its repetitions, and the repetitions of the commit before, whose sector was being written too. */
static unsigned marks_of_commit(const struct log_walk *walk)
{
    if (walk->file->pMethods->xDeviceCharacteristics(walk->file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE)
        return walk->owner ? 1 : OWED_MAX;
    unsigned frame = FRAME_HEADER + walk->page_size, sector = (unsigned)walk->file->pMethods->xSectorSize(walk->file);
    unsigned repetitions = (sector + frame - 1) / frame;
    return 1 + 2 * repetitions;
}

static int walk_log(struct log_walk *walk, unsigned *marks, sqlite3_int64 *first_bad)
{
    sqlite3_int64 size = 0;
    int code = walk->file->pMethods->xFileSize(walk->file, &size);
    if (code != SQLITE_OK || size < WAL_HEADER || !read_header(walk))
        return code; /* no log, or one that was never begun: SQLite starts it anew */
    walk->frame = pawli_alloc_raw(FRAME_HEADER + (size_t)walk->page_size);
    if (!walk->frame)
        return SQLITE_NOMEM;
    code = count_marks(walk, size, marks, first_bad);
    if (*marks <= marks_of_commit(walk))
        *marks = 0;
    pawli_free(walk->frame);
    return code;
}

/* Opens a file of the store as SQLite would, beside it. *ret_file NULL: it is not there. */
static int open_beside(struct sqlite_store *store, const char *suffix, int flags, sqlite3_file **ret_file,
                       struct arena *arena)
{
    sqlite3_vfs *vfs = store->below;
    struct text path = pawli_arena_format(arena, "%s%s%c%c", store->path, suffix, 0, 0);
    sqlite3_file *file = pawli_arena_alloc(arena, (size_t)vfs->szOsFile);
    int exists = 1, code = pawli_arena_failed(arena) ? SQLITE_NOMEM : SQLITE_OK;
    *ret_file = NULL;
    if (code == SQLITE_OK && !(flags & SQLITE_OPEN_CREATE))
        code = vfs->xAccess(vfs, path.data, SQLITE_ACCESS_EXISTS, &exists);
    if (code == SQLITE_OK && exists)
        code = vfs->xOpen(vfs, path.data, file, flags, NULL);
    if (code == SQLITE_OK && exists)
        *ret_file = file;
    return code;
}

static void close_beside(sqlite3_file *file)
{
    if (file)
        file->pMethods->xClose(file);
}

int pawli_read_pages(struct sqlite_store *store, uint32_t row_page, struct page_facts *facts)
{
    struct arena arena = {0};
    sqlite3_file *file;
    sqlite3_int64 size = 0;
    uint8_t *page = pawli_arena_alloc_raw(&arena, PAGE_SIZE_MAX);
    int code = open_beside(store, "", SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, &file, &arena);
    *facts = (struct page_facts){0};
    if (code == SQLITE_OK && file)
        code = file->pMethods->xFileSize(file, &size);
    facts->file_size = size;
    if (code == SQLITE_OK && size >= PAGE_SIZE_MIN)
        code = file->pMethods->xRead(file, page, PAGE_SIZE_MIN, 0);
    uint32_t page_size = code == SQLITE_OK && size >= PAGE_SIZE_MIN ? (uint32_t)(page[16] << 8 | page[17]) : 0;
    if (page_size)
        note_first(facts, page);
    page_size = page_size == 1 ? PAGE_SIZE_MAX : page_size; /* which does not fit into the header */
    if (page_size >= PAGE_SIZE_MIN && row_page > 1 && size >= (sqlite3_int64)row_page * page_size) {
        code = file->pMethods->xRead(file, page, (int)page_size, (sqlite3_int64)(row_page - 1) * page_size);
        facts->has_row = read_row(page, page_size, facts);
    }
    close_beside(file);
    pawli_arena_done(&arena);
    return code;
}

bool pawli_log_salts(struct sqlite_store *store, uint8_t salts[8])
{
    struct arena arena = {0};
    sqlite3_file *file;
    int code = open_beside(store, "-wal", SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, &file, &arena);
    memset(salts, 0, 8);
    if (code == SQLITE_OK && file)
        code = file->pMethods->xRead(file, salts, 8, 16);
    close_beside(file);
    pawli_arena_done(&arena);
    return code == SQLITE_OK;
}

enum store_result pawli_wal_audit(struct sqlite_store *store, const struct log_owner *owner, struct log_facts *facts,
                                  pawl_error *err)
{
    struct arena arena = {0};
    struct log_walk walk = {.facts = facts, .owner = owner, .commits = owner ? owner->commits : 0};
    unsigned marks = 0;
    sqlite3_int64 first_bad = 0;
    *facts = (struct log_facts){0};
    int code = open_beside(store, "-wal", SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, &walk.file, &arena);
    if (code == SQLITE_OK && walk.file)
        code = walk_log(&walk, &marks, &first_bad);
    memcpy(facts->salts, walk.salts, sizeof walk.salts);
    close_beside(walk.file);
    pawli_arena_done(&arena);
    if (code != SQLITE_OK)
        return pawli_sqlite_result(store, NULL, code, READ_ONLY, err);
    if (marks == 0)
        return STORE_OK;
    pawli_hint(
        err,
        pawli_fail(err, PAWL_ECORRUPT, "\"%s-wal\" is damaged at frame %lld, with %u commits behind it", store->path,
                   (long long)first_bad, marks),
        "keep copies of the file and its -wal; restore a backup, or move the -wal away to give those commits up");
    return STORE_CORRUPT;
}

/* ---- whether the log is this file's ---- */

static int copy_log(sqlite3_file *log, sqlite3_file *old, struct arena *arena)
{
    sqlite3_int64 size = 0;
    uint8_t *bytes = pawli_arena_alloc_raw(arena, PAGE_SIZE_MAX);
    int code = bytes ? log->pMethods->xFileSize(log, &size) : SQLITE_NOMEM;
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += PAGE_SIZE_MAX) {
        int part = size - at < PAGE_SIZE_MAX ? (int)(size - at) : PAGE_SIZE_MAX;
        code = log->pMethods->xRead(log, bytes, part, at);
        if (code == SQLITE_OK)
            code = old->pMethods->xWrite(old, bytes, part, at);
    }
    return code == SQLITE_OK ? old->pMethods->xSync(old, SQLITE_SYNC_NORMAL) : code;
}

/* What it has may be all that is left of something: it is kept under another name, whole and synced, before it is emptied. */
static int set_log_aside(struct sqlite_store *store, pawl_error *err)
{
    struct arena arena = {0};
    sqlite3_file *log, *old, *there = NULL;
    int code = open_beside(store, "-wal-old", SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, &there, &arena);
    if (code == SQLITE_OK && there) {
        close_beside(there);
        pawli_arena_done(&arena);
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECORRUPT,
                                     "\"%s-wal\" belongs to another state of the file, and "
                                     "\"%s-wal-old\" is there already",
                                     store->path, store->path),
                          "keep that one elsewhere, then open the store again");
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL;
    code = open_beside(store, "-wal", flags, &log, &arena);
    if (code == SQLITE_OK)
        code = open_beside(store, "-wal-old", flags | SQLITE_OPEN_CREATE, &old, &arena);
    if (code == SQLITE_OK) {
        code = copy_log(log, old, &arena);
        close_beside(old);
    }
    if (code == SQLITE_OK)
        code = log->pMethods->xTruncate(log, 0);
    if (code == SQLITE_OK)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    close_beside(log);
    pawli_arena_done(&arena);
    return pawli_store_status(pawli_sqlite_result(store, NULL, code, READ_ONLY, err));
}

static int compare_log(struct sqlite_store *store, pawl_error *err)
{
    struct log_facts log;
    struct page_facts file;
    struct anchor anchor = {0};
    bool is_into = store->names == NAMES_INTO;
    int status = pawli_anchor_open(store, false, err);
    if (status < 0 && status != PAWL_ENOTFOUND)
        return status;
    if (store->anchor_file && !pawli_anchor_read(store, &anchor))
        anchor = (struct anchor){0};
    int code = pawli_read_pages(store, is_into ? anchor.checkpoint.page : STORE_PAGE, &file);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, NULL, code, READ_ONLY, err));
    /* Another program's VACUUM may have moved the row; a page that was its own once has an older one, or another life. */
    file.has_row &= !is_into || uuid_equal(&file.life, &anchor.life);
    struct log_owner owner = {.life = anchor.life, .commits = file.has_row ? file.commits : 0};
    status = pawli_store_status(pawli_wal_audit(store, is_into ? &owner : NULL, &log, err));
    if (status < 0 || !log.has_commits)
        return status;
    if (pawli_anchor_knows(store, &log, &file))
        return PAWL_OK;
    status = pawli_anchor_disown(store, err);
    return status == PAWL_OK ? set_log_aside(store, err) : status;
}

/* A log that another program has open was recovered by its SQLite, and is no more ours to look at before that. One that nobody
 * has open is kept so until it was compared. */
int pawli_log_belongs(struct sqlite_store *store, pawl_error *err)
{
    int index = -1, status = PAWL_OK;
    sqlite3_int64 size = 0;
    bool is_shared = store->names == NAMES_INTO && !store->vfs; /* files of another VFS are its own business */
    if (is_shared && pawli_sqlite_log_size(store, &size) == SQLITE_OK && size == 0)
        return PAWL_OK;
    if (is_shared)
        status = pawli_index_close_to_others(store->file, &index, err);
    if (status < 0)
        return status == PAWL_EBUSY ? PAWL_OK : status;
    status = compare_log(store, err);
    pawli_index_open_to_others(store->file, index);
    return status;
}
