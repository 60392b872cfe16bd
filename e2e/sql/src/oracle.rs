//! PostgreSQL: a server of our own, and what it answers.

use offtake_embedded::{Binaries, Options, Server, Version};
use offtake_row::{Column, Datum, Row, RowPacker, Type, text};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, error::SqlState};

use crate::{
    answer::{Answer, Cells},
    world::{Bag, Table},
};

/// Whose semantics are kept.
const VERSION: Version = Version::Major(15);

/// A running server. It ends with this process.
pub struct Oracle {
    runtime: Runtime,
    server: Server,
}

impl Oracle {
    pub fn start() -> Oracle {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(async {
            let binaries = Binaries::find_or_fetch(&VERSION, None).await.unwrap();
            Server::start(&binaries, Options::default()).await.unwrap()
        });
        Oracle { runtime, server }
    }

    /// A new, empty database.
    pub fn database(&self, name: &str) -> Database<'_> {
        let admin = self.connect("postgres");
        admin.run(&format!("DROP DATABASE IF EXISTS \"{name}\"")).unwrap();
        admin.run(&format!("CREATE DATABASE \"{name}\"")).unwrap();
        self.connect(name)
    }

    fn connect(&self, database: &str) -> Database<'_> {
        let client = self.runtime.block_on(async {
            let text = self.server.connection_string(database);
            let (client, connection) = tokio_postgres::connect(&text, NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("SET statement_timeout = '20s'; SET jit = off").await.unwrap();
            client
        });
        Database { runtime: &self.runtime, client }
    }
}

/// A session of one database.
pub struct Database<'o> {
    runtime: &'o Runtime,
    client: Client,
}

impl Database<'_> {
    /// Runs statements whose results are not looked at.
    ///
    /// # Errors
    ///
    /// PostgreSQL's own.
    pub fn run(&self, sql: &str) -> Result<(), Answer> {
        self.runtime.block_on(self.client.batch_execute(sql)).map_err(|error| refused(&error))
    }

    /// What PostgreSQL answers.
    pub fn ask(&self, sql: &str) -> Answer {
        let asked = self.runtime.block_on(async {
            let statement = self.client.prepare(sql).await?;
            let columns = statement.columns().iter().map(|column| {
                let ty = Type::from_oid(column.type_().oid(), column.type_modifier());
                let name = ty.map_or_else(|| column.type_().name().to_owned(), |ty| ty.to_string());
                (column.name().to_owned(), name)
            });
            let columns = columns.collect();
            let messages = self.client.simple_query(sql).await?;
            Ok(Answer::Rows { columns, rows: cells(messages) })
        });
        asked.unwrap_or_else(|error| refused(&error))
    }

    /// The SQLSTATE with which PostgreSQL refuses a view of this query.
    pub fn refuses_view(&self, sql: &str) -> Option<String> {
        let made = self.run(&format!("BEGIN; CREATE VIEW refused_or_not AS {sql}"));
        self.run("ROLLBACK").unwrap();
        made.err().and_then(|error| error.state().map(str::to_owned))
    }

    fn rows(&self, sql: &str) -> Vec<Cells> {
        match self.ask(sql) {
            Answer::Rows { rows, .. } => rows,
            Answer::Error { state, message } => panic!("{sql}: {state} {message}"),
        }
    }

    /// The tables of the database, in the order in which they were made.
    pub fn tables(&self) -> Vec<Table> {
        let listed = self.rows(
            "SELECT n.nspname, c.relname, c.oid::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY c.oid",
        );
        listed.into_iter().map(|row| self.table(row)).collect()
    }

    fn table(&self, row: Cells) -> Table {
        let [schema, name, oid] = <[Option<String>; 3]>::try_from(row).unwrap().map(Option::unwrap);
        let columns = self.rows(&format!(
            "SELECT attname, atttypid::int, atttypmod, attnotnull FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 \
             ORDER BY attnum"
        ));
        let columns = columns.into_iter().map(|row| {
            let cells: Vec<String> = row.into_iter().flatten().collect();
            let ty = Type::from_oid(cells[1].parse().unwrap(), cells[2].parse().unwrap());
            Column::new(
                cells[0].clone(),
                ty.unwrap_or_else(|| panic!("{name}.{}", cells[0])),
                cells[3] == "f",
            )
        });
        let columns = columns.collect();
        let key = self.rows(&format!(
            "SELECT (k.attnum - 1)::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, n) \
             WHERE i.indrelid = {oid} AND i.indisprimary ORDER BY k.n"
        ));
        let key: Vec<usize> = key.into_iter().flatten().flatten().map(|n| n.parse().unwrap()).collect();
        Table { schema, name, columns, key: (!key.is_empty()).then_some(key) }
    }

    /// A table's rows.
    pub fn contents(&self, table: &Table) -> Bag {
        let mut bag = Bag::new();
        for cells in self.rows(&format!("SELECT * FROM \"{}\".\"{}\"", table.schema, table.name)) {
            *bag.entry(packed(&table.columns, &cells)).or_default() += 1;
        }
        bag
    }
}

fn packed(columns: &[Column], cells: &Cells) -> Row {
    let mut packer = RowPacker::new();
    for (cell, column) in cells.iter().zip(columns) {
        match cell {
            Some(written) => text::parse(column.ty, written, &mut packer).unwrap(),
            None => packer.push(Datum::Null),
        }
    }
    packer.finish()
}

fn cells(messages: Vec<SimpleQueryMessage>) -> Vec<Cells> {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

fn refused(error: &tokio_postgres::Error) -> Answer {
    let state = error.code().unwrap_or_else(|| panic!("the connection failed: {error:?}"));
    assert_ne!(*state, SqlState::QUERY_CANCELED, "PostgreSQL takes too long: {error:?}");
    let message = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    Answer::Error { state: state.code().to_owned(), message }
}
