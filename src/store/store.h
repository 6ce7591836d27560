/* SPDX-License-Identifier: MIT */
/* The door to every store. A store keeps rows and finds due tasks; it decides nothing. A write transaction is load, decide,
 * save (store/view.h); reading is a page at a time in one snapshot. Nobody but store.c calls through the table, so that
 * whatever two stores could differ in is checked in one place. */
#ifndef PAWLI_STORE_H
#define PAWLI_STORE_H

#include "env/env.h"
#include "model/decide.h"
#include "store/view.h"

/* What a store answers. Phase matters: before COMMIT was sent nothing was written; after it nobody may know. */
enum store_result {
    STORE_OK,
    STORE_PENDING, /* not done yet, nothing blocked: call again with the same arguments; never seen above the door */
    STORE_RACE,    /* a row was not what load said: load and decide afresh */
    STORE_BUSY,    /* no write lock in time; nothing written */
    STORE_UNAVAILABLE, /* out of reach; nothing written */
    STORE_UNKNOWN,     /* COMMIT was sent and its reply is lost */
    STORE_FULL,        /* no room; nothing written */
    STORE_NO_MEMORY,   /* nothing written */
    STORE_CORRUPT,     /* stored data failed a check */
    STORE_INVALID,     /* a native handle that cannot be used so; nothing written */
    STORE_REFUSED,     /* not by this handle, or not as things are; nothing written */
    STORE_POISONED, /* had a storage error before: answers nothing until all handles are closed and it is opened anew */
    STORE_RESULT_COUNT
};

enum store_can {
    STORE_CAN_JOIN = 1,  /* write inside a caller's own transaction */
    STORE_CAN_SHARE = 2, /* several processes */
    STORE_IS_DURABLE = 4,
};

/* "sqlite:shop.db?vfs=x": scheme, path, and options behind the question mark. */
struct store_url {
    struct text scheme, path, options;
};

struct store_open {
    struct store_url url;
    bool must_exist, read_only;
    int64_t busy_ms; /* how long to wait for a lock of other processes */
};

/* What is said about a store when it is opened. */
struct store_facts {
    bool was_created, was_migrated, was_restored; /* restored: it or its anchor is not what was left here */
    bool is_into;                                 /* in another program's database */
    bool was_put_into_wal;                        /* that one, by this opening */
    int schema;
    char engine[48]; /* "SQLite 3.53.2": what runs, whatever was compiled against */
    char restored_why[160];
};

