#!/usr/bin/env python3
"""Writes golden.json: what PostgreSQL answers to queries.sql over schema.sql.

Run it with PGHOST, PGPORT, PGUSER and PGDATABASE set to an empty database of a PostgreSQL 15 that was made with
`initdb --locale=C --encoding=UTF8`. Only for those who change the queries: the tests read golden.json.
"""

import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent
FIELD, RECORD, NULL = "\x1f", "\x1e", "\x01"
SETTINGS = ["SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, MDY'", "SET bytea_output = 'hex'"]


def psql(script):
    command = ["psql", "-X", "-q", "-A", "-t", "-F", FIELD, "-R", RECORD, "-P", f"null={NULL}", "-v", "VERBOSITY=sqlstate",
               "-v", "ON_ERROR_STOP=1"]
    text = ";\n".join(SETTINGS) + ";\n" + script
    return subprocess.run(command, input=text, capture_output=True, text=True)


def rows(output):
    if output == "":
        return []
    lines = output[:-1].split(RECORD) if output.endswith(("\n", RECORD)) else output.split(RECORD)
    return [[None if cell == NULL else cell for cell in line.split(FIELD)] for line in lines]


def ask(sql):
    ran = psql(sql + ";\n")
    if ran.returncode != 0:
        state = re.search(r"(?:ERROR|FATAL):\s+(\w{5})", ran.stderr)
        return {"error": state.group(1) if state else "42601"}
    return {"rows": rows(ran.stdout)}


def describe(sql):
    found = psql(sql + " \\gdesc\n")
    return [{"name": name, "type": ty} for name, ty in rows(found.stdout)] if found.returncode == 0 else None


def main():
    loaded = psql((HERE / "schema.sql").read_text())
    assert loaded.returncode == 0, loaded.stderr
    tables = []
    listed = psql("SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE c.relkind = 'r' AND n.nspname IN ('public', 'v2') ORDER BY 1, 2;\n")
    for schema, name, oid in rows(listed.stdout):
        columns = psql(f"SELECT attname, atttypid::int, atttypmod, attnotnull FROM pg_attribute WHERE attrelid = {oid} "
                       "AND attnum > 0 ORDER BY attnum;\n")
        key = psql(f"SELECT k.attnum - 1 FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, n) "
                   f"WHERE i.indrelid = {oid} AND i.indisprimary ORDER BY k.n;\n")
        content = psql(f'SELECT * FROM {schema}."{name}";\n')
        tables.append({
            "schema": schema,
            "name": name,
            "columns": [{"name": column, "oid": int(ty), "typmod": int(typmod), "nullable": notnull == "f"}
                        for column, ty, typmod, notnull in rows(columns.stdout)],
            "key": [int(position) for position, in rows(key.stdout)] or None,
            "rows": rows(content.stdout),
        })
    queries = []
    for line in (HERE / "queries.sql").read_text().splitlines():
        if line and not line.startswith("--"):
            queries.append({"sql": line, "columns": describe(line), **ask(line)})
    with open(HERE / "golden.json", "w") as file:
        file.write('{"tables": [\n' + ",\n".join(json.dumps(table, ensure_ascii=False) for table in tables))
        file.write('\n],\n"queries": [\n' + ",\n".join(json.dumps(query, ensure_ascii=False) for query in queries) + "\n]}\n")


main()
