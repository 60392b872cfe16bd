//! Equality, order and containment of `jsonb`. Source: `compareJsonbContainers` and `JsonbDeepContains` in `jsonb_util.c`.
//!
//! The texts are normal ones: keys in order and once, numbers as `numeric` prints them, at most [`json::MAX_DEPTH`] deep, so that
//! recursion ends.

use std::{borrow::Cow, cmp::Ordering};

use super::{Json, Kind, RawString};

/// `jsonb`'s order of two normal texts.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Json::new(a), Json::new(b));
    match (a.kind(), b.kind()) {
        // A scalar at the top is held as an array of one element: the number of elements counts first.
        (Kind::Array, other) if other < Kind::Array => scalar_below(a).reverse(),
        (other, Kind::Array) if other < Kind::Array => scalar_below(b),
        _ => compare_values(a, b),
    }
}

/// How a scalar compares with an array.
fn scalar_below(array: Json<'_>) -> Ordering {
    if array.elements().next().is_none() { Ordering::Greater } else { Ordering::Less }
}

fn compare_values(a: Json<'_>, b: Json<'_>) -> Ordering {
    let (kind, other) = (a.kind(), b.kind());
    if kind != other {
        return kind.cmp(&other);
    }
    match kind {
        Kind::Null => Ordering::Equal,
        // "false" < "true".
        Kind::Boolean => a.text.cmp(b.text),
        Kind::Number => compare_numbers(a.text, b.text),
        Kind::String => match (a.string(), b.string()) {
            (Some(a), Some(b)) => compare_strings(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        },
        Kind::Array => a.count().cmp(&b.count()).then_with(|| {
            let pairs = a.elements().zip(b.elements());
            first_difference(pairs.map(|(a, b)| compare_values(a, b)))
        }),
        Kind::Object => a.count().cmp(&b.count()).then_with(|| {
            let pairs = a.members().zip(b.members());
            first_difference(pairs.map(|((key, value), (other_key, other))| {
                compare_strings(key, other_key).then_with(|| compare_values(value, other))
            }))
        }),
    }
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Bytewise (collation "C"), escapes resolved.
fn compare_strings(a: RawString<'_>, b: RawString<'_>) -> Ordering {
    if a.0.contains('\\') || b.0.contains('\\') {
        a.text().as_bytes().cmp(b.text().as_bytes())
    } else {
        a.0.as_bytes().cmp(b.0.as_bytes())
    }
}

/// The order in which `jsonb` keeps keys: shorter ones first, then by bytes.
pub(super) fn key_order(a: RawString<'_>, b: RawString<'_>) -> Ordering {
    if a.0.contains('\\') || b.0.contains('\\') {
        let (a, b) = (a.text(), b.text());
        a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
    } else {
        a.0.len().cmp(&b.0.len()).then_with(|| a.0.as_bytes().cmp(b.0.as_bytes()))
    }
}

/// Compares two numbers as `numeric` prints them, of any number of digits.
pub(super) fn compare_numbers(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (negative, other_negative) = (a.starts_with('-'), b.starts_with('-'));
    match (negative, other_negative) {
        (false, false) => compare_magnitudes(a, b),
        (true, true) => compare_magnitudes(&b[1..], &a[1..]),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

fn compare_magnitudes(a: &str, b: &str) -> Ordering {
    let split = |text: &'_ str| -> (usize, usize) {
        let point = text.find('.').unwrap_or(text.len());
        (point, (point + 1).min(text.len()))
    };
    let ((a_point, a_rest), (b_point, b_rest)) = (split(a), split(b));
    let (whole, other_whole) = (&a[..a_point], &b[..b_point]);
    // There are no leading zeros, so a longer whole part is a greater one.
    whole
        .len()
        .cmp(&other_whole.len())
        .then_with(|| whole.cmp(other_whole))
        .then_with(|| a[a_rest..].trim_end_matches('0').cmp(b[b_rest..].trim_end_matches('0')))
}

/// The text that all equal values share: numbers without trailing zeros behind the point. Borrowed where the text is that already.
pub(crate) fn canonical(text: &str) -> Cow<'_, str> {
    if !text.contains('.') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    // What is copied so far ends here.
    let mut copied = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = super::reader::string_end(bytes, at),
            b'.' => {
                let start = at;
                at += 1;
                let mut keep = start;
                while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
                    at += 1;
                    if *digit != b'0' {
                        keep = at;
                    }
                }
                if keep < at {
                    out.get_or_insert_default().push_str(&text[copied..keep]);
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    match out {
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    }
}

/// `left @> right`.
pub(super) fn contains(left: Json<'_>, right: Json<'_>) -> bool {
    match (left.kind(), right.kind()) {
        (Kind::Object, Kind::Object) => object_contains(left, right),
        (Kind::Object, _) | (_, Kind::Object) => false,
        (Kind::Array, Kind::Array) => array_contains(left, right),
        // An array holds a scalar, as an exception a top one; a scalar holds no array.
        (Kind::Array, _) => left.elements().any(|element| equal_scalars(element, right)),
        (_, Kind::Array) => false,
        _ => equal_scalars(left, right),
    }
}

fn object_contains(left: Json<'_>, right: Json<'_>) -> bool {
    right.members().all(|(key, wanted)| {
        let found = left.members().find(|(name, _)| key_order(*name, key).is_eq());
        found.is_some_and(|(_, value)| value_contains(value, wanted))
    })
}

fn array_contains(left: Json<'_>, right: Json<'_>) -> bool {
    right.elements().all(|wanted| left.elements().any(|element| value_contains(element, wanted)))
}

/// Containment below the top, where the kinds must agree.
fn value_contains(value: Json<'_>, wanted: Json<'_>) -> bool {
    match (value.kind(), wanted.kind()) {
        (Kind::Object, Kind::Object) => object_contains(value, wanted),
        (Kind::Array, Kind::Array) => array_contains(value, wanted),
        _ => equal_scalars(value, wanted),
    }
}

fn equal_scalars(a: Json<'_>, b: Json<'_>) -> bool {
    a.is_scalar() && b.is_scalar() && compare_values(a, b).is_eq()
}

/// `jsonb ? text`: a key, an element that is that string, or that string itself.
pub(super) fn has_key(json: Json<'_>, key: &str) -> bool {
    match json.kind() {
        Kind::Object => json.member(key).is_some(),
        Kind::Array => json.elements().any(|element| element.string().is_some_and(|string| string.is(key))),
        Kind::String => json.string().is_some_and(|string| string.is(key)),
        Kind::Null | Kind::Number | Kind::Boolean => false,
    }
}