enum query_kind {
    QUERY_STORE,       /* page.store */
    QUERY_SCOPES,      /* after, limit */
    QUERY_SCOPE,       /* scope: page.scopes */
    QUERY_RECORD,      /* scope; id or seq */
    QUERY_RECORDS,     /* scope, ref, type, since; after or before, limit */
    QUERY_MESSAGE,     /* scope, number */
    QUERY_MESSAGES,    /* scope (absent: all), lane, target, key, state; between after and before, limit */
    QUERY_ATTEMPTS,    /* number */
    QUERY_QUEUES,      /* scope (absent: all), lane, target; after, limit */
    QUERY_LANES,       /* scope; limit */
    QUERY_TARGETS,     /* scope; limit */
    QUERY_SENDER,      /* scope, target, key */
    QUERY_SENDERS,     /* scope, target (absent: of all); limit */
    QUERY_HOLDS,       /* scope (absent: all); limit */
    QUERY_LOOK,        /* scope, lane, target, phase: page.look; without: for the lost claims of all queues */
    QUERY_LINE,        /* scope, lane, target, key: page.line; cursor.position, cursor.number: how many are before it */
    QUERY_OLD,         /* old, since, cursor, limit: tasks that time may end (expiry, retention, deadlines) */
    QUERY_OLD_BOUNDS,  /* limit: bounds whose time is over */
    QUERY_GONE,        /* place, limit: what waits there, ready or blocked, for senders that are gone: page.olds */
    QUERY_PUT_OFF,     /* scope, lane, target, key, cursor, limit: what was put off for sender `key`: page.olds */
    QUERY_WORKERS,     /* after, limit */
    QUERY_CLAIMS,      /* after, limit: what is claimed, by number */
    QUERY_ASSETS,      /* scope; limit */
    QUERY_ACCOUNTS,    /* scope, account (absent: all), asset; behind after_name, after_key; limit */
    QUERY_ENTRIES,     /* scope, account (absent: of all), asset (absent: of all); behind after, after_index; limit */
    QUERY_FILLS,       /* scope; key: one trade; behind after, after_index; limit */
    QUERY_PROJECTIONS, /* scope, name; prefix; behind after_key; limit */
    QUERY_COUNTERS,    /* scope; limit */
    QUERY_TYPES,       /* scope; name: that one; limit */
    QUERY_SNAPSHOTS,   /* scope; behind after; limit */
    QUERY_CHUNKS,      /* scope; from after and after_index on; limit */
    QUERY_SUBSCRIPTIONS, /* scope (absent: of all); name: that one; limit */
    QUERY_WORKFLOWS, /* scope; lane, target (absent: of all kinds); key; between after and before, limit: page.workflows */
    QUERY_WORKFLOW,       /* scope, target: its kind; name: its id */
    QUERY_KINDS,          /* scope; limit */
    QUERY_SIGNALS,        /* scope, target, name: of that workflow; limit */
    QUERY_STEPS,          /* number; behind after; limit */
    QUERY_RESOURCES,      /* scope; key: that one; or name: what this holder holds; behind after_key; limit */
    QUERY_RESOURCE_MOVES, /* scope, key; limit */
    QUERY_SCHEDULES, /* scope (absent: of all); name: that one; limit */
    QUERY_DAMAGE, /* limit: rows that cannot be read or do not agree with each other, but for the chains of records */
    QUERY_KIND_COUNT
};

/* How tasks that time may end are found: in the order of time of each queue, so that what is young is not looked at. */
enum old {
    OLD_BLOCKED,       /* by its age, */
    OLD_BLOCKED_UNTIL, /* or a date of its own */
    OLD_READY,
    OLD_READY_AGAIN, /* by its age, where it is not due for the first time */
    OLD_READY_UNTIL,
    OLD_HELD_UNTIL,
    OLD_ENDED, /* up to messages that were made after `since`, where it is given */
    OLD_COUNT
};

static inline enum place place_of_old(enum old old)
{
    static const enum place places[OLD_COUNT] = {
        [OLD_BLOCKED] = PLACE_BLOCKED,   [OLD_BLOCKED_UNTIL] = PLACE_BLOCKED, [OLD_READY] = PLACE_READY,
        [OLD_READY_AGAIN] = PLACE_READY, [OLD_READY_UNTIL] = PLACE_READY,     [OLD_HELD_UNTIL] = PLACE_HELD,
        [OLD_ENDED] = PLACE_ENDED};
    return places[old];
}

/* Where a walk over a place is: the key of the last row that was seen. All zero: at the beginning. */
struct task_cursor {
    uint64_t queue, number;
    int64_t phase, priority, at; /* at: the time by which the walk goes */
    uint64_t position;
};

#define NEWS_MAX 10000

