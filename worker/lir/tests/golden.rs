//! Holds the scalar and aggregate library against tables of what PostgreSQL answers.

mod rows;
mod sql;

use offtake_lir::{
    Accumulator, Aggregate, AggregateKind, Arena, CollectionId, EvalError, Lir, Scalar, Source, evaluate,
    functions::{self, apply_cast},
};
use offtake_row::{Element, Row, RowPacker, Type, text};

/// What we answer: type and value as the file has them.
fn answer(expression: &str) -> Result<(String, String), sql::Failure> {
    let typed = sql::parse(expression)?;
    let ty = typed.ty.unwrap_or(Type::Text);
    let arena = Arena::new();
    let expr = typed.coerce(ty)?;
    let datum = expr.eval(&[], &arena)?;
    // pg_typeof prints no modifiers.
    let name = match ty {
        Type::Bpchar(_) => "character".to_owned(),
        Type::Array(Element::Bpchar) => "character[]".to_owned(),
        other => other.base().to_string(),
    };
    if datum.is_null() {
        return Ok((name, "\\N".to_owned()));
    }
    let mut printed = String::new();
    text::write(ty, datum, &mut printed);
    Ok((name, printed))
}

#[test]
fn scalars_answer_what_postgresql_answers() {
    check(include_str!("golden/scalars.golden"), 10, 15);
}

#[test]
fn types_are_cast_and_compared_as_postgresql_does() {
    check(include_str!("golden/types.golden"), 1, 0);
}

#[test]
fn arrays_answer_what_postgresql_answers() {
    check(include_str!("golden/arrays.golden"), 10, 0);
}

#[test]
fn formats_answer_what_postgresql_answers() {
    check(include_str!("golden/formats.golden"), 10, 0);
}

#[test]
fn intervals_answer_what_postgresql_answers() {
    check(include_str!("golden/intervals.golden"), 10, 0);
}

#[test]
fn json_answers_what_postgresql_answers() {
    check(include_str!("golden/json.golden"), 6, 0);
}

#[test]
fn regular_expressions_answer_what_postgresql_answers() {
    check(include_str!("golden/regex.golden"), 6, 0);
}

#[test]
fn strings_answer_what_postgresql_answers() {
    check(include_str!("golden/strings.golden"), 1, 0);
}

#[test]
fn mathematics_answer_what_postgresql_answers() {
    check(include_str!("golden/math.golden"), 0, 10);
}

/// Any other file of that form, for instance one made from thousands of random expressions: `OFFTAKE_GOLDEN=FILE`.
#[test]
fn a_named_file_has_what_we_answer() {
    if let Ok(file) = std::env::var("OFFTAKE_GOLDEN") {
        check(&std::fs::read_to_string(file).expect("a golden file"), usize::MAX, usize::MAX);
    }
}

#[test]
fn calls_are_resolved_as_postgresql_does() {
    check(include_str!("golden/resolution.golden"), 130, 0);
}

/// Checks a file's lines, of which at most `most_refused` may be refused by name and `most_too_long` have numerics of more than 38
/// digits.
fn check(golden: &str, most_refused: usize, most_too_long: usize) {
    let (mut asked, mut refused, mut too_long) = (0, 0, 0);
    let mut wrong = Vec::new();
    for line in golden.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(expression), Some(ty), Some(value)) = (fields.next(), fields.next(), fields.next()) else {
            panic!("not a line of a golden file: {line}");
        };
        asked += 1;
        match answer(expression) {
            Ok((our_type, our_value)) => {
                if our_type != ty || our_value != value {
                    wrong.push(format!(
                        "{expression}\n    PostgreSQL: {ty} {value}\n    we: {our_type} {our_value}"
                    ));
                }
            }
            // Refused by name, or beyond the documented limit of numerics: no answer, but no wrong one.
            Err(failure) if failure.refused || failure.code == "0A000" && !value.starts_with("!0A000") => {
                refused += 1;
            }
            Err(failure) if failure.message.contains("38 digits") => too_long += 1,
            Err(failure) => {
                if !failure.is(value) {
                    let (code, message) = (failure.code, failure.message);
                    wrong.push(format!(
                        "{expression}\n    PostgreSQL: {ty} {value}\n    we: !{code} {message}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused <= most_refused, "{refused} refused");
    assert!(too_long <= most_too_long, "{too_long} beyond 38 digits");
}

/// As a group's aggregate, once in one go and once with every value added twice and taken away once.
fn aggregated(function: &str, ty: &str, values: &str) -> Result<(String, String), sql::Failure> {
    let ty = sql::parse(&format!("NULL::{ty}"))?.ty.unwrap_or(Type::Text);
    let resolved = functions::aggregate(function, &[Some(ty)])?;
    let arg = apply_cast(Scalar::Column(0), ty, resolved.args[0]);
    let aggregate = Aggregate {
        function: resolved.function,
        args: vec![arg],
        order_by: Vec::new(),
        filter: None,
        distinct: false,
    };
    let mut rows = Vec::new();
    for value in values.split('|').filter(|_| values != "-") {
        let literal = if value == "NULL" { Scalar::null(ty) } else { functions::literal(value, ty)? };
        let Scalar::Literal { value, .. } = literal else { panic!("a literal is one") };
        rows.push(value);
    }
    let input = Lir::Constant { rows: rows.iter().map(|row| (row.clone(), 1)).collect() };
    let reduce = Lir::Reduce { input: Box::new(input), key: Vec::new(), aggregates: vec![aggregate.clone()] };
    let answer = evaluate(&reduce, &Nothing)?;
    if aggregate.kind() == AggregateKind::Accumulable {
        let (arena, mut sum, mut packer) = (Arena::new(), Accumulator::default(), RowPacker::new());
        for (diff, row) in [2, -1].iter().flat_map(|diff| rows.iter().map(move |row| (*diff, row))) {
            let datums = row.unpack();
            if let Some(input) = aggregate.input(&datums, &arena)? {
                sum.plus_equals(&aggregate.accumulate(&input, diff));
            }
        }
        aggregate.finish(&sum, &mut packer)?;
        assert_eq!(packer.finish(), answer[0].0, "{function} {values}");
    }
    let name = match resolved.result {
        Type::Bpchar(_) => "character".to_owned(),
        other => other.base().to_string(),
    };
    let datum = answer[0].0.datum(0);
    let mut printed = String::new();
    if datum.is_null() {
        printed.push_str("\\N");
    } else {
        text::write(resolved.result, datum, &mut printed);
    }
    Ok((name, printed))
}

struct Nothing;

impl Source for Nothing {
    fn scan(&self, _: CollectionId, _: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        Ok(())
    }

    fn indexes(&self, _: CollectionId) -> Vec<Vec<usize>> {
        Vec::new()
    }

    fn lookup(
        &self,
        _: CollectionId,
        _: &[usize],
        _: &Row,
        _: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        None
    }
}

#[test]
fn aggregates_answer_what_postgresql_answers() {
    let golden = include_str!("golden/aggregates.golden");
    let mut wrong = Vec::new();
    for line in golden.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [function, arg, values, ty, value] = fields.as_slice() else {
            panic!("not a line of a golden file: {line}");
        };
        match aggregated(function, arg, values) {
            Ok((our_type, our_value)) if our_type == *ty && our_value == *value => {}
            Ok((our_type, our_value)) => wrong.push(format!("{line}\n    we: {our_type} {our_value}")),
            Err(failure) if failure.refused => {}
            Err(failure) if failure.is(value) => {}
            Err(failure) => wrong.push(format!("{line}\n    we: !{} {}", failure.code, failure.message)),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
