//! Templates of dates and times, cut into their parts. Source: `parse_format` and `DCH_keywords`.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part<'t> {
    Field(Field),
    /// A character outside of quotes that is neither letter nor digit, but no blank.
    Separator(&'t str),
    Blank(&'t str),
    /// Any other character.
    Char(&'t str),
}

/// A pattern with what stands around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field {
    pub key: Key,
    /// The pattern as the table of keywords has it.
    pub name: &'static str,
    /// `FM` before it.
    pub fill: bool,
    /// `TM` before it: the locale's words, which are the English ones, as long as they are.
    pub local: bool,
    /// `TH` behind it.
    pub ordinal_upper: bool,
    /// `th` behind it.
    pub ordinal_lower: bool,
}

impl Field {
    pub fn is_ordinal(self) -> bool {
        self.ordinal_upper || self.ordinal_lower
    }
}

/// What a pattern stands for. `(upper)` tells how letters are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
    /// `AM`, `PM`; dotted is `A.M.`.
    Noon {
        upper: bool,
        dotted: bool,
    },
    /// `AD`, `BC`; dotted is `A.D.`.
    Era {
        upper: bool,
        dotted: bool,
    },
    Century,
    Day(Case),
    ShortDay(Case),
    Month(Case),
    ShortMonth(Case),
    DayOfYear,
    DayOfMonth,
    DayOfWeek,
    /// `FF1` ..= `FF6`, `MS`, `US`: how many digits.
    Fraction(u8),
    Millis,
    Micros,
    Exact,
    Hour24,
    Hour12,
    IsoDayOfYear,
    IsoDayOfWeek,
    IsoWeek,
    /// With how many digits.
    IsoYear(u8),
    Julian,
    Minute,
    MonthNumber,
    Offset,
    Quarter,
    Roman {
        upper: bool,
    },
    SecondOfDay,
    Second,
    ZoneHour,
    ZoneMinute,
    Zone {
        upper: bool,
    },
    Week,
    WeekOfMonth,
    /// `Y,YYY`.
    YearWithComma,
    /// With how many digits.
    Year(u8),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

impl Case {
    pub fn of(self, word: &str) -> String {
        match self {
            Case::Upper => word.to_ascii_uppercase(),
            Case::Title => word.to_owned(),
            Case::Lower => word.to_ascii_lowercase(),
        }
    }
}

/// A calendar that a pattern belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Calendar {
    Gregorian,
    IsoWeek,
}

impl Key {
    /// Whether it is read as a number, so that a number before it may not be longer than its pattern.
    pub fn is_digit(self) -> bool {
        !matches!(
            self,
            Key::Noon { .. }
                | Key::Era { .. }
                | Key::Day(_)
                | Key::ShortDay(_)
                | Key::Month(_)
                | Key::ShortMonth(_)
                | Key::Exact
                | Key::Offset
                | Key::Roman { .. }
                | Key::ZoneHour
                | Key::Zone { .. }
        )
    }

    pub fn calendar(self) -> Option<Calendar> {
        match self {
            Key::DayOfYear
            | Key::DayOfMonth
            | Key::DayOfWeek
            | Key::MonthNumber
            | Key::Month(_)
            | Key::ShortMonth(_)
            | Key::Roman { .. }
            | Key::Week
            | Key::WeekOfMonth
            | Key::YearWithComma
            | Key::Year(_) => Some(Calendar::Gregorian),
            Key::IsoDayOfYear | Key::IsoDayOfWeek | Key::IsoWeek | Key::IsoYear(_) => Some(Calendar::IsoWeek),
            Key::Noon { .. }
            | Key::Era { .. }
            | Key::Century
            | Key::Day(_)
            | Key::ShortDay(_)
            | Key::Fraction(_)
            | Key::Millis
            | Key::Micros
            | Key::Exact
            | Key::Hour24
            | Key::Hour12
            | Key::Julian
            | Key::Minute
            | Key::Offset
            | Key::Quarter
            | Key::SecondOfDay
            | Key::Second
            | Key::ZoneHour
            | Key::ZoneMinute
            | Key::Zone { .. } => None,
        }
    }
}

