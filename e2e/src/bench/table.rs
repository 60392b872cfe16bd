//! The results as a table, on the terminal and in the documentation.

use std::{fmt::Write, fs, path::Path};

use anyhow::Context;

use super::machine::{self, Load};

/// One measurement's result.
pub struct Line {
    pub name: String,
    pub offtake: String,
    pub peer: String,
    pub ratio: Option<String>,
    pub mark: String,
    pub met: bool,
    /// The worker's peak memory in bytes.
    pub peak: Option<u64>,
}

impl Line {
    /// For the terminal, as soon as it is known.
    pub fn brief(&self) -> String {
        let ratio = self.ratio.as_ref().map(|ratio| format!(", ratio {ratio}")).unwrap_or_default();
        format!(
            "{}: {}; {}{ratio}; mark {}: {}",
            self.name,
            self.offtake,
            self.peer,
            self.mark,
            self.verdict()
        )
    }

    fn verdict(&self) -> &'static str {
        if self.met { "met" } else { "missed" }
    }
}

/// A number with commas between thousands.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn render(lines: &[Line], before: &Load, after: &Load, circumstances: &str) -> String {
    let mut text = String::from(
        "| measurement | Offtake | peer | ratio | mark | | peak memory |\n|---|---|---|---|---|---|---|\n",
    );
    for line in lines {
        let ratio = line.ratio.as_deref().unwrap_or("–");
        let peak = line
            .peak
            .map_or_else(|| "–".to_owned(), |bytes| format!("{} MiB", grouped(bytes as f64 / 1048576.0)));
        let Line { name, offtake, peer, mark, .. } = line;
        writeln!(text, "| {name} | {offtake} | {peer} | {ratio} | {mark} | {} | {peak} |", line.verdict())
            .ok();
    }
    let cores = machine::cores();
    write!(text, "\n{circumstances}. {cores} cores; load average {before} before and {after} after.\n").ok();
    text
}

const BEGIN: &str = "<!-- written by cargo xtask bench: begin -->";
const END: &str = "<!-- written by cargo xtask bench: end -->";
const PAGE: &str = "# Benchmarks

`cargo xtask bench` measures Offtake against PostgreSQL's own tools: both on one private server, in one run, on the same data. Read the
ratios, not the rates: rates are the machine's. A peer runs before and after Offtake and its better run counts. Each
measurement ends by comparing Offtake's answers with PostgreSQL's, and fails where they differ.

* **Snapshot**: from the SourceTable's manifest being written to phase Running, with other tables streaming, against
  `COPY (SELECT * FROM t) TO STDOUT (FORMAT binary)` through psql to `/dev/null`. A row is bigint, int, numeric, timestamptz, text, jsonb.
* **Backlog** and **one transaction**: made while the worker is stopped; then pg_recvlogical drains it from a slot of its own to
  `/dev/null`, and the worker is started and timed until a view (a join of two tables, with count and sum by group) is read
  at the backlog's last LSN and right. The first figure counts from the moment at which the worker's stream begins, the one in
  parentheses from the start of its process, which reads its store and computes the view again.
* **Latency**: 200 transactions a second on one connection; for each, from COMMIT's return to the answer of a read that asked for
  that LSN (`SET offtake.lsn`, then the view by a key), after one second of warming up.

Peak memory is the worker's `VmHWM`. Client, worker and PostgreSQL share the machine.
";

/// Puts the table into `docs/benchmarks.md`, in place of the last one.
pub fn publish(table: &str) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|_| format!("{PAGE}\n{BEGIN}\n{END}\n"));
    let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) =
        parts.with_context(|| format!("{} has lost its lines \"{BEGIN}\" and \"{END}\"", path.display()))?;
    fs::write(&path, format!("{head}{BEGIN}\n{table}{END}{tail}"))
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0.4, 999.0, 1000.0, 1_234_567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
