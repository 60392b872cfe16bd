//! Recursion and interrupts.

use super::*;
use crate::{
    error::SqlState,
    node::{JoinKind, LocalId, TopK},
};

const FOUND: LocalId = LocalId(1);
const EDGES: u64 = 1;

/// Nodes that are reached from node 0, each with the edges that lead there one after another.
fn reached(distinct: bool, limit: u64) -> Lir {
    let closure = Mfp { projection: vec![2], ..Mfp::identity(3) };
    let stage = JoinStage::inner(vec![Scalar::Column(0)], vec![Scalar::Column(0)], 2, closure);
    Lir::Recursive {
        id: FOUND,
        base: Box::new(Lir::Constant { rows: vec![(Row::pack([int(0)]), 1)] }),
        step: Box::new(Lir::Join { inputs: vec![Lir::Local { id: FOUND }, get(EDGES)], stages: vec![stage] }),
        distinct,
        limit,
    }
}

fn edges(edges: &[(i64, i64)]) -> Tables {
    let rows: Vec<_> = edges.iter().map(|(from, to)| [int(*from), int(*to)]).collect();
    let rows: Vec<&[Datum<'_>]> = rows.iter().map(|row| row.as_slice()).collect();
    let mut tables = Tables::default();
    tables.table(EDGES, &rows, None);
    tables
}

#[test]
fn a_recursion_ends_where_nothing_is_found() {
    let diamond = edges(&[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]);
    let nodes = |list: &[i64]| list.iter().map(|node| Row::pack([int(*node)])).collect::<Vec<_>>();
    assert_eq!(answers(&reached(true, 10), &diamond), nodes(&[0, 1, 2, 3, 4]));
    assert_eq!(diamond.scans.get(), 1, "the edges are the same in each round");
    assert_eq!(answers(&reached(false, 3), &diamond), nodes(&[0, 1, 2, 3, 3, 4, 4]), "one row a way");

    let error = evaluate(&reached(false, 2), &diamond).expect_err("the third round finds a row");
    assert_eq!(error.code, SqlState::TOO_COMPLEX);
    assert!(error.message.contains("after 2 rounds"), "{error}");
    let circle = edges(&[(0, 1), (1, 0)]);
    assert_eq!(answers(&reached(true, 2), &circle), nodes(&[0, 1]));
    assert_eq!(
        evaluate(&reached(false, 1000), &circle).expect_err("without end").code,
        SqlState::TOO_COMPLEX
    );
}

#[test]
fn rows_that_double_without_end_are_not_miscounted() {
    let doubling = edges(&[(0, 0), (0, 0)]);
    assert_eq!(evaluate(&reached(false, 1000), &doubling), Err(EvalError::copies()));
}

/// Two tables of many rows, and a patience after which the evaluation is interrupted.
struct Impatient {
    rows: i64,
    looks: Cell<usize>,
    patience: usize,
}

impl Source for Impatient {
    fn scan(&self, _: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        (0..self.rows).for_each(|value| f(&Row::pack([int(value * 7919 % self.rows), int(value)]), 1));
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

    fn interrupted(&self) -> Result<(), EvalError> {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() > self.patience { Err(EvalError::internal("enough")) } else { Ok(()) }
    }
}

#[test]
fn every_node_looks_at_interrupts_while_it_works() {
    let never = |columns| Mfp { predicates: vec![equals(literal(1), literal(2))], ..Mfp::identity(columns) };
    let cross = |kind, closure: Mfp| {
        let stage = JoinStage { kind, ..JoinStage::inner(vec![], vec![], 2, closure) };
        let on = if kind == JoinKind::Inner { vec![] } else { vec![equals(literal(1), literal(2))] };
        Lir::Join { inputs: vec![get(1), get(2)], stages: vec![JoinStage { on, ..stage }] }
    };
    let order_by = vec![Order { column: 0, ty: Type::Int8, descending: true, nulls_first: false }];
    let limit = Some(Scalar::literal(int(1_000_000), Type::Int8));
    let top = TopK { group: vec![], order_by, limit, offset: None, with_ties: false };
    let endless = Lir::Recursive {
        id: FOUND,
        base: Box::new(Lir::Constant { rows: vec![(Row::empty(), 1)] }),
        step: Box::new(Lir::Local { id: FOUND }),
        distinct: false,
        limit: u64::MAX - 1,
    };
    // Each with the least number of rows that it handles without making any.
    let plans = [
        (cross(JoinKind::Inner, never(4)), 1_000_000),
        (cross(JoinKind::Left, never(4)), 1_000_000),
        (cross(JoinKind::Full, never(4)), 1_000_000),
        (cross(JoinKind::Semi, Mfp::identity(2)), 1_000_000),
        (cross(JoinKind::Anti, never(2)), 1_000_000),
        (Lir::Distinct { input: Box::new(get(1)) }, 1_000),
        (Lir::TopK { input: Box::new(Lir::Union { inputs: vec![get(1); 50] }), top }, 400_000),
        (endless, 1_000_000),
    ];
    for (plan, rows) in plans {
        let patience = rows / 1000;
        let source = Impatient { rows: 1000, looks: Cell::new(0), patience };
        let answer = evaluate(&plan, &source);
        assert!(answer == Err(EvalError::internal("enough")), "{plan:?}");
        assert_eq!(source.looks.get(), patience + 1, "nothing goes on after it");
    }
}
