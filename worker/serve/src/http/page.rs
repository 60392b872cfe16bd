//! The page at `/`: what a newcomer wants to see, made on the server, without scripts.

use std::{fmt::Write, net::SocketAddr};

use offtake_contract::{Problem, SourcePhase, Status, TablePhase, ViewPhase};

const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code { background: #8882; padding: .1rem .3rem; border-radius: .2rem; }
.good { color: #2a7d3f; } .wait { color: #a36a00; } .bad { color: #c0322b; }
.why { color: #c0322b; } .why small { color: inherit; opacity: .85; } progress { width: 8rem; }
";

/// The whole page.
pub fn render(status: &Status, version: &str, sql: SocketAddr) -> String {
    let mut page = String::new();
    write_page(&mut page, status, version, sql).expect("writing to a String does not fail");
    page
}

fn write_page(page: &mut String, status: &Status, version: &str, sql: SocketAddr) -> std::fmt::Result {
    let source = &status.source;
    write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=2>\
         <meta name=viewport content=\"width=device-width\"><title>Offtake</title><style>{STYLE}</style>\
         <h1>Offtake {}</h1><p>SQL: <code>psql -h {} -p {} -U offtake -d offtake</code> · \
         <a href=/v1/status>status as JSON</a> · <a href=/metrics>metrics</a></p>",
        escape(version),
        sql.ip(),
        sql.port(),
    )?;
    if status.generation == 0 {
        return page.write_str("<p class=wait>No catalog was taken up yet.</p>");
    }
    let class = match source.phase {
        SourcePhase::Streaming => "good",
        SourcePhase::Failed => "bad",
        _ => "wait",
    };
    write!(
        page,
        "<h2>Source {}</h2><table><tr><th>Phase<th>Readable LSN<th class=n>Lag<th>Slot<th class=n>Kept upstream\
         <th class=n>Transactions<th class=n>Changes<tr><td class={class}>{:?}<td>{}<td class=n>{}<td>{}<td class=n>{}\
         <td class=n>{}<td class=n>{}</table>",
        escape(&source.object),
        source.phase,
        source.lsn.map(|lsn| lsn.to_string()).unwrap_or_default(),
        lag(status),
        escape(&source.slot.name),
        source.slot.retained_bytes.map(bytes).unwrap_or_default(),
        grouped(source.transactions_applied),
        grouped(source.changes_applied),
    )?;
    why(page, &source.problem)?;

    page.write_str(
        "<h2>Tables</h2><table><tr><th>Table<th>Upstream<th>Phase<th class=n>Rows<th class=n>Memory<th>",
    )?;
    for table in &status.tables {
        let class = match table.phase {
            TablePhase::Running => "good",
            TablePhase::Pending | TablePhase::Snapshotting => "wait",
            TablePhase::SchemaAltered | TablePhase::Failed => "bad",
        };
        write!(
            page,
            "<tr><td>{}.{}<td>{}<td class={class}>{:?}<td class=n>{}<td class=n>{}<td>",
            escape(&table.schema),
            escape(&table.name),
            escape(&table.upstream),
            table.phase,
            table.rows.map(grouped).unwrap_or_default(),
            table.memory_bytes.map(bytes).unwrap_or_default(),
        )?;
        if table.phase == TablePhase::Snapshotting {
            let copied = table.snapshot.rows_copied;
            match table.snapshot.rows_estimated.filter(|rows| *rows > 0) {
                Some(estimated) => write!(
                    page,
                    "<progress max={} value={copied}></progress> {} of about {}",
                    estimated.max(copied),
                    grouped(copied),
                    grouped(estimated)
                )?,
                None => write!(page, "{} rows copied", grouped(copied))?,
            }
        }
        why(page, &table.problem)?;
        for drift in &table.drift {
            let class = if drift.breaking { "bad" } else { "wait" };
            write!(page, "<div class={class}>{:?}: {}</div>", drift.change, escape(&drift.message))?;
        }
    }

    page.write_str("</table><h2>Views</h2><table><tr><th>View<th>Phase<th class=n>Rows<th class=n>Memory<th class=n>Rows in error<th>")?;
    for view in &status.views {
        let class = match view.phase {
            ViewPhase::Running if view.errors == 0 => "good",
            ViewPhase::Pending | ViewPhase::Hydrating => "wait",
            _ => "bad",
        };
        write!(
            page,
            "<tr><td>{}.{}<td class={class}>{:?}<td class=n>{}<td class=n>{}<td class=n>{}<td>",
            escape(&view.schema),
            escape(&view.name),
            view.phase,
            view.rows.map(grouped).unwrap_or_default(),
            view.memory_bytes.map(bytes).unwrap_or_default(),
            if view.errors > 0 { grouped(view.errors) } else { String::new() },
        )?;
        why(page, &view.problem)?;
    }
    page.write_str("</table></html>")
}

fn why(page: &mut String, problem: &Option<Problem>) -> std::fmt::Result {
    let Some(problem) = problem else { return Ok(()) };
    write!(
        page,
        "<div class=why>{}: {}<br><small>{}</small></div>",
        escape(&problem.reason),
        escape(&problem.message),
        escape(&problem.remedy)
    )
}

fn lag(status: &Status) -> String {
    let lag = &status.source.lag;
    let seconds = lag.seconds.map(|seconds| format!("{seconds:.1} s"));
    let size = lag.bytes.map(bytes);
    seconds.into_iter().chain(size).collect::<Vec<_>>().join(", ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let mut status = Status { generation: 1, ..Status::default() };
        status.source.object = "<script>".to_owned();
        status.source.problem = Some(Problem::new("X", "a & b", ""));
        let page = render(&status, "0.1.0", "127.0.0.1:7654".parse().expect("is an address"));
        assert!(!page.contains("<script>") && page.contains("a &amp; b") && page.contains("-p 7654"));
        assert_eq!((grouped(1_234_567), bytes(1536)), ("1,234,567".to_owned(), "1.5 KiB".to_owned()));
    }
}