/// In an order in which no pattern stands before a longer one that it starts.
#[rustfmt::skip]
const KEYWORDS: &[(&str, Key)] = &[
    ("A.D.", Key::Era { upper: true, dotted: true }),
    ("A.M.", Key::Noon { upper: true, dotted: true }),
    ("AD", Key::Era { upper: true, dotted: false }),
    ("AM", Key::Noon { upper: true, dotted: false }),
    ("B.C.", Key::Era { upper: true, dotted: true }),
    ("BC", Key::Era { upper: true, dotted: false }),
    ("CC", Key::Century),
    ("DAY", Key::Day(Case::Upper)),
    ("DDD", Key::DayOfYear),
    ("DD", Key::DayOfMonth),
    ("DY", Key::ShortDay(Case::Upper)),
    ("Day", Key::Day(Case::Title)),
    ("Dy", Key::ShortDay(Case::Title)),
    ("D", Key::DayOfWeek),
    ("FF1", Key::Fraction(1)), ("FF2", Key::Fraction(2)), ("FF3", Key::Fraction(3)),
    ("FF4", Key::Fraction(4)), ("FF5", Key::Fraction(5)), ("FF6", Key::Fraction(6)),
    ("FX", Key::Exact),
    ("HH24", Key::Hour24), ("HH12", Key::Hour12), ("HH", Key::Hour12),
    ("IDDD", Key::IsoDayOfYear), ("ID", Key::IsoDayOfWeek), ("IW", Key::IsoWeek),
    ("IYYY", Key::IsoYear(4)), ("IYY", Key::IsoYear(3)), ("IY", Key::IsoYear(2)), ("I", Key::IsoYear(1)),
    ("J", Key::Julian),
    ("MI", Key::Minute),
    ("MM", Key::MonthNumber),
    ("MONTH", Key::Month(Case::Upper)),
    ("MON", Key::ShortMonth(Case::Upper)),
    ("MS", Key::Millis),
    ("Month", Key::Month(Case::Title)),
    ("Mon", Key::ShortMonth(Case::Title)),
    ("OF", Key::Offset),
    ("P.M.", Key::Noon { upper: true, dotted: true }),
    ("PM", Key::Noon { upper: true, dotted: false }),
    ("Q", Key::Quarter),
    ("RM", Key::Roman { upper: true }),
    ("SSSSS", Key::SecondOfDay), ("SSSS", Key::SecondOfDay), ("SS", Key::Second),
    ("TZH", Key::ZoneHour), ("TZM", Key::ZoneMinute), ("TZ", Key::Zone { upper: true }),
    ("US", Key::Micros),
    ("WW", Key::Week), ("W", Key::WeekOfMonth),
    ("Y,YYY", Key::YearWithComma),
    ("YYYY", Key::Year(4)), ("YYY", Key::Year(3)), ("YY", Key::Year(2)), ("Y", Key::Year(1)),
    ("a.d.", Key::Era { upper: false, dotted: true }),
    ("a.m.", Key::Noon { upper: false, dotted: true }),
    ("ad", Key::Era { upper: false, dotted: false }),
    ("am", Key::Noon { upper: false, dotted: false }),
    ("b.c.", Key::Era { upper: false, dotted: true }),
    ("bc", Key::Era { upper: false, dotted: false }),
    ("cc", Key::Century),
    ("day", Key::Day(Case::Lower)),
    ("ddd", Key::DayOfYear),
    ("dd", Key::DayOfMonth),
    ("dy", Key::ShortDay(Case::Lower)),
    ("d", Key::DayOfWeek),
    ("ff1", Key::Fraction(1)), ("ff2", Key::Fraction(2)), ("ff3", Key::Fraction(3)),
    ("ff4", Key::Fraction(4)), ("ff5", Key::Fraction(5)), ("ff6", Key::Fraction(6)),
    ("fx", Key::Exact),
    ("hh24", Key::Hour24), ("hh12", Key::Hour12), ("hh", Key::Hour12),
    ("iddd", Key::IsoDayOfYear), ("id", Key::IsoDayOfWeek), ("iw", Key::IsoWeek),
    ("iyyy", Key::IsoYear(4)), ("iyy", Key::IsoYear(3)), ("iy", Key::IsoYear(2)), ("i", Key::IsoYear(1)),
    ("j", Key::Julian),
    ("mi", Key::Minute),
    ("mm", Key::MonthNumber),
    ("month", Key::Month(Case::Lower)),
    ("mon", Key::ShortMonth(Case::Lower)),
    ("ms", Key::Millis),
    ("of", Key::Offset),
    ("p.m.", Key::Noon { upper: false, dotted: true }),
    ("pm", Key::Noon { upper: false, dotted: false }),
    ("q", Key::Quarter),
    ("rm", Key::Roman { upper: false }),
    ("sssss", Key::SecondOfDay), ("ssss", Key::SecondOfDay), ("ss", Key::Second),
    ("tzh", Key::ZoneHour), ("tzm", Key::ZoneMinute), ("tz", Key::Zone { upper: false }),
    ("us", Key::Micros),
    ("ww", Key::Week), ("w", Key::WeekOfMonth),
    ("y,yyy", Key::YearWithComma),
    ("yyyy", Key::Year(4)), ("yyy", Key::Year(3)), ("yy", Key::Year(2)), ("y", Key::Year(1)),
];

