#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs SQL files into C.

sqlpack.py statements IN.sql OUT.h OUT.c   one enum value and one table row for each named statement
sqlpack.py migrations OUT.c IN.sql...      the migrations in order, as text

A statement's parameters are numbered in the order of its `-- params:` line; one that is not declared, or declared and not
used, fails the build. A line `-- rows: N` behind it makes a second statement, NAME_rows, that inserts N rows at once: the
parameters of the first row, then those of the next.
"""
import re
import sys


def c_string(sql):
    lines = [line for line in sql.strip().splitlines() if not line.lstrip().startswith("--")]
    return "\n".join('        "%s\\n"' % re.sub(r"\s+", " ", l).replace("\\", "\\\\").replace('"', '\\"') for l in lines if l.strip())


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
        if rows := re.search(r"^-- rows: *(\d+)$", body, flags=re.M):
            insert, row = re.fullmatch(r"(.*VALUES\s*)(\(.*\));", body, flags=re.S).groups()
            many = [re.sub(r"\?(\d+)", lambda at: f"?{int(at[1]) + i * len(params)}", row) for i in range(int(rows[1]))]
            yield name + "_rows", len(params) * len(many), insert + ",\n".join(many) + ";"


def main():
    if sys.argv[1] == "statements":
        found = list(statements(open(sys.argv[2]).read()))
        if not found:
            sys.exit("no statement found")
        with open(sys.argv[3], "w") as out:
            out.write("/* Generated from statements.sql by sqlpack.py. */\n#ifndef PAWLI_SQL_H\n#define PAWLI_SQL_H\n\nenum sql {\n")
            out.writelines(f"    SQL_{name},\n" for name, _, _ in found)
            out.write("    SQL_COUNT\n};\n\nstruct sql_text {\n    const char *name, *text;\n    int params;\n};\n")
            out.write("extern const struct sql_text pawli_sql[SQL_COUNT];\n\n#endif\n")
        with open(sys.argv[4], "w") as out:
            out.write('/* Generated from statements.sql by sqlpack.py. */\n#include "sql.h"\n\nconst struct sql_text pawli_sql[SQL_COUNT] = {\n')
            for name, count, body in found:
                out.write(f'    [SQL_{name}] = {{"{name}",\n{c_string(body)}, {count}}},\n')
            out.write("};\n")
    else:
        with open(sys.argv[2], "w") as out:
            out.write('/* Generated from the migrations by sqlpack.py. */\n#include "store/sqlite/migrations.h"\n\n')
            out.write("const struct migration pawli_migrations[] = {\n")
            for path in sys.argv[3:]:
                name = path.rsplit("/", 1)[-1]
                out.write(f'    {{"{name}",\n{c_string(open(path).read())}}},\n')
            out.write("};\nconst int pawli_migration_count = sizeof pawli_migrations / sizeof *pawli_migrations;\n")


main()