struct query {
    enum query_kind kind;
    struct text scope, lane, target, key, ref, type;
    struct text account, asset, name, prefix; /* of the ledger and of projections */
    struct text after_name, after_key;
    uint32_t after_index;
    struct wall_time since; /* 0: any */
    enum old old;
    bool all; /* of QUERY_OLD, not of what ended: what is young, too, for its dates may be false */
    pawl_uuid id;
    /* before 0: the newest end. Of messages: numbers as rows have them, or those of the scope that is named. */
    uint64_t seq, number, after, before;
    bool down; /* newest first */
    bool any_state, wants_places;
    bool wants_ages;   /* of QUERY_QUEUES: how many are due and held, and since when */
    bool wants_limits; /* of QUERY_QUEUES: what the limits of its lane and target saw */
    bool wants_due; /* of QUERY_QUEUES: when something is due, what holds it; only queues with messages that are to be
                          sent, polled or probed, and an address for it */
    /* Of QUERY_QUEUES: only those to which something was added since `after`, which is the `next` of an earlier page of queues
     * that wanted news; of them the newest NEWS_MAX. */
    bool wants_news;
    enum state state;
    enum place place; /* of messages of a state: only those that are there; PLACE_NONE: wherever they are */
    enum phase phase;
    struct task_cursor cursor;
    uint32_t limit; /* 0: there is none, as of attempts */
};

struct message_item {
    struct message_row message;
    struct task_row task;
    struct text scope, lane, target;
    uint32_t places; /* in how many places its task was found; counted when wanted */
    bool lost;
    bool is_damaged; /* its row, that of its task or of its queue cannot be read: it has no place */
    bool is_message_damaged;
};

struct workflow_item {
    struct workflow_row workflow;
    struct task_row task;
    struct text scope, kind;
    bool lost;
    bool is_damaged; /* its row, that of its task or of its queue cannot be read */
    bool is_workflow_damaged;
};

struct queue_item {
    struct queue_row row;
    struct text scope;
    struct policy policy; /* effective */
    struct policy lane_policy, target_policy;
    struct route route;                     /* of the target */
    struct text asked[PHASE_COUNT];         /* URLs where it is polled and probed */
    bool has_senders;                       /* it has routes of senders, too; where what is due is wanted */
    struct wall_time next_due[PHASE_COUNT]; /* where wanted; WALL_NEVER: nothing is ready */
    struct paused paused;                   /* where wanted */
    struct queue_ages {                     /* where wanted; of what waits to be sent */
        uint64_t due, held_apart;
        struct wall_time oldest_due, later_due; /* the first, and the first in the future; WALL_NEVER: none */
    } ages;
    struct queue_limits {     /* where wanted */
        uint64_t claimed;     /* sends in flight of its lane, to its target */
        struct flow_row flow; /* of this boot; zero: there is none */
    } limits[LIMITS];
    bool is_damaged; /* its policy cannot be read; where what is due is wanted, it is left out */
};

struct hold_item {
    struct hold_row row;
    struct text scope;
};

struct bound_item {
    uint64_t queue;
    enum bound_kind kind;
    struct text key, scope, lane, target;
};

struct worker_item {
    struct worker_row row;
    bool is_alive;
};

/* A claim, and whose it is. */
struct claim_item {
    uint64_t committer; /* 0: by hand */
    struct text consumer, scope, lane;
    struct wall_time claimed, updated;
    bool is_lost;
};

struct schedule_item {
    struct schedule_row row;
    struct text scope; /* absent: it cannot be read */
};

struct subscription_item {
    struct subscription_row row;
    struct text scope; /* absent: it cannot be read */
};

/* Stored data that is set apart. scope: whose it is; absent: the store's, or nobody knows. */
struct damage_item {
    struct text scope, what;
};

struct old_item {
    uint64_t number;
    struct text scope, lane, target;
    struct wall_time created, available, expires;
    struct task_row
        task; /* phase, due, since, updated, retried, and until; of what ended its state, and when as until */
    struct policy policy;
    struct paused paused; /* of its queue, for what is ready or blocked */
};

/* Whether a claim would find something, without a write. */
struct look {
    bool is_due, is_lost;
    struct wall_time next_due;   /* WALL_NEVER: nothing waits */
    struct boot_time next_lease; /* BOOT_NEVER: nothing is claimed */
};

/* Where a key stands. */
struct line_item {
    bool found;
    struct line_row row;
    uint64_t before; /* of those that are blocked, before the cursor */
};

