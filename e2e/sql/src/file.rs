//! Files of queries, in the spirit of sqllogictest. The answers are PostgreSQL's, so none are written.
//!
//! Blocks are separated by empty lines; lines that begin with `#` are comments.
//!
//! ```text
//! setup                    what makes the tables
//! step                     statements that change rows; queries are asked after the setup and after each step
//! view NAME                a view that queries can read
//! query [NOTE]…            one query
//! queries [NOTE]…          one query a line
//! ```
//!
//! Notes: `ordered` (the rows' order counts), `refused STATE` (what Offtake does not answer), `view refused STATE` (what it does not keep),
//! `beyond` (PostgreSQL refuses it with 0A000), `eager` (it may raise an error that PostgreSQL's plan does not come across), `lazy` (the other way round), `broken` (wrong today). A note
//! that is not true any more fails the test.

/// One query with what is said of it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub sql: String,
    /// Of the file.
    pub line: usize,
    pub notes: Notes,
}

#[derive(Clone, Debug, Default)]
pub struct Notes {
    pub ordered: bool,
    pub refused: Option<String>,
    pub view_refused: Option<String>,
    pub eager: bool,
    pub lazy: bool,
    pub beyond: bool,
    pub broken: bool,
}

/// A file.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub setup: Vec<String>,
    pub steps: Vec<String>,
    /// Name and query.
    pub views: Vec<(String, String)>,
    pub cases: Vec<Case>,
}

impl Script {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Script {
        let mut script = Script::default();
        let mut block: Vec<(usize, &str)> = Vec::new();
        for (number, line) in text.lines().chain([""]).enumerate() {
            if line.starts_with('#') {
                continue;
            }
            if !line.trim().is_empty() {
                block.push((number + 1, line));
            } else if !block.is_empty() {
                script.block(&std::mem::take(&mut block));
            }
        }
        script
    }

    fn block(&mut self, lines: &[(usize, &str)]) {
        let (number, head) = lines[0];
        let body = || lines[1..].iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
        let mut words = head.split_whitespace();
        match words.next() {
            Some("setup") => self.setup.push(body()),
            Some("step") => self.steps.push(body()),
            Some("view") => self.views.push((words.next().unwrap().to_owned(), body())),
            Some("query") => {
                self.cases.push(Case { sql: body(), line: number, notes: notes(words, number) });
            }
            Some("queries") => {
                let notes = notes(words, number);
                let case = |(line, sql): &(usize, &str)| Case {
                    sql: (*sql).to_owned(),
                    line: *line,
                    notes: notes.clone(),
                };
                self.cases.extend(lines[1..].iter().map(case));
            }
            other => panic!("line {number}: a block of kind {other:?}"),
        }
    }
}

fn notes<'w>(mut words: impl Iterator<Item = &'w str>, line: usize) -> Notes {
    let mut notes = Notes::default();
    while let Some(word) = words.next() {
        let state = |words: &mut dyn Iterator<Item = &'w str>| words.next().map(str::to_owned);
        match word {
            "ordered" => notes.ordered = true,
            "eager" => notes.eager = true,
            "lazy" => notes.lazy = true,
            "beyond" => notes.beyond = true,
            "broken" => notes.broken = true,
            "refused" => notes.refused = state(&mut words),
            "view" if words.next() == Some("refused") => notes.view_refused = state(&mut words),
            other => panic!("line {line}: a note {other}"),
        }
    }
    notes
}
