#!/usr/bin/env python3
"""Writes sets.golden: the rows that PostgreSQL makes with functions in FROM.

Usage: sets.py PSQL-ARGUMENTS > sets.golden
"""
import subprocess
import sys

ARRAYS = ["'{1,2,NULL}'::int4[]", "'{{1,2},{3,4}}'::int4[]", "'{}'::int4[]", "null::int4[]", "'[2:4]={7,8,9}'::int4[]", "'{a,NULL,\"b c\"}'::text[]",
          "'{1.50,NaN}'::numeric[]", "'1 2'::int2vector", "'{1 day,02:00:00}'::interval[]", "'{t,f}'::bool[]"]
JSON = ["{}", "[]", "1", "null", "\"a\"", "[1, [2 , 3], \"x\", null, {\"a\" : 1}]", " { \"a\" : [1 , 2] , \"a\":\"x\\u0041\\\"\" , \"b\" : null, \"c\":1.50 } ",
        "{\"a\":{\"b\":[]},\"\":true}", "[[]]", "[\"\\u0000\"]", "{\"\\u0000\":1}", "[\"\\ud800\"]"]
CALLS = []
for start, stop, step in [("1", "3", None), ("3", "1", None), ("3", "1", "-1"), ("1", "10", "4"), ("1", "3", "0"), ("2147483646", "2147483647", None),
                          ("-2147483648", "-2147483646", "1"), ("1::int2", "2::int8", None), ("9223372036854775806", "9223372036854775807", "5"),
                          ("1", "2.5", None), ("1", "2.0", "0.5"), ("1.10", "0.5", "-0.3"), ("1::numeric", "'NaN'", "1"), ("'NaN'::numeric", "1", "1"),
                          ("1::numeric", "1", "'NaN'"), ("1::numeric", "'infinity'", "1"), ("'-infinity'::numeric", "1", "1"),
                          ("1::numeric", "1", "'infinity'"), ("1::numeric", "1", "0"), ("null", "3", None), ("1", "3", "null"), ("1", "'3'", None),
                          ("'1'", "'3'", None), ("1", "2.5::float8", None), ("1", "2", "3, 4"),
                          ("'2024-01-31'::timestamp", "'2024-05-01'", "'1 mon'"), ("'2024-01-31'::date", "'2024-03-01'", "'1 mon'"),
                          ("'2024-01-31'::date", "'2024-02-02'::date", "'12 hours'"), ("'2024-01-31'::date", "'2024-02-01'::timestamp", "'1 day'"),
                          ("'2024-01-31'::timestamptz", "'2024-03-01'", "'0'"), ("'2024-03-31'::timestamp", "'2024-01-01'", "'-1 mon'"),
                          ("'2024-03-31'::timestamp", "'2024-01-01'", "'1 mon'"), ("'294276-12-30'::timestamp", "'294276-12-31 23:59:59'", "'1 day'"),
                          ("'2024-01-01'", "'2024-01-02'", "'1 day'"), ("'2024-01-01'::timestamp", "'2024-01-02'", "'1 mon -30 days'")]:
    CALLS.append("generate_series(%s)" % ", ".join(part for part in (start, stop, step) if part is not None))
for array in ARRAYS:
    CALLS.append("unnest(%s)" % array)
    for rest in ["1", "1, true", "2", "0", "null", "1, false"]:
        CALLS.append("generate_subscripts(%s, %s)" % (array, rest))
CALLS += ["unnest(%s, %s)" % (ARRAYS[0], ARRAYS[5]), "unnest(%s, %s, %s)" % (ARRAYS[1], ARRAYS[3], ARRAYS[6]), "unnest(%s, %s)" % (ARRAYS[2], ARRAYS[3]),
          "unnest('{1}')", "unnest(1)", "generate_subscripts(null, 1)", "generate_subscripts(1, 1)"]
for json in JSON:
    text = "'%s'" % json.replace("'", "''")
    for name in ["each", "each_text", "array_elements", "array_elements_text", "object_keys"]:
        CALLS.append("json_%s(%s)" % (name, text))
        if "u0000" not in json and "ud800" not in json:
            CALLS.append("jsonb_%s(%s)" % (name, text))
CALLS += ["json_each(null)", "json_each('{}'::jsonb)", "jsonb_each('{}'::json)", "jsonb_object_keys(null)"]
for text in ["'foobarbequebaz'", "''", "null"]:
    for pattern in ["'(b[^b]+)(b[^b]+)'", "'b(a.)'", "'ba'", "'zz'", "''", "'b(a)?'", "null"]:
        CALLS.append("regexp_matches(%s, %s)" % (text, pattern))
        for flags in ["'g'", "'gi'", "'k'", "null", "''"]:
            CALLS.append("regexp_matches(%s, %s, %s)" % (text, pattern, flags))
for text in ["'the  quick brown'", "'abc'", "''", "null"]:
    for pattern in ["'\\s+'", "''", "'b'", "'c'", "null", "'x*'"]:
        CALLS.append("regexp_split_to_table(%s, %s)" % (text, pattern))
    CALLS.append("regexp_split_to_table(%s, 'B', 'i')" % text)
    CALLS.append("regexp_split_to_table(%s, 'b', 'g')" % text)
for text in ["'a,b,,c'", "'abc'", "''", "null"]:
    for rest in ["','", "',', ''", "null", "''", "',', null", "',', 'b'", "null, 'b'"]:
        CALLS.append("string_to_table(%s, %s)" % (text, rest))


def main():
    script = ["\\pset tuples_only on", "\\pset format unaligned", "\\pset null '\\\\N'", "\\pset fieldsep '¦'", "\\set VERBOSITY verbose",
              "set datestyle = 'ISO'; set timezone = 'UTC'; set intervalstyle = 'postgres';"]
    for number, call in enumerate(CALLS):
        script += ["\\echo @@@%d" % number, "select * from %s \\gdesc" % call, "\\echo ---", "select * from %s;" % call]
    command = ["psql", "-X", "-q", *sys.argv[1:], "-f", "-"]
    output = subprocess.run(command, input="\n".join(script), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    print("# Functions in FROM and the rows that PostgreSQL 15 makes with them. Written by sets.py.")
    print("# The call; its columns' names and types, or ! and the SQLSTATE; its rows, or the message.")
    for part in output.split("@@@")[1:]:
        number, _, rest = part.partition("\n")
        described, _, rows = rest.partition("---\n")
        lines = rows.splitlines()
        errors = [line for line in lines if "ERROR:" in line]
        if errors:
            code, _, message = errors[0].split("ERROR:  ", 1)[1].partition(": ")
            print("%s\t!%s\t%s" % (CALLS[int(number)], code, message))
        else:
            columns = ", ".join(line.replace("¦", " ") for line in described.splitlines())
            print("%s\t%s\t%s" % (CALLS[int(number)], columns, "".join("␟" + line for line in lines)))


main()
