/* SPDX-License-Identifier: MIT */
/* A look at the write-ahead log before SQLite sees it. SQLite cuts the log at the first frame with a bad checksum, which
 * is right for the torn end of the last transaction and silent loss for a flipped bit further up. The difference: behind
 * a torn end there is at most one commit mark of the log's current salts, since each commit is synced before the next
 * begins. On a device that may destroy what lies beside a write SQLite repeats the last frame of a commit, mark and all, up
 * to the end of its sector. Format: sqlite.org/fileformat2.html, section 4. */
#include "base/codec.h"
#include "store/sqlite/sqlite.h"

#define WAL_HEADER   32
#define FRAME_HEADER 24

struct log_walk {
    sqlite3_file *file;
    uint32_t page_size, sum1, sum2, pages; /* pages: of the database at the last good mark; 0: not known */
    bool big_endian;
    uint8_t salts[8];
    uint8_t *frame;
};

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
    return (kind & ~1u) == 0x377f0682 && walk->page_size >= 512 && walk->page_size <= 65536 &&
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
            else if (get_be32(walk->frame + 4) != 0)
                walk->pages = get_be32(walk->frame + 4);
        }
        if (!good && current && is_mark(walk, size / step))
            ++*marks;
    }
    return SQLITE_OK;
}

/* How many marks may stand from the first bad frame on: that of the last commit with its repetitions, and the repetitions of
 * the commit before, whose sector was being written too. */
static unsigned marks_of_commit(const struct log_walk *walk)
{
    if (walk->file->pMethods->xDeviceCharacteristics(walk->file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE)
        return 1;
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

enum store_result pawli_wal_audit(struct sqlite_store *store, pawl_error *err)
{
    sqlite3_vfs *vfs = store->below;
    struct arena arena = {0};
    struct text path = pawli_arena_format(&arena, "%s-wal%c%c", store->path, 0, 0);
    struct log_walk walk = {.file = pawli_arena_alloc(&arena, (size_t)vfs->szOsFile)};
    unsigned marks = 0;
    sqlite3_int64 first_bad = 0;
    int exists = 0, code = pawli_arena_failed(&arena) ? SQLITE_NOMEM : SQLITE_OK;
    if (code == SQLITE_OK)
        code = vfs->xAccess(vfs, path.data, SQLITE_ACCESS_EXISTS, &exists);
    if (code == SQLITE_OK && exists) {
        code = vfs->xOpen(vfs, path.data, walk.file, SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, NULL);
        if (code == SQLITE_OK) {
            code = walk_log(&walk, &marks, &first_bad);
            walk.file->pMethods->xClose(walk.file);
        }
    }
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
