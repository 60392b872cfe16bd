//! The extended query protocol: Parse, Bind, Describe, Execute, Close.

use std::{sync::Arc, time::Instant};

use offtake_introspect::Functions;
use offtake_row::{Datum, Row, RowPacker, Type, binary, text};
use pgwire::messages::{
    PgWireBackendMessage,
    data::{FORMAT_CODE_BINARY, NoData, ParameterDescription},
    extendedquery::{
        Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
        TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
    },
    response::EmptyQueryResponse,
};

use crate::{
    encode::{Formats, row_description},
    error::{Failure, SqlError},
    sql::{
        command::Answer,
        connection::Connection,
        session::{Portal, PortalState},
        statement::{Body, Prepared, declared_types},
    },
};

impl Connection {
    pub(super) async fn parse(&mut self, message: Parse) -> Result<(), Failure> {
        let name = message.name.unwrap_or_default();
        if !name.is_empty() && self.session.statements.contains_key(&name) {
            return Err(
                SqlError::new("42P05", format!("prepared statement \"{name}\" already exists")).into()
            );
        }
        self.begins(&message.query);
        let declared = declared_types(&message.type_oids)?;
        let mut interrupt = self.interrupt();
        let prepared = self.run(&mut interrupt).prepare(&message.query, declared).await?;
        self.session.statements.insert(name, Arc::new(prepared));
        self.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await
    }

    pub(super) async fn bind(&mut self, message: Bind) -> Result<(), Failure> {
        let statement = self.named_statement(message.statement_name.as_deref().unwrap_or_default())?;
        let portal = message.portal_name.unwrap_or_default();
        if !portal.is_empty() && self.session.portals.contains_key(&portal) {
            return Err(SqlError::new("42P03", format!("cursor \"{portal}\" already exists")).into());
        }
        let expected = statement.parameters.len();
        if message.parameters.len() != expected {
            return Err(SqlError::protocol(format!(
                "bind message supplies {} parameters, but the prepared statement requires {expected}",
                message.parameters.len()
            ))
            .into());
        }
        let formats = Formats::new(&message.parameter_format_codes, expected, "parameter")?;
        let names = statement.parameters.iter().any(|ty| ty.is_object()).then(|| {
            let published = self.core.publisher.current();
            self.session.witness(&self.core).functions(&published)
        });
        let mut values = Vec::with_capacity(expected);
        for (index, (value, ty)) in message.parameters.iter().zip(&statement.parameters).enumerate() {
            values.push(parameter(index, *ty, formats.code(index), value.as_deref(), names.as_ref())?);
        }
        let columns = statement.shape.as_ref().map_or(0, |shape| shape.columns.len());
        let formats = Formats::new(&message.result_column_format_codes, columns, "result column")?;
        self.session.portals.insert(
            portal,
            Portal { statement, values, formats, state: PortalState::Ready, hold: false, cursor: false },
        );
        self.feed(PgWireBackendMessage::BindComplete(BindComplete::new())).await
    }

