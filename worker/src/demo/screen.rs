//! What the demo shows: progress bars while it copies, then a few lines that change every second. On a pipe, plain lines.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use indicatif::{HumanBytes, HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use offtake_contract::{Status, TablePhase};

use super::workload::Counts;
use crate::telemetry;

/// Rows read through SQL.
pub struct Rows {
    pub regions: Vec<Vec<String>>,
    pub total: Option<String>,
}

/// The terminal, or the pipe, that the demo writes to.
pub struct Screen {
    bars: MultiProgress,
    live: ProgressBar,
    terminal: bool,
}

impl Screen {
    pub fn new() -> Screen {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let terminal = !bars.is_hidden();
        if terminal {
            telemetry::beside(bars.clone());
        }
        let style =
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Screen { bars, live: ProgressBar::hidden().with_style(style), terminal }
    }

    /// One line that stays.
    pub fn say(&self, text: &str) {
        if self.terminal { self.bars.println(text).ok().unwrap_or(()) } else { println!("{text}") }
    }

    /// Bars for the copies, one a table.
    pub fn progress(&self) -> Progress<'_> {
        Progress { screen: self, bars: BTreeMap::new(), said: BTreeMap::new() }
    }

    /// The lines that change every second.
    pub fn live(
        &self,
        status: &Status,
        counts: &Counts,
        (transactions, changes): (f64, f64),
        rows: anyhow::Result<Rows>,
    ) {
        let source = &status.source;
        let lsn = source.lsn.map(|lsn| lsn.to_string()).unwrap_or_default();
        let lag = source.lag.seconds.unwrap_or_default();
        let mut text = format!(
            "{transactions:>6.0} transactions/s  {changes:>6.0} changes/s  lag {lag:.1} s, {}  exact at {lsn}  placed {} paid {} cancelled {} transfers {}",
            HumanBytes(source.lag.bytes.unwrap_or_default()),
            counts.placed.load(Ordering::Relaxed),
            counts.paid.load(Ordering::Relaxed),
            counts.cancelled.load(Ordering::Relaxed),
            counts.transfers.load(Ordering::Relaxed),
        );
        match rows {
            Ok(rows) => {
                for row in &rows.regions {
                    text.push_str(&format!(
                        "\n  {}",
                        row.iter().map(|cell| format!("{cell:>14}")).collect::<String>()
                    ));
                }
                text.push_str(&format!(
                    "\n  all accounts together: {}",
                    rows.total.as_deref().unwrap_or("?")
                ));
            }
            Err(error) => text.push_str(&format!("\n  {error:#}")),
        }
        if let Some(problem) = &source.problem {
            text.push_str(&format!("\n  {problem}"));
        }
        if self.terminal {
            if self.live.is_hidden() {
                self.bars.add(self.live.clone());
            }
            self.live.set_message(text);
            self.live.tick();
        } else {
            println!("{text}");
        }
    }

    /// The last word.
    pub fn finish_live(&self, counts: &Counts) {
        self.live.finish();
        self.say(&format!("The workload made {} transactions", HumanCount(counts.transactions())));
    }
}

/// The copies' progress.
pub struct Progress<'a> {
    screen: &'a Screen,
    bars: BTreeMap<String, ProgressBar>,
    /// On a pipe: what was said of each table last.
    said: BTreeMap<String, TablePhase>,
}

impl Progress<'_> {
    pub fn show(&mut self, status: &Status) {
        for table in &status.tables {
            let copied = table.snapshot.rows_copied;
            let estimated = table.snapshot.rows_estimated.unwrap_or(copied).max(copied).max(1);
            if self.screen.terminal {
                let bar = self.bars.entry(table.name.clone()).or_insert_with(|| {
                    let style =
                        ProgressStyle::with_template("{prefix:>14} {bar:40} {human_pos:>9} rows  {msg}")
                            .unwrap_or_else(|_| ProgressStyle::default_bar());
                    let bar = self.screen.bars.add(ProgressBar::new(estimated).with_style(style));
                    bar.set_prefix(table.name.clone());
                    bar
                });
                bar.set_length(if table.phase == TablePhase::Running { copied.max(1) } else { estimated });
                bar.set_position(copied);
                bar.set_message(format!("{:?}", table.phase));
            } else if self.said.insert(table.name.clone(), table.phase) != Some(table.phase) {
                println!(
                    "{:>14}: {:?}, {} of about {} rows",
                    table.name,
                    table.phase,
                    HumanCount(copied),
                    HumanCount(estimated)
                );
            }
        }
    }

    pub fn finish(self) {
        self.bars.into_values().for_each(|bar| bar.finish());
    }
}
