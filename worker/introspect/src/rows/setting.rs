//! pg_settings: the settings that sessions have, with what PostgreSQL says of those that it has too; and the words of SQL.

use std::{collections::BTreeMap, sync::LazyLock};

use offtake_row::Type;

use super::record::{Records, Value};
use crate::{
    catalog::Catalog,
    content::{lines, unescaped},
    identifier,
    moment::{Moment, Setting},
};

/// A line of `data/settings.tsv`.
struct Description {
    unit: Option<String>,
    category: String,
    short: String,
    extra: Option<String>,
    context: String,
    kind: String,
    least: Option<String>,
    most: Option<String>,
    values: Option<String>,
}

static DESCRIPTIONS: LazyLock<BTreeMap<String, Description>> = LazyLock::new(|| {
    let read = |line: &str| {
        let mut fields = line.split('\t').map(unescaped);
        let mut next = || fields.next().flatten();
        let name = next()?;
        let description = Description {
            unit: next(),
            category: next()?,
            short: next()?,
            extra: next(),
            context: next()?,
            kind: next()?,
            least: next(),
            most: next(),
            values: next(),
        };
        Some((name, description))
    };
    include_str!("../../data/settings.tsv").lines().filter_map(read).collect()
});

pub fn settings(_: &Catalog, moment: &Moment, records: &mut Records) {
    for setting in &moment.settings {
        match DESCRIPTIONS.get(&setting.name) {
            Some(description) => described(setting, description, records),
            None if setting.name.contains('.') => own(setting, records),
            // PostgreSQL shows it by SHOW only.
            None => {}
        }
    }
}

fn described(setting: &Setting, description: &Description, records: &mut Records) {
    let unit = description.unit.as_deref();
    let bare = |value: &str| in_unit(value, unit).unwrap_or_else(|| value.to_owned());
    records.add(&[
        ("name", (&setting.name).into()),
        ("setting", bare(&setting.value).into()),
        ("unit", unit.into()),
        ("category", (&description.category).into()),
        ("short_desc", (&description.short).into()),
        ("extra_desc", description.extra.as_ref().into()),
        ("context", (&description.context).into()),
        ("vartype", (&description.kind).into()),
        ("source", source(setting).into()),
        ("min_val", description.least.as_ref().into()),
        ("max_val", description.most.as_ref().into()),
        ("enumvals", description.values.clone().map_or(Value::Null, Value::Written)),
        ("boot_val", bare(&setting.default).into()),
        ("reset_val", bare(&setting.reset).into()),
        ("pending_restart", false.into()),
    ]);
}

/// A setting of Offtake's, or one that a client made up.
fn own(setting: &Setting, records: &mut Records) {
    let (category, short) = match setting.name.as_str() {
        "offtake.lsn" => ("Offtake", Some("Sets the LSN in the source's log that reads must have reached.")),
        "offtake.wait_timeout" => {
            ("Offtake", Some("Sets how long a statement waits for its LSN to become readable."))
        }
        _ => ("Customized Options", None),
    };
    records.add(&[
        ("name", (&setting.name).into()),
        ("setting", (&setting.value).into()),
        ("category", category.into()),
        ("short_desc", short.into()),
        ("context", "user".into()),
        ("vartype", "string".into()),
        ("source", source(setting).into()),
        ("boot_val", (&setting.default).into()),
        ("reset_val", (&setting.reset).into()),
        ("pending_restart", false.into()),
    ]);
}

fn source(setting: &Setting) -> &'static str {
    if setting.value != setting.reset {
        "session"
    } else if setting.reset != setting.default {
        "client"
    } else {
        "default"
    }
}

/// A number with a unit (`4MB`), as SHOW prints it, in the setting's own unit (`kB`: 4096). `None`: it has none.
fn in_unit(value: &str, unit: Option<&str>) -> Option<String> {
    const SIZES: [(&str, i64); 6] =
        [("8kB", 8 << 10), ("B", 1), ("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];
    const TIMES: [(&str, i64); 6] = [
        ("us", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("min", 60_000_000),
        ("h", 3_600_000_000),
        ("d", 86_400_000_000),
    ];
    let unit = unit?;
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').len();
    let (number, given) = value.split_at(digits);
    let number: i64 = number.parse().ok()?;
    if given.is_empty() {
        return None;
    }
    let units = if SIZES.iter().any(|(name, _)| *name == unit) { SIZES } else { TIMES };
    let of = |name: &str| units.iter().find(|(known, _)| *known == name).map(|(_, size)| *size);
    Some((number.checked_mul(of(given)?)? / of(unit)?).to_string())
}

/// What pg_get_keywords() answers.
pub fn keywords(_: &Catalog, records: &mut Records) {
    let types = [Type::Text, Type::Char, Type::Bool, Type::Text, Type::Text];
    lines(identifier::keywords(), &types).into_iter().for_each(|row| records.add_row(row));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_their_settings_unit() {
        for (value, unit, expected) in [
            ("4MB", Some("kB"), Some("4096")),
            ("4GB", Some("8kB"), Some("524288")),
            ("5s", Some("ms"), Some("5000")),
            ("0", Some("ms"), None),
            ("-1", Some("ms"), None),
            ("on", None, None),
        ] {
            assert_eq!(in_unit(value, unit).as_deref(), expected, "{value}");
        }
    }
}
