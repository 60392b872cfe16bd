//! Nodes by their definition over bags, held against the executor.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    node::{JoinKind, LocalId, TopK},
    top_k::Bounds,
};

type Bag = BTreeMap<Row, i64>;

fn bag(rows: impl IntoIterator<Item = (Row, i64)>) -> Bag {
    let mut bag = Bag::new();
    for (row, count) in rows {
        *bag.entry(row).or_default() += count;
    }
    bag.retain(|_, count| *count != 0);
    bag
}

/// Rows of two columns out of few values, NULL among them.
fn rows() -> impl Strategy<Value = Bag> {
    let value = || prop_oneof![Just(None), (0..3i64).prop_map(Some)];
    let row = (value(), value(), 1..3i64);
    proptest::collection::vec(row, 0..6)
        .prop_map(|rows| bag(rows.into_iter().map(|(a, b, count)| (Row::pack([a, b].map(datum)), count))))
}

fn datum(value: Option<i64>) -> Datum<'static> {
    value.map_or(Datum::Null, Datum::Int)
}

/// A bag as a plan that makes more than there is and takes it away again.
fn detour(bag: &Bag) -> Lir {
    let rows = |factor: i64| bag.iter().map(|(row, count)| (row.clone(), count * factor)).collect();
    let more = Lir::Constant { rows: rows(3) };
    let less = Lir::Negate { input: Box::new(Lir::Constant { rows: rows(2) }) };
    Lir::Union { inputs: vec![more, less] }
}

fn kinds() -> impl Strategy<Value = JoinKind> {
    use JoinKind::*;
    prop_oneof![Just(Inner), Just(Left), Just(Full), Just(Semi), Just(Anti)]
}

/// Joins on the first column of the looked-up side and the stream's last; where asked, only unequal other columns meet.
fn stage(kind: JoinKind, arity: usize, unequal: bool, nulls_meet: bool) -> JoinStage {
    let both = !matches!(kind, JoinKind::Semi | JoinKind::Anti);
    let differ = Func::Compare(Comparison::NotEqual, Blanks::Count);
    let on = Scalar::call(differ, [Scalar::Column(0), Scalar::Column(arity + 1)]);
    let closure = Mfp::identity(if both { arity + 2 } else { arity });
    let stage = JoinStage::inner(vec![Scalar::Column(arity - 1)], vec![Scalar::Column(0)], 2, closure);
    let on = if unequal && kind != JoinKind::Inner { vec![on] } else { Vec::new() };
    JoinStage { kind, on, nulls_meet: if nulls_meet { vec![0] } else { Vec::new() }, ..stage }
}

/// A stage by its definition: every row with every other.
fn joined(stream: &Bag, arity: usize, lookup: &Bag, stage: &JoinStage) -> Bag {
    let meet = |left: &Row, right: &Row| {
        let (a, b) = (left.datum(arity - 1), right.datum(0));
        let keys = a == b && (!a.is_null() || !stage.nulls_meet.is_empty());
        let (c, d) = (left.datum(0), right.datum(1));
        keys && (stage.on.is_empty() || (!c.is_null() && !d.is_null() && c != d))
    };
    let both = |left: &Row, right: &Row| Row::pack(left.iter().chain(right.iter()));
    let nulls = |count| Row::pack(std::iter::repeat_n(Datum::Null, count));
    let mut made = Vec::new();
    for (left, count) in stream {
        let partners: Vec<_> = lookup.iter().filter(|(right, _)| meet(left, right)).collect();
        match stage.kind {
            JoinKind::Semi if !partners.is_empty() => made.push((left.clone(), *count)),
            JoinKind::Anti if partners.is_empty() => made.push((left.clone(), *count)),
            JoinKind::Semi | JoinKind::Anti => {}
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                made.extend(partners.iter().map(|(right, times)| (both(left, right), count * *times)));
                if partners.is_empty() && stage.kind != JoinKind::Inner {
                    made.push((both(left, &nulls(2)), *count));
                }
            }
        }
    }
    if stage.kind == JoinKind::Full {
        for (right, count) in lookup {
            if !stream.keys().any(|left| meet(left, right)) {
                made.push((both(&nulls(arity), right), *count));
            }
        }
    }
    bag(made)
}

