/* SPDX-License-Identifier: MIT */
/* Inside the SQLite store. The only room (with bench/) that includes sqlite3.h.
 *
 * Files beside the database FILE: FILE-wal and FILE-shm are SQLite's; FILE-gate holds byte locks (below), FILE-bell the
 * commit number for those who wait, FILE-anchor what the store says of itself outside the database. */
#ifndef PAWLI_SQLITE_H
#define PAWLI_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/columns.h"
#include "sql.h"
#include "store/sqlite/guard.h"
#include "store/sqlite/migrations.h"
#include "store/page.h"

/* Bytes of FILE-gate. */
enum {
    GATE_OPENING = 0, /* exclusive while a handle opens or closes */
    GATE_OPEN = 1,    /* shared by every open handle */
    GATE_NEXT = 2,    /* the turnstile: who holds it is the next to write */
    GATE_WRITE = 3,   /* who holds it writes */
    GATE_LISTEN = 4,  /* shared by those who watch the bell: without them nobody rings */
    GATE_READ = 5,    /* shared by every open handle that only reads */
    GATE_OWED = 6,    /* by whoever made commits that are not synced yet, or never will be */
    GATE_SLOT = 16,   /* from here: a byte for the life of a handle */
    GATE_SLOTS = 4096,
};

/* Past this many frames the log is checkpointed: 16 MB of pages. Another number may be given with the URL. */
#define CHECKPOINT_FRAMES 4096

/* A statement being run; see call.c. */
struct call {
    struct connection *connection;
    sqlite3_stmt *statement;
    bool *is_bound;
    int next; /* parameter or column */
    int code; /* the first error of all */
    bool bad; /* the row has a column that is not of its type or outside its range, or its columns do not go together */
    bool differs; /* it is not what was written */
};

struct connection {
    sqlite3 *db;
    struct connection *next; /* in the pool of readers */
    enum names names;
    struct statement {
        sqlite3_stmt *handle; /* NULL: not needed so far */
        bool *is_bound; /* a parameter that was NULL stays so: most columns of most rows are, and each costs a call */
    } statements[SQL_COUNT];
    struct call ranges[RANGE_KIND_COUNT]; /* as far as they are open */
};

struct anchor {
    pawl_uuid life, boot_id; /* the boot in which it was written: another may number its devices otherwise */
    uint64_t inode, device, epoch, commits;
    bool is_restored; /* it was found out before the log was looked at, and the log is gone by now */
    bool is_into;     /* the database belongs to another program */
    struct {
        uint64_t commits;     /* what the database file itself says */
        uint32_t page;        /* is_into: where it has the row of the store; 0: not known */
        uint8_t salts[8];     /* of the log that was copied; all zero: it was removed */
        struct digest header; /* of the database */
    } checkpoint;             /* the last one that came to the end of the log, and was synced */
    struct {
        uint64_t scope, seq;
        struct digest head;
    } heads[7]; /* the ones written last; at most */
    uint32_t head_count;
};

/* What the first bytes of a database say of it, and the row of the store, whose page is the second where the file is its own:
 * there the first table of the schema begins. */
#define HEADER_SIZE 100
#define STORE_PAGE  2
struct page_facts {
    int64_t file_size; /* where they are a file's */
    bool has_first, has_row;
    uint8_t first[HEADER_SIZE + 8]; /* of page 1 */
    pawl_uuid life;
    uint64_t commits;
};

/* What stands in a log, up to its last commit. */
struct log_facts {
    bool has_commits;
    uint8_t salts[8];
    uint64_t first_commits; /* of the first row of the store in it, where there is one */
    struct page_facts last;
};

/* Commits that may be made before the first of them is synced. */
#define OWED_MAX 2

struct owed {
    pthread_mutex_t commit_lock; /* from before COMMIT until it is known what became of it */
    pthread_mutex_t sync_lock;   /* one syncs at a time */
    sqlite3_file *log;
    bool holds_byte;
    /* Commit numbers: of one that may be seen and is owed, of the last one made, of the last one synced, of the last one that
     * has records. */
    _Atomic uint64_t raised, saved, durable, records;
    struct anchor anchor; /* for when it is durable; no commits: none waits */
};

