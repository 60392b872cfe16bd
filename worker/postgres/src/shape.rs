//! Which columns of an upstream table are kept, and how a tuple of the stream becomes a row of them.

use offtake_contract::Problem;
use offtake_row::{Datum, Row, RowPacker, Type, binary, text};
use serde::{Deserialize, Serialize};

use crate::{
    catalog::{ReplicaIdentity, UpstreamTable},
    pgoutput::{Cell, Relation, Tuple},
    quote::{shown, shown_table},
};

/// A column that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub name: String,
    /// The type downstream: [`Type::Text`] for a column that is kept as text.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Kept as what PostgreSQL's output function prints.
    pub as_text: bool,
    /// The type upstream with domains resolved, where Offtake reads it.
    pub source: Option<Type>,
    /// The type upstream as its catalog holds it: what a retype is noticed by.
    pub type_oid: u32,
    pub typmod: i32,
    pub nullable: bool,
}

/// The columns of a SourceTable and an upstream table do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("textColumns names what {table} does not have or does not publish: {}", list(.columns))]
    UnknownColumns { table: String, columns: Vec<String> },
    #[error("Offtake does not read the types of {table}: {}", types(.columns))]
    UnsupportedTypes { table: String, columns: Vec<Unsupported> },
    #[error("the role may not read all columns of {table} that are kept: {}", list(.columns))]
    Unreadable { table: String, columns: Vec<String> },
    #[error("column {} of {table} is part of its replica identity and cannot be left out", shown(.column))]
    KeyLeftOut { table: String, column: String },
    #[error("no column of {table} is left")]
    NoColumns { table: String },
    #[error("column {} of {table} was dropped, renamed or taken out of the publication", shown(.column))]
    ColumnMissing { table: String, column: String },
    #[error("columns {} and {} of {table} were renamed: they stand the other way round", shown(.column), shown(.other))]
    ColumnsSwapped { table: String, column: String, other: String },
    #[error("the type of column {} of {table} was altered", shown(.column))]
    TypeChanged { table: String, column: String },
    #[error("the replica identity of {table} was altered: rows were identified by {was}, and are by {is}")]
    KeyChanged { table: String, was: String, is: String },
}

/// A column whose type Offtake does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub name: String,
    pub type_name: String,
    /// Part of the replica identity: it cannot be left out.
    pub key: bool,
}

impl ShapeError {
    /// Whether the upstream table was altered under a SourceTable that was fine before.
    pub fn is_altered(&self) -> bool {
        matches!(
            self,
            ShapeError::ColumnMissing { .. }
                | ShapeError::ColumnsSwapped { .. }
                | ShapeError::TypeChanged { .. }
                | ShapeError::KeyChanged { .. }
        )
    }

    /// The column that it is about, where it is about one.
    pub fn column(&self) -> Option<&str> {
        match self {
            ShapeError::KeyLeftOut { column, .. }
            | ShapeError::ColumnMissing { column, .. }
            | ShapeError::ColumnsSwapped { column, .. }
            | ShapeError::TypeChanged { column, .. } => Some(column),
            ShapeError::UnknownColumns { .. }
            | ShapeError::UnsupportedTypes { .. }
            | ShapeError::Unreadable { .. }
            | ShapeError::NoColumns { .. }
            | ShapeError::KeyChanged { .. } => None,
        }
    }

