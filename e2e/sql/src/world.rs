//! The relations of one database, and their rows at one moment.

use std::collections::BTreeMap;

use offtake_lir::{Arena, CollectionId, EvalError, Lir, Source, equality_key};
use offtake_plan::{Relation, RelationKind, Relations, ViewPlan};
use offtake_row::{Column, Row};

/// Rows with how often each is there.
pub type Bag = BTreeMap<Row, i64>;

/// A table as PostgreSQL has it.
#[derive(Clone, Debug)]
pub struct Table {
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// Positions of the primary key's columns.
    pub key: Option<Vec<usize>>,
}

/// A view that others read.
#[derive(Clone, Debug)]
pub struct View {
    pub id: CollectionId,
    pub lir: Lir,
}

/// The relations that queries can name.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub tables: Vec<(CollectionId, Table)>,
    pub views: Vec<View>,
    known: Vec<Relation>,
}

impl World {
    pub fn new(tables: Vec<Table>) -> World {
        let mut world = World::default();
        for (number, table) in tables.into_iter().enumerate() {
            let id = CollectionId(number as u64 + 1);
            world.known.push(Relation {
                id,
                schema: table.schema.clone(),
                name: table.name.clone(),
                columns: table.columns.clone(),
                key: table.key.clone(),
                kind: RelationKind::Table,
                problem: None,
                indexes: table.key.clone().into_iter().collect(),
            });
            world.tables.push((id, table));
        }
        world
    }

    /// A view that later queries can name.
    pub fn add_view(&mut self, name: &str, plan: ViewPlan) {
        let id = CollectionId(1000 + self.views.len() as u64);
        self.known.push(Relation {
            id,
            schema: "public".to_owned(),
            name: name.to_owned(),
            columns: plan.columns,
            key: plan.key,
            kind: RelationKind::View,
            problem: None,
            indexes: Vec::new(),
        });
        self.views.push(View { id, lir: plan.lir });
    }

    pub fn relations(&self) -> Relations {
        Relations::new(self.known.clone())
    }

    fn table(&self, id: CollectionId) -> Option<&Table> {
        self.tables.iter().find(|(known, _)| *known == id).map(|(_, table)| table)
    }
}

/// The tables' rows at one moment.
#[derive(Clone, Debug, Default)]
pub struct Moment(pub BTreeMap<CollectionId, Bag>);

impl Moment {
    /// What leads from this moment to another one.
    pub fn changes(&self, to: &Moment) -> Vec<(CollectionId, Vec<(Row, i64)>)> {
        let mut changes = Vec::new();
        for (id, rows) in &to.0 {
            let before = self.0.get(id);
            let mut diffs = rows.clone();
            for (row, count) in before.into_iter().flatten() {
                *diffs.entry(row.clone()).or_default() -= count;
            }
            diffs.retain(|_, count| *count != 0);
            if !diffs.is_empty() {
                changes.push((*id, diffs.into_iter().collect()));
            }
        }
        changes
    }
}

/// A world at a moment, to be read. Tables have an index on their primary key.
pub struct Reading<'a> {
    pub world: &'a World,
    pub moment: &'a Moment,
}

impl Source for Reading<'_> {
    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        if let Some(view) = self.world.views.iter().find(|view| view.id == id) {
            offtake_lir::evaluate(&view.lir, self)?.iter().for_each(|(row, count)| f(row, *count));
            return Ok(());
        }
        self.moment.0[&id].iter().for_each(|(row, count)| f(row, *count));
        Ok(())
    }

    fn indexes(&self, id: CollectionId) -> Vec<Vec<usize>> {
        self.world.table(id).and_then(|table| table.key.clone()).into_iter().collect()
    }

    fn lookup(
        &self,
        id: CollectionId,
        columns: &[usize],
        key: &Row,
        f: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        let table = self.world.table(id)?;
        if table.key.as_deref() != Some(columns) {
            return None;
        }
        for (row, count) in &self.moment.0[&id] {
            let arena = Arena::new();
            let values = columns
                .iter()
                .map(|column| equality_key(table.columns[*column].ty, row.datum(*column), &arena));
            if Row::pack(values) == *key {
                f(row, *count);
            }
        }
        Some(Ok(()))
    }
}