fn arity_after(kind: JoinKind, arity: usize) -> usize {
    if matches!(kind, JoinKind::Semi | JoinKind::Anti) { arity } else { arity + 2 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn joins_are_what_they_are_defined_to_be(
        bags in [rows(), rows(), rows()],
        kinds in [kinds(), kinds()],
        unequal: [bool; 2],
        nulls_meet: [bool; 2],
        indexed: bool,
        detours: [bool; 3],
    ) {
        let first = stage(kinds[0], 2, unequal[0], nulls_meet[0]);
        let arity = arity_after(kinds[0], 2);
        let second = stage(kinds[1], arity, unequal[1], nulls_meet[1]);
        let expected = joined(&joined(&bags[0], 2, &bags[1], &first), arity, &bags[2], &second);

        let mut tables = Tables::default();
        let inputs = bags.iter().zip(detours).enumerate().map(|(id, (bag, by_detour))| {
            tables.rows.insert(CollectionId(id as u64), bag.iter().map(|(row, n)| (row.clone(), *n)).collect());
            if indexed {
                tables.index.insert(CollectionId(id as u64), vec![0]);
            }
            if by_detour { detour(bag) } else { get(id as u64) }
        });
        let plan = Lir::Join { inputs: inputs.collect(), stages: vec![first, second] };
        prop_assert_eq!(bag(evaluate(&plan, &tables).expect("has an answer")), expected);
    }

    #[test]
    fn first_rows_are_those_of_the_sorted_list(
        rows in rows(),
        descending: bool,
        nulls_first: bool,
        grouped: bool,
        with_ties: bool,
        skip in proptest::option::of(0..4u64),
        take in proptest::option::of(0..4u64),
    ) {
        let order = Order { column: 1, ty: Type::Int8, descending, nulls_first };
        let count = |count: Option<u64>| count.map(|count| Scalar::literal(int(count as i64), Type::Int8));
        let group = if grouped { vec![Scalar::Column(0)] } else { Vec::new() };
        let top = TopK { group, order_by: vec![order.clone()], limit: count(take), offset: count(skip), with_ties };
        prop_assert_eq!(top.bounds(), Ok(Bounds { skip: skip.unwrap_or(0), take }));

        let groups: BTreeSet<Row> =
            rows.keys().map(|row| if grouped { Row::pack([row.datum(0)]) } else { Row::empty() }).collect();
        let mut expected = Vec::new();
        for group in groups {
            let of_group = rows.iter().filter(|(row, _)| !grouped || row.datum(0) == group.datum(0));
            let mut list: Vec<Row> =
                of_group.flat_map(|(row, n)| std::iter::repeat_n(row.clone(), *n as usize)).collect();
            list.sort_by(|a, b| order.compare(a.datum(1), b.datum(1)).then_with(|| a.cmp(b)));
            let list = &list[list.len().min(skip.unwrap_or(0) as usize)..];
            let mut end = list.len().min(take.map_or(usize::MAX, |take| take as usize));
            while with_ties && end > 0 && end < list.len() && list[end].datum(1) == list[end - 1].datum(1) {
                end += 1;
            }
            expected.extend(list[..end].iter().map(|row| (row.clone(), 1)));
        }
        let plan = Lir::TopK { input: Box::new(detour(&rows)), top };
        prop_assert_eq!(bag(evaluate(&plan, &Tables::default()).expect("has an answer")), bag(expected));
    }

    #[test]
    fn sets_are_what_they_are_defined_to_be(a in rows(), b in rows()) {
        let constant = |bag: &Bag| Lir::Constant { rows: bag.iter().map(|(row, n)| (row.clone(), *n)).collect() };
        let union = |left, right| Lir::Union { inputs: vec![left, right] };
        let negate = |input| Lir::Negate { input: Box::new(input) };
        let threshold = |input| Lir::Threshold { input: Box::new(input) };
        let answer = |plan: &Lir| bag(evaluate(plan, &Tables::default()).expect("has an answer"));
        let both = || a.keys().chain(b.keys()).map(|row| {
            let count = |bag: &Bag| bag.get(row).copied().unwrap_or(0);
            (row.clone(), count(&a), count(&b))
        });

        let difference = threshold(union(constant(&a), negate(constant(&b))));
        let expected = both().map(|(row, a, b)| (row, (a - b).max(0)));
        prop_assert_eq!(answer(&difference), expected.filter(|(_, n)| *n > 0).collect::<Bag>());

        let id = LocalId(7);
        let rest = threshold(union(Lir::Local { id }, negate(constant(&b))));
        let body = Box::new(union(Lir::Local { id }, negate(rest)));
        let intersection = Lir::Let { id, value: Box::new(constant(&a)), body };
        let expected = both().map(|(row, a, b)| (row, a.min(b)));
        prop_assert_eq!(answer(&intersection), expected.filter(|(_, n)| *n > 0).collect::<Bag>());

        let distinct = Lir::Distinct { input: Box::new(union(detour(&a), detour(&b))) };
        let expected: Bag = both().map(|(row, ..)| (row, 1)).collect();
        prop_assert_eq!(answer(&distinct), expected);
    }
}