    /// What is wrong and what its owner can do.
    pub fn problem(&self) -> Problem {
        let (reason, remedy) = match self {
            ShapeError::UnknownColumns { .. } => ("UnknownColumn", "correct textColumns".to_owned()),
            ShapeError::UnsupportedTypes { columns, .. } => ("UnsupportedType", say_how_to_keep(columns)),
            ShapeError::Unreadable { table, columns } => (
                "PermissionDenied",
                format!(
                    "GRANT SELECT ({0}) ON {table} to the role, or add {0} to excludeColumns",
                    list(columns)
                ),
            ),
            ShapeError::KeyLeftOut { table, column } => (
                "KeyLeftOut",
                format!("take {column} out of excludeColumns, or ALTER TABLE {table} REPLICA IDENTITY FULL"),
            ),
            ShapeError::NoColumns { .. } => ("NoColumns", "take columns out of excludeColumns".to_owned()),
            _ => (
                "SchemaAltered",
                "apply a new SourceTable for the table as it is now, and move the views over".to_owned(),
            ),
        };
        Problem::new(reason, self.to_string(), remedy)
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
}

fn types(columns: &[Unsupported]) -> String {
    let each = columns.iter().map(|column| format!("{} is {}", shown(&column.name), column.type_name));
    each.collect::<Vec<_>>().join(", ")
}

/// All that one edit must say, each column with what may be done about it.
fn say_how_to_keep(columns: &[Unsupported]) -> String {
    let names = |key: bool| -> Vec<String> {
        columns.iter().filter(|column| column.key == key).map(|column| column.name.clone()).collect()
    };
    let (free, key) = (names(false), names(true));
    let mut remedies = Vec::new();
    if !free.is_empty() {
        let free = list(&free);
        remedies.push(format!("add {free} to textColumns (kept as text) or to excludeColumns (left out)"));
    }
    if !key.is_empty() {
        let key = list(&key);
        remedies.push(format!("add {key} to textColumns (part of the replica identity, cannot be left out)"));
    }
    remedies.join("; ")
}

/// A value of the stream or of a copy that cannot become a datum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("a row has {found} values where {expected} belong")]
    Arity { found: usize, expected: usize },
    /// The new row lacks a TOASTed value, and the old row is not there to take it from.
    #[error("the value of column {} is not in the change and not known", shown(.column))]
    Unchanged { column: String },
    #[error("column {} holds text that is not UTF-8", shown(.column))]
    NotUtf8 { column: String },
    /// See [`binary_serves`].
    #[error("column {} is kept as text, but its value came in binary", shown(.column))]
    NotText { column: String },
    #[error("column {}: {reason}", shown(.column))]
    Invalid { column: String, reason: String },
}

/// The columns to keep: all that are published, less `exclude`, with `text` kept as text.
///
/// Columns that the publication does not send (outside its column list; generated ones before 18) are left out as if excluded. A name
/// in `exclude` that the table does not have is left out already: it may have been dropped since, as excluded columns may.
///
/// # Errors
/// Names in `text` that the table does not send, else types that Offtake does not read, else columns that the role may not read: all of
/// them at once.
pub fn select(table: &UpstreamTable, exclude: &[String], text: &[String]) -> Result<Vec<Wanted>, ShapeError> {
    let shown_name = || shown_table(&table.schema, &table.name);
    let unknown: Vec<String> = text
        .iter()
        .filter(|&name| !table.column(name).is_some_and(|column| table.sends(column)))
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(ShapeError::UnknownColumns { table: shown_name(), columns: unknown });
    }
    let kept = table.columns.iter().filter(|column| table.sends(column) && !exclude.contains(&column.name));
    let (mut wanted, mut unsupported, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for column in kept {
        let source = Type::from_oid(column.base_type_oid, column.base_typmod).filter(|ty| ty.is_kept());
        let as_text = text.contains(&column.name);
        if !column.readable {
            unreadable.push(column.name.clone());
        }
        let Some(ty) = (if as_text { Some(Type::Text) } else { source }) else {
            unsupported.push(Unsupported {
                name: column.name.clone(),
                type_name: column.type_name.clone(),
                key: table.key.contains(&column.name),
            });
            continue;
        };
        wanted.push(Wanted {
            name: column.name.clone(),
            ty,
            as_text,
            source,
            type_oid: column.type_oid,
            typmod: column.typmod,
            nullable: !column.not_null,
        });
    }
    if !unsupported.is_empty() {
        return Err(ShapeError::UnsupportedTypes { table: shown_name(), columns: unsupported });
    }
    if !unreadable.is_empty() {
        return Err(ShapeError::Unreadable { table: shown_name(), columns: unreadable });
    }
    if wanted.is_empty() { Err(ShapeError::NoColumns { table: shown_name() }) } else { Ok(wanted) }
}

/// Where the columns that identify a row stand in `wanted`, ascending. Empty: rows are identified by all their values (`REPLICA IDENTITY FULL`),
/// or not at all (nothing but inserts can come).
///
/// # Errors
/// [`ShapeError::KeyLeftOut`]; with `REPLICA IDENTITY FULL` any column may be left out.
pub fn key(table: &UpstreamTable, wanted: &[Wanted]) -> Result<Vec<usize>, ShapeError> {
    if table.replica_identity == ReplicaIdentity::Full {
        return Ok(Vec::new());
    }
    let mut key = Vec::with_capacity(table.key.len());
    for name in &table.key {
        let index = wanted.iter().position(|wanted| wanted.name == *name);
        key.push(index.ok_or_else(|| ShapeError::KeyLeftOut {
            table: shown_table(&table.schema, &table.name),
            column: name.clone(),
        })?);
    }
    key.sort_unstable();
    Ok(key)
}

