//! PostgreSQL 15's own answers, recorded: `golden/*.tsv` are outputs of `COPY … TO` (text format, `!` before an SQLSTATE).
//!
//! * `arithmetic`: a, b, a + b, a - b, a * b, a / b, a % b, their order
//! * `rounding`: a, s, `round(a, s)`, `trunc(a, s)`, `ceil`, `floor`, `abs`, `sign`, p, q, `a::numeric(p, q)` or its error
//! * `numeric`: a, and the send functions of a, `a::float8` and `a::float4`
//! * `from_float`: `float8send(x)`, `x::numeric`, `x::float4::numeric`
//! * `float8`, `float4`: the send function of x, and x
//! * `casts`: type, input, then `t`, output and send function, or `f`, SQLSTATE and message

use bytes::BytesMut;
use offtake_row::{Datum, Element, Numeric, NumericError, Row, RowPacker, Type, binary, text};

/// The fields of each line, unescaped.
fn lines(file: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    file.lines().map(|line| {
        line.split('\t')
            .map(|field| {
                let mut out = String::new();
                let mut chars = field.chars();
                while let Some(char) = chars.next() {
                    if char != '\\' {
                        out.push(char);
                        continue;
                    }
                    out.push(match chars.next() {
                        Some('t') => '\t',
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('b') => '\u{8}',
                        Some('f') => '\u{c}',
                        Some('v') => '\u{b}',
                        Some(other) => other,
                        None => '\\',
                    });
                }
                out
            })
            .collect()
    })
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether Offtake holds the numeric that PostgreSQL printed: 38 digits, 255 decimals.
fn held(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    digits.trim_start_matches('0').len() <= 38 && decimals <= 255
}

/// Collects differences, so that one run shows all of them.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check(&mut self, what: impl Fn() -> String, ours: &str, theirs: &str) {
        if ours != theirs {
            self.0.push(format!("{}: ours {ours:?}, PostgreSQL's {theirs:?}", what()));
        }
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{} differences:\n{}", self.0.len(), self.0.join("\n"));
        }
    }
}

fn numeric(text: &str) -> Numeric {
    Numeric::parse(text).expect("a numeric")
}

/// Our answer as the golden files have it.
fn shown(answer: Result<Numeric, NumericError>) -> String {
    match answer {
        Ok(value) => value.to_string(),
        Err(NumericError::TooManyDigits) => "too many digits".to_owned(),
        Err(error) => format!("!{}", error.sqlstate()),
    }
}

fn expected(theirs: &str) -> &str {
    if theirs.starts_with('!') || held(theirs) { theirs } else { "too many digits" }
}

#[test]
fn arithmetic() {
    let mut differences = Differences::default();
    for line in lines(include_str!("golden/arithmetic.tsv")) {
        if !held(&line[0]) || !held(&line[1]) {
            continue;
        }
        let (a, b) = (numeric(&line[0]), numeric(&line[1]));
        let answers = [a.add(&b), a.sub(&b), a.mul(&b), a.div(&b), a.rem(&b)];
        for (index, (operator, answer)) in ["+", "-", "*", "/", "%"].iter().zip(answers).enumerate() {
            differences.check(
                || format!("{} {operator} {}", line[0], line[1]),
                &shown(answer),
                expected(&line[index + 2]),
            );
        }
        differences.check(
            || format!("{} <=> {}", line[0], line[1]),
            &(a.cmp_sql(&b) as i8).to_string(),
            &line[7],
        );
        assert_eq!(a.normalize() == b.normalize(), a.cmp_sql(&b).is_eq());
    }
}

#[test]
fn rounding() {
    let mut differences = Differences::default();
    for line in lines(include_str!("golden/rounding.tsv")) {
        if !held(&line[0]) {
            continue;
        }
        let value = numeric(&line[0]);
        let scale: i32 = line[1].parse().expect("a scale");
        let (precision, field): (u16, i16) =
            (line[8].parse().expect("a precision"), line[9].parse().expect("a scale"));
        let answers = [
            ("round", value.round(scale), 2),
            ("trunc", value.trunc(scale), 3),
            ("ceil", Ok(value.ceil()), 4),
            ("floor", Ok(value.floor()), 5),
            ("abs", Ok(value.abs()), 6),
            ("sign", Ok(value.signum()), 7),
        ];
        for (name, answer, column) in answers {
            differences.check(
                || format!("{name}({}, {scale})", line[0]),
                &shown(answer),
                expected(&line[column]),
            );
        }
        let theirs = line[10].split(' ').next().unwrap_or_default();
        differences.check(
            || format!("{}::numeric({precision},{field})", line[0]),
            &shown(value.rescale(precision, field)),
            expected(theirs),
        );
    }
}

