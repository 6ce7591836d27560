/* SPDX-License-Identifier: MIT */
/* Moving a journal: out of one store as text that proves itself, into another in which its receipts stay true. */
#ifndef PAWL_MOVING_H
#define PAWL_MOVING_H

#include "pawl/operator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes a line, with its newline. Less than 0 ends the export. */
typedef int pawl_export_line(void *data, const char *line, size_t size, pawl_error *err);

typedef struct pawl_export_options {
    size_t struct_size; /* PAWL_EXPORT_OPTIONS sets it */
    uint64_t after_seq; /* only what is behind this record; 0: all. Only all of it can be imported */
    uint64_t limit;     /* at most so many records; 0: all there are */
} pawl_export_options;
#define PAWL_EXPORT_OPTIONS .struct_size = sizeof(pawl_export_options)

/*
 * pawl_journal_export: the records of the handle's scope as lines of JSON, as of one moment. The first line says of which
 *   scope, behind which digest they begin, its assets and types, and the digest of the last record; each other line is a record with all that
 *   its digest covers: bodies byte for byte, or their hashes where they are not stored. Whoever has the lines can prove the
 *   chain without the store (docs/format.md; tools/verify_export.py does it). Of a scope without records there are none.
 *
 * Errors     PAWL_ECORRUPT  a record cannot be read: its line says so, the others follow; what `line` answered
 */
PAWL_API int pawl_journal_export(pawl_store *store, const pawl_export_options *options, pawl_export_line *line,
                                 void *data, pawl_error *err);

/* Gives the next line, with or without its newline, which lasts until it is called again; *size 0: there are no more. */
typedef int pawl_import_line(void *data, const char **line, size_t *size, pawl_error *err);

/* What was imported. */
typedef struct pawl_imported {
    size_t struct_size; /* PAWL_IMPORTED sets it */
    uint64_t records;
    char scope[129];
    uint8_t digest[32]; /* of the last record */
} pawl_imported;
#define PAWL_IMPORTED .struct_size = sizeof(pawl_imported)

/*
 * pawl_journal_import: an export of a whole scope, into a store in which that scope has no record and no message. The handle's scope is
 *   not looked at: digests cover the scope's name, so it stays what it was. All of it in one commit, or nothing. The ledger,
 *   fills, projections and counters are made anew from what the records say they did; nothing is enqueued, snapshots and subscriptions
 *   are none of it. It holds all of the journal in memory.
 *
 * Errors     PAWL_EINVAL    no export, or only a part of one; PAWL_ECORRUPT  the chain is broken: the text names the record;
 *            PAWL_EREFUSED  the scope is not empty
 * Law        docs/laws.md J1
 */
PAWL_API int pawl_journal_import(pawl_store *store, pawl_import_line *line, void *data, const pawl_operation *operation,
                                 pawl_imported *ret_imported, pawl_error *err);

#ifdef __cplusplus
}
#endif

#endif
