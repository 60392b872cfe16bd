//! Sizes: of what relations take of the memory.

use offtake_lir::{Lookup, Otherwise, Scalar};
use offtake_row::Type::{self, Int8, Name, Oid, Regclass, Text};

use super::{Entry, Functions, STATEMENT, arg, entry, error, look_up, number, text};
use crate::catalog::DATABASE;

pub const ENTRIES: &[Entry] = &[
    entry("pg_relation_size", &[Regclass], Int8, STATEMENT, size),
    entry("pg_relation_size", &[Regclass, Text], Int8, STATEMENT, |functions, _| {
        // Of the forks, the main one is all there is.
        let forks = ["main", "fsm", "vm", "init"].map(|fork| (text(fork), number(i64::from(fork == "main"))));
        let invalid = error(b"22023", "invalid fork name");
        let main = look_up(Lookup::new("fork", vec![Text], forks, invalid).into(), [arg(1)]);
        let multiply = offtake_lir::Func::Multiply(offtake_lir::scalar::Number::Int8);
        Scalar::call(multiply, [of_relation(functions), main])
    }),
    entry("pg_table_size", &[Regclass], Int8, STATEMENT, size),
    entry("pg_total_relation_size", &[Regclass], Int8, STATEMENT, size),
    entry("pg_indexes_size", &[Regclass], Int8, STATEMENT, |functions, _| {
        let none = functions.catalog.relations.iter().map(|relation| (number(relation.oid), number(0)));
        look_up(Lookup::new("pg_indexes_size", vec![Regclass], none, Otherwise::null()).into(), [arg(0)])
    }),
    entry("pg_database_size", &[Oid], Int8, STATEMENT, |functions, _| {
        let all = [(number(DATABASE), number(total(functions)))];
        let missing = error(b"3D000", "database with OID {} does not exist");
        look_up(Lookup::new("pg_database_size", vec![Oid], all, missing).into(), [arg(0)])
    }),
    entry("pg_database_size", &[Name], Int8, STATEMENT, |functions, _| {
        let all = [(text(&functions.catalog.database), number(total(functions)))];
        let missing = error(b"3D000", "database \"{}\" does not exist");
        look_up(Lookup::new("pg_database_size", vec![Name], all, missing).into(), [arg(0)])
    }),
    entry("pg_tablespace_size", &[Oid], Int8, STATEMENT, |functions, _| {
        let sizes = [(number(1663), number(total(functions))), (number(1664), number(0))];
        look_up(Lookup::new("pg_tablespace_size", vec![Oid], sizes, Otherwise::null()).into(), [arg(0)])
    }),
    entry("pg_tablespace_size", &[Name], Int8, STATEMENT, |functions, _| {
        let sizes = [(text("pg_default"), number(total(functions))), (text("pg_global"), number(0))];
        let missing = error(b"42704", "tablespace \"{}\" does not exist");
        look_up(Lookup::new("pg_tablespace_size", vec![Name], sizes, missing).into(), [arg(0)])
    }),
];

fn size(functions: &Functions, _: &'static [Type]) -> Scalar {
    of_relation(functions)
}

fn of_relation(functions: &Functions) -> Scalar {
    let moment = (functions.moment)();
    let own = functions.catalog.relations.iter().map(|relation| {
        let bytes = moment.sizes.get(&relation.oid).and_then(|size| size.bytes).unwrap_or_default();
        (number(relation.oid), number(i64::try_from(bytes).unwrap_or(i64::MAX)))
    });
    // Indexes are part of their relation; the catalogs are made when they are asked.
    let indexes = functions.catalog.indexes.iter().map(|index| (number(index.oid), number(0)));
    let system = crate::definition::definitions().iter().map(|relation| (number(relation.oid), number(0)));
    let sizes = own.chain(indexes).chain(system);
    look_up(Lookup::new("pg_relation_size", vec![Regclass], sizes, Otherwise::null()).into(), [arg(0)])
}

fn total(functions: &Functions) -> i64 {
    let sizes = (functions.moment)();
    let bytes = sizes.sizes.values().filter_map(|size| size.bytes);
    i64::try_from(bytes.fold(0u64, u64::saturating_add)).unwrap_or(i64::MAX)
}
