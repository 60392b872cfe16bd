//! Running a statement: everything that is not the protocol around it.

use std::sync::Arc;

use offtake_plan::{Explained, FetchCount, Query, Statement};
use offtake_row::{Column, Datum, Row, Type};
use pgwire::{error::ErrorInfo, messages::response::NoticeResponse};

use crate::{
    encode::Formats,
    error::SqlError,
    published::Published,
    settings::Settings,
    shape::Shape,
    sql::{
        Core,
        cancel::Interrupt,
        copy::CopyOut,
        now, read,
        session::{Block, Portal, PortalState, Rows, Session},
        statement::{Body, Planned, Prepared, Setting, command_columns, parse_one},
        witness::Witness,
    },
};

/// What a statement answers.
pub enum Answer {
    Empty,
    /// The command tag.
    Done(String),
    Rows(Rows),
    Copy(Box<CopyOut>, Rows),
}

/// One statement being run for one session.
pub struct Run<'a> {
    pub core: &'a Arc<Core>,
    pub session: &'a mut Session,
    pub interrupt: &'a mut Interrupt,
    pub notices: &'a mut Vec<NoticeResponse>,
}

impl Run<'_> {
    fn warn(&mut self, sqlstate: &str, message: String, hint: Option<&str>) {
        self.notices.push(warning(sqlstate, message, hint));
    }

    /// Parses a statement and, if it answers rows, plans it, so that it can be described.
    pub async fn prepare(&mut self, text: &str, declared: Vec<Option<Type>>) -> Result<Prepared, SqlError> {
        let own = text.to_owned();
        let body = self.interrupt.run(self.core.pool.run(move || parse_one(&own))).await?;
        self.refuse_if_failed(&body)?;
        let mut prepared = Prepared {
            text: text.to_owned(),
            at: now(),
            body,
            declared,
            parameters: Vec::new(),
            shape: None,
            planned: Default::default(),
        };
        let body = prepared.body.clone();
        match &body {
            Body::Query(query) => {
                let planned = self.plan(query, &prepared.declared).await?;
                prepared.parameters = planned.plan.parameters.clone();
                prepared.shape = Some(planned.shape.clone());
                if planned.plan.is_lasting {
                    prepared.planned = parking_lot::Mutex::new(Some(planned));
                }
            }
            Body::Setting(_) => {
                let columns = vec![Column::new("set_config", Type::Text, true)];
                prepared.shape = Some(Arc::new(Shape::new(columns)));
            }
            Body::Command(Statement::Fetch { name, .. }) => {
                prepared.shape = self.cursor(name)?.statement.shape.clone();
            }
            Body::Command(statement) => {
                prepared.shape = command_columns(statement).map(|columns| Arc::new(Shape::new(columns)));
            }
            Body::Empty | Body::Done(_) | Body::Copy(_) => {}
        }
        Ok(prepared)
    }

    async fn plan(&mut self, query: &Query, declared: &[Option<Type>]) -> Result<Planned, SqlError> {
        let published = self.core.publisher.current();
        let witness = self.witness();
        let (query, declared) = (query.clone(), declared.to_vec());
        let work = self.core.pool.run(move || Planned::new(&query, published, witness, &declared));
        self.interrupt.run(work).await
    }

    fn witness(&mut self) -> Witness {
        self.session.witness(self.core)
    }

    fn refuse_if_failed(&self, body: &Body) -> Result<(), SqlError> {
        let ends = matches!(
            body,
            Body::Empty
                | Body::Command(Statement::Commit | Statement::Rollback | Statement::RollbackToSavepoint(_))
        );
        if self.session.block == Block::Failed && !ends {
            return Err(SqlError::new(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    /// Runs a prepared statement with its parameters.
    pub async fn execute(&mut self, prepared: &Prepared, values: &[Row]) -> Result<Answer, SqlError> {
        self.refuse_if_failed(&prepared.body)?;
        match &prepared.body {
            Body::Empty => Ok(Answer::Empty),
            Body::Done(tag) => Ok(Answer::Done((*tag).to_owned())),
            Body::Query(query) => {
                let rows = self.query(query, prepared, values).await?;
                Ok(Answer::Rows(rows))
            }
            Body::Copy(copy) => {
                let planned = self.plan(&copy.query, &[]).await?;
                let rows = self.evaluate(planned, &[], "COPY").await?;
                Ok(Answer::Copy(Box::new(copy.clone()), rows))
            }
            Body::Setting(setting) => self.setting(setting, prepared).await,
            Body::Command(statement) => self.command(statement, prepared).await,
        }
    }

    async fn query(&mut self, query: &Query, prepared: &Prepared, values: &[Row]) -> Result<Rows, SqlError> {
        let published = self.core.publisher.current();
        let schemas = self.session.settings.schemas();
        let kept = prepared.planned.lock().clone().filter(|planned| planned.holds(&published, &schemas));
        let planned = match kept {
            Some(planned) => planned,
            None => {
                let declared: Vec<Option<Type>> = prepared.parameters.iter().copied().map(Some).collect();
                let planned = self.plan(query, &declared).await?;
                if !prepared.shape.as_ref().is_some_and(|shape| shape.is_like(&planned.shape)) {
                    return Err(SqlError::new("0A000", "cached plan must not change result type")
                        .hint("A relation that the statement reads was replaced: prepare it again."));
                }
                if planned.plan.is_lasting {
                    *prepared.planned.lock() = Some(planned.clone());
                }
                planned
            }
        };
        self.evaluate(planned, values, "SELECT").await
    }

    async fn evaluate(
        &mut self,
        planned: Planned,
        values: &[Row],
        tag: &'static str,
    ) -> Result<Rows, SqlError> {
        let plan = if planned.plan.parameters.is_empty() && values.is_empty() {
            planned.plan.clone()
        } else {
            Arc::new(planned.plan.bind(values)?)
        };
        let (rows, memory) =
            read::rows(self.core, self.session, planned.published(), plan, self.interrupt).await?;
        Ok(Rows { shape: planned.shape, rows: rows.into_iter(), tag, memory: Some(memory) })
    }

    async fn command(&mut self, statement: &Statement, prepared: &Prepared) -> Result<Answer, SqlError> {
        let done = |tag: &str| Ok(Answer::Done(tag.to_owned()));
        let answer = |rows: Vec<Row>, tag| {
            let shape = prepared.shape.clone().unwrap_or_default();
            Ok(Answer::Rows(Rows { shape, rows: rows.into_iter(), tag, memory: None }))
        };
        match statement {
            // The parser's callers take queries out before.
            Statement::Query(query) => {
                let planned = self.plan(query, &[]).await?;
                return Ok(Answer::Rows(self.evaluate(planned, &[], "SELECT").await?));
            }
            Statement::Explain(explained) => {
                let text = self.explain(explained).await?;
                let rows = text.lines().map(|line| Row::pack([Datum::Text(line)])).collect();
                answer(rows, "EXPLAIN")
            }
            Statement::Show(name) => {
                let value = self.show(name)?;
                answer(vec![Row::pack([Datum::Text(&value)])], "SHOW")
            }
            Statement::ShowAll => {
                let mut rows = Vec::new();
                for name in Settings::names() {
                    let value = self.show(name)?;
                    rows.push(Row::pack([Datum::Text(name), Datum::Text(&value), Datum::Text("")]));
                }
                answer(rows, "SHOW")
            }
            Statement::Set { name, value, local } => {
                if *local {
                    self.warn_if_alone("SET LOCAL");
                }
                self.set(name, value.as_deref(), *local).await?;
                done("SET")
            }
            Statement::SetTransaction { modes, session } => {
                if !session {
                    self.warn_if_alone("SET TRANSACTION");
                }
                self.modes(modes, !session)?;
                done("SET")
            }
            Statement::Reset(name) => {
                self.session.set(name, None, false)?;
                done("RESET")
            }
            Statement::ResetAll => {
                self.session.reset_all();
                done("RESET")
            }
            Statement::Begin { modes } => {
                if self.session.block == Block::None {
                    self.session.begin();
                } else {
                    self.warn("25001", "there is already a transaction in progress".to_owned(), None);
                }
                self.modes(modes, true)?;
                done("BEGIN")
            }
            Statement::Commit | Statement::Rollback => {
                if self.session.block == Block::None {
                    self.warn("25P01", "there is no transaction in progress".to_owned(), None);
                }
                let committed = self.session.end(matches!(statement, Statement::Commit));
                done(if committed { "COMMIT" } else { "ROLLBACK" })
            }
            Statement::Savepoint(name) => {
                self.in_transaction("SAVEPOINT")?;
                self.session.savepoint(name.clone());
                done("SAVEPOINT")
            }
            Statement::ReleaseSavepoint(name) => {
                self.in_transaction("RELEASE SAVEPOINT")?;
                self.session.release_savepoint(name)?;
                done("RELEASE")
            }
            Statement::RollbackToSavepoint(name) => {
                self.in_transaction("ROLLBACK TO SAVEPOINT")?;
                self.session.rollback_to(name)?;
                done("ROLLBACK")
            }
            Statement::Discard(what) => {
                if what == "all" {
                    if self.session.block != Block::None {
                        return Err(SqlError::new(
                            "25001",
                            "DISCARD ALL cannot run inside a transaction block",
                        ));
                    }
                    self.session.reset_all();
                    self.session.statements.clear();
                    self.session.portals.clear();
                }
                Ok(Answer::Done(format!("DISCARD {}", what.to_uppercase())))
            }
            Statement::Deallocate(None) => {
                self.session.statements.retain(|name, _| name.is_empty());
                done("DEALLOCATE ALL")
            }
            Statement::Deallocate(Some(name)) => {
                if self.session.statements.remove(name).is_none() {
                    return Err(SqlError::new(
                        "26000",
                        format!("prepared statement \"{name}\" does not exist"),
                    ));
                }
                done("DEALLOCATE")
            }
            Statement::Declare { name, query, hold } => {
                self.declare(name, query, *hold).await?;
                done("DECLARE CURSOR")
            }
            Statement::Fetch { name, count } => self.fetch(name, *count),
            Statement::Close(None) => {
                self.session.portals.retain(|_, portal| !portal.cursor);
                done("CLOSE CURSOR ALL")
            }
            Statement::Close(Some(name)) => {
                if self.session.portals.remove(name).is_none() {
                    return Err(no_cursor(name));
                }
                done("CLOSE CURSOR")
            }
            Statement::Write { verb } => Err(SqlError::new(
                "25006",
                format!("cannot execute {verb} in a read-only transaction"),
            )
            .hint("Tables follow their upstream and views follow their tables: write upstream, or change the SourceTable or View that defines the relation.")),
            Statement::Unsupported { what } => {
                Err(SqlError::unsupported(format!("{what} is not supported"), "Offtake answers queries; see its documentation for the statements that it knows."))
            }
        }
    }

    fn warn_if_alone(&mut self, what: &str) {
        if self.session.is_alone() {
            self.warn("25P01", format!("{what} can only be used in transaction blocks"), None);
        }
    }

    fn in_transaction(&self, what: &str) -> Result<(), SqlError> {
        if self.session.block == Block::None {
            return Err(SqlError::new("25P01", format!("{what} can only be used in transaction blocks")));
        }
        Ok(())
    }

    /// Transaction modes. Every transaction is a read of one LSN, so every isolation level is kept; READ WRITE changes nothing.
    fn modes(&mut self, modes: &[String], local: bool) -> Result<(), SqlError> {
        for mode in modes {
            if let Some(level) = mode.strip_prefix("isolation level ") {
                self.session.set("transaction_isolation", Some(level), local)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, name: &str) -> Result<String, SqlError> {
        let readable = self.core.results.current().time();
        Ok(self.session.show(name, &self.core.server_version, readable)?.1)
    }

    /// SET. Where it is `offtake.lsn`, it waits until that is readable, so that the error is here and not in a later query.
    async fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<(), SqlError> {
        let before = self.session.settings.lsn;
        self.session.set(name, value, local)?;
        if crate::settings::canonical(name) == "offtake.lsn"
            && self.session.pin.is_none()
            && let Some(wanted) = self.session.settings.lsn
            && let Err(error) = read::wait(self.core, self.session, wanted, self.interrupt).await
        {
            let before = before.map(|lsn| lsn.to_string()).unwrap_or_default();
            self.session.set(name, Some(&before), local)?;
            return Err(error);
        }
        Ok(())
    }

    async fn setting(&mut self, setting: &Setting, prepared: &Prepared) -> Result<Answer, SqlError> {
        self.set(&setting.name, Some(&setting.value), setting.local).await?;
        let value = self.show(&setting.name)?;
        let row = Row::pack([Datum::Text(&value)]);
        let shape = prepared.shape.clone().unwrap_or_default();
        Ok(Answer::Rows(Rows { shape, rows: vec![row].into_iter(), tag: "SELECT", memory: None }))
    }

    async fn explain(&mut self, explained: &Explained) -> Result<String, SqlError> {
        match explained {
            Explained::Query(query) => Ok(self.plan(query, &[]).await?.plan.explain()),
            Explained::Relation { schema, name } => {
                let published = self.core.publisher.current();
                let schemas = offtake_introspect::search_path(&self.session.settings.schemas());
                explain_relation(&published, &schemas, schema.as_deref(), name)
            }
        }
    }

    fn cursor(&self, name: &str) -> Result<&Portal, SqlError> {
        self.session.portals.get(name).filter(|portal| portal.cursor).ok_or_else(|| no_cursor(name))
    }

    async fn declare(&mut self, name: &str, query: &Query, hold: bool) -> Result<(), SqlError> {
        if self.session.block == Block::None && !hold {
            return Err(SqlError::new("25P01", "DECLARE CURSOR can only be used in transaction blocks"));
        }
        if self.session.portals.contains_key(name) {
            return Err(SqlError::new("42P03", format!("cursor \"{name}\" already exists")));
        }
        let planned = self.plan(query, &[]).await?;
        let statement = Prepared {
            text: query.sql().to_owned(),
            at: now(),
            body: Body::Query(query.clone()),
            declared: Vec::new(),
            parameters: Vec::new(),
            shape: Some(planned.shape.clone()),
            planned: Default::default(),
        };
        let rows = self.evaluate(planned, &[], "FETCH").await?;
        let portal = Portal {
            statement: Arc::new(statement),
            values: Vec::new(),
            formats: Formats::TEXT,
            state: PortalState::Running(rows),
            hold,
            cursor: true,
        };
        self.session.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    fn fetch(&mut self, name: &str, count: FetchCount) -> Result<Answer, SqlError> {
        self.cursor(name)?;
        let count = match count {
            FetchCount::Forward(count) => usize::try_from(count).unwrap_or(usize::MAX),
            FetchCount::All => usize::MAX,
        };
        match self.session.portals.get_mut(name).map(|portal| &mut portal.state) {
            Some(PortalState::Running(rows)) => {
                let some: Vec<Row> = rows.rows.by_ref().take(count).collect();
                Ok(Answer::Rows(Rows {
                    shape: rows.shape.clone(),
                    rows: some.into_iter(),
                    tag: "FETCH",
                    memory: None,
                }))
            }
            _ => Err(no_cursor(name)),
        }
    }
}

fn no_cursor(name: &str) -> SqlError {
    SqlError::new("34000", format!("cursor \"{name}\" does not exist"))
}

fn explain_relation(
    published: &Published,
    schemas: &[String],
    schema: Option<&str>,
    name: &str,
) -> Result<String, SqlError> {
    let relation = published.relations.lookup(schemas, schema, name).ok_or_else(|| {
        let shown = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
        SqlError::new("42P01", format!("relation \"{shown}\" does not exist"))
    })?;
    Ok(match published.views.get(&relation.id) {
        Some(view) => view.plan.clone(),
        None if relation.kind == offtake_plan::RelationKind::System => {
            format!("Status {}.{}", relation.schema, relation.name)
        }
        None => format!("Table {}.{} (kept from the change stream)", relation.schema, relation.name),
    })
}

/// A WARNING for the client.
pub fn warning(sqlstate: &str, message: String, hint: Option<&str>) -> NoticeResponse {
    let mut info = ErrorInfo::new("WARNING".to_owned(), sqlstate.to_owned(), message);
    info.severity_nonlocalized = Some("WARNING".to_owned());
    info.hint = hint.map(str::to_owned);
    info.into()
}
