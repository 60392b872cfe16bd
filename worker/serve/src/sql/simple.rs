//! The simple query protocol: a string of statements, answered in text.

use std::time::Instant;

use pgwire::messages::{
    PgWireBackendMessage,
    copy::{CopyData, CopyDone, CopyOutResponse},
    response::{CommandComplete, EmptyQueryResponse},
};

use crate::{
    encode::{Formats, row_description},
    error::{Failure, SqlError},
    lexer,
    sql::{command::Answer, connection::Connection, copy::CopyOut, session::Rows},
};

impl Connection {
    /// Runs the statements of a Query message one after the other, as one implicit transaction, until one fails.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<(), Failure> {
        let statements = lexer::statements(sql);
        if statements.is_empty() {
            self.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        self.session.several = statements.len() > 1;
        for (start, text) in statements {
            let before = sql[..start].chars().count();
            let started = Instant::now();
            let done = self.statement(text).await;
            self.core.metrics.statement(started, done.is_ok());
            done.map_err(|failure| match failure {
                Failure::Sql(error) => Failure::from(error.after(before)),
                gone => gone,
            })?;
        }
        Ok(())
    }

    async fn statement(&mut self, text: &str) -> Result<(), Failure> {
        let mut interrupt = self.interrupt();
        let prepared = self.run(&mut interrupt).prepare(text, Vec::new()).await?;
        if let Some(count) = Some(prepared.parameters.len()).filter(|count| *count > 0) {
            return Err(SqlError::new("42P02", format!("there is no parameter ${count}"))
                .hint("Parameters need the extended protocol: prepare the statement in a driver.")
                .into());
        }
        let answer = self.run(&mut interrupt).execute(&prepared, &[]).await?;
        self.changed().await?;
        match answer {
            Answer::Empty => {
                self.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?
            }
            Answer::Done(tag) => self.complete(tag).await?,
            Answer::Rows(mut rows) => {
                let description = row_description(&rows.shape, &Formats::TEXT);
                self.feed(PgWireBackendMessage::RowDescription(description)).await?;
                let sent = self.send_rows(&mut rows, &Formats::TEXT, usize::MAX, &mut interrupt).await?;
                self.complete_rows(rows.tag, sent).await?;
            }
            Answer::Copy(copy, rows) => self.copy_out(&copy, rows, &mut interrupt).await?,
        }
        Ok(())
    }

    pub(super) async fn copy_out(
        &mut self,
        copy: &CopyOut,
        rows: Rows,
        interrupt: &mut super::cancel::Interrupt,
    ) -> Result<(), Failure> {
        let codes = vec![copy.code(); rows.shape.columns.len()];
        let response = CopyOutResponse::new(copy.code() as i8, codes.len() as i16, codes);
        self.feed(PgWireBackendMessage::CopyOutResponse(response)).await?;
        if let Some(start) = copy.start(&rows.shape) {
            self.feed(PgWireBackendMessage::CopyData(CopyData::new(start))).await?;
        }
        let mut sent = 0;
        for row in rows.rows {
            let data = CopyData::new(copy.row(&rows.shape, &row));
            self.feed_unless(PgWireBackendMessage::CopyData(data), interrupt).await?;
            sent += 1;
        }
        if let Some(end) = copy.end() {
            self.feed(PgWireBackendMessage::CopyData(CopyData::new(end))).await?;
        }
        self.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
        self.complete_rows("COPY", sent).await
    }

    pub(super) async fn complete(&mut self, tag: String) -> Result<(), Failure> {
        self.feed(PgWireBackendMessage::CommandComplete(CommandComplete::new(tag))).await
    }

    /// EXPLAIN and SHOW have no count in their tags.
    pub(super) async fn complete_rows(&mut self, tag: &'static str, rows: usize) -> Result<(), Failure> {
        let tag = if matches!(tag, "EXPLAIN" | "SHOW") { tag.to_owned() } else { format!("{tag} {rows}") };
        self.complete(tag).await
    }
}
