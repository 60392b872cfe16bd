//! Tokens, where the tokenizer's are not PostgreSQL's.

use sqlparser::{
    ast::Ident,
    tokenizer::{Location, Span, Token, TokenWithSpan, Whitespace},
};

fn is(token: &TokenWithSpan, words: &[&str]) -> bool {
    match &token.token {
        Token::Word(word) => {
            word.quote_style.is_none() && words.iter().any(|name| word.value.eq_ignore_ascii_case(name))
        }
        _ => false,
    }
}

/// PostgreSQL's tokens of a text, out of the tokenizer's: see [`operator`] and [`Gap`]. White space stays.
pub(crate) fn correct(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut corrected: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut literal: Option<(usize, Gap)> = None;
    for token in tokens {
        match (&token.token, &mut literal) {
            (Token::Whitespace(space), Some((_, gap))) => *gap = gap.then(space),
            (Token::SingleQuotedString(more), Some((place, Gap::Line))) => {
                let first = &mut corrected[*place];
                if let Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) = &mut first.token
                {
                    text.push_str(more);
                }
                first.span.end = token.span.end;
                corrected.truncate(*place + 1);
                literal = Some((*place, Gap::Blank));
                continue;
            }
            (Token::SingleQuotedString(_) | Token::NationalStringLiteral(_), _) => {
                literal = Some((corrected.len(), Gap::Blank));
            }
            _ => literal = None,
        }
        match &token.token {
            Token::CustomBinaryOperator(text) => operator(text, token.span, &mut corrected),
            _ => corrected.push(token),
        }
    }
    corrected
}

/// What stands between two string literals. If it holds a new line, and no comment in `/* */`, they are one.
#[derive(Clone, Copy)]
enum Gap {
    Blank,
    Line,
    Comment,
}

impl Gap {
    fn then(self, space: &Whitespace) -> Gap {
        match (self, space) {
            (Gap::Comment, _) | (_, Whitespace::MultiLineComment(_)) => Gap::Comment,
            (_, Whitespace::Newline | Whitespace::SingleLineComment { .. }) => Gap::Line,
            (gap, Whitespace::Space | Whitespace::Tab) => gap,
        }
    }
}

/// An operator ends in a sign only if it holds one of the characters below; else the sign is the operand's: `x>-1`. (`--` begins a
/// comment, which the tokenizer has read as an operator and more; such an operator is left as it is and is refused.)
fn operator(text: &str, span: Span, tokens: &mut Vec<TokenWithSpan>) {
    let mut name = text;
    if !text.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) && !text.contains("--") {
        name = text.trim_end_matches(['+', '-']);
    }
    if name.is_empty() || name == text {
        tokens.push(TokenWithSpan::new(Token::CustomBinaryOperator(text.to_owned()), span));
        return;
    }
    let token = match name {
        "<" => Token::Lt,
        ">" => Token::Gt,
        "<=" => Token::LtEq,
        ">=" => Token::GtEq,
        "<>" => Token::Neq,
        "<<" => Token::ShiftLeft,
        ">>" => Token::ShiftRight,
        other => Token::CustomBinaryOperator(other.to_owned()),
    };
    // Operators are ASCII and of one line: bytes are columns.
    let mut start = span.start;
    let mut push = |token, length: usize| {
        let end = Location::new(start.line, start.column + length as u64);
        tokens.push(TokenWithSpan::new(token, Span::new(start, end)));
        start = end;
    };
    push(token, name.len());
    for sign in text[name.len()..].chars() {
        push(if sign == '-' { Token::Minus } else { Token::Plus }, 1);
    }
}

/// Writes `x ISNULL` and `x NOTNULL`, which the parser takes for `x AS isnull`, as `x IS NULL` and `x IS NOT NULL`. Without quotes
/// these words name nothing but functions, what follows AS, and what follows a dot.
pub(crate) fn spell_null_tests(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is(token, &["isnull", "notnull"])) {
        return;
    }
    let read = std::mem::take(tokens);
    for (place, token) in read.iter().enumerate() {
        let named = place
            .checked_sub(1)
            .and_then(|before| read.get(before))
            .is_none_or(|before| before.token == Token::Period || is(before, &["as"]));
        let called = read.get(place + 1).is_some_and(|after| after.token == Token::LParen);
        if named || called || !is(token, &["isnull", "notnull"]) {
            tokens.push(token.clone());
            continue;
        }
        let words: &[&str] = if is(token, &["isnull"]) { &["IS", "NULL"] } else { &["IS", "NOT", "NULL"] };
        tokens.extend(words.iter().map(|word| TokenWithSpan::new(Token::make_keyword(word), token.span)));
    }
}