/// Whether the stream may send these columns in binary: not where one is kept as text whose type Offtake does not read.
pub fn binary_serves(wanted: &[Wanted]) -> bool {
    wanted.iter().all(|wanted| !wanted.as_text || wanted.source.is_some())
}

/// How tuples of one relation become rows of the wanted columns.
#[derive(Clone, Debug)]
pub struct Shape {
    columns: Vec<Wanted>,
    /// For each wanted column, its place in the tuple: ascending, so that cells can be packed as they come.
    places: Vec<usize>,
    /// The wanted column that stands at each place of the tuple.
    targets: Vec<Option<usize>>,
    key: Vec<usize>,
}

impl Shape {
    /// Fits the wanted columns and the key, as [`select`] and [`key`] gave them, to a relation of the stream.
    ///
    /// A relation's columns come in the order of their numbers (`logicalrep_write_attrs`), which never changes, and so do those of
    /// [`select`]. Where names stand in another order, columns were renamed into each other's names: values would go astray.
    ///
    /// # Errors
    /// The ones with [`ShapeError::is_altered`].
    pub fn new(relation: &Relation, wanted: &[Wanted], key: &[usize]) -> Result<Shape, ShapeError> {
        let table = || shown_table(&relation.schema, &relation.name);
        let mut places: Vec<usize> = Vec::with_capacity(wanted.len());
        let mut targets = vec![None; relation.columns.len()];
        for (index, want) in wanted.iter().enumerate() {
            let Some(place) = relation.columns.iter().position(|column| column.name == want.name) else {
                return Err(ShapeError::ColumnMissing { table: table(), column: want.name.clone() });
            };
            let column = &relation.columns[place];
            // A longer or shorter varchar(n) rewrites no value; any other modifier may.
            let retyped = column.type_oid != want.type_oid
                || column.typmod != want.typmod && !matches!(want.source, Some(Type::Varchar(_)));
            if retyped {
                return Err(ShapeError::TypeChanged { table: table(), column: want.name.clone() });
            }
            if places.last().is_some_and(|&last| last > place) {
                return Err(ShapeError::ColumnsSwapped {
                    table: table(),
                    column: want.name.clone(),
                    other: wanted[index - 1].name.clone(),
                });
            }
            places.push(place);
            targets[place] = Some(index);
        }
        check_key(relation, wanted, key)?;
        Ok(Shape { columns: wanted.to_vec(), places, targets, key: key.to_vec() })
    }

    /// Whether a wanted column's value is not in the tuple: [`Shape::decode`] then needs the old row.
    pub fn has_unchanged(&self, tuple: &Tuple) -> bool {
        tuple.cells().zip(&self.targets).any(|(cell, target)| target.is_some() && cell == Cell::Unchanged)
    }

    /// The wanted columns, as positions, whose values are not in the tuple.
    pub fn unchanged(&self, tuple: &Tuple) -> Vec<usize> {
        let cells = tuple.cells().zip(&self.targets);
        cells.filter(|(cell, _)| *cell == Cell::Unchanged).filter_map(|(_, target)| *target).collect()
    }

    /// A whole row of the wanted columns. Values that the change left out are taken from `unchanged`, the row as it was before.
    ///
    /// Not for the old tuple of [`crate::pgoutput::OldTuple::Key`], whose other cells are null whatever the row held: see
    /// [`Shape::decode_key`].
    pub fn decode(
        &self,
        tuple: &Tuple,
        unchanged: Option<&Row>,
        packer: &mut RowPacker,
    ) -> Result<Row, ValueError> {
        self.check_arity(tuple)?;
        packer.clear();
        for (cell, target) in tuple.cells().zip(&self.targets) {
            if let Some(target) = *target {
                self.pack(target, cell, unchanged, packer)?;
            }
        }
        Ok(packer.finish())
    }

    /// The key columns alone, in the order of the key, from a new or an old tuple.
    pub fn decode_key(&self, tuple: &Tuple, packer: &mut RowPacker) -> Result<Row, ValueError> {
        self.check_arity(tuple)?;
        packer.clear();
        for &target in &self.key {
            let cell = tuple.cells().nth(self.places[target]).unwrap_or(Cell::Null);
            self.pack(target, cell, None, packer)?;
        }
        Ok(packer.finish())
    }

