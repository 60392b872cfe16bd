//! Utility statements: everything that is not a query, read straight from its tokens.

mod cursor;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use self::cursor::{Cursor, word};
use crate::{
    error::PlanError,
    statement::{Explained, FetchCount, Query, Statement},
};

/// Words that begin statements that change something. `COPY` is told apart by its direction.
const WRITES: &[&str] = &[
    "insert", "update", "delete", "merge", "truncate", "create", "alter", "drop", "comment", "grant",
    "revoke", "refresh", "reindex", "cluster", "vacuum", "analyze", "import", "reassign", "security", "lock",
];
const SECOND_WORD: &[&str] =
    &["create", "alter", "drop", "refresh", "reassign", "import", "security", "lock"];
const UNSUPPORTED: &[&str] =
    &["prepare", "execute", "listen", "notify", "unlisten", "do", "call", "load", "checkpoint", "move"];

/// Reads one statement, whose tokens are not empty.
pub(crate) fn statement(text: &str, tokens: &[TokenWithSpan]) -> Result<Statement, PlanError> {
    let mut cursor = Cursor { tokens, next: 0 };
    let Some(first) = cursor.word() else {
        return match tokens.first().map(|token| &token.token) {
            Some(Token::LParen) => Ok(Statement::Query(Query::parse(text, tokens)?)),
            _ => Err(cursor.error()),
        };
    };
    let statement = match first.as_str() {
        "select" | "with" | "values" | "table" => return Ok(Statement::Query(Query::parse(text, tokens)?)),
        "explain" => return explain(text, cursor),
        "declare" => return declare(text, cursor),
        "show" => show(&mut cursor)?,
        "set" => set(&mut cursor)?,
        "reset" => match cursor.setting()? {
            name if name == "all" => Statement::ResetAll,
            name => Statement::Reset(name),
        },
        "begin" | "start" => {
            if !cursor.take("transaction") && first == "start" {
                return Err(cursor.error());
            }
            cursor.take("work");
            Statement::Begin { modes: cursor.modes()? }
        }
        "commit" | "end" => {
            end(&mut cursor)?;
            Statement::Commit
        }
        "rollback" | "abort" => {
            let to = end(&mut cursor)?;
            to.map_or(Statement::Rollback, Statement::RollbackToSavepoint)
        }
        "savepoint" => Statement::Savepoint(cursor.name()?),
        "release" => {
            cursor.take("savepoint");
            Statement::ReleaseSavepoint(cursor.name()?)
        }
        "discard" => Statement::Discard(match cursor.name()?.as_str() {
            what @ ("all" | "plans" | "sequences" | "temp") => what.to_owned(),
            "temporary" => "temp".to_owned(),
            _ => return Err(cursor.back().error()),
        }),
        "deallocate" => {
            cursor.take("prepare");
            Statement::Deallocate(cursor.name_or_all()?)
        }
        "close" => Statement::Close(cursor.name_or_all()?),
        "fetch" => fetch(&mut cursor)?,
        "copy" => {
            let reads = cursor.rest().iter().any(|token| word(&token.token).as_deref() == Some("to"));
            return Ok(if reads {
                Statement::Unsupported { what: "COPY TO".to_owned() }
            } else {
                Statement::Write { verb: "COPY FROM".to_owned() }
            });
        }
        verb if WRITES.contains(&verb) => {
            let mut verb = verb.to_uppercase();
            if SECOND_WORD.contains(&first.as_str()) {
                let mut second = cursor.word();
                while matches!(
                    second.as_deref(),
                    Some("or" | "replace" | "unique" | "temp" | "temporary" | "unlogged")
                ) {
                    second = cursor.word();
                }
                if let Some(second) = second {
                    verb = format!("{verb} {}", second.to_uppercase());
                }
            }
            if verb == "TRUNCATE" {
                verb.push_str(" TABLE");
            }
            return Ok(Statement::Write { verb });
        }
        other if UNSUPPORTED.contains(&other) => {
            return Ok(Statement::Unsupported { what: other.to_uppercase() });
        }
        _ => return Err(cursor.back().error()),
    };
    cursor.finish()?;
    Ok(statement)
}

fn show(cursor: &mut Cursor<'_>) -> Result<Statement, PlanError> {
    if cursor.take("transaction") {
        return if cursor.take("isolation") && cursor.take("level") {
            Ok(Statement::Show("transaction_isolation".to_owned()))
        } else {
            Err(cursor.error())
        };
    }
    if cursor.take("time") {
        return if cursor.take("zone") {
            Ok(Statement::Show("timezone".to_owned()))
        } else {
            Err(cursor.error())
        };
    }
    if cursor.take("session") {
        return if cursor.take("authorization") {
            Ok(Statement::Show("session_authorization".to_owned()))
        } else {
            Err(cursor.error())
        };
    }
    Ok(match cursor.setting()? {
        name if name == "all" => Statement::ShowAll,
        name => Statement::Show(name),
    })
}

