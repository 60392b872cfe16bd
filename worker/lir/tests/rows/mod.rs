//! Holds aggregates and window functions, as the one-off executor computes them, against what PostgreSQL answers over small tables.

use offtake_lir::{CollectionId, EvalError, Finish, Lir, Order, Scalar, Source, evaluate, functions};
use offtake_row::{Row, Type, text};

use crate::sql::{
    self, Failure,
    calls::{self, Call},
};

/// Separates a golden line's results.
const SEPARATOR: char = '␟';

#[derive(Default)]
struct Table {
    columns: Vec<(String, Type)>,
    rows: Vec<Row>,
}

impl Source for Table {
    fn scan(&self, _: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        self.rows.iter().for_each(|row| f(row, 1));
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

impl Table {
    fn new(columns: &[&str]) -> Table {
        let column = |column: &&str| {
            let (name, ty) = column.split_once(' ').expect("a name and a type");
            let ty = sql::parse(&format!("NULL::{ty}")).expect("a type").ty;
            (name.to_owned(), ty.expect("a known type"))
        };
        Table { columns: columns.iter().map(column).collect(), rows: Vec::new() }
    }

    fn add(&mut self, values: &[&str]) {
        let datum = |(value, (_, ty)): (&&str, &(String, Type))| match *value {
            "\\N" => Scalar::null(*ty),
            value => functions::literal(value, *ty).expect("a value"),
        };
        let scalars: Vec<Scalar> = values.iter().zip(&self.columns).map(datum).collect();
        self.rows.push(Row::pack(scalars.iter().filter_map(Scalar::as_literal)));
    }

    /// The last columns of a plan's rows by their first column, printed.
    fn answers(&self, lir: &Lir, arity: usize, order: Type, ty: Type) -> Result<Vec<String>, Failure> {
        let order = Order { column: 0, ty: order, descending: false, nulls_first: false };
        let finish = Finish { order_by: vec![order], project: vec![arity - 1], ..Finish::all(arity) };
        let rows = finish.apply(evaluate(lir, self)?);
        let shown = rows.iter().map(|row| printed(ty, row, 0));
        Ok(shown.collect())
    }

    /// The result's type and the results.
    fn ask(&self, call: &str) -> Result<(Type, Vec<String>), Failure> {
        let input = Box::new(Lir::Get { id: CollectionId(0) });
        let arity = self.columns.len();
        Ok(match calls::parse(call, &self.columns)? {
            Call::Aggregate(aggregate, ty) => {
                let reduce = |key: Vec<Scalar>| Lir::Reduce {
                    input: input.clone(),
                    key,
                    aggregates: vec![(*aggregate).clone()],
                };
                let mut all = self.answers(&reduce(Vec::new()), 1, ty, ty)?;
                all.extend(self.answers(&reduce(vec![Scalar::Column(1)]), 2, Type::Int4, ty)?);
                (ty, all)
            }
            Call::Window(window, ty) => {
                (ty, self.answers(&Lir::Window { input, window }, arity + 1, Type::Int4, ty)?)
            }
        })
    }
}

/// Whether two results are the same; of sums of squares of floats the last digits are not compared, for PostgreSQL's depend on the
/// order of the rows.
fn same(call: &str, ours: &str, theirs: &str) -> bool {
    let spread = ["stddev", "var", "corr", "covar", "regr"].iter().any(|name| call.starts_with(name));
    match (spread, ours.parse::<f64>(), theirs.parse::<f64>()) {
        (true, Ok(a), Ok(b)) => ours == theirs || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 1e-6,
        _ => ours == theirs,
    }
}

fn printed(ty: Type, row: &Row, column: usize) -> String {
    let (datum, mut printed) = (row.datum(column), String::new());
    if datum.is_null() {
        printed.push_str("\\N");
    } else {
        text::write(ty, datum, &mut printed);
    }
    printed
}

/// Columns and rows that a function makes, as the golden file has them.
fn set(call: &str) -> Result<(String, String), Failure> {
    let (lir, columns) = calls::parse_set(call)?;
    let arity = columns.len();
    let order = Order { column: arity, ty: Type::Int8, descending: false, nulls_first: false };
    let finish = Finish { order_by: vec![order], ..Finish::all(arity + 1) };
    let mut rows = String::new();
    for row in finish.apply(evaluate(&lir, &Table::default())?) {
        let cells = columns.iter().enumerate().map(|(column, (_, ty))| printed(*ty, &row, column));
        rows.push(SEPARATOR);
        rows.push_str(&cells.collect::<Vec<_>>().join("¦"));
    }
    let columns = columns.iter().map(|(name, ty)| format!("{name} {}", ty.base()));
    Ok((columns.collect::<Vec<_>>().join(", "), rows))
}

#[test]
fn sets_answer_what_postgresql_answers() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for line in include_str!("../golden/sets.golden").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [call, columns, rows] = fields.as_slice() else { panic!("not a line of a golden file: {line}") };
        asked += 1;
        let ours = set(call).unwrap_or_else(|failure| (format!("!{}", failure.code), failure.message));
        if ours != ((*columns).to_owned(), (*rows).to_owned()) {
            wrong.push(format!("{call}\n    PostgreSQL: {columns} {rows}\n    we: {} {}", ours.0, ours.1));
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rows_answer_what_postgresql_answers() {
    check(include_str!("../golden/rows.golden"));
}

/// A file that `rows.py` made with another seed: `OFFTAKE_ROWS=FILE`.
#[test]
fn a_named_file_has_what_we_answer() {
    if let Ok(file) = std::env::var("OFFTAKE_ROWS") {
        check(&std::fs::read_to_string(file).expect("a golden file"));
    }
}

fn check(golden: &str) {
    let (mut asked, mut exact, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    let mut table = Table::default();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (call, ty, expected) = match fields.as_slice() {
            ["table", columns @ ..] => {
                table = Table::new(columns);
                continue;
            }
            ["row", values @ ..] => {
                table.add(values);
                continue;
            }
            [_, call, ty, expected] => (*call, *ty, *expected),
            _ => panic!("not a line of a golden file: {line}"),
        };
        asked += 1;
        match table.ask(call) {
            Ok((our_type, ours)) => {
                let name = our_type.base().to_string();
                let theirs: Vec<&str> = expected.split(SEPARATOR).filter(|_| !expected.is_empty()).collect();
                let equal = ours.len() == theirs.len().max(usize::from(ours.len() == 1))
                    && ours.iter().zip(&theirs).all(|(ours, theirs)| same(call, ours, theirs));
                exact += usize::from(ours == theirs);
                if !equal || (!ty.is_empty() && ty != name) {
                    wrong.push(format!(
                        "{call}\n    PostgreSQL: {ty} {expected}\n    we: {name} {}",
                        ours.join("␟")
                    ));
                }
            }
            Err(failure) if failure.refused => refused += 1,
            Err(Failure { code, message, .. }) => {
                if ty.strip_prefix('!') != Some(&code) || message != expected {
                    wrong.push(format!("{call}\n    PostgreSQL: {ty} {expected}\n    we: !{code} {message}"));
                }
            }
        }
    }
    println!("{exact} of {asked} to the last digit, {refused} refused");
    assert!(wrong.is_empty(), "{} of {asked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(refused, 0);
}