struct sqlite_store {
    struct store store;
    struct database_file *file;
    char *path, *vfs; /* vfs: a caller's own; NULL: ours */
    enum names names;
    sqlite3_vfs *below;     /* whose files these are */
    sqlite3_vfs *gathering; /* in front of it, see vfs.c */
    struct gate *gate;
    struct bell *bell;
    _Atomic bool is_restored;
    _Atomic bool doubts_places; /* a row was where one should be added: load looks whether tasks are in one place */
    bool is_read_as_found;      /* without locks: nobody wrote when it was opened */
    bool is_seen;               /* of one that only reads: whoever writes knows that it is there */
    bool has_other_tables;      /* before pawl's were made */
    bool was_put_into_wal;      /* those, by this opening */
    struct stat found;
    int checkpoint_frames;
    uint64_t slot;
    _Atomic uint64_t committer; /* the last one that was written with the slot; 0: none yet */

    struct connection *writer; /* used by one leader at a time */
    _Atomic int wal_frames;    /* after the last commit of the writer */
    _Atomic bool wants_checkpoint, engine_tends;
    _Atomic int64_t looked_ns; /* boot time when the guard last looked */

    pthread_mutex_t lock; /* of what follows */
    unsigned listening;
    struct connection *readers;
    unsigned reader_count;
    struct connection *tender; /* the second connection, for checkpoints */
    pthread_mutex_t tend_lock; /* one tend at a time */

    struct owed owed;

    sqlite3_file *anchor_file;
    struct anchor anchor;         /* as written last */
    _Atomic uint64_t own_commits; /* the greatest commit number that this handle made: its ring is no news */
    _Atomic uint64_t heard_commits;
};

struct txn {
    struct sqlite_store *store;
    struct connection *connection;
    bool joined, active, saved, owes, holds_gate;
    uint64_t commits; /* as load found them */
};

struct reader {
    struct connection *connection; /* in a transaction; its snapshot is taken by the first read */
    bool is_durable;               /* what it shows: asked once it has its snapshot */
};

/* ---- connection.c ---- */
int pawli_connection_open(struct sqlite_store *store, bool writer, struct connection **ret_connection, pawl_error *err);
void pawli_connection_close(struct connection *connection);
int pawli_connection_waits(struct connection *connection, int64_t ms); /* for locks of other connections, from now on */
void pawli_connection_finalize(struct connection *connection);         /* its statements, not its database handle */
int pawli_connection_settings(sqlite3 *db, pawl_error *err);

/* The only translation of SQLite's codes. Poisons the file where the rules say so. */
enum phase_of_write { WRITE_BEFORE_COMMIT, WRITE_COMMIT, WRITE_CHECKPOINT, READ_ONLY };
enum store_result pawli_sqlite_result(struct sqlite_store *store, sqlite3 *db, int code, enum phase_of_write phase,
                                      pawl_error *err);
enum store_result pawli_sqlite_usable(const struct sqlite_store *store, pawl_error *err);
enum store_result pawli_sqlite_guard(struct sqlite_store *store,
                                     pawl_error *err); /* and its files are what they were */

/* ---- call.c ----
 *
 * A statement being run: bind in the order of its params, step, read columns in order, end.
 *
 * Most rows carry a sum of all their columns before it, so that a cell that changed where no digest looks (a count of
 * attempts, a policy, a due time) makes its row unreadable instead of another one. It is made while binding and compared
 * while reading. It guards against accident, not against somebody who can write the file. */
struct call pawli_call(struct connection *connection, enum sql sql);
void pawli_bind_i64(struct call *call, int64_t value);
void pawli_bind_u64(struct call *call, uint64_t value);
void pawli_bind_text(struct call *call, struct text text); /* absent: NULL */
void pawli_bind_blob(struct call *call, const void *data, size_t size);
void pawli_bind_wall(struct call *call, struct wall_time time); /* WALL_NEVER: NULL */
bool pawli_call_row(struct call *call); /* steps; true: there is a row, read its columns from the first */
int pawli_call_run(struct call *call);  /* steps a statement that returns nothing, and ends it */
int pawli_call_end(struct call *call);  /* SQLITE_OK or the first error */