fn set(cursor: &mut Cursor<'_>) -> Result<Statement, PlanError> {
    let start = cursor.next;
    let mut local = false;
    if cursor.take("session") {
        if cursor.take("characteristics") {
            return if cursor.take("as") && cursor.take("transaction") {
                Ok(Statement::SetTransaction { modes: cursor.modes()?, session: true })
            } else {
                Err(cursor.error())
            };
        }
        if cursor.take("authorization") {
            return cursor.unsupported("SET SESSION AUTHORIZATION");
        }
    } else if cursor.take("local") {
        local = true;
    }
    if cursor.next == start && cursor.take("transaction") {
        return Ok(Statement::SetTransaction { modes: cursor.modes()?, session: false });
    }
    if cursor.take("time") {
        if !cursor.take("zone") {
            return Err(cursor.error());
        }
        let value = match cursor.values()?.as_deref() {
            Some("local") | None => None,
            Some(zone) => Some(zone.to_owned()),
        };
        return Ok(Statement::Set { name: "timezone".to_owned(), value, local });
    }
    for (word, name) in [("names", "client_encoding"), ("schema", "search_path"), ("role", "role")] {
        if cursor.take(word) {
            // `SET names = …` would name a setting.
            return Ok(Statement::Set { name: name.to_owned(), value: cursor.values()?, local });
        }
    }
    if cursor.take("constraints") {
        return cursor.unsupported("SET CONSTRAINTS");
    }
    let name = cursor.setting()?;
    if !cursor.symbol(&Token::Eq) && !cursor.take("to") {
        return Err(cursor.error());
    }
    Ok(Statement::Set { name, value: cursor.values()?, local })
}

/// What follows COMMIT or ROLLBACK; the savepoint if there is one.
fn end(cursor: &mut Cursor<'_>) -> Result<Option<String>, PlanError> {
    if !cursor.take("work") {
        cursor.take("transaction");
    }
    if cursor.take("to") {
        cursor.take("savepoint");
        return cursor.name().map(Some);
    }
    if cursor.take("and") {
        let no = cursor.take("no");
        if !cursor.take("chain") {
            return Err(cursor.error());
        }
        if !no {
            return Err(PlanError::unsupported("AND CHAIN is", "begin the next transaction with BEGIN"));
        }
    }
    Ok(None)
}

fn fetch(cursor: &mut Cursor<'_>) -> Result<Statement, PlanError> {
    let mut count = FetchCount::Forward(1);
    if cursor.take("next") {
    } else if cursor.take("all") {
        count = FetchCount::All;
    } else if let Some(number) = cursor.number()? {
        count = FetchCount::Forward(number);
    } else if cursor.take("forward") {
        if cursor.take("all") {
            count = FetchCount::All;
        } else if let Some(number) = cursor.number()? {
            count = FetchCount::Forward(number);
        }
    } else {
        for word in ["prior", "first", "last", "absolute", "relative", "backward"] {
            if cursor.take(word) {
                return Err(PlanError::new("55000", "cursor can only scan forward")
                    .hint("declare the cursor again to read from its start"));
            }
        }
    }
    if !cursor.take("from") {
        cursor.take("in");
    }
    Ok(Statement::Fetch { name: cursor.name()?, count })
}

fn declare(text: &str, mut cursor: Cursor<'_>) -> Result<Statement, PlanError> {
    let name = cursor.name()?;
    let mut hold = false;
    loop {
        match cursor.word().as_deref() {
            Some("no") if cursor.take("scroll") => {}
            Some("binary" | "insensitive" | "asensitive" | "scroll") => {}
            Some("cursor") => break,
            _ => return Err(cursor.back().error()),
        }
    }
    if cursor.take("with") {
        hold = cursor.take("hold");
        if !hold {
            return Err(cursor.error());
        }
    } else if cursor.take("without") && !cursor.take("hold") {
        return Err(cursor.error());
    }
    if !cursor.take("for") {
        return Err(cursor.error());
    }
    Ok(Statement::Declare { name, query: Query::parse(text, cursor.rest())?, hold })
}

fn explain(text: &str, mut cursor: Cursor<'_>) -> Result<Statement, PlanError> {
    if cursor.symbol(&Token::LParen) {
        // Options, unless it is EXPLAIN (SELECT …).
        let first = cursor.rest().first().and_then(|token| word(&token.token));
        if matches!(first.as_deref(), Some("select" | "with" | "values" | "table") | None) {
            cursor.next -= 1;
        } else {
            while !cursor.symbol(&Token::RParen) {
                if cursor.rest().is_empty() {
                    return Err(cursor.error());
                }
                if cursor.take("analyze") {
                    return Err(analyze());
                }
                cursor.next += 1;
            }
        }
    }
    if cursor.take("analyze") {
        return Err(analyze());
    }
    cursor.take("verbose");
    let first = cursor.rest().first().map(|token| &token.token);
    let first_word = first.and_then(word);
    if first == Some(&Token::LParen)
        || matches!(first_word.as_deref(), Some("select" | "with" | "values" | "table"))
    {
        return Ok(Statement::Explain(Explained::Query(Query::parse(text, cursor.rest())?)));
    }
    if cursor.rest().len() > 1 && !cursor.take("view") {
        cursor.take("materialized");
        cursor.take("view");
    }
    let mut name = cursor.name()?;
    let mut schema = None;
    if cursor.symbol(&Token::Period) {
        schema = Some(name);
        name = cursor.name()?;
    }
    cursor.finish()?;
    Ok(Statement::Explain(Explained::Relation { schema, name }))
}

fn analyze() -> PlanError {
    PlanError::unsupported(
        "EXPLAIN ANALYZE is",
        "EXPLAIN shows the plan; offtake.views shows rows, memory and lag",
    )
}
