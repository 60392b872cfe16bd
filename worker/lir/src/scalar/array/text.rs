//! Arrays out of texts and back. Source: `array_to_text_internal` and `split_text` in `varlena.c`.

use offtake_row::{ArrayBuilder, Datum, Type, text};

use crate::arena::Arena;

/// The elements' texts with a separator between them. NULLs are passed over, or shown as `null`.
pub(super) fn join<'a>(
    element: Type,
    array: Datum<'a>,
    separator: Datum<'a>,
    null: Option<Datum<'a>>,
    arena: &'a Arena,
) -> Datum<'a> {
    let (Datum::Array(array), Datum::Text(separator)) = (array, separator) else { return Datum::Null };
    let (mut joined, mut first) = (String::new(), true);
    for datum in array {
        let shown = match (datum, null) {
            (Datum::Null, Some(Datum::Text(null))) => Some(null),
            (Datum::Null, _) => continue,
            _ => None,
        };
        if !first {
            joined.push_str(separator);
        }
        first = false;
        match shown {
            Some(null) => joined.push_str(null),
            None => text::write(element, datum, &mut joined),
        }
    }
    Datum::Text(arena.text(&joined))
}

/// The parts of a text between separators, without one its characters. A part that is `null` becomes NULL.
pub(super) fn split<'a>(
    text: Datum<'a>,
    separator: Datum<'a>,
    null: Option<Datum<'a>>,
    arena: &'a Arena,
) -> Datum<'a> {
    let Datum::Text(text) = text else { return Datum::Null };
    let mut parts = ArrayBuilder::new();
    each_part(text, separator, &mut |part| {
        let is_null = null == Some(Datum::Text(part));
        parts.push(if is_null { Datum::Null } else { Datum::Text(part) });
    });
    Datum::Array(arena.array(parts.finish()))
}

/// Calls `f` for the parts of a text between separators; without one (NULL) for its characters.
pub(crate) fn each_part(text: &str, separator: Datum<'_>, f: &mut dyn FnMut(&str)) {
    match separator {
        _ if text.is_empty() => {}
        Datum::Text("") => f(text),
        Datum::Text(separator) => text.split(separator).for_each(f),
        _ => {
            let mut rest = text;
            while let Some(char) = rest.chars().next() {
                let (part, tail) = rest.split_at(char.len_utf8());
                f(part);
                rest = tail;
            }
        }
    }
}
