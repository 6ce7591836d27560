/* SPDX-License-Identifier: MIT */
/* The schema, step by step. Migration n makes schema version n; one that was released is never changed. */
#ifndef PAWLI_MIGRATIONS_H
#define PAWLI_MIGRATIONS_H

/* Whose the database is: the store's own, or another program's. */
enum names { NAMES_OWN, NAMES_INTO };

struct migration {
    const char *name, *sql[2]; /* by enum names */
};

extern const struct migration pawli_migrations[];
extern const int pawli_migration_count;

#endif