struct page {
    struct arena arena;
    size_t count;
    bool more;                 /* the limit cut it */
    uint64_t next;             /* for `after` or `before` of the next page; of news: what is seen by now */
    struct task_cursor cursor; /* for the next page of QUERY_OLD and QUERY_PUT_OFF */
    struct wall_time wall;
    struct boot_time boot;
    union {
        struct scope_row *scopes;
        struct record_row *records;
        struct message_item *messages;
        struct attempt_row *attempts;
        struct queue_item *queues;
        struct lane_row *lanes;
        struct target_row *targets;
        struct sender_row *senders;
        struct hold_item *holds;
        struct old_item *olds;
        struct bound_item *bounds;
        struct damage_item *damages;
        struct worker_item *workers;
        struct claim_item *claims;
        struct asset_row *assets;
        struct account_row *accounts;
        struct entry_row *entries;
        struct fill_row *fills;
        struct projection_row *projections;
        struct counter_row *counters;
        struct type_row *types;
        struct snapshot_row *snapshots;
        struct chunk_row *chunks;
        struct subscription_item *subscriptions;
        struct schedule_item *schedules;
        struct workflow_item *workflows;
        struct kind_row *kinds;
        struct signal_row *signals;
        struct step_row *steps;
        struct resource_row *resources;
        struct resource_move_row *resource_moves;
    };
    struct store_row store;
    struct look look;
    struct line_item line;
    struct hold_item *look_holds; /* of QUERY_LOOK: what holds the queue */
    size_t look_hold_count;
};

struct store;
struct txn;
struct reader;

enum news { NEWS_COMMIT, NEWS_RECORD, NEWS_COUNT }; /* a record is news of a commit, too */
static_assert((int)NEWS_COUNT == BELL_NUMBERS, "each has its number on the bell");

static inline unsigned news_count(bool has_records) /* how many of them a commit is */
{
    return has_records ? NEWS_RECORD + 1 : NEWS_COMMIT + 1;
}

/* The first argument is whose table it is. A filter, which stands before a store, has in its table only what it does
 * something about: whatever it leaves out the door asks of the store below. Those marked P may answer PENDING. */
struct store_ops {
    const char *name;
    uint32_t can;                 /* enum store_can */
    const char *(*version)(void); /* of the library below; NULL: none */
    int (*open)(const struct store_open *how, struct env *env, struct store **ret_store, struct store_facts *facts,
                pawl_error *err);
    void (*close)(struct store *store);

    /* P. Waits for a lock of others as long as the store was opened to, but not beyond `until`. */
    enum store_result (*begin)(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err);
    /* P */
    enum store_result (*join)(struct store *store, void *native, struct txn **ret_txn, pawl_error *err);
    /* P */
    enum store_result (*load)(struct store *store, struct txn *txn, struct view *view, pawl_error *err);
    /* P. And commits, unless joined: the next load sees it. Durable on return where it `syncs`, else after the sync. */
    enum store_result (*save)(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                              pawl_error *err);
    /* Returns once every commit up to this number, which is there to be seen, is durable. Any thread, while another batch is
     * loaded and saved. What fails is UNKNOWN, and so is all that comes after it. */
    enum store_result (*sync)(struct store *store, uint64_t commits, pawl_error *err);
    /* Ends txn, in the middle of a call that is pending, too; rolls back what was not saved. */
    void (*drop)(struct store *store, struct txn *txn);
    /* P. What became of the save whose marker this is, asked after UNKNOWN, once its transaction was dropped. Not committed
     * means that it never will be. UNAVAILABLE, BUSY: ask again later; UNKNOWN: only a new opening will know. */
    enum store_result (*resolve)(struct store *store, const struct committer_row *marker, bool *ret_committed,
                                 pawl_error *err);

