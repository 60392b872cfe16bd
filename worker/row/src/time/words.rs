//! The words of dates and times: cutting a text into fields (PostgreSQL's `ParseDateTime`), and what each word means.

use super::{TimeError, abbreviations};

/// What the shape of a field says before it is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Date,
    Time,
    Zone,
    Number,
    Word,
    SignedWord,
}

/// A part of the text, in lower case.
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) text: Vec<u8>,
}

/// More fields than this are no date (PostgreSQL's `MAXDATEFIELDS`).
pub(super) const MAX_FIELDS: usize = 25;
/// Longer texts are no date (PostgreSQL's `MAXDATELEN` with its fields' terminators).
pub(super) const MAX_LENGTH: usize = 128 + MAX_FIELDS;
/// Longer texts are no interval (`workbuf` of `interval_in`).
pub(super) const MAX_INTERVAL_LENGTH: usize = 256;

/// Cuts a text into fields, which with a terminator each have at most `most` characters.
pub(super) fn split(text: &[u8], most: usize) -> Result<Vec<Field>, TimeError> {
    let mut fields: Vec<Field> = Vec::new();
    let mut at = 0;
    let peek = |at: usize| text.get(at).copied().unwrap_or(0);
    let mut length = 0;
    while at < text.len() {
        let start = at;
        let first = text[at];
        let take = |at: &mut usize, want: &dyn Fn(u8) -> bool| {
            while *at < text.len() && want(text[*at]) {
                *at += 1;
            }
        };
        let kind = match first {
            b' ' | b'\t'..=b'\r' => {
                at += 1;
                continue;
            }
            b'0'..=b'9' => {
                take(&mut at, &|b| b.is_ascii_digit());
                match peek(at) {
                    b':' => {
                        take(&mut at, &|b| b.is_ascii_digit() || b == b':' || b == b'.');
                        Kind::Time
                    }
                    separator @ (b'-' | b'/' | b'.') => {
                        at += 1;
                        if peek(at).is_ascii_digit() {
                            take(&mut at, &|b| b.is_ascii_digit());
                            if peek(at) == separator {
                                take(&mut at, &|b| b.is_ascii_digit() || b == separator);
                                Kind::Date
                            } else if separator == b'.' {
                                Kind::Number
                            } else {
                                Kind::Date
                            }
                        } else {
                            take(&mut at, &|b| b.is_ascii_alphanumeric() || b == separator);
                            Kind::Date
                        }
                    }
                    _ => Kind::Number,
                }
            }
            b'.' => {
                at += 1;
                take(&mut at, &|b| b.is_ascii_digit());
                Kind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                take(&mut at, &|b| b.is_ascii_alphabetic());
                let next = peek(at);
                let dated = match next {
                    b'-' | b'/' | b'.' => true,
                    // A zone with a sign or digits behind it is the name of another zone.
                    b'+' | b'0'..=b'9' => {
                        matches!(word(&text[start..at].to_ascii_lowercase()), Word::Unknown | Word::Zone(_))
                    }
                    _ => false,
                };
                if dated {
                    take(&mut at, &|b| {
                        matches!(b, b'+' | b'-' | b'/' | b'_' | b'.' | b':') || b.is_ascii_alphanumeric()
                    });
                    Kind::Date
                } else {
                    Kind::Word
                }
            }
            b'+' | b'-' => {
                at += 1;
                take(&mut at, &|b| matches!(b, b' ' | b'\t'..=b'\r'));
                match peek(at) {
                    b'0'..=b'9' => {
                        take(&mut at, &|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-'));
                        Kind::Zone
                    }
                    b'a'..=b'z' | b'A'..=b'Z' => {
                        take(&mut at, &|b| b.is_ascii_alphabetic());
                        Kind::SignedWord
                    }
                    _ => return Err(TimeError::Syntax),
                }
            }
            other if other.is_ascii_punctuation() => {
                at += 1;
                continue;
            }
            _ => return Err(TimeError::Syntax),
        };
        let mut field = text[start..at].to_ascii_lowercase();
        if matches!(kind, Kind::Zone | Kind::SignedWord) {
            field.retain(|b| !b.is_ascii_whitespace() && *b != 0x0b);
        }
        length += field.len() + 1;
        if fields.len() >= MAX_FIELDS || length > most {
            return Err(TimeError::Syntax);
        }
        fields.push(Field { kind, text: field });
    }
    Ok(fields)
}

/// Values that are words.
#[derive(Clone, Copy)]
pub(super) enum Special {
    Infinity,
    NegativeInfinity,
    Epoch,
}

/// What a word means.
pub(super) enum Word {
    Month(u32),
    Weekday,
    Meridiem {
        pm: bool,
    },
    Era {
        bc: bool,
    },
    /// Seconds east of UTC.
    Zone(i32),
    Special(Special),
    Julian,
    IsoTime,
    AllBalls,
    Ignored,
    Clock,
    /// Of a field, as in `y2024`: known, and refused.
    Label,
    Unknown,
}

pub(super) fn word(text: &[u8]) -> Word {
    match text {
        b"jan" | b"january" => Word::Month(1),
        b"feb" | b"february" => Word::Month(2),
        b"mar" | b"march" => Word::Month(3),
        b"apr" | b"april" => Word::Month(4),
        b"may" => Word::Month(5),
        b"jun" | b"june" => Word::Month(6),
        b"jul" | b"july" => Word::Month(7),
        b"aug" | b"august" => Word::Month(8),
        b"sep" | b"sept" | b"september" => Word::Month(9),
        b"oct" | b"october" => Word::Month(10),
        b"nov" | b"november" => Word::Month(11),
        b"dec" | b"december" => Word::Month(12),
        b"sun" | b"sunday" | b"mon" | b"monday" | b"tue" | b"tues" | b"tuesday" | b"wed" | b"weds"
        | b"wednesday" | b"thu" | b"thur" | b"thurs" | b"thursday" | b"fri" | b"friday" | b"sat"
        | b"saturday" => Word::Weekday,
        b"am" => Word::Meridiem { pm: false },
        b"pm" => Word::Meridiem { pm: true },
        b"ad" => Word::Era { bc: false },
        b"bc" => Word::Era { bc: true },
        b"infinity" => Word::Special(Special::Infinity),
        b"-infinity" => Word::Special(Special::NegativeInfinity),
        b"epoch" => Word::Special(Special::Epoch),
        b"j" | b"jd" | b"julian" => Word::Julian,
        b"t" => Word::IsoTime,
        b"allballs" => Word::AllBalls,
        b"at" | b"on" => Word::Ignored,
        b"d" | b"dow" | b"doy" | b"dst" | b"h" | b"isodow" | b"isoyear" | b"m" | b"mm" | b"s" | b"y" => {
            Word::Label
        }
        b"now" | b"today" | b"tomorrow" | b"yesterday" => Word::Clock,
        other => abbreviations::offset(other).map_or(Word::Unknown, Word::Zone),
    }
}