#[test]
fn numerics_in_other_forms() {
    let mut differences = Differences::default();
    for line in lines(include_str!("golden/numeric.tsv")) {
        let value = numeric(&line[0]);
        differences.check(|| line[0].clone(), &value.to_string(), &line[0]);
        let mut out = BytesMut::new();
        binary::write(Type::Numeric(None), Datum::Numeric(value), &mut out);
        differences.check(|| format!("numeric_send({})", line[0]), &to_hex(&out), &line[1]);
        let mut packer = RowPacker::new();
        binary::read(Type::Numeric(None), &hex(&line[1]), &mut packer).expect("numeric_send's bytes");
        assert_eq!(packer.finish(), Row::pack([Datum::Numeric(value)]), "{}", line[0]);
        differences.check(
            || format!("{}::float8", line[0]),
            &to_hex(&value.to_f64().to_be_bytes()),
            &line[2],
        );
        let single = value.to_f32().map_or("!22003".to_owned(), |value| to_hex(&value.to_be_bytes()));
        differences.check(|| format!("{}::float4", line[0]), &single, &line[3]);
    }
    for line in lines(include_str!("golden/from_float.tsv")) {
        let value = f64::from_be_bytes(hex(&line[0]).try_into().expect("eight bytes"));
        differences.check(
            || format!("{value}::numeric"),
            &shown(Numeric::from_f64(value)),
            expected(&line[1]),
        );
        if !line[2].starts_with('!') {
            let ours = shown(Numeric::from_f32(value as f32));
            differences.check(|| format!("{value}::float4::numeric"), &ours, expected(&line[2]));
        }
    }
}

#[test]
fn floats() {
    let mut differences = Differences::default();
    for line in lines(include_str!("golden/float8.tsv")) {
        let value = f64::from_be_bytes(hex(&line[0]).try_into().expect("eight bytes"));
        let mut out = String::new();
        text::write(Type::Float8, Datum::Float8(value), &mut out);
        differences.check(|| format!("float8 {}", line[0]), &out, &line[1]);
        round_trip(Type::Float8, &line[1], Datum::Float8(value));
    }
    for line in lines(include_str!("golden/float4.tsv")) {
        let value = f32::from_be_bytes(hex(&line[0]).try_into().expect("four bytes"));
        let mut out = String::new();
        text::write(Type::Float4, Datum::Float4(value), &mut out);
        differences.check(|| format!("float4 {}", line[0]), &out, &line[1]);
        round_trip(Type::Float4, &line[1], Datum::Float4(value));
    }
}

fn round_trip(ty: Type, text: &str, datum: Datum<'_>) {
    let mut packer = RowPacker::new();
    text::parse(ty, text, &mut packer).expect("PostgreSQL's own text");
    assert_eq!(packer.finish(), Row::pack([datum]), "{text}");
}

fn type_by_name(name: &str) -> Type {
    match name {
        "smallint" => Type::Int2,
        "integer" => Type::Int4,
        "bigint" => Type::Int8,
        "boolean" => Type::Bool,
        "real" => Type::Float4,
        "double precision" => Type::Float8,
        "numeric" => Type::Numeric(None),
        "numeric(5,2)" => Type::Numeric(Some((5, 2))),
        "numeric(3,5)" => Type::Numeric(Some((3, 5))),
        "numeric(3,-2)" => Type::Numeric(Some((3, -2))),
        "numeric(38,10)" => Type::Numeric(Some((38, 10))),
        "text" => Type::Text,
        "varchar(3)" => Type::Varchar(Some(3)),
        "char(3)" => Type::Bpchar(Some(3)),
        "bytea" => Type::Bytea,
        "uuid" => Type::Uuid,
        "json" => Type::Json,
        "jsonb" => Type::Jsonb,
        "date" => Type::Date,
        "time" => Type::Time,
        "timestamp" => Type::Timestamp,
        "timestamptz" => Type::Timestamptz,
        "interval" => Type::Interval,
        "oid" => Type::Oid,
        "xid" => Type::Xid,
        "name" => Type::Name,
        "\"char\"" => Type::Char,
        "int2vector" => Type::Int2Vector,
        "oidvector" => Type::OidVector,
        "bpchar" => Type::Bpchar(None),
        "bool" => Type::Bool,
        "int4" => Type::Int4,
        "float8" => Type::Float8,
        "varchar" => Type::Varchar(None),
        other => match other.strip_suffix("[]").and_then(|element| type_by_name(element).array()) {
            Some(array) => array,
            None => panic!("no type {other}"),
        },
    }
}

