#!/usr/bin/env python3
"""Writes rows.golden: what PostgreSQL answers to random calls of aggregates and window functions over small random tables.

Usage: rows.py PSQL-ARGUMENTS > rows.golden, for instance rows.py -h /tmp -p 5432 -U postgres. The server must have collation "C".
SEED=n makes another file.
"""
import os
import random
import subprocess
import sys

SEP = "␟"
COLUMNS = [("id", "int4"), ("g", "int4"), ("h", "text"), ("i", "int2"), ("j", "int4"), ("k", "int8"), ("n", "numeric"),
           ("r", "float4"), ("f", "float8"), ("t", "text"), ("b", "bool"), ("d", "date"), ("s", "timestamp"),
           ("v", "interval"), ("y", "bytea"), ("c", "varchar"), ("a", "int4[]")]
VALUES = {
    "g": ["1", "2", "3", None],
    "h": ["x", "y", None],
    "i": ["0", "1", "2", "-3", "32767", None],
    "j": ["1", "2", "2", "5", "-7", "2147483647", None],
    "k": ["1", "2", "3", "4", "9223372036854775807", "-9223372036854775808", None],
    "n": ["1", "1.0", "1.50", "2.25", "-3", "0.001", "1000000.5", None],
    "r": ["0.5", "1.5", "-2", "4", None],
    "f": ["0.5", "1.5", "-2", "4", "0", "1", "3", None],
    "t": ["", "a", "b", "ab", "Z", None],
    "b": ["t", "f", None],
    "d": ["2024-01-01", "2024-01-03", "2024-02-29", "2023-12-31", None],
    "s": ["2024-01-01 00:00:00", "2024-01-01 12:30:00", "2024-03-01 00:00:00", None],
    "v": ["1 day", "24:00:00", "1 mon", "30 days", "-2 days 03:00:00.5", "00:00:01", None],
    "y": ["\\x", "\\x00", "\\xff01", "\\x61", None],
    "c": ["p", "q", "pq", None],
    "a": ["{1,2}", "{1,3}", "{3,4}", None],
}
# Of values that overflow beside such that are no numbers PostgreSQL's answer depends on which comes first.
HUGE = {"f": ["1e300", "2e300", "1e300"]}
ODD = {"f": ["NaN", "Infinity", "-Infinity"], "n": ["NaN", "Infinity", "-Infinity"], "r": ["NaN", "Infinity"],
       "d": ["infinity", "-infinity"], "s": ["infinity", "-infinity"]}


def table(rng, rows, odd):
    lines = []
    ids = list(range(1, rows + 1))
    rng.shuffle(ids)
    for row in ids:
        line = [str(row)]
        for name, _ in COLUMNS[1:]:
            pool = VALUES[name] + (odd or {}).get(name, [])
            line.append(rng.choice(pool))
        lines.append(line)
    return lines


NUMBERS = ["i", "j", "k", "n", "r", "f"]
ORDERABLE = [name for name, _ in COLUMNS if name not in ("id", "b")]
ALL = [name for name, _ in COLUMNS]


def condition(rng):
    return rng.choice(["j > 1", "b", "t is not null", "f < 2", "id % 2 = 0", "false", "n is null or n >= 1"])


def order_keys(rng, names):
    return ", ".join(name + rng.choice(["", " desc"]) + rng.choice(["", " nulls first", " nulls last"]) for name in names)


def plain(rng):
    """An aggregate whose answer does not depend on the order of the rows."""
    kind = rng.randrange(9)
    if kind == 0:
        return "count(*)"
    if kind == 1:
        return "count(%s)" % rng.choice(ALL)
    if kind == 2:
        return "%s(%s)" % (rng.choice(["sum", "avg"]), rng.choice(NUMBERS + ["v"]))
    if kind == 3:
        return "%s(%s)" % (rng.choice(["min", "max"]), rng.choice([c for c in ORDERABLE if c not in ("y", "n", "v")]))
    if kind == 4:
        return "%s(b)" % rng.choice(["bool_and", "bool_or", "every"])
    if kind == 5:
        return "%s(%s)" % (rng.choice(["bit_and", "bit_or", "bit_xor"]), rng.choice(["i", "j", "k"]))
    if kind == 6:
        return "%s(%s)" % (rng.choice(["stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp"]), rng.choice(NUMBERS))
    if kind == 7:
        name = rng.choice(["corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
                           "regr_slope", "regr_sxx", "regr_sxy", "regr_syy"])
        return "%s(%s, %s)" % (name, rng.choice(["f", "r", "j", "i"]), rng.choice(["f", "r", "j", "n"]))
    return "sum(%s)" % rng.choice(["j * 2", "k - 1", "n + 1", "n * n", "f * 2", "length(t)"])


