/* SPDX-License-Identifier: MIT */
/* Stores: opening one, its engine, its condition. */
#ifndef PAWL_STORE_H
#define PAWL_STORE_H

#include "pawl/id.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A handle on a store, with a scope. May be used by any number of threads at once. After a fork only the parent may use
 * it: in the child every call answers PAWL_EIO, closing it ends nothing of the parent's, and the child opens its own. A
 * child that lives on keeps no lock of its parent, nor claims that end with it.
 */
typedef struct pawl_store pawl_store;

typedef struct pawl_store_options {
    size_t struct_size;   /* PAWL_STORE_OPTIONS sets it */
    const char *scope;    /* of this handle; NULL: "default" */
    uint32_t must_exist;  /* 1: PAWL_ENOTFOUND rather than making a new store */
    uint32_t read_only;   /* 1: nothing is made, migrated or recovered; writes are PAWL_EREFUSED */
    uint32_t busy_ms;     /* how long to wait for other processes that write; 0: 5000 */
    uint32_t waiting_max; /* calls that may wait for a commit, beyond them PAWL_EBUSY; 0: 16384 */
    uint32_t timeout_ms;  /* a call that was not taken into a commit by then is withdrawn: PAWL_EBUSY; 0: 30000 */
} pawl_store_options;
#define PAWL_STORE_OPTIONS .struct_size = sizeof(pawl_store_options)

/*
 * pawl_store_open: opens a store, and makes it where it is not there yet.
 *
 * Does       "sqlite:FILE" or "memory:" (which ends with its handle). Starts no thread. FILE is relative to the working
 *            folder, or absolute; sqlite:///FOLDER/FILE is absolute too, and sqlite://HOST… is refused, as SQLite does.
 *            Behind a question mark, joined by &: mode=ro (as read_only), mode=rw (as must_exist), mode=rwc, vfs=NAME,
 *            checkpoint_frames=N (of the log, before it is copied), into=1, disk_warn=N and disk_refuse=N (percent of the
 *            disk that are used when it counts as filling, 80, and when new messages are refused, 95; 0: never). Any other
 *            option is PAWL_EINVAL.
 *            into=1: FILE is a database of the program's own, with tables of its own; pawl's stand beside them, in names that
 *            begin with pawl_ (docs/into.md has what that asks of the program). It is put into WAL mode. Where FILE-anchor
 *            is there, such a store is known without the option.
 *            A read-only handle makes no file, takes shared locks only and needs read permission only. Beside one that
 *            writes it sees what that commits. Where nobody has the store open and no log is there, it reads the file as
 *            it is, and once somebody writes it answers PAWL_EUNAVAIL: open it again.
 * Owns       *ret_store is closed with pawl_store_close. Texts are copied.
 * Errors     PAWL_EINVAL        a malformed URL or option
 *            PAWL_ENOTFOUND     must_exist, and it does not
 *            PAWL_EUNSUPPORTED  an unknown kind of store, or one that a newer pawl wrote; into=1: texts in UTF-16
 *            PAWL_EBUSY         another process kept it locked
 *            PAWL_EREFUSED      a database of something else, without into=1; one that is a store itself, with it
 *            PAWL_EUNAVAIL      the file cannot be opened; read_only: its log was left by a process that was killed, and
 *                               recovery needs a writer
 *            PAWL_ECORRUPT      damaged: the hint says what to do
 *            PAWL_EIO           storage failed earlier in this process: close all its handles first
 * Outputs    Untouched on error.
 * Note       A store that was restored or copied opens for reading; writes are PAWL_EREFUSED until
 *            pawl_store_adopt, by whatever handle.
 */
PAWL_API int pawl_store_open(const char *url, const pawl_store_options *options, pawl_store **ret_store,
                             pawl_error *err);

/*
 * pawl_store_scope: a light handle for another scope of the same store. Close it too; in any order.
 *
 * Errors     PAWL_EINVAL  the scope is no name; PAWL_ENOMEM
 */
PAWL_API int pawl_store_scope(pawl_store *store, const char *scope, pawl_store **ret_store, pawl_error *err);

/*
 * pawl_store_close: closes a handle; the last one closes the store and stops its engine. NULL is fine. No call on the
 * handle may be under way.
 */
PAWL_API void pawl_store_close(pawl_store *store);

/*
 * pawl_store_start: gives the store's engine a thread: callbacks are called on it, checkpoints are made beside the
 * commits, workers of this store run. Once for all handles of a store; a second call does nothing.
 */
PAWL_API int pawl_store_start(pawl_store *store, pawl_error *err);

/*
 * pawl_store_stop: ends that thread, after the calls that were submitted were answered. Never from a callback.
 */
PAWL_API void pawl_store_stop(pawl_store *store);