    /* P. What a page shows is durable. */
    enum store_result (*reader)(struct store *store, struct reader **ret_reader, pawl_error *err);
    enum store_result (*read)(struct store *store, struct reader *reader, const struct query *query, struct page *page,
                              pawl_error *err); /* P */
    void (*done)(struct store *store, struct reader *reader);
    /* Until what was pending can go on, or earlier; not beyond `until`. Only of those that answer PENDING. */
    void (*ready)(struct store *store, struct boot_time until);

    int (*attach)(struct store *store, void *native, void **ret_attachment,
                  pawl_error *err); /* before a caller's BEGIN */
    void (*detach)(struct store *store, void *attachment);
    int (*committed)(struct store *store, void *attachment,
                     pawl_error *err);                     /* the caller says so: who waits is told, unless he was */
    uint64_t (*slot)(struct store *store);                 /* the lock byte that this handle holds */
    void (*listen)(struct store *store, bool yes);         /* from here on commits are told to this process; counted */
    uint64_t (*news)(struct store *store, enum news what); /* while listening: a number that each such commit changes */
    /* Until such news, or earlier; other commits wake nobody. */
    void (*wait)(struct store *store, enum news what, uint64_t seen, struct boot_time until);
    int (*watch_fd)(struct store *store, struct boot_time *poll);    /* readable: somebody committed; -1: poll */
    bool (*rang)(struct store *store);                               /* somebody else committed since the last call */
    enum store_result (*tend)(struct store *store, pawl_error *err); /* checkpoints; changes no row; any thread */
    bool (*needs_tending)(struct store *store);
    void (*engine_tends)(struct store *store, bool yes); /* somebody calls tend: commits need not */
    enum store_result (*backup)(struct store *store, const char *path,
                                void (*progress)(void *data, int left, int total), void *data, pawl_error *err);
    enum store_result (*adopt)(struct store *store,
                               pawl_error *err); /* makes its anchor the store's own, after the rows say so */
    bool (*was_adopted)(struct store *store);    /* a restored one, by another handle since */
    void (*log)(struct store *store, uint64_t *size, uint64_t *waiting); /* bytes of its log, and not copied yet */
    bool (*room)(struct store *store, struct file_room *ret_room); /* where its files are; false: it does not know */
};

struct store {
    const struct store_ops *ops;
    struct env *env;
    struct store *below; /* of a filter */
    int64_t busy_ms;     /* how long to wait for others */
    unsigned forks;      /* lay behind who opened it: a child must not touch it */
    bool read_only;
    /* What was joined can be read now; called in the thread that committed it. Set before anybody joins. */
    void (*joined_news)(void *data);
    void *joined_news_data;
};

extern const struct store_ops pawli_store_memory;
extern const struct store_ops pawli_store_sqlite;

bool pawli_store_url_parse(struct text url, struct store_url *parts);
struct text pawli_store_url_option(const struct store_url *url, const char *name); /* absent when not given */
int pawli_store_url_check(const struct store_url *url, const char *const *names, size_t count,
                          pawl_error *err); /* refuses options that are none of these, and those given twice */

int pawli_store_open(const struct store_open *how, struct env *env, struct store **ret_store, struct store_facts *facts,
                     pawl_error *err);
void pawli_store_close(struct store *store);

/* What every call asks first, before it takes a lock that a thread of the parent may have held at a fork; what writes asks
 * the second. Both are asked again at the door. */
bool pawli_store_is_here(const struct store *store);
int pawli_store_check(const struct store *store, pawl_error *err);
int pawli_store_check_write(const struct store *store, pawl_error *err);

/* What is pending is waited for: until `until`, and where none is given as long as the store was opened to wait. Then it
 * is BUSY, and nothing was written; but for a save, which may have been: that is UNKNOWN. */
enum store_result pawli_store_begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err);
enum store_result pawli_store_join(struct store *store, void *native, struct boot_time until, struct txn **ret_txn,
                                   pawl_error *err);