/* Whatever else of the row can be read. */
static inline uint64_t pawli_raw_number(const struct call *call, int column)
{
    int64_t number = sqlite3_column_int64(call->statement, column);
    return number < 0 ? 0 : (uint64_t)number;
}

/* Rows, by their columns: statements name them in the order of model/columns.c. */
void pawli_bind_row(struct call *call, enum row_kind kind, const void *row, struct arena *arena);
void pawli_bind_key(struct call *call, enum row_kind kind, const void *row);
/* False: to be set apart. arena NULL: of kinds without texts. */
bool pawli_read_row(struct call *call, enum row_kind kind, void *row, struct arena *arena);

/* Columns of statements that read no whole row. What cannot be makes the call's row bad. */
int64_t pawli_column_between(struct call *call, int64_t min, int64_t max);
struct wall_time pawli_column_wall_or_never(struct call *call); /* NULL: WALL_NEVER */
void pawli_read_field(struct call *call, enum row_kind kind, const char *column, void *row, struct arena *arena);

/* The code of a call that met a row which cannot be read, or is not where another says that it is. Nothing is wrong with the
 * file as SQLite sees it: only whoever needs the row is refused. */
#define BAD_ROW (SQLITE_CORRUPT | 0xFF << 8)

/* The task of a message, wherever it is. *found false: nowhere. */
int pawli_find_task(struct connection *connection, enum task_kind kind, uint64_t number, const struct task_body *body,
                    struct task_row *row, bool *found, struct arena *arena);
int pawli_get_store(struct connection *connection, struct store_row *row); /* BAD_ROW: there is none */
int pawli_get_fact(struct connection *connection, enum row_kind kind, void *row, bool *found,
                   struct arena *arena); /* by its key, which stands in row; where it is not found, row is as it was */
int pawli_get_by_id(struct connection *connection, enum row_kind kind, uint64_t id, void *row, bool *found,
                    struct arena *arena); /* of a scope, or queue */

/* ---- find.c ---- */

struct finder {
    struct walk walk;
    struct sqlite_store *store;
    struct connection *connection;
    struct arena *arena;
    int code; /* the first error */
};

static inline struct finder *finder_of(struct walk *walk)
{
    return (struct finder *)((char *)walk - offsetof(struct finder, walk));
}

extern const struct finders pawli_sqlite_finders;
/* By what columns of a row say that is not read yet. key 0: it has none. */
bool pawli_is_wanted(struct call *call, const struct range *range, int queue, int key);

/* ---- read.c, and a file for each thing that is read its own way ---- */

/* Keeps the error. */
static inline bool is_good(struct reading *reading, int code)
{
    finder_of(reading->walk)->code = code;
    return code == SQLITE_OK;
}

static inline struct connection *connection_of(const struct reading *reading)
{
    return finder_of(reading->walk)->connection;
}

reading_fn pawli_read_messages, pawli_read_old;

/* ---- the rest, a file each ---- */
enum store_result pawli_sqlite_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err);
enum store_result pawli_sqlite_save(struct txn *txn, const struct view *view, pawl_error *err);
enum store_result pawli_sqlite_read(struct sqlite_store *store, struct connection *connection,
                                    const struct query *query, struct page *page, pawl_error *err);

/* damage.c: what verify is told. Calls `found` for each. A SQLite code. */
int pawli_find_damage(struct connection *connection, struct arena *arena,
                      int (*found)(void *data, uint64_t scope, uint64_t queue, struct text what), void *data);