    fn check_arity(&self, tuple: &Tuple) -> Result<(), ValueError> {
        let (found, expected) = (tuple.len(), self.targets.len());
        if found == expected { Ok(()) } else { Err(ValueError::Arity { found, expected }) }
    }

    #[inline]
    fn pack(
        &self,
        target: usize,
        cell: Cell<'_>,
        unchanged: Option<&Row>,
        packer: &mut RowPacker,
    ) -> Result<(), ValueError> {
        let want = &self.columns[target];
        match cell {
            Cell::Null => packer.push(Datum::Null),
            Cell::Text(bytes) => want.pack_text(bytes, packer)?,
            Cell::Binary(bytes) => want.pack_binary(bytes, packer)?,
            Cell::Unchanged => match unchanged {
                Some(row) => packer.push(row.datum(target)),
                None => return Err(ValueError::Unchanged { column: want.name.clone() }),
            },
        }
        Ok(())
    }
}

impl Wanted {
    fn invalid(&self, error: impl ToString) -> ValueError {
        ValueError::Invalid { column: self.name.clone(), reason: error.to_string() }
    }

    fn utf8<'a>(&self, bytes: &'a [u8]) -> Result<&'a str, ValueError> {
        str::from_utf8(bytes).map_err(|_| ValueError::NotUtf8 { column: self.name.clone() })
    }

    /// Packs what an output function printed.
    fn pack_text(&self, bytes: &[u8], packer: &mut RowPacker) -> Result<(), ValueError> {
        let value = self.utf8(bytes)?;
        // A `"char"` is held in another form than it is printed in.
        if self.as_text || self.ty.is_textual() && self.ty != Type::Char {
            packer.push(Datum::Text(value));
            return Ok(());
        }
        // The server applied the modifier already.
        text::parse(self.ty.base(), value, packer).map_err(|error| self.invalid(error))
    }

    /// Packs what a send function wrote.
    pub(crate) fn pack_binary(&self, bytes: &[u8], packer: &mut RowPacker) -> Result<(), ValueError> {
        if !self.as_text {
            return binary::read(self.ty, bytes, packer).map_err(|error| self.invalid(error));
        }
        let Some(source) = self.source else {
            return Err(ValueError::NotText { column: self.name.clone() });
        };
        let mut scratch = RowPacker::new();
        binary::read(source, bytes, &mut scratch).map_err(|error| self.invalid(error))?;
        let mut printed = String::new();
        text::write(source, scratch.finish().datum(0), &mut printed);
        packer.push(Datum::Text(&printed));
        Ok(())
    }

    /// Packs a text that came as itself, in binary or not.
    pub(crate) fn pack_plain(&self, bytes: &[u8], packer: &mut RowPacker) -> Result<(), ValueError> {
        packer.push(Datum::Text(self.utf8(bytes)?));
        Ok(())
    }
}