/// Cuts a template.
pub(super) fn parse(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        // A prefix that no pattern follows is dropped.
        let (mut fill, mut local) = (false, false);
        if let Some(tail) = rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            (fill, rest) = (true, tail);
        } else if let Some(tail) = rest.strip_prefix("TM").or_else(|| rest.strip_prefix("tm")) {
            (local, rest) = (true, tail);
        }
        if let Some((name, key)) = KEYWORDS.iter().find(|(name, _)| rest.starts_with(name)) {
            rest = &rest[name.len()..];
            let mut field =
                Field { key: *key, name, fill, local, ordinal_upper: false, ordinal_lower: false };
            if let Some(tail) = rest.strip_prefix("TH") {
                (field.ordinal_upper, rest) = (true, tail);
            } else if let Some(tail) = rest.strip_prefix("th") {
                (field.ordinal_lower, rest) = (true, tail);
            } else if let Some(tail) = rest.strip_prefix("SP") {
                rest = tail;
            }
            parts.push(Part::Field(field));
        } else if let Some(tail) = rest.strip_prefix('"') {
            rest = quoted(tail, &mut parts);
        } else if !rest.is_empty() {
            // A backslash counts only before a quote.
            if rest.starts_with("\\\"") {
                rest = &rest[1..];
            }
            let (char, tail) = first(rest);
            parts.push(match char.as_bytes() {
                [byte] if byte.is_ascii_punctuation() => Part::Separator(char),
                [b' ' | b'\t'..=b'\r'] => Part::Blank(char),
                _ => Part::Char(char),
            });
            rest = tail;
        }
    }
    parts
}

/// Characters up to the closing quote; a backslash takes the next one as it is. What is behind the quote.
fn quoted<'t>(mut rest: &'t str, parts: &mut Vec<Part<'t>>) -> &'t str {
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('"') {
            return tail;
        }
        if rest.len() > 1 && rest.starts_with('\\') {
            rest = &rest[1..];
        }
        let (char, tail) = first(rest);
        parts.push(Part::Char(char));
        rest = tail;
    }
    rest
}

/// The first character and what is behind it.
pub(super) fn first(text: &str) -> (&str, &str) {
    let length = text.chars().next().map_or(0, char::len_utf8);
    text.split_at(length)
}
