use std::{cell::Cell, collections::BTreeMap};

use offtake_row::{Datum, Numeric, Type};

use super::*;
use crate::Order;
use crate::{
    aggregate::{Aggregate, AggregateFunction},
    compare::Blanks,
    mfp::Mfp,
    node::JoinStage,
    scalar::{Comparison, Func, Number, Scalar},
};

/// Tables in memory, each with or without one index.
#[derive(Default)]
struct Tables {
    rows: BTreeMap<CollectionId, Vec<(Row, i64)>>,
    index: BTreeMap<CollectionId, Vec<usize>>,
    scans: Cell<usize>,
    lookups: Cell<usize>,
}

impl Tables {
    fn table(&mut self, id: u64, rows: &[&[Datum<'_>]], index: Option<&[usize]>) {
        let rows = rows.iter().map(|datums| (Row::pack(datums.iter().copied()), 1)).collect();
        self.rows.insert(CollectionId(id), rows);
        if let Some(index) = index {
            self.index.insert(CollectionId(id), index.to_vec());
        }
    }
}

impl Source for Tables {
    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        self.scans.set(self.scans.get() + 1);
        self.rows.get(&id).into_iter().flatten().for_each(|(row, diff)| f(row, *diff));
        Ok(())
    }

    fn indexes(&self, id: CollectionId) -> Vec<Vec<usize>> {
        self.index.get(&id).cloned().into_iter().collect()
    }

    fn lookup(
        &self,
        id: CollectionId,
        columns: &[usize],
        key: &Row,
        f: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        if self.index.get(&id)?.as_slice() != columns {
            return None;
        }
        self.lookups.set(self.lookups.get() + 1);
        for (row, diff) in self.rows.get(&id).into_iter().flatten() {
            let arena = crate::Arena::new();
            let canonical =
                |column: &usize| crate::compare::canonical(Blanks::Count, row.datum(*column), &arena);
            let own = Row::pack(columns.iter().map(canonical));
            if own == *key {
                f(row, *diff);
            }
        }
        Some(Ok(()))
    }
}

fn int(value: i64) -> Datum<'static> {
    Datum::Int(value)
}

fn get(id: u64) -> Lir {
    Lir::Get { id: CollectionId(id) }
}

fn equals(left: Scalar, right: Scalar) -> Scalar {
    Scalar::call(Func::Compare(Comparison::Equal, Blanks::Count), [left, right])
}

fn literal(value: i64) -> Scalar {
    Scalar::literal(int(value), Type::Int4)
}

fn answers(lir: &Lir, tables: &Tables) -> Vec<Row> {
    let arity = 9;
    Finish { project: (0..arity).collect(), ..Finish::all(arity) }
        .apply(evaluate(lir, tables).expect("has an answer"))
        .into_iter()
        .map(|row| Row::pack(row.iter().filter(|datum| !datum.is_null())))
        .collect()
}

fn shop(index: Option<&[usize]>) -> Tables {
    let mut tables = Tables::default();
    tables.table(
        1,
        &[&[int(1), int(10)], &[int(2), int(20)], &[int(3), Datum::Null], &[int(4), int(10)]],
        None,
    );
    tables.table(
        2,
        &[&[int(10), Datum::Text("a")], &[int(20), Datum::Text("b")], &[Datum::Null, Datum::Text("c")]],
        index,
    );
    tables
}

fn join() -> Lir {
    let closure = Mfp { projection: vec![0, 3], ..Mfp::identity(4) };
    let stage = JoinStage::inner(vec![Scalar::Column(1)], vec![Scalar::Column(0)], 2, closure);
    Lir::Join { inputs: vec![get(1), get(2)], stages: vec![stage] }
}

#[test]
fn a_join_answers_the_same_with_and_without_an_index() {
    let expected: Vec<Row> =
        [(1, "a"), (2, "b"), (4, "a")].map(|(id, name)| Row::pack([int(id), Datum::Text(name)])).to_vec();
    let plain = shop(None);
    assert_eq!(answers(&join(), &plain), expected);
    let indexed = shop(Some(&[0]));
    assert_eq!(answers(&join(), &indexed), expected);
    assert_eq!((indexed.scans.get(), indexed.lookups.get()), (1, 3), "NULL is not looked up");
}

#[test]
fn constants_are_looked_up_in_an_index() {
    let tables = shop(Some(&[0]));
    let either =
        Scalar::Or(vec![equals(Scalar::Column(0), literal(10)), equals(literal(20), Scalar::Column(0))]);
    let step = |predicate| Lir::Mfp {
        input: Box::new(get(2)),
        mfp: Mfp { predicates: vec![predicate], ..Mfp::identity(2) },
    };
    assert_eq!(answers(&step(either), &tables).len(), 2);
    assert_eq!(answers(&step(equals(Scalar::Column(0), Scalar::null(Type::Int4))), &tables).len(), 0);
    assert_eq!(tables.scans.get(), 0);
    assert_eq!(
        answers(&step(equals(Scalar::Column(1), Scalar::literal(Datum::Text("b"), Type::Text))), &tables)
            .len(),
        1
    );
    assert_eq!(tables.scans.get(), 1);
}

#[test]
fn numerics_of_two_scales_meet_in_an_index() {
    let mut tables = Tables::default();
    let numeric = |mantissa, scale| Datum::Numeric(Numeric::Finite { mantissa, scale });
    tables.table(1, &[&[numeric(500, 2)]], Some(&[0]));
    let five = Scalar::literal(numeric(5, 0), Type::Numeric(None));
    let mfp = Mfp { predicates: vec![equals(Scalar::Column(0), five)], ..Mfp::identity(1) };
    assert_eq!(answers(&Lir::Mfp { input: Box::new(get(1)), mfp }, &tables).len(), 1);
    assert_eq!(tables.scans.get(), 0);
}