enum store_result pawli_store_load(struct store *store, struct txn *txn, struct boot_time until, struct view *view,
                                   pawl_error *err);
enum store_result pawli_store_save(struct store *store, struct txn *txn, struct boot_time until,
                                   const struct view *view, bool syncs, pawl_error *err);
enum store_result pawli_store_sync(struct store *store, uint64_t commits, pawl_error *err);
void pawli_store_drop(struct store *store, struct txn *txn); /* NULL is fine */
/* Asks once, and again until `until` while the store is out of reach. */
enum store_result pawli_store_resolve(struct store *store, const struct committer_row *marker, struct boot_time until,
                                      bool *ret_committed, pawl_error *err);
enum store_result pawli_store_reader(struct store *store, struct reader **ret_reader, pawl_error *err);
enum store_result pawli_store_read(struct store *store, struct reader *reader, const struct query *query,
                                   struct page *page, pawl_error *err);
void pawli_store_done(struct store *store, struct reader *reader);

/* The rest of the table. */
const char *pawli_store_name(const struct store *store);
bool pawli_store_can(const struct store *store, enum store_can what);
int pawli_store_attach(struct store *store, void *native, void **ret_attachment, pawl_error *err);
void pawli_store_detach(struct store *store, void *attachment);
int pawli_store_committed(struct store *store, void *attachment, pawl_error *err);
uint64_t pawli_store_slot(struct store *store);
void pawli_store_listen(struct store *store, bool yes);
uint64_t pawli_store_news(struct store *store, enum news what);
void pawli_store_wait(struct store *store, enum news what, uint64_t seen, struct boot_time until);
int pawli_store_watch_fd(struct store *store, struct boot_time *poll);
bool pawli_store_rang(struct store *store);
enum store_result pawli_store_tend(struct store *store, pawl_error *err);
bool pawli_store_needs_tending(struct store *store);
void pawli_store_engine_tends(struct store *store, bool yes);
enum store_result pawli_store_backup(struct store *store, const char *path,
                                     void (*progress)(void *data, int left, int total), void *data, pawl_error *err);
enum store_result pawli_store_adopt(struct store *store, pawl_error *err);
bool pawli_store_was_adopted(struct store *store);
void pawli_store_log(struct store *store, uint64_t *size, uint64_t *waiting);
bool pawli_store_room(struct store *store, struct file_room *ret_room);

/* For filters. A filter takes the store below: its own close, or the one that it leaves out, closes it. What is pending
 * below it passes on as such. */
void pawli_filter_init(struct store *filter, const struct store_ops *ops, struct store *below);
enum store_result pawli_below_begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err);
enum store_result pawli_below_join(struct store *store, void *native, struct txn **ret_txn, pawl_error *err);
enum store_result pawli_below_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err);
enum store_result pawli_below_save(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                                   pawl_error *err);
enum store_result pawli_below_resolve(struct store *store, const struct committer_row *marker, bool *ret_committed,
                                      pawl_error *err);
enum store_result pawli_below_reader(struct store *store, struct reader **ret_reader, pawl_error *err);
enum store_result pawli_below_read(struct store *store, struct reader *reader, const struct query *query,
                                   struct page *page, pawl_error *err);

/* One query in a snapshot of its own, as a status. The page is the caller's to end (pawli_page_done). */
int pawli_store_query(struct store *store, const struct query *query, struct page *page, pawl_error *err);
void pawli_page_done(struct page *page);

/* For stores: a number of a query, whole. scope: that which the query names. */
static inline uint64_t query_number(uint64_t scope, uint64_t number)
{
    return number == 0 || number > NUMBER_MAX ? number : number_of(scope, number);
}

/* A store fills the error for every result but OK, PENDING and RACE; pawli_store_fail has the general sentences. */
enum store_result pawli_store_fail(pawl_error *err, enum store_result result);
int pawli_store_status(enum store_result result);

#endif