/// A table without a key must still send whole old rows, or no old rows at all; one with a key must still have that key.
fn check_key(relation: &Relation, wanted: &[Wanted], key: &[usize]) -> Result<(), ShapeError> {
    let full = relation.replica_identity == b'f';
    let now: Vec<&str> =
        relation.columns.iter().filter(|column| column.key).map(|column| column.name.as_str()).collect();
    let was: Vec<&str> =
        key.iter().filter_map(|&index| wanted.get(index)).map(|want| want.name.as_str()).collect();
    let same = now.len() == was.len() && was.iter().all(|name| now.contains(name));
    if full || same {
        return Ok(());
    }
    let list =
        |names: &[&str]| if names.is_empty() { "all columns, or none".to_owned() } else { names.join(", ") };
    Err(ShapeError::KeyChanged {
        table: shown_table(&relation.schema, &relation.name),
        was: list(&was),
        is: list(&now),
    })
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use offtake_row::Numeric;

    use super::*;
    use crate::{
        catalog::{Published, RelationKind, UpstreamColumn},
        pgoutput::{Change, Decoder, RelationColumn, StreamEvent},
    };

    fn column(attnum: i16, name: &str, type_oid: u32, typmod: i32) -> UpstreamColumn {
        UpstreamColumn {
            attnum,
            name: name.into(),
            type_oid,
            typmod,
            base_type_oid: type_oid,
            base_typmod: typmod,
            type_name: "t".into(),
            not_null: attnum == 1,
            generated: false,
            readable: true,
        }
    }

    /// id integer PRIMARY KEY, note text, price numeric(6,2), span point
    fn table() -> UpstreamTable {
        UpstreamTable {
            oid: 1,
            schema: "public".into(),
            name: "t".into(),
            kind: RelationKind::Table,
            unlogged: false,
            is_partition: false,
            columns: vec![
                column(1, "id", 23, -1),
                column(2, "note", 25, -1),
                column(3, "price", 1700, (6 << 16) + 2 + 4),
                column(4, "span", 600, -1),
            ],
            replica_identity: ReplicaIdentity::Default,
            key: vec!["id".into()],
            published: Some(Published { columns: None, row_filter: None }),
            via_root: false,
            row_estimate: None,
            bytes: 0,
        }
    }

    fn relation(table: &UpstreamTable) -> Relation {
        let column = |c: &UpstreamColumn| RelationColumn {
            name: c.name.clone(),
            type_oid: c.type_oid,
            typmod: c.typmod,
            key: table.key.contains(&c.name),
        };
        Relation {
            oid: table.oid,
            schema: table.schema.clone(),
            name: table.name.clone(),
            replica_identity: b'd',
            columns: table.columns.iter().map(column).collect(),
        }
    }

    /// A tuple, by way of the decoder.
    fn tuple(cells: &[Cell<'_>]) -> Tuple {
        let mut decoder = Decoder::new();
        decoder.decode(Bytes::from_static(b"R\0\0\0\x01p\0t\0d\0\0")).expect("a relation");
        let mut message = BytesMut::from(&b"I\0\0\0\x01N"[..]);
        message.put_u16(cells.len() as u16);
        for cell in cells {
            let (kind, value) = match cell {
                Cell::Null => (b'n', None),
                Cell::Unchanged => (b'u', None),
                Cell::Text(value) => (b't', Some(value)),
                Cell::Binary(value) => (b'b', Some(value)),
            };
            message.put_u8(kind);
            if let Some(value) = value {
                message.put_u32(value.len() as u32);
                message.put_slice(value);
            }
        }
        match decoder.decode(message.freeze()) {
            Ok(Some(StreamEvent::Change(Change::Insert { new, .. }))) => new,
            other => panic!("{other:?}"),
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn unreadable_types_are_refused_until_told_how() {
        let refused = select(&table(), &[], &[]).expect_err("point is not read");
        assert_eq!((refused.problem().reason.as_str(), refused.is_altered()), ("UnsupportedType", false));
        assert!(refused.to_string().contains("span is t"), "{refused}");
        assert_eq!(select(&table(), &strings(&["span"]), &[]).map(|wanted| wanted.len()), Ok(3));
        let as_text = select(&table(), &[], &strings(&["span"])).expect("as text");
        assert_eq!((as_text[3].ty, binary_serves(&as_text)), (Type::Text, false));
        let unknown =
            select(&table(), &[], &strings(&["spam", "span", "eggs"])).expect_err("no such columns");
        assert_eq!(unknown.problem().reason, "UnknownColumn");
        assert!(unknown.to_string().ends_with(": spam, eggs"), "{unknown}");
        let gone = select(&table(), &strings(&["spam"]), &strings(&["span"]));
        assert_eq!(gone.map(|wanted| wanted.len()), Ok(4), "an excluded column may be gone already");
        let without_key = select(&table(), &strings(&["id", "span"]), &[]).expect("id may go …");
        assert!(
            matches!(key(&table(), &without_key), Err(ShapeError::KeyLeftOut { .. })),
            "… but it is the key"
        );
    }

    #[test]
    fn all_that_cannot_be_kept_is_named_at_once() {
        let mut table = table();
        table.columns.push(column(5, "Tags", 1017, -1));
        table.columns.push(column(6, "at", 601, -1));
        table.key.push("at".into());
        let refused = select(&table, &[], &[]).expect_err("types that are not read");
        let problem = refused.problem();
        assert!(problem.message.ends_with(": span is t, \"Tags\" is t, at is t"), "{problem}");
        assert_eq!(
            problem.remedy,
            "add span, \"Tags\" to textColumns (kept as text) or to excludeColumns (left out); \
             add at to textColumns (part of the replica identity, cannot be left out)"
        );

        let text = strings(&["span", "Tags", "at"]);
        table.columns[1].readable = false;
        table.columns[4].readable = false;
        let refused = select(&table, &[], &text).expect_err("columns without SELECT").problem();
        assert_eq!(refused.reason, "PermissionDenied");
        assert!(refused.remedy.contains("SELECT (note, \"Tags\") ON public.t"), "{refused}");
        assert!(
            select(&table, &strings(&["note", "Tags"]), &text).is_ok(),
            "what is left out needs no grant"
        );
    }

    #[test]
    fn tuples_become_rows() {
        let wanted = select(&table(), &[], &strings(&["span"])).expect("columns");
        let shape = Shape::new(&relation(&table()), &wanted, &[0]).expect("a shape");
        let mut packer = RowPacker::new();
        let first = tuple(&[
            Cell::Binary(&[0, 0, 0, 7]),
            Cell::Text(b"x"),
            Cell::Text(b"1.50"),
            Cell::Text(b"1 day"),
        ]);
        let row = shape.decode(&first, None, &mut packer).expect("a row");
        let price = Datum::Numeric(Numeric::Finite { mantissa: 150, scale: 2 });
        assert_eq!(row, Row::pack([Datum::Int(7), Datum::Text("x"), price, Datum::Text("1 day")]));
        assert_eq!(shape.decode_key(&first, &mut packer), Ok(Row::pack([Datum::Int(7)])));

        let update = tuple(&[Cell::Text(b"7"), Cell::Unchanged, Cell::Null, Cell::Null]);
        assert!(shape.has_unchanged(&update));
        assert!(matches!(shape.decode(&update, None, &mut packer), Err(ValueError::Unchanged { .. })));
        let updated = shape.decode(&update, Some(&row), &mut packer).expect("a row");
        assert_eq!(updated, Row::pack([Datum::Int(7), Datum::Text("x"), Datum::Null, Datum::Null]));

        for bad in [
            tuple(&[Cell::Text(b"seven"), Cell::Null, Cell::Null, Cell::Null]),
            tuple(&[Cell::Null, Cell::Text(b"\xff"), Cell::Null, Cell::Null]),
            tuple(&[Cell::Null, Cell::Null, Cell::Null, Cell::Binary(b"12345678")]),
            tuple(&[Cell::Null]),
        ] {
            assert!(shape.decode(&bad, None, &mut packer).is_err(), "{bad:?}");
        }
        assert_eq!(
            shape.decode_key(&first, &mut packer),
            Ok(Row::pack([Datum::Int(7)])),
            "errors leave no trace"
        );
    }

    #[test]
    fn only_what_is_used_may_not_change() {
        let exclude = strings(&["span"]);
        let wanted = select(&table(), &exclude, &[]).expect("columns");
        let altered = |change: fn(&mut UpstreamTable)| {
            let mut table = table();
            change(&mut table);
            Shape::new(&relation(&table), &wanted, &[0]).map(drop)
        };
        assert_eq!(altered(|table| table.columns.push(column(5, "new", 20, -1))), Ok(()));
        assert_eq!(altered(|table| drop(table.columns.pop())), Ok(()), "an excluded column may go");
        assert!(matches!(
            altered(|table| drop(table.columns.remove(1))),
            Err(ShapeError::ColumnMissing { .. })
        ));
        assert!(matches!(
            altered(|table| table.columns[0].type_oid = 20),
            Err(ShapeError::TypeChanged { .. })
        ));
        assert!(matches!(altered(|table| table.columns[2].typmod += 1), Err(ShapeError::TypeChanged { .. })));
        assert!(matches!(
            altered(|table| table.key = vec!["note".into()]),
            Err(ShapeError::KeyChanged { .. })
        ));
        assert!(
            matches!(
                altered(|table| table.columns.swap(0, 1)),
                Err(error @ ShapeError::ColumnsSwapped { .. }) if error.is_altered()
            ),
            "the order is that of the columns' numbers: another one is that of names given to other columns"
        );
    }

    #[test]
    fn cells_are_found_by_name() {
        let wanted = select(&table(), &strings(&["span"]), &[]).expect("columns");
        let mut changed = table();
        changed.columns.insert(1, column(2, "other", 20, -1));
        changed.columns.pop();
        let shape = Shape::new(&relation(&changed), &wanted, &[0]).expect("a shape");
        let row = shape
            .decode(
                &tuple(&[Cell::Text(b"7"), Cell::Text(b"8"), Cell::Text(b"x"), Cell::Null]),
                None,
                &mut RowPacker::new(),
            )
            .expect("a row");
        assert_eq!(row, Row::pack([Datum::Int(7), Datum::Text("x"), Datum::Null]));
    }
}