#[test]
fn groups_are_summed_up() {
    let tables = shop(None);
    let aggregate = |function, arg: Option<usize>, distinct| Aggregate {
        function,
        args: arg.map(Scalar::Column).into_iter().collect(),
        order_by: Vec::new(),
        filter: None,
        distinct,
    };
    let aggregates = vec![
        aggregate(AggregateFunction::CountStar, None, false),
        aggregate(AggregateFunction::Count, Some(1), true),
        aggregate(AggregateFunction::Max(Blanks::Count), Some(0), false),
    ];
    let all = Lir::Reduce { input: Box::new(get(1)), key: vec![], aggregates: aggregates.clone() };
    assert_eq!(answers(&all, &tables), vec![Row::pack([int(4), int(2), int(4)])]);
    let nothing = Lir::Reduce { input: Box::new(get(9)), key: vec![], aggregates: aggregates.clone() };
    assert_eq!(evaluate(&nothing, &tables), Ok(vec![(Row::pack([int(0), int(0), Datum::Null]), 1)]));
    let by_customer = Lir::Reduce { input: Box::new(get(1)), key: vec![Scalar::Column(1)], aggregates };
    assert_eq!(evaluate(&by_customer, &tables).expect("has an answer").len(), 3, "NULL is a group");
}

#[test]
fn an_error_of_one_row_is_the_answer() {
    let tables = shop(None);
    let quotient = Scalar::call(
        Func::Divide(Number::Int4),
        [literal(1), Scalar::call(Func::Subtract(Number::Int4), [Scalar::Column(0), literal(2)])],
    );
    let mfp = Mfp { expressions: vec![quotient], projection: vec![2], ..Mfp::identity(2) };
    assert_eq!(
        evaluate(&Lir::Mfp { input: Box::new(get(1)), mfp }, &tables),
        Err(EvalError::division_by_zero())
    );
}

#[test]
fn rows_are_sorted_cut_and_projected() {
    let rows: Vec<(Row, i64)> = [(Some(2), 1), (None, 1), (Some(1), 3), (Some(5), 0), (Some(3), -1)]
        .map(|(value, diff)| (Row::pack([value.map_or(Datum::Null, Datum::Int), Datum::Bool(true)]), diff))
        .to_vec();
    let order = Order { column: 0, ty: Type::Int4, descending: true, nulls_first: true };
    let finish = Finish { order_by: vec![order], limit: Some(3), offset: 1, project: vec![0] };
    assert_eq!(finish.apply(rows.clone()), [2, 1, 1].map(|value| Row::pack([int(value)])).to_vec());
    let all = Finish { limit: None, offset: 0, ..finish };
    assert_eq!(all.apply(rows).len(), 5);
}

#[test]
fn a_plan_is_printed_as_a_tree() {
    let names = |id: CollectionId| if id.0 == 1 { "orders".to_owned() } else { "customers".to_owned() };
    let predicate =
        Scalar::call(Func::Compare(Comparison::Less, Blanks::Count), [Scalar::Column(0), literal(7)]);
    let plan =
        Lir::Mfp { input: Box::new(join()), mfp: Mfp { predicates: vec![predicate], ..Mfp::identity(2) } };
    let expected = "\
Map/Filter/Project
  filter: (#0 < 7)
  Join
    Get orders
    [#1] looked up by [#0] in
      Get customers
      output: #0, #3
";
    assert_eq!(crate::explain::explain(&plan, &names), expected);
}

#[test]
fn what_finishing_takes_is_reckoned() {
    let (short, long) = (Row::pack([int(1)]), Row::pack([Datum::Text(&"x".repeat(1000))]));
    let (each, heap) = (size_of::<Row>(), long.heap_bytes());
    let rows = vec![(short, 1_000_000), (long, 1)];
    let all = Finish::all(1);
    assert_eq!(all.memory(&rows), 1_000_001 * each);
    assert_eq!(Finish { limit: Some(3), ..all.clone() }.memory(&rows), 3 * each);
    let cut = Finish { project: vec![0, 0], ..all.clone() };
    assert_eq!(cut.memory(&rows), 1_000_001 * each + heap);
    let order = Order { column: 0, ty: Type::Text, descending: false, nulls_first: false };
    assert!(Finish { order_by: vec![order], ..all.clone() }.memory(&rows) > all.memory(&rows));
    assert_eq!(all.memory(&[(Row::empty(), i64::MAX), (Row::empty(), i64::MAX)]), usize::MAX);
}

mod bags;
mod recursion;

#[test]
fn any_of_an_array_is_looked_up() {
    let mut tables = Tables::default();
    tables.table(1, &[&[Datum::Int(1)], &[Datum::Int(2)], &[Datum::Int(3)]], Some(&[0]));
    let of = Type::Int8.array().unwrap();
    let any = crate::functions::quantified("=", false, Some(Type::Int8), Some(of)).unwrap();
    let array = crate::functions::literal("{3,NULL,1,3,9}", of).unwrap();
    let predicate = Scalar::call(any.func, [Scalar::Column(0), array]);
    let mfp = Mfp { predicates: vec![predicate], ..Mfp::identity(1) };
    let plan = Lir::Mfp { input: Box::new(Lir::Get { id: CollectionId(1) }), mfp };
    let mut rows = evaluate(&plan, &tables).unwrap();
    rows.sort_unstable();
    let row = |value| (Row::pack([Datum::Int(value)]), 1);
    assert_eq!(rows, [row(1), row(3)]);
    assert_eq!((tables.scans.get(), tables.lookups.get()), (0, 3), "each value once, NULL never");
}