def aggregate(rng):
    kind = rng.randrange(8)
    suffix = " filter (where %s)" % condition(rng) if rng.random() < 0.25 else ""
    if kind <= 2:
        call = plain(rng)
        if call.endswith("(*)") or call.startswith(("max(a", "min(a")):
            return call + suffix
        # Numerics and intervals that are equal and look different are left out: which of them PostgreSQL takes is chance.
        if rng.random() < 0.3 and not any(c in call for c in ("n", "v")):
            call = call.replace("(", "(distinct ", 1)
        return call + suffix
    if kind == 3:
        separator = rng.choice(["','", "''", "t", "h", "null", "'--'"])
        value, order = rng.choice(["t", "h", "c", "j::text"]), order_keys(rng, [rng.choice(ORDERABLE), "id"])
        if rng.random() < 0.4:
            value = rng.choice(["t", "h", "c::text"])
            return "string_agg(distinct %s, ',' %s)%s" % (value, rng.choice(["", "order by %s desc" % value, "order by " + value]), suffix)
        if rng.random() < 0.2:
            return "string_agg(y, '\\x2c'::bytea order by %s)%s" % (order, suffix)
        return "string_agg(%s, %s order by %s)%s" % (value, separator, order, suffix)
    if kind == 4:
        value = rng.choice(ALL)
        if rng.random() < 0.3 and value not in ("n", "v", "a"):
            return "array_agg(distinct %s%s)%s" % (value, rng.choice(["", " order by %s desc" % value]), suffix)
        return "array_agg(%s order by %s)%s" % (value, order_keys(rng, [rng.choice(ORDERABLE), "id"]), suffix)
    if kind == 7:
        form, order = rng.choice(["json", "jsonb"]), order_keys(rng, [rng.choice(ORDERABLE), "id"])
        if rng.random() < 0.4:
            value = rng.choice([c for c in ALL if c != "a" or form == "jsonb"])
            return "%s_object_agg(%s, %s order by %s)%s" % (form, rng.choice(["id", "id", "id + 1", "d", "t"]), value, order, suffix)
        return "%s_agg(%s order by %s)%s" % (form, rng.choice([c for c in ALL if c != "a" or form == "jsonb"]), order, suffix)
    if kind == 5:
        order = order_keys(rng, [rng.choice([c for c in ORDERABLE if c not in ("n", "v")])])
        fraction = rng.choice(["0", "0.25", "0.5", "0.9", "1", "1.5", "-0.1", "null", "1e-7"])
        if rng.random() < 0.3:
            return "mode() within group (order by %s)%s" % (order, suffix)
        if rng.random() < 0.3:
            fraction = "'%s'::float8[]" % rng.choice(["{0,0.5,1}", "{}", "{0.3,NULL}", "{{0.1,0.2},{0.3,0.4}}", "{2}"])
        return "percentile_disc(%s) within group (order by %s)%s" % (fraction, order, suffix)
    fraction = rng.choice(["0", "0.25", "0.5", "0.9", "1", "2", "null"])
    if rng.random() < 0.3:
        fraction = "'%s'::float8[]" % rng.choice(["{0,0.5,1}", "{}", "{0.3,NULL}", "{{0.1,0.2},{0.3,0.4}}"])
    return "percentile_cont(%s) within group (order by %s)%s" % (fraction, order_keys(rng, [rng.choice(NUMBERS)]), suffix)


DISTANCES = {
    "i": ["0", "1", "3", "40000", "-1", "null"], "j": ["0", "1", "3", "9223372036854775807", "-1"],
    "k": ["0", "1", "2", "9223372036854775807"], "n": ["0", "0.5", "1", "'Infinity'::numeric", "-0.1"],
    "r": ["0", "0.5", "2", "'Infinity'::float8"], "f": ["0", "0.5", "1.5", "'Infinity'::float8", "-1", "'NaN'::float8"],
    "d": ["'1 day'::interval", "'1 mon'::interval", "'-1 day'::interval", "'0'::interval"],
    "s": ["'12:30:00'::interval", "'1 mon'::interval", "'2 days'::interval"],
    "v": ["'1 day'::interval", "'00:00:01'::interval", "'1 mon'::interval"],
}


def frame(rng, unit, keys):
    def offset():
        if unit == "range":
            return rng.choice(DISTANCES[keys[0]])
        return rng.choice(["0", "1", "2", "3", "1", "2", "-1", "null", "9223372036854775807"] if rng.random() < 0.3 else ["0", "1", "2", "3"])

    offsets = unit != "range" or (len(keys) == 1 and keys[0] in DISTANCES)
    bounds = ["unbounded preceding"] + (["%s preceding"] if offsets else []) + ["current row"] + (["%s following"] if offsets else []) + [
        "unbounded following"]
    start = rng.randrange(len(bounds) - 1)
    end = rng.randrange(max(start, 1), len(bounds))
    fill = lambda text: text % offset() if "%" in text else text
    text = "%s between %s and %s" % (unit, fill(bounds[start]), fill(bounds[end]))
    exclude = rng.choice([""] * 4 + [" exclude current row", " exclude group", " exclude ties", " exclude no others"])
    return text + exclude


