//! The general reader of dates and times: PostgreSQL's `DecodeDateTime` and `DecodeTimeOnly`
//! (`src/backend/utils/adt/datetime.c`), field by field, for `DateStyle = ISO, MDY`.
//!
//! Left out, each with an error: zones by the name of a place, words that ask the clock, and labelled fields other than Julian days.

use super::{
    DAY, TimeError,
    decoder::{DATE, Decoder, Label, RESERVED, TIME, ZONE, zone},
    words::{Kind, MAX_LENGTH, Special, Word, split, word},
};

/// What a text says.
pub(super) enum Decoded {
    Special(Special),
    /// A day of the calendar (unchecked against the range of dates), microseconds since its midnight, and seconds east of UTC.
    Moment {
        year: i32,
        month: u32,
        day: u32,
        micros: i64,
        zone: Option<i32>,
    },
}

/// Reads a date with or without a time and a zone.
pub(super) fn decode(text: &[u8]) -> Result<Decoded, TimeError> {
    let fields = split(text, MAX_LENGTH)?;
    let mut decoder = Decoder::default();
    let mut special = None;
    for (index, field) in fields.iter().enumerate() {
        let text = field.text.as_slice();
        let before = decoder.seen;
        let added = match field.kind {
            Kind::Date => decoder.date_field(text)?,
            Kind::Time => {
                if decoder.label.take().is_some_and(|label| label != Label::Time) {
                    return Err(TimeError::Syntax);
                }
                let added = decoder.time(text)?;
                if decoder.overflows() {
                    return Err(TimeError::Field);
                }
                added
            }
            Kind::Zone => {
                decoder.zone = Some(zone(text)?);
                ZONE
            }
            Kind::Number => decoder.number_field(text)?,
            Kind::Word | Kind::SignedWord => match word(text) {
                Word::Special(which) => {
                    special = Some(which);
                    RESERVED
                }
                Word::IsoTime => {
                    let next = fields.get(index + 1).map(|next| next.kind);
                    if before & DATE != DATE || !matches!(next, Some(Kind::Date | Kind::Time | Kind::Number))
                    {
                        return Err(TimeError::Syntax);
                    }
                    decoder.label = Some(Label::Time);
                    0
                }
                other => decoder.word(other, text)?,
            },
        };
        if added & before != 0 {
            return Err(TimeError::Syntax);
        }
        decoder.seen = before | added;
    }
    if decoder.label.is_some() {
        return Err(TimeError::Syntax);
    }
    decoder.validate()?;
    if let Some(special) = special {
        return Ok(Decoded::Special(special));
    }
    if decoder.seen & DATE != DATE {
        return Err(TimeError::Syntax);
    }
    let micros = decoder.micros_of_day();
    Ok(Decoded::Moment {
        year: decoder.year,
        month: decoder.month as u32,
        day: decoder.day as u32,
        micros,
        zone: decoder.zone,
    })
}

/// Reads a time of day; a date and a zone may stand with it and do not count.
pub(super) fn decode_time(text: &[u8]) -> Result<i64, TimeError> {
    let fields = split(text, MAX_LENGTH)?;
    let mut decoder = Decoder::default();
    let last_is_date = fields.last().is_some_and(|field| field.kind == Kind::Date);
    let time_second = fields.get(1).is_some_and(|field| field.kind == Kind::Time);
    for (index, field) in fields.iter().enumerate() {
        let text = field.text.as_slice();
        let before = decoder.seen;
        let leads = index == 0 && fields.len() >= 2;
        let added = match field.kind {
            Kind::Date if leads && (last_is_date || time_second) => decoder.date(text)?,
            Kind::Date => {
                if !text[0].is_ascii_digit() {
                    return Err(TimeError::ZoneName(String::from_utf8_lossy(text).into_owned()));
                }
                if before & TIME != 0 {
                    return Err(TimeError::Syntax);
                }
                decoder.label = None;
                decoder.time_with_zone(text)?
            }
            Kind::Time => {
                decoder.label = None;
                decoder.time(text)?
            }
            Kind::Zone => {
                decoder.zone = Some(zone(text)?);
                ZONE
            }
            Kind::Number => {
                if decoder.label.take() == Some(Label::Julian) {
                    return Err(TimeError::Syntax);
                }
                let whole = text.iter().position(|b| *b == b'.');
                match whole {
                    Some(_) if leads && last_is_date => decoder.date(text)?,
                    Some(whole) if whole > 2 => decoder.run_together(text, before | DATE)?,
                    Some(_) => return Err(TimeError::Syntax),
                    None => decoder.run_together(text, before | DATE)?,
                }
            }
            Kind::Word | Kind::SignedWord => match word(text) {
                Word::Special(_) | Word::Month(_) | Word::Weekday => return Err(TimeError::Syntax),
                Word::IsoTime => {
                    let next = fields.get(index + 1).map(|next| next.kind);
                    if !matches!(next, Some(Kind::Date | Kind::Time | Kind::Number)) {
                        return Err(TimeError::Syntax);
                    }
                    decoder.label = Some(Label::Time);
                    0
                }
                other => decoder.word(other, text)?,
            },
        };
        if added & before != 0 {
            return Err(TimeError::Syntax);
        }
        decoder.seen = before | added;
    }
    if decoder.label.is_some() {
        return Err(TimeError::Syntax);
    }
    decoder.validate()?;
    let micros = decoder.micros_of_day();
    if decoder.minute > 59 || decoder.second > 60 || !(0..=DAY).contains(&micros) {
        return Err(TimeError::Field);
    }
    if decoder.seen & TIME == 0 {
        return Err(TimeError::Syntax);
    }
    Ok(micros)
}
