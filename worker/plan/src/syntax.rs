//! Tokens, statements' borders, and the parser's limits.
//!
//! Parsing and planning recurse as deep as a statement is nested, so both run on a thread of their own whose stack fits the statement's
//! size; the limits below keep what comes out of it shallow enough for every other thread.

mod dialect;
mod tokens;

use std::{panic, thread};

use sqlparser::{
    ast,
    parser::{Parser, ParserError},
    tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError},
};

use self::dialect::Postgres;
pub(crate) use self::tokens::base_and_exclusion;
use crate::error::PlanError;

/// Longest text of one call, in bytes.
const TEXT_LIMIT: usize = 4 << 20;
/// Most tokens of one statement.
const TOKEN_LIMIT: usize = 500_000;
/// Deepest nesting of parentheses.
const NESTING_LIMIT: usize = 200;
/// Longest way through a statement ([`way`]).
const WAY_LIMIT: usize = 20_000;
/// Statements with such a way fit the stack of any thread (2 MiB).
const SHORT_WAY: usize = 60;
/// What a token on the longest way may take of the stack, in bytes.
const STACK_A_TOKEN: usize = 24 << 10;

/// Runs `work` on a stack that fits a statement whose longest way is `way`. A panic (of a dependency) becomes an error.
pub(crate) fn on_large_stack<T: Send>(
    way: usize,
    work: impl FnOnce() -> Result<T, PlanError> + Send,
) -> Result<T, PlanError> {
    let guarded = || {
        panic::catch_unwind(panic::AssertUnwindSafe(work)).unwrap_or_else(|payload| {
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(PlanError::internal(text))
        })
    };
    if way <= SHORT_WAY {
        return guarded();
    }
    // Reserved, not used: pages are taken as the stack grows.
    let stack = (32 << 20) + way.min(WAY_LIMIT) * STACK_A_TOKEN;
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("plan".to_owned())
            .stack_size(stack)
            .spawn_scoped(scope, guarded)
            .map_err(|error| PlanError::new("53000", format!("could not start a planner thread: {error}")))?;
        worker.join().unwrap_or_else(|_| Err(PlanError::internal("the planner stopped")))
    })
}

/// The tokens of a text without white space and comments, cut at semicolons; empty statements are left out.
pub(crate) fn statements(sql: &str) -> Result<Vec<Vec<TokenWithSpan>>, PlanError> {
    if sql.len() > TEXT_LIMIT {
        return Err(PlanError::new("54000", format!("statement text of {} bytes is too long", sql.len()))
            .hint(format!("at most {TEXT_LIMIT} bytes are taken at once")));
    }
    if sql.contains('\0') {
        return Err(PlanError::syntax("invalid byte in SQL text: 0x00"));
    }
    let read = Tokenizer::new(&Postgres, sql).tokenize_with_location().map_err(tokenizer_error)?;
    let mut statements = vec![Vec::new()];
    for token in tokens::correct(read) {
        match &token.token {
            Token::Whitespace(_) => {}
            Token::SemiColon => statements.push(Vec::new()),
            _ => {
                if let Some(statement) = statements.last_mut() {
                    statement.push(token);
                }
            }
        }
    }
    statements.retain(|statement| !statement.is_empty());
    for statement in &statements {
        check_size(statement)?;
    }
    Ok(statements)
}

fn check_size(tokens: &[TokenWithSpan]) -> Result<(), PlanError> {
    let complex = |what: String| PlanError::new("54001", "statement is too complex").hint(what);
    if tokens.len() > TOKEN_LIMIT {
        return Err(complex(format!("at most {TOKEN_LIMIT} tokens are taken")));
    }
    let mut depth = 0_usize;
    for token in tokens {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_LIMIT {
            return Err(
                complex(format!("at most {NESTING_LIMIT} levels of parentheses are taken")).at(token.span)
            );
        }
    }
    if way(tokens) > WAY_LIMIT {
        return Err(complex(
            "an expression is too long: write long lists with IN or VALUES, or join with a table".to_owned(),
        ));
    }
    Ok(())
}

/// The longest way through a statement: the most tokens that lead to a token if lists are skipped to the item it stands in. No
/// syntax tree is deeper.
pub(crate) fn way(tokens: &[TokenWithSpan]) -> usize {
    // For each open level: the tokens since its last comma, and those of the levels around it.
    let mut levels = vec![(0_usize, 0_usize)];
    let mut longest = 0;
    for token in tokens {
        let Some((here, around)) = levels.last_mut() else { break };
        *here += 1;
        let total = *here + *around;
        longest = longest.max(total);
        match token.token {
            Token::Comma => *here = 0,
            Token::LParen | Token::LBracket | Token::LBrace => levels.push((0, total)),
            Token::RParen | Token::RBracket | Token::RBrace if levels.len() > 1 => {
                levels.pop();
            }
            _ => {}
        }
    }
    longest
}

fn tokenizer_error(error: TokenizerError) -> PlanError {
    let location = Span::new(error.location, error.location);
    let message = match error.message.as_str() {
        "Unterminated string literal" => "unterminated quoted string".to_owned(),
        other => other.to_owned(),
    };
    PlanError::syntax(message).at(location)
}

/// Parses one query; all tokens must be used.
pub(crate) fn query(mut tokens: Vec<TokenWithSpan>) -> Result<Box<ast::Query>, PlanError> {
    tokens::name_what_trim_removes(&mut tokens);
    tokens::spell_null_tests(&mut tokens);
    tokens::spell_table(&mut tokens);
    tokens::name_what_frames_exclude(&mut tokens);
    let last = tokens.last().map(|token| token.span.end);
    let mut parser =
        Parser::new(&Postgres).with_recursion_limit(3 * NESTING_LIMIT).with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(|error| parser_error(error, &parser, last))?;
    let next = parser.peek_token();
    if next.token == Token::EOF { Ok(query) } else { Err(near(&next.token, next.span)) }
}

fn parser_error(error: ParserError, parser: &Parser<'_>, end: Option<Location>) -> PlanError {
    match error {
        ParserError::RecursionLimitExceeded => PlanError::new("54001", "statement is nested too deeply"),
        ParserError::TokenizerError(message) => PlanError::syntax(message),
        ParserError::ParserError(message) => {
            // "Expected: X, found: Y at Line: 1, Column: 7" tells the place; PostgreSQL tells only the token.
            let (what, place) = message.split_once(" at Line: ").unwrap_or((&message, ""));
            let location = place.split_once(", Column: ").and_then(|(line, column)| {
                Some(Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?))
            });
            let found = what.split_once(", found: ").map(|(_, found)| found);
            let text = match found {
                Some("EOF") => "syntax error at end of input".to_owned(),
                Some(found) => format!("syntax error at or near \"{found}\""),
                None => format!("syntax error: {}", what.trim_start_matches("sql parser error: ")),
            };
            let next = parser.peek_token().span;
            let at = location.or_else(|| (next.start.line > 0).then_some(next.start)).or(end);
            let error = PlanError::syntax(text);
            at.map_or(error.clone(), |at| error.at(Span::new(at, at)))
        }
    }
}

pub(crate) fn near(token: &Token, span: Span) -> PlanError {
    match token {
        Token::EOF => PlanError::syntax("syntax error at end of input"),
        token => PlanError::syntax(format!("syntax error at or near \"{token}\"")),
    }
    .at(span)
}