int pawli_sqlite_gate(const struct sqlite_store *store, struct gate **ret_gate, pawl_error *err); /* another opening */
char *pawli_sqlite_path(const char *path, const char *suffix); /* the caller's; NULL: out of memory */
void pawli_sqlite_drop(struct store *store, struct txn *txn);
enum store_result pawli_sqlite_reader(struct store *store, struct reader **ret_reader, pawl_error *err);
void pawli_sqlite_reader_done(struct store *store, struct reader *reader);

/* join.c */
int pawli_sqlite_attach(struct store *store, void *native, void **ret_attachment, pawl_error *err);
void pawli_sqlite_detach(struct store *store, void *attachment);
int pawli_sqlite_committed(struct store *store, void *attachment, pawl_error *err);
enum store_result pawli_sqlite_join(struct store *store, void *native, struct txn **ret_txn, pawl_error *err);

enum store_result pawli_sqlite_backup(struct store *store, const char *path,
                                      void (*progress)(void *data, int left, int total), void *data, pawl_error *err);

void pawli_sqlite_log(struct store *store, uint64_t *size, uint64_t *waiting);
int pawli_sqlite_log_size(struct sqlite_store *store, sqlite3_int64 *size); /* a code */
int pawli_open_read_only(struct sqlite_store *store, struct boot_time until, pawl_error *err);
enum store_result pawli_check_as_found(struct sqlite_store *store, pawl_error *err);

int pawli_list_committers(struct sqlite_store *store, struct connection *connection, struct committer_row **ret_alive,
                          size_t *ret_alive_count, struct committer_row **ret_dead, size_t *ret_dead_count,
                          struct arena *arena);

/* Of a log in another program's database: the life of the rows that are the store's, and the last commit that the file has
 * (0: not known). */
struct log_owner {
    pawl_uuid life;
    uint64_t commits;
};

/* owner NULL: the file is the store's own. */
enum store_result pawli_wal_audit(struct sqlite_store *store, const struct log_owner *owner, struct log_facts *facts,
                                  pawl_error *err);
int pawli_log_belongs(struct sqlite_store *store, pawl_error *err); /* else it is set aside, and the store restored */
/* Of the database file, with the row of the store in its page; a code of SQLite's. */
int pawli_read_pages(struct sqlite_store *store, uint32_t row_page, struct page_facts *facts);
bool pawli_log_salts(struct sqlite_store *store, uint8_t salts[8]);
int pawli_checkpoint(struct sqlite_store *store, struct connection *connection, int mode, int *ret_left,
                     pawl_error *err); /* a store_result */
enum store_result pawli_sqlite_tend(struct store *store, pawl_error *err);
bool pawli_sqlite_needs_tending(struct store *store);
void pawli_checkpoint_after_commit(struct sqlite_store *store);

int pawli_anchor_open(struct sqlite_store *store, bool create, pawl_error *err);
void pawli_anchor_close(struct sqlite_store *store);
bool pawli_anchor_read(struct sqlite_store *store, struct anchor *anchor); /* the greater good slot; false: none */
int pawli_anchor_write(struct sqlite_store *store, const struct anchor *anchor); /* after a commit, unsynced */
int pawli_anchor_found(struct sqlite_store *store, const struct anchor *anchor); /* all slots, synced */
/* What was written last, synced; not beside another writer. Complete: the database file has all of the log, synced. */
int pawli_anchor_keep(struct sqlite_store *store, bool is_complete);
bool pawli_anchor_is_into(struct sqlite_store *store);
bool pawli_anchor_knows(struct sqlite_store *store, const struct log_facts *log, const struct page_facts *file);
int pawli_anchor_disown(struct sqlite_store *store, pawl_error *err);
int pawli_anchor_sync(struct sqlite_store *store);
struct anchor pawli_anchor_of(const struct sqlite_store *store, const struct store_row *row);
enum store_result pawli_anchor_compare(struct sqlite_store *store, struct store_facts *facts, pawl_error *err);

/* Whose database it is, by its bytes. Somebody else's is refused where no store is or shall be in it. */
int pawli_schema_names(struct sqlite_store *store, pawl_error *err);
int pawli_schema(struct sqlite_store *store, const struct store_open *how, struct store_facts *facts, pawl_error *err);

#endif
