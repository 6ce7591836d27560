#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs SQL files into C.

sqlpack.py statements OUT.h OUT.c IN.sql...   one enum value and one table row for each named statement
sqlpack.py migrations OUT.c IN.sql...         the migrations in order, as the tables, indexes and views that they make

A statement's parameters are numbered in the order of its `-- params:` line; one that is not declared, or declared and not
used, fails the build. A line `-- rows: N...` behind it makes a statement NAME_N for each N, which inserts N rows at once: the
parameters of the first row, then those of the next. A line `-- row: KIND` says that the statement is how rows of that kind are
found, put, added, taken away or listed, by the first word of its name; of those a table is made.

Every table, index and view is written as `pawl.NAME`, and its columns as `NAME.column`. Two texts are made of it: NAME, in a file
of the store's own, and pawl_NAME, in a database of somebody else. A name that is not written so fails the build.
"""
import re
import sys

NAMED = r"\b(FROM|JOIN|INTO|UPDATE|TABLE|INDEX|VIEW)(\s+)"


def name_plainly(sql):
    return re.sub(r"\bpawl\.(\w+)", r"\1", sql)


def name_into(sql):
    sql = re.sub(r"\b(FROM|JOIN)(\s+)pawl\.(\w+)\b(?!\s+AS\b)", r"\1\2pawl_\3 AS \3", sql)
    return re.sub(r"\bpawl\.(\w+)", r"pawl_\1", sql)


def c_string(sql):
    lines = [line for line in sql.strip().splitlines() if not line.lstrip().startswith("--")]
    for bare in re.finditer(NAMED + r"(?!pawl\.|sqlite_)([a-z_]\w*)\b(?!\s*\()", re.sub(r"--.*", "", "\n".join(lines))):
        sys.exit(f"write {bare[1]} pawl.{bare[3]}: a table of the store has two names")
    return c_lines(name_plainly("\n".join(lines)).splitlines()), c_lines(name_into("\n".join(lines)).splitlines())


NEWLINE = '\\n"'  # ends a line in C; SQLite keeps the text of an object without the last one


def c_lines(lines):
    return "\n".join('        "%s' % re.sub(r"\s+", " ", l).replace("\\", "\\\\").replace('"', '\\"') + NEWLINE for l in lines if l.strip())


OBJECT = r"CREATE (?:UNIQUE )?(TABLE|INDEX|VIEW) pawl\.(\w+)(?: ON pawl\.(\w+))?"


def made_by(path):
    """The statements of a migration. Opening compares what a file has with their texts: what alters a table would not be seen."""
    text = re.sub(r"^--.*\n", "", open(path).read(), flags=re.M)
    for sql in filter(str.strip, text.split(";\n")):
        if not re.match(OBJECT, sql.strip()):
            sys.exit(f"{path}: a migration makes tables, indexes and views; this does not:{sql}")
        yield sql


def c_object(sql):
    """As a struct schema_object, under both names."""
    kind, name, table = re.match(OBJECT, sql.strip()).groups()
    for prefix, text in zip(("", "pawl_"), c_string(sql)):
        yield f'    {{"{kind.lower()}", "{prefix}{name}", "{prefix}{table or name}",\n{text.removesuffix(NEWLINE)}"}},\n'


VERBS = {"get": "get", "find": "get", "put": "put", "remove": "remove", "add": "add", "all": "all", "list": "all"}
ROWS_AT_ONCE = ("_32", "_8", "")
kinds = {}


def row_statements(kind):
    return kinds.setdefault(kind, dict.fromkeys(["get", "put", "remove", "all", "add"]))


def row_table():
    for kind, found in kinds.items():
        one = [f"SQL_{found[verb] or 'COUNT'}" for verb in ("get", "put", "remove", "all")]
        many = [f"SQL_{found['add']}{size}" if found["add"] else "SQL_COUNT" for size in ROWS_AT_ONCE]
        yield f"    [ROW_{kind.upper()}] = {{{', '.join(one)}, {{{', '.join(many)}}}}},\n"


def statements(text):
    parts = re.split(r"^-- name: *(\w+)\n-- params:(.*)\n", text, flags=re.M)[1:]
    seen = set()
    for name, params, body in zip(parts[0::3], parts[1::3], parts[2::3]):
        params = params.split()
        body = body[: body.index(";") + 1]
        if name in seen:
            sys.exit(f"statement {name} is there twice")
        seen.add(name)
        used = re.findall(r"(?<![:\w]):([a-z_]\w*)", body)
        for missing in set(used) - set(params):
            sys.exit(f"statement {name} uses :{missing}, which its params do not declare")
        for unused in set(params) - set(used):
            sys.exit(f"statement {name} declares {unused} and does not use it")
        for i, param in enumerate(params, 1):
            body = re.sub(rf"(?<![:\w]):{param}\b", f"?{i}", body)
        yield name, len(params), body
        kind = re.search(r"^-- row: *(\w+)$", body, flags=re.M)
        if kind:
            row_statements(kind[1])[VERBS[name.split("_")[0]]] = name
        rows = re.search(r"^-- rows: *(.*)$", body, flags=re.M)
        for count in map(int, rows[1].split() if rows else ()):
            insert, row = re.fullmatch(r"(.*VALUES\s*)(\(.*\));", body, flags=re.S).groups()
            many = [re.sub(r"\?(\d+)", lambda at: f"?{int(at[1]) + i * len(params)}", row) for i in range(count)]
            yield f"{name}_{count}", len(params) * count, insert + ",\n".join(many) + ";"


def main():
    if sys.argv[1] == "statements":
        found = list(statements("\n".join(open(path).read() for path in sys.argv[4:])))
        if not found:
            sys.exit("no statement found")
        with open(sys.argv[2], "w") as out:
            out.write("/* Generated by sqlpack.py. */\n#ifndef PAWLI_SQL_H\n#define PAWLI_SQL_H\n\nenum sql {\n")
            out.writelines(f"    SQL_{name},\n" for name, _, _ in found)
            out.write("    SQL_COUNT\n};\n\nstruct sql_text {\n    const char *name, *text[2]; /* by enum names */\n    int params;\n};\n")
            out.write("extern const struct sql_text pawli_sql[SQL_COUNT];\n\n"
                      "/* Of a kind of row; SQL_COUNT: there is none. add: 32 at once, 8, one. */\n"
                      "struct row_sql {\n    enum sql get, put, remove, all, add[3];\n};\n"
                      "extern const struct row_sql pawli_row_sql[];\n\n#endif\n")
        with open(sys.argv[3], "w") as out:
            out.write('/* Generated by sqlpack.py. */\n#include "sql.h"\n#include "model/columns.h"\n\nconst struct sql_text pawli_sql[SQL_COUNT] = {\n')
            for name, count, body in found:
                plain, into = c_string(body)
                out.write(f'    [SQL_{name}] = {{"{name}",\n     {{\n{plain},\n{into}}},\n     {count}}},\n')
            out.write("};\n\nconst struct row_sql pawli_row_sql[ROW_KIND_COUNT] = {\n")
            out.writelines(row_table())
            out.write("};\n")
    else:
        with open(sys.argv[2], "w") as out:
            out.write('/* Generated from the migrations by sqlpack.py. */\n#include "store/sqlite/migrations.h"\n\n')
            for at, path in enumerate(sys.argv[3:]):
                for names, parts in zip(("plain", "into"), zip(*map(c_object, made_by(path)))):
                    out.write(f"static const struct schema_object {names}_{at}[] = {{\n" + "".join(parts) + "    {0},\n};\n")
            out.write("const struct migration pawli_migrations[] = {\n")
            out.writelines(f'    {{"{path.rsplit("/", 1)[-1]}", {{plain_{at}, into_{at}}}}},\n' for at, path in enumerate(sys.argv[3:]))
            out.write("};\nconst int pawli_migration_count = sizeof pawli_migrations / sizeof *pawli_migrations;\n")


main()