/// Every input function: values with their text and binary forms, errors with their codes and words.
#[test]
fn input_and_output() {
    let mut differences = Differences::default();
    for line in lines(include_str!("golden/casts.tsv")) {
        let [name, input, ok, first, second] = line.as_slice() else { panic!("{line:?}") };
        let ty = type_by_name(name);
        let mut packer = RowPacker::new();
        let what = || format!("{name} {input:?}");
        match text::parse(ty, input, &mut packer) {
            Ok(()) => {
                let row = packer.finish();
                let (mut out, mut sent) = (String::new(), BytesMut::new());
                text::write(ty, row.datum(0), &mut out);
                binary::write(ty, row.datum(0), &mut sent);
                let ours = if ok == "t" { out } else { format!("the value {out}") };
                differences.check(what, &ours, first);
                if ok == "t" {
                    differences.check(what, &to_hex(&sent), second);
                    binary::read(ty, &hex(second), &mut packer).expect("a send function's bytes");
                    assert_eq!(packer.finish(), row, "{name} {input:?}");
                }
            }
            Err(error) => {
                assert!(packer.as_bytes().is_empty());
                let ours = format!("{} {error}", error.sqlstate());
                let theirs =
                    if ok == "t" { format!("the value {first}") } else { format!("{first} {second}") };
                differences.check(what, &ours, &theirs);
            }
        }
    }
}

/// No bytes and no text make a reader panic, and what is read is written again.
#[test]
fn noise() {
    const TYPES: [Type; 38] = [
        Type::Bool,
        Type::Int2,
        Type::Int4,
        Type::Int8,
        Type::Float4,
        Type::Float8,
        Type::Numeric(None),
        Type::Numeric(Some((7, 3))),
        Type::Numeric(Some((1000, -1000))),
        Type::Numeric(Some((2, 30))),
        Type::Text,
        Type::Varchar(Some(2)),
        Type::Bpchar(None),
        Type::Bpchar(Some(5)),
        Type::Date,
        Type::Time,
        Type::Timestamp,
        Type::Timestamptz,
        Type::Uuid,
        Type::Bytea,
        Type::Json,
        Type::Jsonb,
        Type::Interval,
        Type::Oid,
        Type::Xid,
        Type::Name,
        Type::Char,
        Type::Regclass,
        Type::Int2Vector,
        Type::OidVector,
        Type::Array(Element::Bool),
        Type::Array(Element::Int4),
        Type::Array(Element::Numeric),
        Type::Array(Element::Text),
        Type::Array(Element::Name),
        Type::Array(Element::Interval),
        Type::Array(Element::Bytea),
        Type::Array(Element::Jsonb),
    ];
    const ALPHABET: &[&str] = &[
        "0",
        "1",
        "9",
        "12",
        "2024",
        "-",
        "+",
        ".",
        ":",
        "/",
        " ",
        "e",
        "E",
        "T",
        "Z",
        "x",
        "\\",
        "\\x",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        "nan",
        "inf",
        "jan",
        "BC",
        "pm",
        "j",
        "true",
        "null",
        "ü",
        "\0",
        "99999999999",
        "24:00",
        "\\u00",
        "000000",
        "\t",
        "P",
        "day",
        "mons",
        "ago",
        "=",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let seeds: Vec<Vec<u8>> = lines(include_str!("golden/numeric.tsv")).map(|line| hex(&line[1])).collect();
    let mut packer = RowPacker::new();
    for round in 0..60_000 {
        let bytes: Vec<u8> = if round % 3 == 0 {
            let mut bytes = seeds[random() as usize % seeds.len()].clone();
            let at = random() as usize % bytes.len();
            bytes[at] ^= random() as u8;
            bytes
        } else {
            (0..random() % 24).map(|_| if random() % 3 == 0 { 0 } else { random() as u8 }).collect()
        };
        let input: String = (0..random() % 9).map(|_| ALPHABET[random() as usize % ALPHABET.len()]).collect();
        let foreign = String::from_utf8_lossy(&bytes).into_owned();
        for ty in TYPES {
            // JSON of a server is not checked.
            let _ = binary::read(ty, &bytes, &mut packer);
            if matches!(ty, Type::Json | Type::Jsonb | Type::Array(Element::Jsonb)) {
                packer.clear();
            }
            let _ = binary::read_parameter(ty, &bytes, &mut packer);
            let _ = text::parse(ty, &input, &mut packer);
            let _ = text::parse(ty, &foreign, &mut packer);
            let row = packer.finish();
            for datum in &row {
                let (mut out, mut sent) = (String::new(), BytesMut::new());
                text::write(ty, datum, &mut out);
                binary::write(ty, datum, &mut sent);
                if let Err(error) = text::parse(ty, &out, &mut packer) {
                    panic!("{ty} {datum:?} prints {out:?}: {error}");
                }
                assert_eq!(packer.finish(), Row::pack([datum]), "{ty} {out}");
                binary::read(ty, &sent, &mut packer).expect("what was written");
                assert_eq!(packer.finish(), Row::pack([datum]), "{ty} {out}");
            }
        }
    }
}