/// Writes the blank into `trim(leading from x)`, which the parser takes only in the long form `trim(leading ' ' from x)`.
pub(crate) fn name_what_trim_removes(tokens: &mut Vec<TokenWithSpan>) {
    let mut places = Vec::new();
    for (place, window) in tokens.windows(4).enumerate() {
        if is(&window[0], &["trim"])
            && window[1].token == Token::LParen
            && is(&window[2], &["leading", "trailing", "both"])
            && is(&window[3], &["from"])
        {
            places.push(place + 3);
        }
    }
    for place in places.into_iter().rev() {
        let span = tokens[place].span;
        tokens.insert(place, TokenWithSpan::new(Token::SingleQuotedString(" ".to_owned()), span));
    }
}

/// Writes `TABLE x` as `SELECT * FROM x`: the parser reads two tokens too many of it, and forgets the name's quotes.
pub(crate) fn spell_table(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is(token, &["table"])) {
        return;
    }
    let read = std::mem::take(tokens);
    for (place, token) in read.iter().enumerate() {
        let begins_query = place.checked_sub(1).and_then(|before| read.get(before)).is_none_or(|before| {
            matches!(before.token, Token::LParen | Token::RParen)
                || is(before, &["union", "intersect", "except", "all", "distinct"])
        });
        let named = read.get(place + 1).is_some_and(|after| matches!(after.token, Token::Word(_)));
        if !(is(token, &["table"]) && begins_query && named) {
            tokens.push(token.clone());
            continue;
        }
        let spelled = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
        tokens.extend(spelled.into_iter().map(|word| TokenWithSpan::new(word, token.span)));
    }
}

/// Between a window's name and what its frame excludes. No text has it.
const EXCLUDES: char = '\0';

/// Takes `EXCLUDE …` out of a window's definition, which the parser does not know, and puts it into the name of the window that it
/// begins with: [`base_and_exclusion`] takes the two apart.
pub(crate) fn name_what_frames_exclude(tokens: &mut Vec<TokenWithSpan>) {
    let mut open = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        match tokens[place].token {
            Token::LParen => open.push(place),
            Token::RParen => {
                open.pop();
            }
            _ => {}
        }
        let behind_frame = place > 0 && is(&tokens[place - 1], &["preceding", "following", "row"]);
        let word = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is(token, &[word]));
        let what = match () {
            () if !behind_frame || !is(&tokens[place], &["exclude"]) => None,
            () if word(place + 1, "current") && word(place + 2, "row") => Some(("current row", 3)),
            () if word(place + 1, "no") && word(place + 2, "others") => Some(("no others", 3)),
            () if word(place + 1, "group") => Some(("group", 2)),
            () if word(place + 1, "ties") => Some(("ties", 2)),
            () => None,
        };
        let closed = what.is_some_and(|(_, words)| {
            tokens.get(place + words).is_some_and(|token| token.token == Token::RParen)
        });
        let (Some((what, words)), true, Some(&start)) = (what, closed, open.last()) else {
            place += 1;
            continue;
        };
        tokens.drain(place..place + words);
        let first = &tokens[start + 1];
        let base = match &first.token {
            Token::Word(word) if !is(first, &["partition", "order", "rows", "range", "groups"]) => {
                Some(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() })
            }
            _ => None,
        };
        let name = Token::make_word(&format!("{}{EXCLUDES}{what}", base.as_deref().unwrap_or("")), Some('"'));
        let named = TokenWithSpan::new(name, first.span);
        let end = start + 1 + usize::from(base.is_some());
        let inserted = usize::from(base.is_none());
        tokens.splice(start + 1..end, [named]);
        place += inserted;
    }
}

/// The window that a definition begins with, and what its frame excludes, out of what the parser takes for the window's name.
pub(crate) fn base_and_exclusion(name: &Ident) -> (Option<Ident>, Option<String>) {
    match name.value.split_once(EXCLUDES) {
        None => (Some(name.clone()), None),
        Some(("", what)) => (None, Some(what.to_owned())),
        Some((base, what)) => (Some(Ident { value: base.to_owned(), ..name.clone() }), Some(what.to_owned())),
    }
}
