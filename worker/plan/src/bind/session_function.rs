//! Functions that ask about the session: constants of an ad-hoc query, refused in views.

use offtake_lir::Scalar;
use offtake_row::{Datum, Type};

use super::typed::Typed;
use crate::{error::PlanError, session::Session};

/// Whether SQL calls the function without parentheses and the parser takes it for a column.
pub(super) fn without_parentheses(name: &str) -> bool {
    matches!(
        name,
        "current_schema" | "current_role" | "current_user" | "session_user" | "user" | "current_catalog"
    )
}

fn is_about_now(name: &str) -> bool {
    matches!(
        name,
        "now"
            | "transaction_timestamp"
            | "statement_timestamp"
            | "current_timestamp"
            | "current_date"
            | "localtimestamp"
            | "current_time"
            | "localtime"
            | "clock_timestamp"
            | "timeofday"
    )
}

/// Whether the answer is the same for as long as the session's user and search path are.
pub(super) fn is_lasting(name: &str) -> bool {
    !is_about_now(name)
}

/// The answer of a session function; `None` if `name` is none.
pub(super) fn answer(name: &str, session: Option<&Session>) -> Result<Option<Typed>, PlanError> {
    let about_session = matches!(
        name,
        "version"
            | "current_database"
            | "current_catalog"
            | "current_schema"
            | "current_user"
            | "current_role"
            | "session_user"
            | "user"
            | "pg_backend_pid"
    );
    let about_now = is_about_now(name);
    if matches!(
        name,
        "random" | "gen_random_uuid" | "txid_current" | "pg_current_xact_id" | "nextval" | "lastval"
    ) {
        return Err(PlanError::unsupported(
            format!("the volatile function {name}() is"),
            "every read of the same rows must give the same answer; compute the value upstream and store it",
        ));
    }
    if !about_session && !about_now {
        return Ok(None);
    }
    let Some(session) = session else {
        return Err(if about_now {
            PlanError::unsupported(
                format!("{name} in a view is"),
                "a view changes when rows change, not as time passes: compare with the time in the query that reads the view",
            )
        } else {
            PlanError::unsupported(
                format!("{name} in a view is"),
                "a view has no session: ask for it in the query that reads the view",
            )
        });
    };
    if about_now {
        let now = session
            .now
            .filter(|_| !matches!(name, "current_time" | "localtime" | "clock_timestamp" | "timeofday"));
        let Some(now) = now else {
            return Err(PlanError::unsupported(
                format!("{name} is"),
                "now() and current_date may be; or pass the time as a literal",
            ));
        };
        let ty = match name {
            "current_date" => Type::Date,
            "localtimestamp" => Type::Timestamp,
            _ => Type::Timestamptz,
        };
        let datum = match ty {
            Type::Date => {
                const DAY: i64 = 86_400_000_000;
                Datum::Date(i32::try_from(now.div_euclid(DAY)).unwrap_or(i32::MAX))
            }
            _ => Datum::Timestamp(now),
        };
        return Ok(Some(constant(datum, ty)));
    }
    let text = |text: &str| constant(Datum::Text(text), Type::Text);
    Ok(Some(match name {
        "version" => text(&session.server_version),
        "current_database" | "current_catalog" => constant(Datum::Text(&session.database), Type::Name),
        "current_schema" => match session.search_path.iter().find(|schema| schema.as_str() != "pg_catalog") {
            Some(schema) => constant(Datum::Text(schema), Type::Name),
            None => constant(Datum::Null, Type::Name),
        },
        "pg_backend_pid" => constant(Datum::Int(session.backend_pid.into()), Type::Int4),
        _ => constant(Datum::Text(&session.user), Type::Name),
    }))
}

fn constant(datum: Datum<'_>, ty: Type) -> Typed {
    Typed::known(Scalar::literal(datum, ty), ty, datum.is_null())
}
