#!/usr/bin/env python3
"""Writes NAME.json beside each NAME.sql: what PostgreSQL 15 answers to the queries that clients ask its catalogs.

It starts a server of its own in a new directory (PGBIN: /usr/lib/postgresql/15/bin; as root it runs as the user postgres). Only for those
who add queries: the tests read the answers. It needs psycopg 3 (PyPI).

A file of queries: each ends with a line that is `;`. Lines before it that begin with `--$` are its parameters' values, in text. `{orders}`
and its like stand for OIDs. In answers, OIDs that differ from one server to another are shown as their objects' names.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from psycopg import pq

HERE = pathlib.Path(__file__).parent
PGBIN = os.environ.get("PGBIN", "/usr/lib/postgresql/15/bin")
PORT = os.environ.get("PGPORT", "5733")
AS = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
# Types of columns in which OIDs stand.
OIDS = {26, 2205, 2206, 24, 4089, 4096}


def run(*command):
    subprocess.run([*AS, *command], check=True, stdout=subprocess.DEVNULL)


def psql(database, user, text):
    subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "/tmp", "-p", PORT, "-U", user, "-d", database], input=text, text=True, check=True)


def set_up():
    psql("postgres", "offtake", "CREATE ROLE admin SUPERUSER LOGIN")
    # Offtake has one database, whose owner may read and nothing else.
    psql("postgres", "admin", """CREATE DATABASE offtake OWNER offtake;
        REVOKE ALL ON DATABASE offtake FROM public, offtake; GRANT CONNECT ON DATABASE offtake TO public""")
    psql("offtake", "admin", """DROP EXTENSION plpgsql; ALTER SCHEMA public OWNER TO offtake; REVOKE ALL ON SCHEMA public FROM public;
        ALTER ROLE offtake NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; SET ROLE offtake;""" + "GRANT ALL ON DATABASE offtake TO offtake")
    psql("offtake", "admin", "GRANT CREATE ON DATABASE offtake TO offtake")
    psql("offtake", "offtake", (HERE / "schema.sql").read_text() + """
        REVOKE ALL ON ALL TABLES IN SCHEMA public, v1 FROM offtake; GRANT SELECT ON ALL TABLES IN SCHEMA public, v1 TO offtake, public;
        REVOKE ALL ON SCHEMA public, v1 FROM offtake; GRANT USAGE ON SCHEMA public, v1 TO offtake, public;""")
    psql("offtake", "admin", "REVOKE CREATE, TEMPORARY ON DATABASE offtake FROM offtake")


def objects(connection):
    answer = connection.exec_(b"""SELECT c.oid, CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || relname FROM pg_class c
        JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('public', 'v1') AND relkind IN ('r', 'v', 'i')
        UNION ALL SELECT oid, 'schema ' || nspname FROM pg_namespace WHERE nspname IN ('v1', 'information_schema')
        UNION ALL SELECT oid, 'constraint ' || conname FROM pg_constraint WHERE connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'v1'))""")
    return {answer.get_value(row, 0).decode(): answer.get_value(row, 1).decode() for row in range(answer.ntuples)}


def queries(path):
    text, parameters = [], []
    for line in path.read_text().splitlines():
        if line == ";":
            yield "\n".join(text), parameters
            text, parameters = [], []
        elif line.startswith("--$"):
            value = line[3:].strip()
            parameters.append(None if value == "NULL" else value)
        else:
            text.append(line)


def ask(connection, known, sql, parameters):
    oids = {name: oid for oid, name in known.items()}
    sql = re.sub(r"\{([^{}'\"]+)\}", lambda found: oids.get(found[1], found[0]), sql)
    values = [None if value is None else re.sub(r"\{([^{}'\"]+)\}", lambda found: oids.get(found[1], found[0]), value).encode() for value in parameters]
    answer = connection.exec_params(sql.encode(), values)
    if answer.status != pq.ExecStatus.TUPLES_OK:
        return {"error": answer.error_field(pq.DiagnosticField.SQLSTATE).decode(), "message": answer.error_field(pq.DiagnosticField.MESSAGE_PRIMARY).decode()}
    types = [answer.ftype(column) for column in range(answer.nfields)]
    rows = []
    for row in range(answer.ntuples):
        cells = [answer.get_value(row, column) for column in range(answer.nfields)]
        cells = [None if cell is None else cell.decode() for cell in cells]
        rows.append([f"<{known[cell]}>" if ty in OIDS and cell in known else cell for cell, ty in zip(cells, types)])
    return {"columns": [answer.fname(column).decode() for column in range(answer.nfields)], "types": types, "rows": rows}


def main():
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        if AS:
            subprocess.run(["chown", "postgres", directory], check=True)
        run(f"{PGBIN}/initdb", "-D", f"{directory}/data", "-A", "trust", "--locale=C", "-E", "UTF8", "-U", "offtake")
        run(f"{PGBIN}/pg_ctl", "-w", "-D", f"{directory}/data", "-o", f"-p {PORT} -k /tmp -c listen_addresses= -c timezone=UTC", "-l", f"{directory}/log", "start")
        try:
            set_up()
            connection = pq.PGconn.connect(f"host=/tmp port={PORT} user=offtake dbname=offtake".encode())
            known = objects(connection)
            names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.sql") if path.stem != "schema")
            for name in names:
                answers = [ask(connection, known, sql, parameters) for sql, parameters in queries(HERE / f"{name}.sql")]
                lines = ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
                (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")
        finally:
            run(f"{PGBIN}/pg_ctl", "-D", f"{directory}/data", "-m", "fast", "stop")


main()
