#!/usr/bin/env python3
"""Writes the files beside it: what the catalogs of a fresh PostgreSQL 15 hold, as far as it is the same everywhere.

Run it with PGHOST, PGPORT and PGUSER set to a PostgreSQL 15 that was made with `initdb --locale=C --encoding=UTF8` and has no database
of users; it needs a superuser. Only for those who follow another version: the crate reads the files.

relations.tsv   each relation of pg_catalog and information_schema (schema, name, kind, OID), then a line a column that begins with
                a tab: name, OID of the type and its modifier, the same of the type that a domain is made of, NOT NULL, collation
pg_*.tsv        the rows of a catalog in COPY's text form, all columns in order; functions and relations as OIDs
settings.tsv    what pg_settings says of each setting, without its value
keywords.tsv    what pg_get_keywords() answers
arguments.tsv   of functions with default values, and of aggregates that order their input: OID, pg_get_function_arguments,
                pg_get_function_identity_arguments
"""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent

# The row types of the catalogs' relations are left out: no value has such a type here.
TYPES = """SELECT oid FROM pg_type WHERE typtype <> 'c' AND typelem NOT IN (SELECT oid FROM pg_type WHERE typtype = 'c')"""
OPCLASSES = "SELECT oid FROM pg_opclass WHERE opcmethod = 403"
OPFAMILIES = "SELECT oid FROM pg_opfamily WHERE opfmethod = 403"
REFERENCED = f"""
    SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript]::oid[])
        FROM pg_type WHERE oid IN ({TYPES})
    UNION SELECT unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]) FROM pg_operator
    UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn,
        aggmfinalfn]::oid[]) FROM pg_aggregate
    UNION SELECT castfunc FROM pg_cast
    UNION SELECT amhandler FROM pg_am WHERE oid IN (2, 403)
    UNION SELECT amproc FROM pg_amproc WHERE amprocfamily IN ({OPFAMILIES})"""
# What only the server itself calls.
CALLED = """prorettype NOT IN (SELECT oid FROM pg_type WHERE typtype = 'p' AND typname ~ 'internal|trigger|handler|ddl|cstring')
    AND NOT proargtypes::oid[] && (SELECT array_agg(oid) FROM pg_type WHERE typtype = 'p' AND typname ~ 'internal|cstring|ddl')
    AND proname !~ '^(RI_FKey|binary_upgrade|btree_|brin|gin|gist|gts|hash_array|spg|ts|tidgeop|pg_nextoid|pg_stop_making|fmgr_)'
    AND pronamespace = 11"""
FUNCTIONS = f"SELECT oid FROM pg_proc WHERE oid IN ({REFERENCED}) OR {CALLED}"
ROWS = {
    "pg_aggregate": "true",
    "pg_am": "oid IN (2, 403)",
    "pg_amop": f"amopfamily IN ({OPFAMILIES})",
    "pg_amproc": f"amprocfamily IN ({OPFAMILIES})",
    "pg_cast": f"castsource IN ({TYPES}) AND casttarget IN ({TYPES})",
    "pg_collation": "oid IN (100, 950, 951)",
    "pg_description": f"""classoid = 'pg_proc'::regclass AND objoid IN ({FUNCTIONS})
        OR classoid = 'pg_type'::regclass AND objoid IN ({TYPES})
        OR classoid IN ('pg_operator'::regclass, 'pg_cast'::regclass)
        OR classoid = 'pg_am'::regclass AND objoid IN (2, 403)
        OR classoid = 'pg_language'::regclass AND objoid IN (12, 13, 14)
        OR classoid = 'pg_collation'::regclass AND objoid IN (100, 950, 951)
        OR classoid = 'pg_namespace'::regclass AND objoid IN (11, 2200)""",
    "pg_language": "oid IN (12, 13, 14)",
    "pg_opclass": f"oid IN ({OPCLASSES})",
    "pg_operator": "true",
    "pg_opfamily": f"oid IN ({OPFAMILIES})",
    "pg_proc": f"oid IN ({FUNCTIONS})",
    "pg_range": "true",
    "pg_tablespace": "true",
    "pg_type": f"oid IN ({TYPES})",
}
# Rights are what Offtake says they are; trees of expressions are of no use.
NULLED = {"proacl", "typacl", "lanacl", "spcacl", "prosqlbody", "proargdefaults", "typdefaultbin"}


def psql(sql):
    command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", "template1", "-c", sql]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def write(name, text):
    (HERE / name).write_text(text)


def relations():
    schemas = "'pg_catalog'::regnamespace, 'information_schema'::regnamespace"
    columns = {}
    for line in psql(f"""SELECT attrelid::oid, attname, atttypid::oid, atttypmod,
            CASE typtype WHEN 'd' THEN typbasetype ELSE t.oid END, CASE typtype WHEN 'd' THEN typtypmod ELSE atttypmod END,
            attnotnull, attcollation
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_type t ON t.oid = atttypid
        WHERE attnum > 0 AND NOT attisdropped AND relnamespace IN ({schemas}) AND relkind IN ('r', 'v') ORDER BY attrelid, attnum""").splitlines():
        relation, column = line.split("\t", 1)
        columns.setdefault(relation, []).append("\t" + column + "\n")
    text = ""
    for line in psql(f"""SELECT nspname, relname, relkind, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relnamespace IN ({schemas}) AND relkind IN ('r', 'v') ORDER BY c.oid""").splitlines():
        text += line + "\n" + "".join(columns[line.split("\t")[3]])
    write("relations.tsv", text)


def contents():
    for name, condition in ROWS.items():
        columns = psql(f"""SELECT CASE WHEN attname = ANY ('{{{",".join(NULLED)}}}') THEN 'NULL'
                WHEN atttypid IN ('regproc'::regtype, 'regclass'::regtype) THEN attname || '::oid' ELSE attname END
            FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum""")
        rows = psql(f"COPY (SELECT {', '.join(columns.split())} FROM {name} WHERE {condition} ORDER BY 1, 2, 3) TO STDOUT")
        write(f"{name}.tsv", rows)


def settings():
    write("settings.tsv", psql("""COPY (SELECT name, unit, category, short_desc, extra_desc, context, vartype, min_val, max_val, enumvals, boot_val
        FROM pg_settings ORDER BY lower(name)) TO STDOUT"""))


def functions():
    write("keywords.tsv", psql("COPY (SELECT * FROM pg_get_keywords() ORDER BY 1) TO STDOUT"))
    write("arguments.tsv", psql(f"""COPY (SELECT oid, pg_get_function_arguments(oid), pg_get_function_identity_arguments(oid) FROM pg_proc
        WHERE (pronargdefaults > 0 OR oid IN (SELECT aggfnoid FROM pg_aggregate WHERE aggkind <> 'n')) AND oid IN ({FUNCTIONS})
        ORDER BY oid) TO STDOUT"""))


relations()
contents()
settings()
functions()
