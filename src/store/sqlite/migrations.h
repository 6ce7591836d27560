/* SPDX-License-Identifier: MIT */
/* The schema, step by step. Migration n makes schema version n; one that was released is never changed. */
#ifndef PAWLI_MIGRATIONS_H
#define PAWLI_MIGRATIONS_H

/* Whose the database is: the store's own, or another program's. */
enum names { NAMES_OWN, NAMES_INTO };

/* As SQLite has it in its schema, and what makes it. */
struct schema_object {
    const char *type, *name, *table, *sql;
};

struct migration {
    const char *name;
    const struct schema_object *objects[2]; /* by enum names; the last has no name */
};

extern const struct migration pawli_migrations[];
extern const int pawli_migration_count;

#endif