    pub(super) async fn describe(&mut self, message: Describe) -> Result<(), Failure> {
        let name = message.name.unwrap_or_default();
        let (statement, formats) = match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                let statement = self.named_statement(&name)?;
                let types = statement.parameters.iter().map(|ty| ty.oid()).collect();
                let description = ParameterDescription::new(types);
                self.feed(PgWireBackendMessage::ParameterDescription(description)).await?;
                (statement, Formats::TEXT)
            }
            TARGET_TYPE_BYTE_PORTAL => {
                let portal = self.session.portals.get(&name).ok_or_else(|| no_portal(&name))?;
                (portal.statement.clone(), portal.formats.clone())
            }
            other => {
                return Err(SqlError::protocol(format!("invalid DESCRIBE message subtype {other}")).into());
            }
        };
        match &statement.shape {
            Some(shape) => {
                let description = row_description(shape, &formats);
                self.feed(PgWireBackendMessage::RowDescription(description)).await
            }
            None => self.feed(PgWireBackendMessage::NoData(NoData::new())).await,
        }
    }

    pub(super) async fn execute(&mut self, message: Execute) -> Result<(), Failure> {
        let started = Instant::now();
        let name = message.name.unwrap_or_default();
        let limit = usize::try_from(message.max_rows).ok().filter(|rows| *rows > 0).unwrap_or(usize::MAX);
        let done = self.execute_portal(&name, limit).await;
        self.core.metrics.statement(started, done.is_ok());
        done
    }

    async fn execute_portal(&mut self, name: &str, limit: usize) -> Result<(), Failure> {
        // The portal is taken out while it runs: COMMIT, DISCARD and CLOSE change the map.
        let mut portal = self.session.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let mut interrupt = self.interrupt();
        self.begins(&portal.statement.text);
        if matches!(portal.state, PortalState::Ready) {
            let answer = self.run(&mut interrupt).execute(&portal.statement, &portal.values).await?;
            self.changed().await?;
            match answer {
                Answer::Rows(rows) => portal.state = PortalState::Running(rows),
                Answer::Empty => {
                    self.session.portals.insert(name.to_owned(), portal);
                    return self
                        .feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))
                        .await;
                }
                Answer::Done(tag) => {
                    portal.state = PortalState::Finished;
                    // What ends a transaction ends its portals.
                    if !matches!(portal.statement.body, Body::Command(_)) || self.session.pin.is_some() {
                        self.session.portals.insert(name.to_owned(), portal);
                    }
                    return self.complete(tag).await;
                }
                Answer::Copy(copy, rows) => {
                    portal.state = PortalState::Finished;
                    self.session.portals.insert(name.to_owned(), portal);
                    return self.copy_out(&copy, rows, &mut interrupt).await;
                }
            }
        }
        let PortalState::Running(rows) = &mut portal.state else {
            return Err(SqlError::new("55000", format!("portal \"{name}\" cannot be run")).into());
        };
        let sent = self.send_rows(rows, &portal.formats, limit, &mut interrupt).await?;
        let (tag, more) = (rows.tag, !rows.rows.as_slice().is_empty());
        self.session.portals.insert(name.to_owned(), portal);
        if more {
            self.feed(PgWireBackendMessage::PortalSuspended(PortalSuspended::new())).await
        } else {
            self.complete_rows(tag, sent).await
        }
    }

    pub(super) async fn close(&mut self, message: Close) -> Result<(), Failure> {
        let name = message.name.unwrap_or_default();
        match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => drop(self.session.statements.remove(&name)),
            TARGET_TYPE_BYTE_PORTAL => drop(self.session.portals.remove(&name)),
            other => return Err(SqlError::protocol(format!("invalid CLOSE message subtype {other}")).into()),
        }
        self.feed(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await
    }

    fn named_statement(&self, name: &str) -> Result<Arc<Prepared>, SqlError> {
        self.session.statements.get(name).cloned().ok_or_else(|| {
            if name.is_empty() {
                SqlError::new("26000", "unnamed prepared statement does not exist")
            } else {
                SqlError::new("26000", format!("prepared statement \"{name}\" does not exist"))
            }
        })
    }
}

fn no_portal(name: &str) -> SqlError {
    SqlError::new("34000", format!("portal \"{name}\" does not exist"))
}

/// Reads a parameter's value into a row of one datum.
fn parameter(
    index: usize,
    ty: Type,
    format: i16,
    value: Option<&[u8]>,
    names: Option<&Functions>,
) -> Result<Row, SqlError> {
    let mut packer = RowPacker::new();
    let Some(value) = value else { return Ok(Row::pack([Datum::Null])) };
    let context = |error: SqlError| error.detail(format!("In the value of parameter ${}.", index + 1));
    if format == FORMAT_CODE_BINARY {
        binary::read_parameter(ty, value, &mut packer)
            .map_err(|error| context(SqlError::new(error.sqlstate(), error.to_string())))?;
    } else {
        let value = std::str::from_utf8(value)
            .map_err(|_| context(SqlError::new("22021", "invalid byte sequence for encoding \"UTF8\"")))?;
        if let Some(number) = names.and_then(|names| names.number(ty, value)) {
            return Ok(Row::pack([Datum::Int(number.map_err(|error| context(error.into()))?)]));
        }
        text::parse(ty, value, &mut packer)
            .map_err(|error| context(SqlError::new(error.sqlstate(), error.to_string())))?;
    }
    Ok(packer.finish())
}