/*
 * pawl_store_step: for a program with a loop of its own, in place of pawl_store_start: does what is due, and waits for
 * work no longer than wait_ms (0: not at all). pawl_store_fd gives a descriptor that is readable when there is something
 * to do; it stays the store's, and is never read or closed by the program. One thread at a time.
 *
 * Outputs    *ret_next_ms (may be NULL): when to call again at the latest, in milliseconds; -1: when the descriptor is readable
 */
PAWL_API int pawl_store_step(pawl_store *store, int64_t wait_ms, int64_t *ret_next_ms, pawl_error *err);
PAWL_API int pawl_store_fd(pawl_store *store, pawl_error *err);

/* How much room the disk of the store has. */
enum pawl_disk {
    PAWL_DISK_FINE,    /* or nobody knows: disk_size is 0 */
    PAWL_DISK_FILLING, /* disk_warn percent are used: see to it */
    PAWL_DISK_REFUSING, /* disk_refuse percent: new messages are PAWL_EREFUSED; what is there is claimed, settled and moved */
    PAWL_DISK_FULL /* nothing is free, or the last write found no room; it heals by itself once there is some */
};

typedef struct pawl_store_info {
    size_t struct_size; /* PAWL_STORE_INFO sets it */
    pawl_uuid life;     /* random, made with the store */
    uint64_t epoch;     /* raised by pawl_store_adopt; 1 first */
    uint64_t commits;   /* transactions that pawl wrote */
    int32_t schema;
    uint32_t was_created;  /* by this opening */
    uint32_t was_migrated; /* by this opening */
    uint32_t is_restored;  /* writes are refused until it is adopted */
    char engine[48];       /* "SQLite 3.53.2": the one that runs */
    char restored_why[160];
    uint32_t is_durable;  /* 0: what it keeps ends with its handle, whatever a call says of durable */
    uint64_t log_size;    /* bytes of the log beside the database */
    uint64_t log_waiting; /* bytes of it that are not copied into the database yet: much more than PAWL_LOG_WAITING is a
                           * reader that keeps an old snapshot, or nobody who copies */
    uint32_t is_into;     /* in another program's database (into=1) */
    uint32_t was_put_into_wal; /* that one, by this opening: it was in another journal mode */
    uint64_t disk_size,
        disk_free;         /* bytes of the file system that it is on, as seen in the last second; 0: not known */
    uint32_t disk_percent; /* used */
    int32_t disk_state;    /* enum pawl_disk */
} pawl_store_info;
#define PAWL_STORE_INFO  .struct_size = sizeof(pawl_store_info)
#define PAWL_LOG_WAITING 67108864 /* four times what is copied in one go */

/*
 * pawl_store_get_info: what is known about the store.
 */
PAWL_API int pawl_store_get_info(pawl_store *store, pawl_store_info *ret_info, pawl_error *err);

/*
 * pawl_store_scope_name: the scope of this handle; lives as long as it does.
 */
PAWL_API const char *pawl_store_scope_name(const pawl_store *store);

/* What an operator gives with everything that changes a store from outside. */
typedef struct pawl_operation {
    size_t struct_size;   /* PAWL_OPERATION sets it */
    pawl_uuid request_id; /* the same again gives the stored answer; nil: minted */
    const char *reason;   /* text for those who read the journal later; what needs one is PAWL_EINVAL without */
    const char *actor;    /* who; NULL: "unknown" */
} pawl_operation;
#define PAWL_OPERATION .struct_size = sizeof(pawl_operation)

/*
 * pawl_store_adopt: makes a restored or copied store one's own: raises its epoch, so that claims and records of its lost
 * future are told apart, and holds the store until an operator releases it (pawl_hold_release). Needs a reason.
 *
 * Errors     PAWL_EREFUSED  the store is not a restored one
 */
PAWL_API int pawl_store_adopt(pawl_store *store, const pawl_operation *operation, pawl_error *err);

/*
 * pawl_store_backup: copies the store to a new file while it is used: one snapshot, whatever others commit meanwhile. The
 * copy opens as a restored store. It is made as path-partial (mode 0600); once it is whole it gets mode and, where that is
 * permitted, owner of the database, is synced, and gets its name: what was interrupted is no backup. progress may be NULL; it is called on this thread with the pages left and in all.
 *
 * Errors     PAWL_EINVAL    no path, a folder that is not there, or a file of the store itself by whatever name
 *            PAWL_EREFUSED  the file is there already, or there is no room
 *            PAWL_EUNAVAIL  the copy could not be written; what there was of it is removed
 */
PAWL_API int pawl_store_backup(pawl_store *store, const char *path, void (*progress)(void *data, int left, int total),
                               void *data, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