def window(rng):
    """A call whose answer does not depend on the order among peers."""
    partition = rng.choice(["", "", "partition by g", "partition by h", "partition by g, h", "partition by b"])
    keys = rng.sample([c for c in ORDERABLE if c != "a"], rng.choice([0, 1, 1, 1, 2]))
    total = rng.random() < 0.5
    unit = rng.choice(["", "rows", "range", "groups"])
    if unit == "range" and rng.random() < 0.8:
        keys, total = [rng.choice(list(DISTANCES))], False
    if unit == "rows":
        total = True
    if total:
        keys = keys + ["id"]
    if unit == "groups" and not keys:
        keys = ["j"]
    order = "order by " + order_keys(rng, keys) if keys else ""
    framing = frame(rng, unit, keys) if unit else ""
    kind = rng.randrange(4)
    if kind == 0 or not total:
        if rng.random() < 0.3:
            call = rng.choice(["rank()", "dense_rank()", "percent_rank()", "cume_dist()"])
        else:
            call = plain(rng)
            if call.startswith(("min(a", "max(a")):
                call = "count(a)"
            if rng.random() < 0.2:
                call += " filter (where %s)" % condition(rng)
    elif kind == 1:
        value = rng.choice(ALL)
        call = rng.choice(["row_number()", "ntile(%s)" % rng.choice(["1", "2", "3", "20", "0", "null", "j"]), "lag(%s)" % value,
                           "lead(%s)" % value, "lag(%s, %s)" % (value, rng.choice(["0", "2", "-1", "null", "j"])),
                           "lead(j, %s, %s)" % (rng.choice(["1", "3"]), rng.choice(["-99", "k", "n"]))])
    elif kind == 2:
        value = rng.choice(ALL)
        call = rng.choice(["first_value(%s)" % value, "last_value(%s)" % value,
                           "nth_value(%s, %s)" % (value, rng.choice(["1", "2", "3", "0", "null", "id"]))])
    else:
        call = rng.choice(["string_agg(t, ',')", "array_agg(j)", "array_agg(t)", "string_agg(h, t)"])
    return "%s over (%s)" % (call, " ".join(part for part in (partition, order, framing) if part))


def literal(value, ty):
    return "null::" + ty if value is None else "'%s'::%s" % (value.replace("'", "''"), ty)


def main():
    rng = random.Random(int(os.environ.get("SEED", "20261128")))
    script = ["\\set QUIET on", "\\pset tuples_only on", "\\pset format unaligned", "\\pset null '\\\\N'", "\\set VERBOSITY verbose",
              "set datestyle = 'ISO'; set timezone = 'UTC'; set intervalstyle = 'postgres'; set bytea_output = 'hex';",
              "set extra_float_digits = 1; set client_min_messages = warning;"]
    plan = []
    for number, (rows, odd) in enumerate([(0, None), (1, None), (6, None), (12, None), (12, ODD), (6, HUGE), (25, None), (25, ODD)]):
        lines = table(rng, rows, odd)
        plan.append(("table", number, lines))
        columns = ", ".join("%s %s" % column for column in COLUMNS)
        script.append("drop table if exists rows_%d; create table rows_%d (%s);" % (number, number, columns))
        for line in lines:
            values = ", ".join(literal(value, ty) for value, (_, ty) in zip(line, COLUMNS))
            script.append("insert into rows_%d values (%s);" % (number, values))
        count = 25 if rows < 2 else 120
        for maker, word in ((aggregate, "aggregate"), (window, "window")):
            for expression in dict.fromkeys(maker(rng) for _ in range(count)):
                plan.append((word, number, expression))
                script.append("\\echo @@@%d" % (len(plan) - 1))
                if word == "aggregate":
                    script.append("select pg_typeof(x), x from (select %s as x from rows_%d) q;" % (expression, number))
                    script.append("select pg_typeof(x), x from (select g, %s as x from rows_%d group by g) q order by g;" % (expression, number))
                else:
                    script.append("select pg_typeof(x), x from (select id, %s as x from rows_%d) q order by id;" % (expression, number))
    command = ["psql", "-X", "-q", *sys.argv[1:], "-f", "-"]
    output = subprocess.run(command, input="\n".join(script), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    answers = {}
    for part in output.split("@@@")[1:]:
        head, _, rest = part.partition("\n")
        answers[int(head)] = rest.splitlines()
    print("# Aggregates and window functions over small tables, and what PostgreSQL 15 answers. Written by rows.py.")
    print("# table: its columns, then its rows. aggregate: over the whole table, then over each group of g. window: by ascending id.")
    for number, (word, _, what) in enumerate(plan):
        if word == "table":
            print("table\t" + "\t".join("%s %s" % column for column in COLUMNS))
            for line in what:
                print("row\t" + "\t".join("\\N" if value is None else value for value in line))
            continue
        lines = answers[number]
        errors = [line for line in lines if "ERROR:" in line]
        if errors:
            code, _, message = errors[0].split("ERROR:  ", 1)[1].partition(": ")
            # What the grammar or a type refuses is not asked of a plan.
            if not code.startswith(("42", "0A")):
                print("%s\t%s\t!%s\t%s" % (word, what, code, message))
            continue
        values = [line.split("|", 1) for line in lines]
        ty = values[0][0] if values else ""
        print("%s\t%s\t%s\t%s" % (word, what, ty, SEP.join(value for _, value in values)))


main()
